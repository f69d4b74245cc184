/* What the prelude's functions over arrays, maps and strings cost; see estimate.h. */
#include "flow/estimate_private.h"

#include "base/memory.h"

/* A call with its arguments estimated. */
struct builtin_call {
    struct frame *frame;
    const struct typed *typed;
    const struct formula *cost; /* of the arguments */
    const struct shape **shapes;
    bool is_source;
};

static const struct type *item_type(const struct builtin_call *c, uint32_t item)
{
    return c->typed->items[item]->type;
}

static const struct formula *item_count(const struct builtin_call *c, uint32_t item)
{
    return estimate_count(c->frame, c->shapes[item], item_type(c, item));
}

/* So much for each element of the first argument, and a scalar as the result. */
static struct estimated scan(const struct builtin_call *c, double ns)
{
    const struct formula *work = estimate_scaled(c->frame, ns, item_count(c, 0));
    return (struct estimated){estimate_add(c->frame, c->cost, work), NULL};
}

/* So much for each of `count` elements of an array that is made. */
static struct estimated make(const struct builtin_call *c, double ns, const struct formula *count,
                             const struct shape *shape)
{
    const struct formula *work = estimate_scaled(c->frame, ns, count);
    work = estimate_add(c->frame, work, estimate_array(c->frame, c->typed->type, count));
    return (struct estimated){estimate_add(c->frame, c->cost, work), shape};
}

static struct shape *vector_of(const struct builtin_call *c, const struct formula *count,
                               const struct shape *element)
{
    struct shape *shape = estimate_new_shape(c->frame);
    shape->extents[0] = count;
    shape->element = element;
    return shape;
}

static const struct shape *element_of(const struct shape *shape)
{
    return shape ? shape->element : NULL;
}

/* Elements read from an array take the bandwidth of memory, or the loop that makes them. */
static double read_ns(const struct builtin_call *c)
{
    const struct type *type = item_type(c, 0);
    double bytes = type->element ? type_element_bytes(type->element) : 8;
    return (estimate_is_made(c->typed->items[0]) ? 0 : bytes * ESTIMATE_BYTE) + ESTIMATE_VECTOR;
}

/* Extents as arguments, from `first` on. */
static struct estimated filled(const struct builtin_call *c, uint32_t first)
{
    struct shape *shape = estimate_new_shape(c->frame);
    for (uint32_t i = first; i < c->typed->item_count && i - first < WK_MAX_RANK; i++)
        shape->extents[i - first] = c->shapes[i] ? c->shapes[i]->value : NULL;
    shape->element = first > 0 ? c->shapes[0] : NULL;
    return make(c, 0, estimate_count(c->frame, shape, c->typed->type), shape);
}

static struct estimated range(const struct builtin_call *c)
{
    struct arena *arena = c->frame->estimator->arena;
    const struct formula *bounds[3] = {0};
    for (uint32_t i = 0; i < 3 && i < c->typed->item_count; i++)
        bounds[i] = c->typed->items[i] && c->shapes[i] ? c->shapes[i]->value : NULL;
    const struct formula *count = formula_guess(arena, FORMULA_UNKNOWN);
    if (bounds[0] && bounds[1])
        count = formula_join(arena, FORMULA_SUBTRACT, bounds[1], bounds[0]);
    if (bounds[2])
        count = formula_join(arena, FORMULA_DIVIDE, count, bounds[2]);
    return make(c, ESTIMATE_VECTOR, count, vector_of(c, count, NULL));
}

static struct estimated transposed(const struct builtin_call *c)
{
    struct shape *shape = estimate_new_shape(c->frame);
    shape->extents[0] = estimate_extent(c->frame, c->shapes[0], 1);
    shape->extents[1] = estimate_extent(c->frame, c->shapes[0], 0);
    return make(c, 2 * ESTIMATE_ELEMENT, item_count(c, 0), shape);
}

static struct estimated joined(const struct builtin_call *c)
{
    struct shape *shape = estimate_new_shape(c->frame);
    if (c->shapes[0])
        *shape = *c->shapes[0];
    shape->extents[0] = estimate_add(c->frame, estimate_extent(c->frame, c->shapes[0], 0),
                                     estimate_extent(c->frame, c->shapes[1], 0));
    const struct formula *count = estimate_add(c->frame, item_count(c, 0), item_count(c, 1));
    return make(c, read_ns(c), count, shape);
}

/* Appending moves nothing, most of the time. */
static struct estimated appended(const struct builtin_call *c)
{
    struct shape *shape = estimate_new_shape(c->frame);
    if (c->shapes[0])
        *shape = *c->shapes[0];
    shape->extents[0] = estimate_add(c->frame, estimate_extent(c->frame, c->shapes[0], 0),
                                     estimate_number(c->frame, 1));
    shape->element = shape->element ? shape->element : c->shapes[1];
    const struct formula *work = estimate_number(c->frame, ESTIMATE_APPEND);
    return (struct estimated){estimate_add(c->frame, c->cost, work), shape};
}

/* An array of arrays as one: all elements of all. */
static struct estimated flattened(const struct builtin_call *c)
{
    const struct type *inner = item_type(c, 0)->element;
    const struct shape *element = element_of(c->shapes[0]);
    struct shape *shape = estimate_new_shape(c->frame);
    const struct formula *count = item_count(c, 0);
    if (!inner || inner->kind != TYPE_ARRAY)
        return make(c, read_ns(c), count, vector_of(c, count, element));
    if (element)
        *shape = *element;
    shape->extents[0] =
        estimate_times(c->frame, item_count(c, 0), estimate_extent(c->frame, element, 0));
    count = estimate_times(c->frame, count, estimate_count(c->frame, element, inner));
    return make(c, ESTIMATE_BYTE * type_element_bytes(inner->element), count, shape);
}

static struct estimated tiled(const struct builtin_call *c)
{
    struct arena *arena = c->frame->estimator->arena;
    struct shape *shape = estimate_new_shape(c->frame), *tile = estimate_new_shape(c->frame);
    for (uint32_t d = 0; d < 2; d++) {
        const struct shape *side = d + 1 < c->typed->item_count ? c->shapes[d + 1] : NULL;
        if (!side || !side->value)
            continue;
        tile->extents[d] = side->value;
        shape->extents[d] = formula_join(arena, FORMULA_DIVIDE,
                                         estimate_extent(c->frame, c->shapes[0], d), side->value);
    }
    shape->element = tile;
    return make(c, ESTIMATE_BYTE * 16, item_count(c, 0), shape);
}

/* n log n comparisons: of many thousand elements, fifteen each. */
static struct estimated sorted(const struct builtin_call *c)
{
    const struct formula *count = item_count(c, 0);
    return make(c, 15 * ESTIMATE_COMPARE, count, vector_of(c, count, element_of(c->shapes[0])));
}

/* ---- Maps, texts, files ------------------------------------------------------------------------
 */

static struct estimated map_literal(const struct builtin_call *c)
{
    const struct formula *count = estimate_number(c->frame, c->typed->item_count / 2);
    const struct formula *work = estimate_scaled(c->frame, 2 * ESTIMATE_LOOKUP, count);
    return (struct estimated){estimate_add(c->frame, c->cost, work), vector_of(c, count, NULL)};
}

double estimate_lookup_ns(const struct type *key)
{
    return type_is_scalar(key) ? ESTIMATE_LOOKUP_NUMBER : ESTIMATE_LOOKUP;
}

static struct estimated lookup(const struct builtin_call *c)
{
    const struct formula *work = estimate_number(c->frame, estimate_lookup_ns(item_type(c, 1)));
    return (struct estimated){estimate_add(c->frame, c->cost, work), element_of(c->shapes[0])};
}

static struct estimated listed(const struct builtin_call *c)
{
    const struct formula *count = estimate_extent(c->frame, c->shapes[0], 0);
    return make(c, ESTIMATE_ELEMENT, count, vector_of(c, count, NULL));
}

static struct estimated grouped(const struct builtin_call *c)
{
    const struct formula *work = estimate_scaled(c->frame, ESTIMATE_LOOKUP, item_count(c, 0));
    return (struct estimated){estimate_add(c->frame, c->cost, work), NULL};
}

/* The bytes of a text, of which the first argument's are the most. */
static struct estimated text(const struct builtin_call *c)
{
    const struct type *type = item_type(c, 0);
    const struct formula *work = estimate_number(c->frame, ESTIMATE_TEXT);
    struct shape *shape = estimate_new_shape(c->frame);
    if (type_is_block(type)) {
        const struct formula *count = item_count(c, 0);
        work = estimate_add(c->frame, work, estimate_scaled(c->frame, ESTIMATE_BYTE, count));
        shape->extents[0] = count;
    }
    return (struct estimated){estimate_add(c->frame, c->cost, work), shape};
}

/* ---- All of them -------------------------------------------------------------------------------
 */

static struct estimated estimate_one(const struct builtin_call *c)
{
    const struct formula *count;
    switch (c->typed->builtin) {
    case BUILTIN_ZEROS:
        return filled(c, 0);
    case BUILTIN_FILL:
        return filled(c, 1);
    case BUILTIN_RANGE:
        return range(c);
    case BUILTIN_SUM:
    case BUILTIN_MIN_OF:
    case BUILTIN_MAX_OF:
    case BUILTIN_ANY:
    case BUILTIN_ALL:
    case BUILTIN_COUNT:
        return scan(c, read_ns(c));
    case BUILTIN_ARG_MIN:
    case BUILTIN_ARG_MAX:
        return scan(c, read_ns(c) + ESTIMATE_SCALAR);
    case BUILTIN_TRANSPOSE:
        return transposed(c);
    case BUILTIN_APPEND:
        return appended(c);
    case BUILTIN_CONCAT:
        return joined(c);
    case BUILTIN_CONCAT_ALL:
    case BUILTIN_FLATTEN:
    case BUILTIN_UNTILE:
        return flattened(c);
    case BUILTIN_REVERSE:
        return make(c, ESTIMATE_ELEMENT, item_count(c, 0), c->shapes[0]);
    case BUILTIN_ZIP:
    case BUILTIN_ENUMERATE:
        count = estimate_extent(c->frame, c->shapes[0], 0);
        return make(c, ESTIMATE_ELEMENT, count, vector_of(c, count, NULL));
    case BUILTIN_SORT:
    case BUILTIN_ORDER:
        return sorted(c);
    case BUILTIN_TILES:
        return tiled(c);
    case BUILTIN_MAP:
        return map_literal(c);
    case BUILTIN_MAP_GET:
    case BUILTIN_MAP_HAS:
        return lookup(c);
    case BUILTIN_MAP_COUNT:
        return (struct estimated){
            c->cost, estimate_value(c->frame, c->shapes[0] ? c->shapes[0]->extents[0] : NULL)};
    case BUILTIN_ENTRIES:
    case BUILTIN_KEYS:
    case BUILTIN_VALUES:
        return listed(c);
    case BUILTIN_GROUP:
        return grouped(c);
    case BUILTIN_REMOVE:
        return (struct estimated){lookup(c).cost, c->shapes[0]};
    case BUILTIN_CONTENTS:
    case BUILTIN_STR:
    case BUILTIN_BYTES:
    case BUILTIN_TEXT_CONCAT:
    case BUILTIN_TEXT_COMPARE:
        return text(c);
    }
    bug("builtin %d", (int)c->typed->builtin);
}

struct estimated estimate_builtin(struct frame *frame, const struct typed *typed, bool is_source)
{
    struct builtin_call call = {
        .frame = frame,
        .typed = typed,
        .cost = estimate_number(frame, 0),
        .shapes = arena_array(frame->estimator->arena, const struct shape *, typed->item_count + 2),
        .is_source = is_source};
    for (uint32_t i = 0; i < typed->item_count; i++) {
        if (!typed->items[i])
            continue;
        struct estimated item = estimate_expression(frame, typed->items[i], true);
        call.cost = estimate_add(frame, call.cost, item.cost);
        call.shapes[i] = item.shape;
        frame->read_count = 0;
    }
    return estimate_one(&call);
}
