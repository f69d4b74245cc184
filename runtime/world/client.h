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
    struct buffer
        code_bytes; /* what it was loaded from; somebody else's. Stored for those who attach */
    struct description description;
    const struct plan_image *image; /* of the plan, to be stored for executors that have no room for
                                       all of it: the description has its size and digest. NULL:
                                       they make the plan themselves */
};

struct client_options {
    const char *store;                /* its address, as executors reach it */
    struct remote_platform *platform; /* by which executors are invoked; NULL: nothing is swept */
    uint64_t timeout_ms;              /* of the job; 0: none */
    const struct job_options *job;    /* stop, progress, memory_limit */
    const char *name;                 /* the job's; NULL: a fresh one (client_run) */
    bool leaves; /* a wait that ends before the job does leaves that to itself, and in the store */
    uint32_t sweep_age; /* ms: what is silent for so long is invoked again; 0: 10 seconds */
    /* Ends the executors before the job's keys are removed, so that none writes what nobody will
     * remove; NULL: they end by themselves. */
    void (*halt)(void *context);
    void *halt_context;
    /* ms that executors may be at work after `halt`: for so long the marks of the job's end stay in
     * the store, and stop them. 0: there are none. */
    uint32_t late_ms;
};

/* Runs a job to its end: submits it and waits. As local_run; ERR_job_timeout says what was
 * outstanding. Whatever happens, nothing of the job is under way or in the store afterwards, unless
 * `leaves`. */
int client_run(const struct client_job *job, const struct client_options *options,
               struct job_outcome *outcome, struct error *error);

/* Submits the job options->name and leaves it to itself. After an error nothing of it is left. */
int client_submit(const struct client_job *job, const struct client_options *options,
                  struct error *error);

/* Waits for a job that somebody has submitted, as client_run does for its own. */
int client_wait(const struct client_job *job, const struct client_options *options,
                struct job_outcome *outcome, struct error *error);

/* ---- Jobs of others (client_attach.c) ---- */

/* A job as the store has it: what was submitted, read back. */
struct client_attached;
int client_attach(const char *store, const char *name, struct client_attached **attached,
                  struct error *error);
const struct client_job *client_attached_job(const struct client_attached *attached);
void client_detach(struct client_attached *attached);

#endif
