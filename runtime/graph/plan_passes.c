/* The table of the plan's passes, and how they are run; see plan_pass.h. */
#include "graph/plan_pass.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/sizes.h"

struct plan_runner {
    struct plan_pass pass;
    void (*run)(struct plan_work *work);
};

static const struct plan_runner runners[] = {
    {{"recompute", "cheap tasks are run by each of their readers, instead of moving what they give",
      2},
     NULL}, /* of the graph, before there is a plan: recompute.h */
    {{"costs", "what nodes cost, by formulas and profiles (without: @cost, or all the same)", 1},
     plan_pass_costs},
    {{"bytes", "what edges cost, by the bytes that they carry (without: nothing)", 1},
     plan_pass_bytes},
    {{"path", "the child to become: that of the longest path to the result", 0}, plan_pass_path},
    {{"dominant", "clusters: each node joins the one of the producer that it waits for longest", 1},
     plan_pass_dominant},
    {{"heaviest", "clusters along the dearest edges, where pass 'dominant' is left out", 1},
     plan_pass_heaviest},
    {{"affinity", "clusters of tasks that share values, where that takes about as long", 1},
     plan_pass_affinity},
    {{"slices", "which edges between clusters carry slices of large values", 1}, plan_pass_slices},
    {{"waits", "how long who holds a part of a join of its cluster waits for the rest", 1},
     plan_pass_waits},
};
enum { PASS_COUNT = sizeof runners / sizeof *runners };

const struct plan_pass *plan_pass_at(uint32_t index)
{
    return index < PASS_COUNT ? &runners[index].pass : NULL;
}

bool plan_pass_is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at && *at; at += *at == ',') {
        size_t here = strcspn(at, ",");
        if (here == length && strncmp(at, name, length) == 0)
            return true;
        at += here;
    }
    return false;
}

static bool is_run(const struct plan_options *options, const struct plan_pass *pass)
{
    bool is_needed = strcmp(pass->name, "path") == 0;
    return is_needed ||
           (options->level >= pass->level && !plan_pass_is_listed(options->disabled, pass->name));
}

bool plan_pass_is_run(const struct plan_options *options, const char *name)
{
    for (uint32_t i = 0; i < PASS_COUNT; i++)
        if (strcmp(runners[i].pass.name, name) == 0)
            return is_run(options, &runners[i].pass);
    bug("there is no pass '%s'", name);
}

void plan_run_passes(struct plan *plan, const struct plan_options *options)
{
    struct plan_work work = {.plan = plan,
                             .dag = plan->dag,
                             .options = options,
                             .platform = options->platform ? options->platform : platform_at(0)};
    for (uint32_t i = 0; i < PASS_COUNT; i++)
        if (runners[i].run && is_run(options, &runners[i].pass))
            runners[i].run(&work);
    free(work.part_bytes);
    if (options->keeps_costs)
        plan->costs = work.costs;
    else
        free(work.costs);
}

/* ---- Edges -------------------------------------------------------------------------------------
 */

bool plan_has_executors(const struct plan_work *work)
{
    return work->platform->invoke_ns > 0 || work->platform->round_trip_ns > 0;
}

uint64_t plan_edge_ns(const struct plan_work *work, uint64_t bytes, bool is_join)
{
    const struct platform *platform = work->platform;
    uint64_t signal = is_join ? platform->round_trip_ns : platform->invoke_ns;
    if (bytes <= platform->inline_bytes)
        return signal;
    return plan_add_ns(signal, 2 * platform_transfer_ns(platform, bytes));
}

uint64_t plan_ref_ns(const struct plan_work *work, uint32_t consumer, dag_ref ref)
{
    if (!work->has_edges)
        return 0;
    bool is_join = work->dag->nodes[consumer].producer_count > 1;
    uint64_t bytes = work->dag->views[dag_ref_view(ref)].is_unit
                         ? 0
                         : work->part_bytes[dag_part(work->dag, ref)];
    return plan_edge_ns(work, bytes, is_join);
}

uint64_t plan_result_bytes(const struct dag *dag, uint32_t node)
{
    if (dag_child_count(dag, node) == 0)
        return 0;
    uint32_t child = dag->children[dag->nodes[node].first_child].node;
    for (uint64_t r = dag->nodes[child].first_ref; r < dag->nodes[child + 1].first_ref; r++)
        if (dag_ref_source(dag->refs[r]) == node)
            return dag_source_bytes(dag, dag->refs[r]);
    return 0;
}

void plan_pass_bytes(struct plan_work *work)
{
    work->has_edges = plan_has_executors(work);
    if (work->has_edges)
        work->part_bytes = dag_part_sizes(work->dag);
}

/* ---- Clusters ----------------------------------------------------------------------------------
 */

void plan_set_clusters(struct plan_work *work, uint32_t *cluster)
{
    uint32_t count = work->dag->node_count, clustered = 0;
    uint32_t *members = memory_new(count, sizeof *members);
    for (uint32_t i = 0; i < count; i++)
        members[cluster[i]]++;
    for (uint32_t i = 0; i < count; i++) {
        if (members[cluster[i]] < 2)
            cluster[i] = PLAN_NONE;
        clustered += cluster[i] != PLAN_NONE;
    }
    free(members);
    if (clustered == 0) {
        free(cluster);
        return;
    }
    work->plan->cluster = cluster;
}
