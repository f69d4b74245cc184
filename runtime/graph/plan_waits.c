/*
 * Pass "waits": how long who holds a part of a join of its cluster waits for the rest.
 *
 * Whoever arrives last at a join runs it. Where the plan says who that is to be, because some
 * producers are of the join's cluster, he had better wait, as the others need not; but only for
 * about as long as the plan reckons, since anybody may be lost. So nodes are run in thought, those
 * of a cluster one after the other.
 */
#include "graph/plan_pass.h"

#include <stdlib.h>

#include "base/memory.h"

enum { MS = 1000000 };

struct waits {
    const struct plan_work *work;
    const struct plan *plan;
    uint64_t *ends;    /* by node: when it has run */
    uint64_t *free_at; /* by cluster */
};

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What a join waits for. */
struct arrivals {
    uint64_t first_here; /* when the first producer of its cluster had run */
    uint64_t last;       /* when the last value can be had, from wherever */
    bool has_here, has_others;
};

static bool is_together(const struct plan *plan, uint32_t a, uint32_t b)
{
    return plan->cluster[a] != PLAN_NONE && plan->cluster[a] == plan->cluster[b];
}

static struct arrivals look_at_producers(const struct waits *w, uint32_t node)
{
    const struct dag *dag = w->work->dag;
    struct arrivals arrivals = {.first_here = UINT64_MAX};
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        uint32_t producer = dag_ref_source(dag->refs[r]);
        if (!dag_ref_is_node(dag->refs[r]))
            continue;
        uint64_t end = w->ends[producer];
        if (is_together(w->plan, producer, node)) {
            arrivals.has_here = true;
            arrivals.first_here = end < arrivals.first_here ? end : arrivals.first_here;
        } else {
            arrivals.has_others = true;
            end = plan_add_ns(end, plan_ref_ns(w->work, node, dag->refs[r]));
        }
        arrivals.last = larger(arrivals.last, end);
    }
    plan_count_steps(w->work, dag_ref_count(dag, node) + 1);
    return arrivals;
}

static void run_node(struct waits *w, uint32_t node)
{
    struct arrivals arrivals = look_at_producers(w, node);
    uint32_t cluster = w->plan->cluster[node];
    uint64_t start = arrivals.last;
    if (cluster != PLAN_NONE)
        start = larger(start, w->free_at[cluster]);
    w->ends[node] = plan_add_ns(start, w->work->costs[node]);
    if (cluster != PLAN_NONE)
        w->free_at[cluster] = plan_add_ns(start, w->work->costs[node] / w->work->platform->vcpus);
    if (!arrivals.has_here)
        return;
    if (!arrivals.has_others) {
        w->plan->waits[node] = PLAN_NONE;
        return;
    }
    uint64_t skew = 2 * (w->work->platform->invoke_ns + w->work->platform->cold_start_ns);
    uint64_t ms = plan_add_ns(start - arrivals.first_here, skew) / MS + 1;
    w->plan->waits[node] = ms < PLAN_NONE ? (uint32_t)ms : PLAN_NONE - 1;
}

static uint32_t count_clusters(const struct plan *plan)
{
    uint32_t clusters = 0;
    for (uint32_t n = 0; n < plan->dag->node_count; n++)
        clusters += plan->cluster[n] == n;
    return clusters;
}

/* Whoever waits keeps others from starting, where there are more clusters than executors: then
 * nobody waits. */
void plan_pass_waits(struct plan_work *work)
{
    uint32_t count = work->dag->node_count;
    if (!work->plan->cluster || count_clusters(work->plan) > work->platform->concurrency)
        return;
    work->plan->waits = memory_new(count, sizeof *work->plan->waits);
    struct waits w = {.work = work,
                      .plan = work->plan,
                      .ends = memory_new(count, sizeof *w.ends),
                      .free_at = memory_new(count, sizeof *w.free_at)};
    for (uint32_t n = 0; n + 1 < count; n++)
        run_node(&w, n);
    free(w.ends);
    free(w.free_at);
}
