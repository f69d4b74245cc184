/*
 * Leaves of values, and bringing values to levels.
 *
 * What a leaf is depends on what is known: an array of pairs of known structure is two structures,
 * a pending one is a single reference. Levels only ever go up: known values become pending by
 * `lift` (a constant of the graph), structures by a task that packs them.
 */
#include "base/memory.h"
#include "flow/lower.h"

/* ---- Leaves --------------------------------------------------------------------------------- */

struct lowered lower_copy(struct lower *f, const ir_value *values, size_t count)
{
    struct lowered result = {.count = (uint32_t)count};
    result.values = arena_array(f->shared->arena, ir_value, count);
    for (size_t i = 0; i < count; i++)
        result.values[i] = values[i];
    return result;
}

struct lowered lower_single(struct lower *f, ir_value value)
{
    return lower_copy(f, &value, 1);
}

const struct ir_type *lower_ir_type(const struct lower *f, ir_value value)
{
    return ir_type_of(f->build.function, value);
}

bool lower_is_known(const struct lower *f, ir_value value)
{
    return lower_ir_type(f, value)->kind == IR_KNOWN;
}

bool lower_is_structured(const struct lower *f, ir_value value)
{
    return lower_ir_type(f, value)->kind == IR_STRUCTURED;
}

/* The type of an element, `depth` structures deep. */
static const struct ir_type *peeled(const struct lower *f, ir_value value, uint32_t depth)
{
    const struct ir_type *type = lower_ir_type(f, value);
    for (; depth; depth--)
        type = type->element;
    return type;
}

static bool is_known_to_the_end(const struct lower *f, ir_value value)
{
    const struct ir_type *type = lower_ir_type(f, value);
    while (type->kind == IR_STRUCTURED)
        type = type->element;
    return type->kind == IR_KNOWN;
}

bool lower_all_known(const struct lower *f, struct lowered value)
{
    for (uint32_t i = 0; i < value.count; i++)
        if (!is_known_to_the_end(f, value.values[i]))
            return false;
    return true;
}

static uint32_t leaf_span(const struct lower *f, const struct type *type, const ir_value *values,
                          uint32_t depth)
{
    bool is_structured = peeled(f, values[0], depth)->kind == IR_STRUCTURED;
    if (type->kind == TYPE_ARRAY && is_structured)
        return leaf_span(f, type->element, values, depth + 1);
    if (type->kind == TYPE_MAP && is_structured)
        return type->key->leaf_count +
               leaf_span(f, type->element, values + type->key->leaf_count, depth + 1);
    if (!type_has_parts(type) || type_is_unit(type))
        return 1;
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->part_count; i++)
        count += leaf_span(f, type->parts[i], values + count, depth);
    return count;
}

uint32_t lower_leaf_span(const struct lower *f, const struct type *type, const ir_value *values)
{
    return leaf_span(f, type, values, 0);
}

struct lowered lower_part(const struct lower *f, const struct type *type, struct lowered value,
                          uint32_t part)
{
    uint32_t begin = 0;
    for (uint32_t i = 0; i < part; i++)
        begin += lower_leaf_span(f, type->parts[i], value.values + begin);
    return (struct lowered){value.values + begin,
                            lower_leaf_span(f, type->parts[part], value.values + begin)};
}

struct lowered lower_leaf(const struct lower *f, const struct type *type, struct lowered value,
                          uint32_t index)
{
    while (type_has_parts(type)) {
        uint32_t part = 0;
        while (index >= type->parts[part]->leaf_count)
            index -= type->parts[part++]->leaf_count;
        value = lower_part(f, type, value, part);
        type = type->parts[part];
    }
    return value;
}

/* ---- Types of levels ------------------------------------------------------------------------ */

static void structured_types(struct lowering *shared, const struct type *type,
                             const struct level *element, struct type_list *types)
{
    size_t begin = types->count;
    lower_level_types(shared, type->element, element, types);
    for (size_t i = begin; i < types->count; i++)
        types->items[i] = ir_type_structured(shared->module, types->items[i], type->rank);
}

static const struct level *part_level(const struct level *level, uint32_t part)
{
    return level && level->kind == LEVEL_TUPLE ? level->parts[part] : level;
}

static bool is_known_level(const struct level *level)
{
    return !level || level->kind == LEVEL_KNOWN;
}

/* A map of known keys: a structure for each leaf of the keys, then of the values. */
static void map_types(struct lowering *shared, const struct type *type, const struct level *value,
                      struct type_list *types)
{
    size_t begin = types->count;
    lower_level_types(shared, type->key, NULL, types);
    lower_level_types(shared, type->element, value, types);
    for (size_t i = begin; i < types->count; i++)
        types->items[i] = ir_type_structured(shared->module, types->items[i], 1);
}

void lower_level_types(struct lowering *shared, const struct type *type, const struct level *level,
                       struct type_list *types)
{
    if (type_has_parts(type) && !type_is_unit(type)) {
        for (uint32_t i = 0; i < type->part_count; i++)
            lower_level_types(shared, type->parts[i], part_level(level, i), types);
    } else if (type->kind == TYPE_ARRAY && is_known_level(level)) {
        structured_types(shared, type, NULL, types);
    } else if (type->kind == TYPE_ARRAY && level->kind == LEVEL_STRUCTURE) {
        structured_types(shared, type, level->element, types);
    } else if (type->kind == TYPE_MAP && is_known_level(level)) {
        map_types(shared, type, NULL, types);
    } else if (type->kind == TYPE_MAP && level->kind == LEVEL_STRUCTURE) {
        map_types(shared, type, level->element, types);
    } else if (is_known_level(level)) {
        vector_push(types, ir_type_known(shared->module, type));
    } else {
        uint32_t extents = type->kind == TYPE_ARRAY ? level->known_extents : 0;
        vector_push(types, ir_type_pending(shared->module, type, extents));
    }
}

void lower_sink_types(struct lowering *shared, const struct type *type, const struct level *level,
                      struct type_list *types)
{
    if (type_has_parts(type) && !type_is_unit(type)) {
        for (uint32_t i = 0; i < type->part_count; i++)
            lower_sink_types(shared, type->parts[i], part_level(level, i), types);
    } else if (type->kind == TYPE_ARRAY &&
               (is_known_level(level) || level->kind == LEVEL_STRUCTURE)) {
        bool is_plain = is_known_level(level) && type_is_scalar(type->element);
        for (uint32_t i = 0; i < ir_leaf_count(type->element); i++) {
            const struct type *leaf = ir_leaf(type->element, i);
            const struct ir_type *element = is_plain ? ir_type_known(shared->module, leaf)
                                                     : ir_type_pending(shared->module, leaf, 0);
            vector_push(types, ir_type_structured(shared->module, element, type->rank));
        }
    } else if (type->kind == TYPE_MAP) {
        vector_push(types, ir_type_pending(shared->module, type, 0));
    } else {
        lower_level_types(shared, type, level, types);
    }
}

/* ---- Extents -------------------------------------------------------------------------------- */

bool lower_knows_extent(const struct lower *f, struct lowered array, uint32_t dimension)
{
    const struct ir_type *type = lower_ir_type(f, array.values[0]);
    return type->kind == IR_STRUCTURED || (type->known_extents >> dimension & 1);
}

bool lower_knows_extents(const struct lower *f, const struct type *type, struct lowered array)
{
    for (uint32_t d = 0; d < type->rank; d++)
        if (!lower_knows_extent(f, array, d))
            return false;
    return true;
}

/* The extent of a pending array is a task's result when it is not known. */
static ir_value extent_task(struct lower *f, struct lowered array, uint32_t dimension)
{
    const struct type *type = lower_ir_type(f, array.values[0])->type;
    const char *what = arena_printf(f->shared->arena, "extent%u", dimension);
    const char *name = dimension == 0 ? "len" : what;
    struct typed_function *task =
        lower_small_task(f, what, name, &type, 1, f->shared->integer, false);
    if (lower_task_is_new(task)) {
        struct typed *extent = lower_task_node(f, TYPED_EXTENT, f->shared->integer);
        extent->operands[0] = lower_task_parameter(f, task, 0);
        extent->operand_count = 1;
        extent->number = dimension;
        lower_task_returns(f, task, extent);
    }
    return lower_small_call(f, task, &type, &array, 1, NULL).values[0];
}

ir_value lower_extent(struct lower *f, struct lowered array, uint32_t dimension)
{
    if (lower_is_known(f, array.values[0]))
        return lower_text_length(f, array).values[0];
    if (lower_knows_extent(f, array, dimension))
        return ir_extent(&f->build, array.values[0], dimension);
    return extent_task(f, array, dimension);
}

/* ---- Levels --------------------------------------------------------------------------------- */

/* What is done to each element of a structure. */
typedef struct lowered element_action(struct lower *inner, const struct type *element,
                                      struct lowered value, const struct level *level);

/* A structure whose elements are the results of `action`. */
static struct lowered map_elements(struct lower *f, const struct type *type, struct lowered value,
                                   const char *what, element_action *action,
                                   const struct level *level)
{
    const struct ir_type *index = ir_type_known(f->build.module, f->shared->integer);
    const struct ir_type *indexes[WK_MAX_RANK];
    ir_value numbers[WK_MAX_RANK];
    struct value_list operands = {0}, captures = {value.values, value.count, value.count};
    for (uint32_t d = 0; d < type->rank; d++) {
        indexes[d] = index;
        numbers[d] = d;
        vector_push(&operands, lower_extent(f, value, d));
    }
    struct lower inner;
    uint32_t callee = lower_outline(f, &inner, what, indexes, type->rank, &captures);
    struct lowered array = {.count = value.count};
    array.values = arena_array(f->shared->arena, ir_value, value.count);
    for (uint32_t i = 0; i < value.count; i++)
        array.values[i] = type->rank + i;
    struct lowered element = lower_element(&inner, type, array, numbers);
    lower_outline_end(&inner, action(&inner, type->element, element, level));

    struct type_list results = {0};
    const struct ir_function *function = f->build.module->functions[callee];
    for (uint32_t i = 0; i < function->result_count; i++)
        vector_push(&results,
                    ir_type_structured(f->build.module, function->results[i], type->rank));
    for (uint32_t i = 0; i < value.count; i++)
        vector_push(&operands, value.values[i]);
    struct ir_instruction *each =
        ir_emit(&f->build, IR_EACH, operands.items, (uint32_t)operands.count, results.items,
                (uint32_t)results.count);
    each->callee = callee;
    each->number = type->rank;
    struct lowered result = {.count = each->result_count};
    result.values = arena_array(f->shared->arena, ir_value, result.count);
    for (uint32_t i = 0; i < result.count; i++)
        result.values[i] = each->first_result + i;
    vector_release(&operands);
    vector_release(&results);
    return result;
}

static struct lowered pend_element(struct lower *inner, const struct type *element,
                                   struct lowered value, const struct level *level)
{
    (void)level;
    return lower_pend(inner, element, value);
}

static bool fits(const struct lower *f, struct lowered value, const struct type_list *types)
{
    if (value.count != types->count)
        return false;
    for (uint32_t i = 0; i < value.count; i++)
        if (!ir_type_fits(lower_ir_type(f, value.values[i]), types->items[i]))
            return false;
    return true;
}

struct lowered lower_coerce_elements(struct lower *f, const struct type *type, struct lowered value,
                                     const struct level *level)
{
    struct type_list types = {0};
    structured_types(f->shared, type, level, &types);
    bool is_there = fits(f, value, &types);
    vector_release(&types);
    return is_there ? value : map_elements(f, type, value, "lift", lower_coerce, level);
}

/* Whether the elements of a structure are all references, as gathering takes them. */
static bool has_pending_elements(const struct lower *f, struct lowered value)
{
    for (uint32_t i = 0; i < value.count; i++)
        if (lower_ir_type(f, value.values[i])->element->kind != IR_PENDING)
            return false;
    return true;
}

/* A known array of scalars is passed as it is, other structures as references, one for each leaf of
 * an element. */
static void structure_argument(struct lower *f, const struct type *type, struct lowered value,
                               struct value_list *operands)
{
    bool is_plain = value.count == 1 &&
                    lower_ir_type(f, value.values[0])->element->kind == IR_KNOWN &&
                    type_is_scalar(type->element);
    if (!is_plain && !has_pending_elements(f, value))
        value = map_elements(f, type, value, "pend", pend_element, NULL);
    for (uint32_t i = 0; i < value.count; i++)
        vector_push(operands, value.values[i]);
}

void lower_argument(struct lower *f, const struct type *type, struct lowered value,
                    struct value_list *operands)
{
    if (type_has_parts(type) && !type_is_unit(type)) {
        for (uint32_t i = 0; i < type->part_count; i++)
            lower_argument(f, type->parts[i], lower_part(f, type, value, i), operands);
    } else if (type->kind == TYPE_ARRAY && lower_is_structured(f, value.values[0])) {
        structure_argument(f, type, value, operands);
    } else if (type->kind == TYPE_MAP) {
        vector_push(operands, lower_pend(f, type, value).values[0]);
    } else {
        vector_push(operands, value.values[0]);
    }
}

/* One pending array made of a structure, by a task that returns what it gathers. */
static struct lowered pack(struct lower *f, const struct type *type, struct lowered value)
{
    struct typed_function *task = lower_small_task(f, "pack", "pack", &type, 1, type, false);
    if (lower_task_is_new(task))
        lower_task_returns(f, task, lower_task_parameter(f, task, 0));
    ir_value extents[WK_MAX_RANK];
    for (uint32_t d = 0; d < type->rank; d++)
        extents[d] = lower_extent(f, value, d);
    return lower_small_call(f, task, &type, &value, 1, extents);
}

static struct lowered pend_leaf(struct lower *f, const struct type *type, struct lowered value)
{
    const struct ir_type *own = lower_ir_type(f, value.values[0]);
    if (own->kind == IR_PENDING)
        return value;
    if (type->kind == TYPE_MAP)
        return lower_known_map_pack(f, type, value);
    bool is_constant =
        own->kind == IR_KNOWN ||
        (value.count == 1 && own->element->kind == IR_KNOWN && type_is_scalar(type->element));
    if (!is_constant)
        return pack(f, type, value);
    uint32_t extents = own->kind == IR_STRUCTURED ? (1U << own->rank) - 1 : 0;
    const struct ir_type *result = ir_type_pending(f->build.module, type, extents);
    return lower_single(f, ir_emit_value(&f->build, IR_LIFT, value.values, 1, result));
}

struct lowered lower_pend(struct lower *f, const struct type *type, struct lowered value)
{
    if (!type_has_parts(type) || type_is_unit(type))
        return pend_leaf(f, type, value);
    struct value_list values = {0};
    for (uint32_t i = 0; i < type->part_count; i++) {
        struct lowered part = lower_pend(f, type->parts[i], lower_part(f, type, value, i));
        for (uint32_t leaf = 0; leaf < part.count; leaf++)
            vector_push(&values, part.values[leaf]);
    }
    struct lowered result = lower_copy(f, values.items, values.count);
    vector_release(&values);
    return result;
}

static struct lowered coerce_tuple(struct lower *f, const struct type *type, struct lowered value,
                                   const struct level *level)
{
    struct value_list values = {0};
    for (uint32_t i = 0; i < type->part_count; i++) {
        struct lowered part =
            lower_coerce(f, type->parts[i], lower_part(f, type, value, i), part_level(level, i));
        for (uint32_t leaf = 0; leaf < part.count; leaf++)
            vector_push(&values, part.values[leaf]);
    }
    struct lowered result = lower_copy(f, values.items, values.count);
    vector_release(&values);
    return result;
}

struct lowered lower_coerce(struct lower *f, const struct type *type, struct lowered value,
                            const struct level *level)
{
    if (is_known_level(level))
        return value;
    if (type_has_parts(type) && !type_is_unit(type))
        return coerce_tuple(f, type, value, level);
    if (level->kind == LEVEL_STRUCTURE && type->kind == TYPE_MAP)
        return lower_known_map_coerce(f, type, value, level);
    if (level->kind == LEVEL_STRUCTURE)
        return lower_coerce_elements(f, type, value, level->element);
    return lower_pend(f, type, value);
}
