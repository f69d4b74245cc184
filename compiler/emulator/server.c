/*
 * HTTP, by libmicrohttpd in its external mode: it has an epoll of its own, which stands in ours,
 * and server_run() lets it do what is ready.
 *
 * A request is a struct request from its first line to the end of its answer. Its handler is called
 * when the body is complete, and either answers or waits. A connection that waits is suspended;
 * request_answer() resumes it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "emulator/internal.h"

enum {
    CONNECTION_MEMORY = 20 << 10, /* bounds the headers; cleared for each request */
    CONNECTIONS = 8192,
    IDLE_SECONDS = 120, /* a client that says nothing for so long is hung up on */
    SWALLOWED_LIMIT = 128 << 20,
};

/* ---- Requests -------------------------------------------------------------------------------- */

/* Called with the request line as it was sent. */
static void *begin(void *emulator, const char *uri, struct MHD_Connection *connection)
{
    struct request *request = memory_new(1, sizeof *request);
    request->emulator = emulator;
    request->connection = connection;
    request->uri = strdup(uri);
    return request;
}

static size_t body_limit(const struct request *request)
{
    return request->environment ? RESPONSE_LIMIT : REQUEST_BODY_LIMIT;
}

static void read_head(struct request *request, const char *path, const char *method)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    request->begun = true;
    request->environment = info->socket_context;
    request->path = path;
    request->method = method;
    request->emulator->counters.requests++;
    const char *length = request_header(request, "Content-Length");
    unsigned long long bytes = length ? strtoull(length, NULL, 10) : 0;
    if (bytes && bytes <= body_limit(request)) /* a hint: what comes is what counts */
        buffer_extend(&request->body, bytes), request->body.length = 0;
}

/* What is too large is read on to its end (within bounds), so that the answer finds a client that
 * listens. */
static enum MHD_Result read_body(struct request *request, const char *bytes, size_t length)
{
    request->body_bytes += length;
    if (request->body_bytes > SWALLOWED_LIMIT)
        return MHD_NO;
    if (request->body_bytes > body_limit(request)) {
        request->too_large = true;
        buffer_release(&request->body);
    } else {
        buffer_append(&request->body, bytes, length);
    }
    return MHD_YES;
}

static enum MHD_Result send_response(struct request *request)
{
    enum MHD_Result result =
        MHD_queue_response(request->connection, request->status, request->response);
    MHD_destroy_response(request->response);
    request->response = NULL;
    return result;
}

static enum MHD_Result handle(void *emulator, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *bytes,
                              size_t *length, void **context)
{
    (void)emulator, (void)connection, (void)version;
    struct request *request = *context;
    if (!request->begun) {
        read_head(request, path, method);
        return MHD_YES;
    }
    if (*length) {
        enum MHD_Result result = read_body(request, bytes, *length);
        *length = 0;
        return result;
    }
    if (request->state == REQUEST_READING) {
        request->handling = true;
        if (request->emulator->stopping) /* nobody may begin to wait any more */
            request_answer(request, 503, response_text(""));
        else if (request->environment)
            runtime_api_handle(request);
        else
            api_handle(request);
        request->handling = false;
        if (request->state == REQUEST_WAITING)
            MHD_suspend_connection(request->connection);
    }
    return request->response ? send_response(request) : MHD_YES;
}

static void unlink_waiting(struct request *request)
{
    if (!request->link)
        return;
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
    request->link = NULL;
}

static void complete(void *emulator, struct MHD_Connection *connection, void **context,
                     enum MHD_RequestTerminationCode code)
{
    (void)emulator, (void)connection, (void)code;
    struct request *request = *context;
    if (!request)
        return;
    if (request->state == REQUEST_WAITING)
        bug("a request ends while it waits");
    if (request->response)
        MHD_destroy_response(request->response);
    free(request->uri);
    buffer_release(&request->body);
    free(request);
    *context = NULL;
}

void request_wait(struct request *request)
{
    request->state = REQUEST_WAITING;
    request->next = request->emulator->waiting;
    request->link = &request->emulator->waiting;
    if (request->next)
        request->next->link = &request->next;
    request->emulator->waiting = request;
}

void request_answer(struct request *request, unsigned status, struct MHD_Response *response)
{
    bool waited = request->state == REQUEST_WAITING;
    if (request->state == REQUEST_ANSWERED)
        bug("a request is answered twice");
    if (!request->environment && request->id[0])
        response_header(response, "x-amzn-RequestId", request->id);
    unlink_waiting(request);
    request->state = REQUEST_ANSWERED;
    request->status = status;
    request->response = response;
    if (waited && !request->handling)
        MHD_resume_connection(request->connection);
    request->emulator->has_resumed |= waited;
}

void request_answer_json(struct request *request, unsigned status, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    struct buffer body = {.data = text, .length = strlen(text), .capacity = strlen(text) + 1};
    json_decref(value);
    struct MHD_Response *response = response_new(&body);
    response_header(response, "Content-Type", "application/json");
    request_answer(request, status, response);
}

const char *request_header(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *request_query(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

/* ---- Responses ------------------------------------------------------------------------------- */

static struct MHD_Response *or_exhausted(struct MHD_Response *response)
{
    if (!response)
        memory_exhausted();
    return response;
}

struct MHD_Response *response_new(struct buffer *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->length, body->data, MHD_RESPMEM_MUST_FREE);
    *body = (struct buffer){0};
    return or_exhausted(response);
}

struct MHD_Response *response_text(const char *text)
{
    struct buffer body = {0};
    buffer_puts(&body, text);
    return response_new(&body);
}

struct MHD_Response *response_payload(struct payload *payload)
{
    return or_exhausted(MHD_create_response_from_buffer_with_free_callback_cls(
        payload->length, payload->data, payload_drop, payload_keep(payload)));
}

void response_header(struct MHD_Response *response, const char *name, const char *value)
{
    MHD_add_response_header(response, name, value);
}

/* ---- Connections ----------------------------------------------------------------------------- */

/* Each connection knows whose Runtime API it was made to; a record of an environment lives as long
 * as its connections. */
static void notice_connection(void *context, struct MHD_Connection *connection,
                              void **socket_context, enum MHD_ConnectionNotificationCode code)
{
    struct emulator *emulator = context;
    (void)connection;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = emulator->accepting;
        if (emulator->accepting)
            emulator->accepting->connections++;
    } else if (*socket_context) {
        struct environment *environment = *socket_context;
        environment->connections--;
        environment_free(environment);
    }
}

int server_accept(struct environment *environment)
{
    struct emulator *emulator = environment->emulator;
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int file = accept4(environment->listener.file, (struct sockaddr *)&address, &length,
                       SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (file < 0)
        return errno;
    emulator->accepting = environment;
    bool added =
        MHD_add_connection(emulator->daemon, file, (struct sockaddr *)&address, length) == MHD_YES;
    emulator->accepting = NULL;
    return added ? 0 : ENFILE;
}

int server_listen(uint16_t wanted, uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(wanted)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;
    if (file < 0)
        return -1;
    setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(file, (struct sockaddr *)&address, sizeof address) || listen(file, 1024) ||
        getsockname(file, (struct sockaddr *)&address, &length)) {
        int failure = errno;
        close(file);
        errno = failure;
        return -1;
    }
    *port = ntohs(address.sin_port);
    return file;
}

/* ---- Start, turn, stop ----------------------------------------------------------------------- */

static void turn(struct watch *watch)
{
    (void)watch; /* server_run is called in every turn of the loop */
}

static struct MHD_Daemon *start_daemon(struct emulator *emulator, int file)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, emulator,
        MHD_OPTION_LISTEN_SOCKET, file, MHD_OPTION_URI_LOG_CALLBACK, begin, emulator,
        MHD_OPTION_NOTIFY_COMPLETED, complete, emulator, MHD_OPTION_NOTIFY_CONNECTION,
        notice_connection, emulator, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

int server_start(struct emulator *emulator, struct error *error)
{
    uint16_t port = 0;
    int file = server_listen(emulator->options.port, &port);
    if (file < 0) {
        error_set(error, ERR_emulator_port, "cannot listen on 127.0.0.1:%u: %s",
                  emulator->options.port, strerror(errno));
        return error_hint(error, "--port=0 takes a free port");
    }
    emulator->daemon = start_daemon(emulator, file);
    if (!emulator->daemon) {
        close(file);
        return error_set(error, ERR_emulator_start,
                         "the emulator cannot start: libmicrohttpd refuses");
    }
    snprintf(emulator->access.endpoint, sizeof emulator->access.endpoint, "http://127.0.0.1:%u",
             port);
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(emulator->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    emulator->server = (struct watch){.file = info->epoll_fd, .ready = turn};
    emulator_watch(emulator, &emulator->server);
    return 0;
}

void server_run(struct emulator *emulator)
{
    do {
        emulator->has_resumed = false; /* set by request_answer: there is more to send */
        MHD_run(emulator->daemon);
    } while (emulator->has_resumed);
}

int server_timeout(const struct emulator *emulator)
{
    MHD_UNSIGNED_LONG_LONG milliseconds;
    if (MHD_get_timeout(emulator->daemon, &milliseconds) != MHD_YES)
        return -1;
    return milliseconds > 1000 ? 1000 : (int)milliseconds;
}

void server_stop(struct emulator *emulator)
{
    if (!emulator->daemon)
        return;
    server_run(emulator); /* the last answers */
    MHD_stop_daemon(emulator->daemon);
    emulator->daemon = NULL;
}
