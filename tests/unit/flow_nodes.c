/*
 * Elaboration of what makes nodes: views, gathers, constants, order, scopes, the sink; and the
 * limits.
 */
#include "elaboration.h"
#include "value/semantics.h"

/* ---- Views ---------------------------------------------------------------------------------- */

/* "begin+count" or "index" for each dimension of the source: "0+2,3". */
static const char *selection_text(const struct dag *dag, dag_ref ref)
{
    static char text[256];
    const struct dag_view *view = &dag->views[dag_ref_view(ref)];
    const int64_t *pair = dag->view_words + view->first_word + view->rank;
    int length = 0;
    text[0] = '\0';
    for (uint32_t d = 0; d < view->source_rank; d++, pair += 2)
        length +=
            snprintf(text + length, sizeof text - (size_t)length, pair[1] < 0 ? "%s%d" : "%s%d+%d",
                     d ? "," : "", (int)pair[0], (int)pair[1]);
    return text;
}

#define VIEWS(body)                                                                                \
    "module \"views.wk\"\n"                                                                        \
    "kernel @use \"use\" (x: f64[_]) -> f64\n"                                                     \
    "kernel @use2 \"use2\" (x: f64[_, _]) -> f64\n"                                                \
    "kernel @use0 \"use0\" (x: f64) -> f64\n"                                                      \
    "parameter n: i64\n"                                                                           \
    "parameter a: f64[_, _]\n"                                                                     \
    "entry @main -> f64\n"                                                                         \
    "flow @main \"main\" -> (?f64) {\n"                                                            \
    "b0(%0: i64, %1: ?f64[+, +]):\n"                                                               \
    "    %2: i64 = constant 0\n"                                                                   \
    "    %3: i64 = constant 1\n"                                                                   \
    "    %4: i64 = constant 2\n" body "}\n"

static void views(const char *text, uint64_t n, const char *expected)
{
    struct job job = {.text = text, .words = {n}, .extents = {{0}, {5, 7}}};
    run(&job);
    if (job.code) {
        CHECK_TEXT(job.error.message, expected);
        return;
    }
    CHECK_INT(job.dag.node_count, 2);
    CHECK_INT(dag_ref_source(ref_of(&job.dag, 0, 0)), DAG_INPUT);
    CHECK_TEXT(selection_text(&job.dag, ref_of(&job.dag, 0, 0)), expected);
    dag_release(&job.dag);
}

static void views_of_views_select_from_the_source(void)
{
    views(VIEWS("    %5: ?f64[+] = view.ri %1, %3, %0, %4\n"
                "    %6: ?f64 = call @use %5\n    return %6\n"),
          4, "1+3,2");
    views(VIEWS("    %5: ?f64[+] = view.ri %1, %3, %0, %4\n"
                "    %6: ?f64[+] = view.r %5, %3, %4\n"
                "    %7: ?f64 = call @use %6\n    return %7\n"),
          4, "2+1,2");
    views(VIEWS("    %5: ?f64[+, +] = view.rr %1, %3, %0, %4, %0\n"
                "    %6: ?f64 = view.ii %5, %3, %4\n"
                "    %7: ?f64 = call @use0 %6\n    return %7\n"),
          5, "2,4");
    views(VIEWS("    %5: i64 = extent.0 %1\n    %6: i64 = extent.1 %1\n"
                "    %7: ?f64[+, +] = view.rr %1, %2, %5, %2, %6\n"
                "    %8: ?f64 = call @use2 %7\n    return %8\n"),
          5, "");
    views(VIEWS("    %5: ?f64[+] = view.ri %1, %3, %0, %4\n"
                "    %6: ?f64 = view.i %5, %0\n"
                "    %7: ?f64 = call @use0 %6\n    return %7\n"),
          4, "index 4 is out of bounds: dimension 0 has extent 3");
    views(VIEWS("    %5: {1}?f64[+] = elements %1\n    %6: ?f64[+] = get %5, %0\n"
                "    %7: ?f64 = call @use %6\n    return %7\n"),
          4, "4,0+7");
    views(VIEWS("    %5: {2}?f64[+, +] = tiles %1, %4, %0\n    %6: ?f64[+, +] = get %5, %4, %3\n"
                "    %7: ?f64 = call @use2 %6\n    return %7\n"),
          4, "4+1,4+3");
    views(VIEWS("    %5: {2}?f64[+, +] = tiles %1, %4, %0\n    %6: ?f64[+, +] = get %5, %4, %3\n"
                "    %7: ?f64 = call @use2 %6\n    return %7\n"),
          0, "tiles have at least one row and column: found 0");
}

/* ---- Arguments ------------------------------------------------------------------------------ */

static const char arguments[] =
    "module \"arguments.wk\"\n"
    "kernel @leaf \"leaf\" (i: i64) -> f64\n"
    "kernel @pair \"pair\" (i: i64) -> (f64, i64)\n"
    "kernel @mark \"mark\" (i: i64) -> ()\n"
    "kernel @all \"all\" (k: f32, known: f64[_], xs: f64[_, _], ps: (f64, i64)[_], after: (), "
    "u: (), tables: f64[_][_]) -> (f64[_], ())\n"
    "entry @main -> (f64[_], i64, i64[_], f64[_])\n"
    "flow @main \"main\" -> (?f64[+], i64, {1}i64, {1}?f64) {\n"
    "b0():\n"
    "    %0: i64 = constant 1\n"
    "    %1: i64 = constant 2\n"
    "    %2: f32 = constant 0.5\n"
    "    %3: f64 = constant 0.25\n"
    "    %4: {1}f64 = fill %3, %1\n"
    "    %5: ?f64 = call @leaf %0\n"
    "    %6: ?f64 = lift %3\n"
    "    %7: {2}?f64 = structure %0, %1, %5, %6\n"
    "    %8: ?f64, %9: ?i64 = call @pair %0\n"
    "    %10: {1}?f64 = structure %1, %8, %5\n"
    "    %11: {1}?i64 = structure %1, %9, %9\n"
    "    %12: ?() = call @mark %1\n"
    "    %13: () = constant 0\n"
    "    %14: {1}{1}f64 = fill %4, %1\n"
    "    %15: ?f64[+], %16: ?() = call @all %2, %4, %7, %10, %11, %12, %13, %14, %1\n"
    "    %17: {1}i64 = fill %1, %0\n"
    "    return %15, %1, %17, %10\n"
    "}\n";

static void check_codes(const struct dag *dag, uint32_t node, const uint32_t *codes, uint32_t count)
{
    const uint32_t *bounds = dag->patterns + dag->nodes[node].pattern;
    CHECK_INT(bounds[1] - bounds[0], count);
    for (uint32_t i = 0; i < count; i++)
        CHECK_INT(code_of(dag, node, i), codes[i]);
}

static void arguments_become_words_and_refs(void)
{
    struct job job = {.text = arguments};
    run(&job);
    CHECK_INT(job.code, 0);
    if (job.code)
        return;
    const struct dag *dag = &job.dag;
    enum { LEAF, PAIR, MARK, ALL, SINK };
    const uint32_t gather = DAG_ARG_GATHER | 1 << DAG_ARG_RANK_SHIFT;
    CHECK_INT(dag->node_count, 5);
    check_codes(dag, ALL,
                (uint32_t[]){DAG_ARG_WORD, DAG_ARG_REF, DAG_ARG_GATHER | 2 << DAG_ARG_RANK_SHIFT,
                             gather, DAG_ARG_ORDER, gather},
                6);
    /* f32 0.5; 1 x 2; 2; 2 */
    const uint64_t words[] = {0x3f000000, 1, 2, 2, 2};
    for (uint32_t i = 0; i < 5; i++)
        CHECK_INT(word_of(dag, ALL, i), words[i]);
    /* known; xs: leaf, 0.25; ps: (pair.0, pair.1), (leaf, pair.1); mark; tables: known twice */
    const uint32_t sources[] = {
        DAG_CONSTANT + 1, LEAF, DAG_CONSTANT, PAIR, PAIR, LEAF, PAIR, MARK, DAG_CONSTANT + 1,
        DAG_CONSTANT + 1};
    CHECK_INT(dag_ref_count(dag, ALL), 10);
    for (uint32_t i = 0; i < 10; i++)
        CHECK_INT(dag_ref_source(ref_of(dag, ALL, i)), sources[i]);
    CHECK_INT(dag->views[dag_ref_view(ref_of(dag, ALL, 3))].part, 0);
    CHECK_INT(dag->views[dag_ref_view(ref_of(dag, ALL, 4))].part, 1);
    CHECK_INT(dag->nodes[ALL].producer_count, 3);
    CHECK_INT(dag->constant_count, 3);
    CHECK_INT(dag->constants[1].extents[0], 2);
    /* The sink: an array of two elements, 2, a constant, a gather, and two effects. */
    check_codes(
        dag, SINK,
        (uint32_t[]){DAG_ARG_REF, DAG_ARG_WORD, DAG_ARG_REF, gather, DAG_ARG_ORDER, DAG_ARG_ORDER},
        6);
    const struct dag_view *view = &dag->views[dag_ref_view(ref_of(dag, SINK, 0))];
    CHECK_INT(view->rank, 1);
    CHECK_INT(dag->view_words[view->first_word], 2);
    CHECK_INT(dag_ref_source(ref_of(dag, SINK, 4)), MARK);
    CHECK_INT(dag_ref_source(ref_of(dag, SINK, 5)), ALL);
    CHECK_INT(dag_ref_bytes(dag, ref_of(dag, SINK, 0)), 16);
    CHECK_INT(dag_ref_bytes(dag, ref_of(dag, SINK, 4)), 0);
    CHECK_INT(dag->nodes[ALL].first_part, 3);
    CHECK_INT(dag->part_count, 4);
    dag_release(&job.dag);
}

/* ---- Flows ---------------------------------------------------------------------------------- */

/* A flow that calls itself: halves of 0..n down to single leaves; structures go along and come
 * back. */
static const char recursion[] = "module \"recursion.wk\"\n"
                                "kernel @leaf \"leaf\" (i: i64) -> f64 retries=1\n"
                                "kernel @add \"add\" (a: f64, b: f64) -> f64\n"
                                "parameter n: i64\n"
                                "entry @main -> f64\n"
                                "flow @main \"main\" -> (?f64) {\n"
                                "b0(%0: i64):\n"
                                "    %1: i64 = constant 0\n"
                                "    %2: {1}i64 = range %1, %0, %0\n"
                                "    %3: ?f64 = apply @half %1, %0, %2\n"
                                "    return %3\n"
                                "}\n"
                                "flow @half \"half\" -> (?f64) {\n"
                                "b0(%0: i64, %1: i64, %2: {1}i64):\n"
                                "    %3: i64 = sub %1, %0\n"
                                "    %4: i64 = constant 1\n"
                                "    %5: bool = le %3, %4\n"
                                "    branch %5 b1(%0) b2()\n"
                                "b1(%6: i64):\n"
                                "    %7: ?f64 = call @leaf %6 retries=3\n"
                                "    return %7\n"
                                "b2():\n"
                                "    %8: i64 = constant 2\n"
                                "    %9: i64 = add %0, %1\n"
                                "    %10: i64 = div %9, %8\n"
                                "    %11: ?f64 = apply @half %0, %10, %2\n"
                                "    %12: ?f64 = apply @half %10, %1, %2\n"
                                "    %13: ?f64 = call @add %11, %12\n"
                                "    return %13\n"
                                "}\n";

static void flows_recurse_in_scopes_of_their_own(void)
{
    struct job job = {.text = recursion, .words = {100}};
    run(&job);
    CHECK_INT(job.code, 0);
    if (job.code)
        return;
    const struct dag *dag = &job.dag;
    CHECK_INT(dag->node_count, 100 + 99 + 1);
    CHECK_INT(dag->scope_count, 1 + 199);
    CHECK_TEXT(dag_string(dag, dag->scopes[0].name), "main");
    CHECK_INT(dag->scopes[0].parent, 0);
    CHECK_TEXT(dag_string(dag, dag->scopes[1].name), "half");
    uint32_t depth = 0;
    for (uint32_t s = dag->nodes[0].scope; s; s = dag->scopes[s].parent)
        depth++;
    CHECK_INT(depth, 7);
    CHECK_TEXT(task_of(dag, 0), "leaf");
    CHECK_INT(dag->tasks[dag->nodes[0].task].retries, 3);
    CHECK_TEXT(task_of(dag, 198), "add");
    CHECK_INT(dag->nodes[198].scope, 1);
    dag_release(&job.dag);
}

/* ---- In place ------------------------------------------------------------------------------- */

/* for k in 0..n { for i in 0..n { s[i] = leaf(s[i]) } }: a structure of n elements, n*n updates. */
static const char updates[] = "module \"updates.wk\"\n"
                              "kernel @leaf \"leaf\" (x: f64) -> f64\n"
                              "parameter n: i64\n"
                              "entry @main -> f64[_]\n"
                              "flow @main \"main\" -> ({1}?f64) {\n"
                              "b0(%0: i64):\n"
                              "    %1: f64 = constant 1.0\n"
                              "    %2: ?f64 = lift %1\n"
                              "    %3: {1}?f64 = fill %2, %0\n"
                              "    %4: i64 = constant 0\n"
                              "    %5: i64 = constant 1\n"
                              "    jump b1(%4, %3)\n"
                              "b1(%6: i64, %7: {1}?f64):\n"
                              "    %8: bool = lt %6, %0\n"
                              "    branch %8 b2(%4, %7) b4(%7)\n"
                              "b2(%9: i64, %10: {1}?f64):\n"
                              "    %11: bool = lt %9, %0\n"
                              "    branch %11 b3() b5(%10)\n"
                              "b3():\n"
                              "    %12: ?f64 = get %10, %9\n"
                              "    %13: ?f64 = call @leaf %12\n"
                              "    %14: {1}?f64 = set %10, %9, %13\n"
                              "    %15: i64 = add %9, %5\n"
                              "    jump b2(%15, %14)\n"
                              "b4(%16: {1}?f64):\n"
                              "    return %16\n"
                              "b5(%17: {1}?f64):\n"
                              "    %18: i64 = add %6, %5\n"
                              "    jump b1(%18, %17)\n"
                              "}\n";

static uint64_t steps_of_updates(uint64_t n)
{
    struct job job = {.text = updates, .words = {n}};
    run(&job);
    CHECK_INT(job.code, 0);
    CHECK_INT(job.dag.node_count, n * n + 1);
    dag_release(&job.dag);
    return job.counters.steps;
}

/* Copies would cost n element moves for each of the n * n updates. */
static void updates_are_made_in_place(void)
{
    uint64_t few = steps_of_updates(50), many = steps_of_updates(100);
    CHECK(many < 5 * few);
    CHECK(many < 12 * 100 * 100);
}

/* ---- Limits --------------------------------------------------------------------------------- */

static void fails(const char *text, uint64_t n, enum error_code code, const char *message)
{
    struct job job = {.text = text, .words = {n}, .max_tasks = 1000, .max_steps = 100000};
    run(&job);
    CHECK_TEXT(error_name(job.error.code), error_name(code));
    CHECK_TEXT(job.error.message, message);
    CHECK_TEXT(job.file, "limits.wk");
    if (!job.code)
        dag_release(&job.dag);
}

#define LIMITS(body)                                                                               \
    "module \"limits.wk\"\n"                                                                       \
    "kernel @leaf \"leaf\" (i: i64) -> f64\n"                                                      \
    "parameter n: i64\n"                                                                           \
    "entry @main -> i64\n"                                                                         \
    "flow @main \"main\" -> (i64) {\n"                                                             \
    "b0(%0: i64):\n"                                                                               \
    "    %1: i64 = constant 0\n"                                                                   \
    "    %2: i64 = constant 1\n" body "}\n"                                                        \
    "flow @again \"again\" -> (i64) !0..1 {\n"                                                     \
    "b0(%0: i64):\n"                                                                               \
    "    %1: ?f64 = call @leaf %0\n"                                                               \
    "    %2: i64 = apply @again %0\n"                                                              \
    "    return %2\n"                                                                              \
    "}\n"                                                                                          \
    "flow @deep \"deep\" -> (i64) !0..1 {\n"                                                       \
    "b0(%0: i64):\n"                                                                               \
    "    %1: i64 = constant 0\n"                                                                   \
    "    %2: bool = eq %0, %1\n"                                                                   \
    "    branch %2 b1() b2()\n"                                                                    \
    "b1():\n"                                                                                      \
    "    return %0\n"                                                                              \
    "b2():\n"                                                                                      \
    "    %3: i64 = constant 1\n"                                                                   \
    "    %4: i64 = sub %0, %3\n"                                                                   \
    "    %5: i64 = apply @deep %4\n"                                                               \
    "    return %5\n"                                                                              \
    "}\n"                                                                                          \
    "function @each \"main\" -> (?f64) {\n"                                                        \
    "b0(%0: i64):\n"                                                                               \
    "    %1: ?f64 = call @leaf %0\n"                                                               \
    "    return %1\n"                                                                              \
    "}\n"

static void limits_name_the_loop(void)
{
    fails(LIMITS("    jump b1(%1) !0..1\nb1(%3: i64):\n    %4: i64 = add %3, %2\n"
                 "    jump b1(%4) !0..1\n"),
          1, ERR_step_limit,
          "the graph needs more than 100000 steps: this loop in flow 'main' goes on");
    fails(LIMITS("    jump b1(%1) !0..1\nb1(%3: i64):\n    %4: ?f64 = call @leaf %3 !0..1\n"
                 "    jump b1(%3) !0..1\n"),
          1, ERR_task_limit,
          "the graph needs more than 1000 tasks (--max-tasks): this loop in flow 'main' goes on");
    fails(LIMITS("    %3: {1}?f64 = each.1 @each %0 !0..1\n    return %0\n"), 1001, ERR_task_limit,
          "the graph needs more than 1000 tasks (--max-tasks): this loop in flow 'main' goes on");
    fails(LIMITS("    %3: i64 = apply @again %0 !0..1\n    return %3\n"), 1, ERR_task_limit,
          "the graph needs more than 1000 tasks (--max-tasks): flow 'again' calls itself again and "
          "again");
    fails(LIMITS("    %3: {1}i64 = fill %1, %0 !0..1\n    return %0\n"), UINT64_C(1000000000000),
          ERR_flow_memory,
          "an array of 1000000000000 elements in a flow: its arrays may hold 2048 MiB in all while "
          "the graph is built");
    fails(LIMITS("    %3: {2}i64 = fill %1, %0, %0 !0..1\n    return %0\n"),
          UINT64_C(1000000000000), ERR_array_too_large,
          "an array of 1000000000000 x 1000000000000 elements is too large");
    fails(LIMITS("    fail \"n is {}, {{}}\" \"i\" %0 !0..1\n"), 7, ERR_flow_failed, "n is 7, {}");
    fails(LIMITS("    %3: bool = eq %0, %1\n"
                 "    check shape_mismatch \"dimension n: expected {}, found {}\" \"ii\" %3, %0, "
                 "%2 !0..1\n    return %0\n"),
          7, ERR_shape_mismatch, "dimension n: expected 7, found 1");
    fails(LIMITS("    %3: i64 = div %0, %1 !0..1\n    return %3\n"), 7, ERR_division_by_zero,
          "division by zero: 7 / 0");
}

/* while OUTER { while INNER { i += 1 } }. The inner loop has a place, the outer one none. */
#define NESTED(inner, outer_test)                                                                  \
    LIMITS("    %3: i64 = constant 3\n"                                                            \
           "    jump b1(%1)\n"                                                                     \
           "b1(%4: i64):\n"                                                                        \
           "    %5: bool = " outer_test "\n"                                                       \
           "    branch %5 b2(%1) b5()\n"                                                           \
           "b2(%6: i64):\n"                                                                        \
           "    %7: bool = " inner "\n"                                                            \
           "    branch %7 b3() b4()\n"                                                             \
           "b3():\n"                                                                               \
           "    %8: i64 = add %6, %2\n"                                                            \
           "    jump b2(%8) !0..1\n"                                                               \
           "b4():\n"                                                                               \
           "    %9: i64 = add %4, %2\n"                                                            \
           "    jump b1(%9)\n"                                                                     \
           "b5():\n"                                                                               \
           "    return %0\n")

static uint32_t line_of_endless_loop(const char *text)
{
    struct job job = {.text = text, .words = {1}, .max_steps = 100000};
    run(&job);
    CHECK_INT(job.code, ERR_step_limit);
    return job.error.place.line;
}

/* An inner loop of three turns within one without end, and the other way round. */
static void of_nested_loops_the_endless_one_is_named(void)
{
    CHECK_INT(line_of_endless_loop(NESTED("lt %6, %3", "eq %0, %0")), 0);
    CHECK_INT(line_of_endless_loop(NESTED("eq %0, %0", "lt %4, %3")), 1);
}

static void flows_recurse_deeply(void)
{
    const char *text = LIMITS("    %3: i64 = apply @deep %0 !0..1\n    return %3\n");
    struct job job = {.text = text, .words = {99990}};
    run(&job);
    CHECK_INT(job.code, 0);
    CHECK_INT(word_of(&job.dag, 0, 0), 0);
    dag_release(&job.dag);
    job = (struct job){.text = text, .words = {100000}};
    run(&job);
    CHECK_INT(job.code, ERR_flow_recursion);
    CHECK_TEXT(job.error.message, "flow 'deep' is called more than 100000 deep");
}

/* Twelve calls of three different arguments; words and refs count, and the first nodes' places. */
static void shared_calls_make_one_node(void)
{
#define SHARING(shared, words)                                                                     \
    "module \"shared.wk\"\n"                                                                       \
    "kernel @make \"make\" (i: i64) -> f64\n"                                                      \
    "kernel @mix \"mix\" (x: f64, i: i64) -> f64\n"                                                \
    "kernel @join \"join\" (x: f64[_]) -> f64\n"                                                   \
    "parameter n: i64\n"                                                                           \
    "entry @main -> f64\n"                                                                         \
    "flow @main \"main\" -> (?f64) {\n"                                                            \
    "b0(%0: i64):\n"                                                                               \
    "    %1: {1}?f64 = each.1 @body %0\n"                                                          \
    "    %2: ?f64 = call @join %1\n"                                                               \
    "    return %2\n}\n"                                                                           \
    "function @body \"main\" -> (?f64) {\n"                                                        \
    "b0(%0: i64):\n"                                                                               \
    "    %1: i64 = constant 3\n"                                                                   \
    "    %2: i64 = rem %0, %1\n"                                                                   \
    "    %3: ?f64 = call" shared " @make %2\n"                                                     \
    "    %4: ?f64 = call" shared " @mix %3, " words "\n"                                           \
    "    return %4\n}\n"
    static const struct {
        const char *text;
        uint32_t nodes;
    } cases[] = {{SHARING("", "%2"), 12 + 12 + 2},
                 {SHARING(".shared", "%2"), 3 + 3 + 2},
                 {SHARING(".shared", "%0"), 3 + 12 + 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct job job = {.text = cases[i].text, .words = {12}};
        run(&job);
        CHECK_INT(job.code, 0);
        CHECK_INT(job.dag.node_count, cases[i].nodes);
        for (uint32_t r = 0; r < 12 && job.dag.node_count == 3 + 3 + 2; r++)
            CHECK_INT(dag_ref_source(ref_of(&job.dag, 6, r)),
                      dag_ref_source(ref_of(&job.dag, 6, r % 3)));
        dag_release(&job.dag);
    }
}

/* C4.11: equal calls are one node wherever they stand, and not where the same word and ref are in
 * each other's place. */
static void calls_of_several_places_make_one_node(void)
{
    struct job job = {.text = "module \"places.wk\"\n"
                              "kernel @make \"make\" (i: i64) -> f64\n"
                              "kernel @mix \"mix\" (x: f64, y: f64) -> f64\n"
                              "parameter n: i64\n"
                              "entry @main -> (f64[_], f64, f64, f64)\n"
                              "flow @main \"main\" -> ({1}?f64, ?f64, ?f64, ?f64) {\n"
                              "b0(%0: i64):\n"
                              "    %1: f64 = constant 2.0\n"
                              "    %2: i64 = constant 1\n"
                              "    %3: {1}?f64 = each.1 @body %0\n"
                              "    %4: ?f64 = call.shared @make %2\n"
                              "    %5: ?f64 = call.shared @mix %1, %4\n"
                              "    %6: ?f64 = call.shared @mix %4, %1\n"
                              "    %7: ?f64 = call @make %2\n"
                              "    return %3, %5, %6, %7\n}\n"
                              "function @body \"main\" -> (?f64) {\n"
                              "b0(%0: i64):\n"
                              "    %1: ?f64 = call.shared @make %0\n"
                              "    return %1\n}\n",
                      .words = {3}};
    run(&job);
    CHECK_INT(job.code, 0);
    CHECK_INT(job.dag.node_count, 3 + 2 + 1 + 1);
    CHECK_INT(dag_ref_source(ref_of(&job.dag, 3, 0)), 1);
    CHECK_INT(dag_ref_source(ref_of(&job.dag, 4, 0)), 1);
    dag_release(&job.dag);
}

/* Where no two are equal nobody looks for ever; the graph stays right. */
static void sharing_gives_up(void)
{
    enum { CALLS = 70000 };
    struct job job = {.text = SHARING(".shared", "%0"), .words = {CALLS}};
    run(&job);
    CHECK_INT(job.code, 0);
    CHECK_INT(job.dag.node_count, 3 + CALLS + 2);
    CHECK_INT(word_of(&job.dag, 3 + CALLS - 1, 0), CALLS - 1);
    dag_release(&job.dag);
}

static void stopping_ends_elaboration(void)
{
    struct buffer bytes = {0};
    struct error error = {0};
    struct flow_code *code =
        load(LIMITS("    jump b1(%1)\nb1(%3: i64):\n    jump b1(%3)\n"), &bytes, &error);
    _Atomic(uint32_t) stop = 1;
    struct elaborate_options options = {.stop = &stop};
    struct flow_argument argument = {.given = true};
    struct dag dag;
    CHECK_INT(elaborate(code, &argument, &options, &dag, NULL, &error), ERR_interrupted);
    argument.given = false;
    CHECK_INT(elaborate(code, &argument, NULL, &dag, NULL, &error), ERR_bad_parameter);
    CHECK_TEXT(error.message, "the parameter 'n' has no value");
    flow_code_free(code);
    buffer_release(&bytes);
}

TEST_MAIN(TEST(views_of_views_select_from_the_source), TEST(arguments_become_words_and_refs),
          TEST(flows_recurse_in_scopes_of_their_own), TEST(updates_are_made_in_place),
          TEST(limits_name_the_loop), TEST(of_nested_loops_the_endless_one_is_named),
          TEST(flows_recurse_deeply), TEST(shared_calls_make_one_node),
          TEST(calls_of_several_places_make_one_node), TEST(sharing_gives_up),
          TEST(stopping_ends_elaboration))
