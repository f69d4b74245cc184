/*
 * Tables of records: arrays of structs (or of tuples all of whose parts are named) whose fields are
 * scalars and strings, as CSV with a header of the fields' names (spec/value.md, V4.15 and V5.9).
 */
#ifndef WKC_VALUE_CSV_RECORDS_H
#define WKC_VALUE_CSV_RECORDS_H

#include "base/buffer.h"
#include "base/error.h"
#include "value/type.h"
#include "wk.h"

/* Whether the type is that of such an array. */
bool csv_is_records(const struct type *type);

/* Reads an array of records, its columns found by their names. The text is UTF-8 and ends in
 * a zero byte, which `length` does not count, and has no other. `words` get the array; it and its
 * strings are owned as a kernel's own are. 0; or an error that
 * names line and column: then what was made remains with the context, which ends with an error. */
int csv_read_records(struct wk_context *context, const char *text, size_t length, const char *name,
                     const struct type *type, uint64_t *words, struct error *error);

/* Appends the names of the fields, as the first line. */
void csv_print_header(const struct type *type, struct buffer *out);

/* Appends records [first, end) of an array, as words of wk.h. */
void csv_print_records(const struct type *type, const uint64_t *words, int64_t first, int64_t end,
                       struct buffer *out);

#endif
