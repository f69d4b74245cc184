/*
 * Joins: the record of a fan-in, the rules of asking and arriving at it, and the tree of records of
 * a wide one.
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
    JOIN_NOT,  /* ARRIVE: the values are stored; whoever comes last goes on. ASK: others are missing
                */
    JOIN_POISONED, /* the job has ended: only a store that keeps the job's status says this */
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

/* An executor that holds an edge with a large value, and has asked: it keeps the value in its
 * memory until `until`, in the hope that it will come last. */
struct join_wait {
    uint64_t size; /* bytes of all that it holds for the join's whole tree; 0: nobody waits */
    uint64_t until;
};

struct join_record {
    uint64_t bits; /* edges whose values are stored */
    struct join_owner own;
    bool taken_over;         /* it has had owners of different lineages */
    bool passed;             /* a run of the join has handed everything on */
    struct join_wait *waits; /* JOIN_WIDTH of them, by edge, the keeper's; NULL: nobody has asked */
};

struct join_arrival {
    uint64_t all;   /* the edges of the record */
    uint64_t edges; /* those that arrive; not empty */
    struct lineage lineage;
    bool wanted; /* the run is the sweeper's, and wants the join: `passed` does not stop it */
    uint64_t now, lease;
};

/* Of those that wait at a record the one that should go on waiting: the largest by size, then by
 * edge. */
struct join_holder {
    uint64_t size; /* 0: nobody */
    uint32_t edge;
};

static inline bool join_holder_is_before(struct join_holder a, struct join_holder b)
{
    return a.size != b.size ? a.size < b.size : a.edge < b.edge;
}

/* Applies the rules P3.1 to P3.6. On JOIN_NOT the values of the edges must be stored with the
 * record, in the same atomic step; their waits are over. */
enum join_answer join_arrive(struct join_record *record, const struct join_arrival *arrival);

/* Asks whether an arrival would be the last: rules P3.1 to P3.5. On JOIN_NOT nothing is stored:
 * each of the edges waits with this size until this time (record->waits must be there), and
 * *largest is the largest live holder beside these edges. A large value need not be stored while
 * nobody larger waits. */
enum join_answer join_ask(struct join_record *record, const struct join_arrival *arrival,
                          struct join_wait wait, struct join_holder *largest);

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
