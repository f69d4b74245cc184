/*
 * Where the code generator is, and loading it. It is loaded when something must be compiled and not
 * before: LLVM alone takes longer to load than most programs to run from the cache.
 */
#include "link/internal.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/installation.h"

char *generator_path(void)
{
    static const char *const places[] = {"libwkc-kernel.so", "../lib/wkc/libwkc-kernel.so",
                                         "../libwkc-kernel.so", NULL};
    return installation_find(places);
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
