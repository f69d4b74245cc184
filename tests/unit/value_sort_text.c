/* wk_sort_str and wk_order_str against the C library's qsort, comparing byte by byte.
 */
#include <stdlib.h>

#include "test.h"
#include "value/context.h"

static _Atomic(uint32_t) stop;
static struct memory_account account;

static uint64_t next_word(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state ^ *state >> 29;
}

struct text {
    uint64_t address, length;
};

static const unsigned char *bytes_of(const struct text *text)
{
    return (const unsigned char *)(uintptr_t)text->address;
}

static int compare_texts(const void *a, const void *b)
{
    const struct text *x = a, *y = b;
    for (uint64_t i = 0; i < x->length && i < y->length; i++)
        if (bytes_of(x)[i] != bytes_of(y)[i])
            return bytes_of(x)[i] < bytes_of(y)[i] ? -1 : 1;
    return (x->length > y->length) - (x->length < y->length);
}

/* Of equal strings, the one at the lower address stands first: they are pieces of one pool. */
static int compare_stably(const void *a, const void *b)
{
    const struct text *x = a, *y = b;
    int order = compare_texts(a, b);
    return order ? order : (x->address > y->address) - (x->address < y->address);
}

enum { LONGEST = 24 };

/* Strings of few different bytes, zeros among them, many with long beginnings in common. */
static void fill(struct text *texts, char *pool, uint64_t count, uint64_t kind)
{
    static const char letters[] = {0, 'a', 'b', (char)0xc3, (char)0xff, 1};
    uint64_t seed = count * 7 + kind;
    for (uint64_t i = 0; i < count; i++, pool += LONGEST + 1) {
        uint64_t length = next_word(&seed) % (LONGEST + 1), same = kind ? 9 : 0;
        for (uint64_t k = 0; k < length; k++)
            pool[k] = k < same ? 'x' : letters[next_word(&seed) % (kind == 2 ? 2 : 6)];
        texts[i] = (struct text){(uintptr_t)pool, length};
    }
}

static void check_count(struct context *context, uint64_t count, uint64_t kind)
{
    struct text *texts = malloc(count * sizeof *texts + 1);
    struct text *expected = malloc(count * sizeof *texts + 1);
    char *pool = malloc(count * (LONGEST + 1) + 1);
    int64_t *order = malloc(count * sizeof *order + 1);
    fill(texts, pool, count, kind);
    memcpy(expected, texts, count * sizeof *texts);
    qsort(expected, count, sizeof *expected, compare_stably);
    CHECK_INT(wk_order_str(&context->kernel, &texts->address, count, order), 0);
    for (uint64_t i = 0; i < count; i++)
        CHECK(memcmp(&texts[order[i]], &expected[i], sizeof *texts) == 0);
    CHECK_INT(wk_sort_str(&context->kernel, &texts->address, count), 0);
    CHECK(memcmp(texts, expected, count * sizeof *texts) == 0);
    CHECK_INT(wk_sort_str(&context->kernel, &texts->address, count), 0);
    CHECK(memcmp(texts, expected, count * sizeof *texts) == 0);
    free(texts);
    free(expected);
    free(pool);
    free(order);
}

static void all_sizes(void)
{
    static const uint64_t counts[] = {0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 48, 1000, 20011};
    struct context context;
    context_init(&context, &account, &stop);
    for (uint64_t kind = 0; kind < 3; kind++)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            check_count(&context, counts[i], kind);
    CHECK_INT(context_finish(&context, 0), 0);
    context_release(&context);
}

/* Empty strings have no address. */
static void empty_strings(void)
{
    struct text texts[] = {{(uintptr_t)"b", 1}, {0, 0}, {(uintptr_t)"\0", 1}, {0, 0}};
    int64_t order[4];
    struct context context;
    context_init(&context, &account, &stop);
    CHECK_INT(wk_order_str(&context.kernel, &texts->address, 4, order), 0);
    CHECK(order[0] == 1 && order[1] == 3 && order[2] == 2 && order[3] == 0);
    context_finish(&context, 0);
    context_release(&context);
}

static void no_memory_and_stop(void)
{
    enum { COUNT = 1000 };
    static struct text texts[COUNT];
    static char pool[COUNT * (LONGEST + 1)];
    int64_t order[COUNT];
    struct context context;
    struct memory_account small;
    fill(texts, pool, COUNT, 0);
    memory_account_init(&small, 2000);
    context_init(&context, &small, &stop);
    CHECK(wk_sort_str(&context.kernel, &texts->address, COUNT) != 0);
    CHECK_INT(context.error.code, ERR_memory_limit);
    context_finish(&context, 0);
    context_release(&context);
    context_init(&context, &account, &stop);
    atomic_store(&stop, 1);
    CHECK(wk_sort_str(&context.kernel, &texts->address, COUNT) != 0);
    CHECK(wk_order_str(&context.kernel, &texts->address, COUNT, order) != 0);
    atomic_store(&stop, 0);
    context_finish(&context, 0);
    context_release(&context);
}

int main(void)
{
    static const struct test_case cases[] = {TEST(all_sizes), TEST(empty_strings),
                                             TEST(no_memory_and_stop)};
    memory_account_init(&account, 0);
    return test_main(__FILE__, cases, (int)(sizeof cases / sizeof cases[0]));
}
