/*
 * What evaluating parts of a module does beside giving results: which instructions may be left out,
 * which may be evaluated where their results are not needed, and which twice as well as once.
 *
 * A node that the sink does not need is never built, so a call of a task without an effect can be
 * neither seen nor fail unless somebody reads it. What elaboration does is done: known operations
 * fail there, whoever reads them.
 */
#ifndef WKC_FLOW_EFFECTS_H
#define WKC_FLOW_EFFECTS_H

#include "flow/ir.h"

struct effects {
    const struct ir_module *module;
    bool *total; /* by function: always ends and gives results, and no node of it has an effect */
    bool *quiet; /* by function: no node of it has an effect or logs */
    bool *logs;  /* by kernel: the task, or one that it calls, may write to the log */
};

/* Finds out; release with effects_release. Changing functions' blocks makes it wrong. */
struct effects effects_find(const struct ir_module *module);
void effects_release(struct effects *effects);

/* By value: the instruction that gives it; NULL for parameters of blocks. To be freed. */
struct ir_instruction **effects_definitions(const struct ir_function *function);

/* Whether a value is never negative: the extent of an array, the count of a range, a constant, or
 * the larger one of something and a constant. */
bool effects_is_extent(struct ir_instruction *const *definitions, ir_value value);

/* Whether leaving the instruction out, or evaluating it without need, changes nothing but its
 * results. Of several equal nodes one may log less than all: for that, ask effects_is_quiet too. */
bool effects_is_removable(const struct effects *effects, const struct ir_function *function,
                          struct ir_instruction *const *definitions,
                          const struct ir_instruction *instruction);

/* Whether nobody can tell whether the instruction, which neither is a check nor ends a block, was
 * evaluated once or twice with the same operands. */
bool effects_is_quiet(const struct effects *effects, const struct ir_function *function,
                      const struct ir_instruction *instruction);

#endif
