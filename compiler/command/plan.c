/* wkc plan: what a job's plan amounts to on a platform, before and after optimizing. */
#include "command/command.h"
#include "executor/executor.h"
#include "graph/plan_grain.h"
#include "graph/plan_summary.h"
#include "graph/platform.h"

static void summarize(struct compilation *c, struct plan_summary *summary)
{
    const struct platform *platform = c->plan_options.platform;
    uint32_t grain = 1;
    if (platform && platform->invoke_ns > 0) {
        struct costs *costs = plan_costs_new(&c->dag, &c->plan_options);
        struct grain_platform model = {.start_ns = platform->invoke_ns,
                                       .concurrency = platform->concurrency,
                                       .ways = EXECUTOR_WAYS,
                                       .processors = platform->vcpus};
        grain = plan_choose_grain(&c->plan, costs, &model);
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

int command_plan(const struct options *options)
{
    struct compilation before, after;
    int status = start_compilation(&after, options);
    if (status == EXIT_DONE) {
        status = start_compilation(&before, options);
        if (status == EXIT_DONE)
            status = print_plans(&before, &after);
        pipeline_release(&before);
    }
    pipeline_release(&after);
    return status;
}
