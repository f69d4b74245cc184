/*
 * Fan-outs of an executor that may lose everything (P4.3, P4.4): what goes on here, and invoking
 * the rest, one by one or as ranges.
 *
 * A wide fan-out is a tree: its list of children is cut into at most `ways` ranges, each is
 * invoked, and whoever starts with a range runs its first `grain` children, one after the other,
 * and cuts the rest again. A mark says that all parts of a range were accepted; a retry that finds
 * it has nothing left to invoke. Whether it is there is asked while the node runs, or beside the
 * first child. A job begins in the same way: its sources are the children of node PLAN_NONE.
 */
#include "executor/executor_private.h"

static uint32_t ways(const struct executor *executor)
{
    return executor->options.ways ? executor->options.ways : EXECUTOR_WAYS;
}

/* Children that one executor runs, one after the other. */
static uint32_t grain(const struct executor *executor)
{
    uint32_t given = executor->options.grain;
    return given > 0 && !executor->options.without_become ? given : 1;
}

static struct plan_fanout list_children(const struct executor *executor, uint32_t node)
{
    if (node == PLAN_NONE)
        return (struct plan_fanout){
            .kept = PLAN_NONE,
            .invoked = plan_unit_count(executor->plan, executor_without(executor))};
    return plan_fan_out(executor->plan, node, executor_without(executor));
}

/* Whether a child is in the plan's list of those that are invoked. */
static bool is_listed(const struct executor *executor, uint32_t node, uint32_t kept, uint32_t child)
{
    return plan_is_invoked(executor->plan, node, child, kept, executor_without(executor));
}

/* Takes the next source off the list of units: from unit `next`, and place *source among all. */
static uint32_t take_source(const struct executor *executor, uint32_t *next, uint64_t *source)
{
    uint32_t node = executor->plan->sources[(*source)++];
    *next += *source == plan_unit_begin(executor->plan, *next + 1, executor_without(executor));
    return node;
}

/* Takes the next child off a list: number `next` of it, from place *child among all children. */
static uint32_t take_listed(const struct executor *executor, uint32_t node, uint32_t kept,
                            uint32_t *next, uint64_t *child)
{
    if (node == PLAN_NONE)
        return take_source(executor, next, child);
    while (!is_listed(executor, node, kept, executor->children[*child].node))
        ++*child;
    ++*next;
    return executor->children[(*child)++].node;
}

/* The place among all children from which number `index` of the list is found. */
static uint64_t find_place(const struct executor *executor, uint32_t node, struct plan_fanout list,
                           uint32_t index)
{
    if (node == PLAN_NONE)
        return plan_unit_begin(executor->plan, index, executor_without(executor));
    uint64_t child = executor_first_child(executor, node);
    if (list.places && index < list.invoked)
        return child + list.places[index];
    for (uint32_t next = 0; next < index;)
        take_listed(executor, node, list.kept, &next, &child);
    return child;
}

static bool is_wide(const struct executor *executor, uint32_t count)
{
    return count > ways(executor) && !executor->options.without_tree;
}

static uint32_t step_of(const struct executor *executor, uint32_t count)
{
    return is_wide(executor, count) ? (count + ways(executor) - 1) / ways(executor) : 1;
}

static struct executor_fanout make_fanout(const struct executor *executor, uint32_t node,
                                          struct plan_fanout list, uint32_t first, uint32_t end)
{
    return (struct executor_fanout){.node = node,
                                    .kept = list.kept,
                                    .first = first,
                                    .next = first,
                                    .end = end,
                                    .step = step_of(executor, end - first),
                                    .child = find_place(executor, node, list, first)};
}

/* Retries without `want` go by marks, and set them. */
static void mark_fanout(const struct executor *executor, struct executor_fanout *fanout)
{
    if (executor->want && !MUTANT(WANTED_SPLIT))
        return;
    fanout->look = EXECUTOR_LOOK_DUE;
    fanout->is_marked = true;
}

void executor_expect_fan_out(struct executor *executor, uint32_t node)
{
    uint64_t children =
        executor_first_child(executor, node + 1) - executor_first_child(executor, node);
    if (children <= ways(executor))
        return;
    struct plan_fanout list = plan_fan_out(executor->plan, node, executor_without(executor));
    if (!is_wide(executor, list.invoked))
        return;
    struct executor_fanout fanout = make_fanout(executor, node, list, 0, list.invoked);
    mark_fanout(executor, &fanout);
    vector_push(&executor->fanouts, fanout);
}

static struct executor_fanout *find_fanout(struct executor *executor, uint32_t node)
{
    for (size_t i = 0; i < executor->fanouts.count; i++)
        if (executor->fanouts.items[i].node == node)
            return &executor->fanouts.items[i];
    return NULL;
}

void executor_forget_fan_out(struct executor *executor, uint32_t node)
{
    struct executor_fanout *fanout = find_fanout(executor, node);
    if (fanout)
        *fanout = vector_pop(&executor->fanouts);
}

/* ---- What goes on here ----------------------------------------------------------------------- */

static void keep_child(struct executor *executor, uint32_t child)
{
    executor_push_ready(executor, &(struct executor_ready){.node = child, .is_kept = true});
}

/* Children of the node's cluster are pushed in reverse, since what is pushed last is run first. */
static void keep_cluster(struct executor *executor, uint32_t node)
{
    uint64_t first = executor_first_child(executor, node);
    for (uint64_t c = executor_first_child(executor, node + 1); c-- > first;) {
        uint32_t child = executor->children[c].node;
        if (plan_is_clustered(executor->plan, node, child, executor_without(executor)) &&
            executor_wants(executor, child))
            keep_child(executor, child);
    }
}

static void hold_edges(struct executor *executor, uint32_t node, bool is_large)
{
    uint64_t end = executor_first_child(executor, node + 1);
    for (uint64_t c = executor_first_child(executor, node); c < end; c++) {
        const struct dag_child *child = &executor->children[c];
        if (executor_is_join(executor, child->node) && executor_wants(executor, child->node))
            executor_hold_edge(executor, child, is_large && !executor_is_slice(executor, child));
    }
}

void executor_fan_out(struct executor *executor, uint32_t node, bool is_large)
{
    struct plan_fanout list = plan_fan_out(executor->plan, node, executor_without(executor));
    struct executor_fanout *expected = find_fanout(executor, node);
    hold_edges(executor, node, is_large);
    if (list.has_cluster)
        keep_cluster(executor, node);
    if (list.kept != PLAN_NONE && executor_wants(executor, list.kept))
        keep_child(executor, list.kept);
    if (expected)
        expected->has_value = true;
    else if (list.invoked > 0)
        vector_push(&executor->fanouts, make_fanout(executor, node, list, 0, list.invoked));
    if (!expected && list.invoked > 0)
        vector_last(&executor->fanouts).has_value = true;
}

bool executor_can_begin(const struct executor *executor, const struct executor_start *start)
{
    bool is_range = start->first < start->end, is_root = start->node == PLAN_NONE;
    if (is_root ? !is_range : start->node >= executor->plan->dag->node_count)
        return false;
    return is_range ? start->end <= list_children(executor, start->node).invoked
                    : start->first == start->end;
}

void executor_fan_out_range(struct executor *executor, const struct executor_start *start)
{
    struct plan_fanout list = list_children(executor, start->node);
    uint32_t count = start->end - start->first, least = grain(executor);
    uint32_t kept_end = start->first + (count < least ? count : least);
    executor->queue =
        (struct executor_queue){.node = start->node,
                                .next = start->first,
                                .end = kept_end,
                                .kept = list.kept,
                                .child = find_place(executor, start->node, list, start->first)};
    bool is_unit = start->node == PLAN_NONE &&
                   find_place(executor, PLAN_NONE, list, kept_end) > executor->queue.child + 1;
    executor->keeps_whole = is_unit || kept_end > start->first + 1;
    if (kept_end == start->end)
        return;
    struct executor_fanout fanout = make_fanout(executor, start->node, list, kept_end, start->end);
    fanout.step = fanout.step > least ? fanout.step : least;
    fanout.has_value = true;
    mark_fanout(executor, &fanout);
    vector_push(&executor->fanouts, fanout);
}

/* ---- The children of a range that are run here ----------------------------------------------- */

/* Takes the next child that this run wants; false: there is none. Whoever looks at the queue sees
 * only these: what waits for a child that is never run would wait for ever. */
static bool take_queued(const struct executor *executor, struct executor_queue *queue,
                        uint32_t *child)
{
    while (queue->next < queue->end) {
        *child = take_listed(executor, queue->node, queue->kept, &queue->next, &queue->child);
        if (executor_wants(executor, *child))
            return true;
    }
    return false;
}

bool executor_next_queued(struct executor *executor, uint32_t *child)
{
    return take_queued(executor, &executor->queue, child);
}

bool executor_peek_queued(const struct executor *executor, uint32_t *child)
{
    struct executor_queue queue = executor->queue;
    return take_queued(executor, &queue, child);
}

bool executor_is_fed_by_queue(const struct executor *executor, uint32_t join)
{
    uint32_t most = executor_foresight(executor);
    struct executor_queue queue = executor->queue;
    uint32_t child;
    for (uint32_t n = 0; n < most && take_queued(executor, &queue, &child); n++)
        if (executor_feeds(executor, child, join))
            return true;
    return false;
}

void executor_list_queued(struct executor *executor)
{
    struct executor_queue queue = executor->queue;
    uint32_t child;
    while (take_queued(executor, &queue, &child))
        vector_push(&executor->beats, child);
}

bool executor_invoke_queued(struct executor *executor, struct executor_action *action)
{
    struct executor_queue *queue = &executor->queue;
    if (queue->next == queue->end)
        return false;
    action->kind = EXECUTOR_INVOKE;
    action->node = queue->node;
    action->first = queue->next;
    action->end = queue->end;
    action->lineage = executor->lineage;
    queue->next = queue->end;
    executor->unanswered++;
    return true;
}

/* ---- Invoking the rest ----------------------------------------------------------------------- */

/* Takes the next step's children off the list; whether this run of the sweeper wants any of them.
 */
static bool take_children(const struct executor *executor, struct executor_fanout *fanout,
                          struct executor_action *action)
{
    bool is_wanted = false;
    uint32_t first = fanout->next, left = fanout->end - first;
    uint32_t count = fanout->step < left ? fanout->step : left;
    while (fanout->next < first + count) {
        action->node =
            take_listed(executor, fanout->node, fanout->kept, &fanout->next, &fanout->child);
        is_wanted |= executor_wants(executor, action->node);
    }
    action->first = action->end = 0;
    if (count > 1 || fanout->node == PLAN_NONE) {
        action->node = fanout->node;
        action->first = first;
        action->end = fanout->next;
    }
    return is_wanted;
}

static bool invoke_children(struct executor *executor, struct executor_fanout *fanout,
                            struct executor_action *action)
{
    while (fanout->next < fanout->end) {
        if (!take_children(executor, fanout, action))
            continue;
        action->kind = EXECUTOR_INVOKE;
        action->lineage = (struct lineage){0};
        fanout->unanswered++;
        executor->unanswered++;
        return true;
    }
    return false;
}

/* A range is named by its bounds: its first child's name would be that of a part of it, too. */
static void name_range(const struct executor_fanout *fanout, struct executor_action *action)
{
    action->node = fanout->node;
    action->first = MUTANT(RANGE_BY_CHILD) && fanout->first > 0 ? fanout->first - 1 : fanout->first;
    action->end = MUTANT(RANGE_BY_CHILD) ? 0 : fanout->end;
}

/* All has been accepted. */
static bool end_fanout(struct executor *executor, struct executor_fanout *fanout,
                       struct executor_action *action)
{
    bool is_marked = fanout->is_marked;
    action->kind = EXECUTOR_SPLIT;
    name_range(fanout, action);
    *fanout = vector_pop(&executor->fanouts);
    return is_marked;
}

static bool look(struct executor_fanout *fanout, struct executor_action *action)
{
    fanout->look = EXECUTOR_LOOK_SENT;
    action->kind = EXECUTOR_LOOK;
    name_range(fanout, action);
    return true;
}

/* Whether what is left of a fan-out promises all of the node's value: a range does, and a child
 * that reads more than slices. */
static bool promises_value(const struct executor *executor, const struct executor_fanout *fanout)
{
    uint64_t place = fanout->child;
    uint32_t next = fanout->next;
    if (fanout->step > 1 || fanout->end - next > ways(executor))
        return next < fanout->end;
    while (next < fanout->end) {
        uint32_t child = take_listed(executor, fanout->node, fanout->kept, &next, &place);
        if (executor_wants(executor, child) &&
            !executor_is_slice(executor, &executor->children[place - 1]))
            return true;
    }
    return false;
}

static bool step_fanout(struct executor *executor, struct executor_fanout *fanout,
                        struct executor_action *action)
{
    if (fanout->look == EXECUTOR_LOOK_DUE)
        return look(fanout, action);
    if (fanout->look == EXECUTOR_LOOK_SENT || !fanout->has_value)
        return false;
    struct executor_value *value = executor_find_value(executor, fanout->node);
    bool must_store = value && value->is_large && !value->is_stored;
    if (must_store && promises_value(executor, fanout) && !MUTANT(SIGNAL_BEFORE_PUT))
        return !value->is_put && executor_put(executor, value, action);
    if (invoke_children(executor, fanout, action))
        return true;
    return fanout->unanswered == 0 && end_fanout(executor, fanout, action);
}

bool executor_next_of_fanouts(struct executor *executor, struct executor_action *action)
{
    for (size_t i = executor->fanouts.count; i-- > 0;)
        if (step_fanout(executor, &executor->fanouts.items[i], action))
            return true;
    return false;
}

/* ---- Answers --------------------------------------------------------------------------------- */

/* Whether an invocation that was accepted is of this fan-out. */
static bool is_part(const struct executor *executor, const struct executor_fanout *fanout,
                    const struct executor_event *event)
{
    if (event->first < event->end)
        return event->node == fanout->node && event->first >= fanout->first &&
               event->end <= fanout->end;
    return fanout->node != PLAN_NONE && executor_find_child(executor, fanout->node, event->node) &&
           is_listed(executor, fanout->node, fanout->kept, event->node);
}

void executor_note_accepted(struct executor *executor, const struct executor_event *event)
{
    executor->unanswered -= executor->unanswered > 0;
    for (size_t i = 0; i < executor->fanouts.count; i++) {
        struct executor_fanout *fanout = &executor->fanouts.items[i];
        if (fanout->unanswered == 0 || !is_part(executor, fanout, event))
            continue;
        fanout->unanswered--;
        return;
    }
}

void executor_note_looked(struct executor *executor, const struct executor_event *event)
{
    for (size_t i = 0; i < executor->fanouts.count; i++) {
        struct executor_fanout *fanout = &executor->fanouts.items[i];
        if (fanout->node != event->node || fanout->look != EXECUTOR_LOOK_SENT)
            continue;
        fanout->look = EXECUTOR_LOOK_NOT;
        if (event->is_split) {
            fanout->next = fanout->end;
            fanout->is_marked = false;
        }
        return;
    }
}
