/* The known strings of an elaboration; see text.h. */
#include "graph/text.h"

#include <inttypes.h>

#include "value/string.h"

static bool is_literal(uint64_t word)
{
    return word >> 63;
}

static struct known_text find(const struct text_table *table, uint64_t word)
{
    if (!is_literal(word))
        return table->items.items[word];
    return (struct known_text){
        .offset = word << 1 >> 33, .length = (uint32_t)word, .is_literal = true};
}

const char *text_bytes(const struct text_table *table, uint64_t word, uint64_t *length)
{
    struct known_text text = find(table, word);
    *length = text.length;
    return (text.is_literal ? table->literals : buffer_text(&table->bytes)) + text.offset;
}

uint32_t *text_constant(struct text_table *table, uint64_t word)
{
    return is_literal(word) ? NULL : &table->items.items[word].constant;
}

/* Counts `bytes` more, and the record of one string. */
static int charge(struct structure_heap *heap, uint64_t bytes, struct error *error)
{
    uint64_t all = bytes + sizeof(struct known_text);
    heap->moves += bytes / 8;
    if (all <= heap->limit - heap->bytes) {
        heap->bytes += all;
        return 0;
    }
    error_set(error, ERR_flow_memory,
              "a str of a flow: its strings and arrays may hold %" PRIu64
              " MiB in all while the graph is built",
              heap->limit >> 20);
    return error_hint(error, "let a task make it");
}

static uint64_t push(struct text_table *table, struct known_text text)
{
    vector_push(&table->items, text);
    return table->items.count - 1;
}

int text_add(struct text_table *table, struct structure_heap *heap, const char *bytes,
             uint64_t length, uint64_t *word, struct error *error)
{
    int code = charge(heap, length, error);
    if (code)
        return code;
    *word = push(table, (struct known_text){.offset = table->bytes.length, .length = length});
    buffer_append(&table->bytes, bytes, (size_t)length);
    return 0;
}

/* Appends a string's bytes, which may lie in the same buffer. */
static void append(struct text_table *table, uint64_t word)
{
    struct known_text text = find(table, word);
    if (text.is_literal) {
        buffer_append(&table->bytes, table->literals + text.offset, (size_t)text.length);
        return;
    }
    char *room = buffer_extend(&table->bytes, (size_t)text.length);
    memcpy(room, table->bytes.data + text.offset, (size_t)text.length);
}

int text_join(struct text_table *table, struct structure_heap *heap, const uint64_t *words,
              uint32_t count, uint64_t *word, struct error *error)
{
    struct known_text first = find(table, words[0]);
    bool extends = !first.is_literal && first.offset + first.length == table->bytes.length;
    struct known_text joined = {.offset = extends ? first.offset : table->bytes.length};
    uint64_t added = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t length = find(table, words[i]).length;
        joined.length += length;
        added += extends && i == 0 ? 0 : length;
    }
    int code = charge(heap, added, error);
    if (code)
        return code;
    for (uint32_t i = extends; i < count; i++)
        append(table, words[i]);
    *word = push(table, joined);
    return 0;
}

int text_slice(struct text_table *table, struct structure_heap *heap, uint64_t whole, int64_t low,
               int64_t high, uint64_t *word, struct error *error)
{
    uint64_t length, begin;
    const char *bytes = text_bytes(table, whole, &length);
    struct known_text piece = find(table, whole);
    int code = string_slice(bytes, length, low, high, &begin, &piece.length, error);
    code = code ? code : charge(heap, 0, error);
    if (code)
        return code;
    piece.offset += begin;
    piece.constant = 0;
    *word = push(table, piece);
    return 0;
}

void text_table_release(struct text_table *table)
{
    buffer_release(&table->bytes);
    vector_release(&table->items);
}
