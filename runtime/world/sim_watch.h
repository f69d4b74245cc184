/*
 * @timeout in a simulation: the one thing of the real clock that it knows, so that a task that
 * never ends ends a simulation no more than a run by threads.
 */
#ifndef WKC_WORLD_SIM_WATCH_H
#define WKC_WORLD_SIM_WATCH_H

#include "world/bind.h"
#include "world/sim_time.h"

/* Runs a kernel of a task, or its fallback, as context_run does. If it takes longer than the task's
 * time, it is stopped, which is ERR_task_timeout. */
int sim_watch_run(struct sim *sim, uint32_t node, wk_kernel *kernel, const uint64_t *arguments,
                  uint64_t *results);

#endif
