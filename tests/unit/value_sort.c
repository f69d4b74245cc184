/* wk_sort and wk_order against the C library's qsort, with a comparison of values and not of keys.
 */
#include <math.h>
#include <stdlib.h>

#include "test.h"
#include "value/context.h"
#include "value/type.h"

static _Atomic(uint32_t) stop;
static struct memory_account account;

static uint64_t next_word(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state ^ *state >> 29;
}

/* -1, 0, 1: a number and another one as the language orders them. */
static int compare_numbers(enum wk_scalar scalar, const void *a, const void *b)
{
#define COMPARE(type)                                                                              \
    return (*(const type *)a > *(const type *)b) - (*(const type *)a < *(const type *)b)
#define COMPARE_FLOATS(type)                                                                       \
    {                                                                                              \
        type x = *(const type *)a, y = *(const type *)b;                                           \
        if (isnan(x) || isnan(y))                                                                  \
            return (isnan(x) != 0) - (isnan(y) != 0);                                              \
        if (x == 0 && y == 0)                                                                      \
            return (signbit(y) != 0) - (signbit(x) != 0);                                          \
        return (x > y) - (x < y);                                                                  \
    }
    switch (scalar) {
    case WK_BOOL:
    case WK_U8:
        COMPARE(uint8_t);
    case WK_I8:
        COMPARE(int8_t);
    case WK_I16:
        COMPARE(int16_t);
    case WK_I32:
        COMPARE(int32_t);
    case WK_I64:
        COMPARE(int64_t);
    case WK_U16:
        COMPARE(uint16_t);
    case WK_U32:
        COMPARE(uint32_t);
    case WK_U64:
        COMPARE(uint64_t);
    case WK_F32:
        COMPARE_FLOATS(float)
    case WK_F64:
        COMPARE_FLOATS(double)
    }
    return 0;
}

/* Fills with numbers of which many are equal, and special ones among the floats. */
static void fill(enum wk_scalar scalar, void *data, uint64_t count, uint64_t seed)
{
    static const double special[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, -NAN, 1e-310, -1e-310};
    uint32_t bytes = wk_scalar_bytes(scalar);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t word = next_word(&seed), kind = next_word(&seed) % 4;
        word = kind == 0 ? word % 7 - 3 : kind == 1 ? word % 100000 - 50000 : word;
        if (scalar == WK_BOOL)
            word &= 1;
        if (scalar == WK_F64 || scalar == WK_F32) {
            double number = kind == 2 ? special[word % 8] : (double)(int64_t)word / 16;
            float narrow = (float)number;
            memcpy((char *)data + i * bytes, scalar == WK_F64 ? (void *)&number : (void *)&narrow,
                   bytes);
        } else {
            memcpy((char *)data + i * bytes, &word, bytes);
        }
    }
}

static void check_count(struct context *context, enum wk_scalar scalar, uint64_t count)
{
    uint32_t bytes = wk_scalar_bytes(scalar);
    char *data = malloc(count * bytes + 1), *sorted = malloc(count * bytes + 1);
    int64_t *order = malloc(count * sizeof *order + 1);
    bool *seen = calloc(count + 1, 1);
    fill(scalar, data, count, count * 31 + scalar);
    memcpy(sorted, data, count * bytes);
    CHECK_INT(wk_sort(&context->kernel, scalar, sorted, count), 0);
    CHECK_INT(wk_order(&context->kernel, scalar, data, count, order), 0);
    for (uint64_t i = 0; i < count; i++) {
        const char *here = data + (uint64_t)order[i] * bytes;
        CHECK((uint64_t)order[i] < count && !seen[order[i]]);
        seen[order[i]] = true;
        CHECK_INT(compare_numbers(scalar, here, sorted + i * bytes), 0);
        if (i == 0)
            continue;
        const char *before = data + (uint64_t)order[i - 1] * bytes;
        int difference = compare_numbers(scalar, before, here);
        CHECK(difference < 0 || (difference == 0 && order[i - 1] < order[i]));
    }
    free(data);
    free(sorted);
    free(order);
    free(seen);
}

static void all_types_and_sizes(void)
{
    static const uint64_t counts[] = {0, 1, 2, 3, 47, 48, 49, 50, 1000, 70000};
    struct context context;
    context_init(&context, &account, &stop);
    for (int scalar = 0; scalar < WK_SCALAR_COUNT; scalar++)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            check_count(&context, (enum wk_scalar)scalar, counts[i]);
    CHECK_INT(context_finish(&context, 0), 0);
    context_release(&context);
}

/* The order does not show how NaNs and equal keys went back to numbers: bits do. */
static void bits_of_floats(void)
{
    double numbers[] = {-NAN, 1.5, -0.0, NAN, 0.0, -INFINITY};
    static const double expected[] = {-INFINITY, -0.0, 0.0, 1.5, NAN, NAN};
    struct context context;
    context_init(&context, &account, &stop);
    CHECK_INT(wk_sort(&context.kernel, WK_F64, numbers, 6), 0);
    CHECK(memcmp(numbers, expected, sizeof numbers) == 0);
    float singles[] = {NAN, 2.5f, -NAN, -3.5f, -0.0f, 0.0f};
    static const float in_order[] = {-3.5f, -0.0f, 0.0f, 2.5f, NAN, NAN};
    CHECK_INT(wk_sort(&context.kernel, WK_F32, singles, 6), 0);
    CHECK(memcmp(singles, in_order, sizeof singles) == 0);
    context_finish(&context, 0);
    context_release(&context);
}

static void no_memory_and_stop(void)
{
    struct context context;
    static double numbers[1000];
    fill(WK_F64, numbers, 1000, 5);
    struct memory_account small;
    memory_account_init(&small, 2000);
    context_init(&context, &small, &stop);
    CHECK(wk_sort(&context.kernel, WK_F64, numbers, 1000) != 0);
    CHECK_INT(context.error.code, ERR_memory_limit);
    context_finish(&context, 0);
    context_release(&context);
    context_init(&context, &account, &stop);
    atomic_store(&stop, 1);
    CHECK(wk_sort(&context.kernel, WK_F64, numbers, 1000) != 0);
    int64_t order[1000];
    CHECK(wk_order(&context.kernel, WK_F64, numbers, 1000, order) != 0);
    atomic_store(&stop, 0);
    context_finish(&context, 0);
    context_release(&context);
}

int main(void)
{
    static const struct test_case cases[] = {TEST(all_types_and_sizes), TEST(bits_of_floats),
                                             TEST(no_memory_and_stop)};
    memory_account_init(&account, 0);
    return test_main(__FILE__, cases, (int)(sizeof cases / sizeof cases[0]));
}
