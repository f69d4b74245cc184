/*
 * The plan: the DAG after the graph passes, with what executors need to decide without asking
 * anybody: for each node the child to *become*, and the join records of its fan-in. A function of
 * the DAG and the options alone, so that every executor computes the same.
 */
#ifndef WKC_GRAPH_PLAN_H
#define WKC_GRAPH_PLAN_H

#include "graph/dag.h"

#define PLAN_NONE 0xFFFFFFFFu
enum { PLAN_JOIN_WIDTH = 64 };

struct plan {
    const struct dag *dag;
    uint32_t *preferred;    /* by node: the child to become, or PLAN_NONE for the sink */
    uint32_t *first_record; /* by node, node_count + 1: a join (two or more producers) has
                               records in a row: ceil(producers / 64) for its edges, then one level
                               after the other of at most 64 edges each, the root last. One producer
                               or none: no record */
    uint32_t record_count;
    uint32_t *sources; /* nodes without producers, in order; the sink too, if it has none */
    uint32_t source_count;
};

int plan_make(struct plan *plan, const struct dag *dag, struct error *error);
void plan_release(struct plan *plan);

#endif
