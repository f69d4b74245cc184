/*
 * The passes that make one task of several, text in, text out: what becomes one, and all that must
 * stay apart. Kernels have no bodies here, so tasks are taken to work long unless they are
 * operators on scalars.
 */
#include "pass.h"

#define KERNELS                                                                                    \
    "module \"t.wk\"\n\n"                                                                          \
    "kernel @f \"f\" (xs: f64[_]) -> f64[_]\n"                                                     \
    "kernel @g \"g\" (xs: f64[_], ys: f64[_]) -> f64[_]\n"                                         \
    "kernel @pair \"pair\" (xs: f64[_]) -> (f64, f64)\n"                                           \
    "kernel @use \"use\" (p: (f64, f64), xs: f64[_]) -> f64\n"                                     \
    "kernel @total \"total\" (xs: f64[_]) -> f64\n"                                                \
    "kernel @save \"save\" (xs: f64[_]) -> ()\n"                                                   \
    "kernel @safe \"safe\" (xs: f64[_]) -> f64[_] fallback=@f\n"                                   \
    "kernel @op.add.f64.f64 \"+\" (a: f64, b: f64) -> f64\n"                                       \
    "kernel @op.untile.f64__ \"untile\" (a: f64[_]) -> f64[_]\n"
#define HEAD(type, results)                                                                        \
    KERNELS                                                                                        \
    "parameter xs: f64[_]\n"                                                                       \
    "parameter ys: f64[_]\n"                                                                       \
    "entry @main -> " type "\n\n"                                                                  \
    "flow @main \"main\" -> (" results ") {\n"                                                     \
    "b0(%0: ?f64[+], %1: ?f64[+]):\n"

static char *run(void (*pass)(struct ir_module *), const char *before)
{
    struct buffer text = {0}, remarks = {0};
    run_pass(pass, NULL, before, &text, &remarks);
    buffer_putc(&text, '\0');
    hide_hashes(text.data);
    buffer_release(&remarks);
    return text.data;
}

/* The part of a text from `from` on, if it is there. */
static const char *rest(const char *text, const char *from)
{
    const char *found = text ? strstr(text, from) : NULL;
    return found ? found : text;
}

static void stays(void (*pass)(struct ir_module *), const char *before)
{
    char *after = run(pass, before);
    CHECK_TEXT(after, before);
    free(after);
}

/* `kernel`: the line of the kernel that was made; `body`: of main behind its head. */
static void fuses(const char *before, const char *kernel, const char *body)
{
    char *after = run(pass_fuse, before);
    CHECK(after && strstr(after, kernel));
    CHECK_TEXT(rest(after, "b0("), body);
    free(after);
}

static void chains_become_one(void)
{
    /* The argument that both take is one of the fused task's. */
    fuses(HEAD("f64[_]", "?f64[-]") "    %2: ?f64[-] = call @f %0\n"
                                    "    %3: ?f64[-] = call @g %2, %0\n"
                                    "    %4: ?f64[-] = call @g %1, %3\n"
                                    "    return %4\n"
                                    "}\n",
          "\"f + g + g\" (xs: f64[_], xs2: f64[_]) -> f64[_] members=\"f, g, g\"\n",
          "b0(%0: ?f64[+], %1: ?f64[+]):\n"
          "    %2: ?f64[-] = call @fuse.f.g.g.# %0, %1\n"
          "    return %2\n"
          "}\n");
    /* Behind the arguments stand the extents of the consumer's results. */
    fuses(HEAD("f64[_]", "?f64[+]") "    %2: i64 = extent.0 %0\n"
                                    "    %3: ?f64[+] = call @f %0, %2\n"
                                    "    %4: ?f64[+] = call @f %3, %2\n"
                                    "    return %4\n"
                                    "}\n",
          "\"f + f\" (xs: f64[_]) -> f64[_] members=\"f, f\"\n",
          "b0(%0: ?f64[+], %1: ?f64[+]):\n"
          "    %2: i64 = extent.0 %0\n"
          "    %3: ?f64[+] = call @fuse.f.f.# %0, %2\n"
          "    return %3\n"
          "}\n");
}

static void leaves_of_tuples(void)
{
    fuses(HEAD("f64", "?f64") "    %2: ?f64, %3: ?f64 = call @pair %0\n"
                              "    %4: f64 = constant 1.0\n"
                              "    %5: ?f64 = call @use %3, %4, %0\n"
                              "    return %5\n"
                              "}\n",
          "\"pair + use\" (xs: f64[_], p: f64) -> f64 members=\"pair, use\"\n",
          "b0(%0: ?f64[+], %1: ?f64[+]):\n"
          "    %2: f64 = constant 1.0\n"
          "    %3: ?f64 = call @fuse.pair.use.# %0, %2\n"
          "    return %3\n"
          "}\n");
}

/* Operators on scalars go to both sides; two tasks that take long are not put in a row. */
static void joins_stay(void)
{
    stays(pass_fuse, HEAD("f64", "?f64") "    %2: ?f64 = call @total %0\n"
                                         "    %3: ?f64 = call @total %1\n"
                                         "    %4: ?f64 = call @op.add.f64.f64 %2, %3\n"
                                         "    return %4\n"
                                         "}\n");
    fuses(HEAD("f64", "?f64") "    %2: ?f64 = call @total %0\n"
                              "    %3: f64 = constant 1.0\n"
                              "    %4: ?f64 = call @op.add.f64.f64 %2, %3\n"
                              "    %5: ?f64 = call @total %1\n"
                              "    %6: ?f64 = call @op.add.f64.f64 %5, %3\n"
                              "    %7: ?f64 = call @op.add.f64.f64 %4, %6\n"
                              "    %8: ?f64 = call @op.add.f64.f64 %7, %3\n"
                              "    return %8\n"
                              "}\n",
          "\"total\" (xs: f64[_], b: f64) -> f64 members=\"total, +\"\n",
          "b0(%0: ?f64[+], %1: ?f64[+]):\n"
          "    %2: f64 = constant 1.0\n"
          "    %3: ?f64 = call @fuse.total.op.add.f64.f64.# %0, %2\n"
          "    %4: ?f64 = call @fuse.total.op.add.f64.f64.# %1, %2\n"
          "    %5: ?f64 = call @op.fuse.op.add.f64.f64.op.add.f64.f64.# %3, %4, %2\n"
          "    return %5\n"
          "}\n");
}

static void others_read_it(void)
{
    stays(pass_fuse, HEAD("(f64[_], f64[_])", "?f64[-], ?f64[-]") "    %2: ?f64[-] = call @f %0\n"
                                                                  "    %3: ?f64[-] = call @f %2\n"
                                                                  "    return %2, %3\n"
                                                                  "}\n");
    stays(pass_fuse, HEAD("(f64[_], f64)", "?f64[-], ?f64") "    %2: ?f64[-] = call @f %0\n"
                                                            "    %3: ?f64[-] = call @f %2\n"
                                                            "    %4: ?f64 = call @total %2\n"
                                                            "    return %3, %4\n"
                                                            "}\n");
    /* A gathered argument is no result of a call. */
    stays(pass_fuse, HEAD("f64", "?f64") "    %2: ?f64 = call @total %0\n"
                                         "    %3: i64 = constant 1\n"
                                         "    %4: {1}?f64 = structure %3, %2\n"
                                         "    %5: ?f64 = call @total %4\n"
                                         "    return %5\n"
                                         "}\n");
}

static void annotations_merge_or_not(void)
{
    stays(pass_fuse, HEAD("f64[_]", "?f64[-]") "    %2: ?f64[-] = call @f %0 retries=2\n"
                                               "    %3: ?f64[-] = call @f %2\n"
                                               "    return %3\n"
                                               "}\n");
    stays(pass_fuse, HEAD("f64[_]", "?f64[-]") "    %2: ?f64[-] = call @f %0 timeout=5\n"
                                               "    %3: ?f64[-] = call @f %2 timeout=5\n"
                                               "    return %3\n"
                                               "}\n");
    stays(pass_fuse, HEAD("f64[_]", "?f64[-]") "    %2: ?f64[-] = call @f %0 memory=5\n"
                                               "    %3: ?f64[-] = call @f %2 memory=6\n"
                                               "    return %3\n"
                                               "}\n");
    stays(pass_fuse, HEAD("f64[_]", "?f64[-]") "    %2: ?f64[-] = call @f %0\n"
                                               "    %3: ?f64[-] = call @f %2 together=1\n"
                                               "    return %3\n"
                                               "}\n");
    stays(pass_fuse, HEAD("f64[_]", "?f64[-]") "    %2: ?f64[-] = call @safe %0\n"
                                               "    %3: ?f64[-] = call @f %2\n"
                                               "    return %3\n"
                                               "}\n");
    fuses(HEAD("f64[_]",
               "?f64[-]") "    %2: ?f64[-] = call @f %0 retries=2 memory=5 cost=3 together=1\n"
                          "    %3: ?f64[-] = call @f %2 retries=2 memory=5 cost=4 together=1\n"
                          "    return %3\n"
                          "}\n",
          "members=\"f, f\"\n",
          "b0(%0: ?f64[+], %1: ?f64[+]):\n"
          "    %2: ?f64[-] = call @fuse.f.f.# %0 retries=2 memory=5 cost=7 "
          "together=1\n"
          "    return %2\n"
          "}\n");
    /* An operator adds nothing to a cost; it has no annotations, which are some. */
    fuses(HEAD("f64", "?f64") "    %2: ?f64 = call @total %0 cost=5\n"
                              "    %3: f64 = constant 1.0\n"
                              "    %4: ?f64 = call @op.add.f64.f64 %2, %3\n"
                              "    return %4\n"
                              "}\n",
          "members=\"total, +\"\n",
          "b0(%0: ?f64[+], %1: ?f64[+]):\n"
          "    %2: f64 = constant 1.0\n"
          "    %3: ?f64 = call @fuse.total.op.add.f64.f64.# %0, %2 cost=5\n"
          "    return %3\n"
          "}\n");
    stays(pass_fuse, HEAD("f64", "?f64") "    %2: ?f64 = call @total %0 retries=2\n"
                                         "    %3: f64 = constant 1.0\n"
                                         "    %4: ?f64 = call @op.add.f64.f64 %2, %3\n"
                                         "    return %4\n"
                                         "}\n");
}

/* What is done for its effect is never a part of something before; it may be the end. */
static void effects_stay(void)
{
    fuses(HEAD("()", "?()") "    %2: ?f64[-] = call @f %0\n"
                            "    %3: ?() = call @save %2\n"
                            "    return %3\n"
                            "}\n",
          "\"f + save\" (xs: f64[_]) -> () members=\"f, save\"\n",
          "b0(%0: ?f64[+], %1: ?f64[+]):\n"
          "    %2: ?() = call @fuse.f.save.# %0\n"
          "    return %2\n"
          "}\n");
    stays(pass_fuse, HEAD("f64[_]", "?f64[-]") "    %2: ?f64[-] = call @f %0\n"
                                               "    %3: ?f64[-] = call @op.untile.f64__ %2\n"
                                               "    %4: ?f64[-] = call @f %3\n"
                                               "    return %4\n"
                                               "}\n");
}

/* In a space, what depends on one index is one node for many of what depends on both. */
static void shared_calls_stay(void)
{
#define SPACE(producer)                                                                            \
    HEAD("f64[_, _]", "{2}?f64")                                                                   \
    "    %2: i64 = constant 9\n"                                                                   \
    "    %3: {2}?f64 = each.2 @main.each1 %2, %2, %0\n"                                            \
    "    return %3\n"                                                                              \
    "}\n\n"                                                                                        \
    "function @main.each1 \"main\" -> (?f64) {\n"                                                  \
    "b0(%0: i64, %1: i64, %2: ?f64[+]):\n"                                                         \
    "    %3: ?f64[+] = view.r %2, " producer "\n"                                                  \
    "    %4: ?f64 = call @total %3\n"                                                              \
    "    %5: ?f64 = view.i %2, %1\n"                                                               \
    "    %6: ?f64 = call @op.add.f64.f64 %4, %5\n"                                                 \
    "    return %6\n"                                                                              \
    "}\n"
    stays(pass_fuse, SPACE("%0, %0"));
    fuses(SPACE("%0, %1"), "members=\"total, +\"\n",
          "b0(%0: ?f64[+], %1: ?f64[+]):\n"
          "    %2: i64 = constant 9\n"
          "    %3: {2}?f64 = each.2 @main.each1 %2, %2, %0\n"
          "    return %3\n"
          "}\n\n"
          "function @main.each1 \"main\" -> (?f64) {\n"
          "b0(%0: i64, %1: i64, %2: ?f64[+]):\n"
          "    %3: ?f64[+] = view.r %2, %0, %1\n"
          "    %4: ?f64 = view.i %2, %1\n"
          "    %5: ?f64 = call @fuse.total.op.add.f64.f64.# %3, %4\n"
          "    return %5\n"
          "}\n");
#undef SPACE
}

/* A structure that is changed between two calls would be kept, and copied. */
static void versions_stay(void)
{
    stays(pass_fuse,
          HEAD("(f64, f64[_])", "?f64, {1}?f64") "    %2: i64 = constant 1\n"
                                                 "    %3: i64 = constant 0\n"
                                                 "    %4: ?f64 = call @total %0\n"
                                                 "    %5: {1}?f64 = structure %2, %4\n"
                                                 "    %6: ?f64 = call @total %5\n"
                                                 "    %7: {1}?f64 = set %5, %3, %4\n"
                                                 "    %8: f64 = constant 1.0\n"
                                                 "    %9: ?f64 = call @op.add.f64.f64 %6, %8\n"
                                                 "    return %9, %7\n"
                                                 "}\n");
}

#define LEAF                                                                                       \
    "\nfunction @one \"main\" -> (?f64) {\n"                                                       \
    "b0(%0: i64, %1: ?f64[+]):\n"                                                                  \
    "    %2: ?f64 = view.i %1, %0\n"                                                               \
    "    return %2\n"                                                                              \
    "}\n"
#define NEXT(index)                                                                                \
    "\nfunction @two \"main\" -> (?f64) {\n"                                                       \
    "b0(%0: i64, %1: {1}?f64, %2: f64):\n"                                                         \
    "    %3: i64 = constant 1\n"                                                                   \
    "    %4: i64 = add %0, %3\n"                                                                   \
    "    %5: ?f64 = get %1, " index "\n"                                                           \
    "    %6: ?f64 = call @op.add.f64.f64 %5, %2\n"                                                 \
    "    return %6\n"                                                                              \
    "}\n"
#define SPACES(type, results, returns)                                                             \
    HEAD(type, results)                                                                            \
    "    %2: i64 = extent.0 %0\n"                                                                  \
    "    %3: f64 = constant 1.0\n"                                                                 \
    "    %4: {1}?f64 = each.1 @one %2, %0\n"                                                       \
    "    %5: {1}?f64 = each.1 @two %2, %4, %3\n"                                                   \
    "    return " returns "\n"                                                                     \
    "}\n"

static void comprehensions_become_one(void)
{
    char *after = run(pass_each, SPACES("f64[_]", "{1}?f64", "%5") LEAF NEXT("%0"));
    CHECK_TEXT(rest(after, "    %4"),
               "    %4: {1}?f64 = each.1 @one.two %2, %0, %3\n"
               "    return %4\n"
               "}\n" LEAF NEXT("%0") "\nfunction @one.two \"main\" -> (?f64) {\n"
                                     "b0(%0: i64, %1: ?f64[+], %2: f64):\n"
                                     "    %3: ?f64 = view.i %1, %0\n"
                                     "    %4: i64 = constant 1\n"
                                     "    %5: i64 = add %0, %4\n"
                                     "    %6: ?f64 = call @op.add.f64.f64 %3, %2\n"
                                     "    return %6\n"
                                     "}\n");
    free(after);
    /* Another element; another reader. */
    stays(pass_each, SPACES("f64[_]", "{1}?f64", "%5") LEAF NEXT("%4"));
    stays(pass_each, SPACES("(f64[_], f64[_])", "{1}?f64, {1}?f64", "%4, %5") LEAF NEXT("%0"));
}

/* If both could end elaboration, it would not be the same index. */
static void messages_stay(void)
{
    stays(pass_each, SPACES("f64[_]", "{1}?f64", "%5") LEAF "\nfunction @two \"main\" -> (?f64) {\n"
                                                            "b0(%0: i64, %1: {1}?f64, %2: f64):\n"
                                                            "    %3: ?f64 = get %1, %0\n"
                                                            "    %4: i64 = constant 2\n"
                                                            "    %5: i64 = div %4, %0\n"
                                                            "    return %3\n"
                                                            "}\n");
}

TEST_MAIN(TEST(chains_become_one), TEST(leaves_of_tuples), TEST(joins_stay), TEST(others_read_it),
          TEST(annotations_merge_or_not), TEST(effects_stay), TEST(shared_calls_stay),
          TEST(versions_stay), TEST(comprehensions_become_one), TEST(messages_stay))
