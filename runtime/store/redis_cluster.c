/*
 * Which server has a slot, and what errors mean: move there, try again, or give up; see redis.h.
 *
 * A store begins with the server of its address. The first MOVED, or ?cluster=1, makes it a
 * cluster: a table of slots is asked for with CLUSTER SLOTS, and again after each MOVED and each
 * broken connection, but not more often than every 50 ms.
 */
#include "store/redis.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { NODES = 1000, SLOTS_PAUSE = 50, DELAY_FIRST = 2, DELAY_MOST = 200, REDIRECTIONS = 5 };

/* ---- Servers and slots ------------------------------------------------------------------------
 */

static struct redis_connection *find_connection(struct redis *redis, const char *host,
                                                const char *port)
{
    struct redis_connection **link = &redis->connections;
    uint32_t count = 0;
    while (*link && (strcmp((*link)->host, host) != 0 || strcmp((*link)->port, port) != 0)) {
        link = &(*link)->next;
        count++;
    }
    if (!*link && count < NODES)
        *link = redis_connection_new(redis, host, port);
    return *link;
}

static bool copy_text(char *to, size_t room, const char *text, size_t length)
{
    if (length >= room || memchr(text, 0, length))
        return false;
    memcpy(to, text, length);
    to[length] = 0;
    return true;
}

static void become_cluster(struct redis *redis)
{
    if (redis->owners)
        return;
    redis->is_cluster = true;
    redis->owners = memory_new(REDIS_SLOTS, sizeof *redis->owners);
    for (uint32_t slot = 0; slot < REDIS_SLOTS; slot++)
        redis->owners[slot] = redis->connections;
}

/* A server that does not know its own name is where it was asked. */
static struct redis_connection *server_of(struct redis_connection *asked, const struct resp *host,
                                          int64_t port)
{
    char host_text[256], port_text[8];
    if (port <= 0 || port > UINT16_MAX)
        return NULL;
    snprintf(port_text, sizeof port_text, "%d", (int)port);
    bool is_unknown =
        host->type != RESP_BULK || host->length == 0 || (host->length == 1 && host->text[0] == '?');
    if (is_unknown)
        return find_connection(asked->redis, asked->host, port_text);
    if (!copy_text(host_text, sizeof host_text, host->text, host->length))
        return NULL;
    return find_connection(asked->redis, host_text, port_text);
}

/* CLUSTER SLOTS: for each range [first, last, [host, port, …] of its master, replicas …]. */
void redis_take_slots(struct redis *redis, struct redis_connection *asked, const struct resp *reply)
{
    if (reply->type != RESP_ARRAY)
        return;
    become_cluster(redis);
    for (struct redis_connection *each = redis->connections; each; each = each->next)
        each->owns_slots = false;
    for (uint32_t i = 0; i < reply->count; i++) {
        const struct resp *range = resp_item(&redis->reader, reply, i);
        const struct resp *master = resp_item(&redis->reader, range, 2);
        int64_t first, last, port;
        if (!resp_number(resp_item(&redis->reader, range, 0), &first) ||
            !resp_number(resp_item(&redis->reader, range, 1), &last) ||
            !resp_number(resp_item(&redis->reader, master, 1), &port))
            continue;
        struct redis_connection *owner =
            server_of(asked, resp_item(&redis->reader, master, 0), port);
        if (owner)
            owner->owns_slots = true;
        for (int64_t slot = first; owner && first >= 0 && slot <= last && slot < REDIS_SLOTS;
             slot++)
            redis->owners[slot] = owner;
    }
}

/* Any server knows the table; one that works is asked first. */
static struct redis_connection *who_knows_slots(struct redis *redis, uint64_t now)
{
    for (struct redis_connection *each = redis->connections; each; each = each->next)
        if (each->state == REDIS_READY && !each->failures)
            return each;
    for (struct redis_connection *each = redis->connections; each; each = each->next)
        if (each->state != REDIS_CLOSED || each->retry_at <= now)
            return each;
    return redis->connections;
}

struct redis_command *redis_slots_command(struct redis *redis, redis_answered *answered)
{
    redis_begin(redis, 2);
    redis_text(redis, "CLUSTER");
    redis_text(redis, "SLOTS");
    struct redis_command *command = redis_end(redis, 0, answered);
    command->pinned = who_knows_slots(redis, store_clock());
    return command;
}

static void take_slots(struct redis *redis, struct redis_operation *operation,
                       struct redis_command *command, const struct resp *reply)
{
    (void)operation;
    redis_take_slots(redis, command->pinned, reply);
}

void redis_want_slots(struct redis *redis, uint64_t now)
{
    if (!redis->wants_slots || now < redis->slots_at + SLOTS_PAUSE)
        return;
    redis->wants_slots = false;
    redis->slots_at = now;
    redis_route(redis, redis_slots_command(redis, take_slots));
}

/* ---- Ways of commands -------------------------------------------------------------------------
 */

void redis_route(struct redis *redis, struct redis_command *command)
{
    command->connection = command->pinned ? command->pinned
                          : redis->owners ? redis->owners[command->slot]
                                          : redis->connections;
    redis_queue_push(&command->connection->unsent, command);
}

void redis_delay(struct redis *redis, struct redis_command *command)
{
    uint64_t wait = DELAY_FIRST << (command->attempts > 6 ? 7 : command->attempts);
    wait = wait > DELAY_MOST ? DELAY_MOST : wait;
    command->attempts++;
    command->retry_at = store_clock() + wait;
    redis_command_rewind(command);
    redis_queue_push(&redis->delayed, command);
}

void redis_retry_due(struct redis *redis, uint64_t now)
{
    for (struct redis_command *command = redis->delayed.first, *next; command; command = next) {
        next = command->next;
        if (command->retry_at > now)
            continue;
        redis_queue_remove(command);
        redis_route(redis, command);
    }
}

/* ---- Errors -----------------------------------------------------------------------------------
 */

/* "MOVED SLOT HOST:PORT" and "ASK SLOT HOST:PORT". */
static struct redis_connection *redirection(struct redis_connection *connection,
                                            const struct resp *reply, uint32_t *slot)
{
    char text[300], host[256];
    int used = 0;
    if (!copy_text(text, sizeof text, reply->text, reply->length) ||
        sscanf(text, "%*s %u %n", slot, &used) != 1 || *slot >= REDIS_SLOTS || !used)
        return NULL;
    const char *colon = strrchr(text + used, ':');
    int64_t port;
    if (!colon || !copy_text(host, sizeof host, text + used, (size_t)(colon - text) - (size_t)used))
        return NULL;
    struct resp port_text = {.type = RESP_TEXT, .text = colon + 1, .length = strlen(colon + 1)};
    if (!resp_number(&port_text, &port))
        return NULL;
    struct resp host_text = {.type = RESP_BULK, .text = host, .length = strlen(host)};
    return server_of(connection, &host_text, port);
}

static void redirect(struct redis_connection *connection, struct redis_command *command,
                     const struct resp *reply)
{
    struct redis *redis = connection->redis;
    uint32_t slot;
    struct redis_connection *owner = redirection(connection, reply, &slot);
    bool has_moved = resp_begins(reply, "MOVED");
    if (owner && has_moved) {
        become_cluster(redis);
        redis->owners[slot] = owner;
        redis->wants_slots = true;
    }
    redis_command_rewind(command);
    if (!owner || command->attempts >= REDIRECTIONS) {
        redis_delay(redis, command);
        return;
    }
    command->attempts++;
    if (has_moved) {
        redis_route(redis, command);
        return;
    }
    redis_command_ask(command);
    command->connection = owner;
    redis_queue_push(&owner->unsent, command);
}

/* Errors that pass: while a server starts, a slot moves, or a replica takes over. */
static bool is_passing(const struct resp *reply)
{
    static const char *const kinds[] = {
        "LOADING",    "BUSY ",    "TRYAGAIN",   "CLUSTERDOWN",
        "MASTERDOWN", "READONLY", "NOREPLICAS", "ERR max number of clients"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (resp_begins(reply, kinds[i]))
            return true;
    return false;
}

static void try_later(struct redis_connection *connection, struct redis_command *command,
                      const struct resp *reply)
{
    struct redis *redis = connection->redis;
    snprintf(redis->problem, sizeof redis->problem, "%.100s:%s answers: %.*s", connection->host,
             connection->port, (int)(reply->length < 150 ? reply->length : 150), reply->text);
    redis->problem_code = resp_begins(reply, "READONLY") || resp_begins(reply, "ERR")
                              ? ERR_store_refused
                              : ERR_store_timeout;
    redis->wants_slots |= redis->is_cluster;
    redis_delay(redis, command);
}

static void give_up(struct redis_connection *connection, struct redis_command *command,
                    const struct resp *reply)
{
    struct redis_operation *operation = command->operation;
    struct redis *redis = connection->redis;
    if (!operation) {
        redis_command_free(command); /* the client's own: it has other ways */
        return;
    }
    char text[300];
    snprintf(text, sizeof text, "%.*s", (int)(reply->length < 250 ? reply->length : 250),
             reply->text);
    redis_command_free(command);
    if (resp_begins(reply, "OOM"))
        redis_operation_fail(redis, operation, ERR_store_full, "the memory of %s:%s is full",
                             connection->host, connection->port);
    else
        redis_operation_fail(redis, operation, ERR_store_refused, "%s:%s refuses: %s",
                             connection->host, connection->port, text);
}

void redis_command_refused(struct redis_connection *connection, struct redis_command *command,
                           const struct resp *reply)
{
    if (resp_begins(reply, "NOSCRIPT") && command->script < REDIS_SCRIPTS) {
        redis_command_rewind(command);
        redis_command_use_text(connection->redis, command);
        redis_route(connection->redis, command);
    } else if (resp_begins(reply, "MOVED ") || resp_begins(reply, "ASK ")) {
        redirect(connection, command, reply);
    } else if (is_passing(reply)) {
        try_later(connection, command, reply);
    } else if (command->takes_errors) {
        struct redis_operation *operation = command->operation;
        redis_command_detach(command);
        command->answered(connection->redis, operation, command, reply);
        free(command);
    } else {
        give_up(connection, command, reply);
    }
}
