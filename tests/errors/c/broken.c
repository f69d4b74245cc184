#include <wk.h>

WK_TASK(broken)
{
#error this file is not meant to be compiled
}
