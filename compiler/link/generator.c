/*
 * Where the code generator is, and loading it. It is loaded when something must be compiled and not
 * before: LLVM alone takes longer to load than most programs to run from the cache.
 */
#include "link/internal.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static const char file_name[] = "libwkc-kernel.so";

static char *join(const char *folder, const char *below)
{
    struct buffer path = {0};
    buffer_printf(&path, "%s/%s%s", folder, below, file_name);
    return path.data;
}

/* Beside the program (in the build folder), else in ../lib/wkc (installed). */
char *generator_path(void)
{
    char folder[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    static const char *const places[] = {"", "../lib/wkc/", "../"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *path = join(folder, places[i]);
        if (access(path, R_OK) == 0)
            return path;
        free(path);
    }
    return join(folder, places[0]);
}

kernel_compile_function *generator_load(struct error *error)
{
    static kernel_compile_function *loaded;
    if (loaded)
        return loaded;
    char *path = generator_path();
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *entry = handle ? dlsym(handle, KERNEL_ENTRY) : NULL;
    if (!entry) {
        error_set(error, ERR_code_generator, "the code generator cannot be loaded: %s", dlerror());
        error_hint(error, "it stands beside wkc, or in ../lib/wkc: is the installation complete?");
    } else {
        memcpy(&loaded, &entry, sizeof loaded); /* ISO C has no cast from data to functions */
    }
    free(path);
    return loaded;
}
