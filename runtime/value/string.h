/*
 * Strings: UTF-8 by address and length, as kernels (wk.h) and elaboration use them. None of these
 * keeps or changes what it reads; a length of 0 goes with any address.
 */
#ifndef WKC_VALUE_STRING_H
#define WKC_VALUE_STRING_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

/* The offset of the first byte that does not belong to well-formed UTF-8 (Unicode 15, table 3-7: no
 * overlong forms, no surrogates, nothing above U+10FFFF, nothing cut off): where the character that
 * is wrong begins, as Python's strict decoder says. `length` if all is well. */
uint64_t string_check(const char *text, uint64_t length);

/* -1, 0 or 1: by bytes, which is the order of code points. */
int64_t string_compare(const char *a, uint64_t a_length, const char *b, uint64_t b_length);

/* Whether offset `at`, at most `length`, lies between two characters. */
bool string_is_boundary(const char *text, uint64_t length, uint64_t at);

/* Checks the slice low..high: 0, ERR_slice_out_of_bounds, or ERR_text_boundary. One that ends
 * before it begins is empty. */
int string_slice(const char *text, uint64_t length, int64_t low, int64_t high, uint64_t *begin,
                 uint64_t *count, struct error *error);

/* Copies the bytes of a string: short ones, which are most, in two words that overlap. */
static inline void string_copy(char *to, const char *from, uint64_t length)
{
    if (length > 16) {
        memcpy(to, from, length);
    } else if (length >= 8) {
        uint64_t words[2];
        memcpy(&words[0], from, 8);
        memcpy(&words[1], from + length - 8, 8);
        memcpy(to, &words[0], 8);
        memcpy(to + length - 8, &words[1], 8);
    } else if (length >= 4) {
        uint32_t words[2];
        memcpy(&words[0], from, 4);
        memcpy(&words[1], from + length - 4, 4);
        memcpy(to, &words[0], 4);
        memcpy(to + length - 4, &words[1], 4);
    } else {
        for (uint64_t i = 0; i < length; i++)
            to[i] = from[i];
    }
}

#endif
