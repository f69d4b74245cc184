/*
 * Calls that do not change in a loop: text in, text out.
 */
#include "pass.h"

#define HEAD                                                                                       \
    "module \"t.wk\"\n\n"                                                                          \
    "kernel @work \"work\" (i: i64) -> f64\n"                                                      \
    "kernel @pair \"pair\" (a: f64, b: i64) -> f64\n"                                              \
    "kernel @note \"note\" (i: i64) -> ()\n"                                                       \
    "kernel @vector \"vector\" (n: i64) -> f64[_]\n"                                               \
    "kernel @total \"total\" (x: f64[_], i: i64) -> f64\n"                                         \
    "parameter n: i64\n"                                                                           \
    "entry @main -> f64[_]\n\n"                                                                    \
    "flow @main \"main\" -> ({1}?f64) {\n"                                                         \
    "b0(%0: i64):\n"
#define TAIL "}\n"

/* With what it takes; and a call of a call. */
static void hoist_leaves_a_comprehension(void)
{
    becomes_saying(pass_hoist,
                   HEAD "    %1: {1}?f64 = each.1 @body %0, %0\n"
                        "    return %1\n" TAIL "\nfunction @body \"main\" -> (?f64) {\n"
                        "b0(%0: i64, %1: i64):\n"
                        "    %2: i64 = constant 2\n"
                        "    %3: i64 = mul %1, %2\n"
                        "    %4: ?f64 = call @work %3\n"
                        "    %5: ?f64 = call @pair %4, %2\n"
                        "    %6: ?f64 = call @pair %5, %0\n"
                        "    return %6\n" TAIL,
                   HEAD "    %1: i64 = constant 2\n"
                        "    %2: i64 = mul %0, %1\n"
                        "    %3: ?f64 = call @work %2\n"
                        "    %4: ?f64 = call @pair %3, %1\n"
                        "    %5: {1}?f64 = each.1 @body %0, %0, %4\n"
                        "    return %5\n" TAIL "\nfunction @body \"main\" -> (?f64) {\n"
                        "b0(%0: i64, %1: i64, %2: ?f64):\n"
                        "    %3: i64 = constant 2\n"
                        "    %4: i64 = mul %1, %3\n"
                        "    %5: ?f64 = call @pair %2, %0\n"
                        "    return %5\n" TAIL,
                   "note[hoist]: moved out of the comprehension: `work` runs once for all turns\n"
                   "note[hoist]: moved out of the comprehension: `pair` runs once for all turns\n");
}

/* An effect, a division that may fail: where there are no turns, none of them may be. Of an extent
 * that may be negative a check stays. */
static void hoist_leaves_what_may_fail(void)
{
    becomes_saying(
        pass_hoist,
        HEAD "    %1: {1}?f64 = each.1 @body %0, %0\n"
             "    return %1\n" TAIL "\nfunction @body \"main\" -> (?f64) {\n"
             "b0(%0: i64, %1: i64):\n"
             "    %2: ?() = call @note %1\n"
             "    %3: ?f64[+] = call @vector %1, %1\n"
             "    %4: i64 = div %1, %1\n"
             "    %5: ?f64 = call @work %4\n"
             "    %6: ?f64 = call @total %3, %0\n"
             "    %7: ?f64 = call @pair %5, %0\n"
             "    return %7\n" TAIL,
        HEAD "    %1: i64 = constant 0\n"
             "    %2: i64 = max %0, %1\n"
             "    %3: ?f64[+] = call @vector %0, %2\n"
             "    %4: {1}?f64 = each.1 @body %0, %0, %3\n"
             "    return %4\n" TAIL "\nfunction @body \"main\" -> (?f64) {\n"
             "b0(%0: i64, %1: i64, %2: ?f64[+]):\n"
             "    %3: ?() = call @note %1\n"
             "    %4: i64 = constant 0\n"
             "    %5: i64 = max %1, %4\n"
             "    %6: bool = ge %1, %4\n"
             "    check negative_extent \"an array's extent is {}\" \"i\" %6, %1\n"
             "    %7: i64 = div %1, %1\n"
             "    %8: ?f64 = call @work %7\n"
             "    %9: ?f64 = call @total %2, %0\n"
             "    %10: ?f64 = call @pair %8, %0\n"
             "    return %10\n" TAIL,
        "note[hoist]: `note` does not change in the comprehension, but stays in it: it has an "
        "effect or may log\n"
        "note[hoist]: moved out of the comprehension: `vector` runs once for all turns\n");
}

/* Out of two loops: the check stays in the inner one. */
static void hoist_guards_extents_in_loops(void)
{
    becomes(pass_hoist,
            HEAD "    %1: i64 = constant 0\n"
                 "    %2: i64 = constant 1\n"
                 "    %3: {1}?f64 = each.1 @leaf %0\n"
                 "    jump b1(%1, %3)\n"
                 "b1(%4: i64, %5: {1}?f64):\n"
                 "    %6: bool = lt %4, %0\n"
                 "    branch %6 b2() b3()\n"
                 "b2():\n"
                 "    %7: i64 = sub %0, %2\n"
                 "    %8: ?f64[+] = call @vector %7, %7\n"
                 "    %9: ?f64 = call @total %8, %4\n"
                 "    %10: {1}?f64 = set %5, %4, %9\n"
                 "    %11: i64 = add %4, %2\n"
                 "    jump b1(%11, %10)\n"
                 "b3():\n"
                 "    return %5\n" TAIL "\nfunction @leaf \"main\" -> (?f64) {\n"
                 "b0(%0: i64):\n"
                 "    %1: ?f64 = call @work %0\n"
                 "    return %1\n" TAIL,
            HEAD "    %1: i64 = constant 0\n"
                 "    %2: i64 = constant 1\n"
                 "    %3: {1}?f64 = each.1 @leaf %0\n"
                 "    %4: i64 = sub %0, %2\n"
                 "    %5: i64 = constant 0\n"
                 "    %6: i64 = max %4, %5\n"
                 "    %7: ?f64[+] = call @vector %4, %6\n"
                 "    jump b1(%1, %3)\n"
                 "b1(%8: i64, %9: {1}?f64):\n"
                 "    %10: bool = lt %8, %0\n"
                 "    branch %10 b2() b3()\n"
                 "b2():\n"
                 "    %11: bool = ge %4, %5\n"
                 "    check negative_extent \"an array's extent is {}\" \"i\" %11, %4\n"
                 "    %12: ?f64 = call @total %7, %8\n"
                 "    %13: {1}?f64 = set %9, %8, %12\n"
                 "    %14: i64 = add %8, %2\n"
                 "    jump b1(%14, %13)\n"
                 "b3():\n"
                 "    return %9\n" TAIL "\nfunction @leaf \"main\" -> (?f64) {\n"
                 "b0(%0: i64):\n"
                 "    %1: ?f64 = call @work %0\n"
                 "    return %1\n" TAIL);
}

/* Out of both loops, or out of the inner one. */
static void hoist_leaves_loops(void)
{
    becomes(pass_hoist,
            HEAD "    %1: i64 = constant 0\n"
                 "    %2: i64 = constant 1\n"
                 "    %3: {1}?f64 = each.1 @leaf %0\n"
                 "    jump b1(%1, %3)\n"
                 "b1(%4: i64, %5: {1}?f64):\n"
                 "    %6: bool = lt %4, %0\n"
                 "    branch %6 b2() b5()\n"
                 "b2():\n"
                 "    jump b3(%1, %5)\n"
                 "b3(%7: i64, %8: {1}?f64):\n"
                 "    %9: bool = lt %7, %0\n"
                 "    %10: ?f64 = call @work %0\n"
                 "    %11: i64 = add %4, %4\n"
                 "    %12: ?f64 = call @pair %10, %11\n"
                 "    %13: ?f64 = call @pair %12, %7\n"
                 "    branch %9 b4() b6()\n"
                 "b4():\n"
                 "    %14: {1}?f64 = set %8, %7, %13\n"
                 "    %15: i64 = add %7, %2\n"
                 "    jump b3(%15, %14)\n"
                 "b5():\n"
                 "    return %5\n"
                 "b6():\n"
                 "    %16: i64 = add %4, %2\n"
                 "    jump b1(%16, %8)\n" TAIL "\nfunction @leaf \"main\" -> (?f64) {\n"
                 "b0(%0: i64):\n"
                 "    %1: ?f64 = call @work %0\n"
                 "    return %1\n" TAIL,
            HEAD "    %1: i64 = constant 0\n"
                 "    %2: i64 = constant 1\n"
                 "    %3: {1}?f64 = each.1 @leaf %0\n"
                 "    %4: ?f64 = call @work %0\n"
                 "    jump b1(%1, %3)\n"
                 "b1(%5: i64, %6: {1}?f64):\n"
                 "    %7: bool = lt %5, %0\n"
                 "    branch %7 b2() b6()\n"
                 "b2():\n"
                 "    %8: i64 = add %5, %5\n"
                 "    %9: ?f64 = call @pair %4, %8\n"
                 "    jump b3(%1, %6)\n"
                 "b3(%10: i64, %11: {1}?f64):\n"
                 "    %12: bool = lt %10, %0\n"
                 "    %13: ?f64 = call @pair %9, %10\n"
                 "    branch %12 b4() b5()\n"
                 "b4():\n"
                 "    %14: {1}?f64 = set %11, %10, %13\n"
                 "    %15: i64 = add %10, %2\n"
                 "    jump b3(%15, %14)\n"
                 "b5():\n"
                 "    %16: i64 = add %5, %2\n"
                 "    jump b1(%16, %11)\n"
                 "b6():\n"
                 "    return %6\n" TAIL "\nfunction @leaf \"main\" -> (?f64) {\n"
                 "b0(%0: i64):\n"
                 "    %1: ?f64 = call @work %0\n"
                 "    return %1\n" TAIL);
}

TEST_MAIN(TEST(hoist_leaves_a_comprehension), TEST(hoist_leaves_what_may_fail),
          TEST(hoist_guards_extents_in_loops), TEST(hoist_leaves_loops))
