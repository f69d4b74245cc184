/*
 * Common subexpressions: text in, text out.
 */
#include "pass.h"

#define HEAD                                                                                       \
    "module \"t.wk\"\n\n"                                                                          \
    "kernel @work \"work\" (i: i64) -> f64\n"                                                      \
    "kernel @note \"note\" (i: i64) -> ()\n"                                                       \
    "parameter n: i64\n"                                                                           \
    "entry @main -> f64\n\n"                                                                       \
    "flow @main \"main\" -> (?f64) {\n"                                                            \
    "b0(%0: i64):\n"
#define TAIL "}\n"
#define FUNCTION(name)                                                                             \
    "\nfunction @" name " \"main\" -> (?f64) {\n"                                                  \
    "b0(%0: i64, %1: i64):\n"                                                                      \
    "    %2: i64 = add %0, %1\n"                                                                   \
    "    %3: ?f64 = call @work %2\n"                                                               \
    "    return %3\n"                                                                              \
    "}\n"

static void cse_merges_known_operations_and_calls(void)
{
    becomes_saying(pass_cse,
                   HEAD "    %1: i64 = constant 3\n"
                        "    %2: i64 = constant 3\n"
                        "    %3: i64 = mul %0, %1\n"
                        "    %4: i64 = mul %0, %2\n"
                        "    %5: ?f64 = call @work %3\n"
                        "    %6: ?f64 = call @work %4\n"
                        "    %7: ?f64 = call @work %0\n"
                        "    %8: {1}?f64 = structure %1, %5, %6, %7\n"
                        "    %9: ?f64 = get %8, %2\n"
                        "    return %9\n" TAIL,
                   HEAD "    %1: i64 = constant 3\n"
                        "    %2: i64 = mul %0, %1\n"
                        "    %3: ?f64 = call @work %2\n"
                        "    %4: ?f64 = call @work %0\n"
                        "    %5: {1}?f64 = structure %1, %3, %3, %4\n"
                        "    %6: ?f64 = get %5, %1\n"
                        "    return %6\n" TAIL,
                   "note[cse]: merged with the same call of `work` in line 0\n");
}

/* Each of these tells two calls apart. */
static void cse_keeps_annotations(void)
{
    static const char text[] = HEAD "    %1: ?f64 = call @work %0\n"
                                    "    %2: ?f64 = call @work %0 retries=2\n"
                                    "    %3: ?f64 = call @work %0 timeout=5\n"
                                    "    %4: ?f64 = call @work %0 memory=8\n"
                                    "    %5: ?f64 = call @work %0 cost=9\n"
                                    "    %6: ?f64 = call @work %0 together=1\n"
                                    "    return %1\n" TAIL;
    becomes(pass_cse, text, text);
}

/* A task without a result always runs, as often as it is called. New versions of structures are
 * changed in place: one for two would have to be copied. */
static void cse_keeps_effects_and_versions(void)
{
    static const char text[] = HEAD "    %1: ?() = call @note %0\n"
                                    "    %2: ?() = call @note %0\n"
                                    "    %3: {1}i64 = fill %0, %0\n"
                                    "    %4: {1}i64 = fill %0, %0\n"
                                    "    %5: {1}i64 = set %3, %0, %0\n"
                                    "    %6: {1}i64 = set %3, %0, %0\n"
                                    "    %7: ?f64 = call @work %0\n"
                                    "    return %7\n" TAIL;
    becomes(pass_cse, text, text);
}

/* Neither of two ways dominates the other; what both go through, or come to, it does. */
static void cse_needs_dominance(void)
{
    becomes(pass_cse,
            HEAD "    %1: bool = lt %0, %0\n"
                 "    branch %1 b1() b2()\n"
                 "b1():\n"
                 "    %2: ?f64 = call @work %0\n"
                 "    %3: bool = lt %0, %0\n"
                 "    branch %3 b3(%2) b3(%2)\n"
                 "b2():\n"
                 "    %4: ?f64 = call @work %0\n"
                 "    jump b3(%4)\n"
                 "b3(%5: ?f64):\n"
                 "    %6: ?f64 = call @work %0\n"
                 "    check shape_mismatch \"\" \"\" %1\n"
                 "    check shape_mismatch \"again\" \"\" %1\n"
                 "    return %6\n" TAIL,
            HEAD "    %1: bool = lt %0, %0\n"
                 "    branch %1 b1() b2()\n"
                 "b1():\n"
                 "    %2: ?f64 = call @work %0\n"
                 "    branch %1 b3(%2) b3(%2)\n"
                 "b2():\n"
                 "    %3: ?f64 = call @work %0\n"
                 "    jump b3(%3)\n"
                 "b3(%4: ?f64):\n"
                 "    %5: ?f64 = call @work %0\n"
                 "    check shape_mismatch \"\" \"\" %1\n"
                 "    return %5\n" TAIL);
}

/* Values from the last turn of a loop are others than those of this one. */
static void cse_sees_loops(void)
{
    becomes(pass_cse,
            HEAD "    %1: i64 = constant 1\n"
                 "    jump b1(%1)\n"
                 "b1(%2: i64):\n"
                 "    %3: bool = lt %2, %0\n"
                 "    %4: i64 = add %2, %1\n"
                 "    branch %3 b2() b3()\n"
                 "b2():\n"
                 "    %5: i64 = add %2, %1\n"
                 "    jump b1(%5)\n"
                 "b3():\n"
                 "    %6: ?f64 = call @work %4\n"
                 "    return %6\n" TAIL,
            HEAD "    %1: i64 = constant 1\n"
                 "    jump b1(%1)\n"
                 "b1(%2: i64):\n"
                 "    %3: bool = lt %2, %0\n"
                 "    %4: i64 = add %2, %1\n"
                 "    branch %3 b2() b3()\n"
                 "b2():\n"
                 "    jump b1(%4)\n"
                 "b3():\n"
                 "    %5: ?f64 = call @work %4\n"
                 "    return %5\n" TAIL);
}

/* Comprehensions with equal bodies are equal if their spaces and captures are. */
static void cse_merges_comprehensions(void)
{
    becomes(pass_cse,
            HEAD "    %1: i64 = constant 4\n"
                 "    %2: {1}?f64 = each.1 @one %1, %0\n"
                 "    %3: {1}?f64 = each.1 @two %1, %0\n"
                 "    %4: {1}?f64 = each.1 @two %1, %1\n"
                 "    %5: {1}?f64 = each.1 @other %1, %0\n"
                 "    %6: {1}?f64 = concat %2, %3\n"
                 "    %7: ?f64 = get %6, %0\n"
                 "    %8: ?f64 = get %4, %0\n"
                 "    %9: ?f64 = get %5, %0\n"
                 "    return %7\n" TAIL FUNCTION("one")
                     FUNCTION("two") "\nfunction @other \"main\" -> (?f64) {\n"
                                     "b0(%0: i64, %1: i64):\n"
                                     "    %2: i64 = add %0, %1\n"
                                     "    %3: ?f64 = call @work %2 cost=7\n"
                                     "    return %3\n"
                                     "}\n",
            HEAD "    %1: i64 = constant 4\n"
                 "    %2: {1}?f64 = each.1 @one %1, %0\n"
                 "    %3: {1}?f64 = each.1 @two %1, %1\n"
                 "    %4: {1}?f64 = each.1 @other %1, %0\n"
                 "    %5: {1}?f64 = concat %2, %2\n"
                 "    %6: ?f64 = get %5, %0\n"
                 "    %7: ?f64 = get %3, %0\n"
                 "    %8: ?f64 = get %4, %0\n"
                 "    return %6\n" TAIL FUNCTION("one")
                     FUNCTION("two") "\nfunction @other \"main\" -> (?f64) {\n"
                                     "b0(%0: i64, %1: i64):\n"
                                     "    %2: i64 = add %0, %1\n"
                                     "    %3: ?f64 = call @work %2 cost=7\n"
                                     "    return %3\n"
                                     "}\n");
}

TEST_MAIN(TEST(cse_merges_known_operations_and_calls), TEST(cse_keeps_annotations),
          TEST(cse_keeps_effects_and_versions), TEST(cse_needs_dominance), TEST(cse_sees_loops),
          TEST(cse_merges_comprehensions))
