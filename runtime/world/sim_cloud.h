/*
 * The simulated world as a model of a platform: the same executors, protocol and checks as in
 * sim.h, without faults, in virtual time. What takes how long, and what it costs, says a struct
 * platform (spec/simulation.md).
 */
#ifndef WKC_WORLD_SIM_CLOUD_H
#define WKC_WORLD_SIM_CLOUD_H

#include "executor/executor.h"
#include "graph/platform.h"
#include "world/world.h"

/* How long a task takes on a processor of speed 1. */
enum sim_costs {
    SIM_COSTS_MIXED,    /* what the program gives (@cost), else what its run takes here */
    SIM_COSTS_MEASURED, /* what its run takes here, whatever the program says */
    SIM_COSTS_GIVEN,    /* what the program gives, else what its code looks like (graph/cost.h): the
                           same in every run */
};

struct sim_cloud {
    const struct platform *platform;
    struct executor_options executor; /* inline_bytes, tasks and lossless are the platform's */
    enum sim_costs costs;
    const struct plan_options *plan; /* whose profile counts for what it names; or NULL */
    uint32_t warm; /* environments that are there, but do not know the job, when it begins */
    /* No task is run: sizes of values are estimated from the graph, costs are those that are given.
     * The job ends without a result. */
    bool is_dry;
};

/* Runs a job on the platform; as sim_run. Without a result (is_dry), outcome->words is NULL. */
int sim_run_on(const struct job *job, const struct job_options *options,
               const struct sim_cloud *cloud, struct job_outcome *outcome, struct error *error);

#endif
