/*
 * What an executor process learns while it works: how long the runs of a task take, and how fast
 * values go to the store and come back. Nothing here has a clock: times are given, in ns.
 */
#ifndef WKC_WORLD_PACE_H
#define WKC_WORLD_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* How long the runs of a task took so far; all zero before the first. */
struct task_pace {
    uint64_t recent; /* a mean in which the last runs weigh most; 0: not known */
    uint64_t longest;
};

void task_pace_note(struct task_pace *pace, uint64_t took);

/* Whether the last runs took less than it takes to wake a thread and to be woken by it. Not all of
 * them must have: where processors are shared or throttled one run in thousands seems long that is
 * not, and would make millions of others dear. But one that was long indeed is never forgotten. */
bool task_pace_is_short(const struct task_pace *pace);

/* Transfers of values; all zero before the first. Those that are under way at once share what
 * bandwidth there is, so what is timed is a *burst*: from when the first begins until none is under
 * way. */
struct transfer_pace {
    uint32_t under_way;
    uint64_t began, bytes; /* of the burst */
    uint32_t bytes_per_ms; /* of the last bursts, in the mean; 0: not known */
};

void transfer_pace_begin(struct transfer_pace *pace, uint64_t now);
void transfer_pace_end(struct transfer_pace *pace, uint64_t bytes, uint64_t now);
/* What is under way is given up. */
void transfer_pace_forget(struct transfer_pace *pace);

#endif
