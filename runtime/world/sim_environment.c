/*
 * The platform of a simulation with time: invocations on their way, environments, and the line
 * before them; see sim_time.h.
 *
 * An event takes an environment that has served this job, else one that is warm but must build the
 * job's graph first, else a new one, as fast as the platform starts them; when there are as many as
 * it allows, events wait in line. That is a little better than Lambda, which looks again for
 * throttled events after a while.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "world/sim_time.h"

enum { BURST_SECONDS = 10 }; /* of new environments, at once */

void sim_environments_init(struct sim *sim)
{
    struct sim_time *time = sim->time;
    uint32_t most = time->platform->concurrency;
    time->environments.warm = time->cloud->warm < most ? time->cloud->warm : most;
    time->environments.tokens = (double)time->platform->scale_per_second * BURST_SECONDS;
}

/* ---- Invocations on their way ---------------------------------------------------------------- */

uint64_t sim_line_leaves(struct sim *sim, struct sim_line *line, uint64_t from)
{
    const struct platform *platform = sim->time->platform;
    uint64_t leaves = (line->invoke > from ? line->invoke : from) + platform->invoke_work_ns;
    if (!line->answered)
        line->answered = memory_new(platform->connections, sizeof *line->answered);
    uint64_t *connection = &line->answered[line->sent++ % platform->connections];
    leaves = *connection > leaves ? *connection : leaves;
    *connection = leaves + platform->invoke_ns;
    line->invoke = leaves;
    return leaves;
}

/* ---- Environments ---------------------------------------------------------------------------- */

static void fill_tokens(struct sim *sim)
{
    struct sim_environments *e = &sim->time->environments;
    double rate = sim->time->platform->scale_per_second;
    e->tokens += rate * (double)(sim->now - e->filled) / 1e9;
    e->tokens = fmin(e->tokens, rate * BURST_SECONDS);
    e->filled = sim->now;
}

static bool can_start(struct sim *sim)
{
    struct sim_environments *e = &sim->time->environments;
    if (e->busy + e->ready + e->warm >= sim->time->platform->concurrency)
        return false;
    fill_tokens(sim);
    return sim->time->platform->scale_per_second == 0 || e->tokens >= 1;
}

/* What it takes until an executor runs; UINT64_MAX: there is no environment for it now. */
static uint64_t take_environment(struct sim *sim, struct sim_invocation *event)
{
    struct sim_environments *e = &sim->time->environments;
    const struct platform *platform = sim->time->platform;
    uint64_t plan = platform->plan_node_ns * sim->dag->node_count;
    if (e->ready > 0) {
        e->ready--;
        plan = 0;
    } else if (e->warm > 0) {
        e->warm--;
    } else if (can_start(sim)) {
        e->tokens--;
        plan += platform->cold_start_ns;
        sim->metrics.cold_starts++;
    } else {
        return UINT64_MAX;
    }
    e->busy++;
    if (e->busy > sim->metrics.executors_peak)
        sim->metrics.executors_peak = e->busy;
    event->started = sim->now;
    return plan;
}

static bool begin(struct sim *sim, sim_index invocation)
{
    uint64_t delay = take_environment(sim, &sim->invocations.items[invocation]);
    if (delay == UINT64_MAX)
        return false;
    sim_send(sim, delay, &(struct sim_message){.kind = SIM_BEGIN, .about = invocation});
    return true;
}

/* Lets those in line go on, as far as there are environments; looks again when more may be started.
 */
static void serve_line(struct sim *sim)
{
    struct sim_environments *e = &sim->time->environments;
    while (e->first < e->line.count && begin(sim, e->line.items[e->first]))
        e->first++;
    if (e->first == e->line.count) {
        e->first = e->line.count = 0;
        return;
    }
    bool is_full = e->busy >= sim->time->platform->concurrency;
    if (is_full || e->is_awaited)
        return;
    e->is_awaited = true;
    double wait = (1 - e->tokens) / sim->time->platform->scale_per_second;
    sim_send(sim, 1 + (uint64_t)(fmax(wait, 0) * 1e9), &(struct sim_message){.kind = SIM_SCALE});
}

void sim_admit(struct sim *sim, sim_index invocation)
{
    vector_push(&sim->time->environments.line, invocation);
    serve_line(sim);
}

void sim_scale(struct sim *sim)
{
    sim->time->environments.is_awaited = false;
    serve_line(sim);
}

/* Whether an executor must hand over what it has: an executor process looks every third of the
 * lease, too, and keeps as much time for it. */
bool sim_is_time_short(const struct sim *sim, const struct sim_process *process)
{
    enum { SHORT_MS = 5000 };
    uint64_t limit = sim->time->platform->limit_ns;
    return limit > 0 && sim->now - process->began + SHORT_MS * sim->millisecond > limit;
}

/* ---- The ends of executors ------------------------------------------------------------------- */

void sim_leave(struct sim *sim, sim_index index)
{
    const struct sim_line *line = &sim->processes.items[index]->line;
    uint64_t wait = line->silent > sim->now ? line->silent - sim->now : 0;
    sim_send(sim, wait, &(struct sim_message){.kind = SIM_LEFT, .about = index});
}

/* What is billed: from the start of the environment or the event, by the ms. */
static void bill(struct sim *sim, const struct sim_process *process)
{
    uint64_t began = sim->invocations.items[process->invocation].started;
    double seconds = ceil((double)(sim->now - began) / 1e6) / 1e3;
    sim->metrics.billed_seconds += seconds;
    sim->time->gb_seconds +=
        seconds * (double)sim->time->platform->memory_bytes / (double)(1 << 30);
}

void sim_left(struct sim *sim, sim_index index)
{
    struct sim_process *process = sim->processes.items[index];
    bill(sim, process);
    executor_release(&process->executor);
    node_set_release(&process->held);
    free(process->line.answered);
    free(process);
    sim->processes.items[index] = NULL;
    sim->time->environments.busy--;
    sim->time->environments.ready++;
    serve_line(sim);
}
