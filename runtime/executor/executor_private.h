/*
 * What the files of the executor share:
 *
 *     executor.c          its interface, and the short way through the steps where nothing is lost
 *     executor_edges.c    edges that are held back: what feeds what
 *     executor_remote.c   the steps where anything may be lost
 *     executor_fanout.c   of these, invoking children, as a tree where there are many
 *     executor_values.c   and the values made here, until they are delivered
 */
#ifndef WKC_EXECUTOR_EXECUTOR_PRIVATE_H
#define WKC_EXECUTOR_EXECUTOR_PRIVATE_H

#include "executor/executor.h"
#include "executor/mutant.h"

/* So many sets of edges are held back: beyond, they arrive as they are. */
enum {
    EXECUTOR_HELD_LIMIT = 256,
    EXECUTOR_HELD_IN_CLUSTER = 8192, /* of joins that the plan wants to be run here */
};

/* The most that `foresight` can be. */
enum { EXECUTOR_FORESIGHT = 64 };

static inline uint32_t executor_foresight(const struct executor *executor)
{
    uint32_t foresight = executor->options.foresight;
    return foresight > 0 && foresight < EXECUTOR_FORESIGHT ? foresight : EXECUTOR_FORESIGHT;
}

/* What is going on beside `next`, `running` and `arrival`, one bit each. */
enum executor_busy {
    EXECUTOR_BUSY_CHILDREN = 1, /* children are being looked at: `child` to `last_child` */
    EXECUTOR_BUSY_HELD = 2,     /* and the same for each vector */
    EXECUTOR_BUSY_PENDING = 4,
    EXECUTOR_BUSY_OWNED = 8,
    EXECUTOR_BUSY_FAILED = 16,
    EXECUTOR_BUSY_LANDING = 32,
};

static inline uint64_t executor_first_child(const struct executor *executor, uint32_t node)
{
    return executor->nodes[node].first_child;
}

static inline bool executor_is_join(const struct executor *executor, uint32_t node)
{
    return executor->nodes[node].producer_count > 1;
}

/* Whether an edge carries slices: whatever its value's size, what it promises travels inline. */
static inline bool executor_is_slice(const struct executor *executor, const struct dag_child *child)
{
    if (executor->options.inline_bytes == 0)
        return false;
    return plan_is_slice(executor->plan, (uint64_t)(child - executor->children)) ||
           (MUTANT(ALL_ARE_SLICES) && executor->plan->slices);
}

/* ---- executor_edges.c ------------------------------------------------------------------------ */

/* The edge from a producer to a consumer; NULL if there is none. */
const struct dag_child *executor_find_child(const struct executor *executor, uint32_t producer,
                                            uint32_t consumer);

/* Whether work on `from` can lead to the join `to`, as far as a limited look tells. */
bool executor_feeds(const struct executor *executor, uint32_t from, uint32_t to);

/* Whether an arrival, should it be the last at its record, can add edges to another record's tree.
 */
bool executor_arrival_feeds(const struct executor *executor, const struct executor_edges *arrival,
                            const struct executor_edges *held);

/* Whether something in `held` before this record, or in `pending`, can add edges to its tree. */
bool executor_is_fed_by_edges(const struct executor *executor, const struct executor_edges *held);

/* Takes note of edges that this executor has and that have not arrived; `large`: those of them
 * whose values may have to be stored first. */
void executor_hold(struct executor *executor, uint32_t node, uint32_t offset, uint64_t edges,
                   uint64_t large);
void executor_hold_edge(struct executor *executor, const struct dag_child *child, bool is_large);
void executor_remove_held(struct executor *executor, size_t index);

/* Takes note of an arrival that is on its way. */
void executor_note_pending(struct executor *executor, uint32_t node, uint32_t offset,
                           uint64_t edges, uint64_t large);

/* All edges of a record. */
uint64_t executor_all_edges(const struct executor *executor, const struct executor_edges *edges);

/* ---- executor_values.c: not for lossless executors ------------------------------------------- */

/* Takes note of a value made here, or loaded. */
void executor_add_value(struct executor *executor, const struct executor_event *done,
                        bool is_large);
struct executor_value *executor_find_value(struct executor *executor, uint32_t node);

/* Of the edges of a record those that promise a large value of this executor's that is not stored:
 * as `large` says, which is kept so, or found out from all values. */
uint64_t executor_unstored_edges(const struct executor *executor,
                                 const struct executor_edges *edges);
uint64_t executor_find_unstored(const struct executor *executor,
                                const struct executor_edges *edges);

/* Drops the values that nobody needs any more. */
void executor_forget_values(struct executor *executor);

/* Gives the next PUT that these edges, or this node's inputs, need; false if there is none, or all
 * are on their way. */
bool executor_put_for_edges(struct executor *executor, const struct executor_edges *edges,
                            struct executor_action *action);
bool executor_put_for_inputs(struct executor *executor, uint32_t node,
                             struct executor_action *action);
bool executor_put(struct executor *executor, struct executor_value *value,
                  struct executor_action *action);

/* Whether an input of this node made here is large and not stored. */
bool executor_has_unstored_input(const struct executor *executor, uint32_t node);

void executor_note_stored(struct executor *executor, uint32_t node);

/* Bytes of the large values made here that are not stored and have an edge to this join. */
uint64_t executor_held_bytes(const struct executor *executor, uint32_t join);

/* Whether a value made here has an edge to this join and is of its cluster, which it has. */
bool executor_is_home(const struct executor *executor, uint32_t join);

/* ---- executor_fanout.c: likewise ------------------------------------------------------------- */

/* A task of this node begins: whether its wide fan-out has been split before is asked meanwhile. */
void executor_expect_fan_out(struct executor *executor, uint32_t node);
/* The node's value is here: takes note of all that goes on from it. */
void executor_fan_out(struct executor *executor, uint32_t node, bool is_large);
/* The lineage begins at a range of a node's children; the first of them are run here. */
void executor_fan_out_range(struct executor *executor, const struct executor_start *start);
/* Takes the next child off the queue; false if none is left. */
bool executor_next_queued(struct executor *executor, uint32_t *child);
/* The child that it will give next. */
bool executor_peek_queued(const struct executor *executor, uint32_t *child);
/* Whether a child in the queue can add edges to a join's tree. */
bool executor_is_fed_by_queue(const struct executor *executor, uint32_t join);
/* Adds what is queued to the heartbeats. */
void executor_list_queued(struct executor *executor);
/* Has the queue's rest invoked as a range; false if there is none. */
bool executor_invoke_queued(struct executor *executor, struct executor_action *action);
bool executor_next_of_fanouts(struct executor *executor, struct executor_action *action);
void executor_note_accepted(struct executor *executor, const struct executor_event *event);
void executor_note_looked(struct executor *executor, const struct executor_event *event);
/* The node's task did not run after all. */
void executor_forget_fan_out(struct executor *executor, uint32_t node);

/* ---- executor_remote.c: likewise ------------------------------------------------------------- */

void executor_release_remote(struct executor *executor);
void executor_begin_remote(struct executor *executor, const struct executor_start *start);
void executor_handle_remote(struct executor *executor, const struct executor_event *event);
bool executor_next_remote(struct executor *executor, struct executor_action *action);

/* A node is ready to run here. */
void executor_push_ready(struct executor *executor, const struct executor_ready *ready);
bool executor_wants(const struct executor *executor, uint32_t node);
unsigned executor_without(const struct executor *executor);

#endif
