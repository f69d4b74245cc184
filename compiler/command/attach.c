/* wkc attach: waits for a job that another client has submitted, and prints or writes its result.
 */
#include <string.h>

#include "command/command.h"
#include "command/progress.h"
#include "command/remote.h"
#include "command/result.h"

static int write_result(const struct options *options, const struct type *type,
                        const struct job_outcome *outcome, struct result_file *file)
{
    struct error error;
    struct buffer text = {0};
    if (outcome->in_pieces)
        return result_file_close(file, true, &error) ? print_error(options, &error, EXIT_MISTAKE)
                                                     : EXIT_DONE;
    if (options->given[OPTION_OUTPUT])
        return result_write(type, outcome->words, options->values[OPTION_OUTPUT], &error)
                   ? print_error(options, &error, EXIT_MISTAKE)
                   : EXIT_DONE;
    if (type_is_unit(type))
        return EXIT_DONE;
    result_print(type, outcome->words, &text);
    int status = write_output(options, &text);
    buffer_release(&text);
    return status;
}

static void print_stats(const struct options *options, const struct metrics *metrics)
{
    struct buffer text = {0};
    if (!options->given[OPTION_STATS])
        return;
    metrics_print(metrics, METRICS_REMOTE, strcmp(options->values[OPTION_STATS], "json") == 0,
                  &text);
    fputs(buffer_text(&text), stderr);
    buffer_release(&text);
}

static int wait_for(const struct options *options, const struct remote_setup *setup,
                    const struct client_job *job)
{
    struct error error;
    struct progress progress;
    struct job_outcome outcome;
    struct result_file file = {0};
    struct job_options waiting = {
        .stop = &interrupted, .progress = progress_update, .progress_context = &progress};
    const struct type *type = job->job->result_type;
    if (options->given[OPTION_OUTPUT] && result_check(type, options->values[OPTION_OUTPUT], &error))
        return usage_error(options, &error);
    if (options->given[OPTION_OUTPUT])
        waiting.output = result_file_init(&file, type, options->values[OPTION_OUTPUT]);
    progress_begin(&progress, job->job->plan->dag->node_count - 1);
    int code =
        remote_wait_for_job(setup, job, options->arguments.items[0], &waiting, &outcome, &error);
    progress_end(&progress);
    int status = code ? print_error(options, &error, EXIT_MISTAKE)
                      : write_result(options, type, &outcome, &file);
    result_file_close(&file, false, NULL);
    print_stats(options, &outcome.metrics);
    if (outcome.release)
        outcome.release(&outcome);
    return code && interrupted ? EXIT_INTERRUPTED : status;
}

static int read_options(const struct options *options, struct remote_setup *setup,
                        struct error *error)
{
    static const char *const forms[] = {"", "json", NULL};
    int index, code = remote_read_options(options, setup, error);
    if (!code && options->given[OPTION_STATS])
        code = options_choice(options, OPTION_STATS, forms, &index, error);
    if (code)
        return code;
    if (options->arguments.count == 0 || !setup->store) {
        error_set(error, ERR_bad_argument, "'wkc attach' needs a job's name, and its store");
        return error_hint(error, "write wkc attach JOB --store=URL");
    }
    return remote_check_job_name(options->arguments.items[0], error);
}

int command_attach(const struct options *options)
{
    struct error error;
    struct remote_setup setup;
    struct client_attached *attached;
    interrupts_hold();
    if (read_options(options, &setup, &error))
        return usage_error(options, &error);
    if (client_attach(setup.store, options->arguments.items[0], &attached, &error))
        return print_error(options, &error, EXIT_MISTAKE);
    int status = wait_for(options, &setup, client_attached_job(attached));
    client_detach(attached);
    return status;
}
