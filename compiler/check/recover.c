/*
 * Trees with syntax errors. The parser gives a tree of what it understood; what is wrong with a
 * declaration in which it reported something may follow from that, and is not reported. Mistakes in
 * other declarations are.
 */
#include <string.h>

#include "check/checker.h"

static uint32_t line_offset(const struct source *source, uint32_t line)
{
    const char *at = source->text, *end = at + source->length;
    for (; line > 1 && (at = memchr(at, '\n', (size_t)(end - at))); line--)
        at++;
    return at ? (uint32_t)(at - source->text) : (uint32_t)source->length;
}

void find_syntax_errors(struct checker *c)
{
    const struct source *source = c->module->source;
    for (size_t i = 0; i < c->diagnostics->list.count; i++) {
        const struct diagnostic *d = &c->diagnostics->list.items[i];
        if (!d->warning && d->place.line && c->syntax_error_count < DIAGNOSTIC_LIMIT)
            c->syntax_errors[c->syntax_error_count++] =
                line_offset(source, d->place.line) + d->place.column - 1;
    }
}

static bool on_one_line(const struct source *source, uint32_t begin, uint32_t end)
{
    return begin <= end && end <= source->length &&
           !memchr(source->text + begin, '\n', end - begin);
}

static bool has_syntax_error(const struct checker *c, const struct ast_declaration *d)
{
    const struct source *source = c->module->source;
    for (uint32_t i = 0; i < c->syntax_error_count; i++) {
        uint32_t at = c->syntax_errors[i];
        if ((at >= d->span.begin && at <= d->span.end) || on_one_line(source, at, d->span.begin) ||
            on_one_line(source, d->span.end, at))
            return true;
    }
    return false;
}

void enter_declaration(struct checker *c, const struct ast_declaration *d)
{
    c->diagnostics = has_syntax_error(c, d) ? &c->unreported : c->reported;
}
