/*
 * The hashes and tags of a map's keys (map.c).
 *
 * Hashes are fixed: whatever depends on them is the same everywhere. That of texts multiplies to
 * 128 bits and folds the halves, as wyhash does (Wang Yi, public domain).
 */
#ifndef WKC_VALUE_MAP_HASH_H
#define WKC_VALUE_MAP_HASH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "value/map_index.h"
#include "value/short_text.h"
#include "wk.h"

/* Kinds of keys with code of their own. It is a constant argument of functions that are inlined. */
enum key_kind { KEY_INTEGER, KEY_TEXT, KEY_PARTS };
#define INLINED static inline __attribute__((always_inline))

static inline enum key_kind kind_of(const struct wk_layout *layout)
{
    uint8_t kind = layout->parts[0]->kind;
    return kind == WK_STRING ? KEY_TEXT : kind == WK_PARTS ? KEY_PARTS : KEY_INTEGER;
}

static inline uint64_t *address_of(uint64_t word)
{
    return (uint64_t *)(uintptr_t)word;
}

static const uint64_t HASH_A = 0xa0761d6478bd642fULL, HASH_B = 0xe7037ed1a0b428dbULL,
                      HASH_C = 0x8ebc6af09c88c6e3ULL;

INLINED uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

INLINED uint64_t read8(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

INLINED uint64_t read4(const char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* The two words of read_short, of a text that has room, without a branch. */
INLINED void read_short_at_once(const char *text, uint64_t length, uint64_t *a, uint64_t *b)
{
    uint64_t is_8 = -(uint64_t)(length >= 8), is_4 = -(uint64_t)(length >= 4);
    uint64_t first = short_text_word(text), bytes = (is_8 | UINT32_MAX) & is_4;
    uint64_t second = short_text_word(text + ((length - 4 - (is_8 & 4)) & is_4));
    uint64_t few = (first & 0xff) << 16 | (first >> (8 * (length >> 1) & 63) & 0xff) << 8 |
                   (first >> (8 * (length - 1) & 63) & 0xff);
    *a = (first & bytes) | (few & ~is_4);
    *b = second & bytes;
}

/* All bytes of a text of at most 16, in two words that overlap. */
INLINED void read_short(const char *text, uint64_t length, uint64_t *a, uint64_t *b)
{
    if (short_text_has_room(text, length)) {
        read_short_at_once(text, length, a, b);
    } else if (length >= 8) {
        *a = read8(text);
        *b = read8(text + length - 8);
    } else if (length >= 4) {
        *a = read4(text);
        *b = read4(text + length - 4);
    } else if (length) {
        *a = (uint64_t)(uint8_t)text[0] << 16 | (uint64_t)(uint8_t)text[length >> 1] << 8 |
             (uint8_t)text[length - 1];
        *b = 0;
    } else {
        *a = *b = 0;
    }
}

static inline uint64_t hash_long(const char *text, uint64_t length)
{
    uint64_t hash = length ^ HASH_C;
    const char *last = text + length - 16;
    for (; text < last; text += 16)
        hash = fold(read8(text) ^ HASH_A, read8(text + 8) ^ hash);
    return fold(fold(read8(last) ^ HASH_B, read8(last + 8) ^ hash), HASH_A);
}

INLINED uint64_t hash_text(const char *text, uint64_t length)
{
    uint64_t a, b;
    if (length > SHORT_TEXT)
        return hash_long(text, length);
    read_short(text, length, &a, &b);
    return fold(fold(a ^ HASH_A, b ^ length ^ HASH_C), HASH_B);
}

INLINED uint64_t hash_integer(uint64_t key)
{
    return fold(key ^ HASH_A, HASH_B);
}

static inline uint64_t hash_words(const struct wk_layout *layout, const uint64_t *words)
{
    if (layout->kind == WK_STRING)
        return hash_text((const char *)address_of(words[0]), words[1]);
    if (layout->kind != WK_PARTS)
        return hash_integer(words[0]);
    uint64_t hash = HASH_C;
    for (uint32_t i = 0; i < layout->part_count; words += layout->parts[i++]->words)
        hash = fold(hash ^ HASH_A, hash_words(layout->parts[i], words) ^ HASH_B);
    return hash;
}

/* Eight neighbours, which often come together, differ in the last bits alone. */
INLINED uint32_t tag_of_integer(uint64_t key)
{
    return (uint32_t)(hash_integer(key / LINE_SLOTS) >> 32) ^ (uint32_t)(key % LINE_SLOTS);
}

INLINED uint32_t tag_of(enum key_kind kind, const struct wk_layout *layout, const uint64_t *key)
{
    uint32_t tag = kind == KEY_INTEGER ? tag_of_integer(key[0])
                   : kind == KEY_TEXT
                       ? (uint32_t)(hash_text((const char *)address_of(key[0]), key[1]) >> 32)
                       : (uint32_t)(hash_words(layout->parts[0], key) >> 32);
    return __builtin_expect(tag != 0, true) ? tag : 1; /* 0 is an empty slot's */
}

#endif
