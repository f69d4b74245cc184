/*
 * The simulated world: many executors, a store and the platform that starts them, as a model in
 * virtual time, in one thread, with faults by seed. Private to sim*.c and its tests:
 *
 *     sim.c           a run: the clock and its messages, platform, checks, the outcome
 *     sim_executor.c  a simulated process: how it does what its executor says, and its faults
 *     sim_store.c     the model of the store: values, join records, marks
 *     sim_client.c    the client: sweeps, and what happens when the job has ended
 *     sim_time.h      the same without faults as a model of a platform: what takes how long
 *
 * Every step that leaves a process is a message: it takes effect some time after it was sent, and
 * its reply arrives some time after that. In between anything may happen to the process.
 *
 * Tasks are pure, and every run of a node is compared with its first (P2). So a value is
 * represented by its node: what a process, a payload or the store *holds* are sets of nodes, and a
 * task only runs when each of its inputs is in its process's set or in the store. A value that was
 * never stored is missing, although the model could compute with it. A slice of a value, which is
 * all that travels by some edges, is a member of these sets, too: sim_slice().
 */
#ifndef WKC_WORLD_SIM_H
#define WKC_WORLD_SIM_H

#include "executor/executor.h"
#include "executor/sweep.h"
#include "world/result.h"

/* One kind of fault each, since few faults of one kind catch more mistakes than many at once. */
enum sim_profile {
    SIM_NO_FAULTS,
    SIM_CRASHES,      /* a process dies before or after a step takes effect */
    SIM_DUPLICATES,   /* a message takes effect a second time, later */
    SIM_DELAYS,       /* a message takes longer than a lease */
    SIM_LOST_REPLIES, /* a step takes effect, and is repeated because nobody heard of it */
    SIM_FREEZES,      /* a process stands still for longer than a lease */
    SIM_FREEZES_AND_CRASHES,
    SIM_TIME_LIMITS, /* a process is told that its time runs out */
    SIM_ALL_FAULTS,
    /* From here on with a client that sweeps: */
    SIM_SWEPT, /* no faults; tasks that take longer than heartbeats and the sweeper's patience */
    SIM_LOST_EVENTS, /* an event that was accepted is lost, or a process dies and is not retried */
    SIM_OTHER_CLUSTERS, /* and executors differ in what they keep for themselves */
    SIM_FORGETS,        /* the store forgets values that it acknowledged: a clear failure is fine */
    SIM_UNRELIABLE, /* all kinds, and a platform that keeps none of its promises: what dies is not
                       retried, and requests take effect when their senders are long dead */
    SIM_PROFILE_COUNT
};

struct sim_options {
    uint64_t seed;
    enum sim_profile profile;
    uint32_t faults;        /* how many at most */
    uint32_t large_percent; /* of values that count as too large to travel inline, by seed */
    struct executor_options executor; /* inline_bytes and lossless are the model's own */
};

/* As sim_run, with the faults given instead of chosen by the seed. */
int sim_run_with(const struct job *job, const struct job_options *options,
                 const struct sim_options *faults, struct job_outcome *outcome,
                 struct error *error);

/* Runs two jobs that share a store, at the same time. The code of the first that has one. */
struct sim_run {
    const struct job *job;
    const struct sim_options *faults;
    struct job_outcome outcome;
    struct error error;
};
int sim_run_two(struct sim_run *runs, const struct job_options *options);

/* ---- Private to sim*.c ------------------------------------------------------------------ */

enum {
    SIM_LATENCY = 20,     /* the longest of a message without faults */
    SIM_LEASE = 1000,     /* of a join's owner */
    SIM_REPEAT = 100,     /* when a step without an answer is repeated */
    SIM_SWEEP_AGE = 2000, /* of a silent candidate */
    SIM_SWEEP_INTERVAL = 500,
    SIM_SHARDS = 4,
    SIM_FOREVER = 1000000,   /* when a job that still runs waits for ever */
    SIM_TRACKS = 16,         /* of a trace */
    SIM_INLINE_BYTES = 1024, /* values above are large */
};

/* A set of nodes: an open hash table; slots hold node + 1. */
struct node_set {
    uint32_t *slots;
    uint32_t count, capacity;
};

void node_set_add(struct node_set *set, uint32_t node);
bool node_set_has(const struct node_set *set, uint32_t node);
void node_set_release(struct node_set *set);

typedef uint32_t sim_index; /* of a process or an invocation */

/* An accepted event: start an executor. Redelivered until a process has served it. */
struct sim_invocation {
    struct executor_start start;
    VECTOR(uint32_t) payload; /* nodes whose values travel inline, and slices */
    bool claimed;             /* for a mutant */
    uint64_t started;         /* with time: when it got an environment */
};

/* With time: a process's ways to the store and the platform, and when each is free. */
struct sim_line {
    uint64_t up, down;  /* to the store and back */
    uint64_t invoke;    /* its processor, of sending invocations */
    uint64_t *answered; /* by connection: when the invocation on it is; NULL: none was sent */
    uint32_t sent;      /* invocations */
    uint64_t silent;    /* when the last step is done that nobody waits for */
};

struct sim_process {
    sim_index invocation;
    bool alive;
    uint64_t began;
    uint64_t frozen_until;
    struct executor executor;
    struct node_set held; /* values in its memory */
    struct sim_line line;
    uint64_t held_bytes; /* with time; nothing is let go */
};

enum sim_message_kind {
    SIM_DELIVER, /* an event reaches a process */
    SIM_EFFECT,  /* a step takes effect */
    SIM_REPLY,   /* its answer is heard */
    SIM_BEAT,    /* a process renews its heartbeats */
    SIM_SWEEP,   /* the client looks, and looks on */
    SIM_POISON,  /* a process that settled the job marks shard `about` */
    SIM_CLEAN,   /* the client removes the job's keys */
    /* With time: */
    SIM_SOURCE, /* the client invokes source `about`, or all */
    SIM_BEGIN,  /* an environment is ready for invocation `about` */
    SIM_LEFT,   /* all steps of process `about` are done */
    SIM_SCALE,  /* the platform may start more environments */
};

struct sim_message {
    enum sim_message_kind kind;
    bool is_echo;      /* a second effect of a message, without a reply */
    sim_index about;   /* DELIVER: invocation; POISON: shard; else process, if nothing is said */
    sim_index process; /* POISON */
    struct executor_action action;
    struct executor_event event;
};

/* When a message is due; of those at one time the one that was sent first. */
struct sim_due {
    uint64_t time, order;
    uint32_t message; /* its place among sim.messages */
};

/* A join record with the values and slices that were stored with its bits: those that travel
 * inline.
 */
struct sim_record {
    struct join_record join;
    struct join_wait *waits; /* JOIN_WIDTH; NULL: nobody has asked */
    VECTOR(uint32_t) values;
};

/* The mark of a range that was split. */
struct sim_mark {
    uint32_t node, first, end;
};

struct sim_want {
    struct want want;
    struct node_range *ranges;
};

/* What the store holds of a job. */
struct sim_keys {
    uint64_t job; /* its name */
    uint32_t record_count;
    bool *stored; /* by node: its value */
    struct sim_record *records;
    VECTOR(struct sim_mark) marks;
    uint64_t *beats; /* by node: when its heartbeat ends */
    bool poisoned[SIM_SHARDS];
};

/* The store, which jobs may share. */
struct sim_store {
    uint32_t node_count, record_count; /* of the largest job */
    VECTOR(struct sim_keys *) jobs;
};

enum sim_status { SIM_RUNNING, SIM_DONE, SIM_FAILED };

struct sim {
    const struct job *job;
    const struct job_options *options;
    struct sim_options faults;
    const struct plan *plan;
    const struct dag *dag;
    struct bind_table table;
    struct metrics metrics;

    struct sim_time *time; /* NULL: a unit of time is a ms, and messages take a random time */
    uint64_t millisecond, lease;
    uint64_t inline_bytes; /* values above are large */
    uint64_t now, random;
    VECTOR(struct sim_due) queue; /* a heap by time and order */
    VECTOR(struct sim_message) messages;
    VECTOR(uint32_t) unused; /* places among them */
    uint64_t next_order;
    VECTOR(struct sim_invocation) invocations;
    VECTOR(struct sim_process *) processes;
    uint64_t steps, next_fault;
    uint32_t faults_left;

    uint64_t *slots;                /* by part: the value of each node's first run */
    uint32_t *runs, *starts, *puts; /* by node: how often */
    uint64_t *first_producer; /* by node: its distinct producers, in the order of their edges */
    uint32_t *producers;
    uint64_t *bytes; /* by node: the size of its value, once it has run; with time: of the largest
                        part that is read */
    struct sim_keys *keys; /* the store's, of this job */
    bool *acknowledged;    /* by node: stored, even if it was forgotten since */
    uint32_t poisonings;   /* executors that were stopped */

    struct sweep sweep;
    bool is_walking, is_cleaned, gave_up;
    uint32_t lost; /* the node that was swept in vain */
    VECTOR(struct sim_want *) wants;

    uint64_t track_ends[SIM_TRACKS];

    uint64_t ended; /* when the status was set */
    enum sim_status status;
    struct job_result *result; /* also the means of running kernels */
    struct error failure;
    struct error violation; /* code 0: none */
};

/* sim.c */
uint64_t sim_random(struct sim *sim, uint64_t bound);
void sim_send(struct sim *sim, uint64_t delay, const struct sim_message *message);
void sim_violate(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct lineage sim_fresh_lineage(struct sim *sim);
sim_index sim_invoke(struct sim *sim, const struct executor_start *start);
bool sim_is_large(const struct sim *sim, uint32_t node);

/* Whether the client sweeps. */
static inline bool sim_sweeps(const struct sim *sim)
{
    return sim->faults.profile >= SIM_SWEPT;
}

/* The member of a set of nodes that stands for the slices of an edge, by its place among those of
 * all consumers; or PLAN_NONE: the edge carries no slices. */
uint32_t sim_slice(const struct sim *sim, uint32_t node, uint64_t edge);

/* sim_client.c */
void sim_sweep(struct sim *sim, const struct sim_message *message);
void sim_poison(struct sim *sim, uint32_t shard);
void sim_clean(struct sim *sim);

/* sim_executor.c */
void sim_deliver(struct sim *sim, sim_index invocation);
void sim_take_effect(struct sim *sim, const struct sim_message *message);
void sim_reply(struct sim *sim, const struct sim_message *message);
void sim_beat(struct sim *sim, const struct sim_message *message);
void sim_end_process(struct sim *sim, struct sim_process *process);

/* sim_store.c: what the store holds of the job of this name. */
struct sim_keys *sim_keys_of(struct sim_store *store, uint64_t job);
void sim_release_store(struct sim_store *store);

/* The effects of steps. Each fills the fields of the event that its action is answered
 * with. */
void sim_put(struct sim *sim, struct sim_process *process, uint32_t node);
void sim_arrive(struct sim *sim, struct sim_process *process, sim_index process_index,
                const struct executor_action *action, struct executor_event *event);
void sim_ask(struct sim *sim, struct sim_process *process, sim_index process_index,
             const struct executor_action *action, struct executor_event *event);
bool sim_has_mark(const struct sim *sim, const struct executor_action *action);
void sim_mark(struct sim *sim, const struct executor_action *action);
void sim_accept(struct sim *sim, struct sim_process *process, const struct executor_action *action);
void sim_pass(struct sim *sim, const uint32_t *joins, uint32_t count);
/* Whether a process alone has a large input of the sink. */
bool sim_is_unstored_result(const struct sim *sim, const struct sim_process *process,
                            uint32_t node);
void sim_release_record(struct sim_record *record);
/* Makes sure that a process has all inputs of a node; false when one is missing. */
bool sim_load(struct sim *sim, struct sim_process *process, uint32_t node);

#endif
