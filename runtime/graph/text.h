/*
 * The known strings of an elaboration. A register or slot holds a string's word: a literal's place
 * in the strings of the flow code, or the number of one that was made.
 *
 * What was made is never freed before the end, but shares what it can: joined to the end of the
 * newest string, only the new piece takes memory, so that a string that grows in a loop costs what
 * is added; and slices take none.
 */
#ifndef WKC_GRAPH_TEXT_H
#define WKC_GRAPH_TEXT_H

#include "base/buffer.h"
#include "base/vector.h"
#include "graph/structure.h"

struct known_text {
    uint64_t offset, length; /* in bytes; of a piece of a literal: in the code's strings */
    bool is_literal;
    uint32_t constant; /* the DAG's constant with these bytes + 1, or 0 */
};

struct text_table {
    const char *literals;
    struct buffer bytes;
    VECTOR(struct known_text) items;
};

/* The word of a literal; offsets are below 2^31. */
static inline uint64_t text_literal(uint32_t offset, uint32_t length)
{
    return UINT64_C(1) << 63 | (uint64_t)offset << 32 | length;
}

/* The bytes, valid until the next string is made. */
const char *text_bytes(const struct text_table *table, uint64_t word, uint64_t *length);
/* Where the constant's number is kept; NULL for a literal, of which nothing is kept. */
uint32_t *text_constant(struct text_table *table, uint64_t word);

/* These make strings, whose bytes count in the heap: 0, or ERR_flow_memory. */
int text_add(struct text_table *table, struct structure_heap *heap, const char *bytes,
             uint64_t length, uint64_t *word, struct error *error);
int text_join(struct text_table *table, struct structure_heap *heap, const uint64_t *words,
              uint32_t count, uint64_t *word, struct error *error);
int text_slice(struct text_table *table, struct structure_heap *heap, uint64_t whole, int64_t low,
               int64_t high, uint64_t *word, struct error *error);

void text_table_release(struct text_table *table);

#endif
