/*
 * Joins: the record of a fan-in, the rules of an arrival at it, and the tree of records of a wide
 * one.
 *
 * A record has at most 64 edges, so a set of edges is one word. The rules are a function on a
 * record (spec/protocol.md, P3), whatever keeps the record: sim's model calls it, and a store's
 * script says the same. Where nothing is ever lost, shared memory, they shrink to one atomic
 * operation.
 */
#ifndef WKC_EXECUTOR_JOIN_H
#define WKC_EXECUTOR_JOIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { JOIN_WIDTH = 64 };

enum join_answer {
    JOIN_OWN,  /* the arrival was the last: its executor runs the join, or arrives further up */
    JOIN_STOP, /* somebody else has the join: do nothing more about it */
    JOIN_NOT,  /* the values are stored; whoever comes last goes on */
};

/* Who arrives: the nodes that one executor runs from its start (spec/protocol.md, P2.4). */
struct lineage {
    uint64_t token;
    bool recovers; /* it took over a join from another lineage: leases do not stop it */
};

/* The owner of a join is the arrival that completed it. Its edges get no bits, since their values
 * were never stored. `expires` is in the clock of whoever keeps the record. */
struct join_owner {
    uint64_t edges; /* 0: nobody, or cleared */
    uint64_t token; /* kept when the owner is cleared */
    uint64_t expires;
};

struct join_record {
    uint64_t bits; /* edges whose values are stored */
    struct join_owner own;
    bool taken_over; /* it has had owners of different lineages */
    bool passed;     /* a run of the join has handed everything on */
};

struct join_arrival {
    uint64_t all;   /* the edges of the record */
    uint64_t edges; /* those that arrive; not empty */
    struct lineage lineage;
    uint64_t now, lease;
};

/* Applies the rules P3.1 to P3.6. On JOIN_NOT the values of the edges must be stored with the
 * record, in the same atomic step. */
enum join_answer join_arrive(struct join_record *record, const struct join_arrival *arrival);

/*
 * The same where nothing is lost, repeated or frozen: rules 1 to 4 never apply, and what remains
 * are the bits. The release half publishes the values that the executor wrote before it arrives,
 * the acquire half makes those of all the others visible to the last. The last to come needs no
 * write: when all other edges are there, nobody else will look at the record again. No edge arrives
 * twice, so adding the bits sets them, in one instruction even where the old value is wanted.
 */
static inline enum join_answer join_arrive_shared(_Atomic(uint64_t) *bits, uint64_t all,
                                                  uint64_t edges)
{
    if ((atomic_load_explicit(bits, memory_order_acquire) | edges) == all)
        return JOIN_OWN;
    uint64_t before = atomic_fetch_add_explicit(bits, edges, memory_order_acq_rel);
    return (before | edges) == all ? JOIN_OWN : JOIN_NOT;
}

/*
 * Where a record stands in the tree of its join. The records of a join of n edges stand in a row:
 * ceil(n / 64) for the edges themselves, then one for each 64 of these, and so on; the last is the
 * root. An arrival that completes an inner record holds that record's edge in its parent.
 */
struct join_place {
    uint64_t all;         /* its edges */
    uint64_t parent_edge; /* this record's edge in its parent; 0: the record is the root */
    uint32_t parent;      /* offset of the parent in the row */
    uint32_t level;       /* 0: the edges are producers */
    uint64_t first_edge;  /* the number of its first edge within its level */
};

struct join_place join_place(uint32_t producer_count, uint32_t record);

#endif
