/* Edges that an executor has and that have not arrived, and what feeds what; see
 * executor_private.h. */
#include "executor/executor_private.h"

#include <string.h>

/* ---- What feeds what ------------------------------------------------------------------------- */

/* The edge from a producer to a consumer; NULL if there is none. Children are sorted by node. */
const struct dag_child *executor_find_child(const struct executor *executor, uint32_t producer,
                                            uint32_t consumer)
{
    uint64_t first = executor_first_child(executor, producer),
             end = executor_first_child(executor, producer + 1);
    uint64_t at = dag_search_children(executor->children, first, end, consumer);
    bool found = at < end && executor->children[at].node == consumer;
    return found ? &executor->children[at] : NULL;
}

/* Whether work on `from` can lead to the join `to`. Nodes are in topological order, so only those
 * between the two are looked at, and only as far as the budget goes: a false "no" costs one more
 * arrival and nothing else. */
bool executor_feeds(const struct executor *executor, uint32_t from, uint32_t to)
{
    uint64_t first = executor_first_child(executor, from);
    if (from >= to || executor->children[first].node > to)
        return false; /* the usual case; all but the sink have children */
    if (executor_find_child(executor, from, to))
        return true;
    uint32_t stack[EXECUTOR_FORESIGHT];
    unsigned depth = 0, budget = executor_foresight(executor);
    for (stack[depth++] = from; depth > 0;) {
        uint32_t node = stack[--depth];
        uint64_t end = executor_first_child(executor, node + 1);
        for (uint64_t c = executor_first_child(executor, node); c < end; c++) {
            uint32_t child = executor->children[c].node;
            if (child > to)
                break;
            if (child == to)
                return true;
            if (budget-- == 0 || depth == EXECUTOR_FORESIGHT)
                return false;
            stack[depth++] = child;
        }
    }
    return false;
}

/* Whether an arrival, should it be the last at its record, can add edges to another record's tree.
 * Of one join, lower records feed the inner ones. */
bool executor_arrival_feeds(const struct executor *executor, const struct executor_edges *arrival,
                            const struct executor_edges *held)
{
    if (arrival->node != held->node)
        return executor_feeds(executor, arrival->node, held->node);
    uint32_t producers = executor->nodes[held->node].producer_count;
    return arrival->offset < held->offset && join_place(producers, held->offset).level > 0;
}

bool executor_is_fed_by_edges(const struct executor *executor, const struct executor_edges *held)
{
    for (size_t i = 0; i < executor->pending.count; i++)
        if (executor_arrival_feeds(executor, &executor->pending.items[i], held))
            return true;
    const struct executor_edges *lower = executor->held.items + executor->first_held;
    for (; lower < held; lower++)
        if (executor_arrival_feeds(executor, lower, held))
            return true;
    return false;
}

/* ---- Holding edges ------------------------------------------------------------------------- */

/* Records are written field by field, and not copied whole: processors dislike to see as one wide
 * load what was written in pieces just before. */
static inline void push_held(struct executor *executor, uint32_t node, uint32_t offset,
                             uint64_t edges, uint64_t large)
{
    vector_reserve(&executor->held, 1);
    struct executor_edges *last = &executor->held.items[executor->held.count++];
    last->node = node;
    last->offset = offset;
    last->edges = edges;
    last->large = large;
    executor->busy |= EXECUTOR_BUSY_HELD;
}

static bool is_before(const struct executor_edges *a, const struct executor_edges *b)
{
    return a->node != b->node ? a->node < b->node : a->offset < b->offset;
}

/* Moves the last of the edges held to its place in the order of joins and records; edges of the
 * same record become one. */
static void sort_last_held(struct executor *executor)
{
    struct executor_edges *first = executor->held.items + executor->first_held;
    struct executor_edges *last = &vector_last(&executor->held);
    while (last > first && !is_before(last - 1, last)) {
        struct executor_edges *before = last - 1;
        if (!is_before(last, before)) {
            before->edges |= last->edges;
            before->large |= last->large;
            executor->held.count--;
            memmove(last, last + 1,
                    (size_t)(executor->held.items + executor->held.count - last) * sizeof *last);
            return;
        }
        struct executor_edges moved = *before;
        *before = *last;
        *last = moved;
        last = before;
    }
}

void executor_hold(struct executor *executor, uint32_t node, uint32_t offset, uint64_t edges,
                   uint64_t large)
{
    bool is_first = executor->held.count == executor->first_held;
    push_held(executor, node, offset, edges, large);
    if (!is_first && node <= executor->held.items[executor->held.count - 2].node)
        sort_last_held(executor);
}

void executor_hold_edge(struct executor *executor, const struct dag_child *child, bool is_large)
{
    uint64_t edge = UINT64_C(1) << (child->bit % JOIN_WIDTH);
    executor_hold(executor, child->node, child->bit / JOIN_WIDTH, edge, is_large ? edge : 0);
}

void executor_remove_held(struct executor *executor, size_t index)
{
    if (index == executor->first_held) {
        if (++executor->first_held == executor->held.count) {
            executor->first_held = executor->held.count = 0;
            executor->busy &= ~(uint32_t)EXECUTOR_BUSY_HELD;
        }
        return;
    }
    struct executor_edges *place = executor->held.items + index;
    memmove(place, place + 1, (--executor->held.count - index) * sizeof *place);
}

void executor_note_pending(struct executor *executor, uint32_t node, uint32_t offset,
                           uint64_t edges, uint64_t large)
{
    vector_reserve(&executor->pending, 1);
    struct executor_edges *pending = &executor->pending.items[executor->pending.count++];
    pending->node = node;
    pending->offset = offset;
    pending->edges = edges;
    pending->large = large;
    executor->busy |= EXECUTOR_BUSY_PENDING;
}

uint64_t executor_all_edges(const struct executor *executor, const struct executor_edges *edges)
{
    uint32_t producers = executor->nodes[edges->node].producer_count;
    if (producers < JOIN_WIDTH)
        return (UINT64_C(1) << producers) - 1;
    return join_place(producers, edges->offset).all;
}
