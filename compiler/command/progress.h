/*
 * The progress line of a run, on a terminal only: tasks done, running, rate, time left.
 */
#ifndef WKC_COMMAND_PROGRESS_H
#define WKC_COMMAND_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool shown;       /* standard error is a terminal */
    uint64_t tasks;   /* in all */
    double begin, last;
    bool drawn;
};

void progress_begin(struct progress *progress, uint64_t tasks);
/* For job_options.progress; `context` is the struct progress. */
void progress_update(void *context, uint64_t tasks_done, uint64_t tasks_running);
/* Clears the line. */
void progress_end(struct progress *progress);

#endif
