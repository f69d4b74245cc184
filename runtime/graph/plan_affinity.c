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
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/affinity.h"

enum {
    LEEWAY = 16,    /* the job may take this part of its time longer for fewer bytes */
    PRODUCERS = 64, /* of a task that may become part of its chain */
    TRIES = 24,     /* times that clusters are paired */
    VAIN = 3,       /* of them that may lead nowhere */
    WORTH = 1024,   /* part of time or bytes that is somewhere */
};

/* ---- Values ---------------------------------------------------------------------------------- */

/* The children that read all of a value. */
static uint32_t count_wholes(const struct affinity *a, uint32_t node)
{
    const struct plan *plan = a->work->plan;
    uint32_t count = (uint32_t)dag_child_count(a->dag, node);
    uint64_t first = a->dag->nodes[node].first_child, end = a->dag->nodes[node + 1].first_child;
    for (uint64_t c = first; plan->slices && c < end; c++)
        count -= plan_is_slice(plan, c);
    return count;
}

/* Whether any does not travel inline. */
static bool measure_values(struct affinity *a)
{
    const struct dag_node *nodes = a->dag->nodes;
    uint64_t any = 0;
    for (uint32_t n = 0; n < a->dag->node_count; n++) {
        uint64_t sum = 0;
        for (uint32_t part = nodes[n].first_part; part < nodes[n + 1].first_part; part++)
            if (a->work->part_ns[part] > 0)
                sum = plan_add_ns(sum, a->work->part_bytes[part]);
        a->bytes[n] = sum;
        a->wholes[n] = count_wholes(a, n);
        any |= sum;
    }
    plan_count_steps(a->work, a->dag->part_count);
    return any > 0;
}

bool affinity_fits(const struct affinity *a, uint64_t load, uint64_t holds)
{
    const struct platform *platform = a->work->platform;
    return (platform->memory_bytes == 0 || holds < platform->memory_bytes / 2) &&
           (platform->limit_ns == 0 || load < platform->limit_ns / 2);
}

/* ---- Chains ---------------------------------------------------------------------------------- */

/* Chains are named by nodes; `of` is a forest: another of the same chain, or itself. */
struct chains {
    struct affinity *a; /* loads and holds are by chain, as yet */
    uint32_t *of;
    uint64_t *wasted; /* by chain: costs of those that go on from what others read, too */
};

static uint32_t root_of(uint32_t *of, uint32_t node)
{
    while (of[node] != node) {
        of[node] = of[of[node]];
        node = of[node];
    }
    return node;
}

/* What only y reads is not held any more when y has run. */
static bool join(struct chains *chains, uint32_t x, uint32_t y)
{
    struct affinity *a = chains->a;
    uint32_t to = root_of(chains->of, x), from = root_of(chains->of, y);
    uint64_t load = plan_add_ns(a->loads[to], a->loads[from]);
    uint64_t holds = plan_add_ns(a->holds[to], a->holds[from]);
    if (a->wholes[x] == 1 && a->dag->nodes[y].producer_count == 1)
        holds = plan_larger(a->holds[to], holds - a->bytes[x]);
    if (to == from || !affinity_fits(a, load, holds))
        return false;
    uint32_t low = to < from ? to : from, high = to < from ? from : to;
    chains->of[high] = low;
    a->loads[low] = load;
    a->holds[low] = holds;
    return true;
}

/* What is saved when a node runs where a producer ran: a value that others read, too, is put
 * anyway. Of these the plan's preferred child goes on there, and others as long as what they do one
 * after the other takes no longer than the value's way. */
static uint64_t saved_bytes(const struct chains *chains, uint32_t node, dag_ref ref)
{
    const struct affinity *a = chains->a;
    uint32_t producer = dag_ref_source(ref);
    if (a->dag->views[dag_ref_view(ref)].source_rank > 0 &&
        plan_reads_slice(a->work->plan, node, ref))
        return 0;
    if (a->wholes[producer] == 1)
        return 2 * a->bytes[producer] + 1;
    if (a->work->plan->preferred[producer] == node)
        return a->bytes[producer] + 1;
    uint64_t wasted = chains->wasted[root_of(chains->of, producer)];
    uint64_t waste = plan_add_ns(wasted, a->work->costs[node]) / a->work->platform->vcpus;
    return waste <= plan_ref_ns(a->work, node, ref) ? a->bytes[producer] + 1 : 0;
}

/* Refs of a node that are looked at. */
static uint64_t end_of_refs(const struct affinity *a, uint32_t node)
{
    const struct dag_node *at = &a->dag->nodes[node];
    return at[1].first_ref - at->first_ref > PRODUCERS ? at->first_ref + PRODUCERS
                                                       : at[1].first_ref;
}

/* The producer that a node goes on from: that which saves most, and of equal ones the last. */
static uint32_t choose_producer(const struct chains *chains, uint32_t node)
{
    const struct dag *dag = chains->a->dag;
    uint64_t first = dag->nodes[node].first_ref, end = end_of_refs(chains->a, node), most = 1;
    uint32_t best = PLAN_NONE;
    for (uint64_t r = first; r < end; r++) {
        dag_ref ref = dag->refs[r];
        uint64_t saved = dag_ref_is_node(ref) ? saved_bytes(chains, node, ref) : 0;
        if (saved < most)
            continue;
        best = dag_ref_source(ref);
        most = saved;
    }
    plan_count_steps(chains->a->work, end - first + 1);
    return best;
}

static void go_on(struct chains *chains, uint32_t node, uint32_t producer)
{
    const struct affinity *a = chains->a;
    uint32_t root = root_of(chains->of, producer);
    bool is_own = a->wholes[producer] == 1;
    uint64_t wasted = plan_add_ns(chains->wasted[root], is_own ? 0 : a->work->costs[node]);
    if (join(chains, producer, node))
        chains->wasted[root_of(chains->of, node)] = wasted;
}

/* Others that only this node reads come along if their work takes no longer than their way. */
static void take_in_others(struct chains *chains, uint32_t node, uint32_t chosen)
{
    const struct affinity *a = chains->a;
    for (uint64_t r = a->dag->nodes[node].first_ref, end = end_of_refs(a, node); r < end; r++) {
        uint32_t producer = dag_ref_source(a->dag->refs[r]);
        if (!dag_ref_is_node(a->dag->refs[r]) || producer == chosen ||
            dag_child_count(a->dag, producer) > 1)
            continue;
        uint64_t way = plan_ref_ns(a->work, node, a->dag->refs[r]);
        if (a->loads[root_of(chains->of, producer)] / a->work->platform->vcpus <= way)
            join(chains, node, producer);
    }
}

/* Their names, by node; the caller frees them. */
static uint32_t *make_chains(struct affinity *a)
{
    uint32_t sink = dag_sink(a->dag);
    struct chains chains = {.a = a,
                            .of = memory_table((size_t)sink + 1, sizeof *chains.of),
                            .wasted = memory_new((size_t)sink + 1, sizeof *chains.wasted)};
    for (uint32_t n = 0; n <= sink; n++) {
        chains.of[n] = n;
        a->loads[n] = a->work->costs[n];
        a->holds[n] = a->bytes[n];
    }
    for (uint32_t n = 0; n < sink; n++) {
        uint32_t producer = choose_producer(&chains, n);
        if (producer == PLAN_NONE)
            continue;
        go_on(&chains, n, producer);
        take_in_others(&chains, n, producer);
    }
    for (uint32_t n = 0; n <= sink; n++)
        chains.of[n] = root_of(chains.of, n);
    free(chains.wasted);
    return chains.of;
}

/* ---- Clusters by number ---------------------------------------------------------------------- */

/* Numbers for clusters that have other names, by node: below node_count, or PLAN_NONE for a node
 * alone. */
static void number_clusters(struct affinity *a, const uint32_t *names, struct clusters *clusters)
{
    uint32_t count = a->dag->node_count;
    uint32_t *numbers = memory_table(count, sizeof *numbers);
    memset(numbers, 0xFF, count * sizeof *numbers);
    clusters->count = 0;
    for (uint32_t n = 0; n < count; n++) {
        uint32_t *number = names[n] == PLAN_NONE ? &clusters->of[n] : &numbers[names[n]];
        if (names[n] == PLAN_NONE || *number == PLAN_NONE)
            *number = n + 1 < count ? clusters->count++ : clusters->count;
        clusters->of[n] = *number;
    }
    free(numbers);
}

/* Goes on with clusters that were reckoned last. */
static void take(struct affinity *a, struct clusters *clusters)
{
    struct clusters other = a->clusters;
    a->clusters = *clusters;
    *clusters = other;
    for (uint32_t c = 0; c <= a->clusters.count; c++) {
        a->loads[c] = a->per_cluster[c].load;
        a->holds[c] = a->per_cluster[c].most;
    }
}

static void copy_clusters(const struct affinity *a, struct clusters *to,
                          const struct clusters *from)
{
    memcpy(to->of, from->of, a->dag->node_count * sizeof *to->of);
    to->count = from->count;
}

static struct clusters new_clusters(const struct affinity *a)
{
    return (struct clusters){.of = memory_table(a->dag->node_count, sizeof(uint32_t))};
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

static uint64_t longest_allowed(uint64_t shortest, const struct platform *platform)
{
    uint64_t start = platform->invoke_ns + platform->cold_start_ns;
    return plan_add_ns(shortest, plan_add_ns(shortest, start) / LEEWAY);
}

static bool is_too_long(uint64_t ns, uint64_t shortest, const struct platform *platform)
{
    return ns > longest_allowed(shortest, platform);
}

/* What makes up for more bytes. */
static bool is_much_longer(uint64_t ns, uint64_t other, const struct platform *platform)
{
    return is_too_long(ns - (ns - other) / 2, other, platform);
}

/* Clusters paired as a map says. */
static void follow(const struct affinity *a, const uint32_t *map, uint32_t count,
                   struct clusters *paired)
{
    paired->count = count;
    for (uint32_t n = 0; n < a->dag->node_count; n++)
        paired->of[n] = map[a->clusters.of[n]];
}

/* How far pairs have been made. */
struct pairing {
    struct amount amount; /* of the clusters so far */
    uint64_t shortest, most_work;
    int tries, vain;
};

/* The state before the first try with a pair that has more work than a limit. */
struct pairing_before {
    uint64_t limit;
    bool is_set;
    struct pairing pairing;
    struct clusters clusters;
};

static void note_before(const struct affinity *a, const struct pairing *p,
                        struct pairing_before *before)
{
    before->is_set = true;
    before->pairing = *p;
    copy_clusters(a, &before->clusters, &a->clusters);
}

static bool is_much_the_same(const struct amount *amount, const struct amount *before)
{
    return amount->bytes > before->bytes - before->bytes / WORTH &&
           amount->ns > before->ns - before->ns / WORTH;
}

/* One try; whether others may be worth while. */
static bool try_pairs(struct affinity *a, struct pairing *p, struct sharing *sharing,
                      struct clusters *paired, uint32_t *map, struct pairing_before *before)
{
    uint64_t largest;
    uint32_t count = sharing_pair(sharing, p->most_work, map, &largest);
    if (count == a->clusters.count)
        return false;
    if (largest > before->limit && !before->is_set)
        note_before(a, p, before);
    follow(a, map, count, paired);
    struct amount amount =
        affinity_reckon(a, paired, longest_allowed(p->shortest, a->work->platform));
    if (amount.ns == UINT64_MAX || amount.bytes >= p->amount.bytes) {
        p->most_work = largest * 3 / 4;
        return p->vain++ < VAIN;
    }
    take(a, paired);
    sharing_contract(sharing, map);
    p->vain += is_much_the_same(&amount, &p->amount);
    p->amount = amount;
    p->shortest = amount.ns < p->shortest ? amount.ns : p->shortest;
    return p->vain <= VAIN;
}

/* Pairs of clusters, again and again, as long as that takes not much longer than the shortest, and
 * none has more than so much work. */
static void pair_all(struct affinity *a, struct pairing *p, struct pairing_before *before)
{
    struct sharing *sharing = sharing_new(a);
    struct clusters paired = new_clusters(a);
    uint32_t *map = memory_table((size_t)a->clusters.count + 1, sizeof *map);
    while (p->tries < TRIES && try_pairs(a, p, sharing, &paired, map, before))
        p->tries++;
    free(map);
    free(paired.of);
    sharing_free(sharing);
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
static void sort_loads(const struct affinity *a, struct load *loads)
{
    for (uint32_t c = 0; c < a->clusters.count; c++)
        loads[c] = (struct load){a->loads[c], a->holds[c], c};
    qsort(loads, a->clusters.count, sizeof *loads, compare_loads);
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
        if (!affinity_fits(a, loads->ns, loads->holds))
            return false;
        home[loads[i].cluster] = loads->cluster;
        sink_first(loads, executors);
    }
    return true;
}

/* Of clusters that are more than the executors makes as many, with about equal work, into `packed`.
 * False: they are not more, or cannot be. */
static bool pack(struct affinity *a, struct clusters *packed)
{
    uint32_t count = a->clusters.count, nodes = a->dag->node_count;
    if (count <= a->work->platform->concurrency)
        return false;
    struct load *loads = memory_resize(NULL, count, sizeof *loads);
    uint32_t *home = memory_resize(NULL, (size_t)count + 1, sizeof *home);
    sort_loads(a, loads);
    home[count] = count; /* the sink's */
    bool can = deal_out(a, loads, count, home);
    uint32_t *names = memory_table(nodes, sizeof *names);
    for (uint32_t n = 0; can && n < nodes; n++)
        names[n] = home[a->clusters.of[n]];
    if (can)
        number_clusters(a, names, packed);
    free(names);
    free(loads);
    free(home);
    return can;
}

/* So each has an executor, and can wait there for the others; but work is dealt out beforehand.
 */
static struct amount pack_all(struct affinity *a, struct amount before)
{
    struct clusters packed = new_clusters(a);
    struct amount amount =
        pack(a, &packed) ? affinity_reckon(a, &packed, before.ns - before.ns / LEEWAY) : before;
    bool is_better = amount.bytes <= before.bytes && amount.ns < before.ns - before.ns / LEEWAY;
    if (is_better)
        take(a, &packed);
    free(packed.of);
    return is_better ? amount : before;
}

/* ---- The pass -------------------------------------------------------------------------------- */

/* Of the clusters of earlier passes. */
static struct amount amount_before(struct affinity *a)
{
    const uint32_t *names = a->work->plan->cluster;
    struct clusters before = new_clusters(a);
    if (names) {
        number_clusters(a, names, &before);
    } else {
        before.count = dag_sink(a->dag);
        for (uint32_t n = 0; n < a->dag->node_count; n++)
            before.of[n] = n;
    }
    struct amount amount = affinity_reckon(a, &before, UINT64_MAX);
    free(before.of);
    return amount;
}

/* Clusters are named by their first nodes. */
static void replace_clusters(struct affinity *a)
{
    uint32_t *cluster = a->clusters.of, count = a->dag->node_count;
    uint32_t *names = memory_table((size_t)a->clusters.count + 1, sizeof *names);
    for (uint32_t n = count; n-- > 0;)
        names[cluster[n]] = n;
    for (uint32_t n = 0; n < count; n++)
        cluster[n] = names[cluster[n]];
    free(names);
    free(a->work->plan->cluster);
    a->work->plan->cluster = NULL;
    plan_set_clusters(a->work, cluster);
    a->clusters.of = NULL;
}

static uint64_t largest_load(const struct affinity *a)
{
    uint64_t largest = 0;
    for (uint32_t c = 0; c < a->clusters.count; c++)
        largest = plan_larger(largest, a->loads[c]);
    return largest;
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

static struct amount start_with_chains(struct affinity *a)
{
    struct clusters chains = new_clusters(a);
    uint32_t *names = make_chains(a);
    number_clusters(a, names, &chains);
    free(names);
    struct amount amount = affinity_reckon(a, &chains, UINT64_MAX);
    take(a, &chains);
    free(chains.of);
    return amount;
}

/* Goes another way from before the first pair with more than a cluster's share. What that is much
 * faster than, or else the clusters as they are, stays. */
static struct amount make_even(struct affinity *a, struct amount large,
                               struct pairing_before *before)
{
    struct clusters kept = new_clusters(a);
    struct pairing_before none = {.limit = UINT64_MAX};
    struct pairing p = before->pairing;
    copy_clusters(a, &kept, &a->clusters);
    affinity_reckon(a, &before->clusters, UINT64_MAX);
    take(a, &before->clusters);
    p.most_work = before->limit < p.most_work ? before->limit : p.most_work;
    pair_all(a, &p, &none);
    struct amount even = pack_all(a, p.amount);
    bool is_better = even.ns < large.ns && is_much_longer(large.ns, even.ns, a->work->platform);
    if (!is_better)
        copy_clusters(a, &a->clusters, &kept);
    free(kept.of);
    return is_better ? even : large;
}

/* From chains to clusters, or as few as there are executors. Where one then has more than its share
 * of the work, others may be idle: clusters without such are looked at, too. */
static struct amount choose_clusters(struct affinity *a, uint64_t shortest)
{
    uint64_t share = a->work_of_all * a->work->platform->vcpus;
    struct pairing_before before = {.limit = share + share / LEEWAY, .clusters = new_clusters(a)};
    struct pairing p = {.amount = start_with_chains(a), .most_work = UINT64_MAX};
    p.shortest = p.amount.ns < shortest ? p.amount.ns : shortest;
    pair_all(a, &p, &before);
    struct amount amount = pack_all(a, p.amount);
    if (before.is_set && largest_load(a) > before.limit)
        amount = make_even(a, amount, &before);
    free(before.clusters.of);
    return amount;
}

static void gather(struct affinity *a)
{
    struct amount before = amount_before(a);
    struct amount amount = choose_clusters(a, before.ns);
    if (amount.bytes < before.bytes && !is_too_long(amount.ns, before.ns, a->work->platform))
        replace_clusters(a);
}

/* Their values mostly are of the same size. */
static void list_tasks(struct affinity *a)
{
    const struct dag_node *nodes = a->dag->nodes;
    uint64_t bytes = 0, way = 0;
    for (uint32_t n = 0; n < a->dag->node_count; n++) {
        if (a->bytes[n] != bytes)
            way = a->bytes[n] ? platform_transfer_ns(a->work->platform, a->bytes[n]) : 0;
        bytes = a->bytes[n];
        a->tasks[n] = (struct reckoned_task){
            .cost = a->work->costs[n],
            .bytes = bytes,
            .way = way,
            .children = (uint32_t)(nodes[n + 1].first_child - nodes[n].first_child),
            .is_join = nodes[n].producer_count > 1};
    }
}

void plan_pass_affinity(struct plan_work *work)
{
    uint32_t count = work->dag->node_count;
    if (!plan_has_executors(work) || !work->costs || !work->has_edges)
        return;
    struct affinity a = {.work = work,
                         .dag = work->dag,
                         .bytes = memory_table(count, sizeof *a.bytes),
                         .wholes = memory_table(count, sizeof *a.wholes)};
    if (!measure_values(&a)) {
        free(a.bytes);
        free(a.wholes);
        return;
    }
    a.clusters = new_clusters(&a);
    a.loads = memory_table(count, sizeof *a.loads);
    a.holds = memory_table(count, sizeof *a.holds);
    a.tasks = memory_table(count, sizeof *a.tasks);
    a.nodes = memory_table(count, sizeof *a.nodes);
    memset(a.nodes, 0, count * sizeof *a.nodes);
    a.per_cluster = memory_table((size_t)count + 1, sizeof *a.per_cluster);
    a.loaded = memory_table((size_t)count + 1, sizeof *a.loaded);
    a.work_of_all = work_of_all(work);
    list_tasks(&a);
    gather(&a);
    void *const tables[] = {a.bytes, a.tasks,       a.clusters.of, a.loads, a.holds,
                            a.nodes, a.per_cluster, a.loaded,      a.wholes};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        free(tables[t]);
}
