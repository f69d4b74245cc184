/*
 * The pages of a plan's image that an executor process has (spec/executor.md, X5). The image has a
 * region of addresses; a page of it stands there once somebody has touched it: the fault
 * (value/fault.h) waits while a thread of the pager loads the page from the store and checks it.
 * There are at most so many; then the oldest leaves, and comes back when it is touched again.
 *
 * What reads the plan knows nothing of this. Only calls of the system must not be given addresses
 * in a page that may leave: they fail where a load instruction waits.
 */
#ifndef WKC_WORLD_PLAN_PAGER_H
#define WKC_WORLD_PLAN_PAGER_H

#include "base/error.h"
#include "world/plan_image.h"

struct plan_pager;

struct plan_pager_options {
    const char *store, *job; /* the store's address, the job's name */
    uint64_t bytes;          /* of the image */
    const uint8_t *digest;   /* of its pages' hashes */
    uint64_t most;           /* bytes of the pages that may stand at once */
};

/* Opens an image that the store has, with the pages that executors always need: 0, or what the
 * store says. What is not what was stored, or is not there at all, fails the job, too (E880): to
 * try again would not change it.
 *
 * When a page cannot be loaded later, the process says why and ends with status 1, since whoever
 * touched it cannot go on. */
int plan_pager_open(struct plan_pager **pager, const struct plan_pager_options *options,
                    struct error *error);
void plan_pager_close(struct plan_pager *pager);

const void *plan_pager_base(const struct plan_pager *pager);

/* Pages that were loaded since it was opened. */
uint64_t plan_pager_loads(struct plan_pager *pager);

#endif
