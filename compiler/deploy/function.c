/* Functions of Lambda: created, awaited, removed; see deploy.h. Each request has a connection of
 * its own: they are few. */
#include <curl/curl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "deploy/deploy.h"

enum {
    REQUEST_TIMEOUT_MS = 120000,
    STATE_ATTEMPTS = 600,
    STATE_DELAY_MS = 100,
    CREATED = 201,
    OK = 200,
    NO_CONTENT = 204,
    NOT_FOUND = 404,
};

struct call {
    const struct deploy_target *target;
    const char *method, *path;
    const struct buffer *body; /* or NULL */
    struct buffer reply;
    long status;
};

static size_t take_reply(char *data, size_t size, size_t count, void *context)
{
    struct call *call = context;
    buffer_append(&call->reply, data, size * count);
    return size * count;
}

static struct curl_slist *headers_of(const struct call *call, struct buffer *token)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (!call->target->session_token || !call->target->session_token[0])
        return headers;
    buffer_printf(token, "X-Amz-Security-Token: %s", call->target->session_token);
    return curl_slist_append(headers, buffer_text(token));
}

static void set_up(CURL *handle, struct call *call, const char *url, const char *user,
                   const char *signature)
{
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)REQUEST_TIMEOUT_MS);
    curl_easy_setopt(handle, CURLOPT_AWS_SIGV4, signature);
    curl_easy_setopt(handle, CURLOPT_USERPWD, user);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_reply);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, call);
    if (call->body) {
        curl_easy_setopt(handle, CURLOPT_POST, 1L);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, call->body->data);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body->length);
    }
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, call->method);
}

/* One request: 0 with call->status and call->reply, or ERR_deploy_failed. Release the reply. */
static int perform(struct call *call, struct error *error)
{
    const struct deploy_target *target = call->target;
    struct buffer url = {0}, user = {0}, signature = {0}, token = {0};
    char failure[CURL_ERROR_SIZE] = "";
    CURL *handle = curl_easy_init();
    if (!handle)
        memory_exhausted();
    buffer_printf(&url, "%s%s", target->endpoint, call->path);
    buffer_printf(&user, "%s:%s", target->access_key, target->secret_key);
    buffer_printf(&signature, "aws:amz:%s:lambda", target->region);
    struct curl_slist *headers = headers_of(call, &token);
    set_up(handle, call, buffer_text(&url), buffer_text(&user), buffer_text(&signature));
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, failure);
    CURLcode result = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &call->status);
    curl_easy_cleanup(handle);
    curl_slist_free_all(headers);
    buffer_release(&url);
    buffer_release(&user);
    buffer_release(&signature);
    buffer_release(&token);
    if (result == CURLE_OK)
        return 0;
    return error_set(error, ERR_deploy_failed, "Lambda's API at %s cannot be reached: %s",
                     target->endpoint, failure[0] ? failure : curl_easy_strerror(result));
}

/* {"Message": "…"} or {"message": "…"}, as the service pleases. */
static int refuse(const struct call *call, const char *what, const char *name, struct error *error)
{
    json_t *root = json_loadb(buffer_text(&call->reply), call->reply.length, 0, NULL);
    const char *message = json_string_value(json_object_get(root, "message"));
    if (!message)
        message = json_string_value(json_object_get(root, "Message"));
    error_set(error, ERR_deploy_failed, "the function %s cannot be %s: %s (status %ld)", name, what,
              message ? message : "no reason is given", call->status);
    json_decref(root);
    return (int)error->code;
}

/* ---- Creating ------------------------------------------------------------------------------- */

static void write_base64(struct buffer *out, const void *bytes, size_t length)
{
    char *to = buffer_extend(out, 4 * ((length + 2) / 3) + 1);
    int written = EVP_EncodeBlock((unsigned char *)to, bytes, (int)length);
    buffer_end_at(out, to + written);
}

static void write_function(const struct deploy_function *function, struct buffer *body)
{
    buffer_printf(body,
                  "{\"FunctionName\":\"%s\",\"Role\":\"%s\",\"Runtime\":\"provided.al2023\","
                  "\"Handler\":\"bootstrap\",\"Architectures\":[\"%s\"],\"MemorySize\":%u,"
                  "\"Timeout\":%u,\"Code\":{\"ZipFile\":\"",
                  function->name, function->role, function->architecture, function->memory_mb,
                  function->timeout_s);
    write_base64(body, function->zip, function->zip_length);
    buffer_puts(body, "\"}}");
}

static void sleep_ms(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* "Active", "Pending", "Failed", or "". */
static void read_state(const struct buffer *reply, char state[32])
{
    json_t *root = json_loadb(buffer_text(reply), reply->length, 0, NULL);
    const json_t *configuration = json_object_get(root, "Configuration");
    const char *text =
        json_string_value(json_object_get(configuration ? configuration : root, "State"));
    state[0] = 0;
    strncat(state, text ? text : "", 31);
    json_decref(root);
}

static int wait_until_active(const struct deploy_target *target, const char *name,
                             struct error *error)
{
    struct buffer path = {0};
    buffer_printf(&path, "/2015-03-31/functions/%s", name);
    char state[32] = "Pending";
    int code = 0;
    for (int attempt = 0; attempt < STATE_ATTEMPTS && !code && strcmp(state, "Pending") == 0;
         attempt++) {
        struct call call = {.target = target, .method = "GET", .path = buffer_text(&path)};
        if (attempt > 0)
            sleep_ms(STATE_DELAY_MS);
        code = perform(&call, error);
        if (!code && call.status != OK)
            code = refuse(&call, "made ready", name, error);
        if (!code)
            read_state(&call.reply, state);
        buffer_release(&call.reply);
    }
    buffer_release(&path);
    if (!code && strcmp(state, "Active") != 0)
        code = error_set(error, ERR_deploy_failed,
                         "the function %s does not become active: its state is '%s'", name, state);
    return code;
}

static int create(const struct deploy_target *target, const struct deploy_function *function,
                  struct error *error)
{
    struct buffer body = {0};
    struct call call = {
        .target = target, .method = "POST", .path = "/2015-03-31/functions", .body = &body};
    write_function(function, &body);
    int code = perform(&call, error);
    if (!code && call.status != CREATED)
        code = refuse(&call, "created", function->name, error);
    char state[32] = "";
    if (!code)
        read_state(&call.reply, state);
    buffer_release(&body);
    buffer_release(&call.reply);
    if (code || strcmp(state, "Active") == 0)
        return code;
    return wait_until_active(target, function->name, error);
}

static int remove_function(const struct deploy_target *target, const char *name,
                           struct error *error)
{
    struct buffer path = {0};
    buffer_printf(&path, "/2015-03-31/functions/%s", name);
    struct call call = {.target = target, .method = "DELETE", .path = buffer_text(&path)};
    int code = perform(&call, error);
    if (!code && call.status != NO_CONTENT && call.status != OK && call.status != NOT_FOUND)
        code = refuse(&call, "removed", name, error);
    buffer_release(&call.reply);
    buffer_release(&path);
    return code;
}

extern const struct deploy_library wkc_deploy_library;
__attribute__((visibility("default"))) const struct deploy_library wkc_deploy_library = {
    .create = create,
    .remove = remove_function,
    .invoker_open = invoker_open,
    .invoker_close = invoker_close,
    .invoker_platform = invoker_platform,
};
