/*
 * Drawing a DAG in Graphviz's language; see dot.h.
 *
 * Level task: a box for each node, edges with bytes and views, nested clusters for instances of
 * flows. Level flow: a box for each task called at one place of one flow, a cluster for each flow,
 * and counts.
 */
#include "graph/dot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "graph/arguments.h"
#include "base/memory.h"
#include "base/vector.h"
#include "value/semantics.h"

enum { MOST_BOXES = 4000, MOST_ARROWS = 40000, MOST_LABEL = 80 };
#define NOTHING 0xFFFFFFFFu

struct drawing {
    const struct dag *dag;
    struct dag_signatures signatures;
    struct buffer *out;
};

/* ---- Texts -------------------------------------------------------------------------------------
 */

/* Within a quoted string of Graphviz's language. */
static void put_escaped(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buffer_putc(out, '\\');
        buffer_putc(out, *text == '\n' ? ' ' : *text);
    }
}

static void put_bytes(struct buffer *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    double size = (double)bytes;
    for (; size >= 1024 && unit < 6; unit++)
        size /= 1024;
    buffer_printf(out, unit && size < 10 ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

/* A slice as the language writes it: [0..512, 3]; all of a dimension is ":". */
static void put_selection(struct drawing *d, const struct dag_view *view)
{
    const int64_t *pair = d->dag->view_words + view->first_word + view->rank;
    for (uint32_t i = 0; i < view->source_rank; i++, pair += 2) {
        buffer_puts(d->out, i ? ", " : "[");
        if (pair[1] < 0)
            buffer_printf(d->out, "%" PRId64, pair[0]);
        else
            buffer_printf(d->out, "%" PRId64 "..%" PRId64, pair[0], pair[0] + pair[1]);
    }
    buffer_puts(d->out, view->source_rank ? "]" : "");
}

static void put_shape(struct drawing *d, uint8_t scalar, const int64_t *extents, uint32_t rank)
{
    buffer_puts(d->out, dag_form_text(scalar));
    for (uint32_t i = 0; i < rank; i++) {
        buffer_puts(d->out, i ? ", " : "[");
        if (extents[i] < 0)
            buffer_putc(d->out, '?');
        else
            buffer_printf(d->out, "%" PRId64, extents[i]);
    }
    buffer_puts(d->out, rank ? "]" : "");
}

/* A lifted scalar is shown as an argument, not as a box. */
static bool is_scalar_constant(const struct dag *dag, dag_ref ref)
{
    uint32_t source = dag_ref_source(ref);
    return source >= DAG_CONSTANT && dag->constants[source - DAG_CONSTANT].rank == 0;
}

static bool known_word(const struct dag *dag, const struct dag_item *item, enum wk_scalar *scalar,
                       uint64_t *word)
{
    if (item->kind == DAG_ARG_WORD && item->leaf) {
        *scalar = (enum wk_scalar)dag_form_of(item->leaf).scalar;
        *word = item->words[0];
        return true;
    }
    if (item->kind != DAG_ARG_REF || !is_scalar_constant(dag, item->refs[0]))
        return false;
    const struct dag_constant *c = &dag->constants[dag_ref_source(item->refs[0]) - DAG_CONSTANT];
    *scalar = (enum wk_scalar)c->scalar;
    *word = dag_load_element(dag->data + c->offset, *scalar, false);
    return true;
}

/* "partial(i=3, width=100)": the task's name and its known arguments. */
static void put_call(struct drawing *d, uint32_t node)
{
    const struct dag *dag = d->dag;
    struct dag_cursor cursor;
    struct dag_item item;
    enum wk_scalar scalar;
    uint64_t word;
    size_t begin = d->out->length;
    bool is_first = true;
    put_escaped(d->out, dag_string(dag, dag->tasks[dag->nodes[node].task].name));
    for (dag_cursor_begin(&cursor, dag, &d->signatures, node); dag_cursor_next(&cursor, &item);) {
        char text[32];
        if (!known_word(dag, &item, &scalar, &word))
            continue;
        buffer_puts(d->out, is_first ? "(" : ", ");
        is_first = false;
        if (d->out->length - begin > MOST_LABEL) {
            buffer_puts(d->out, "...");
            break;
        }
        semantics_print(scalar, word, text);
        if (item.name)
            buffer_printf(d->out, "%s=", item.name);
        buffer_puts(d->out, text);
    }
    buffer_puts(d->out, is_first ? "" : ")");
}

static void put_header(struct drawing *d)
{
    buffer_puts(d->out, "digraph \"");
    put_escaped(d->out, d->dag->scope_count ? dag_string(d->dag, d->dag->scopes[0].name) : "");
    buffer_puts(d->out,
                "\" {\n"
                "    graph [fontname=\"Helvetica\", fontsize=11, style=rounded, color=gray60]\n"
                "    node [fontname=\"Helvetica\", fontsize=11, shape=box, style=rounded]\n"
                "    edge [fontname=\"Helvetica\", fontsize=9, color=gray40]\n");
}

static void put_indent(struct drawing *d, uint32_t depth)
{
    for (uint32_t i = 0; i < depth && i < 20; i++)
        buffer_puts(d->out, "    ");
}

static void put_source_name(struct drawing *d, uint32_t source)
{
    if (source < DAG_INPUT)
        buffer_printf(d->out, "n%u", source);
    else if (source < DAG_CONSTANT)
        buffer_printf(d->out, "i%u", source - DAG_INPUT);
    else
        buffer_printf(d->out, "c%u", source - DAG_CONSTANT);
}

/* The first elements of a known array. */
static void put_elements(struct drawing *d, const struct dag_constant *constant)
{
    enum { SHOWN = 4 };
    enum wk_scalar scalar = (enum wk_scalar)constant->scalar;
    uint32_t size = wk_scalar_bytes(scalar);
    uint64_t count = constant->bytes / size;
    for (uint64_t i = 0; i < count && i < SHOWN; i++) {
        char text[32];
        const char *element = d->dag->data + constant->offset + i * size;
        semantics_print(scalar, dag_load_element(element, scalar, true), text);
        buffer_printf(d->out, "%s%s", i ? ", " : "\\n", text);
    }
    buffer_puts(d->out, count > SHOWN ? ", ..." : "");
}

/* Inputs as cylinders, known arrays as notes. */
static void put_sources(struct drawing *d)
{
    const struct dag *dag = d->dag;
    for (uint32_t i = 0; i < dag->input_count; i++) {
        const struct dag_input *input = &dag->inputs[i];
        buffer_printf(d->out, "    i%u [shape=cylinder, label=\"", i);
        put_escaped(d->out, dag_string(dag, input->name));
        buffer_puts(d->out, "\\n");
        put_shape(d, input->scalar, input->extents, input->rank);
        buffer_puts(d->out, "\"]\n");
    }
    for (uint32_t i = 0; i < dag->constant_count; i++) {
        const struct dag_constant *constant = &dag->constants[i];
        if (constant->rank == 0)
            continue;
        buffer_printf(d->out, "    c%u [shape=note, style=\"\", label=\"", i);
        put_shape(d, constant->scalar, constant->extents, constant->rank);
        put_elements(d, constant);
        buffer_puts(d->out, "\"]\n");
    }
}

/* ---- Scopes ------------------------------------------------------------------------------------
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

static void put_box(struct drawing *d, uint32_t node, uint32_t depth)
{
    put_indent(d, depth);
    if (node == dag_sink(d->dag)) {
        buffer_printf(d->out, "n%u [shape=doublecircle, style=\"\", label=\"result\"]\n", node);
        return;
    }
    buffer_printf(d->out, "n%u [label=\"", node);
    put_call(d, node);
    buffer_puts(d->out, "\"]\n");
}

static void open_scope(struct drawing *d, const struct scope_tree *tree, uint32_t scope,
                       uint32_t depth)
{
    if (scope) {
        put_indent(d, depth);
        buffer_printf(d->out, "subgraph cluster_s%u {\n", scope);
        put_indent(d, depth + 1);
        buffer_puts(d->out, "label=\"");
        put_escaped(d->out, dag_string(d->dag, d->dag->scopes[scope].name));
        buffer_puts(d->out, "\"\n");
    }
    for (uint32_t n = tree->first_node[scope]; n != NOTHING; n = tree->next_node[n])
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
        if (child != NOTHING) {
            scope = child;
            open_scope(d, &tree, scope, ++depth);
            continue;
        }
        while (scope && tree.next_child[scope] == NOTHING) {
            put_indent(d, depth--);
            buffer_puts(d->out, "}\n");
            scope = d->dag->scopes[scope].parent;
        }
        is_done = scope == 0;
        if (is_done)
            break;
        put_indent(d, depth);
        buffer_puts(d->out, "}\n");
        scope = tree.next_child[scope];
        open_scope(d, &tree, scope, depth);
    }
    scope_tree_release(&tree);
}

/* ---- Level task: arrows ------------------------------------------------------------------------
 */

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

/* One arrow for all that a consumer reads of a source. */
static void put_arrow(struct drawing *d, const struct arrow *arrows, uint64_t count,
                      uint32_t consumer)
{
    const struct dag_view *view = &d->dag->views[dag_ref_view(arrows[0].ref)];
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < count; i++)
        bytes += dag_ref_bytes(d->dag, arrows[i].ref);
    buffer_puts(d->out, "    ");
    put_source_name(d, dag_ref_source(arrows[0].ref));
    buffer_printf(d->out, " -> n%u [", consumer);
    if (view->is_unit) {
        buffer_puts(d->out, "style=dashed]\n");
        return;
    }
    buffer_puts(d->out, "label=\"");
    if (count == 1 && view->source_rank) {
        put_selection(d, view);
        buffer_puts(d->out, "\\n");
    }
    if (count > 1)
        buffer_printf(d->out, "%" PRIu64 " pieces, ", count);
    put_bytes(d->out, bytes);
    buffer_puts(d->out, "\"]\n");
}

static void put_arrows(struct drawing *d, uint32_t consumer)
{
    const struct dag *dag = d->dag;
    const dag_ref *refs = dag->refs + dag->nodes[consumer].first_ref;
    uint64_t count = dag_ref_count(dag, consumer), shown = 0;
    struct arrow *arrows = memory_resize(NULL, count, sizeof *arrows);
    for (uint64_t i = 0; i < count; i++)
        if (consumer == dag_sink(dag) || !is_scalar_constant(dag, refs[i]))
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
        if (!is_scalar_constant(dag, dag->refs[r]))
            continue;
        uint32_t number = dag_ref_source(dag->refs[r]) - DAG_CONSTANT;
        const struct dag_constant *c = &dag->constants[number];
        enum wk_scalar scalar = (enum wk_scalar)c->scalar;
        semantics_print(scalar, dag_load_element(dag->data + c->offset, scalar, false), text);
        buffer_printf(d->out, "    c%u [shape=note, style=\"\", label=\"%s\"]\n", number, text);
    }
}

static int check_readable(const struct dag *dag, struct error *error)
{
    if (dag->node_count <= MOST_BOXES && dag->nodes[dag->node_count].first_child <= MOST_ARROWS)
        return 0;
    error_set(error, ERR_drawing_too_large,
              "%u tasks with %" PRIu64 " edges: more than anyone could read in a drawing",
              dag->node_count - 1, dag->nodes[dag->node_count].first_child);
    return error_hint(error, "--level=flow draws a box for each call in the program, "
                             "--level=task each task all the same");
}

static void draw_tasks(struct drawing *d)
{
    const struct dag *dag = d->dag;
    put_header(d);
    put_sources(d);
    put_result_scalars(d);
    put_scopes(d);
    for (uint32_t n = 0; n < dag->node_count; n++)
        put_arrows(d, n);
    buffer_puts(d->out, "}\n");
}

/* ---- Level flow --------------------------------------------------------------------------------
 */

/* Numbers for keys of three words, in the order of their first appearance. */
struct key {
    uint32_t words[3];
};
struct keys {
    VECTOR(struct key) list;
    uint32_t *slots; /* number + 1 */
    uint32_t capacity;
};

static void keys_place(struct keys *keys, const struct key *key, uint32_t number)
{
    uint64_t at = hash_bytes(key, sizeof *key);
    while (keys->slots[at & (keys->capacity - 1)])
        at++;
    keys->slots[at & (keys->capacity - 1)] = number + 1;
}

static uint32_t keys_number(struct keys *keys, struct key key)
{
    if (2 * keys->list.count >= keys->capacity) {
        keys->capacity = keys->capacity ? 2 * keys->capacity : 64;
        free(keys->slots);
        keys->slots = memory_new(keys->capacity, sizeof *keys->slots);
        for (uint32_t i = 0; i < keys->list.count; i++)
            keys_place(keys, &keys->list.items[i], i);
    }
    for (uint64_t at = hash_bytes(&key, sizeof key); keys->slots[at & (keys->capacity - 1)]; at++) {
        uint32_t number = keys->slots[at & (keys->capacity - 1)] - 1;
        if (memcmp(&keys->list.items[number], &key, sizeof key) == 0)
            return number;
    }
    keys_place(keys, &key, (uint32_t)keys->list.count);
    vector_push(&keys->list, key);
    return (uint32_t)keys->list.count - 1;
}

static void keys_release(struct keys *keys)
{
    vector_release(&keys->list);
    free(keys->slots);
}

struct sum {
    uint64_t count, bytes;
};

struct summary {
    struct keys boxes;  /* task, site, flow's name */
    struct keys arrows; /* source (a box, or DAG_INPUT and above), box of the consumer, is unit */
    VECTOR(struct sum) box_sums;
    VECTOR(struct sum) arrow_sums;
    uint32_t *box_of; /* by node */
};

#define ADD_TO_SUM(sums, number, c, b)                                                             \
    do {                                                                                           \
        while ((sums).count <= (number))                                                           \
            vector_push(&(sums), (struct sum){0});                                                 \
        (sums).items[number].count += (c);                                                         \
        (sums).items[number].bytes += (b);                                                         \
    } while (0)

static void summarize(struct summary *s, const struct dag *dag)
{
    s->box_of = memory_resize(NULL, dag->node_count, sizeof *s->box_of);
    for (uint32_t n = 0; n < dag->node_count; n++) {
        const struct dag_node *node = &dag->nodes[n];
        struct key box = {{node->task, node->site, dag->scopes[node->scope].name}};
        s->box_of[n] = keys_number(&s->boxes, box);
        ADD_TO_SUM(s->box_sums, s->box_of[n], 1, 0);
        for (uint64_t r = node[0].first_ref; r < node[1].first_ref; r++) {
            dag_ref ref = dag->refs[r];
            if (is_scalar_constant(dag, ref))
                continue;
            uint32_t source = dag_ref_source(ref);
            struct key arrow = {{source < DAG_INPUT ? s->box_of[source] : source, s->box_of[n],
                                 dag->views[dag_ref_view(ref)].is_unit}};
            uint32_t number = keys_number(&s->arrows, arrow);
            ADD_TO_SUM(s->arrow_sums, number, 1, dag_ref_bytes(dag, ref));
        }
    }
}

static void put_call_site(struct drawing *d, const struct key *box, uint32_t number, uint64_t count)
{
    const struct dag *dag = d->dag;
    const struct dag_site *site = &dag->sites[box->words[1]];
    buffer_printf(d->out, "        n%u [label=\"", number);
    put_escaped(d->out, dag_string(dag, dag->tasks[box->words[0]].name));
    if (count > 1)
        buffer_printf(d->out, " \xC3\x97%" PRIu64, count);
    if (site->line)
        buffer_printf(d->out, "\\nline %u", site->line);
    buffer_puts(d->out, "\"]\n");
}

/* A cluster for each flow, in the order of their first nodes; main's boxes stand outside. */
static void put_flows(struct drawing *d, const struct summary *s)
{
    struct keys flows = {0};
    for (size_t b = 0; b < s->boxes.list.count; b++)
        keys_number(&flows, (struct key){{s->boxes.list.items[b].words[2], 0, 0}});
    for (uint32_t f = 0; f < flows.list.count; f++) {
        uint32_t name = flows.list.items[f].words[0];
        bool is_main = name == d->dag->scopes[0].name;
        if (!is_main) {
            buffer_printf(d->out, "    subgraph cluster_f%u {\n        label=\"", f);
            put_escaped(d->out, dag_string(d->dag, name));
            buffer_puts(d->out, "\"\n");
        }
        for (uint32_t b = 0; b < s->boxes.list.count; b++) {
            const struct key *box = &s->boxes.list.items[b];
            if (box->words[2] == name && box->words[0] != DAG_RESULT)
                put_call_site(d, box, b, s->box_sums.items[b].count);
        }
        buffer_puts(d->out, is_main ? "" : "    }\n");
    }
    keys_release(&flows);
    buffer_printf(d->out, "    n%u [shape=doublecircle, style=\"\", label=\"result\"]\n",
                  s->box_of[dag_sink(d->dag)]);
}

static void put_flow_arrow(struct drawing *d, const struct key *arrow, const struct sum *sum)
{
    buffer_puts(d->out, "    ");
    put_source_name(d, arrow->words[0]);
    buffer_printf(d->out, " -> n%u [", arrow->words[1]);
    if (arrow->words[2]) {
        buffer_puts(d->out, "style=dashed]\n");
        return;
    }
    buffer_puts(d->out, "label=\"");
    if (sum->count > 1)
        buffer_printf(d->out, "%" PRIu64 " edges, ", sum->count);
    put_bytes(d->out, sum->bytes);
    buffer_puts(d->out, "\"]\n");
}

static void draw_flows(struct drawing *d)
{
    struct summary summary = {0};
    summarize(&summary, d->dag);
    put_header(d);
    put_sources(d);
    put_flows(d, &summary);
    for (size_t a = 0; a < summary.arrows.list.count; a++)
        put_flow_arrow(d, &summary.arrows.list.items[a], &summary.arrow_sums.items[a]);
    buffer_puts(d->out, "}\n");
    keys_release(&summary.boxes);
    keys_release(&summary.arrows);
    vector_release(&summary.box_sums);
    vector_release(&summary.arrow_sums);
    free(summary.box_of);
}

int dag_write_dot(const struct dag *dag, enum dot_level level, struct buffer *out,
                  struct error *error)
{
    struct drawing drawing = {.dag = dag, .out = out};
    int code = level == DOT_TASK ? check_readable(dag, error) : 0;
    if (code)
        return code;
    code = dag_signatures_init(&drawing.signatures, dag, error);
    if (!code && level == DOT_FLOW)
        draw_flows(&drawing);
    else if (!code)
        draw_tasks(&drawing);
    dag_signatures_release(&drawing.signatures);
    return code;
}
