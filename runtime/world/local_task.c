/* One run of one task in the local world; see local.h. */

#include "trace/trace.h"
#include "world/local.h"

/* ---- Parts
 * --------------------------------------------------------------------------------------- */

/* Gives back one share of a part's block. Whoever gives back the last frees it and empties the
 * slot, so that a job that fails knows what is left. */
static void drop_share(struct worker *worker, uint64_t part)
{
    struct wk_block *block = block_of(worker->local->slots[part]);
    if (atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) > 1)
        return;
    worker->local->slots[part] = 0;
    atomic_store_explicit(&block->references, 1, memory_order_relaxed);
    context_drop(&worker->context, block);
}

static void drop_inputs(struct worker *worker, uint32_t node)
{
    const struct dag *dag = worker->local->dag;
    uint64_t end = dag->nodes[node + 1].first_ref;
    for (uint64_t r = dag->nodes[node].first_ref; r < end; r++)
        if (bind_reads_block(dag, dag->refs[r]))
            drop_share(worker, bind_part(dag, dag->refs[r]));
}

static void keep_array(struct worker *worker, uint64_t part, uint64_t address)
{
    struct wk_block *block = block_of(address);
    uint32_t readers = worker->local->readers[part];
    if (readers == 0) {
        context_drop(&worker->context, block);
        return;
    }
    worker->local->slots[part] = address;
    atomic_store_explicit(&block->references, readers, memory_order_relaxed);
}

static void keep_results(struct worker *worker, uint32_t node, const struct bind_task *task)
{
    const uint64_t *words = worker->results;
    uint64_t part = worker->local->dag->nodes[node].first_part;
    for (uint32_t i = 0; i < task->result_count; i++, part++) {
        if (task->results[i].rank > 0)
            keep_array(worker, part, words[0]);
        else
            worker->local->slots[part] = words[0];
        words += 1 + task->results[i].rank;
    }
}

/* ---- Time-outs
 * ------------------------------------------------------------------------------------- */

static void set_deadline(struct worker *worker, uint64_t timeout_ns)
{
    pthread_mutex_lock(&worker->deadline_lock);
    worker->deadline = local_now() + timeout_ns;
    pthread_mutex_unlock(&worker->deadline_lock);
}

/* Whether the watch has stopped the task; the flag is made ready for the next one. */
static bool clear_deadline(struct worker *worker)
{
    pthread_mutex_lock(&worker->deadline_lock);
    bool expired = worker->deadline == LOCAL_EXPIRED;
    worker->deadline = LOCAL_NO_DEADLINE;
    if (expired) {
        atomic_store(&worker->stop, 0);
        if (atomic_load(&worker->local->halted)) /* it may have been set before ours was cleared */
            atomic_store(&worker->stop, 1);
    }
    pthread_mutex_unlock(&worker->deadline_lock);
    return expired;
}

static int run_with_deadline(struct worker *worker, const struct dag_task *task, wk_kernel *kernel,
                             const struct bind_task *shape)
{
    struct error *error = &worker->context.error;
    set_deadline(worker, task->timeout_ns);
    int code = context_run(&worker->context, kernel, worker->arguments, shape->results,
                           shape->result_count, worker->results);
    if (clear_deadline(worker) && code == ERR_interrupted)
        code =
            error_set(error, ERR_task_timeout, "%s took longer than its time-out of %g s",
                      dag_string(worker->local->dag, task->name), (double)task->timeout_ns / 1e9);
    return code;
}

/* ---- Running
 * ------------------------------------------------------------------------------------- */

static int run_kernel(struct worker *worker, uint32_t node)
{
    struct local *local = worker->local;
    uint32_t number = local->dag->nodes[node].task;
    const struct bind_task *shape = &local->table.tasks[number];
    worker->context.log.length = 0; /* if binding fails, the last task's is not this one's */
    worker->arguments_bound = false;
    int code = bind_arguments(&worker->binder, node, worker->arguments);
    if (code)
        return code;
    worker->arguments_bound = true;
    const struct dag_task *task = &local->dag->tasks[number];
    wk_kernel *kernel = local->job->kernels[number];
    if (task->timeout_ns > 0)
        return run_with_deadline(worker, task, kernel, shape);
    return context_run(&worker->context, kernel, worker->arguments, shape->results,
                       shape->result_count, worker->results);
}

static int run_traced(struct worker *worker, uint32_t node)
{
    struct local *local = worker->local;
    uint64_t begin = local_now();
    int code = run_kernel(worker, node);
    trace_task(local->options->trace, worker->number, node, begin - local->begin_ns,
               local_now() - local->begin_ns);
    return code;
}

static void write_log(struct worker *worker, uint32_t node)
{
    struct local *local = worker->local;
    pthread_mutex_lock(&local->log_lock);
    write_task_log(&local->table, local->options, node, &worker->context.log);
    pthread_mutex_unlock(&local->log_lock);
}

void worker_run_task(struct worker *worker, uint32_t node, struct executor_event *event)
{
    struct local *local = worker->local;
    int code = local->options->trace ? run_traced(worker, node) : run_kernel(worker, node);
    if (code == 0) {
        const struct bind_task *task = &local->table.tasks[local->dag->nodes[node].task];
        keep_results(worker, node, task);
        if (local->readers)
            drop_inputs(worker, node);
    }
    if (worker->binder.blocks.count > 0 || worker->binder.scratch_used > 0)
        binder_clear(&worker->binder);
    if (code) {
        event->kind = EXECUTOR_FAILED;
        event->retriable = is_failure_retriable((enum error_code)code);
        return;
    }
    if (worker->context.log.length > 0)
        write_log(worker, node);
    worker->counters.tasks_run++;
    atomic_store_explicit(&worker->tasks_done, worker->counters.tasks_run, memory_order_relaxed);
    event->kind = EXECUTOR_DONE;
    event->bytes = 0; /* by address, whatever its size */
}

/* ---- The end of the job
 * ---------------------------------------------------------------------------- */

/* Keeps the failure that is lowest in the order of the graph, so that of those recorded always the
 * same is reported. A task that was only stopped because the job ends is no failure. */
static void record_failure(struct local *local, uint32_t node, const struct error *error)
{
    pthread_mutex_lock(&local->lock);
    if (error->code != ERR_interrupted && node < local->failed_node) {
        local->failed_node = node;
        local->failure = *error;
    }
    pthread_mutex_unlock(&local->lock);
}

void worker_fail(struct worker *worker, uint32_t node)
{
    struct error *error = &worker->context.error;
    if (error->code != ERR_interrupted) {
        if (worker->context.log.length > 0)
            write_log(worker, node);
        describe_failure(&worker->local->table, node,
                         worker->arguments_bound ? worker->arguments : NULL, error);
    }
    record_failure(worker->local, node, error);
    local_halt(worker->local);
}

void worker_commit(struct worker *worker, uint32_t sink)
{
    struct local *local = worker->local;
    struct local_result *result = local->result;
    int code = bind_arguments(&result->binder, sink, result->words);
    if (code) {
        describe_failure(&local->table, sink, NULL, &result->context.error);
        record_failure(local, sink, &result->context.error);
    } else {
        if (local->readers)
            drop_inputs(worker, sink);
        pthread_mutex_lock(&local->lock);
        local->committed = true;
        pthread_mutex_unlock(&local->lock);
    }
    local_halt(local);
}
