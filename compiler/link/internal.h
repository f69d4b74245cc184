/*
 * What the files of compiler/link share.
 */
#ifndef WKC_LINK_INTERNAL_H
#define WKC_LINK_INTERNAL_H

#include <openssl/evp.h>

#include "base/vector.h"
#include "link/link.h"

/* Texts, each to be freed. */
struct path_list {
    VECTOR(char *) paths;
};
void path_list_release(struct path_list *list);

enum { LINK_HASH_BYTES = 32, LINK_KEY_TEXT = 2 * LINK_HASH_BYTES + 1 };

/* ---- canonical.c -------------------------------------------------------------------------- */

struct foreign_units;

/* Feeds a hash with everything that the code of these tasks, and of the tasks they call, depends
 * on, but for the contents of C files: tasks written in C are added to `units`. */
void canonical_tasks(EVP_MD_CTX *hash, struct typed_function *const *tasks, uint32_t task_count,
                     struct foreign_units *units);

/* ---- foreign.c: tasks written in C -------------------------------------------------------- */

/* The tasks of a program that are written in C. Zero-initialized; several may share a C file. */
struct foreign_units {
    VECTOR(const struct typed_function *) functions;
    const struct typed_function *blamed; /* whose C file the error is about; or NULL */
};
void foreign_release(struct foreign_units *units);

/* Feeds a hash with the C files (and the files beside them that they include), wk.h, and what is
 * known of the compiler without running it. 0 or an error code. */
int foreign_hash(EVP_MD_CTX *hash, struct foreign_units *units, const char *target,
                 struct error *error);
/* Compiles each C file into an object file in `folder`, and adds the paths, to be freed, to
 * `objects`. 0, or an error code after filling *error. */
int foreign_compile(struct foreign_units *units, const char *folder, const char *target,
                    struct path_list *objects, struct error *error);

/* ---- object.c: the names of a C file's object ---------------------------------------------- */

/* Makes all that an object file defines its own: "name" becomes "cUNIT.name", hidden. Then neither
 * two C files nor a C file and the program can take each other's functions. Appends the new file
 * to `out`. 0, or an error code. */
int object_rename(const struct buffer *object, uint32_t unit, struct buffer *out,
                  struct error *error);
/* Whether the object (as the compiler made it) defines a function; else *nearest is a similar name
 * that it does define, or NULL. */
bool object_defines(const struct buffer *object, const char *name, const char **nearest);
/* The first name that the object needs and neither defines nor is known; or NULL. */
const char *object_undefined(const struct buffer *object, bool (*is_known)(const char *name));

/* ---- process.c ---------------------------------------------------------------------------- */

/* Runs a program from the PATH with its messages (standard output and error) appended to
 * `messages`, which are cut where they become very long. The exit status; -1 if it was ended by a
 * signal; -2 if it is not installed; -3 for another reason, which is then the message. */
int process_run(const char *const *arguments, struct buffer *messages);

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
/* Reads a shared object, of the cache (then without its seal) or on the way to it. */
int cache_read(const char *path, struct buffer *out, struct error *error);
/* A new folder for files on the way, in the cache or the system's place for temporary files; to be
 * removed with cache_remove_folder. NULL with *error filled if there is none. */
char *cache_temporary(const struct cache *cache, struct error *error);
void cache_remove_folder(const char *folder);

/* ---- linker.c ----------------------------------------------------------------------------- */

/* Runs ld.lld-19: objects (paths) to the shared object `output`. 0 or an error code. */
int linker_run(const struct path_list *objects, const char *output, const char *target,
               struct error *error);

/* ---- generator.c -------------------------------------------------------------------------- */

/* The path of libwkc-kernel.so, beside the program or where it is installed; to be freed. */
char *generator_path(void);
/* The code generator, loaded once. NULL with *error filled if it cannot be loaded. */
kernel_compile_function *generator_load(struct error *error);

#endif
