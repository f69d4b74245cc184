/* What all readers of a DAG share; see dag.h. */
#include "graph/dag.h"

#include <stdlib.h>
#include <sys/mman.h>

/* A built DAG owns its tables, which the rest of the program may only read. */
static void free_table(const void *table)
{
    free((void *)(uintptr_t)table);
}

void dag_release(struct dag *dag)
{
    if (dag->is_mapped) {
        munmap(dag->memory, dag->memory_bytes);
    } else {
        free_table(dag->nodes);
        free_table(dag->refs);
        free_table(dag->words);
        free_table(dag->children);
        free_table(dag->patterns);
        free_table(dag->pattern_codes);
        free_table(dag->views);
        free_table(dag->view_words);
        free_table(dag->constants);
        free_table(dag->data);
        free_table(dag->inputs);
        free_table(dag->tasks);
        free_table(dag->sites);
        free_table(dag->scopes);
        free_table(dag->strings);
    }
    *dag = (struct dag){0};
}

enum { UNKNOWN_EXTENT = 1024 };

uint64_t dag_ref_bytes(const struct dag *dag, dag_ref ref)
{
    const struct dag_view *view = &dag->views[dag_ref_view(ref)];
    if (view->is_unit)
        return 0;
    uint64_t bytes = view->scalar == DAG_OPAQUE ? sizeof(uint64_t)
                                                : wk_scalar_bytes((enum wk_scalar)view->scalar);
    for (uint32_t d = 0; d < view->rank; d++) {
        int64_t extent = dag->view_words[view->first_word + d];
        uint64_t factor = extent < 0 ? UNKNOWN_EXTENT : (uint64_t)extent;
        if (__builtin_mul_overflow(bytes, factor, &bytes))
            return UINT64_MAX;
    }
    return bytes;
}
