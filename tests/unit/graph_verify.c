/*
 * The rules of spec/dag.md: a graph that breaks one is refused by its number. Stored graphs that
 * were damaged, and mistakes in the text form.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "graph/dag.h"
#include "graph/plan.h"
#include "test.h"

static const char valid[] =
    "task t0 \"\" \"\" \"(f64[_],)\" -> \"\" leaves=0\n"
    "task t1 \"make\" \"make\" \"(n: i64, x: f64)\" -> \"(f64[_, _], i64)\" leaves=2\n"
    "task t2 \"+\" \"op.add\" \"(a: f64[_], p: (f64, i64)[_], u: ())\" -> \"f64[_]\" leaves=1 "
    "retries=2 timeout=3 memory=4 cost=5 together=1 fallback=\"op.none\" !\"a.wk\":1:2+3\n"
    "task t3 \"mark\" \"mark\" \"()\" -> \"()\" leaves=0\n"
    "input i0 \"data\" f64[6, 4]\n"
    "constant c0 f64[3] 0.5 nan -1e-300\n"
    "constant c1 i64 -7\n"
    "constant c2 f64 2.0\n"
    "scope s0 \"main\" s0 !\"a.wk\":4:6+4\n"
    "scope s1 \"inner\" s0 !\"a.wk\":5:1+9\n"
    "n0 = t1 s1 (3, 0.25) !\"a \\\"b\\\".wk\":7:8+9\n"
    "n1 = t3 s0 ()\n"
    "n2 = t1 s0 (-1, c2:f64)\n"
    "n3 = t2 s0 (n0:f64[3]{0+3, 2}, gather[2](n2:f64{0, 1}, c1:i64, n2:f64{1, 1}, n2.1:i64), "
    "after n1:())\n"
    "n4 = t2 s0 (i0:f64[4]{5, 0+4}, gather[0](), after n1:())\n"
    "n5 = t2 s0 (c0:f64[3], gather[1](n0:f64{0, 0}, c1:i64))\n"
    "n6 = t2 s0 (n4:f64[?], gather[1](n5:f64{0}, n0.1:i64))\n"
    "n7 = t2 s0 (n6:f64[?], gather[1](n3:f64{0}, n0.1:i64))\n"
    "n8 = t0 s0 (n7:f64[?], after n1:())\n";

static void read_valid(struct dag *dag)
{
    struct error error = {0};
    int code = dag_parse(dag, valid, strlen(valid), &error);
    CHECK_TEXT(code ? error.message : "", "");
    if (code)
        exit(1);
}

static void text_is_read_back(void)
{
    struct dag dag;
    struct buffer text = {0};
    read_valid(&dag);
    dag_print(&dag, &text);
    CHECK_TEXT(buffer_text(&text), valid);
    CHECK_INT(dag.nodes[3].producer_count, 3);
    CHECK_INT(dag.words[dag.nodes[2].first_word], -1);
    CHECK_INT(dag.nodes[8].first_part, 9);
    buffer_release(&text);
    dag_release(&dag);
}

/* ---- Rules -------------------------------------------------------------------------------------
 */

/* Tables of a graph in memory that may be written. */
#define EDIT(dag, table, index) ((void *)(uintptr_t)&(dag)->table[index])

static void refused_by(struct dag *dag, const char *rule)
{
    struct error error = {0};
    int code = dag_verify(dag, &error);
    CHECK_INT(code, ERR_bad_dag);
    if (strncmp(error.message, rule, strlen(rule)) != 0 || error.message[strlen(rule)] != ':')
        CHECK_TEXT(error.message, rule);
    dag_release(dag);
}

#define BREAKS(rule, type, table, index, ...)                                                      \
    do {                                                                                           \
        struct dag dag;                                                                            \
        read_valid(&dag);                                                                          \
        type *p = EDIT(&dag, table, index);                                                        \
        __VA_ARGS__;                                                                               \
        refused_by(&dag, rule);                                                                    \
    } while (0)

static void small_tables_have_rules(void)
{
    BREAKS("D1", uint32_t, patterns, 0, ((void)p, dag.scope_count = 0));
    BREAKS("D1", char, strings, dag.string_bytes - 1, *p = 'x');
    BREAKS("D2", struct dag_site, sites, 1, p->file = (uint32_t)dag.string_bytes);
    BREAKS("D3", struct dag_scope, scopes, 1, p->parent = 1);
    BREAKS("D3", struct dag_scope, scopes, 1, p->site = dag.site_count);
    BREAKS("D3", struct dag_scope, scopes, 0, p->name = 1u << 30);
    BREAKS("D4", struct dag_input, inputs, 0, p->extents[1] = -1);
    BREAKS("D4", struct dag_input, inputs, 0, p->rank = 0);
    BREAKS("D4", struct dag_input, inputs, 0, p->file = 1);
    BREAKS("D4", struct dag_input, inputs, 0, (p->extents[0] = INT64_MAX, p->extents[1] = 2));
    BREAKS("D5", struct dag_constant, constants, 0, p->extents[0] = 4);
    BREAKS("D5", struct dag_constant, constants, 0, p->offset = 8);
    BREAKS("D5", struct dag_constant, constants, 0, p->offset = dag.data_bytes / 64 * 64 + 64);
    BREAKS("D5", struct dag_constant, constants, 1, p->offset = UINT64_MAX - 7);
    BREAKS("D6", struct dag_task, tasks, 1, p->symbol = 1u << 30);
    BREAKS("D6", struct dag_task, tasks, 1, p->fallback = (uint32_t)dag.string_bytes - 1);
    BREAKS("D7", struct dag_task, tasks, 1, p->leaf_count = 1);
    BREAKS("D7", struct dag_task, tasks, 1, p->parameter_types = p->result_type + 1);
}

static void views_and_patterns_have_rules(void)
{
    BREAKS("D8", struct dag_view, views, 0, p->scalar = DAG_OPAQUE + 1);
    BREAKS("D8", struct dag_view, views, 0, p->first_word = 1u << 30);
    BREAKS("D8", struct dag_view, views, 0, p->rank = 13);
    BREAKS("D8", int64_t, view_words, dag.views[dag_ref_view(dag.refs[2])].first_word, *p = -2);
    BREAKS("D9", uint32_t, patterns, 1, *p = 1u << 30);
    BREAKS("D9", uint32_t, patterns, 0, *p = 1);
}

static void nodes_have_rules(void)
{
    BREAKS("D10", struct dag_node, nodes, 3, p->task = dag.task_count);
    BREAKS("D10", struct dag_node, nodes, 3, p->pattern = dag.pattern_count);
    BREAKS("D10", struct dag_node, nodes, 3, p->site = dag.site_count);
    BREAKS("D10", struct dag_node, nodes, 3, p->scope = dag.scope_count);
    BREAKS("D10", struct dag_node, nodes, 3, p->task = DAG_RESULT);
    BREAKS("D10", struct dag_node, nodes, 8, p->task = 1);
    BREAKS("D11", struct dag_node, nodes, 3, p->first_ref = 1000);
    BREAKS("D11", struct dag_node, nodes, 0, p->first_word = 1);
    BREAKS("D12", dag_ref, refs, 0, *p = (dag_ref)2 << 32 | (uint32_t)*p);
    BREAKS("D12", dag_ref, refs, 1, *p = (dag_ref)3 << 32 | (uint32_t)*p);
    BREAKS("D12", dag_ref, refs, 1, *p = (dag_ref)(DAG_INPUT + 1) << 32 | (uint32_t)*p);
    BREAKS("D12", dag_ref, refs, 1, *p = (dag_ref)UINT32_MAX << 32 | (uint32_t)*p);
    BREAKS("D12", dag_ref, refs, 1, *p |= UINT32_MAX);
}

static void arguments_have_rules(void)
{
    BREAKS("D13", struct dag_node, nodes, 3, p->pattern = dag.nodes[0].pattern);
    BREAKS("D13", struct dag_node, nodes, 0, p->task = 3);
    BREAKS("D13", struct dag_node, nodes, 1, p->first_word--);
    BREAKS("D13", uint64_t, words, dag.nodes[3].first_word, *p = 3);
    BREAKS("D13", uint64_t, words, dag.nodes[3].first_word, *p = UINT64_MAX);
    BREAKS("D13", uint32_t, pattern_codes, dag.patterns[dag.nodes[0].pattern], *p = 7);
    /* A part, a rank, a scalar, an element that the source does not have. */
    BREAKS("D14", struct dag_view, views, dag_ref_view(dag.refs[4]), p->part = 2);
    BREAKS("D14", struct dag_view, views, dag_ref_view(dag.refs[0]), p->scalar = WK_F32);
    BREAKS("D14", dag_ref, refs, dag.nodes[4].first_ref,
           *p = (dag_ref)DAG_INPUT << 32 | dag_ref_view(dag.refs[dag.nodes[7].first_ref]));
    BREAKS("D14", int64_t, view_words,
           dag.views[dag_ref_view(dag.refs[dag.nodes[4].first_ref])].first_word + 1, *p = 6);
    BREAKS("D14", dag_ref, refs, dag.nodes[5].first_ref,
           *p = (dag_ref)DAG_CONSTANT << 32 | dag_ref_view(dag.refs[dag.nodes[4].first_ref]));
    BREAKS("D14", dag_ref, refs, dag.nodes[8].first_ref + 1, *p = (dag_ref)2 << 32 | (uint32_t)*p);
    /* A value of another type than the parameter; an order that reads a value. */
    BREAKS("D15", dag_ref, refs, dag.nodes[2].first_ref, *p = dag.refs[3]);
    BREAKS("D15", dag_ref, refs, dag.nodes[8].first_ref + 1,
           *p = (dag_ref)0 << 32 | dag_ref_view(dag.refs[dag.nodes[6].first_ref + 2]));
}

static void what_follows_is_checked(void)
{
    BREAKS("D16", struct dag_child, children, 0, p->node = 7);
    BREAKS("D16", struct dag_child, children, dag.nodes[1].first_child, p->bit++);
    BREAKS("D16", struct dag_node, nodes, 3, p->producer_count = 2);
    BREAKS("D16", struct dag_node, nodes, 1, p->first_child++);
    BREAKS("D18", struct dag_node, nodes, 3, p->first_part++);
    BREAKS("D18", struct dag_node, nodes, 0, ((void)p, dag.part_count++));
    /* The sink reads n6 instead of n7: the children of n6 and n7, side by side, are both of n6. */
    BREAKS("D17", dag_ref, refs, dag.nodes[8].first_ref, *p = (dag_ref)6 << 32 | (uint32_t)*p,
           ((struct dag_node *)EDIT(&dag, nodes, 7))->first_child++);
}

/* ---- Files -------------------------------------------------------------------------------------
 */

static char path[] = "/tmp/wkc-graph-verify-XXXXXX";

static void write_file(const void *data, size_t bytes)
{
    int file = open(path, O_WRONLY | O_TRUNC);
    CHECK(write(file, data, bytes) == (ssize_t)bytes);
    close(file);
}

static int map_and_release(void)
{
    struct dag dag;
    struct error error = {0};
    int code = dag_map(&dag, path, &error);
    if (!code)
        dag_release(&dag);
    return code;
}

static void stored_graphs_are_the_same_or_refused(void)
{
    struct dag dag, back;
    struct error error = {0};
    struct buffer bytes = {0}, text = {0};
    read_valid(&dag);
    close(mkstemp(path));
    CHECK_INT(dag_store(&dag, path, &error), 0);
    dag_release(&dag);
    CHECK_INT(dag_map(&back, path, &error), 0);
    dag_print(&back, &text);
    CHECK_TEXT(buffer_text(&text), valid);
    dag_release(&back);
    CHECK_INT(buffer_read_file(&bytes, path, 1 << 20, &error), 0);
    for (size_t length = 0; length < bytes.length; length += 40) {
        write_file(bytes.data, length);
        CHECK_INT(map_and_release(), ERR_bad_dag);
    }
    static const uint32_t values[] = {0, 1, 0xFFFFFFFF, 0x80000000, 0x7FFFFFFF};
    for (size_t at = 0; at + 4 <= bytes.length; at += 4) {
        uint32_t word, kept;
        memcpy(&kept, bytes.data + at, 4);
        for (size_t i = 0; i < 2 * sizeof values / sizeof values[0]; i++) {
            word = i % 2 ? kept + values[i / 2] : values[i / 2];
            memcpy(bytes.data + at, &word, 4);
            write_file(bytes.data, bytes.length);
            map_and_release();
        }
        memcpy(bytes.data + at, &kept, 4);
    }
    unlink(path);
    CHECK_INT(map_and_release(), ERR_file_unreadable);
    buffer_release(&bytes);
    buffer_release(&text);
}

/* ---- Mistakes in the text ----------------------------------------------------------------------
 */

static void wrong(const char *text, const char *message)
{
    struct dag dag;
    struct error error = {0};
    CHECK_INT(dag_parse(&dag, text, strlen(text), &error), ERR_bad_dag);
    CHECK_TEXT(error.message, message);
}

#define T0 "task t0 \"\" \"\" \"(f64,)\" -> \"\" leaves=0\n"
#define S0 "scope s0 \"main\" s0\n"

static void mistakes_in_the_text_have_a_line(void)
{
    wrong("", "line 1: the last line is not the sink, a node of task t0");
    wrong(T0 S0 "n0 = t0 s0 (0.5", "line 3: unexpected text");
    wrong(T0 S0 "n0 = t0 s0 (x)\n", "line 3: a value that is none of its type");
    wrong(T0 S0 "n1 = t0 s0 (0.5)\n", "line 3: not numbered in order");
    wrong(T0 S0 "n0 = t1 s0 (0.5)\n", "line 3: a number that does not exist");
    wrong(T0 S0 "n0 = t0 s0 (n0:f64)\n", "line 3: a number that does not exist");
    wrong(T0 S0 "n0 = t0 s0 (0.5) more\n", "line 3: unexpected text");
    wrong(T0 S0 "n0 = t0 s0 (#12345678901234567)\n", "line 3: bits that are no hexadecimal number");
    wrong(T0 S0 "n0 = t0 s0 ()\n", "D13: node 0 has fewer arguments than parameters");
    wrong("task t0 \"", "line 1: unexpected text");
    wrong("task t0 \"\\q\"", "line 1: an escape that is not known");
    wrong("task t0 \"\" \"\" \"f64\" -> \"\" leaves=0\n",
          "line 1: parameters that are no tuple type");
    wrong(T0 "constant c0 f64[2] 1.0\n" S0 "n0 = t0 s0 (0.5)\n",
          "D5: constant 0 has another size than its extents say");
    wrong(T0 "constant c0 f64 1.0\nconstant c1 f64 1.0\n",
          "line 3: a constant that was there before");
    wrong(T0 "input i0 \"x\" f64[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n",
          "line 2: too many dimensions");
    wrong(T0 "input i0 \"x\" f64[99999999999999999999]\n", "line 2: a number is too large");
}

TEST_MAIN(TEST(text_is_read_back), TEST(small_tables_have_rules),
          TEST(views_and_patterns_have_rules), TEST(nodes_have_rules), TEST(arguments_have_rules),
          TEST(what_follows_is_checked), TEST(stored_graphs_are_the_same_or_refused),
          TEST(mistakes_in_the_text_have_a_line))
