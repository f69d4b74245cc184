/* The simulated world: random DAGs with faults of each kind; P1, P2, P6 always, P3 without faults.
 */
#include "test.h"
#include "sketch.h"
#include "torture.h"

static void each_profile_keeps_the_promises(void)
{
    enum { SEEDS = 400 };
    for (int profile = SIM_NO_FAULTS; profile < SIM_PROFILE_COUNT; profile++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            const char *found = torture(seed, (enum sim_profile)profile);
            if (found)
                fprintf(stderr, "seed %" PRIu64 ", profile %d: %s\n", seed, profile, found);
            CHECK(!found);
        }
}

/* 1 -> width -> 1 */
static const char *run_join(uint32_t width, enum sim_profile profile, uint32_t large_percent)
{
    struct synthetic s;
    synthetic_begin(&s);
    uint32_t root = synthetic_node(&s, NULL, 0), *middle = malloc(width * sizeof *middle);
    for (uint32_t i = 0; i < width; i++)
        middle[i] = synthetic_node(&s, &root, 1);
    uint32_t last = synthetic_node(&s, middle, width);
    synthetic_end(&s, &last, 1);
    struct sim_options faults = {
        .seed = width, .profile = profile, .faults = 4, .large_percent = large_percent};
    const char *found = torture_run(&s, &faults);
    free(middle);
    synthetic_release(&s);
    return found;
}

static void check_join(uint32_t width, enum sim_profile profile, uint32_t large_percent)
{
    const char *found = run_join(width, profile, large_percent);
    if (found)
        fprintf(stderr, "in-degree %u, profile %d: %s\n", width, (int)profile, found);
    CHECK(!found);
}

static void joins_of_each_in_degree(void)
{
    for (uint32_t width = 1; width <= 300; width++) {
        check_join(width, SIM_NO_FAULTS, width % 3 * 50);
        check_join(width, (enum sim_profile)(1 + width % (SIM_PROFILE_COUNT - 1)), width % 3 * 50);
    }
}

static void a_join_of_100000(void)
{
    check_join(100000, SIM_NO_FAULTS, 0);
    CHECK_INT(torture_metrics.arrivals_own + torture_metrics.arrivals_not, 100000 + 1563 + 25);
    check_join(100000, SIM_CRASHES, 50);
}

/* With tasks longer than the sweeper's patience, and a client that sweeps: it finds nothing. */
static void nothing_is_swept_without_faults(void)
{
    check_join(10000, SIM_SWEPT, 0);
    CHECK_INT(torture_metrics.sweeps, 0);
    check_join(3000, SIM_SWEPT, 50);
    CHECK_INT(torture_metrics.sweeps, 0);
}

/* And with faults it does. */
static void what_is_lost_is_swept(void)
{
    uint64_t sweeps = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        CHECK(!torture(seed, SIM_LOST_EVENTS));
        sweeps += torture_metrics.sweeps;
    }
    CHECK(sweeps > 20);
}

/* The same seed gives the same run, to the last counter. */
static void runs_are_reproducible(void)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        CHECK(!torture(seed, SIM_ALL_FAULTS));
        struct metrics first = torture_metrics;
        CHECK(!torture(seed, SIM_ALL_FAULTS));
        first.wall_seconds = torture_metrics.wall_seconds = 0;
        CHECK(memcmp(&first, &torture_metrics, sizeof first) == 0);
    }
}

/* Faults do happen: without them, the profiles would pass for the wrong reason. */
static void faults_cause_repetitions(void)
{
    for (int profile = SIM_CRASHES; profile < SIM_PROFILE_COUNT; profile++) {
        uint64_t duplicates = 0, stops = 0;
        for (uint64_t seed = 0; seed < 200; seed++) {
            CHECK(!torture(seed, (enum sim_profile)profile));
            duplicates += torture_metrics.duplicate_runs;
            stops += torture_metrics.arrivals_stop;
        }
        if (profile != SIM_DELAYS && profile != SIM_TIME_LIMITS && profile != SIM_SWEPT)
            CHECK(duplicates + stops > 0);
    }
}

/* Arrays flow through the model as in the local world, large ones by way of its store; a seed's
 * faults change nothing about the result. */
static void arrays_survive_faults(void)
{
    wk_kernel *kernels[] = {NULL, ramp, add};
    struct sketch s;
    uint64_t reads = 0;
    sketch_reduction(&s, 37, 200);
    sketch_end(&s);
    struct job job = {.plan = &s.plan, .kernels = kernels, .result_type = type_of("f64[_]")};
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct job_options options = {.seed = seed};
        struct job_outcome outcome;
        struct error error = {0};
        CHECK_INT(sim_run(&job, &options, &outcome, &error), 0);
        CHECK_TEXT(error.message, "");
        CHECK_INT(outcome.metrics.tasks_run, 73);
        CHECK(sketch_is_reduced(&outcome, 37, 200));
        reads += outcome.metrics.store_reads;
        outcome.release(&outcome);
    }
    CHECK(reads > 100 * 30);
    sketch_release(&s);
}

/* A task that fails by its program fails the job, with the text that the local world gives. */
static int32_t refuse(struct wk_context *context, const uint64_t *arguments, uint64_t *results)
{
    static const struct wk_site site = {.code = ERR_task_failed,
                                        .line = 3,
                                        .column = 5,
                                        .length = 4,
                                        .file = "sketch.wk",
                                        .format = "no {}",
                                        .types = "i"};
    (void)results;
    return wk_fail(context, &site, arguments);
}

static void failures_end_the_job(void)
{
    wk_kernel *kernels[] = {NULL, refuse, add};
    struct sketch s;
    sketch_reduction(&s, 5, 20);
    sketch_end(&s);
    struct job job = {.plan = &s.plan, .kernels = kernels, .result_type = type_of("f64[_]")};
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct job_options options = {.seed = seed};
        struct job_outcome outcome;
        struct error error = {0};
        CHECK_INT(sim_run(&job, &options, &outcome, &error), ERR_task_failed);
        CHECK_TEXT(error.message, "no 20");
        CHECK_TEXT(error.note, "in ramp(n: 20), called here");
        CHECK_INT(error.note_place.line, 7);
    }
    sketch_release(&s);
}

TEST_MAIN(TEST(each_profile_keeps_the_promises), TEST(joins_of_each_in_degree),
          TEST(a_join_of_100000), TEST(nothing_is_swept_without_faults),
          TEST(what_is_lost_is_swept), TEST(runs_are_reproducible), TEST(faults_cause_repetitions),
          TEST(arrays_survive_faults), TEST(failures_end_the_job))
