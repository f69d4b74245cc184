/* Results in pieces; see pieces.h. */
#include "world/pieces.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- Finding them -------------------------------------------------------------------------- */

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

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

/* Whether the node joins a gather of arrays of one rank, which becomes the grid of the pieces. */
static bool is_joint(struct pieces *pieces, uint32_t node)
{
    const struct dag *dag = pieces->dag;
    const struct dag_node *joint = &dag->nodes[node];
    const char *symbol = dag_string(dag, dag->tasks[joint->task].symbol);
    bool untiles = begins_with(symbol, DAG_SYMBOL_UNTILE);
    uint32_t first = dag->patterns[joint->pattern];
    if ((!untiles && !begins_with(symbol, DAG_SYMBOL_CONCAT)) ||
        dag->patterns[joint->pattern + 1] != first + 1)
        return false;
    uint32_t code = dag->pattern_codes[first], rank = code >> DAG_ARG_RANK_SHIFT;
    if ((code & DAG_ARG_KIND) != DAG_ARG_GATHER || rank != (untiles ? 2 : 1))
        return false;
    pieces->joint = node;
    pieces->first_ref = joint->first_ref;
    pieces->grid[0] = dag->words[joint->first_word];
    pieces->grid[1] = untiles ? dag->words[joint->first_word + 1] : 1;
    return pieces->grid[0] * pieces->grid[1] == dag_ref_count(dag, node) &&
           dag_ref_count(dag, node) > 0;
}

static const struct dag_view *piece_view(const struct pieces *pieces, uint64_t piece)
{
    const struct dag *dag = pieces->dag;
    return &dag->views[dag_ref_view(dag->refs[pieces->first_ref + piece])];
}

static int64_t piece_extent(const struct pieces *pieces, uint64_t piece, unsigned dimension)
{
    return pieces->dag->view_words[piece_view(pieces, piece)->first_word + dimension];
}

/* How many leading dimensions the pieces are laid out along. */
static unsigned grid_rank(const struct pieces *pieces)
{
    return pieces->begins[1] ? 2 : 1;
}

/* Where the pieces of the first row or column begin; their sum is the result's extent. */
static void lay_out(struct pieces *pieces, unsigned dimension)
{
    uint64_t step = dimension == 0 ? pieces->grid[1] : 1;
    int64_t at = 0;
    pieces->begins[dimension] = memory_new(pieces->grid[dimension] + 1, sizeof(int64_t));
    for (uint64_t i = 0; i < pieces->grid[dimension]; i++) {
        pieces->begins[dimension][i] = at;
        at += piece_extent(pieces, i * step, dimension);
    }
    pieces->begins[dimension][pieces->grid[dimension]] = at;
    pieces->extents[dimension] = at;
}

static int64_t expected_extent(const struct pieces *pieces, uint64_t piece, unsigned dimension)
{
    if (dimension >= grid_rank(pieces))
        return pieces->extents[dimension];
    uint64_t at = dimension == 0 ? piece / pieces->grid[1] : piece % pieces->grid[1];
    return pieces->begins[dimension][at + 1] - pieces->begins[dimension][at];
}

/* Whether all extents are known, and those of the first row and column are those of all. */
static bool fits_grid(const struct pieces *pieces)
{
    uint64_t count = pieces->grid[0] * pieces->grid[1];
    for (uint64_t piece = 0; piece < count; piece++) {
        if (piece_view(pieces, piece)->rank != pieces->rank)
            return false;
        for (unsigned d = 0; d < pieces->rank; d++)
            if (piece_extent(pieces, piece, d) < 0 ||
                piece_extent(pieces, piece, d) != expected_extent(pieces, piece, d))
                return false;
    }
    return true;
}

static bool has_known_extents(const struct pieces *pieces, uint64_t piece)
{
    for (unsigned d = 0; d < pieces->rank; d++)
        if (piece_extent(pieces, piece, d) < 0)
            return false;
    return true;
}

static bool find_grid(struct pieces *pieces, bool untiles)
{
    pieces->rank = piece_view(pieces, 0)->rank;
    if (pieces->rank < (untiles ? 2 : 1) || !has_known_extents(pieces, 0))
        return false;
    for (unsigned d = 0; d < pieces->rank; d++)
        pieces->extents[d] = piece_extent(pieces, 0, d);
    lay_out(pieces, 0);
    if (untiles)
        lay_out(pieces, 1);
    return fits_grid(pieces);
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
    uint64_t count = pieces->grid[0] * pieces->grid[1];
    pieces->by_node = memory_new(count, sizeof *pieces->by_node);
    for (uint64_t i = 0; i < count; i++)
        pieces->by_node[i] = pieces->first_ref + i;
    struct dag dag = *pieces->dag;
    qsort_r(pieces->by_node, count, sizeof *pieces->by_node, compare_sources, &dag);
}

/* The place of the first ref whose source is not below a number. */
static uint64_t lower_bound(const struct pieces *pieces, uint32_t source)
{
    uint64_t low = 0, high = pieces->grid[0] * pieces->grid[1];
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
    *count = pieces->grid[0] * pieces->grid[1] - place;
    return place;
}

/* ---- Their life ---------------------------------------------------------------------------- */

int pieces_init(struct pieces *pieces, const struct dag *dag, struct job_output *output,
                struct error *error)
{
    *pieces = (struct pieces){.dag = dag, .joint = PLAN_NONE};
    uint32_t node = output ? find_whole_result(dag) : PLAN_NONE;
    if (node == PLAN_NONE || !is_joint(pieces, node))
        return 0;
    const char *symbol = dag_string(dag, dag->tasks[dag->nodes[node].task].symbol);
    if (!find_grid(pieces, begins_with(symbol, DAG_SYMBOL_UNTILE)))
        return 0;
    int code = output->begin(output, pieces->rank, pieces->extents, error);
    if (code)
        return code;
    order_by_node(pieces);
    pieces->output = output;
    return 0;
}

void pieces_release(struct pieces *pieces)
{
    free(pieces->begins[0]);
    free(pieces->begins[1]);
    free(pieces->by_node);
}

int pieces_write(const struct pieces *pieces, uint64_t place, struct binder *binder)
{
    uint64_t ref = pieces->by_node[place], piece = ref - pieces->first_ref;
    uint64_t words[1 + WK_MAX_RANK];
    int64_t begin[WK_MAX_RANK] = {0}, count[WK_MAX_RANK];
    int code = bind_reference(binder, pieces->dag->refs[ref], words);
    if (code)
        return code;
    begin[0] = pieces->begins[0][piece / pieces->grid[1]];
    if (pieces->begins[1])
        begin[1] = pieces->begins[1][piece % pieces->grid[1]];
    for (unsigned d = 0; d < pieces->rank; d++) {
        count[d] = (int64_t)words[1 + d];
        if (count[d] != expected_extent(pieces, piece, d))
            bug("a piece of the result has another shape than the graph says");
    }
    return pieces->output->write(pieces->output, begin, count, (const void *)(uintptr_t)words[0],
                                 &binder->context->error);
}
