/* Explaining syntax errors; see explain.h. */
#include "syntax/explain.h"

#include <string.h>

#include "syntax/filter_state.h"

/* What was found, for a message: the token's text, or what a made-up token stands for. */
static const char *found_text(struct parser *parser, const struct token *found)
{
    if (found->kind == TOKEN_END)
        return "the end of the file";
    if (found->kind == TOKEN_SEPARATOR && found->span.begin == found->span.end)
        return "the end of the line";
    uint32_t length = found->span.end - found->span.begin;
    const char *text = found->span.source->text + found->span.begin;
    return arena_printf(parser->arena, "`%.*s%s`", (int)(length > 40 ? 40 : length), text,
                        length > 40 ? "…" : "");
}

static const char *expected_text(struct parser *parser, const struct expectation *expected)
{
    if (expected->value)
        return "an expression";
    if (expected->type)
        return "a type";
    if (expected->block)
        return "a block `{`";
    if (expected->separator)
        return "the end of the statement";
    struct buffer text = {0};
    for (int i = 0; i < expected->count && i < EXPECTATION_LIMIT; i++)
        buffer_printf(&text, "%s%s",
                      i == 0                    ? ""
                      : i + 1 < expected->count ? ", "
                                                : " or ",
                      expected->tokens[i]);
    const char *copy = arena_text(parser->arena, buffer_text(&text), text.length);
    buffer_release(&text);
    return copy;
}

void explain_syntax_error(struct parser *parser, struct span span,
                          const struct expectation *expected)
{
    if (span.begin < parser->quiet_until)
        return;
    syntax_report(parser, span, ERR_token_unexpected, "found %s where %s was expected",
                  found_text(parser, &parser->filter->previous), expected_text(parser, expected));
}
