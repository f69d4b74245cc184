/*
 * Joins that are read where their parts lie: a task that takes the whole of what concat, flatten or
 * untile join of pending arrays, and goes over its elements in order alone (check/in_order.h),
 * takes the parts in its place. The kernel generator goes from part to part then, and nobody copies
 * them into one array: that pass over the data, and as much memory again, are saved.
 *
 * The join is part of each such reader; it costs nothing there. It stays a task for those that need
 * the array itself, for main's result, and for slices, through which elaboration sees.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/intern.h"
#include "base/pointer_table.h"
#include "check/in_order.h"
#include "flow/compose.h"
#include "flow/mutant.h"
#include "flow/pass.h"
#include "flow/remark.h"
#include "graph/joined.h"

struct stream {
    struct ir_module *module;
    struct ir_function *function;
    struct interner *symbols;
    struct pointer_table *kernels;       /* by symbol */
    struct ir_instruction **definitions; /* by value: the call that gives it, or NULL */
    uint32_t *uses;                      /* by value: by how many operands */
};

/* How one parameter of a reader is fed. */
struct taken {
    uint32_t first_operand, operand_count;
    struct ir_instruction *join; /* or NULL: as it was */
    uint32_t first;              /* the first parameter that takes this join */
};

static struct typed_function *kernel_of(const struct stream *s, const struct ir_instruction *call)
{
    return s->module->kernels[call->callee];
}

static bool is_join(const struct stream *s, const struct ir_instruction *call)
{
    return dag_join_of(kernel_of(s, call)->symbol) != DAG_JOIN_NONE;
}

/* The call that joins what an operand is, if its parts can stand in the operand's place. */
static struct ir_instruction *join_of(const struct stream *s, ir_value operand)
{
    struct ir_instruction *join = s->definitions[operand];
    return join && is_join(s, join) ? join : NULL;
}

/* ---- What is in the way --------------------------------------------------------------------- */

static const char *obstacle(const struct stream *s, const struct ir_instruction *join,
                            const struct ir_instruction *reader, uint32_t parameter)
{
    const struct typed_function *task = kernel_of(s, reader);
    bool has_rows = dag_join_of(kernel_of(s, join)->symbol) != DAG_JOIN_UNTILE;
    /* What was read from text has no body to look into; the kernel generator copies where it must.
     */
    const char *reason =
        compose_has_body(task) ? task_not_in_order(task, parameter, has_rows) : NULL;
    if (reason)
        return reason;
    if (ir_call_annotations(s->module, join).retries !=
        ir_call_annotations(s->module, reader).retries)
        return "goes to a task with a `@retry`, which would try to join again, too";
    return NULL;
}

/* A `()` orders the task, or is no operand at all. */
static bool has_unit(const struct typed_function *task)
{
    for (uint32_t p = 0; p < task->parameter_count; p++)
        for (uint32_t l = 0; l < ir_leaf_count(task->parameters[p]->type); l++)
            if (type_is_unit(ir_leaf(task->parameters[p]->type, l)))
                return true;
    return false;
}

/* ---- The reader of the parts ---------------------------------------------------------------- */

static uint32_t operands_of(const struct stream *s, const struct ir_instruction *call, uint32_t at,
                            const struct type *type)
{
    uint32_t begin = at;
    for (uint32_t l = 0; l < ir_leaf_count(type); l++) {
        const struct type *leaf = ir_leaf(type, l);
        bool gathers = ir_type_of(s->function, call->operands[at])->kind == IR_STRUCTURED;
        at += gathers ? ir_leaf_count(leaf->element) : 1;
    }
    return at - begin;
}

/* The first parameter that takes the same join as one does. */
static uint32_t first_of(const struct taken *taken, uint32_t parameter)
{
    uint32_t p = 0;
    while (taken[p].join != taken[parameter].join)
        p++;
    return p;
}

static bool joins_alike(const struct stream *s, const struct ir_instruction *a,
                        const struct ir_instruction *b)
{
    const struct typed_function *first = kernel_of(s, a), *second = kernel_of(s, b);
    return first->parameter_count == second->parameter_count && first->result == second->result &&
           first->parameters[0]->type == second->parameters[0]->type;
}

/* Finds out, by parameter of a reader, what it takes; whether any of it is joined. `says`: why
 * others are not. */
static bool find_taken(const struct stream *s, const struct ir_instruction *reader,
                       struct taken *taken, bool says)
{
    const struct typed_function *task = kernel_of(s, reader);
    struct ir_instruction *first = NULL;
    bool any = false;
    for (uint32_t p = 0, at = 0; p < task->parameter_count; p++) {
        const struct type *type = task->parameters[p]->type;
        taken[p] =
            (struct taken){.first_operand = at, .operand_count = operands_of(s, reader, at, type)};
        at += taken[p].operand_count;
        struct ir_instruction *join = NULL;
        if (type->kind == TYPE_ARRAY && taken[p].operand_count == 1)
            join = join_of(s, reader->operands[taken[p].first_operand]);
        if (!join)
            continue;
        const char *reason = obstacle(s, join, reader, p);
        if (!reason) {
            bool mistakes = FLOW_MUTANT(STREAM_FEED) && first && joins_alike(s, first, join);
            taken[p].join = mistakes ? first : join;
            first = join;
        }
        if (reason && says && !task->foreign)
            ir_remark(s->module, "stream", REMARK_MISSED, join->span,
                      "`%s` is copied for `%s`: it %s", kernel_of(s, join)->name, task->name,
                      reason);
        any |= taken[p].join != NULL;
        taken[p].first = first_of(taken, p);
    }
    return any;
}

static bool takes_parts(const struct taken *taken, uint32_t parameter)
{
    return taken[parameter].join && taken[parameter].first == parameter;
}

static struct typed *take_parts(struct compose *c, struct typed_function *join)
{
    struct typed **arguments = arena_array(c->arena, struct typed *, join->parameter_count);
    for (uint32_t i = 0; i < join->parameter_count; i++)
        arguments[i] = compose_parameter(c, join->parameters[i]);
    return compose_let(c, compose_apply(c, join, arguments));
}

/* The task that joins what it takes, and then does what the reader does. */
static struct typed_function *weave(const struct stream *s, const struct ir_instruction *reader,
                                    const struct taken *taken, const struct compose_name *name)
{
    struct compose c;
    struct typed_function *task = kernel_of(s, reader);
    compose_begin(&c, s->module, task->span);
    struct typed **arguments = arena_array(c.arena, struct typed *, task->parameter_count);
    for (uint32_t p = 0; p < task->parameter_count; p++) {
        if (!taken[p].join)
            arguments[p] = compose_parameter(&c, task->parameters[p]);
        else if (takes_parts(taken, p))
            arguments[p] = take_parts(&c, kernel_of(s, taken[p].join));
        else
            arguments[p] = compose_read(&c, arguments[taken[p].first]->variable);
    }
    return compose_end(&c, compose_apply(&c, task, arguments), name);
}

/* The reader goes on by its own name for people: what it logs has it. */
static struct compose_name name_of(const struct stream *s, const struct ir_instruction *reader,
                                   const struct taken *taken)
{
    struct arena *arena = s->module->arena;
    const struct typed_function *task = kernel_of(s, reader);
    const char **symbols = arena_array(arena, const char *, task->parameter_count + 1);
    const char *members = task->members ? task->members : task->name;
    uint32_t count = 0;
    struct buffer form = {0};
    for (uint32_t p = task->parameter_count; p-- > 0;) {
        if (taken[p].join)
            buffer_printf(&form, "j%u", taken[p].first);
        else
            buffer_putc(&form, 'p');
        if (!takes_parts(taken, p))
            continue;
        const struct typed_function *join = kernel_of(s, taken[p].join);
        symbols[count++] = join->symbol;
        members = arena_printf(arena, "%s, %s", join->name, members);
    }
    symbols[count++] = task->symbol;
    bool is_operator = strncmp(task->symbol, "op.", 3) == 0;
    struct compose_name name = {.symbol =
                                    compose_symbol(arena, is_operator ? "op.stream" : "stream",
                                                   symbols, count, buffer_text(&form)),
                                .title = task->name,
                                .members = members};
    buffer_release(&form);
    return name;
}

static uint32_t kernel_for(struct stream *s, const struct ir_instruction *reader,
                           const struct taken *taken)
{
    uint32_t number;
    struct compose_name name = name_of(s, reader, taken);
    const char *symbol = intern_text(s->symbols, name.symbol);
    if (pointer_table_find(s->kernels, symbol, &number))
        return number;
    number = ir_kernel_new(s->module, weave(s, reader, taken, &name));
    pointer_table_add(s->kernels, symbol, number);
    return number;
}

/* ---- Putting it in the reader's place ------------------------------------------------------- */

static uint32_t result_extents(const struct stream *s, const struct ir_instruction *call)
{
    uint32_t count = 0;
    for (uint32_t r = 0; r < call->result_count; r++)
        count += (uint32_t)__builtin_popcount(
            ir_type_of(s->function, call->first_result + r)->known_extents);
    return count;
}

static uint32_t add_operands(ir_value *to, uint32_t at, const ir_value *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        to[at + i] = from[i];
    return at + count;
}

static void count_uses(const struct stream *s, const struct ir_instruction *i, uint32_t by)
{
    for (uint32_t o = 0; o < i->operand_count; o++)
        s->uses[i->operands[o]] += by;
}

static void replace(struct stream *s, struct ir_instruction *reader, const struct taken *taken)
{
    uint32_t parameters = kernel_of(s, reader)->parameter_count, at = 0;
    uint32_t extents = result_extents(s, reader), room = reader->operand_count;
    for (uint32_t p = 0; p < parameters; p++)
        if (taken[p].join)
            room += taken[p].join->operand_count;
    ir_value *operands = arena_array(s->module->arena, ir_value, room);
    for (uint32_t p = 0; p < parameters; p++) {
        const struct ir_instruction *from = taken[p].join;
        if (from && takes_parts(taken, p))
            at = add_operands(operands, at, from->operands,
                              from->operand_count - result_extents(s, from));
        else if (!from)
            at = add_operands(operands, at, reader->operands + taken[p].first_operand,
                              taken[p].operand_count);
    }
    at = add_operands(operands, at, reader->operands + reader->operand_count - extents, extents);
    uint32_t kernel = kernel_for(s, reader, taken);
    count_uses(s, reader, UINT32_MAX);
    reader->operands = operands;
    reader->operand_count = at;
    reader->callee = kernel;
    count_uses(s, reader, 1);
}

/* Until it takes no more that is joined: a part may be a join itself. */
static void stream_call(struct stream *s, struct ir_instruction *reader)
{
    enum { MOST_JOINS = 8 };
    for (uint32_t turn = 0; turn < MOST_JOINS; turn++) {
        const struct typed_function *task = kernel_of(s, reader);
        struct taken *taken = memory_new(task->parameter_count, sizeof *taken);
        bool any = find_taken(s, reader, taken, turn == 0);
        for (uint32_t p = 0; p < task->parameter_count && any; p++)
            if (takes_parts(taken, p))
                ir_remark(s->module, "stream", REMARK_DONE, taken[p].join->span,
                          "`%s` is read by `%s` where its parts are, without a copy",
                          kernel_of(s, taken[p].join)->name, task->name);
        if (any)
            replace(s, reader, taken);
        free(taken);
        if (!any)
            break;
    }
}

/* ---- All ------------------------------------------------------------------------------------ */

static void note_function(struct stream *s)
{
    for (uint32_t b = 0; b < s->function->block_count; b++)
        for (uint32_t n = 0; n < s->function->blocks[b].count; n++) {
            struct ir_instruction *i = s->function->blocks[b].instructions[n];
            count_uses(s, i, 1);
            if (i->opcode == IR_CALL)
                for (uint32_t r = 0; r < i->result_count; r++)
                    s->definitions[i->first_result + r] = i;
        }
}

/* Joins that nobody needs any more, last ones first: what they joined may have been joins. */
static void drop_joins(struct stream *s, struct ir_block *block)
{
    uint32_t kept = block->count;
    for (uint32_t n = block->count; n-- > 0;) {
        struct ir_instruction *i = block->instructions[n];
        if (i->opcode == IR_CALL && is_join(s, i) && s->uses[i->first_result] == 0)
            count_uses(s, i, UINT32_MAX);
        else
            block->instructions[--kept] = i;
    }
    block->count -= kept;
    memmove(block->instructions, block->instructions + kept,
            block->count * sizeof *block->instructions);
}

static void stream_function(struct stream s)
{
    const struct ir_function *function = s.function;
    s.definitions = memory_new(function->value_count, sizeof *s.definitions);
    s.uses = memory_new(function->value_count, sizeof *s.uses);
    note_function(&s);
    for (uint32_t b = 0; b < function->block_count; b++)
        for (uint32_t n = 0; n < function->blocks[b].count; n++) {
            struct ir_instruction *i = function->blocks[b].instructions[n];
            if (i->opcode == IR_CALL && !is_join(&s, i) && !has_unit(kernel_of(&s, i)))
                stream_call(&s, i);
        }
    for (uint32_t b = function->block_count; b-- > 0;)
        drop_joins(&s, &function->blocks[b]);
    free(s.definitions);
    free(s.uses);
}

void pass_stream(struct ir_module *module)
{
    struct interner symbols = {0};
    struct pointer_table kernels = {0};
    interner_init(&symbols, module->arena);
    struct stream s = {.module = module, .symbols = &symbols, .kernels = &kernels};
    for (uint32_t i = 0; i < module->function_count; i++) {
        s.function = module->functions[i];
        stream_function(s);
    }
    interner_release(&symbols);
    pointer_table_release(&kernels);
    ir_tidy(module);
}
