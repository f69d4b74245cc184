/*
 * The packed form (V2.6) of random values of many types: kernels' values are packed by
 * context_run, compared with the originals, moved, stored, loaded elsewhere, and damaged.
 */
#include <stdlib.h>

#include "value/pack.h"
#include "values.h"

/* ---- Random values in the form of kernels --------------------------------------------------- */

static void make_value(const struct wk_layout *layout, uint64_t *words);

static void make_array(const struct wk_layout *layout, uint64_t *words)
{
    const struct wk_layout *element = layout->parts[0];
    uint64_t count = 1;
    for (unsigned d = 0; d < layout->rank; d++)
        count *= words[1 + d] = random_below(random_below(8) ? 4 : 100);
    char *data = wk_alloc(&context.kernel, count * element->bytes);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t word[64];
        make_value(element, word);
        memcpy(data + i * element->bytes, word, element->bytes);
    }
    words[0] = (uintptr_t)data;
}

static void make_map(const struct wk_layout *layout, uint64_t *words)
{
    struct wk_map *map = NULL;
    uint64_t run = random_below(2) ? random_below(100) : 0; /* integers may come in order */
    for (uint64_t n = random_below(40); n > 0; n--) {
        uint64_t key[8];
        make_value(layout->parts[0], key);
        if (run && layout->parts[0]->kind == WK_SCALAR)
            key[0] = run++;
        bool is_new = !wk_map_find(map, layout, key);
        uint64_t *row = wk_map_insert(&context.kernel, layout, &map, key);
        if (is_new)
            make_value(layout->parts[1], row + layout->parts[0]->words);
        if (random_below(run ? 40 : 4) == 0)
            wk_map_remove(&context.kernel, layout, map, key);
        wk_value_free(&context.kernel, layout->parts[0], key);
    }
    words[0] = (uintptr_t)map;
}

static void make_value(const struct wk_layout *layout, uint64_t *words)
{
    switch ((enum wk_kind)layout->kind) {
    case WK_SCALAR:
        words[0] = random_below(100);
        return;
    case WK_FILE:
        words[0] = random_below(5);
        return;
    case WK_STRING:
        words[1] = random_below(20);
        words[0] = (uintptr_t)wk_alloc(&context.kernel, words[1]);
        for (uint64_t i = 0; i < words[1]; i++)
            ((char *)(uintptr_t)words[0])[i] = (char)('a' + random_below(26));
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
    }
}

/* ---- The test ------------------------------------------------------------------------------- */

static const char *const packed_types[] = {
    "f64[_][_]",
    "i8[_][_, _][_]",
    "str[_]",
    "(i64, str)[_, _]",
    "(f64[_], (str, bool[_, _]))[_]",
    "str[_][_]",
    "P{name: str, at: f64[_], tags: str[_]}[_]",
    "map[i64]i64",
    "map[str]f64[_]",
    "map[(i32, str)](str, map[i64]str)",
    "(map[str]i64)[_]",
    "()[_][_]",
    "file[_][_]",
};

static const struct wk_layout *made_layout;

static int32_t make_result(struct wk_context *kernel, const uint64_t *arguments, uint64_t *results)
{
    (void)kernel;
    random_state = arguments[0];
    make_value(made_layout, results);
    return 0;
}

static int32_t compare_result(struct wk_context *kernel, const uint64_t *arguments,
                              uint64_t *results)
{
    random_state = arguments[0];
    uint64_t words[1 + WK_MAX_RANK];
    make_value(made_layout, words);
    results[0] = (uint64_t)wk_value_equal(made_layout, words, arguments + 1);
    wk_value_free(kernel, made_layout, words);
    return 0;
}

/* Whether the words hold the value that make_value makes from a seed. */
static bool is_made(uint64_t seed, const uint64_t *words)
{
    struct value_leaf leaf = {.scalar = WK_BOOL, .words = 1};
    uint64_t arguments[2 + WK_MAX_RANK] = {seed}, equal = 0;
    memcpy(arguments + 1, words, made_layout->words * sizeof *words);
    CHECK_INT(context_run(&context, compare_result, arguments, &leaf, 1, &equal), 0);
    return equal;
}

static bool is_inside(const struct wk_block *block, uint64_t address)
{
    uint64_t data = (uintptr_t)block + WK_HEADER_BYTES;
    return address >= data && address <= data + block->bytes;
}

static struct wk_block *memory_for(const struct wk_block *block)
{
    return aligned_alloc(WK_ALIGN,
                         (WK_HEADER_BYTES + block->bytes + WK_ALIGN - 1) / WK_ALIGN * WK_ALIGN);
}

/* Copies a stored block with one of its words changed: it is refused, or still leads to nothing
 * but its own memory, which the sanitizer watches. */
static void damage(const struct wk_block *stored)
{
    struct wk_block *copy = memory_for(stored);
    for (int trial = 0; stored->bytes >= 8 && trial < 20; trial++) {
        memcpy(copy, stored, WK_HEADER_BYTES + stored->bytes);
        uint64_t words[1 + WK_MAX_RANK], *data = block_data(copy);
        data[random_below(stored->bytes / 8)] += 1 + random_below(3) * 1000003;
        block_words(copy, words);
        if (pack_relocate(made_layout, copy))
            pack_bytes(made_layout, words);
    }
    free(copy);
}

static void try_value(uint64_t seed, const struct value_leaf *leaf)
{
    uint64_t results[1 + WK_MAX_RANK], words[1 + WK_MAX_RANK];
    CHECK_INT(context_run(&context, make_result, &seed, leaf, 1, results), 0);
    struct wk_block *block = block_of(results[0]);
    CHECK_INT(block->flags, WK_BLOCK_PACKED);
    CHECK_INT(block_base(block), results[0]);
    block_words(block, words);
    CHECK(memcmp(words, results, leaf->words * sizeof *words) == 0);
    CHECK(is_made(seed, words));
    CHECK_INT(pack_bytes(made_layout, words), block->bytes);

    struct wk_block *stored = memory_for(block), *loaded = memory_for(block);
    pack_store(made_layout, block, stored);
    CHECK_INT(block_base(stored), 0);
    memcpy(loaded, stored, WK_HEADER_BYTES + block->bytes);
    CHECK(pack_relocate(made_layout, loaded));
    context_drop(&context, block); /* under the sanitizer nothing may look there any more */
    block_words(loaded, words);
    CHECK(is_made(seed, words));
    CHECK(pack_relocate(made_layout, loaded)); /* nothing moved: nothing changes */
    CHECK(is_made(seed, words));
    CHECK(is_inside(loaded, words[0]));
    struct wk_block *again = memory_for(loaded);
    pack_store(made_layout, loaded, again);
    CHECK(memcmp(block_data(again), block_data(stored), stored->bytes) == 0);
    CHECK(pack_equal(made_layout, loaded, loaded));
    damage(stored);
    free(stored);
    free(loaded);
    free(again);
}

static void values_are_packed_moved_and_stored(void)
{
    for (size_t t = 0; t < sizeof packed_types / sizeof *packed_types; t++) {
        begin(0);
        const struct type *type = type_parse(&types, packed_types[t]);
        struct value_leaf leaf;
        CHECK(type != NULL);
        value_leaves(type, &leaf, &arena);
        made_layout = leaf.layout;
        int before = test_failures;
        for (uint64_t seed = 1; seed <= 40; seed++)
            try_value(seed * 1000 + t, &leaf);
        if (test_failures > before)
            fprintf(stderr, "…of type %s\n", packed_types[t]);
        end();
    }
}

static int32_t return_nans(struct wk_context *kernel, const uint64_t *arguments, uint64_t *results)
{
    (void)arguments;
    uint64_t *table = wk_alloc(kernel, 16), *numbers = wk_alloc(kernel, 16);
    numbers[0] = 0xFFF8000000000001;
    numbers[1] = 0x7FF0000000000000;
    table[0] = (uintptr_t)numbers;
    table[1] = 2;
    results[0] = (uintptr_t)table;
    results[1] = 1;
    return 0;
}

static void nans_of_inner_arrays_are_canonical(void)
{
    begin(0);
    struct value_leaf leaf;
    value_leaves(type_parse(&types, "f64[_][_]"), &leaf, &arena);
    uint64_t results[2];
    CHECK_INT(context_run(&context, return_nans, NULL, &leaf, 1, results), 0);
    const uint64_t *inner = (const uint64_t *)(uintptr_t)((uint64_t *)(uintptr_t)results[0])[0];
    CHECK(inner[0] == 0x7FF8000000000000);
    CHECK(inner[1] == 0x7FF0000000000000);
    context_drop(&context, block_of(results[0]));
    end();
}

TEST_MAIN(TEST(values_are_packed_moved_and_stored), TEST(nans_of_inner_arrays_are_canonical))
