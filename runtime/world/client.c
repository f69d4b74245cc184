/* Submitting a job, watching it, and its result; see client.h. */

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "world/client_state.h"
#include "world/failure.h"
#include "world/payload.h"

enum {
    WATCH_MS = 250,   /* between two looks at the job's status, if nobody tells of its end */
    REPORT_MS = 2000, /* waited for what executors count after the job's end */
    DESCRIPTION_INLINE = 4096,
};

uint64_t client_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

bool client_is_stopped(const struct client *client)
{
    const _Atomic(uint32_t) *stop = client->options->job->stop;
    return stop && atomic_load_explicit(stop, memory_order_relaxed);
}

/* ---- Submitting ------------------------------------------------------------------------------ */

int client_take_invocations(struct client *client, struct error *error)
{
    struct remote_platform *platform = client->options->platform;
    struct remote_invocation *invocation;
    int code = 0;
    while (platform && (invocation = platform->next(platform))) {
        client->invoking--;
        if (invocation->code && !code) {
            *error = invocation->error;
            code = invocation->code;
        }
        buffer_release(&invocation->payload);
        free(invocation);
    }
    return code;
}

void client_invoke(struct client *client, const struct executor_start *start)
{
    struct payload payload = {.store = client->options->store, .start = *start};
    memcpy(payload.job, client->name, sizeof payload.job);
    while (payload.start.lineage.token == 0)
        if (getrandom(&payload.start.lineage.token, sizeof(uint64_t), 0) != sizeof(uint64_t))
            payload.start.lineage.token = 0;
    if (client->description.length <= DESCRIPTION_INLINE) {
        payload.description = client->description.data;
        payload.description_length = client->description.length;
    }
    struct remote_invocation *invocation = memory_new(1, sizeof *invocation);
    payload_write(&payload, &invocation->payload);
    client->invoking++;
    client->invocations++;
    client->options->platform->invoke(client->options->platform, invocation);
}

/* As ranges, which executors split; or one by one. */
static int invoke_sources(struct client *client, struct error *error)
{
    const struct plan *plan = client->job->job->plan;
    const struct description *d = &client->job->description;
    bool is_split = !(d->without & WITHOUT_TREE);
    unsigned without = d->without & WITHOUT_CLUSTERING ? PLAN_WITHOUT_CLUSTERS : 0;
    uint32_t count = is_split ? plan_unit_count(plan, without) : plan->source_count;
    uint32_t step = is_split ? plan_first_step(count, EXECUTOR_WAYS, d->grain) : 1;
    int code = 0;
    for (uint32_t i = 0; i < count && !code; i += step) {
        struct executor_start range = {
            .node = PLAN_NONE, .first = i, .end = count - i < step ? count : i + step};
        struct executor_start source = {.node = plan->sources[i]};
        client_invoke(client, is_split ? &range : &source);
        code = client_take_invocations(client, error);
        if (count - i < step)
            break;
    }
    return code;
}

/* Waits for invocations that are under way. */
static int finish_invocations(struct client *client, struct error *error)
{
    int code = client_take_invocations(client, error);
    while (client->invoking > 0) {
        struct error later;
        client->options->platform->wait(client->options->platform, NULL, 0, 1000);
        int failed = client_take_invocations(client, code ? &later : error);
        code = code ? code : failed;
    }
    return code;
}

/* Executors count the invocations that they make; these are the others. */
static int count_invocations(struct client *client, struct error *error)
{
    uint64_t numbers[METRIC_COUNT];
    struct metrics metrics = {.invocations = client->invocations};
    struct store_request request = {.step = STORE_COUNT, .numbers = numbers, .count = METRIC_COUNT};
    metrics_pack(&metrics, numbers);
    return client->job->description.counts ? client_call(client, &request, error) : 0;
}

static int submit(struct client *client, struct error *error)
{
    int code = client_store_job(client, error);
    code = code ? code : invoke_sources(client, error);
    struct error later;
    int failed = finish_invocations(client, code ? &later : error);
    code = code ? code : failed;
    return code ? code : count_invocations(client, error);
}

/* ---- Watching -------------------------------------------------------------------------------- */

static int check_patience(const struct client *client, struct error *error)
{
    uint64_t limit = client->options->timeout_ms;
    if (client_is_stopped(client))
        return error_set(error, ERR_interrupted, "the job was stopped before its end");
    if (limit == 0 || client_now() - client->began < limit)
        return 0;
    error_set(error, ERR_job_timeout, "the job took longer than %g s", (double)limit / 1e3);
    return error_hint(error, "give it more with --timeout, or see with --stats where it was");
}

static void report_progress(const struct client *client, const struct store_request *status)
{
    const struct job_options *job = client->options->job;
    struct metrics metrics;
    metrics_unpack(status->reply.counters, status->reply.counter_count, &metrics);
    if (job->progress && client->job->description.counts && status->reply.status == STORE_RUNNING)
        job->progress(job->progress_context, metrics.tasks_run, 0);
}

void client_wait_a_while(struct client *client)
{
    struct remote_platform *platform = client->options->platform;
    int descriptor = store_descriptor(client->store), timeout = store_timeout(client->store);
    timeout = timeout >= 0 && timeout < WATCH_MS ? timeout : WATCH_MS;
    if (platform)
        platform->wait(platform, &descriptor, 1, timeout);
    else
        poll(&(struct pollfd){.fd = descriptor, .events = POLLIN}, 1, timeout);
}

/* Waits for a hint that the job has ended, but not for long; and sweeps meanwhile. */
static int wait_for_hint(struct client *client, struct error *error)
{
    struct store_request watch = {.step = STORE_WATCH, .timeout = WATCH_MS};
    int code = 0;
    store_send(client->store, &watch);
    while (store_next(client->store) != &watch) { /* nothing else is under way */
        bool did = false;
        code = code ? code : client_sweep_step(client, &did, error);
        code = code ? code : client_take_invocations(client, error);
        if (!did)
            client_wait_a_while(client);
    }
    if (watch.code && !code) {
        *error = watch.error;
        code = watch.code;
    }
    store_request_release(&watch);
    return code;
}

/* Writes whole lines; the rest waits for its end. */
static void write_lines(struct client *client, const char *text, size_t length)
{
    const struct job_options *options = client->options->job;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\n') {
            buffer_putc(&client->line, text[i]);
            continue;
        }
        if (options->log)
            options->log(options->log_context, buffer_text(&client->line));
        else
            fprintf(stderr, "%s\n", buffer_text(&client->line));
        buffer_clear(&client->line);
    }
}

/* What tasks have logged since the last time. It may be lost. */
static void write_log(struct client *client)
{
    size_t taken;
    do {
        struct store_request tail = {.step = STORE_TAIL, .name.first = client->logged};
        taken = store_call(client->store, &tail) ? 0 : tail.reply.value.size;
        write_lines(client, tail.reply.value.data, taken);
        client->logged += taken;
        store_request_release(&tail);
    } while (taken == STORE_TAIL_BYTES);
}

static void write_what_is_cut(struct client *client, uint64_t lines)
{
    char text[100];
    if (lines == 0)
        return;
    snprintf(text, sizeof text, "(%" PRIu64 " lines more were logged than the store keeps)\n",
             lines);
    write_lines(client, text, strlen(text));
}

/* Waits until the job has ended; *status is answered then, and to be released. */
static int watch(struct client *client, struct store_request *status, struct error *error)
{
    for (;;) {
        *status = (struct store_request){.step = STORE_STATUS};
        int code = store_call(client->store, status);
        if (code)
            *error = status->error;
        else if (status->reply.status == STORE_ABSENT)
            code = error_set(error, ERR_job_lost, "the store has lost the job");
        client->ended = status->reply.status != STORE_RUNNING;
        if (!code)
            write_log(client);
        if (code || client->ended)
            return code;
        report_progress(client, status);
        store_request_release(status);
        code = check_patience(client, error);
        code = code ? code : wait_for_hint(client, error);
        if (code)
            return code;
    }
}

/* ---- The end -------------------------------------------------------------------------------- */

static int conclude(struct client *client, const struct store_request *status, struct error *error)
{
    static const struct store_bytes nothing;
    const char *log;
    const struct store_bytes *left =
        status->reply.value_count > 1 ? &status->reply.values[1] : &nothing;
    switch (status->reply.status) {
    case STORE_DONE:
        return client_take_result(client, left, error);
    case STORE_FAILED:
        failure_read(left->data, left->size, &client->result->arena, error, &log);
        write_lines(client, log, strlen(log));
        return (int)error->code;
    case STORE_CANCELLED:
        return error_set(error, ERR_interrupted, "the job was cancelled");
    case STORE_ABSENT:
    case STORE_RUNNING:
        break;
    }
    bug("a job of status %d has not ended", (int)status->reply.status);
}

/* ---- A run ----------------------------------------------------------------------------------- */

/* Executors that are still at work are told to stop; then the job's keys go, but for the marks that
 * tell those who cannot be waited for. These are set by now, also where an executor that settled
 * the job has yet to do so. */
static void clear_away(struct client *client, int code)
{
    struct error ignored;
    struct store_request cancel = {.step = STORE_SETTLE, .status = STORE_CANCELLED};
    struct store_request remove = {.step = STORE_REMOVE, .lease = client->options->late_ms};
    if (!client->begun || (client->options->leaves && !client->ended))
        return;
    if (code || client->options->late_ms)
        client_call(client, &cancel, &ignored);
    if (client->options->halt)
        client->options->halt(client->options->halt_context);
    client_call(client, &remove, &ignored);
}

static int read_counters(struct client *client, struct metrics *metrics)
{
    struct store_request status = {.step = STORE_STATUS};
    int code = store_call(client->store, &status);
    if (!code)
        metrics_unpack(status.reply.counters, status.reply.counter_count, metrics);
    store_request_release(&status);
    return code;
}

/* Executors tell what they did when they end, which is later than the job does, and in any order:
 * where more have told than were invoked, one that invoked some has not. Those that were killed
 * never tell, and who was retried tells twice. */
static bool have_all_told(const struct client *client, const struct metrics *metrics)
{
    return metrics->executors == metrics->invocations + client->sweep.sweeps;
}

static void take_counters(struct client *client, struct metrics *metrics)
{
    uint64_t nodes = client->job->job->plan->dag->node_count - 1, began = client_now(), pause = 500;
    if (!client->job->description.counts)
        return;
    while (read_counters(client, metrics) == 0 && !have_all_told(client, metrics) &&
           client->ended && client_now() - began < REPORT_MS) {
        nanosleep(&(struct timespec){.tv_nsec = (long)pause * 1000}, NULL);
        pause = pause < 20000 ? 2 * pause : pause;
    }
    metrics->sweeps += client->sweep.sweeps;
    metrics->invocations += client->sweep.sweeps;
    if (metrics->tasks_run > nodes) {
        metrics->duplicate_runs += metrics->tasks_run - nodes;
        metrics->tasks_run = nodes;
    }
}

static int wait_for_end(struct client *client, struct job_outcome *outcome, struct error *error)
{
    struct store_request status = {0};
    struct metrics *metrics = &outcome->metrics;
    int code = watch(client, &status, error);
    if (code == ERR_job_timeout)
        client_note_outstanding(client, error);
    if (!code)
        write_what_is_cut(client, status.reply.log_cut);
    if (!code)
        code = conclude(client, &status, error);
    store_request_release(&status);
    metrics->wall_seconds = (double)(client_now() - client->began) / 1e3;
    double wall_seconds = metrics->wall_seconds;
    take_counters(client, metrics);
    metrics->wall_seconds = wall_seconds;
    return code;
}

static int open_client(struct client *client, struct error *error)
{
    struct store_options options = {0};
    if (client->options->name)
        memcpy(client->name, client->options->name, STORE_JOB_NAME);
    else
        store_make_job_name(client->name);
    memcpy(options.job, client->name, sizeof options.job);
    int code = store_open(client->options->store, &options, &client->store, error);
    if (!code)
        description_write(&client->job->description, &client->description);
    return code;
}

static void close_client(struct client *client)
{
    client_sweep_release(client);
    store_close(client->store);
    buffer_release(&client->description);
    buffer_release(&client->line);
}

static void release_outcome(struct job_outcome *outcome)
{
    client_result_free(outcome->owner);
    *outcome = (struct job_outcome){0};
}

static int run(struct client *client, bool submits, struct job_outcome *outcome,
               struct error *error)
{
    struct error ignored;
    *outcome = (struct job_outcome){0};
    int code = open_client(client, error);
    if (code)
        return code;
    client->result = client_result_new(client);
    code = submits ? submit(client, error) : 0;
    client_sweep_init(client);
    code = code ? code : wait_for_end(client, outcome, error);
    finish_invocations(client, &ignored);
    clear_away(client, code);
    close_client(client);
    outcome->words = client->result->words;
    outcome->word_count = client->job->job->result_type->word_count;
    outcome->in_pieces = client->result->is_written;
    outcome->owner = client->result;
    outcome->release = release_outcome;
    return code;
}

int client_run(const struct client_job *job, const struct client_options *options,
               struct job_outcome *outcome, struct error *error)
{
    struct client client = {.job = job, .options = options, .began = client_now()};
    return run(&client, true, outcome, error);
}

int client_wait(const struct client_job *job, const struct client_options *options,
                struct job_outcome *outcome, struct error *error)
{
    struct client client = {.job = job, .options = options, .began = client_now(), .begun = true};
    return run(&client, false, outcome, error);
}

int client_submit(const struct client_job *job, const struct client_options *options,
                  struct error *error)
{
    struct client client = {.job = job, .options = options, .began = client_now()};
    int code = open_client(&client, error);
    if (code)
        return code;
    client.result = client_result_new(&client); /* stored leaves are described in its memory */
    code = submit(&client, error);
    if (code)
        clear_away(&client, code);
    close_client(&client);
    client_result_free(client.result);
    return code;
}
