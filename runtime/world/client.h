/*
 * The client of the remote world: it submits a job, waits for it, and binds its result.
 *
 * It schedules nothing. What it stores (the inputs, the job's description) it stores before it
 * invokes the executors of the sources; from then on these run the job among themselves, and the
 * client only looks at the job's status, sweeps what was lost, and takes the result when it is
 * there. A client that dies, or is stopped, leaves a job that ends without it.
 */
#ifndef WKC_WORLD_CLIENT_H
#define WKC_WORLD_CLIENT_H

#include "world/description.h"
#include "world/remote.h"
#include "world/world.h"

/* What is submitted. */
struct client_job {
    const struct job *job; /* plan, inputs, files and result type; kernels are the executors' */
    const struct flow_code *code;
    struct description description;
};

struct client_options {
    const char *store;                /* its address, as executors reach it */
    struct remote_platform *platform; /* by which executors are invoked */
    uint64_t timeout_ms;              /* of the job; 0: none */
    const struct job_options *job;    /* stop, progress, memory_limit */
    bool keeps;                       /* the job stays in the store when it has ended */
};

/* Runs a job to its end. As local_run; ERR_job_timeout says what was outstanding. Whatever happens,
 * nothing of the job is under way or in the store afterwards, unless `keeps`. */
int client_run(const struct client_job *job, const struct client_options *options,
               struct job_outcome *outcome, struct error *error);

#endif
