/* The stages from source text to a plan with its kernels; see pipeline.h. */
#include "command/command.h"
#include "command/simulate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "graph/recompute.h"
#include "package/libraries.h"

/* ---- From a source ----------------------------------------------------------------------------
 */

static bool stage_read(struct compilation *c)
{
    c->source = source_read(c->path, &c->arena, &c->diagnostics);
    return c->source != NULL;
}

static bool stage_parse(struct compilation *c)
{
    c->program = program_parse(c->source, &c->arena, &c->names, &c->diagnostics);
    c->ast = c->program->modules[c->program->count - 1];
    return true; /* the checker sees recovered trees, too: both kinds of mistakes in one run */
}

static bool stage_check(struct compilation *c)
{
    c->typed =
        check_program(c->program, c->needs_main, &c->arena, &c->types, &c->names, &c->diagnostics);
    return c->typed != NULL && c->diagnostics.errors == 0;
}

/* Whether --dump names this pass. */
static bool wants_dump(const struct compilation *c, const char *pass)
{
    const char *list = c->options->given[OPTION_DUMP] ? c->options->values[OPTION_DUMP] : NULL;
    return ir_pass_is_listed(list, pass) || ir_pass_is_listed(list, "all");
}

static void after_pass(void *context, const struct ir_module *module, const char *pass,
                       double seconds)
{
    struct compilation *c = context;
    buffer_printf(&c->pass_times, "    %-24s %9.3f ms\n", pass, seconds * 1e3);
    if (!wants_dump(c, pass))
        return;
    buffer_printf(&c->dumps, "; after %s\n", pass);
    ir_print(module, &c->dumps);
}

static bool report(struct compilation *c, const struct error *error)
{
    diagnose_error(&c->diagnostics, error, c->source);
    return false;
}

static bool stage_lower(struct compilation *c)
{
    c->ir = lower_program(c->typed, &c->arena);
    c->ir->is_portable = c->is_portable;
    c->ir->target = c->executors;
    struct error error;
    bool none = passes_all_disabled(c->options);
    struct ir_pass_options passes = {
        .level = none ? 0 : (int)c->optimize,
        .disabled = none ? NULL : passes_disabled_of_flows(c->options, &c->arena),
        .verify_each = c->options->given[OPTION_VERIFY_EACH],
        .stop_after = c->options->values[OPTION_STOP_AFTER],
        .after_pass = after_pass,
        .context = c,
    };
    if (ir_run_passes(c->ir, &passes, &error))
        return report(c, &error);
    return true;
}

static bool stage_encode(struct compilation *c)
{
    struct error error;
    encode_module(c->ir, &c->code_bytes);
    c->code = flow_code_load(c->code_bytes.data, c->code_bytes.length, &error);
    if (!c->code)
        bug("the encoder made flow code that does not load: %s", error.message);
    return true;
}

/* The DAG's inputs are arrays and maps among the leaves of main's parameters, by name, and files,
 * by number. */
static void find_inputs(struct compilation *c)
{
    c->inputs = memory_new(c->dag.input_count, sizeof *c->inputs);
    for (uint32_t i = 0; i < c->dag.input_count; i++) {
        const struct dag_input *input = &c->dag.inputs[i];
        c->inputs[i] = input->file
                           ? c->job_files.handles[input->file - 1]
                           : c->files[flow_find_leaf(c->code, dag_string(&c->dag, input->name))];
    }
}

static bool limit_option(struct compilation *c, enum option option, uint64_t most, uint64_t *limit)
{
    struct error error;
    if (!c->options->given[option] ||
        options_number(c->options, option, 1, most, limit, &error) == 0)
        return true;
    c->usage = true;
    return report(c, &error);
}

/* What runs decides; where nothing is run, the platform that is spoken of. */
static bool opens_result(const struct compilation *c)
{
    const char *name = c->options->values[OPTION_PLATFORM];
    const struct platform *named = name ? platform_find(name) : NULL;
    const struct platform *platform = c->model ? c->model : named;
    return c->options->command == COMMAND_RUN ? c->opens_result
                                              : platform && platform->invoke_ns > 0;
}

static bool stage_elaborate(struct compilation *c)
{
    struct error error;
    struct elaborate_options options = {.stop = c->stop,
                                        .files = c->job_files.files,
                                        .file_count = c->job_files.count,
                                        .opens_result = opens_result(c)};
    if (!limit_option(c, OPTION_MAX_TASKS, DAG_MAX_NODES - 1, &options.max_tasks) ||
        !limit_option(c, OPTION_MAX_STEPS, UINT64_MAX, &options.max_steps))
        return false;
    if (elaborate(c->code, c->arguments, &options, &c->dag, &c->counters, &error))
        return report(c, &error);
    if (c->options->given[OPTION_VERIFY_EACH] && dag_verify(&c->dag, &error))
        return report(c, &error);
    find_inputs(c);
    return true;
}

/* What the plan depends on: it must be the same where executors make it again. */
static bool read_plan_options(struct compilation *c, struct error *error)
{
    bool none = passes_all_disabled(c->options);
    const char *name = c->options->values[OPTION_PLATFORM];
    const struct platform *named = name ? simulation_find_platform(name, error) : NULL;
    c->plan_options = (struct plan_options){
        .platform = c->model ? c->model : named,
        .level = none ? 0 : (int)c->optimize,
        .disabled = none ? NULL : c->options->values[OPTION_DISABLE],
        .keeps_costs = c->options->command != COMMAND_RUN,
    };
    const char *profile = c->options->values[OPTION_PROFILE];
    c->usage =
        (name && !named) || (profile && profile_read(profile, &c->arena, &c->plan_options, error));
    return !c->usage;
}

static bool stage_plan(struct compilation *c)
{
    struct error error;
    if (!read_plan_options(c, &error))
        return report(c, &error);
    dag_recompute(&c->dag, &c->plan_options);
    if (plan_make(&c->plan, &c->dag, &c->plan_options, &error))
        return report(c, &error);
    return true;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

struct link_options pipeline_link_options(const struct compilation *c)
{
    return (struct link_options){.kernel = {.optimize = c->optimize,
                                            .debug = true,
                                            .portable = c->is_portable,
                                            .target = c->target ? target_triple(c->target) : NULL}};
}

int pipeline_make_kernels(struct compilation *c, struct buffer *out)
{
    struct link_options options = pipeline_link_options(c);
    double begin = now();
    int code = c->ir->kernel_count
                   ? link_bytes(c->ir->kernels, c->ir->kernel_count, &options, out, &c->diagnostics)
                   : 0;
    c->seconds[STAGE_LINK] = now() - begin;
    return code;
}

int pipeline_compile_kernels(struct compilation *c)
{
    struct link_options options = pipeline_link_options(c);
    double begin = now();
    int code =
        link_kernels(c->ir->kernels, c->ir->kernel_count, &options, &c->kernels, &c->diagnostics);
    c->seconds[STAGE_LINK] = now() - begin;
    return code;
}

/* Puts the kernel of a symbol into the table. Only a bundle can lack one. */
static bool find_kernel(struct compilation *c, uint32_t symbol, wk_kernel **kernel)
{
    struct error error;
    const char *name = dag_string(&c->dag, symbol);
    *kernel = kernel_library_find(&c->kernels, name);
    if (*kernel)
        return true;
    if (!c->is_bundle)
        bug("kernels.so lacks the task '%s'", name);
    error_set(&error, ERR_bad_bundle, "'%s' is damaged: its kernels lack the task '%s'", c->path,
              name);
    return report(c, &error);
}

static bool find_kernels(struct compilation *c)
{
    c->kernel_table = memory_new(c->dag.task_count, sizeof(wk_kernel *));
    c->fallback_table = memory_new(c->dag.task_count, sizeof(wk_kernel *));
    bool ok = true;
    for (uint32_t i = DAG_RESULT + 1; i < c->dag.task_count && ok; i++) {
        ok = find_kernel(c, c->dag.tasks[i].symbol, &c->kernel_table[i]);
        if (ok && c->dag.tasks[i].fallback)
            ok = find_kernel(c, c->dag.tasks[i].fallback, &c->fallback_table[i]);
    }
    return ok;
}

static bool stage_link(struct compilation *c)
{
    return pipeline_compile_kernels(c) == 0 && find_kernels(c);
}

/* ---- From a bundle -----------------------------------------------------------------------------
 */

static bool stage_open(struct compilation *c)
{
    struct error error;
    if (bundle_open(&c->bundle, c->path, &error))
        return report(c, &error);
    c->is_open = true;
    return true;
}

static bool stage_take_code(struct compilation *c)
{
    struct error error;
    if (bundle_read(&c->bundle, BUNDLE_FLOW_CODE, &c->code_bytes, &error))
        return report(c, &error);
    c->code = flow_code_load(c->code_bytes.data, c->code_bytes.length, &error);
    return c->code || report(c, &error);
}

static bool stage_take_kernels(struct compilation *c)
{
    struct error error;
    if (bundle_load_kernels(&c->bundle, &c->kernels.handle, &error))
        return report(c, &error);
    return find_kernels(c);
}

/* ---- The stages --------------------------------------------------------------------------------
 */

typedef bool stage_function(struct compilation *compilation);

static const struct {
    const char *name;
    stage_function *run;
    stage_function *run_bundle; /* instead, of a bundle; NULL: there is nothing to do */
} stages[STAGE_COUNT] = {
    [STAGE_READ] = {"read", stage_read, stage_open},
    [STAGE_PARSE] = {"parse", stage_parse, NULL},
    [STAGE_CHECK] = {"check", stage_check, NULL},
    [STAGE_LOWER] = {"lower", stage_lower, NULL},
    [STAGE_ENCODE] = {"encode", stage_encode, stage_take_code},
    [STAGE_BIND] = {"bind", parameters_bind, parameters_bind},
    [STAGE_ELABORATE] = {"elaborate", stage_elaborate, stage_elaborate},
    [STAGE_PLAN] = {"plan", stage_plan, stage_plan},
    [STAGE_LINK] = {"link", stage_link, stage_take_kernels},
};

void pipeline_init(struct compilation *c, const struct options *options, const char *path)
{
    *c = (struct compilation){.options = options,
                              .path = path,
                              .needs_main = true,
                              .optimize = 2,
                              .executors = ir_target_any};
    arena_init(&c->arena);
    interner_init(&c->names, &c->arena);
    type_table_init(&c->types, &c->arena);
    diagnostics_init(&c->diagnostics);
    memory_account_init(&c->inputs_account, 0);
    context_init(&c->inputs_context, &c->inputs_account, NULL);
}

void pipeline_release(struct compilation *c)
{
    free(c->kernel_table);
    free(c->fallback_table);
    kernel_library_close(&c->kernels);
    plan_release(&c->plan);
    dag_release(&c->dag);
    free(c->inputs);
    parameters_release(c);
    context_release(&c->inputs_context);
    flow_code_free(c->code);
    if (c->is_open)
        bundle_close(&c->bundle);
    buffer_release(&c->code_bytes);
    buffer_release(&c->dumps);
    buffer_release(&c->pass_times);
    type_table_release(&c->types);
    interner_release(&c->names);
    diagnostics_release(&c->diagnostics);
    arena_release(&c->arena);
}

bool pipeline_run(struct compilation *c, enum stage last)
{
    for (; c->done <= last; c->done++) {
        double begin = now();
        stage_function *run = c->is_bundle ? stages[c->done].run_bundle : stages[c->done].run;
        bool ok = !run || run(c);
        c->seconds[c->done] = now() - begin;
        if (!ok)
            return false;
    }
    return true;
}

void pipeline_times(const struct compilation *c, struct buffer *out)
{
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        if (stage >= c->done && c->seconds[stage] == 0)
            continue;
        buffer_printf(out, "  %-26s %9.3f ms\n", stages[stage].name, c->seconds[stage] * 1e3);
        if (stage == STAGE_LOWER)
            buffer_puts(out, buffer_text(&c->pass_times));
    }
}
