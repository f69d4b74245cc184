/*
 * The libraries that programs need, found in a target's folders as its loader would find them, and
 * checked: every library is there, and has each version of its symbols that is asked of it.
 */
#ifndef WKC_PACKAGE_LIBRARIES_H
#define WKC_PACKAGE_LIBRARIES_H

#include "package/elf_file.h"

struct library {
    char *name; /* as others ask for it: "libc.so.6" */
    char *path; /* where it was found */
    struct buffer content;
    struct elf_file elf;
};

struct libraries {
    const char *target; /* "x86_64" */
    VECTOR(struct library) list;
};

void libraries_release(struct libraries *libraries);

/* Adds a program or library, under a name of its own, with the loader and all libraries that it
 * needs, each once. 0 or an error. */
int libraries_add(struct libraries *libraries, const char *name, const char *path,
                  struct error *error);

/* Whether every version that one asks of another is there: 0 or ERR_library_missing. */
int libraries_check(const struct libraries *libraries, struct error *error);

/* "x86_64-linux-gnu". */
const char *target_triple(const char *target);
/* The name of the target's loader: "ld-linux-x86-64.so.2". */
const char *target_loader(const char *target);
/* What kernels need at least: "x86-64-v3". */
const char *target_processor(const char *target);
/* Whether there is such a target. */
bool target_exists(const char *target);

#endif
