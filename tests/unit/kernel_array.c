/* Arrays in kernels: whole-array arithmetic, slices, comprehensions, assignment, the prelude.
 * Expected values are closed forms or computed by plain C here. */
#include "kernel.h"

static const char program[] =
    "task axpy(a: f64, x: f64[n], y: f64[n]) -> f64[n] { return a*x + y }\n"
    "task dot(x: f64[n], y: f64[n]) -> f64 { return sum(x * y) }\n"
    "task squares(n: int) -> int[n] { return [i*i for i in 0..n] }\n"
    "task grid(n: int, m: int) -> int[n, m] { return [10*i + j for i in 0..n, j in 0..m] }\n"
    "task odd(xs: int[_]) -> int[_] { return [x for x in xs if x % 2 != 0] }\n"
    "task fifth(x: int) -> int { return squares(10)[x] }\n"
    "task middle(m: f64[r, c]) -> f64[_, _] { return m[1..r - 1, 1..c - 1] }\n"
    "task column(m: f64[r, c], j: int) -> f64[r] { return m[:, j] }\n"
    "task row(m: f64[r, c], i: int) -> f64[c] { return m[i, :] }\n"
    "task sieve(n: int) -> int {\n"
    "    var composite: bool[n] = fill(false, n)\n"
    "    var count = 0\n"
    "    for i in 2..n {\n"
    "        if !composite[i] {\n"
    "            count += 1\n"
    "            for j in range(i*i, n, i) { composite[j] = true }\n"
    "        }\n"
    "    }\n"
    "    return count\n"
    "}\n"
    "task shifted(xs: int[n]) -> int[n] {\n"
    "    var a = xs\n"
    "    a[1..n] = a[0..n - 1]\n"
    "    a[0] = -1\n"
    "    let b = a\n"
    "    a[0..2] = [100, 200]\n"
    "    a[1] += b[0]\n"
    "    return a + b\n"
    "}\n"
    "task swap(n: int) -> int[n] {\n"
    "    var a: int[n] = fill(1, n)\n"
    "    var b: int[n] = fill(2, n)\n"
    "    for i in 0..3 {\n"
    "        let t = a\n"
    "        a = b\n"
    "        b = t\n"
    "        a[0] += i\n"
    "    }\n"
    "    return a + 10 * b\n"
    "}\n"
    "task rebind(n: int, turns: int) -> f64 {\n"
    "    var a: f64[n] = zeros(n)\n"
    "    for i in 0..turns { a = a + 1.0 }\n"
    "    return a[n - 1]\n"
    "}\n"
    "task ragged(n: int) -> int {\n"
    "    let rows = [[i*j for j in 0..i] for i in 0..n]\n"
    "    var total = 0\n"
    "    for r in rows { total += sum(r) + len(r) }\n"
    "    return total\n"
    "}\n"
    "task all_rows(n: int) -> int[_] { return concat([[i*j for j in 0..i] for i in 0..n]) }\n"
    "task rows_sum(m: int[r, c]) -> int[r] { return [sum(v) for v in m] }\n"
    "task turn(m: f64[r, c]) -> f64[c, r] { return transpose(m) }\n"
    "task join(a: int[_], b: int[_], x: int) -> int[_] { return append(concat(a, b), x) }\n"
    "task extremes(xs: f64[_]) -> (f64, f64) { return (min(xs), max(xs)) }\n"
    "task multiply(a: f64[m, k], b: f64[k, n]) -> f64[m, n] { return a @ b }\n"
    "task multiply_int(a: int[m, k], b: int[k, n]) -> int[m, n] { return a @ b }\n"
    "task apply(a: f64[m, k], v: f64[k]) -> f64[m] { return a @ v }\n"
    "task same(a: int[_], b: int[_]) -> bool { return a == b }\n"
    "task tiled(a: int[n, m], p: int, q: int) -> int[n, m] { return untile(tiles(a, p, q)) }\n"
    "task split(xs: int[n]) -> (head: int[_], tail: int[_]) {\n"
    "    let h = xs[0 .. n / 2]\n"
    "    return (h, xs[n / 2 ..])\n"
    "}\n"
    "task pick(a: int[n], b: int[n], first: bool) -> int[n] {\n"
    "    let chosen = if first { a } else { b + 1 }\n"
    "    return chosen\n"
    "}\n"
    "task widen(xs: i32[n]) -> f64[n] { return [f64(x) / 2.0 for x in xs] }\n"
    "task flat(m: int[r, c]) -> int[_] { return flatten(m) }\n"
    "task steps(lo: int, hi: int, by: int) -> int[_] { return range(lo, hi, by) }\n"
    "task update(m: f64[r, c]) -> f64[r, c] {\n"
    "    var a = m\n"
    "    a[:, 0] = fill(7.0, r)\n"
    "    a[0, :] *= 2.0\n"
    "    a += m\n"
    "    return a\n"
    "}\n";

static struct kernels k;

static void check_reals(int line, const double *expected, size_t count)
{
    const double *found = result_data(&k, 0);
    for (size_t i = 0; i < count; i++)
        test_real(__FILE__, line, "element", found[i], expected[i]);
}

#define CHECK_REALS(...)                                                                           \
    check_reals(__LINE__, (const double[]){__VA_ARGS__},                                           \
                sizeof((double[]){__VA_ARGS__}) / sizeof(double))

static int64_t i3[] = {1, 2, 3}, i5[] = {5, 4, 3, 2, 1}, i6[] = {1, 2, 3, 4, 5, 6};
static double r3[] = {1.5, -2.0, 4.0}, r12[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

static void elementwise(void)
{
    CHECK_INT(
        kernels_call(&k, "axpy", WORDS(real_word(2), address_word(r3), 3, address_word(r12), 3)),
        0);
    CHECK_REALS(3.0, -3.0, 10.0);
    CHECK_REAL(call_real(&k, "dot", WORDS(address_word(r3), 3, address_word(r12), 3)), 6.0);
    CHECK_INT(
        kernels_call(&k, "axpy", WORDS(real_word(2), address_word(r3), 0, address_word(r12), 0)),
        0);
    CHECK_INT(k.results[1], 0);
    CHECK_FAILS(&k, "axpy", WORDS(real_word(2), address_word(r3), 3, address_word(r12), 4),
                ERR_shape_mismatch, 1, 37,
                "the argument 'y' of 'axpy' has the extent 4 in dimension 0, expected n = 3");
}

static void comprehensions(void)
{
    CHECK_INT(call_int(&k, "fifth", WORDS(5)), 25);
    kernels_call(&k, "squares", WORDS(5));
    CHECK_INTS(0, 1, 4, 9, 16);
    kernels_call(&k, "squares", WORDS((uint64_t)-3));
    CHECK_INT(k.leaf_count, 0); /* extent 0 is not n = -3 */
    kernels_call(&k, "grid", WORDS(2, 3));
    CHECK_INT(k.results[2], 3);
    CHECK(memcmp(result_data(&k, 0), (int64_t[]){0, 1, 2, 10, 11, 12}, 48) == 0);
    kernels_call(&k, "odd", WORDS(address_word(i5), 5));
    CHECK_INTS(5, 3, 1);
    int64_t many[1000];
    for (int i = 0; i < 1000; i++)
        many[i] = i;
    kernels_call(&k, "odd", WORDS(address_word(many), 1000));
    CHECK_INT(k.results[1], 500);
    CHECK_INT(((const int64_t *)result_data(&k, 0))[499], 999);
    CHECK_INT(call_int(&k, "ragged", WORDS(5)), 0 + 0 + (2) + (3 * 3) + (4 * 6) + 10);
    kernels_call(&k, "all_rows", WORDS(4));
    CHECK_INTS(0, 0, 2, 0, 3, 6);
    kernels_call(&k, "rows_sum", WORDS(address_word(i6), 2, 3));
    CHECK_INTS(6, 15);
    kernels_call(&k, "widen", WORDS(address_word((int32_t[]){3, -5}), 2));
    CHECK_REALS(1.5, -2.5);
}

static void slices(void)
{
    kernels_call(&k, "middle", WORDS(address_word(r12), 3, 4));
    CHECK_INT(k.results[1], 1);
    CHECK_INT(k.results[2], 2);
    CHECK_REALS(5, 6);
    kernels_call(&k, "column", WORDS(address_word(r12), 3, 4, 2));
    CHECK_REALS(2, 6, 10);
    kernels_call(&k, "row", WORDS(address_word(r12), 3, 4, 2));
    CHECK_REALS(8, 9, 10, 11);
    CHECK_FAILS(&k, "row", WORDS(address_word(r12), 3, 4, 3), ERR_index_out_of_bounds, 9, 53,
                "index 3 is out of bounds: dimension 0 has extent 3");
    CHECK_FAILS(&k, "middle", WORDS(address_word(r12), 3, 0), ERR_slice_out_of_bounds, 7, 61,
                "slice 1..-1 is out of bounds: dimension 1 has extent 0");
    CHECK_FAILS(&k, "fifth", WORDS(10), ERR_index_out_of_bounds, 6, 48,
                "index 10 is out of bounds: dimension 0 has extent 10");
    CHECK_FAILS(&k, "fifth", WORDS((uint64_t)-1), ERR_index_out_of_bounds, 6, 48,
                "index -1 is out of bounds: dimension 0 has extent 10");
    kernels_call(&k, "split", WORDS(address_word(i5), 5));
    check_ints(&k, __LINE__, 0, i5, 2);
    check_ints(&k, __LINE__, 2, i5 + 2, 3);
    kernels_call(&k, "pick", WORDS(address_word(i5), 3, address_word(i3), 3, 1));
    CHECK_INTS(5, 4, 3);
    kernels_call(&k, "pick", WORDS(address_word(i5), 3, address_word(i3), 3, 0));
    CHECK_INTS(2, 3, 4);
}

static void assignments(void)
{
    CHECK_INT(call_int(&k, "sieve", WORDS(1000)), 168);
    kernels_call(&k, "shifted", WORDS(address_word(i5), 5));
    CHECK_INTS(99, 204, 8, 6, 4);
    CHECK_INT(i5[0], 5);
    kernels_call(&k, "swap", WORDS(2));
    CHECK_INTS(2 + 2 + 10 * 2, 2 + 10 * 1);
    kernels_call(&k, "update", WORDS(address_word(r12), 3, 4));
    CHECK_REALS(14, 3, 6, 9, 11, 10, 12, 14, 15, 18, 20, 22);
    CHECK_REAL(call_real(&k, "rebind", WORDS(131072, 200)), 200.0);
    CHECK(k.account.peak < 16 << 20);
}

static void prelude(void)
{
    kernels_call(&k, "turn", WORDS(address_word(r12), 2, 3));
    CHECK_INT(k.results[1], 3);
    CHECK_REALS(0, 3, 1, 4, 2, 5);
    kernels_call(&k, "join", WORDS(address_word(i3), 3, address_word(i5), 2, 9));
    CHECK_INTS(1, 2, 3, 5, 4, 9);
    CHECK_REAL(call_real(&k, "extremes", WORDS(address_word(r3), 3)), -2.0);
    CHECK_REAL(word_real(k.results[1]), 4.0);
    CHECK_FAILS(&k, "extremes", WORDS(address_word(r3), 0), ERR_empty_reduction, 56, 51,
                "min of an empty array");
    CHECK_INT(call_int(&k, "same", WORDS(address_word(i3), 3, address_word(i6), 3)), 1);
    CHECK_INT(call_int(&k, "same", WORDS(address_word(i3), 3, address_word(i6), 4)), 0);
    CHECK_INT(call_int(&k, "same", WORDS(address_word(i3), 3, address_word(i5), 3)), 0);
    kernels_call(&k, "flat", WORDS(address_word(i6), 2, 3));
    CHECK_INTS(1, 2, 3, 4, 5, 6);
    kernels_call(&k, "steps", WORDS(5, 0, (uint64_t)-2));
    CHECK_INTS(5, 3, 1);
    for (uint64_t p = 1; p < 4; p++) {
        kernels_call(&k, "tiled", WORDS(address_word(i6), 2, 3, p, 4 - p));
        CHECK(memcmp(result_data(&k, 0), i6, sizeof i6) == 0);
    }
}

static void products(void)
{
    kernels_call(&k, "multiply", WORDS(address_word(r12), 2, 3, address_word(r12), 3, 2));
    CHECK_REALS(10, 13, 28, 40);
    kernels_call(&k, "multiply_int", WORDS(address_word(i6), 2, 3, address_word(i6), 3, 2));
    CHECK(memcmp(result_data(&k, 0), (int64_t[]){22, 28, 49, 64}, 32) == 0);
    kernels_call(&k, "apply", WORDS(address_word(r12), 2, 3, address_word(r3), 3));
    CHECK_REALS(6, 16.5);
    CHECK_FAILS(&k, "apply", WORDS(address_word(r12), 2, 3, address_word(r3), 2),
                ERR_shape_mismatch, 59, 33,
                "the argument 'v' of 'apply' has the extent 2 in dimension 0, expected k = 3");
}

AT_EVERY_LEVEL(elementwise)
AT_EVERY_LEVEL(comprehensions)
AT_EVERY_LEVEL(slices)
AT_EVERY_LEVEL(assignments)
AT_EVERY_LEVEL(prelude)
AT_EVERY_LEVEL(products)

TEST_MAIN(TEST(elementwise_at_every_level), TEST(comprehensions_at_every_level),
          TEST(slices_at_every_level), TEST(assignments_at_every_level),
          TEST(prelude_at_every_level), TEST(products_at_every_level))
