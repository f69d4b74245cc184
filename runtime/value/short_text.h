/*
 * Texts of 1 to 16 bytes as two words. Most words of a text are so short, and their lengths are
 * what a processor cannot foresee: so nothing here branches on them. Instead the 16 bytes from the
 * text's first one on are read, whatever stands behind it, if they are in one page of memory; what
 * does not belong to the text is masked. Sanitizers would rightly mind, and do not look there.
 */
#ifndef WKC_VALUE_SHORT_TEXT_H
#define WKC_VALUE_SHORT_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sanitizer.h"

enum { SHORT_TEXT = 16, LEAST_PAGE = 4096 };

/* Whether the text has 1 to 16 bytes, and 16 can be read from its first one on. */
static inline bool short_text_has_room(const char *text, uint64_t length)
{
    bool in_page = (uintptr_t)text % LEAST_PAGE <= LEAST_PAGE - SHORT_TEXT;
    return __builtin_expect((length - 1 < SHORT_TEXT) & in_page, true);
}

#if HAS_ADDRESS_SANITIZER || HAS_THREAD_SANITIZER
#define SHORT_TEXT_READER                                                                          \
    static __attribute__((noinline, unused, no_sanitize_address, no_sanitize_thread))
#else
#define SHORT_TEXT_READER static inline
#endif

/* Eight bytes, of which some may lie behind the text. */
SHORT_TEXT_READER uint64_t short_text_word(const char *at)
{
    typedef uint64_t __attribute__((aligned(1), may_alias)) loose_word;
    return *(const loose_word *)(const void *)at;
}

/* The bits of the first `length` bytes of a word; all of more than eight. */
static inline uint64_t short_text_mask(uint64_t length)
{
    return length >= 8 ? UINT64_MAX : ((uint64_t)1 << 8 * length) - 1;
}

/* Of 9 to 16 bytes, those of the second word. */
static inline uint64_t short_text_rest(uint64_t length)
{
    return length > 8 ? short_text_mask(length - 8) : 0;
}

/* These want room for the text. */

static inline bool short_text_equal(const char *left, const char *right, uint64_t length)
{
    uint64_t first = short_text_word(left) ^ short_text_word(right);
    uint64_t second = short_text_word(left + 8) ^ short_text_word(right + 8);
    return !((first & short_text_mask(length)) | (second & short_text_rest(length)));
}

static inline bool short_text_is_ascii(const char *text, uint64_t length)
{
    uint64_t first = short_text_word(text) & short_text_mask(length);
    uint64_t second = short_text_word(text + 8) & short_text_rest(length);
    return !((first | second) & UINT64_C(0x8080808080808080));
}

#endif
