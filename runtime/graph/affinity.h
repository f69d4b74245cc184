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

/* What of a node stays the same, whatever its cluster: all that is reckoned with, in one line. */
struct reckoned_task {
    uint64_t cost;
    uint64_t bytes; /* as affinity's bytes */
    uint64_t way;   /* what it takes to put these, or to get them */
    uint32_t children;
    bool is_join;
};

/* A node, while it is reckoned what clusters amount to: zeros before its first producer has run,
 * and again when it has run itself. */
struct reckoned {
    uint64_t ready[2]; /* when its inputs of other clusters can be had, but for the signal, + 1 (0:
                          there are none); and when those of its own cluster are there */
    uint64_t loading;  /* what it takes to get the former */
    uint64_t released; /* bytes that its cluster need not hold any more when it has run */
};

/* A cluster. */
struct reckoned_cluster {
    uint64_t free_at;     /* when it has run what it has so far */
    uint64_t load;        /* all costs */
    uint64_t holds, most; /* bytes of results that are held, and that were at most */
};

struct affinity {
    struct plan_work *work;
    const struct dag *dag;
    uint64_t *bytes; /* by node: of its result, as far as it is read; 0 if that travels inline */
    uint32_t *wholes; /* by node: how many children read all of it, and not slices */
    struct clusters clusters;
    uint64_t *loads;             /* by cluster: all costs */
    uint64_t *holds;             /* by cluster: bytes of results that are held at once, at most */
    uint64_t work_of_all;        /* what all work takes all processors */
    struct reckoned_task *tasks; /* by node */
    struct reckoned *nodes;      /* by node: zeros, but while something is reckoned */
    struct reckoned_cluster *per_cluster; /* of the last that were reckoned, the sink's too */
    uint32_t *loaded; /* by cluster: the last node, + 1, whose value was looked at for it */
};

/* A slice counts as so many bytes, whatever it has: what may travel inline. */
static inline uint64_t affinity_slice_bytes(const struct affinity *a)
{
    return a->work->platform->inline_bytes;
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
