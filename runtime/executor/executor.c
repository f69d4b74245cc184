/*
 * The executor's interface, and its steps where nothing is lost; see executor.h, and
 * spec/protocol.md for why they are as they are. executor_remote.c has the steps where anything may
 * be lost: the same, and what Lambda adds.
 *
 * executor_handle only updates the state; executor_next looks at it and picks one thing to do, in a
 * fixed order: report a failure, invoke, arrive, decide about owned joins, run, end. So whatever
 * order answers come in, the executor never waits while it could do something.
 */
#include "executor/executor_private.h"

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
                                  .following = PLAN_NONE,
                                  .options = *options,
                                  .doubt = options->doubt,
                                  .sink = dag_sink(plan->dag),
                                  .ended = true};
}

void executor_release(struct executor *executor)
{
    vector_release(&executor->held);
    vector_release(&executor->pending);
    vector_release(&executor->owned);
    executor_release_remote(executor);
}

static void forget_all_work(struct executor *executor)
{
    executor->running = executor->next = executor->failed = PLAN_NONE;
    executor->arrival.node = executor->following = PLAN_NONE;
    executor->gathered = 0;
    executor->busy = 0;
    executor->settling = false;
    executor->held.count = executor->pending.count = executor->owned.count = 0;
    executor->first_held = 0;
}

static inline void begin_lineage(struct executor *executor, uint32_t node, struct lineage lineage)
{
    if (!executor->ended)
        bug("an executor was started at node %u while it still had work", node);
    if (executor->gathered != 0 && node != executor->following)
        bug("an executor was started at node %u, not at the one that follows", node);
    executor->following = PLAN_NONE;
    executor->lineage = lineage;
    executor->start = executor->next = node;
    executor->last = PLAN_NONE;
    executor->attempts = 0;
    executor->stopped = executor->ended = false;
}

void executor_begin(struct executor *executor, const struct executor_start *start)
{
    begin_lineage(executor, start->node, start->lineage);
    if (!executor->options.lossless)
        executor_begin_remote(executor, start);
}

void executor_start(struct executor *executor, uint32_t node, struct lineage lineage)
{
    begin_lineage(executor, node, lineage);
    if (!executor->options.lossless)
        executor_begin_remote(executor, &(struct executor_start){.node = node, .lineage = lineage});
}

/* ---- What can still add edges -----------------------------------------------------------------
 */

/* Takes note that a node is queued or pending here: it can feed nothing below its first child. */
static inline void lower_frontier(struct executor *executor, uint32_t node)
{
    if (node == executor->sink)
        return;
    uint32_t child = executor->children[executor_first_child(executor, node)].node;
    if (child < executor->frontier)
        executor->frontier = child;
}

/* Whether something that is queued or under way here can add edges to this record's tree. */
static bool is_fed_here(const struct executor *executor, const struct executor_edges *held)
{
    uint32_t join = held->node;
    if (executor->next != PLAN_NONE && executor_feeds(executor, executor->next, join))
        return true;
    if (executor->running != PLAN_NONE && executor_feeds(executor, executor->running, join))
        return true;
    for (size_t i = 0; i < executor->owned.count; i++)
        if (executor_feeds(executor, executor->owned.items[i].node, join))
            return true;
    struct executor_edges arrival = {.node = executor->arrival.node};
    if (arrival.node != PLAN_NONE) {
        arrival.offset = executor->arrival.record - executor->first_record[arrival.node];
        if (executor_arrival_feeds(executor, &arrival, held))
            return true;
    }
    return executor_is_fed_by_edges(executor, held);
}

/* There are few. */
static void remove_owned(struct executor *executor, size_t index)
{
    struct executor_edges *items = executor->owned.items;
    size_t count = --executor->owned.count;
    for (; index < count; index++)
        items[index].node = items[index + 1].node;
    if (count == 0)
        executor->busy &= ~(uint32_t)EXECUTOR_BUSY_OWNED;
}

/* ---- Events -------------------------------------------------------------------------------- */

static void become(struct executor *executor, uint32_t child)
{
    executor->kept = executor->next = child;
    lower_frontier(executor, child);
}

/* How many children of a node are invoked at once: so that there are hundreds of such groups for
 * others to take. */
static uint32_t neighbours(const struct executor *executor, uint64_t children)
{
    enum { GROUPS = 256 };
    uint64_t most = executor->options.neighbours, count = children / GROUPS;
    return (uint32_t)(count < most ? count : most);
}

/* Lets executor_next look at the children one by one. Where the plan prefers a join, the first
 * other child that is met is kept. */
static __attribute__((noinline)) void fan_out(struct executor *executor, uint32_t node)
{
    if (executor->busy == 0 && executor->arrival.node == PLAN_NONE)
        executor->frontier = PLAN_NONE; /* nothing is left that could feed anything */
    executor->child = &executor->children[executor_first_child(executor, node)];
    executor->last_child = &executor->children[executor_first_child(executor, node + 1)];
    executor->following = PLAN_NONE;
    executor->neighbours = neighbours(executor, (uint64_t)(executor->last_child - executor->child));
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
    executor->arrival.edges = executor->gathered | UINT64_C(1) << (child->bit % JOIN_WIDTH);
    executor->arrival.is_sent = false;
    executor->gathered = 0;
}

/* Whether the following lineage's node has but one edge, to the same record as this one of the
 * lineage's first node. If so, that lineage arrives with both. */
static inline bool leave_to_following(struct executor *executor, const struct dag_child *child)
{
    uint32_t following = executor->following;
    if (following == PLAN_NONE)
        return false;
    executor->following = PLAN_NONE;
    uint64_t begin = executor_first_child(executor, following);
    const struct dag_child *other = &executor->children[begin];
    if (executor_first_child(executor, following + 1) - begin != 1 || other->node != child->node ||
        other->bit / JOIN_WIDTH != child->bit / JOIN_WIDTH)
        return false;
    executor->gathered |= UINT64_C(1) << (child->bit % JOIN_WIDTH);
    executor->following = following;
    return true;
}

static inline void handle_done(struct executor *executor, uint32_t node)
{
    if (node != executor->running)
        return;
    uint64_t begin = executor_first_child(executor, node);
    executor->running = PLAN_NONE;
    executor->attempts = 0;
    executor->last = node;
    if (executor_first_child(executor, node + 1) - begin == 1) {
        const struct dag_child *child = &executor->children[begin];
        uint32_t producers = executor->nodes[child->node].producer_count;
        if (producers == 1) {
            executor->next = child->node; /* a chain */
            executor->following = PLAN_NONE;
            return;
        }
        if (executor->busy == 0 && executor->arrival.node == PLAN_NONE) {
            if (!leave_to_following(executor, child))
                set_arrival(executor, child);
            return;
        }
    }
    fan_out(executor, node);
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

static __attribute__((noinline)) void own_join(struct executor *executor, uint32_t node)
{
    vector_reserve(&executor->owned, 1);
    struct executor_edges *owned = &executor->owned.items[executor->owned.count++];
    owned->node = node;
    executor->busy |= EXECUTOR_BUSY_OWNED;
}

/* An answer of own makes the record ours: the root's join is run, an inner one is an edge of the
 * next. */
static void take_record(struct executor *executor, const struct executor_edges *edges)
{
    uint32_t producers = executor->nodes[edges->node].producer_count;
    if (producers <= JOIN_WIDTH) {
        own_join(executor, edges->node);
        return;
    }
    struct join_place place = join_place(producers, edges->offset);
    if (place.parent_edge == 0)
        own_join(executor, edges->node);
    else
        executor_hold(executor, edges->node, place.parent, place.parent_edge, 0);
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
        own_join(executor, node);
}

static void handle_landed(struct executor *executor, uint32_t owned)
{
    if (!(executor->busy & EXECUTOR_BUSY_LANDING))
        return;
    executor->busy &= ~(uint32_t)EXECUTOR_BUSY_LANDING;
    for (uint32_t i = 0; i < executor->landing_count; i++)
        if (owned >> i & 1)
            own_join(executor, executor->landings[i].node);
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
    case EXECUTOR_SETTLED:
        executor->settling = false;
        return;
    case EXECUTOR_LANDED:
        handle_landed(executor, event->owned);
        return;
    case EXECUTOR_POISONED:
        forget_all_work(executor);
        return;
    case EXECUTOR_ACCEPTED:
    case EXECUTOR_STORED:
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
    if (!executor->options.lossless)
        executor_handle_remote(executor, event);
    else if (event->kind == EXECUTOR_DONE)
        handle_done(executor, event->node);
    else if (event->kind == EXECUTOR_ANSWERED)
        handle_answered(executor, event);
    else
        handle_other(executor, event);
}

/* ---- Actions ------------------------------------------------------------------------------- */

static void invoke(uint32_t node, struct executor_action *action)
{
    action->kind = EXECUTOR_INVOKE;
    action->node = node;
    action->first = action->end = 0;
}

/* Invokes a child, and with it those behind it that have no other producer either. Gives the child
 * behind them. */
static const struct dag_child *invoke_neighbours(const struct executor *executor,
                                                 const struct dag_child *child,
                                                 struct executor_action *action)
{
    const struct dag_child *all =
        &executor->children[executor_first_child(executor, executor->last)];
    const struct dag_child *first = child, *end = executor->last_child;
    if (end - first > executor->neighbours)
        end = first + executor->neighbours;
    do {
        child++;
    } while (child < end && child->node != executor->kept &&
             executor->nodes[child->node].producer_count == 1);
    invoke(first->node, action);
    if (child - first > 1) {
        action->node = executor->last;
        action->first = (uint32_t)(first - all);
        action->end = (uint32_t)(child - all);
    }
    return child;
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
    executor_note_pending(executor, child->node, offset, edge, 0);
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
                child = invoke_neighbours(executor, child, action) - 1;
        } else if (node < executor->frontier && !(executor->busy & EXECUTOR_BUSY_HELD)) {
            arrive_with_edge(executor, child, action);
        } else {
            executor_hold_edge(executor, child, false);
            found = false;
        }
        child++;
    }
    executor->child = child;
    if (child == end)
        executor->busy &= ~(uint32_t)EXECUTOR_BUSY_CHILDREN;
    return found;
}

/* Arrives at a record with all that is held for it. */
static void arrive(struct executor *executor, size_t index, struct executor_action *action)
{
    struct executor_edges *held = &executor->held.items[index];
    executor_note_pending(executor, held->node, held->offset, held->edges, 0);
    lower_frontier(executor, held->node);
    ask_to_arrive(executor, held->node, executor->first_record[held->node] + held->offset,
                  held->edges, executor_all_edges(executor, held), action);
    executor_remove_held(executor, index);
}

static __attribute__((noinline)) bool next_arrive(struct executor *executor,
                                                  struct executor_action *action)
{
    bool hold_back = executor->held.count - executor->first_held <= EXECUTOR_HELD_LIMIT;
    for (size_t i = executor->first_held; i < executor->held.count; i++) {
        const struct executor_edges *held = &executor->held.items[i];
        if (hold_back && is_fed_here(executor, held))
            continue;
        arrive(executor, i, action);
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

/* The other joins that it owns are invoked. */
static __attribute__((noinline)) bool next_owned(struct executor *executor,
                                                 struct executor_action *action)
{
    if (executor->next == PLAN_NONE && executor->running == PLAN_NONE) {
        choose_owned(executor);
        if (executor->next == PLAN_NONE)
            return false;
    }
    if (executor->owned.count == 0)
        return false;
    invoke(executor->owned.items[0].node, action);
    remove_owned(executor, 0);
    return true;
}

static inline bool next_run(struct executor *executor, struct executor_action *action)
{
    uint32_t node = executor->next;
    executor->next = PLAN_NONE;
    action->node = node;
    if (node == executor->sink) {
        executor->settling = true;
        action->kind = EXECUTOR_COMMIT;
        return true;
    }
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

static bool is_at_work(const struct executor *executor)
{
    return executor->running != PLAN_NONE || executor->settling ||
           executor->arrival.node != PLAN_NONE || executor->busy != 0;
}

static __attribute__((noinline)) bool next_end(struct executor *executor,
                                               struct executor_action *action)
{
    if (executor->ended || is_at_work(executor))
        return false;
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
    if (!executor->options.lossless)
        return executor_next_remote(executor, action);
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

/* A lineage with nothing else going on, one child after the other: the steps that a
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

static inline bool end_straight(struct executor *executor, struct executor_action *action)
{
    executor->ended = true;
    action->kind = EXECUTOR_END;
    return true;
}

void executor_start_before(struct executor *executor, uint32_t node, uint32_t following,
                           struct executor_action *action)
{
    begin_lineage(executor, node, (struct lineage){0});
    executor->following = following;
    executor->next = PLAN_NONE;
    if (node != executor->sink) {
        run_straight(executor, node, action);
        return;
    }
    executor->next = node;
    next_run(executor, action);
}

/* Fills a landing for an edge. False if it cannot be one: what it goes to is no join of one record,
 * or can be fed by those before it. The sink comes after all others: nothing lands there. */
static inline bool set_landing(const struct executor *executor, const struct dag_child *child,
                               uint32_t *frontier, struct executor_landing *landing)
{
    uint32_t node = child->node, before = *frontier;
    const struct dag_node *join = &executor->nodes[node];
    uint32_t producers = join->producer_count;
    if (producers - 2 > JOIN_WIDTH - 2 || node >= before)
        return false;
    uint32_t fed = executor->children[join->first_child].node;
    *frontier = fed < before ? fed : before;
    landing->node = node;
    landing->record = executor->first_record[node];
    landing->edge = UINT64_C(1) << child->bit;
    landing->all = UINT64_MAX >> (JOIN_WIDTH - producers);
    return true;
}

/* Arrives at several joins at once, as next_child would one after the other. */
static inline bool land(struct executor *executor, uint32_t node, struct executor_action *action)
{
    uint64_t begin = executor_first_child(executor, node),
             count = executor_first_child(executor, node + 1) - begin;
    const struct dag_child *children = &executor->children[begin];
    uint32_t frontier = executor->sink;
    if (count > EXECUTOR_LANDINGS)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!set_landing(executor, &children[i], &frontier, &executor->landings[i]))
            return false;
    executor->last = node;
    executor->attempts = 0;
    executor->running = executor->following = PLAN_NONE;
    executor->busy = EXECUTOR_BUSY_LANDING;
    executor->landing_count = (uint32_t)count;
    action->kind = EXECUTOR_LAND;
    action->count = (uint32_t)count;
    action->landings = executor->landings;
    return true;
}

/* False, with nothing changed, if this is not the straight way. */
static inline bool done_straight(struct executor *executor, const struct executor_event *event,
                                 struct executor_action *action)
{
    uint32_t node = event->node;
    uint64_t begin = executor_first_child(executor, node);
    if (node != executor->running || executor->arrival.node != PLAN_NONE)
        return false;
    if (executor_first_child(executor, node + 1) - begin != 1)
        return land(executor, node, action);
    const struct dag_child *child = &executor->children[begin];
    uint32_t producers = executor->nodes[child->node].producer_count;
    if (producers == 1 && child->node == executor->sink)
        return false;
    executor->last = node;
    executor->attempts = 0;
    if (producers == 1) {
        executor->following = PLAN_NONE;
        return run_straight(executor, child->node, action);
    }
    executor->running = PLAN_NONE;
    if (leave_to_following(executor, child))
        return end_straight(executor, action);
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
    return end_straight(executor, action);
}

/* Two joins are owned: one is run, as choose_owned would choose, and the other invoked. */
static inline bool invoke_one_of_two(struct executor *executor, uint32_t first, uint32_t second,
                                     struct executor_action *action)
{
    bool is_second = executor->plan->preferred[executor->last] == second;
    executor->next = is_second ? second : first;
    invoke(is_second ? first : second, action);
    return true;
}

static inline bool landed_straight(struct executor *executor, uint32_t owned,
                                   struct executor_action *action)
{
    const struct executor_landing *landings = executor->landings;
    uint32_t others = owned & (owned - 1); /* than the first */
    if (executor->busy != EXECUTOR_BUSY_LANDING || (others & (others - 1)) != 0)
        return false;
    executor->busy = 0;
    if (owned == 0)
        return end_straight(executor, action);
    uint32_t first = landings[__builtin_ctz(owned)].node;
    if (others == 0)
        return run_straight(executor, first, action);
    return invoke_one_of_two(executor, first, landings[__builtin_ctz(others)].node, action);
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
    if (event->kind == EXECUTOR_LANDED && landed_straight(executor, event->owned, action))
        return true;
    executor_handle(executor, event);
    return executor_next(executor, action);
}
