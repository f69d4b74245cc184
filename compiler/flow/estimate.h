/*
 * What a kernel costs, estimated from its typed tree: a formula (graph/formula.h) over the known
 * scalars among its parameters and the extents of its arrays, in nanoseconds at speed 1
 * (graph/platform.h).
 *
 * Loops count as often as their bounds say, with a variable of an outer loop at its middle; calls
 * cost what their callees do; of two branches the dearer counts. What cannot be known (a while
 * loop, a recursion, bounds that are computed) is a guess, and the formula says so.
 *
 * The leaves of a formula are those of the parameters, in order, without ()s.
 */
#ifndef WKC_FLOW_ESTIMATE_H
#define WKC_FLOW_ESTIMATE_H

#include "base/arena.h"
#include "check/typed.h"
#include "graph/formula.h"

/* The formula, in the arena, never longer than the runtime takes. NULL: the task has no body here
 * (it was read from text, or is written in C and not among those of the library whose costs are
 * known). @cost is not looked at: it is the caller's to prefer. */
const struct formula *estimate_task(struct arena *arena, const struct typed_function *task);

/* A task's cost as one number, words and extents that are unknown counting as FORMULA_UNKNOWN:
 * @cost, or the formula's, or 0 when nothing is known. *is_guess (may be NULL) says that the
 * number is not to be relied on: it depends on arguments, or on a guess. */
double estimate_task_ns(const struct typed_function *task, bool *is_guess);

#endif
