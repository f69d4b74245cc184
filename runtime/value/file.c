/*
 * Files in kernels: what wk.h promises of them, over the job's handles.
 */
#include "base/memory.h"
#include "value/context.h"
#include "value/data_file.h"

static struct data_file *file_of(const struct context *context, uint64_t number)
{
    if (number >= context->file_count)
        bug("a kernel uses file %llu of %u", (unsigned long long)number, context->file_count);
    return context->files[number];
}

int64_t wk_file_size(struct wk_context *kernel, uint64_t file)
{
    const struct context *context = kernel->runtime;
    return data_file_extents(file_of(context, file))[0];
}

int32_t wk_file_read(struct wk_context *kernel, const struct wk_site *site, uint64_t file,
                     int64_t begin, int64_t count, void *out)
{
    struct context *context = kernel->runtime;
    struct error error = {0};
    if (data_file_read(file_of(context, file), &begin, &count, out, &error) == 0)
        return 0;
    if (context->error.code == ERR_none) {
        context->error = error;
        if (site)
            context->error.place =
                (struct place){site->file, site->line, site->column, site->length};
    }
    return (int32_t)context->error.code;
}
