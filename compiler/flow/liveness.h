/*
 * Which values of a function are live where, and a register for each: for encode.c.
 */
#ifndef WKC_FLOW_LIVENESS_H
#define WKC_FLOW_LIVENESS_H

#include "base/vector.h"
#include "flow/ir.h"

struct liveness {
    const struct ir_function *function;
    uint32_t *first_live; /* by block, block_count + 1: where its values begin in `live` */
    ir_value *live;       /* live at the beginning of each block, parameters excepted; ascending */
    uint32_t *registers;  /* by value */
    uint32_t word_registers, register_count; /* words first, then structures */
};

void liveness_compute(struct liveness *liveness, const struct ir_function *function);
void liveness_release(struct liveness *liveness);

#endif
