/*
 * Results: printed as JSON, or written to a file whose name says the format.
 *
 *     .json        any result
 *     .npy         an array of numbers
 *     other names  an array of numbers, as raw little-endian bytes, row-major
 */
#ifndef WKC_COMMAND_RESULT_H
#define WKC_COMMAND_RESULT_H

#include "base/buffer.h"
#include "base/error.h"
#include "value/type.h"

/* Whether a result of this type can be written to `path`, and its folder be written to: 0 or an
 * error. Called before the job runs, so that no work is lost. */
int result_check(const struct type *type, const char *path, struct error *error);

/* The second half of it. */
int result_check_folder(const char *path, struct error *error);

/* Writes the result atomically. */
int result_write(const struct type *type, const uint64_t *words, const char *path,
                 struct error *error);

/* The result as one line of JSON. */
void result_print(const struct type *type, const uint64_t *words, struct buffer *out);

#endif
