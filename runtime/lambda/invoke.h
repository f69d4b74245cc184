/*
 * Invoking executors: AWS Lambda's Invoke, asynchronously, many at a time over connections that are
 * kept. A client for the remote world's platform (world/remote.h).
 *
 * Requests are signed by libcurl (AWS Signature 4). Throttling (429) and failures of the service
 * (5xx) are repeated with exponential back-off and jitter, until the invocation has been tried for
 * as long as the options say.
 */
#ifndef WKC_LAMBDA_INVOKE_H
#define WKC_LAMBDA_INVOKE_H

#include "world/remote.h"

struct invoke_options {
    const char *endpoint; /* "https://lambda.eu-west-1.amazonaws.com"; "http://127.0.0.1:9001" */
    const char *function; /* its name */
    const char *region;
    const char *access_key, *secret_key;
    const char *session_token; /* or NULL */
    uint32_t connections;      /* at once, at most; 0: 64 */
    uint32_t patience_ms;      /* for which an invocation is repeated; 0: 20 seconds */
    uint64_t payload_limit;    /* 0: 1 MB less the room that the platform takes */
};

struct invoker;

/* Copies the texts. NULL with *error filled. */
struct invoker *invoker_open(const struct invoke_options *options, struct error *error);
/* Invocations under way are dropped: they may happen or not. */
void invoker_close(struct invoker *invoker);

/* The platform that the remote world and its client use. */
struct remote_platform *invoker_platform(struct invoker *invoker);

/* The options that the environment of a Lambda function gives: its own name, region, credentials,
 * and AWS_ENDPOINT_URL_LAMBDA or AWS_ENDPOINT_URL where they are set. 0, or ERR_invoke_environment.
 */
int invoke_environment(struct invoke_options *options, struct buffer *endpoint,
                       struct error *error);

#endif
