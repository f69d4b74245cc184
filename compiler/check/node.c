/*
 * Building the typed tree. Behind each node stands a little that only the checker needs: the
 * extents of its array that are constants, found when the node is made, so that nothing is computed
 * twice.
 */
#include "check/checker.h"

struct node {
    struct typed typed; /* first */
    const int64_t *extents;
    float single; /* of a float literal */
};

struct typed *node_new(struct checker *c, enum typed_kind kind, const struct type *type,
                       struct span span)
{
    struct typed *node = &arena_new(c->arena, struct node)->typed;
    node->kind = kind;
    node->type = type;
    node->span = span;
    return node;
}

struct typed *node_error(struct checker *c, struct span span)
{
    c->poisoned = true;
    return node_new(c, TYPED_CONSTANT, &c->error, span);
}

struct typed *node_constant(struct checker *c, const struct type *type, uint64_t word,
                            struct span span)
{
    struct typed *node = node_new(c, TYPED_CONSTANT, type, span);
    node->word = word;
    return node;
}

struct typed *node_integer(struct checker *c, int64_t value, struct span span)
{
    return node_constant(c, c->integer, (uint64_t)value, span);
}

struct typed *node_variable(struct checker *c, struct local *local, struct span span)
{
    local->used = true;
    if (local->whole)
        return node_part(c, node_variable(c, local->whole, span), local->part, span);
    struct typed *node = node_new(c, TYPED_VARIABLE, local->variable.type, span);
    node->variable = &local->variable;
    node_set_extents(node, local->extents);
    return node;
}

struct typed *node_operation(struct checker *c, enum operation operation, const struct type *type,
                             struct typed *left, struct typed *right, struct span span)
{
    struct typed *node = node_new(c, TYPED_OPERATION, type, span);
    node->operation = operation;
    node->operands[0] = left;
    node->operands[1] = right;
    node->operand_count = right ? 2 : 1;
    node->operator_span = span;
    return node;
}

struct typed *node_extent(struct checker *c, struct typed *array, uint32_t dimension,
                          struct span span)
{
    int64_t extent = node_static_extent(array, dimension);
    if (extent >= 0 && array->kind == TYPED_VARIABLE)
        return node_integer(c, extent, span);
    struct typed *node = node_new(c, TYPED_EXTENT, c->integer, span);
    node->operands[0] = array;
    node->operand_count = 1;
    node->number = dimension;
    return node;
}

struct typed *node_contents(struct checker *c, struct typed *file, struct span span)
{
    const struct type *bytes = type_array(c->types, type_scalar(c->types, WK_U8), 1);
    struct typed *node = node_new(c, TYPED_BUILTIN, bytes, span);
    node->builtin = BUILTIN_CONTENTS;
    node->items = arena_array(c->arena, struct typed *, 1);
    node->items[0] = file;
    node->item_count = 1;
    return node;
}

struct typed *node_part(struct checker *c, struct typed *tuple, uint32_t part, struct span span)
{
    struct typed *node = node_new(c, TYPED_PART, tuple->type->parts[part], span);
    node->operands[0] = tuple;
    node->operand_count = 1;
    node->number = part;
    return node;
}

struct typed *node_convert(struct checker *c, struct typed *operand, const struct type *type)
{
    struct typed *node = node_new(c, TYPED_CONVERT, type, operand->span);
    node->operands[0] = operand;
    node->operand_count = 1;
    node->operator_span = operand->span;
    node_copy_extents(node, operand);
    return node;
}

void node_set_single(struct typed *literal, float single)
{
    ((struct node *)literal)->single = single;
}

float node_single(const struct typed *literal)
{
    return ((const struct node *)literal)->single;
}

/* ---- Constant extents
 * ----------------------------------------------------------------------------- */

const int64_t *node_extents(const struct typed *node)
{
    return ((const struct node *)node)->extents;
}

void node_set_extents(struct typed *node, const int64_t *extents)
{
    ((struct node *)node)->extents = extents;
}

void node_copy_extents(struct typed *to, const struct typed *from)
{
    node_set_extents(to, node_extents(from));
}

int64_t node_static_extent(const struct typed *node, uint32_t dimension)
{
    const int64_t *extents = node_extents(node);
    return extents ? extents[dimension] : -1;
}

void node_set_extent(struct checker *c, struct typed *node, uint32_t dimension, int64_t extent)
{
    if (extent < 0)
        return;
    const int64_t *old = node_extents(node);
    int64_t *extents = arena_array(c->arena, int64_t, WK_MAX_RANK);
    for (uint32_t d = 0; d < WK_MAX_RANK; d++)
        extents[d] = d == dimension ? extent : old ? old[d] : -1;
    node_set_extents(node, extents);
}
