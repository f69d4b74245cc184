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
    for (size_t i = 0; i < c->diagnostics->list.count; i++) {
        const struct diagnostic *d = &c->diagnostics->list.items[i];
        if (d->warning || error_code_text(d->code)[1] != '1')
            continue; /* a module that was not found explains itself only */
        c->recovered = true;
        if (d->place.line && c->syntax_error_count < DIAGNOSTIC_LIMIT)
            c->syntax_errors[c->syntax_error_count++] = d->place;
    }
}

static bool on_one_line(const struct source *source, uint32_t begin, uint32_t end)
{
    return begin <= end && end <= source->length &&
           !memchr(source->text + begin, '\n', end - begin);
}

static bool has_syntax_error(const struct checker *c, const struct ast_declaration *d)
{
    const struct source *source = d->span.source;
    for (uint32_t i = 0; i < c->syntax_error_count; i++) {
        const struct place *place = &c->syntax_errors[i];
        if (place->file != source->name)
            continue;
        uint32_t at = line_offset(source, place->line) + place->column - 1;
        if ((at >= d->span.begin && at <= d->span.end) || on_one_line(source, at, d->span.begin) ||
            on_one_line(source, d->span.end, at))
            return true;
    }
    return false;
}

void enter_declaration(struct checker *c, const struct ast_declaration *d)
{
    module_enter(c, d->span.source);
    c->diagnostics = has_syntax_error(c, d) ? &c->unreported : c->reported;
}
