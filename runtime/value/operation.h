/*
 * The operations on scalars, as an enum; operation.def is their table.
 */
#ifndef WKC_VALUE_OPERATION_H
#define WKC_VALUE_OPERATION_H

enum operation {
    OPERATION_NONE,
#define OPERATION(NAME, text, operands, class, result, description) OPERATION_##NAME,
#include "value/operation.def"
#undef OPERATION
    OPERATION_COUNT
};

#endif
