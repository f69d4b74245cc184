/* A job's life in the local world; see local.h. */
#include "world/local.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "trace/trace.h"

enum {
    WATCH_NS = 10 * 1000 * 1000, /* how often time-outs and Ctrl-C are looked at */
    PROGRESS_ROUNDS = 10,        /* of the watch between two calls of `progress` */
    MOST_WORKERS = 1024,
};

/* Tasks may recurse WK_MAX_DEPTH deep, so a stack is large; pages are only taken when touched.
 * Where the address space is limited, a smaller one has to do. */
static const size_t STACK_MOST = (size_t)256 << 20, STACK_LEAST = (size_t)8 << 20;

uint64_t local_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void local_halt(struct local *local)
{
    atomic_store(&local->halted, 1);
    for (uint32_t i = 0; i < local->worker_count; i++)
        atomic_store(&local->workers[i].stop, 1);
    pthread_mutex_lock(&local->lock);
    pthread_cond_broadcast(&local->work);
    pthread_mutex_unlock(&local->lock);
}

/* ---- Tables -------------------------------------------------------------------------------- */

enum { LARGE_PAGE = 2 << 20, LARGE_TABLE = 256 << 10 };

/* Of a table that is large, whole large pages: to touch one for the first time costs less than to
 * touch a sixth of it in small ones. */
static size_t table_bytes(uint64_t count, size_t size)
{
    size_t bytes = (count > 0 ? count : 1) * size;
    return bytes < LARGE_TABLE ? bytes : (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
}

/* Memory that begins at a multiple of a large page, which mmap does not promise; NULL if there is
 * none. */
static char *map_large_pages(size_t bytes)
{
    size_t more = bytes + LARGE_PAGE;
    char *memory = mmap(NULL, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)memory % LARGE_PAGE;
    if (before > 0)
        munmap(memory, before);
    if (before < LARGE_PAGE)
        munmap(memory + before + bytes, LARGE_PAGE - before);
    madvise(memory + before, bytes, MADV_HUGEPAGE); /* only a hint */
    return memory + before;
}

/* Zeroed memory, whose pages the system gives when they are first touched: large ones, where it
 * can. NULL when there is none. */
static void *new_table(uint64_t count, size_t size)
{
    size_t bytes = table_bytes(count, size);
    if (bytes >= LARGE_TABLE)
        return map_large_pages(bytes);
    void *table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return table == MAP_FAILED ? NULL : table;
}

static void free_table(void *table, uint64_t count, size_t size)
{
    if (table)
        munmap(table, table_bytes(count, size));
}

static void count_readers(struct local *local)
{
    const struct dag *dag = local->dag;
    uint64_t end = dag->nodes[dag->node_count].first_ref;
    for (uint64_t r = 0; r < end; r++)
        if (bind_reads_block(dag, dag->refs[r]))
            local->readers[dag_part(dag, dag->refs[r])]++;
}

static int make_tables(struct local *local, struct error *error)
{
    local->slots = new_table(local->dag->part_count, sizeof *local->slots);
    local->joins = new_table(local->plan->record_count, sizeof *local->joins);
    if (local->table.has_arrays)
        local->readers = new_table(local->dag->part_count, sizeof *local->readers);
    if (!local->slots || !local->joins || (local->table.has_arrays && !local->readers))
        return error_set(error, ERR_out_of_memory, "there is no memory for the tables of %u tasks",
                         local->dag->node_count);
    if (local->readers)
        count_readers(local);
    return pieces_init(&local->pieces, local->dag, local->options->output, error);
}

/* ---- The outcome --------------------------------------------------------------------------- */

static void make_result(struct local *local)
{
    local->result = job_result_new(&local->table, local->slots, local->options->memory_limit, NULL);
    local->result->binder.keeps = true;
}

static void sum_counters(const struct local *local, struct metrics *metrics)
{
    uint64_t idle_ns = 0, life_ns = 0;
    metrics->input_bytes_read = local->result->binder.input_bytes;
    for (uint32_t i = 0; i < local->worker_count; i++) {
        const struct local_counters *counters = &local->workers[i].counters;
        metrics->tasks_run += local->workers[i].tasks_done;
        metrics->invocations += counters->invocations;
        metrics->becomes += counters->becomes;
        metrics->retries += counters->retries;
        metrics->steals += counters->steals;
        metrics->arrivals_own += counters->arrivals_own;
        metrics->arrivals_not += counters->arrivals_not;
        metrics->input_bytes_read += local->workers[i].binder.input_bytes;
        idle_ns += counters->idle_ns;
        life_ns += counters->life_ns;
    }
    metrics->values_peak_bytes = local->result->account.peak;
    metrics->idle_seconds = (double)idle_ns / 1e9;
    metrics->busy_seconds = (double)(life_ns - idle_ns) / 1e9;
    metrics->wall_seconds = (double)(local_now() - local->begin_ns) / 1e9;
}

/* Parts of inputs are kept where there is no limit of memory, and then only in a small part of the
 * machine's. */
static void make_input_cache(struct local *local)
{
    uint64_t most = (uint64_t)256 << 20;
    uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    if (local->options->memory_limit == 0)
        local->inputs = input_cache_new(local->dag, memory / 16 < most ? memory / 16 : most);
}

/* ---- Workers ------------------------------------------------------------------------------- */

static void init_worker(struct local *local, uint32_t number)
{
    static const struct executor_options options = {
        .inline_bytes = UINT64_MAX, .lossless = true, .neighbours = LOCAL_NEIGHBOURS};
    struct worker *worker = &local->workers[number];
    worker->local = local;
    worker->number = number;
    worker->nodes = local->dag->nodes;
    worker->children = local->dag->children;
    worker->tasks = local->table.tasks;
    worker->slots = local->slots;
    worker->joins = local->joins;
    worker->is_simple = !local->readers && !local->options->trace;
    uint64_t sources = local->plan->source_count;
    uint64_t first = sources * number / local->worker_count;
    uint64_t end = sources * (number + 1) / local->worker_count;
    atomic_init(&worker->sources, first << 32 | end);
    deque_init(&worker->deque);
    executor_init(&worker->executor, local->plan, &options);
    context_init(&worker->context, &local->result->account, &worker->stop);
    binder_init(&worker->binder, &local->table, local->slots, &worker->context);
    worker->binder.inputs = local->inputs;
    worker->arguments = memory_new(local->table.argument_words, sizeof *worker->arguments);
    worker->results = memory_new(local->table.result_words, sizeof *worker->results);
    pthread_mutex_init(&worker->deadline_lock, NULL);
}

static void release_worker(struct worker *worker)
{
    deque_release(&worker->deque);
    executor_release(&worker->executor);
    binder_release(&worker->binder);
    context_release(&worker->context);
    free(worker->arguments);
    free(worker->results);
    pthread_mutex_destroy(&worker->deadline_lock);
}

static bool start_thread(struct worker *worker)
{
    int failure = -1;
    for (size_t bytes = STACK_MOST; failure && bytes >= STACK_LEAST; bytes /= 2) {
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, bytes);
        failure = pthread_create(&worker->thread, &attributes, worker_run, worker);
        pthread_attr_destroy(&attributes);
    }
    return failure == 0;
}

/* Starts the workers; at least one is needed, whose share includes that of those that are missing.
 */
static uint32_t start_threads(struct local *local)
{
    uint32_t started = 0;
    local->running_threads = local->worker_count;
    while (started < local->worker_count && start_thread(&local->workers[started]))
        started++;
    pthread_mutex_lock(&local->lock);
    local->running_threads -= local->worker_count - started;
    pthread_mutex_unlock(&local->lock);
    return started;
}

/* ---- The watch over the workers ------------------------------------------------------------ */

static void expire_deadlines(struct local *local)
{
    uint64_t now = local_now();
    for (uint32_t i = 0; i < local->worker_count; i++) {
        struct worker *worker = &local->workers[i];
        pthread_mutex_lock(&worker->deadline_lock);
        if (worker->deadline > LOCAL_EXPIRED && now > worker->deadline) {
            worker->deadline = LOCAL_EXPIRED;
            atomic_store(&worker->stop, 1);
        }
        pthread_mutex_unlock(&worker->deadline_lock);
    }
}

static void report_progress(struct local *local)
{
    uint64_t done = 0, running = 0;
    for (uint32_t i = 0; i < local->worker_count; i++)
        done += atomic_load_explicit(&local->workers[i].tasks_done, memory_order_relaxed);
    running = local->worker_count - atomic_load(&local->sleepers);
    local->options->progress(local->options->progress_context, done, running);
}

static void watch(struct local *local, unsigned round)
{
    if (local->options->stop && atomic_load(local->options->stop)) {
        local->interrupted = true;
        local_halt(local);
    }
    expire_deadlines(local);
    if (local->options->progress && round % PROGRESS_ROUNDS == PROGRESS_ROUNDS - 1)
        report_progress(local);
}

/* Waits until `deadline` (of CLOCK_MONOTONIC), or the end of all threads; true at their end. */
static bool wait_for_threads(struct local *local, uint64_t deadline)
{
    struct timespec until = {(time_t)(deadline / 1000000000u), (long)(deadline % 1000000000u)};
    pthread_mutex_lock(&local->lock);
    int timed_out = 0;
    while (local->running_threads > 0 && timed_out == 0)
        timed_out = pthread_cond_timedwait(&local->ended, &local->lock, &until);
    bool ended = local->running_threads == 0;
    pthread_mutex_unlock(&local->lock);
    return ended;
}

static void run_threads(struct local *local)
{
    uint32_t started = start_threads(local);
    if (started == 0) {
        local->failed_node = 0;
        error_set(&local->failure, ERR_out_of_memory, "no thread could be started");
        return;
    }
    for (unsigned round = 0; !wait_for_threads(local, local_now() + WATCH_NS); round++)
        watch(local, round);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(local->workers[i].thread, NULL);
}

/* ---- A run --------------------------------------------------------------------------------- */

static uint32_t worker_count(const struct job_options *options)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t count =
        options->workers ? options->workers : (uint32_t)(processors > 0 ? processors : 1);
    return count < MOST_WORKERS ? count : MOST_WORKERS;
}

static void init_threads(struct local *local)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&local->lock, NULL);
    pthread_mutex_init(&local->log_lock, NULL);
    pthread_cond_init(&local->work, NULL);
    pthread_cond_init(&local->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    local->worker_count = worker_count(local->options);
    local->workers = memory_try(local->worker_count * sizeof *local->workers, 64);
    if (!local->workers)
        memory_exhausted();
    memset(local->workers, 0, local->worker_count * sizeof *local->workers);
    for (uint32_t i = 0; i < local->worker_count; i++)
        init_worker(local, i);
}

/* A job that did not end well leaves arrays that nobody has read. */
static void free_remaining(struct local *local)
{
    const struct dag *dag = local->dag;
    for (uint32_t node = 0; node < dag->node_count; node++) {
        const struct bind_task *task = &local->table.tasks[dag->nodes[node].task];
        for (uint32_t i = 0; i < task->result_count; i++) {
            uint64_t address = local->slots[dag->nodes[node].first_part + i];
            if (!task->results[i].is_block || address == 0)
                continue;
            atomic_store(&block_of(address)->references, 1);
            context_drop(&local->result->context, block_of(address));
        }
    }
}

static void release_threads(struct local *local)
{
    for (uint32_t i = 0; i < local->worker_count; i++)
        release_worker(&local->workers[i]);
    free(local->workers);
    pthread_mutex_destroy(&local->lock);
    pthread_mutex_destroy(&local->log_lock);
    pthread_cond_destroy(&local->work);
    pthread_cond_destroy(&local->ended);
}

static int conclude(struct local *local, struct job_outcome *outcome, struct error *error)
{
    sum_counters(local, &outcome->metrics);
    if (local->committed) {
        outcome->in_pieces = local->pieces.output != NULL;
        outcome->words = local->result->words;
        outcome->word_count = local->job->result_type->word_count;
        outcome->owner = local->result;
        outcome->release = job_result_release;
        return 0;
    }
    binder_clear(&local->result->binder);
    if (local->readers)
        free_remaining(local);
    if (local->failed_node == PLAN_NONE) {
        error_set(error, ERR_interrupted, "the job was stopped before its end");
        return ERR_interrupted;
    }
    *error = local->failure;
    return (int)error->code;
}

int local_run(const struct job *job, const struct job_options *options, struct job_outcome *outcome,
              struct error *error)
{
    struct local local = {.job = job,
                          .options = options,
                          .plan = job->plan,
                          .dag = job->plan->dag,
                          .failed_node = PLAN_NONE,
                          .begin_ns = local_now()};
    *outcome = (struct job_outcome){0};
    bind_table_init(&local.table, job);
    int code = make_tables(&local, error);
    if (!code) {
        make_result(&local);
        make_input_cache(&local);
        init_threads(&local);
        if (options->trace)
            trace_begin(options->trace, local.worker_count);
        run_threads(&local);
        input_cache_free(local.inputs, &local.result->context);
        code = conclude(&local, outcome, error);
        release_threads(&local);
        if (code)
            job_result_free(local.result);
    }
    pieces_release(&local.pieces);
    free_table(local.slots, local.dag->part_count, sizeof *local.slots);
    free_table(local.readers, local.dag->part_count, sizeof *local.readers);
    free_table(local.joins, local.plan->record_count, sizeof *local.joins);
    bind_table_release(&local.table);
    return code;
}
