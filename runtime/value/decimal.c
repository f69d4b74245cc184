/*
 * Decimals to floats and back; see decimal.h.
 *
 * Reading. A number is scanned into digits * 10^exponent. Few digits
 * and a small power are exact in one multiplication or division (W. Clinger, 1990). Otherwise the
 * digits are multiplied by 128 bits of the power of five, which leaves the bits of the result and
 * enough to round them. Numbers of more than 19 digits are between two of 19: if both round alike,
 * that is the result, and else the C library decides.
 *
 * Shortest decimals. The reals that read back as a float make an interval around it. Of the powers
 * of ten take the greatest, 10^k, that is no longer than the interval: then a multiple of 10^k lies
 * inside, at most one of 10^(k+1) does, and a decimal that is shorter than that one does not. So it
 * is enough to look at the two multiples of 10^(k+1) around the float, and then at those of 10^k.
 * All this is compared in units of 10^k / 4, by the integer part of the float and of the interval's
 * ends and one bit that says whether something was cut off, which 128 bits of 10^-k give exactly.
 */
#include "value/decimal.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value/nearest.h"

enum { MOST_DIGITS = 19, EXPONENT_LIMIT = 100000 };

const struct power_of_five powers_of_five[] = {
/* from LEAST_POWER to 324, for the shortest of the least floats */
#include "value/powers_of_five.def"
};

/* The number is digits * 10^power; if `is_cut`, it has more digits, and lies above that. */
struct scanned {
    const char *end;
    uint64_t digits;
    int64_t power;
    bool negative, is_cut;
};

/* ---- Reading ------------------------------------------------------------------------------- */

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

/* Eight characters as they stand in memory, the first in the lowest byte. */
static bool are_eight_digits(uint64_t text)
{
    return ((text & 0xF0F0F0F0F0F0F0F0) |
            ((text + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) >> 4) == 0x3333333333333333;
}

static uint64_t eight_digits(uint64_t text)
{
    text -= 0x3030303030303030;
    text = text * 10 + (text >> 8); /* pairs, in every other byte */
    uint64_t even = (text & 0x000000FF000000FF) * (100 + (1000000ULL << 32));
    uint64_t odd = (text >> 16 & 0x000000FF000000FF) * (1 + (10000ULL << 32));
    return (even + odd) >> 32;
}

/* Adds eight digits at once to those before them, while there are eight more. */
static const char *scan_eights(const char *at, const char *end, uint64_t *digits)
{
    uint64_t eight;
    for (; end - at >= 8; at += 8) {
        memcpy(&eight, at, sizeof eight);
        if (!are_eight_digits(eight))
            break;
        *digits = *digits * 100000000 + eight_digits(eight);
    }
    return at;
}

static bool scan(const char *text, const char *end, struct scanned *number)
{
    const char *at = text;
    *number = (struct scanned){.negative = at < end && *at == '-'};
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    const char *first = at, *point = NULL;
    uint64_t digits = 0;
    at = scan_eights(at, end, &digits);
    for (; is_digit(at, end); at++)
        digits = 10 * digits + (uint64_t)(*at - '0');
    int64_t count = at - first;
    if (at < end && *at == '.') {
        point = at++;
        at = scan_eights(at, end, &digits);
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
    struct scanned number;
    if (!scan(text, end, &number))
        return NULL;
    uint64_t bits = nearest_f64(number.digits, number.power);
    if (number.is_cut && bits != nearest_f64(number.digits + 1, number.power)) {
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
    struct scanned number;
    if (!scan(text, end, &number))
        return NULL;
    uint32_t bits = nearest_f32(number.digits, number.power);
    if (number.is_cut && bits != nearest_f32(number.digits + 1, number.power)) {
        char *copy = copy_text(text, number.end);
        *value = strtof(copy, NULL);
        free(copy);
        return number.end;
    }
    bits |= (uint32_t)number.negative << 31;
    memcpy(value, &bits, sizeof bits);
    return number.end;
}

/* ---- Shortest decimals --------------------------------------------------------------------- */

/* A float, mantissa * 2^exponent; `is_edge` if the next float below is half as near as the next
 * above: the mantissa is the least of its exponent. */
struct binary {
    uint64_t mantissa;
    int exponent;
    bool is_edge;
};

/* floor(log10(2^exponent)), or of 3/4 of it, which is the interval's length at an edge. */
static int log10_of_interval(int exponent, bool is_edge)
{
    return (exponent * 1262611 - (is_edge ? 524031 : 0)) >> 22;
}

static int log2_of_ten_to(int power)
{
    return (power * 1741647) >> 19;
}

/* The 128 bits of 10^power, rounded up. The table has those from 5^0 to 5^55 exactly, those from
 * -27 to -1 rounded up, and cuts the others; none ends in 64 ones. */
static wide power_rounded_up(int power)
{
    size_t index = (size_t)(power - LEAST_POWER);
    bool is_cut = power < -27 || power > 55;
    return (wide)powers_of_five[index].high << 64 | (powers_of_five[index].low + is_cut);
}

/* factor * power / 2^128; its last bit is set if anything is cut off. What the power is too large
 * by adds less than 2^64 to the product, so that an exact result leaves nothing in `high`. */
static uint64_t multiply_to_odd(wide power, uint64_t factor)
{
    wide low = (wide)(uint64_t)power * factor;
    wide high = (wide)(uint64_t)(power >> 64) * factor + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 0);
}

static struct decimal shortest(const struct binary *x)
{
    int power = log10_of_interval(x->exponent, x->is_edge);
    int shift = x->exponent + log2_of_ten_to(-power) + 1;
    wide scale = power_rounded_up(-power);
    uint64_t quarters = 4 * x->mantissa, is_odd = x->mantissa & 1; /* ties go to even mantissas */
    uint64_t value = multiply_to_odd(scale, quarters << shift);
    uint64_t least = multiply_to_odd(scale, (quarters - 2 + x->is_edge) << shift) + is_odd;
    uint64_t most = multiply_to_odd(scale, (quarters + 2) << shift) - is_odd;
    uint64_t below = value / 4;
    if (below >= 10) {
        uint64_t tens = below / 10;
        bool is_below_inside = least <= 40 * tens, is_above_inside = 40 * tens + 40 <= most;
        if (is_below_inside != is_above_inside)
            return (struct decimal){tens + is_above_inside, power + 1};
    }
    bool is_below_inside = least <= 4 * below, is_above_inside = 4 * below + 4 <= most;
    if (is_below_inside != is_above_inside)
        return (struct decimal){below + is_above_inside, power};
    uint64_t middle = 4 * below + 2;
    bool is_up = value > middle || (value == middle && below % 2 == 1);
    return (struct decimal){below + is_up, power};
}

/* The shortest decimal of a float with so many explicit bits, whose units are 2^least. */
static struct decimal shortest_of_bits(uint64_t bits, int explicit_bits, int least)
{
    uint64_t fraction = bits & ((UINT64_C(1) << explicit_bits) - 1);
    int exponent = (int)(bits >> explicit_bits);
    struct binary x = {fraction, least, false};
    if (exponent > 0) {
        x.mantissa |= UINT64_C(1) << explicit_bits;
        x.exponent += exponent - 1;
        x.is_edge = fraction == 0 && exponent > 1;
    }
    bool may_be_whole = x.exponent <= 0 && x.exponent >= -explicit_bits;
    if (may_be_whole && (x.mantissa & ((UINT64_C(1) << -x.exponent) - 1)) == 0)
        return (struct decimal){x.mantissa >> -x.exponent, 0};
    return shortest(&x);
}

struct decimal decimal_shortest_f64(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return shortest_of_bits(bits, 52, -1074);
}

struct decimal decimal_shortest_f32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return shortest_of_bits(bits, 23, -149);
}
