/*
 * The manifest of a bundle: what it holds, for which machine, and what its program takes and gives.
 * manifest.json is its text (spec/bundle.md, B2).
 */
#ifndef WKC_BUNDLE_MANIFEST_H
#define WKC_BUNDLE_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/vector.h"

enum { MANIFEST_VERSION = 1 };

/* SHA-256, as 64 hexadecimal digits and a zero. */
enum { MANIFEST_HASH_TEXT = 65 };

struct manifest_file {
    const char *name;
    uint64_t bytes;
    char hash[MANIFEST_HASH_TEXT];
};

/* A parameter of main. */
struct manifest_parameter {
    const char *name, *type;
    const char *fallback; /* the default as the program writes it; NULL: a value must be given */
};

/* A task, with what its declaration's annotations say. */
struct manifest_task {
    const char *name, *symbol; /* of kernels.so */
    const char *file;          /* where it is declared: by a portable name */
    uint32_t line;
    int32_t retries; /* -1: not said; the others: 0 */
    uint64_t timeout_ns, memory_bytes, cost_ns;
    bool together;
    const char *fallback; /* the symbol of the task that replaces it; or NULL */
};

struct manifest {
    uint32_t version;
    const char *compiler;  /* "0.1.0" */
    uint32_t abi;          /* WK_ABI_VERSION */
    const char *target;    /* "x86_64", "aarch64" */
    const char *processor; /* the least that it needs: "x86-64-v3" */
    const char *program;   /* the source's name */
    uint32_t optimize;
    const char *result; /* main's result type */
    bool linear_algebra;
    VECTOR(struct manifest_parameter) parameters;
    VECTOR(struct manifest_task) tasks;
    VECTOR(struct manifest_file) files; /* all but the manifest itself */
    struct arena arena;                 /* the texts that were read */
};

void manifest_init(struct manifest *manifest);
void manifest_release(struct manifest *manifest);

/* Appends its text: the same manifest gives the same bytes. */
void manifest_print(const struct manifest *manifest, struct buffer *out);

/* Reads it into *manifest, which is initialized. `path` is the bundle's, for messages. 0,
 * ERR_bad_bundle or, when it is of a later version of the format, ERR_bundle_version. */
int manifest_parse(struct manifest *manifest, const char *path, const struct buffer *text,
                   struct error *error);

/* The file's line, or NULL. */
const struct manifest_file *manifest_find(const struct manifest *manifest, const char *name);

/* The SHA-256 of some bytes. */
void manifest_hash(const void *data, size_t length, char hash[MANIFEST_HASH_TEXT]);

#endif
