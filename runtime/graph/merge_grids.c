/*
 * Grids of grids. When untile joins arrays that untile or concat joined themselves, and nothing
 * else reads those, their arrays take their places, so that they are copied once: if the grids have
 * the same rows side by side and the same columns one below the other, for then they are one grid.
 * An array that is no join is a grid of one.
 *
 * As merging joins (merge_joins.c) it happens before nodes that nobody needs are dropped. Inner
 * joins come before outer ones, which then find one grid in each; a step is linear in the arrays.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vector.h"
#include "graph/builder.h"
#include "graph/joined.h"
#include "graph/mutant.h"

enum {
    FEW_ARRAYS = 16,         /* as merge_joins.c has them */
    LARGE_ARRAYS = 16 << 10, /* bytes */
};

struct grids {
    struct dag_builder *builder;
    struct dag dag; /* its tables, as they are by now */
    uint8_t *joins; /* enum dag_join, by task */
    uint8_t *reads; /* by node: how many refs show it, of what the sink needs; 2: more */
    uint64_t *ends; /* by node: behind its refs, which no longer stand in the order of the nodes */
};

/* An outer join, and what stands in its places: grids of one where `inner` has rank 0. */
struct outer {
    uint32_t node;
    struct joined joined;
    struct joined *inner;
    uint32_t *nodes; /* those of the inner joins */
};

static enum dag_join join_of(const struct grids *g, uint32_t node)
{
    return g->joins[g->dag.nodes[node].task];
}

static uint64_t ref_count(const struct grids *g, uint32_t node)
{
    return g->ends[node] - g->dag.nodes[node].first_ref;
}

/* ---- What reads what ------------------------------------------------------------------------ */

static bool find_joining_tasks(struct grids *g)
{
    bool any = false;
    g->joins = memory_new(g->dag.task_count, sizeof *g->joins);
    for (uint32_t t = 0; t < g->dag.task_count; t++) {
        g->joins[t] = (uint8_t)dag_join_of(dag_string(&g->dag, g->dag.tasks[t].symbol));
        any |= g->joins[t] == DAG_JOIN_UNTILE;
    }
    return any;
}

/* The join that a ref shows all of, if nothing else needs it; else UINT32_MAX. */
static uint32_t inner_of(const struct grids *g, dag_ref ref)
{
    const struct dag_view *view = &g->dag.views[dag_ref_view(ref)];
    if (!dag_ref_is_node(ref) || view->source_rank != 0 || view->part != 0)
        return UINT32_MAX;
    uint32_t node = dag_ref_source(ref);
    enum dag_join join = join_of(g, node);
    bool joins_matrices = (join == DAG_JOIN_UNTILE || join == DAG_JOIN_CONCAT) && view->rank == 2;
    return joins_matrices && g->reads[node] == 1 ? node : UINT32_MAX;
}

static bool has_inner(const struct grids *g, uint32_t node)
{
    for (uint64_t r = g->dag.nodes[node].first_ref; r < g->ends[node]; r++)
        if (inner_of(g, g->dag.refs[r]) != UINT32_MAX)
            return true;
    return false;
}

/* Readers are younger than what they read. */
static void count_reads(struct grids *g)
{
    g->reads[dag_sink(&g->dag)] = 1;
    for (uint32_t node = g->dag.node_count; node-- > 0;)
        for (uint64_t r = g->dag.nodes[node].first_ref; g->reads[node] && r < g->ends[node]; r++)
            if (dag_ref_is_node(g->dag.refs[r])) {
                uint8_t *reads = &g->reads[dag_ref_source(g->dag.refs[r])];
                *reads = *reads == 2 ? 2 : *reads + 1;
            }
}

/* ---- Whether grids are one ------------------------------------------------------------------ */

static uint64_t rows_of(const struct outer *o, uint64_t place, unsigned dimension)
{
    return o->inner[place].rank ? o->inner[place].grid[dimension] : 1;
}

/* Whether two that stand in one row or column of the outer grid are divided alike along it. */
static bool same_borders(const struct outer *o, uint64_t a, uint64_t b, unsigned dimension)
{
    uint64_t count = rows_of(o, a, dimension);
    if (count != rows_of(o, b, dimension))
        return false;
    const struct joined *first = &o->inner[a], *second = &o->inner[b];
    /* Of one row or column both are as long as the outer grid's. */
    return count == 1 || (dimension >= first->grid_rank && dimension >= second->grid_rank) ||
           memcmp(first->begins[dimension], second->begins[dimension],
                  (count + 1) * sizeof *first->begins[dimension]) == 0;
}

static bool is_one_grid(const struct outer *o)
{
    uint64_t columns = o->joined.grid[1];
    for (uint64_t place = 0; place < o->joined.grid[0] * columns; place++)
        if (!same_borders(o, place, place - place % columns, 0) ||
            !same_borders(o, place, place % columns, 1))
            return false;
    return true;
}

static bool is_worth_merging(const struct grids *g, uint32_t node)
{
    uint64_t count = ref_count(g, node), bytes = 0;
    if (count <= FEW_ARRAYS)
        return true;
    for (uint64_t r = g->dag.nodes[node].first_ref; r < g->ends[node]; r++)
        bytes += dag_ref_bytes(&g->dag, g->dag.refs[r]);
    return bytes / count >= LARGE_ARRAYS;
}

/* Finds out what stands in the places of an outer join; whether all of it is known and is one grid.
 */
static bool find_outer(const struct grids *g, struct outer *o)
{
    if (!joined_find(&g->dag, o->node, ref_count(g, o->node), &o->joined) || o->joined.rank != 2)
        return false;
    uint64_t places = o->joined.grid[0] * o->joined.grid[1];
    o->inner = memory_new(places, sizeof *o->inner);
    o->nodes = memory_new(places, sizeof *o->nodes);
    for (uint64_t place = 0; place < places; place++) {
        uint32_t inner = inner_of(g, g->dag.refs[o->joined.first_ref + place]);
        o->nodes[place] = inner;
        if (inner != UINT32_MAX &&
            (!is_worth_merging(g, inner) ||
             !joined_find(&g->dag, inner, ref_count(g, inner), &o->inner[place])))
            return false;
    }
    return is_one_grid(o);
}

static void outer_release(struct outer *o)
{
    uint64_t places = o->joined.grid[0] * o->joined.grid[1];
    for (uint64_t place = 0; o->inner && place < places; place++)
        joined_release(&o->inner[place]);
    joined_release(&o->joined);
    free(o->inner);
    free(o->nodes);
}

/* ---- Making them one ------------------------------------------------------------------------ */

/* The refs of one row of what stands in a place. */
static void put_row(struct grids *g, const struct outer *o, uint64_t place, uint64_t row)
{
    uint64_t columns = rows_of(o, place, 1);
    uint64_t from = o->joined.first_ref + place;
    if (o->nodes[place] != UINT32_MAX)
        from = g->dag.nodes[o->nodes[place]].first_ref + row * columns;
    for (uint64_t i = 0; i < columns; i++) {
        dag_ref ref = g->builder->refs.items[from + i];
        vector_push(&g->builder->refs, ref);
    }
}

/* The new grid's refs stand behind all others until put_in_order. */
static void merge(struct grids *g, const struct outer *o)
{
    struct dag_node *node = &g->builder->nodes.items[o->node];
    uint64_t begin = g->builder->refs.count, places = o->joined.grid[1], rows = 0, columns = 0;
    for (uint64_t i = 0; i < o->joined.grid[0]; i++) {
        uint64_t count = rows_of(o, i * places, 0);
        for (uint64_t row = 0; row < count; row++)
            for (uint64_t j = 0; j < places; j++)
                put_row(g, o, i * places + j, GRAPH_MUTANT(GRID_ROWS) ? count - 1 - row : row);
        rows += count;
    }
    for (uint64_t j = 0; j < places; j++)
        columns += rows_of(o, j, 1);
    node->first_ref = begin;
    g->ends[o->node] = g->builder->refs.count;
    g->builder->words.items[node->first_word] = rows;
    g->builder->words.items[node->first_word + 1] = columns;
    for (uint64_t place = 0; place < o->joined.grid[0] * places; place++)
        if (o->nodes[place] != UINT32_MAX)
            g->reads[o->nodes[place]] = 0;
    g->dag.refs = g->builder->refs.items;
}

/* Refs in the order of their nodes again; what was merged has none, and nobody reads it. */
static void put_in_order(struct grids *g, const bool *merged)
{
    struct dag_builder *b = g->builder;
    VECTOR(dag_ref) refs = {0};
    for (uint32_t node = 0; node < g->dag.node_count; node++) {
        struct dag_node *at = &b->nodes.items[node];
        uint64_t begin = refs.count;
        for (uint64_t r = at->first_ref; !merged[node] && r < g->ends[node]; r++)
            vector_push(&refs, b->refs.items[r]);
        at->first_ref = begin;
        for (uint64_t w = at->first_word; merged[node] && w < at[1].first_word; w++)
            b->words.items[w] = w != at->first_word;
    }
    b->nodes.items[g->dag.node_count].first_ref = refs.count;
    free(b->refs.items);
    b->refs.items = refs.items;
    b->refs.count = refs.count;
    b->refs.capacity = refs.capacity;
}

/* Whether the join at a node is one grid with the joins that it reads, and was made one. */
static bool merge_at(struct grids *g, uint32_t node, bool *merged)
{
    struct outer o = {.node = node};
    bool merges = find_outer(g, &o);
    if (merges) {
        for (uint64_t place = 0; place < o.joined.grid[0] * o.joined.grid[1]; place++)
            if (o.nodes[place] != UINT32_MAX)
                merged[o.nodes[place]] = true;
        merge(g, &o);
    }
    outer_release(&o);
    return merges;
}

static void merge_all(struct grids *g)
{
    bool any = false, *merged = memory_new(g->dag.node_count + 1, sizeof *merged);
    g->reads = memory_new(g->dag.node_count + 1, sizeof *g->reads);
    g->ends = memory_new(g->dag.node_count + 1, sizeof *g->ends);
    for (uint32_t node = 0; node < g->dag.node_count; node++)
        g->ends[node] = g->dag.nodes[node + 1].first_ref;
    count_reads(g);
    for (uint32_t node = 0; node < g->dag.node_count; node++)
        if (g->reads[node] && join_of(g, node) == DAG_JOIN_UNTILE && has_inner(g, node))
            any |= merge_at(g, node, merged);
    if (any)
        put_in_order(g, merged);
    free(g->ends);
    free(g->reads);
    free(merged);
}

void dag_merge_grids(struct dag_builder *b)
{
    struct dag_node sentinel = {.first_ref = b->refs.count, .first_word = b->words.count};
    vector_push(&b->nodes, sentinel);
    struct grids g = {.builder = b, .dag = dag_so_far(b)};
    g.dag.node_count = (uint32_t)b->nodes.count - 1;
    g.dag.task_count = (uint32_t)b->tasks.count;
    if (find_joining_tasks(&g))
        merge_all(&g);
    free(g.joins);
    b->nodes.count--;
}
