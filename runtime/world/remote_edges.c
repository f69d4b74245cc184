/* Edges by consumer; see remote_edges.h. */
#include "world/remote_edges.h"

#include <stdlib.h>

/* While they are made they can be written. */
struct tables {
    const struct dag *dag;
    uint64_t *first, *read_parts;
    struct remote_edge *edges;
};

/* The edge by which `node` reads `producer`. */
static struct remote_edge *find_edge(struct tables *tables, uint32_t producer, uint32_t node)
{
    uint64_t edge = dag_edge(tables->dag, producer, node);
    return &tables->edges[tables->first[node] + tables->dag->children[edge].bit];
}

static void note_part(struct tables *tables, uint32_t node, dag_ref ref)
{
    const struct dag_view *view = &tables->dag->views[dag_ref_view(ref)];
    uint32_t producer = dag_ref_source(ref);
    struct remote_edge *edge = find_edge(tables, producer, node);
    if (view->is_unit)
        return;
    if (view->part >= 64) {
        edge->all_parts = 1;
        tables->read_parts[producer] = UINT64_MAX;
        return;
    }
    edge->parts |= UINT64_C(1) << view->part;
    tables->read_parts[producer] |= UINT64_C(1) << view->part;
}

static void fill(struct tables *tables)
{
    const struct dag *dag = tables->dag;
    for (uint32_t n = 0; n + 1 < dag->node_count; n++)
        for (uint64_t c = dag->nodes[n].first_child; c < dag->nodes[n + 1].first_child; c++)
            tables->edges[tables->first[dag->children[c].node] + dag->children[c].bit].producer = n;
    for (uint32_t n = 0; n < dag->node_count; n++)
        for (uint64_t r = dag->nodes[n].first_ref; r < dag->nodes[n + 1].first_ref; r++)
            if (dag_ref_is_node(dag->refs[r]))
                note_part(tables, n, dag->refs[r]);
}

int remote_edges_make(struct remote_edges *edges, const struct dag *dag, struct error *error)
{
    struct tables tables = {.dag = dag};
    tables.first = calloc((size_t)dag->node_count + 1, sizeof *tables.first);
    for (uint32_t n = 0; tables.first && n < dag->node_count; n++)
        tables.first[n + 1] = tables.first[n] + dag->nodes[n].producer_count;
    uint64_t count = tables.first ? tables.first[dag->node_count] : 0;
    tables.edges = calloc(count + 1, sizeof *tables.edges);
    tables.read_parts = calloc((size_t)dag->node_count + 1, sizeof *tables.read_parts);
    *edges = (struct remote_edges){tables.first, tables.edges, tables.read_parts};
    if (!tables.first || !tables.edges || !tables.read_parts)
        return error_set(error, ERR_out_of_memory, "there is no memory for the tables of %u tasks",
                         dag->node_count);
    fill(&tables);
    return 0;
}

void remote_edges_release(struct remote_edges *edges)
{
    free((void *)(uintptr_t)edges->first);
    free((void *)(uintptr_t)edges->edges);
    free((void *)(uintptr_t)edges->read_parts);
    *edges = (struct remote_edges){0};
}
