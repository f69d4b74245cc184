/*
 * The executor: the state machine of spec/protocol.md, without I/O.
 *
 * An executor runs one *lineage*: it starts at a node, runs it, becomes one of its children, has
 * others invoked for the rest, and arrives at joins. It is told what happened (events) and says
 * what to do next (actions); it has no thread and no clock, sends nothing, and knows neither values
 * nor stores. A *world* drives it:
 *
 *     executor_start(&executor, node, lineage);      or executor_begin, with all of a payload
 *     while (executor_next(&executor, &action))
 *         ... do what the action says, at once or later, and report with executor_handle() ...
 *
 * executor_next gives false while there is nothing to do before the next event. Actions may be
 * worked on in parallel, in any order of their answers. The last action is EXECUTOR_END. An
 * executor can be started again after it has ended; it keeps its memory, so in the steady state it
 * allocates nothing.
 *
 * An answer repeats what its action is about: event.node, .record, .first and .end are the action's
 * (executor_answer() copies them). An action that is not answered in time is repeated by the world
 * with the same arguments: each may happen twice without harm. Where an action speaks of edges,
 * their values go with it: those of the producers that this executor ran or was given, inline or by
 * their keys.
 *
 * Time. The executor says WAIT where it wants to be told that some time has gone by, and counts
 * what it has waited. It never waits with nothing to end it, and never for a store to be asked less
 * than its options say. Whether its own time runs out is for the world to see: EXECUTOR_TIME_SHORT
 * makes it hand over all that it has and end. So is the heartbeat: a world whose executor has been
 * at work for a third of the lease renews the heartbeats of executor_list_beats() from then on,
 * every third of the lease, and tells POISONED if it learns that the job has ended.
 *
 * Lossless. In shared memory nothing is lost, run twice or delayed; there the executor takes a
 * short way through the same steps. What it never says then: PUT, ASK, WAIT, LOOK, SPLIT, PASSED;
 * what it says only then: LAND.
 */
#ifndef WKC_EXECUTOR_EXECUTOR_H
#define WKC_EXECUTOR_EXECUTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vector.h"
#include "executor/join.h"
#include "executor/want.h"
#include "graph/plan.h"
#include "graph/platform.h"

enum executor_action_kind {
    EXECUTOR_RUN,    /* run the task of `node`; answer DONE, FAILED or MISSING. With `is_stored` the
                        value was stored by somebody: load it instead, and answer DONE; run the task
                        only if it is not there after all */
    EXECUTOR_PUT,    /* store the value of `node`; answer STORED */
    EXECUTOR_INVOKE, /* start another executor: `node`, or the range of its children [first, end) if
                        that is not empty (of node PLAN_NONE: of the sources), with `lineage` and
                        this executor's `want`; answer ACCEPTED. With token 0 the event gets a fresh
                        one, which repetitions of this action keep. Its inputs are at hand: values
                        that are stored go by key, and what is small inline. (What is small but too
                        much for one payload, such as many inputs of a join, the world stores
                        first.) Where nothing is lost, a range counts all children of `node` in
                        the DAG's order, and each of them is a lineage of its own */
    EXECUTOR_ASK,    /* apply join_ask to `record`, with `size` and `until`; answer ANSWERED, with
                        `largest` */
    EXECUTOR_ARRIVE, /* apply join_arrive to `record` (of the plan); answer ANSWERED */
    EXECUTOR_LAND,   /* only where nothing is lost: apply join_arrive to the records of
                        landings[0..count), in any order; answer LANDED, with `owned` */
    EXECUTOR_WAIT,   /* answer WAITED after `milliseconds`. Other actions go on meanwhile */
    EXECUTOR_LOOK,   /* is there a mark that `node`'s range [first, end) was split? answer LOOKED */
    EXECUTOR_SPLIT,  /* mark `node`'s range [first, end) as split; no answer, may be lost */
    EXECUTOR_PASSED, /* mark the joins joins[0..count) as passed; no answer, may be lost */
    EXECUTOR_COMMIT, /* `node` is the sink: store the result and set the job's status; answer
                        SETTLED, or MISSING where an input of it is not in the store */
    EXECUTOR_FAIL,   /* the task of `node` failed for good: set the job's status; answer SETTLED */
    EXECUTOR_END,    /* nothing is left to do */
};

enum { EXECUTOR_LANDINGS = 8 }; /* at most, at once */

/* One of several arrivals that go out together, each with one edge. */
struct executor_landing {
    uint32_t node;   /* the join */
    uint32_t record; /* its only one */
    uint64_t edge, all;
};

/* Only the fields that the kind speaks of are set. */
struct executor_action {
    enum executor_action_kind kind;
    uint32_t node;
    uint32_t record;        /* ASK, ARRIVE, WAIT */
    uint32_t count;         /* PASSED, LAND */
    bool repeats;           /* RUN: the task's last run failed */
    bool becomes;           /* RUN: not the node that the executor was started at */
    bool is_stored;         /* RUN */
    bool wanted;            /* ASK, ARRIVE: the join is in `want`, so `passed` must not stop it */
    uint64_t edges, all;    /* ASK, ARRIVE: what arrives, and all edges of the record */
    struct lineage lineage; /* ASK, ARRIVE, INVOKE */
    const uint32_t *joins;  /* PASSED; valid until the executor's next call */
    const struct executor_landing *landings; /* LAND; likewise */
    uint32_t first, end;                     /* INVOKE, LOOK, SPLIT: a range of children */
    uint64_t size;         /* ASK: bytes of all that is held for the join's tree */
    uint32_t milliseconds; /* WAIT: how long. ASK: how long the wait is good for, from now */
};

enum executor_event_kind {
    EXECUTOR_DONE,       /* the task of `node` ran; its value has `bytes` bytes. `is_stored` if it
                            was loaded instead */
    EXECUTOR_FAILED,     /* it failed; `retriable` when the environment is to blame */
    EXECUTOR_MISSING,    /* an input of `node` is not in the store, so it was not run */
    EXECUTOR_STORED,     /* PUT of `node` */
    EXECUTOR_ACCEPTED,   /* INVOKE of `node`, or of its range */
    EXECUTOR_ANSWERED,   /* ASK or ARRIVE at `record`: `answer` */
    EXECUTOR_LANDED,     /* LAND: `owned` */
    EXECUTOR_WAITED,     /* WAIT for `record` */
    EXECUTOR_LOOKED,     /* LOOK at `node`'s range: it is split, or not */
    EXECUTOR_SETTLED,    /* COMMIT or FAIL: the job's status stands, by this or another executor */
    EXECUTOR_POISONED,   /* the job has ended: stop */
    EXECUTOR_TIME_SHORT, /* the platform's limit is near: hand over all that is held, and end */
};

/* Likewise. */
struct executor_event {
    enum executor_event_kind kind;
    uint32_t node;
    uint32_t record;
    enum join_answer answer;
    uint32_t owned;  /* LANDED: the landings that were answered own, one bit each; the others not */
    bool taken_over; /* ANSWERED own: by the record */
    bool retriable;
    bool is_stored; /* DONE */
    bool is_split;  /* LOOKED */
    uint64_t bytes;
    uint32_t first, end;        /* ACCEPTED, LOOKED */
    struct join_holder largest; /* ANSWERED not, to ASK: by the record */
};

/* The part of an event that repeats its action. */
static inline struct executor_event executor_answer(const struct executor_action *action)
{
    return (struct executor_event){
        .node = action->node, .record = action->record, .first = action->first, .end = action->end};
}

enum { EXECUTOR_WAYS = 32 }; /* the default of `ways` */

struct executor_options {
    uint64_t inline_bytes; /* values up to this size travel inside payloads and arrivals; larger
                              ones are stored. 0: all are stored */
    /* Nothing is ever lost or run twice, and an invocation is accepted at once: the world answers
     * need not answer INVOKE, and never gets PASSED. None of what follows matters then. */
    bool lossless;
    uint32_t neighbours; /* where nothing is lost: so many children at most that stand side by side
                            are invoked at once; 0: one */
    /* Techniques that are switched off, to show what each is worth. All executors of a job have the
     * same. */
    bool without_become;     /* run the start only, and have all else invoked */
    bool without_clustering; /* ignore the plan's clusters */
    bool without_delayed_io; /* store large values at once instead of waiting for other inputs */
    bool without_tree;       /* invoke wide fan-outs one by one */
    uint32_t tasks;          /* run at once: the platform's processors; 0: one */
    uint32_t ways;           /* a range of children is split into at most so many; 0:
                                EXECUTOR_WAYS */
    uint32_t grain;          /* so many children of a range are run by one executor, one after the
                                other, and no part of a range is smaller; 0: one */
    /* How long a large value is kept back in the hope to come last: about as long as to store and
     * load it would take, so that waiting in vain at most doubles the cost. 0: the defaults. */
    uint32_t patience;         /* ms, for any value: the store's latency; 0: 20 */
    uint32_t bytes_per_ms;     /* the store's bandwidth; 0: 50,000 */
    uint32_t patience_at_most; /* ms; 0: 5,000 */
    uint32_t wait_at_least;    /* ms between two questions; 0: 4 */
    uint32_t doubt;            /* executor_doubt() of the process's last executor of the job */
    uint32_t foresight; /* so many nodes, and edges below each, are looked at to find out what
                           will feed a join; 0, or more than that: 64 */
};

/* Where a lineage begins: what an invocation's payload says. */
struct executor_start {
    uint32_t node;       /* PLAN_NONE, with a range: the children are the plan's sources */
    uint32_t first, end; /* not empty: the range of the node's children, by their indexes among
                            those that are invoked (plan_invoked): run the first `grain` of them,
                            and split the others. The node's value is at hand or stored. Of node
                            PLAN_NONE: the range of the plan's sources */
    bool is_stored;      /* the node's own value is stored, and was not handed on: do that */
    struct lineage lineage;
    const struct want *want; /* NULL: all that is needed. It must last until the executor ends */
};

/* Edges of one record that this executor holds. */
struct executor_edges {
    uint32_t node;   /* the join */
    uint32_t offset; /* of the record in the join's row */
    uint64_t edges;
    uint64_t large; /* those of them that promise a large value that is not stored; of a record
                       of records, whose edges stand for many values, those that may */
};

/* The usual arrival: one edge, of a value that is not large, at a record of producers. */
struct executor_arrival {
    uint32_t node; /* PLAN_NONE: none */
    uint32_t record;
    uint64_t edges;
    bool is_sent;
};

/* A node that is ready to run, here or elsewhere, or that runs here. */
struct executor_ready {
    uint32_t node;
    uint32_t offset; /* of the record that made it ours, in its row, and what arrived there: */
    uint64_t edges;  /* 0: it is no join, or the lineage began with it */
    uint32_t attempts;
    bool is_kept;     /* it is the plan's choice to run it here */
    bool is_stored;   /* its value may be stored */
    bool was_missing; /* an input was not there, and the join was asked again */
    bool is_whole;    /* all edges of the record were made here: the store knows nothing of it */
};

/* A value made here, or loaded, that somebody may still need. */
struct executor_value {
    uint32_t node;
    bool is_large;  /* it cannot travel inline */
    bool is_put;    /* the PUT is on its way or answered */
    bool is_stored; /* answered */
    uint64_t bytes;
};

enum executor_look { EXECUTOR_LOOK_NOT, EXECUTOR_LOOK_DUE, EXECUTOR_LOOK_SENT };

/* Children of a node that have yet to be invoked, as numbers in the plan's list of them. */
struct executor_fanout {
    uint32_t node;
    uint32_t kept;             /* not in the list: the child that the node's executor becomes */
    uint32_t first, end, next; /* the range, and what is left of it */
    uint32_t step;             /* how many to an invocation */
    uint32_t unanswered;       /* invocations */
    uint64_t child;            /* where `next` stands among the children */
    enum executor_look look;
    bool has_value; /* the node has run */
    bool is_marked; /* once all is accepted, the range is marked as split */
};

/* Children of a range that this executor runs one after the other, when it has nothing else to
 * run. */
struct executor_queue {
    uint32_t node;      /* whose; PLAN_NONE: the plan's sources */
    uint32_t next, end; /* numbers in the plan's list */
    uint32_t kept;      /* not in the list */
    uint64_t child;     /* where `next` stands among the children, or before it */
};

/* What goes on about a large value that is kept back at a record. */
enum executor_patience {
    EXECUTOR_TO_ASK,
    EXECUTOR_ASKING,
    EXECUTOR_TO_WAIT,
    EXECUTOR_WAITING,
    EXECUTOR_GIVEN_UP, /* store, and arrive */
};

struct executor_question {
    uint32_t record;
    enum executor_patience state;
    uint32_t waited; /* ms */
    uint32_t wait;   /* ms: the current one */
};

/* Fields are private; the definition is here so that worlds can embed executors. */
struct executor {
    /* What most steps need: a lineage that goes straight on has only `next`, `running` or
     * `arrival`. */
    const struct dag_node *nodes;
    const struct dag_child *children;
    const uint32_t *first_record;
    uint32_t running; /* the node whose task runs, or PLAN_NONE */
    uint32_t next;    /* the node to run next, or PLAN_NONE */
    uint32_t start;   /* where the lineage began */
    uint32_t sink;
    uint32_t last;     /* the node that ran last */
    uint32_t attempts; /* failed runs of `running` */
    struct lineage lineage;
    struct executor_arrival arrival;
    uint32_t following; /* where the next lineage begins, or PLAN_NONE: not known */
    uint64_t gathered;  /* edges of the record at which that lineage arrives first */
    uint32_t busy;      /* enum executor_busy */
    uint32_t frontier;  /* no node below it can be fed by what is queued or pending here */
    const struct dag_child *child, *last_child; /* of `last`: those that have not been looked at */
    uint32_t kept; /* of them, the one that this executor becomes, or PLAN_NONE: not yet chosen */
    uint32_t neighbours; /* of them that are invoked at once */
    struct executor_options options;
    bool stopped;  /* was answered stop, or lacked an input: must not mark joins passed */
    bool settling; /* COMMIT or FAIL is on its way */
    bool ended;
    uint32_t failed; /* the node to report, or PLAN_NONE */

    uint32_t landing_count; /* on their way */
    struct executor_landing landings[EXECUTOR_LANDINGS];
    const struct plan *plan;
    VECTOR(struct executor_edges) held;    /* not yet arrived; by node and offset */
    size_t first_held;                     /* those before it have arrived */
    VECTOR(struct executor_edges) pending; /* arrived, not yet answered, beside `arrival` */
    VECTOR(struct executor_edges) owned;   /* joins to run here or elsewhere */

    /* From here on, only where something may be lost; `next`, `running`, `arrival`, `child` and
     * `owned` are for where nothing is. */
    bool time_is_short;
    bool began_at_node;  /* what runs next is the start, or of its range */
    bool keeps_whole;    /* joins of what one executor has made are run by it, too */
    uint32_t unanswered; /* PUTs and INVOKEs */
    const struct want *want;
    VECTOR(struct executor_ready) ready;
    VECTOR(struct executor_ready) runs; /* at most options.tasks */
    VECTOR(struct executor_value) values;
    size_t values_limit; /* of values: when to look which of them nobody needs */
    struct executor_queue queue;
    VECTOR(struct executor_fanout) fanouts;
    VECTOR(struct executor_question) questions;
    uint32_t doubt;          /* whether waits are any use; see executor_remote.c */
    VECTOR(uint32_t) ran;    /* joins run by this lineage, not yet marked */
    VECTOR(uint32_t) missed; /* joins that are asked again since an input was missing */
    VECTOR(uint32_t) beats;  /* executor_list_beats */
};

/* How long large values are kept back where the store is the platform's: by its round trip and
 * bandwidth, instead of the defaults. */
void executor_fit(struct executor_options *options, const struct platform *platform);

void executor_init(struct executor *executor, const struct plan *plan,
                   const struct executor_options *options);
void executor_release(struct executor *executor);

/* Begins a lineage at a node whose inputs the world has at hand or can load. */
void executor_start(struct executor *executor, uint32_t node, struct lineage lineage);

/* Likewise where nothing is lost, and gives the first action. `following` is the node that this
 * executor will be started at next unless it asks for an invocation before, or PLAN_NONE. Where
 * both have edges to one record and to nothing else, the record's join cannot run before the
 * following node has: so it arrives for both. */
void executor_start_before(struct executor *executor, uint32_t node, uint32_t following,
                           struct executor_action *action);

/* Whether a payload's start is one of this plan, with these options; all others are refused. */
bool executor_can_begin(const struct executor *executor, const struct executor_start *start);

/* Likewise, as a payload says. */
void executor_begin(struct executor *executor, const struct executor_start *start);

/* The nodes whose heartbeats say that this executor is at work: those that run or are queued here,
 * and those whose values it holds and has not delivered. The list is the executor's, until its next
 * call. */
const uint32_t *executor_list_beats(struct executor *executor, uint32_t *count);

/* Whether this executor may still need a node's value: to run a task that it has queued, or to hand
 * it on. A value of which this is false may be freed. */
bool executor_needs(const struct executor *executor, uint32_t node);

/* How many waits were no use lately. What one executor has learned about a job the next one of its
 * process begins with. */
static inline uint32_t executor_doubt(const struct executor *executor)
{
    return executor->doubt;
}

/* Fills *action with the next thing to do. False: nothing until an event is handled. */
bool executor_next(struct executor *executor, struct executor_action *action);

/* Takes note of what happened. Events that no longer matter are ignored. */
void executor_handle(struct executor *executor, const struct executor_event *event);

/* Both in one: executor_handle, then executor_next. For worlds that answer at once. */
bool executor_step(struct executor *executor, const struct executor_event *event,
                   struct executor_action *action);

#endif
