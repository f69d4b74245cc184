/*
 * Mistakes put into elaboration on purpose, as compiler/flow/mutant.h has them for passes. In the
 * product GRAPH_MUTANT(...) is the constant 0. They are chosen by the environment's
 * WKC_MUTANT=NAME, when a program is elaborated at one level of two that are compared
 * (tests/generate/mutants.py).
 */
#ifndef WKC_GRAPH_MUTANT_H
#define WKC_GRAPH_MUTANT_H

#include <stdbool.h>

/* X(NAME, what is wrong) */
#define GRAPH_MUTANTS(X)                                                                           \
    X(JOINS_BEGIN, "elaboration takes slices of joined arrays from the beginning of their parts")  \
    X(SHARE_PATTERN, "elaboration takes f(2, x) and f(x, 2) for equal calls")                      \
    X(GRID_ROWS, "elaboration turns rows around where it makes one grid of several")               \
    X(MERGE_ORDER, "elaboration exchanges arrays where it takes those of a joined one")

enum graph_mutant {
#define GRAPH_MUTANT_ENUM(NAME, text) GRAPH_MUTANT_##NAME,
    GRAPH_MUTANTS(GRAPH_MUTANT_ENUM)
#undef GRAPH_MUTANT_ENUM
};

#ifdef WKC_MUTANTS
bool graph_mutant_is(enum graph_mutant mutant);
#define GRAPH_MUTANT(NAME) graph_mutant_is(GRAPH_MUTANT_##NAME)
#else
#define GRAPH_MUTANT(NAME) 0
#endif

#endif
