/* Tables without repetitions; see encode_tables.h. */
#include "flow/encode_tables.h"

#include <string.h>

#include "base/hash.h"

enum { FIRST_CAPACITY = 64 };

/* Puts a number into the first free slot for a hash. */
static void place(uint32_t *slots, uint32_t capacity, uint64_t hash, uint32_t number)
{
    uint64_t at = hash;
    while (slots[at & (capacity - 1)])
        at++;
    slots[at & (capacity - 1)] = number;
}

static uint32_t grown(uint32_t capacity)
{
    return capacity ? 2 * capacity : FIRST_CAPACITY;
}

static const uint32_t *record_at(const struct record_table *table, uint32_t number)
{
    return table->words.items + (size_t)number * table->record_words;
}

static void grow_records(struct record_table *table)
{
    size_t bytes = table->record_words * sizeof(uint32_t);
    table->capacity = grown(table->capacity);
    free(table->slots);
    table->slots = memory_new(table->capacity, sizeof *table->slots);
    for (uint32_t i = 0; i < table->count; i++)
        place(table->slots, table->capacity, hash_bytes(record_at(table, i), bytes), i + 1);
}

uint32_t record_table_add(struct record_table *table, const uint32_t *record)
{
    size_t bytes = table->record_words * sizeof(uint32_t);
    uint64_t hash = hash_bytes(record, bytes);
    if (2 * table->count >= table->capacity)
        grow_records(table);
    for (uint64_t at = hash; table->slots[at & (table->capacity - 1)]; at++) {
        uint32_t found = table->slots[at & (table->capacity - 1)] - 1;
        if (memcmp(record_at(table, found), record, bytes) == 0)
            return found;
    }
    vector_reserve(&table->words, table->record_words);
    memcpy(table->words.items + table->words.count, record, bytes);
    table->words.count += table->record_words;
    place(table->slots, table->capacity, hash, ++table->count);
    return table->count - 1;
}

void record_table_release(struct record_table *table)
{
    vector_release(&table->words);
    free(table->slots);
}

static void grow_strings(struct string_table *table)
{
    uint32_t *old = table->slots, old_capacity = table->capacity;
    table->capacity = grown(table->capacity);
    table->slots = memory_new(table->capacity, sizeof *table->slots);
    for (uint32_t i = 0; i < old_capacity; i++) {
        if (!old[i])
            continue;
        const char *text = table->bytes.data + old[i] - 1;
        place(table->slots, table->capacity, hash_bytes(text, strlen(text)), old[i]);
    }
    free(old);
}

uint32_t string_table_add(struct string_table *table, const char *text)
{
    text = text ? text : "";
    size_t length = strlen(text);
    uint64_t hash = hash_bytes(text, length);
    if (2 * table->count >= table->capacity)
        grow_strings(table);
    for (uint64_t at = hash; table->slots[at & (table->capacity - 1)]; at++) {
        uint32_t found = table->slots[at & (table->capacity - 1)] - 1;
        if (strcmp(table->bytes.data + found, text) == 0)
            return found;
    }
    uint32_t offset = (uint32_t)table->bytes.length;
    buffer_append(&table->bytes, text, length + 1);
    place(table->slots, table->capacity, hash, offset + 1);
    table->count++;
    return offset;
}

uint32_t string_table_add_bytes(struct string_table *table, const char *bytes, size_t length)
{
    if (strlen(bytes) == length)
        return string_table_add(table, bytes);
    uint32_t offset = (uint32_t)table->bytes.length;
    buffer_append(&table->bytes, bytes, length + 1);
    return offset;
}

void string_table_release(struct string_table *table)
{
    buffer_release(&table->bytes);
    free(table->slots);
}
