/* Numbers by pointers: open addressing, at most three quarters full. */
#include "base/pointer_table.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"

struct pointer_entry {
    const void *key; /* NULL: a free slot */
    uint32_t number;
};

/* The slot that holds the key, or the free one where it would be. */
static struct pointer_entry *find_slot(const struct pointer_table *table, const void *key)
{
    uint32_t slot = (uint32_t)hash_mix((uint64_t)(uintptr_t)key) & (table->capacity - 1);
    while (table->slots[slot].key && table->slots[slot].key != key)
        slot = (slot + 1) & (table->capacity - 1);
    return &table->slots[slot];
}

static void grow(struct pointer_table *table)
{
    struct pointer_table larger = {.count = table->count,
                                   .capacity = table->capacity ? table->capacity * 2 : 64};
    larger.slots = memory_new(larger.capacity, sizeof *larger.slots);
    for (uint32_t i = 0; i < table->capacity; i++)
        if (table->slots[i].key)
            *find_slot(&larger, table->slots[i].key) = table->slots[i];
    free(table->slots);
    *table = larger;
}

bool pointer_table_find(const struct pointer_table *table, const void *key, uint32_t *number)
{
    if (table->count == 0)
        return false;
    const struct pointer_entry *entry = find_slot(table, key);
    if (entry->key)
        *number = entry->number;
    return entry->key != NULL;
}

void pointer_table_add(struct pointer_table *table, const void *key, uint32_t number)
{
    if (table->count * 4ULL >= table->capacity * 3ULL)
        grow(table);
    *find_slot(table, key) = (struct pointer_entry){key, number};
    table->count++;
}

void pointer_table_release(struct pointer_table *table)
{
    free(table->slots);
    *table = (struct pointer_table){0};
}
