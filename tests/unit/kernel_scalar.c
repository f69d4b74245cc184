/* Scalars, control and calls, compiled from text at every -O. */
#include "kernel.h"

static void harmonic(void)
{
    for (unsigned optimize = 0; optimize <= 2; optimize++) {
        struct kernels k;
        kernels_open(&k,
                     "task partial(i: int, width: int) -> f64 {\n"
                     "    var s = 0.0\n"
                     "    for k in i*width + 1 ..= (i + 1)*width { s += 1.0 / f64(k) }\n"
                     "    return s\n"
                     "}\n"
                     "task add(a: f64, b: f64) -> f64 { return a + b }\n",
                     optimize);
        double expected = 0;
        for (int i = 301; i <= 400; i++)
            expected += 1.0 / i;
        CHECK_REAL(call_real(&k, "partial", WORDS(3, 100)), expected);
        CHECK_REAL(call_real(&k, "partial", WORDS(3, 0)), 0.0);
        CHECK_REAL(call_real(&k, "add", WORDS(real_word(0.5), real_word(-0.5))), 0.0);
        kernels_close(&k);
    }
}

static void control(void)
{
    for (unsigned optimize = 0; optimize <= 2; optimize++) {
        struct kernels k;
        kernels_open(&k,
                     "task collatz(start: int) -> int {\n"
                     "    var n = start\n"
                     "    var steps = 0\n"
                     "    while n != 1 {\n"
                     "        if n % 2 == 0 { n = n / 2 } else { n = 3*n + 1 }\n"
                     "        steps += 1\n"
                     "    }\n"
                     "    return steps\n"
                     "}\n"
                     "task first_square_above(limit: int) -> int {\n"
                     "    for i in 0..1000 {\n"
                     "        if i*i % 2 == 1 { continue }\n"
                     "        if i*i > limit { return i*i }\n"
                     "    }\n"
                     "    return -1\n"
                     "}\n"
                     "task count_down(n: int) -> int {\n"
                     "    var s = 0\n"
                     "    for i in range(n, 0, -3) {\n"
                     "        if i == 4 { break }\n"
                     "        s = 10*s + i\n"
                     "    }\n"
                     "    return s\n"
                     "}\n"
                     "task edges(last: int) -> int {\n"
                     "    var n = 0\n"
                     "    for i in last - 2 ..= last { n += 1 }\n"
                     "    return n\n"
                     "}\n"
                     "task lazy(a: int, b: int) -> bool { return b != 0 && a / b > 2 || a == 7 }\n"
                     "task choose(a: int) -> (int, f64) {\n"
                     "    let t = if a > 0 { (a, 1.5) } else { (-a, 2.5) }\n"
                     "    return (t.0 + 1, t.1)\n"
                     "}\n",
                     optimize);
        CHECK_INT(call_int(&k, "collatz", WORDS(27)), 111);
        CHECK_INT(call_int(&k, "first_square_above", WORDS(30)), 36);
        CHECK_INT(call_int(&k, "first_square_above", WORDS(10000000)), -1);
        CHECK_INT(call_int(&k, "count_down", WORDS(10)), 107);
        CHECK_INT(call_int(&k, "count_down", WORDS(9)), 963);
        CHECK_INT(call_int(&k, "edges", WORDS(INT64_MAX)), 3);
        CHECK_INT(call_int(&k, "lazy", WORDS(7, 0)), 1);
        CHECK_INT(call_int(&k, "lazy", WORDS(6, 0)), 0);
        CHECK_INT(call_int(&k, "lazy", WORDS(6, 2)), 1);
        CHECK_INT(call_int(&k, "choose", WORDS((uint64_t)-41)), 42);
        CHECK_REAL(word_real(k.results[1]), 2.5);
        kernels_close(&k);
    }
}

static void recursion_ends(void)
{
    for (unsigned optimize = 0; optimize <= 2; optimize++) {
        struct kernels k;
        kernels_open(
            &k,
            "task fib(n: int) -> int { return if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }\n"
            "task deep(n: int) -> int { return if n == 0 { 0 } else { 1 + deep(n - 1) } }\n",
            optimize);
        CHECK_INT(call_int(&k, "fib", WORDS(20)), 6765);
        CHECK_INT(call_int(&k, "deep", WORDS(9999)), 9999);
        CHECK_FAILS(&k, "deep", WORDS(10000), ERR_recursion_too_deep, 2, 6,
                    "deep: calls are nested more than 10000 deep");
        kernels_close(&k);
    }
}

static void failures_name_place_and_values(void)
{
    for (unsigned optimize = 0; optimize <= 2; optimize++) {
        struct kernels k;
        kernels_open(&k,
                     "task divide(a: int, b: int) -> int {\n"
                     "    return a / b\n"
                     "}\n"
                     "task steps(s: int) -> int {\n"
                     "    var n = 0\n"
                     "    for i in range(0, 10, s) { n += 1 }\n"
                     "    return n\n"
                     "}\n"
                     "task refuse(n: int, x: f64, u: u8, ok: bool) -> int {\n"
                     "    if n > 3 { fail(\"n is {\" + str(n) + \"}, \" + str(x) + \" \" + str(u) "
                     "+ str(ok)) }\n"
                     "    return n\n"
                     "}\n"
                     "task outer(b: int) -> int { return divide(1, b) + 1 }\n",
                     optimize);
        CHECK_INT(call_int(&k, "divide", WORDS(7, 2)), 3);
        CHECK_FAILS(&k, "divide", WORDS(7, 0), ERR_division_by_zero, 2, 12,
                    "division by zero: 7 / 0");
        CHECK_FAILS(&k, "outer", WORDS(0), ERR_division_by_zero, 2, 12, "division by zero: 1 / 0");
        CHECK_INT(call_int(&k, "outer", WORDS(1)), 2);
        CHECK_INT(call_int(&k, "steps", WORDS(3)), 4);
        CHECK_FAILS(&k, "steps", WORDS(0), ERR_zero_step, 6, 27, "a range from 0 to 10 has step 0");
        CHECK_FAILS(&k, "refuse", WORDS(4, real_word(0.5), 200, 1), ERR_task_failed, 10, 16,
                    "n is {4}, 0.5 200true");
        kernels_close(&k);
    }
}

/* The first ten indexes of a range, hashed; by 128-bit arithmetic. */
static int64_t expected_turns(int64_t low, int64_t high, int64_t step)
{
    __extension__ typedef __int128 wide;
    uint64_t hash = 0;
    int turns = 0;
    for (wide i = low; (step > 0 ? i < high : i > high) && turns < 10; i += step, turns++)
        hash = 31 * hash + (uint64_t)i + 1;
    return (int64_t)hash;
}

static void ranges_end_at_the_ends_of_integers(void)
{
    static const int64_t ends[] = {INT64_MIN, INT64_MIN + 1, -4, 0, 7, INT64_MAX - 1, INT64_MAX};
    static const int64_t steps[] = {INT64_MIN, INT64_MIN + 1, -3,       -1, 1,
                                    2,         INT64_MAX - 1, INT64_MAX};
    for (unsigned optimize = 0; optimize <= 2; optimize++) {
        struct kernels k;
        kernels_open(&k,
                     "task turns(low: int, high: int, step: int) -> int {\n"
                     "    var hash = 0\n"
                     "    var n = 0\n"
                     "    for i in range(low, high, step) {\n"
                     "        hash = 31 * hash + i + 1\n"
                     "        n += 1\n"
                     "        if n == 10 { break }\n"
                     "    }\n"
                     "    return hash\n"
                     "}\n"
                     "task up(low: int, high: int) -> int {\n"
                     "    var hash = 0\n"
                     "    var n = 0\n"
                     "    for i in low..high {\n"
                     "        hash = 31 * hash + i + 1\n"
                     "        n += 1\n"
                     "        if n == 10 { return hash }\n"
                     "    }\n"
                     "    return hash\n"
                     "}\n",
                     optimize);
        for (int l = 0; l < 7; l++) {
            for (int h = 0; h < 7; h++) {
                uint64_t words[] = {(uint64_t)ends[l], (uint64_t)ends[h], 0};
                CHECK_INT(call_int(&k, "up", words), expected_turns(ends[l], ends[h], 1));
                for (int s = 0; s < 8; s++) {
                    words[2] = (uint64_t)steps[s];
                    CHECK_INT(call_int(&k, "turns", words),
                              expected_turns(ends[l], ends[h], steps[s]));
                }
            }
        }
        kernels_close(&k);
    }
}

/* What a loop over a range adds up of an array; false where it meets an index outside. */
static bool expected_sum(const int64_t *items, int64_t count, int64_t low, int64_t high,
                         int64_t step, int64_t *sum)
{
    *sum = 0;
    for (int64_t i = low; step > 0 ? i < high : i > high; i += step) {
        if (i < 0 || i >= count)
            return false;
        *sum += items[i];
    }
    return true;
}

static void check_sum(struct kernels *k, const char *task, const uint64_t *words, int64_t high,
                      int64_t step)
{
    const int64_t *items = (const int64_t *)(uintptr_t)words[0];
    int64_t sum;
    if (expected_sum(items, (int64_t)words[1], (int64_t)words[2], high, step, &sum))
        CHECK_INT(call_int(k, task, words), sum);
    else
        CHECK_INT(kernels_call(k, task, words), ERR_index_out_of_bounds);
}

/* Where a loop's ends are those of the array, checks of bounds may go; no others. */
static void indexes_of_stepped_loops_are_checked(void)
{
    static const int64_t items[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    static const int64_t steps[] = {-8, -3, -2, -1, 1, 2, 3, 8};
    for (unsigned optimize = 0; optimize <= 2; optimize++) {
        struct kernels k;
        kernels_open(&k,
                     "task any(a: int[n], low: int, step: int, high: int) -> int {\n"
                     "    var sum = 0\n"
                     "    for i in range(low, high, step) { sum += a[i] }\n"
                     "    return sum\n"
                     "}\n"
                     "task up(a: int[n], low: int, step: int) -> int {\n"
                     "    var sum = 0\n"
                     "    if step > 0 { for i in range(low, n, step) { sum += a[i] } }\n"
                     "    return sum\n"
                     "}\n"
                     "task down(a: int[n], low: int, step: int) -> int {\n"
                     "    var sum = 0\n"
                     "    if step < 0 { for i in range(low, -1, step) { sum += a[i] } }\n"
                     "    return sum\n"
                     "}\n",
                     optimize);
        for (int s = 0; s < 8; s++) {
            for (int64_t low = -9; low <= 9; low++) {
                uint64_t words[] = {address_word(items), 7, (uint64_t)low, (uint64_t)steps[s], 0};
                check_sum(&k, steps[s] > 0 ? "up" : "down", words, steps[s] > 0 ? 7 : -1, steps[s]);
                for (int64_t high = -9; high <= 9; high++) {
                    words[4] = (uint64_t)high;
                    check_sum(&k, "any", words, high, steps[s]);
                }
            }
        }
        kernels_close(&k);
    }
}

static void stop_ends_loops(void)
{
    struct kernels k;
    kernels_open(&k,
                 "task forever(n: int) -> int {\n"
                 "    var i = n\n"
                 "    while true { i += 1 }\n"
                 "    return i\n"
                 "}\n"
                 "task cheap(n: int) -> int {\n"
                 "    let a = [u8(i & 127) for i in 0..n]\n"
                 "    return int(a[n - 1])\n"
                 "}\n"
                 "task gone_over(n: int) -> u8 {\n"
                 "    let a: u8[n] = zeros(n)\n"
                 "    let b = [x + 1 for x in a]\n"
                 "    return b[n - 1]\n"
                 "}\n",
                 2);
    k.stop = 1;
    CHECK_INT(kernels_call(&k, "forever", WORDS(0)), ERR_interrupted);
    /* Whole strips of elements that index nothing. */
    CHECK_INT(kernels_call(&k, "cheap", WORDS(65536)), 0);
    CHECK_INT(kernels_call(&k, "cheap", WORDS(65537)), ERR_interrupted);
    CHECK_INT(kernels_call(&k, "gone_over", WORDS(65537)), ERR_interrupted);
    kernels_close(&k);
}

TEST_MAIN(TEST(harmonic), TEST(control), TEST(recursion_ends), TEST(failures_name_place_and_values),
          TEST(ranges_end_at_the_ends_of_integers), TEST(indexes_of_stepped_loops_are_checked),
          TEST(stop_ends_loops))
