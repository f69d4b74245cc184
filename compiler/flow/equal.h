/*
 * Functions of a module that do the same: bodies of equal comprehensions, above all.
 */
#ifndef WKC_FLOW_EQUAL_H
#define WKC_FLOW_EQUAL_H

#include "flow/ir.h"

/* By function: the number of one that gives the same for the same arguments, making the same nodes
 * with the same annotations, and fails when it does; the same number for all of a kind. Places in
 * the program and the names of functions that are no flows do not count. The module is tidy. To be
 * freed. */
uint32_t *equal_functions(const struct ir_module *module);

/* The annotation in which two calls differ, "@retry"; NULL: none. */
const char *equal_annotations(const struct ir_instruction *a, const struct ir_instruction *b);

/* Whether two instructions do the same with equal operands: results' types (of functions a_in and
 * b_in) and all attributes but operands, targets and annotations. `functions` is as equal_functions
 * gives it, as far as callees are concerned. */
bool equal_attributes(const struct ir_instruction *a, const struct ir_function *a_in,
                      const struct ir_instruction *b, const struct ir_function *b_in,
                      const uint32_t *functions);

/* The hash of what equal_attributes compares, types excepted. */
uint64_t equal_hash(const struct ir_instruction *instruction, const uint32_t *functions);

#endif
