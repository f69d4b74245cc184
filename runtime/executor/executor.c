/*
 * The executor's steps; see executor.h, and spec/protocol.md for why they are as they are.
 *
 * executor_handle only updates the state; executor_next looks at it and picks one thing to do, in a
 * fixed order: report a failure, invoke, arrive, decide about owned joins, run, end. So whatever
 * order answers come in, the executor never waits while it could do something.
 */
#include "executor/executor.h"

#include <string.h>

#include "executor/mutant.h"

enum {
    FEEDS_BUDGET = 64, /* edges looked at to find out whether a node feeds a join */
    HELD_LIMIT = 256,  /* sets of edges held back at most: beyond, they arrive as they are */
};

void executor_init(struct executor *executor, const struct plan *plan,
                   const struct executor_options *options)
{
    *executor = (struct executor){.plan = plan,
                                  .nodes = plan->dag->nodes,
                                  .children = plan->dag->children,
                                  .first_record = plan->first_record,
                                  .running = PLAN_NONE,
                                  .next = PLAN_NONE,
                                  .failed = PLAN_NONE,
                                  .arrival.node = PLAN_NONE,
                                  .options = *options,
                                  .sink = dag_sink(plan->dag),
                                  .ended = true};
}

void executor_release(struct executor *executor)
{
    vector_release(&executor->fanouts);
    vector_release(&executor->held);
    vector_release(&executor->pending);
    vector_release(&executor->owned);
    vector_release(&executor->large);
    vector_release(&executor->ran);
}

static void forget_all_work(struct executor *executor)
{
    executor->running = executor->next = executor->failed = PLAN_NONE;
    executor->arrival.node = PLAN_NONE;
    executor->busy = 0;
    executor->unanswered = 0;
    executor->settling = false;
    executor->fanouts.count = executor->held.count = executor->pending.count = 0;
    executor->owned.count = executor->large.count = executor->ran.count = 0;
    executor->first_held = 0;
}

void executor_start(struct executor *executor, uint32_t node, struct lineage lineage)
{
    if (!executor->ended)
        bug("an executor was started at node %u while it still had work", node);
    executor->large.count = executor->ran.count = 0;
    executor->lineage = lineage;
    executor->start = executor->next = node;
    executor->last = PLAN_NONE;
    executor->attempts = 0;
    executor->stopped = executor->ended = false;
}

void executor_begin(struct executor *executor, const struct executor_start *start)
{
    executor_start(executor, start->node, start->lineage);
}

/* ---- What feeds what ----------------------------------------------------------------------- */

static uint64_t first_child(const struct executor *executor, uint32_t node)
{
    return executor->nodes[node].first_child;
}

/* The edge from a producer to a consumer; NULL if there is none. Children are sorted by node. */
static const struct dag_child *find_child(const struct executor *executor, uint32_t producer,
                                          uint32_t consumer)
{
    uint64_t low = first_child(executor, producer), high = first_child(executor, producer + 1);
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (executor->children[middle].node < consumer)
            low = middle + 1;
        else
            high = middle;
    }
    bool found =
        low < first_child(executor, producer + 1) && executor->children[low].node == consumer;
    return found ? &executor->children[low] : NULL;
}

/* Whether work on `from` can lead to the join `to`. Nodes are in topological order, so only those
 * between the two are looked at, and only as far as the budget goes: a false "no" costs one more
 * arrival and nothing else. */
static bool feeds(const struct executor *executor, uint32_t from, uint32_t to)
{
    uint64_t first = first_child(executor, from);
    if (from >= to || executor->children[first].node > to)
        return false; /* the usual case; all but the sink have children */
    if (find_child(executor, from, to))
        return true;
    uint32_t stack[FEEDS_BUDGET];
    unsigned depth = 0, budget = FEEDS_BUDGET;
    for (stack[depth++] = from; depth > 0;) {
        uint32_t node = stack[--depth];
        uint64_t end = first_child(executor, node + 1);
        for (uint64_t c = first_child(executor, node); c < end; c++) {
            uint32_t child = executor->children[c].node;
            if (child > to)
                break;
            if (child == to)
                return true;
            if (budget-- == 0 || depth == FEEDS_BUDGET)
                return false;
            stack[depth++] = child;
        }
    }
    return false;
}

/* Takes note that a node is queued or pending here: it can feed nothing below its first child. */
static inline void lower_frontier(struct executor *executor, uint32_t node)
{
    if (node == executor->sink)
        return;
    uint32_t child = executor->children[first_child(executor, node)].node;
    if (child < executor->frontier)
        executor->frontier = child;
}

/* Whether an arrival, should it be the last at its record, can add edges to another record's tree.
 * Of one join, lower records feed the inner ones. */
static bool arrival_feeds(const struct executor *executor, const struct executor_edges *arrival,
                          const struct executor_edges *held)
{
    if (arrival->node != held->node)
        return feeds(executor, arrival->node, held->node);
    uint32_t producers = executor->nodes[held->node].producer_count;
    return arrival->offset < held->offset && join_place(producers, held->offset).level > 0;
}

/* Whether something that is queued or under way here can add edges to this record's tree. */
static bool is_fed_here(const struct executor *executor, const struct executor_edges *held)
{
    uint32_t join = held->node;
    if (executor->next != PLAN_NONE && feeds(executor, executor->next, join))
        return true;
    if (executor->running != PLAN_NONE && feeds(executor, executor->running, join))
        return true;
    for (size_t i = 0; i < executor->owned.count; i++)
        if (feeds(executor, executor->owned.items[i].node, join))
            return true;
    struct executor_edges arrival = {.node = executor->arrival.node};
    if (arrival.node != PLAN_NONE) {
        arrival.offset = executor->arrival.record - executor->first_record[arrival.node];
        if (arrival_feeds(executor, &arrival, held))
            return true;
    }
    for (size_t i = 0; i < executor->pending.count; i++)
        if (arrival_feeds(executor, &executor->pending.items[i], held))
            return true;
    const struct executor_edges *lower = executor->held.items + executor->first_held;
    for (; lower < held; lower++)
        if (arrival_feeds(executor, lower, held))
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

/* Takes note of edges that this executor has and that have not arrived. */
static inline void hold(struct executor *executor, uint32_t node, uint32_t offset, uint64_t edges,
                        uint64_t large)
{
    bool is_first = executor->held.count == executor->first_held;
    push_held(executor, node, offset, edges, large);
    if (!is_first && node <= executor->held.items[executor->held.count - 2].node)
        sort_last_held(executor);
}

static __attribute__((noinline)) void hold_edge(struct executor *executor,
                                                const struct dag_child *child, bool is_large)
{
    uint64_t edge = UINT64_C(1) << (child->bit % JOIN_WIDTH);
    hold(executor, child->node, child->bit / JOIN_WIDTH, edge, is_large ? edge : 0);
}

static void remove_held(struct executor *executor, size_t index)
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

/* There are few. */
static void remove_owned(struct executor *executor, size_t index)
{
    struct executor_edges *items = executor->owned.items;
    size_t count = --executor->owned.count;
    for (; index < count; index++) {
        items[index].node = items[index + 1].node;
        items[index].large = items[index + 1].large;
    }
    if (count == 0)
        executor->busy &= ~(uint32_t)EXECUTOR_BUSY_OWNED;
}

/* ---- Storing large values ------------------------------------------------------------------ */

static bool put(struct executor *executor, struct executor_large *large,
                struct executor_action *action)
{
    large->is_put = true;
    executor->unanswered++;
    action->kind = EXECUTOR_PUT;
    action->node = large->node;
    return true;
}

static struct executor_large *find_large(struct executor *executor, uint32_t node)
{
    for (size_t i = executor->large.count; i-- > 0;)
        if (executor->large.items[i].node == node)
            return &executor->large.items[i];
    return NULL;
}

/* The edge of a value in a record of a join, or 0. */
static uint64_t edge_of(const struct executor *executor, uint32_t producer,
                        const struct executor_edges *edges)
{
    const struct dag_child *child = find_child(executor, producer, edges->node);
    bool is_there = child && child->bit / JOIN_WIDTH == edges->offset;
    return is_there ? UINT64_C(1) << (child->bit % JOIN_WIDTH) : 0;
}

/* Gives the next PUT that these edges need, if one is not yet on its way. */
static bool put_for(struct executor *executor, const struct executor_edges *edges,
                    struct executor_action *action)
{
    for (size_t i = executor->large.count; i-- > 0;) {
        struct executor_large *large = &executor->large.items[i];
        if (!large->is_put && (edge_of(executor, large->node, edges) & edges->large))
            return put(executor, large, action);
    }
    return false;
}

static void note_stored_edges(const struct executor *executor, uint32_t node,
                              struct executor_edges *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (items[i].large)
            items[i].large &= ~edge_of(executor, node, &items[i]);
}

static void note_stored(struct executor *executor, uint32_t node)
{
    for (size_t i = 0; i < executor->fanouts.count; i++)
        if (executor->fanouts.items[i].node == node)
            executor->fanouts.items[i].is_stored = true;
    note_stored_edges(executor, node, executor->held.items + executor->first_held,
                      executor->held.count - executor->first_held);
    note_stored_edges(executor, node, executor->pending.items, executor->pending.count);
    note_stored_edges(executor, node, executor->owned.items, executor->owned.count);
}

/* ---- Events -------------------------------------------------------------------------------- */

/* A child that is no join; PLAN_NONE if there is none. The plan's preferred one, or else the first.
 */
static uint32_t choose_child(const struct executor *executor, uint32_t node, uint64_t *count)
{
    uint64_t begin = first_child(executor, node), end = first_child(executor, node + 1);
    uint32_t preferred = executor->plan->preferred[node], chosen = PLAN_NONE;
    *count = 0;
    for (uint64_t c = begin; c < end; c++) {
        uint32_t child = executor->children[c].node;
        if (executor->nodes[child].producer_count > 1)
            continue;
        if (chosen == PLAN_NONE || child == preferred)
            chosen = child;
        ++*count;
    }
    return chosen;
}

static void become(struct executor *executor, uint32_t child)
{
    executor->kept = executor->next = child;
    lower_frontier(executor, child);
}

/* The edges of a large value are all taken note of before anything else happens, since its
 * invocations wait until it is stored. */
static __attribute__((noinline)) void fan_out_large(struct executor *executor, uint32_t node)
{
    struct executor_fanout fanout = {.node = node, .next = first_child(executor, node)};
    uint64_t end = first_child(executor, node + 1);
    vector_push(&executor->large, (struct executor_large){.node = node});
    for (uint64_t c = fanout.next; c < end; c++)
        if (executor->nodes[executor->children[c].node].producer_count > 1)
            hold_edge(executor, &executor->children[c], true);
    fanout.kept = choose_child(executor, node, &fanout.invokes);
    if (fanout.kept == PLAN_NONE)
        return;
    become(executor, fanout.kept);
    if (--fanout.invokes == 0)
        return;
    vector_push(&executor->fanouts, fanout);
    executor->busy |= EXECUTOR_BUSY_FANOUTS;
}

/* Lets executor_next look at the children one by one. Where the plan prefers a join, the first
 * other child that is met is kept. */
static __attribute__((noinline)) void fan_out(struct executor *executor, uint32_t node,
                                              bool is_large)
{
    if (executor->busy == 0 && executor->arrival.node == PLAN_NONE)
        executor->frontier = PLAN_NONE; /* nothing is left that could feed anything */
    if (is_large) {
        fan_out_large(executor, node);
        return;
    }
    executor->child = &executor->children[first_child(executor, node)];
    executor->last_child = &executor->children[first_child(executor, node + 1)];
    executor->busy |= EXECUTOR_BUSY_CHILDREN;
    executor->kept = PLAN_NONE;
    uint32_t preferred = executor->plan->preferred[node];
    if (executor->nodes[preferred].producer_count == 1)
        become(executor, preferred);
}

/* Notes the edge to a child, a join, as the arrival of the usual kind. */
static inline void set_arrival(struct executor *executor, const struct dag_child *child)
{
    executor->arrival.node = child->node;
    executor->arrival.record = executor->first_record[child->node] + child->bit / JOIN_WIDTH;
    executor->arrival.edges = UINT64_C(1) << (child->bit % JOIN_WIDTH);
    executor->arrival.is_sent = false;
}

static __attribute__((noinline)) void note_run(struct executor *executor, uint32_t join)
{
    vector_push(&executor->ran, join);
}

static inline void handle_done(struct executor *executor, uint32_t node, uint64_t bytes)
{
    if (node != executor->running)
        return;
    uint64_t begin = first_child(executor, node);
    bool is_large = bytes > executor->options.inline_bytes;
    executor->running = PLAN_NONE;
    executor->attempts = 0;
    executor->last = node;
    if (!executor->options.lossless && executor->nodes[node].producer_count > 1)
        note_run(executor, node);
    if (first_child(executor, node + 1) - begin == 1) {
        const struct dag_child *child = &executor->children[begin];
        uint32_t producers = executor->nodes[child->node].producer_count;
        if (producers == 1) {
            executor->next = child->node; /* a chain: the value stays here, whatever its size */
            return;
        }
        if (!is_large && executor->busy == 0 && executor->arrival.node == PLAN_NONE) {
            set_arrival(executor, child);
            return;
        }
    }
    fan_out(executor, node, is_large);
}

static void handle_failed(struct executor *executor, uint32_t node, bool retriable)
{
    if (node != executor->running)
        return;
    executor->running = PLAN_NONE;
    const struct dag_task *task = &executor->plan->dag->tasks[executor->nodes[node].task];
    if (retriable && task->retries > 0 && executor->attempts < (uint32_t)task->retries) {
        executor->attempts++;
        executor->next = node;
        return;
    }
    forget_all_work(executor);
    executor->failed = node;
    executor->busy = EXECUTOR_BUSY_FAILED;
}

static __attribute__((noinline)) void own_join(struct executor *executor, uint32_t node,
                                               uint64_t large)
{
    vector_reserve(&executor->owned, 1);
    struct executor_edges *owned = &executor->owned.items[executor->owned.count++];
    owned->node = node;
    owned->offset = 0; /* large values are only waited for by joins of one record */
    owned->large = large;
    executor->busy |= EXECUTOR_BUSY_OWNED;
}

/* An answer of own makes the record ours: the root's join is run, an inner one is an edge of the
 * next. */
static void take_record(struct executor *executor, const struct executor_edges *edges)
{
    uint32_t producers = executor->nodes[edges->node].producer_count;
    if (producers <= JOIN_WIDTH) {
        own_join(executor, edges->node, edges->large);
        return;
    }
    struct join_place place = join_place(producers, edges->offset);
    if (place.parent_edge == 0)
        own_join(executor, edges->node, edges->large);
    else
        hold(executor, edges->node, place.parent, place.parent_edge, 0);
}

static __attribute__((noinline)) void take_wide(struct executor *executor, uint32_t node,
                                                uint32_t record)
{
    struct executor_edges edges = {.node = node, .offset = record - executor->first_record[node]};
    take_record(executor, &edges);
}

static __attribute__((noinline)) void handle_other_answer(struct executor *executor,
                                                          uint32_t record, enum join_answer answer)
{
    for (size_t i = 0; i < executor->pending.count; i++) {
        struct executor_edges *pending = &executor->pending.items[i];
        if (executor->first_record[pending->node] + pending->offset != record)
            continue;
        if (answer == JOIN_OWN)
            take_record(executor, pending);
        else if (answer == JOIN_STOP)
            executor->stopped = true;
        if (i < --executor->pending.count)
            *pending = executor->pending.items[executor->pending.count];
        if (executor->pending.count == 0)
            executor->busy &= ~(uint32_t)EXECUTOR_BUSY_PENDING;
        return;
    }
}

static inline void handle_answered(struct executor *executor, const struct executor_event *event)
{
    enum join_answer answer = event->answer;
    uint32_t record = event->record, node = executor->arrival.node;
    executor->lineage.recovers |= event->taken_over;
    if (node == PLAN_NONE || record != executor->arrival.record || !executor->arrival.is_sent) {
        handle_other_answer(executor, record, answer);
        return;
    }
    executor->arrival.node = PLAN_NONE;
    if (answer == JOIN_NOT)
        return;
    if (answer == JOIN_STOP)
        executor->stopped = true;
    else if (executor->nodes[node].producer_count > JOIN_WIDTH)
        take_wide(executor, node, record);
    else if (executor->busy == 0 && (executor->next & executor->running) == PLAN_NONE)
        executor->next = node;
    else
        own_join(executor, node, 0);
}

static __attribute__((noinline)) void handle_other(struct executor *executor,
                                                   const struct executor_event *event)
{
    switch (event->kind) {
    case EXECUTOR_FAILED:
        handle_failed(executor, event->node, event->retriable);
        return;
    case EXECUTOR_MISSING:
        if (event->node == executor->running) {
            executor->running = PLAN_NONE;
            executor->stopped = true;
        }
        return;
    case EXECUTOR_STORED:
        executor->unanswered -= executor->unanswered > 0;
        note_stored(executor, event->node);
        return;
    case EXECUTOR_ACCEPTED:
        executor->unanswered -= executor->unanswered > 0;
        return;
    case EXECUTOR_SETTLED:
        executor->settling = false;
        return;
    case EXECUTOR_POISONED:
        forget_all_work(executor);
        return;
    case EXECUTOR_WAITED:
    case EXECUTOR_LOOKED:
    case EXECUTOR_TIME_SHORT:
        return;
    case EXECUTOR_DONE:
    case EXECUTOR_ANSWERED:
        break;
    }
    bug("event %d", (int)event->kind);
}

void executor_handle(struct executor *executor, const struct executor_event *event)
{
    if (event->kind == EXECUTOR_DONE)
        handle_done(executor, event->node, event->bytes);
    else if (event->kind == EXECUTOR_ANSWERED)
        handle_answered(executor, event);
    else
        handle_other(executor, event);
}

/* ---- Actions ------------------------------------------------------------------------------- */

static void invoke(struct executor *executor, uint32_t node, struct lineage lineage,
                   struct executor_action *action)
{
    executor->unanswered += !executor->options.lossless;
    action->kind = EXECUTOR_INVOKE;
    action->node = node;
    action->lineage = lineage;
}

static inline void ask_to_arrive(const struct executor *executor, uint32_t node, uint32_t record,
                                 uint64_t edges, uint64_t all, struct executor_action *action)
{
    action->kind = EXECUTOR_ARRIVE;
    action->node = node;
    action->record = record;
    action->edges = edges;
    action->all = all;
    action->lineage = executor->lineage;
}

/* All edges of a record of producers (not of other records). */
static inline uint64_t edges_of_leaf(const struct executor *executor, uint32_t join,
                                     uint32_t record)
{
    uint32_t before = (record - executor->first_record[join]) * JOIN_WIDTH;
    uint32_t count = executor->nodes[join].producer_count - before;
    return count >= JOIN_WIDTH ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

/* Sends the arrival of the usual kind. */
static inline bool next_arrival(struct executor *executor, struct executor_action *action)
{
    struct executor_arrival *arrival = &executor->arrival;
    arrival->is_sent = true;
    ask_to_arrive(executor, arrival->node, arrival->record, arrival->edges,
                  edges_of_leaf(executor, arrival->node, arrival->record), action);
    return true;
}

static __attribute__((noinline)) void note_pending(struct executor *executor, uint32_t node,
                                                   uint32_t offset, uint64_t edges, uint64_t large)
{
    vector_reserve(&executor->pending, 1);
    struct executor_edges *pending = &executor->pending.items[executor->pending.count++];
    pending->node = node;
    pending->offset = offset;
    pending->edges = edges;
    pending->large = large;
    executor->busy |= EXECUTOR_BUSY_PENDING;
}

/* Arrives with one edge at a record of producers. */
static void arrive_with_edge(struct executor *executor, const struct dag_child *child,
                             struct executor_action *action)
{
    lower_frontier(executor, child->node);
    if (executor->arrival.node == PLAN_NONE) {
        set_arrival(executor, child);
        next_arrival(executor, action);
        return;
    }
    uint64_t edge = UINT64_C(1) << (child->bit % JOIN_WIDTH);
    uint32_t offset = child->bit / JOIN_WIDTH;
    uint32_t record = executor->first_record[child->node] + offset;
    note_pending(executor, child->node, offset, edge, 0);
    ask_to_arrive(executor, child->node, record, edge, edges_of_leaf(executor, child->node, record),
                  action);
}

/* Looks at children up to the next action. An edge to a join that nothing here can feed arrives at
 * once; others are held. False: all have been looked at. */
static __attribute__((noinline)) bool next_child(struct executor *executor,
                                                 struct executor_action *action)
{
    const struct dag_child *child = executor->child, *end = executor->last_child;
    bool found = false;
    while (child < end && !found) {
        uint32_t node = child->node, producers = executor->nodes[node].producer_count;
        found = true;
        if (producers == 1 && executor->kept == PLAN_NONE) {
            become(executor, node);
            found = false;
        } else if (producers == 1) {
            found = node != executor->kept;
            if (found)
                invoke(executor, node, (struct lineage){0}, action);
        } else if (node < executor->frontier && !(executor->busy & EXECUTOR_BUSY_HELD)) {
            arrive_with_edge(executor, child, action);
        } else {
            hold_edge(executor, child, false);
            found = false;
        }
        child++;
    }
    executor->child = child;
    if (child == end)
        executor->busy &= ~(uint32_t)EXECUTOR_BUSY_CHILDREN;
    return found;
}

/* Invokes the next child of a node with a large value. False: it must be stored first. */
static bool step_fanout(struct executor *executor, size_t index, struct executor_action *action)
{
    struct executor_fanout *fanout = &executor->fanouts.items[index];
    if (!fanout->is_stored && !MUTANT(SIGNAL_BEFORE_PUT)) {
        struct executor_large *large = find_large(executor, fanout->node);
        return !large->is_put && put(executor, large, action);
    }
    const struct dag_child *child = &executor->children[fanout->next++];
    while (child->node == fanout->kept || executor->nodes[child->node].producer_count > 1)
        child = &executor->children[fanout->next++];
    invoke(executor, child->node, (struct lineage){0}, action);
    if (--fanout->invokes > 0)
        return true;
    *fanout = vector_pop(&executor->fanouts);
    if (executor->fanouts.count == 0)
        executor->busy &= ~(uint32_t)EXECUTOR_BUSY_FANOUTS;
    return true;
}

static __attribute__((noinline)) bool next_of_fanouts(struct executor *executor,
                                                      struct executor_action *action)
{
    for (size_t i = executor->fanouts.count; i-- > 0;)
        if (step_fanout(executor, i, action))
            return true;
    return false;
}

static uint64_t all_edges(const struct executor *executor, const struct executor_edges *edges)
{
    uint32_t producers = executor->nodes[edges->node].producer_count;
    if (producers < JOIN_WIDTH)
        return (UINT64_C(1) << producers) - 1;
    return join_place(producers, edges->offset).all;
}

/* The values of an arrival that brings all edges of a join are not stored: they are all here. */
static bool must_store(const struct executor *executor, const struct executor_edges *held,
                       uint64_t all)
{
    bool is_wide = executor->nodes[held->node].producer_count > JOIN_WIDTH;
    return held->large && (is_wide || held->edges != all) && !MUTANT(SIGNAL_BEFORE_PUT);
}

/* Arrives at a record with all that is held for it. False: it waits until large values are stored.
 */
static bool arrive(struct executor *executor, size_t index, struct executor_action *action)
{
    struct executor_edges *held = &executor->held.items[index];
    uint64_t all = all_edges(executor, held);
    if (must_store(executor, held, all))
        return put_for(executor, held, action);
    note_pending(executor, held->node, held->offset, held->edges, held->large);
    lower_frontier(executor, held->node);
    ask_to_arrive(executor, held->node, executor->first_record[held->node] + held->offset,
                  held->edges, all, action);
    remove_held(executor, index);
    return true;
}

static __attribute__((noinline)) bool next_arrive(struct executor *executor,
                                                  struct executor_action *action)
{
    bool hold_back = executor->held.count - executor->first_held <= HELD_LIMIT;
    for (size_t i = executor->first_held; i < executor->held.count; i++) {
        const struct executor_edges *held = &executor->held.items[i];
        if (!(hold_back && is_fed_here(executor, held)) && arrive(executor, i, action))
            return true;
    }
    return false;
}

/* Of the joins that this executor owns, it runs the plan's preferred one, or else the first when no
 * other answer can change the choice. */
static void choose_owned(struct executor *executor)
{
    size_t chosen = 0, count = executor->owned.count;
    bool is_pending = executor->pending.count > 0 || executor->arrival.node != PLAN_NONE;
    if (count > 1 || is_pending) {
        uint32_t preferred = PLAN_NONE;
        if (executor->last != PLAN_NONE)
            preferred = executor->plan->preferred[executor->last];
        while (chosen < count && executor->owned.items[chosen].node != preferred)
            chosen++;
        if (chosen == count && is_pending)
            return;
        chosen = chosen < count ? chosen : 0;
    }
    executor->next = executor->owned.items[chosen].node;
    remove_owned(executor, chosen);
}

/* The other joins that it owns are invoked as the same lineage: their records know no other. */
static __attribute__((noinline)) bool next_owned(struct executor *executor,
                                                 struct executor_action *action)
{
    if (executor->next == PLAN_NONE && executor->running == PLAN_NONE) {
        choose_owned(executor);
        if (executor->next == PLAN_NONE)
            return false;
    }
    for (size_t i = 0; i < executor->owned.count; i++) {
        struct executor_edges *owned = &executor->owned.items[i];
        if (owned->large) {
            if (put_for(executor, owned, action))
                return true;
            continue;
        }
        invoke(executor, owned->node, executor->lineage, action);
        remove_owned(executor, i);
        return true;
    }
    return false;
}

static __attribute__((noinline)) bool next_commit(struct executor *executor,
                                                  struct executor_action *action)
{
    executor->settling = true;
    if (!executor->options.lossless && executor->nodes[executor->sink].producer_count > 1)
        note_run(executor, executor->sink);
    action->kind = EXECUTOR_COMMIT;
    return true;
}

static inline bool next_run(struct executor *executor, struct executor_action *action)
{
    uint32_t node = executor->next;
    executor->next = PLAN_NONE;
    action->node = node;
    if (node == executor->sink)
        return next_commit(executor, action);
    action->kind = EXECUTOR_RUN;
    action->repeats = executor->attempts > 0;
    action->becomes = node != executor->start && !action->repeats;
    executor->running = node;
    return true;
}

static bool next_fail(struct executor *executor, struct executor_action *action)
{
    action->kind = EXECUTOR_FAIL;
    action->node = executor->failed;
    executor->failed = PLAN_NONE;
    executor->busy = 0;
    executor->settling = true;
    return true;
}

static bool next_passed(struct executor *executor, struct executor_action *action)
{
    action->kind = EXECUTOR_PASSED;
    action->count = (uint32_t)executor->ran.count;
    action->joins = executor->ran.items;
    executor->ran.count = 0;
    return true;
}

static bool is_at_work(const struct executor *executor)
{
    return executor->running != PLAN_NONE || executor->settling || executor->unanswered > 0 ||
           executor->arrival.node != PLAN_NONE || executor->busy != 0;
}

static __attribute__((noinline)) bool next_end(struct executor *executor,
                                               struct executor_action *action)
{
    if (MUTANT(PASSED_EARLY) && executor->ran.count > 0)
        return next_passed(executor, action);
    if (executor->ended || is_at_work(executor))
        return false;
    bool marks = !executor->stopped || MUTANT(STOPPED_MARKS_PASSED);
    if (executor->ran.count > 0 && marks)
        return next_passed(executor, action);
    executor->ended = true;
    action->kind = EXECUTOR_END;
    return true;
}

static __attribute__((noinline)) bool next_of_many(struct executor *executor,
                                                   struct executor_action *action)
{
    uint32_t busy = executor->busy;
    if (busy & EXECUTOR_BUSY_FAILED)
        return next_fail(executor, action);
    if ((busy & EXECUTOR_BUSY_FANOUTS) && next_of_fanouts(executor, action))
        return true;
    if ((busy & EXECUTOR_BUSY_HELD) && next_arrive(executor, action))
        return true;
    if ((busy & EXECUTOR_BUSY_OWNED) && next_owned(executor, action))
        return true;
    if (executor->next != PLAN_NONE && executor->running == PLAN_NONE)
        return next_run(executor, action);
    return next_end(executor, action);
}

bool executor_next(struct executor *executor, struct executor_action *action)
{
    if ((executor->busy & EXECUTOR_BUSY_CHILDREN) && next_child(executor, action))
        return true;
    if (executor->busy)
        return next_of_many(executor, action);
    if (executor->arrival.node != PLAN_NONE && !executor->arrival.is_sent)
        return next_arrival(executor, action);
    if (executor->next != PLAN_NONE && executor->running == PLAN_NONE)
        return next_run(executor, action);
    return next_end(executor, action);
}

/* ---- The straight way --------------------------------------------------------------------------
 */

/* A lossless lineage with nothing else going on, one child after the other: the steps that a
 * million-task tree consists of. These functions do what executor_handle and executor_next would
 * do, without leaving notes between the two; tests/unit/executor_steps.c compares them. */

static inline bool run_straight(struct executor *executor, uint32_t node,
                                struct executor_action *action)
{
    executor->running = node;
    action->kind = EXECUTOR_RUN;
    action->node = node;
    action->repeats = false;
    action->becomes = node != executor->start;
    return true;
}

/* False, with nothing changed, if this is not the straight way. */
static inline bool done_straight(struct executor *executor, const struct executor_event *event,
                                 struct executor_action *action)
{
    uint32_t node = event->node;
    uint64_t begin = first_child(executor, node);
    if (node != executor->running || event->bytes > executor->options.inline_bytes ||
        first_child(executor, node + 1) - begin != 1 || executor->arrival.node != PLAN_NONE)
        return false;
    const struct dag_child *child = &executor->children[begin];
    uint32_t producers = executor->nodes[child->node].producer_count;
    if (producers == 1 && child->node == executor->sink)
        return false;
    executor->last = node;
    executor->attempts = 0;
    if (producers == 1)
        return run_straight(executor, child->node, action);
    executor->running = PLAN_NONE;
    set_arrival(executor, child);
    return next_arrival(executor, action);
}

static inline bool answered_straight(struct executor *executor, const struct executor_event *event,
                                     struct executor_action *action)
{
    uint32_t node = executor->arrival.node;
    if (node == PLAN_NONE || !executor->arrival.is_sent ||
        event->record != executor->arrival.record || node == executor->sink ||
        (executor->next & executor->running) != PLAN_NONE || executor->settling)
        return false;
    bool is_owned = event->answer == JOIN_OWN;
    if (is_owned && executor->nodes[node].producer_count > JOIN_WIDTH)
        return false;
    executor->arrival.node = PLAN_NONE;
    executor->stopped |= event->answer == JOIN_STOP;
    if (is_owned)
        return run_straight(executor, node, action);
    executor->ended = true;
    action->kind = EXECUTOR_END;
    return true;
}

bool executor_step(struct executor *executor, const struct executor_event *event,
                   struct executor_action *action)
{
    if (executor->busy == 0 && executor->options.lossless) {
        if (event->kind == EXECUTOR_DONE && done_straight(executor, event, action))
            return true;
        if (event->kind == EXECUTOR_ANSWERED && answered_straight(executor, event, action))
            return true;
    }
    executor_handle(executor, event);
    return executor_next(executor, action);
}
