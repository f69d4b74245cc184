/* The progress line; see progress.h. */
#include "command/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void progress_begin(struct progress *progress, uint64_t tasks)
{
    *progress = (struct progress){
        .shown = isatty(STDERR_FILENO), .tasks = tasks, .begin = now(), .last = now()};
}

void progress_update(void *context, uint64_t tasks_done, uint64_t tasks_running)
{
    struct progress *progress = context;
    double time = now();
    if (!progress->shown || time - progress->last < 0.1)
        return;
    progress->last = time;
    double rate = (double)tasks_done / (time - progress->begin);
    fprintf(stderr, "\r\033[K%" PRIu64 " of %" PRIu64 " tasks done, %" PRIu64 " running, %.0f a second",
            tasks_done, progress->tasks, tasks_running, rate);
    if (tasks_done && tasks_done <= progress->tasks)
        fprintf(stderr, ", %.0f s left", (double)(progress->tasks - tasks_done) / rate);
    fflush(stderr);
    progress->drawn = true;
}

void progress_end(struct progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}
