/*
 * Values of any type, but files, from outside: JSON that is given inline, or a file whose name says
 * its format (spec/value.md, V4.12 to V4.15). They are read whole.
 */
#ifndef WKC_VALUE_VALUE_FILE_H
#define WKC_VALUE_VALUE_FILE_H

#include "value/context.h"

/* Reads a value as a task gives its result: `leaves` are those of the type (value_leaves), and
 * `results` gets their words, each block of which is the caller's. 0, or an error with *error
 * filled; then nothing is owned. `path` is as given, and ends in the format's name. */
int value_file_read(struct context *context, const char *path, const struct type *type,
                    const struct value_leaf *leaves, uint64_t *results, struct error *error);

/* The same from a text of JSON that was given inline. */
int value_text_read(struct context *context, const char *text, const struct type *type,
                    const struct value_leaf *leaves, uint64_t *results, struct error *error);

/* The ends of names, as ".json", of the files from which a value of this type can be read: their
 * number. */
enum { VALUE_FILE_SUFFIXES = 4 };
size_t value_file_suffixes(const struct type *type, const char *suffixes[VALUE_FILE_SUFFIXES]);

#endif
