/*
 * The remote world: what goes on inside one executor process, on Lambda or under the emulator.
 *
 * A process serves one event after the other. An event starts an executor, which runs its lineage
 * among others in other processes; they share nothing but a store. One thread does all I/O and
 * drives the executor; tasks run in a pool of threads, one for each processor, or, where they are
 * known to take less time than to wake a thread, on that one itself.
 *
 * The process keeps its program and, until an event of another job comes, the job's plan. It keeps
 * no values from one event to the next.
 */
#ifndef WKC_WORLD_REMOTE_H
#define WKC_WORLD_REMOTE_H

#include "base/buffer.h"
#include "base/error.h"
#include "graph/code.h"
#include "wk.h"

/* The program that the process carries. All of it outlives the world. */
struct remote_program {
    const struct flow_code *code;
    const char *digest; /* of its bundle, as in descriptions; NULL: it is the job's own */
    wk_kernel *(*find_kernel)(void *context, const char *symbol); /* NULL: there is none */
    void *context;
};

/* An invocation on its way; the platform has it from invoke() until next() returns it. */
struct remote_invocation {
    struct buffer payload;
    int code; /* 0: accepted; else an error's code, and the platform has repeated it long enough */
    struct error error;
    void *user;
    struct remote_invocation *next; /* the platform's own */
};

/* What the process runs on: how executors are invoked, and how to wait. Used by one thread. */
struct remote_platform {
    void (*invoke)(struct remote_platform *platform, struct remote_invocation *invocation);
    struct remote_invocation *(*next)(struct remote_platform *platform);
    /* Waits until one of the descriptors can be read (-1: none), an invocation is answered, or
     * `timeout` ms have gone by (-1: no limit). May return early. */
    void (*wait)(struct remote_platform *platform, const int *descriptors, int count, int timeout);
    uint64_t payload_limit; /* bytes of an event */
};

struct remote_options {
    uint32_t processors;     /* tasks at once; at least 1 */
    uint64_t memory_limit;   /* bytes of values; 0: none */
    uint64_t process_memory; /* bytes; who takes more is killed by the platform. 0: it does not say,
                                and the plan is made here, stored or not */
    bool writes_log;         /* what tasks log goes to standard error, too */
    bool catches_faults;     /* of tasks in C: see remote_is_damaged */
};

struct remote;
struct remote *remote_new(const struct remote_program *program, struct remote_platform *platform,
                          const struct remote_options *options);
void remote_free(struct remote *remote);

/* Serves one event, which the platform gives until `deadline_ns` of CLOCK_MONOTONIC (0: for ever).
 * 0: it is done, with a line of JSON about it in *response; that the job failed is no failure of
 * the event. Otherwise the event is to be retried, as the platform does with those that fail:
 * ERR_bad_event and the like will fail again. When this returns nothing is under way. */
int remote_serve(struct remote *remote, const char *event, size_t length, uint64_t deadline_ns,
                 struct buffer *response, struct error *error);

/* Whether a task written in C has overwritten who knows what. The job has been told that it failed,
 * and all that is left for the process to do is to answer its event, and to end. */
bool remote_is_damaged(const struct remote *remote);

#endif
