/*
 * The sweeper: finds what was lost, without I/O and without a clock (spec/protocol.md, P8).
 *
 * The client of a job sweeps while it waits. A *walk* goes back from the sink through the edges
 * that are not there, and stops at whatever is alive: leases of owners, waits, heartbeats. What it
 * ends at are *candidates*: sources, and values that are stored but were not handed on. A candidate
 * about which nothing has changed for too long is invoked again, with the nodes between it and the
 * sink as what its run *wants*.
 *
 *     sweep_begin(&sweep, now);
 *     while ((count = sweep_next(&sweep, &names)))
 *         ... read the states of names[0..count) from the store ... sweep_tell(&sweep, states);
 *     while (sweep_run(&sweep, &start))
 *         ... invoke start, with a fresh token ...
 *
 * How long is too long. Events may stand in the platform's queue, and nothing tells. So a candidate
 * may stay silent for twice as long as any other took before something changed about it, or is
 * alive now, but at least `age` and at most 32 times that. Each sweep of it doubles what it is
 * given until something changes. A run without faults has no sweeps, as long as it keeps moving.
 *
 * Times are in ms of any clock that does not go back.
 */
#ifndef WKC_EXECUTOR_SWEEP_H
#define WKC_EXECUTOR_SWEEP_H

#include "base/vector.h"
#include "executor/executor.h"

/* A record of the store, as its users name them. */
enum sweep_kind { SWEEP_VALUE, SWEEP_JOIN, SWEEP_RANGE, SWEEP_HEARTBEAT };

struct sweep_name {
    enum sweep_kind kind;
    uint32_t node;
    uint32_t record;     /* JOIN: of the plan */
    uint32_t first, end; /* RANGE */
};

struct sweep_state {
    bool exists; /* values and marks: they stand there; heartbeats: alive */
    /* Joins: */
    bool own_is_live, passed;
    uint64_t bits, own_edges, waiting; /* `waiting`: edges with live waits */
};

struct sweep_options {
    uint32_t age;     /* ms; 0: 10,000 */
    uint32_t give_up; /* sweeps of a candidate after which nothing changed; 0: 8 */
    uint32_t ways;    /* as the executors' */
    uint32_t grain;   /* likewise */
    unsigned without; /* enum plan_without */
};

/* What is known of a node. */
struct sweep_node {
    uint32_t walk; /* the last one that came here */
    uint8_t is_live, is_stored, sweeps;
    uint32_t splits;  /* marks of its ranges that were there */
    uint64_t touched; /* when something last changed beside it */
    uint64_t first;   /* when it was first at the end of a walk; 0: never */
    uint64_t since;   /* since when it is silent */
};

struct sweep_record {
    uint64_t bits, own_edges; /* all that were ever seen */
    uint64_t changed;         /* when one was seen for the first time */
};

struct sweep_start {
    struct executor_start start;
    struct want want;
    struct node_range *ranges;
};

/* Fields are private, but for the counters. */
struct sweep {
    const struct plan *plan;
    struct sweep_options options;
    uint32_t walk;
    uint64_t now, before; /* of this walk and the last */
    uint32_t root_splits; /* marks of ranges of the sources that were there */
    uint64_t root_touched;
    uint64_t slowest; /* the longest that something took that was not swept */
    struct sweep_node *nodes;
    struct sweep_record *records;
    uint64_t *first_producer; /* by node: its distinct producers, by edge */
    uint32_t *producers;
    VECTOR(struct sweep_name) names, asked;
    VECTOR(uint32_t) ends, last_ends; /* where this walk, and the last one, ended: silent or live */
    VECTOR(struct sweep_start) starts;
    size_t next_start;
    uint64_t walks, reads, sweeps; /* counters */
    bool has_given_up;
    uint32_t given_up; /* the node that was swept in vain */
};

void sweep_init(struct sweep *sweep, const struct plan *plan, const struct sweep_options *options,
                uint64_t now);
void sweep_release(struct sweep *sweep);

/* Begins a walk. */
void sweep_begin(struct sweep *sweep, uint64_t now);
/* The names to read next; 0: the walk has ended. They last until sweep_tell. */
uint32_t sweep_next(struct sweep *sweep, const struct sweep_name **names);
void sweep_tell(struct sweep *sweep, const struct sweep_state *states);

/* The next candidate to be invoked; false: no more. `want` lasts until the next sweep_begin. */
bool sweep_run(struct sweep *sweep, struct executor_start *start);

/* Something was invoked again and again, and nothing came of it: a store that forgets what it
 * acknowledged, or a platform that runs nothing. The client ends the job with an error that names
 * the node. */
bool sweep_has_given_up(const struct sweep *sweep, uint32_t *node);

#endif
