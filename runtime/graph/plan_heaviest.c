/*
 * Pass "heaviest": clusters along the dearest edges, the simple alternative to "dominant".
 *
 * Edges are taken by what they cost, the dearest first (in classes of a quarter of a power of two,
 * so that sorting is linear). A node follows the first of its producers that takes it, and leads
 * the first of its children, at no price: they had to wait for each other anyway. Beyond that the
 * clusters of both ends become one if all that is then run one after the other without need, the
 * work of the lesser cluster and what both have so far, costs no more than the edge.
 *
 * Source: edge zeroing, Sarkar, "Partitioning and Scheduling Parallel Programs for
 * Multiprocessors" (1989), without its estimate of the whole time after each step.
 */
#include "graph/plan_pass.h"

#include <stdlib.h>

#include "base/memory.h"

enum { CLASSES = 64 * 4 };

struct edge {
    uint32_t producer, consumer;
    uint64_t ns;
};

struct heaviest {
    const struct plan_work *work;
    uint32_t *parent; /* of union-find */
    uint64_t *load;   /* by root: all costs */
    uint64_t *bytes;  /* by root: of all results */
    uint64_t *wasted; /* by root: of them what could have run at the same time */
    uint8_t *ends;    /* by node: HAS_FOLLOWER, HAS_LEADER */
};

/* The exponent and two bits of the fraction. */
static uint32_t class_of(uint64_t ns)
{
    if (ns < 4)
        return (uint32_t)ns;
    uint32_t exponent = 63 - (uint32_t)__builtin_clzll(ns);
    return exponent * 4 + (uint32_t)(ns >> (exponent - 2) & 3);
}

/* The edge of a ref, if it is of a node. */
static bool edge_at(const struct plan_work *work, uint32_t consumer, uint64_t r, struct edge *edge)
{
    dag_ref ref = work->dag->refs[r];
    if (!dag_ref_is_node(ref))
        return false;
    *edge = (struct edge){dag_ref_source(ref), consumer, plan_ref_ns(work, consumer, ref)};
    return true;
}

static struct edge *sort_edges(const struct plan_work *work, uint64_t *count)
{
    const struct dag *dag = work->dag;
    uint64_t begins[CLASSES + 1] = {0};
    struct edge edge;
    *count = 0;
    for (uint32_t n = 0; n < dag->node_count; n++)
        for (uint64_t r = dag->nodes[n].first_ref; r < dag->nodes[n + 1].first_ref; r++)
            if (edge_at(work, n, r, &edge)) {
                begins[CLASSES - class_of(edge.ns)]++;
                ++*count;
            }
    for (int c = 1; c <= CLASSES; c++)
        begins[c] += begins[c - 1];
    struct edge *edges = memory_resize(NULL, *count + 1, sizeof *edges);
    for (uint32_t n = 0; n < dag->node_count; n++)
        for (uint64_t r = dag->nodes[n].first_ref; r < dag->nodes[n + 1].first_ref; r++)
            if (edge_at(work, n, r, &edge))
                edges[begins[CLASSES - class_of(edge.ns) - 1]++] = edge;
    return edges;
}

enum { HAS_FOLLOWER = 1, HAS_LEADER = 2 };

static uint32_t root_of(struct heaviest *h, uint32_t node)
{
    while (h->parent[node] != node) {
        h->parent[node] = h->parent[h->parent[node]];
        node = h->parent[node];
    }
    return node;
}

static void merge(struct heaviest *h, const struct edge *edge)
{
    uint32_t a = root_of(h, edge->producer), b = root_of(h, edge->consumer);
    const struct platform *platform = h->work->platform;
    uint64_t load = plan_add_ns(h->load[a], h->load[b]);
    uint64_t lesser = h->load[a] < h->load[b] ? h->load[a] : h->load[b];
    bool is_next =
        !(h->ends[edge->producer] & HAS_FOLLOWER) && !(h->ends[edge->consumer] & HAS_LEADER);
    uint64_t wasted = plan_add_ns(h->wasted[a], h->wasted[b]);
    wasted = is_next ? wasted : plan_add_ns(wasted, lesser);
    uint64_t bytes = plan_add_ns(h->bytes[a], h->bytes[b]);
    bool has_time = platform->limit_ns == 0 || load < platform->limit_ns / 2;
    bool has_memory = platform->memory_bytes == 0 || bytes < platform->memory_bytes / 2;
    if (a == b || !has_time || !has_memory || wasted / platform->vcpus > edge->ns)
        return;
    uint32_t root = a < b ? a : b;
    h->parent[a] = h->parent[b] = root;
    h->load[root] = load;
    h->bytes[root] = bytes;
    h->wasted[root] = wasted;
    h->ends[edge->producer] |= HAS_FOLLOWER;
    h->ends[edge->consumer] |= HAS_LEADER;
}

void plan_pass_heaviest(struct plan_work *work)
{
    if (work->plan->cluster || !plan_has_executors(work) || !work->costs || !work->has_edges ||
        !plan_pass_is_listed(work->options->disabled, "dominant"))
        return;
    uint32_t nodes = work->dag->node_count;
    uint64_t count;
    struct edge *edges = sort_edges(work, &count);
    struct heaviest h = {.work = work,
                         .parent = memory_resize(NULL, nodes, sizeof *h.parent),
                         .load = memory_resize(NULL, nodes, sizeof *h.load),
                         .bytes = memory_resize(NULL, nodes, sizeof *h.bytes),
                         .wasted = memory_new(nodes, sizeof *h.wasted),
                         .ends = memory_new(nodes, sizeof *h.ends)};
    for (uint32_t i = 0; i < nodes; i++) {
        h.parent[i] = i;
        h.load[i] = work->costs[i];
        h.bytes[i] = plan_result_bytes(work, i);
    }
    for (uint64_t e = 0; e < count; e++)
        merge(&h, &edges[e]);
    plan_count_steps(work, 3 * count);
    for (uint32_t i = 0; i < nodes; i++)
        h.parent[i] = root_of(&h, i);
    free(edges);
    free(h.load);
    free(h.bytes);
    free(h.wasted);
    free(h.ends);
    plan_set_clusters(work, h.parent);
}
