/* The plan; see plan.h. */
#include "graph/plan.h"

#include <stdlib.h>

#include "base/memory.h"
#include "graph/plan_pass.h"

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

void plan_group_sources(struct plan *plan)
{
    uint32_t count = plan->source_count, nodes = plan->dag->node_count, units = 0, *sources;
    uint32_t *unit_of = memory_new(nodes, sizeof *unit_of); /* by cluster: number + 1 */
    uint32_t *unit = memory_resize(NULL, count, sizeof *unit);
    uint32_t *begins = memory_new((size_t)count + 2, sizeof *begins);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t cluster = plan->cluster[plan->sources[i]];
        if (cluster == PLAN_NONE)
            unit[i] = units++;
        else
            unit[i] = (unit_of[cluster] ? unit_of[cluster] : (unit_of[cluster] = ++units)) - 1;
        begins[unit[i] + 2]++;
    }
    for (uint32_t u = 1; u < units; u++)
        begins[u + 1] += begins[u];
    sources = memory_resize(NULL, count, sizeof *sources);
    for (uint32_t i = 0; i < count; i++)
        sources[begins[unit[i] + 1]++] = plan->sources[i];
    free(unit);
    free(unit_of);
    free(plan->sources);
    plan->sources = sources;
    plan->units = begins;
    plan->unit_count = units;
}

uint32_t plan_unit_count(const struct plan *plan, unsigned without)
{
    bool has_units = plan->units && !(without & PLAN_WITHOUT_CLUSTERS);
    return has_units ? plan->unit_count : plan->source_count;
}

uint32_t plan_unit_begin(const struct plan *plan, uint32_t unit, unsigned without)
{
    bool has_units = plan->units && !(without & PLAN_WITHOUT_CLUSTERS);
    return has_units ? plan->units[unit] : unit;
}

uint32_t plan_first_step(uint32_t units, uint32_t ways, uint32_t grain)
{
    uint32_t step = units / ways + (units % ways > 0);
    return step > grain ? step : grain > 0 ? grain : 1;
}

int plan_make(struct plan *plan, const struct dag *dag, const struct plan_options *options,
              struct error *error)
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
    static const struct plan_options none = {.level = -1};
    plan_run_passes(plan, options ? options : &none);
    list_sources(plan);
    if (plan->cluster)
        plan_group_sources(plan);
    return 0;
}

void plan_release(struct plan *plan)
{
    free(plan->preferred);
    free(plan->first_record);
    free(plan->sources);
    free(plan->units);
    free(plan->cluster);
    free(plan->waits);
    free(plan->slices);
    free(plan->costs);
    free(plan->wide);
    free(plan->invoked);
    *plan = (struct plan){0};
}

bool plan_is_clustered(const struct plan *plan, uint32_t producer, uint32_t child, unsigned without)
{
    return plan->cluster && !(without & PLAN_WITHOUT_CLUSTERS) &&
           plan->dag->nodes[child].producer_count == 1 && plan->cluster[producer] != PLAN_NONE &&
           plan->cluster[producer] == plan->cluster[child];
}

static struct plan_fanout look_at_children(const struct plan *plan, uint32_t node, unsigned without)
{
    const struct dag *dag = plan->dag;
    struct plan_fanout fanout = {.kept = PLAN_NONE};
    for (uint64_t c = dag->nodes[node].first_child; c < dag->nodes[node + 1].first_child; c++) {
        uint32_t child = dag->children[c].node;
        if (dag->nodes[child].producer_count > 1)
            continue;
        if (plan_is_clustered(plan, node, child, without)) {
            fanout.has_cluster = true;
            continue;
        }
        if (fanout.kept == PLAN_NONE || child == plan->preferred[node])
            fanout.kept = child;
        fanout.invoked++;
    }
    if (fanout.has_cluster || (without & PLAN_WITHOUT_BECOME))
        fanout.kept = PLAN_NONE;
    fanout.invoked -= fanout.kept != PLAN_NONE;
    return fanout;
}

enum { WIDE = 64 }; /* children of a node that is worth an entry in the table */

static const struct plan_wide *find_wide(const struct plan *plan, uint32_t node)
{
    uint32_t low = 0, high = plan->wide_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (plan->wide[middle].node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < plan->wide_count && plan->wide[low].node == node ? &plan->wide[low] : NULL;
}

struct plan_fanout plan_fan_out(const struct plan *plan, uint32_t node, unsigned without)
{
    bool is_indexed =
        plan->wide && plan->indexed_without == without && dag_child_count(plan->dag, node) > WIDE;
    const struct plan_wide *wide = is_indexed ? find_wide(plan, node) : NULL;
    if (!wide)
        return look_at_children(plan, node, without);
    return (struct plan_fanout){.kept = wide->kept,
                                .invoked = wide->invoked,
                                .has_cluster = wide->has_cluster,
                                .places = plan->invoked + wide->first};
}

bool plan_is_invoked(const struct plan *plan, uint32_t node, uint32_t child, uint32_t kept,
                     unsigned without)
{
    return plan->dag->nodes[child].producer_count == 1 && child != kept &&
           !plan_is_clustered(plan, node, child, without);
}

static uint64_t add_wide(struct plan *plan, uint32_t node, uint64_t places)
{
    const struct dag *dag = plan->dag;
    unsigned without = plan->indexed_without;
    struct plan_fanout fanout = look_at_children(plan, node, without);
    plan->wide[plan->wide_count++] =
        (struct plan_wide){node, fanout.kept, fanout.invoked, fanout.has_cluster, places};
    uint64_t first = dag->nodes[node].first_child, count = dag_child_count(dag, node);
    for (uint32_t c = 0; c < count; c++)
        if (plan_is_invoked(plan, node, dag->children[first + c].node, fanout.kept, without))
            plan->invoked[places++] = c;
    return places;
}

void plan_index_fan_outs(struct plan *plan, unsigned without)
{
    uint64_t children = 0, places = 0;
    uint32_t count = 0;
    free(plan->wide);
    free(plan->invoked);
    for (uint32_t i = 0; i < plan->dag->node_count; i++)
        if (dag_child_count(plan->dag, i) > WIDE) {
            children += dag_child_count(plan->dag, i);
            count++;
        }
    plan->indexed_without = without;
    plan->wide_count = 0;
    plan->wide = memory_resize(NULL, count + 1, sizeof *plan->wide);
    plan->invoked = memory_resize(NULL, children + 1, sizeof *plan->invoked);
    for (uint32_t i = 0; i < plan->dag->node_count; i++)
        if (dag_child_count(plan->dag, i) > WIDE)
            places = add_wide(plan, i, places);
}
