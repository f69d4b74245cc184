/*
 * The simulated client: it sweeps while the job runs, poisons the shards of a job that has ended,
 * and removes its keys; see sim.h. A walk reads its records in batches, each at one moment, so the
 * job goes on while it is looked at.
 */
#include "executor/mutant.h"
#include "world/sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- Sweeping ------------------------------------------------------------------------------ */

static bool is_live(const struct sim *sim, const struct join_wait *wait)
{
    return wait->size > 0 && wait->until > sim->now;
}

static struct sweep_state read_record(const struct sim *sim, const struct sim_record *record)
{
    struct sweep_state state = {.bits = record->join.bits,
                                .own_edges = record->join.own.edges,
                                .passed = record->join.passed};
    state.own_is_live = state.own_edges && record->join.own.expires > sim->now;
    for (unsigned e = 0; record->waits && e < JOIN_WIDTH; e++)
        if (is_live(sim, &record->waits[e]))
            state.waiting |= UINT64_C(1) << e;
    return state;
}

static struct sweep_state read_state(const struct sim *sim, const struct sweep_name *name)
{
    struct executor_action range = {.node = name->node, .first = name->first, .end = name->end};
    switch (name->kind) {
    case SWEEP_VALUE:
        return (struct sweep_state){.exists = sim->keys->stored[name->node]};
    case SWEEP_HEARTBEAT:
        return (struct sweep_state){.exists = sim->keys->beats[name->node] > sim->now};
    case SWEEP_RANGE:
        return (struct sweep_state){.exists = sim_has_mark(sim, &range)};
    case SWEEP_JOIN:
        return read_record(sim, &sim->keys->records[name->record]);
    }
    bug("a name of kind %d", (int)name->kind);
}

/* What a run wants travels with it, and outlives the walk. */
static const struct want *keep_want(struct sim *sim, const struct want *want)
{
    struct sim_want *kept = memory_new(1, sizeof *kept);
    kept->ranges = memory_new(want->count, sizeof *kept->ranges);
    memcpy(kept->ranges, want->ranges, want->count * sizeof *kept->ranges);
    kept->want = (struct want){kept->ranges, want->count};
    vector_push(&sim->wants, kept);
    return &kept->want;
}

static void end_walk(struct sim *sim)
{
    struct executor_start start;
    while (sweep_run(&sim->sweep, &start)) {
        start.lineage = sim_fresh_lineage(sim);
        start.want = keep_want(sim, start.want);
        sim_invoke(sim, &start);
        sim->metrics.sweeps++;
    }
    sim->is_walking = false;
}

static void walk_on(struct sim *sim)
{
    const struct sweep_name *names;
    uint32_t count = sweep_next(&sim->sweep, &names);
    if (count == 0) {
        end_walk(sim);
        return;
    }
    struct sweep_state *states = memory_new(count, sizeof *states);
    for (uint32_t i = 0; i < count; i++)
        states[i] = read_state(sim, &names[i]);
    sweep_tell(&sim->sweep, states);
    free(states);
}

void sim_sweep(struct sim *sim, const struct sim_message *message)
{
    uint32_t node;
    if (sim->status != SIM_RUNNING)
        return;
    if (sweep_has_given_up(&sim->sweep, &node)) {
        sim->gave_up = true;
        sim->lost = node;
        sim->status = SIM_FAILED;
        sim_poison(sim, UINT32_MAX);
        return;
    }
    if (!sim->is_walking)
        sweep_begin(&sim->sweep, sim->now);
    sim->is_walking = true;
    walk_on(sim);
    sim_send(sim, sim->is_walking ? 1 + sim_random(sim, SIM_LATENCY) : SIM_SWEEP_INTERVAL, message);
}

/* ---- The end of a job ---------------------------------------------------------------------- */

/* Marks a shard, or all. */
void sim_poison(struct sim *sim, uint32_t shard)
{
    for (uint32_t s = 0; s < SIM_SHARDS; s++)
        sim->keys->poisoned[s] |= shard == s || shard == UINT32_MAX;
}

/* The values and records of a job that was done are removed; what is still on its way finds an
 * empty store. */
void sim_clean(struct sim *sim)
{
    sim->is_cleaned = true;
    memset(sim->keys->stored, 0, sim->dag->node_count * sizeof *sim->keys->stored);
    for (uint32_t r = 0; r < sim->plan->record_count; r++)
        sim_release_record(&sim->keys->records[r]);
    sim->keys->marks.count = 0;
    memset(sim->keys->poisoned, 0, sizeof sim->keys->poisoned);
}
