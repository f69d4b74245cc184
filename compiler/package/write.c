/* Writing a bundle; see write.h. */
#include "package/write.h"

#include <string.h>
#include <unistd.h>

#include "base/installation.h"
#include "base/version.h"
#include "bundle/bundle.h"
#include "package/elf_file.h"
#include "package/libraries.h"
#include "package/parts.h"
#include "wk.h"

/* The level at which what is new is compressed: little, so the slowest costs little. */
enum { LEVEL = 9 };

/* ---- Runtimes ---------------------------------------------------------------------------------
 */

/* TARGET/FILE beside wkc or in ../lib/wkc; to be freed. */
static char *find_runtime(const char *target, const char *file)
{
    struct buffer beside = {0}, installed = {0};
    buffer_printf(&beside, "%s/%s", target, file);
    buffer_printf(&installed, "../lib/wkc/%s/%s", target, file);
    const char *places[] = {beside.data, installed.data, NULL};
    char *path = installation_find(places);
    buffer_release(&beside);
    buffer_release(&installed);
    return path;
}

static int refuse_runtime(const char *path, const char *target, struct error *error)
{
    error_set(error, ERR_runtime_missing, "there is no runtime for %s: '%s' does not exist", target,
              path);
    return error_hint(error, strcmp(target, BUNDLE_TARGET) == 0
                                 ? "it belongs to wkc: is the installation complete?"
                                 : "build wkc with it: make deps-arm64 arm64");
}

/* Opens a runtime of this same wkc; *path is to be freed in any case. */
static int open_runtime(const char *target, const char *file, struct bundle *runtime, char **path,
                        struct error *error)
{
    *path = find_runtime(target, file);
    if (access(*path, R_OK) != 0)
        return refuse_runtime(*path, target, error);
    int code = bundle_open(runtime, *path, error);
    if (code)
        return code;
    const struct manifest *m = &runtime->manifest;
    if (m->abi == WK_ABI_VERSION && strcmp(m->target, target) == 0 &&
        strcmp(m->compiler, WKC_VERSION) == 0)
        return 0;
    bundle_close(runtime);
    error_set(error, ERR_runtime_missing,
              "'%s' is the runtime of another wkc, or for another target", *path);
    return error_hint(error, "install all of wkc from one build");
}

/* ---- The manifest ------------------------------------------------------------------------------
 */

static const char *type_text(struct manifest *manifest, const struct type *type)
{
    struct buffer text = {0};
    type_print(type, &text);
    const char *kept = arena_text(&manifest->arena, buffer_text(&text), text.length);
    buffer_release(&text);
    return kept;
}

/* The default as it is written. */
static const char *default_text(struct manifest *manifest, const struct typed_function *entry,
                                uint32_t index)
{
    const struct typed *value = entry->defaults ? entry->defaults[index] : NULL;
    if (!value || !value->span.source)
        return NULL;
    struct span span = value->span;
    return arena_text(&manifest->arena, span.source->text + span.begin, span.end - span.begin);
}

static void list_parameters(struct manifest *manifest, const struct package_program *program)
{
    for (uint32_t i = 0; i < flow_parameter_count(program->code); i++) {
        struct flow_parameter found = flow_parameter(program->code, i);
        struct manifest_parameter parameter = {.name = found.name,
                                               .type = type_text(manifest, found.type)};
        if (found.has_default)
            parameter.fallback = default_text(manifest, program->typed->entry, i);
        vector_push(&manifest->parameters, parameter);
    }
}

/* Also tasks that lowering made, such as a copy: they are kernels like others. */
static void list_tasks(struct manifest *manifest, const struct package_program *program)
{
    for (uint32_t i = 0; i < program->ir->kernel_count; i++) {
        const struct typed_function *f = program->ir->kernels[i];
        const struct typed_annotations *a = &f->annotations;
        struct manifest_task task = {
            .name = f->name,
            .symbol = f->symbol,
            .file = f->span.source ? source_portable_name(f->span.source) : "",
            .line = span_place(f->span).line,
            .retries = a->retries,
            .timeout_ns = a->timeout_ns,
            .memory_bytes = a->memory_bytes,
            .cost_ns = a->cost_ns,
            .together = a->together,
            .fallback = f->fallback ? f->fallback->symbol : NULL,
        };
        vector_push(&manifest->tasks, task);
    }
}

static void describe(struct manifest *manifest, const struct package_program *program)
{
    manifest->compiler = WKC_VERSION;
    manifest->abi = WK_ABI_VERSION;
    manifest->target = program->target;
    manifest->processor = target_processor(program->target);
    manifest->program = source_portable_name(program->typed->source);
    manifest->optimize = program->optimize;
    manifest->result = type_text(manifest, flow_result_type(program->code));
    list_parameters(manifest, program);
    list_tasks(manifest, program);
}

/* ---- The whole ---------------------------------------------------------------------------------
 */

/* Whether kernels may call OpenBLAS: they do so through two functions of the runtime. */
static int find_linear_algebra(const struct buffer *kernels, bool *needed, struct error *error)
{
    *needed = false;
    if (kernels->length == 0)
        return 0;
    struct elf_file elf;
    int code = elf_file_read(&elf, BUNDLE_KERNELS, kernels, error);
    *needed = code == 0 && (elf_file_needs_symbol(&elf, "wk_matmul") ||
                            elf_file_needs_symbol(&elf, "wk_linear_algebra"));
    elf_file_release(&elf);
    return code;
}

/* Adds a runtime, then what is left, and writes all. */
static int write_with(const char *const *runtimes, struct manifest *manifest, struct parts *parts,
                      struct buffer *out, struct error *error)
{
    if (!*runtimes)
        return parts_write(parts, manifest, LEVEL, out, error);
    struct bundle runtime;
    char *path;
    int code = open_runtime(manifest->target, *runtimes, &runtime, &path, error);
    if (code == 0) {
        parts_add_bundle(parts, &runtime);
        code = write_with(runtimes + 1, manifest, parts, out, error);
        bundle_close(&runtime);
    }
    free(path);
    return code;
}

int package_write(const struct package_program *program, struct buffer *out, struct error *error)
{
    struct manifest manifest;
    struct parts parts = {0};
    manifest_init(&manifest);
    describe(&manifest, program);
    int code = find_linear_algebra(program->kernels, &manifest.linear_algebra, error);
    const char *const runtimes[] = {"runtime.zip",
                                    manifest.linear_algebra ? "linear-algebra.zip" : NULL, NULL};
    parts_add(&parts, BUNDLE_FLOW_CODE, ZIP_MODE_FILE, program->code_bytes->data,
              program->code_bytes->length);
    if (program->kernels->length)
        parts_add(&parts, BUNDLE_KERNELS, ZIP_MODE_FILE, program->kernels->data,
                  program->kernels->length);
    if (code == 0)
        code = write_with(runtimes, &manifest, &parts, out, error);
    parts_release(&parts);
    manifest_release(&manifest);
    return code;
}
