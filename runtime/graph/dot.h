/*
 * Drawing a DAG in Graphviz's language.
 */
#ifndef WKC_GRAPH_DOT_H
#define WKC_GRAPH_DOT_H

#include "graph/dag.h"

enum dot_level {
    DOT_TASK,      /* a box for each task, unless they are too many to be read */
    DOT_ALL_TASKS, /* a box for each task */
    DOT_FLOW       /* a box for each call site in each flow, with how many tasks it made */
};

/* Appends the drawing: valid for Graphviz, the same for the same DAG. DOT_TASK with more than some
 * thousands of nodes is an error with the hint to use the other levels. */
int dag_write_dot(const struct dag *dag, enum dot_level level, struct buffer *out,
                  struct error *error);

#endif
