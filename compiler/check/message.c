/*
 * The messages of fail and log: a str, whose pieces go into the message one by one, so that texts
 * and numbers need not be joined before.
 */
#include <string.h>

#include "check/checker.h"

static bool refuse_message(struct checker *c, const struct typed *value)
{
    struct diagnostic *d =
        diagnose(c->diagnostics, value->span, ERR_message_not_text,
                 "a message is a str, and this is %s", types_text(c, value->type));
    if (value->type->kind == TYPE_SCALAR)
        diagnose_hint(c->diagnostics, d, "str(%s) is its text", types_snippet(c, value->span));
    return false;
}

/* Literals are text (unless there is a 0 in them), str(scalar) is the scalar, printed; all else is
 * a str. */
static struct typed_piece piece_of(struct typed *node)
{
    bool is_text = node->kind == TYPED_CONSTANT && strlen(node->text) == node->word;
    bool is_printed = node->kind == TYPED_BUILTIN && node->builtin == BUILTIN_STR &&
                      node->items[0]->type->kind == TYPE_SCALAR;
    if (is_text)
        return (struct typed_piece){.text = node->text};
    return (struct typed_piece){.value = is_printed ? node->items[0] : node};
}

bool check_message(struct checker *c, const struct ast_expression *call, const char *name,
                   struct typed_statement *statement)
{
    if (call->call.argument_count != 1 || call->call.arguments[0].name.text) {
        struct diagnostic *d =
            diagnose(c->diagnostics, call->span, ERR_argument_count,
                     "'%s' takes one message, found %u argument%s", name, call->call.argument_count,
                     call->call.argument_count == 1 ? " with a name" : "s");
        diagnose_hint(c->diagnostics, d, "%s(\"x is \" + str(x))", name);
        return false;
    }
    struct typed *message = check_value(c, call->call.arguments[0].value);
    if (node_is_error(c, message))
        return false;
    if (message->type->kind != TYPE_STRING)
        return refuse_message(c, message);
    bool is_joined = message->kind == TYPED_BUILTIN && message->builtin == BUILTIN_TEXT_CONCAT;
    struct typed *const *items = is_joined ? message->items : &message;
    statement->piece_count = is_joined ? message->item_count : 1;
    statement->pieces = arena_array(c->arena, struct typed_piece, statement->piece_count);
    for (uint32_t i = 0; i < statement->piece_count; i++)
        statement->pieces[i] = piece_of(items[i]);
    return true;
}
