/*
 * An emulator of Lambda of this run's own: `wkc emulator` in a process of its own, which ends with
 * the run. Executors so need nothing of the client's process, which may stand still.
 */
#ifndef WKC_COMMAND_LOCAL_EMULATOR_H
#define WKC_COMMAND_LOCAL_EMULATOR_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct local_emulator_options {
    uint32_t concurrency, cold_start_ms, invoke_latency_ms;
    uint32_t retry_ms; /* until an event that failed is run again */
};

struct local_emulator {
    pid_t process; /* 0: none */
    char endpoint[64], access_key[64], secret_key[64], region[32];
};

/* Starts it, and waits until it listens. 0, or ERR_emulator_start; then it has said why itself. */
int local_emulator_start(struct local_emulator *emulator,
                         const struct local_emulator_options *options, struct error *error);
/* Ends it, and waits until no process of a function is left. Harmless when it was not started. */
void local_emulator_stop(struct local_emulator *emulator);

#endif
