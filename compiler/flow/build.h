/*
 * Building flow IR: modules, functions, blocks, instructions. Everything lives in the module's
 * arena.
 *
 * An ir_builder stands at the end of a block and appends to it. Types of results are given by the
 * caller; nothing is checked here (ir_verify does that).
 */
#ifndef WKC_FLOW_BUILD_H
#define WKC_FLOW_BUILD_H

#include "flow/ir.h"

struct ir_module *ir_module_new(struct arena *arena, struct type_table *types,
                                const struct source *source);

/* Appends a function without blocks and returns its number. `name` must be unique in the module. */
uint32_t ir_function_new(struct ir_module *module, const char *name, const char *title,
                         bool is_flow, struct span span);

/* Appends a kernel, which the module must not have yet, and returns its number. */
uint32_t ir_kernel_new(struct ir_module *module, struct typed_function *kernel);

/* Appends an empty block and returns its number. */
uint32_t ir_block_new(struct ir_module *module, struct ir_function *function);

/* Gives a block, once, its parameters; returns the first of the values, which are in a row. */
ir_value ir_block_parameters(struct ir_module *module, struct ir_function *function, uint32_t block,
                             const struct ir_type *const *types, uint32_t count);

/* A new value without a definition; the next call's is its successor. */
ir_value ir_value_new(struct ir_module *module, struct ir_function *function,
                      const struct ir_type *type);

struct ir_builder {
    struct ir_module *module;
    struct ir_function *function;
    uint32_t block;
    struct span span; /* that instructions get */
};

/* Appends an instruction with copies of the operands and new values for the results. Attributes are
 * for the caller to set. */
struct ir_instruction *ir_emit(struct ir_builder *builder, enum ir_opcode opcode,
                               const ir_value *operands, uint32_t operand_count,
                               const struct ir_type *const *results, uint32_t result_count);

/* As ir_emit with one result; gives that value. */
ir_value ir_emit_value(struct ir_builder *builder, enum ir_opcode opcode, const ir_value *operands,
                       uint32_t operand_count, const struct ir_type *result);

ir_value ir_constant(struct ir_builder *builder, const struct type *type, uint64_t word);
ir_value ir_constant_text(struct ir_builder *builder, const struct type *type, const char *text,
                          uint64_t length);
ir_value ir_constant_int(struct ir_builder *builder, int64_t value);
/* `type` is that of the operands; the result's follows from the operation. */
ir_value ir_operation(struct ir_builder *builder, enum operation operation, const struct type *type,
                      const ir_value *operands, uint32_t count);
/* Of two known i64. */
ir_value ir_int_operation(struct ir_builder *builder, enum operation operation, ir_value left,
                          ir_value right);
/* Extent `dimension` of a structure, or of a pending array that knows it. */
ir_value ir_extent(struct ir_builder *builder, ir_value array, uint32_t dimension);

void ir_jump(struct ir_builder *builder, uint32_t target, const ir_value *arguments,
             uint32_t count);
void ir_branch(struct ir_builder *builder, ir_value condition, uint32_t then,
               const ir_value *then_arguments, uint32_t then_count, uint32_t otherwise,
               const ir_value *otherwise_arguments, uint32_t otherwise_count);
void ir_return(struct ir_builder *builder, const ir_value *values, uint32_t count);

/* Drops blocks that cannot be reached, and numbers blocks and values in the order of the text form:
 * what lowering and every pass end with. */
void ir_tidy(struct ir_module *module);

static inline const struct ir_type *ir_type_of(const struct ir_function *function, ir_value value)
{
    return function->value_types[value];
}

/* The kernel's annotations when a call has none of its own. */
extern const struct typed_annotations ir_no_annotations;

/* A call's annotations over those of its kernel. */
struct typed_annotations ir_call_annotations(const struct ir_module *module,
                                             const struct ir_instruction *call);

/* The leaves of a type of a kernel: type_leaf's, with () as one of its own. */
uint32_t ir_leaf_count(const struct type *type);
const struct type *ir_leaf(const struct type *type, uint32_t index);

#endif
