/*
 * The border around tasks that are written in C. What such a task returns is looked at before
 * anything else does: each array is a block that it allocated, large enough for its extents;
 * scalars and truth values are in their range; NaNs are made canonical. What does not hold is a
 * failure of the task, never one of the worker.
 */
#include <inttypes.h>
#include <string.h>

#include "value/context.h"
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
                        wk_scalar_text(scalar));
    *word = semantics_canonical(scalar, *word);
    return 0;
}

/* A leaf of the result as compiled code tells it: a scalar of rank 0, or an array of scalars. */
struct foreign_leaf {
    uint8_t scalar; /* enum wk_scalar */
    uint8_t rank;
};

/* ---- Arrays -------------------------------------------------------------------------------- */

static void print_extents(const uint64_t *extents, uint32_t rank, struct buffer *out)
{
    for (uint32_t i = 0; i < rank; i++)
        buffer_printf(out, "%s%" PRId64, i ? ", " : "", (int64_t)extents[i]);
}

static int32_t refuse_shape(struct context *context, const struct foreign_leaf *leaf,
                            const uint64_t *words, const char *why)
{
    struct buffer extents = {0};
    print_extents(words + 1, leaf->rank, &extents);
    int32_t status =
        nonsense(context, "it returns an array %s[%s] %s",
                 wk_scalar_text((enum wk_scalar)leaf->scalar), buffer_text(&extents), why);
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

static int32_t check_elements(struct context *context, enum wk_scalar scalar, void *data,
                              uint64_t bytes)
{
    if (scalar == WK_BOOL)
        return check_truth_values(context, data, bytes);
    if (scalar == WK_F64 || scalar == WK_F32)
        wk_canonical_nans(scalar, data, bytes / wk_scalar_bytes(scalar));
    return 0;
}

static int32_t check_array(struct context *context, const struct foreign_leaf *leaf,
                           uint64_t *words)
{
    uint64_t bytes;
    int64_t extents[WK_MAX_RANK];
    memcpy(extents, words + 1, leaf->rank * sizeof *extents);
    enum wk_scalar scalar = (enum wk_scalar)leaf->scalar;
    if (!shape_bytes(leaf->rank, extents, wk_scalar_bytes(scalar), &bytes))
        return refuse_shape(context, leaf, words, "which no memory can hold");
    if (bytes == 0 && !context_owns(context, words[0]))
        words[0] = (uintptr_t)wk_alloc(&context->kernel, 0);
    if (bytes == 0)
        return (int32_t)context->error.code;
    if (!context_owns(context, words[0]))
        return refuse_shape(context, leaf, words, "that wk_alloc did not give it in this call");
    if (block_of(words[0])->bytes < bytes)
        return refuse_shape(context, leaf, words, "in a block that is too small for it");
    return check_elements(context, scalar, (void *)(uintptr_t)words[0], bytes);
}

/* ---- The call ------------------------------------------------------------------------------ */

void wk_foreign_enter(struct wk_context *kernel, const struct wk_site *site)
{
    struct context *context = kernel->runtime;
    context->foreign = site;
    context->foreign_base = context->live_count;
}

static int32_t check_results(struct context *context, const struct foreign_leaf *leaves,
                             uint32_t leaf_count, uint64_t *results)
{
    uint64_t *words = results;
    int32_t status = 0;
    for (uint32_t i = 0; i < leaf_count && status == 0; i++) {
        status = leaves[i].rank ? check_array(context, &leaves[i], words)
                                : check_scalar(context, (enum wk_scalar)leaves[i].scalar, words);
        words += 1 + leaves[i].rank;
    }
    return status;
}

/* Where the words of the first leaf with this address begin, other than at `self`; or NULL. */
static bool is_returned(const struct foreign_leaf *leaves, uint32_t leaf_count,
                        const uint64_t *results, uint64_t address, uint32_t *times)
{
    *times = 0;
    for (uint32_t i = 0; i < leaf_count; i++) {
        *times += leaves[i].rank && results[0] == address;
        results += 1 + leaves[i].rank;
    }
    return *times > 0;
}

/* Frees what the task left behind, and finds blocks that it returned twice. */
static int32_t settle_blocks(struct context *context, const struct foreign_leaf *leaves,
                             uint32_t leaf_count, const uint64_t *results)
{
    for (uint32_t i = context->live_count; i-- > context->foreign_base;) {
        void *data = block_data(context->live[i]);
        uint32_t times;
        if (!is_returned(leaves, leaf_count, results, (uintptr_t)data, &times))
            wk_free(&context->kernel, data);
        else if (times > 1)
            return nonsense(context, "it returns one array as two parts of its result");
    }
    return 0;
}

int32_t wk_foreign_leave(struct wk_context *kernel, const uint8_t *leaves, uint32_t leaf_count,
                         int32_t status, uint64_t *results)
{
    struct context *context = kernel->runtime;
    const struct foreign_leaf *parts = (const struct foreign_leaf *)leaves;
    context_set_float_mode(context);
    if (status && context->error.code == ERR_none)
        nonsense(context, "it returns the status %d without having recorded a failure", status);
    if (context->error.code == ERR_none && check_results(context, parts, leaf_count, results) == 0)
        settle_blocks(context, parts, leaf_count, results);
    context->foreign = NULL;
    return (int32_t)context->error.code;
}
