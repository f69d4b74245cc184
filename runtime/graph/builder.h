/*
 * The builder's tables: private to building a DAG (builder.c, finish.c).
 *
 * The large tables (nodes, refs, words) are built in their final form in blocks that realloc grows
 * by remapping pages, so that a large DAG is never held twice.
 */
#ifndef WKC_GRAPH_BUILDER_H
#define WKC_GRAPH_BUILDER_H

#include "base/vector.h"
#include "graph/dag.h"

/* An open hash table from contents to numbers in another table. A slot holds the upper half of the
 * content's hash and the number + 1; 0 is an empty slot. */
struct content_index {
    uint64_t *slots;
    uint32_t count, capacity;
};

/* Nodes of one task that may have equals, by their refs and words. */
struct dag_shared {
    struct content_index index;
};

struct dag_builder {
    VECTOR(struct dag_node) nodes;
    VECTOR(dag_ref) refs;
    VECTOR(uint64_t) words;
    size_t first_ref, first_word; /* where those of the next node begin */
    VECTOR(uint32_t) patterns;    /* pattern p's codes end where those of p + 1 begin */
    VECTOR(uint32_t) pattern_codes;
    VECTOR(struct dag_view) views;
    VECTOR(int64_t) view_words;
    VECTOR(struct dag_constant) constants;
    VECTOR(struct dag_input) inputs;
    VECTOR(struct dag_task) tasks;
    VECTOR(struct dag_site) sites;
    VECTOR(struct dag_scope) scopes;
    VECTOR(char) strings;
    char *data; /* of constants; WK_ALIGN-aligned */
    size_t data_bytes, data_capacity;
    struct content_index string_index, site_index, view_index, pattern_index, constant_index;
};

/* Whether one of the nodes has this pattern, and the refs and words that were just appended: it,
 * and they are dropped. Otherwise the node that is added next is one of them. `misses` counts how
 * often in a row who asks got none, from 0; after 65,536 nothing is found or added for him any
 * more. */
bool dag_find_shared(struct dag_builder *builder, struct dag_shared *shared, uint32_t *misses,
                     uint32_t pattern, uint32_t *node);
void dag_shared_release(struct dag_shared *shared);

/* Where concat or flatten joins what is joined itself, and read by nothing else, takes the inner
 * arrays instead (merge_joins.c). The sink is the last node. */
void dag_merge_joins(struct dag_builder *builder);
/* The same of untile, where the grids that it joins are one grid (merge_grids.c). */
void dag_merge_grids(struct dag_builder *builder);

/* Where main's result is joined from large arrays, gives them to the sink itself (open_result.c).
 */
void dag_open_result(struct dag_builder *builder);

/* The tables, until they move: those of a graph without children and counts of anything. */
static inline struct dag dag_so_far(const struct dag_builder *b)
{
    return (struct dag){.nodes = b->nodes.items,
                        .refs = b->refs.items,
                        .words = b->words.items,
                        .patterns = b->patterns.items,
                        .pattern_codes = b->pattern_codes.items,
                        .views = b->views.items,
                        .view_words = b->view_words.items,
                        .tasks = b->tasks.items,
                        .strings = b->strings.items};
}

/* Sets first_child and producer_count of all nodes (the sentinel's first_child too, all 0 before),
 * and gives the children's table. */
struct dag_child *dag_make_children(struct dag_node *nodes, const dag_ref *refs, size_t node_count);

#endif
