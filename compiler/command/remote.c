/* Jobs on executors of their own; see remote.h. */
#include "command/remote.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/installation.h"
#include "command/command.h"
#include "command/local_emulator.h"
#include "command/local_store.h"
#include "deploy/deploy.h"
#include "store/store.h"

enum {
    FUNCTION_MEMORY_MB = 1769,
    FUNCTION_LEAST_MB = 128,
    FUNCTION_MOST_MB = 10240,
    FUNCTION_TIMEOUT_S = 900,
    LATE_MS = 60000, /* beyond its time-out, until nothing of a function is at work any more */
    RETRY_MS = 1000, /* of the own emulator: events that failed are run again soon */
};

/* What a run holds while it runs. */
struct remote_means {
    const struct remote_setup *setup;
    const struct deploy_library *deploy;
    struct local_emulator emulator;
    struct local_store store;
    char *store_address;
    char job[STORE_JOB_NAME + 1];
    struct deploy_target target;
    char function[64];
    bool has_function;
    struct invoker *invoker;
};

/* ---- Libraries ------------------------------------------------------------------------------ */

static const struct deploy_library *load_deploy(struct error *error)
{
    static const char *const places[] = {"libwkc-deploy.so", "../lib/wkc/libwkc-deploy.so",
                                         "../libwkc-deploy.so", NULL};
    char *path = installation_find(places);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct deploy_library *library = handle ? dlsym(handle, DEPLOY_ENTRY) : NULL;
    if (!library) {
        error_set(error, ERR_emulator_missing, "the client of Lambda cannot be loaded: %s",
                  dlerror());
        error_hint(error, "it stands beside wkc, or in ../lib/wkc: is the installation complete?");
    }
    free(path);
    return library;
}

/* ---- Options -------------------------------------------------------------------------------- */

static int read_milliseconds(const struct options *options, enum option option, uint32_t *ms,
                             struct error *error)
{
    uint64_t number = *ms;
    int code =
        options->given[option] ? options_number(options, option, 0, 3600000, &number, error) : 0;
    *ms = (uint32_t)number;
    return code;
}

/* "30", "30s", "500ms", "5m": as of @timeout. */
static int read_timeout(const struct options *options, uint64_t *ms, struct error *error)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"", 1e3}, {"s", 1e3}, {"ms", 1}, {"m", 60e3}, {"h", 3600e3}};
    if (!options->given[OPTION_TIMEOUT])
        return 0;
    char *end;
    const char *text = options->values[OPTION_TIMEOUT];
    double number = strtod(text, &end);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (end != text && strcmp(end, units[i].unit) == 0 && number * units[i].ms >= 1 &&
            number * units[i].ms < 1e12) {
            *ms = (uint64_t)(number * units[i].ms);
            return 0;
        }
    error_set(error, ERR_bad_option, "--timeout takes a time, not '%s'", text);
    return error_hint(error, "for example --timeout=90s, 500ms, 5m or 2h");
}

/* "become,tree": names of techniques, or "all". */
static int read_without(const struct options *options, uint32_t *without, struct error *error)
{
    static const struct {
        const char *name;
        uint32_t bits;
    } techniques[] = {
        {"become", WITHOUT_BECOME},
        {"clustering", WITHOUT_CLUSTERING},
        {"delayed-io", WITHOUT_DELAYED_IO},
        {"inline", WITHOUT_INLINE},
        {"tree", WITHOUT_TREE},
        {"all",
         WITHOUT_BECOME | WITHOUT_CLUSTERING | WITHOUT_DELAYED_IO | WITHOUT_INLINE | WITHOUT_TREE},
    };
    enum { COUNT = sizeof techniques / sizeof *techniques };
    const char *at = options->given[OPTION_WITHOUT] ? options->values[OPTION_WITHOUT] : "";
    while (*at) {
        size_t length = strcspn(at, ","), i = 0;
        while (i < COUNT && (strlen(techniques[i].name) != length ||
                             strncmp(techniques[i].name, at, length) != 0))
            i++;
        if (i == COUNT) {
            error_set(error, ERR_bad_option, "--without knows no technique '%.*s'",
                      length < 100 ? (int)length : 100, at);
            return error_hint(error, "become, clustering, delayed-io, inline, tree, or all");
        }
        *without |= techniques[i].bits;
        at += length + (at[length] == ',');
    }
    return 0;
}

/* Memory of functions: what Lambda allows. */
static int read_memory(const struct options *options, uint32_t *mb, struct error *error)
{
    uint64_t bytes = 0;
    int code = options_number(options, OPTION_MEMORY, 1, UINT64_MAX, &bytes, error);
    uint64_t whole = (bytes >> 20) + (bytes % (1 << 20) > 0);
    *mb = whole < FUNCTION_LEAST_MB  ? FUNCTION_LEAST_MB
          : whole > FUNCTION_MOST_MB ? FUNCTION_MOST_MB
                                     : (uint32_t)whole;
    return code;
}

int remote_read_options(const struct options *options, struct remote_setup *setup,
                        struct error *error)
{
    *setup = (struct remote_setup){.endpoint = options->values[OPTION_ENDPOINT],
                                   .store = options->values[OPTION_STORE],
                                   .memory_mb = FUNCTION_MEMORY_MB,
                                   .function_timeout_s = FUNCTION_TIMEOUT_S};
    const struct {
        enum option option;
        uint32_t *ms;
    } times[] = {{OPTION_INVOKE_LATENCY, &setup->invoke_latency_ms},
                 {OPTION_COLD_START, &setup->cold_start_ms},
                 {OPTION_STORE_LATENCY, &setup->store_latency_ms},
                 {OPTION_SWEEP_AGE, &setup->sweep_age_ms}};
    uint64_t concurrency = 0;
    int code = read_timeout(options, &setup->timeout_ms, error);
    if (!code && options->given[OPTION_CONCURRENCY])
        code =
            options_number(options, OPTION_CONCURRENCY, 1,
                           options->given[OPTION_PLATFORM] ? 1000000 : 1000, &concurrency, error);
    setup->concurrency = (uint32_t)concurrency;
    if (!code && options->given[OPTION_MEMORY])
        code = read_memory(options, &setup->memory_mb, error);
    for (size_t i = 0; !code && i < sizeof times / sizeof *times; i++)
        code = read_milliseconds(options, times[i].option, times[i].ms, error);
    return code ? code : read_without(options, &setup->without, error);
}

int remote_check_job_name(const char *text, struct error *error)
{
    if (strlen(text) == STORE_JOB_NAME &&
        strspn(text, "abcdefghijklmnopqrstuvwxyz234567") == STORE_JOB_NAME)
        return 0;
    error_set(error, ERR_bad_argument, "'%.100s' is no job's name", text);
    return error_hint(error, "wkc run --detach prints it, and wkc clean lists those of a store");
}

char *remote_store_address(const struct remote_setup *setup, const char *address)
{
    struct buffer text = {0};
    if (setup->store_latency_ms)
        buffer_printf(&text, "latency:%u:", setup->store_latency_ms);
    buffer_puts(&text, address);
    char *copy = strdup(buffer_text(&text));
    buffer_release(&text);
    return copy;
}

uint32_t remote_concurrency(const struct remote_setup *setup)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (setup->endpoint)
        return 0;
    if (setup->concurrency)
        return setup->concurrency;
    return processors > 0 ? (uint32_t)processors : 1;
}

void remote_adapt_platform(const struct remote_setup *setup, struct platform *platform)
{
    enum { NS = 1000000 };
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t concurrency = setup->concurrency ? setup->concurrency : remote_concurrency(setup);
    if (concurrency)
        platform->concurrency = concurrency;
    if (!setup->endpoint && processors > 0)
        platform->cores = (uint32_t)processors;
    platform->invoke_ns += (uint64_t)setup->invoke_latency_ms * NS;
    platform->cold_start_ns += (uint64_t)setup->cold_start_ms * NS;
    platform->round_trip_ns += (uint64_t)setup->store_latency_ms * NS;
    platform->memory_bytes = (uint64_t)setup->memory_mb << 20;
    platform->vcpus = platform_processors(setup->memory_mb);
    if (setup->without & WITHOUT_INLINE)
        platform->inline_bytes = 0;
}

uint32_t remote_late_ms(const struct remote_setup *setup)
{
    return setup->function_timeout_s * 1000 + LATE_MS;
}

/* ---- Starting and ending what the run needs ---------------------------------------------------
 */

static int start_emulator(struct remote_means *means, struct error *error)
{
    const struct remote_setup *setup = means->setup;
    struct local_emulator_options options = {.concurrency = remote_concurrency(setup),
                                             .cold_start_ms = setup->cold_start_ms,
                                             .invoke_latency_ms = setup->invoke_latency_ms,
                                             .retry_ms = RETRY_MS};
    return local_emulator_start(&means->emulator, &options, error);
}

static const char *variable(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && value[0] ? value : otherwise;
}

/* The credentials of an emulator that somebody else has started are those of the environment. */
static int find_target(struct remote_means *means, struct error *error)
{
    means->target = (struct deploy_target){
        .endpoint = means->setup->endpoint,
        .region = variable("AWS_REGION", "us-east-1"),
        .access_key = variable("AWS_ACCESS_KEY_ID", "wkc"),
        .secret_key = variable("AWS_SECRET_ACCESS_KEY", "wkc"),
        .session_token = variable("AWS_SESSION_TOKEN", NULL),
    };
    if (means->setup->endpoint)
        return 0;
    int code = start_emulator(means, error);
    if (code)
        return code;
    const struct local_emulator *emulator = &means->emulator;
    means->target = (struct deploy_target){emulator->endpoint, emulator->region,
                                           emulator->access_key, emulator->secret_key, NULL};
    return 0;
}

static int find_store(struct remote_means *means, struct error *error)
{
    const char *address = means->setup->store;
    int code = address ? 0 : local_store_start(&means->store, error);
    if (!code)
        means->store_address =
            remote_store_address(means->setup, address ? address : means->store.address);
    return code;
}

static void name_function(struct remote_means *means)
{
    snprintf(means->function, sizeof means->function, "wkc-%s", means->job);
}

static int create_function(struct remote_means *means, const struct buffer *bundle,
                           struct error *error)
{
    store_make_job_name(means->job);
    name_function(means);
    struct deploy_function function = {
        .name = means->function,
        .role = "arn:aws:iam::000000000000:role/wkc",
#if defined(__aarch64__)
        .architecture = "arm64",
#else
        .architecture = "x86_64",
#endif
        .zip = bundle->data,
        .zip_length = bundle->length,
        .memory_mb = means->setup->memory_mb,
        .timeout_s = means->setup->function_timeout_s,
    };
    int code = means->deploy->create(&means->target, &function, error);
    means->has_function = code == 0;
    return code;
}

static int open_invoker(struct remote_means *means, struct error *error)
{
    struct invoke_options options = {.endpoint = means->target.endpoint,
                                     .function = means->function,
                                     .region = means->target.region,
                                     .access_key = means->target.access_key,
                                     .secret_key = means->target.secret_key,
                                     .session_token = means->target.session_token};
    means->invoker = means->deploy->invoker_open(&options, error);
    return means->invoker ? 0 : (int)error->code;
}

static int open_means(struct remote_means *means, const struct buffer *bundle, struct error *error)
{
    means->deploy = load_deploy(error);
    if (!means->deploy)
        return (int)error->code;
    int code = find_store(means, error);
    code = code ? code : find_target(means, error);
    code = code ? code : create_function(means, bundle, error);
    return code ? code : open_invoker(means, error);
}

/* Ends the executors, and what they were started by. */
static void halt(void *context)
{
    struct error ignored;
    struct remote_means *means = context;
    if (means->invoker)
        means->deploy->invoker_close(means->invoker);
    if (means->has_function && means->deploy && !means->emulator.process)
        means->deploy->remove(&means->target, means->function, &ignored);
    local_emulator_stop(&means->emulator);
    means->invoker = NULL;
    means->has_function = false;
}

static void close_means(struct remote_means *means)
{
    halt(means);
    local_store_stop(&means->store);
    free(means->store_address);
}

static struct client_options client_options(struct remote_means *means,
                                            const struct job_options *options)
{
    return (struct client_options){
        .store = means->store_address,
        .platform = means->invoker ? means->deploy->invoker_platform(means->invoker) : NULL,
        .timeout_ms = means->setup->timeout_ms,
        .job = options,
        .name = means->job,
        .sweep_age = means->setup->sweep_age_ms,
        .halt = halt,
        .halt_context = means,
        .late_ms = means->emulator.process ? 0 : remote_late_ms(means->setup),
    };
}

int remote_run_job(const struct remote_setup *setup, const struct client_job *job,
                   const struct buffer *bundle, const struct job_options *options,
                   struct job_outcome *outcome, struct error *error)
{
    struct remote_means means = {.setup = setup};
    *outcome = (struct job_outcome){0};
    int code = open_means(&means, bundle, error);
    if (!code) {
        struct client_options client = client_options(&means, options);
        code = client_run(job, &client, outcome, error);
    }
    close_means(&means);
    return code;
}

/* ---- Jobs that are left to themselves -------------------------------------------------------- */

int remote_submit_job(const struct remote_setup *setup, const struct client_job *job,
                      const struct buffer *bundle, const struct job_options *options, char *name,
                      struct error *error)
{
    struct remote_means means = {.setup = setup};
    int code = open_means(&means, bundle, error);
    if (!code) {
        struct client_options client = client_options(&means, options);
        code = client_submit(job, &client, error);
        means.has_function = code != 0;
        strcpy(name, means.job);
    }
    close_means(&means);
    return code;
}

/* Without an endpoint nobody can be invoked: then the job is only waited for. */
static int find_function(struct remote_means *means, const char *name, struct error *error)
{
    strcpy(means->job, name);
    name_function(means);
    if (!means->setup->endpoint)
        return 0;
    means->deploy = load_deploy(error);
    if (!means->deploy)
        return (int)error->code;
    return find_target(means, error);
}

int remote_wait_for_job(const struct remote_setup *setup, const struct client_job *job,
                        const char *name, const struct job_options *options,
                        struct job_outcome *outcome, struct error *error)
{
    struct remote_means means = {.setup = setup};
    *outcome = (struct job_outcome){0};
    int code = find_function(&means, name, error);
    code = code ? code : find_store(&means, error);
    if (!code && setup->endpoint)
        code = open_invoker(&means, error);
    if (!code) {
        struct client_options client = client_options(&means, options);
        client.leaves = means.has_function = true;
        code = client_wait(job, &client, outcome, error);
        means.has_function = false; /* it is gone, or the job still wants it */
    }
    close_means(&means);
    return code;
}

int remote_remove_function(const struct remote_setup *setup, const char *name, struct error *error)
{
    struct remote_means means = {.setup = setup};
    int code = find_function(&means, name, error);
    return code || !setup->endpoint ? code
                                    : means.deploy->remove(&means.target, means.function, error);
}
