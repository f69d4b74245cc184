/*
 * The jumps to each block of a function.
 */
#ifndef WKC_FLOW_EDGES_H
#define WKC_FLOW_EDGES_H

#include "flow/ir.h"

#define NO_EDGE UINT32_MAX

struct edge {
    uint32_t from, way; /* the block whose terminator has it, and which of its targets it is */
    uint32_t next;      /* the next edge to the same block, or NO_EDGE */
};

struct edges {
    struct edge *items;
    uint32_t *first; /* by block: an edge to it, or NO_EDGE */
};

/* Finds all; release them with edges_release. */
struct edges edges_find(const struct ir_function *function);
void edges_release(struct edges *edges);

#endif
