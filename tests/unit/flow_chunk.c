/*
 * The pass chunk: text in, text out, of kernels whose `cost=` says that they are cheap. What it
 * computes, programs show (tests/run/chunks.wk).
 */
#include "check_program.h"
#include "pass.h"

#define HEAD                                                                                       \
    "module \"t.wk\"\n\n"                                                                          \
    "kernel @work \"work\" (i: i64, a: f64) -> f64 cost=1000\n"                                    \
    "kernel @both \"both\" (i: i64) -> (f64, i64) cost=1000\n"                                     \
    "kernel @add \"add\" (a: f64, b: f64) -> f64 cost=1\n"
#define MAIN                                                                                       \
    "parameter n: i64\n"                                                                           \
    "parameter a: f64\n"                                                                           \
    "entry @main -> f64\n\n"                                                                       \
    "flow @main \"main\" -> (?f64) {\n"                                                            \
    "b0(%0: i64, %1: f64):\n"
#define EACH                                                                                       \
    "function @main.each1 \"main\" -> (?f64) {\n"                                                  \
    "b0(%0: i64, %1: f64):\n"                                                                      \
    "    %2: i64 = constant 5\n"                                                                   \
    "    %3: i64 = add %0, %2\n"                                                                   \
    "    %4: ?f64 = call @work %3, %1\n"                                                           \
    "    return %4\n"                                                                              \
    "}\n"
#define REDUCE                                                                                     \
    "\nfunction @main.reduce2 \"main\" -> (?f64) {\n"                                              \
    "b0(%0: ?f64, %1: ?f64):\n"                                                                    \
    "    %2: ?f64 = call @add %0, %1\n"                                                            \
    "    return %2\n"                                                                              \
    "}\n"

static void chunk(const char *before, struct buffer *after, struct buffer *remarks)
{
    static const struct ir_target target = {
        .parallelism = 2, .task_ns = 100000, .task_bytes = 4096};
    run_pass(pass_chunk, &target, before, after, remarks);
}

static void is_chunked(const char *before, const char *after)
{
    struct buffer text = {0}, remarks = {0};
    chunk(before, &text, &remarks);
    CHECK_TEXT(buffer_text(&text), after);
    buffer_release(&text);
    buffer_release(&remarks);
}

/* Nothing changes, for the reason that the remark gives; "": there is none. */
static void stays(const char *before, const char *reason)
{
    struct buffer text = {0}, remarks = {0};
    chunk(before, &text, &remarks);
    CHECK_TEXT(buffer_text(&text), before);
    CHECK(*reason ? strstr(buffer_text(&remarks), reason) != NULL : remarks.length == 0);
    buffer_release(&text);
    buffer_release(&remarks);
}

static void chunks(const char *before)
{
    struct buffer text = {0}, remarks = {0};
    chunk(before, &text, &remarks);
    CHECK(strstr(buffer_text(&text), ".chunked") != NULL);
    buffer_release(&text);
    buffer_release(&remarks);
}

/* How a piece begins: the bounds of its indexes. */
#define BEGIN                                                                                      \
    "    %4: i64 = mul %0, %1\n"                                                                   \
    "    %5: i64 = sub %2, %4\n"                                                                   \
    "    %6: i64 = min %1, %5\n"                                                                   \
    "    %7: i64 = add %4, %6\n"
/* How the length of pieces is found, and how many there are. */
#define LENGTH                                                                                     \
    "    %2: i64 = constant 8\n"                                                                   \
    "    %3: i64 = div %0, %2\n"                                                                   \
    "    %4: i64 = constant 100\n"                                                                 \
    "    %5: i64 = min %3, %4\n"                                                                   \
    "    %6: i64 = constant 2\n"                                                                   \
    "    %7: bool = ge %5, %6\n"                                                                   \
    "    branch %7 b1() b2()\n"                                                                    \
    "b1():\n"                                                                                      \
    "    %8: i64 = constant 1\n"                                                                   \
    "    %9: i64 = sub %5, %8\n"                                                                   \
    "    %10: i64 = add %0, %9\n"                                                                  \
    "    %11: i64 = div %10, %5\n"

/* Takes the first element of the comprehension. */
#define FIRST                                                                                      \
    "    %2: {1}?f64 = each.1 @main.each1 %0, %1\n"                                                \
    "    %3: i64 = constant 0\n"                                                                   \
    "    %4: ?f64 = get %2, %3\n"                                                                  \
    "    return %4\n"                                                                              \
    "}\n\n"

/* The piece computes the index's arithmetic; with few elements all is as written. */
static void chunk_splits_comprehension(void)
{
    is_chunked(
        HEAD MAIN "    %2: {1}?f64 = each.1 @main.each1 %0, %1\n    %3: i64 = constant 0\n    "
                  "%4: ?f64 = get %2, %3\n    return %4\n}\n\n" EACH,
        HEAD "kernel @chunk.work.ad8b538a0ffb273b \"work\" (low: i64, high: i64, a: f64) -> f64[_] "
             "members=\"work\"\n" MAIN "    %2: {1}?f64 = apply @main.each1.chunked %0, %1\n"
             "    %3: i64 = constant 0\n"
             "    %4: ?f64 = get %2, %3\n"
             "    return %4\n"
             "}\n"
             "\n" EACH "\n"
             "function @main.each1.piece \"main\" -> ({1}?f64) {\n"
             "b0(%0: i64, %1: i64, %2: i64, %3: f64):\n" BEGIN "    %8: i64 = constant 5\n"
             "    %9: ?f64[+] = call @chunk.work.ad8b538a0ffb273b %4, %7, %3, %6\n"
             "    %10: {1}?f64 = elements %9\n"
             "    return %10\n"
             "}\n"
             "\n"
             "function @main.each1.chunked \"main\" -> ({1}?f64) {\n"
             "b0(%0: i64, %1: f64):\n" LENGTH
             "    %12: {1}{1}?f64 = each.1 @main.each1.piece %11, %5, %0, %1\n"
             "    %13: {1}?f64 = concat_all %12\n"
             "    return %13\n"
             "b2():\n"
             "    %14: {1}?f64 = each.1 @main.each1 %0, %1\n"
             "    return %14\n"
             "}\n");
}

/* With the reduction, and its initial value: the first piece begins with it. */
static void chunk_makes_subtrees(void)
{
    is_chunked(
        HEAD MAIN
        "    %2: ?f64 = lift %1\n    %3: {1}?f64 = each.1 @main.each1 %0, %1\n    %4: i64 = "
        "constant 3\n    %5: i64 = constant 1\n    %6: ?f64 = reduce.initial @main.reduce2 %4, "
        "%5, %3, %2\n    return %6\n}\n\n" EACH REDUCE,
        HEAD "kernel @reduce.work.add.e3f65323c05689d3 \"work\" (low: i64, high: i64, a: f64) -> "
             "f64 members=\"work, add\"\n"
             "kernel @first.work.add.e3f65323c05689d3 \"work\" (low: i64, high: i64, a: f64, init: "
             "f64) -> f64 members=\"work, add\"\n" MAIN "    %2: ?f64 = lift %1\n"
             "    %3: i64 = constant 3\n"
             "    %4: i64 = constant 1\n"
             "    %5: ?f64 = apply @main.reduce2.chunked %0, %3, %4, %2, %1\n"
             "    return %5\n"
             "}\n"
             "\n" EACH REDUCE "\n"
             "function @main.reduce2.piece \"main\" -> (?f64) {\n"
             "b0(%0: i64, %1: i64, %2: i64, %3: i64, %4: i64, %5: ?f64, %6: f64):\n"
             "    %7: i64 = mul %0, %1\n"
             "    %8: i64 = sub %2, %7\n"
             "    %9: i64 = min %1, %8\n"
             "    %10: i64 = add %7, %9\n"
             "    %11: i64 = constant 5\n"
             "    %12: i64 = constant 0\n"
             "    %13: bool = eq %0, %12\n"
             "    branch %13 b1() b2()\n"
             "b1():\n"
             "    %14: ?f64 = call @first.work.add.e3f65323c05689d3 %7, %10, %6, %5\n"
             "    return %14\n"
             "b2():\n"
             "    %15: ?f64 = call @reduce.work.add.e3f65323c05689d3 %7, %10, %6\n"
             "    return %15\n"
             "}\n"
             "\n"
             "function @main.reduce2.chunked \"main\" -> (?f64) {\n"
             "b0(%0: i64, %1: i64, %2: i64, %3: ?f64, %4: f64):\n"
             "    %5: i64 = constant 8\n"
             "    %6: i64 = div %0, %5\n"
             "    %7: i64 = constant 99\n"
             "    %8: i64 = min %6, %7\n"
             "    %9: i64 = apply @chunk.subtree %8, %1, %2\n"
             "    %10: i64 = constant 2\n"
             "    %11: bool = ge %9, %10\n"
             "    branch %11 b1() b2()\n"
             "b1():\n"
             "    %12: i64 = constant 1\n"
             "    %13: i64 = sub %9, %12\n"
             "    %14: i64 = add %0, %13\n"
             "    %15: i64 = div %14, %9\n"
             "    %16: {1}?f64 = each.1 @main.reduce2.piece %15, %9, %0, %1, %2, %3, %4\n"
             "    %17: i64 = constant 1\n"
             "    %18: ?f64 = reduce @main.reduce2 %1, %17, %16\n"
             "    return %18\n"
             "b2():\n"
             "    %19: {1}?f64 = each.1 @main.each1 %0, %4\n"
             "    %20: ?f64 = reduce.initial @main.reduce2 %1, %2, %19, %3\n"
             "    return %20\n"
             "}\n"
             "\n"
             "function @chunk.subtree \"chunk\" -> (i64) {\n"
             "b0(%0: i64, %1: i64, %2: i64):\n"
             "    %3: i64 = constant 0\n"
             "    %4: i64 = sub %0, %2\n"
             "    %5: i64 = constant 1\n"
             "    %6: i64 = add %4, %5\n"
             "    %7: i64 = constant 2\n"
             "    %8: i64 = div %1, %7\n"
             "    %9: i64 = min %2, %6\n"
             "    %10: i64 = min %9, %8\n"
             "    %11: bool = gt %10, %3\n"
             "    branch %11 b1() b5()\n"
             "b1():\n"
             "    %12: i64 = div %0, %1\n"
             "    jump b2(%2)\n"
             "b2(%13: i64):\n"
             "    %14: bool = le %13, %12\n"
             "    branch %14 b3() b4()\n"
             "b3():\n"
             "    %15: i64 = mul %13, %1\n"
             "    jump b2(%15)\n"
             "b4():\n"
             "    return %13\n"
             "b5():\n"
             "    return %3\n"
             "}\n");
}

/* What may fail is evaluated where the graph is built, once for each index, and gathered; leaves of
 * a tuple come as an array each. */
static void chunk_gathers_arguments(void)
{
    is_chunked(
        HEAD MAIN "    %2: {1}?f64, %3: {1}?i64 = each.1 @main.each1 %0, %0\n    %4: i64 = "
                  "constant 0\n    %5: ?f64 = get %2, %4\n    return %5\n}\n\n"
                  "function @main.each1 \"main\" -> (?f64, ?i64) {\n"
                  "b0(%0: i64, %1: i64):\n"
                  "    %2: i64 = div %1, %0\n"
                  "    %3: ?f64, %4: ?i64 = call @both %2\n"
                  "    return %3, %4\n"
                  "}\n",
        HEAD
        "kernel @chunk.both.3051c008fa02a751 \"both\" (low: i64, high: i64, i: i64[_]) -> "
        "(f64[_], i64[_]) members=\"both\"\n" MAIN
        "    %2: {1}?f64, %3: {1}?i64 = apply @main.each1.chunked %0, %0\n"
        "    %4: i64 = constant 0\n"
        "    %5: ?f64 = get %2, %4\n"
        "    return %5\n"
        "}\n"
        "\n"
        "function @main.each1 \"main\" -> (?f64, ?i64) {\n"
        "b0(%0: i64, %1: i64):\n"
        "    %2: i64 = div %1, %0\n"
        "    %3: ?f64, %4: ?i64 = call @both %2\n"
        "    return %3, %4\n"
        "}\n"
        "\n"
        "function @main.each1.piece \"main\" -> ({1}?f64, {1}?i64) {\n"
        "b0(%0: i64, %1: i64, %2: i64, %3: i64):\n" BEGIN
        "    %8: {1}i64 = each.1 @main.each1.arguments %6, %4, %3\n"
        "    %9: ?f64[+], %10: ?i64[+] = call @chunk.both.3051c008fa02a751 %4, %7, %8, %6, %6\n"
        "    %11: {1}?f64 = elements %9\n"
        "    %12: {1}?i64 = elements %10\n"
        "    return %11, %12\n"
        "}\n"
        "\n"
        "function @main.each1.arguments \"main\" -> (i64) {\n"
        "b0(%0: i64, %1: i64, %2: i64):\n"
        "    %3: i64 = add %1, %0\n"
        "    %4: i64 = div %2, %3\n"
        "    return %4\n"
        "}\n"
        "\n"
        "function @main.each1.chunked \"main\" -> ({1}?f64, {1}?i64) {\n"
        "b0(%0: i64, %1: i64):\n" LENGTH
        "    %12: {1}{1}?f64, %13: {1}{1}?i64 = each.1 @main.each1.piece %11, %5, %0, %1\n"
        "    %14: {1}?f64 = concat_all %12\n"
        "    %15: {1}?i64 = concat_all %13\n"
        "    return %14, %15\n"
        "b2():\n"
        "    %16: {1}?f64, %17: {1}?i64 = each.1 @main.each1 %0, %1\n"
        "    return %16, %17\n"
        "}\n");
}

/* Of two indexes: pieces count them in one row, and the structure gets its shape again. */
static void chunk_counts_spaces(void)
{
    is_chunked(HEAD MAIN
               "    %2: {2}?f64 = each.2 @main.each1 %0, %0, %1\n    %3: i64 = constant 0\n"
               "    %4: ?f64 = get %2, %3, %3\n    return %4\n}\n\n"
               "function @main.each1 \"main\" -> (?f64) {\n"
               "b0(%0: i64, %1: i64, %2: f64):\n"
               "    %3: i64 = sub %0, %1\n"
               "    %4: ?f64 = call @work %3, %2\n"
               "    return %4\n"
               "}\n",
               "module \"t.wk\"\n"
               "\n"
               "kernel @work \"work\" (i: i64, a: f64) -> f64 cost=1000\n"
               "kernel @both \"both\" (i: i64) -> (f64, i64) cost=1000\n"
               "kernel @add \"add\" (a: f64, b: f64) -> f64 cost=1\n"
               "kernel @chunk.work.ad8b538a0ffb273b \"work\" (low: i64, high: i64, extent: i64, a: "
               "f64) -> f64[_] members=\"work\"\n"
               "parameter n: i64\n"
               "parameter a: f64\n"
               "entry @main -> f64\n"
               "\n"
               "flow @main \"main\" -> (?f64) {\n"
               "b0(%0: i64, %1: f64):\n"
               "    %2: {2}?f64 = apply @main.each1.chunked %0, %0, %1\n"
               "    %3: i64 = constant 0\n"
               "    %4: ?f64 = get %2, %3, %3\n"
               "    return %4\n"
               "}\n"
               "\n"
               "function @main.each1 \"main\" -> (?f64) {\n"
               "b0(%0: i64, %1: i64, %2: f64):\n"
               "    %3: i64 = sub %0, %1\n"
               "    %4: ?f64 = call @work %3, %2\n"
               "    return %4\n"
               "}\n"
               "\n"
               "function @main.each1.piece \"main\" -> ({1}?f64) {\n"
               "b0(%0: i64, %1: i64, %2: i64, %3: i64, %4: f64):\n"
               "    %5: i64 = mul %0, %1\n"
               "    %6: i64 = mul %2, %3\n"
               "    %7: i64 = sub %6, %5\n"
               "    %8: i64 = min %1, %7\n"
               "    %9: i64 = add %5, %8\n"
               "    %10: ?f64[+] = call @chunk.work.ad8b538a0ffb273b %5, %9, %3, %4, %8\n"
               "    %11: {1}?f64 = elements %10\n"
               "    return %11\n"
               "}\n"
               "\n"
               "function @main.each1.element \"main\" -> (?f64) {\n"
               "b0(%0: i64, %1: i64, %2: i64, %3: i64, %4: {1}?f64):\n"
               "    %5: i64 = mul %0, %3\n"
               "    %6: i64 = add %5, %1\n"
               "    %7: ?f64 = get %4, %6\n"
               "    return %7\n"
               "}\n"
               "\n"
               "function @main.each1.chunked \"main\" -> ({2}?f64) {\n"
               "b0(%0: i64, %1: i64, %2: f64):\n"
               "    %3: i64 = min %0, %1\n"
               "    %4: i64 = max %0, %1\n"
               "    %5: i64 = constant 2147483648\n"
               "    %6: i64 = constant 1\n"
               "    %7: bool = ge %3, %6\n"
               "    branch %7 b1() b4()\n"
               "b1():\n"
               "    %8: bool = le %4, %5\n"
               "    branch %8 b2() b4()\n"
               "b2():\n"
               "    %9: i64 = mul %0, %1\n"
               "    %10: i64 = constant 8\n"
               "    %11: i64 = div %9, %10\n"
               "    %12: i64 = constant 100\n"
               "    %13: i64 = min %11, %12\n"
               "    %14: i64 = constant 2\n"
               "    %15: bool = ge %13, %14\n"
               "    branch %15 b3() b4()\n"
               "b3():\n"
               "    %16: i64 = constant 1\n"
               "    %17: i64 = sub %13, %16\n"
               "    %18: i64 = add %9, %17\n"
               "    %19: i64 = div %18, %13\n"
               "    %20: {1}{1}?f64 = each.1 @main.each1.piece %19, %13, %0, %1, %2\n"
               "    %21: {1}?f64 = concat_all %20\n"
               "    %22: {2}?f64 = each.2 @main.each1.element %0, %1, %0, %1, %21\n"
               "    return %22\n"
               "b4():\n"
               "    %23: {2}?f64 = each.2 @main.each1 %0, %1, %2\n"
               "    return %23\n"
               "}\n");
}

/* Arrays become rows of one, whose bytes count, too; the others differ. */
static void chunk_joins_rows(void)
{
    is_chunked(
        "module \"t.wk\"\n\n"
        "kernel @row \"row\" (i: i64, n: i64) -> (f64[_], i64) cost=1000\n"
        "parameter n: i64\n"
        "entry @main -> i64\n\n"
        "flow @main \"main\" -> (?i64) {\n"
        "b0(%0: i64):\n"
        "    %1: {1}?f64[+], %2: {1}?i64 = each.1 @main.each1 %0, %0\n"
        "    %3: i64 = constant 0\n"
        "    %4: ?i64 = get %2, %3\n"
        "    return %4\n"
        "}\n\n"
        "function @main.each1 \"main\" -> (?f64[+], ?i64) {\n"
        "b0(%0: i64, %1: i64):\n"
        "    %2: ?f64[+], %3: ?i64 = call @row %0, %1, %1\n"
        "    return %2, %3\n"
        "}\n",
        "module \"t.wk\"\n"
        "\n"
        "kernel @row \"row\" (i: i64, n: i64) -> (f64[_], i64) cost=1000\n"
        "kernel @chunk.row.0045b22de4c93118 \"row\" (low: i64, high: i64, extent: i64) -> (f64[_, "
        "_], i64[_]) members=\"row\"\n"
        "parameter n: i64\n"
        "entry @main -> i64\n"
        "\n"
        "flow @main \"main\" -> (?i64) {\n"
        "b0(%0: i64):\n"
        "    %1: {1}?f64[+], %2: {1}?i64 = apply @main.each1.chunked %0, %0\n"
        "    %3: i64 = constant 0\n"
        "    %4: ?i64 = get %2, %3\n"
        "    return %4\n"
        "}\n"
        "\n"
        "function @main.each1 \"main\" -> (?f64[+], ?i64) {\n"
        "b0(%0: i64, %1: i64):\n"
        "    %2: ?f64[+], %3: ?i64 = call @row %0, %1, %1\n"
        "    return %2, %3\n"
        "}\n"
        "\n"
        "function @main.each1.piece \"main\" -> ({1}?f64[+], {1}?i64) {\n"
        "b0(%0: i64, %1: i64, %2: i64, %3: i64):\n" BEGIN
        "    %8: ?f64[+, +], %9: ?i64[+] = call @chunk.row.0045b22de4c93118 %4, %7, %3, %6, %3, "
        "%6\n"
        "    %10: {1}?f64[+] = elements %8\n"
        "    %11: {1}?i64 = elements %9\n"
        "    return %10, %11\n"
        "}\n"
        "\n"
        "function @main.each1.chunked \"main\" -> ({1}?f64[+], {1}?i64) {\n"
        "b0(%0: i64, %1: i64):\n"
        "    %2: i64 = constant 8\n"
        "    %3: i64 = div %0, %2\n"
        "    %4: i64 = constant 2\n"
        "    %5: bool = ge %3, %4\n"
        "    branch %5 b1() b3()\n"
        "b1():\n"
        "    %6: f64 = constant 1000.0\n"
        "    %7: f64 = constant 1.0\n"
        "    %8: f64 = constant 195.3125\n"
        "    %9: f64 = convert %1\n"
        "    %10: f64 = mul %8, %9\n"
        "    %11: f64 = constant 1e+18\n"
        "    %12: f64 = min %10, %11\n"
        "    %13: f64 = constant -1e+18\n"
        "    %14: f64 = max %12, %13\n"
        "    %15: f64 = max %6, %14\n"
        "    %16: f64 = max %15, %7\n"
        "    %17: f64 = constant 100000.0\n"
        "    %18: f64 = div %17, %16\n"
        "    %19: f64 = floor %18\n"
        "    %20: i64 = convert %19\n"
        "    %21: i64 = min %3, %20\n"
        "    %22: i64 = constant 2\n"
        "    %23: bool = ge %21, %22\n"
        "    branch %23 b2() b3()\n"
        "b2():\n"
        "    %24: i64 = constant 1\n"
        "    %25: i64 = sub %21, %24\n"
        "    %26: i64 = add %0, %25\n"
        "    %27: i64 = div %26, %21\n"
        "    %28: {1}{1}?f64[+], %29: {1}{1}?i64 = each.1 @main.each1.piece %27, %21, %0, %1\n"
        "    %30: {1}?f64[+] = concat_all %28\n"
        "    %31: {1}?i64 = concat_all %29\n"
        "    return %30, %31\n"
        "b3():\n"
        "    %32: {1}?f64[+], %33: {1}?i64 = each.1 @main.each1 %0, %1\n"
        "    return %32, %33\n"
        "}\n");
}

/* A task is run again, stopped, and given memory as a whole. */
static void chunk_leaves_annotations(void)
{
    stays(HEAD MAIN FIRST "function @main.each1 \"main\" -> (?f64) {\nb0(%0: i64, %1: f64):\n    "
                          "%2: ?f64 = call @work %0, %1 retries=2\n    return %2\n}\n",
          "`@retry` is for each task");
    stays(HEAD MAIN FIRST "function @main.each1 \"main\" -> (?f64) {\nb0(%0: i64, %1: f64):\n    "
                          "%2: ?f64 = call @work %0, %1 timeout=1000\n    return %2\n}\n",
          "`@timeout` is for each task");
    stays(HEAD MAIN FIRST "function @main.each1 \"main\" -> (?f64) {\nb0(%0: i64, %1: f64):\n    "
                          "%2: ?f64 = call @work %0, %1 memory=1000\n    return %2\n}\n",
          "`@memory` is for each task");
    stays(HEAD MAIN FIRST "function @main.each1 \"main\" -> (?f64) {\nb0(%0: i64, %1: f64):\n    "
                          "%2: ?f64 = call @work %0, %1 cost=60000\n    return %2\n}\n",
          "take long enough");
    stays(HEAD MAIN "    %2: {2}?f64 = each.2 @main.each1 %0, %0, %1\n    %3: i64 = constant 0\n"
                    "    %4: ?f64 = get %2, %3, %3\n    return %4\n}\n\n"
                    "function @main.each1 \"main\" -> (?f64) {\n"
                    "b0(%0: i64, %1: i64, %2: f64):\n"
                    "    %3: ?f64 = call @work %1, %2\n    return %3\n}\n",
          "its task runs once for several indexes");
    /* i / 2 does not tell i; for a cheap task it is not worth looking for equal calls. */
    stays(HEAD MAIN FIRST "function @main.each1 \"main\" -> (?f64) {\nb0(%0: i64, %1: f64):\n    "
                          "%2: i64 = constant 2\n    %3: i64 = div %0, %2\n    "
                          "%4: ?f64 = call @work %3, %1 cost=5000\n    return %4\n}\n",
          "which its arguments do not tell");
    chunks(HEAD MAIN FIRST "function @main.each1 \"main\" -> (?f64) {\nb0(%0: i64, %1: f64):\n    "
                           "%2: i64 = constant 2\n    %3: i64 = div %0, %2\n    "
                           "%4: ?f64 = call @work %3, %1 cost=4999\n    return %4\n}\n");
}

/* What the pass makes of a program, as text. */
static void chunk_program(const char *program, struct buffer *text, struct buffer *remarks)
{
    struct checked checked;
    checked_init(&checked, program, true);
    CHECK(checked.program != NULL);
    if (checked.program) {
        struct error error = {0};
        struct ir_module *module = lower_program(checked.program, &checked.arena);
        module->target = (struct ir_target){2, 100000, 4096};
        pass_chunk(module);
        CHECK_TEXT(ir_verify(module, &error) ? error.message : "", "");
        ir_print(module, text);
        ir_render_remarks(module, DIAGNOSTIC_PLAIN, remarks);
    }
    checked_release(&checked);
}

static void weighs(const char *program, const char *arithmetic)
{
    struct buffer text = {0}, remarks = {0};
    chunk_program(program, &text, &remarks);
    const char *chunked = strstr(buffer_text(&text), ".chunked \"main\"");
    CHECK_TEXT(chunked ? "" : buffer_text(&text), "");
    CHECK_TEXT(chunked && strstr(chunked, arithmetic) ? arithmetic : chunked, arithmetic);
    CHECK(strstr(buffer_text(&remarks), "share tasks when there are many") != NULL);
    buffer_release(&text);
    buffer_release(&remarks);
}

static void is_not_weighed(const char *program)
{
    struct buffer text = {0}, remarks = {0};
    chunk_program(program, &text, &remarks);
    CHECK(strstr(buffer_text(&text), ".chunked") == NULL);
    CHECK(strstr(buffer_text(&remarks), "what its task costs is not known") != NULL);
    buffer_release(&text);
    buffer_release(&remarks);
}

#define WORK                                                                                       \
    "task work(i: int, n: int) -> f64 {\n    var x = f64(i)\n    for k in 0..n { x = x * 0.5 }\n"  \
    "    return x\n}\n"

/* The estimate is evaluated of what is known when the graph is built: captures, extents of inputs;
 * the dearer of the first index and the last. */
static void chunk_weighs_arguments(void)
{
    weighs(WORK "flow main(n: int) -> f64[_] { return [work(i, n) for i in 0..10] }",
           "f64 = convert %1 ");
    weighs(WORK "flow main(n: int) -> f64[_] { return [work(0, i * 2) for i in 0..n] }",
           "f64 = max %16, %29 ");
    weighs("task dot(x: f64[n], i: int) -> f64 { return sum(x * f64(i)) }\n"
           "flow main(x: f64[n]) -> f64[_] { return [dot(x, i) for i in 0..100] }",
           "i64 = extent.0 %1 ");
}

/* Not what only the run shows, nor what a guess is part of, nor what could fail. */
static void chunk_leaves_guesses(void)
{
    is_not_weighed("task some(i: int) -> int { return i + 2 }\n" WORK
                   "flow main(n: int) -> f64[_] {\n    let k = some(n)\n"
                   "    return [work(i, k) for i in 0..10]\n}");
    is_not_weighed("task long(i: int) -> int {\n    var x = i\n    while x > 3 { x = x / 2 }\n"
                   "    return x\n}\n"
                   "flow main(n: int) -> int[_] { return [long(i) for i in 0..n] }");
    is_not_weighed(WORK "flow main(n: int) -> f64[_] { return [work(i, n / i) for i in 1..n] }");
}

/* What cannot be put in one array, or weighed. */
static void chunk_leaves_arrays(void)
{
    stays("module \"t.wk\"\n\n"
          "kernel @row \"row\" (i: i64) -> f64[_] cost=1000\n"
          "parameter n: i64\n"
          "entry @main -> f64[_]\n\n"
          "flow @main \"main\" -> (?f64[-]) {\n"
          "b0(%0: i64):\n"
          "    %1: {1}?f64[-] = each.1 @main.each1 %0\n"
          "    %2: i64 = constant 0\n"
          "    %3: ?f64[-] = get %1, %2\n"
          "    return %3\n"
          "}\n\n"
          "function @main.each1 \"main\" -> (?f64[-]) {\n"
          "b0(%0: i64):\n"
          "    %1: ?f64[-] = call @row %0\n"
          "    return %1\n"
          "}\n",
          "neither numbers nor arrays of one known shape");
    stays("module \"t.wk\"\n\n"
          "kernel @row \"row\" (i: i64) -> f64[_] cost=1000\n"
          "parameter n: i64\n"
          "entry @main -> f64[_]\n\n"
          "flow @main \"main\" -> (?f64[+]) {\n"
          "b0(%0: i64):\n"
          "    %1: {1}?f64[+] = each.1 @main.each1 %0\n"
          "    %2: i64 = constant 0\n"
          "    %3: ?f64[+] = get %1, %2\n"
          "    return %3\n"
          "}\n\n"
          "function @main.each1 \"main\" -> (?f64[+]) {\n"
          "b0(%0: i64):\n"
          "    %1: ?f64[+] = call @row %0, %0\n"
          "    return %1\n"
          "}\n",
          "neither numbers nor arrays of one known shape");
}

/* A structure that is read elsewhere, or a reduction in another block, which may run more often. */
static void chunk_keeps_structures(void)
{
    struct buffer text = {0}, remarks = {0};
    chunk(HEAD MAIN "    %2: {1}?f64 = each.1 @main.each1 %0, %1\n"
                    "    jump b1(%0)\n"
                    "b1(%3: i64):\n"
                    "    %4: i64 = constant 2\n"
                    "    %5: i64 = constant 1\n"
                    "    %6: ?f64 = reduce @main.reduce2 %4, %5, %2\n"
                    "    return %6\n"
                    "}\n\n" EACH REDUCE,
          &text, &remarks);
    CHECK(strstr(buffer_text(&text), "= apply @main.each1.chunked %0, %1\n"));
    CHECK(strstr(buffer_text(&text), "= reduce @main.reduce2 %4, %5, %2\n"));
    buffer_release(&text);
    buffer_release(&remarks);
}

#define SOME(divisor)                                                                              \
    "task some(i: int, d: int) -> int { return i / " divisor " }\n"                                \
    "task all(xs: int[n]) -> int { return len(xs) }\n"                                             \
    "flow part(xs: int[n], at: int) -> int { return xs[at] }\n"                                    \
    "flow first(a: int, b: int) -> int { return a }\n"

static void is_in_pieces(const char *program, bool expected)
{
    struct buffer text = {0}, remarks = {0};
    chunk_program(program, &text, &remarks);
    CHECK_INT(strstr(buffer_text(&text), ".chunked \"main\"") != NULL, expected);
    CHECK_INT(strstr(buffer_text(&remarks), "its tasks may fail, and some") != NULL, !expected);
    buffer_release(&text);
    buffer_release(&remarks);
}

/* What may fail goes into pieces only if nobody takes a part of them, wherever that is. */
static void chunk_leaves_what_may_fail_in_vain(void)
{
    const char *const wholes[] = {
        SOME("d") "flow main(n: int) -> int[_] { return [some(i, n) for i in 0..n] }",
        SOME("d") "flow main(n: int) -> int { return all([some(i, n) for i in 0..n]) }",
        SOME("7") "flow main(n: int) -> int { return part([some(i, n) for i in 0..n], 3) }",
    };
    const char *const parts[] = {
        SOME("d") "flow main(n: int) -> int { return [some(i, n) for i in 0..n][n - 1] }",
        SOME("d") "flow main(n: int) -> int[_] { return [some(i, n) for i in 0..n][1..] }",
        SOME("d") "flow main(n: int) -> int { return part([some(i, n) for i in 0..n], 3) }",
        SOME("d") "flow main(n: int) -> int[_] {\n    let xs = [some(i, n) for i in 0..n]\n"
                  "    return [part(xs, i) + 1 for i in 0..1]\n}",
        SOME("d") "flow main(n: int) -> int { return reduce(first, [some(i, n) for i in 0..n]) }",
        SOME("d") "flow main(n: int) -> int[_] {\n    var xs = [some(i, n) for i in 0..n]\n"
                  "    xs[0] = 1\n    return xs\n}",
    };
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++)
        is_in_pieces(wholes[i], true);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        is_in_pieces(parts[i], false);
}

#define ROWS                                                                                       \
    "task row(i: int, m: int) -> int[m] { return [i + j for j in 0..m] }\n"                        \
    "task grid(i: int, m: int) -> (int[m, 2], int[m]) {\n"                                         \
    "    return ([i + j * k for j in 0..m, k in 0..2], [i for _ in 0..m])\n}\n"                    \
    "task add(a: int[m], b: int[m]) -> int[m] { return a + b }\n"                                  \
    "task both(a: (int[m, k], int[m]), b: (int[m, k], int[m])) -> (int[m, k], int[m]) {\n"         \
    "    return (a.0 + b.0, a.1 + b.1)\n}\n"                                                       \
    "task plate(i: int, m: int) -> int[m, 2] { return [i + j * k for j in 0..m, k in 0..2] }\n"    \
    "task turn(a: int[m, k], b: int[m, k]) -> int[k, m] { return transpose(a + b) }\n"             \
    "task chain(a: int[m], b: int[n]) -> int[m + n] { return concat(a, b) }\n"                     \
    "@timeout(1s) task slow(a: int[m], b: int[m]) -> int[m] { return a + b }\n"                    \
    "flow main(n: int, m: int) -> "

/* What a program's remarks are to have, and whether its reduction is evaluated in subtrees. */
static void reduces_rows(const char *program, const char *remark, bool expected)
{
    struct buffer text = {0}, remarks = {0};
    chunk_program(program, &text, &remarks);
    CHECK_TEXT(strstr(buffer_text(&remarks), remark) ? "" : buffer_text(&remarks), "");
    bool is_reduced = strstr(buffer_text(&text), "kernel @reduce.") != NULL;
    CHECK_INT(is_reduced, expected);
    buffer_release(&text);
    buffer_release(&remarks);
}

/* Elements of one shape, which what is combined keeps. */
static void chunk_reduces_rows(void)
{
    reduces_rows(ROWS "int[_] { return reduce(add, [row(i, m) for i in 0..n]) }",
                 "chunked: calls of `row` and `add` share tasks", true);
    reduces_rows(ROWS "(int[_, _], int[_]) { return reduce(both, [grid(i, m) for i in 0..n]) }",
                 "chunked: calls of `grid` and `both` share tasks", true);
    reduces_rows(ROWS "int[_, _] { return reduce(turn, [plate(i, m) for i in 0..n]) }",
                 "the shape of what it gives is not known to be that of its elements", false);
    reduces_rows(ROWS "int[_] { return reduce(chain, [row(i, m) for i in 0..n]) }",
                 "the reduction does more than call one task", false);
    reduces_rows(ROWS "int[_] { return reduce(add, [row(i, m) for i in 0..n], init: row(0, m)) }",
                 "its initial value may have another shape than its elements", false);
    reduces_rows(ROWS "int[_] { return reduce(slow, [row(i, m) for i in 0..n]) }",
                 "`@timeout` is for each task", false);
}

TEST_MAIN(TEST(chunk_splits_comprehension), TEST(chunk_makes_subtrees),
          TEST(chunk_gathers_arguments), TEST(chunk_counts_spaces), TEST(chunk_joins_rows),
          TEST(chunk_weighs_arguments), TEST(chunk_leaves_guesses), TEST(chunk_leaves_annotations),
          TEST(chunk_leaves_arrays), TEST(chunk_keeps_structures),
          TEST(chunk_leaves_what_may_fail_in_vain), TEST(chunk_reduces_rows))
