/* What a process learns about tasks and its store, by given times. */
#include "world/pace.h"

#include "test.h"

#define US(n) ((uint64_t)(n) * 1000)
#define MS(n) ((uint64_t)(n) * 1000000)

static void tasks_are_short_by_their_last_runs(void)
{
    struct task_pace pace = {0};
    CHECK(!task_pace_is_short(&pace)); /* not known */
    task_pace_note(&pace, 0);
    CHECK(task_pace_is_short(&pace));
    task_pace_note(&pace, MS(5)); /* once, perhaps for lack of a processor */
    CHECK(!task_pace_is_short(&pace));
    int runs = 0;
    for (; !task_pace_is_short(&pace); runs++)
        task_pace_note(&pace, US(1));
    CHECK(runs > 5 && runs < 20);
    for (int i = 0; i < 100; i++)
        task_pace_note(&pace, US(300));
    CHECK(!task_pace_is_short(&pace));
}

static void what_took_a_second_is_not_forgotten(void)
{
    struct task_pace pace = {0};
    task_pace_note(&pace, MS(1000));
    for (int i = 0; i < 1000; i++)
        task_pace_note(&pace, US(1));
    CHECK(!task_pace_is_short(&pace));
}

static void bursts_are_timed(void)
{
    struct transfer_pace pace = {0};
    transfer_pace_begin(&pace, MS(100));
    transfer_pace_end(&pace, 1000, MS(900)); /* small: a round trip */
    CHECK_INT(pace.bytes_per_ms, 0);
    transfer_pace_begin(&pace, MS(1000)); /* three at once */
    transfer_pace_begin(&pace, MS(1001));
    transfer_pace_end(&pace, 4000000, MS(1009));
    transfer_pace_begin(&pace, MS(1009));
    transfer_pace_end(&pace, 0, MS(1010)); /* was not there */
    CHECK_INT(pace.bytes_per_ms, 0);
    transfer_pace_end(&pace, 4000000, MS(1020));
    CHECK_INT(pace.bytes_per_ms, 400000);
    transfer_pace_begin(&pace, MS(2000));
    transfer_pace_end(&pace, 1000000, MS(2005));
    CHECK_INT(pace.bytes_per_ms, 300000); /* the mean of that and 200,000 */
}

static void what_is_given_up_is_not_counted(void)
{
    struct transfer_pace pace = {0};
    transfer_pace_begin(&pace, MS(1));
    transfer_pace_begin(&pace, MS(1));
    transfer_pace_forget(&pace);
    transfer_pace_begin(&pace, MS(5000));
    transfer_pace_end(&pace, 1000000, MS(5000)); /* in no time that the clock sees */
    CHECK_INT(pace.bytes_per_ms, UINT32_MAX);
    transfer_pace_end(&pace, 1000000, MS(5001)); /* nothing is under way */
    CHECK_INT(pace.under_way, 0);
}

TEST_MAIN(TEST(tasks_are_short_by_their_last_runs), TEST(what_took_a_second_is_not_forgotten),
          TEST(bursts_are_timed), TEST(what_is_given_up_is_not_counted))
