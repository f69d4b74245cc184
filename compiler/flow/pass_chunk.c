/*
 * Comprehensions over cheap tasks are evaluated in pieces, a task each; and a reduction of one
 * together with it, a task for each of the reduction's subtrees. `[f(i, a) for i in 0..n]`, which
 * is
 *
 *     %s: {1}?f64 = each.1 @main.each1 %n, %a
 *
 * becomes `apply @main.each1.chunked %n, %a`. That function computes the length of a piece from n,
 * what a call of f costs, and how much runs at once. When it is less than two, all is as written.
 * Otherwise
 *
 *     %p: {1}{1}?f64 = each.1 @main.each1.piece %pieces, %length, %n, %a
 *     %s: {1}?f64 = concat_all %p
 *
 * where a piece is one call of a kernel that evaluates f for the indexes low..high, and the
 * structure has views of its result. A piece of a reduction gives the root of a subtree: its length
 * is the reduction's chunk times a power of its arity, so that every element is combined with the
 * same ones in the same order as if each were a task; the roots are reduced as the tree's upper
 * levels.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vector.h"
#include "flow/chunk.h"
#include "flow/mutant.h"
#include "flow/pass.h"
#include "flow/remark.h"

/* Pieces for each of the workers at least, so that they end at one time. */
enum { PIECES_EACH = 4 };

struct value_list {
    ir_value *items;
    size_t count, capacity;
};

struct type_list {
    const struct ir_type **items;
    size_t count, capacity;
};

struct chunking {
    struct ir_module *module;
    struct ir_function *function; /* that is looked through */
    const struct ir_type *integer;
    struct ir_instruction **definitions; /* by value of it */
    uint32_t *uses;                      /* by value of it */
    struct effects effects;              /* of the module as it was */
    uint32_t subtree;                    /* the function that finds the length of a subtree */
};

#define NO_FUNCTION UINT32_MAX

/* ---- Building ------------------------------------------------------------------------------- */

static bool has_function(const struct ir_module *module, const char *name)
{
    for (uint32_t i = 0; i < module->function_count; i++)
        if (strcmp(module->functions[i]->name, name) == 0)
            return true;
    return false;
}

/* "main.each1.piece"; with a number behind it when a comprehension is there twice. */
static const char *new_name(struct chunking *c, const struct ir_function *base, const char *what)
{
    const char *name = arena_printf(c->module->arena, "%s.%s", base->name, what);
    for (uint32_t n = 2; has_function(c->module, name); n++)
        name = arena_printf(c->module->arena, "%s.%s%u", base->name, what, n);
    return name;
}

/* A function `base.what` with these parameters, which are its first values. */
static struct ir_builder begin_function(struct chunking *c, const struct ir_function *base,
                                        const char *what, const struct ir_type *const *types,
                                        size_t count, uint32_t *number)
{
    *number = ir_function_new(c->module, new_name(c, base, what), base->title, false, base->span);
    struct ir_builder b = {
        .module = c->module, .function = c->module->functions[*number], .span = base->span};
    b.block = ir_block_new(c->module, b.function);
    ir_block_parameters(c->module, b.function, b.block, types, (uint32_t)count);
    return b;
}

static void set_results(struct ir_builder *b, const struct ir_type *const *types, uint32_t count)
{
    b->function->results = arena_copy(b->module->arena, types, count * sizeof *types);
    b->function->result_count = count;
}

/* The same instruction, on other values; notes where its results are. */
static void copy_instruction(struct ir_builder *b, const struct ir_function *from,
                             const struct ir_instruction *i, ir_value *values)
{
    ir_value *operands = arena_array(b->module->arena, ir_value, i->operand_count);
    const struct ir_type **types =
        arena_array(b->module->arena, const struct ir_type *, i->result_count);
    for (uint32_t o = 0; o < i->operand_count; o++)
        operands[o] = values[i->operands[o]];
    for (uint32_t r = 0; r < i->result_count; r++)
        types[r] = ir_type_of(from, i->first_result + r);
    struct ir_instruction *copy =
        ir_emit(b, i->opcode, operands, i->operand_count, types, i->result_count);
    ir_value first = copy->first_result;
    operands = copy->operands;
    *copy = *i;
    copy->operands = operands;
    copy->first_result = first;
    for (uint32_t r = 0; r < i->result_count; r++)
        values[i->first_result + r] = first + r;
}

static struct ir_instruction *emit_each(struct ir_builder *b, uint32_t callee,
                                        const struct value_list *operands)
{
    const struct ir_function *function = b->module->functions[callee];
    struct type_list types = {0};
    for (uint32_t r = 0; r < function->result_count; r++)
        vector_push(&types, ir_type_structured(b->module, function->results[r], 1));
    struct ir_instruction *each = ir_emit(b, IR_EACH, operands->items, (uint32_t)operands->count,
                                          types.items, (uint32_t)types.count);
    each->callee = callee;
    each->number = 1;
    vector_release(&types);
    return each;
}

static void push_row(struct value_list *list, ir_value first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        vector_push(list, first + i);
}

/* The types of what a comprehension's function captures. */
static void push_captures(struct type_list *types, const struct ir_function *function)
{
    const struct ir_block *entry = &function->blocks[0];
    for (uint32_t p = 1; p < entry->parameter_count; p++)
        vector_push(types, ir_type_of(function, entry->first_parameter + p));
}

/* ---- The function of a piece ---------------------------------------------------------------- */

/* Where the values of the comprehension's function are in another one: its captures stand there
 * from `captures` on. */
static ir_value *map_captures(const struct chunk_shape *s, ir_value captures)
{
    const struct ir_block *entry = &s->function->blocks[0];
    ir_value *values = memory_new(s->function->value_count, sizeof *values);
    for (uint32_t p = 1; p < entry->parameter_count; p++)
        values[entry->first_parameter + p] = captures + p - 1;
    return values;
}

static bool has_gathered(const struct chunk_kernel *kernel)
{
    for (uint32_t i = 0; i < kernel->input_count; i++)
        if (kernel->inputs[i].gathered)
            return true;
    return false;
}

/* A function from an index within a piece, the piece's first, and captures to the arguments that
 * are gathered. It does all that the comprehension's function does, but for the call. */
static uint32_t make_arguments(struct chunking *c, const struct chunk_shape *s,
                               const struct chunk_kernel *kernel)
{
    struct type_list types = {0}, results = {0};
    struct value_list returned = {0};
    uint32_t number;
    vector_push(&types, c->integer);
    vector_push(&types, c->integer);
    push_captures(&types, s->function);
    struct ir_builder b =
        begin_function(c, s->function, "arguments", types.items, types.count, &number);
    ir_value *values = map_captures(s, 2);
    values[s->function->blocks[0].first_parameter] = ir_int_operation(&b, OPERATION_ADD, 1, 0);
    for (uint32_t n = 0; n + 1 < s->function->blocks[0].count; n++)
        if (s->function->blocks[0].instructions[n] != s->call)
            copy_instruction(&b, s->function, s->function->blocks[0].instructions[n], values);
    for (uint32_t i = 0; i < kernel->input_count; i++)
        if (kernel->inputs[i].gathered) {
            vector_push(&returned, values[*kernel->inputs[i].values]);
            vector_push(&results, ir_type_of(s->function, *kernel->inputs[i].values));
        }
    ir_return(&b, returned.items, (uint32_t)returned.count);
    set_results(&b, results.items, (uint32_t)results.count);
    free(values);
    vector_release(&types);
    vector_release(&results);
    vector_release(&returned);
    return number;
}

/* A piece: its function's parameters, and what its kernel is given. */
struct piece {
    struct ir_builder build;
    const struct chunk_shape *shape;
    const struct chunk_kernel *kernel;
    ir_value low, high, extent;
    ir_value *values; /* of the comprehension's function */
};

enum { PIECE_INDEX, PIECE_LENGTH, PIECE_COUNT, PIECE_FIXED };

/* The bounds of the piece, and what is the same for all its indexes. */
static void begin_piece(struct piece *p, ir_value captures)
{
    const struct ir_function *function = p->shape->function;
    struct ir_builder *b = &p->build;
    p->low = ir_int_operation(b, OPERATION_MUL, PIECE_INDEX, PIECE_LENGTH);
    ir_value rest = ir_int_operation(b, OPERATION_SUB, PIECE_COUNT, p->low);
    p->extent = FLOW_MUTANT(CHUNK_LAST) ? PIECE_LENGTH
                                        : ir_int_operation(b, OPERATION_MIN, PIECE_LENGTH, rest);
    p->high = ir_int_operation(b, OPERATION_ADD, p->low, p->extent);
    p->values = map_captures(p->shape, captures);
    for (uint32_t n = 0; n + 1 < function->blocks[0].count; n++) {
        const struct ir_instruction *i = function->blocks[0].instructions[n];
        bool same = i != p->shape->call;
        for (uint32_t o = 0; o < i->operand_count; o++)
            same &= p->shape->sources[i->operands[o]] == CHUNK_SAME;
        if (same && (i->result_count == 0 || p->shape->sources[i->first_result] == CHUNK_SAME))
            copy_instruction(b, function, i, p->values);
    }
}

/* The structures of what is gathered for each index of the piece, in the order of the inputs. */
static ir_value gather(struct chunking *c, struct piece *p, ir_value captures)
{
    struct value_list operands = {0};
    vector_push(&operands, p->extent);
    vector_push(&operands, p->low);
    push_row(&operands, captures, p->shape->function->blocks[0].parameter_count - 1);
    uint32_t arguments = make_arguments(c, p->shape, p->kernel);
    ir_value first = emit_each(&p->build, arguments, &operands)->first_result;
    vector_release(&operands);
    return first;
}

static void push_inputs(struct chunking *c, struct piece *p, ir_value captures,
                        struct value_list *operands)
{
    ir_value next = has_gathered(p->kernel) ? gather(c, p, captures) : 0;
    for (uint32_t i = 0; i < p->kernel->input_count; i++) {
        const struct chunk_input *input = &p->kernel->inputs[i];
        for (uint32_t v = 0; v < input->count; v++)
            vector_push(operands, input->gathered ? next++ : p->values[input->values[v]]);
    }
}

/* Calls the kernel; its results are leaves of `known_extents`, whose extents are the piece's. */
static struct ir_instruction *call_kernel(struct piece *p, uint32_t kernel,
                                          const struct value_list *operands)
{
    struct ir_module *module = p->build.module;
    const struct type *result = module->kernels[kernel]->result;
    struct value_list all = {0};
    struct type_list types = {0};
    for (size_t o = 0; o < operands->count; o++)
        vector_push(&all, operands->items[o]);
    for (uint32_t leaf = 0; leaf < ir_leaf_count(result); leaf++) {
        const struct type *type = ir_leaf(result, leaf);
        bool is_array = type->kind == TYPE_ARRAY;
        vector_push(&types, ir_type_pending(module, type, is_array));
        if (is_array)
            vector_push(&all, p->extent);
    }
    p->build.span = p->shape->call->span;
    struct ir_instruction *call = ir_emit(&p->build, IR_CALL, all.items, (uint32_t)all.count,
                                          types.items, (uint32_t)types.count);
    call->callee = kernel;
    vector_release(&all);
    vector_release(&types);
    return call;
}

static uint32_t make_kernel(struct chunking *c, const struct chunk_shape *s,
                            const struct chunk_reduction *reduction, const char *function,
                            struct chunk_kernel *kernel)
{
    *kernel = chunk_make_kernel(s, reduction, function);
    return ir_kernel_new(c->module, kernel->task);
}

/* The function from the number of a piece to its elements. */
static uint32_t make_piece(struct chunking *c, const struct chunk_shape *s)
{
    struct type_list types = {0};
    struct value_list operands = {0}, elements = {0};
    struct chunk_kernel kernel;
    uint32_t callee = make_kernel(c, s, NULL, new_name(c, s->function, "piece"), &kernel), number;
    for (uint32_t i = 0; i < PIECE_FIXED; i++)
        vector_push(&types, c->integer);
    push_captures(&types, s->function);
    struct piece p = {.shape = s, .kernel = &kernel};
    p.build = begin_function(c, s->function, "piece", types.items, types.count, &number);
    begin_piece(&p, PIECE_FIXED);
    vector_push(&operands, p.low);
    vector_push(&operands, p.high);
    push_inputs(c, &p, PIECE_FIXED, &operands);
    const struct ir_instruction *call = call_kernel(&p, callee, &operands);
    types.count = 0;
    for (uint32_t r = 0; r < call->result_count; r++) {
        const struct ir_type *all = ir_type_structured(c->module, s->function->results[r], 1);
        ir_value array = call->first_result + r;
        vector_push(&elements, ir_emit_value(&p.build, IR_ELEMENTS, &array, 1, all));
        vector_push(&types, all);
    }
    ir_return(&p.build, elements.items, (uint32_t)elements.count);
    set_results(&p.build, types.items, (uint32_t)types.count);
    free(p.values);
    vector_release(&types);
    vector_release(&operands);
    vector_release(&elements);
    return number;
}

/* ---- The length of a piece ------------------------------------------------------------------ */

/* As many as cost what a task should, and at most so many that all workers have enough. */
static ir_value most_at_once(struct chunking *c, struct ir_builder *b, ir_value count,
                             uint64_t cost_ns)
{
    const struct ir_target *target = &c->module->target;
    int64_t pieces = PIECES_EACH * (int64_t)target->parallelism;
    int64_t most = (int64_t)(target->task_ns / (cost_ns ? cost_ns : 1));
    ir_value fair = ir_int_operation(b, OPERATION_DIV, count, ir_constant_int(b, pieces));
    return ir_int_operation(b, OPERATION_MIN, fair, ir_constant_int(b, most));
}

/* Goes on in a block for pieces of two or more; `as_written` is the block for all others. */
static void branch_on_length(struct chunking *c, struct ir_builder *b, ir_value length,
                             uint32_t *as_written)
{
    ir_value two = ir_constant_int(b, 2);
    ir_value several = ir_int_operation(b, OPERATION_GE, length, two);
    uint32_t pieces = ir_block_new(c->module, b->function);
    *as_written = ir_block_new(c->module, b->function);
    ir_branch(b, several, pieces, NULL, 0, *as_written, NULL, 0);
    b->block = pieces;
}

/* ceil(count / length) */
static ir_value count_pieces(struct ir_builder *b, ir_value count, ir_value length)
{
    ir_value last = ir_int_operation(b, OPERATION_SUB, length, ir_constant_int(b, 1));
    ir_value all = ir_int_operation(b, OPERATION_ADD, count, last);
    return ir_int_operation(b, OPERATION_DIV, all, length);
}

/* A positive number if and only if a subtree can be made: arity is at least 2, chunk at least 1 and
 * at most the limit. */
static ir_value emit_can_be_tree(struct ir_builder *b, ir_value limit, ir_value arity,
                                 ir_value chunk)
{
    ir_value rest = ir_int_operation(b, OPERATION_SUB, limit, chunk);
    ir_value fits = ir_int_operation(b, OPERATION_ADD, rest, ir_constant_int(b, 1));
    ir_value splits = ir_int_operation(b, OPERATION_DIV, arity, ir_constant_int(b, 2));
    return ir_int_operation(b, OPERATION_MIN, ir_int_operation(b, OPERATION_MIN, chunk, fits),
                            splits);
}

/* A function of limit, arity and chunk: the longest chunk * arity^k that is at most the limit, or
 * 0.
 *
 *     b0: can there be one?  b1: jump head(chunk)
 *     head(length): length <= limit / arity?  longer: jump head(length * arity)  done: length */
static uint32_t make_subtree(struct chunking *c)
{
    enum { LIMIT, ARITY, CHUNK, PARAMETERS };
    const struct ir_type *const integers[PARAMETERS] = {c->integer, c->integer, c->integer};
    const struct ir_function base = {.name = "chunk", .title = "chunk"};
    uint32_t number;
    struct ir_builder b = begin_function(c, &base, "subtree", integers, PARAMETERS, &number);
    struct ir_function *f = b.function;
    uint32_t good = ir_block_new(c->module, f), head = ir_block_new(c->module, f);
    uint32_t longer = ir_block_new(c->module, f), done = ir_block_new(c->module, f);
    uint32_t none = ir_block_new(c->module, f);
    ir_value length = ir_block_parameters(c->module, f, head, integers, 1);
    ir_value zero = ir_constant_int(&b, 0);
    ir_value can = emit_can_be_tree(&b, LIMIT, ARITY, CHUNK);
    can = ir_int_operation(&b, OPERATION_GT, can, zero);
    ir_branch(&b, can, good, NULL, 0, none, NULL, 0);
    b.block = good;
    ir_value most = ir_int_operation(&b, OPERATION_DIV, LIMIT, ARITY);
    ir_jump(&b, head, &(ir_value){CHUNK}, 1);
    b.block = head;
    ir_value more = ir_int_operation(&b, OPERATION_LE, length, most);
    ir_branch(&b, more, longer, NULL, 0, done, NULL, 0);
    b.block = longer;
    ir_value next = ir_int_operation(&b, OPERATION_MUL, length, ARITY);
    ir_jump(&b, head, &next, 1);
    b.block = done;
    ir_return(&b, &length, 1);
    b.block = none;
    ir_return(&b, &zero, 1);
    set_results(&b, integers, 1);
    return number;
}

/* ---- Comprehensions ------------------------------------------------------------------------- */

/* b0(count, captures...) */
static uint32_t make_chunked(struct chunking *c, const struct chunk_shape *s, uint32_t each)
{
    const struct ir_function *function = s->function;
    uint32_t captures = function->blocks[0].parameter_count - 1, number, as_written;
    uint32_t piece = make_piece(c, s);
    struct type_list types = {0};
    struct value_list operands = {0}, results = {0};
    vector_push(&types, c->integer);
    push_captures(&types, function);
    struct ir_builder b = begin_function(c, function, "chunked", types.items, types.count, &number);
    ir_value count = 0;
    ir_value length = most_at_once(c, &b, count, s->cost_ns);
    branch_on_length(c, &b, length, &as_written);
    vector_push(&operands, count_pieces(&b, count, length));
    vector_push(&operands, length);
    push_row(&operands, 0, 1 + captures);
    ir_value pieces = emit_each(&b, piece, &operands)->first_result;
    types.count = 0;
    for (uint32_t r = 0; r < function->result_count; r++) {
        vector_push(&types, ir_type_structured(c->module, function->results[r], 1));
        ir_value list = pieces + r;
        vector_push(&results, ir_emit_value(&b, IR_CONCAT_ALL, &list, 1, types.items[r]));
    }
    ir_return(&b, results.items, (uint32_t)results.count);
    b.block = as_written;
    operands.count = 0;
    push_row(&operands, 0, 1 + captures);
    results.count = 0;
    push_row(&results, emit_each(&b, each, &operands)->first_result, function->result_count);
    ir_return(&b, results.items, (uint32_t)results.count);
    set_results(&b, types.items, (uint32_t)types.count);
    vector_release(&types);
    vector_release(&operands);
    vector_release(&results);
    return number;
}

/* A task that takes long enough is better on its own. */
static bool is_dear(const struct chunking *c, uint64_t cost_ns)
{
    return 2 * cost_ns > c->module->target.task_ns;
}

static void chunk_each(struct chunking *c, struct ir_instruction *each)
{
    struct chunk_shape shape;
    const char *refused = chunk_recognize(c->module, &c->effects, each, &shape);
    if (!refused && is_dear(c, shape.cost_ns))
        refused = "its tasks take long enough";
    if (refused && shape.call)
        ir_remark(c->module, "chunk", REMARK_MISSED, each->span, "not chunked: %s", refused);
    if (refused)
        return;
    ir_remark(c->module, "chunk", REMARK_DONE, each->span,
              "chunked: calls of `%s` share tasks when there are many", shape.task->name);
    each->callee = make_chunked(c, &shape, each->callee);
    each->opcode = IR_APPLY;
    each->number = 0;
}

/* ---- Reductions ----------------------------------------------------------------------------- */

/* What the functions of a chunked reduction take behind the count: arity, chunk, the initial
 * values, and the comprehension's captures. */
static void push_tree(struct chunking *c, struct type_list *types, const struct chunk_shape *s,
                      const struct chunk_reduction *reduction)
{
    vector_push(types, c->integer);
    vector_push(types, c->integer);
    for (uint32_t r = 0; reduction->has_initial && r < s->function->result_count; r++)
        vector_push(types, s->function->results[r]);
    push_captures(types, s->function);
}

static void return_call(struct piece *p, uint32_t kernel, const struct value_list *operands)
{
    const struct ir_instruction *call = call_kernel(p, kernel, operands);
    struct value_list results = {0};
    push_row(&results, call->first_result, call->result_count);
    ir_return(&p->build, results.items, (uint32_t)results.count);
    vector_release(&results);
}

/* The first piece begins with the initial values: b0 decides, by the piece's number. */
static void return_initial(struct chunking *c, struct piece *p, uint32_t kernel,
                           const struct chunk_reduction *reduction, struct value_list *operands,
                           ir_value initial)
{
    struct chunk_kernel first;
    uint32_t count = p->shape->function->result_count;
    uint32_t callee = make_kernel(c, p->shape, reduction, p->build.function->name, &first);
    ir_value is_first =
        ir_int_operation(&p->build, OPERATION_EQ, PIECE_INDEX, ir_constant_int(&p->build, 0));
    uint32_t begin = ir_block_new(c->module, p->build.function);
    uint32_t others = ir_block_new(c->module, p->build.function);
    ir_branch(&p->build, is_first, begin, NULL, 0, others, NULL, 0);
    p->build.block = others;
    return_call(p, kernel, operands);
    p->build.block = begin;
    push_row(operands, initial, count);
    return_call(p, callee, operands);
}

/* The function from the number of a piece to the root of its subtree. */
static uint32_t make_root(struct chunking *c, const struct chunk_shape *s,
                          const struct chunk_reduction *reduction, const struct ir_function *base)
{
    enum { ARITY = PIECE_FIXED, CHUNK, INITIAL };
    uint32_t leaves = s->function->result_count, number;
    ir_value captures = INITIAL + (reduction->has_initial ? leaves : 0);
    struct type_list types = {0};
    struct value_list operands = {0};
    struct chunk_kernel kernel;
    struct chunk_reduction plain = *reduction;
    plain.has_initial = false;
    uint32_t callee = make_kernel(c, s, &plain, new_name(c, base, "piece"), &kernel);
    for (uint32_t i = 0; i < PIECE_FIXED; i++)
        vector_push(&types, c->integer);
    push_tree(c, &types, s, reduction);
    struct piece p = {.shape = s, .kernel = &kernel};
    p.build = begin_function(c, base, "piece", types.items, types.count, &number);
    set_results(&p.build, s->function->results, leaves);
    begin_piece(&p, captures);
    vector_push(&operands, p.low);
    vector_push(&operands, p.high);
    if (!reduction->arity)
        vector_push(&operands, ARITY);
    if (!reduction->chunk)
        vector_push(&operands, CHUNK);
    push_inputs(c, &p, captures, &operands);
    if (reduction->has_initial && !FLOW_MUTANT(CHUNK_INITIAL))
        return_initial(c, &p, callee, reduction, &operands, INITIAL);
    else
        return_call(&p, callee, &operands);
    free(p.values);
    vector_release(&types);
    vector_release(&operands);
    return number;
}

/* reduce, with the types and the place of an instruction in `from`. */
static void return_reduce(struct ir_builder *b, const struct ir_instruction *reduce,
                          const struct ir_type *const *types, const struct value_list *operands,
                          bool has_initial)
{
    b->span = reduce->span;
    struct ir_instruction *root = ir_emit(b, IR_REDUCE, operands->items, (uint32_t)operands->count,
                                          types, reduce->result_count);
    root->callee = reduce->callee;
    root->flag = has_initial;
    struct value_list results = {0};
    push_row(&results, root->first_result, root->result_count);
    ir_return(b, results.items, (uint32_t)results.count);
    vector_release(&results);
}

static ir_value subtree_length(struct chunking *c, struct ir_builder *b, ir_value limit)
{
    if (FLOW_MUTANT(CHUNK_TREE))
        return limit;
    if (c->subtree == NO_FUNCTION)
        c->subtree = make_subtree(c);
    struct ir_instruction *apply =
        ir_emit(b, IR_APPLY, (ir_value[]){limit, 1, 2}, 3, &c->integer, 1);
    apply->callee = c->subtree;
    return apply->first_result;
}

/* b0(count, arity, chunk, initial..., captures...) */
static uint32_t make_reduced(struct chunking *c, const struct chunk_shape *s,
                             const struct chunk_reduction *reduction,
                             const struct ir_instruction *reduce, uint32_t each)
{
    enum { COUNT, ARITY, CHUNK, INITIAL };
    const struct ir_function *base = c->module->functions[reduce->callee];
    uint32_t leaves = s->function->result_count, number, as_written;
    uint32_t captures = s->function->blocks[0].parameter_count - 1;
    ir_value first_capture = INITIAL + (reduction->has_initial ? leaves : 0);
    uint32_t piece = make_root(c, s, reduction, base);
    struct type_list types = {0};
    struct value_list operands = {0};
    vector_push(&types, c->integer);
    push_tree(c, &types, s, reduction);
    struct ir_builder b = begin_function(c, base, "chunked", types.items, types.count, &number);
    set_results(&b, base->results, leaves);
    ir_value limit = most_at_once(c, &b, COUNT, s->cost_ns + reduction->cost_ns);
    ir_value length = subtree_length(c, &b, limit);
    branch_on_length(c, &b, length, &as_written);
    vector_push(&operands, count_pieces(&b, COUNT, length));
    vector_push(&operands, length);
    push_row(&operands, 0, (uint32_t)types.count);
    ir_value roots = emit_each(&b, piece, &operands)->first_result;
    operands.count = 0;
    vector_push(&operands, ARITY);
    vector_push(&operands, ir_constant_int(&b, 1));
    push_row(&operands, roots, leaves);
    return_reduce(&b, reduce, base->results, &operands, false);
    b.block = as_written;
    b.span = s->function->span;
    operands.count = 0;
    vector_push(&operands, COUNT);
    push_row(&operands, first_capture, captures);
    ir_value all = emit_each(&b, each, &operands)->first_result;
    operands.count = 0;
    push_row(&operands, ARITY, 2);
    push_row(&operands, all, leaves);
    push_row(&operands, INITIAL, reduction->has_initial ? leaves : 0);
    return_reduce(&b, reduce, base->results, &operands, reduction->has_initial);
    vector_release(&types);
    vector_release(&operands);
    return number;
}

/* The comprehension that a reduction, and nothing else, takes; NULL if there is none in its block:
 * in another one it may run more often than the reduction, or less. */
static struct ir_instruction *find_each(const struct chunking *c, const struct ir_block *block,
                                        const struct ir_instruction *reduce)
{
    struct ir_instruction *each = c->definitions[reduce->operands[2]];
    bool found = false;
    if (!each || each->opcode != IR_EACH || each->result_count != reduce->result_count)
        return NULL;
    for (uint32_t r = 0; r < each->result_count; r++)
        if (reduce->operands[2 + r] != each->first_result + r ||
            c->uses[each->first_result + r] != 1)
            return NULL;
    for (uint32_t n = 0; n < block->count; n++)
        found |= block->instructions[n] == each;
    return found ? each : NULL;
}

/* Whether the comprehension's elements have the types of the reduction's values. */
static bool gives_elements(const struct chunk_shape *s, const struct chunk_reduction *reduction)
{
    const struct type *element = s->task->result, *value = reduction->task->result;
    if (ir_leaf_count(element) != ir_leaf_count(value))
        return false;
    for (uint32_t leaf = 0; leaf < ir_leaf_count(value); leaf++)
        if (ir_leaf(element, leaf) != ir_leaf(value, leaf))
            return false;
    return true;
}

static const struct ir_instruction *constant_of(const struct chunking *c, ir_value value)
{
    const struct ir_instruction *made = c->definitions[value];
    return made && made->opcode == IR_CONSTANT ? made : NULL;
}

static void remove_instruction(struct ir_block *block, const struct ir_instruction *instruction)
{
    uint32_t kept = 0;
    for (uint32_t n = 0; n < block->count; n++)
        if (block->instructions[n] != instruction)
            block->instructions[kept++] = block->instructions[n];
    block->count = kept;
}

static void replace_reduction(struct chunking *c, struct ir_instruction *reduce,
                              const struct ir_instruction *each, uint32_t callee)
{
    uint32_t leaves = reduce->result_count;
    struct value_list operands = {0};
    vector_push(&operands, each->operands[0]);
    vector_push(&operands, reduce->operands[0]);
    vector_push(&operands, reduce->operands[1]);
    for (uint32_t r = 0; reduce->flag && r < leaves; r++)
        vector_push(&operands, reduce->operands[2 + leaves + r]);
    for (uint32_t o = 1; o < each->operand_count; o++)
        vector_push(&operands, each->operands[o]);
    reduce->opcode = IR_APPLY;
    reduce->callee = callee;
    reduce->flag = false;
    reduce->operands =
        arena_copy(c->module->arena, operands.items, operands.count * sizeof *operands.items);
    reduce->operand_count = (uint32_t)operands.count;
    vector_release(&operands);
}

/* NULL, or why a reduction is not chunked with its comprehension. */
static const char *recognize_both(struct chunking *c, const struct ir_instruction *each,
                                  const struct ir_instruction *reduce, struct chunk_shape *shape,
                                  struct chunk_reduction *reduction)
{
    const char *refused = chunk_recognize(c->module, &c->effects, each, shape);
    if (refused)
        return refused;
    refused = chunk_recognize_reduction(c->module, &c->effects, reduce, reduction);
    if (refused)
        return refused;
    if (!gives_elements(shape, reduction))
        return "its elements are of another type than its result";
    if (is_dear(c, shape->cost_ns + reduction->cost_ns))
        return "its tasks take long enough";
    reduction->arity = constant_of(c, reduce->operands[0]);
    reduction->chunk = constant_of(c, reduce->operands[1]);
    return NULL;
}

static bool chunk_reduce(struct chunking *c, struct ir_block *block, struct ir_instruction *reduce)
{
    struct chunk_shape shape;
    struct chunk_reduction reduction;
    const struct ir_instruction *each = find_each(c, block, reduce);
    if (!each)
        return false;
    const char *refused = recognize_both(c, each, reduce, &shape, &reduction);
    if (refused && shape.call)
        ir_remark(c->module, "chunk", REMARK_MISSED, reduce->span,
                  "not chunked with its comprehension: %s", refused);
    if (refused)
        return false;
    ir_remark(c->module, "chunk", REMARK_DONE, reduce->span,
              "chunked: calls of `%s` and `%s` share tasks when there are many", shape.task->name,
              reduction.task->name);
    uint32_t callee = make_reduced(c, &shape, &reduction, reduce, each->callee);
    replace_reduction(c, reduce, each, callee);
    remove_instruction(block, each);
    return true;
}

/* ---- The pass ------------------------------------------------------------------------------- */

static void note_values(struct chunking *c)
{
    for (uint32_t b = 0; b < c->function->block_count; b++)
        for (uint32_t n = 0; n < c->function->blocks[b].count; n++) {
            struct ir_instruction *i = c->function->blocks[b].instructions[n];
            for (uint32_t o = 0; o < i->operand_count; o++)
                c->uses[i->operands[o]]++;
            for (uint32_t r = 0; r < i->result_count; r++)
                c->definitions[i->first_result + r] = i;
        }
}

/* Reductions first: they take comprehensions away. */
static void chunk_block(struct chunking *c, struct ir_block *block)
{
    for (uint32_t n = 0; n < block->count; n++)
        if (block->instructions[n]->opcode == IR_REDUCE &&
            chunk_reduce(c, block, block->instructions[n]))
            n--; /* an instruction before it is gone */
    for (uint32_t n = 0; n < block->count; n++)
        if (block->instructions[n]->opcode == IR_EACH)
            chunk_each(c, block->instructions[n]);
}

static void chunk_function(struct chunking *c)
{
    c->definitions = memory_new(c->function->value_count, sizeof *c->definitions);
    c->uses = memory_new(c->function->value_count, sizeof *c->uses);
    note_values(c);
    for (uint32_t b = 0; b < c->function->block_count; b++)
        chunk_block(c, &c->function->blocks[b]);
    free(c->definitions);
    free(c->uses);
}

void pass_chunk(struct ir_module *module)
{
    struct chunking c = {.module = module, .subtree = NO_FUNCTION};
    c.integer = ir_type_known(module, type_scalar(module->types, WK_I64));
    c.effects = effects_find(module);
    uint32_t count = module->function_count;
    for (uint32_t i = 0; i < count; i++) {
        c.function = module->functions[i];
        chunk_function(&c);
    }
    effects_release(&c.effects);
    ir_tidy(module);
}
