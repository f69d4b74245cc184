/*
 * Pass "slices": which edges carry slices.
 *
 * A task may read a border of a large value and nothing else of it. Where it runs in another
 * executor, the border travels inline like a small value, and the large one stays where it was
 * made. So that everybody knows what is promised by which message, the plan says it: an edge
 * carries slices if all that its consumer reads of the producer's value are selections (and
 * scalars), of no more bytes together than what travels inline. The selections of one task are few
 * and are not many bytes, so that they fit an event whatever else goes with it.
 *
 * Within a cluster nothing travels, and all of a join's values are waited for together.
 */
#include "graph/plan_pass.h"

#include <stdlib.h>

#include "base/memory.h"

enum {
    MOST_REFS = PLAN_SLICES, /* of a task whose edges may carry slices */
    MOST_EDGES = 16, /* all selections of a task have so many times the inline bytes at most */
};

static uint64_t larger_than(uint64_t limit)
{
    return limit < UINT64_MAX ? limit + 1 : limit;
}

/* The bytes of a reference that a slice can stand for: a selection, a scalar or nothing. Of others
 * more than the limit. */
static uint64_t slice_bytes(const struct dag *dag, dag_ref ref, uint64_t limit)
{
    const struct dag_view *view = &dag->views[dag_ref_view(ref)];
    bool is_whole = view->source_rank == 0 && view->rank > 0;
    if (view->is_unit)
        return 0;
    if (is_whole || view->scalar == DAG_OPAQUE)
        return larger_than(limit);
    for (uint32_t d = 0; d < view->rank; d++)
        if (dag->view_words[view->first_word + d] < 0)
            return larger_than(limit);
    return dag_ref_bytes(dag, ref);
}

static bool is_selection(const struct dag *dag, dag_ref ref)
{
    return dag_ref_is_node(ref) && dag->views[dag_ref_view(ref)].source_rank > 0;
}

/* Whether a node has selections, and they are few and not large. */
static bool may_read_slices(const struct dag *dag, uint32_t node, uint64_t limit)
{
    uint64_t first = dag->nodes[node].first_ref, end = dag->nodes[node + 1].first_ref, bytes = 0;
    bool has_any = false;
    if (end - first > MOST_REFS)
        return false;
    for (uint64_t r = first; r < end; r++) {
        if (!is_selection(dag, dag->refs[r]))
            continue;
        uint64_t more = slice_bytes(dag, dag->refs[r], limit);
        bytes = plan_add_ns(bytes, more <= limit ? more : 0);
        has_any = true;
    }
    return has_any && (bytes == 0 || (bytes - 1) / MOST_EDGES < limit);
}

/* Whether all that a node reads of a producer are slices, of so many bytes at most, and some are.
 */
static bool reads_slices(const struct dag *dag, uint32_t node, uint32_t producer, uint64_t limit)
{
    uint64_t bytes = 0;
    bool has_any = false;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        if (dag_ref_source(dag->refs[r]) != producer)
            continue;
        bytes = plan_add_ns(bytes, slice_bytes(dag, dag->refs[r], limit));
        has_any |= is_selection(dag, dag->refs[r]);
    }
    return has_any && bytes <= limit;
}

static void mark_edges(struct plan *plan, uint32_t node, uint64_t limit)
{
    const struct dag *dag = plan->dag;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        uint32_t producer = dag_ref_source(dag->refs[r]);
        if (!is_selection(dag, dag->refs[r]) || !reads_slices(dag, node, producer, limit))
            continue;
        if (!plan->slices)
            plan->slices =
                memory_new(dag->nodes[dag->node_count].first_child / 64 + 1, sizeof *plan->slices);
        uint64_t edge = dag_edge(dag, producer, node);
        plan->slices[edge / 64] |= UINT64_C(1) << (edge % 64);
    }
}

/* The result is bound by the client, who wants whole values. */
void plan_pass_slices(struct plan_work *work)
{
    uint64_t limit = work->platform->inline_bytes;
    if (!plan_has_executors(work) || limit == 0)
        return;
    for (uint32_t n = 0; n < dag_sink(work->dag); n++)
        if (may_read_slices(work->dag, n, limit))
            mark_edges(work->plan, n, limit);
}

/* Drops the marks of a node's edges to nodes of its own cluster. */
static void unmark_edges(struct plan *plan, uint32_t node)
{
    const struct dag *dag = plan->dag;
    uint64_t first = dag->nodes[node].first_child, end = dag->nodes[node + 1].first_child;
    for (uint64_t edge = first; edge < end; edge++)
        if (plan->cluster[dag->children[edge].node] == plan->cluster[node])
            plan->slices[edge / 64] &= ~(UINT64_C(1) << (edge % 64));
}

/* ---- Whether clusters stay together ----------------------------------------------------------
 */

/* How a cluster begins: with its sources, or with nodes of which all producers are elsewhere. */
struct beginning {
    bool has_sources;
    uint32_t others;
};

/* Which nodes have a producer of their cluster, by node. */
static uint8_t *find_followers(const struct plan *plan)
{
    const struct dag *dag = plan->dag;
    uint8_t *follows = memory_new(dag->node_count, 1);
    for (uint32_t n = 0; n < dag_sink(dag); n++)
        for (uint64_t c = dag->nodes[n].first_child; c < dag->nodes[n + 1].first_child; c++)
            follows[dag->children[c].node] |=
                plan->cluster[dag->children[c].node] == plan->cluster[n];
    return follows;
}

/* Whoever is the last to arrive at a join that begins a cluster runs it, or has it invoked when all
 * else is done: then all that follows is late. And a cluster that begins twice is in two executors.
 */
static bool is_scattered(const struct plan *plan)
{
    const struct dag *dag = plan->dag;
    uint8_t *follows = find_followers(plan);
    struct beginning *beginnings = memory_new(dag->node_count, sizeof *beginnings);
    bool found = false;
    for (uint32_t n = 0; n < dag_sink(dag) && !found; n++) {
        uint32_t producers = dag->nodes[n].producer_count;
        if (plan->cluster[n] == PLAN_NONE || follows[n])
            continue;
        struct beginning *at = &beginnings[plan->cluster[n]];
        at->has_sources |= producers == 0;
        at->others += producers > 0;
        found = producers > 1 || at->others + at->has_sources > 1;
    }
    free(beginnings);
    free(follows);
    return found;
}

void plan_pass_apart(struct plan_work *work)
{
    struct plan *plan = work->plan;
    bool is_second = work->slices != NULL;
    if (is_second) {
        plan->slices = work->slices;
        work->slices = NULL;
    }
    if (!plan->slices || !plan->cluster)
        return;
    plan_count_steps(work, work->dag->nodes[work->dag->node_count].first_child);
    if (!is_second && is_scattered(plan)) {
        work->slices = plan->slices;
        plan->slices = NULL;
        free(plan->cluster);
        plan->cluster = NULL;
        work->goes_back = true;
        return;
    }
    for (uint32_t n = 0; n < dag_sink(work->dag); n++)
        if (plan->cluster[n] != PLAN_NONE)
            unmark_edges(plan, n);
}
