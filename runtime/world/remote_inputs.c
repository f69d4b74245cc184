/*
 * The job's inputs, as the client has stored them: in chunks, of which the last few that were read
 * are kept. Tasks read them while they run, on their own threads, so inputs have a connection of
 * their own, and one reader at a time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/input_chunks.h"
#include "world/remote_state.h"

enum { KEPT_CHUNKS = INPUT_CHUNKS_KEPT };

struct chunk {
    uint32_t input;
    uint64_t number;
    struct buffer data;
    uint64_t used; /* when, by a count */
};

struct remote_input {
    struct rectangle_reader reader; /* the first member */
    struct remote_inputs *inputs;
    uint32_t number;
    uint64_t bytes;
    struct remote_input *next;
};

struct remote_inputs {
    struct store *store;
    struct remote_input *list;
    struct chunk chunks[KEPT_CHUNKS];
    uint64_t clock;
    pthread_mutex_t lock;
};

struct remote_inputs *remote_inputs_open(const char *address, const char *job, struct error *error)
{
    struct store_options options = {0};
    memcpy(options.job, job, STORE_JOB_NAME);
    struct remote_inputs *inputs = memory_new(1, sizeof *inputs);
    pthread_mutex_init(&inputs->lock, NULL);
    if (store_open(address, &options, &inputs->store, error) == 0)
        return inputs;
    pthread_mutex_destroy(&inputs->lock);
    free(inputs);
    return NULL;
}

void remote_inputs_close(struct remote_inputs *inputs)
{
    if (!inputs)
        return;
    while (inputs->list) {
        struct remote_input *input = inputs->list;
        inputs->list = input->next;
        free(input);
    }
    for (int i = 0; i < KEPT_CHUNKS; i++)
        buffer_release(&inputs->chunks[i].data);
    store_close(inputs->store);
    pthread_mutex_destroy(&inputs->lock);
    free(inputs);
}

const struct store_counters *remote_inputs_counters(const struct remote_inputs *inputs)
{
    return &inputs->store->counters;
}

static uint64_t chunk_bytes(const struct remote_input *input, uint64_t number)
{
    uint64_t left = input->bytes - number * DESCRIPTION_CHUNK;
    return left < DESCRIPTION_CHUNK ? left : DESCRIPTION_CHUNK;
}

/* What the store lacks is the environment's fault: a task that reads it may be run again. */
static int load_chunk(struct remote_input *input, uint64_t number, struct chunk *chunk)
{
    struct store_request request = {
        .step = STORE_GET, .name = {.kind = STORE_INPUT, .node = input->number, .first = number}};
    buffer_clear(&chunk->data);
    int code = store_call(input->inputs->store, &request);
    bool good = !code && request.reply.value.size == chunk_bytes(input, number);
    if (good)
        buffer_append(&chunk->data, request.reply.value.data, request.reply.value.size);
    store_request_release(&request);
    errno = code == ERR_store_missing ? ENOENT : EIO;
    chunk->input = input->number;
    chunk->number = number;
    return good ? 0 : -1;
}

/* The chunk, if need be in place of the one that was used longest ago. */
static struct chunk *find_chunk(struct remote_input *input, uint64_t number)
{
    struct remote_inputs *inputs = input->inputs;
    struct chunk *oldest = &inputs->chunks[0];
    for (int i = 0; i < KEPT_CHUNKS; i++) {
        struct chunk *chunk = &inputs->chunks[i];
        if (chunk->data.length > 0 && chunk->input == input->number && chunk->number == number) {
            chunk->used = ++inputs->clock;
            return chunk;
        }
        if (chunk->used < oldest->used)
            oldest = chunk;
    }
    oldest->used = ++inputs->clock;
    return load_chunk(input, number, oldest) ? NULL : oldest;
}

static int read_input(struct rectangle_reader *reader, void *out, uint64_t bytes, uint64_t offset)
{
    struct remote_input *input = (struct remote_input *)reader;
    char *to = out;
    int code = 0;
    pthread_mutex_lock(&input->inputs->lock);
    while (bytes > 0 && !code) {
        uint64_t within = offset % DESCRIPTION_CHUNK;
        const struct chunk *chunk = find_chunk(input, offset / DESCRIPTION_CHUNK);
        code = chunk ? 0 : -1;
        if (code)
            break;
        uint64_t taken = chunk->data.length - within < bytes ? chunk->data.length - within : bytes;
        memcpy(to, chunk->data.data + within, taken);
        to += taken;
        offset += taken;
        bytes -= taken;
    }
    pthread_mutex_unlock(&input->inputs->lock);
    return code;
}

struct rectangle_reader *remote_inputs_reader(struct remote_inputs *inputs, uint32_t number,
                                              uint64_t bytes)
{
    struct remote_input *input = memory_new(1, sizeof *input);
    *input = (struct remote_input){{read_input}, inputs, number, bytes, inputs->list};
    inputs->list = input;
    return &input->reader;
}
