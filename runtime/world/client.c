/* Submitting a job, watching it, and its result; see client.h. */
#include "world/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "store/store.h"
#include "value/data_file.h"
#include "value/stored.h"
#include "world/bind.h"
#include "world/failure.h"
#include "world/parcel.h"
#include "world/payload.h"

enum {
    WATCH_MS = 250,         /* between two looks at the job's status, if nobody tells of its end */
    UPLOAD_BYTES = 4 << 20, /* read from an input at once */
    PIPELINED = 32,         /* requests under way while inputs are stored */
    DESCRIPTION_INLINE = 4096,
};

/* What the outcome of a job keeps alive. */
struct client_result {
    struct arena arena; /* names of files in failures, and so on */
    struct memory_account account;
    struct context context;
    struct bind_table table;
    struct binder binder;
    _Atomic(uint32_t) stop;
    uint64_t *slots; /* by part */
    uint64_t *words;
    VECTOR(struct wk_block *) blocks;
};

struct client {
    const struct client_job *job;
    const struct client_options *options;
    char name[STORE_JOB_NAME + 1];
    struct store *store;
    struct buffer description;
    struct client_result *result;
    uint64_t began; /* ms */
    bool begun;     /* the store has something of the job */
    uint32_t invoking;
    uint32_t under_way; /* requests that were sent and not yet answered */
};

static uint64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static bool is_stopped(const struct client *client)
{
    const _Atomic(uint32_t) *stop = client->options->job->stop;
    return stop && atomic_load_explicit(stop, memory_order_relaxed);
}

/* ---- Storing inputs ------------------------------------------------------------------------- */

/* A request of an upload with the bytes that it stores. */
struct upload {
    struct store_request request;
    struct store_bytes span;
    char data[];
};

static int wait_for_answer(struct client *client, struct error *error)
{
    struct store_request *request;
    int code = 0;
    while (!(request = store_next(client->store))) {
        int descriptor = store_descriptor(client->store);
        int timeout = store_timeout(client->store);
        client->options->platform->wait(client->options->platform, &descriptor, 1, timeout);
    }
    client->under_way--;
    if (request->code) {
        *error = request->error;
        code = request->code;
    }
    store_request_release(request);
    free(request->user);
    return code;
}

static int wait_for_answers(struct client *client, uint32_t most, struct error *error)
{
    int code = 0;
    while (client->under_way > most && !code)
        code = wait_for_answer(client, error);
    return code;
}

static int put_chunk(struct client *client, uint32_t input, uint64_t number, const char *data,
                     size_t size, struct error *error)
{
    struct upload *upload = memory_resize(NULL, sizeof *upload + size, 1);
    memset(upload, 0, sizeof *upload);
    memcpy(upload->data, data, size);
    upload->span = (struct store_bytes){upload->data, size};
    upload->request =
        (struct store_request){.step = STORE_PUT,
                               .name = {.kind = STORE_INPUT, .node = input, .first = number},
                               .spans = &upload->span,
                               .span_count = 1,
                               .user = upload};
    client->under_way++;
    store_send(client->store, &upload->request);
    return wait_for_answers(client, PIPELINED, error);
}

/* Bytes of an input on their way into chunks. */
struct chunker {
    uint32_t input;
    uint64_t number; /* of the next chunk */
    struct buffer rest;
};

static int put_whole_chunks(struct client *client, struct chunker *chunker, struct error *error)
{
    size_t at = 0;
    int code = 0;
    while (!code && chunker->rest.length - at >= DESCRIPTION_CHUNK) {
        code = put_chunk(client, chunker->input, chunker->number++, chunker->rest.data + at,
                         DESCRIPTION_CHUNK, error);
        at += DESCRIPTION_CHUNK;
    }
    size_t left = chunker->rest.length - at;
    if (at > 0)
        memmove(chunker->rest.data, chunker->rest.data + at, left);
    chunker->rest.length = left;
    return code;
}

/* Reads the input in slabs of its first dimension. */
static int put_slabs(struct client *client, struct data_file *file, struct chunker *chunker,
                     uint8_t rank, uint64_t row_bytes, struct error *error)
{
    int64_t begin[WK_MAX_RANK] = {0}, count[WK_MAX_RANK];
    memcpy(count, data_file_extents(file), rank * sizeof *count);
    int64_t rows = count[0], step = row_bytes ? (int64_t)(UPLOAD_BYTES / row_bytes) : rows;
    step = step > 0 ? step : 1;
    int code = 0;
    for (; !code && begin[0] < rows; begin[0] += step) {
        count[0] = rows - begin[0] < step ? rows - begin[0] : step;
        char *to = buffer_extend(&chunker->rest, (size_t)count[0] * row_bytes);
        code = data_file_read(file, begin, count, to, error);
        buffer_end_at(&chunker->rest, to + (size_t)count[0] * row_bytes);
        code = code ? code : put_whole_chunks(client, chunker, error);
        if (is_stopped(client))
            code = error_set(error, ERR_interrupted, "the job was stopped before its end");
    }
    return code;
}

static int put_input(struct client *client, struct data_file *file, uint32_t number,
                     enum wk_scalar scalar, uint8_t rank, struct error *error)
{
    struct chunker chunker = {.input = number};
    uint64_t row_bytes = wk_scalar_bytes(scalar);
    for (unsigned d = 1; d < rank; d++)
        row_bytes *= (uint64_t)data_file_extents(file)[d];
    int code = put_slabs(client, file, &chunker, rank, row_bytes, error);
    if (!code && chunker.rest.length > 0)
        code = put_chunk(client, number, chunker.number, chunker.rest.data, chunker.rest.length,
                         error);
    buffer_release(&chunker.rest);
    return code;
}

/* A value that was bound as a whole. */
static int put_block(struct client *client, const struct wk_block *block, uint32_t leaf,
                     struct error *error)
{
    struct value_leaf form;
    uint64_t word = (uintptr_t)block + WK_HEADER_BYTES, at = 0;
    value_leaves(flow_leaf_type(client->job->code, leaf), &form, &client->result->arena);
    uint64_t bytes = stored_bytes(&form, word);
    char *stored = memory_try(bytes, WK_ALIGN);
    if (!stored)
        return error_set(error, ERR_out_of_memory, "there is no memory to store an input");
    stored_write(&form, word, stored);
    int code = 0;
    for (uint64_t number = 0; !code && at < bytes; number++, at += DESCRIPTION_CHUNK) {
        uint64_t size = bytes - at < DESCRIPTION_CHUNK ? bytes - at : DESCRIPTION_CHUNK;
        code = put_chunk(client, leaf, number, stored + at, size, error);
    }
    free(stored);
    return code;
}

static int put_leaf(struct client *client, uint32_t index, struct error *error)
{
    const struct job *job = client->job->job;
    const struct dag_input *input = &job->plan->dag->inputs[index];
    uint32_t leaf = flow_find_leaf(client->job->code, dag_string(job->plan->dag, input->name));
    const struct wk_block *block = data_file_block(job->inputs[index]);
    return block ? put_block(client, block, leaf, error)
                 : put_input(client, job->inputs[index], leaf, (enum wk_scalar)input->scalar,
                             input->rank, error);
}

static int put_inputs(struct client *client, struct error *error)
{
    const struct job *job = client->job->job;
    const struct dag *dag = job->plan->dag;
    int code = 0;
    for (uint32_t i = 0; i < dag->input_count && !code; i++)
        if (!dag->inputs[i].file)
            code = put_leaf(client, i, error);
    for (uint32_t i = 0; i < job->file_count && !code; i++)
        code = put_input(client, job->files[i], client->job->description.argument_count + i, WK_U8,
                         1, error);
    struct error later;
    while (client->under_way > 0) { /* also after a failure: the requests are ours until then */
        int failed = wait_for_answer(client, code ? &later : error);
        code = code ? code : failed;
    }
    return code;
}

/* ---- Submitting ------------------------------------------------------------------------------ */

/* A request without an answer beyond its code. */
static int call(struct client *client, struct store_request *request, struct error *error)
{
    int code = store_call(client->store, request);
    if (code)
        *error = request->error;
    store_request_release(request);
    return code;
}

static int begin_job(struct client *client, struct error *error)
{
    struct store_bytes span = {client->description.data, client->description.length};
    struct store_request request = {.step = STORE_BEGIN, .spans = &span, .span_count = 1};
    client->begun = true;
    return call(client, &request, error);
}

static int take_invocations(struct client *client, struct error *error)
{
    struct remote_platform *platform = client->options->platform;
    struct remote_invocation *invocation;
    int code = 0;
    while ((invocation = platform->next(platform))) {
        client->invoking--;
        if (invocation->code && !code) {
            *error = invocation->error;
            code = invocation->code;
        }
        buffer_release(&invocation->payload);
        free(invocation);
    }
    return code;
}

static void invoke(struct client *client, const struct executor_start *start)
{
    struct payload payload = {.store = client->options->store, .start = *start};
    memcpy(payload.job, client->name, sizeof payload.job);
    while (payload.start.lineage.token == 0)
        if (getrandom(&payload.start.lineage.token, sizeof(uint64_t), 0) != sizeof(uint64_t))
            payload.start.lineage.token = 0;
    if (client->description.length <= DESCRIPTION_INLINE) {
        payload.description = client->description.data;
        payload.description_length = client->description.length;
    }
    struct remote_invocation *invocation = memory_new(1, sizeof *invocation);
    payload_write(&payload, &invocation->payload);
    client->invoking++;
    client->options->platform->invoke(client->options->platform, invocation);
}

/* As one range, which executors split; or one by one. */
static int invoke_sources(struct client *client, struct error *error)
{
    const struct plan *plan = client->job->job->plan;
    int code = 0;
    if (!(client->job->description.without & WITHOUT_TREE)) {
        invoke(client, &(struct executor_start){.node = PLAN_NONE, .end = plan->source_count});
        return take_invocations(client, error);
    }
    for (uint32_t i = 0; i < plan->source_count && !code; i++) {
        invoke(client, &(struct executor_start){.node = plan->sources[i]});
        code = take_invocations(client, error);
    }
    return code;
}

/* Waits for invocations that are under way. */
static int finish_invocations(struct client *client, struct error *error)
{
    int code = take_invocations(client, error);
    while (client->invoking > 0) {
        struct error later;
        client->options->platform->wait(client->options->platform, NULL, 0, 1000);
        int failed = take_invocations(client, code ? &later : error);
        code = code ? code : failed;
    }
    return code;
}

static int submit(struct client *client, struct error *error)
{
    int code = begin_job(client, error);
    code = code ? code : put_inputs(client, error);
    code = code ? code : invoke_sources(client, error);
    struct error later;
    int failed = finish_invocations(client, code ? &later : error);
    return code ? code : failed;
}

/* ---- Watching -------------------------------------------------------------------------------- */

static int check_patience(const struct client *client, struct error *error)
{
    uint64_t limit = client->options->timeout_ms;
    if (is_stopped(client))
        return error_set(error, ERR_interrupted, "the job was stopped before its end");
    if (limit == 0 || now_ms() - client->began < limit)
        return 0;
    error_set(error, ERR_job_timeout, "the job took longer than %g s", (double)limit / 1e3);
    return error_hint(error, "give it more with --timeout, or see with --stats where it was");
}

static void report_progress(const struct client *client, const struct store_request *status)
{
    const struct job_options *job = client->options->job;
    uint64_t done = status->reply.counter_count > 0 ? status->reply.counters[0] : 0;
    if (job->progress && status->reply.status == STORE_RUNNING)
        job->progress(job->progress_context, done, 0);
}

/* Waits for a hint that the job has ended, but not for long. */
static int wait_for_hint(struct client *client, struct error *error)
{
    struct store_request watch = {.step = STORE_WATCH, .timeout = WATCH_MS};
    return call(client, &watch, error);
}

/* Waits until the job has ended; *status is answered then, and to be released. */
static int watch(struct client *client, struct store_request *status, struct error *error)
{
    for (;;) {
        *status = (struct store_request){.step = STORE_STATUS};
        int code = store_call(client->store, status);
        if (code)
            *error = status->error;
        else if (status->reply.status == STORE_ABSENT)
            code = error_set(error, ERR_job_lost, "the store has lost the job");
        if (code || status->reply.status != STORE_RUNNING)
            return code;
        report_progress(client, status);
        store_request_release(status);
        code = check_patience(client, error);
        code = code ? code : wait_for_hint(client, error);
        if (code)
            return code;
    }
}

/* ---- The result ------------------------------------------------------------------------------ */

static void free_result(struct client_result *result)
{
    binder_release(&result->binder);
    for (size_t i = 0; i < result->blocks.count; i++)
        context_drop(&result->context, result->blocks.items[i]);
    vector_release(&result->blocks);
    context_release(&result->context);
    bind_table_release(&result->table);
    arena_release(&result->arena);
    free(result->slots);
    free(result->words);
    free(result);
}

static void release_outcome(struct job_outcome *outcome)
{
    free_result(outcome->owner);
    *outcome = (struct job_outcome){0};
}

static struct client_result *new_result(const struct client *client)
{
    const struct job *job = client->job->job;
    struct client_result *result = memory_new(1, sizeof *result);
    arena_init(&result->arena);
    memory_account_init(&result->account, client->options->job->memory_limit);
    context_init(&result->context, &result->account, &result->stop);
    bind_table_init(&result->table, job);
    result->slots = memory_new(job->plan->dag->part_count + 1, sizeof *result->slots);
    binder_init(&result->binder, &result->table, result->slots, &result->context);
    result->binder.keeps = true;
    result->words = memory_new(job->result_type->word_count + 1, sizeof *result->words);
    return result;
}

static int keep_part(struct client_result *result, const struct parcel_entry *entry,
                     const void *bytes, size_t size, struct error *error)
{
    const struct dag *dag = result->table.dag;
    const struct bind_task *task = &result->table.tasks[dag->nodes[entry->node].task];
    uint64_t *slot = &result->slots[dag->nodes[entry->node].first_part + entry->part];
    int code = stored_read(&result->context, &task->results[entry->part], bytes, size, slot);
    if (code)
        *error = result->context.error;
    else if (task->results[entry->part].is_block)
        vector_push(&result->blocks, block_of(*slot));
    return code;
}

static int load_part(struct client *client, const struct parcel_entry *entry, struct error *error)
{
    struct store_request request = {
        .step = STORE_GET,
        .name = {.kind = STORE_VALUE, .node = entry->node, .first = entry->part}};
    int code = store_call(client->store, &request);
    if (code)
        *error = request.error;
    else
        code = keep_part(client->result, entry, request.reply.value.data, request.reply.value.size,
                         error);
    store_request_release(&request);
    return code;
}

static int take_part(struct client *client, const struct parcel_entry *entry, struct error *error)
{
    const struct bind_table *table = &client->result->table;
    if (entry->node >= table->dag->node_count - 1 ||
        entry->part >= table->tasks[table->dag->nodes[entry->node].task].result_count)
        return error_set(error, ERR_bad_stored_value,
                         "the job's result names a node that the graph lacks");
    return entry->is_stored ? load_part(client, entry, error)
                            : keep_part(client->result, entry, entry->bytes, entry->size, error);
}

static int take_result(struct client *client, const struct store_bytes *parcel, struct error *error)
{
    struct client_result *result = client->result;
    struct parcel_entry entry;
    size_t offset = 0;
    bool damaged;
    while (parcel_next(parcel->data, parcel->size, &offset, &entry, &damaged)) {
        int code = take_part(client, &entry, error);
        if (code)
            return code;
    }
    if (damaged)
        return error_set(error, ERR_bad_stored_value, "the job's result is cut off in the store");
    int code = bind_arguments(&result->binder, dag_sink(result->table.dag), result->words);
    if (code)
        *error = result->context.error;
    return code;
}

/* The lines that the task which failed had logged. */
static void write_log(const struct client *client, const char *log)
{
    const struct job_options *options = client->options->job;
    struct buffer line = {0};
    for (const char *end; (end = strchr(log, '\n')); log = end + 1) {
        buffer_clear(&line);
        buffer_append(&line, log, (size_t)(end - log));
        if (options->log)
            options->log(options->log_context, buffer_text(&line));
        else
            fprintf(stderr, "%s\n", buffer_text(&line));
    }
    buffer_release(&line);
}

static int conclude(struct client *client, const struct store_request *status, struct error *error)
{
    static const struct store_bytes nothing;
    const char *log;
    const struct store_bytes *left =
        status->reply.value_count > 1 ? &status->reply.values[1] : &nothing;
    switch (status->reply.status) {
    case STORE_DONE:
        return take_result(client, left, error);
    case STORE_FAILED:
        failure_read(left->data, left->size, &client->result->arena, error, &log);
        write_log(client, log);
        return (int)error->code;
    case STORE_CANCELLED:
        return error_set(error, ERR_interrupted, "the job was cancelled");
    case STORE_ABSENT:
    case STORE_RUNNING:
        break;
    }
    bug("a job of status %d has not ended", (int)status->reply.status);
}

/* ---- A run ----------------------------------------------------------------------------------- */

/* Executors that are still at work are told to stop; then the job's keys go. */
static void clear_away(struct client *client, int code)
{
    struct error ignored;
    struct store_request cancel = {.step = STORE_SETTLE, .status = STORE_CANCELLED};
    struct store_request remove = {.step = STORE_REMOVE};
    if (!client->begun)
        return;
    if (code)
        call(client, &cancel, &ignored);
    if (!client->options->keeps)
        call(client, &remove, &ignored);
}

static void take_counters(const struct store_request *status, struct metrics *metrics)
{
    uint32_t i = 0;
#define METRIC(name, type, description)                                                            \
    if (i < status->reply.counter_count)                                                           \
        metrics->name = (type)status->reply.counters[i++];
#include "world/metrics.def"
#undef METRIC
}

static int run(struct client *client, struct job_outcome *outcome, struct error *error)
{
    struct store_request status = {0};
    int code = submit(client, error);
    code = code ? code : watch(client, &status, error);
    if (!code) {
        take_counters(&status, &outcome->metrics);
        code = conclude(client, &status, error);
    }
    store_request_release(&status);
    outcome->metrics.wall_seconds = (double)(now_ms() - client->began) / 1e3;
    return code;
}

static int open_store(struct client *client, struct error *error)
{
    struct store_options options = {0};
    store_make_job_name(client->name);
    memcpy(options.job, client->name, sizeof options.job);
    return store_open(client->options->store, &options, &client->store, error);
}

int client_run(const struct client_job *job, const struct client_options *options,
               struct job_outcome *outcome, struct error *error)
{
    struct client client = {.job = job, .options = options, .began = now_ms()};
    *outcome = (struct job_outcome){0};
    int code = open_store(&client, error);
    if (code)
        return code;
    description_write(&job->description, &client.description);
    client.result = new_result(&client);
    code = run(&client, outcome, error);
    clear_away(&client, code);
    store_close(client.store);
    buffer_release(&client.description);
    outcome->words = client.result->words;
    outcome->word_count = job->job->result_type->word_count;
    outcome->owner = client.result;
    outcome->release = release_outcome;
    return code;
}
