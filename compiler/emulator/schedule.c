/*
 * Which invocation runs where and when.
 *
 * An invocation is admitted while its function (or the account) has concurrency left; otherwise a
 * synchronous one is throttled, and an asynchronous one waits in its function's queue. An admitted
 * one is pending until an environment of its version is idle. Environments are started when more
 * are pending than are on their way: starting, or about to ask for their next event.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "emulator/internal.h"

enum { NO_ENVIRONMENT_DELAY_US = 500000 };

/* ---- Lists ----------------------------------------------------------------------------------- */

void invocation_list_append(struct invocation_list *list, struct invocation *invocation)
{
    invocation->next = NULL;
    if (list->last)
        list->last->next = invocation;
    else
        list->first = invocation;
    list->last = invocation;
    list->count++;
}

struct invocation *invocation_list_take(struct invocation_list *list)
{
    struct invocation *invocation = list->first;
    if (!invocation)
        return NULL;
    list->first = invocation->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    return invocation;
}

void invocation_free(struct invocation *invocation)
{
    timers_cancel(&invocation->emulator->timers, &invocation->timer);
    version_drop(invocation->version);
    payload_drop(invocation->payload);
    free(invocation->client_context);
    free(invocation->trace);
    free(invocation);
}

void invocation_list_release(struct invocation_list *list)
{
    for (struct invocation *invocation; (invocation = invocation_list_take(list));) {
        if (invocation->request && !invocation->emulator->stopping)
            refuse(invocation->request, "ServiceException", "The function was deleted");
        invocation_free(invocation);
    }
}

/* ---- Admission ------------------------------------------------------------------------------- */

static bool has_room(const struct function *function)
{
    const struct emulator *emulator = function->emulator;
    if (function->reserved >= 0)
        return function->active < function->reserved;
    return emulator->active_unreserved <
           emulator->options.concurrency - (uint64_t)emulator->reserved_total;
}

static void count_active(struct function *function, int change)
{
    function->active = (uint32_t)((int)function->active + change);
    if (function->reserved < 0)
        function->emulator->active_unreserved =
            (uint32_t)((int)function->emulator->active_unreserved + change);
}

/* An event that meant $LATEST when it came means what $LATEST is when it runs. */
static void use_latest(struct invocation *invocation)
{
    struct version *latest = invocation->version->function->latest;
    if (!invocation->version->retired || strcmp(invocation->version->name, "$LATEST") != 0)
        return;
    version_keep(latest);
    version_drop(invocation->version);
    invocation->version = latest;
}

static void admit(struct invocation *invocation)
{
    struct function *function = invocation->version->function;
    if (!function->is_deleted)
        use_latest(invocation);
    count_active(function, 1);
    invocation_list_append(&invocation->version->pending, invocation);
    schedule_dispatch(invocation->version);
}

static bool is_too_old(const struct invocation *invocation)
{
    uint64_t age = clock_now() - invocation->queued_at;
    return age / 1000000 > settings_event_age(invocation->version->function);
}

static void discard(struct invocation *invocation)
{
    invocation->emulator->counters.discarded++;
    invocation_free(invocation);
}

static void pump_function(struct function *function)
{
    while (function->queue.first && has_room(function)) {
        struct invocation *invocation = invocation_list_take(&function->queue);
        if (is_too_old(invocation))
            discard(invocation);
        else
            admit(invocation);
    }
}

void schedule_submit(struct invocation *invocation)
{
    struct function *function = invocation->version->function;
    if (!invocation->request) {
        if (function->is_deleted) {
            discard(invocation);
            return;
        }
        invocation_list_append(&function->queue, invocation);
        pump_function(function);
    } else if (function->is_deleted) {
        refuse(invocation->request, "ResourceNotFoundException", "The function was deleted");
        invocation_free(invocation);
    } else if (has_room(function)) {
        admit(invocation);
    } else {
        refuse_throttled(invocation->request, function->reserved >= 0);
        invocation_free(invocation);
    }
}

/* It no longer counts; what waits may go on. */
static void release(struct invocation *invocation)
{
    struct function *function = invocation->version->function;
    count_active(function, -1);
    invocation->environment = NULL;
    if (!function->is_deleted)
        pump_function(function);
}

/* ---- Environments ---------------------------------------------------------------------------- */

static void starve(struct version *version)
{
    struct emulator *emulator = version->function->emulator;
    if (version->is_starved)
        return;
    version->is_starved = true;
    version->next_starved = emulator->starved;
    emulator->starved = version_keep(version);
}

static void submit_late(struct timer *timer)
{
    schedule_submit((struct invocation *)((char *)timer - offsetof(struct invocation, timer)));
}

void schedule_submit_later(struct invocation *invocation, uint64_t us)
{
    invocation->timer = (struct timer){.fire = submit_late};
    timers_set(&invocation->emulator->timers, &invocation->timer, clock_now() + us);
}

void schedule_no_environment(struct version *version, const char *reason)
{
    struct invocation *invocation = invocation_list_take(&version->pending);
    if (!invocation)
        return;
    release(invocation);
    if (invocation->request) {
        refuse(invocation->request, "ServiceException", "No environment can be started: %s",
               reason);
        invocation_free(invocation);
    } else {
        schedule_submit_later(invocation, NO_ENVIRONMENT_DELAY_US);
    }
}

void schedule_dispatch(struct version *version)
{
    while (version->pending.first && version->idle)
        environment_deliver(version->idle, invocation_list_take(&version->pending));
    while (version->pending.count > version->starting + version->finishing) {
        int failure = environment_start(version);
        if (failure == EAGAIN) {
            starve(version);
            break;
        }
        if (failure)
            schedule_no_environment(version, strerror(failure));
    }
}

void schedule_pump(struct emulator *emulator)
{
    struct version *starved = emulator->starved;
    emulator->starved = NULL;
    while (starved) {
        struct version *version = starved;
        starved = version->next_starved;
        version->is_starved = false;
        schedule_dispatch(version);
        version_drop(version);
    }
    for (struct function *function = emulator->functions; function; function = function->next)
        pump_function(function);
}

/* ---- Outcomes -------------------------------------------------------------------------------- */

/* Lambda's lines at the end of a run, and the bill. `us`: how long it took. */
static void report(struct invocation *invocation)
{
    struct environment *environment = invocation->environment;
    struct counters *counters = &invocation->emulator->counters;
    uint64_t us = clock_now() - invocation->started_at;
    bool is_first = environment->invocations == 1;
    uint64_t billed_us = us + (is_first ? environment->init_us : 0);
    uint64_t billed_ms = (billed_us + 999) / 1000;
    uint32_t memory = invocation->version->memory_mb;
    if (us > 2000 || is_first)
        limits_sample(environment);
    counters->billed_ms += billed_ms;
    counters->billed_mb_ms += billed_ms * memory;
    log_printf(environment->log,
               "END RequestId: %s\nREPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %llu "
               "ms\tMemory Size: %u MB\tMax Memory Used: %llu MB\t",
               invocation->id, invocation->id, (double)us / 1000, (unsigned long long)billed_ms,
               memory, (unsigned long long)((environment->memory_most + (1 << 20) - 1) >> 20));
    if (is_first)
        log_printf(environment->log, "Init Duration: %.2f ms\t",
                   (double)environment->init_us / 1000);
    log_append(environment->log, "\n", 1);
}

static void answer_client(struct invocation *invocation, struct MHD_Response *response)
{
    struct environment *environment = invocation->environment;
    response_header(response, "Content-Type", "application/json");
    response_header(response, "X-Amz-Executed-Version", invocation->version->name);
    if (invocation->wants_log && environment) {
        char *tail = log_tail(environment->log, invocation->log_start);
        response_header(response, "X-Amz-Log-Result", tail);
        free(tail);
    }
    request_answer(invocation->request, 200, response);
}

void schedule_succeed(struct invocation *invocation, struct buffer *body)
{
    struct counters *counters = &invocation->emulator->counters;
    counters->succeeded++;
    counters->bytes_out += body->length;
    report(invocation);
    if (invocation->request)
        answer_client(invocation, response_new(body));
    else
        buffer_release(body);
    release(invocation);
    invocation_free(invocation);
}

static void retry_or_discard(struct invocation *invocation)
{
    struct emulator *emulator = invocation->emulator;
    struct function *function = invocation->version->function;
    if (function->is_deleted || invocation->attempts >= settings_retries(function)) {
        discard(invocation);
        return;
    }
    uint64_t delay = emulator->options.retry_ms[invocation->attempts++];
    emulator->counters.retries++;
    schedule_submit_later(invocation, delay * 1000);
}

void schedule_fail(struct invocation *invocation, struct payload *error)
{
    invocation->emulator->counters.failed++;
    invocation->version->function->failures++;
    if (invocation->environment)
        report(invocation);
    if (invocation->request) {
        struct MHD_Response *response = response_payload(error);
        response_header(response, "X-Amz-Function-Error", "Unhandled");
        answer_client(invocation, response);
    }
    payload_drop(error);
    release(invocation);
    if (invocation->request)
        invocation_free(invocation);
    else
        retry_or_discard(invocation);
}

void schedule_release(struct emulator *emulator)
{
    for (size_t i = emulator->timers.heap.count; i-- > 0;) {
        struct timer *timer = emulator->timers.heap.items[i];
        if (timer->fire != submit_late)
            continue;
        invocation_free((struct invocation *)((char *)timer - offsetof(struct invocation, timer)));
        i = emulator->timers.heap.count; /* the heap has moved */
    }
    while (emulator->starved) {
        struct version *version = emulator->starved;
        emulator->starved = version->next_starved;
        invocation_list_release(&version->pending);
        version_drop(version);
    }
}
