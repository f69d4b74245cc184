/*
 * Drawing a DAG in Graphviz's language; see dot.h. Here: a box for each node, edges with bytes and
 * views, nested frames for instances of flows; the plan's clusters as colours, bold edges where the
 * executor goes on, red ones on the critical path.
 */
#include "graph/dot_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "value/semantics.h"

/* ---- The critical path ----------------------------------------------------------------------- */

static uint64_t cost_of(const struct plan *plan, uint32_t node)
{
    uint64_t cost =
        plan->costs ? plan->costs[node] : plan->dag->tasks[plan->dag->nodes[node].task].cost_ns;
    return cost ? cost : 1;
}

/* By node: whether it is on the path that takes longest. The plan prefers the child on the longest
 * path to the result, so it is what these lead to from the source that has most before it. */
static bool *find_critical(const struct plan *plan)
{
    uint32_t count = plan->dag->node_count, first = plan->sources[0];
    bool *is_critical = memory_new(count, sizeof *is_critical);
    uint64_t *lengths = memory_new(count, sizeof *lengths);
    for (uint32_t n = count; n-- > 0;) {
        uint32_t next = plan->preferred[n];
        lengths[n] = cost_of(plan, n) + (next == PLAN_NONE ? 0 : lengths[next]);
    }
    for (uint32_t s = 0; s < plan->source_count; s++)
        if (lengths[plan->sources[s]] > lengths[first])
            first = plan->sources[s];
    for (uint32_t n = first; n != PLAN_NONE; n = plan->preferred[n])
        is_critical[n] = true;
    free(lengths);
    return is_critical;
}

/* ---- Where executors go on ------------------------------------------------------------------- */

static uint32_t *find_kept(const struct plan *plan)
{
    uint32_t *kept = memory_resize(NULL, plan->dag->node_count, sizeof *kept);
    for (uint32_t n = 0; n < plan->dag->node_count; n++)
        kept[n] = plan_fan_out(plan, n, 0).kept;
    return kept;
}

bool dot_goes_on(const struct drawing *d, uint32_t producer, uint32_t consumer)
{
    const struct plan *plan = d->options->plan;
    if (plan->dag->nodes[consumer].producer_count > 1)
        return plan->cluster && plan->cluster[producer] != PLAN_NONE &&
               plan->cluster[producer] == plan->cluster[consumer];
    return plan_is_clustered(plan, producer, consumer, 0) || d->kept[producer] == consumer;
}

/* ---- Boxes, in the frames of their scopes -------------------------------------------------------
 */

/* Scopes with something in them as a tree, and the nodes of each; all lists in order. */
struct scope_tree {
    uint32_t *first_node, *next_node;   /* by scope; by node */
    uint32_t *first_child, *next_child; /* by scope */
    bool *is_used;
};

static uint32_t *new_list(uint32_t count)
{
    uint32_t *list = memory_resize(NULL, count, sizeof *list);
    memset(list, 0xFF, count * sizeof *list);
    return list;
}

/* Backwards, so that pushing in front leaves each list in order; parents come before their
 * children. */
static void scope_tree_make(struct scope_tree *tree, const struct dag *dag)
{
    tree->first_node = new_list(dag->scope_count);
    tree->next_node = new_list(dag->node_count);
    tree->first_child = new_list(dag->scope_count);
    tree->next_child = new_list(dag->scope_count);
    tree->is_used = memory_new(dag->scope_count, sizeof *tree->is_used);
    for (uint32_t n = dag->node_count; n-- > 0;) {
        uint32_t scope = dag->nodes[n].scope;
        tree->next_node[n] = tree->first_node[scope];
        tree->first_node[scope] = n;
        tree->is_used[scope] = true;
    }
    for (uint32_t s = dag->scope_count; s-- > 1;) {
        uint32_t parent = dag->scopes[s].parent;
        if (!tree->is_used[s])
            continue;
        tree->is_used[parent] = true;
        tree->next_child[s] = tree->first_child[parent];
        tree->first_child[parent] = s;
    }
}

static void scope_tree_release(struct scope_tree *tree)
{
    free(tree->first_node);
    free(tree->next_node);
    free(tree->first_child);
    free(tree->next_child);
    free(tree->is_used);
}

/* Clusters share the twelve colours of a scheme of Graphviz's. */
static void put_cluster(struct drawing *d, uint32_t node)
{
    const struct plan *plan = d->options->plan;
    if (plan && plan->cluster && plan->cluster[node] != PLAN_NONE)
        buffer_printf(
            d->out, ", style=\"rounded,filled\", fillcolor=\"/set312/%u\", tooltip=\"cluster %u\"",
            plan->cluster[node] % 12 + 1, plan->cluster[node]);
    if (d->is_critical && d->is_critical[node])
        buffer_puts(d->out, ", color=red");
}

static void put_box(struct drawing *d, uint32_t node, uint32_t depth)
{
    dot_put_indent(d, depth);
    if (node == dag_sink(d->dag)) {
        buffer_printf(d->out, "n%u [shape=doublecircle, style=\"\", label=\"result\"]\n", node);
        return;
    }
    buffer_printf(d->out, "n%u [label=\"", node);
    dot_put_call(d, node);
    dot_put_fused(d, d->dag->nodes[node].task);
    buffer_putc(d->out, '"');
    put_cluster(d, node);
    buffer_puts(d->out, "]\n");
}

static void open_scope(struct drawing *d, const struct scope_tree *tree, uint32_t scope,
                       uint32_t depth)
{
    if (scope) {
        dot_put_indent(d, depth);
        buffer_printf(d->out, "subgraph cluster_s%u {\n", scope);
        dot_put_indent(d, depth + 1);
        buffer_puts(d->out, "label=\"");
        dot_put_escaped(d->out, dag_string(d->dag, d->dag->scopes[scope].name));
        buffer_puts(d->out, "\"\n");
    }
    for (uint32_t n = tree->first_node[scope]; n != DOT_NOTHING; n = tree->next_node[n])
        put_box(d, n, depth + 1);
}

/* Walks the tree without recursion: flows may nest deeply. */
static void put_scopes(struct drawing *d)
{
    struct scope_tree tree;
    scope_tree_make(&tree, d->dag);
    uint32_t scope = 0, depth = 0;
    bool is_done = false;
    open_scope(d, &tree, scope, depth);
    while (!is_done) {
        uint32_t child = tree.first_child[scope];
        if (child != DOT_NOTHING) {
            scope = child;
            open_scope(d, &tree, scope, ++depth);
            continue;
        }
        while (scope && tree.next_child[scope] == DOT_NOTHING) {
            dot_put_indent(d, depth--);
            buffer_puts(d->out, "}\n");
            scope = d->dag->scopes[scope].parent;
        }
        is_done = scope == 0;
        if (is_done)
            break;
        dot_put_indent(d, depth);
        buffer_puts(d->out, "}\n");
        scope = tree.next_child[scope];
        open_scope(d, &tree, scope, depth);
    }
    scope_tree_release(&tree);
}

/* ---- Arrows ---------------------------------------------------------------------------------- */

struct arrow { /* one ref, and where it stands among the consumer's */
    dag_ref ref;
    uint64_t place;
};

static int compare_arrows(const void *left, const void *right)
{
    const struct arrow *a = left, *b = right;
    uint32_t source_a = dag_ref_source(a->ref), source_b = dag_ref_source(b->ref);
    if (source_a != source_b)
        return source_a < source_b ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

static void put_arrow_style(struct drawing *d, uint32_t source, uint32_t consumer)
{
    if (source >= DAG_INPUT)
        return;
    if (d->kept && dot_goes_on(d, source, consumer))
        buffer_puts(d->out, ", penwidth=2.5");
    if (d->is_critical && d->is_critical[source] && d->is_critical[consumer])
        buffer_puts(d->out, ", color=red");
}

/* One arrow for all that a consumer reads of a source. */
static void put_arrow(struct drawing *d, const struct arrow *arrows, uint64_t count,
                      uint32_t consumer)
{
    const struct dag_view *view = &d->dag->views[dag_ref_view(arrows[0].ref)];
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < count; i++)
        bytes += dag_ref_bytes(d->dag, arrows[i].ref);
    buffer_puts(d->out, "    ");
    dot_put_source_name(d, dag_ref_source(arrows[0].ref));
    buffer_printf(d->out, " -> n%u [", consumer);
    if (view->is_unit) {
        buffer_puts(d->out, "style=dashed]\n");
        return;
    }
    buffer_puts(d->out, "label=\"");
    if (count == 1 && view->source_rank) {
        dot_put_selection(d, view);
        buffer_puts(d->out, "\\n");
    }
    if (count > 1)
        buffer_printf(d->out, "%" PRIu64 " pieces, ", count);
    dot_put_bytes(d->out, bytes);
    buffer_putc(d->out, '"');
    put_arrow_style(d, dag_ref_source(arrows[0].ref), consumer);
    buffer_puts(d->out, "]\n");
}

static void put_arrows(struct drawing *d, uint32_t consumer)
{
    const struct dag *dag = d->dag;
    const dag_ref *refs = dag->refs + dag->nodes[consumer].first_ref;
    uint64_t count = dag_ref_count(dag, consumer), shown = 0;
    struct arrow *arrows = memory_resize(NULL, count, sizeof *arrows);
    for (uint64_t i = 0; i < count; i++)
        if (consumer == dag_sink(dag) || !dot_is_scalar_constant(dag, refs[i]))
            arrows[shown++] = (struct arrow){refs[i], i};
    if (shown)
        qsort(arrows, shown, sizeof *arrows, compare_arrows);
    for (uint64_t begin = 0, end; begin < shown; begin = end) {
        end = begin + 1;
        while (end < shown && dag_ref_source(arrows[end].ref) == dag_ref_source(arrows[begin].ref))
            end++;
        put_arrow(d, arrows + begin, end - begin, consumer);
    }
    free(arrows);
}

/* Scalar constants that the result itself consists of are boxes after all. */
static void put_result_scalars(struct drawing *d)
{
    const struct dag *dag = d->dag;
    uint32_t sink = dag_sink(dag);
    for (uint64_t r = dag->nodes[sink].first_ref; r < dag->nodes[sink + 1].first_ref; r++) {
        char text[32];
        if (!dot_is_scalar_constant(dag, dag->refs[r]))
            continue;
        uint32_t number = dag_ref_source(dag->refs[r]) - DAG_CONSTANT;
        const struct dag_constant *c = &dag->constants[number];
        enum wk_scalar scalar = (enum wk_scalar)c->scalar;
        semantics_print(scalar, dag_load_element(dag->data + c->offset, scalar, false), text);
        buffer_printf(d->out, "    c%u [shape=note, style=\"\", label=\"%s\"]\n", number, text);
    }
}

static void draw_tasks(struct drawing *d)
{
    const struct dag *dag = d->dag;
    dot_begin(d);
    dot_put_inputs(d);
    dot_put_constants(d);
    put_result_scalars(d);
    put_scopes(d);
    for (uint32_t n = 0; n < dag->node_count; n++)
        put_arrows(d, n);
    buffer_puts(d->out, "}\n");
}

/* ---- Levels ---------------------------------------------------------------------------------- */

static bool is_readable(uint64_t boxes, uint64_t arrows)
{
    return boxes <= DOT_MOST_BOXES && arrows <= DOT_MOST_ARROWS;
}

/* Groups, and if they are still too many those of call sites. */
static int draw_groups(struct drawing *d, enum dot_grouping grouping, struct error *error)
{
    struct dot_groups groups;
    int code = 0;
    dot_groups_make(&groups, d, grouping);
    size_t boxes = groups.boxes.list.count, arrows = groups.arrows.list.count;
    if (is_readable(boxes, arrows)) {
        dot_draw_groups(d, &groups);
    } else if (grouping == DOT_BY_SITE) {
        error_set(error, ERR_drawing_too_large,
                  "%zu calls with %zu edges: more than anyone could read in a drawing", boxes,
                  arrows);
        code = error_hint(error, "--expand draws each task all the same");
    } else {
        code = draw_groups(d, DOT_BY_SITE, error);
    }
    dot_groups_release(&groups);
    return code;
}

static int draw(struct drawing *d, struct error *error)
{
    const struct dag *dag = d->dag;
    switch (d->options->level) {
    case DOT_TASK:
        if (!d->options->expand &&
            !is_readable(dag->node_count, dag->nodes[dag->node_count].first_ref))
            return draw_groups(d, DOT_BY_FAMILY, error);
        draw_tasks(d);
        return 0;
    case DOT_CLUSTER:
        return draw_groups(d, DOT_BY_CLUSTER, error);
    case DOT_FLOW:
        return draw_groups(d, DOT_BY_SITE, error);
    }
    bug("a level of drawings that is none: %d", (int)d->options->level);
}

int dag_write_dot(const struct dag *dag, const struct dot_options *options, struct buffer *out,
                  struct error *error)
{
    struct drawing drawing = {.dag = dag, .options = options, .out = out};
    int code = dag_signatures_init(&drawing.signatures, dag, error);
    if (!code && options->plan) {
        drawing.is_critical = find_critical(options->plan);
        drawing.kept = find_kept(options->plan);
    }
    if (!code)
        code = draw(&drawing, error);
    free(drawing.is_critical);
    free(drawing.kept);
    dag_signatures_release(&drawing.signatures);
    return code;
}
