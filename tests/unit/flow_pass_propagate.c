/*
 * Parameters that are always the same: text in, text out.
 */
#include "pass.h"

#define HEAD                                                                                       \
    "module \"t.wk\"\n\n"                                                                          \
    "kernel @work \"work\" (i: i64) -> f64\n"                                                      \
    "parameter n: i64\n"                                                                           \
    "entry @main -> i64\n\n"                                                                       \
    "flow @main \"main\" -> (i64) {\n"                                                             \
    "b0(%0: i64):\n"
#define TAIL "}\n"
#define BODY(what)                                                                                 \
    "\nfunction @body \"main\" -> (?f64) {\n"                                                      \
    "b0(%0: i64, %1: i64, %2: i64):\n" what "}\n"

/* A value that goes round unchanged, and one that is the same constant on all ways. */
static void propagate_looks_through_blocks(void)
{
    becomes(pass_propagate,
            HEAD "    %1: i64 = constant 5\n"
                 "    %2: i64 = constant 1\n"
                 "    jump b1(%1, %0, %2)\n"
                 "b1(%3: i64, %4: i64, %5: i64):\n"
                 "    %6: bool = lt %5, %4\n"
                 "    branch %6 b2() b3(%3)\n"
                 "b2():\n"
                 "    %7: i64 = constant 5\n"
                 "    %8: i64 = add %5, %3\n"
                 "    jump b1(%7, %4, %8)\n"
                 "b3(%9: i64):\n"
                 "    return %9\n" TAIL,
            HEAD "    %1: i64 = constant 5\n"
                 "    %2: i64 = constant 1\n"
                 "    jump b1(%1, %0, %2)\n"
                 "b1(%3: i64, %4: i64, %5: i64):\n"
                 "    %6: i64 = constant 5\n"
                 "    %7: bool = lt %5, %0\n"
                 "    branch %7 b2() b3(%6)\n"
                 "b2():\n"
                 "    %8: i64 = constant 5\n"
                 "    %9: i64 = add %5, %6\n"
                 "    jump b1(%8, %0, %9)\n"
                 "b3(%10: i64):\n"
                 "    return %6\n" TAIL);
}

/* Two ways that bring different values. */
static void propagate_leaves_what_varies(void)
{
    static const char text[] = HEAD "    %1: bool = lt %0, %0\n"
                                    "    %2: i64 = constant 5\n"
                                    "    %3: i64 = constant 6\n"
                                    "    branch %1 b1(%2, %0) b1(%3, %2)\n"
                                    "b1(%4: i64, %5: i64):\n"
                                    "    %6: i64 = add %4, %5\n"
                                    "    return %6\n" TAIL;
    becomes(pass_propagate, text, text);
}

/* All users give 5 for the last, but not for the one before it; an index is none of theirs. */
static void propagate_goes_into_functions(void)
{
    becomes(pass_propagate,
            HEAD "    %1: i64 = constant 5\n"
                 "    %2: i64 = constant 6\n"
                 "    %3: {1}?f64 = each.1 @body %1, %1, %1\n"
                 "    %4: {1}?f64 = each.1 @body %1, %2, %1\n"
                 "    return %0\n" TAIL BODY("    %3: i64 = add %0, %1\n"
                                             "    %4: i64 = add %3, %2\n"
                                             "    %5: ?f64 = call @work %4\n"
                                             "    return %5\n"),
            HEAD "    %1: i64 = constant 5\n"
                 "    %2: i64 = constant 6\n"
                 "    %3: {1}?f64 = each.1 @body %1, %1, %1\n"
                 "    %4: {1}?f64 = each.1 @body %1, %2, %1\n"
                 "    return %0\n" TAIL BODY("    %3: i64 = constant 5\n"
                                             "    %4: i64 = add %0, %1\n"
                                             "    %5: i64 = add %4, %3\n"
                                             "    %6: ?f64 = call @work %5\n"
                                             "    return %6\n"));
}

/* From outside comes anything. */
static void propagate_leaves_main(void)
{
    static const char text[] = HEAD "    %1: bool = lt %0, %0\n"
                                    "    branch %1 b1() b2()\n"
                                    "b1():\n"
                                    "    %2: i64 = constant 5\n"
                                    "    %3: i64 = apply @main %2\n"
                                    "    return %3\n"
                                    "b2():\n"
                                    "    return %0\n" TAIL;
    becomes(pass_propagate, text, text);
}

TEST_MAIN(TEST(propagate_looks_through_blocks), TEST(propagate_leaves_what_varies),
          TEST(propagate_goes_into_functions), TEST(propagate_leaves_main))
