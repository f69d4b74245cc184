/*
 * Which of a comprehension's indexes values of its function are made of. A call that is not made of
 * all of them has equals at other indexes, which `share` makes one node of.
 */
#ifndef WKC_FLOW_DEPENDENCE_H
#define WKC_FLOW_DEPENDENCE_H

#include "flow/ir.h"

/* By function: the rank of the comprehension that it is of; 0: of none. To be freed. */
uint32_t *dependence_ranks(const struct ir_module *module);

/* By value: a bit for each of the first `rank` parameters that it is made of. What the parameters
 * of other blocks hold may be made of all. Linear in the function. To be freed. */
uint32_t *dependence_masks(const struct ir_function *function, uint32_t rank);

/* Those of an instruction's operands together. */
uint32_t dependence_of(const struct ir_instruction *instruction, const uint32_t *masks);

static inline uint32_t dependence_all(uint32_t rank)
{
    return (1U << rank) - 1;
}

#endif
