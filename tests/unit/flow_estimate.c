/*
 * Estimates of kernels: how they grow with what loops run over, what calls and branches add, and
 * what is said to be a guess. (How far they are from measured times: tests/bench/estimates.py.)
 */
#include "flow/estimate.h"

#include <math.h>

#include "check_program.h"

static int64_t word, extent;

static bool word_of(const void *context, uint32_t leaf, int64_t *value)
{
    (void)context, (void)leaf;
    *value = word;
    return true;
}

static bool extent_of(const void *context, uint32_t leaf, uint32_t dimension, int64_t *value)
{
    (void)context, (void)leaf, (void)dimension;
    *value = extent;
    return true;
}

static double cost_of(const struct formula *formula, int64_t size)
{
    static const struct formula_arguments arguments = {word_of, extent_of, NULL};
    word = extent = size;
    return formula_evaluate(formula, &arguments);
}

struct estimate_case {
    struct checked checked;
    const struct formula *formula;
};

/* Of the task f. */
static void begin(struct estimate_case *c, const char *text)
{
    checked_init(&c->checked, text, false);
    const struct typed_function *f = checked_function(&c->checked, "f");
    CHECK_TEXT(f ? "" : text, "");
    c->formula = f ? estimate_task(&c->checked.arena, f) : NULL;
    CHECK(c->formula != NULL);
}

static void end(struct estimate_case *c)
{
    checked_release(&c->checked);
}

/* The power of the size that the cost grows with. */
static void grows(const char *text, double power)
{
    struct estimate_case c;
    begin(&c, text);
    if (c.formula) {
        double ratio = cost_of(c.formula, 400000) / cost_of(c.formula, 200000);
        if (fabs(log2(ratio) - power) > 0.01)
            CHECK_TEXT(text, "grows otherwise");
        CHECK(!formula_is_guess(c.formula));
        CHECK(cost_of(c.formula, 1000000) > (power > 0 ? 1000 : 0));
    }
    end(&c);
}

static void loops_multiply(void)
{
    grows("task f(n: int) -> int { return n * 2 }", 0);
    grows("task f(n: int) -> int { var s = 0\n for i in 0..n { s += i * i }\n return s }", 1);
    grows("task f(n: int) -> int { var s = 0\n for i in 0..n { for j in 0..i { s += j }}\n"
          " return s }",
          2);
    grows("task f(n: int) -> int { var i = 0\n while i < n { i += 2 }\n return i }", 1);
    grows("task f(x: f64[n]) -> f64 { var s = 0.0\n for v in x { s += v * v }\n return s }", 1);
    grows("task f(x: f64[n, m]) -> f64 { var s = 0.0\n for r in x { for v in r { s += v }}\n"
          " return s }",
          2);
    grows("task f(x: f64[n]) -> f64[n] { return sin(x) + 2.0 * x }", 1);
    grows("task f(n: int) -> f64[n, n] { return [f64(i + j) for i in 0..n, j in 0..n] }", 2);
    grows("task f(x: f64[n]) -> f64 { return sum([sum(x) + y for y in x]) }", 2);
    grows("task f(a: f64[n, n]) -> f64[n, n] { return a @ a }", 3);
    grows("task f(a: f64[n, n]) -> f64[n] { return a[0, :] + a @ a[1, :] }", 2);
    grows("task g(a: f64, b: f64) -> f64 { return max(a, b) }\n"
          "task f(x: f64[n]) -> f64 { return reduce(g, x) }",
          1);
    grows("task f(n: int) -> int { let x: f64[n] = zeros(n)\n return len(x + 1.0) }", 1);
    grows("task f(n: int) -> int { var xs: int[_] = []\n for i in 0..n { xs = append(xs, i) }\n"
          " return sum(xs) }",
          1);
    grows("task f(xs: f64[n][_]) -> f64 { return sum([sum(x) for x in xs]) }", 2);
    grows("task f(p: (int, f64[_])) -> f64 { var s = 0.0\n for i in 0..p.0 { s += sum(p.1) }\n"
          " return s }",
          2);
}

/* The half of a square: an inner loop to the outer's variable. */
static void triangles_are_half_of_squares(void)
{
    struct estimate_case triangle, square;
    begin(&triangle, "task f(n: int) -> f64 { var s = 0.0\n"
                     " for i in 0..n { for j in 0..i { s += 1.0 } }\n return s }");
    begin(&square, "task f(n: int) -> f64 { var s = 0.0\n"
                   " for i in 0..n { for j in 0..n { s += 1.0 } }\n return s }");
    double ratio = cost_of(square.formula, 1000000) / cost_of(triangle.formula, 1000000);
    CHECK(fabs(ratio - 2) < 0.01);
    end(&triangle);
    end(&square);
}

static void the_dearer_branch_counts(void)
{
    struct estimate_case c;
    begin(&c, "task f(n: int, b: bool) -> int { var s = 0\n if b { s += 1 } else "
              "{ for i in 0..n { s += i % 3 } }\n return s }");
    CHECK(cost_of(c.formula, 1000000) > 100000);
    end(&c);
    begin(&c, "task f(x: f64[n], b: bool) -> f64 { return if b { 1.0 } else { sum(sin(x)) } }");
    CHECK(cost_of(c.formula, 1000000) > 100000);
    end(&c);
}

static double at_a_million(const char *text)
{
    struct estimate_case c;
    begin(&c, text);
    double cost = cost_of(c.formula, 1000000);
    end(&c);
    return cost;
}

/* A loop that reads one array or another has branches; one that chooses between numbers has none.
 */
static void branches_are_no_vectors(void)
{
    double numbers =
        at_a_million("task f(x: f64[n]) -> f64[n] { var y = x\n for i in 0..n {\n"
                     " let a = x[i]\n y[i] = if a > 0.0 { a } else { 0.0 } }\n return y }");
    double elements =
        at_a_million("task f(x: f64[n], z: f64[n]) -> f64[n] { var y = x\n for i in 0..n {\n"
                     " let a = if i > 0 { x[i - 1] } else { z[i] }\n y[i] = a }\n return y }");
    CHECK(elements > 3 * numbers);
}

/* A short function is a part of its caller; a loop over a list of constants makes no array. */
static void what_the_compiler_leaves_out_costs_nothing(void)
{
    double here = at_a_million("task f(n: int) -> int { var s = 0\n"
                               " for i in 0..n { s = s * 3 + (i ^ s) }\n return s }");
    double called = at_a_million("task g(i: int, s: int) -> int { return s * 3 + (i ^ s) }\n"
                                 "task f(n: int) -> int { var s = 0\n"
                                 " for i in 0..n { s = g(i, s) }\n return s }");
    CHECK(fabs(called / here - 1) < 0.01);
    double listed = at_a_million("task f(n: int) -> int { var s = 0\n for i in 0..n {\n"
                                 " for k in [1, 2, 4] { s = s * 3 + (k ^ s) } }\n return s }");
    CHECK(listed < 4 * here);
}

/* A loop in a callee is the loop itself; its @cost counts instead. */
static void calls_cost_what_callees_do(void)
{
    struct estimate_case here, there, given;
    begin(&here,
          "task f(x: f64[m]) -> f64 { var s = 0.0\n for i in 0..m { s += x[i] }\n return s }");
    begin(&there,
          "task g(x: f64[m]) -> f64 { var s = 0.0\n for i in 0..m { s += x[i] }\n return s }\n"
          "task f(x: f64[m]) -> f64 { return g(x) }");
    double difference = cost_of(there.formula, 1000000) - cost_of(here.formula, 1000000);
    CHECK(difference >= 0 && difference < 100);
    begin(&given, "@cost(5ms)\ntask g(x: f64[m]) -> f64 { return sum(x) }\n"
                  "task f(x: f64[m]) -> f64 { return g(x) + g(x) }");
    CHECK(cost_of(given.formula, 1) > 10000000 && cost_of(given.formula, 1000000) < 10001000);
    end(&here);
    end(&there);
    end(&given);
}

static void is_guess(const char *text)
{
    struct estimate_case c;
    begin(&c, text);
    CHECK_TEXT(c.formula && formula_is_guess(c.formula) ? "" : text, "");
    end(&c);
}

static void what_is_not_known_is_a_guess(void)
{
    is_guess("task f(n: int) -> int { if n < 2 { return n }\n return f(n - 1) + f(n - 2) }");
    is_guess("task f(x: f64) -> f64 { var y = x\n while y * y > 2.0 { y = y / 2.0 }\n return y }");
    is_guess("task f(n: int) -> int { var k = n\n for i in 0..3 { k = k * k % 7 }\n"
             " var s = 0\n for i in 0..k { s += i }\n return s }");
    is_guess("task f(x: f64[_]) -> f64 { return sum([v for v in x if v > 0.0]) }");
}

/* Calls that double the work at each level, and values that double at each step. */
static void estimates_end(void)
{
    struct buffer text = {0};
    struct estimate_case c;
    buffer_puts(&text, "task g0(n: int) -> int { return n % 7 }\n");
    for (int i = 1; i < 40; i++)
        buffer_printf(&text, "task g%d(n: int) -> int { return g%d(n) + g%d(n * 3) }\n", i, i - 1,
                      i - 1);
    buffer_puts(&text, "task f(n: int) -> int { return g39(n) }");
    begin(&c, buffer_text(&text));
    CHECK(formula_is_guess(c.formula));
    end(&c);
    buffer_release(&text);
    buffer_puts(&text, "task f(n: int, m: int) -> int { let a0 = n + m\n");
    for (int i = 1; i < 60; i++)
        buffer_printf(&text, "let a%d = a%d * (a%d + %d * m) / (m + %d)\n", i, i - 1, i - 1, i, i);
    buffer_puts(&text, "var s = 0\n for i in 0..a59 { s += i }\n return s }");
    begin(&c, buffer_text(&text));
    CHECK(formula_is_guess(c.formula));
    CHECK(c.formula->terms <= 100);
    end(&c);
    buffer_release(&text);
}

static void one_number_says_whether_it_depends(void)
{
    struct estimate_case c;
    bool is_guess;
    begin(&c, "task f(x: f64) -> f64 { return x * 2.0 }");
    double ns = estimate_task_ns(checked_function(&c.checked, "f"), &is_guess);
    CHECK(!is_guess && ns > 10 && ns < 1000);
    end(&c);
    begin(&c, "task f(n: int) -> int[n] { return range(0, n) }");
    estimate_task_ns(checked_function(&c.checked, "f"), &is_guess);
    CHECK(is_guess);
    end(&c);
    begin(&c, "@cost(3us)\ntask f(n: int) -> int[n] { return range(0, n) }");
    CHECK(estimate_task_ns(checked_function(&c.checked, "f"), &is_guess) == 3000 && !is_guess);
    end(&c);
}

TEST_MAIN(TEST(loops_multiply), TEST(triangles_are_half_of_squares), TEST(the_dearer_branch_counts),
          TEST(branches_are_no_vectors), TEST(what_the_compiler_leaves_out_costs_nothing),
          TEST(calls_cost_what_callees_do), TEST(what_is_not_known_is_a_guess), TEST(estimates_end),
          TEST(one_number_says_whether_it_depends))
