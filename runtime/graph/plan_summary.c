/* What a plan amounts to; see plan_summary.h. */
#include "graph/plan_summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/memory.h"
#include "graph/cost.h"
#include "graph/input_chunks.h"
#include "graph/platform.h"
#include "graph/sizes.h"
#include "value/value.h"

enum {
    ENDING = 3 /* round trips: the commit, and until the client is told and has read the result */
};
enum { WAYS = 32 }; /* wide fan-outs are trees of so many ranges each */

/* An executor: when it began, when it has run what it has so far, and the last child of that. */
struct crew {
    uint64_t begin, free_at;
    uint64_t put_at; /* when it has put all that it has of the result */
    uint32_t last_child;
    uint32_t environment;
};

struct reckoning {
    const struct plan *plan;
    const struct dag *dag;
    const struct platform *platform;
    uint32_t grain;
    uint64_t *costs, *ends; /* by node */
    uint64_t *paths;        /* by node: the dearest chain that ends there */
    uint32_t *depths;
    uint32_t *crew;       /* by node */
    uint32_t *kept;       /* by node: the child that its executor becomes */
    uint32_t *listed;     /* by node: children that are invoked */
    uint32_t *invoked;    /* by node: of them, those that were invoked so far */
    uint32_t *group;      /* by node: the executor of its last group of children */
    uint64_t *part_bytes; /* by part */
    uint8_t *stored;
    uint64_t *loads; /* a hash table: (value << 32 | executor that has loaded it) + 1 */
    uint64_t load_capacity, load_count, got_bytes;
    struct input_chunks *inputs;
    uint64_t input_bytes;              /* that were loaded */
    uint64_t arrivals;                 /* at joins of what ran in several executors */
    uint64_t given_bytes, taken_bytes; /* by the client */
    struct crew *crews;
    uint32_t crew_count, environment_count;
    uint32_t
        first_idle; /* crews before it have been looked at: their environments are used again */
    uint32_t *unit; /* by node: the unit of a source */
    uint32_t *unit_crew; /* by unit: its executor's number + 1 */
    struct plan_summary *summary;
};

static double seconds(uint64_t ns)
{
    return (double)ns * 1e-9;
}

/* What travels for a ref of a node whose consumer runs elsewhere. */
static uint64_t moved_bytes(const struct reckoning *k, uint32_t node, dag_ref ref)
{
    bool is_little =
        k->dag->views[dag_ref_view(ref)].is_unit || plan_reads_slice(k->plan, node, ref);
    return is_little ? 0 : k->part_bytes[dag_part(k->dag, ref)];
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static double longer(double a, double b)
{
    return a > b ? a : b;
}

/* ---- Loads -------------------------------------------------------------------------------------
 */

static uint64_t *find_load(const struct reckoning *k, uint64_t load)
{
    uint64_t at = hash_mix(load) & (k->load_capacity - 1);
    while (k->loads[at] && k->loads[at] != load)
        at = (at + 1) & (k->load_capacity - 1);
    return &k->loads[at];
}

/* Whether an executor has not loaded a value before; from now on it has. */
static bool is_first_load(struct reckoning *k, uint32_t value, uint32_t crew)
{
    uint64_t load = ((uint64_t)value << 32 | crew) + 1, *old = k->loads, count = k->load_capacity;
    if (2 * k->load_count >= count) {
        k->load_capacity = count ? 2 * count : 1024;
        k->loads = memory_new(k->load_capacity, sizeof *k->loads);
        for (uint64_t i = 0; i < count; i++)
            if (old[i])
                *find_load(k, old[i]) = old[i];
        free(old);
    }
    uint64_t *place = find_load(k, load);
    bool is_first = *place == 0;
    *place = load;
    k->load_count += is_first;
    return is_first;
}

static bool is_input(dag_ref ref)
{
    uint32_t source = dag_ref_source(ref);
    return source >= DAG_INPUT && source < DAG_CONSTANT;
}

/* ---- Figures of the graph ----------------------------------------------------------------------
 */

/* What is said of a piece of an input, in the table of loads. */
enum piece_fact { PIECE_READ, PIECE_SHARED, PIECE_LOADED };

static bool is_new_fact(struct reckoning *k, dag_ref ref, enum piece_fact fact)
{
    uint32_t input = dag_ref_source(ref) - DAG_INPUT;
    return is_first_load(k, dag_ref_view(ref), input * (PIECE_LOADED + 1) + fact);
}

/* Pieces that several tasks read are kept, and so lie in memory that is new. */
static void find_shared_pieces(struct reckoning *k)
{
    for (uint64_t r = 0; r < k->dag->nodes[dag_sink(k->dag)].first_ref; r++)
        if (is_input(k->dag->refs[r]) && !is_new_fact(k, k->dag->refs[r], PIECE_READ))
            is_new_fact(k, k->dag->refs[r], PIECE_SHARED);
}

/* A thread reads pieces of input files within the task, the first of those that read the same. A
 * profile has that in its times. */
static uint64_t read_by_thread(struct reckoning *k, uint32_t node)
{
    const struct dag_node *at = &k->dag->nodes[node];
    uint64_t ns = 0;
    for (uint64_t r = at->first_ref; r < at[1].first_ref; r++) {
        dag_ref ref = k->dag->refs[r];
        if (!is_input(ref) || !is_new_fact(k, ref, PIECE_LOADED))
            continue;
        uint64_t bytes = input_span_bytes(k->dag, ref);
        ns += is_new_fact(k, ref, PIECE_SHARED) ? platform_transfer_ns(k->platform, bytes)
                                                : platform_get_ns(k->platform, bytes);
    }
    return ns;
}

static void measure_costs(struct reckoning *k, const struct plan_options *options)
{
    struct costs *costs = plan_costs_new(k->dag, options);
    double guessed = 0, measured = 0, work = 0;
    if (k->platform->invoke_ns == 0)
        find_shared_pieces(k);
    for (uint32_t n = 0; n + 1 < k->dag->node_count; n++) {
        k->costs[n] = platform_task_ns(k->platform, costs_of(costs, n));
        if (k->platform->invoke_ns == 0 && !costs_is_measured(costs, n))
            k->costs[n] += read_by_thread(k, n);
        work += seconds(k->costs[n]);
        guessed += costs_is_guess(costs, n) ? seconds(k->costs[n]) : 0;
        measured += costs_is_measured(costs, n) ? seconds(k->costs[n]) : 0;
    }
    k->summary->work = work;
    k->summary->guessed = work > 0 ? 100 * guessed / work : 0;
    k->summary->measured = work > 0 ? 100 * measured / work : 0;
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

/* Tasks by when they are ready, or end: a heap, the first of them on top. */
struct waiting {
    uint64_t at;
    uint32_t number;
};
struct queue {
    struct waiting *items;
    uint32_t count;
};

static bool is_before(const struct waiting *a, const struct waiting *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static void queue_add(struct queue *queue, uint64_t at, uint32_t number)
{
    uint32_t place = queue->count++;
    const struct waiting item = {at, number};
    for (; place > 0 && is_before(&item, &queue->items[(place - 1) / 2]); place = (place - 1) / 2)
        queue->items[place] = queue->items[(place - 1) / 2];
    queue->items[place] = item;
}

static struct waiting queue_take(struct queue *queue)
{
    struct waiting first = queue->items[0], item = queue->items[--queue->count];
    uint32_t place = 0;
    for (uint32_t next = 1; next < queue->count; next = 2 * place + 1) {
        next += next + 1 < queue->count && is_before(&queue->items[next + 1], &queue->items[next]);
        if (!is_before(&queue->items[next], &item))
            break;
        queue->items[place] = queue->items[next];
        place = next;
    }
    queue->items[place] = item;
    return first;
}

/* Readers whose last input that was are ready. */
static void hand_out(struct reckoning *k, uint32_t node, uint32_t *missing, struct queue *ready)
{
    const struct dag *dag = k->dag;
    for (uint64_t c = dag->nodes[node].first_child; c < dag->nodes[node + 1].first_child; c++) {
        uint32_t child = dag->children[c].node;
        if (--missing[child] == 0 && child != dag_sink(dag))
            queue_add(ready, k->ends[node], child);
    }
}

/* Threads take what was ready first (list scheduling; Graham, "Bounds for Certain Multiprocessing
 * Anomalies", 1966). */
static uint64_t schedule(struct reckoning *k, struct queue *ready, struct queue *running,
                         uint32_t *missing)
{
    uint32_t sink = dag_sink(k->dag), idle = k->platform->vcpus;
    uint64_t now = 0;
    for (uint32_t n = 0; n < sink; n++) {
        missing[n] = k->dag->nodes[n].producer_count;
        if (missing[n] == 0)
            queue_add(ready, 0, n);
    }
    missing[sink] = UINT32_MAX;
    while (ready->count > 0 || running->count > 0) {
        for (; ready->count > 0 && idle > 0; idle--) {
            uint32_t node = queue_take(ready).number;
            k->ends[node] = now + k->costs[node];
            queue_add(running, k->ends[node], node);
        }
        struct waiting done = queue_take(running);
        now = done.at;
        idle++;
        hand_out(k, done.number, missing, ready);
    }
    return now;
}

static void reckon_threads(struct reckoning *k)
{
    uint32_t threads = k->platform->vcpus, count = k->dag->node_count;
    struct queue ready = {.items = memory_resize(NULL, count, sizeof *ready.items)};
    struct queue running = {.items = memory_resize(NULL, threads, sizeof *running.items)};
    uint32_t *missing = memory_resize(NULL, count, sizeof *missing);
    uint64_t end = schedule(k, &ready, &running, missing);
    free(ready.items);
    free(running.items);
    free(missing);
    k->summary->executors = threads;
    k->summary->time = seconds(end);
}

/* ---- Time with executors -----------------------------------------------------------------------
 */

/* Whether an executor's environment can be had at a time for a node: it has ended. Executors are
 * looked at in the order of their starts, so one that goes on for long holds up others. */
static bool is_idle(const struct reckoning *k, uint32_t node, uint64_t at)
{
    const struct crew *crew = &k->crews[k->first_idle];
    return k->first_idle < k->crew_count && crew->free_at <= at && crew->last_child < node;
}

/* An executor for a node, that is invoked at a time, after so many invocations one after the other.
 * Each is for an environment, which is new, or one that is idle by then, or, if there can be no
 * more, one that has ended when its turn comes. */
static uint32_t new_crew(struct reckoning *k, uint32_t node, uint64_t at, uint32_t invocations)
{
    bool is_idle_now = is_idle(k, node, at);
    bool is_warm = is_idle_now || k->environment_count >= k->platform->concurrency;
    uint64_t build = k->platform->plan_node_ns * k->dag->node_count;
    uint64_t cold = is_warm ? 0 : k->platform->cold_start_ns + build;
    uint64_t begin = at + invocations * (k->platform->invoke_ns + cold);
    uint32_t environment = is_idle_now ? k->crews[k->first_idle].environment
                           : is_warm   ? k->crew_count % k->environment_count
                                       : k->environment_count++;
    k->first_idle += is_idle_now;
    k->crews[k->crew_count] =
        (struct crew){.begin = begin - cold, .free_at = begin, .environment = environment};
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

/* A value that is too large to travel is put once, and got by each executor that lacks it. */
static uint64_t put_ns(struct reckoning *k, uint32_t producer, uint64_t bytes)
{
    if (bytes <= k->platform->inline_bytes)
        return 0;
    k->summary->stored_bytes += k->stored[producer] ? 0 : bytes;
    k->stored[producer] = 1;
    return platform_put_ns(k->platform, bytes);
}

static uint64_t get_ns(struct reckoning *k, uint32_t value, uint32_t crew, uint64_t bytes)
{
    if (bytes <= k->platform->inline_bytes || !is_first_load(k, value, crew))
        return 0;
    k->got_bytes += bytes;
    return platform_get_ns(k->platform, bytes);
}

/* What a task reads of the job's inputs: chunk after chunk, those that its environment lacks. */
static uint64_t read_inputs(struct reckoning *k, uint32_t node, uint32_t environment)
{
    const struct dag_node *at = &k->dag->nodes[node];
    uint64_t ns = 0;
    for (uint64_t r = at->first_ref; r < at[1].first_ref; r++) {
        if (!is_input(k->dag->refs[r]))
            continue;
        struct input_load load = input_chunks_read(k->inputs, environment, k->dag->refs[r]);
        k->summary->input_bytes += dag_ref_bytes(k->dag, k->dag->refs[r]);
        k->input_bytes += load.bytes;
        if (load.chunks > 0)
            ns += platform_get_ns(k->platform, load.bytes) +
                  (load.chunks - 1) * k->platform->round_trip_ns;
    }
    return ns;
}

static void run_node(struct reckoning *k, uint32_t node, uint32_t crew, uint64_t ready)
{
    struct crew *at = &k->crews[crew];
    k->crew[node] = crew;
    k->ends[node] =
        larger(ready, at->free_at) + read_inputs(k, node, at->environment) + k->costs[node];
    at->free_at = k->ends[node];
    if (dag_child_count(k->dag, node) > 0) {
        uint32_t last = k->dag->children[k->dag->nodes[node + 1].first_child - 1].node;
        at->last_child = last > at->last_child ? last : at->last_child;
    }
}

static void number_units(struct reckoning *k)
{
    const struct plan *plan = k->plan;
    for (uint32_t u = 0; u < plan_unit_count(plan, 0); u++)
        for (uint32_t i = plan_unit_begin(plan, u, 0); i < plan_unit_begin(plan, u + 1, 0); i++)
            k->unit[plan->sources[i]] = u;
}

/* The sources are ranges, of units. */
static void run_source(struct reckoning *k, uint32_t node)
{
    uint32_t unit = k->unit[node];
    uint32_t units = plan_unit_count(k->plan, 0), step = plan_first_step(units, WAYS, k->grain);
    uint32_t left = units - unit / step * step;
    struct child_start start = start_in_range(k, unit % step, left < step ? left : step);
    if (k->unit_crew[unit] == 0)
        k->unit_crew[unit] =
            start.is_first ? 1 + new_crew(k, node, 0, start.invocations) : k->unit_crew[unit - 1];
    run_node(k, node, k->unit_crew[unit] - 1, 0);
}

static void run_child(struct reckoning *k, uint32_t node, dag_ref ref)
{
    uint32_t producer = dag_ref_source(ref);
    uint64_t bytes = moved_bytes(k, node, ref), ready = k->ends[producer];
    if (k->kept[producer] == node || plan_is_clustered(k->plan, producer, node, 0)) {
        run_node(k, node, k->crew[producer], ready);
        return;
    }
    struct child_start start = start_of_child(k, k->invoked[producer]++, k->listed[producer]);
    if (start.is_first) {
        k->group[producer] =
            new_crew(k, node, ready + put_ns(k, producer, bytes), start.invocations);
        k->crews[k->group[producer]].free_at += get_ns(k, producer, k->group[producer], bytes);
    }
    run_node(k, node, k->group[producer], 0);
}

static uint64_t end_of_producers(const struct reckoning *k, uint32_t node)
{
    uint64_t end = 0;
    for (uint64_t r = k->dag->nodes[node].first_ref; r < k->dag->nodes[node + 1].first_ref; r++)
        if (dag_ref_is_node(k->dag->refs[r]))
            end = larger(end, k->ends[dag_ref_source(k->dag->refs[r])]);
    return end;
}

/* The bytes that a node reads of a producer, by its first ref. */
static uint64_t bytes_of(const struct reckoning *k, uint32_t producer, uint32_t node)
{
    const struct dag *dag = k->dag;
    for (uint64_t r = dag->nodes[node].first_ref; r < dag->nodes[node + 1].first_ref; r++)
        if (dag_ref_source(dag->refs[r]) == producer)
            return moved_bytes(k, node, dag->refs[r]);
    return 0;
}

/* Who holds a large value waits for those with smaller ones, for as long as it takes to put and get
 * it (P4.7 of spec/protocol.md), and then comes last. */
static uint32_t find_holder(const struct reckoning *k, uint32_t node, uint32_t last)
{
    const struct dag_node *at = &k->dag->nodes[node];
    uint32_t holder = last;
    uint64_t most = bytes_of(k, last, node);
    for (uint64_t r = at->first_ref; r < at[1].first_ref; r++) {
        uint32_t producer = dag_ref_source(k->dag->refs[r]);
        uint64_t bytes =
            dag_ref_is_node(k->dag->refs[r]) ? moved_bytes(k, node, k->dag->refs[r]) : 0;
        if (bytes <= most || bytes <= k->platform->inline_bytes)
            continue;
        uint64_t patience = 2 * platform_transfer_ns(k->platform, bytes);
        if (k->ends[last] > k->ends[producer] + patience)
            continue;
        holder = producer;
        most = bytes;
    }
    return holder;
}

/* The producer that ends last; of those of the join's cluster, if the plan leaves the join to them.
 */
static uint32_t find_last(const struct reckoning *k, uint32_t node)
{
    const struct plan *plan = k->plan;
    const struct dag_node *at = &k->dag->nodes[node];
    bool has_home = plan->waits && plan->waits[node] > 0 && plan->waits[node] != PLAN_NONE;
    uint32_t last = PLAN_NONE;
    for (uint64_t r = at->first_ref; r < at[1].first_ref; r++) {
        uint32_t producer = dag_ref_source(k->dag->refs[r]);
        if (!dag_ref_is_node(k->dag->refs[r]) ||
            (has_home && plan->cluster[producer] != plan->cluster[node]))
            continue;
        if (last == PLAN_NONE || k->ends[producer] >= k->ends[last])
            last = producer;
    }
    return has_home ? last : find_holder(k, node, last);
}

/* Who has other tasks to go on with for as long as a start takes has the join invoked, unless the
 * plan wants it where he is. */
static uint32_t crew_of_join(struct reckoning *k, uint32_t node, uint32_t last)
{
    const uint32_t *cluster = k->plan->cluster;
    const struct dag_node *at = &k->dag->nodes[node];
    bool is_together = cluster && cluster[node] != PLAN_NONE && cluster[node] == cluster[last];
    bool is_whole = true;
    uint32_t crew = k->crew[last];
    uint64_t ready = end_of_producers(k, node);
    for (uint64_t r = at->first_ref; r < at[1].first_ref; r++)
        is_whole &=
            !dag_ref_is_node(k->dag->refs[r]) || k->crew[dag_ref_source(k->dag->refs[r])] == crew;
    uint64_t soon = ready + k->platform->invoke_ns + k->platform->cold_start_ns;
    if (is_together || is_whole || k->crews[crew].free_at <= soon)
        return crew;
    uint64_t put = put_ns(k, last, bytes_of(k, last, node));
    return new_crew(k, node, ready + put, 1);
}

/* A join is run by the executor of the producer that is the last; the others have stored what is
 * large, and it gets that. */
static void run_join(struct reckoning *k, uint32_t node)
{
    const struct dag_node *at = &k->dag->nodes[node];
    uint32_t last = find_last(k, node);
    uint64_t ready = k->ends[last], loading = 0;
    bool is_whole = true;
    uint32_t crew = crew_of_join(k, node, last);
    for (uint64_t r = at->first_ref; r < at[1].first_ref; r++) {
        uint32_t producer = dag_ref_source(k->dag->refs[r]);
        if (!dag_ref_is_node(k->dag->refs[r]) || k->crew[producer] == crew)
            continue;
        uint64_t bytes = moved_bytes(k, node, k->dag->refs[r]);
        uint64_t put = put_ns(k, producer, bytes);
        is_whole = false;
        ready = larger(ready, k->ends[producer] + put);
        loading += get_ns(k, producer, crew, bytes);
    }
    uint32_t levels = 0;
    for (uint64_t edges = at->producer_count; edges > 1; edges = (edges + 63) / 64)
        levels++;
    ready += is_whole ? 0 : levels * k->platform->round_trip_ns;
    k->arrivals += is_whole ? 0 : at->producer_count;
    ready = larger(ready, k->crews[crew].free_at);
    run_node(k, node, crew, ready + loading);
}

/* All of the result is in the store before the job has ended: each executor puts what it has of it,
 * one value after the other. */
static uint64_t store_result(struct reckoning *k)
{
    uint32_t sink = dag_sink(k->dag);
    uint64_t stored = k->ends[sink];
    const struct dag_node *at = &k->dag->nodes[sink];
    for (uint64_t r = at->first_ref; r < at[1].first_ref; r++) {
        uint32_t producer = dag_ref_source(k->dag->refs[r]);
        if (!dag_ref_is_node(k->dag->refs[r]) || k->stored[producer])
            continue;
        uint64_t put = put_ns(k, producer, moved_bytes(k, sink, k->dag->refs[r]));
        struct crew *crew = &k->crews[k->crew[producer]];
        crew->put_at = put > 0 ? larger(crew->put_at, k->ends[producer]) + put : crew->put_at;
        stored = larger(stored, crew->put_at);
    }
    return stored;
}

static dag_ref only_ref(const struct dag *dag, uint32_t node)
{
    uint64_t r = dag->nodes[node].first_ref;
    while (!dag_ref_is_node(dag->refs[r]))
        r++;
    return dag->refs[r];
}

/* What executors move through the store: values and inputs. */
static double moved_in_all(const struct reckoning *k)
{
    return (double)k->summary->stored_bytes + (double)k->got_bytes + (double)k->input_bytes;
}

/* What is put before the job and got after it, by a client on the machine of the executors; into
 * memory that is as new to him as what is put is to the store. */
static double time_of_client(const struct reckoning *k)
{
    uint64_t trip = k->platform->round_trip_ns;
    uint64_t ns = platform_put_ns(k->platform, k->given_bytes) - trip +
                  platform_transfer_ns(k->platform, k->taken_bytes) - trip;
    return k->platform->cores > 0 ? seconds(ns) : 0;
}

/* Where executors share processors: the work, the starts of environments, invocations, arrivals,
 * and what moves, on all of them. */
static double time_of_cores(const struct reckoning *k)
{
    const struct platform *p = k->platform;
    if (p->cores == 0)
        return 0;
    uint64_t start = p->start_work_ns + p->plan_node_ns * k->dag->node_count;
    double puts = (double)k->summary->stored_bytes / 1024 * seconds(p->put_work_ns);
    double gets = (double)(k->got_bytes + k->input_bytes) / 1024 * seconds(p->get_work_ns);
    double work = k->summary->work + puts + gets + k->environment_count * seconds(start) +
                  k->crew_count * seconds(p->event_work_ns) +
                  (double)k->arrivals * seconds(p->arrival_work_ns);
    return work / p->cores;
}

/* What the client stores before the job. Of files nobody knows which parts tasks will read: all,
 * once. */
static void measure_inputs(struct reckoning *k)
{
    for (uint32_t i = 0; i < k->dag->input_count; i++) {
        const struct dag_input *input = &k->dag->inputs[i];
        uint64_t size = 0;
        if (input->rank == 0 || input->scalar == DAG_OPAQUE ||
            !shape_bytes(input->rank, input->extents,
                         wk_scalar_bytes((enum wk_scalar)input->scalar), &size))
            continue;
        k->given_bytes += size;
        k->input_bytes += input->file ? size : 0;
        k->summary->input_bytes += input->file ? size : 0;
    }
}

/* What the client gets at the end. */
static void measure_result(struct reckoning *k)
{
    uint32_t sink = dag_sink(k->dag);
    const struct dag_node *at = &k->dag->nodes[sink];
    for (uint64_t r = at->first_ref; r < at[1].first_ref; r++)
        if (dag_ref_is_node(k->dag->refs[r]))
            k->taken_bytes += moved_bytes(k, sink, k->dag->refs[r]);
}

/* The longest of what the chain of tasks, all environments, the processors and the shards need; the
 * client stores the inputs before all that, and reads the result after it. */
static double time_in_all(const struct reckoning *k, double busy)
{
    const struct platform *platform = k->platform;
    double per_second = 1e3 * (double)platform->shard_bytes_per_ms * platform->store_shards;
    double ending = ENDING * seconds(platform->round_trip_ns);
    double time = longer(seconds(k->ends[dag_sink(k->dag)]), busy / platform->concurrency);
    time = longer(time, time_of_cores(k));
    return longer(time, moved_in_all(k) / per_second) + ending + time_of_client(k);
}

static void reckon_executors(struct reckoning *k)
{
    double busy = 0, gib = (double)k->platform->memory_bytes / (1 << 30);
    uint32_t sink = dag_sink(k->dag);
    for (uint32_t n = 0; n <= sink; n++) {
        struct plan_fanout fan_out = plan_fan_out(k->plan, n, 0);
        k->kept[n] = fan_out.kept;
        k->listed[n] = fan_out.invoked;
        if (n == sink && sink > 0)
            k->ends[n] = end_of_producers(k, n);
        else if (k->dag->nodes[n].producer_count == 0)
            run_source(k, n);
        else if (k->dag->nodes[n].producer_count == 1)
            run_child(k, n, only_ref(k->dag, n));
        else
            run_join(k, n);
    }
    k->ends[sink] = store_result(k);
    measure_inputs(k);
    measure_result(k);
    for (uint32_t c = 0; c < k->crew_count; c++)
        busy += seconds(k->crews[c].free_at - k->crews[c].begin);
    k->summary->executors = k->crew_count;
    k->summary->time = time_in_all(k, busy);
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
                          .part_bytes = dag_part_sizes(plan->dag),
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
                          .unit = memory_new(count, sizeof *k.unit),
                          .unit_crew = memory_new(count, sizeof *k.unit_crew),
                          .inputs = input_chunks_new(plan->dag),
                          .summary = summary};
    measure_costs(&k, options);
    measure_graph(&k);
    number_units(&k);
    if (k.platform->invoke_ns > 0)
        reckon_executors(&k);
    else
        reckon_threads(&k);
    input_chunks_free(k.inputs);
    void *const tables[] = {k.part_bytes, k.loads,  k.costs, k.ends,   k.paths,
                            k.depths,     k.crew,   k.kept,  k.listed, k.invoked,
                            k.group,      k.stored, k.crews, k.unit,   k.unit_crew};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        free(tables[i]);
}
