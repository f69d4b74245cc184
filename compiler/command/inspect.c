/* wkc inspect: checks a bundle, and prints what it holds. */
#include <inttypes.h>
#include <string.h>

#include "command/command.h"

/* 1536 as "1.5 KiB". */
static void print_size(struct buffer *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    double size = (double)bytes;
    size_t unit = 0;
    while (size >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        size /= 1024;
        unit++;
    }
    buffer_printf(out, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

static void print_head(const struct manifest *m, struct buffer *out)
{
    buffer_printf(out, "program   %s\n", *m->program ? m->program : "none: a runtime");
    buffer_printf(out, "result    %s\n", m->result);
    buffer_printf(out, "target    %s (%s), -O%u\n", m->target, m->processor, m->optimize);
    buffer_printf(out, "made by   wkc %s (bundle %u, kernels %u)\n", m->compiler, m->version,
                  m->abi);
    buffer_printf(out, "carries   %s\n", m->linear_algebra ? "OpenBLAS" : "no linear algebra");
}

static void print_parameters(const struct manifest *m, struct buffer *out)
{
    buffer_puts(out, m->parameters.count ? "\nparameters\n" : "\nno parameters\n");
    for (size_t i = 0; i < m->parameters.count; i++) {
        const struct manifest_parameter *p = &m->parameters.items[i];
        buffer_printf(out, "  %s: %s%s%s\n", p->name, p->type, p->fallback ? " = " : "",
                      p->fallback ? p->fallback : "");
    }
}

/* Nanoseconds as they would be annotated. */
static void print_duration(struct buffer *out, const char *name, uint64_t ns)
{
    if (ns)
        buffer_printf(out, " @%s(%.9gs)", name, (double)ns * 1e-9);
}

static void print_annotations(const struct manifest_task *t, struct buffer *out)
{
    if (t->retries >= 0)
        buffer_printf(out, " @retry(%" PRId32 ")", t->retries);
    print_duration(out, "timeout", t->timeout_ns);
    if (t->memory_bytes)
        buffer_printf(out, " @memory(%" PRIu64 ")", t->memory_bytes);
    print_duration(out, "cost", t->cost_ns);
    if (t->together)
        buffer_puts(out, " @together");
    if (t->fallback)
        buffer_printf(out, " @fallback(%s)", t->fallback);
}

static void print_tasks(const struct manifest *m, struct buffer *out)
{
    buffer_puts(out, m->tasks.count ? "\ntasks\n" : "\nno tasks\n");
    for (size_t i = 0; i < m->tasks.count; i++) {
        const struct manifest_task *t = &m->tasks.items[i];
        buffer_printf(out, "  %s", t->name);
        if (strcmp(t->name, t->symbol) != 0)
            buffer_printf(out, " (%s)", t->symbol);
        if (*t->file)
            buffer_printf(out, ", %s:%u", t->file, t->line);
        print_annotations(t, out);
        buffer_putc(out, '\n');
    }
}

static void print_file(const struct bundle *bundle, const struct manifest_file *file,
                       uint64_t sums[2], struct buffer *out)
{
    buffer_printf(out, "  %.12s %12" PRIu64, file->hash, file->bytes);
    sums[0] += file->bytes;
    if (!bundle->is_folder) {
        uint32_t packed = zip_find(&bundle->zip, file->name)->packed_bytes;
        buffer_printf(out, " %12" PRIu32, packed);
        sums[1] += packed;
    }
    buffer_printf(out, "  %s\n", file->name);
}

static void print_files(const struct bundle *bundle, struct buffer *out)
{
    const struct manifest *m = &bundle->manifest;
    uint64_t sums[2] = {0};
    buffer_printf(out, "\nfiles\n  %-12s %12s%s  name\n", "sha256", "bytes",
                  bundle->is_folder ? "" : "       zipped");
    for (size_t i = 0; i < m->files.count; i++)
        print_file(bundle, &m->files.items[i], sums, out);
    buffer_printf(out, "\n%zu files, ", m->files.count);
    print_size(out, sums[0]);
    if (!bundle->is_folder) {
        buffer_puts(out, ", zipped ");
        print_size(out, bundle->zip.length);
    }
    buffer_puts(out, ": all are what the manifest says\n");
}

static void print_bundle(const struct bundle *bundle, bool json, struct buffer *out)
{
    if (json) {
        manifest_print(&bundle->manifest, out);
        return;
    }
    print_head(&bundle->manifest, out);
    print_parameters(&bundle->manifest, out);
    print_tasks(&bundle->manifest, out);
    print_files(bundle, out);
}

static int inspect(const struct options *options, const struct bundle *bundle)
{
    struct error error;
    struct buffer out = {0};
    if (bundle_check(bundle, &error))
        return print_error(options, &error, EXIT_MISTAKE);
    print_bundle(bundle, options->given[OPTION_JSON], &out);
    int status = write_output(options, &out);
    buffer_release(&out);
    return status;
}

int command_inspect(const struct options *options)
{
    struct error error;
    struct bundle bundle;
    if (options->arguments.count == 0) {
        error_set(&error, ERR_bad_argument, "'wkc inspect' needs a bundle");
        error_hint(&error, "wkc compile FILE.wk -o JOB.wkb makes one");
        return usage_error(options, &error);
    }
    if (bundle_open(&bundle, options->arguments.items[0], &error))
        return print_error(options, &error, EXIT_MISTAKE);
    int status = inspect(options, &bundle);
    bundle_close(&bundle);
    return status;
}
