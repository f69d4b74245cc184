/*
 * The simulated world with time, against closed forms: chains, fan-outs, tree reductions, lines
 * before environments, ways of a known bandwidth; the bytes and the price.
 *
 * The platform here has round figures, and shards and executors without work of their own, so that
 * what is expected can be written down.
 */
#include <math.h>
#include <string.h>

#include "test.h"
#include "sketch.h"
#include "torture.h"
#include "world/sim.h"
#include "world/sim_cloud.h"

#define MS UINT64_C(1000000)

static const struct platform plain = {.name = "plain",
                                      .invoke_ns = 30 * MS,
                                      .connections = 64,
                                      .concurrency = 1000,
                                      .payload_bytes = 1000000,
                                      .inline_bytes = 1024,
                                      .vcpus = 1,
                                      .speed = 1,
                                      .memory_bytes = 1 << 30,
                                      .round_trip_ns = 2 * MS,
                                      .bytes_per_ms = UINT64_C(1) << 50,
                                      .store_shards = 1,
                                      .shard_bytes_per_ms = UINT64_C(1) << 50};
static const uint64_t invoke = 30 * MS, trip = 2 * MS, cost = 100 * MS;

/* ---- Jobs ------------------------------------------------------------------------------------ */

struct drawing {
    struct sketch s;
    uint32_t source, then, both; /* tasks: of nothing, one, two */
    uint32_t view;
};

/* add, of one array and nothing */
static int32_t copy(struct wk_context *context, const uint64_t *arguments, uint64_t *results)
{
    const uint64_t twice[] = {arguments[0], arguments[1], arguments[0], arguments[1]};
    return add(context, twice, results);
}

static void draw(struct drawing *d, int64_t elements, uint64_t cost_ns)
{
    struct dag_task task = {.cost_ns = cost_ns};
    sketch_begin(&d->s);
    d->source = sketch_task(&d->s, "ramp", "(n: i64,)", "f64[_]", task);
    d->both = sketch_task(&d->s, "add", "(a: f64[_], b: f64[_])", "f64[_]", task);
    d->then = sketch_task(&d->s, "copy", "(a: f64[_],)", "f64[_]", task);
    d->view = sketch_view(&d->s, (struct dag_view){.scalar = WK_F64, .rank = 1}, &elements);
}

static uint32_t draw_source(struct drawing *d, uint64_t elements)
{
    dag_add_word(d->s.builder, elements);
    return sketch_node(&d->s, d->source, &word_code, 1);
}

static uint32_t draw_then(struct drawing *d, uint32_t from)
{
    sketch_ref(&d->s, from, d->view);
    return sketch_node(&d->s, d->then, &ref_code, 1);
}

static uint32_t draw_both(struct drawing *d, uint32_t a, uint32_t b)
{
    static const uint32_t two[] = {DAG_ARG_REF, DAG_ARG_REF};
    sketch_ref(&d->s, a, d->view);
    sketch_ref(&d->s, b, d->view);
    return sketch_node(&d->s, d->both, two, 2);
}

/* The result: all of these. */
static void draw_result(struct drawing *d, const uint32_t *nodes, uint32_t count)
{
    uint32_t *codes = malloc(count * sizeof *codes);
    for (uint32_t i = 0; i < count; i++) {
        sketch_ref(&d->s, nodes[i], d->view);
        codes[i] = DAG_ARG_REF;
    }
    sketch_node(&d->s, DAG_RESULT, codes, count);
    sketch_end(&d->s);
    free(codes);
}

static void draw_chain(struct drawing *d, uint32_t length, uint64_t cost_ns)
{
    draw(d, 1, cost_ns);
    uint32_t last = draw_source(d, 1);
    for (uint32_t i = 1; i < length; i++)
        last = draw_then(d, last);
    draw_result(d, &last, 1);
}

/* A source, `width` children, all of them in the result. */
static void draw_fan(struct drawing *d, uint32_t width)
{
    draw(d, 1, cost);
    uint32_t root = draw_source(d, 1), *children = malloc(width * sizeof *children);
    for (uint32_t i = 0; i < width; i++)
        children[i] = draw_then(d, root);
    draw_result(d, children, width);
    free(children);
}

static void draw_sources(struct drawing *d, uint32_t count, uint64_t elements, uint64_t cost_ns)
{
    draw(d, (int64_t)elements, cost_ns);
    uint32_t *sources = malloc(count * sizeof *sources);
    for (uint32_t i = 0; i < count; i++)
        sources[i] = draw_source(d, elements);
    draw_result(d, sources, count);
    free(sources);
}

static void draw_tree(struct drawing *d, uint32_t leaves, uint64_t elements)
{
    draw(d, (int64_t)elements, cost);
    uint32_t *level = malloc(leaves * sizeof *level);
    for (uint32_t i = 0; i < leaves; i++)
        level[i] = draw_source(d, elements);
    for (uint32_t count = leaves; count > 1; count /= 2)
        for (uint32_t i = 0; i < count / 2; i++)
            level[i] = draw_both(d, level[2 * i], level[2 * i + 1]);
    draw_result(d, level, 1);
    free(level);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static int run_job(struct drawing *d, const struct sim_cloud *cloud, struct job_outcome *outcome,
                   struct error *error)
{
    wk_kernel *kernels[] = {NULL, ramp, add, copy};
    struct buffer type = {0};
    uint64_t refs = dag_ref_count(&d->s.dag, dag_sink(&d->s.dag));
    for (uint64_t i = 0; i < refs; i++)
        buffer_printf(&type, "%sf64[_]%s", i ? ", " : "(", i + 1 < refs ? "" : ")");
    struct job job = {.plan = &d->s.plan,
                      .kernels = kernels,
                      .result_type = type_of(refs == 1 ? "f64[_]" : buffer_text(&type))};
    int code = sim_run_on(&job, &(struct job_options){0}, cloud, outcome, error);
    buffer_release(&type);
    return code;
}

/* Runs with the costs that are given, releases the drawing, and says what was measured. */
static struct metrics simulate(struct drawing *d, const struct sim_cloud *cloud)
{
    struct sim_cloud given = *cloud;
    struct job_outcome outcome;
    struct error error = {0};
    given.costs = SIM_COSTS_GIVEN;
    CHECK_INT(run_job(d, &given, &outcome, &error), 0);
    CHECK_TEXT(error.message, "");
    struct metrics metrics = outcome.metrics;
    if (outcome.release)
        outcome.release(&outcome);
    return metrics;
}

static struct metrics simulate_once(struct drawing *d, const struct sim_cloud *cloud)
{
    struct metrics metrics = simulate(d, cloud);
    sketch_release(&d->s);
    return metrics;
}

#define CHECK_SECONDS(found, expected_ns) CHECK_INT(llround((found) * 1e9), expected_ns)

/* ---- Time ------------------------------------------------------------------------------------ */

/* M4.1, M4.2: one executor becomes one task after the other; the result is committed, and read. */
static void a_chain_takes_one_start(void)
{
    for (uint32_t n = 1; n < 100; n += 7) {
        struct drawing d;
        draw_chain(&d, n, cost);
        struct metrics m = simulate_once(&d, &(struct sim_cloud){.platform = &plain});
        CHECK_SECONDS(m.simulated_seconds, invoke + n * cost + 2 * trip);
        CHECK_SECONDS(m.bound_seconds, invoke + n * cost + 2 * trip);
        CHECK_SECONDS(m.busy_seconds, n * cost);
        CHECK_INT(m.invocations, 1);
        CHECK_INT(m.becomes, n - 1);
    }
}

/* M2.3: slower processors take longer, and each task has its overhead. */
static void tasks_take_the_platforms_time(void)
{
    struct platform slow = plain;
    struct drawing d;
    slow.speed = 0.25;
    slow.task_overhead_ns = 5 * MS;
    draw_chain(&d, 10, cost);
    struct metrics m = simulate_once(&d, &(struct sim_cloud){.platform = &slow});
    CHECK_SECONDS(m.simulated_seconds, invoke + 10 * (4 * cost + 5 * MS) + 2 * trip);
}

static void a_fan_out_takes_one_invocation_more(void)
{
    for (uint32_t width = 2; width <= 32; width++) {
        struct drawing d;
        draw_fan(&d, width);
        struct metrics m = simulate_once(&d, &(struct sim_cloud){.platform = &plain});
        CHECK_SECONDS(m.simulated_seconds, 2 * invoke + 2 * cost + 3 * trip);
        CHECK_SECONDS(m.bound_seconds, 2 * invoke + 2 * cost + 3 * trip);
        CHECK_INT(m.invocations, width);
    }
}

/* 999 others in 32 ranges: two invocations, the question whether a range has been split, and a join
 * of two levels. */
static void a_wide_fan_out_takes_two(void)
{
    struct drawing d;
    draw_fan(&d, 1000);
    struct metrics m = simulate_once(&d, &(struct sim_cloud){.platform = &plain});
    CHECK_SECONDS(m.simulated_seconds, 3 * invoke + 2 * cost + 5 * trip);
    CHECK_INT(m.invocations, 1000);
    CHECK_INT(m.executors_peak, 1000);
}

/* M2.1: without ranges one executor invokes all, 64 at a time. */
static void connections_limit_invocations(void)
{
    struct drawing d;
    struct sim_cloud cloud = {.platform = &plain, .executor = {.without_tree = true}};
    draw_fan(&d, 1 + 640);
    struct metrics m = simulate_once(&d, &cloud);
    CHECK_SECONDS(m.simulated_seconds, invoke + 10 * invoke + 2 * cost + 4 * trip);
}

static void invocations_take_the_invokers_time(void)
{
    struct platform busy = plain;
    struct drawing d;
    busy.invoke_work_ns = 7 * MS;
    draw_fan(&d, 11);
    struct metrics m = simulate_once(&d, &(struct sim_cloud){.platform = &busy});
    CHECK_SECONDS(m.simulated_seconds, 2 * invoke + (1 + 10) * 7 * MS + 2 * cost + 3 * trip);
}

/* The client starts up to 32 leaves itself; each join is one round trip. */
static void a_tree_takes_a_round_trip_a_level(void)
{
    for (uint32_t levels = 3; levels <= 5; levels++) {
        struct drawing d;
        uint32_t leaves = 1u << levels;
        draw_tree(&d, leaves, 1);
        struct metrics m = simulate_once(&d, &(struct sim_cloud){.platform = &plain});
        CHECK_SECONDS(m.simulated_seconds, invoke + cost + levels * (trip + cost) + 2 * trip);
        CHECK_SECONDS(m.bound_seconds, invoke + cost + levels * (trip + cost) + 2 * trip);
        CHECK_INT(m.invocations, leaves);
        CHECK_INT(m.becomes, leaves - 1);
        CHECK_INT(m.store_round_trips, 2 * (leaves - 1) + 1); /* arrivals, the result */
        CHECK_INT(m.store_writes + m.store_reads, 0);
    }
}

/* ---- Environments ---------------------------------------------------------------------------- */

static void events_wait_for_an_environment(void)
{
    struct platform narrow = plain;
    struct drawing d;
    narrow.concurrency = 1;
    narrow.cold_start_ns = 500 * MS;
    draw_sources(&d, 3, 1, cost);
    struct metrics m = simulate_once(&d, &(struct sim_cloud){.platform = &narrow});
    CHECK_SECONDS(m.simulated_seconds, invoke + 500 * MS + 3 * (cost + trip) + 2 * trip);
    CHECK_INT(m.cold_starts, 1);
    CHECK_INT(m.executors_peak, 1);
    CHECK_SECONDS(m.bound_seconds, 3 * cost); /* on one processor */
}

/* M2.2: what is warm starts at once, but must know the graph; the others are cold, too. */
static void environments_start_cold(void)
{
    struct platform cold = plain;
    struct drawing d;
    cold.cold_start_ns = 500 * MS;
    cold.plan_node_ns = 10 * MS;
    for (uint32_t warm = 0; warm <= 4; warm++) {
        draw_sources(&d, 4, 1, cost);
        struct metrics m = simulate_once(&d, &(struct sim_cloud){.platform = &cold, .warm = warm});
        CHECK_INT(m.cold_starts, 4 - warm);
        CHECK_SECONDS(m.simulated_seconds,
                      invoke + (warm < 4 ? 500 * MS : 0) + 5 * 10 * MS + cost + 3 * trip);
    }
}

/* Ten at once, then one a second. */
static void environments_come_at_a_rate(void)
{
    struct platform slow = plain;
    struct sim_cloud cloud = {.platform = &slow, .executor = {.without_tree = true}};
    struct drawing d;
    slow.scale_per_second = 1;
    draw_sources(&d, 13, 1, 10000 * MS);
    struct metrics m = simulate_once(&d, &cloud);
    CHECK_INT(m.cold_starts, 13);
    CHECK(fabs(m.simulated_seconds - (0.03 + 3 + 10 + 0.006)) < 1e-6);
}

static void an_executor_runs_as_many_tasks_as_it_has_processors(void)
{
    struct platform two = plain;
    struct sim_cloud cloud = {.platform = &two, .executor = {.grain = 8}};
    struct drawing d;
    for (uint32_t vcpus = 1; vcpus <= 4; vcpus *= 2) {
        two.vcpus = vcpus;
        draw_sources(&d, 8, 1, cost);
        struct metrics m = simulate_once(&d, &cloud);
        CHECK_SECONDS(m.simulated_seconds, invoke + 8 / vcpus * cost + 2 * trip);
        CHECK_INT(m.invocations, 1);
    }
}

/* Two processors for all executors. */
static void shared_processors_are_shared(void)
{
    struct platform shared = plain;
    struct drawing d;
    shared.cores = 2;
    draw_sources(&d, 4, 1, cost);
    struct metrics m = simulate_once(&d, &(struct sim_cloud){.platform = &shared});
    CHECK_SECONDS(m.simulated_seconds, invoke + 2 * cost + 3 * trip);
    CHECK_SECONDS(m.bound_seconds, 2 * cost);
}

static void a_task_beyond_the_limit_is_refused(void)
{
    struct platform limited = plain;
    struct sim_cloud cloud = {.platform = &limited, .costs = SIM_COSTS_GIVEN};
    struct job_outcome outcome;
    struct error error = {0};
    struct drawing d;
    limited.limit_ns = 50 * MS;
    draw_chain(&d, 3, cost);
    CHECK_INT(run_job(&d, &cloud, &outcome, &error), ERR_platform_limit);
    CHECK(strstr(error.message, "ramp takes"));
    sketch_release(&d.s);
}

/* An executor that has run for long hands over: its successors finish the chain. */
static void executors_hand_over_before_their_limit(void)
{
    struct platform limited = plain;
    struct drawing d;
    limited.limit_ns = 20000 * MS;
    draw_chain(&d, 60, 1000 * MS);
    struct metrics m = simulate_once(&d, &(struct sim_cloud){.platform = &limited});
    CHECK(m.invocations >= 4);
    CHECK_INT(m.tasks_run, 60);
    CHECK_INT(m.duplicate_runs, 0);
}

/* ---- The store ------------------------------------------------------------------------------- */

enum { ELEMENTS = 1000, VALUE_BYTES = WK_HEADER_BYTES + 8 * ELEMENTS, BYTES_PER_MS = 1000 };
static const uint64_t value_ns = VALUE_BYTES * MS / BYTES_PER_MS;

/* M3.2: a value takes its time on its way. Both store and arrive; the last loads the other value,
 * adds, and stores the result. */
static void values_take_their_time(void)
{
    struct platform slow = plain;
    struct sim_cloud cloud = {.platform = &slow, .executor = {.without_delayed_io = true}};
    struct drawing d;
    slow.bytes_per_ms = BYTES_PER_MS;
    draw_tree(&d, 2, ELEMENTS);
    struct metrics m = simulate_once(&d, &cloud);
    CHECK_SECONDS(m.simulated_seconds, invoke + cost + value_ns + trip + trip + value_ns + trip +
                                           cost + value_ns + trip + 2 * trip);
    CHECK_INT(m.store_writes, 3);
    CHECK_INT(m.store_reads, 1);
}

/* M3.2: an executor that has two processors stores r for one of its children, who runs elsewhere,
 * while it loads x for the join of both. The join's chain takes longest; its end and the child that
 * stayed are stored at last. */
static void ways_go_both_directions(void)
{
    struct platform slow = plain;
    struct drawing d;
    slow.bytes_per_ms = BYTES_PER_MS;
    slow.vcpus = 2;
    draw(&d, ELEMENTS, cost);
    uint32_t x = draw_source(&d, ELEMENTS), r = draw_source(&d, ELEMENTS), results[3];
    for (int i = 1; i < 10; i++)
        r = draw_then(&d, r);
    results[0] = draw_both(&d, r, x);
    for (int i = 0; i < 19; i++)
        results[0] = draw_then(&d, results[0]);
    results[1] = draw_then(&d, r);
    results[2] = draw_then(&d, r);
    draw_result(&d, results, 3);
    struct metrics m = simulate_once(&d, &(struct sim_cloud){.platform = &slow});
    CHECK_SECONDS(m.simulated_seconds, invoke + 10 * cost + trip + value_ns + trip + 20 * cost +
                                           trip + 2 * value_ns + trip + 2 * trip);
}

/* M3.4: an input comes from the store, without the header of a value. */
static void inputs_are_loaded(void)
{
    struct platform slow = plain;
    struct sim_cloud cloud = {.platform = &slow, .is_dry = true};
    struct drawing d;
    slow.bytes_per_ms = BYTES_PER_MS;
    draw(&d, ELEMENTS, cost);
    dag_add_input(d.s.builder, &(struct dag_input){.name = dag_add_string(d.s.builder, "a"),
                                                   .scalar = WK_F64,
                                                   .rank = 1,
                                                   .extents = {ELEMENTS}});
    uint32_t first = draw_then(&d, DAG_INPUT), last = draw_then(&d, first);
    draw_result(&d, &last, 1);
    struct metrics m = simulate_once(&d, &cloud);
    CHECK_SECONDS(m.simulated_seconds, invoke + 8 * ELEMENTS * MS / BYTES_PER_MS + trip + 2 * cost +
                                           value_ns + trip + 2 * trip);
    CHECK_INT(m.input_bytes_read, 8 * ELEMENTS);
    CHECK_INT(m.store_bytes_read, 0);
}

/* M3.1: eight values through one slow shard. */
static void a_shard_serves_one_value_after_the_other(void)
{
    struct platform slow = plain;
    struct sim_cloud cloud = {.platform = &slow,
                              .executor = {.without_delayed_io = true, .without_tree = true}};
    struct drawing d;
    slow.shard_bytes_per_ms = BYTES_PER_MS;
    draw_sources(&d, 8, ELEMENTS, cost);
    struct metrics m = simulate_once(&d, &cloud);
    CHECK_SECONDS(m.simulated_seconds, invoke + cost + 8 * value_ns + 2 * trip + 2 * trip);
}

/* Delayed I/O: at each join of a tree one of the two values stays where it is. What is stored is
 * loaded once; the result is the client's. */
static void bytes_are_conserved(void)
{
    for (uint32_t leaves = 8; leaves <= 32; leaves *= 2) {
        struct drawing d;
        draw_tree(&d, leaves, ELEMENTS);
        struct metrics m = simulate_once(&d, &(struct sim_cloud){.platform = &plain});
        CHECK_INT(m.store_writes, leaves - 1 + 1);
        CHECK_INT(m.store_reads, leaves - 1);
        CHECK_INT(m.store_bytes_written, (uint64_t)leaves * VALUE_BYTES);
        CHECK_INT(m.store_bytes_read, (leaves - UINT64_C(1)) * VALUE_BYTES);
    }
}

/* The stateless way: each task an invocation, each value through the store, on each edge. */
static void without_techniques_all_goes_through_the_store(void)
{
    struct platform stateless = plain;
    struct sim_cloud cloud = {.platform = &stateless,
                              .executor = {.without_become = true,
                                           .without_clustering = true,
                                           .without_delayed_io = true,
                                           .without_tree = true}};
    stateless.inline_bytes = 0;
    for (uint32_t leaves = 2; leaves <= 32; leaves *= 2) {
        struct drawing d;
        draw_tree(&d, leaves, 1);
        struct metrics m = simulate_once(&d, &cloud);
        CHECK_INT(m.invocations, 2 * leaves); /* the result's own included */
        CHECK_INT(m.store_writes, 2 * leaves - 1);
        CHECK_INT(m.store_reads, 2 * (leaves - 1));
        CHECK_INT(m.arrival_bytes, 0);
    }
}

/* M3.3: a small value goes with its arrival, and from there to the owner: 16 bytes of a parcel, the
 * header, one number. The owner's own does not travel. */
static void small_values_travel_with_arrivals(void)
{
    struct drawing d;
    draw_tree(&d, 16, 1);
    struct metrics m = simulate_once(&d, &(struct sim_cloud){.platform = &plain});
    uint64_t parcel = 16 + WK_HEADER_BYTES + 8;
    CHECK_INT(m.arrivals_not, 15);
    /* All arrive with theirs, also the last; the owners get the first one's. */
    CHECK_INT(m.arrival_bytes, 15 * 2 * parcel + 15 * parcel);
}

/* Of inputs that are too much for a payload all are stored. */
static void full_payloads_go_through_the_store(void)
{
    struct platform tight = plain;
    struct sim_cloud cloud = {.platform = &tight, .executor = {.without_become = true}};
    struct drawing d;
    draw_tree(&d, 8, 1);
    struct metrics m = simulate_once(&d, &cloud);
    CHECK_INT(m.store_writes, 0);
    tight.payload_bytes = 2 * (16 + WK_HEADER_BYTES + 8); /* a half: one value, not two */
    draw_tree(&d, 8, 1);
    m = simulate_once(&d, &cloud);
    CHECK_INT(m.store_writes, 14);
    CHECK_INT(m.store_reads, 14);
    CHECK_INT(m.store_bytes_written, 14 * (WK_HEADER_BYTES + 8));
}

/* By its round trip in whole ms, at least one, and its bandwidth. */
static void patience_is_the_platforms(void)
{
    struct executor_options options = {.grain = 7};
    executor_fit(&options, platform_find("lambda-1769"));
    CHECK_INT(options.patience, 1);
    CHECK_INT(options.wait_at_least, 1);
    CHECK_INT(options.bytes_per_ms, 75000);
    CHECK_INT(options.grain, 7);
    executor_fit(&options, &plain);
    CHECK_INT(options.patience, 2);
    CHECK_INT(options.bytes_per_ms, UINT32_MAX);
}

/* ---- The price ------------------------------------------------------------------------------- */

/* M4.3, M4.4 */
static void a_chain_costs_what_it_takes(void)
{
    struct platform dear = plain;
    struct drawing d;
    dear.memory_bytes = 3 << 29; /* 1.5 GB */
    dear.gb_second_price = 7;
    dear.request_price = 1000;
    dear.store_unit_price = 1000000;
    draw_chain(&d, 10, cost);
    struct metrics m = simulate_once(&d, &(struct sim_cloud){.platform = &dear});
    /* 10 tasks, the commit, and the marks of the shards; by the ms: one more for the ns more */
    double seconds = (10 * 100 + 2 + 2 + 1) / 1e3;
    CHECK(fabs(m.billed_seconds - seconds) < 1e-9);
    CHECK(fabs(m.gb_seconds - 1.5 * seconds) < 1e-9);
    CHECK_INT(m.values_peak_bytes, 10 * (WK_HEADER_BYTES + 8));
    CHECK(fabs(m.cost_dollars - (7 * 1.5 * seconds + 1000 + 1000000)) < 1e-6);
}

/* A kilobyte is a unit; a command less than that is one, too. */
static void bytes_have_a_price(void)
{
    struct platform dear = plain;
    struct sim_cloud cloud = {.platform = &dear, .executor = {.without_delayed_io = true}};
    struct drawing d;
    dear.store_unit_price = 1;
    draw_tree(&d, 2, ELEMENTS);
    struct metrics m = simulate_once(&d, &cloud);
    /* Three values are put, one got; two arrivals, one commit, one mark that the join has passed */
    CHECK(fabs(m.cost_dollars - (4 * VALUE_BYTES / 1e3 + 4)) < 1e-9);
}

/* ---- Modes ----------------------------------------------------------------------------------- */

static bool is_same(struct metrics a, struct metrics b)
{
    a.wall_seconds = b.wall_seconds = 0;
    return memcmp(&a, &b, sizeof a) == 0;
}

/* M1.3, M3.5: with the same costs the same run, to the last counter; and with known shapes the same
 * without running anything. */
static void dry_runs_are_the_same(void)
{
    struct drawing d;
    draw_tree(&d, 64, ELEMENTS);
    struct sim_cloud cloud = {.platform = platform_find("lambda-1769")};
    struct metrics first = simulate(&d, &cloud), second = simulate(&d, &cloud);
    cloud.is_dry = true;
    struct metrics dry = simulate_once(&d, &cloud);
    CHECK(is_same(first, second));
    CHECK(is_same(first, dry));
    CHECK(first.store_bytes_read > 0);
}

/* M2.4: what no cost is given for takes as long as it takes here; results are those of other
 * worlds. */
static void tasks_are_run_and_measured(void)
{
    struct job_outcome outcome;
    struct error error = {0};
    struct sketch s;
    wk_kernel *kernels[] = {NULL, ramp, add};
    sketch_reduction(&s, 37, 2000);
    sketch_end(&s);
    struct job job = {.plan = &s.plan, .kernels = kernels, .result_type = type_of("f64[_]")};
    struct sim_cloud cloud = {.platform = &plain};
    CHECK_INT(sim_run_on(&job, &(struct job_options){0}, &cloud, &outcome, &error), 0);
    CHECK_TEXT(error.message, "");
    CHECK(sketch_is_reduced(&outcome, 37, 2000));
    CHECK(outcome.metrics.busy_seconds > 0);
    CHECK(outcome.metrics.busy_seconds < 10);
    outcome.release(&outcome);
    sketch_release(&s);
}

/* M2.4: a cost that the program gives counts, unless it is not wanted. */
static void costs_are_given_or_measured(void)
{
    static const enum sim_costs kinds[] = {SIM_COSTS_MIXED, SIM_COSTS_GIVEN, SIM_COSTS_MEASURED};
    for (int i = 0; i < 3; i++) {
        struct sim_cloud cloud = {.platform = &plain, .costs = kinds[i]};
        struct job_outcome outcome;
        struct error error = {0};
        struct drawing d;
        draw_chain(&d, 10, cost);
        CHECK_INT(run_job(&d, &cloud, &outcome, &error), 0);
        double busy = outcome.metrics.busy_seconds;
        CHECK(kinds[i] == SIM_COSTS_MEASURED ? busy < 0.9 : llround(busy * 1e9) == 10 * (int)cost);
        outcome.release(&outcome);
        sketch_release(&d.s);
    }
}

/* M1.4 is checked in each run. Where each executor runs one lineage, nothing is faster than the
 * bound. */
static void nothing_is_faster_than_the_bound(void)
{
    for (uint32_t leaves = 2; leaves <= 256; leaves *= 2)
        for (unsigned off = 0; off < 16; off++) {
            struct sim_cloud cloud = {.platform = platform_find("lambda-1769"),
                                      .warm = 1000,
                                      .executor = {.without_become = off & 1,
                                                   .without_clustering = off & 2,
                                                   .without_delayed_io = off & 4,
                                                   .without_tree = off & 8}};
            struct drawing d;
            draw_tree(&d, leaves, ELEMENTS);
            struct metrics m = simulate_once(&d, &cloud);
            CHECK(m.simulated_seconds >= m.bound_seconds);
        }
}

/* M1.4: random graphs with random techniques, small values and large ones, keep the promises in
 * time, too, and give the right results. */
static void random_graphs_keep_the_promises(void)
{
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct platform random = plain;
        struct synthetic s;
        torture_build(&s, seed);
        torture_slices(&s, seed);
        struct sim_cloud cloud = {.platform = &random, .executor = torture_options(&s)};
        random.vcpus = 1 + torture_below(3);
        random.inline_bytes = torture_below(2) ? 8 * torture_below(3) : 1024;
        random.concurrency = torture_below(2) ? 1 + torture_below(4) : 1000;
        random.task_overhead_ns = torture_below(3) * MS;
        random.limit_ns = torture_below(4) ? 0 : 10000 * MS;
        random.shard_bytes_per_ms = 1 + torture_below(50);
        wk_kernel *kernels[] = {NULL, synthetic_kernel};
        struct job job = {.plan = &s.plan, .kernels = kernels, .result_type = type_of("u64[_]")};
        struct job_outcome outcome;
        struct error error = {0};
        CHECK_INT(sim_run_on(&job, &(struct job_options){0}, &cloud, &outcome, &error), 0);
        CHECK_TEXT(error.message, "");
        if (outcome.release) {
            CHECK(!torture_compare(&s, &outcome));
            outcome.release(&outcome);
        }
        synthetic_release(&s);
    }
}

TEST_MAIN(TEST(a_chain_takes_one_start), TEST(tasks_take_the_platforms_time),
          TEST(a_fan_out_takes_one_invocation_more), TEST(a_wide_fan_out_takes_two),
          TEST(connections_limit_invocations), TEST(invocations_take_the_invokers_time),
          TEST(a_tree_takes_a_round_trip_a_level), TEST(events_wait_for_an_environment),
          TEST(environments_start_cold), TEST(environments_come_at_a_rate),
          TEST(an_executor_runs_as_many_tasks_as_it_has_processors),
          TEST(shared_processors_are_shared), TEST(a_task_beyond_the_limit_is_refused),
          TEST(executors_hand_over_before_their_limit), TEST(values_take_their_time),
          TEST(ways_go_both_directions), TEST(inputs_are_loaded),
          TEST(a_shard_serves_one_value_after_the_other), TEST(bytes_are_conserved),
          TEST(without_techniques_all_goes_through_the_store),
          TEST(small_values_travel_with_arrivals), TEST(full_payloads_go_through_the_store),
          TEST(patience_is_the_platforms), TEST(a_chain_costs_what_it_takes),
          TEST(bytes_have_a_price), TEST(dry_runs_are_the_same), TEST(tasks_are_run_and_measured),
          TEST(costs_are_given_or_measured), TEST(nothing_is_faster_than_the_bound),
          TEST(random_graphs_keep_the_promises))
