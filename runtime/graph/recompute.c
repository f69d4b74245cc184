/* Copies of cheap tasks; see recompute.h. */
#include "graph/recompute.h"

#include <stdlib.h>

#include "base/memory.h"
#include "graph/builder.h"
#include "graph/cost.h"
#include "graph/plan_pass.h"
#include "graph/sizes.h"

struct recompute {
    struct dag *dag;
    struct plan_work work;
    uint8_t *is_cheap; /* by node */
    uint8_t *stays;    /* by node: some reader has no copy of it */
    uint64_t copies, copied_refs, copied_words;
    /* The new graph. */
    uint32_t *numbers; /* by node: there, of the last copy or of itself */
    struct dag_node *nodes;
    dag_ref *refs;
    uint64_t *words;
    uint32_t node_count, part_count;
    uint64_t ref_count, word_count;
};

/* ---- Which ones ------------------------------------------------------------------------------ */

enum { REFS = 64 }; /* readers of more are left alone */

/* What is read of the value of a task with one part; false: to see that takes long. */
static bool find_bytes(const struct dag *dag, uint32_t node, uint64_t *bytes)
{
    const struct dag_child *child = dag->children + dag->nodes[node].first_child;
    const struct dag_child *behind = dag->children + dag->nodes[node + 1].first_child;
    *bytes = 0;
    if (dag->tasks[dag->nodes[node].task].leaf_count > 1)
        return false;
    for (; child < behind; child++) {
        if (dag_ref_count(dag, child->node) > REFS)
            return false;
        const dag_ref *ref = dag->refs + dag->nodes[child->node].first_ref;
        const dag_ref *end = dag->refs + dag->nodes[child->node + 1].first_ref;
        for (; ref < end; ref++)
            if (dag_ref_source(*ref) == node && !dag->views[dag_ref_view(*ref)].is_unit)
                *bytes = plan_larger(*bytes, dag_source_bytes(dag, *ref));
    }
    return true;
}

/* What it takes a reader to load a value; 0: it comes along. The sizes of all values are found out
 * for those alone that are read among many. */
static uint64_t way_of(struct recompute *c, uint32_t node)
{
    uint64_t bytes;
    if (!c->work.part_bytes && !find_bytes(c->dag, node, &bytes))
        plan_pass_bytes(&c->work);
    if (c->work.part_bytes)
        bytes = plan_result_bytes(&c->work, node);
    return bytes > c->work.platform->inline_bytes ? platform_transfer_ns(c->work.platform, bytes)
                                                  : 0;
}

/* Constants are all that it reads: the job's inputs would have to be loaded again. */
static bool needs_nothing(const struct dag *dag, uint32_t node)
{
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++)
        if (dag_ref_source(dag->refs[r]) < DAG_CONSTANT)
            return false;
    return true;
}

static bool is_cheap(struct recompute *c, struct costs *costs, uint32_t node)
{
    const struct dag *dag = c->dag;
    const struct dag_task *task = &dag->tasks[dag->nodes[node].task];
    return dag_child_count(dag, node) > 1 && needs_nothing(dag, node) && !task->logs &&
           !task->together && !costs_is_guess(costs, node) &&
           platform_task_ns(c->work.platform, costs_of(costs, node)) <= way_of(c, node);
}

/* Whether there are any. */
static bool find_cheap(struct recompute *c)
{
    struct costs *costs = plan_costs_new(c->dag, c->work.options);
    bool has_any = false;
    for (uint32_t n = 0; n < dag_sink(c->dag); n++) {
        c->is_cheap[n] = is_cheap(c, costs, n);
        has_any |= c->is_cheap[n];
    }
    costs_free(costs);
    return has_any;
}

/* Whether all its producers begin when the job does. */
static bool begins_soon(const struct dag *dag, uint32_t node)
{
    if (node == dag_sink(dag))
        return false;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++)
        if (dag_ref_is_node(dag->refs[r]) &&
            dag->nodes[dag_ref_source(dag->refs[r])].producer_count > 0)
            return false;
    return true;
}

static bool is_listed(const uint32_t *list, uint32_t count, uint32_t node)
{
    for (uint32_t i = 0; i < count; i++)
        if (list[i] == node)
            return true;
    return false;
}

/* The producers of which a node has copies: at most REFS. */
static uint32_t list_copies(const struct recompute *c, uint32_t node, uint32_t *list)
{
    const struct dag *dag = c->dag;
    uint32_t count = 0;
    if (dag_ref_count(dag, node) > REFS || !begins_soon(dag, node))
        return 0;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        uint32_t producer = dag_ref_source(dag->refs[r]);
        if (dag_ref_is_node(dag->refs[r]) && c->is_cheap[producer] &&
            !is_listed(list, count, producer))
            list[count++] = producer;
    }
    return count;
}

/* A task stays where it is if a reader has no copy. */
static void count_copies(struct recompute *c, uint32_t node)
{
    const struct dag *dag = c->dag;
    uint32_t list[REFS], count = list_copies(c, node, list);
    for (uint32_t i = 0; i < count; i++) {
        c->copied_refs += dag_ref_count(dag, list[i]);
        c->copied_words += dag->nodes[list[i] + 1].first_word - dag->nodes[list[i]].first_word;
    }
    c->copies += count;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++)
        if (dag_ref_is_node(dag->refs[r]) && !is_listed(list, count, dag_ref_source(dag->refs[r])))
            c->stays[dag_ref_source(dag->refs[r])] = 1;
}

/* ---- The new graph --------------------------------------------------------------------------- */

static uint32_t add_node(struct recompute *c, uint32_t node)
{
    const struct dag *dag = c->dag;
    struct dag_node *to = &c->nodes[c->node_count];
    *to = dag->nodes[node];
    to->first_ref = c->ref_count;
    to->first_word = c->word_count;
    to->first_child = 0;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        dag_ref ref = dag->refs[r];
        if (dag_ref_is_node(ref))
            ref = (dag_ref)c->numbers[dag_ref_source(ref)] << 32 | dag_ref_view(ref);
        c->refs[c->ref_count++] = ref;
    }
    for (uint64_t w = dag->nodes[node].first_word; w < dag->nodes[node + 1].first_word; w++)
        c->words[c->word_count++] = dag->words[w];
    to->first_part = c->part_count;
    c->part_count += dag->tasks[to->task].leaf_count;
    return c->node_count++;
}

/* Copies stand right before their reader. */
static void add_with_copies(struct recompute *c, uint32_t node)
{
    uint32_t list[REFS], own[REFS], count = list_copies(c, node, list);
    for (uint32_t i = 0; i < count; i++) {
        own[i] = c->numbers[list[i]];
        c->numbers[list[i]] = add_node(c, list[i]);
    }
    uint32_t number = add_node(c, node);
    for (uint32_t i = 0; i < count; i++)
        c->numbers[list[i]] = own[i];
    c->numbers[node] = number;
}

static void free_table(const void *table)
{
    free((void *)(uintptr_t)table);
}

static void replace(struct recompute *c)
{
    struct dag *dag = c->dag;
    c->nodes[c->node_count] = (struct dag_node){
        .first_ref = c->ref_count, .first_word = c->word_count, .first_part = c->part_count};
    const struct dag_child *children = dag_make_children(c->nodes, c->refs, c->node_count);
    free_table(dag->nodes);
    free_table(dag->refs);
    free_table(dag->words);
    free_table(dag->children);
    dag->nodes = c->nodes;
    dag->refs = c->refs;
    dag->words = c->words;
    dag->children = children;
    dag->node_count = c->node_count;
    dag->part_count = c->part_count;
}

static void build(struct recompute *c)
{
    const struct dag *dag = c->dag;
    uint32_t old = dag->node_count;
    c->nodes = memory_table(old + c->copies + 1, sizeof *c->nodes);
    c->refs = memory_table(dag->nodes[old].first_ref + c->copied_refs + 1, sizeof *c->refs);
    c->words = memory_table(dag->nodes[old].first_word + c->copied_words + 1, sizeof *c->words);
    c->numbers = memory_table(old, sizeof *c->numbers);
    for (uint32_t n = 0; n < old; n++)
        if (c->stays[n] || n == dag_sink(dag))
            add_with_copies(c, n);
    free(c->numbers);
    replace(c);
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* Whether there is room for all copies. */
static bool fits(const struct recompute *c)
{
    const struct dag *dag = c->dag;
    uint64_t most_parts = 0;
    for (uint32_t t = 0; t < dag->task_count; t++)
        if (dag->tasks[t].leaf_count > most_parts)
            most_parts = dag->tasks[t].leaf_count;
    return dag->node_count + c->copies < DAG_MAX_NODES &&
           dag->part_count + c->copies * most_parts < UINT32_MAX;
}

uint32_t dag_recompute(struct dag *dag, const struct plan_options *options)
{
    struct plan plan = {.dag = dag}; /* it counts steps */
    struct recompute c = {
        .dag = dag,
        .work = {.plan = &plan,
                 .dag = dag,
                 .options = options,
                 .platform = options->platform ? options->platform : platform_at(0)}};
    if (dag->is_mapped || !plan_has_executors(&c.work) || !plan_pass_is_run(options, "recompute"))
        return 0;
    c.is_cheap = memory_new(dag->node_count, sizeof *c.is_cheap);
    c.stays = memory_new(dag->node_count, sizeof *c.stays);
    bool has_any = find_cheap(&c);
    for (uint32_t n = 0; has_any && n < dag->node_count; n++)
        count_copies(&c, n);
    if (c.copies > 0 && fits(&c))
        build(&c);
    else
        c.copies = 0;
    free(c.is_cheap);
    free(c.stays);
    free(c.work.part_bytes);
    free(c.work.part_ns);
    return (uint32_t)c.copies;
}
