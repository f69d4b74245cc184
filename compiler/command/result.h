/*
 * Results: printed as JSON, or written to a file whose name says the format.
 *
 *     .json        any result
 *     .jsonl       an array, each item of its first dimension on a line
 *     .txt         a string as it is, or strings, each on a line
 *     .csv         an array of numbers of rank 1 or 2, or one of flat structs
 *     .npy         an array of numbers
 *     FOLDER/      a tuple or struct, each part in a file of its own (result_folder.h)
 *     other names  an array of numbers, as raw little-endian bytes, row-major
 */
#ifndef WKC_COMMAND_RESULT_H
#define WKC_COMMAND_RESULT_H

#include "base/buffer.h"
#include "base/error.h"
#include "value/array_file.h"
#include "value/type.h"
#include "world/world.h"

/* Whether a result of this type can be written to `path`, and its folder be written to: 0 or an
 * error. Called before the job runs, so that no work is lost. */
int result_check(const struct type *type, const char *path, struct error *error);

/* The second half of it. */
int result_check_folder(const char *path, struct error *error);

/* The same of a file that is written as a whole, which must be none that is a folder. */
int result_check_file(const char *path, struct error *error);

/* A file that a job writes the result to piece by piece; see struct job_output. */
struct result_file {
    struct job_output output;
    const struct type *type;
    const char *path;
    struct array_file file;
    bool is_open;
};

/* The job's output for a result that `path` takes in pieces, or NULL when it does not. `file` is
 * the caller's, and lives until it is closed. */
struct job_output *result_file_init(struct result_file *file, const struct type *type,
                                    const char *path);

/* Makes the file appear if the job has ended well; else nothing remains of it. Nothing to do when
 * the job has not begun one. */
int result_file_close(struct result_file *file, bool ended_well, struct error *error);

/* Writes the result atomically. */
int result_write(const struct type *type, const uint64_t *words, const char *path,
                 struct error *error);

/* The result as one line of JSON. */
void result_print(const struct type *type, const uint64_t *words, struct buffer *out);

#endif
