/*
 * The executor process of a bundle: bin/executor, started by `bootstrap`.
 *
 *     bootstrap                     serves the invocations of the Runtime API that the
 * environment's AWS_LAMBDA_RUNTIME_API names bootstrap --check             checks that the bundle
 * is whole and can be loaded here bootstrap --run name=value…   runs its program here, and prints
 * the result
 *
 * The bundle is the folder above that of the program (whose path the starter gives as the first
 * argument: /proc/self/exe is the loader).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/version.h"
#include "lambda/here.h"
#include "lambda/serve.h"
#include "value/fault.h"

enum { STATUS_USAGE = 2 };

/* The folder above that of the program; to be freed. */
static char *bundle_folder(const char *program)
{
    struct buffer path = {0};
    const char *slash = strrchr(program, '/');
    buffer_printf(&path, "%.*s/..", slash ? (int)(slash - program) : 1, slash ? program : ".");
    return path.data;
}

static int refuse_start(void)
{
    fprintf(stderr, "executor of wkc " WKC_VERSION
                    ": AWS_LAMBDA_RUNTIME_API names no Runtime API: this program runs in Lambda\n"
                    "  = hint: bootstrap --check and bootstrap --run name=value... work here\n");
    return STATUS_USAGE;
}

int main(int argc, char **argv)
{
    const char *address = getenv("AWS_LAMBDA_RUNTIME_API");
    char *folder = bundle_folder(argv[0]);
    int status;
    fault_catch();
    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        status = here_check(folder);
    else if (argc >= 2 && strcmp(argv[1], "--run") == 0)
        status = here_run(folder, argv + 2, argc - 2);
    else
        status = address ? executor_serve(folder, address) : refuse_start();
    free(folder);
    return status;
}
