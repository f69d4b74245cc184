/*
 * Results in parts, each to a file of its own in a folder (-o FOLDER/): named after the part, or
 * its number; .npy for arrays of numbers, .json for the rest (spec/value.md, V5.10).
 */
#ifndef WKC_COMMAND_RESULT_FOLDER_H
#define WKC_COMMAND_RESULT_FOLDER_H

#include <stdbool.h>

#include "base/error.h"
#include "value/type.h"

/* Whether `path`, as -o has it, names a folder: it ends in a slash. */
bool result_is_folder(const char *path);

/* Whether a result of this type can be written there: it has parts, and the folder is not there
 * yet, or empty. 0 or an error. */
int result_folder_check(const struct type *type, const char *path, struct error *error);

/* Writes all parts, after which the folder appears. */
int result_folder_write(const struct type *type, const uint64_t *words, const char *path,
                        struct error *error);

#endif
