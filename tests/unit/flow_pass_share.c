/*
 * Which calls elaboration may make one node of: text in, text out.
 */
#include "pass.h"

#define KERNELS                                                                                    \
    "module \"t.wk\"\n\n"                                                                          \
    "kernel @work \"work\" (i: i64) -> f64\n"                                                      \
    "kernel @note \"note\" (i: i64) -> ()\n"                                                       \
    "kernel @once \"once\" (i: i64) -> f64\n"                                                      \
    "parameter n: i64\n"                                                                           \
    "entry @main -> f64\n\n"
#define PROGRAM(shared)                                                                            \
    KERNELS "flow @main \"main\" -> (?f64) {\n"                                                    \
            "b0(%0: i64):\n"                                                                       \
            "    %1: i64 = constant 1\n"                                                           \
            "    %2: ?f64 = call" shared " @work %0\n"                                             \
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
            "    %9: ?f64 = call" shared " @work %1\n"                                             \
            "    %10: ?f64 = call @once %1\n"                                                      \
            "    %11: ?f64 = apply @part %0\n"                                                     \
            "    return %11\n"                                                                     \
            "}\n\n"                                                                                \
            "flow @part \"part\" -> (?f64) {\n"                                                    \
            "b0(%0: i64):\n"                                                                       \
            "    %1: ?f64 = call" shared " @work %0\n"                                             \
            "    return %1\n"                                                                      \
            "}\n"

/* In loops, in other functions than main, and in main if the task is called elsewhere, but for
 * effects. */
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

/* A call with these arguments, which `steps` compute of %0 and %1, the indexes, and %2. */
static void call_of(const char *steps, const char *arguments, bool tells)
{
    char text[2000];
    snprintf(text, sizeof text,
             "module \"t.wk\"\n\nkernel @work \"work\" (i: i64, j: i64) -> f64\nparameter n: i64\n"
             "entry @main -> f64[_, _]\n\nflow @main \"main\" -> ({2}?f64) {\nb0(%%0: i64):\n"
             "    %%1: {2}?f64 = each.2 @main.each1 %%0, %%0, %%0\n    return %%1\n}\n\n"
             "function @main.each1 \"main\" -> (?f64) {\nb0(%%0: i64, %%1: i64, %%2: i64):\n"
             "    %%3: i64 = constant 5\n%s"
             "    %%9: ?f64 = call.shared @work %s\n    return %%9\n}\n",
             steps, arguments);
    becomes_saying(pass_share, text, text,
                   tells ? ""
                         : "note[share]: equal calls of `work` in this comprehension are one\n");
}

#define OPERATION_ON(result, name, left, right)                                                    \
    "    " result ": i64 = " name " " left ", " right "\n"
#define UNUSED(result) OPERATION_ON(result, "add", "%3", "%3")
#define REST UNUSED("%5") UNUSED("%6") UNUSED("%7") UNUSED("%8")

/* What hides an index, and what brings it back. */
static void indexes_are_told_or_not(void)
{
    call_of(OPERATION_ON("%4", "add", "%0", "%3") REST, "%4, %1", true);
    call_of(OPERATION_ON("%4", "div", "%0", "%3") REST, "%4, %1", false);
    call_of(OPERATION_ON("%4", "rem", "%1", "%2") REST, "%0, %4", false);
    call_of(OPERATION_ON("%4", "shr", "%1", "%3") REST, "%0, %4", false);
    call_of(OPERATION_ON("%4", "and", "%1", "%3") REST, "%0, %4", false);
    call_of(OPERATION_ON("%4", "max", "%1", "%3") REST, "%0, %4", true);
    /* i + j tells neither, but one with the other; i*n + j tells both. */
    call_of(OPERATION_ON("%4", "add", "%0", "%1") REST, "%4, %3", false);
    call_of(OPERATION_ON("%4", "sub", "%0", "%1") REST, "%4, %1", true);
    call_of(OPERATION_ON("%4", "mul", "%0", "%2") OPERATION_ON("%5", "add", "%4", "%1") UNUSED("%6")
                UNUSED("%7") UNUSED("%8"),
            "%5, %3", true);
    /* So do a quotient and a remainder of it. */
    call_of(OPERATION_ON("%4", "mul", "%0", "%2") OPERATION_ON("%5", "add", "%4", "%1")
                OPERATION_ON("%6", "div", "%5", "%3") OPERATION_ON("%7", "rem", "%5", "%3")
                    UNUSED("%8"),
            "%6, %7", true);
    /* (i + j) / 5 does not bring back the one that it is made of. */
    call_of(OPERATION_ON("%4", "add", "%0", "%1") OPERATION_ON("%5", "div", "%4", "%3") UNUSED("%6")
                UNUSED("%7") UNUSED("%8"),
            "%5, %1", false);
}

TEST_MAIN(TEST(indexes_are_told_or_not), TEST(share_marks_what_may_be_equal),
          TEST(share_tells_which_calls_are_equal))
