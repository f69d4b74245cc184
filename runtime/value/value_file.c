/*
 * Reading values; see value_file.h. A reader of a format is run as a kernel is, so that what it
 * made comes out as the result of a task does: in blocks, one for each leaf. What it had made when
 * it fails is freed as a failed kernel's is.
 */
#include "value/value_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "value/csv_records.h"
#include "value/data_file.h"
#include "value/json_read.h"
#include "value/string.h"

/* ---- Lines of text -------------------------------------------------------------------------- */

static uint64_t count_lines(const char *text, const char *end)
{
    uint64_t count = 0;
    for (const char *at = text; at < end; count++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : end;
    }
    return count;
}

static int refuse_byte(const char *name, const char *text, const char *at, struct error *error)
{
    uint64_t line = 1;
    const char *begin = text;
    for (const char *next = text; (next = memchr(next, '\n', (size_t)(at - next))); line++)
        begin = ++next;
    error_set(error, ERR_not_text, "'%s', line %" PRIu64 ", column %td: this byte is not UTF-8",
              name, line, at - begin + 1);
    return error_hint(error, "convert it: iconv -f LATIN1 -t UTF-8");
}

static int refuse_memory(const char *name, struct error *error)
{
    return error_set(error, ERR_out_of_memory, "there is no memory for the value of '%s'", name);
}

/* A string of its own for each line, without what ends it; false: no memory. */
static bool cut_lines(struct wk_context *context, const char *text, const char *end,
                      uint64_t *strings)
{
    for (const char *at = text; at < end; strings += 2) {
        const char *feed = memchr(at, '\n', (size_t)(end - at)), *last = feed ? feed : end;
        size_t length = (size_t)(last - at) - (feed && last > at && last[-1] == '\r');
        const void *string = wk_text_new(context, at, length);
        if (!string)
            return false;
        strings[0] = (uintptr_t)string;
        strings[1] = length;
        at = feed ? feed + 1 : end;
    }
    return true;
}

/* The lines of a text as str[n]. */
static int read_lines(struct wk_context *context, const char *text, size_t length, const char *name,
                      const struct type *type, uint64_t *words, struct error *error)
{
    (void)type;
    const char *end = text + length;
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;
    uint64_t count = count_lines(text, end);
    uint64_t *strings = wk_alloc(context, count * 2 * sizeof *strings);
    if (!strings || !cut_lines(context, text, end, strings))
        return refuse_memory(name, error);
    words[0] = (uintptr_t)strings;
    words[1] = count;
    return 0;
}

/* ---- Formats -------------------------------------------------------------------------------- */

typedef int value_reader(struct wk_context *context, const char *text, size_t length,
                         const char *name, const struct type *type, uint64_t *words,
                         struct error *error);

static bool is_any(const struct type *type)
{
    (void)type;
    return true;
}

static bool is_array(const struct type *type)
{
    return type->kind == TYPE_ARRAY;
}

static bool is_lines(const struct type *type)
{
    return type->kind == TYPE_ARRAY && type->rank == 1 && type->element->kind == TYPE_STRING;
}

static const struct value_format {
    const char *suffix;
    bool (*takes)(const struct type *type);
    value_reader *read;
    bool is_raw; /* JSON checks the encoding where it has strings */
} formats[VALUE_FILE_SUFFIXES] = {
    {".json", is_any, json_read, false},
    {".jsonl", is_array, json_read_lines, false},
    {".txt", is_lines, read_lines, true},
    {".csv", csv_is_records, csv_read_records, true},
};

static bool has_suffix(const char *path, const char *suffix)
{
    size_t length = strlen(path), end = strlen(suffix);
    return length > end && strcmp(path + length - end, suffix) == 0;
}

static const struct value_format *find_format(const char *path, const struct type *type)
{
    for (size_t i = 0; i < VALUE_FILE_SUFFIXES; i++)
        if (formats[i].takes(type) && has_suffix(path, formats[i].suffix))
            return &formats[i];
    return NULL;
}

size_t value_file_suffixes(const struct type *type, const char *suffixes[VALUE_FILE_SUFFIXES])
{
    size_t count = 0;
    for (size_t i = 0; i < VALUE_FILE_SUFFIXES; i++)
        if (formats[i].takes(type))
            suffixes[count++] = formats[i].suffix;
    return count;
}

static int refuse_unreadable(const char *path, struct error *error)
{
    return error_set(error, ERR_file_unreadable, "cannot read '%s': %s", path, strerror(errno));
}

/* Says in which files a value of the type can stand. */
static int refuse_format(const char *path, const struct type *type, struct error *error)
{
    struct buffer text = {0};
    type_print_brief(type, &text);
    error_set(error, ERR_data_format, "a value of type %s is not read from a file named '%s'",
              buffer_text(&text), path);
    buffer_clear(&text);
    for (size_t i = 0; i < VALUE_FILE_SUFFIXES; i++)
        if (formats[i].takes(type))
            buffer_printf(&text, "%s%s", text.length ? ", " : "", formats[i].suffix);
    error_hint(error, "the end of the name says the format; for this type: %s", buffer_text(&text));
    buffer_release(&text);
    return (int)error->code;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* What the kernel that reads is told: its only argument is the address of this. */
struct value_source {
    value_reader *read;
    const char *text, *name;
    size_t length;
    const struct type *type;
};

static int32_t run_reader(struct wk_context *context, const uint64_t *arguments, uint64_t *results)
{
    const struct value_source *source = (const struct value_source *)(uintptr_t)arguments[0];
    struct context *runtime = context->runtime;
    wk_lend(context, source->text, source->length);
    return source->read(context, source->text, source->length, source->name, source->type, results,
                        &runtime->error);
}

static int read_source(struct context *context, const struct value_source *source,
                       const struct value_leaf *leaves, uint64_t *results, struct error *error)
{
    uint64_t argument = (uintptr_t)source;
    int code =
        context_run(context, run_reader, &argument, leaves, source->type->leaf_count, results);
    if (code)
        *error = context->error;
    return code;
}

int value_file_read(struct context *context, const char *path, const struct type *type,
                    const struct value_leaf *leaves, uint64_t *results, struct error *error)
{
    const struct value_format *format = find_format(path, type);
    if (!format)
        return access(path, F_OK) == 0 ? refuse_format(path, type, error)
                                       : refuse_unreadable(path, error);
    char *text;
    struct value_source source = {.read = format->read, .name = path, .type = type};
    int code = data_file_read_text(path, &text, &source.length, error);
    if (code)
        return code;
    source.text = text;
    uint64_t wrong = format->is_raw ? string_check(text, source.length) : source.length;
    code = wrong < source.length ? refuse_byte(path, text, text + wrong, error)
                                 : read_source(context, &source, leaves, results, error);
    free(text);
    return code;
}

int value_text_read(struct context *context, const char *text, const struct type *type,
                    const struct value_leaf *leaves, uint64_t *results, struct error *error)
{
    struct value_source source = {
        .read = json_read, .text = text, .length = strlen(text), .type = type};
    return read_source(context, &source, leaves, results, error);
}
