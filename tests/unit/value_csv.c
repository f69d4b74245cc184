/* CSV: what was written reads back as the same bits; forms of fields, lines and headers; mistakes.
 */
#include "value/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "value/value.h"

static struct arena arena;
static struct type_table types;

static const struct type *table_of(enum wk_scalar scalar, uint8_t rank)
{
    if (!types.arena) {
        arena_init(&arena);
        type_table_init(&types, &arena);
    }
    return type_array(&types, type_scalar(&types, scalar), rank);
}

static void round_trips(void)
{
    static const enum wk_scalar scalars[] = {WK_BOOL, WK_I8, WK_I64, WK_U64, WK_F32, WK_F64};
    enum { ROWS = 300, COLUMNS = 7 };
    uint64_t state = 1;
    for (size_t s = 0; s < sizeof scalars / sizeof *scalars; s++) {
        uint32_t bytes = wk_scalar_bytes(scalars[s]);
        unsigned char elements[ROWS * COLUMNS * 8];
        for (size_t i = 0; i < sizeof elements; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            elements[i] = (unsigned char)(scalars[s] == WK_BOOL ? state >> 63 : state >> 56);
        }
        for (size_t i = 0; i < ROWS * COLUMNS; i++) { /* NaNs have one form */
            double x;
            float y;
            memcpy(&x, elements + 8 * i, 8);
            memcpy(&y, elements + 4 * i, 4);
            if (scalars[s] == WK_F64 && isnan(x))
                memset(elements + 8 * i, 0, 8);
            if (scalars[s] == WK_F32 && isnan(y))
                memset(elements + 4 * i, 0, 4);
        }
        const struct type *type = table_of(scalars[s], 2);
        uint64_t words[] = {(uintptr_t)elements, ROWS, COLUMNS};
        struct buffer text = {0};
        csv_print_rows(type, words, 0, 100, &text);
        csv_print_rows(type, words, 100, ROWS, &text);
        int64_t extents[2];
        void *data;
        struct error error;
        int code =
            csv_read_array(buffer_text(&text), text.length, "t", type, extents, &data, &error);
        CHECK_INT(code, 0);
        CHECK(code == 0 && extents[0] == ROWS && extents[1] == COLUMNS);
        CHECK(code == 0 && memcmp(data, elements, ROWS * COLUMNS * bytes) == 0);
        free(code ? NULL : data);
        buffer_release(&text);
    }
}

/* Reads a table of i64 and compares it with its text as written again. */
static void reads(const char *text, uint8_t rank, const char *expected)
{
    int64_t extents[2] = {0};
    void *data;
    struct error error;
    const struct type *type = table_of(WK_I64, rank);
    struct buffer out = {0};
    if (csv_read_array(text, strlen(text), "t", type, extents, &data, &error) == 0) {
        uint64_t words[] = {(uintptr_t)data, (uint64_t)extents[0], (uint64_t)extents[1]};
        csv_print_rows(type, words, 0, extents[0], &out);
        free(data);
    } else {
        buffer_puts(&out, error.message);
    }
    CHECK_TEXT(buffer_text(&out), expected);
    buffer_release(&out);
}

static void forms(void)
{
    reads("", 2, "");
    reads("\n\n", 2, "");
    reads("1", 1, "1\n");
    reads("1\r\n2\r\n", 1, "1\n2\n");
    reads("\xEF\xBB\xBF"
          "1,2\n3,4",
          2, "1,2\n3,4\n");
    reads("a,b\n", 2, "");
    reads("1,b\n3,4\n", 2, "3,4\n");
    reads("\"a \"\"b\"\"\",c\n3,4\n", 2, "3,4\n");
    reads(" 1 ,\t2\n\"3\",\" 4 \"\n", 2, "1,2\n3,4\n");
    reads("0x10,1_000\n-9223372036854775808,9223372036854775807\n", 2,
          "16,1000\n-9223372036854775808,9223372036854775807\n");
}

static void mistakes(void)
{
    reads("1,2\n3\n", 2, "'t', line 2, column 2: the line has 1 field, and those before it have 2");
    reads("1\n2,3\n", 1,
          "'t', line 2, column 4: the line has 2 fields, and those before it have 1");
    reads("1,2\n", 1, "'t', line 1, column 4: a line has one field for an array of rank 1");
    reads("1,\n", 2, "'t', line 1, column 3: this field is empty");
    reads("n\n1\nx\n", 1, "'t', line 3, column 1: 'x' is no i64");
    reads("1,\"2\n3,4\n", 2, "'t', line 1, column 3: this quote does not end in its line");
    reads("1,\"2\"3\n", 2,
          "'t', line 1, column 6: a comma or the end of the line is expected behind "
          "a quoted field");
    reads("\n9223372036854775808\n", 1,
          "'t', line 2, column 1: 9223372036854775808 does not fit i64 (-9223372036854775808 to "
          "9223372036854775807)");
    reads("1.5\n", 1, "'t', line 1, column 1: '1.5' is no i64");
}

/* A table in UTF-16, and a number with a zero byte behind it, which strtod would take for its end.
 */
static void zero_bytes(void)
{
    static const char wide[] = "\xFF\xFE"
                               "1\0,\0002\0\n";
    static const char hidden[] = "1\0002,3\n";
    const struct type *type = table_of(WK_F64, 2);
    int64_t extents[2];
    void *data;
    struct error error;
    CHECK_INT(csv_read_array(wide, sizeof wide, "t", type, extents, &data, &error), ERR_csv_field);
    CHECK_INT(csv_read_array(hidden, sizeof hidden - 1, "t", type, extents, &data, &error),
              ERR_csv_field);
    CHECK_TEXT(error.message, "'t' is no text: it has a zero byte in it");
}

TEST_MAIN(TEST(round_trips), TEST(forms), TEST(mistakes), TEST(zero_bytes))
