/*
 * From the builder's tables to a DAG.
 *
 * Everything happens in place, in as few passes over the nodes as possible, because they are what
 * costs time: count children, lay them out, fill them in. Only if some node has no children are
 * there nodes that the sink does not need; then they are marked (backwards), and the gaps closed.
 * Beyond the DAG itself, a pass holds at most 4 bytes a node, and the children are allocated last.
 */
#include <string.h>
#include <sys/mman.h>

#include "graph/builder.h"

/* ---- Children ---------------------------------------------------------------------------------
 */

/* Goes over the distinct producers of each node in the order of their first refs. Up to
 * SCANNED_REFS refs are compared with each other; for more, `stamps` says which consumer was the
 * last to see a producer. It is allocated when the first wide node is met. */
enum { SCANNED_REFS = 8 };

struct producers {
    const dag_ref *refs;
    uint32_t *stamps; /* by producer: consumer + 1 */
    size_t node_count;
};

static bool seen_by_scan(const dag_ref *refs, uint64_t index)
{
    for (uint64_t i = 0; i < index; i++)
        if (dag_ref_source(refs[i]) == dag_ref_source(refs[index]))
            return true;
    return false;
}

static bool seen_by_stamp(struct producers *producers, uint32_t producer, uint32_t consumer)
{
    if (!producers->stamps)
        producers->stamps = memory_new(producers->node_count, sizeof *producers->stamps);
    if (producers->stamps[producer] == consumer + 1)
        return true;
    producers->stamps[producer] = consumer + 1;
    return false;
}

/* Whether ref `index` of the consumer's `count` refs is the first of a node. */
static inline bool is_new_producer(struct producers *producers, const dag_ref *refs, uint64_t count,
                                   uint64_t index, uint32_t consumer)
{
    if (!dag_ref_is_node(refs[index]))
        return false;
    if (count <= SCANNED_REFS)
        return !seen_by_scan(refs, index);
    return !seen_by_stamp(producers, dag_ref_source(refs[index]), consumer);
}

/* Counts each node's producers, and its children in first_child two nodes on: once these are summed
 * up, that of the next node is where the node's children begin. (The last node has none, so there
 * is always a place.) Gives how many nodes have no children. */
static uint32_t count_children(struct dag_node *nodes, struct producers *producers)
{
    uint32_t childless = 0;
    for (uint32_t i = 0; i < producers->node_count; i++) {
        const dag_ref *refs = producers->refs + nodes[i].first_ref;
        uint64_t count = nodes[i + 1].first_ref - nodes[i].first_ref;
        uint32_t distinct = 0;
        for (uint64_t r = 0; r < count; r++) {
            if (dag_ref_is_node(refs[r]) && dag_ref_source(refs[r]) >= i)
                bug("node %u reads node %u, which is not older", i, dag_ref_source(refs[r]));
            if (is_new_producer(producers, refs, count, r, i)) {
                childless -= nodes[dag_ref_source(refs[r]) + 2].first_child++ == 0;
                distinct++;
            }
        }
        nodes[i].producer_count = distinct;
        childless++;
    }
    return childless;
}

static void sum_children(struct dag_node *nodes, size_t node_count)
{
    for (size_t i = 2; i <= node_count; i++)
        nodes[i].first_child += nodes[i - 1].first_child;
}

/* Fills the children, with the next node's first_child as the place of the next one: in the end it
 * is behind the last, where the next node's children begin. */
static void fill_children(struct dag_node *nodes, struct producers *producers,
                          struct dag_child *children)
{
    if (producers->stamps)
        memset(producers->stamps, 0, producers->node_count * sizeof *producers->stamps);
    for (uint32_t i = 0; i < producers->node_count; i++) {
        const dag_ref *refs = producers->refs + nodes[i].first_ref;
        uint64_t count = nodes[i + 1].first_ref - nodes[i].first_ref;
        uint32_t bit = 0;
        for (uint64_t r = 0; r < count; r++)
            if (is_new_producer(producers, refs, count, r, i))
                children[nodes[dag_ref_source(refs[r]) + 1].first_child++] =
                    (struct dag_child){i, bit++};
    }
}

static struct producers make_producers(const dag_ref *refs, size_t node_count)
{
    static const dag_ref nothing;
    return (struct producers){refs ? refs : &nothing, NULL, node_count};
}

/* Large pages cost a tenth of the small ones' time to get. (The builder's tables do without:
 * growing moves them, which splits large pages.) */
static void advise_large(void *memory, size_t bytes)
{
    enum { LARGE = 4 << 20, PAGE = 4096 };
    uintptr_t begin = ((uintptr_t)memory + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    if (bytes >= LARGE)
        madvise((void *)begin, (bytes - PAGE) & ~(size_t)(PAGE - 1), MADV_HUGEPAGE);
}

/* Behind count_children. */
static struct dag_child *lay_out_children(struct dag_node *nodes, struct producers *producers)
{
    sum_children(nodes, producers->node_count);
    size_t count = nodes[producers->node_count].first_child;
    struct dag_child *children = memory_resize(NULL, count, sizeof *children);
    advise_large(children, count * sizeof *children);
    fill_children(nodes, producers, children);
    free(producers->stamps);
    return children;
}

struct dag_child *dag_make_children(struct dag_node *nodes, const dag_ref *refs, size_t node_count)
{
    struct producers producers = make_producers(refs, node_count);
    count_children(nodes, &producers);
    return lay_out_children(nodes, &producers);
}

/* ---- What the sink needs -----------------------------------------------------------------------
 */

/* Marks in first_part, which is not set yet. Producers have smaller numbers, so one pass backwards
 * is enough. */
enum { NEEDED = 1 };

static void mark_needed(struct dag_builder *builder)
{
    struct dag_node *nodes = builder->nodes.items;
    const dag_ref *refs = builder->refs.items;
    size_t last = builder->nodes.count - 2;
    nodes[last].first_part = NEEDED;
    for (size_t i = last + 1; i-- > 0;) {
        if (nodes[i].first_part != NEEDED)
            continue;
        for (uint64_t r = nodes[i].first_ref; r < nodes[i + 1].first_ref; r++)
            if (dag_ref_is_node(refs[r]))
                nodes[dag_ref_source(refs[r])].first_part = NEEDED;
    }
}

static dag_ref renumbered(dag_ref ref, const uint32_t *numbers)
{
    if (!dag_ref_is_node(ref))
        return ref;
    return (dag_ref)numbers[dag_ref_source(ref)] << 32 | dag_ref_view(ref);
}

/* Drops the nodes that are not marked, and makes the others as they were before children were
 * counted. What is written always lies before what is still to be read. */
static void drop_unneeded(struct dag_builder *builder)
{
    struct dag_node *nodes = builder->nodes.items;
    size_t count = builder->nodes.count - 1;
    uint32_t *numbers = memory_resize(NULL, count, sizeof *numbers);
    uint32_t kept = 0;
    uint64_t refs = 0, words = 0;
    for (size_t i = 0; i < count; i++) {
        struct dag_node node = nodes[i];
        if (node.first_part != NEEDED)
            continue;
        uint64_t first_ref = refs, first_word = words;
        for (uint64_t r = node.first_ref; r < nodes[i + 1].first_ref; r++)
            builder->refs.items[refs++] = renumbered(builder->refs.items[r], numbers);
        for (uint64_t w = node.first_word; w < nodes[i + 1].first_word; w++)
            builder->words.items[words++] = builder->words.items[w];
        numbers[i] = kept;
        node.first_ref = first_ref;
        node.first_word = first_word;
        node.first_child = 0;
        node.first_part = 0;
        nodes[kept++] = node;
    }
    nodes[kept] = (struct dag_node){.first_ref = refs, .first_word = words};
    builder->nodes.count = kept + 1;
    builder->refs.count = refs;
    builder->words.count = words;
    free(numbers);
}

/* The children, after nodes that nothing needs were dropped. */
static struct dag_child *connect(struct dag_builder *builder)
{
    struct producers producers = make_producers(builder->refs.items, builder->nodes.count - 1);
    if (count_children(builder->nodes.items, &producers) > 1) {
        free(producers.stamps);
        mark_needed(builder);
        drop_unneeded(builder);
        return dag_make_children(builder->nodes.items, builder->refs.items,
                                 builder->nodes.count - 1);
    }
    return lay_out_children(builder->nodes.items, &producers);
}

static int number_parts(struct dag_builder *builder, uint64_t *part_count, struct error *error)
{
    struct dag_node *nodes = builder->nodes.items;
    uint64_t parts = 0;
    for (size_t i = 0; i + 1 < builder->nodes.count; i++) {
        nodes[i].first_part = (uint32_t)parts;
        parts += builder->tasks.items[nodes[i].task].leaf_count;
        if (parts > UINT32_MAX)
            return error_set(error, ERR_task_limit,
                             "the tasks' results have more than 4294967295 parts in all");
    }
    nodes[builder->nodes.count - 1].first_part = (uint32_t)parts;
    *part_count = parts;
    return 0;
}

/* ---- The whole --------------------------------------------------------------------------------
 */

/* Moves a table from the builder to the DAG, cut to its size. */
#define TAKE(dag, field, builder, table)                                                           \
    ((dag)->field = memory_resize((builder)->table.items, (builder)->table.count,                  \
                                  sizeof *(builder)->table.items),                                 \
     (dag)->memory_bytes += (builder)->table.count * sizeof *(builder)->table.items,               \
     (builder)->table.items = NULL)

static void take_tables(struct dag_builder *builder, struct dag *dag)
{
    dag->node_count = (uint32_t)builder->nodes.count - 1;
    dag->pattern_count = (uint32_t)builder->patterns.count - 1;
    dag->view_count = (uint32_t)builder->views.count;
    dag->constant_count = (uint32_t)builder->constants.count;
    dag->input_count = (uint32_t)builder->inputs.count;
    dag->task_count = (uint32_t)builder->tasks.count;
    dag->site_count = (uint32_t)builder->sites.count;
    dag->scope_count = (uint32_t)builder->scopes.count;
    dag->view_word_count = builder->view_words.count;
    dag->string_bytes = builder->strings.count;
    dag->data_bytes = builder->data_bytes;
    TAKE(dag, nodes, builder, nodes);
    TAKE(dag, refs, builder, refs);
    TAKE(dag, words, builder, words);
    TAKE(dag, patterns, builder, patterns);
    TAKE(dag, pattern_codes, builder, pattern_codes);
    TAKE(dag, views, builder, views);
    TAKE(dag, view_words, builder, view_words);
    TAKE(dag, constants, builder, constants);
    TAKE(dag, inputs, builder, inputs);
    TAKE(dag, tasks, builder, tasks);
    TAKE(dag, sites, builder, sites);
    TAKE(dag, scopes, builder, scopes);
    TAKE(dag, strings, builder, strings);
    dag->data = builder->data;
    dag->memory_bytes += builder->data_bytes;
    builder->data = NULL;
}

int dag_finish(struct dag_builder *builder, struct dag *dag, struct error *error)
{
    *dag = (struct dag){0};
    if (builder->nodes.count == 0 || vector_last(&builder->nodes).task != DAG_RESULT)
        bug("the last node is not the sink");
    int code =
        builder->nodes.count > DAG_MAX_NODES
            ? error_set(error, ERR_task_limit, "the graph has more than %u nodes", DAG_MAX_NODES)
            : 0;
    if (!code) {
        vector_push(&builder->nodes, (struct dag_node){.first_ref = builder->refs.count,
                                                       .first_word = builder->words.count});
        struct dag_child *children = connect(builder);
        dag->children = children;
        dag->memory_bytes = vector_last(&builder->nodes).first_child * sizeof *children;
        code = number_parts(builder, &dag->part_count, error);
    }
    if (!code)
        take_tables(builder, dag);
    else
        dag_release(dag);
    dag_builder_free(builder);
    return code;
}
