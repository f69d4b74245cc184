/* --profile: what tasks took in an earlier run, from the trace that it wrote (--trace). */
#include <jansson.h>
#include <string.h>

#include "base/vector.h"
#include "command/command.h"

enum { MOST_BYTES = 1 << 30 };

struct measured_task {
    const char *name; /* of the trace */
    double ns;
    uint64_t count;
};

struct profile_reader {
    VECTOR(struct measured_task) tasks;
};

static struct measured_task *find_task(struct profile_reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->tasks.count; i++)
        if (strcmp(reader->tasks.items[i].name, name) == 0)
            return &reader->tasks.items[i];
    vector_push(&reader->tasks, (struct measured_task){.name = name});
    return &vector_last(&reader->tasks);
}

/* An event of a task has its name, and how long it took in microseconds. */
static void add_event(struct profile_reader *reader, const json_t *event)
{
    const char *category = json_string_value(json_object_get(event, "cat"));
    const char *name = json_string_value(json_object_get(event, "name"));
    double us = json_number_value(json_object_get(event, "dur"));
    if (!category || strcmp(category, "task") != 0 || !name || !(us > 0) || us > 1e12)
        return;
    struct measured_task *task = find_task(reader, name);
    task->ns += 1000 * us;
    task->count++;
}

static void take_tasks(const struct profile_reader *reader, struct arena *arena,
                       struct plan_options *options)
{
    struct plan_measured *measured =
        arena_array(arena, struct plan_measured, reader->tasks.count + 1);
    for (size_t i = 0; i < reader->tasks.count; i++) {
        const struct measured_task *task = &reader->tasks.items[i];
        measured[i].task = arena_text(arena, task->name, strlen(task->name));
        measured[i].ns = task->ns / (double)task->count;
    }
    options->measured = measured;
    options->measured_count = (uint32_t)reader->tasks.count;
}

int profile_read(const char *path, struct arena *arena, struct plan_options *options,
                 struct error *error)
{
    struct profile_reader reader = {0};
    struct buffer text = {0};
    int code = buffer_read_file(&text, path, MOST_BYTES, error);
    json_t *trace = code ? NULL : json_loadb(buffer_text(&text), text.length, 0, NULL);
    const json_t *events = json_object_get(trace, "traceEvents");
    for (size_t i = 0; i < json_array_size(events); i++)
        add_event(&reader, json_array_get(events, i));
    if (!code && reader.tasks.count == 0) {
        error_set(error, ERR_bad_option, "'%s' has no times of tasks", path);
        code = error_hint(error, "a profile is what `wkc run --trace=FILE.json` writes");
    }
    if (!code)
        take_tasks(&reader, arena, options);
    json_decref(trace);
    vector_release(&reader.tasks);
    buffer_release(&text);
    return code;
}
