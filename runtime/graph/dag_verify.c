/*
 * The rules that readers of a DAG rely on: spec/dag.md, by whose numbers each refusal is named.
 *
 * Each rule is checked under those before it. Nothing is assumed but the tables' sizes: nodes has
 * node_count + 1 entries, refs as many as the last says, and so on.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/arguments.h"
#include "graph/formula.h"
#include "graph/builder.h"
#include "graph/loaded.h"

struct verifier {
    const struct dag *dag;
    struct dag_signatures signatures;
    struct error *error;
};

#define REFUSE(v, ...) error_set((v)->error, ERR_bad_dag, __VA_ARGS__)

/* ---- Small tables ------------------------------------------------------------------------------
 */

static bool is_string(const struct verifier *v, uint32_t offset)
{
    return offset < v->dag->string_bytes;
}

static int verify_counts(struct verifier *v)
{
    const struct dag *dag = v->dag;
    if (dag->node_count < 1 || dag->node_count > DAG_MAX_NODES || dag->task_count < 1 ||
        dag->site_count < 1 || dag->scope_count < 1)
        return REFUSE(v, "D1: nodes, tasks, sites and scopes are one or more each");
    if (dag->string_bytes < 1 || dag->strings[dag->string_bytes - 1] || dag->strings[0])
        return REFUSE(v, "D1: the strings begin and end with a zero byte");
    return 0;
}

static int verify_sites(struct verifier *v)
{
    for (uint32_t i = 0; i < v->dag->site_count; i++)
        if (!is_string(v, v->dag->sites[i].file))
            return REFUSE(v, "D2: site %u has no file name", i);
    return 0;
}

static int verify_scopes(struct verifier *v)
{
    for (uint32_t i = 0; i < v->dag->scope_count; i++) {
        const struct dag_scope *scope = &v->dag->scopes[i];
        if (!is_string(v, scope->name) || scope->site >= v->dag->site_count || scope->parent > i ||
            (i > 0 && scope->parent == i))
            return REFUSE(v, "D3: scope %u has no name, site, or older parent", i);
    }
    return 0;
}

/* Whether the extents are counts whose product fits; gives the bytes of their elements. */
static bool are_extents(const int64_t *extents, uint32_t rank, uint32_t size, uint64_t *bytes)
{
    bool is_empty = false;
    *bytes = size;
    for (uint32_t d = 0; d < rank; d++) {
        is_empty |= extents[d] == 0;
        if (extents[d] < 0)
            return false;
    }
    for (uint32_t d = 0; d < rank && !is_empty; d++)
        if (__builtin_mul_overflow(*bytes, (uint64_t)extents[d], bytes) || *bytes > INT64_MAX)
            return false;
    *bytes = is_empty ? 0 : *bytes;
    return true;
}

static int verify_inputs(struct verifier *v)
{
    for (uint32_t i = 0; i < v->dag->input_count; i++) {
        const struct dag_input *input = &v->dag->inputs[i];
        uint64_t bytes;
        if (!is_string(v, input->name) || input->scalar > DAG_OPAQUE ||
            (input->rank < 1 && input->scalar != DAG_OPAQUE) || input->rank > WK_MAX_RANK ||
            !are_extents(input->extents, input->rank, 8, &bytes))
            return REFUSE(v, "D4: input %u is no array or map with a name", i);
        if (input->file && (input->rank != 1 || input->scalar != WK_U8))
            return REFUSE(v, "D4: input %u is a file, but not bytes", i);
    }
    return v->dag->input_count > DAG_CONSTANT - DAG_INPUT ? REFUSE(v, "D4: too many inputs") : 0;
}

static int verify_constants(struct verifier *v)
{
    for (uint32_t i = 0; i < v->dag->constant_count; i++) {
        const struct dag_constant *c = &v->dag->constants[i];
        uint64_t bytes, end, align = c->rank ? WK_ALIGN : sizeof(uint64_t);
        if (c->scalar >= WK_SCALAR_COUNT || c->rank > WK_MAX_RANK)
            return REFUSE(v, "D5: constant %u is no array of scalars", i);
        uint32_t size = c->rank ? wk_scalar_bytes((enum wk_scalar)c->scalar) : sizeof(uint64_t);
        if (!are_extents(c->extents, c->rank, size, &bytes) || bytes != c->bytes)
            return REFUSE(v, "D5: constant %u has another size than its extents say", i);
        if (c->offset % align || __builtin_add_overflow(c->offset, bytes, &end) ||
            end > v->dag->data_bytes)
            return REFUSE(v, "D5: constant %u lies outside of the data", i);
    }
    return v->dag->constant_count > UINT32_MAX - DAG_CONSTANT ? REFUSE(v, "D5: too many constants")
                                                              : 0;
}

static bool is_formula(const struct verifier *v, uint32_t text)
{
    struct arena arena;
    if (!is_string(v, text))
        return false;
    arena_init(&arena);
    const char *formula = dag_string(v->dag, text);
    bool is_one = *formula == '\0' || formula_parse(&arena, formula);
    arena_release(&arena);
    return is_one;
}

static int verify_tasks(struct verifier *v)
{
    for (uint32_t i = 0; i < v->dag->task_count; i++) {
        const struct dag_task *task = &v->dag->tasks[i];
        if (!is_string(v, task->name) || !is_string(v, task->symbol) ||
            !is_string(v, task->parameter_types) || !is_string(v, task->result_type) ||
            task->site >= v->dag->site_count || !is_string(v, task->fallback) ||
            !is_string(v, task->members))
            return REFUSE(v, "D6: task %u has no name, symbol, types or site", i);
        if (task->fallback && !*dag_string(v->dag, task->fallback))
            return REFUSE(v, "D6: task %u has a fallback without a name", i);
        if (!is_formula(v, task->formula))
            return REFUSE(v, "D6: task %u has a formula that is none", i);
    }
    int code = dag_signatures_init(&v->signatures, v->dag, v->error);
    for (uint32_t i = 0; i < v->dag->task_count && !code; i++)
        if (v->signatures.results[i] &&
            v->signatures.results[i]->leaf_count != v->dag->tasks[i].leaf_count)
            code = REFUSE(v, "D7: task %u has another count of leaves than its result", i);
    return code;
}

/* ---- Views and patterns ------------------------------------------------------------------------
 */

/* The ranges of a selection are what the view gives. */
static bool is_selection(const struct dag_view *view, const int64_t *words)
{
    const int64_t *pair = words + view->rank;
    uint32_t ranges = 0;
    for (uint32_t d = 0; d < view->source_rank; d++, pair += 2) {
        int64_t end;
        if (pair[0] < 0 || pair[1] < -1 || __builtin_add_overflow(pair[0], pair[1], &end))
            return false;
        if (pair[1] >= 0 && (ranges >= view->rank || words[ranges++] != pair[1]))
            return false;
    }
    return view->source_rank == 0 || ranges == view->rank;
}

static int verify_views(struct verifier *v)
{
    for (uint32_t i = 0; i < v->dag->view_count; i++) {
        const struct dag_view *view = &v->dag->views[i];
        const int64_t *words = v->dag->view_words + view->first_word;
        if (view->scalar > DAG_OPAQUE || view->rank > WK_MAX_RANK ||
            view->source_rank > WK_MAX_RANK || view->is_unit > 1 ||
            (uint64_t)view->first_word + dag_view_words(view) > v->dag->view_word_count)
            return REFUSE(v, "D8: view %u has an impossible type or no words", i);
        if (view->is_unit && (view->part || dag_view_words(view)))
            return REFUSE(v, "D8: view %u is of () and has a part or a shape", i);
        for (uint32_t d = 0; d < view->rank; d++)
            if (words[d] < -1)
                return REFUSE(v, "D8: view %u has a negative extent", i);
        if (!is_selection(view, words))
            return REFUSE(v, "D8: view %u selects something else than it gives", i);
    }
    return 0;
}

static int verify_patterns(struct verifier *v)
{
    for (uint32_t i = 0; i < v->dag->pattern_count; i++)
        if (v->dag->patterns[i] > v->dag->patterns[i + 1])
            return REFUSE(v, "D9: pattern %u ends before it begins", i);
    if (v->dag->patterns[0])
        return REFUSE(v, "D9: the first pattern does not begin at 0");
    return 0;
}

/* ---- Nodes -------------------------------------------------------------------------------------
 */

static int verify_node(struct verifier *v, uint32_t number)
{
    const struct dag *dag = v->dag;
    const struct dag_node *node = &dag->nodes[number];
    if (node->task >= dag->task_count || node->pattern >= dag->pattern_count ||
        node->site >= dag->site_count || node->scope >= dag->scope_count)
        return REFUSE(v, "D10: node %u has no task, pattern, site or scope", number);
    if ((node->task == DAG_RESULT) != (number == dag_sink(dag)))
        return REFUSE(v, "D10: node %u: the last node, and no other, is the sink", number);
    if (node[1].first_ref < node->first_ref || node[1].first_word < node->first_word ||
        node[1].first_child < node->first_child)
        return REFUSE(v, "D11: node %u: refs, words and children do not ascend", number);
    return 0;
}

static bool source_exists(const struct dag *dag, uint32_t source, uint32_t consumer)
{
    if (source < DAG_INPUT)
        return source < consumer;
    if (source < DAG_CONSTANT)
        return source - DAG_INPUT < dag->input_count;
    return source - DAG_CONSTANT < dag->constant_count;
}

static int verify_nodes(struct verifier *v)
{
    const struct dag *dag = v->dag;
    if (dag->nodes[0].first_ref || dag->nodes[0].first_word || dag->nodes[0].first_child)
        return REFUSE(v, "D11: the first node's refs, words and children do not begin at 0");
    for (uint32_t i = 0; i < dag->node_count; i++) {
        int code = verify_node(v, i);
        if (code)
            return code;
    }
    for (uint32_t i = 0; i < dag->node_count; i++)
        for (uint64_t r = dag->nodes[i].first_ref; r < dag->nodes[i + 1].first_ref; r++)
            if (!source_exists(dag, dag_ref_source(dag->refs[r]), i) ||
                dag_ref_view(dag->refs[r]) >= dag->view_count)
                return REFUSE(v, "D12: node %u reads what does not exist, or is not older", i);
    return 0;
}

/* ---- What arguments read -----------------------------------------------------------------------
 */

/* What a source's part is; rank 0 for a scalar. */
struct whole {
    bool is_known;          /* its type is */
    bool is_opaque;         /* a string, a map, an array of what are no scalars: not cut */
    uint8_t scalar, rank;   /* as in a view */
    const int64_t *extents; /* or NULL */
};

static bool has_unit(const struct type *type)
{
    if (!type_has_parts(type))
        return false;
    bool found = type_is_unit(type);
    for (uint32_t i = 0; i < type->part_count; i++)
        found |= has_unit(type->parts[i]);
    return found;
}

static void set_whole(struct whole *whole, const struct type *type)
{
    struct dag_form form = dag_form_of(type);
    whole->scalar = form.scalar;
    whole->rank = form.rank;
    whole->is_opaque = form.scalar == DAG_OPAQUE || type->kind == TYPE_STRING;
}

/* False when there is no such part. */
static bool find_whole(const struct verifier *v, uint32_t source, const struct dag_view *view,
                       struct whole *whole)
{
    const struct dag *dag = v->dag;
    *whole = (struct whole){.is_known = true};
    if (source >= DAG_CONSTANT) {
        const struct dag_constant *c = &dag->constants[source - DAG_CONSTANT];
        whole->scalar = c->scalar;
        whole->rank = c->rank;
        whole->extents = c->extents;
        return view->part == 0 && !view->is_unit;
    }
    if (source >= DAG_INPUT) {
        const struct dag_input *input = &dag->inputs[source - DAG_INPUT];
        whole->scalar = input->scalar;
        whole->is_opaque = input->scalar == DAG_OPAQUE;
        whole->rank = input->rank;
        whole->extents = input->extents;
        return view->part == 0 && !view->is_unit;
    }
    uint32_t task = dag->nodes[source].task;
    const struct type *result = v->signatures.results[task];
    whole->is_known = result != NULL && !view->is_unit;
    if (view->is_unit)
        return !result || has_unit(result);
    if (view->part >= dag->tasks[task].leaf_count)
        return false;
    if (result)
        set_whole(whole, type_leaf(result, view->part));
    return true;
}

/* Whether the view is one of this whole. */
static bool is_view_of(const struct dag *dag, const struct dag_view *view,
                       const struct whole *whole)
{
    const int64_t *words = dag->view_words + view->first_word;
    if (!whole->is_known)
        return true;
    if (whole->scalar != view->scalar || (whole->is_opaque && view->source_rank))
        return false;
    if ((view->source_rank ? view->source_rank : view->rank) != whole->rank)
        return false;
    if (!whole->extents)
        return true;
    if (!view->source_rank)
        return memcmp(words, whole->extents, whole->rank * sizeof *words) == 0;
    const int64_t *pair = words + view->rank;
    for (uint32_t d = 0; d < view->source_rank; d++, pair += 2)
        if (pair[1] < 0 ? pair[0] >= whole->extents[d] : pair[0] + pair[1] > whole->extents[d])
            return false;
    return true;
}

/* Whether what the view gives is of this type. */
static bool gives(const struct dag_view *view, const struct type *type)
{
    if (type_has_parts(type))
        return false;
    struct dag_form form = dag_form_of(type);
    return view->rank == form.rank && view->scalar == form.scalar;
}

static int verify_ref(struct verifier *v, uint32_t node, const struct dag_item *item,
                      uint64_t index)
{
    dag_ref ref = item->refs[index];
    const struct dag_view *view = &v->dag->views[dag_ref_view(ref)];
    struct whole whole;
    if (!find_whole(v, dag_ref_source(ref), view, &whole) || !is_view_of(v->dag, view, &whole))
        return REFUSE(v, "D14: node %u reads a part or slice that its source does not have", node);
    if (view->is_unit != (item->kind == DAG_ARG_ORDER))
        return REFUSE(v, "D15: node %u: orders, and no others, read ()", node);
    if (view->is_unit || !item->leaf)
        return 0;
    const struct type *type = item->leaf;
    if (item->kind == DAG_ARG_GATHER)
        type = flow_leaf(item->leaf->element, (uint32_t)(index % item->leaves));
    if (!gives(view, type))
        return REFUSE(v, "D15: node %u reads a value of another type than its parameter", node);
    return 0;
}

static int verify_arguments(struct verifier *v, uint32_t node)
{
    struct dag_cursor cursor;
    struct dag_item item;
    dag_cursor_begin(&cursor, v->dag, &v->signatures, node);
    while (dag_cursor_next(&cursor, &item)) {
        for (uint64_t r = 0; r < item.ref_count; r++) {
            int code = verify_ref(v, node, &item, r);
            if (code)
                return code;
        }
    }
    return cursor.wrong ? REFUSE(v, "D13: node %u has %s", node, cursor.wrong) : 0;
}

/* ---- What follows from the rest ----------------------------------------------------------------
 */

static int compare_children(struct verifier *v, const struct dag_node *nodes,
                            const struct dag_child *children)
{
    const struct dag *dag = v->dag;
    for (uint32_t i = 0; i < dag->node_count; i++) {
        const struct dag_node *node = &dag->nodes[i];
        uint64_t count = nodes[i + 1].first_child - nodes[i].first_child;
        if (node->first_child != nodes[i].first_child ||
            node[1].first_child != nodes[i + 1].first_child ||
            node->producer_count != nodes[i].producer_count ||
            memcmp(dag->children + node->first_child, children + node->first_child,
                   count * sizeof *children) != 0)
            return REFUSE(v, "D16: node %u has other children or producers than the refs say", i);
        if (count == 0 && i != dag_sink(dag))
            return REFUSE(v, "D17: node %u is not needed by the sink", i);
    }
    return 0;
}

static int verify_children(struct verifier *v)
{
    const struct dag *dag = v->dag;
    size_t count = (size_t)dag->node_count + 1;
    struct dag_node *nodes = memory_resize(NULL, count, sizeof *nodes);
    memcpy(nodes, dag->nodes, count * sizeof *nodes);
    for (size_t i = 0; i < count; i++)
        nodes[i].first_child = 0;
    struct dag_child *children = dag_make_children(nodes, dag->refs, dag->node_count);
    int code = compare_children(v, nodes, children);
    free(nodes);
    free(children);
    return code;
}

static int verify_parts(struct verifier *v)
{
    uint64_t parts = 0;
    for (uint32_t i = 0; i < v->dag->node_count; i++) {
        if (v->dag->nodes[i].first_part != parts)
            return REFUSE(v, "D18: node %u does not number its parts after those before", i);
        parts += v->dag->tasks[v->dag->nodes[i].task].leaf_count;
        if (parts > UINT32_MAX)
            return REFUSE(v, "D18: too many parts");
    }
    return parts != v->dag->part_count ? REFUSE(v, "D18: the count of parts is another") : 0;
}

int dag_verify(const struct dag *dag, struct error *error)
{
    struct verifier v = {.dag = dag, .error = error};
    int code = verify_counts(&v);
    code = code ? code : verify_sites(&v);
    code = code ? code : verify_scopes(&v);
    code = code ? code : verify_inputs(&v);
    code = code ? code : verify_constants(&v);
    if (code)
        return code;
    code = verify_tasks(&v); /* makes the signatures, unless D6 is broken */
    code = code ? code : verify_views(&v);
    code = code ? code : verify_patterns(&v);
    code = code ? code : verify_nodes(&v);
    for (uint32_t i = 0; i < dag->node_count && !code; i++)
        code = verify_arguments(&v, i);
    code = code ? code : verify_children(&v);
    code = code ? code : verify_parts(&v);
    if (v.signatures.types.slots)
        dag_signatures_release(&v.signatures);
    return code;
}
