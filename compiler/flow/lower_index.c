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
        } else if (lower_knows_extent(f, base, d) || lower_is_known(f, base.values[0])) {
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
    if (array->kind == TYPE_STRING)
        return array;
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
    bool has_extents = list->mask && array->kind == TYPE_ARRAY;
    if (has_extents)
        sliced_extents(f, list, array->rank, extents);
    return lower_small_call(f, task, types, arguments, count, has_extents ? extents : NULL);
}

static struct lowered read_indexed(struct lower *f, const struct type *array, struct lowered base,
                                   const struct index_list *list)
{
    if (array->kind == TYPE_STRING && list->all_known && lower_is_known(f, base.values[0]))
        return lower_text_slice(f, base, list->values[0], list->values[1]);
    if (lower_is_structured(f, base.values[0]))
        return read_structure(f, base, list);
    if (list->all_known && array->kind == TYPE_ARRAY && lower_knows_extents(f, array, base) &&
        type_is_scalar(array->element))
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
    assign->step_count = 1;
    assign->steps = arena_new(arena, struct typed_step);
    assign->steps->kind = STEP_INDEX;
    assign->steps->type = selected_type(f, task->result, list);
    assign->steps->span = f->build.span;
    assign->steps->indexes = task_indexes(f, task, list, rank, 1);
    assign->steps->index_count = rank;
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

/* What the statement writes into the place, when the place held `old`. */
static struct lowered assigned_value(struct lower *f, const struct typed_statement *s,
                                     const struct type *type, struct lowered old)
{
    struct lowered value = lower_expression(f, s->value);
    f->build.span = s->span;
    if (s->operation == OPERATION_NONE)
        return value;
    const struct type *types[] = {type, s->value->type};
    struct lowered operands[] = {old, value};
    return lower_operate(f, s->operation, type, types, operands, 2);
}

/* An assignment on its way from the variable to the place. */
struct assigned_place {
    const struct typed_statement *statement;
    uint32_t depth; /* steps gone */
    const struct type *type;
    const struct level *level; /* afterwards; NULL: not asked for, or known */
};

static struct lowered assign_within(struct lower *f, struct assigned_place place,
                                    struct lowered old);

static struct lowered assign_part(struct lower *f, struct assigned_place place, struct lowered old)
{
    uint32_t part = place.statement->steps[place.depth].part;
    struct lowered inner = lower_part(f, place.type, old, part);
    struct value_list leaves = {0};
    uint32_t begin = (uint32_t)(inner.values - old.values), end = begin + inner.count;
    const struct level *level =
        place.level && place.level->kind == LEVEL_TUPLE ? place.level->parts[part] : place.level;
    inner = assign_within(
        f,
        (struct assigned_place){place.statement, place.depth + 1, place.type->parts[part], level},
        inner);
    for (uint32_t i = 0; i < begin; i++)
        vector_push(&leaves, old.values[i]);
    for (uint32_t i = 0; i < inner.count; i++)
        vector_push(&leaves, inner.values[i]);
    for (uint32_t i = end; i < old.count; i++)
        vector_push(&leaves, old.values[i]);
    struct lowered result = lower_copy(f, leaves.items, leaves.count);
    vector_release(&leaves);
    return result;
}

/* Whether what the array holds at a step is needed to find its new value. */
static bool reads_old(const struct assigned_place *place)
{
    return place->depth + 1 < place->statement->step_count ||
           place->statement->operation != OPERATION_NONE;
}

static const struct level *slice_level(struct lower *f, const struct level *element)
{
    struct level *level = arena_new(f->shared->arena, struct level);
    *level = (struct level){.kind = LEVEL_STRUCTURE, .element = element};
    return level;
}

static struct lowered assign_indexed(struct lower *f, struct assigned_place place,
                                     struct lowered base)
{
    const struct typed_statement *s = place.statement;
    const struct typed_step *step = &s->steps[place.depth];
    struct index_list list = lower_indexes(f, base, step->indexes, step->index_count);
    bool is_structure = lower_is_structured(f, base.values[0]);
    const struct level *element =
        place.level && place.level->kind == LEVEL_STRUCTURE ? place.level->element : NULL;
    struct assigned_place inner = {s, place.depth + 1, step->type, element};
    if (element && list.mask)
        inner.level = slice_level(f, element);
    const struct type *type = step->type;
    f->build.span = place.depth + 1 < s->step_count ? step->span : s->span;
    struct lowered value = {0};
    if (reads_old(&place))
        value = read_indexed(f, place.type, base, &list);
    else
        type = s->value->type; /* may be what fills the slice */
    value = assign_within(f, inner, value);
    f->build.span = s->span;
    if (!is_structure)
        return write_task(f, place.type, base, &list, type, value);
    return write_structure(f, place.type, base, &list, value, element);
}

/* Of a map of known keys, at a known key. */
static struct lowered assign_known_key(struct lower *f, struct assigned_place place,
                                       struct lowered map, struct lowered key)
{
    const struct typed_statement *s = place.statement;
    const struct typed_step *step = &s->steps[place.depth];
    const struct level *element =
        place.level && place.level->kind == LEVEL_STRUCTURE ? place.level->element : NULL;
    struct assigned_place inner = {s, place.depth + 1, step->type, element};
    struct lowered value = {0};
    f->build.span = step->span;
    if (reads_old(&place))
        value = statement_inserts(s, place.depth)
                    ? lower_known_map_get_or_zero(f, place.type, map, key, element)
                    : lower_known_map_get(f, place.type, map, key);
    value = assign_within(f, inner, value);
    f->build.span = s->span;
    return lower_known_map_set(f, place.type, map, key, value, element);
}

static struct lowered assign_keyed(struct lower *f, struct assigned_place place, struct lowered map)
{
    const struct typed_statement *s = place.statement;
    const struct typed_step *step = &s->steps[place.depth];
    struct lowered key = lower_expression(f, step->key);
    if (lower_is_known_map(f, place.type, map) && lower_all_known(f, key))
        return assign_known_key(f, place, map, key);
    if (place.depth + 1 == s->step_count) {
        struct lowered value = lower_expression(f, s->value);
        f->build.span = s->span;
        return lower_map_set(f, place.type, map, key, s->operation, s->value->type, value);
    }
    f->build.span = step->span;
    struct lowered old = statement_inserts(s, place.depth)
                             ? lower_map_get_or_zero(f, place.type, map, key)
                             : lower_map_get(f, place.type, map, key);
    struct assigned_place inner = {s, place.depth + 1, step->type, NULL};
    struct lowered value = assign_within(f, inner, old);
    f->build.span = s->span;
    return lower_map_set(f, place.type, map, key, OPERATION_NONE, step->type, value);
}

/* The value of a place after the assignment, when it was `old`. */
static struct lowered assign_within(struct lower *f, struct assigned_place place,
                                    struct lowered old)
{
    const struct typed_statement *s = place.statement;
    if (place.depth == s->step_count)
        return assigned_value(f, s, place.type, old);
    if (s->steps[place.depth].kind == STEP_PART)
        return assign_part(f, place, old);
    if (s->steps[place.depth].kind == STEP_KEY)
        return assign_keyed(f, place, old);
    return assign_indexed(f, place, old);
}

void lower_assign(struct lower *f, const struct typed_statement *s)
{
    struct assigned_place place = {s, 0, s->variable->type, s->variable->level};
    struct lowered value = assign_within(f, place, lower_variable(f, s->variable));
    f->build.span = s->span;
    lower_bind(f, s->variable, lower_coerce(f, s->variable->type, value, s->variable->level));
}
