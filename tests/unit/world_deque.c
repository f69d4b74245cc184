/* The work-stealing deque: order for one thread, and each element once for many. */
#include "world/deque.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static void the_owner_pops_what_it_pushed_last(void)
{
    struct deque deque;
    uint64_t node = 0, many[8];
    deque_init(&deque);
    CHECK(!deque_pop(&deque, &node));
    CHECK(!deque_pop_many(&deque, many, 2));
    for (uint32_t i = 0; i < 1000; i++) /* beyond the first ring */
        deque_push(&deque, i);
    CHECK_INT(deque_size_own(&deque), 1000);
    CHECK(deque_steal(&deque, &node));
    CHECK_INT(node, 0);
    CHECK(deque_pop(&deque, &node));
    CHECK_INT(node, 999);
    CHECK(deque_pop_many(&deque, many, 8));
    for (uint32_t i = 0; i < 8; i++)
        CHECK_INT(many[i], 991 + i);
    CHECK_INT(deque_size_own(&deque), 990);
    CHECK(deque_pop(&deque, &node));
    CHECK_INT(node, 990);
    deque_release(&deque);
}

/* The last one of all is left to deque_pop, which settles it with a thief. */
static void several_are_popped_only_of_more(void)
{
    struct deque deque;
    uint64_t node = 0, many[8];
    deque_init(&deque);
    for (uint32_t i = 0; i < 3; i++)
        deque_push(&deque, i);
    CHECK(!deque_pop_many(&deque, many, 3));
    CHECK(deque_pop_many(&deque, many, 2));
    CHECK_INT(many[0], 1);
    CHECK(deque_pop(&deque, &node));
    CHECK_INT(node, 0);
    CHECK(!deque_pop(&deque, &node));
    deque_release(&deque);
}

/* ---- Thieves ------------------------------------------------------------------------------- */

enum { NODES = 200000, THIEVES = 3 };

static struct deque shared;
static _Atomic(uint32_t) taken[NODES], over;

static void *thief(void *unused)
{
    (void)unused;
    uint64_t node = 0;
    while (!atomic_load(&over) || deque_size(&shared) > 0)
        if (deque_steal(&shared, &node))
            atomic_fetch_add(&taken[node], 1);
    return NULL;
}

static void take_some(uint32_t turn)
{
    uint64_t node = 0, many[8];
    if (turn % 3 == 0 && deque_pop_many(&shared, many, 1 + turn % 8)) {
        for (uint32_t i = 0; i < 1 + turn % 8; i++)
            atomic_fetch_add(&taken[many[i]], 1);
    } else if (deque_pop(&shared, &node)) {
        atomic_fetch_add(&taken[node], 1);
    }
}

static void each_is_taken_once(void)
{
    pthread_t threads[THIEVES];
    deque_init(&shared);
    for (int i = 0; i < THIEVES; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, thief, NULL), 0);
    for (uint32_t node = 0; node < NODES; node++) {
        deque_push(&shared, node);
        if (node % 512 > 256) /* it grows, and is emptied, again and again */
            for (uint32_t turn = 0; turn < 3; turn++)
                take_some(node + turn);
    }
    atomic_store(&over, 1);
    uint64_t node = 0;
    while (deque_pop(&shared, &node))
        atomic_fetch_add(&taken[node], 1);
    for (int i = 0; i < THIEVES; i++)
        pthread_join(threads[i], NULL);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < NODES; i++)
        wrong += atomic_load(&taken[i]) != 1;
    CHECK_INT(wrong, 0);
    deque_release(&shared);
}

TEST_MAIN(TEST(the_owner_pops_what_it_pushed_last), TEST(several_are_popped_only_of_more),
          TEST(each_is_taken_once))
