/* The executor driven by hand, event by event, and the rules of joins; spec/protocol.md's clauses.
 */
#include "executor/executor.h"

#include "synthetic.h"
#include "test.h"

enum { OWN_TOKEN = 77 };

static struct synthetic job;
static struct executor executor;
static struct executor_action action;

static void begin(bool lossless, uint64_t inline_bytes, uint32_t start)
{
    struct executor_options options = {.lossless = lossless, .inline_bytes = inline_bytes};
    executor_init(&executor, &job.plan, &options);
    executor_start(&executor, start, (struct lineage){.token = OWN_TOKEN});
}

static void finish(void)
{
    executor_release(&executor);
    synthetic_release(&job);
}

static void expect(enum executor_action_kind kind, uint32_t node)
{
    action = (struct executor_action){.kind = EXECUTOR_END};
    CHECK(executor_next(&executor, &action));
    CHECK_INT(action.kind, kind);
    if (kind != EXECUTOR_END && kind != EXECUTOR_PASSED)
        CHECK_INT(action.node, node);
}

static void expect_nothing(void)
{
    CHECK(!executor_next(&executor, &action));
}

static void tell(enum executor_event_kind kind, uint32_t node)
{
    executor_handle(&executor, &(struct executor_event){.kind = kind, .node = node, .bytes = 8});
}

static void tell_large(uint32_t node)
{
    executor_handle(&executor,
                    &(struct executor_event){.kind = EXECUTOR_DONE, .node = node, .bytes = 1000});
}

static void answer(uint32_t join, uint32_t offset, enum join_answer how)
{
    executor_handle(&executor,
                    &(struct executor_event){.kind = EXECUTOR_ANSWERED,
                                             .record = job.plan.first_record[join] + offset,
                                             .answer = how});
}

/* 0 -> 1 -> 2 -> sink */
static void a_chain_is_run_by_one_executor(void)
{
    synthetic_begin(&job);
    uint32_t a = synthetic_node(&job, NULL, 0), b = synthetic_node(&job, &a, 1);
    uint32_t c = synthetic_node(&job, &b, 1);
    synthetic_end(&job, &c, 1);
    begin(false, 100, 0);
    for (uint32_t n = 0; n < 3; n++) {
        expect(EXECUTOR_RUN, n);
        CHECK_INT(action.becomes, n > 0);
        expect_nothing();
        tell(EXECUTOR_DONE, n);
    }
    expect(EXECUTOR_COMMIT, 3);
    expect_nothing();
    tell(EXECUTOR_SETTLED, 3);
    expect(EXECUTOR_END, 0);
    expect_nothing();
    finish();
}

/* 0 -> {1, 2, 3} -> sink: becomes 1, has 2 and 3 invoked with fresh tokens. */
static void at_a_fan_out_it_becomes_the_preferred_child(void)
{
    synthetic_begin(&job);
    uint32_t a = synthetic_node(&job, NULL, 0), children[3];
    for (int i = 0; i < 3; i++)
        children[i] = synthetic_node(&job, &a, 1);
    synthetic_end(&job, children, 3);
    begin(false, 100, 0);
    expect(EXECUTOR_RUN, 0);
    tell(EXECUTOR_DONE, 0);
    expect(EXECUTOR_INVOKE, 2);
    CHECK_INT(action.lineage.token, 0);
    expect(EXECUTOR_INVOKE, 3);
    expect(EXECUTOR_RUN, 1);
    tell(EXECUTOR_ACCEPTED, 2);
    tell(EXECUTOR_DONE, 1);
    expect(EXECUTOR_ARRIVE, 4);
    CHECK_INT(action.edges, 1);
    CHECK_INT(action.all, 7);
    CHECK_INT(action.lineage.token, OWN_TOKEN);
    answer(4, 0, JOIN_NOT);
    expect_nothing(); /* one invocation is not accepted yet */
    tell(EXECUTOR_ACCEPTED, 3);
    expect(EXECUTOR_END, 0);
    finish();
}

/* A large value is stored once, before any invocation that promises it. */
static void store_before_signal(void)
{
    synthetic_begin(&job);
    uint32_t a = synthetic_node(&job, NULL, 0), children[3];
    for (int i = 0; i < 3; i++)
        children[i] = synthetic_node(&job, &a, 1);
    synthetic_end(&job, children, 3);
    begin(false, 100, 0);
    expect(EXECUTOR_RUN, 0);
    tell_large(0);
    expect(EXECUTOR_PUT, 0);
    expect(EXECUTOR_RUN, 1); /* the child that it becomes does not wait */
    expect_nothing();
    tell(EXECUTOR_STORED, 0);
    expect(EXECUTOR_INVOKE, 2);
    expect(EXECUTOR_INVOKE, 3);
    expect_nothing();
    executor.options.without_delayed_io = true;
    tell_large(1);
    expect(EXECUTOR_PUT, 1);
    expect_nothing();
    tell(EXECUTOR_STORED, 1);
    expect(EXECUTOR_ARRIVE, 4);
    answer(4, 0, JOIN_STOP);
    tell(EXECUTOR_ACCEPTED, 2);
    tell(EXECUTOR_ACCEPTED, 3);
    expect(EXECUTOR_END, 0);
    finish();
}

/* 0 feeds 1 and 3, 1 feeds 2, 2 feeds 3: the edge from 0 is held until 2 has run. Both edges of the
 * join are here, so even large values are not stored, and nobody is asked. */
static void a_join_of_its_own_needs_no_store(void)
{
    synthetic_begin(&job);
    uint32_t a = synthetic_node(&job, NULL, 0), b = synthetic_node(&job, &a, 1);
    uint32_t c = synthetic_node(&job, &b, 1), both[2] = {a, c};
    uint32_t join = synthetic_node(&job, both, 2);
    synthetic_end(&job, &join, 1);
    begin(false, 100, 0);
    for (uint32_t n = 0; n < 3; n++) {
        expect(EXECUTOR_RUN, n);
        tell_large(n);
    }
    expect(EXECUTOR_RUN, 3);
    tell(EXECUTOR_DONE, 3);
    expect(EXECUTOR_COMMIT, 4);
    expect_nothing();
    tell(EXECUTOR_SETTLED, 4);
    expect(EXECUTOR_END, 0);
    finish();
}

/* ---- Ranges of sources ---------------------------------------------------------------------- */

/* Ten sources; each two feed a join, and all joins the sink. */
static void begin_sources(const struct executor_options *options, struct executor_start start)
{
    uint32_t sources[10], joins[5];
    synthetic_begin(&job);
    for (uint32_t i = 0; i < 10; i++)
        sources[i] = synthetic_node(&job, NULL, 0);
    for (uint32_t i = 0; i < 5; i++)
        joins[i] = synthetic_node(&job, &sources[2 * i], 2);
    synthetic_end(&job, joins, 5);
    executor_init(&executor, &job.plan, options);
    CHECK(executor_can_begin(&executor, &start));
    executor_begin(&executor, &start);
}

static void accept_range(uint32_t first, uint32_t end)
{
    executor_handle(&executor,
                    &(struct executor_event){
                        .kind = EXECUTOR_ACCEPTED, .node = PLAN_NONE, .first = first, .end = end});
}

static void a_range_of_the_grain_is_run_here(void)
{
    struct executor_options options = {.inline_bytes = 100, .grain = 4};
    begin_sources(&options, (struct executor_start){.node = PLAN_NONE, .first = 3, .end = 6});
    uint32_t count;
    const uint32_t *beats = executor_list_beats(&executor, &count);
    CHECK(count == 3 && beats[0] == 3 && beats[2] == 5); /* what is queued is at work, too */
    expect(EXECUTOR_RUN, 3);
    tell(EXECUTOR_DONE, 3);
    expect(EXECUTOR_ARRIVE, 11); /* source 2 is not of the range */
    expect(EXECUTOR_RUN, 4);
    tell(EXECUTOR_DONE, 4);
    expect(EXECUTOR_RUN, 5);
    tell(EXECUTOR_DONE, 5);
    expect(EXECUTOR_RUN, 12); /* sources 4 and 5 met here */
    tell(EXECUTOR_DONE, 12);
    expect_nothing(); /* join 11 may yet be its own, and lead to the sink, too */
    answer(11, 0, JOIN_NOT);
    expect(EXECUTOR_ARRIVE, 15);
    CHECK_INT(action.edges, 4);
    answer(15, 0, JOIN_NOT);
    expect(EXECUTOR_END, 0);
    finish();
}

/* A run of the sweeper starts with a range of which it wants one child. It does not wait for what
 * it does not want, nor does it say that it is at work on it. */
static void a_range_waits_only_for_what_is_wanted(void)
{
    static const struct node_range ranges[] = {{4, 5}, {12, 13}, {15, 16}};
    static const struct want want = {ranges, 3};
    struct executor_options options = {.inline_bytes = 100, .grain = 4};
    begin_sources(&options,
                  (struct executor_start){.node = PLAN_NONE, .first = 3, .end = 6, .want = &want});
    uint32_t count;
    const uint32_t *beats = executor_list_beats(&executor, &count);
    CHECK(count == 1 && beats[0] == 4);
    expect(EXECUTOR_RUN, 4);
    tell(EXECUTOR_DONE, 4);
    expect(EXECUTOR_ARRIVE, 12); /* source 5 stands in the range, but is not wanted */
    answer(12, 0, JOIN_NOT);
    expect(EXECUTOR_END, 0);
    finish();
}

static void a_wider_range_is_split(void)
{
    struct executor_options options = {.inline_bytes = 100, .grain = 2, .ways = 2};
    begin_sources(&options, (struct executor_start){.node = PLAN_NONE, .end = 9});
    expect(EXECUTOR_LOOK, PLAN_NONE);
    CHECK(action.first == 2 && action.end == 9);
    expect(EXECUTOR_RUN, 0);
    executor_handle(
        &executor,
        &(struct executor_event){.kind = EXECUTOR_LOOKED, .node = PLAN_NONE, .first = 2, .end = 9});
    expect(EXECUTOR_INVOKE, PLAN_NONE);
    CHECK(action.first == 2 && action.end == 6 && action.lineage.token == 0);
    expect(EXECUTOR_INVOKE, PLAN_NONE);
    CHECK(action.first == 6 && action.end == 9);
    accept_range(6, 9);
    expect_nothing();
    accept_range(2, 6);
    expect(EXECUTOR_SPLIT, PLAN_NONE);
    CHECK(action.first == 2 && action.end == 9);
    finish();
}

/* What is left of the range goes on as one event, with the token of this one. */
static void a_queue_is_handed_on_when_time_is_short(void)
{
    struct executor_options options = {.inline_bytes = 100, .grain = 8};
    begin_sources(&options, (struct executor_start){
                                .node = PLAN_NONE, .end = 8, .lineage = {.token = OWN_TOKEN}});
    expect(EXECUTOR_RUN, 0);
    executor_handle(&executor, &(struct executor_event){.kind = EXECUTOR_TIME_SHORT});
    expect(EXECUTOR_INVOKE, PLAN_NONE);
    CHECK(action.first == 1 && action.end == 8 && action.lineage.token == OWN_TOKEN);
    tell(EXECUTOR_DONE, 0);
    expect(EXECUTOR_ARRIVE, 10);
    answer(10, 0, JOIN_NOT);
    expect_nothing();
    accept_range(1, 8);
    expect(EXECUTOR_END, 0);
    finish();
}

static void ranges_that_the_plan_lacks_are_refused(void)
{
    struct executor_options options = {.inline_bytes = 100};
    begin_sources(&options, (struct executor_start){.node = PLAN_NONE, .end = 10});
    const struct executor_start wrong[] = {{.node = PLAN_NONE},
                                           {.node = PLAN_NONE, .end = 11},
                                           {.node = PLAN_NONE, .first = 3, .end = 2},
                                           {.node = 16},
                                           {.node = 0, .end = 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(!executor_can_begin(&executor, &wrong[i]));
    finish();
}

/* Two sources feed two joins. Who owns both runs one and invokes the other with its own token. */
static void of_two_owned_joins_one_is_invoked(void)
{
    synthetic_begin(&job);
    uint32_t sources[2], joins[2];
    for (int i = 0; i < 2; i++)
        sources[i] = synthetic_node(&job, NULL, 0);
    for (int i = 0; i < 2; i++)
        joins[i] = synthetic_node(&job, sources, 2);
    synthetic_end(&job, joins, 2);
    begin(false, 100, 1);
    expect(EXECUTOR_RUN, 1);
    tell(EXECUTOR_DONE, 1);
    expect(EXECUTOR_ARRIVE, 2);
    CHECK_INT(action.edges, 2);
    expect(EXECUTOR_ARRIVE, 3); /* both at once */
    expect_nothing();
    answer(3, 0, JOIN_OWN);
    expect_nothing(); /* the preferred one may still become its own */
    answer(2, 0, JOIN_OWN);
    expect(EXECUTOR_INVOKE, 3);
    CHECK_INT(action.lineage.token, OWN_TOKEN);
    expect(EXECUTOR_RUN, 2);
    tell(EXECUTOR_ACCEPTED, 3);
    tell(EXECUTOR_DONE, 2);
    expect(EXECUTOR_ARRIVE, 4);
    answer(4, 0, JOIN_NOT);
    expect(EXECUTOR_PASSED, 0);
    CHECK_INT(action.count, 1);
    CHECK_INT(action.joins[0], 2);
    expect(EXECUTOR_END, 0);
    finish();
}

/* P: a lineage that was answered stop must not mark its joins: somebody it does not know may owe.
 */
static void a_stopped_lineage_marks_nothing(void)
{
    synthetic_begin(&job);
    uint32_t sources[3], both[2];
    for (int i = 0; i < 3; i++)
        sources[i] = synthetic_node(&job, NULL, 0);
    both[0] = synthetic_node(&job, sources, 2);
    both[1] = sources[2];
    uint32_t join = synthetic_node(&job, both, 2);
    synthetic_end(&job, &join, 1);
    begin(false, 100, 0);
    expect(EXECUTOR_RUN, 0);
    tell(EXECUTOR_DONE, 0);
    expect(EXECUTOR_ARRIVE, 3);
    answer(3, 0, JOIN_OWN);
    expect(EXECUTOR_RUN, 3);
    tell(EXECUTOR_DONE, 3);
    expect(EXECUTOR_ARRIVE, 4);
    answer(4, 0, JOIN_STOP);
    expect(EXECUTOR_END, 0);
    finish();
}

/* A join of 130 edges has three records of edges and one above them. */
static void wide_joins_are_climbed_record_by_record(void)
{
    synthetic_begin(&job);
    uint32_t sources[130];
    for (int i = 0; i < 130; i++)
        sources[i] = synthetic_node(&job, NULL, 0);
    synthetic_end(&job, sources, 130);
    CHECK_INT(job.plan.record_count, 4);
    begin(false, 100, 129);
    expect(EXECUTOR_RUN, 129);
    tell(EXECUTOR_DONE, 129);
    expect(EXECUTOR_ARRIVE, 130);
    CHECK_INT(action.record, 2);
    CHECK_INT(action.edges, 2);
    CHECK_INT(action.all, 3);
    answer(130, 2, JOIN_OWN);
    expect(EXECUTOR_ARRIVE, 130);
    CHECK_INT(action.record, 3);
    CHECK_INT(action.edges, 4);
    CHECK_INT(action.all, 7);
    expect_nothing();
    answer(130, 3, JOIN_OWN);
    expect(EXECUTOR_COMMIT, 130);
    tell(EXECUTOR_SETTLED, 130);
    expect(EXECUTOR_PASSED, 0);
    expect(EXECUTOR_END, 0);
    finish();
}

static void failures_of_the_environment_are_retried(void)
{
    synthetic_begin(&job);
    uint32_t a = synthetic_node(&job, NULL, 0);
    synthetic_end(&job, &a, 1);
    struct dag_task tasks[2] = {job.dag.tasks[0], job.dag.tasks[1]};
    const struct dag_task *original = job.dag.tasks;
    tasks[job.task].retries = 1;
    job.dag.tasks = tasks;
    begin(true, 100, 0);
    struct executor_event failure = {.kind = EXECUTOR_FAILED, .node = 0, .retriable = true};
    expect(EXECUTOR_RUN, 0);
    executor_handle(&executor, &failure);
    expect(EXECUTOR_RUN, 0);
    executor_handle(&executor, &failure);
    expect(EXECUTOR_FAIL, 0);
    expect_nothing();
    tell(EXECUTOR_SETTLED, 0);
    expect(EXECUTOR_END, 0);
    executor_start(&executor, 0, (struct lineage){.token = 1});
    failure.retriable = false;
    expect(EXECUTOR_RUN, 0);
    executor_handle(&executor, &failure);
    expect(EXECUTOR_FAIL, 0);
    tell(EXECUTOR_POISONED, 0);
    expect(EXECUTOR_END, 0);
    job.dag.tasks = original;
    finish();
}

static void a_missing_input_stops_the_lineage(void)
{
    synthetic_begin(&job);
    uint32_t sources[2] = {synthetic_node(&job, NULL, 0), synthetic_node(&job, NULL, 0)};
    uint32_t join = synthetic_node(&job, sources, 2);
    synthetic_end(&job, &join, 1);
    begin(false, 100, 2);
    expect(EXECUTOR_RUN, 2);
    tell(EXECUTOR_MISSING, 2);
    expect(EXECUTOR_END, 0);
    finish();
}

/* ---- Where nothing is lost ------------------------------------------------------------------ */

/* Begins at a node; the task runs and is done. */
static void run_before(uint32_t node, uint32_t following)
{
    executor_start_before(&executor, node, following, &action);
    CHECK_INT(action.kind, EXECUTOR_RUN);
    CHECK_INT(action.node, node);
    CHECK(!action.becomes);
    tell(EXECUTOR_DONE, node);
}

/* 0, 1, 2 and 3 feed 4; 3 feeds 5, too. P6.5. */
static void the_last_of_several_arrives_for_all(void)
{
    synthetic_begin(&job);
    uint32_t sources[4], ends[2];
    for (int i = 0; i < 4; i++)
        sources[i] = synthetic_node(&job, NULL, 0);
    ends[0] = synthetic_node(&job, sources, 4);
    ends[1] = synthetic_node(&job, &sources[3], 1);
    synthetic_end(&job, ends, 2);
    executor_init(&executor, &job.plan, &(struct executor_options){.lossless = true});
    run_before(0, 1);
    expect(EXECUTOR_END, 0); /* its edge is left to the run of 1 */
    run_before(1, 2);
    expect(EXECUTOR_END, 0);
    run_before(2, 3); /* which does not go to 4 alone */
    expect(EXECUTOR_ARRIVE, 4);
    CHECK_INT(action.edges, 7);
    CHECK_INT(action.all, 15);
    answer(4, 0, JOIN_NOT);
    expect(EXECUTOR_END, 0);
    run_before(3, PLAN_NONE);
    expect(EXECUTOR_ARRIVE, 4);
    CHECK_INT(action.edges, 8);
    answer(4, 0, JOIN_NOT);
    expect(EXECUTOR_RUN, 5);
    finish();
}

/* Edges to two records of a wide join do not arrive together. */
static void each_record_has_its_own_arrival(void)
{
    uint32_t sources[66];
    synthetic_begin(&job);
    for (int i = 0; i < 66; i++)
        sources[i] = synthetic_node(&job, NULL, 0);
    synthetic_end(&job, sources, 66);
    executor_init(&executor, &job.plan, &(struct executor_options){.lossless = true});
    run_before(63, 64);
    expect(EXECUTOR_ARRIVE, 66);
    CHECK_INT(action.record, 0);
    answer(66, 0, JOIN_NOT);
    expect(EXECUTOR_END, 0);
    run_before(64, 65);
    expect(EXECUTOR_END, 0);
    run_before(65, PLAN_NONE);
    expect(EXECUTOR_ARRIVE, 66);
    CHECK_INT(action.record, 1);
    CHECK_INT(action.edges, 3);
    finish();
}

/* A fan-out to many children, one of which is a join in their midst. P6.1. */
static void children_side_by_side_are_invoked_at_once(void)
{
    enum { WIDTH = 1000, JOIN_AT = 500, NEIGHBOURS = 3 };
    uint32_t children[WIDTH], invoked[WIDTH] = {0}, ranges = 0, both[2];
    synthetic_begin(&job);
    both[0] = synthetic_node(&job, NULL, 0);
    both[1] = synthetic_node(&job, NULL, 0);
    for (uint32_t i = 0; i < WIDTH; i++)
        children[i] = synthetic_node(&job, both, i == JOIN_AT ? 2 : 1);
    synthetic_end(&job, children, WIDTH);
    executor_init(&executor, &job.plan,
                  &(struct executor_options){.lossless = true, .neighbours = NEIGHBOURS});
    run_before(both[0], PLAN_NONE);
    while (executor_next(&executor, &action) && action.kind != EXECUTOR_RUN) {
        if (action.kind == EXECUTOR_ARRIVE) {
            CHECK_INT(action.node, children[JOIN_AT]);
            answer(children[JOIN_AT], 0, JOIN_NOT);
            continue;
        }
        CHECK_INT(action.kind, EXECUTOR_INVOKE);
        if (action.first == action.end) {
            invoked[action.node - children[0]]++;
            continue;
        }
        CHECK_INT(action.node, both[0]);
        CHECK(action.end - action.first <= NEIGHBOURS);
        ranges++;
        for (uint32_t i = action.first; i < action.end; i++)
            invoked[i]++;
    }
    CHECK_INT(action.node, children[0]); /* kept */
    for (uint32_t i = 0; i < WIDTH; i++)
        CHECK_INT(invoked[i], i > 0 && i != JOIN_AT);
    CHECK(ranges >= WIDTH / NEIGHBOURS - 1);
    finish();
}

/* The executor runs 0 and is done in one step. */
static void step_done(uint32_t node)
{
    struct executor_event done = {.kind = EXECUTOR_DONE, .node = node};
    CHECK(executor_step(&executor, &done, &action));
}

static void begin_at(uint32_t node)
{
    executor_init(&executor, &job.plan, &(struct executor_options){.lossless = true});
    executor_start_before(&executor, node, PLAN_NONE, &action);
}

/* 0 and 1 feed 2, 3 and 4; these the sink. P6.6. */
static void build_three_joins(uint32_t *joins)
{
    uint32_t sources[2];
    synthetic_begin(&job);
    for (int i = 0; i < 2; i++)
        sources[i] = synthetic_node(&job, NULL, 0);
    for (int i = 0; i < 3; i++)
        joins[i] = synthetic_node(&job, sources, 2);
    synthetic_end(&job, joins, 3);
}

static void at_several_joins_it_arrives_at_once(void)
{
    uint32_t joins[3], preferred;
    build_three_joins(joins);
    preferred = job.plan.preferred[1];
    begin_at(1);
    step_done(1);
    CHECK_INT(action.kind, EXECUTOR_LAND);
    CHECK_INT(action.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_INT(action.landings[i].node, joins[i]);
        CHECK_INT(action.landings[i].record, job.plan.first_record[joins[i]]);
        CHECK_INT(action.landings[i].edge, 2);
        CHECK_INT(action.landings[i].all, 3);
    }
    CHECK(!executor_next(&executor, &action)); /* it waits for the answer */
    struct executor_event landed = {.kind = EXECUTOR_LANDED, .owned = 7};
    CHECK(executor_step(&executor, &landed, &action));
    for (uint32_t i = 0; i < 3; i++) {
        if (joins[i] == preferred)
            continue;
        CHECK_INT(action.kind, EXECUTOR_INVOKE);
        CHECK_INT(action.node, joins[i]);
        CHECK(executor_next(&executor, &action));
    }
    CHECK_INT(action.kind, EXECUTOR_RUN);
    CHECK_INT(action.node, preferred);
    CHECK(action.becomes);
    finish();
}

/* 0 feeds 2 and 3, 1 feeds 2, and 2 feeds 3: the edge of 0 to 3 is held until it is known who runs
 * 2. */
static void what_feeds_another_does_not_land_with_it(void)
{
    synthetic_begin(&job);
    uint32_t sources[2] = {synthetic_node(&job, NULL, 0), synthetic_node(&job, NULL, 0)};
    uint32_t both[2] = {sources[0], synthetic_node(&job, sources, 2)};
    uint32_t last = synthetic_node(&job, both, 2);
    synthetic_end(&job, &last, 1);
    begin_at(0);
    step_done(0);
    CHECK_INT(action.kind, EXECUTOR_ARRIVE);
    CHECK_INT(action.node, both[1]);
    finish();
}

static void nothing_lands_after_the_end_of_the_job(void)
{
    uint32_t joins[3];
    build_three_joins(joins);
    begin_at(0);
    step_done(0);
    CHECK_INT(action.kind, EXECUTOR_LAND);
    tell(EXECUTOR_POISONED, 0);
    executor_handle(&executor, &(struct executor_event){.kind = EXECUTOR_LANDED, .owned = 7});
    expect(EXECUTOR_END, 0);
    finish();
}

/* ---- The straight way ---------------------------------------------------------------------- */

static uint64_t random_state = 88172645463325252u;
static uint32_t random_below(uint32_t bound)
{
    random_state = hash_mix(random_state + 1);
    return (uint32_t)(random_state >> 32) % bound;
}

/* Nodes whose producers are any before them. */
static void build_tangle(void)
{
    uint32_t producers[4], count = 2 + random_below(12), last = count - 1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t refs = i == 0 ? 0 : random_below(4);
        for (uint32_t r = 0; r < refs; r++)
            producers[r] = random_below(i);
        synthetic_node(&job, producers, refs);
    }
    synthetic_end(&job, &last, 1);
}

/* Steps of a few nodes each, whose producers are of the step before. */
static void build_steps(void)
{
    enum { WIDTH = 4, STEPS = 4 };
    uint32_t before[WIDTH], now[WIDTH], producers[WIDTH];
    for (uint32_t step = 0; step < STEPS; step++) {
        for (uint32_t i = 0; i < WIDTH; i++) {
            uint32_t refs = step == 0 ? 0 : 1 + random_below(3);
            for (uint32_t r = 0; r < refs; r++)
                producers[r] = before[random_below(WIDTH)];
            now[i] = synthetic_node(&job, producers, refs);
        }
        memcpy(before, now, sizeof before);
    }
    synthetic_end(&job, before, WIDTH);
}

static void build_random_job(void)
{
    synthetic_begin(&job);
    if (random_below(2))
        build_tangle();
    else
        build_steps();
}

/* An answer to an action, by chance. */
static struct executor_event any_answer(void)
{
    struct executor_event event = {.node = action.node, .record = action.record, .bytes = 8};
    switch (action.kind) {
    case EXECUTOR_RUN:
        event.kind = random_below(20) ? EXECUTOR_DONE : EXECUTOR_POISONED;
        break;
    case EXECUTOR_ARRIVE:
        event.kind = EXECUTOR_ANSWERED;
        event.answer = random_below(10) ? random_below(2) ? JOIN_OWN : JOIN_NOT : JOIN_STOP;
        break;
    case EXECUTOR_LAND:
        event.kind = EXECUTOR_LANDED;
        event.owned = random_below(1u << action.count);
        break;
    case EXECUTOR_COMMIT:
        event.kind = EXECUTOR_SETTLED;
        break;
    default:
        event.kind = EXECUTOR_ACCEPTED;
    }
    return event;
}

/* An executor that is told the events of another, and has to say the same actions. */
struct follower {
    struct executor executor;
    struct executor_action action;
};

static void follow_arrival(struct follower *follower, const struct executor_action *expected)
{
    CHECK_INT(follower->action.record, expected->record);
    CHECK_INT(follower->action.edges, expected->edges);
    CHECK_INT(follower->action.all, expected->all);
}

/* What lands together arrives one by one here, in the same order. False: it has nothing to do. */
static bool follow_landing(struct follower *follower, uint32_t owned)
{
    bool has_more = true;
    for (uint32_t i = 0; i < action.count; i++) {
        const struct executor_landing *landing = &action.landings[i];
        CHECK_INT(follower->action.kind, EXECUTOR_ARRIVE);
        CHECK_INT(follower->action.node, landing->node);
        follow_arrival(follower, &(struct executor_action){.record = landing->record,
                                                           .edges = landing->edge,
                                                           .all = landing->all});
        struct executor_event event = executor_answer(&follower->action);
        event.kind = EXECUTOR_ANSWERED;
        event.answer = owned >> i & 1 ? JOIN_OWN : JOIN_NOT;
        executor_handle(&follower->executor, &event);
        has_more = executor_next(&follower->executor, &follower->action);
    }
    return has_more;
}

static bool follow(struct follower *follower, const struct executor_event *event)
{
    if (event->kind == EXECUTOR_LANDED)
        return follow_landing(follower, event->owned);
    executor_handle(&follower->executor, event);
    return executor_next(&follower->executor, &follower->action);
}

static void compare_actions(struct follower *follower)
{
    if (action.kind == EXECUTOR_LAND)
        return; /* see follow_landing */
    CHECK_INT(action.kind, follower->action.kind);
    if (action.kind != EXECUTOR_END)
        CHECK_INT(action.node, follower->action.node);
    if (action.kind == EXECUTOR_RUN)
        CHECK_INT(action.becomes, follower->action.becomes);
    if (action.kind == EXECUTOR_ARRIVE)
        follow_arrival(follower, &action);
}

/* Whatever is answered, executor_step does what executor_handle and executor_next do, and what
 * lands together would have arrived one after the other. */
static void a_step_is_an_event_and_the_next_action(void)
{
    uint32_t landed = 0;
    for (int round = 0; round < 3000; round++) {
        struct follower other = {0};
        build_random_job();
        uint32_t start = random_below(job.dag.node_count);
        uint32_t following = random_below(job.dag.node_count);
        struct executor_options options = {.inline_bytes = 100, .lossless = true};
        executor_init(&executor, &job.plan, &options);
        executor_start_before(&executor, start, following, &action);
        executor_init(&other.executor, &job.plan, &options);
        executor_start_before(&other.executor, start, following, &other.action);
        CHECK_INT(action.kind, other.action.kind);
        bool has_more = true;
        while (has_more && action.kind != EXECUTOR_END) {
            struct executor_event event = any_answer();
            landed += event.kind == EXECUTOR_LANDED;
            bool other_has_more = follow(&other, &event);
            has_more = executor_step(&executor, &event, &action);
            CHECK_INT(other_has_more, has_more);
            compare_actions(&other);
        }
        CHECK(has_more);
        CHECK_INT(executor.stopped, other.executor.stopped);
        CHECK_INT(executor.gathered, other.executor.gathered);
        executor_release(&other.executor);
        finish();
    }
    CHECK(landed > 100); /* of 3000 rounds */
}

/* ---- The rules, one after the other -------------------------------------------------------- */

static enum join_answer arrives(struct join_record *record, uint64_t edges, uint64_t token,
                                uint64_t now)
{
    struct join_arrival arrival = {
        .all = 7, .edges = edges, .lineage.token = token, .now = now, .lease = 100};
    return join_arrive(record, &arrival);
}

static void the_rules_of_joins(void)
{
    struct join_record record = {0};
    CHECK_INT(arrives(&record, 1, 10, 0), JOIN_NOT);
    CHECK_INT(arrives(&record, 1, 10, 0), JOIN_NOT); /* a repetition changes nothing */
    CHECK_INT(record.bits, 1);
    CHECK_INT(arrives(&record, 6, 11, 0), JOIN_OWN);
    CHECK_INT(record.bits, 1);                        /* the last sets no bit */
    CHECK_INT(arrives(&record, 6, 11, 5), JOIN_OWN);  /* its retry has the same token */
    CHECK_INT(arrives(&record, 1, 10, 5), JOIN_STOP); /* rule 1 */
    CHECK_INT(arrives(&record, 1, 10, 500), JOIN_STOP);
    CHECK_INT(arrives(&record, 2, 12, 50), JOIN_STOP); /* rule 2 */
    CHECK_INT(arrives(&record, 2, 12, 500), JOIN_NOT); /* rule 4 clears, rule 6 stores */
    CHECK_INT(record.own.edges, 0);
    CHECK_INT(record.bits, 3);
    CHECK_INT(arrives(&record, 4, 13, 500), JOIN_OWN);
    record.passed = true;
    CHECK_INT(arrives(&record, 4, 13, 500), JOIN_STOP); /* rule 3 */
    CHECK(record.taken_over); /* 13 came after 11, although 11 was cleared in between */
    struct join_record mine = {0};
    CHECK_INT(arrives(&mine, 7, 1, 0), JOIN_OWN);
    CHECK_INT(arrives(&mine, 1, 1, 0), JOIN_NOT); /* rule 4 for the owner itself */
    CHECK_INT(mine.own.edges, 0);
    CHECK_INT(arrives(&mine, 6, 1, 0), JOIN_OWN);
    CHECK(!mine.taken_over); /* by a retry of the same start */
    struct join_arrival recovering = {
        .all = 7, .edges = 6, .lineage = {.token = 2, .recovers = true}, .now = 1, .lease = 100};
    CHECK_INT(join_arrive(&mine, &recovering), JOIN_OWN); /* rule 2 does not hold for it */
    CHECK(mine.taken_over);
}

/* Each record's edges, counted from above, are those below it: for all widths. */
static void check_width(uint32_t width)
{
    uint64_t level_edges = width;
    uint32_t record = 0;
    for (uint32_t level = 0;; level++) {
        uint32_t records = (uint32_t)((level_edges + 63) / 64);
        uint64_t edges = 0;
        for (uint32_t i = 0; i < records; i++) {
            struct join_place place = join_place(width, record + i);
            CHECK_INT(place.level, level);
            CHECK_INT(place.first_edge, edges);
            edges += (uint64_t)__builtin_popcountll(place.all);
            CHECK_INT(place.parent_edge == 0, records == 1);
            if (records > 1) {
                CHECK_INT(place.parent, record + records + i / 64);
                CHECK(place.parent_edge & join_place(width, place.parent).all);
            }
        }
        CHECK_INT(edges, level_edges);
        record += records;
        if (records == 1)
            return;
        level_edges = records;
    }
}

static void wide_joins_are_trees_of_records(void)
{
    for (uint32_t width = 1; width <= 300; width++)
        check_width(width);
    check_width(4096);
    check_width(4097);
    check_width(100000);
}

static void arrivals_in_shared_memory(void)
{
    for (uint32_t width = 1; width <= 64; width++) {
        uint64_t all = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
        _Atomic(uint64_t) bits = 0;
        for (uint32_t i = 0; i < width; i++) {
            uint64_t edge = UINT64_C(1) << ((i * 7 + 3) % width);
            if (width % 7 == 0)
                edge = UINT64_C(1) << i;
            CHECK_INT(join_arrive_shared(&bits, all, edge), i + 1 == width ? JOIN_OWN : JOIN_NOT);
        }
    }
}

TEST_MAIN(TEST(a_chain_is_run_by_one_executor), TEST(at_a_fan_out_it_becomes_the_preferred_child),
          TEST(store_before_signal), TEST(a_join_of_its_own_needs_no_store),
          TEST(a_range_of_the_grain_is_run_here), TEST(a_range_waits_only_for_what_is_wanted),
          TEST(a_wider_range_is_split), TEST(a_queue_is_handed_on_when_time_is_short),
          TEST(ranges_that_the_plan_lacks_are_refused), TEST(of_two_owned_joins_one_is_invoked),
          TEST(a_stopped_lineage_marks_nothing), TEST(wide_joins_are_climbed_record_by_record),
          TEST(failures_of_the_environment_are_retried), TEST(a_missing_input_stops_the_lineage),
          TEST(the_last_of_several_arrives_for_all), TEST(each_record_has_its_own_arrival),
          TEST(children_side_by_side_are_invoked_at_once),
          TEST(at_several_joins_it_arrives_at_once), TEST(what_feeds_another_does_not_land_with_it),
          TEST(nothing_lands_after_the_end_of_the_job),
          TEST(a_step_is_an_event_and_the_next_action), TEST(the_rules_of_joins),
          TEST(wide_joins_are_trees_of_records), TEST(arrivals_in_shared_memory))
