/*
 * The shortest time that a graph and a platform allow, whatever the executors do: its critical
 * path, with one invocation for each level of fan-out and one round trip for each fan-in on it, but
 * not less than all its work takes on as many processors as there may be. Bytes take no time.
 *
 * Executors that run several neighbours of a fan-out one after the other (clusters, grain) can do
 * with fewer invocations and round trips than that.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "world/sim_time.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Of the children that have no other producer one goes on where the node ran: the one with the
 * longest way to go; so do those of the node's cluster. The others are invoked. A join is arrived
 * at. */
static uint64_t longest_way(const struct sim *sim, const uint64_t *ways, uint32_t node)
{
    const struct dag *dag = sim->dag;
    const struct platform *platform = sim->time->platform;
    uint64_t longest = 0, kept = 0, invoked = 0;
    for (uint64_t c = dag->nodes[node].first_child; c < dag->nodes[node + 1].first_child; c++) {
        uint32_t child = dag->children[c].node;
        uint64_t way = ways[child];
        if (dag->nodes[child].producer_count > 1) {
            longest = larger(longest, way + platform->round_trip_ns);
        } else if (plan_is_clustered(sim->plan, node, child, 0)) {
            longest = larger(longest, way);
        } else {
            invoked = larger(invoked, way < kept ? way : kept);
            kept = larger(kept, way);
        }
    }
    longest = larger(longest, kept);
    return invoked > 0 ? larger(longest, invoked + platform->invoke_ns) : longest;
}

static uint64_t bound_path(const struct sim *sim)
{
    const struct dag *dag = sim->dag;
    const struct platform *platform = sim->time->platform;
    uint64_t *ways = memory_new(dag->node_count, sizeof *ways), longest = 0;
    for (uint32_t n = dag->node_count; n-- > 0;) {
        ways[n] = sim->time->took[n] + longest_way(sim, ways, n);
        if (dag->nodes[n].producer_count == 0)
            longest = larger(longest, ways[n]);
    }
    free(ways);
    /* The result is committed, and read. */
    return platform->invoke_ns + longest + 2 * platform->round_trip_ns;
}

static uint64_t bound_work(const struct sim *sim)
{
    const struct platform *platform = sim->time->platform;
    double work = 0, processors = (double)platform->concurrency * platform->vcpus;
    for (uint32_t n = 0; n < sim->dag->node_count; n++)
        work += (double)sim->time->took[n];
    if (platform->cores > 0 && platform->cores < processors)
        processors = platform->cores;
    return (uint64_t)(work / processors);
}

uint64_t sim_bound(const struct sim *sim)
{
    return larger(bound_path(sim), bound_work(sim));
}
