/*
 * What tests of values share: a context in which kernels run and whose memory is counted, types by
 * their names, and chance that a seed repeats.
 */
#ifndef WKC_TESTS_UNIT_VALUES_H
#define WKC_TESTS_UNIT_VALUES_H

#include "base/hash.h"
#include "test.h"
#include "value/context.h"
#include "value/layout.h"

static _Atomic(uint32_t) stop;
static struct memory_account account;
static struct context context;
static struct arena arena;
static struct type_table types;

/* A context with at most `limit` bytes, 0 for as many as wanted. */
static inline void begin(uint64_t limit)
{
    atomic_store(&stop, 0);
    memory_account_init(&account, limit);
    context_init(&context, &account, &stop);
    arena_init(&arena);
    type_table_init(&types, &arena);
}

/* Nothing of the context's memory is left in use. */
static inline void end(void)
{
    CHECK_INT(context.live_count, 0);
    context_release(&context);
    CHECK_INT(account.used, 0);
    type_table_release(&types);
    arena_release(&arena);
}

static uint64_t random_state;

/* 0 <= number < bound */
static inline uint64_t random_below(uint64_t bound)
{
    random_state += 0x9e3779b97f4a7c15u;
    return (hash_mix(random_state) >> 11) % bound;
}

#endif
