/* A second file with functions of the names that foreign.c has. */
#include "other.h"

double helper(double x)
{
    return x + OFFSET;
}

WK_TASK(minus_one)
{
    wk_give_f64(&results, helper(wk_take_f64(&arguments)));
    return 0;
}
