/*
 * Indexes and slices. An array of rank r takes r indexes; each that is a range keeps its dimension.
 */
#include "check/checker.h"

static bool refuse_base(struct checker *c, const struct typed *base)
{
    struct diagnostic *d =
        diagnose(c->diagnostics, base->span, ERR_not_an_array,
                 "only arrays and maps have elements, and this is %s", types_text(c, base->type));
    if (base->type->kind == TYPE_TUPLE && base->type->part_count)
        diagnose_hint(c->diagnostics, d, "parts of tuples are written t.0, t.1, ...");
    if (base->type->kind == TYPE_STRUCT)
        diagnose_hint(c->diagnostics, d, "fields of structs have names: write .%s",
                      base->type->names[0]);
    return false;
}

static bool refuse_string_index(struct checker *c, const struct typed *base,
                                const struct ast_expression *e)
{
    const char *text = types_snippet(c, base->span);
    struct diagnostic *d =
        diagnose(c->diagnostics, e->span, ERR_string_index,
                 "a str has no elements: its characters take one to four bytes each");
    diagnose_hint(c->diagnostics, d, "bytes(%s)[i] is a byte, %s[lo..hi] a piece of it", text,
                  text);
    return false;
}

static bool refuse_count(struct checker *c, const struct typed *base,
                         const struct ast_expression *e)
{
    uint32_t rank = base->type->rank, count = e->index.count;
    struct diagnostic *d = diagnose(c->diagnostics, e->span, ERR_rank_mismatch,
                                    "an array of rank %u takes %u index%s, found %u", rank, rank,
                                    rank == 1 ? "" : "es", count);
    if (count == 1 && rank == 2)
        diagnose_hint(c->diagnostics, d, "write m[i, :] for a row and m[:, i] for a column");
    else if (count < rank)
        diagnose_hint(c->diagnostics, d, "write : for each dimension that is kept whole");
    else if (base->type->element->kind == TYPE_ARRAY)
        diagnose_hint(c->diagnostics, d,
                      "it is an array of arrays: write x[i][j], with brackets for each");
    return false;
}

/* The constant value of an index, or -1. */
static int64_t constant_of(const struct typed *node)
{
    uint64_t word;
    struct error error;
    if (!node || !fold(node, NULL, &word, &error) || (int64_t)word < 0)
        return -1;
    return (int64_t)word;
}

/* lo..=hi ends before hi + 1. */
static struct typed *after(struct checker *c, struct typed *high)
{
    if (high->kind == TYPED_CONSTANT && (int64_t)high->word < INT64_MAX)
        return node_integer(c, (int64_t)high->word + 1, high->span);
    return node_operation(c, OPERATION_ADD, c->integer, high, node_integer(c, 1, high->span),
                          high->span);
}

static bool check_range(struct checker *c, const struct ast_expression *range,
                        struct typed_index *out)
{
    static const char *const what = "an end of a slice";
    if (range->range.low)
        out->low = check_integer(c, range->range.low, what);
    if (range->range.high)
        out->high = check_integer(c, range->range.high, what);
    if ((out->low && node_is_error(c, out->low)) || (out->high && node_is_error(c, out->high)))
        return false;
    if (out->high && range->range.inclusive)
        out->high = after(c, out->high);
    return true;
}

static bool check_item(struct checker *c, const struct ast_index *item, struct typed_index *out)
{
    out->span = item->span;
    out->is_range = !item->value || item->value->kind == EXPR_RANGE;
    if (!item->value)
        return true;
    if (out->is_range)
        return check_range(c, item->value, out);
    out->low = check_integer(c, item->value, "an index");
    return !node_is_error(c, out->low);
}

bool check_indexes(struct checker *c, const struct typed *base, const struct ast_expression *e,
                   struct typed_index **indexes, const struct type **type)
{
    uint32_t count = e->index.count, ranges = 0;
    struct typed_index *list = arena_array(c->arena, struct typed_index, count);
    bool good = true;
    for (uint32_t i = 0; i < count; i++) {
        good &= check_item(c, &e->index.items[i], &list[i]);
        ranges += list[i].is_range;
    }
    if (!good || node_is_error(c, base))
        return false;
    if (base->type->kind == TYPE_STRING) {
        *indexes = list;
        *type = base->type;
        return (count == 1 && ranges == 1) || refuse_string_index(c, base, e);
    }
    if (base->type->kind != TYPE_ARRAY)
        return refuse_base(c, base);
    if (count != base->type->rank)
        return refuse_count(c, base, e);
    *indexes = list;
    *type = ranges ? types_array(c, base->type->element, ranges, e->span) : base->type->element;
    return true;
}

/* The extents of a slice that are constants. */
static void set_slice_extents(struct checker *c, struct typed *node)
{
    uint32_t dimension = 0;
    for (uint32_t i = 0; i < node->index_count; i++) {
        const struct typed_index *index = &node->indexes[i];
        if (!index->is_range)
            continue;
        int64_t low = index->low ? constant_of(index->low) : 0;
        int64_t high = index->high ? constant_of(index->high) : node_static_extent(node->base, i);
        if (low >= 0 && high >= 0)
            node_set_extent(c, node, dimension, high > low ? high - low : 0);
        dimension++;
    }
}

struct typed *check_index(struct checker *c, const struct ast_expression *e)
{
    struct typed *base = check_value(c, e->index.base);
    if (base->type->kind == TYPE_FILE)
        base = node_contents(c, base, base->span);
    if (base->type->kind == TYPE_MAP) {
        struct typed *key = check_key(c, base->type, e);
        return node_is_error(c, key) ? key : node_map_get(c, base, key, e->span);
    }
    struct typed_index *indexes;
    const struct type *type;
    if (!check_indexes(c, base, e, &indexes, &type))
        return node_error(c, e->span);
    struct typed *node = node_new(c, TYPED_INDEX, type, e->span);
    node->base = base;
    node->indexes = indexes;
    node->index_count = e->index.count;
    if (type->kind == TYPE_ARRAY && type != base->type->element)
        set_slice_extents(c, node);
    return node;
}
