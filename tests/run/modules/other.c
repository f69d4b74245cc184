#include <wk.h>

/* Twice in another sense: a second function of this name. */
WK_TASK(twice)
{
    double x = wk_take_f64(&arguments);
    (void)context;
    wk_give_f64(&results, x * x);
    return 0;
}
