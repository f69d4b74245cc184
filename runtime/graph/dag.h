/*
 * The DAG of a job: nodes, edges, known arguments, in compressed-row form.
 *
 * The whole is one piece of memory without pointers, so that a stored DAG is mapped, not parsed
 * (dag_map); `struct dag` holds the addresses of its tables. All tables are immutable.
 *
 * A node runs one task. Its arguments are described by its *pattern*, a list of codes, one for each
 * leaf of each parameter: they take, in order, references from the node's refs and words from
 * the node's words. A reference names a source (a node, an input of the job, or a constant) and a
 * view of it: which part, and which element or slice. Views, patterns, sites and scopes are
 * interned, so that a node costs 48 bytes, and an edge 8 in each direction.
 *
 * The last node is the sink: it runs no task (task DAG_RESULT), and its arguments are the words of
 * main's result. Nodes are in topological order: producers have smaller indexes.
 */
#ifndef WKC_GRAPH_DAG_H
#define WKC_GRAPH_DAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "value/type.h"

/* source << 32 | view */
typedef uint64_t dag_ref;

#define DAG_INPUT 0xC0000000u    /* sources from here on: inputs of the job */
#define DAG_CONSTANT 0xE0000000u /* from here on: constants */
#define DAG_MAX_NODES 0xBFFFFFFFu

static inline uint32_t dag_ref_source(dag_ref ref)
{
    return (uint32_t)(ref >> 32);
}
static inline uint32_t dag_ref_view(dag_ref ref)
{
    return (uint32_t)ref;
}
static inline bool dag_ref_is_node(dag_ref ref)
{
    return dag_ref_source(ref) < DAG_INPUT;
}

/* How a leaf of a parameter is formed. A gather's rank is in the bits above DAG_ARG_KIND. */
enum dag_argument {
    DAG_ARG_WORD,   /* one word: a known scalar */
    DAG_ARG_REF,    /* one ref: a scalar or an array, by its view */
    DAG_ARG_ORDER,  /* one ref, no words: the value is (), the edge only orders */
    DAG_ARG_GATHER, /* `rank` words: extents; then as many refs as their product (times the leaves
                       of the element type, if that is a tuple): elements packed into one array.
                       Elements that are arrays become a table of addresses and extents (wk.h). */
    DAG_ARG_KIND = 0xF,
    DAG_ARG_RANK_SHIFT = 4,
};

struct dag_node {
    uint64_t first_ref; /* up to the next node's */
    uint64_t first_word;
    uint64_t first_child;
    uint32_t task;
    uint32_t pattern;
    uint32_t site;
    uint32_t scope;
    uint32_t first_part;     /* this node's results among all parts of the job, dense */
    uint32_t producer_count; /* distinct nodes among its refs */
};
_Static_assert(sizeof(struct dag_node) == 48, "a node costs 48 bytes");

/* An edge towards a consumer: `bit` is this producer's place among the consumer's distinct
 * producers, in the order of their first ref. */
struct dag_child {
    uint32_t node;
    uint32_t bit;
};

/* In place of a view's scalar: an array whose elements are no scalars or, of rank 0, a map. */
enum { DAG_OPAQUE = WK_SCALAR_COUNT };

/* A view of a source's part. Extents (rank words, -1 where unknown until run time) begin at
 * first_word; a selection has, behind them, for each dimension of the source a pair (begin, count),
 * count -1 for an index, which drops the dimension. */
struct dag_view {
    uint32_t part;
    uint32_t first_word; /* in view_words */
    uint8_t scalar;      /* enum wk_scalar of the elements, or DAG_OPAQUE */
    uint8_t rank;        /* of what the view gives; 0: a scalar */
    uint8_t source_rank; /* of a selection's source; 0: the view is the whole part */
    uint8_t is_unit;     /* the part is () */
};

/* A known array (elements at their size, 64-byte aligned), or a scalar: its word. */
struct dag_constant {
    uint64_t offset; /* in data */
    uint64_t bytes;
    uint8_t scalar, rank;
    int64_t extents[WK_MAX_RANK];
};

/* An array or map among the leaves of main's parameters, or the bytes of a file. */
struct dag_input {
    uint32_t name;  /* offset in strings: the leaf's ("a", "grid.cells"), or the file's as given */
    uint32_t file;  /* 1 + the file's number; 0: of a parameter */
    uint8_t scalar; /* enum wk_scalar of the elements, or DAG_OPAQUE */
    uint8_t rank;   /* 0: a map */
    int64_t extents[WK_MAX_RANK];
};

/* A task of the program. */
struct dag_task {
    uint32_t name;            /* offset in strings: as written; operators as they look: "+" */
    uint32_t symbol;          /* offset in strings: the kernel's symbol */
    uint32_t parameter_types; /* offset in strings: a tuple type's text: "(a: f64, b: f64[_])" */
    uint32_t result_type;     /* offset in strings */
    uint32_t site;            /* its declaration */
    uint32_t fallback;   /* offset in strings: the symbol of the kernel with the same parameters
                            that gives the result when this one failed by itself; 0: none */
    uint32_t formula;    /* offset in strings: what it costs, in ns (formula.h); empty: not known */
    uint32_t members;    /* offset in strings: the names of the tasks that the compiler fused in it,
                            "load, scale"; empty: it is one task as written, or an operator */
    uint32_t leaf_count; /* parts of its result */
    int32_t retries;     /* annotations: -1 not given; others 0 when not given */
    uint32_t together;
    uint32_t logs; /* whether it may write to the job's log: to run it twice can be told */
    uint64_t timeout_ns, memory_bytes, cost_ns;
};

/* A place in the program. */
struct dag_site {
    uint32_t file; /* offset in strings */
    uint32_t line, column, length;
};

/* An instance of a flow in the graph: main is scope 0. */
struct dag_scope {
    uint32_t name;   /* offset in strings */
    uint32_t parent; /* of main: itself */
    uint32_t site;   /* of the call */
};

/* Task 0: the sink's. Its one parameter is main's result: "(f64[_],)". */
enum { DAG_RESULT = 0 };

struct dag {
    const struct dag_node *nodes; /* node_count + 1: the last is a sentinel for the counts */
    const dag_ref *refs;
    const uint64_t *words;
    const struct dag_child *children;
    const uint32_t *patterns; /* pattern_count + 1: where pattern p's codes begin */
    const uint32_t *pattern_codes;
    const struct dag_view *views;
    const int64_t *view_words;
    const struct dag_constant *constants;
    const char *data;
    const struct dag_input *inputs;
    const struct dag_task *tasks;
    const struct dag_site *sites;
    const struct dag_scope *scopes;
    const char *strings;
    uint32_t node_count, pattern_count, view_count, constant_count, input_count, task_count,
        site_count, scope_count;
    uint64_t part_count; /* all nodes' result leaves */
    uint64_t view_word_count, string_bytes, data_bytes;
    void *memory;        /* of a mapped DAG: the one piece; a built one's tables are blocks each */
    size_t memory_bytes; /* of all tables */
    bool is_mapped;
};

static inline uint32_t dag_sink(const struct dag *dag)
{
    return dag->node_count - 1;
}
static inline uint64_t dag_ref_count(const struct dag *dag, uint32_t node)
{
    return dag->nodes[node + 1].first_ref - dag->nodes[node].first_ref;
}
static inline uint64_t dag_child_count(const struct dag *dag, uint32_t node)
{
    return dag->nodes[node + 1].first_child - dag->nodes[node].first_child;
}
/* The first place in children[low..high), which are sorted by node, of a node that is not before
 * this one; `high` if there is none. */
static inline uint64_t dag_search_children(const struct dag_child *children, uint64_t low,
                                           uint64_t high, uint32_t node)
{
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (children[middle].node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The place in dag->children of the edge from a producer to a node that reads it. */
static inline uint64_t dag_edge(const struct dag *dag, uint32_t producer, uint32_t node)
{
    return dag_search_children(dag->children, dag->nodes[producer].first_child,
                               dag->nodes[producer + 1].first_child, node);
}

static inline const char *dag_string(const struct dag *dag, uint32_t offset)
{
    return dag->strings + offset;
}

void dag_release(struct dag *dag);

/* Loads a stored DAG, in one piece, and verifies it: 0, or an error that names the rule that it
 * breaks. Neither a file that lies nor one that changes meanwhile does any harm. */
int dag_map(struct dag *dag, const char *path, struct error *error);
int dag_store(const struct dag *dag, const char *path, struct error *error);

/* Checks every rule that readers rely on (spec/dag.md): ranges of all indexes, order, bits, parts.
 */
int dag_verify(const struct dag *dag, struct error *error);

/* The text form: --emit=dag; dag_parse reads it back (print, read, print is the identity). */
void dag_print(const struct dag *dag, struct buffer *out);
int dag_parse(struct dag *dag, const char *text, size_t length, struct error *error);

/* The number of the part that a ref of a node reads, among all parts of the job. */
static inline uint32_t dag_part(const struct dag *dag, dag_ref ref)
{
    return dag->nodes[dag_ref_source(ref)].first_part + dag->views[dag_ref_view(ref)].part;
}

/* The bytes that a ref reads, estimated from its view; unknown extents count as 1024. (sizes.h: the
 * bytes of all of its source.) */
uint64_t dag_ref_bytes(const struct dag *dag, dag_ref ref);

/* ---- Building -------------------------------------------------------------------------------- */

struct dag_builder;

struct dag_builder *dag_builder_new(void);
void dag_builder_free(struct dag_builder *builder);

uint32_t dag_add_string(struct dag_builder *builder, const char *text);        /* interned */
uint32_t dag_add_site(struct dag_builder *builder, const struct place *place); /* interned */
uint32_t dag_add_scope(struct dag_builder *builder, uint32_t name, uint32_t parent, uint32_t site);
uint32_t dag_add_task(struct dag_builder *builder, const struct dag_task *task);
uint32_t dag_add_input(struct dag_builder *builder, const struct dag_input *input);
uint32_t dag_add_constant(struct dag_builder *builder, const struct dag_constant *constant,
                          const void *data); /* offset is set by the builder */
uint32_t dag_add_view(struct dag_builder *builder, const struct dag_view *view,
                      const int64_t *words); /* interned; first_word is set by the builder */
uint32_t dag_add_pattern(struct dag_builder *builder, const uint32_t *codes, uint32_t count);

/* Adds a node whose refs and words were appended just before with dag_add_ref and dag_add_word.
 * Returns its number in order of creation; dag_finish renumbers. */
void dag_add_ref(struct dag_builder *builder, dag_ref ref);
void dag_add_word(struct dag_builder *builder, uint64_t word);
uint32_t dag_add_node(struct dag_builder *builder, uint32_t task, uint32_t pattern, uint32_t site,
                      uint32_t scope);

/* Makes the DAG: drops nodes that the sink (the last node added) does not need (tasks without
 * results are kept because the elaborator made them order the sink); computes children, bits and
 * parts. Consumes the builder. */
int dag_finish(struct dag_builder *builder, struct dag *dag, struct error *error);

#endif
