/* Packing a target's runtime; see runtime_package.h. */
#include "package/runtime_package.h"

#include <string.h>

#include "bundle/bundle.h"
#include "package/libraries.h"
#include "package/parts.h"
#include "value/blas.h"
#include "wk.h"

static int write_package(const struct runtime_package *package, const struct parts *parts,
                         struct buffer *out, struct error *error)
{
    struct manifest manifest;
    manifest_init(&manifest);
    manifest.compiler = package->compiler;
    manifest.abi = WK_ABI_VERSION;
    manifest.target = package->target;
    manifest.processor = target_processor(package->target);
    manifest.program = "";
    manifest.result = "()";
    manifest.linear_algebra = package->linear_algebra != NULL;
    int code = parts_write(parts, &manifest, package->level, out, error);
    manifest_release(&manifest);
    return code;
}

/* Programs are named by their paths in the bundle, libraries stand in their folder. */
static void add_part(struct parts *parts, struct arena *arena, const char *target,
                     const struct library *library)
{
    bool is_path = strchr(library->name, '/') || strcmp(library->name, BUNDLE_STARTER) == 0;
    bool is_started = is_path || strcmp(library->name, target_loader(target)) == 0;
    const char *name =
        is_path ? library->name : arena_printf(arena, BUNDLE_LIBRARIES "%s", library->name);
    parts_add(parts, name, is_started ? ZIP_MODE_PROGRAM : ZIP_MODE_FILE, library->content.data,
              library->content.length);
}

/* Packs the libraries from number `first` on. */
static int pack_from(const struct runtime_package *package, const struct libraries *libraries,
                     size_t first, struct buffer *out, struct error *error)
{
    struct arena arena;
    struct parts parts = {0};
    arena_init(&arena);
    for (size_t i = first; i < libraries->list.count; i++)
        add_part(&parts, &arena, package->target, &libraries->list.items[i]);
    int code = write_package(package, &parts, out, error);
    parts_release(&parts);
    arena_release(&arena);
    return code;
}

int runtime_package(const struct runtime_package *package, struct buffer *out, struct error *error)
{
    struct libraries libraries = {.target = package->target};
    int code = libraries_add(&libraries, BUNDLE_STARTER, package->starter, error);
    if (code == 0)
        code = libraries_add(&libraries, BUNDLE_EXECUTOR, package->executor, error);
    size_t first = package->linear_algebra ? libraries.list.count : 0;
    if (code == 0 && package->linear_algebra)
        code = libraries_add(&libraries, BLAS_CARRIED_NAME, package->linear_algebra, error);
    if (code == 0)
        code = libraries_check(&libraries, error);
    if (code == 0)
        code = pack_from(package, &libraries, first, out, error);
    libraries_release(&libraries);
    return code;
}
