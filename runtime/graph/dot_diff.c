/*
 * What has become of a graph; see dot.h. Call sites of two graphs are the same if flow, place in
 * the program and the task's name are: these do not depend on the numbers of either graph.
 */
#include "graph/dot_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A box of the union: a call site, or an input of the job. */
struct union_box {
    const char *flow, *file, *name;
    uint32_t line, column;
    bool is_input, is_result;
    uint64_t counts[2]; /* tasks in each graph */
};

/* A box of one of the graphs. */
struct part_box {
    struct union_box what;
    uint32_t graph, number; /* box of its groups; of inputs DAG_INPUT and above */
};

struct dot_union {
    const struct dag *dags[2];
    struct dot_groups groups[2];
    VECTOR(struct part_box) parts;
    VECTOR(struct union_box) boxes;
    uint32_t *box_of[2], *input_of[2]; /* boxes of the union */
    struct dot_keys arrows;            /* from, to, is () */
    VECTOR(struct dot_sum) sums[2];
};

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_parts(const void *left, const void *right)
{
    const struct union_box *a = &((const struct part_box *)left)->what;
    const struct union_box *b = &((const struct part_box *)right)->what;
    int order = compare_numbers(b->is_input, a->is_input);
    order = order ? order : compare_numbers(a->is_result, b->is_result);
    order = order ? order : strcmp(a->flow, b->flow);
    order = order ? order : strcmp(a->file, b->file);
    order = order ? order : compare_numbers(a->line, b->line);
    order = order ? order : compare_numbers(a->column, b->column);
    return order ? order : strcmp(a->name, b->name);
}

/* The result is one box, whatever is known of its place. */
static struct union_box describe_box(const struct dag *dag, uint32_t node)
{
    const struct dag_node *it = &dag->nodes[node];
    const struct dag_site *site = &dag->sites[it->site];
    if (node == dag_sink(dag))
        return (struct union_box){.flow = "", .file = "", .name = "", .is_result = true};
    return (struct union_box){.flow = dag_string(dag, dag->scopes[it->scope].name),
                              .file = dag_string(dag, site->file),
                              .name = dag_string(dag, dag->tasks[it->task].name),
                              .line = site->line,
                              .column = site->column};
}

static void list_parts(struct dot_union *u, uint32_t graph)
{
    const struct dag *dag = u->dags[graph];
    const struct dot_groups *groups = &u->groups[graph];
    for (uint32_t b = 0; b < groups->boxes.list.count; b++) {
        struct part_box part = {describe_box(dag, groups->first.items[b]), graph, b};
        part.what.counts[graph] = groups->members.items[b];
        vector_push(&u->parts, part);
    }
    for (uint32_t i = 0; i < dag->input_count; i++)
        vector_push(&u->parts, (struct part_box){{.flow = "",
                                                  .file = "",
                                                  .name = dag_string(dag, dag->inputs[i].name),
                                                  .is_input = true},
                                                 graph,
                                                 DAG_INPUT + i});
}

static void unite(struct dot_union *u)
{
    for (uint32_t g = 0; g < 2; g++) {
        dot_groups_make(&u->groups[g], &(struct drawing){.dag = u->dags[g]}, DOT_BY_SITE);
        u->box_of[g] = memory_new(u->groups[g].boxes.list.count + 1, sizeof **u->box_of);
        u->input_of[g] = memory_new((size_t)u->dags[g]->input_count + 1, sizeof **u->input_of);
        list_parts(u, g);
    }
    qsort(u->parts.items, u->parts.count, sizeof *u->parts.items, compare_parts);
    for (size_t p = 0; p < u->parts.count; p++) {
        const struct part_box *part = &u->parts.items[p];
        if (p == 0 || compare_parts(&u->parts.items[p - 1], part) != 0)
            vector_push(&u->boxes, part->what);
        else
            vector_last(&u->boxes).counts[part->graph] += part->what.counts[part->graph];
        uint32_t box = (uint32_t)u->boxes.count - 1;
        if (part->number >= DAG_INPUT)
            u->input_of[part->graph][part->number - DAG_INPUT] = box;
        else
            u->box_of[part->graph][part->number] = box;
    }
}

/* Arrows of known arrays are left out. */
static void unite_arrows(struct dot_union *u, uint32_t graph)
{
    const struct dot_groups *groups = &u->groups[graph];
    for (size_t a = 0; a < groups->arrows.list.count; a++) {
        const uint32_t *arrow = groups->arrows.list.items[a].words;
        if (arrow[0] >= DAG_CONSTANT)
            continue;
        uint32_t from = arrow[0] < DAG_INPUT ? u->box_of[graph][arrow[0]]
                                             : u->input_of[graph][arrow[0] - DAG_INPUT];
        uint32_t number = dot_keys_number(
            &u->arrows, (struct dot_key){{from, u->box_of[graph][arrow[1]], arrow[2], 0}});
        for (uint32_t g = 0; g < 2; g++)
            while (u->sums[g].count <= number)
                vector_push(&u->sums[g], (struct dot_sum){0});
        u->sums[graph].items[number].count += groups->sums.items[a].count;
        u->sums[graph].items[number].bytes += groups->sums.items[a].bytes;
    }
}

static void release_union(struct dot_union *u)
{
    for (uint32_t g = 0; g < 2; g++) {
        dot_groups_release(&u->groups[g]);
        free(u->box_of[g]);
        free(u->input_of[g]);
        vector_release(&u->sums[g]);
    }
    vector_release(&u->parts);
    vector_release(&u->boxes);
    dot_keys_release(&u->arrows);
}

/* ---- Drawing --------------------------------------------------------------------------------- */

static const char *colour_of(uint64_t before, uint64_t after)
{
    return before == after ? "" : after == 0 ? "gray60" : before == 0 ? "darkgreen" : "blue";
}

static void put_counts(struct buffer *out, uint64_t before, uint64_t after)
{
    if (before == after && after > 1)
        buffer_printf(out, " \xC3\x97%" PRIu64, after);
    else if (before != after)
        buffer_printf(out, " \xC3\x97%" PRIu64 " \xE2\x86\x92 %" PRIu64, before, after);
}

static void put_union_box(struct drawing *d, const struct union_box *box, uint32_t number)
{
    const char *colour = colour_of(box->counts[0], box->counts[1]);
    if (box->is_result) {
        buffer_printf(d->out, "    n%u [shape=doublecircle, style=\"\", label=\"result\"]\n",
                      number);
        return;
    }
    buffer_printf(d->out, "        n%u [%slabel=\"", number,
                  box->is_input ? "shape=cylinder, " : "");
    dot_put_escaped(d->out, box->name);
    put_counts(d->out, box->counts[0], box->counts[1]);
    if (box->line)
        buffer_printf(d->out, "\\nline %u", box->line);
    buffer_putc(d->out, '"');
    if (*colour)
        buffer_printf(d->out, ", color=%s, fontcolor=%s%s", colour, colour,
                      box->counts[1] ? "" : ", style=\"rounded,dashed\"");
    buffer_puts(d->out, "]\n");
}

/* Boxes are sorted by flow: those of one stand in a row; main's are in no frame. */
static void put_union_boxes(struct drawing *d, const struct dot_union *u)
{
    const char *main_flow = dag_string(u->dags[1], u->dags[1]->scopes[0].name);
    const char *frame = main_flow;
    for (uint32_t b = 0; b < u->boxes.count; b++) {
        const struct union_box *box = &u->boxes.items[b];
        const char *flow = *box->flow ? box->flow : main_flow;
        if (strcmp(flow, frame) != 0) {
            buffer_puts(d->out, strcmp(frame, main_flow) != 0 ? "    }\n" : "");
            frame = flow;
            if (strcmp(frame, main_flow) != 0) {
                buffer_printf(d->out, "    subgraph cluster_f%u {\n        label=\"", b);
                dot_put_escaped(d->out, frame);
                buffer_puts(d->out, "\"\n");
            }
        }
        put_union_box(d, box, b);
    }
    buffer_puts(d->out, strcmp(frame, main_flow) != 0 ? "    }\n" : "");
}

static void put_union_arrow(struct drawing *d, const struct dot_union *u, uint32_t number)
{
    const uint32_t *arrow = u->arrows.list.items[number].words;
    const struct dot_sum *before = &u->sums[0].items[number], *after = &u->sums[1].items[number];
    const char *colour = colour_of(before->count, after->count);
    buffer_printf(d->out, "    n%u -> n%u [", arrow[0], arrow[1]);
    if (arrow[2]) {
        buffer_puts(d->out, "style=dashed");
    } else {
        buffer_puts(d->out, "label=\"");
        dot_put_bytes(d->out, before->bytes);
        if (before->bytes != after->bytes) {
            buffer_puts(d->out, " \xE2\x86\x92 ");
            dot_put_bytes(d->out, after->bytes);
        }
        buffer_puts(d->out, "\"");
    }
    if (*colour)
        buffer_printf(d->out, ", color=%s, fontcolor=%s", colour, colour);
    buffer_puts(d->out, "]\n");
}

static int check_readable(const struct dot_union *u, struct error *error)
{
    if (u->boxes.count <= DOT_MOST_BOXES && u->arrows.list.count <= DOT_MOST_ARROWS)
        return 0;
    return error_set(error, ERR_drawing_too_large,
                     "%zu calls with %zu edges: more than anyone could read in a drawing",
                     u->boxes.count, u->arrows.list.count);
}

int dag_write_dot_diff(const struct dag *before, const struct dag *after, struct buffer *out,
                       struct error *error)
{
    struct drawing drawing = {.dag = after, .out = out};
    struct dot_union u = {.dags = {before, after}};
    unite(&u);
    unite_arrows(&u, 0);
    unite_arrows(&u, 1);
    int code = check_readable(&u, error);
    if (!code) {
        dot_begin(&drawing);
        put_union_boxes(&drawing, &u);
        for (uint32_t a = 0; a < u.arrows.list.count; a++)
            put_union_arrow(&drawing, &u, a);
        buffer_puts(out, "}\n");
    }
    release_union(&u);
    return code;
}
