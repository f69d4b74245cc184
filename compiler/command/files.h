/*
 * The files of a job: what main's parameters of type file and file[n] are bound to.
 */
#ifndef WKC_COMMAND_FILES_H
#define WKC_COMMAND_FILES_H

#include "base/error.h"
#include "base/vector.h"
#include "command/pipeline.h"

/* Adds a file; *word is its number. 0, or an error: it cannot be read. */
int files_add(struct job_files *files, const char *path, uint64_t *word, struct error *error);

struct file_list {
    uint64_t *items;
    size_t count, capacity;
};

/* Adds the files that `text` names, and their numbers to *list: paths and glob(3)'s patterns
 * between commas, in this order, the matches of one pattern by name. None is the empty text. 0, or
 * an error: one cannot be read, or a pattern matches nothing. */
int files_list(struct job_files *files, const char *text, struct file_list *list,
               struct error *error);

void files_release(struct job_files *files);

#endif
