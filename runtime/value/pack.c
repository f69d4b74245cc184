/*
 * Packing, and moving what is packed; see pack.h.
 *
 * Both passes of packing, and relocation, walk the value in the same order: an array's elements
 * first, then what the first of them points to, and so on.
 */
#include "value/map_index.h"
#include "value/pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value/semantics.h"
#include "value/string.h"

/* Inner arrays begin at multiples of a word; long ones at cache lines, for vectors. */
enum { INNER_ALIGN = 8, LONG_BYTES = 512 };

static uint64_t aligned(uint64_t at, uint64_t bytes)
{
    uint64_t alignment = bytes >= LONG_BYTES ? WK_ALIGN : INNER_ALIGN;
    return (at + alignment - 1) / alignment * alignment;
}

/* How many elements an array has, by its words. */
static uint64_t element_count(const struct wk_layout *array, const uint64_t *words)
{
    uint64_t count = 1;
    for (unsigned d = 0; d < array->rank; d++)
        count *= words[1 + d];
    return count;
}

static const uint64_t *words_at(uint64_t address)
{
    return (const uint64_t *)(uintptr_t)address;
}

/* A map without holes in its rows, so that its index goes with it as it is; NULL if it is empty.
 * Only maps that a kernel owns have holes, and they may be settled at any time. */
static const struct wk_map *settled(uint64_t address)
{
    struct wk_map *map = (struct wk_map *)(uintptr_t)address;
    wk_map_settle(map);
    return map && map->count > 0 ? map : NULL;
}

static bool rows_are_flat(const struct wk_layout *map)
{
    return map->parts[0]->is_flat && map->parts[1]->is_flat;
}

/* ---- How much ------------------------------------------------------------------------------ */

static uint64_t measure_value(const struct wk_layout *layout, const uint64_t *words, uint64_t at);

/* Where what the elements point to ends, when it begins at `at`. */
static uint64_t measure_elements(const struct wk_layout *element, uint64_t count,
                                 const uint64_t *words, uint64_t at)
{
    if (element->is_flat)
        return at;
    for (uint64_t i = 0; i < count; i++, words += element->words)
        at = measure_value(element, words, at);
    return at;
}

static uint64_t measure_array(const struct wk_layout *array, const uint64_t *words, uint64_t at)
{
    const struct wk_layout *element = array->parts[0];
    uint64_t count = element_count(array, words), bytes = count * element->bytes;
    return measure_elements(element, count, words_at(words[0]), aligned(at, bytes) + bytes);
}

static uint64_t measure_map(const struct wk_layout *layout, const struct wk_map *map, uint64_t at)
{
    const struct wk_layout *key = layout->parts[0], *value = layout->parts[1];
    const uint64_t *row = map->rows;
    at = aligned(at, sizeof *map) + sizeof *map;
    at = aligned(at, index_bytes(map)) + index_bytes(map);
    at += map->count * (key->words + value->words) * sizeof *row;
    for (uint64_t i = 0; !rows_are_flat(layout) && i < map->count; i++, row += map->width)
        at = measure_value(value, row + key->words, measure_value(key, row, at));
    return at;
}

static uint64_t measure_value(const struct wk_layout *layout, const uint64_t *words, uint64_t at)
{
    const struct wk_map *map;
    switch ((enum wk_kind)layout->kind) {
    case WK_SCALAR:
    case WK_FILE:
        return at;
    case WK_STRING:
        return at + words[1];
    case WK_ARRAY:
        return measure_array(layout, words, at);
    case WK_PARTS:
        for (uint32_t i = 0; i < layout->part_count; words += layout->parts[i++]->words)
            at = measure_value(layout->parts[i], words, at);
        return at;
    case WK_MAP:
        map = settled(words[0]);
        return map ? measure_map(layout, map, at) : at;
    }
    bug("a layout of kind %d", layout->kind);
}

uint64_t pack_bytes(const struct wk_layout *layout, const uint64_t *words)
{
    if (layout->kind == WK_MAP && !settled(words[0]))
        return sizeof(struct wk_map);
    return measure_value(layout, words, 0);
}

/* ---- Writing ------------------------------------------------------------------------------- */

struct packer {
    char *data;
    uint64_t at; /* what is written so far */
};

/* Takes room in the order of writing; the gap before it is zeroed. */
static char *take(struct packer *p, uint64_t begin, uint64_t bytes)
{
    memset(p->data + p->at, 0, begin - p->at);
    p->at = begin + bytes;
    return p->data + begin;
}

static void copy_f64(uint64_t *to, const uint64_t *from, uint64_t count)
{
    const uint64_t infinity = 0x7FF0000000000000, nan = 0x7FF8000000000000;
    for (uint64_t i = 0; i < count; i++)
        to[i] = (from[i] & INT64_MAX) > infinity ? nan : from[i];
}

static void copy_f32(uint32_t *to, const uint32_t *from, uint64_t count)
{
    const uint32_t infinity = 0x7F800000, nan = 0x7FC00000;
    for (uint64_t i = 0; i < count; i++)
        to[i] = (from[i] & INT32_MAX) > infinity ? nan : from[i];
}

/* Elements without addresses. Kernels leave NaNs as they come in inner arrays. */
static void copy_flat(const struct wk_layout *element, uint64_t count, void *to, const void *from)
{
    if (element->kind == WK_SCALAR && element->scalar == WK_F64)
        copy_f64(to, from, count);
    else if (element->kind == WK_SCALAR && element->scalar == WK_F32)
        copy_f32(to, from, count);
    else if (count > 0)
        memcpy(to, from, count * element->bytes);
}

static void write_value(struct packer *p, const struct wk_layout *layout, const uint64_t *from,
                        uint64_t *to);

static inline void write_text(struct packer *p, const uint64_t *from, uint64_t *to)
{
    char *text = p->data + p->at;
    to[0] = (uintptr_t)text;
    to[1] = from[1];
    string_copy(text, (const char *)words_at(from[0]), from[1]);
    p->at += from[1];
}

/* Texts lie where kernels made them, each somewhere else: they are asked for ahead. */
static void write_texts(struct packer *p, uint64_t count, const uint64_t *from, uint64_t *to)
{
    enum { AHEAD = 16 };
    for (uint64_t i = 0; i < count; i++, from += 2, to += 2) {
        if (i + AHEAD < count)
            __builtin_prefetch(words_at(from[2 * AHEAD]));
        write_text(p, from, to);
    }
}

static void write_elements(struct packer *p, const struct wk_layout *element, uint64_t count,
                           const uint64_t *from, uint64_t *to)
{
    if (element->is_flat) {
        copy_flat(element, count, to, from);
        return;
    }
    if (element->kind == WK_STRING) {
        write_texts(p, count, from, to);
        return;
    }
    for (uint64_t i = 0; i < count; i++, from += element->words, to += element->words)
        write_value(p, element, from, to);
}

static void write_array(struct packer *p, const struct wk_layout *array, const uint64_t *from,
                        uint64_t *to)
{
    const struct wk_layout *element = array->parts[0];
    uint64_t count = element_count(array, from), bytes = count * element->bytes;
    char *data = take(p, aligned(p->at, bytes), bytes);
    memcpy(to, from, array->words * sizeof *to);
    to[0] = (uintptr_t)data;
    write_elements(p, element, count, words_at(from[0]), (uint64_t *)(void *)data);
}

static void write_rows(struct packer *p, const struct wk_layout *layout, uint64_t count,
                       const uint64_t *from, uint64_t *to)
{
    const struct wk_layout *key = layout->parts[0], *value = layout->parts[1];
    if (rows_are_flat(layout)) {
        memcpy(to, from, count * (key->words + value->words) * sizeof *to);
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        write_value(p, key, from, to);
        write_value(p, value, from + key->words, to + key->words);
        from += key->words + value->words;
        to += key->words + value->words;
    }
}

/* The header, the index and the rows; behind them what the rows point to. */
static void write_map(struct packer *p, const struct wk_layout *layout, const struct wk_map *map,
                      uint64_t *to)
{
    uint64_t row_bytes = map->count * map->width * sizeof *map->rows;
    struct wk_map *copy = (void *)take(p, aligned(p->at, sizeof *copy), sizeof *copy);
    *to = (uintptr_t)copy;
    *copy = (struct wk_map){.count = map->count,
                            .used = map->count,
                            .capacity = map->count,
                            .width = map->width,
                            .index_shift = map->index_shift};
    if (map->index) {
        copy->index = (void *)take(p, aligned(p->at, index_bytes(map)), index_bytes(map));
        memcpy(copy->index, map->index, index_bytes(map));
    }
    copy->rows = (void *)take(p, p->at, row_bytes);
    write_rows(p, layout, map->count, map->rows, copy->rows);
}

static void write_value(struct packer *p, const struct wk_layout *layout, const uint64_t *from,
                        uint64_t *to)
{
    const struct wk_map *map;
    switch ((enum wk_kind)layout->kind) {
    case WK_SCALAR:
    case WK_FILE:
        to[0] = from[0];
        return;
    case WK_STRING:
        write_text(p, from, to);
        return;
    case WK_ARRAY:
        write_array(p, layout, from, to);
        return;
    case WK_PARTS:
        for (uint32_t i = 0; i < layout->part_count; i++) {
            write_value(p, layout->parts[i], from, to);
            from += layout->parts[i]->words;
            to += layout->parts[i]->words;
        }
        return;
    case WK_MAP:
        map = settled(from[0]);
        *to = 0;
        if (map)
            write_map(p, layout, map, to);
        return;
    }
    bug("a layout of kind %d", layout->kind);
}

void pack_write(const struct wk_layout *layout, const uint64_t *words, void *data)
{
    struct packer packer = {.data = data};
    if (layout->kind == WK_MAP && !settled(words[0])) {
        *(struct wk_map *)data =
            (struct wk_map){.width = layout->parts[0]->words + layout->parts[1]->words};
        return;
    }
    uint64_t packed[1 + WK_MAX_RANK];
    write_value(&packer, layout, words, packed);
}

/* ---- Moving -------------------------------------------------------------------------------- */

/* Addresses for a base `from` become addresses for a base `to`. */
struct mover {
    char *data;
    uint64_t bytes, from, to;
};

static bool move_value(const struct mover *m, const struct wk_layout *layout, uint64_t *words);

/* Where the `bytes` at an inner address lie; NULL when they are not all inside. */
static char *locate(const struct mover *m, uint64_t address, uint64_t bytes)
{
    uint64_t offset = address - m->from;
    return offset <= m->bytes && bytes <= m->bytes - offset ? m->data + offset : NULL;
}

static bool is_word_aligned(const void *address)
{
    return (uintptr_t)address % sizeof(uint64_t) == 0;
}

static bool move_elements(const struct mover *m, const struct wk_layout *element, uint64_t count,
                          uint64_t *words)
{
    for (uint64_t i = 0; !element->is_flat && i < count; i++, words += element->words)
        if (!move_value(m, element, words))
            return false;
    return true;
}

static bool move_array(const struct mover *m, const struct wk_layout *array, uint64_t *words)
{
    const struct wk_layout *element = array->parts[0];
    int64_t extents[WK_MAX_RANK];
    uint64_t bytes;
    memcpy(extents, words + 1, array->rank * sizeof *extents);
    if (!shape_bytes(array->rank, extents, element->bytes, &bytes))
        return false;
    char *data = locate(m, words[0], bytes);
    if (!data || (!element->is_flat && !is_word_aligned(data)))
        return false;
    words[0] = words[0] - m->from + m->to;
    return move_elements(m, element, bytes ? element_count(array, words) : 0,
                         (uint64_t *)(void *)data);
}

/* Whether searches in the index end, and at rows that are there. */
static bool index_is_sound(const struct wk_map *map, const uint64_t *index)
{
    bool is_full = true;
    const struct line *lines = (const struct line *)(const void *)index;
    for (const struct line *line = lines; line < lines + line_count(map); line++)
        for (uint32_t i = 0; i < LINE_SLOTS; i++) {
            if (line->tags[i] && line->rows[i] >= map->count)
                return false;
            is_full &= line->tags[i] != 0;
        }
    return !is_full;
}

static bool move_index(const struct mover *m, struct wk_map *map)
{
    if (!map->index)
        return true;
    if (map->index_shift >= TAG_BITS)
        return false;
    uint64_t address = (uintptr_t)map->index;
    uint64_t *index = (void *)locate(m, address, index_bytes(map));
    map->index = (uint64_t *)(uintptr_t)(address - m->from + m->to);
    return index && is_word_aligned(index) && index_is_sound(map, index);
}

static bool move_rows(const struct mover *m, const struct wk_layout *layout, struct wk_map *map)
{
    const struct wk_layout *key = layout->parts[0], *value = layout->parts[1];
    uint64_t address = (uintptr_t)map->rows, bytes;
    if (!shape_bytes(1, &(int64_t){(int64_t)map->count}, map->width * 8, &bytes))
        return false;
    uint64_t *row = (void *)locate(m, address, bytes);
    if (!row || !is_word_aligned(row))
        return false;
    map->rows = (uint64_t *)(uintptr_t)(address - m->from + m->to);
    for (uint64_t i = 0; !rows_are_flat(layout) && i < map->count; i++, row += map->width)
        if (!move_value(m, key, row) || !move_value(m, value, row + key->words))
            return false;
    return true;
}

static bool move_map(const struct mover *m, const struct wk_layout *layout, uint64_t *words)
{
    struct wk_map *map = (void *)locate(m, words[0], sizeof *map);
    if (!map || !is_word_aligned(map) || map->used != map->count ||
        map->width != layout->parts[0]->words + layout->parts[1]->words || map->removed ||
        map->pool)
        return false;
    words[0] = words[0] - m->from + m->to;
    return map->count == 0 || (move_index(m, map) && move_rows(m, layout, map));
}

static bool move_value(const struct mover *m, const struct wk_layout *layout, uint64_t *words)
{
    switch ((enum wk_kind)layout->kind) {
    case WK_SCALAR:
    case WK_FILE:
        return true;
    case WK_STRING:
        if (!locate(m, words[0], words[1]))
            return false;
        words[0] = words[0] - m->from + m->to;
        return true;
    case WK_ARRAY:
        return move_array(m, layout, words);
    case WK_PARTS:
        for (uint32_t i = 0; i < layout->part_count; words += layout->parts[i++]->words)
            if (!move_value(m, layout->parts[i], words))
                return false;
        return true;
    case WK_MAP:
        return words[0] == 0 || move_map(m, layout, words);
    }
    bug("a layout of kind %d", layout->kind);
}

/* Moves what the data point to. */
static bool move_data(const struct wk_layout *layout, struct wk_block *block, uint64_t from,
                      uint64_t to)
{
    struct mover mover = {block_data(block), block->bytes, from, to};
    uint64_t words[1 + WK_MAX_RANK];
    if (block->rank != layout->rank)
        return false;
    block_words(block, words);
    words[0] = from;
    return layout->kind == WK_MAP ? move_map(&mover, layout, words)
                                  : move_array(&mover, layout, words);
}

bool pack_relocate(const struct wk_layout *layout, struct wk_block *block)
{
    uint64_t here = (uintptr_t)block_data(block);
    bool good = move_data(layout, block, block_base(block), here);
    block_set_base(block, here);
    return good;
}

void pack_store(const struct wk_layout *layout, const struct wk_block *block, struct wk_block *copy)
{
    memcpy(copy, block, WK_HEADER_BYTES + block->bytes);
    atomic_store_explicit(&copy->references, 0, memory_order_relaxed);
    memset(copy->reserved, 0, sizeof copy->reserved);
    if (!move_data(layout, copy, block_base(block), 0))
        bug("a packed value is damaged in memory");
}

static struct wk_block *new_stored(const struct wk_layout *layout, const struct wk_block *block)
{
    struct wk_block *copy = memory_try(WK_HEADER_BYTES + block->bytes, WK_ALIGN);
    if (!copy)
        memory_exhausted();
    pack_store(layout, block, copy);
    return copy;
}

bool pack_equal(const struct wk_layout *layout, const struct wk_block *a, const struct wk_block *b)
{
    if (a->bytes != b->bytes || memcmp(a->extents, b->extents, sizeof a->extents) != 0)
        return false;
    struct wk_block *left = new_stored(layout, a), *right = new_stored(layout, b);
    bool equal = memcmp(block_data(left), block_data(right), a->bytes) == 0;
    free(left);
    free(right);
    return equal;
}
