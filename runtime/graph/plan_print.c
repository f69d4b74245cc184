/* The text form of a plan; see plan.h and spec/plan.md. */
#include <inttypes.h>

#include "base/buffer.h"
#include "graph/plan.h"

static void print_node(const struct plan *plan, uint32_t node, struct buffer *out)
{
    const struct dag_node *at = &plan->dag->nodes[node];
    buffer_printf(out, "n%u %s", node, dag_string(plan->dag, plan->dag->tasks[at->task].name));
    if (at->task == DAG_RESULT)
        buffer_puts(out, "result");
    if (plan->costs)
        buffer_printf(out, " cost=%" PRIu64, plan->costs[node]);
    if (plan->preferred[node] != PLAN_NONE)
        buffer_printf(out, " becomes=n%u", plan->preferred[node]);
    if (plan->cluster && plan->cluster[node] != PLAN_NONE)
        buffer_printf(out, " cluster=n%u", plan->cluster[node]);
    uint32_t records = plan->first_record[node + 1] - plan->first_record[node];
    if (records)
        buffer_printf(out, " records=%u", records);
    buffer_putc(out, '\n');
}

void plan_print(const struct plan *plan, struct buffer *out)
{
    for (uint32_t i = 0; i < plan->dag->node_count; i++)
        print_node(plan, i, out);
}
