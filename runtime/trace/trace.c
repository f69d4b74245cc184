/* Recording and export of traces; see trace.h. The format is that of chrome://tracing ("Trace Event
 * Format", complete events "X", times in microseconds), which ui.perfetto.dev reads. */
#include "trace/trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/vector.h"

struct trace_event {
    uint32_t node;
    uint64_t begin, end;
};

/* A cache line of its own, since its thread writes to it for each task. */
struct trace_track {
    VECTOR(struct trace_event) events;
    char apart[64];
};

struct trace {
    struct trace_track *tracks;
    uint32_t track_count;
};

struct trace *trace_new(void)
{
    return memory_new(1, sizeof(struct trace));
}

static void release_tracks(struct trace *trace)
{
    for (uint32_t i = 0; i < trace->track_count; i++)
        vector_release(&trace->tracks[i].events);
    free(trace->tracks);
}

void trace_free(struct trace *trace)
{
    if (!trace)
        return;
    release_tracks(trace);
    free(trace);
}

void trace_begin(struct trace *trace, uint32_t track_count)
{
    release_tracks(trace);
    trace->tracks = memory_new(track_count, sizeof *trace->tracks);
    trace->track_count = track_count;
}

void trace_task(struct trace *trace, uint32_t track, uint32_t node, uint64_t begin, uint64_t end)
{
    vector_push(&trace->tracks[track].events, (struct trace_event){node, begin, end});
}

static void export_text(struct buffer *out, const char *text)
{
    buffer_json_string(out, text, strlen(text));
}

static void export_event(const struct dag *dag, uint32_t track, const struct trace_event *event,
                         struct buffer *out)
{
    const struct dag_node *node = &dag->nodes[event->node];
    const struct dag_site *site = &dag->sites[node->site];
    const char *name =
        node->task == DAG_RESULT ? "result" : dag_string(dag, dag->tasks[node->task].name);
    buffer_puts(out, ",\n{\"ph\": \"X\", \"pid\": 1, \"name\": ");
    export_text(out, name);
    buffer_printf(out, ", \"cat\": \"task\", \"tid\": %" PRIu32 ", \"ts\": %.3f, \"dur\": %.3f",
                  track, (double)event->begin / 1e3, (double)(event->end - event->begin) / 1e3);
    buffer_printf(out, ", \"args\": {\"node\": %" PRIu32 ", \"flow\": ", event->node);
    export_text(out, dag_string(dag, dag->scopes[node->scope].name));
    buffer_puts(out, ", \"call\": ");
    struct buffer call = {0};
    buffer_printf(&call, "%s:%" PRIu32 ":%" PRIu32, dag_string(dag, site->file), site->line,
                  site->column);
    export_text(out, buffer_text(&call));
    buffer_release(&call);
    buffer_puts(out, "}}");
}

void trace_export(const struct trace *trace, const struct dag *dag, struct buffer *out)
{
    buffer_puts(out, "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n"
                     "{\"ph\": \"M\", \"pid\": 1, \"name\": \"process_name\", "
                     "\"args\": {\"name\": \"wkc\"}}");
    for (uint32_t t = 0; t < trace->track_count; t++)
        buffer_printf(out,
                      ",\n{\"ph\": \"M\", \"pid\": 1, \"tid\": %" PRIu32
                      ", \"name\": \"thread_name\", \"args\": {\"name\": \"worker %" PRIu32 "\"}}",
                      t, t);
    for (uint32_t t = 0; t < trace->track_count; t++)
        for (size_t i = 0; i < trace->tracks[t].events.count; i++)
            export_event(dag, t, &trace->tracks[t].events.items[i], out);
    buffer_puts(out, "\n]}\n");
}
