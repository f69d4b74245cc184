/*
 * Running the linker and the C compiler.
 */
#include "link/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Starts a program with what it says going to `messages`; returns errno's value. */
static int start(const char *const *arguments, int messages, pid_t *process)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, messages, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&actions, messages, STDOUT_FILENO);
    /* The strings are not written, but posix_spawn's type says they might be. */
    union {
        const char *const *given;
        char *const *wanted;
    } list = {.given = arguments};
    int problem = posix_spawnp(process, arguments[0], &actions, NULL, list.wanted, environ);
    posix_spawn_file_actions_destroy(&actions);
    return problem;
}

static void read_messages(int from, struct buffer *messages)
{
    enum { MOST = 64 << 10 };
    char piece[4096];
    for (;;) {
        ssize_t got = read(from, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        if (messages->length < MOST)
            buffer_append(messages, piece, (size_t)got);
    }
}

static int wait_for(pid_t process)
{
    int status;
    while (waitpid(process, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int process_run(const char *const *arguments, struct buffer *messages)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) {
        buffer_printf(messages, "there is no pipe to %s: %s", arguments[0], strerror(errno));
        return -3;
    }
    pid_t process;
    int problem = start(arguments, ends[1], &process);
    close(ends[1]);
    if (problem == 0)
        read_messages(ends[0], messages);
    close(ends[0]);
    if (problem && problem != ENOENT)
        buffer_printf(messages, "%s cannot be run: %s", arguments[0], strerror(problem));
    if (problem)
        return problem == ENOENT ? -2 : -3;
    int status = wait_for(process);
    while (messages->length && messages->data[messages->length - 1] == '\n')
        messages->data[--messages->length] = '\0';
    return status;
}
