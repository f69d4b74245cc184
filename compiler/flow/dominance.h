/*
 * Which blocks of a function every way to a block goes through.
 */
#ifndef WKC_FLOW_DOMINANCE_H
#define WKC_FLOW_DOMINANCE_H

#include "flow/ir.h"

struct dominance {
    const struct ir_function *function;
    uint32_t *order;    /* the blocks that are reached, in reverse postorder */
    uint32_t *position; /* of a block in the order; UINT32_MAX: not reached */
    uint32_t *idom;     /* immediate dominators: positions, by position; the first is its own */
    uint32_t count;     /* of blocks that are reached */
};

/* Release it with dominance_free. Blocks end with terminators whose targets exist. */
struct dominance dominance_new(const struct ir_function *function);
void dominance_free(struct dominance *dominance);

/* Whether block a dominates block b, both reached; a block dominates itself. */
bool dominance_holds(const struct dominance *dominance, uint32_t a, uint32_t b);

#endif
