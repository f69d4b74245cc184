/* The remote world within one process; see loopback.h. */
#include "world/loopback.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vector.h"
#include "store/store.h"

enum { ATTEMPTS = 3, MOST_DESCRIPTORS = 4, PAYLOAD_LIMIT = 256 << 10 };

struct event {
    char *text;
    size_t length;
    int attempts;
};

struct loopback {
    const struct remote_program *program;
    const struct loopback_options *options;
    pthread_mutex_t lock;
    pthread_cond_t work;
    VECTOR(struct event) queue;
    size_t first; /* of the queue */
    bool closing;
    pthread_t *threads;
    uint32_t started; /* of them */
};

/* One thread's way into the loopback: invocations are accepted at once. */
struct entrance {
    struct remote_platform platform; /* the first member */
    struct loopback *loopback;
    struct remote_invocation *answered;
};

static void push_event(struct loopback *loopback, struct event event)
{
    pthread_mutex_lock(&loopback->lock);
    vector_push(&loopback->queue, event);
    pthread_cond_signal(&loopback->work);
    pthread_mutex_unlock(&loopback->lock);
}

static void invoke(struct remote_platform *platform, struct remote_invocation *invocation)
{
    struct entrance *entrance = (struct entrance *)platform;
    struct event event = {.length = invocation->payload.length};
    event.text = memory_new(event.length + 1, 1);
    memcpy(event.text, invocation->payload.data, event.length);
    push_event(entrance->loopback, event);
    invocation->code = 0;
    invocation->next = entrance->answered;
    entrance->answered = invocation;
}

static struct remote_invocation *next(struct remote_platform *platform)
{
    struct entrance *entrance = (struct entrance *)platform;
    struct remote_invocation *invocation = entrance->answered;
    if (invocation)
        entrance->answered = invocation->next;
    return invocation;
}

static void wait(struct remote_platform *platform, const int *descriptors, int count, int timeout)
{
    const struct entrance *entrance = (const struct entrance *)platform;
    struct pollfd polled[MOST_DESCRIPTORS];
    for (int i = 0; i < count; i++)
        polled[i] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
    poll(polled, (nfds_t)count, entrance->answered ? 0 : timeout);
}

static struct entrance entrance_to(struct loopback *loopback)
{
    return (struct entrance){.platform = {invoke, next, wait, PAYLOAD_LIMIT}, .loopback = loopback};
}

/* ---- Executors ------------------------------------------------------------------------------ */

static bool take_event(struct loopback *loopback, struct event *event)
{
    pthread_mutex_lock(&loopback->lock);
    while (!loopback->closing && loopback->first == loopback->queue.count)
        pthread_cond_wait(&loopback->work, &loopback->lock);
    bool closing = loopback->closing;
    if (!closing)
        *event = loopback->queue.items[loopback->first++];
    pthread_mutex_unlock(&loopback->lock);
    return !closing;
}

/* Events that fail are retried, as platforms do. */
static void serve(struct loopback *loopback, struct remote *remote, struct event event)
{
    struct buffer response = {0};
    struct error error;
    int code = remote_serve(remote, event.text, event.length, 0, &response, &error);
    buffer_release(&response);
    if (code && ++event.attempts < ATTEMPTS)
        push_event(loopback, event);
    else
        free(event.text);
}

static void *run_executor(void *argument)
{
    struct loopback *loopback = argument;
    struct entrance entrance = entrance_to(loopback);
    struct remote *remote =
        remote_new(loopback->program, &entrance.platform, &loopback->options->executor);
    struct event event;
    while (take_event(loopback, &event))
        serve(loopback, remote, event);
    remote_free(remote);
    return NULL;
}

/* ---- A run ---------------------------------------------------------------------------------- */

static void start_threads(struct loopback *loopback)
{
    while (loopback->started < loopback->options->executors &&
           pthread_create(&loopback->threads[loopback->started], NULL, run_executor, loopback) == 0)
        loopback->started++;
}

/* No event is begun any more; those that are under way are served. */
static void end_threads(void *context)
{
    struct loopback *loopback = context;
    pthread_mutex_lock(&loopback->lock);
    loopback->closing = true;
    pthread_cond_broadcast(&loopback->work);
    pthread_mutex_unlock(&loopback->lock);
    while (loopback->started > 0)
        pthread_join(loopback->threads[--loopback->started], NULL);
    while (loopback->first < loopback->queue.count)
        free(loopback->queue.items[loopback->first++].text);
}

int loopback_run(const struct client_job *job, const struct remote_program *program,
                 const struct loopback_options *options, const struct job_options *job_options,
                 struct job_outcome *outcome, struct error *error)
{
    struct loopback loopback = {.program = program, .options = options};
    struct entrance entrance = entrance_to(&loopback);
    struct client_options client = {.store = options->store,
                                    .platform = &entrance.platform,
                                    .timeout_ms = options->timeout_ms,
                                    .job = job_options,
                                    .sweep_age = options->sweep_age,
                                    .halt = end_threads,
                                    .halt_context = &loopback};
    pthread_mutex_init(&loopback.lock, NULL);
    pthread_cond_init(&loopback.work, NULL);
    loopback.threads = memory_new(options->executors, sizeof *loopback.threads);
    start_threads(&loopback);
    int code = loopback.started ? client_run(job, &client, outcome, error)
                                : error_set(error, ERR_out_of_memory, "no thread could be started");
    end_threads(&loopback);
    vector_release(&loopback.queue);
    free(loopback.threads);
    pthread_mutex_destroy(&loopback.lock);
    pthread_cond_destroy(&loopback.work);
    return code;
}
