/* wkc check: look for mistakes in programs, without parameters. */
#include "command/command.h"

/* Checks one file; a file of tasks without main is fine. Lowering is done too, so that whatever it
 * assumes of a checked program is tried as well. */
static int check_file(const struct options *options, const char *path)
{
    struct compilation compilation;
    pipeline_init(&compilation, options, path);
    compilation.needs_main = false;
    bool ok = pipeline_run(&compilation, STAGE_CHECK);
    if (ok && compilation.typed->entry)
        ok = pipeline_run(&compilation, STAGE_ENCODE);
    int status = finish_compilation(&compilation, ok);
    pipeline_release(&compilation);
    return status;
}

int command_check(const struct options *options)
{
    struct compilation first;
    int status = start_compilation(&first, options);
    pipeline_release(&first);
    if (status != EXIT_DONE)
        return status;
    for (size_t i = 0; i < options->arguments.count; i++) {
        int one = check_file(options, options->arguments.items[i]);
        if (one != EXIT_DONE)
            status = one;
    }
    return status;
}
