/*
 * The passes, one at a time: text in, text out. What must not change is in the text too.
 */
#include "pass.h"

#define HEAD                                                                                       \
    "module \"t.wk\"\n\n"                                                                          \
    "kernel @work \"work\" (i: i64) -> f64\n"                                                      \
    "kernel @note \"note\" (i: i64) -> ()\n"                                                       \
    "kernel @vector \"vector\" (n: i64) -> f64[_, _]\n"                                            \
    "parameter n: i64\n"                                                                           \
    "entry @main -> i64\n\n"                                                                       \
    "flow @main \"main\" -> (i64) {\n"                                                             \
    "b0(%0: i64):\n"
#define TAIL "}\n"
#define LEAF                                                                                       \
    "\nfunction @leaf \"main\" -> (?f64) {\n"                                                      \
    "b0(%0: i64):\n"                                                                               \
    "    %1: ?f64 = call @work %0\n"                                                               \
    "    return %1\n"                                                                              \
    "}\n"
#define LOUD                                                                                       \
    "\nfunction @loud \"main\" -> (?()) {\n"                                                       \
    "b0(%0: i64):\n"                                                                               \
    "    %1: ?() = call @note %0\n"                                                                \
    "    return %1\n"                                                                              \
    "}\n"

static void fold_evaluates(void)
{
    becomes(pass_fold,
            HEAD "    %1: i64 = constant 6\n"
                 "    %2: i64 = constant 7\n"
                 "    %3: i64 = mul %1, %2\n"
                 "    %4: u8 = convert %3\n"
                 "    %5: i64 = convert %4\n"
                 "    %6: i64 = constant 1\n"
                 "    %7: i64 = count %6, %5, %6\n"
                 "    return %7\n" TAIL,
            HEAD "    %1: i64 = constant 6\n"
                 "    %2: i64 = constant 7\n"
                 "    %3: i64 = constant 42\n"
                 "    %4: u8 = constant 42\n"
                 "    %5: i64 = constant 42\n"
                 "    %6: i64 = constant 1\n"
                 "    %7: i64 = constant 41\n"
                 "    return %7\n" TAIL);
}

/* Division by zero, a conversion that does not fit, a check that does not hold: elaboration says
 * it. */
static void fold_leaves_failures(void)
{
    static const char text[] = HEAD "    %1: i64 = constant 300\n"
                                    "    %2: i64 = constant 0\n"
                                    "    %3: i64 = div %1, %2\n"
                                    "    %4: u8 = convert %1\n"
                                    "    %5: bool = constant 0\n"
                                    "    check shape_mismatch \"\" \"\" %5\n"
                                    "    %6: i64 = count %1, %2, %2\n"
                                    "    return %3\n" TAIL;
    becomes(pass_fold, text, text);
}

/* A NaN is not equal to itself, so x == x is not folded for floats. */
static void fold_knows_nan(void)
{
    static const char text[] = HEAD "    %1: f64 = convert %0\n"
                                    "    %2: bool = eq %1, %1\n"
                                    "    branch %2 b1() b2()\n"
                                    "b1():\n"
                                    "    return %0\n"
                                    "b2():\n"
                                    "    %3: i64 = neg %0\n"
                                    "    return %3\n" TAIL;
    becomes(pass_fold, text, text);
}

static void fold_forwards_extents(void)
{
    becomes(pass_fold,
            HEAD "    %1: i64 = constant 3\n"
                 "    %2: ?f64[-, +] = call @vector %0, %1\n"
                 "    %3: i64 = extent.1 %2\n"
                 "    %4: bool = eq %3, %1\n"
                 "    check shape_mismatch \"\" \"\" %4\n"
                 "    %5: {2}i64 = fill %1, %0, %3\n"
                 "    %6: {2}i64 = set %5, %1, %1, %1\n"
                 "    %7: i64 = extent.0 %6\n"
                 "    return %7\n" TAIL,
            HEAD "    %1: i64 = constant 3\n"
                 "    %2: ?f64[-, +] = call @vector %0, %1\n"
                 "    %3: i64 = extent.1 %2\n"
                 "    %4: bool = constant 1\n"
                 "    %5: {2}i64 = fill %1, %0, %1\n"
                 "    %6: {2}i64 = set %5, %1, %1, %1\n"
                 "    %7: i64 = extent.0 %6\n"
                 "    return %0\n" TAIL);
}

static void fold_decides_branches(void)
{
    becomes(pass_fold,
            HEAD "    %1: bool = constant 0\n"
                 "    branch %1 b1(%0) b2()\n"
                 "b1(%2: i64):\n"
                 "    return %2\n"
                 "b2():\n"
                 "    %3: i64 = neg %0\n"
                 "    jump b1(%3)\n" TAIL,
            HEAD "    %1: bool = constant 0\n"
                 "    jump b1()\n"
                 "b1():\n"
                 "    %2: i64 = neg %0\n"
                 "    jump b2(%2)\n"
                 "b2(%3: i64):\n"
                 "    return %3\n" TAIL);
}

static void dead_drops(void)
{
    becomes(pass_dead,
            HEAD "    %1: i64 = neg %0\n"
                 "    %2: ?f64 = call @work %1\n"
                 "    %3: i64 = constant 4\n"
                 "    %4: {1}?f64 = each.1 @leaf %3\n"
                 "    %5: ?f64 = apply @leaf %3\n"
                 "    return %0\n" TAIL LEAF,
            HEAD "    return %0\n" TAIL LEAF);
}

/* Effects, and what may fail. */
static void dead_keeps(void)
{
    static const char text[] = HEAD "    %1: ?() = call @note %0\n"
                                    "    %2: ?() = apply @loud %0\n"
                                    "    %3: i64 = constant 4\n"
                                    "    %4: {1}?() = each.1 @loud %3\n"
                                    "    %5: {1}?f64 = each.1 @leaf %0\n"
                                    "    %6: i64 = rem %3, %0\n"
                                    "    %7: u8 = convert %0\n"
                                    "    %8: {1}i64 = range %0, %3, %3\n"
                                    "    %9: i64 = get %8, %0\n"
                                    "    return %3\n" TAIL LEAF LOUD;
    becomes(pass_dead, text, text);
}

/* A value that only goes round a loop is none that anybody reads. */
static void dead_drops_parameters(void)
{
    becomes(pass_dead,
            HEAD "    %1: i64 = constant 1\n"
                 "    %2: i64 = constant 2\n"
                 "    jump b1(%1, %2, %1)\n"
                 "b1(%3: i64, %4: i64, %5: i64):\n"
                 "    %6: bool = lt %3, %0\n"
                 "    %7: i64 = add %3, %1\n"
                 "    %8: i64 = mul %4, %2\n"
                 "    %9: i64 = mul %5, %5\n"
                 "    branch %6 b1(%7, %8, %9) b2(%8, %9)\n"
                 "b2(%10: i64, %11: i64):\n"
                 "    return %11\n" TAIL,
            HEAD "    %1: i64 = constant 1\n"
                 "    jump b1(%1, %1)\n"
                 "b1(%2: i64, %3: i64):\n"
                 "    %4: bool = lt %2, %0\n"
                 "    %5: i64 = add %2, %1\n"
                 "    %6: i64 = mul %3, %3\n"
                 "    branch %4 b1(%5, %6) b2(%6)\n"
                 "b2(%7: i64):\n"
                 "    return %7\n" TAIL);
}

/* What is never called goes; what stays keeps its order. */
static void unused_drops(void)
{
    becomes(pass_unused,
            HEAD "    %1: ?() = apply @loud %0\n"
                 "    return %0\n" TAIL LEAF LOUD,
            "module \"t.wk\"\n\n"
            "kernel @note \"note\" (i: i64) -> ()\n"
            "parameter n: i64\n"
            "entry @main -> i64\n\n"
            "flow @main \"main\" -> (i64) {\n"
            "b0(%0: i64):\n"
            "    %1: ?() = apply @loud %0\n"
            "    return %0\n" TAIL LOUD);
}

TEST_MAIN(TEST(fold_evaluates), TEST(fold_leaves_failures), TEST(fold_knows_nan),
          TEST(fold_forwards_extents), TEST(fold_decides_branches), TEST(dead_drops),
          TEST(dead_keeps), TEST(dead_drops_parameters), TEST(unused_drops))
