/*
 * A watch over one attempt: a thread that sleeps until the attempt's time is over, or the attempt.
 * Attempts with a time are few, and a thread takes some ten microseconds.
 *
 * The attempt has a stop flag of its own, which the watch sets when the time is over, and when the
 * job is stopped (Ctrl-C); for that it wakes up now and then.
 */
#include "world/sim_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { WATCH_NS = 10 * 1000 * 1000, SECOND = 1000000000 };

struct watch {
    _Atomic(uint32_t) *job_stop; /* of the job, or NULL */
    _Atomic(uint32_t) stop;      /* of the attempt */
    struct timespec deadline;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t ended;
    bool has_ended, has_expired;
};

static struct timespec later(struct timespec from, uint64_t ns)
{
    uint64_t rest = (uint64_t)from.tv_nsec + ns % SECOND;
    return (struct timespec){from.tv_sec + (time_t)(ns / SECOND + rest / SECOND),
                             (long)(rest % SECOND)};
}

static bool is_before(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

static struct timespec now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

static void *watch_attempt(void *of)
{
    struct watch *watch = of;
    pthread_mutex_lock(&watch->lock);
    while (!watch->has_ended && !atomic_load(&watch->stop)) {
        struct timespec until = later(now(), WATCH_NS);
        until = is_before(watch->deadline, until) ? watch->deadline : until;
        pthread_cond_timedwait(&watch->ended, &watch->lock, &until);
        watch->has_expired = !watch->has_ended && !is_before(now(), watch->deadline);
        if (watch->has_expired || (watch->job_stop && atomic_load(watch->job_stop)))
            atomic_store(&watch->stop, 1);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

static void init_watch(struct watch *watch, uint64_t timeout_ns)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&watch->lock, NULL);
    pthread_cond_init(&watch->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    watch->deadline = later(now(), timeout_ns);
}

static void end_watch(struct watch *watch, pthread_t thread)
{
    pthread_mutex_lock(&watch->lock);
    watch->has_ended = true;
    pthread_cond_signal(&watch->ended);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(thread, NULL);
    pthread_cond_destroy(&watch->ended);
    pthread_mutex_destroy(&watch->lock);
}

int sim_watch_run(struct sim *sim, uint32_t node, wk_kernel *kernel, const uint64_t *arguments,
                  uint64_t *results)
{
    struct context *context = &sim->result->context;
    uint32_t number = sim->dag->nodes[node].task;
    const struct bind_task *task = &sim->table.tasks[number];
    struct watch watch = {.job_stop = sim->options->stop};
    pthread_t thread;
    if (task->timeout_ns == 0)
        return context_run(context, kernel, arguments, task->results, task->result_count, results);
    init_watch(&watch, task->timeout_ns);
    if (pthread_create(&thread, NULL, watch_attempt, &watch))
        return error_set(&context->error, ERR_out_of_memory, "no thread could be started");
    _Atomic(uint32_t) *stop = context->kernel.stop;
    context->kernel.stop = &watch.stop;
    int code = context_run(context, kernel, arguments, task->results, task->result_count, results);
    context->kernel.stop = stop;
    end_watch(&watch, thread);
    if (code != ERR_interrupted || !watch.has_expired)
        return code;
    return error_set(&context->error, ERR_task_timeout, "%s took longer than its time-out of %g s",
                     dag_string(sim->dag, sim->dag->tasks[number].name),
                     (double)task->timeout_ns / 1e9);
}
