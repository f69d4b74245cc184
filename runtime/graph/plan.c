/* The plan; see plan.h. */
#include "graph/plan.h"

#include <stdlib.h>

#include "base/memory.h"

/* The longest path from each node to the sink, by the costs of the tasks on it. */
static uint64_t *make_heights(const struct dag *dag)
{
    uint64_t *heights = memory_resize(NULL, dag->node_count, sizeof *heights);
    for (uint32_t i = dag->node_count; i-- > 0;) {
        uint64_t cost = dag->tasks[dag->nodes[i].task].cost_ns, highest = 0;
        for (uint64_t c = dag->nodes[i].first_child; c < dag->nodes[i + 1].first_child; c++)
            if (heights[dag->children[c].node] > highest)
                highest = heights[dag->children[c].node];
        if (__builtin_add_overflow(highest, cost ? cost : 1, &heights[i]))
            heights[i] = UINT64_MAX;
    }
    return heights;
}

/* Of children with equal heights the first is preferred: children are in the order of their
 * numbers. */
static uint32_t preferred_child(const struct dag *dag, const uint64_t *heights, uint32_t node)
{
    uint32_t preferred = PLAN_NONE;
    for (uint64_t c = dag->nodes[node].first_child; c < dag->nodes[node + 1].first_child; c++) {
        uint32_t child = dag->children[c].node;
        if (preferred == PLAN_NONE || heights[child] > heights[preferred])
            preferred = child;
    }
    return preferred;
}

static uint64_t records_of_join(uint64_t producers)
{
    uint64_t records = 0;
    if (producers < 2)
        return 0;
    do {
        producers = (producers + PLAN_JOIN_WIDTH - 1) / PLAN_JOIN_WIDTH;
        records += producers;
    } while (producers > 1);
    return records;
}

static int lay_out_records(struct plan *plan, struct error *error)
{
    const struct dag *dag = plan->dag;
    uint64_t records = 0;
    for (uint32_t i = 0; i < dag->node_count; i++) {
        plan->first_record[i] = (uint32_t)records;
        records += records_of_join(dag->nodes[i].producer_count);
        if (records > UINT32_MAX)
            return error_set(error, ERR_task_limit, "the graph has more than %u records of joins",
                             UINT32_MAX);
    }
    plan->first_record[dag->node_count] = plan->record_count = (uint32_t)records;
    return 0;
}

static void list_sources(struct plan *plan)
{
    const struct dag *dag = plan->dag;
    for (uint32_t i = 0; i < dag->node_count; i++)
        plan->source_count += dag->nodes[i].producer_count == 0;
    plan->sources = memory_resize(NULL, plan->source_count, sizeof *plan->sources);
    uint32_t next = 0;
    for (uint32_t i = 0; i < dag->node_count; i++)
        if (dag->nodes[i].producer_count == 0)
            plan->sources[next++] = i;
}

int plan_make(struct plan *plan, const struct dag *dag, struct error *error)
{
    *plan = (struct plan){.dag = dag};
    plan->preferred = memory_resize(NULL, dag->node_count, sizeof *plan->preferred);
    plan->first_record =
        memory_resize(NULL, (size_t)dag->node_count + 1, sizeof *plan->first_record);
    int code = lay_out_records(plan, error);
    if (code) {
        plan_release(plan);
        return code;
    }
    uint64_t *heights = make_heights(dag);
    for (uint32_t i = 0; i < dag->node_count; i++)
        plan->preferred[i] = preferred_child(dag, heights, i);
    free(heights);
    list_sources(plan);
    return 0;
}

void plan_release(struct plan *plan)
{
    free(plan->preferred);
    free(plan->first_record);
    free(plan->sources);
    *plan = (struct plan){0};
}
