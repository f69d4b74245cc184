/*
 * Lines of tables; see csv_row.h. A field that is a plain number is read where it stands: digits by
 * the vector (digits.h), with an exponent by decimal.h. Whatever else it is (quoted, between
 * blanks, with a suffix) goes through a copy, as the text of a parameter. Columns are counted in
 * bytes, from 1.
 */
#include "value/csv_row.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value/decimal.h"
#include "value/digits.h"
#include "value/nearest.h"
#include "value/semantics.h"
#include "value/value.h"

#define INLINED static inline __attribute__((always_inline))

/* ---- Fields of any form ---------------------------------------------------------------------- */

struct field {
    const char *begin, *end; /* as it stands, quotes included */
    bool is_quoted;
};

static int refuse(struct csv_lines *in, enum error_code code, const char *at, const char *what)
{
    in->wrong = at;
    return error_set(in->error, code, "%s", what);
}

static bool ends_line(const char *at)
{
    return *at == '\n' || (*at == '\r' && at[1] == '\n');
}

static bool ends_field(const char *at)
{
    return *at == ',' || ends_line(at);
}

static uint32_t bytes_of(enum wk_scalar scalar)
{
    static const uint32_t bytes[] = {
#define BYTES(NAME, text, size) size,
        WK_SCALARS(BYTES)
#undef BYTES
    };
    return bytes[scalar];
}

/* The end of a quoted field; quotes in it are doubled. It holds numbers, and these have no lines.
 */
static int find_quote(struct csv_lines *in, struct field *field)
{
    const char *at = field->begin + 1;
    for (; *at != '\n'; at++) {
        if (*at != '"')
            continue;
        if (at[1] == '"')
            at++;
        else
            break;
    }
    if (*at == '\n')
        return refuse(in, ERR_csv_malformed, field->begin, "this quote does not end in its line");
    field->end = at + 1;
    if (!ends_field(field->end))
        return refuse(in, ERR_csv_malformed, field->end,
                      "a comma or the end of the line is expected behind a quoted field");
    return 0;
}

static int find_field(struct csv_lines *in, const char *at, struct field *field)
{
    field->begin = field->end = at;
    field->is_quoted = *at == '"';
    if (field->is_quoted)
        return find_quote(in, field);
    while (!ends_field(field->end))
        field->end++;
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

enum { SHORT_TEXT = 64 };

/* The text of a field without quotes and blanks around it: in `room` if it is short, or else a text
 * of its own. */
static char *field_text(const struct field *field, char room[SHORT_TEXT])
{
    const char *begin = field->begin + field->is_quoted, *end = field->end - field->is_quoted;
    while (begin < end && is_blank(*begin))
        begin++;
    while (begin < end && is_blank(end[-1]))
        end--;
    size_t length = (size_t)(end - begin);
    char *text = length < SHORT_TEXT ? room : memory_new(length + 1, 1);
    memcpy(text, begin, length);
    text[length] = 0;
    return text;
}

static void free_text(char *text, const char *room)
{
    if (text != room)
        free(text);
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

int csv_hint_separator(struct error *error, const char *before, const char *line, const char *end)
{
    bool has_comma = false;
    char separator = 0;
    for (const char *at = line; at < end && *at != '\n'; at++) {
        has_comma = has_comma || *at == ',';
        if (!separator && (*at == ';' || *at == '\t'))
            separator = *at;
    }
    if (!separator)
        return (int)error->code;
    /* With semicolons between its columns, a table has commas in its numbers. */
    return error_hint(error,
                      "%sfields are separated by commas, and this file seems to have %s between "
                      "them: tr '%s%s' '%s' < old.csv > new.csv",
                      before, separator == ';' ? "';'" : "tabs", has_comma ? "," : "",
                      separator == ';' ? ";" : "\\t", has_comma ? ".," : ",");
}

/* A field as parameters are written, or as other programs write such values. */
static int read_text(struct csv_lines *in, const struct field *field, uint64_t *word)
{
    struct error error;
    char room[SHORT_TEXT];
    if (memchr(field->begin, 0, (size_t)(field->end - field->begin)))
        return refuse(in, ERR_csv_field, field->begin, "this is no text: it has a zero byte in it");
    char *text = field_text(field, room);
    int code = semantics_read(in->scalar, other_spelling(in->scalar, text), word, &error);
    if (code)
        refuse(in, ERR_csv_field, field->begin, *text ? error.message : "this field is empty");
    if (code && in->line_begin && !field->is_quoted && strpbrk(text, ";\t"))
        csv_hint_separator(in->error, "", in->line_begin, in->end);
    free_text(text, room);
    return code ? ERR_csv_field : 0;
}

int csv_read_scalar(const char *begin, const char *end, enum wk_scalar scalar, uint64_t *word,
                    struct error *error)
{
    struct csv_lines in = {.scalar = scalar, .error = error};
    return read_text(&in, &(struct field){.begin = begin, .end = end}, word);
}

static int read_field(struct csv_lines *in, const char *at, char *out, const char **behind)
{
    uint64_t word;
    struct field field;
    int code = find_field(in, at, &field);
    code = code ? code : read_text(in, &field, &word);
    if (code)
        return code;
    memcpy(out, &word, bytes_of(in->scalar));
    *behind = field.end;
    return 0;
}

/* ---- Plain numbers ---------------------------------------------------------------------------
 *
 * Each reads the number at `at` and stores it if the field is nothing else; the address behind it,
 * or NULL. Where the field ends does not wait for what it says: so several fields are under way in
 * the processor at once. */

/* With an exponent, or more digits than fit. */
static const char *read_long_f64(const char *at, const char *text_end, double *x)
{
    const char *end = decimal_read_f64(at, text_end, x);
    return end && ends_field(end) && !isinf(*x) ? end : NULL;
}

static const char *read_long_f32(const char *at, const char *text_end, float *x)
{
    const char *end = decimal_read_f32(at, text_end, x);
    return end && ends_field(end) && !isinf(*x) ? end : NULL;
}

INLINED const char *read_f64(const char *at, const char *text_end, char *out)
{
    struct digits number;
    uint32_t negative = digits_minus(at);
    uint32_t length = digits_field_length(at);
    if (__builtin_expect(digits_read(at, length, negative, &number), true)) {
        uint64_t bits = nearest_fraction_f64(number.digits, number.fraction);
        bits |= (uint64_t)negative << 63;
        memcpy(out, &bits, sizeof bits);
        return at + length;
    }
    double x;
    const char *end = read_long_f64(at, text_end, &x);
    if (end)
        memcpy(out, &x, sizeof x);
    return end;
}

INLINED const char *read_f32(const char *at, const char *text_end, char *out)
{
    struct digits number;
    uint32_t negative = digits_minus(at);
    uint32_t length = digits_field_length(at);
    if (__builtin_expect(digits_read(at, length, negative, &number), true)) {
        uint32_t bits = nearest_fraction_f32(number.digits, number.fraction);
        bits |= (uint32_t)negative << 31;
        memcpy(out, &bits, sizeof bits);
        return at + length;
    }
    float x;
    const char *end = read_long_f32(at, text_end, &x);
    if (end)
        memcpy(out, &x, sizeof x);
    return end;
}

/* An integer of at most 18 digits that its type can hold. */
INLINED const char *read_integer(const char *at, uint32_t bytes, bool is_signed, char *out)
{
    struct digits number;
    uint32_t negative = digits_minus(at);
    uint32_t length = digits_field_length(at), bits = 8 * bytes - is_signed;
    if (length > 18 || !digits_read(at, length, negative, &number) || number.has_point)
        return NULL;
    if ((bits < 64 && number.digits >> bits) || (negative && !is_signed && number.digits))
        return NULL;
    uint64_t word = negative ? -number.digits : number.digits;
    memcpy(out, &word, bytes);
    return at + length;
}

INLINED const char *read_plain(const char *at, const char *text_end, enum wk_scalar scalar,
                               char *out)
{
    switch (scalar) {
    case WK_F64:
        return read_f64(at, text_end, out);
    case WK_F32:
        return read_f32(at, text_end, out);
    case WK_I8:
    case WK_I16:
    case WK_I32:
    case WK_I64:
    case WK_U8:
    case WK_U16:
    case WK_U32:
    case WK_U64:
        return read_integer(at, bytes_of(scalar), scalar <= WK_I64, out);
    case WK_BOOL:
        return NULL;
    }
    bug("scalar type %d", (int)scalar);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static int refuse_second_field(struct csv_lines *in, const char *at)
{
    refuse(in, ERR_csv_malformed, at, "a line has one field for an array of rank 1");
    error_hint(in->error, "declare the parameter with two dimensions");
    return csv_hint_separator(in->error, "", in->line_begin, in->end);
}

int csv_check_one_field(struct csv_lines *in)
{
    struct field field;
    if (find_field(in, in->at, &field) || *field.end != ',')
        return 0;
    return refuse_second_field(in, field.end + 1);
}

static int refuse_columns(struct csv_lines *in, const char *at, int64_t found)
{
    char what[128];
    snprintf(what, sizeof what,
             "the line has %" PRId64 " field%s, and those before it have %" PRId64, found,
             found == 1 ? "" : "s", in->columns);
    return refuse(in, ERR_csv_malformed, at, what);
}

/* A line that has more fields than it should: where it ends, and how many. */
static int refuse_more(struct csv_lines *in, const char *at, int64_t found)
{
    char element[8]; /* nowhere */
    if (*at == ',' && in->first_columns > in->columns)
        return refuse_second_field(in, at + 1);
    for (; *at == ','; found++) {
        int code = read_field(in, at + 1, element, &at);
        if (code)
            return code;
    }
    return refuse_columns(in, at, found);
}

/* What is no plain number at first sight: between blanks, in quotes, or a mistake. */
static int read_other(struct csv_lines *in, const char *at, char *out, const char **behind)
{
    const char *first = at;
    while (is_blank(*first))
        first++;
    *behind = first > at ? read_plain(first, in->end, in->scalar, out) : NULL;
    return *behind && ends_field(*behind) ? 0 : read_field(in, at, out, behind);
}

/* A row of fields, the first of which is at in->at. */
INLINED int read_row(struct csv_lines *in, enum wk_scalar scalar)
{
    const char *at = in->at, *text_end = in->end;
    char *out = in->out;
    int64_t columns = in->columns, column = 1;
    for (;; column++, at++) {
        const char *end = read_plain(at, text_end, scalar, out);
        if (__builtin_expect(!end || !ends_field(end), false)) {
            const char *behind;
            int code = read_other(in, at, out, &behind);
            if (code)
                return code;
            end = behind;
        }
        at = end;
        out += bytes_of(scalar);
        if (*at != ',' || column == columns)
            break;
    }
    if (*at == ',' || column != columns)
        return refuse_more(in, at, column);
    in->at = at + (*at == '\r') + 1;
    in->out = out;
    return 0;
}

/* Whether a line is empty: it is skipped. */
static bool skip_empty(struct csv_lines *in)
{
    if (!ends_line(in->at))
        return false;
    in->at += (*in->at == '\r') + 1;
    return true;
}

INLINED int read_rows(struct csv_lines *in, enum wk_scalar scalar)
{
    int code = 0;
    while (in->at < in->end && code == 0) {
        in->line_begin = in->at;
        if (!skip_empty(in))
            code = read_row(in, scalar);
    }
    return code;
}

int csv_lines_read(struct csv_lines *in)
{
    switch (in->scalar) {
#define OF_TYPE(type)                                                                              \
    case type:                                                                                     \
        return read_rows(in, type);
        OF_TYPE(WK_BOOL)
        OF_TYPE(WK_I8)
        OF_TYPE(WK_I16)
        OF_TYPE(WK_I32)
        OF_TYPE(WK_I64)
        OF_TYPE(WK_U8)
        OF_TYPE(WK_U16)
        OF_TYPE(WK_U32)
        OF_TYPE(WK_U64)
        OF_TYPE(WK_F32)
        OF_TYPE(WK_F64)
#undef OF_TYPE
    }
    bug("scalar type %d", (int)in->scalar);
}

/* ---- Looking ahead --------------------------------------------------------------------------- */

typedef uint8_t bytes32 __attribute__((vector_size(32)));

static bytes32 load32(const char *at)
{
    bytes32 bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

/* Rows that begin behind the line feeds of 32 bytes each, at most 255 times: -1 for each, by lane.
 */
static uint64_t count_in_lanes(const char *from, size_t times)
{
    bytes32 lanes = {0};
    for (size_t i = 0; i < times; i++, from += 32) {
        bytes32 first = load32(from + 1);
        lanes +=
            (bytes32)(load32(from) == '\n') & (bytes32)(first != '\n') & (bytes32)(first != '\r');
    }
    uint64_t count = 0;
    for (int i = 0; i < 32; i++)
        count += (uint8_t)-lanes[i];
    return count;
}

static bool begins_row(const char *at)
{
    return *at != '\n' && *at != '\r';
}

uint64_t csv_count_rows(const char *from, const char *to, bool is_begin)
{
    uint64_t count = is_begin && from < to && begins_row(from);
    for (; to - from > 32;) {
        size_t times = (size_t)(to - from - 1) / 32;
        times = times < 255 ? times : 255;
        count += count_in_lanes(from, times);
        from += 32 * times;
    }
    for (; from + 1 < to; from++)
        count += *from == '\n' && begins_row(from + 1);
    return count;
}

/* No number begins as the name of a column does, and no truth value is one. */
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

bool csv_has_header(const struct csv_lines *lines)
{
    struct error ignored;
    struct csv_lines in = *lines;
    in.error = &ignored;
    struct field field;
    for (const char *at = in.at;; at = field.end + 1) {
        char room[SHORT_TEXT];
        if (find_field(&in, at, &field))
            return false;
        char *text = field_text(&field, room);
        bool found = is_name(text);
        free_text(text, room);
        if (found || *field.end != ',')
            return found;
    }
}

int64_t csv_count_columns(const struct csv_lines *lines)
{
    struct error ignored;
    struct csv_lines in = *lines;
    in.error = &ignored;
    while (in.at < in.end && skip_empty(&in))
        continue;
    if (in.at >= in.end)
        return -1;
    struct field field = {.end = in.at - 1};
    int64_t columns = 0;
    do {
        columns++;
        if (find_field(&in, field.end + 1, &field))
            return columns; /* which reading it will refuse */
    } while (*field.end == ',');
    return columns;
}
