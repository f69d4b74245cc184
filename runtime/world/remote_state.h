/*
 * Private to remote*.c:
 *
 *     remote.c         serving an event: the loop, its timers, the end
 *     remote_job.c     a job's plan and tables, as its description says
 *     remote_edges.c   who produces the inputs of a node
 *     remote_inputs.c  the job's input files, read from the store
 *     remote_values.c  the values that the process holds, and parcels of them
 *     remote_slices.c  slices of values that others hold
 *     remote_steps.c   what the executor says, as requests, invocations and runs of tasks
 *     remote_memory.c  values that are freed, or stored, when memory is short
 *     remote_words.c   what is told of tasks that run when memory ends
 *     remote_work.c    the threads that run tasks
 *     remote_log.c     what tasks have logged
 *     remote_count.c   what an event cost
 */
#ifndef WKC_WORLD_REMOTE_STATE_H
#define WKC_WORLD_REMOTE_STATE_H

#include <pthread.h>

#include "executor/executor.h"
#include "store/store.h"
#include "value/rectangle.h"
#include "value/stored.h"
#include "world/bind.h"
#include "world/description.h"
#include "world/remote_edges.h"
#include "world/pace.h"
#include "world/payload.h"
#include "world/plan_pager.h"
#include "world/remote.h"

struct remote_inputs;

/* What is known of a part. */
enum {
    PART_HERE = 1,    /* its slot holds it */
    PART_STORED = 2,  /* it is in the store */
    PART_LEAVING = 4, /* it is being stored to make room, and is freed then */
    PART_USED = 8,    /* a task of this event has read it, or made it */
    PART_KEPT = 16,   /* remote_end_values() has chosen it */
};

/* Slices that came. */
struct remote_slices {
    VECTOR(struct bind_slice) list;
    uint32_t *places; /* a hash table by ref: numbers in the list + 1 */
    size_t capacity;
};

/* The job that the process works for. */
struct remote_job {
    char name[STORE_JOB_NAME + 1];
    char *address; /* of its store */
    struct store *store;
    struct arena arena;
    struct buffer description_bytes;
    struct description description;
    struct dag dag; /* of the pager's image, if there is one */
    struct plan plan;
    struct plan_pager *pager;
    struct job job; /* as bind.h wants it */
    struct bind_table table;
    struct remote_inputs *inputs;
    uint32_t doubt; /* executor_doubt() of the last event */
    struct data_file **input_files, **files; /* by input of the DAG; by number of a file */
    struct remote_edges edges;
    uint64_t *slots;          /* by part */
    uint8_t *parts;           /* by part: PART_… */
    VECTOR(uint32_t) touched; /* nodes that a part is known of */
    struct remote_slices slices;
    uint64_t held_bytes;
    uint64_t tidy_bytes; /* when so many are held, those that nobody needs are freed */
};

struct remote;

/* A thread that runs tasks; number 0 is the loop's own. */
struct remote_worker {
    struct remote *remote;
    struct context context;
    struct binder binder;
    struct bind_slice slices[PLAN_SLICES]; /* the binder's, of the task that runs */
    uint64_t *arguments, *results;
    _Atomic(bool) arguments_bound;
    _Atomic(uint32_t) stop; /* polled by kernels */
    pthread_t thread;
    bool has_thread;
    /* Under the lock: */
    uint32_t node;     /* the task to run, or that ran; PLAN_NONE: idle */
    bool is_done;      /* it has run, and nobody has taken note of it yet */
    bool expired;      /* its time-out has gone by */
    int code;          /* of the run */
    uint64_t began;    /* ns */
    uint64_t deadline; /* ns; 0: none */
    uint64_t took;     /* ns */
    /* The loop's: */
    int words;       /* remote_words.c: what was told of the task */
    uint64_t deaths; /* that others have told of it */
};

/* Of a run: what it waits for. */
enum remote_run_phase {
    RUN_MAKE_ROOM,
    RUN_LOAD_VALUE,
    RUN_LOAD_INPUTS,
    RUN_TASK,
    RUN_WAITS, /* until no other run is at work */
    RUN_HELD,  /* until none waits for that, or is alone */
};

/* Something that was begun for the executor, and takes one or more answers, in phases. */
struct remote_step {
    struct remote_step *previous, *next; /* in the list of all */
    struct executor_action action;
    struct executor_event answer; /* what the executor will be told at the end */
    bool is_silent;               /* it is told nothing */
    int phase;
    uint32_t left;    /* answers to come */
    bool is_poisoned; /* what it stored came after the job's end */
    bool is_missing;
    bool is_short;                           /* an input found no memory, */
    bool is_too_large;                       /* nor when all else had left */
    bool is_squeezed;                        /* RUN: all else has made room for it, */
    bool is_alone;                           /* and nothing is to run beside it */
    VECTOR(struct store_request *) requests; /* all that were sent */
    VECTOR(void *) memory;                   /* what they point to */
    struct store_name *names;
    struct remote_invocation invocation;
    struct buffer parcel;
};

struct remote_timer {
    uint64_t due; /* ns */
    struct executor_event event;
};

struct remote {
    struct remote_program program;
    struct remote_platform *platform;
    struct remote_options options;
    struct remote_job *job; /* of the last event; or NULL */
    struct memory_account account;
    struct remote_worker *workers; /* 1 + processors */
    struct remote_worker *last;    /* of them, the one that ran last */
    struct binder cutter;          /* cuts slices that go to others */
    struct task_pace *paces;       /* by task of the job's DAG */
    struct transfer_pace transfers;
    pthread_mutex_t lock;
    pthread_cond_t work;
    int wake;           /* an eventfd: a task has run */
    int memory_file;    /* what the process takes; -1: it has no limit */
    uint64_t next_look; /* ns: at memory */
    bool closing;
    _Atomic(bool) damaged;  /* see remote_is_damaged */
    VECTOR(uint32_t) queue; /* nodes to run, when all threads are busy */

    /* Of the event that is served: */
    struct payload payload;
    struct arena arena;
    struct executor executor;
    struct remote_step *steps;
    VECTOR(struct remote_timer) timers;
    uint64_t began, next_beat, short_at; /* ns; short_at 0: there is no limit */
    bool beating, poisoned;
    bool is_draining;          /* the executor has ended, and nothing new is to be begun */
    uint32_t running;          /* tasks in threads */
    uint32_t invoking;         /* invocations that the platform has */
    struct error failure;      /* of the task that failed last */
    struct buffer failure_log; /* what it logged */
    struct buffer log;         /* lines of tasks that succeeded, not yet stored: remote_log.c */
    uint32_t log_cut;          /* lines that it has no room for */
    int code;                  /* the event cannot be served to its end: why */
    struct error error;
    struct metrics metrics;
    struct metrics before; /* remote_count.c's, at the event's beginning */
    uint64_t busy;         /* ns that tasks ran, in all events */
};

uint64_t remote_now(void); /* ns, CLOCK_MONOTONIC */
/* The event fails: nothing more is begun. The first reason stands. */
void remote_give_up(struct remote *remote, const struct error *error);
/* Tells the executor. */
void remote_tell(struct remote *remote, const struct executor_event *event);

/* remote_job.c */
int remote_job_open(struct remote *remote, const struct payload *payload, struct error *error);
void remote_job_close(struct remote *remote);
/* Between two events, when no values are held: gives back what their tables took. */
void remote_job_rest(struct remote_job *job);

/* remote_inputs.c: data_file handles of what the client has stored, by parameter of main, or by
 * file of the job. */
struct remote_inputs *remote_inputs_open(const char *address, const char *job, struct error *error);
void remote_inputs_close(struct remote_inputs *inputs);
struct rectangle_reader *remote_inputs_reader(struct remote_inputs *inputs, uint32_t number,
                                              uint64_t bytes);
const struct store_counters *remote_inputs_counters(const struct remote_inputs *inputs);

/* remote_count.c: at an event's beginning, and at its end, when no request is under way. */
void remote_count_begin(struct remote *remote);
void remote_count_end(struct remote *remote);

/* remote_values.c */
static inline uint64_t remote_part(const struct remote_job *job, uint32_t node, uint32_t part)
{
    return job->dag.nodes[node].first_part + part;
}
static inline uint32_t remote_part_count(const struct remote_job *job, uint32_t node)
{
    return job->table.tasks[job->dag.nodes[node].task].result_count;
}
static inline const struct value_leaf *remote_leaf(const struct remote_job *job, uint32_t node,
                                                   uint32_t part)
{
    return &job->table.tasks[job->dag.nodes[node].task].results[part];
}
static inline bool remote_reads(const struct remote_edge *edge, uint32_t part)
{
    return edge->all_parts || (part < 64 && (edge->parts >> part & 1));
}
/* Keeps what a run of the node gave; the bytes of its largest part that anybody reads. */
uint64_t remote_keep(struct remote *remote, uint32_t node, const uint64_t *results);
/* Keeps a part that was loaded. */
int remote_keep_stored(struct remote *remote, uint32_t node, uint32_t part, const void *bytes,
                       size_t size);
void remote_note(struct remote_job *job, uint32_t node, uint32_t part, uint8_t what);
/* Takes what a parcel holds. 0, or an error's code with remote->error. */
int remote_take_parcel(struct remote *remote, const void *parcel, size_t length,
                       struct error *error);
/* Adds what the edge's consumer reads (PLAN_NONE: it is no edge of one): slices, where the plan
 * says so; of the rest small parts that are here, the others as stored; or all as stored. */
void remote_add_to_parcel(struct remote *remote, struct buffer *parcel, uint32_t node,
                          const struct remote_edge *edge, bool all_stored);
bool remote_is_small(const struct remote_job *job, uint32_t node, uint32_t part);
/* Frees all values. */
void remote_drop_values(struct remote *remote);
/* When an event ends: frees all values but large ones that are stored, which later events of the
 * job may need, up to remote_memory_goal(); of these those first that this event has used. */
void remote_end_values(struct remote *remote);
/* Frees a part, if it is here; that it is stored stays known. */
void remote_free_part(struct remote *remote, uint32_t node, uint32_t part);
uint64_t remote_part_bytes(const struct remote_job *job, uint32_t node, uint32_t part);

/* remote_slices.c */
struct parcel_entry;

/* Whether a node (PLAN_NONE: none) reads slices of a producer's part, by an edge of the plan's that
 * carries them. */
bool remote_reads_slices(const struct remote_job *job, uint32_t node, uint32_t producer,
                         uint32_t part);
/* And these have come. */
bool remote_has_slices(const struct remote_job *job, uint32_t node, uint32_t producer,
                       uint32_t part);
/* Lists those that have come of what a node reads and that is not here. */
uint32_t remote_list_slices(const struct remote_job *job, uint32_t node,
                            struct bind_slice slices[PLAN_SLICES]);
/* Takes what an entry of a parcel holds. */
int remote_take_slice(struct remote *remote, const struct parcel_entry *entry, struct error *error);
/* Adds the slices of a part that is here, or of which they are. */
void remote_add_slices(struct remote *remote, struct buffer *parcel, uint32_t node,
                       uint32_t producer, uint32_t part);
/* Frees those of nodes that are not needed; NULL: all. */
void remote_drop_slices(struct remote *remote,
                        bool (*is_needed)(const struct remote *remote, uint32_t node));
void remote_release_slices(struct remote_slices *slices);

/* remote_log.c */

/* Takes note of what a task has logged that succeeded. */
void remote_log_task(struct remote *remote, uint32_t node, const struct buffer *log);
/* Stores the lines that are not yet stored, if there are any, by a request of the step: before what
 * the step promises to others. */
void remote_log_flush(struct remote *remote, struct remote_step *step);

/* remote_memory.c */
/* Frees values that nobody here needs and nobody else can load, now and then. */
void remote_tidy(struct remote *remote);
bool remote_memory_is_short(const struct remote *remote);
/* How many bytes of values are to be left when it was. */
uint64_t remote_memory_goal(const struct remote *remote);
/* Frees values that nobody needs, and stores others, by requests of the step, until no more than
 * `goal` bytes will be left; but none that is in use. When the requests are answered they are
 * freed by remote_end_room. */
void remote_make_room(struct remote *remote, struct remote_step *step, uint64_t goal);
void remote_end_room(struct remote *remote, struct remote_step *step);

/* remote_words.c: tasks that run when the process's memory ends */
void remote_words_open(struct remote *remote);
void remote_words_close(struct remote *remote);
/* Looks how much memory is in use, if it is time for that, and begins to leave word when little is
 * left. When to look next (ns), or UINT64_MAX. */
uint64_t remote_words_look(struct remote *remote, uint64_t now);
/* All answers of a step of these are there; false: it has sent something more. */
bool remote_words_proceed(struct remote *remote, struct remote_step *step);
/* The worker's task has come to its end. */
void remote_words_take_back(struct remote *remote, struct remote_worker *worker);

/* remote_steps.c */
/* A step that does what an action says, or, where its kind is END or WAIT, something of its own. */
struct remote_step *remote_new_step(struct remote *remote, const struct executor_action *action);
void remote_perform(struct remote *remote, const struct executor_action *action);
void remote_answered(struct remote *remote, struct store_request *request);
void remote_invoked(struct remote *remote, struct remote_invocation *invocation);
/* A task has run on a worker; the worker is idle again. */
void remote_ran(struct remote *remote, struct remote_worker *worker);
void remote_beat(struct remote *remote);
/* Goes on with runs that waited for the ends of others, if it is time; whether there were any. */
bool remote_resume_runs(struct remote *remote);
/* A request of a step, without an answer beyond its code; and memory that lasts as long as the
 * step. */
struct store_request *remote_new_request(struct remote_step *step, enum store_step kind,
                                         struct store_name name);
void *remote_step_memory(struct remote_step *step, size_t bytes);
/* Stores what has been logged, at an event's end. */
void remote_store_log(struct remote *remote);
/* Stores a part that is here, by a request of the step. */
void remote_put_part(struct remote *remote, struct remote_step *step, uint32_t node, uint32_t part);
/* Gives up all steps, when the event fails. */
void remote_forget_steps(struct remote *remote);

/* remote_work.c */
void remote_workers_start(struct remote *remote);
void remote_workers_stop(struct remote *remote);
/* For a new job: what its table needs. */
void remote_workers_prepare(struct remote *remote);
void remote_workers_release_job(struct remote *remote);
/* To free values into: of the worker that is likely to make the next one, if it is idle. */
struct context *remote_cache(struct remote *remote);
/* Runs the node's task, now or on another thread; remote_ran() follows. */
void remote_run(struct remote *remote, uint32_t node);
/* Takes note of the tasks that have run. */
void remote_collect(struct remote *remote);
/* Tasks whose time is up are stopped; the ns at which the next one's is, or UINT64_MAX. */
uint64_t remote_expire(struct remote *remote);
/* Stops all tasks, and waits for their ends. */
void remote_stop_tasks(struct remote *remote);

#endif
