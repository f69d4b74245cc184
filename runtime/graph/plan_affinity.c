/*
 * Pass "affinity": clusters for the sake of bytes.
 *
 * First come chains: a value that only one task reads is best read where it was made. Then clusters
 * are joined in pairs, each with the one with which it shares most: values that go from one to the
 * other, or that both load. That is done again and again, as long as the job is reckoned to take
 * about as long as before, or as the store's shards take for all bytes. What moves fewest bytes is
 * taken, if passes before this one have found nothing that is much faster. It all is for values
 * that do not travel inline; without any, nothing is done.
 *
 * Source: heavy-edge matching, level by level, of Karypis and Kumar, "A Fast and High Quality
 * Multilevel Scheme for Partitioning Irregular Graphs", SIAM J. Sci. Comput. 20 (1998); readers of
 * the same value count as neighbours.
 */
#include "graph/plan_pass.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vector.h"
#include "graph/sizes.h"

enum {
    LEEWAY = 16,    /* the job may take this part of its time longer for fewer bytes */
    NEIGHBOURS = 4, /* readers of the same value, before and behind, that are looked at */
    PRODUCERS = 64, /* of a task that are looked at */
    TRIES = 24,     /* times that clusters are paired */
    NARROWER = 3,   /* of them that may take too long */
};

struct affinity {
    struct plan_work *work;
    const struct dag *dag;
    uint64_t *bytes;   /* by node: of its result, as far as it is read; 0 if that travels inline */
    uint32_t *first;   /* by node in a chain: another of it, or itself: a forest */
    uint32_t *cluster; /* by node: the first of its cluster */
    uint32_t *order;   /* nodes, those of a cluster in a row */
    uint32_t *begins;  /* by cluster: where in `order` its own begin; PLAN_NONE: it has none */
    uint64_t *wasted;  /* by chain: costs of those that go on from what others read, too */
    uint64_t *loads;   /* by cluster: all costs */
    uint64_t *holds;   /* by cluster: bytes of results that are held at once, at most */
    uint32_t *last; /* by node: the last of its readers in its cluster; PLAN_NONE: there is none */
};

/* What a choice of clusters amounts to. */
struct amount {
    uint64_t ns, bytes;
};

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static bool measure_values(struct affinity *a)
{
    const struct dag *dag = a->dag;
    uint64_t inline_bytes = a->work->platform->inline_bytes, any = 0;
    for (uint64_t r = 0; r < dag->nodes[dag->node_count].first_ref; r++) {
        uint64_t bytes = dag_ref_is_node(dag->refs[r]) ? dag_source_bytes(dag, dag->refs[r]) : 0;
        uint64_t *known = bytes > inline_bytes ? &a->bytes[dag_ref_source(dag->refs[r])] : NULL;
        if (known && bytes > *known)
            *known = any = bytes;
    }
    return any > 0;
}

static uint64_t transfer_ns(const struct affinity *a, uint32_t node)
{
    return a->bytes[node] ? platform_transfer_ns(a->work->platform, a->bytes[node]) : 0;
}

static bool fits(const struct affinity *a, uint64_t load, uint64_t holds)
{
    const struct platform *platform = a->work->platform;
    return (platform->memory_bytes == 0 || holds < platform->memory_bytes / 2) &&
           (platform->limit_ns == 0 || load < platform->limit_ns / 2);
}

/* ---- Chains ---------------------------------------------------------------------------------- */

static uint32_t root_of(uint32_t *first, uint32_t node)
{
    while (first[node] != node) {
        first[node] = first[first[node]];
        node = first[node];
    }
    return node;
}

/* What only y reads is not held any more when y has run. */
static bool join(struct affinity *a, uint32_t x, uint32_t y)
{
    uint32_t to = root_of(a->first, x), from = root_of(a->first, y);
    uint64_t load = plan_add_ns(a->loads[to], a->loads[from]);
    uint64_t holds = plan_add_ns(a->holds[to], a->holds[from]);
    if (dag_child_count(a->dag, x) == 1 && a->dag->nodes[y].producer_count == 1)
        holds = larger(a->holds[to], holds - a->bytes[x]);
    if (to == from || !fits(a, load, holds))
        return false;
    uint32_t low = to < from ? to : from, high = to < from ? from : to;
    a->first[high] = low;
    a->loads[low] = load;
    a->holds[low] = holds;
    return true;
}

/* What is saved when a node runs where a producer ran: a value that others read, too, is put
 * anyway. Of these the plan's preferred child goes on there, and others as long as what they do one
 * after the other takes no longer than the value's way. */
static uint64_t saved_bytes(const struct affinity *a, uint32_t node, dag_ref ref)
{
    uint32_t producer = dag_ref_source(ref);
    if (dag_child_count(a->dag, producer) == 1)
        return 2 * a->bytes[producer] + 1;
    uint64_t waste = plan_add_ns(a->wasted[root_of(a->first, producer)], a->work->costs[node]);
    bool goes_on = a->work->plan->preferred[producer] == node ||
                   waste / a->work->platform->vcpus <= plan_ref_ns(a->work, node, ref);
    return goes_on ? a->bytes[producer] + 1 : 0;
}

/* The producer that a node goes on from: that which saves most, and of equal ones the last. */
static uint32_t choose_producer(const struct affinity *a, uint32_t node)
{
    const struct dag_node *at = &a->dag->nodes[node];
    uint32_t best = PLAN_NONE;
    uint64_t most = 1;
    for (uint64_t r = at->first_ref; r < at[1].first_ref && r < at->first_ref + PRODUCERS; r++) {
        dag_ref ref = a->dag->refs[r];
        uint64_t saved = dag_ref_is_node(ref) ? saved_bytes(a, node, ref) : 0;
        if (saved < most)
            continue;
        best = dag_ref_source(ref);
        most = saved;
    }
    return best;
}

static void go_on(struct affinity *a, uint32_t node, uint32_t producer)
{
    uint32_t root = root_of(a->first, producer);
    bool is_own = dag_child_count(a->dag, producer) == 1;
    uint64_t wasted = plan_add_ns(a->wasted[root], is_own ? 0 : a->work->costs[node]);
    if (join(a, producer, node))
        a->wasted[root_of(a->first, node)] = wasted;
}

/* Others that only this node reads come along if their work takes no longer than their way. */
static void take_in_others(struct affinity *a, uint32_t node, uint32_t chosen)
{
    const struct dag_node *at = &a->dag->nodes[node];
    for (uint64_t r = at->first_ref; r < at[1].first_ref && r < at->first_ref + PRODUCERS; r++) {
        uint32_t producer = dag_ref_source(a->dag->refs[r]);
        if (!dag_ref_is_node(a->dag->refs[r]) || producer == chosen ||
            dag_child_count(a->dag, producer) > 1)
            continue;
        uint64_t way = plan_ref_ns(a->work, node, a->dag->refs[r]);
        if (a->loads[root_of(a->first, producer)] / a->work->platform->vcpus <= way)
            join(a, node, producer);
    }
}

static void make_chains(struct affinity *a)
{
    uint32_t sink = dag_sink(a->dag);
    for (uint32_t n = 0; n <= sink; n++) {
        a->first[n] = n;
        a->loads[n] = a->work->costs[n];
        a->holds[n] = a->bytes[n];
    }
    for (uint32_t n = 0; n < sink; n++) {
        uint32_t producer = choose_producer(a, n);
        if (producer == PLAN_NONE)
            continue;
        go_on(a, n, producer);
        take_in_others(a, n, producer);
    }
}

/* ---- What clusters amount to ----------------------------------------------------------------- */

struct reckoning {
    const struct affinity *a;
    const uint32_t *cluster;
    uint64_t *ready;   /* by node: when its inputs can be had */
    uint64_t *loading; /* by node: what it takes to get them */
    uint64_t *free_at; /* by cluster */
    uint32_t *readers; /* by cluster: the last value that was loaded there, + 1 */
    struct amount amount;
};

/* A value goes to a reader elsewhere. Nodes in no cluster run where their last producer ran. */
static void hand_on(struct reckoning *k, uint32_t node, uint32_t child, uint64_t end)
{
    const struct affinity *a = k->a;
    const struct platform *platform = a->work->platform;
    uint64_t way = transfer_ns(a, node), at = plan_add_ns(end, way);
    bool is_join = a->dag->nodes[child].producer_count > 1, is_sink = child == dag_sink(a->dag);
    bool is_first = k->readers[k->cluster[child]] != node + 1;
    at = plan_add_ns(at, is_join ? platform->round_trip_ns : platform->invoke_ns);
    k->readers[k->cluster[child]] = node + 1;
    k->ready[child] = larger(k->ready[child], at);
    if (is_first && !is_sink) {
        k->loading[child] = plan_add_ns(k->loading[child], way);
        k->amount.bytes = plan_add_ns(k->amount.bytes, a->bytes[node]);
    }
}

static void run_node(struct reckoning *k, uint32_t node)
{
    const struct affinity *a = k->a;
    uint32_t cluster = k->cluster[node];
    uint64_t cost = a->work->costs[node];
    uint64_t start = plan_add_ns(larger(k->ready[node], k->free_at[cluster]), k->loading[node]);
    uint64_t end = plan_add_ns(start, cost);
    k->free_at[cluster] = plan_add_ns(start, cost / a->work->platform->vcpus);
    bool is_put = false;
    for (uint64_t c = a->dag->nodes[node].first_child; c < a->dag->nodes[node + 1].first_child;
         c++) {
        uint32_t child = a->dag->children[c].node;
        if (k->cluster[child] == cluster) {
            k->ready[child] = larger(k->ready[child], end);
            continue;
        }
        is_put = true;
        hand_on(k, node, child, end);
    }
    k->amount.bytes = plan_add_ns(k->amount.bytes, is_put ? a->bytes[node] : 0);
    k->amount.ns = larger(k->amount.ns, end);
}

/* All work on all processors. */
static uint64_t work_of_all(const struct plan_work *work)
{
    const struct platform *platform = work->platform;
    double sum = 0, processors = (double)platform->concurrency * platform->vcpus;
    for (uint32_t n = 0; n < work->dag->node_count; n++)
        sum += (double)work->costs[n];
    if (platform->cores > 0 && platform->cores < processors)
        processors = platform->cores;
    return (uint64_t)(sum / processors);
}

/* Clusters beyond the executors that there may be wait until others have ended. */
static uint64_t with_waiting(const struct affinity *a, const uint32_t *cluster, uint64_t ns)
{
    uint64_t clusters = 0, concurrency = a->work->platform->concurrency;
    for (uint32_t n = 0; n + 1 < a->dag->node_count; n++)
        clusters += cluster[n] == n;
    return ns * ((clusters + concurrency - 1) / concurrency);
}

static struct amount reckon(const struct affinity *a, const uint32_t *cluster)
{
    uint32_t count = a->dag->node_count;
    const struct platform *platform = a->work->platform;
    struct reckoning k = {.a = a,
                          .cluster = cluster,
                          .ready = memory_new(count, sizeof *k.ready),
                          .loading = memory_new(count, sizeof *k.loading),
                          .free_at = memory_new(count, sizeof *k.free_at),
                          .readers = memory_new(count, sizeof *k.readers)};
    for (uint32_t n = 0; n < count; n++)
        run_node(&k, n);
    free(k.ready);
    free(k.loading);
    free(k.free_at);
    free(k.readers);
    k.amount.ns = with_waiting(a, cluster, k.amount.ns);
    double per_ms = (double)platform->store_shards * (double)platform->shard_bytes_per_ms;
    k.amount.ns = larger(k.amount.ns, (uint64_t)((double)k.amount.bytes * 1e6 / per_ms));
    k.amount.ns = larger(k.amount.ns, work_of_all(a->work));
    return k.amount;
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

/* Sorts the nodes by their clusters. */
static void list_members(struct affinity *a)
{
    uint32_t count = a->dag->node_count, begin = 0;
    uint32_t *sizes = memory_new(count, sizeof *sizes);
    for (uint32_t n = 0; n < count; n++)
        sizes[a->cluster[n]]++;
    for (uint32_t n = 0; n < count; n++) {
        a->begins[n] = sizes[n] ? begin : PLAN_NONE;
        begin += sizes[n];
        sizes[n] = a->begins[n];
    }
    for (uint32_t n = 0; n < count; n++)
        a->order[sizes[a->cluster[n]]++] = n;
    free(sizes);
}

struct pairs {
    struct affinity *a;
    uint64_t most_work; /* of a pair */
    uint64_t largest;   /* work of a pair so far */
    uint32_t *partner;  /* by cluster; PLAN_NONE: none yet */
    uint64_t *shared;   /* by cluster: what it shares with the one that is looked at */
    VECTOR(uint32_t) seen;
    uint32_t count;
};

static void note_shared(struct pairs *p, uint32_t self, uint32_t node, uint64_t bytes)
{
    uint32_t other = p->a->cluster[node];
    if (other == self || node == dag_sink(p->a->dag) || p->partner[other] != PLAN_NONE)
        return;
    if (p->shared[other] == 0)
        vector_push(&p->seen, other);
    p->shared[other] += bytes;
}

/* Who else reads a value, among the nearest of its readers. */
static void note_readers(struct pairs *p, uint32_t self, uint32_t value, uint32_t node)
{
    const struct dag *dag = p->a->dag;
    uint64_t first = dag->nodes[value].first_child, end = dag->nodes[value + 1].first_child;
    uint64_t own = dag_edge(dag, value, node);
    uint64_t from = own - first > NEIGHBOURS ? own - NEIGHBOURS : first;
    uint64_t to = end - own > NEIGHBOURS + 1 ? own + NEIGHBOURS + 1 : end;
    for (uint64_t c = from; c < to; c++)
        if (c != own)
            note_shared(p, self, dag->children[c].node, p->a->bytes[value]);
}

/* What a node shares with others: its inputs, which it would not have to load, and its result. */
static void look_at_node(struct pairs *p, uint32_t self, uint32_t node)
{
    const struct dag *dag = p->a->dag;
    const struct dag_node *at = &dag->nodes[node];
    for (uint64_t r = at->first_ref; r < at[1].first_ref && r < at->first_ref + PRODUCERS; r++) {
        uint32_t value = dag_ref_source(dag->refs[r]);
        if (!dag_ref_is_node(dag->refs[r]) || p->a->bytes[value] == 0 ||
            p->a->cluster[value] == self)
            continue;
        bool is_put_for_it = dag_child_count(dag, value) == 1;
        note_shared(p, self, value, p->a->bytes[value] << is_put_for_it);
        note_readers(p, self, value, node);
    }
    uint64_t first = at->first_child, count = at[1].first_child - first;
    for (uint64_t c = 0; p->a->bytes[node] > 0 && c < count && c < NEIGHBOURS; c++)
        note_shared(p, self, dag->children[first + c].node, p->a->bytes[node] << (count == 1));
}

static bool is_allowed(const struct pairs *p, uint32_t self, uint32_t other)
{
    const struct affinity *a = p->a;
    uint64_t load = plan_add_ns(a->loads[self], a->loads[other]);
    return load <= p->most_work && fits(a, load, plan_add_ns(a->holds[self], a->holds[other]));
}

static void find_partner(struct pairs *p, uint32_t self)
{
    struct affinity *a = p->a;
    uint32_t best = PLAN_NONE;
    p->seen.count = 0;
    for (uint32_t i = a->begins[self]; i < a->dag->node_count && a->cluster[a->order[i]] == self;
         i++)
        look_at_node(p, self, a->order[i]);
    for (size_t i = 0; i < p->seen.count; i++) {
        uint32_t other = p->seen.items[i];
        if (is_allowed(p, self, other) &&
            (best == PLAN_NONE || p->shared[other] > p->shared[best] ||
             (p->shared[other] == p->shared[best] && other < best)))
            best = other;
    }
    for (size_t i = 0; i < p->seen.count; i++)
        p->shared[p->seen.items[i]] = 0;
    if (best == PLAN_NONE)
        return;
    p->partner[self] = best;
    p->partner[best] = self;
    p->largest = larger(p->largest, plan_add_ns(a->loads[self], a->loads[best]));
    p->count++;
}

/* Joins clusters in pairs into `paired`; how many there were. */
static uint32_t pair(struct affinity *a, uint64_t most_work, uint32_t *paired, uint64_t *largest)
{
    uint32_t count = a->dag->node_count;
    struct pairs p = {.a = a,
                      .most_work = most_work,
                      .partner = memory_resize(NULL, count, sizeof *p.partner),
                      .shared = memory_new(count, sizeof *p.shared)};
    memset(p.partner, 0xFF, count * sizeof *p.partner);
    list_members(a);
    for (uint32_t n = 0; n + 1 < count; n++)
        if (a->cluster[n] == n && p.partner[n] == PLAN_NONE)
            find_partner(&p, n);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t own = a->cluster[n], other = p.partner[own];
        paired[n] = other < own ? other : own;
    }
    *largest = p.largest;
    free(p.partner);
    free(p.shared);
    vector_release(&p.seen);
    return p.count;
}

/* Children are in the order of their numbers. */
static uint32_t last_reader(const struct affinity *a, uint32_t node)
{
    uint64_t first = a->dag->nodes[node].first_child;
    for (uint64_t c = a->dag->nodes[node + 1].first_child; c-- > first;)
        if (a->cluster[a->dag->children[c].node] == a->cluster[node])
            return a->dag->children[c].node;
    return PLAN_NONE;
}

/* The bytes that a cluster need not hold any more when a node has run. */
static uint64_t release_bytes(struct affinity *a, uint32_t node)
{
    uint64_t released = a->last[node] == PLAN_NONE ? a->bytes[node] : 0;
    for (uint64_t r = a->dag->nodes[node].first_ref; r < a->dag->nodes[node + 1].first_ref; r++) {
        uint32_t producer = dag_ref_source(a->dag->refs[r]);
        if (!dag_ref_is_node(a->dag->refs[r]) || a->last[producer] != node)
            continue;
        a->last[producer] = PLAN_NONE;
        released += a->bytes[producer];
    }
    return released;
}

/* The work of each cluster, and what it holds, if its nodes are run in the order of the graph. */
static void measure_clusters(struct affinity *a)
{
    uint32_t count = a->dag->node_count;
    uint64_t *held = memory_new(count, sizeof *held);
    memset(a->loads, 0, count * sizeof *a->loads);
    memset(a->holds, 0, count * sizeof *a->holds);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t cluster = a->cluster[n];
        a->last[n] = last_reader(a, n);
        a->loads[cluster] = plan_add_ns(a->loads[cluster], a->work->costs[n]);
        held[cluster] = plan_add_ns(held[cluster], a->bytes[n]);
        a->holds[cluster] = larger(a->holds[cluster], held[cluster]);
        held[cluster] -= release_bytes(a, n);
    }
    free(held);
}

static void take(struct affinity *a, const uint32_t *cluster)
{
    memcpy(a->cluster, cluster, a->dag->node_count * sizeof *a->cluster);
    measure_clusters(a);
}

static bool is_too_long(uint64_t ns, uint64_t shortest, const struct platform *platform)
{
    uint64_t start = platform->invoke_ns + platform->cold_start_ns;
    return ns > shortest + (shortest + start) / LEEWAY;
}

/* What makes up for more bytes. */
static bool is_much_longer(uint64_t ns, uint64_t other, const struct platform *platform)
{
    return is_too_long(ns - (ns - other) / 2, other, platform);
}

/* Pairs of clusters, as long as that takes not much longer than the shortest, and none has more
 * than so much work. */
static struct amount pair_all(struct affinity *a, uint64_t shortest, uint64_t most_work)
{
    uint32_t *paired = memory_resize(NULL, a->dag->node_count, sizeof *paired), narrower = 0;
    struct amount best = reckon(a, a->cluster);
    uint64_t largest;
    shortest = best.ns < shortest ? best.ns : shortest;
    for (int i = 0; i < TRIES && pair(a, most_work, paired, &largest) > 0; i++) {
        struct amount amount = reckon(a, paired);
        bool is_worse = amount.bytes >= best.bytes;
        if (is_worse || is_too_long(amount.ns, shortest, a->work->platform)) {
            if (narrower++ == NARROWER)
                break;
            most_work = largest * 3 / 4;
            continue;
        }
        take(a, paired);
        best = amount;
        shortest = amount.ns < shortest ? amount.ns : shortest;
    }
    free(paired);
    return best;
}

/* ---- Packing ----------------------------------------------------------------------------------
 */

struct load {
    uint64_t ns, holds;
    uint32_t cluster;
};

static int compare_loads(const void *x, const void *y)
{
    const struct load *a = x, *b = y;
    if (a->ns != b->ns)
        return a->ns > b->ns ? -1 : 1;
    return (a->cluster > b->cluster) - (a->cluster < b->cluster);
}

/* The clusters, those with most work first. */
static uint32_t sort_loads(const struct affinity *a, struct load *loads)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n + 1 < a->dag->node_count; n++)
        if (a->cluster[n] == n)
            loads[count++] = (struct load){a->loads[n], a->holds[n], n};
    qsort(loads, count, sizeof *loads, compare_loads);
    return count;
}

/* Moves the first of a heap, whose work has grown, to its place. */
static void sink_first(struct load *heap, uint32_t count)
{
    for (uint32_t at = 0, least = 1; least < count; at = least, least = 2 * at + 1) {
        least += least + 1 < count && heap[least + 1].ns < heap[least].ns;
        if (heap[at].ns <= heap[least].ns)
            return;
        struct load other = heap[at];
        heap[at] = heap[least];
        heap[least] = other;
    }
}

/* Gives each of the clusters, those with most work first, to the executor that has least so far
 * (Graham, "Bounds on Multiprocessing Timing Anomalies", 1969): home[] says by cluster to whose
 * first one. False: one would hold too much. */
static bool deal_out(const struct affinity *a, struct load *loads, uint32_t count, uint32_t *home)
{
    uint32_t executors = a->work->platform->concurrency;
    for (uint32_t i = 0; i < executors; i++)
        home[loads[i].cluster] = loads[i].cluster;
    for (uint32_t i = 0; i < executors / 2; i++) { /* the least first: a heap */
        struct load other = loads[i];
        loads[i] = loads[executors - 1 - i];
        loads[executors - 1 - i] = other;
    }
    for (uint32_t i = executors; i < count; i++) {
        loads->ns = plan_add_ns(loads->ns, loads[i].ns);
        loads->holds = plan_add_ns(loads->holds, loads[i].holds);
        if (!fits(a, loads->ns, loads->holds))
            return false;
        home[loads[i].cluster] = loads->cluster;
        sink_first(loads, executors);
    }
    return true;
}

/* Of clusters that are more than the executors makes as many, with about equal work, into `packed`.
 * False: they are not more, or cannot be. */
static bool pack(const struct affinity *a, uint32_t *packed)
{
    uint32_t nodes = a->dag->node_count;
    struct load *loads = memory_resize(NULL, nodes, sizeof *loads);
    uint32_t *home = memory_resize(NULL, nodes, sizeof *home);
    uint32_t count = sort_loads(a, loads);
    bool can = count > a->work->platform->concurrency && deal_out(a, loads, count, home);
    for (uint32_t n = 0; can && n + 1 < nodes; n++)
        packed[n] = home[a->cluster[n]];
    packed[nodes - 1] = nodes - 1;
    free(loads);
    free(home);
    return can;
}

/* So each has an executor, and can wait there for the others; but work is dealt out beforehand.
 */
static struct amount pack_all(struct affinity *a, struct amount before)
{
    uint32_t *packed = memory_resize(NULL, a->dag->node_count, sizeof *packed);
    struct amount amount = pack(a, packed) ? reckon(a, packed) : before;
    bool is_better = amount.bytes <= before.bytes && amount.ns < before.ns - before.ns / LEEWAY;
    if (is_better)
        take(a, packed);
    free(packed);
    return is_better ? amount : before;
}

/* ---- The pass -------------------------------------------------------------------------------- */

/* Of the clusters of earlier passes. */
static struct amount amount_before(const struct affinity *a)
{
    const uint32_t *cluster = a->work->plan->cluster;
    uint32_t count = a->dag->node_count;
    uint32_t *named = memory_resize(NULL, count, sizeof *named);
    for (uint32_t n = 0; n < count; n++)
        named[n] = cluster && cluster[n] != PLAN_NONE ? cluster[n] : n;
    struct amount amount = reckon(a, named);
    free(named);
    return amount;
}

static void replace_clusters(struct affinity *a)
{
    free(a->work->plan->cluster);
    a->work->plan->cluster = NULL;
    plan_set_clusters(a->work, a->cluster);
    a->cluster = NULL;
}

/* From chains to clusters of at most so much work, or as few as there are executors. */
static struct amount make_clusters(struct affinity *a, uint64_t shortest, uint64_t most_work)
{
    for (uint32_t n = 0; n < a->dag->node_count; n++)
        a->cluster[n] = root_of(a->first, n);
    measure_clusters(a);
    return pack_all(a, pair_all(a, shortest, most_work));
}

static uint64_t largest_load(const struct affinity *a)
{
    uint64_t largest = 0;
    for (uint32_t n = 0; n < a->dag->node_count; n++)
        largest = larger(largest, a->loads[n]);
    return largest;
}

/* Where a cluster has more than its share of the work, others may be idle: those that have not are
 * looked at, too, and taken if they are much faster. */
static struct amount choose_clusters(struct affinity *a, uint64_t shortest)
{
    struct amount large = make_clusters(a, shortest, UINT64_MAX);
    uint64_t share = work_of_all(a->work) * a->work->platform->vcpus;
    if (largest_load(a) <= share + share / LEEWAY)
        return large;
    uint32_t *kept = memory_resize(NULL, a->dag->node_count, sizeof *kept);
    memcpy(kept, a->cluster, a->dag->node_count * sizeof *kept);
    struct amount even = make_clusters(a, shortest, share + share / LEEWAY);
    bool is_better = even.ns < large.ns && is_much_longer(large.ns, even.ns, a->work->platform);
    if (!is_better)
        take(a, kept);
    free(kept);
    return is_better ? even : large;
}

static void gather(struct affinity *a)
{
    struct amount before = amount_before(a);
    make_chains(a);
    struct amount amount = choose_clusters(a, before.ns);
    if (amount.bytes < before.bytes && !is_too_long(amount.ns, before.ns, a->work->platform))
        replace_clusters(a);
}

void plan_pass_affinity(struct plan_work *work)
{
    uint32_t count = work->dag->node_count;
    if (!plan_has_executors(work) || !work->costs || !work->has_edges)
        return;
    struct affinity a = {.work = work,
                         .dag = work->dag,
                         .bytes = memory_new(count, sizeof *a.bytes),
                         .first = memory_new(count, sizeof *a.first),
                         .cluster = memory_new(count, sizeof *a.cluster),
                         .order = memory_new(count, sizeof *a.order),
                         .begins = memory_new(count, sizeof *a.begins),
                         .wasted = memory_new(count, sizeof *a.wasted),
                         .loads = memory_new(count, sizeof *a.loads),
                         .holds = memory_new(count, sizeof *a.holds),
                         .last = memory_new(count, sizeof *a.last)};
    if (measure_values(&a))
        gather(&a);
    free(a.bytes);
    free(a.first);
    free(a.cluster);
    free(a.order);
    free(a.begins);
    free(a.wasted);
    free(a.loads);
    free(a.holds);
    free(a.last);
}
