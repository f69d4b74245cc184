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
    {{"slices", "which edges between clusters carry slices of large values", 1}, plan_pass_slices},
    {{"path", "the child to become: that of the longest path to the result", 0}, plan_pass_path},
    {{"dominant", "clusters: each node joins the one of the producer that it waits for longest", 1},
     plan_pass_dominant},
    {{"heaviest", "clusters along the dearest edges, where pass 'dominant' is left out", 1},
     plan_pass_heaviest},
    {{"affinity", "clusters of tasks that share values, where that takes about as long", 1},
     plan_pass_affinity},
    {{"apart",
      "edges within clusters carry whole values; clusters that slices would scatter are "
      "made anew",
      1},
     plan_pass_apart},
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

static uint32_t find_pass(void (*run)(struct plan_work *work))
{
    uint32_t i = 0;
    while (runners[i].run != run)
        i++;
    return i;
}

void plan_run_passes(struct plan *plan, const struct plan_options *options)
{
    struct plan_work work = {.plan = plan,
                             .dag = plan->dag,
                             .options = options,
                             .platform = options->platform ? options->platform : platform_at(0)};
    for (uint32_t i = 0; i < PASS_COUNT; i++) {
        if (runners[i].run && is_run(options, &runners[i].pass))
            runners[i].run(&work);
        i = work.goes_back ? find_pass(plan_pass_slices) : i;
        work.goes_back = false;
    }
    free(work.part_bytes);
    free(work.part_ns);
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

uint64_t plan_result_bytes(const struct plan_work *work, uint32_t node)
{
    const struct dag_node *at = &work->dag->nodes[node];
    uint64_t bytes = 0;
    for (uint32_t part = at->first_part; part < at[1].first_part; part++)
        bytes = plan_add_ns(bytes, work->part_bytes[part]);
    return bytes;
}

void plan_pass_bytes(struct plan_work *work)
{
    const struct platform *platform = work->platform;
    work->has_edges = plan_has_executors(work);
    if (!work->has_edges)
        return;
    uint64_t parts = work->dag->part_count;
    work->part_bytes = dag_part_sizes(work->dag);
    work->part_ns = memory_table(parts + 1, sizeof *work->part_ns);
    for (uint64_t p = 0; p < parts; p++) {
        uint64_t bytes = work->part_bytes[p];
        work->part_ns[p] =
            bytes <= platform->inline_bytes ? 0 : 2 * platform_transfer_ns(platform, bytes);
    }
    plan_count_steps(work, work->dag->nodes[work->dag->node_count].first_ref + parts);
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
