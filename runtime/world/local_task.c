/* One run of one task in the local world; see local.h. */

#include "trace/trace.h"
#include "world/local.h"

/* ---- Parts --------------------------------------------------------------------------------- */

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
            drop_share(worker, dag_part(dag, dag->refs[r]));
}

static void keep_block(struct worker *worker, uint64_t part, uint64_t address)
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

static inline void keep_scalars(struct worker *worker, uint32_t node, const struct bind_task *task)
{
    uint64_t *slots = worker->slots + worker->nodes[node].first_part;
    const uint64_t *results = worker->results;
    for (uint32_t i = 0; i < task->result_count; i++)
        slots[i] = results[i];
}

static void keep_results(struct worker *worker, uint32_t node, const struct bind_task *task)
{
    const uint64_t *words = worker->results;
    uint32_t part = worker->local->dag->nodes[node].first_part;
    for (uint32_t i = 0; i < task->result_count; i++, part++) {
        if (task->results[i].is_block)
            keep_block(worker, part, words[0]);
        else
            worker->local->slots[part] = words[0];
        words += task->results[i].words;
    }
}

/* ---- Results in pieces ---------------------------------------------------------------------- */

static void record_failure(struct local *local, uint32_t node, const struct error *error);

/* Hands pieces of the result to the output, and gives back what is theirs of the blocks. What fails
 * here is the output: the job ends with that, as if it had failed at the sink. */
static void write_pieces(struct worker *worker, uint64_t place, uint64_t count)
{
    struct local *local = worker->local;
    const struct dag *dag = local->dag;
    for (uint64_t i = place; i < place + count; i++) {
        dag_ref ref = dag->refs[local->pieces.by_node[i]];
        if (pieces_write(&local->pieces, i, &worker->binder)) {
            record_failure(local, dag_sink(dag), &worker->context.error);
            local_halt(local);
            return;
        }
        binder_clear(&worker->binder);
        if (bind_reads_block(dag, ref))
            drop_share(worker, dag_part(dag, ref));
    }
}

static void write_pieces_of(struct worker *worker, uint32_t node)
{
    uint64_t count, place = pieces_of(&worker->local->pieces, node, &count);
    write_pieces(worker, place, count);
}

/* What remains to be done at the node that joins the pieces. */
static void write_pieces_of_inputs(struct worker *worker)
{
    uint64_t count, place = pieces_of_inputs(&worker->local->pieces, &count);
    write_pieces(worker, place, count);
}

/* ---- Time-outs ----------------------------------------------------------------------------- */

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

static int run_with_deadline(struct worker *worker, uint32_t node, const struct bind_task *task,
                             wk_kernel *kernel)
{
    const struct dag *dag = worker->local->dag;
    set_deadline(worker, task->timeout_ns);
    int code = context_run(&worker->context, kernel, worker->arguments, task->results,
                           task->result_count, worker->results);
    if (clear_deadline(worker) && code == ERR_interrupted)
        code = error_set(&worker->context.error, ERR_task_timeout,
                         "%s took longer than its time-out of %g s",
                         dag_string(dag, dag->tasks[dag->nodes[node].task].name),
                         (double)task->timeout_ns / 1e9);
    return code;
}

/* ---- Running ----------------------------------------------------------------------------------
 */

static int run_attempt(struct worker *worker, uint32_t node, const struct bind_task *task,
                       wk_kernel *kernel)
{
    if (task->timeout_ns > 0)
        return run_with_deadline(worker, node, task, kernel);
    return context_run(&worker->context, kernel, worker->arguments, task->results,
                       task->result_count, worker->results);
}

static int run_kernel(struct worker *worker, uint32_t node, const struct bind_task *task)
{
    worker->arguments_bound = false;
    int code = bind_arguments(&worker->binder, node, worker->arguments);
    if (code)
        return code;
    worker->arguments_bound = true;
    code = run_attempt(worker, node, task, task->kernel);
    if (code && task->fallback && context_can_recover((enum error_code)code)) {
        worker->context.error = (struct error){.code = ERR_none};
        code = run_attempt(worker, node, task, task->fallback);
    }
    return code;
}

static int run_traced(struct worker *worker, uint32_t node, const struct bind_task *task)
{
    struct local *local = worker->local;
    uint64_t begin = local_now();
    int code = run_kernel(worker, node, task);
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
    buffer_clear(&worker->context.log);
}

static __attribute__((noinline)) int run_with_arrays(struct worker *worker, uint32_t node,
                                                     const struct bind_task *task)
{
    struct local *local = worker->local;
    bool in_pieces = local->pieces.output != NULL;
    if (in_pieces && node == local->pieces.joint) {
        write_pieces_of_inputs(worker);
        return 0;
    }
    int code =
        local->options->trace ? run_traced(worker, node, task) : run_kernel(worker, node, task);
    if (code)
        return code;
    keep_results(worker, node, task);
    if (in_pieces)
        write_pieces_of(worker, node);
    if (local->readers)
        drop_inputs(worker, node);
    return 0;
}

static __attribute__((noinline)) void end_run(struct worker *worker, uint32_t node, int code,
                                              struct executor_event *event)
{
    binder_clear(&worker->binder);
    if (code) {
        event->kind = EXECUTOR_FAILED;
        event->retriable = is_failure_retriable((enum error_code)code);
    } else if (worker->context.log.length > 0) {
        write_log(worker, node);
    }
}

/* Whether a run leaves nothing to clear away. */
static inline bool is_clean(const struct worker *worker)
{
    return (worker->binder.blocks.count | worker->binder.scratch_used |
            worker->context.log.length) == 0;
}

static inline int run_plain(struct worker *worker, uint32_t node, const struct bind_task *task)
{
    int code = bind_arguments(&worker->binder, node, worker->arguments);
    worker->arguments_bound = code == 0;
    if (code)
        return code;
    code = context_run_scalars(&worker->context, task->kernel, worker->arguments, worker->results);
    if (code == 0)
        keep_scalars(worker, node, task);
    return code;
}

/* Tasks that take a nanosecond are run as well: all that arrays, time-outs and traces need is
 * apart. */
void worker_run_task(struct worker *worker, uint32_t node, struct executor_event *event)
{
    const struct bind_task *task = &worker->tasks[worker->nodes[node].task];
    int code = worker->is_simple && task->is_plain ? run_plain(worker, node, task)
                                                   : run_with_arrays(worker, node, task);
    event->kind = EXECUTOR_DONE;
    event->bytes = 0; /* by address, whatever its size */
    if (code || !is_clean(worker))
        end_run(worker, node, code, event);
    uint64_t done = atomic_load_explicit(&worker->tasks_done, memory_order_relaxed);
    atomic_store_explicit(&worker->tasks_done, done + (code == 0), memory_order_relaxed);
}

/* ---- The end of the job -------------------------------------------------------------------- */

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
    struct job_result *result = local->result;
    bool in_pieces = local->pieces.output != NULL;
    int code = in_pieces ? 0 : bind_arguments(&result->binder, sink, result->words);
    if (code) {
        describe_failure(&local->table, sink, NULL, &result->context.error);
        record_failure(local, sink, &result->context.error);
    } else {
        if (local->readers && !in_pieces)
            drop_inputs(worker, sink);
        pthread_mutex_lock(&local->lock);
        local->committed = local->failed_node == PLAN_NONE; /* or a piece could not be written */
        pthread_mutex_unlock(&local->lock);
    }
    local_halt(local);
}
