/*
 * Values as JSON (spec/value.md): named tuples are objects, other tuples lists, arrays nested
 * lists, () is null; NaN, Infinity and -Infinity as Python writes them.
 */
#ifndef WKC_VALUE_JSON_H
#define WKC_VALUE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "value/type.h"

/* Appends the value on one line, without a newline. `words` are those of wk.h for `type`. */
void json_print(const struct type *type, const uint64_t *words, struct buffer *out);

/* The same in pieces, so that a large value's text is never in memory as a whole: `write` is called
 * with some 64 KiB at a time and returns 0, or an error's code with *error filled, which ends the
 * printing and is returned. */
int json_write(const struct type *type, const uint64_t *words,
               int (*write)(void *context, const char *text, size_t length, struct error *error),
               void *context, struct error *error);

/* The same for an array, as JSON lines: each item of its first dimension on a line of its own. */
int json_write_lines(const struct type *type, const uint64_t *words,
                     int (*write)(void *context, const char *text, size_t length,
                                  struct error *error),
                     void *context, struct error *error);

/* Whether a tuple or struct, which is not (), is an object: all of its parts are named. */
bool json_is_object(const struct type *tuple);

/* Reads an array of scalars: its extents, and its elements dense and row-major (free *data). Ragged
 * lists, numbers that do not fit, and anything else are an error. Numbers may be written as JSON,
 * Python (NaN, Infinity) or the language (100_000, 0xff, 8MiB, nan) writes them. *data is NULL when
 * there are no elements. `name` is the file's: messages begin with it, line and column; of a text
 * that was given inline, without a name, they say the byte. */
int json_read_array(const char *text, const char *name, const struct type *type, int64_t *extents,
                    void **data, struct error *error);

#endif
