/*
 * What the drawings of a DAG share: texts, sources, and groups of nodes that are drawn as one box.
 * Private to runtime/graph/dot*.c.
 */
#ifndef WKC_GRAPH_DOT_PRIVATE_H
#define WKC_GRAPH_DOT_PRIVATE_H

#include "base/vector.h"
#include "graph/arguments.h"
#include "graph/dot.h"

#define DOT_NOTHING 0xFFFFFFFFu

/* Beyond these a picture is not readable. */
enum { DOT_MOST_BOXES = 300, DOT_MOST_ARROWS = 1200 };

struct drawing {
    const struct dag *dag;
    const struct dot_options *options;
    struct dag_signatures signatures;
    bool *is_critical; /* by node: on the critical path; NULL: unknown */
    uint32_t *kept; /* by node: the child that its executor becomes, or PLAN_NONE; NULL: unknown */
    struct buffer *out;
};

/* Whether the executor that ran the producer goes on with the consumer, as far as the plan says:
 * who runs a join is whoever comes last, unless its cluster keeps it. */
bool dot_goes_on(const struct drawing *d, uint32_t producer, uint32_t consumer);

/* ---- dot_text.c ---- */

void dot_begin(struct drawing *d);
void dot_put_indent(struct drawing *d, uint32_t depth);
void dot_put_escaped(struct buffer *out, const char *text);
void dot_put_bytes(struct buffer *out, uint64_t bytes);
/* A slice as the language writes it: [0..512, 3]; all of a dimension is ":". */
void dot_put_selection(struct drawing *d, const struct dag_view *view);
/* "partial(i=3, width=100)": the task's name and its known arguments. */
void dot_put_call(struct drawing *d, uint32_t node);
/* A line of the label with the tasks that are fused in a task, if there are any. */
void dot_put_fused(struct drawing *d, uint32_t task);
/* "n7", "i0", "c3". */
void dot_put_source_name(struct drawing *d, uint32_t source);
/* Inputs as cylinders; known arrays as notes. */
void dot_put_inputs(struct drawing *d);
void dot_put_constants(struct drawing *d);
/* A lifted scalar is shown as an argument, not as a box. */
bool dot_is_scalar_constant(const struct dag *dag, dag_ref ref);

/* ---- dot_groups.c ---- */

/* Numbers for keys, in the order of their first appearance. */
struct dot_key {
    uint32_t words[4];
};
struct dot_keys {
    VECTOR(struct dot_key) list;
    uint32_t *slots; /* number + 1 */
    uint32_t capacity;
};
uint32_t dot_keys_number(struct dot_keys *keys, struct dot_key key);
void dot_keys_release(struct dot_keys *keys);

struct dot_sum {
    uint64_t count, bytes;
    bool goes_on, is_critical; /* one of the edges at least */
};

/* Groups of nodes, and the arrows between them. */
struct dot_groups {
    struct dot_keys boxes;
    uint32_t *box_of;         /* by node */
    VECTOR(uint64_t) members; /* by box */
    VECTOR(uint32_t) first;   /* by box: its first node */
    VECTOR(bool) is_critical; /* by box: one of its nodes is */
    struct dot_keys arrows;   /* source (a box, or DAG_INPUT and above), box of the reader, is () */
    VECTOR(struct dot_sum) sums;  /* by arrow */
    struct dot_keys names;        /* of clusters: a box and the name of some of its tasks */
    VECTOR(uint64_t) name_counts; /* how many tasks of the box have the name */
};

/* Groups by call site; and by distance from the sources, or by cluster. */
enum dot_grouping { DOT_BY_SITE, DOT_BY_FAMILY, DOT_BY_CLUSTER };
void dot_groups_make(struct dot_groups *groups, const struct drawing *d,
                     enum dot_grouping grouping);
void dot_groups_release(struct dot_groups *groups);
void dot_draw_groups(struct drawing *d, const struct dot_groups *groups);

#endif
