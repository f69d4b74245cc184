/*
 * Arrays that a node joins: where each of them lies in the result, as far as the graph knows.
 *
 * Elaboration and worlds know three tasks of the prelude, by how their symbols begin (spec/dag.md):
 * untile, concat and flatten of arrays. Symbols of the program's own tasks have no dots.
 */
#ifndef WKC_GRAPH_JOINED_H
#define WKC_GRAPH_JOINED_H

#include "graph/dag.h"

enum dag_join { DAG_JOIN_NONE, DAG_JOIN_UNTILE, DAG_JOIN_CONCAT, DAG_JOIN_FLATTEN };

/* Which of them a kernel is, by its symbol. */
enum dag_join dag_join_of(const char *symbol);

/* The joined arrays stand in a grid of rank 1 or 2, whose dimensions are the result's first. */
struct joined {
    uint64_t first_ref;  /* the node's; one an array, in row-major order of the grid */
    uint64_t grid[2];    /* numbers of arrays; of rank 1, the second is 1 */
    uint8_t grid_rank;   /* 2: untile */
    uint8_t gather_rank; /* of the structure that is gathered; 0: concat(a, b) */
    enum dag_join join;
    uint8_t rank;                 /* of the arrays, and of the result */
    uint8_t scalar;               /* enum wk_scalar of the elements */
    int64_t extents[WK_MAX_RANK]; /* of the result */
    int64_t *begins[2];           /* by dimension of the grid: where arrays begin, and the end */
};

/* Finds out what a node joins; release with joined_release, whatever it gives. False if it is none
 * of the three tasks, joins no arrays of scalars, or one of their extents is not known or does not
 * fit the others (then the task fails when it runs). `refs` is how many refs the node has, without orders: of `dag`
 * only the tables are used, and of nodes only this one. Linear in the refs. */
bool joined_find(const struct dag *dag, uint32_t node, uint64_t refs, struct joined *joined);
void joined_release(struct joined *joined);

/* The extent along a dimension that the array in this place has. */
static inline int64_t joined_extent(const struct joined *joined, uint64_t array, unsigned dimension)
{
    if (dimension >= joined->grid_rank)
        return joined->extents[dimension];
    uint64_t at = dimension == 0 ? array / joined->grid[1] : array % joined->grid[1];
    return joined->begins[dimension][at + 1] - joined->begins[dimension][at];
}

#endif
