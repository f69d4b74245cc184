/*
 * Hashes of memory for tables in the process. Fixed (unseeded) and the same everywhere, so that
 * whatever depends on their order is deterministic.
 */
#ifndef WKC_BASE_HASH_H
#define WKC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The finalizer of MurmurHash3 (Appleby, public domain): a bijection that mixes all bits. */
static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    x ^= x >> 33;
    return x;
}

static inline uint64_t hash_combine(uint64_t hash, uint64_t word)
{
    return hash_mix(hash ^ (word + 0x9e3779b97f4a7c15ULL + (hash << 6) + (hash >> 2)));
}

static inline uint64_t hash_bytes(const void *data, size_t length)
{
    const unsigned char *bytes = data;
    uint64_t hash = hash_mix(length + 0x9e3779b97f4a7c15ULL);
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        hash = hash_combine(hash, word);
        bytes += 8;
        length -= 8;
    }
    uint64_t tail = 0;
    for (size_t i = 0; i < length; i++)
        tail |= (uint64_t)bytes[i] << (8 * i);
    return hash_combine(hash, tail);
}

#endif
