/*
 * The tasks of linalg.wk that are OpenBLAS's. BLAS and LAPACK see matrices column by column, so each of ours,
 * row by row, is its transpose for them: c + a b is asked for as cᵀ + bᵀ aᵀ, the lower triangle is the upper one,
 * and the leading dimension is the length of our rows. Results are copies of an argument, which the library
 * then updates in place.
 */
#include <wk.h>

/* Fortran's interfaces: all arguments by address, integers of 32 bits. (The hidden lengths of texts, which gfortran
 * passes behind the arguments, are not read by the library.) */
typedef void dgemm(const char *transpose_a, const char *transpose_b, const int *m, const int *n, const int *k,
                   const double *alpha, const double *a, const int *lda, const double *b, const int *ldb,
                   const double *beta, double *c, const int *ldc);
typedef void dsyrk(const char *triangle, const char *transpose, const int *n, const int *k, const double *alpha,
                   const double *a, const int *lda, const double *beta, double *c, const int *ldc);
typedef void dtrsm(const char *side, const char *triangle, const char *transpose, const char *diagonal, const int *m,
                   const int *n, const double *alpha, const double *a, const int *lda, double *b, const int *ldb);
typedef void dpotrf(const char *triangle, const int *n, double *a, const int *lda, int *info);

static const double one = 1, minus_one = -1;

struct matrix {
    const double *data;
    int64_t rows, columns;
};

/* ---- Arguments and results ----------------------------------------------------------------------------- */

static struct matrix take_matrix(const uint64_t **arguments)
{
    struct wk_array array = wk_take_array(arguments, 2);
    struct matrix matrix = {array.data, array.extents[0], array.extents[1]};
    return matrix;
}

static double *give_matrix(struct wk_context *context, uint64_t **results, int64_t rows, int64_t columns)
{
    int64_t extents[] = {rows, columns};
    return wk_give_array(context, results, 2, extents, sizeof(double));
}

static size_t matrix_bytes(const struct matrix *matrix)
{
    return (size_t)matrix->rows * (size_t)matrix->columns * sizeof(double);
}

/* A result that begins as a copy of an argument. NULL: the failure is recorded. */
static double *give_copy(struct wk_context *context, uint64_t **results, const struct matrix *matrix)
{
    double *copy = give_matrix(context, results, matrix->rows, matrix->columns);
    if (copy && matrix_bytes(matrix) > 0)
        memcpy(copy, matrix->data, matrix_bytes(matrix));
    return copy;
}

/* An extent as the library counts; 0 where it does not fit, and then the failure is recorded. A leading dimension is
 * at least 1. */
static int as_int(struct wk_context *context, int64_t extent, int *number)
{
    *number = (int)extent;
    if (extent <= INT32_MAX)
        return 1;
    wk_fail_message(context, "an extent of %lld is more than the library can count", (long long)extent);
    return 0;
}

static int leading(int extent)
{
    return extent > 1 ? extent : 1;
}

/* ---- Products ------------------------------------------------------------------------------------------ */

WK_TASK(gemm)
{
    struct matrix c = take_matrix(&arguments), a = take_matrix(&arguments), b = take_matrix(&arguments);
    int m, n, k;
    dgemm *multiply = (dgemm *)wk_linear_algebra(context, "dgemm_");
    if (!multiply || !as_int(context, c.rows, &m) || !as_int(context, c.columns, &n) ||
        !as_int(context, a.columns, &k))
        return wk_failed(context);
    double *sum = give_copy(context, &results, &c);
    if (!sum)
        return wk_failed(context);
    int lda = leading(k), ldb = leading(n);
    if (m > 0 && n > 0 && k > 0)
        multiply("N", "N", &n, &m, &k, &one, b.data, &ldb, a.data, &lda, &one, sum, &ldb);
    return 0;
}

/* Copies the lower triangle to the upper one, block by block. */
static void mirror(double *c, int64_t n)
{
    enum { BLOCK = 16 };
    for (int64_t row = 0; row < n; row += BLOCK) {
        int64_t end = n - row < BLOCK ? n : row + BLOCK;
        for (int64_t column = 0; column <= row; column += BLOCK)
            for (int64_t i = row; i < end; i++)
                for (int64_t j = column; j < column + BLOCK && j < i; j++)
                    c[j * n + i] = c[i * n + j];
    }
}

static int are_equal(const struct matrix *a, const struct matrix *b)
{
    return a->rows == b->rows && (a->data == b->data || memcmp(a->data, b->data, matrix_bytes(a)) == 0);
}

WK_TASK(syrk)
{
    struct matrix c = take_matrix(&arguments), a = take_matrix(&arguments), b = take_matrix(&arguments);
    int m, n, k;
    dgemm *multiply = (dgemm *)wk_linear_algebra(context, "dgemm_");
    dsyrk *square = (dsyrk *)wk_linear_algebra(context, "dsyrk_");
    if (!multiply || !square || !as_int(context, c.rows, &m) || !as_int(context, c.columns, &n) ||
        !as_int(context, a.columns, &k))
        return wk_failed(context);
    double *rest = give_copy(context, &results, &c);
    if (!rest)
        return wk_failed(context);
    int ldc = leading(n), ldk = leading(k);
    if (m == 0 || n == 0 || k == 0)
        return 0;
    if (!are_equal(&a, &b)) {
        multiply("T", "N", &n, &m, &k, &minus_one, b.data, &ldk, a.data, &ldk, &one, rest, &ldc);
        return 0;
    }
    square("U", "T", &n, &k, &minus_one, a.data, &ldk, &one, rest, &ldc);
    mirror(rest, n);
    return 0;
}

/* ---- Triangles ----------------------------------------------------------------------------------------- */

WK_TASK(trsm)
{
    struct matrix l = take_matrix(&arguments), b = take_matrix(&arguments);
    int m, n;
    dtrsm *solve = (dtrsm *)wk_linear_algebra(context, "dtrsm_");
    if (!solve || !as_int(context, b.rows, &m) || !as_int(context, b.columns, &n))
        return wk_failed(context);
    for (int64_t i = 0; i < l.rows; i++)
        if (l.data[i * l.columns + i] == 0)
            return wk_fail_message(context, "the triangular matrix is singular: l[%lld, %lld] is 0",
                                   (long long)i, (long long)i);
    double *x = give_copy(context, &results, &b);
    if (!x)
        return wk_failed(context);
    int ld = leading(n);
    if (m > 0 && n > 0)
        solve("L", "U", "T", "N", &n, &m, &one, l.data, &ld, x, &ld);
    return 0;
}

/* The order of the first leading minor that is not positive, or 0. The library notices zeros and negative numbers;
 * what is not a number runs through to the diagonal. */
static int64_t find_bad_minor(const double *l, int64_t n, int info)
{
    for (int64_t i = 0; i < n && (info == 0 || i < info); i++)
        if (!(l[i * n + i] > 0))
            return i + 1;
    return info;
}

WK_TASK(potrf)
{
    struct matrix a = take_matrix(&arguments);
    int n, info = 0;
    dpotrf *factor = (dpotrf *)wk_linear_algebra(context, "dpotrf_");
    if (!factor || !as_int(context, a.rows, &n))
        return wk_failed(context);
    double *l = give_copy(context, &results, &a);
    if (!l)
        return wk_failed(context);
    int ld = leading(n);
    if (n > 0)
        factor("U", &n, l, &ld, &info);
    int64_t bad = find_bad_minor(l, a.rows, info);
    if (bad > 0)
        return wk_fail_message(context,
                               "the matrix is not positive definite: its leading minor of order %lld is not positive",
                               (long long)bad);
    for (int64_t i = 0; i < a.rows; i++)
        memset(l + i * a.rows + i + 1, 0, (size_t)(a.rows - i - 1) * sizeof *l);
    return 0;
}

/* ---- The transpose ------------------------------------------------------------------------------------- */

WK_TASK(transpose)
{
    enum { BLOCK = 16 };
    struct matrix a = take_matrix(&arguments);
    double *t = give_matrix(context, &results, a.columns, a.rows);
    if (!t)
        return wk_failed(context);
    for (int64_t row = 0; row < a.rows; row += BLOCK) {
        int64_t end = a.rows - row < BLOCK ? a.rows : row + BLOCK;
        for (int64_t j = 0; j < a.columns; j++)
            for (int64_t i = row; i < end; i++)
                t[j * a.rows + i] = a.data[i * a.columns + j];
    }
    return 0;
}
