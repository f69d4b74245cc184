/* wkc explain, wkc help, wkc version: what the tables and a program's comments say. */
#include <string.h>

#include "command/command.h"

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

static void indent(struct buffer *out, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        buffer_printf(out, "    %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void source_text(struct buffer *out, const struct source *source, struct span span)
{
    buffer_append(out, source->text + span.begin, span.end - span.begin);
}

/* A declaration's head as written, and its comment. */
static void help_declaration(const struct ast_module *module, const struct ast_declaration *d,
                             struct buffer *out)
{
    struct span head = d->span;
    head.begin = d->name.span.begin;
    if (d->function.body)
        head.end = d->function.body->span.begin;
    while (head.end > head.begin && strchr(" \t\n{", module->source->text[head.end - 1]))
        head.end--;
    buffer_puts(out, d->kind == DECL_FLOW ? "flow " : "task ");
    source_text(out, module->source, head);
    buffer_putc(out, '\n');
    if (d->doc)
        indent(out, d->doc);
    buffer_putc(out, '\n');
}

static void help_module(const struct ast_module *module, struct buffer *out)
{
    if (module->doc)
        buffer_printf(out, "%s\n\n", module->doc);
    for (uint32_t i = 0; i < module->count; i++) {
        const struct ast_declaration *d = module->declarations[i];
        if (d->kind == DECL_TASK || d->kind == DECL_FLOW || d->kind == DECL_EXTERN)
            help_declaration(module, d, out);
    }
}

static int help_program(const struct options *options, struct buffer *out)
{
    struct compilation compilation;
    int status = start_compilation(&compilation, options);
    if (status == EXIT_DONE) {
        bool ok = pipeline_run(&compilation, STAGE_PARSE) && compilation.diagnostics.errors == 0;
        if (ok)
            help_module(compilation.ast, out);
        status = finish_compilation(&compilation, ok);
    }
    pipeline_release(&compilation);
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
    } else if (length > 3 && strcmp(topic + length - 3, ".wk") == 0) {
        status = help_program(options, &out);
    } else {
        struct error error;
        const char *best = NULL;
        for (int i = 0; i < COMMAND_COUNT; i++)
            nearest_name(topic, command_name((enum command)i), &best);
        error_set(&error, ERR_bad_argument, "there is no help on '%s'", topic);
        if (best)
            error_hint(&error, "did you mean 'wkc help %s'?", best);
        else
            error_hint(&error, "give a command or a program's file; 'wkc help' lists the commands");
        status = usage_error(options, &error);
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
