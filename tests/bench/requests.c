/*
 * A client for measuring HTTP servers of 127.0.0.1: sends one request over and over.
 *
 *     requests PORT CONNECTIONS SECONDS FILE
 *
 * FILE holds the request as it is sent. Each connection sends it, waits for the whole answer, and
 * sends it again. Prints the number of answers, the seconds, and how many answers were not 200.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MOST = 64, ANSWER_MOST = 65536 };

static char request[65536];
static size_t request_length;

struct connection {
    int file;
    size_t length;
    char answer[ANSWER_MOST + 1];
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void send_request(struct connection *connection)
{
    connection->length = 0;
    if (send(connection->file, request, request_length, MSG_NOSIGNAL) != (ssize_t)request_length)
        fail("send");
}

static void open_connection(struct connection *connection, int port, int epoll)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = connection}};
    int yes = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection->file = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(connection->file, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(connection->file, (struct sockaddr *)&address, sizeof address))
        fail("connect");
    epoll_ctl(epoll, EPOLL_CTL_ADD, connection->file, &event);
}

/* Whether the answer is complete; it has a Content-Length. */
static int is_complete(struct connection *connection)
{
    connection->answer[connection->length] = '\0';
    const char *end = strstr(connection->answer, "\r\n\r\n");
    const char *length = end ? strcasestr(connection->answer, "\r\nContent-Length:") : NULL;
    return length && (size_t)(end + 4 - connection->answer) + strtoul(length + 17, NULL, 10) ==
                         connection->length;
}

int main(int argc, char **argv)
{
    static struct connection connections[CONNECTIONS_MOST];
    struct epoll_event events[CONNECTIONS_MOST];
    if (argc != 5)
        return 2;
    int count = atoi(argv[2]), epoll = epoll_create1(0);
    FILE *file = fopen(argv[4], "rb");
    if (!file || count > CONNECTIONS_MOST)
        fail(argv[4]);
    request_length = fread(request, 1, sizeof request, file);
    for (int i = 0; i < count; i++) {
        open_connection(&connections[i], atoi(argv[1]), epoll);
        send_request(&connections[i]);
    }
    unsigned long answers = 0, others = 0;
    double begin = seconds(), end = begin + atof(argv[3]);
    while (seconds() < end) {
        int ready = epoll_wait(epoll, events, CONNECTIONS_MOST, 1000);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            ssize_t got = recv(connection->file, connection->answer + connection->length,
                               ANSWER_MOST - connection->length, 0);
            if (got <= 0)
                fail("recv");
            connection->length += (size_t)got;
            if (!is_complete(connection))
                continue;
            answers++;
            others += strncmp(connection->answer, "HTTP/1.1 200", 12) != 0;
            send_request(connection);
        }
    }
    printf("%lu %.6f %lu\n", answers, seconds() - begin, others);
    return 0;
}
