/*
 * Values as JSON (spec/value.md): named tuples are objects, other tuples lists, arrays nested lists,
 * () is null; NaN, Infinity and -Infinity as Python writes them.
 */
#ifndef WKC_VALUE_JSON_H
#define WKC_VALUE_JSON_H

#include "base/buffer.h"
#include "base/error.h"
#include "value/type.h"

/* Appends the value on one line, without a newline. `words` are those of wk.h for `type`. */
void json_print(const struct type *type, const uint64_t *words, struct buffer *out);

/* Reads an array of scalars: its extents, and its elements dense and row-major (free *data). Ragged
 * lists, numbers that do not fit, and anything else are an error. */
int json_read_array(const char *text, const struct type *type, int64_t *extents, void **data,
                    struct error *error);

#endif
