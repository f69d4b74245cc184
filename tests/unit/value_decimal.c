/*
 * Reading of floats against the C library's, which rounds exactly: random digits for every power,
 * random bits printed with 17 digits, half-way cases, and long texts.
 */
#include "value/decimal.h"

#include <inttypes.h>
#include <math.h>
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

TEST_MAIN(TEST(every_power), TEST(random_bits), TEST(half_ways), TEST(hard_ones), TEST(ends))
