#include <wk.h>

WK_TASK(twice)
{
    (void)context;
    wk_give_f64(&results, 2 * wk_take_f64(&arguments));
    return 0;
}
