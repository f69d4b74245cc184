/*
 * The passes that make a plan, a file each (plan_*.c); plan_passes.c has their table. A pass fills
 * its part of the plan from the graph, the options and what earlier passes found; no pass calls
 * another. Each takes time linear in the graph, so that planning stays below a microsecond a task.
 */
#ifndef WKC_GRAPH_PLAN_PASS_H
#define WKC_GRAPH_PLAN_PASS_H

#include "graph/plan.h"
#include "graph/platform.h"

/* What passes share. All of it depends on the graph and the options alone. */
struct plan_work {
    struct plan *plan;
    const struct dag *dag;
    const struct plan_options *options;
    const struct platform *platform;
    uint64_t *costs;      /* by node, in ns on the platform */
    bool has_edges;       /* whether edges cost time: pass "bytes" */
    uint64_t *part_bytes; /* by part (sizes.h), where edges cost time */
    uint64_t *part_ns;    /* by part: what it takes to put it and get it; 0: it travels inline */
    uint64_t *slices;     /* put aside: the plan's, while clusters are made as if there were none */
    bool goes_back;       /* to the passes behind "slices" */
};

/* Runs the passes of the options' level. */
void plan_run_passes(struct plan *plan, const struct plan_options *options);

void plan_pass_costs(struct plan_work *work);
void plan_pass_slices(struct plan_work *work);
void plan_pass_apart(struct plan_work *work);
void plan_pass_bytes(struct plan_work *work);
void plan_pass_path(struct plan_work *work);
void plan_pass_dominant(struct plan_work *work);
void plan_pass_heaviest(struct plan_work *work);
void plan_pass_affinity(struct plan_work *work);
void plan_pass_waits(struct plan_work *work);

/* The bytes of all parts of a node's result, as far as they are read; pass "bytes" knows them. */
uint64_t plan_result_bytes(const struct plan_work *work, uint32_t node);

/* Passes say how many nodes, edges and the like they looked at. */
static inline void plan_count_steps(const struct plan_work *work, uint64_t steps)
{
    work->plan->steps += steps;
}

/* Whether the platform has executors that can lose anything by talking to each other. */
bool plan_has_executors(const struct plan_work *work);

/* Makes clusters of one node PLAN_NONE, and takes the table into the plan; without any cluster it
 * is freed. Clusters are named by nodes. */
void plan_set_clusters(struct plan_work *work, uint32_t *cluster);

static inline uint64_t plan_larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint64_t plan_add_ns(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* What it takes to hand a value, by a ref that is of a node, to a consumer in another executor: an
 * invocation when it is the only producer, an arrival at a join otherwise; through the store if it
 * is large. 0 when edges cost nothing. */
static inline uint64_t plan_ref_ns(const struct plan_work *work, uint32_t consumer, dag_ref ref)
{
    if (!work->has_edges)
        return 0;
    bool is_join = work->dag->nodes[consumer].producer_count > 1;
    uint64_t signal = is_join ? work->platform->round_trip_ns : work->platform->invoke_ns;
    const struct dag_view *view = &work->dag->views[dag_ref_view(ref)];
    bool is_little =
        view->is_unit || (view->source_rank > 0 && plan_reads_slice(work->plan, consumer, ref));
    return plan_add_ns(signal, is_little ? 0 : work->part_ns[dag_part(work->dag, ref)]);
}

#endif
