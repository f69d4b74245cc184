/* Invoke: a request becomes an invocation. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "emulator/internal.h"

enum { CONTEXT_LIMIT = 3583, DUPLICATE_WITHIN_US = 200000 };

/* ---- Payloads -------------------------------------------------------------------------------- */

struct payload *payload_new(struct buffer *bytes)
{
    struct payload *payload = memory_new(1, sizeof *payload);
    *payload = (struct payload){.references = 1, .length = bytes->length, .data = bytes->data};
    *bytes = (struct buffer){0};
    return payload;
}

struct payload *payload_keep(struct payload *payload)
{
    payload->references++;
    return payload;
}

void payload_drop(void *dropped)
{
    struct payload *payload = dropped;
    if (!payload || --payload->references)
        return;
    free(payload->data);
    free(payload);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

/* True with the given probability, by the seeded chance (splitmix64). */
static bool happens(struct emulator *emulator, uint32_t percent)
{
    if (!percent)
        return false;
    uint64_t x = emulator->fault_state += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return (x ^ (x >> 31)) % 100 < percent;
}

/* The same event once more, a little later. */
static void duplicate(const struct invocation *invocation)
{
    struct emulator *emulator = invocation->emulator;
    struct invocation *other = memory_new(1, sizeof *other);
    *other = *invocation;
    other->next = NULL;
    version_keep(other->version);
    payload_keep(other->payload);
    other->client_context = other->client_context ? strdup(other->client_context) : NULL;
    other->trace = other->trace ? strdup(other->trace) : NULL;
    emulator->counters.duplicated++;
    schedule_submit_later(other, random_bits() % DUPLICATE_WITHIN_US);
}

static void submit_event(struct invocation *invocation)
{
    struct emulator *emulator = invocation->emulator;
    emulator->counters.events++;
    if (happens(emulator, emulator->options.duplicate_percent))
        duplicate(invocation);
    if (happens(emulator, emulator->options.drop_percent)) {
        emulator->counters.dropped++;
        invocation_free(invocation);
    } else {
        schedule_submit(invocation);
    }
}

/* ---- The request ----------------------------------------------------------------------------- */

static bool check_size(struct request *request, const char *type, size_t limit)
{
    if (request->body.length <= limit)
        return true;
    refuse(request, "RequestTooLargeException",
           "%zu byte payload is too large for the %s invocation type (limit %zu bytes)",
           request->body.length, type, limit);
    return false;
}

/* Which of the three kinds of Invoke it is: 'R', 'E', 'D'; 0 after refusing. */
static char read_type(struct request *request)
{
    const char *type = request_header(request, "X-Amz-Invocation-Type");
    type = type ? type : "RequestResponse";
    bool is_event = strcmp(type, "Event") == 0;
    if (!is_event && strcmp(type, "RequestResponse") != 0 && strcmp(type, "DryRun") != 0) {
        refuse(request, "ValidationException",
               "1 validation error detected: Value '%.100s' at 'invocationType' failed to satisfy "
               "constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
               type);
        return 0;
    }
    size_t limit = is_event ? request->emulator->options.event_bytes : SYNCHRONOUS_LIMIT;
    return check_size(request, type, limit) ? type[0] : 0;
}

/* Whether the log is wanted; false after refusing. */
static bool read_log_type(struct request *request, bool *wants_log)
{
    const char *type = request_header(request, "X-Amz-Log-Type");
    *wants_log = type && strcmp(type, "Tail") == 0;
    if (!type || *wants_log || strcmp(type, "None") == 0)
        return true;
    refuse(request, "ValidationException",
           "1 validation error detected: Value '%.100s' at 'logType' failed to satisfy constraint: "
           "Member must satisfy enum value set: [None, Tail]",
           type);
    return false;
}

/* Decodes the client context; false after refusing. */
static bool read_context(struct request *request, char **context)
{
    const char *text = request_header(request, "X-Amz-Client-Context");
    size_t length = text ? strlen(text) : 0;
    *context = NULL;
    if (!length)
        return true;
    unsigned char *plain = memory_new(1, length + 4);
    int got = length % 4 || length > CONTEXT_LIMIT
                  ? -1
                  : EVP_DecodeBlock(plain, (const unsigned char *)text, (int)length);
    if (got >= 0) {
        got -= (text[length - 1] == '=') + (text[length - 2] == '=');
        plain[got] = '\0';
    }
    if (got < 0 || !json_text_is_valid((char *)plain, (size_t)got) ||
        strpbrk((char *)plain, "\r\n")) {
        free(plain);
        refuse(request, "InvalidRequestContentException",
               "Client context must be a valid Base64-encoded JSON object.");
        return false;
    }
    *context = (char *)plain;
    return true;
}

static struct invocation *read_invocation(struct request *request, struct version *version)
{
    char *context;
    bool wants_log;
    if (!request->body.length)
        buffer_puts(&request->body, "{}");
    if (!json_text_is_valid(request->body.data, request->body.length)) {
        refuse(request, "InvalidRequestContentException",
               "Could not parse request body into json: the payload is not a JSON text");
        return NULL;
    }
    if (!read_log_type(request, &wants_log) || !read_context(request, &context))
        return NULL;
    const char *trace = request_header(request, "X-Amzn-Trace-Id");
    struct invocation *invocation = memory_new(1, sizeof *invocation);
    invocation->emulator = request->emulator;
    memcpy(invocation->id, request->id, sizeof invocation->id);
    invocation->version = version_keep(version);
    invocation->payload = payload_new(&request->body);
    invocation->client_context = context;
    invocation->trace = trace ? strdup(trace) : NULL;
    invocation->wants_log = wants_log;
    invocation->queued_at = clock_now();
    return invocation;
}

static void answer_accepted(struct request *request, unsigned status, const struct version *version)
{
    struct MHD_Response *response = response_text("");
    response_header(response, "X-Amz-Executed-Version", version->name);
    request_answer(request, status, response);
}

static void accept_invocation(struct request *request, struct invocation *invocation, bool is_event)
{
    struct counters *counters = &request->emulator->counters;
    counters->invocations++;
    counters->bytes_in += invocation->payload->length;
    if (is_event) {
        answer_accepted(request, 202, invocation->version);
        submit_event(invocation);
        return;
    }
    counters->synchronous++;
    invocation->request = request;
    if (request->state != REQUEST_WAITING)
        request_wait(request);
    schedule_submit(invocation);
}

/* The latency has gone by. */
static void accept_late(struct timer *timer)
{
    struct request *request = (struct request *)((char *)timer - offsetof(struct request, timer));
    struct invocation *invocation = request->invocation;
    const char *type = request_header(request, "X-Amz-Invocation-Type");
    request->invocation = NULL;
    accept_invocation(request, invocation, type && strcmp(type, "Event") == 0);
}

void invoke_handle(struct request *request, const char *name)
{
    struct emulator *emulator = request->emulator;
    struct version *version = function_resolve(request, name, request_query(request, "Qualifier"));
    char type = version ? read_type(request) : 0;
    if (!type)
        return;
    if (type == 'D') {
        emulator->counters.dry_runs++;
        answer_accepted(request, 204, version);
        return;
    }
    struct invocation *invocation = read_invocation(request, version);
    if (!invocation)
        return;
    if (!emulator->options.invoke_latency_ms) {
        accept_invocation(request, invocation, type == 'E');
        return;
    }
    request->invocation = invocation;
    request->timer.fire = accept_late;
    request_wait(request);
    timers_set(&emulator->timers, &request->timer,
               clock_now() + emulator->options.invoke_latency_ms * UINT64_C(1000));
}
