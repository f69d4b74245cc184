/*
 * From the builder's tables to a DAG.
 *
 * Everything happens in place, in passes over the nodes: mark what the sink needs (backwards),
 * close the gaps and renumber (forwards), count producers, lay out children, take over the tables.
 * Beyond the DAG itself, a pass holds at most 4 bytes a node, and the children are allocated last.
 */
#include <string.h>

#include "graph/builder.h"

enum { NEEDED = 1 };

/* ---- What the sink needs ----------------------------------------------------------------------
 */

/* Marks in producer_count. Producers have smaller numbers, so one pass backwards is enough. */
static uint32_t mark_needed(struct dag_builder *builder)
{
    struct dag_node *nodes = builder->nodes.items;
    const dag_ref *refs = builder->refs.items;
    uint32_t needed = 0;
    size_t last = builder->nodes.count - 1;
    nodes[last].producer_count = NEEDED;
    for (size_t i = last + 1; i-- > 0;) {
        if (nodes[i].producer_count != NEEDED)
            continue;
        needed++;
        for (uint64_t r = i ? nodes[i - 1].first_ref : 0; r < nodes[i].first_ref; r++) {
            if (!dag_ref_is_node(refs[r]))
                continue;
            if (dag_ref_source(refs[r]) >= i)
                bug("node %zu reads node %u, which is not older", i, dag_ref_source(refs[r]));
            nodes[dag_ref_source(refs[r])].producer_count = NEEDED;
        }
    }
    return needed;
}

static dag_ref renumbered(dag_ref ref, const uint32_t *numbers)
{
    if (!dag_ref_is_node(ref))
        return ref;
    return (dag_ref)numbers[dag_ref_source(ref)] << 32 | dag_ref_view(ref);
}

/* Drops the nodes that are not marked. */
static void drop_unneeded(struct dag_builder *builder)
{
    struct dag_node *nodes = builder->nodes.items;
    uint32_t *numbers = memory_resize(NULL, builder->nodes.count, sizeof *numbers);
    uint32_t kept = 0;
    uint64_t refs = 0, words = 0, ref = 0, word = 0;
    for (size_t i = 0; i < builder->nodes.count; i++) {
        struct dag_node node = nodes[i];
        if (node.producer_count != NEEDED) {
            ref = node.first_ref;
            word = node.first_word;
            continue;
        }
        while (ref < node.first_ref)
            builder->refs.items[refs++] = renumbered(builder->refs.items[ref++], numbers);
        while (word < node.first_word)
            builder->words.items[words++] = builder->words.items[word++];
        numbers[i] = kept;
        node.first_ref = refs;
        node.first_word = words;
        nodes[kept++] = node;
    }
    builder->nodes.count = kept;
    builder->refs.count = refs;
    builder->words.count = words;
    free(numbers);
}

/* Turns the ends of refs and words into beginnings, counts parts, and adds the sentinel. */
static int lay_out(struct dag_builder *builder, uint64_t *part_count, struct error *error)
{
    vector_push(&builder->nodes, (struct dag_node){0});
    struct dag_node *nodes = builder->nodes.items;
    size_t count = builder->nodes.count;
    uint64_t refs = 0, words = 0, parts = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t end_of_refs = nodes[i].first_ref, end_of_words = nodes[i].first_word;
        nodes[i].first_ref = refs;
        nodes[i].first_word = words;
        nodes[i].first_child = 0;
        nodes[i].first_part = (uint32_t)parts;
        nodes[i].producer_count = 0;
        if (parts > UINT32_MAX)
            return error_set(error, ERR_task_limit,
                             "the tasks' results have more than 4294967295 parts in all");
        if (i + 1 < count) {
            refs = end_of_refs;
            words = end_of_words;
            parts += builder->tasks.items[nodes[i].task].leaf_count;
        }
    }
    *part_count = parts;
    return 0;
}

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

/* Counts each node's producers, and its children in the next node's first_child. */
static void count_children(struct dag_node *nodes, struct producers *producers)
{
    for (uint32_t i = 0; i < producers->node_count; i++) {
        const dag_ref *refs = producers->refs + nodes[i].first_ref;
        uint64_t count = nodes[i + 1].first_ref - nodes[i].first_ref;
        uint32_t distinct = 0;
        for (uint64_t r = 0; r < count; r++) {
            if (is_new_producer(producers, refs, count, r, i)) {
                nodes[dag_ref_source(refs[r]) + 1].first_child++;
                distinct++;
            }
        }
        nodes[i].producer_count = distinct;
    }
    for (size_t i = 0; i < producers->node_count; i++)
        nodes[i + 1].first_child += nodes[i].first_child;
}

/* Fills the children, with first_child as the place of the next one, which leaves it at the end of
 * the node's children: where the next node's begin. */
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
                children[nodes[dag_ref_source(refs[r])].first_child++] =
                    (struct dag_child){i, bit++};
    }
    for (size_t i = producers->node_count; i > 0; i--)
        nodes[i].first_child = nodes[i - 1].first_child;
    nodes[0].first_child = 0;
}

struct dag_child *dag_make_children(struct dag_node *nodes, const dag_ref *refs, size_t node_count)
{
    static const dag_ref nothing;
    struct producers producers = {refs ? refs : &nothing, NULL, node_count};
    count_children(nodes, &producers);
    struct dag_child *children =
        memory_resize(NULL, nodes[node_count].first_child, sizeof *children);
    fill_children(nodes, &producers, children);
    free(producers.stamps);
    return children;
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
    if (!code && mark_needed(builder) != builder->nodes.count)
        drop_unneeded(builder);
    if (!code)
        code = lay_out(builder, &dag->part_count, error);
    if (!code) {
        struct dag_child *children =
            dag_make_children(builder->nodes.items, builder->refs.items, builder->nodes.count - 1);
        dag->children = children;
        dag->memory_bytes = vector_last(&builder->nodes).first_child * sizeof *children;
        take_tables(builder, dag);
    }
    dag_builder_free(builder);
    return code;
}
