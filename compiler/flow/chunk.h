/*
 * What the files of the pass `chunk` share: which functions of comprehensions can be evaluated for
 * many indexes by one task (chunk_shape.c), what that task is (chunk_kernel.c), and how many
 * indexes it should be given (chunk_length.c). pass_chunk.c makes the flow IR around them.
 *
 * Indexes of a space of several dimensions are counted in row-major order; a piece has consecutive
 * ones.
 */
#ifndef WKC_FLOW_CHUNK_H
#define WKC_FLOW_CHUNK_H

#include "flow/build.h"
#include "flow/compose.h"
#include "flow/effects.h"
#include "graph/formula.h"

/* Where a task that evaluates many indexes has a value of the function from. */
enum chunk_source {
    CHUNK_SAME,     /* the same for all indexes: evaluated once for the piece, and passed */
    CHUNK_COMPUTED, /* arithmetic on the index that cannot fail: part of the kernel */
    CHUNK_GATHERED, /* any other scalar: a structure of them is passed */
};

/* A function of a comprehension that is one call of a cheap task. */
struct chunk_shape {
    struct ir_module *module;
    struct ir_function *function; /* its first parameters are the indexes, the others captures */
    uint32_t rank;                /* so many indexes */
    const struct ir_instruction *call;
    struct typed_function *task;
    const struct ir_instruction **definitions; /* by value; NULL for parameters */
    enum chunk_source *sources;                /* by value */
    bool has_rows;                             /* the task gives arrays, of known extents */
    uint64_t cost_ns;                          /* of one call, if `cost` is NULL */
    const struct formula *cost;                /* over the leaves of the task's parameters */
};

static inline uint32_t chunk_capture_count(const struct chunk_shape *shape)
{
    return shape->function->blocks[0].parameter_count - shape->rank;
}

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
    bool has_rows;    /* of arrays, all of the same extents as the elements */
    uint64_t cost_ns; /* of one call, if `cost` is NULL */
    const struct formula
        *cost; /* over extents of its parameters, which are those of the elements */
};

/* NULL, or why it cannot be chunked with this comprehension, which it takes. */
const char *chunk_recognize_reduction(const struct chunk_shape *shape,
                                      const struct effects *effects,
                                      const struct ir_instruction *reduce,
                                      struct chunk_reduction *reduction);

/* Operands of the call that are known extents of its results stand behind its arguments, in the
 * order of the results and their dimensions. */
uint32_t chunk_argument_count(const struct chunk_shape *shape);

/* ---- chunk_length.c: how long pieces are ------------------------------------------------------
 */

/* Whether the length can be computed where the graph is built, before anything of the comprehension
 * is evaluated: from captures and indexes, by what cannot fail. */
bool chunk_can_weigh(const struct chunk_shape *shape);

/* A known i64: how many calls cost what a task should (or give as much as its result should have),
 * at least 1; each costs a call of the reduction's task, too, if there is one. `indexes` and
 * `captures` are the extents of the space, and the first capture's value, in the function that is
 * built. */
ir_value chunk_emit_length(struct ir_builder *build, const struct chunk_shape *shape,
                           const struct chunk_reduction *reduction, const ir_value *extents,
                           ir_value captures);

/* Whether a cost is a formula of extents alone. */
bool chunk_can_weigh_rows(const struct formula *cost);

/* Whether it depends on what is known only when the graph is built. */
static inline bool chunk_length_varies(const struct chunk_shape *shape)
{
    return shape->cost || shape->has_rows;
}

/* ---- chunk_kernel.c ---------------------------------------------------------------------------
 */

/* What a kernel takes for the indexes low..high: behind low and high, behind arity and chunk where
 * they are not constants, and behind the extents of the space but for the first, these values of
 * the function. */
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

/* The kernel that gives the results of the indexes from low to before high: an array for each leaf,
 * of one dimension more; or, given a reduction, its result for them. `function` is the name of the
 * function that calls it.
 */
struct chunk_kernel chunk_make_kernel(const struct chunk_shape *shape,
                                      const struct chunk_reduction *reduction,
                                      const char *function);

#endif
