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

/* Appends the JSON: {"traceEvents": [...]} with a track for each worker and an event for each task,
 * named by the task, with its node, arguments and call site. */
void trace_export(const struct trace *trace, const struct dag *dag, struct buffer *out);

#endif
