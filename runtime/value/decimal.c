/*
 * Decimal text to floats; see decimal.h. A number is scanned into digits * 10^exponent. Few digits
 * and a small power are exact in one multiplication or division (W. Clinger, 1990). Otherwise the
 * digits are multiplied by 128 bits of the power of five, which leaves the bits of the result and
 * enough to round them. Numbers of more than 19 digits are between two of 19: if both round alike,
 * that is the result, and else the C library decides.
 */
#include "value/decimal.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { LEAST_POWER = -342, GREATEST_POWER = 308, MOST_DIGITS = 19, EXPONENT_LIMIT = 100000 };
enum { EXPLICIT_BITS = 52, EXPONENT_BIAS = 1023, INFINITE_EXPONENT = 0x7FF };

static const struct {
    uint64_t high, low;
} powers_of_five[] = {
#include "value/powers_of_five.def"
};

__extension__ typedef unsigned __int128 wide;

/* The number is digits * 10^power; if `is_cut`, it has more digits, and lies above that. */
struct scanned {
    const char *end;
    uint64_t digits;
    int64_t power;
    bool negative, is_cut;
};

static bool is_digit(const char *at, const char *end)
{
    return at < end && (unsigned char)(*at - '0') < 10;
}

/* The exponent behind the digits, if a complete one is there. */
static const char *scan_exponent(const char *at, const char *end, int64_t *power)
{
    const char *digits = at + 1;
    if (at == end || (*at != 'e' && *at != 'E'))
        return at;
    bool negative = digits < end && *digits == '-';
    if (digits < end && (*digits == '-' || *digits == '+'))
        digits++;
    if (!is_digit(digits, end))
        return at;
    int64_t exponent = 0;
    for (; is_digit(digits, end); digits++)
        if (exponent < EXPONENT_LIMIT)
            exponent = 10 * exponent + (*digits - '0');
    *power += negative ? -exponent : exponent;
    return digits;
}

/* Counts again, from the first digit that is not 0: only so many digits fit. */
static void cut_digits(const char *at, const char *end, struct scanned *number)
{
    int64_t power = 0;
    int count = 0;
    bool behind_point = false;
    number->digits = 0;
    for (; at < end && (is_digit(at, end) || *at == '.'); at++) {
        if (*at == '.') {
            behind_point = true;
        } else if (count < MOST_DIGITS) {
            number->digits = 10 * number->digits + (uint64_t)(*at - '0');
            count += number->digits > 0;
            power -= behind_point;
        } else {
            number->is_cut |= *at != '0';
            power += !behind_point;
        }
    }
    number->power = power;
}

static bool scan(const char *text, const char *end, struct scanned *number)
{
    const char *at = text;
    *number = (struct scanned){.negative = at < end && *at == '-'};
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    const char *first = at, *point = NULL;
    uint64_t digits = 0;
    for (; is_digit(at, end); at++)
        digits = 10 * digits + (uint64_t)(*at - '0');
    int64_t count = at - first;
    if (at < end && *at == '.') {
        point = at++;
        for (; is_digit(at, end); at++)
            digits = 10 * digits + (uint64_t)(*at - '0');
        number->power = -(at - point - 1);
        count += -number->power;
    }
    if (count == 0)
        return false;
    number->digits = digits;
    if (count > MOST_DIGITS)
        cut_digits(first, at, number);
    number->end = scan_exponent(at, end, &number->power);
    return true;
}

/* digits * 10^power with all bits and the rounding bits in `high`; what is below them in *low. */
static uint64_t multiply(uint64_t digits, int64_t power, uint64_t *low)
{
    const uint64_t mask = UINT64_MAX >> (EXPLICIT_BITS + 3);
    size_t index = (size_t)(power - LEAST_POWER);
    wide first = (wide)digits * powers_of_five[index].high;
    uint64_t high = (uint64_t)(first >> 64);
    *low = (uint64_t)first;
    if ((high & mask) == mask) {
        wide second = (wide)digits * powers_of_five[index].low;
        uint64_t carry = (uint64_t)(second >> 64);
        *low += carry;
        high += carry > *low;
    }
    return high;
}

static uint64_t subnormal(uint64_t mantissa, int64_t exponent)
{
    if (-exponent + 1 >= 64)
        return 0;
    mantissa >>= -exponent + 1;
    mantissa += mantissa & 1;
    return mantissa >> 1; /* rounding up to a normal number sets its exponent */
}

/* The bits of the f64 that is nearest to digits * 10^power. */
static uint64_t nearest(uint64_t digits, int64_t power)
{
    if (digits == 0 || power < LEAST_POWER)
        return 0;
    if (power > GREATEST_POWER)
        return (uint64_t)INFINITE_EXPONENT << EXPLICIT_BITS;
    int zeros = __builtin_clzll(digits);
    uint64_t low, high = multiply(digits << zeros, power, &low);
    int top = (int)(high >> 63), shift = top + 64 - EXPLICIT_BITS - 3;
    uint64_t mantissa = high >> shift;
    int64_t log2_of_power = ((152170 + 65536) * power) >> 16; /* floor(power * log2(10)) */
    int64_t exponent = log2_of_power + 63 + top - zeros + EXPONENT_BIAS;
    if (exponent <= 0)
        return subnormal(mantissa, exponent);
    /* Half way between two: only small powers of five can be; round to the even one. */
    if (low <= 1 && power >= -4 && power <= 23 && (mantissa & 3) == 1 && mantissa << shift == high)
        mantissa &= ~UINT64_C(1);
    mantissa += mantissa & 1;
    mantissa >>= 1;
    if (mantissa >> (EXPLICIT_BITS + 1)) {
        mantissa >>= 1;
        exponent++;
    }
    if (exponent >= INFINITE_EXPONENT)
        return (uint64_t)INFINITE_EXPONENT << EXPLICIT_BITS;
    mantissa &= (UINT64_C(1) << EXPLICIT_BITS) - 1;
    return mantissa | (uint64_t)exponent << EXPLICIT_BITS;
}

/* A text that ends with a zero byte, for the C library; free it. */
static char *copy_text(const char *text, const char *end)
{
    size_t length = (size_t)(end - text);
    char *copy = memory_new(length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}

const char *decimal_read_f64(const char *text, const char *end, double *value)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct scanned number;
    if (!scan(text, end, &number))
        return NULL;
    bool is_small = number.digits >> 53 == 0 && !number.is_cut;
    if (is_small && number.power >= -22 && number.power <= 22) {
        double digits = (double)number.digits;
        digits = number.power < 0 ? digits / tens[-number.power] : digits * tens[number.power];
        *value = number.negative ? -digits : digits;
        return number.end;
    }
    uint64_t bits = nearest(number.digits, number.power);
    if (number.is_cut && bits != nearest(number.digits + 1, number.power)) {
        char *copy = copy_text(text, number.end);
        *value = strtod(copy, NULL);
        free(copy);
        return number.end;
    }
    bits |= (uint64_t)number.negative << 63;
    memcpy(value, &bits, sizeof bits);
    return number.end;
}

const char *decimal_read_f32(const char *text, const char *end, float *value)
{
    static const float tens[] = {1e0F, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F, 1e6F, 1e7F, 1e8F, 1e9F, 1e10F};
    struct scanned number;
    if (!scan(text, end, &number))
        return NULL;
    bool is_small = number.digits >> 24 == 0 && !number.is_cut;
    if (is_small && number.power >= -10 && number.power <= 10) {
        float digits = (float)number.digits;
        digits = number.power < 0 ? digits / tens[-number.power] : digits * tens[number.power];
        *value = number.negative ? -digits : digits;
        return number.end;
    }
    char *copy = copy_text(text, number.end);
    *value = strtof(copy, NULL);
    free(copy);
    return number.end;
}
