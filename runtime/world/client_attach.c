/*
 * A job of another client, as the store has it: its program, what main's parameters are bound to,
 * its inputs. It is opened as executors open it, but for kernels, which are theirs; see client.h.
 */
#include <stdlib.h>
#include <string.h>

#include "world/client.h"
#include "world/remote_state.h"

struct client_attached {
    struct client_job job;
    struct flow_code *code;
    struct buffer code_bytes;
    struct remote_program program;
    struct remote *remote; /* serves no events: it holds the job */
};

/* Nobody runs a task here. */
static void no_kernel(void)
{
    bug("an attached client runs a task");
}

static wk_kernel *find_no_kernel(void *context, const char *symbol)
{
    (void)context, (void)symbol;
    return (wk_kernel *)no_kernel;
}

static int fetch_plan(const struct payload *payload, struct buffer *bytes, struct error *error)
{
    struct store *store;
    struct store_options options = {0};
    struct store_request status = {.step = STORE_STATUS};
    struct store_request get = {.step = STORE_GET, .name = {.kind = STORE_PLAN}};
    memcpy(options.job, payload->job, sizeof options.job);
    int code = store_open(payload->store, &options, &store, error);
    if (code)
        return code;
    if (store_call(store, &status))
        *error = status.error;
    else if (status.reply.status == STORE_ABSENT)
        error_set(error, ERR_job_lost, "the store has no job %s", payload->job);
    else if (store_call(store, &get))
        *error = get.error;
    else
        buffer_append(bytes, get.reply.value.data, get.reply.value.size);
    code = bytes->length ? 0 : (int)error->code;
    store_request_release(&status);
    store_request_release(&get);
    store_close(store);
    return code;
}

static int open_job(struct client_attached *attached, const struct payload *payload,
                    struct error *error)
{
    struct remote_options options = {.processors = 1};
    int code = fetch_plan(payload, &attached->code_bytes, error);
    if (code)
        return code;
    attached->code = flow_code_load(attached->code_bytes.data, attached->code_bytes.length, error);
    if (!attached->code)
        return (int)error->code;
    attached->program = (struct remote_program){attached->code, NULL, find_no_kernel, NULL};
    attached->remote = remote_new(&attached->program, NULL, &options);
    code = remote_job_open(attached->remote, payload, error);
    if (code)
        return code;
    attached->job.job = &attached->remote->job->job;
    attached->job.code = attached->code;
    attached->job.description = attached->remote->job->description;
    return 0;
}

int client_attach(const char *store, const char *name, struct client_attached **opened,
                  struct error *error)
{
    struct client_attached *attached = memory_new(1, sizeof *attached);
    struct payload payload = {.store = store};
    memcpy(payload.job, name, STORE_JOB_NAME);
    int code = open_job(attached, &payload, error);
    *opened = attached;
    if (code)
        client_detach(attached);
    return code;
}

const struct client_job *client_attached_job(const struct client_attached *attached)
{
    return &attached->job;
}

void client_detach(struct client_attached *attached)
{
    if (attached->remote)
        remote_free(attached->remote);
    flow_code_free(attached->code);
    buffer_release(&attached->code_bytes);
    free(attached);
}
