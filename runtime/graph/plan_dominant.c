/*
 * Pass "dominant": clusters by dominant sequences.
 *
 * Nodes are looked at in topological order. A node waits longest for one of its producers, by when
 * that ends and what its value takes to travel; it joins that producer's cluster if it can start
 * there no later than in an executor of its own: there nothing travels, but one after the other is
 * run. The child on the longest path has the first claim to the time behind its producer.
 *
 * Source: Yang and Gerasoulis, "DSC: Scheduling Parallel Tasks on an Unbounded Number of
 * Processors", IEEE TPDS 5 (1994), with the order of the graph in place of a queue by priorities,
 * which makes it linear; and with limits of a cluster's time and memory.
 */
#include "graph/plan_pass.h"

#include <stdlib.h>

#include "base/memory.h"
#include "graph/sizes.h"

struct cluster_state {
    uint64_t free_at; /* when it has run all that it has */
    uint64_t work;    /* all costs */
    uint64_t bytes;   /* of all results */
};

struct dominant {
    const struct plan_work *work;
    uint64_t *ends;               /* by node: when it has run */
    uint32_t *cluster;            /* by node: named by its first member */
    struct cluster_state *states; /* by cluster's name */
};

/* The producer that a node waits for longest. */
static dag_ref find_dominant(const struct dominant *d, uint32_t node, uint64_t *arrival)
{
    const struct dag *dag = d->work->dag;
    dag_ref dominant = 0;
    *arrival = 0;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        dag_ref ref = dag->refs[r];
        if (!dag_ref_is_node(ref))
            continue;
        uint64_t at = plan_add_ns(d->ends[dag_ref_source(ref)], plan_ref_ns(d->work, node, ref));
        if (at >= *arrival) {
            *arrival = at;
            dominant = ref;
        }
    }
    plan_count_steps(d->work, dag_ref_count(dag, node) + 1);
    return dominant;
}

/* When a node could start in a cluster: all that comes from elsewhere travels. */
static uint64_t start_within(const struct dominant *d, uint32_t node, uint32_t cluster)
{
    const struct dag *dag = d->work->dag;
    uint64_t start = d->states[cluster].free_at;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        dag_ref ref = dag->refs[r];
        if (!dag_ref_is_node(ref))
            continue;
        uint32_t producer = dag_ref_source(ref);
        bool is_here = d->cluster[producer] == cluster;
        uint64_t at = plan_add_ns(d->ends[producer], is_here ? 0 : plan_ref_ns(d->work, node, ref));
        start = at > start ? at : start;
    }
    plan_count_steps(d->work, dag_ref_count(dag, node));
    return start;
}

/* The child of the longest path goes first, where it has not got its place yet. */
static uint64_t claimed(const struct dominant *d, uint32_t producer, uint32_t node)
{
    uint32_t preferred = d->work->plan->preferred[producer];
    bool is_due = preferred != PLAN_NONE && preferred > node &&
                  d->work->dag->nodes[preferred].producer_count == 1;
    return is_due ? d->work->costs[preferred] / d->work->platform->vcpus : 0;
}

static uint64_t result_bytes(const struct dominant *d, uint32_t node)
{
    uint64_t bytes = d->work->dag->tasks[d->work->dag->nodes[node].task].memory_bytes;
    return bytes ? bytes : plan_result_bytes(d->work, node);
}

/* Half of an executor's memory and of its time are for what estimates leave out. */
static bool fits(const struct dominant *d, uint32_t node, const struct cluster_state *state)
{
    const struct platform *platform = d->work->platform;
    bool has_memory = platform->memory_bytes == 0 ||
                      plan_add_ns(state->bytes, result_bytes(d, node)) < platform->memory_bytes / 2;
    bool has_time = platform->limit_ns == 0 ||
                    plan_add_ns(state->work, d->work->costs[node]) < platform->limit_ns / 2;
    return has_memory && has_time;
}

static void place(struct dominant *d, uint32_t node, uint32_t cluster, uint64_t start)
{
    struct cluster_state *state = &d->states[cluster];
    uint64_t cost = d->work->costs[node], from = start > state->free_at ? start : state->free_at;
    d->cluster[node] = cluster;
    d->ends[node] = plan_add_ns(start, cost);
    state->free_at = plan_add_ns(from, cost / d->work->platform->vcpus);
    state->work = plan_add_ns(state->work, cost);
    state->bytes = plan_add_ns(state->bytes, result_bytes(d, node));
}

static void place_node(struct dominant *d, uint32_t node)
{
    uint64_t arrival;
    if (d->work->dag->nodes[node].producer_count == 0) {
        place(d, node, node, 0);
        return;
    }
    uint32_t producer = dag_ref_source(find_dominant(d, node, &arrival));
    uint32_t cluster = d->cluster[producer];
    uint64_t start = start_within(d, node, cluster);
    bool joins = plan_add_ns(start, claimed(d, producer, node)) <= arrival &&
                 fits(d, node, &d->states[cluster]);
    place(d, node, joins ? cluster : node, joins ? start : arrival);
}

void plan_pass_dominant(struct plan_work *work)
{
    if (!plan_has_executors(work) || !work->costs || !work->has_edges)
        return;
    uint32_t count = work->dag->node_count;
    struct dominant d = {.work = work,
                         .ends = memory_table(count, sizeof *d.ends),
                         .cluster = memory_table(count, sizeof *d.cluster),
                         .states = memory_new(count, sizeof *d.states)};
    for (uint32_t i = 0; i < count; i++)
        place_node(&d, i);
    free(d.ends);
    free(d.states);
    plan_set_clusters(work, d.cluster);
}
