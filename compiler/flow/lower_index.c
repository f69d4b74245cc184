/*
 * Indexes and slices, read and assigned. Of structures they are instructions. Of pending arrays
 * with known extents, known ones are views: attributes of an edge. All others are small tasks.
 */
#include "check/messages.h"
#include "flow/lower.h"

/* ---- Index lists ---------------------------------------------------------------------------- */

/* What stands between the brackets, as SLICE takes it: an index, or a range's two ends. */
struct index_list {
    ir_value values[2 * WK_MAX_RANK];
    uint32_t count;
    uint32_t mask; /* bit d: dimension d is a range */
    uint32_t open; /* bit d: the high end of dimension d is missing */
    bool all_known;
};

static void push_index(struct lower *f, struct index_list *list, ir_value value)
{
    list->values[list->count++] = value;
    list->all_known &= lower_is_known(f, value);
}

static struct index_list lower_indexes(struct lower *f, struct lowered base,
                                       const struct typed_index *indexes, uint32_t count)
{
    struct index_list list = {.all_known = true};
    for (uint32_t d = 0; d < count; d++) {
        f->build.span = indexes[d].span;
        if (!indexes[d].is_range) {
            push_index(f, &list, lower_scalar(f, indexes[d].low));
            continue;
        }
        list.mask |= 1U << d;
        push_index(f, &list,
                   indexes[d].low ? lower_scalar(f, indexes[d].low)
                                  : ir_constant_int(&f->build, 0));
        if (indexes[d].high) {
            push_index(f, &list, lower_scalar(f, indexes[d].high));
        } else if (lower_knows_extent(f, base, d)) {
            push_index(f, &list, lower_extent(f, base, d));
        } else {
            list.open |= 1U << d;
        }
    }
    return list;
}

/* The rank of what a list of indexes selects; 0: an element. */
static uint8_t selected_rank(const struct index_list *list)
{
    return (uint8_t)__builtin_popcount(list->mask);
}

static const struct type *selected_type(struct lower *f, const struct type *array,
                                        const struct index_list *list)
{
    if (!list->mask)
        return array->element;
    return type_array(f->build.module->types, array->element, selected_rank(list));
}

/* Prepends the operands of a leaf to the list's values. */
static uint32_t slice_operands(const struct index_list *list, ir_value base, ir_value *operands)
{
    operands[0] = base;
    for (uint32_t i = 0; i < list->count; i++)
        operands[1 + i] = list->values[i];
    return 1 + list->count;
}

/* ---- Reading -------------------------------------------------------------------------------- */

static struct lowered read_structure(struct lower *f, struct lowered base,
                                     const struct index_list *list)
{
    ir_value operands[1 + 2 * WK_MAX_RANK];
    struct lowered result = {.count = base.count};
    result.values = arena_array(f->shared->arena, ir_value, base.count);
    for (uint32_t leaf = 0; leaf < base.count; leaf++) {
        const struct ir_type *element = lower_ir_type(f, base.values[leaf])->element;
        uint32_t count = slice_operands(list, base.values[leaf], operands);
        const struct ir_type *type =
            list->mask ? ir_type_structured(f->build.module, element, selected_rank(list))
                       : element;
        struct ir_instruction *read =
            ir_emit(&f->build, list->mask ? IR_SLICE : IR_GET, operands, count, &type, 1);
        read->mask = list->mask;
        result.values[leaf] = read->first_result;
    }
    return result;
}

static struct lowered read_view(struct lower *f, const struct type *array, struct lowered base,
                                const struct index_list *list)
{
    ir_value operands[1 + 2 * WK_MAX_RANK];
    uint32_t count = slice_operands(list, base.values[0], operands);
    const struct ir_type *type = ir_type_pending(f->build.module, selected_type(f, array, list),
                                                 (1U << selected_rank(list)) - 1);
    struct ir_instruction *view = ir_emit(&f->build, IR_VIEW, operands, count, &type, 1);
    view->mask = list->mask;
    return lower_single(f, view->first_result);
}

/* "ir." for an index and a range; an o for a range without high end. */
static const char *task_name(struct lower *f, const char *what, const struct index_list *list,
                             uint32_t rank)
{
    char letters[WK_MAX_RANK + 1] = "";
    for (uint32_t d = 0; d < rank; d++)
        letters[d] = list->open >> d & 1 ? 'o' : list->mask >> d & 1 ? 'r' : 'i';
    return arena_printf(f->shared->arena, "%s.%s", what, letters);
}

/* The typed indexes of a small task, over its parameters from `parameter` on. */
static struct typed_index *task_indexes(struct lower *f, const struct typed_function *task,
                                        const struct index_list *list, uint32_t rank,
                                        uint32_t parameter)
{
    struct typed_index *indexes = arena_array(f->shared->arena, struct typed_index, rank);
    for (uint32_t d = 0; d < rank; d++) {
        indexes[d].span = f->build.span;
        indexes[d].low = lower_task_parameter(f, task, parameter++);
        indexes[d].is_range = list->mask >> d & 1;
        if (indexes[d].is_range && !(list->open >> d & 1))
            indexes[d].high = lower_task_parameter(f, task, parameter++);
    }
    return indexes;
}

/* A slice that ends before it begins is empty. */
static ir_value slice_extent(struct lower *f, ir_value low, ir_value high)
{
    ir_value extent = lower_int(f, OPERATION_SUB, high, low);
    return lower_int(f, OPERATION_MAX, extent, ir_constant_int(&f->build, 0));
}

/* The extents that a slice by a task is known to have: from its ends, if both are known. */
static void sliced_extents(struct lower *f, const struct index_list *list, uint32_t rank,
                           ir_value *extents)
{
    uint32_t value = 0, dimension = 0;
    for (uint32_t d = 0; d < rank; d++) {
        if (!(list->mask >> d & 1)) {
            value++;
            continue;
        }
        extents[dimension] = NO_VALUE;
        ir_value low = list->values[value++];
        if (!(list->open >> d & 1)) {
            ir_value high = list->values[value++];
            if (lower_is_known(f, low) && lower_is_known(f, high))
                extents[dimension] = slice_extent(f, low, high);
        }
        dimension++;
    }
}

/* Appends the indexes' types and values to a task's. */
static uint32_t index_arguments(struct lower *f, const struct index_list *list,
                                const struct type **types, struct lowered *arguments,
                                uint32_t count)
{
    for (uint32_t i = 0; i < list->count; i++) {
        types[count] = f->shared->integer;
        arguments[count++] = lower_single(f, list->values[i]);
    }
    return count;
}

static struct lowered read_task(struct lower *f, const struct type *array, struct lowered base,
                                const struct index_list *list)
{
    const struct type *types[1 + 2 * WK_MAX_RANK] = {array};
    struct lowered arguments[1 + 2 * WK_MAX_RANK] = {base};
    uint32_t count = index_arguments(f, list, types, arguments, 1);
    const struct type *result = selected_type(f, array, list);
    struct typed_function *task = lower_small_task(f, task_name(f, "index", list, array->rank),
                                                   "[]", types, count, result, true);
    if (lower_task_is_new(task)) {
        struct typed *node = lower_task_node(f, TYPED_INDEX, result);
        node->base = lower_task_parameter(f, task, 0);
        node->indexes = task_indexes(f, task, list, array->rank, 1);
        node->index_count = array->rank;
        lower_task_returns(f, task, node);
    }
    ir_value extents[WK_MAX_RANK];
    if (list->mask)
        sliced_extents(f, list, array->rank, extents);
    return lower_small_call(f, task, types, arguments, count, list->mask ? extents : NULL);
}

static struct lowered read_indexed(struct lower *f, const struct type *array, struct lowered base,
                                   const struct index_list *list)
{
    if (lower_is_structured(f, base.values[0]))
        return read_structure(f, base, list);
    if (list->all_known && lower_knows_extents(f, array, base) && type_is_scalar(array->element))
        return read_view(f, array, base, list);
    return read_task(f, array, base, list);
}

struct lowered lower_index(struct lower *f, const struct typed *node)
{
    struct lowered base = lower_expression(f, node->base);
    struct index_list list = lower_indexes(f, base, node->indexes, node->index_count);
    f->build.span = node->span;
    return read_indexed(f, node->base->type, base, &list);
}

struct lowered lower_element(struct lower *f, const struct type *array, struct lowered value,
                             const ir_value *indexes)
{
    struct index_list list = {.count = array->rank, .all_known = true};
    for (uint32_t d = 0; d < array->rank; d++)
        list.values[d] = indexes[d];
    return read_indexed(f, array, value, &list);
}

struct lowered lower_item(struct lower *f, const struct type *array, struct lowered value,
                          ir_value index)
{
    struct index_list list = {.count = 1, .all_known = true};
    list.values[0] = index;
    for (uint32_t d = 1; d < array->rank; d++) {
        list.mask |= 1U << d;
        list.values[list.count++] = ir_constant_int(&f->build, 0);
        if (lower_knows_extent(f, value, d)) {
            list.values[list.count++] = lower_extent(f, value, d);
        } else {
            list.open |= 1U << d;
        }
    }
    return read_indexed(f, array, value, &list);
}

/* ---- Assigning ------------------------------------------------------------------------------ */

static struct lowered write_structure(struct lower *f, const struct type *array,
                                      struct lowered base, const struct index_list *list,
                                      struct lowered value, const struct level *element)
{
    if (list->mask)
        value = lower_coerce_elements(f, selected_type(f, array, list), value, element);
    else
        value = lower_coerce(f, array->element, value, element);
    ir_value operands[2 + 2 * WK_MAX_RANK];
    struct lowered result = {.count = base.count};
    result.values = arena_array(f->shared->arena, ir_value, base.count);
    for (uint32_t leaf = 0; leaf < base.count; leaf++) {
        uint32_t count = slice_operands(list, base.values[leaf], operands);
        operands[count++] = value.values[leaf];
        const struct ir_type *whole = lower_ir_type(f, base.values[leaf]);
        struct ir_instruction *set =
            ir_emit(&f->build, list->mask ? IR_SET_SLICE : IR_SET, operands, count, &whole, 1);
        set->mask = list->mask;
        result.values[leaf] = set->first_result;
    }
    return result;
}

/* var b = a; b[…] = value; return b */
static void write_body(struct lower *f, struct typed_function *task, const struct index_list *list,
                       uint32_t rank, uint32_t value_parameter)
{
    struct arena *arena = f->shared->arena;
    struct variable *copy = arena_new(arena, struct variable);
    *copy = (struct variable){.kind = VARIABLE_MUTABLE,
                              .name = "copy",
                              .type = task->result,
                              .span = f->build.span,
                              .index = task->variable_count++};
    struct typed_statement *declare = arena_new(arena, struct typed_statement);
    declare->kind = STATEMENT_DECLARE;
    declare->span = f->build.span;
    declare->variable = copy;
    declare->value = lower_task_parameter(f, task, 0);
    struct typed_statement *assign = arena_new(arena, struct typed_statement);
    assign->kind = STATEMENT_ASSIGN;
    assign->span = assign->operator_span = f->build.span;
    assign->variable = copy;
    assign->indexes = task_indexes(f, task, list, rank, 1);
    assign->index_count = rank;
    assign->value = lower_task_parameter(f, task, value_parameter);
    task->body.statements = arena_array(arena, struct typed_statement *, 2);
    task->body.statements[0] = declare;
    task->body.statements[1] = assign;
    task->body.count = 2;
    struct typed *result = lower_task_node(f, TYPED_VARIABLE, task->result);
    result->variable = copy;
    lower_task_returns(f, task, result);
}

static struct lowered write_task(struct lower *f, const struct type *array, struct lowered base,
                                 const struct index_list *list, const struct type *type,
                                 struct lowered value)
{
    const struct type *types[2 + 2 * WK_MAX_RANK] = {array};
    struct lowered arguments[2 + 2 * WK_MAX_RANK] = {base};
    uint32_t count = index_arguments(f, list, types, arguments, 1);
    types[count] = type;
    arguments[count++] = value;
    struct typed_function *task = lower_small_task(f, task_name(f, "set", list, array->rank),
                                                   "[]=", types, count, array, true);
    if (lower_task_is_new(task))
        write_body(f, task, list, array->rank, count - 1);
    ir_value extents[WK_MAX_RANK];
    for (uint32_t d = 0; d < array->rank; d++)
        extents[d] = lower_knows_extent(f, base, d) ? lower_extent(f, base, d) : NO_VALUE;
    return lower_small_call(f, task, types, arguments, count, extents);
}

/* The place that an assignment writes: a part of a variable. */
struct assigned_place {
    const struct type *type;
    const struct level *level;
    uint32_t begin, count; /* of its leaves among the variable's */
};

static struct assigned_place find_place(struct lower *f, const struct typed_statement *s)
{
    struct lowered whole = lower_variable(f, s->variable);
    struct assigned_place place = {s->variable->type, s->variable->level, 0, whole.count};
    for (uint32_t i = 0; i < s->part_count; i++) {
        struct lowered value = {whole.values + place.begin, place.count};
        struct lowered part = lower_part(f, place.type, value, s->part_path[i]);
        place.begin = (uint32_t)(part.values - whole.values);
        place.count = part.count;
        place.type = place.type->parts[s->part_path[i]];
        if (place.level && place.level->kind == LEVEL_TUPLE)
            place.level = place.level->parts[s->part_path[i]];
    }
    return place;
}

/* What the statement writes into the place, when the place held `old`. */
static struct lowered combined(struct lower *f, const struct typed_statement *s,
                               const struct type *type, struct lowered old, struct lowered value)
{
    if (s->operation == OPERATION_NONE)
        return value;
    const struct type *types[] = {type, s->value->type};
    struct lowered operands[] = {old, value};
    f->build.span = s->span;
    return lower_operate(f, s->operation, type, types, operands, 2);
}

static struct lowered assign_indexed(struct lower *f, const struct typed_statement *s,
                                     const struct assigned_place *place, struct lowered base)
{
    struct index_list list = lower_indexes(f, base, s->indexes, s->index_count);
    struct lowered value = lower_expression(f, s->value);
    const struct type *type = s->value->type;
    f->build.span = s->span;
    if (s->operation != OPERATION_NONE) {
        const struct type *selected = selected_type(f, place->type, &list);
        value = combined(f, s, selected, read_indexed(f, place->type, base, &list), value);
        type = selected;
    }
    if (!lower_is_structured(f, base.values[0]))
        return write_task(f, place->type, base, &list, type, value);
    const struct level *element =
        place->level && place->level->kind == LEVEL_STRUCTURE ? place->level->element : NULL;
    return write_structure(f, place->type, base, &list, value, element);
}

void lower_assign(struct lower *f, const struct typed_statement *s)
{
    struct assigned_place place = find_place(f, s);
    struct lowered whole = lower_variable(f, s->variable);
    struct lowered base = {whole.values + place.begin, place.count};
    struct lowered value;
    if (s->index_count) {
        value = assign_indexed(f, s, &place, base);
    } else {
        value = combined(f, s, place.type, base, lower_expression(f, s->value));
        value = lower_coerce(f, place.type, value, place.level);
    }
    struct value_list leaves = {0};
    for (uint32_t i = 0; i < whole.count; i++) {
        if (i == place.begin)
            for (uint32_t leaf = 0; leaf < value.count; leaf++)
                vector_push(&leaves, value.values[leaf]);
        if (i < place.begin || i >= place.begin + place.count)
            vector_push(&leaves, whole.values[i]);
    }
    lower_bind(f, s->variable, lower_copy(f, leaves.items, leaves.count));
    vector_release(&leaves);
}
