/*
 * What the files of the pass `chunk` share: which functions of comprehensions can be evaluated for
 * many indexes by one task (chunk_shape.c), and what that task is (chunk_kernel.c). pass_chunk.c
 * makes the flow IR around them.
 */
#ifndef WKC_FLOW_CHUNK_H
#define WKC_FLOW_CHUNK_H

#include "flow/build.h"
#include "flow/compose.h"
#include "flow/effects.h"

/* Where a task that evaluates many indexes has a value of the function from. */
enum chunk_source {
    CHUNK_SAME,     /* the same for all indexes: evaluated once for the piece, and passed */
    CHUNK_COMPUTED, /* arithmetic on the index that cannot fail: part of the kernel */
    CHUNK_GATHERED, /* any other scalar: a structure of them is passed */
};

/* A function of a comprehension of rank 1 that is one call of a cheap task. */
struct chunk_shape {
    struct ir_module *module;
    struct ir_function *function;
    const struct ir_instruction *call;
    struct typed_function *task;
    const struct ir_instruction **definitions; /* by value; NULL for parameters */
    enum chunk_source *sources;                /* by value */
    uint64_t cost_ns;                          /* of one call */
};

/* NULL, or why the comprehension cannot be chunked: a clause for remarks. */
const char *chunk_recognize(struct ir_module *module, const struct effects *effects,
                            const struct ir_instruction *each, struct chunk_shape *shape);

/* How many operands of the call, from `at` on, are those of the task's parameter. */
uint32_t chunk_operands_of(const struct chunk_shape *shape, const struct variable *parameter,
                           uint32_t at);

/* A reduction by one task, whose function does nothing else. */
struct chunk_reduction {
    struct typed_function *task;
    struct span span;
    const struct ir_instruction *arity, *chunk; /* constants, or NULL: parameters of the kernel */
    bool has_initial;                           /* the kernel's last parameter */
    uint64_t cost_ns;                           /* of one call */
};

const char *chunk_recognize_reduction(struct ir_module *module, const struct effects *effects,
                                      const struct ir_instruction *reduce,
                                      struct chunk_reduction *reduction);

/* What a kernel takes for the indexes low..high: behind low and high, and behind arity and chunk
 * where they are not constants, these values of the function. */
struct chunk_input {
    bool gathered;          /* a structure of the values of each index */
    const ir_value *values; /* the leaves of the parameter, of the function */
    uint32_t count;
};

struct chunk_kernel {
    struct typed_function *task;
    struct chunk_input *inputs;
    uint32_t input_count;
};

/* The kernel that gives the results of the indexes from low to before high: an array for each leaf;
 * or, given a reduction, its result for them. `function` is the name of the function that calls it.
 */
struct chunk_kernel chunk_make_kernel(const struct chunk_shape *shape,
                                      const struct chunk_reduction *reduction,
                                      const char *function);

#endif
