/*
 * A job's description (spec/executor.md, X3): all that an executor needs, beside the bundle, to
 * build the job's DAG as the client did: what main's parameters are bound to, and the options of
 * the run. It stands with the job's status in the store; a small one also travels in every event.
 *
 * The data of inputs are apart: STORE_INPUT records, numbered by leaf, and behind the
 * leaves by file; dense, row-major, in chunks of DESCRIPTION_CHUNK bytes.
 */
#ifndef WKC_WORLD_DESCRIPTION_H
#define WKC_WORLD_DESCRIPTION_H

#include "base/arena.h"
#include "base/buffer.h"
#include "graph/code.h"
#include "graph/input_chunks.h"
#include "graph/plan.h"
#include "world/plan_image.h"

enum { DESCRIPTION_DIGEST = 64, DESCRIPTION_CHUNK = INPUT_CHUNK };

/* Techniques of the protocol that are switched off (--without). */
enum {
    WITHOUT_BECOME = 1,
    WITHOUT_CLUSTERING = 2,
    WITHOUT_DELAYED_IO = 4,
    WITHOUT_INLINE = 8,
    WITHOUT_TREE = 16,
};

struct description {
    char program[DESCRIPTION_DIGEST + 1];  /* SHA-256 of the bundle's manifest, hexadecimal */
    const struct flow_argument *arguments; /* by leaf of main's parameters */
    /* By leaf: the bytes of the stored leaf (value/stored.h) that it is bound to as a whole; 0: it
     * is an array whose elements are read as they are needed, or no input. */
    const uint64_t *block_bytes;
    uint32_t argument_count;
    const struct flow_file *files; /* by number */
    uint32_t file_count;
    uint64_t max_tasks, max_steps;   /* of the graph; 0: the usual */
    uint64_t inline_bytes;           /* of a value: up to this size it travels inside events */
    uint32_t grain;                  /* a range of so many nodes is run by one executor */
    uint32_t lease_ms;               /* of a join's owner; heartbeats go by it, too */
    uint32_t delay_ms;               /* how long the holder of a large value waits for the others */
    uint32_t without;                /* WITHOUT_… */
    const struct platform *platform; /* the model that the plan is made with, and its settings for
                                        this run; NULL: local */
    const char *disabled;            /* the plan's passes that are left out; or NULL */
    uint32_t level;                  /* -O */
    const struct plan_measured *measured; /* what a profile says of tasks */
    uint32_t measured_count;
    bool counts;                    /* executors add up what they did (--stats) */
    uint64_t plan_bytes;            /* of the plan's image (plan_image.h); 0: none is stored */
    uint8_t plan_digest[PLAN_HASH]; /* of that image */
};

/* What the job's plan is made with. It points to what the description points to. */
struct plan_options description_plan_options(const struct description *description);

void description_write(const struct description *description, struct buffer *out);

/* Reads into the arena; the texts point there. 0, or ERR_bad_description, also where this executor
 * does not know the platform. */
int description_read(const void *bytes, size_t length, struct arena *arena,
                     struct description *description, struct error *error);

#endif
