/*
 * NumPy's .npy files, versions 1.0 to 3.0, and the writing of raw bytes. Reading goes through
 * data_file.h.
 *
 * The format is that of NumPy's enhancement proposal 1 and numpy/lib/format.py: the magic string,
 * two bytes of version, the header's length, and the header, which is a Python dictionary with the
 * keys descr, fortran_order and shape. Data follow it.
 */
#ifndef WKC_VALUE_NPY_H
#define WKC_VALUE_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "value/type.h"

struct npy_header {
    enum wk_scalar scalar;
    bool swap;    /* elements have the other byte order than this machine's */
    bool fortran; /* the first index varies fastest */
    uint8_t rank; /* 0 for a single number */
    int64_t extents[WK_MAX_RANK];
    uint64_t data_offset; /* of the first element in the file */
};

/* The longest header that is read: NumPy itself refuses more than 10,000 bytes. */
enum { NPY_PREFIX_BYTES = 12, NPY_HEADER_MAX = 1 << 16 };

/* The bytes from the file's begin that hold all of the header, told from the first NPY_PREFIX_BYTES
 * of it (fewer in a shorter file); 0 with *error filled when the file is no .npy or its header is
 * too long. `name` is the file's for messages. */
size_t npy_header_bytes(const unsigned char *bytes, size_t length, const char *name,
                        struct error *error);

/* Reads the header from the file's first `length` bytes. 0, or an error: malformed, of a
 * version or element type that is not supported, or of too high a rank. */
int npy_read_header(const unsigned char *bytes, size_t length, const char *name,
                    struct npy_header *header, struct error *error);

/* Appends the header, version 1.0, of a dense row-major array in this machine's byte order; its
 * length is a multiple of 64. */
void npy_write_header(enum wk_scalar scalar, uint8_t rank, const int64_t *extents,
                      struct buffer *out);

/* Writes a dense row-major array (words as in wk.h: address, extents) to `path` atomically, without
 * a second copy of the data. Scalars of bool to f64. */
int npy_write(const char *path, enum wk_scalar scalar, uint8_t rank, const uint64_t *words,
              struct error *error);

/* The same, without a header. */
int raw_write(const char *path, enum wk_scalar scalar, uint8_t rank, const uint64_t *words,
              struct error *error);

#endif
