/*
 * Drawings of groups of nodes; see dot_private.h. A group is a box with the number of its tasks,
 * and there is one arrow for all edges between two groups. Frames are flows by name.
 */
#include "graph/dot_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { MOST_SOURCES = 64 }; /* of files, or of known arrays: of more there is one box for all */

/* ---- Numbers for keys ------------------------------------------------------------------------ */

static void keys_place(struct dot_keys *keys, const struct dot_key *key, uint32_t number)
{
    uint64_t at = hash_bytes(key, sizeof *key);
    while (keys->slots[at & (keys->capacity - 1)])
        at++;
    keys->slots[at & (keys->capacity - 1)] = number + 1;
}

uint32_t dot_keys_number(struct dot_keys *keys, struct dot_key key)
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

void dot_keys_release(struct dot_keys *keys)
{
    vector_release(&keys->list);
    free(keys->slots);
}

/* ---- Groups ---------------------------------------------------------------------------------- */

/* By node: the tasks on the longest way to it. */
static uint32_t *make_depths(const struct dag *dag)
{
    uint32_t *depths = memory_new(dag->node_count, sizeof *depths);
    for (uint32_t n = 0; n < dag->node_count; n++)
        for (uint64_t c = dag->nodes[n].first_child; c < dag->nodes[n + 1].first_child; c++) {
            uint32_t child = dag->children[c].node;
            if (depths[child] <= depths[n])
                depths[child] = depths[n] + 1;
        }
    return depths;
}

/* Families have numbers from 0, clusters are told from them by the last word. */
static struct dot_key key_of(const struct dag *dag, const struct plan *plan, uint32_t node,
                             const uint32_t *depths)
{
    const struct dag_node *it = &dag->nodes[node];
    /* The result is not a task: whatever cluster the plan has put it into, it has its own box. */
    if (plan && plan->cluster && plan->cluster[node] != PLAN_NONE && node != dag_sink(dag))
        return (struct dot_key){{plan->cluster[node], 0, 0, DOT_NOTHING}};
    return (struct dot_key){
        {it->task, it->site, dag->scopes[it->scope].name, depths ? depths[node] : 0}};
}

/* Of very many files, or known arrays, the first stands for all. */
static uint32_t box_of_source(const struct dag *dag, uint32_t source)
{
    if (source >= DAG_CONSTANT)
        return dag->constant_count > MOST_SOURCES ? DAG_CONSTANT : source;
    return dag->input_count > MOST_SOURCES ? DAG_INPUT : source;
}

static struct dot_sum *add_arrow(struct dot_groups *groups, struct dot_key arrow, uint64_t bytes)
{
    uint32_t number = dot_keys_number(&groups->arrows, arrow);
    if (number == groups->sums.count)
        vector_push(&groups->sums, (struct dot_sum){0});
    groups->sums.items[number].count++;
    groups->sums.items[number].bytes += bytes;
    return &groups->sums.items[number];
}

static void add_arrows(struct dot_groups *groups, const struct drawing *d, uint32_t node)
{
    const struct dag *dag = d->dag;
    uint32_t box = groups->box_of[node];
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        dag_ref ref = dag->refs[r];
        uint32_t source = dag_ref_source(ref);
        if (dot_is_scalar_constant(dag, ref))
            continue;
        uint32_t from = source < DAG_INPUT ? groups->box_of[source] : box_of_source(dag, source);
        bool is_within = from == box && groups->boxes.list.items[box].words[3] == DOT_NOTHING;
        if (is_within)
            continue;
        struct dot_key arrow = {{from, box, dag->views[dag_ref_view(ref)].is_unit, 0}};
        struct dot_sum *sum = add_arrow(groups, arrow, dag_ref_bytes(dag, ref));
        if (source >= DAG_INPUT || !d->is_critical)
            continue;
        sum->goes_on |= dot_goes_on(d, source, node);
        sum->is_critical |= d->is_critical[source] && d->is_critical[node];
    }
}

static void add_name(struct dot_groups *groups, uint32_t box, uint32_t name)
{
    uint32_t number = dot_keys_number(&groups->names, (struct dot_key){{box, name, 0, 0}});
    if (number == groups->name_counts.count)
        vector_push(&groups->name_counts, 0);
    groups->name_counts.items[number]++;
}

void dot_groups_make(struct dot_groups *groups, const struct drawing *d, enum dot_grouping grouping)
{
    const struct dag *dag = d->dag;
    *groups = (struct dot_groups){0};
    groups->box_of = memory_resize(NULL, dag->node_count, sizeof *groups->box_of);
    uint32_t *depths = grouping == DOT_BY_SITE ? NULL : make_depths(dag);
    const struct plan *clusters = grouping == DOT_BY_CLUSTER ? d->options->plan : NULL;
    for (uint32_t n = 0; n < dag->node_count; n++) {
        uint32_t box = dot_keys_number(&groups->boxes, key_of(dag, clusters, n, depths));
        groups->box_of[n] = box;
        if (box == groups->members.count) {
            vector_push(&groups->members, 0);
            vector_push(&groups->first, n);
            vector_push(&groups->is_critical, false);
        }
        groups->members.items[box]++;
        groups->is_critical.items[box] |= d->is_critical && d->is_critical[n];
        if (grouping == DOT_BY_CLUSTER)
            add_name(groups, box, dag->tasks[dag->nodes[n].task].name);
        add_arrows(groups, d, n);
    }
    free(depths);
}

void dot_groups_release(struct dot_groups *groups)
{
    dot_keys_release(&groups->boxes);
    dot_keys_release(&groups->arrows);
    dot_keys_release(&groups->names);
    vector_release(&groups->name_counts);
    vector_release(&groups->members);
    vector_release(&groups->first);
    vector_release(&groups->is_critical);
    vector_release(&groups->sums);
    free(groups->box_of);
}

/* ---- Boxes ----------------------------------------------------------------------------------- */

static void put_count(struct drawing *d, uint64_t count)
{
    if (count > 1)
        buffer_printf(d->out, " \xC3\x97%" PRIu64, count);
}

/* The tasks of a cluster by name, each with its number, in the order of their first nodes. */
static void put_members(struct drawing *d, const struct dot_groups *groups, uint32_t box)
{
    enum { SHOWN = 6 };
    uint32_t shown = 0;
    for (size_t i = 0; i < groups->names.list.count && shown <= SHOWN; i++) {
        const uint32_t *name = groups->names.list.items[i].words;
        if (name[0] != box)
            continue;
        buffer_puts(d->out, shown++ == SHOWN ? "\\n..." : "\\n");
        if (shown > SHOWN)
            return;
        dot_put_escaped(d->out, dag_string(d->dag, name[1]));
        put_count(d, groups->name_counts.items[i]);
    }
}

static bool is_cluster(const struct dot_groups *groups, uint32_t box)
{
    return groups->boxes.list.items[box].words[3] == DOT_NOTHING;
}

static void put_group(struct drawing *d, const struct dot_groups *groups, uint32_t box)
{
    const struct dag *dag = d->dag;
    const struct dag_node *node = &dag->nodes[groups->first.items[box]];
    uint32_t line = dag->sites[node->site].line;
    const char *colour = groups->is_critical.items[box] ? ", color=red" : "";
    buffer_printf(d->out, "        n%u [label=\"", box);
    if (is_cluster(groups, box)) {
        uint32_t cluster = groups->boxes.list.items[box].words[0];
        buffer_printf(d->out, "cluster %u", cluster);
        put_members(d, groups, box);
        buffer_printf(d->out, "\", style=\"rounded,filled\", fillcolor=\"/set312/%u\"%s]\n",
                      cluster % 12 + 1, colour);
        return;
    }
    dot_put_escaped(d->out, dag_string(dag, dag->tasks[node->task].name));
    put_count(d, groups->members.items[box]);
    dot_put_fused(d, node->task);
    if (line)
        buffer_printf(d->out, "\\nline %u", line);
    buffer_printf(d->out, "\"%s]\n", colour);
}

/* Where a box stands: in the frame of a flow; clusters stand outside. */
static uint32_t frame_of(const struct dag *dag, const struct dot_groups *groups, uint32_t box)
{
    return is_cluster(groups, box) ? dag->scopes[0].name : groups->boxes.list.items[box].words[2];
}

/* A frame for each flow, in the order of their first nodes; main's boxes stand outside. */
static void put_flows(struct drawing *d, const struct dot_groups *groups)
{
    struct dot_keys flows = {0};
    uint32_t sink = groups->box_of[dag_sink(d->dag)];
    for (uint32_t b = 0; b < groups->boxes.list.count; b++)
        dot_keys_number(&flows, (struct dot_key){{frame_of(d->dag, groups, b), 0, 0, 0}});
    for (uint32_t f = 0; f < flows.list.count; f++) {
        uint32_t name = flows.list.items[f].words[0];
        bool is_main = name == d->dag->scopes[0].name;
        if (!is_main) {
            buffer_printf(d->out, "    subgraph cluster_f%u {\n        label=\"", f);
            dot_put_escaped(d->out, dag_string(d->dag, name));
            buffer_puts(d->out, "\"\n");
        }
        for (uint32_t b = 0; b < groups->boxes.list.count; b++)
            if (b != sink && frame_of(d->dag, groups, b) == name)
                put_group(d, groups, b);
        buffer_puts(d->out, is_main ? "" : "    }\n");
    }
    dot_keys_release(&flows);
    buffer_printf(d->out, "    n%u [shape=doublecircle, style=\"\", label=\"result\"]\n", sink);
}

/* ---- Arrows ---------------------------------------------------------------------------------- */

static void put_group_arrow(struct drawing *d, const struct dot_key *arrow,
                            const struct dot_sum *sum)
{
    buffer_puts(d->out, "    ");
    dot_put_source_name(d, arrow->words[0]);
    buffer_printf(d->out, " -> n%u [", arrow->words[1]);
    if (arrow->words[2]) {
        buffer_puts(d->out, "style=dashed]\n");
        return;
    }
    buffer_puts(d->out, "label=\"");
    if (sum->count > 1)
        buffer_printf(d->out, "%" PRIu64 " edges, ", sum->count);
    dot_put_bytes(d->out, sum->bytes);
    buffer_printf(d->out, "\"%s%s]\n", sum->goes_on ? ", penwidth=2.5" : "",
                  sum->is_critical ? ", color=red" : "");
}

/* As box_of_source says. */
static void put_group_sources(struct drawing *d)
{
    const struct dag *dag = d->dag;
    if (dag->input_count <= MOST_SOURCES)
        dot_put_inputs(d);
    else
        buffer_printf(d->out, "    i0 [shape=cylinder, label=\"%u inputs\"]\n", dag->input_count);
    if (dag->constant_count <= MOST_SOURCES)
        dot_put_constants(d);
    else
        buffer_printf(d->out, "    c0 [shape=note, style=\"\", label=\"%u known values\"]\n",
                      dag->constant_count);
}

void dot_draw_groups(struct drawing *d, const struct dot_groups *groups)
{
    dot_begin(d);
    put_group_sources(d);
    put_flows(d, groups);
    for (size_t a = 0; a < groups->arrows.list.count; a++)
        put_group_arrow(d, &groups->arrows.list.items[a], &groups->sums.items[a]);
    buffer_puts(d->out, "}\n");
}
