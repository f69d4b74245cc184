/*
 * Under the address sanitizer memory that is kept for later use is out of bounds, and new memory
 * begins with nonsense: so whoever uses it too late or too early is found. Otherwise these do
 * nothing.
 */
#ifndef WKC_VALUE_POISON_H
#define WKC_VALUE_POISON_H

#include <stdint.h>
#include <string.h>

#include "base/sanitizer.h"

#if HAS_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>

static inline void poison_hide(void *data, uint64_t bytes)
{
    __asan_poison_memory_region(data, bytes);
}

static inline void poison_show(void *data, uint64_t bytes)
{
    __asan_unpoison_memory_region(data, bytes);
}

static inline void poison_spoil(void *data, uint64_t bytes)
{
    memset(data, 0xFB, bytes < 4096 ? bytes : 4096);
}

#else

static inline void poison_hide(void *data, uint64_t bytes)
{
    (void)data, (void)bytes;
}

static inline void poison_show(void *data, uint64_t bytes)
{
    (void)data, (void)bytes;
}

static inline void poison_spoil(void *data, uint64_t bytes)
{
    (void)data, (void)bytes;
}

#endif

#endif
