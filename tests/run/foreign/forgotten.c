/* Gives as many parts of its result as it is asked for. */
#include <wk.h>

WK_TASK(forgotten)
{
    int64_t parts = wk_take_int(&arguments), one = 1;
    if (parts > 0)
        wk_give_int(&results, 3);
    if (parts > 1)
        wk_give_f64(&results, 1.5);
    if (parts > 2 && wk_give_text(context, &results, "ab", 2))
        return wk_failed(context);
    int64_t *x = parts > 3 ? wk_give_array(context, &results, 1, &one, sizeof *x) : NULL;
    if (x)
        x[0] = 2;
    return 0;
}
