/* wk_sort, wk_order and their forms for strings look at the stop flag in the middle of their work.
 * It is set at each of their looks in turn: these functions are compiled here once more, with a
 * look that counts. */
#include "wk.h"

static int asked, stopping;

static int count_look(void)
{
    return ++asked == stopping;
}
#define wk_should_stop(context) ((void)(context), count_look())
#include "value/sort.c"
#undef TURNS
#define TURNS TURNS_OF_TEXTS
#define sort_items sort_text_items
#include "value/sort_text.c"
#undef wk_should_stop

#include <stdlib.h>

#include "test.h"
#include "value/context.h"

enum { NUMBERS = (1 << 20) + 1000, TEXTS = 50000 };

static _Atomic(uint32_t) stop;
static struct memory_account account;

static int32_t sort_numbers(struct wk_context *context)
{
    uint64_t *numbers = malloc(NUMBERS * sizeof *numbers);
    for (uint64_t i = 0; i < NUMBERS; i++)
        numbers[i] = i * 0x9e3779b97f4a7c15u >> 40;
    int32_t status = wk_sort(context, WK_U64, numbers, NUMBERS);
    for (uint64_t i = 1; i < NUMBERS && status == 0; i++)
        CHECK(numbers[i - 1] <= numbers[i]);
    free(numbers);
    return status;
}

static int32_t order_numbers(struct wk_context *context)
{
    uint16_t *numbers = malloc(NUMBERS * sizeof *numbers);
    int64_t *order = malloc(NUMBERS * sizeof *order);
    for (uint64_t i = 0; i < NUMBERS; i++)
        numbers[i] = (uint16_t)(i * 0x9e3779b97f4a7c15u >> 40);
    int32_t status = wk_order(context, WK_U16, numbers, NUMBERS, order);
    for (uint64_t i = 1; i < NUMBERS && status == 0; i++)
        CHECK(numbers[order[i - 1]] <= numbers[order[i]]);
    free(order);
    free(numbers);
    return status;
}

static int32_t sort_texts_of(struct wk_context *context)
{
    char(*bytes)[8] = malloc(TEXTS * sizeof *bytes);
    uint64_t *texts = malloc(2 * TEXTS * sizeof *texts);
    for (uint64_t i = 0; i < TEXTS; i++) {
        snprintf(bytes[i], sizeof *bytes, "%06u", (unsigned)(i * 7919 % TEXTS));
        texts[2 * i] = (uintptr_t)bytes[i];
        texts[2 * i + 1] = 6;
    }
    int32_t status = wk_sort_str(context, texts, TEXTS);
    for (uint64_t i = 1; i < TEXTS && status == 0; i++)
        CHECK(memcmp((void *)(uintptr_t)texts[2 * i - 2], (void *)(uintptr_t)texts[2 * i], 6) < 0);
    free(texts);
    free(bytes);
    return status;
}

/* Stops at one look after the other, of many at some, until there are no more; there must have been
 * `least`. */
static void stop_everywhere(int32_t (*sort)(struct wk_context *context), int least)
{
    int32_t status = 1;
    for (stopping = 1; status != 0; stopping += 1 + stopping / 8) {
        struct context context;
        context_init(&context, &account, &stop);
        asked = 0;
        status = sort(&context.kernel);
        CHECK_INT(status == 0, asked < stopping);
        CHECK_INT(context.error.code, status ? ERR_interrupted : 0);
        context_finish(&context, 0);
        context_release(&context);
    }
    CHECK(asked >= least);
}

static void numbers_stop(void)
{
    stop_everywhere(sort_numbers, 2 * 4); /* counting, and three bytes, in two strips each */
    stop_everywhere(order_numbers, 2 * 3);
}

static void texts_stop(void)
{
    stop_everywhere(sort_texts_of, TEXTS / 16384 * 4);
}

int main(void)
{
    static const struct test_case cases[] = {TEST(numbers_stop), TEST(texts_stop)};
    memory_account_init(&account, 0);
    return test_main(__FILE__, cases, (int)(sizeof cases / sizeof cases[0]));
}
