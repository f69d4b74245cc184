/*
 * What a plan amounts to on a platform: `wkc plan` (spec/plan.md, Q6). The figures of time and
 * price are reckoned from costs (cost.h) and the platform's model, task by task in topological
 * order; nothing is simulated: queues and retries are left out, and shards and shared processors
 * count for the whole job, not at each moment.
 */
#ifndef WKC_GRAPH_PLAN_SUMMARY_H
#define WKC_GRAPH_PLAN_SUMMARY_H

#include "graph/plan.h"

/* SUMMARY(name, C type, "unit", "what it is"): the rows, in their order. */
#define PLAN_SUMMARY(SUMMARY)                                                                      \
    SUMMARY(tasks, uint64_t, "", "nodes of the graph, the result not counted")                     \
    SUMMARY(edges, uint64_t, "", "from a task to another that reads it")                           \
    SUMMARY(bytes, uint64_t, "bytes", "that edges carry, estimated from shapes")                   \
    SUMMARY(depth, uint64_t, "tasks", "tasks on the longest chain")                                \
    SUMMARY(width, uint64_t, "tasks", "tasks at most at one depth")                                \
    SUMMARY(clusters, uint64_t, "", "of two nodes or more")                                        \
    SUMMARY(work, double, "s", "all tasks, one after the other")                                   \
    SUMMARY(critical_path, double, "s", "the tasks of the dearest chain")                          \
    SUMMARY(parallelism, double, "", "work / critical path")                                       \
    SUMMARY(guessed, double, "%", "of the work rests on guesses")                                  \
    SUMMARY(measured, double, "%", "of the work is by the times of --profile")                     \
    SUMMARY(executors, uint64_t, "", "started; on local: threads")                                 \
    SUMMARY(stored_bytes, uint64_t, "bytes", "put into the store: values too large to travel")     \
    SUMMARY(input_bytes, uint64_t, "bytes", "of the job's inputs, that executors read")            \
    SUMMARY(time, double, "s", "from the start to the result")                                     \
    SUMMARY(price, double, "$", "of executors and invocations")

struct plan_summary {
#define SUMMARY(name, type, unit, text) type name;
    PLAN_SUMMARY(SUMMARY)
#undef SUMMARY
};

/* The options are those that the plan was made with; `grain` is the job's (plan_grain.h). */
void plan_summarize(const struct plan *plan, const struct plan_options *options, uint32_t grain,
                    struct plan_summary *summary);

/* A table of the same job's plans before and after optimizing, or, as JSON, an object. */
void plan_summary_print(const struct plan_summary *before, const struct plan_summary *after,
                        struct buffer *out);
void plan_summary_json(const struct plan_summary *before, const struct plan_summary *after,
                       struct buffer *out);

#endif
