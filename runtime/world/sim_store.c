/* The model of the store: what each step does, atomically, when it takes effect; see sim.h. */
#include "executor/mutant.h"
#include "world/sim_time.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"

/* ---- Sets of nodes ------------------------------------------------------------------------- */

static uint32_t *find_slot(uint32_t *slots, uint32_t capacity, uint32_t node)
{
    uint32_t at = (uint32_t)hash_mix(node) & (capacity - 1);
    while (slots[at] != 0 && slots[at] != node + 1)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

static void grow_set(struct node_set *set)
{
    uint32_t capacity = set->capacity ? set->capacity * 2 : 8;
    uint32_t *slots = memory_new(capacity, sizeof *slots);
    for (uint32_t i = 0; i < set->capacity; i++)
        if (set->slots[i])
            *find_slot(slots, capacity, set->slots[i] - 1) = set->slots[i];
    free(set->slots);
    set->slots = slots;
    set->capacity = capacity;
}

void node_set_add(struct node_set *set, uint32_t node)
{
    if (set->count * 2 >= set->capacity)
        grow_set(set);
    uint32_t *slot = find_slot(set->slots, set->capacity, node);
    set->count += *slot == 0;
    *slot = node + 1;
}

bool node_set_has(const struct node_set *set, uint32_t node)
{
    return set->capacity > 0 && *find_slot(set->slots, set->capacity, node) != 0;
}

void node_set_release(struct node_set *set)
{
    free(set->slots);
    *set = (struct node_set){0};
}

/* ---- Keys ---------------------------------------------------------------------------------- */

struct sim_keys *sim_keys_of(struct sim_store *store, uint64_t job)
{
    uint64_t name = MUTANT(KEYS_SHARED) ? 0 : job;
    for (size_t i = 0; i < store->jobs.count; i++)
        if (store->jobs.items[i]->job == name)
            return store->jobs.items[i];
    struct sim_keys *keys = memory_new(1, sizeof *keys);
    keys->job = name;
    keys->record_count = store->record_count;
    keys->stored = memory_new(store->node_count, sizeof *keys->stored);
    keys->records = memory_new(store->record_count, sizeof *keys->records);
    keys->beats = memory_new(store->node_count, sizeof *keys->beats);
    vector_push(&store->jobs, keys);
    return keys;
}

void sim_release_store(struct sim_store *store)
{
    for (size_t i = 0; i < store->jobs.count; i++) {
        struct sim_keys *keys = store->jobs.items[i];
        for (uint32_t r = 0; r < keys->record_count; r++)
            sim_release_record(&keys->records[r]);
        free(keys->stored);
        free(keys->records);
        free(keys->beats);
        vector_release(&keys->marks);
        free(keys);
    }
    vector_release(&store->jobs);
}

/* ---- Promises ------------------------------------------------------------------------------ */

uint32_t sim_slice(const struct sim *sim, uint32_t node, uint64_t edge)
{
    if (sim->inline_bytes == 0 || !sim->plan->slices)
        return PLAN_NONE;
    bool is_slice = plan_is_slice(sim->plan, dag_edge(sim->dag, sim->producers[edge], node));
    return is_slice ? sim->dag->node_count + (uint32_t)edge : PLAN_NONE;
}

/* P6: what a message promises travels with it or is in the store. True when it travels. */
static bool carries(struct sim *sim, const struct sim_process *process, uint32_t node,
                    const char *step, uint32_t target)
{
    if (node_set_has(&process->held, node) && !sim_is_large(sim, node))
        return true;
    if (!sim->acknowledged[node] && !sim->is_cleaned)
        sim_violate(sim,
                    "P6: %s node %" PRIu32 " promises the value of node %" PRIu32
                    ", which is not stored",
                    step, target, node);
    return false;
}

/* What travels for one of a node's edges, as a member of sets: its slices, or its producer's value;
 * PLAN_NONE: nothing, since that is stored. */
static uint32_t carried(struct sim *sim, const struct sim_process *process, uint32_t node,
                        uint64_t edge, const char *step)
{
    uint32_t producer = sim->producers[edge], slice = sim_slice(sim, node, edge);
    bool has_slice = slice != PLAN_NONE && (node_set_has(&process->held, producer) ||
                                            node_set_has(&process->held, slice));
    if (has_slice)
        return slice;
    return carries(sim, process, producer, step, node) ? producer : PLAN_NONE;
}

/* ---- Values -------------------------------------------------------------------------------- */

void sim_put(struct sim *sim, struct sim_process *process, uint32_t node)
{
    if (!node_set_has(&process->held, node))
        sim_violate(sim, "a process stores the value of node %" PRIu32 ", which it does not have",
                    node);
    sim->keys->stored[node] = sim->acknowledged[node] = true;
    sim->puts[node]++;
    sim->metrics.store_writes++;
    sim->metrics.store_bytes_written += sim->time ? sim_value_bytes(sim, node) : sim->bytes[node];
    sim->metrics.store_commands++;
}

bool sim_is_unstored_result(const struct sim *sim, const struct sim_process *process, uint32_t node)
{
    return sim_is_large(sim, node) && !sim->keys->stored[node] &&
           node_set_has(&process->held, node);
}

bool sim_load(struct sim *sim, struct sim_process *process, uint32_t node)
{
    for (uint64_t p = sim->first_producer[node]; p < sim->first_producer[node + 1]; p++) {
        uint32_t producer = sim->producers[p];
        uint32_t slice = sim_slice(sim, node, p);
        if (node_set_has(&process->held, producer) ||
            (slice != PLAN_NONE && node_set_has(&process->held, slice)))
            continue;
        if (!sim->keys->stored[producer])
            return false;
        sim->metrics.store_reads++;
        sim->metrics.store_bytes_read += sim->time ? sim_edge_bytes(sim, p) : sim->bytes[producer];
        sim->metrics.store_commands++;
        node_set_add(&process->held, producer);
    }
    return true;
}

/* ---- Invocations --------------------------------------------------------------------------- */

/* Too much for a payload is stored first, but for slices. */
static void store_inputs(struct sim *sim, struct sim_process *process, uint32_t node)
{
    for (uint64_t p = sim->first_producer[node]; p < sim->first_producer[node + 1]; p++)
        if (!sim->keys->stored[sim->producers[p]] &&
            node_set_has(&process->held, sim->producers[p]) && sim_slice(sim, node, p) == PLAN_NONE)
            sim_put(sim, process, sim->producers[p]);
}

void sim_accept(struct sim *sim, struct sim_process *process, const struct executor_action *action)
{
    uint32_t node = action->node;
    struct executor_start start = {.node = node,
                                   .first = action->first,
                                   .end = action->end,
                                   .lineage = action->lineage,
                                   .want = process->executor.want};
    bool is_full = sim->time && sim_payload_is_full(sim, action);
    if (is_full)
        store_inputs(sim, process, node);
    sim_index number = sim_invoke(sim, &start);
    if (start.first < start.end) {
        if (node != PLAN_NONE && carries(sim, process, node, "the invocation of a range of", node))
            vector_push(&sim->invocations.items[number].payload, node);
        return;
    }
    for (uint64_t p = sim->first_producer[node]; p < sim->first_producer[node + 1]; p++) {
        uint32_t member = carried(sim, process, node, p, "the invocation of");
        bool travels = is_full ? member >= sim->dag->node_count : true;
        if (member != PLAN_NONE && travels)
            vector_push(&sim->invocations.items[number].payload, member);
    }
}

/* ---- Joins --------------------------------------------------------------------------------- */

/* Adds the values that travel with one edge of a record: a producer's, or, of an inner record,
 * those of all producers below. */
static void store_edge(struct sim *sim, struct sim_process *process, uint32_t join,
                       const struct join_place *place, unsigned edge, struct sim_record *record)
{
    uint64_t below = UINT64_C(1) << (6 * place->level);
    uint64_t first = (place->first_edge + edge) * below;
    uint64_t end = first + below, count = sim->dag->nodes[join].producer_count;
    for (uint64_t p = first; p < end && p < count; p++) {
        uint32_t member =
            carried(sim, process, join, sim->first_producer[join] + p, "an arrival at");
        if (member != PLAN_NONE)
            vector_push(&record->values, member);
    }
}

static void store_edges(struct sim *sim, struct sim_process *process,
                        const struct executor_action *action, struct sim_record *record)
{
    uint32_t offset = action->record - sim->plan->first_record[action->node];
    struct join_place place = join_place(sim->dag->nodes[action->node].producer_count, offset);
    for (uint64_t edges = action->edges; edges; edges &= edges - 1)
        store_edge(sim, process, action->node, &place, (unsigned)__builtin_ctzll(edges), record);
}

static struct join_arrival arrival_of(const struct sim *sim, sim_index process,
                                      const struct executor_action *action)
{
    struct join_arrival arrival = {.all = action->all,
                                   .edges = action->edges,
                                   .lineage = action->lineage,
                                   .wanted = action->wanted,
                                   .now = sim->now,
                                   .lease = sim->lease};
    if (MUTANT(OWNER_IS_PROCESS))
        arrival.lineage.token = process + 1;
    return arrival;
}

static bool is_poisoned(const struct sim *sim, uint32_t record)
{
    return sim->keys->poisoned[hash_mix(record) % SIM_SHARDS];
}

/* An owner gets the small values of the other edges. */
static void note_answer(struct sim *sim, struct sim_process *process,
                        const struct sim_record *record, struct executor_event *event)
{
    event->taken_over = event->answer == JOIN_OWN && record->join.taken_over;
    sim->metrics.store_commands++;
    sim->metrics.arrivals_own += event->answer == JOIN_OWN;
    sim->metrics.arrivals_stop += event->answer == JOIN_STOP;
    for (size_t i = 0; event->answer == JOIN_OWN && i < record->values.count; i++)
        node_set_add(&process->held, record->values.items[i]);
}

void sim_arrive(struct sim *sim, struct sim_process *process, sim_index process_index,
                const struct executor_action *action, struct executor_event *event)
{
    struct sim_record *record = &sim->keys->records[action->record];
    struct join_arrival arrival = arrival_of(sim, process_index, action);
    event->answer = JOIN_POISONED;
    if (!is_poisoned(sim, action->record))
        event->answer = join_arrive(&record->join, &arrival);
    sim->poisonings += event->answer == JOIN_POISONED;
    sim->metrics.arrivals_not += event->answer == JOIN_NOT;
    if (event->answer == JOIN_NOT)
        store_edges(sim, process, action, record);
    note_answer(sim, process, record, event);
}

void sim_ask(struct sim *sim, struct sim_process *process, sim_index process_index,
             const struct executor_action *action, struct executor_event *event)
{
    struct sim_record *record = &sim->keys->records[action->record];
    struct join_arrival arrival = arrival_of(sim, process_index, action);
    struct join_wait wait = {.size = action->size,
                             .until = sim->now + action->milliseconds * sim->millisecond};
    if (!record->waits)
        record->waits = memory_new(JOIN_WIDTH, sizeof *record->waits);
    record->join.waits = record->waits;
    event->answer = JOIN_POISONED;
    if (!is_poisoned(sim, action->record))
        event->answer = join_ask(&record->join, &arrival, wait, &event->largest);
    sim->poisonings += event->answer == JOIN_POISONED;
    note_answer(sim, process, record, event);
}

void sim_release_record(struct sim_record *record)
{
    vector_release(&record->values);
    free(record->waits);
    *record = (struct sim_record){0};
}

/* ---- Marks of ranges ----------------------------------------------------------------------- */

bool sim_has_mark(const struct sim *sim, const struct executor_action *action)
{
    for (size_t i = 0; i < sim->keys->marks.count; i++) {
        const struct sim_mark *mark = &sim->keys->marks.items[i];
        if (mark->node == action->node && mark->first == action->first && mark->end == action->end)
            return true;
    }
    return false;
}

void sim_mark(struct sim *sim, const struct executor_action *action)
{
    vector_push(&sim->keys->marks, (struct sim_mark){action->node, action->first, action->end});
    sim->metrics.store_commands++;
}

/* The mark is on the root's record, and on the others of a wide join, whose owners came on. */
void sim_pass(struct sim *sim, const uint32_t *joins, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t r = sim->plan->first_record[joins[i]];
             r < sim->plan->first_record[joins[i] + 1]; r++)
            sim->keys->records[r].join.passed = true;
    sim->metrics.store_commands += count > 0;
}
