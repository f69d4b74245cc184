/* What a client stores before anybody is invoked: the job, its plan, its inputs; see
 * client_state.h.
 */
#include <stdlib.h>
#include <string.h>

#include "value/data_file.h"
#include "value/stored.h"
#include "world/client_state.h"

enum {
    UPLOAD_BYTES = 4 << 20, /* read from an input at once */
    PIPELINED = 32,         /* requests under way while inputs are stored */
};

int client_call(struct client *client, struct store_request *request, struct error *error)
{
    int code = store_call(client->store, request);
    if (code)
        *error = request->error;
    store_request_release(request);
    return code;
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

static int put_record(struct client *client, struct store_name name, const char *data, size_t size,
                      struct error *error)
{
    struct upload *upload = memory_resize(NULL, sizeof *upload + size, 1);
    memset(upload, 0, sizeof *upload);
    memcpy(upload->data, data, size);
    upload->span = (struct store_bytes){upload->data, size};
    upload->request = (struct store_request){
        .step = STORE_PUT, .name = name, .spans = &upload->span, .span_count = 1, .user = upload};
    client->under_way++;
    store_send(client->store, &upload->request);
    return wait_for_answers(client, PIPELINED, error);
}

static int put_chunk(struct client *client, uint32_t input, uint64_t number, const char *data,
                     size_t size, struct error *error)
{
    struct store_name name = {.kind = STORE_INPUT, .node = input, .first = number};
    return put_record(client, name, data, size, error);
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
        if (client_is_stopped(client))
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
    return code;
}

/* ---- The job --------------------------------------------------------------------------------- */

static int begin_job(struct client *client, struct error *error)
{
    struct store_bytes span = {client->description.data, client->description.length};
    struct store_request request = {.step = STORE_BEGIN, .spans = &span, .span_count = 1};
    client->begun = true;
    return client_call(client, &request, error);
}

/* The program itself, for a client that attaches, which may have nothing but the job's name. */
static int put_plan(struct client *client, struct error *error)
{
    const struct buffer *code = &client->job->code_bytes;
    struct store_name name = {.kind = STORE_PLAN};
    return code->length ? put_record(client, name, code->data, code->length, error) : 0;
}

/* The pages, and before them what tells that they are whole. */
static int put_pages(struct client *client, struct error *error)
{
    const struct plan_image *image = client->job->image;
    char *page = memory_resize(NULL, PLAN_PAGE, 1);
    struct store_name name = {.kind = STORE_PLAN, .node = PLAN_STORED_HASHES};
    int code = put_record(client, name, (const char *)image->hashes,
                          (size_t)image->page_count * PLAN_HASH, error);
    name.node = PLAN_STORED_PAGE;
    for (; name.first < image->page_count && !code; name.first++) {
        size_t bytes = plan_image_page(image, (uint32_t)name.first, page);
        code = put_record(client, name, page, bytes, error);
        if (!code && client_is_stopped(client))
            code = error_set(error, ERR_interrupted, "the job was stopped before its end");
    }
    free(page);
    return code;
}

/* Also after a failure: the requests are ours until they are answered. */
static int finish_requests(struct client *client, int code, struct error *error)
{
    struct error later;
    while (client->under_way > 0) {
        int failed = wait_for_answer(client, code ? &later : error);
        code = code ? code : failed;
    }
    return code;
}

int client_store_job(struct client *client, struct error *error)
{
    int code = begin_job(client, error);
    code = code ? code : put_plan(client, error);
    if (client->job->image)
        code = code ? code : put_pages(client, error);
    code = code ? code : put_inputs(client, error);
    return finish_requests(client, code, error);
}
