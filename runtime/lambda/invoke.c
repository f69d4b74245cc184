/* A client of Lambda's Invoke; see invoke.h. */
#include "lambda/invoke.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/memory.h"
#include "base/vector.h"

enum {
    CONNECTIONS = 64,
    PATIENCE_MS = 20000,
    FIRST_DELAY_MS = 20,
    LONGEST_DELAY_MS = 2000,
    REQUEST_TIMEOUT_MS = 15000,
    ACCEPTED = 202,
    THROTTLED = 429,
    MOST_DESCRIPTORS = 8,
};

/* One invocation's request, kept for the next when it has ended. */
struct request {
    CURL *handle;
    struct invoker *invoker;
    struct remote_invocation *invocation; /* NULL: idle */
    struct buffer reply;
    uint64_t began, due; /* ms; due: when it is sent again, 0: it is under way */
    uint32_t attempts;
    char failure[CURL_ERROR_SIZE];
    struct request *next; /* idle ones */
};

struct invoker {
    struct remote_platform platform; /* the first member */
    CURLM *multi;
    struct buffer url, signature, user, token;
    struct curl_slist *headers;
    uint64_t patience_ms;
    uint32_t connections, under_way;
    struct request *idle;
    VECTOR(struct request *) requests;          /* all */
    VECTOR(struct remote_invocation *) waiting; /* for a connection */
    size_t first_waiting;
    struct remote_invocation *answered, **last_answered;
};

static uint64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* ---- Requests ------------------------------------------------------------------------------- */

static size_t take_reply(char *data, size_t size, size_t count, void *context)
{
    struct request *request = context;
    if (request->reply.length < 4096)
        buffer_append(&request->reply, data, size * count);
    return size * count;
}

static void set_up(struct invoker *invoker, struct request *request)
{
    CURL *handle = request->handle;
    curl_easy_setopt(handle, CURLOPT_URL, buffer_text(&invoker->url));
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)REQUEST_TIMEOUT_MS);
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, invoker->headers);
    curl_easy_setopt(handle, CURLOPT_AWS_SIGV4, buffer_text(&invoker->signature));
    curl_easy_setopt(handle, CURLOPT_USERPWD, buffer_text(&invoker->user));
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_reply);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, request);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, request->failure);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, request);
}

static struct request *new_request(struct invoker *invoker)
{
    struct request *request = invoker->idle;
    if (request) {
        invoker->idle = request->next;
        return request;
    }
    request = memory_new(1, sizeof *request);
    request->invoker = invoker;
    request->handle = curl_easy_init();
    if (!request->handle)
        memory_exhausted();
    set_up(invoker, request);
    vector_push(&invoker->requests, request);
    return request;
}

static void send_request(struct request *request)
{
    const struct buffer *payload = &request->invocation->payload;
    buffer_clear(&request->reply);
    request->failure[0] = 0;
    request->due = 0;
    request->attempts++;
    curl_easy_setopt(request->handle, CURLOPT_POSTFIELDS, payload->data);
    curl_easy_setopt(request->handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)payload->length);
    curl_multi_add_handle(request->invoker->multi, request->handle);
}

static void begin_waiting(struct invoker *invoker)
{
    while (invoker->under_way < invoker->connections &&
           invoker->first_waiting < invoker->waiting.count) {
        struct request *request = new_request(invoker);
        request->invocation = invoker->waiting.items[invoker->first_waiting++];
        request->began = now_ms();
        request->attempts = 0;
        invoker->under_way++;
        send_request(request);
    }
    if (invoker->first_waiting == invoker->waiting.count)
        invoker->first_waiting = invoker->waiting.count = 0;
}

/* ---- Answers -------------------------------------------------------------------------------- */

static void end_request(struct request *request)
{
    struct invoker *invoker = request->invoker;
    struct remote_invocation *invocation = request->invocation;
    invocation->next = NULL;
    *invoker->last_answered = invocation;
    invoker->last_answered = &invocation->next;
    request->invocation = NULL;
    request->due = 0;
    request->next = invoker->idle;
    invoker->idle = request;
    invoker->under_way--;
}

static void fail_request(struct request *request, CURLcode result, long status)
{
    struct remote_invocation *invocation = request->invocation;
    struct error *error = &invocation->error;
    if (result != CURLE_OK)
        invocation->code =
            error_set(error, ERR_invoke_failed, "an executor cannot be invoked: %s",
                      request->failure[0] ? request->failure : curl_easy_strerror(result));
    else
        invocation->code =
            error_set(error, ERR_invoke_failed, "an executor cannot be invoked: status %ld: %.400s",
                      status, buffer_text(&request->reply));
    end_request(request);
}

/* A random time up to the back-off of this attempt ("full jitter"). */
static uint64_t back_off(uint32_t attempts)
{
    uint64_t most = FIRST_DELAY_MS, random = 0;
    for (uint32_t i = 1; i < attempts && most < LONGEST_DELAY_MS; i++)
        most *= 2;
    if (getrandom(&random, sizeof random, 0) < 0)
        random = attempts;
    return 1 + random % (most < LONGEST_DELAY_MS ? most : LONGEST_DELAY_MS);
}

/* What may be otherwise the next time. A request that was cut off may have been accepted: then the
 * event comes twice, with the same token. */
static bool is_worth_repeating(CURLcode result, long status)
{
    if (result != CURLE_OK)
        return result != CURLE_UNSUPPORTED_PROTOCOL && result != CURLE_URL_MALFORMAT;
    return status == THROTTLED || status >= 500;
}

static void take_answer(struct request *request, CURLcode result)
{
    long status = 0;
    curl_easy_getinfo(request->handle, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(request->invoker->multi, request->handle);
    if (result == CURLE_OK && status == ACCEPTED) {
        request->invocation->code = 0;
        end_request(request);
        return;
    }
    uint64_t due = now_ms() + back_off(request->attempts);
    if (is_worth_repeating(result, status) && due - request->began < request->invoker->patience_ms)
        request->due = due;
    else
        fail_request(request, result, status);
}

static void send_due(struct invoker *invoker)
{
    uint64_t now = invoker->under_way ? now_ms() : 0;
    for (size_t i = 0; invoker->under_way && i < invoker->requests.count; i++) {
        struct request *request = invoker->requests.items[i];
        if (request->due && request->due <= now)
            send_request(request);
    }
}

static void advance(struct invoker *invoker)
{
    int running, left;
    begin_waiting(invoker);
    send_due(invoker);
    if (invoker->under_way == 0)
        return;
    curl_multi_perform(invoker->multi, &running);
    for (CURLMsg *message; (message = curl_multi_info_read(invoker->multi, &left));) {
        struct request *request;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
        take_answer(request, result);
    }
    begin_waiting(invoker);
}

/* ---- The platform --------------------------------------------------------------------------- */

static void invoke(struct remote_platform *platform, struct remote_invocation *invocation)
{
    struct invoker *invoker = (struct invoker *)platform;
    vector_push(&invoker->waiting, invocation);
    advance(invoker);
}

static struct remote_invocation *next(struct remote_platform *platform)
{
    struct invoker *invoker = (struct invoker *)platform;
    if (!invoker->answered)
        advance(invoker);
    struct remote_invocation *invocation = invoker->answered;
    if (!invocation)
        return NULL;
    invoker->answered = invocation->next;
    if (!invoker->answered)
        invoker->last_answered = &invoker->answered;
    return invocation;
}

/* At most until the next request is to be repeated. */
static int shortened(const struct invoker *invoker, int timeout)
{
    uint64_t now = now_ms();
    for (size_t i = 0; i < invoker->requests.count; i++) {
        uint64_t due = invoker->requests.items[i]->due;
        int left = due > now ? (int)(due - now) : 0;
        if (due && (timeout < 0 || left < timeout))
            timeout = left;
    }
    return timeout;
}

static void wait_for(struct remote_platform *platform, const int *descriptors, int count,
                     int timeout)
{
    struct invoker *invoker = (struct invoker *)platform;
    struct curl_waitfd polled[MOST_DESCRIPTORS];
    for (int i = 0; i < count; i++)
        polled[i] = (struct curl_waitfd){.fd = descriptors[i], .events = CURL_WAIT_POLLIN};
    if (invoker->answered)
        timeout = 0;
    timeout = shortened(invoker, timeout);
    curl_multi_poll(invoker->multi, polled, (unsigned)count, timeout < 0 ? 60000 : timeout, NULL);
}

struct remote_platform *invoker_platform(struct invoker *invoker)
{
    return &invoker->platform;
}

/* ---- Opening and closing -------------------------------------------------------------------- */

/* "Expect:" would be signed and not sent; payloads are below the size where libcurl would add it.
 *
 * Invocations do not hand on the trace header: Lambda takes a function that invokes itself within
 * one trace for a mistake, and stops it. */
static void set_headers(struct invoker *invoker, const struct invoke_options *options)
{
    invoker->headers = curl_slist_append(NULL, "X-Amz-Invocation-Type: Event");
    invoker->headers = curl_slist_append(invoker->headers, "Content-Type: application/json");
    if (!options->session_token || !options->session_token[0])
        return;
    buffer_printf(&invoker->token, "X-Amz-Security-Token: %s", options->session_token);
    invoker->headers = curl_slist_append(invoker->headers, buffer_text(&invoker->token));
}

struct invoker *invoker_open(const struct invoke_options *options, struct error *error)
{
    struct invoker *invoker = memory_new(1, sizeof *invoker);
    invoker->platform = (struct remote_platform){invoke, next, wait_for,
                                                 options->payload_limit ? options->payload_limit
                                                                        : (1 << 20) - (16 << 10)};
    invoker->last_answered = &invoker->answered;
    invoker->connections = options->connections ? options->connections : CONNECTIONS;
    invoker->patience_ms = options->patience_ms ? options->patience_ms : PATIENCE_MS;
    invoker->multi = curl_multi_init();
    if (!invoker->multi) {
        error_set(error, ERR_out_of_memory, "libcurl could not be made ready");
        free(invoker);
        return NULL;
    }
    curl_multi_setopt(invoker->multi, CURLMOPT_MAXCONNECTS, (long)invoker->connections);
    buffer_printf(&invoker->url, "%s/2015-03-31/functions/%s/invocations", options->endpoint,
                  options->function);
    buffer_printf(&invoker->signature, "aws:amz:%s:lambda", options->region);
    buffer_printf(&invoker->user, "%s:%s", options->access_key, options->secret_key);
    set_headers(invoker, options);
    return invoker;
}

void invoker_close(struct invoker *invoker)
{
    if (!invoker)
        return;
    for (size_t i = 0; i < invoker->requests.count; i++) {
        struct request *request = invoker->requests.items[i];
        curl_multi_remove_handle(invoker->multi, request->handle);
        curl_easy_cleanup(request->handle);
        buffer_release(&request->reply);
        free(request);
    }
    curl_multi_cleanup(invoker->multi);
    curl_slist_free_all(invoker->headers);
    vector_release(&invoker->requests);
    vector_release(&invoker->waiting);
    buffer_release(&invoker->url);
    buffer_release(&invoker->signature);
    buffer_release(&invoker->user);
    buffer_release(&invoker->token);
    free(invoker);
}

/* ---- The environment of a function ----------------------------------------------------------- */

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

static int refuse_environment(const char *name, struct error *error)
{
    return error_set(error, ERR_invoke_environment,
                     "the environment has no %s, so no other executor can be invoked", name);
}

int invoke_environment(struct invoke_options *options, struct buffer *endpoint, struct error *error)
{
    *options = (struct invoke_options){.function = variable("AWS_LAMBDA_FUNCTION_NAME"),
                                       .region = variable("AWS_REGION"),
                                       .access_key = variable("AWS_ACCESS_KEY_ID"),
                                       .secret_key = variable("AWS_SECRET_ACCESS_KEY"),
                                       .session_token = variable("AWS_SESSION_TOKEN")};
    const char *given = variable("AWS_ENDPOINT_URL_LAMBDA");
    given = given ? given : variable("AWS_ENDPOINT_URL");
    if (!options->function)
        return refuse_environment("AWS_LAMBDA_FUNCTION_NAME", error);
    if (!options->region)
        return refuse_environment("AWS_REGION", error);
    if (!options->access_key || !options->secret_key)
        return refuse_environment("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", error);
    if (given)
        buffer_puts(endpoint, given);
    else
        buffer_printf(endpoint, "https://lambda.%s.amazonaws.com", options->region);
    options->endpoint = buffer_text(endpoint);
    return 0;
}
