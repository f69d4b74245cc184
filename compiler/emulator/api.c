/*
 * AWS's paths, and its errors: a table of routes, and refusals in the shape that AWS's SDKs read.
 */
#include <stdarg.h>
#include <string.h>

#include "emulator/internal.h"

static const struct {
    const char *type;
    unsigned status;
} exceptions[] = {
    {"AccessDeniedException", 403},
    {"IncompleteSignatureException", 403},
    {"InvalidParameterValueException", 400},
    {"InvalidRequestContentException", 400},
    {"InvalidSignatureException", 403},
    {"MissingAuthenticationTokenException", 403},
    {"PreconditionFailedException", 412},
    {"RequestEntityTooLargeException", 413},
    {"RequestTooLargeException", 413},
    {"ResourceConflictException", 409},
    {"ResourceNotFoundException", 404},
    {"SerializationException", 400},
    {"ServiceException", 500},
    {"TooManyRequestsException", 429},
    {"UnknownOperationException", 404},
    {"UnrecognizedClientException", 403},
    {"UnsupportedMediaTypeException", 415},
    {"ValidationException", 400},
};

static unsigned status_of(const char *type)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++)
        if (strcmp(exceptions[i].type, type) == 0)
            return exceptions[i].status;
    return 500;
}

static void send_refusal(struct request *request, const char *type, struct buffer *body)
{
    struct MHD_Response *response = response_new(body);
    request->emulator->counters.refused++;
    response_header(response, "Content-Type", "application/json");
    response_header(response, "x-amzn-ErrorType", type);
    if (status_of(type) == 429)
        response_header(response, "Retry-After", "1");
    request_answer(request, status_of(type), response);
}

void refuse(struct request *request, const char *type, const char *format, ...)
{
    struct buffer text = {0}, body = {0};
    va_list arguments;
    va_start(arguments, format);
    buffer_vprintf(&text, format, arguments);
    va_end(arguments);
    /* The service's model spells this one member of this one error with a capital. */
    bool capital = strcmp(type, "ResourceNotFoundException") == 0;
    buffer_printf(&body, "{\"Type\":\"%s\",\"%s\":", status_of(type) < 500 ? "User" : "Service",
                  capital ? "Message" : "message");
    buffer_json_string(&body, buffer_text(&text), text.length);
    buffer_putc(&body, '}');
    buffer_release(&text);
    send_refusal(request, type, &body);
}

void refuse_throttled(struct request *request, bool reserved)
{
    struct buffer body = {0};
    request->emulator->counters.throttled++;
    buffer_printf(&body, "{\"Reason\":\"%s\",\"Type\":\"User\",\"message\":\"Rate Exceeded.\"}",
                  reserved ? "ReservedFunctionConcurrentInvocationLimitExceeded"
                           : "ConcurrentInvocationLimitExceeded");
    send_refusal(request, "TooManyRequestsException", &body);
}

/* ---- Routes ---------------------------------------------------------------------------------- */

/* In a pattern `*` stands for one part of the path, the function's name. */
static const struct {
    const char *method, *pattern;
    void (*plain)(struct request *request);
    void (*named)(struct request *request, const char *name);
} routes[] = {
    {"POST", "/2015-03-31/functions/*/invocations", NULL, invoke_handle},
    {"POST", "/2015-03-31/functions", function_create, NULL},
    {"GET", "/2015-03-31/functions", function_list, NULL},
    {"GET", "/2015-03-31/functions/*", NULL, function_get},
    {"DELETE", "/2015-03-31/functions/*", NULL, function_delete},
    {"GET", "/2015-03-31/functions/*/configuration", NULL, function_get_configuration},
    {"PUT", "/2015-03-31/functions/*/configuration", NULL, function_update_configuration},
    {"PUT", "/2015-03-31/functions/*/code", NULL, function_update_code},
    {"POST", "/2015-03-31/functions/*/versions", NULL, function_publish},
    {"GET", "/2015-03-31/functions/*/versions", NULL, function_list_versions},
    {"PUT", "/2017-10-31/functions/*/concurrency", NULL, settings_concurrency},
    {"DELETE", "/2017-10-31/functions/*/concurrency", NULL, settings_concurrency},
    {"GET", "/2019-09-30/functions/*/concurrency", NULL, settings_concurrency},
    {"PUT", "/2019-09-25/functions/*/event-invoke-config", NULL, settings_event_invoke},
    {"POST", "/2019-09-25/functions/*/event-invoke-config", NULL, settings_event_invoke},
    {"GET", "/2019-09-25/functions/*/event-invoke-config", NULL, settings_event_invoke},
    {"DELETE", "/2019-09-25/functions/*/event-invoke-config", NULL, settings_event_invoke},
    {"PUT", "/2024-08-31/functions/*/recursion-config", NULL, settings_recursion},
    {"GET", "/2024-08-31/functions/*/recursion-config", NULL, settings_recursion},
    {"GET", "/2016-08-19/account-settings", settings_account, NULL},
};

enum { NAME_LIMIT = 256 };

/* Whether the path has the pattern's form; the part at `*` is copied to `name`. */
static bool matches(const char *pattern, const char *path, char name[NAME_LIMIT])
{
    for (; *pattern; pattern++) {
        if (*pattern == '*') {
            size_t length = strcspn(path, "/");
            if (length == 0 || length >= NAME_LIMIT)
                return false;
            memcpy(name, path, length);
            name[length] = '\0';
            path += length;
        } else if (*pattern != *path++) {
            return false;
        }
    }
    return *path == '\0' || strcmp(path, "/") == 0;
}

void api_handle(struct request *request)
{
    char name[NAME_LIMIT];
    identifier_uuid(request->id);
    if (strncmp(request->path, "/_wkc/", 6) == 0) {
        state_handle(request);
        return;
    }
    if (request->too_large) {
        refuse(request, "RequestEntityTooLargeException",
               "Request must be smaller than %d bytes for this operation", REQUEST_BODY_LIMIT);
        return;
    }
    if (!signature_check(request))
        return;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(routes[i].method, request->method) != 0 ||
            !matches(routes[i].pattern, request->path, name))
            continue;
        if (routes[i].plain)
            routes[i].plain(request);
        else
            routes[i].named(request, name);
        return;
    }
    refuse(request, "UnknownOperationException", "%s %s is no operation of this emulator",
           request->method, request->path);
}
