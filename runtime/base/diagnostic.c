/* Collecting and rendering diagnostics; see diagnostic.h. */
#include "base/diagnostic.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void diagnostics_init(struct diagnostics *diagnostics)
{
    *diagnostics = (struct diagnostics){0};
    arena_init(&diagnostics->arena);
}

void diagnostics_release(struct diagnostics *diagnostics)
{
    vector_release(&diagnostics->list);
    vector_release(&diagnostics->sources);
    arena_release(&diagnostics->arena);
}

static uint32_t line_begin(const struct source *source, uint32_t at)
{
    while (at > 0 && source->text[at - 1] != '\n')
        at--;
    return at;
}

static uint32_t line_end(const struct source *source, uint32_t at)
{
    while (at < source->length && source->text[at] != '\n' && source->text[at] != '\r')
        at++;
    return at;
}

void source_index_lines(struct source *source, struct arena *arena)
{
    VECTOR(uint32_t) begins = {0};
    const char *end = source->text + source->length;
    for (const char *p = source->text; p; p = memchr(p, '\n', (size_t)(end - p))) {
        p += begins.count > 0;
        vector_push(&begins, (uint32_t)(p - source->text));
    }
    source->line_count = (uint32_t)begins.count;
    source->line_begins = arena_copy(arena, begins.items, begins.count * sizeof *begins.items);
    vector_release(&begins);
}

/* The line that holds the byte, from 0, and where it begins. */
static uint32_t line_of(const struct source *source, uint32_t at, uint32_t *begin)
{
    uint32_t line = 0, above = source->line_count;
    if (!source->line_begins) {
        *begin = line_begin(source, at);
        for (uint32_t i = 0; i < at; i++)
            line += source->text[i] == '\n';
        return line;
    }
    while (above - line > 1) {
        uint32_t middle = line + (above - line) / 2;
        if (source->line_begins[middle] <= at)
            line = middle;
        else
            above = middle;
    }
    *begin = source->line_begins[line];
    return line;
}

struct place span_place(struct span span)
{
    if (!span.source)
        return (struct place){0};
    const struct source *source = span.source;
    uint32_t at = span.begin > source->length ? (uint32_t)source->length : span.begin;
    uint32_t begin, line = line_of(source, at, &begin), end = at;
    while (end < span.end && end < source->length && source->text[end] != '\n' &&
           source->text[end] != '\r')
        end++;
    return (struct place){.file = source->name,
                          .line = line + 1,
                          .column = at - begin + 1,
                          .length = end > at ? end - at : 1};
}

const char *source_portable_name(const struct source *source)
{
    return source->portable_name ? source->portable_name : source->name;
}

struct span span_join(struct span first, struct span last)
{
    if (!first.source)
        return last;
    if (last.source && last.end > first.end)
        first.end = last.end;
    return first;
}

/* Long lines (data pasted into a program) are cut to what a terminal can show around the place. */
static const char *copy_line(struct arena *arena, struct span span)
{
    if (!span.source)
        return NULL;
    uint32_t at = span.begin > span.source->length ? (uint32_t)span.source->length : span.begin;
    uint32_t begin = line_begin(span.source, at), end = line_end(span.source, at);
    if (end - begin > 400)
        return NULL;
    return arena_text(arena, span.source->text + begin, end - begin);
}

static bool reported_before(const struct diagnostics *diagnostics, enum error_code code,
                            struct place place)
{
    for (size_t i = 0; i < diagnostics->list.count; i++) {
        const struct diagnostic *old = &diagnostics->list.items[i];
        if (old->code == code && old->place.line == place.line &&
            old->place.column == place.column && place.line && old->place.file == place.file)
            return true;
    }
    return false;
}

static struct diagnostic *add(struct diagnostics *diagnostics, enum error_code code,
                              struct place place)
{
    bool warning = error_code_text(code)[0] == 'W';
    if (reported_before(diagnostics, code, place))
        return NULL;
    int *count = warning ? &diagnostics->warnings : &diagnostics->errors;
    if (++*count > DIAGNOSTIC_LIMIT)
        return NULL;
    vector_push(&diagnostics->list,
                (struct diagnostic){.code = code, .warning = warning, .place = place});
    return &vector_last(&diagnostics->list);
}

/* Counts one more of what is not listed any longer. Its place is not looked for, since that takes a
 * walk over the source. */
static bool is_full(struct diagnostics *diagnostics, enum error_code code)
{
    bool warning = error_code_text(code)[0] == 'W';
    int *count = warning ? &diagnostics->warnings : &diagnostics->errors;
    if (*count < DIAGNOSTIC_LIMIT)
        return false;
    ++*count;
    return true;
}

static const char *format_text(struct arena *arena, const char *format, va_list arguments)
{
    struct buffer buffer = {0};
    buffer_vprintf(&buffer, format, arguments);
    const char *text = arena_text(arena, buffer_text(&buffer), buffer.length);
    buffer_release(&buffer);
    return text;
}

struct diagnostic *diagnose(struct diagnostics *diagnostics, struct span span, enum error_code code,
                            const char *format, ...)
{
    if (is_full(diagnostics, code))
        return NULL;
    struct diagnostic *diagnostic = add(diagnostics, code, span_place(span));
    if (!diagnostic)
        return NULL;
    va_list arguments;
    va_start(arguments, format);
    diagnostic->message = format_text(&diagnostics->arena, format, arguments);
    va_end(arguments);
    diagnostic->source_line = copy_line(&diagnostics->arena, span);
    return diagnostic;
}

void diagnose_hint(struct diagnostics *diagnostics, struct diagnostic *diagnostic,
                   const char *format, ...)
{
    if (!diagnostic)
        return;
    va_list arguments;
    va_start(arguments, format);
    diagnostic->hint = format_text(&diagnostics->arena, format, arguments);
    va_end(arguments);
}

void diagnose_note(struct diagnostics *diagnostics, struct diagnostic *diagnostic, struct span span,
                   const char *format, ...)
{
    if (!diagnostic || diagnostic->note_count == DIAGNOSTIC_NOTES)
        return;
    struct diagnostic_note *note = &diagnostic->notes[diagnostic->note_count++];
    va_list arguments;
    va_start(arguments, format);
    note->text = format_text(&diagnostics->arena, format, arguments);
    va_end(arguments);
    note->place = span_place(span);
    note->source_line = copy_line(&diagnostics->arena, span);
}

/* The span of a place, found by walking the source's lines. */
static struct span place_span(const struct source *source, struct place place)
{
    const char *at = source->text, *end = source->text + source->length;
    for (uint32_t line = 1; at && line < place.line; line++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    if (!at)
        return (struct span){0};
    uint32_t begin = (uint32_t)(at - source->text) + place.column - 1;
    return (struct span){source, begin, begin + place.length};
}

/* The line to show for a place; NULL when it lies in no source or another one. */
static const char *line_of_place(struct diagnostics *diagnostics, const struct source *source,
                                 struct place place)
{
    if (place.line == 0 || !place.file)
        return NULL;
    bool is_its = source && strcmp(place.file, source->name) == 0;
    for (size_t i = 0; i < diagnostics->sources.count && !is_its; i++) {
        source = diagnostics->sources.items[i];
        is_its = strcmp(place.file, source->name) == 0;
    }
    return is_its ? copy_line(&diagnostics->arena, place_span(source, place)) : NULL;
}

void diagnostics_add_source(struct diagnostics *diagnostics, const struct source *source)
{
    vector_push(&diagnostics->sources, source);
}

void diagnose_error(struct diagnostics *diagnostics, const struct error *error,
                    const struct source *source)
{
    struct diagnostic *diagnostic = add(diagnostics, error->code, error->place);
    if (!diagnostic)
        return;
    diagnostic->message = arena_text(&diagnostics->arena, error->message, strlen(error->message));
    if (error->hint[0])
        diagnostic->hint = arena_text(&diagnostics->arena, error->hint, strlen(error->hint));
    diagnostic->source_line = line_of_place(diagnostics, source, error->place);
    if (error->note[0])
        diagnostic->notes[diagnostic->note_count++] = (struct diagnostic_note){
            .place = error->note_place,
            .source_line = line_of_place(diagnostics, source, error->note_place),
            .text = arena_text(&diagnostics->arena, error->note, strlen(error->note))};
}

static bool is_within(struct place place, const struct place *begin, uint32_t last_line)
{
    return place.line >= begin->line && place.line <= last_line && place.file == begin->file;
}

void diagnostics_drop_warnings(struct diagnostics *diagnostics, struct span span)
{
    struct place begin = span_place(span);
    uint32_t last = span_place((struct span){span.source, span.end, span.end}).line;
    bool has_error = false;
    for (size_t i = 0; i < diagnostics->list.count; i++)
        has_error |= !diagnostics->list.items[i].warning &&
                     is_within(diagnostics->list.items[i].place, &begin, last);
    size_t kept = 0;
    for (size_t i = 0; has_error && i < diagnostics->list.count; i++) {
        const struct diagnostic *d = &diagnostics->list.items[i];
        if (d->warning && is_within(d->place, &begin, last))
            diagnostics->warnings--;
        else
            diagnostics->list.items[kept++] = *d;
    }
    diagnostics->list.count = has_error ? kept : diagnostics->list.count;
}

struct colours {
    const char *error, *warning, *bold, *blue, *off;
};

static const struct colours no_colours = {"", "", "", "", ""};
static const struct colours terminal_colours = {"\033[1;31m", "\033[1;33m", "\033[1m", "\033[1;34m",
                                                "\033[0m"};

/* Whether a character of UTF-8 is one that terminals obey: of ASCII, or U+0080 to U+009F. */
static bool is_control(const char *character, size_t length)
{
    unsigned char first = (unsigned char)character[0], second = (unsigned char)character[1];
    return first < 0x20 || first == 0x7F || (length == 2 && first == 0xC2 && second < 0xA0);
}

/* What a terminal cannot show, or would obey, is replaced by one column, so that the mark below
 * stands right. */
static void render_line(struct buffer *out, const char *line)
{
    for (size_t left = strlen(line), step; left > 0; line += step, left -= step) {
        size_t sequence = utf8_length(line, left);
        step = sequence ? sequence : 1;
        if (sequence == 0)
            buffer_puts(out, "\xEF\xBF\xBD");
        else if (*line != '\t' && is_control(line, sequence))
            buffer_putc(out, ' ');
        else
            buffer_append(out, line, sequence);
    }
}

/* Messages quote data and names of files that anybody may have written: what a terminal would obey,
 * or is no UTF-8, is shown byte by byte as an escape. */
static void render_message(struct buffer *out, const char *text)
{
    for (size_t left = strlen(text), step; left > 0; text += step, left -= step) {
        size_t sequence = utf8_length(text, left);
        step = sequence ? sequence : 1;
        if (sequence > 0 && (*text == '\n' || *text == '\t' || !is_control(text, sequence)))
            buffer_append(out, text, sequence);
        else
            for (size_t i = 0; i < step; i++)
                buffer_printf(out, "\\x%02x", (unsigned char)text[i]);
    }
}

static void render_remark(struct buffer *out, const char *label, const char *text,
                          const struct colours *c)
{
    buffer_printf(out, "  %s%s%s: ", c->blue, label, c->off);
    render_message(out, text);
    buffer_putc(out, '\n');
}

static void render_place(struct buffer *out, struct place place, const char *source_line,
                         const struct colours *c, const char *mark_colour)
{
    if (!place.file)
        return;
    buffer_printf(out, "  %s-->%s ", c->blue, c->off);
    render_message(out, place.file);
    if (place.line)
        buffer_printf(out, ":%u:%u", place.line, place.column);
    buffer_putc(out, '\n');
    if (!place.line || !source_line)
        return;
    buffer_printf(out, "%s%5u |%s ", c->blue, place.line, c->off);
    render_line(out, source_line);
    buffer_printf(out, "\n%s      |%s ", c->blue, c->off);
    size_t width = strlen(source_line);
    for (uint32_t i = 0; i + 1 < place.column && i < width; i++) {
        unsigned char byte = (unsigned char)source_line[i];
        if (byte == '\t')
            buffer_putc(out, '\t');
        else if ((byte & 0xC0) != 0x80)
            buffer_putc(out, ' ');
    }
    buffer_puts(out, mark_colour);
    for (uint32_t i = 0; i < place.length; i++) {
        size_t at = place.column - 1 + i;
        if (i == 0 || (at < width && ((unsigned char)source_line[at] & 0xC0) != 0x80))
            buffer_putc(out, '^');
    }
    buffer_printf(out, "%s\n", c->off);
}

static void render_text(const struct diagnostic *d, const struct colours *c, struct buffer *out)
{
    const char *colour = d->warning ? c->warning : c->error;
    buffer_printf(out, "%s%s[%s]%s: %s", colour, d->warning ? "warning" : "error",
                  error_code_text(d->code), c->off, c->bold);
    render_message(out, d->message);
    buffer_printf(out, "%s\n", c->off);
    render_place(out, d->place, d->source_line, c, colour);
    for (int i = 0; i < d->note_count; i++) {
        render_remark(out, "note", d->notes[i].text, c);
        render_place(out, d->notes[i].place, d->notes[i].source_line, c, c->blue);
    }
    if (d->hint)
        render_remark(out, "hint", d->hint, c);
}

static void json_field(struct buffer *out, const char *key, const char *text)
{
    buffer_printf(out, ",\"%s\":", key);
    buffer_json_string(out, text, strlen(text));
}

static void json_place(struct buffer *out, struct place place)
{
    if (place.file)
        json_field(out, "file", place.file);
    if (place.line)
        buffer_printf(out, ",\"line\":%u,\"column\":%u,\"length\":%u", place.line, place.column,
                      place.length);
}

static void render_json(const struct diagnostic *d, struct buffer *out)
{
    buffer_printf(out, "{\"code\":\"%s\",\"severity\":\"%s\"", error_code_text(d->code),
                  d->warning ? "warning" : "error");
    json_field(out, "message", d->message);
    json_place(out, d->place);
    if (d->hint)
        json_field(out, "hint", d->hint);
    buffer_puts(out, ",\"notes\":[");
    for (int i = 0; i < d->note_count; i++) {
        buffer_printf(out, "%s{\"severity\":\"note\"", i ? "," : "");
        json_field(out, "message", d->notes[i].text);
        json_place(out, d->notes[i].place);
        buffer_putc(out, '}');
    }
    buffer_puts(out, "]}\n");
}

void diagnostic_render_remark(struct span span, const char *pass, const char *kind,
                              const char *text, enum diagnostic_format format, struct buffer *out)
{
    struct place place = span_place(span);
    if (format == DIAGNOSTIC_JSON) {
        buffer_puts(out, "{\"severity\":\"note\"");
        json_field(out, "pass", pass);
        json_field(out, "kind", kind);
        json_field(out, "message", text);
        json_place(out, place);
        buffer_puts(out, "}\n");
        return;
    }
    const struct colours *c = format == DIAGNOSTIC_COLOUR ? &terminal_colours : &no_colours;
    struct arena arena;
    arena_init(&arena);
    buffer_printf(out, "%snote[%s]%s: %s%s%s\n", c->blue, pass, c->off, c->bold, text, c->off);
    render_place(out, place, copy_line(&arena, span), c, c->blue);
    arena_release(&arena);
}

static int compare_places(const void *a, const void *b)
{
    const struct diagnostic *x = *(const struct diagnostic *const *)a;
    const struct diagnostic *y = *(const struct diagnostic *const *)b;
    if (x->place.file != y->place.file || x->place.line == 0 || y->place.line == 0)
        return x < y ? -1 : x > y;
    if (x->place.line != y->place.line)
        return x->place.line < y->place.line ? -1 : 1;
    if (x->place.column != y->place.column)
        return x->place.column < y->place.column ? -1 : 1;
    return x < y ? -1 : x > y;
}

void diagnostics_render(const struct diagnostics *diagnostics, enum diagnostic_format format,
                        struct buffer *out)
{
    size_t count = diagnostics->list.count;
    const struct diagnostic **order = memory_new(count, sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = &diagnostics->list.items[i];
    qsort(order, count, sizeof *order, compare_places);
    for (size_t i = 0; i < count; i++) {
        if (format == DIAGNOSTIC_JSON)
            render_json(order[i], out);
        else
            render_text(order[i], format == DIAGNOSTIC_COLOUR ? &terminal_colours : &no_colours,
                        out);
    }
    free(order);
    if (diagnostics->errors > DIAGNOSTIC_LIMIT && format != DIAGNOSTIC_JSON)
        buffer_printf(out, "and %d more errors\n", diagnostics->errors - DIAGNOSTIC_LIMIT);
}

enum { LONGEST_NAME = 48 };

/* Optimal string alignment distance, for names of at most LONGEST_NAME bytes. */
static unsigned name_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST_NAME || m > LONGEST_NAME)
        return LONGEST_NAME;
    unsigned d[LONGEST_NAME + 1][LONGEST_NAME + 1];
    for (size_t i = 0; i <= n; i++)
        d[i][0] = (unsigned)i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            unsigned change = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            unsigned least = d[i - 1][j] + 1 < d[i][j - 1] + 1 ? d[i - 1][j] + 1 : d[i][j - 1] + 1;
            d[i][j] = change < least ? change : least;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < d[i][j])
                d[i][j] = d[i - 2][j - 2] + 1;
        }
    return d[n][m];
}

static size_t common_prefix(const char *a, const char *b)
{
    size_t length = 0;
    while (a[length] && a[length] == b[length])
        length++;
    return length;
}

void nearest_name(const char *name, const char *candidate, const char **best)
{
    unsigned distance = name_distance(name, candidate);
    unsigned allowed = strlen(name) < 3 ? 1 : (unsigned)strlen(name) / 3 + 0;
    if (allowed > 3)
        allowed = 3;
    if (strlen(name) <= 1 || distance > allowed || distance >= strlen(name))
        return;
    unsigned before = *best ? name_distance(name, *best) : LONGEST_NAME + 1;
    if (distance < before ||
        (distance == before && common_prefix(name, candidate) > common_prefix(name, *best)))
        *best = candidate;
}
