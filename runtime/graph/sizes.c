/* Sizes of results' parts; see sizes.h. */
#include "graph/sizes.h"

#include <string.h>

#include "base/memory.h"

uint64_t dag_source_bytes(const struct dag *dag, dag_ref ref)
{
    const struct dag_view *view = &dag->views[dag_ref_view(ref)];
    if (view->source_rank == 0)
        return dag_ref_bytes(dag, ref);
    uint64_t bytes = view->scalar < WK_SCALAR_COUNT ? wk_scalar_bytes((enum wk_scalar)view->scalar)
                                                    : sizeof(uint64_t);
    const int64_t *selection = dag->view_words + view->first_word + view->rank;
    for (uint32_t d = 0; d < view->source_rank; d++) {
        int64_t begin = selection[2 * d], count = selection[2 * d + 1];
        uint64_t reach = (uint64_t)begin + (count < 0 ? 1 : (uint64_t)count);
        if (__builtin_mul_overflow(bytes, reach, &bytes))
            return UINT64_MAX;
    }
    return bytes;
}

/* Nodes that are looked at soon are fetched: they lie apart. */
static inline void fetch_ahead(const struct dag *dag, uint64_t at, uint64_t count)
{
    enum { AHEAD = 32 };
    if (at + AHEAD < count && dag_ref_is_node(dag->refs[at + AHEAD]))
        __builtin_prefetch(&dag->nodes[dag_ref_source(dag->refs[at + AHEAD])].first_part);
}

uint64_t *dag_part_sizes(const struct dag *dag)
{
    uint64_t *sizes = memory_table((size_t)dag->part_count + 1, sizeof *sizes);
    memset(sizes, 0, ((size_t)dag->part_count + 1) * sizeof *sizes);
    uint64_t count = dag->nodes[dag->node_count].first_ref;
    for (uint64_t r = 0; r < count; r++) {
        dag_ref ref = dag->refs[r];
        fetch_ahead(dag, r, count);
        if (!dag_ref_is_node(ref) || dag->views[dag_ref_view(ref)].is_unit)
            continue;
        uint64_t bytes = dag_source_bytes(dag, ref), *known = &sizes[dag_part(dag, ref)];
        *known = bytes > *known ? bytes : *known;
    }
    return sizes;
}
