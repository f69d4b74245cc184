/*
 * The linker, as a process.
 */
#include "link/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char linker_name[] = "ld.lld-19";

/* Starts the linker with its messages going to `messages`; returns errno's value. */
static int start(char *const *arguments, int messages, pid_t *process)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, messages, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&actions, messages, STDOUT_FILENO);
    int problem = posix_spawnp(process, linker_name, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return problem;
}

static void read_messages(int from, char *text, size_t size)
{
    size_t length = 0;
    char overflow[512];
    for (;;) {
        bool full = length + 1 >= size;
        ssize_t got = full ? read(from, overflow, sizeof overflow)
                           : read(from, text + length, size - 1 - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += full ? 0 : (size_t)got;
    }
    while (length && text[length - 1] == '\n')
        length--;
    text[length] = '\0';
}

static int run(char *const *arguments, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return error_set(error, ERR_linker_failed, "no pipe to the linker: %s", strerror(errno));
    pid_t process;
    int problem = start(arguments, ends[1], &process);
    close(ends[1]);
    char messages[700] = "";
    if (problem == 0)
        read_messages(ends[0], messages, sizeof messages);
    close(ends[0]);
    if (problem == ENOENT) {
        error_set(error, ERR_linker_missing, "%s was not found on the PATH", linker_name);
        return error_hint(error, "install the package lld-19");
    }
    if (problem)
        return error_set(error, ERR_linker_failed, "%s: %s", linker_name, strerror(problem));
    int status;
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return error_set(error, ERR_linker_failed, "%s: %s", linker_name,
                     *messages ? messages : "it ended without a message");
}

int linker_run(const char *object, const char *output, const char *target, struct error *error)
{
    bool arm = target && strncmp(target, "aarch64", 7) == 0;
#ifdef __aarch64__
    arm = !target || arm;
#endif
    /* The strings are not written, but posix_spawn's type says they might be. */
    union {
        const char *const *given;
        char *const *wanted;
    } arguments;
    const char *const list[] = {linker_name,
                                "-shared",
                                "-m",
                                arm ? "aarch64linux" : "elf_x86_64",
                                "--hash-style=gnu",
                                "--threads=1",
                                "-o",
                                output,
                                object,
                                NULL};
    arguments.given = list;
    return run(arguments.wanted, error);
}
