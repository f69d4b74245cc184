/*
 * Elaboration: what is seen of arrays that untile, concat and flatten join. A slice that lies in
 * one of the joined arrays is a slice of that one; a slice that lies in a few of them is a join of
 * its own of what they give. So what reads parts of a joined array neither waits for the whole nor
 * has it copied, and if nothing else reads it, nobody joins it: tiles(untile(s), …) are the tiles
 * of s.
 *
 * This is part of what programs mean (spec/language.md, L8.15), at every -O: what a slice does not
 * lie in, it does not need. It holds for joins whose arrays have known extents and fit each other;
 * others fail when they run. The layout of a join is found when a slice of it is first asked for,
 * in a time linear in its arrays; each slice then takes a search.
 */
#include "graph/joined.h"
#include "graph/machine.h"
#include "graph/mutant.h"

enum {
    MOST_JOINS = 32,  /* of joins of joins, that one slice is followed through */
    MOST_PIECES = 16, /* that a slice is joined from, and half of those that there are */
};

enum join_state { JOIN_NEW, JOIN_FITS, JOIN_IS_OPAQUE };

struct join {
    uint32_t node;
    enum join_state state;
    struct joined joined;
};

struct join_kernel {
    bool joins;
    struct dag_shared slices; /* the joins of slices that are nodes of it */
    uint32_t misses;
};

/* A slice of a joined array, and the arrays that it lies in. */
struct window {
    uint32_t node;
    const struct joined *joined;
    struct selection selection;
    uint64_t first[2], last[2]; /* along the dimensions of the grid */
};

/* ---- Which nodes join ----------------------------------------------------------------------- */

void joins_begin(struct machine *m)
{
    uint32_t count = m->code->header.kernel_count;
    m->joins.kernels = memory_new(count, sizeof *m->joins.kernels);
    for (uint32_t k = 0; k < count; k++) {
        const char *symbol = m->code->strings + m->code->kernel_records[k].symbol;
        m->joins.kernels[k].joins = dag_join_of(symbol) != DAG_JOIN_NONE;
    }
}

void joins_end(struct machine *m)
{
    for (size_t j = 0; j < m->joins.count; j++)
        joined_release(&m->joins.items[j].joined);
    vector_release(&m->joins);
    for (uint32_t k = 0; k < m->code->header.kernel_count; k++)
        dag_shared_release(&m->joins.kernels[k].slices);
    free(m->joins.kernels);
}

static bool is_of_joining_task(const struct machine *m, uint32_t node)
{
    return m->joins.kernels[m->builder->nodes.items[node].task - 1].joins;
}

void joins_note(struct machine *m, uint32_t node)
{
    if (is_of_joining_task(m, node))
        vector_push(&m->joins, (struct join){.node = node});
}

/* ---- Layouts -------------------------------------------------------------------------------- */

static bool find_layout(struct machine *m, struct join *join)
{
    const struct dag_builder *b = m->builder;
    const struct dag_node *node = &b->nodes.items[join->node];
    bool is_last = join->node + 1 == b->nodes.count;
    uint64_t refs = (is_last ? b->first_ref : node[1].first_ref) - node->first_ref;
    struct dag so_far = dag_so_far(b);
    m->heap.moves += refs;
    return joined_find(&so_far, join->node, refs, &join->joined);
}

/* What a ref's source joins, if that is known; else NULL. Joins are in the order of nodes. */
static const struct joined *find_joined(struct machine *m, dag_ref ref)
{
    uint32_t node = dag_ref_source(ref);
    if (!dag_ref_is_node(ref) || !is_of_joining_task(m, node))
        return NULL;
    size_t low = 0, high = m->joins.count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(m->joins.items[middle].node <= node ? &low : &high) = middle;
    }
    struct join *join = &m->joins.items[low];
    if (join->state == JOIN_NEW)
        join->state = find_layout(m, join) ? JOIN_FITS : JOIN_IS_OPAQUE;
    return join->state == JOIN_FITS ? &join->joined : NULL;
}

/* ---- Windows -------------------------------------------------------------------------------- */

/* The first of the arrays from `low` on along a dimension that ends at `end` or behind it; the last
 * one if none does. */
static uint64_t first_ending(const struct joined *joined, unsigned dimension, uint64_t low,
                             int64_t end)
{
    const int64_t *ends = joined->begins[dimension] + 1;
    uint64_t high = joined->grid[dimension] - 1;
    if (ends[low] >= end)
        return low;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (ends[middle] >= end)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static int64_t length_along(const struct selection *selection, unsigned dimension)
{
    return selection->count[dimension] < 0 ? 1 : selection->count[dimension];
}

/* In which arrays along a dimension of the grid the window's selection lies: of none, in one. */
static void cover(struct window *window, unsigned dimension)
{
    int64_t begin = window->selection.begin[dimension];
    int64_t length = length_along(&window->selection, dimension);
    window->first[dimension] =
        first_ending(window->joined, dimension, 0, length ? begin + 1 : begin);
    window->last[dimension] =
        first_ending(window->joined, dimension, window->first[dimension], begin + length);
}

/* What a ref shows of a joined array; false where it shows no part of one. */
static bool open_window(struct machine *m, dag_ref ref, struct window *window)
{
    const struct dag_view *view = &m->builder->views.items[dag_ref_view(ref)];
    const struct joined *joined = view->source_rank ? find_joined(m, ref) : NULL;
    if (!joined || view->part || view->scalar != joined->scalar ||
        view->source_rank != joined->rank)
        return false;
    *window = (struct window){.node = dag_ref_source(ref), .joined = joined};
    struct selection *selection = &window->selection;
    const int64_t *pair = m->builder->view_words.items + view->first_word + view->rank;
    selection->rank = view->source_rank;
    for (unsigned d = 0; d < selection->rank; d++) {
        selection->begin[d] = pair[2 * d];
        selection->count[d] = pair[2 * d + 1];
        if (selection->begin[d] + length_along(selection, d) > joined->extents[d])
            return false;
        if (d < joined->grid_rank)
            cover(window, d);
    }
    return true;
}

static bool lies_in_one(const struct window *window)
{
    return window->first[0] == window->last[0] && window->first[1] == window->last[1];
}

/* What an array of the window gives to it. */
static dag_ref piece_in_window(struct machine *m, const struct window *window, uint64_t row,
                               uint64_t column)
{
    const struct joined *joined = window->joined;
    uint64_t at[2] = {row, column};
    struct selection selection = window->selection;
    for (unsigned d = 0; d < joined->grid_rank; d++) {
        int64_t begin = joined->begins[d][at[d]], end = joined->begins[d][at[d] + 1];
        int64_t low = selection.begin[d] > begin ? selection.begin[d] : begin;
        int64_t high = selection.begin[d] + length_along(&selection, d);
        selection.begin[d] = GRAPH_MUTANT(JOINS_BEGIN) ? 0 : low - begin;
        if (selection.count[d] >= 0)
            selection.count[d] = (high < end ? high : end) - low;
    }
    uint64_t piece = joined->first_ref + row * joined->grid[1] + column;
    return nodes_select(m, m->builder->refs.items[piece], &selection);
}

/* Whether the window lies in few of the arrays, so that it is to be joined by itself. */
static bool is_worth_joining(const struct window *window)
{
    const struct joined *joined = window->joined;
    uint64_t rows = window->last[0] - window->first[0] + 1;
    uint64_t columns = window->last[1] - window->first[1] + 1;
    return rows <= MOST_PIECES && columns <= MOST_PIECES && rows * columns <= MOST_PIECES &&
           rows * columns * 2 <= joined->grid[0] * joined->grid[1];
}

/* Follows a slice into the array that it lies in, and on if that is joined, too. Whether it ends at
 * a window that lies in several. */
static bool follow(struct machine *m, dag_ref *ref, struct window *window)
{
    for (uint32_t depth = 0; depth < MOST_JOINS && open_window(m, *ref, window); depth++) {
        if (!lies_in_one(window))
            return true;
        *ref = piece_in_window(m, window, window->first[0], window->first[1]);
    }
    return false;
}

static uint32_t find_pieces(struct machine *m, const struct window *window, dag_ref *pieces)
{
    struct window inner;
    uint32_t count = 0;
    for (uint64_t i = window->first[0]; i <= window->last[0]; i++)
        for (uint64_t j = window->first[1]; j <= window->last[1]; j++) {
            pieces[count] = piece_in_window(m, window, i, j);
            follow(m, &pieces[count++], &inner);
        }
    return count;
}

/* Those of what the window's join gathers. */
static void add_extents(struct machine *m, const struct window *window)
{
    const struct joined *joined = window->joined;
    for (unsigned d = joined->grid_rank; d < joined->gather_rank; d++)
        dag_add_word(m->builder, 1);
    for (unsigned d = 0; d < joined->grid_rank; d++)
        dag_add_word(m->builder, window->last[d] - window->first[d] + 1);
}

/* The join of a window without indexes: a node of the same task, in the same place. */
static uint32_t join_pieces(struct machine *m, const struct window *window)
{
    struct dag_node like = m->builder->nodes.items[window->node];
    dag_ref pieces[MOST_PIECES];
    uint32_t node, count = find_pieces(m, window, pieces);
    add_extents(m, window);
    for (uint32_t i = 0; i < count; i++)
        dag_add_ref(m->builder, pieces[i]);
    m->heap.moves += count;
    struct join_kernel *kernel = &m->joins.kernels[like.task - 1];
    if (dag_find_shared(m->builder, &kernel->slices, &kernel->misses, like.pattern, &node))
        return node;
    return dag_add_node(m->builder, like.task, like.pattern, like.site, like.scope);
}

/* The window, joined with its indexes as slices of one, and then indexed. */
static int join_window(struct machine *m, const struct window *window, dag_ref *ref)
{
    struct window whole = *window;
    struct selection inside = window->selection;
    if (m->builder->nodes.count >= m->max_tasks)
        return machine_limit(m, ERR_task_limit, "tasks (--max-tasks)");
    for (unsigned d = 0; d < inside.rank; d++) {
        whole.selection.count[d] = length_along(&inside, d);
        inside.begin[d] = 0;
    }
    struct dag_view view = {.scalar = whole.joined->scalar, .rank = (uint8_t)inside.rank};
    uint32_t all = dag_add_view(m->builder, &view, whole.selection.count);
    uint32_t created = (uint32_t)m->builder->nodes.count, node = join_pieces(m, &whole);
    if (node == created)
        joins_note(m, node);
    *ref = nodes_select(m, (dag_ref)node << 32 | all, &inside);
    return 0;
}

int joins_see_through(struct machine *m, dag_ref *ref)
{
    struct window window;
    bool lies_in_several = follow(m, ref, &window);
    return lies_in_several && is_worth_joining(&window) ? join_window(m, &window, ref) : 0;
}
