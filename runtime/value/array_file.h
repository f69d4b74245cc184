/*
 * An array that is written to a file in pieces, in any order: a .npy file or raw bytes. Zeros
 * take no room where the file system can have holes. The file appears whole with the commit, or not
 * at all (base/output.h).
 */
#ifndef WKC_VALUE_ARRAY_FILE_H
#define WKC_VALUE_ARRAY_FILE_H

#include "base/error.h"
#include "base/output.h"
#include "wk.h"

struct array_file {
    struct output output;
    uint64_t offset; /* of the first element */
    uint32_t element_bytes;
    uint8_t rank;
    int64_t extents[WK_MAX_RANK];
};

enum array_file_format { ARRAY_FILE_NPY, ARRAY_FILE_RAW };

/* Begins a file for an array of a shape that shape_bytes accepts, of rank 1 or more. 0 or
 * ERR_file_unwritable; then there is nothing to abandon. */
int array_file_open(struct array_file *file, const char *path, enum array_file_format format,
                    enum wk_scalar scalar, uint8_t rank, const int64_t *extents,
                    struct error *error);

/* Writes the elements begin[d] <= index < begin[d] + count[d] from `data`, dense and row-major.
 * Several threads may do so at once, with pieces that do not overlap. */
int array_file_write(struct array_file *file, const int64_t *begin, const int64_t *count,
                     const void *data, struct error *error);

/* Makes the file appear; it is closed in any case. All of the array must have been written. */
int array_file_commit(struct array_file *file, struct error *error);

void array_file_abandon(struct array_file *file);

#endif
