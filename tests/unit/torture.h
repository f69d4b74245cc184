/*
 * Random DAGs and faults for the simulated world. torture(seed, ...) builds a DAG by the seed, runs
 * it with the seed's faults and compares the result with a direct evaluation. It returns what the
 * run's own checks or the comparison found, or NULL.
 */
#ifndef WKC_TEST_TORTURE_H
#define WKC_TEST_TORTURE_H

#include "synthetic.h"
#include "world/sim.h"

static uint64_t torture_state;
static uint32_t torture_below(uint32_t bound)
{
    torture_state += 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash_mix(torture_state) >> 32) % bound;
}

enum torture_shape {
    SHAPE_RANDOM,  /* up to 6 producers from a window of older nodes */
    SHAPE_CHAINS,  /* diamonds and long chains with edges that skip ahead */
    SHAPE_FAN,     /* one to many to one, by way of some joins */
    SHAPE_JOINS,   /* executors that complete several joins at once */
    SHAPE_STENCIL, /* layers in which every node reads its neighbours in the layer before */
    SHAPE_COUNT
};

static void build_random(struct synthetic *s, uint32_t count, uint32_t width, uint32_t window)
{
    uint32_t producers[64];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t refs = i == 0 || torture_below(8) == 0 ? 0 : 1 + torture_below(width);
        for (uint32_t r = 0; r < refs; r++)
            producers[r] = i - 1 - torture_below(i < window ? i : window);
        synthetic_node(s, producers, refs);
    }
}

static void build_fan(struct synthetic *s, uint32_t width)
{
    uint32_t root = synthetic_node(s, NULL, 0), middle[400];
    for (uint32_t i = 0; i < width; i++) {
        uint32_t both[2] = {root, i ? middle[i - 1] : root};
        middle[i] = synthetic_node(s, both, torture_below(6) == 0 ? 2 : 1);
    }
    synthetic_node(s, middle, width);
}

/* Layers in which every node reads a few of the layer before: the last to come owns several. */
static void build_joins(struct synthetic *s, uint32_t layers, uint32_t width)
{
    uint32_t before[8] = {0}, now[8] = {0}, producers[8];
    for (uint32_t layer = 0; layer < layers; layer++) {
        for (uint32_t i = 0; i < width; i++) {
            uint32_t refs = layer ? 2 + torture_below(3) : 0;
            for (uint32_t r = 0; r < refs; r++)
                producers[r] = before[torture_below(width)];
            now[i] = synthetic_node(s, producers, refs);
        }
        for (uint32_t i = 0; i < width; i++)
            before[i] = now[i];
    }
    synthetic_node(s, before, width);
}

static void build_stencil(struct synthetic *s, uint32_t layers, uint32_t width, uint32_t reach)
{
    uint32_t before[16] = {0}, now[16] = {0}, producers[8];
    for (uint32_t layer = 0; layer < layers; layer++) {
        for (uint32_t i = 0; i < width; i++) {
            uint32_t refs = 0;
            for (uint32_t r = i < reach ? 0 : i - reach; layer && r <= i + reach && r < width; r++)
                producers[refs++] = before[r];
            now[i] = synthetic_node(s, producers, refs);
        }
        for (uint32_t i = 0; i < width; i++)
            before[i] = now[i];
    }
    synthetic_node(s, before, width);
}

static void torture_build(struct synthetic *s, uint64_t seed)
{
    torture_state = seed;
    synthetic_begin(s);
    switch ((enum torture_shape)torture_below(SHAPE_COUNT)) {
    case SHAPE_RANDOM:
        build_random(s, 2 + torture_below(40), 1 + torture_below(6), 1 + torture_below(20));
        break;
    case SHAPE_CHAINS:
        build_random(s, 2 + torture_below(30), 2, 3);
        break;
    case SHAPE_FAN:
        build_fan(s, 1 + torture_below(torture_below(4) ? 20 : 300));
        break;
    case SHAPE_JOINS:
        build_joins(s, 2 + torture_below(6), 2 + torture_below(4));
        break;
    case SHAPE_STENCIL:
        build_stencil(s, 2 + torture_below(8), 2 + torture_below(14), 1 + torture_below(2));
        break;
    case SHAPE_COUNT:
        break;
    }
    uint32_t last = s->count - 1, twice[3] = {last, 0, last};
    synthetic_end(s, twice, 1 + torture_below(3));
}

static const char *torture_compare(const struct synthetic *s, const struct job_outcome *outcome)
{
    const struct dag *dag = &s->dag;
    const dag_ref *refs = dag->refs + dag->nodes[dag_sink(dag)].first_ref;
    uint64_t *values = synthetic_values(s), count = dag_ref_count(dag, dag_sink(dag));
    const uint64_t *found = (const uint64_t *)(uintptr_t)outcome->words[0];
    const char *difference = outcome->words[1] == count ? NULL : "P2: wrong number of results";
    for (uint64_t i = 0; !difference && i < count; i++)
        if (found[i] != values[dag_ref_source(refs[i])])
            difference = "P2: wrong result";
    free(values);
    return difference;
}

static struct metrics torture_metrics;

static const struct type *torture_result(void)
{
    static struct arena arena;
    static struct type_table types;
    if (!types.arena) {
        arena_init(&arena);
        type_table_init(&types, &arena);
    }
    return type_parse(&types, "u64[_]");
}

/* What is wrong with a run, or NULL; the outcome is released. */
static const char *torture_judge(const struct synthetic *s, const struct sim_options *faults,
                                 int code, struct job_outcome *outcome, const struct error *error)
{
    if (code == ERR_store_missing && faults->profile == SIM_FORGETS)
        return NULL; /* what was forgotten is said */
    if (code)
        return error->message;
    const char *difference = torture_compare(s, outcome);
    outcome->release(outcome);
    return difference;
}

static const char *torture_run(const struct synthetic *s, const struct sim_options *faults)
{
    static struct error error;
    wk_kernel *kernels[] = {NULL, synthetic_kernel};
    struct job job = {.plan = &s->plan, .kernels = kernels, .result_type = torture_result()};
    struct job_options options = {0};
    struct job_outcome outcome;
    int code = sim_run_with(&job, &options, faults, &outcome, &error);
    torture_metrics = outcome.metrics;
    return torture_judge(s, faults, code, &outcome, &error);
}

/* Two jobs share a store: each ends as it does alone. */
static const char *torture_run_two(const struct synthetic *s, const struct sim_options *faults)
{
    static struct sim_run runs[2];
    wk_kernel *kernels[] = {NULL, synthetic_kernel};
    struct job jobs[2];
    struct job_options options = {0};
    const char *found = NULL;
    for (int i = 0; i < 2; i++) {
        jobs[i] =
            (struct job){.plan = &s[i].plan, .kernels = kernels, .result_type = torture_result()};
        runs[i] = (struct sim_run){.job = &jobs[i], .faults = &faults[i]};
    }
    sim_run_two(runs, &options);
    torture_metrics = runs[0].outcome.metrics;
    for (int i = 0; i < 2; i++) {
        const char *what = torture_judge(&s[i], &faults[i], (int)runs[i].error.code,
                                         &runs[i].outcome, &runs[i].error);
        found = found ? found : what;
    }
    return found;
}

/* Some nodes form clusters with nodes near them; some joins are waited for by their clusters,
 * whether or not anybody of these will ever hold a part of them. */
static void torture_cluster(struct synthetic *s)
{
    uint32_t count = s->dag.node_count, size = 1 + torture_below(8);
    s->plan.cluster = malloc(count * sizeof *s->plan.cluster);
    for (uint32_t n = 0; n < count; n++)
        s->plan.cluster[n] = torture_below(4) ? n / size : PLAN_NONE;
    if (torture_below(4))
        plan_group_sources(&s->plan);
    s->plan.waits = calloc(count, sizeof *s->plan.waits);
    for (uint32_t n = 0; n < count; n++) {
        bool is_alone = n % 2 && s->plan.cluster[n] != PLAN_NONE; /* or said to be */
        s->plan.waits[n] = torture_below(2) ? torture_below(200) : is_alone ? PLAN_NONE : 0;
    }
}

/* In half of the jobs some edges, or most, carry slices, by the seed, but none to the sink. */
static void torture_slices(struct synthetic *s, uint64_t seed)
{
    const struct dag *dag = &s->dag;
    uint64_t choice = hash_combine(seed, 3), edges = dag->nodes[dag->node_count].first_child;
    if (choice % 2)
        return;
    s->plan.slices = calloc(edges / 64 + 1, sizeof *s->plan.slices);
    for (uint64_t e = 0; e < edges; e++)
        if (dag->children[e].node != dag_sink(dag) && hash_combine(choice, e) % 8 < choice / 2 % 8)
            s->plan.slices[e / 64] |= UINT64_C(1) << e % 64;
}

/* In half of the runs each technique is on; else some are off. Fan-outs of a few are wide. */
static struct executor_options torture_options(struct synthetic *s)
{
    struct executor_options options = {.ways = 2 + torture_below(4), .tasks = torture_below(4)};
    if (torture_below(2))
        torture_cluster(s);
    unsigned off = torture_below(2) ? 0 : torture_below(16);
    options.without_become = off & 1;
    options.without_clustering = off & 2;
    options.without_delayed_io = off & 4;
    options.without_tree = off & 8;
    options.foresight = torture_below(2) ? 0 : 1 + torture_below(3);
    options.grain = torture_below(2) ? 0 : 1 + torture_below(torture_below(2) ? 4 : 40);
    plan_index_fan_outs(&s->plan, torture_below(2) ? off & 3 : ~0u);
    return options;
}

static void torture_make(struct synthetic *s, struct sim_options *faults, uint64_t seed,
                         enum sim_profile profile)
{
    torture_build(s, seed);
    torture_slices(s, seed);
    struct executor_options executor = torture_options(s);
    *faults = (struct sim_options){.seed = seed,
                                   .profile = profile,
                                   .faults = 1 + torture_below(8),
                                   .large_percent = torture_below(4) * 33,
                                   .executor = executor};
}

/* A quarter of the jobs have another beside them. */
static inline const char *torture(uint64_t seed, enum sim_profile profile)
{
    struct synthetic s[2];
    struct sim_options faults[2];
    bool has_other = hash_combine(seed, 1) % 4 == 0;
    torture_make(&s[0], &faults[0], seed, profile);
    if (has_other)
        torture_make(&s[1], &faults[1], hash_combine(seed, 2), profile);
    const char *found = has_other ? torture_run_two(s, faults) : torture_run(&s[0], &faults[0]);
    synthetic_release(&s[0]);
    if (has_other)
        synthetic_release(&s[1]);
    return found;
}

#endif
