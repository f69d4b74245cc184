/*
 * C files of tasks, read as texts: a file, and those from its own folder that it includes by
 * #include "…", each once. Headers of the system are left aside.
 */
#ifndef WKC_CHECK_C_SOURCE_H
#define WKC_CHECK_C_SOURCE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/vector.h"

/* The paths of the files that were visited. Zero-initialized. */
struct c_source_list {
    VECTOR(char *) paths;
};
void c_source_release(struct c_source_list *list);

/* Visits a file and what it includes, but for those that are in `visited`, to which they are added;
 * a file before those that it includes. 0, or the error of reading the file itself: one that it
 * includes may be missing. */
int c_source_visit(struct c_source_list *visited, const char *path,
                   void (*visit)(void *context, const char *path, const struct buffer *content),
                   void *context, struct error *error);

/* Whether one of these files has a name of wk.h's functions for logging in it, in whatever place:
 * then the tasks of the C file count as ones that log (spec/abi.md, A7.9). */
bool c_source_mentions_log(const char *path);

#endif
