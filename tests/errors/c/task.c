#include <wk.h>

WK_TASK(half)
{
    (void)context;
    wk_give_int(&results, 100 * wk_take_int(&arguments) / 2);
    return 0;
}
