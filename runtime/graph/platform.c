/*
 * The table of platform models. Each figure says where it is from; (k) marks those of AWS that no
 * document states and that have not been measured there: they are what others report.
 */
#include "graph/platform.h"

#include <inttypes.h>
#include <string.h>

#define US(n) ((uint64_t)((n) * 1e3))
#define MS(n) ((uint64_t)((n) * 1e6))
#define SECONDS(n) ((uint64_t)((n) * 1e9))
#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)

/*
 * AWS Lambda in us-east-1 with a store on Redis or Valkey nodes in the same zone, 2026.
 *
 *   invoke          10 to 50 ms until an Invoke is accepted (k): the middle. The Wukong paper
 *                   (SoCC 2020) reckons with 50.
 *   cold start      80 to 250 ms seen by the client for a native runtime (k): the middle, less the
 *                   invoke.
 *   invoke's work   measured: a signed request over a connection that is kept; 0.1 ms with TLS (k)
 *   connections     runtime/lambda/invoke.c
 *   concurrency     1,000 for an account until it is raised; 1,000 more in 10 s and function
 *   payload         1 MB of an asynchronous event (256 KB before October 2025)
 *   processors      1 vCPU at 1,769 MB, in proportion to memory, up to 6 at 10,240 MB
 *   limit           15 minutes
 *   plan            an executor builds the graph itself: tests/bench, `elaborate`
 *   round trip      0.2 to 1 ms in a zone (k)
 *   bandwidth       about 600 Mbit/s for an executor, whatever its memory (k; Klimovic et al.,
 *                   Pocket, OSDI 2018); 10 Gbit/s for a node of the store
 *   command         260 thousand scripts a second on one redis-server, measured
 *   prices          x86-64: $0.0000166667 a GB-s, $0.20 a million requests; ElastiCache for Valkey,
 *                   serverless: $0.0023 a million units, one for each command and KB
 *
 * Below one processor's worth of memory an executor gets that share of one.
 */
#define LAMBDA(megabytes, processors)                                                              \
    {.name = "lambda-" #megabytes,                                                                 \
     .invoke_ns = MS(30),                                                                          \
     .cold_start_ns = MS(135),                                                                     \
     .invoke_work_ns = US(100),                                                                    \
     .connections = 64,                                                                            \
     .concurrency = 1000,                                                                          \
     .scale_per_second = 100,                                                                      \
     .payload_bytes = 1000000,                                                                     \
     .inline_bytes = KIB(4),                                                                       \
     .vcpus = (processors),                                                                        \
     .speed = (megabytes) / 1769.0 / (processors) > 1 ? 1 : (megabytes) / 1769.0 / (processors),   \
     .memory_bytes = MIB(megabytes),                                                               \
     .limit_ns = SECONDS(900),                                                                     \
     .task_overhead_ns = US(2),                                                                    \
     .plan_node_ns = 130,                                                                          \
     .round_trip_ns = US(500),                                                                     \
     .bytes_per_ms = 75000,                                                                        \
     .store_shards = 10,                                                                           \
     .shard_bytes_per_ms = 1250000,                                                                \
     .shard_command_ns = 3800,                                                                     \
     .gb_second_price = 0.0000166667,                                                              \
     .request_price = 0.0000002,                                                                   \
     .store_unit_price = 2.3e-9}

static const struct platform platforms[] = {
    /* Threads that share memory: nothing is invoked, and nothing travels. The overhead is that of
     * an empty task (tests/bench, `local`), the bandwidth that of memory; gets are of pieces
     * of files that are kept, and so lie in new memory (tests/bench, `plan`). Processors: of the
     * machine that the figures are from. */
    {.name = "local",
     .concurrency = 1,
     .payload_bytes = UINT64_MAX,
     .inline_bytes = UINT64_MAX,
     .vcpus = 2,
     .cores = 2,
     .speed = 1,
     .task_overhead_ns = 40,
     .bytes_per_ms = 10000000,
     .get_bytes_per_ms = 2000000,
     .store_shards = 1,
     .shard_bytes_per_ms = 10000000},
    /*
     * `wkc run --on=emulator` on a machine of two cores, without added latencies: processes that
     * reach a redis-server by loopback. Measured by tests/bench: `emulator` (an Invoke, warm; from
     * exec to the first /next), `store` (an arrival; 1 MiB put). A run has as many environments as
     * there are processors, unless it says otherwise (remote_adapt_platform).
     *
     * What the processors that all share need is measured by the group `plan`, each figure by jobs
     * of its own that differ in nothing else: a start by the environments that the same invocations
     * are spread over (most of it is the dynamic linking of the executor), an event by the grain of
     * tasks that do nothing, an arrival by joining what they give, puts and gets by the size of an
     * input and of a result; the shard gives what two executors get at once. What is put is new
     * memory to the store, what is got often is not.
     */
    {.name = "emulator",
     .invoke_ns = US(300),
     .cold_start_ns = MS(10),
     .invoke_work_ns = US(50),
     .connections = 64,
     .concurrency = 64,
     .payload_bytes = 1000000,
     .inline_bytes = KIB(4),
     .vcpus = 1,
     .cores = 2,
     .speed = 1,
     .memory_bytes = MIB(1769),
     .limit_ns = SECONDS(900),
     .task_overhead_ns = US(2),
     .plan_node_ns = 130,
     .round_trip_ns = US(75),
     .bytes_per_ms = 1700000,
     .put_bytes_per_ms = 900000,
     .get_bytes_per_ms = 4200000,
     .store_shards = 1,
     .shard_bytes_per_ms = 4000000,
     .shard_command_ns = 3800,
     .start_work_ns = MS(9),
     .event_work_ns = US(400),
     .arrival_work_ns = US(75),
     .put_work_ns = 1600,
     .get_work_ns = 500},
    LAMBDA(512, 1),
    LAMBDA(1769, 1),
    LAMBDA(3538, 2),
    LAMBDA(10240, 6),
};

enum { COUNT = sizeof platforms / sizeof *platforms };

const struct platform *platform_at(unsigned index)
{
    return index < COUNT ? &platforms[index] : NULL;
}

const struct platform *platform_find(const char *name)
{
    for (unsigned i = 0; i < COUNT; i++)
        if (strcmp(platforms[i].name, name) == 0)
            return &platforms[i];
    return NULL;
}

bool platform_is_possible(const struct platform *platform)
{
    return platform->concurrency > 0 && platform->vcpus > 0 && platform->store_shards > 0;
}

uint64_t platform_task_ns(const struct platform *platform, uint64_t cost_ns)
{
    return platform->task_overhead_ns + (uint64_t)((double)cost_ns / platform->speed);
}

uint32_t platform_processors(uint64_t memory_mb)
{
    enum { PROCESSOR_MB = 1769 };
    return memory_mb > PROCESSOR_MB ? (uint32_t)((memory_mb + PROCESSOR_MB / 2) / PROCESSOR_MB) : 1;
}

static uint64_t trip_ns(const struct platform *platform, uint64_t bytes, uint64_t bytes_per_ms)
{
    uint64_t per_ms = bytes_per_ms ? bytes_per_ms : platform->bytes_per_ms;
    return platform->round_trip_ns + (uint64_t)((double)bytes * 1e6 / (double)per_ms);
}

uint64_t platform_transfer_ns(const struct platform *platform, uint64_t bytes)
{
    return trip_ns(platform, bytes, 0);
}

uint64_t platform_put_ns(const struct platform *platform, uint64_t bytes)
{
    return trip_ns(platform, bytes, platform->put_bytes_per_ms);
}

uint64_t platform_get_ns(const struct platform *platform, uint64_t bytes)
{
    return trip_ns(platform, bytes, platform->get_bytes_per_ms);
}

static void print_u64(struct buffer *out, uint64_t value)
{
    buffer_printf(out, "%" PRIu64, value);
}

static void print_u32(struct buffer *out, uint32_t value)
{
    print_u64(out, value);
}

static void print_double(struct buffer *out, double value)
{
    buffer_printf(out, "%.10g", value);
}

#define PRINT_VALUE(out, value)                                                                    \
    _Generic((value), uint64_t: print_u64, uint32_t: print_u32, double: print_double)(out, value)

void platform_print(const struct platform *platform, struct buffer *out)
{
    buffer_printf(out, "platform %s:\n", platform->name);
#define FIGURE(name, type, unit, text)                                                             \
    buffer_printf(out, "%-20s ", #name);                                                           \
    PRINT_VALUE(out, platform->name);                                                              \
    buffer_printf(out, " %s  (%s)\n", unit, text);
#include "graph/platform.def"
#undef FIGURE
}
