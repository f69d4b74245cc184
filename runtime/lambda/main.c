/*
 * The executor process of a bundle: bin/executor, started by `bootstrap`.
 *
 *     bootstrap             serves invocations of the Lambda Runtime API that
 * AWS_LAMBDA_RUNTIME_API names bootstrap --check     checks that the bundle is whole and can be
 * loaded here, and ends
 *
 * The bundle is the folder above that of the program (whose path the starter gives as the first
 * argument: /proc/self/exe is the loader).
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "bundle/bundle.h"
#include "graph/code.h"
#include "lambda/serve.h"
#include "value/blas.h"

enum { STATUS_FAILED = 1, STATUS_USAGE = 2 };

static int report(const struct error *error)
{
    fprintf(stderr, "executor: error[%s]: %s\n", error_code_text(error->code), error->message);
    if (error->hint[0])
        fprintf(stderr, "  = hint: %s\n", error->hint);
    return STATUS_FAILED;
}

/* The folder above that of the program; to be freed. */
static char *bundle_folder(const char *program)
{
    struct buffer path = {0};
    const char *slash = strrchr(program, '/');
    buffer_printf(&path, "%.*s/..", slash ? (int)(slash - program) : 1, slash ? program : ".");
    return path.data;
}

/* Whether kernels.so has all that flow code names. */
static int check_symbols(const struct bundle *bundle, const struct flow_code *code, void *kernels,
                         struct error *error)
{
    for (uint32_t i = 0; i < flow_kernel_count(code); i++) {
        struct buffer name = {0};
        buffer_printf(&name, "wk_task_%s", flow_kernel_symbol(code, i));
        void *found = kernels ? dlsym(kernels, name.data) : NULL;
        if (!found)
            error_set(error, ERR_bad_bundle, "'%s' is damaged: " BUNDLE_KERNELS " lacks %s",
                      bundle->path, name.data);
        buffer_release(&name);
        if (!found)
            return (int)error->code;
    }
    return 0;
}

static int check_program(const struct bundle *bundle, const struct buffer *code_bytes,
                         struct error *error)
{
    struct flow_code *code = flow_code_load(code_bytes->data, code_bytes->length, error);
    if (!code)
        return (int)error->code;
    void *kernels;
    int status = bundle_load_kernels(bundle, &kernels, error);
    if (status == 0)
        status = check_symbols(bundle, code, kernels, error);
    if (status == 0 && bundle->manifest.linear_algebra)
        status = blas_open(error);
    if (kernels)
        dlclose(kernels);
    flow_code_free(code);
    return status;
}

static int check_bundle(const char *folder)
{
    struct bundle bundle;
    struct error error;
    struct buffer code_bytes = {0};
    if (bundle_open(&bundle, folder, &error))
        return report(&error);
    int status = bundle_check(&bundle, &error);
    if (status == 0)
        status = bundle_read(&bundle, BUNDLE_FLOW_CODE, &code_bytes, &error);
    if (status == 0)
        status = check_program(&bundle, &code_bytes, &error);
    if (status)
        report(&error);
    else
        printf("%s for %s, by wkc %s: %zu files are whole, and its kernels can be loaded\n",
               bundle.manifest.program, bundle.manifest.target, bundle.manifest.compiler,
               bundle.manifest.files.count);
    buffer_release(&code_bytes);
    bundle_close(&bundle);
    return status ? STATUS_FAILED : 0;
}

int main(int argc, char **argv)
{
    const char *address = getenv("AWS_LAMBDA_RUNTIME_API");
    char *folder = bundle_folder(argv[0]);
    int status = STATUS_USAGE;
    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        status = check_bundle(folder);
    else if (address)
        status = executor_serve(folder, address);
    else
        fprintf(stderr,
                "executor of wkc " WKC_VERSION
                ": AWS_LAMBDA_RUNTIME_API names no Runtime API: this program runs in Lambda\n"
                "  = hint: bootstrap --check checks the bundle, wkc run JOB.wkb runs it here\n");
    free(folder);
    return status;
}
