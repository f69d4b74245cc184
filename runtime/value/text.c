/*
 * Scalars as text: the shortest decimal that reads back, and the reading of parameters. Both are
 * declared in semantics.h.
 *
 * Printing tries precisions. A decimal of DBL_DIG (15) digits survives the way through a normal
 * double, so if rounding to 15 digits reads back, then dropping its trailing zeros gives the
 * shortest text; else 16 or 17 digits do. Subnormal numbers have fewer digits, and are tried from 1
 * upwards. The same holds for f32 with 6, 7, 8 and 9. The notation is that of Python's repr.
 */
#include <ctype.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "value/semantics.h"
#include "value/type.h"

/* ---- Printing ------------------------------------------------------------------------------ */

enum {
    DIGITS_MAX = 17,
    EXACT_INTEGERS = 1 << 24, /* below are all integers, of either type */
};

/* x = ± 0.d1 d2 d3 … * 10^point */
struct decimal {
    char digits[DIGITS_MAX + 1];
    int count, point;
};

static bool reads_back(const char *text, double x, bool single)
{
    return single ? strtof(text, NULL) == (float)x : strtod(text, NULL) == x;
}

/* Makes "d.ddde±xx" the next larger decimal of as many digits; false when all digits are nines. */
static bool increment(char *text)
{
    char *digit = strchr(text, 'e') - 1;
    for (; digit > text && (*digit == '9' || *digit == '.'); digit--)
        if (*digit == '9')
            *digit = '0';
    return ++*digit <= '9';
}

static void take_digits(const char *text, struct decimal *decimal)
{
    decimal->count = 0;
    const char *c = text;
    for (; *c != 'e'; c++)
        if (isdigit((unsigned char)*c))
            decimal->digits[decimal->count++] = *c;
    decimal->point = atoi(c + 1) + 1;
    while (decimal->count > 1 && decimal->digits[decimal->count - 1] == '0')
        decimal->count--;
    decimal->digits[decimal->count] = 0;
}

/* A decimal of `precision` digits that reads back as x, if there is one: the nearest; or, when x is
 * a power of two, the next above. The numbers below such an x lie twice as close as those above, so
 * that the nearest decimal, below x, may belong to another number while the next one still is x's.
 */
static bool round_decimal(double x, bool single, int precision, struct decimal *decimal)
{
    char text[40];
    int exponent;
    snprintf(text, sizeof text, "%.*e", precision - 1, x);
    bool same = reads_back(text, x, single);
    if (!same && frexp(x, &exponent) == 0.5)
        same = increment(text) && reads_back(text, x, single);
    take_digits(text, decimal);
    return same;
}

static void shortest_decimal(double x, bool single, struct decimal *decimal)
{
    bool normal = single ? x >= (double)FLT_MIN : x >= DBL_MIN;
    int precision = !normal ? 1 : single ? FLT_DIG : DBL_DIG;
    while (!round_decimal(x, single, precision, decimal) && precision < DIGITS_MAX)
        precision++;
}

static void append(char **at, const char *text, int count)
{
    memcpy(*at, text, (size_t)count);
    *at += count;
    **at = 0;
}

static void append_zeros(char **at, int count)
{
    for (int i = 0; i < count; i++)
        append(at, "0", 1);
}

/* 12300.0, 12.3 or 0.00123; the point lies among the digits, after them or before them. */
static void print_positional(const struct decimal *decimal, char *at)
{
    int whole = decimal->point < 0 ? 0 : decimal->point;
    int digits = whole < decimal->count ? whole : decimal->count;
    append(&at, decimal->digits, digits);
    append_zeros(&at, whole ? whole - digits : 1);
    append(&at, ".", 1);
    append_zeros(&at, -decimal->point);
    append(&at, decimal->digits + digits, decimal->count - digits);
    if (digits == decimal->count)
        append(&at, "0", 1);
}

static void print_scientific(const struct decimal *decimal, char *at)
{
    append(&at, decimal->digits, 1);
    if (decimal->count > 1) {
        append(&at, ".", 1);
        append(&at, decimal->digits + 1, decimal->count - 1);
    }
    snprintf(at, 13, "e%+03d", decimal->point - 1);
}

static void print_float(double x, bool single, char *text)
{
    if (isnan(x)) {
        strcpy(text, "nan");
        return;
    }
    if (signbit(x))
        *text++ = '-';
    x = fabs(x);
    if (isinf(x) || x == 0) {
        strcpy(text, x == 0 ? "0.0" : "inf");
        return;
    }
    if (x < EXACT_INTEGERS && x == floor(x)) { /* the usual case, and all its digits count */
        snprintf(text, 24, "%.0f.0", x);
        return;
    }
    struct decimal decimal;
    shortest_decimal(x, single, &decimal);
    if (decimal.point > -4 && decimal.point <= 16)
        print_positional(&decimal, text);
    else
        print_scientific(&decimal, text);
}

void semantics_print(enum wk_scalar scalar, uint64_t word, char text[32])
{
    double x = 0;
    float single;
    switch (scalar) {
    case WK_BOOL:
        strcpy(text, word ? "true" : "false");
        return;
    case WK_I8:
    case WK_I16:
    case WK_I32:
    case WK_I64:
        snprintf(text, 32, "%" PRId64, (int64_t)word);
        return;
    case WK_U8:
    case WK_U16:
    case WK_U32:
    case WK_U64:
        snprintf(text, 32, "%" PRIu64, word);
        return;
    case WK_F32:
        memcpy(&single, &(uint32_t){(uint32_t)word}, sizeof single);
        print_float((double)single, true, text);
        return;
    case WK_F64:
        memcpy(&x, &word, sizeof x);
        print_float(x, false, text);
        return;
    }
}

/* ---- Reading ------------------------------------------------------------------------------- */

enum { NUMBER_TEXT_MAX = 400 }; /* longer texts of numbers are mistakes */

static int refuse(struct error *error, enum wk_scalar scalar, const char *text)
{
    error_set(error, ERR_bad_parameter, "'%.80s' is no %s", text, wk_scalar_text(scalar));
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
                     wk_scalar_text(scalar), ranges[scalar]);
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
