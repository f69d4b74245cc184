/*
 * CSV: arrays of scalars in and out (spec/value.md). Fields are separated by commas, and quoted as
 * RFC 4180 says; lines end in \n or \r\n; a byte order mark at the beginning is skipped.
 */
#ifndef WKC_VALUE_CSV_H
#define WKC_VALUE_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "value/type.h"

/* Where a table is read from: a file, piece by piece, or a text in memory. */
struct csv_source {
    const char *name; /* the file's, for messages */
    const char *text; /* NULL: `file` has it */
    int file;         /* a descriptor for pread */
    uint64_t length;  /* in bytes */
    uint32_t threads; /* that read it, the calling one included; at least 1 */
};

/* Reads an array of scalars of rank 1 (a field a line) or 2: its extents, and its elements dense
 * and row-major (free *data; NULL when there are none). Messages name line and column. */
int csv_read_array(const struct csv_source *source, const struct type *type, int64_t *extents,
                   void **data, struct error *error);

/* Appends rows [first, end) of an array of scalars of rank 1 or 2, as words of wk.h. */
void csv_print_rows(const struct type *type, const uint64_t *words, int64_t first, int64_t end,
                    struct buffer *out);

#endif
