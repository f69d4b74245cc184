/*
 * The Runtime API: what a function's process asks and says, below /2018-06-01/runtime/.
 *
 *     GET  invocation/next            the next event, whenever there is one
 *     POST invocation/ID/response     its answer
 *     POST invocation/ID/error        its failure
 *     POST init/error                 the process could not even begin
 *
 * Each environment has a port of its own, because AWS's own runtime clients take no path in
 * AWS_LAMBDA_RUNTIME_API.
 */
#include <string.h>

#include "emulator/internal.h"

static const char prefix[] = "/2018-06-01/runtime/";

static void answer(struct request *request, unsigned status, const char *type, const char *message)
{
    request_answer_json(request, status,
                        json_pack("{s:s, s:s}", "errorMessage", message, "errorType", type));
}

static void answer_accepted(struct request *request)
{
    struct MHD_Response *response = response_text("{\"status\":\"OK\"}\n");
    response_header(response, "Content-Type", "application/json");
    request_answer(request, 202, response);
}

static void refuse_transition(struct request *request)
{
    answer(request, 403, "InvalidStateTransition", "State transition is not allowed");
}

static void handle_next(struct request *request)
{
    enum environment_state state = request->environment->state;
    if (state == ENVIRONMENT_INIT || state == ENVIRONMENT_RESPONDED)
        environment_ready(request->environment, request);
    else
        refuse_transition(request);
}

/* A response that is too large is the function's failure. */
static void fail_size(struct request *request, struct invocation *invocation)
{
    struct buffer body = {0};
    buffer_printf(&body,
                  "{\"errorMessage\":\"Response payload size exceeded maximum allowed payload size "
                  "(%d bytes).\",\"errorType\":\"Function.ResponseSizeTooLarge\"}",
                  RESPONSE_LIMIT);
    answer(request, 413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size");
    schedule_fail(invocation, payload_new(&body));
}

/* What a failure says; when it says nothing, its type from the header. */
static struct payload *error_of(struct request *request)
{
    const char *type = request_header(request, "Lambda-Runtime-Function-Error-Type");
    struct buffer body = {0};
    if (json_text_is_valid(request->body.data, request->body.length))
        return payload_new(&request->body);
    buffer_puts(&body, "{\"errorMessage\":\"\",\"errorType\":");
    type = type ? type : "Runtime.Unknown";
    buffer_json_string(&body, type, strlen(type));
    buffer_putc(&body, '}');
    return payload_new(&body);
}

/* The response, or the error, of the event with this id. */
static void handle_outcome(struct request *request, const char *id, size_t length, bool failed)
{
    struct environment *environment = request->environment;
    struct invocation *invocation = environment->invocation;
    if (environment->state == ENVIRONMENT_ENDING) {
        request_answer(request, 410, response_text(""));
        return;
    }
    if (!invocation || strlen(invocation->id) != length || memcmp(invocation->id, id, length)) {
        if (length == strlen(environment->last_id) && memcmp(environment->last_id, id, length) == 0)
            refuse_transition(request);
        else
            answer(request, 400, "InvalidRequestID", "Invalid request ID");
        return;
    }
    environment_responded(environment);
    if (request->too_large) {
        fail_size(request, invocation);
    } else {
        answer_accepted(request);
        if (failed)
            schedule_fail(invocation, error_of(request));
        else
            schedule_succeed(invocation, &request->body);
    }
}

/* What the process says before it gives up; the invocation gets it when the process ends. */
static void handle_init_error(struct request *request)
{
    struct environment *environment = request->environment;
    if (environment->state != ENVIRONMENT_INIT) {
        refuse_transition(request);
        return;
    }
    payload_drop(environment->init_error);
    environment->init_error = error_of(request);
    answer_accepted(request);
}

static bool is_method(const struct request *request, const char *method)
{
    return strcmp(request->method, method) == 0;
}

void runtime_api_handle(struct request *request)
{
    static const char invocations[] = "invocation/";
    const char *path = request->path;
    if (request->environment->is_dead) {
        request_answer(request, 410, response_text(""));
        return;
    }
    bool known = strncmp(path, prefix, sizeof prefix - 1) == 0;
    path += known ? sizeof prefix - 1 : 0;
    if (known && is_method(request, "GET") && strcmp(path, "invocation/next") == 0) {
        handle_next(request);
        return;
    }
    if (known && is_method(request, "POST")) {
        if (strcmp(path, "init/error") == 0) {
            handle_init_error(request);
            return;
        }
        if (strncmp(path, invocations, sizeof invocations - 1) == 0) {
            path += sizeof invocations - 1;
            size_t length = strcspn(path, "/");
            bool failed = strcmp(path + length, "/error") == 0;
            if (failed || strcmp(path + length, "/response") == 0) {
                handle_outcome(request, path, length, failed);
                return;
            }
        }
    }
    answer(request, 404, "NotFound", "no such operation of the Runtime API");
}
