/* wkc: the command line. Commands live in command/; see options.def for what there is. */
#include "command/command.h"

static int (*const commands[COMMAND_COUNT])(const struct options *options) = {
    [COMMAND_CHECK] = command_check,     [COMMAND_COMPILE] = command_compile,
    [COMMAND_INSPECT] = command_inspect, [COMMAND_DOT] = command_dot,
    [COMMAND_RUN] = command_run,         [COMMAND_HELP] = command_help,
    [COMMAND_EXPLAIN] = command_explain, [COMMAND_VERSION] = command_version,
    [COMMAND_EMULATOR] = command_emulator, [COMMAND_ATTACH] = command_attach,
    [COMMAND_CLEAN] = command_clean,     [COMMAND_PLAN] = command_plan,
};

int main(int argc, char **argv)
{
    struct options options;
    struct error error;
    interrupts_catch();
    int status = options_parse(&options, argc, argv, &error) ? usage_error(&options, &error)
                                                             : commands[options.command](&options);
    options_release(&options);
    return status;
}
