/* Values never alias, whatever is moved, viewed or copied behind the scenes; and what is not needed
 * any more is freed: loops run under a small memory limit. */
#include "kernel.h"

static const char aliasing[] =
    "task view(n: int) -> int[_] {\n"
    "    var a = [1, 2, n]\n"
    "    let v = a[0..2]\n"
    "    a = [9, 9, 9]\n"
    "    return v\n"
    "}\n"
    "task chain(n: int) -> int[_] {\n"
    "    var a = [1, 2, n]\n"
    "    let v = a[0..3]\n"
    "    let w = v[1..3]\n"
    "    a[1] = 7\n"
    "    return concat(w, a)\n"
    "}\n"
    "task inner(n: int) -> int {\n"
    "    var a = [1, 2, n]\n"
    "    var total = 0\n"
    "    for i in 0..4 {\n"
    "        let v = a[i % 2..]\n"
    "        a[1] = 10 * i\n"
    "        total = 100 * total + v[0]\n"
    "    }\n"
    "    return total\n"
    "}\n"
    "task over_itself(n: int) -> int[_] {\n"
    "    var a = [1, 2, n]\n"
    "    for x in a { a[0] = a[0] + 10 * x }\n"
    "    return a\n"
    "}\n"
    "task over_part(n: int) -> int[_] {\n"
    "    var a = [1, 2, n]\n"
    "    for x in a[0..2] { a[1] = a[1] + 10 * x }\n"
    "    var m = [[1, 2], [3, 4]]\n"
    "    for x in m[0] { m[0] = [x] }\n"
    "    var t = ([n, n], 1)\n"
    "    for x in t.0 { t.0[1] += x }\n"
    "    var grid = [10*i + j for i in 0..2, j in 0..2]\n"
    "    let flat = flatten(grid)\n"
    "    let turned = transpose(grid)\n"
    "    for x in flatten(grid) { grid[1, 1] = grid[1, 1] + x }\n"
    "    return concat(concat(a, m[0]), concat(t.0, concat(concat(flat, turned[1, :]), grid[1, "
    ":])))\n"
    "}\n"
    "task rows_over(n: int) -> int {\n"
    "    var m = [n + 10*i + j for i in 0..2, j in 0..2]\n"
    "    var total = 0\n"
    "    for r in m {\n"
    "        m[1, 0] = 1000\n"
    "        total += r[0]\n"
    "    }\n"
    "    return total\n"
    "}\n"
    "task nested(n: int) -> int[_] {\n"
    "    var rows = [[i + j for j in 0..i] for i in 0..n]\n"
    "    let r = rows[2]\n"
    "    let all = rows\n"
    "    rows[2] = [7, 8, 9]\n"
    "    rows[1] = rows[2]\n"
    "    let kept = rows\n"
    "    rows = [[5]]\n"
    "    return concat(concat(r, concat(kept)), concat(concat(all), rows[0]))\n"
    "}\n"
    "task tuples(a: int[_]) -> (int[_], int[_], int) {\n"
    "    var t = (a, a, 3)\n"
    "    let u = t\n"
    "    t.0[0] = 50\n"
    "    t.1 = t.0\n"
    "    t.1[1] += 1\n"
    "    t.2 += len(u.0)\n"
    "    return (t.0 + u.0, t.1, t.2)\n"
    "}\n"
    "task twice(a: int[_]) -> (int[_], int[_]) {\n"
    "    var b = a\n"
    "    b[0] += 1\n"
    "    return (b, b)\n"
    "}\n"
    "task moved(n: int) -> int[_] {\n"
    "    var a = [n, 1]\n"
    "    let b = [5, 6]\n"
    "    if n > 0 { a = b }\n"
    "    a[0] += 1\n"
    "    return a\n"
    "}\n"
    "task swapped(n: int) -> int[_] {\n"
    "    var a = [1, n]\n"
    "    var b = [2, n]\n"
    "    let t = a\n"
    "    a = b\n"
    "    b = t\n"
    "    a[1] = 8\n"
    "    b[1] = 9\n"
    "    return concat(a, b)\n"
    "}\n"
    "task chosen(a: int[_], first: bool) -> int[_] {\n"
    "    var b = [4, 5]\n"
    "    var c = if first { a } else { b }\n"
    "    c[0] = 77\n"
    "    return concat(concat(c, a), b)\n"
    "}\n"
    "task shifted(n: int) -> int[_] {\n"
    "    var a = [1, 2, 3, n]\n"
    "    a[1..4] += a[0..3]\n"
    "    a[0..2] = [a[1], a[0]]\n"
    "    return a\n"
    "}\n"
    "task copied(m: int[r, c]) -> int[_] {\n"
    "    var column = m[:, 0]\n"
    "    let view = m[:, 1]\n"
    "    column[0] = -1\n"
    "    return concat(column, view)\n"
    "}\n";

static const char growing[] = "task numbers(n: int) -> int[_] {\n"
                              "    var xs: int[_] = []\n"
                              "    for i in 0..n { xs = append(xs, i + len(xs)) }\n"
                              "    let ys = xs\n"
                              "    xs = append(xs, xs[0])\n"
                              "    xs[0] = -1\n"
                              "    return concat([len(xs), xs[n], ys[0]], ys)\n"
                              "}\n"
                              "task rows(n: int) -> int[_] {\n"
                              "    var all = [[7]]\n"
                              "    for i in 0..n {\n"
                              "        all = append(all, all[i])\n"
                              "        all[i] = [i, i]\n"
                              "    }\n"
                              "    return concat(all)\n"
                              "}\n";

static struct kernels k;

static void values_never_alias(void)
{
    int64_t a[] = {1, 2}, m[] = {1, 2, 3, 4};
    for (unsigned optimize = 0; optimize <= 2; optimize++) {
        kernels_open(&k, aliasing, optimize);
        kernels_call(&k, "view", WORDS(3));
        CHECK_INTS(1, 2);
        kernels_call(&k, "chain", WORDS(3));
        CHECK_INTS(2, 3, 1, 7, 3);
        CHECK_INT(call_int(&k, "inner", WORDS(3)), 1000120);
        kernels_call(&k, "over_itself", WORDS(3));
        CHECK_INTS(61, 2, 3);
        kernels_call(&k, "over_part", WORDS(3));
        CHECK_INTS(1, 32, 3, 2, 3, 9, 0, 1, 10, 11, 1, 11, 10, 33);
        CHECK_INT(call_int(&k, "rows_over", WORDS(3)), 3 + 13);
        kernels_call(&k, "nested", WORDS(3));
        CHECK_INTS(2, 3, 7, 8, 9, 7, 8, 9, 1, 2, 3, 5);
        kernels_call(&k, "tuples", WORDS(address_word(a), 2));
        CHECK_INTS(51, 4);
        check_ints(&k, __LINE__, 2, (int64_t[]){50, 3}, 2);
        CHECK_INT(k.results[4], 5);
        kernels_call(&k, "twice", WORDS(address_word(a), 2));
        CHECK_INTS(2, 2);
        check_ints(&k, __LINE__, 2, (int64_t[]){2, 2}, 2);
        CHECK(k.results[0] != k.results[2]);
        kernels_call(&k, "moved", WORDS(1));
        CHECK_INTS(6, 6);
        kernels_call(&k, "moved", WORDS(0));
        CHECK_INTS(1, 1);
        kernels_call(&k, "swapped", WORDS(3));
        CHECK_INTS(2, 8, 1, 9);
        kernels_call(&k, "chosen", WORDS(address_word(a), 2, 1));
        CHECK_INTS(77, 2, 1, 2, 4, 5);
        kernels_call(&k, "chosen", WORDS(address_word(a), 2, 0));
        CHECK_INTS(77, 5, 1, 2, 4, 5);
        kernels_call(&k, "shifted", WORDS(4));
        CHECK_INTS(3, 1, 5, 7);
        kernels_call(&k, "copied", WORDS(address_word(m), 2, 2));
        CHECK_INTS(-1, 3, 2, 4);
        CHECK(a[0] == 1 && a[1] == 2 && m[0] == 1);
        kernels_close(&k);
    }
}

static void arrays_grow(void)
{
    enum { COUNT = 300000 };
    for (unsigned optimize = 0; optimize <= 2; optimize++) {
        kernels_open(&k, growing, optimize);
        kernels_call(&k, "numbers", WORDS(COUNT));
        const int64_t *found = result_data(&k, 0);
        CHECK_INT(k.results[1], COUNT + 3);
        CHECK(found[0] == COUNT + 1 && found[1] == 0 && found[2] == 0);
        for (int i = 0; i < COUNT; i++)
            CHECK_INT(found[i + 3], 2 * i);
        kernels_call(&k, "rows", WORDS(3));
        CHECK_INTS(0, 0, 1, 1, 2, 2, 7);
        kernels_close(&k);
    }
}

/* Arrays of 80 kB, a thousand turns, half a megabyte. */
static const char frugal[] =
    "task make(n: int, x: f64) -> f64[n] { return fill(x, n) }\n"
    "task add(a: f64[n], b: f64[n]) -> f64[n] { return a + b }\n"
    "task rebound(n: int, turns: int) -> f64 {\n"
    "    var a: f64[n] = zeros(n)\n"
    "    for i in 0..turns { a = a + f64(i) }\n"
    "    return a[0]\n"
    "}\n"
    "task temporaries(n: int, turns: int) -> f64 {\n"
    "    var s = 0.0\n"
    "    for i in 0..turns { s += add(add(make(n, 1.0), make(n, 2.0)), make(n, f64(i)))[0] }\n"
    "    return s\n"
    "}\n"
    "task locals(n: int, turns: int) -> f64 {\n"
    "    var s = 0.0\n"
    "    for i in 0..turns {\n"
    "        let a = make(n, 1.0)\n"
    "        if i % 3 == 0 { continue }\n"
    "        let b = add(a, a)[1..]\n"
    "        var j = 0\n"
    "        while true {\n"
    "            let c = b * 2.0\n"
    "            j += 1\n"
    "            if j == 2 { break }\n"
    "            s += c[0]\n"
    "        }\n"
    "    }\n"
    "    return s\n"
    "}\n"
    "task buffers(n: int, turns: int) -> f64 {\n"
    "    var current: f64[n] = zeros(n)\n"
    "    for i in 0..turns {\n"
    "        let next = [x + 1.0 for x in current]\n"
    "        current = next\n"
    "    }\n"
    "    return current[n - 1]\n"
    "}\n"
    "task tables(n: int, turns: int) -> int {\n"
    "    var s = 0\n"
    "    for i in 0..turns {\n"
    "        let rows = [[i + j for j in 0 .. n / 10] for k in 0..10]\n"
    "        var copy = rows\n"
    "        copy[0] = [1]\n"
    "        s += len(concat(copy)) + len(concat([r for r in rows if r[0] > 0]))\n"
    "    }\n"
    "    return s\n"
    "}\n"
    "task reduced(n: int, turns: int) -> f64 {\n"
    "    var s = 0.0\n"
    "    for i in 0..turns { s += reduce(add, [make(n / 8, f64(j)) for j in 0..8])[0] }\n"
    "    return s\n"
    "}\n"
    "task chosen(n: int, turns: int) -> f64 {\n"
    "    var s = 0.0\n"
    "    var t = (make(n, 1.0), make(n, 2.0))\n"
    "    for i in 0..turns {\n"
    "        let a = if i % 2 == 0 { t.0 } else { make(n, 3.0) }\n"
    "        t = (t.1, a)\n"
    "        s += a[0]\n"
    "    }\n"
    "    return s\n"
    "}\n"
    "task early(n: int, turns: int) -> f64 {\n"
    "    for i in 0..turns {\n"
    "        let a = make(n, f64(i))\n"
    "        for x in make(n, f64(i)) {\n"
    "            if x > f64(turns) - 2.0 { return x + a[0] }\n"
    "            if x > 1.0 { break }\n"
    "        }\n"
    "    }\n"
    "    return 0.0\n"
    "}\n"
    "task grown(n: int, turns: int) -> int {\n"
    "    var xs: int[_] = []\n"
    "    for i in 0..turns { xs = append(xs, i) }\n"
    "    return sum(xs)\n"
    "}\n";

static void loops_stay_small(void)
{
    for (unsigned optimize = 0; optimize <= 2; optimize++) {
        kernels_open_limited(&k, frugal, optimize, 768 << 10);
        const uint64_t words[] = {10000, 1000};
        CHECK_REAL(call_real(&k, "rebound", words), 499500);
        CHECK_REAL(call_real(&k, "temporaries", words), 3000 + 499500);
        CHECK_REAL(call_real(&k, "locals", words), 666 * 4);
        CHECK_REAL(call_real(&k, "buffers", words), 1000);
        CHECK_INT(call_int(&k, "tables", words), 1000 * 9001 + 999 * 10000 + 9000 - 9000);
        CHECK_REAL(call_real(&k, "reduced", words), 28000);
        CHECK_REAL(call_real(&k, "early", words), 2 * 999);
        CHECK_INT(call_int(&k, "grown", words), 499500);
        call_real(&k, "chosen", words);
        kernels_close(&k);
    }
}

static void the_limit_is_reported(void)
{
    kernels_open_limited(&k, frugal, 2, 768 << 10);
    CHECK_INT(kernels_call(&k, "make", WORDS(1000000, 0)), ERR_memory_limit);
    CHECK_FAILS(&k, "make", WORDS((uint64_t)INT64_MAX, 0), ERR_array_too_large, 1, 46,
                "an array of 9223372036854775807 elements is too large");
    CHECK_FAILS(&k, "make", WORDS((uint64_t)-1, 0), ERR_negative_extent, 1, 54,
                "an array's extent is -1");
    kernels_close(&k);
}

TEST_MAIN(TEST(values_never_alias), TEST(arrays_grow), TEST(loops_stay_small),
          TEST(the_limit_is_reported))
