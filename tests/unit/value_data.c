/* Data files: .npy headers, reading pieces in either order, changed and broken files, inline
 * arrays, writing; and values as JSON. tests/interop/npy.py compares with NumPy. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"
#include "test.h"
#include "value/data_file.h"
#include "value/json.h"
#include "value/npy.h"
#include "value/rectangle.h"
#include "value/value.h"

static struct arena arena;
static struct type_table table;
static struct error error;
static char folder[64], path[128];

static void begin(void)
{
    arena_init(&arena);
    type_table_init(&table, &arena);
    memset(&error, 0, sizeof error);
    snprintf(folder, sizeof folder, "/tmp/wkc-test-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/a.npy", folder);
}

static void end(void)
{
    unlink(path);
    CHECK_INT(rmdir(folder), 0); /* nothing else was left behind */
    type_table_release(&table);
    arena_release(&arena);
}

static const struct type *type_of(const char *text)
{
    return type_parse(&table, text);
}

static void put(const void *data, size_t length)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK_INT(write(file, data, length), length);
    close(file);
}

/* A version 1.0 file with this dictionary and `bytes` bytes of data counting from 0. */
static void put_npy(const char *dictionary, size_t bytes)
{
    struct buffer out = {0};
    size_t length = strlen(dictionary);
    buffer_append(&out, "\x93NUMPY\x01\0", 8);
    buffer_append(&out, (const char[]){(char)(length & 255), (char)(length >> 8)}, 2);
    buffer_puts(&out, dictionary);
    for (size_t i = 0; i < bytes; i++)
        buffer_putc(&out, (char)i);
    put(out.data, out.length);
    buffer_release(&out);
}

/* ---- Headers ------------------------------------------------------------------------------- */

static void broken_files_are_refused(void)
{
    static const struct {
        const char *dictionary;
        size_t bytes;
        enum error_code code;
    } cases[] = {
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }", 24, ERR_none},
        {"{\"shape\":(2,3),\"fortran_order\":True,\"descr\":\"<i4\"}\n", 30, ERR_none},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2L, 3L), }", 24, ERR_none},
        {"{'descr': '=i4', 'fortran_order': False, 'shape': (2, 3), }", 24, ERR_none},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (0, 9223372036854775807), }", 0,
         ERR_none},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }", 23, ERR_data_truncated},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2, 9223372036854775807), }", 24,
         ERR_data_truncated},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2, 92233720368547758080), }", 24,
         ERR_npy_malformed},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2, -3), }", 24, ERR_npy_malformed},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': 6, }", 24, ERR_npy_malformed},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2 3), }", 24, ERR_npy_malformed},
        {"{'descr': '<i4', 'fortran_order': 0, 'shape': (2, 3), }", 24, ERR_npy_malformed},
        {"{'descr': '<i4', 'fortran_order': False}", 24, ERR_npy_malformed},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), 'x': 1}", 24,
         ERR_npy_malformed},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), } x", 24, ERR_npy_malformed},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), ", 24, ERR_npy_malformed},
        {"{'descr': '<i4, 'fortran_order': False, 'shape': (2, 3), }", 24, ERR_npy_malformed},
        {"{'descr': '", 0, ERR_npy_malformed},
        {"[]", 24, ERR_npy_malformed},
        {"{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (6,), }", 24,
         ERR_npy_unsupported},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (2, 3), }", 48, ERR_npy_unsupported},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", 48, ERR_npy_unsupported},
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }", 48, ERR_npy_unsupported},
        {"{'descr': '|i4', 'fortran_order': False, 'shape': (2, 3), }", 48, ERR_npy_unsupported},
        {"{'descr': '', 'fortran_order': False, 'shape': (2, 3), }", 48, ERR_npy_unsupported},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1), }", 4,
         ERR_npy_unsupported},
        {"{'descr': '<i8', 'fortran_order': False, 'shape': (2, 3), }", 48, ERR_data_type},
        {"{'descr': '<u4', 'fortran_order': False, 'shape': (2, 3), }", 24, ERR_data_type},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (6,), }", 24, ERR_data_rank},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (), }", 4, ERR_data_rank},
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put_npy(cases[i].dictionary, cases[i].bytes);
        error.code = ERR_none;
        struct data_file *file = data_file_open(path, type_of("i32[_, _]"), 1, &error);
        if (error.code != cases[i].code || (file != NULL) != (error.code == ERR_none)) {
            CHECK_INT(error.code, cases[i].code);
            CHECK_TEXT(error.message, cases[i].dictionary);
        }
        data_file_close(file);
    }
    end();
}

/* Each proper beginning of a good file is refused, and no byte beyond its end is read. */
static void beginnings_of_files_are_refused(void)
{
    struct buffer whole = {0};
    npy_write_header(WK_F64, 2, (int64_t[]){1, 2}, &whole);
    CHECK_INT(whole.length % 64, 0);
    buffer_append(&whole, (double[]){1, 2}, 16);
    begin();
    for (size_t length = 0; length <= whole.length; length++) {
        char *copy = malloc(length ? length : 1);
        memcpy(copy, whole.data, length);
        put(copy, length);
        struct npy_header header;
        int code = npy_read_header((unsigned char *)copy, length, "a", &header, &error);
        CHECK_INT(code, length < whole.length - 16 ? ERR_npy_malformed : 0);
        free(copy);
        struct data_file *file = data_file_open(path, type_of("f64[_, _]"), 1, &error);
        CHECK((file != NULL) == (length == whole.length));
        if (!file)
            CHECK(error.code == ERR_npy_malformed || error.code == ERR_data_truncated);
        data_file_close(file);
    }
    end();
    buffer_release(&whole);
}

static void what_is_no_file_is_refused(void)
{
    begin();
    CHECK(!data_file_open(path, type_of("f64[_]"), 1, &error));
    CHECK_INT(error.code, ERR_file_unreadable);
    CHECK(!data_file_open(folder, type_of("u8[_]"), 1, &error));
    CHECK_INT(error.code, ERR_file_unreadable);
    CHECK(!data_file_open("/dev/zero", type_of("u8[_]"), 1, &error));
    CHECK_INT(error.code, ERR_file_unreadable);
    CHECK_INT(mkfifo(path, 0600), 0);
    CHECK(!data_file_open(path, type_of("f64[_]"), 1, &error)); /* and does not wait for a writer */
    CHECK_INT(error.code, ERR_file_unreadable);
    end();
}

/* ---- Pieces -------------------------------------------------------------------------------- */

enum { SIDE_A = 7, SIDE_B = 5, SIDE_C = 6 };

/* The element at (a, b, c) of every array below. */
static uint16_t element_at(int64_t a, int64_t b, int64_t c)
{
    return (uint16_t)(1000 * a + 37 * b + c);
}

static void put_cube(bool fortran, bool swapped)
{
    struct buffer out = {0};
    buffer_printf(&out, "{'descr': '%cu2', 'fortran_order': %s, 'shape': (%d, %d, %d), }",
                  swapped ? '>' : '<', fortran ? "True" : "False", SIDE_A, SIDE_B, SIDE_C);
    put_npy(buffer_text(&out), 0);
    buffer_release(&out);
    int file = open(path, O_WRONLY | O_APPEND);
    for (int i = 0; i < SIDE_A * SIDE_B * SIDE_C; i++) {
        uint16_t element = fortran
                               ? element_at(i % SIDE_A, i / SIDE_A % SIDE_B, i / SIDE_A / SIDE_B)
                               : element_at(i / SIDE_C / SIDE_B, i / SIDE_C % SIDE_B, i % SIDE_C);
        if (swapped)
            element = (uint16_t)(element << 8 | element >> 8);
        CHECK_INT(write(file, &element, 2), 2);
    }
    close(file);
}

static bool piece_is_right(const uint16_t *piece, const int64_t *begins, const int64_t *counts)
{
    for (int64_t a = 0; a < counts[0]; a++)
        for (int64_t b = 0; b < counts[1]; b++)
            for (int64_t c = 0; c < counts[2]; c++)
                if (*piece++ != element_at(begins[0] + a, begins[1] + b, begins[2] + c))
                    return false;
    return true;
}

/* All pieces of a cube: every begin and every end in each dimension. */
static void all_pieces_are_right(struct data_file *file)
{
    static const int64_t sides[] = {SIDE_A, SIDE_B, SIDE_C};
    uint16_t piece[SIDE_A * SIDE_B * SIDE_C];
    int64_t b[3], c[3], wrong = 0;
    for (int k = 0; k < 3; k++)
        CHECK_INT(data_file_extents(file)[k], sides[k]);
    for (b[0] = 0; b[0] <= SIDE_A; b[0]++)
        for (c[0] = 0; b[0] + c[0] <= SIDE_A; c[0]++)
            for (b[1] = 0; b[1] <= SIDE_B; b[1]++)
                for (c[1] = 0; b[1] + c[1] <= SIDE_B; c[1]++)
                    for (b[2] = 0; b[2] <= SIDE_C; b[2] += 2)
                        for (c[2] = 0; b[2] + c[2] <= SIDE_C; c[2]++) {
                            memset(piece, 0xEE, sizeof piece);
                            wrong += data_file_read(file, b, c, piece, &error) != 0 ||
                                     !piece_is_right(piece, b, c);
                        }
    CHECK_INT(wrong, 0);
}

static void pieces_of_either_order_are_read(void)
{
    begin();
    for (int form = 0; form < 4; form++) {
        put_cube(form & 1, form & 2);
        struct data_file *file = data_file_open(path, type_of("u16[_, _, _]"), 1, &error);
        CHECK(file != NULL);
        if (file)
            all_pieces_are_right(file);
        data_file_close(file);
    }
    end();
}

/* A plane of 3000 by 2000 floats in Fortran order, which is larger than the buffer, with wide and
 * narrow gaps. The file is sparse but for what is compared. */
static void large_pieces_go_through_the_buffer(void)
{
    enum { ROWS = 3000, COLUMNS = 2000 };
    begin();
    put_npy("{'descr': '<f8', 'fortran_order': True, 'shape': (3000, 2000), }", 0);
    struct buffer data = {0};
    for (int i = 0; i < ROWS * COLUMNS; i++)
        buffer_append(&data, &(double){i % ROWS * 10000.0 + i / ROWS}, 8);
    int descriptor = open(path, O_WRONLY | O_APPEND);
    CHECK_INT(write(descriptor, data.data, data.length), data.length);
    close(descriptor);
    buffer_release(&data);
    static const int64_t pieces[][4] = {
        {0, 0, ROWS, COLUMNS}, {5, 7, 2000, 1500}, {17, 0, 1, COLUMNS},
        {0, 19, ROWS, 1},      {2, 3, 3, 1990},    {2999, 1999, 1, 1},
    };
    double *piece = malloc(ROWS * COLUMNS * sizeof *piece);
    struct data_file *file = data_file_open(path, type_of("f64[_, _]"), 1, &error);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        const int64_t *p = pieces[i];
        int wrong = 0;
        CHECK_INT(data_file_read(file, p, p + 2, piece, &error), 0);
        for (int64_t row = 0; row < p[2]; row++)
            for (int64_t column = 0; column < p[3]; column++)
                wrong +=
                    piece[row * p[3] + column] != (double)((p[0] + row) * 10000 + p[1] + column);
        CHECK_INT(wrong, 0);
    }
    data_file_close(file);
    free(piece);
    end();
}

static void any_file_is_bytes_unless_it_is_named_npy(void)
{
    char bytes[4];
    begin();
    char other[160];
    put("hello, world", 12);
    snprintf(other, sizeof other, "%s/b", folder);
    CHECK_INT(rename(path, other), 0);
    struct data_file *file = data_file_open(other, type_of("u8[_]"), 1, &error);
    CHECK_INT(data_file_extents(file)[0], 12);
    CHECK_INT(data_file_read(file, &(int64_t){7}, &(int64_t){4}, bytes, &error), 0);
    CHECK(memcmp(bytes, "worl", 4) == 0);
    data_file_close(file);
    CHECK(!data_file_open(other, type_of("i8[_]"), 1, &error));
    CHECK_INT(error.code, ERR_npy_malformed);
    CHECK_INT(rename(other, path), 0);
    CHECK(!data_file_open(path, type_of("u8[_]"), 1, &error));
    CHECK_INT(error.code, ERR_npy_malformed);
    end();
}

static void bools_become_zero_or_one(void)
{
    uint8_t bools[256];
    int wrong = 0;
    begin();
    put_npy("{'descr': '|b1', 'fortran_order': False, 'shape': (256,), }", 256);
    struct data_file *file = data_file_open(path, type_of("bool[_]"), 1, &error);
    CHECK_INT(data_file_read(file, &(int64_t){0}, &(int64_t){256}, bools, &error), 0);
    for (int i = 0; i < 256; i++)
        wrong += bools[i] != (i > 0);
    CHECK_INT(wrong, 0);
    data_file_close(file);
    end();
}

static void changes_while_reading_are_found(void)
{
    int64_t all[] = {0, 0}, counts[] = {2, 3};
    int32_t piece[6];
    begin();
    for (int change = 0; change < 4; change++) {
        put_npy("{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }", 24);
        struct data_file *file = data_file_open(path, type_of("i32[_, _]"), 1, &error);
        struct stat status;
        CHECK_INT(stat(path, &status), 0);
        CHECK_INT(data_file_read(file, all, counts, piece, &error), 0);
        if (change == 0)
            CHECK_INT(truncate(path, 40), 0);
        else if (change == 1)
            put_npy("{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }", 30);
        else
            CHECK_INT(utimensat(AT_FDCWD, path, (struct timespec[]){{1, 0}, {1, 0}}, 0), 0);
        if (change == 3) { /* the size alone: the time is put back */
            CHECK_INT(truncate(path, status.st_size + 1), 0);
            CHECK_INT(
                utimensat(AT_FDCWD, path, (struct timespec[]){status.st_atim, status.st_mtim}, 0),
                0);
        }
        CHECK_INT(data_file_read(file, all, counts, piece, &error), ERR_data_changed);
        data_file_close(file);
    }
    end();
}

/* ---- Inline arrays ------------------------------------------------------------------------- */

static void inline_arrays_are_read(void)
{
    begin();
    struct data_file *file =
        data_file_inline(" [[1, -2,0x10],\t[4,5_000,6 ] ] ", type_of("i16[_, _]"), &error);
    int16_t all[6], column[2];
    CHECK_INT(data_file_extents(file)[0] * 10 + data_file_extents(file)[1], 23);
    CHECK_INT(data_file_read(file, (int64_t[]){0, 0}, (int64_t[]){2, 3}, all, &error), 0);
    CHECK(memcmp(all, (int16_t[]){1, -2, 16, 4, 5000, 6}, sizeof all) == 0);
    CHECK_INT(data_file_read(file, (int64_t[]){0, 1}, (int64_t[]){2, 1}, column, &error), 0);
    CHECK_INT(column[0], -2);
    CHECK_INT(column[1], 5000);
    data_file_close(file);
    file = data_file_inline("[[], []]", type_of("f64[_, _]"), &error);
    CHECK_INT(data_file_extents(file)[0] * 10 + data_file_extents(file)[1], 20);
    CHECK_INT(data_file_read(file, (int64_t[]){1, 0}, (int64_t[]){1, 0}, NULL, &error), 0);
    data_file_close(file);
    file = data_file_inline("[true,false]", type_of("bool[_]"), &error);
    CHECK_INT(data_file_read(file, (int64_t[]){0}, (int64_t[]){2}, column, &error), 0);
    CHECK_INT(column[0], 1);
    data_file_close(file);
    end();
}

static void broken_inline_arrays_are_refused(void)
{
    static const struct {
        const char *type, *text;
        enum error_code code;
    } cases[] = {
        {"i64[_]", "", ERR_bad_inline_array},
        {"i64[_]", "[", ERR_bad_inline_array},
        {"i64[_]", "[1", ERR_bad_inline_array},
        {"i64[_]", "[1,", ERR_bad_inline_array},
        {"i64[_]", "[1,]", ERR_bad_inline_array},
        {"i64[_]", "[,]", ERR_bad_inline_array},
        {"i64[_]", "[1 2]", ERR_bad_inline_array},
        {"i64[_]", "[1]]", ERR_bad_inline_array},
        {"i64[_]", "1", ERR_bad_inline_array},
        {"i64[_]", "[[1]]", ERR_bad_inline_array},
        {"i64[_, _]", "[1]", ERR_bad_inline_array},
        {"i64[_, _]", "[[1], 2]", ERR_bad_inline_array},
        {"i64[_, _]", "[[1], [2, 3]]", ERR_bad_inline_array},
        {"i64[_, _, _]", "[[[1]], [[1], [2]]]", ERR_bad_inline_array},
        {"i64[_]", "[1.5]", ERR_bad_parameter},
        {"u8[_]", "[256]", ERR_bad_parameter},
        {"u8[_]", "[\"a\"]", ERR_bad_parameter},
        {"bool[_]", "[1]", ERR_bad_parameter},
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        error.code = ERR_none;
        CHECK(!data_file_inline(cases[i].text, type_of(cases[i].type), &error));
        if (error.code != cases[i].code)
            CHECK_TEXT(error.message, cases[i].text);
    }
    CHECK(!data_file_inline("[[1, 2], [3, 4, 5]]", type_of("f64[_, _]"), &error));
    CHECK_TEXT(error.message, "lists of 2 and of 3 items do not make a rectangle (byte 18)");
    CHECK(!data_file_inline("[1, ?]", type_of("f64[_]"), &error));
    CHECK_TEXT(error.message, "'?' is no f64");
    end();
}

/* ---- Writing ------------------------------------------------------------------------------- */

static void written_arrays_are_read_back(void)
{
    static const double data[] = {0, 1.5, -2, 1e300, 5e-324, 6};
    double back[6];
    uint64_t words[] = {(uintptr_t)data, 3, 2};
    begin();
    CHECK_INT(npy_write(path, WK_F64, 2, words, &error), 0);
    struct data_file *file = data_file_open(path, type_of("f64[_, _]"), 1, &error);
    CHECK_INT(data_file_read(file, (int64_t[]){0, 0}, (int64_t[]){3, 2}, back, &error), 0);
    CHECK(memcmp(data, back, sizeof data) == 0);
    data_file_close(file);
    CHECK_INT(raw_write(path, WK_F64, 2, words, &error), 0);
    struct stat status;
    CHECK_INT(stat(path, &status), 0);
    CHECK_INT(status.st_size, sizeof data);
    end();
}

static void failed_writing_leaves_what_was_there(void)
{
    char other[160];
    uint64_t words[] = {(uintptr_t)"abc", 3};
    begin();
    put("before", 6);
    struct output output;
    CHECK_INT(output_open(&output, path, &error), 0);
    CHECK_INT(output_write(&output, "after", 5, &error), 0);
    output_abandon(&output);
    struct buffer found = {0};
    CHECK_INT(buffer_read_file(&found, path, 100, &error), 0);
    CHECK_TEXT(buffer_text(&found), "before");
    buffer_release(&found);
    snprintf(other, sizeof other, "%s/missing/b", folder);
    CHECK_INT(raw_write(other, WK_U8, 1, words, &error), ERR_file_unwritable);
    CHECK_INT(raw_write(folder, WK_U8, 1, words, &error), ERR_file_unwritable);
    CHECK_INT(raw_write("/dev/full", WK_U8, 1, words, &error), ERR_file_unwritable);
    CHECK_INT(raw_write("/dev/null", WK_U8, 1, words, &error), 0);
    struct stat status;
    CHECK(stat("/dev/null", &status) == 0 && S_ISCHR(status.st_mode));
    end();
}

static void links_are_followed_when_writing(void)
{
    char link[160];
    begin();
    put("before", 6);
    snprintf(link, sizeof link, "%s/link", folder);
    CHECK_INT(symlink(path, link), 0);
    CHECK_INT(file_write_atomically(link, "after", 5, &error), 0);
    struct stat status;
    CHECK(lstat(link, &status) == 0 && S_ISLNK(status.st_mode));
    struct buffer found = {0};
    CHECK_INT(buffer_read_file(&found, path, 100, &error), 0);
    CHECK_TEXT(buffer_text(&found), "after");
    buffer_release(&found);
    unlink(link);
    end();
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void check_json(const char *type, const uint64_t *words, const char *expected)
{
    struct buffer out = {0};
    json_print(type_of(type), words, &out);
    CHECK_TEXT(buffer_text(&out), expected);
    buffer_release(&out);
}

static void values_are_printed_as_json(void)
{
    static const double doubles[] = {1, 0.1, 1e300, 1e-8, -0.0, 0, 1e16, 123456789012345680.0};
    static const int8_t bytes[] = {-1, 127, 0};
    begin();
    check_json("()", NULL, "null");
    check_json("bool", (uint64_t[]){1}, "true");
    check_json("i8", (uint64_t[]){(uint64_t)-5}, "-5");
    check_json("u64", (uint64_t[]){UINT64_MAX}, "18446744073709551615");
    check_json("f64", (uint64_t[]){0x7FF8000000000000}, "NaN");
    check_json("f64", (uint64_t[]){0x7FF0000000000000}, "Infinity");
    check_json("f32", (uint64_t[]){0xFF800000}, "-Infinity");
    check_json("f32", (uint64_t[]){0x7FC00000}, "NaN");
    check_json("f32", (uint64_t[]){0x3DCCCCCD}, "0.1");
    check_json("f64[_]", (uint64_t[]){(uintptr_t)doubles, 8},
               "[1.0, 0.1, 1e+300, 1e-08, -0.0, 0.0, 1e+16, 1.2345678901234568e+17]");
    check_json("f64[_, _]", (uint64_t[]){(uintptr_t)doubles, 2, 2},
               "[[1.0, 0.1], [1e+300, 1e-08]]");
    check_json("f64[_, _]", (uint64_t[]){0, 2, 0}, "[[], []]");
    check_json("f64[_, _]", (uint64_t[]){0, 0, 2}, "[]");
    check_json("(i64, (f64[_], ()))", (uint64_t[]){7, (uintptr_t)doubles, 1}, "[7, [[1.0], null]]");
    check_json("(q: i8[_], r: (i64, i64))", (uint64_t[]){(uintptr_t)bytes, 3, 1, 2},
               "{\"q\": [-1, 127, 0], \"r\": [1, 2]}");
    uint64_t rows[] = {(uintptr_t)bytes, 2, (uintptr_t)(bytes + 2), 1};
    check_json("i8[_][_]", (uint64_t[]){(uintptr_t)rows, 2}, "[[-1, 127], [0]]");
    end();
}

static int collect(void *context, const char *text, size_t length, struct error *failure)
{
    struct buffer *all = context;
    buffer_append(all, text, length);
    CHECK(length <= (64 << 10) + 64);
    return all->length > 1 << 20 ? error_set(failure, ERR_file_unwritable, "full") : 0;
}

static void large_values_are_printed_in_pieces(void)
{
    enum { COUNT = 100000 };
    struct buffer pieces = {0}, whole = {0};
    int64_t *numbers = malloc(COUNT * sizeof *numbers);
    begin();
    for (int i = 0; i < COUNT; i++)
        numbers[i] = i;
    uint64_t words[] = {(uintptr_t)numbers, COUNT};
    json_print(type_of("i64[_]"), words, &whole);
    CHECK_INT(json_write(type_of("i64[_]"), words, collect, &pieces, &error), 0);
    CHECK_TEXT(buffer_text(&pieces), buffer_text(&whole));
    CHECK_INT(json_write(type_of("i64[_]"), words, collect, &pieces, &error), ERR_file_unwritable);
    free(numbers);
    buffer_release(&pieces);
    buffer_release(&whole);
    end();
}

TEST_MAIN(TEST(broken_files_are_refused), TEST(beginnings_of_files_are_refused),
          TEST(what_is_no_file_is_refused), TEST(pieces_of_either_order_are_read),
          TEST(large_pieces_go_through_the_buffer), TEST(any_file_is_bytes_unless_it_is_named_npy),
          TEST(bools_become_zero_or_one), TEST(changes_while_reading_are_found),
          TEST(inline_arrays_are_read), TEST(broken_inline_arrays_are_refused),
          TEST(written_arrays_are_read_back), TEST(failed_writing_leaves_what_was_there),
          TEST(links_are_followed_when_writing), TEST(values_are_printed_as_json),
          TEST(large_values_are_printed_in_pieces))
