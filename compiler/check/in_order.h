/*
 * Whether a task needs an array itself, or only its elements one after the other: then an array
 * that is joined of others (concat, flatten, untile) need not be copied for it.
 *
 * In order are sum, min, max, any, all and count; reduce and scan; operators on whole arrays; going
 * over it in a loop or comprehension; joining it with others; and tasks that need no more either.
 * Extents are free. What is done again and again, in a loop, counts as needing the array: then one
 * copy is cheaper than going from part to part each time.
 */
#ifndef WKC_CHECK_IN_ORDER_H
#define WKC_CHECK_IN_ORDER_H

#include "check/typed.h"

/* Why the statements of a block from one on need the array that a variable holds, as the end of a
 * sentence ("is indexed"); NULL: they do not. `has_rows`: rows of it lie in one piece, so that it
 * can be gone over by rows. */
const char *block_not_in_order(const struct typed_block *block, uint32_t from,
                               const struct variable *variable, bool has_rows);
/* The same of a task and its parameter of this number. */
const char *task_not_in_order(const struct typed_function *task, uint32_t parameter, bool has_rows);

#endif
