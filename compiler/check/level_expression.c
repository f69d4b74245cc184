/*
 * The levels of expressions.
 */
#include "check/levels.h"

static const struct level *scalar_level(struct typed *const *operands, uint32_t count)
{
    const struct level *level = &level_known;
    for (uint32_t i = 0; i < count; i++) {
        if (!operands[i]->level)
            return NULL;
        if (!level_is_known(operands[i]->level))
            level = &level_pending_scalar;
    }
    return level;
}

/* Element by element: pending as a whole if an operand array is, with the extents that any knows.
 */
const struct level *level_elementwise(struct walk *w, const struct type *type,
                                      struct typed *const *operands, uint32_t count)
{
    if (type->kind != TYPE_ARRAY)
        return scalar_level(operands, count);
    uint32_t extents = 0;
    bool whole = false, known = true;
    for (uint32_t i = 0; i < count; i++) {
        const struct level *level = operands[i]->level;
        if (!level)
            return NULL;
        known &= level_is_known(level);
        if (operands[i]->type->kind != TYPE_ARRAY)
            continue;
        whole |= level->kind == LEVEL_PENDING;
        extents |= level_extents(level, operands[i]->type);
    }
    if (known)
        return &level_known;
    return whole ? level_pending_array(w->l, extents)
                 : level_structure(w->l, &level_pending_scalar);
}

/* ---- Indexes
 * --------------------------------------------------------------------------------------------- */

struct typed_index *level_indexes(struct walk *w, const struct typed_index *indexes, uint32_t count)
{
    struct typed_index *copy = arena_copy(w->arena, indexes, count * sizeof *indexes);
    for (uint32_t i = 0; i < count; i++) {
        if (copy[i].low)
            copy[i].low = level_expression(w, copy[i].low);
        if (copy[i].high)
            copy[i].high = level_expression(w, copy[i].high);
    }
    return copy;
}

void level_require_known_indexes(struct walk *w, const struct typed_index *indexes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct typed *pending = !is_known(indexes[i].low)    ? indexes[i].low
                                      : !is_known(indexes[i].high) ? indexes[i].high
                                                                   : NULL;
        if (pending) {
            report_pending(w, pending, pending->span, ERR_deferred_region,
                           "this index selects an element of a known structure, but it",
                           "pass the whole structure to a task that selects: indexes that wait for "
                           "values are not compiled yet");
            return;
        }
    }
}

/* The known extents of a slice of a pending array. */
static uint32_t slice_extents(const struct typed *node)
{
    uint32_t known = 0, dimension = 0;
    uint32_t base = level_extents(node->base->level, node->base->type);
    for (uint32_t i = 0; i < node->index_count; i++) {
        const struct typed_index *index = &node->indexes[i];
        if (!index->is_range)
            continue;
        bool high = index->high ? is_known(index->high) : (base >> i & 1) != 0;
        if (high && is_known(index->low))
            known |= 1U << dimension;
        dimension++;
    }
    return known;
}

static void level_index(struct walk *w, struct typed *node)
{
    node->base = level_expression(w, node->base);
    node->indexes = level_indexes(w, node->indexes, node->index_count);
    const struct level *base = node->base->level;
    bool slice = false;
    for (uint32_t i = 0; i < node->index_count; i++)
        slice |= node->indexes[i].is_range;
    if (!base)
        return;
    if (node->type->kind == TYPE_STRING && node->base->type->kind == TYPE_STRING) {
        bool known = is_known(node->base) && is_known(node->indexes[0].low) &&
                     is_known(node->indexes[0].high);
        node->level = known ? &level_known : &level_pending_scalar;
        return;
    }
    if (base->kind == LEVEL_PENDING) {
        node->level = slice ? level_pending_array(w->l, slice_extents(node))
                            : level_pending(w->l, node->type);
        return;
    }
    level_require_known_indexes(w, node->indexes, node->index_count);
    const struct level *element = level_element(w->l, base, node->base->type);
    node->level = slice ? level_structure(w->l, element) : element;
}

/* ---- Iterators
 * ---------------------------------------------------------------------------------------------- */

static void level_range(struct walk *w, struct typed_iterator *out)
{
    struct typed **const bounds[] = {&out->low, &out->high, &out->step};
    for (int i = 0; i < 3; i++) {
        if (!*bounds[i])
            continue;
        *bounds[i] = level_expression(w, *bounds[i]);
        if (!is_known(*bounds[i]))
            report_pending(w, *bounds[i], (*bounds[i])->span, ERR_deferred_region,
                           "this bound of a range", hint_leave_to_task);
    }
    level_raise(w, out->variable, &level_known, NULL);
}

static void level_subject(struct walk *w, struct typed_iterator *out)
{
    out->subject = level_expression(w, out->subject);
    const struct typed *subject = out->subject;
    const struct level *level = subject->level;
    if (!level)
        return;
    if (level->kind == LEVEL_PENDING && level->known_extents != level_all_extents(subject->type))
        report_unknown_shape(w, subject);
    const struct level *element = level_element(w->l, level, subject->type);
    if (subject->type->rank > 1)
        element = level->kind == LEVEL_PENDING
                      ? level_pending_array(w->l, level->known_extents >> 1)
                      : level_structure(w->l, element);
    level_raise(w, out->variable, element, subject);
}

void level_iterator(struct walk *w, const struct typed_iterator *iterator,
                    struct typed_iterator *out)
{
    *out = *iterator;
    if (out->is_range)
        level_range(w, out);
    else
        level_subject(w, out);
    out->variable = level_variable(w, iterator->variable);
}

static void level_comprehension(struct walk *w, struct typed *node)
{
    struct typed_iterator *iterators =
        arena_array(w->arena, struct typed_iterator, node->iterator_count);
    for (uint32_t i = 0; i < node->iterator_count; i++)
        level_iterator(w, &node->iterators[i], &iterators[i]);
    node->iterators = iterators;
    if (node->filter) {
        node->filter = level_expression(w, node->filter);
        if (!is_known(node->filter))
            report_pending(w, node->filter, node->filter->span, ERR_pending_filter, "this filter",
                           "filter in a task");
    }
    node->body = level_expression(w, node->body);
    node->level = level_structure(w->l, node->body->level);
}

/* ---- The rest
 * ----------------------------------------------------------------------------------------------------
 */

/* Whether an operand of && or || needs nodes of its own, which would have to wait for the other. */
static bool needs_nodes(const struct typed *node)
{
    switch (node->kind) {
    case TYPED_CONSTANT:
    case TYPED_VARIABLE:
        return false;
    case TYPED_OPERATION:
    case TYPED_CONVERT:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_PART:
    case TYPED_EXTENT:
        for (uint32_t i = 0; i < node->operand_count; i++)
            if (needs_nodes(node->operands[i]))
                return true;
        return !type_is_scalar(node->type);
    default:
        return true;
    }
}

static void level_lazy(struct walk *w, struct typed *node)
{
    node->level = scalar_level(node->operands, 2);
    if (!is_known(node->operands[0]) && needs_nodes(node->operands[1]))
        report_pending(w, node->operands[0], node->operands[0]->span, ERR_deferred_region,
                       "the other side waits for this side, which",
                       "compute both sides first and combine them in a task: regions that wait for "
                       "values are not compiled yet");
}

static void level_branch(struct walk *w, struct typed *node)
{
    node->condition = level_expression(w, node->condition);
    node->then = level_expression(w, node->then);
    node->otherwise = level_expression(w, node->otherwise);
    if (!is_known(node->condition))
        report_pending(w, node->condition, node->condition->span, ERR_deferred_region,
                       "this condition", hint_leave_to_task);
    node->level = level_join(w->l, node->then->level, node->otherwise->level);
}

static void level_extent(struct typed *node)
{
    const struct typed *array = node->operands[0];
    if (array->level)
        node->level = level_extents(array->level, array->type) >> node->number & 1
                          ? &level_known
                          : &level_pending_scalar;
}

/* == of arrays compares in a task; of strings, and tuples of scalars and strings, that are known it
 * is known. */
static void level_equal(struct walk *w, struct typed *node)
{
    node->level = scalar_level(node->operands, 2);
    const struct type *type = node->operands[0]->type;
    bool simple = type_has_parts(type) || type->kind == TYPE_STRING;
    for (uint32_t i = 0; simple && i < type->leaf_count; i++)
        simple = type_is_scalar(type_leaf(type, i)) || type_leaf(type, i)->kind == TYPE_STRING;
    if (!node->level || simple)
        return;
    node->level = &level_pending_scalar;
    for (uint32_t i = 0, reported = 0; i < 2 && !reported; i++)
        reported =
            level_refuse_gathering(w, type, node->operands[i]->level, node->operands[i]->span);
}

static void level_product(struct walk *w, struct typed *node)
{
    const struct typed *left = node->operands[0], *right = node->operands[1];
    if (!left->level || !right->level)
        return;
    uint32_t extents = 0, rank = 0;
    if (left->type->rank == 2)
        extents |= (level_extents(left->level, left->type) & 1) << rank++;
    if (right->type->rank == 2)
        extents |= (level_extents(right->level, right->type) >> 1 & 1) << rank++;
    node->level = level_pending_array(w->l, extents);
}

static void level_items(struct walk *w, struct typed *node)
{
    struct typed **items = arena_array(w->arena, struct typed *, node->item_count);
    for (uint32_t i = 0; i < node->item_count; i++)
        items[i] = level_expression(w, node->items[i]);
    node->items = items;
}

static void level_array(struct walk *w, struct typed *node)
{
    const struct level *element = node->item_count ? NULL : &level_known;
    for (uint32_t i = 0; i < node->item_count; i++) {
        if (!node->items[i]->level)
            return;
        element = level_join(w->l, element, node->items[i]->level);
    }
    node->level = level_structure(w->l, element);
}

static void level_tuple_of(struct walk *w, struct typed *node)
{
    const struct level **parts = arena_array(w->arena, const struct level *, node->item_count);
    for (uint32_t i = 0; i < node->item_count; i++)
        parts[i] = node->items[i]->level;
    node->level = level_tuple(w->l, parts, node->item_count);
}

static void level_operands(struct walk *w, struct typed *node)
{
    for (uint32_t i = 0; i < node->operand_count; i++)
        node->operands[i] = level_expression(w, node->operands[i]);
}

static void find_level(struct walk *w, struct typed *node)
{
    switch (node->kind) {
    case TYPED_CONSTANT:
        node->level = &level_known;
        return;
    case TYPED_VARIABLE:
        node->level = w->instance->variables[node->variable->index];
        node->variable = level_variable(w, node->variable);
        return;
    case TYPED_OPERATION:
    case TYPED_CONVERT:
        level_operands(w, node);
        node->level = level_elementwise(w, node->type, node->operands, node->operand_count);
        return;
    case TYPED_EQUAL:
        level_operands(w, node);
        level_equal(w, node);
        return;
    case TYPED_AND:
    case TYPED_OR:
        level_operands(w, node);
        level_lazy(w, node);
        return;
    case TYPED_MATMUL:
        level_operands(w, node);
        level_product(w, node);
        return;
    case TYPED_INDEX:
        level_index(w, node);
        return;
    case TYPED_EXTENT:
        level_operands(w, node);
        level_extent(node);
        return;
    case TYPED_PART:
        level_operands(w, node);
        node->level = level_part(node->operands[0]->level, node->number);
        return;
    case TYPED_TUPLE:
        level_items(w, node);
        level_tuple_of(w, node);
        return;
    case TYPED_ARRAY:
        level_items(w, node);
        level_array(w, node);
        return;
    case TYPED_COMPREHENSION:
        level_comprehension(w, node);
        return;
    case TYPED_IF:
        level_branch(w, node);
        return;
    case TYPED_CALL:
        level_call(w, node);
        return;
    case TYPED_BUILTIN:
        level_items(w, node);
        level_builtin(w, node);
        return;
    case TYPED_REDUCE:
        level_reduce(w, node);
        return;
    }
    bug("expression of kind %d", node->kind);
}

struct typed *level_expression(struct walk *w, const struct typed *template)
{
    struct typed *node = arena_copy(w->arena, template, sizeof *template);
    node->level = NULL;
    find_level(w, node);
    if (w->final && !node->level)
        node->level = &level_known; /* of a flow that never returns */
    return node;
}
