/* wkc run: runs a program in a world, and prints or writes its result. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/progress.h"
#include "command/remote.h"
#include "executor/executor.h"
#include "graph/plan_grain.h"
#include "graph/platform.h"
#include "package/folder.h"
#include "command/result.h"
#include "command/simulate.h"
#include "store/store.h"
#include "trace/trace.h"
#include "value/fault.h"
#include "world/loopback.h"
#include "world/world.h"

enum world { WORLD_LOCAL, WORLD_SIM, WORLD_EMULATOR, WORLD_LOOPBACK };

struct run {
    struct compilation compilation;
    enum world world;
    struct job_options job;
    struct remote_setup setup; /* of executors that are processes */
    struct simulation simulation;
    struct platform model; /* of executors that are processes */
    uint64_t grain;        /* 0: chosen by what tasks cost */
    struct progress progress;
    struct job_outcome outcome;
    struct result_file file;       /* of a result in pieces */
    struct buffer bundle;          /* what executors that are processes run */
    char name[STORE_JOB_NAME + 1]; /* of a job that was submitted and left */
    const struct type *result_type;
};

/* Worlds as bits, and what is said of them. A simulation with --platform is one of its own. */
enum { ON_LOCAL = 1, ON_SIM = 2, ON_CLOUD = 4, ON_EMULATOR = 8, ON_LOOPBACK = 16 };

static unsigned world_bit(enum world world, bool has_platform, const char **name)
{
    switch (world) {
    case WORLD_LOCAL:
        *name = "threads";
        return ON_LOCAL;
    case WORLD_SIM:
        *name = has_platform ? "a simulation with time" : "a simulation without --platform";
        return has_platform ? ON_CLOUD : ON_SIM;
    case WORLD_EMULATOR:
        *name = "an emulator";
        return ON_EMULATOR;
    case WORLD_LOOPBACK:
        *name = "executors in this process";
        return ON_LOOPBACK;
    }
    bug("world %d", (int)world);
}

/* The options that mean something in these worlds only. */
static const struct {
    enum option option;
    unsigned worlds;
    const char *name, *hint;
} world_options[] = {
    {OPTION_SEED, ON_SIM | ON_CLOUD, "--seed", "it is the simulation's: add --on=sim"},
    {OPTION_WORKERS, ON_LOCAL | ON_LOOPBACK, "--workers",
     "--concurrency says how many executors there are at once"},
    {OPTION_TRACE, ON_LOCAL | ON_SIM | ON_CLOUD, "--trace", "--stats shows what executors did"},
    {OPTION_STORE, ON_EMULATOR | ON_LOOPBACK, "--store", "add --on=emulator"},
    {OPTION_ENDPOINT, ON_EMULATOR, "--endpoint", "add --on=emulator"},
    {OPTION_SWEEP_AGE, ON_EMULATOR | ON_LOOPBACK, "--sweep-age", "add --on=emulator"},
    {OPTION_WITHOUT, ON_CLOUD | ON_EMULATOR | ON_LOOPBACK, "--without",
     "add --on=emulator, or --on=sim --platform=NAME"},
    {OPTION_GRAIN, ON_CLOUD | ON_EMULATOR | ON_LOOPBACK, "--grain",
     "add --on=emulator, or --on=sim --platform=NAME"},
    {OPTION_STORE_LATENCY, ON_CLOUD | ON_EMULATOR | ON_LOOPBACK, "--store-latency",
     "add --on=emulator, or --on=sim --platform=NAME"},
    {OPTION_INVOKE_LATENCY, ON_CLOUD | ON_EMULATOR, "--invoke-latency",
     "add --on=emulator, or --on=sim --platform=NAME"},
    {OPTION_COLD_START, ON_CLOUD | ON_EMULATOR, "--cold-start",
     "add --on=emulator, or --on=sim --platform=NAME"},
    {OPTION_CONCURRENCY, ON_CLOUD | ON_EMULATOR, "--concurrency",
     "--workers says how many tasks run at once"},
};

/* What the world knows nothing of is refused, not passed over. */
static int check_worlds(const struct run *run, const struct options *options, struct error *error)
{
    const char *name;
    unsigned world = world_bit(run->world, options->given[OPTION_PLATFORM], &name);
    for (size_t i = 0; i < sizeof world_options / sizeof *world_options; i++) {
        if (!options->given[world_options[i].option] || world_options[i].worlds & world)
            continue;
        error_set(error, ERR_bad_option, "%s means nothing to %s", world_options[i].name, name);
        return error_hint(error, "%s", world_options[i].hint);
    }
    return 0;
}

/* Those of an emulator that this command starts. */
static int check_endpoint(const struct options *options, struct error *error)
{
    static const struct {
        enum option option;
        const char *name;
    } own[] = {{OPTION_COLD_START, "--cold-start"}, {OPTION_INVOKE_LATENCY, "--invoke-latency"}};
    for (size_t i = 0; options->given[OPTION_ENDPOINT] && i < sizeof own / sizeof *own; i++) {
        if (!options->given[own[i].option])
            continue;
        error_set(error, ERR_bad_option, "%s cannot change what --endpoint names", own[i].name);
        return error_hint(error, "give it to wkc emulator");
    }
    return 0;
}

/* What is left to itself must not end with this process. */
static int check_detach(const struct run *run, const struct options *options, struct error *error)
{
    if (!options->given[OPTION_DETACH] ||
        (run->world == WORLD_EMULATOR && run->setup.store && run->setup.endpoint))
        return 0;
    error_set(error, ERR_bad_option,
              "--detach needs a store and executors that outlive this command");
    return error_hint(error, "name both, with --on=emulator --store=URL --endpoint=URL");
}

static int parse_options(struct run *run, const struct options *options, struct error *error)
{
    static const char *const worlds[] = {"local", "sim", "emulator", "loopback", NULL};
    static const char *const stats[] = {"", "json", NULL};
    uint64_t number;
    int index = 0;
    if (options->given[OPTION_WORKERS]) {
        if (options_number(options, OPTION_WORKERS, 1, 1024, &number, error))
            return (int)error->code;
        run->job.workers = (uint32_t)number;
    }
    if (options->given[OPTION_MEMORY] &&
        options_number(options, OPTION_MEMORY, 1, UINT64_MAX, &run->job.memory_limit, error))
        return (int)error->code;
    if (options->given[OPTION_SEED] &&
        options_number(options, OPTION_SEED, 0, UINT64_MAX, &run->job.seed, error))
        return (int)error->code;
    if (options->given[OPTION_STATS] && options_choice(options, OPTION_STATS, stats, &index, error))
        return (int)error->code;
    index = WORLD_LOCAL;
    if (options->given[OPTION_ON] && options_choice(options, OPTION_ON, worlds, &index, error))
        return (int)error->code;
    run->world = (enum world)index;
    if (options->given[OPTION_GRAIN] &&
        options_number(options, OPTION_GRAIN, 1, UINT32_MAX, &run->grain, error))
        return (int)error->code;
    if (remote_read_options(options, &run->setup, error))
        return (int)error->code;
    int code = simulation_read_options(options, &run->setup, run->world == WORLD_SIM,
                                       &run->simulation, error);
    code = code ? code : check_worlds(run, options, error);
    code = code ? code : check_endpoint(options, error);
    return code ? code : check_detach(run, options, error);
}

/* Whether the result can be written as -o asks, before anything runs. */
static bool check_output(struct run *run)
{
    struct error error;
    const struct options *options = run->compilation.options;
    if (options->given[OPTION_TRACE] && result_check_file(options->values[OPTION_TRACE], &error)) {
        diagnose_error(&run->compilation.diagnostics, &error, NULL);
        return false;
    }
    if (!options->given[OPTION_OUTPUT] ||
        result_check(run->result_type, options->values[OPTION_OUTPUT], &error) == 0)
        return true;
    run->compilation.usage = error.code == ERR_bad_output;
    diagnose_error(&run->compilation.diagnostics, &error, NULL);
    return false;
}

/* A task in C that calls exit would end the process with its own status, as if all had gone well.
 */
static _Atomic(bool) job_is_running;

static void refuse_exit(void)
{
    static const char message[] =
        "error[E841]: a task written in C ended the process\n"
        "  = hint: a task fails by wk_fail_message, and calls nothing that calls exit\n";
    if (!atomic_load(&job_is_running))
        return;
    if (write(STDERR_FILENO, message, sizeof message - 1) < 0)
        _exit(EXIT_MISTAKE); /* nobody reads it */
    _exit(EXIT_MISTAKE);
}

/* ---- Remote worlds --------------------------------------------------------------------------- */

enum { INLINE_BYTES = 4096, LEASE_MS = 10000, BUNDLE_LIMIT = 256 << 20 };

/* The sizes of the inputs that were bound as a whole, by leaf. */
static uint64_t *block_sizes(struct compilation *c)
{
    uint32_t leaves = flow_leaf_total(c->code);
    uint64_t *sizes = arena_array(&c->arena, uint64_t, leaves + 1);
    for (uint32_t i = 0; i < leaves; i++) {
        const struct wk_block *block = c->files[i] ? data_file_block(c->files[i]) : NULL;
        sizes[i] = block ? WK_HEADER_BYTES + block->bytes : 0;
    }
    return sizes;
}

static uint32_t choose_grain(const struct run *run, const struct platform *platform)
{
    const struct plan *plan = &run->compilation.plan;
    if (run->grain)
        return (uint32_t)run->grain;
    struct costs *costs = plan_costs_new(plan->dag, &run->compilation.plan_options);
    uint32_t grain = plan_choose_grain(plan, costs, platform, EXECUTOR_WAYS);
    costs_free(costs);
    return grain;
}

/* What plans are made for, beside what --platform says, where the run knows more than a name: NULL
 * where it does not. Of a platform that is not our own emulator nothing is known: it is taken for
 * Lambda. */
static const struct platform *find_model(struct run *run)
{
    const char *name = run->compilation.options->values[OPTION_PLATFORM];
    if (run->world != WORLD_EMULATOR)
        return run->simulation.cloud.platform;
    const struct platform *model = platform_find(name                  ? name
                                                 : run->setup.endpoint ? "lambda-1769"
                                                                       : "emulator");
    if (!model)
        return NULL;
    run->model = *model;
    remote_adapt_platform(&run->setup, &run->model);
    return &run->model;
}

/* What the program was compiled to says which it is; within one process there is only one. */
static struct description describe_job(struct run *run, uint32_t grain)
{
    struct compilation *c = &run->compilation;
    uint32_t sweep_age = run->setup.sweep_age_ms;
    struct description description = {.arguments = c->arguments,
                                      .block_bytes = block_sizes(c),
                                      .argument_count = flow_leaf_total(c->code),
                                      .files = c->job_files.files,
                                      .file_count = c->job_files.count,
                                      .inline_bytes = INLINE_BYTES,
                                      .grain = grain,
                                      .lease_ms = sweep_age ? sweep_age : LEASE_MS,
                                      .without = run->setup.without,
                                      .platform = c->plan_options.platform,
                                      .disabled = c->plan_options.disabled,
                                      .level = (uint32_t)c->plan_options.level,
                                      .measured = c->plan_options.measured,
                                      .measured_count = c->plan_options.measured_count,
                                      .counts = c->options->given[OPTION_STATS]};
    memset(description.program, '0', DESCRIPTION_DIGEST);
    return description;
}

static wk_kernel *find_kernel(void *context, const char *symbol)
{
    return kernel_library_find(context, symbol);
}

static int run_loopback(struct run *run, const struct job *job, struct error *error)
{
    struct compilation *c = &run->compilation;
    uint32_t executors = run->job.workers ? run->job.workers : 2;
    struct platform platform = *platform_find("local");
    platform.concurrency = executors;
    platform.vcpus = 1;
    uint32_t grain = choose_grain(run, &platform);
    struct client_job client = {job, c->code, c->code_bytes, describe_job(run, grain), NULL};
    struct remote_program program = {c->code, client.description.program, find_kernel, &c->kernels};
    char memory[8 + STORE_JOB_NAME] = "mem:";
    store_make_job_name(memory + strlen(memory));
    char *store = remote_store_address(&run->setup, run->setup.store ? run->setup.store : memory);
    struct loopback_options options = {
        .store = store,
        .executors = executors,
        .timeout_ms = run->setup.timeout_ms,
        .sweep_age = run->setup.sweep_age_ms,
        .executor = {.processors = 1, .memory_limit = run->job.memory_limit}};
    int code = loopback_run(&client, &program, &options, &run->job, &run->outcome, error);
    free(store);
    return code;
}

/* The bundle that executors run: what was named, all of which is checked, for they do not; or what
 * the source is compiled to. */
static bool make_bundle(struct compilation *c, struct buffer *bundle, struct error *error)
{
    if (!c->is_bundle)
        return compile_bundle(c, bundle);
    int code = c->bundle.is_folder ? package_folder(&c->bundle, bundle, error)
                                   : bundle_check(&c->bundle, error);
    if (!code && !c->bundle.is_folder)
        code = buffer_read_file(bundle, c->path, BUNDLE_LIMIT, error);
    if (!code)
        return true;
    diagnose_error(&c->diagnostics, error, NULL);
    return false;
}

static int hash_manifest(const struct buffer *bundle, char digest[DESCRIPTION_DIGEST + 1],
                         struct error *error)
{
    struct zip zip;
    struct buffer text = {0};
    int code = zip_open_memory(&zip, "the bundle", bundle->data, bundle->length, error);
    if (code)
        return code;
    code = zip_read(&zip, zip_find(&zip, BUNDLE_MANIFEST), &text, error);
    if (!code)
        manifest_hash(text.data, text.length, digest);
    buffer_release(&text);
    zip_close(&zip);
    return code;
}

/* Of a function's memory a quarter is not for values. Where the plan, and what an executor keeps of
 * each of its values, do not fit there (the program itself takes a part of it, too), executors read
 * the plan's pages from the store. */
static bool needs_pages(const struct run *run)
{
    enum { PROGRAM_BYTES = 16 << 20, VALUE_BYTES = 9 };
    const struct plan *plan = &run->compilation.plan;
    uint64_t room = ((uint64_t)run->setup.memory_mb << 20) / 4 - PROGRAM_BYTES;
    return plan_image_bytes(plan) + VALUE_BYTES * plan->dag->part_count > room;
}

static int make_pages(struct run *run, struct client_job *client, struct plan_image *image,
                      struct error *error)
{
    struct compilation *c = &run->compilation;
    unsigned without = (run->setup.without & WITHOUT_BECOME ? PLAN_WITHOUT_BECOME : 0) |
                       (run->setup.without & WITHOUT_CLUSTERING ? PLAN_WITHOUT_CLUSTERS : 0);
    if (!needs_pages(run))
        return 0;
    plan_index_fan_outs(&c->plan, without);
    int code = plan_image_make(image, &c->plan, error);
    if (code)
        return code;
    client->image = image;
    client->description.plan_bytes = image->bytes;
    memcpy(client->description.plan_digest, image->digest, PLAN_HASH);
    return 0;
}

static int run_emulator(struct run *run, const struct job *job, struct error *error)
{
    struct plan_image image = {0};
    struct compilation *c = &run->compilation;
    uint32_t grain = choose_grain(run, c->plan_options.platform);
    struct client_job client = {job, c->code, c->code_bytes, describe_job(run, grain), NULL};
    int code = hash_manifest(&run->bundle, client.description.program, error);
    code = code ? code : make_pages(run, &client, &image, error);
    if (!code && c->options->given[OPTION_DETACH])
        code = remote_submit_job(&run->setup, &client, &run->bundle, &run->job, run->name, error);
    else if (!code)
        code = remote_run_job(&run->setup, &client, &run->bundle, &run->job, &run->outcome, error);
    plan_image_release(&image);
    return code;
}

static int run_simulation(struct run *run, const struct job *job, struct error *error)
{
    struct sim_cloud *cloud = &run->simulation.cloud;
    if (!cloud->platform)
        return sim_run(job, &run->job, &run->outcome, error);
    struct compilation *c = &run->compilation;
    cloud->plan = &c->plan_options;
    cloud->executor.grain = choose_grain(run, cloud->platform);
    plan_index_fan_outs(&c->plan,
                        (cloud->executor.without_become ? PLAN_WITHOUT_BECOME : 0u) |
                            (cloud->executor.without_clustering ? PLAN_WITHOUT_CLUSTERS : 0u));
    return sim_run_on(job, &run->job, cloud, &run->outcome, error);
}

static int run_in_world(struct run *run, const struct job *job, struct error *error)
{
    switch (run->world) {
    case WORLD_LOCAL:
        return local_run(job, &run->job, &run->outcome, error);
    case WORLD_SIM:
        return run_simulation(run, job, error);
    case WORLD_EMULATOR:
        return run_emulator(run, job, error);
    case WORLD_LOOPBACK:
        return run_loopback(run, job, error);
    }
    bug("world %d", (int)run->world);
}

static int run_guarded(struct run *run, const struct job *job, struct error *error)
{
    atexit(refuse_exit);
    fault_catch();
    atomic_store(&job_is_running, true);
    if (run->world == WORLD_LOCAL || run->world == WORLD_SIM)
        interrupts_bound(run->compilation.options, run->setup.timeout_ms);
    int code = run_in_world(run, job, error);
    if (interrupts_unbound() && code == ERR_interrupted)
        code = interrupts_late(run->setup.timeout_ms, error);
    atomic_store(&job_is_running, false);
    return code;
}

static bool run_job(struct run *run)
{
    struct compilation *c = &run->compilation;
    struct error error;
    struct job job = {.plan = &c->plan,
                      .kernels = c->kernel_table,
                      .fallbacks = c->fallback_table,
                      .inputs = c->inputs,
                      .files = c->job_files.handles,
                      .file_count = c->job_files.count,
                      .result_type = run->result_type};
    const struct options *options = c->options;
    if (options->given[OPTION_OUTPUT])
        run->job.output =
            result_file_init(&run->file, run->result_type, options->values[OPTION_OUTPUT]);
    run->job.stop = &interrupted;
    interrupts_hold();
    run->job.progress = progress_update;
    run->job.progress_context = &run->progress;
    progress_begin(&run->progress, c->dag.node_count - 1);
    int code = run_guarded(run, &job, &error);
    progress_end(&run->progress);
    if (code)
        diagnose_error(&c->diagnostics, &error, c->source);
    return code == 0;
}

static int write_name(const struct run *run)
{
    struct buffer text = {0};
    buffer_printf(&text, "%s\n", run->name);
    int status = write_output(run->compilation.options, &text);
    buffer_release(&text);
    return status;
}

static int write_result(struct run *run)
{
    struct error error;
    const struct options *options = run->compilation.options;
    if (options->given[OPTION_DETACH])
        return write_name(run);
    if (run->simulation.cloud.is_dry)
        return EXIT_DONE;
    if (run->outcome.in_pieces)
        return result_file_close(&run->file, true, &error)
                   ? print_error(options, &error, EXIT_MISTAKE)
                   : EXIT_DONE;
    if (options->given[OPTION_OUTPUT])
        return result_write(run->result_type, run->outcome.words, options->values[OPTION_OUTPUT],
                            &error)
                   ? print_error(options, &error, EXIT_MISTAKE)
                   : EXIT_DONE;
    if (type_is_unit(run->result_type))
        return EXIT_DONE;
    struct buffer text = {0};
    result_print(run->result_type, run->outcome.words, &text);
    int status = write_output(options, &text);
    buffer_release(&text);
    return status;
}

static enum metrics_world find_metrics(const struct run *run)
{
    switch (run->world) {
    case WORLD_LOCAL:
        return METRICS_LOCAL;
    case WORLD_SIM:
        return run->simulation.cloud.platform ? METRICS_CLOUD : METRICS_SIMULATED;
    case WORLD_EMULATOR:
    case WORLD_LOOPBACK:
        return METRICS_REMOTE;
    }
    bug("world %d", (int)run->world);
}

static void print_stats(const struct run *run)
{
    const struct options *options = run->compilation.options;
    if (!options->given[OPTION_STATS] || options->given[OPTION_DETACH])
        return;
    struct buffer text = {0};
    bool is_json = strcmp(options->values[OPTION_STATS], "json") == 0;
    metrics_print(&run->outcome.metrics, find_metrics(run), is_json, &text);
    if (run->simulation.cloud.platform && !is_json)
        platform_print(&run->simulation.platform, &text);
    else if (run->world == WORLD_SIM && !is_json)
        sim_print_model(&text);
    fputs(buffer_text(&text), stderr);
    buffer_release(&text);
}

static int write_trace(struct run *run)
{
    struct error error;
    const struct options *options = run->compilation.options;
    if (!run->job.trace)
        return EXIT_DONE;
    struct buffer text = {0};
    trace_export(run->job.trace, &run->compilation.dag, &text);
    int code = file_write_atomically(options->values[OPTION_TRACE], buffer_text(&text), text.length,
                                     &error);
    buffer_release(&text);
    return code ? print_error(options, &error, EXIT_MISTAKE) : EXIT_DONE;
}

/* What the passes may count on: threads of this process, or a platform like any other. */
static struct ir_target find_target(const struct run *run)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (run->world != WORLD_LOCAL)
        return ir_target_any;
    uint32_t workers = run->job.workers ? run->job.workers
                       : processors > 0 ? (uint32_t)processors
                                        : 1;
    return ir_target_threads(workers);
}

static int run_program(struct run *run)
{
    struct compilation *c = &run->compilation;
    struct error error;
    c->executors = find_target(run);
    c->opens_result = run->world != WORLD_LOCAL;
    c->is_portable = run->world == WORLD_EMULATOR;
    c->model = find_model(run);
    bool ok = pipeline_run(c, STAGE_ENCODE);
    if (ok) {
        run->result_type = flow_result_type(c->code);
        ok = check_output(run) && pipeline_run(c, STAGE_LINK);
    }
    if (ok && run->world == WORLD_EMULATOR)
        ok = make_bundle(c, &run->bundle, &error);
    bool started = ok;
    if (ok) {
        run->job.trace = c->options->given[OPTION_TRACE] ? trace_new() : NULL;
        ok = run_job(run);
    }
    int status = finish_compilation(c, ok);
    if (status == EXIT_DONE)
        status = write_result(run);
    if (started) {
        print_stats(run);
        int traced = write_trace(run);
        status = status ? status : traced;
    }
    result_file_close(&run->file, false, NULL);
    buffer_release(&run->bundle);
    if (run->outcome.release)
        run->outcome.release(&run->outcome);
    trace_free(run->job.trace);
    return status;
}

int command_run(const struct options *options)
{
    struct run run = {0};
    struct error error;
    if (parse_options(&run, options, &error))
        return usage_error(options, &error);
    int status = start_compilation(&run.compilation, options);
    if (status == EXIT_DONE)
        status = run_program(&run);
    pipeline_release(&run.compilation);
    return status;
}
