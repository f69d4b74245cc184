/* The shapes of reductions in task bodies, and the order of sums, against plain C that follows the
 * language's definition element by element. */
#include "kernel.h"

static const char program[] =
    "task minus(a: f64, b: f64) -> f64 { return a - 0.5 * b }\n"
    "task plain(xs: f64[_]) -> f64 { return reduce(minus, xs) }\n"
    "task tree(xs: f64[_], a: int, c: int) -> f64 { return reduce(minus, xs, arity: a, chunk: c) "
    "}\n"
    "task begun(xs: f64[_], a: int, c: int, i: f64) -> f64 {\n"
    "    return reduce(minus, xs, init: i, arity: a, chunk: c)\n"
    "}\n"
    "task made(n: int) -> f64 { return reduce(minus, [f64(i*i) for i in 0..n]) }\n"
    "task grid(m: f64[r, c]) -> f64 { return reduce(minus, m[:, 1..]) }\n"
    "task widest(xs: int[_]) -> int { return reduce(max, xs) }\n"
    "task join(a: int[_], b: int[_]) -> int[_] { return concat(a, b) }\n"
    "task joined(n: int, a: int) -> int[_] {\n"
    "    return reduce(join, [[i for j in 0..i] for i in 0..n], arity: a)\n"
    "}\n"
    "task joined_on(n: int, s: int[_]) -> int[_] {\n"
    "    return reduce(join, [[i for j in 0..i] for i in 0..n], init: s, chunk: 3)\n"
    "}\n"
    "task total(xs: f64[_]) -> f64 { return sum(xs) }\n"
    "task total_made(xs: f64[n]) -> f64 { return sum([xs[i] for i in 0..n]) }\n"
    "task total_fused(xs: f64[n]) -> f64 { return sum(sqrt(xs) * 2.0) }\n"
    "task total_single(xs: f32[_]) -> f32 { return sum(xs) }\n"
    "task total_int(xs: u8[_]) -> u8 { return sum(xs) }\n"
    "task total_part(m: f64[r, c]) -> f64 { return sum(m[:, 1..]) }\n"
    "task least(xs: f64[_]) -> f64 { return min(xs) }\n";

static struct kernels k;

static double minus(double a, double b)
{
    return a - 0.5 * b;
}

/* Runs of `chunk` folded from the left, then groups of `arity` level by level. */
static double expected_tree(const double *xs, int count, int arity, int chunk,
                            const double *initial)
{
    double level[300];
    int results = 0;
    for (int i = 0; i < count; i += chunk) {
        double run = xs[i];
        if (i == 0 && initial)
            run = minus(*initial, run);
        for (int j = i + 1; j < i + chunk && j < count; j++)
            run = minus(run, xs[j]);
        level[results++] = run;
    }
    while (results > 1) {
        int next = 0;
        for (int i = 0; i < results; i += arity) {
            double group = level[i];
            for (int j = i + 1; j < i + arity && j < results; j++)
                group = minus(group, level[j]);
            level[next++] = group;
        }
        results = next;
    }
    return level[0];
}

static void fill_reals(double *xs, int count)
{
    for (int i = 0; i < count; i++)
        xs[i] = sin(i * 1.7) * exp(i % 11);
}

static void trees(void)
{
    double xs[200], initial = 3.25;
    fill_reals(xs, 200);
    for (int n = 1; n < 70; n++) {
        CHECK_REAL(call_real(&k, "plain", WORDS(address_word(xs), (uint64_t)n)),
                   expected_tree(xs, n, 2, 1, NULL));
        for (int a = 2; a < 6; a++) {
            for (int c = 1; c < 6; c++) {
                uint64_t words[] = {address_word(xs), (uint64_t)n, (uint64_t)a, (uint64_t)c,
                                    real_word(initial)};
                CHECK_REAL(call_real(&k, "tree", words), expected_tree(xs, n, a, c, NULL));
                CHECK_REAL(call_real(&k, "begun", words), expected_tree(xs, n, a, c, &initial));
            }
        }
    }
    CHECK_REAL(call_real(&k, "begun", WORDS(address_word(xs), 0, 2, 1, real_word(initial))),
               initial);
    for (int i = 0; i < 200; i++)
        xs[i] = i * i;
    CHECK_REAL(call_real(&k, "made", WORDS(200)), expected_tree(xs, 200, 2, 1, NULL));
    double columns[] = {9, 1, 2, 9, 3, 4}, kept[] = {1, 2, 3, 4};
    CHECK_REAL(call_real(&k, "grid", WORDS(address_word(columns), 2, 3)),
               expected_tree(kept, 4, 2, 1, NULL));
    CHECK_INT(call_int(&k, "widest", WORDS(address_word((int64_t[]){3, -9, 7, 7, 1}), 5)), 7);
}

static void bad_trees(void)
{
    double xs[] = {1, 2};
    CHECK_FAILS(&k, "plain", WORDS(address_word(xs), 0), ERR_empty_reduction, 2, 40,
                "reduce of an empty array without init");
    CHECK_FAILS(&k, "tree", WORDS(address_word(xs), 2, 1, 1), ERR_bad_reduce, 3, 80,
                "reduce with arity 1");
    CHECK_FAILS(&k, "tree", WORDS(address_word(xs), 2, 2, 0), ERR_bad_reduce, 3, 90,
                "reduce with chunk 0");
}

/* Concatenation is associative, so every tree gives the same; what differs would be lost or freed.
 */
static void reductions_of_arrays(void)
{
    for (int n = 1; n < 12; n++) {
        for (int a = 2; a < 5; a++) {
            CHECK_INT(kernels_call(&k, "joined", WORDS((uint64_t)n, (uint64_t)a)), 0);
            const int64_t *found = result_data(&k, 0);
            CHECK_INT(k.results[1], n * (n - 1) / 2);
            for (int i = 0, at = 0; i < n; i++) {
                for (int j = 0; j < i; j++)
                    CHECK_INT(found[at++], i);
            }
        }
    }
    CHECK_INT(kernels_call(&k, "joined_on", WORDS(4, address_word((int64_t[]){8, 9}), 2)), 0);
    CHECK_INT(k.results[1], 8);
    CHECK(memcmp(result_data(&k, 0), (int64_t[]){8, 9, 1, 2, 2, 3, 3, 3}, 64) == 0);
}

static double expected_sum(const double *xs, int count)
{
    double s[8] = {0};
    for (int i = 0; i < count; i++)
        s[i % 8] += xs[i];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static void sums(void)
{
    double xs[200], roots[200], kept[200];
    float singles[200];
    fill_reals(xs, 200);
    for (int n = 0; n < 200; n++) {
        uint64_t words[] = {address_word(xs), (uint64_t)n};
        CHECK_REAL(call_real(&k, "total", words), expected_sum(xs, n));
        CHECK_REAL(call_real(&k, "total_made", words), expected_sum(xs, n));
        roots[n] = sqrt(fabs(xs[n])) * 2.0;
        singles[n] = (float)n / 3;
    }
    for (int i = 0; i < 200; i++)
        xs[i] = fabs(xs[i]);
    CHECK_REAL(call_real(&k, "total_fused", WORDS(address_word(xs), 200)),
               expected_sum(roots, 200));
    float s[8] = {0};
    for (int i = 0; i < 77; i++)
        s[i % 8] += singles[i];
    float expected = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
    kernels_call(&k, "total_single", WORDS(address_word(singles), 77));
    CHECK(memcmp(k.results, &expected, 4) == 0);
    unsigned char bytes[] = {200, 100, 3};
    CHECK_INT(call_int(&k, "total_int", WORDS(address_word(bytes), 3)), 47);
    for (int i = 0, n = 0; i < 200; i++) {
        if (i % 20 != 0)
            kept[n++] = xs[i];
    }
    CHECK_REAL(call_real(&k, "total_part", WORDS(address_word(xs), 10, 20)),
               expected_sum(kept, 190));
}

static void extremes(void)
{
    double xs[] = {3, 0.0, -0.0, 7}, ys[] = {1, NAN, -5};
    CHECK_REAL(call_real(&k, "least", WORDS(address_word(xs), 4)), -0.0);
    CHECK(isnan(call_real(&k, "least", WORDS(address_word(ys), 3))));
}

AT_EVERY_LEVEL(trees)
AT_EVERY_LEVEL(bad_trees)
AT_EVERY_LEVEL(reductions_of_arrays)
AT_EVERY_LEVEL(sums)
AT_EVERY_LEVEL(extremes)

TEST_MAIN(TEST(trees_at_every_level), TEST(bad_trees_at_every_level),
          TEST(reductions_of_arrays_at_every_level), TEST(sums_at_every_level),
          TEST(extremes_at_every_level))
