/*
 * UTF-8 strings: string_check against a decoder of its own that computes code points, on every
 * sequence of bytes up to three and on those of four that begin a character; comparison against the
 * order of code points; slices. tests/interop/text.py compares with Python.
 */
#include <stdlib.h>

#include "base/error.h"
#include "test.h"
#include "value/string.h"

/* How many bytes begin with a lead byte of the pattern, by the bits alone; 0 if it is none. */
static size_t pattern_length(unsigned char lead)
{
    return lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
}

/* The code point at `s`, -1 if there is none: by decoding, and then asking what it should have
 * been. */
static int32_t decode(const unsigned char *s, size_t left, size_t *length)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    *length = pattern_length(s[0]);
    if (*length == 0 || *length > left)
        return -1;
    uint32_t code = *length == 1 ? s[0] : s[0] & (0x7Fu >> *length);
    for (size_t i = 1; i < *length; i++) {
        if (s[i] >> 6 != 2)
            return -1;
        code = code << 6 | (s[i] & 0x3F);
    }
    bool fits = code >= least[*length] && code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF);
    return fits ? (int32_t)code : -1;
}

static uint64_t first_wrong(const unsigned char *text, size_t length)
{
    size_t at = 0, step;
    for (; at < length; at += step)
        if (decode(text + at, length - at, &step) < 0)
            return at;
    return at;
}

/* Checks a copy that ends where its memory ends, so that reading behind it is seen. */
static bool agrees(const unsigned char *bytes, size_t length)
{
    char *exact = malloc(length ? length : 1);
    memcpy(exact, bytes, length);
    bool same = string_check(exact, length) == first_wrong(bytes, length);
    free(exact);
    return same;
}

static void checks_all_short_sequences(void)
{
    int64_t wrong = 0;
    for (uint32_t bits = 0; bits < 1u << 24; bits += bits < 1u << 16 ? 1 : 5) {
        unsigned char bytes[3] = {(unsigned char)bits, (unsigned char)(bits >> 8),
                                  (unsigned char)(bits >> 16)};
        wrong += string_check((char *)bytes, 3) != first_wrong(bytes, 3);
    }
    for (uint32_t bits = 0; bits < 1u << 16; bits++) {
        unsigned char bytes[2] = {(unsigned char)bits, (unsigned char)(bits >> 8)};
        wrong += !agrees(bytes, 2) + !agrees(bytes, 1);
    }
    CHECK_INT(wrong, 0);
    CHECK_INT(string_check(NULL, 0), 0);
}

static void checks_sequences_of_four(void)
{
    int64_t wrong = 0;
    for (uint32_t lead = 0xF0; lead <= 0xFF; lead++)
        for (uint32_t second = 0; second < 0x100; second++)
            for (uint32_t rest = 0; rest < 0x10000; rest += 0x3F) {
                unsigned char bytes[4] = {(unsigned char)lead, (unsigned char)second,
                                          (unsigned char)(rest >> 8), (unsigned char)rest};
                wrong += string_check((char *)bytes, 4) != first_wrong(bytes, 4);
            }
    CHECK_INT(wrong, 0);
}

/* Eight bytes of ASCII are checked at once: a wrong byte at each place of long texts. */
static void finds_the_wrong_byte_anywhere(void)
{
    unsigned char bytes[40];
    for (size_t length = 0; length <= sizeof bytes; length++)
        for (size_t at = 0; at < length; at++) {
            memset(bytes, 'a', sizeof bytes);
            bytes[at] = 0xFF;
            CHECK_INT(string_check((char *)bytes, length), at);
            bytes[at] = 0xC3;
            CHECK_INT(string_check((char *)bytes, length), at);
            if (at + 1 < length)
                bytes[at + 1] = 0xA9;
            CHECK(agrees(bytes, length));
        }
}

static int64_t order_of(const char *a, const char *b)
{
    const unsigned char *s = (const unsigned char *)a, *t = (const unsigned char *)b;
    while (*s && *t) {
        size_t step_s, step_t;
        int32_t x = decode(s, strlen((const char *)s), &step_s);
        int32_t y = decode(t, strlen((const char *)t), &step_t);
        if (x != y)
            return x < y ? -1 : 1;
        s += step_s;
        t += step_t;
    }
    return (*s != 0) - (*t != 0);
}

static void compares_by_code_points(void)
{
    static const char *const texts[] = {"",
                                        "a",
                                        "ab",
                                        "b",
                                        "\x7F",
                                        "\xC2\x80",
                                        "\xC3\xA9",
                                        "\xDF\xBF",
                                        "\xE0\xA0\x80",
                                        "\xED\x9F\xBF",
                                        "\xEE\x80\x80",
                                        "\xEF\xBF\xBF",
                                        "\xF0\x90\x80\x80",
                                        "\xF4\x8F\xBF\xBF",
                                        "a\xC3\xA9",
                                        "a\xF0\x90\x80\x80"};
    enum { COUNT = sizeof texts / sizeof texts[0] };
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < COUNT; j++)
            CHECK_INT(string_compare(texts[i], strlen(texts[i]), texts[j], strlen(texts[j])),
                      order_of(texts[i], texts[j]));
    CHECK_INT(string_compare(NULL, 0, NULL, 0), 0);
    CHECK_INT(string_compare("a\0b", 3, "a\0c", 3), -1);
}

/* "aé€😀": characters begin at 0, 1, 3, 6 and end at 10. */
static void slices_between_characters(void)
{
    static const char text[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
    const uint64_t length = sizeof text - 1;
    for (int64_t low = -1; low <= 11; low++)
        for (int64_t high = -1; high <= 11; high++) {
            uint64_t begin = 99, count = 99;
            struct error error;
            int code = string_slice(text, length, low, high, &begin, &count, &error);
            bool outside = low < 0 || low > 10 || high < 0 || high > 10;
            const int borders = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 6 | 1 << 10;
            bool within = !outside && !(borders >> low & borders >> high & 1);
            CHECK_INT(code, outside  ? ERR_slice_out_of_bounds
                            : within ? ERR_text_boundary
                                     : ERR_none);
            if (code)
                continue;
            CHECK_INT(begin, low);
            CHECK_INT(count, high > low ? high - low : 0);
        }
}

TEST_MAIN(TEST(checks_all_short_sequences), TEST(checks_sequences_of_four),
          TEST(finds_the_wrong_byte_anywhere), TEST(compares_by_code_points),
          TEST(slices_between_characters))
