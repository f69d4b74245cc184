/*
 * Which of a comprehension's indexes values of its function tell. A call whose arguments do not
 * tell all of them has equals at other indexes, which `share` makes one node of: `f(i)` over i and
 * j, and `f(i / 2)`, but not `f(i / n, i % n)`.
 *
 * That is found from how values are computed, not proved: only division, remainder, what keeps some
 * bits of a number, comparisons, and sums of indexes hide one.
 */
#ifndef WKC_FLOW_DEPENDENCE_H
#define WKC_FLOW_DEPENDENCE_H

#include "flow/ir.h"

/* A bit for each index. */
struct dependence {
    uint32_t told;
    uint32_t quotient, remainder; /* of it: both together tell it */
    uint32_t sum;                 /* of several: it tells one when the others are told */
    uint32_t hidden;              /* it was made of them */
    bool is_scaled;               /* a product: a sum with it hides nothing (i*n + j) */
};

/* By function: the rank of the comprehension that it is of; 0: of none. To be freed. */
uint32_t *dependence_ranks(const struct ir_module *module);

/* By value: of the first `rank` parameters. What the parameters of other blocks hold may tell all.
 * Linear in the function. To be freed. */
struct dependence *dependence_find(const struct ir_function *function, uint32_t rank);

/* The indexes that an instruction's operands together tell. */
uint32_t dependence_told(const struct ir_instruction *instruction, const struct dependence *values);

/* Those that they are made of in any way. */
uint32_t dependence_used(const struct ir_instruction *instruction, const struct dependence *values);

static inline uint32_t dependence_all(uint32_t rank)
{
    return (1U << rank) - 1;
}

#endif
