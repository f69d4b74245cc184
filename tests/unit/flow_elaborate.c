/*
 * Flow IR as text, encoded, loaded and elaborated: the graphs that come out, against what the
 * program says, computed here in another way.
 */
#include "check/messages.h"
#include "elaboration.h"

#define HARMONIC(reduction)                                                                        \
    "module \"harmonic.wk\"\n"                                                                     \
    "kernel @partial \"partial\" (i: i64, width: i64) -> f64\n"                                    \
    "kernel @add \"add\" (a: f64, b: f64) -> f64\n"                                                \
    "parameter parts: i64\n"                                                                       \
    "parameter width: i64 = @main.default1\n"                                                      \
    "entry @main -> f64\n"                                                                         \
    "flow @main \"main\" -> (?f64) {\n"                                                            \
    "b0(%0: i64, %1: i64):\n"                                                                      \
    "    %2: {1}?f64 = each.1 @main.each1 %0, %1\n"                                                \
    "    %3: i64 = constant 2\n"                                                                   \
    "    %4: i64 = constant 1\n" reduction "    return %5\n"                                       \
    "}\n"                                                                                          \
    "function @main.default1 \"main\" -> (i64) {\n"                                                \
    "b0(%0: i64):\n"                                                                               \
    "    %1: i64 = constant 50\n"                                                                  \
    "    %2: i64 = add %0, %1\n"                                                                   \
    "    return %2\n"                                                                              \
    "}\n"                                                                                          \
    "function @main.each1 \"main\" -> (?f64) {\n"                                                  \
    "b0(%0: i64, %1: i64):\n"                                                                      \
    "    %2: ?f64 = call @partial %0, %1\n"                                                        \
    "    return %2\n"                                                                              \
    "}\n"                                                                                          \
    "function @main.reduce1 \"main\" -> (?f64) {\n"                                                \
    "b0(%0: ?f64, %1: ?f64):\n"                                                                    \
    "    %2: ?f64 = call @add %0, %1\n"                                                            \
    "    return %2\n"                                                                              \
    "}\n"

static void harmonic_is_a_tree(void)
{
    struct job job = {.text = HARMONIC("    %5: ?f64 = reduce @main.reduce1 %3, %4, %2\n"),
                      .words = {4}};
    run(&job);
    CHECK_INT(job.code, 0);
    const struct dag *dag = &job.dag;
    CHECK_INT(dag->node_count, 4 + 3 + 1);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_TEXT(task_of(dag, i), "partial");
        CHECK_INT(word_of(dag, i, 0), i);
        CHECK_INT(word_of(dag, i, 1), 54);
    }
    CHECK_TEXT(task_of(dag, 4), "add");
    CHECK_INT(dag_ref_source(ref_of(dag, 4, 0)), 0);
    CHECK_INT(dag_ref_source(ref_of(dag, 4, 1)), 1);
    CHECK_INT(dag_ref_source(ref_of(dag, 6, 0)), 4);
    CHECK_INT(dag_ref_source(ref_of(dag, 6, 1)), 5);
    CHECK_INT(dag_ref_source(ref_of(dag, 7, 0)), 6);
    CHECK_INT(code_of(dag, 7, 0), DAG_ARG_REF);
    CHECK_INT(dag->nodes[7].task, DAG_RESULT);
    dag_release(&job.dag);
}

/* ---- Reductions ----------------------------------------------------------------------------- */

/* Flow main(n, arity, chunk) of leaves leaf(i), with init leaf(-1) or without. */
#define REDUCTION(initial, operands)                                                               \
    "module \"reduce.wk\"\n"                                                                       \
    "kernel @leaf \"leaf\" (i: i64) -> f64\n"                                                      \
    "kernel @join \"join\" (a: f64, b: f64) -> f64\n"                                              \
    "parameter n: i64\n"                                                                           \
    "parameter arity: i64\n"                                                                       \
    "parameter chunk: i64\n"                                                                       \
    "entry @main -> f64\n"                                                                         \
    "flow @main \"main\" -> (?f64) {\n"                                                            \
    "b0(%0: i64, %1: i64, %2: i64):\n"                                                             \
    "    %3: {1}?f64 = each.1 @each %0\n"                                                          \
    "    %4: i64 = constant -1\n"                                                                  \
    "    %5: ?f64 = call @leaf %4\n"                                                               \
    "    %6: ?f64 = reduce" initial " @join %1, %2, %3" operands "\n"                              \
    "    return %6\n"                                                                              \
    "}\n"                                                                                          \
    "function @each \"main\" -> (?f64) {\n"                                                        \
    "b0(%0: i64):\n"                                                                               \
    "    %1: ?f64 = call @leaf %0\n"                                                               \
    "    return %1\n"                                                                              \
    "}\n"                                                                                          \
    "function @join \"main\" -> (?f64) {\n"                                                        \
    "b0(%0: ?f64, %1: ?f64):\n"                                                                    \
    "    %2: ?f64 = call @join %0, %1\n"                                                           \
    "    return %2\n"                                                                              \
    "}\n"

/* The expression that a node computes: leaves by their number, joins in parentheses. */
static void print_expression(const struct dag *dag, dag_ref ref, struct buffer *out)
{
    uint32_t node = dag_ref_source(ref);
    if (strcmp(task_of(dag, node), "leaf") == 0) {
        buffer_printf(out, "%d", (int)word_of(dag, node, 0));
        return;
    }
    buffer_putc(out, '(');
    print_expression(dag, ref_of(dag, node, 0), out);
    buffer_putc(out, ' ');
    print_expression(dag, ref_of(dag, node, 1), out);
    buffer_putc(out, ')');
}

/* The same from the definition in spec/language.md, on texts. */
static char *fold(char *left, char *right)
{
    struct buffer b = {0};
    buffer_printf(&b, "(%s %s)", left, right);
    free(left);
    free(right);
    return b.data;
}

static char *number_text(int number)
{
    struct buffer b = {0};
    buffer_printf(&b, "%d", number);
    return b.data;
}

static char *expected_expression(int n, int arity, int chunk, bool has_initial)
{
    char *level[64];
    int count = 0;
    for (int i = 0; i < n;) {
        char *value = i == 0 && has_initial ? number_text(-1) : NULL;
        for (int end = i + chunk; i < n && i < end; i++)
            value = value ? fold(value, number_text(i)) : number_text(i);
        level[count++] = value;
    }
    while (count > 1) {
        int next = 0;
        for (int i = 0; i < count;) {
            char *value = level[i++];
            for (int j = 1; j < arity && i < count; j++)
                value = fold(value, level[i++]);
            level[next++] = value;
        }
        count = next;
    }
    return count ? level[0] : number_text(-1);
}

static void check_reduction(int n, int arity, int chunk, bool has_initial)
{
    struct job job = {.text = has_initial ? REDUCTION(".initial", ", %5") : REDUCTION("", ""),
                      .words = {(uint64_t)n, (uint64_t)arity, (uint64_t)chunk}};
    run(&job);
    if (n == 0 && !has_initial) {
        CHECK_INT(job.code, ERR_empty_reduction);
        CHECK_TEXT(job.error.message, MESSAGE_EMPTY_REDUCE);
        return;
    }
    CHECK_INT(job.code, 0);
    char *expected = expected_expression(n, arity, chunk, has_initial);
    struct buffer found = {0};
    print_expression(&job.dag, ref_of(&job.dag, dag_sink(&job.dag), 0), &found);
    CHECK_TEXT(buffer_text(&found), expected);
    buffer_release(&found);
    free(expected);
    dag_release(&job.dag);
}

static void reductions_have_the_language_s_shape(void)
{
    for (int n = 0; n < 28; n++)
        for (int arity = 2; arity < 6; arity++)
            for (int chunk = 1; chunk < 6; chunk++)
                for (int initial = 0; initial < 2; initial++)
                    check_reduction(n, arity, chunk, initial);
}

static void impossible_trees_are_refused(void)
{
    struct job job = {.text = REDUCTION("", ""), .words = {5, 1, 1}};
    run(&job);
    CHECK_INT(job.code, ERR_bad_reduce);
    CHECK_TEXT(job.error.message, "reduce with arity 1");
    job = (struct job){.text = REDUCTION("", ""), .words = {5, 2, (uint64_t)-1}};
    run(&job);
    CHECK_INT(job.code, ERR_bad_reduce);
    CHECK_TEXT(job.error.message, "reduce with chunk -1");
}

/* ---- Known structures ----------------------------------------------------------------------- */

/* A flow of known i64 whose result is a known array of rank `rank`; `body` computes %9 from n = %0.
 */
#define KNOWN(rank, type, body)                                                                    \
    "module \"known.wk\"\n"                                                                        \
    "parameter n: i64\n"                                                                           \
    "entry @main -> " type "\n"                                                                    \
    "flow @main \"main\" -> ({" rank "}i64) {\n"                                                   \
    "b0(%0: i64):\n"                                                                               \
    "    %1: i64 = constant 1\n"                                                                   \
    "    %2: i64 = constant 2\n"                                                                   \
    "    %3: i64 = constant 3\n"                                                                   \
    "    %4: i64 = constant 0\n" body "}\n"                                                        \
    "function @square \"main\" -> (i64) {\n"                                                       \
    "b0(%0: i64):\n"                                                                               \
    "    %1: i64 = mul %0, %0\n"                                                                   \
    "    return %1\n"                                                                              \
    "}\n"                                                                                          \
    "function @table \"main\" -> (i64) {\n"                                                        \
    "b0(%0: i64, %1: i64):\n"                                                                      \
    "    %2: i64 = constant 10\n"                                                                  \
    "    %3: i64 = mul %0, %2\n"                                                                   \
    "    %4: i64 = add %3, %1\n"                                                                   \
    "    return %4\n"                                                                              \
    "}\n"                                                                                          \
    "function @odd \"main\" -> (bool, i64) {\n"                                                    \
    "b0(%0: i64):\n"                                                                               \
    "    %1: i64 = constant 1\n"                                                                   \
    "    %2: i64 = and %0, %1\n"                                                                   \
    "    %3: bool = eq %2, %1\n"                                                                   \
    "    %4: i64 = mul %0, %0\n"                                                                   \
    "    return %3, %4\n"                                                                          \
    "}\n"                                                                                          \
    "function @row \"main\" -> ({1}i64) {\n"                                                       \
    "b0(%0: i64):\n"                                                                               \
    "    %1: {1}i64 = fill %0, %0\n"                                                               \
    "    return %1\n"                                                                              \
    "}\n"                                                                                          \
    "function @join \"main\" -> ({1}i64) {\n"                                                      \
    "b0(%0: {1}i64, %1: {1}i64):\n"                                                                \
    "    %2: {1}i64 = concat %1, %0\n"                                                             \
    "    return %2\n"                                                                              \
    "}\n"

/* Runs it, and says the result as "2x3: 1 2 3 4 5 6". */
static void gives(const char *text, uint64_t n, const char *expected)
{
    struct job job = {.text = text, .words = {n}};
    run(&job);
    struct buffer found = {0};
    if (job.code) {
        buffer_printf(&found, "%s: %s", error_name(job.error.code), job.error.message);
    } else {
        dag_ref ref = ref_of(&job.dag, dag_sink(&job.dag), 0);
        const struct dag_constant *c = &job.dag.constants[dag_ref_source(ref) - DAG_CONSTANT];
        uint64_t count = 1;
        for (uint32_t d = 0; d < c->rank; d++) {
            buffer_printf(&found, "%s%d", d ? "x" : "", (int)c->extents[d]);
            count *= (uint64_t)c->extents[d];
        }
        CHECK_INT(c->bytes, 8 * count);
        buffer_putc(&found, ':');
        for (uint64_t i = 0; i < count; i++) {
            int64_t value;
            memcpy(&value, job.dag.data + c->offset + 8 * i, 8);
            buffer_printf(&found, " %d", (int)value);
        }
        dag_release(&job.dag);
    }
    CHECK_TEXT(buffer_text(&found), expected);
    buffer_release(&found);
}

static void structures_are_values(void)
{
    gives(KNOWN("1", "i64[_]", "    %5: {1}i64 = each.1 @square %0\n    return %5\n"), 5,
          "5: 0 1 4 9 16");
    gives(KNOWN("1", "i64[_]", "    %5: {1}i64 = each.1.filtered @odd %0\n    return %5\n"), 8,
          "4: 1 9 25 49");
    gives(KNOWN("2", "i64[_, _]", "    %5: {2}i64 = each.2 @table %2, %0\n    return %5\n"), 3,
          "2x3: 0 1 2 10 11 12");
    gives(KNOWN("1", "i64[_]", "    %5: {1}i64 = range %0, %4, %1\n    return %5\n"), 3, "0:");
    gives(KNOWN("1", "i64[_]",
                "    %5: i64 = neg %2\n    %6: {1}i64 = range %0, %4, %5\n    return %6\n"),
          7, "4: 7 5 3 1");
    gives(KNOWN("1", "i64[_]", "    %5: {1}i64 = range %0, %1, %4\n    return %5\n"), 7,
          "zero_step: a range from 7 to 1 has step 0");
    /* A new version leaves the old one as it was, whether that is used later or not. */
    gives(KNOWN("1", "i64[_]",
                "    %5: {1}i64 = fill %3, %0\n    %6: {1}i64 = set %5, %1, %4\n"
                "    %7: {1}i64 = concat %5, %6\n    return %7\n"),
          3, "6: 3 3 3 3 0 3");
    gives(KNOWN("1", "i64[_]",
                "    %5: {1}i64 = fill %3, %0\n    %6: {1}i64 = set %5, %1, %4\n"
                "    %7: {1}i64 = concat %6, %6\n    return %7\n"),
          3, "6: 3 0 3 3 0 3");
    gives(KNOWN("1", "i64[_]",
                "    %5: {1}i64 = fill %3, %0\n    %6: {1}i64 = set %5, %0, %4\n    return %6\n"),
          3, "index_out_of_bounds: index 3 is out of bounds: dimension 0 has extent 3");
    gives(
        KNOWN("1", "i64[_]", "    %5: i64 = neg %0\n    %6: {1}i64 = fill %1, %5\n    return %6\n"),
        3, "negative_extent: an array's extent is -3");
}

static void slices_select_and_replace(void)
{
#define TABLE "    %5: {2}i64 = each.2 @table %3, %0\n"
    gives(KNOWN("1", "i64[_]", TABLE "    %6: {1}i64 = slice.ir %5, %1, %1, %3\n    return %6\n"),
          4, "2: 11 12");
    gives(KNOWN("1", "i64[_]", TABLE "    %6: {1}i64 = slice.ri %5, %1, %3, %2\n    return %6\n"),
          4, "2: 12 22");
    gives(KNOWN("2", "i64[_, _]",
                TABLE "    %6: {2}i64 = slice.rr %5, %1, %3, %4, %2\n    return %6\n"),
          4, "2x2: 10 11 20 21");
    gives(KNOWN("2", "i64[_, _]",
                TABLE "    %6: {2}i64 = slice.rr %5, %1, %1, %4, %2\n    return %6\n"),
          4, "0x2:");
    gives(KNOWN("1", "i64[_]", TABLE "    %6: {1}i64 = slice.ir %5, %1, %1, %0\n    return %6\n"),
          2, "1: 11");
    gives(KNOWN("1", "i64[_]", TABLE "    %6: {1}i64 = slice.ri %5, %3, %1, %2\n    return %6\n"),
          4, "0:"); /* backward */
    gives(KNOWN("1", "i64[_]", TABLE "    %6: {1}i64 = slice.ri %5, %4, %0, %1\n    return %6\n"),
          4, "slice_out_of_bounds: slice 0..4 is out of bounds: dimension 0 has extent 3");
    gives(KNOWN("2", "i64[_, _]",
                TABLE "    %6: {1}i64 = fill %4, %2\n"
                      "    %7: {2}i64 = set_slice.ir %5, %1, %1, %3, %6\n    return %7\n"),
          4, "3x4: 0 1 2 3 10 0 0 13 20 21 22 23");
    gives(KNOWN("2", "i64[_, _]",
                TABLE "    %6: {1}i64 = fill %4, %3\n"
                      "    %7: {2}i64 = set_slice.ir %5, %1, %1, %3, %6\n    return %7\n"),
          4, "shape_mismatch: dimension 0: expected 2, found 3");
}

static void structures_are_rearranged(void)
{
    gives(KNOWN("2", "i64[_, _]", TABLE "    %6: {2}i64 = transpose %5\n    return %6\n"), 2,
          "2x3: 0 10 20 1 11 21");
    gives(KNOWN("1", "i64[_]", TABLE "    %6: {1}i64 = flatten %5\n    return %6\n"), 2,
          "6: 0 1 10 11 20 21");
    gives(KNOWN("2", "i64[_, _]", TABLE "    %6: {2}i64 = concat %5, %5\n    return %6\n"), 1,
          "6x1: 0 10 20 0 10 20");
    gives(KNOWN("2", "i64[_, _]",
                TABLE "    %6: {2}i64 = transpose %5\n    %7: {2}i64 = concat %5, %6\n"
                      "    return %7\n"),
          2, "shape_mismatch: piece 1: dimension 1: expected 2, found 3");
    gives(KNOWN("1", "i64[_]",
                "    %5: {1}{1}i64 = each.1 @row %0\n    %6: {1}i64 = concat_all %5\n"
                "    return %6\n"),
          4, "6: 1 2 2 3 3 3");
    gives(KNOWN("1", "i64[_]",
                "    %5: {1}{1}i64 = each.1 @row %0\n    %6: {1}i64 = concat_all %5\n"
                "    return %6\n"),
          0, "0:");
    gives(KNOWN("1", "i64[_]",
                "    %5: {1}{1}i64 = each.1 @row %0\n    %6: {1}i64 = flatten %5\n"
                "    return %6\n"),
          4, "6: 1 2 2 3 3 3");
    gives(KNOWN("1", "i64[_]",
                "    %5: {1}{1}i64 = each.1 @row %0\n    %6: {1}i64 = get %5, %3\n"
                "    %7: {1}i64 = set %6, %4, %4\n    %8: {1}{1}i64 = set %5, %2, %7\n"
                "    %9: {1}i64 = flatten %8\n    return %9\n"),
          4, "7: 1 0 3 3 3 3 3");
    /* A reduction over structures. */
    gives(KNOWN("1", "i64[_]",
                "    %5: {1}{1}i64 = each.1 @row %0\n"
                "    %6: {1}i64 = reduce @join %2, %1, %5\n    return %6\n"),
          4, "6: 3 3 3 2 2 1");
    gives(KNOWN("1", "i64[_]",
                "    %5: {1}{1}i64 = each.1 @row %0\n    %6: {1}i64 = fill %4, %2\n"
                "    %7: {1}i64 = reduce.initial @join %3, %2, %5, %6\n    return %7\n"),
          5, "12: 4 4 4 4 3 3 3 2 2 1 0 0");
}

TEST_MAIN(TEST(harmonic_is_a_tree), TEST(reductions_have_the_language_s_shape),
          TEST(impossible_trees_are_refused), TEST(structures_are_values),
          TEST(slices_select_and_replace), TEST(structures_are_rearranged))
