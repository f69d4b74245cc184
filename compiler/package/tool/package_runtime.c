/*
 * Packs the runtime of a target; make runs it when wkc is built.
 *
 *     package-runtime LEVEL TARGET STARTER EXECUTOR FILE.zip             the runtime
 *     package-runtime LEVEL TARGET STARTER EXECUTOR FILE.zip OPENBLAS    what linear algebra adds
 * to it
 *
 * LEVEL is zlib's. See package/runtime_package.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/version.h"
#include "package/libraries.h"
#include "package/runtime_package.h"

static int write_package(const struct runtime_package *package, const char *path,
                         struct error *error)
{
    struct buffer out = {0};
    int code = runtime_package(package, &out, error);
    if (code == 0)
        code = file_write_atomically(path, out.data, out.length, error);
    buffer_release(&out);
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 6 || argc > 7 || !target_exists(argv[2])) {
        fprintf(stderr, "usage: %s LEVEL TARGET STARTER EXECUTOR FILE.zip [OPENBLAS]\n", argv[0]);
        return 2;
    }
    struct runtime_package package = {.level = atoi(argv[1]),
                                      .target = argv[2],
                                      .compiler = WKC_VERSION,
                                      .starter = argv[3],
                                      .executor = argv[4],
                                      .linear_algebra = argc == 7 ? argv[6] : NULL};
    struct error error;
    if (write_package(&package, argv[5], &error) == 0)
        return 0;
    fprintf(stderr, "package-runtime: error[%s]: %s\n", error_code_text(error.code), error.message);
    if (error.hint[0])
        fprintf(stderr, "  = hint: %s\n", error.hint);
    return 1;
}
