/* wkc plan: what a job's plan amounts to on a platform, before and after optimizing. */
#include "command/command.h"
#include "command/simulate.h"
#include "executor/executor.h"
#include "graph/plan_grain.h"
#include "graph/plan_summary.h"
#include "graph/platform.h"

#include <string.h>

static void summarize(struct compilation *c, struct plan_summary *summary)
{
    const struct platform *platform = c->plan_options.platform;
    uint32_t grain = 1;
    if (platform && platform->invoke_ns > 0) {
        struct costs *costs = plan_costs_new(&c->dag, &c->plan_options);
        grain = plan_choose_grain(&c->plan, costs, platform, EXECUTOR_WAYS);
        costs_free(costs);
    }
    plan_summarize(&c->plan, &c->plan_options, grain, summary);
}

/* A mistake of the program is reported once: if there is one, -O0 ends with it. */
static int print_plans(struct compilation *before, struct compilation *after)
{
    struct buffer text = {0};
    struct plan_summary plain, optimized;
    before->optimize = 0;
    if (!pipeline_run(before, STAGE_PLAN))
        return finish_compilation(before, false);
    bool ok = pipeline_run(after, STAGE_PLAN);
    if (ok) {
        summarize(before, &plain);
        summarize(after, &optimized);
        if (after->options->given[OPTION_JSON])
            plan_summary_json(&plain, &optimized, &text);
        else
            plan_summary_print(&plain, &optimized, &text);
    }
    int status = finish_compilation(after, ok);
    if (status == EXIT_DONE)
        status = write_output(after->options, &text);
    buffer_release(&text);
    return status;
}

/* Whether an option says something of a platform that it does not say by its name. */
static bool adapts_platform(const struct options *options)
{
    static const enum option adapting[] = {OPTION_CONCURRENCY, OPTION_INVOKE_LATENCY,
                                           OPTION_COLD_START, OPTION_STORE_LATENCY, OPTION_SHARDS};
    for (size_t i = 0; i < sizeof adapting / sizeof *adapting; i++)
        if (options->given[adapting[i]])
            return true;
    return false;
}

static bool is_emulator(const struct options *options)
{
    const char *name = options->values[OPTION_PLATFORM];
    return name && strcmp(name, "emulator") == 0;
}

/* The platform's model with what such options say in place of its figures: into *model. That of the
 * emulator is the one that a run makes its plan with, on this machine. */
static int read_model(const struct options *options, struct platform *model, struct error *error)
{
    struct remote_setup setup;
    if (!options->given[OPTION_PLATFORM]) {
        error_set(error, ERR_bad_option, "executors, and what they take, are of a platform");
        return error_hint(error, "add --platform=lambda-1769");
    }
    int code = remote_read_options(options, &setup, error);
    code = code ? code : simulation_read_platform(options, &setup, model, error);
    if (code || !is_emulator(options))
        return code;
    uint32_t shards = model->store_shards;
    *model = *platform_find("emulator");
    model->store_shards = shards;
    remote_adapt_platform(&setup, model);
    return 0;
}

/* What a run there would be compiled for: on `local`, its threads. */
static struct ir_target find_target(const struct options *options)
{
    const char *name = options->values[OPTION_PLATFORM];
    const struct platform *local = platform_find("local");
    bool is_local = !name || strcmp(name, local->name) == 0;
    return is_local ? ir_target_threads(local->vcpus) : ir_target_any;
}

int command_plan(const struct options *options)
{
    struct platform model;
    struct error error;
    struct compilation before, after;
    bool is_adapted = adapts_platform(options) || is_emulator(options);
    if (is_adapted && read_model(options, &model, &error))
        return usage_error(options, &error);
    int status = start_compilation(&after, options);
    if (status == EXIT_DONE) {
        status = start_compilation(&before, options);
        before.model = after.model = is_adapted ? &model : NULL;
        before.executors = after.executors = find_target(options);
        if (status == EXIT_DONE)
            status = print_plans(&before, &after);
        pipeline_release(&before);
    }
    pipeline_release(&after);
    return status;
}
