/*
 * Stores: where the executors of a job meet. A store keeps values, the records of joins, marks, and
 * the job's status, and each *step* of the protocol (spec/protocol.md) is one atomic operation of
 * it on one record. Whatever keeps them, the rules of a record are those of executor/join.h.
 *
 * A store is asynchronous and has no thread: its user sends requests, watches the store's
 * descriptor beside its own, and takes the answers as they come, in any order:
 *
 *     store_send(store, &request);                  many may be under way
 *     poll(store_descriptor(store), store_timeout(store))
 *     while ((request = store_next(store)))         answered: request->code says how
 *         ...
 *
 * Requests with the same arguments can be sent twice without harm. A store repeats what it can by
 * itself: it reconnects, follows redirections, and sends again, until the request's time is up. So
 * an effect may happen although its answer is an error, and twice although it is reported once.
 *
 * Keys carry the job's random name, so jobs in one store never see each other (P5), and a time to
 * live, so what nobody removes disappears.
 */
#ifndef WKC_STORE_STORE_H
#define WKC_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "executor/join.h"

enum {
    STORE_JOB_NAME = 26,         /* characters of a job's name: 128 random bits in base 32 */
    STORE_LOG_BYTES = 1 << 20,   /* of a job's log */
    STORE_TAIL_BYTES = 64 << 10, /* that are read of it at once */
};

struct store;

/* What a record is of. `fragment` 0 is the job's own graph. */
enum store_kind {
    STORE_VALUE,     /* V: part `first` of node's value */
    STORE_JOIN,      /* J: the record of the plan numbered `first`, of the join `node` */
    STORE_RANGE,     /* R: the children [first, end) of node have been invoked; a mark */
    STORE_HEARTBEAT, /* HB: the node is running, queued, or its value is held; a mark with an end */
    STORE_FRAGMENT,  /* F: a fragment's descriptor; node 0 */
    STORE_INPUT,     /* what the client stored before the start: input file `node`, chunk `first` */
    STORE_PLAN,      /* page `first` of a stored plan; node 0 */
    STORE_RESULT,    /* part `first` of the job's result; node 0 */
    STORE_WORDS, /* what executors tell of a task that may be their last: world/remote_words.c */
};

struct store_name {
    enum store_kind kind;
    uint32_t node;
    uint64_t fragment;
    uint64_t first, end;
};

/* Bytes that somebody else owns. */
struct store_bytes {
    const void *data;
    size_t size;
};

enum store_status { STORE_ABSENT, STORE_RUNNING, STORE_DONE, STORE_FAILED, STORE_CANCELLED };

enum store_step {
    STORE_PUT, /* name := the spans, one after the other; whole, or not at all (chunks go first, the
                  header last). Marks are put without spans. Nothing stays in a job that has been
                  removed, while its marks stand */
    STORE_GET, /* value := what stands there, in one block of memory; ERR_store_missing if nothing
                */
    STORE_ASK, /* join_ask at the record */
    STORE_ARRIVE, /* join_arrive at the record; on NOT, values[i] stands at the i-th of the edges */
    STORE_BEAT,   /* renews the heartbeats of names[0..count), for `lease` */
    STORE_PASSED, /* marks the records names[0..count) as passed, those of them that exist */
    STORE_READ,   /* states[i] := what is known of names[i], for the sweeper */
    STORE_BEGIN,  /* creates the job: status running, with the spans as its description;
                     ERR_store_job_exists if the name is taken by another description */
    STORE_SETTLE, /* if the job is running: status := `status`, with the spans (the result's header,
                     the failure); then, whatever the status is, all shards are poisoned, and then
                     watchers are told. The answer's status is the one that stands */
    STORE_STATUS, /* the job's status, its description and what SETTLE left, as values[0] and [1],
                     and its counters */
    STORE_COUNT,  /* adds the numbers to the job's counters. A repetition counts twice: for
                     statistics, not for decisions */
    STORE_LOG,  /* appends the spans, whole lines, to the log of a job that runs, as far as there is
                   room; the lines that are cut, and `count` before, are counted. A repetition may
                   write them twice */
    STORE_TAIL, /* value := the log from the byte name.first on, not more than STORE_TAIL_BYTES */
    STORE_WATCH,  /* answered when a notification has come since the last answer, or after the
                     request's time: a hint only. The first may be answered at once, so that what
                     happened before it is seen: read the status after each */
    STORE_EXTEND, /* all keys of the job live for the time to live again (or as their writes renew
                     them) */
    STORE_REMOVE, /* removes all keys of the job; but of one that was settled, where `lease` is not
                     0, the marks stay for so long: executors that come later find them, and stop */
    STORE_JOBS,   /* jobs := all jobs of this store, whatever their name, also those of which only
                     something is left that is neither mark nor heartbeat (absent). Takes a while */
};

/* What STORE_JOBS knows of a job. */
struct store_job {
    char name[STORE_JOB_NAME + 1];
    enum store_status status;
    uint64_t age; /* ms since BEGIN; of one that is absent: unknown, 0 */
};

/* What the sweeper needs to know of a record (STORE_READ). */
struct store_state {
    bool exists; /* values and marks: they stand there; heartbeats: alive */
    /* Joins: */
    uint64_t bits, own_edges, waiting; /* `waiting`: edges with live waits */
    bool own_is_live, passed;
};

struct store_counters {
    uint64_t commands;                                 /* sent to the store's servers */
    uint64_t round_trips;                              /* batches of them awaited together */
    uint64_t reads, writes, bytes_read, bytes_written; /* of values */
    uint64_t reconnects, repeats;
};

/* A request; its user owns it, and all that it points to, until it is answered. Only the fields
 * that the step speaks of are read. Zero the rest. */
struct store_request {
    enum store_step step;
    struct store_name name;
    const struct store_bytes *spans;
    uint32_t span_count;
    /* ASK, ARRIVE. `now` of the arrival is ignored: clocks are the store's. `lease` in ms */
    struct join_arrival arrival;
    struct join_wait wait;            /* ASK; `until` is in ms from now */
    const struct store_bytes *values; /* ARRIVE: by edge that arrives, from the lowest */
    const struct store_name *names;   /* BEAT, PASSED, READ */
    uint32_t count;
    const uint64_t *numbers; /* COUNT: `count` of them; */
    uint32_t
        maxima; /* those of the first 31 whose bit is set are not added up: the largest counts */
    uint32_t lease;           /* BEAT, REMOVE: ms */
    enum store_status status; /* SETTLE */
    uint32_t timeout;         /* ms until it is given up; 0: the store's own */

    /* The answer; it lasts until store_request_release. */
    int code; /* 0, or an error's with `error` filled */
    struct error error;
    struct {
        enum join_answer answer; /* ASK, ARRIVE. POISONED also for BEAT and PUT */
        bool taken_over;
        struct join_holder largest; /* ASK, NOT */
        enum store_status status;   /* SETTLE, STATUS */
        uint64_t log_cut;           /* STATUS: lines that the log has no room for */
        struct store_bytes value;   /* GET: 64-byte aligned; TAIL */
        /* OWN: the values of the record's other edges, by edge; STATUS: two. size 0: none */
        struct store_bytes *values;
        uint32_t value_count;
        struct store_state *states; /* READ */
        uint64_t *counters;         /* STATUS: `counter_count` of them */
        uint32_t counter_count;
        struct store_job *jobs; /* JOBS: `job_count` of them, in no order */
        uint32_t job_count;
    } reply;

    void *user; /* the user's own */
    /* The store's own: */
    struct store_request *next;
    uint64_t deadline; /* ms of the monotonic clock */
    void *memory;
    void *private_state;
};

struct store_options {
    char job[STORE_JOB_NAME + 1];
    uint32_t time_to_live; /* s; 0: a day */
    uint32_t timeout;      /* ms: of requests that do not say; 0: 10 seconds */
    uint32_t chunk_bytes;  /* larger values are stored in chunks; 0: the store's own choice */
};

/* The table of functions of a kind of store. */
struct store_operations {
    void (*send)(struct store *store, struct store_request *request);
    void (*advance)(struct store *store); /* does what can be done without waiting */
    int (*descriptor)(const struct store *store);
    int (*timeout)(struct store *store); /* ms; hands over what was sent and not yet written */
    void (*close)(struct store *store);
};

struct store {
    const struct store_operations *operations;
    struct store_options options;
    struct store_counters counters;
    struct store_request *answered, **last_answered; /* in the order of their answers */
};

/*
 * Opens the store at an address:
 *
 *     redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]
 *                              rediss:// with TLS. ?ca=FILE: the certificates to trust, else the
 *                              system's. ?cluster=1: the servers of a cluster are asked for at
 *                              once, not when the first redirection comes
 *     mem:NAME                 this process's memory, shared by its stores of that name, of any
 *                              thread (tests, and nothing else); it lasts until the process ends
 *     fault:SEED:RATE[,KIND...]:ADDRESS
 *                              another store, with faults (tests): RATE of a thousand requests are
 *                              late, repeated, straggling, lost, unanswered; see fault.c
 *     latency:MS:ADDRESS       another store, whose answers take so much longer
 *
 * Does not wait for a connection: the first request does.
 */
int store_open(const char *address, const struct store_options *options, struct store **store,
               struct error *error);
/* Requests under way are given up: they are not answered, and no longer the store's. */
void store_close(struct store *store);

/* Hands over a request, until store_next returns it. It may be answered at once. */
void store_send(struct store *store, struct store_request *request);
/* The next request that has been answered, or NULL. */
struct store_request *store_next(struct store *store);
/* What to poll for reading (it stays the same), and for how many ms at most (-1: no limit), before
 * store_next is called again. Call store_timeout before each poll: requests that were sent since
 * the last are on their way, in one write, when it returns. */
int store_descriptor(const struct store *store);
int store_timeout(struct store *store);
/* Frees the answer. */
void store_request_release(struct store_request *request);

/* Sends one request and waits for its answer; for clients and tests. The request's code. */
int store_call(struct store *store, struct store_request *request);

/* A fresh name of a job. */
void store_make_job_name(char name[STORE_JOB_NAME + 1]);

#endif
