/* An executor process; see serve.h. */
#include "lambda/serve.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bundle/bundle.h"
#include "graph/code.h"
#include "graph/platform.h"
#include "lambda/invoke.h"
#include "lambda/runtime_api.h"
#include "value/fault.h"
#include "world/remote.h"

enum { STATUS_FAILED = 1 };

struct server {
    struct bundle bundle;
    struct buffer code_bytes;
    struct flow_code *code;
    void *kernels;
    bool is_open; /* the bundle */
    struct buffer endpoint;
    struct invoker *invoker;
    struct remote *remote;
    struct runtime_api *api;
    struct runtime_event event;
    struct buffer response;
};

static void report(const struct error *error)
{
    fprintf(stderr, "executor: error[%s]: %s\n", error_code_text(error->code), error->message);
    if (error->hint[0])
        fprintf(stderr, "  = hint: %s\n", error->hint);
}

/* ---- Making ready --------------------------------------------------------------------------- */

static wk_kernel *find_kernel(void *context, const char *symbol)
{
    const struct server *server = context;
    struct buffer name = {0};
    buffer_printf(&name, "wk_task_%s", symbol);
    void *found = server->kernels ? dlsym(server->kernels, buffer_text(&name)) : NULL;
    buffer_release(&name);
    wk_kernel *kernel;
    memcpy(&kernel, &found, sizeof kernel);
    return kernel;
}

static int load_bundle(struct server *server, const char *folder, struct error *error)
{
    int code = bundle_open(&server->bundle, folder, error);
    server->is_open = code == 0;
    code = code ? code : bundle_read(&server->bundle, BUNDLE_FLOW_CODE, &server->code_bytes, error);
    if (code)
        return code;
    server->code = flow_code_load(server->code_bytes.data, server->code_bytes.length, error);
    if (!server->code)
        return (int)error->code;
    return bundle_load_kernels(&server->bundle, &server->kernels, error);
}

static uint64_t memory_mb(void)
{
    const char *text = getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
    return text ? strtoull(text, NULL, 10) : 0;
}

/* A quarter of the memory is left for what is not values. */
static struct remote_options remote_options(void)
{
    uint64_t mb = memory_mb();
    long here = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t processors = platform_processors(mb);
    if (here > 0 && processors > (uint32_t)here)
        processors = (uint32_t)here;
    return (struct remote_options){.processors = processors,
                                   .memory_limit = (mb << 20) / 4 * 3,
                                   .process_memory = mb << 20,
                                   .writes_log = true,
                                   .catches_faults = true};
}

static int make_ready(struct server *server, const char *folder, struct error *error)
{
    struct invoke_options invoke;
    int code = load_bundle(server, folder, error);
    code = code ? code : invoke_environment(&invoke, &server->endpoint, error);
    if (code)
        return code;
    server->invoker = invoker_open(&invoke, error);
    if (!server->invoker)
        return (int)error->code;
    struct remote_program program = {server->code, server->bundle.digest, find_kernel, server};
    struct remote_options options = remote_options();
    server->remote = remote_new(&program, invoker_platform(server->invoker), &options);
    return 0;
}

static void release(struct server *server)
{
    if (server->remote)
        remote_free(server->remote);
    invoker_close(server->invoker);
    runtime_api_close(server->api);
    if (server->kernels)
        dlclose(server->kernels);
    flow_code_free(server->code);
    if (server->is_open)
        bundle_close(&server->bundle);
    buffer_release(&server->code_bytes);
    buffer_release(&server->endpoint);
    buffer_release(&server->event.payload);
    buffer_release(&server->response);
}

/* ---- Serving -------------------------------------------------------------------------------- */

static int64_t now_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* The deadline, which is in the time of day, by the clock that does not jump. */
static uint64_t deadline_ns(const struct runtime_event *event)
{
    if (event->deadline_ms == 0)
        return 0;
    int64_t left = event->deadline_ms * 1000000 - now_ns(CLOCK_REALTIME);
    return (uint64_t)(now_ns(CLOCK_MONOTONIC) + (left > 0 ? left : 0));
}

/* An event that fails is told as failed, and the process goes on. */
static int serve_event(struct server *server, struct error *error)
{
    struct error failure;
    buffer_clear(&server->response);
    int code = remote_serve(server->remote, buffer_text(&server->event.payload),
                            server->event.payload.length, deadline_ns(&server->event),
                            &server->response, &failure);
    if (code == 0)
        return runtime_api_respond(server->api, &server->event, buffer_text(&server->response),
                                   server->response.length, error);
    report(&failure);
    return runtime_api_fail(server->api, &server->event, &failure, error);
}

static int serve_all(struct server *server, struct error *error)
{
    int code = 0;
    while (!code) {
        code = runtime_api_next(server->api, &server->event, error);
        code = code ? code : serve_event(server, error);
        if (remote_is_damaged(server->remote)) {
            fputs("executor: ends, since a task written in C has faulted\n", stderr);
            _exit(STATUS_FAILED);
        }
    }
    return code;
}

int executor_serve(const char *folder, const char *address)
{
    struct server server = {0};
    struct error error, later;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    atexit(fault_exit_caught);
    server.api = runtime_api_open(address, &error);
    int code = server.api ? make_ready(&server, folder, &error) : (int)error.code;
    if (code && server.api && runtime_api_fail(server.api, NULL, &error, &later))
        report(&later);
    code = code ? code : serve_all(&server, &error);
    report(&error);
    release(&server);
    return STATUS_FAILED;
}
