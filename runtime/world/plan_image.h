/*
 * A job's graph, plan and edges as one piece of memory without pointers, in pages: for functions
 * that have no room for all of it (spec/executor.md, X5). The client stores the pages; an executor
 * has a region of addresses for the whole, in which only those pages stand that it has touched
 * (plan_pager.h).
 */
#ifndef WKC_WORLD_PLAN_IMAGE_H
#define WKC_WORLD_PLAN_IMAGE_H

#include "base/error.h"
#include "graph/plan.h"
#include "world/remote_edges.h"

enum {
    PLAN_PAGE = 64 << 10, /* bytes */
    PLAN_HASH = 32,       /* bytes of a SHA-256 */
    PLAN_SECTIONS = 27,
    /* Nodes in the names of what is stored, of kind STORE_PLAN (0: the program's flow code). */
    PLAN_STORED_PAGE = 1,
    PLAN_STORED_HASHES = 2,
};

#define PLAN_MOST_BYTES (UINT64_C(1) << 44) /* of an image: 2^28 pages */

/* What the image begins with, and what follows from it alone. */
struct plan_layout {
    char magic[8];
    uint64_t part_count, record_count, indexed_without;
    uint64_t counts[PLAN_SECTIONS]; /* of each table's entries; 0: there is no such table */
};

struct plan_image {
    struct plan_layout layout;
    const void *tables[PLAN_SECTIONS]; /* the plan's own */
    uint64_t offsets[PLAN_SECTIONS];
    uint64_t bytes;
    uint32_t page_count;
    struct remote_edges edges;
    uint8_t *hashes;           /* of each page */
    uint8_t digest[PLAN_HASH]; /* of the hashes */
};

/* How many bytes the plan's image has. */
uint64_t plan_image_bytes(const struct plan *plan);

/* Makes the image of a plan whose fan-outs are indexed, and which outlives it: 0, or
 * ERR_out_of_memory. */
int plan_image_make(struct plan_image *image, const struct plan *plan, struct error *error);
void plan_image_release(struct plan_image *image);

/* Copies a page to `to`; its bytes: PLAN_PAGE, but for the last. */
size_t plan_image_page(const struct plan_image *image, uint32_t page, char *to);

/* The SHA-256 of some bytes. */
void plan_image_hash(const void *data, size_t bytes, uint8_t hash[PLAN_HASH]);

/* How many pages of an image that stands at `base` executors always have: those of its tasks and
 * its texts. 0: it is no image of so many bytes. Only the first page is read. */
uint32_t plan_image_pinned(const void *base, uint64_t bytes);

/* Has the graph, plan and edges point into the image, which plan_image_pinned() knows. */
void plan_image_bind(const void *base, struct dag *dag, struct plan *plan,
                     struct remote_edges *edges);

#endif
