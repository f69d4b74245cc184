/* Contexts: the life of blocks, the job's memory account, failures and logs of kernels. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "test.h"
#include "value/context.h"

static _Atomic(uint32_t) stop;
static struct memory_account account;
static struct context context;

static void begin(uint64_t limit)
{
    atomic_store(&stop, 0);
    memory_account_init(&account, limit);
    context_init(&context, &account, &stop);
}

static void end(void)
{
    context_release(&context);
    CHECK_INT(account.used, 0);
}

static const struct value_leaf array_of_f64 = {
    .scalar = WK_F64, .rank = 1, .is_block = true, .words = 2, .element_bytes = 8};

/* ---- Blocks -------------------------------------------------------------------------------- */

static int32_t touch_all_sizes(struct wk_context *kernel, const uint64_t *arguments,
                               uint64_t *results)
{
    (void)arguments;
    (void)results;
    for (uint64_t bytes = 0; bytes < 3 << 20; bytes += 1 + bytes / 7) {
        char *data = wk_alloc(kernel, bytes);
        struct wk_block *block = block_of((uintptr_t)data);
        CHECK_INT((uintptr_t)data % WK_ALIGN, 0);
        CHECK_INT(block->references, 1);
        CHECK_INT(block->bytes, bytes);
        CHECK(block->reserved[1] >= bytes);
        CHECK(block->reserved[1] <= bytes + bytes / 8 + 64);
        memset(data, 1, bytes);
        if (bytes % 3 == 0)
            wk_free(kernel, data);
    }
    wk_free(kernel, NULL);
    return 0;
}

static void blocks_of_all_sizes_are_aligned_and_large_enough(void)
{
    begin(0);
    for (int round = 0; round < 2; round++)
        CHECK_INT(context_run(&context, touch_all_sizes, NULL, NULL, 0, NULL), 0);
    CHECK_INT(context.live_count, 0);
    end();
}

static int32_t free_in_random_order(struct wk_context *kernel, const uint64_t *arguments,
                                    uint64_t *results)
{
    enum { COUNT = 1000 };
    uint64_t *blocks[COUNT] = {0};
    uint64_t random = 1;
    (void)arguments;
    (void)results;
    for (int i = 0; i < 100 * COUNT; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t **slot = &blocks[(random >> 33) % COUNT];
        if (*slot) {
            CHECK_INT(**slot, (uintptr_t)*slot);
            wk_free(kernel, *slot);
            *slot = NULL;
        } else {
            *slot = wk_alloc(kernel, 8 + (random >> 50));
            **slot = (uintptr_t)*slot;
        }
    }
    return 0; /* hundreds of blocks are still listed */
}

static void blocks_are_freed_in_any_order_and_at_the_end(void)
{
    begin(0);
    CHECK_INT(context_run(&context, free_in_random_order, NULL, NULL, 0, NULL), 0);
    CHECK_INT(context.live_count, 0);
    end();
}

enum { MEGABYTE = 1 << 20, REBINDS = 10000 };

static int32_t rebind(struct wk_context *kernel, const uint64_t *arguments, uint64_t *results)
{
    char *old = wk_alloc(kernel, MEGABYTE);
    (void)arguments;
    for (int i = 0; i < REBINDS; i++) {
        char *new = wk_alloc(kernel, MEGABYTE);
        new[i] = old[0] = (char)i;
        wk_free(kernel, old);
        old = new;
    }
    results[0] = (uintptr_t)old;
    results[1] = MEGABYTE / 8;
    return 0;
}

static void rebinding_an_array_reuses_two_blocks(void)
{
    uint64_t results[2];
    begin(16 << 20);
    CHECK_INT(context_run(&context, rebind, NULL, &array_of_f64, 1, results), 0);
    CHECK(account.peak <= 2 * (MEGABYTE + WK_HEADER_BYTES + 4096));
    CHECK(context.cached >= MEGABYTE + WK_HEADER_BYTES);
    CHECK(context.cached <= MEGABYTE + WK_HEADER_BYTES + 4096);
    context_drop(&context, block_of(results[0]));
    end();
}

/* How far two blocks' data lie apart within a page. */
static uint64_t page_distance(const struct wk_block *a, const struct wk_block *b)
{
    return ((uintptr_t)b - (uintptr_t)a) % 4096;
}

/* So that a loop's loads of one do not seem to need its stores to the other: by 0 or far. */
static void large_blocks_lie_apart_in_their_pages(void)
{
    enum { COUNT = 12 };
    struct wk_block *blocks[COUNT];
    begin(0);
    for (int i = 0; i < COUNT; i++) {
        int64_t bytes = (int64_t)(64 << 10) << i / 2;
        blocks[i] = context_new_array(&context, WK_U8, 1, &bytes);
        CHECK(account.used >= (uint64_t)bytes + WK_HEADER_BYTES);
        memset(block_data(blocks[i]), i, (size_t)bytes);
        uint64_t begins = (uintptr_t)block_data(blocks[i]) % 4096;
        CHECK(begins >= 512);
        for (int j = 0; j < i; j++)
            CHECK_INT(page_distance(blocks[j], blocks[i]) % 1024, 0);
        CHECK(i == 0 || page_distance(blocks[i - 1], blocks[i]) > 0);
    }
    for (int i = 0; i < COUNT; i++)
        context_drop(&context, blocks[i]);
    CHECK_INT(context.cached, account.used);
    end();
}

static void the_cache_knows_its_bytes(void)
{
    struct wk_block *blocks[3];
    begin(0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++)
            blocks[i] = context_new_array(&context, WK_F64, 1, &(int64_t){8 * (i + 1)});
        CHECK_INT(context.cached, 0);
        for (int i = 0; i < 3; i++)
            context_drop(&context, blocks[i]);
        CHECK_INT(context.cached, account.used);
    }
    end();
}

static void *drop_elsewhere(void *data)
{
    struct context other;
    context_init(&other, &account, &stop);
    context_drop(&other, data);
    context_release(&other);
    return NULL;
}

static void the_last_owner_frees_on_any_thread(void)
{
    begin(0);
    for (int i = 0; i < 100; i++) {
        pthread_t threads[2];
        struct wk_block *block = context_new_array(&context, WK_U8, 1, &(int64_t){1000});
        block_retain(block);
        for (int t = 0; t < 2; t++)
            pthread_create(&threads[t], NULL, drop_elsewhere, block);
        for (int t = 0; t < 2; t++)
            pthread_join(threads[t], NULL);
        CHECK_INT(account.used, 0);
    }
    end();
}

/* ---- Results ------------------------------------------------------------------------------- */

/* Returns (f64[0], i64, u8[2, 3], f32[0, 5]), the last without a block, and leaves two blocks
 * behind. */
static int32_t return_four(struct wk_context *kernel, const uint64_t *arguments, uint64_t *results)
{
    char *kept = wk_alloc(kernel, 4096), *bytes = wk_alloc(kernel, 6);
    void *empty = wk_alloc(kernel, 0);
    if (!kept || !bytes || !empty)
        return wk_failed(kernel);
    memcpy(bytes, "abcdef", 6);
    uint64_t words[] = {(uintptr_t)empty, 0, arguments[0] + 1, (uintptr_t)bytes, 2, 3, 1, 0, 5};
    memcpy(results, words, sizeof words);
    return wk_alloc(kernel, 300) ? 0 : wk_failed(kernel);
}

static const struct value_leaf four_leaves[] = {
    {.scalar = WK_F64, .rank = 1, .is_block = true, .words = 2, .element_bytes = 8},
    {.scalar = WK_I64, .words = 1},
    {.scalar = WK_U8, .rank = 2, .is_block = true, .words = 3, .element_bytes = 1},
    {.scalar = WK_F32, .rank = 2, .is_block = true, .words = 3, .element_bytes = 4},
};

static void returned_arrays_are_taken_and_the_rest_is_freed(void)
{
    uint64_t argument = 41, results[9];
    begin(0);
    CHECK_INT(context_run(&context, return_four, &argument, four_leaves, 4, results), 0);
    const struct wk_block *bytes = block_of(results[3]);
    CHECK_INT(results[2], 42);
    CHECK_INT(bytes->scalar, WK_U8);
    CHECK_INT(bytes->rank, 2);
    CHECK_INT(bytes->extents[0] * 10 + bytes->extents[1], 23);
    CHECK_INT(bytes->extents[2], 0);
    CHECK_INT(bytes->bytes, 6);
    CHECK(memcmp((const char *)bytes + WK_HEADER_BYTES, "abcdef", 6) == 0);
    CHECK_INT(block_of(results[0])->bytes, 0);
    CHECK_INT(block_of(results[6])->extents[1], 5);
    uint64_t words[3];
    block_words(block_of(results[3]), words);
    CHECK(memcmp(words, results + 3, sizeof words) == 0);
    context_drop(&context, block_of(results[0]));
    context_drop(&context, block_of(results[3]));
    context_drop(&context, block_of(results[6]));
    end();
}

/* Whatever allocation fails, nothing leaks and the error says the limit. */
static void every_allocation_may_fail(void)
{
    uint64_t argument = 0, results[9];
    int failures = 0, code;
    do {
        begin(1 + 64 * (uint64_t)failures);
        code = context_run(&context, return_four, &argument, four_leaves, 4, results);
        if (code)
            CHECK_INT(code, ERR_memory_limit);
        for (int i = 0; code == 0 && i < 9; i += 3) /* the arrays' first words are 0, 3 and 6 */
            context_drop(&context, block_of(results[i]));
        end();
    } while (code && ++failures < 1000);
    CHECK(failures > 60 && failures < 120);
}

static void the_cache_is_emptied_before_the_limit_is_reported(void)
{
    begin(64 << 20);
    for (int64_t extent = 1 << 20; extent < 3 << 20; extent += 1 << 18)
        context_drop(&context, context_new_array(&context, WK_U8, 1, &extent));
    CHECK(context.cached > 0);
    struct wk_block *block = context_new_array(&context, WK_U8, 1, &(int64_t){63 << 20});
    CHECK(block != NULL);
    CHECK(context_new_array(&context, WK_U8, 1, &(int64_t){2 << 20}) == NULL);
    CHECK_INT(context.error.code, ERR_memory_limit);
    context_drop(&context, block);
    CHECK(context_new_array(&context, WK_F64, 2, (int64_t[]){INT64_MAX, 2}) == NULL);
    CHECK_INT(context.error.code, ERR_out_of_memory);
    end();
}

static void shapes_are_multiplied_safely(void)
{
    uint64_t bytes;
    CHECK(shape_bytes(2, (int64_t[]){3, 5}, 4, &bytes) && bytes == 60);
    CHECK(shape_bytes(0, NULL, 8, &bytes) && bytes == 8);
    CHECK(shape_bytes(3, (int64_t[]){INT64_MAX, INT64_MAX, 0}, 8, &bytes) && bytes == 0);
    CHECK(!shape_bytes(2, (int64_t[]){INT64_MAX, 3}, 8, &bytes));
    CHECK(!shape_bytes(2, (int64_t[]){1LL << 32, 1LL << 32}, 1, &bytes));
    CHECK(!shape_bytes(1, (int64_t[]){-1}, 1, &bytes));
    CHECK(!shape_bytes(2, (int64_t[]){0, -1}, 1, &bytes));
}

/* ---- Failures and logs --------------------------------------------------------------------- */

static const struct wk_site failing_site = {
    .code = ERR_index_out_of_bounds,
    .line = 7,
    .column = 3,
    .length = 4,
    .file = "a.wk",
    .format = "{} {} {} {} {}, {{literal}} {{}} {",
    .types = "iufgb",
};

static const uint64_t failing_values[] = {(uint64_t)-5, UINT64_MAX, 0x3FB999999999999AULL /* 0.1 */,
                                          0x3DCCCCCDULL /* 0.1f */, 1};

static int32_t fail_twice(struct wk_context *kernel, const uint64_t *arguments, uint64_t *results)
{
    (void)arguments;
    (void)results;
    CHECK(wk_alloc(kernel, 100) != NULL);
    int32_t first = wk_fail(kernel, &failing_site, failing_values);
    CHECK_INT(wk_failed(kernel), first);
    struct wk_site other = failing_site;
    other.line = 8;
    return wk_fail(kernel, &other, failing_values);
}

static void the_first_failure_is_reported_at_its_place(void)
{
    begin(0);
    CHECK_INT(context_run(&context, fail_twice, NULL, NULL, 0, NULL), ERR_index_out_of_bounds);
    CHECK_TEXT(context.error.message, "-5 18446744073709551615 0.1 0.1 true, {literal} {} {");
    CHECK_TEXT(context.error.place.file, "a.wk");
    CHECK_INT(context.error.place.line, 7);
    CHECK_INT(context.error.place.column, 3);
    CHECK_INT(context.error.place.length, 4);
    CHECK_INT(context_run(&context, touch_all_sizes, NULL, NULL, 0, NULL), 0);
    CHECK_INT(context.error.code, ERR_none);
    end();
}

static int32_t poll_stop(struct wk_context *kernel, const uint64_t *arguments, uint64_t *results)
{
    (void)arguments;
    (void)results;
    return atomic_load(kernel->stop) ? wk_stopped(kernel) : 0;
}

static int32_t return_a_number(struct wk_context *kernel, const uint64_t *arguments,
                               uint64_t *results)
{
    (void)kernel;
    (void)arguments;
    (void)results;
    return 12345;
}

static void kernels_stop_when_asked(void)
{
    begin(0);
    CHECK_INT(context_run(&context, poll_stop, NULL, NULL, 0, NULL), 0);
    atomic_store(&stop, 1);
    CHECK_INT(context_run(&context, poll_stop, NULL, NULL, 0, NULL), ERR_interrupted);
    CHECK_INT(context_run(&context, return_a_number, NULL, NULL, 0, NULL), ERR_task_failed);
    end();
}

static int32_t log_lines(struct wk_context *kernel, const uint64_t *arguments, uint64_t *results)
{
    struct wk_site site = {.format = "line {}", .types = "i"};
    (void)results;
    for (uint64_t i = 0; i < arguments[0]; i++)
        wk_log_line(kernel, &site, &i);
    return 0;
}

static void logs_are_lines_with_a_limit(void)
{
    begin(0);
    CHECK_INT(context_run(&context, log_lines, &(uint64_t){2}, NULL, 0, NULL), 0);
    CHECK_TEXT(buffer_text(&context.log), "line 0\nline 1\n");
    CHECK_INT(context_run(&context, log_lines, &(uint64_t){10000000}, NULL, 0, NULL), 0);
    CHECK(context.log.length > 1 << 20 && context.log.length < (1 << 20) + 200);
    CHECK(strstr(buffer_text(&context.log), "left out") != NULL);
    CHECK_INT(context_run(&context, log_lines, &(uint64_t){0}, NULL, 0, NULL), 0);
    CHECK_TEXT(buffer_text(&context.log), "");
    end();
}

#if defined(__x86_64__)
#include <immintrin.h>

static int32_t halve_denormal(struct wk_context *kernel, const uint64_t *arguments,
                              uint64_t *results)
{
    volatile double smallest = 4e-320;
    double half = smallest / 2;
    (void)kernel;
    (void)arguments;
    memcpy(results, &half, sizeof half);
    return 0;
}

static void kernels_keep_denormals_whatever_a_library_did(void)
{
    uint64_t result;
    struct value_leaf leaf = {.scalar = WK_F64, .words = 1};
    begin(0);
    for (int i = 0; i < 2; i++) {
        _mm_setcsr(_mm_getcsr() | 0x8040); /* flush to zero, denormals are zero */
        if (i > 0)                         /* the first kernel needs no telling */
            context_forget_float_mode(&context);
        CHECK_INT(context_run(&context, halve_denormal, NULL, &leaf, 1, &result), 0);
        CHECK(result != 0);
    }
    end();
}
#define X86_TESTS , TEST(kernels_keep_denormals_whatever_a_library_did)
#else
#define X86_TESTS
#endif

TEST_MAIN(TEST(blocks_of_all_sizes_are_aligned_and_large_enough),
          TEST(blocks_are_freed_in_any_order_and_at_the_end),
          TEST(rebinding_an_array_reuses_two_blocks), TEST(large_blocks_lie_apart_in_their_pages),
          TEST(the_cache_knows_its_bytes), TEST(the_last_owner_frees_on_any_thread),
          TEST(returned_arrays_are_taken_and_the_rest_is_freed), TEST(every_allocation_may_fail),
          TEST(the_cache_is_emptied_before_the_limit_is_reported),
          TEST(shapes_are_multiplied_safely), TEST(the_first_failure_is_reported_at_its_place),
          TEST(kernels_stop_when_asked), TEST(logs_are_lines_with_a_limit) X86_TESTS)
