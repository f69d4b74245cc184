/*
 * The edges of a graph by consumer: who produces a node's inputs, and which parts of that value the
 * node reads. The graph has them by producer only (dag.h).
 */
#ifndef WKC_WORLD_REMOTE_EDGES_H
#define WKC_WORLD_REMOTE_EDGES_H

#include "graph/dag.h"

/* A producer of a node, with the parts of its value that the node reads. */
struct remote_edge {
    uint32_t producer;
    uint32_t all_parts; /* not 0: `parts` cannot tell; take all */
    uint64_t parts;     /* bit p: part p, p < 64 */
};

struct remote_edges {
    const uint64_t *first; /* by node, node_count + 1: its distinct producers, by bit */
    const struct remote_edge *edges;
    const uint64_t *read_parts; /* by node: which parts anybody reads; UINT64_MAX: all */
};

/* 0, or ERR_out_of_memory; to be released in any case. */
int remote_edges_make(struct remote_edges *edges, const struct dag *dag, struct error *error);
void remote_edges_release(struct remote_edges *edges);

#endif
