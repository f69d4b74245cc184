/* Serving events: the loop, its timers, and the end; see remote.h and remote_state.h. */
#include "world/remote.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "world/remote_state.h"

#define MILLISECOND UINT64_C(1000000)

enum {
    SHORT_PART = 20,      /* of the time that an event has, this part is kept for handing over */
    SHORT_LEAST_MS = 200, /* but at least so much, */
    SHORT_MOST_MS = 5000, /* and at most */
    DEFAULT_LEASE_MS = 10000,
    LOOK_NS = 500 * 1000, /* short tasks run on the loop's thread for so long before it looks up */
};

uint64_t remote_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

struct remote *remote_new(const struct remote_program *program, struct remote_platform *platform,
                          const struct remote_options *options)
{
    struct remote *remote = memory_new(1, sizeof *remote);
    remote->program = *program;
    remote->platform = platform;
    remote->options = *options;
    arena_init(&remote->arena);
    memory_account_init(&remote->account, options->memory_limit);
    remote_words_open(remote);
    remote_workers_start(remote);
    return remote;
}

void remote_free(struct remote *remote)
{
    remote_job_close(remote);
    remote_workers_stop(remote);
    remote_words_close(remote);
    vector_release(&remote->timers);
    buffer_release(&remote->failure_log);
    buffer_release(&remote->log);
    arena_release(&remote->arena);
    free(remote);
}

void remote_give_up(struct remote *remote, const struct error *error)
{
    if (remote->code)
        return;
    remote->code = (int)error->code;
    remote->error = *error;
    remote_stop_tasks(remote);
}

void remote_tell(struct remote *remote, const struct executor_event *event)
{
    if (event->kind == EXECUTOR_POISONED && !remote->poisoned) {
        remote->poisoned = true;
        remote_stop_tasks(remote);
    }
    executor_handle(&remote->executor, event);
}

/* ---- Timers ---------------------------------------------------------------------------------- */

static void add_timer(struct remote *remote, const struct executor_action *action)
{
    struct executor_event event = executor_answer(action);
    event.kind = EXECUTOR_WAITED;
    uint64_t due = remote_now() + action->milliseconds * MILLISECOND;
    vector_push(&remote->timers, (struct remote_timer){due, event});
}

static void ring_timers(struct remote *remote, uint64_t now)
{
    for (size_t i = 0; i < remote->timers.count;) {
        struct remote_timer timer = remote->timers.items[i];
        if (timer.due > now) {
            i++;
            continue;
        }
        remote->timers.items[i] = vector_last(&remote->timers);
        remote->timers.count--;
        remote_tell(remote, &timer.event);
    }
}

static void check_clock(struct remote *remote)
{
    uint64_t now = remote_now();
    ring_timers(remote, now);
    if (now >= remote->next_beat) {
        remote->next_beat = now + remote->job->description.lease_ms * MILLISECOND / 3;
        remote_beat(remote);
    }
    if (remote->short_at && now >= remote->short_at) {
        remote->short_at = 0;
        remote_tell(remote, &(struct executor_event){.kind = EXECUTOR_TIME_SHORT});
    }
}

static uint64_t next_due(struct remote *remote)
{
    uint64_t due = remote_expire(remote), look = remote_words_look(remote, remote_now());
    if (look < due)
        due = look;
    if (remote->next_beat < due)
        due = remote->next_beat;
    if (remote->short_at && remote->short_at < due)
        due = remote->short_at;
    for (size_t i = 0; i < remote->timers.count; i++)
        if (remote->timers.items[i].due < due)
            due = remote->timers.items[i].due;
    return due;
}

/* ---- The loop -------------------------------------------------------------------------------- */

enum progress { ENDED, WAITING, BUSY };

/* Does what the executor says until it has nothing to say, or has said much: then what came in
 * meanwhile is looked at, and what was said is sent. */
static enum progress perform_some(struct remote *remote)
{
    struct executor_action action = {0};
    uint64_t until = remote_now() + LOOK_NS;
    while (!remote->code && executor_next(&remote->executor, &action)) {
        enum executor_action_kind kind = action.kind;
        if (kind == EXECUTOR_END)
            return ENDED;
        if (kind == EXECUTOR_WAIT)
            add_timer(remote, &action);
        else
            remote_perform(remote, &action);
        if (kind == EXECUTOR_RUN && remote_now() > until)
            return BUSY;
        action = (struct executor_action){0};
    }
    return remote->code ? ENDED : WAITING;
}

static int milliseconds_until(uint64_t due)
{
    uint64_t now = remote_now();
    if (due <= now)
        return 0;
    uint64_t wait = (due - now + MILLISECOND - 1) / MILLISECOND;
    return wait < 60000 ? (int)wait : 60000;
}

static void wait_for_answers(struct remote *remote, bool is_busy)
{
    int descriptors[] = {store_descriptor(remote->job->store), remote->wake};
    int timeout = is_busy ? 0 : milliseconds_until(next_due(remote));
    int store = store_timeout(remote->job->store);
    if (store >= 0 && store < timeout)
        timeout = store;
    if (timeout > 0)
        remote->platform->wait(remote->platform, descriptors, 2, timeout);
    else
        remote->platform->wait(remote->platform, descriptors, 2, 0);
}

static void take_answers(struct remote *remote)
{
    struct store_request *request;
    struct remote_invocation *invocation;
    while ((request = store_next(remote->job->store)))
        remote_answered(remote, request);
    while ((invocation = remote->platform->next(remote->platform)))
        remote_invoked(remote, invocation);
    remote_collect(remote);
}

/* What was begun must have ended before the process may be frozen. When the event is given up, the
 * store's requests are dropped with its connection; invocations and tasks are waited for. */
static void drain(struct remote *remote)
{
    remote->is_draining = true;
    if (!remote->code)
        remote_store_log(remote);
    while (!remote->code && remote->steps) {
        wait_for_answers(remote, remote_resume_runs(remote));
        take_answers(remote);
    }
    while (remote->running + remote->invoking > 0) {
        struct remote_invocation *invocation;
        remote->platform->wait(remote->platform, &remote->wake, 1, 1000);
        remote_collect(remote);
        while ((invocation = remote->platform->next(remote->platform)))
            remote_invoked(remote, invocation);
    }
}

static void run_lineage(struct remote *remote)
{
    enum progress progress;
    while ((progress = perform_some(remote)) != ENDED) {
        bool resumes = !remote->code && remote_resume_runs(remote);
        wait_for_answers(remote, progress == BUSY || resumes);
        take_answers(remote);
        if (!remote->code)
            check_clock(remote);
    }
    drain(remote);
}

/* ---- An event -------------------------------------------------------------------------------- */

static void set_clock(struct remote *remote, uint64_t deadline_ns)
{
    uint64_t now = remote_now(), lease = remote->job->description.lease_ms;
    remote->began = now;
    remote->next_beat = now + (lease ? lease : DEFAULT_LEASE_MS) * MILLISECOND / 3;
    remote->short_at = 0;
    if (deadline_ns == 0)
        return;
    uint64_t left = deadline_ns > now ? deadline_ns - now : 0, kept = left / SHORT_PART;
    if (kept < SHORT_LEAST_MS * MILLISECOND)
        kept = SHORT_LEAST_MS * MILLISECOND;
    if (kept > SHORT_MOST_MS * MILLISECOND)
        kept = SHORT_MOST_MS * MILLISECOND;
    remote->short_at = left > 2 * kept ? deadline_ns - kept : now + left / 2;
}

static struct executor_options executor_options(const struct remote *remote)
{
    const struct description *d = &remote->job->description;
    struct executor_options options = {
        .inline_bytes = d->without & WITHOUT_INLINE ? 0 : d->inline_bytes,
        .without_become = d->without & WITHOUT_BECOME,
        .without_clustering = d->without & WITHOUT_CLUSTERING,
        .without_delayed_io = d->without & WITHOUT_DELAYED_IO,
        .without_tree = d->without & WITHOUT_TREE,
        .tasks = remote->options.processors,
        .grain = d->grain,
        .patience = d->delay_ms,
        .doubt = remote->job->doubt,
    };
    if (d->platform && d->delay_ms == 0)
        executor_fit(&options, d->platform);
    if (remote->transfers.bytes_per_ms > 0)
        options.bytes_per_ms = remote->transfers.bytes_per_ms;
    return options;
}

/* The executor trusts its start: what came from outside is checked. */
static int check_start(const struct remote *remote, struct error *error)
{
    const struct executor_start *start = &remote->payload.start;
    const struct dag *dag = &remote->job->dag;
    if (start->node != PLAN_NONE && start->node >= dag->node_count)
        return error_set(error, ERR_bad_event, "the event starts at node %" PRIu32 " of %" PRIu32,
                         start->node, dag->node_count);
    if (start->node == PLAN_NONE && start->first >= start->end)
        return error_set(error, ERR_bad_event, "the event starts nowhere");
    if (!executor_can_begin(&remote->executor, start))
        return error_set(error, ERR_bad_event,
                         "the event is of the range %" PRIu32 " to %" PRIu32
                         ", which its node does not have",
                         start->first, start->end);
    if (remote->payload.hops > 2 * (uint64_t)dag->node_count + 64)
        return error_set(error, ERR_bad_event,
                         "the event has been handed on %" PRIu32
                         " times: it goes round in a circle",
                         remote->payload.hops);
    return 0;
}

/* Something was lost, perhaps values of the store: only what it has now counts. */
static bool is_recovery(const struct executor_start *start)
{
    return start->want || start->is_stored || start->lineage.recovers;
}

static int begin_event(struct remote *remote, uint64_t deadline_ns, struct error *error)
{
    int code = remote_job_open(remote, &remote->payload, error);
    if (code)
        return code;
    struct executor_options options = executor_options(remote);
    executor_init(&remote->executor, &remote->job->plan, &options);
    code = check_start(remote, error);
    if (code)
        return code;
    if (is_recovery(&remote->payload.start))
        remote_drop_values(remote);
    code = remote_take_parcel(remote, remote->payload.inputs, remote->payload.inputs_length, error);
    if (code) {
        remote_drop_values(remote);
        return code;
    }
    set_clock(remote, deadline_ns);
    remote_count_begin(remote);
    executor_begin(&remote->executor, &remote->payload.start);
    return 0;
}

static void end_event(struct remote *remote)
{
    remote->job->doubt = executor_doubt(&remote->executor);
    executor_release(&remote->executor);
    if (remote->poisoned || remote->job->pager)
        remote_drop_values(remote);
    else
        remote_end_values(remote);
    if (remote->job->pager)
        remote_job_rest(remote->job);
    remote->timers.count = 0;
    if (remote->code)
        remote_job_close(remote); /* with its connection, and the requests that nobody waits for */
    remote_forget_steps(remote);
}

bool remote_is_damaged(const struct remote *remote)
{
    return atomic_load(&remote->damaged);
}

static void write_response(const struct remote *remote, struct buffer *response)
{
    const struct metrics *m = &remote->metrics;
    buffer_printf(response,
                  "{\"tasks\":%" PRIu64 ",\"becomes\":%" PRIu64 ",\"invocations\":%" PRIu64
                  ",\"arrivals\":%" PRIu64 "}",
                  m->tasks_run, m->becomes, m->invocations,
                  m->arrivals_own + m->arrivals_stop + m->arrivals_not);
}

int remote_serve(struct remote *remote, const char *event, size_t length, uint64_t deadline_ns,
                 struct buffer *response, struct error *error)
{
    arena_release(&remote->arena);
    arena_init(&remote->arena);
    remote->code = 0;
    remote->poisoned = remote->is_draining = false;
    buffer_clear(&remote->log);
    remote->log_cut = 0;
    remote->metrics = (struct metrics){0};
    int code = payload_read(event, length, &remote->arena, &remote->payload, error);
    code = code ? code : begin_event(remote, deadline_ns, error);
    if (code)
        return code;
    run_lineage(remote);
    if (!remote->code)
        remote_count_end(remote);
    if (!remote_is_damaged(remote))
        end_event(remote);
    write_response(remote, response);
    if (remote->code)
        *error = remote->error;
    return remote->code;
}
