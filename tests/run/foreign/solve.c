/* A user's own use of LAPACK, through the library that the runtime has opened. */
#include <wk.h>

typedef void dgesv(const int *n, const int *nrhs, double *a, const int *lda, int *pivots, double *b,
                   const int *ldb, int *info);

/* x with a x = b, for a of order up to 8. LAPACK reads columns: a is given as its transpose. */
WK_TASK(solve)
{
    struct wk_array a = wk_take_array(&arguments, 2), b = wk_take_array(&arguments, 1);
    int n = (int)a.extents[0], one = 1, pivots[8], info;
    double columns[64];
    if (n > 8)
        return wk_fail_message(context, "an order of %d is too much", n);
    dgesv *solver = (dgesv *)wk_linear_algebra(context, "dgesv_");
    if (!solver)
        return wk_failed(context);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            columns[j * n + i] = ((const double *)a.data)[i * n + j];
    double *x = wk_give_array(context, &results, 1, b.extents, sizeof *x);
    if (!x)
        return wk_failed(context);
    memcpy(x, b.data, (size_t)n * sizeof *x);
    solver(&n, &one, columns, &n, pivots, x, &n, &info);
    return info ? wk_fail_message(context, "the matrix is singular at row %d", info) : 0;
}

WK_TASK(nowhere)
{
    (void)arguments;
    if (!wk_linear_algebra(context, "dnowhere_"))
        return wk_failed(context);
    wk_give_f64(&results, 0);
    return 0;
}
