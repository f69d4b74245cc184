/*
 * What tests and tools ask, outside of AWS's paths and without a signature:
 *
 *     GET /_wkc/state                        everything that is counted, as JSON
 *     GET /_wkc/logs[?function=NAME]         what functions printed, the newest environment first
 *     GET /_wkc/code/NAME/VERSION            a function's zip (GetFunction names it)
 */
#include <string.h>

#include "emulator/internal.h"

static json_t *counters_json(const struct counters *c)
{
    const struct {
        const char *name;
        uint64_t value;
    } all[] = {
        {"requests", c->requests},
        {"refused", c->refused},
        {"invocations", c->invocations},
        {"synchronous", c->synchronous},
        {"events", c->events},
        {"dry_runs", c->dry_runs},
        {"runs", c->runs},
        {"succeeded", c->succeeded},
        {"failed", c->failed},
        {"throttled", c->throttled},
        {"retries", c->retries},
        {"discarded", c->discarded},
        {"dropped", c->dropped},
        {"duplicated", c->duplicated},
        {"cold_starts", c->cold_starts},
        {"timeouts", c->timeouts},
        {"out_of_memory", c->out_of_memory},
        {"crashes", c->crashes},
        {"billed_ms", c->billed_ms},
        {"billed_mb_ms", c->billed_mb_ms},
        {"bytes_in", c->bytes_in},
        {"bytes_out", c->bytes_out},
    };
    json_t *made = json_object();
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        json_object_set_new(made, all[i].name, json_integer((json_int_t)all[i].value));
    return made;
}

static const char *state_name(const struct environment *environment)
{
    switch (environment->state) {
    case ENVIRONMENT_COLD:
        return "cold";
    case ENVIRONMENT_INIT:
        return "init";
    case ENVIRONMENT_IDLE:
        return environment->frozen ? "frozen" : "idle";
    case ENVIRONMENT_BUSY:
        return "busy";
    case ENVIRONMENT_RESPONDED:
        return "responded";
    case ENVIRONMENT_ENDING:
        return "ending";
    }
    return "";
}

static json_t *environment_json(const struct environment *environment)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:I}", "id",
                     (json_int_t)environment->id, "function", environment->version->function->name,
                     "version", environment->version->name, "state", state_name(environment), "pid",
                     (json_int_t)environment->pid, "runtime_api", environment->api, "log",
                     environment->log->stream, "invocations", (json_int_t)environment->invocations,
                     "memory_bytes", (json_int_t)environment->memory_most, "init_us",
                     (json_int_t)environment->init_us);
}

static json_t *function_json(const struct function *function)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "name", function->name, "runs",
                     (json_int_t)function->runs, "failures", (json_int_t)function->failures,
                     "active", (json_int_t)function->active, "queued",
                     (json_int_t)function->queue.count, "pending",
                     (json_int_t)function->latest->pending.count);
}

static void answer_state(struct request *request)
{
    const struct emulator *emulator = request->emulator;
    json_t *functions = json_array(), *environments = json_array();
    json_int_t queued = 0;
    for (const struct function *f = emulator->functions; f; f = f->next) {
        json_array_append_new(functions, function_json(f));
        queued += (json_int_t)f->queue.count;
    }
    for (const struct environment *e = emulator->environments; e; e = e->next)
        json_array_append_new(environments, environment_json(e));
    request_answer_json(request, 200,
                        json_pack("{s:s, s:I, s:I, s:o, s:o, s:o}", "root", emulator->root,
                                  "concurrency", (json_int_t)emulator->options.concurrency,
                                  "queued", queued, "counters", counters_json(&emulator->counters),
                                  "functions", functions, "environments", environments));
}

static void append_log(struct buffer *out, const struct log *log, const char *function)
{
    if (function && strcmp(function, log->function) != 0)
        return;
    buffer_printf(out, "==> %s %s <==\n", log->function, log->stream);
    buffer_append(out, buffer_text(&log->text), log->text.length);
}

static void answer_text(struct request *request, const char *type, struct buffer *text)
{
    struct MHD_Response *response = response_new(text);
    response_header(response, "Content-Type", type);
    request_answer(request, 200, response);
}

static void answer_logs(struct request *request)
{
    const struct emulator *emulator = request->emulator;
    const char *function = request_query(request, "function");
    struct buffer text = {0};
    for (struct environment *e = emulator->environments; e; e = e->next) {
        environment_drain_log(e);
        append_log(&text, e->log, function);
    }
    for (const struct log *log = emulator->logs; log; log = log->next)
        append_log(&text, log, function);
    answer_text(request, "text/plain; charset=utf-8", &text);
}

static void answer_code(struct request *request, const char *path)
{
    char name[65], qualifier[129];
    const char *slash = strchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    struct buffer zip = {0};
    if (length == 0 || length >= sizeof name) {
        refuse(request, "ResourceNotFoundException", "no code of that name");
        return;
    }
    memcpy(name, path, length);
    name[length] = '\0';
    snprintf(qualifier, sizeof qualifier, "%s", slash + 1);
    struct version *version = function_resolve(request, name, qualifier);
    if (!version)
        return;
    buffer_append(&zip, version->package->zip.data, version->package->zip.length);
    answer_text(request, "application/zip", &zip);
}

void state_handle(struct request *request)
{
    static const char code[] = "/_wkc/code/";
    if (strcmp(request->method, "GET") != 0)
        refuse(request, "UnknownOperationException", "only GET here");
    else if (strcmp(request->path, "/_wkc/state") == 0)
        answer_state(request);
    else if (strcmp(request->path, "/_wkc/logs") == 0)
        answer_logs(request);
    else if (strncmp(request->path, code, sizeof code - 1) == 0)
        answer_code(request, request->path + sizeof code - 1);
    else
        refuse(request, "ResourceNotFoundException", "%s is not there", request->path);
}
