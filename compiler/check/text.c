/*
 * Strings: literals, + and comparisons, str(x) and bytes(s). A literal is a CONSTANT whose word is
 * its length.
 */
#include <string.h>

#include "check/checker.h"
#include "value/semantics.h"

struct typed *node_text(struct checker *c, const char *text, size_t length, struct span span)
{
    struct typed *node = node_constant(c, c->types->string, length, span);
    node->text = arena_text(c->arena, text, length);
    return node;
}

static bool is_literal(const struct typed *node)
{
    return node->kind == TYPED_CONSTANT;
}

static struct typed *new_builtin(struct checker *c, enum typed_builtin builtin,
                                 const struct type *type, struct typed *const *items,
                                 uint32_t count, struct span span)
{
    struct typed *node = node_new(c, TYPED_BUILTIN, type, span);
    node->builtin = builtin;
    node->items = arena_copy(c->arena, items, count * sizeof *items);
    node->item_count = count;
    return node;
}

/* ---- Joining ----------------------------------------------------------------------------------
 */

static bool is_joined(const struct typed *node)
{
    return node->kind == TYPED_BUILTIN && node->builtin == BUILTIN_TEXT_CONCAT;
}

struct text_pieces {
    VECTOR(struct typed *) list;
};

static struct typed *join_literals(struct checker *c, const struct typed *left,
                                   const struct typed *right)
{
    char *text = arena_alloc(c->arena, left->word + right->word + 1);
    memcpy(text, left->text, left->word);
    memcpy(text + left->word, right->text, right->word);
    struct span span = {left->span.source, left->span.begin, right->span.end};
    return node_text(c, text, left->word + right->word, span);
}

/* Neighbouring literals become one, empty ones nothing. */
static void add_piece(struct checker *c, struct text_pieces *pieces, struct typed *piece)
{
    if (is_literal(piece) && piece->word == 0)
        return;
    if (is_literal(piece) && pieces->list.count && is_literal(vector_last(&pieces->list)))
        piece = join_literals(c, vector_pop(&pieces->list), piece);
    vector_push(&pieces->list, piece);
}

static void add_pieces(struct checker *c, struct text_pieces *pieces, struct typed *text)
{
    if (!is_joined(text)) {
        add_piece(c, pieces, text);
        return;
    }
    for (uint32_t i = 0; i < text->item_count; i++)
        add_piece(c, pieces, text->items[i]);
}

/* a + b + c is one node of three pieces, so that it is made in one go. */
static struct typed *join(struct checker *c, struct typed *left, struct typed *right,
                          struct span span)
{
    struct text_pieces pieces = {0};
    add_pieces(c, &pieces, left);
    add_pieces(c, &pieces, right);
    struct typed *node;
    if (pieces.list.count == 0)
        node = node_text(c, "", 0, span);
    else if (pieces.list.count == 1)
        node = pieces.list.items[0];
    else
        node = new_builtin(c, BUILTIN_TEXT_CONCAT, c->types->string, pieces.list.items,
                           (uint32_t)pieces.list.count, span);
    vector_release(&pieces.list);
    return node;
}

/* ---- Operators --------------------------------------------------------------------------------
 */

static bool is_text(const struct typed *node)
{
    return node->type->kind == TYPE_STRING;
}

static bool is_comparison(enum operation operation)
{
    return operation == OPERATION_LT || operation == OPERATION_LE || operation == OPERATION_GT ||
           operation == OPERATION_GE;
}

static struct typed *refuse_operator(struct checker *c, enum operation operation,
                                     const struct typed *left, const struct typed *right,
                                     struct span operator_span)
{
    const struct typed *other = is_text(left) ? right : left;
    struct diagnostic *d =
        diagnose(c->diagnostics, operator_span, ERR_operand_types, "%s does not work on %s and %s",
                 operation_text(operation), types_text(c, left->type), types_text(c, right->type));
    const char *text = types_snippet(c, other->span);
    if (operation == OPERATION_ADD && *text == '\'')
        diagnose_hint(c->diagnostics, d,
                      "strings stand in double quotes; %s is a number, the character's code point",
                      text);
    else if (operation == OPERATION_ADD && other->type->kind == TYPE_SCALAR)
        diagnose_hint(c->diagnostics, d, "str(%s) is its text", text);
    return node_error(c, operator_span);
}

bool text_takes_part(const struct typed *left, const struct typed *right)
{
    return is_text(left) || is_text(right);
}

struct typed *check_text_operator(struct checker *c, enum operation operation, struct typed *left,
                                  struct typed *right, struct span operator_span, struct span span)
{
    if (!is_text(left) || !is_text(right) ||
        (operation != OPERATION_ADD && !is_comparison(operation)))
        return refuse_operator(c, operation, left, right, operator_span);
    if (operation == OPERATION_ADD)
        return join(c, left, right, span);
    struct typed *items[] = {left, right};
    struct typed *order = new_builtin(c, BUILTIN_TEXT_COMPARE, c->integer, items, 2, span);
    struct typed *node =
        node_operation(c, operation, c->boolean, order, node_integer(c, 0, span), span);
    node->operator_span = operator_span;
    return node;
}

/* ---- str(x), bytes(s) -------------------------------------------------------------------------
 */

static struct typed *refuse(struct checker *c, const struct typed *value, struct span span,
                            const char *name, const char *wanted)
{
    diagnose(c->diagnostics, value->span, ERR_type_mismatch, "'%s' takes %s, found %s", name,
             wanted, types_text(c, value->type));
    return node_error(c, span);
}

struct typed *check_str(struct checker *c, struct typed *value, struct span span)
{
    value = settle(c, value);
    if (node_is_error(c, value) || is_text(value))
        return value;
    if (value->type->kind != TYPE_SCALAR && !type_is_bytes(value->type))
        return refuse(c, value, span, "str", "a number, a truth value or bytes");
    return new_builtin(c, BUILTIN_STR, c->types->string, &value, 1, span);
}

struct typed *check_bytes(struct checker *c, struct typed *value, struct span span)
{
    value = settle(c, value);
    if (node_is_error(c, value) || type_is_bytes(value->type))
        return value;
    if (!is_text(value))
        return refuse(c, value, span, "bytes", "a str");
    const struct type *type = types_array(c, type_scalar(c->types, WK_U8), 1, span);
    struct typed *node = new_builtin(c, BUILTIN_BYTES, type, &value, 1, span);
    if (is_literal(value))
        node_set_extent(c, node, 0, (int64_t)value->word);
    return node;
}
