/* The options of a simulation with time; see simulate.h. */
#include "command/simulate.h"

#include <string.h>

#include "base/diagnostic.h"
#include "world/description.h"

static const char *const costs[] = {"mixed", "measured", "given", NULL};

const struct platform *simulation_find_platform(const char *name, struct error *error)
{
    struct buffer list = {0};
    const struct platform *platform = platform_find(name);
    const char *best = NULL;
    if (platform)
        return platform;
    for (unsigned i = 0; (platform = platform_at(i)); i++) {
        nearest_name(name, platform->name, &best);
        buffer_printf(&list, "%s%s", i ? ", " : "", platform->name);
    }
    error_set(error, ERR_bad_option, "there is no platform '%s'", name);
    if (best)
        error_hint(error, "did you mean '%s'?", best);
    else
        error_hint(error, "one of: %s", buffer_text(&list));
    buffer_release(&list);
    return NULL;
}

/* Options that only a simulation with time has. */
static int refuse_others(const struct options *options, struct error *error)
{
    static const struct {
        enum option option;
        const char *name;
    } others[] = {{OPTION_WARM, "--warm"},
                  {OPTION_SHARDS, "--shards"},
                  {OPTION_COSTS, "--costs"},
                  {OPTION_DRY, "--dry"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (!options->given[others[i].option])
            continue;
        error_set(error, ERR_bad_option, "%s is of a simulation with time", others[i].name);
        return error_hint(error, "add --on=sim --platform=lambda-1769");
    }
    return 0;
}

static int read_shards(const struct options *options, struct platform *platform,
                       struct error *error)
{
    uint64_t shards = platform->store_shards;
    int code = options->given[OPTION_SHARDS]
                   ? options_number(options, OPTION_SHARDS, 1, 100000, &shards, error)
                   : 0;
    platform->store_shards = (uint32_t)shards;
    return code;
}

static int read_warm(const struct options *options, struct sim_cloud *cloud, struct error *error)
{
    uint64_t warm = 0;
    int code = options->given[OPTION_WARM]
                   ? options_number(options, OPTION_WARM, 0, UINT32_MAX, &warm, error)
                   : 0;
    cloud->warm = (uint32_t)warm;
    return code;
}

static int read_costs(const struct options *options, struct sim_cloud *cloud, struct error *error)
{
    int index = SIM_COSTS_MIXED;
    int code = options->given[OPTION_COSTS]
                   ? options_choice(options, OPTION_COSTS, costs, &index, error)
                   : 0;
    cloud->costs = (enum sim_costs)index;
    cloud->is_dry = options->given[OPTION_DRY];
    if (code || !cloud->is_dry || index == SIM_COSTS_GIVEN || !options->given[OPTION_COSTS])
        return code;
    error_set(error, ERR_bad_option, "--dry runs no task, so nothing is measured");
    return error_hint(error, "leave out --costs: with --dry the program's costs count");
}

static void replace_ms(const struct options *options, enum option option, uint32_t ms,
                       uint64_t *figure)
{
    if (options->given[option])
        *figure = (uint64_t)ms * 1000000;
}

static void adapt_platform(const struct options *options, const struct remote_setup *setup,
                           struct platform *platform)
{
    replace_ms(options, OPTION_INVOKE_LATENCY, setup->invoke_latency_ms, &platform->invoke_ns);
    replace_ms(options, OPTION_COLD_START, setup->cold_start_ms, &platform->cold_start_ns);
    replace_ms(options, OPTION_STORE_LATENCY, setup->store_latency_ms, &platform->round_trip_ns);
    if (setup->concurrency)
        platform->concurrency = setup->concurrency;
    if (setup->without & WITHOUT_INLINE)
        platform->inline_bytes = 0;
}

int simulation_read_platform(const struct options *options, const struct remote_setup *setup,
                             struct platform *platform, struct error *error)
{
    const struct platform *named =
        simulation_find_platform(options->values[OPTION_PLATFORM], error);
    if (!named)
        return (int)error->code;
    if (named->invoke_ns == 0) {
        error_set(error, ERR_bad_option, "on platform %s no executor is invoked", named->name);
        return error_hint(error, "run it: --on=local");
    }
    *platform = *named;
    adapt_platform(options, setup, platform);
    return read_shards(options, platform, error);
}

int simulation_read_options(const struct options *options, const struct remote_setup *setup,
                            bool is_simulated, struct simulation *simulation, struct error *error)
{
    struct sim_cloud *cloud = &simulation->cloud;
    *simulation = (struct simulation){0};
    if (!is_simulated || !options->given[OPTION_PLATFORM])
        return refuse_others(options, error);
    int code = simulation_read_platform(options, setup, &simulation->platform, error);
    if (code)
        return code;
    cloud->platform = &simulation->platform;
    cloud->executor =
        (struct executor_options){.without_become = setup->without & WITHOUT_BECOME,
                                  .without_clustering = setup->without & WITHOUT_CLUSTERING,
                                  .without_delayed_io = setup->without & WITHOUT_DELAYED_IO,
                                  .without_tree = setup->without & WITHOUT_TREE};
    executor_fit(&cloud->executor, cloud->platform);
    code = read_warm(options, cloud, error);
    return code ? code : read_costs(options, cloud, error);
}
