/*
 * Mistakes put into passes on purpose, to show that random programs (tests/generate) find them. In
 * the product FLOW_MUTANT(...) is the constant 0. `make build/release/wkc-mutants` compiles this
 * module with WKC_MUTANTS, and the environment's WKC_MUTANT=NAME chooses one;
 * tests/generate/mutants.py goes through them all. Every pass has at least one.
 */
#ifndef WKC_FLOW_MUTANT_H
#define WKC_FLOW_MUTANT_H

#include <stdbool.h>

/* X(NAME, what is wrong) */
#define FLOW_MUTANTS(X)                                                                            \
    X(INLINE_ARGUMENTS, "inline gives a flow its first argument for all")                          \
    X(INLINE_CHECKS, "inline leaves out checks")                                                   \
    X(PROPAGATE_ONE_WAY, "propagate takes what one jump brings for what all bring")                \
    X(PROPAGATE_ONE_USER, "propagate takes the constant of one user for that of all")              \
    X(FOLD_NAN, "fold takes x == x to hold for floats")                                            \
    X(FOLD_CHECK, "fold drops checks that fail")                                                   \
    X(DEAD_EFFECT, "dead drops tasks with an effect")                                              \
    X(DEAD_FAILURE, "dead drops divisions, which may fail")                                        \
    X(CSE_OPERANDS, "cse merges calls whose last arguments differ")                                \
    X(CSE_ANNOTATIONS, "cse merges calls whose annotations differ")                                \
    X(CSE_EFFECT, "cse merges tasks with an effect, and those that log")                           \
    X(HOIST_CHANGING, "hoist moves calls of which only the first argument stands still")           \
    X(HOIST_FAILURE, "hoist moves divisions with a call, which may fail in a loop without turns")  \
    X(HOIST_LOG, "hoist moves tasks that log")                                                     \
    X(EACH_INDEX, "each takes any element that is read for the one at the index")                  \
    X(HOIST_EXTENT, "hoist forgets that an extent may be negative")                                \
    X(STREAM_FEED, "stream gives a reader the parts of one join for those of another")             \
    X(FUSE_OPERAND, "fuse takes arguments of one type for one argument")                           \
    X(COMPOSE_FAILURE, "compose moves what can fail past what can fail, too")                      \
    X(CHUNK_TREE, "chunk reduces pieces that are no subtrees")                                     \
    X(CHUNK_LAST, "chunk takes the last piece for a whole one")                                    \
    X(CHUNK_INITIAL, "chunk forgets initial values")                                               \
    X(CHUNK_SPACE, "chunk takes the second index of a space for the first")                        \
    X(CHUNK_NEED, "chunk runs tasks that nobody needs and that fail")                              \
    X(CHUNK_ROWS, "chunk leaves out the last row of a piece")                                      \
    X(CHUNK_SHAPE, "chunk swaps the extents of what a subtree gives")                              \
    X(SHARE_LOG, "share makes one node of tasks that log")                                         \
    X(UNUSED_FALLBACK, "unused leaves out what kernels fall back on")

enum flow_mutant {
    FLOW_MUTANT_NONE,
#define FLOW_MUTANT_ENUM(NAME, text) FLOW_MUTANT_##NAME,
    FLOW_MUTANTS(FLOW_MUTANT_ENUM)
#undef FLOW_MUTANT_ENUM
};

#ifdef WKC_MUTANTS
bool flow_mutant_is(enum flow_mutant mutant);
#define FLOW_MUTANT(NAME) flow_mutant_is(FLOW_MUTANT_##NAME)
#else
#define FLOW_MUTANT(NAME) 0
#endif

#endif
