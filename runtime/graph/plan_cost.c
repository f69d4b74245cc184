/* Pass "costs": what each node takes on the platform; see plan_pass.h. */
#include "graph/plan_pass.h"

#include <string.h>

#include "base/memory.h"
#include "graph/cost.h"

struct costs *plan_costs_new(const struct dag *dag, const struct plan_options *options)
{
    struct costs *costs = costs_new(dag);
    for (uint32_t m = 0; options && m < options->measured_count; m++)
        for (uint32_t t = DAG_RESULT + 1; t < dag->task_count; t++)
            if (strcmp(options->measured[m].task, dag_string(dag, dag->tasks[t].name)) == 0)
                costs_set_task(costs, t, options->measured[m].ns);
    return costs;
}

void plan_pass_costs(struct plan_work *work)
{
    struct costs *costs = plan_costs_new(work->dag, work->options);
    work->costs = memory_table(work->dag->node_count, sizeof *work->costs);
    for (uint32_t i = 0; i < work->dag->node_count; i++)
        work->costs[i] = platform_task_ns(work->platform, costs_of(costs, i));
    plan_count_steps(work, work->dag->node_count);
    costs_free(costs);
}
