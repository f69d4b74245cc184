/* Parsing the command line by its table, and the help pages made from the same table. */
#include "command/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/diagnostic.h"
#include "value/semantics.h"

#define IN(command) (1u << COMMAND_##command)

enum needs { NONE, REQUIRED, OPTIONAL };

static const struct {
    const char *name, *arguments, *description;
} commands[COMMAND_COUNT] = {
#define COMMAND(NAME, text, arguments, description) {text, arguments, description},
#include "command/options.def"
#undef COMMAND
};

static const struct {
    const char *name;
    char letter;
    const char *argument;
    enum needs needs;
    unsigned commands;
    const char *description;
} table[OPTION_COUNT] = {
#define OPTION(NAME, text, letter, argument, needs, commands, description)                         \
    {text, letter, argument, needs, commands, description},
#include "command/options.def"
#undef OPTION
};

const char *command_name(enum command command)
{
    return commands[command].name;
}

enum command command_by_name(const char *name)
{
    int command = 0;
    while (command < COMMAND_COUNT && strcmp(commands[command].name, name) != 0)
        command++;
    return (enum command)command;
}

static int unknown_command(const char *name, struct error *error)
{
    const char *best = NULL;
    for (int i = 0; i < COMMAND_COUNT; i++)
        nearest_name(name, commands[i].name, &best);
    error_set(error, ERR_unknown_command, "there is no command '%s'", name);
    if (best)
        return error_hint(error, "did you mean 'wkc %s'?", best);
    size_t length = strlen(name);
    if (length > 3 && strcmp(name + length - 3, ".wk") == 0)
        return error_hint(error, "to run a program: wkc run %s", name);
    return error_hint(error, "'wkc help' lists the commands");
}

static int unknown_option(enum command command, const char *name, struct error *error)
{
    const char *best = NULL;
    for (int i = 0; i < OPTION_COUNT; i++)
        if (table[i].commands & (1u << command))
            nearest_name(name, table[i].name, &best);
    error_set(error, ERR_unknown_option, "'wkc %s' has no option '%s'", commands[command].name,
              name);
    if (best)
        return error_hint(error, "did you mean '%s'?", best);
    return error_hint(error, "'wkc help %s' lists its options", commands[command].name);
}

static int find_long(const char *text, size_t length)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (strlen(table[i].name) == length && strncmp(table[i].name, text, length) == 0)
            return i;
    return -1;
}

static int find_letter(char letter)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (table[i].letter == letter)
            return i;
    return -1;
}

static int empty_argument(int option, struct error *error)
{
    error_set(error, ERR_bad_option, "the argument of %s is empty", table[option].name);
    if (table[option].needs == OPTIONAL)
        return error_hint(error, "write just %s, or %s=%s: %s", table[option].name,
                          table[option].name, table[option].argument, table[option].description);
    return error_hint(error, "write %s=%s: %s", table[option].name, table[option].argument,
                      table[option].description);
}

/* One option at argv[*at]; *at moves over an argument that stands by itself. */
static int parse_option(struct options *options, int argc, char **argv, int *at,
                        struct error *error)
{
    const char *text = argv[*at];
    bool is_long = text[1] == '-';
    const char *equals = is_long ? strchr(text, '=') : NULL;
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(is_long ? length : 2), text);
    int option = is_long ? find_long(text, length) : find_letter(text[1]);
    if (option < 0 || !(table[option].commands & (1u << options->command)))
        return unknown_option(options->command, name, error);
    const char *value = equals ? equals + 1 : !is_long && text[2] ? text + 2 : NULL;
    if (table[option].needs == NONE && value) {
        error_set(error, ERR_bad_option, "'%s' takes no argument", table[option].name);
        return error_hint(error, "write just %s", table[option].name);
    }
    if (table[option].needs == REQUIRED && !value) {
        if (*at + 1 >= argc) {
            error_set(error, ERR_bad_option, "'%s' needs an argument", name);
            return error_hint(error, "write %s %s: %s", name, table[option].argument,
                              table[option].description);
        }
        value = argv[++*at];
    }
    if (value && !*value)
        return empty_argument(option, error);
    options->given[option] = true;
    options->values[option] = value ? value : "";
    return 0;
}

/* Arguments that a command takes none of, or too many, are refused rather than passed over. */
static int check_argument_count(const struct options *options, struct error *error)
{
    bool none = options->command == COMMAND_VERSION || options->command == COMMAND_EMULATOR;
    bool one = options->command == COMMAND_HELP || options->command == COMMAND_INSPECT ||
               options->command == COMMAND_ATTACH;
    size_t most = none ? 0 : one ? 1 : SIZE_MAX;
    if (options->arguments.count <= most)
        return 0;
    error_set(error, ERR_bad_argument, "'wkc %s' does nothing with '%s'",
              command_name(options->command), options->arguments.items[most]);
    const char *form = commands[options->command].arguments;
    return error_hint(error, "usage: wkc %s%s%s", command_name(options->command), *form ? " " : "",
                      form);
}

int options_parse(struct options *options, int argc, char **argv, struct error *error)
{
    *options = (struct options){.command = COMMAND_HELP};
    if (argc < 2)
        return 0;
    const char *first = argv[1];
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        return 0;
    if (strcmp(first, "--version") == 0) {
        options->command = COMMAND_VERSION;
        return 0;
    }
    options->command = command_by_name(first);
    if (options->command == COMMAND_COUNT)
        return unknown_command(first, error);
    bool only_arguments = false;
    for (int at = 2; at < argc; at++) {
        const char *text = argv[at];
        if (!only_arguments && strcmp(text, "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)) {
            options->arguments.count = 0;
            vector_push(&options->arguments, commands[options->command].name);
            options->command = COMMAND_HELP;
            return 0;
        } else if (!only_arguments && text[0] == '-' && text[1]) {
            int code = parse_option(options, argc, argv, &at, error);
            if (code)
                return code;
        } else {
            vector_push(&options->arguments, text);
        }
    }
    return check_argument_count(options, error);
}

void options_release(struct options *options)
{
    vector_release(&options->arguments);
}

int options_number(const struct options *options, enum option option, uint64_t low, uint64_t high,
                   uint64_t *number, struct error *error)
{
    struct error inner;
    if (semantics_read(WK_U64, options->values[option], number, &inner) != 0 || *number < low ||
        *number > high) {
        if (option == OPTION_OPTIMIZE) {
            error_set(error, ERR_bad_option, "there is no level -O%s", options->values[option]);
            return error_hint(error, "the levels are -O0, -O1 and -O2 (default)");
        }
        error_set(error, ERR_bad_option, "'%s' is no argument for %s", options->values[option],
                  table[option].name);
        return error_hint(error, "expected a whole number from %llu to %llu, for example %s=%s",
                          (unsigned long long)low, (unsigned long long)high, table[option].name,
                          option == OPTION_MEMORY ? "4GiB" : "2");
    }
    return 0;
}

int options_choice(const struct options *options, enum option option, const char *const *choices,
                   int *index, struct error *error)
{
    struct buffer list = {0};
    const char *best = NULL;
    for (*index = 0; choices[*index]; ++*index) {
        if (strcmp(options->values[option], choices[*index]) == 0) {
            buffer_release(&list);
            return 0;
        }
        nearest_name(options->values[option], choices[*index], &best);
        if (choices[*index][0])
            buffer_printf(&list, "%s%s", list.length ? ", " : "", choices[*index]);
    }
    error_set(error, ERR_bad_option, "'%s' is no argument for %s", options->values[option],
              table[option].name);
    if (best)
        error_hint(error, "did you mean '%s'?", best);
    else
        error_hint(error, "one of: %s", buffer_text(&list));
    buffer_release(&list);
    return (int)error->code;
}

void help_overview(struct buffer *out)
{
    buffer_puts(out,
                "wkc compiles and runs .wk programs: tasks composed by flows, run in parallel.\n\n"
                "usage: wkc COMMAND [arguments]\n\n");
    for (int i = 0; i < COMMAND_COUNT; i++)
        buffer_printf(out, "  %-8s %-22s %s\n", commands[i].name, commands[i].arguments,
                      commands[i].description);
    buffer_puts(
        out,
        "\n'wkc help COMMAND' lists a command's options; 'wkc help FILE.wk' shows a "
        "program's parameters,\n'wkc help prelude' the functions that every program has, 'wkc help "
        "sort' one of them.\n"
        "First steps: wkc run examples/harmonic.wk parts=8 width=1000\n");
}

void help_command(enum command command, struct buffer *out)
{
    buffer_printf(out, "usage: wkc %s %s\n\n%s\n", commands[command].name,
                  commands[command].arguments, commands[command].description);
    bool any = false;
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (!(table[i].commands & (1u << command)))
            continue;
        buffer_puts(out, any ? "" : "\noptions:\n");
        any = true;
        char form[64];
        if (table[i].needs == NONE)
            snprintf(form, sizeof form, "%s", table[i].name);
        else if (table[i].needs == OPTIONAL)
            snprintf(form, sizeof form, "%s[=%s]", table[i].name, table[i].argument);
        else if (table[i].letter)
            snprintf(form, sizeof form, "-%c, %s=%s", table[i].letter, table[i].name,
                     table[i].argument);
        else
            snprintf(form, sizeof form, "%s=%s", table[i].name, table[i].argument);
        buffer_printf(out, "  %-28s %s\n", form, table[i].description);
    }
    if (command == COMMAND_DOT)
        buffer_puts(
            out, "\nWith -o a picture is drawn (.svg, .png, .pdf; by Graphviz) or the text written "
                 "(.dot). In it a\n"
                 "box is a task, \"fused\" names the tasks that were made one, a fill is a "
                 "cluster (whose tasks\n"
                 "one executor runs), a bold arrow leads where an executor goes on, and red "
                 "is the critical path.\n"
                 "Arrows tell bytes. With --diff grey is gone, green is new, blue has "
                 "changed.\n");
    if (command == COMMAND_RUN || command == COMMAND_COMPILE || command == COMMAND_DOT ||
        command == COMMAND_PLAN)
        buffer_puts(
            out,
            "\nname=value binds a parameter of flow main. Numbers are written as in the\n"
            "language (1e-8, 100_000, 8MiB). An array is a .npy, .csv or .json file, any file for\n"
            "u8[n], or inline ([0.1, 0.01], [[1, 2], [3, 4]]); all other values are JSON, in a "
            "file or\n"
            "inline. NaN, Infinity and -Infinity are numbers, in results too. `-o` writes .json, "
            ".jsonl,\n"
            ".csv, .txt, .npy, or raw bytes.\n"
            "`wkc help FILE.wk` lists a program's parameters.\n");
}
