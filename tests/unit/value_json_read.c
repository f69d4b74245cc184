/*
 * Reading JSON (V4.12): random values of many types are printed, read, compared and printed again;
 * every proper beginning of a text is refused; so are texts that do not fit, with the place. All
 * runs as a kernel, so that whatever a refused text has left behind is found.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "value/json.h"
#include "value/json_read.h"
#include "values.h"

/* ---- Random values in the form of kernels --------------------------------------------------- */

static uint64_t make_scalar(enum wk_scalar scalar)
{
    char bytes[8];
    double wide = ((double)random_below(2000) - 1000) / 7 * (random_below(4) ? 1 : 1e300);
    float narrow = (float)random_below(1000) / 7;
    uint64_t bits = random_below(1u << 30) * random_below(1u << 30) * 31;
    memcpy(bytes, &bits, sizeof bits);
    if (scalar == WK_BOOL)
        bytes[0] &= 1;
    if (scalar == WK_F64)
        memcpy(bytes, &wide, sizeof wide);
    if (scalar == WK_F32)
        memcpy(bytes, &narrow, sizeof narrow);
    return scalar_load(scalar, bytes);
}

static void make_text(uint64_t *words)
{
    static const char *const characters[] = {
        "a",    "\"", "\\", "\n", "/",    " ",  "\xC3\xA4",        "\xE2\x82\xAC",
        "\x01", "{",  ",",  "]",  "\x7F", "\t", "\xF0\x9F\x98\x80"};
    struct buffer text = {0};
    for (uint64_t n = random_below(12); n > 0; n--)
        buffer_puts(&text, characters[random_below(sizeof characters / sizeof *characters)]);
    words[1] = text.length;
    words[0] = (uintptr_t)wk_alloc(&context.kernel, text.length);
    if (text.length)
        memcpy((char *)(uintptr_t)words[0], text.data, text.length);
    buffer_release(&text);
}

static void make_value(const struct wk_layout *layout, uint64_t *words);

/* Of an array without elements JSON shows the extents up to the first 0. */
static void make_array(const struct wk_layout *layout, uint64_t *words)
{
    const struct wk_layout *element = layout->parts[0];
    uint64_t count = 1;
    for (unsigned d = 0; d < layout->rank; d++)
        count *= words[1 + d] = count ? random_below(random_below(8) ? 4 : 20) : 0;
    char *data = wk_alloc(&context.kernel, count * element->bytes);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t word[64];
        make_value(element, word);
        if (element->kind == WK_SCALAR)
            scalar_store(element->scalar, word[0], data + i * element->bytes);
        else
            memcpy(data + i * element->bytes, word, element->bytes);
    }
    words[0] = (uintptr_t)data;
}

static void make_map(const struct wk_layout *layout, uint64_t *words)
{
    struct wk_map *map = NULL;
    for (uint64_t n = random_below(20); n > 0; n--) {
        uint64_t key[8];
        make_value(layout->parts[0], key);
        bool is_new = !wk_map_find(map, layout, key);
        uint64_t *row = wk_map_insert(&context.kernel, layout, &map, key);
        if (is_new)
            make_value(layout->parts[1], row + layout->parts[0]->words);
        wk_value_free(&context.kernel, layout->parts[0], key);
    }
    words[0] = (uintptr_t)map;
}

static void make_value(const struct wk_layout *layout, uint64_t *words)
{
    switch ((enum wk_kind)layout->kind) {
    case WK_SCALAR:
        words[0] = make_scalar(layout->scalar);
        return;
    case WK_STRING:
        make_text(words);
        return;
    case WK_PARTS:
        for (uint32_t i = 0; i < layout->part_count; words += layout->parts[i++]->words)
            make_value(layout->parts[i], words);
        return;
    case WK_ARRAY:
        make_array(layout, words);
        return;
    case WK_MAP:
        make_map(layout, words);
        return;
    case WK_FILE:
        break;
    }
    bug("a file has no JSON");
}

/* ---- Round trips ---------------------------------------------------------------------------- */

static int read_text(const struct type *type, const char *text, size_t length, uint64_t *words,
                     struct error *error)
{
    /* In memory of its own length, so that a byte read behind it is seen. */
    char *copy = malloc(length ? length : 1);
    memcpy(copy, text, length);
    int code = json_read(&context.kernel, copy, length, "x.json", type, words, error);
    free(copy);
    return code;
}

static void refuse_beginnings(const struct type *type, const struct buffer *text)
{
    uint64_t words[64];
    struct error error;
    for (size_t length = 0; length < text->length; length++) {
        uint32_t live = context.live_count;
        CHECK(read_text(type, text->data, length, words, &error) != 0);
        CHECK_INT(context.live_count, live);
    }
}

static void try_value(const struct type *type, const struct wk_layout *layout)
{
    uint64_t words[64], again[64];
    struct error error;
    struct buffer text = {0}, second = {0};
    make_value(layout, words);
    json_print(type, words, &text);
    if (read_text(type, buffer_text(&text), text.length, again, &error)) {
        CHECK_TEXT(error.message, "");
    } else {
        CHECK(wk_value_equal(layout, words, again));
        json_print(type, again, &second);
        CHECK_TEXT(buffer_text(&second), buffer_text(&text));
        wk_value_free(&context.kernel, layout, again);
    }
    if (text.length < 300 && type->kind != TYPE_SCALAR)
        refuse_beginnings(type, &text);
    wk_value_free(&context.kernel, layout, words);
    buffer_release(&text);
    buffer_release(&second);
}

static void what_is_printed_reads_as_an_equal_value(void)
{
    static const char *const texts[] = {
        "bool",
        "i64",
        "u64",
        "f64",
        "f32",
        "str",
        "()",
        "i8[_, _, _]",
        "f64[_][_]",
        "f32[_]",
        "bool[_][_, _]",
        "str[_, _]",
        "(i64, str)[_]",
        "(q: f64[_], r: (str, bool[_, _]))",
        "P{name: str, at: f64[_], tags: str[_]}[_]",
        "map[i64]i64",
        "map[str]f64[_]",
        "map[bool]str",
        "map[(i32, str)](str, map[i64]str)",
        "(map[str]i64)[_]",
        "()[_][_]",
    };
    begin(0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct type *type = type_parse(&types, texts[i]);
        if (!type)
            bug("no type: %s", texts[i]);
        const struct wk_layout *layout = layout_of(type, &arena);
        for (uint64_t seed = 0; seed < 60; seed++) {
            random_state = seed * 1000 + i;
            try_value(type, layout);
        }
    }
    end();
}

/* ---- Other spellings ------------------------------------------------------------------------ */

static void other_spellings_are_read(void)
{
    static const struct {
        const char *type, *text, *printed;
    } cases[] = {
        {"P{a: i64, b: str}", "\xEF\xBB\xBF { \"b\" :\t\"x\" ,\r\n\"a\":1 } ",
         "{\"a\": 1, \"b\": \"x\"}"},
        {"str[_]", "[\"\\u00e4\\u00E4\\uD83D\\ude00\\/\\b\\f\"]",
         "[\"\xC3\xA4\xC3\xA4\xF0\x9F\x98\x80/\\b\\f\"]"},
        {"f64[_]", "[NaN, -Infinity, 1e3, 100_000, inf]",
         "[NaN, -Infinity, 1000.0, 100000.0, Infinity]"},
        {"map[u8]bool", "{\"255\": true, \"0\": false}", "{\"255\": true, \"0\": false}"},
        {"map[str]()", "{\"\": null}", "{\"\": null}"},
        {"f64[_, _]", "[]", "[]"},
    };
    begin(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t words[64];
        struct error error;
        struct buffer text = {0};
        const struct type *type = type_parse(&types, cases[i].type);
        const char *from = cases[i].text;
        CHECK_INT(read_text(type, from, strlen(from), words, &error), 0);
        json_print(type, words, &text);
        CHECK_TEXT(buffer_text(&text), cases[i].printed);
        wk_value_free(&context.kernel, layout_of(type, &arena), words);
        buffer_release(&text);
    }
    end();
}

/* ---- Refusals ------------------------------------------------------------------------------- */

static void what_does_not_fit_is_refused_with_its_place(void)
{
    static const struct {
        const char *type, *text, *message;
    } cases[] = {
        {"P{a: i64, b: str}", "{\"a\": 1}", "line 1, column 1: the field 'b' is missing"},
        {"P{a: i64, b: str}", "{\"b\": \"x\",\n \"c\": 1}",
         "line 2, column 2: there is no field 'c'"},
        {"P{a: str}", "{\"a\": \"x\",\n\"a\": \"y\"}",
         "line 2, column 1: the field 'a' is given twice"},
        {"P{a: i64}", "[1]", "line 1, column 1: an object is expected for P, found a list"},
        {"str", "1", "line 1, column 1: a string is expected for str, found a number"},
        {"i64", "\"1\"", "line 1, column 1: a number is expected for int, found a string"},
        {"bool", "[", "line 1, column 1: true or false is expected for bool, found a list"},
        {"str[_]", "[\"a\",\n {}]",
         "line 2, column 2: a string is expected for str, found an object"},
        {"str[_]", "[\"a\\x\"]",
         "line 1, column 4: there is no such escape; a backslash is written \\\\"},
        {"str", "\"a\n\"", "line 1, column 3: a control character; a line break is written \\n"},
        {"str", "\"never", "line 1, column 1: this string does not end"},
        {"str", "\"a\xE4\"", "line 1, column 3: this byte is not UTF-8"},
        {"str", "\"\\uD83Dx\"",
         "line 1, column 2: \\u and four hexadecimal digits, no half of a pair, are expected"},
        {"str", "\"\\u12G4\"",
         "line 1, column 2: \\u and four hexadecimal digits, no half of a pair, are expected"},
        {"(i64, str)", "[1]", "line 1, column 3: the list ends after 1 of 2 items"},
        {"(i64, str)", "[1, \"x\", 2]", "line 1, column 8: the list has more than 2 items"},
        {"(str, i64)[_]", "[[\"x\", 1],\n[\"x\", true]]", NULL},
        {"str[_, _]", "[[\"a\"],\n [\"b\", \"c\"]]",
         "line 2, column 2: lists of 1 and of 2 items do not make a rectangle"},
        {"map[str]str", "{\"k\": \"a\",\n\"k\": \"b\"}",
         "line 2, column 1: this key is given twice"},
        {"map[u8]str", "{\"256\": \"a\"}", NULL},
        {"map[(i64, str)]str", "[[[1, \"x\"], \"a\"], [[1, \"x\"], \"b\"]]",
         "line 1, column 19: this key is given twice"},
        {"map[(i64, str)]str", "[[[1, \"x\"], \"a\", 3]]",
         "line 1, column 16: ']' is missing behind key and value"},
        {"map[str]i64", "{\"k\" 1}", "line 1, column 6: ':' is missing behind the key"},
        {"f64[_]", "[1 2]", "line 1, column 4: ',' or ']' is missing, found a number"},
        {"f64[_]", "[1,]", "line 1, column 4: a number is expected for f64, found ']'"},
        {"u8[_]", "[1,\n256]", NULL},
        {"()", "nul", "line 1, column 1: null is expected for (), found null"},
        {"str", "\"a\" \"b\"", "line 1, column 5: there is something behind the value"},
        {"file", "0", "line 1, column 1: a file has no JSON"},
    };
    begin(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t words[64];
        struct error error;
        char expected[1100];
        const char *text = cases[i].text, *message = cases[i].message;
        CHECK(read_text(type_parse(&types, cases[i].type), text, strlen(text), words, &error));
        CHECK_INT(error.code, message ? ERR_bad_inline_array : ERR_bad_parameter);
        snprintf(expected, sizeof expected, "'x.json', %s", message ? message : "line ");
        if (message)
            CHECK_TEXT(error.message, expected);
        else
            CHECK(strncmp(error.message, expected, strlen(expected)) == 0);
        CHECK_INT(context.live_count, 0);
    }
    end();
}

/* The text's depth is not the reader's. */
static void deep_texts_are_refused(void)
{
    enum { DEPTH = 1 << 20 };
    uint64_t words[8];
    struct error error;
    begin(0);
    char *text = malloc(DEPTH);
    memset(text, '[', DEPTH);
    CHECK(read_text(type_parse(&types, "str[_][_]"), text, DEPTH, words, &error));
    CHECK_TEXT(error.message,
               "'x.json', line 1, column 3: a string is expected for str, found a list");
    free(text);
    end();
}

TEST_MAIN(TEST(what_is_printed_reads_as_an_equal_value), TEST(other_spellings_are_read),
          TEST(what_does_not_fit_is_refused_with_its_place), TEST(deep_texts_are_refused))
