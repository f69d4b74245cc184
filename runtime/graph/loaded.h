/*
 * Flow code after loading: private to code.c, code_verify.c and the elaborator.
 */
#ifndef WKC_GRAPH_LOADED_H
#define WKC_GRAPH_LOADED_H

#include "base/arena.h"
#include "graph/code.h"
#include "graph/format.h"

struct flow_type {
    enum flow_kind kind;
    uint8_t scalar; /* KNOWN, PENDING: as in a view (dag.h) */
    uint8_t rank;   /* PENDING, STRUCTURED */
    bool is_unit;
    bool is_text;           /* KNOWN, PENDING: a str */
    bool is_opaque;         /* PENDING: neither a scalar nor an array of scalars: used as a whole */
    bool has_pending;       /* STRUCTURED: the innermost elements are pending */
    uint32_t known_extents; /* PENDING */
    uint32_t element;       /* STRUCTURED */
    const struct type *type; /* KNOWN, PENDING */
};

struct flow_kernel {
    const struct type *parameters, *result;
};

struct flow_function {
    const char *title;
    uint32_t site;
    bool is_flow;
    uint32_t word_registers, registers;
    const uint32_t *parameters; /* types */
    const uint32_t *results;    /* types */
    uint32_t parameter_count, result_count;
    const uint32_t *code;
    uint32_t word_count;
};

struct flow_code {
    struct arena arena;
    struct type_table type_table;
    uint32_t *copy; /* of bytes that were not aligned; or NULL */
    struct flow_header header;
    const struct flow_kernel_record *kernel_records;
    const struct flow_site_record *sites;
    const struct flow_parameter_record *parameter_records;
    const uint32_t *lists;
    const uint32_t *code;
    const char *strings;
    struct flow_type *types;
    struct flow_kernel *kernels;
    struct flow_function *functions;
    struct flow_parameter *parameters;
    const struct type **leaf_types; /* of all parameters */
    const struct type *result_type;
    uint32_t *call_first_result; /* by call, call_count + 1: results of all calls in a row */
    const uint32_t **call_types; /* by call: its arguments' types */
    uint32_t most_results;       /* of any function */
};

/* Checks a function's code; fills call_first_result[call + 1] with counts. */
int flow_verify_function(struct flow_code *code, uint32_t function, struct error *error);

static inline bool flow_is_known_scalar(const struct flow_type *type)
{
    return type->kind == FLOW_KNOWN && type_is_scalar(type->type);
}

/* file[n], as a parameter of main: known files, not an array that is read. */
static inline bool flow_is_file_list(const struct type *type)
{
    return type->kind == TYPE_ARRAY && type->rank == 1 && type->element->kind == TYPE_FILE;
}

/* Whether a value of type `from` can stand where `to` is expected: the same, or with fewer extents
 * known. */
bool flow_type_fits(const struct flow_code *code, uint32_t from, uint32_t to);

/* How many of the `count` values of these types make up one leaf of a kernel's parameters (or of
 * main's result), as flow IR's CALL says: 1, or the leaves of an array's element if it is a tuple;
 * 0 if they do not fit. */
uint32_t flow_argument_fits(const struct flow_code *code, const uint32_t *types, uint32_t count,
                            const struct type *leaf);
/* How a call uses a value of this type for this leaf; `is_first` of the values of that leaf. */
enum flow_use flow_argument_use(const struct flow_code *code, uint32_t type,
                                const struct type *leaf, bool is_first);

/* The leaves of a kernel's parameters or result, () being one of its own. Texts can name types that
 * no memory holds, tuples of tuples of many leaves: readers refuse more than FLOW_MOST_LEAVES. */
enum { FLOW_MOST_LEAVES = 1 << 20 };
uint32_t flow_leaf_count(const struct type *type);
const struct type *flow_leaf(const struct type *type, uint32_t index);

#endif
