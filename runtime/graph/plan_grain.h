/*
 * The grain of a job: how many neighbours of a wide fan-out, or of the sources, one executor runs
 * one after the other (spec/protocol.md, P4.4). A heuristic: any grain gives the same result.
 */
#ifndef WKC_GRAPH_PLAN_GRAIN_H
#define WKC_GRAPH_PLAN_GRAIN_H

#include "graph/cost.h"
#include "graph/plan.h"

struct grain_platform {
    uint64_t start_ns;    /* until an executor that was invoked runs */
    uint32_t concurrency; /* executors at once; at least 1 */
    uint32_t ways;        /* fan-outs of more children are ranges */
    uint32_t processors;  /* of an executor, which runs so many tasks at once; 0: one */
};

/*
 * Each fan-out has a grain that suits it, and the least of these is taken:
 * - All executors are to have work, in several parts, as some take longer than others; but parts
 *   take at least twice as long as to start their executor.
 * - No more executors than pay: the tasks of each together take at least half as long as to start
 *   it.
 * - No processor of an executor is idle from the start.
 * What costs are guesses may be very wrong, so of these only the number of parts counts.
 */
uint32_t plan_choose_grain(const struct plan *plan, struct costs *costs,
                           const struct grain_platform *platform);

#endif
