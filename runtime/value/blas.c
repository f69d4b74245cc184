/* OpenBLAS, opened and pinned; see blas.h. */
#include "value/blas.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

#if defined(__x86_64__)
#define CORE_TYPE "Haswell"
#define LIBRARY_FOLDER "/usr/lib/x86_64-linux-gnu/"
#else
#define CORE_TYPE "ARMV8"
#define LIBRARY_FOLDER "/usr/lib/aarch64-linux-gnu/"
#endif

/* The one that a bundle carries, by a name that no system has. Debian's build with pthreads, by its
 * path: the plain name leads to whatever build the system's alternatives name. Then the names that
 * other systems give it. */
static const char *const names[] = {
    BLAS_CARRIED_NAME,
    LIBRARY_FOLDER "openblas-pthread/libopenblas.so.0",
    "libopenblasp.so.0",
    "libopenblas.so.0",
};

static struct {
    pthread_once_t once;
    void *library;      /* NULL: could not be opened */
    struct error error; /* why */
    sem_t permits;
} blas = {.once = PTHREAD_ONCE_INIT};

/* ---- Opening ------------------------------------------------------------------------------- */

/* OpenBLAS reads its variables once, when it is loaded. The process sees a copy of its environment
 * meanwhile, so that the environment itself stays as the user and other programs' starts know it.
 */
static char **pinned_environment(void)
{
    static char threads[] = "OPENBLAS_NUM_THREADS=1", core[] = "OPENBLAS_CORETYPE=" CORE_TYPE;
    size_t count = 0, kept = 0;
    while (environ && environ[count])
        count++;
    char **pinned = memory_new(count + 3, sizeof *pinned);
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "OPENBLAS_", strlen("OPENBLAS_")) != 0)
            pinned[kept++] = environ[i];
    pinned[kept++] = threads;
    pinned[kept] = core;
    return pinned;
}

static wk_function *find(void *library, const char *symbol)
{
    void *address = dlsym(library, symbol);
    if (!address) {
        dlerror(); /* takes note of the message, */
        dlerror(); /* and gives its memory back */
    }
    wk_function *function;
    memcpy(&function, &address, sizeof function); /* ISO C has no conversion, POSIX the guarantee */
    return function;
}

/* NULL when the library is one that computes alike everywhere; else what is wrong with it. */
static const char *find_fault(void *library)
{
    enum { PTHREADS = 1 };
    typedef int number(void);
    typedef char *text(void);
    number *threads = (number *)find(library, "openblas_get_num_threads");
    number *parallel = (number *)find(library, "openblas_get_parallel");
    text *core = (text *)find(library, "openblas_get_corename");
    if (!threads || !parallel || !core || !find(library, "dgemm_") || !find(library, "dpotrf_"))
        return "it lacks functions of BLAS, LAPACK or OpenBLAS";
    if (parallel() != PTHREADS)
        return "it is not the build with pthreads";
    if (strcasecmp(core(), CORE_TYPE) != 0) /* "Haswell", but "armv8" */
        return "it cannot be pinned to the core type " CORE_TYPE " on this machine";
    return threads() == 1 ? NULL : "it cannot be held to one thread";
}

/* Tries one name; the reason why it did not serve replaces `reason`, except by a mere absence. */
static void *try_open(const char *name, struct buffer *reason)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *message = dlerror();
        if (reason->length == 0)
            buffer_puts(reason, message);
        dlerror(); /* gives the message's memory back */
        return NULL;
    }
    const char *fault = find_fault(library);
    if (!fault)
        return library;
    buffer_clear(reason);
    buffer_printf(reason, "%s: %s", name, fault);
    dlclose(library);
    return NULL;
}

static void open_once(void)
{
    struct buffer reason = {0};
    char **before = environ, **pinned = pinned_environment();
    environ = pinned;
    for (size_t i = 0; i < sizeof names / sizeof *names && !blas.library; i++)
        blas.library = try_open(names[i], &reason);
    environ = before;
    free(pinned);
    if (!blas.library) {
        error_set(&blas.error, ERR_blas_missing,
                  "linear algebra needs OpenBLAS, which could not be loaded: %s",
                  buffer_text(&reason));
        error_hint(&blas.error, "on Debian and Ubuntu: apt install libopenblas0-pthread");
    }
    buffer_release(&reason);
    sem_init(&blas.permits, 0, BLAS_PERMITS);
}

int blas_open(struct error *error)
{
    pthread_once(&blas.once, open_once);
    if (blas.library)
        return 0;
    *error = blas.error;
    return (int)error->code;
}

wk_function *blas_function(const char *symbol)
{
    return find(blas.library, symbol);
}

const char *blas_core_type(void)
{
    typedef char *text(void);
    return ((text *)find(blas.library, "openblas_get_corename"))();
}

/* ---- Permits ------------------------------------------------------------------------------- */

/* 0 when the context may call the library; else the error's code, recorded. */
static int enter(struct context *context)
{
    if (context->has_blas_permit)
        return 0;
    int code = blas_open(&context->error);
    context_set_float_mode(context); /* loading may have changed it */
    if (code)
        return code;
    while (sem_wait(&blas.permits) < 0 && errno == EINTR)
        continue;
    context->has_blas_permit = true;
    return 0;
}

void blas_leave(struct context *context)
{
    context->has_blas_permit = false;
    sem_post(&blas.permits);
}

/* ---- What kernels call (wk.h) -------------------------------------------------------------- */

wk_function *wk_linear_algebra(struct wk_context *kernel, const char *symbol)
{
    struct context *context = kernel->runtime;
    if (enter(context))
        return NULL;
    wk_function *function = blas_function(symbol);
    if (!function)
        error_set(&context->error, ERR_blas_missing, "OpenBLAS has no function '%s'", symbol);
    return function;
}

/* Fortran's interfaces: everything by address, integers of 32 bits, columns first. A row-major
 * matrix is the transpose of a column-major one with the same bytes, so the library is asked for
 * the transpose of c: b^T a^T. */
typedef void dgemm(const char *, const char *, const int *, const int *, const int *,
                   const double *, const double *, const int *, const double *, const int *,
                   const double *, double *, const int *);
typedef void sgemm(const char *, const char *, const int *, const int *, const int *, const float *,
                   const float *, const int *, const float *, const int *, const float *, float *,
                   const int *);
typedef void dgemv(const char *, const int *, const int *, const double *, const double *,
                   const int *, const double *, const int *, const double *, double *, const int *);
typedef void sgemv(const char *, const int *, const int *, const float *, const float *,
                   const int *, const float *, const int *, const float *, float *, const int *);

/* m rows of c; a row or a column is a product with a vector. */
#define DEFINE_PRODUCT(name, type, gemm, gemv)                                                     \
    static void name(int m, int k, int n, const type *a, const type *b, type *c)                   \
    {                                                                                              \
        static const type one = 1, zero = 0;                                                       \
        static const int step = 1;                                                                 \
        if (n == 1)                                                                                \
            ((gemv *)blas_function(#gemv "_"))("T", &k, &m, &one, a, &k, b, &step, &zero, c,       \
                                               &step);                                             \
        else if (m == 1)                                                                           \
            ((gemv *)blas_function(#gemv "_"))("N", &n, &k, &one, b, &n, a, &step, &zero, c,       \
                                               &step);                                             \
        else                                                                                       \
            ((gemm *)blas_function(#gemm "_"))("N", "N", &n, &m, &k, &one, b, &n, a, &k, &zero, c, \
                                               &n);                                                \
    }
DEFINE_PRODUCT(multiply_f64, double, dgemm, dgemv)
DEFINE_PRODUCT(multiply_f32, float, sgemm, sgemv)

/* NaNs that stand in arrays are canonical. There are hardly ever any, so whole blocks are asked
 * first: x - x is 0 unless x is NaN or infinite. */
#define DEFINE_CANONICAL(name, type)                                                               \
    typedef type lanes_of_##type                                                                   \
        __attribute__((vector_size(32), aligned(sizeof(type)), may_alias));                        \
    static bool is_finite_##type(const type *x, uint64_t count)                                    \
    {                                                                                              \
        enum { LANES = 32 / sizeof(type) };                                                        \
        lanes_of_##type sums = {0};                                                                \
        for (uint64_t i = 0; i + LANES <= count; i += LANES) {                                     \
            lanes_of_##type next = *(const lanes_of_##type *)(x + i);                              \
            sums += next - next;                                                                   \
        }                                                                                          \
        type sum = 0;                                                                              \
        for (unsigned i = 0; i < LANES; i++)                                                       \
            sum += sums[i];                                                                        \
        for (uint64_t i = count - count % LANES; i < count; i++)                                   \
            sum += x[i] - x[i];                                                                    \
        return sum == 0;                                                                           \
    }                                                                                              \
    static void name(type *x, uint64_t count)                                                      \
    {                                                                                              \
        enum { BLOCK = 512 };                                                                      \
        for (uint64_t begin = 0; begin < count; begin += BLOCK) {                                  \
            uint64_t length = count - begin < BLOCK ? count - begin : BLOCK;                       \
            if (is_finite_##type(x + begin, length))                                               \
                continue;                                                                          \
            for (uint64_t i = begin; i < begin + length; i++)                                      \
                if (x[i] != x[i])                                                                  \
                    x[i] = (type)__builtin_nan("");                                                \
        }                                                                                          \
    }
DEFINE_CANONICAL(make_canonical_f64, double)
DEFINE_CANONICAL(make_canonical_f32, float)

void wk_canonical_nans(enum wk_scalar scalar, void *data, uint64_t count)
{
    if (scalar == WK_F64)
        make_canonical_f64(data, count);
    else
        make_canonical_f32(data, count);
}

/* How many rows are multiplied between two looks at the stop flag: a tenth of a second's work or
 * so. */
static int64_t rows_at_once(int64_t k, int64_t n)
{
    const int64_t products = (int64_t)1 << 31, least = 256;
    int64_t rows = products / (k * n) / least * least;
    return rows < least ? least : rows;
}

int32_t wk_matmul(struct wk_context *kernel, enum wk_scalar scalar, int64_t m, int64_t k, int64_t n,
                  const void *a, const void *b, void *c)
{
    int code = enter(kernel->runtime);
    if (code)
        return (int32_t)code;
    size_t size = wk_scalar_bytes(scalar);
    int64_t step = rows_at_once(k, n);
    for (int64_t row = 0; row < m; row += step) {
        if (atomic_load_explicit(kernel->stop, memory_order_relaxed))
            return wk_stopped(kernel);
        int rows = (int)(m - row < step ? m - row : step);
        const char *from = (const char *)a + (size_t)(row * k) * size;
        char *to = (char *)c + (size_t)(row * n) * size;
        if (scalar == WK_F64)
            multiply_f64(rows, (int)k, (int)n, (const void *)from, b, (void *)to);
        else
            multiply_f32(rows, (int)k, (int)n, (const void *)from, b, (void *)to);
        wk_canonical_nans(scalar, to, (uint64_t)rows * (uint64_t)n);
    }
    return 0;
}
