/*
 * Joins of joins. When concat or flatten joins arrays of which one is joined itself, the inner join
 * is left out if nothing else reads it: its arrays take its place, so that they are copied once.
 * A result that grows in a loop, a = concat(a, part), is so joined once, of all its parts.
 *
 * It happens before nodes that nobody needs are dropped, which the inner joins then are. Both steps
 * are linear in the graph: backwards over the nodes for what reads each of them, forwards to put
 * arrays in the place of their joins. A graph without joins of joins is left after one look.
 */
#include <string.h>

#include "graph/builder.h"
#include "graph/joined.h"
#include "graph/mutant.h"

enum {
    FEW_ARRAYS = 16,         /* a join of as many, or of fewer, is always left out */
    LARGE_ARRAYS = 16 << 10, /* bytes; and of any number of arrays that are larger */
};

struct merger {
    struct dag_builder *builder;
    struct dag dag; /* the builder's tables, as they were */
    uint8_t *joins; /* enum dag_join, by task */
    bool *is_read;  /* by node, of what the sink needs */
    bool *merged;   /* by node: its arrays take its place in the one node that reads it */
    VECTOR(dag_ref) refs;
    VECTOR(uint64_t) open; /* pairs: refs that are still to be put, up to an end */
};

static enum dag_join join_of(const struct merger *m, uint32_t node)
{
    return m->joins[m->dag.nodes[node].task];
}

/* The node that a ref shows all of, if that joins; else UINT32_MAX. */
static uint32_t joined_whole(const struct merger *m, dag_ref ref)
{
    const struct dag_view *view = &m->dag.views[dag_ref_view(ref)];
    bool is_whole = dag_ref_is_node(ref) && view->source_rank == 0 && view->part == 0;
    return is_whole && join_of(m, dag_ref_source(ref)) ? dag_ref_source(ref) : UINT32_MAX;
}

/* ---- Which are left out --------------------------------------------------------------------- */

static bool find_joining_tasks(struct merger *m)
{
    bool any = false;
    m->joins = memory_new(m->dag.task_count, sizeof *m->joins);
    for (uint32_t t = 0; t < m->dag.task_count; t++) {
        m->joins[t] = (uint8_t)dag_join_of(dag_string(&m->dag, m->dag.tasks[t].symbol));
        any |= m->joins[t] == DAG_JOIN_CONCAT || m->joins[t] == DAG_JOIN_FLATTEN;
    }
    return any;
}

/* Whether any of them reads all of another. */
static bool has_nested(const struct merger *m)
{
    for (uint32_t node = 0; node < m->dag.node_count; node++) {
        const struct dag_node *at = &m->dag.nodes[node];
        for (uint64_t r = at->first_ref; join_of(m, node) && r < at[1].first_ref; r++)
            if (joined_whole(m, m->dag.refs[r]) != UINT32_MAX)
                return true;
    }
    return false;
}

static bool is_gather(const struct merger *m, uint32_t node)
{
    const uint32_t *first = &m->dag.patterns[m->dag.nodes[node].pattern];
    return first[1] - first[0] == 1 &&
           (m->dag.pattern_codes[first[0]] & DAG_ARG_KIND) == DAG_ARG_GATHER;
}

static bool is_pair(const struct merger *m, uint32_t node)
{
    const uint32_t *first = &m->dag.patterns[m->dag.nodes[node].pattern];
    return first[1] - first[0] == 2 && m->dag.pattern_codes[first[0]] == DAG_ARG_REF &&
           m->dag.pattern_codes[first[0] + 1] == DAG_ARG_REF;
}

static const int64_t *extents_of(const struct merger *m, dag_ref ref, uint32_t *rank)
{
    const struct dag_view *view = &m->dag.views[dag_ref_view(ref)];
    *rank = view->rank;
    return m->dag.view_words + view->first_word;
}

/* Whether the node joins arrays along their first dimension that are known to fit each other, which
 * those of rank 1 always do. */
static bool joins_along_first(const struct merger *m, uint32_t node)
{
    const struct dag_node *at = &m->dag.nodes[node];
    uint64_t count = at[1].first_ref - at->first_ref;
    const dag_ref *refs = m->dag.refs + at->first_ref;
    uint32_t rank, first_rank;
    bool is_flatten = join_of(m, node) == DAG_JOIN_FLATTEN;
    if (join_of(m, node) == DAG_JOIN_UNTILE || count == 0 ||
        !(is_gather(m, node) || (!is_flatten && is_pair(m, node))))
        return false;
    const int64_t *first = extents_of(m, refs[0], &first_rank);
    for (uint64_t i = 0; i < count; i++) {
        const int64_t *extents = extents_of(m, refs[i], &rank);
        if (rank != first_rank || rank == 0 || (is_flatten && rank != 1))
            return false;
        for (uint32_t d = 1; d < rank; d++)
            if (extents[d] < 0 || extents[d] != first[d])
                return false;
    }
    return true;
}

/* An array more is an edge more, in a store an access more: many small ones are better joined where
 * they are made. */
static bool is_worth_merging(const struct merger *m, uint32_t node)
{
    const struct dag_node *at = &m->dag.nodes[node];
    uint64_t count = at[1].first_ref - at->first_ref, bytes = 0;
    if (count <= FEW_ARRAYS)
        return true;
    for (uint64_t r = at->first_ref; r < at[1].first_ref; r++)
        bytes += dag_ref_bytes(&m->dag, m->dag.refs[r]);
    return bytes / count >= LARGE_ARRAYS;
}

/* Whether the arrays of a join fit those of its reader, to which the join itself is known to fit.
 */
static bool fits_its_reader(const struct merger *m, dag_ref ref, uint32_t inner)
{
    uint32_t rank, inner_rank;
    const int64_t *shown = extents_of(m, ref, &rank);
    const int64_t *given = extents_of(m, m->dag.refs[m->dag.nodes[inner].first_ref], &inner_rank);
    return rank == inner_rank && memcmp(shown + 1, given + 1, (rank - 1) * sizeof *shown) == 0;
}

static void see_what_it_reads(struct merger *m, uint32_t node)
{
    const struct dag_node *at = &m->dag.nodes[node];
    bool takes_in = join_of(m, node) && is_gather(m, node) && joins_along_first(m, node);
    for (uint64_t r = at->first_ref; r < at[1].first_ref; r++) {
        dag_ref ref = m->dag.refs[r];
        if (!dag_ref_is_node(ref))
            continue;
        uint32_t read = dag_ref_source(ref);
        m->merged[read] = takes_in && !m->is_read[read] && joined_whole(m, ref) == read &&
                          joins_along_first(m, read) && fits_its_reader(m, ref, read) &&
                          is_worth_merging(m, read);
        m->is_read[read] = true;
    }
}

/* Readers are younger than what they read. Gives whether a join is left out. */
static bool find_merged(struct merger *m)
{
    bool any = false;
    m->is_read[dag_sink(&m->dag)] = true;
    for (uint32_t node = m->dag.node_count; node-- > 0;) {
        any |= m->merged[node];
        if (m->is_read[node])
            see_what_it_reads(m, node);
    }
    return any;
}

/* ---- Putting arrays in the place of joins --------------------------------------------------- */

static void open_refs(struct merger *m, uint32_t node)
{
    vector_push(&m->open, m->dag.nodes[node].first_ref);
    vector_push(&m->open, m->dag.nodes[node + 1].first_ref);
}

/* The refs of a node, with those of the joins that it takes in. Joins nest as deep as programs
 * like. */
static void put_refs(struct merger *m, uint32_t node)
{
    open_refs(m, node);
    while (m->open.count) {
        uint64_t *next = &m->open.items[m->open.count - 2];
        if (next[0] == next[1]) {
            m->open.count -= 2;
            continue;
        }
        dag_ref ref = m->dag.refs[next[0]++];
        if (dag_ref_is_node(ref) && m->merged[dag_ref_source(ref)])
            open_refs(m, dag_ref_source(ref));
        else
            vector_push(&m->refs, ref);
    }
}

/* A gather of arrays that stand in one row: (count, 1, 1, ...). */
static void set_extents(struct merger *m, uint32_t node, uint64_t count)
{
    const struct dag_node *at = &m->dag.nodes[node];
    for (uint64_t w = at->first_word; w < at[1].first_word; w++)
        m->builder->words.items[w] = w == at->first_word ? count : 1;
}

/* Those that are left out have no refs any more, and no readers. */
static void put_all(struct merger *m)
{
    uint64_t *begins = memory_new(m->dag.node_count + 1, sizeof *begins);
    for (uint32_t node = 0; node < m->dag.node_count; node++) {
        begins[node] = m->refs.count;
        if (m->merged[node]) {
            set_extents(m, node, 0);
            continue;
        }
        put_refs(m, node);
        uint64_t count = m->refs.count - begins[node];
        if (count > m->dag.nodes[node + 1].first_ref - m->dag.nodes[node].first_ref) {
            set_extents(m, node, count);
            if (GRAPH_MUTANT(MERGE_ORDER)) {
                dag_ref first = m->refs.items[begins[node]];
                m->refs.items[begins[node]] = vector_last(&m->refs);
                vector_last(&m->refs) = first;
            }
        }
    }
    begins[m->dag.node_count] = m->refs.count;
    for (uint32_t node = 0; node <= m->dag.node_count; node++)
        m->builder->nodes.items[node].first_ref = begins[node];
    free(begins);
}

/* ---- The whole ------------------------------------------------------------------------------ */

static void merge(struct merger *m)
{
    struct dag_builder *b = m->builder;
    m->is_read = memory_new(m->dag.node_count, sizeof *m->is_read);
    m->merged = memory_new(m->dag.node_count, sizeof *m->merged);
    if (find_merged(m)) {
        put_all(m);
        free(b->refs.items);
        b->refs.items = m->refs.items;
        b->refs.count = m->refs.count;
        b->refs.capacity = m->refs.capacity;
    }
    free(m->is_read);
    free(m->merged);
    vector_release(&m->open);
}

void dag_merge_joins(struct dag_builder *b)
{
    struct dag_node sentinel = {.first_ref = b->refs.count, .first_word = b->words.count};
    vector_push(&b->nodes, sentinel);
    struct merger m = {.builder = b, .dag = dag_so_far(b)};
    m.dag.node_count = (uint32_t)b->nodes.count - 1;
    m.dag.task_count = (uint32_t)b->tasks.count;
    if (find_joining_tasks(&m) && has_nested(&m))
        merge(&m);
    free(m.joins);
    b->nodes.count--;
}
