/* What takes how long in a simulation with time, and what it costs; see sim_time.h. */
#include "world/sim_time.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "world/description.h"

enum {
    CHUNK = 1 << 20,   /* larger values are spread over the shards (store/redis_value.c) */
    ENVELOPE = 1024,   /* bytes of an event beside its parcel */
    UNIT_BYTES = 1000, /* of a command that a unit of the store's price pays for */
};

/* ---- Setting up ------------------------------------------------------------------------------ */

void sim_time_init(struct sim *sim, const struct sim_cloud *cloud)
{
    struct sim_time *time = memory_new(1, sizeof *time);
    time->cloud = cloud;
    time->platform = cloud->platform;
    time->shards = memory_new(cloud->platform->store_shards, sizeof *time->shards);
    time->cores = memory_new(cloud->platform->cores, sizeof *time->cores);
    time->costs = plan_costs_new(sim->dag, cloud->plan);
    time->took = memory_new(sim->dag->node_count, sizeof *time->took);
    sim->time = time;
    sim_sizes_init(sim);
    if (cloud->is_dry)
        sim_sizes_estimate(sim);
    sim_environments_init(sim);
}

void sim_time_release(struct sim *sim)
{
    struct sim_time *time = sim->time;
    if (!time)
        return;
    free(time->client.answered);
    free(time->shards);
    free(time->cores);
    free(time->took);
    costs_free(time->costs);
    free(time->part_bytes);
    free(time->read_parts);
    free(time->edge_parts);
    free(time->slice_bytes);
    vector_release(&time->environments.line);
    free(time);
}

/* ---- Ways and shards ------------------------------------------------------------------------- */

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t bytes_ns(uint64_t bytes, uint64_t bytes_per_ms)
{
    return (uint64_t)((double)bytes * 1e6 / (double)bytes_per_ms);
}

/* A shard works on a command, and the bytes that go with it, from `from` on or when it is free. */
static uint64_t serve(struct sim *sim, uint64_t hash, uint64_t from, uint64_t bytes)
{
    const struct platform *platform = sim->time->platform;
    uint64_t *shard = &sim->time->shards[hash % platform->store_shards];
    *shard = later(*shard, from) + platform->shard_command_ns +
             bytes_ns(bytes, platform->shard_bytes_per_ms);
    sim->time->units += bytes > UNIT_BYTES ? (double)bytes / UNIT_BYTES : 1;
    return *shard;
}

static uint64_t use_way(struct sim *sim, uint64_t *way, uint64_t bytes)
{
    *way = later(*way, sim->now) + bytes_ns(bytes, sim->time->platform->bytes_per_ms);
    return *way;
}

/* A value moves along a way, between an executor and the shards that have it or will. */
static uint64_t move_value(struct sim *sim, uint64_t *way, uint64_t name, uint64_t bytes)
{
    uint64_t moved = use_way(sim, way, bytes), chunks = (bytes + CHUNK - 1) / CHUNK;
    uint32_t shards = sim->time->platform->store_shards;
    uint64_t used = chunks == 0 ? 1 : chunks < shards ? chunks : shards;
    uint64_t hash = hash_mix(name);
    for (uint64_t i = 0; i < used; i++)
        moved = later(moved, serve(sim, hash + i, sim->now, bytes / used));
    return moved;
}

/* A command, from its sending to its effect. */
static uint64_t send_command(struct sim *sim, struct sim_line *line, uint64_t name, uint64_t bytes)
{
    uint64_t sent = bytes > 0 ? use_way(sim, &line->up, bytes) : sim->now;
    return serve(sim, hash_mix(name), sent + sim->time->platform->round_trip_ns / 2, bytes);
}

void sim_time_silent(struct sim *sim, struct sim_process *process, uint32_t name)
{
    uint64_t done = send_command(sim, &process->line, name, 0);
    process->line.silent =
        later(process->line.silent, done + sim->time->platform->round_trip_ns / 2);
}

/* ---- Steps, until they take effect ----------------------------------------------------------- */

static void hold_bytes(struct sim *sim, struct sim_process *process, uint64_t bytes)
{
    process->held_bytes += bytes;
    if (process->held_bytes > sim->metrics.values_peak_bytes)
        sim->metrics.values_peak_bytes = process->held_bytes;
}

static uint64_t load_values(struct sim *sim, struct sim_process *process, uint32_t node)
{
    uint64_t loaded = 0;
    for (uint64_t p = sim->first_producer[node]; p < sim->first_producer[node + 1]; p++) {
        uint32_t slice = sim_slice(sim, node, p);
        if (node_set_has(&process->held, sim->producers[p]) ||
            (slice != PLAN_NONE && node_set_has(&process->held, slice)))
            continue;
        uint64_t bytes = sim_edge_bytes(sim, p);
        hold_bytes(sim, process, bytes);
        loaded = later(loaded, move_value(sim, &process->line.down, sim->producers[p], bytes));
    }
    return loaded;
}

/* What a task reads of the job's inputs, chunk by chunk; nothing of it is kept for the next. */
static uint64_t load_inputs(struct sim *sim, struct sim_process *process, uint32_t node)
{
    const struct dag *dag = sim->dag;
    uint64_t loaded = 0;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        uint32_t source = dag_ref_source(dag->refs[r]);
        if (source < DAG_INPUT || source >= DAG_CONSTANT)
            continue;
        uint64_t bytes = dag_ref_bytes(dag, dag->refs[r]);
        loaded = later(loaded, move_value(sim, &process->line.down, ~r, bytes));
        sim->metrics.input_bytes_read += bytes;
        sim->metrics.store_commands += (bytes + DESCRIPTION_CHUNK - 1) / DESCRIPTION_CHUNK;
    }
    return loaded;
}

/* A task starts when its inputs are there. */
static uint64_t begin_task(struct sim *sim, struct sim_process *process, uint32_t node)
{
    uint64_t loaded = later(load_values(sim, process, node), load_inputs(sim, process, node));
    if (loaded == 0)
        return 0;
    sim->metrics.store_round_trips++;
    return loaded - sim->now + sim->time->platform->round_trip_ns;
}

static uint64_t put(struct sim *sim, struct sim_process *process, uint32_t node)
{
    uint64_t bytes = sim_value_bytes(sim, node);
    return move_value(sim, &process->line.up, node, bytes) - sim->now +
           sim->time->platform->round_trip_ns / 2;
}

/* The small values that come along with one edge of a record. */
static uint64_t edge_bytes(const struct sim *sim, uint32_t join, const struct join_place *place,
                           unsigned edge)
{
    uint64_t below = UINT64_C(1) << (6 * place->level), bytes = 0;
    uint64_t first = (place->first_edge + edge) * below;
    uint64_t count = sim->dag->nodes[join].producer_count;
    for (uint64_t p = first; p < first + below && p < count; p++) {
        bytes += sim_inline_bytes(sim, sim->first_producer[join] + p);
    }
    return bytes;
}

/* An arrival that brings all edges carries nothing. */
static uint64_t arrival_bytes(const struct sim *sim, const struct executor_action *action)
{
    uint32_t offset = action->record - sim->plan->first_record[action->node];
    struct join_place place = join_place(sim->dag->nodes[action->node].producer_count, offset);
    uint64_t bytes = 0;
    for (uint64_t e = action->edges; e && action->edges != action->all; e &= e - 1)
        bytes += edge_bytes(sim, action->node, &place, (unsigned)__builtin_ctzll(e));
    return bytes;
}

static uint64_t arrive(struct sim *sim, struct sim_process *process,
                       const struct executor_action *action)
{
    uint64_t bytes = action->kind == EXECUTOR_ARRIVE ? arrival_bytes(sim, action) : 0;
    sim->metrics.arrival_bytes += bytes;
    return send_command(sim, &process->line, action->record, bytes) - sim->now;
}

/* The inputs of an invoked node, or, of a range, the node's value: what is small. */
static uint64_t small_inputs(const struct sim *sim, const struct executor_action *action)
{
    uint64_t bytes = 0;
    if (action->first < action->end)
        return action->node == PLAN_NONE || sim_is_large(sim, action->node)
                   ? 0
                   : sim_value_bytes(sim, action->node);
    for (uint64_t p = sim->first_producer[action->node]; p < sim->first_producer[action->node + 1];
         p++)
        bytes += sim_inline_bytes(sim, p);
    return bytes;
}

bool sim_payload_is_full(const struct sim *sim, const struct executor_action *action)
{
    return small_inputs(sim, action) > sim->time->platform->payload_bytes / 2;
}

/* Too much for a payload is stored first. */
static uint64_t store_inputs(struct sim *sim, struct sim_process *process, uint32_t node)
{
    uint64_t stored = sim->now;
    for (uint64_t p = sim->first_producer[node]; p < sim->first_producer[node + 1]; p++) {
        uint32_t producer = sim->producers[p];
        if (!sim->keys->stored[producer] && node_set_has(&process->held, producer) &&
            sim_slice(sim, node, p) == PLAN_NONE)
            stored = later(stored, move_value(sim, &process->line.up, producer,
                                              sim_value_bytes(sim, producer)));
    }
    return stored + sim->time->platform->round_trip_ns;
}

static uint64_t invoke(struct sim *sim, struct sim_process *process,
                       const struct executor_action *action)
{
    uint64_t bytes = ENVELOPE, ready = sim->now;
    if (sim_payload_is_full(sim, action))
        ready = store_inputs(sim, process, action->node);
    else
        bytes += small_inputs(sim, action) * 4 / 3; /* base 64 */
    sim->metrics.payload_bytes += bytes;
    return sim_line_leaves(sim, &process->line,
                           later(ready, use_way(sim, &process->line.up, bytes))) -
           sim->now;
}

/* Large inputs of the sink are stored, then the status is set. */
static uint64_t commit(struct sim *sim, struct sim_process *process, uint32_t sink)
{
    uint64_t stored = 0, round_trip = sim->time->platform->round_trip_ns;
    for (uint64_t p = sim->first_producer[sink]; p < sim->first_producer[sink + 1]; p++)
        if (sim_is_unstored_result(sim, process, sim->producers[p]))
            stored = later(stored, move_value(sim, &process->line.up, sim->producers[p],
                                              sim_value_bytes(sim, sim->producers[p])));
    uint64_t wait = stored > sim->now ? stored - sim->now + round_trip : 0;
    return wait + send_command(sim, &process->line, sink, 0) - sim->now;
}

uint64_t sim_time_effect(struct sim *sim, struct sim_process *process,
                         const struct executor_action *action)
{
    switch (action->kind) {
    case EXECUTOR_RUN:
        return begin_task(sim, process, action->node);
    case EXECUTOR_PUT:
        return put(sim, process, action->node);
    case EXECUTOR_INVOKE:
        return invoke(sim, process, action);
    case EXECUTOR_ASK:
    case EXECUTOR_ARRIVE:
        return arrive(sim, process, action);
    case EXECUTOR_COMMIT:
        return commit(sim, process, action->node);
    case EXECUTOR_LOOK:
    case EXECUTOR_FAIL:
        return send_command(sim, &process->line, action->node, 0) - sim->now;
    case EXECUTOR_LAND:
    case EXECUTOR_WAIT:
    case EXECUTOR_SPLIT:
    case EXECUTOR_PASSED:
    case EXECUTOR_END:
        break;
    }
    bug("action %d is no message", (int)action->kind);
}

/* ---- And until they are answered ------------------------------------------------------------- */

/* Where executors share processors, a task waits until one is free. */
static uint64_t run_task(struct sim *sim, struct sim_process *process, uint32_t node)
{
    struct sim_time *time = sim->time;
    uint64_t *core = NULL, begin = sim->now;
    for (uint32_t i = 0; i < time->platform->cores; i++)
        core = !core || time->cores[i] < *core ? &time->cores[i] : core;
    hold_bytes(sim, process, sim_value_bytes(sim, node));
    if (core) {
        begin = later(begin, *core);
        *core = begin + time->took[node];
    }
    return begin + time->took[node] - sim->now;
}

/* An owner gets the small values of the others. */
static uint64_t take_values(struct sim *sim, struct sim_process *process,
                            const struct executor_action *action)
{
    const struct sim_record *record = &sim->keys->records[action->record];
    uint64_t bytes = 0;
    for (size_t i = 0; i < record->values.count; i++) {
        uint32_t member = record->values.items[i], nodes = sim->dag->node_count;
        bytes += member < nodes ? sim_parcel_bytes(sim, sim_find_edge(sim, member, action->node))
                                : sim->time->slice_bytes[member - nodes];
    }
    sim->metrics.arrival_bytes += bytes;
    return bytes > 0 ? use_way(sim, &process->line.down, bytes) - sim->now : 0;
}

uint64_t sim_time_answer(struct sim *sim, struct sim_process *process,
                         const struct executor_action *action, const struct executor_event *event)
{
    uint64_t round_trip = sim->time->platform->round_trip_ns;
    switch (action->kind) {
    case EXECUTOR_RUN:
        return event->kind == EXECUTOR_MISSING ? 0 : run_task(sim, process, action->node);
    case EXECUTOR_INVOKE:
        return sim->time->platform->invoke_ns;
    case EXECUTOR_ASK:
    case EXECUTOR_ARRIVE:
        return round_trip / 2 + (event->answer == JOIN_OWN ? take_values(sim, process, action) : 0);
    case EXECUTOR_COMMIT:
    case EXECUTOR_FAIL:
        return round_trip / 2 + round_trip + 1; /* the marks of the shards, too */
    case EXECUTOR_PUT:
    case EXECUTOR_LOOK:
    case EXECUTOR_LAND:
    case EXECUTOR_WAIT:
    case EXECUTOR_SPLIT:
    case EXECUTOR_PASSED:
    case EXECUTOR_END:
        break;
    }
    return round_trip / 2;
}

/* ---- Tasks ----------------------------------------------------------------------------------- */

static uint64_t cost_of(const struct sim *sim, uint32_t node, uint64_t measured)
{
    struct costs *costs = sim->time->costs;
    bool is_given = sim->time->cloud->is_dry || costs_is_measured(costs, node) ||
                    sim->dag->tasks[sim->dag->nodes[node].task].cost_ns > 0;
    switch (sim->time->cloud->costs) {
    case SIM_COSTS_MIXED:
        return is_given ? costs_of(costs, node) : measured;
    case SIM_COSTS_MEASURED:
        return measured;
    case SIM_COSTS_GIVEN:
        break;
    }
    return costs_of(costs, node);
}

void sim_time_note_run(struct sim *sim, uint32_t node, uint64_t measured)
{
    const struct platform *platform = sim->time->platform;
    uint64_t took = platform_task_ns(platform, cost_of(sim, node, measured));
    sim->time->took[node] = took;
    if (platform->limit_ns == 0 || took <= platform->limit_ns || sim->violation.code)
        return;
    error_set(&sim->violation, ERR_platform_limit,
              "%s takes %.0f s, and an executor of %s may run for %.0f s",
              dag_string(sim->dag, sim->dag->tasks[sim->dag->nodes[node].task].name),
              (double)took / 1e9, platform->name, (double)platform->limit_ns / 1e9);
    error_hint(&sim->violation, "cut the work into smaller tasks");
}

/* ---- What it cost ---------------------------------------------------------------------------- */

void sim_time_sum(struct sim *sim, struct metrics *metrics)
{
    const struct sim_time *time = sim->time;
    const struct platform *platform = time->platform;
    /* The client is told, and reads the result. */
    metrics->simulated_seconds = (double)(sim->ended + platform->round_trip_ns * 3 / 2) / 1e9;
    metrics->bound_seconds = (double)sim_bound(sim) / 1e9;
    metrics->gb_seconds = time->gb_seconds;
    metrics->cost_dollars = time->gb_seconds * platform->gb_second_price +
                            (double)metrics->invocations * platform->request_price +
                            time->units * platform->store_unit_price;
    for (uint32_t node = 0; node < sim->dag->node_count; node++)
        metrics->busy_seconds += (double)sim->runs[node] * (double)time->took[node] / 1e9;
}
