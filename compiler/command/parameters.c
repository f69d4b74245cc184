/*
 * Binding main's parameters: name=value from the command line, in any order, each once.
 *
 * A scalar's value is a literal of the language. An array's value is a file (.npy, or any file for
 * u8[n]) or an inline array that begins with `[`. A string's value is the text itself, or @ and the
 * name of the file that has it. Any other value is JSON, inline or in a file, with or without @.
 *
 * What a parameter gets is noted leaf by leaf, as elaboration wants it.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "command/example.h"
#include "command/files.h"
#include "command/pipeline.h"
#include "value/semantics.h"
#include "value/string.h"
#include "value/value_file.h"

static bool usage_error(struct compilation *c, const struct error *error)
{
    c->usage = true;
    diagnose_error(&c->diagnostics, error, NULL);
    return false;
}

static int find_parameter(const struct compilation *c, const char *name, size_t length)
{
    for (uint32_t i = 0; i < flow_parameter_count(c->code); i++) {
        const char *known = flow_parameter(c->code, i).name;
        if (strlen(known) == length && strncmp(known, name, length) == 0)
            return (int)i;
    }
    return -1;
}

/* "parts: i64, width: i64 (optional)": the parameters that there are. */
static void list_parameters(const struct compilation *c, struct buffer *out)
{
    for (uint32_t i = 0; i < flow_parameter_count(c->code); i++) {
        struct flow_parameter parameter = flow_parameter(c->code, i);
        buffer_printf(out, "%s%s: ", i ? ", " : "", parameter.name);
        type_print_brief(parameter.type, out);
        buffer_puts(out, parameter.has_default ? " (optional)" : "");
    }
}

static bool unknown_parameter(struct compilation *c, const char *name, size_t length)
{
    char *text = arena_text(&c->arena, name, length);
    const char *best = NULL;
    for (uint32_t i = 0; i < flow_parameter_count(c->code); i++)
        nearest_name(text, flow_parameter(c->code, i).name, &best);
    struct error error;
    struct buffer list = {0};
    list_parameters(c, &list);
    error_set(&error, ERR_unknown_parameter, "main has no parameter '%s'", text);
    if (best)
        error_hint(&error, "did you mean '%s'?", best);
    else if (list.length)
        error_hint(&error, "its parameters: %s", buffer_text(&list));
    else
        error_hint(&error, "it has none");
    buffer_release(&list);
    return usage_error(c, &error);
}

/* Says of an error which parameter it speaks of. */
static void name_parameter(const struct compilation *c, uint32_t index, struct error *error)
{
    struct error inner = *error;
    error_set(error, inner.code, "parameter '%s': %s", flow_parameter(c->code, index).name,
              inner.message);
    if (inner.hint[0])
        error_hint(error, "%s", inner.hint);
}

static bool looks_like_a_number(const char *value)
{
    uint64_t word;
    struct error error;
    return semantics_read(WK_F64, value, &word, &error) == 0;
}

static bool has_suffix(const char *path, const char *suffix)
{
    size_t length = strlen(path), end = strlen(suffix);
    return length > end && strcmp(path + length - end, suffix) == 0;
}

/* Of which parts are read where they are needed; .jsonl has no parts. */
static bool is_array_of_scalars(const struct type *type, const char *value)
{
    return type->kind == TYPE_ARRAY && type_is_scalar(type->element) &&
           (type_is_bytes(type) || !has_suffix(value, ".jsonl"));
}

/* As many threads read a table as will run the job. */
static uint32_t reading_threads(const struct options *options)
{
    uint64_t number;
    struct error ignored;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (options->given[OPTION_WORKERS] &&
        options_number(options, OPTION_WORKERS, 1, 1024, &number, &ignored) == 0)
        return (uint32_t)number;
    return processors > 0 ? (uint32_t)processors : 1;
}

static bool bind_array(struct compilation *c, uint32_t index, const char *value)
{
    struct error error;
    uint32_t leaf = flow_parameter(c->code, index).first_leaf;
    const struct type *type = flow_parameter(c->code, index).type;
    bool is_inline = value[0] == '[';
    value += value[0] == '@';
    struct data_file *file = is_inline
                                 ? data_file_inline(value, type, &error)
                                 : data_file_open(value, type, reading_threads(c->options), &error);
    if (!file) {
        name_parameter(c, index, &error);
        if (!is_inline && error.code == ERR_file_unreadable && looks_like_a_number(value))
            error_hint(&error, "'%s' takes an array: a file's name, or the values, as in %s=[%s]",
                       flow_parameter(c->code, index).name, flow_parameter(c->code, index).name,
                       value);
        c->usage = is_inline;
        diagnose_error(&c->diagnostics, &error, NULL);
        return false;
    }
    c->files[leaf] = file;
    memcpy(c->arguments[leaf].extents, data_file_extents(file), type->rank * sizeof(int64_t));
    return true;
}

/* Hands a leaf of a value over: known ones as they are, the others as an input of the job. */
static void bind_leaf(struct compilation *c, uint32_t leaf, const struct type *type,
                      const uint64_t *words)
{
    struct flow_argument *argument = &c->arguments[leaf];
    argument->word = words[0];
    if (type_is_scalar(type))
        return;
    c->files[leaf] = data_file_of_block(block_of(words[0]), &c->inputs_context);
    memcpy(argument->extents, data_file_extents(c->files[leaf]), sizeof argument->extents);
    argument->text = type->kind == TYPE_STRING ? (const char *)(uintptr_t)words[0] : NULL;
    argument->length = (uint64_t)argument->extents[0];
}

/* Says what can be written, where neither a file nor JSON was. */
static void hint_value(const struct compilation *c, uint32_t index, struct error *error)
{
    struct flow_parameter parameter = flow_parameter(c->code, index);
    struct buffer example = {0}, formats = {0};
    example_value(parameter.type, &example);
    example_formats(parameter.type, &formats);
    error_hint(error, "give the name of a file (%s), or the value itself, as in %s=%s",
               buffer_text(&formats), parameter.name, buffer_text(&example));
    buffer_release(&formats);
    buffer_release(&example);
}

/* Any other value: JSON that is given here, or a file. */
static bool bind_value(struct compilation *c, uint32_t index, const char *value)
{
    struct error error;
    struct flow_parameter parameter = flow_parameter(c->code, index);
    const struct type *type = parameter.type;
    struct value_leaf *leaves = arena_array(&c->arena, struct value_leaf, type->leaf_count);
    uint64_t *words = arena_array(&c->arena, uint64_t, type->word_count);
    value_leaves(type, leaves, &c->arena);
    const char *start = value + strspn(value, " \t\n");
    bool is_inline = *start == '{' || *start == '[', is_file = *value == '@';
    int code = is_inline ? value_text_read(&c->inputs_context, value, type, leaves, words, &error)
                         : value_file_read(&c->inputs_context, value + is_file, type, leaves, words,
                                           &error);
    if (!code) {
        for (uint32_t i = 0; i < parameter.leaf_count; i++, words += leaves[i - 1].words)
            bind_leaf(c, parameter.first_leaf + i, type_leaf(type, i), words);
        return true;
    }
    name_parameter(c, index, &error);
    if (!is_inline && !is_file && error.code == ERR_file_unreadable)
        hint_value(c, index, &error);
    c->usage = is_inline;
    diagnose_error(&c->diagnostics, &error, NULL);
    return false;
}

static bool bind_scalar(struct compilation *c, uint32_t index, const char *value)
{
    struct error error;
    struct flow_parameter parameter = flow_parameter(c->code, index);
    struct flow_argument *argument = &c->arguments[parameter.first_leaf];
    if (semantics_read(parameter.type->scalar, value, &argument->word, &error) == 0)
        return true;
    error.code = ERR_bad_parameter;
    name_parameter(c, index, &error);
    return usage_error(c, &error);
}

/* A file, or the files of a list. */
static bool bind_files(struct compilation *c, uint32_t index, const struct type *type,
                       const char *value)
{
    struct error error;
    struct file_list list = {0};
    struct flow_argument *argument = &c->arguments[flow_parameter(c->code, index).first_leaf];
    int code = type->kind == TYPE_FILE ? files_add(&c->job_files, value, &argument->word, &error)
                                       : files_list(&c->job_files, value, &list, &error);
    if (code) {
        name_parameter(c, index, &error);
        diagnose_error(&c->diagnostics, &error, NULL);
    }
    argument->extents[0] = (int64_t)list.count;
    argument->words = arena_copy(&c->arena, list.items, list.count * sizeof *list.items);
    vector_release(&list);
    return code == 0;
}

/* Where a file's text is no UTF-8, by the offset of the byte. */
static int refuse_encoding(const char *path, const char *text, uint64_t wrong, struct error *error)
{
    uint64_t line = 1, begin = 0;
    for (uint64_t i = 0; i < wrong; i++)
        if (text[i] == '\n') {
            line++;
            begin = i + 1;
        }
    error_set(error, ERR_not_text, "'%s', line %llu, column %llu: this byte is not UTF-8", path,
              (unsigned long long)line, (unsigned long long)(wrong - begin + 1));
    return error_hint(error, "convert it: iconv -f LATIN1 -t UTF-8");
}

/* The text of a file, in the arena. */
static int read_text(struct compilation *c, const char *path, struct flow_argument *argument,
                     struct error *error)
{
    struct data_file *file = data_file_open_bytes(path, true, error);
    if (!file)
        return (int)error->code;
    int64_t begin = 0, length = data_file_extents(file)[0];
    char *text = memory_try((size_t)length + 1, 1);
    int code = text ? data_file_read(file, &begin, &length, text, error)
                    : error_set(error, ERR_out_of_memory, "there is no memory to read '%s'", path);
    data_file_close(file);
    uint64_t wrong = code ? 0 : string_check(text, (uint64_t)length);
    if (!code && wrong < (uint64_t)length)
        code = refuse_encoding(path, text, wrong, error);
    if (!code) {
        argument->text = arena_text(&c->arena, text, (size_t)length);
        argument->length = (uint64_t)length;
    }
    free(text);
    return code;
}

/* The text itself, or with @ the file that has it; @@ begins a text that begins with @. */
static bool bind_text(struct compilation *c, uint32_t index, const char *value)
{
    struct error error;
    struct flow_argument *argument = &c->arguments[flow_parameter(c->code, index).first_leaf];
    if (value[0] == '@' && value[1] != '@') {
        if (read_text(c, value + 1, argument, &error) == 0)
            return true;
        name_parameter(c, index, &error);
        diagnose_error(&c->diagnostics, &error, NULL);
        return false;
    }
    value += value[0] == '@';
    uint64_t length = strlen(value), wrong = string_check(value, length);
    argument->text = value;
    argument->length = length;
    if (wrong == length)
        return true;
    error_set(&error, ERR_bad_parameter, "a str is UTF-8, and byte %llu of this text is not",
              (unsigned long long)wrong);
    name_parameter(c, index, &error);
    return usage_error(c, &error);
}

/* Binds a parameter by its type. */
static bool bind_text_of(struct compilation *c, uint32_t index, const struct type *type,
                         const char *value)
{
    if (type->kind == TYPE_FILE || (type->kind == TYPE_ARRAY && type->element->kind == TYPE_FILE))
        return bind_files(c, index, type, value);
    if (type->kind == TYPE_STRING)
        return bind_text(c, index, value);
    if (type->kind == TYPE_SCALAR)
        return bind_scalar(c, index, value);
    return is_array_of_scalars(type, value) ? bind_array(c, index, value)
                                            : bind_value(c, index, value);
}

static bool bind_argument(struct compilation *c, const char *argument)
{
    struct error error;
    const char *equals = strchr(argument, '=');
    if (!equals) {
        error_set(&error, ERR_bad_argument, "'%s' is no name=value", argument);
        error_hint(&error, "a parameter of main is bound by its name, for example n=100");
        return usage_error(c, &error);
    }
    int index = find_parameter(c, argument, (size_t)(equals - argument));
    if (index < 0)
        return unknown_parameter(c, argument, (size_t)(equals - argument));
    struct flow_parameter parameter = flow_parameter(c->code, (uint32_t)index);
    if (c->arguments[parameter.first_leaf].given) {
        error_set(&error, ERR_bad_argument, "parameter '%s' is given twice", parameter.name);
        error_hint(&error, "give it once");
        return usage_error(c, &error);
    }
    for (uint32_t i = 0; i < parameter.leaf_count; i++)
        c->arguments[parameter.first_leaf + i].given = true;
    return bind_text_of(c, (uint32_t)index, parameter.type, equals + 1);
}

static bool is_missing(const struct compilation *c, uint32_t index)
{
    struct flow_parameter parameter = flow_parameter(c->code, index);
    return !c->arguments[parameter.first_leaf].given && !parameter.has_default;
}

/* One message for each parameter without a value; the last one says how to give them all. */
static void report_missing(struct compilation *c, uint32_t index, const struct buffer *all)
{
    struct error error;
    struct buffer type = {0}, formats = {0};
    struct flow_parameter parameter = flow_parameter(c->code, index);
    type_print_brief(parameter.type, &type);
    bool is_named = example_formats(parameter.type, &formats);
    error_set(&error, ERR_missing_parameter, "main's parameter '%s: %s' has no value%s%s%s",
              parameter.name, buffer_text(&type), is_named ? ", in place or in a " : "",
              buffer_text(&formats), is_named ? " file" : "");
    if (all)
        error_hint(&error, "add to the command line:%s", buffer_text(all));
    buffer_release(&formats);
    buffer_release(&type);
    usage_error(c, &error);
}

static bool check_missing(struct compilation *c)
{
    struct buffer all = {0};
    uint32_t count = flow_parameter_count(c->code), last = count;
    for (uint32_t i = 0; i < count; i++)
        if (is_missing(c, i)) {
            struct flow_parameter parameter = flow_parameter(c->code, i);
            buffer_printf(&all, " %s=", parameter.name);
            example_value(parameter.type, &all);
            last = i;
        }
    for (uint32_t i = 0; i < count; i++)
        if (is_missing(c, i))
            report_missing(c, i, i == last ? &all : NULL);
    buffer_release(&all);
    return last == count;
}

bool parameters_bind(struct compilation *c)
{
    uint32_t leaves = flow_leaf_total(c->code);
    c->arguments = memory_new(leaves, sizeof *c->arguments);
    c->files = memory_new(leaves, sizeof(struct data_file *));
    bool ok = true;
    for (size_t i = 1; i < c->options->arguments.count; i++)
        ok = bind_argument(c, c->options->arguments.items[i]) && ok;
    return ok && check_missing(c);
}

void parameters_release(struct compilation *c)
{
    if (c->files)
        for (uint32_t i = 0; i < flow_leaf_total(c->code); i++)
            data_file_close(c->files[i]);
    files_release(&c->job_files);
    free(c->files);
    free(c->arguments);
}
