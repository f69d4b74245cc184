/* The result of a job; see result.h. */
#include "world/result.h"

#include <stdlib.h>

#include "base/memory.h"

struct job_result *job_result_new(const struct bind_table *table, uint64_t *slots,
                                  uint64_t memory_limit, _Atomic(uint32_t) *stop)
{
    struct job_result *result = memory_new(1, sizeof *result);
    memory_account_init(&result->account, memory_limit);
    context_init(&result->context, &result->account, stop ? stop : &result->stop);
    binder_init(&result->binder, table, slots, &result->context);
    result->words = memory_new(table->job->result_type->word_count, sizeof *result->words);
    return result;
}

void job_result_free(struct job_result *result)
{
    binder_release(&result->binder);
    context_release(&result->context);
    free(result->words);
    free(result);
}

void job_result_release(struct job_outcome *outcome)
{
    job_result_free(outcome->owner);
    *outcome = (struct job_outcome){0};
}
