/*
 * The local world: a pool of threads that drive executors over shared memory. Private to local*.c:
 *
 *     local.c         a job's life: tables, threads, the watch over them, the outcome
 *     local_worker.c  a worker: where it finds work, and how it does what its executor says
 *     local_task.c    one run of one task: arguments, kernel, results, failures, logs
 *
 * All decisions about fan-out and fan-in are the executor's. A worker has one executor object,
 * which it starts at node after node. What shared memory adds:
 *
 * - Invoking is pushing a node to the worker's own deque, or a range of a node's children as one.
 *   Its start happens after the push, or after the steal that acquires it, so it sees the values of
 *   the node's producers.
 * - An arrival is join_arrive_shared on the record's bits: whoever is last sees all values.
 * - The job's sources are never queued. Each worker has a range of them and takes from its front; a
 *   thief takes the upper half. So what is queued stays small, and a worker finishes what lies
 *   beside each other in the graph before it begins anything new: a reduction over many large
 * arrays holds as many as its tree is deep.
 * - Arrays are passed by address, and counted: a block has as many owners as references read its
 *   part. A reader gives its share back when its task has run; the last one frees the block.
 */
#ifndef WKC_WORLD_LOCAL_H
#define WKC_WORLD_LOCAL_H

#include <pthread.h>

#include "executor/executor.h"
#include "world/bind.h"
#include "world/deque.h"
#include "world/pieces.h"
#include "world/result.h"

struct local;

/* A worker's part of the metrics. */
struct local_counters {
    uint64_t invocations, becomes, retries, steals;
    uint64_t arrivals_own, arrivals_stop, arrivals_not;
    uint64_t idle_ns, life_ns;
};

enum { LOCAL_NEIGHBOURS = 64 }; /* children that are pushed as one */
enum { LOCAL_POPPED = 8 };      /* nodes taken from a deque at once */

/* Values of `deadline` that are not times. */
enum { LOCAL_NO_DEADLINE = 0, LOCAL_EXPIRED = 1 };

struct worker {
    struct deque deque;
    _Alignas(64) _Atomic(uint64_t) sources; /* a range of the plan's: first << 32 | end */
    _Alignas(64) _Atomic(uint32_t) stop;    /* what its kernels poll */
    _Atomic(uint64_t) tasks_done;           /* written by the worker alone */
    struct local *local;
    const struct dag_node *nodes; /* of the job, and their edges and tasks */
    const struct dag_child *children;
    const struct bind_task *tasks;
    uint64_t *slots;
    _Atomic(uint64_t) *joins;
    uint32_t number;
    bool is_simple;                   /* no arrays to count, nothing to trace */
    uint32_t next_source, end_source; /* taken from the range, not yet started */
    uint32_t popped[LOCAL_POPPED]; /* taken from the deque, not yet started; the last comes first */
    uint32_t popped_count;
    uint32_t patience;   /* pauses before it steals; see theft.h */
    uint64_t found_ns;   /* when it last found work elsewhere, */
    uint64_t found_done; /* and how many tasks it had done until then */
    bool has_pushed;     /* since it last looked whether someone sleeps */
    struct executor executor;
    struct context context;
    struct binder binder;
    uint64_t *arguments, *results;
    bool arguments_bound; /* by the task that ran last */
    struct local_counters counters;
    pthread_mutex_t deadline_lock; /* between the worker and the watch */
    uint64_t deadline;             /* of the running task, when it has a time-out */
    pthread_t thread;
};

struct local {
    const struct job *job;
    const struct job_options *options;
    const struct plan *plan;
    const struct dag *dag;
    struct bind_table table;
    struct input_cache *inputs; /* shared by the workers' binders; may be NULL */
    struct pieces pieces;       /* of the result, if it comes in pieces */
    uint64_t *slots;            /* by part; written once, by whoever runs the node */
    uint32_t *readers;        /* by part: references that read it; NULL when no part is an array */
    _Atomic(uint64_t) *joins; /* by record of the plan: bits */
    struct job_result *result;
    struct worker *workers;
    uint32_t worker_count;
    uint64_t begin_ns;

    _Alignas(
        64) _Atomic(uint32_t) halted; /* the result is there, or the job failed or was stopped */
    _Atomic(uint32_t) sleepers;       /* workers asleep, or about to be */
    pthread_mutex_t lock;             /* of what follows, and of sleep */
    pthread_cond_t work, ended;
    uint32_t running_threads;
    bool committed;
    bool interrupted;
    uint32_t failed_node; /* the lowest that failed, or PLAN_NONE */
    struct error failure;
    pthread_mutex_t log_lock;
};

uint64_t local_now(void); /* nanoseconds, monotonic */

/* Ends the job: all workers stop as soon as they can. */
void local_halt(struct local *local);

/* local_worker.c: a thread's whole life; the argument is its struct worker. */
void *worker_run(void *worker);

/* local_task.c: runs the node's task; the event, whose node is set, tells how it went. */
void worker_run_task(struct worker *worker, uint32_t node, struct executor_event *event);
/* Binds the result of the job. The failure is recorded if there is one. */
void worker_commit(struct worker *worker, uint32_t sink);
/* Ends the job with the failure that the node's last run has left in the worker's context. */
void worker_fail(struct worker *worker, uint32_t node);

#endif
