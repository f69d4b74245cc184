/*
 * The loopback: the remote world within one process. The client's and the executors' code is that
 * of the remote world, events and values go through payloads and a store as they do there; but
 * executors are threads, and the store may be memory. For tests and for debugging, where servers
 * and processes would be in the way.
 */
#ifndef WKC_WORLD_LOOPBACK_H
#define WKC_WORLD_LOOPBACK_H

#include "world/client.h"

struct loopback_options {
    const char *store; /* its address */
    uint32_t executors;
    struct remote_options executor;
    uint64_t timeout_ms; /* 0: none */
    uint32_t sweep_age;  /* as of client_options */
};

/* As client_run. The program's digest stands in the job's description. */
int loopback_run(const struct client_job *job, const struct remote_program *program,
                 const struct loopback_options *options, const struct job_options *job_options,
                 struct job_outcome *outcome, struct error *error);

#endif
