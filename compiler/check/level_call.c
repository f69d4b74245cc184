/*
 * The levels of calls, reductions and the prelude's functions.
 */
#include "check/levels.h"

/* ---- Tasks
 * ------------------------------------------------------------------------------------------------
 */

/* What of a task's arguments is known, when asking for the extents of its result. */
struct task_arguments {
    const struct typed_function *task;
    const struct level *const *levels;
};

static const struct level *place_level(const struct task_arguments *a, const struct typed *place)
{
    if (place->kind == TYPED_PART)
        return level_part(place_level(a, place->operands[0]), place->number);
    return a->levels[place->variable->index];
}

static bool variable_known(const struct task_arguments *a, const struct variable *variable)
{
    if (variable->kind == VARIABLE_PARAMETER)
        return level_is_known(a->levels[variable->index]);
    for (uint32_t i = 0; i < a->task->rule_count; i++) {
        const struct dimension_rule *rule = &a->task->rules[i];
        if (rule->binds == variable)
            return level_extents(place_level(a, rule->array), rule->array->type) >>
                       rule->dimension &
                   1;
    }
    return false;
}

static bool extent_known(const struct task_arguments *a, const struct typed *extent)
{
    switch (extent->kind) {
    case TYPED_CONSTANT:
        return true;
    case TYPED_VARIABLE:
        return variable_known(a, extent->variable);
    case TYPED_EXTENT:
        return level_extents(place_level(a, extent->operands[0]), extent->operands[0]->type) >>
                   extent->number &
               1;
    default:
        for (uint32_t i = 0; i < extent->operand_count; i++)
            if (!extent_known(a, extent->operands[i]))
                return false;
        return true;
    }
}

/* Whether a value has (), of which there is nothing to be sent. */
static bool has_unit(const struct type *type)
{
    if (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP)
        return has_unit(type->element);
    for (uint32_t i = 0; type_has_parts(type) && i < type->part_count; i++)
        if (has_unit(type->parts[i]))
            return true;
    return type_is_unit(type);
}

/* The first array of known structure in a value whose elements cannot be gathered; or NULL. */
static const struct type *find_ungatherable(const struct type *type, const struct level *level)
{
    if (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP)
        return level->kind == LEVEL_PENDING || !has_unit(type->element) ? NULL : type;
    const struct type *found = NULL;
    for (uint32_t i = 0; type_has_parts(type) && i < type->part_count && !found; i++)
        found = find_ungatherable(type->parts[i], level_part(level, i));
    return found;
}

bool level_refuse_gathering(struct walk *w, const struct type *type, const struct level *level,
                            struct span span)
{
    const struct type *found = w->final ? find_ungatherable(type, level) : NULL;
    if (!found)
        return false;
    struct diagnostics *diagnostics = w->l->c->diagnostics;
    struct diagnostic *d =
        diagnose(diagnostics, span, ERR_gathered_form,
                 "%s of type %s cannot be gathered: there is no value in () that could be sent",
                 found->kind == TYPE_MAP ? "a map" : "an array", types_text(w->l->c, found));
    diagnose_hint(diagnostics, d, "let the task return a bool or a number, not ()");
    return true;
}

/* A task's result is pending; extents are known when their expressions are. */
static const struct level *task_result(struct walk *w, const struct typed_function *task,
                                       const struct level *const *levels)
{
    struct task_arguments arguments = {task, levels};
    uint32_t *extents = arena_array(w->arena, uint32_t, task->result->leaf_count + 1);
    for (uint32_t i = 0; i < task->parameter_count; i++)
        if (!levels[i])
            return NULL;
    for (uint32_t i = 0; i < task->result_extent_count; i++) {
        const struct result_extent *e = &task->result_extents[i];
        if (extent_known(&arguments, e->extent))
            extents[e->leaf] |= 1U << e->dimension;
    }
    return level_pending_leaves(w->l, task->result, extents);
}

/* ---- Flows
 * ------------------------------------------------------------------------------------------------
 */

static const struct level *flow_result(struct walk *w, struct function *flow,
                                       const struct level *const *levels, struct span span,
                                       struct typed_function **instance)
{
    for (uint32_t i = 0; i < flow->typed.parameter_count; i++)
        if (!levels[i])
            return NULL;
    struct instance *callee = instance_find(w->l, flow, levels, span);
    if (w->final)
        *instance = &instance_finalize(w->l, callee)->typed;
    else
        instance_add_caller(callee, w->instance);
    return callee->result;
}

void level_call(struct walk *w, struct typed *call)
{
    uint32_t count = call->argument_count;
    struct typed **arguments = arena_array(w->arena, struct typed *, count);
    const struct level **levels = arena_array(w->arena, const struct level *, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        arguments[i] = level_expression(w, call->arguments[i]);
        levels[i] = arguments[i]->level;
    }
    call->arguments = arguments;
    struct typed_function *callee = call->callee;
    for (uint32_t i = 0; i < count && !callee->is_flow; i++)
        level_refuse_gathering(w, arguments[i]->type, levels[i], arguments[i]->span);
    if (!callee->is_flow)
        call->level = task_result(w, callee, levels);
    else
        call->level = flow_result(w, (struct function *)callee, levels, call->span, &callee);
    if (w->final) {
        call->callee = callee;
        vector_push(&w->instance->typed->calls, (struct function *)callee);
    }
}

/* ---- Reductions
 * --------------------------------------------------------------------------------------------- */

/* The result of one step on two values of level `both`. */
static const struct level *step(struct walk *w, const struct typed *reduce,
                                const struct level *both, struct typed_function **callee)
{
    struct typed_function *f = reduce->reducer;
    const struct level *levels[] = {both, both};
    *callee = f;
    if (f->prelude != OPERATION_NONE && level_is_known(both)) {
        struct typed operand = {.type = f->result, .level = both};
        struct typed *const operands[] = {&operand, &operand};
        return level_elementwise(w, f->result, operands, 2);
    }
    if (!f->is_flow)
        return task_result(w, f, levels);
    return flow_result(w, (struct function *)f, levels, reduce->span, callee);
}

static void require_known(struct walk *w, const struct typed *value, const char *what)
{
    if (!is_known(value))
        report_pending(w, value, value->span, ERR_known_expected, what, NULL);
}

static void level_settings(struct walk *w, struct typed *node)
{
    if (node->arity)
        node->arity = level_expression(w, node->arity);
    if (node->chunk)
        node->chunk = level_expression(w, node->chunk);
    require_known(w, node->arity, "the arity of a reduction shapes the graph, but this value");
    require_known(w, node->chunk, "the chunk of a reduction shapes the graph, but this value");
}

/* A task that gives as many values as it is given. */
static void level_scan(struct walk *w, struct typed *node)
{
    node->subject = level_expression(w, node->subject);
    if (node->initial)
        node->initial = level_expression(w, node->initial);
    const struct typed *subject = node->subject, *initial = node->initial;
    if (!subject->level || (initial && !initial->level))
        return;
    level_refuse_gathering(w, subject->type, subject->level, subject->span);
    if (initial)
        level_refuse_gathering(w, initial->type, initial->level, initial->span);
    node->level = level_pending_array(w->l, level_extents(subject->level, subject->type));
    if (w->final)
        vector_push(&w->instance->typed->calls, (struct function *)node->reducer);
}

void level_reduce(struct walk *w, struct typed *node)
{
    if (node->is_scan) {
        level_scan(w, node);
        return;
    }
    node->subject = level_expression(w, node->subject);
    if (node->initial)
        node->initial = level_expression(w, node->initial);
    level_settings(w, node);
    const struct typed *subject = node->subject;
    const struct level *both = level_element(w->l, subject->level, subject->type);
    if (!both || (node->initial && !node->initial->level))
        return;
    if (node->initial)
        both = level_join(w->l, both, node->initial->level);
    if (node->reducer->is_flow && subject->level->kind == LEVEL_PENDING &&
        subject->level->known_extents != level_all_extents(subject->type))
        report_unknown_shape(w, subject);
    struct typed_function *callee;
    for (const struct level *before = NULL; before != both;) {
        before = both;
        both = level_join(w->l, both, step(w, node, both, &callee));
    }
    node->level = both;
    if (w->final) {
        node->reducer = callee;
        vector_push(&w->instance->typed->calls, (struct function *)callee);
    }
}

/* ---- The prelude
 * ------------------------------------------------------------------------------------------------
 */

static const struct level *sized_level(struct walk *w, const struct typed *node, uint32_t from,
                                       const struct level *element)
{
    uint32_t known = 0;
    for (uint32_t i = from; i < node->item_count; i++) {
        if (!node->items[i]->level)
            return NULL;
        known |= (uint32_t)level_is_known(node->items[i]->level) << (i - from);
    }
    if (known == level_all_extents(node->type))
        return level_structure(w->l, element);
    return element ? level_pending_array(w->l, known) : NULL;
}

static const struct level *transpose_level(struct walk *w, const struct level *array)
{
    if (!array || array->kind != LEVEL_PENDING)
        return array;
    uint32_t extents = array->known_extents;
    return level_pending_array(w->l, (extents & 1) << 1 | (extents >> 1 & 1));
}

static const struct level *append_level(struct walk *w, const struct level *array,
                                        const struct level *element)
{
    if (!array || !element || array->kind == LEVEL_PENDING)
        return array && element ? array : NULL;
    const struct level *old = array->kind == LEVEL_STRUCTURE ? array->element : array;
    return level_structure(w->l, level_join(w->l, old, element));
}

static const struct level *concat_level(struct walk *w, const struct typed *node)
{
    const struct level *a = node->items[0]->level, *b = node->items[1]->level;
    if (!a || !b)
        return NULL;
    if (a->kind != LEVEL_PENDING && b->kind != LEVEL_PENDING)
        return level_join(w->l, a, b);
    uint32_t first = level_extents(a, node->type), second = level_extents(b, node->type);
    return level_pending_array(w->l, (first & second & 1) | ((first | second) & ~1U));
}

/* An array of arrays, joined: a rearrangement of structures; else one task gathers the arrays. */
static const struct level *joined_level(struct walk *w, const struct typed *node, bool flat)
{
    const struct level *outer = node->items[0]->level;
    const struct type *type = node->items[0]->type->element;
    if (!outer || level_is_known(outer))
        return outer;
    if (outer->kind == LEVEL_PENDING)
        return &level_pending_scalar;
    const struct level *inner = outer->element;
    if (inner->kind == LEVEL_STRUCTURE)
        return inner;
    /* All extents of the inner arrays are added up or compared when the graph is built, or none. */
    bool all = inner->known_extents == level_all_extents(type);
    return level_pending_array(w->l, !all ? 0 : flat ? 1 : inner->known_extents);
}

static const struct level *flatten_level(struct walk *w, const struct typed *node)
{
    const struct typed *array = node->items[0];
    if (array->type->element->kind == TYPE_ARRAY)
        return joined_level(w, node, true);
    if (!array->level || array->level->kind != LEVEL_PENDING)
        return array->level;
    bool all = array->level->known_extents == level_all_extents(array->type);
    return level_pending_array(w->l, all ? 1 : 0);
}

static const struct level *tiles_level(struct walk *w, const struct typed *node)
{
    const struct typed *matrix = node->items[0];
    if (!matrix->level || !node->items[1]->level || !node->items[2]->level)
        return NULL;
    require_known(w, node->items[1], "the size of tiles shapes the graph, but this value");
    require_known(w, node->items[2], "the size of tiles shapes the graph, but this value");
    if (level_extents(matrix->level, matrix->type) != 3)
        report_unknown_shape(w, matrix);
    return level_structure(w->l, level_pending_array(w->l, 3));
}

static const struct level *untile_level(struct walk *w, const struct typed *node)
{
    const struct level *tiles = node->items[0]->level;
    if (!tiles)
        return NULL;
    bool shaped = tiles->kind != LEVEL_PENDING &&
                  level_extents(level_element(w->l, tiles, node->items[0]->type), node->type) == 3;
    return level_pending_array(w->l, shaped ? 3 : 0);
}

/* As long as its argument, and pending. */
static const struct level *same_extents(struct walk *w, const struct typed *node)
{
    const struct level *array = node->items[0]->level;
    return array ? level_pending_array(w->l, level_extents(array, node->items[0]->type)) : NULL;
}

/* Zipped by one task: as long as one of the arrays, if that is known. */
static const struct level *zip_by_task(struct walk *w, const struct typed *node)
{
    uint32_t extent = 0;
    for (uint32_t i = 0; i < node->item_count; i++) {
        const struct typed *array = node->items[i];
        if (!array->level)
            return NULL;
        level_refuse_gathering(w, array->type, array->level, array->span);
        extent |= level_extents(array->level, array->type);
    }
    return level_pending_array(w->l, extent);
}

/* zip and enumerate: a structure whose elements are tuples of the arrays' elements, if all lengths
 * are known. */
static const struct level *zip_level(struct walk *w, const struct typed *node)
{
    const struct level *parts[WK_MAX_RANK];
    uint32_t count = 0;
    bool known = true;
    if (node->builtin == BUILTIN_ENUMERATE)
        parts[count++] = &level_known;
    for (uint32_t i = 0; i < node->item_count; i++) {
        const struct typed *array = node->items[i];
        if (!array->level)
            return NULL;
        if (level_extents(array->level, array->type) != 1)
            return zip_by_task(w, node);
        known &= level_is_known(array->level);
        parts[count++] = level_element(w->l, array->level, array->type);
    }
    return known ? &level_known : level_structure(w->l, level_tuple(w->l, parts, count));
}

/* What a task makes of maps, or a map that a task makes. */
static void map_task_level(struct walk *w, struct typed *node)
{
    for (uint32_t i = 0; i < node->item_count; i++) {
        const struct typed *item = node->items[i];
        if (!item->level)
            return;
        if (level_refuse_gathering(w, item->type, item->level, item->span))
            break;
    }
    node->level = level_pending(w->l, node->type);
}

/* A map literal of known keys is one: a structure of its values. */
static void map_literal_level(struct walk *w, struct typed *node)
{
    const struct level *value = node->item_count ? NULL : &level_known;
    for (uint32_t i = 0; i < node->item_count; i += 2) {
        if (!node->items[i]->level || !node->items[i + 1]->level)
            return;
        if (!is_known(node->items[i])) {
            map_task_level(w, node);
            return;
        }
        value = level_join(w->l, value, node->items[i + 1]->level);
    }
    node->level = level_structure(w->l, value);
}

/* Of a map of known keys, and a known key: what is known of the map. */
static void map_level(struct walk *w, struct typed *node)
{
    const struct typed *map = node->items[0];
    if (!map->level || (node->item_count > 1 && !node->items[1]->level))
        return;
    if (map->level->kind == LEVEL_PENDING || (node->item_count > 1 && !is_known(node->items[1]))) {
        map_task_level(w, node);
        return;
    }
    const struct level *value = level_element(w->l, map->level, map->type);
    const struct level *const pair[] = {&level_known, value};
    if (node->builtin == BUILTIN_MAP_GET)
        node->level = value;
    else if (node->builtin == BUILTIN_MAP_HAS || node->builtin == BUILTIN_MAP_COUNT ||
             node->builtin == BUILTIN_KEYS)
        node->level = &level_known;
    else if (node->builtin == BUILTIN_ENTRIES)
        node->level = level_structure(w->l, level_tuple(w->l, pair, 2));
    else
        node->level = map->level; /* values, and the map without a key */
}

/* What is made of known scalars and strings is known; arrays of bytes are read by tasks. */
static const struct level *text_level(const struct typed *node)
{
    const struct level *level = &level_known;
    for (uint32_t i = 0; i < node->item_count; i++) {
        if (!node->items[i]->level)
            return NULL;
        if (!level_is_known(node->items[i]->level) || node->items[i]->type->kind == TYPE_ARRAY)
            level = &level_pending_scalar;
    }
    return level;
}

void level_builtin(struct walk *w, struct typed *node)
{
    const struct level *first = node->item_count ? node->items[0]->level : NULL;
    switch (node->builtin) {
    case BUILTIN_MAP:
        map_literal_level(w, node);
        return;
    case BUILTIN_MAP_GET:
    case BUILTIN_MAP_HAS:
    case BUILTIN_MAP_COUNT:
    case BUILTIN_ENTRIES:
    case BUILTIN_REMOVE:
    case BUILTIN_KEYS:
    case BUILTIN_VALUES:
        map_level(w, node);
        return;
    case BUILTIN_GROUP:
        map_task_level(w, node);
        return;
    case BUILTIN_ZEROS:
        node->level = sized_level(w, node, 0, &level_known);
        return;
    case BUILTIN_FILL:
        node->level = sized_level(w, node, 1, first);
        return;
    case BUILTIN_RANGE:
        node->level = &level_known;
        for (uint32_t i = 0; i < node->item_count; i++)
            if (!is_known(node->items[i]))
                node->level = &level_pending_scalar;
        return;
    case BUILTIN_SUM:
    case BUILTIN_MIN_OF:
    case BUILTIN_MAX_OF:
    case BUILTIN_ANY:
    case BUILTIN_ALL:
    case BUILTIN_COUNT:
    case BUILTIN_ARG_MIN:
    case BUILTIN_ARG_MAX:
        node->level = first ? &level_pending_scalar : NULL;
        return;
    case BUILTIN_TRANSPOSE:
        node->level = transpose_level(w, first);
        return;
    case BUILTIN_APPEND:
        node->level = append_level(w, first, node->items[1]->level);
        return;
    case BUILTIN_CONCAT:
        node->level = concat_level(w, node);
        return;
    case BUILTIN_CONCAT_ALL:
        node->level = joined_level(w, node, false);
        return;
    case BUILTIN_FLATTEN:
        node->level = flatten_level(w, node);
        return;
    case BUILTIN_REVERSE:
        node->level = first;
        return;
    case BUILTIN_ZIP:
    case BUILTIN_ENUMERATE:
        node->level = zip_level(w, node);
        return;
    case BUILTIN_SORT:
    case BUILTIN_ORDER:
        node->level = same_extents(w, node);
        return;
    case BUILTIN_TILES:
        node->level = tiles_level(w, node);
        return;
    case BUILTIN_CONTENTS:
        node->level = first ? level_pending_array(w->l, level_is_known(first) ? 1 : 0) : NULL;
        return;
    case BUILTIN_UNTILE:
        node->level = untile_level(w, node);
        return;
    case BUILTIN_STR:
    case BUILTIN_TEXT_CONCAT:
    case BUILTIN_TEXT_COMPARE:
        node->level = text_level(node);
        return;
    case BUILTIN_BYTES:
        node->level = first ? &level_pending_scalar : NULL;
        return;
    }
    bug("builtin %d", node->builtin);
}
