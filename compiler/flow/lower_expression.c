/*
 * Expressions but for calls, indexes, comprehensions and builtins. Operations on known scalars are
 * instructions; on pending scalars and whole pending arrays small tasks; on arrays of known
 * structure they go element by element.
 */
#include "base/memory.h"
#include "check/messages.h"
#include "flow/lower.h"
#include "value/semantics.h"

enum { LAZY_LIMIT = 256 }; /* values of one lazy operator; the height of trees is limited too */

/* ---- Helpers -------------------------------------------------------------------------------- */

ir_value lower_scalar(struct lower *f, const struct typed *node)
{
    return lower_expression(f, node).values[0];
}

ir_value lower_int(struct lower *f, enum operation operation, ir_value left, ir_value right)
{
    return ir_int_operation(&f->build, operation, left, right);
}

void lower_check(struct lower *f, ir_value condition, enum error_code code, const char *format,
                 const ir_value *values, uint32_t count)
{
    ir_value operands[8] = {condition};
    char types[8] = "";
    for (uint32_t i = 0; i < count; i++) {
        operands[1 + i] = values[i];
        types[i] = 'i';
    }
    struct ir_instruction *check = ir_emit(&f->build, IR_CHECK, operands, 1 + count, NULL, 0);
    check->code = code;
    check->format = format;
    check->types = arena_text(f->shared->arena, types, count);
}

void lower_check_extent(struct lower *f, uint32_t dimension, ir_value expected, ir_value found)
{
    ir_value same = lower_int(f, OPERATION_EQ, expected, found);
    ir_value values[] = {ir_constant_int(&f->build, dimension), expected, found};
    lower_check(f, same, ERR_shape_mismatch, MESSAGE_EXTENT, values, 3);
}

void lower_check_shapes(struct lower *f, const struct type *type, struct lowered expected,
                        struct lowered found)
{
    for (uint32_t d = 0; d < type->rank; d++)
        if (lower_knows_extent(f, expected, d) && lower_knows_extent(f, found, d))
            lower_check_extent(f, d, lower_extent(f, expected, d), lower_extent(f, found, d));
}

/* ---- Operations ----------------------------------------------------------------------------- */

static bool can_fail(enum operation operation, const struct type *const *types)
{
    const struct type *scalar = types[0];
    while (scalar->kind == TYPE_ARRAY)
        scalar = scalar->element;
    return (type_is_integer(scalar) &&
            (operation == OPERATION_DIV || operation == OPERATION_REM)) ||
           operation == OPERATION_SHL || operation == OPERATION_SHR;
}

/* The extents of an elementwise result that some operand knows. */
static bool known_extents(struct lower *f, const struct type *type, const struct type *const *types,
                          const struct lowered *operands, uint32_t count, ir_value *extents)
{
    bool all = true;
    for (uint32_t d = 0; d < type->rank; d++) {
        extents[d] = NO_VALUE;
        for (uint32_t i = 0; i < count; i++) {
            if (types[i]->kind != TYPE_ARRAY)
                continue;
            if (!lower_knows_extent(f, operands[i], d))
                all = false;
            else if (extents[d] == NO_VALUE)
                extents[d] = lower_extent(f, operands[i], d);
        }
    }
    return all;
}

/* One task for the whole operation: the operands are its parameters. */
static struct lowered operation_task(struct lower *f, enum operation operation,
                                     const struct type *type, const struct type *const *types,
                                     const struct lowered *operands, uint32_t count)
{
    ir_value extents[WK_MAX_RANK];
    bool all = known_extents(f, type, types, operands, count, extents);
    struct typed_function *task =
        lower_small_task(f, operation_mnemonic(operation), operation_text(operation), types, count,
                         type, !all || can_fail(operation, types));
    if (lower_task_is_new(task)) {
        struct typed *node = lower_task_node(f, TYPED_OPERATION, type);
        node->operation = operation;
        node->operand_count = count;
        node->operator_span = f->build.span;
        for (uint32_t i = 0; i < count; i++)
            node->operands[i] = lower_task_parameter(f, task, i);
        lower_task_returns(f, task, node);
    }
    return lower_small_call(f, task, types, operands, count, extents);
}

static struct lowered operate_scalars(struct lower *f, enum operation operation,
                                      const struct type *type, const struct type *const *types,
                                      const struct lowered *operands, uint32_t count)
{
    ir_value values[3];
    for (uint32_t i = 0; i < count; i++) {
        values[i] = operands[i].values[0];
        if (!lower_is_known(f, values[i]))
            return operation_task(f, operation, type, types, operands, count);
    }
    return lower_single(f, ir_operation(&f->build, operation, types[0], values, count));
}

/* ---- Elementwise ---------------------------------------------------------------------------- */

/* What an elementwise function does with the elements of its operands. */
struct elementwise {
    const struct type *type;         /* the result's, an array */
    const struct type *const *types; /* the operands', arrays or scalars */
    const struct lowered *operands;
    uint32_t count;
    enum operation operation; /* NONE: conversion */
};

static struct lowered convert_scalar(struct lower *f, const struct type *to,
                                     const struct type *from, struct lowered value);

static struct lowered elementwise_body(struct lower *inner, const struct elementwise *e)
{
    ir_value indexes[WK_MAX_RANK];
    const struct type *types[3];
    struct lowered elements[3];
    ir_value at = e->type->rank;
    for (uint32_t d = 0; d < e->type->rank; d++)
        indexes[d] = d;
    for (uint32_t i = 0; i < e->count; i++) {
        struct lowered operand = lower_single(inner, at++);
        bool is_array = e->types[i]->kind == TYPE_ARRAY;
        types[i] = is_array ? e->types[i]->element : e->types[i];
        elements[i] = is_array ? lower_element(inner, e->types[i], operand, indexes) : operand;
    }
    if (e->operation == OPERATION_NONE)
        return convert_scalar(inner, e->type->element, types[0], elements[0]);
    return operate_scalars(inner, e->operation, e->type->element, types, elements, e->count);
}

/* Element by element, over the space of the first array operand. */
static struct lowered operate_elements(struct lower *f, const struct elementwise *e)
{
    struct value_list operands = {0}, captures = {0};
    const struct ir_type *indexes[WK_MAX_RANK];
    uint32_t first = 0;
    while (e->types[first]->kind != TYPE_ARRAY)
        first++;
    for (uint32_t i = first + 1; i < e->count; i++)
        if (e->types[i]->kind == TYPE_ARRAY)
            lower_check_shapes(f, e->type, e->operands[first], e->operands[i]);
    for (uint32_t d = 0; d < e->type->rank; d++) {
        indexes[d] = ir_type_known(f->build.module, f->shared->integer);
        vector_push(&operands, lower_extent(f, e->operands[first], d));
    }
    for (uint32_t i = 0; i < e->count; i++) {
        vector_push(&captures, e->operands[i].values[0]);
        vector_push(&operands, e->operands[i].values[0]);
    }
    struct lower inner;
    uint32_t callee = lower_outline(f, &inner, "each", indexes, e->type->rank, &captures);
    struct lowered element = elementwise_body(&inner, e);
    lower_outline_end(&inner, element);
    const struct ir_type *result = ir_type_structured(
        f->build.module, lower_ir_type(&inner, element.values[0]), e->type->rank);
    struct ir_instruction *each =
        ir_emit(&f->build, IR_EACH, operands.items, (uint32_t)operands.count, &result, 1);
    each->callee = callee;
    each->number = e->type->rank;
    vector_release(&operands);
    vector_release(&captures);
    return lower_single(f, each->first_result);
}

/* Structures go element by element; one pending array makes it a task for the whole. */
static bool goes_by_elements(const struct lower *f, const struct type *const *types,
                             const struct lowered *operands, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (types[i]->kind == TYPE_ARRAY && !lower_is_structured(f, operands[i].values[0]))
            return false;
    return true;
}

struct lowered lower_operate(struct lower *f, enum operation operation, const struct type *type,
                             const struct type *const *types, const struct lowered *operands,
                             uint32_t count)
{
    if (type->kind == TYPE_STRING)
        return lower_text_join(f, operands, count);
    if (type->kind != TYPE_ARRAY)
        return operate_scalars(f, operation, type, types, operands, count);
    if (goes_by_elements(f, types, operands, count))
        return operate_elements(f, &(struct elementwise){.type = type,
                                                         .types = types,
                                                         .operands = operands,
                                                         .count = count,
                                                         .operation = operation});
    for (uint32_t i = 1; i < count; i++)
        if (types[i]->kind == TYPE_ARRAY && types[0]->kind == TYPE_ARRAY)
            lower_check_shapes(f, type, operands[0], operands[i]);
    return operation_task(f, operation, type, types, operands, count);
}

static struct lowered lower_operation(struct lower *f, const struct typed *node)
{
    const struct type *types[3];
    struct lowered operands[3];
    for (uint32_t i = 0; i < node->operand_count; i++) {
        types[i] = node->operands[i]->type;
        operands[i] = lower_expression(f, node->operands[i]);
    }
    f->build.span = node->span;
    return lower_operate(f, node->operation, node->type, types, operands, node->operand_count);
}

/* ---- Conversions ---------------------------------------------------------------------------- */

static struct lowered convert_task(struct lower *f, const struct type *to, const struct type *from,
                                   struct lowered value)
{
    const char *what = arena_printf(f->shared->arena, "convert.%s", lower_mangle(f->shared, to));
    const struct type *scalar = to->kind == TYPE_ARRAY ? to->element : to;
    const char *name = scalar->scalar == WK_I64 ? "int" : wk_scalar_text(scalar->scalar);
    struct typed_function *task = lower_small_task(f, what, name, &from, 1, to, true);
    if (lower_task_is_new(task)) {
        struct typed *node = lower_task_node(f, TYPED_CONVERT, to);
        node->operands[0] = lower_task_parameter(f, task, 0);
        node->operand_count = 1;
        lower_task_returns(f, task, node);
    }
    ir_value extents[WK_MAX_RANK];
    known_extents(f, to, &from, &value, 1, extents);
    return lower_small_call(f, task, &from, &value, 1, extents);
}

static struct lowered convert_scalar(struct lower *f, const struct type *to,
                                     const struct type *from, struct lowered value)
{
    if (!lower_is_known(f, value.values[0]))
        return convert_task(f, to, from, value);
    const struct ir_type *result = ir_type_known(f->build.module, to);
    return lower_single(f, ir_emit_value(&f->build, IR_CONVERT, value.values, 1, result));
}

static struct lowered lower_convert(struct lower *f, const struct typed *node)
{
    const struct type *from = node->operands[0]->type;
    struct lowered value = lower_expression(f, node->operands[0]);
    f->build.span = node->span;
    if (type_has_parts(node->type) || node->type == from)
        return value; /* only the names of parts differ */
    if (node->type->kind != TYPE_ARRAY)
        return convert_scalar(f, node->type, from, value);
    if (!lower_is_structured(f, value.values[0]))
        return convert_task(f, node->type, from, value);
    return operate_elements(
        f,
        &(struct elementwise){.type = node->type, .types = &from, .operands = &value, .count = 1});
}

/* ---- Equality, the matrix product ----------------------------------------------------------- */

/* A task of two operands whose body is a node of this kind. */
static struct typed_function *pair_task(struct lower *f, const struct typed *node, const char *what,
                                        const char *name, const struct type *const *types, bool at)
{
    struct typed_function *task = lower_small_task(f, what, name, types, 2, node->type, at);
    if (lower_task_is_new(task)) {
        struct typed *body = lower_task_node(f, node->kind, node->type);
        body->operands[0] = lower_task_parameter(f, task, 0);
        body->operands[1] = lower_task_parameter(f, task, 1);
        body->operand_count = 2;
        body->operation = node->operation;
        body->negated = node->negated;
        body->operator_span = f->build.span;
        lower_task_returns(f, task, body);
    }
    return task;
}

/* Whether all leaves are known scalars: only such tuples are compared when the graph is built. */
static bool are_known_scalars(const struct lower *f, struct lowered value)
{
    for (uint32_t i = 0; i < value.count; i++)
        if (!lower_is_known(f, value.values[i]))
            return false;
    return true;
}

/* There is no operation `and` of bools; a block that is not entered does as well. */
static ir_value conjunction(struct lower *f, ir_value left, ir_value right)
{
    const struct ir_type *type = ir_type_known(f->build.module, f->shared->boolean);
    uint32_t joined = ir_block_new(f->build.module, f->build.function);
    ir_value result = ir_block_parameters(f->build.module, f->build.function, joined, &type, 1);
    ir_branch(&f->build, left, joined, &right, 1, joined, &left, 1);
    f->build.block = joined;
    return result;
}

static ir_value equal_scalars(struct lower *f, struct lowered left, struct lowered right)
{
    ir_value equal = ir_constant(&f->build, f->shared->boolean, 1);
    for (uint32_t i = 0; i < left.count; i++) {
        const struct type *type = lower_ir_type(f, left.values[i])->type;
        if (type_is_unit(type))
            continue;
        if (type->kind == TYPE_STRING) {
            struct lowered texts[] = {lower_single(f, left.values[i]),
                                      lower_single(f, right.values[i])};
            ir_value order = lower_text_compare(f, texts).values[0];
            ir_value same = lower_int(f, OPERATION_EQ, order, ir_constant_int(&f->build, 0));
            equal = conjunction(f, equal, same);
            continue;
        }
        ir_value same = ir_operation(&f->build, OPERATION_EQ, type,
                                     (ir_value[]){left.values[i], right.values[i]}, 2);
        equal = conjunction(f, equal, same);
    }
    return equal;
}

static struct lowered lower_equal(struct lower *f, const struct typed *node)
{
    const struct type *types[] = {node->operands[0]->type, node->operands[1]->type};
    struct lowered operands[] = {lower_expression(f, node->operands[0]),
                                 lower_expression(f, node->operands[1])};
    f->build.span = node->span;
    if (!are_known_scalars(f, operands[0]) || !are_known_scalars(f, operands[1])) {
        struct typed_function *task = pair_task(f, node, node->negated ? "unequal" : "equal",
                                                node->negated ? "!=" : "==", types, false);
        return lower_small_call(f, task, types, operands, 2, NULL);
    }
    ir_value equal = equal_scalars(f, operands[0], operands[1]);
    if (node->negated)
        equal = ir_operation(&f->build, OPERATION_NOT, f->shared->boolean, &equal, 1);
    return lower_single(f, equal);
}

/* Always a task: a product is work, even of known matrices. */
static struct lowered lower_matmul(struct lower *f, const struct typed *node)
{
    const struct type *types[] = {node->operands[0]->type, node->operands[1]->type};
    struct lowered operands[] = {lower_expression(f, node->operands[0]),
                                 lower_expression(f, node->operands[1])};
    f->build.span = node->span;
    uint32_t inner = types[0]->rank - 1U;
    bool is_checked =
        lower_knows_extent(f, operands[0], inner) && lower_knows_extent(f, operands[1], 0);
    if (is_checked) {
        ir_value extents[] = {lower_extent(f, operands[0], inner), lower_extent(f, operands[1], 0)};
        lower_check(f, lower_int(f, OPERATION_EQ, extents[0], extents[1]), ERR_shape_mismatch,
                    MESSAGE_MATMUL, extents, 2);
    }
    ir_value extents[2] = {NO_VALUE, NO_VALUE};
    uint32_t rank = 0;
    if (types[0]->rank == 2 && lower_knows_extent(f, operands[0], 0))
        extents[rank] = lower_extent(f, operands[0], 0);
    rank += types[0]->rank == 2;
    if (types[1]->rank == 2 && lower_knows_extent(f, operands[1], 1))
        extents[rank] = lower_extent(f, operands[1], 1);
    struct typed_function *task = pair_task(f, node, "matmul", "@", types, !is_checked);
    return lower_small_call(f, task, types, operands, 2, extents);
}

/* ---- Choices: if, && and || ----------------------------------------------------------------- */

struct lower_choice lower_choice_begin(struct lower *f, const struct type *type,
                                       const struct level *level)
{
    struct lower_choice choice = {.type = type, .level = level};
    struct type_list types = {0};
    lower_level_types(f->shared, type, level, &types);
    choice.joined = ir_block_new(f->build.module, f->build.function);
    ir_block_parameters(f->build.module, f->build.function, choice.joined, types.items,
                        (uint32_t)types.count);
    vector_release(&types);
    return choice;
}

void lower_choose(struct lower *f, const struct lower_choice *choice, struct lowered value)
{
    value = lower_coerce(f, choice->type, value, choice->level);
    ir_jump(&f->build, choice->joined, value.values, value.count);
}

struct lowered lower_choice_end(struct lower *f, const struct lower_choice *choice)
{
    const struct ir_block *block = &f->build.function->blocks[choice->joined];
    struct lowered result = {.count = block->parameter_count};
    result.values = arena_array(f->shared->arena, ir_value, result.count);
    for (uint32_t i = 0; i < result.count; i++)
        result.values[i] = block->first_parameter + i;
    f->build.block = choice->joined;
    return result;
}

static struct lowered lower_if(struct lower *f, const struct typed *node)
{
    ir_value condition = lower_scalar(f, node->condition);
    f->build.span = node->span;
    uint32_t then = ir_block_new(f->build.module, f->build.function);
    uint32_t otherwise = ir_block_new(f->build.module, f->build.function);
    struct lower_choice choice = lower_choice_begin(f, node->type, node->level);
    ir_branch(&f->build, condition, then, NULL, 0, otherwise, NULL, 0);
    f->build.block = then;
    lower_choose(f, &choice, lower_expression(f, node->then));
    f->build.block = otherwise;
    lower_choose(f, &choice, lower_expression(f, node->otherwise));
    f->build.span = node->span;
    return lower_choice_end(f, &choice);
}

/* The right side of a pending && or || must not be evaluated unless the left one says so: its
 * operators become part of the task, and the values that they start from its parameters. */
struct lazy_task {
    const struct type *types[LAZY_LIMIT];
    struct lowered arguments[LAZY_LIMIT];
    struct typed **uses[LAZY_LIMIT]; /* where each parameter stands in the body */
    uint32_t count;
};

static void lazy_parameter(struct lower *f, struct lazy_task *lazy, const struct typed *node,
                           struct typed **use)
{
    if (lazy->count == LAZY_LIMIT)
        bug("a lazy operator over more than %d values", LAZY_LIMIT);
    lazy->types[lazy->count] = node->type;
    lazy->arguments[lazy->count] = lower_expression(f, node);
    lazy->uses[lazy->count++] = use;
}

static void lazy_copy(struct lower *f, struct lazy_task *lazy, const struct typed *node,
                      struct typed **use)
{
    bool is_operator = node->kind == TYPED_OPERATION || node->kind == TYPED_CONVERT ||
                       node->kind == TYPED_AND || node->kind == TYPED_OR;
    if (!is_operator && node->kind != TYPED_CONSTANT) {
        lazy_parameter(f, lazy, node, use);
        return;
    }
    struct typed *copy = *use = arena_copy(f->shared->arena, node, sizeof *node);
    for (uint32_t i = 0; is_operator && i < node->operand_count; i++)
        lazy_copy(f, lazy, node->operands[i], &copy->operands[i]);
}

static struct lowered lazy_call(struct lower *f, const struct typed *node)
{
    struct lazy_task lazy = {0};
    struct typed *body;
    lazy_copy(f, &lazy, node, &body);
    f->build.span = node->span;
    bool is_and = node->kind == TYPED_AND;
    struct typed_function *task =
        lower_small_task(f, is_and ? "both" : "either", is_and ? "&&" : "||", lazy.types,
                         lazy.count, node->type, true);
    if (lower_task_is_new(task)) {
        for (uint32_t i = 0; i < lazy.count; i++)
            *lazy.uses[i] = lower_task_parameter(f, task, i);
        lower_task_returns(f, task, body);
    }
    return lower_small_call(f, task, lazy.types, lazy.arguments, lazy.count, NULL);
}

static bool is_pending(const struct typed *node)
{
    return node->level && node->level->kind != LEVEL_KNOWN;
}

/* A known left side decides whether the right one is looked at. */
static struct lowered lower_lazy(struct lower *f, const struct typed *node)
{
    if (is_pending(node->operands[0]))
        return lazy_call(f, node);
    bool is_and = node->kind == TYPED_AND;
    struct lowered left = lower_expression(f, node->operands[0]);
    f->build.span = node->span;
    uint32_t right = ir_block_new(f->build.module, f->build.function);
    uint32_t decided = ir_block_new(f->build.module, f->build.function);
    struct lower_choice choice = lower_choice_begin(f, node->type, node->level);
    ir_branch(&f->build, left.values[0], is_and ? right : decided, NULL, 0,
              is_and ? decided : right, NULL, 0);
    f->build.block = right;
    lower_choose(f, &choice, lower_expression(f, node->operands[1]));
    f->build.block = decided;
    lower_choose(f, &choice, left);
    return lower_choice_end(f, &choice);
}

/* ---- Tuples, arrays, extents ---------------------------------------------------------------- */

static struct lowered lower_tuple(struct lower *f, const struct typed *node)
{
    if (node->item_count == 0)
        return lower_single(f, ir_constant(&f->build, node->type, 0));
    struct value_list values = {0};
    for (uint32_t i = 0; i < node->item_count; i++) {
        struct lowered item = lower_expression(f, node->items[i]);
        for (uint32_t leaf = 0; leaf < item.count; leaf++)
            vector_push(&values, item.values[leaf]);
    }
    struct lowered result = lower_copy(f, values.items, values.count);
    vector_release(&values);
    return result;
}

static const struct level *element_level(const struct typed *node)
{
    return node->level && node->level->kind == LEVEL_STRUCTURE ? node->level->element : NULL;
}

/* One structure for each leaf of the elements. */
static struct lowered lower_array(struct lower *f, const struct typed *node)
{
    struct lowered *items = arena_array(f->shared->arena, struct lowered, node->item_count);
    for (uint32_t i = 0; i < node->item_count; i++)
        items[i] = lower_coerce(f, node->type->element, lower_expression(f, node->items[i]),
                                element_level(node));
    f->build.span = node->span;
    struct type_list types = {0};
    lower_level_types(f->shared, node->type, node->level, &types);
    ir_value *operands = arena_array(f->shared->arena, ir_value, node->item_count + 1);
    struct lowered result = {.count = (uint32_t)types.count};
    result.values = arena_array(f->shared->arena, ir_value, types.count);
    operands[0] = ir_constant_int(&f->build, node->item_count);
    for (uint32_t leaf = 0; leaf < result.count; leaf++) {
        for (uint32_t i = 0; i < node->item_count; i++)
            operands[1 + i] = items[i].values[leaf];
        result.values[leaf] = ir_emit_value(&f->build, IR_STRUCTURE, operands, node->item_count + 1,
                                            types.items[leaf]);
    }
    vector_release(&types);
    return result;
}

/* ---- All ------------------------------------------------------------------------------------ */

struct lowered lower_expression(struct lower *f, const struct typed *node)
{
    struct lowered operand;
    f->build.span = node->span;
    switch (node->kind) {
    case TYPED_CONSTANT:
        if (node->type->kind == TYPE_STRING)
            return lower_single(f, ir_constant_text(&f->build, node->type, node->text, node->word));
        return lower_single(f, ir_constant(&f->build, node->type, node->word));
    case TYPED_VARIABLE:
        return lower_variable(f, node->variable);
    case TYPED_OPERATION:
        return lower_operation(f, node);
    case TYPED_EQUAL:
        return lower_equal(f, node);
    case TYPED_AND:
    case TYPED_OR:
        return lower_lazy(f, node);
    case TYPED_CONVERT:
        return lower_convert(f, node);
    case TYPED_MATMUL:
        return lower_matmul(f, node);
    case TYPED_INDEX:
        return lower_index(f, node);
    case TYPED_EXTENT:
        operand = lower_expression(f, node->operands[0]);
        f->build.span = node->span;
        return lower_single(f, lower_extent(f, operand, node->number));
    case TYPED_PART:
        operand = lower_expression(f, node->operands[0]);
        return lower_part(f, node->operands[0]->type, operand, node->number);
    case TYPED_TUPLE:
        return lower_tuple(f, node);
    case TYPED_ARRAY:
        return lower_array(f, node);
    case TYPED_COMPREHENSION:
        return lower_comprehension(f, node);
    case TYPED_IF:
        return lower_if(f, node);
    case TYPED_CALL:
        return lower_call(f, node);
    case TYPED_BUILTIN:
        return lower_builtin(f, node);
    case TYPED_REDUCE:
        return lower_reduce(f, node);
    }
    bug("an expression of kind %d", node->kind);
}
