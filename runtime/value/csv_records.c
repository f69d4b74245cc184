/*
 * Tables of records; see csv_records.h. A field is found first, with its quotes, and then read as
 * the field of the record that its column stands for; columns that no field is named after are
 * passed over. Places are noted as lines are met: a quoted field may have line breaks in it.
 */
#include "value/csv_records.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value/csv_row.h"
#include "value/json.h"
#include "value/semantics.h"
#include "value/value.h"

static bool is_field_type(const struct type *type)
{
    return type->kind == TYPE_SCALAR || type->kind == TYPE_STRING;
}

bool csv_is_records(const struct type *type)
{
    if (type->kind != TYPE_ARRAY || type->rank != 1 || !type_has_parts(type->element) ||
        type->element->part_count == 0 || !json_is_object(type->element))
        return false;
    for (uint32_t i = 0; i < type->element->part_count; i++)
        if (!is_field_type(type->element->parts[i]))
            return false;
    return true;
}

/* ---- Fields --------------------------------------------------------------------------------- */

struct record_reader {
    const char *name;
    const char *at, *end, *line_begin;
    uint64_t line; /* from 1 */
    struct wk_context *context;
    const struct type *record;
    struct column *columns; /* by column of the table */
    uint64_t column_count;
    struct buffer rows;   /* the records that were read, as words */
    struct buffer string; /* a quoted field without its quotes */
    struct error *error;
};

enum { NO_FIELD = UINT32_MAX };

struct column {
    uint32_t part; /* the record's, or NO_FIELD */
    uint32_t word; /* where it begins in the record's */
};

/* A field of the table: what stands between its commas, or between its quotes, which are doubled
 * inside. */
struct cell {
    const char *begin, *end;
    const char *place, *line_begin; /* where it begins, with its quote */
    uint64_t line;
    bool is_quoted, has_quotes;
};

static int refuse(struct record_reader *in, enum error_code code, const struct cell *cell,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

static int refuse(struct record_reader *in, enum error_code code, const struct cell *cell,
                  const char *format, ...)
{
    va_list arguments;
    struct buffer what = {0};
    va_start(arguments, format);
    buffer_vprintf(&what, format, arguments);
    va_end(arguments);
    error_set(in->error, code, "'%s', line %" PRIu64 ", column %td: %s", in->name, cell->line,
              cell->place - cell->line_begin + 1, buffer_text(&what));
    buffer_release(&what);
    return (int)code;
}

static bool ends_field(const struct record_reader *in, const char *at)
{
    return at == in->end || *at == ',' || *at == '\n' ||
           (*at == '\r' && (at + 1 == in->end || at[1] == '\n'));
}

static void note_line(struct record_reader *in, const char *begin)
{
    in->line++;
    in->line_begin = begin;
}

/* A field from its opening quote on. */
static int find_quoted(struct record_reader *in, struct cell *cell)
{
    cell->is_quoted = true;
    cell->begin = ++in->at;
    for (;; in->at++) {
        if (in->at == in->end)
            return refuse(in, ERR_csv_malformed, cell, "this quote does not end");
        if (*in->at == '\n')
            note_line(in, in->at + 1);
        if (*in->at != '"')
            continue;
        if (in->at + 1 == in->end || in->at[1] != '"')
            break;
        cell->has_quotes = true;
        in->at++;
    }
    cell->end = in->at++;
    if (ends_field(in, in->at))
        return 0;
    struct cell behind = {.place = in->at, .line = in->line, .line_begin = in->line_begin};
    return refuse(in, ERR_csv_malformed, &behind,
                  "a comma or the end of the line is expected behind a quoted field");
}

static int find_cell(struct record_reader *in, struct cell *cell)
{
    *cell = (struct cell){
        .begin = in->at, .place = in->at, .line = in->line, .line_begin = in->line_begin};
    if (in->at < in->end && *in->at == '"')
        return find_quoted(in, cell);
    while (!ends_field(in, in->at))
        in->at++;
    cell->end = in->at;
    return 0;
}

/* Behind the line's end. */
static void next_line(struct record_reader *in)
{
    in->at += in->at < in->end && *in->at == '\r';
    in->at += in->at < in->end && *in->at == '\n';
    note_line(in, in->at);
}

static void skip_empty_lines(struct record_reader *in)
{
    while (in->at < in->end && *in->at != ',' && ends_field(in, in->at))
        next_line(in);
}

/* The text of a cell, with single quotes where doubled ones stand. */
static const char *cell_text(struct record_reader *in, const struct cell *cell, size_t *length)
{
    *length = (size_t)(cell->end - cell->begin);
    if (!cell->has_quotes)
        return cell->begin;
    buffer_clear(&in->string);
    for (const char *at = cell->begin; at < cell->end; at++) {
        buffer_putc(&in->string, *at);
        at += *at == '"';
    }
    *length = in->string.length;
    return in->string.data;
}

/* ---- The header ----------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The field of the record that has the name of this column. */
static uint32_t find_field(struct record_reader *in, const struct cell *cell)
{
    size_t length;
    const char *text = cell_text(in, cell, &length);
    for (; length > 0 && is_blank(*text); text++)
        length--;
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    for (uint32_t i = 0; i < in->record->part_count; i++)
        if (strlen(in->record->names[i]) == length &&
            memcmp(in->record->names[i], text, length) == 0)
            return i;
    return NO_FIELD;
}

static uint32_t first_word(const struct type *record, uint32_t part)
{
    uint32_t word = 0;
    for (uint32_t i = 0; i < part && i < record->part_count; i++)
        word += record->parts[i]->word_count;
    return word;
}

static int add_column(struct record_reader *in, const struct cell *cell)
{
    struct column column = {.part = find_field(in, cell)};
    column.word = first_word(in->record, column.part);
    for (uint64_t i = 0; column.part != NO_FIELD && i < in->column_count; i++)
        if (in->columns[i].part == column.part)
            return refuse(in, ERR_csv_column, cell, "there is a second column '%s'",
                          in->record->names[column.part]);
    if ((in->column_count & (in->column_count + 1)) == 0) /* one less than a power of two */
        in->columns =
            memory_resize(in->columns, 2 * (size_t)in->column_count + 2, sizeof *in->columns);
    in->columns[in->column_count++] = column;
    return 0;
}

static bool has_column(const struct record_reader *in, uint32_t part)
{
    for (uint64_t i = 0; i < in->column_count; i++)
        if (in->columns[i].part == part)
            return true;
    return false;
}

/* `header` is where the first line begins. */
static int check_columns(struct record_reader *in, const char *header)
{
    enum { SHOWN = 200 };
    uint32_t missing = 0;
    while (missing < in->record->part_count && has_column(in, missing))
        missing++;
    if (missing == in->record->part_count)
        return 0;
    size_t length = strcspn(header, "\r\n");
    error_set(in->error, ERR_csv_column, "'%s' has no column '%s'", in->name,
              in->record->names[missing]);
    if (length == 0)
        return error_hint(in->error, "its first line must name the columns, and there is none");
    size_t shown = length < SHOWN ? length : SHOWN;
    while (shown > 0 && shown < length && ((unsigned char)header[shown] & 0xC0) == 0x80)
        shown--; /* no part of a character */
    char names[SHOWN + 80];
    snprintf(names, sizeof names, "its first line names the columns: %.*s%s", (int)shown, header,
             shown < length ? "..." : "");
    error_hint(in->error, "%s", names);
    if (memchr(header, ',', length))
        return (int)in->error->code;
    snprintf(names + strlen(names), sizeof names - strlen(names), "; ");
    return csv_hint_separator(in->error, names, header, header + length);
}

static int read_header(struct record_reader *in)
{
    struct cell cell;
    skip_empty_lines(in);
    const char *header = in->at;
    while (in->at < in->end) {
        int code = find_cell(in, &cell);
        code = code ? code : add_column(in, &cell);
        if (code)
            return code;
        if (in->at == in->end || *in->at != ',') {
            next_line(in);
            break;
        }
        in->at++;
    }
    return check_columns(in, header);
}

/* ---- Records --------------------------------------------------------------------------------
 */

static int read_string(struct record_reader *in, const struct cell *cell, uint64_t *words)
{
    size_t length;
    const char *text = cell_text(in, cell, &length);
    const void *data = wk_text_new(in->context, text, length);
    if (!data)
        return error_set(in->error, ERR_out_of_memory, "there is no memory to read '%s'", in->name);
    words[0] = (uintptr_t)data;
    words[1] = length;
    return 0;
}

static int read_scalar(struct record_reader *in, const struct cell *cell, const struct type *type,
                       uint64_t *word)
{
    struct error inner;
    if (csv_read_scalar(cell->begin, cell->end, type->scalar, word, &inner) == 0)
        return 0;
    return refuse(in, ERR_csv_field, cell, "%s", inner.message);
}

static int refuse_more(struct record_reader *in, const struct cell *cell)
{
    return refuse(in, ERR_csv_malformed, cell,
                  "the line has more fields than the header, which has %" PRIu64, in->column_count);
}

static int refuse_fewer(struct record_reader *in, uint64_t count)
{
    struct cell end = {.place = in->at, .line = in->line, .line_begin = in->line_begin};
    return refuse(in, ERR_csv_malformed, &end,
                  "the line has %" PRIu64 " of the %" PRIu64 " fields that the header has", count,
                  in->column_count);
}

static int read_cell(struct record_reader *in, const struct cell *cell, const struct column *column,
                     uint64_t *record)
{
    if (column->part == NO_FIELD)
        return 0;
    const struct type *type = in->record->parts[column->part];
    return type->kind == TYPE_STRING ? read_string(in, cell, record + column->word)
                                     : read_scalar(in, cell, type, record + column->word);
}

static int read_record(struct record_reader *in)
{
    struct cell cell;
    uint64_t *record = (void *)buffer_extend(&in->rows, in->record->word_count * sizeof *record);
    for (uint64_t i = 0;; in->at++) {
        int code = find_cell(in, &cell);
        if (!code && i == in->column_count)
            code = refuse_more(in, &cell);
        code = code ? code : read_cell(in, &cell, &in->columns[i++], record);
        if (code)
            return code;
        if (in->at < in->end && *in->at == ',')
            continue;
        if (i < in->column_count)
            return refuse_fewer(in, i);
        next_line(in);
        return 0;
    }
}

static int read_records(struct record_reader *in, uint64_t *count)
{
    int code = read_header(in);
    for (skip_empty_lines(in); !code && in->at < in->end; skip_empty_lines(in)) {
        code = read_record(in);
        ++*count;
    }
    return code;
}

int csv_read_records(struct wk_context *context, const char *text, size_t length, const char *name,
                     const struct type *type, uint64_t *words, struct error *error)
{
    size_t mark = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    struct record_reader in = {.name = name,
                               .at = text + mark,
                               .end = text + length,
                               .line_begin = text + mark,
                               .line = 1,
                               .context = context,
                               .record = type->element,
                               .error = error};
    uint64_t count = 0;
    int code = read_records(&in, &count);
    void *data = code ? NULL : wk_alloc(context, in.rows.length);
    if (!code && !data)
        code = error_set(error, ERR_out_of_memory, "there is no memory to read '%s'", name);
    if (data && in.rows.length)
        memcpy(data, in.rows.data, in.rows.length);
    words[0] = (uintptr_t)data;
    words[1] = count;
    free(in.columns);
    buffer_release(&in.rows);
    buffer_release(&in.string);
    return code;
}

/* ---- Writing --------------------------------------------------------------------------------
 */

void csv_print_header(const struct type *type, struct buffer *out)
{
    const struct type *record = type->element;
    for (uint32_t i = 0; i < record->part_count; i++)
        buffer_printf(out, "%s%s", i ? "," : "", record->names[i]);
    buffer_putc(out, '\n');
}

/* In quotes where it would be read as something else without. */
static void print_string(const char *text, size_t length, bool is_only, struct buffer *out)
{
    bool is_plain = length > 0 || !is_only; /* an empty line would be no record */
    for (size_t i = 0; i < length && is_plain; i++)
        is_plain = text[i] != ',' && text[i] != '"' && text[i] != '\n' && text[i] != '\r';
    if (is_plain) {
        buffer_append(out, text, length);
        return;
    }
    buffer_putc(out, '"');
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"')
            buffer_putc(out, '"');
        buffer_putc(out, text[i]);
    }
    buffer_putc(out, '"');
}

static void print_field(const struct type *type, const uint64_t *words, bool is_only,
                        struct buffer *out)
{
    if (type->kind == TYPE_STRING) {
        print_string((const char *)(uintptr_t)words[0], words[1], is_only, out);
        return;
    }
    char *text = buffer_extend(out, SCALAR_TEXT_BYTES);
    buffer_end_at(out, semantics_print(type->scalar, words[0], text));
}

void csv_print_records(const struct type *type, const uint64_t *words, int64_t first, int64_t end,
                       struct buffer *out)
{
    const struct type *record = type->element;
    const uint64_t *at = (const uint64_t *)(uintptr_t)words[0];
    if (first > 0)
        at += (uint64_t)first * record->word_count;
    for (int64_t row = first; row < end; row++)
        for (uint32_t i = 0; i < record->part_count; at += record->parts[i++]->word_count) {
            print_field(record->parts[i], at, record->part_count == 1, out);
            buffer_putc(out, i + 1 < record->part_count ? ',' : '\n');
        }
}
