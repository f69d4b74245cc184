/* CSV: what was written reads back as the same bits; forms of fields, lines and headers; mistakes.
 */
#include "value/csv.h"

#include <math.h>
#include <stdio.h>
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

static int read_table(const char *text, size_t length, const struct type *type, int64_t *extents,
                      void **data, struct error *error)
{
    struct csv_source source = {.name = "t", .text = text, .length = length, .threads = 2};
    return csv_read_array(&source, type, extents, data, error);
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
        int code = read_table(buffer_text(&text), text.length, type, extents, &data, &error);
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
    if (read_table(text, strlen(text), type, extents, &data, &error) == 0) {
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
    reads("1,2\n", 1, "'t', line 1, column 3: a line has one field for an array of rank 1");
    reads("1,\n", 2, "'t', line 1, column 3: this field is empty");
    reads("n\n1\nx\n", 1, "'t', line 3, column 1: 'x' is no int");
    reads("1,\"2\n3,4\n", 2, "'t', line 1, column 3: this quote does not end in its line");
    reads("1,\"2\"3\n", 2,
          "'t', line 1, column 6: a comma or the end of the line is expected behind "
          "a quoted field");
    reads("\n9223372036854775808\n", 1,
          "'t', line 2, column 1: 9223372036854775808 does not fit int (-9223372036854775808 to "
          "9223372036854775807)");
    reads("1.5\n", 1, "'t', line 1, column 1: '1.5' is no int");
}

/* A line of many pieces is read once, and what is wrong at its beginning is seen there. */
static void one_long_line(void)
{
    enum { FIELDS = 1000000 };
    struct buffer text = {0};
    struct error error;
    int64_t extents[2];
    void *data;
    buffer_puts(&text, "1,2");
    for (int i = 2; i < FIELDS; i++)
        buffer_puts(&text, i == FIELDS / 2 ? ",3x" : ",3");
    reads(buffer_text(&text), 1,
          "'t', line 1, column 3: a line has one field for an array of rank 1");
    reads(buffer_text(&text), 2, "'t', line 1, column 1000001: '3x' is no int");
    text.data[FIELDS + 1] = '0';
    CHECK_INT(
        read_table(buffer_text(&text), text.length, table_of(WK_I64, 2), extents, &data, &error),
        0);
    CHECK(extents[0] == 1 && extents[1] == FIELDS);
    CHECK(((int64_t *)data)[FIELDS / 2] == 30 && ((int64_t *)data)[FIELDS - 1] == 3);
    free(data);
    buffer_release(&text);
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
    CHECK_INT(read_table(wide, sizeof wide, type, extents, &data, &error), ERR_csv_field);
    CHECK_INT(read_table(hidden, sizeof hidden - 1, type, extents, &data, &error), ERR_csv_field);
    CHECK_TEXT(error.message, "'t', line 1, column 1: this is no text: it has a zero byte in it");
}

/* ---- Tables of many pieces ------------------------------------------------------------------- */

enum { LINES = 150000, WIDTH = 3 };

static uint64_t state = 1;

static uint64_t next(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

/* Numbers in every form, of one to forty bytes, whose nearest f64 strtod finds. */
static void put_number(struct buffer *out)
{
    double x = ((double)next() - 0x1p30) * (next() % 4 ? 1e-6 : 1e-30);
    const char *blank = next() % 64 ? "" : " ";
    char text[64];
    switch (next() % 7) {
    case 0:
        snprintf(text, sizeof text, "%.17g", x);
        break;
    case 1:
        snprintf(text, sizeof text, "%.3f", x);
        break;
    case 2:
        snprintf(text, sizeof text, "%.0f", x);
        break;
    case 3:
        snprintf(text, sizeof text, "%.*e", (int)(next() % 20), x);
        break;
    case 4:
        snprintf(text, sizeof text, "%.30f", x);
        break;
    case 5:
        snprintf(text, sizeof text, "%.1f", x);
        break;
    default:
        snprintf(text, sizeof text, "%+.5f", x);
    }
    buffer_printf(out, "%s%s%s", blank, text, blank);
}

static void put_lines(struct buffer *out, int lines)
{
    for (int line = 0; line < lines; line++) {
        for (int column = 0; column < WIDTH; column++) {
            put_number(out);
            buffer_puts(out, column + 1 < WIDTH ? "," : next() % 3 ? "\n" : "\r\n");
        }
        if (next() % 1000 == 0)
            buffer_puts(out, next() % 2 ? "\n\n" : "\r\n");
    }
}

static int read_by(uint32_t threads, const struct buffer *text, const struct type *type,
                   int64_t *extents, void **data, struct error *error)
{
    struct csv_source source = {
        .name = "t", .text = text->data, .length = text->length, .threads = threads};
    return csv_read_array(&source, type, extents, data, error);
}

/* What strtod finds in the text, from the first line on or the second. */
static void check_elements(const char *text, const double *elements, int64_t count)
{
    int64_t wrong = 0;
    for (int64_t i = 0; i < count; i++) {
        char *end;
        double expected = strtod(text, &end);
        wrong += memcmp(&expected, &elements[i], sizeof expected) != 0;
        text = end + strspn(end, ", \r\n");
    }
    CHECK_INT(wrong, 0);
    CHECK_INT(*text, 0);
}

/* Also with a header longer than a piece, and without a line feed at the end. */
static void pieces(void)
{
    const struct type *type = table_of(WK_F64, 2);
    struct buffer text = {0};
    for (int i = 0; i < 100000; i++)
        buffer_printf(&text, "a%d%s", i, i < 99999 ? "," : "\n");
    size_t begin = text.length;
    put_lines(&text, LINES);
    while (strchr("\r\n", text.data[text.length - 1]))
        text.data[--text.length] = 0;
    for (uint32_t threads = 1; threads <= 4; threads += 3) {
        int64_t extents[2];
        void *data = NULL;
        struct error error;
        CHECK_INT(read_by(threads, &text, type, extents, &data, &error), 0);
        CHECK(extents[0] == LINES && extents[1] == WIDTH);
        if (data)
            check_elements(text.data + begin, data, LINES * WIDTH);
        free(data);
    }
    buffer_release(&text);
}

/* Of two mistakes in different pieces, always the first. */
static void mistakes_in_pieces(void)
{
    const struct type *type = table_of(WK_F64, 2);
    for (int turn = 0; turn < 20; turn++) {
        struct buffer text = {0};
        for (int line = 1; line <= LINES; line++) {
            bool wrong = line >= 7000 * (turn + 1) && line % 1000 == 0;
            buffer_puts(&text, wrong ? "1.5,22,x\n" : line % 500 ? "1.5,22,3\n" : "\r\n");
        }
        char expected[80];
        snprintf(expected, sizeof expected, "'t', line %d, column 8: 'x' is no f64",
                 7000 * (turn + 1));
        int64_t extents[2];
        void *data = NULL;
        struct error error;
        CHECK_INT(read_by(3, &text, type, extents, &data, &error), ERR_csv_field);
        CHECK_TEXT(error.message, expected);
        buffer_release(&text);
    }
}

/* Lines of 400 KB, which reach over several pieces. */
static void long_lines(void)
{
    const struct type *type = table_of(WK_I32, 2);
    enum { FIELDS = 100000, ROWS = 12 };
    struct buffer text = {0};
    for (int i = 0; i < ROWS * FIELDS; i++)
        buffer_printf(&text, "%d%c", i % 997, i % FIELDS == FIELDS - 1 ? '\n' : ',');
    int64_t extents[2] = {0};
    void *data = NULL;
    struct error error;
    CHECK_INT(read_by(2, &text, type, extents, &data, &error), 0);
    CHECK(extents[0] == ROWS && extents[1] == FIELDS);
    int wrong = 0;
    for (int i = 0; data && i < ROWS * FIELDS; i++)
        wrong += ((int32_t *)data)[i] != i % 997;
    CHECK_INT(wrong, 0);
    free(data);
    buffer_release(&text);
}

/* Lines of one digit; each `every`th of 32 equal parts begins with a line of 5 KB, so that a sample
 * of its begin finds nothing. 0: none. */
static int64_t put_digits(struct buffer *out, int every)
{
    enum { PARTS = 32, PART = 100000, LONG = 5000 };
    int64_t lines = 0;
    for (int part = 0; part < PARTS; part++) {
        int at = 0;
        if (every && part % every == 0) {
            buffer_printf(out, "%*d\n", LONG - 1, (int)(lines++ % 10));
            at = LONG;
        }
        for (; at < PART; at += 2)
            buffer_printf(out, "%d\n", (int)(lines++ % 10));
    }
    return lines;
}

/* How many rows there are is found by samples: with few or none where they look, and with as many
 * as they say. */
static void samples_that_mislead(void)
{
    const struct type *type = table_of(WK_I64, 1);
    for (int every = 0; every < 4; every++)
        for (uint32_t threads = 1; threads <= 4; threads++) {
            struct buffer text = {0};
            int64_t lines = put_digits(&text, every), extents[2] = {0}, wrong = 0;
            void *data = NULL;
            struct error error;
            CHECK_INT(read_by(threads, &text, type, extents, &data, &error), 0);
            CHECK_INT(extents[0], lines);
            for (int64_t i = 0; data && i < extents[0]; i++)
                wrong += ((int64_t *)data)[i] != i % 10;
            CHECK_INT(wrong, 0);
            free(data);
            buffer_release(&text);
        }
}

TEST_MAIN(TEST(round_trips), TEST(forms), TEST(mistakes), TEST(one_long_line), TEST(zero_bytes),
          TEST(pieces), TEST(mistakes_in_pieces), TEST(long_lines), TEST(samples_that_mislead))
