/* What a plan amounts to; see plan_summary.h. */
#include "graph/plan_summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "graph/cost.h"
#include "graph/platform.h"

enum { WAYS = 32 }; /* wide fan-outs are trees of so many ranges each */

/* An executor: when it began, and when it has run what it has so far. */
struct crew {
    uint64_t begin, free_at;
};

struct reckoning {
    const struct plan *plan;
    const struct dag *dag;
    const struct platform *platform;
    uint32_t grain;
    uint64_t *costs, *ends; /* by node */
    uint64_t *paths;        /* by node: the dearest chain that ends there */
    uint32_t *depths;
    uint32_t *crew;    /* by node */
    uint32_t *kept;    /* by node: the child that its executor becomes */
    uint32_t *listed;  /* by node: children that are invoked */
    uint32_t *invoked; /* by node: of them, those that were invoked so far */
    uint32_t *group;   /* by node: the executor of its last group of children */
    uint8_t *stored;
    struct crew *crews;
    uint32_t crew_count;
    uint32_t source_count, source_crew;
    struct plan_summary *summary;
};

static double seconds(uint64_t ns)
{
    return (double)ns * 1e-9;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---- Figures of the graph ----------------------------------------------------------------------
 */

static void measure_costs(struct reckoning *k, const struct plan_options *options)
{
    struct costs *costs = costs_new(k->dag);
    double guessed = 0, work = 0;
    for (uint32_t m = 0; m < options->measured_count; m++)
        for (uint32_t t = DAG_RESULT + 1; t < k->dag->task_count; t++)
            if (strcmp(options->measured[m].task, dag_string(k->dag, k->dag->tasks[t].name)) == 0)
                costs_set_task(costs, t, options->measured[m].ns);
    for (uint32_t n = 0; n + 1 < k->dag->node_count; n++) {
        k->costs[n] = platform_task_ns(k->platform, costs_of(costs, n));
        work += seconds(k->costs[n]);
        guessed += costs_is_guess(costs, n) ? seconds(k->costs[n]) : 0;
    }
    k->summary->work = work;
    k->summary->guessed = work > 0 ? 100 * guessed / work : 0;
    costs_free(costs);
}

static void measure_node(struct reckoning *k, uint32_t node, uint64_t *widths)
{
    const struct dag *dag = k->dag;
    bool is_sink = node == dag_sink(dag);
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++) {
        uint32_t producer = dag_ref_source(dag->refs[r]);
        if (!dag_ref_is_node(dag->refs[r]))
            continue;
        k->paths[node] = larger(k->paths[node], k->paths[producer]);
        if (k->depths[producer] > k->depths[node])
            k->depths[node] = k->depths[producer];
        k->summary->bytes += is_sink ? 0 : dag_ref_bytes(dag, dag->refs[r]);
    }
    if (is_sink)
        return;
    k->paths[node] += k->costs[node];
    k->summary->edges += dag->nodes[node].producer_count;
    widths[k->depths[node]++]++;
}

static void measure_graph(struct reckoning *k)
{
    uint32_t sink = dag_sink(k->dag);
    uint64_t *widths = memory_new(k->dag->node_count, sizeof *widths);
    for (uint32_t n = 0; n <= sink; n++)
        measure_node(k, n, widths);
    for (uint32_t d = 0; d < sink; d++)
        k->summary->width = larger(k->summary->width, widths[d]);
    free(widths);
    k->summary->tasks = sink;
    k->summary->depth = k->depths[sink];
    k->summary->critical_path = seconds(k->paths[sink]);
    k->summary->parallelism = k->paths[sink] ? k->summary->work / k->summary->critical_path : 0;
    for (uint32_t n = 0; k->plan->cluster && n <= sink; n++)
        k->summary->clusters += k->plan->cluster[n] == n;
}

/* ---- Time with threads -------------------------------------------------------------------------
 */

/* Each task takes the thread that is free first, in the order of the graph. */
static void reckon_threads(struct reckoning *k)
{
    uint32_t threads = k->platform->vcpus, sink = dag_sink(k->dag);
    uint64_t *free_at = memory_new(threads, sizeof *free_at), end = 0;
    for (uint32_t n = 0; n < sink; n++) {
        uint32_t first = 0;
        for (uint32_t t = 1; t < threads; t++)
            first = free_at[t] < free_at[first] ? t : first;
        uint64_t start = free_at[first];
        for (uint64_t r = k->dag->nodes[n].first_ref; r < k->dag->nodes[n + 1].first_ref; r++)
            if (dag_ref_is_node(k->dag->refs[r]))
                start = larger(start, k->ends[dag_ref_source(k->dag->refs[r])]);
        k->ends[n] = free_at[first] = start + k->costs[n];
        end = larger(end, k->ends[n]);
    }
    free(free_at);
    k->summary->executors = threads;
    k->summary->time = seconds(end);
}

/* ---- Time with executors -----------------------------------------------------------------------
 */

static uint32_t new_crew(struct reckoning *k, uint64_t begin)
{
    k->crews[k->crew_count] = (struct crew){begin - k->platform->cold_start_ns, begin};
    return k->crew_count++;
}

/* Where a child of a fan-out is run, by its number: after how many invocations, one after the
 * other, and whether it is the first of its executor's. */
struct child_start {
    uint32_t invocations;
    bool is_first;
};

/* Of a range, whose executor runs the first `grain` and cuts the rest (spec/protocol.md, P4.4). */
static struct child_start start_in_range(const struct reckoning *k, uint64_t index, uint64_t count)
{
    struct child_start start = {.invocations = 1};
    while (index >= k->grain) {
        uint64_t rest = count - k->grain, step = rest > WAYS ? (rest + WAYS - 1) / WAYS : 1;
        step = larger(step, k->grain);
        index -= k->grain;
        count = rest - index / step * step < step ? rest - index / step * step : step;
        index %= step;
        start.invocations++;
    }
    start.is_first = index == 0;
    return start;
}

/* Of a node's own children: a wide fan-out is cut into ranges, others are invoked one by one. */
static struct child_start start_of_child(const struct reckoning *k, uint64_t index, uint64_t count)
{
    if (count <= WAYS)
        return (struct child_start){.invocations = 1, .is_first = true};
    uint64_t step = (count + WAYS - 1) / WAYS, rest = count - index / step * step;
    return start_in_range(k, index % step, rest < step ? rest : step);
}

/* Each executor has an environment that must be started. */
static uint64_t start_ns(const struct reckoning *k, struct child_start start)
{
    return start.invocations * (k->platform->invoke_ns + k->platform->cold_start_ns);
}

/* A value that is too large to travel is put once, and got by each executor that lacks it. */
static uint64_t put_ns(struct reckoning *k, uint32_t producer, uint64_t bytes)
{
    if (bytes <= k->platform->inline_bytes || k->stored[producer])
        return 0;
    k->stored[producer] = 1;
    k->summary->stored_bytes += bytes;
    return platform_transfer_ns(k->platform, bytes);
}

static uint64_t get_ns(const struct reckoning *k, uint64_t bytes)
{
    return bytes <= k->platform->inline_bytes ? 0 : platform_transfer_ns(k->platform, bytes);
}

static void run_node(struct reckoning *k, uint32_t node, uint32_t crew, uint64_t ready)
{
    struct crew *at = &k->crews[crew];
    k->crew[node] = crew;
    k->ends[node] = larger(ready, at->free_at) + k->costs[node];
    at->free_at = k->ends[node];
}

/* The sources are one range. */
static void run_source(struct reckoning *k, uint32_t node)
{
    struct child_start start = start_in_range(k, k->source_count++, k->plan->source_count);
    if (start.is_first)
        k->source_crew = new_crew(k, start_ns(k, start));
    run_node(k, node, k->source_crew, 0);
}

static void run_child(struct reckoning *k, uint32_t node, dag_ref ref)
{
    uint32_t producer = dag_ref_source(ref);
    uint64_t bytes = dag_ref_bytes(k->dag, ref), ready = k->ends[producer];
    if (k->kept[producer] == node || plan_is_clustered(k->plan, producer, node, 0)) {
        run_node(k, node, k->crew[producer], ready);
        return;
    }
    struct child_start start = start_of_child(k, k->invoked[producer]++, k->listed[producer]);
    if (start.is_first) {
        k->group[producer] = new_crew(k, ready + put_ns(k, producer, bytes) + start_ns(k, start));
        k->crews[k->group[producer]].free_at += get_ns(k, bytes);
    }
    run_node(k, node, k->group[producer], 0);
}

/* A join is run by the executor of the producer that is the last; the others have stored what is
 * large, and it gets that. */
static void run_join(struct reckoning *k, uint32_t node)
{
    const struct dag_node *at = &k->dag->nodes[node];
    uint32_t last = PLAN_NONE;
    uint64_t ready = 0;
    for (uint64_t r = at->first_ref; r < at[1].first_ref; r++) {
        uint32_t producer = dag_ref_source(k->dag->refs[r]);
        if (dag_ref_is_node(k->dag->refs[r]) &&
            (last == PLAN_NONE || k->ends[producer] >= k->ends[last]))
            last = producer;
    }
    bool is_whole = true;
    for (uint64_t r = at->first_ref; r < at[1].first_ref; r++) {
        uint32_t producer = dag_ref_source(k->dag->refs[r]);
        if (!dag_ref_is_node(k->dag->refs[r]) || k->crew[producer] == k->crew[last])
            continue;
        uint64_t bytes = dag_ref_bytes(k->dag, k->dag->refs[r]);
        uint64_t put = put_ns(k, producer, bytes);
        is_whole = false;
        ready = larger(ready, k->ends[producer] + put) + get_ns(k, bytes);
    }
    ready = larger(ready, k->ends[last]);
    uint32_t levels = 0;
    for (uint64_t edges = at->producer_count; edges > 1; edges = (edges + 63) / 64)
        levels++;
    run_node(k, node, k->crew[last],
             is_whole ? ready : ready + levels * k->platform->round_trip_ns);
}

static dag_ref only_ref(const struct dag *dag, uint32_t node)
{
    uint64_t r = dag->nodes[node].first_ref;
    while (!dag_ref_is_node(dag->refs[r]))
        r++;
    return dag->refs[r];
}

static void reckon_executors(struct reckoning *k)
{
    double busy = 0, gib = (double)k->platform->memory_bytes / (1 << 30);
    uint32_t sink = dag_sink(k->dag);
    for (uint32_t n = 0; n <= sink; n++) {
        struct plan_fanout fan_out = plan_fan_out(k->plan, n, 0);
        k->kept[n] = fan_out.kept;
        k->listed[n] = fan_out.invoked;
        if (k->dag->nodes[n].producer_count == 0)
            run_source(k, n);
        else if (k->dag->nodes[n].producer_count == 1)
            run_child(k, n, only_ref(k->dag, n));
        else
            run_join(k, n);
    }
    for (uint32_t c = 0; c < k->crew_count; c++)
        busy += seconds(k->crews[c].free_at - k->crews[c].begin);
    k->summary->executors = k->crew_count;
    k->summary->time = seconds(k->ends[sink] + k->platform->round_trip_ns);
    double filled = busy / k->platform->concurrency;
    k->summary->time = filled > k->summary->time ? filled : k->summary->time;
    k->summary->price =
        busy * gib * k->platform->gb_second_price + k->crew_count * k->platform->request_price;
}

/* ---- The whole ---------------------------------------------------------------------------------
 */

void plan_summarize(const struct plan *plan, const struct plan_options *options, uint32_t grain,
                    struct plan_summary *summary)
{
    size_t count = plan->dag->node_count;
    *summary = (struct plan_summary){0};
    struct reckoning k = {.plan = plan,
                          .dag = plan->dag,
                          .platform = options->platform ? options->platform : platform_at(0),
                          .grain = grain,
                          .costs = memory_new(count, sizeof *k.costs),
                          .ends = memory_new(count, sizeof *k.ends),
                          .paths = memory_new(count, sizeof *k.paths),
                          .depths = memory_new(count, sizeof *k.depths),
                          .crew = memory_new(count, sizeof *k.crew),
                          .kept = memory_new(count, sizeof *k.kept),
                          .listed = memory_new(count, sizeof *k.listed),
                          .invoked = memory_new(count, sizeof *k.invoked),
                          .group = memory_new(count, sizeof *k.group),
                          .stored = memory_new(count, sizeof *k.stored),
                          .crews = memory_new(count, sizeof *k.crews),
                          .summary = summary};
    measure_costs(&k, options);
    measure_graph(&k);
    if (k.platform->invoke_ns > 0)
        reckon_executors(&k);
    else
        reckon_threads(&k);
    void *const tables[] = {k.costs,  k.ends,    k.paths, k.depths, k.crew, k.kept,
                            k.listed, k.invoked, k.group, k.stored, k.crews};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        free(tables[i]);
}
