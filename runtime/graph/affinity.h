/*
 * What the pass "affinity" (plan_affinity.c) consists of: what a choice of clusters amounts to
 * (affinity_reckon.c), and the pairs of clusters that share most (affinity_pairs.c).
 */
#ifndef WKC_GRAPH_AFFINITY_H
#define WKC_GRAPH_AFFINITY_H

#include "graph/plan_pass.h"

/* Clusters have numbers from 0, in the order of their first nodes. */
struct clusters {
    uint32_t *of;   /* by node; the sink has one of its own behind all, if no other has it */
    uint32_t count; /* without the sink's own */
};

/* A node, while it is reckoned what clusters amount to. */
struct reckoned {
    uint64_t ready;    /* when its inputs are there, or can be had */
    uint64_t loading;  /* what it takes to get those that are not */
    uint64_t released; /* bytes that its cluster need not hold any more when it has run */
    uint32_t cluster;
    bool is_join;
};

/* A cluster. */
struct reckoned_cluster {
    uint64_t free_at;     /* when it has run what it has so far */
    uint64_t load;        /* all costs */
    uint64_t holds, most; /* bytes of results that are held, and that were at most */
    uint32_t loaded;      /* the last value that was got, + 1 */
};

struct affinity {
    struct plan_work *work;
    const struct dag *dag;
    uint64_t *bytes; /* by node: of its result, as far as it is read; 0 if that travels inline */
    uint64_t *ways;  /* by node: what it takes to put that, or to get it */
    struct clusters clusters;
    uint64_t *loads;        /* by cluster: all costs */
    uint64_t *holds;        /* by cluster: bytes of results that are held at once, at most */
    uint64_t work_of_all;   /* what all work takes all processors */
    struct reckoned *nodes; /* of the last clusters that were reckoned: by node */
    struct reckoned_cluster *per_cluster; /* and by cluster, the sink's too */
};

static inline uint64_t plan_larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What a choice of clusters amounts to. */
struct amount {
    uint64_t ns, bytes;
};

/* Runs the graph in thought, each cluster in an executor. If that takes more than most_ns, ns is
 * UINT64_MAX, and nothing else is known. */
struct amount affinity_reckon(struct affinity *a, const struct clusters *clusters,
                              uint64_t most_ns);

/* Whether a cluster of such work, that holds so much, has room in an executor. */
bool affinity_fits(const struct affinity *a, uint64_t load, uint64_t holds);

/* What the clusters of a->clusters share. */
struct sharing *sharing_new(struct affinity *a);
void sharing_free(struct sharing *sharing);

/* Pairs of clusters, each with the one with which it shares most, and none with more than so much
 * work: where they go, by cluster, in map[]. Gives how many clusters there are then, and the
 * largest work of a pair. */
uint32_t sharing_pair(struct sharing *sharing, uint64_t most_work, uint32_t *map,
                      uint64_t *largest);

/* Clusters go where a map says, as a->clusters have done. */
void sharing_contract(struct sharing *sharing, const uint32_t *map);

#endif
