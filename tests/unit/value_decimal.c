/*
 * Reading of floats against the C library's, which rounds exactly: random digits for every power,
 * random bits printed with 17 digits, half-way cases, and long texts. Shortest decimals against a
 * search with the C library: more and more digits, until the text reads back.
 */
#include "value/decimal.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static uint64_t state = 88172645463325252u;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void same(const char *text)
{
    double found = 0, expected = strtod(text, NULL);
    float found_single = 0, expected_single = strtof(text, NULL);
    const char *end = text + strlen(text);
    const char *behind = decimal_read_f64(text, end, &found);
    bool good = behind == end && memcmp(&found, &expected, sizeof found) == 0 &&
                decimal_read_f32(text, end, &found_single) == end &&
                memcmp(&found_single, &expected_single, sizeof found_single) == 0;
    if (!good)
        printf("%s: found %a %a, expected %a %a\n", text, found, (double)found_single, expected,
               (double)expected_single);
    CHECK(good);
}

static void every_power(void)
{
    char text[128];
    for (int power = -400; power <= 350; power++)
        for (int i = 0; i < 40; i++) {
            uint64_t digits = next() >> next() % 64;
            snprintf(text, sizeof text, "%s%" PRIu64 "e%d", i % 2 ? "-" : "", digits, power);
            same(text);
        }
}

static void random_bits(void)
{
    char text[128];
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = next();
        double x;
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x))
            continue;
        snprintf(text, sizeof text, "%.*e", (int)(next() % 25), x);
        same(text);
        x = ldexp((double)(next() >> 11), -53);
        snprintf(text, sizeof text, "%.17g", x);
        same(text);
    }
}

/* Numbers exactly between two floats, and a little above and below. */
static void half_ways(void)
{
    char text[1200];
    for (int i = 0; i < 3000; i++) {
        double low = ldexp((double)(next() >> 11), (int)(next() % 200) - 150);
        double high = nextafter(low, HUGE_VAL);
        long double wide = ((long double)low + (long double)high) / 2;
        snprintf(text, sizeof text, "%.300Lf", wide);
        same(text);
        strcat(text, "1");
        same(text);
    }
}

static void hard_ones(void)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "0.0",
        "-0.0e99999999999999999999",
        "1e-99999999999999999999",
        "1e99999999999999999999",
        "9007199254740993",
        "9007199254740992.5",
        "9007199254740993.00000000000000000000000000000000000000001",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "1.797693134862315807e308",
        "179769313486231580793e288",
        "0.000000000000000000000000001",
        "123456789012345678901234567890",
        "12345678901234567890e-10",
        "00000000000000000000000001",
        "0."
        "00000000000000000000000000000000000000000000000000000000000000000000000123456789012345678",
        "8.5e22",
        "1e23",
        "6.0221407e23",
        "3.4028236e38",
        "1.1754943e-38",
        "16777217",
        "16777219.0",
        "5e-324",
        "7.0064923216240854e-46",
        "1.",
        ".5",
        "1.e5"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        same(texts[i]);
}

static void ends(void)
{
    static const struct {
        const char *text;
        int length;
    } cases[] = {{"", -1},    {"-", -1},    {".", -1},    {"e5", -1},   {"1e", 1},  {"1e+", 1},
                 {"1e5x", 3}, {"1.5.5", 3}, {"12,13", 2}, {"-.e1", -1}, {"+1 ", 2}, {"nan", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double x;
        const char *text = cases[i].text, *end = decimal_read_f64(text, text + strlen(text), &x);
        CHECK((end ? (int)(end - text) : -1) == cases[i].length);
    }
    double x; /* nothing behind the end is read */
    const char *digits = "12345";
    CHECK(decimal_read_f64(digits, digits + 2, &x) == digits + 2 && x == 12.0);
}

/* ---- Shortest decimals --------------------------------------------------------------------- */

static bool reads_back(const char *text, double x, bool is_single)
{
    return is_single ? strtof(text, NULL) == (float)x : strtod(text, NULL) == x;
}

/* The next larger decimal of as many digits, unless all digits are nines. */
static bool increment(char *text)
{
    char *digit = strchr(text, 'e') - 1;
    for (; digit > text && (*digit == '9' || *digit == '.'); digit--)
        if (*digit == '9')
            *digit = '0';
    return ++*digit <= '9';
}

/* The nearest decimal of so many digits; or the next above, which may be x's at a power of two even
 * though the nearest, below x, is not. */
static bool search_at(double x, bool is_single, int digits, char *text)
{
    int exponent;
    snprintf(text, 40, "%.*e", digits - 1, x);
    if (reads_back(text, x, is_single))
        return true;
    return frexp(x, &exponent) == 0.5 && increment(text) && reads_back(text, x, is_single);
}

/* Decimals of 15 digits survive the way through a normal f64, and of 6 through an f32: if one reads
 * back, it is the shortest but for zeros at its end. */
static struct decimal searched(double x, bool is_single)
{
    char text[40];
    bool is_normal = x >= (is_single ? 0x1p-126 : 0x1p-1022);
    int digits = !is_normal ? 1 : is_single ? 6 : 15;
    while (!search_at(x, is_single, digits, text))
        digits++;
    struct decimal result = {0, atoi(strchr(text, 'e') + 1) - digits + 1};
    for (const char *at = text; *at != 'e'; at++)
        if (*at != '.')
            result.digits = 10 * result.digits + (uint64_t)(*at - '0');
    return result;
}

static struct decimal without_zeros(struct decimal decimal)
{
    for (; decimal.digits % 10 == 0; decimal.digits /= 10)
        decimal.power++;
    return decimal;
}

static void shortest_is(double x, bool is_single)
{
    if (!isfinite(x) || x <= 0)
        return;
    struct decimal expected = without_zeros(searched(x, is_single));
    struct decimal found = is_single ? decimal_shortest_f32((float)x) : decimal_shortest_f64(x);
    bool is_short = found.digits > 0 && found.digits < 100000000000000000;
    if (is_short)
        found = without_zeros(found);
    bool good = is_short && found.digits == expected.digits && found.power == expected.power;
    if (!good)
        printf("%a: found %" PRIu64 "e%d, expected %" PRIu64 "e%d\n", x, found.digits, found.power,
               expected.digits, expected.power);
    CHECK(good);
}

static double f64_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double f32_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

/* Every exponent, with the least and greatest mantissas, and with few bits set. */
static void shortest_of_every_exponent(void)
{
    for (uint64_t exponent = 0; exponent < 0x7FF; exponent++) {
        for (uint64_t i = 0; i < 8; i++) {
            shortest_is(f64_of((exponent << 52) + i), false);
            shortest_is(f64_of((exponent << 52) - i - 1), false);
        }
        for (int bit = 0; bit < 52; bit++)
            shortest_is(f64_of(exponent << 52 | UINT64_C(1) << bit), false);
    }
    for (uint32_t exponent = 0; exponent < 0xFF; exponent++) {
        for (uint32_t i = 0; i < 100; i++) {
            shortest_is(f32_of((exponent << 23) + i), true);
            shortest_is(f32_of((exponent << 23) - i - 1), true);
        }
        for (int bit = 0; bit < 23; bit++)
            shortest_is(f32_of(exponent << 23 | UINT32_C(1) << bit), true);
    }
}

/* The floats around decimals of few digits, where a digit less is almost enough. */
static void shortest_of_short_decimals(void)
{
    char text[64];
    for (int power = -330; power <= 310; power++)
        for (int i = 0; i < 60; i++) {
            uint64_t digits = i < 10 ? (uint64_t)i : next() >> next() % 64;
            snprintf(text, sizeof text, "%" PRIu64 "e%d", digits, power);
            double x = strtod(text, NULL);
            float single = strtof(text, NULL);
            shortest_is(x, false);
            shortest_is(nextafter(x, 0), false);
            shortest_is(nextafter(x, HUGE_VAL), false);
            shortest_is((double)single, true);
            shortest_is((double)nextafterf(single, 0), true);
            shortest_is((double)nextafterf(single, HUGE_VALF), true);
        }
}

static void shortest_of_random_bits(void)
{
#ifndef RANDOM_COUNT
    enum { RANDOM_COUNT = 200000 };
#endif
    for (int i = 0; i < RANDOM_COUNT; i++) {
        uint64_t bits = next() >> 1, few = ~UINT64_C(0) << next() % 52;
        shortest_is(f64_of(bits), false);
        shortest_is(f64_of(bits & few), false);
        shortest_is(ldexp((double)(next() >> next() % 64), -(int)(next() % 64)), false);
        shortest_is(f64_of(next() >> 12 >> next() % 52), false); /* subnormal */
        shortest_is(f32_of((uint32_t)(bits >> 32)), true);
        shortest_is(f32_of((uint32_t)(next() >> 41 >> next() % 23)), true);
    }
}

/* Whole numbers have digits of their own, up to those that have no odd neighbours. */
static void shortest_of_whole_numbers(void)
{
    for (int i = 1; i < 100000; i++)
        shortest_is(i, i % 2);
    for (int64_t i = -2000; i < 2000; i++) {
        shortest_is((double)((INT64_C(1) << 53) + i), false);
        shortest_is((double)((INT64_C(1) << 54) + i), false);
        shortest_is((double)(float)((1 << 24) + i), true);
    }
}

/* Floats below and above odd * 5^fives * 2^twos, which is half way between them and a decimal with
 * zeros at its end: it belongs to the float with the even mantissa only. */
static void shortest_at_half_ways(void)
{
    uint64_t power_of_five = 1;
    for (int fives = 0; fives <= 22; fives++, power_of_five *= 5)
        for (int i = 0; i < 60; i++) {
            int twos = fives * 10 / 3 + (int)(next() % 12) - 6;
            uint64_t least = (UINT64_C(1) << 53) / power_of_five + 1;
            uint64_t middle = ((least + next() % least) | 1) * power_of_five;
            shortest_is(ldexp((double)(middle / 2), twos + 1), false);
            shortest_is(ldexp((double)(middle / 2 + 1), twos + 1), false);
            if (fives > 9)
                continue;
            least = (UINT64_C(1) << 24) / power_of_five + 1;
            middle = ((least + next() % least) | 1) * power_of_five;
            shortest_is(ldexp((double)(float)(middle / 2), twos + 1), true);
            shortest_is(ldexp((double)(float)(middle / 2 + 1), twos + 1), true);
        }
}

TEST_MAIN(TEST(every_power), TEST(random_bits), TEST(half_ways), TEST(hard_ones), TEST(ends),
          TEST(shortest_of_every_exponent), TEST(shortest_of_short_decimals),
          TEST(shortest_of_random_bits), TEST(shortest_of_whole_numbers),
          TEST(shortest_at_half_ways))
