/* Drawings: what they show, that Graphviz takes them, and that huge ones are refused. */
#include <stdlib.h>

#include "base/memory.h"
#include "graph/dot.h"
#include "test.h"

static const char graph[] =
    "task t0 \"\" \"\" \"(f64,)\" -> \"\" leaves=0\n"
    "task t1 \"partial\" \"partial\" \"(i: i64, width: i64)\" -> \"f64\" leaves=1\n"
    "task t2 \"rows\" \"rows\" \"(x: f64[_, _], scale: f64)\" -> \"f64[_]\" leaves=1 cost=5000\n"
    "task t3 \"a \\\"b\\\" \\\\\" \"join\" \"(x: f64[_], y: f64[_], k: f64[_])\" -> \"f64\" "
    "leaves=1\n"
    "task t4 \"check\" \"check\" \"(x: f64,)\" -> \"()\" leaves=0\n"
    "input i0 \"table\" f64[1024, 8]\n"
    "constant c0 f64[2] 0.5 0.25\n"
    "constant c1 f64 1.5\n"
    "scope s0 \"main\" s0\n"
    "scope s1 \"outer\" s0\n"
    "scope s2 \"inner\" s1\n"
    "scope s3 \"unused\" s0\n"
    "n0 = t1 s2 (3, 100) !\"p.wk\":7:5+9\n"
    "n1 = t1 s1 (4, 100) !\"p.wk\":9:5+9\n"
    "n2 = t1 s1 (5, 100) !\"p.wk\":9:5+9\n"
    "n3 = t2 s0 (i0:f64[512, 8]{512+512, 0+8}, c1:f64) !\"p.wk\":11:1+1\n"
    "n4 = t3 s0 (n3:f64[?], gather[3](n0:f64, n1:f64, n2:f64), c0:f64[2])\n"
    "n5 = t4 s0 (n4:f64)\n"
    "n6 = t0 s0 (n4:f64, after n5:())\n";

static void parse(struct dag *dag, const char *text)
{
    struct error error = {0};
    int code = dag_parse(dag, text, strlen(text), &error);
    CHECK_TEXT(code ? error.message : "", "");
}

static void draw(enum dot_level level, struct buffer *out)
{
    struct dag dag;
    struct error error = {0};
    parse(&dag, graph);
    CHECK_INT(dag_write_dot(&dag, &(struct dot_options){.level = level}, out, &error), 0);
    dag_release(&dag);
}

static void shows(const struct buffer *drawing, const char *text)
{
    if (!strstr(buffer_text(drawing), text))
        CHECK_TEXT(buffer_text(drawing), text);
}

/* Graphviz reads the drawing from a pipe, says nothing and makes something. */
static void graphviz_takes(const struct buffer *drawing)
{
    FILE *pipe = popen("dot -Tsvg -o /dev/null", "w");
    CHECK(pipe != NULL);
    CHECK_INT(fwrite(drawing->data, 1, drawing->length, pipe), drawing->length);
    CHECK_INT(pclose(pipe), 0);
}

static void tasks_have_boxes_in_frames(void)
{
    struct buffer drawing = {0}, again = {0};
    draw(DOT_TASK, &drawing);
    draw(DOT_TASK, &again);
    CHECK_TEXT(buffer_text(&again), buffer_text(&drawing));
    shows(&drawing, "i0 [shape=cylinder, label=\"table\\nf64[1024, 8]\"]");
    shows(&drawing, "c0 [shape=note, style=\"\", label=\"f64[2]\\n0.5, 0.25\"]");
    shows(&drawing, "        subgraph cluster_s2 {\n            label=\"inner\"\n"
                    "            n0 [label=\"partial(i=3, width=100)\"]\n        }\n    }\n");
    shows(&drawing, "n3 [label=\"rows(scale=1.5)\"]");
    shows(&drawing, "n4 [label=\"a \\\"b\\\" \\\\\"]");
    shows(&drawing, "n6 [shape=doublecircle, style=\"\", label=\"result\"]");
    shows(&drawing, "i0 -> n3 [label=\"[512..1024, 0..8]\\n32 KiB\"]");
    shows(&drawing, "n3 -> n4 [label=\"8.0 KiB\"]"); /* 1024 elements for want of a number */
    shows(&drawing, "n5 -> n6 [style=dashed]");
    CHECK(strstr(buffer_text(&drawing), "unused") == NULL);
    CHECK(strstr(buffer_text(&drawing), "c1") == NULL);
    graphviz_takes(&drawing);
    buffer_release(&drawing);
    buffer_release(&again);
}

static void call_sites_have_boxes_with_counts(void)
{
    struct buffer drawing = {0};
    draw(DOT_FLOW, &drawing);
    shows(&drawing, "label=\"partial \xC3\x97"
                    "2\\nline 9\"]");
    shows(&drawing, "label=\"partial\\nline 7\"]");
    shows(&drawing, "[label=\"2 edges, 16 B\"]");
    shows(&drawing, "label=\"outer\"");
    graphviz_takes(&drawing);
    buffer_release(&drawing);
}

/* 10,000 tasks at `sites` places, and a result of all. */
static void build_wide(struct dag *dag, uint32_t sites)
{
    struct dag_builder *b = dag_builder_new();
    struct error error;
    uint32_t pattern = dag_add_pattern(b, NULL, 0), codes[10000];
    uint32_t view = dag_add_view(b, &(struct dag_view){.scalar = WK_F64}, NULL);
    dag_add_task(b, &(struct dag_task){.name = dag_add_string(b, "leaf"), .leaf_count = 1});
    dag_add_scope(b, dag_add_string(b, "main"), 0, 0);
    for (uint32_t i = 0; i < 10000; i++) {
        struct place place = {.file = "wide.wk", .line = i % sites + 1, .column = 1, .length = 1};
        dag_add_node(b, 1, pattern, dag_add_site(b, &place), 0);
        codes[i] = DAG_ARG_REF;
    }
    for (uint32_t i = 0; i < 10000; i++)
        dag_add_ref(b, (dag_ref)i << 32 | view);
    dag_add_node(b, DAG_RESULT, dag_add_pattern(b, codes, 10000), 0, 0);
    CHECK_INT(dag_finish(b, dag, &error), 0);
}

static size_t count_boxes(const struct buffer *drawing, const char *text)
{
    size_t count = 0;
    for (const char *at = buffer_text(drawing); (at = strstr(at, text)); at++)
        count++;
    return count;
}

static void families_stand_for_very_many_tasks(void)
{
    struct dag dag;
    struct error error;
    struct buffer drawing = {0}, expanded = {0};
    build_wide(&dag, 2);
    CHECK_INT(dag_write_dot(&dag, &(struct dot_options){.level = DOT_TASK}, &drawing, &error), 0);
    shows(&drawing, "leaf \xC3\x97"
                    "5000\\nline 1\"]");
    shows(&drawing, "[label=\"5000 edges, 39 KiB\"]");
    graphviz_takes(&drawing);
    CHECK_INT(dag_write_dot(&dag, &(struct dot_options){.level = DOT_TASK, .expand = true},
                            &expanded, &error),
              0);
    CHECK_INT(count_boxes(&expanded, "[label=\"leaf\"]"), 10000);
    buffer_release(&drawing);
    buffer_release(&expanded);
    dag_release(&dag);
}

/* Families of a tree are its levels: the tasks of one site that are equally far from the sources.
 */
static void families_have_one_distance(void)
{
    struct dag dag;
    struct error error;
    struct buffer text = {0}, drawing = {0};
    buffer_puts(&text, "task t0 \"\" \"\" \"(f64,)\" -> \"\" leaves=0\n"
                       "task t1 \"leaf\" \"leaf\" \"()\" -> \"f64\" leaves=1\n"
                       "task t2 \"add\" \"add\" \"(a: f64, b: f64)\" -> \"f64\" leaves=1\n"
                       "scope s0 \"main\" s0\n");
    uint32_t node = 0;
    for (; node < 1024; node++)
        buffer_printf(&text, "n%u = t1 s0 ()\n", node);
    for (uint32_t first = 0; node < 2047; node++, first += 2)
        buffer_printf(&text, "n%u = t2 s0 (n%u:f64, n%u:f64)\n", node, first, first + 1);
    buffer_printf(&text, "n2047 = t0 s0 (n2046:f64)\n");
    parse(&dag, buffer_text(&text));
    CHECK_INT(dag_write_dot(&dag, &(struct dot_options){.level = DOT_TASK}, &drawing, &error), 0);
    CHECK_INT(count_boxes(&drawing, "[label=\"add"), 10);
    shows(&drawing, "n0 [label=\"leaf \xC3\x97"
                    "1024\"]");
    shows(&drawing, "n9 [label=\"add \xC3\x97"
                    "2\"]");
    shows(&drawing, "n9 -> n10 [label=\"2 edges, 16 B\"]");
    graphviz_takes(&drawing);
    buffer_release(&text);
    buffer_release(&drawing);
    dag_release(&dag);
}

static void drawings_that_no_one_could_read_are_refused(void)
{
    struct dag dag;
    struct error error;
    struct buffer drawing = {0};
    build_wide(&dag, 5000);
    for (enum dot_level level = DOT_TASK; level <= DOT_FLOW; level++) {
        CHECK_INT(dag_write_dot(&dag, &(struct dot_options){.level = level}, &drawing, &error),
                  ERR_drawing_too_large);
        CHECK_TEXT(error.message,
                   "5001 calls with 5000 edges: more than anyone could read in a drawing");
        CHECK_INT(drawing.length, 0);
    }
    dag_release(&dag);
}

/* Nodes 0, 1 and 4 form cluster 7; node 3 is alone in cluster 9. */
static void clusters_are_coloured_or_boxes(void)
{
    struct dag dag;
    struct plan plan;
    struct error error;
    struct buffer tasks = {0}, clusters = {0};
    static const uint32_t cluster[] = {7, 7, PLAN_NONE, 9, 7, PLAN_NONE, PLAN_NONE};
    parse(&dag, graph);
    CHECK_INT(plan_make(&plan, &dag, NULL, &error), 0);
    plan.cluster = memory_new(7, sizeof *plan.cluster);
    memcpy(plan.cluster, cluster, sizeof cluster);
    struct dot_options options = {.plan = &plan};
    CHECK_INT(dag_write_dot(&dag, &options, &tasks, &error), 0);
    shows(&tasks, "n0 [label=\"partial(i=3, width=100)\", style=\"rounded,filled\", "
                  "fillcolor=\"/set312/8\", tooltip=\"cluster 7\"]");
    shows(&tasks, "n2 [label=\"partial(i=5, width=100)\"]");
    shows(&tasks, "n0 -> n4 [label=\"8 B\", penwidth=2.5]"); /* the cluster keeps the join */
    shows(&tasks, "n2 -> n4 [label=\"8 B\"]");
    shows(&tasks, "n3 -> n4 [label=\"8.0 KiB\", color=red]");           /* rows takes longest */
    shows(&tasks, "n4 -> n5 [label=\"8 B\", penwidth=2.5, color=red]"); /* its only child: become */
    shows(&tasks, "n3 [label=\"rows(scale=1.5)\", style=\"rounded,filled\", "
                  "fillcolor=\"/set312/10\", tooltip=\"cluster 9\", color=red]");
    graphviz_takes(&tasks);
    options.level = DOT_CLUSTER;
    CHECK_INT(dag_write_dot(&dag, &options, &clusters, &error), 0);
    shows(&clusters, "n0 [label=\"cluster 7\\npartial \xC3\x97"
                     "2\\na \\\"b\\\" \\\\\", style=\"rounded,filled\", "
                     "fillcolor=\"/set312/8\", color=red]");
    shows(&clusters, "[label=\"cluster 9\\nrows\", style=\"rounded,filled\", "
                     "fillcolor=\"/set312/10\", color=red]");
    shows(&clusters, "n1 -> n0 [label=\"8 B\"]");
    shows(&clusters, "n2 -> n0 [label=\"8.0 KiB\", color=red]");
    CHECK(strstr(buffer_text(&clusters), "n0 -> n0") == NULL);
    graphviz_takes(&clusters);
    plan.cluster[dag_sink(&dag)] = 7; /* the result has a box of its own all the same */
    clusters.length = 0;
    CHECK_INT(dag_write_dot(&dag, &options, &clusters, &error), 0);
    shows(&clusters, "n0 [label=\"cluster 7\\npartial");
    CHECK_INT(count_boxes(&clusters, "label=\"result\""), 1);
    buffer_release(&tasks);
    buffer_release(&clusters);
    plan_release(&plan);
    dag_release(&dag);
}

/* The second graph has lost a task of line 9, and has one of another name in its place. */
static void differences_are_coloured(void)
{
    static const char other[] =
        "task t0 \"\" \"\" \"(f64,)\" -> \"\" leaves=0\n"
        "task t1 \"partial\" \"partial\" \"(i: i64, width: i64)\" -> \"f64\" leaves=1\n"
        "task t2 \"partial + check\" \"fused\" \"(x: f64, y: f64)\" -> \"f64\" leaves=1\n"
        "scope s0 \"main\" s0\n"
        "scope s1 \"outer\" s0\n"
        "n0 = t1 s1 (3, 100) !\"p.wk\":9:5+9\n"
        "n1 = t2 s0 (n0:f64, n0:f64) !\"p.wk\":12:1+4\n"
        "n2 = t0 s0 (n1:f64)\n";
    struct dag before, after;
    struct error error;
    struct buffer drawing = {0}, same = {0};
    parse(&before, graph);
    parse(&after, other);
    CHECK_INT(dag_write_dot_diff(&before, &after, &drawing, &error), 0);
    shows(&drawing, "label=\"partial \xC3\x97"
                    "2 \xE2\x86\x92 1\\nline 9\", color=blue, fontcolor=blue]");
    shows(&drawing, "label=\"partial \xC3\x97"
                    "1 \xE2\x86\x92 0\\nline 7\", color=gray60, fontcolor=gray60, "
                    "style=\"rounded,dashed\"]");
    shows(&drawing, "label=\"partial + check \xC3\x97"
                    "0 \xE2\x86\x92 1\\nline 12\", color=darkgreen, fontcolor=darkgreen]");
    CHECK_INT(count_boxes(&drawing, "doublecircle"), 1);
    graphviz_takes(&drawing);
    CHECK_INT(dag_write_dot_diff(&before, &before, &same, &error), 0);
    CHECK(strstr(buffer_text(&same), "fontcolor") == NULL);
    buffer_release(&drawing);
    buffer_release(&same);
    dag_release(&before);
    dag_release(&after);
}

TEST_MAIN(TEST(tasks_have_boxes_in_frames), TEST(call_sites_have_boxes_with_counts),
          TEST(families_stand_for_very_many_tasks), TEST(families_have_one_distance),
          TEST(drawings_that_no_one_could_read_are_refused), TEST(clusters_are_coloured_or_boxes),
          TEST(differences_are_coloured))
