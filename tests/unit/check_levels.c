/*
 * Levels of flows (L8): the laws of the lattice, and what reaches the result of main.
 */
#include "check/levels.h"
#include "check_program.h"

/* ---- The lattice
 * ---------------------------------------------------------------------------------------- */

struct lattice {
    struct arena arena;
    struct type_table types;
    struct checker checker;
    struct leveler leveler;
    const struct level *levels[64];
    int count;
};

static void lattice_init(struct lattice *t)
{
    *t = (struct lattice){0};
    arena_init(&t->arena);
    type_table_init(&t->types, &t->arena);
    t->checker.arena = &t->arena;
    t->leveler.c = &t->checker;
}

static void lattice_release(struct lattice *t)
{
    free(t->leveler.levels.slots);
    type_table_release(&t->types);
    arena_release(&t->arena);
}

/* The levels of (f64[_, _][_], f64): eight of the array, two of the scalar. */
static void make_levels(struct lattice *t)
{
    struct leveler *l = &t->leveler;
    const struct level *arrays[8] = {
        &level_known,
        level_structure(l, level_structure(l, &level_pending_scalar)),
        level_structure(l, level_pending_array(l, 3)),
        level_structure(l, level_pending_array(l, 1)),
        level_structure(l, level_pending_array(l, 2)),
        level_structure(l, level_pending_array(l, 0)),
        level_pending_array(l, 1),
        level_pending_array(l, 0),
    };
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 2; k++) {
            const struct level *parts[] = {arrays[i], k ? &level_pending_scalar : &level_known};
            t->levels[t->count++] = level_tuple(l, parts, 2);
        }
    t->levels[t->count++] = NULL;
}

static void joins_obey_the_laws(void)
{
    struct lattice t;
    lattice_init(&t);
    make_levels(&t);
    struct leveler *l = &t.leveler;
    for (int i = 0; i < t.count; i++) {
        const struct level *a = t.levels[i];
        CHECK(level_join(l, a, a) == a);
        CHECK(level_join(l, NULL, a) == a);
        for (int j = 0; j < t.count; j++) {
            const struct level *b = t.levels[j], *ab = level_join(l, a, b);
            CHECK(ab == level_join(l, b, a));
            CHECK(level_join(l, a, ab) == ab);
            for (int k = 0; k < t.count; k++)
                CHECK(level_join(l, ab, t.levels[k]) ==
                      level_join(l, a, level_join(l, b, t.levels[k])));
        }
    }
    lattice_release(&t);
}

/* ---- Programs
 * -------------------------------------------------------------------------------------------------
 */

#define TASKS                                                                                      \
    "task work(i: int) -> f64 { return f64(i) }\n"                                                 \
    "task vector(i: int, n: int) -> f64[n] { return zeros(n) }\n"                                  \
    "task matrix(a: f64[m, _], n: int) -> f64[m + 1, n] { return zeros(m + 1, n) }\n"              \
    "task loose(i: int) -> f64[_] { return zeros(i) }\n"                                           \
    "task size(i: int) -> int { return i }\n"                                                      \
    "task twice(x: f64[n]) -> f64[n] { return x * 2.0 }\n"                                         \
    "task plus(a: f64[n], b: f64[n]) -> f64[n] { return a + b }\n"                                 \
    "task longer(a: f64[n], b: f64[m]) -> f64[n + m] { return concat(a, b) }\n"

struct level_case {
    const char *body, *level; /* the result of: flow main(n: int, a: f64[p, q]) -> T { body } */
    const char *type;
};

static const struct level_case programs[] = {
    {"return n * 2", "known", "int"},
    {"return work(n)", "pending", "f64"},
    {"return p + q", "known", "int"},
    {"return int(a[0, 0])", "pending", "int"},
    {"return a", "pending[0,1]", "f64[_, _]"},
    {"return a[0, :]", "pending[0]", "f64[_]"},
    {"return a[0..n, 1]", "pending[0]", "f64[_]"},
    {"return a[0..size(n), 0..2]", "pending[1]", "f64[_, _]"},
    {"return a[size(n).., 0..2]", "pending[1]", "f64[_, _]"},
    {"return transpose(a[0..size(n), 0..2])", "pending[0]", "f64[_, _]"},
    {"return vector(1, n)", "pending[0]", "f64[_]"},
    {"return vector(1, size(n))", "pending", "f64[_]"},
    {"return twice(vector(1, n))", "pending[0]", "f64[_]"},
    {"return twice(loose(n))", "pending", "f64[_]"},
    {"return matrix(a, n)", "pending[0,1]", "f64[_, _]"},
    {"return matrix(a, size(n))", "pending[0]", "f64[_, _]"},
    {"return loose(n) + vector(1, n)", "pending[0]", "f64[_]"},
    {"return len(loose(n))", "pending", "int"},
    {"return len(vector(1, n))", "known", "int"},
    {"return a @ transpose(a)", "pending[0,1]", "f64[_, _]"},
    {"return [1.0, 2.0] * 2.0", "known", "f64[_]"},
    {"return [1.0, 2.0] * work(1)", "{pending}", "f64[_]"},
    {"return [work(i) for i in 0..n]", "{pending}", "f64[_]"},
    {"return [i for i in 0..n]", "known", "int[_]"},
    {"return [vector(i, n) for i in 0..n]", "{pending[0]}", "f64[_][_]"},
    {"return concat([vector(i, n) for i in 0..n])", "pending[0]", "f64[_]"},
    {"return concat([loose(i) for i in 0..n])", "pending", "f64[_]"},
    {"return [[work(j) for j in 0..i] for i in 0..n]", "{{pending}}", "f64[_][_]"},
    {"return flatten([[work(j) for j in 0..i] for i in 0..n])", "{pending}", "f64[_]"},
    {"return tiles(a, n, n)", "{pending[0,1]}", "f64[_, _][_, _]"},
    {"return untile(tiles(a, n, n))", "pending[0,1]", "f64[_, _]"},
    {"return [row * 2.0 for row in a]", "{pending[0]}", "f64[_][_]"},
    {"var s = zeros(n)\n s[0] = work(1)\n return s", "{pending}", "f64[_]"},
    {"var s = zeros(n)\n s[0..2] = vector(1, 2)\n return s", "{pending}", "f64[_]"},
    {"var s = zeros(n)\n for i in 0..n { s = twice(s) }\n return s", "pending[0]", "f64[_]"},
    {"var s = vector(1, n)\n for i in 0..n { s = loose(i) }\n return s", "pending", "f64[_]"},
    {"return reduce(add, [1, 2, 3])", "known", "int"},
    {"return reduce(add, [work(i) for i in 0..n])", "pending", "f64"},
    {"return reduce(plus, [vector(i, n) for i in 0..n])", "pending[0]", "f64[_]"},
    {"return reduce(longer, [vector(i, n) for i in 0..n])", "pending[0]", "f64[_]"},
    {"return reduce(add, [vector(i, n) for i in 0..n], init: loose(1))", "pending", "f64[_]"},
    {"return (n, work(n), [1, n])", "(known, pending, known)", "(int, f64, int[_])"},
    {"return sum([1, 2])", "pending", "int"},
    {"return append([1.0], work(2))", "{pending}", "f64[_]"},
    {"return concat([1.0], vector(1, n))", "pending[0]", "f64[_]"},
    {"return fill(work(1), n)", "{pending}", "f64[_]"},
    {"return zeros(size(n), 2)", "pending[1]", "f64[_, _]"},
    {"return range(0, n, 1)", "known", "int[_]"},
    {"return range(0, size(n), 1)", "pending", "int[_]"},
    {"return (1, n) == (1, 2)", "known", "bool"},
    {"return [1, n] == [1, 2]", "pending", "bool"},
    {"return n > 3 && work(1) > 2.0", "pending", "bool"},
    {"return if n > 3 { work(1) } else { 2.0 }", "pending", "f64"},
};

static void check_case(const struct level_case *test)
{
    struct buffer text = {0}, level = {0};
    struct checked c;
    buffer_printf(&text, TASKS "flow main(n: int, a: f64[p, q]) -> %s {\n %s\n}\n", test->type,
                  test->body);
    checked_init(&c, buffer_text(&text), true);
    if (c.program)
        level_print(c.program->entry->result_level, &level);
    else
        diagnostics_render(&c.diagnostics, DIAGNOSTIC_PLAIN, &level);
    CHECK_TEXT(buffer_text(&level), test->level);
    checked_release(&c);
    buffer_release(&text);
    buffer_release(&level);
}

static void results_have_their_levels(void)
{
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        check_case(&programs[i]);
}

static void recursion_of_flows_reaches_a_fixpoint(void)
{
    struct checked c;
    checked_init(
        &c,
        "task work(i: int) -> int { return i }\n"
        "flow even(n: int, x: int) -> int { if n == 0 { return x }\n return odd(n - 1, x) }\n"
        "flow odd(n: int, x: int) -> int { if n == 0 { return 0 }\n return even(n - 1, x) }\n"
        "flow ends(n: int) -> int { if n == 0 { return work(1) }\n return ends(n - 1) }\n"
        "flow never(n: int) -> int { return never(n + 1) }\n"
        "flow main(n: int) -> (int, int, int, int) {\n"
        "    return (even(n, 1), even(n, work(1)), ends(n), never(n))\n"
        "}\n",
        true);
    struct buffer level = {0};
    CHECK(c.program != NULL);
    if (c.program)
        level_print(c.program->entry->result_level, &level);
    CHECK_TEXT(buffer_text(&level), "(known, pending, pending, known)");
    CHECK(checked_function(&c, "even.2") && checked_function(&c, "odd.2"));
    CHECK(!checked_function(&c, "even.3"));
    buffer_release(&level);
    checked_release(&c);
}

/* Callees are analysed after their callers asked for them, so results go up step by step. */
static void results_rise_through_callers(void)
{
    struct checked c;
    checked_init(&c,
                 "task work(i: int) -> int { return i }\n"
                 "flow first(n: int) -> int { return second(n) }\n"
                 "flow second(n: int) -> int { let x = third(n)\n return x + 1 }\n"
                 "flow third(n: int) -> int { return work(n) }\n"
                 "flow main(n: int) -> int { let x = first(n)\n let y = x\n return y }\n",
                 true);
    CHECK(c.program != NULL);
    for (uint32_t i = 0; c.program && i < c.program->function_count; i++) {
        const struct typed_function *f = c.program->functions[i];
        CHECK(!f->is_flow || f->result_level == &level_pending_scalar);
        for (uint32_t k = 0; f->is_flow && k + 1 < f->body.count; k++)
            CHECK(f->body.statements[k]->variable->level == &level_pending_scalar);
    }
    checked_release(&c);
}

TEST_MAIN(TEST(joins_obey_the_laws), TEST(results_have_their_levels),
          TEST(recursion_of_flows_reaches_a_fixpoint), TEST(results_rise_through_callers))
