/* What users read of tasks: failures, with name, arguments and place, and logs; see bind.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value/semantics.h"
#include "world/bind.h"

enum { SHOWN_BYTES = 150, SHOWN_TEXT = 40 }; /* of the arguments, and of a string among them */

static void describe_array(const struct type *type, const uint64_t *words, struct buffer *out)
{
    struct buffer element = {0};
    type_print_brief(type->element, &element);
    buffer_printf(out, "%s[", buffer_text(&element));
    for (unsigned d = 0; d < type->rank; d++)
        buffer_printf(out, "%s%" PRId64, d ? ", " : "", (int64_t)words[1 + d]);
    buffer_putc(out, ']');
    buffer_release(&element);
}

/* The begin of a text, up to the end of a character. */
static void describe_text(const char *text, uint64_t length, struct buffer *out)
{
    uint64_t shown = length;
    if (length > SHOWN_TEXT)
        for (shown = SHOWN_TEXT; shown > 0 && ((unsigned char)text[shown] & 0xC0) == 0x80;)
            shown--;
    buffer_json_string(out, text, shown);
    buffer_puts(out, shown < length ? "..." : "");
}

static void describe_argument(const struct type *type, const uint64_t *words, struct buffer *out)
{
    char text[32];
    switch (type->kind) {
    case TYPE_SCALAR:
        semantics_print(type->scalar, words[0], text);
        buffer_puts(out, text);
        return;
    case TYPE_STRING:
        describe_text((const char *)(uintptr_t)words[0], words[1], out);
        return;
    case TYPE_ARRAY:
        describe_array(type, words, out);
        return;
    case TYPE_MAP:
    case TYPE_FILE:
    case TYPE_TUPLE:
    case TYPE_STRUCT:
        type_print_brief(type, out);
        return;
    case TYPE_FUNCTION:
        break;
    }
    bug("an argument of kind %d", (int)type->kind);
}

static void describe_arguments(const struct bind_task *task, const uint64_t *words,
                               struct buffer *out)
{
    for (uint32_t i = 0; i < task->parameter_count; i++) {
        if (i > 0)
            buffer_puts(out, ", ");
        if (out->length > SHOWN_BYTES) {
            buffer_puts(out, "...");
            return;
        }
        if (task->names[i])
            buffer_printf(out, "%s: ", task->names[i]);
        describe_argument(task->parameters[i], words, out);
        words += task->parameters[i]->word_count;
    }
}

static struct place place_of_call(const struct dag *dag, uint32_t node)
{
    const struct dag_site *site = &dag->sites[dag->nodes[node].site];
    return (struct place){dag_string(dag, site->file), site->line, site->column, site->length};
}

void describe_failure(const struct bind_table *table, uint32_t node, const uint64_t *arguments,
                      struct error *error)
{
    const struct dag *dag = table->dag;
    uint32_t number = dag->nodes[node].task;
    struct place call = place_of_call(dag, node);
    bool has_place = error->place.line != 0;
    struct buffer text = {0};
    if (error->note[0])
        return; /* a task that was made of others has said which of them failed */
    if (number == DAG_RESULT) {
        buffer_puts(&text, "while the result was collected");
    } else {
        buffer_printf(&text, "in %s(", dag_string(dag, dag->tasks[number].name));
        if (arguments)
            describe_arguments(&table->tasks[number], arguments, &text);
        else
            buffer_puts(&text, "...");
        buffer_puts(&text, ")");
        const char *members = dag_string(dag, dag->tasks[number].members);
        if (*members)
            buffer_printf(&text, ", fused of %s", members);
        if (has_place)
            buffer_puts(&text, ", called here");
    }
    error_note(error, has_place ? call : (struct place){0}, "%s", buffer_text(&text));
    if (!has_place)
        error->place = call;
    buffer_release(&text);
}

bool is_failure_retriable(enum error_code code)
{
    return code == ERR_task_timeout || code == ERR_memory_limit || code == ERR_out_of_memory ||
           code == ERR_file_unreadable;
}

static void write_line(const struct job_options *options, const char *line)
{
    if (options->log)
        options->log(options->log_context, line);
    else
        fprintf(stderr, "%s\n", line);
}

void write_task_log(const struct bind_table *table, const struct job_options *options,
                    uint32_t node, const struct buffer *log)
{
    const struct dag *dag = table->dag;
    const char *name = dag_string(dag, dag->tasks[dag->nodes[node].task].name);
    const char *line = log->data, *end = line + log->length;
    struct buffer text = {0};
    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        buffer_clear(&text);
        buffer_printf(&text, "%s: %.*s", name, (int)(newline - line), line);
        write_line(options, buffer_text(&text));
        line = newline + 1;
    }
    buffer_release(&text);
}
