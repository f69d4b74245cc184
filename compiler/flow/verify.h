/*
 * What the two files of the verifier share: the rules of functions (ir_verify.c), and those of
 * instructions (ir_verify_instruction.c). Rules are numbered as in spec/flow-ir.md.
 */
#ifndef WKC_FLOW_VERIFY_H
#define WKC_FLOW_VERIFY_H

#include "flow/build.h"

struct verifier {
    const struct ir_module *module;
    const struct ir_function *function;
    const struct ir_instruction **definitions; /* by value; NULL for parameters of blocks */
    const struct ir_instruction *instruction;  /* that is being checked, or NULL */
    struct error *error;
};

/* Fills the error: "F7: @main, %5 = get: ...". Returns false. */
bool verify_fail(struct verifier *v, int rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The rules of the instruction itself: operands, results, attributes. */
bool verify_instruction(struct verifier *v, const struct ir_instruction *instruction);

/* Whether types[*at] and on can form a leaf of a task's parameter; moves *at behind them. */
bool verify_takes_leaf(const struct type *leaf, const struct ir_type *const *types, uint32_t count,
                       uint32_t *at);

#endif
