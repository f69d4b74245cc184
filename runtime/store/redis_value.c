/*
 * Values: V and the bytes, or, for large ones, C with the size and the chunk's size as decimal
 * numbers, beside chunks of their own. Chunks stand in all shards, so that large values load all
 * servers of a cluster; the header is written when all of them are there, and read first.
 */
#include "store/redis.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum {
    CHUNK = 1 << 20,
    WINDOW = 8 << 20,      /* bytes of chunks that are asked for at a time */
    CHUNKS_MOST = 1 << 24, /* of one value: a header that says more is nonsense */
};

/* ---- PUT --------------------------------------------------------------------------------------
 */

/* The bytes [from, from + size) of the request's spans, as parts; their count. */
static uint32_t cut_spans(const struct store_request *request, uint64_t from, uint64_t size,
                          struct store_bytes *parts)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < request->span_count && size > 0; i++) {
        uint64_t length = request->spans[i].size;
        if (from >= length) {
            from -= length;
            continue;
        }
        uint64_t part = length - from < size ? length - from : size;
        parts[count++] = (struct store_bytes){(const char *)request->spans[i].data + from, part};
        size -= part;
        from = 0;
    }
    return count;
}

static void begin_set(struct redis *redis, const struct store_name *name, uint64_t chunk)
{
    char key[REDIS_KEY];
    redis_begin(redis, 5);
    redis_text(redis, "SET");
    redis_bytes(redis, key, redis_key(redis, key, name, chunk));
}

static void send_keep(struct redis *redis, struct redis_operation *operation, uint64_t chunk,
                      redis_answered *answered)
{
    const struct store_name *name = &operation->request->name;
    uint32_t shard = redis_chunk_shard(name, chunk);
    char key[REDIS_KEY];
    redis_begin_script(redis, REDIS_KEEP, 2, 0);
    redis_bytes(redis, key, redis_job_key(redis, key, shard, "end"));
    redis_bytes(redis, key, redis_key(redis, key, name, chunk));
    redis_operation_send(redis, operation, redis_end(redis, redis->slots[shard], answered), 0);
}

/* The executor may have been stopped since its job was at work. So behind each SET goes the
 * question whether the job has been removed; then the server takes back what was set. */
static void end_set(struct redis *redis, struct redis_operation *operation, uint64_t chunk,
                    redis_answered *answered)
{
    uint32_t shard = redis_chunk_shard(&operation->request->name, chunk);
    redis_text(redis, "PX");
    redis_number(redis, (uint64_t)redis->store.options.time_to_live * 1000);
    redis_operation_send(redis, operation, redis_end(redis, redis->slots[shard], answered), 0);
    send_keep(redis, operation, chunk, answered);
}

/* The reply to a SET, or to the question behind it. */
static bool take_set(struct redis *redis, struct redis_operation *operation,
                     const struct resp *reply)
{
    bool known = reply->type == RESP_TEXT ||
                 (reply->type == RESP_INTEGER &&
                  (reply->integer == JOIN_NOT || reply->integer == JOIN_POISONED));
    if (!known)
        redis_operation_nonsense(redis, operation);
    else if (reply->type == RESP_INTEGER && reply->integer == JOIN_POISONED)
        operation->request->reply.answer = JOIN_POISONED;
    return known;
}

static void stored(struct redis *redis, struct redis_operation *operation,
                   struct redis_command *command, const struct resp *reply)
{
    (void)command;
    if (!take_set(redis, operation, reply) || !redis_operation_is_complete(operation))
        return;
    if (operation->was_repeated) { /* perhaps behind the question */
        operation->was_repeated = false;
        send_keep(redis, operation, 0, stored);
        return;
    }
    redis->store.counters.writes++;
    redis->store.counters.bytes_written += operation->size;
    redis_operation_finish(redis, operation);
}

static void put_header(struct redis *redis, struct redis_operation *operation)
{
    const struct store_name *name = &operation->request->name;
    char header[64];
    snprintf(header, sizeof header, "C%llu %llu", (unsigned long long)operation->size,
             (unsigned long long)operation->chunk);
    begin_set(redis, name, 0);
    redis_text(redis, header);
    end_set(redis, operation, 0, stored);
}

static uint64_t count_chunks(const struct redis_operation *operation)
{
    return (operation->size + operation->chunk - 1) / operation->chunk;
}

static void chunk_stored(struct redis *redis, struct redis_operation *operation,
                         struct redis_command *command, const struct resp *reply)
{
    (void)command;
    if (!take_set(redis, operation, reply) || !redis_operation_is_complete(operation))
        return;
    if (!operation->was_repeated) {
        put_header(redis, operation);
        return;
    }
    operation->was_repeated = false;
    for (uint64_t i = 1; i <= count_chunks(operation); i++)
        send_keep(redis, operation, i, chunk_stored);
}

static void put_chunks(struct redis *redis, struct redis_operation *operation)
{
    const struct store_request *request = operation->request;
    struct store_bytes *parts = memory_new(request->span_count, sizeof *parts);
    for (uint64_t from = 0, i = 1; from < operation->size; from += operation->chunk, i++) {
        uint64_t left = operation->size - from;
        uint32_t count =
            cut_spans(request, from, left < operation->chunk ? left : operation->chunk, parts);
        begin_set(redis, &request->name, i);
        redis_spans(redis, "", parts, count);
        end_set(redis, operation, i, chunk_stored);
    }
    free(parts);
}

void redis_put(struct redis *redis, struct redis_operation *operation)
{
    const struct store_request *request = operation->request;
    uint32_t chunk = redis->store.options.chunk_bytes;
    operation->chunk = chunk ? chunk : CHUNK;
    operation->size = store_spans_size(request);
    if (operation->size > operation->chunk) {
        put_chunks(redis, operation);
        return;
    }
    begin_set(redis, &request->name, 0);
    redis_spans(redis, "V", request->spans, request->span_count);
    end_set(redis, operation, 0, stored);
}

/* ---- GET --------------------------------------------------------------------------------------
 */

static void finish_get(struct redis *redis, struct redis_operation *operation)
{
    redis->store.counters.reads++;
    redis->store.counters.bytes_read += operation->request->reply.value.size;
    redis_operation_finish(redis, operation);
}

static void fail_missing(struct redis *redis, struct redis_operation *operation)
{
    operation->request->code = store_set_missing(operation->request);
    redis_operation_finish(redis, operation);
}

static bool allocate_value(struct redis_operation *operation, uint64_t size)
{
    struct store_request *request = operation->request;
    operation->block = store_reply_memory(request, size);
    request->reply.value = (struct store_bytes){operation->block, size};
    operation->size = size;
    return operation->block;
}

static void send_get(struct redis *redis, struct redis_operation *operation, uint64_t chunk,
                     redis_answered *answered)
{
    const struct store_name *name = &operation->request->name;
    char key[REDIS_KEY];
    redis_begin(redis, 2);
    redis_text(redis, "GET");
    redis_bytes(redis, key, redis_key(redis, key, name, chunk));
    struct redis_command *command =
        redis_end(redis, redis->slots[redis_chunk_shard(name, chunk)], answered);
    command->is_bulk = true;
    redis_operation_send(redis, operation, command, (uint32_t)chunk);
}

static uint64_t chunk_size(const struct redis_operation *operation, uint64_t chunk)
{
    uint64_t left = operation->size - (chunk - 1) * operation->chunk;
    return left < operation->chunk ? left : operation->chunk;
}

static void chunk_read(struct redis *redis, struct redis_operation *operation,
                       struct redis_command *command, const struct resp *reply);

/* Chunks are asked for as others come, so that no server has to hold all of them for us. */
static void ask_for_chunks(struct redis *redis, struct redis_operation *operation)
{
    uint64_t count = count_chunks(operation);
    uint64_t window = WINDOW / operation->chunk < 2 ? 2 : WINDOW / operation->chunk;
    while (operation->next_chunk <= count && operation->left < window)
        send_get(redis, operation, operation->next_chunk++, chunk_read);
}

static void chunk_read(struct redis *redis, struct redis_operation *operation,
                       struct redis_command *command, const struct resp *reply)
{
    uint64_t size = chunk_size(operation, command->index);
    if (reply->type == RESP_NULL) {
        fail_missing(redis, operation);
        return;
    }
    if (reply->type != RESP_BULK || (reply->text && reply->length != size)) {
        redis_operation_nonsense(redis, operation);
        return;
    }
    if (reply->text)
        memcpy(operation->block + (command->index - 1) * operation->chunk, reply->text, size);
    bool complete = redis_operation_is_complete(operation);
    ask_for_chunks(redis, operation);
    if (complete && operation->left == 0)
        finish_get(redis, operation);
}

static void read_chunks(struct redis *redis, struct redis_operation *operation,
                        const struct resp *header)
{
    char text[64];
    unsigned long long size, chunk;
    size_t length = header->length < sizeof text - 1 ? header->length : sizeof text - 1;
    memcpy(text, header->text, length);
    text[length] = 0;
    bool known = sscanf(text, "C%llu %llu", &size, &chunk) == 2 && chunk > 0 && size > chunk &&
                 size / chunk < CHUNKS_MOST;
    if (!known) {
        redis_operation_nonsense(redis, operation);
        return;
    }
    if (!allocate_value(operation, size)) {
        redis_operation_fail(redis, operation, ERR_out_of_memory,
                             "no memory for a value of %llu bytes", size);
        return;
    }
    operation->chunk = chunk;
    operation->next_chunk = 1;
    operation->left = 0;
    ask_for_chunks(redis, operation);
}

static void value_read(struct redis *redis, struct redis_operation *operation,
                       struct redis_command *command, const struct resp *reply)
{
    (void)command;
    if (reply->type == RESP_NULL) {
        fail_missing(redis, operation);
    } else if (reply->type == RESP_BULK && !reply->text) {
        finish_get(redis, operation); /* it was read in place */
    } else if (resp_begins(reply, "C")) {
        read_chunks(redis, operation, reply);
    } else if (!resp_begins(reply, "V")) {
        redis_operation_nonsense(redis, operation);
    } else if (!allocate_value(operation, reply->length - 1)) {
        redis_operation_fail(redis, operation, ERR_out_of_memory,
                             "no memory for a value of %zu bytes", reply->length - 1);
    } else {
        memcpy(operation->block, reply->text + 1, operation->size);
        finish_get(redis, operation);
    }
}

char *redis_place(struct redis_command *command, char tag, size_t length, size_t *skip)
{
    struct redis_operation *operation = command->operation;
    *skip = command->index == 0;
    if (command->index > 0)
        return length == chunk_size(operation, command->index)
                   ? operation->block + (command->index - 1) * operation->chunk
                   : NULL;
    return tag == 'V' && allocate_value(operation, length - 1) ? operation->block : NULL;
}

void redis_get(struct redis *redis, struct redis_operation *operation)
{
    send_get(redis, operation, 0, value_read);
}
