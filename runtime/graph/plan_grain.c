/* The grain of a job; see plan_grain.h. */
#include "graph/plan_grain.h"

#include <stdlib.h>

#include "base/memory.h"
#include "graph/platform.h"

enum { PARTS = 8 }; /* for each executor */

/* The children of a fan-out, or the sources, so far. */
struct fan_out {
    uint64_t count, dearest, work; /* ns */
    bool is_guess;
};

static void add_node(struct fan_out *fan_out, struct costs *costs, uint32_t node)
{
    uint64_t cost = costs_of(costs, node);
    fan_out->count++;
    fan_out->dearest = cost > fan_out->dearest ? cost : fan_out->dearest;
    fan_out->work += cost;
    fan_out->is_guess |= costs_is_guess(costs, node);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What so many executors with equal parts take for the work, once they have started: those beyond
 * the processors that there are run when others have ended. */
static uint64_t work_of_all(const struct fan_out *fan_out, const struct platform *platform,
                            uint64_t executors)
{
    uint64_t all = (uint64_t)platform->concurrency * platform->vcpus;
    uint64_t processors = executors * platform->vcpus;
    all = platform->cores > 0 && platform->cores < all ? platform->cores : all;
    return fan_out->work / processors * ((processors + all - 1) / all);
}

/* The least grain with which no executors start that are a level of invocations further away than
 * pays. */
static uint64_t grain_by_levels(const struct fan_out *fan_out, const struct platform *platform,
                                uint64_t grain, uint64_t ways)
{
    uint64_t executors = fan_out->count / grain, reached = ways;
    while (reached < executors) {
        uint64_t further = reached * (ways + 1) < executors ? reached * (ways + 1) : executors;
        if (work_of_all(fan_out, platform, reached) <
            work_of_all(fan_out, platform, further) + platform->invoke_ns)
            return (fan_out->count + reached - 1) / reached;
        reached = further;
    }
    return grain;
}

static uint64_t suits(const struct fan_out *fan_out, const struct platform *platform, uint64_t ways)
{
    uint64_t count = fan_out->count, cost = fan_out->dearest + 1, start = platform->invoke_ns;
    uint64_t fill = count / platform->concurrency, grain = larger(fill / PARTS, platform->vcpus);
    if (!fan_out->is_guess) {
        uint64_t worth = 2 * start / cost, pays = start / 2 / cost;
        grain = larger(grain, larger(worth < fill ? worth : fill, pays));
        grain = grain_by_levels(fan_out, platform, grain, ways);
    }
    return grain > count && count > 0 ? count : grain;
}

static struct fan_out children_of(const struct plan *plan, struct costs *costs, uint32_t node)
{
    const struct dag *dag = plan->dag;
    struct fan_out fan_out = {0};
    for (uint64_t c = dag->nodes[node].first_child; c < dag->nodes[node + 1].first_child; c++)
        if (dag->nodes[dag->children[c].node].producer_count == 1)
            add_node(&fan_out, costs, dag->children[c].node);
    return fan_out;
}

/* What all of a cluster costs that has sources: they are a unit. */
static void add_clusters(struct fan_out *fan_out, const struct plan *plan, struct costs *costs)
{
    uint32_t count = plan->dag->node_count;
    uint64_t *work = memory_new(count, sizeof *work);
    for (uint32_t n = 0; n < count; n++)
        if (plan->cluster[n] != PLAN_NONE) {
            work[plan->cluster[n]] += costs_of(costs, n);
            fan_out->work += plan->dag->nodes[n].producer_count > 0 ? costs_of(costs, n) : 0;
        }
    for (uint32_t i = 0; i < plan->source_count; i++) {
        uint32_t cluster = plan->cluster[plan->sources[i]];
        if (cluster != PLAN_NONE)
            fan_out->dearest = larger(fan_out->dearest, work[cluster]);
    }
    fan_out->count = plan->unit_count;
    free(work);
}

uint32_t plan_choose_grain(const struct plan *plan, struct costs *costs,
                           const struct platform *platform, uint32_t ways)
{
    struct fan_out sources = {0};
    for (uint32_t i = 0; i < plan->source_count; i++)
        add_node(&sources, costs, plan->sources[i]);
    if (plan->units)
        add_clusters(&sources, plan, costs);
    uint64_t grain = suits(&sources, platform, ways);
    for (uint32_t n = 0; n < plan->dag->node_count; n++) {
        if (dag_child_count(plan->dag, n) <= ways)
            continue;
        struct fan_out fan_out = children_of(plan, costs, n);
        uint64_t other = fan_out.count > ways ? suits(&fan_out, platform, ways) : grain;
        grain = other < grain ? other : grain;
    }
    return grain < UINT32_MAX ? (uint32_t)grain : UINT32_MAX;
}
