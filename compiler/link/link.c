/*
 * Kernels for a program: found in the cache, or compiled, linked and put there; then loaded.
 */
#include "link/internal.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* ---- Keys --------------------------------------------------------------------------------- */

static void hash_text(EVP_MD_CTX *hash, const char *text)
{
    EVP_DigestUpdate(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

/* The code generator is known by its own bytes: whatever changes it changes all keys. */
static int hash_generator(EVP_MD_CTX *hash, struct error *error)
{
    char *path = generator_path();
    struct buffer content = {0};
    int status = buffer_read_file(&content, path, UINT32_MAX, error);
    if (status == 0) {
        EVP_DigestUpdate(hash, content.data, content.length);
    } else {
        status = error->code = ERR_code_generator;
        error_hint(error, "it stands beside wkc, or in ../lib/wkc: is the installation complete?");
    }
    buffer_release(&content);
    free(path);
    return status;
}

static int make_key(struct typed_function *const *tasks, uint32_t task_count,
                    const struct kernel_options *options, struct foreign_units *units,
                    char key[LINK_KEY_TEXT], struct error *error)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    int status = hash_generator(hash, error);
    uint32_t numbers[] = {WK_ABI_VERSION, options->optimize, options->debug, options->portable};
    EVP_DigestUpdate(hash, numbers, sizeof numbers);
    hash_text(hash, options->target);
    canonical_tasks(hash, tasks, task_count, units);
    if (status == 0)
        status = foreign_hash(hash, units, options->target, error);
    unsigned char digest[LINK_HASH_BYTES];
    EVP_DigestFinal_ex(hash, digest, NULL);
    EVP_MD_CTX_free(hash);
    for (int i = 0; i < LINK_HASH_BYTES; i++)
        snprintf(key + 2 * (size_t)i, 3, "%02x", digest[i]);
    return status;
}

/* ---- Making ------------------------------------------------------------------------------- */

/* Compiles the tasks into an object file in `folder`, which is added to `objects`. */
static int make_object(struct typed_function *const *tasks, uint32_t task_count,
                       const struct kernel_options *options, const char *folder,
                       struct path_list *objects, struct error *error)
{
    kernel_compile_function *compile = generator_load(error);
    if (!compile)
        return error->code;
    struct buffer object = {0}, path = {0};
    buffer_printf(&path, "%s/kernels.o", folder);
    vector_push(&objects->paths, path.data);
    int status = compile(tasks, task_count, options, KERNEL_OBJECT, &object, error);
    if (status == 0)
        status = file_write_atomically(path.data, object.data, object.length, error);
    buffer_release(&object);
    return status;
}

/* Compiles and links into `folder`; *made is the shared object's path, to be freed. C files come
 * first: their mistakes are the user's. */
static int make_shared_object(struct typed_function *const *tasks, uint32_t task_count,
                              const struct kernel_options *options, struct foreign_units *units,
                              const char *folder, char **made, struct error *error)
{
    struct path_list objects = {0};
    struct buffer output_path = {0};
    buffer_printf(&output_path, "%s/kernels.so", folder);
    int status = foreign_compile(units, folder, options->target, &objects, error);
    if (status == 0)
        status = make_object(tasks, task_count, options, folder, &objects, error);
    if (status == 0)
        status = linker_run(&objects, output_path.data, options->target, error);
    path_list_release(&objects);
    if (status)
        buffer_release(&output_path);
    *made = output_path.data;
    return status;
}

/* Makes the library: in the cache, or (where that cannot be written) in a folder of its own. */
static int make_library(struct typed_function *const *tasks, uint32_t task_count,
                        const struct link_options *options, const struct cache *cache,
                        struct foreign_units *units, const char *key,
                        struct kernel_library *library, struct error *error)
{
    char *folder = cache_temporary(cache, error), *made = NULL;
    if (!folder)
        return error->code;
    int status =
        make_shared_object(tasks, task_count, &options->kernel, units, folder, &made, error);
    char *kept = status == 0 ? cache_insert(cache, key, made) : NULL;
    library->path = kept ? kept : made;
    library->temporary = status == 0 && !kept;
    if (kept)
        free(made);
    if (!library->temporary)
        cache_remove_folder(folder);
    free(folder);
    return status;
}

static int load(struct kernel_library *library, struct error *error)
{
    library->handle = dlopen(library->path, RTLD_NOW | RTLD_LOCAL);
    if (library->handle)
        return 0;
    return error_set(error, ERR_linker_failed, "the kernels cannot be loaded: %s", dlerror());
}

/* An entry that was removed or damaged between the look and the load is made again. */
static int find_or_make(struct typed_function *const *tasks, uint32_t task_count,
                        const struct link_options *options, const struct cache *cache,
                        struct foreign_units *units, struct kernel_library *library,
                        struct error *error)
{
    char key[LINK_KEY_TEXT];
    int status = make_key(tasks, task_count, &options->kernel, units, key, error);
    if (status)
        return status;
    library->path = cache_find(cache, key);
    library->cached = library->path && load(library, error) == 0;
    if (library->cached)
        return 0;
    free(library->path);
    library->path = NULL;
    status = make_library(tasks, task_count, options, cache, units, key, library, error);
    return status ? status : load(library, error);
}

/* The bytes of the shared object, without what the cache adds to them. */
static int find_or_make_bytes(struct typed_function *const *tasks, uint32_t task_count,
                              const struct link_options *options, const struct cache *cache,
                              struct foreign_units *units, struct buffer *out,
                              struct error *error)
{
    struct kernel_library library = {0};
    char key[LINK_KEY_TEXT];
    int status = make_key(tasks, task_count, &options->kernel, units, key, error);
    if (status)
        return status;
    library.path = cache_find(cache, key);
    bool found = library.path && cache_read(library.path, out, error) == 0;
    if (!found) {
        free(library.path);
        library.path = NULL;
        status = make_library(tasks, task_count, options, cache, units, key, &library, error);
    }
    if (!found && status == 0)
        status = cache_read(library.path, out, error);
    kernel_library_close(&library);
    return status;
}

/* What is wrong with a C file is shown where that is named. */
static void report(const struct foreign_units *units, struct error *error,
                   struct diagnostics *diagnostics)
{
    const struct source *source = NULL;
    if (units->blamed) {
        error->place = span_place(units->blamed->foreign->span);
        source = units->blamed->foreign->span.source;
    }
    diagnose_error(diagnostics, error, source);
}

int link_kernels(struct typed_function *const *tasks, uint32_t task_count,
                 const struct link_options *options, struct kernel_library *library,
                 struct diagnostics *diagnostics)
{
    *library = (struct kernel_library){0};
    if (task_count == 0)
        return 0;
    struct cache cache;
    struct error error;
    struct foreign_units units = {0};
    cache_open(&cache, options, diagnostics);
    int status = find_or_make(tasks, task_count, options, &cache, &units, library, &error);
    cache_close(&cache);
    if (status) {
        report(&units, &error, diagnostics);
        kernel_library_close(library);
    }
    foreign_release(&units);
    return status;
}

int link_bytes(struct typed_function *const *tasks, uint32_t task_count,
               const struct link_options *options, struct buffer *out,
               struct diagnostics *diagnostics)
{
    struct cache cache;
    struct error error;
    struct foreign_units units = {0};
    cache_open(&cache, options, diagnostics);
    int status = find_or_make_bytes(tasks, task_count, options, &cache, &units, out, &error);
    cache_close(&cache);
    if (status)
        report(&units, &error, diagnostics);
    foreign_release(&units);
    return status;
}

wk_kernel *kernel_library_find(const struct kernel_library *library, const char *symbol)
{
    struct buffer name = {0};
    buffer_printf(&name, KERNEL_PREFIX "%s", symbol);
    void *found = library->handle ? dlsym(library->handle, name.data) : NULL;
    buffer_release(&name);
    wk_kernel *kernel = NULL;
    memcpy(&kernel, &found, sizeof kernel); /* ISO C has no cast from data to functions */
    return kernel;
}

void kernel_library_close(struct kernel_library *library)
{
    if (library->handle)
        dlclose(library->handle);
    if (library->temporary && library->path) {
        *strrchr(library->path, '/') = '\0';
        cache_remove_folder(library->path);
    }
    free(library->path);
    *library = (struct kernel_library){0};
}

int link_emit(struct typed_function *const *tasks, uint32_t task_count,
              const struct link_options *options, enum kernel_output form, struct buffer *output,
              struct diagnostics *diagnostics)
{
    struct error error;
    kernel_compile_function *compile = generator_load(&error);
    int status = compile ? compile(tasks, task_count, &options->kernel, form, output, &error)
                         : (int)error.code;
    if (status)
        diagnose_error(diagnostics, &error, NULL);
    return status;
}
