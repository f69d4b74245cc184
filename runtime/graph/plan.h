/*
 * The plan: the DAG after the graph passes, with what executors need to decide without asking
 * anybody: for each node the child to *become*, and the join records of its fan-in. A function of
 * the DAG and the options alone, so that every executor computes the same.
 */
#ifndef WKC_GRAPH_PLAN_H
#define WKC_GRAPH_PLAN_H

#include "graph/dag.h"

struct costs;
struct platform;

#define PLAN_NONE 0xFFFFFFFFu
enum {
    PLAN_JOIN_WIDTH = 64,
    PLAN_SLICES = 32, /* references at most of a node that reads slices */
};

struct plan {
    const struct dag *dag;
    uint32_t *preferred;    /* by node: the child to become, or PLAN_NONE for the sink */
    uint32_t *first_record; /* by node, node_count + 1: a join (two or more producers) has
                               records in a row: ceil(producers / 64) for its edges, then one level
                               after the other of at most 64 edges each, the root last. One producer
                               or none: no record */
    uint32_t record_count;
    uint32_t *sources; /* nodes without producers, in order; the sink too, if it has none */
    uint32_t source_count;
    uint32_t *units; /* where in `sources` each unit begins, unit_count + 1: sources of one cluster,
                        which are started together. NULL: each is one by itself */
    uint32_t unit_count;
    uint32_t *cluster; /* by node: children of the same cluster run where their producer ran.
                          PLAN_NONE: in none. NULL: there are no clusters */
    uint32_t *waits; /* by node, in ms: a join of which some producers are of its cluster and others
                        are not: who holds what the former made waits about so long for the
                        others, and these leave it to him. PLAN_NONE: all are of its cluster, so
                        there are no others. 0: there is no such arrangement. NULL: none for any */
    uint64_t *slices; /* by edge (a place in dag->children), a bit: its consumer reads nothing of
                         the producer's value but slices of a few bytes, which travel inline,
                         however large the value is. NULL: there are no such edges */
    uint64_t steps;   /* nodes, edges and the like that passes looked at: what planning took */
    uint64_t *costs;  /* by node, in ns on the platform; NULL unless keeps_costs, or at -O0 */
    unsigned indexed_without; /* what plan_index_fan_outs was called with */
    struct plan_wide *wide;   /* its table, by node; NULL: it was not called */
    uint32_t wide_count;
    uint32_t *invoked; /* places among the children of a wide node of those that are invoked */
};

/* What a profile measured of one task: all of its nodes together. Texts are as in struct dag_task;
 * a trace that has only names leaves the others empty, and `formula_ns` 0. */
struct plan_measured {
    const char *task;
    const char *symbol, *members;
    const char *formula; /* of the kernel that was measured */
    double count;        /* of nodes */
    double ns;           /* what they took, at speed 1 */
    double formula_ns;   /* what they would take by that formula; 0: it had none */
};

/* What a plan depends on, beside the graph. It travels in a job's description. */
struct plan_options {
    const struct platform *platform; /* NULL: local */
    int level;                       /* -O */
    const char *disabled;            /* passes to leave out: names with commas between; or NULL */
    const struct plan_measured *measured;
    uint32_t measured_count;
    bool keeps_costs; /* for people: the plan is the same */
};

/*
 * The costs of a graph's nodes (cost.h): what a profile says of a task counts, whatever else is
 * known (spec/plan.md, Q2.3). Where the profile has the kernel, or tasks that it was made of, or
 * that were made of it, a node costs what its formula says, times what they took by what theirs
 * said: other lengths of chunks, and other extents, have their own costs. Options may be NULL.
 */
struct costs *plan_costs_new(const struct dag *dag, const struct plan_options *options);

/* The passes in their order; NULL behind the last. */
struct plan_pass {
    const char *name, *description;
    int level; /* the lowest -O that runs it */
};
const struct plan_pass *plan_pass_at(uint32_t index);
/* Whether a list of names with commas between has this one. */
bool plan_pass_is_listed(const char *list, const char *name);

/* Whether the options have a pass of this name run. */
bool plan_pass_is_run(const struct plan_options *options, const char *name);

/* Makes the plan. Without options there are no clusters, and what to become goes by @cost alone. */
int plan_make(struct plan *plan, const struct dag *dag, const struct plan_options *options,
              struct error *error);
void plan_release(struct plan *plan);

static inline bool plan_is_slice(const struct plan *plan, uint64_t edge)
{
    return plan->slices && (plan->slices[edge / 64] >> (edge % 64) & 1);
}

/* Whether the edge of a node's reference to another node is one. */
static inline bool plan_reads_slice(const struct plan *plan, uint32_t node, dag_ref ref)
{
    return plan->slices && plan_is_slice(plan, dag_edge(plan->dag, dag_ref_source(ref), node));
}

/* The text form, a line for each node: --emit=plan (spec/plan.md). */
void plan_print(const struct plan *plan, struct buffer *out);

/* Techniques that a job goes without. */
enum plan_without { PLAN_WITHOUT_BECOME = 1, PLAN_WITHOUT_CLUSTERS = 2 };

/*
 * What becomes of the children of a node that have no other producer: those of its cluster run
 * where it ran. Of the others the executor becomes one, if it has none of the cluster: the plan's
 * preferred child, or else the first. The rest are invoked. Their numbers in this list, in the
 * order of children, name the ranges of a wide fan-out: they depend on the plan alone, so that a
 * retry goes the same way.
 */
struct plan_fanout {
    uint32_t kept;          /* the child that the executor becomes, or PLAN_NONE */
    uint32_t invoked;       /* how many are invoked */
    bool has_cluster;       /* some children run here because of their cluster */
    const uint32_t *places; /* of those that are invoked among the children; NULL: count them */
};

struct plan_wide {
    uint32_t node, kept, invoked;
    bool has_cluster;
    uint64_t first; /* in plan->invoked */
};

struct plan_fanout plan_fan_out(const struct plan *plan, uint32_t node, unsigned without);

/* Makes units of the sources of each cluster, in the order of their first ones. */
void plan_group_sources(struct plan *plan);

/* The list of what is started first: units of sources. Its ranges are named by numbers of units. */
uint32_t plan_unit_count(const struct plan *plan, unsigned without);
/* Where a unit begins in plan->sources; that of number unit_count is behind the last. */
uint32_t plan_unit_begin(const struct plan *plan, uint32_t unit, unsigned without);

/* Who starts a job starts ranges of so many units each, one after the other: at most `ways`, and
 * none but the last with fewer than `grain`. */
uint32_t plan_first_step(uint32_t units, uint32_t ways, uint32_t grain);

/* Makes a table of the wide fan-outs (when the clusters are there), so that executors that start
 * with a range of one find its children at once. For plans that many executors share or use again
 * and again. */
void plan_index_fan_outs(struct plan *plan, unsigned without);

/* Whether a child is invoked, if this one is kept. */
bool plan_is_invoked(const struct plan *plan, uint32_t node, uint32_t child, uint32_t kept,
                     unsigned without);

/* Whether a node runs where its only producer ran, because of their cluster. */
bool plan_is_clustered(const struct plan *plan, uint32_t producer, uint32_t child,
                       unsigned without);

#endif
