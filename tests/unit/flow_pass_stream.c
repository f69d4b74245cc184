/*
 * Joins that their readers take in parts: text in, text out (spec/flow-ir.md, Joins in parts).
 * Kernels have no bodies here, and are taken to go over their elements in order.
 */
#include "pass.h"

#define PROGRAM(result, body)                                                                      \
    "module \"t.wk\"\n\n"                                                                          \
    "kernel @total \"total\" (xs: f64[_]) -> f64\n"                                                \
    "kernel @scaled \"scaled\" (by: f64, xs: f64[_]) -> f64[_]\n"                                  \
    "kernel @both \"both\" (xs: f64[_], ys: f64[_]) -> f64\n"                                      \
    "kernel @again \"again\" (xs: f64[_]) -> f64 retries=2\n"                                      \
    "kernel @pair \"pair\" (p: (f64[_], f64)) -> f64\n"                                            \
    "kernel @matrix \"matrix\" (m: f64[_, _]) -> f64\n"                                            \
    "kernel @op.sum.f64_ \"sum\" (a: f64[_]) -> f64\n"                                             \
    "kernel @op.concat.f64__ \"concat\" (a: f64[_][_]) -> f64[_]\n"                                \
    "kernel @op.concat.f64_.f64_ \"concat\" (a: f64[_], b: f64[_]) -> f64[_]\n"                    \
    "kernel @op.untile.f64___ \"untile\" (a: f64[_, _][_, _]) -> f64[_, _]\n"                      \
    "parameter xs: f64[_]\n"                                                                       \
    "parameter ms: f64[_, _]\n"                                                                    \
    "entry @main -> " result "\n\n"                                                                \
    "flow @main \"main\" -> (?" result ") {\n"                                                     \
    "b0(%0: ?f64[+], %1: ?f64[+, +]):\n"                                                           \
    "    %2: f64 = constant 2.0\n"                                                                 \
    "    %3: i64 = constant 1\n"                                                                   \
    "    %4: i64 = constant 2\n"                                                                   \
    "    %5: {1}?f64[+] = structure %4, %0, %0\n"                                                  \
    "    %6: {2}?f64[+, +] = structure %3, %4, %1, %1\n" body "}\n"

/* What main's body becomes behind the structures, and what remarks say. */
static void becomes_body(const char *before, const char *after, const char *remarks)
{
    struct buffer text = {0}, said = {0};
    run_pass(pass_stream, NULL, before, &text, &said);
    buffer_putc(&text, '\0');
    hide_hashes(text.data);
    const char *body = strstr(text.data, "%1, %1\n");
    CHECK_TEXT(body ? body + strlen("%1, %1\n") : text.data, after);
    if (remarks)
        CHECK_TEXT(buffer_text(&said), remarks);
    buffer_release(&text);
    buffer_release(&said);
}

static void parts_take_the_join_s_place(void)
{
    becomes_body(PROGRAM("f64", "    %7: ?f64[-] = call @op.concat.f64__ %5\n"
                                "    %8: ?f64 = call @total %7\n"
                                "    return %8\n"),
                 "    %7: ?f64 = call @stream.op.concat.f64__.total.# %5\n"
                 "    return %7\n"
                 "}\n",
                 NULL);
    becomes_body(PROGRAM("f64", "    %7: ?f64[-, -] = call @op.untile.f64___ %6\n"
                                "    %8: ?f64 = call @matrix %7\n"
                                "    return %8\n"),
                 "    %7: ?f64 = call @stream.op.untile.f64___.matrix.# %6\n"
                 "    return %7\n"
                 "}\n",
                 NULL);
    becomes_body(PROGRAM("f64[_]", "    %7: ?f64[-] = call @op.concat.f64_.f64_ %0, %0\n"
                                   "    %8: ?f64[-] = call @scaled %2, %7\n"
                                   "    return %8\n"),
                 "    %7: ?f64[-] = call @stream.op.concat.f64_.f64_.scaled.# %2, %0, %0\n"
                 "    return %7\n"
                 "}\n",
                 NULL);
}

/* The last one needs nothing of it. */
static void every_reader_takes_them(void)
{
    becomes_body(PROGRAM("f64[_]", "    %7: ?f64[-] = call @op.concat.f64__ %5\n"
                                   "    %8: ?f64 = call @total %7\n"
                                   "    %9: ?f64 = call @both %7, %7\n"
                                   "    %10: ?f64 = call @op.sum.f64_ %7\n"
                                   "    return %7\n"),
                 "    %7: ?f64[-] = call @op.concat.f64__ %5\n"
                 "    %8: ?f64 = call @stream.op.concat.f64__.total.# %5\n"
                 "    %9: ?f64 = call @stream.op.concat.f64__.both.# %5\n"
                 "    %10: ?f64 = call @op.stream.op.concat.f64__.op.sum.f64_.# %5\n"
                 "    return %7\n"
                 "}\n",
                 NULL);
}

static void joins_of_joins(void)
{
    becomes_body(
        PROGRAM("f64", "    %7: ?f64[-] = call @op.concat.f64__ %5\n"
                       "    %8: ?f64[-] = call @op.concat.f64_.f64_ %7, %0\n"
                       "    %9: ?f64 = call @both %8, %0\n"
                       "    return %9\n"),
        "    %7: ?f64 = call @stream.op.concat.f64__.op.concat.f64_.f64_.both.# %5, %0, %0\n"
        "    return %7\n"
        "}\n",
        NULL);
}

static void what_stays(void)
{
    becomes_body(PROGRAM("f64", "    %7: ?f64[-] = call @op.concat.f64__ %5\n"
                                "    %8: ?f64 = call @again %7\n"
                                "    %9: ?f64 = call @pair %7, %8\n"
                                "    return %9\n"),
                 "    %7: ?f64[-] = call @op.concat.f64__ %5\n"
                 "    %8: ?f64 = call @again %7\n"
                 "    %9: ?f64 = call @pair %7, %8\n"
                 "    return %9\n"
                 "}\n",
                 "note[stream]: `concat` is copied for `again`: it goes to a task with a `@retry`, "
                 "which would try to join again, too\n");
}

TEST_MAIN(TEST(parts_take_the_join_s_place), TEST(every_reader_takes_them), TEST(joins_of_joins),
          TEST(what_stays))
