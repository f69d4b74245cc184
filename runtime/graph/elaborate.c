/*
 * Elaboration: the interpreter of flow code.
 *
 * The code was verified when it was loaded (code_verify.c), so that only values are checked here:
 * indexes, extents, limits. Errors get their place from the instruction that failed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "graph/arguments.h"
#include "graph/machine.h"
#include "value/semantics.h"

#define DEFAULT_MAX_TASKS UINT64_C(10000000)
#define DEFAULT_MAX_STEPS UINT64_C(1000000000)
enum { MOST_FRAMES = 100000, MOST_REGISTERS = 1 << 26 };
/* Instructions between polls; the second when the limit of steps comes near. Primes, so that polls
 * meet loops at all their places. */
enum { POLL_PERIOD = 65521, WATCH_PERIOD = 1021 };
#define HEAP_LIMIT (UINT64_C(2) << 30)

/* ---- Places and limits ------------------------------------------------------------------------
 */

struct place machine_place(const struct machine *m, uint32_t site)
{
    const struct flow_site_record *record = &m->code->sites[site];
    return (struct place){m->code->strings + record->file, record->line, record->column,
                          record->length};
}

uint32_t machine_site(struct machine *m, uint32_t site)
{
    if (m->sites[site] == NO_SITE) {
        struct place place = machine_place(m, site);
        m->sites[site] = dag_add_site(m->builder, &place);
    }
    return m->sites[site];
}

/* The smallest loop of jumps around the word `at` of a function that is larger than `inner`: an
 * edge back from behind it to a block at or before it. Its function is NULL if there is none. */
static struct running_loop enclosing_loop(const struct flow_function *function, uint32_t at,
                                          uint32_t inner)
{
    struct running_loop found = {.end = UINT32_MAX};
    for (uint32_t i = 0; i < function->word_count; i += function->code[i] >> FLOW_OPCODE_BITS) {
        const uint32_t *pc = function->code + i;
        bool is_jump = (pc[0] & 0xFF) == FLOW_JUMP, is_branch = (pc[0] & 0xFF) == FLOW_BRANCH;
        if (i < at || (!is_jump && !is_branch))
            continue;
        uint32_t first = is_jump ? pc[2] : pc[4], second = is_jump ? first : pc[4 + pc[2]];
        uint32_t target = first < second ? first : second;
        if (target <= at && i - target > inner && i - target < found.end - found.begin)
            found = (struct running_loop){
                .function = function, .begin = target, .end = i, .site = pc[1]};
    }
    return found;
}

/* The innermost loop that runs: jumps, comprehensions and reductions, from the top frame down. What
 * lies within `inner` does not count. */
static struct running_loop find_running_loop(const struct machine *m,
                                             const struct running_loop *inner)
{
    struct running_loop found = {0};
    size_t loops = m->loops.count;
    for (size_t i = m->frames.count; i-- > 0 && !found.function;) {
        const struct frame *f = &m->frames.items[i];
        uint32_t at = (uint32_t)(f->pc - f->function->code);
        bool is_inner = inner->function && i == inner->frame;
        while (loops > 0 && m->loops.items[loops - 1].frame > i)
            loops--;
        if (inner->function && i > inner->frame)
            continue;
        if (loops > 0 && m->loops.items[loops - 1].frame == i && !is_inner)
            found = (struct running_loop){
                .function = f->function, .begin = at, .end = at, .site = f->pc[1]};
        else
            found = enclosing_loop(f->function, at, is_inner ? inner->end - inner->begin : 0);
        found.frame = i;
    }
    return found;
}

static bool still_runs(const struct machine *m, const struct running_loop *loop)
{
    if (!loop->function || loop->frame >= m->frames.count)
        return false;
    const struct frame *f = &m->frames.items[loop->frame];
    uint32_t at = (uint32_t)(f->pc - f->function->code);
    return f->function == loop->function && at >= loop->begin && at <= loop->end;
}

/* Of nested loops the one that does not end is the innermost that is never seen left. */
static void watch_loop(struct machine *m)
{
    if (!still_runs(m, &m->suspect))
        m->suspect = find_running_loop(m, &m->suspect);
}

/* A function that is under way many times is recursive, and a likelier mistake than a loop in it.
 */
enum { RECURSIVE_FRAMES = 256 };

static const struct flow_function *recursive_function(const struct machine *m)
{
    const struct flow_function *function = NULL;
    for (size_t i = m->frames.count; i-- > 0 && !function;)
        if (m->frames.items[i].function->is_flow)
            function = m->frames.items[i].function;
    size_t frames = 0;
    for (size_t i = 0; i < m->frames.count; i++)
        frames += m->frames.items[i].function == function;
    return frames >= RECURSIVE_FRAMES ? function : NULL;
}

static const char *flow_around(const struct machine *m, size_t frame)
{
    while (frame > 0 && !m->frames.items[frame].function->is_flow)
        frame--;
    return m->frames.items[frame].function->title;
}

int machine_limit(struct machine *m, enum error_code code, const char *what)
{
    uint64_t limit = code == ERR_task_limit ? m->max_tasks : m->max_steps;
    const struct flow_function *recursive = recursive_function(m);
    struct running_loop loop = m->suspect;
    if (!still_runs(m, &loop))
        loop = find_running_loop(m, &loop);
    if (recursive) {
        error_set(m->error, code,
                  "the graph needs more than %" PRIu64 " %s: flow '%s' calls itself "
                  "again and again",
                  limit, what, recursive->title);
        m->error->place = machine_place(m, recursive->site);
    } else if (loop.function) {
        error_set(m->error, code,
                  "the graph needs more than %" PRIu64 " %s: this loop in flow '%s' "
                  "goes on",
                  limit, what, flow_around(m, loop.frame));
        m->error->place = machine_place(m, loop.site);
    } else {
        error_set(m->error, code, "the graph needs more than %" PRIu64 " %s", limit, what);
    }
    return code;
}

/* Now and then: the limit of steps, and whether the user wants to stop. Leaves the count exact. */
static int poll(struct machine *m)
{
    m->steps += m->period + m->heap.moves;
    m->heap.moves = 0;
    if (m->stop && atomic_load_explicit(m->stop, memory_order_relaxed))
        return error_set(m->error, ERR_interrupted, "building the graph was stopped");
    if (m->steps >= m->max_steps)
        return machine_limit(m, ERR_step_limit, "steps");
    uint64_t left = m->max_steps - m->steps, watched = m->max_steps / 4;
    uint64_t period = POLL_PERIOD;
    if (left <= watched) {
        watch_loop(m);
        period = WATCH_PERIOD;
    } else if (left - watched < period) {
        period = left - watched;
    }
    m->period = m->countdown = left < period ? left : period;
    return 0;
}

/* ---- Frames -----------------------------------------------------------------------------------
 */

static int too_deep(struct machine *m, const struct flow_function *function)
{
    error_set(m->error, ERR_flow_recursion, "flow '%s' is called more than %d deep",
              function->title, MOST_FRAMES);
    m->error->place = machine_place(m, function->site);
    return ERR_flow_recursion;
}

static uint32_t enter_scope(struct machine *m, uint32_t function, uint32_t site)
{
    const struct flow_function *f = &m->code->functions[function];
    uint32_t parent = m->frames.count ? top_frame(m)->scope : 0;
    if (!f->is_flow || m->frames.count == 0)
        return parent;
    if (m->function_names[function] == NO_SITE)
        m->function_names[function] = dag_add_string(m->builder, f->title);
    return dag_add_scope(m->builder, m->function_names[function], parent, machine_site(m, site));
}

int machine_enter(struct machine *m, uint32_t function, uint32_t site)
{
    const struct flow_function *f = &m->code->functions[function];
    size_t base = m->registers.count;
    if (m->frames.count >= MOST_FRAMES || base + f->registers > MOST_REGISTERS)
        return too_deep(m, f);
    uint32_t scope = enter_scope(m, function, site);
    vector_reserve(&m->registers, f->registers);
    if (f->registers > f->word_registers)
        memset(m->registers.items + base + f->word_registers, 0,
               (f->registers - f->word_registers) * sizeof(uint64_t));
    m->registers.count += f->registers;
    vector_push(&m->frames, (struct frame){f, f->code, base, scope});
    return 0;
}

/* The first block names the parameters' registers. */
void machine_set_parameter(struct machine *m, uint32_t index, uint64_t word)
{
    const struct frame *frame = top_frame(m);
    m->registers.items[frame->base + frame->function->code[2 + 2 * index]] = word;
}

/* Leaves the function's values in m->results. */
static void leave(struct machine *m, const uint32_t *values)
{
    struct frame *frame = top_frame(m);
    const struct flow_function *function = frame->function;
    uint64_t *r = frame_registers(m, frame);
    for (uint32_t i = 0; i < function->result_count; i++)
        m->results[i] = operand_value(function, r, values[i]);
    for (uint32_t i = function->word_registers; i < function->registers; i++)
        structure_release(&m->heap, structure_at(r[i]));
    m->registers.count = frame->base;
    m->frames.count--;
}

/* site, function, result count, (to, type)..., arguments... */
static int apply(struct machine *m, const uint32_t *pc)
{
    size_t caller = m->frames.count - 1;
    const uint32_t *arguments = pc + 4 + 2 * pc[3];
    m->frames.items[caller].pc = pc;
    int code = machine_enter(m, pc[2], pc[1]);
    if (code)
        return code;
    const struct frame *frame = &m->frames.items[caller];
    uint64_t *r = frame_registers(m, frame);
    for (uint32_t i = 0; i < top_frame(m)->function->parameter_count; i++)
        machine_set_parameter(m, i, operand_value(frame->function, r, arguments[i]));
    return 0;
}

/* The callee of the instruction at which the top frame stands has returned. */
static int resume(struct machine *m)
{
    struct frame *frame = top_frame(m);
    const uint32_t *pc = frame->pc;
    if ((pc[0] & 0xFF) == FLOW_EACH)
        return each_next(m);
    if ((pc[0] & 0xFF) == FLOW_REDUCE)
        return reduce_next(m);
    uint64_t *r = frame_registers(m, frame);
    for (uint32_t i = 0; i < pc[3]; i++)
        register_set(m, frame->function, r, pc[4 + 2 * i], m->results[i]);
    frame->pc += pc[0] >> FLOW_OPCODE_BITS;
    return 0;
}

/* ---- Control ----------------------------------------------------------------------------------
 */

/* Follows an edge: target, argument count, drop count, arguments..., drops... All arguments are
 * read before the first parameter is written. Gives the next instruction. */
static const uint32_t *follow(struct machine *m, const struct flow_function *function, uint64_t *r,
                              const uint32_t *edge)
{
    enum { FEW = 16 };
    const uint32_t *block = function->code + edge[0], *arguments = edge + FLOW_EDGE_WORDS;
    uint32_t count = edge[1];
    uint64_t few[FEW], *values = count <= FEW ? few : memory_resize(NULL, count, sizeof *values);
    for (uint32_t i = 0; i < count; i++)
        values[i] = operand_value(function, r, arguments[i]);
    for (uint32_t i = 0; i < edge[2]; i++)
        register_set_structure(m, r, arguments[count + i], NULL);
    for (uint32_t i = 0; i < count; i++)
        register_set(m, function, r, block[2 + 2 * i], values[i]);
    if (values != few)
        free(values);
    return block + (block[0] >> FLOW_OPCODE_BITS);
}

/* i64 arithmetic is what loops and indexes need: the same as semantics_evaluate, without the call.
 */
static inline bool evaluate_int(uint32_t operation, uint64_t a, uint64_t b, uint64_t *result)
{
    switch (operation) {
    case OPERATION_ADD:
        *result = a + b;
        return true;
    case OPERATION_SUB:
        *result = a - b;
        return true;
    case OPERATION_MUL:
        *result = a * b;
        return true;
    case OPERATION_EQ:
        *result = a == b;
        return true;
    case OPERATION_NE:
        *result = a != b;
        return true;
    case OPERATION_LT:
        *result = (int64_t)a < (int64_t)b;
        return true;
    case OPERATION_LE:
        *result = (int64_t)a <= (int64_t)b;
        return true;
    }
    return false;
}

/* site, to, type, operation, scalar, operands... */
static int evaluate(struct machine *m, const uint32_t *pc, uint64_t *r)
{
    enum operation operation = (enum operation)pc[4];
    enum wk_scalar scalar = (enum wk_scalar)pc[5];
    uint64_t operands[3] = {0};
    uint32_t count = (pc[0] >> FLOW_OPCODE_BITS) - 6;
    for (uint32_t i = 0; i < count; i++)
        operands[i] = r[operand_register(pc[6 + i])];
    if (scalar == WK_I64 && count == 2 &&
        evaluate_int(operation, operands[0], operands[1], &r[pc[2]]))
        return 0;
    return semantics_evaluate(operation, scalar, operands, &r[pc[2]], m->error);
}

/* CHECK: site, code, format, types, condition, values...; FAIL: site, format, types, values... */
static int check(struct machine *m, const uint32_t *pc, const uint64_t *r)
{
    if (r[operand_register(pc[5])])
        return 0;
    enum error_code code = error_code_parse(m->code->strings + pc[2]);
    return execute_message(m, code, pc + 3, pc + 6, r);
}

/* One instruction of the top frame, which it leaves at the next. Those that jump, call or return
 * set the frame's place themselves. */
static int step(struct machine *m)
{
    struct frame *frame = top_frame(m);
    const uint32_t *pc = frame->pc;
    uint64_t *r = frame_registers(m, frame);
    int code = 0;
    switch ((enum flow_opcode)(pc[0] & 0xFF)) {
    case FLOW_BLOCK:
        break;
    case FLOW_CONSTANT:
        r[pc[2]] = m->code->types[pc[3]].is_text ? text_literal(pc[4], pc[5])
                                                 : pc[4] | (uint64_t)pc[5] << 32;
        break;
    case FLOW_TEXT_CONCAT:
        code = execute_text_concat(m, pc, r);
        break;
    case FLOW_TEXT_COMPARE:
        code = execute_text_compare(m, pc, r);
        break;
    case FLOW_TEXT_SLICE:
        code = execute_text_slice(m, pc, r);
        break;
    case FLOW_TEXT_PRINT:
        code = execute_text_print(m, pc, r);
        break;
    case FLOW_TEXT_LENGTH:
        code = execute_text_length(m, pc, r);
        break;
    case FLOW_OPERATION:
        code = evaluate(m, pc, r);
        break;
    case FLOW_CONVERT:
        code = semantics_convert((enum wk_scalar)pc[4], (enum wk_scalar)pc[3],
                                 r[operand_register(pc[5])], &r[pc[2]], m->error);
        break;
    case FLOW_COUNT:
        code = execute_count(m, pc, r);
        break;
    case FLOW_STRUCTURE:
        code = execute_structure(m, pc, r);
        break;
    case FLOW_FILL:
        code = execute_fill(m, pc, r);
        break;
    case FLOW_RANGE:
        code = execute_range(m, pc, r);
        break;
    case FLOW_GET:
        code = execute_get(m, pc, r);
        break;
    case FLOW_SET:
        code = execute_set(m, pc, r);
        break;
    case FLOW_SLICE:
        code = execute_slice(m, pc, r);
        break;
    case FLOW_SET_SLICE:
        code = execute_set_slice(m, pc, r);
        break;
    case FLOW_CONCAT:
        code = execute_concat(m, pc, r);
        break;
    case FLOW_CONCAT_ALL:
        code = execute_concat_all(m, pc, r);
        break;
    case FLOW_FLATTEN:
        code = execute_flatten(m, pc, r);
        break;
    case FLOW_TRANSPOSE:
        code = execute_transpose(m, pc, r);
        break;
    case FLOW_FIND:
        code = execute_find(m, pc, r);
        break;
    case FLOW_EXTENT:
        code = execute_extent(m, pc, r);
        break;
    case FLOW_VIEW:
        code = execute_view(m, pc, r);
        break;
    case FLOW_ELEMENTS:
        code = execute_elements(m, pc, r);
        break;
    case FLOW_TILES:
        code = execute_tiles(m, pc, r);
        break;
    case FLOW_LIFT:
        code = execute_lift(m, pc, r);
        break;
    case FLOW_CONTENTS:
        code = execute_contents(m, pc, r);
        break;
    case FLOW_CALL:
        code = execute_call(m, pc, r, false);
        break;
    case FLOW_SHARED_CALL:
        code = execute_call(m, pc, r, true);
        break;
    case FLOW_CHECK:
        code = check(m, pc, r);
        break;
    case FLOW_FAIL:
        code = execute_message(m, ERR_flow_failed, pc + 2, pc + 4, r);
        break;
    case FLOW_APPLY:
        return apply(m, pc);
    case FLOW_EACH:
        return each_begin(m, pc, r);
    case FLOW_REDUCE:
        return reduce_begin(m, pc, r);
    case FLOW_JUMP:
        frame->pc = follow(m, frame->function, r, pc + 2);
        return 0;
    case FLOW_BRANCH:
        frame->pc =
            follow(m, frame->function, r, r[operand_register(pc[3])] ? pc + 4 : pc + 4 + pc[2]);
        return 0;
    case FLOW_RETURN:
        leave(m, pc + 1);
        return m->frames.count ? resume(m) : 0;
    case FLOW_OPCODE_COUNT:
        bug("the instruction %u", pc[0]);
    }
    if (!code)
        frame->pc = pc + (pc[0] >> FLOW_OPCODE_BITS);
    return code;
}

/* Runs until the frame at the bottom returns. */
static int run(struct machine *m)
{
    while (m->frames.count) {
        int code = m->countdown == 0 ? poll(m) : 0;
        if (code)
            return code;
        m->countdown--;
        code = step(m);
        if (code && m->error->place.line == 0 && m->frames.count)
            m->error->place = machine_place(m, top_frame(m)->pc[1]);
        if (code)
            return code;
    }
    return 0;
}

/* ---- The whole --------------------------------------------------------------------------------
 */

static void fill_words(uint32_t *words, uint32_t count, uint32_t word)
{
    for (uint32_t i = 0; i < count; i++)
        words[i] = word;
}

static void begin(struct machine *m, const struct flow_code *code,
                  const struct elaborate_options *options, struct error *error)
{
    const struct flow_header *h = &code->header;
    *m = (struct machine){.code = code, .error = error};
    m->builder = dag_builder_new();
    m->max_tasks = options && options->max_tasks ? options->max_tasks : DEFAULT_MAX_TASKS;
    m->max_steps = options && options->max_steps ? options->max_steps : DEFAULT_MAX_STEPS;
    m->stop = options ? options->stop : NULL;
    m->files = options ? options->files : NULL;
    m->file_count = options ? options->file_count : 0;
    m->file_inputs = memory_new(m->file_count, sizeof *m->file_inputs);
    m->heap.limit = HEAP_LIMIT;
    m->texts.literals = code->strings;
    m->results = memory_new(code->most_results, sizeof *m->results);
    m->sites = memory_new(h->site_count, sizeof *m->sites);
    fill_words(m->sites, h->site_count, NO_SITE);
    m->function_names = memory_new(h->function_count, sizeof *m->function_names);
    fill_words(m->function_names, h->function_count, NO_SITE);
    m->calls = memory_new(h->call_count, sizeof *m->calls);
    m->shared = memory_new(h->kernel_count, sizeof *m->shared);
    m->call_results = memory_new(code->call_first_result[h->call_count], sizeof *m->call_results);
    nodes_begin(m);
    const struct flow_function *entry = &code->functions[h->entry];
    dag_add_scope(m->builder, dag_add_string(m->builder, entry->title), 0,
                  machine_site(m, entry->site));
    m->period = m->countdown = m->max_steps < POLL_PERIOD ? m->max_steps : POLL_PERIOD;
}

static void end(struct machine *m, struct elaborate_counters *counters)
{
    if (counters) {
        counters->nodes_created = m->builder ? m->builder->nodes.count : 0;
        counters->steps = m->steps + (m->period - m->countdown) + m->heap.moves;
    }
    structure_heap_release(&m->heap);
    text_table_release(&m->texts);
    vector_release(&m->registers);
    vector_release(&m->frames);
    vector_release(&m->loops);
    vector_release(&m->element_views);
    vector_release(&m->slots);
    vector_release(&m->effects);
    joins_end(m);
    free(m->results);
    free(m->sites);
    free(m->file_inputs);
    free(m->function_names);
    for (uint32_t k = 0; k < m->code->header.kernel_count; k++)
        dag_shared_release(&m->shared[k]);
    free(m->shared);
    free(m->calls);
    free(m->call_results);
}

static int run_function(struct machine *m, uint32_t function, const uint64_t *arguments,
                        uint32_t count)
{
    int code = machine_enter(m, function, m->code->functions[function].site);
    if (code)
        return code;
    for (uint32_t i = 0; i < count; i++)
        machine_set_parameter(m, i, arguments[i]);
    return run(m);
}

/* A default takes over references to the parameters before it, which main takes, too. */
static void retain_files(const struct machine *m, const uint64_t *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (flow_is_file_list(m->code->leaf_types[i]))
            structure_retain(structure_at(values[i]));
}

/* The value of a leaf that is given: a word, a text, an input, files. */
static int bind_leaf(struct machine *m, uint32_t leaf, const struct flow_argument *argument,
                     uint64_t *value)
{
    const struct type *type = m->code->leaf_types[leaf];
    if (flow_is_file_list(type))
        return nodes_add_files(m, argument, value);
    if (type->kind == TYPE_STRING)
        return text_add(&m->texts, &m->heap, argument->text, argument->length, value, m->error);
    *value = dag_is_word(type) ? argument->word : nodes_add_input(m, leaf, argument->extents);
    return 0;
}

/* The values of a parameter's leaves, computed from those before it. */
static int bind_default(struct machine *m, uint32_t index, uint64_t *values)
{
    const struct flow_parameter *parameter = &m->code->parameters[index];
    uint32_t function = m->code->parameter_records[index].default_function;
    if (function == FLOW_NO_DEFAULT) {
        error_set(m->error, ERR_bad_parameter, "the parameter '%s' has no value", parameter->name);
        return error_hint(m->error, "give it as %s=...", parameter->name);
    }
    retain_files(m, values, parameter->first_leaf);
    int code = run_function(m, function, values, parameter->first_leaf);
    if (code == 0)
        memcpy(values + parameter->first_leaf, m->results, parameter->leaf_count * sizeof *values);
    return code;
}

/* The values of the leaves of main's parameters. */
static int bind(struct machine *m, const struct flow_argument *arguments, uint64_t *values)
{
    int code = 0;
    for (uint32_t i = 0; i < m->code->header.parameter_count && !code; i++) {
        const struct flow_parameter *parameter = &m->code->parameters[i];
        uint32_t leaf = parameter->first_leaf, end = leaf + parameter->leaf_count;
        if (!arguments[leaf].given) {
            code = bind_default(m, i, values);
            continue;
        }
        for (; leaf < end && !code; leaf++)
            code = bind_leaf(m, leaf, &arguments[leaf], &values[leaf]);
    }
    return code;
}

static int build(struct machine *m, const struct flow_argument *arguments)
{
    uint32_t leaves = flow_leaf_total(m->code);
    uint64_t *values = memory_new(leaves, sizeof *values);
    int code = bind(m, arguments, values);
    code = code ? code : run_function(m, m->code->header.entry, values, leaves);
    code = code ? code : nodes_add_sink(m);
    free(values);
    return code;
}

int elaborate(const struct flow_code *code, const struct flow_argument *arguments,
              const struct elaborate_options *options, struct dag *dag,
              struct elaborate_counters *counters, struct error *error)
{
    struct machine machine;
    *dag = (struct dag){0};
    begin(&machine, code, options, error);
    int status = build(&machine, arguments);
    struct dag_builder *builder = machine.builder;
    end(&machine, counters);
    if (!status) {
        dag_merge_joins(builder);
        dag_merge_grids(builder);
        if (options && options->opens_result)
            dag_open_result(builder);
        return dag_finish(builder, dag, error);
    }
    dag_builder_free(builder);
    return status;
}
