/*
 * The border around tasks that are written in C. What such a task returns is looked at before
 * anything else does: each array is a block that it allocated, large enough for its extents;
 * scalars and truth values are in their range; NaNs are made canonical. What does not hold is a
 * failure of the task, never one of the worker.
 *
 * Values in arrays, which C gives as a table of words, may lie anywhere in blocks of the call: they
 * are checked where they are, without a change, and then copied, so that each is a block of its
 * own as kernels have it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#include "value/context.h"
#include "value/fault.h"
#include "value/semantics.h"

/* Records a failure of the running task in C, at its declaration, unless there is one already. */
static void record(struct context *context, enum error_code code, const char *message)
{
    if (context->error.code != ERR_none)
        return;
    if (!context->foreign) {
        error_set(&context->error, code, "%s", message);
        return;
    }
    error_set(&context->error, code, "%s: %s", context->foreign->format, message);
    site_place(context, context->foreign);
}

__attribute__((format(printf, 2, 3))) static int32_t nonsense(struct context *context,
                                                              const char *format, ...)
{
    struct buffer message = {0};
    va_list arguments;
    va_start(arguments, format);
    buffer_vprintf(&message, format, arguments);
    va_end(arguments);
    record(context, ERR_foreign_result, buffer_text(&message));
    buffer_release(&message);
    return (int32_t)context->error.code;
}

/* ---- What the C calls ---------------------------------------------------------------------- */

int32_t wk_fail_message(struct wk_context *kernel, const char *format, ...)
{
    struct context *context = kernel->runtime;
    struct buffer message = {0};
    va_list arguments;
    va_start(arguments, format);
    buffer_vprintf(&message, format, arguments);
    va_end(arguments);
    record(context, ERR_task_failed, buffer_text(&message));
    buffer_release(&message);
    return (int32_t)context->error.code;
}

void wk_log_message(struct wk_context *kernel, const char *format, ...)
{
    struct context *context = kernel->runtime;
    if (context->log_full)
        return;
    va_list arguments;
    va_start(arguments, format);
    buffer_vprintf(&context->log, format, arguments);
    va_end(arguments);
    context_end_line(context);
}

/* ---- Scalars ------------------------------------------------------------------------------- */

/* A word as its type has it; false when it denotes no value of the type. */
static bool is_in_range(enum wk_scalar scalar, uint64_t word)
{
    unsigned char element[8];
    scalar_store(scalar, word, element);
    return scalar_load(scalar, element) == word;
}

static int32_t check_scalar(struct context *context, enum wk_scalar scalar, uint64_t *word)
{
    if (scalar == WK_BOOL ? *word > 1 : !is_in_range(scalar, *word))
        return nonsense(context, "it returns %" PRId64 " for a value of type %s", (int64_t)*word,
                        type_scalar_name(scalar));
    *word = semantics_canonical(scalar, *word);
    return 0;
}

/* ---- Arrays -------------------------------------------------------------------------------- */

static void print_extents(const uint64_t *extents, uint32_t rank, struct buffer *out)
{
    for (uint32_t i = 0; i < rank; i++)
        buffer_printf(out, "%s%" PRId64, i ? ", " : "", (int64_t)extents[i]);
}

static const char *element_text(const struct wk_layout *array)
{
    const struct wk_layout *element = array->parts[0];
    return element->kind == WK_SCALAR ? type_scalar_name((enum wk_scalar)element->scalar)
                                      : "of values";
}

static int32_t refuse_shape(struct context *context, const struct wk_layout *layout,
                            const uint64_t *words, const char *why)
{
    if (layout->kind == WK_STRING)
        return nonsense(context, "it returns a str of %" PRId64 " bytes %s", (int64_t)words[1],
                        why);
    struct buffer extents = {0};
    print_extents(words + 1, layout->rank, &extents);
    int32_t status = nonsense(context, "it returns an array %s[%s] %s", element_text(layout),
                              buffer_text(&extents), why);
    buffer_release(&extents);
    return status;
}

static int32_t check_truth_values(struct context *context, const uint8_t *elements, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (elements[i] > 1)
            return nonsense(context, "element %" PRIu64 " of the bool array that it returns is %d",
                            i, elements[i]);
    return 0;
}

/* Elements without addresses, which belong to the array alone: NaNs are made canonical. */
static int32_t check_flat(struct context *context, const struct wk_layout *element, uint64_t *words)
{
    int32_t status = 0;
    if (element->kind == WK_SCALAR)
        return check_scalar(context, (enum wk_scalar)element->scalar, words);
    for (uint32_t i = 0; i < element->part_count && status == 0;
         words += element->parts[i++]->words)
        status = check_flat(context, element->parts[i], words);
    return status;
}

static int32_t check_elements(struct context *context, const struct wk_layout *element, void *data,
                              uint64_t bytes)
{
    enum wk_scalar scalar = (enum wk_scalar)element->scalar;
    uint64_t *words = data;
    int32_t status = 0;
    if (element->kind != WK_SCALAR) {
        for (uint64_t i = 0; i < bytes / element->bytes && status == 0; i++)
            status = check_flat(context, element, words + i * element->words);
        return status;
    }
    if (scalar == WK_BOOL)
        return check_truth_values(context, data, bytes);
    if (scalar == WK_F64 || scalar == WK_F32)
        wk_canonical_nans(scalar, data, bytes / wk_scalar_bytes(scalar));
    return 0;
}

static int32_t check_text(struct context *context, const uint64_t *words)
{
    int64_t length = (int64_t)words[1];
    int64_t good = wk_text_check((const char *)(uintptr_t)words[0], length);
    if (good == length)
        return 0;
    return nonsense(context, "it returns a str that is not UTF-8 from byte %" PRId64 " on", good);
}

/* The bytes of an array's elements or of a str; false when no memory can hold them. */
static bool value_bytes(const struct wk_layout *layout, const uint64_t *words, uint64_t *bytes)
{
    int64_t extents[WK_MAX_RANK];
    memcpy(extents, words + 1, layout->rank * sizeof *extents);
    uint32_t element_bytes = layout->kind == WK_STRING ? 1 : layout->parts[0]->bytes;
    return shape_bytes(layout->rank, extents, element_bytes, bytes);
}

/* A str or an array that is a part of the result: a block of the call. */
static int32_t check_block(struct context *context, const struct wk_layout *layout, uint64_t *words)
{
    uint64_t bytes;
    if (!value_bytes(layout, words, &bytes))
        return refuse_shape(context, layout, words, "which no memory can hold");
    if (bytes == 0 && !context_owns(context, words[0]))
        words[0] = (uintptr_t)wk_alloc(&context->kernel, 0);
    if (bytes == 0)
        return (int32_t)context->error.code;
    if (!context_owns(context, words[0]))
        return refuse_shape(context, layout, words, "that wk_alloc did not give it in this call");
    if (block_of(words[0])->bytes < bytes)
        return refuse_shape(context, layout, words, "in a block that is too small for it");
    if (layout->kind == WK_STRING)
        return check_text(context, words);
    if (!layout->parts[0]->is_flat)
        return 0; /* later: nothing may change any more when those are looked at */
    return check_elements(context, layout->parts[0], (void *)(uintptr_t)words[0], bytes);
}

/* ---- Values in arrays ---------------------------------------------------------------------- */

/* The data of a block of the call. */
struct region {
    uint64_t begin, end;
};

struct regions {
    struct region *items; /* by address */
    size_t count;
};

static int compare_regions(const void *left, const void *right)
{
    const struct region *a = left, *b = right;
    return (a->begin > b->begin) - (a->begin < b->begin);
}

static struct regions list_regions(const struct context *context)
{
    struct regions regions = {.count = context->live_count - context->foreign_base};
    regions.items = memory_new(regions.count + 1, sizeof(struct region));
    for (size_t i = 0; i < regions.count; i++) {
        struct wk_block *block = context->live[context->foreign_base + i];
        uint64_t begin = (uintptr_t)block_data(block);
        regions.items[i] = (struct region){begin, begin + block->bytes};
    }
    qsort(regions.items, regions.count, sizeof *regions.items, compare_regions);
    return regions;
}

static bool lies_within(const struct regions *regions, uint64_t address, uint64_t bytes)
{
    size_t low = 0, high = regions->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (regions->items[middle].begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct region *region = regions->items + low - 1;
    return low > 0 && address <= region->end && bytes <= region->end - address;
}

static bool is_aligned(const struct wk_layout *layout, uint64_t address)
{
    return layout->kind == WK_STRING || address % layout->parts[0]->bytes == 0 || address % 8 == 0;
}

static int32_t check_inner(struct context *context, const struct regions *regions,
                           const struct wk_layout *layout, const uint64_t *words);

static int32_t check_inner_elements(struct context *context, const struct regions *regions,
                                    const struct wk_layout *element, uint64_t address,
                                    uint64_t bytes)
{
    const uint64_t *words = (const uint64_t *)(uintptr_t)address;
    bool is_bool = element->kind == WK_SCALAR && element->scalar == WK_BOOL;
    int32_t status = 0;
    if (is_bool)
        return check_truth_values(context, (const uint8_t *)words, bytes);
    if (element->kind == WK_SCALAR)
        return 0;
    for (uint64_t i = 0; i < bytes / element->bytes && status == 0; i++)
        status = wk_should_stop(&context->kernel)
                     ? wk_stopped(&context->kernel)
                     : check_inner(context, regions, element, words + i * element->words);
    return status;
}

static int32_t check_inner_block(struct context *context, const struct regions *regions,
                                 const struct wk_layout *layout, const uint64_t *words)
{
    uint64_t bytes;
    if (!value_bytes(layout, words, &bytes))
        return refuse_shape(context, layout, words, "which no memory can hold");
    if (bytes == 0)
        return 0; /* wherever: nothing is read */
    if (!lies_within(regions, words[0], bytes))
        return refuse_shape(context, layout, words, "in an array, outside the blocks of this call");
    if (!is_aligned(layout, words[0]))
        return refuse_shape(context, layout, words, "in an array, at an address between elements");
    if (layout->kind == WK_STRING)
        return check_text(context, words);
    return check_inner_elements(context, regions, layout->parts[0], words[0], bytes);
}

/* Looks at a value in an array, and all that it refers to, and changes nothing: since values may
 * overlap, a change could spoil one that was found good. Packing makes NaNs canonical. */
static int32_t check_inner(struct context *context, const struct regions *regions,
                           const struct wk_layout *layout, const uint64_t *words)
{
    int32_t status = 0;
    uint64_t word;
    switch ((enum wk_kind)layout->kind) {
    case WK_SCALAR:
        word = words[0];
        return check_scalar(context, (enum wk_scalar)layout->scalar, &word);
    case WK_STRING:
    case WK_ARRAY:
        return check_inner_block(context, regions, layout, words);
    case WK_PARTS:
        for (uint32_t i = 0; i < layout->part_count && status == 0;
             words += layout->parts[i++]->words)
            status = check_inner(context, regions, layout->parts[i], words);
        return status;
    case WK_MAP:
    case WK_FILE:
        break;
    }
    bug("a task in C returns a value of kind %d", layout->kind);
}

/* ---- The call ------------------------------------------------------------------------------ */

void wk_foreign_enter(struct wk_context *kernel, const struct wk_site *site)
{
    struct context *context = kernel->runtime;
    context->foreign = site;
    context->foreign_base = context->live_count;
    fault_set_site(site);
}

static bool is_nested(const struct wk_layout *leaf)
{
    return leaf->kind == WK_ARRAY && !leaf->parts[0]->is_flat;
}

static int32_t check_results(struct context *context, const struct wk_layout *const *leaves,
                             uint32_t leaf_count, uint64_t *words)
{
    int32_t status = 0;
    for (uint32_t i = 0; i < leaf_count && status == 0; words += leaves[i++]->words) {
        if (words[0] == WK_NOT_GIVEN)
            return leaf_count == 1
                       ? nonsense(context, "it gives no result")
                       : nonsense(context, "it gives no part %" PRIu32 " of its result", i);
        status = leaves[i]->rank ? check_block(context, leaves[i], words)
                                 : check_scalar(context, (enum wk_scalar)leaves[i]->scalar, words);
    }
    return status;
}

/* Looks at what is in arrays, after whatever changes blocks. */
static int32_t check_nested(struct context *context, const struct regions *regions,
                            const struct wk_layout *const *leaves, uint32_t leaf_count,
                            const uint64_t *words)
{
    int32_t status = 0;
    for (uint32_t i = 0; i < leaf_count && status == 0; words += leaves[i++]->words)
        if (is_nested(leaves[i]))
            status = check_inner_block(context, regions, leaves[i], words);
    return status;
}

/* How many parts of the result are the block with these data. */
static uint32_t count_returns(const struct wk_layout *const *leaves, uint32_t leaf_count,
                              const uint64_t *words, uint64_t address)
{
    uint32_t times = 0;
    for (uint32_t i = 0; i < leaf_count; words += leaves[i++]->words)
        times += leaves[i]->rank && words[0] == address;
    return times;
}

static int32_t check_once(struct context *context, const struct regions *regions,
                          const struct wk_layout *const *leaves, uint32_t leaf_count,
                          const uint64_t *words)
{
    for (size_t i = 0; i < regions->count; i++)
        if (count_returns(leaves, leaf_count, words, regions->items[i].begin) > 1)
            return nonsense(context, "it returns one array as two parts of its result");
    return 0;
}

/* What was given as tables becomes owned, value by value. */
static int32_t copy_nested(struct context *context, const struct wk_layout *const *leaves,
                           uint32_t leaf_count, uint64_t *words)
{
    int32_t status = 0;
    for (uint32_t i = 0; i < leaf_count && status == 0; words += leaves[i++]->words)
        if (is_nested(leaves[i]))
            status = wk_value_copy(&context->kernel, leaves[i], words, words);
    return status;
}

/* Frees what the task left behind. */
static void free_others(struct context *context, const struct regions *regions,
                        const struct wk_layout *const *leaves, uint32_t leaf_count,
                        const uint64_t *words)
{
    for (size_t i = 0; i < regions->count; i++) {
        uint64_t address = regions->items[i].begin;
        if (count_returns(leaves, leaf_count, words, address) == 0)
            wk_free(&context->kernel, (void *)(uintptr_t)address);
    }
}

static void settle(struct context *context, const struct wk_layout *const *leaves,
                   uint32_t leaf_count, uint64_t *results)
{
    if (check_results(context, leaves, leaf_count, results) != 0)
        return;
    struct regions regions = list_regions(context);
    if (check_once(context, &regions, leaves, leaf_count, results) == 0 &&
        check_nested(context, &regions, leaves, leaf_count, results) == 0 &&
        copy_nested(context, leaves, leaf_count, results) == 0) {
        context->foreign = NULL; /* wk_free need not look whose the block is */
        free_others(context, &regions, leaves, leaf_count, results);
    }
    free(regions.items);
}

int32_t wk_foreign_leave(struct wk_context *kernel, const struct wk_layout *const *leaves,
                         uint32_t leaf_count, int32_t status, uint64_t *results)
{
    struct context *context = kernel->runtime;
    fault_set_site(NULL);
    context_set_float_mode(context);
    if (status && context->error.code == ERR_none)
        nonsense(context, "it returns the status %d without having recorded a failure", status);
    if (context->error.code == ERR_none)
        settle(context, leaves, leaf_count, results);
    context->foreign = NULL;
    return (int32_t)context->error.code;
}

int context_note_fault(struct context *context, int number)
{
    const struct wk_site *site = context->foreign;
    error_set(&context->error, ERR_foreign_result,
              "the task '%s', written in C, ended the process by %s", site ? site->format : "?",
              fault_number_name(number));
    error_hint(&context->error, "its C code is to blame: it reads or writes where it has no "
                                "memory, uses up the stack, divides by zero, or calls exit");
    if (site)
        site_place(context, site);
    return (int)context->error.code;
}
