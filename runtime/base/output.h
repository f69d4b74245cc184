/*
 * Files that appear whole or not at all: written without a name, synced, named and renamed.
 *
 *     struct output output;
 *     if ((code = output_open(&output, path, error)))
 *         return code;
 *     code = output_write(&output, data, bytes, error);     // any number of times
 *     return code ? (output_abandon(&output), code) : output_commit(&output, error);
 *
 * What was there before stays until the commit. A symbolic link is followed. What is not a regular
 * file (/dev/null, a pipe) is written directly.
 */
#ifndef WKC_BASE_OUTPUT_H
#define WKC_BASE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct output {
    int file;
    bool is_direct;  /* what is no regular file */
    char *path;      /* the name after links are followed */
    char *temporary; /* the name before the commit; NULL: it has none yet */
};

/* 0 or ERR_file_unwritable. When opening fails there is nothing to abandon. */
int output_open(struct output *output, const char *path, struct error *error);

int output_write(struct output *output, const void *data, size_t bytes, struct error *error);

/* Writes to a place of its own, past the end too. Not for what is_direct. Any number of threads may
 * do so at once. */
int output_write_at(const struct output *output, const void *data, size_t bytes, uint64_t offset,
                    struct error *error);

/* Makes the file so many bytes long; what is not written reads as zeros. */
int output_resize(const struct output *output, uint64_t bytes, struct error *error);

/* Makes the file appear, with all its bytes on the disk. The output is closed in any case. */
int output_commit(struct output *output, struct error *error);

/* Closes and removes what was written. */
void output_abandon(struct output *output);

#endif
