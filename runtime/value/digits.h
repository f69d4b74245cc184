/*
 * The digits of a field of a table, up to 32 at a time: where the field ends, and what its digits
 * say, without a branch for each of them. With AVX2 the bytes are compared and multiplied all at
 * once; elsewhere plain loops do the same.
 *
 * Truth values that enter into the sums are made by arithmetic. A comparison sets one byte of a
 * register, which then waits for what the register held before: the last number, of which the next
 * one would otherwise need nothing. (As gcc 12 has it, that made a field take 13 ns, and not 7.5.)
 *
 * All of these read up to DIGITS_BEFORE bytes before the field and DIGITS_BEHIND behind its begin:
 * the memory must be there, whatever it holds.
 */
#ifndef WKC_VALUE_DIGITS_H
#define WKC_VALUE_DIGITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVX2__
#include <immintrin.h>
#endif

enum { DIGITS_BEFORE = 40, DIGITS_BEHIND = 40, DIGITS_NONE = 32 };

/* A decimal without sign and exponent: digits / 10^fraction. */
struct digits {
    uint64_t digits;
    uint32_t fraction; /* digits behind the point */
    bool has_point;
};

/* How many bytes stand before the next comma, end of a line, or other character below '-';
 * DIGITS_NONE if none is among the next 32. */
static inline uint32_t digits_field_length(const char *at)
{
#ifdef __AVX2__
    __m256i text = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i ends = _mm256_cmpgt_epi8(_mm256_set1_epi8('-'), text);
    return _tzcnt_u32((uint32_t)_mm256_movemask_epi8(ends)); /* 32 if there is none */
#else
    uint32_t length = 0;
    while (length < DIGITS_NONE && (signed char)at[length] >= '-')
        length++;
    return length;
#endif
}

/* 1 if a field begins with a minus sign, or else 0. */
static inline uint32_t digits_minus(const char *at)
{
    return (((uint32_t)(uint8_t)*at ^ '-') - 1) >> 31;
}

/* Digits past which a number may not fit 64 bits: these many hundreds of 10^16. */
enum { DIGITS_MOST_HIGH = 1843 };

#ifdef __AVX2__

/* Where the point of a field stands; at least its length if it has none. */
static inline uint32_t digits_point(const char *at)
{
    __m256i text = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i point = _mm256_cmpeq_epi8(text, _mm256_set1_epi8('.'));
    return _tzcnt_u32((uint32_t)_mm256_movemask_epi8(point));
}

/* The last lanes, so many of them: all bits set, and in the others none. */
static inline __m256i digits_last_lanes(uint32_t count)
{
#define EIGHT(bits) bits, bits, bits, bits, bits, bits, bits, bits
    static const int8_t lanes[96] = {EIGHT(0),  EIGHT(0),  EIGHT(0),  EIGHT(0),
                                     EIGHT(-1), EIGHT(-1), EIGHT(-1), EIGHT(-1),
                                     EIGHT(-1), EIGHT(-1), EIGHT(-1), EIGHT(-1)};
#undef EIGHT
    return _mm256_loadu_si256((const __m256i *)(const void *)(lanes + count));
}

/* Groups of eight digits, the last first, of 32 bytes that hold digits. */
static inline void digits_groups(__m256i digits, uint64_t groups[4])
{
    const __m256i tens = _mm256_set1_epi16(1 << 8 | 10),
                  hundreds = _mm256_set1_epi32(1 << 16 | 100),
                  thousands = _mm256_set1_epi32(1 << 16 | 10000);
    __m256i pairs = _mm256_maddubs_epi16(digits, tens);
    __m256i fours = _mm256_madd_epi16(pairs, hundreds);
    __m256i eights = _mm256_madd_epi16(_mm256_packus_epi32(fours, fours), thousands);
    uint64_t high = (uint64_t)_mm_cvtsi128_si64(_mm256_castsi256_si128(eights));
    uint64_t low = (uint64_t)_mm_cvtsi128_si64(_mm256_extracti128_si256(eights, 1));
    groups[0] = low >> 32;
    groups[1] = (uint32_t)low;
    groups[2] = high >> 32;
    groups[3] = (uint32_t)high;
}

/* Reads a field of `length` bytes, at most 32, of which the first `skip` (a sign) do not count,
 * that is nothing but digits with a point among them or none; at most 19 digits or so behind zeros.
 * False if it is anything else.
 *
 * The field's last byte is moved to the last lane. Up to the point the lanes take the byte before
 * theirs, so that the point is gone, and the lanes before the field are zeros. */
static inline bool digits_read(const char *at, uint32_t length, uint32_t skip, struct digits *out)
{
    uint32_t point = digits_point(at);
    uint32_t points = (point - length) >> 31;
    bool has_point = points != 0;
    uint32_t fraction = has_point ? length - 1 - point : 0, fixed = has_point ? fraction : 32;
    uint32_t count = length - skip - points;
    const char *end = at + length;
    __m256i text = _mm256_loadu_si256((const __m256i *)(const void *)(end - 32));
    __m256i moved = _mm256_loadu_si256((const __m256i *)(const void *)(end - 33));
    __m256i bytes = _mm256_blendv_epi8(moved, text, digits_last_lanes(fixed));
    __m256i digits = _mm256_sub_epi8(bytes, _mm256_set1_epi8('0'));
    digits = _mm256_and_si256(digits, digits_last_lanes(count & 63));
    __m256i excess = _mm256_subs_epu8(digits, _mm256_set1_epi8(9));
    uint64_t groups[4];
    digits_groups(digits, groups);
    out->digits = groups[0] + groups[1] * 100000000 + groups[2] * 10000000000000000;
    out->fraction = fraction;
    out->has_point = has_point;
    return _mm256_testz_si256(excess, excess) && (int32_t)count > 0 && groups[3] == 0 &&
           groups[2] <= DIGITS_MOST_HIGH;
}

#else

static inline bool digits_read(const char *at, uint32_t length, uint32_t skip, struct digits *out)
{
    *out = (struct digits){0};
    for (uint32_t i = skip; i < length; i++) {
        uint32_t digit = (uint8_t)at[i] - (uint32_t)'0';
        if (at[i] == '.' && !out->has_point) {
            out->has_point = true;
            continue;
        }
        if (digit > 9 || out->digits / 1000000000000000 > DIGITS_MOST_HIGH)
            return false;
        out->digits = 10 * out->digits + digit;
        out->fraction += out->has_point;
    }
    return length > skip + out->has_point;
}

#endif

#endif
