/*
 * The bytes of values in a simulation with time; see sim_time.h. Only parts that somebody reads
 * travel, each by itself, as in an executor process (spec/executor.md, X2.2).
 */
#include "base/memory.h"
#include "graph/sizes.h"
#include "value/stored.h"
#include "world/sim_time.h"

enum {
    PARTS = 64,        /* that a set can tell apart: beyond, all are taken */
    PARCEL_ENTRY = 16, /* bytes of a parcel for each part (spec/executor.md, X2.1) */
};

/* ---- Who reads what -------------------------------------------------------------------------- */

uint64_t sim_find_edge(const struct sim *sim, uint32_t producer, uint32_t node)
{
    uint64_t edge = dag_edge(sim->dag, producer, node);
    return sim->first_producer[node] + sim->dag->children[edge].bit;
}

static void note_reader(struct sim *sim, uint32_t node, dag_ref ref)
{
    const struct dag_view *view = &sim->dag->views[dag_ref_view(ref)];
    uint64_t parts = view->part < PARTS ? UINT64_C(1) << view->part : UINT64_MAX;
    if (view->is_unit)
        return;
    sim->time->edge_parts[sim_find_edge(sim, dag_ref_source(ref), node)] |= parts;
    sim->time->read_parts[dag_ref_source(ref)] |= parts;
}

/* A slice that several references read travels once. */
static bool is_repeated(const struct dag *dag, uint32_t node, uint64_t r)
{
    for (uint64_t before = dag->nodes[node].first_ref; before < r; before++)
        if (dag->refs[before] == dag->refs[r])
            return true;
    return false;
}

static void note_slices(struct sim *sim, uint32_t node)
{
    const struct dag *dag = sim->dag;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        dag_ref ref = dag->refs[r];
        const struct dag_view *view = &dag->views[dag_ref_view(ref)];
        uint64_t edge = dag_ref_is_node(ref) ? sim_find_edge(sim, dag_ref_source(ref), node) : 0;
        if (!dag_ref_is_node(ref) || view->is_unit || sim_slice(sim, node, edge) == PLAN_NONE ||
            is_repeated(dag, node, r))
            continue;
        uint64_t bytes = view->rank > 0 ? WK_HEADER_BYTES + dag_ref_bytes(dag, ref) : 8;
        sim->time->slice_bytes[edge] += PARCEL_ENTRY + (bytes + 7) / 8 * 8;
    }
}

void sim_sizes_init(struct sim *sim)
{
    const struct dag *dag = sim->dag;
    struct sim_time *time = sim->time;
    time->part_bytes = memory_new(dag->part_count, sizeof *time->part_bytes);
    time->read_parts = memory_new(dag->node_count, sizeof *time->read_parts);
    time->edge_parts = memory_new(sim->first_producer[dag->node_count], sizeof *time->edge_parts);
    time->slice_bytes = memory_new(sim->first_producer[dag->node_count], sizeof *time->slice_bytes);
    for (uint32_t n = 0; n < dag->node_count; n++)
        for (uint64_t r = dag->nodes[n].first_ref; r < dag->nodes[n + 1].first_ref; r++)
            if (dag_ref_is_node(dag->refs[r]))
                note_reader(sim, n, dag->refs[r]);
    for (uint32_t n = 0; sim->plan->slices && n < dag->node_count; n++)
        note_slices(sim, n);
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

static uint64_t estimated_bytes(const struct dag *dag, dag_ref ref)
{
    const struct dag_view *view = &dag->views[dag_ref_view(ref)];
    bool is_block = view->rank > 0 || view->source_rank > 0 || view->scalar == DAG_OPAQUE;
    return is_block ? WK_HEADER_BYTES + dag_source_bytes(dag, ref) : sizeof(uint64_t);
}

void sim_sizes_estimate(struct sim *sim)
{
    const struct dag *dag = sim->dag;
    for (uint64_t r = 0; r < dag->nodes[dag->node_count].first_ref; r++) {
        dag_ref ref = dag->refs[r];
        if (!dag_ref_is_node(ref) || dag->views[dag_ref_view(ref)].is_unit)
            continue;
        uint64_t *bytes = &sim->time->part_bytes[dag_part(dag, ref)];
        uint64_t estimate = estimated_bytes(dag, ref);
        *bytes = estimate > *bytes ? estimate : *bytes;
    }
}

uint64_t sim_note_sizes(struct sim *sim, uint32_t node, const uint64_t *results)
{
    const struct bind_task *task = &sim->table.tasks[sim->dag->nodes[node].task];
    uint64_t *bytes = &sim->time->part_bytes[sim->dag->nodes[node].first_part];
    for (uint32_t i = 0; i < task->result_count; i++) {
        bytes[i] = stored_bytes(&task->results[i], results[0]);
        results += task->results[i].words;
    }
    return sim_largest_part(sim, node);
}

/* ---- Sums ------------------------------------------------------------------------------------ */

static bool has_part(uint64_t parts, uint32_t part)
{
    return parts == UINT64_MAX || (part < PARTS && (parts >> part & 1));
}

uint64_t sim_largest_part(const struct sim *sim, uint32_t node)
{
    const struct dag_node *nodes = sim->dag->nodes;
    uint32_t count = sim->dag->tasks[nodes[node].task].leaf_count;
    uint64_t largest = 0;
    for (uint32_t part = 0; part < count; part++) {
        uint64_t bytes = sim->time->part_bytes[nodes[node].first_part + part];
        if (has_part(sim->time->read_parts[node], part) && bytes > largest)
            largest = bytes;
    }
    return largest;
}

/* The bytes of these parts; each takes `more` beside its own, and a multiple of `unit`. */
static uint64_t sum_parts(const struct sim *sim, uint32_t node, uint64_t parts, uint64_t more,
                          uint64_t unit)
{
    const struct dag_node *from = &sim->dag->nodes[node];
    uint32_t count = sim->dag->tasks[from->task].leaf_count;
    uint64_t sum = 0;
    for (uint32_t part = 0; part < count; part++)
        if (has_part(parts, part)) {
            uint64_t bytes = sim->time->part_bytes[from->first_part + part];
            sum += more + (bytes + unit - 1) / unit * unit;
        }
    return sum;
}

uint64_t sim_value_bytes(const struct sim *sim, uint32_t node)
{
    return sum_parts(sim, node, sim->time->read_parts[node], 0, 1);
}

uint64_t sim_edge_bytes(const struct sim *sim, uint64_t edge)
{
    return sum_parts(sim, sim->producers[edge], sim->time->edge_parts[edge], 0, 1);
}

uint64_t sim_inline_bytes(const struct sim *sim, uint64_t edge)
{
    if (sim->time->slice_bytes[edge] > 0)
        return sim->time->slice_bytes[edge];
    return sim_is_large(sim, sim->producers[edge]) ? 0 : sim_parcel_bytes(sim, edge);
}

uint64_t sim_parcel_bytes(const struct sim *sim, uint64_t edge)
{
    return sum_parts(sim, sim->producers[edge], sim->time->edge_parts[edge], PARCEL_ENTRY,
                     sizeof(uint64_t));
}
