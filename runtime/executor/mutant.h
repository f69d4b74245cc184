/*
 * Mistakes put in on purpose, to show that the tests' checks catch them: protocol.md lists what
 * each of them did to the trials. In the product MUTANT(...) is the constant 0; a test that defines
 * WKC_MUTANTS before it includes the sources chooses one by setting executor_mutant.
 */
#ifndef WKC_EXECUTOR_MUTANT_H
#define WKC_EXECUTOR_MUTANT_H

/* X(NAME, what is wrong) */
#define EXECUTOR_MUTANTS(X)                                                                        \
    X(LAST_SETS_BITS, "the last arriver sets its bits although its values are not stored")         \
    X(START_CLAIMED, "a start is claimed, and a duplicate that meets the claim counts as done")    \
    X(OWNER_IS_PROCESS, "a join is owned by a process instead of by edges and a token")            \
    X(RECOVERY_DEFERS, "a lineage that took over a join stops at the leases of who lost it")       \
    X(EXPIRED_REPLACED, "an expired owner is replaced by one that lacks edges, without clearing")  \
    X(STOPPED_MARKS_PASSED, "a lineage that was answered stop marks its joins passed")             \
    X(PASSED_EARLY, "a join is marked passed before its lineage has handed everything on")         \
    X(SIGNAL_BEFORE_PUT, "an invocation or arrival promises a value before it is stored")          \
    X(ALL_ARE_SLICES, "where some edges carry slices, all are taken for such")                     \
    X(PART_OF_MASK, "only the first four edges of a join are checked")                             \
    X(COUNTER, "arrivals are counted instead of remembered by edge")                               \
    X(BOTH_WAIT, "of two holders of large values each waits for the other")                        \
    X(ANSWERS_MIXED_UP,                                                                            \
      "two requests of a record at a time, and one's answer is taken for the other's")             \
    X(RANGE_BY_CHILD, "a range is named by its first child")                                       \
    X(BEATS_RUNNING_ONLY, "only the node that runs has a heartbeat")                               \
    X(POISONED_BY_ITSELF, "who fails the job is stopped by the marks that it sets")                \
    X(WANTED_PASSED, "passed also stops the runs of the sweeper")                                  \
    X(WANTED_SPLIT, "and so do the marks of split ranges")                                         \
    X(OWNERS_ARE_NEWS, "each new owner of a record starts the silence before it again")            \
    X(KEYS_SHARED, "keys lack the job's name")                                                     \
    X(OWNERS_NEVER_DIE, "the sweeper takes every owner for alive")

enum executor_mutant {
    EXECUTOR_MUTANT_NONE,
#define EXECUTOR_MUTANT_ENUM(NAME, text) EXECUTOR_MUTANT_##NAME,
    EXECUTOR_MUTANTS(EXECUTOR_MUTANT_ENUM)
#undef EXECUTOR_MUTANT_ENUM
        EXECUTOR_MUTANT_COUNT
};

#ifdef WKC_MUTANTS
extern enum executor_mutant executor_mutant;
#define MUTANT(NAME) (executor_mutant == EXECUTOR_MUTANT_##NAME)
#else
#define MUTANT(NAME) 0
#endif

#endif
