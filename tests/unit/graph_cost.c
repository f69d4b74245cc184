/*
 * spec/dag.md: D19, D20, D22.
 * Costs of nodes: what formulas read off a node's arguments, whatever stands before them.
 */
#include "graph/cost.h"

#include "test.h"

static const char text[] =
    "task t0 \"\" \"\" \"(f64,)\" -> \"\" leaves=0\n"
    "task t1 \"a\" \"a\" \"(n: i64, m: i64)\" -> \"f64[_, _]\" leaves=1 formula=\"(* w0 w1)\"\n"
    "task t2 \"b\" \"b\" \"(x: f64[_, _], n: i64, y: f64[_, _])\" -> \"f64\" leaves=1 "
    "formula=\"(+ (* 1000 x0.1) (+ w1 (* 100000 x2.0)))\"\n"
    "task t3 \"c\" \"c\" \"(x: (f64, f64)[_], ys: f64[_, _][_, _], n: i64)\" -> \"f64\" leaves=1 "
    "formula=\"(+ (* x1.0 x1.1) (+ (* 100 w2) (+ (* 10000 x1.3) (* 1000000 x0.0))))\"\n"
    "task t4 \"d\" \"d\" \"(x: f64[_],)\" -> \"f64\" leaves=1 cost=77 formula=\"x0.0\"\n"
    "task t5 \"e\" \"e\" \"(x: f64[_],)\" -> \"f64\" leaves=1\n"
    "task t6 \"f\" \"f\" \"(x: f64[_],)\" -> \"f64\" leaves=1 formula=\"(+ ?5 x0.0)\"\n"
    "scope s0 \"main\" s0\n"
    "n0 = t1 s0 (20, 3)\n"
    "n1 = t1 s0 (-5, 7)\n"
    "n2 = t2 s0 (n0:f64[20, 3], 7, n0:f64[3, 20])\n"
    "n3 = t2 s0 (n0:f64[5, 2]{0+5, 1+2}, 9, n0:f64[?, ?])\n"
    "n4 = t3 s0 (gather[2](n2:f64, n3:f64, n3:f64, n2:f64), gather[1, 3](n0:f64[20, 3], "
    "n0:f64[20, 3], n1:f64[4, 4]), 6)\n"
    "n5 = t4 s0 (n0:f64[3]{0, 0+3})\n"
    "n6 = t5 s0 (n0:f64[3]{0, 0+3})\n"
    "n7 = t6 s0 (gather[6](n2:f64, n3:f64, n4:f64, n5:f64, n6:f64, n6:f64))\n"
    "n8 = t0 s0 (n7:f64)\n";

static void formulas_read_arguments(void)
{
    struct dag dag;
    struct error error = {0};
    CHECK_INT(dag_parse(&dag, text, strlen(text), &error), 0);
    CHECK_TEXT(error.message, "");
    CHECK_INT(dag_verify(&dag, &error), 0);
    struct costs *costs = costs_new(&dag);
    static const uint64_t expected[] = {60,
                                        1, /* a formula below 0 */
                                        3 * 1000 + 7 + 3 * 100000,
                                        2 * 1000 + 9 +
                                            1024 * 100000, /* an extent that is not known */
                                        1 * 3 + 6 * 100 + 3 * 10000 + 2 * 1000000,
                                        77, /* @cost */
                                        COST_UNKNOWN,
                                        11,
                                        0};
    for (int twice = 0; twice < 2; twice++)
        for (uint32_t i = 0; i < dag.node_count; i++)
            CHECK_INT(costs_of(costs, i), expected[i]);
    CHECK(!costs_is_guess(costs, 2) && !costs_is_guess(costs, 5));
    CHECK(costs_is_guess(costs, 6) && costs_is_guess(costs, 7));
    costs_set_task(costs, 2, 1234.5);
    CHECK_INT(costs_of(costs, 2), 1234);
    CHECK_INT(costs_of(costs, 0), 60);
    CHECK(costs_is_measured(costs, 2) && !costs_is_measured(costs, 0));
    costs_free(costs);
    dag_release(&dag);
}

/* A factor of what formulas say counts more than @cost and guesses; without a formula there is
 * nothing to scale. */
static void formulas_are_scaled(void)
{
    struct dag dag;
    struct error error = {0};
    CHECK_INT(dag_parse(&dag, text, strlen(text), &error), 0);
    struct costs *costs = costs_new(&dag);
    CHECK(costs_scale_task(costs, 1, 2.5) && costs_scale_task(costs, 4, 50));
    CHECK(costs_scale_task(costs, 6, 3) && !costs_scale_task(costs, 5, 2));
    for (int twice = 0; twice < 2; twice++) {
        CHECK_INT(costs_of(costs, 0), 150);
        CHECK_INT(costs_of(costs, 1), 1);
        CHECK_INT(costs_of(costs, 5), 3 * 50);
        CHECK_INT(costs_of(costs, 6), COST_UNKNOWN);
        CHECK_INT(costs_of(costs, 7), 33);
    }
    CHECK(costs_is_measured(costs, 5) && !costs_is_measured(costs, 6));
    CHECK(!costs_is_guess(costs, 7) && costs_is_guess(costs, 6));
    costs_free(costs);
    dag_release(&dag);
}

static void what_is_no_formula_is_refused(void)
{
    static const char broken[] =
        "task t0 \"\" \"\" \"(f64,)\" -> \"\" leaves=0\n"
        "task t1 \"a\" \"a\" \"(n: i64,)\" -> \"f64\" leaves=1 formula=\"(* w0\"\n"
        "scope s0 \"main\" s0\n"
        "n0 = t1 s0 (20)\n"
        "n1 = t0 s0 (n0:f64)\n";
    struct dag dag;
    struct error error = {0};
    int code = dag_parse(&dag, broken, strlen(broken), &error);
    code = code ? code : dag_verify(&dag, &error);
    CHECK(code != 0);
    CHECK(strstr(error.message, "D6: task 1 has a formula that is none") != NULL);
    dag_release(&dag);
}

TEST_MAIN(TEST(formulas_read_arguments), TEST(formulas_are_scaled),
          TEST(what_is_no_formula_is_refused))
