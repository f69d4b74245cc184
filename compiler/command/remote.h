/*
 * Jobs on executors that are processes of their own: wkc run --on=emulator. Whatever the run needs
 * and was not named (a store, the emulator of Lambda) it starts, and ends again.
 */
#ifndef WKC_COMMAND_REMOTE_H
#define WKC_COMMAND_REMOTE_H

#include "command/options.h"
#include "world/client.h"

struct remote_setup {
    const char *endpoint; /* of Lambda's API; NULL: an emulator of this run's own */
    const char *store;    /* NULL: a redis-server of this run's own */
    uint64_t timeout_ms;  /* of the job; 0: none */
    uint32_t concurrency; /* environments of the own emulator; 0: as many as processors */
    uint32_t invoke_latency_ms, cold_start_ms; /* of the own emulator */
    uint32_t memory_mb;                        /* of the function */
    uint32_t function_timeout_s;
};

/* Reads --endpoint, --store, --timeout and the like. 0 or an error of the command line. */
int remote_read_options(const struct options *options, struct remote_setup *setup,
                        struct error *error);

/* How many executors the run can have at once; 0: the platform knows. */
uint32_t remote_concurrency(const struct remote_setup *setup);

/* Creates a function of the bundle, runs the job on it, and removes it again. As client_run. */
int remote_run_job(const struct remote_setup *setup, const struct client_job *job,
                   const struct buffer *bundle, const struct job_options *options,
                   struct job_outcome *outcome, struct error *error);

#endif
