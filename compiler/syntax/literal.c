/* Reading numbers, strings and characters; see literal.h. */
#include "syntax/literal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Numbers ---- */

static const struct unit {
    const char *suffix;
    uint64_t factor;
    bool is_duration;
} units[] = {
    {"KB", 1000, false},          {"MB", 1000000, false},     {"GB", 1000000000, false},
    {"TB", 1000000000000, false}, {"KiB", 1ULL << 10, false}, {"MiB", 1ULL << 20, false},
    {"GiB", 1ULL << 30, false},   {"TiB", 1ULL << 40, false}, {"ns", 1, true},
    {"us", 1000, true},           {"ms", 1000000, true},      {"s", 1000000000, true},
    {"min", 60000000000, true},   {"h", 3600000000000, true},
};

static const struct unit *find_unit(const char *suffix, size_t length)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strlen(units[i].suffix) == length && memcmp(units[i].suffix, suffix, length) == 0)
            return &units[i];
    return NULL;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Reads digits and `_` of a base; *at stops at the first other character. False on overflow. */
static bool read_digits(const char *text, size_t length, size_t *at, unsigned base,
                        uint64_t *number)
{
    bool fits = true;
    *number = 0;
    for (; *at < length; ++*at) {
        if (text[*at] == '_')
            continue;
        unsigned digit = (unsigned)digit_value(text[*at]);
        if (digit >= base)
            break;
        fits &= !__builtin_mul_overflow(*number, (uint64_t)base, number);
        fits &= !__builtin_add_overflow(*number, (uint64_t)digit, number);
    }
    return fits;
}

static int report_too_large(struct parser *parser, struct span span)
{
    struct diagnostic *d =
        syntax_report(parser, span, ERR_number_too_large, "this number does not fit in 64 bits");
    diagnose_hint(parser->diagnostics, d,
                  "the largest integer is 18_446_744_073_709_551_615 (u64)");
    return TOKEN_INTEGER;
}

static void report_suffix(struct parser *parser, struct span span, const char *suffix,
                          size_t length)
{
    span.begin = span.end - (uint32_t)length;
    struct diagnostic *d = syntax_report(parser, span, ERR_number_suffix,
                                         "`%.*s` is no suffix of a number", (int)length, suffix);
    diagnose_hint(
        parser->diagnostics, d,
        "sizes end in KB MB GB TB KiB MiB GiB TiB, durations in ns us ms s min h; a type is "
        "given by a conversion such as `f32(1)`");
}

static int read_based(struct parser *parser, const char *text, size_t length, struct span span,
                      unsigned base, uint64_t *number)
{
    size_t at = 2;
    bool fits = read_digits(text, length, &at, base, number);
    bool digits = strcspn(text + 2, "_") + 2 < length ? at > 2 && text[2] != '_' : at > 2;
    if (at < length || !digits) {
        struct diagnostic *d =
            syntax_report(parser, span, ERR_number_malformed, "this is not a %s number",
                          base == 16 ? "hexadecimal" : "binary");
        diagnose_hint(parser->diagnostics, d, "after `0%c` come digits %s and `_`", text[1],
                      base == 16 ? "0-9, a-f" : "0, 1");
        return TOKEN_INTEGER;
    }
    return fits ? TOKEN_INTEGER : report_too_large(parser, span);
}

/* Where the part of a decimal number that strtod reads ends. */
static size_t decimal_end(const char *text, size_t length, bool *is_float)
{
    size_t at = strspn(text, "0123456789_");
    if (at + 1 < length && text[at] == '.') {
        *is_float = true;
        at++;
        at += strspn(text + at, "0123456789_");
    }
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        size_t digits = at + 1;
        if (text[digits] == '+' || text[digits] == '-')
            digits++;
        if (text[digits] >= '0' && text[digits] <= '9') {
            *is_float = true;
            at = digits + strspn(text + digits, "0123456789_");
        }
    }
    return at;
}

static struct float_literal read_real(struct parser *parser, const char *text, size_t length,
                                      struct span span)
{
    char local[64];
    char *digits = length < sizeof local ? local : memory_new(length + 1, 1);
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        if (text[i] != '_')
            digits[count++] = text[i];
    digits[count] = 0;
    struct float_literal value = {strtod(digits, NULL), strtof(digits, NULL)};
    if (digits != local)
        free(digits);
    if (isinf(value.number)) {
        struct diagnostic *d =
            syntax_report(parser, span, ERR_number_too_large, "this number is larger than any f64");
        diagnose_hint(parser->diagnostics, d, "the largest f64 is about 1.8e308");
        return (struct float_literal){0};
    }
    return value;
}

static int read_float(struct parser *parser, const char *text, size_t end, size_t length,
                      struct span span, union SYNTAX_STYPE *value)
{
    struct float_literal real = read_real(parser, text, end, span);
    const struct unit *unit = find_unit(text + end, length - end);
    if (unit && unit->is_duration) {
        double nanoseconds = real.number * (double)unit->factor;
        value->integer.value = nanoseconds < 9e18 ? (uint64_t)llround(nanoseconds) : 0;
        if (nanoseconds >= 9e18)
            report_too_large(parser, span);
        return TOKEN_DURATION;
    }
    if (end < length)
        report_suffix(parser, span, text + end, length - end);
    value->real = real;
    return TOKEN_FLOAT;
}

int literal_number(struct parser *parser, const char *text, size_t length, struct span span,
                   union SYNTAX_STYPE *value)
{
    if (length > 1 && text[0] == '0' && strchr("xXbB", text[1]))
        return read_based(parser, text, length, span, text[1] == 'x' || text[1] == 'X' ? 16 : 2,
                          &value->integer.value);
    bool is_float = false;
    size_t end = decimal_end(text, length, &is_float);
    if (is_float)
        return read_float(parser, text, end, length, span, value);
    size_t at = 0;
    uint64_t number;
    bool fits = read_digits(text, end, &at, 10, &number);
    const struct unit *unit = end < length ? find_unit(text + end, length - end) : NULL;
    if (end < length && !unit)
        report_suffix(parser, span, text + end, length - end);
    if (unit)
        fits &= !__builtin_mul_overflow(number, unit->factor, &number);
    value->integer.value = number;
    if (!fits)
        report_too_large(parser, span);
    return unit && unit->is_duration ? TOKEN_DURATION : TOKEN_INTEGER;
}

int literal_part(const char *digits, size_t length, union SYNTAX_STYPE *value)
{
    size_t at = 0;
    if (!read_digits(digits, length, &at, 10, &value->integer.value))
        value->integer.value = UINT64_MAX;
    return TOKEN_PART;
}

/* ---- Strings and characters ---- */

static uint32_t utf8_decode(const char *text, size_t length)
{
    const unsigned char *s = (const unsigned char *)text;
    if (length <= 1)
        return s[0];
    uint32_t point = s[0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        point = point << 6 | (s[i] & 0x3F);
    return point;
}

static size_t utf8_encode(uint32_t point, char *out)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3F));
    out[0] = (char)((0xF00u >> length & 0xF0) | point);
    return length;
}

/* One escape: what it stands for, and how many characters it takes. */
struct escape {
    uint32_t value;
    size_t length;
    bool is_byte; /* \xHH: a byte, not a code point */
    bool valid;
};

static struct escape read_byte_escape(const char *text, size_t left)
{
    struct escape escape = {.length = 2, .is_byte = true};
    if (left >= 4 && digit_value(text[2]) < 16 && digit_value(text[3]) < 16) {
        escape.value = (uint32_t)(digit_value(text[2]) * 16 + digit_value(text[3]));
        escape.length = 4;
        escape.valid = true;
    }
    return escape;
}

static struct escape read_unicode_escape(const char *text, size_t left)
{
    struct escape escape = {.length = 2};
    if (left < 3 || text[2] != '{')
        return escape;
    size_t at = 3;
    while (at < left && digit_value(text[at]) < 16) {
        if (escape.value <= 0x10FFFF)
            escape.value = escape.value * 16 + (uint32_t)digit_value(text[at]);
        at++;
    }
    bool closed = at < left && text[at] == '}';
    escape.length = closed ? at + 1 : at;
    escape.valid = closed && at > 3 && at <= 9 && escape.value <= 0x10FFFF &&
                   !(escape.value >= 0xD800 && escape.value <= 0xDFFF);
    return escape;
}

/* Reads the escape at `text`, which begins with a backslash. */
static struct escape read_escape(const char *text, size_t left)
{
    static const char names[] = "ntr0\\\"'", values[] = "\n\t\r\0\\\"'";
    if (left >= 2 && text[1] == 'x')
        return read_byte_escape(text, left);
    if (left >= 2 && text[1] == 'u')
        return read_unicode_escape(text, left);
    const char *name = left >= 2 ? memchr(names, text[1], sizeof names - 1) : NULL;
    if (!name)
        return (struct escape){.length = left < 2 ? left : 1 + utf8_length(text + 1, left - 1)};
    return (struct escape){
        .value = (unsigned char)values[name - names], .length = 2, .valid = true};
}

static void report_escape(struct parser *parser, struct span literal, size_t offset,
                          const char *text, size_t length)
{
    struct span span = {literal.source, literal.begin + (uint32_t)offset,
                        literal.begin + (uint32_t)(offset + length)};
    struct diagnostic *d =
        syntax_report(parser, span, ERR_escape_unknown, "`%.*s` is no escape", (int)length, text);
    diagnose_hint(parser->diagnostics, d,
                  "the escapes are \\n \\t \\r \\0 \\\\ \\\" \\' \\xHH and \\u{1F600}");
}

/* Appends the character or escape at `text` to `out`; returns how many bytes it took. */
static size_t read_character(struct parser *parser, struct span literal, const char *begin,
                             const char *text, size_t left, char *out, size_t *written)
{
    if (*text != '\\') {
        *out = *text;
        *written += 1;
        return 1;
    }
    struct escape escape = read_escape(text, left);
    if (!escape.valid) {
        report_escape(parser, literal, (size_t)(text - begin), text, escape.length);
        return escape.length ? escape.length : 1;
    }
    if (escape.is_byte) {
        *out = (char)escape.value;
        *written += 1;
    } else {
        *written += utf8_encode(escape.value, out);
    }
    return escape.length;
}

static bool is_utf8(const char *text, size_t length)
{
    for (size_t at = 0, step; at < length; at += step)
        if ((step = utf8_length(text + at, length - at)) == 0)
            return false;
    return true;
}

static void report_unterminated(struct parser *parser, struct span span, enum error_code code,
                                const char *what, const char *quote)
{
    struct span opening = {span.source, span.begin, span.begin + 1};
    struct diagnostic *d = syntax_report(parser, opening, code, "this %s is not closed", what);
    diagnose_hint(parser->diagnostics, d, "it ends with %s on the same line%s", quote,
                  *quote == '`' && quote[1] == '"' ? "; a line break inside is written \\n" : "");
    parser->damaged_line = true;
}

int literal_string(struct parser *parser, const char *text, size_t length, struct span span,
                   union SYNTAX_STYPE *value)
{
    bool closed = length > 1 && text[length - 1] == '"';
    /* `"abc\"`: the last quote belongs to an escape. The lexer matches a backslash at the end of a
     * line only where nothing closes the string. */
    if (closed) {
        size_t backslashes = 0;
        while (backslashes + 2 < length && text[length - 2 - backslashes] == '\\')
            backslashes++;
        closed = backslashes % 2 == 0;
    }
    size_t end = closed ? length - 1 : length, written = 0;
    char *out = arena_alloc(parser->arena, length + 1);
    if (!closed)
        report_unterminated(parser, span, ERR_string_unterminated, "string", "`\"`");
    else
        for (size_t at = 1; at < end;)
            at += read_character(parser, span, text, text + at, end - at, out + written, &written);
    if (!is_utf8(out, written)) {
        struct diagnostic *d = syntax_report(parser, span, ERR_string_not_utf8,
                                             "the bytes of this string are not UTF-8");
        diagnose_hint(parser->diagnostics, d, "write a code point: \\u{E4} rather than \\xE4");
    }
    value->string.text = out;
    value->string.length = (uint32_t)written;
    return TOKEN_STRING;
}

static void report_character_count(struct parser *parser, struct span span, bool empty)
{
    struct diagnostic *d;
    if (empty) {
        d = syntax_report(parser, span, ERR_character_empty,
                          "there is no character between the quotes");
        diagnose_hint(parser->diagnostics, d, "an empty string is `\"\"`");
        return;
    }
    d = syntax_report(parser, span, ERR_character_several,
                      "a character literal holds one character");
    diagnose_hint(parser->diagnostics, d, "a string stands between double quotes");
}

int literal_character(struct parser *parser, const char *text, size_t length, struct span span,
                      union SYNTAX_STYPE *value)
{
    value->integer.value = 0;
    if (length < 2 || text[length - 1] != '\'' || (length == 3 && text[1] == '\\')) {
        report_unterminated(parser, span, ERR_character_unterminated, "character", "`'`");
        return TOKEN_CHARACTER;
    }
    size_t left = length - 2, taken;
    if (left == 0) {
        report_character_count(parser, span, true);
        return TOKEN_CHARACTER;
    }
    if (text[1] == '\\') {
        struct escape escape = read_escape(text + 1, left);
        taken = escape.length;
        value->integer.value = escape.value;
        if (!escape.valid) {
            report_escape(parser, span, 1, text + 1, escape.length);
            return TOKEN_CHARACTER;
        }
    } else {
        taken = utf8_length(text + 1, left);
        value->integer.value = utf8_decode(text + 1, taken);
    }
    if (taken < left)
        report_character_count(parser, span, false);
    return TOKEN_CHARACTER;
}
