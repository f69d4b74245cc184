/* wkc explain, wkc help, wkc version: what the tables and a program's comments say. */
#include <string.h>

#include "command/command.h"
#include "command/example.h"

static void explain(enum error_code code, struct buffer *out)
{
    buffer_printf(out, "%s: %s\n\n%s\n", error_code_text(code), error_title(code),
                  error_explanation(code));
}

static void list_codes(struct buffer *out)
{
    for (int code = 1; code < ERROR_COUNT; code++)
        buffer_printf(out, "%s  %s\n", error_code_text((enum error_code)code),
                      error_title((enum error_code)code));
}

int command_explain(const struct options *options)
{
    struct buffer out = {0};
    int status = EXIT_DONE;
    if (options->arguments.count == 0)
        list_codes(&out);
    for (size_t i = 0; status == EXIT_DONE && i < options->arguments.count; i++) {
        enum error_code code = error_code_parse(options->arguments.items[i]);
        struct error error;
        if (code != ERR_none) {
            explain(code, &out);
            continue;
        }
        error_set(&error, ERR_bad_argument, "there is no code '%s'", options->arguments.items[i]);
        error_hint(&error, "codes look like E301 or W201; 'wkc explain' lists them all");
        status = usage_error(options, &error);
    }
    if (status == EXIT_DONE)
        status = write_output(options, &out);
    buffer_release(&out);
    return status;
}

/* The lines of a text of this length. */
static void indent(struct buffer *out, const char *text, size_t size)
{
    const char *end = text + size;
    while (text < end) {
        size_t length = strcspn(text, "\n");
        if (length > (size_t)(end - text))
            length = (size_t)(end - text);
        buffer_printf(out, "    %.*s\n", (int)length, text);
        text += length + (text + length < end);
    }
}

static void source_text(struct buffer *out, const struct source *source, struct span span)
{
    buffer_append(out, source->text + span.begin, span.end - span.begin);
}

/* A declaration's head as written: "task add(a: f64, b: f64) -> f64". */
static void print_head(const struct ast_module *module, const struct ast_declaration *d,
                       struct buffer *out)
{
    struct span head = d->span;
    head.begin = d->name.span.begin;
    if (d->kind == DECL_EXTERN)
        head.end = d->function.source_span.begin;
    else if (d->kind != DECL_CONSTANT && d->kind != DECL_STRUCT && d->function.body)
        head.end = d->function.body->span.begin;
    while (head.end > head.begin && strchr(" \t\n{", module->source->text[head.end - 1]))
        head.end--;
    static const char from[] = " from";
    size_t length = head.end - head.begin;
    if (d->kind == DECL_EXTERN && length > strlen(from) &&
        memcmp(module->source->text + head.end - strlen(from), from, strlen(from)) == 0)
        head.end -= (uint32_t)strlen(from);
    buffer_puts(out, d->kind == DECL_FLOW       ? "flow "
                     : d->kind == DECL_CONSTANT ? "let "
                     : d->kind == DECL_STRUCT   ? "struct "
                                                : "task ");
    source_text(out, module->source, head);
    buffer_putc(out, '\n');
}

static void help_declaration(const struct ast_module *module, const struct ast_declaration *d,
                             struct buffer *out)
{
    print_head(module, d, out);
    if (d->doc)
        indent(out, d->doc, strlen(d->doc));
    buffer_putc(out, '\n');
}

static bool is_function(const struct ast_declaration *d)
{
    return d->kind == DECL_TASK || d->kind == DECL_FLOW || d->kind == DECL_EXTERN;
}

/* A comment at the top of a file is the file's, also when a `use` follows it. */
static void print_file_comment(const struct ast_module *module, struct buffer *out)
{
    const char *doc = module->doc;
    if (!doc && module->count && module->declarations[0]->kind == DECL_USE)
        doc = module->declarations[0]->doc;
    if (doc)
        buffer_printf(out, "%s\n\n", doc);
}

static void help_file(const struct ast_module *module, struct buffer *out)
{
    print_file_comment(module, out);
    for (uint32_t i = 0; i < module->count; i++)
        if (is_function(module->declarations[i]) || module->declarations[i]->kind == DECL_STRUCT)
            help_declaration(module, module->declarations[i], out);
}

/* What to type: every parameter of main with an example of its value, those with defaults in
 * brackets. False if the program has mistakes, which are reported. */
static bool help_command_line(struct compilation *compilation, struct buffer *out)
{
    if (!pipeline_run(compilation, STAGE_CHECK) || compilation->diagnostics.errors > 0)
        return false;
    const struct typed_function *entry = compilation->typed->entry;
    if (!entry)
        return true;
    buffer_printf(out, "Run it: wkc run %s", compilation->path);
    for (uint32_t i = 0; i < entry->parameter_count; i++) {
        bool optional = entry->defaults && entry->defaults[i];
        buffer_printf(out, " %s%s=", optional ? "[" : "", entry->parameters[i]->name);
        example_value(entry->parameters[i]->type, out);
        buffer_puts(out, optional ? "]" : "");
    }
    buffer_putc(out, '\n');
    return true;
}

/* ---- Modules: wkc help linalg, wkc help linalg.potrf --------------------------------------------
 */

static bool is_public(const struct ast_declaration *d)
{
    return d->kind != DECL_USE && d->name.text && d->name.text[0] != '_';
}

/* The first sentence of a comment: up to a dot before a blank, or to the end of the paragraph. */
static size_t sentence_length(const char *doc)
{
    size_t length = 0;
    while (doc[length] && strncmp(doc + length, "\n\n", 2) != 0) {
        if (doc[length++] == '.' && strchr(" \n", doc[length]))
            break;
    }
    return length;
}

/* What a module offers, each with the first sentence of its comment. */
static void help_module(const struct ast_module *module, struct buffer *out)
{
    print_file_comment(module, out);
    for (uint32_t i = 0; i < module->count; i++) {
        const struct ast_declaration *d = module->declarations[i];
        if (!is_public(d))
            continue;
        print_head(module, d, out);
        if (d->doc)
            indent(out, d->doc, sentence_length(d->doc));
    }
}

static bool help_member(const struct ast_module *module, const char *path, const char *name,
                        struct buffer *out, struct error *error)
{
    const char *nearest = NULL;
    for (uint32_t i = 0; i < module->count; i++) {
        const struct ast_declaration *d = module->declarations[i];
        if (!is_public(d))
            continue;
        if (strcmp(d->name.text, name) == 0) {
            help_declaration(module, d, out);
            return true;
        }
        nearest_name(name, d->name.text, &nearest);
    }
    error_set(error, ERR_bad_argument, "%s has no '%s'", path, name);
    if (nearest)
        error_hint(error, "did you mean '%s'?", nearest);
    return false;
}

/* Help on a file, or (with a path of its own) on a module or a member of it. */
static int help_source(const struct options *options, const char *path, bool as_module,
                       const char *member, struct buffer *out)
{
    struct compilation compilation;
    int status = start_compilation(&compilation, options);
    if (path)
        compilation.path = path;
    if (status == EXIT_DONE) {
        bool ok = pipeline_run(&compilation, STAGE_PARSE) && compilation.diagnostics.errors == 0;
        struct error error = {.code = ERR_none};
        if (ok && !as_module) {
            help_file(compilation.ast, out);
            ok = help_command_line(&compilation, out);
        } else if (ok && !member) {
            help_module(compilation.ast, out);
        } else if (ok) {
            help_member(compilation.ast, path, member, out, &error);
        }
        status = error.code == ERR_none ? finish_compilation(&compilation, ok)
                                        : usage_error(options, &error);
    }
    pipeline_release(&compilation);
    return status;
}

static int unknown_topic(const struct options *options, const char *topic, const char *module)
{
    struct error error;
    const char *best = module;
    for (int i = 0; i < COMMAND_COUNT; i++)
        nearest_name(topic, command_name((enum command)i), &best);
    prelude_nearest(topic, &best);
    error_set(&error, ERR_bad_argument, "there is no help on '%s'", topic);
    if (best)
        error_hint(&error, "did you mean 'wkc help %s'?", best);
    else
        error_hint(&error,
                   "give a command, a program's file, a module of the library or a function of the "
                   "prelude; 'wkc help' lists the commands, 'wkc help prelude' the functions");
    return usage_error(options, &error);
}

/* "linalg", "linalg.potrf", "prelude" or "sort". */
static int help_topic(const struct options *options, const char *topic, struct buffer *out)
{
    struct arena arena;
    arena_init(&arena);
    const char *dot = strchr(topic, '.'), *nearest;
    const char *name = arena_text(&arena, topic, dot ? (size_t)(dot - topic) : strlen(topic));
    const char *path = program_find_module(name, &arena, &nearest);
    int status = EXIT_DONE;
    if (path)
        status = help_source(options, path, true, dot ? dot + 1 : NULL, out);
    else if (!prelude_print(topic, out))
        status = unknown_topic(options, topic, nearest);
    arena_release(&arena);
    return status;
}

int command_help(const struct options *options)
{
    struct buffer out = {0};
    int status = EXIT_DONE;
    const char *topic = options->arguments.count ? options->arguments.items[0] : NULL;
    enum command command = topic ? command_by_name(topic) : COMMAND_COUNT;
    size_t length = topic ? strlen(topic) : 0;
    if (!topic) {
        help_overview(&out);
    } else if (command != COMMAND_COUNT) {
        help_command(command, &out);
    } else if (strcmp(topic, "passes") == 0) {
        passes_print(&out);
    } else if (length > 3 && strcmp(topic + length - 3, ".wk") == 0) {
        status = help_source(options, NULL, false, NULL, &out);
    } else {
        status = help_topic(options, topic, &out);
    }
    if (status == EXIT_DONE)
        status = write_output(options, &out);
    buffer_release(&out);
    return status;
}

int command_version(const struct options *options)
{
    struct buffer out = {0};
    buffer_puts(&out, "wkc " WKC_VERSION "\n");
    int status = write_output(options, &out);
    buffer_release(&out);
    return status;
}
