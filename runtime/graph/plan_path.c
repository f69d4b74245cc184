/* Pass "path": the longest path from each node to the sink, and the child that lies on it. */
#include "graph/plan_pass.h"

#include <stdlib.h>

#include "base/memory.h"

static uint64_t cost_of(const struct plan_work *work, uint32_t node)
{
    if (work->costs)
        return work->costs[node] ? work->costs[node] : 1;
    uint64_t cost = work->dag->tasks[work->dag->nodes[node].task].cost_ns;
    return cost ? cost : 1;
}

/* Edges cost what the largest ref of the child to this producer does; which child that is matters
 * only where there are several. */
static uint64_t edge_cost(const struct plan_work *work, uint32_t producer, uint32_t child)
{
    const struct dag *dag = work->dag;
    enum { LOOKED_AT = 16 };
    uint64_t first = dag->nodes[child].first_ref, count = dag_ref_count(dag, child), most = 0;
    for (uint64_t r = 0; r < count && r < LOOKED_AT; r++) {
        dag_ref ref = dag->refs[first + r];
        uint64_t ns = dag_ref_source(ref) == producer ? plan_ref_ns(work, child, ref) : 0;
        most = ns > most ? ns : most;
    }
    return most;
}

/* Of children with equal paths the first is preferred: children are in the order of their
 * numbers. */
static uint64_t choose_child(const struct plan_work *work, const uint64_t *heights, uint32_t node)
{
    const struct dag *dag = work->dag;
    uint32_t preferred = PLAN_NONE;
    uint64_t highest = 0, count = dag_child_count(dag, node);
    for (uint64_t c = 0; c < count; c++) {
        uint32_t child = dag->children[dag->nodes[node].first_child + c].node;
        uint64_t edge = work->has_edges && count > 1 ? edge_cost(work, node, child) : 0;
        uint64_t height = plan_add_ns(heights[child], edge);
        if (preferred == PLAN_NONE || height > highest) {
            preferred = child;
            highest = height;
        }
    }
    work->plan->preferred[node] = preferred;
    plan_count_steps(work, count + 1);
    return highest;
}

void plan_pass_path(struct plan_work *work)
{
    uint64_t *heights = memory_table(work->dag->node_count, sizeof *heights);
    for (uint32_t i = work->dag->node_count; i-- > 0;)
        heights[i] = plan_add_ns(cost_of(work, i), choose_child(work, heights, i));
    free(heights);
}
