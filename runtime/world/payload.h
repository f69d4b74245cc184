/*
 * Payloads: what an executor is invoked with (spec/executor.md, X1). JSON, as the platform wants
 * it, with what is binary in base 64:
 *
 *     {"wkc": 1, "job": NAME, "store": ADDRESS, "hops": N, "token": "16 hexadecimal digits",
 *      "recovers": true, "node": N, "range": [FIRST, END], "stored": true,
 *      "want": [FIRST, END, FIRST, END, …], "inputs": PARCEL, "description": DESCRIPTION}
 *
 * Without "range" the executor starts at the node; with it, at that range of the node's children. A
 * node of PLAN_NONE (4294967295) stands for the graph's root, whose children are its sources. All
 * but "wkc", "job", "store", "token" and "node" may be missing; unknown members are refused, since
 * a newer executor may mean something by them that matters.
 */
#ifndef WKC_WORLD_PAYLOAD_H
#define WKC_WORLD_PAYLOAD_H

#include "base/arena.h"
#include "base/buffer.h"
#include "executor/executor.h"
#include "store/store.h"

enum { PAYLOAD_VERSION = 1 };

struct payload {
    char job[STORE_JOB_NAME + 1];
    const char *store; /* its address */
    uint32_t hops;     /* invocations since the client's */
    struct executor_start start;
    struct want want;   /* what start.want points to, if the run is the sweeper's */
    const void *inputs; /* a parcel */
    size_t inputs_length;
    const void *description; /* NULL: the store has it */
    size_t description_length;
};

void payload_write(const struct payload *payload, struct buffer *out);

/* Reads into the arena. 0, or ERR_bad_event. start.want points into *payload. */
int payload_read(const char *text, size_t length, struct arena *arena, struct payload *payload,
                 struct error *error);

#endif
