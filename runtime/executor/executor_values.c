/*
 * Values made by an executor that may lose everything, until they are delivered: which of them must
 * be stored before they are promised (P4.7), how much waits at a join (P4.8), and whose heartbeats
 * are due (P4.13).
 */
#include "executor/executor_private.h"

enum { VALUES_AT_FIRST = 64 }; /* that are remembered before those are dropped that nobody needs */

/* An edge's bit in a record of its join, or 0: of a record of producers its own, of an inner one
 * that of all the producers below. */
static uint64_t bit_of(const struct executor *executor, const struct dag_child *child,
                       const struct executor_edges *edges)
{
    struct join_place place =
        join_place(executor->nodes[edges->node].producer_count, edges->offset);
    uint64_t edge = child->bit >> (6 * place.level);
    return edge / JOIN_WIDTH == place.first_edge / JOIN_WIDTH ? UINT64_C(1) << (edge % JOIN_WIDTH)
                                                              : 0;
}

static uint64_t edge_of(const struct executor *executor, uint32_t producer,
                        const struct executor_edges *edges)
{
    const struct dag_child *child = executor_find_child(executor, producer, edges->node);
    return child ? bit_of(executor, child, edges) : 0;
}

static bool is_unstored(const struct executor_value *value)
{
    return value->is_large && !value->is_stored;
}

/* The edge by which a node reads a value that must be stored before it is promised; NULL: it does
 * not read it, or slices of it, or it need not be. */
static const struct dag_child *find_large(const struct executor *executor,
                                          const struct executor_value *value, uint32_t node)
{
    if (!is_unstored(value))
        return NULL;
    const struct dag_child *child = executor_find_child(executor, value->node, node);
    return child && !executor_is_slice(executor, child) ? child : NULL;
}

/* Its bit in a record. */
static uint64_t large_edge_of(const struct executor *executor, const struct executor_value *value,
                              const struct executor_edges *edges)
{
    const struct dag_child *child = find_large(executor, value, edges->node);
    return child ? bit_of(executor, child, edges) : 0;
}

/* ---- Who needs a value ----------------------------------------------------------------------- */

static bool is_in_edges(const struct executor *executor, uint32_t node,
                        const struct executor_edges *edges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (edge_of(executor, node, &edges[i]) & edges[i].edges)
            return true;
    return false;
}

static bool is_input(const struct executor *executor, uint32_t node,
                     const struct executor_ready *ready, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (executor_find_child(executor, node, ready[i].node))
            return true;
    return false;
}

enum { CHILDREN_LOOKED_UP = 16 }; /* of nodes with more it is the records that are gone through */

/* Where the records of a join begin, or would, among those held. */
static size_t search_held(const struct executor *executor, uint32_t join)
{
    size_t first = executor->first_held, end = executor->held.count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (executor->held.items[middle].node < join)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static bool is_held(const struct executor *executor, uint32_t node)
{
    const struct executor_edges *held = executor->held.items;
    uint64_t child = executor_first_child(executor, node),
             end = executor_first_child(executor, node + 1);
    if (end - child > CHILDREN_LOOKED_UP)
        return is_in_edges(executor, node, held + executor->first_held,
                           executor->held.count - executor->first_held);
    for (; child < end; child++) {
        uint32_t join = executor->children[child].node;
        for (size_t i = search_held(executor, join);
             i < executor->held.count && held[i].node == join; i++)
            if (is_in_edges(executor, node, &held[i], 1))
                return true;
    }
    return false;
}

/* Whether a value has yet to reach some of its consumers. */
static bool is_undelivered(const struct executor *executor, uint32_t node)
{
    for (size_t i = 0; i < executor->fanouts.count; i++)
        if (executor->fanouts.items[i].node == node)
            return true;
    return is_held(executor, node) ||
           is_in_edges(executor, node, executor->pending.items, executor->pending.count);
}

static bool is_needed(const struct executor *executor, uint32_t node)
{
    return is_undelivered(executor, node) ||
           is_input(executor, node, executor->ready.items, executor->ready.count) ||
           is_input(executor, node, executor->runs.items, executor->runs.count);
}

static bool runs(const struct executor *executor, uint32_t node)
{
    for (size_t i = 0; i < executor->runs.count; i++)
        if (executor->runs.items[i].node == node)
            return true;
    return false;
}

bool executor_needs(const struct executor *executor, uint32_t node)
{
    bool is_queued = executor->queue.node == node && executor->queue.next < executor->queue.end;
    return is_queued || is_needed(executor, node) || runs(executor, node);
}

void executor_forget_values(struct executor *executor)
{
    size_t kept = 0;
    for (size_t i = 0; i < executor->values.count; i++)
        if (is_needed(executor, executor->values.items[i].node))
            executor->values.items[kept++] = executor->values.items[i];
    executor->values.count = kept;
}

void executor_add_value(struct executor *executor, const struct executor_event *done, bool is_large)
{
    if (executor->values.count >= executor->values_limit) {
        executor_forget_values(executor);
        executor->values_limit = VALUES_AT_FIRST + 2 * executor->values.count;
    }
    vector_push(&executor->values, (struct executor_value){.node = done->node,
                                                           .is_large = is_large,
                                                           .is_put = done->is_stored,
                                                           .is_stored = done->is_stored,
                                                           .bytes = done->bytes});
}

struct executor_value *executor_find_value(struct executor *executor, uint32_t node)
{
    for (size_t i = executor->values.count; i-- > 0;)
        if (executor->values.items[i].node == node)
            return &executor->values.items[i];
    return NULL;
}

/* ---- Storing them ---------------------------------------------------------------------------- */

static bool is_inner(const struct executor *executor, const struct executor_edges *edges)
{
    return join_place(executor->nodes[edges->node].producer_count, edges->offset).level > 0;
}

uint64_t executor_find_unstored(const struct executor *executor, const struct executor_edges *edges)
{
    uint64_t unstored = 0;
    for (size_t i = 0; i < executor->values.count; i++)
        unstored |= large_edge_of(executor, &executor->values.items[i], edges);
    return unstored & edges->edges;
}

uint64_t executor_unstored_edges(const struct executor *executor,
                                 const struct executor_edges *edges)
{
    return is_inner(executor, edges) ? executor_find_unstored(executor, edges) : edges->large;
}

bool executor_put(struct executor *executor, struct executor_value *value,
                  struct executor_action *action)
{
    value->is_put = true;
    executor->unanswered++;
    action->kind = EXECUTOR_PUT;
    action->node = value->node;
    return true;
}

bool executor_put_for_edges(struct executor *executor, const struct executor_edges *edges,
                            struct executor_action *action)
{
    for (size_t i = executor->values.count; i-- > 0;) {
        struct executor_value *value = &executor->values.items[i];
        if (!value->is_put && (large_edge_of(executor, value, edges) & edges->edges))
            return executor_put(executor, value, action);
    }
    return false;
}

bool executor_put_for_inputs(struct executor *executor, uint32_t node,
                             struct executor_action *action)
{
    for (size_t i = executor->values.count; i-- > 0;) {
        struct executor_value *value = &executor->values.items[i];
        if (!value->is_put && find_large(executor, value, node))
            return executor_put(executor, value, action);
    }
    return false;
}

bool executor_has_unstored_input(const struct executor *executor, uint32_t node)
{
    for (size_t i = 0; i < executor->values.count; i++)
        if (find_large(executor, &executor->values.items[i], node))
            return true;
    return false;
}

/* The edges of an inner record stand for many values, which are looked at when it is asked. */
static void note_stored_in(const struct executor *executor, uint32_t node,
                           struct executor_edges *edges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (edges[i].large && !is_inner(executor, &edges[i]))
            edges[i].large &= ~edge_of(executor, node, &edges[i]);
}

void executor_note_stored(struct executor *executor, uint32_t node)
{
    struct executor_value *value = executor_find_value(executor, node);
    if (value)
        value->is_stored = true;
    note_stored_in(executor, node, executor->held.items + executor->first_held,
                   executor->held.count - executor->first_held);
    note_stored_in(executor, node, executor->pending.items, executor->pending.count);
}

uint64_t executor_held_bytes(const struct executor *executor, uint32_t join)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < executor->values.count; i++) {
        const struct executor_value *value = &executor->values.items[i];
        if (find_large(executor, value, join))
            bytes += value->bytes;
    }
    return bytes;
}

bool executor_is_home(const struct executor *executor, uint32_t join)
{
    const uint32_t *cluster = executor->plan->cluster;
    for (size_t i = executor->values.count; i-- > 0;) {
        uint32_t node = executor->values.items[i].node;
        if (cluster[node] == cluster[join] && executor_find_child(executor, node, join))
            return true;
    }
    return false;
}

/* ---- Heartbeats ------------------------------------------------------------------------------ */

static void list_ready(struct executor *executor, const struct executor_ready *ready, size_t count)
{
    for (size_t i = 0; i < count; i++)
        vector_push(&executor->beats, ready[i].node);
}

const uint32_t *executor_list_beats(struct executor *executor, uint32_t *count)
{
    executor->beats.count = 0;
    list_ready(executor, executor->runs.items, executor->runs.count);
    if (!MUTANT(BEATS_RUNNING_ONLY)) {
        list_ready(executor, executor->ready.items, executor->ready.count);
        for (size_t i = 0; i < executor->fanouts.count; i++)
            if (executor->fanouts.items[i].node != PLAN_NONE)
                vector_push(&executor->beats, executor->fanouts.items[i].node);
        executor_list_queued(executor);
        for (size_t i = 0; i < executor->values.count; i++)
            if (is_undelivered(executor, executor->values.items[i].node))
                vector_push(&executor->beats, executor->values.items[i].node);
    }
    *count = (uint32_t)executor->beats.count;
    return executor->beats.items;
}
