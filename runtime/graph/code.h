/*
 * Flow code: what elaboration executes. Compact, position-independent bytes made by the compiler
 * from flow IR (compiler/flow/encode.c); the format is private to encode.c and this module and is
 * defined in spec/flow-code.md. Loading verifies everything that execution relies on, so that no
 * bytes, however wrong, crash the elaborator.
 */
#ifndef WKC_GRAPH_CODE_H
#define WKC_GRAPH_CODE_H

#include "graph/dag.h"

struct flow_code; /* loaded and verified; immutable */

/* `bytes` must outlive the code. NULL with *error filled when they are no flow code. */
struct flow_code *flow_code_load(const void *bytes, size_t length, struct error *error);
void flow_code_free(struct flow_code *code);

/* A parameter of main. */
struct flow_parameter {
    const char *name;
    const struct type *type;
    bool has_default;
    uint32_t first_leaf, leaf_count; /* its leaves, among those of all parameters */
};
uint32_t flow_parameter_count(const struct flow_code *code);
struct flow_parameter flow_parameter(const struct flow_code *code, uint32_t index);

/* The leaves of main's parameters, which are bound one by one: a scalar, a str, a file, file[_], an
 * array, or a map. The name is the parameter's, or that of its part: "grid", "grid.size.0". */
uint32_t flow_leaf_total(const struct flow_code *code);
void flow_leaf_name(const struct flow_code *code, uint32_t leaf, struct buffer *out);
const struct type *flow_leaf_type(const struct flow_code *code, uint32_t leaf);
/* The leaf of this name; flow_leaf_total() if there is none. */
uint32_t flow_find_leaf(const struct flow_code *code, const char *name);

const struct type *flow_result_type(const struct flow_code *code);

/* The kernels that nodes call, in the order of the DAG's tasks 1, 2, …: symbols of kernels.so. */
uint32_t flow_kernel_count(const struct flow_code *code);
const char *flow_kernel_symbol(const struct flow_code *code, uint32_t index);

/* What a leaf of a parameter is bound to: a scalar's or file's word, a str, the words of several
 * files, or the shape of the array that it refers to; a map has none. `given` is the same for all
 * leaves of a parameter, and false when the default shall be taken. */
struct flow_argument {
    bool given;
    uint64_t word;
    const char *text; /* of a str, UTF-8 */
    uint64_t length;
    int64_t extents[WK_MAX_RANK]; /* of file[_]: extents[0] is how many */
    const uint64_t *words;        /* file[_] */
};

/* A file of the job, by its number. */
struct flow_file {
    const char *name; /* its path as given */
    int64_t size;     /* bytes */
};

struct elaborate_options {
    uint64_t max_tasks;            /* nodes created; 0: 10 million */
    uint64_t max_steps;            /* instructions and element moves; 0: 1 billion */
    const _Atomic(uint32_t) *stop; /* Ctrl-C; or NULL */
    const struct flow_file *files; /* by number */
    uint32_t file_count;
    bool opens_result; /* for worlds that lay out what the result is joined from (D24) */
};

struct elaborate_counters {
    uint64_t nodes_created, steps;
};

/* Builds the job's DAG. Mistakes that only show here (shapes, bounds, fail, limits) fill *error
 * with the place of the call in the program (whose file's name is text of the code's bytes); limits
 * name the innermost loop or the recursive flow. */
int elaborate(const struct flow_code *code, const struct flow_argument *arguments /* by leaf */,
              const struct elaborate_options *options, struct dag *dag,
              struct elaborate_counters *counters, struct error *error);

#endif
