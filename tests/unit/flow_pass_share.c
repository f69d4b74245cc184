/*
 * Which calls elaboration may make one node of: text in, text out.
 */
#include "pass.h"

#define KERNELS                                                                                    \
    "module \"t.wk\"\n\n"                                                                          \
    "kernel @work \"work\" (i: i64) -> f64\n"                                                      \
    "kernel @note \"note\" (i: i64) -> ()\n"                                                       \
    "parameter n: i64\n"                                                                           \
    "entry @main -> f64\n\n"
#define PROGRAM(shared)                                                                            \
    KERNELS "flow @main \"main\" -> (?f64) {\n"                                                    \
            "b0(%0: i64):\n"                                                                       \
            "    %1: i64 = constant 1\n"                                                           \
            "    %2: ?f64 = call @work %0\n"                                                       \
            "    jump b1(%1, %2)\n"                                                                \
            "b1(%3: i64, %4: ?f64):\n"                                                             \
            "    %5: bool = lt %3, %0\n"                                                           \
            "    branch %5 b2() b3()\n"                                                            \
            "b2():\n"                                                                              \
            "    %6: ?f64 = call" shared " @work %3\n"                                             \
            "    %7: ?() = call @note %3\n"                                                        \
            "    %8: i64 = add %3, %1\n"                                                           \
            "    jump b1(%8, %6)\n"                                                                \
            "b3():\n"                                                                              \
            "    %9: ?f64 = call @work %1\n"                                                       \
            "    %10: ?f64 = apply @part %0\n"                                                     \
            "    return %10\n"                                                                     \
            "}\n\n"                                                                                \
            "flow @part \"part\" -> (?f64) {\n"                                                    \
            "b0(%0: i64):\n"                                                                       \
            "    %1: ?f64 = call" shared " @work %0\n"                                             \
            "    return %1\n"                                                                      \
            "}\n"

/* In loops and in other functions than main, but for effects. */
static void share_marks_what_may_be_equal(void)
{
    becomes_saying(pass_share, PROGRAM(""), PROGRAM(".shared"), "");
}

#define SPACE(shared)                                                                              \
    "module \"t.wk\"\n\n"                                                                          \
    "kernel @work \"work\" (i: i64) -> f64\n"                                                      \
    "kernel @both \"both\" (i: i64, j: i64) -> f64\n"                                              \
    "kernel @note \"note\" (i: i64) -> ()\n"                                                       \
    "parameter n: i64\n"                                                                           \
    "entry @main -> f64[_, _]\n\n"                                                                 \
    "flow @main \"main\" -> ({2}?f64) {\n"                                                         \
    "b0(%0: i64):\n"                                                                               \
    "    %1: {2}?f64 = each.2 @main.each1 %0, %0, %0\n"                                            \
    "    return %1\n"                                                                              \
    "}\n\n"                                                                                        \
    "function @main.each1 \"main\" -> (?f64) {\n"                                                  \
    "b0(%0: i64, %1: i64, %2: i64):\n"                                                             \
    "    %3: i64 = add %0, %2\n"                                                                   \
    "    %4: ?f64 = call" shared " @work %3\n"                                                     \
    "    %5: ?f64 = call" shared " @both %0, %1\n"                                                 \
    "    %6: ?() = call @note %2\n"                                                                \
    "    %7: i64 = add %0, %1\n"                                                                   \
    "    %8: ?f64 = call" shared " @work %7\n"                                                     \
    "    return %8\n"                                                                              \
    "}\n"

/* Of calls that do not depend on all indexes there must be equal ones. */
static void share_tells_which_calls_are_equal(void)
{
    becomes_saying(
        pass_share, SPACE(""), SPACE(".shared"),
        "note[share]: equal calls of `work` in this comprehension are one\n"
        "note[share]: equal calls of `note` in this comprehension stay: it has an effect "
        "or logs\n");
}

TEST_MAIN(TEST(share_marks_what_may_be_equal), TEST(share_tells_which_calls_are_equal))
