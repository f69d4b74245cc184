/*
 * Finds keys in the structures that hold a map's keys: one structure for each leaf of the key, all
 * of one length, the n-th elements of which make the n-th key.
 *
 * Few keys are looked at one by one. For many there is a hash table of their places, made when it
 * is first asked for and kept with the first leaf's structure until that is changed; keys that were
 * joined to the end since then are added to it. So building a map and looking into it takes
 * constant time a key.
 */
#ifndef WKC_GRAPH_KEY_INDEX_H
#define WKC_GRAPH_KEY_INDEX_H

#include "graph/text.h"

/* The leaves of keys, and of one key. */
struct key_search {
    struct structure *const *keys; /* by leaf */
    const uint64_t *key;           /* by leaf */
    const uint32_t *is_text; /* by leaf: words are strings of the table; else equal as words */
    uint32_t leaf_count;
};

/* The place of the key's first occurrence, or -1. ERR_flow_memory beyond the heap's limit. */
int key_index_find(struct structure_heap *heap, const struct text_table *texts,
                   const struct key_search *search, int64_t *place, struct error *error);

/* Drops the table of a structure, if it has one: it is freed or changed. */
void key_index_release(struct structure_heap *heap, struct structure *structure);

#endif
