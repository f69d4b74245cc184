/* Results in pieces; see pieces.h. */
#include "world/pieces.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- Finding them -------------------------------------------------------------------------- */

/* The one array that the sink takes, whole, and that nothing else reads: its node; or PLAN_NONE. */
static uint32_t find_whole_result(const struct dag *dag)
{
    uint32_t sink = dag_sink(dag), pattern = dag->nodes[sink].pattern;
    uint32_t found = PLAN_NONE;
    uint64_t ref = dag->nodes[sink].first_ref;
    for (uint32_t c = dag->patterns[pattern]; c < dag->patterns[pattern + 1]; c++, ref++) {
        uint32_t code = dag->pattern_codes[c];
        if (code == DAG_ARG_ORDER)
            continue;
        if (code != DAG_ARG_REF || found != PLAN_NONE || !dag_ref_is_node(dag->refs[ref]))
            return PLAN_NONE;
        const struct dag_view *view = &dag->views[dag_ref_view(dag->refs[ref])];
        if (view->source_rank > 0 || view->rank == 0)
            return PLAN_NONE;
        found = dag_ref_source(dag->refs[ref]);
    }
    return found != PLAN_NONE && dag_child_count(dag, found) == 1 ? found : PLAN_NONE;
}

/* ---- The order by node --------------------------------------------------------------------- */

static int compare_sources(const void *a, const void *b, void *dag)
{
    const dag_ref *refs = ((const struct dag *)dag)->refs;
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    uint32_t source_x = dag_ref_source(refs[x]), source_y = dag_ref_source(refs[y]);
    if (source_x != source_y)
        return source_x < source_y ? -1 : 1;
    return x < y ? -1 : x > y;
}

static void order_by_node(struct pieces *pieces)
{
    pieces->by_node = memory_new(pieces->count, sizeof *pieces->by_node);
    for (uint64_t i = 0; i < pieces->count; i++)
        pieces->by_node[i] = pieces->joined.first_ref + i;
    struct dag dag = *pieces->dag;
    qsort_r(pieces->by_node, pieces->count, sizeof *pieces->by_node, compare_sources, &dag);
}

/* The place of the first ref whose source is not below a number. */
static uint64_t lower_bound(const struct pieces *pieces, uint32_t source)
{
    uint64_t low = 0, high = pieces->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (dag_ref_source(pieces->dag->refs[pieces->by_node[middle]]) < source)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t pieces_of(const struct pieces *pieces, uint32_t node, uint64_t *count)
{
    uint64_t place = lower_bound(pieces, node);
    *count = lower_bound(pieces, node + 1) - place;
    return place;
}

uint64_t pieces_of_inputs(const struct pieces *pieces, uint64_t *count)
{
    uint64_t place = lower_bound(pieces, DAG_INPUT);
    *count = pieces->count - place;
    return place;
}

/* ---- Their life ---------------------------------------------------------------------------- */

static int begin(struct pieces *pieces, uint32_t joint, struct job_output *output,
                 struct error *error)
{
    int code = output->begin(output, pieces->joined.rank, pieces->joined.extents, error);
    if (code)
        return code;
    pieces->joint = joint;
    pieces->count = pieces->joined.grid[0] * pieces->joined.grid[1];
    order_by_node(pieces);
    pieces->output = output;
    return 0;
}

int pieces_init(struct pieces *pieces, const struct dag *dag, struct job_output *output,
                struct error *error)
{
    *pieces = (struct pieces){.dag = dag, .joint = PLAN_NONE};
    uint32_t node = output ? find_whole_result(dag) : PLAN_NONE;
    if (node == PLAN_NONE || !joined_find(dag, node, dag_ref_count(dag, node), &pieces->joined))
        return 0;
    return begin(pieces, node, output, error);
}

bool pieces_are_open(const struct dag *dag)
{
    return dag_join_of(dag_string(dag, dag->tasks[DAG_RESULT].symbol)) != DAG_JOIN_NONE;
}

int pieces_init_open(struct pieces *pieces, const struct dag *dag, struct job_output *output,
                     struct error *error)
{
    *pieces = (struct pieces){.dag = dag, .joint = PLAN_NONE};
    uint32_t sink = dag_sink(dag), pattern = dag->nodes[sink].pattern;
    uint32_t orders = dag->patterns[pattern + 1] - dag->patterns[pattern] - 1;
    if (!joined_find(dag, sink, dag_ref_count(dag, sink) - orders, &pieces->joined))
        bug("an open result's arrays do not fit");
    return begin(pieces, sink, output, error);
}

void pieces_release(struct pieces *pieces)
{
    joined_release(&pieces->joined);
    free(pieces->by_node);
}

int pieces_write(const struct pieces *pieces, uint64_t place, struct binder *binder)
{
    const struct joined *joined = &pieces->joined;
    uint64_t ref = pieces->by_node[place], piece = ref - joined->first_ref;
    uint64_t at[2] = {piece / joined->grid[1], piece % joined->grid[1]};
    uint64_t words[1 + WK_MAX_RANK];
    int64_t begin[WK_MAX_RANK] = {0}, count[WK_MAX_RANK];
    int code = bind_reference(binder, pieces->dag->refs[ref], words);
    if (code)
        return code;
    for (unsigned d = 0; d < joined->grid_rank; d++)
        begin[d] = joined->begins[d][at[d]];
    for (unsigned d = 0; d < joined->rank; d++) {
        count[d] = (int64_t)words[1 + d];
        if (count[d] != joined_extent(joined, piece, d))
            return error_set(&binder->context->error, ERR_bad_stored_value,
                             "a piece of the result has another shape than the graph says");
    }
    return pieces->output->write(pieces->output, begin, count, (const void *)(uintptr_t)words[0],
                                 &binder->context->error);
}

/* ---- Pieces without a file ------------------------------------------------------------------ */

static int begin_block(struct job_output *output, uint8_t rank, const int64_t *extents,
                       struct error *error)
{
    struct pieces_block *o = (struct pieces_block *)output;
    o->block = context_new_array(o->context, o->scalar, rank, extents);
    if (!o->block) {
        *error = o->context->error;
        return (int)error->code;
    }
    o->words[0] = (uintptr_t)o->block + WK_HEADER_BYTES;
    memcpy(o->words + 1, extents, rank * sizeof *extents);
    return 0;
}

/* Copies a piece along its last dimension, row by row. */
static int copy_piece(struct job_output *output, const int64_t *begin, const int64_t *count,
                      const void *data, struct error *error)
{
    const struct pieces_block *o = (const struct pieces_block *)output;
    const uint32_t element_bytes = wk_scalar_bytes(o->scalar);
    const unsigned rank = o->block->rank;
    char *to = block_data(o->block);
    const char *from = data;
    int64_t rows = 1, at[WK_MAX_RANK] = {0};
    size_t bytes = (size_t)count[rank - 1] * element_bytes;
    (void)error;
    for (unsigned d = 0; d + 1 < rank; d++)
        rows *= count[d];
    for (int64_t row = 0; row < rows && bytes > 0; row++, from += bytes) {
        int64_t place = 0;
        for (unsigned d = 0; d < rank; d++)
            place = place * o->block->extents[d] + begin[d] + at[d];
        memcpy(to + (size_t)place * element_bytes, from, bytes);
        for (unsigned d = rank - 1; d-- > 0 && ++at[d] == count[d];)
            at[d] = 0;
    }
    return 0;
}

struct pieces_block pieces_in_block(const struct job *job, struct context *context, uint64_t *words)
{
    const struct type *type = job->result_type;
    return (struct pieces_block){.output = {begin_block, copy_piece},
                                 .context = context,
                                 .words = words,
                                 .scalar = type->element ? type->element->scalar : WK_F64};
}
