/*
 * The index of a map (map.c): which row has a key.
 *
 * Lines of eight slots, each a line of the processor's cache. A slot is the upper 32 bits of the
 * key's hash (its tag), 0 for none, and the row's number. A tag's upper bits choose the line in
 * which the search begins; it ends in a line that has an empty slot. The slots of a line are
 * compared all at once, without a branch for each: so a processor that runs ahead has several
 * searches under way, which at each branch that it mistook would wait for the memory. The lines of
 * tags and the search by vectors are those of Swiss tables (Benzaquen, Evlogimenos, Kulukundis,
 * Perepelitsa: "Swiss Tables and absl::Hash", 2018).
 *
 * An index is a block of the map's own, or a part of a packed value, which may be aligned to words
 * only and come from outside.
 */
#ifndef WKC_VALUE_MAP_INDEX_H
#define WKC_VALUE_MAP_INDEX_H

#include <stdint.h>

#include "wk.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

enum { LINE_SLOTS = 8, TAG_BITS = 32 };

struct line {
    uint32_t tags[LINE_SLOTS];
    uint32_t rows[LINE_SLOTS];
};

static inline struct line *index_lines(const struct wk_map *map)
{
    return (struct line *)(void *)map->index;
}

/* A power of two; 0 without an index. */
static inline uint64_t line_count(const struct wk_map *map)
{
    return map->index ? 1ULL << (TAG_BITS - map->index_shift) : 0;
}

static inline uint32_t line_shift(uint64_t count)
{
    return TAG_BITS - (uint32_t)__builtin_ctzll(count);
}

static inline uint64_t line_mask(const struct wk_map *map)
{
    return line_count(map) - 1;
}

static inline uint64_t index_bytes(const struct wk_map *map)
{
    return line_count(map) * sizeof(struct line);
}

/* The line where the search for a tag begins. */
static inline uint64_t line_home(const struct wk_map *map, uint32_t tag)
{
    return (uint64_t)tag >> map->index_shift;
}

/* The slots that have a tag: a bit for each. */
static inline uint32_t line_find(const struct line *line, uint32_t tag)
{
#ifdef __AVX2__
    __m256i tags = _mm256_loadu_si256((const __m256i *)(const void *)line->tags);
    __m256i found = _mm256_cmpeq_epi32(tags, _mm256_set1_epi32((int)tag));
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(found));
#else
    uint32_t found = 0;
    for (uint32_t i = 0; i < LINE_SLOTS; i++)
        found |= (uint32_t)(line->tags[i] == tag) << i;
    return found;
#endif
}

static inline uint32_t line_empty(const struct line *line)
{
    return line_find(line, 0);
}

/* The first of the slots that are found, of which there is one. */
static inline uint32_t first_slot(uint32_t found)
{
    return (uint32_t)__builtin_ctz(found);
}

#endif
