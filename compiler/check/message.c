/*
 * The messages of fail and log: string literals and str(number), joined by +.
 */
#include <string.h>

#include "check/checker.h"

struct piece_list {
    VECTOR(struct typed_piece) list;
};

static bool is_str_call(struct checker *c, const struct ast_expression *e)
{
    if (e->kind != EXPR_CALL || e->call.callee->kind != EXPR_NAME ||
        strcmp(e->call.callee->name, "str") != 0)
        return false;
    const struct symbol *symbol = scope_find(c, e->call.callee->name);
    return symbol && symbol->kind == SYMBOL_PRELUDE;
}

static bool add_value(struct checker *c, const struct ast_expression *call,
                      struct piece_list *pieces)
{
    if (call->call.argument_count != 1) {
        diagnose(c->diagnostics, call->span, ERR_argument_count, "'str' takes 1 argument, found %u",
                 call->call.argument_count);
        return false;
    }
    struct typed *value = check_value(c, call->call.arguments[0].value);
    if (node_is_error(c, value))
        return false;
    if (value->type->kind != TYPE_SCALAR) {
        diagnose(c->diagnostics, value->span, ERR_type_mismatch,
                 "'str' takes a number or a truth value, found %s", types_text(c, value->type));
        return false;
    }
    vector_push(&pieces->list, (struct typed_piece){.value = value});
    return true;
}

static bool refuse_piece(struct checker *c, const struct ast_expression *e)
{
    struct typed *value = check_value(c, e);
    if (node_is_error(c, value))
        return false;
    struct diagnostic *d =
        diagnose(c->diagnostics, e->span, ERR_message_not_text,
                 "a message is made of texts, and this is %s", types_text(c, value->type));
    if (value->type->kind == TYPE_SCALAR)
        diagnose_hint(c->diagnostics, d, "str(%s) is its text", types_snippet(c, e->span));
    return false;
}

static bool add_pieces(struct checker *c, const struct ast_expression *e, struct piece_list *pieces)
{
    if (e->kind == EXPR_STRING) {
        vector_push(&pieces->list, (struct typed_piece){.text = arena_text(c->arena, e->string.text,
                                                                           e->string.length)});
        return true;
    }
    if (e->kind == EXPR_BINARY && e->binary.operator== AST_OPERATION &&
                                  e->binary.operation == OPERATION_ADD) {
        bool left = add_pieces(c, e->binary.left, pieces);
        return add_pieces(c, e->binary.right, pieces) && left;
    }
    return is_str_call(c, e) ? add_value(c, e, pieces) : refuse_piece(c, e);
}

bool check_message(struct checker *c, const struct ast_expression *call, const char *name,
                   struct typed_statement *statement)
{
    struct piece_list pieces = {0};
    if (call->call.argument_count != 1 || call->call.arguments[0].name.text) {
        struct diagnostic *d =
            diagnose(c->diagnostics, call->span, ERR_argument_count,
                     "'%s' takes one message, found %u argument%s", name, call->call.argument_count,
                     call->call.argument_count == 1 ? " with a name" : "s");
        diagnose_hint(c->diagnostics, d, "%s(\"x is \" + str(x))", name);
        return false;
    }
    bool good = add_pieces(c, call->call.arguments[0].value, &pieces);
    statement->piece_count = (uint32_t)pieces.list.count;
    statement->pieces =
        arena_copy(c->arena, pieces.list.items, pieces.list.count * sizeof(struct typed_piece));
    vector_release(&pieces.list);
    return good;
}
