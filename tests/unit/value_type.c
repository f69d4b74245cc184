/* Types: interning, the text form, words and leaves; the table of operations. */
#include <stdlib.h>

#include "base/memory.h"
#include "test.h"
#include "value/semantics.h"
#include "value/layout.h"
#include "value/type.h"

static struct arena arena;
static struct type_table table;

static void begin(void)
{
    arena_init(&arena);
    type_table_init(&table, &arena);
}

static void end(void)
{
    type_table_release(&table);
    arena_release(&arena);
}

static void text_forms_read_back(void)
{
    static const char *const texts[] = {
        "f64",
        "bool",
        "str",
        "file",
        "()",
        "u8[_]",
        "f64[_, _]",
        "f64[_][_, _]",
        "i8[_, _, _, _, _, _, _, _, _, _, _, _]",
        "(f64, i64)",
        "(q: f64[_, _], r: f64)",
        "(f64, name: (i64, ()))",
        "(f64, i64)[_]",
        "(f64,)",
        "(only: f64,)",
        "map[str]i64",
        "map[str]i64[_]",
        "(map[str]i64)[_]",
        "map[(i64, str)]map[i64]f64",
        "task(f64, f64) -> f64",
        "flow() -> ()",
        "task(task(f64) -> f64[_]) -> (f64, f64)",
        "(task(f64) -> f64)[_]",
        "Point{x: f64, y: f64}",
        "geometry.Shape{}[_, _]",
        "map[str]Row{name: str, values: f64[_], at: (i64, Point{x: f64})}",
    };
    begin();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct type *type = type_parse(&table, texts[i]);
        struct buffer out = {0};
        CHECK(type != NULL);
        if (type)
            type_print(type, &out);
        CHECK_TEXT(buffer_text(&out), texts[i]);
        CHECK(type_parse(&table, texts[i]) == type);
        buffer_release(&out);
    }
    end();
}

static void other_texts_are_refused(void)
{
    static const char *const texts[] = {
        "",
        "int",
        "f64 ",
        " f64",
        "f64[]",
        "f64[_",
        "f64[_,_]",
        "f64[3]",
        "(",
        "(f64",
        "(f64, ",
        "(a: f64)",
        "(f64, i64,)",
        "f6",
        "f641",
        "map[str]",
        "Point{x: f64",
        "Point{f64}",
        "Point{x: f64,}",
        "Point",
        "a.b.Point{}",
        "map[f64",
        "task(",
        "task()",
        "task(f64) ->",
        "(,)",
        "f64[_, _, _, _, _, _, _, _, _, _, _, _, _]",
    };
    begin();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (type_parse(&table, texts[i]))
            CHECK_TEXT(texts[i], "(a text that is refused)");
    end();
}

static void deep_texts_are_refused_without_harm(void)
{
    enum { DEPTH = 100000 };
    char *text = memory_new(DEPTH + 1, 1);
    begin();
    memset(text, '(', DEPTH);
    CHECK(type_parse(&table, text) == NULL);
    for (int i = 0; i + 4 <= DEPTH; i += 4)
        memcpy(text + i, "map[", 4);
    CHECK(type_parse(&table, text) == NULL);
    memcpy(text, "f64", 3);
    for (int i = 3; i + 3 <= DEPTH; i += 3)
        memcpy(text + i, "[_]", 3);
    text[3 + (DEPTH - 3) / 3 * 3] = 0;
    CHECK(type_parse(&table, text) == NULL);
    end();
    free(text);
}

static void equal_structures_are_one_type(void)
{
    begin();
    const struct type *f64 = type_scalar(&table, WK_F64);
    const struct type *parts[] = {f64, type_array(&table, f64, 2)};
    const char *names[] = {"q", "r"}, *none[] = {NULL, NULL};
    CHECK(type_array(&table, f64, 2) == type_array(&table, f64, 2));
    CHECK(type_array(&table, f64, 2) != type_array(&table, f64, 3));
    CHECK(type_tuple(&table, parts, NULL, 2) == type_tuple(&table, parts, none, 2));
    CHECK(type_tuple(&table, parts, NULL, 2) != type_tuple(&table, parts, names, 2));
    CHECK(type_tuple(&table, parts, names, 2) == type_parse(&table, "(q: f64, r: f64[_, _])"));
    CHECK(type_tuple(&table, NULL, NULL, 0) == table.unit);
    const struct type *deep = f64;
    for (int i = 0; i < 1000; i++) /* makes the table grow */
        deep = type_array(&table, deep, (uint8_t)(1 + i % WK_MAX_RANK));
    const struct type *again = f64;
    for (int i = 0; i < 1000; i++)
        again = type_array(&table, again, (uint8_t)(1 + i % WK_MAX_RANK));
    CHECK(deep == again);
    end();
}

static void words_and_leaves_follow_the_abi(void)
{
    begin();
    CHECK_INT(type_parse(&table, "f64")->word_count, 1);
    CHECK_INT(type_parse(&table, "f64[_, _]")->word_count, 3);
    CHECK_INT(table.unit->word_count, 0);
    CHECK_INT(table.unit->leaf_count, 0);
    CHECK_INT(table.string->word_count, 2);
    CHECK_INT(type_parse(&table, "(f64, str, map[i64]str, file)")->word_count, 5);
    CHECK_INT(type_parse(&table, "(f64, task() -> f64)")->word_count, 0);
    CHECK_INT(type_parse(&table, "str[_]")->word_count, 2);
    CHECK_INT(type_parse(&table, "Point{x: f64, at: (i8, str)}")->word_count, 4);
    CHECK_INT(type_parse(&table, "Point{x: f64, at: (i8, str)}")->leaf_count, 3);
    CHECK_INT(type_parse(&table, "()[_]")->word_count, 2);
    const struct type *type = type_parse(&table, "(f64, ((i8[_], ()), (u8, f32[_, _])))");
    static const uint32_t words[] = {0, 1, 3, 4};
    static const char *const leaves[] = {"f64", "i8[_]", "u8", "f32[_, _]"};
    CHECK_INT(type->word_count, 7);
    CHECK_INT(type->leaf_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK(type_leaf(type, i) == type_parse(&table, leaves[i]));
        CHECK_INT(type_leaf_word(type, i), words[i]);
    }
    CHECK_INT(type_element_bytes(type_parse(&table, "u16")), 2);
    CHECK_INT(type_element_bytes(type_parse(&table, "(u16, f64[_, _])")), 32);
    end();
}

static void layouts_say_what_is_an_address(void)
{
    begin();
    const struct type *type = type_parse(&table, "map[str](P{x: f64, at: (i8, file)}[_, _], u16)");
    const struct wk_layout *map = layout_of(type, &arena), *tuple = map->parts[1];
    const struct wk_layout *array = tuple->parts[0], *fields = array->parts[0];
    CHECK_INT(map->kind, WK_MAP);
    CHECK_INT(map->words, 1);
    CHECK_INT(map->parts[0]->kind, WK_STRING);
    CHECK_INT(map->parts[0]->words, 2);
    CHECK_INT(tuple->kind, WK_PARTS);
    CHECK_INT(tuple->words, 4);
    CHECK_INT(tuple->is_flat, 0);
    CHECK_INT(array->rank, 2);
    CHECK_INT(array->is_flat, 0);
    CHECK_INT(fields->bytes, 24);
    CHECK_INT(fields->is_flat, 1);
    CHECK_INT(tuple->parts[1]->scalar, WK_U16);
    CHECK_INT(tuple->parts[1]->bytes, 2);
    end();
}

static void shared_parts_do_not_overflow_the_counts(void)
{
    begin();
    const struct type *type = type_scalar(&table, WK_F64);
    for (int i = 0; i < 100; i++) {
        const struct type *parts[] = {type, type};
        type = type_tuple(&table, parts, NULL, 2);
    }
    CHECK_INT(type->word_count, UINT32_MAX);
    CHECK_INT(type->leaf_count, UINT32_MAX);
    end();
}

static void operations_are_found_by_name(void)
{
    CHECK_INT(operation_by_function("sqrt"), OPERATION_SQRT);
    CHECK_INT(operation_by_function("gamma"), OPERATION_TGAMMA);
    CHECK_INT(operation_by_function("add"), OPERATION_ADD);
    CHECK_INT(operation_by_function("xor"), OPERATION_XOR);
    CHECK_INT(operation_by_function("shl"), OPERATION_NONE);
    CHECK_INT(operation_by_function("+"), OPERATION_NONE);
    CHECK_INT(operation_by_function("tgamma"), OPERATION_NONE);
    for (int i = 1; i < OPERATION_COUNT; i++)
        CHECK_INT(operation_by_mnemonic(operation_mnemonic((enum operation)i)), i);
    CHECK_TEXT(operation_mnemonic(OPERATION_MUL_HIGH), "mul_high");
    CHECK_TEXT(operation_text(OPERATION_SHR), ">>");
    CHECK_INT(operation_arity(OPERATION_FMA), 3);
}

static void operations_say_their_types(void)
{
    CHECK(operation_accepts(OPERATION_EQ, WK_BOOL));
    CHECK(!operation_accepts(OPERATION_LT, WK_BOOL));
    CHECK(operation_accepts(OPERATION_NOT, WK_BOOL));
    CHECK(!operation_accepts(OPERATION_NOT, WK_U8));
    CHECK(operation_accepts(OPERATION_SHL, WK_U64));
    CHECK(!operation_accepts(OPERATION_SHL, WK_F32));
    CHECK(operation_accepts(OPERATION_EXP, WK_F32));
    CHECK(!operation_accepts(OPERATION_EXP, WK_I64));
    CHECK_INT(operation_result(OPERATION_BITS, WK_F32), WK_U32);
    CHECK_INT(operation_result(OPERATION_BITS, WK_F64), WK_U64);
    CHECK_INT(operation_result(OPERATION_LT, WK_F64), WK_BOOL);
    CHECK_INT(operation_result(OPERATION_POPCOUNT, WK_U8), WK_I64);
    CHECK_INT(operation_result(OPERATION_ADD, WK_U8), WK_U8);
}

TEST_MAIN(TEST(text_forms_read_back), TEST(other_texts_are_refused),
          TEST(deep_texts_are_refused_without_harm), TEST(equal_structures_are_one_type),
          TEST(words_and_leaves_follow_the_abi), TEST(layouts_say_what_is_an_address),
          TEST(shared_parts_do_not_overflow_the_counts), TEST(operations_are_found_by_name),
          TEST(operations_say_their_types))
