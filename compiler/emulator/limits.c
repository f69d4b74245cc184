/*
 * The limit of memory. Every few milliseconds the resident memory of each environment at work is
 * read from /proc, and one that has more than its function may have is killed.
 *
 * Why not otherwise: a limit of the address space or of writable mappings (RLIMIT_AS, RLIMIT_DATA)
 * counts what is reserved and never touched, which language run-times do by the gigabyte, and makes
 * an allocation fail where Lambda kills; control groups need rights that a user of this machine
 * need not have. The price is that a process can pass its limit for as long as two looks are apart.
 *
 * Pages of files are not counted (as Linux could drop them): neither the shared code of the
 * libraries nor files that a function maps.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/internal.h"

enum { LOOK_US = 20000, DESCENDANTS_DEEP = 8 };

static bool is_at_work(const struct environment *environment)
{
    return environment->pid &&
           (environment->state == ENVIRONMENT_INIT || environment->state == ENVIRONMENT_BUSY ||
            environment->state == ENVIRONMENT_RESPONDED);
}

/* Bytes of anonymous memory, from an open /proc/PID/statm: size, resident, shared, … in pages. */
static uint64_t memory_of_file(int file)
{
    char text[128];
    ssize_t length = pread(file, text, sizeof text - 1, 0);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    char *end;
    strtoull(text, &end, 10);
    uint64_t resident = strtoull(end, &end, 10);
    uint64_t shared = strtoull(end, &end, 10);
    return resident > shared ? (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static uint64_t memory_of_children(pid_t pid, unsigned depth);

static uint64_t memory_of_process(pid_t pid, unsigned depth)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    uint64_t bytes = memory_of_file(file);
    close(file);
    return bytes + memory_of_children(pid, depth + 1);
}

static uint64_t memory_of_children(pid_t pid, unsigned depth)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    int file = depth < DESCENDANTS_DEEP ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    uint64_t bytes = 0;
    text[length > 0 ? length : 0] = '\0';
    char *at = text;
    for (long child; (child = strtol(at, &at, 10)) > 0;)
        bytes += memory_of_process((pid_t)child, depth);
    return bytes;
}

void limits_sample(struct environment *environment)
{
    if (!environment->pid)
        return;
    uint64_t bytes =
        memory_of_file(environment->memory_file) + memory_of_children(environment->pid, 0);
    if (bytes > environment->memory_most)
        environment->memory_most = bytes;
}

static void look(struct timer *timer)
{
    struct emulator *emulator =
        (struct emulator *)((char *)timer - offsetof(struct emulator, memory_timer));
    bool any = false;
    for (struct environment *e = emulator->environments; e; e = e->next) {
        if (!is_at_work(e))
            continue;
        any = true;
        if (e->state == ENVIRONMENT_RESPONDED && !e->lingers &&
            clock_now() - e->responded_at > LOOK_US)
            environment_lingers(e);
        limits_sample(e);
        if (e->memory_most > (uint64_t)e->version->memory_mb << 20) {
            emulator->counters.out_of_memory++;
            environment_kill(e, "Runtime.OutOfMemory");
        }
    }
    if (any)
        timers_set(&emulator->timers, timer, clock_now() + LOOK_US);
}

void limits_start(struct emulator *emulator)
{
    if (emulator->memory_timer.place)
        return;
    emulator->memory_timer.fire = look;
    timers_set(&emulator->timers, &emulator->memory_timer, clock_now() + LOOK_US);
}
