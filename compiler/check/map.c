/*
 * Maps: their types, literals, keys and the functions of the prelude that take them.
 *
 * What goes over a map goes over its entries: an array of pairs of key and value.
 */
#include "check/checker.h"

/* ---- Types ---------------------------------------------------------------------------------- */

static bool is_key(const struct checker *c, const struct type *type)
{
    if (type_is_integer(type) || type->kind == TYPE_STRING || types_is_error(c, type))
        return true;
    for (uint32_t i = 0; i < type->part_count; i++)
        if (!is_key(c, type->parts[i]))
            return false;
    return type->kind == TYPE_TUPLE && type->part_count > 0;
}

bool check_key_type(struct checker *c, const struct type *key, struct span span)
{
    if (is_key(c, key))
        return true;
    struct diagnostic *d = diagnose(c->diagnostics, span, ERR_map_key,
                                    "%s cannot be the key of a map", types_text(c, key));
    diagnose_hint(c->diagnostics, d, "keys are integers, strings, and tuples of them");
    return false;
}

const struct type *check_map_type(struct checker *c, const struct ast_type *form)
{
    const struct type *key = types_resolve(c, form->map.key);
    const struct type *value = types_resolve(c, form->map.value);
    if (!check_key_type(c, key, form->map.key->span))
        return &c->error;
    if (type_is_unit(value)) {
        diagnose(c->diagnostics, form->map.value->span, ERR_map_key,
                 "() cannot be the value of a map: it says nothing");
        return &c->error;
    }
    return types_map(c, key, value, form->span);
}

/* ---- Nodes ---------------------------------------------------------------------------------- */

static struct typed *build(struct checker *c, enum typed_builtin builtin, const struct type *type,
                           struct span span, uint32_t count)
{
    struct typed *node = node_new(c, TYPED_BUILTIN, type, span);
    node->builtin = builtin;
    node->items = arena_array(c->arena, struct typed *, count);
    node->item_count = count;
    return node;
}

static struct typed *build_pair(struct checker *c, enum typed_builtin builtin,
                                const struct type *type, struct span span, struct typed *map,
                                struct typed *key)
{
    struct typed *node = build(c, builtin, type, span, 2);
    node->items[0] = map;
    node->items[1] = key;
    return node;
}

struct typed *node_entries(struct checker *c, struct typed *map, struct span span)
{
    const struct type *const parts[] = {map->type->key, map->type->element};
    const struct type *pair = types_tuple(c, parts, NULL, 2, span);
    struct typed *node = build(c, BUILTIN_ENTRIES, types_array(c, pair, 1, span), span, 1);
    node->items[0] = map;
    return node_is_error(c, node) ? node_error(c, span) : node;
}

struct typed *node_map_get(struct checker *c, struct typed *map, struct typed *key,
                           struct span span)
{
    return build_pair(c, BUILTIN_MAP_GET, map->type->element, span, map, key);
}

/* ---- Keys and literals ---------------------------------------------------------------------- */

static struct typed *coerce_key(struct checker *c, struct typed *key, const struct type *map)
{
    return coerce(c, key, map->key, &(struct purpose){.what = "a key of the map"});
}

struct typed *check_key(struct checker *c, const struct type *map, const struct ast_expression *e)
{
    const struct ast_index *item = e->index.count ? &e->index.items[0] : NULL;
    if (item && e->index.count == 1 && item->value && item->value->kind != EXPR_RANGE)
        return coerce_key(c, check_expression(c, item->value), map);
    struct diagnostic *d =
        diagnose(c->diagnostics, e->span, ERR_type_mismatch,
                 "a map is asked for one key, a value of type %s", types_text(c, map->key));
    if (e->index.count > 1)
        diagnose_hint(c->diagnostics, d, "a key that is a tuple has parentheses: m[(a, b)]");
    return node_error(c, e->span);
}

struct typed *check_map_literal(struct checker *c, const struct ast_expression *e)
{
    const struct type *type = types_resolve(c, e->literal.type);
    struct typed *node = build(c, BUILTIN_MAP, type, e->span, 2 * e->literal.count);
    bool good = !types_is_error(c, type);
    for (uint32_t i = 0; i < e->literal.count; i++) {
        struct typed *key = check_expression(c, e->literal.fields[i].key);
        struct typed *value = check_expression(c, e->literal.fields[i].value);
        if (types_is_error(c, type))
            continue;
        key = coerce_key(c, key, type);
        value = coerce(c, value, type->element, &(struct purpose){.what = "a value of the map"});
        node->items[2 * i] = key;
        node->items[2 * i + 1] = value;
        good &= !node_is_error(c, key) && !node_is_error(c, value);
    }
    return good ? node : node_error(c, e->span);
}

/* ---- Asking --------------------------------------------------------------------------------- */

struct typed *check_in(struct checker *c, const struct ast_expression *e)
{
    struct typed *key = check_expression(c, e->binary.left);
    struct typed *map = check_value(c, e->binary.right);
    if (node_is_error(c, key) || node_is_error(c, map))
        return node_error(c, e->span);
    if (map->type->kind != TYPE_MAP) {
        struct diagnostic *d =
            diagnose(c->diagnostics, e->binary.operator_span, ERR_not_a_map,
                     "'in' asks whether a map has a key, and this is %s", types_text(c, map->type));
        if (map->type->kind == TYPE_ARRAY)
            diagnose_hint(c->diagnostics, d, "to look for an element, go over the array");
        return node_error(c, e->span);
    }
    key = coerce_key(c, key, map->type);
    if (node_is_error(c, key))
        return key;
    return build_pair(c, BUILTIN_MAP_HAS, c->boolean, e->span, map, key);
}

struct typed *node_map_count(struct checker *c, struct typed *map, struct span span)
{
    struct typed *node = build(c, BUILTIN_MAP_COUNT, c->integer, span, 1);
    node->items[0] = map;
    return node;
}

/* keys and values. */
static struct typed *column(struct checker *c, enum typed_builtin builtin, struct typed *map,
                            struct span span)
{
    const struct type *element = builtin == BUILTIN_KEYS ? map->type->key : map->type->element;
    struct typed *node = build(c, builtin, types_array(c, element, 1, span), span, 1);
    node->items[0] = map;
    return node_is_error(c, node) ? node_error(c, span) : node;
}

static struct typed *refuse_map(struct checker *c, const char *name, const struct typed *found)
{
    diagnose(c->diagnostics, found->span, ERR_not_a_map, "'%s' takes a map, found %s", name,
             types_text(c, found->type));
    return node_error(c, found->span);
}

struct typed *check_map_function(struct checker *c, enum typed_builtin builtin, const char *name,
                                 struct typed **arguments, uint32_t count, struct span span)
{
    uint32_t wanted = builtin == BUILTIN_REMOVE ? 2 : 1;
    if (count != wanted) {
        diagnose(c->diagnostics, span, ERR_argument_count, "'%s' takes %s, found %u", name,
                 wanted == 2 ? "a map and a key" : "a map", count);
        return node_error(c, span);
    }
    struct typed *map = settle(c, arguments[0]);
    if (node_is_error(c, map))
        return node_error(c, span);
    if (map->type->kind != TYPE_MAP)
        return refuse_map(c, name, map);
    if (builtin == BUILTIN_KEYS || builtin == BUILTIN_VALUES)
        return column(c, builtin, map, span);
    if (builtin == BUILTIN_ENTRIES)
        return node_entries(c, map, span);
    struct typed *key = coerce_key(c, arguments[1], map->type);
    if (node_is_error(c, key))
        return node_error(c, span);
    return build_pair(c, BUILTIN_REMOVE, map->type, span, map, key);
}
