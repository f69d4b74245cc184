/*
 * Contexts, and the wk_ functions that kernels call. See context.h for the way of a block.
 *
 * A block's two reserved words: while a kernel owns the block, the first is its index in the list
 * `live`, so that it leaves the list in constant time (the last one takes its place); while the
 * block is cached, the first is the next one's address. The second is always the capacity of its
 * data.
 */
#include "value/context.h"

#include <fenv.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value/blas.h"
#include "value/pack.h"
#include "value/poison.h"
#include "value/semantics.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum {
    UNIT = 64,                   /* capacities are multiples of it */
    CACHED_BLOCK_MAX = 32 << 20, /* larger blocks go back to the system at once */
    CACHE_LIMIT = 128 << 20,     /* bytes a context's cache may hold */
    LOG_LIMIT = 1 << 20,         /* bytes a task may log */
};

/*
 * Where large blocks begin in their pages. Processors take a load for one that waits for a store
 * before it if the two agree in the last 12 bits of their addresses, so a loop that reads an array
 * at i + 1 and writes another at i is a third slower where the second array begins a few hundred
 * bytes behind the first one in the page: blocks of one size that follow each other lie just so.
 * Hence all begin at multiples of SPREAD_STEP, in turn, behind SPREAD_FIRST, since the memory of
 * others (files, malloc's large pieces) mostly begins near a page's start.
 */
enum {
    PAGE_BYTES = 4096,
    SPREAD_LEAST = 64 << 10, /* capacity: with less, what is left out would matter */
    SPREAD_FIRST = 512,
    SPREAD_STEP = 1024,
};
static const uint64_t BLOCK_MAX = 1ULL << 47;

void memory_account_init(struct memory_account *account, uint64_t limit)
{
    account->limit = limit;
    atomic_init(&account->used, 0);
    atomic_init(&account->peak, 0);
}

/* ---- Classes of sizes ---------------------------------------------------------------------- */

/* Sizes in units of 64 bytes: 1 to 8, then eight classes for each doubling, so that at most an
 * eighth of a block is unused. */
static unsigned class_of(uint64_t bytes)
{
    uint64_t units = bytes <= UNIT ? 1 : (bytes + UNIT - 1) / UNIT;
    if (units < 8)
        return (unsigned)units;
    unsigned shift = 60 - (unsigned)__builtin_clzll(units);
    uint64_t eighths = (units + (1ULL << shift) - 1) >> shift; /* 8 to 16 */
    return shift * 8 + (unsigned)eighths;
}

static uint64_t class_capacity(unsigned size_class)
{
    if (size_class < 8)
        return (uint64_t)size_class * UNIT;
    return (8 + (uint64_t)size_class % 8) * UNIT << (size_class / 8 - 1);
}

/* ---- The account and the system ------------------------------------------------------------ */

static void account_raise_peak(struct memory_account *account, uint64_t used)
{
    uint64_t peak = atomic_load_explicit(&account->peak, memory_order_relaxed);
    while (used > peak &&
           !atomic_compare_exchange_weak_explicit(&account->peak, &peak, used, memory_order_relaxed,
                                                  memory_order_relaxed))
        continue;
}

static bool account_add(struct memory_account *account, uint64_t bytes)
{
    uint64_t used = bytes + atomic_fetch_add_explicit(&account->used, bytes, memory_order_relaxed);
    if (account->limit && used > account->limit) {
        atomic_fetch_sub_explicit(&account->used, bytes, memory_order_relaxed);
        return false;
    }
    account_raise_peak(account, used);
    return true;
}

/* Bytes before a block that are its own. */
static uint64_t block_lead(const struct wk_block *block)
{
    return block->reserved[1] < SPREAD_LEAST ? 0 : (uintptr_t)block % PAGE_BYTES;
}

static uint64_t block_total(const struct wk_block *block)
{
    return block_lead(block) + WK_HEADER_BYTES + block->reserved[1];
}

static void give_back(struct context *context, struct wk_block *block)
{
    poison_show(block_data(block), block->reserved[1]);
    atomic_fetch_sub_explicit(&context->account->used, block_total(block), memory_order_relaxed);
    free((char *)block - block_lead(block));
}

static void free_spare_pages(struct context *context)
{
    for (void *page; (page = slots_take_spare(&context->slots));) {
        atomic_fetch_sub_explicit(&context->account->used, SLOT_PAGE_BYTES, memory_order_relaxed);
        free(page);
    }
}

void context_trim(struct context *context)
{
    slots_gather(&context->slots);
    free_spare_pages(context);
    for (unsigned i = 0; i < CONTEXT_CLASSES; i++) {
        struct wk_block *block = context->cache[i];
        while (block) {
            struct wk_block *next = (struct wk_block *)(uintptr_t)block->reserved[0];
            give_back(context, block);
            block = next;
        }
        context->cache[i] = NULL;
    }
    context->cached = 0;
}

static int refuse_memory(struct context *context, uint64_t bytes)
{
    const struct memory_account *account = context->account;
    if (account->limit == 0 || bytes > BLOCK_MAX)
        return error_set(&context->error, ERR_out_of_memory,
                         "there is no memory for an array of %" PRIu64 " bytes", bytes);
    uint64_t used = atomic_load_explicit(&account->used, memory_order_relaxed);
    if (used)
        error_set(&context->error, ERR_memory_limit,
                  "an array of %" PRIu64 " bytes does not fit the job's limit of %" PRIu64
                  " bytes, of which %" PRIu64 " are used",
                  bytes, account->limit, used);
    else
        error_set(&context->error, ERR_memory_limit,
                  "an array of %" PRIu64 " bytes does not fit the job's limit of %" PRIu64
                  " byte%s",
                  bytes, account->limit, account->limit == 1 ? "" : "s");
    return error_hint(&context->error, "raise --memory, or use fewer --workers");
}

static uint64_t next_lead(struct context *context)
{
    context->spread = (context->spread + SPREAD_STEP) % PAGE_BYTES;
    return SPREAD_FIRST + context->spread;
}

/* A block from the system, after a second try without the cache. NULL: the error is recorded. */
static struct wk_block *ask_system(struct context *context, uint64_t bytes, uint64_t capacity)
{
    bool is_spread = capacity >= SPREAD_LEAST;
    uint64_t lead = is_spread ? next_lead(context) : 0, total = lead + WK_HEADER_BYTES + capacity;
    for (int attempt = 0; attempt < 2; attempt++) {
        if (account_add(context->account, total)) {
            char *memory = memory_try(total, is_spread ? PAGE_BYTES : WK_ALIGN);
            if (memory) {
                struct wk_block *block = (struct wk_block *)(void *)(memory + lead);
                memset(block, 0, sizeof *block);
                block->reserved[1] = capacity;
                return block;
            }
            atomic_fetch_sub_explicit(&context->account->used, total, memory_order_relaxed);
        }
        context_trim(context);
    }
    refuse_memory(context, bytes);
    return NULL;
}

/* ---- Blocks -------------------------------------------------------------------------------- */

/* A block of at least this many bytes with one reference, in no list. */
static struct wk_block *new_block(struct context *context, uint64_t bytes)
{
    struct wk_block *block;
    if (bytes <= CACHED_BLOCK_MAX) {
        unsigned size_class = class_of(bytes);
        block = context->cache[size_class];
        if (block) {
            context->cache[size_class] = (struct wk_block *)(uintptr_t)block->reserved[0];
            context->cached -= block_total(block);
            poison_show(block_data(block), block->reserved[1]);
        } else {
            block = ask_system(context, bytes, class_capacity(size_class));
        }
    } else {
        block = bytes <= BLOCK_MAX ? ask_system(context, bytes, (bytes + UNIT - 1) / UNIT * UNIT)
                                   : (refuse_memory(context, bytes), NULL);
    }
    if (!block)
        return NULL;
    atomic_store_explicit(&block->references, 1, memory_order_relaxed);
    block->bytes = bytes;
    poison_spoil(block_data(block), bytes);
    return block;
}

static void free_block(struct context *context, struct wk_block *block)
{
    uint64_t total = block_total(block);
    if (block->reserved[1] > CACHED_BLOCK_MAX || total > context->cache_limit) {
        give_back(context, block);
        return;
    }
    if (context->cached + total > context->cache_limit)
        context_trim(context);
    unsigned size_class = class_of(block->reserved[1]);
    block->reserved[0] = (uintptr_t)context->cache[size_class];
    context->cache[size_class] = block;
    context->cached += total;
    poison_hide(block_data(block), block->reserved[1]);
}

void context_drop(struct context *context, struct wk_block *block)
{
    if (!block)
        return;
    /* Release: what this owner read is read. Acquire: the last one sees that of all. */
    if (atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) == 1)
        free_block(context, block);
}

static void set_shape(struct wk_block *block, uint8_t scalar, uint8_t rank, const int64_t *extents,
                      uint64_t bytes)
{
    block->scalar = scalar;
    block->rank = rank;
    block->flags = 0;
    block->bytes = bytes;
    memset(block->extents, 0, sizeof block->extents);
    memcpy(block->extents, extents, rank * sizeof *extents);
}

struct wk_block *context_new_array(struct context *context, enum wk_scalar scalar, uint8_t rank,
                                   const int64_t *extents)
{
    uint64_t bytes;
    if (!shape_bytes(rank, extents, wk_scalar_bytes(scalar), &bytes)) {
        refuse_memory(context, UINT64_MAX);
        return NULL;
    }
    struct wk_block *block = new_block(context, bytes);
    if (block)
        set_shape(block, (uint8_t)scalar, rank, extents, bytes);
    return block;
}

struct wk_block *context_new_block(struct context *context, const struct wk_block *header)
{
    struct wk_block *block = new_block(context, header->bytes);
    if (!block)
        return NULL;
    set_shape(block, header->scalar, header->rank, header->extents, header->bytes);
    block->flags = header->flags;
    block_set_base(block, 0);
    return block;
}

/* ---- Slots ---------------------------------------------------------------------------------- */

/* The memory of a page, or NULL; nothing is recorded. */
static void *new_page(struct context *context)
{
    void *page = slots_take_spare(&context->slots);
    if (page)
        return page;
    for (int attempt = 0; attempt < 2; attempt++) {
        if (account_add(context->account, SLOT_PAGE_BYTES)) {
            page = memory_try(SLOT_PAGE_MEMORY, SLOT_PAGE_BYTES);
            if (page)
                return page;
            atomic_fetch_sub_explicit(&context->account->used, SLOT_PAGE_BYTES,
                                      memory_order_relaxed);
        }
        context_trim(context);
    }
    return NULL;
}

void *context_new_slot(struct context *context, uint64_t bytes)
{
    void *slot = slots_take(&context->slots, bytes);
    if (__builtin_expect(slot != NULL, true))
        return slot;
    void *page = new_page(context);
    if (!page)
        return NULL;
    slots_add_page(&context->slots, page, bytes);
    return slots_take(&context->slots, bytes);
}

static void free_slots(struct context *context)
{
    slots_reset(&context->slots);
    if (context->cached + context->slots.spare_bytes > context->cache_limit)
        free_spare_pages(context);
}

/* ---- The running kernel's list ------------------------------------------------------------- */

static void list_block(struct context *context, struct wk_block *block)
{
    if (context->live_count == context->live_capacity) {
        context->live_capacity = context->live_capacity ? context->live_capacity * 2 : 64;
        context->live = memory_resize(context->live, context->live_capacity, sizeof *context->live);
    }
    block->reserved[0] = context->live_count;
    context->live[context->live_count++] = block;
}

static void unlist_block(struct context *context, struct wk_block *block)
{
    uint64_t index = block->reserved[0];
    if (index >= context->live_count || context->live[index] != block)
        bug("a kernel frees or returns memory that is not its own");
    struct wk_block *last = context->live[--context->live_count];
    context->live[index] = last;
    last->reserved[0] = index;
}

static void free_live(struct context *context)
{
    while (context->live_count)
        free_block(context, context->live[--context->live_count]);
}

/* New blocks are at the end of the list, and freed ones give their place to the last: so those that
 * a task in C allocated are those from foreign_base on, and it is mostly asked for the last. */
bool context_owns(const struct context *context, uint64_t address)
{
    uint32_t base = context->foreign ? context->foreign_base : 0;
    for (uint32_t i = context->live_count; i-- > base;)
        if ((uintptr_t)block_data(context->live[i]) == address)
            return true;
    return false;
}

/* The extents of a returned array, and the bytes of its elements. */
static void take_shape(const struct value_leaf *leaf, const uint64_t *words, int64_t *extents,
                       uint64_t *bytes)
{
    uint32_t element_bytes = leaf->is_packed ? leaf->layout->parts[0]->bytes : leaf->element_bytes;
    for (unsigned i = 0; i < leaf->rank; i++)
        extents[i] = (int64_t)words[1 + i];
    if (!shape_bytes(leaf->rank, extents, element_bytes, bytes))
        bug("a kernel returns an impossible shape");
}

/* A returned string in a slot or lent memory becomes a block. */
static int copy_text(struct context *context, int64_t length, uint64_t *words)
{
    struct wk_block *block = context_new_array(context, WK_U8, 1, &length);
    if (!block)
        return (int)context->error.code;
    memcpy(block_data(block), (const void *)(uintptr_t)words[0], (size_t)length);
    words[0] = (uintptr_t)block_data(block);
    return 0;
}

/* Takes a returned array's block off the list and fills its header. An array without elements may
 * have any address, and then gets a block here. */
static int take_array(struct context *context, const struct value_leaf *leaf, uint64_t *words)
{
    int64_t extents[WK_MAX_RANK];
    uint64_t bytes;
    take_shape(leaf, words, extents, &bytes);
    if (bytes == 0 && !context_owns(context, words[0])) {
        struct wk_block *empty = new_block(context, 0);
        if (!empty)
            return (int)context->error.code;
        list_block(context, empty);
        words[0] = (uintptr_t)block_data(empty);
    }
    if (leaf->scalar == WK_U8 && !text_is_block(words[0]))
        return copy_text(context, extents[0], words);
    struct wk_block *block = block_of(words[0]);
    unlist_block(context, block);
    if (bytes > block->reserved[1])
        bug("a kernel returns an array that is larger than its block");
    set_shape(block, leaf->scalar, leaf->rank, extents, bytes);
    return 0;
}

/* Copies a returned value that has addresses in it into one block; its own go with the list. */
static int take_packed(struct context *context, const struct value_leaf *leaf, uint64_t *words)
{
    int64_t extents[WK_MAX_RANK];
    uint64_t bytes;
    if (leaf->rank > 0)
        take_shape(leaf, words, extents, &bytes);
    bytes = pack_bytes(leaf->layout, words);
    struct wk_block *block = new_block(context, bytes);
    if (!block)
        return (int)context->error.code;
    pack_write(leaf->layout, words, block_data(block));
    set_shape(block, leaf->scalar, leaf->rank, extents, bytes);
    block->flags = WK_BLOCK_PACKED;
    words[0] = (uintptr_t)block_data(block);
    block_set_base(block, words[0]);
    return 0;
}

/* 0, or an error; then the blocks taken before it are on the list again. */
static int take_results(struct context *context, const struct value_leaf *leaves,
                        uint32_t leaf_count, uint64_t *results)
{
    uint64_t *words = results;
    for (uint32_t i = 0; i < leaf_count; i++) {
        int code = leaves[i].is_packed  ? take_packed(context, &leaves[i], words)
                   : leaves[i].is_block ? take_array(context, &leaves[i], words)
                                        : 0;
        if (code) {
            words = results;
            for (uint32_t taken = 0; taken < i; taken++) {
                if (leaves[taken].is_block)
                    list_block(context, block_of(words[0]));
                words += leaves[taken].words;
            }
            return code;
        }
        words += leaves[i].words;
    }
    return 0;
}

/* ---- Running ------------------------------------------------------------------------------- */

void context_init(struct context *context, struct memory_account *account, _Atomic(uint32_t) *stop)
{
    memset(context, 0, sizeof *context);
    context->kernel.stop = stop;
    context->kernel.runtime = context;
    context->account = account;
    context->cache_limit = CACHE_LIMIT;
    if (account->limit && account->limit / 8 < CACHE_LIMIT)
        context->cache_limit = account->limit / 8;
}

void context_release(struct context *context)
{
    free_live(context);
    slots_reset(&context->slots);
    context_trim(context);
    free(context->live);
    buffer_release(&context->log);
    memset(context, 0, sizeof *context);
}

/* A library that was loaded may have changed the mode: to flush denormals, or to round otherwise.
 * Asking for the mode takes longer than all the rest of context_run, so it is not done each time.
 */
void context_set_float_mode(struct context *context)
{
#if defined(__x86_64__)
    enum { DEFAULT_MODE = 0x1F80 };
    _mm_setcsr(DEFAULT_MODE);
#else
    fesetenv(FE_DFL_ENV);
#endif
    context->float_mode_set = true;
}

void context_forget_float_mode(struct context *context)
{
    context->float_mode_set = false;
}

int context_finish(struct context *context, int code)
{
    if (code && context->error.code == ERR_none)
        error_set(&context->error, ERR_task_failed, "the task failed with status %d", code);
    free_live(context);
    if (context->slots.pages)
        free_slots(context);
    if (context->has_blas_permit)
        blas_leave(context);
    return code ? (int)context->error.code : 0;
}

int context_run(struct context *context, wk_kernel *kernel, const uint64_t *arguments,
                const struct value_leaf *leaves, uint32_t leaf_count, uint64_t *results)
{
    int code = context_call(context, kernel, arguments, results);
    if (code == 0)
        code = take_results(context, leaves, leaf_count, results);
    return context_finish(context, code);
}

/* ---- What kernels call (wk.h) -------------------------------------------------------------- */

void *wk_alloc(struct wk_context *kernel, uint64_t bytes)
{
    struct context *context = kernel->runtime;
    struct wk_block *block = new_block(context, bytes);
    if (!block)
        return NULL;
    list_block(context, block);
    return block_data(block);
}

void wk_free(struct wk_context *kernel, void *data)
{
    if (!data)
        return;
    struct context *context = kernel->runtime;
    if (context->foreign && !context_owns(context, (uintptr_t)data)) {
        wk_fail_message(kernel, "it frees memory that is not its own");
        return;
    }
    struct wk_block *block = block_of((uintptr_t)data);
    unlist_block(context, block);
    free_block(context, block);
}

/* Gives how many words the value has. */
static uint32_t render_value(char type, const uint64_t *words, struct buffer *out)
{
    char text[32];
    if (type == 's') {
        buffer_append_visible(out, (const char *)(uintptr_t)words[0], (size_t)words[1]);
        return 2;
    }
    if (type == 'q') {
        buffer_json_string(out, (const char *)(uintptr_t)words[0], (size_t)words[1]);
        return 2;
    }
    enum wk_scalar scalar = type == 'u'   ? WK_U64
                            : type == 'f' ? WK_F64
                            : type == 'g' ? WK_F32
                            : type == 'b' ? WK_BOOL
                                          : WK_I64;
    semantics_print(scalar, words[0], text);
    buffer_puts(out, text);
    return 1;
}

void site_render(const struct wk_site *site, const uint64_t *values, struct buffer *out)
{
    const char *types = site->types ? site->types : "";
    for (const char *c = site->format; *c; c++) {
        if (c[0] == '{' && c[1] == '}' && *types) {
            values += render_value(*types++, values, out);
            c++;
        } else {
            buffer_putc(out, *c);
            c += (c[0] == '{' || c[0] == '}') && c[1] == c[0];
        }
    }
}

void site_place(struct context *context, const struct wk_site *site)
{
    context->error.place = (struct place){
        .file = site->file, .line = site->line, .column = site->column, .length = site->length};
}

int32_t wk_fail(struct wk_context *kernel, const struct wk_site *site, const uint64_t *values)
{
    struct context *context = kernel->runtime;
    if (context->error.code == ERR_none) {
        struct buffer message = {0};
        site_render(site, values, &message);
        error_set(&context->error, (enum error_code)site->code, "%s", buffer_text(&message));
        site_place(context, site);
        buffer_release(&message);
    }
    return (int32_t)context->error.code;
}

bool context_can_recover(enum error_code code)
{
    return code != ERR_task_timeout && code != ERR_memory_limit && code != ERR_out_of_memory &&
           code != ERR_file_unreadable && code != ERR_interrupted && code != ERR_blas_missing;
}

int32_t wk_recover(struct wk_context *kernel)
{
    struct context *context = kernel->runtime;
    if (!context_can_recover(context->error.code))
        return wk_failed(kernel);
    context->error = (struct error){.code = ERR_none};
    return 0;
}

int32_t wk_failed(struct wk_context *kernel)
{
    const struct context *context = kernel->runtime;
    if (context->error.code == ERR_none && context->foreign)
        return wk_fail_message(kernel, "it hands up a failure that it did not record");
    if (context->error.code == ERR_none)
        bug("a kernel hands up a failure that was not recorded");
    return (int32_t)context->error.code;
}

void wk_failed_in(struct wk_context *kernel, const struct wk_site *call, const uint64_t *values)
{
    struct error *error = &((struct context *)kernel->runtime)->error;
    if (error->note[0])
        return;
    struct buffer text = {0};
    site_render(call, values, &text);
    struct place place = {call->file, call->line, call->column, call->length};
    bool has_place = error->place.line != 0;
    error_note(error, has_place ? place : (struct place){0}, "%s%s", buffer_text(&text),
               has_place ? ", called here" : "");
    if (!has_place)
        error->place = place;
    buffer_release(&text);
}

int32_t wk_stopped(struct wk_context *kernel)
{
    struct context *context = kernel->runtime;
    if (context->error.code == ERR_none)
        error_set(&context->error, ERR_interrupted, "the task was stopped before its end");
    return (int32_t)context->error.code;
}

void wk_log_line(struct wk_context *kernel, const struct wk_site *site, const uint64_t *values)
{
    struct context *context = kernel->runtime;
    if (context->log_full)
        return;
    site_render(site, values, &context->log);
    context_end_line(context);
}

void context_end_line(struct context *context)
{
    buffer_putc(&context->log, '\n');
    if (context->log.length > LOG_LIMIT) {
        context->log_full = true;
        buffer_puts(&context->log, "(the rest of this task's log is left out)\n");
    }
}
