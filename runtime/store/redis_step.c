/* Requests as operations: the commands of each step, and what their replies mean; see redis.h. */
#include "store/redis.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* ---- Operations -------------------------------------------------------------------------------
 */

void redis_operation_send(struct redis *redis, struct redis_operation *operation,
                          struct redis_command *command, uint32_t index)
{
    command->operation = operation;
    command->index = index;
    command->sibling = operation->commands;
    command->previous_sibling = NULL;
    if (operation->commands)
        operation->commands->previous_sibling = command;
    operation->commands = command;
    operation->left++;
    redis_route(redis, command);
}

bool redis_operation_is_complete(struct redis_operation *operation)
{
    return --operation->left == 0;
}

/* A command that a server has got, or a part of it, cannot be called back: its reply will come, and
 * go nowhere. If the server has a part only, or its reply is on the way to memory of the request,
 * the connection has to end. */
static void abandon(struct redis_command *command)
{
    struct redis_connection *connection = command->connection;
    bool is_sent = command->queue == &connection->sent;
    bool is_torn =
        (command->queue == &connection->unsent && (command->written || command->offered)) ||
        (is_sent && connection->streaming == command);
    if (!is_sent && !is_torn) {
        redis_command_free(command);
        return;
    }
    redis_command_detach(command);
    command->answered = NULL;
    if (is_torn)
        redis_connection_break(connection, ERR_store_timeout, NULL);
}

void redis_operation_finish(struct redis *redis, struct redis_operation *operation)
{
    while (operation->commands)
        abandon(operation->commands);
    if (operation->previous)
        operation->previous->next = operation->next;
    else
        redis->operations = operation->next;
    if (operation->next)
        operation->next->previous = operation->previous;
    if (operation->request)
        store_answer(&redis->store, operation->request);
    free(operation->order);
    vector_release(&operation->jobs);
    free(operation);
}

void redis_operation_fail(struct redis *redis, struct redis_operation *operation,
                          enum error_code code, const char *format, ...)
{
    struct store_request *request = operation->request;
    va_list arguments;
    va_start(arguments, format);
    if (!request->code)
        request->code = error_vset(&request->error, code, format, arguments);
    va_end(arguments);
    redis_operation_finish(redis, operation);
}

void redis_operation_nonsense(struct redis *redis, struct redis_operation *operation)
{
    static const char *const steps[] = {"PUT",  "GET",   "ASK",    "ARRIVE", "BEAT",  "PASSED",
                                        "READ", "BEGIN", "SETTLE", "STATUS", "COUNT", "LOG",
                                        "TAIL", "WATCH", "EXTEND", "REMOVE", "JOBS"};
    redis_operation_fail(redis, operation, ERR_store_nonsense,
                         "%s:%s answers what the step %s does not know", redis->connections->host,
                         redis->connections->port, steps[operation->request->step]);
}

static uint64_t life(const struct redis *redis)
{
    return (uint64_t)redis->store.options.time_to_live * 1000;
}

/* ---- Joins ------------------------------------------------------------------------------------
 */

static bool take_own(struct redis *redis, struct store_request *request, const struct resp *reply)
{
    const struct resp *values = resp_item(&redis->reader, reply, 2);
    int64_t taken;
    if (!resp_number(resp_item(&redis->reader, reply, 1), &taken) || values->type != RESP_ARRAY)
        return false;
    request->reply.taken_over = taken != 0;
    request->reply.value_count = 64 - (uint32_t)__builtin_clzll(request->arrival.all);
    request->reply.values =
        store_reply_array(request, request->reply.value_count, sizeof *request->reply.values);
    uint64_t others = request->arrival.all & ~request->arrival.edges;
    for (uint32_t i = 0; others; others &= others - 1, i++) {
        const struct resp *value = resp_item(&redis->reader, values, i);
        struct store_bytes *copy = &request->reply.values[__builtin_ctzll(others)];
        if (value->type != RESP_BULK || value->length == 0)
            continue;
        if (!store_reply_copy(request, value->text, value->length, copy))
            request->code = error_set(&request->error, ERR_out_of_memory,
                                      "no memory for a value of %zu bytes", value->length);
    }
    return true;
}

static bool take_largest(struct redis *redis, struct store_request *request,
                         const struct resp *reply)
{
    int64_t size, edge;
    if (!resp_number(resp_item(&redis->reader, reply, 1), &size) ||
        !resp_number(resp_item(&redis->reader, reply, 2), &edge) || edge < 0 || edge > 63)
        return false;
    request->reply.largest = (struct join_holder){(uint64_t)size, (uint32_t)edge};
    return true;
}

static void joined(struct redis *redis, struct redis_operation *operation,
                   struct redis_command *command, const struct resp *reply)
{
    (void)command;
    struct store_request *request = operation->request;
    int64_t answer;
    bool known = resp_number(resp_item(&redis->reader, reply, 0), &answer) && answer >= JOIN_OWN &&
                 answer <= JOIN_POISONED;
    if (known && answer == JOIN_OWN)
        known = take_own(redis, request, reply);
    if (known && answer == JOIN_NOT)
        known = take_largest(redis, request, reply);
    if (!known) {
        redis_operation_nonsense(redis, operation);
        return;
    }
    request->reply.answer = (enum join_answer)answer;
    redis_operation_finish(redis, operation);
}

static void send_words(struct redis *redis, uint64_t set)
{
    redis_number(redis, set & UINT32_MAX);
    redis_number(redis, set >> 32);
}

static void join(struct redis *redis, struct redis_operation *operation)
{
    const struct store_request *request = operation->request;
    const struct join_arrival *arrival = &request->arrival;
    bool asks = request->step == STORE_ASK;
    uint32_t edges = (uint32_t)__builtin_popcountll(arrival->edges);
    uint32_t shard = redis_shard(&request->name);
    char key[REDIS_KEY];
    redis_begin_script(redis, REDIS_JOIN, 2, 10 + (asks ? 2 : edges));
    redis_bytes(redis, key, redis_job_key(redis, key, shard, "end"));
    redis_bytes(redis, key, redis_key(redis, key, &request->name, 0));
    redis_text(redis, asks ? "ask" : "arrive");
    send_words(redis, arrival->all);
    send_words(redis, arrival->edges);
    redis_number(redis, arrival->lineage.token);
    redis_number(redis, arrival->lineage.recovers);
    redis_number(redis, arrival->wanted);
    redis_number(redis, arrival->lease);
    redis_number(redis, life(redis));
    if (asks) {
        redis_number(redis, request->wait.size);
        redis_number(redis, request->wait.until);
    }
    for (uint32_t i = 0; !asks && i < edges; i++)
        redis_bytes(redis, request->values[i].data, request->values[i].size);
    redis_operation_send(redis, operation, redis_end(redis, redis->slots[shard], joined), 0);
}

/* ---- Many names: BEAT, PASSED, READ -----------------------------------------------------------
 */

/* The names by shard; one script is called for each run of the same shard. */
static void sort_by_shard(struct redis_operation *operation)
{
    const struct store_request *request = operation->request;
    uint32_t starts[REDIS_SHARDS + 1] = {0};
    operation->order = memory_new(request->count, sizeof *operation->order);
    for (uint32_t i = 0; i < request->count; i++)
        starts[redis_shard(&request->names[i]) + 1]++;
    for (uint32_t s = 0; s < REDIS_SHARDS; s++)
        starts[s + 1] += starts[s];
    for (uint32_t i = 0; i < request->count; i++)
        operation->order[starts[redis_shard(&request->names[i])]++] = i;
}

static void add_keys(struct redis *redis, const struct redis_operation *operation, uint32_t first,
                     uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        char key[REDIS_KEY];
        const struct store_name *name = &operation->request->names[operation->order[i]];
        redis_bytes(redis, key, redis_key(redis, key, name, 0));
    }
}

static void take_batch(struct redis *redis, struct redis_operation *operation,
                       struct redis_command *command, const struct resp *reply);

static void send_batch(struct redis *redis, struct redis_operation *operation, uint32_t first,
                       uint32_t count)
{
    const struct store_request *request = operation->request;
    uint32_t shard = redis_shard(&request->names[operation->order[first]]);
    char key[REDIS_KEY];
    if (request->step == STORE_BEAT) {
        redis_begin_script(redis, REDIS_BEAT, 1 + count, 1);
        redis_bytes(redis, key, redis_job_key(redis, key, shard, "end"));
        add_keys(redis, operation, first, count);
        redis_number(redis, request->lease);
    } else if (request->step == STORE_PASSED) {
        redis_begin_script(redis, REDIS_PASSED, count, 1);
        add_keys(redis, operation, first, count);
        redis_number(redis, life(redis));
    } else {
        redis_begin_script(redis, REDIS_READ, count, count);
        add_keys(redis, operation, first, count);
        for (uint32_t i = first; i < first + count; i++)
            redis_text(redis, request->names[operation->order[i]].kind == STORE_JOIN ? "j" : "k");
    }
    struct redis_command *command = redis_end(redis, redis->slots[shard], take_batch);
    redis_operation_send(redis, operation, command, first);
}

static void send_batches(struct redis *redis, struct redis_operation *operation)
{
    struct store_request *request = operation->request;
    if (request->step == STORE_READ)
        request->reply.states =
            store_reply_array(request, request->count, sizeof *request->reply.states);
    request->reply.answer = JOIN_NOT;
    if (request->count == 0) {
        redis_operation_finish(redis, operation);
        return;
    }
    sort_by_shard(operation);
    for (uint32_t first = 0, end; first < request->count; first = end) {
        uint32_t shard = redis_shard(&request->names[operation->order[first]]);
        for (end = first + 1; end < request->count && end < first + REDIS_BATCH; end++)
            if (redis_shard(&request->names[operation->order[end]]) != shard)
                break;
        send_batch(redis, operation, first, end - first);
    }
}

static bool take_state(struct redis *redis, const struct resp *item, struct store_state *state)
{
    int64_t n[8] = {0};
    if (item->type == RESP_INTEGER) {
        state->exists = item->integer != 0;
        return true;
    }
    for (uint32_t i = 0; i < 8; i++)
        if (!resp_number(resp_item(&redis->reader, item, i), &n[i]))
            return false;
    state->exists = true;
    state->bits = (uint32_t)n[0] | (uint64_t)(uint32_t)n[1] << 32;
    state->own_edges = (uint32_t)n[2] | (uint64_t)(uint32_t)n[3] << 32;
    state->own_is_live = n[4];
    state->passed = n[5];
    state->waiting = (uint32_t)n[6] | (uint64_t)(uint32_t)n[7] << 32;
    return true;
}

static bool take_states(struct redis *redis, struct redis_operation *operation,
                        const struct redis_command *command, const struct resp *reply)
{
    struct store_request *request = operation->request;
    bool known = reply->type == RESP_ARRAY && reply->count <= request->count - command->index;
    for (uint32_t i = 0; known && i < reply->count; i++)
        known = take_state(redis, resp_item(&redis->reader, reply, i),
                           &request->reply.states[operation->order[command->index + i]]);
    return known;
}

static void take_batch(struct redis *redis, struct redis_operation *operation,
                       struct redis_command *command, const struct resp *reply)
{
    bool known = reply->type == RESP_INTEGER;
    if (operation->request->step == STORE_READ)
        known = take_states(redis, operation, command, reply);
    else if (operation->request->step == STORE_BEAT && reply->integer == JOIN_POISONED)
        operation->request->reply.answer = JOIN_POISONED;
    if (!known)
        redis_operation_nonsense(redis, operation);
    else if (redis_operation_is_complete(operation))
        redis_operation_finish(redis, operation);
}

/* ---- The job ----------------------------------------------------------------------------------
 */

static void send_job_script(struct redis *redis, struct redis_operation *operation,
                            redis_answered *answered)
{
    redis_operation_send(redis, operation,
                         redis_end(redis, redis->slots[REDIS_JOB_SHARD], answered), 0);
}

static void begin_job_script(struct redis *redis, enum redis_script script, uint32_t arguments)
{
    char key[REDIS_KEY];
    redis_begin_script(redis, script, 1, 1 + arguments);
    redis_bytes(redis, key, redis_job_key(redis, key, REDIS_JOB_SHARD, "job"));
    redis_number(redis, life(redis));
}

static void begun(struct redis *redis, struct redis_operation *operation,
                  struct redis_command *command, const struct resp *reply)
{
    (void)command;
    struct store_request *request = operation->request;
    if (reply->type != RESP_INTEGER) {
        redis_operation_nonsense(redis, operation);
        return;
    }
    if (!reply->integer)
        request->code = store_set_job_exists(&redis->store, request);
    redis_operation_finish(redis, operation);
}

static void counted(struct redis *redis, struct redis_operation *operation,
                    struct redis_command *command, const struct resp *reply)
{
    (void)command;
    if (reply->type == RESP_INTEGER)
        redis_operation_finish(redis, operation);
    else
        redis_operation_nonsense(redis, operation);
}

static void count(struct redis *redis, struct redis_operation *operation)
{
    const struct store_request *request = operation->request;
    begin_job_script(redis, REDIS_COUNT, 1 + request->count);
    redis_number(redis, request->maxima);
    for (uint32_t i = 0; i < request->count; i++)
        redis_number(redis, request->numbers[i]);
    send_job_script(redis, operation, counted);
}

static uint32_t count_counters(struct redis *redis, const struct resp *reply)
{
    uint32_t counters = 0;
    int64_t number;
    for (uint32_t i = 0; i + 1 < reply->count; i += 2)
        if (resp_number(resp_item(&redis->reader, reply, i), &number) && number >= 0 &&
            number < 1 << 16 && (uint32_t)number >= counters)
            counters = (uint32_t)number + 1;
    return counters;
}

static bool take_field(struct store_request *request, const struct resp *name,
                       const struct resp *value)
{
    int64_t number, counter;
    if (resp_begins(name, "description"))
        return store_reply_copy(request, value->text, value->length, &request->reply.values[0]);
    if (resp_begins(name, "outcome"))
        return store_reply_copy(request, value->text, value->length, &request->reply.values[1]);
    if (!resp_number(value, &number))
        return true;
    if (resp_begins(name, "status") && number >= STORE_ABSENT && number <= STORE_CANCELLED)
        request->reply.status = (enum store_status)number;
    if (resp_begins(name, "cut"))
        request->reply.log_cut = (uint64_t)number;
    if (resp_number(name, &counter) && counter >= 0 && counter < request->reply.counter_count)
        request->reply.counters[counter] = (uint64_t)number;
    return true;
}

static void take_status(struct redis *redis, struct redis_operation *operation,
                        struct redis_command *command, const struct resp *reply)
{
    (void)command;
    struct store_request *request = operation->request;
    if (reply->type != RESP_ARRAY || reply->count % 2) {
        redis_operation_nonsense(redis, operation);
        return;
    }
    request->reply.value_count = 2;
    request->reply.values = store_reply_array(request, 2, sizeof *request->reply.values);
    request->reply.counter_count = count_counters(redis, reply);
    request->reply.counters =
        store_reply_array(request, request->reply.counter_count, sizeof(uint64_t));
    for (uint32_t i = 0; i + 1 < reply->count; i += 2)
        if (!take_field(request, resp_item(&redis->reader, reply, i),
                        resp_item(&redis->reader, reply, i + 1)))
            request->code =
                error_set(&request->error, ERR_out_of_memory, "no memory for the job's outcome");
    redis_operation_finish(redis, operation);
}

static void get_status(struct redis *redis, struct redis_operation *operation)
{
    char key[REDIS_KEY];
    redis_begin(redis, 2);
    redis_text(redis, "HGETALL");
    redis_bytes(redis, key, redis_job_key(redis, key, REDIS_JOB_SHARD, "job"));
    send_job_script(redis, operation, take_status);
}

static void write_log(struct redis *redis, struct redis_operation *operation)
{
    const struct store_request *request = operation->request;
    char key[REDIS_KEY];
    redis_begin_script(redis, REDIS_LOG, 2, 4);
    redis_bytes(redis, key, redis_job_key(redis, key, REDIS_JOB_SHARD, "job"));
    redis_bytes(redis, key, redis_job_key(redis, key, REDIS_JOB_SHARD, "log"));
    redis_number(redis, life(redis));
    redis_number(redis, STORE_LOG_BYTES);
    redis_number(redis, request->count);
    redis_spans(redis, "", request->spans, request->span_count);
    send_job_script(redis, operation, counted);
}

static void take_tail(struct redis *redis, struct redis_operation *operation,
                      struct redis_command *command, const struct resp *reply)
{
    (void)command;
    struct store_request *request = operation->request;
    if (reply->type != RESP_BULK) {
        redis_operation_nonsense(redis, operation);
        return;
    }
    if (!store_reply_copy(request, reply->text, reply->length, &request->reply.value))
        request->code = error_set(&request->error, ERR_out_of_memory, "no memory for a log");
    redis_operation_finish(redis, operation);
}

static void get_tail(struct redis *redis, struct redis_operation *operation)
{
    uint64_t first = operation->request->name.first;
    char key[REDIS_KEY];
    redis_begin(redis, 4);
    redis_text(redis, "GETRANGE");
    redis_bytes(redis, key, redis_job_key(redis, key, REDIS_JOB_SHARD, "log"));
    redis_number(redis, first);
    redis_number(redis, first + STORE_TAIL_BYTES - 1);
    send_job_script(redis, operation, take_tail);
}

static void begin(struct redis *redis, struct redis_operation *operation)
{
    begin_job_script(redis, REDIS_BEGIN, 1);
    redis_spans(redis, "", operation->request->spans, operation->request->span_count);
    send_job_script(redis, operation, begun);
}

/* ---- Which step -------------------------------------------------------------------------------
 */

static void perform(struct redis *redis, struct redis_operation *operation)
{
    switch (operation->request->step) {
    case STORE_PUT:
        redis_put(redis, operation);
        return;
    case STORE_GET:
        redis_get(redis, operation);
        return;
    case STORE_ASK:
    case STORE_ARRIVE:
        join(redis, operation);
        return;
    case STORE_BEAT:
    case STORE_PASSED:
    case STORE_READ:
        send_batches(redis, operation);
        return;
    case STORE_BEGIN:
        begin(redis, operation);
        return;
    case STORE_SETTLE:
        redis_settle(redis, operation);
        return;
    case STORE_STATUS:
        get_status(redis, operation);
        return;
    case STORE_COUNT:
        count(redis, operation);
        return;
    case STORE_LOG:
        write_log(redis, operation);
        return;
    case STORE_TAIL:
        get_tail(redis, operation);
        return;
    case STORE_EXTEND:
    case STORE_REMOVE:
    case STORE_JOBS:
        redis_scan(redis, operation);
        return;
    case STORE_WATCH:
        break;
    }
    bug("a step %d that needs no command", (int)operation->request->step);
}

void redis_operation_start(struct redis *redis, struct store_request *request)
{
    struct redis_operation *operation = memory_new(1, sizeof *operation);
    operation->request = request;
    operation->next = redis->operations;
    if (redis->operations)
        redis->operations->previous = operation;
    redis->operations = operation;
    perform(redis, operation);
}
