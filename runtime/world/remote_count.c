/*
 * What an event cost, added to the job's counters when the description asks for it (--stats). The
 * counters of stores, tasks and inputs run as long as the job is open here; an event's share is the
 * difference between its end and its beginning.
 */
#include "world/remote_state.h"

static struct metrics read_totals(const struct remote *remote)
{
    const struct store_counters *store = &remote->job->store->counters;
    struct metrics totals = {.store_commands = store->commands,
                             .store_round_trips = store->round_trips,
                             .busy_seconds = (double)remote->busy / 1e9};
    for (uint32_t i = 0; i <= remote->options.processors; i++)
        totals.input_bytes_read += remote->workers[i].binder.input_bytes;
    if (remote->job->inputs) {
        const struct store_counters *inputs = remote_inputs_counters(remote->job->inputs);
        totals.store_commands += inputs->commands;
        totals.store_round_trips += inputs->round_trips;
    }
    if (remote->job->pager) {
        uint64_t loads = plan_pager_loads(remote->job->pager);
        totals.store_commands += loads;
        totals.store_round_trips += loads;
    }
    return totals;
}

void remote_count_begin(struct remote *remote)
{
    remote->before = read_totals(remote);
    atomic_store(&remote->account.peak, atomic_load(&remote->account.used));
}

static void add_differences(struct remote *remote)
{
    struct metrics *m = &remote->metrics, now = read_totals(remote);
    m->executors = 1;
    m->values_peak_bytes = atomic_load(&remote->account.peak);
    m->store_commands = now.store_commands - remote->before.store_commands;
    m->store_round_trips = now.store_round_trips - remote->before.store_round_trips;
    m->input_bytes_read = now.input_bytes_read - remote->before.input_bytes_read;
    m->busy_seconds = now.busy_seconds - remote->before.busy_seconds;
    m->billed_seconds = (double)(remote_now() - remote->began) / 1e9;
    double idle = m->billed_seconds * remote->options.processors - m->busy_seconds;
    m->idle_seconds = idle > 0 ? idle : 0;
}

void remote_count_end(struct remote *remote)
{
    uint64_t numbers[METRIC_COUNT];
    struct store_request request = {
        .step = STORE_COUNT, .numbers = numbers, .count = METRIC_COUNT, .maxima = METRIC_MAXIMA};
    if (!remote->job->description.counts)
        return;
    add_differences(remote);
    metrics_pack(&remote->metrics, numbers);
    store_call(remote->job->store, &request); /* statistics may be lost */
    store_request_release(&request);
}
