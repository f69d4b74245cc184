/*
 * Formulas: what a task costs, as an expression over its known scalars and the extents of its
 * arrays, in nanoseconds. The compiler makes them from a kernel's code (compiler/flow/estimate.h),
 * the graph carries their text with each task (spec/dag.md), and cost.h evaluates them for a node.
 *
 *     (+ 20 (* 0.5 (* w1 x0.0)))
 *
 * w1 is the word of leaf 1 of the parameters, x0.0 extent 0 of leaf 0; leaves are counted without
 * ()s. Behind the extents of an array of arrays come those of its elements: x0.1 is extent 0 of the
 * elements of a list. ?100 is a guess: nothing is known of it. All is computed in double precision;
 * results beyond FORMULA_MOST, and those of a division by 0, are cut to size.
 */
#ifndef WKC_GRAPH_FORMULA_H
#define WKC_GRAPH_FORMULA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"

#define FORMULA_MOST 1e18 /* of an absolute value */

enum {
    FORMULA_MOST_TERMS = 400, /* longer formulas are refused, so that evaluation has a bound */
    FORMULA_MOST_DEPTH = 100,
    FORMULA_UNKNOWN = 1024 /* what an extent counts as that only run-time tells */
};

enum formula_kind {
    FORMULA_NUMBER,
    FORMULA_GUESS,
    FORMULA_WORD,
    FORMULA_EXTENT,
    FORMULA_ADD, /* from here on: two operands */
    FORMULA_SUBTRACT,
    FORMULA_MULTIPLY,
    FORMULA_DIVIDE,
    FORMULA_LEAST,
    FORMULA_MOST_OF,
};

struct formula {
    enum formula_kind kind;
    double number;            /* NUMBER, GUESS */
    uint32_t leaf, dimension; /* WORD, EXTENT */
    const struct formula *left, *right;
    uint32_t terms, depth; /* 1 and 0 of what has no operands */
};

/* What is known of a node's arguments: a leaf's word, or an extent; false: not known. */
struct formula_arguments {
    bool (*word)(const void *context, uint32_t leaf, int64_t *word);
    bool (*extent)(const void *context, uint32_t leaf, uint32_t dimension, int64_t *extent);
    const void *context;
};

const struct formula *formula_number(struct arena *arena, double number);
const struct formula *formula_guess(struct arena *arena, double number);
const struct formula *formula_word(struct arena *arena, uint32_t leaf);
const struct formula *formula_extent(struct arena *arena, uint32_t leaf, uint32_t dimension);

/* Two formulas joined, and simplified where that is easy. One that would have too many terms, or be
 * too deep, becomes a guess. */
const struct formula *formula_join(struct arena *arena, enum formula_kind kind,
                                   const struct formula *left, const struct formula *right);

/* The leaves and extents of a formula replaced; `replace` gives NULL for what is not known, which
 * becomes a guess. */
const struct formula *
formula_substitute(struct arena *arena, const struct formula *formula,
                   const struct formula *(*replace)(void *context, const struct formula *leaf),
                   void *context);

bool formula_is_guess(const struct formula *formula);
/* Whether it has neither words nor extents, so that it is the same for all nodes. */
bool formula_is_constant(const struct formula *formula);

/* Its value. What the arguments do not tell counts as FORMULA_UNKNOWN. `arguments` may be NULL:
 * nothing is known. */
double formula_evaluate(const struct formula *formula, const struct formula_arguments *arguments);

/* The text form; numbers have six digits. formula_parse reads it back, into the arena; NULL: it is
 * none, or has too many terms. */
void formula_print(const struct formula *formula, struct buffer *out);
const struct formula *formula_parse(struct arena *arena, const char *text);

#endif
