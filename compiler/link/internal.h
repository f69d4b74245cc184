/*
 * What the files of compiler/link share.
 */
#ifndef WKC_LINK_INTERNAL_H
#define WKC_LINK_INTERNAL_H

#include <openssl/evp.h>

#include "link/link.h"

enum { LINK_HASH_BYTES = 32, LINK_KEY_TEXT = 2 * LINK_HASH_BYTES + 1 };

/* ---- canonical.c -------------------------------------------------------------------------- */

/* Feeds a hash with everything that the code of these tasks, and of the tasks they call, depends
 * on. */
void canonical_tasks(EVP_MD_CTX *hash, struct typed_function *const *tasks, uint32_t task_count);

/* ---- cache.c ------------------------------------------------------------------------------ */

struct cache {
    char *folder; /* NULL: there is no usable one */
    uint64_t limit;
};

/* Finds and makes the folder; warns when it cannot be used. */
void cache_open(struct cache *cache, const struct link_options *options,
                struct diagnostics *diagnostics);
void cache_close(struct cache *cache);
/* The path of an intact entry, to be freed, or NULL. A damaged entry is removed. */
char *cache_find(const struct cache *cache, const char *key);
/* Puts a finished shared object into the cache: seals it with its hash, renames it to its name and
 * makes room. The path, to be freed, or NULL when the folder cannot be written. */
char *cache_insert(const struct cache *cache, const char *key, const char *object);
/* A new folder for files on the way, in the cache or the system's place for temporary files; to be
 * removed with cache_remove_folder. NULL with *error filled if there is none. */
char *cache_temporary(const struct cache *cache, struct error *error);
void cache_remove_folder(const char *folder);

/* ---- linker.c ----------------------------------------------------------------------------- */

/* Runs ld.lld-19: `object` (a path) to the shared object `output`. 0 or an error code. */
int linker_run(const char *object, const char *output, const char *target, struct error *error);

/* ---- generator.c -------------------------------------------------------------------------- */

/* The path of libwkc-kernel.so, beside the program or where it is installed; to be freed. */
char *generator_path(void);
/* The code generator, loaded once. NULL with *error filled if it cannot be loaded. */
kernel_compile_function *generator_load(struct error *error);

#endif
