/* Arenas, vectors, buffers, interning and the near-name search of runtime/base. */
#include "base/arena.h"
#include "base/buffer.h"
#include "base/diagnostic.h"
#include "base/intern.h"
#include "base/pointer_table.h"
#include "base/vector.h"
#include "test.h"

static void arena_aligns_and_zeroes(void)
{
    struct arena arena;
    arena_init(&arena);
    for (size_t size = 0; size < 100000; size = size * 2 + 1) {
        char *p = arena_alloc(&arena, size);
        CHECK_INT((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++)
            CHECK(p[i] == 0);
        memset(p, 0xFF, size);
    }
    CHECK_TEXT(arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    arena_release(&arena);
}

static void vectors_keep_what_is_pushed(void)
{
    VECTOR(int) v = {0};
    for (int i = 0; i < 1000; i++)
        vector_push(&v, i * i);
    for (int i = 0; i < 1000; i++)
        CHECK_INT(v.items[i], i * i);
    CHECK_INT(vector_pop(&v), 999 * 999);
    vector_release(&v);
}

static void interning_makes_equal_texts_one(void)
{
    struct arena arena;
    struct interner names;
    arena_init(&arena);
    interner_init(&names, &arena);
    const char *first = intern_text(&names, "n0");
    for (int i = 0; i < 5000; i++) {
        char text[16];
        int length = snprintf(text, sizeof text, "n%d", i);
        CHECK_TEXT(intern(&names, text, (size_t)length), text);
    }
    CHECK(intern_text(&names, "n0") == first);
    CHECK(intern(&names, "n0123", 2) == first);
    CHECK_INT(names.count, 5000);
    interner_release(&names);
    arena_release(&arena);
}

static void pointers_have_the_numbers_they_were_given(void)
{
    static char keys[5000];
    struct pointer_table table = {0};
    uint32_t number = 7;
    CHECK(!pointer_table_find(&table, keys, &number));
    for (uint32_t i = 0; i < 5000; i += 2)
        pointer_table_add(&table, &keys[i], 3 * i);
    for (uint32_t i = 0; i < 5000; i++) {
        number = 7;
        CHECK_INT(pointer_table_find(&table, &keys[i], &number), i % 2 == 0);
        CHECK_INT(number, i % 2 ? 7 : 3 * i);
    }
    pointer_table_release(&table);
}

/* An indexed source gives the places that a walk through the text gives. */
static void indexed_lines_give_the_same_places(void)
{
    static const char *const texts[] = {"", "\n", "a", "ab\n\ncd\r\nefg", "\n\nab\n"};
    struct arena arena;
    arena_init(&arena);
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        struct source walked = {.name = "t", .text = texts[t], .length = strlen(texts[t])};
        struct source indexed = walked;
        source_index_lines(&indexed, &arena);
        for (uint32_t begin = 0; begin <= walked.length + 1; begin++)
            for (uint32_t end = begin; end <= walked.length + 1; end++) {
                struct place a = span_place((struct span){&walked, begin, end});
                struct place b = span_place((struct span){&indexed, begin, end});
                CHECK_INT(b.line, a.line);
                CHECK_INT(b.column, a.column);
                CHECK_INT(b.length, a.length);
            }
    }
    struct source source = {.name = "t", .text = texts[3], .length = strlen(texts[3])};
    source_index_lines(&source, &arena);
    struct place place = span_place((struct span){&source, 5, 12});
    CHECK_INT(place.line, 3);
    CHECK_INT(place.column, 2);
    CHECK_INT(place.length, 1);
    CHECK_INT(source.line_count, 4);
    arena_release(&arena);
}

static void json_strings_escape(void)
{
    struct buffer b = {0};
    buffer_json_string(&b, "a\"\\\n\x01\xC3\xA4\xFF", 8);
    CHECK_TEXT(buffer_text(&b), "\"a\\\"\\\\\\n\\u0001\xC3\xA4\xEF\xBF\xBD\"");
    buffer_release(&b);
}

static void near_names_are_found(void)
{
    const char *best = NULL;
    nearest_name("legnth", "length", &best);
    CHECK_TEXT(best, "length");
    best = NULL;
    nearest_name("banana", "orange", &best);
    CHECK(best == NULL);
    nearest_name("x", "y", &best);
    CHECK(best == NULL);
}

TEST_MAIN(TEST(arena_aligns_and_zeroes), TEST(vectors_keep_what_is_pushed),
          TEST(interning_makes_equal_texts_one), TEST(pointers_have_the_numbers_they_were_given),
          TEST(indexed_lines_give_the_same_places), TEST(json_strings_escape),
          TEST(near_names_are_found))
