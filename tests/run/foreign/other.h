#include <wk.h>
#define OFFSET -1
