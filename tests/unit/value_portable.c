/* What has a form for AVX2 and one for other processors gives the same by both: fields of digits
 * (digits.h) and the lines of a map's index (map_index.h). Of a baseline without AVX2 both are the
 * portable form, and are compared with what strtoull and a plain search say. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "value/digits.h"
#include "value/map_index.h"

/* The headers again, under other names, as a processor without AVX2 has them. */
#undef WKC_VALUE_DIGITS_H
#undef WKC_VALUE_MAP_INDEX_H
#undef __AVX2__
#define digits portable_digits
#define digits_field_length portable_field_length
#define digits_minus portable_minus
#define digits_read portable_read
#define DIGITS_BEFORE PORTABLE_BEFORE
#define DIGITS_BEHIND PORTABLE_BEHIND
#define DIGITS_NONE PORTABLE_NONE
#define DIGITS_MOST_HIGH PORTABLE_MOST_HIGH
#include "value/digits.h"
#undef digits
#undef digits_field_length
#undef digits_minus
#undef digits_read
#undef DIGITS_BEFORE
#undef DIGITS_BEHIND
#undef DIGITS_NONE
#undef DIGITS_MOST_HIGH
#define LINE_SLOTS PORTABLE_LINE_SLOTS
#define TAG_BITS PORTABLE_TAG_BITS
#define line portable_line
#define index_lines portable_index_lines
#define line_count portable_line_count
#define line_shift portable_line_shift
#define line_mask portable_line_mask
#define index_bytes portable_index_bytes
#define line_home portable_line_home
#define line_find portable_line_find
#define line_empty portable_line_empty
#define first_slot portable_first_slot
#include "value/map_index.h"
#undef line
#undef line_find
#undef line_empty
#undef LINE_SLOTS

static uint64_t state = 7;

static uint32_t below(uint32_t bound)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % bound);
}

enum { TRIES = 400000, ROOM = DIGITS_BEFORE + 32 + DIGITS_BEHIND + 8 };

/* A number, or nearly one, of up to 40 bytes, and what ends it. */
static void fill_field(char *at)
{
    static const char ends[] = ",\n\r \"+";
    char *end = at;
    uint32_t length = below(8) ? below(21) : below(40), point = below(2) ? below(24) : 99;
    if (below(4) == 0)
        *end++ = '-';
    for (uint32_t i = 0; i < length; i++)
        *end++ = i == point ? '.' : (char)('0' + (below(3) ? below(10) : below(2) * 9));
    if (below(8) == 0 && end == at + 20) /* about as large as 64 bits can hold */
        memcpy(at, below(2) ? "1843" : "1844", 4);
    if (below(8) == 0)
        at[below(length + 1)] = "-.0e:/x\xE9"[below(8)];
    *end = ends[below(6)];
}

/* What the language says of the digits, by other means. */
static void check_value(const char *at, uint32_t length, uint32_t minus, const struct digits *found)
{
    char text[64] = "";
    uint32_t fraction = 0;
    for (uint32_t i = minus, count = 0, behind = 0; i < length; i++) {
        fraction += behind;
        behind |= at[i] == '.';
        if (at[i] != '.')
            text[count++] = at[i];
    }
    CHECK(strtoull(text, NULL, 10) == found->digits && fraction == found->fraction);
}

static void fields(void)
{
    uint32_t numbers = 0;
    for (int i = 0; i < TRIES; i++) {
        char room[ROOM];
        for (int k = 0; k < ROOM; k++)
            room[k] = (char)below(256); /* whatever it holds */
        char *at = room + DIGITS_BEFORE;
        fill_field(at);
        uint32_t length = digits_field_length(at), minus = digits_minus(at);
        CHECK_INT(portable_field_length(at), length);
        CHECK_INT(portable_minus(at), minus);
        struct digits fast = {0};
        struct portable_digits slow;
        bool is_number = digits_read(at, length, minus, &fast);
        bool is_number_too = portable_read(at, length, minus, &slow);
        CHECK(is_number == is_number_too);
        if (!is_number || !is_number_too)
            continue;
        numbers++;
        CHECK(fast.digits == slow.portable_digits && fast.fraction == slow.fraction &&
              fast.has_point == slow.has_point);
        check_value(at, length, minus, &fast);
    }
    CHECK(numbers > TRIES / 4 && numbers < TRIES);
}

static void lines_of_an_index(void)
{
    for (int i = 0; i < TRIES / 10; i++) {
        struct line line;
        struct portable_line same;
        uint32_t tag = below(4), expected = 0;
        for (uint32_t k = 0; k < LINE_SLOTS; k++) {
            line.tags[k] = below(4) ? below(4) : 0x80000000u + below(4);
            expected |= (uint32_t)(line.tags[k] == tag) << k;
        }
        memcpy(same.tags, line.tags, sizeof same.tags);
        CHECK_INT(line_find(&line, tag), expected);
        CHECK_INT(portable_line_find(&same, tag), expected);
        CHECK_INT(line_empty(&line), portable_line_empty(&same));
    }
}

TEST_MAIN(TEST(fields), TEST(lines_of_an_index))
