/*
 * wk_sort and wk_order: numbers in ascending order, by keys.
 *
 * Each number has a key, an unsigned word in whose order numbers sort: of integers the value with
 * the sign bit flipped; of floats the bits, complemented when negative, else with the sign bit set
 * (so -0 comes before +0), and the largest word for every NaN. Keys go back to numbers, so sort
 * moves keys only; order moves the numbers' positions with them.
 *
 * Many keys are sorted from the least to the most significant byte, by counting (Knuth, The Art of
 * Computer Programming 5.2.5: radix list sort; stable). All bytes are counted in one pass, and a
 * byte that all keys have in common is passed over. Few keys are sorted by insertion.
 */
#include <string.h>

#include "wk.h"

/* TURNS lie between two looks at the stop flag: some milliseconds. */
enum { FEW = 48, BYTES = 8, DIGITS = 256, TURNS = 1 << 20 };

/* The end of the items from `begin` on that are worked on without a look at the stop flag. */
static inline uint64_t turns_end(uint64_t begin, uint64_t count)
{
    return count - begin < TURNS ? count : begin + TURNS;
}

/* ---- Keys ----------------------------------------------------------------------------------- */

static const uint64_t sign_bit = UINT64_C(1) << 63;

static inline uint64_t key_of_signed(int64_t value)
{
    return (uint64_t)value ^ sign_bit;
}

static inline uint64_t key_of_f64(uint64_t bits)
{
    if ((bits & ~sign_bit) > UINT64_C(0x7ff) << 52)
        return UINT64_MAX;
    return bits & sign_bit ? ~bits : bits | sign_bit;
}

static inline uint64_t f64_of_key(uint64_t key)
{
    if (key == UINT64_MAX)
        return UINT64_C(0x7ff8) << 48;
    return key & sign_bit ? key ^ sign_bit : ~key;
}

static inline uint64_t key_of_f32(uint32_t bits)
{
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return UINT32_MAX;
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static inline uint32_t f32_of_key(uint64_t key)
{
    if (key == UINT32_MAX)
        return 0x7fc00000u;
    return key & 0x80000000u ? (uint32_t)key ^ 0x80000000u : ~(uint32_t)key;
}

/* Writes the keys of `count` numbers, each `step` words behind the one before. */
static void write_keys(enum wk_scalar scalar, const void *data, uint64_t count, uint64_t *keys,
                       uint64_t step)
{
#define KEYS(type, key)                                                                            \
    for (uint64_t i = 0; i < count; i++) {                                                         \
        type value = ((const type *)data)[i];                                                      \
        keys[i * step] = key;                                                                      \
    }                                                                                              \
    return
    switch (scalar) {
    case WK_BOOL:
    case WK_U8:
        KEYS(uint8_t, value);
    case WK_I8:
        KEYS(int8_t, key_of_signed(value));
    case WK_I16:
        KEYS(int16_t, key_of_signed(value));
    case WK_I32:
        KEYS(int32_t, key_of_signed(value));
    case WK_I64:
        KEYS(int64_t, key_of_signed(value));
    case WK_U16:
        KEYS(uint16_t, value);
    case WK_U32:
        KEYS(uint32_t, value);
    case WK_U64:
        KEYS(uint64_t, value);
    case WK_F32:
        KEYS(uint32_t, key_of_f32(value));
    case WK_F64:
        KEYS(uint64_t, key_of_f64(value));
    }
#undef KEYS
}

/* Writes the numbers that have these keys. */
static void read_keys(enum wk_scalar scalar, const uint64_t *keys, uint64_t count, void *data)
{
#define NUMBERS(type, number)                                                                      \
    for (uint64_t i = 0; i < count; i++) {                                                         \
        uint64_t key = keys[i];                                                                    \
        ((type *)data)[i] = (type)(number);                                                        \
    }                                                                                              \
    return
    switch (scalar) {
    case WK_BOOL:
    case WK_U8:
        NUMBERS(uint8_t, key);
    case WK_I8:
        NUMBERS(uint8_t, key ^ sign_bit);
    case WK_I16:
        NUMBERS(uint16_t, key ^ sign_bit);
    case WK_I32:
        NUMBERS(uint32_t, key ^ sign_bit);
    case WK_I64:
        NUMBERS(uint64_t, key ^ sign_bit);
    case WK_U16:
        NUMBERS(uint16_t, key);
    case WK_U32:
        NUMBERS(uint32_t, key);
    case WK_U64:
        NUMBERS(uint64_t, key);
    case WK_F32:
        NUMBERS(uint32_t, f32_of_key(key));
    case WK_F64:
        NUMBERS(uint64_t, f64_of_key(key));
    }
#undef NUMBERS
}

/* ---- Sorting items: a key, and behind it `words - 1` words that go with it --------------------
 */

static inline void move_item(uint64_t *to, const uint64_t *from, unsigned words)
{
    to[0] = from[0];
    if (words > 1)
        to[1] = from[1];
}

static inline void insert_items(uint64_t *items, uint64_t count, unsigned words)
{
    for (uint64_t i = 1; i < count; i++) {
        uint64_t item[2], at = i;
        move_item(item, items + i * words, words);
        for (; at > 0 && items[(at - 1) * words] > item[0]; at--)
            move_item(items + at * words, items + (at - 1) * words, words);
        move_item(items + at * words, item, words);
    }
}

/* Returns a status, as all that go over many items. */
static int32_t count_digits(struct wk_context *context, const uint64_t *items, uint64_t count,
                            unsigned words, uint64_t counts[BYTES][DIGITS])
{
    memset(counts, 0, sizeof(uint64_t) * BYTES * DIGITS);
    for (uint64_t begin = 0, end; begin < count; begin = end) {
        if (wk_should_stop(context))
            return wk_stopped(context);
        end = turns_end(begin, count);
        for (uint64_t i = begin; i < end; i++)
            for (unsigned byte = 0; byte < BYTES; byte++)
                counts[byte][items[i * words] >> 8 * byte & 0xff]++;
    }
    return 0;
}

static inline void scatter_turns(const uint64_t *items, uint64_t *other, uint64_t count,
                                 unsigned words, unsigned byte, uint64_t *places)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = places[items[i * words] >> 8 * byte & 0xff]++;
        move_item(other + at * words, items + i * words, words);
    }
}

/* One pass: from `items` to `other`, in the order of one byte. */
static inline int32_t scatter(struct wk_context *context, const uint64_t *items, uint64_t *other,
                              uint64_t count, unsigned words, unsigned byte, uint64_t *counts)
{
    uint64_t begin = 0;
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        uint64_t number = counts[digit];
        counts[digit] = begin;
        begin += number;
    }
    for (uint64_t at = 0, end; at < count; at = end) {
        if (wk_should_stop(context))
            return wk_stopped(context);
        end = turns_end(at, count);
        scatter_turns(items + at * words, other, end - at, words, byte, counts);
    }
    return 0;
}

/* Sorts `items`; the sorted ones are in `items` or in `other`: *sorted. Returns a status. */
static inline int32_t sort_items(struct wk_context *context, uint64_t *items, uint64_t *other,
                                 uint64_t count, unsigned words, uint64_t **sorted)
{
    uint64_t counts[BYTES][DIGITS];
    *sorted = items;
    if (count <= FEW) {
        insert_items(items, count, words);
        return 0;
    }
    int32_t status = count_digits(context, items, count, words, counts);
    if (status)
        return status;
    for (unsigned byte = 0; byte < BYTES; byte++) {
        if (counts[byte][items[0] >> 8 * byte & 0xff] == count)
            continue;
        status = scatter(context, items, other, count, words, byte, counts[byte]);
        if (status)
            return status;
        uint64_t *swap = items;
        items = other;
        other = swap;
    }
    *sorted = items;
    return 0;
}

/* ---- The functions that kernels call --------------------------------------------------------- */

/* Room for `count` items twice; NULL with a failure recorded. */
static uint64_t *new_items(struct wk_context *context, uint64_t count, unsigned words)
{
    uint64_t bytes;
    if (__builtin_mul_overflow(count, 2 * words * sizeof(uint64_t), &bytes))
        bytes = UINT64_MAX - WK_HEADER_BYTES - WK_ALIGN; /* more than there is */
    return wk_alloc(context, bytes);
}

int32_t wk_sort(struct wk_context *context, enum wk_scalar scalar, void *data, uint64_t count)
{
    uint64_t *keys = new_items(context, count, 1), *sorted;
    if (!keys)
        return wk_failed(context);
    write_keys(scalar, data, count, keys, 1);
    int32_t status = sort_items(context, keys, keys + count, count, 1, &sorted);
    if (status == 0)
        read_keys(scalar, sorted, count, data);
    wk_free(context, keys);
    return status;
}

int32_t wk_order(struct wk_context *context, enum wk_scalar scalar, const void *data,
                 uint64_t count, int64_t *order)
{
    uint64_t *items = new_items(context, count, 2), *sorted;
    if (!items)
        return wk_failed(context);
    write_keys(scalar, data, count, items, 2);
    for (uint64_t i = 0; i < count; i++)
        items[2 * i + 1] = i;
    int32_t status = sort_items(context, items, items + 2 * count, count, 2, &sorted);
    for (uint64_t i = 0; i < count && status == 0; i++)
        order[i] = (int64_t)sorted[2 * i + 1];
    wk_free(context, items);
    return status;
}
