/* The emulator as a whole: its start, the loop that drives everything, and its end. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "emulator/internal.h"

enum { EVENTS_AT_ONCE = 64 };

/* ---- The loop -------------------------------------------------------------------------------- */

void emulator_watch(struct emulator *emulator, struct watch *watch)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = watch}};
    if (epoll_ctl(emulator->epoll, EPOLL_CTL_ADD, watch->file, &event))
        bug("epoll: %s", strerror(errno));
}

void emulator_unwatch(struct emulator *emulator, struct watch *watch)
{
    if (watch->file < 0)
        return;
    epoll_ctl(emulator->epoll, EPOLL_CTL_DEL, watch->file, NULL);
    close(watch->file);
    watch->file = -1;
}

/* Milliseconds until something is due; -1: nothing is. Rounded up, so that nothing is early. */
static int time_to_wait(const struct emulator *emulator)
{
    uint64_t next = timers_next(&emulator->timers), now = clock_now();
    int other = server_timeout(emulator);
    if (next == UINT64_MAX)
        return other;
    uint64_t own = next <= now ? 0 : (next - now + 999) / 1000;
    int capped = own > 1000 ? 1000 : (int)own;
    return other >= 0 && other < capped ? other : capped;
}

static void turn(struct emulator *emulator)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_wait(emulator->epoll, events, EVENTS_AT_ONCE, time_to_wait(emulator));
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;
        if (watch->file >= 0) /* what came before in this turn may have closed it */
            watch->ready(watch);
    }
    timers_run(&emulator->timers, clock_now());
    server_run(emulator);
    environments_release(emulator);
}

/* Those who wait hear that it is over. */
static void refuse_waiting(struct emulator *emulator)
{
    for (struct request *request; (request = emulator->waiting);) {
        timers_cancel(&emulator->timers, &request->timer);
        if (request->invocation)
            invocation_free(request->invocation);
        request->invocation = NULL;
        if (request->environment)
            request_answer(request, 410, response_text(""));
        else
            refuse(request, "ServiceException", "The emulator is being stopped");
    }
}

/* Takes down what the loop's last turn left. The processes are gone: nothing answers any more. */
static void bury_environments(struct emulator *emulator)
{
    for (struct environment *e = emulator->environments, *next; e; e = next) {
        next = e->next;
        if (e->invocation)
            e->invocation->request = NULL;
        if (e->invocation)
            invocation_free(e->invocation);
        e->invocation = NULL;
        e->waiting = NULL;
        invocation_list_release(&e->version->pending);
        environment_bury(e);
    }
}

static void *run(void *context)
{
    struct emulator *emulator = context;
    while (!emulator->stopping)
        turn(emulator);
    atomic_store(&emulator->is_running, 0);
    refuse_waiting(emulator);
    nursery_stop(emulator);
    server_stop(emulator);
    bury_environments(emulator);
    schedule_release(emulator);
    functions_release(emulator);
    environments_release(emulator);
    return NULL;
}

static void hear_stop(struct watch *watch)
{
    struct emulator *emulator =
        (struct emulator *)((char *)watch - offsetof(struct emulator, stop));
    emulator->stopping = true;
}

/* ---- Start and stop -------------------------------------------------------------------------- */

static char *made_up(const char *before, int words)
{
    struct buffer text = {0};
    buffer_puts(&text, before);
    for (int i = 0; i < words; i++)
        buffer_printf(&text, "%016llX", (unsigned long long)random_bits());
    return text.data;
}

/* Copies what the options point to, and makes up a key where there is none. */
static void take_options(struct emulator *emulator, const struct emulator_options *options)
{
    struct emulator_access *access = &emulator->access;
    emulator->options = *options;
    emulator->texts[0] = options->access_key ? strdup(options->access_key) : made_up("AKIA", 1);
    emulator->texts[1] = options->secret_key ? strdup(options->secret_key) : made_up("", 2);
    emulator->texts[2] = strdup(options->region);
    emulator->texts[3] = options->log_folder ? strdup(options->log_folder) : NULL;
    access->access_key = emulator->texts[0];
    access->secret_key = emulator->texts[1];
    access->region = emulator->texts[2];
    emulator->options.log_folder = emulator->texts[3];
    emulator->fault_state = options->seed;
    snprintf(emulator->account, sizeof emulator->account, "123456789012");
}

/* Environments need four descriptors each, and each client one: as many as may be had. */
static void raise_descriptors(struct emulator *emulator)
{
    struct rlimit limit;
    emulator->files_most = INT_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        emulator->files_most = limit.rlim_cur < INT_MAX ? (int)limit.rlim_cur : INT_MAX;
    }
}

static int make_root(struct emulator *emulator, struct error *error)
{
    const char *folder = getenv("TMPDIR");
    struct buffer path = {0}, below = {0};
    buffer_printf(&path, "%s/wkc-emulator-XXXXXX", folder && *folder == '/' ? folder : "/tmp");
    emulator->root = path.data;
    if (!mkdtemp(emulator->root)) {
        error_set(error, ERR_emulator_start, "the emulator cannot make a folder %s: %s",
                  emulator->root, strerror(errno));
        emulator->root[0] = '\0';
        return (int)error->code;
    }
    buffer_printf(&below, "%s/code", emulator->root);
    mkdir(below.data, 0755);
    buffer_clear(&below);
    buffer_printf(&below, "%s/environments", emulator->root);
    mkdir(below.data, 0755);
    buffer_release(&below);
    return 0;
}

static int start_thread(struct emulator *emulator, struct error *error)
{
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the program's */
    atomic_store(&emulator->is_running, 1);
    int failure = pthread_create(&thread, NULL, run, emulator);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure)
        return error_set(error, ERR_emulator_start, "the emulator cannot start a thread: %s",
                         strerror(failure));
    emulator->thread = thread;
    return 0;
}

static void release(struct emulator *emulator)
{
    nursery_stop(emulator);
    server_stop(emulator);
    emulator_unwatch(emulator, &emulator->stop);
    if (emulator->epoll >= 0)
        close(emulator->epoll);
    if (emulator->root && emulator->root[0])
        folder_remove(emulator->root);
    while (emulator->logs) {
        struct log *log = emulator->logs;
        emulator->logs = log->next;
        log_free(log);
    }
    signature_release(emulator->signatures);
    vector_release(&emulator->timers.heap);
    free(emulator->root);
    for (size_t i = 0; i < sizeof emulator->texts / sizeof emulator->texts[0]; i++)
        free(emulator->texts[i]);
    free(emulator);
}

static int start(const struct emulator_options *options, struct emulator **started,
                 struct error *error)
{
    struct emulator *emulator = memory_new(1, sizeof *emulator);
    raise_descriptors(emulator);
    take_options(emulator, options);
    emulator->signatures = signature_new(emulator->access.access_key, emulator->access.secret_key);
    emulator->epoll = epoll_create1(EPOLL_CLOEXEC);
    emulator->stop =
        (struct watch){.file = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = hear_stop};
    emulator->nursery.file = -1;
    int code = 0;
    if (emulator->epoll < 0 || emulator->stop.file < 0)
        code =
            error_set(error, ERR_emulator_start, "the emulator cannot start: %s", strerror(errno));
    else
        emulator_watch(emulator, &emulator->stop);
    if (!code)
        code = make_root(emulator, error);
    if (!code)
        code = nursery_start(emulator, error);
    if (!code)
        code = server_start(emulator, error);
    if (!code)
        code = start_thread(emulator, error);
    if (code) {
        release(emulator);
        return code;
    }
    *started = emulator;
    return 0;
}

static const struct emulator_access *give_access(const struct emulator *emulator)
{
    return &emulator->access;
}

static bool is_running(const struct emulator *emulator)
{
    return atomic_load(&emulator->is_running);
}

static void stop(struct emulator *emulator)
{
    uint64_t one = 1;
    while (write(emulator->stop.file, &one, sizeof one) < 0 && errno == EINTR)
        ;
    pthread_join(emulator->thread, NULL);
    release(emulator);
}

__attribute__((visibility("default"))) extern const struct emulator_library wkc_emulator_library;
const struct emulator_library wkc_emulator_library = {
    .start = start, .access = give_access, .is_running = is_running, .stop = stop};
