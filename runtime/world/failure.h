/*
 * Failures as text: how an executor tells a job's failure to the client, and the platform its own.
 */
#ifndef WKC_WORLD_FAILURE_H
#define WKC_WORLD_FAILURE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

/* {"code": "E801", "message": …, "hint": …, "note": …, "log": …, "place": [FILE, LINE, COLUMN,
 * LENGTH], "note_place": […]} */
/* The log is whole lines, those of the task that failed; "" for none. */
void failure_write(const struct error *error, const char *log, struct buffer *out);

/* Reads one; the names of files, and the log, are texts of the arena. What is no failure becomes
 * one that says so. */
void failure_read(const void *text, size_t length, struct arena *arena, struct error *error,
                  const char **log);

#endif
