/*
 * Keys in structures: what key_index_find says, against looking at all keys one by one, while keys
 * are joined to the end, replaced, and shared between versions.
 */
#include "graph/key_index.h"

#include "base/memory.h"
#include "test.h"

enum { LEAVES = 2 };

/* The keys of a map: an integer and a text each. */
struct keys {
    struct structure_heap heap;
    struct text_table texts;
    struct structure *leaves[LEAVES];
    struct error error;
};

static uint64_t text_of(struct keys *k, int64_t number)
{
    char text[32];
    uint64_t word = 0;
    int length = snprintf(text, sizeof text, "%d", (int)(number % 7));
    CHECK_INT(text_add(&k->texts, &k->heap, text, (uint64_t)length, &word, &k->error), 0);
    return word;
}

static struct structure *single(struct keys *k, uint64_t word)
{
    struct structure *made;
    CHECK_INT(structure_new(&k->heap, 1, &(int64_t){1}, false, &made, &k->error), 0);
    structure_slots(made)[0] = word;
    return made;
}

static void begin(struct keys *k)
{
    *k = (struct keys){.heap.limit = UINT64_C(1) << 30};
    for (int leaf = 0; leaf < LEAVES; leaf++)
        CHECK_INT(structure_new(&k->heap, 1, &(int64_t){0}, false, &k->leaves[leaf], &k->error), 0);
}

static void append(struct keys *k, int64_t number)
{
    uint64_t words[] = {(uint64_t)number, text_of(k, number)};
    for (int leaf = 0; leaf < LEAVES; leaf++) {
        struct structure *more = single(k, words[leaf]);
        CHECK_INT(structure_extend(&k->heap, &k->leaves[leaf], more, &k->error), 0);
        structure_release(&k->heap, more);
    }
}

static int64_t find(struct keys *k, int64_t number, uint64_t text)
{
    static const uint32_t is_text[] = {0, 1};
    struct key_search search = {k->leaves, (uint64_t[]){(uint64_t)number, text}, is_text, LEAVES};
    int64_t place = -2;
    CHECK_INT(key_index_find(&k->heap, &k->texts, &search, &place, &k->error), 0);
    return place;
}

static int64_t look(const struct keys *k, int64_t number, int64_t text_number)
{
    for (uint64_t i = 0; i < k->leaves[0]->count; i++) {
        int64_t found = (int64_t)structure_slots(k->leaves[0])[i];
        if (found == number && found % 7 == text_number % 7)
            return (int64_t)i;
    }
    return -1;
}

static void end(struct keys *k)
{
    for (int leaf = 0; leaf < LEAVES; leaf++)
        structure_release(&k->heap, k->leaves[leaf]);
    CHECK(k->heap.first == NULL);
    text_table_release(&k->texts);
}

/* Every third key is there; 7 parts them by their texts, too. */
static void finds_what_is_there(void)
{
    struct keys k;
    begin(&k);
    for (int64_t n = 0; n < 600; n++) {
        append(&k, n * 3);
        for (int64_t asked = n; asked < n + 4; asked++) {
            CHECK_INT(find(&k, asked, text_of(&k, asked)), look(&k, asked, asked));
            CHECK_INT(find(&k, asked, text_of(&k, asked + 1)), look(&k, asked, asked + 1));
        }
    }
    end(&k);
}

/* A place that is written to is found by its new key only. */
static void sees_changes(void)
{
    struct keys k;
    begin(&k);
    for (int64_t n = 0; n < 100; n++)
        append(&k, n);
    CHECK_INT(find(&k, 70, text_of(&k, 70)), 70);
    CHECK_INT(structure_own(&k.heap, &k.leaves[0], &k.error), 0);
    structure_slots(k.leaves[0])[70] = 700;
    CHECK_INT(find(&k, 70, text_of(&k, 70)), -1);
    CHECK_INT(find(&k, 700, text_of(&k, 70)), 70);
    end(&k);
}

/* A version that others hold keeps its keys when one is joined. */
static void versions_are_apart(void)
{
    struct keys k, old;
    begin(&k);
    for (int64_t n = 0; n < 50; n++)
        append(&k, n);
    CHECK_INT(find(&k, 49, text_of(&k, 49)), 49);
    old = k;
    for (int leaf = 0; leaf < LEAVES; leaf++)
        structure_retain(old.leaves[leaf]);
    append(&k, 50);
    CHECK_INT(find(&k, 50, text_of(&k, 50)), 50);
    CHECK_INT((int64_t)old.leaves[0]->count, 50);
    old.heap = k.heap;
    old.texts = k.texts;
    CHECK_INT(find(&old, 50, text_of(&k, 50)), -1);
    CHECK_INT(find(&old, 49, text_of(&k, 49)), 49);
    k.heap = old.heap;
    for (int leaf = 0; leaf < LEAVES; leaf++)
        structure_release(&k.heap, old.leaves[leaf]);
    end(&k);
}

TEST_MAIN(TEST(finds_what_is_there), TEST(sees_changes), TEST(versions_are_apart))
