/* Commands as bytes: how they are made, the names of keys, scripts by hash or by text; see redis.h.
 */
#include "store/redis.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

/* Made of the files redis_*.lua by the Makefile. */
#include "runtime/store/redis_scripts.inc"

const char *redis_scripts[REDIS_SCRIPTS] = {
    [REDIS_JOIN] = redis_join_lua,   [REDIS_READ] = redis_read_lua,
    [REDIS_BEAT] = redis_beat_lua,   [REDIS_PASSED] = redis_passed_lua,
    [REDIS_BEGIN] = redis_begin_lua, [REDIS_SETTLE] = redis_settle_lua,
    [REDIS_COUNT] = redis_count_lua, [REDIS_LOG] = redis_log_lua,
    [REDIS_KEEP] = redis_keep_lua,
};

void redis_scripts_init(struct redis *redis)
{
    for (int i = 0; i < REDIS_SCRIPTS; i++) {
        const char *text = redis_scripts[i];
        unsigned char digest[EVP_MAX_MD_SIZE];
        if (!EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL))
            bug("SHA-1 is not there");
        char *head = redis->script_heads[i];
        head += sprintf(head, "$7\r\nEVALSHA\r\n$40\r\n");
        for (int b = 0; b < 20; b++)
            head += sprintf(head, "%02x", digest[b]);
        strcpy(head, "\r\n");
        struct buffer body = {0};
        buffer_printf(&body, "$4\r\nEVAL\r\n$%zu\r\n%s\r\n", strlen(text), text);
        redis->script_bodies[i] = body.data;
    }
}

void redis_scripts_release(struct redis *redis)
{
    for (int i = 0; i < REDIS_SCRIPTS; i++)
        free(redis->script_bodies[i]);
}

/* ---- Keys -------------------------------------------------------------------------------------
 */

/* wkc:{JOB/SHARD}KIND:FRAGMENT:NODE:FIRST:END[#CHUNK], numbers in hexadecimal. What is in braces
 * decides the slot. */

static uint32_t shard_of(const struct store_name *name, uint64_t chunk)
{
    uint64_t hash = hash_combine(hash_mix(name->fragment), name->node);
    hash = hash_combine(hash, name->first);
    return (uint32_t)(hash_combine(hash, chunk) % REDIS_SHARDS);
}

uint32_t redis_shard(const struct store_name *name)
{
    return shard_of(name, 0);
}

uint32_t redis_chunk_shard(const struct store_name *name, uint64_t chunk)
{
    return shard_of(name, chunk);
}

static char *write_hex(char *to, uint64_t number)
{
    int digits = number ? (67 - __builtin_clzll(number)) / 4 : 1;
    for (int i = digits - 1; i >= 0; i--)
        *to++ = "0123456789abcdef"[number >> (4 * i) & 15];
    return to;
}

static char *write_decimal(char *to, uint64_t number)
{
    char digits[20];
    int count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    while (count)
        *to++ = digits[--count];
    return to;
}

static char *write_tag(const struct redis *redis, char *to, uint32_t shard)
{
    memcpy(to, "wkc:{", 5);
    memcpy(to + 5, redis->store.options.job, STORE_JOB_NAME);
    to += 5 + STORE_JOB_NAME;
    *to++ = '/';
    if (shard == REDIS_JOB_SHARD)
        *to++ = 'g';
    else
        to = write_decimal(to, shard);
    *to++ = '}';
    return to;
}

size_t redis_key(const struct redis *redis, char key[REDIS_KEY], const struct store_name *name,
                 uint64_t chunk)
{
    static const char kinds[] = "vjrhfipow"; /* by enum store_kind */
    char *to = write_tag(redis, key, shard_of(name, chunk));
    *to++ = kinds[name->kind];
    const uint64_t numbers[] = {name->fragment, name->node, name->first, name->end};
    for (int i = 0; i < 4; i++) {
        *to++ = ':';
        to = write_hex(to, numbers[i]);
    }
    if (chunk) {
        *to++ = '#';
        to = write_hex(to, chunk);
    }
    return (size_t)(to - key);
}

size_t redis_job_key(const struct redis *redis, char key[REDIS_KEY], uint32_t shard,
                     const char *suffix)
{
    char *to = write_tag(redis, key, shard);
    size_t length = strlen(suffix);
    memcpy(to, suffix, length);
    return (size_t)(to - key) + length;
}

/* CRC-16 of the XMODEM kind over the hash tag, as Redis Cluster's specification says. */
uint16_t redis_slot(const char *key, size_t length)
{
    const char *open = memchr(key, '{', length);
    const char *close = open ? memchr(open, '}', length - (size_t)(open - key)) : NULL;
    if (close && close > open + 1) {
        length = (size_t)(close - open - 1);
        key = open + 1;
    }
    static const uint16_t table[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5,
                                       0x60c6, 0x70e7, 0x8108, 0x9129, 0xa14a, 0xb16b,
                                       0xc18c, 0xd1ad, 0xe1ce, 0xf1ef}; /* by half a byte */
    uint32_t crc = 0;
    for (size_t i = 0; i < length; i++) {
        uint32_t byte = (unsigned char)key[i];
        crc = (crc << 4 ^ table[(crc >> 12 ^ byte >> 4) & 15]) & 0xffff;
        crc = (crc << 4 ^ table[(crc >> 12 ^ byte) & 15]) & 0xffff;
    }
    return (uint16_t)(crc & (REDIS_SLOTS - 1));
}

/* ---- Making commands --------------------------------------------------------------------------
 */

/* "*3\r\n", "$5\r\n": what is behind a kind's character is at most 20 digits. */
static char *write_count(char *to, char kind, uint64_t count)
{
    *to++ = kind;
    to = write_decimal(to, count);
    *to++ = '\r';
    *to++ = '\n';
    return to;
}

static void append_count(struct redis *redis, char kind, uint64_t count)
{
    buffer_end_at(&redis->text, write_count(buffer_extend(&redis->text, 24), kind, count));
}

void redis_begin(struct redis *redis, uint32_t arguments)
{
    buffer_clear(&redis->text);
    redis->foreign.count = 0;
    redis->script = REDIS_SCRIPTS;
    append_count(redis, '*', arguments);
}

void redis_begin_script(struct redis *redis, enum redis_script script, uint32_t keys,
                        uint32_t arguments)
{
    redis_begin(redis, 3 + keys + arguments);
    redis->script = script;
    redis->head_at = (uint32_t)redis->text.length;
    buffer_puts(&redis->text, redis->script_heads[script]);
    redis_number(redis, keys);
}

static void append_data(struct redis *redis, const void *data, size_t size)
{
    if (size > REDIS_COPIED)
        vector_push(&redis->foreign, (struct redis_foreign){redis->text.length, data, size});
    else if (size)
        buffer_append(&redis->text, data, size);
}

void redis_bytes(struct redis *redis, const void *data, size_t size)
{
    if (size > REDIS_COPIED) {
        struct store_bytes span = {data, size};
        redis_spans(redis, "", &span, 1);
        return;
    }
    char *to = write_count(buffer_extend(&redis->text, size + 26), '$', size);
    if (size)
        memcpy(to, data, size);
    to[size] = '\r';
    to[size + 1] = '\n';
    buffer_end_at(&redis->text, to + size + 2);
}

void redis_text(struct redis *redis, const char *text)
{
    redis_bytes(redis, text, strlen(text));
}

void redis_number(struct redis *redis, uint64_t number)
{
    char text[20];
    redis_bytes(redis, text, (size_t)(write_decimal(text, number) - text));
}

void redis_spans(struct redis *redis, const char *prefix, const struct store_bytes *spans,
                 uint32_t count)
{
    size_t size = strlen(prefix);
    for (uint32_t i = 0; i < count; i++)
        size += spans[i].size;
    append_count(redis, '$', size);
    buffer_puts(&redis->text, prefix);
    for (uint32_t i = 0; i < count; i++)
        append_data(redis, spans[i].data, spans[i].size);
    buffer_append(&redis->text, "\r\n", 2);
}

static void add_piece(struct redis_command *command, const void *data, size_t size)
{
    if (!size)
        return;
    command->pieces[command->piece_count++] = (struct iovec){(void *)(uintptr_t)data, size};
    command->size += size;
}

/* Room for what NOSCRIPT and ASK add: two parts of the text for one, and ASKING. */
enum { SPARE = 3 };

struct redis_command *redis_end(struct redis *redis, uint16_t slot, redis_answered *answered)
{
    size_t pieces = 2 * redis->foreign.count + 1 + SPARE;
    struct redis_command *command = memory_resize(
        NULL, 1, sizeof *command + pieces * sizeof *command->pieces + redis->text.length);
    *command = (struct redis_command){
        .answered = answered, .slot = slot, .script = (uint8_t)redis->script};
    if (redis->script < REDIS_SCRIPTS) {
        command->head_at = redis->head_at;
        command->head = (uint32_t)strlen(redis->script_heads[redis->script]);
    }
    char *text = memcpy(&command->pieces[pieces], redis->text.data, redis->text.length);
    size_t done = 0;
    for (size_t i = 0; i < redis->foreign.count; i++) {
        const struct redis_foreign *foreign = &redis->foreign.items[i];
        add_piece(command, text + done, foreign->at - done);
        add_piece(command, foreign->data, foreign->size);
        done = foreign->at;
    }
    add_piece(command, text + done, redis->text.length - done);
    return command;
}

static void insert_piece(struct redis_command *command, uint32_t at, const void *data, size_t size)
{
    memmove(&command->pieces[at + 1], &command->pieces[at],
            (command->piece_count - at) * sizeof *command->pieces);
    command->pieces[at] = (struct iovec){(void *)(uintptr_t)data, size};
    command->piece_count++;
    command->size += size;
}

void redis_command_use_text(struct redis *redis, struct redis_command *command)
{
    uint32_t first = command->asking; /* behind ASKING */
    char *text = command->pieces[first].iov_base;
    const char *body = redis->script_bodies[command->script];
    size_t skipped = command->head_at + command->head;
    command->pieces[first].iov_base = text + skipped;
    command->pieces[first].iov_len -= skipped;
    command->size -= skipped;
    insert_piece(command, first, body, strlen(body));
    insert_piece(command, first, text, command->head_at);
    command->script = REDIS_SCRIPTS;
}

static const char asking[] = "*1\r\n$6\r\nASKING\r\n";

void redis_command_ask(struct redis_command *command)
{
    if (!command->asking)
        insert_piece(command, 0, asking, sizeof asking - 1);
    command->asking = true;
}

void redis_command_rewind(struct redis_command *command)
{
    command->written = 0;
    command->asked = command->offered = false;
    if (command->operation && command->script == REDIS_SCRIPTS)
        command->operation->was_repeated = true;
    if (!command->asking)
        return;
    command->asking = false;
    command->size -= command->pieces[0].iov_len;
    memmove(&command->pieces[0], &command->pieces[1],
            --command->piece_count * sizeof *command->pieces);
}

/* ---- Queues -----------------------------------------------------------------------------------
 */

void redis_queue_push(struct redis_queue *queue, struct redis_command *command)
{
    command->queue = queue;
    command->next = NULL;
    command->previous = queue->last;
    if (queue->last)
        queue->last->next = command;
    else
        queue->first = command;
    queue->last = command;
}

void redis_queue_remove(struct redis_command *command)
{
    struct redis_queue *queue = command->queue;
    if (!queue)
        return;
    if (command->previous)
        command->previous->next = command->next;
    else
        queue->first = command->next;
    if (command->next)
        command->next->previous = command->previous;
    else
        queue->last = command->previous;
    command->queue = NULL;
}

void redis_command_detach(struct redis_command *command)
{
    if (!command->operation)
        return;
    if (command->previous_sibling)
        command->previous_sibling->sibling = command->sibling;
    else
        command->operation->commands = command->sibling;
    if (command->sibling)
        command->sibling->previous_sibling = command->previous_sibling;
    command->operation = NULL;
}

void redis_command_free(struct redis_command *command)
{
    redis_queue_remove(command);
    redis_command_detach(command);
    free(command);
}
