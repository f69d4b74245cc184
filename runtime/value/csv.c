/*
 * CSV in and out; see csv.h. A field that is a plain number is read where it stands; whatever else
 * it is (quoted, between blanks, with a suffix) goes through a copy. Columns are counted in bytes,
 * from 1.
 */
#include "value/csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value/decimal.h"
#include "value/semantics.h"
#include "value/value.h"

/* ---- Reading ------------------------------------------------------------------------------- */

struct csv_reader {
    const char *name;
    const char *at, *end, *line_begin;
    uint64_t line; /* from 1 */
    enum wk_scalar scalar;
    uint8_t rank;
    int64_t rows, columns; /* columns: -1 before the first row */
    uint32_t element_bytes;
    char *data;
    size_t used, capacity;
    struct error *error;
};

struct field {
    const char *begin, *end; /* as it stands, quotes included */
    bool is_quoted;
};

static int refuse(const struct csv_reader *in, enum error_code code, const char *at,
                  const char *what)
{
    return error_set(in->error, code, "'%s', line %" PRIu64 ", column %td: %s", in->name, in->line,
                     at - in->line_begin + 1, what);
}

static bool ends_field(const struct csv_reader *in, const char *at)
{
    return at == in->end || *at == ',' || *at == '\n' ||
           (*at == '\r' && (at + 1 == in->end || at[1] == '\n'));
}

/* The end of a quoted field; quotes in it are doubled. It holds numbers, and these have no lines.
 */
static int find_quote(struct csv_reader *in, struct field *field)
{
    const char *at = field->begin + 1;
    for (; at < in->end && *at != '\n'; at++) {
        if (*at != '"')
            continue;
        if (at + 1 < in->end && at[1] == '"')
            at++;
        else
            break;
    }
    if (at == in->end || *at == '\n')
        return refuse(in, ERR_csv_malformed, field->begin, "this quote does not end in its line");
    field->end = at + 1;
    if (!ends_field(in, field->end))
        return refuse(in, ERR_csv_malformed, field->end,
                      "a comma or the end of the line is expected behind a quoted field");
    return 0;
}

static int find_field(struct csv_reader *in, struct field *field)
{
    field->begin = field->end = in->at;
    field->is_quoted = in->at < in->end && *in->at == '"';
    if (field->is_quoted)
        return find_quote(in, field);
    while (!ends_field(in, field->end))
        field->end++;
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The text of a field without quotes and blanks around it; a text of its own, free it. */
static char *field_text(const struct field *field)
{
    const char *begin = field->begin + field->is_quoted, *end = field->end - field->is_quoted;
    while (begin < end && is_blank(*begin))
        begin++;
    while (begin < end && is_blank(end[-1]))
        end--;
    char *text = memory_new((size_t)(end - begin) + 1, 1);
    memcpy(text, begin, (size_t)(end - begin));
    return text;
}

static const char *other_spelling(enum wk_scalar scalar, const char *text)
{
    static const char *const spellings[][2] = {
        {"NaN", "nan"},   {"NAN", "nan"},    {"Infinity", "inf"}, {"-Infinity", "-inf"},
        {"Inf", "inf"},   {"-Inf", "-inf"},  {"True", "true"},    {"False", "false"},
        {"TRUE", "true"}, {"FALSE", "false"}};
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        if (strcmp(text, spellings[i][0]) == 0)
            return spellings[i][1];
    if (scalar == WK_BOOL && (strcmp(text, "0") == 0 || strcmp(text, "1") == 0))
        return *text == '1' ? "true" : "false";
    return !*text && scalar >= WK_F32 ? "nan" : text;
}

/* A field as parameters are written, or as other programs write such values. */
static int read_text(const struct csv_reader *in, const struct field *field, uint64_t *word)
{
    struct error error;
    char *text = field_text(field);
    int code = semantics_read(in->scalar, other_spelling(in->scalar, text), word, &error);
    if (code)
        refuse(in, ERR_csv_field, field->begin, *text ? error.message : "this field is empty");
    free(text);
    return code ? ERR_csv_field : 0;
}

/* A plain decimal integer of a type of 64 bits or less; false if it is anything else. */
static bool read_integer(const char *at, const char *end, enum wk_scalar scalar, uint64_t *word)
{
    bool negative = at < end && *at == '-', is_signed = scalar <= WK_I64;
    at += negative;
    if (at == end || end - at > 18)
        return false;
    uint64_t value = 0;
    for (; at < end; at++) {
        unsigned digit = (unsigned char)(*at - '0');
        if (digit > 9)
            return false;
        value = 10 * value + digit;
    }
    unsigned bits = 8 * wk_scalar_bytes(scalar) - is_signed;
    if (bits < 64 && value >> bits)
        return false;
    *word = negative ? -value : value;
    return is_signed || !negative || value == 0;
}

/* Reads the number at `at` if a field is nothing else; the address behind it, or NULL. */
static const char *read_plain(const struct csv_reader *in, const char *at, uint64_t *word)
{
    const char *end = at;
    double x;
    float single;
    uint32_t bits;
    switch (in->scalar) {
    case WK_F64:
        end = decimal_read_f64(at, in->end, &x);
        if (!end || !ends_field(in, end) || isinf(x))
            return NULL;
        memcpy(word, &x, sizeof x);
        return end;
    case WK_F32:
        end = decimal_read_f32(at, in->end, &single);
        if (!end || !ends_field(in, end) || isinf(single))
            return NULL;
        memcpy(&bits, &single, sizeof bits);
        *word = bits;
        return end;
    case WK_I8:
    case WK_I16:
    case WK_I32:
    case WK_I64:
    case WK_U8:
    case WK_U16:
    case WK_U32:
    case WK_U64:
        while (end < in->end && (*end == '-' || (*end >= '0' && *end <= '9')))
            end++;
        return ends_field(in, end) && read_integer(at, end, in->scalar, word) ? end : NULL;
    case WK_BOOL:
        return NULL;
    }
    bug("scalar type %d", (int)in->scalar);
}

static int store(struct csv_reader *in, uint64_t word)
{
    if (in->used + in->element_bytes > in->capacity) {
        size_t capacity = in->capacity ? 2 * in->capacity : 1 << 12;
        char *data = realloc(in->data, capacity);
        if (!data)
            return error_set(in->error, ERR_out_of_memory, "there is no memory to read '%s'",
                             in->name);
        in->data = data;
        in->capacity = capacity;
    }
    memcpy(in->data + in->used, &word, in->element_bytes);
    in->used += in->element_bytes;
    return 0;
}

static int read_field(struct csv_reader *in)
{
    uint64_t word;
    struct field field;
    const char *end = read_plain(in, in->at, &word);
    if (!end) {
        int code = find_field(in, &field);
        code = code ? code : read_text(in, &field, &word);
        if (code)
            return code;
        end = field.end;
    }
    in->at = end;
    return store(in, word);
}

static int check_columns(struct csv_reader *in, int64_t found)
{
    if (in->columns < 0 && (in->rank > 1 || found == 1)) {
        in->columns = found;
        return 0;
    }
    if (found == in->columns)
        return 0;
    const char *at = in->at;
    if (in->columns < 0) {
        refuse(in, ERR_csv_malformed, at, "a line has one field for an array of rank 1");
        return error_hint(in->error, "declare the parameter with two dimensions");
    }
    char what[128];
    snprintf(what, sizeof what,
             "the line has %" PRId64 " field%s, and those before it have %" PRId64, found,
             found == 1 ? "" : "s", in->columns);
    return refuse(in, ERR_csv_malformed, at, what);
}

/* Behind the line's end. */
static void next_line(struct csv_reader *in)
{
    in->at += in->at < in->end && *in->at == '\r';
    in->at += in->at < in->end && *in->at == '\n';
    in->line_begin = in->at;
    in->line++;
}

static bool is_at_line_end(const struct csv_reader *in)
{
    return in->at == in->end || *in->at == '\n' || *in->at == '\r';
}

static int read_row(struct csv_reader *in)
{
    for (int64_t fields = 1;; fields++) {
        int code = read_field(in);
        if (code)
            return code;
        if (in->at == in->end || *in->at != ',') {
            code = check_columns(in, fields);
            in->rows++;
            next_line(in);
            return code;
        }
        in->at++;
    }
}

/* Whether a field can only be the name of a column: no number begins so, and no truth value is so.
 */
static bool is_name(const char *text)
{
    uint64_t word;
    struct error ignored;
    const char *value = other_spelling(WK_F64, text);
    const char *magnitude = text + (*text == '-' || *text == '+');
    if (!*text || strchr("0123456789.", *magnitude))
        return false;
    return semantics_read(WK_F64, value, &word, &ignored) != 0 &&
           semantics_read(WK_BOOL, value, &word, &ignored) != 0;
}

/* The first line is a header if a field of it is a name. */
static bool has_header(const struct csv_reader *from)
{
    struct error ignored;
    struct csv_reader in = *from;
    in.error = &ignored;
    struct field field;
    for (;; in.at = field.end + 1) {
        if (find_field(&in, &field))
            return false;
        char *text = field_text(&field);
        bool found = is_name(text);
        free(text);
        if (found || field.end == in.end || *field.end != ',')
            return found;
    }
}

static int read_rows(struct csv_reader *in)
{
    if (in->end - in->at >= 3 && memcmp(in->at, "\xEF\xBB\xBF", 3) == 0)
        in->line_begin = in->at += 3;
    if (in->at < in->end && has_header(in)) {
        while (in->at < in->end && *in->at != '\n')
            in->at++;
        next_line(in);
    }
    while (in->at < in->end) {
        int code = 0;
        if (is_at_line_end(in))
            next_line(in); /* an empty line */
        else
            code = read_row(in);
        if (code)
            return code;
    }
    return 0;
}

int csv_read_array(const char *text, size_t length, const char *name, const struct type *type,
                   int64_t *extents, void **data, struct error *error)
{
    struct csv_reader in = {.name = name,
                            .at = text,
                            .end = text + length,
                            .line_begin = text,
                            .line = 1,
                            .scalar = type->element->scalar,
                            .rank = type->rank,
                            .columns = -1,
                            .element_bytes = wk_scalar_bytes(type->element->scalar),
                            .error = error};
    *data = NULL;
    if (type->rank > 2) {
        error_set(error, ERR_data_rank, "'%s' is a table, but the parameter has %u dimensions",
                  name, type->rank);
        return error_hint(error, "a .csv file holds an array of one or two dimensions");
    }
    if (memchr(text, 0, length)) { /* UTF-16, or no table at all */
        error_set(error, ERR_csv_field, "'%s' is no text: it has a zero byte in it", name);
        return error_hint(error, "save the table as UTF-8");
    }
    int code = read_rows(&in);
    if (code) {
        free(in.data);
        return code;
    }
    extents[0] = in.rows;
    if (type->rank == 2)
        extents[1] = in.columns < 0 ? 0 : in.columns;
    *data = in.data;
    return 0;
}

/* ---- Writing ------------------------------------------------------------------------------- */

/* Prints where the text ends, without a copy; `behind` separates it from the next. */
static void print_element(enum wk_scalar scalar, const char *from, char behind, struct buffer *out)
{
    char *text = buffer_extend(out, SCALAR_TEXT_BYTES);
    char *end = semantics_print(scalar, scalar_load(scalar, from), text);
    *end++ = behind;
    buffer_end_at(out, end);
}

void csv_print_rows(const struct type *type, const uint64_t *words, int64_t first, int64_t end,
                    struct buffer *out)
{
    enum wk_scalar scalar = type->element->scalar;
    uint32_t bytes = wk_scalar_bytes(scalar);
    int64_t columns = type->rank == 2 ? (int64_t)words[2] : 1;
    const char *from = (const char *)(uintptr_t)words[0];
    if (columns > 0 && first > 0) /* a table without elements may have no address */
        from += (uint64_t)first * (uint64_t)columns * bytes;
    for (int64_t row = first; row < end; row++) {
        for (int64_t column = 0; column < columns; column++, from += bytes)
            print_element(scalar, from, column + 1 < columns ? ',' : '\n', out);
        if (columns <= 0)
            buffer_putc(out, '\n');
    }
}
