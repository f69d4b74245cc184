/*
 * The nursery: a small process that is the parent of all functions' processes.
 *
 * It is forked when the emulator starts, and does little, so that it can be relied on: it starts
 * processes on request, says when they end, and when its socket closes (because the emulator stops,
 * or was killed) it kills them all, and those that they left behind (it is their subreaper), and
 * removes the emulator's directory. If it is killed itself, the kernel kills its children
 * (PR_SET_PDEATHSIG) and the emulator sees the socket close.
 *
 * It may be forked from a process with threads, so it uses neither the heap nor standard I/O.
 *
 * A process that has ended stays a zombie until the emulator says that it has forgotten its number
 * (nursery_reap): until then a signal to that number or group can hit nobody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "emulator/internal.h"

enum order { ORDER_SPAWN, ORDER_REAP };
enum report { REPORT_SPAWNED, REPORT_ENDED };

enum { MESSAGE_LIMIT = 32768, CHILDREN_LIMIT = 10240, VARIABLES_MOST = 512, FILES_LIMIT = 1024 };

/* Both ways. An order to spawn is followed by the folder and the variables, each terminated. */
struct message {
    uint32_t kind, id;
    int32_t pid, value; /* value: errno, or the status of waitid as waitpid gives it */
};

/* ---- In the nursery -------------------------------------------------------------------------- */

static struct child {
    pid_t pid; /* 0: free */
    uint32_t id;
    bool ended;
} children[CHILDREN_LIMIT];
static size_t child_count; /* the entries in use stand below */
static char message_text[MESSAGE_LIMIT];
static int nursery_socket;

static void report(enum report kind, uint32_t id, pid_t pid, int value)
{
    struct message message = {.kind = kind, .id = id, .pid = pid, .value = value};
    while (send(nursery_socket, &message, sizeof message, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

static void restore_signals(void)
{
    sigset_t none;
    struct sigaction ordinary = {.sa_handler = SIG_DFL};
    for (int number = 1; number < SIGRTMIN; number++)
        sigaction(number, &ordinary, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the new process: a session of its own, no file but the log, and then the function's program.
 * What fails is written to `failure`, which a successful exec closes. */
static void become_function(const char *folder, char **variables, int output, int failure,
                            pid_t parent)
{
    static char program[] = "./bootstrap";
    char *arguments[] = {program, NULL};
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setsid();
    restore_signals();
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){FILES_LIMIT, FILES_LIMIT}); /* as at Lambda */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && dup2(nothing, 0) >= 0 && dup2(output, 1) >= 0 &&
        dup2(output, 2) >= 0 && chdir(folder) == 0)
        execve(program, arguments, variables);
    int code = errno ? errno : ECHILD;
    ssize_t put = write(failure, &code, sizeof code);
    _exit(put < 0 ? 126 : 127);
}

/* Starts the process; *failure is errno when it could not. */
static pid_t spawn(const char *folder, char **variables, int output, int *failure)
{
    int pipe_ends[2];
    pid_t self = getpid();
    if (pipe2(pipe_ends, O_CLOEXEC)) {
        *failure = errno;
        return 0;
    }
    pid_t pid = fork();
    if (pid == 0)
        become_function(folder, variables, output, pipe_ends[1], self);
    close(pipe_ends[1]);
    *failure = pid < 0 ? errno : 0;
    int code;
    if (pid > 0 && read(pipe_ends[0], &code, sizeof code) == sizeof code) {
        *failure = code;
        waitpid(pid, NULL, 0);
        pid = 0;
    }
    close(pipe_ends[0]);
    return pid > 0 ? pid : 0;
}

static struct child *free_child(void)
{
    for (size_t i = 0; i < child_count; i++)
        if (!children[i].pid)
            return &children[i];
    return child_count < CHILDREN_LIMIT ? &children[child_count++] : NULL;
}

static void obey_spawn(const struct message *message, size_t length, int output)
{
    static char *variables[VARIABLES_MOST + 1];
    char *text = message_text + sizeof *message;
    char *end = message_text + length;
    size_t count = 0;
    for (char *at = text + strlen(text) + 1; at < end && count < VARIABLES_MOST;
         at += strlen(at) + 1)
        variables[count++] = at;
    variables[count] = NULL;
    struct child *child = free_child();
    int failure = EAGAIN;
    pid_t pid = child ? spawn(text, variables, output, &failure) : 0;
    if (pid)
        *child = (struct child){.pid = pid, .id = message->id};
    report(REPORT_SPAWNED, message->id, pid, failure);
}

static void obey_reap(pid_t pid)
{
    for (size_t i = 0; i < child_count; i++)
        if (children[i].pid == pid && children[i].ended) {
            waitpid(pid, NULL, 0);
            children[i] = (struct child){0};
        }
}

/* One order; false when the emulator is gone. */
static bool obey(void)
{
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {.iov_base = message_text, .iov_len = sizeof message_text - 1};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control};
    ssize_t length = recvmsg(nursery_socket, &header, MSG_CMSG_CLOEXEC);
    if (length < (ssize_t)sizeof(struct message))
        return length < 0 && errno == EINTR;
    message_text[length] = '\0';
    struct message message;
    memcpy(&message, message_text, sizeof message);
    struct cmsghdr *attached = CMSG_FIRSTHDR(&header);
    int output = -1;
    if (attached && attached->cmsg_type == SCM_RIGHTS)
        memcpy(&output, CMSG_DATA(attached), sizeof output);
    if (message.kind == ORDER_SPAWN)
        obey_spawn(&message, (size_t)length, output);
    else
        obey_reap(message.pid);
    if (output >= 0)
        close(output);
    return true;
}

static bool is_child(pid_t pid)
{
    for (size_t i = 0; i < child_count; i++)
        if (children[i].pid == pid)
            return true;
    return false;
}

static int status_of(const siginfo_t *info)
{
    return info->si_code == CLD_EXITED ? info->si_status << 8 : info->si_status;
}

/* Reports children that have ended, and forgets what they left to us. */
static void notice_ends(void)
{
    siginfo_t info;
    for (size_t i = 0; i < child_count; i++) {
        struct child *child = &children[i];
        info.si_pid = 0;
        if (child->pid && !child->ended &&
            waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            info.si_pid) {
            child->ended = true;
            kill(-child->pid, SIGKILL); /* what it started ends with it */
            report(REPORT_ENDED, child->id, child->pid, status_of(&info));
        }
    }
    for (info.si_pid = 0; waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                          info.si_pid && !is_child(info.si_pid);
         info.si_pid = 0)
        waitpid(info.si_pid, NULL, 0);
}

/* Kills what is still a child of ours, in turns, because children of the killed come to us. */
static void kill_all(void)
{
    for (size_t i = 0; i < child_count; i++)
        if (children[i].pid)
            kill(-children[i].pid, SIGKILL);
    for (size_t i = 0; i < child_count; i++)
        if (children[i].pid)
            waitpid(children[i].pid, NULL, 0);
    for (int turn = 0; turn < 1000; turn++) {
        int list = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
        ssize_t length = list < 0 ? 0 : read(list, message_text, sizeof message_text - 1);
        close(list);
        pid_t pid = 0;
        for (ssize_t i = 0; i < length; i++) {
            if (message_text[i] >= '0' && message_text[i] <= '9') {
                pid = pid * 10 + (message_text[i] - '0');
            } else if (pid) {
                kill(pid, SIGKILL);
                pid = 0;
            }
        }
        if (waitpid(-1, NULL, WNOHANG) < 0)
            break;
        poll(NULL, 0, 1);
    }
}

static _Noreturn void remove_root(char *root)
{
    static char program[] = "/bin/rm", option[] = "-rf", end[] = "--";
    char *arguments[] = {program, option, end, root, NULL};
    char *none[] = {NULL};
    execve(program, arguments, none);
    _exit(1);
}

static void keep_only(int file)
{
    if (file > 3)
        close_range(3, (unsigned)file - 1, 0);
    close_range((unsigned)file + 1, ~0U, 0);
}

static _Noreturn void nursery_main(int file, char *root)
{
    sigset_t all;
    nursery_socket = file;
    setsid(); /* a Ctrl-C is the emulator's, who will close the socket */
    keep_only(file);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "wkc-nursery");
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    int signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    struct pollfd polled[2] = {{.fd = file, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    for (;;) {
        poll(polled, 2, -1);
        struct signalfd_siginfo signal;
        while (read(signals, &signal, sizeof signal) > 0)
            ;
        notice_ends();
        if (polled[0].revents && !obey())
            break;
    }
    kill_all();
    restore_signals();
    remove_root(root);
}

/* ---- In the emulator ------------------------------------------------------------------------- */

static void hear(struct watch *watch)
{
    struct emulator *emulator =
        (struct emulator *)((char *)watch - offsetof(struct emulator, nursery));
    struct message message;
    ssize_t length;
    while ((length = recv(watch->file, &message, sizeof message, MSG_DONTWAIT)) == sizeof message) {
        struct environment *environment = environment_find(emulator, message.id);
        if (!environment)
            bug("the nursery speaks of environment %u", message.id);
        if (message.kind == REPORT_SPAWNED)
            environment_spawned(environment, message.pid, message.value);
        else
            environment_ended(environment, message.value);
    }
    if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR))
        emulator->stopping = true;
}

int nursery_start(struct emulator *emulator, struct error *error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return error_set(error, ERR_emulator_start, "the emulator cannot start: socketpair: %s",
                         strerror(errno));
    int room = 4 << 20; /* so that a burst of orders does not have to wait */
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    pid_t pid = fork();
    if (pid == 0)
        nursery_main(ends[1], emulator->root);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return error_set(error, ERR_emulator_start, "the emulator cannot start: fork: %s",
                         strerror(errno));
    }
    emulator->nursery_pid = pid;
    emulator->nursery = (struct watch){.file = ends[0], .ready = hear};
    emulator_watch(emulator, &emulator->nursery);
    return 0;
}

static int nursery_send(struct emulator *emulator, const struct buffer *bytes, int output)
{
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {.iov_base = bytes->data, .iov_len = bytes->length};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (output >= 0) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        struct cmsghdr *attached = CMSG_FIRSTHDR(&header);
        attached->cmsg_level = SOL_SOCKET;
        attached->cmsg_type = SCM_RIGHTS;
        attached->cmsg_len = CMSG_LEN(sizeof output);
        memcpy(CMSG_DATA(attached), &output, sizeof output);
    }
    while (sendmsg(emulator->nursery.file, &header, MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

int nursery_spawn(struct emulator *emulator, uint32_t id, const char *folder,
                  const struct buffer *variables, int output)
{
    struct message message = {.kind = ORDER_SPAWN, .id = id};
    struct buffer bytes = {0};
    buffer_append(&bytes, &message, sizeof message);
    buffer_append(&bytes, folder, strlen(folder) + 1);
    buffer_append(&bytes, variables->data, variables->length);
    int failure = bytes.length < MESSAGE_LIMIT ? nursery_send(emulator, &bytes, output) : E2BIG;
    buffer_release(&bytes);
    return failure;
}

void nursery_reap(struct emulator *emulator, pid_t pid)
{
    struct message message = {.kind = ORDER_REAP, .pid = pid};
    struct buffer bytes = {0};
    buffer_append(&bytes, &message, sizeof message);
    nursery_send(emulator, &bytes, -1);
    buffer_release(&bytes);
}

void nursery_stop(struct emulator *emulator)
{
    if (emulator->nursery_pid <= 0)
        return;
    emulator_unwatch(emulator, &emulator->nursery);
    while (waitpid(emulator->nursery_pid, NULL, 0) < 0 && errno == EINTR)
        ;
    emulator->nursery_pid = 0;
    folder_remove(emulator->root); /* when the nursery was killed before it could */
}
