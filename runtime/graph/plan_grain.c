/* The grain of a job; see plan_grain.h. */
#include "graph/plan_grain.h"

#include <stdlib.h>

#include "base/memory.h"

enum { PARTS = 8 }; /* for each executor */

/* The children of a fan-out, or the sources, so far. */
struct fan_out {
    uint64_t count, dearest; /* ns */
    bool is_guess;
};

static void add_node(struct fan_out *fan_out, struct costs *costs, uint32_t node)
{
    uint64_t cost = costs_of(costs, node);
    fan_out->count++;
    fan_out->dearest = cost > fan_out->dearest ? cost : fan_out->dearest;
    fan_out->is_guess |= costs_is_guess(costs, node);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t suits(const struct fan_out *fan_out, const struct grain_platform *platform)
{
    uint64_t count = fan_out->count, cost = fan_out->dearest + 1, start = platform->start_ns;
    uint64_t fill = count / platform->concurrency, grain = fill / PARTS;
    if (!fan_out->is_guess) {
        uint64_t worth = 2 * start / cost, pays = start / 2 / cost;
        grain = larger(grain, larger(worth < fill ? worth : fill, pays));
    }
    grain = larger(grain, platform->processors > 0 ? platform->processors : 1);
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
        if (plan->cluster[n] != PLAN_NONE)
            work[plan->cluster[n]] += costs_of(costs, n);
    for (uint32_t i = 0; i < plan->source_count; i++) {
        uint32_t cluster = plan->cluster[plan->sources[i]];
        if (cluster != PLAN_NONE)
            fan_out->dearest = larger(fan_out->dearest, work[cluster]);
    }
    fan_out->count = plan->unit_count;
    free(work);
}

uint32_t plan_choose_grain(const struct plan *plan, struct costs *costs,
                           const struct grain_platform *platform)
{
    struct fan_out sources = {0};
    for (uint32_t i = 0; i < plan->source_count; i++)
        add_node(&sources, costs, plan->sources[i]);
    if (plan->units)
        add_clusters(&sources, plan, costs);
    uint64_t grain = suits(&sources, platform);
    for (uint32_t n = 0; n < plan->dag->node_count; n++) {
        if (dag_child_count(plan->dag, n) <= platform->ways)
            continue;
        struct fan_out fan_out = children_of(plan, costs, n);
        uint64_t other = fan_out.count > platform->ways ? suits(&fan_out, platform) : grain;
        grain = other < grain ? other : grain;
    }
    return grain < UINT32_MAX ? (uint32_t)grain : UINT32_MAX;
}
