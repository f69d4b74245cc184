/*
 * Values of any type from JSON (spec/value.md, V4.12): what json_print writes reads back as an
 * equal value.
 *
 * A tuple all of whose parts are named, and a struct, are objects, their members in any order, each
 * once and no others; other tuples are lists, () is null. Maps are objects, those with keys of
 * several parts lists of pairs. Numbers are as in inline arrays. Only files and functions have no
 * JSON.
 */
#ifndef WKC_VALUE_JSON_READ_H
#define WKC_VALUE_JSON_READ_H

#include <stdint.h>

#include "base/error.h"
#include "value/type.h"
#include "wk.h"

/* Reads a value in the form of kernels: `words` are those of the type, and own their blocks, which
 * are the context's (wk_alloc; wk_value_free frees them, a kernel may return them). `text` need not
 * end in a zero byte. `name` is the file's, for messages, which say line and column (in bytes, from
 * 1), or NULL for a text that was given inline.
 *
 * 0; or ERR_bad_inline_array, ERR_bad_parameter (a number that its type cannot hold) or
 * ERR_out_of_memory with *error filled: then nothing is owned. */
int json_read(struct wk_context *context, const char *text, size_t length, const char *name,
              const struct type *type, uint64_t *words, struct error *error);

/* The same of JSON lines, for an array: each item of its first dimension stands on a line of its
 * own. Lines of blanks are skipped. */
int json_read_lines(struct wk_context *context, const char *text, size_t length, const char *name,
                    const struct type *type, uint64_t *words, struct error *error);

#endif
