/*
 * Fan-outs of an executor that may lose everything (P4.3, P4.4): what goes on here, and invoking
 * the rest, one by one or as ranges.
 *
 * A wide fan-out is a tree: its list of children is cut into at most `ways` ranges, each is
 * invoked, and whoever starts with a range runs its first child and cuts the rest again. A mark
 * says that all parts of a range were accepted; a retry that finds it has nothing left to invoke.
 * Whether it is there is asked while the node runs, or beside the first child.
 */
#include "executor/executor_private.h"

enum { WAYS = 32 };

static uint32_t ways(const struct executor *executor)
{
    return executor->options.ways ? executor->options.ways : WAYS;
}

/* The list of those that are invoked: of no node, the sources. */
static struct plan_fanout list_of(const struct executor *executor, uint32_t node)
{
    if (node == PLAN_NONE)
        return (struct plan_fanout){.kept = PLAN_NONE, .invoked = executor->plan->source_count};
    return plan_fan_out(executor->plan, node, executor_without(executor));
}

static uint32_t child_at(const struct executor *executor, const struct executor_fanout *fanout)
{
    return fanout->node == PLAN_NONE ? executor->plan->sources[fanout->child]
                                     : executor->children[fanout->child].node;
}

/* Whether a child is in that list. */
static bool is_listed(const struct executor *executor, const struct executor_fanout *fanout,
                      uint32_t child)
{
    if (fanout->node == PLAN_NONE)
        return executor->nodes[child].producer_count == 0;
    return plan_is_invoked(executor->plan, fanout->node, child, fanout->kept,
                           executor_without(executor));
}

/* Moves on to the next child in the list. */
static void seek_listed(const struct executor *executor, struct executor_fanout *fanout)
{
    while (!is_listed(executor, fanout, child_at(executor, fanout)))
        fanout->child++;
}

static bool is_wide(const struct executor *executor, uint32_t count)
{
    return count > ways(executor) && !executor->options.without_tree;
}

/* Retries without `want` go by marks, and set them. */
static struct executor_fanout make_fanout(const struct executor *executor, uint32_t node,
                                          struct plan_fanout list, uint32_t first, uint32_t end)
{
    struct executor_fanout fanout = {.node = node, .kept = list.kept, .end = end, .step = 1};
    if (node != PLAN_NONE)
        fanout.child = executor_first_child(executor, node);
    uint32_t count = end - first;
    if (is_wide(executor, count))
        fanout.step = (count + ways(executor) - 1) / ways(executor);
    if (list.places && first < list.invoked) {
        fanout.next = first;
        fanout.child += list.places[first];
    }
    for (; fanout.next < first; fanout.next++, fanout.child++)
        seek_listed(executor, &fanout);
    fanout.first = first;
    return fanout;
}

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
            executor_hold_edge(executor, child, is_large);
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
    bool is_root = start->node == PLAN_NONE && start->first < start->end;
    if ((start->node >= executor->plan->dag->node_count && !is_root) || start->first > start->end)
        return false;
    return start->first == start->end || start->end <= list_of(executor, start->node).invoked;
}

void executor_fan_out_range(struct executor *executor, const struct executor_start *start)
{
    struct plan_fanout list = list_of(executor, start->node);
    struct executor_fanout fanout =
        make_fanout(executor, start->node, list, start->first, start->end);
    seek_listed(executor, &fanout);
    uint32_t child = child_at(executor, &fanout);
    if (executor_wants(executor, child))
        keep_child(executor, child);
    fanout = make_fanout(executor, start->node, list, start->first + 1, start->end);
    fanout.has_value = true;
    mark_fanout(executor, &fanout);
    if (fanout.next < fanout.end)
        vector_push(&executor->fanouts, fanout);
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
    for (uint32_t i = 0; i < count; i++, fanout->next++, fanout->child++) {
        seek_listed(executor, fanout);
        action->node = child_at(executor, fanout);
        is_wanted |= executor_wants(executor, action->node);
    }
    action->first = action->end = 0;
    if (count > 1) {
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

static bool step_fanout(struct executor *executor, struct executor_fanout *fanout,
                        struct executor_action *action)
{
    if (fanout->look == EXECUTOR_LOOK_DUE)
        return look(fanout, action);
    if (fanout->look == EXECUTOR_LOOK_SENT || !fanout->has_value)
        return false;
    struct executor_value *value = executor_find_value(executor, fanout->node);
    bool must_store = value && value->is_large && !value->is_stored;
    if (must_store && fanout->next < fanout->end && !MUTANT(SIGNAL_BEFORE_PUT))
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
    return (fanout->node == PLAN_NONE ||
            executor_find_child(executor, fanout->node, event->node)) &&
           is_listed(executor, fanout, event->node);
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
