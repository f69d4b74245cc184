/*
 * The command line, parsed by the table in options.def.
 */
#ifndef WKC_COMMAND_OPTIONS_H
#define WKC_COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vector.h"

enum command {
#define COMMAND(NAME, text, arguments, description) COMMAND_##NAME,
#include "command/options.def"
#undef COMMAND
    COMMAND_COUNT
};

enum option {
#define OPTION(NAME, text, letter, argument, needs, commands, description) OPTION_##NAME,
#include "command/options.def"
#undef OPTION
    OPTION_COUNT
};

struct options {
    enum command command;
    VECTOR(const char *) arguments;    /* files, codes, and name=value in their order */
    bool given[OPTION_COUNT];
    const char *values[OPTION_COUNT];  /* texts; "" for an optional one that was left out */
};

/* Parses argv[1...]. 0, or an ERR_usage_* code with *error filled and a hint. `-h` and `--help`
 * become the command help; no arguments at all, too. */
int options_parse(struct options *options, int argc, char **argv, struct error *error);
void options_release(struct options *options);

/* The option's argument as a number within [low, high], with size suffixes as in the language. */
int options_number(const struct options *options, enum option option, uint64_t low, uint64_t high,
                   uint64_t *number, struct error *error);

/* The option's argument as one of `choices` (NULL-terminated): its index. */
int options_choice(const struct options *options, enum option option, const char *const *choices,
                   int *index, struct error *error);

const char *command_name(enum command command);
enum command command_by_name(const char *name); /* COMMAND_COUNT if there is none */

struct buffer;
/* The overview, and the page of one command. */
void help_overview(struct buffer *out);
void help_command(enum command command, struct buffer *out);

#endif
