/*
 * Maps against a reference that is a list of entries searched from the start: random operations of
 * all kinds of keys, growth, collisions, the order after removals, deep copies, memory that runs
 * out.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "values.h"

static struct wk_context *kernel = &context.kernel;

static const struct wk_layout *layout(const char *type)
{
    return layout_of(type_parse(&types, type), &arena);
}

/* ---- Keys: made from a number, so that the reference has numbers only ---------------------- */

enum keys { INTEGERS, TEXTS, PAIRS };
static const char *const map_types[] = {"map[i64]i64", "map[str]i64", "map[(i32, str)]i64"};

/* The key's words; texts go to the buffer. Equal numbers make equal keys, others different ones. */
static void make_key(enum keys keys, uint64_t number, uint64_t words[3], char text[64])
{
    int length = snprintf(text, 64, "%.*s%" PRIu64, (int)(number % 30),
                          "a long beginning of thirty bytes", number);
    if (number == 0)
        length = 0;
    switch (keys) {
    case INTEGERS:
        words[0] = number * 0x10001 - 1000;
        break;
    case TEXTS:
        words[0] = (uintptr_t)text;
        words[1] = (uint64_t)length;
        break;
    case PAIRS:
        words[0] = (uint64_t)-(int64_t)(number % 3);
        words[1] = (uintptr_t)text;
        words[2] = (uint64_t)length;
        break;
    }
}

/* ---- The reference ------------------------------------------------------------------------- */

struct entry {
    uint64_t key, value;
};
static struct entry entries[4000];
static size_t entry_count;

static struct entry *reference_find(uint64_t key)
{
    for (size_t i = 0; i < entry_count; i++)
        if (entries[i].key == key)
            return &entries[i];
    return NULL;
}

static void reference_remove(uint64_t key)
{
    struct entry *found = reference_find(key);
    if (!found)
        return;
    memmove(found, found + 1, (size_t)(entries + entry_count - found - 1) * sizeof *found);
    entry_count--;
}

/* Both hold the same, in the same order, and every key is found. */
static void compare(const struct wk_layout *type, struct wk_map *map, enum keys keys)
{
    uint32_t key_words = type->parts[0]->words;
    wk_map_settle(map);
    CHECK_INT(map ? map->count : 0, entry_count);
    for (size_t i = 0; map && i < map->count && i < entry_count; i++) {
        uint64_t words[3];
        char text[64];
        make_key(keys, entries[i].key, words, text);
        const uint64_t *row = map->rows + i * map->width;
        CHECK(wk_value_equal(type->parts[0], row, words));
        CHECK_INT(row[key_words], entries[i].value);
        CHECK(wk_map_find(map, type, words) == row);
    }
}

static void random_operations(enum keys keys, uint64_t universe, int steps, uint64_t remove_percent)
{
    begin(0);
    const struct wk_layout *type = layout(map_types[keys]);
    uint32_t key_words = type->parts[0]->words;
    struct wk_map *map = NULL;
    entry_count = 0;
    for (int step = 0; step < steps; step++) {
        uint64_t number = random_below(universe), words[3];
        char text[64];
        make_key(keys, number, words, text);
        struct entry *expected = reference_find(number);
        const uint64_t *found = wk_map_find(map, type, words);
        CHECK_INT(found != NULL, expected != NULL);
        if (random_below(100) < remove_percent) {
            wk_map_remove(kernel, type, map, words);
            reference_remove(number);
        } else {
            uint64_t *row = wk_map_insert(kernel, type, &map, words);
            CHECK_INT(row[key_words], expected ? expected->value : 0);
            row[key_words] += number + 1;
            memset(text, 'x', sizeof text); /* the map has its own copy */
            if (!expected)
                entries[entry_count++] = (struct entry){number, 0};
            reference_find(number)->value += number + 1;
        }
        if (step % (1 + steps / 13) == 0)
            compare(type, map, keys);
    }
    compare(type, map, keys);
    wk_map_free(kernel, type, map);
    end();
}

static void random_operations_agree_with_a_list(void)
{
    for (enum keys keys = INTEGERS; keys <= PAIRS; keys++) {
        random_operations(keys, 8, 300, 40);
        random_operations(keys, 40, 3000, 45);
        random_operations(keys, 1000, 6000, 10);
        random_operations(keys, 3000, 6000, 50);
    }
}

/* ---- Runs: integers that are inserted in order --------------------------------------------------
 */

static const struct wk_layout *run_type;
static struct wk_map *run_map;
static uint64_t run_first; /* entries hold keys as they are, from here on */

static void run_insert(uint64_t key)
{
    struct entry *expected = reference_find(key);
    uint64_t *row = wk_map_insert_int(kernel, run_type, &run_map, key);
    CHECK_INT(row[0], key);
    CHECK_INT(row[1], expected ? expected->value : 0);
    row[1] = key * 3 + 1;
    if (!expected)
        entries[entry_count++] = (struct entry){key, key * 3 + 1};
}

static void run_remove(uint64_t key)
{
    wk_map_remove(kernel, run_type, run_map, &key);
    reference_remove(key);
}

static void run_compare(void)
{
    wk_map_settle(run_map);
    CHECK_INT(run_map ? run_map->count : 0, entry_count);
    for (size_t i = 0; i < entry_count; i++) {
        const uint64_t *row = run_map->rows + 2 * i;
        CHECK_INT(row[0], entries[i].key);
        CHECK_INT(row[1], entries[i].value);
        CHECK(wk_map_find_int(run_map, entries[i].key) == row);
    }
    for (uint64_t key = run_first - 5; key != run_first + 70; key++)
        CHECK_INT(wk_map_find_int(run_map, key) != NULL, reference_find(key) != NULL);
}

static void run_begin(uint64_t first, uint64_t length)
{
    begin(0);
    run_type = layout("map[u64]u64");
    run_map = NULL;
    run_first = first;
    entry_count = 0;
    for (uint64_t i = 0; i < length; i++)
        run_insert(first + i);
    CHECK(!run_map || !run_map->index);
}

static void run_end(void)
{
    struct wk_map *copy;
    run_compare();
    CHECK_INT(wk_map_copy(kernel, run_type, run_map, &copy), 0);
    CHECK(wk_map_equal(run_type, run_map, copy) && wk_map_equal(run_type, copy, run_map));
    wk_map_free(kernel, run_type, run_map);
    run_map = copy;
    run_insert(run_first + entry_count); /* goes on with the run, if it still is one */
    run_insert(run_first - 2);
    run_compare();
    wk_map_free(kernel, run_type, run_map);
    end();
}

/* `memory`: whether there is some for an index when a key is removed. */
static void break_run(uint64_t first, uint64_t length, uint64_t at, int how, bool memory)
{
    run_begin(first, length);
    switch (how) {
    case 0: /* a key that comes too early, or is there */
        run_insert(first + at);
        break;
    case 1: /* a gap */
        run_insert(first + length + 1 + at);
        break;
    case 2: /* a key before the first */
        run_insert(first - 1 - at);
        break;
    case 3:
        context_trim(&context);
        account.limit = memory ? 0 : account.used;
        run_remove(first + at);
        run_remove(first + at / 2);
        CHECK_INT(context.error.code, ERR_none);
        run_compare();
        account.limit = 0;
        run_insert(first + entry_count);
        run_compare();
        run_insert(first + length);
        run_insert(first + at);
        break;
    }
    for (uint64_t i = 0; i < 9; i++)
        run_insert(first + length + i);
    run_end();
}

static void runs_are_broken_at_every_point(void)
{
    static const uint64_t firsts[] = {0, 1000, (uint64_t)-3, 1ULL << 63, (uint64_t)-30};
    for (size_t f = 0; f < sizeof firsts / sizeof *firsts; f++)
        for (uint64_t length = 0; length < 52; length++)
            for (uint64_t at = 0; at <= length;
                 at += length < 15 || at < 2 || at > length - 3 ? 1 : 7)
                for (int how = 0; how < 5; how++)
                    break_run(firsts[f], length, at, how < 3 ? how : 3, how == 4);
}

static void a_run_has_no_index_until_it_is_broken(void)
{
    begin(0);
    const struct wk_layout *type = layout("map[i32]u64");
    struct wk_map *map = NULL;
    enum { COUNT = 100000 };
    for (uint64_t i = 0; i < COUNT; i++)
        wk_map_insert_int(kernel, type, &map, i - 70000)[1] = i;
    CHECK(!map->index);
    uint64_t last = COUNT - 1 - 70000;
    wk_map_remove(kernel, type, map, &last);
    CHECK(!map->index);
    CHECK(wk_map_find_int(map, last) == NULL);
    wk_map_insert_int(kernel, type, &map, last)[1] = COUNT - 1;
    CHECK(!map->index);
    wk_map_insert_int(kernel, type, &map, COUNT)[1] = 7;
    CHECK(map->index);
    CHECK_INT(map->count, COUNT + 1);
    uint64_t misplaced = 0;
    for (uint64_t i = 0; i < COUNT; i++)
        misplaced += wk_map_find_int(map, i - 70000) != map->rows + 2 * i;
    CHECK_INT(misplaced, 0);
    CHECK(wk_map_find_int(map, COUNT) == map->rows + 2 * COUNT);
    wk_map_free(kernel, type, map);
    end();
}

/* Keys mostly follow each other; removals mostly find no memory for an index. */
static void random_run(uint64_t universe, int steps, uint64_t remove_percent)
{
    uint64_t first = random_below(3) ? random_below(1000) : -random_below(universe);
    run_begin(first, random_below(60));
    for (int step = 0; step < steps; step++) {
        uint64_t next = entry_count ? entries[entry_count - 1].key + 1 : first;
        uint64_t key = random_below(100) < 95 ? next : first + random_below(universe);
        if (random_below(100) < remove_percent) {
            account.limit = random_below(4) ? account.used : 0;
            run_remove(random_below(2) ? next - 1 : first + random_below(universe));
            account.limit = 0;
        } else if (entry_count < sizeof entries / sizeof *entries) {
            run_insert(key);
        }
        if (step % (1 + steps / 13) == 0)
            run_compare();
    }
    run_end();
}

static void random_runs_agree_with_a_list(void)
{
    for (int turn = 0; turn < 300; turn++) {
        random_run(50, 100, 50);
        random_run(200, 100, 20);
        random_run(1000, 300, 1);
    }
}

/* ---- Large ones ---------------------------------------------------------------------------- */

static void a_million_integers_are_found_in_order(void)
{
    begin(0);
    const struct wk_layout *type = layout("map[u64]i64");
    struct wk_map *map = NULL;
    enum { COUNT = 1000000 };
    for (uint64_t i = 0; i < COUNT; i++)
        wk_map_insert_int(kernel, type, &map, i << 40 | i)[1] = i;
    CHECK_INT(map->count, COUNT);
    uint64_t missing = 0, misplaced = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        const uint64_t *row = wk_map_find_int(map, i << 40 | i);
        missing += !row;
        misplaced += row != map->rows + 2 * i || row[1] != i;
        missing += wk_map_find_int(map, ~i) != NULL;
    }
    CHECK_INT(missing, 0);
    CHECK_INT(misplaced, 0);
    wk_map_free(kernel, type, map);
    end();
}

static uint64_t integer_line(uint64_t key, uint64_t lines)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(key / 8 ^ 0xa0761d6478bd642fULL) * 0xe7037ed1a0b428dbULL;
    return ((uint64_t)product ^ (uint64_t)(product >> 64)) / (UINT64_MAX / lines + 1);
}

static uint32_t slots_used(const struct wk_map *map, uint64_t line)
{
    uint32_t count = 0, tags[8];
    memcpy(tags, map->index + 8 * line, sizeof tags);
    for (int i = 0; i < 8; i++)
        count += tags[i] != 0;
    return count;
}

/* Keys that begin their search in the last line of an index of 64 slots: it goes round. The hash is
 * known here only to find them. */
static void keys_that_collide_are_kept_apart(void)
{
    begin(0);
    const struct wk_layout *type = layout("map[i64]i64");
    struct wk_map *map = NULL;
    enum { WANTED = 40 };
    uint64_t colliding[WANTED], count = 0;
    for (uint64_t i = 0; count < WANTED; i++)
        if (integer_line(i, 8) == 7)
            colliding[count++] = i;
    for (uint64_t i = 0; i < count; i++)
        wk_map_insert_int(kernel, type, &map, colliding[i])[1] = i;
    CHECK_INT(map->index_shift, 32 - 3);
    CHECK_INT(slots_used(map, 7), 8);
    CHECK_INT(slots_used(map, 3), 8);
    CHECK_INT(slots_used(map, 4), 0);
    for (uint64_t i = 0; i < count; i += 2)
        wk_map_remove(kernel, type, map, &colliding[i]);
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t *row = wk_map_find_int(map, colliding[i]);
        CHECK_INT(row != NULL, i % 2);
        CHECK_INT(row ? row[1] : i, i);
    }
    wk_map_free(kernel, type, map);
    end();
}

/* A map that is used as a queue neither grows nor keeps the texts of what was removed. */
static void inserting_and_removing_for_long_needs_no_more_memory(void)
{
    begin(4 << 20);
    const struct wk_layout *type = layout("map[str]i64");
    struct wk_map *map = NULL;
    for (uint64_t i = 0; i < 300000; i++) {
        char text[64];
        uint64_t words[3];
        make_key(TEXTS, i, words, text);
        CHECK(wk_map_insert(kernel, type, &map, words) != NULL);
        if (i >= 100) {
            make_key(TEXTS, i - 100, words, text);
            wk_map_remove(kernel, type, map, words);
        }
        if (i % 1000 == 0)
            wk_map_settle(map);
    }
    CHECK_INT(map->count, 100);
    CHECK(account.peak < 200000);
    wk_map_free(kernel, type, map);
    end();
}

/* ---- Copies and equality ------------------------------------------------------------------- */

/* {i: {"text of i": [i, i + 1, …]}} for i below count; values nested three deep. */
static struct wk_map *nested_map(const struct wk_layout *type, uint64_t count)
{
    const struct wk_layout *inner = type->parts[1];
    struct wk_map *map = NULL;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = i * i, words[3], length = i % 5;
        char text[64];
        uint64_t *row = wk_map_insert(kernel, type, &map, &key);
        if (!row)
            break;
        make_key(TEXTS, i, words, text);
        struct wk_map *made = NULL;
        uint64_t *entry = wk_map_insert(kernel, inner, &made, words);
        row[1] = (uintptr_t)made;
        int64_t *array = entry ? wk_alloc(kernel, length * 8) : NULL;
        if (!array)
            break;
        for (uint64_t j = 0; j < length; j++)
            array[j] = (int64_t)(i + j);
        entry[2] = (uintptr_t)array;
        entry[3] = length;
    }
    return map;
}

static void copies_are_deep_and_equal(void)
{
    begin(0);
    const struct wk_layout *type = layout("map[i64]map[str]i64[_]");
    struct wk_map *map = nested_map(type, 50), *copy;
    uint64_t gone = 49;
    wk_map_remove(kernel, type, map, &gone);
    CHECK_INT(wk_map_copy(kernel, type, map, &copy), 0);
    CHECK_INT(copy->count, 49);
    CHECK(wk_map_equal(type, map, copy));
    uint64_t *row = wk_map_find_int(copy, 16);
    uint64_t *entry = ((struct wk_map *)(uintptr_t)row[1])->rows;
    ((int64_t *)(uintptr_t)entry[2])[3]++;
    CHECK(!wk_map_equal(type, map, copy));
    wk_map_free(kernel, type, map);
    CHECK_INT(copy->rows[0], 0);
    wk_map_free(kernel, type, copy);
    CHECK_INT(wk_map_copy(kernel, type, NULL, &copy), 0);
    CHECK(copy == NULL);
    end();
}

static void equality_ignores_the_order(void)
{
    begin(0);
    const struct wk_layout *type = layout("map[str]f64");
    struct wk_map *up = NULL, *down = NULL;
    double zero = 0.0, minus = -0.0;
    for (uint64_t i = 0; i < 100; i++) {
        char text[64];
        uint64_t words[3];
        make_key(TEXTS, i, words, text);
        memcpy(&wk_map_insert(kernel, type, &up, words)[2], &zero, 8);
        make_key(TEXTS, 99 - i, words, text);
        memcpy(&wk_map_insert(kernel, type, &down, words)[2], &minus, 8);
    }
    CHECK(wk_map_equal(type, up, down));
    CHECK(!wk_map_equal(type, up, NULL));
    char text[64];
    uint64_t words[3];
    make_key(TEXTS, 7, words, text);
    wk_map_remove(kernel, type, down, words);
    CHECK(!wk_map_equal(type, up, down));
    make_key(TEXTS, 1000, words, text);
    wk_map_insert(kernel, type, &down, words);
    CHECK(!wk_map_equal(type, up, down));
    wk_map_free(kernel, type, down);
    down = NULL;
    CHECK(wk_map_equal(type, NULL, down));
    wk_map_free(kernel, type, up);
    end();
}

/* ---- Memory that runs out ------------------------------------------------------------------ */

static void values_of_all_kinds_are_copied_under_any_limit(void)
{
    int failures = 0;
    bool done = false;
    for (uint64_t limit = 1 << 10; !done; limit += 1 << 10) {
        begin(limit);
        const struct wk_layout *type = layout("map[i64]map[str]i64[_]");
        struct wk_map *map = nested_map(type, 40), *copy = NULL;
        CHECK(map == NULL || map->count <= 40);
        if (wk_map_copy(kernel, type, map, &copy))
            CHECK(copy == NULL);
        else
            done = copy && copy->count == 40 && wk_map_equal(type, map, copy);
        failures += !done;
        wk_map_free(kernel, type, map);
        wk_map_free(kernel, type, copy);
        end();
    }
    CHECK(failures > 10);
}

static void a_map_that_cannot_grow_is_as_before(void)
{
    begin(64 << 10);
    const struct wk_layout *type = layout("map[str]i64");
    struct wk_map *map = NULL;
    uint64_t inserted = 0, words[3];
    char text[64];
    for (;; inserted++) {
        make_key(TEXTS, inserted, words, text);
        uint64_t *row = wk_map_insert(kernel, type, &map, words);
        if (!row)
            break;
        row[2] = inserted;
    }
    CHECK_INT(context.error.code, ERR_memory_limit);
    CHECK(inserted > 100);
    CHECK_INT(map->count, inserted);
    for (uint64_t i = 0; i <= inserted; i++) {
        make_key(TEXTS, i, words, text);
        const uint64_t *row = wk_map_find(map, type, words);
        CHECK_INT(row ? row[2] : inserted, i);
    }
    wk_map_free(kernel, type, map);
    end();
}

/* ---- Short texts ------------------------------------------------------------------------------
 */

enum { PAGE = 4096, LONGEST = 17 };

/* A text of `length` bytes, that at `changed` unlike those of other texts. */
static uint64_t write_text(char *at, uint64_t length, uint64_t changed)
{
    for (uint64_t i = 0; i < length; i++)
        at[i] = (char)('a' + i % 26);
    if (changed < length)
        at[changed] = '#';
    return length;
}

/* What stands behind a text, and whether anything does, must not show: it is put in from the middle
 * of other bytes, and looked for at the end of a page, behind which nothing can be read. */
static void short_texts_are_the_same_wherever_they_lie(void)
{
    begin(0);
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && mprotect(pages + PAGE, PAGE, PROT_NONE) == 0);
    const struct wk_layout *numbers = layout("map[str]i64");
    struct wk_map *map = NULL;
    uint64_t count = 0;
    for (uint64_t length = 0; length <= LONGEST; length++)
        for (uint64_t changed = 0; changed <= length; changed++) {
            memset(pages, (int)(count % 255) + 1, PAGE);
            char *middle = pages + 100 + count % 8, *last = pages + PAGE - length;
            write_text(middle, length, changed);
            uint64_t *row = wk_map_insert_str(kernel, numbers, &map, middle, length);
            CHECK_INT(row[2], 0);
            row[2] = ++count;
            write_text(last, length, changed);
            row = wk_map_find_str(map, last, length);
            CHECK(row && row[2] == count);
            CHECK_INT(wk_text_check(last, (int64_t)length), length);
            middle[changed] = (char)0xff;
            CHECK_INT(wk_text_check(middle, (int64_t)length), changed);
        }
    CHECK_INT(map->count, count);
    wk_map_free(kernel, numbers, map);
    munmap(pages, 2 * PAGE);
    end();
}

TEST_MAIN(TEST(random_operations_agree_with_a_list), TEST(runs_are_broken_at_every_point),
          TEST(a_run_has_no_index_until_it_is_broken), TEST(random_runs_agree_with_a_list),
          TEST(a_million_integers_are_found_in_order), TEST(keys_that_collide_are_kept_apart),
          TEST(inserting_and_removing_for_long_needs_no_more_memory),
          TEST(copies_are_deep_and_equal), TEST(equality_ignores_the_order),
          TEST(values_of_all_kinds_are_copied_under_any_limit),
          TEST(a_map_that_cannot_grow_is_as_before),
          TEST(short_texts_are_the_same_wherever_they_lie))
