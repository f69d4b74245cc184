/*
 * Tables without repetitions, for encode.c: adding what is there already gives its number.
 */
#ifndef WKC_FLOW_ENCODE_TABLES_H
#define WKC_FLOW_ENCODE_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/vector.h"

struct record_table { /* records of `record_words` words, one after the other */
    VECTOR(uint32_t) words;
    uint32_t record_words, count;
    uint32_t *slots; /* of a hash table: number + 1 */
    uint32_t capacity;
};

uint32_t record_table_add(struct record_table *table, const uint32_t *record);
void record_table_release(struct record_table *table);

struct string_table {
    struct buffer bytes; /* terminated strings */
    uint32_t count;
    uint32_t *slots; /* of a hash table: offset + 1 */
    uint32_t capacity;
};

/* The string's offset; NULL counts as "". */
uint32_t string_table_add(struct string_table *table, const char *text);
/* Of bytes, which may be 0 among them. */
uint32_t string_table_add_bytes(struct string_table *table, const char *bytes, size_t length);
void string_table_release(struct string_table *table);

#endif
