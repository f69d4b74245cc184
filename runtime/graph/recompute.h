/*
 * The pass "recompute", over the graph itself, before its plan is made: a task that needs nothing,
 * and whose result takes longer to load than to make, is run by each of its readers.
 */
#ifndef WKC_GRAPH_RECOMPUTE_H
#define WKC_GRAPH_RECOMPUTE_H

#include "graph/plan.h"

/*
 * Puts copies of such tasks before their readers, and gives how many. Only readers that can begin
 * at once have copies: what is made ahead of time would have to be kept. Tasks that log, that the
 * program wants together, or whose cost is a guess are left alone. A function of the graph and the
 * options, like the plan: whoever makes a job's plan does this first. 0: the graph is as it was.
 */
uint32_t dag_recompute(struct dag *dag, const struct plan_options *options);

#endif
