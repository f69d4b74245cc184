/* What expressions cost; see estimate.h. */
#include "flow/estimate_private.h"

/* ---- Shapes ------------------------------------------------------------------------------------
 */

struct shape *estimate_new_shape(const struct frame *frame)
{
    return arena_new(frame->estimator->arena, struct shape);
}

const struct shape *estimate_value(const struct frame *frame, const struct formula *value)
{
    if (!value)
        return NULL;
    struct shape *shape = estimate_new_shape(frame);
    shape->value = value;
    return shape;
}

const struct formula *estimate_extent(const struct frame *frame, const struct shape *shape,
                                      uint32_t dimension)
{
    return shape && shape->extents[dimension]
               ? shape->extents[dimension]
               : formula_guess(frame->estimator->arena, FORMULA_UNKNOWN);
}

static uint32_t rank_of(const struct type *type)
{
    return type->kind == TYPE_MAP ? 1 : type_is_block(type) ? type->rank : 0;
}

const struct formula *estimate_count(const struct frame *frame, const struct shape *shape,
                                     const struct type *type)
{
    const struct formula *count = estimate_number(frame, 1);
    for (uint32_t d = 0; d < rank_of(type); d++)
        count = estimate_times(frame, count, estimate_extent(frame, shape, d));
    return count;
}

const struct formula *estimate_array(const struct frame *frame, const struct type *type,
                                     const struct formula *count)
{
    double bytes = type->element ? type_element_bytes(type->element) : 8;
    return estimate_add(frame, estimate_number(frame, ESTIMATE_ARRAY),
                        estimate_scaled(frame, ESTIMATE_BYTE * bytes, count));
}

bool estimate_is_made(const struct typed *array)
{
    return array->kind == TYPED_OPERATION || array->kind == TYPED_CONVERT ||
           array->kind == TYPED_COMPREHENSION;
}

/* ---- Operations --------------------------------------------------------------------------------
 */

/* One operation on a scalar, alone or in an elementwise loop. */
static double operation_ns(enum operation operation, const struct type *scalar, bool is_vector)
{
    double width = is_vector ? wk_scalar_bytes(scalar->scalar) / 8.0 : 1;
    if (operation >= OPERATION_EXP)
        return (is_vector ? ESTIMATE_MATHS_VECTOR : ESTIMATE_MATHS) * width;
    if (operation == OPERATION_DIV || operation == OPERATION_REM || operation == OPERATION_SQRT) {
        if (!type_is_float(scalar))
            return ESTIMATE_DIVIDE_INTEGER;
        return (is_vector ? ESTIMATE_DIVIDE_VECTOR : ESTIMATE_DIVIDE) * width;
    }
    return (is_vector ? ESTIMATE_VECTOR : ESTIMATE_SCALAR) * width;
}

static const struct formula *value_of(const struct shape *shape)
{
    return shape ? shape->value : NULL;
}

static const struct formula *joined_value(const struct frame *frame, enum operation operation,
                                          const struct formula *left, const struct formula *right)
{
    struct arena *arena = frame->estimator->arena;
    if (!left)
        return NULL;
    if (operation == OPERATION_NEG)
        return formula_join(arena, FORMULA_SUBTRACT, estimate_number(frame, 0), left);
    if (!right)
        return NULL;
    if (operation == OPERATION_ADD)
        return formula_join(arena, FORMULA_ADD, left, right);
    if (operation == OPERATION_SUB)
        return formula_join(arena, FORMULA_SUBTRACT, left, right);
    if (operation == OPERATION_MUL)
        return formula_join(arena, FORMULA_MULTIPLY, left, right);
    if (operation == OPERATION_DIV)
        return formula_join(arena, FORMULA_DIVIDE, left, right);
    if (operation == OPERATION_MIN)
        return formula_join(arena, FORMULA_LEAST, left, right);
    return operation == OPERATION_MAX ? formula_join(arena, FORMULA_MOST_OF, left, right) : NULL;
}

static struct estimated scalar_operation(struct frame *frame, const struct typed *typed)
{
    const struct type *scalar = typed->operands[0]->type;
    const struct formula *values[3] = {0}, *cost = estimate_number(frame, 0);
    for (uint32_t i = 0; i < typed->operand_count; i++) {
        struct estimated operand = estimate_expression(frame, typed->operands[i], false);
        cost = estimate_add(frame, cost, operand.cost);
        values[i] = value_of(operand.shape);
    }
    const struct formula *value = type_is_integer(scalar)
                                      ? joined_value(frame, typed->operation, values[0], values[1])
                                      : NULL;
    /* Sums and products of bounds and indexes are moved out of loops, or into addresses. */
    bool is_free = value && typed->operation != OPERATION_DIV;
    double ns = is_free ? 0 : operation_ns(typed->operation, scalar, false);
    if (ns == ESTIMATE_DIVIDE_INTEGER && typed->operands[1]->kind == TYPED_CONSTANT)
        ns = ESTIMATE_DIVIDE_CONSTANT;
    return (struct estimated){estimate_add(frame, cost, estimate_number(frame, ns)),
                              estimate_value(frame, value)};
}

/* Whether a variable is read by this loop for the first time. */
static bool is_first_read(struct frame *frame, const struct variable *variable)
{
    enum { MOST = sizeof frame->reads / sizeof *frame->reads };
    for (uint32_t i = 0; i < frame->read_count; i++)
        if (frame->reads[i] == variable)
            return false;
    if (frame->read_count < MOST)
        frame->reads[frame->read_count++] = variable;
    return true;
}

/* Operands that no loop makes are read from memory, once. */
static const struct formula *read_cost(struct frame *frame, const struct typed *operand,
                                       const struct formula *count)
{
    bool is_made = estimate_is_made(operand) ||
                   (operand->kind == TYPED_VARIABLE && !is_first_read(frame, operand->variable));
    double bytes = is_made ? 0 : type_element_bytes(operand->type->element);
    return estimate_scaled(frame, ESTIMATE_BYTE * bytes, count);
}

static struct estimated elementwise(struct frame *frame, const struct typed *typed, bool is_source)
{
    const struct formula *cost = estimate_number(frame, 0);
    const struct shape *shape = NULL;
    frame->read_count = is_source ? frame->read_count : 0;
    for (uint32_t i = 0; i < typed->operand_count; i++) {
        struct estimated operand = estimate_expression(frame, typed->operands[i], true);
        cost = estimate_add(frame, cost, operand.cost);
        if (typed->operands[i]->type->kind != TYPE_ARRAY)
            continue;
        shape = shape ? shape : operand.shape;
        cost = estimate_add(frame, cost,
                            read_cost(frame, typed->operands[i],
                                      estimate_count(frame, operand.shape, typed->type)));
    }
    enum operation operation = typed->kind == TYPED_CONVERT ? OPERATION_ADD : typed->operation;
    const struct type *scalar = typed->operands[0]->type;
    scalar = scalar->kind == TYPE_ARRAY ? scalar->element : scalar;
    const struct formula *count = estimate_count(frame, shape, typed->type);
    cost = estimate_add(frame, cost,
                        estimate_scaled(frame, operation_ns(operation, scalar, true), count));
    if (!is_source)
        cost = estimate_add(frame, cost, estimate_array(frame, typed->type, count));
    return (struct estimated){cost, shape};
}

static struct estimated convert(struct frame *frame, const struct typed *typed, bool is_source)
{
    if (typed->type->kind == TYPE_ARRAY)
        return elementwise(frame, typed, is_source);
    struct estimated operand = estimate_expression(frame, typed->operands[0], false);
    double ns = value_of(operand.shape) ? 0 : ESTIMATE_SCALAR;
    if (typed->type->kind == TYPE_STRING || typed->operands[0]->type->kind == TYPE_STRING)
        ns = ESTIMATE_TEXT;
    const struct shape *shape = type_is_integer(typed->type) ? operand.shape : NULL;
    return (struct estimated){estimate_add(frame, operand.cost, estimate_number(frame, ns)), shape};
}

static struct estimated compare(struct frame *frame, const struct typed *typed)
{
    struct estimated left = estimate_expression(frame, typed->operands[0], true);
    struct estimated right = estimate_expression(frame, typed->operands[1], true);
    const struct formula *count = estimate_count(frame, left.shape, typed->operands[0]->type);
    const struct formula *cost = estimate_add(frame, left.cost, right.cost);
    return (struct estimated){
        estimate_add(frame, cost, estimate_scaled(frame, 2 * ESTIMATE_BYTE * 8, count)), NULL};
}

static struct estimated lazy(struct frame *frame, const struct typed *typed)
{
    struct estimated left = estimate_expression(frame, typed->operands[0], false);
    struct estimated right = estimate_expression(frame, typed->operands[1], false);
    const struct formula *cost = estimate_add(frame, left.cost, right.cost);
    return (struct estimated){estimate_add(frame, cost, estimate_number(frame, ESTIMATE_SCALAR)),
                              NULL};
}

static struct estimated matrix_product(struct frame *frame, const struct typed *typed)
{
    const struct type *left = typed->operands[0]->type, *right = typed->operands[1]->type;
    struct estimated a = estimate_expression(frame, typed->operands[0], false);
    struct estimated b = estimate_expression(frame, typed->operands[1], false);
    struct shape *shape = estimate_new_shape(frame);
    uint32_t rank = 0;
    const struct formula *flops = estimate_extent(frame, a.shape, left->rank - 1u);
    if (left->rank == 2)
        shape->extents[rank++] = estimate_extent(frame, a.shape, 0);
    if (right->rank == 2)
        shape->extents[rank++] = estimate_extent(frame, b.shape, 1);
    for (uint32_t d = 0; d < rank; d++)
        flops = estimate_times(frame, flops, shape->extents[d]);
    /* A matrix and a vector: each element of the matrix is read from memory for two operations. */
    double ns = rank == 2 ? ESTIMATE_FLOP : ESTIMATE_BYTE * 8 / 2;
    const struct formula *cost = estimate_add(frame, a.cost, b.cost);
    cost = estimate_add(frame, cost, estimate_scaled(frame, 2 * ns, flops));
    const struct formula *count = estimate_count(frame, shape, typed->type);
    return (struct estimated){estimate_add(frame, cost, estimate_array(frame, typed->type, count)),
                              shape};
}

/* ---- Parts -------------------------------------------------------------------------------------
 */

static const struct formula *range_count(struct frame *frame, const struct typed_index *index,
                                         const struct formula *extent, const struct formula **cost)
{
    struct estimated low = {estimate_number(frame, 0), NULL}, high = low;
    const struct formula *begin = estimate_number(frame, 0), *end = extent;
    if (index->low) {
        low = estimate_expression(frame, index->low, false);
        begin = value_of(low.shape);
    }
    if (index->high) {
        high = estimate_expression(frame, index->high, false);
        end = value_of(high.shape);
    }
    *cost = estimate_add(frame, *cost, estimate_add(frame, low.cost, high.cost));
    return begin && end ? formula_join(frame->estimator->arena, FORMULA_SUBTRACT, end, begin)
                        : NULL;
}

/* A slice is a view: it costs its checks. */
static struct estimated element(struct frame *frame, const struct typed *typed)
{
    struct estimated base = estimate_expression(frame, typed->base, false);
    struct shape *shape = estimate_new_shape(frame);
    const struct formula *cost =
        estimate_add(frame, base.cost, estimate_number(frame, ESTIMATE_ELEMENT));
    uint32_t rank = 0;
    for (uint32_t i = 0; i < typed->index_count; i++) {
        const struct typed_index *index = &typed->indexes[i];
        if (index->is_range) {
            const struct formula *extent =
                i < WK_MAX_RANK && base.shape ? base.shape->extents[i] : NULL;
            shape->extents[rank++] = range_count(frame, index, extent, &cost);
        } else {
            cost = estimate_add(frame, cost, estimate_expression(frame, index->low, false).cost);
        }
    }
    if (rank == 0)
        return (struct estimated){cost, base.shape ? base.shape->element : NULL};
    shape->element = base.shape ? base.shape->element : NULL;
    return (struct estimated){cost, shape};
}

static struct estimated part(struct frame *frame, const struct typed *typed)
{
    struct estimated whole = estimate_expression(frame, typed->operands[0], false);
    bool is_known = whole.shape && typed->number < whole.shape->part_count;
    return (struct estimated){whole.cost, is_known ? whole.shape->parts[typed->number] : NULL};
}

static struct estimated extent(struct frame *frame, const struct typed *typed)
{
    struct estimated array = estimate_expression(frame, typed->operands[0], true);
    const struct formula *value = array.shape ? array.shape->extents[typed->number] : NULL;
    return (struct estimated){array.cost, estimate_value(frame, value)};
}

static struct estimated tuple(struct frame *frame, const struct typed *typed)
{
    struct shape *shape = estimate_new_shape(frame);
    const struct formula *cost = estimate_number(frame, 0);
    shape->part_count = typed->item_count;
    shape->parts = arena_array(frame->estimator->arena, const struct shape *, typed->item_count);
    for (uint32_t i = 0; i < typed->item_count; i++) {
        struct estimated item = estimate_expression(frame, typed->items[i], false);
        cost = estimate_add(frame, cost, item.cost);
        shape->parts[i] = item.shape;
    }
    return (struct estimated){cost, shape};
}

/* A loop over a list takes its items as they come. */
static struct estimated list(struct frame *frame, const struct typed *typed, bool is_source)
{
    struct shape *shape = estimate_new_shape(frame);
    const struct formula *cost = estimate_number(frame, 0);
    for (uint32_t i = 0; i < typed->item_count; i++) {
        struct estimated item = estimate_expression(frame, typed->items[i], false);
        cost = estimate_add(frame, cost, item.cost);
        shape->element = item.shape;
    }
    shape->extents[0] = estimate_number(frame, typed->item_count);
    if (!is_source)
        cost = estimate_add(frame, cost, estimate_array(frame, typed->type, shape->extents[0]));
    return (struct estimated){cost, shape};
}

/* ---- Loops in expressions ----------------------------------------------------------------------
 */

/* A range's variable counts as its middle, so that a loop over a triangle is half of its square. */
static const struct formula *range_turns(struct frame *frame, const struct typed_iterator *iterator,
                                         const struct formula **cost)
{
    struct arena *arena = frame->estimator->arena;
    struct estimated low = estimate_expression(frame, iterator->low, false);
    struct estimated high = estimate_expression(frame, iterator->high, false);
    const struct formula *begin = value_of(low.shape), *end = value_of(high.shape);
    const struct formula *turns = NULL, *middle = NULL;
    *cost = estimate_add(frame, low.cost, high.cost);
    if (begin && end) {
        turns = formula_join(arena, FORMULA_SUBTRACT, end, begin);
        middle = estimate_scaled(frame, 0.5, estimate_add(frame, begin, end));
    }
    if (turns && iterator->inclusive)
        turns = estimate_add(frame, turns, estimate_number(frame, 1));
    if (iterator->step) {
        struct estimated step = estimate_expression(frame, iterator->step, false);
        const struct formula *by = value_of(step.shape);
        turns = turns && by ? formula_join(arena, FORMULA_DIVIDE, turns, by) : NULL;
    }
    frame->shapes[iterator->variable->index] = estimate_value(frame, middle);
    return turns ? turns : formula_guess(arena, ESTIMATE_TURNS);
}

const struct formula *estimate_iterator(struct frame *frame, const struct typed_iterator *iterator,
                                        const struct formula **cost)
{
    if (iterator->is_range)
        return range_turns(frame, iterator, cost);
    struct estimated subject = estimate_expression(frame, iterator->subject, true);
    const struct shape *element = subject.shape ? subject.shape->element : NULL;
    uint32_t rank = rank_of(iterator->subject->type);
    if (rank > 1) { /* its rows */
        struct shape *row = estimate_new_shape(frame);
        for (uint32_t d = 1; d < rank; d++)
            row->extents[d - 1] = estimate_extent(frame, subject.shape, d);
        row->element = element;
        element = row;
    }
    frame->shapes[iterator->variable->index] = element;
    *cost = subject.cost;
    return estimate_extent(frame, subject.shape, 0);
}

static struct estimated comprehension(struct frame *frame, const struct typed *typed,
                                      bool is_source)
{
    struct arena *arena = frame->estimator->arena;
    struct shape *shape = estimate_new_shape(frame);
    const struct formula *cost = estimate_number(frame, 0), *turns = estimate_number(frame, 1);
    for (uint32_t i = 0; i < typed->iterator_count; i++) {
        const struct formula *own, *count;
        count = estimate_iterator(frame, &typed->iterators[i], &own);
        cost = estimate_add(frame, cost, own);
        turns = estimate_times(frame, turns, count);
        shape->extents[i] = count;
    }
    struct estimated body = estimate_expression(frame, typed->body, false);
    const struct formula *each =
                             estimate_add(frame, body.cost, estimate_number(frame, ESTIMATE_TURN)),
                         *made = turns;
    if (typed->filter) {
        each = estimate_add(frame, each, estimate_expression(frame, typed->filter, false).cost);
        made = estimate_times(frame, formula_guess(arena, 0.5), turns);
        shape->extents[0] = made;
    } else if (estimate_is_vectorized(typed->body)) {
        each = estimate_scaled(frame, ESTIMATE_SIMD, each);
    }
    shape->element = body.shape;
    cost = estimate_add(frame, cost, estimate_times(frame, turns, each));
    if (!is_source || typed->filter)
        cost = estimate_add(frame, cost, estimate_array(frame, typed->type, made));
    return (struct estimated){cost, shape};
}

static struct estimated reduce(struct frame *frame, const struct typed *typed)
{
    struct estimated subject = estimate_expression(frame, typed->subject, true);
    const struct formula *cost = subject.cost;
    const struct shape *element = subject.shape ? subject.shape->element : NULL;
    const struct shape *arguments[2] = {element, element};
    if (typed->initial) {
        struct estimated initial = estimate_expression(frame, typed->initial, false);
        cost = estimate_add(frame, cost, initial.cost);
        arguments[0] = initial.shape;
    }
    const struct formula *count = estimate_count(frame, subject.shape, typed->subject->type);
    struct estimated step = estimate_call(frame, typed->reducer, arguments, 2);
    const struct formula *each =
        estimate_add(frame, step.cost, estimate_number(frame, ESTIMATE_TURN + ESTIMATE_ELEMENT));
    cost = estimate_add(frame, cost, estimate_times(frame, count, each));
    if (!typed->is_scan)
        return (struct estimated){cost, step.shape};
    struct shape *shape = estimate_new_shape(frame);
    shape->extents[0] = count;
    shape->element = step.shape;
    return (struct estimated){estimate_add(frame, cost, estimate_array(frame, typed->type, count)),
                              shape};
}

static struct estimated choose(struct frame *frame, const struct typed *typed)
{
    struct estimated condition = estimate_expression(frame, typed->condition, false);
    struct estimated then = estimate_expression(frame, typed->then, false);
    struct estimated otherwise = estimate_expression(frame, typed->otherwise, false);
    const struct formula *dearer =
        formula_join(frame->estimator->arena, FORMULA_MOST_OF, then.cost, otherwise.cost);
    return (struct estimated){estimate_add(frame, condition.cost, dearer),
                              then.shape ? then.shape : otherwise.shape};
}

/* Short functions without loops become part of their callers. */
static bool is_inlined(const struct typed_function *callee)
{
    enum { SHORT = 16 }; /* statements */
    for (uint32_t i = 0; i < callee->body.count; i++) {
        enum typed_statement_kind kind = callee->body.statements[i]->kind;
        if (kind == STATEMENT_FOR || kind == STATEMENT_WHILE || kind == STATEMENT_LOG)
            return false;
    }
    return callee->body.count > 0 && callee->body.count <= SHORT;
}

static struct estimated call(struct frame *frame, const struct typed *typed)
{
    const struct shape **shapes =
        arena_array(frame->estimator->arena, const struct shape *, typed->argument_count + 1);
    const struct formula *cost =
        estimate_number(frame, is_inlined(typed->callee) ? 0 : ESTIMATE_CALL);
    for (uint32_t i = 0; i < typed->argument_count; i++) {
        struct estimated argument = estimate_expression(frame, typed->arguments[i], false);
        cost = estimate_add(frame, cost, argument.cost);
        shapes[i] = argument.shape;
    }
    struct estimated result = estimate_call(frame, typed->callee, shapes, typed->argument_count);
    return (struct estimated){estimate_add(frame, cost, result.cost), result.shape};
}

/* ---- All of them -------------------------------------------------------------------------------
 */

static struct estimated constant(struct frame *frame, const struct typed *typed)
{
    struct shape *shape = estimate_new_shape(frame);
    if (typed->type->kind == TYPE_STRING)
        shape->extents[0] = estimate_number(frame, (double)typed->word);
    else if (type_is_integer(typed->type))
        shape->value =
            estimate_number(frame, type_is_signed(typed->type) ? (double)(int64_t)typed->word
                                                               : (double)typed->word);
    return (struct estimated){estimate_number(frame, 0), shape};
}

struct estimated estimate_expression(struct frame *frame, const struct typed *typed, bool is_source)
{
    const struct formula *nothing = estimate_number(frame, 0);
    if (frame->estimator->visits++ > ESTIMATE_MOST_VISITS)
        return (struct estimated){formula_guess(frame->estimator->arena, 0), NULL};
    switch (typed->kind) {
    case TYPED_CONSTANT:
        return constant(frame, typed);
    case TYPED_VARIABLE:
        return (struct estimated){nothing, frame->shapes[typed->variable->index]};
    case TYPED_OPERATION:
        return typed->type->kind == TYPE_ARRAY ? elementwise(frame, typed, is_source)
                                               : scalar_operation(frame, typed);
    case TYPED_EQUAL:
        return compare(frame, typed);
    case TYPED_AND:
    case TYPED_OR:
        return lazy(frame, typed);
    case TYPED_CONVERT:
        return convert(frame, typed, is_source);
    case TYPED_MATMUL:
        return matrix_product(frame, typed);
    case TYPED_INDEX:
        return element(frame, typed);
    case TYPED_EXTENT:
        return extent(frame, typed);
    case TYPED_PART:
        return part(frame, typed);
    case TYPED_TUPLE:
        return tuple(frame, typed);
    case TYPED_ARRAY:
        return list(frame, typed, is_source);
    case TYPED_COMPREHENSION:
        return comprehension(frame, typed, is_source);
    case TYPED_IF:
        return choose(frame, typed);
    case TYPED_CALL:
        return call(frame, typed);
    case TYPED_BUILTIN:
        return estimate_builtin(frame, typed, is_source);
    case TYPED_REDUCE:
        return reduce(frame, typed);
    }
    return (struct estimated){nothing, NULL};
}
