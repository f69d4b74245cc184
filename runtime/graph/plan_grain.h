/*
 * The grain of a job: how many neighbours of a wide fan-out, or of the sources, one executor runs
 * one after the other (spec/protocol.md, P4.4). A heuristic: any grain gives the same result.
 */
#ifndef WKC_GRAPH_PLAN_GRAIN_H
#define WKC_GRAPH_PLAN_GRAIN_H

#include "graph/cost.h"
#include "graph/plan.h"

struct platform;

/*
 * Each fan-out has a grain that suits it, and the least of these is taken:
 * - All executors are to have work, in several parts, as some take longer than others; but parts
 *   take at least twice as long as to start their executor.
 * - No more executors than pay: the tasks of each together take at least half as long as to start
 *   it.
 * - No more levels of invocations than pay: each spares as much time as it takes to start.
 * - No processor of an executor is idle from the start.
 * What costs are guesses may be very wrong, so of these only the number of parts counts. Fan-outs
 * of more than `ways` children are ranges.
 */
uint32_t plan_choose_grain(const struct plan *plan, struct costs *costs,
                           const struct platform *platform, uint32_t ways);

#endif
