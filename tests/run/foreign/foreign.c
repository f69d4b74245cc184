/* The tasks of foreign.wk and foreign_again.wk. */
#include <complex.h>
#include <math.h>
#include <wk.h>

/* The same name as in other.c, and not static: files do not see each other's functions. */
double helper(double x)
{
    double complex z = (x + 2.0 * I) * (x - 2.0 * I); /* x² + 4, by the compiler's library */
    return creal(z);
}

WK_TASK(scaled)
{
    struct wk_array x = wk_take_array(&arguments, 1);
    double factor = wk_take_f64(&arguments);
    if (factor == 0)
        return wk_fail_message(context, "the factor of %lld numbers is %g",
                               (long long)x.extents[0], factor);
    const double *in = x.data;
    double *out = wk_give_array(context, &results, 1, x.extents, sizeof *out);
    if (!out)
        return wk_failed(context);
    for (int64_t i = 0; i < x.extents[0]; i++) {
        if (wk_should_stop(context))
            return wk_stopped(context);
        out[i] = in[i] * factor;
    }
    return 0;
}

WK_TASK(plus_four)
{
    wk_give_f64(&results, helper(wk_take_f64(&arguments)));
    return 0;
}

/* Every scalar type goes in and comes out; the array's elements are counted by row. */
WK_TASK(mixed)
{
    int64_t flag = wk_take_int(&arguments);
    int64_t small = wk_take_int(&arguments);
    uint64_t large = wk_take_uint(&arguments);
    float single = wk_take_f32(&arguments);
    struct wk_array m = wk_take_array(&arguments, 2);
    const int16_t *in = m.data;
    wk_give_int(&results, !flag);
    wk_give_int(&results, -small);
    wk_give_uint(&results, large + 1);
    wk_give_f32(&results, single / 2);
    int16_t *rows = wk_give_array(context, &results, 1, m.extents, sizeof *rows);
    void *scratch = wk_alloc(context, 1000); /* freed by the border */
    if (!rows || !scratch)
        return wk_failed(context);
    for (int64_t i = 0; i < m.extents[0]; i++) {
        rows[i] = 0;
        for (int64_t j = 0; j < m.extents[1]; j++)
            rows[i] = (int16_t)(rows[i] + in[i * m.extents[1] + j]);
    }
    return 0;
}

WK_TASK(reciprocals)
{
    struct wk_array x = wk_take_array(&arguments, 1);
    const double *in = x.data;
    double *out = wk_give_array(context, &results, 1, x.extents, sizeof *out);
    if (!out)
        return wk_failed(context);
    for (int64_t i = 0; i < x.extents[0]; i++)
        out[i] = in[i] < 0 ? -NAN : 1 / in[i];
    return 0;
}

/* Says so many numbers as it is told, whatever was declared. */
WK_TASK(so_many)
{
    int64_t count = wk_take_int(&arguments);
    int64_t *out = wk_give_array(context, &results, 1, &count, sizeof *out);
    if (!out)
        return wk_failed(context);
    for (int64_t i = 0; i < count; i++)
        out[i] = i * i;
    return 0;
}

WK_TASK(checked)
{
    int64_t n = wk_take_int(&arguments);
    wk_log_message(context, "%d is looked at", (int)n);
    return n < 0 ? wk_fail_message(context, "%d is negative", (int)n) : 0;
}
