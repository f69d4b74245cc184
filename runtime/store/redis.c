/* The store on Redis: its address, its requests' time, and what is to be polled; see redis.h. */
#include "store/redis.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/memory.h"

enum { EVENTS = 32, SILENCE_LEAST = 200, SILENCE_MOST = 5000, NAME = 1024 };

static struct redis *redis_of(struct store *store)
{
    return (struct redis *)store;
}

/* ---- Time -------------------------------------------------------------------------------------
 */

static void expire(struct redis *redis, struct redis_operation *operation)
{
    if (redis->problem[0])
        redis_operation_fail(redis, operation, redis->problem_code, "%s", redis->problem);
    else
        redis_operation_fail(redis, operation, ERR_store_timeout, "%s:%s does not answer",
                             redis->connections->host, redis->connections->port);
}

/* `next_deadline` may be that of a request that has been answered; then nothing is found. */
static void expire_requests(struct redis *redis, uint64_t now)
{
    if (now < redis->next_deadline)
        return;
    redis->next_deadline = UINT64_MAX;
    for (struct redis_operation *operation = redis->operations, *next; operation;
         operation = next) {
        next = operation->next;
        uint64_t deadline = operation->request->deadline;
        if (deadline <= now)
            expire(redis, operation);
        else if (deadline < redis->next_deadline)
            redis->next_deadline = deadline;
    }
}

static void answer_watchers(struct redis *redis, uint64_t now)
{
    bool notified = redis->notified && redis->watching;
    if (notified)
        redis->notified = false;
    for (struct store_request **link = &redis->watching, *request; (request = *link);) {
        if (!notified && request->deadline > now) {
            link = &request->next;
            continue;
        }
        *link = request->next;
        store_answer(&redis->store, request);
    }
}

/* ---- The table of functions -------------------------------------------------------------------
 */

static void flush(struct redis *redis, uint64_t now)
{
    redis_want_slots(redis, now);
    redis_retry_due(redis, now);
    for (struct redis_connection *each = redis->connections; each; each = each->next)
        redis_connection_flush(each, now);
    if (redis->listener)
        redis_connection_flush(redis->listener, now);
}

static void advance(struct store *store)
{
    struct redis *redis = redis_of(store);
    struct epoll_event events[EVENTS];
    int count = epoll_wait(redis->epoll, events, EVENTS, 0);
    for (int i = 0; i < count; i++)
        redis_connection_wake(events[i].data.ptr, events[i].events);
    uint64_t now = store_clock();
    expire_requests(redis, now);
    answer_watchers(redis, now);
    flush(redis, now);
}

static int descriptor(const struct store *store)
{
    return ((const struct redis *)store)->epoll;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int timeout(struct store *store)
{
    struct redis *redis = redis_of(store);
    uint64_t now = store_clock();
    flush(redis, now);
    uint64_t first = redis->next_deadline;
    for (struct redis_command *each = redis->delayed.first; each; each = each->next)
        first = earlier(first, each->retry_at);
    for (struct redis_connection *each = redis->connections; each; each = each->next)
        first = earlier(first, redis_connection_alarm(each));
    if (redis->listener)
        first = earlier(first, redis_connection_alarm(redis->listener));
    for (struct store_request *each = redis->watching; each; each = each->next)
        first = earlier(first, redis->notified ? now : each->deadline);
    if (redis->wants_slots)
        first = earlier(first, redis->slots_at + 51);
    if (first == UINT64_MAX)
        return -1;
    return first <= now ? 0 : first - now > INT32_MAX ? INT32_MAX : (int)(first - now);
}

static void watch(struct redis *redis, struct store_request *request)
{
    request->next = redis->watching;
    redis->watching = request;
    if (redis->listener)
        return;
    redis->listener =
        redis_connection_new(redis, redis->connections->host, redis->connections->port);
    redis->listener->listens = true;
}

static void send_request(struct store *store, struct store_request *request)
{
    struct redis *redis = redis_of(store);
    if (request->step == STORE_WATCH) {
        watch(redis, request);
        return;
    }
    redis->next_deadline = earlier(redis->next_deadline, request->deadline);
    redis_operation_start(redis, request);
}

static void free_commands(struct redis_queue *queue)
{
    while (queue->first) {
        queue->first->operation = NULL; /* freed before */
        redis_command_free(queue->first);
    }
}

static void close_store(struct store *store)
{
    struct redis *redis = redis_of(store);
    while (redis->operations) {
        redis->operations->request = NULL;
        redis_operation_finish(redis, redis->operations);
    }
    for (struct redis_connection *each = redis->connections, *next; each; each = next) {
        next = each->next;
        free_commands(&each->sent);
        free_commands(&each->unsent);
        redis_connection_free(each);
    }
    redis_connection_free(redis->listener);
    free_commands(&redis->delayed);
    redis_scripts_release(redis);
    resp_release(&redis->reader);
    buffer_release(&redis->text);
    vector_release(&redis->foreign);
    tls_context_free(redis->tls);
    close(redis->epoll);
    free(redis->owners);
    free(redis->user);
    free(redis->password);
    free(redis->database);
    free(redis->authorities);
    free(redis);
}

static const struct store_operations operations = {send_request, advance, descriptor, timeout,
                                                   close_store};

/* ---- The address: [USER:PASSWORD@]HOST[:PORT][/DATABASE][?ca=FILE][&cluster=1] ----------------
 */

/* A part of the address with %41 decoded; NULL if it is empty. */
static char *decode(const char *text, size_t length)
{
    char *decoded = memory_new(length + 1, 1), *to = decoded;
    for (size_t i = 0; i < length; i++) {
        unsigned character = (unsigned char)text[i];
        if (text[i] == '%' && i + 2 < length && sscanf(text + i + 1, "%2x", &character) == 1)
            i += 2;
        *to++ = (char)character;
    }
    if (*decoded)
        return decoded;
    free(decoded);
    return NULL;
}

static int refuse_address(struct error *error, const char *what)
{
    error_set(error, ERR_store_address, "the store's address %s", what);
    return error_hint(error, "write redis://USER:PASSWORD@HOST:PORT/DATABASE");
}

static int parse_credentials(struct redis *redis, const char **address, struct error *error)
{
    size_t length = strcspn(*address, "/?");
    const char *at = memrchr(*address, '@', length);
    if (!at)
        return 0;
    const char *colon = memchr(*address, ':', (size_t)(at - *address));
    if (!colon)
        return refuse_address(error, "has a user without a password");
    redis->user = decode(*address, (size_t)(colon - *address));
    redis->password = decode(colon + 1, (size_t)(at - colon - 1));
    *address = at + 1;
    return redis->password ? 0 : refuse_address(error, "has an empty password");
}

static int parse_host(struct redis *redis, const char **address, struct error *error)
{
    const char *host = *address, *end = host + strcspn(host, ":/?");
    if (*host == '[') {
        end = strchr(++host, ']');
        if (!end)
            return refuse_address(error, "has a '[' without its ']'");
    }
    size_t length = (size_t)(end - host);
    if (length == 0 || length >= sizeof redis->host)
        return refuse_address(error, "has no host");
    memcpy(redis->host, host, length);
    end += *end == ']';
    strcpy(redis->port, "6379");
    if (*end == ':') {
        size_t digits = strspn(++end, "0123456789");
        if (digits == 0 || digits > 5 || atoi(end) > UINT16_MAX)
            return refuse_address(error, "has no number as its port");
        memcpy(redis->port, end, digits);
        redis->port[digits] = 0;
        end += digits;
    }
    *address = end;
    return 0;
}

static int parse_database(struct redis *redis, const char **address, struct error *error)
{
    if (**address != '/')
        return 0;
    size_t length = strcspn(++*address, "?");
    if (strspn(*address, "0123456789") < length || length > 6)
        return refuse_address(error, "has no number as its database");
    if (length > 0 && strncmp(*address, "0", length) != 0)
        redis->database = decode(*address, length);
    *address += length;
    return 0;
}

static int parse_options(struct redis *redis, const char *address, struct error *error)
{
    if (*address && *address != '?')
        return refuse_address(error, "has more behind its port");
    while (*address) {
        size_t length = strcspn(++address, "&");
        if (strncmp(address, "ca=", 3) == 0 && !redis->authorities)
            redis->authorities = decode(address + 3, length - 3);
        else if (length == 9 && strncmp(address, "cluster=1", 9) == 0)
            redis->wants_slots = true;
        else
            return refuse_address(error, "has an option other than ca=FILE and cluster=1");
        address += length;
    }
    return 0;
}

static int parse_address(struct redis *redis, const char *address, struct error *error)
{
    int code = parse_credentials(redis, &address, error);
    if (!code)
        code = parse_host(redis, &address, error);
    if (!code)
        code = parse_database(redis, &address, error);
    return code ? code : parse_options(redis, address, error);
}

static void init_slots(struct redis *redis)
{
    for (uint32_t shard = 0; shard <= REDIS_JOB_SHARD; shard++) {
        char key[REDIS_KEY];
        redis->slots[shard] = redis_slot(key, redis_job_key(redis, key, shard, ""));
    }
}

static int open_redis(const char *address, bool with_tls, const struct store_options *options,
                      struct store **store, struct error *error)
{
    struct redis *redis = memory_new(1, sizeof *redis);
    store_init(&redis->store, &operations, options);
    redis->next_deadline = UINT64_MAX;
    redis->silence = options->timeout / 3 < SILENCE_LEAST  ? SILENCE_LEAST
                     : options->timeout / 3 > SILENCE_MOST ? SILENCE_MOST
                                                           : options->timeout / 3;
    redis_scripts_init(redis);
    init_slots(redis);
    redis->epoll = epoll_create1(EPOLL_CLOEXEC);
    int code = parse_address(redis, address, error);
    if (!code && redis->epoll < 0)
        code = error_set(error, ERR_out_of_memory, "the system has no more descriptors");
    if (!code && with_tls)
        code = tls_context_new(redis->authorities, &redis->tls, error);
    if (code) {
        close_store(&redis->store);
        return code;
    }
    redis->connections = redis_connection_new(redis, redis->host, redis->port);
    *store = &redis->store;
    return 0;
}

int store_open_redis(const char *address, const struct store_options *options, struct store **store,
                     struct error *error)
{
    return open_redis(address, false, options, store, error);
}

int store_open_redis_tls(const char *address, const struct store_options *options,
                         struct store **store, struct error *error)
{
    return open_redis(address, true, options, store, error);
}
