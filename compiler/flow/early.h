/*
 * Which pending values are there when a job begins: inputs, constants, and pieces of them. A task
 * that needs nothing else can start at once.
 */
#ifndef WKC_FLOW_EARLY_H
#define WKC_FLOW_EARLY_H

#include "flow/ir.h"

struct early {
    const struct ir_module *module;
    bool **parameters; /* by function: by the number of its parameter, whether it is at all calls */
};

/* Looks through the whole module: in time linear in it, times how deep calls pass values on. */
void early_init(struct early *early, const struct ir_module *module);
/* Fills values[v], for each value of a function, with whether it is early. */
void early_values(const struct early *early, uint32_t function, bool *values);
void early_release(struct early *early);

#endif
