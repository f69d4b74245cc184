/*
 * A job's result, bound in the process that ran all of it: the words of main's result and the
 * memory that they lie in. An outcome keeps it alive.
 */
#ifndef WKC_WORLD_RESULT_H
#define WKC_WORLD_RESULT_H

#include "world/bind.h"

struct job_result {
    struct memory_account account;
    struct context context;
    struct binder binder;
    _Atomic(uint32_t) stop; /* the context's, unless another was given */
    uint64_t *words;        /* of the type's word_count */
};

/* `stop` NULL: the result's own. The table and the slots are the caller's, and outlive it. */
struct job_result *job_result_new(const struct bind_table *table, uint64_t *slots,
                                  uint64_t memory_limit, _Atomic(uint32_t) *stop);
void job_result_free(struct job_result *result);

/* For job_outcome.release, where the owner is a job_result. */
void job_result_release(struct job_outcome *outcome);

#endif
