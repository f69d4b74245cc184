/*
 * The threads that run tasks; see remote_state.h.
 *
 * Worker 0 is the loop's own thread: it runs tasks that are known to be short, since to wake
 * another thread and to be woken by it costs as much as they do (task_pace_is_short); the first run
 * of a task is never taken for short. While a task runs on the loop's thread nothing is sent, and
 * no heartbeat goes out; that is why a time-out, or one run that was long indeed, keeps a task off
 * it.
 */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "value/fault.h"
#include "world/remote_state.h"

enum { STACK_BYTES = 64 << 20 };

/* ---- One run -------------------------------------------------------------------------------- */

/* What a task in C does to the process is told as its failure, and ends the process later. */
static int run_caught(struct remote_worker *worker, const struct bind_task *task, wk_kernel *kernel)
{
    sigjmp_buf escape;
    int number = sigsetjmp(escape, 0);
    if (number) {
        atomic_store(&worker->remote->damaged, true);
        return context_note_fault(&worker->context, number);
    }
    fault_set_escape(&escape);
    int code = context_run(&worker->context, kernel, worker->arguments, task->results,
                           task->result_count, worker->results);
    fault_set_escape(NULL);
    return code;
}

static int run_attempt(struct remote_worker *worker, const struct bind_task *task,
                       wk_kernel *kernel)
{
    if (worker->remote->options.catches_faults)
        return run_caught(worker, task, kernel);
    return context_run(&worker->context, kernel, worker->arguments, task->results,
                       task->result_count, worker->results);
}

static int run_kernel(struct remote_worker *worker, const struct bind_task *task)
{
    worker->arguments_bound = false;
    int code = bind_arguments(&worker->binder, worker->node, worker->arguments);
    if (code)
        return code;
    worker->arguments_bound = true;
    code = run_attempt(worker, task, task->kernel);
    if (code && task->fallback && context_can_recover((enum error_code)code) &&
        !remote_is_damaged(worker->remote)) {
        worker->context.error = (struct error){.code = ERR_none};
        code = run_attempt(worker, task, task->fallback);
    }
    return code;
}

/* Runs the worker's node. What the arguments needed is kept until the run is noted: a failure shows
 * them. */
static void run_node(struct remote_worker *worker)
{
    const struct remote_job *job = worker->remote->job;
    const struct bind_task *task = &job->table.tasks[job->dag.nodes[worker->node].task];
    worker->code = run_kernel(worker, task);
    worker->took = remote_now() - worker->began;
}

static void *work(void *argument)
{
    struct remote_worker *worker = argument;
    struct remote *remote = worker->remote;
    pthread_mutex_lock(&remote->lock);
    for (;;) {
        while (!remote->closing && (worker->node == PLAN_NONE || worker->is_done))
            pthread_cond_wait(&remote->work, &remote->lock);
        if (remote->closing)
            break;
        pthread_mutex_unlock(&remote->lock);
        run_node(worker);
        pthread_mutex_lock(&remote->lock);
        worker->is_done = true;
        uint64_t one = 1;
        if (write(remote->wake, &one, sizeof one) < 0)
            bug("an eventfd cannot be written");
    }
    pthread_mutex_unlock(&remote->lock);
    return NULL;
}

/* ---- Starting and stopping ------------------------------------------------------------------ */

static bool start_thread(struct remote_worker *worker)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    worker->has_thread = pthread_create(&worker->thread, &attributes, work, worker) == 0;
    pthread_attr_destroy(&attributes);
    return worker->has_thread;
}

void remote_workers_start(struct remote *remote)
{
    pthread_mutex_init(&remote->lock, NULL);
    pthread_cond_init(&remote->work, NULL);
    remote->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (remote->wake < 0)
        memory_exhausted();
    remote->workers = memory_new(1 + remote->options.processors, sizeof *remote->workers);
    for (uint32_t i = 0; i <= remote->options.processors; i++) {
        struct remote_worker *worker = &remote->workers[i];
        worker->remote = remote;
        worker->node = PLAN_NONE;
        context_init(&worker->context, &remote->account, &worker->stop);
        if (i > 0 && !start_thread(worker) && i == 1)
            memory_exhausted();
    }
}

void remote_workers_stop(struct remote *remote)
{
    pthread_mutex_lock(&remote->lock);
    remote->closing = true;
    pthread_cond_broadcast(&remote->work);
    pthread_mutex_unlock(&remote->lock);
    for (uint32_t i = 0; i <= remote->options.processors; i++) {
        if (remote->workers[i].has_thread)
            pthread_join(remote->workers[i].thread, NULL);
        context_release(&remote->workers[i].context);
    }
    free(remote->workers);
    close(remote->wake);
    vector_release(&remote->queue);
    pthread_mutex_destroy(&remote->lock);
    pthread_cond_destroy(&remote->work);
}

void remote_workers_prepare(struct remote *remote)
{
    struct bind_table *table = &remote->job->table;
    for (uint32_t i = 0; i <= remote->options.processors; i++) {
        struct remote_worker *worker = &remote->workers[i];
        binder_init(&worker->binder, table, remote->job->slots, &worker->context);
        worker->binder.slices = worker->slices;
        worker->arguments = memory_new(table->argument_words + 1, sizeof *worker->arguments);
        worker->results = memory_new(table->result_words + 1, sizeof *worker->results);
    }
    binder_init(&remote->cutter, table, remote->job->slots, &remote->workers[0].context);
}

void remote_workers_release_job(struct remote *remote)
{
    for (uint32_t i = 0; i <= remote->options.processors; i++) {
        struct remote_worker *worker = &remote->workers[i];
        binder_release(&worker->binder);
        free(worker->arguments);
        free(worker->results);
        context_trim(&worker->context);
    }
    binder_release(&remote->cutter);
}

/* ---- Giving out work ------------------------------------------------------------------------ */

static bool is_short(const struct remote *remote, uint32_t node)
{
    uint32_t task = remote->job->dag.nodes[node].task;
    return task_pace_is_short(&remote->paces[task]) &&
           remote->job->table.tasks[task].timeout_ns == 0;
}

static void begin_run(struct remote *remote, struct remote_worker *worker, uint32_t node)
{
    const struct bind_task *task = &remote->job->table.tasks[remote->job->dag.nodes[node].task];
    worker->expired = worker->is_done = false;
    atomic_store(&worker->stop, remote->poisoned);
    worker->began = remote_now();
    worker->words = 0;
    worker->deadline = task->timeout_ns ? worker->began + task->timeout_ns : 0;
    worker->node = node;
    worker->binder.slice_count = remote_list_slices(remote->job, node, worker->slices);
    remote->running++;
}

static void end_run(struct remote *remote, struct remote_worker *worker)
{
    remote->busy += worker->took;
    task_pace_note(&remote->paces[remote->job->dag.nodes[worker->node].task], worker->took);
    if (worker->expired && worker->code == ERR_interrupted) {
        const struct dag *dag = &remote->job->dag;
        const struct dag_task *task = &dag->tasks[dag->nodes[worker->node].task];
        worker->code = error_set(&worker->context.error, ERR_task_timeout,
                                 "%s took longer than its time-out of %g s",
                                 dag_string(dag, task->name), (double)task->timeout_ns / 1e9);
    }
    remote->running--;
    remote->last = worker;
    remote_words_take_back(remote, worker);
    remote_ran(remote, worker);
    binder_clear(&worker->binder);
    pthread_mutex_lock(&remote->lock);
    worker->node = PLAN_NONE;
    worker->is_done = false;
    worker->deadline = 0;
    pthread_mutex_unlock(&remote->lock);
}

static struct remote_worker *find_idle(struct remote *remote)
{
    for (uint32_t i = 1; i <= remote->options.processors; i++)
        if (remote->workers[i].has_thread && remote->workers[i].node == PLAN_NONE)
            return &remote->workers[i];
    return NULL;
}

/* Idle workers' contexts are the loop's to use. */
struct context *remote_cache(struct remote *remote)
{
    bool is_idle = remote->last && remote->last->node == PLAN_NONE;
    return is_idle ? &remote->last->context : &remote->workers[0].context;
}

void remote_run(struct remote *remote, uint32_t node)
{
    if (is_short(remote, node) && remote->workers[0].node == PLAN_NONE) {
        begin_run(remote, &remote->workers[0], node);
        run_node(&remote->workers[0]);
        end_run(remote, &remote->workers[0]);
        return;
    }
    pthread_mutex_lock(&remote->lock);
    struct remote_worker *worker = find_idle(remote);
    if (worker) {
        begin_run(remote, worker, node);
        pthread_cond_broadcast(&remote->work);
    } else {
        vector_push(&remote->queue, node);
    }
    pthread_mutex_unlock(&remote->lock);
}

static struct remote_worker *find_done(struct remote *remote)
{
    struct remote_worker *done = NULL;
    pthread_mutex_lock(&remote->lock);
    for (uint32_t i = 1; !done && i <= remote->options.processors; i++)
        if (remote->workers[i].is_done)
            done = &remote->workers[i];
    pthread_mutex_unlock(&remote->lock);
    return done;
}

void remote_collect(struct remote *remote)
{
    uint64_t count;
    struct remote_worker *worker;
    if (read(remote->wake, &count, sizeof count) < 0 && remote->running == 0)
        return;
    while ((worker = find_done(remote)))
        end_run(remote, worker);
    while (remote->queue.count > 0 && find_idle(remote)) {
        uint32_t node = remote->queue.items[0];
        remote->queue.count--;
        for (size_t i = 0; i < remote->queue.count; i++)
            remote->queue.items[i] = remote->queue.items[i + 1];
        remote_run(remote, node);
    }
}

uint64_t remote_expire(struct remote *remote)
{
    uint64_t now = remote_now(), next = UINT64_MAX;
    for (uint32_t i = 1; i <= remote->options.processors; i++) {
        struct remote_worker *worker = &remote->workers[i];
        if (worker->node == PLAN_NONE || worker->deadline == 0 || worker->expired)
            continue;
        if (now >= worker->deadline) {
            worker->expired = true;
            atomic_store(&worker->stop, 1);
        } else if (worker->deadline < next) {
            next = worker->deadline;
        }
    }
    return next;
}

void remote_stop_tasks(struct remote *remote)
{
    remote->queue.count = 0;
    for (uint32_t i = 1; i <= remote->options.processors; i++)
        atomic_store(&remote->workers[i].stop, 1);
}
