/*
 * The bytes of the parts of nodes' results, as far as the graph tells. A consumer may read a small
 * piece of a large part (dag_ref_bytes); where it runs in another executor, all of the part
 * travels.
 */
#ifndef WKC_GRAPH_SIZES_H
#define WKC_GRAPH_SIZES_H

#include "graph/dag.h"

/* What the source of a ref has at least: a view of all tells all of it, a selection as far as it
 * reaches. Unknown extents count as in dag_ref_bytes. */
uint64_t dag_source_bytes(const struct dag *dag, dag_ref ref);

/* The bytes of all parts (dag_part), by what all refs to them tell; 0 where nobody reads a part.
 * The caller frees the table. */
uint64_t *dag_part_sizes(const struct dag *dag);

#endif
