/*
 * Small flows in the place of their calls: text in, text out.
 */
#include "pass.h"

#define HEAD                                                                                       \
    "module \"t.wk\"\n\n"                                                                          \
    "kernel @work \"work\" (i: i64) -> f64\n"                                                      \
    "parameter n: i64\n"                                                                           \
    "entry @main -> f64\n\n"                                                                       \
    "flow @main \"main\" -> (?f64) {\n"                                                            \
    "b0(%0: i64):\n"
#define TAIL "}\n"
#define LEAF                                                                                       \
    "\nflow @leaf \"leaf\" -> (?f64, i64) {\n"                                                     \
    "b0(%0: i64, %1: i64):\n"                                                                      \
    "    %2: i64 = sub %0, %1\n"                                                                   \
    "    %3: ?f64 = call @work %2\n"                                                               \
    "    return %3, %2\n"                                                                          \
    "}\n"

/* Also in a flow that is small once that is done; arguments keep their places. */
static void inline_takes_small_flows(void)
{
    becomes_saying(pass_inline,
                   HEAD "    %1: ?f64 = apply @wrapper %0\n"
                        "    return %1\n" TAIL "\nflow @wrapper \"wrapper\" -> (?f64) {\n"
                        "b0(%0: i64):\n"
                        "    %1: i64 = constant 1\n"
                        "    %2: ?f64, %3: i64 = apply @leaf %1, %0\n"
                        "    return %2\n"
                        "}\n" LEAF,
                   HEAD "    %1: i64 = constant 1\n"
                        "    %2: i64 = sub %1, %0\n"
                        "    %3: ?f64 = call @work %2\n"
                        "    return %3\n" TAIL "\nflow @wrapper \"wrapper\" -> (?f64) {\n"
                        "b0(%0: i64):\n"
                        "    %1: i64 = constant 1\n"
                        "    %2: i64 = sub %1, %0\n"
                        "    %3: ?f64 = call @work %2\n"
                        "    return %3\n"
                        "}\n" LEAF,
                   "note[inline]: inlined `leaf`\n"
                   "note[inline]: inlined `wrapper`\n");
}

/* Two nodes, branches, itself. */
static void inline_leaves_others(void)
{
    static const char text[] = HEAD "    %1: ?f64 = apply @two %0\n"
                                    "    %2: ?f64 = apply @ways %0\n"
                                    "    %3: ?f64 = apply @itself %0\n"
                                    "    return %1\n" TAIL "\nflow @two \"two\" -> (?f64) {\n"
                                    "b0(%0: i64):\n"
                                    "    %1: ?f64 = call @work %0\n"
                                    "    %2: ?f64 = call @work %0\n"
                                    "    return %2\n"
                                    "}\n"
                                    "\nflow @ways \"ways\" -> (?f64) {\n"
                                    "b0(%0: i64):\n"
                                    "    %1: bool = lt %0, %0\n"
                                    "    branch %1 b1() b2()\n"
                                    "b1():\n"
                                    "    %2: ?f64 = call @work %0\n"
                                    "    return %2\n"
                                    "b2():\n"
                                    "    %3: f64 = convert %0\n"
                                    "    %4: ?f64 = lift %3\n"
                                    "    return %4\n"
                                    "}\n"
                                    "\nflow @itself \"itself\" -> (?f64) {\n"
                                    "b0(%0: i64):\n"
                                    "    %1: ?f64 = apply @itself %0\n"
                                    "    return %1\n"
                                    "}\n";
    becomes_saying(pass_inline, text, text, "");
}

TEST_MAIN(TEST(inline_takes_small_flows), TEST(inline_leaves_others))
