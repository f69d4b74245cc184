/* OpenBLAS as the runtime opens it: pinned whatever the environment says, right when many threads
 * call it, the same to the last bit wherever operands lie in memory. Against plain loops. A6.1
 * to A6.4. */
#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"
#include "value/blas.h"

static _Atomic(uint32_t) stop;
static struct memory_account account;

/* What each test multiplies: c[m, n] = a[m, k] b[k, n]. */
struct product {
    int64_t m, k, n;
    double *a, *b, *c;
    int32_t status;
};

static double next_number(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 33) / (double)(1u << 30) - 1.0;
}

static struct product make_product(int64_t m, int64_t k, int64_t n, uint64_t seed)
{
    struct product p = {.m = m, .k = k, .n = n};
    p.a = calloc((size_t)(m * k), sizeof *p.a);
    p.b = calloc((size_t)(k * n), sizeof *p.b);
    p.c = calloc((size_t)(m * n), sizeof *p.c);
    for (int64_t i = 0; i < m * k; i++)
        p.a[i] = next_number(&seed);
    for (int64_t i = 0; i < k * n; i++)
        p.b[i] = next_number(&seed);
    return p;
}

static void free_product(struct product *p)
{
    free(p->a);
    free(p->b);
    free(p->c);
}

static int32_t multiply(struct wk_context *kernel, const uint64_t *arguments, uint64_t *results)
{
    (void)results;
    struct product *p;
    memcpy(&p, arguments, sizeof p);
    return wk_matmul(kernel, WK_F64, p->m, p->k, p->n, p->a, p->b, p->c);
}

static int run(struct product *p)
{
    struct context context;
    uint64_t word = (uintptr_t)p;
    context_init(&context, &account, &stop);
    int code = context_run(&context, multiply, &word, NULL, 0, NULL);
    CHECK(!context.has_blas_permit);
    context_release(&context);
    return code;
}

/* The largest difference from the sums of products, in units of the sum of their sizes. */
static double difference(const struct product *p)
{
    double worst = 0;
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++) {
            double sum = 0, size = 0;
            for (int64_t l = 0; l < p->k; l++) {
                double term = p->a[i * p->k + l] * p->b[l * p->n + j];
                sum += term;
                size += fabs(term);
            }
            worst = fmax(worst, fabs(sum - p->c[i * p->n + j]) / size);
        }
    return worst;
}

static void products_are_right(void)
{
    static const int64_t shapes[][3] = {{64, 64, 64},  {33, 65, 31},  {1, 300, 200},
                                        {257, 129, 1}, {1, 40000, 1}, {300, 1, 200},
                                        {7, 1000, 5},  {100, 513, 90}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct product p = make_product(shapes[i][0], shapes[i][1], shapes[i][2], i);
        CHECK_INT(run(&p), 0);
        CHECK(difference(&p) < 1e-15 * sqrt((double)p.k) + 1e-15);
        free_product(&p);
    }
}

/* Where operands lie must not show: kernels pass slices that are aligned to an element only. */
static void alignment_does_not_show(void)
{
    static const int64_t shapes[][3] = {{65, 67, 69}, {1, 301, 203}, {259, 131, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct product p = make_product(shapes[i][0], shapes[i][1], shapes[i][2], i);
        CHECK_INT(run(&p), 0);
        size_t c_bytes = (size_t)(p.m * p.n) * sizeof *p.c;
        for (size_t shift = 1; shift < 8; shift++) {
            struct product q = make_product(p.m + 8, p.k + 8, p.n + 8, 0);
            struct product moved = {.m = p.m,
                                    .k = p.k,
                                    .n = p.n,
                                    .a = q.a + shift,
                                    .b = q.b + shift / 2,
                                    .c = q.c + 8 - shift};
            memcpy(moved.a, p.a, (size_t)(p.m * p.k) * sizeof *p.a);
            memcpy(moved.b, p.b, (size_t)(p.k * p.n) * sizeof *p.b);
            CHECK_INT(run(&moved), 0);
            CHECK(memcmp(moved.c, p.c, c_bytes) == 0);
            free_product(&q);
        }
        free_product(&p);
    }
}

static void singles_are_right(void)
{
    enum { M = 50, K = 70, N = 40 };
    static float a[M * K], b[K * N], c[M * N];
    uint64_t seed = 3;
    for (int i = 0; i < M * K; i++)
        a[i] = (float)next_number(&seed);
    for (int i = 0; i < K * N; i++)
        b[i] = (float)next_number(&seed);
    struct context context;
    context_init(&context, &account, &stop);
    CHECK_INT(wk_matmul(&context.kernel, WK_F32, M, K, N, a, b, c), 0);
    CHECK_INT(context_finish(&context, 0), 0);
    context_release(&context);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int l = 0; l < K; l++)
                sum += (double)a[i * K + l] * b[l * N + j];
            CHECK(fabs(sum - c[i * N + j]) < 1e-4);
        }
}

static void *run_apart(void *product)
{
    struct product *p = product;
    p->status = run(p);
    return NULL;
}

/* Many more tasks at once than OpenBLAS has memory for, each with products of its own size. */
enum { THREADS = 300, TURNS = 4 };
static _Atomic(int) wrong;

static void *work(void *argument)
{
    uint64_t number = (uintptr_t)argument;
    for (uint64_t turn = 0; turn < TURNS; turn++) {
        int64_t size = 40 + (int64_t)((number * 7 + turn) % 30);
        struct product p = make_product(size, size + 3, size - 5, number * 100 + turn);
        if (run(&p) != 0 || difference(&p) > 1e-14)
            atomic_fetch_add(&wrong, 1);
        free_product(&p);
    }
    return NULL;
}

static void run_threads(void *(*function)(void *))
{
    pthread_t threads[THREADS];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 1 << 20);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], &attributes, function, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_attr_destroy(&attributes);
}

static void many_threads_multiply_at_once(void)
{
    run_threads(work);
    CHECK_INT(wrong, 0);
}

/* Each of many tasks takes a function and keeps it for a while: no more than the permits do so at
 * one time, and all do in the end. */
static _Atomic(int) inside, most_inside, served;

static int32_t hold(struct wk_context *kernel, const uint64_t *arguments, uint64_t *results)
{
    (void)arguments, (void)results;
    if (!wk_linear_algebra(kernel, "dgemm_") || !wk_linear_algebra(kernel, "dtrsm_"))
        return wk_failed(kernel);
    int now = 1 + atomic_fetch_add(&inside, 1), most = atomic_load(&most_inside);
    while (now > most && !atomic_compare_exchange_weak(&most_inside, &most, now))
        continue;
    usleep(2000);
    atomic_fetch_sub(&inside, 1);
    atomic_fetch_add(&served, 1);
    return 0;
}

static void *hold_apart(void *argument)
{
    struct context context;
    context_init(&context, &account, &stop);
    for (int turn = 0; turn < TURNS; turn++)
        CHECK_INT(context_run_scalars(&context, hold, argument, NULL), 0);
    context_release(&context);
    return NULL;
}

static void permits_are_limited_and_given_back(void)
{
    run_threads(hold_apart);
    CHECK_INT(served, THREADS * TURNS);
    CHECK(most_inside > 1 && most_inside <= BLAS_PERMITS);
}

static void two_threads_agree_on_large_products(void)
{
    enum { SIZE = 200 };
    struct product p = make_product(SIZE, SIZE, SIZE, 1), pair[2];
    CHECK_INT(run(&p), 0);
    for (int turn = 0; turn < 20; turn++) {
        pthread_t thread;
        for (int i = 0; i < 2; i++)
            pair[i] = make_product(SIZE, SIZE, SIZE, 1);
        CHECK_INT(pthread_create(&thread, NULL, run_apart, &pair[0]), 0);
        CHECK_INT(run(&pair[1]), 0);
        pthread_join(thread, NULL);
        CHECK_INT(pair[0].status, 0);
        for (int i = 0; i < 2; i++) {
            CHECK(memcmp(pair[i].c, p.c, SIZE * SIZE * sizeof *p.c) == 0);
            free_product(&pair[i]);
        }
    }
    free_product(&p);
}

static void nans_are_canonical(void)
{
    static const uint64_t odd_nan = 0xFFF8000000000123u, canonical = 0x7FF8000000000000u;
    struct product p = make_product(40, 40, 40, 1);
    memcpy(&p.a[5 * 40 + 3], &odd_nan, sizeof odd_nan);
    p.a[7 * 40] = INFINITY;
    p.b[2] = 0.0;
    CHECK_INT(run(&p), 0);
    for (int i = 0; i < 40 * 40; i++) {
        uint64_t bits;
        memcpy(&bits, &p.c[i], sizeof bits);
        CHECK(p.c[i] == p.c[i] || bits == canonical);
        CHECK((i / 40 == 5 || i == 7 * 40 + 2) == (p.c[i] != p.c[i]));
    }
    free_product(&p);
    float single[19] = {[18] = -NAN, [3] = INFINITY, [4] = -NAN};
    wk_canonical_nans(WK_F32, single, 19);
    for (int i = 0; i < 19; i++) {
        uint32_t bits;
        memcpy(&bits, &single[i], sizeof bits);
        CHECK_INT(bits, i == 18 || i == 4 ? 0x7FC00000u : i == 3 ? 0x7F800000u : 0);
    }
}

static void functions_have_their_names(void)
{
    struct context context;
    context_init(&context, &account, &stop);
    CHECK(wk_linear_algebra(&context.kernel, "dpotrf_") != NULL);
    CHECK(context.has_blas_permit);
    CHECK(wk_linear_algebra(&context.kernel, "dgemm_") ==
          wk_linear_algebra(&context.kernel, "dgemm_"));
    CHECK(wk_linear_algebra(&context.kernel, "dmagic_") == NULL);
    CHECK_INT(wk_failed(&context.kernel), ERR_blas_missing);
    CHECK_TEXT(context.error.message, "OpenBLAS has no function 'dmagic_'");
    CHECK_INT(context_finish(&context, ERR_blas_missing), ERR_blas_missing);
    CHECK(!context.has_blas_permit);
    context_release(&context);
}

/* main() presets what would unpin the library, and a mode that loading must not leave behind. */
static void the_environment_does_not_reach_it(void)
{
    struct error error;
    CHECK_INT(blas_open(&error), 0);
#if defined(__x86_64__)
    CHECK_TEXT(blas_core_type(), "Haswell");
#endif
    CHECK_INT(((int (*)(void))blas_function("openblas_get_num_threads"))(), 1);
    CHECK_TEXT(getenv("OPENBLAS_CORETYPE"), "Prescott");
    CHECK_TEXT(getenv("OPENBLAS_NUM_THREADS"), "7");
    CHECK_INT(fegetround(), FE_TONEAREST);
}

static void products_stop_when_asked(void)
{
    struct product p = make_product(40, 40, 40, 1);
    atomic_store(&stop, 1);
    CHECK_INT(run(&p), ERR_interrupted);
    atomic_store(&stop, 0);
    free_product(&p);
}

int main(void)
{
    setenv("OPENBLAS_CORETYPE", "Prescott", 1);
    setenv("OPENBLAS_NUM_THREADS", "7", 1);
    static const struct test_case cases[] = {TEST(the_environment_does_not_reach_it),
                                             TEST(products_are_right),
                                             TEST(alignment_does_not_show),
                                             TEST(singles_are_right),
                                             TEST(many_threads_multiply_at_once),
                                             TEST(two_threads_agree_on_large_products),
                                             TEST(permits_are_limited_and_given_back),
                                             TEST(nans_are_canonical),
                                             TEST(functions_have_their_names),
                                             TEST(products_stop_when_asked)};
    memory_account_init(&account, 0);
    return test_main(__FILE__, cases, (int)(sizeof cases / sizeof cases[0]));
}
