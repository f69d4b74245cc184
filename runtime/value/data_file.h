/*
 * Input arrays: where a parameter of main finds its elements.
 *
 * A handle knows its shape from the beginning and reads any hyper-rectangle of it when asked, never
 * the whole. Handles may be read by several threads at once.
 */
#ifndef WKC_VALUE_DATA_FILE_H
#define WKC_VALUE_DATA_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "value/context.h"
#include "value/rectangle.h"

struct data_file;

/* Opens `path` for a parameter of type `type` (an array of scalars): a .csv or .json file (but for
 * u8[n]), which is read at once, by at most so many threads; a .npy file; or any other file as
 * u8[n]. NULL with *error filled (E7xx) when it cannot be read or does not fit the type. */
struct data_file *data_file_open(const char *path, const struct type *type, uint32_t threads,
                                 struct error *error);

/* Opens `path` as bytes, whatever it holds: what a parameter of type file is bound to. A handle
 * that is not kept open costs no descriptor: the file is opened for each read, and must still be
 * the same. */
struct data_file *data_file_open_bytes(const char *path, bool keep_open, struct error *error);

/* An array given inline on the command line, as JSON: "[0.1, 0.01]", "[[1, 2], [3, 4]]". */
struct data_file *data_file_inline(const char *text, const struct type *type, struct error *error);

/* What a leaf of a parameter was bound to as a whole (value_file.h): takes over the block, which is
 * dropped into the context when the file is closed. */
struct data_file *data_file_of_block(struct wk_block *block, struct context *context);
/* That block, or NULL: then there are elements to read, and no more. */
struct wk_block *data_file_block(const struct data_file *file);

/* Reads the whole of a text file, with a zero byte behind it (free it). 0; or an error, also when
 * it is UTF-16 or has a zero byte in it. */
int data_file_read_text(const char *path, char **text, size_t *length, struct error *error);

/* An array whose elements a reader gives, dense and row-major: an input that a client has stored.
 * `name` is what messages call it. The reader outlives the handle. */
struct data_file *data_file_remote(const char *name, struct rectangle_reader *reader,
                                   enum wk_scalar scalar, uint8_t rank, const int64_t *extents);

void data_file_close(struct data_file *file); /* NULL is allowed */

/* As it was given; NULL for an inline array. */
const char *data_file_path(const struct data_file *file);
const int64_t *data_file_extents(const struct data_file *file);

/* All elements, dense, row-major and aligned as a block's, if they are in memory for as long as the
 * handle is open; or NULL. */
const void *data_file_elements(const struct data_file *file);

/* Reads elements begin[d] <= index < begin[d] + count[d], dense and row-major, into `out`. 0, or an
 * error: the disk's, or that the file has changed since it was opened. Thread-safe. */
int data_file_read(struct data_file *file, const int64_t *begin, const int64_t *count, void *out,
                   struct error *error);

#endif
