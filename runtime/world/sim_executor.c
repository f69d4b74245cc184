/* Simulated processes: each drives an executor by messages, and suffers faults; see sim.h. */
#include "world/sim_time.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/memory.h"
#include "value/pack.h"
#include "executor/mutant.h"
#include "trace/trace.h"
#include "world/sim_watch.h"

/* ---- Life and death ------------------------------------------------------------------------ */

void sim_end_process(struct sim *sim, struct sim_process *process)
{
    if (process->alive) {
        executor_release(&process->executor);
        sim->metrics.billed_seconds += (double)(sim->now - process->began) / 1000;
    }
    process->alive = false;
}

static void perform(struct sim *sim, sim_index index);

/* The platform delivers the event again, some time later: perhaps before a dead owner's lease ends.
 */
static void redeliver(struct sim *sim, const struct sim_process *process)
{
    struct sim_message again = {.kind = SIM_DELIVER, .about = process->invocation};
    sim_send(sim, 50 + sim_random(sim, 3 * SIM_LEASE), &again);
}

static void crash(struct sim *sim, struct sim_process *process)
{
    if (!process->alive)
        return;
    sim_end_process(sim, process);
    if (!sim_sweeps(sim))
        redeliver(sim, process);
}

/* The platform may take it for dead; then it wakes up beside its successor. */
static void freeze(struct sim *sim, struct sim_process *process)
{
    process->frozen_until = sim->now + SIM_LEASE + sim_random(sim, 3 * SIM_LEASE);
    if (sim_random(sim, 2))
        redeliver(sim, process);
}

void sim_deliver(struct sim *sim, sim_index invocation)
{
    struct sim_invocation *event = &sim->invocations.items[invocation];
    if (MUTANT(START_CLAIMED) && event->claimed)
        return;
    event->claimed = true;
    struct executor_options options = sim->faults.executor;
    options.inline_bytes = sim->inline_bytes;
    options.lossless = false;
    if (sim->faults.profile == SIM_OTHER_CLUSTERS) {
        options.without_clustering = sim_random(sim, 2);
        options.without_tree = true; /* ranges speak of lists that all must agree about */
    }
    struct sim_process *process = memory_new(1, sizeof *process);
    process->invocation = invocation;
    process->alive = true;
    process->began = sim->now;
    for (size_t i = 0; i < event->payload.count; i++)
        node_set_add(&process->held, event->payload.items[i]);
    if (sim->time)
        vector_release(&event->payload); /* there is no retry */
    executor_init(&process->executor, sim->plan, &options);
    bool is_refused = !executor_can_begin(&process->executor, &event->start);
    if (!is_refused)
        executor_begin(&process->executor, &event->start);
    sim->metrics.invocations++;
    if (event->start.first == event->start.end)
        sim->starts[event->start.node]++;
    vector_push(&sim->processes, process);
    sim_index index = (sim_index)sim->processes.count - 1;
    if (is_refused) {
        sim_end_process(sim, process);
        return;
    }
    perform(sim, index);
    sim_send(sim, sim->lease / 3, &(struct sim_message){.kind = SIM_BEAT, .about = index});
}

/* ---- Running tasks ------------------------------------------------------------------------- */

static bool is_same_block(const struct value_leaf *leaf, const struct wk_block *a,
                          const struct wk_block *b)
{
    if (leaf->is_packed)
        return pack_equal(leaf->layout, a, b);
    return a->rank == b->rank && a->bytes == b->bytes &&
           memcmp(a->extents, b->extents, a->rank * sizeof *a->extents) == 0 &&
           memcmp((const char *)a + WK_HEADER_BYTES, (const char *)b + WK_HEADER_BYTES, a->bytes) ==
               0;
}

/* P2: a later run must give what the first gave. */
static void compare_leaf(struct sim *sim, uint32_t node, uint64_t slot,
                         const struct value_leaf *leaf, uint64_t word)
{
    bool is_same =
        leaf->is_block ? is_same_block(leaf, block_of(slot), block_of(word)) : slot == word;
    if (!is_same)
        sim_violate(sim, "P2: two runs of node %" PRIu32 " gave different values", node);
    if (leaf->is_block)
        context_drop(&sim->result->context, block_of(word));
}

static uint64_t keep_results(struct sim *sim, uint32_t node, const uint64_t *words)
{
    const struct bind_task *task = &sim->table.tasks[sim->dag->nodes[node].task];
    uint64_t part = sim->dag->nodes[node].first_part, bytes = 0;
    for (uint32_t i = 0; i < task->result_count; i++, part++) {
        bytes += task->results[i].is_block ? block_of(words[0])->bytes : sizeof *words;
        if (sim->runs[node] == 0)
            sim->slots[part] = words[0];
        else
            compare_leaf(sim, node, sim->slots[part], &task->results[i], words[0]);
        words += task->results[i].words;
    }
    return bytes;
}

/* The kernel, and its fallback if it failed by itself. */
static int run_attempts(struct sim *sim, uint32_t node, const struct bind_task *task,
                        const uint64_t *arguments, uint64_t *results)
{
    int code = sim_watch_run(sim, node, task->kernel, arguments, results);
    if (code == 0 || !task->fallback || !context_can_recover((enum error_code)code))
        return code;
    sim->result->context.error = (struct error){.code = ERR_none};
    return sim_watch_run(sim, node, task->fallback, arguments, results);
}

/* ns of this thread's processor. */
static uint64_t processor_time(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void note_results(struct sim *sim, uint32_t node, const uint64_t *results)
{
    uint64_t largest = sim->time ? sim_note_sizes(sim, node, results) : 0;
    uint64_t bytes = keep_results(sim, node, results);
    sim->bytes[node] = sim->time ? largest : bytes;
}

static int run_kernel(struct sim *sim, uint32_t node, uint64_t *arguments)
{
    uint32_t number = sim->dag->nodes[node].task;
    const struct bind_task *task = &sim->table.tasks[number];
    struct job_result *means = sim->result;
    uint64_t *results = memory_new(sim->table.result_words, sizeof *results);
    uint64_t began = sim->time ? processor_time() : 0;
    int code = bind_arguments(&means->binder, node, arguments);
    if (!code)
        code = run_attempts(sim, node, task, arguments, results);
    if (sim->time)
        sim_time_note_run(sim, node, processor_time() - began);
    if (!code)
        note_results(sim, node, results);
    free(results);
    return code;
}

/* A run whose task is not run: its value has the estimated size. */
static int skip_kernel(struct sim *sim, uint32_t node)
{
    sim_time_note_run(sim, node, 0);
    sim->bytes[node] = sim_largest_part(sim, node);
    return 0;
}

static void note_failure(struct sim *sim, uint32_t node, const uint64_t *arguments)
{
    if (sim->status != SIM_RUNNING)
        return;
    describe_failure(&sim->table, node, arguments, &sim->result->context.error);
    sim->failure = sim->result->context.error;
}

/* Without a platform virtual time has no unit of its own; in a trace it is microseconds. Runs that
 * overlap go to tracks of their own, as far as there are any. */
static void trace_run(struct sim *sim, uint32_t node)
{
    uint64_t begin = sim->now, end = begin + (sim->time ? sim->time->took[node] : SIM_LATENCY);
    uint64_t unit = sim->time ? 1 : 1000;
    uint32_t track = 0;
    if (!sim->options->trace)
        return;
    while (track + 1 < SIM_TRACKS && sim->track_ends[track] > begin)
        track++;
    sim->track_ends[track] = end;
    trace_task(sim->options->trace, track, node, begin * unit, end * unit);
}

static void run_task(struct sim *sim, struct sim_process *process, uint32_t node,
                     struct executor_event *event)
{
    event->is_stored = event->is_stored && sim->keys->stored[node];
    if (event->is_stored) {
        event->kind = EXECUTOR_DONE;
        event->bytes = SIM_INLINE_BYTES + 1;
        node_set_add(&process->held, node);
        return;
    }
    event->kind = EXECUTOR_MISSING;
    if (!sim_load(sim, process, node))
        return;
    uint64_t *arguments = memory_new(sim->table.argument_words, sizeof *arguments);
    bool is_dry = sim->time && sim->time->cloud->is_dry;
    int code = is_dry ? skip_kernel(sim, node) : run_kernel(sim, node, arguments);
    if (code) {
        event->kind = EXECUTOR_FAILED;
        event->retriable = is_failure_retriable((enum error_code)code);
        note_failure(sim, node, arguments);
    } else {
        event->kind = EXECUTOR_DONE;
        trace_run(sim, node);
        if (sim->runs[node]++ == 0)
            write_task_log(&sim->table, sim->options, node, &sim->result->context.log);
        node_set_add(&process->held, node);
        event->bytes =
            sim_is_large(sim, node) && !sim->time ? SIM_INLINE_BYTES + 1 : sim->bytes[node];
    }
    binder_clear(&sim->result->binder);
    free(arguments);
}

/* Sets the status, once; then the shards are marked, one after the other. */
static void settle(struct sim *sim, sim_index process, enum sim_status status,
                   struct executor_event *event)
{
    event->kind = EXECUTOR_SETTLED;
    if (sim->status == SIM_RUNNING && sim->faults.profile > SIM_SWEPT && sim_random(sim, 2))
        sim_send(sim, 1 + sim_random(sim, 2 * SIM_LEASE), &(struct sim_message){.kind = SIM_CLEAN});
    sim->ended = sim->status == SIM_RUNNING ? sim->now : sim->ended;
    sim->status = sim->status == SIM_RUNNING ? status : sim->status;
    for (uint32_t shard = 0; shard < SIM_SHARDS; shard++)
        sim_send(sim, sim->time ? sim->time->platform->round_trip_ns : 1 + shard * SIM_LATENCY,
                 &(struct sim_message){.kind = SIM_POISON, .about = shard, .process = process});
}

/* Stores what only this process has of the result; false when an input is missing. Nothing is
 * loaded: the client reads it. */
static bool store_result(struct sim *sim, struct sim_process *process, uint32_t sink)
{
    for (uint64_t p = sim->first_producer[sink]; p < sim->first_producer[sink + 1]; p++) {
        if (sim_is_unstored_result(sim, process, sim->producers[p]))
            sim_put(sim, process, sim->producers[p]);
        if (!sim->keys->stored[sim->producers[p]] &&
            !node_set_has(&process->held, sim->producers[p]))
            return false;
    }
    return true;
}

/* The first commit sets the status; later ones find it set. All have the same result (P2), since
 * all runs of all nodes agree. */
static void commit(struct sim *sim, sim_index index, uint32_t sink, struct executor_event *event)
{
    event->kind = EXECUTOR_MISSING;
    if (sim->time ? store_result(sim, sim->processes.items[index], sink)
                  : sim_load(sim, sim->processes.items[index], sink))
        settle(sim, index, SIM_DONE, event);
}

/* ---- Steps --------------------------------------------------------------------------------- */

/* Does what a message asks for; the event is the answer. */
static void apply(struct sim *sim, const struct sim_message *message, struct executor_event *event)
{
    const struct executor_action *action = &message->action;
    struct sim_process *process = sim->processes.items[message->about];
    *event = executor_answer(action);
    sim->metrics.store_round_trips +=
        action->kind != EXECUTOR_RUN && action->kind != EXECUTOR_INVOKE;
    sim->metrics.questions += action->kind == EXECUTOR_ASK;
    switch (action->kind) {
    case EXECUTOR_RUN:
        event->is_stored = action->is_stored;
        run_task(sim, process, action->node, event);
        return;
    case EXECUTOR_PUT:
        sim_put(sim, process, action->node);
        event->kind = EXECUTOR_STORED;
        return;
    case EXECUTOR_INVOKE:
        sim_accept(sim, process, action);
        event->kind = EXECUTOR_ACCEPTED;
        return;
    case EXECUTOR_ARRIVE:
        sim_arrive(sim, process, message->about, action, event);
        event->kind = EXECUTOR_ANSWERED;
        return;
    case EXECUTOR_COMMIT:
        commit(sim, message->about, action->node, event);
        return;
    case EXECUTOR_FAIL:
        settle(sim, message->about, SIM_FAILED, event);
        return;
    case EXECUTOR_ASK:
        sim_ask(sim, process, message->about, action, event);
        event->kind = EXECUTOR_ANSWERED;
        return;
    case EXECUTOR_LOOK:
        event->is_split = sim_has_mark(sim, action);
        sim->metrics.store_commands++;
        event->kind = EXECUTOR_LOOKED;
        return;
    case EXECUTOR_LAND: /* only where nothing is lost */
    case EXECUTOR_WAIT:
    case EXECUTOR_SPLIT:
    case EXECUTOR_PASSED:
    case EXECUTOR_END:
        break;
    }
    bug("action %d is no message", (int)action->kind);
}

static void answer(struct sim *sim, const struct sim_message *message,
                   const struct executor_event *event)
{
    struct sim_process *process = sim->processes.items[message->about];
    struct sim_message reply = {.kind = SIM_REPLY, .about = message->about, .event = *event};
    if (sim->time) {
        sim_send(sim, sim_time_answer(sim, process, &message->action, event), &reply);
        return;
    }
    uint64_t delay = 1 + sim_random(sim, SIM_LATENCY);
    if (event->kind == EXECUTOR_SETTLED)
        delay += SIM_SHARDS * SIM_LATENCY; /* when the last shard is marked */
    if (process->frozen_until > sim->now + delay)
        delay = process->frozen_until - sim->now;
    sim_send(sim, delay, &reply);
}

static const struct executor_event short_time = {.kind = EXECUTOR_TIME_SHORT};

/* ---- Faults -------------------------------------------------------------------------------- */

/* The store loses a value, if it has one. */
static void forget_value(struct sim *sim)
{
    uint32_t first = (uint32_t)sim_random(sim, sim->dag->node_count);
    for (uint32_t i = 0; i < sim->dag->node_count; i++) {
        uint32_t node = (first + i) % sim->dag->node_count;
        if (!sim->keys->stored[node])
            continue;
        sim->keys->stored[node] = false;
        return;
    }
}

static void take_effect_again(struct sim *sim, const struct sim_message *message, uint64_t delay,
                              bool is_echo)
{
    struct sim_message again = *message;
    again.is_echo = is_echo;
    sim_send(sim, delay, &again);
}

static enum sim_profile choose_fault(struct sim *sim)
{
    static const enum sim_profile all[] = {SIM_CRASHES,      SIM_DUPLICATES, SIM_DELAYS,
                                           SIM_LOST_REPLIES, SIM_FREEZES,    SIM_TIME_LIMITS,
                                           SIM_LOST_EVENTS};
    switch (sim->faults.profile) {
    case SIM_ALL_FAULTS:
        return (enum sim_profile)(SIM_CRASHES + sim_random(sim, SIM_FREEZES - SIM_CRASHES + 1));
    case SIM_FREEZES_AND_CRASHES:
        return sim_random(sim, 2) ? SIM_FREEZES : SIM_CRASHES;
    case SIM_NO_FAULTS:
    case SIM_CRASHES:
    case SIM_DUPLICATES:
    case SIM_DELAYS:
    case SIM_LOST_REPLIES:
    case SIM_FREEZES:
    case SIM_TIME_LIMITS:
    case SIM_SWEPT:
    case SIM_FORGETS:
    case SIM_PROFILE_COUNT:
        break;
    case SIM_LOST_EVENTS:
    case SIM_OTHER_CLUSTERS:
        return sim_random(sim, 2) ? SIM_CRASHES : SIM_LOST_EVENTS;
    case SIM_UNRELIABLE:
        return all[sim_random(sim, sizeof all / sizeof *all)];
    }
    return sim->faults.profile;
}

/* Faults fall on steps chosen by the seed. */
static bool is_fault_due(struct sim *sim)
{
    if (sim->faults_left == 0 || ++sim->steps < sim->next_fault)
        return false;
    sim->faults_left--;
    sim->next_fault = sim->steps + 1 + sim_random(sim, 1 + 4 * sim->dag->node_count);
    return true;
}

/* A message takes effect with a fault; see enum sim_profile. */
static void take_effect_badly(struct sim *sim, const struct sim_message *message)
{
    struct sim_process *process = sim->processes.items[message->about];
    struct sim_message other = *message;
    struct executor_event event;
    switch (choose_fault(sim)) {
    case SIM_CRASHES:
        if (sim_random(sim, 2))
            apply(sim, message, &event);
        crash(sim, process);
        return;
    case SIM_DELAYS:
        take_effect_again(sim, message, SIM_LEASE + sim_random(sim, 3 * SIM_LEASE), false);
        return;
    case SIM_LOST_REPLIES:
        apply(sim, message, &event);
        take_effect_again(sim, message, SIM_REPEAT, false);
        return;
    case SIM_DUPLICATES:
        if (message->action.kind == EXECUTOR_INVOKE && sim_random(sim, 2))
            other.action.lineage.token = sim_fresh_lineage(sim).token;
        take_effect_again(sim, &other, 1 + sim_random(sim, 3 * SIM_LEASE), true);
        break;
    case SIM_LOST_EVENTS:
        if (message->action.kind != EXECUTOR_INVOKE)
            break;
        event = executor_answer(&message->action);
        event.kind = EXECUTOR_ACCEPTED;
        answer(sim, message, &event);
        return;
    case SIM_FORGETS:
        forget_value(sim);
        break;
    case SIM_FREEZES:
        freeze(sim, process);
        break;
    case SIM_TIME_LIMITS:
        executor_handle(&process->executor, &short_time);
        break;
    case SIM_NO_FAULTS:
    case SIM_FREEZES_AND_CRASHES:
    case SIM_ALL_FAULTS:
    case SIM_SWEPT:
    case SIM_OTHER_CLUSTERS:
    case SIM_UNRELIABLE:
    case SIM_PROFILE_COUNT:
        break;
    }
    apply(sim, message, &event);
    answer(sim, message, &event);
}

/* ---- Messages ------------------------------------------------------------------------------ */

/* Of a dead process, what was on its way may still arrive. */
static bool is_from_the_living(struct sim *sim, const struct sim_message *message)
{
    const struct sim_process *process = sim->processes.items[message->about];
    if (message->action.kind == EXECUTOR_RUN)
        return process->alive && !message->is_echo;
    return process->alive || message->is_echo || sim_random(sim, 2);
}

void sim_take_effect(struct sim *sim, const struct sim_message *message)
{
    struct sim_process *process = sim->processes.items[message->about];
    struct executor_event event;
    if (!is_from_the_living(sim, message))
        return;
    if (message->action.kind == EXECUTOR_RUN && process->frozen_until > sim->now) {
        take_effect_again(sim, message, process->frozen_until - sim->now, false);
        return;
    }
    if (!message->is_echo && process->alive && is_fault_due(sim)) {
        take_effect_badly(sim, message);
        return;
    }
    apply(sim, message, &event);
    if (process->alive && !message->is_echo)
        answer(sim, message, &event);
}

/* What a process has waited for may come when it has ended. */
void sim_reply(struct sim *sim, const struct sim_message *message)
{
    struct sim_process *process = sim->processes.items[message->about];
    if (!process || !process->alive)
        return;
    if (process->frozen_until > sim->now) {
        sim_send(sim, process->frozen_until - sim->now, message);
        return;
    }
    executor_handle(&process->executor, &message->event);
    perform(sim, message->about);
}

/* The heartbeats of an executor that has been at work for a while. */
void sim_beat(struct sim *sim, const struct sim_message *message)
{
    struct sim_process *process = sim->processes.items[message->about];
    uint32_t count;
    if (!process || !process->alive)
        return;
    if (sim->time && sim_is_time_short(sim, process)) {
        executor_handle(&process->executor, &short_time);
        perform(sim, message->about);
    }
    if (process->frozen_until <= sim->now) {
        bool is_poisoned = false;
        for (uint32_t s = 0; s < SIM_SHARDS; s++)
            is_poisoned |= sim->keys->poisoned[s];
        if (is_poisoned) {
            executor_handle(&process->executor,
                            &(struct executor_event){.kind = EXECUTOR_POISONED});
            sim->poisonings++;
            perform(sim, message->about);
            if (!process->alive)
                return;
        }
        const uint32_t *nodes = executor_list_beats(&process->executor, &count);
        for (uint32_t i = 0; i < count; i++)
            sim->keys->beats[nodes[i]] = sim->now + sim->lease;
        sim->metrics.store_commands += count > 0;
    }
    sim_send(sim, sim->lease / 3, message);
}

/* What is not answered by the store or the platform; whether the action was of that kind. */
static bool perform_here(struct sim *sim, sim_index index, const struct executor_action *action)
{
    struct sim_message waited = {.kind = SIM_REPLY, .about = index};
    if (action->kind == EXECUTOR_PASSED) {
        sim_pass(sim, action->joins, action->count);
        if (sim->time)
            sim_time_silent(sim, sim->processes.items[index], action->joins[0]);
        return true;
    }
    if (action->kind == EXECUTOR_SPLIT) {
        sim_mark(sim, action);
        if (sim->time)
            sim_time_silent(sim, sim->processes.items[index], action->node);
        return true;
    }
    if (action->kind != EXECUTOR_WAIT)
        return false;
    waited.event = executor_answer(action);
    waited.event.kind = EXECUTOR_WAITED;
    sim_send(sim, action->milliseconds * sim->millisecond, &waited);
    return true;
}

/* Sends what the executor wants done. Fresh tokens are drawn here, before anything can be repeated.
 */
static void perform(struct sim *sim, sim_index index)
{
    struct sim_process *process = sim->processes.items[index];
    struct sim_message message = {.kind = SIM_EFFECT, .about = index};
    while (executor_next(&process->executor, &message.action)) {
        struct executor_action *action = &message.action;
        if (action->kind == EXECUTOR_END) {
            if (sim->time)
                sim_leave(sim, index);
            else
                sim_end_process(sim, process);
            return;
        }
        if (perform_here(sim, index, action))
            continue;
        if (action->kind == EXECUTOR_INVOKE && action->lineage.token == 0)
            action->lineage = sim_fresh_lineage(sim);
        sim->metrics.becomes += action->kind == EXECUTOR_RUN && action->becomes;
        uint64_t delay =
            sim->time ? sim_time_effect(sim, process, action) : 1 + sim_random(sim, SIM_LATENCY);
        if (action->kind == EXECUTOR_RUN && sim_sweeps(sim) &&
            hash_combine(sim->faults.seed, action->node) % 16 == 0)
            delay += SIM_LEASE + SIM_SWEEP_AGE; /* a long task */
        sim_send(sim, delay, &message);
    }
}
