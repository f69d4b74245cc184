/*
 * Execution environments: a process each, with a folder, a Runtime API and a log of its own.
 *
 *     COLD ─► INIT ─► IDLE ─► BUSY ─► RESPONDED ─► IDLE …        and from each: ENDING
 *
 * `next` brings INIT and RESPONDED to IDLE, an event to BUSY, the response to RESPONDED. An idle
 * process is stopped (SIGSTOP) until its next event, as Lambda freezes it. What is killed is the
 * whole process group; the record stays until the nursery says that the process has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "emulator/internal.h"

enum {
    PIPE_ROOM = 1 << 16,
    LAST_WORDS = 1000,
    FILES_SPARE = 256,
    FILES_EACH = 4,
    FREEZE_US = 1000
};

static struct environment *of_timer(struct timer *timer)
{
    return (struct environment *)((char *)timer - offsetof(struct environment, timer));
}

static void set_timer(struct environment *environment, void (*fire)(struct timer *), uint64_t us)
{
    environment->timer.fire = fire;
    timers_set(&environment->emulator->timers, &environment->timer, clock_now() + us);
}

/* Whether it counts as one that will soon take an event. */
static bool is_finishing(const struct environment *environment)
{
    return environment->state == ENVIRONMENT_RESPONDED && !environment->lingers;
}

/* Changes the state and what is counted by states. */
static void become(struct environment *environment, enum environment_state state)
{
    struct version *version = environment->version;
    version->starting -= environment->state <= ENVIRONMENT_INIT;
    version->finishing -= is_finishing(environment);
    environment->state = state;
    environment->lingers = false;
    version->starting += state <= ENVIRONMENT_INIT;
    version->finishing += is_finishing(environment);
}

void environment_lingers(struct environment *environment)
{
    environment->version->finishing -= is_finishing(environment);
    environment->lingers = true;
    schedule_dispatch(environment->version);
}

struct environment *environment_find(const struct emulator *emulator, uint32_t id)
{
    struct environment *environment = emulator->environments;
    while (environment && environment->id != id)
        environment = environment->next;
    return environment;
}

struct payload *environment_error(const struct invocation *invocation, const char *type,
                                  const char *format, ...)
{
    struct buffer text = {0}, body = {0};
    va_list arguments;
    buffer_printf(&text, "RequestId: %s Error: ", invocation->id);
    va_start(arguments, format);
    buffer_vprintf(&text, format, arguments);
    va_end(arguments);
    buffer_printf(&body, "{\"errorType\":\"%s\",\"errorMessage\":", type);
    buffer_json_string(&body, text.data, text.length);
    buffer_putc(&body, '}');
    buffer_release(&text);
    return payload_new(&body);
}

/* ---- Idleness -------------------------------------------------------------------------------- */

static void unlink_idle(struct environment *environment)
{
    struct environment **link = &environment->version->idle;
    while (*link && *link != environment)
        link = &(*link)->next_idle;
    if (*link)
        *link = environment->next_idle;
}

static void thaw(struct environment *environment)
{
    if (environment->frozen)
        kill(-environment->pid, SIGCONT);
    environment->frozen = false;
}

static void idle_for_long(struct timer *timer)
{
    environment_kill(of_timer(timer), NULL);
}

/* It stays idle: now it is worth two signals. */
static void freeze(struct timer *timer)
{
    struct environment *environment = of_timer(timer);
    kill(-environment->pid, SIGSTOP);
    environment->frozen = true;
    set_timer(environment, idle_for_long, environment->emulator->options.idle_ms * UINT64_C(1000));
}

/* Asks the environment that has been idle for longest to leave. */
static void evict(struct emulator *emulator)
{
    struct environment *oldest = NULL;
    for (struct environment *e = emulator->environments; e; e = e->next)
        if (e->state == ENVIRONMENT_IDLE && (!oldest || e->ready_at < oldest->ready_at))
            oldest = e;
    if (oldest)
        environment_kill(oldest, NULL);
}

void environments_retire(struct version *version)
{
    while (version->idle)
        environment_kill(version->idle, NULL);
}

/* ---- Start ----------------------------------------------------------------------------------- */

/* What cannot be accepted would be waited for until init's limit. */
static void hear_connection(struct watch *watch)
{
    struct environment *environment =
        (struct environment *)((char *)watch - offsetof(struct environment, listener));
    int failure = server_accept(environment);
    if (!failure || failure == EAGAIN || environment->state == ENVIRONMENT_ENDING)
        return;
    if (!environment->is_initialized)
        schedule_no_environment(environment->version, strerror(failure));
    environment_kill(environment, NULL);
}

void environment_drain_log(struct environment *environment)
{
    char text[PIPE_ROOM];
    ssize_t got;
    if (environment->output.file < 0)
        return;
    while ((got = read(environment->output.file, text, sizeof text)) > 0)
        log_append(environment->log, text, (size_t)got);
    if (got == 0)
        emulator_unwatch(environment->emulator, &environment->output);
}

static void hear_output(struct watch *watch)
{
    environment_drain_log(
        (struct environment *)((char *)watch - offsetof(struct environment, output)));
}

/* Frees the record when nothing speaks of it any more: at the end of the loop's turn. */
void environment_free(struct environment *environment)
{
    struct emulator *emulator = environment->emulator;
    if (!environment->is_dead || environment->connections)
        return;
    environment->next = emulator->dead;
    emulator->dead = environment;
}

void environment_bury(struct environment *environment)
{
    struct emulator *emulator = environment->emulator;
    timers_cancel(&emulator->timers, &environment->timer);
    if (environment->state == ENVIRONMENT_IDLE)
        unlink_idle(environment);
    become(environment, ENVIRONMENT_ENDING);
    emulator_unwatch(emulator, &environment->listener);
    emulator_unwatch(emulator, &environment->output);
    if (environment->memory_file >= 0)
        close(environment->memory_file);
    if (environment->pid)
        nursery_reap(emulator, environment->pid);
    environment->pid = 0;
    if (environment->waiting) {
        struct request *waiting = environment->waiting;
        environment->waiting = NULL;
        request_answer(waiting, 410, response_text(""));
    }
    folder_remove(environment->folder);
    log_retire(emulator, environment->log);
    environment->log = NULL;
    *environment->link = environment->next;
    if (environment->next)
        environment->next->link = environment->link;
    emulator->environment_count--;
    struct version *version = environment->version;
    environment->version = NULL;
    environment->is_dead = true;
    environment_free(environment);
    if (!emulator->stopping) {
        schedule_dispatch(version); /* what waited for this one needs another */
        schedule_pump(emulator);
    }
    version_drop(version);
}

/* The environment could not be started: the invocation that waited longest gets the error. */
static void fail_start(struct environment *environment, const char *type, const char *reason)
{
    struct version *version = version_keep(environment->version);
    struct invocation *invocation = invocation_list_take(&version->pending);
    log_printf(environment->log, "%s: %s\n", type, reason);
    environment_bury(environment);
    if (invocation)
        schedule_fail(invocation, environment_error(invocation, type, "%s", reason));
    version_drop(version);
}

/* The machine refuses what an environment needs. */
static void give_up(struct environment *environment, int failure)
{
    struct version *version = version_keep(environment->version);
    log_printf(environment->log, "no environment: %s\n", strerror(failure));
    schedule_no_environment(version, strerror(failure));
    environment_bury(environment);
    version_drop(version);
}

static bool has_bootstrap(const struct environment *environment)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/task/bootstrap", environment->folder);
    return access(path, X_OK) == 0;
}

/* Makes the folder: task with the code, and tmp. 0, or errno. */
static int make_folder(struct environment *environment)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/tmp", environment->folder);
    if (mkdir(environment->folder, 0755) || mkdir(path, 0755))
        return errno;
    snprintf(path, sizeof path, "%s/task", environment->folder);
    return package_copy(environment->version->package, path);
}

/* Opens the pipe of its output and asks the nursery for the process. 0, or errno. */
static int ask_process(struct environment *environment)
{
    struct emulator *emulator = environment->emulator;
    struct buffer variables = {0};
    char path[PATH_MAX];
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return errno;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    environment->output = (struct watch){.file = ends[0], .ready = hear_output};
    emulator_watch(emulator, &environment->output);
    environment_variables(environment, &variables);
    snprintf(path, sizeof path, "%s/task", environment->folder);
    int failure = nursery_spawn(emulator, environment->id, path, &variables, ends[1]);
    close(ends[1]);
    buffer_release(&variables);
    environment->is_asked = !failure;
    return failure;
}

static void launch(struct timer *timer)
{
    struct environment *environment = of_timer(timer);
    environment->started_at = clock_now();
    int failure = make_folder(environment);
    if (!failure && !has_bootstrap(environment)) {
        fail_start(environment, "Runtime.InvalidEntrypoint",
                   "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]");
        return;
    }
    if (!failure)
        failure = ask_process(environment);
    if (failure)
        give_up(environment, failure);
}

/* Whether the descriptors suffice for one more environment beside those that are being started, and
 * for some clients. Numbers are given lowest first, so that of a new one tells how many there are.
 */
static bool has_descriptors(const struct emulator *emulator, int newest)
{
    int quarter = emulator->files_most / 4;
    int needed = quarter < FILES_SPARE ? quarter : FILES_SPARE;
    for (const struct environment *e = emulator->environments; e; e = e->next)
        needed += e->state <= ENVIRONMENT_INIT ? FILES_EACH : 0;
    return newest + needed <= emulator->files_most;
}

int environment_start(struct version *version)
{
    struct emulator *emulator = version->function->emulator;
    uint16_t port;
    if (emulator->environment_count >= emulator->options.concurrency) {
        evict(emulator);
        return EAGAIN;
    }
    int listener = server_listen(0, &port);
    if (listener < 0)
        return errno == EAGAIN ? ENOBUFS : errno;
    if (!has_descriptors(emulator, listener)) {
        close(listener);
        return EMFILE;
    }
    struct environment *environment = memory_new(1, sizeof *environment);
    struct buffer folder = {0};
    environment->emulator = emulator;
    environment->version = version_keep(version);
    environment->id = ++emulator->last_environment;
    environment->memory_file = environment->output.file = -1;
    environment->log = log_new(emulator, version);
    snprintf(environment->api, sizeof environment->api, "127.0.0.1:%u", port);
    buffer_printf(&folder, "%s/environments/%u", emulator->root, environment->id);
    environment->folder = folder.data;
    environment->listener = (struct watch){.file = listener, .ready = hear_connection};
    environment->next = emulator->environments;
    environment->link = &emulator->environments;
    if (environment->next)
        environment->next->link = &environment->next;
    emulator->environments = environment;
    emulator->environment_count++;
    emulator->counters.cold_starts++;
    version->starting++;
    /* Through a timer even without a delay, so that a failure finds its invocation in the list. */
    set_timer(environment, launch, emulator->options.cold_start_ms * UINT64_C(1000));
    return 0;
}

static void init_too_long(struct timer *timer)
{
    struct environment *environment = of_timer(timer);
    environment->emulator->counters.timeouts++;
    environment_kill(environment, "Sandbox.Timedout");
}

void environment_spawned(struct environment *environment, pid_t pid, int failure)
{
    char path[64];
    if (!pid) {
        if (environment->state == ENVIRONMENT_ENDING) {
            environment_bury(environment);
        } else if (failure == EAGAIN || failure == ENOMEM || failure == EMFILE) {
            give_up(environment, failure);
        } else {
            snprintf(path, sizeof path, "fork/exec /var/task/bootstrap: %.30s", strerror(failure));
            fail_start(environment, "Runtime.InvalidEntrypoint", path);
        }
        return;
    }
    environment->pid = pid;
    if (environment->state == ENVIRONMENT_ENDING) {
        kill(-pid, SIGKILL);
        return;
    }
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    environment->memory_file = open(path, O_RDONLY | O_CLOEXEC);
    become(environment, ENVIRONMENT_INIT);
    /* Heard only from now on: a process may ask for its first event before the nursery has had the
     * processor to say that it runs, and would be told that it may not. */
    emulator_watch(environment->emulator, &environment->listener);
    set_timer(environment, init_too_long, INIT_LIMIT_US);
    limits_start(environment->emulator);
}

/* ---- Events ---------------------------------------------------------------------------------- */

void environment_ready(struct environment *environment, struct request *request)
{
    uint64_t now = clock_now();
    struct version *version = environment->version;
    if (!environment->is_initialized)
        environment->init_us = now - environment->started_at;
    environment->is_initialized = true;
    environment->waiting = request;
    environment->ready_at = now;
    request_wait(request);
    become(environment, ENVIRONMENT_IDLE);
    environment->next_idle = version->idle;
    version->idle = environment;
    timers_cancel(&environment->emulator->timers, &environment->timer);
    schedule_dispatch(version);
    if (environment->state != ENVIRONMENT_IDLE)
        return;
    if (version->retired) {
        environment_kill(environment, NULL);
        return;
    }
    if (environment->emulator->options.run_while_idle)
        set_timer(environment, idle_for_long,
                  environment->emulator->options.idle_ms * UINT64_C(1000));
    else
        set_timer(environment, freeze, FREEZE_US);
    if (environment->emulator->starved) /* another version may have waited for this one's place */
        schedule_pump(environment->emulator);
}

static void too_long(struct timer *timer)
{
    struct environment *environment = of_timer(timer);
    environment->emulator->counters.timeouts++;
    environment_kill(environment, "Sandbox.Timedout");
}

static void add_event_headers(struct MHD_Response *response, const struct invocation *invocation)
{
    char deadline[24], trace[100];
    snprintf(deadline, sizeof deadline, "%llu",
             (unsigned long long)(clock_epoch_ms() +
                                  invocation->version->timeout_seconds * UINT64_C(1000)));
    response_header(response, "Content-Type", "application/json");
    response_header(response, "Lambda-Runtime-Aws-Request-Id", invocation->id);
    response_header(response, "Lambda-Runtime-Deadline-Ms", deadline);
    response_header(response, "Lambda-Runtime-Invoked-Function-Arn", invocation->version->arn);
    if (invocation->client_context)
        response_header(response, "Lambda-Runtime-Client-Context", invocation->client_context);
    if (!invocation->trace)
        snprintf(trace, sizeof trace, "Root=1-%08llx-%.8s%.4s%.12s;Parent=%016llx;Sampled=0",
                 (unsigned long long)(clock_epoch_ms() / 1000), invocation->id, invocation->id + 9,
                 invocation->id + 24, (unsigned long long)random_bits());
    response_header(response, "Lambda-Runtime-Trace-Id",
                    invocation->trace ? invocation->trace : trace);
}

void environment_deliver(struct environment *environment, struct invocation *invocation)
{
    struct emulator *emulator = environment->emulator;
    struct request *request = environment->waiting;
    struct MHD_Response *response = response_payload(invocation->payload);
    unlink_idle(environment);
    thaw(environment);
    become(environment, ENVIRONMENT_BUSY);
    environment->waiting = NULL;
    environment->invocation = invocation;
    environment->invocations++;
    emulator->counters.runs++;
    environment->version->function->runs++;
    invocation->environment = environment;
    invocation->started_at = clock_now();
    invocation->log_start = log_end(environment->log);
    log_printf(environment->log, "START RequestId: %s Version: %s\n", invocation->id,
               invocation->version->name);
    set_timer(environment, too_long, environment->version->timeout_seconds * UINT64_C(1000000));
    limits_start(emulator);
    add_event_headers(response, invocation);
    request_answer(request, 200, response);
}

void environment_responded(struct environment *environment)
{
    environment_drain_log(environment);
    memcpy(environment->last_id, environment->invocation->id, sizeof environment->last_id);
    environment->invocation = NULL;
    environment->responded_at = clock_now();
    become(environment, ENVIRONMENT_RESPONDED);
}

/* ---- End ------------------------------------------------------------------------------------- */

void environment_kill(struct environment *environment, const char *type)
{
    if (environment->state == ENVIRONMENT_ENDING)
        return;
    if (environment->state == ENVIRONMENT_IDLE)
        unlink_idle(environment);
    timers_cancel(&environment->emulator->timers, &environment->timer);
    environment->killed_for = type;
    become(environment, ENVIRONMENT_ENDING);
    if (environment->pid)
        kill(-environment->pid, SIGKILL);
    else if (!environment->is_asked)
        environment_bury(environment);
}

/* How a process ended, in Lambda's words. */
static void describe_end(const struct environment *environment, int status, char text[96])
{
    if (environment->killed_for && strcmp(environment->killed_for, "Sandbox.Timedout") == 0)
        snprintf(text, 96, "Task timed out after %.2f seconds",
                 environment->is_initialized ? (double)environment->version->timeout_seconds
                                             : INIT_LIMIT_US / 1e6);
    else if (WIFSIGNALED(status))
        snprintf(text, 96, "Runtime exited with error: signal: %s",
                 WTERMSIG(status) == SIGKILL ? "killed" : strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status))
        snprintf(text, 96, "Runtime exited with error: exit status %d", WEXITSTATUS(status));
    else
        snprintf(text, 96, "Runtime exited without providing a reason");
}

/* Reads what a process said before it ended: its response may still stand in a socket. */
static void hear_last_words(struct environment *environment)
{
    for (int turn = 0; turn < LAST_WORDS; turn++) {
        bool may_speak =
            environment->state == ENVIRONMENT_BUSY || environment->state == ENVIRONMENT_INIT;
        server_accept(environment);
        if (!may_speak || !environment->connections)
            break;
        server_run(environment->emulator);
    }
    environment_drain_log(environment);
}

void environment_ended(struct environment *environment, int status)
{
    char text[96];
    hear_last_words(environment);
    struct version *version = version_keep(environment->version);
    struct invocation *invocation = environment->invocation;
    const char *type = environment->killed_for ? environment->killed_for : "Runtime.ExitError";
    bool had_started = environment->is_initialized;
    describe_end(environment, status, text);
    if (!environment->killed_for && environment->state != ENVIRONMENT_ENDING)
        environment->emulator->counters.crashes++;
    if (!invocation && !had_started &&
        (environment->state != ENVIRONMENT_ENDING || environment->killed_for))
        invocation = invocation_list_take(&version->pending);
    if (invocation) {
        struct payload *error = environment->init_error;
        environment->init_error = NULL;
        log_printf(environment->log, "RequestId: %s Error: %s\n%s\n", invocation->id, text, type);
        environment->invocation = NULL;
        schedule_fail(invocation, error ? error : environment_error(invocation, type, "%s", text));
    }
    environment_bury(environment);
    version_drop(version);
}

static void release_record(struct environment *environment)
{
    payload_drop(environment->init_error);
    free(environment->folder);
    free(environment);
}

void environments_release(struct emulator *emulator)
{
    for (struct environment *environment; (environment = emulator->dead);) {
        emulator->dead = environment->next;
        release_record(environment);
    }
}
