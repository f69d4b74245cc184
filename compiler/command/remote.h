/*
 * Jobs on executors that are processes of their own: wkc run --on=emulator. Whatever the run needs
 * and was not named (a store, the emulator of Lambda) it starts, and ends again.
 */
#ifndef WKC_COMMAND_REMOTE_H
#define WKC_COMMAND_REMOTE_H

#include "command/options.h"
#include "graph/platform.h"
#include "world/client.h"

struct remote_setup {
    const char *endpoint; /* of Lambda's API; NULL: an emulator of this run's own */
    const char *store;    /* NULL: a redis-server of this run's own */
    uint64_t timeout_ms;  /* of the job; 0: none */
    uint32_t concurrency; /* environments of the own emulator; 0: as many as processors. Of another
                             endpoint: what plans count on; 0: the platform's figure */
    uint32_t invoke_latency_ms, cold_start_ms; /* of the own emulator */
    uint32_t memory_mb;                        /* of the function */
    uint32_t function_timeout_s;
    uint32_t sweep_age_ms; /* 0: the client's own choice */
    uint32_t without;      /* WITHOUT_… of world/description.h */
    uint32_t store_latency_ms;
};

/* Reads --endpoint, --store, --timeout and the like. 0 or an error of the command line. */
int remote_read_options(const struct options *options, struct remote_setup *setup,
                        struct error *error);

/* How many executors the run can have at once; 0: the platform knows. */
uint32_t remote_concurrency(const struct remote_setup *setup);

/* Puts what the setup says in place of the platform's figures, or, of what is waited on purpose,
 * beside them. */
void remote_adapt_platform(const struct remote_setup *setup, struct platform *platform);

/* For how long executors of a function that was removed may still be at work: ms. */
uint32_t remote_late_ms(const struct remote_setup *setup);

/* Creates a function of the bundle, runs the job on it, and removes it again. As client_run. */
int remote_run_job(const struct remote_setup *setup, const struct client_job *job,
                   const struct buffer *bundle, const struct job_options *options,
                   struct job_outcome *outcome, struct error *error);

/* Creates a function of the bundle, submits the job to it, and leaves both. As client_submit; the
 * job's name is NAME[STORE_JOB_NAME + 1]. Endpoint and store are named. */
int remote_submit_job(const struct remote_setup *setup, const struct client_job *job,
                      const struct buffer *bundle, const struct job_options *options, char *name,
                      struct error *error);

/* Waits for a job that was submitted; sweeps, and removes the function at its end, if the endpoint
 * is named. As client_wait. */
int remote_wait_for_job(const struct remote_setup *setup, const struct client_job *job,
                        const char *name, const struct job_options *options,
                        struct job_outcome *outcome, struct error *error);

/* Removes the function of a job; that there is none is no error. */
int remote_remove_function(const struct remote_setup *setup, const char *name, struct error *error);

/* ADDRESS as the setup wants the store to be reached: with its latency. The caller frees it. */
char *remote_store_address(const struct remote_setup *setup, const char *address);

/* Whether the text is a job's name; else *error says so. */
int remote_check_job_name(const char *text, struct error *error);

#endif
