/*
 * Comprehensions over cheap tasks are evaluated in pieces, a task each; and a reduction of one
 * together with it, a task for each of the reduction's subtrees. `[f(i, a) for i in 0..n]`, which
 * is
 *
 *     %s: {1}?f64 = each.1 @main.each1 %n, %a
 *
 * becomes `apply @main.each1.chunked %n, %a`. That function computes the length of a piece from n,
 * what a call of f costs (by known arguments, if it depends on them), and how much runs at once.
 * When it is less than two, all is as written. Otherwise
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
#include "flow/need.h"
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
    uint32_t number;              /* of it */
    const struct ir_type *integer;
    struct ir_instruction **definitions; /* by value of it */
    uint32_t *uses;                      /* by value of it */
    struct effects effects;              /* of the module as it was */
    struct need need;                    /* the same */
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

static struct ir_instruction *emit_each(struct ir_builder *b, uint32_t callee, uint32_t rank,
                                        const struct value_list *operands)
{
    const struct ir_function *function = b->module->functions[callee];
    struct type_list types = {0};
    for (uint32_t r = 0; r < function->result_count; r++)
        vector_push(&types, ir_type_structured(b->module, function->results[r], (uint8_t)rank));
    struct ir_instruction *each = ir_emit(b, IR_EACH, operands->items, (uint32_t)operands->count,
                                          types.items, (uint32_t)types.count);
    each->callee = callee;
    each->number = rank;
    vector_release(&types);
    return each;
}

static void push_row(struct value_list *list, ir_value first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        vector_push(list, first + i);
}

static void push_integers(struct chunking *c, struct type_list *types, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        vector_push(types, c->integer);
}

/* The types of what a comprehension's function captures. */
static void push_captures(struct type_list *types, const struct chunk_shape *s)
{
    const struct ir_block *entry = &s->function->blocks[0];
    for (uint32_t p = s->rank; p < entry->parameter_count; p++)
        vector_push(types, ir_type_of(s->function, entry->first_parameter + p));
}

/* How many indexes a space has whose extents stand from `extents` on. */
static ir_value emit_count(struct ir_builder *b, uint32_t rank, ir_value extents)
{
    ir_value count = extents;
    for (uint32_t d = 1; d < rank; d++)
        count = ir_int_operation(b, OPERATION_MUL, count, extents + d);
    return count;
}

/* ---- The function of a piece ---------------------------------------------------------------- */

/* Where the values of the comprehension's function are in another one: its captures stand there
 * from `captures` on. */
static ir_value *map_captures(const struct chunk_shape *s, ir_value captures)
{
    const struct ir_block *entry = &s->function->blocks[0];
    ir_value *values = memory_new(s->function->value_count, sizeof *values);
    for (uint32_t p = s->rank; p < entry->parameter_count; p++)
        values[entry->first_parameter + p] = captures + p - s->rank;
    return values;
}

static bool has_gathered(const struct chunk_kernel *kernel)
{
    for (uint32_t i = 0; i < kernel->input_count; i++)
        if (kernel->inputs[i].gathered)
            return true;
    return false;
}

/* The indexes of the comprehension's function, from the number in row-major order. */
static void map_indexes(struct ir_builder *b, const struct chunk_shape *s, ir_value number,
                        ir_value extents, ir_value *values)
{
    ir_value first = s->function->blocks[0].first_parameter;
    for (uint32_t d = s->rank - 1; d > 0; d--) {
        values[first + d] = ir_int_operation(b, OPERATION_REM, number, extents + d);
        number = ir_int_operation(b, OPERATION_DIV, number, extents + d);
    }
    values[first] = number;
}

/* A function from an index within a piece, the piece's first, the extents (of a space of several
 * dimensions), and captures to the arguments that are gathered. It does all that the
 * comprehension's function does, but for the call. */
static uint32_t make_arguments(struct chunking *c, const struct chunk_shape *s,
                               const struct chunk_kernel *kernel)
{
    enum { INDEX, LOW, EXTENTS };
    struct type_list types = {0}, results = {0};
    struct value_list returned = {0};
    uint32_t number, extents = s->rank > 1 ? s->rank : 0;
    push_integers(c, &types, EXTENTS + extents);
    push_captures(&types, s);
    struct ir_builder b =
        begin_function(c, s->function, "arguments", types.items, types.count, &number);
    ir_value *values = map_captures(s, EXTENTS + extents);
    map_indexes(&b, s, ir_int_operation(&b, OPERATION_ADD, LOW, INDEX), EXTENTS, values);
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
    bool is_root; /* its kernel gives one result, not an array of all */
    ir_value low, high, extent;
    ir_value *values; /* of the comprehension's function */
};

/* The first parameters; behind the extents stand others. */
enum { PIECE_INDEX, PIECE_LENGTH, PIECE_EXTENTS };

/* The bounds of the piece, and what is the same for all its indexes. */
static void begin_piece(struct piece *p, ir_value captures)
{
    const struct ir_function *function = p->shape->function;
    struct ir_builder *b = &p->build;
    p->low = ir_int_operation(b, OPERATION_MUL, PIECE_INDEX, PIECE_LENGTH);
    ir_value count = emit_count(b, p->shape->rank, PIECE_EXTENTS);
    ir_value rest = ir_int_operation(b, OPERATION_SUB, count, p->low);
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
    push_row(&operands, PIECE_EXTENTS, p->shape->rank > 1 ? p->shape->rank : 0);
    push_row(&operands, captures, chunk_capture_count(p->shape));
    uint32_t arguments = make_arguments(c, p->shape, p->kernel);
    ir_value first = emit_each(&p->build, arguments, 1, &operands)->first_result;
    vector_release(&operands);
    return first;
}

static void push_inputs(struct chunking *c, struct piece *p, ir_value captures,
                        struct value_list *operands)
{
    ir_value next = has_gathered(p->kernel) ? gather(c, p, captures) : 0;
    push_row(operands, PIECE_EXTENTS + 1, p->shape->rank - 1);
    for (uint32_t i = 0; i < p->kernel->input_count; i++) {
        const struct chunk_input *input = &p->kernel->inputs[i];
        for (uint32_t v = 0; v < input->count; v++)
            vector_push(operands, input->gathered ? next++ : p->values[input->values[v]]);
    }
}

/* The known extents of an array that the kernel gives; those of rows stand at *row. */
static void push_extents(const struct piece *p, uint32_t rank, uint32_t *row,
                         struct value_list *all)
{
    uint32_t of_rows = p->is_root || rank == 0 ? rank : rank - 1;
    bool swaps = FLOW_MUTANT(CHUNK_SHAPE) && p->is_root && rank == 2;
    if (rank > of_rows)
        vector_push(all, p->extent);
    for (uint32_t d = 0; d < of_rows; d++)
        vector_push(all, p->values[p->shape->call->operands[*row + (swaps ? 1 - d : d)]]);
    *row += of_rows;
}

/* Calls the kernel: arrays that it gives have the piece's extent, and behind it those of rows; a
 * reduction's results are what the task gives, rows. */
static struct ir_instruction *call_kernel(struct piece *p, uint32_t kernel,
                                          const struct value_list *operands)
{
    struct ir_module *module = p->build.module;
    const struct type *result = module->kernels[kernel]->result;
    struct value_list all = {0};
    struct type_list types = {0};
    uint32_t row = chunk_argument_count(p->shape);
    for (size_t o = 0; o < operands->count; o++)
        vector_push(&all, operands->items[o]);
    for (uint32_t leaf = 0; leaf < ir_leaf_count(result); leaf++) {
        const struct type *type = ir_leaf(result, leaf);
        uint32_t rank = type->kind == TYPE_ARRAY ? type->rank : 0;
        vector_push(&types, ir_type_pending(module, type, (1U << rank) - 1));
        push_extents(p, rank, &row, &all);
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
    ir_value captures = PIECE_EXTENTS + s->rank;
    push_integers(c, &types, captures);
    push_captures(&types, s);
    struct piece p = {.shape = s, .kernel = &kernel};
    p.build = begin_function(c, s->function, "piece", types.items, types.count, &number);
    begin_piece(&p, captures);
    vector_push(&operands, p.low);
    vector_push(&operands, p.high);
    push_inputs(c, &p, captures, &operands);
    const struct ir_instruction *call = call_kernel(&p, callee, &operands);
    types.count = 0;
    for (uint32_t r = 0; r < call->result_count; r++) {
        const struct ir_type *element = ir_type_of(s->function, s->call->first_result + r);
        const struct ir_type *all = ir_type_structured(c->module, element, 1);
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

/* Goes on in a new block if the condition holds, and else in `otherwise`; 0: a block to be made. */
static void continue_if(struct chunking *c, struct ir_builder *b, ir_value condition,
                        uint32_t *otherwise)
{
    uint32_t next = ir_block_new(c->module, b->function);
    if (*otherwise == 0)
        *otherwise = ir_block_new(c->module, b->function);
    ir_branch(b, condition, next, NULL, 0, *otherwise, NULL, 0);
    b->block = next;
}

static void continue_if_at_least(struct chunking *c, struct ir_builder *b, ir_value value,
                                 int64_t least, uint32_t *otherwise)
{
    ir_value limit = ir_constant_int(b, least);
    continue_if(c, b, ir_int_operation(b, OPERATION_GE, value, limit), otherwise);
}

/* How many indexes the space has, if that is a number that can be reckoned with: of a space of
 * several dimensions none is empty, and the product is far from 2^63. */
static ir_value count_indexes(struct chunking *c, struct ir_builder *b, uint32_t rank,
                              ir_value extents, uint32_t *as_written)
{
    ir_value least = extents, most = extents;
    for (uint32_t d = 1; d < rank; d++) {
        least = ir_int_operation(b, OPERATION_MIN, least, extents + d);
        most = ir_int_operation(b, OPERATION_MAX, most, extents + d);
    }
    if (rank > 1) {
        ir_value limit = ir_constant_int(b, INT64_C(1) << 62 / rank);
        continue_if_at_least(c, b, least, 1, as_written);
        continue_if(c, b, ir_int_operation(b, OPERATION_LE, most, limit), as_written);
    }
    return emit_count(b, rank, extents);
}

/* As many as cost what a task should, and at most so many that all workers have enough. What
 * depends on arguments is not computed for spaces that are too small anyway. */
static ir_value most_at_once(struct chunking *c, struct ir_builder *b, const struct chunk_shape *s,
                             const struct chunk_reduction *reduction, ir_value count,
                             ir_value captures, uint32_t *as_written)
{
    const struct ir_target *target = &c->module->target;
    int64_t pieces = PIECES_EACH * (int64_t)target->parallelism;
    uint64_t cost_ns = s->cost_ns + (reduction ? reduction->cost_ns : 0);
    ir_value fair = ir_int_operation(b, OPERATION_DIV, count, ir_constant_int(b, pieces)), most;
    if (chunk_length_varies(s)) {
        ir_value extents[WK_MAX_RANK];
        for (uint32_t d = 0; d < s->rank; d++)
            extents[d] = d; /* the first parameters */
        continue_if_at_least(c, b, fair, 2, as_written);
        most = chunk_emit_length(b, s, reduction, extents, captures);
    } else {
        most = ir_constant_int(b, (int64_t)(target->task_ns / (cost_ns ? cost_ns : 1)));
    }
    return ir_int_operation(b, OPERATION_MIN, fair, most);
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

/* A function from the indexes to the element of a structure of rank 1. */
static uint32_t make_element(struct chunking *c, const struct chunk_shape *s)
{
    struct type_list types = {0};
    struct value_list results = {0};
    uint32_t rank = s->rank, count = s->function->result_count, number;
    push_integers(c, &types, rank + rank);
    for (uint32_t r = 0; r < count; r++)
        vector_push(&types, ir_type_structured(c->module, s->function->results[r], 1));
    struct ir_builder b =
        begin_function(c, s->function, "element", types.items, types.count, &number);
    ir_value at = 0;
    for (uint32_t d = 1; d < rank; d++) {
        at = ir_int_operation(&b, OPERATION_MUL, at, rank + d);
        at = ir_int_operation(&b, OPERATION_ADD, at, d);
    }
    for (uint32_t r = 0; r < count; r++)
        vector_push(&results, ir_emit_value(&b, IR_GET, (ir_value[]){rank + rank + r, at}, 2,
                                            s->function->results[r]));
    ir_return(&b, results.items, count);
    set_results(&b, s->function->results, count);
    vector_release(&types);
    vector_release(&results);
    return number;
}

/* The structures of a space of several dimensions from those of its elements in a row. */
static void return_shaped(struct ir_builder *b, const struct chunk_shape *s, uint32_t element,
                          const struct value_list *rows)
{
    struct value_list operands = {0}, results = {0};
    if (s->rank > 1) {
        push_row(&operands, 0, s->rank);
        push_row(&operands, 0, s->rank);
        for (size_t r = 0; r < rows->count; r++)
            vector_push(&operands, rows->items[r]);
        const struct ir_instruction *shaped = emit_each(b, element, s->rank, &operands);
        push_row(&results, shaped->first_result, shaped->result_count);
        rows = &results;
    }
    ir_return(b, rows->items, (uint32_t)rows->count);
    vector_release(&operands);
    vector_release(&results);
}

static void return_as_written(struct ir_builder *b, const struct chunk_shape *s, uint32_t each)
{
    struct value_list operands = {0}, results = {0};
    push_row(&operands, 0, s->function->blocks[0].parameter_count);
    push_row(&results, emit_each(b, each, s->rank, &operands)->first_result,
             s->function->result_count);
    ir_return(b, results.items, (uint32_t)results.count);
    vector_release(&operands);
    vector_release(&results);
}

/* b0(extents..., captures...) */
static uint32_t make_chunked(struct chunking *c, const struct chunk_shape *s, uint32_t each)
{
    const struct ir_function *function = s->function;
    uint32_t number, as_written = 0, piece = make_piece(c, s);
    uint32_t element = s->rank > 1 ? make_element(c, s) : 0;
    struct type_list types = {0};
    struct value_list operands = {0}, results = {0};
    push_integers(c, &types, s->rank);
    push_captures(&types, s);
    struct ir_builder b = begin_function(c, function, "chunked", types.items, types.count, &number);
    ir_value count = count_indexes(c, &b, s->rank, 0, &as_written);
    ir_value length = most_at_once(c, &b, s, NULL, count, s->rank, &as_written);
    continue_if_at_least(c, &b, length, 2, &as_written);
    vector_push(&operands, count_pieces(&b, count, length));
    vector_push(&operands, length);
    push_row(&operands, 0, (uint32_t)types.count);
    const struct ir_instruction *pieces = emit_each(&b, piece, 1, &operands);
    types.count = 0;
    for (uint32_t r = 0; r < function->result_count; r++) {
        ir_value list = pieces->first_result + r;
        vector_push(&results, ir_emit_value(&b, IR_CONCAT_ALL, &list, 1,
                                            ir_type_of(b.function, list)->element));
        vector_push(&types, ir_type_structured(c->module, function->results[r], (uint8_t)s->rank));
    }
    return_shaped(&b, s, element, &results);
    b.block = as_written;
    return_as_written(&b, s, each);
    set_results(&b, types.items, (uint32_t)types.count);
    vector_release(&types);
    vector_release(&operands);
    vector_release(&results);
    return number;
}

/* A task that takes long enough is better on its own. What depends on arguments is seen when the
 * graph is built. */
static bool is_dear(const struct chunking *c, const struct chunk_shape *shape,
                    const struct chunk_reduction *reduction)
{
    uint64_t cost_ns = shape->cost ? 0 : shape->cost_ns;
    if (reduction && !reduction->cost)
        cost_ns += reduction->cost_ns;
    return 2 * cost_ns > c->module->target.task_ns;
}

/* Whether some of the tasks may be needed without the others, one of which may fail. */
static bool would_fail_in_vain(const struct chunking *c, const struct ir_instruction *each,
                               const struct chunk_shape *shape)
{
    const bool *parts = c->need.parts[c->number];
    bool in_parts = false;
    for (uint32_t r = 0; r < each->result_count; r++)
        in_parts |= parts[each->first_result + r];
    return in_parts && !need_task_is_total(shape->task) && !FLOW_MUTANT(CHUNK_NEED);
}

static void chunk_each(struct chunking *c, struct ir_instruction *each)
{
    struct chunk_shape shape;
    const char *refused = chunk_recognize(c->module, &c->effects, each, &shape);
    if (!refused && is_dear(c, &shape, NULL))
        refused = "its tasks take long enough";
    if (!refused && would_fail_in_vain(c, each, &shape))
        refused = "its tasks may fail, and some may be needed without the others";
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
    push_captures(types, s);
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
    uint32_t leaves = s->function->result_count, number;
    ir_value arity = PIECE_EXTENTS + s->rank, chunk = arity + 1, initial = chunk + 1;
    ir_value captures = initial + (reduction->has_initial ? leaves : 0);
    struct type_list types = {0};
    struct value_list operands = {0};
    struct chunk_kernel kernel;
    struct chunk_reduction plain = *reduction;
    plain.has_initial = false;
    uint32_t callee = make_kernel(c, s, &plain, new_name(c, base, "piece"), &kernel);
    push_integers(c, &types, arity);
    push_tree(c, &types, s, reduction);
    struct piece p = {.shape = s, .kernel = &kernel, .is_root = true};
    p.build = begin_function(c, base, "piece", types.items, types.count, &number);
    set_results(&p.build, s->function->results, leaves);
    begin_piece(&p, captures);
    vector_push(&operands, p.low);
    vector_push(&operands, p.high);
    if (!reduction->arity)
        vector_push(&operands, arity);
    if (!reduction->chunk)
        vector_push(&operands, chunk);
    push_inputs(c, &p, captures, &operands);
    if (reduction->has_initial && !FLOW_MUTANT(CHUNK_INITIAL))
        return_initial(c, &p, callee, reduction, &operands, initial);
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

static ir_value subtree_length(struct chunking *c, struct ir_builder *b, ir_value limit,
                               ir_value arity)
{
    if (FLOW_MUTANT(CHUNK_TREE))
        return limit;
    if (c->subtree == NO_FUNCTION)
        c->subtree = make_subtree(c);
    struct ir_instruction *apply =
        ir_emit(b, IR_APPLY, (ir_value[]){limit, arity, arity + 1}, 3, &c->integer, 1);
    apply->callee = c->subtree;
    return apply->first_result;
}

/* The reduction of the comprehension as written. */
static void return_reduced_as_written(struct ir_builder *b, const struct chunk_shape *s,
                                      const struct ir_instruction *reduce, uint32_t each,
                                      ir_value first_capture)
{
    const struct ir_function *base = b->module->functions[reduce->callee];
    uint32_t leaves = s->function->result_count;
    struct value_list operands = {0};
    b->span = s->function->span;
    push_row(&operands, 0, s->rank);
    push_row(&operands, first_capture, chunk_capture_count(s));
    ir_value all = emit_each(b, each, s->rank, &operands)->first_result;
    operands.count = 0;
    push_row(&operands, s->rank, 2);
    push_row(&operands, all, leaves);
    push_row(&operands, s->rank + 2, reduce->flag ? leaves : 0);
    return_reduce(b, reduce, base->results, &operands, reduce->flag);
    vector_release(&operands);
}

/* b0(extents..., arity, chunk, initial..., captures...) */
static uint32_t make_reduced(struct chunking *c, const struct chunk_shape *s,
                             const struct chunk_reduction *reduction,
                             const struct ir_instruction *reduce, uint32_t each)
{
    const struct ir_function *base = c->module->functions[reduce->callee];
    uint32_t leaves = s->function->result_count, number, as_written = 0;
    ir_value arity = s->rank, captures = arity + 2 + (reduction->has_initial ? leaves : 0);
    uint32_t piece = make_root(c, s, reduction, base);
    struct type_list types = {0};
    struct value_list operands = {0};
    push_integers(c, &types, s->rank);
    push_tree(c, &types, s, reduction);
    struct ir_builder b = begin_function(c, base, "chunked", types.items, types.count, &number);
    set_results(&b, base->results, leaves);
    ir_value count = count_indexes(c, &b, s->rank, 0, &as_written);
    ir_value limit = most_at_once(c, &b, s, reduction, count, captures, &as_written);
    ir_value length = subtree_length(c, &b, limit, arity);
    continue_if_at_least(c, &b, length, 2, &as_written);
    vector_push(&operands, count_pieces(&b, count, length));
    vector_push(&operands, length);
    push_row(&operands, 0, (uint32_t)types.count);
    ir_value roots = emit_each(&b, piece, 1, &operands)->first_result;
    operands.count = 0;
    vector_push(&operands, arity);
    vector_push(&operands, ir_constant_int(&b, 1));
    push_row(&operands, roots, leaves);
    return_reduce(&b, reduce, base->results, &operands, false);
    b.block = as_written;
    return_reduced_as_written(&b, s, reduce, each, captures);
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
    for (uint32_t d = 0; d < each->number; d++)
        vector_push(&operands, each->operands[d]);
    vector_push(&operands, reduce->operands[0]);
    vector_push(&operands, reduce->operands[1]);
    for (uint32_t r = 0; reduce->flag && r < leaves; r++)
        vector_push(&operands, reduce->operands[2 + leaves + r]);
    for (uint32_t o = each->number; o < each->operand_count; o++)
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
    refused = chunk_recognize_reduction(shape, &c->effects, reduce, reduction);
    if (refused)
        return refused;
    if (is_dear(c, shape, reduction))
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
    c.need = need_find(module);
    uint32_t count = module->function_count;
    for (uint32_t i = 0; i < count; i++) {
        c.function = module->functions[i];
        c.number = i;
        chunk_function(&c);
    }
    effects_release(&c.effects);
    need_release(&c.need);
    ir_tidy(module);
}
