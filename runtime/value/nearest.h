/*
 * The float nearest to digits * 10^power: the part of reading decimals (decimal.h) that readers of
 * tables have inlined. Exact, ties to even, for all digits of 64 bits; see decimal.h for the
 * source.
 */
#ifndef WKC_VALUE_NEAREST_H
#define WKC_VALUE_NEAREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A form of floats. Half way between two of them are only digits * 10^power with a power of
 * least_tie to greatest_tie: 5^power or 5^-power must fit into the bits. */
struct float_form {
    int explicit_bits, exponent_bias, infinite_exponent, least_tie, greatest_tie;
};

enum { LEAST_POWER = -342, GREATEST_POWER = 308 };

__extension__ typedef unsigned __int128 wide;

/* The most significant 128 bits of 5^q, from q = LEAST_POWER. */
struct power_of_five {
    uint64_t high, low;
};
extern const struct power_of_five powers_of_five[];

/* digits * 10^power with all bits and the rounding bits in the result; what is below them in *low.
 */
static inline uint64_t nearest_product(uint64_t digits, int64_t power, int explicit_bits,
                                       uint64_t *low)
{
    const uint64_t mask = UINT64_MAX >> (explicit_bits + 3);
    size_t index = (size_t)(power - LEAST_POWER);
    wide first = (wide)digits * powers_of_five[index].high;
    uint64_t high = (uint64_t)(first >> 64);
    *low = (uint64_t)first;
    if (__builtin_expect((high & mask) == mask, false)) {
        wide second = (wide)digits * powers_of_five[index].low;
        uint64_t carry = (uint64_t)(second >> 64);
        *low += carry;
        high += carry > *low;
    }
    return high;
}

static inline uint64_t nearest_subnormal(uint64_t mantissa, int64_t exponent)
{
    if (-exponent + 1 >= 64)
        return 0;
    mantissa >>= -exponent + 1;
    mantissa += mantissa & 1;
    return mantissa >> 1; /* rounding up to a normal number sets its exponent */
}

/* The bits of the nearest float of a form, which is a constant wherever this is called, as is
 * `is_plain`: the power is within -32 to 0, so that no float is subnormal or infinite. */
static inline uint64_t nearest_of_form(uint64_t digits, int64_t power, struct float_form form,
                                       bool is_plain)
{
    uint64_t infinite = (uint64_t)form.infinite_exponent << form.explicit_bits;
    if (__builtin_expect(digits == 0, false) || (!is_plain && power < LEAST_POWER))
        return 0;
    if (!is_plain && power > GREATEST_POWER)
        return infinite;
    int zeros = __builtin_clzll(digits);
    uint64_t low, high = nearest_product(digits << zeros, power, form.explicit_bits, &low);
    int top = (int)(high >> 63), shift = top + 64 - form.explicit_bits - 3;
    uint64_t mantissa = high >> shift;
    int64_t log2_of_power = ((152170 + 65536) * power) >> 16; /* floor(power * log2(10)) */
    int64_t exponent = log2_of_power + 63 + top - zeros + form.exponent_bias;
    if (!is_plain && exponent <= 0)
        return nearest_subnormal(mantissa, exponent);
    /* Half way between two: round to the even one. */
    if (__builtin_expect(low <= 1, false) && power >= form.least_tie &&
        power <= form.greatest_tie && (mantissa & 3) == 1 && mantissa << shift == high)
        mantissa &= ~UINT64_C(1);
    mantissa += mantissa & 1;
    mantissa >>= 1;
    /* A mantissa that is rounded up to a bit more has only zeros below it: the sum carries. */
    mantissa += (uint64_t)(exponent - 1) << form.explicit_bits;
    return is_plain || mantissa < infinite ? mantissa : infinite;
}

static const struct float_form NEAREST_F64 = {52, 1023, 0x7FF, -4, 23},
                               NEAREST_F32 = {23, 127, 0xFF, -17, 10};

static inline uint64_t nearest_f64(uint64_t digits, int64_t power)
{
    return nearest_of_form(digits, power, NEAREST_F64, false);
}

static inline uint32_t nearest_f32(uint64_t digits, int64_t power)
{
    return (uint32_t)nearest_of_form(digits, power, NEAREST_F32, false);
}

/* The same of digits / 10^fraction, of which at most 32 digits are behind the point. */
static inline uint64_t nearest_fraction_f64(uint64_t digits, uint32_t fraction)
{
    return nearest_of_form(digits, -(int64_t)fraction, NEAREST_F64, true);
}

static inline uint32_t nearest_fraction_f32(uint64_t digits, uint32_t fraction)
{
    return (uint32_t)nearest_of_form(digits, -(int64_t)fraction, NEAREST_F32, true);
}

#endif
