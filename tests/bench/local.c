/*
 * The local world against its peers: the same empty tasks, two workers, from the plan in memory to
 * the result. Each pair runs in turn in one run; medians, extremes and the ratio of medians are
 * printed.
 *
 *     build/release/bench/local [ROUNDS]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "graphs.h"
#include "peers.h"
#include "world/world.h"

enum {
    WORKERS = 2,
    TREE_DEPTH = 19,
    FAN_WIDTH = 100000,
    WIDTH = 4,
    STEPS = 100000,
    MOST_ROUNDS = 101
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* The time now, after the threads of the run before have gone to sleep: those of OpenMP and oneTBB spin
 * for a while, and would take a processor from whoever comes next. */
static double begin_run(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 30 * 1000 * 1000}, NULL);
    return now();
}

static void expect(const char *what, uint64_t found, uint64_t expected)
{
    if (found == expected)
        return;
    fprintf(stderr, "%s: the result is %llu, expected %llu\n", what, (unsigned long long)found,
            (unsigned long long)expected);
    exit(1);
}

/* ---- The static C program ------------------------------------------------------------------ */

/* Two threads, each with a block of columns; a task is called through a pointer and reads its
 * inputs. A thread waits for a column of the other by spinning on how far it has come. */
struct column {
    _Alignas(64) _Atomic(uint32_t) steps_done;
};

struct fixed {
    enum pattern pattern;
    uint32_t *first;     /* by node (step * WIDTH + column): where its producers begin */
    uint32_t *producers; /* nodes */
    uint64_t *values;
    struct column columns[WIDTH];
};

static void fixed_init(struct fixed *f, enum pattern pattern)
{
    uint32_t count = 0, from[8];
    f->pattern = pattern;
    f->first = malloc((STEPS * WIDTH + 1) * sizeof *f->first);
    f->producers = malloc(STEPS * WIDTH * 4 * sizeof *f->producers);
    f->values = calloc(STEPS * WIDTH, sizeof *f->values);
    for (uint32_t step = 0; step < STEPS; step++)
        for (uint32_t i = 0; i < WIDTH; i++) {
            f->first[step * WIDTH + i] = count;
            bool exists = i < pattern_width(pattern, WIDTH, step);
            uint32_t refs = step && exists ? pattern_producers(pattern, WIDTH, step, i, from) : 0;
            for (uint32_t p = 0; p < refs; p++)
                f->producers[count++] = (step - 1) * WIDTH + from[p];
        }
    f->first[STEPS * WIDTH] = count;
}

static void fixed_release(struct fixed *f)
{
    free(f->first);
    free(f->producers);
    free(f->values);
}

static void fixed_task(struct fixed *f, uint32_t step, uint32_t column)
{
    uint32_t node = step * WIDTH + column, count = f->first[node + 1] - f->first[node];
    const uint32_t *producers = f->producers + f->first[node];
    uint64_t arguments[4];
    for (uint32_t p = 0; p < count; p++) {
        _Atomic(uint32_t) *done = &f->columns[producers[p] % WIDTH].steps_done;
        while (atomic_load_explicit(done, memory_order_acquire) < step)
            continue;
        arguments[p] = f->values[producers[p]];
    }
    graph_kernels[count + 1](NULL, arguments, &f->values[node]);
    atomic_store_explicit(&f->columns[column].steps_done, step + 1, memory_order_release);
}

static void fixed_columns(struct fixed *f, uint32_t begin, uint32_t end)
{
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t width = pattern_width(f->pattern, WIDTH, step);
        for (uint32_t i = begin; i < end; i++) {
            if (i < width)
                fixed_task(f, step, i);
        }
    }
}

static void *fixed_other_half(void *f)
{
    fixed_columns(f, WIDTH / 2, WIDTH);
    return NULL;
}

static double run_fixed(struct fixed *f)
{
    pthread_t other;
    double begin = begin_run();
    for (uint32_t i = 0; i < WIDTH; i++)
        atomic_store(&f->columns[i].steps_done, 0);
    pthread_create(&other, NULL, fixed_other_half, f);
    fixed_columns(f, 0, WIDTH / 2);
    pthread_join(other, NULL);
    return now() - begin;
}

/* ---- The local world ----------------------------------------------------------------------- */

static struct arena arena;
static struct type_table types;

/* Runs a graph; `last` receives the first word of the result. */
static double run_local(struct graph *g, uint64_t *last)
{
    struct job job = {
        .plan = &g->plan, .kernels = graph_kernels, .result_type = type_parse(&types, "u64[_]")};
    struct job_options options = {.workers = WORKERS};
    struct job_outcome outcome;
    struct error error;
    double begin = begin_run();
    if (local_run(&job, &options, &outcome, &error)) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    double seconds = now() - begin;
    *last = *(const uint64_t *)(uintptr_t)outcome.words[0];
    outcome.release(&outcome);
    return seconds;
}

/* ---- Samples ------------------------------------------------------------------------------- */

struct samples {
    const char *name;
    double seconds[MOST_ROUNDS];
    int count;
};

static int compare_seconds(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void add(struct samples *samples, double seconds)
{
    samples->seconds[samples->count++] = seconds;
}

static double median(struct samples *samples)
{
    qsort(samples->seconds, (size_t)samples->count, sizeof(double), compare_seconds);
    return samples->seconds[samples->count / 2];
}

/* One line for each peer. What is to be reached counts against the fastest of them. */
static void print_pair(const char *name, uint32_t tasks, struct samples *ours, struct samples *peer,
                       double reach)
{
    int last = ours->count - 1;
    printf("{\"name\": \"%s\", \"peer\": \"%s\", \"median\": %.6g, \"min\": %.6g, \"max\": %.6g, "
           "\"peer_median\": %.6g, \"peer_min\": %.6g, \"peer_max\": %.6g, \"ratio\": %.4g",
           name, peer->name, median(ours) / tasks, ours->seconds[0] / tasks,
           ours->seconds[last] / tasks, median(peer) / tasks, peer->seconds[0] / tasks,
           peer->seconds[last] / tasks, median(ours) / median(peer));
    if (reach > 0)
        printf(", \"reach\": %.2f", reach);
    printf("}\n");
    fflush(stdout);
}

/* The first samples are ours. */
static void report(const char *name, uint32_t tasks, struct samples *samples, int count,
                   double reach)
{
    int fastest = 1;
    for (int i = 2; i < count; i++)
        if (median(&samples[i]) < median(&samples[fastest]))
            fastest = i;
    for (int i = 1; i < count; i++)
        print_pair(name, tasks, &samples[0], &samples[i], i == fastest ? reach : 0);
}

/* ---- Comparisons --------------------------------------------------------------------------- */

static void compare_tree(int rounds)
{
    struct samples samples[] = {{.name = "wkc"},
                                {.name = "OpenMP, taskwait"},
                                {.name = "OpenMP, depend"},
                                {.name = "oneTBB"}};
    struct graph g;
    uint64_t sum, leaves = UINT64_C(1) << TREE_DEPTH;
    graph_tree(&g, TREE_DEPTH);
    struct tbb_graph *tbb = tbb_tree_new(TREE_DEPTH);
    for (int round = 0; round < rounds; round++) {
        add(&samples[0], run_local(&g, &sum));
        expect("tree", sum, leaves);
        double begin = begin_run();
        expect("OpenMP", openmp_tree(TREE_DEPTH), leaves);
        add(&samples[1], now() - begin);
        begin = begin_run();
        expect("OpenMP depend", openmp_tree_depend(TREE_DEPTH), leaves);
        add(&samples[2], now() - begin);
        begin = begin_run();
        expect("oneTBB", tbb_run(tbb), leaves);
        add(&samples[3], now() - begin);
    }
    report("run tree", g.dag.node_count - 1, samples, 4, 0.2);
    tbb_free(tbb);
    graph_release(&g);
}

static void compare_fan(int rounds)
{
    struct samples samples[] = {{.name = "wkc"}, {.name = "OpenMP"}, {.name = "oneTBB"}};
    struct graph g;
    uint64_t sum;
    graph_fan(&g, FAN_WIDTH);
    struct tbb_graph *tbb = tbb_fan_new(FAN_WIDTH);
    for (int round = 0; round < rounds; round++) {
        add(&samples[0], run_local(&g, &sum));
        expect("fan", sum, FAN_WIDTH);
        double begin = begin_run();
        expect("OpenMP", openmp_fan(FAN_WIDTH), FAN_WIDTH);
        add(&samples[1], now() - begin);
        begin = begin_run();
        expect("oneTBB", tbb_run(tbb), FAN_WIDTH);
        add(&samples[2], now() - begin);
    }
    report("run fan-out", g.dag.node_count - 1, samples, 3, 0.2);
    tbb_free(tbb);
    graph_release(&g);
}

static void compare_pattern(const char *name, enum pattern pattern, int rounds)
{
    struct samples samples[] = {{.name = "wkc"}, {.name = "C, fixed columns"}};
    struct graph g;
    struct fixed f = {0};
    uint64_t first;
    graph_pattern(&g, pattern, WIDTH, STEPS);
    fixed_init(&f, pattern);
    for (int round = 0; round < rounds; round++) {
        add(&samples[0], run_local(&g, &first));
        add(&samples[1], run_fixed(&f));
        expect(name, first, f.values[(STEPS - 1) * WIDTH]);
    }
    report(name, g.dag.node_count - 1, samples, 2, 2.0);
    fixed_release(&f);
    graph_release(&g);
}

int main(int count, char **arguments)
{
    int rounds = count > 1 ? atoi(arguments[1]) : 9;
    rounds = rounds < 1 ? 1 : rounds > MOST_ROUNDS ? MOST_ROUNDS : rounds;
    arena_init(&arena);
    type_table_init(&types, &arena);
    compare_tree(rounds);
    compare_fan(rounds);
    compare_pattern("run pattern stencil", STENCIL, rounds);
    compare_pattern("run pattern fft", FFT, rounds);
    compare_pattern("run pattern tree", TASK_TREE, rounds);
    compare_pattern("run pattern nearest", NEAREST, rounds);
    type_table_release(&types);
    arena_release(&arena);
    return 0;
}
