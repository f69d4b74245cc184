/* Connections to servers: sockets, TLS, the greeting, writing what is queued in one go, and reading
 * replies; see redis.h. */
#include "store/redis.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"

enum {
    INPUT = 1 << 16,      /* bytes of a fresh input buffer */
    INPUT_KEPT = 1 << 20, /* a larger one is given back when it is empty */
    VECTORS = 128,        /* pieces that are written at once */
    BACK_OFF_FIRST = 10,  /* ms */
    BACK_OFF_MOST = 1000,
};

struct redis_connection *redis_connection_new(struct redis *redis, const char *host,
                                              const char *port)
{
    struct redis_connection *connection = memory_new(1, sizeof *connection);
    connection->redis = redis;
    connection->socket = -1;
    snprintf(connection->host, sizeof connection->host, "%s", host);
    snprintf(connection->port, sizeof connection->port, "%s", port);
    return connection;
}

/* ---- Ends -------------------------------------------------------------------------------------
 */

static void close_socket(struct redis_connection *connection)
{
    tls_free(connection->tls);
    connection->tls = NULL;
    if (connection->socket >= 0)
        close(connection->socket); /* epoll forgets it */
    connection->socket = -1;
    connection->state = REDIS_CLOSED;
    connection->streaming = NULL;
    connection->input_start = connection->input_end = 0;
    connection->events = 0;
}

void redis_connection_free(struct redis_connection *connection)
{
    if (!connection)
        return;
    close_socket(connection);
    free(connection->input);
    free(connection);
}

/* The first attempt comes at once: an idle connection may have died long ago, as after a freeze.
 * Later ones take twice as long each, with jitter, so that executors do not come in step. */
static void schedule_retry(struct redis_connection *connection)
{
    uint64_t now = store_clock();
    uint32_t doublings = connection->failures > 8 ? 7 : connection->failures - 1;
    connection->retry_at = now;
    if (++connection->failures == 1)
        return;
    uint64_t wait = (uint64_t)BACK_OFF_FIRST << doublings;
    wait = wait > BACK_OFF_MOST ? BACK_OFF_MOST : wait;
    connection->retry_at = now + wait + hash_mix(now ^ (uintptr_t)connection) % (wait / 2);
}

static void set_problem(struct redis_connection *connection, enum error_code code,
                        const char *format, va_list arguments)
{
    struct redis *redis = connection->redis;
    int length = snprintf(redis->problem, sizeof redis->problem, "%.200s:%s ", connection->host,
                          connection->port);
    vsnprintf(redis->problem + length, sizeof redis->problem - (size_t)length, format, arguments);
    redis->problem_code = code;
}

static void retry_commands(struct redis_connection *connection, struct redis_queue *queue)
{
    for (struct redis_command *command; (command = queue->first);) {
        bool asks_slots = command->answered && !command->operation;
        connection->redis->wants_slots |= asks_slots; /* of another server, perhaps */
        if (asks_slots || !command->answered) {
            redis_command_free(command);
            continue;
        }
        redis_queue_remove(command);
        command->attempts++;
        command->retry_at = connection->retry_at;
        connection->redis->store.counters.repeats += command->was_sent;
        redis_command_rewind(command);
        redis_queue_push(&connection->redis->delayed, command);
    }
}

void redis_connection_break(struct redis_connection *connection, enum error_code code,
                            const char *format, ...)
{
    if (format) {
        va_list arguments;
        va_start(arguments, format);
        set_problem(connection, code, format, arguments);
        va_end(arguments);
    }
    close_socket(connection);
    schedule_retry(connection);
    connection->redis->store.counters.reconnects++;
    connection->redis->wants_slots |= connection->redis->is_cluster;
    retry_commands(connection, &connection->sent);
    retry_commands(connection, &connection->unsent);
}

void redis_connection_refuse(struct redis_connection *connection, enum error_code code,
                             const char *format, ...)
{
    struct redis *redis = connection->redis;
    va_list arguments;
    va_start(arguments, format);
    set_problem(connection, code, format, arguments);
    va_end(arguments);
    close_socket(connection);
    schedule_retry(connection);
    struct redis_command *command;
    while ((command = connection->sent.first) || (command = connection->unsent.first)) {
        if (command->operation)
            redis_operation_fail(redis, command->operation, code, "%s", redis->problem);
        else
            redis_command_free(command);
    }
}

/* ---- Beginnings -------------------------------------------------------------------------------
 */

static void watch_events(struct redis_connection *connection, uint32_t events)
{
    if (connection->events == events)
        return;
    struct epoll_event event = {.events = events, .data.ptr = connection};
    int operation = connection->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(connection->redis->epoll, operation, connection->socket, &event) < 0)
        redis_connection_break(connection, ERR_store_unreachable, "cannot be watched: %s",
                               strerror(errno));
    else
        connection->events = events;
}

static struct addrinfo *resolve(struct redis_connection *connection)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM}, *found;
    int status = getaddrinfo(connection->host, connection->port, &wanted, &found);
    if (status == 0)
        return found;
    redis_connection_break(connection, ERR_store_unreachable, "cannot be found: %s",
                           gai_strerror(status));
    return NULL;
}

/* Names are looked up each time, since a server that has failed may come back elsewhere; of several
 * addresses each attempt takes the next. */
static void open_connection(struct redis_connection *connection, uint64_t now)
{
    struct addrinfo *found = resolve(connection);
    if (!found)
        return;
    uint32_t count = 0;
    for (struct addrinfo *each = found; each; each = each->ai_next)
        count++;
    struct addrinfo *address = found;
    for (uint32_t turn = connection->turn++ % count; turn; turn--)
        address = address->ai_next;
    connection->socket = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int failed = connection->socket < 0 ||
                 (connect(connection->socket, address->ai_addr, address->ai_addrlen) < 0 &&
                  errno != EINPROGRESS);
    int reason = errno;
    freeaddrinfo(found);
    if (failed) {
        redis_connection_break(connection, ERR_store_unreachable, "cannot be reached: %s",
                               strerror(reason));
        return;
    }
    connection->state = REDIS_CONNECTING;
    connection->progress_at = now;
    watch_events(connection, EPOLLOUT);
}

/* A short text that fits any socket's buffer. */
static void write_greeting(struct redis_connection *connection, struct buffer *text)
{
    size_t written = 0;
    ssize_t sent = 0;
    if (connection->tls)
        tls_write(connection->tls, text->data, text->length, &written);
    else if ((sent = send(connection->socket, text->data, text->length, MSG_NOSIGNAL)) > 0)
        written = (size_t)sent;
    bool is_whole = written == text->length;
    explicit_bzero(text->data, text->length);
    buffer_release(text);
    if (!is_whole)
        redis_connection_break(connection, ERR_store_unreachable, "ends the connection");
}

static void add_words(struct buffer *text, const char *const *words, int count)
{
    buffer_printf(text, "*%d\r\n", count);
    for (int i = 0; i < count; i++)
        buffer_printf(text, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
}

static void greet(struct redis_connection *connection)
{
    const struct redis *redis = connection->redis;
    struct buffer text = {0};
    connection->state = REDIS_READY;
    connection->greetings = 0;
    if (redis->password) {
        const char *words[] = {"AUTH", redis->user ? redis->user : redis->password,
                               redis->password};
        add_words(&text, words, redis->user ? 3 : 2);
        connection->greetings++;
    }
    if (redis->database) {
        const char *words[] = {"SELECT", redis->database};
        add_words(&text, words, 2);
        connection->greetings++;
    }
    if (connection->greetings)
        connection->state = REDIS_GREETING;
    if (connection->listens) {
        char channel[REDIS_KEY];
        channel[redis_job_key(redis, channel, REDIS_JOB_SHARD, "end")] = 0;
        const char *words[] = {"SUBSCRIBE", channel};
        add_words(&text, words, 2);
    }
    watch_events(connection, EPOLLIN);
    if (text.length && connection->state != REDIS_CLOSED)
        write_greeting(connection, &text);
    buffer_release(&text);
}

static void encrypt(struct redis_connection *connection)
{
    char reason[200];
    bool untrusted = false;
    switch (tls_handshake(connection->tls, reason, sizeof reason, &untrusted)) {
    case TLS_DONE:
        greet(connection);
        return;
    case TLS_WANTS_READ:
        watch_events(connection, EPOLLIN);
        return;
    case TLS_WANTS_WRITE:
        watch_events(connection, EPOLLOUT);
        return;
    case TLS_CLOSED:
        redis_connection_break(connection, ERR_store_unreachable,
                               "ends the connection in the handshake of TLS");
        return;
    case TLS_FAILED:
        if (untrusted)
            redis_connection_refuse(connection, ERR_store_certificate,
                                    "shows a certificate that is not trusted: %s", reason);
        else
            redis_connection_refuse(connection, ERR_store_nonsense, "does not speak TLS: %s",
                                    reason);
        return;
    }
}

static void connected(struct redis_connection *connection)
{
    int reason = 0, on = 1;
    socklen_t size = sizeof reason;
    getsockopt(connection->socket, SOL_SOCKET, SO_ERROR, &reason, &size);
    if (reason) {
        redis_connection_break(connection, ERR_store_unreachable, "cannot be reached: %s",
                               strerror(reason));
        return;
    }
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!connection->redis->tls) {
        greet(connection);
        return;
    }
    connection->tls = tls_new(connection->redis->tls, connection->socket, connection->host);
    connection->state = REDIS_ENCRYPTING;
    encrypt(connection);
}

/* ---- Writing ----------------------------------------------------------------------------------
 */

static void written(struct redis_connection *connection, size_t bytes)
{
    struct redis *redis = connection->redis;
    while (bytes > 0) {
        struct redis_command *command = connection->unsent.first;
        size_t left = command->size - command->written;
        size_t part = bytes < left ? bytes : left;
        command->written += part;
        bytes -= part;
        if (part < left)
            return;
        redis_queue_remove(command);
        redis_queue_push(&connection->sent, command);
        command->was_sent = true;
        redis->store.counters.commands++;
    }
}

/* The pieces that are not written yet, of as many commands as fit. */
static int gather(struct redis_connection *connection, struct iovec vectors[VECTORS])
{
    int count = 0;
    for (struct redis_command *command = connection->unsent.first; command && count < VECTORS;
         command = command->next) {
        size_t skipped = command->written;
        for (uint32_t p = 0; p < command->piece_count && count < VECTORS; p++) {
            struct iovec piece = command->pieces[p];
            size_t part = skipped < piece.iov_len ? skipped : piece.iov_len;
            skipped -= part;
            if (part < piece.iov_len)
                vectors[count++] =
                    (struct iovec){(char *)piece.iov_base + part, piece.iov_len - part};
        }
    }
    return count;
}

static enum tls_outcome write_plain(struct redis_connection *connection, size_t *bytes)
{
    struct iovec vectors[VECTORS];
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = (size_t)gather(connection, vectors)};
    ssize_t sent = sendmsg(connection->socket, &message, MSG_NOSIGNAL);
    *bytes = sent > 0 ? (size_t)sent : 0;
    if (sent >= 0)
        return TLS_DONE;
    return errno == EAGAIN || errno == EINTR ? TLS_WANTS_WRITE : TLS_CLOSED;
}

/* TLS makes a record of each write, so small pieces are put together. What it could not write must
 * be offered again as it was; so none of its commands may disappear before. */
static enum tls_outcome write_tls(struct redis_connection *connection, size_t *bytes)
{
    struct iovec vectors[VECTORS];
    char *record = connection->redis->record;
    int count = gather(connection, vectors);
    size_t size = 0;
    for (int i = 0; i < count && size < REDIS_RECORD; i++) {
        size_t room = REDIS_RECORD - size;
        size_t part = vectors[i].iov_len < room ? vectors[i].iov_len : room;
        memcpy(record + size, vectors[i].iov_base, part);
        size += part;
    }
    enum tls_outcome outcome = tls_write(connection->tls, record, size, bytes);
    bool again = outcome == TLS_WANTS_READ || outcome == TLS_WANTS_WRITE;
    for (struct redis_command *command = connection->unsent.first; command && again && size;
         command = command->next) {
        size_t left = command->size - command->written;
        command->offered = true;
        size -= left < size ? left : size;
    }
    return outcome;
}

static void write_commands(struct redis_connection *connection, uint64_t now)
{
    if (!connection->sent.first)
        connection->progress_at = now;
    while (connection->unsent.first) {
        size_t bytes = 0;
        enum tls_outcome outcome =
            connection->tls ? write_tls(connection, &bytes) : write_plain(connection, &bytes);
        if (outcome == TLS_WANTS_READ || outcome == TLS_WANTS_WRITE) {
            watch_events(connection, EPOLLIN | EPOLLOUT);
            return;
        }
        if (outcome != TLS_DONE) {
            redis_connection_break(connection, ERR_store_unreachable, "ends the connection");
            return;
        }
        connection->progress_at = now;
        written(connection, bytes);
    }
    watch_events(connection, EPOLLIN);
}

static bool is_needed(const struct redis_connection *connection)
{
    return connection->unsent.first || (connection->listens && connection->redis->watching);
}

void redis_connection_flush(struct redis_connection *connection, uint64_t now)
{
    if (connection->state == REDIS_CLOSED && is_needed(connection) && now >= connection->retry_at)
        open_connection(connection, now);
    bool is_blocked = connection->events & EPOLLOUT;
    if (connection->state == REDIS_READY && connection->unsent.first && !is_blocked) {
        connection->redis->store.counters.round_trips++;
        write_commands(connection, now);
    }
    uint64_t alarm = redis_connection_alarm(connection);
    if (connection->state != REDIS_CLOSED && now >= alarm)
        redis_connection_break(connection,
                               connection->state == REDIS_CONNECTING ? ERR_store_unreachable
                                                                     : ERR_store_timeout,
                               "does not answer");
}

uint64_t redis_connection_alarm(const struct redis_connection *connection)
{
    if (connection->state == REDIS_CLOSED)
        return is_needed(connection) ? connection->retry_at : UINT64_MAX;
    bool waits =
        connection->state != REDIS_READY || connection->sent.first || connection->unsent.first;
    return waits ? connection->progress_at + connection->redis->silence : UINT64_MAX;
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

/* A server that speaks another protocol is recognized by its first line. */
static void refuse_nonsense(struct redis_connection *connection)
{
    char line[60];
    size_t length = 0, there = connection->input_end - connection->input_start;
    const char *from = connection->input + connection->input_start;
    for (; length < there && length < sizeof line - 1; length++)
        line[length] = from[length] >= ' ' && from[length] < 127 ? from[length] : '?';
    line[length] = 0;
    redis_connection_refuse(connection, ERR_store_nonsense,
                            "answers what no Redis server would: '%s'", line);
}

static void deliver(struct redis_connection *connection, const struct resp *reply)
{
    struct redis *redis = connection->redis;
    struct redis_command *command = connection->sent.first;
    connection->failures = 0;
    redis_queue_remove(command);
    if (command->answered && reply->type == RESP_ERROR) {
        redis_command_refused(connection, command, reply);
        return;
    }
    struct redis_operation *operation = command->operation;
    redis_command_detach(command);
    if (command->answered) {
        redis->problem[0] = 0;
        command->answered(redis, operation, command, reply);
    }
    free(command);
}

/* One reply of the greeting. */
static void greeted(struct redis_connection *connection, const struct resp *reply)
{
    if (reply->type == RESP_ERROR && resp_begins(reply, "LOADING")) {
        redis_connection_break(connection, ERR_store_timeout, "is loading its data");
        return;
    }
    if (reply->type == RESP_ERROR) {
        redis_connection_refuse(connection, ERR_store_refused, "refuses: %.*s",
                                (int)(reply->length < 200 ? reply->length : 200), reply->text);
        return;
    }
    if (--connection->greetings == 0)
        connection->state = REDIS_READY;
}

static void unasked(struct redis_connection *connection, const struct resp *reply)
{
    if (reply->type != RESP_ERROR) {
        refuse_nonsense(connection);
        return;
    }
    redis_connection_break(connection, ERR_store_refused, "refuses: %.*s",
                           (int)(reply->length < 200 ? reply->length : 200), reply->text);
}

/* Gives a whole reply to who waits for it. */
static void dispatch(struct redis_connection *connection, const struct resp *reply)
{
    struct redis_command *command = connection->sent.first;
    if (connection->state == REDIS_GREETING)
        greeted(connection, reply);
    else if (connection->listens)
        connection->redis->notified = true; /* subscribed, or told */
    else if (!command)
        unasked(connection, reply);
    else if (command->asking && !command->asked)
        command->asked = true;
    else
        deliver(connection, reply);
}

/* A long bulk is read to where it belongs. Its first byte says what it is, so that has to be there.
 */
static enum resp_outcome begin_stream(struct redis_connection *connection)
{
    struct redis_command *command = connection->sent.first;
    const char *data = connection->input + connection->input_start;
    size_t there = connection->input_end - connection->input_start, used, length, skip;
    enum resp_outcome outcome = resp_read_bulk_head(data, there, &used, &length);
    if (outcome != RESP_READ)
        return *data == '$' ? outcome : RESP_NONSENSE;
    if (length < REDIS_STREAMED)
        return RESP_NONSENSE;
    if (there == used)
        return RESP_INCOMPLETE;
    char *place = redis_place(command, data[used], length, &skip);
    if (!place)
        return RESP_NONSENSE;
    connection->streaming = command;
    connection->stream_to = place;
    connection->stream_left = length - skip + 2;
    connection->input_start += used + skip;
    return RESP_READ;
}

static void end_stream(struct redis_connection *connection)
{
    connection->streaming = NULL;
    struct resp whole = {.type = RESP_BULK};
    deliver(connection, &whole);
}

/* Moves what of the stream is in the buffer. The CR LF at the end has no place. */
static void feed_stream(struct redis_connection *connection)
{
    size_t there = connection->input_end - connection->input_start;
    size_t part = connection->stream_left - 2 < there ? connection->stream_left - 2 : there;
    memcpy(connection->stream_to, connection->input + connection->input_start, part);
    connection->stream_to += part;
    connection->stream_left -= part;
    connection->input_start += part;
    if (connection->stream_left > 2 || there - part < 2)
        return;
    if (memcmp(connection->input + connection->input_start, "\r\n", 2) != 0) {
        refuse_nonsense(connection);
        return;
    }
    connection->input_start += 2;
    end_stream(connection);
}

static bool may_stream(const struct redis_connection *connection)
{
    const struct redis_command *command = connection->sent.first;
    return connection->state == REDIS_READY && command && command->is_bulk && command->answered &&
           (!command->asking || command->asked);
}

/* Takes one reply, or a part of a stream, from the buffer. False when more bytes are needed. */
static bool take_reply(struct redis_connection *connection)
{
    if (connection->streaming) {
        size_t start = connection->input_start;
        feed_stream(connection);
        return connection->input_start != start;
    }
    if (may_stream(connection) && connection->input[connection->input_start] == '$') {
        enum resp_outcome outcome = begin_stream(connection);
        if (outcome != RESP_NONSENSE || connection->state != REDIS_READY)
            return outcome == RESP_READ;
    }
    size_t used;
    const char *data = connection->input + connection->input_start;
    size_t there = connection->input_end - connection->input_start;
    enum resp_outcome outcome = resp_read(&connection->redis->reader, data, there, &used);
    if (outcome == RESP_NONSENSE)
        refuse_nonsense(connection);
    if (outcome != RESP_READ)
        return false;
    connection->input_start += used;
    dispatch(connection, connection->redis->reader.nodes.items);
    return true;
}

static void make_room(struct redis_connection *connection)
{
    size_t there = connection->input_end - connection->input_start;
    if (there == 0 && connection->input_capacity > INPUT_KEPT) {
        free(connection->input);
        connection->input = NULL;
        connection->input_capacity = 0;
    }
    if (connection->input_start > 0 && there > 0)
        memmove(connection->input, connection->input + connection->input_start, there);
    connection->input_start = 0;
    connection->input_end = there;
    if (connection->input_capacity - there < INPUT / 2) {
        connection->input_capacity =
            connection->input_capacity ? connection->input_capacity * 2 : INPUT;
        connection->input = memory_resize(connection->input, connection->input_capacity, 1);
    }
}

/* Reads into the stream if there is one and the buffer is empty, else into the buffer. */
static enum tls_outcome read_some(struct redis_connection *connection, size_t *got, size_t *asked)
{
    bool to_stream = connection->streaming && connection->stream_left > 2 &&
                     connection->input_start == connection->input_end;
    if (!to_stream)
        make_room(connection);
    char *to = to_stream ? connection->stream_to : connection->input + connection->input_end;
    *asked = to_stream ? connection->stream_left - 2
                       : connection->input_capacity - connection->input_end;
    enum tls_outcome outcome = TLS_DONE;
    if (connection->tls) {
        outcome = tls_read(connection->tls, to, *asked, got);
    } else {
        ssize_t bytes = recv(connection->socket, to, *asked, 0);
        *got = bytes > 0 ? (size_t)bytes : 0;
        if (bytes <= 0)
            outcome =
                bytes < 0 && (errno == EAGAIN || errno == EINTR) ? TLS_WANTS_READ : TLS_CLOSED;
    }
    if (to_stream) {
        connection->stream_to += *got;
        connection->stream_left -= *got;
    } else {
        connection->input_end += *got;
    }
    return outcome;
}

static void receive(struct redis_connection *connection)
{
    int socket = connection->socket;
    for (bool more = true; more;) {
        size_t got, asked;
        enum tls_outcome outcome = read_some(connection, &got, &asked);
        if (outcome == TLS_WANTS_READ || outcome == TLS_WANTS_WRITE)
            return;
        if (outcome != TLS_DONE) {
            redis_connection_break(connection, ERR_store_unreachable, "ends the connection");
            return;
        }
        connection->progress_at = store_clock();
        while (connection->input_start < connection->input_end && take_reply(connection))
            if (connection->socket != socket)
                return;
        if (connection->socket != socket)
            return;
        more = connection->tls || got == asked;
    }
}

void redis_connection_wake(struct redis_connection *connection, uint32_t events)
{
    switch (connection->state) {
    case REDIS_CLOSED:
        return;
    case REDIS_CONNECTING:
        connection->progress_at = store_clock();
        connected(connection);
        return;
    case REDIS_ENCRYPTING:
        connection->progress_at = store_clock();
        encrypt(connection);
        return;
    case REDIS_GREETING:
    case REDIS_READY:
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            receive(connection);
        if (connection->state == REDIS_READY && events & EPOLLOUT) {
            if (connection->unsent.first)
                write_commands(connection, store_clock());
            else
                watch_events(connection, EPOLLIN);
        }
    }
}
