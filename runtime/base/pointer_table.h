/*
 * Numbers by pointers: a hash table that grows. It is looked up and never walked, so that nothing
 * depends on where the keys are.
 */
#ifndef WKC_BASE_POINTER_TABLE_H
#define WKC_BASE_POINTER_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct pointer_entry;

struct pointer_table { /* all zeroes: empty */
    struct pointer_entry *slots;
    uint32_t count, capacity;
};

/* Gives the number that was added with this key; false: none was. */
bool pointer_table_find(const struct pointer_table *table, const void *key, uint32_t *number);
/* The key must not be there yet, nor be NULL. */
void pointer_table_add(struct pointer_table *table, const void *key, uint32_t number);
void pointer_table_release(struct pointer_table *table);

#endif
