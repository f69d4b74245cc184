/*
 * NumPy's .npy files (format 1.0 to 3.0), and raw bytes. Reading goes through data_file.h.
 */
#ifndef WKC_VALUE_NPY_H
#define WKC_VALUE_NPY_H

#include "base/error.h"
#include "value/type.h"

/* Writes a dense row-major array (words as in wk.h: address, extents) to `path` atomically, without a
 * second copy of the data. Scalars of bool to f64. */
int npy_write(const char *path, enum wk_scalar scalar, uint8_t rank, const uint64_t *words,
              struct error *error);

/* The same, without a header. */
int raw_write(const char *path, enum wk_scalar scalar, uint8_t rank, const uint64_t *words,
              struct error *error);

#endif
