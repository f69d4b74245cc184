/*
 * Failures as text: how an executor tells a job's failure to the client, and the platform its own.
 */
#ifndef WKC_WORLD_FAILURE_H
#define WKC_WORLD_FAILURE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

/* {"code": "E801", "message": …, "hint": …, "note": …, "place": [FILE, LINE, COLUMN, LENGTH],
 * "note_place": […]} */
void failure_write(const struct error *error, struct buffer *out);

/* Reads one; the names of files are texts of the arena. What is no failure becomes one that says
 * so. */
void failure_read(const void *text, size_t length, struct arena *arena, struct error *error);

#endif
