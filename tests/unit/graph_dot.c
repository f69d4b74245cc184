/* Drawings: what they show, that Graphviz takes them, and that huge ones are refused. */
#include <stdlib.h>

#include "graph/dot.h"
#include "test.h"

static const char graph[] =
    "task t0 \"\" \"\" \"(f64,)\" -> \"\" leaves=0\n"
    "task t1 \"partial\" \"partial\" \"(i: i64, width: i64)\" -> \"f64\" leaves=1\n"
    "task t2 \"rows\" \"rows\" \"(x: f64[_, _], scale: f64)\" -> \"f64[_]\" leaves=1\n"
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

static void draw(enum dot_level level, struct buffer *out)
{
    struct dag dag;
    struct error error = {0};
    int code = dag_parse(&dag, graph, strlen(graph), &error);
    CHECK_TEXT(code ? error.message : "", "");
    CHECK_INT(dag_write_dot(&dag, level, out, &error), 0);
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

static void tasks_have_boxes_in_clusters(void)
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

static void drawings_that_no_one_could_read_are_refused(void)
{
    struct dag_builder *b = dag_builder_new();
    uint32_t pattern = dag_add_pattern(b, NULL, 0);
    uint32_t view = dag_add_view(b, &(struct dag_view){.scalar = WK_F64}, NULL);
    dag_add_task(b, &(struct dag_task){.name = dag_add_string(b, "leaf"), .leaf_count = 1});
    dag_add_scope(b, dag_add_string(b, "main"), 0, 0);
    for (uint32_t i = 0; i < 10000; i++)
        dag_add_node(b, 1, pattern, 0, 0);
    for (uint32_t i = 0; i < 10000; i++)
        dag_add_ref(b, (dag_ref)i << 32 | view);
    uint32_t codes[10000] = {0};
    for (uint32_t i = 0; i < 10000; i++)
        codes[i] = DAG_ARG_REF;
    dag_add_node(b, DAG_RESULT, dag_add_pattern(b, codes, 10000), 0, 0);
    struct dag dag;
    struct error error;
    struct buffer drawing = {0};
    CHECK_INT(dag_finish(b, &dag, &error), 0);
    CHECK_INT(dag_write_dot(&dag, DOT_TASK, &drawing, &error), ERR_drawing_too_large);
    CHECK_TEXT(error.message,
               "10000 tasks with 10000 edges: more than anyone could read in a drawing");
    CHECK_INT(drawing.length, 0);
    CHECK_INT(dag_write_dot(&dag, DOT_FLOW, &drawing, &error), 0);
    shows(&drawing, "leaf \xC3\x97"
                    "10000");
    buffer_release(&drawing);
    dag_release(&dag);
}

TEST_MAIN(TEST(tasks_have_boxes_in_clusters), TEST(call_sites_have_boxes_with_counts),
          TEST(drawings_that_no_one_could_read_are_refused))
