#include <wk.h>

int64_t defined_nowhere_at_all(int64_t n);

WK_TASK(needy)
{
    (void)context;
    wk_give_int(&results, defined_nowhere_at_all(wk_take_int(&arguments)));
    return 0;
}
