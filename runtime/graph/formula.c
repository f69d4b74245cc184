/* Formulas of costs; see formula.h. */
#include "graph/formula.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "value/type.h"

static const char *const operators[] = {
    [FORMULA_ADD] = "+",    [FORMULA_SUBTRACT] = "-", [FORMULA_MULTIPLY] = "*",
    [FORMULA_DIVIDE] = "/", [FORMULA_LEAST] = "min",  [FORMULA_MOST_OF] = "max"};
enum { OPERATOR_COUNT = sizeof operators / sizeof *operators };

/* ---- Making ------------------------------------------------------------------------------------
 */

static double cut(double value)
{
    if (!(value > -FORMULA_MOST))
        return isnan(value) ? 0 : -FORMULA_MOST;
    return value < FORMULA_MOST ? value : FORMULA_MOST;
}

static struct formula *new_formula(struct arena *arena, enum formula_kind kind)
{
    struct formula *formula = arena_new(arena, struct formula);
    formula->kind = kind;
    formula->terms = 1;
    return formula;
}

static void set_operands(struct formula *formula, const struct formula *left,
                         const struct formula *right)
{
    formula->left = left;
    formula->right = right;
    formula->terms = 1 + left->terms + right->terms;
    formula->depth = 1 + (left->depth > right->depth ? left->depth : right->depth);
}

const struct formula *formula_number(struct arena *arena, double number)
{
    struct formula *formula = new_formula(arena, FORMULA_NUMBER);
    formula->number = cut(number);
    return formula;
}

const struct formula *formula_guess(struct arena *arena, double number)
{
    struct formula *formula = new_formula(arena, FORMULA_GUESS);
    formula->number = cut(number);
    return formula;
}

const struct formula *formula_word(struct arena *arena, uint32_t leaf)
{
    struct formula *formula = new_formula(arena, FORMULA_WORD);
    formula->leaf = leaf;
    return formula;
}

const struct formula *formula_extent(struct arena *arena, uint32_t leaf, uint32_t dimension)
{
    struct formula *formula = new_formula(arena, FORMULA_EXTENT);
    formula->leaf = leaf;
    formula->dimension = dimension;
    return formula;
}

static double join_numbers(enum formula_kind kind, double left, double right)
{
    switch (kind) {
    case FORMULA_ADD:
        return cut(left + right);
    case FORMULA_SUBTRACT:
        return cut(left - right);
    case FORMULA_MULTIPLY:
        return cut(left * right);
    case FORMULA_DIVIDE:
        return right == 0 ? 0 : cut(left / right);
    case FORMULA_LEAST:
        return left < right ? left : right;
    case FORMULA_MOST_OF:
        return left > right ? left : right;
    case FORMULA_NUMBER:
    case FORMULA_GUESS:
    case FORMULA_WORD:
    case FORMULA_EXTENT:
        break;
    }
    return 0;
}

static bool is_number(const struct formula *formula)
{
    return formula->kind <= FORMULA_GUESS;
}

static bool is_exactly(const struct formula *formula, double number)
{
    return formula->kind == FORMULA_NUMBER && formula->number == number;
}

static bool is_equal(const struct formula *a, const struct formula *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind)
        return false;
    if (a->kind >= FORMULA_ADD)
        return is_equal(a->left, b->left) && is_equal(a->right, b->right);
    return a->number == b->number && a->leaf == b->leaf && a->dimension == b->dimension;
}

static const struct formula *join_plainly(struct arena *arena, enum formula_kind kind,
                                          const struct formula *left, const struct formula *right)
{
    struct formula *formula = new_formula(arena, kind);
    set_operands(formula, left, right);
    if (formula->terms > FORMULA_MOST_TERMS || formula->depth > FORMULA_MOST_DEPTH)
        return formula_guess(arena, formula_evaluate(formula, NULL));
    return formula;
}

/* Numbers stand on the left of sums and products, so that those of a chain meet. */
static const struct formula *join_with_number(struct arena *arena, enum formula_kind kind,
                                              const struct formula *number,
                                              const struct formula *other)
{
    if (kind == FORMULA_ADD && is_exactly(number, 0))
        return other;
    if (kind == FORMULA_MULTIPLY && is_exactly(number, 1))
        return other;
    if (kind == FORMULA_MULTIPLY && is_exactly(number, 0))
        return number;
    if (other->kind == kind && is_number(other->left))
        return join_with_number(arena, kind, formula_join(arena, kind, number, other->left),
                                other->right);
    return join_plainly(arena, kind, number, other);
}

/* What a product multiplies its number with; anything else is one times itself. */
static const struct formula *factor_of(const struct formula *formula, double *number)
{
    bool is_scaled = formula->kind == FORMULA_MULTIPLY && formula->left->kind == FORMULA_NUMBER;
    *number = is_scaled ? formula->left->number : 1;
    return is_scaled ? formula->right : formula;
}

/* a x + b x is (a + b) x; NULL: the two are no multiples of one. */
static const struct formula *add_multiples(struct arena *arena, const struct formula *left,
                                           const struct formula *right)
{
    double a, b;
    const struct formula *x = factor_of(left, &a), *y = factor_of(right, &b);
    return is_equal(x, y) ? formula_join(arena, FORMULA_MULTIPLY, formula_number(arena, a + b), x)
                          : NULL;
}

static const struct formula *add(struct arena *arena, const struct formula *left,
                                 const struct formula *right)
{
    const struct formula *sum = add_multiples(arena, left, right);
    if (sum)
        return sum;
    if (left->kind == FORMULA_ADD && is_number(left->left))
        return formula_join(arena, FORMULA_ADD, left->left,
                            formula_join(arena, FORMULA_ADD, left->right, right));
    if (right->kind == FORMULA_ADD && is_number(right->left))
        return formula_join(arena, FORMULA_ADD, right->left,
                            formula_join(arena, FORMULA_ADD, left, right->right));
    sum = left->kind == FORMULA_ADD ? add_multiples(arena, left->right, right) : NULL;
    return sum ? formula_join(arena, FORMULA_ADD, left->left, sum)
               : join_plainly(arena, FORMULA_ADD, left, right);
}

static const struct formula *multiply(struct arena *arena, const struct formula *left,
                                      const struct formula *right)
{
    if (left->kind == FORMULA_MULTIPLY && is_number(left->left))
        return formula_join(arena, FORMULA_MULTIPLY, left->left,
                            formula_join(arena, FORMULA_MULTIPLY, left->right, right));
    if (right->kind == FORMULA_MULTIPLY && is_number(right->left))
        return formula_join(arena, FORMULA_MULTIPLY, right->left,
                            formula_join(arena, FORMULA_MULTIPLY, left, right->right));
    return join_plainly(arena, FORMULA_MULTIPLY, left, right);
}

static const struct formula *fold(struct arena *arena, enum formula_kind kind,
                                  const struct formula *left, const struct formula *right)
{
    struct formula *folded = new_formula(
        arena, left->kind == FORMULA_GUESS || right->kind == FORMULA_GUESS ? FORMULA_GUESS
                                                                           : FORMULA_NUMBER);
    folded->number = join_numbers(kind, left->number, right->number);
    return folded;
}

const struct formula *formula_join(struct arena *arena, enum formula_kind kind,
                                   const struct formula *left, const struct formula *right)
{
    if (is_number(left) && is_number(right))
        return fold(arena, kind, left, right);
    if (kind == FORMULA_ADD || kind == FORMULA_MULTIPLY) {
        if (is_number(left))
            return join_with_number(arena, kind, left, right);
        if (is_number(right))
            return join_with_number(arena, kind, right, left);
        return kind == FORMULA_ADD ? add(arena, left, right) : multiply(arena, left, right);
    }
    if (kind == FORMULA_SUBTRACT && right->kind == FORMULA_NUMBER)
        return formula_join(arena, FORMULA_ADD, formula_number(arena, -right->number), left);
    if (kind == FORMULA_SUBTRACT && is_equal(left, right))
        return formula_number(arena, 0);
    if (kind == FORMULA_DIVIDE && is_exactly(right, 1))
        return left;
    if ((kind == FORMULA_LEAST || kind == FORMULA_MOST_OF) && is_equal(left, right))
        return left;
    return join_plainly(arena, kind, left, right);
}

const struct formula *
formula_substitute(struct arena *arena, const struct formula *formula,
                   const struct formula *(*replace)(void *context, const struct formula *leaf),
                   void *context)
{
    if (is_number(formula))
        return formula;
    if (formula->kind < FORMULA_ADD) {
        const struct formula *replaced = replace(context, formula);
        return replaced ? replaced : formula_guess(arena, FORMULA_UNKNOWN);
    }
    return formula_join(arena, formula->kind,
                        formula_substitute(arena, formula->left, replace, context),
                        formula_substitute(arena, formula->right, replace, context));
}

/* ---- Reading off -------------------------------------------------------------------------------
 */

bool formula_is_guess(const struct formula *formula)
{
    if (formula->kind >= FORMULA_ADD)
        return formula_is_guess(formula->left) || formula_is_guess(formula->right);
    return formula->kind == FORMULA_GUESS;
}

bool formula_is_constant(const struct formula *formula)
{
    if (formula->kind >= FORMULA_ADD)
        return formula_is_constant(formula->left) && formula_is_constant(formula->right);
    return is_number(formula);
}

double formula_evaluate(const struct formula *formula, const struct formula_arguments *arguments)
{
    int64_t value = FORMULA_UNKNOWN;
    if (is_number(formula))
        return formula->number;
    if (formula->kind >= FORMULA_ADD)
        return join_numbers(formula->kind, formula_evaluate(formula->left, arguments),
                            formula_evaluate(formula->right, arguments));
    if (!arguments)
        return FORMULA_UNKNOWN;
    bool is_known =
        formula->kind == FORMULA_WORD
            ? arguments->word(arguments->context, formula->leaf, &value)
            : arguments->extent(arguments->context, formula->leaf, formula->dimension, &value);
    return is_known ? cut((double)value) : FORMULA_UNKNOWN;
}

/* ---- Text --------------------------------------------------------------------------------------
 */

void formula_print(const struct formula *formula, struct buffer *out)
{
    switch (formula->kind) {
    case FORMULA_NUMBER:
        buffer_printf(out, "%.6g", formula->number);
        return;
    case FORMULA_GUESS:
        buffer_printf(out, "?%.6g", formula->number);
        return;
    case FORMULA_WORD:
        buffer_printf(out, "w%u", formula->leaf);
        return;
    case FORMULA_EXTENT:
        buffer_printf(out, "x%u.%u", formula->leaf, formula->dimension);
        return;
    case FORMULA_ADD:
    case FORMULA_SUBTRACT:
    case FORMULA_MULTIPLY:
    case FORMULA_DIVIDE:
    case FORMULA_LEAST:
    case FORMULA_MOST_OF:
        break;
    }
    buffer_printf(out, "(%s ", operators[formula->kind]);
    formula_print(formula->left, out);
    buffer_putc(out, ' ');
    formula_print(formula->right, out);
    buffer_putc(out, ')');
}

struct reader {
    struct arena *arena;
    const char *at;
    uint32_t terms;
};

static bool accept(struct reader *r, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(r->at, text, length) != 0)
        return false;
    r->at += length;
    return true;
}

static bool read_index(struct reader *r, uint32_t *index)
{
    uint32_t value = 0, digits = 0;
    for (; *r->at >= '0' && *r->at <= '9' && digits < 6; digits++)
        value = 10 * value + (uint32_t)(*r->at++ - '0');
    *index = value;
    return digits > 0;
}

static const struct formula *read_number(struct reader *r, enum formula_kind kind)
{
    char *end;
    struct formula *formula = new_formula(r->arena, kind);
    if (*r->at != '-' && (*r->at < '0' || *r->at > '9'))
        return NULL;
    formula->number = cut(strtod(r->at, &end));
    if (end == r->at)
        return NULL;
    r->at = end;
    return formula;
}

static const struct formula *read_formula(struct reader *r, uint32_t depth);

static const struct formula *read_joined(struct reader *r, uint32_t depth)
{
    for (int k = FORMULA_ADD; k < OPERATOR_COUNT; k++) {
        if (!accept(r, operators[k]))
            continue;
        const struct formula *left, *right;
        struct formula *formula = new_formula(r->arena, (enum formula_kind)k);
        if (!accept(r, " ") || !(left = read_formula(r, depth + 1)) || !accept(r, " ") ||
            !(right = read_formula(r, depth + 1)) || !accept(r, ")"))
            return NULL;
        set_operands(formula, left, right);
        return formula;
    }
    return NULL;
}

static const struct formula *read_formula(struct reader *r, uint32_t depth)
{
    uint32_t leaf, dimension;
    if (++r->terms > FORMULA_MOST_TERMS || depth > FORMULA_MOST_DEPTH)
        return NULL;
    if (accept(r, "("))
        return read_joined(r, depth);
    if (accept(r, "?"))
        return read_number(r, FORMULA_GUESS);
    if (accept(r, "w"))
        return read_index(r, &leaf) ? formula_word(r->arena, leaf) : NULL;
    if (accept(r, "x"))
        return read_index(r, &leaf) && accept(r, ".") && read_index(r, &dimension)
                   ? formula_extent(r->arena, leaf, dimension)
                   : NULL;
    return read_number(r, FORMULA_NUMBER);
}

const struct formula *formula_parse(struct arena *arena, const char *text)
{
    struct reader reader = {.arena = arena, .at = text};
    const struct formula *formula = read_formula(&reader, 0);
    return formula && *reader.at == '\0' ? formula : NULL;
}
