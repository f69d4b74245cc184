/*
 * Models of platforms: what it costs to start an executor, to reach the store, to move bytes, and
 * to run a task; by name. The simulation runs by them (world/sim_time.h), and plan passes weigh
 * with them whether an edge is worth an executor. A model is data: nothing here measures or runs.
 *
 * A cost of a task is given in ns of a processor of speed 1: a 2 to 3 GHz x86-64 core with AVX2,
 * such as a Lambda's (1 vCPU at 1,769 MB) or the machine of tests/bench/README.md. On a platform it
 * takes platform_task_ns().
 */
#ifndef WKC_GRAPH_PLATFORM_H
#define WKC_GRAPH_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct platform {
    const char *name;
#define FIGURE(name, type, unit, text) type name;
#include "graph/platform.def"
#undef FIGURE
};

/* The model of this name, or NULL: local, emulator, lambda-512, -1769, -3538, -10240. */
const struct platform *platform_find(const char *name);

/* Whether the settings are such as plans can be made with: at least one executor, processor, shard.
 */
bool platform_is_possible(const struct platform *platform);

/* All of them, in order; NULL behind the last. */
const struct platform *platform_at(unsigned index);

/* What a task takes that costs so much at speed 1, with the executor's own work. */
uint64_t platform_task_ns(const struct platform *platform, uint64_t cost_ns);

/* Processors of a function with so many MB of memory (0: not known), rounded: Lambda gives one for
 * each 1,769. At least 1. */
uint32_t platform_processors(uint64_t memory_mb);

/* What it takes one executor to put or get a value alone: a round trip, and its bytes. */
uint64_t platform_transfer_ns(const struct platform *platform, uint64_t bytes);
/* The one and the other, where they are known to differ. */
uint64_t platform_put_ns(const struct platform *platform, uint64_t bytes);
uint64_t platform_get_ns(const struct platform *platform, uint64_t bytes);

/* The figures, one a line, with their units and meaning. */
void platform_print(const struct platform *platform, struct buffer *out);

#endif
