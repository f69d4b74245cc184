/* --profile: what tasks took in an earlier run, from the trace that it wrote (--trace). */
#include <jansson.h>
#include <string.h>

#include "base/vector.h"
#include "command/command.h"
#include "graph/formula.h"
#include "trace/trace.h"

enum { MOST_BYTES = 1 << 30 };

/* What is read stays in the JSON until the tasks are taken into the arena. */
struct profile_reader {
    const json_t *tasks; /* of the trace, by number; NULL: it has only names */
    VECTOR(struct plan_measured) measured;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Of an event, by the number of its task, or else by its name. */
static struct plan_measured *find_task(struct profile_reader *reader, const json_t *event)
{
    const json_t *number = json_object_get(json_object_get(event, "args"), "task");
    json_int_t at = json_integer_value(number);
    const json_t *task = at > 0 ? json_array_get(reader->tasks, (size_t)at) : NULL;
    const char *name = text_of(event, "name"), *symbol = text_of(task, "symbol");
    for (size_t i = 0; i < reader->measured.count; i++)
        if (strcmp(reader->measured.items[i].task, name) == 0 &&
            strcmp(reader->measured.items[i].symbol, symbol) == 0)
            return &reader->measured.items[i];
    vector_push(&reader->measured, (struct plan_measured){.task = name,
                                                          .symbol = symbol,
                                                          .members = text_of(task, "members"),
                                                          .formula = text_of(task, "formula")});
    return &vector_last(&reader->measured);
}

/* An event of a task has its name, and how long it took in microseconds. */
static void add_event(struct profile_reader *reader, const json_t *event)
{
    double us = json_number_value(json_object_get(event, "dur"));
    if (strcmp(text_of(event, "cat"), "task") != 0 || !*text_of(event, "name") || !(us > 0) ||
        us > 1e12)
        return;
    const json_t *estimate = json_object_get(json_object_get(event, "args"), "estimate");
    struct plan_measured *task = find_task(reader, event);
    double ns = json_number_value(estimate);
    task->ns += 1000 * us;
    task->formula_ns += ns > 0 && ns <= FORMULA_MOST ? ns : 0;
    task->count++;
}

static void read_events(struct profile_reader *reader, const json_t *trace)
{
    const json_t *events = json_object_get(trace, "traceEvents");
    reader->tasks = json_object_get(json_object_get(trace, "wkc"), "tasks");
    for (size_t i = 0; i < json_array_size(events); i++)
        add_event(reader, json_array_get(events, i));
}

static const char *kept(struct arena *arena, const char *text)
{
    return arena_text(arena, text, strlen(text));
}

static void take_tasks(const struct profile_reader *reader, struct arena *arena,
                       struct plan_options *options)
{
    struct plan_measured *measured =
        arena_array(arena, struct plan_measured, reader->measured.count + 1);
    for (size_t i = 0; i < reader->measured.count; i++) {
        measured[i] = reader->measured.items[i];
        measured[i].task = kept(arena, measured[i].task);
        measured[i].symbol = kept(arena, measured[i].symbol);
        measured[i].members = kept(arena, measured[i].members);
        measured[i].formula = kept(arena, measured[i].formula);
    }
    options->measured = measured;
    options->measured_count = (uint32_t)reader->measured.count;
}

/* A trace of before version 1 has names and times alone. */
static int check_version(const char *path, const json_t *trace, struct error *error)
{
    const json_t *version = json_object_get(json_object_get(trace, "wkc"), "version");
    if (!version || json_integer_value(version) == TRACE_VERSION)
        return 0;
    error_set(error, ERR_bad_option, "'%s' is a trace of another version of wkc", path);
    return error_hint(error, "write it again: `wkc run --trace=FILE.json`");
}

static int read_trace(const char *path, const json_t *trace, struct arena *arena,
                      struct plan_options *options, struct error *error)
{
    struct profile_reader reader = {0};
    int code = check_version(path, trace, error);
    if (!code)
        read_events(&reader, trace);
    if (!code && reader.measured.count == 0) {
        error_set(error, ERR_bad_option, "'%s' has no times of tasks", path);
        code = error_hint(error, "a profile is what `wkc run --trace=FILE.json` writes");
    }
    if (!code)
        take_tasks(&reader, arena, options);
    vector_release(&reader.measured);
    return code;
}

int profile_read(const char *path, struct arena *arena, struct plan_options *options,
                 struct error *error)
{
    struct buffer text = {0};
    int code = buffer_read_file(&text, path, MOST_BYTES, error);
    if (!code) {
        json_t *trace = json_loadb(buffer_text(&text), text.length, 0, NULL);
        code = read_trace(path, trace, arena, options, error);
        json_decref(trace);
    }
    buffer_release(&text);
    return code;
}
