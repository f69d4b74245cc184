/*
 * Settings of a function beside its configuration: reserved concurrency, what becomes of its
 * asynchronous events, recursion; and those of the account.
 */
#include <string.h>

#include "emulator/internal.h"

enum { RETRIES_MOST = 2, AGE_LEAST = 60 };

/* ---- Concurrency ----------------------------------------------------------------------------- */

static void reserve(struct function *function, int64_t reserved)
{
    struct emulator *emulator = function->emulator;
    if (function->reserved >= 0)
        emulator->reserved_total -= function->reserved;
    else
        emulator->active_unreserved -= function->active;
    function->reserved = reserved;
    if (reserved >= 0)
        emulator->reserved_total += reserved;
    else
        emulator->active_unreserved += function->active;
    schedule_pump(emulator);
}

static void put_concurrency(struct request *request, struct function *function)
{
    json_t *body = configuration_parse_body(request);
    if (!body)
        return;
    const json_t *value = json_object_get(body, "ReservedConcurrentExecutions");
    int64_t wanted = json_integer_value(value),
            own = function->reserved > 0 ? function->reserved : 0;
    int64_t free =
        (int64_t)request->emulator->options.concurrency - request->emulator->reserved_total + own;
    if (!json_is_integer(value) || wanted < 0) {
        refuse(request, "ValidationException",
               "1 validation error detected: Value at 'reservedConcurrentExecutions' failed to "
               "satisfy constraint: Member must have value greater than or equal to 0");
    } else if (wanted > free) {
        refuse(request, "InvalidParameterValueException",
               "Specified ReservedConcurrentExecutions for function decreases account's "
               "UnreservedConcurrentExecution below its minimum value: 0 to %lld can be reserved.",
               (long long)free);
    } else {
        reserve(function, wanted);
        request_answer_json(request, 200,
                            json_pack("{s:I}", "ReservedConcurrentExecutions", (json_int_t)wanted));
    }
    json_decref(body);
}

void settings_concurrency(struct request *request, const char *name)
{
    struct version *version = function_resolve(request, name, NULL);
    struct function *function = version ? version->function : NULL;
    if (!function)
        return;
    if (strcmp(request->method, "PUT") == 0) {
        put_concurrency(request, function);
    } else if (strcmp(request->method, "DELETE") == 0) {
        reserve(function, -1);
        request_answer(request, 204, response_text(""));
    } else {
        json_t *answer = json_object();
        if (function->reserved >= 0)
            json_object_set_new(answer, "ReservedConcurrentExecutions",
                                json_integer(function->reserved));
        request_answer_json(request, 200, answer);
    }
}

/* ---- Asynchronous events --------------------------------------------------------------------- */

static uint64_t event_setting(const struct function *function, const char *name, uint64_t otherwise)
{
    const json_t *value = json_object_get(function->event_configuration, name);
    return json_is_integer(value) ? (uint64_t)json_integer_value(value) : otherwise;
}

uint32_t settings_retries(const struct function *function)
{
    return (uint32_t)event_setting(function, "MaximumRetryAttempts", RETRIES_MOST);
}

uint64_t settings_event_age(const struct function *function)
{
    return event_setting(function, "MaximumEventAgeInSeconds", EVENT_AGE_SECONDS);
}

static bool check_range(struct request *request, const json_t *body, const char *name, int64_t low,
                        int64_t high)
{
    const json_t *value = json_object_get(body, name);
    if (!value || json_is_null(value) ||
        (json_is_integer(value) && json_integer_value(value) >= low &&
         json_integer_value(value) <= high))
        return true;
    refuse(request, "ValidationException",
           "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must "
           "have value between %lld and %lld",
           name, (long long)low, (long long)high);
    return false;
}

/* PUT replaces what is there, POST changes it. */
static void set_event_invoke(struct request *request, struct function *function)
{
    static const char *const members[] = {"MaximumRetryAttempts", "MaximumEventAgeInSeconds",
                                          "DestinationConfig", NULL};
    json_t *body = configuration_parse_body(request);
    if (body && check_range(request, body, members[0], 0, RETRIES_MOST) &&
        check_range(request, body, members[1], AGE_LEAST, EVENT_AGE_SECONDS)) {
        bool replaces = strcmp(request->method, "PUT") == 0 || !function->event_configuration;
        json_t *made =
            replaces ? json_pack("{s:s+, s:{s:{}, s:{}}}", "FunctionArn", function->latest->arn,
                                 ":$LATEST", "DestinationConfig", "OnSuccess", "OnFailure")
                     : json_incref(function->event_configuration);
        for (size_t i = 0; members[i]; i++) {
            json_t *value = json_object_get(body, members[i]);
            if (value && !json_is_null(value))
                json_object_set(made, members[i], value);
        }
        json_object_set_new(made, "LastModified", json_real((double)(clock_epoch_ms() / 1000)));
        json_decref(function->event_configuration);
        function->event_configuration = made;
        request_answer_json(request, 200, json_incref(made));
    }
    json_decref(body);
}

void settings_event_invoke(struct request *request, const char *name)
{
    struct version *version = function_resolve(request, name, NULL);
    struct function *function = version ? version->function : NULL;
    if (!function)
        return;
    if (request->method[0] == 'P') {
        set_event_invoke(request, function);
    } else if (!function->event_configuration) {
        refuse(request, "ResourceNotFoundException",
               "The function %s doesn't have an EventInvokeConfig", version->arn);
    } else if (strcmp(request->method, "GET") == 0) {
        request_answer_json(request, 200, json_incref(function->event_configuration));
    } else {
        json_decref(function->event_configuration);
        function->event_configuration = NULL;
        request_answer(request, 204, response_text(""));
    }
}

/* ---- Recursion, account ---------------------------------------------------------------------- */

void settings_recursion(struct request *request, const char *name)
{
    struct version *version = function_resolve(request, name, NULL);
    struct function *function = version ? version->function : NULL;
    if (!function)
        return;
    if (strcmp(request->method, "PUT") == 0) {
        json_t *body = configuration_parse_body(request);
        if (!body)
            return;
        const char *value = json_string_value(json_object_get(body, "RecursiveLoop"));
        bool good = value && (strcmp(value, "Allow") == 0 || strcmp(value, "Terminate") == 0);
        if (good)
            snprintf(function->recursive_loop, sizeof function->recursive_loop, "%s", value);
        json_decref(body);
        if (!good) {
            refuse(request, "ValidationException",
                   "1 validation error detected: Value at 'recursiveLoop' failed to satisfy "
                   "constraint: Member must satisfy enum value set: [Allow, Terminate]");
            return;
        }
    }
    request_answer_json(request, 200,
                        json_pack("{s:s}", "RecursiveLoop", function->recursive_loop));
}

void settings_account(struct request *request)
{
    const struct emulator *emulator = request->emulator;
    json_int_t limit = emulator->options.concurrency, count = 0, bytes = 0;
    for (const struct function *f = emulator->functions; f; f = f->next) {
        count++;
        bytes += (json_int_t)f->latest->package->zip.length;
    }
    request_answer_json(
        request, 200,
        json_pack("{s:{s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:I}}", "AccountLimit", "TotalCodeSize",
                  (json_int_t)80530636800, "CodeSizeUnzipped", (json_int_t)UNZIPPED_LIMIT,
                  "CodeSizeZipped", (json_int_t)ZIPPED_LIMIT, "ConcurrentExecutions", limit,
                  "UnreservedConcurrentExecutions", limit - (json_int_t)emulator->reserved_total,
                  "AccountUsage", "TotalCodeSize", bytes, "FunctionCount", count));
}
