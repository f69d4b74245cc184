/* Pass "costs": what each node takes on the platform; see plan_pass.h. */
#include "graph/plan_pass.h"

#include <string.h>

#include "base/memory.h"
#include "graph/cost.h"

/* What a profile says of a task counts, whatever else is known. */
static void set_measured(struct costs *costs, const struct plan_work *work)
{
    for (uint32_t m = 0; m < work->options->measured_count; m++)
        for (uint32_t t = DAG_RESULT + 1; t < work->dag->task_count; t++)
            if (strcmp(work->options->measured[m].task,
                       dag_string(work->dag, work->dag->tasks[t].name)) == 0)
                costs_set_task(costs, t, work->options->measured[m].ns);
}

void plan_pass_costs(struct plan_work *work)
{
    struct costs *costs = costs_new(work->dag);
    set_measured(costs, work);
    work->costs = memory_resize(NULL, work->dag->node_count, sizeof *work->costs);
    for (uint32_t i = 0; i < work->dag->node_count; i++)
        work->costs[i] = platform_task_ns(work->platform, costs_of(costs, i));
    costs_free(costs);
}
