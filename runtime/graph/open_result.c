/*
 * Results that nobody joins. Where executors have memories of their own, a result that untile,
 * concat or flatten joins from arrays that tasks make would first travel to an executor that has
 * room for all of it, and then to the client. So the sink takes the arrays instead, each of which
 * is stored by whoever made it, and the client lays them out (world/pieces.h).
 *
 * The sink is then of the kind of the join: its task has the join's symbol and parameters (D24).
 */
#include <string.h>

#include "graph/builder.h"
#include "graph/joined.h"

enum { LARGE_ARRAYS = 16 << 10 }; /* bytes on average; smaller ones are better joined than stored */

/* The node of the one array that the sink takes, all of it; UINT32_MAX if its result is another. */
static uint32_t find_result(const struct dag *dag, const struct dag_node *sink)
{
    const uint32_t *codes = dag->pattern_codes + dag->patterns[sink->pattern];
    uint32_t count = dag->patterns[sink->pattern + 1] - dag->patterns[sink->pattern];
    for (uint32_t c = 0; c < count; c++)
        if (codes[c] != (c ? DAG_ARG_ORDER : DAG_ARG_REF))
            return UINT32_MAX;
    dag_ref result = count ? dag->refs[sink->first_ref] : DAG_CONSTANT;
    const struct dag_view *view = &dag->views[dag_ref_view(result)];
    return count && dag_ref_is_node(result) && view->rank > 0 && view->source_rank == 0
               ? dag_ref_source(result)
               : UINT32_MAX;
}

/* Whether another node than the sink reads it. */
static bool is_read_elsewhere(const struct dag *dag, uint32_t node, const struct dag_node *sink)
{
    for (uint64_t r = 0; r < sink->first_ref; r++)
        if (dag_ref_is_node(dag->refs[r]) && dag_ref_source(dag->refs[r]) == node)
            return true;
    return false;
}

/* Whether the arrays are worth a stored value each: large, and none a slice of a larger one. */
static bool is_worth_opening(const struct dag *dag, uint32_t node)
{
    uint64_t bytes = 0, begin = dag->nodes[node].first_ref, end = dag->nodes[node + 1].first_ref;
    for (uint64_t r = begin; r < end; r++) {
        const struct dag_view *view = &dag->views[dag_ref_view(dag->refs[r])];
        if (!dag_ref_is_node(dag->refs[r]) || view->source_rank > 0)
            return false;
        bytes += dag_ref_bytes(dag, dag->refs[r]);
    }
    return bytes / (end - begin) >= LARGE_ARRAYS;
}

/* The sink's arguments: those of the node, then its orders. */
static void take_arguments(struct dag_builder *b, uint32_t node)
{
    struct dag_node *sink = &vector_last(&b->nodes);
    const struct dag_node *join = &b->nodes.items[node];
    uint64_t refs = join[1].first_ref - join->first_ref;
    uint32_t first = b->patterns.items[sink->pattern],
             orders = b->patterns.items[sink->pattern + 1] - first - 1;
    VECTOR(uint32_t) codes = {0};
    vector_push(&codes, b->pattern_codes.items[b->patterns.items[join->pattern]]);
    for (uint32_t i = 0; i < orders; i++)
        vector_push(&codes, DAG_ARG_ORDER);
    vector_reserve(&b->refs, refs);
    dag_ref *to = b->refs.items + sink->first_ref;
    memmove(to + refs, to + 1, orders * sizeof *to);
    memcpy(to, b->refs.items + join->first_ref, refs * sizeof *to);
    b->refs.count = sink->first_ref + refs + orders;
    for (uint64_t w = join->first_word; w < join[1].first_word; w++)
        dag_add_word(b, b->words.items[w]);
    sink->pattern = dag_add_pattern(b, codes.items, (uint32_t)codes.count);
    b->tasks.items[DAG_RESULT].symbol = b->tasks.items[join->task].symbol;
    b->tasks.items[DAG_RESULT].parameter_types = b->tasks.items[join->task].parameter_types;
    vector_release(&codes);
}

void dag_open_result(struct dag_builder *b)
{
    struct dag dag = dag_so_far(b);
    const struct dag_node *sink = &vector_last(&b->nodes);
    uint32_t node = find_result(&dag, sink);
    struct joined joined = {0};
    if (node == UINT32_MAX || is_read_elsewhere(&dag, node, sink))
        return;
    uint64_t refs = b->nodes.items[node + 1].first_ref - b->nodes.items[node].first_ref;
    if (joined_find(&dag, node, refs, &joined) && joined.gather_rank > 0 &&
        is_worth_opening(&dag, node))
        take_arguments(b, node);
    joined_release(&joined);
}
