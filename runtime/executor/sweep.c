/* The sweeper's walk, and whom it invokes again; see sweep.h. */
#include "executor/sweep.h"

#include <stdlib.h>

#include "base/memory.h"
#include "executor/mutant.h"

enum {
    AGE = 10000,
    AGE_LIMIT = 32, /* times `age` */
    GIVE_UP = 8,
    MARKS_LIMIT = 40,  /* marks of ranges that are looked at: the first two levels */
    WANT_LIMIT = 2000, /* ranges of nodes in a payload */
};

static uint32_t either(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

static void number_producers(struct sweep *sweep)
{
    const struct dag *dag = sweep->plan->dag;
    sweep->first_producer = memory_new(dag->node_count + 1, sizeof *sweep->first_producer);
    for (uint32_t n = 0; n < dag->node_count; n++)
        sweep->first_producer[n + 1] = sweep->first_producer[n] + dag->nodes[n].producer_count;
    uint64_t edges = sweep->first_producer[dag->node_count];
    sweep->producers = memory_new(edges + 1, sizeof *sweep->producers);
    for (uint32_t n = 0; n < dag->node_count; n++)
        for (uint64_t c = dag->nodes[n].first_child; c < dag->nodes[n + 1].first_child; c++) {
            const struct dag_child *child = &dag->children[c];
            sweep->producers[sweep->first_producer[child->node] + child->bit] = n;
        }
}

void sweep_init(struct sweep *sweep, const struct plan *plan, const struct sweep_options *options,
                uint64_t now)
{
    *sweep = (struct sweep){.plan = plan, .options = *options, .now = now};
    sweep->options.age = either(options->age, AGE);
    sweep->options.ways = either(options->ways, EXECUTOR_WAYS);
    sweep->options.grain = either(options->grain, 1);
    sweep->options.give_up = either(options->give_up, GIVE_UP);
    sweep->nodes = memory_new(plan->dag->node_count, sizeof *sweep->nodes);
    sweep->records = memory_new((size_t)plan->record_count + 1, sizeof *sweep->records);
    number_producers(sweep);
}

static void forget_starts(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->starts.count; i++)
        free(sweep->starts.items[i].ranges);
    sweep->starts.count = sweep->next_start = 0;
}

void sweep_release(struct sweep *sweep)
{
    forget_starts(sweep);
    vector_release(&sweep->starts);
    vector_release(&sweep->names);
    vector_release(&sweep->asked);
    vector_release(&sweep->ends);
    vector_release(&sweep->last_ends);
    free(sweep->nodes);
    free(sweep->records);
    free(sweep->first_producer);
    free(sweep->producers);
}

/* ---- The walk: what to read ------------------------------------------------------------------ */

static void ask_for(struct sweep *sweep, struct sweep_name name)
{
    vector_push(&sweep->names, name);
    sweep->reads++;
}

static void ask_record(struct sweep *sweep, uint32_t node, uint32_t record)
{
    ask_for(sweep, (struct sweep_name){.kind = SWEEP_JOIN, .node = node, .record = record});
}

/* Marks of a wide fan-out: of the whole, and of its parts. Who begins with a range marks what is
 * behind the children that it runs itself. The sources are begun with as ranges. */
static void ask_marks(struct sweep *sweep, uint32_t node)
{
    bool is_root = node == PLAN_NONE;
    uint32_t ways = sweep->options.ways, grain = sweep->options.grain;
    if (!is_root && dag_child_count(sweep->plan->dag, node) <= ways)
        return;
    uint32_t count = is_root ? plan_unit_count(sweep->plan, sweep->options.without)
                             : plan_fan_out(sweep->plan, node, sweep->options.without).invoked;
    if (count <= ways)
        return;
    uint32_t asked = 0, step = plan_first_step(count, ways, is_root ? grain : 1);
    if (!is_root)
        ask_for(sweep, (struct sweep_name){SWEEP_RANGE, node, 0, 0, count});
    for (uint32_t first = 0; first < count && asked < MARKS_LIMIT; first += step, asked++) {
        uint32_t end = step < count - first ? first + step : count;
        if (end - first > grain)
            ask_for(sweep, (struct sweep_name){SWEEP_RANGE, node, 0, first + grain, end});
    }
}

/* All that is to be known of a node is asked for at once, in this order. */
static void visit(struct sweep *sweep, uint32_t node, uint64_t touched)
{
    struct sweep_node *known = &sweep->nodes[node];
    if (touched > known->touched)
        known->touched = touched;
    if (known->walk == sweep->walk)
        return;
    known->walk = sweep->walk;
    known->is_live = known->is_stored = false;
    ask_for(sweep, (struct sweep_name){.kind = SWEEP_HEARTBEAT, .node = node});
    ask_for(sweep, (struct sweep_name){.kind = SWEEP_VALUE, .node = node});
    if (sweep->plan->dag->nodes[node].producer_count > 1)
        ask_record(sweep, node, sweep->plan->first_record[node + 1] - 1);
    ask_marks(sweep, node);
}

void sweep_begin(struct sweep *sweep, uint64_t now)
{
    forget_starts(sweep);
    sweep->walk++;
    sweep->walks++;
    sweep->before = sweep->now;
    sweep->now = now;
    sweep->names.count = 0;
    sweep->last_ends.count = 0;
    for (size_t i = 0; i < sweep->ends.count; i++)
        vector_push(&sweep->last_ends, sweep->ends.items[i]);
    sweep->ends.count = 0;
    ask_marks(sweep, PLAN_NONE);
    visit(sweep, dag_sink(sweep->plan->dag), 0);
}

/* ---- The walk: what was read ----------------------------------------------------------------- */

static void end_at(struct sweep *sweep, uint32_t node, bool is_live)
{
    struct sweep_node *known = &sweep->nodes[node];
    known->is_live = is_live;
    vector_push(&sweep->ends, node);
    if (known->first == 0)
        known->first = known->since = sweep->before + 1;
}

/* Only what was never seen before is a change (P8.3). Where a value is gone behind its bit, each
 * run of the sweeper may leave another owner than the last, and none comes further. */
static void note_record(struct sweep *sweep, uint32_t record, const struct sweep_state *state)
{
    struct sweep_record *known = &sweep->records[record];
    if ((state->bits & ~known->bits) | (state->own_edges & ~known->own_edges))
        known->changed = sweep->now;
    if (MUTANT(OWNERS_ARE_NEWS))
        known->own_edges = 0;
    known->bits |= state->bits;
    known->own_edges |= state->own_edges;
}

/* Follows an edge of a record that is not there: to a producer, or to a record further down. A
 * record that had an owner may have been run: then what changed further on says something about it,
 * too. */
static void follow_edge(struct sweep *sweep, const struct sweep_name *name,
                        const struct join_place *place, unsigned edge, uint64_t touched)
{
    uint32_t first_record = sweep->plan->first_record[name->node];
    uint64_t index = place->first_edge + edge; /* within the level */
    if (place->level == 0) {
        visit(sweep, sweep->producers[sweep->first_producer[name->node] + index], touched);
        return;
    }
    uint32_t below = name->record - first_record - (uint32_t)(place->first_edge / JOIN_WIDTH);
    uint32_t producers = sweep->plan->dag->nodes[name->node].producer_count;
    uint32_t count = (producers + JOIN_WIDTH - 1) / JOIN_WIDTH; /* of records of the level below */
    for (uint32_t level = 1; level < place->level; level++)
        count = (count + JOIN_WIDTH - 1) / JOIN_WIDTH;
    ask_record(sweep, name->node, first_record + below - count + (uint32_t)index);
}

static void follow_record(struct sweep *sweep, const struct sweep_name *name,
                          const struct sweep_state *state)
{
    uint32_t producers = sweep->plan->dag->nodes[name->node].producer_count;
    struct join_place place =
        join_place(producers, name->record - sweep->plan->first_record[name->node]);
    const struct sweep_node *node = &sweep->nodes[name->node];
    note_record(sweep, name->record, state);
    uint64_t touched = sweep->records[name->record].changed;
    if (state->own_edges && node->touched > touched)
        touched = node->touched;
    if (state->own_is_live || (MUTANT(OWNERS_NEVER_DIE) && state->own_edges))
        return;
    uint64_t missing = place.all & ~state->bits;
    for (uint64_t edges = missing & ~state->waiting; edges; edges &= edges - 1)
        follow_edge(sweep, name, &place, (unsigned)__builtin_ctzll(edges), touched);
    if (missing == 0) /* cannot be, unless the store forgot who owned it: any edge brings it on */
        follow_edge(sweep, name, &place, 0, touched);
}

static uint32_t count_marks(const struct sweep_name *names, const struct sweep_state *states,
                            size_t count)
{
    uint32_t marks = 0;
    for (size_t i = 0; i < count && names[i].kind == SWEEP_RANGE; i++)
        marks += states[i].exists;
    return marks;
}

/* Decides about a node by its heartbeat, its value, its root record and its marks, which stand here
 * one after the other. Returns how many of them there are. */
static size_t follow_node(struct sweep *sweep, const struct sweep_name *names,
                          const struct sweep_state *states, size_t left)
{
    uint32_t node = names->node, producers = sweep->plan->dag->nodes[node].producer_count;
    struct sweep_node *known = &sweep->nodes[node];
    size_t used = producers > 1 ? 3 : 2;
    uint32_t marks = count_marks(names + used, states + used, left - used);
    if (marks != known->splits)
        known->touched = sweep->now;
    known->splits = marks;
    if (states[0].exists) {
        end_at(sweep, node, true);
    } else if (states[1].exists || producers == 0) {
        known->is_stored = states[1].exists;
        end_at(sweep, node, false);
    } else if (producers == 1) {
        visit(sweep, sweep->producers[sweep->first_producer[node]], known->touched);
    } else {
        if (states[2].own_is_live)
            end_at(sweep, node, true);
        follow_record(sweep, &names[2], &states[2]);
    }
    while (used < left && names[used].kind == SWEEP_RANGE)
        used++;
    return used;
}

uint32_t sweep_next(struct sweep *sweep, const struct sweep_name **names)
{
    sweep->asked.count = 0;
    for (size_t i = 0; i < sweep->names.count; i++)
        vector_push(&sweep->asked, sweep->names.items[i]);
    sweep->names.count = 0;
    *names = sweep->asked.items;
    return (uint32_t)sweep->asked.count;
}

/* ---- Whom to invoke -------------------------------------------------------------------------- */

static bool is_wanted(const struct sweep *sweep, uint32_t node)
{
    return sweep->nodes[node].walk == sweep->walk && !sweep->nodes[node].is_live;
}

static int compare_nodes(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The nodes as ranges; their number. */
static uint32_t make_ranges(uint32_t *nodes, size_t count, struct node_range *ranges)
{
    uint32_t made = 0;
    qsort(nodes, count, sizeof *nodes, compare_nodes);
    for (size_t i = 0; i < count; i++) {
        if (made > 0 && ranges[made - 1].end == nodes[i])
            ranges[made - 1].end++;
        else
            ranges[made++] = (struct node_range){nodes[i], nodes[i] + 1};
    }
    return made;
}

/* What the walk visited between a candidate and the sink, nearest first. */
static void list_wanted(struct sweep *sweep, uint32_t candidate, uint8_t *taken, size_t *count,
                        uint32_t *nodes)
{
    const struct dag *dag = sweep->plan->dag;
    *count = 1;
    nodes[0] = candidate;
    taken[candidate] = 1;
    for (size_t i = 0; i < *count; i++)
        for (uint64_t c = dag->nodes[nodes[i]].first_child;
             c < dag->nodes[nodes[i] + 1].first_child; c++) {
            uint32_t child = dag->children[c].node;
            if (taken[child] || !is_wanted(sweep, child))
                continue;
            taken[child] = 1;
            nodes[(*count)++] = child;
        }
    for (size_t i = 0; i < *count; i++)
        taken[nodes[i]] = 0;
}

/* Of what does not fit a payload the nearer half is kept: what it leads to is found by later
 * walks. */
static void add_start(struct sweep *sweep, uint32_t candidate, uint8_t *taken, uint32_t *nodes)
{
    struct sweep_start added = {.start = {.node = candidate}};
    size_t count;
    added.start.is_stored = sweep->nodes[candidate].is_stored;
    list_wanted(sweep, candidate, taken, &count, nodes);
    uint32_t *sorted = memory_new(count, sizeof *sorted);
    added.ranges = memory_new(count, sizeof *added.ranges);
    do {
        for (size_t i = 0; i < count; i++)
            sorted[i] = nodes[i];
        added.want.count = make_ranges(sorted, count, added.ranges);
        count = (count + 1) / 2;
    } while (added.want.count > WANT_LIMIT);
    free(sorted);
    added.want.ranges = added.ranges;
    vector_push(&sweep->starts, added);
    sweep->sweeps++;
}

/* Learns how long things take that are not lost: from what is no longer silent, and from what is
 * alive. */
static void learn(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->last_ends.count; i++) {
        struct sweep_node *known = &sweep->nodes[sweep->last_ends.items[i]];
        bool is_gone = known->walk != sweep->walk;
        if ((is_gone || known->is_live) && known->sweeps == 0 && known->first &&
            sweep->now - known->first > sweep->slowest)
            sweep->slowest = sweep->now - known->first;
        if (is_gone)
            known->first = 0;
    }
}

static uint64_t age_limit(const struct sweep *sweep)
{
    uint64_t least = sweep->options.age, most = AGE_LIMIT * least, limit = 2 * sweep->slowest;
    return limit < least ? least : limit > most ? most : limit;
}

static bool is_due(struct sweep *sweep, struct sweep_node *known)
{
    bool is_source = sweep->plan->dag->nodes[known - sweep->nodes].producer_count == 0;
    if (is_source && sweep->root_touched > known->touched)
        known->touched = sweep->root_touched;
    if (known->touched > known->since) {
        known->since = known->touched;
        known->sweeps = 0;
    }
    uint64_t limit = age_limit(sweep), most = (uint64_t)AGE_LIMIT * sweep->options.age;
    limit = known->sweeps < 32 && limit << known->sweeps < most ? limit << known->sweeps : most;
    return sweep->now - known->since > limit;
}

static void choose_starts(struct sweep *sweep)
{
    uint32_t count = sweep->plan->dag->node_count;
    uint8_t *taken = memory_new(count, sizeof *taken);
    uint32_t *nodes = memory_new(count, sizeof *nodes);
    for (size_t i = 0; i < sweep->ends.count; i++) {
        uint32_t node = sweep->ends.items[i];
        struct sweep_node *known = &sweep->nodes[node];
        if (known->is_live || !is_due(sweep, known))
            continue;
        known->since = sweep->now;
        if (++known->sweeps > sweep->options.give_up) {
            sweep->has_given_up = true;
            sweep->given_up = node;
        }
        add_start(sweep, node, taken, nodes);
    }
    free(taken);
    free(nodes);
}

void sweep_tell(struct sweep *sweep, const struct sweep_state *states)
{
    size_t count = sweep->asked.count, first = 0;
    if (count > 0 && sweep->asked.items[0].kind == SWEEP_RANGE) {
        uint32_t splits = count_marks(sweep->asked.items, states, count);
        if (splits != sweep->root_splits)
            sweep->root_touched = sweep->now;
        sweep->root_splits = splits;
        while (sweep->asked.items[first].kind == SWEEP_RANGE)
            first++;
    }
    for (size_t i = first; i < count;) {
        const struct sweep_name *name = &sweep->asked.items[i];
        if (name->kind == SWEEP_HEARTBEAT) {
            i += follow_node(sweep, name, &states[i], count - i);
            continue;
        }
        follow_record(sweep, name, &states[i]);
        i++;
    }
    if (sweep->names.count > 0)
        return;
    learn(sweep);
    choose_starts(sweep);
}

bool sweep_run(struct sweep *sweep, struct executor_start *start)
{
    if (sweep->next_start == sweep->starts.count)
        return false;
    struct sweep_start *next = &sweep->starts.items[sweep->next_start++];
    *start = next->start;
    start->want = &next->want;
    return true;
}

bool sweep_has_given_up(const struct sweep *sweep, uint32_t *node)
{
    *node = sweep->given_up;
    return sweep->has_given_up;
}
