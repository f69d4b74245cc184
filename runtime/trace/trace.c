/* Recording and export of traces; see trace.h. The format is that of chrome://tracing ("Trace Event
 * Format", complete events "X", times in microseconds), which ui.perfetto.dev reads. */
#include "trace/trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "graph/cost.h"

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

/* What the formula of its task says of a node. */
static void export_estimate(const struct dag *dag, struct costs *costs, uint32_t node,
                            struct buffer *out)
{
    uint32_t task = dag->nodes[node].task;
    buffer_printf(out, ", \"task\": %" PRIu32, task);
    if (*dag_string(dag, dag->tasks[task].formula))
        buffer_printf(out, ", \"estimate\": %" PRIu64, costs_of(costs, node));
}

static void export_event(const struct dag *dag, struct costs *costs, uint32_t track,
                         const struct trace_event *event, struct buffer *out)
{
    const struct dag_node *node = &dag->nodes[event->node];
    const struct dag_site *site = &dag->sites[node->site];
    const char *name =
        node->task == DAG_RESULT ? "result" : dag_string(dag, dag->tasks[node->task].name);
    buffer_puts(out, ",\n{\"ph\": \"X\", \"pid\": 1, \"name\": ");
    export_text(out, name);
    buffer_printf(out, ", \"cat\": \"task\", \"tid\": %" PRIu32 ", \"ts\": %.3f, \"dur\": %.3f",
                  track, (double)event->begin / 1e3, (double)(event->end - event->begin) / 1e3);
    buffer_printf(out, ", \"args\": {\"node\": %" PRIu32, event->node);
    export_estimate(dag, costs, event->node, out);
    buffer_puts(out, ", \"flow\": ");
    export_text(out, dag_string(dag, dag->scopes[node->scope].name));
    buffer_puts(out, ", \"call\": ");
    struct buffer call = {0};
    buffer_printf(&call, "%s:%" PRIu32 ":%" PRIu32, dag_string(dag, site->file), site->line,
                  site->column);
    export_text(out, buffer_text(&call));
    buffer_release(&call);
    buffer_puts(out, "}}");
}

static void export_field(const struct dag *dag, const char *name, uint32_t text, struct buffer *out)
{
    buffer_printf(out, "\"%s\": ", name);
    export_text(out, dag_string(dag, text));
}

static void export_tasks(const struct dag *dag, struct buffer *out)
{
    buffer_printf(out, "{\"version\": %d, \"tasks\": [", TRACE_VERSION);
    for (uint32_t t = 0; t < dag->task_count; t++) {
        const struct dag_task *task = &dag->tasks[t];
        buffer_puts(out, t ? ",\n{" : "\n{");
        export_field(dag, "name", task->name, out);
        buffer_puts(out, ", ");
        export_field(dag, "symbol", task->symbol, out);
        buffer_puts(out, ", ");
        export_field(dag, "members", task->members, out);
        buffer_puts(out, ", ");
        export_field(dag, "formula", task->formula, out);
        buffer_puts(out, "}");
    }
    buffer_puts(out, "\n]}");
}

/* Costs by formulas alone. */
static struct costs *new_estimates(const struct dag *dag)
{
    struct costs *costs = costs_new(dag);
    for (uint32_t t = DAG_RESULT + 1; t < dag->task_count; t++)
        costs_scale_task(costs, t, 1);
    return costs;
}

void trace_export(const struct trace *trace, const struct dag *dag, struct buffer *out)
{
    struct costs *costs = new_estimates(dag);
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
            export_event(dag, costs, t, &trace->tracks[t].events.items[i], out);
    buffer_puts(out, "\n], \"wkc\": ");
    export_tasks(dag, out);
    buffer_puts(out, "}\n");
    costs_free(costs);
}
