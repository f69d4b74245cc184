/* A redis-server of this run's own; see local_store.h. */
#include "command/local_store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"

enum { START_ATTEMPTS = 5, ANSWER_MS = 5000, MISSING = 127 };

/* A port that was free a moment ago; 0 if there is none. */
static uint16_t find_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    uint16_t port = 0;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 && bind(descriptor, (struct sockaddr *)&address, length) == 0 &&
        getsockname(descriptor, (struct sockaddr *)&address, &length) == 0)
        port = ntohs(address.sin_port);
    if (descriptor >= 0)
        close(descriptor);
    return port;
}

/* In a session of its own, so that Ctrl-C leaves it to us; and it ends when we do, however. */
_Noreturn static void become_redis(pid_t parent, uint16_t port)
{
    char port_text[8];
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, STDIN_FILENO);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    snprintf(port_text, sizeof port_text, "%u", port);
    execlp("redis-server", "redis-server", "--port", port_text, "--bind", "127.0.0.1", "--save", "",
           "--appendonly", "no", "--dir", "/tmp", "--maxmemory-policy", "noeviction", "--daemonize",
           "no", (char *)NULL);
    _exit(errno == ENOENT ? MISSING : 1);
}

static bool answers(const char *address)
{
    struct store *store;
    struct error error;
    struct store_options options = {.timeout = ANSWER_MS};
    struct store_request request = {.step = STORE_STATUS};
    store_make_job_name(options.job);
    if (store_open(address, &options, &store, &error))
        return false;
    bool good = store_call(store, &request) == 0;
    store_request_release(&request);
    store_close(store);
    return good;
}

/* Whether the process has ended by itself. */
static bool has_ended(struct local_store *store, int *status)
{
    if (waitpid(store->process, status, WNOHANG) != store->process)
        return false;
    store->process = 0;
    return true;
}

/* The least that a run with its own servers gets along with. */
enum { FEW_FILES = 256 };

int hint_few_files(struct error *error)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= FEW_FILES)
        return (int)error->code;
    return error_hint(error,
                      "no more than %llu files may be open at once here: try `ulimit -n 1024`",
                      (unsigned long long)limit.rlim_cur);
}

/* Another program may take the port in between: then the server ends at once, and we try another.
 */
static int try_to_start(struct local_store *store, struct error *error)
{
    int status = 0;
    uint16_t port = find_port();
    pid_t parent = getpid();
    store->process = fork();
    if (store->process == 0)
        become_redis(parent, port);
    if (store->process < 0) {
        store->process = 0;
        return error_set(error, ERR_redis_failed, "no process can be started: %s", strerror(errno));
    }
    snprintf(store->address, sizeof store->address, "redis://127.0.0.1:%u", port);
    usleep(20000);
    if (!has_ended(store, &status) && answers(store->address))
        return 0;
    if (store->process == 0 && WIFEXITED(status) && WEXITSTATUS(status) == MISSING) {
        error_set(error, ERR_redis_missing, "redis-server is not installed");
        return error_hint(error, "apt install redis-server, or name a store: --store=redis://…");
    }
    local_store_stop(store);
    error_set(error, ERR_redis_failed, "redis-server does not start");
    return hint_few_files(error);
}

int local_store_start(struct local_store *store, struct error *error)
{
    int code = ERR_redis_failed;
    for (int attempt = 0; attempt < START_ATTEMPTS && code == ERR_redis_failed; attempt++)
        code = try_to_start(store, error);
    return code;
}

void local_store_stop(struct local_store *store)
{
    if (store->process <= 0)
        return;
    kill(store->process, SIGTERM);
    while (waitpid(store->process, NULL, 0) < 0 && errno == EINTR)
        ;
    store->process = 0;
}
