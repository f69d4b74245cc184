/*
 * Whether a producer may as well be a part of each of its readers: it works element by element, a
 * reader makes each element where it reads it, by a few operations, from something that is not
 * larger than the producer's result. Then there is nothing between the two, neither an array nor
 * another loop, and making the result once would only have it written, kept and fetched.
 */
#ifndef WKC_FLOW_REPEAT_H
#define WKC_FLOW_REPEAT_H

#include "flow/ir.h"

enum { REPEAT_READERS = 4 }; /* at most: each has the work again */

/* Whether the producer, a call of this function, reads no more than one pending value, which is not
 * larger than its only result, an array or scalar that takes a few operations an element. */
bool repeat_is_light(const struct ir_module *module, const struct ir_function *function,
                     const struct ir_instruction *producer);

/* Whether the consumer, a call of a function, makes what `value` holds element by element, if that
 * is the result of the producer, which is light. The operands that hold it are arguments. */
bool repeat_dissolves(struct ir_module *module, const struct ir_function *function,
                      const struct ir_instruction *producer, const struct ir_instruction *consumer,
                      ir_value value);

#endif
