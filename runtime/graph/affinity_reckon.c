/*
 * What a choice of clusters amounts to: the graph is run in thought, in its order.
 *
 * That is done many times, so little is touched for a node, and less for an edge: what is the same
 * each time lies densely in the order of nodes (struct reckoned_task), and what is known of a child
 * in half a line of the cache (struct reckoned), which the child leaves as it was for the next
 * time. Whether an edge stays in a cluster is hard to foretell, so nothing branches on it.
 */
#include "graph/affinity.h"

#include <string.h>

enum { AHEAD = 16 }; /* edges: children that are looked at soon are fetched, for they lie apart */

struct reckoning {
    struct affinity *a;
    const uint32_t *of; /* the clusters, by node */
    const struct dag_child *children;
    uint32_t sink;
    uint64_t next, edges; /* among the children: the next node's, and all */
    uint64_t vcpus;
    uint64_t signals[2]; /* of who runs elsewhere: to one who waits for no other, and to a join */
    uint64_t messages;   /* to joins that are elsewhere, where there are slices */
    struct amount amount;
};

/* When a node has run in its cluster. */
static uint64_t run_in_cluster(const struct reckoning *k, const struct reckoned_task *task,
                               const struct reckoned *at, struct reckoned_cluster *cluster)
{
    uint64_t others = plan_add_ns(at->ready[0] - 1, k->signals[task->is_join]);
    uint64_t ready = plan_larger(at->ready[1], at->ready[0] ? others : 0);
    uint64_t start = plan_add_ns(plan_larger(ready, cluster->free_at), at->loading);
    cluster->free_at = plan_add_ns(start, k->vcpus > 1 ? task->cost / k->vcpus : task->cost);
    cluster->load = plan_add_ns(cluster->load, task->cost);
    cluster->holds = plan_add_ns(cluster->holds, task->bytes);
    cluster->most = plan_larger(cluster->most, cluster->holds);
    return plan_add_ns(start, task->cost);
}

static uint64_t only_if(bool condition, uint64_t value)
{
    return value & (0 - (uint64_t)condition);
}

/* Of the value of a node: how often it is put and got, and which of its own cluster reads it last,
 * or itself. */
struct told {
    uint32_t moves, last;
};

/* A node has run, and tells its children. A value goes to a reader elsewhere, which gets it unless
 * its cluster has got it before; the sink, which runs where its last producer ran, does not.
 * Children are in the order of their numbers. */
static struct told tell_children(const struct reckoning *k, uint32_t node, uint64_t end)
{
    const uint64_t way = k->a->tasks[node].way, behind = k->next + k->a->tasks[node].children;
    const uint64_t at[2] = {plan_add_ns(plan_add_ns(end, way), 1), end};
    const uint32_t *of = k->of, own = of[node], sink = k->sink;
    const struct dag_child *children = k->children;
    struct reckoned *nodes = k->a->nodes;
    uint32_t last = node, gets = 0, elsewhere = 0, *loaded = k->a->loaded;
    for (uint64_t c = k->next; c < behind; c++) {
        uint32_t child = children[c].node, cluster = of[child];
        bool is_here = cluster == own;
        bool is_got = !is_here & (loaded[cluster] != node + 1) & (child != sink);
        struct reckoned *to = &nodes[child];
        loaded[cluster] = node + 1;
        to->ready[is_here] = plan_larger(to->ready[is_here], at[is_here]);
        to->loading = plan_add_ns(to->loading, only_if(is_got, way));
        last = is_here ? child : last;
        elsewhere |= !is_here;
        gets += is_got;
        __builtin_prefetch(&nodes[children[c + AHEAD < k->edges ? c + AHEAD : c].node], 1);
    }
    return (struct told){gets + elsewhere, last};
}

/* Likewise where some children read slices: these travel inline, and are neither put nor got. */
static struct told tell_of_slices(struct reckoning *k, uint32_t node, uint64_t end)
{
    const struct affinity *a = k->a;
    const uint64_t way = a->tasks[node].way, behind = k->next + a->tasks[node].children;
    struct told told = {.last = node};
    bool is_put = false;
    for (uint64_t c = k->next; c < behind; c++) {
        uint32_t child = k->children[c].node, cluster = k->of[child];
        bool is_here = cluster == k->of[node], is_slice = plan_is_slice(a->work->plan, c);
        struct reckoned *to = &a->nodes[child];
        uint64_t at = is_here ? end : plan_add_ns(plan_add_ns(end, is_slice ? 0 : way), 1);
        to->ready[is_here] = plan_larger(to->ready[is_here], at);
        told.last = is_here ? child : told.last;
        if (is_here)
            continue;
        k->messages += a->tasks[child].is_join;
        if (is_slice) {
            k->amount.bytes = plan_add_ns(k->amount.bytes, affinity_slice_bytes(a));
            continue;
        }
        bool is_got = a->loaded[cluster] != node + 1 && child != k->sink;
        a->loaded[cluster] = node + 1;
        to->loading = plan_add_ns(to->loading, is_got ? way : 0);
        told.moves += is_got;
        is_put = true;
    }
    told.moves += is_put;
    return told;
}

/* Who reads a value last releases it. */
static void run_node(struct reckoning *k, uint32_t node)
{
    const struct reckoned_task *task = &k->a->tasks[node];
    struct reckoned *self = &k->a->nodes[node];
    struct reckoned_cluster *cluster = &k->a->per_cluster[k->of[node]];
    uint64_t end = run_in_cluster(k, task, self, cluster), bytes;
    struct told told =
        k->a->work->plan->slices ? tell_of_slices(k, node, end) : tell_children(k, node, end);
    k->next += task->children;
    k->a->nodes[told.last].released += task->bytes;
    cluster->holds -= self->released;
    *self = (struct reckoned){0};
    if (__builtin_mul_overflow(task->bytes, (uint64_t)told.moves, &bytes))
        bytes = UINT64_MAX;
    k->amount.bytes = plan_add_ns(k->amount.bytes, bytes);
    k->amount.ns = plan_larger(k->amount.ns, end);
}

/* Clusters beyond the executors that there may be wait until others have ended. */
static uint64_t rounds_of(const struct affinity *a, const struct clusters *clusters)
{
    uint64_t concurrency = a->work->platform->concurrency;
    uint64_t rounds = (clusters->count + concurrency - 1) / concurrency;
    return rounds ? rounds : 1;
}

/* Whether all has run by then. */
static bool run_all(struct reckoning *k, uint64_t most_ns)
{
    struct affinity *a = k->a;
    for (uint32_t n = 0; n <= k->sink; n++) {
        run_node(k, n);
        if (k->amount.ns > most_ns) {
            memset(a->nodes + n, 0, ((size_t)k->sink + 1 - n) * sizeof *a->nodes);
            return false;
        }
    }
    return true;
}

/* What processors do that all share: tasks, starts of executors, and messages, of which each takes
 * the store and who sends it together a round trip. */
static uint64_t work_of_all(const struct reckoning *k, const struct clusters *clusters)
{
    const struct platform *platform = k->a->work->platform;
    uint64_t starts =
        clusters->count < platform->concurrency ? clusters->count : platform->concurrency;
    if (platform->cores == 0 || !k->a->work->plan->slices)
        return k->a->work_of_all;
    uint64_t work = starts * platform->start_work_ns + k->messages * platform->round_trip_ns;
    return plan_add_ns(k->a->work_of_all, work / platform->cores);
}

struct amount affinity_reckon(struct affinity *a, const struct clusters *clusters, uint64_t most_ns)
{
    static const struct amount too_long = {.ns = UINT64_MAX};
    const struct platform *platform = a->work->platform;
    uint32_t sink = dag_sink(a->dag);
    struct reckoning k = {.a = a,
                          .of = clusters->of,
                          .children = a->dag->children,
                          .sink = sink,
                          .edges = a->dag->nodes[sink].first_child,
                          .vcpus = platform->vcpus,
                          .signals = {platform->invoke_ns, platform->round_trip_ns}};
    uint64_t rounds = rounds_of(a, clusters);
    memset(a->per_cluster, 0, ((size_t)clusters->count + 1) * sizeof *a->per_cluster);
    memset(a->loaded, 0, ((size_t)clusters->count + 1) * sizeof *a->loaded);
    if (!run_all(&k, most_ns / rounds))
        return too_long;
    plan_count_steps(a->work, k.edges + sink + 1);
    k.amount.ns *= rounds;
    double per_ms = (double)platform->store_shards * (double)platform->shard_bytes_per_ms;
    k.amount.ns = plan_larger(k.amount.ns, (uint64_t)((double)k.amount.bytes * 1e6 / per_ms));
    k.amount.ns = plan_larger(k.amount.ns, work_of_all(&k, clusters));
    return k.amount.ns > most_ns ? too_long : k.amount;
}
