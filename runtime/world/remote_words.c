/*
 * Executors that are killed since they run out of memory. Nobody tells the client, the event is run
 * again, and may well end in the same way. So an executor that comes near the end of its memory
 * leaves word in the store about each task that it runs, and takes it back when the task has run.
 * Who comes that far and finds words about the same task that nobody took back fails the job while
 * it still can (spec/executor.md, X1.8). See remote_state.h.
 *
 * There is no lock: words are about one task, which hardly ever runs twice at a time; and where it
 * does, what is lost is a word, which costs another run.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "world/remote_state.h"

enum {
    NEAR_PART = 8,          /* near is: all but this part of the memory is taken */
    MOST_DEATHS = 2,        /* as many as there are retries behind the first run, on Lambda */
    BYTES_PER_NS = 4,       /* memory is not taken faster than that */
    LOOK_LEAST_NS = 500000, /* between two looks */
    LOOK_MOST_NS = 100000000,
};

enum { WORDS_READ = 1, WORDS_LEFT, WORDS_DROPPED };

void remote_words_open(struct remote *remote)
{
    remote->memory_file = -1;
    if (remote->options.process_memory)
        remote->memory_file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

void remote_words_close(struct remote *remote)
{
    if (remote->memory_file >= 0)
        close(remote->memory_file);
}

/* Bytes of the process that no file stands behind, which Linux cannot drop. */
static uint64_t memory_in_use(const struct remote *remote)
{
    char text[128], *end;
    ssize_t length = pread(remote->memory_file, text, sizeof text - 1, 0);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    strtoull(text, &end, 10); /* the address space */
    uint64_t resident = strtoull(end, &end, 10), shared = strtoull(end, &end, 10);
    return resident > shared ? (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static struct remote_worker *find_runner(struct remote *remote, uint32_t node)
{
    for (uint32_t i = 1; i <= remote->options.processors; i++)
        if (remote->workers[i].node == node)
            return &remote->workers[i];
    return NULL;
}

/* ---- Words ----------------------------------------------------------------------------------- */

static struct store_name name_of_words(uint32_t node)
{
    return (struct store_name){.kind = STORE_WORDS, .node = node};
}

/* How many executors have begun the task, come near the end of their memory, and not come back. */
static void put_words(struct remote *remote, struct remote_step *step, uint64_t deaths)
{
    struct store_request *request =
        remote_new_request(step, STORE_PUT, name_of_words(step->action.node));
    struct store_bytes *span = remote_step_memory(step, sizeof *span + sizeof deaths);
    memcpy(span + 1, &deaths, sizeof deaths);
    *span = (struct store_bytes){span + 1, sizeof deaths};
    request->spans = span;
    request->span_count = 1;
    store_send(remote->job->store, request);
}

static struct remote_step *new_words(struct remote *remote, uint32_t node, int phase)
{
    struct remote_step *step =
        remote_new_step(remote, &(struct executor_action){.kind = EXECUTOR_WAIT, .node = node});
    step->is_silent = true;
    step->phase = phase;
    return step;
}

static void begin_words(struct remote *remote, struct remote_worker *worker)
{
    struct remote_step *step = new_words(remote, worker->node, WORDS_READ);
    worker->words = WORDS_READ;
    store_send(remote->job->store,
               remote_new_request(step, STORE_GET, name_of_words(worker->node)));
}

static const char *task_name(const struct remote *remote, uint32_t node)
{
    const struct dag *dag = &remote->job->dag;
    return dag_string(dag, dag->tasks[dag->nodes[node].task].name);
}

/* What ran at the same time has its part in it. */
static void list_others(struct remote *remote, const struct remote_worker *worker,
                        struct buffer *names)
{
    for (uint32_t i = 1; i <= remote->options.processors; i++) {
        const struct remote_worker *other = &remote->workers[i];
        if (other != worker && other->node != PLAN_NONE)
            buffer_printf(names, "%s'%s'", names->length ? ", " : "; beside it ran ",
                          task_name(remote, other->node));
    }
}

static void fail_for_memory(struct remote *remote, struct remote_worker *worker, uint64_t deaths)
{
    struct error *error = &remote->failure;
    struct buffer others = {0};
    list_others(remote, worker, &others);
    *error = (struct error){0};
    error_set(error, ERR_executor_memory,
              "'%s' needs more memory than its executors have: %" PRIu64
              " of them were killed at %" PRIu64 " MB",
              task_name(remote, worker->node), deaths, remote->options.process_memory >> 20);
    error_hint(error, "give each more with --memory, or let the task do with less%s",
               buffer_text(&others));
    describe_failure(&remote->job->table, worker->node,
                     worker->arguments_bound ? worker->arguments : NULL, error);
    buffer_release(&others);
    buffer_clear(&remote->failure_log);
    remote_stop_tasks(remote);
    remote_tell(remote, &(struct executor_event){.kind = EXECUTOR_FAILED, .node = worker->node});
}

static uint64_t read_deaths(const struct remote_step *step)
{
    const struct store_bytes *value = &step->requests.items[0]->reply.value;
    uint64_t deaths = 0;
    if (step->requests.items[0]->code == 0 && value->size == sizeof deaths)
        memcpy(&deaths, value->data, sizeof deaths);
    return deaths;
}

/* False: the step has sent something more. */
bool remote_words_proceed(struct remote *remote, struct remote_step *step)
{
    struct remote_worker *worker = find_runner(remote, step->action.node);
    if (step->phase != WORDS_READ || !worker)
        return true;
    uint64_t deaths = read_deaths(step);
    if (deaths >= MOST_DEATHS) {
        worker->words = 0;
        fail_for_memory(remote, worker, deaths);
        return true;
    }
    step->phase = worker->words = WORDS_LEFT;
    worker->deaths = deaths;
    put_words(remote, step, deaths + 1);
    return false;
}

static void drop_words(struct remote *remote, uint32_t node)
{
    for (struct remote_step *step = remote->steps; step; step = step->next)
        if (step->action.kind == EXECUTOR_WAIT && step->action.node == node &&
            step->phase == WORDS_READ)
            step->phase = WORDS_DROPPED;
}

/* The tasks of an executor that has ended while they run are those of a job that has. */
void remote_words_take_back(struct remote *remote, struct remote_worker *worker)
{
    if (worker->words == WORDS_READ)
        drop_words(remote, worker->node);
    else if (worker->words == WORDS_LEFT && !remote->code && !remote->is_draining)
        put_words(remote, new_words(remote, worker->node, WORDS_DROPPED), worker->deaths);
    worker->words = 0;
}

/* ---- Looking --------------------------------------------------------------------------------- */

static bool is_at_work(struct remote *remote, const struct remote_worker *worker)
{
    pthread_mutex_lock(&remote->lock);
    bool is_running = worker->node != PLAN_NONE && !worker->is_done;
    pthread_mutex_unlock(&remote->lock);
    return is_running;
}

/* As long as it takes to come near the end from here; then, for other tasks, now and again. */
static uint64_t time_to_near(uint64_t in_use, uint64_t near)
{
    uint64_t wait = in_use < near ? (near - in_use) / BYTES_PER_NS : LOOK_MOST_NS;
    if (wait < LOOK_LEAST_NS)
        return LOOK_LEAST_NS;
    return wait < LOOK_MOST_NS ? wait : LOOK_MOST_NS;
}

uint64_t remote_words_look(struct remote *remote, uint64_t now)
{
    uint64_t limit = remote->options.process_memory, near = limit - limit / NEAR_PART;
    if (remote->memory_file < 0 || remote->running == 0)
        return UINT64_MAX;
    if (now < remote->next_look)
        return remote->next_look;
    uint64_t in_use = memory_in_use(remote);
    for (uint32_t i = 1; in_use >= near && i <= remote->options.processors; i++) {
        struct remote_worker *worker = &remote->workers[i];
        if (!worker->words && is_at_work(remote, worker))
            begin_words(remote, worker);
    }
    remote->next_look = now + time_to_near(in_use, near);
    return remote->next_look;
}
