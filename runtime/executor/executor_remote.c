/*
 * The executor's steps where anything may be lost, repeated or late (P4); see executor.h. What an
 * executor has is in lists: nodes that are ready or run, edges that are held back or on their way,
 * children to be invoked, values that are not delivered. Events move entries from one list to
 * another; executor_next_remote looks through them, in a fixed order, for something to do.
 */
#include "executor/executor_private.h"

/* Defaults of struct executor_options. */
enum { PATIENCE = 20, BYTES_PER_MS = 50000, PATIENCE_AT_MOST = 5000, WAIT_AT_LEAST = 4 };

/* How many waits in vain end all patience, how many of them one that was not is worth, and after
 * how many values that were stored at once a wait is tried again. */
enum { DOUBT_MOST = 16, DOUBT_EASED = 2, DOUBT_PAUSE = 16 };

void executor_fit(struct executor_options *options, const struct platform *platform)
{
    uint64_t round_trip_ms = (platform->round_trip_ns + 999999) / 1000000;
    uint64_t bytes_per_ms =
        platform->bytes_per_ms < UINT32_MAX ? platform->bytes_per_ms : UINT32_MAX;
    options->patience = options->wait_at_least = round_trip_ms > 0 ? (uint32_t)round_trip_ms : 1;
    options->bytes_per_ms = (uint32_t)bytes_per_ms;
}

void executor_release_remote(struct executor *executor)
{
    vector_release(&executor->ready);
    vector_release(&executor->runs);
    vector_release(&executor->values);
    vector_release(&executor->fanouts);
    vector_release(&executor->questions);
    vector_release(&executor->ran);
    vector_release(&executor->missed);
    vector_release(&executor->beats);
}

static void forget_lists(struct executor *executor)
{
    executor->held.count = executor->first_held = executor->pending.count = 0;
    executor->ready.count = executor->runs.count = executor->values.count = 0;
    executor->fanouts.count = executor->questions.count = executor->ran.count = 0;
    executor->missed.count = 0;
    executor->queue = (struct executor_queue){0};
    executor->unanswered = 0;
    executor->failed = PLAN_NONE;
}

unsigned executor_without(const struct executor *executor)
{
    return (executor->options.without_become ? PLAN_WITHOUT_BECOME : 0u) |
           (executor->options.without_clustering ? PLAN_WITHOUT_CLUSTERS : 0u);
}

bool executor_wants(const struct executor *executor, uint32_t node)
{
    return !executor->want || want_has(executor->want, node);
}

void executor_push_ready(struct executor *executor, const struct executor_ready *ready)
{
    vector_push(&executor->ready, *ready);
    vector_last(&executor->ready).is_kept &=
        !executor->time_is_short || ready->node == executor->sink;
}

void executor_begin_remote(struct executor *executor, const struct executor_start *start)
{
    forget_lists(executor);
    executor->want = start->want;
    executor->time_is_short = executor->settling = false;
    executor->values_limit = 0;
    executor->keeps_whole = false;
    executor->began_at_node = start->first >= start->end;
    if (executor->began_at_node)
        executor_push_ready(executor, &(struct executor_ready){.node = start->node,
                                                               .is_kept = true,
                                                               .is_stored = start->is_stored});
    else
        executor_fan_out_range(executor, start);
}

/* ---- Events: tasks --------------------------------------------------------------------------- */

static uint32_t tasks_at_once(const struct executor *executor)
{
    return executor->options.tasks ? executor->options.tasks : 1;
}

/* Takes a node off the list of those that run; false if it is not there. */
static bool take_run(struct executor *executor, uint32_t node, struct executor_ready *run)
{
    for (size_t i = 0; i < executor->runs.count; i++) {
        if (executor->runs.items[i].node != node)
            continue;
        *run = executor->runs.items[i];
        executor->runs.items[i] = vector_pop(&executor->runs);
        return true;
    }
    return false;
}

static void take_whole(struct executor *executor);

static void handle_run_done(struct executor *executor, const struct executor_event *event)
{
    struct executor_ready run;
    uint32_t node = event->node;
    if (!take_run(executor, node, &run))
        return;
    bool is_large = event->bytes > executor->options.inline_bytes || event->is_stored ||
                    executor->options.inline_bytes == 0;
    executor->last = node;
    if (executor_is_join(executor, node) && !run.is_whole)
        vector_push(&executor->ran, node);
    executor_add_value(executor, event, is_large);
    executor_fan_out(executor, node, is_large && !event->is_stored);
    take_whole(executor);
}

static void handle_run_failed(struct executor *executor, const struct executor_event *event)
{
    struct executor_ready run;
    if (!take_run(executor, event->node, &run))
        return;
    const struct dag_task *task = &executor->plan->dag->tasks[executor->nodes[event->node].task];
    executor_forget_fan_out(executor, event->node);
    if (event->retriable && task->retries > 0 && run.attempts < (uint32_t)task->retries) {
        run.attempts++;
        executor_push_ready(executor, &run);
        return;
    }
    forget_lists(executor);
    executor->failed = event->node;
}

/* The sink has no kernel: to commit its value is to run it. */
static void handle_settled(struct executor *executor)
{
    struct executor_ready run;
    executor->settling = false;
    if (take_run(executor, executor->sink, &run) && executor_is_join(executor, executor->sink))
        vector_push(&executor->ran, executor->sink);
}

/* An input is not in the store. If the join is ours, its record may know better by now; but only
 * once, or a store that forgets would be asked for ever. */
static void handle_missing(struct executor *executor, uint32_t node)
{
    struct executor_ready run;
    if (!take_run(executor, node, &run))
        return;
    executor->settling = false;
    executor_forget_fan_out(executor, node);
    if (run.edges == 0 || run.was_missing) {
        executor->stopped = true;
        return;
    }
    struct executor_edges edges = {.node = node, .offset = run.offset, .edges = run.edges};
    executor_hold(executor, node, run.offset, run.edges, executor_find_unstored(executor, &edges));
    vector_push(&executor->missed, node);
}

static uint32_t record_of(const struct executor *executor, const struct executor_edges *edges)
{
    return executor->first_record[edges->node] + edges->offset;
}

/* ---- Events: records ------------------------------------------------------------------------- */

static struct executor_question *find_question(struct executor *executor, uint32_t record)
{
    for (size_t i = 0; i < executor->questions.count; i++)
        if (executor->questions.items[i].record == record)
            return &executor->questions.items[i];
    return NULL;
}

static struct executor_question *get_question(struct executor *executor, uint32_t record)
{
    struct executor_question *question = find_question(executor, record);
    if (question)
        return question;
    vector_push(&executor->questions, (struct executor_question){.record = record});
    return &vector_last(&executor->questions);
}

static void end_question(struct executor *executor, uint32_t record)
{
    struct executor_question *question = find_question(executor, record);
    if (question)
        *question = vector_pop(&executor->questions);
}

/* A wait that was no use, or, where there is no trust left, that was not tried: now and then the
 * next one is. */
static void doubt_more(struct executor *executor)
{
    if (++executor->doubt == DOUBT_MOST + DOUBT_PAUSE)
        executor->doubt = DOUBT_MOST / 2;
}

static void doubt_less(struct executor *executor)
{
    executor->doubt = executor->doubt > DOUBT_EASED ? executor->doubt - DOUBT_EASED : 0;
}

/* All edges of a record are here: what was kept back for it need not be stored. */
static void end_question_well(struct executor *executor, uint32_t record)
{
    const struct executor_question *question = find_question(executor, record);
    if (question && question->waited > 0)
        doubt_less(executor);
    end_question(executor, record);
}

static uint32_t option(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

/* How long values of this size are kept back: about as long as to store and load them takes. So to
 * wait in vain costs at most as much again as not to have waited. */
static uint32_t patience_for(const struct executor *executor, uint64_t bytes)
{
    const struct executor_options *options = &executor->options;
    uint64_t patience = option(options->patience, PATIENCE) +
                        2 * bytes / option(options->bytes_per_ms, BYTES_PER_MS);
    uint32_t limit = option(options->patience_at_most, PATIENCE_AT_MOST);
    patience = patience < limit ? patience : limit;
    uint32_t trust = executor->doubt < DOUBT_MOST ? DOUBT_MOST - executor->doubt : 0;
    return (uint32_t)(patience * trust / DOUBT_MOST);
}

/* The plan's wait for a join of which some producers are of its cluster; 0: there is none. */
static uint32_t planned_wait(const struct executor *executor, uint32_t join)
{
    bool has_plan = executor->plan->waits && !executor->options.without_clustering;
    uint32_t wait = has_plan ? executor->plan->waits[join] : 0;
    return wait == PLAN_NONE ? 0 : wait;
}

/* Of such a join: by how much its cluster is more patient than others. */
static uint32_t patience_at(const struct executor *executor, uint32_t join, uint64_t bytes)
{
    uint64_t patience = patience_for(executor, bytes), planned = planned_wait(executor, join);
    if (planned > 0 && executor_is_home(executor, join))
        patience += 2 * planned;
    return patience < UINT32_MAX / 4 ? (uint32_t)patience : UINT32_MAX / 4;
}

/* The next question follows after as long as all waits before it, so there are few; of those who
 * wait long, since the plan says so, after an eighth of that. */
static uint32_t wait_for(const struct executor *executor, const struct executor_question *question,
                         uint32_t patience, bool is_planned)
{
    uint32_t wait = is_planned ? question->waited / 8 : question->waited;
    uint32_t left = patience - question->waited;
    uint32_t least = option(executor->options.wait_at_least, WAIT_AT_LEAST);
    wait = wait > least ? wait : least;
    return wait < left ? wait : left;
}

static uint32_t highest_edge(uint64_t edges)
{
    return 63 - (uint32_t)__builtin_clzll(edges);
}

/* Whether the plan leaves a join to another executor, which has its cluster's part of it. */
static bool is_for_others(const struct executor *executor, uint32_t join)
{
    return planned_wait(executor, join) > 0 && !executor_is_home(executor, join);
}

/* Told that others are missing: whoever holds the most goes on waiting, as long as it has patience.
 * The others store what they hold (P4.8). */
static void note_not_last(struct executor *executor, const struct executor_edges *edges,
                          const struct executor_event *event)
{
    uint64_t bytes = executor_held_bytes(executor, edges->node);
    struct executor_question *question = get_question(executor, event->record);
    struct join_holder mine = {bytes, highest_edge(edges->edges)};
    bool is_planned = planned_wait(executor, edges->node) > 0;
    uint32_t patience = patience_at(executor, edges->node, bytes);
    bool is_smaller = join_holder_is_before(mine, event->largest) && !MUTANT(BOTH_WAIT);
    bool gives_up = is_smaller || question->waited >= patience || executor->time_is_short ||
                    is_for_others(executor, edges->node);
    if (MUTANT(BOTH_WAIT))
        gives_up = event->largest.size == 0 && question->waited >= patience;
    if (!is_planned && !is_smaller && question->waited >= patience)
        doubt_more(executor);
    question->state = gives_up ? EXECUTOR_GIVEN_UP : EXECUTOR_TO_WAIT;
    question->wait = gives_up ? 0 : wait_for(executor, question, patience, is_planned);
    executor_hold(executor, edges->node, edges->offset, edges->edges, edges->large);
}

static bool take_missed(struct executor *executor, uint32_t node)
{
    for (size_t i = 0; i < executor->missed.count; i++)
        if (executor->missed.items[i] == node) {
            executor->missed.items[i] = vector_pop(&executor->missed);
            return true;
        }
    return false;
}

/* Whether a join is of the cluster of what ran last, or of some of its producers that ran here. */
static bool is_in_cluster(const struct executor *executor, uint32_t join)
{
    const uint32_t *cluster = executor->plan->cluster;
    if (!cluster || executor->options.without_clustering || cluster[join] == PLAN_NONE)
        return false;
    bool is_of_last = executor->last != PLAN_NONE && cluster[join] == cluster[executor->last];
    return is_of_last || executor_is_home(executor, join);
}

/* The root's owner runs the join; who owns an inner record holds that record's edge in the next. */
static void own_record(struct executor *executor, const struct executor_edges *edges, bool is_whole)
{
    uint32_t node = edges->node;
    struct join_place place = join_place(executor->nodes[node].producer_count, edges->offset);
    if (place.parent_edge != 0) {
        executor_hold(executor, node, place.parent, place.parent_edge,
                      edges->large ? place.parent_edge : 0);
        return;
    }
    struct executor_ready ready = {.node = node, .offset = edges->offset, .edges = edges->edges};
    ready.is_kept = is_in_cluster(executor, node) || node == executor->sink ||
                    (is_whole && executor->keeps_whole);
    ready.is_whole = is_whole;
    ready.was_missing = take_missed(executor, node);
    executor_push_ready(executor, &ready);
}

/* Records of which all edges were made here are this executor's without an arrival: nobody else has
 * an edge to bring. */
static void take_whole(struct executor *executor)
{
    for (size_t i = executor->first_held; i < executor->held.count;) {
        struct executor_edges held = executor->held.items[i];
        if (held.edges != executor_all_edges(executor, &held)) {
            i++;
            continue;
        }
        executor_remove_held(executor, i);
        end_question_well(executor, record_of(executor, &held));
        own_record(executor, &held, true);
        i = executor->first_held;
    }
}

static bool is_on_its_way(const struct executor *executor, uint32_t record)
{
    for (size_t i = 0; i < executor->pending.count; i++)
        if (record_of(executor, &executor->pending.items[i]) == record)
            return !MUTANT(ANSWERS_MIXED_UP);
    return false;
}

/* Of a record at most one thing is on its way, so an answer is that thing's. */
static bool take_pending(struct executor *executor, uint32_t record, struct executor_edges *edges)
{
    for (size_t i = 0; i < executor->pending.count; i++) {
        *edges = executor->pending.items[i];
        if (record_of(executor, edges) != record)
            continue;
        executor->pending.items[i] = vector_pop(&executor->pending);
        return true;
    }
    return false;
}

static void end_poisoned(struct executor *executor)
{
    if (!executor->settling || MUTANT(POISONED_BY_ITSELF))
        forget_lists(executor);
    if (MUTANT(POISONED_BY_ITSELF))
        executor->settling = false;
}

static void handle_answer(struct executor *executor, const struct executor_event *event)
{
    struct executor_edges edges;
    if (!take_pending(executor, event->record, &edges))
        return;
    struct executor_question *question = find_question(executor, event->record);
    bool was_asked = question && question->state == EXECUTOR_ASKING;
    executor->lineage.recovers |= event->taken_over;
    if (event->answer == JOIN_NOT && was_asked) {
        note_not_last(executor, &edges, event);
        return;
    }
    if (event->answer == JOIN_OWN)
        end_question_well(executor, event->record);
    else
        end_question(executor, event->record);
    switch (event->answer) {
    case JOIN_OWN:
        own_record(executor, &edges, false);
        take_whole(executor);
        return;
    case JOIN_STOP:
        executor->stopped = true;
        return;
    case JOIN_POISONED:
        end_poisoned(executor);
        return;
    case JOIN_NOT:
        return;
    }
}

static void handle_waited(struct executor *executor, uint32_t record)
{
    struct executor_question *question = find_question(executor, record);
    if (!question || question->state != EXECUTOR_WAITING)
        return;
    question->waited += question->wait;
    question->state = EXECUTOR_TO_ASK;
}

/* From now on nothing is kept here, and nobody is waited for. */
static void handle_time_short(struct executor *executor)
{
    executor->time_is_short = true;
    for (size_t i = 0; i < executor->ready.count; i++)
        executor->ready.items[i].is_kept &= executor->ready.items[i].node == executor->sink;
}

void executor_handle_remote(struct executor *executor, const struct executor_event *event)
{
    switch (event->kind) {
    case EXECUTOR_DONE:
        handle_run_done(executor, event);
        return;
    case EXECUTOR_FAILED:
        handle_run_failed(executor, event);
        return;
    case EXECUTOR_MISSING:
        handle_missing(executor, event->node);
        return;
    case EXECUTOR_STORED:
        executor->unanswered -= executor->unanswered > 0;
        executor_note_stored(executor, event->node);
        return;
    case EXECUTOR_ACCEPTED:
        executor_note_accepted(executor, event);
        return;
    case EXECUTOR_ANSWERED:
        handle_answer(executor, event);
        return;
    case EXECUTOR_LANDED: /* only where nothing is lost */
        return;
    case EXECUTOR_WAITED:
        handle_waited(executor, event->record);
        return;
    case EXECUTOR_LOOKED:
        executor_note_looked(executor, event);
        return;
    case EXECUTOR_SETTLED:
        handle_settled(executor);
        return;
    case EXECUTOR_POISONED:
        end_poisoned(executor);
        return;
    case EXECUTOR_TIME_SHORT:
        handle_time_short(executor);
        return;
    }
}

/* ---- Actions: arriving ----------------------------------------------------------------------- */

/* Whether something that is ready, runs, or is on its way can add edges to this record's tree. Of
 * many nodes that are ready the last are looked at: a wrong "no" costs one more arrival. */
static bool is_fed(const struct executor *executor, const struct executor_edges *held)
{
    uint32_t most = executor_foresight(executor);
    for (size_t i = 0; i < executor->runs.count; i++)
        if (executor_feeds(executor, executor->runs.items[i].node, held->node))
            return true;
    for (size_t i = executor->ready.count, n = 0; i-- > 0 && n < most; n++)
        if (executor_feeds(executor, executor->ready.items[i].node, held->node))
            return true;
    return executor_is_fed_by_queue(executor, held->node) ||
           executor_is_fed_by_edges(executor, held);
}

/* Fills what ASK and ARRIVE have in common, and moves the edges to those that are on their way. */
static void send_edges(struct executor *executor, size_t index, enum executor_action_kind kind,
                       struct executor_action *action)
{
    const struct executor_edges *held = &executor->held.items[index];
    action->kind = kind;
    action->node = held->node;
    action->record = record_of(executor, held);
    action->edges = held->edges;
    action->all = executor_all_edges(executor, held);
    action->lineage = executor->lineage;
    action->wanted = executor->want && want_has(executor->want, held->node);
    executor_note_pending(executor, held->node, held->offset, held->edges, held->large);
    executor_remove_held(executor, index);
}

static bool ask(struct executor *executor, size_t index, struct executor_question *question,
                struct executor_action *action)
{
    uint32_t join = executor->held.items[index].node;
    uint64_t bytes = executor_held_bytes(executor, join);
    uint32_t least = option(executor->options.wait_at_least, WAIT_AT_LEAST);
    uint32_t patience = patience_at(executor, join, bytes);
    uint32_t left = patience > question->waited ? patience - question->waited : 0;
    question->state = EXECUTOR_ASKING;
    action->size = is_for_others(executor, join) ? 0 : bytes;
    action->milliseconds = 2 * (left + least); /* it must not end between two questions */
    send_edges(executor, index, EXECUTOR_ASK, action);
    return true;
}

static bool wait_to_ask(struct executor *executor, const struct executor_edges *held,
                        struct executor_question *question, struct executor_action *action)
{
    question->state = EXECUTOR_WAITING;
    action->kind = EXECUTOR_WAIT;
    action->node = held->node;
    action->record = record_of(executor, held);
    action->milliseconds = question->wait;
    return true;
}

/* Asks whether others are missing, before large values are stored for them; but the result's are
 * stored in any case. False: nothing to do now. */
static bool keep_back(struct executor *executor, size_t index, struct executor_action *action)
{
    struct executor_edges *held = &executor->held.items[index];
    uint32_t record = record_of(executor, held);
    struct executor_question *question = get_question(executor, record);
    bool gives_up = executor->options.without_delayed_io || executor->time_is_short ||
                    held->node == executor->sink;
    switch (gives_up ? EXECUTOR_GIVEN_UP : question->state) {
    case EXECUTOR_TO_ASK:
        return ask(executor, index, question, action);
    case EXECUTOR_TO_WAIT:
        return wait_to_ask(executor, held, question, action);
    case EXECUTOR_ASKING:
    case EXECUTOR_WAITING:
        return false;
    case EXECUTOR_GIVEN_UP:
        return executor_put_for_edges(executor, held, action);
    }
    return false;
}

/* Arrives at a record with all that is held for it; or takes the next step towards that. An arrival
 * that brings all edges promises nothing, since its values are all here. What was made while an
 * answer of the record is awaited waits, too: the two answers could not be told apart, and what
 * is to be held longer would count as delivered. */
static bool step_held(struct executor *executor, size_t index, struct executor_action *action)
{
    struct executor_edges *held = &executor->held.items[index];
    bool is_whole = held->edges == executor_all_edges(executor, held);
    if (is_on_its_way(executor, record_of(executor, held)))
        return false;
    if (held->large && !is_whole && !MUTANT(SIGNAL_BEFORE_PUT)) {
        uint64_t unstored = executor_unstored_edges(executor, held);
        if (unstored)
            return keep_back(executor, index, action);
    }
    send_edges(executor, index, EXECUTOR_ARRIVE, action);
    return true;
}

/* Whether nodes of the same cluster are still to be run here. (Looked for among the last ones:
 * those run next.) Its joins are run here, too, whoever else has edges for them. So nobody waits
 * for what is held for them, and it need not be known whether that work feeds them. */
static bool is_cluster_at_work(const struct executor *executor, uint32_t join)
{
    enum { LOOKED_AT = 4 };
    const uint32_t *cluster = executor->plan->cluster;
    if (!cluster || executor->options.without_clustering || cluster[join] == PLAN_NONE)
        return false;
    for (size_t i = 0; i < executor->runs.count; i++)
        if (cluster[executor->runs.items[i].node] == cluster[join])
            return true;
    for (size_t i = executor->ready.count, n = 0; i-- > 0 && n < LOOKED_AT; n++)
        if (executor->ready.items[i].is_kept &&
            cluster[executor->ready.items[i].node] == cluster[join])
            return true;
    uint32_t queued;
    return executor_peek_queued(executor, &queued) && cluster[queued] == cluster[join];
}

/* Whether a join that nobody else has edges for follows, in its cluster, from others that are held
 * or on their way here. The first of these has a time of its own, at whose end it leaves. */
static bool follows_in_cluster(const struct executor *executor, const struct executor_edges *held)
{
    const uint32_t *cluster = executor->plan->cluster, *waits = executor->plan->waits;
    if (!waits || executor->options.without_clustering || waits[held->node] != PLAN_NONE)
        return false;
    for (const struct executor_edges *lower = held;
         lower-- > executor->held.items + executor->first_held;)
        if (cluster[lower->node] == cluster[held->node] && lower->node < held->node)
            return true;
    for (size_t i = 0; i < executor->pending.count; i++) {
        uint32_t node = executor->pending.items[i].node;
        if (cluster[node] == cluster[held->node] && node < held->node)
            return true;
    }
    return false;
}

static bool is_to_come(const struct executor *executor, const struct executor_edges *held)
{
    size_t count = executor->held.count - executor->first_held;
    if (count <= EXECUTOR_HELD_IN_CLUSTER &&
        (is_cluster_at_work(executor, held->node) || follows_in_cluster(executor, held)))
        return true;
    return count <= EXECUTOR_HELD_LIMIT && is_fed(executor, held);
}

static bool next_held(struct executor *executor, struct executor_action *action)
{
    for (size_t i = executor->first_held; i < executor->held.count; i++)
        if (!is_to_come(executor, &executor->held.items[i]) && step_held(executor, i, action))
            return true;
    return false;
}

/* ---- Actions: what is ready ------------------------------------------------------------------ */

static void remove_ready(struct executor *executor, size_t index)
{
    struct executor_ready *ready = executor->ready.items;
    size_t count = --executor->ready.count;
    for (; index < count; index++)
        ready[index] = ready[index + 1];
}

static bool run(struct executor *executor, size_t index, struct executor_action *action)
{
    struct executor_ready ready = executor->ready.items[index];
    remove_ready(executor, index);
    action->node = ready.node;
    action->kind = EXECUTOR_RUN;
    action->repeats = ready.attempts > 0;
    action->is_stored = ready.is_stored;
    action->becomes = !executor->began_at_node && !action->repeats;
    executor->began_at_node = false;
    vector_push(&executor->runs, ready);
    if (ready.node == executor->sink) {
        action->kind = EXECUTOR_COMMIT;
        executor->settling = true;
    } else {
        executor_expect_fan_out(executor, ready.node);
    }
    return true;
}

/* Of the joins that are owned the plan's preferred one, or the first when no other answer can
 * change the choice; ready.count if the choice must wait, or there is none. */
static size_t choose_ready(const struct executor *executor)
{
    size_t count = executor->ready.count, first = count;
    uint32_t preferred =
        executor->last != PLAN_NONE ? executor->plan->preferred[executor->last] : PLAN_NONE;
    for (size_t i = count; i-- > 0;) {
        const struct executor_ready *ready = &executor->ready.items[i];
        if (!ready->is_kept && ready->node == preferred)
            return i;
        first = ready->is_kept ? first : i;
    }
    return executor->pending.count > 0 ? count : first;
}

static uint32_t count_kept(const struct executor *executor)
{
    uint32_t kept = 0;
    for (size_t i = 0; i < executor->ready.count; i++)
        kept += executor->ready.items[i].is_kept;
    return kept;
}

/* Keeps as many of the owned joins as can be run now; false if it must wait with the decision. */
static bool keep_owned(struct executor *executor)
{
    uint32_t kept = count_kept(executor), tasks = tasks_at_once(executor);
    if (executor->options.without_become || executor->time_is_short)
        return true;
    for (; kept < executor->ready.count && executor->runs.count + kept < tasks; kept++) {
        size_t chosen = choose_ready(executor);
        if (chosen == executor->ready.count)
            return false;
        executor->ready.items[chosen].is_kept = true;
    }
    return true;
}

/* What is not kept is invoked as the same lineage: the records of joins know no other. */
static bool next_invoke(struct executor *executor, struct executor_action *action)
{
    for (size_t i = 0; i < executor->ready.count; i++) {
        uint32_t node = executor->ready.items[i].node;
        if (executor->ready.items[i].is_kept)
            continue;
        if (executor_has_unstored_input(executor, node) && !MUTANT(SIGNAL_BEFORE_PUT)) {
            if (executor_put_for_inputs(executor, node, action))
                return true;
            continue;
        }
        action->kind = EXECUTOR_INVOKE;
        action->node = node;
        action->first = action->end = 0;
        action->lineage = executor->lineage;
        executor->unanswered++;
        remove_ready(executor, i);
        return true;
    }
    return false;
}

/* What was kept last is run first; then what is queued. */
static bool next_kept(struct executor *executor, struct executor_action *action)
{
    uint32_t child;
    if (executor->runs.count >= tasks_at_once(executor))
        return false;
    for (size_t i = executor->ready.count; i-- > 0;)
        if (executor->ready.items[i].is_kept)
            return run(executor, i, action);
    if (!executor_next_queued(executor, &child))
        return false;
    executor->began_at_node = true; /* a part of the start, and no child that it becomes */
    executor_push_ready(executor, &(struct executor_ready){.node = child, .is_kept = true});
    return run(executor, executor->ready.count - 1, action);
}

static bool next_ready(struct executor *executor, struct executor_action *action)
{
    if (executor->time_is_short && executor_invoke_queued(executor, action))
        return true;
    if (executor->ready.count > 0 && keep_owned(executor) && next_invoke(executor, action))
        return true;
    return next_kept(executor, action);
}

/* ---- Actions: the end ------------------------------------------------------------------------ */

static bool fail(struct executor *executor, struct executor_action *action)
{
    action->kind = EXECUTOR_FAIL;
    action->node = executor->failed;
    executor->failed = PLAN_NONE;
    executor->settling = true;
    return true;
}

static bool has_work(const struct executor *executor)
{
    return executor->runs.count > 0 || executor->ready.count > 0 || executor->settling ||
           executor->held.count > executor->first_held || executor->pending.count > 0 ||
           executor->fanouts.count > 0 || executor->unanswered > 0 ||
           executor->queue.next < executor->queue.end;
}

static bool pass(struct executor *executor, struct executor_action *action)
{
    action->kind = EXECUTOR_PASSED;
    action->count = (uint32_t)executor->ran.count;
    action->joins = executor->ran.items;
    executor->ran.count = 0;
    return true;
}

/* A run of the sweeper hands on only what was wanted, so it marks nothing. */
static bool end(struct executor *executor, struct executor_action *action)
{
    if (MUTANT(PASSED_EARLY) && executor->ran.count > 0)
        return pass(executor, action);
    if (executor->ended || has_work(executor))
        return false;
    bool marks = (!executor->stopped || MUTANT(STOPPED_MARKS_PASSED)) && !executor->want;
    if (executor->ran.count > 0 && marks)
        return pass(executor, action);
    executor->ended = true;
    action->kind = EXECUTOR_END;
    return true;
}

bool executor_next_remote(struct executor *executor, struct executor_action *action)
{
    if (executor->failed != PLAN_NONE)
        return fail(executor, action);
    return executor_next_of_fanouts(executor, action) || next_held(executor, action) ||
           next_ready(executor, action) || end(executor, action);
}
