/*
 * Drawing a DAG in Graphviz's language.
 */
#ifndef WKC_GRAPH_DOT_H
#define WKC_GRAPH_DOT_H

#include "graph/plan.h"

enum dot_level {
    DOT_TASK,    /* a box for each task or, if they are too many to be read, for each family: the
                    tasks of one call site that are equally far from the sources */
    DOT_CLUSTER, /* a box for each cluster of the plan, and for each family of tasks in none */
    DOT_FLOW     /* a box for each call site in each flow, with how many tasks it made */
};

struct dot_options {
    enum dot_level level;
    bool expand;             /* DOT_TASK: a box for each task, however many */
    const struct plan *plan; /* shows clusters, where executors go on, and the critical path; NULL:
                                unknown */
};

/* Appends the drawing: valid for Graphviz, the same for the same DAG. ERR_drawing_too_large when
 * even what is drawn in place of tasks would be too much to be read. */
int dag_write_dot(const struct dag *dag, const struct dot_options *options, struct buffer *out,
                  struct error *error);

/* Draws what has become of a graph: the call sites of both, those that are only in the first in
 * grey, only in the second in green, and where the number of tasks differs in blue. */
int dag_write_dot_diff(const struct dag *before, const struct dag *after, struct buffer *out,
                       struct error *error);

#endif
