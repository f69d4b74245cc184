/* Effects of instructions, functions and kernels; see effects.h. */
#include "flow/effects.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/pointer_table.h"
#include "base/vector.h"
#include "flow/build.h"
#include "check/typed_tree.h"

/* ---- Kernels -------------------------------------------------------------------------------- */

#define NO_EDGE UINT32_MAX

/* Calls among the tasks that a module's kernels reach, as lists by callee. */
struct task_call {
    uint32_t caller, next; /* NO_EDGE: the last */
};

struct search {
    struct pointer_table numbers; /* of tasks */
    VECTOR(const struct typed_function *) tasks;
    VECTOR(struct task_call) calls;
    VECTOR(uint32_t) callers; /* by task: the first call of it */
    uint32_t caller;          /* whose body is looked at */
    VECTOR(uint32_t) loggers; /* tasks that log, by themselves or by a call */
    VECTOR(bool) logs;        /* by task */
};

static uint32_t task_number(struct search *s, const struct typed_function *task)
{
    uint32_t number;
    if (pointer_table_find(&s->numbers, task, &number))
        return number;
    number = (uint32_t)s->tasks.count;
    pointer_table_add(&s->numbers, task, number);
    vector_push(&s->tasks, task);
    vector_push(&s->callers, NO_EDGE);
    vector_push(&s->logs, false);
    return number;
}

static void note_task_call(struct search *s, const struct typed_function *callee)
{
    if (!callee)
        return;
    uint32_t number = task_number(s, callee);
    vector_push(&s->calls, (struct task_call){s->caller, s->callers.items[number]});
    s->callers.items[number] = (uint32_t)s->calls.count - 1;
}

static void note_logger(struct search *s, uint32_t task)
{
    if (s->logs.items[task])
        return;
    s->logs.items[task] = true;
    vector_push(&s->loggers, task);
}

static void search_expression(void *context, struct typed **child)
{
    struct search *s = context;
    struct typed *node = *child;
    if (node->kind == TYPED_CALL)
        note_task_call(s, node->callee);
    else if (node->kind == TYPED_REDUCE)
        note_task_call(s, node->reducer);
    typed_each_child(node, search_expression, s);
}

static void search_block(struct search *s, const struct typed_block *block)
{
    for (uint32_t i = 0; i < block->count; i++) {
        struct typed_statement *statement = block->statements[i];
        typed_each_expression(statement, search_expression, s);
        if (statement->kind == STATEMENT_LOG) {
            note_logger(s, s->caller);
        } else if (statement->kind == STATEMENT_IF || statement->kind == STATEMENT_WHILE) {
            search_block(s, &statement->then);
            search_block(s, &statement->otherwise);
        } else if (statement->kind == STATEMENT_FOR) {
            search_block(s, &statement->body);
        }
    }
}

/* Finds which kernels log: a task does if its body does, if it is written in C and may, and if
 * its fallback or a task that it calls does. Linear in the program: found from those that log on to
 * their callers. */
static void find_kernels_that_log(struct effects *effects)
{
    const struct ir_module *module = effects->module;
    struct search s = {0};
    for (uint32_t i = 0; i < module->kernel_count; i++)
        task_number(&s, module->kernels[i]);
    for (s.caller = 0; s.caller < s.tasks.count; s.caller++) {
        const struct typed_function *task = s.tasks.items[s.caller];
        note_task_call(&s, task->fallback);
        if (task->foreign && task->foreign->logs)
            note_logger(&s, s.caller);
        search_block(&s, &task->body);
    }
    while (s.loggers.count) {
        uint32_t task = vector_pop(&s.loggers);
        for (uint32_t c = s.callers.items[task]; c != NO_EDGE; c = s.calls.items[c].next)
            note_logger(&s, s.calls.items[c].caller);
    }
    for (uint32_t i = 0; i < module->kernel_count; i++)
        effects->logs[i] = s.logs.items[task_number(&s, module->kernels[i])];
    pointer_table_release(&s.numbers);
    vector_release(&s.tasks);
    vector_release(&s.calls);
    vector_release(&s.callers);
    vector_release(&s.loggers);
    vector_release(&s.logs);
}

/* ---- Instructions --------------------------------------------------------------------------- */

struct ir_instruction **effects_definitions(const struct ir_function *function)
{
    struct ir_instruction **definitions = memory_new(function->value_count, sizeof *definitions);
    for (uint32_t b = 0; b < function->block_count; b++) {
        const struct ir_block *block = &function->blocks[b];
        for (uint32_t n = 0; n < block->count; n++)
            for (uint32_t r = 0; r < block->instructions[n]->result_count; r++)
                definitions[block->instructions[n]->first_result + r] = block->instructions[n];
    }
    return definitions;
}

static bool operation_fails(const struct ir_function *function, const struct ir_instruction *i)
{
    bool is_integer = ir_type_of(function, i->operands[0])->type->scalar < WK_F32;
    return i->operation == OPERATION_SHL || i->operation == OPERATION_SHR ||
           (is_integer && (i->operation == OPERATION_DIV || i->operation == OPERATION_REM));
}

static bool has_effect(const struct ir_function *function, const struct ir_instruction *call)
{
    for (uint32_t r = 0; r < call->result_count; r++)
        if (type_is_unit(ir_type_of(function, call->first_result + r)->type))
            return true;
    return false;
}

static bool is_good_constant(struct ir_instruction *const *definitions, ir_value value)
{
    const struct ir_instruction *made = definitions[value];
    return made && made->opcode == IR_CONSTANT && (int64_t)made->word >= 0;
}

bool effects_is_extent(struct ir_instruction *const *definitions, ir_value value)
{
    const struct ir_instruction *made = definitions[value];
    if (!made)
        return false;
    if (made->opcode == IR_OPERATION && made->operation == OPERATION_MAX)
        return is_good_constant(definitions, made->operands[0]) ||
               is_good_constant(definitions, made->operands[1]);
    return made->opcode == IR_EXTENT || made->opcode == IR_COUNT ||
           is_good_constant(definitions, value);
}

/* Others may be negative, which ends elaboration. */
static bool are_good_extents(struct ir_instruction *const *definitions, const ir_value *extents,
                             uint32_t count)
{
    for (uint32_t e = 0; e < count; e++)
        if (!effects_is_extent(definitions, extents[e]))
            return false;
    return true;
}

static bool call_is_removable(const struct ir_function *function,
                              struct ir_instruction *const *definitions,
                              const struct ir_instruction *call)
{
    uint32_t extents = 0;
    for (uint32_t r = 0; r < call->result_count; r++)
        extents += (uint32_t)__builtin_popcount(
            ir_type_of(function, call->first_result + r)->known_extents);
    return !has_effect(function, call) &&
           are_good_extents(definitions, call->operands + call->operand_count - extents, extents);
}

bool effects_is_removable(const struct effects *effects, const struct ir_function *function,
                          struct ir_instruction *const *definitions, const struct ir_instruction *i)
{
    switch (i->opcode) {
    case IR_CONSTANT:
    case IR_TEXT_CONCAT:
    case IR_TEXT_COMPARE:
    case IR_TEXT_PRINT:
    case IR_TEXT_LENGTH:
    case IR_STRUCTURE:
    case IR_FLATTEN:
    case IR_TRANSPOSE:
    case IR_FIND:
    case IR_EXTENT:
    case IR_ELEMENTS:
    case IR_LIFT:
    case IR_CONTENTS:
        return true;
    case IR_OPERATION:
        return !operation_fails(function, i);
    case IR_CONVERT: /* floats take every number */
        return type_is_float(ir_type_of(function, i->first_result)->type);
    case IR_CALL:
        return call_is_removable(function, definitions, i);
    case IR_APPLY:
        return effects->total[i->callee];
    case IR_EACH:
        return are_good_extents(definitions, i->operands, i->number) && effects->total[i->callee];
    case IR_TEXT_SLICE:
    case IR_COUNT:
    case IR_FILL:
    case IR_RANGE:
    case IR_GET:
    case IR_SET:
    case IR_SLICE:
    case IR_SET_SLICE:
    case IR_CONCAT:
    case IR_CONCAT_ALL:
    case IR_VIEW:
    case IR_TILES:
    case IR_REDUCE:
    case IR_CHECK:
    case IR_JUMP:
    case IR_BRANCH:
    case IR_RETURN:
    case IR_FAIL:
    case IR_OPCODE_COUNT:
        return false;
    }
    return false;
}

static bool calls_function(const struct ir_instruction *i)
{
    return i->opcode == IR_APPLY || i->opcode == IR_EACH || i->opcode == IR_REDUCE;
}

bool effects_is_quiet(const struct effects *effects, const struct ir_function *function,
                      const struct ir_instruction *i)
{
    if (i->opcode == IR_CALL)
        return !has_effect(function, i) && !effects->logs[i->callee];
    return !calls_function(i) || effects->quiet[i->callee];
}

/* ---- Functions ------------------------------------------------------------------------------ */

static bool looks_quiet(const struct effects *effects, const struct ir_function *function)
{
    for (uint32_t b = 0; b < function->block_count; b++)
        for (uint32_t n = 0; n < function->blocks[b].count; n++)
            if (!effects_is_quiet(effects, function, function->blocks[b].instructions[n]))
                return false;
    return true;
}

/* All are, until they are found not to be. Callees mostly stand behind their callers. */
static void find_quiet_functions(struct effects *effects)
{
    uint32_t count = effects->module->function_count;
    memset(effects->quiet, true, count * sizeof *effects->quiet);
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t f = count; f-- > 0;)
            if (effects->quiet[f] && !looks_quiet(effects, effects->module->functions[f])) {
                effects->quiet[f] = false;
                changed = true;
            }
    }
}

/* Without loops (which may not end), and all but the way out removable. */
static bool looks_total(const struct effects *effects, const struct ir_function *function,
                        struct ir_instruction *const *definitions)
{
    for (uint32_t b = 0; b < function->block_count; b++) {
        const struct ir_block *block = &function->blocks[b];
        for (uint32_t n = 0; n < block->count; n++) {
            const struct ir_instruction *i = block->instructions[n];
            bool goes_on = (i->opcode == IR_JUMP && i->targets[0] > b) ||
                           (i->opcode == IR_BRANCH && i->targets[0] > b && i->targets[1] > b);
            if (i->opcode != IR_RETURN && !goes_on &&
                !effects_is_removable(effects, function, definitions, i))
                return false;
        }
    }
    return true;
}

/* Calls of functions, as lists by callee. */
struct call_edge {
    uint32_t caller, next; /* NO_EDGE: the last */
};

struct call_graph {
    VECTOR(struct call_edge) edges;
    uint32_t *callers;    /* by function: the first edge */
    uint32_t *open_calls; /* by function: calls of functions that are not found to be total yet */
};

static void note_calls(struct call_graph *graph, const struct ir_module *module, uint32_t caller)
{
    const struct ir_function *function = module->functions[caller];
    for (uint32_t b = 0; b < function->block_count; b++)
        for (uint32_t n = 0; n < function->blocks[b].count; n++) {
            const struct ir_instruction *i = function->blocks[b].instructions[n];
            if (!calls_function(i))
                continue;
            vector_push(&graph->edges, (struct call_edge){caller, graph->callers[i->callee]});
            graph->callers[i->callee] = (uint32_t)graph->edges.count - 1;
            graph->open_calls[caller]++;
        }
}

static bool function_looks_total(const struct effects *effects, uint32_t number)
{
    const struct ir_function *function = effects->module->functions[number];
    struct ir_instruction **definitions = effects_definitions(function);
    bool total = looks_total(effects, function, definitions);
    free(definitions);
    return total;
}

/* Total: those that look so when calls are left aside, and call total functions only. Found from
 * the leaves of the call graph upwards, so that recursion, which may not end, is never total. */
static void find_total_functions(struct effects *effects)
{
    uint32_t count = effects->module->function_count;
    bool *candidates = memory_new(count, sizeof *candidates);
    struct call_graph graph = {.callers = memory_new(count, sizeof *graph.callers),
                               .open_calls = memory_new(count, sizeof *graph.open_calls)};
    VECTOR(uint32_t) found = {0};
    memset(effects->total, true, count * sizeof *effects->total); /* for the candidates' sake */
    memset(graph.callers, 0xFF, count * sizeof *graph.callers);
    for (uint32_t f = 0; f < count; f++) {
        candidates[f] = function_looks_total(effects, f);
        note_calls(&graph, effects->module, f);
        if (candidates[f] && graph.open_calls[f] == 0)
            vector_push(&found, f);
    }
    memset(effects->total, false, count * sizeof *effects->total);
    while (found.count) {
        uint32_t f = vector_pop(&found);
        effects->total[f] = true;
        for (uint32_t e = graph.callers[f]; e != NO_EDGE; e = graph.edges.items[e].next) {
            uint32_t caller = graph.edges.items[e].caller;
            if (--graph.open_calls[caller] == 0 && candidates[caller])
                vector_push(&found, caller);
        }
    }
    free(candidates);
    free(graph.callers);
    free(graph.open_calls);
    vector_release(&graph.edges);
    vector_release(&found);
}

/* ---- All ------------------------------------------------------------------------------------ */

struct effects effects_find(const struct ir_module *module)
{
    struct effects effects = {.module = module};
    effects.total = memory_new(module->function_count, sizeof *effects.total);
    effects.quiet = memory_new(module->function_count, sizeof *effects.quiet);
    effects.logs = memory_new(module->kernel_count, sizeof *effects.logs);
    find_kernels_that_log(&effects);
    find_total_functions(&effects);
    find_quiet_functions(&effects);
    return effects;
}

void effects_release(struct effects *effects)
{
    free(effects->total);
    free(effects->quiet);
    free(effects->logs);
}
