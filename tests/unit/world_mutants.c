/*
 * Mistakes in the protocol, put in on purpose (executor/mutant.h): each must be caught by the
 * checks that pass the real rules, or these checks prove nothing. The sources are compiled into
 * this test with the mutants in them, in place of the archives' objects.
 */
#define WKC_MUTANTS
#include "executor/executor_edges.c"
#include "executor/executor_values.c"
#include "executor/executor_fanout.c"
#include "executor/executor_remote.c"
#include "executor/executor.c"
#include "executor/join.c"
#include "executor/sweep.c"
#include "world/sim_client.c"
#include "world/sim_store.c"
#include "world/sim_executor.c"
#include "world/sim.c"

#include "test.h"
#include "torture.h"

enum executor_mutant executor_mutant;

enum { SEEDS = 1000, ENOUGH = 3 };

struct catch
{
    uint64_t tried, caught;
    char what[1024]; /* the first finding */
    enum sim_profile profile;
    uint64_t seed;
};

/* Runs all profiles and seeds until the mutant was caught often enough. */
static struct catch try_mutant(enum executor_mutant mutant)
{
    struct catch catch = {0};
    executor_mutant = mutant;
    for (uint64_t seed = 0; seed < SEEDS && catch.caught < ENOUGH; seed++)
        for (int profile = 0; profile < SIM_PROFILE_COUNT && catch.caught < ENOUGH; profile++) {
            const char *found = torture(seed, (enum sim_profile)profile);
            catch.tried++;
            if (!found)
                continue;
            if (catch.caught++ == 0) {
                snprintf(catch.what, sizeof catch.what, "%s", found);
                catch.profile = (enum sim_profile)profile;
                catch.seed = seed;
            }
        }
    executor_mutant = EXECUTOR_MUTANT_NONE;
    return catch;
}

static void the_rules_themselves_pass(void)
{
    CHECK_INT(try_mutant(EXECUTOR_MUTANT_NONE).caught, 0);
}

/* Random faults find this one in 1 of 70,000 runs, so here is the case itself. A lineage runs join
 * 3, and is told to stop at join 4, which another run of it owns. It cannot know whether that one
 * has handed on what 3 owes; if it marked 3 and the other died, the retry would be stopped at 3
 * (P3.3), and 4 would never run. */
static bool stopped_lineage_marks_its_joins(void)
{
    struct synthetic s;
    synthetic_begin(&s);
    uint32_t sources[3], both[2];
    for (int i = 0; i < 3; i++)
        sources[i] = synthetic_node(&s, NULL, 0);
    both[0] = synthetic_node(&s, sources, 2);
    both[1] = sources[2];
    uint32_t join = synthetic_node(&s, both, 2);
    synthetic_end(&s, &join, 1);
    struct executor_options options = {.inline_bytes = 100};
    struct executor executor;
    struct executor_action action;
    bool marks = false;
    executor_init(&executor, &s.plan, &options);
    executor_start(&executor, 0, (struct lineage){.token = 1});
    while (executor_next(&executor, &action) && action.kind != EXECUTOR_END) {
        struct executor_event event = {.node = action.node, .record = action.record};
        event.kind = action.kind == EXECUTOR_RUN ? EXECUTOR_DONE : EXECUTOR_ANSWERED;
        event.answer = action.node == 3 ? JOIN_OWN : JOIN_STOP;
        marks |= action.kind == EXECUTOR_PASSED;
        executor_handle(&executor, &event);
    }
    executor_release(&executor);
    synthetic_release(&s);
    return marks;
}

static void a_stopped_lineage_must_not_mark_its_joins(void)
{
    CHECK(!stopped_lineage_marks_its_joins());
    executor_mutant = EXECUTOR_MUTANT_STOPPED_MARKS_PASSED;
    CHECK(stopped_lineage_marks_its_joins());
    executor_mutant = EXECUTOR_MUTANT_NONE;
}

/* Random faults find this one once in some million runs. Two invocations of the same node, S and T,
 * lead to the join 2 and from there to 4. S owned both and died; its lease at 2 has run out, that
 * at 4 not yet. T takes 2 over. If it stopped at 4, the retry of S would be stopped by T at 2, both
 * would have ended well, and nobody would ever run 4. */
static bool who_takes_over_goes_on(void)
{
    struct synthetic s;
    synthetic_begin(&s);
    uint32_t sources[3], both[2];
    for (int i = 0; i < 3; i++)
        sources[i] = synthetic_node(&s, NULL, 0);
    both[0] = synthetic_node(&s, sources, 2);
    both[1] = sources[2];
    uint32_t join = synthetic_node(&s, both, 2);
    synthetic_end(&s, &join, 1);
    enum { S = 1, T = 2, NOW = 100 };
    struct join_record records[] = {
        {.bits = 2, .own = {.edges = 1, .token = S, .expires = NOW}},
        {.bits = 2, .own = {.edges = 1, .token = S, .expires = NOW + 1}}};
    struct executor_options options = {.inline_bytes = 100};
    struct executor executor;
    struct executor_action action;
    bool runs = false;
    executor_init(&executor, &s.plan, &options);
    executor_start(&executor, 0, (struct lineage){.token = T});
    while (executor_next(&executor, &action) && action.kind != EXECUTOR_COMMIT) {
        struct executor_event event = {.node = action.node, .record = action.record};
        event.kind = action.kind == EXECUTOR_RUN ? EXECUTOR_DONE : EXECUTOR_ANSWERED;
        runs |= action.kind == EXECUTOR_RUN && action.node == join;
        if (action.kind == EXECUTOR_ARRIVE) {
            struct join_arrival arrival = {.all = action.all,
                                           .edges = action.edges,
                                           .lineage = action.lineage,
                                           .now = NOW,
                                           .lease = 1};
            event.answer = join_arrive(&records[action.record], &arrival);
            event.taken_over = records[action.record].taken_over;
        }
        executor_handle(&executor, &event);
    }
    executor_release(&executor);
    synthetic_release(&s);
    return runs;
}

static void a_lineage_that_takes_over_must_not_defer(void)
{
    CHECK(who_takes_over_goes_on());
    executor_mutant = EXECUTOR_MUTANT_RECOVERY_DEFERS;
    CHECK(!who_takes_over_goes_on());
    executor_mutant = EXECUTOR_MUTANT_NONE;
}

/* Random faults find this one in 1 of 10 million runs. The values of both producers of a join are
 * gone; one or the other is run again by each walk and owns the join, which lacks the other. The
 * sweeper must see that this leads nowhere. */
static bool sweeping_in_vain_ends(void)
{
    struct synthetic s;
    synthetic_begin(&s);
    uint32_t sources[2] = {synthetic_node(&s, NULL, 0), synthetic_node(&s, NULL, 0)};
    uint32_t join = synthetic_node(&s, sources, 2), node;
    synthetic_end(&s, &join, 1);
    struct sweep sweep;
    sweep_init(&sweep, &s.plan, &(struct sweep_options){.age = 1000}, 0);
    for (uint64_t now = 0; now < 1000000 && !sweep_has_given_up(&sweep, &node); now += 5000) {
        const struct sweep_name *names;
        uint32_t count;
        sweep_begin(&sweep, now);
        while ((count = sweep_next(&sweep, &names)) > 0) {
            struct sweep_state states[16] = {0};
            for (uint32_t i = 0; i < count; i++)
                if (names[i].kind == SWEEP_JOIN)
                    states[i].own_edges = 1 + now / 5000 % 2;
            sweep_tell(&sweep, states);
        }
    }
    bool ends = sweep_has_given_up(&sweep, &node);
    sweep_release(&sweep);
    synthetic_release(&s);
    return ends;
}

static void owners_that_come_again_must_be_no_news(void)
{
    CHECK(sweeping_in_vain_ends());
    executor_mutant = EXECUTOR_MUTANT_OWNERS_ARE_NEWS;
    CHECK(!sweeping_in_vain_ends());
    executor_mutant = EXECUTOR_MUTANT_NONE;
}

/* Three requests must be under way, and the first be answered, for this one to matter, so random
 * faults find it only now and then; in a wide stencil it lost edges, which the sweeper found again.
 * An executor runs sources 0 to 2, and 5 and 6 behind 2; 3 and 4 are others'. Its arrival with 6's
 * edge must not be answered in place of its question about 1's, which it then would not bring. */
static bool all_edges_arrive(void)
{
    struct synthetic s;
    synthetic_begin(&s);
    uint32_t sources[5];
    for (int i = 0; i < 5; i++)
        sources[i] = synthetic_node(&s, NULL, 0);
    uint32_t next = synthetic_node(&s, &sources[2], 1), last = synthetic_node(&s, &next, 1);
    uint32_t one = synthetic_node(&s, (uint32_t[]){sources[0], sources[3]}, 2);
    uint32_t other = synthetic_node(&s, (uint32_t[]){sources[1], last, sources[4]}, 3);
    synthetic_end(&s, (uint32_t[]){one, other}, 2);
    struct executor_options options = {.inline_bytes = 100, .foresight = 1, .grain = 3};
    struct executor_start start = {.node = PLAN_NONE, .end = 3, .lineage.token = 1};
    struct executor executor;
    struct executor_action action, sent[64];
    uint64_t arrived = 0;
    size_t first = 0, count = 0;
    executor_init(&executor, &s.plan, &options);
    executor_begin(&executor, &start);
    for (bool ends = false; !ends;) {
        bool has_more = executor_next(&executor, &action);
        ends = has_more ? action.kind == EXECUTOR_END : first == count;
        if (has_more && action.kind != EXECUTOR_RUN)
            sent[count++] = action; /* its answer comes when there is nothing else to do */
        else if (!has_more && !ends)
            action = sent[first++];
        if (ends || (has_more && action.kind != EXECUTOR_RUN))
            continue;
        struct executor_event event = executor_answer(&action);
        event.kind = action.kind == EXECUTOR_RUN    ? EXECUTOR_DONE
                     : action.kind == EXECUTOR_PUT  ? EXECUTOR_STORED
                     : action.kind == EXECUTOR_WAIT ? EXECUTOR_WAITED
                                                    : EXECUTOR_ANSWERED;
        event.bytes = action.node < 2 ? 1000 : 8;
        event.answer = JOIN_NOT;
        if (action.kind == EXECUTOR_ARRIVE && action.node == other)
            arrived |= action.edges;
        executor_handle(&executor, &event);
    }
    executor_release(&executor);
    synthetic_release(&s);
    return arrived == 3;
}

static void answers_must_not_be_mixed_up(void)
{
    CHECK(all_edges_arrive());
    executor_mutant = EXECUTOR_MUTANT_ANSWERS_MIXED_UP;
    CHECK(!all_edges_arrive());
    executor_mutant = EXECUTOR_MUTANT_NONE;
}

static void each_mutant_is_caught(void)
{
    static const char *const texts[] = {"",
#define TEXT(NAME, text) text,
                                        EXECUTOR_MUTANTS(TEXT)
#undef TEXT
    };
    for (int mutant = 1; mutant < EXECUTOR_MUTANT_COUNT; mutant++) {
        if (mutant == EXECUTOR_MUTANT_STOPPED_MARKS_PASSED ||
            mutant == EXECUTOR_MUTANT_RECOVERY_DEFERS ||
            mutant == EXECUTOR_MUTANT_OWNERS_ARE_NEWS || mutant == EXECUTOR_MUTANT_ANSWERS_MIXED_UP)
            continue; /* the directed tests above */
        struct catch catch = try_mutant((enum executor_mutant)mutant);
        if (getenv("WKC_TEST_VERBOSE") || catch.caught == 0)
            fprintf(stderr, "%s: caught in %" PRIu64 " of %" PRIu64 " runs; profile %d: %s\n",
                    texts[mutant], catch.caught, catch.tried, (int)catch.profile, catch.what);
        CHECK(catch.caught > 0);
    }
}

TEST_MAIN(TEST(the_rules_themselves_pass), TEST(a_stopped_lineage_must_not_mark_its_joins),
          TEST(a_lineage_that_takes_over_must_not_defer),
          TEST(owners_that_come_again_must_be_no_news), TEST(answers_must_not_be_mixed_up),
          TEST(each_mutant_is_caught))
