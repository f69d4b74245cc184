/* Strings in slots, blocks and lent memory: what is in use stays as it was, the rest is used again,
 * and the job's account knows of all. */
#include <stdlib.h>

#include "test.h"
#include "value/context.h"
#include "value/string.h"

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

static int run(wk_kernel *kernel)
{
    return context_run(&context, kernel, NULL, NULL, 0, NULL);
}

static uint64_t next(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 33;
}

/* ---- Slots --------------------------------------------------------------------------------- */

enum { KEPT = 4000, STEPS = 200000, LONGEST = 2 * SLOT_MAX };

struct kept {
    char *text;
    uint64_t length;
    char fill;
};

static void check_kept(const struct kept *kept)
{
    for (uint64_t i = 0; i < kept->length; i++)
        if (kept->text[i] != kept->fill) {
            CHECK_INT(kept->text[i], kept->fill);
            return;
        }
}

/* Makes and frees strings of all lengths in random order; each holds its own bytes to its end. */
static int32_t churn(struct wk_context *kernel, const uint64_t *arguments, uint64_t *results)
{
    struct kept *all = calloc(KEPT, sizeof *all);
    uint64_t random = 1;
    (void)arguments;
    (void)results;
    for (int i = 0; i < STEPS; i++) {
        struct kept *kept = &all[next(&random) % KEPT];
        if (kept->text) {
            check_kept(kept);
            wk_text_free(kernel, kept->text);
            kept->text = NULL;
            continue;
        }
        kept->length = next(&random) % (next(&random) % LONGEST + 1);
        kept->fill = (char)next(&random);
        kept->text = wk_text_alloc(kernel, kept->length);
        CHECK_INT((uintptr_t)kept->text % WK_ALIGN == 0, kept->length > SLOT_MAX);
        memset(kept->text, kept->fill, kept->length);
    }
    for (int i = 0; i < KEPT; i++)
        if (all[i].text)
            check_kept(&all[i]);
    free(all);
    return 0; /* hundreds are still there */
}

static void strings_keep_their_bytes(void)
{
    begin(0);
    CHECK_INT(run(churn), 0);
    uint64_t peak = account.peak;
    CHECK_INT(context.slots.pages == NULL, 1);
    CHECK_INT(run(churn), 0);
    CHECK_INT(account.peak, peak); /* the pages of the first kernel served again */
    end();
}

/* A million strings one after the other, of ten sizes: a page for each size is enough. */
static int32_t rebind(struct wk_context *kernel, const uint64_t *arguments, uint64_t *results)
{
    const void *old = NULL;
    (void)arguments;
    (void)results;
    for (int i = 0; i < 1000000; i++) {
        wk_text_free(kernel, old);
        old = wk_text_new(kernel, "0123456789012345678901234567890123456789", (uint64_t)i % 10 * 4);
    }
    return 0;
}

static void freed_slots_are_used_again(void)
{
    begin(0);
    CHECK_INT(run(rebind), 0);
    CHECK(account.peak <= 10 * SLOT_PAGE_BYTES);
    end();
}

/* Where a page does not fit the limit any more, a block may; then the kernel fails. Pages without
 * strings go back to the system for what needs memory of another kind. */
static int32_t use_all_memory(struct wk_context *kernel, const uint64_t *arguments,
                              uint64_t *results)
{
    enum { MANY = 10000 };
    uint64_t *texts = wk_alloc(kernel, MANY * 16);
    uint64_t count = 0;
    (void)arguments;
    (void)results;
    for (; count < MANY; count++) {
        void *text = wk_text_alloc(kernel, 100);
        if (!text)
            break;
        texts[2 * count] = (uintptr_t)text;
    }
    CHECK(count > 2000 && count < MANY);
    CHECK_INT(context.error.code, ERR_memory_limit);
    CHECK(!wk_alloc(kernel, 300000));
    wk_texts_free(kernel, texts, count);
    CHECK(wk_alloc(kernel, 300000) != NULL);
    return wk_failed(kernel);
}

static void memory_is_limited(void)
{
    begin(600000);
    for (int i = 0; i < 3; i++)
        CHECK_INT(run(use_all_memory), ERR_memory_limit);
    CHECK(account.peak <= 600000);
    end();
}

/* ---- Lent memory --------------------------------------------------------------------------- */

/* In the middle of more, so that there are bytes before and behind. */
enum { LENT = 1000 };
static char around[LENT + 2], *const lent = around + 1;

/* All strings within the memory are views, but for those that might be taken for blocks. */
static int32_t look(struct wk_context *kernel, const uint64_t *arguments, uint64_t *results)
{
    (void)arguments;
    (void)results;
    wk_lend(kernel, lent, LENT);
    wk_lend(kernel, lent, 10); /* the larger one counts */
    for (uint64_t i = 0; i < LENT; i++) {
        lent[i] = (char)(i * 7);
        uint64_t length = i % 50 < LENT - i ? i % 50 : LENT - i;
        const char *text = wk_text_new(kernel, lent + i, length);
        bool is_view = (uintptr_t)(lent + i) % WK_ALIGN != 0;
        CHECK_INT(text == lent + i, is_view);
        CHECK_INT((uintptr_t)text % WK_ALIGN == 0, 0);
        CHECK(memcmp(text, lent + i, length) == 0);
        wk_text_free(kernel, text);
    }
    const char *outside = lent + LENT, *before = lent - 1;
    CHECK(wk_text_new(kernel, outside, 0) != outside);
    CHECK(wk_text_new(kernel, before, 0) != before);
    return 0;
}

static int32_t look_later(struct wk_context *kernel, const uint64_t *arguments, uint64_t *results)
{
    (void)arguments;
    (void)results;
    CHECK(wk_text_new(kernel, lent + 1, 5) != lent + 1);
    return 0;
}

static void lent_memory_is_viewed_for_one_call(void)
{
    begin(0);
    CHECK_INT(run(look), 0);
    CHECK_INT(run(look_later), 0);
    end();
}

/* ---- Results ------------------------------------------------------------------------------- */

/* Returns a string in each place. */
static int32_t return_three(struct wk_context *kernel, const uint64_t *arguments, uint64_t *results)
{
    (void)arguments;
    memset(lent, 'v', LENT);
    wk_lend(kernel, lent, LENT);
    const char *view = lent + ((uintptr_t)lent % WK_ALIGN == 0);
    void *block = wk_text_alloc(kernel, 5000);
    results[0] = (uintptr_t)wk_text_new(kernel, "slot", 4);
    results[2] = (uintptr_t)wk_text_new(kernel, view, 600);
    results[4] = (uintptr_t)block;
    if (!results[0] || !block)
        return wk_failed(kernel);
    memset(block, 'b', 5000);
    results[1] = 4;
    results[3] = 600;
    results[5] = 5000;
    return 0;
}

static const struct value_leaf text_leaf = {
    .scalar = WK_U8, .rank = 1, .is_block = true, .words = 2, .element_bytes = 1};

static void returned_strings_are_blocks(void)
{
    const struct value_leaf leaves[] = {text_leaf, text_leaf, text_leaf};
    uint64_t results[6];
    int code = ERR_memory_limit;
    for (uint64_t limit = 1000; code == ERR_memory_limit; limit += 100) { /* each step may fail */
        begin(limit);
        code = context_run(&context, return_three, NULL, leaves, 3, results);
        for (int i = 0; code == 0 && i < 3; i++) {
            struct wk_block *block = block_of(results[2 * i]);
            const char *text = block_data(block);
            CHECK_INT(block->extents[0], results[2 * i + 1]);
            CHECK_INT(block->bytes, results[2 * i + 1]);
            CHECK(i ? text[0] == "vb"[i - 1] && text[block->bytes - 1] == "vb"[i - 1]
                    : memcmp(text, "slot", 4) == 0);
            context_drop(&context, block);
        }
        CHECK(code == 0 || code == ERR_memory_limit);
        end();
    }
}

TEST_MAIN(TEST(strings_keep_their_bytes), TEST(freed_slots_are_used_again), TEST(memory_is_limited),
          TEST(lent_memory_is_viewed_for_one_call), TEST(returned_strings_are_blocks))
