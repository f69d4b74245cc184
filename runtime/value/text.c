/*
 * Scalars as text: the shortest decimal that reads back, in the notation of Python's repr, and the
 * reading of parameters. Both are declared in semantics.h.
 */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value/decimal.h"
#include "value/semantics.h"
#include "value/type.h"

/* ---- Printing ------------------------------------------------------------------------------ */

/* All functions that write text return the address behind it. */

enum { WHOLE_DIGITS = 16, MOST_ZEROS = 3 }; /* positional: below 10^16, and from 0.0001 */

static char *put_text(char *at, const char *text, size_t length)
{
    memcpy(at, text, length);
    return at + length;
}

static int count_digits(uint64_t number)
{
    static const uint64_t tens[] = {
        UINT64_C(1),
        UINT64_C(10),
        UINT64_C(100),
        UINT64_C(1000),
        UINT64_C(10000),
        UINT64_C(100000),
        UINT64_C(1000000),
        UINT64_C(10000000),
        UINT64_C(100000000),
        UINT64_C(1000000000),
        UINT64_C(10000000000),
        UINT64_C(100000000000),
        UINT64_C(1000000000000),
        UINT64_C(10000000000000),
        UINT64_C(100000000000000),
        UINT64_C(1000000000000000),
        UINT64_C(10000000000000000),
        UINT64_C(100000000000000000),
        UINT64_C(1000000000000000000),
        UINT64_C(10000000000000000000),
    };
    int bits = 64 - __builtin_clzll(number | 1);
    int about = bits * 1233 >> 12; /* bits * log10(2): the number of digits, or 1 less */
    return about + (number >= tens[about] || number == 0);
}

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
                            "34353637383940414243444546474849505152535455565758596061626364656667"
                            "6869707172737475767778798081828384858687888990919293949596979899";

/* The last eight digits of a longer number; in 32 bits division is cheap. */
static void put_eight_before(char *end, uint32_t number)
{
    for (int i = 0; i < 4; i++, number /= 100)
        memcpy(end -= 2, pairs + 2 * (number % 100), 2);
}

/* The `count` digits that the number has. */
static char *put_digits(char *at, uint64_t number, int count)
{
    char *end = at + count, *before = end;
    for (; number >= 100000000; number /= 100000000, before -= 8)
        put_eight_before(before, (uint32_t)(number % 100000000));
    uint32_t rest = (uint32_t)number;
    for (; rest >= 10; rest /= 100)
        memcpy(before -= 2, pairs + 2 * (rest % 100), 2);
    if (before > at)
        *--before = (char)('0' + rest);
    return end;
}

static char *put_integer(char *at, uint64_t word, bool is_signed)
{
    if (is_signed && word >> 63) {
        *at++ = '-';
        word = -word;
    }
    return put_digits(at, word, count_digits(word));
}

/* 12300.0, 12.3 or 0.00123; the point lies `point` digits behind the beginning. */
static char *put_positional(char *at, const char *digits, int count, int point)
{
    if (point <= 0) {
        at = put_text(at, "0.000", 2 + (size_t)-point);
        return put_text(at, digits, (size_t)count);
    }
    if (point < count) {
        at = put_text(at, digits, (size_t)point);
        *at++ = '.';
        return put_text(at, digits + point, (size_t)(count - point));
    }
    at = put_text(at, digits, (size_t)count);
    at = put_text(at, "000000000000000", (size_t)(point - count));
    return put_text(at, ".0", 2);
}

static char *put_scientific(char *at, const char *digits, int count, int exponent)
{
    *at++ = digits[0];
    if (count > 1) {
        *at++ = '.';
        at = put_text(at, digits + 1, (size_t)count - 1);
    }
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    unsigned size = (unsigned)abs(exponent);
    if (size >= 100)
        *at++ = (char)('0' + size / 100);
    return put_text(at, pairs + 2 * (size % 100), 2);
}

static char *put_decimal(char *at, struct decimal decimal)
{
    char digits[24];
    int count = count_digits(decimal.digits);
    int point = count + decimal.power;
    put_digits(digits, decimal.digits, count);
    while (count > 1 && digits[count - 1] == '0')
        count--;
    if (point >= -MOST_ZEROS && point <= WHOLE_DIGITS)
        return put_positional(at, digits, count, point);
    return put_scientific(at, digits, count, point - 1);
}

/* x is the f32 itself if is_single. */
static char *put_float(char *at, double x, bool is_single)
{
    if (isnan(x))
        return put_text(at, "nan", 3);
    if (signbit(x))
        *at++ = '-';
    x = fabs(x);
    if (isinf(x))
        return put_text(at, "inf", 3);
    if (x == 0)
        return put_text(at, "0.0", 3);
    return put_decimal(at, is_single ? decimal_shortest_f32((float)x) : decimal_shortest_f64(x));
}

static char *put_scalar(char *at, enum wk_scalar scalar, uint64_t word)
{
    double x;
    float single;
    switch (scalar) {
    case WK_BOOL:
        return word ? put_text(at, "true", 4) : put_text(at, "false", 5);
    case WK_I8:
    case WK_I16:
    case WK_I32:
    case WK_I64:
        return put_integer(at, word, true);
    case WK_U8:
    case WK_U16:
    case WK_U32:
    case WK_U64:
        return put_integer(at, word, false);
    case WK_F32:
        memcpy(&single, &(uint32_t){(uint32_t)word}, sizeof single);
        return put_float(at, (double)single, true);
    case WK_F64:
        memcpy(&x, &word, sizeof x);
        return put_float(at, x, false);
    }
    bug("a scalar of kind %d is printed", (int)scalar);
}

char *semantics_print(enum wk_scalar scalar, uint64_t word, char text[SCALAR_TEXT_BYTES])
{
    char *end = put_scalar(text, scalar, word);
    *end = 0;
    return end;
}

/* ---- Reading ------------------------------------------------------------------------------- */

enum { NUMBER_TEXT_MAX = 400 }; /* longer texts of numbers are mistakes */

static int refuse(struct error *error, enum wk_scalar scalar, const char *text)
{
    error_set(error, ERR_bad_parameter, "'%.80s' is no %s", text, type_scalar_name(scalar));
    if (scalar == WK_BOOL)
        return error_hint(error, "write true or false");
    if (scalar >= WK_F32)
        return error_hint(error, "write a number such as 2.5, 1e-8, 100_000, nan or -inf");
    return error_hint(error, "write an integer such as 42, -7, 100_000, 0xff or 8MiB");
}

static int refuse_range(struct error *error, enum wk_scalar scalar, const char *text)
{
    static const char *const ranges[WK_SCALAR_COUNT] = {
        [WK_I8] = "-128 to 127",
        [WK_I16] = "-32768 to 32767",
        [WK_I32] = "-2147483648 to 2147483647",
        [WK_I64] = "-9223372036854775808 to 9223372036854775807",
        [WK_U8] = "0 to 255",
        [WK_U16] = "0 to 65535",
        [WK_U32] = "0 to 4294967295",
        [WK_U64] = "0 to 18446744073709551615",
        [WK_F32] = "at most 3.4028235e+38, or inf",
        [WK_F64] = "at most 1.7976931348623157e+308, or inf",
    };
    return error_set(error, ERR_bad_parameter, "%.80s does not fit %s (%s)", text,
                     type_scalar_name(scalar), ranges[scalar]);
}

/* The factor of a size's suffix, or 0 when it is none. */
static uint64_t suffix_factor(const char *suffix)
{
    static const struct {
        const char *text;
        uint64_t factor;
    } suffixes[] = {
        {"", 1},
        {"B", 1},
        {"KB", 1000},
        {"MB", 1000000},
        {"GB", 1000000000},
        {"TB", 1000000000000},
        {"KiB", 1ULL << 10},
        {"MiB", 1ULL << 20},
        {"GiB", 1ULL << 30},
        {"TiB", 1ULL << 40},
    };
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (strcmp(suffix, suffixes[i].text) == 0)
            return suffixes[i].factor;
    return 0;
}

enum reading { READ_OK, READ_MALFORMED, READ_TOO_LARGE };

static int digit_value(char c)
{
    if (isdigit((unsigned char)c))
        return c - '0';
    return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : 99;
}

/* digits {["_"] digit} [suffix], also after 0x and 0b: the magnitude of an integer literal. */
static enum reading read_magnitude(const char *text, uint64_t *magnitude)
{
    int base = 10;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'b')) {
        base = text[1] == 'x' ? 16 : 2;
        text += 2;
    }
    bool overflow = false;
    if (digit_value(*text) >= base)
        return READ_MALFORMED;
    *magnitude = 0;
    for (; digit_value(*text) < base || *text == '_'; text++) {
        if (*text == '_' && digit_value(text[1]) >= base)
            return READ_MALFORMED;
        if (*text == '_')
            continue;
        overflow |= __builtin_mul_overflow(*magnitude, (uint64_t)base, magnitude);
        overflow |= __builtin_add_overflow(*magnitude, (uint64_t)digit_value(*text), magnitude);
    }
    uint64_t factor = base == 10 ? suffix_factor(text) : *text == 0;
    if (factor == 0)
        return READ_MALFORMED;
    overflow |= __builtin_mul_overflow(*magnitude, factor, magnitude);
    return overflow ? READ_TOO_LARGE : READ_OK;
}

static int read_integer(enum wk_scalar scalar, const char *text, uint64_t *word,
                        struct error *error)
{
    bool negative = text[0] == '-';
    uint64_t magnitude;
    switch (read_magnitude(text + (negative || text[0] == '+'), &magnitude)) {
    case READ_MALFORMED:
        return refuse(error, scalar, text);
    case READ_TOO_LARGE:
        return refuse_range(error, scalar, text);
    case READ_OK:
        break;
    }
    bool is_signed = scalar <= WK_I64;
    uint64_t most = UINT64_MAX >> (64 - 8 * wk_scalar_bytes(scalar) + is_signed);
    uint64_t limit = !negative ? most : is_signed ? most + 1 : 0;
    if (magnitude > limit)
        return refuse_range(error, scalar, text);
    *word = negative ? 0 - magnitude : magnitude;
    return 0;
}

static const char *skip_digits(const char *text)
{
    if (!isdigit((unsigned char)*text))
        return text;
    while (isdigit((unsigned char)*text) || (*text == '_' && isdigit((unsigned char)text[1])))
        text++;
    return text;
}

/* Whether the text is digits ["." digits] [("e" | "E") ["+" | "-"] digits]. */
static bool is_float_literal(const char *text)
{
    const char *at = skip_digits(text);
    if (at == text)
        return false;
    if (*at == '.') {
        const char *fraction = at + 1;
        at = skip_digits(fraction);
        if (at == fraction)
            return false;
    }
    if (*at == 'e' || *at == 'E') {
        const char *exponent = at + 1 + (at[1] == '+' || at[1] == '-');
        at = skip_digits(exponent);
        if (at == exponent)
            return false;
    }
    return *at == 0;
}

static uint64_t float_word_of(enum wk_scalar scalar, double x, float single)
{
    uint64_t word = 0;
    if (scalar == WK_F64)
        memcpy(&word, &x, sizeof x);
    else
        memcpy(&word, &single, sizeof single);
    return word;
}

/* The literal without its underscores goes to C's conversion to the very type: one rounding. */
static int read_float_literal(enum wk_scalar scalar, const char *text, bool negative,
                              uint64_t *word, struct error *error)
{
    char digits[NUMBER_TEXT_MAX + 2];
    size_t length = 0;
    if (negative)
        digits[length++] = '-';
    for (const char *c = text; *c; c++)
        if (*c != '_')
            digits[length++] = *c;
    digits[length] = 0;
    double x = strtod(digits, NULL);
    float single = strtof(digits, NULL);
    if (scalar == WK_F64 ? isinf(x) : isinf(single))
        return refuse_range(error, scalar, digits);
    *word = float_word_of(scalar, x, single);
    return 0;
}

static int read_float(enum wk_scalar scalar, const char *text, uint64_t *word, struct error *error)
{
    bool negative = text[0] == '-';
    const char *magnitude = text + (negative || text[0] == '+');
    uint64_t integer;
    if (strcmp(magnitude, "nan") == 0 || strcmp(magnitude, "NaN") == 0)
        *word = semantics_canonical(scalar, float_word_of(scalar, (double)NAN, NAN));
    else if (strcmp(magnitude, "inf") == 0 || strcmp(magnitude, "Infinity") == 0)
        *word = negative ? float_word_of(scalar, -(double)INFINITY, -INFINITY)
                         : float_word_of(scalar, (double)INFINITY, INFINITY);
    else if (is_float_literal(magnitude))
        return read_float_literal(scalar, magnitude, negative, word, error);
    else if (read_magnitude(magnitude, &integer) == READ_OK)
        *word = negative ? float_word_of(scalar, -(double)integer, -(float)integer)
                         : float_word_of(scalar, (double)integer, (float)integer);
    else
        return refuse(error, scalar, text);
    return 0;
}

int semantics_read(enum wk_scalar scalar, const char *text, uint64_t *word, struct error *error)
{
    if (strlen(text) >= NUMBER_TEXT_MAX)
        return refuse(error, scalar, text);
    if (scalar >= WK_F32)
        return read_float(scalar, text, word, error);
    if (scalar != WK_BOOL)
        return read_integer(scalar, text, word, error);
    bool is_true = strcmp(text, "true") == 0;
    if (!is_true && strcmp(text, "false") != 0)
        return refuse(error, scalar, text);
    *word = is_true;
    return 0;
}
