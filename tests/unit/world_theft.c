/*
 * When workers steal, by given durations: patient where tasks are short, quick where they are not,
 * and never so patient that plenty is left to one.
 */
#include "world/theft.h"

#include "test.h"

/* Runs out again and again, after so many tasks that take so long each. */
static uint32_t patience_after(uint32_t patience, int times, uint64_t tasks, uint64_t ns_each)
{
    for (int i = 0; i < times; i++)
        patience = theft_patience(patience, tasks * ns_each, tasks);
    return patience;
}

static void short_tasks_make_patient(void)
{
    uint32_t patience = THEFT_LEAST_PATIENCE;
    CHECK_INT(theft_patience(patience, 39, 1), 2 * patience);
    CHECK_INT(patience_after(patience, 3, 10, 39), 8 * patience);
    CHECK_INT(patience_after(patience, 10, 10, 399), THEFT_MOST_PATIENCE);
    CHECK_INT(patience_after(patience, 1000, 1, 1), THEFT_MOST_PATIENCE); /* and no more */
}

static void others_make_quick(void)
{
    CHECK_INT(theft_patience(THEFT_MOST_PATIENCE, 400, 1), THEFT_MOST_PATIENCE / 4);
    CHECK_INT(patience_after(THEFT_MOST_PATIENCE, 5, 1, 750), THEFT_LEAST_PATIENCE);
    CHECK_INT(patience_after(THEFT_MOST_PATIENCE, 100, 7, 1000000), THEFT_LEAST_PATIENCE);
    /* It is the mean that counts: one long task among many short ones is no reason to steal. */
    CHECK_INT(theft_patience(64, 100 * 30 + 20000, 100), 128);
    CHECK_INT(theft_patience(64, 100 * 30 + 50000, 100), 16);
    /* Who did nothing at all since it last found something is not waited for. */
    CHECK_INT(theft_patience(64, 0, 0), 16);
}

/* Pauses until the first attempt. */
static uint32_t pauses_until_attempt(uint32_t patience, bool is_plenty)
{
    struct theft_search search = theft_search_begin(patience);
    uint32_t pauses = 0;
    for (int i = 0; i < 10000; i++) {
        pauses += theft_search_round(&search);
        if (theft_search_tries(&search, theft_search_looks(&search) && is_plenty))
            return pauses;
    }
    return UINT32_MAX;
}

static void attempts_wait_for_patience(void)
{
    CHECK_INT(pauses_until_attempt(THEFT_LEAST_PATIENCE, false), THEFT_LEAST_PATIENCE);
    for (uint32_t patience = THEFT_LEAST_PATIENCE; patience <= THEFT_MOST_PATIENCE; patience *= 2) {
        uint32_t pauses = pauses_until_attempt(patience, false);
        CHECK(pauses >= patience && pauses < patience + THEFT_MOST_PAUSES);
        CHECK(pauses < THEFT_PAUSES_BEFORE_SLEEP);
    }
}

/* 8 rounds of 4, 8, 16, 32, 64, 64, 64 and 64 pauses. */
static void plenty_is_not_waited_for(void)
{
    CHECK_INT(pauses_until_attempt(THEFT_MOST_PATIENCE, true), 316);
    CHECK_INT(pauses_until_attempt(16, true), pauses_until_attempt(16, false));
    struct theft_search search = theft_search_begin(THEFT_MOST_PATIENCE);
    int looks = 0;
    for (int round = 1; round <= 48; round++) {
        theft_search_round(&search);
        looks += theft_search_looks(&search);
    }
    CHECK_INT(looks, 6); /* not in each round: it reads what others write */
}

static void who_finds_nothing_sleeps(void)
{
    struct theft_search search = theft_search_begin(THEFT_LEAST_PATIENCE);
    uint32_t pauses = 0, rounds = 0;
    for (; !theft_search_sleeps(&search); rounds++)
        pauses += theft_search_round(&search);
    CHECK(pauses >= THEFT_PAUSES_BEFORE_SLEEP);
    CHECK(pauses < THEFT_PAUSES_BEFORE_SLEEP + THEFT_MOST_PAUSES);
    CHECK(rounds < 220);
    theft_search_wake(&search);
    CHECK(!theft_search_sleeps(&search));
    theft_search_round(&search);
    CHECK(theft_search_tries(&search, false)); /* it was woken because there is work */
}

TEST_MAIN(TEST(short_tasks_make_patient), TEST(others_make_quick), TEST(attempts_wait_for_patience),
          TEST(plenty_is_not_waited_for), TEST(who_finds_nothing_sleeps))
