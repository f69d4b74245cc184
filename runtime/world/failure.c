/* Failures as JSON; see failure.h. */
#include "world/failure.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void write_text(struct buffer *out, const char *name, const char *text)
{
    if (!text[0])
        return;
    buffer_printf(out, ",\"%s\":", name);
    buffer_json_string(out, text, strlen(text));
}

static void write_place(struct buffer *out, const char *name, const struct place *place)
{
    if (place->line == 0)
        return;
    buffer_printf(out, ",\"%s\":[", name);
    buffer_json_string(out, place->file ? place->file : "", strlen(place->file ? place->file : ""));
    buffer_printf(out, ",%u,%u,%u]", place->line, place->column, place->length);
}

void failure_write(const struct error *error, const char *log, struct buffer *out)
{
    buffer_printf(out, "{\"code\":\"%s\"", error_code_text(error->code));
    write_text(out, "message", error->message);
    write_text(out, "hint", error->hint);
    write_text(out, "note", error->note);
    write_text(out, "log", log);
    write_place(out, "place", &error->place);
    write_place(out, "note_place", &error->note_place);
    buffer_putc(out, '}');
}

static void read_text(const json_t *root, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(root, name));
    snprintf(out, size, "%s", text ? text : "");
}

static void read_place(const json_t *root, const char *name, struct arena *arena,
                       struct place *place)
{
    const json_t *array = json_object_get(root, name);
    const char *file = json_string_value(json_array_get(array, 0));
    if (!file)
        return;
    place->file = arena_text(arena, file, strlen(file));
    place->line = (uint32_t)json_integer_value(json_array_get(array, 1));
    place->column = (uint32_t)json_integer_value(json_array_get(array, 2));
    place->length = (uint32_t)json_integer_value(json_array_get(array, 3));
}

void failure_read(const void *text, size_t length, struct arena *arena, struct error *error,
                  const char **log)
{
    json_t *root = json_loadb(text, length, 0, NULL);
    const char *code = json_string_value(json_object_get(root, "code"));
    enum error_code number = code ? error_code_parse(code) : ERR_none;
    const char *lines = json_string_value(json_object_get(root, "log"));
    *error = (struct error){.code = number};
    *log = lines ? arena_text(arena, lines, strlen(lines)) : "";
    if (number == ERR_none) {
        error_set(error, ERR_bad_stored_value,
                  "the job failed, and the store's record of why is damaged");
    } else {
        read_text(root, "message", error->message, sizeof error->message);
        read_text(root, "hint", error->hint, sizeof error->hint);
        read_text(root, "note", error->note, sizeof error->note);
        read_place(root, "place", arena, &error->place);
        read_place(root, "note_place", arena, &error->note_place);
    }
    json_decref(root);
}
