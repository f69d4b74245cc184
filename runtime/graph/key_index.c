/* Places of keys by hash: open addressing, at most half full; see key_index.h. */
#include "graph/key_index.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Below this, looking at all keys is faster. */
enum { FEW = 8 };

struct key_index {
    uint64_t capacity;  /* of the table, a power of two */
    uint64_t indexed;   /* keys that are in it: the first ones */
    uint64_t companion; /* tells the other leaves' structures from others */
    uint64_t places[];  /* + 1; 0 is free */
};

static uint64_t index_bytes(uint64_t capacity)
{
    return sizeof(struct key_index) + capacity * sizeof(uint64_t);
}

void key_index_release(struct structure_heap *heap, struct structure *structure)
{
    if (!structure->index)
        return;
    heap->bytes -= index_bytes(structure->index->capacity);
    free(structure->index);
    structure->index = NULL;
}

/* ---- Keys ----------------------------------------------------------------------------------- */

static uint64_t leaf_hash(const struct text_table *texts, uint64_t word, bool is_text)
{
    if (!is_text)
        return hash_mix(word);
    uint64_t length;
    const char *bytes = text_bytes(texts, word, &length);
    return hash_bytes(bytes, (size_t)length);
}

static uint64_t hash_key(const struct text_table *texts, const struct key_search *search)
{
    uint64_t hash = 0;
    for (uint32_t leaf = 0; leaf < search->leaf_count; leaf++)
        hash = hash_combine(hash, leaf_hash(texts, search->key[leaf], search->is_text[leaf]));
    return hash;
}

static uint64_t hash_place(const struct text_table *texts, const struct key_search *search,
                           uint64_t place)
{
    uint64_t hash = 0;
    for (uint32_t leaf = 0; leaf < search->leaf_count; leaf++)
        hash = hash_combine(hash, leaf_hash(texts, structure_slots(search->keys[leaf])[place],
                                            search->is_text[leaf]));
    return hash;
}

static bool same_text(const struct text_table *texts, uint64_t left, uint64_t right)
{
    uint64_t left_length, right_length;
    const char *left_bytes = text_bytes(texts, left, &left_length);
    const char *right_bytes = text_bytes(texts, right, &right_length);
    return left_length == right_length && memcmp(left_bytes, right_bytes, left_length) == 0;
}

static bool is_at(const struct text_table *texts, const struct key_search *search, uint64_t place)
{
    for (uint32_t leaf = 0; leaf < search->leaf_count; leaf++) {
        uint64_t found = structure_slots(search->keys[leaf])[place], key = search->key[leaf];
        if (found != key && !(search->is_text[leaf] && same_text(texts, found, key)))
            return false;
    }
    return true;
}

/* ---- The table ------------------------------------------------------------------------------ */

static uint64_t companion_of(const struct key_search *search)
{
    uint64_t companion = 0;
    for (uint32_t leaf = 1; leaf < search->leaf_count; leaf++)
        companion = hash_combine(companion, structure_word(search->keys[leaf]));
    return companion;
}

static int make_index(struct structure_heap *heap, struct structure *keys, struct error *error)
{
    uint64_t capacity = 4 * FEW;
    while (capacity < 4 * keys->count)
        capacity *= 2;
    uint64_t bytes = index_bytes(capacity);
    if (bytes > heap->limit - heap->bytes)
        return error_set(error, ERR_flow_memory,
                         "a map of %" PRIu64
                         " keys in a flow: its arrays and maps may hold %" PRIu64
                         " MiB in all while the graph is built",
                         keys->count, heap->limit >> 20);
    keys->index = calloc(1, bytes);
    if (!keys->index)
        return error_set(error, ERR_out_of_memory, "no memory for a map of %" PRIu64 " keys",
                         keys->count);
    keys->index->capacity = capacity;
    heap->bytes += bytes;
    return 0;
}

/* Adds the keys that are not in the table yet. Of equal ones the first stands before the others on
 * the way of a search. */
static void add_keys(struct structure_heap *heap, const struct text_table *texts,
                     const struct key_search *search, struct key_index *index)
{
    uint64_t count = search->keys[0]->count;
    heap->moves += count - index->indexed;
    for (; index->indexed < count; index->indexed++) {
        uint64_t slot = hash_place(texts, search, index->indexed) & (index->capacity - 1);
        while (index->places[slot])
            slot = (slot + 1) & (index->capacity - 1);
        index->places[slot] = index->indexed + 1;
    }
}

static int provide_index(struct structure_heap *heap, const struct text_table *texts,
                         const struct key_search *search, struct error *error)
{
    struct structure *keys = search->keys[0];
    uint64_t companion = companion_of(search);
    struct key_index *index = keys->index;
    if (index && (index->companion != companion || index->capacity < 2 * keys->count))
        key_index_release(heap, keys);
    int code = keys->index ? 0 : make_index(heap, keys, error);
    if (code)
        return code;
    keys->index->companion = companion;
    add_keys(heap, texts, search, keys->index);
    return 0;
}

int key_index_find(struct structure_heap *heap, const struct text_table *texts,
                   const struct key_search *search, int64_t *place, struct error *error)
{
    uint64_t count = search->keys[0]->count;
    *place = -1;
    if (count <= FEW) {
        for (uint64_t i = 0; i < count && *place < 0; i++)
            if (is_at(texts, search, i))
                *place = (int64_t)i;
        return 0;
    }
    int code = provide_index(heap, texts, search, error);
    if (code)
        return code;
    const struct key_index *index = search->keys[0]->index;
    uint64_t slot = hash_key(texts, search) & (index->capacity - 1);
    for (; index->places[slot]; slot = (slot + 1) & (index->capacity - 1))
        if (is_at(texts, search, index->places[slot] - 1)) {
            *place = (int64_t)index->places[slot] - 1;
            return 0;
        }
    return 0;
}
