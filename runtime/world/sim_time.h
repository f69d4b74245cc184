/*
 * Virtual time of the simulated world, by a platform's figures; private to sim*.c:
 *
 *     sim_time.c         what takes how long: the store, the ways to it, tasks; what it costs
 *     sim_environment.c  the platform: invocations on their way, environments, the line before them
 *     sim_size.c         the bytes of values: as they are, or estimated from the graph
 *     sim_bound.c        the shortest time that the graph and the platform allow
 *
 * All times are ns. Without a platform (sim.time is NULL) a unit of virtual time is a ms, and
 * messages take a random time.
 *
 * An executor has one way to the store and one back, each of the platform's bandwidth, used by one
 * value after the other; a shard serves its commands and their bytes in the order of their coming.
 * What is served later than it came has waited: that is all there is to contention.
 */
#ifndef WKC_WORLD_SIM_TIME_H
#define WKC_WORLD_SIM_TIME_H

#include "graph/cost.h"
#include "world/sim.h"
#include "world/sim_cloud.h"

/* Environments of the platform, and the events that wait for one. */
struct sim_environments {
    uint32_t ready;  /* idle, and with the job's graph */
    uint32_t warm;   /* idle */
    uint32_t busy;   /* an executor is in it, or it starts */
    double tokens;   /* environments that may be started now */
    uint64_t filled; /* when the tokens were counted */
    bool is_awaited; /* a SIM_SCALE message is on its way */
    VECTOR(sim_index) line;
    size_t first; /* of the line */
};

struct sim_time {
    const struct sim_cloud *cloud;
    const struct platform *platform;
    struct sim_environments environments;
    struct sim_line client;
    uint64_t *shards;      /* when each is free */
    uint64_t *cores;       /* likewise; of platforms whose executors share processors */
    uint64_t *part_bytes;  /* by part: as it is stored */
    uint64_t *read_parts;  /* by node: bit p: somebody reads part p; all bits beyond the 63rd */
    uint64_t *edge_parts;  /* by edge, as sim.producers: the parts that it carries, likewise */
    uint64_t *slice_bytes; /* by edge: of a parcel with the slices that it carries; 0: none */
    struct costs *costs;
    uint64_t *took; /* by node: the time of its first run */
    double units;   /* of the store, as they are paid for */
    double gb_seconds;
    struct error refusal; /* the platform cannot run this job; code 0: none */
};

/* sim_time.c */
void sim_time_init(struct sim *sim, const struct sim_cloud *cloud);
void sim_time_release(struct sim *sim);
/* How long until a step takes effect, and then until its answer is heard. */
uint64_t sim_time_effect(struct sim *sim, struct sim_process *process,
                         const struct executor_action *action);
uint64_t sim_time_answer(struct sim *sim, struct sim_process *process,
                         const struct executor_action *action, const struct executor_event *event);
/* A step whose answer nobody waits for, until the process ends. */
void sim_time_silent(struct sim *sim, struct sim_process *process, uint32_t name);
/* Whether the small inputs of an invocation are too much for its payload: then all are stored. */
bool sim_payload_is_full(const struct sim *sim, const struct executor_action *action);
/* Notes how long a run of a node takes: `measured` ns here. */
void sim_time_note_run(struct sim *sim, uint32_t node, uint64_t measured);
void sim_time_sum(struct sim *sim, struct metrics *metrics);

/* sim_environment.c */
void sim_environments_init(struct sim *sim);
/* When the next invocation of a line leaves: after those before it. */
uint64_t sim_line_leaves(struct sim *sim, struct sim_line *line, uint64_t from);
/* An event reaches the platform: it gets an environment, or waits. */
void sim_admit(struct sim *sim, sim_index invocation);
/* More environments may be started. */
void sim_scale(struct sim *sim);
bool sim_is_time_short(const struct sim *sim, const struct sim_process *process);
/* An executor has nothing to do any more: it ends when its last steps are done. */
void sim_leave(struct sim *sim, sim_index process);
void sim_left(struct sim *sim, sim_index process);

/* sim_size.c */
/* The number of the edge by which `node` reads `producer`, in sim.producers. */
uint64_t sim_find_edge(const struct sim *sim, uint32_t producer, uint32_t node);
void sim_sizes_init(struct sim *sim);
void sim_sizes_estimate(struct sim *sim);
/* Notes the sizes of what a run gave; the bytes of the largest part that anybody reads. */
uint64_t sim_note_sizes(struct sim *sim, uint32_t node, const uint64_t *results);
uint64_t sim_largest_part(const struct sim *sim, uint32_t node);
/* The bytes of a node's parts that anybody reads, and of those that a reader's edge number `edge`
 * (as sim.producers) carries. */
uint64_t sim_value_bytes(const struct sim *sim, uint32_t node);
uint64_t sim_edge_bytes(const struct sim *sim, uint64_t edge);
/* Likewise, of a parcel with them. */
uint64_t sim_parcel_bytes(const struct sim *sim, uint64_t edge);
/* Of a parcel with what an edge carries inline. */
uint64_t sim_inline_bytes(const struct sim *sim, uint64_t edge);

/* sim_bound.c: ns */
uint64_t sim_bound(const struct sim *sim);

#endif
