/* What goes through all shards of a job, or all keys of the servers: the end of a job with its
 * marks, and the scans of REMOVE, EXTEND and JOBS; see redis.h. */
#include "store/redis.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { PAGE = 1000 }; /* keys that a server looks at before it serves others */

static uint64_t life(const struct redis *redis)
{
    return (uint64_t)redis->store.options.time_to_live * 1000;
}

/* In each shard: SET with NX or XX. */
static void send_marks(struct redis *redis, struct redis_operation *operation, const char *mark,
                       const char *condition, uint64_t ms, redis_answered *answered, uint32_t index)
{
    for (uint32_t shard = 0; shard < REDIS_SHARDS; shard++) {
        char key[REDIS_KEY];
        redis_begin(redis, 6);
        redis_text(redis, "SET");
        redis_bytes(redis, key, redis_job_key(redis, key, shard, "end"));
        redis_text(redis, mark);
        redis_text(redis, condition);
        redis_text(redis, "PX");
        redis_number(redis, ms);
        redis_operation_send(redis, operation, redis_end(redis, redis->slots[shard], answered),
                             index);
    }
}

/* ---- SETTLE -----------------------------------------------------------------------------------
 */

enum { STATUS_ROUND, MARKS_ROUND, NOTIFY_ROUND };

static void settle_answered(struct redis *redis, struct redis_operation *operation,
                            struct redis_command *command, const struct resp *reply);

/* Marks that stand keep their time: when a removed job has left them, it is short. */
static void set_marks(struct redis *redis, struct redis_operation *operation)
{
    send_marks(redis, operation, "", "NX", life(redis), settle_answered, MARKS_ROUND);
}

static void notify(struct redis *redis, struct redis_operation *operation)
{
    char channel[REDIS_KEY];
    redis_begin(redis, 3);
    redis_text(redis, "PUBLISH");
    redis_bytes(redis, channel, redis_job_key(redis, channel, REDIS_JOB_SHARD, "end"));
    redis_text(redis, "");
    redis_operation_send(redis, operation,
                         redis_end(redis, redis->slots[REDIS_JOB_SHARD], settle_answered),
                         NOTIFY_ROUND);
}

/* The status has to stand before a mark does: marks alone would stop the executors of a job that
 * still runs. The notification comes last, so that who is told can remove the job. One server
 * takes commands in order; of several, each round has to be awaited. */
static void settle_answered(struct redis *redis, struct redis_operation *operation,
                            struct redis_command *command, const struct resp *reply)
{
    bool is_status = command->index == STATUS_ROUND;
    bool known = command->index == MARKS_ROUND
                     ? reply->type == RESP_TEXT || reply->type == RESP_NULL
                     : reply->type == RESP_INTEGER;
    if (is_status)
        known = known && reply->integer >= STORE_ABSENT && reply->integer <= STORE_CANCELLED;
    if (!known) {
        redis_operation_nonsense(redis, operation);
        return;
    }
    if (is_status)
        operation->request->reply.status = (enum store_status)reply->integer;
    if (!redis_operation_is_complete(operation))
        return;
    if (is_status) {
        set_marks(redis, operation);
        if (!redis->is_cluster)
            notify(redis, operation);
    } else if (command->index == MARKS_ROUND) {
        notify(redis, operation);
    } else {
        redis_operation_finish(redis, operation);
    }
}

void redis_settle(struct redis *redis, struct redis_operation *operation)
{
    const struct store_request *request = operation->request;
    char key[REDIS_KEY];
    redis_begin_script(redis, REDIS_SETTLE, 1, 3);
    redis_bytes(redis, key, redis_job_key(redis, key, REDIS_JOB_SHARD, "job"));
    redis_number(redis, life(redis));
    redis_number(redis, request->status);
    redis_spans(redis, "", request->spans, request->span_count);
    redis_operation_send(redis, operation,
                         redis_end(redis, redis->slots[REDIS_JOB_SHARD], settle_answered),
                         STATUS_ROUND);
}

/* ---- Scans ------------------------------------------------------------------------------------
 */

/* All masters, one after the other: SCAN gives a page of keys, each key gets its command, and when
 * all are answered the next page is asked for. Each page has the request's whole time. */

static void scan_page(struct redis *redis, struct redis_operation *operation, const char *cursor);

static void finish_scan(struct redis *redis, struct redis_operation *operation)
{
    struct store_request *request = operation->request;
    if (request->step == STORE_JOBS) {
        request->reply.job_count = (uint32_t)operation->jobs.count;
        request->reply.jobs =
            store_reply_array(request, operation->jobs.count, sizeof(struct store_job));
        if (operation->jobs.count)
            memcpy(request->reply.jobs, operation->jobs.items,
                   operation->jobs.count * sizeof(struct store_job));
    }
    redis_operation_finish(redis, operation);
}

static void scan_next_node(struct redis *redis, struct redis_operation *operation)
{
    struct redis_connection *node = operation->node ? operation->node->next : redis->connections;
    while (node && redis->owners && !node->owns_slots)
        node = node->next;
    operation->node = node;
    if (node)
        scan_page(redis, operation, "0");
    else
        finish_scan(redis, operation);
}

static void end_page(struct redis *redis, struct redis_operation *operation)
{
    operation->request->deadline =
        store_clock() +
        (operation->request->timeout ? operation->request->timeout : redis->store.options.timeout);
    if (strcmp(operation->cursor, "0") == 0)
        scan_next_node(redis, operation);
    else
        scan_page(redis, operation, operation->cursor);
}

static void key_done(struct redis *redis, struct redis_operation *operation,
                     struct redis_command *command, const struct resp *reply)
{
    (void)command, (void)reply;
    if (redis_operation_is_complete(operation))
        end_page(redis, operation);
}

/* HMGET status begun; the job's number in `jobs` is the command's index. */
static void job_read(struct redis *redis, struct redis_operation *operation,
                     struct redis_command *command, const struct resp *reply)
{
    int64_t status, begun;
    struct store_job *job = &operation->jobs.items[command->index];
    if (resp_number(resp_item(&redis->reader, reply, 0), &status) && status > STORE_ABSENT &&
        status <= STORE_CANCELLED)
        job->status = (enum store_status)status;
    if (resp_number(resp_item(&redis->reader, reply, 1), &begun) &&
        (uint64_t)begun < operation->server_time)
        job->age = operation->server_time - (uint64_t)begun;
    key_done(redis, operation, command, reply);
}

static void begin_key_command(struct redis *redis, const char *name, const struct resp *key,
                              uint32_t arguments)
{
    redis_begin(redis, 2 + arguments);
    redis_text(redis, name);
    redis_bytes(redis, key->text, key->length);
}

static void send_key_command(struct redis *redis, struct redis_operation *operation,
                             const struct resp *key, redis_answered *answered, uint32_t index)
{
    redis_operation_send(redis, operation,
                         redis_end(redis, redis_slot(key->text, key->length), answered), index);
}

/* Whether what follows the key's hash tag begins so. */
static bool is_of_kind(const struct resp *key, const char *kind)
{
    const char *brace = memchr(key->text, '}', key->length);
    size_t length = strlen(kind);
    return brace && (size_t)(key->text + key->length - brace - 1) >= length &&
           memcmp(brace + 1, kind, length) == 0;
}

/* The number of a job in the list that is made; it may be there by another of its keys. */
static uint32_t find_job(struct redis_operation *operation, const char *name)
{
    uint32_t number = (uint32_t)operation->jobs.count;
    while (number > 0 && memcmp(operation->jobs.items[number - 1].name, name, STORE_JOB_NAME) != 0)
        number--;
    if (number > 0)
        return number - 1;
    struct store_job job = {0};
    memcpy(job.name, name, STORE_JOB_NAME);
    vector_push(&operation->jobs, job);
    return (uint32_t)operation->jobs.count - 1;
}

/* A job's own key is asked for what it is. Other keys tell that something is left of it: executors
 * that came late may have written them when the job was removed. */
static void read_job(struct redis *redis, struct redis_operation *operation, const struct resp *key)
{
    const char *name = key->text + strlen("wkc:{");
    if (key->length <= strlen("wkc:{/") + STORE_JOB_NAME || name[STORE_JOB_NAME] != '/' ||
        is_of_kind(key, "end") || is_of_kind(key, "h"))
        return;
    uint32_t number = find_job(operation, name);
    if (!is_of_kind(key, "job"))
        return;
    begin_key_command(redis, "HMGET", key, 2);
    redis_text(redis, "status");
    redis_text(redis, "begun");
    send_key_command(redis, operation, key, job_read, number);
}

static void expire_key(struct redis *redis, struct redis_operation *operation,
                       const struct resp *key, uint64_t ms)
{
    begin_key_command(redis, "PEXPIRE", key, 1);
    redis_number(redis, ms);
    send_key_command(redis, operation, key, key_done, 0);
}

static void treat_key(struct redis *redis, struct redis_operation *operation,
                      const struct resp *key)
{
    if (key->type != RESP_BULK || key->length >= REDIS_KEY)
        return;
    uint32_t lease = operation->request->lease;
    if (operation->request->step == STORE_JOBS) {
        read_job(redis, operation, key);
    } else if (operation->request->step == STORE_REMOVE) {
        if (lease > 0 && is_of_kind(key, "end"))
            return;
        begin_key_command(redis, "UNLINK", key, 0);
        send_key_command(redis, operation, key, key_done, 0);
    } else if (!is_of_kind(key, "h")) {
        expire_key(redis, operation, key, life(redis));
    }
}

static void page_read(struct redis *redis, struct redis_operation *operation,
                      struct redis_command *command, const struct resp *reply)
{
    (void)command;
    const struct resp *cursor = resp_item(&redis->reader, reply, 0);
    const struct resp *keys = resp_item(&redis->reader, reply, 1);
    bool known = cursor->type == RESP_BULK && cursor->length > 0 &&
                 cursor->length < sizeof operation->cursor && keys->type == RESP_ARRAY;
    if (!known) {
        redis_operation_nonsense(redis, operation);
        return;
    }
    memcpy(operation->cursor, cursor->text, cursor->length);
    operation->cursor[cursor->length] = 0;
    for (uint32_t i = 0; i < keys->count; i++)
        treat_key(redis, operation, resp_item(&redis->reader, keys, i));
    if (redis_operation_is_complete(operation))
        end_page(redis, operation);
}

static void scan_page(struct redis *redis, struct redis_operation *operation, const char *cursor)
{
    char pattern[REDIS_KEY];
    if (operation->request->step == STORE_JOBS)
        strcpy(pattern, "wkc:{*");
    else
        snprintf(pattern, sizeof pattern, "wkc:{%s/*", redis->store.options.job);
    redis_begin(redis, 6);
    redis_text(redis, "SCAN");
    redis_text(redis, cursor);
    redis_text(redis, "MATCH");
    redis_text(redis, pattern);
    redis_text(redis, "COUNT");
    redis_number(redis, PAGE);
    struct redis_command *command = redis_end(redis, 0, page_read);
    command->pinned = operation->node;
    redis_operation_send(redis, operation, command, 0);
}

static void prepared(struct redis *redis, struct redis_operation *operation,
                     struct redis_command *command, const struct resp *reply)
{
    int64_t seconds, micros;
    if (command->index == 0)
        redis_take_slots(redis, command->pinned, reply);
    else if (resp_number(resp_item(&redis->reader, reply, 0), &seconds) &&
             resp_number(resp_item(&redis->reader, reply, 1), &micros))
        operation->server_time = (uint64_t)(seconds * 1000 + micros / 1000);
    if (redis_operation_is_complete(operation))
        scan_next_node(redis, operation);
}

/* Who is scanned, and what time it is there. */
static void begin_scan(struct redis *redis, struct redis_operation *operation)
{
    struct redis_command *command = redis_slots_command(redis, prepared);
    command->takes_errors = true;
    redis_operation_send(redis, operation, command, 0);
    redis_begin(redis, 1);
    redis_text(redis, "TIME");
    command = redis_end(redis, 0, prepared);
    command->pinned = redis->connections;
    redis_operation_send(redis, operation, command, 1);
}

static void mark_answered(struct redis *redis, struct redis_operation *operation,
                          struct redis_command *command, const struct resp *reply)
{
    (void)command;
    if (reply->type != RESP_TEXT && reply->type != RESP_NULL)
        redis_operation_nonsense(redis, operation);
    else if (redis_operation_is_complete(operation))
        begin_scan(redis, operation);
}

/* Marks that stay say that the job is removed before the first key is looked for: so what is set
 * before that is found by the scan, and what is set later is taken back (redis_keep.lua). */
void redis_scan(struct redis *redis, struct redis_operation *operation)
{
    uint32_t lease = operation->request->lease;
    if (operation->request->step == STORE_REMOVE && lease > 0)
        send_marks(redis, operation, "removed", "XX", lease, mark_answered, 0);
    else
        begin_scan(redis, operation);
}
