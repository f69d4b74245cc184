/*
 * Reading a hyper-rectangle of an array that lies in a file, dense, in either order, without the
 * rest of it: with pread, and a buffer of at most 1 MiB.
 */
#ifndef WKC_VALUE_RECTANGLE_H
#define WKC_VALUE_RECTANGLE_H

#include <stdbool.h>
#include <stdint.h>

#include "wk.h"

/* Reads `bytes` bytes from `offset` on, that are there. 0, or not. Any thread calls it. */
struct rectangle_reader {
    int (*read)(struct rectangle_reader *reader, void *out, uint64_t bytes, uint64_t offset);
};

struct rectangle_source {
    int file;
    struct rectangle_reader *reader; /* instead of the file; or NULL */
    uint64_t offset; /* of the first element */
    uint32_t element_bytes;
    uint8_t rank; /* at least 1 */
    bool fortran; /* the first index varies fastest */
    int64_t extents[WK_MAX_RANK];
};

enum rectangle_result {
    RECTANGLE_OK,
    RECTANGLE_SHORT,     /* the file ended before the rectangle did */
    RECTANGLE_FAILED,    /* errno says why */
    RECTANGLE_NO_MEMORY, /* for the buffer */
};

/* Reads the elements begin[d] <= index < begin[d] + count[d], which lie within the extents, into
 * `out`, dense and row-major. */
enum rectangle_result rectangle_read(const struct rectangle_source *source, const int64_t *begin,
                                     const int64_t *count, void *out);

#endif
