/* A simulated run: the clock and its messages, the checks, the outcome; see sim.h. */
#include "world/sim_time.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "base/memory.h"
#include "trace/trace.h"
#include "world/pieces.h"

/* ---- Chance -------------------------------------------------------------------------------- */

uint64_t sim_random(struct sim *sim, uint64_t bound)
{
    sim->random += 0x9e3779b97f4a7c15u; /* Steele's splitmix64 */
    return hash_mix(sim->random) % bound;
}

bool sim_is_large(const struct sim *sim, uint32_t node)
{
    return sim->inline_bytes == 0 || sim->bytes[node] > sim->inline_bytes ||
           hash_combine(sim->faults.seed, node) % 100 < sim->faults.large_percent;
}

void sim_violate(struct sim *sim, const char *format, ...)
{
    if (sim->violation.code)
        return;
    va_list arguments;
    va_start(arguments, format);
    error_vset(&sim->violation, ERR_protocol_violated, format, arguments);
    va_end(arguments);
    error_hint(&sim->violation, "seed %" PRIu64 ", profile %d, at time %" PRIu64, sim->faults.seed,
               (int)sim->faults.profile, sim->now);
}

/* ---- The queue of messages: a binary heap of when they are due ------------------------------ */

static bool is_earlier(const struct sim_due *a, const struct sim_due *b)
{
    return a->time != b->time ? a->time < b->time : a->order < b->order;
}

/* A place for a message, one that was used before if there is one. */
static uint32_t keep_message(struct sim *sim, const struct sim_message *message)
{
    if (sim->unused.count > 0) {
        uint32_t place = vector_pop(&sim->unused);
        sim->messages.items[place] = *message;
        return place;
    }
    vector_push(&sim->messages, *message);
    return (uint32_t)sim->messages.count - 1;
}

void sim_send(struct sim *sim, uint64_t delay, const struct sim_message *message)
{
    struct sim_due due = {sim->now + delay, sim->next_order++, keep_message(sim, message)};
    vector_push(&sim->queue, due);
    size_t at = sim->queue.count - 1;
    for (; at > 0 && is_earlier(&due, &sim->queue.items[(at - 1) / 2]); at = (at - 1) / 2)
        sim->queue.items[at] = sim->queue.items[(at - 1) / 2];
    sim->queue.items[at] = due;
}

static struct sim_due take_earliest(struct sim *sim)
{
    struct sim_due *heap = sim->queue.items, earliest = heap[0];
    struct sim_due last = vector_pop(&sim->queue);
    size_t count = sim->queue.count, at = 0;
    for (size_t child = 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && is_earlier(&heap[child + 1], &heap[child]);
        if (is_earlier(&last, &heap[child]))
            break;
        heap[at] = heap[child];
        at = child;
    }
    if (count > 0)
        heap[at] = last;
    vector_push(&sim->unused, earliest.message);
    return earliest;
}

/* ---- Setting up ---------------------------------------------------------------------------- */

struct lineage sim_fresh_lineage(struct sim *sim)
{
    return (struct lineage){.token = 1 + sim_random(sim, UINT64_MAX - 1)};
}

sim_index sim_invoke(struct sim *sim, const struct executor_start *start)
{
    vector_push(&sim->invocations, (struct sim_invocation){.start = *start});
    sim_index number = (sim_index)sim->invocations.count - 1;
    struct sim_message delivery = {.kind = SIM_DELIVER, .about = number};
    uint64_t delay = sim->time ? sim->time->platform->invoke_ns : 1 + sim_random(sim, SIM_LATENCY);
    sim_send(sim, delay, &delivery);
    return number;
}

static void list_producers(struct sim *sim)
{
    const struct dag *dag = sim->dag;
    sim->first_producer = memory_new(dag->node_count + 1, sizeof *sim->first_producer);
    for (uint32_t n = 0; n < dag->node_count; n++)
        sim->first_producer[n + 1] = sim->first_producer[n] + dag->nodes[n].producer_count;
    sim->producers = memory_new(sim->first_producer[dag->node_count], sizeof *sim->producers);
    for (uint32_t n = 0; n < dag->node_count; n++)
        for (uint64_t c = dag->nodes[n].first_child; c < dag->nodes[n + 1].first_child; c++)
            sim->producers[sim->first_producer[dag->children[c].node] + dag->children[c].bit] = n;
}

static void init_result(struct sim *sim)
{
    /* The job's own flag ends a kernel that is running, too. */
    sim->result =
        job_result_new(&sim->table, sim->slots, sim->options->memory_limit, sim->options->stop);
}

/* In the store, the job's name is the seed. */
static void init_sim(struct sim *sim, const struct job *job, const struct job_options *options,
                     const struct sim_options *faults, struct sim_store *store)
{
    const struct dag *dag = job->plan->dag;
    *sim = (struct sim){.job = job,
                        .options = options,
                        .faults = *faults,
                        .plan = job->plan,
                        .dag = dag,
                        .millisecond = 1,
                        .lease = SIM_LEASE,
                        .inline_bytes = SIM_INLINE_BYTES,
                        .random = faults->seed,
                        .faults_left = faults->profile ? faults->faults : 0};
    bind_table_init(&sim->table, job);
    sim->slots = memory_new(dag->part_count, sizeof *sim->slots);
    sim->runs = memory_new(dag->node_count, sizeof *sim->runs);
    sim->starts = memory_new(dag->node_count, sizeof *sim->starts);
    sim->puts = memory_new(dag->node_count, sizeof *sim->puts);
    sim->bytes = memory_new(dag->node_count, sizeof *sim->bytes);
    sim->keys = sim_keys_of(store, faults->seed);
    sim->acknowledged = memory_new(dag->node_count, sizeof *sim->acknowledged);
    struct sweep_options sweep = {
        .age = SIM_SWEEP_AGE, .ways = faults->executor.ways, .grain = faults->executor.grain};
    sweep.without = (faults->executor.without_become ? PLAN_WITHOUT_BECOME : 0u) |
                    (faults->executor.without_clustering ? PLAN_WITHOUT_CLUSTERS : 0u);
    sweep_init(&sim->sweep, job->plan, &sweep, 0);
    sim->next_fault = sim_random(sim, 1 + 4 * dag->node_count);
    list_producers(sim);
    init_result(sim);
    if (options->trace)
        trace_begin(options->trace, SIM_TRACKS);
}

/* ---- Taking down --------------------------------------------------------------------------- */

static void drop_values(struct sim *sim)
{
    if (sim->time && sim->time->cloud->is_dry)
        return; /* there are none */
    for (uint32_t node = 0; node < sim->dag->node_count; node++) {
        const struct bind_task *task = &sim->table.tasks[sim->dag->nodes[node].task];
        for (uint32_t i = 0; sim->runs[node] && i < task->result_count; i++)
            if (task->results[i].is_block)
                context_drop(&sim->result->context,
                             block_of(sim->slots[sim->dag->nodes[node].first_part + i]));
    }
}

static void release_processes(struct sim *sim)
{
    for (size_t i = 0; i < sim->processes.count; i++) {
        struct sim_process *process = sim->processes.items[i];
        if (!process)
            continue;
        sim_end_process(sim, process);
        node_set_release(&process->held);
        free(process->line.answered);
        free(process);
    }
    for (size_t i = 0; i < sim->invocations.count; i++)
        vector_release(&sim->invocations.items[i].payload);
    vector_release(&sim->processes);
    vector_release(&sim->invocations);
    vector_release(&sim->queue);
    vector_release(&sim->messages);
    vector_release(&sim->unused);
}

static void release_sim(struct sim *sim)
{
    release_processes(sim);
    free(sim->slots);
    free(sim->runs);
    free(sim->starts);
    free(sim->puts);
    free(sim->bytes);
    free(sim->acknowledged);
    sweep_release(&sim->sweep);
    for (size_t i = 0; i < sim->wants.count; i++) {
        free(sim->wants.items[i]->ranges);
        free(sim->wants.items[i]);
    }
    vector_release(&sim->wants);
    free(sim->first_producer);
    free(sim->producers);
    bind_table_release(&sim->table);
    sim_time_release(sim);
}

/* ---- Checks -------------------------------------------------------------------------------- */

/* P3: without faults each node runs once, each lineage is started once, nothing is stored twice,
 * and no arrival is told to stop; and all joins are marked passed. */
static void check_no_waste(struct sim *sim)
{
    uint32_t sink = dag_sink(sim->dag);
    for (uint32_t node = 0; node <= sink; node++) {
        uint32_t first = sim->plan->first_record[node], end = sim->plan->first_record[node + 1];
        if (sim->runs[node] != (node < sink))
            sim_violate(sim, "P3: node %" PRIu32 " ran %" PRIu32 " times", node, sim->runs[node]);
        if (sim->starts[node] > 1 || sim->puts[node] > 1)
            sim_violate(sim,
                        "P3: node %" PRIu32 " was started %" PRIu32 ", stored %" PRIu32 " times",
                        node, sim->starts[node], sim->puts[node]);
        bool is_owned = end > first && sim->keys->records[end - 1].join.own.edges != 0;
        if (is_owned && !sim->keys->records[end - 1].join.passed && sim->poisonings == 0)
            sim_violate(sim, "P3: join %" PRIu32 " is not marked passed", node);
    }
    if (sim->metrics.sweeps > 0)
        sim_violate(sim, "P3: %" PRIu64 " sweeps", sim->metrics.sweeps);
    if (sim->metrics.arrivals_stop > 0)
        sim_violate(sim, "P3: %" PRIu64 " arrivals were told to stop", sim->metrics.arrivals_stop);
}

/* P1 when all has come to rest: the job has ended. P2 and P6 are checked on the way. */
static void check(struct sim *sim)
{
    bool has_faults = sim->faults.profile != SIM_NO_FAULTS && sim->faults.profile != SIM_SWEPT;
    if (sim->status == SIM_RUNNING)
        sim_violate(sim, "P1: nothing is left to do, and the job has not ended");
    if (sim->gave_up && sim->faults.profile != SIM_FORGETS)
        sim_violate(sim, "P1: node %" PRIu32 " was swept in vain", sim->lost);
    if (sim->status == SIM_DONE && !has_faults)
        check_no_waste(sim);
    for (uint32_t s = 0; sim->status != SIM_RUNNING && !has_faults && s < SIM_SHARDS; s++)
        if (!sim->keys->poisoned[s])
            sim_violate(sim, "the job has ended, and executors of shard %" PRIu32 " go on", s);
}

enum {
    MS_PER_SECOND = 1000, /* a unit of virtual time is a ms */
};

#define CONSTANT(NAME, value, text) static const double MODEL_##NAME = value;
#include "world/sim_model.def"
#undef CONSTANT

void sim_print_model(struct buffer *out)
{
    buffer_puts(out, "the simulated cloud:\n");
#define CONSTANT(NAME, value, text)                                                                \
    buffer_printf(out, "%-14s %.10g  (%s)\n", #NAME, MODEL_##NAME, text);
#include "world/sim_model.def"
#undef CONSTANT
}

static void sum_costs(struct sim *sim)
{
    struct metrics *m = &sim->metrics;
    for (size_t i = 0; i < sim->processes.count; i++)
        if (sim->processes.items[i])
            sim_end_process(sim, sim->processes.items[i]);
    if (sim->time) {
        sim_time_sum(sim, m);
        return;
    }
    m->simulated_seconds = (double)sim->ended / MS_PER_SECOND;
    m->cost_dollars =
        m->billed_seconds * MODEL_MEMORY_GB * MODEL_GB_SECOND +
        (double)m->invocations * MODEL_REQUEST +
        (double)(m->store_commands - m->store_writes - m->store_reads) * MODEL_COMMAND +
        (double)m->store_writes * MODEL_VALUE_WRITE + (double)m->store_reads * MODEL_VALUE_READ;
    if ((uint64_t)MODEL_LATENCY_MS != SIM_LATENCY || (uint64_t)MODEL_LEASE_MS != SIM_LEASE)
        bug("the table of the simulated cloud says something else than it does");
}

static void sum_metrics(struct sim *sim, uint64_t begin, struct metrics *metrics)
{
    for (uint32_t node = 0; node < sim->dag->node_count; node++) {
        sim->metrics.tasks_run += sim->runs[node] > 0;
        sim->metrics.duplicate_runs += sim->runs[node] > 1 ? sim->runs[node] - 1 : 0;
    }
    sum_costs(sim);
    if (!sim->time) {
        sim->metrics.values_peak_bytes = sim->result->account.peak;
        sim->metrics.input_bytes_read = sim->result->binder.input_bytes;
    }
    sim->metrics.wall_seconds = (double)(uint64_t)(clock() - (clock_t)begin) / CLOCKS_PER_SEC;
    *metrics = sim->metrics;
}

/* ---- A run --------------------------------------------------------------------------------- */

static bool starts_as_range(const struct sim *sim)
{
    const struct executor_options *options = &sim->faults.executor;
    bool has_tree = sim->faults.profile != SIM_OTHER_CLUSTERS && !options->without_tree;
    return has_tree && (options->grain > 0 || sim->plan->units || sim->plan->source_count > 4);
}

static uint32_t count_units(const struct sim *sim)
{
    unsigned without = sim->faults.executor.without_clustering ? PLAN_WITHOUT_CLUSTERS : 0;
    return plan_unit_count(sim->plan, without);
}

/* Of a range that the job begins with. */
static uint32_t first_step(const struct sim *sim)
{
    const struct executor_options *options = &sim->faults.executor;
    uint32_t ways = options->ways ? options->ways : EXECUTOR_WAYS;
    return plan_first_step(count_units(sim), ways, options->grain);
}

/* A source, or a range of them, by its number. */
static void invoke_source(struct sim *sim, uint32_t number)
{
    struct executor_start start = {.node = sim->plan->sources[number]};
    if (starts_as_range(sim)) {
        uint32_t count = count_units(sim), step = first_step(sim), first = number * step;
        start = (struct executor_start){
            .node = PLAN_NONE, .first = first, .end = count - first < step ? count : first + step};
    }
    start.lineage = sim_fresh_lineage(sim);
    sim_invoke(sim, &start);
}

static void dispatch(struct sim *sim, const struct sim_message *message)
{
    switch (message->kind) {
    case SIM_DELIVER:
        if (sim->time)
            sim_admit(sim, message->about);
        else
            sim_deliver(sim, message->about);
        return;
    case SIM_EFFECT:
        sim_take_effect(sim, message);
        return;
    case SIM_REPLY:
        sim_reply(sim, message);
        return;
    case SIM_BEAT:
        sim_beat(sim, message);
        return;
    case SIM_SWEEP:
        sim_sweep(sim, message);
        return;
    case SIM_POISON:
        if (sim->time || sim->processes.items[message->process]->alive)
            sim_poison(sim, message->about);
        return;
    case SIM_CLEAN:
        sim_clean(sim);
        return;
    case SIM_SOURCE:
        invoke_source(sim, message->about);
        return;
    case SIM_BEGIN:
        sim_deliver(sim, message->about);
        return;
    case SIM_LEFT:
        sim_left(sim, message->about);
        return;
    case SIM_SCALE:
        sim_scale(sim);
        return;
    }
}

static bool is_interrupted(const struct sim *sim)
{
    return sim->options->stop && atomic_load_explicit(sim->options->stop, memory_order_relaxed);
}

/* With time, each when the client can send it. */
static void invoke_sources(struct sim *sim)
{
    uint32_t step = first_step(sim), count = sim->plan->source_count;
    if (starts_as_range(sim))
        count = (count_units(sim) + step - 1) / step;
    for (uint32_t i = 0; i < count; i++) {
        if (!sim->time) {
            invoke_source(sim, i);
            continue;
        }
        uint64_t leaves = sim_line_leaves(sim, &sim->time->client, 0);
        sim_send(sim, leaves, &(struct sim_message){.kind = SIM_SOURCE, .about = i});
    }
}

static uint64_t patience_of(const struct sim *sim)
{
    if (sim->time)
        return UINT64_MAX;
    if (sim->faults.profile == SIM_FORGETS)
        return 10 * SIM_FOREVER; /* several candidates may be given up one after the other */
    return sim_sweeps(sim) ? SIM_FOREVER : SIM_FOREVER / 20;
}

static void begin_job(struct sim *sim)
{
    invoke_sources(sim);
    if (sim_sweeps(sim))
        sim_send(sim, SIM_SWEEP_INTERVAL, &(struct sim_message){.kind = SIM_SWEEP});
}

static void step(struct sim *sim)
{
    struct sim_due due = take_earliest(sim);
    struct sim_message message = sim->messages.items[due.message];
    sim->now = due.time;
    if (sim->now > patience_of(sim))
        sim_violate(sim, "P4: somebody waits for ever");
    dispatch(sim, &message);
}

/* The job whose next message is the earliest; NULL: there is none. */
static struct sim *find_next(struct sim *sims, uint32_t count)
{
    struct sim *next = NULL;
    for (struct sim *sim = sims; sim < sims + count; sim++)
        if (sim->queue.count > 0 && (!next || sim->queue.items[0].time < next->queue.items[0].time))
            next = sim;
    return next;
}

/* Runs until nothing is left, also after the result is there: late messages must do no harm. A
 * violation ends all. */
static void run_to_the_end(struct sim *sims, uint32_t count)
{
    struct sim *sim;
    for (uint32_t i = 0; i < count; i++)
        begin_job(&sims[i]);
    while ((sim = find_next(sims, count)) && !is_interrupted(sim)) {
        step(sim);
        if (!sim->violation.code)
            continue;
        for (uint32_t i = 0; i < count; i++)
            sims[i].violation = sim->violation;
        return;
    }
}

/* Lays the pieces of an open result out in a block, which the binder drops. */
static int lay_out_result(struct sim *sim, struct error *error)
{
    struct job_result *result = sim->result;
    struct pieces_block block = pieces_in_block(sim->job, &result->context, result->words);
    struct pieces pieces;
    int code = pieces_init_open(&pieces, sim->dag, &block.output, error);
    if (block.block)
        vector_push(&result->binder.blocks, block.block);
    for (uint64_t place = 0; place < pieces.count && !code; place++)
        if ((code = pieces_write(&pieces, place, &result->binder)))
            *error = result->context.error;
    pieces_release(&pieces);
    return code;
}

static int bind_result(struct sim *sim, struct error *error)
{
    struct job_result *result = sim->result;
    if (pieces_are_open(sim->dag))
        return lay_out_result(sim, error);
    int code = bind_arguments(&result->binder, dag_sink(sim->dag), result->words);
    if (code)
        *error = result->context.error;
    return code;
}

static int conclude(struct sim *sim, struct job_outcome *outcome, struct error *error)
{
    struct job_result *result = sim->result;
    int code = 0;
    if (is_interrupted(sim) && sim->status != SIM_DONE)
        code = error_set(error, ERR_interrupted, "the job was stopped before its end");
    else
        check(sim);
    if (!code && sim->violation.code) {
        *error = sim->violation;
        code = (int)error->code;
    } else if (!code && sim->gave_up) {
        code = error_set(error, ERR_store_missing,
                         "task %" PRIu32 " was started again and again, and its value never came",
                         sim->lost);
    } else if (!code && sim->status == SIM_FAILED) {
        *error = sim->failure;
        code = (int)error->code;
    }
    if (!code && !(sim->time && sim->time->cloud->is_dry)) {
        result->binder.keeps = true;
        code = bind_result(sim, error);
    }
    if (code || !result->binder.keeps)
        return code;
    outcome->words = result->words;
    outcome->word_count = sim->job->result_type->word_count;
    outcome->owner = result;
    outcome->release = job_result_release;
    return 0;
}

static int end_job(struct sim *sim, clock_t begin, struct job_outcome *outcome, struct error *error)
{
    int code = conclude(sim, outcome, error);
    drop_values(sim);
    sum_metrics(sim, (uint64_t)begin, &outcome->metrics);
    if (!outcome->owner)
        job_result_free(sim->result);
    release_sim(sim);
    return code;
}

static int run_job(struct sim *sim, struct job_outcome *outcome, struct error *error)
{
    clock_t begin = clock();
    run_to_the_end(sim, 1);
    return end_job(sim, begin, outcome, error);
}

static struct sim_store store_for(const struct job *job)
{
    return (struct sim_store){.node_count = job->plan->dag->node_count,
                              .record_count = job->plan->record_count};
}

int sim_run_with(const struct job *job, const struct job_options *options,
                 const struct sim_options *faults, struct job_outcome *outcome, struct error *error)
{
    struct sim sim;
    struct sim_store store = store_for(job);
    *outcome = (struct job_outcome){0};
    init_sim(&sim, job, options, faults, &store);
    int code = run_job(&sim, outcome, error);
    sim_release_store(&store);
    return code;
}

int sim_run_two(struct sim_run *runs, const struct job_options *options)
{
    struct sim sims[2];
    struct sim_store store = store_for(runs[0].job), other = store_for(runs[1].job);
    clock_t begin = clock();
    int code = 0;
    if (other.node_count > store.node_count)
        store.node_count = other.node_count;
    if (other.record_count > store.record_count)
        store.record_count = other.record_count;
    for (int i = 0; i < 2; i++) {
        runs[i].outcome = (struct job_outcome){0};
        init_sim(&sims[i], runs[i].job, options, runs[i].faults, &store);
    }
    run_to_the_end(sims, 2);
    for (int i = 0; i < 2; i++) {
        runs[i].error = (struct error){0};
        int ended = end_job(&sims[i], begin, &runs[i].outcome, &runs[i].error);
        code = code ? code : ended;
    }
    sim_release_store(&store);
    return code;
}

enum { LEASE_MS = 10000 }; /* of an executor process */

int sim_run_on(const struct job *job, const struct job_options *options,
               const struct sim_cloud *cloud, struct job_outcome *outcome, struct error *error)
{
    struct sim sim;
    struct sim_options none = {.seed = options->seed, .executor = cloud->executor};
    *outcome = (struct job_outcome){0};
    none.executor.tasks = cloud->platform->vcpus;
    struct sim_store store = store_for(job);
    init_sim(&sim, job, options, &none, &store);
    sim.millisecond = 1000000;
    sim.lease = LEASE_MS * sim.millisecond;
    sim.inline_bytes = cloud->platform->inline_bytes;
    sim_time_init(&sim, cloud);
    int code = run_job(&sim, outcome, error);
    sim_release_store(&store);
    return code;
}

int sim_run(const struct job *job, const struct job_options *options, struct job_outcome *outcome,
            struct error *error)
{
    uint64_t seed = options->seed;
    struct sim_options faults = {.seed = seed,
                                 .profile = (enum sim_profile)(seed % SIM_FORGETS),
                                 .faults = 1 + (uint32_t)(seed / SIM_FORGETS % 8),
                                 .large_percent = (uint32_t)(hash_mix(seed) % 4 * 25)};
    return sim_run_with(job, options, &faults, outcome, error);
}
