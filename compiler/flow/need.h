/*
 * What of structures is needed. A task whose result main's result does not need is not run, and its
 * failure is not seen (spec/language.md, L8.14). So tasks that may fail can be put together only if
 * all of them are needed whenever one is: where nobody takes a part of the structure of their
 * results.
 */
#ifndef WKC_FLOW_NEED_H
#define WKC_FLOW_NEED_H

#include "flow/ir.h"

struct need {
    const struct ir_module *module;
    uint32_t count; /* of functions, when it was found out */
    bool **parts; /* by function, by value: some of what it holds may be needed without the rest */
    bool **results; /* by function, by result: the same of what its callers get */
    bool changed;
};

/* Finds out, in a few rounds over the module; release with need_release. Values that are added
 * later are not known. */
struct need need_find(const struct ir_module *module);
void need_release(struct need *need);

/* Whether a task gives a result whatever its arguments are, but for a lack of memory. False where
 * that is not seen at once. */
bool need_task_is_total(const struct typed_function *task);

#endif
