/*
 * Lambda's Runtime API, from the side of the process that serves events: it asks for the next one,
 * and posts what became of it. HTTP/1.1 on one connection to a server on the same machine.
 *
 * Source: AWS, "Using the Lambda runtime API for custom runtimes" (version 2018-06-01).
 */
#ifndef WKC_LAMBDA_RUNTIME_API_H
#define WKC_LAMBDA_RUNTIME_API_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct runtime_api;

/* `address` is AWS_LAMBDA_RUNTIME_API: a host, perhaps a port, perhaps a path. NULL with *error
 * filled when there is no memory. Connects when it is first used. */
struct runtime_api *runtime_api_open(const char *address, struct error *error);
void runtime_api_close(struct runtime_api *api);

struct runtime_event {
    char id[128];            /* of the request */
    char invocation_id[128]; /* to be echoed; "" when the platform sends none */
    int64_t deadline_ms;     /* since the epoch; 0: not said */
    struct buffer payload;
};

/* Waits for the next event, for ever. 0; or ERR_runtime_api: the process is to end, the platform
 * starts another. */
int runtime_api_next(struct runtime_api *api, struct runtime_event *event, struct error *error);

/* Posts the event's result. That it came too late, or is too large, is for the log: 0. */
int runtime_api_respond(struct runtime_api *api, const struct runtime_event *event,
                        const char *result, size_t length, struct error *error);

/* Posts that the event failed, so that the platform retries it if it does so; or, without an event,
 * that the process could not be made ready. */
int runtime_api_fail(struct runtime_api *api, const struct runtime_event *event,
                     const struct error *failure, struct error *error);

#endif
