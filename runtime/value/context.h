/*
 * Contexts: what stands behind struct wk_context when a kernel runs. A world has one for each
 * worker; it belongs to one thread at a time and is used for one kernel after the other:
 *
 *     struct memory_account account;           // one a job, shared by its contexts
 *     memory_account_init(&account, limit);
 *     struct context context;
 *     context_init(&context, &account, &stop);
 *     code = context_run(&context, kernel, arguments, leaves, leaf_count, results);
 *     if (code)  …context.error says what and where…
 *     else       …results are words; each array's block (block_of) is owned by the caller…
 *     …buffer_text(&context.log) are the lines that the task logged…
 *     context_drop(&context, block);            // when a value was read for the last time
 *     context_release(&context);
 *
 * Memory. Every block comes from context_new_array or, in a kernel, wk_alloc. While a kernel runs,
 * the context lists its blocks; when it ends, those that are its results leave the list, and the
 * others are freed. A freed block goes to the context's cache, in classes of sizes, to be the next
 * block of its class; a block may be dropped into another context's cache than it came from. Hence
 * a loop that rebinds an array has two blocks, and no system call. What contexts hold, cached or
 * not, counts in the job's account; a context empties its cache before it reports that the limit is
 * reached.
 *
 * Small strings have slots (slots.h) instead of blocks: these stay in the context, and are freed
 * when the kernel ends; a result in one is copied to a block.
 *
 * Threads. A block may be handed from thread to thread by any means that synchronizes; its last
 * owner frees it, whichever thread that is.
 */
#ifndef WKC_VALUE_CONTEXT_H
#define WKC_VALUE_CONTEXT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "value/slots.h"
#include "value/value.h"
#include "wk.h"

struct data_file;

/* The memory of a job's values, in bytes. */
struct memory_account {
    uint64_t limit;         /* 0: none */
    _Atomic(uint64_t) used; /* held by contexts, in use or cached */
    _Atomic(uint64_t) peak; /* the largest that `used` has been */
};

void memory_account_init(struct memory_account *account, uint64_t limit);

enum { CONTEXT_CLASSES = 160 };

struct context {
    struct wk_context kernel;       /* what kernels see */
    struct memory_account *account; /* shared */
    struct wk_block **live;         /* the running kernel's blocks; each knows its index */
    uint32_t live_count, live_capacity;
    struct wk_block *cache[CONTEXT_CLASSES]; /* free blocks by class, linked */
    uint64_t cached, cache_limit;            /* bytes */
    uint64_t spread; /* where in its page the last large block begins: context.c says why */
    uint64_t lent, lent_bytes; /* memory that outlives the running kernel (wk_lend) */
    struct slot_store slots;   /* of the running kernel's small strings */
    struct error error;        /* of the last kernel; code 0: none */
    struct buffer log;         /* of the last kernel: whole lines */
    bool log_full;
    bool float_mode_set;  /* on the thread that runs kernels */
    bool has_blas_permit; /* the running kernel may call OpenBLAS (blas.h) */
    /* While a task in C runs (foreign.c): its declaration, and how many blocks were live before,
     * which are not its own. */
    const struct wk_site *foreign;
    uint32_t foreign_base;
    struct data_file *const *files; /* of the job, by number; set by the world */
    uint32_t file_count;
};

/* `stop` becomes not 0 when kernels shall end; it may be shared by all contexts. */
void context_init(struct context *context, struct memory_account *account, _Atomic(uint32_t) *stop);

/* Frees the cache. Blocks that others own stay; drop them into another context. */
void context_release(struct context *context);

/* Runs a kernel with the floating-point mode set to its defaults. 0: `results` holds the words of
 * the leaves in order, and the caller owns a block for each array among them, its header filled.
 * Otherwise the error's code, with context->error filled (its place is that of the failure, line 0
 * where a failure has none), and nothing is owned. */
int context_run(struct context *context, wk_kernel *kernel, const uint64_t *arguments,
                const struct value_leaf *leaves, uint32_t leaf_count, uint64_t *results);

/* The floating-point mode is set before the first kernel, and kernels leave it alone. Call this
 * after whatever else may have changed it on this thread (a library was loaded, foreign code ran),
 * or when the context moves to another thread, to have it set again. */
void context_forget_float_mode(struct context *context);
void context_set_float_mode(struct context *context);

/* The two halves of context_run: the call itself, and what follows it, whatever its code was. */
static inline int context_call(struct context *context, wk_kernel *kernel,
                               const uint64_t *arguments, uint64_t *results)
{
    context->error.code = ERR_none;
    context->kernel.depth = 0;
    context->foreign = NULL;
    context->lent_bytes = 0;
    context->log_full = false;
    if (context->log.length)
        buffer_clear(&context->log);
    if (!context->float_mode_set)
        context_set_float_mode(context);
    return kernel(&context->kernel, arguments, results);
}
int context_finish(struct context *context, int code);

/* Whether a failure follows from the kernel and its arguments alone, so that it would be the same
 * again: those, and no failures of the environment, may be replaced by a fallback. */
bool context_can_recover(enum error_code code);

/* As context_run, for a kernel whose results are scalars: a call that costs next to nothing. */
static inline int context_run_scalars(struct context *context, wk_kernel *kernel,
                                      const uint64_t *arguments, uint64_t *results)
{
    int code = context_call(context, kernel, arguments, results);
    return code || context->live_count || context->slots.pages || context->has_blas_permit
               ? context_finish(context, code)
               : 0;
}

/* A new array, its elements undefined, with one owner. NULL with context->error filled when it is
 * too large for the limit or the machine. The shape is one that shape_bytes accepts. */
struct wk_block *context_new_array(struct context *context, enum wk_scalar scalar, uint8_t rank,
                                   const int64_t *extents);

/* A new block with the shape, flags and size of data that a header says; the data are undefined.
 * NULL with context->error filled when there is no memory for it. */
struct wk_block *context_new_block(struct context *context, const struct wk_block *header);

/* Takes one owner away; the last one's block goes to the cache. NULL is allowed. */
void context_drop(struct context *context, struct wk_block *block);

/* Gives the cached blocks back to the system. */
void context_trim(struct context *context);

/* A slot for `bytes` bytes of a string, at most SLOT_MAX, until the running kernel ends or frees
 * it; NULL when there is no memory for a page, which is not recorded: a block may still fit. */
void *context_new_slot(struct context *context, uint64_t bytes);

/* Whether an address, which may be any number, is the data of a block that the running kernel (of
 * it, the running task in C) allocated and has not freed. */
bool context_owns(const struct context *context, uint64_t address);

/* Records that the task in C which the context runs left by an escape of fault.h; its code. What it
 * had allocated stays: the process ends soon. */
int context_note_fault(struct context *context, int number);
/* The text of a site's format with its values, as in wk.h. Appended to *out. */
void site_render(const struct wk_site *site, const uint64_t *values, struct buffer *out);
/* Sets the place of the recorded error to a site's. */
void site_place(struct context *context, const struct wk_site *site);
/* Ends a line of the log, and the log where it has become too long. */
void context_end_line(struct context *context);

#endif
