/* Layouts of joined arrays; see joined.h. */
#include "graph/joined.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum dag_join dag_join_of(const char *symbol)
{
    static const struct {
        const char *prefix;
        enum dag_join join;
    } tasks[] = {{"op.untile.", DAG_JOIN_UNTILE},
                 {"op.concat.", DAG_JOIN_CONCAT},
                 {"op.flatten.", DAG_JOIN_FLATTEN}};
    for (size_t t = 0; t < sizeof tasks / sizeof *tasks; t++)
        if (strncmp(symbol, tasks[t].prefix, strlen(tasks[t].prefix)) == 0)
            return tasks[t].join;
    return DAG_JOIN_NONE;
}

/* The grid of a gather, of rank 2 for untile, 1 for concat, any for flatten. */
static bool find_gather(const struct dag *dag, const struct dag_node *node, uint32_t code,
                        struct joined *joined)
{
    uint32_t rank = code >> DAG_ARG_RANK_SHIFT;
    if ((code & DAG_ARG_KIND) != DAG_ARG_GATHER ||
        (joined->join != DAG_JOIN_FLATTEN && rank != joined->grid_rank))
        return false;
    joined->gather_rank = (uint8_t)rank;
    joined->grid[0] = joined->grid[1] = 1;
    for (uint32_t d = 0; d < rank; d++)
        joined->grid[joined->grid_rank == 2 && d == 1] *= dag->words[node->first_word + d];
    return true;
}

/* The grid: of a gather, or of the two arguments of concat(a, b). */
static bool find_grid(const struct dag *dag, const struct dag_node *node, uint64_t refs,
                      struct joined *joined)
{
    uint32_t first = dag->patterns[node->pattern];
    uint32_t codes = dag->patterns[node->pattern + 1] - first;
    const uint32_t *code = dag->pattern_codes + first;
    while (codes > 0 && code[codes - 1] == DAG_ARG_ORDER)
        codes--;
    joined->join = dag_join_of(dag_string(dag, dag->tasks[node->task].symbol));
    joined->first_ref = node->first_ref;
    joined->grid_rank = joined->join == DAG_JOIN_UNTILE ? 2 : 1;
    if (joined->join == DAG_JOIN_CONCAT && codes == 2 && code[0] == DAG_ARG_REF &&
        code[1] == DAG_ARG_REF) {
        joined->grid[0] = 2;
        joined->grid[1] = 1;
    } else if (joined->join == DAG_JOIN_NONE || codes != 1 ||
               !find_gather(dag, node, code[0], joined)) {
        return false;
    }
    return refs > 0 && joined->grid[0] * joined->grid[1] == refs;
}

static const int64_t *extents_of(const struct dag *dag, const struct joined *joined, uint64_t array)
{
    const struct dag_view *view = &dag->views[dag_ref_view(dag->refs[joined->first_ref + array])];
    return dag->view_words + view->first_word;
}

/* Whether all arrays are of one type of scalars, with extents that are known. */
static bool are_alike(const struct dag *dag, struct joined *joined, uint64_t count)
{
    const dag_ref *refs = dag->refs + joined->first_ref;
    const struct dag_view *first = &dag->views[dag_ref_view(refs[0])];
    joined->rank = first->rank;
    joined->scalar = first->scalar;
    for (uint64_t i = 0; i < count; i++) {
        const struct dag_view *view = &dag->views[dag_ref_view(refs[i])];
        if (view->is_unit || view->scalar == DAG_OPAQUE || view->scalar != first->scalar ||
            view->rank != first->rank)
            return false;
        for (unsigned d = 0; d < view->rank; d++)
            if (extents_of(dag, joined, i)[d] < 0)
                return false;
    }
    return true;
}

/* Where the arrays of the first column or row begin; false if there is no such length. */
static bool lay_out(const struct dag *dag, struct joined *joined, unsigned dimension)
{
    uint64_t step = dimension == 0 ? joined->grid[1] : 1, count = joined->grid[dimension];
    int64_t *begins = memory_new(count + 1, sizeof *begins);
    joined->begins[dimension] = begins;
    for (uint64_t i = 0; i < count; i++)
        if (__builtin_add_overflow(begins[i], extents_of(dag, joined, i * step)[dimension],
                                   &begins[i + 1]))
            return false;
    joined->extents[dimension] = begins[count];
    return true;
}

bool joined_find(const struct dag *dag, uint32_t node, uint64_t refs, struct joined *joined)
{
    *joined = (struct joined){0};
    if (!find_grid(dag, &dag->nodes[node], refs, joined) || !are_alike(dag, joined, refs))
        return false;
    if (joined->rank < joined->grid_rank || (joined->join == DAG_JOIN_FLATTEN && joined->rank != 1))
        return false;
    memcpy(joined->extents, extents_of(dag, joined, 0), joined->rank * sizeof(int64_t));
    for (unsigned d = 0; d < joined->grid_rank; d++)
        if (!lay_out(dag, joined, d))
            return false;
    for (uint64_t i = 0; i < refs; i++)
        for (unsigned d = 0; d < joined->rank; d++)
            if (extents_of(dag, joined, i)[d] != joined_extent(joined, i, d))
                return false;
    return true;
}

void joined_release(struct joined *joined)
{
    free(joined->begins[0]);
    free(joined->begins[1]);
}
