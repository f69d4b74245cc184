/* A client of Lambda's Runtime API; see runtime_api.h. */
#include "lambda/runtime_api.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

enum { CONNECT_ATTEMPTS = 3, LOG_STATUS = 300 };

struct runtime_api {
    CURL *handle;
    struct buffer base; /* "http://ADDRESS/2018-06-01/runtime" */
    struct buffer reply;
    struct runtime_event *event; /* whose headers are read */
    char failure[CURL_ERROR_SIZE];
};

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct runtime_api *api = context;
    buffer_append(api->event ? &api->event->payload : &api->reply, data, size * count);
    return size * count;
}

/* The value of a header if it has this name, in any case. */
static bool header_value(const char *line, size_t length, const char *name, char *out, size_t room)
{
    size_t name_length = strlen(name);
    if (length <= name_length || strncasecmp(line, name, name_length) != 0 ||
        line[name_length] != ':')
        return false;
    line += name_length + 1;
    length -= name_length + 1;
    while (length > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        length--;
    }
    while (length > 0 && strchr("\r\n \t", line[length - 1]))
        length--;
    snprintf(out, room, "%.*s", (int)length, line);
    return true;
}

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    struct runtime_api *api = context;
    struct runtime_event *event = api->event;
    size_t length = size * count;
    char number[32];
    if (!event)
        return length;
    header_value(line, length, "Lambda-Runtime-Aws-Request-Id", event->id, sizeof event->id);
    header_value(line, length, "Lambda-Runtime-Invocation-Id", event->invocation_id,
                 sizeof event->invocation_id);
    if (header_value(line, length, "Lambda-Runtime-Deadline-Ms", number, sizeof number))
        event->deadline_ms = strtoll(number, NULL, 10);
    return length;
}

/* No time limit: the platform freezes the process while there is nothing to do. No proxy, although
 * the environment may name one; no signals, for there are threads. */
static void set_up(struct runtime_api *api)
{
    CURL *handle = api->handle;
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT, 0L);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, api);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, api);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, api->failure);
}

struct runtime_api *runtime_api_open(const char *address, struct error *error)
{
    struct runtime_api *api = memory_new(1, sizeof *api);
    api->handle = curl_easy_init();
    if (!api->handle) {
        error_set(error, ERR_out_of_memory, "libcurl could not be made ready");
        free(api);
        return NULL;
    }
    buffer_printf(&api->base, "http://%s/2018-06-01/runtime", address);
    set_up(api);
    return api;
}

void runtime_api_close(struct runtime_api *api)
{
    if (!api)
        return;
    curl_easy_cleanup(api->handle);
    buffer_release(&api->base);
    buffer_release(&api->reply);
    free(api);
}

static int refuse(struct runtime_api *api, const char *what, CURLcode result, struct error *error)
{
    return error_set(error, ERR_runtime_api, "the Runtime API does not answer %s: %s", what,
                     api->failure[0] ? api->failure : curl_easy_strerror(result));
}

/* A connection that stood idle while the process was frozen may be dead: then once more, on a new
 * one. */
static int perform(struct runtime_api *api, const char *what, long *status, struct error *error)
{
    CURLcode result = CURLE_OK;
    for (int attempt = 0; attempt < CONNECT_ATTEMPTS; attempt++) {
        buffer_clear(&api->reply);
        if (api->event)
            buffer_clear(&api->event->payload);
        api->failure[0] = 0;
        result = curl_easy_perform(api->handle);
        if (result == CURLE_OK) {
            curl_easy_getinfo(api->handle, CURLINFO_RESPONSE_CODE, status);
            return 0;
        }
        curl_easy_setopt(api->handle, CURLOPT_FRESH_CONNECT, 1L);
    }
    return refuse(api, what, result, error);
}

int runtime_api_next(struct runtime_api *api, struct runtime_event *event, struct error *error)
{
    struct buffer url = {0};
    long status = 0;
    buffer_printf(&url, "%s/invocation/next", buffer_text(&api->base));
    event->id[0] = event->invocation_id[0] = 0;
    event->deadline_ms = 0;
    api->event = event;
    curl_easy_setopt(api->handle, CURLOPT_URL, buffer_text(&url));
    curl_easy_setopt(api->handle, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(api->handle, CURLOPT_HTTPHEADER, NULL);
    int code = perform(api, "/next", &status, error);
    api->event = NULL;
    buffer_release(&url);
    curl_easy_setopt(api->handle, CURLOPT_FRESH_CONNECT, 0L);
    if (!code && status != 200)
        code = error_set(error, ERR_runtime_api, "the Runtime API answers /next with status %ld",
                         status);
    if (!code && !event->id[0])
        code = error_set(error, ERR_runtime_api, "the Runtime API gives an event without an id");
    return code;
}

/* Posts to a path below the base. `headers` are freed. */
static int post(struct runtime_api *api, const char *path, struct curl_slist *headers,
                const char *body, size_t length, struct error *error)
{
    struct buffer url = {0};
    long status = 0;
    buffer_printf(&url, "%s/%s", buffer_text(&api->base), path);
    headers = curl_slist_append(headers, "Expect:");
    headers = curl_slist_append(headers, "Content-Type: application/json");
    curl_easy_setopt(api->handle, CURLOPT_URL, buffer_text(&url));
    curl_easy_setopt(api->handle, CURLOPT_POST, 1L);
    curl_easy_setopt(api->handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(api->handle, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(api->handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    int code = perform(api, path, &status, error);
    curl_easy_setopt(api->handle, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(api->handle, CURLOPT_FRESH_CONNECT, 0L);
    curl_slist_free_all(headers);
    buffer_release(&url);
    if (!code && status >= 500)
        code = error_set(error, ERR_runtime_api, "the Runtime API answers /%s with status %ld",
                         path, status);
    if (!code && status >= LOG_STATUS)
        fprintf(stderr, "executor: the Runtime API answers /%s with status %ld: %s\n", path, status,
                buffer_text(&api->reply));
    return code;
}

/* The headers that belong to an event. */
static struct curl_slist *event_headers(const struct runtime_event *event)
{
    char header[192];
    if (!event || !event->invocation_id[0])
        return NULL;
    snprintf(header, sizeof header, "Lambda-Runtime-Invocation-Id: %s", event->invocation_id);
    return curl_slist_append(NULL, header);
}

int runtime_api_respond(struct runtime_api *api, const struct runtime_event *event,
                        const char *result, size_t length, struct error *error)
{
    struct buffer path = {0};
    buffer_printf(&path, "invocation/%s/response", event->id);
    int code = post(api, buffer_text(&path), event_headers(event), result, length, error);
    buffer_release(&path);
    return code;
}

int runtime_api_fail(struct runtime_api *api, const struct runtime_event *event,
                     const struct error *failure, struct error *error)
{
    struct buffer path = {0}, body = {0};
    char header[96];
    if (event)
        buffer_printf(&path, "invocation/%s/error", event->id);
    else
        buffer_puts(&path, "init/error");
    snprintf(header, sizeof header, "Lambda-Runtime-Function-Error-Type: wkc.%s",
             error_code_text(failure->code));
    buffer_puts(&body, "{\"errorMessage\":");
    buffer_json_string(&body, failure->message, strlen(failure->message));
    buffer_printf(&body, ",\"errorType\":\"wkc.%s\",\"stackTrace\":[]}",
                  error_code_text(failure->code));
    struct curl_slist *headers = curl_slist_append(event_headers(event), header);
    int code = post(api, buffer_text(&path), headers, body.data, body.length, error);
    buffer_release(&path);
    buffer_release(&body);
    return code;
}
