/*
 * spec/dag.md: D19, D20, D21.
 * Formulas: their text reads back, values are those of the arithmetic, simplification changes none.
 */
#include "graph/formula.h"

#include <math.h>

#include "test.h"

static bool word_of(const void *context, uint32_t leaf, int64_t *word)
{
    *word = leaf < 4 ? ((const int64_t *)context)[leaf] : 0;
    return leaf < 4;
}

static bool extent_of(const void *context, uint32_t leaf, uint32_t dimension, int64_t *extent)
{
    *extent = leaf < 4 ? ((const int64_t *)context)[leaf] + dimension : 0;
    return leaf < 4;
}

static const int64_t values[4] = {3, 10, -2, 1000000};

static double evaluate(const char *text)
{
    const struct formula_arguments arguments = {word_of, extent_of, values};
    struct arena arena;
    arena_init(&arena);
    const struct formula *formula = formula_parse(&arena, text);
    CHECK_TEXT(formula ? "" : text, "");
    double value = formula ? formula_evaluate(formula, &arguments) : -1;
    arena_release(&arena);
    return value;
}

static void values_are_those_of_arithmetic(void)
{
    CHECK(evaluate("(+ 20 (* 0.5 (* w1 w0)))") == 35);
    CHECK(evaluate("(- (/ w1 4) x0.2)") == -2.5);
    CHECK(evaluate("(max (min w0 w1) ?2)") == 3);
    CHECK(evaluate("(/ w1 (+ 2 w2))") == 0);
    CHECK(evaluate("(* (* w3 w3) (* w3 w3))") == FORMULA_MOST);
    CHECK(evaluate("(- 0 (* (* w3 w3) (* w3 w3)))") == -FORMULA_MOST);
    CHECK(evaluate("w4") == FORMULA_UNKNOWN);
    CHECK(evaluate("-1e30") == -FORMULA_MOST);
}

static void reads_back(const char *text)
{
    struct arena arena;
    struct buffer out = {0};
    arena_init(&arena);
    const struct formula *formula = formula_parse(&arena, text);
    if (formula)
        formula_print(formula, &out);
    CHECK_TEXT(buffer_text(&out), text);
    buffer_release(&out);
    arena_release(&arena);
}

static void texts_read_back(void)
{
    reads_back("0");
    reads_back("?12.5");
    reads_back("(+ 20 (* 0.5 (* w1 x0.12)))");
    reads_back("(max (min (- w0 1e+09) (/ x3.0 2)) ?-1)");
}

static void refuses(const char *text)
{
    struct arena arena;
    arena_init(&arena);
    CHECK_TEXT(formula_parse(&arena, text) ? text : "", "");
    arena_release(&arena);
}

static void other_texts_are_refused(void)
{
    static const char *const texts[] = {"",       "(",        "(+ 1)",    "(+ 1 2",    "(+ 1 2))",
                                        "x1",     "x1.",      "w",        "wx",        "?",
                                        "nan",    "inf",      "(% 1 2)",  "1 ",        " 1",
                                        "(+1 2)", "(+ 1  2)", "w1234567", "(maxi 1 2)"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refuses(texts[i]);
}

/* Nested deeper than evaluation may recurse, or with more terms than it may cost. */
static void long_formulas_are_refused(void)
{
    struct buffer deep = {0};
    for (int i = 0; i <= FORMULA_MOST_DEPTH; i++)
        buffer_puts(&deep, "(+ w0 ");
    buffer_puts(&deep, "w0");
    for (int i = 0; i <= FORMULA_MOST_DEPTH; i++)
        buffer_puts(&deep, ")");
    refuses(buffer_text(&deep));
    buffer_release(&deep);
}

/* A sum that doubles in each step would have 2^60 terms. */
static void what_grows_too_long_is_a_guess(void)
{
    struct arena arena;
    arena_init(&arena);
    const struct formula *formula = formula_word(&arena, 0);
    for (uint32_t i = 0; i < 60; i++)
        formula = formula_join(
            &arena, i % 2 ? FORMULA_MOST_OF : FORMULA_LEAST,
            formula_join(&arena, FORMULA_DIVIDE, formula, formula_word(&arena, i % 4)),
            formula_join(&arena, FORMULA_DIVIDE, formula_word(&arena, i % 3), formula));
    CHECK(formula_is_guess(formula));
    CHECK(formula->terms <= FORMULA_MOST_TERMS);
    arena_release(&arena);
}

static uint64_t state = 7;
static uint32_t below(uint32_t bound)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % bound;
}

static const struct formula *random_leaf(struct arena *arena)
{
    switch (below(4)) {
    case 0:
        return formula_number(arena, below(5));
    case 1:
        return formula_guess(arena, below(3));
    case 2:
        return formula_word(arena, below(4));
    default:
        return formula_extent(arena, below(2), below(2));
    }
}

/* What formula_join makes of two formulas has the value that the operation gives: simplification
 * may only round otherwise. */
static void simplification_keeps_values(void)
{
    const struct formula_arguments arguments = {word_of, extent_of, values};
    struct arena arena;
    arena_init(&arena);
    for (int n = 0; n < 20000; n++) {
        const struct formula *made[8];
        for (int i = 0; i < 8; i++) {
            enum formula_kind kind =
                (enum formula_kind)(FORMULA_ADD + below(FORMULA_MOST_OF - FORMULA_ADD + 1));
            const struct formula *left = i < 2 ? random_leaf(&arena) : made[below((uint32_t)i)];
            const struct formula *right = i < 2 ? random_leaf(&arena) : made[below((uint32_t)i)];
            struct formula plain = {.kind = kind, .left = left, .right = right};
            made[i] = formula_join(&arena, kind, left, right);
            double expected = formula_evaluate(&plain, &arguments);
            double found = formula_evaluate(made[i], &arguments);
            double scale = fabs(formula_evaluate(left, &arguments)) +
                           fabs(formula_evaluate(right, &arguments)) + fabs(expected);
            bool is_close = fabs(found - expected) <= 1e-9 * scale || scale > 1e15;
            CHECK(is_close);
            if (!is_close)
                return;
        }
    }
    arena_release(&arena);
}

static const struct formula *twice(void *context, const struct formula *leaf)
{
    struct arena *arena = context;
    return leaf->leaf == 3 ? NULL : formula_number(arena, 2.0 * leaf->leaf);
}

static void substitution_replaces_leaves(void)
{
    struct arena arena;
    arena_init(&arena);
    const struct formula *formula = formula_parse(&arena, "(+ w1 (* x2.0 w1))");
    const struct formula *known = formula_substitute(&arena, formula, twice, &arena);
    CHECK(formula_is_constant(known) && !formula_is_guess(known));
    CHECK(formula_evaluate(known, NULL) == 10);
    formula = formula_substitute(&arena, formula_parse(&arena, "w3"), twice, &arena);
    CHECK(formula_is_guess(formula));
    arena_release(&arena);
}

TEST_MAIN(TEST(values_are_those_of_arithmetic), TEST(texts_read_back),
          TEST(other_texts_are_refused), TEST(long_formulas_are_refused),
          TEST(what_grows_too_long_is_a_guess), TEST(simplification_keeps_values),
          TEST(substitution_replaces_leaves))
