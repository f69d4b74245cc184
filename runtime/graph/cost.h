/*
 * What the nodes of a graph cost, in ns at speed 1 (platform.h): by the task's @cost, or else by
 * its formula (formula.h) over the node's words and the extents of its arguments.
 *
 * A node whose task has neither costs COST_UNKNOWN. Of an extent that only run-time tells,
 * FORMULA_UNKNOWN elements are taken for granted, as dag_ref_bytes does.
 */
#ifndef WKC_GRAPH_COST_H
#define WKC_GRAPH_COST_H

#include "graph/dag.h"

#define COST_UNKNOWN UINT64_C(10000)

struct costs;

/* Reads a verified graph's tasks; refers to the graph. One thread at a time uses it. */
struct costs *costs_new(const struct dag *dag);
void costs_free(struct costs *costs);

/* All nodes of a task cost so much, whatever else is said about it: what a profile measured. */
void costs_set_task(struct costs *costs, uint32_t task, double ns);

/* All nodes of a task cost `factor` times what its formula says, whatever @cost says; nothing, and
 * false, if it has none. */
bool costs_scale_task(struct costs *costs, uint32_t task, double factor);

/* Whether one of the two was said of the node's task. */
bool costs_is_measured(const struct costs *costs, uint32_t node);

/* Of one node; the sink costs 0. At least 1, at most FORMULA_MOST. */
uint64_t costs_of(struct costs *costs, uint32_t node);

/* Whether the node's cost rests on a guess: of its formula, or because nothing is known. */
bool costs_is_guess(const struct costs *costs, uint32_t node);

#endif
