/*
 * Traces: when each task ran, and where; exported as Chrome trace events, which Perfetto opens.
 *
 * Worlds record; nobody else does. A worker writes to its own track without locks; the tracks are
 * read when the job has ended.
 */
#ifndef WKC_TRACE_TRACE_H
#define WKC_TRACE_TRACE_H

#include "base/buffer.h"
#include "graph/dag.h"

struct trace;

struct trace *trace_new(void);
void trace_free(struct trace *trace); /* NULL is allowed */

/* Makes empty tracks, one for each worker. */
void trace_begin(struct trace *trace, uint32_t track_count);

/* Records that a node's task ran on a worker, from `begin` to `end` in nanoseconds since whatever
 * the world counts from. A track belongs to one thread. */
void trace_task(struct trace *trace, uint32_t track, uint32_t node, uint64_t begin, uint64_t end);

enum { TRACE_VERSION = 1 }; /* of "wkc" in the JSON */

/*
 * Appends the JSON: {"traceEvents": [...], "wkc": {...}} with a track for each worker and an event
 * for each task, named by the task, with its node and call site; "task" is its number in "wkc", and
 * "estimate" what its formula says of the node, in ns. "wkc" has what a profile needs of tasks
 * (--profile): {"version": 1, "tasks": [{"name": "…", "symbol": "…", "members": "…", "formula":
 * "…"}, …]}, by their numbers.
 */
void trace_export(const struct trace *trace, const struct dag *dag, struct buffer *out);

#endif
