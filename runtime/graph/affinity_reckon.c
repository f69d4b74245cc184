/*
 * What a choice of clusters amounts to: the graph is run in thought, in its order. All that is
 * known of a child lies in one place (struct reckoned), so that an edge costs one line of the
 * cache.
 */
#include "graph/affinity.h"

#include <string.h>

struct reckoning {
    struct affinity *a;
    uint32_t sink;
    uint64_t edges;
    struct amount amount;
};

/* A value goes to a reader elsewhere, which is told, and gets it unless its cluster has got it
 * before. Nodes in no cluster run where their last producer ran: so does the sink. */
static void hand_on(struct reckoning *k, uint32_t node, uint32_t child, uint64_t end)
{
    const struct affinity *a = k->a;
    const struct platform *platform = a->work->platform;
    struct reckoned *to = &a->nodes[child];
    struct reckoned_cluster *cluster = &a->per_cluster[to->cluster];
    bool is_first = cluster->loaded != node + 1;
    uint64_t at = plan_add_ns(end, a->ways[node]);
    at = plan_add_ns(at, to->is_join ? platform->round_trip_ns : platform->invoke_ns);
    to->ready = plan_larger(to->ready, at);
    cluster->loaded = node + 1;
    if (is_first && child != k->sink) {
        to->loading = plan_add_ns(to->loading, a->ways[node]);
        k->amount.bytes = plan_add_ns(k->amount.bytes, a->bytes[node]);
    }
}

/* When a node has run in its cluster. */
static uint64_t run_in_cluster(const struct affinity *a, uint32_t node)
{
    const struct reckoned *at = &a->nodes[node];
    struct reckoned_cluster *cluster = &a->per_cluster[at->cluster];
    uint64_t cost = a->work->costs[node], vcpus = a->work->platform->vcpus;
    uint64_t start = plan_add_ns(plan_larger(at->ready, cluster->free_at), at->loading);
    cluster->free_at = plan_add_ns(start, vcpus > 1 ? cost / vcpus : cost);
    cluster->load = plan_add_ns(cluster->load, cost);
    cluster->holds = plan_add_ns(cluster->holds, a->bytes[node]);
    cluster->most = plan_larger(cluster->most, cluster->holds);
    return plan_add_ns(start, cost);
}

/* Children that are looked at soon are fetched ahead: they lie far from each other. */
static void fetch_ahead(const struct reckoning *k, uint64_t at)
{
    enum { AHEAD = 16 };
    if (at + AHEAD < k->edges)
        __builtin_prefetch(&k->a->nodes[k->a->dag->children[at + AHEAD].node], 1);
}

/* Children are in the order of their numbers: the last one here releases what the node made. */
static void run_node(struct reckoning *k, uint32_t node)
{
    const struct affinity *a = k->a;
    const struct dag_node *at = &a->dag->nodes[node];
    struct reckoned *self = &a->nodes[node], *last = self;
    uint64_t end = run_in_cluster(a, node), put = 0;
    for (uint64_t c = at->first_child; c < at[1].first_child; c++) {
        fetch_ahead(k, c);
        uint32_t child = a->dag->children[c].node;
        struct reckoned *to = &a->nodes[child];
        if (to->cluster == self->cluster) {
            to->ready = plan_larger(to->ready, end);
            last = to;
        } else {
            put = a->bytes[node];
            hand_on(k, node, child, end);
        }
    }
    last->released += a->bytes[node];
    a->per_cluster[self->cluster].holds -= self->released;
    k->amount.bytes = plan_add_ns(k->amount.bytes, put);
    k->amount.ns = plan_larger(k->amount.ns, end);
}

static void begin(struct reckoning *k, const struct clusters *clusters)
{
    struct affinity *a = k->a;
    for (uint32_t n = 0; n <= k->sink; n++)
        a->nodes[n] = (struct reckoned){.cluster = clusters->of[n],
                                        .is_join = a->dag->nodes[n].producer_count > 1};
    memset(a->per_cluster, 0, ((size_t)clusters->count + 1) * sizeof *a->per_cluster);
}

/* Clusters beyond the executors that there may be wait until others have ended. */
static uint64_t rounds_of(const struct affinity *a, const struct clusters *clusters)
{
    uint64_t concurrency = a->work->platform->concurrency;
    uint64_t rounds = (clusters->count + concurrency - 1) / concurrency;
    return rounds ? rounds : 1;
}

struct amount affinity_reckon(struct affinity *a, const struct clusters *clusters, uint64_t most_ns)
{
    static const struct amount too_long = {.ns = UINT64_MAX};
    const struct platform *platform = a->work->platform;
    uint32_t sink = dag_sink(a->dag);
    struct reckoning k = {.a = a, .sink = sink, .edges = a->dag->nodes[sink].first_child};
    uint64_t rounds = rounds_of(a, clusters);
    begin(&k, clusters);
    for (uint32_t n = 0; n <= sink; n++) {
        run_node(&k, n);
        if (k.amount.ns > most_ns / rounds)
            return too_long;
    }
    plan_count_steps(a->work, k.edges + sink + 1);
    k.amount.ns *= rounds;
    double per_ms = (double)platform->store_shards * (double)platform->shard_bytes_per_ms;
    k.amount.ns = plan_larger(k.amount.ns, (uint64_t)((double)k.amount.bytes * 1e6 / per_ms));
    k.amount.ns = plan_larger(k.amount.ns, a->work_of_all);
    return k.amount.ns > most_ns ? too_long : k.amount;
}
