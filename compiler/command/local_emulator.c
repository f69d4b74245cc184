/* A `wkc emulator` of this run's own; see local_emulator.h. */
#include "command/local_emulator.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/local_store.h"

enum { START_MS = 30000, LINE_BYTES = 1024 };

/* In a session of its own, so that Ctrl-C leaves it to us; and it ends when we do, however. Its
 * messages go where ours go. */
_Noreturn static void become_emulator(pid_t parent, int output,
                                      const struct local_emulator_options *options)
{
    char concurrency[40], cold_start[40], latency[40], retry[40];
    sigset_t none;
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int nowhere = open("/dev/null", O_RDONLY);
    dup2(nowhere, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    snprintf(concurrency, sizeof concurrency, "--concurrency=%u", options->concurrency);
    snprintf(cold_start, sizeof cold_start, "--cold-start=%u", options->cold_start_ms);
    snprintf(latency, sizeof latency, "--invoke-latency=%u", options->invoke_latency_ms);
    snprintf(retry, sizeof retry, "--retry-delay=%u", options->retry_ms);
    execl("/proc/self/exe", "wkc", "emulator", "--port=0", "--json", concurrency, cold_start,
          latency, retry, (char *)NULL);
    _exit(1);
}

/* The line that it prints when it listens; false when it ends before, or takes too long. */
static bool read_line(int input, char line[LINE_BYTES])
{
    size_t length = 0;
    while (length < LINE_BYTES - 1) {
        int ready = poll(&(struct pollfd){.fd = input, .events = POLLIN}, 1, START_MS);
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t count = ready > 0 ? read(input, line + length, LINE_BYTES - 1 - length) : 0;
        if (count <= 0)
            return false;
        length += (size_t)count;
        line[length] = 0;
        if (line[length - 1] == '\n')
            return true;
    }
    return false;
}

static bool read_text(const json_t *root, const char *name, char *to, size_t size)
{
    const char *text = json_string_value(json_object_get(root, name));
    return text && (size_t)snprintf(to, size, "%s", text) < size;
}

static bool read_access(struct local_emulator *emulator, const char *line)
{
    json_t *root = json_loads(line, 0, NULL);
    bool good =
        read_text(root, "endpoint", emulator->endpoint, sizeof emulator->endpoint) &&
        read_text(root, "access_key_id", emulator->access_key, sizeof emulator->access_key) &&
        read_text(root, "secret_access_key", emulator->secret_key, sizeof emulator->secret_key) &&
        read_text(root, "region", emulator->region, sizeof emulator->region);
    json_decref(root);
    return good;
}

int local_emulator_start(struct local_emulator *emulator,
                         const struct local_emulator_options *options, struct error *error)
{
    int ends[2];
    char line[LINE_BYTES] = "";
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_set(error, ERR_emulator_start, "no pipe can be made: %s", strerror(errno));
    emulator->process = fork();
    if (emulator->process == 0)
        become_emulator(parent, ends[1], options);
    close(ends[1]);
    bool good = emulator->process > 0 && read_line(ends[0], line) && read_access(emulator, line);
    close(ends[0]);
    if (good)
        return 0;
    if (emulator->process < 0)
        emulator->process = 0;
    local_emulator_stop(emulator);
    error_set(error, ERR_emulator_start, "the emulator that the run needs does not start");
    return hint_few_files(error);
}

void local_emulator_stop(struct local_emulator *emulator)
{
    if (emulator->process <= 0)
        return;
    kill(emulator->process, SIGTERM);
    while (waitpid(emulator->process, NULL, 0) < 0 && errno == EINTR)
        ;
    emulator->process = 0;
}
