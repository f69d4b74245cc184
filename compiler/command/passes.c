/* Passes as the command line names them: their options, remarks, help. */
#include "command/command.h"

#include <string.h>

#include "flow/remark.h"

/* Names beside those of passes, by option. */
static const char *extra_name(enum option option)
{
    return option == OPTION_DISABLE ? "graph" : option == OPTION_DUMP ? "all" : NULL;
}

static bool is_named(const char *name, const char *text, size_t length)
{
    return name && strlen(name) == length && strncmp(name, text, length) == 0;
}

static bool is_known(enum option option, const char *text, size_t length)
{
    bool known = is_named(extra_name(option), text, length) ||
                 (option != OPTION_DISABLE && is_named("lower", text, length));
    for (uint32_t i = 0; i < ir_pass_count; i++)
        known |= is_named(ir_passes[i].name, text, length);
    const struct plan_pass *pass;
    for (uint32_t i = 0; option == OPTION_DISABLE && (pass = plan_pass_at(i)); i++)
        known |= is_named(pass->name, text, length);
    return known;
}

static int unknown_pass(enum option option, const char *text, size_t length, struct error *error)
{
    struct buffer list = {0};
    const char *extra = extra_name(option);
    if (option != OPTION_DISABLE)
        buffer_puts(&list, ", lower");
    for (uint32_t i = 0; i < ir_pass_count; i++)
        buffer_printf(&list, ", %s", ir_passes[i].name);
    const struct plan_pass *pass;
    for (uint32_t i = 0; option == OPTION_DISABLE && (pass = plan_pass_at(i)); i++)
        buffer_printf(&list, ", %s", pass->name);
    error_set(error, ERR_bad_option, "there is no pass '%.*s'", (int)length, text);
    error_hint(error, "the passes: %s%s%s", buffer_text(&list) + 2, extra ? "; or " : "",
               extra ? extra : "");
    buffer_release(&list);
    return (int)error->code;
}

static int check_list(const struct options *options, enum option option, struct error *error)
{
    const char *list = options->given[option] ? options->values[option] : "";
    while (*list) {
        size_t length = strcspn(list, ",");
        if (!is_known(option, list, length))
            return unknown_pass(option, list, length, error);
        list += length + (list[length] == ',');
    }
    return 0;
}

int passes_check(const struct options *options, struct error *error)
{
    static const enum option lists[] = {OPTION_DISABLE, OPTION_DUMP, OPTION_STOP_AFTER};
    static const char *const forms[] = {"", "json", NULL};
    int index;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (check_list(options, lists[i], error))
            return (int)error->code;
    return options->given[OPTION_REMARKS]
               ? options_choice(options, OPTION_REMARKS, forms, &index, error)
               : 0;
}

bool passes_all_disabled(const struct options *options)
{
    return options->given[OPTION_DISABLE] &&
           ir_pass_is_listed(options->values[OPTION_DISABLE], "graph");
}

const char *passes_disabled_of_flows(const struct options *options, struct arena *arena)
{
    struct buffer list = {0};
    if (!options->given[OPTION_DISABLE])
        return NULL;
    for (uint32_t i = 0; i < ir_pass_count; i++)
        if (ir_pass_is_listed(options->values[OPTION_DISABLE], ir_passes[i].name))
            buffer_printf(&list, "%s%s", list.length ? "," : "", ir_passes[i].name);
    const char *text = arena_text(arena, buffer_text(&list), list.length);
    buffer_release(&list);
    return text;
}

void passes_print(struct buffer *out)
{
    buffer_puts(out, "passes over flow IR, in their order, with the lowest -O that runs them:\n\n");
    for (uint32_t i = 0; i < ir_pass_count; i++)
        buffer_printf(out, "  -O%d  %-14s %s\n", ir_passes[i].level, ir_passes[i].name,
                      ir_passes[i].description);
    buffer_puts(out, "\npasses over the graph of a job, which make its plan:\n\n");
    const struct plan_pass *pass;
    for (uint32_t i = 0; (pass = plan_pass_at(i)); i++)
        buffer_printf(out, "  -O%d  %-14s %s\n", pass->level, pass->name, pass->description);
    buffer_puts(out, "\n--disable=PASS,... leaves passes out; --disable=graph leaves out all above "
                     "-O0, but not the\noptimization of kernels. --remarks says at the lines of a "
                     "program what passes did, and what they did\nnot and why. --dump=PASS prints "
                     "flow IR after a pass, --stop-after=PASS ends with it,\n--verify-each checks "
                     "every form, --time-passes measures.\n");
}

void passes_print_remarks(const struct compilation *c)
{
    struct buffer text = {0};
    if (!c->options->given[OPTION_REMARKS] || !c->ir)
        return;
    bool is_json = strcmp(c->options->values[OPTION_REMARKS], "json") == 0;
    ir_render_remarks(c->ir, is_json ? DIAGNOSTIC_JSON : message_form(c->options), &text);
    fputs(buffer_text(&text), stderr);
    buffer_release(&text);
}
