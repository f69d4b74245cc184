/*
 * A stand-in for AWS Lambda on this machine: AWS's Lambda API on 127.0.0.1, and functions run as
 * processes that speak Lambda's Runtime API. spec/emulator.md says what is as at AWS and what not.
 *
 * The emulator stands in a shared object of its own (its HTTP library takes longer to load than
 * most programs to run), which emulator_library_load() of command/command.h brings in:
 *
 *     const struct emulator_library *library = emulator_library_load(error);
 *     struct emulator *emulator;
 *     struct emulator_options options = EMULATOR_DEFAULTS;
 *     if (!library || library->start(&options, &emulator, error))
 *         return error->code;
 *     use(library->access(emulator)->endpoint);
 *     library->stop(emulator);
 *
 * It runs in a thread of its own beside a small process that is the parent of the functions'
 * processes. When this process ends, in whatever way, that one ends them and removes the
 * emulator's directory.
 */
#ifndef WKC_EMULATOR_EMULATOR_H
#define WKC_EMULATOR_EMULATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct emulator;

/* Texts must live until start() returns. */
struct emulator_options {
    uint16_t port;              /* 0: a free one */
    uint32_t concurrency;       /* execution environments at most, and invocations at once */
    uint32_t cold_start_ms;     /* added before an environment's process starts */
    uint32_t invoke_latency_ms; /* added before an Invoke is looked at */
    uint32_t memory_mb;         /* of functions that name no MemorySize */
    uint32_t idle_ms;           /* an environment that is idle for longer is ended */
    uint32_t retry_ms[2];       /* from a failed asynchronous run to its first and second retry */
    uint32_t event_bytes;       /* the payload of an asynchronous invocation at most */
    uint32_t drop_percent;      /* asynchronous events that are accepted and lost */
    uint32_t duplicate_percent; /* asynchronous events that are delivered twice */
    uint64_t seed;              /* of that chance */
    bool run_while_idle;        /* environments are not stopped between two events */
    const char *access_key;     /* what requests must be signed with; NULL: made up */
    const char *secret_key;
    const char *region;     /* in the names of functions, and in their environment */
    const char *log_folder; /* FUNCTION/ENVIRONMENT.log below it; NULL: logs are in memory only */
};

#define EMULATOR_DEFAULTS                                                                          \
    {.concurrency = 64,                                                                            \
     .memory_mb = 128,                                                                             \
     .idle_ms = 300000,                                                                            \
     .retry_ms = {60000, 120000},                                                                  \
     .event_bytes = 1 << 20,                                                                       \
     .region = "us-east-1"}

/* How to reach it; lives as long as the emulator. */
struct emulator_access {
    char endpoint[40]; /* "http://127.0.0.1:PORT" */
    const char *access_key, *secret_key, *region;
};

struct emulator_library {
    /* Listens when it returns 0; else an error code with *error filled (E870, E871). */
    int (*start)(const struct emulator_options *options, struct emulator **emulator,
                 struct error *error);
    const struct emulator_access *(*access)(const struct emulator *emulator);
    /* False when it ended by itself, because the process that starts functions was killed. */
    bool (*is_running)(const struct emulator *emulator);
    /* Ends all functions' processes, removes all files and waits for both. */
    void (*stop)(struct emulator *emulator);
};

/* The name under which the shared object shows its struct emulator_library. */
#define EMULATOR_ENTRY "wkc_emulator_library"

#endif
