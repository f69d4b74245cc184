/* The executor where anything may be lost, driven by hand: large values that wait, ranges,
 * clusters, heartbeats, hand-off, the sweeper; spec/protocol.md's clauses. */
#include "executor/executor.h"
#include "executor/sweep.h"

#include "synthetic.h"
#include "test.h"

enum { OWN_TOKEN = 77 };

static struct synthetic job;
static struct executor executor;
static struct executor_action action;
static uint32_t doubt, grain; /* of the next executor */

static void begin(const struct executor_start *start)
{
    const struct executor_options options = {.inline_bytes = 100, .doubt = doubt, .grain = grain};
    executor_init(&executor, &job.plan, &options);
    executor_begin(&executor, start);
}

static void begin_at(uint32_t node)
{
    begin(&(struct executor_start){.node = node, .lineage.token = OWN_TOKEN});
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
    if (kind != EXECUTOR_END)
        CHECK_INT(action.node, node);
}

static void expect_nothing(void)
{
    struct executor_action none;
    CHECK(!executor_next(&executor, &none));
}

/* Answers the last action. */
static void tell(enum executor_event_kind kind)
{
    struct executor_event event = executor_answer(&action);
    event.kind = kind;
    event.bytes = 8;
    executor_handle(&executor, &event);
}

static void tell_large(bool is_stored)
{
    struct executor_event event = executor_answer(&action);
    event.kind = EXECUTOR_DONE;
    event.bytes = 1000;
    event.is_stored = is_stored;
    executor_handle(&executor, &event);
}

static void answer(enum join_answer how)
{
    struct executor_event event = executor_answer(&action);
    event.kind = EXECUTOR_ANSWERED;
    event.answer = how;
    executor_handle(&executor, &event);
}

/* Others are missing, and somebody holds so many bytes, at edge 0. */
static void not_the_last(uint64_t bytes)
{
    struct executor_event event = executor_answer(&action);
    event.kind = EXECUTOR_ANSWERED;
    event.answer = JOIN_NOT;
    event.largest = (struct join_holder){bytes, 0};
    executor_handle(&executor, &event);
}

static void looked(bool is_split)
{
    struct executor_event event = executor_answer(&action);
    event.kind = EXECUTOR_LOOKED;
    event.is_split = is_split;
    executor_handle(&executor, &event);
}

/* Two sources and their join, 2. */
static void build_join(void)
{
    synthetic_begin(&job);
    uint32_t sources[2] = {synthetic_node(&job, NULL, 0), synthetic_node(&job, NULL, 0)};
    uint32_t join = synthetic_node(&job, sources, 2);
    synthetic_end(&job, &join, 1);
}

/* ---- Delayed I/O --------------------------------------------------------------------------- */

static void begin_holder(void)
{
    build_join();
    begin_at(1);
    expect(EXECUTOR_RUN, 1);
    tell_large(false);
    expect(EXECUTOR_ASK, 2);
    CHECK_INT(action.edges, 2);
    CHECK_INT(action.size, 1000);
    expect_nothing();
}

static void store_and_arrive(void)
{
    expect(EXECUTOR_PUT, 1);
    expect_nothing();
    tell(EXECUTOR_STORED);
    expect(EXECUTOR_ARRIVE, 2);
    answer(JOIN_NOT);
    expect(EXECUTOR_END, 0);
}

static void the_last_to_ask_stores_nothing(void)
{
    begin_holder();
    answer(JOIN_OWN);
    expect(EXECUTOR_RUN, 2);
    finish();
}

/* Has the plan say so of an edge. */
static void carry_slices(uint32_t producer, uint32_t consumer)
{
    uint64_t edge = dag_edge(&job.dag, producer, consumer);
    if (!job.plan.slices)
        job.plan.slices =
            calloc(job.dag.nodes[job.dag.node_count].first_child / 64 + 1, sizeof(uint64_t));
    job.plan.slices[edge / 64] |= UINT64_C(1) << edge % 64;
}

/* P4.7: what carries slices promises nothing that is not there. */
static void a_slice_is_not_stored(void)
{
    build_join();
    carry_slices(1, 2);
    begin_at(1);
    expect(EXECUTOR_RUN, 1);
    tell_large(false);
    expect(EXECUTOR_ARRIVE, 2);
    CHECK_INT(action.edges, 2);
    answer(JOIN_NOT);
    expect(EXECUTOR_END, 0);
    finish();
}

/* Of two joins that read a large value one reads a slice. */
static void others_have_the_value_stored(void)
{
    synthetic_begin(&job);
    uint32_t sources[2] = {synthetic_node(&job, NULL, 0), synthetic_node(&job, NULL, 0)};
    uint32_t joins[2] = {synthetic_node(&job, sources, 2), synthetic_node(&job, sources, 2)};
    synthetic_end(&job, joins, 2);
    carry_slices(1, 2);
    begin_at(1);
    expect(EXECUTOR_RUN, 1);
    tell_large(false);
    expect(EXECUTOR_ARRIVE, 2);
    struct executor_action arrival = action;
    expect(EXECUTOR_ASK, 3);
    CHECK_INT(action.size, 1000);
    not_the_last(2000);
    expect(EXECUTOR_PUT, 1);
    tell(EXECUTOR_STORED);
    expect(EXECUTOR_ARRIVE, 3);
    answer(JOIN_NOT);
    action = arrival;
    answer(JOIN_OWN);
    expect(EXECUTOR_RUN, 2);
    finish();
}

/* Children that are invoked with slices need nothing in the store, but all of them must be such. */
static void children_of_a_large_value(bool all)
{
    uint32_t children[3];
    synthetic_begin(&job);
    uint32_t root = synthetic_node(&job, NULL, 0);
    for (int i = 0; i < 3; i++)
        children[i] = synthetic_node(&job, &root, 1);
    synthetic_end(&job, children, 3);
    carry_slices(0, 2);
    if (all)
        carry_slices(0, 3);
    begin_at(0);
    expect(EXECUTOR_RUN, 0);
    tell_large(false);
    if (!all) {
        expect(EXECUTOR_PUT, 0);
        tell(EXECUTOR_STORED);
    }
    expect(EXECUTOR_INVOKE, 2);
    expect(EXECUTOR_INVOKE, 3);
    expect(EXECUTOR_RUN, 1);
    finish();
}

static void children_are_invoked_with_slices(void)
{
    children_of_a_large_value(true);
    children_of_a_large_value(false);
}

/* Where nothing travels inline, slices do not. */
static void without_inline_nothing_is_a_slice(void)
{
    build_join();
    carry_slices(1, 2);
    executor_init(&executor, &job.plan, &(struct executor_options){.inline_bytes = 0});
    executor_begin(&executor, &(struct executor_start){.node = 1, .lineage.token = OWN_TOKEN});
    expect(EXECUTOR_RUN, 1);
    tell_large(false);
    expect(EXECUTOR_ASK, 2);
    finish();
}

/* As long as nobody holds more it asks again and again, until its patience is at an end. */
static void a_wait_has_a_deadline(void)
{
    uint32_t total = 0, waits = 0;
    begin_holder();
    CHECK(action.milliseconds > 20);
    not_the_last(999);
    for (; total < 20; waits++) {
        expect(EXECUTOR_WAIT, 2);
        total += action.milliseconds;
        expect_nothing();
        tell(EXECUTOR_WAITED);
        expect(EXECUTOR_ASK, 2);
        not_the_last(0);
    }
    CHECK_INT(total, 20);
    CHECK_INT(waits, 4); /* 4, 4, 8 and what is left */
    store_and_arrive();
    finish();
}

/* A lineage whose join nobody else comes to; how many ms it waits before it stores. */
static uint32_t wait_in_vain(void)
{
    uint32_t waited = 0;
    begin_holder();
    not_the_last(0);
    while (CHECK(executor_next(&executor, &action)), action.kind == EXECUTOR_WAIT) {
        waited += action.milliseconds;
        tell(EXECUTOR_WAITED);
        expect(EXECUTOR_ASK, 2);
        not_the_last(0);
    }
    CHECK_INT(action.kind, EXECUTOR_PUT);
    doubt = executor_doubt(&executor);
    finish();
    return waited;
}

/* One whose join another comes to while it waits. */
static void wait_with_success(void)
{
    begin_holder();
    not_the_last(0);
    expect(EXECUTOR_WAIT, 2);
    tell(EXECUTOR_WAITED);
    expect(EXECUTOR_ASK, 2);
    answer(JOIN_OWN);
    expect(EXECUTOR_RUN, 2);
    doubt = executor_doubt(&executor);
    finish();
}

/* P4.7: waits that are no use become shorter, and are given up; now and then another is tried.
 * Those that are make the next ones longer. */
static void patience_is_learned(void)
{
    doubt = 0;
    for (uint32_t turn = 0; turn < 16; turn++)
        CHECK_INT(wait_in_vain(), 20 * (16 - turn) / 16);
    for (uint32_t turn = 0; turn < 16; turn++)
        CHECK_INT(wait_in_vain(), 0);
    CHECK_INT(wait_in_vain(), 10);
    CHECK_INT(wait_in_vain(), 20 * 7 / 16);
    for (uint32_t turn = 0; turn < 5; turn++)
        wait_with_success();
    CHECK_INT(wait_in_vain(), 20);
    doubt = 0;
}

/* Of equals the one with the lower edge stores, which is the other one here. */
static void the_smaller_holder_stores(void)
{
    begin_holder();
    not_the_last(1000);
    expect(EXECUTOR_WAIT, 2);
    tell(EXECUTOR_WAITED);
    expect(EXECUTOR_ASK, 2);
    not_the_last(1001);
    store_and_arrive();
    finish();
}

static void without_delayed_io_nothing_waits(void)
{
    build_join();
    begin_at(1);
    executor.options.without_delayed_io = true;
    expect(EXECUTOR_RUN, 1);
    tell_large(false);
    store_and_arrive();
    finish();
}

/* ---- Short time ---------------------------------------------------------------------------- */

static void short_time_ends_waits(void)
{
    begin_holder();
    not_the_last(0);
    expect(EXECUTOR_WAIT, 2);
    tell(EXECUTOR_TIME_SHORT);
    expect(EXECUTOR_PUT, 1);
    tell(EXECUTOR_STORED);
    expect(EXECUTOR_ARRIVE, 2);
    answer(JOIN_OWN);
    expect(EXECUTOR_INVOKE, 2);
    CHECK_INT(action.lineage.token, OWN_TOKEN);
    tell(EXECUTOR_WAITED); /* too late to matter */
    expect_nothing();
    tell(EXECUTOR_ACCEPTED);
    expect(EXECUTOR_END, 0);
    finish();
}

static void short_time_ends_a_chain(void)
{
    synthetic_begin(&job);
    uint32_t a = synthetic_node(&job, NULL, 0), b = synthetic_node(&job, &a, 1);
    synthetic_end(&job, &b, 1);
    begin_at(0);
    expect(EXECUTOR_RUN, 0);
    tell(EXECUTOR_TIME_SHORT);
    expect_nothing(); /* the task goes on as long as it can */
    tell_large(false);
    expect(EXECUTOR_PUT, 0);
    expect_nothing();
    tell(EXECUTOR_STORED);
    expect(EXECUTOR_INVOKE, 1);
    CHECK_INT(action.lineage.token, OWN_TOKEN);
    tell(EXECUTOR_ACCEPTED);
    expect(EXECUTOR_END, 0);
    finish();
}

/* ---- Homes of a join ------------------------------------------------------------------------- */

/* Of the job's nodes those whose bit is set are a cluster. */
static void cluster_nodes(unsigned members)
{
    job.plan.cluster = malloc(job.dag.node_count * sizeof *job.plan.cluster);
    job.plan.waits = calloc(job.dag.node_count, sizeof *job.plan.waits);
    for (uint32_t n = 0; n < job.dag.node_count; n++)
        job.plan.cluster[n] = members >> n & 1 ? 1 : PLAN_NONE;
}

/* P4.7: of two that have made parts of a join of their cluster the one with less stores at once;
 * both would wait for as long as the plan says. Who has more goes on. */
static void the_smaller_home_stores(void)
{
    for (uint64_t other = 500; other <= 2000; other += 1500) {
        build_join();
        cluster_nodes(7);
        job.plan.waits[2] = 300;
        begin_at(1);
        expect(EXECUTOR_RUN, 1);
        tell_large(false);
        expect(EXECUTOR_ASK, 2);
        CHECK_INT(action.size, 1000);
        not_the_last(other);
        if (other > 1000)
            store_and_arrive();
        else
            expect(EXECUTOR_WAIT, 2);
        finish();
    }
}

/* P4.7: who has made no part of the cluster's does not wait, and says so: nobody gives up because
 * of what he holds. */
static void others_leave_a_join_to_its_home(void)
{
    build_join();
    cluster_nodes(5);
    job.plan.waits[2] = 300;
    begin_at(1);
    expect(EXECUTOR_RUN, 1);
    tell_large(false);
    expect(EXECUTOR_ASK, 2);
    CHECK_INT(action.size, 0);
    not_the_last(0);
    store_and_arrive();
    finish();
}

/* 0 is elsewhere; 1 and 0 -> 2 -> 3 -> 4; 1 and 4 -> 5. All but 0 are a cluster. The executor does
 * not look as far as from 2 to 5. */
static void begin_chain(void)
{
    synthetic_begin(&job);
    uint32_t a = synthetic_node(&job, NULL, 0), b = synthetic_node(&job, NULL, 0);
    uint32_t c = synthetic_node(&job, (uint32_t[]){a, b}, 2), d = synthetic_node(&job, &c, 1);
    uint32_t e = synthetic_node(&job, &d, 1), f = synthetic_node(&job, (uint32_t[]){b, e}, 2);
    synthetic_end(&job, &f, 1);
    cluster_nodes(0x3E);
    job.plan.waits[2] = 300;
    job.plan.waits[5] = PLAN_NONE;
    const struct executor_options options = {.inline_bytes = 100, .foresight = 1};
    executor_init(&executor, &job.plan, &options);
    executor_begin(&executor, &(struct executor_start){.node = 1, .lineage.token = OWN_TOKEN});
}

/* P4.5: a join of which nobody else has edges waits for others of its cluster that are held here.
 * When these have left it is asked. */
static void a_join_of_the_cluster_alone_follows(void)
{
    begin_chain();
    expect(EXECUTOR_RUN, 1);
    tell_large(false);
    expect(EXECUTOR_ASK, 2);
    expect_nothing();
    not_the_last(0);
    expect(EXECUTOR_WAIT, 2);
    expect_nothing();
    tell(EXECUTOR_WAITED);
    expect(EXECUTOR_ASK, 2);
    expect_nothing();
    answer(JOIN_STOP);
    expect(EXECUTOR_ASK, 5);
    finish();
}

/* P4.6: a join of a cluster that this executor has a part of is run here, though what ran last is
 * of none. */
static void a_join_stays_with_its_cluster(void)
{
    synthetic_begin(&job);
    uint32_t a = synthetic_node(&job, NULL, 0), b = synthetic_node(&job, NULL, 0);
    uint32_t c = synthetic_node(&job, NULL, 0);
    uint32_t d = synthetic_node(&job, (uint32_t[]){a, c}, 2);
    uint32_t e = synthetic_node(&job, (uint32_t[]){b, c}, 2);
    synthetic_end(&job, (uint32_t[]){d, e}, 2);
    cluster_nodes(1 << 0 | 1 << 3);
    grain = 2;
    begin(&(struct executor_start){.node = PLAN_NONE, .end = 2, .lineage.token = OWN_TOKEN});
    grain = 0;
    expect(EXECUTOR_RUN, 0);
    tell(EXECUTOR_DONE);
    expect(EXECUTOR_ARRIVE, 3);
    struct executor_action first = action;
    expect(EXECUTOR_RUN, 1);
    tell(EXECUTOR_DONE);
    expect(EXECUTOR_ARRIVE, 4);
    answer(JOIN_OWN);
    action = first;
    answer(JOIN_OWN);
    expect(EXECUTOR_INVOKE, 4);
    expect(EXECUTOR_RUN, 3);
    finish();
}

/* ---- Missing inputs, poison ---------------------------------------------------------------- */

static void a_missing_input_is_asked_for_once(void)
{
    build_join();
    begin_at(0);
    expect(EXECUTOR_RUN, 0);
    tell(EXECUTOR_DONE);
    for (int i = 0; i < 2; i++) {
        expect(EXECUTOR_ARRIVE, 2);
        CHECK_INT(action.edges, 1);
        answer(JOIN_OWN);
        expect(EXECUTOR_RUN, 2);
        tell(EXECUTOR_MISSING);
    }
    expect(EXECUTOR_END, 0); /* and marks nothing as passed */
    finish();
}

static void poison_ends_all_but_who_settles(void)
{
    build_join();
    begin_at(0);
    expect(EXECUTOR_RUN, 0);
    tell(EXECUTOR_DONE);
    expect(EXECUTOR_ARRIVE, 2);
    answer(JOIN_POISONED);
    expect(EXECUTOR_END, 0);
    executor_start(&executor, 0, (struct lineage){1, false});
    expect(EXECUTOR_RUN, 0);
    tell(EXECUTOR_FAILED);
    expect(EXECUTOR_FAIL, 0);
    tell(EXECUTOR_POISONED); /* by its own marks: it goes on until all are set */
    expect_nothing();
    tell(EXECUTOR_SETTLED);
    expect(EXECUTOR_END, 0);
    finish();
}

/* ---- Wide fan-outs ------------------------------------------------------------------------- */

/* 0 -> width children, the first of which is kept -> sink */
static void build_fan(uint32_t width)
{
    uint32_t *children = malloc(width * sizeof *children);
    synthetic_begin(&job);
    uint32_t root = synthetic_node(&job, NULL, 0);
    for (uint32_t i = 0; i < width; i++)
        children[i] = synthetic_node(&job, &root, 1);
    synthetic_end(&job, children, width);
    free(children);
}

static void wide_fan_outs_go_as_ranges(void)
{
    uint32_t next = 0;
    build_fan(10000);
    begin_at(0);
    expect(EXECUTOR_RUN, 0);
    struct executor_action run = action;
    expect(EXECUTOR_LOOK, 0); /* while it runs */
    CHECK_INT(action.first, 0);
    CHECK_INT(action.end, 9999);
    looked(false);
    expect_nothing();
    action = run;
    tell(EXECUTOR_DONE);
    for (int i = 0; i < 32; i++) {
        expect(EXECUTOR_INVOKE, 0);
        CHECK_INT(action.first, next);
        CHECK_INT(action.lineage.token, 0);
        next = action.end;
        if (i < 31)
            tell(EXECUTOR_ACCEPTED);
    }
    CHECK_INT(next, 9999);
    struct executor_action last = action;
    expect(EXECUTOR_RUN, 1);
    expect_nothing(); /* no mark before all are accepted */
    action = last;
    tell(EXECUTOR_ACCEPTED);
    expect(EXECUTOR_SPLIT, 0);
    CHECK_INT(action.first, 0);
    CHECK_INT(action.end, 9999);
    finish();
}

/* Number 20 of those that are invoked is node 22. */
static void a_range_is_cut_again(void)
{
    build_fan(10000);
    begin(&(struct executor_start){.first = 20, .end = 60});
    expect(EXECUTOR_LOOK, 0);
    CHECK_INT(action.first, 21);
    CHECK_INT(action.end, 60);
    looked(false);
    for (uint32_t i = 0; i < 19; i++) {
        expect(EXECUTOR_INVOKE, 0);
        CHECK_INT(action.first, 21 + 2 * i);
        CHECK_INT(action.end, 23 + 2 * i);
        tell(EXECUTOR_ACCEPTED);
    }
    expect(EXECUTOR_INVOKE, 61); /* the last of 39 is alone */
    CHECK_INT(action.end, 0);
    tell(EXECUTOR_ACCEPTED);
    expect(EXECUTOR_SPLIT, 0);
    expect(EXECUTOR_RUN, 22);
    finish();
}

static void a_range_that_was_split_is_not_split_again(void)
{
    build_fan(100);
    begin(&(struct executor_start){.first = 20, .end = 60});
    expect(EXECUTOR_LOOK, 0);
    looked(true);
    expect(EXECUTOR_RUN, 22);
    tell(EXECUTOR_DONE);
    expect(EXECUTOR_ARRIVE, 101);
    answer(JOIN_NOT);
    expect(EXECUTOR_END, 0);
    finish();
}

static void nonsense_is_no_start(void)
{
    build_fan(100);
    begin_at(0);
    CHECK(executor_can_begin(&executor, &(struct executor_start){.first = 98, .end = 99}));
    CHECK(!executor_can_begin(&executor, &(struct executor_start){.first = 98, .end = 100}));
    CHECK(!executor_can_begin(&executor, &(struct executor_start){.first = 2, .end = 1}));
    CHECK(!executor_can_begin(&executor, &(struct executor_start){.node = 102}));
    CHECK(!executor_can_begin(&executor, &(struct executor_start){.node = 5, .end = 1}));
    finish();
}

/* A run of the sweeper asks for no marks, and sets none. */
static void a_wanted_fan_out(void)
{
    static const struct node_range ranges[] = {{0, 1}, {77, 78}, {101, 102}};
    static const struct want want = {ranges, 3};
    build_fan(100);
    begin(&(struct executor_start){.lineage.token = OWN_TOKEN, .want = &want});
    expect(EXECUTOR_RUN, 0);
    tell(EXECUTOR_DONE);
    expect(EXECUTOR_INVOKE, 0); /* the one range that number 75, node 77, is in */
    struct executor_start part = {.first = action.first, .end = action.end, .want = &want};
    CHECK(part.first <= 75 && 75 < part.end);
    tell(EXECUTOR_ACCEPTED);
    expect(EXECUTOR_END, 0);
    executor_begin(&executor, &part);
    expect(part.first == 75 ? EXECUTOR_RUN : EXECUTOR_INVOKE, 77);
    finish();
}

static void a_stored_value_is_handed_on(void)
{
    build_join();
    begin(&(struct executor_start){.node = 1, .is_stored = true});
    expect(EXECUTOR_RUN, 1);
    CHECK(action.is_stored);
    tell_large(true);
    expect(EXECUTOR_ARRIVE, 2); /* it neither asks nor stores */
    finish();
}

/* ---- Heartbeats and clusters --------------------------------------------------------------- */

static bool beats(uint32_t node)
{
    uint32_t count;
    const uint32_t *nodes = executor_list_beats(&executor, &count);
    while (count > 0 && nodes[count - 1] != node)
        count--;
    return count > 0;
}

/* 0 -> {1, 2}, all of one cluster; 1 -> 3 <- 2. */
static void clusters_run_here_and_all_of_it_beats(void)
{
    synthetic_begin(&job);
    uint32_t a = synthetic_node(&job, NULL, 0), both[2];
    both[0] = synthetic_node(&job, &a, 1);
    both[1] = synthetic_node(&job, &a, 1);
    uint32_t join = synthetic_node(&job, both, 2);
    synthetic_end(&job, &join, 1);
    job.plan.cluster = calloc(5, sizeof *job.plan.cluster);
    begin_at(0);
    CHECK(beats(0));
    expect(EXECUTOR_RUN, 0);
    tell(EXECUTOR_DONE);
    expect(EXECUTOR_RUN, 1);
    CHECK(beats(1) && beats(2) && !beats(0));
    tell(EXECUTOR_DONE);
    expect(EXECUTOR_RUN, 2);
    CHECK(beats(1) && beats(2)); /* 1 is held until 2 has run */
    tell(EXECUTOR_DONE);
    expect(EXECUTOR_RUN, 3); /* all edges are held here: nobody need be asked */
    CHECK(beats(3) && !beats(1));
    finish();
}

/* 0 -> {1, 2}; 3 reads 1 and another's 4; 2, 3 and 0, 1 of one cluster. 2 does not feed 3, but it
 * is run here first, if the cluster is: so nobody is asked about 3 before. P4.5. */
static void begin_with_a_join_to_wait_for(bool is_clustered)
{
    synthetic_begin(&job);
    uint32_t a = synthetic_node(&job, NULL, 0), b = synthetic_node(&job, &a, 1);
    uint32_t c = synthetic_node(&job, &a, 1), other = synthetic_node(&job, NULL, 0);
    uint32_t join = synthetic_node(&job, (uint32_t[]){b, other}, 2);
    synthetic_end(&job, (uint32_t[]){join, c}, 2);
    job.plan.cluster = calloc(job.dag.node_count, sizeof *job.plan.cluster);
    job.plan.cluster[other] = PLAN_NONE;
    if (!is_clustered)
        job.plan.cluster[join] = PLAN_NONE;
    begin_at(a);
    expect(EXECUTOR_RUN, a);
    tell_large(false);
    expect(EXECUTOR_RUN, b);
    tell_large(false);
}

static void joins_of_a_cluster_at_work_wait(void)
{
    enum { C = 2, JOIN = 4 };
    begin_with_a_join_to_wait_for(true);
    expect(EXECUTOR_RUN, C);
    expect_nothing();
    tell_large(false);
    expect(EXECUTOR_ASK, JOIN);
    finish();
    begin_with_a_join_to_wait_for(false);
    expect(EXECUTOR_ASK, JOIN);
    expect(EXECUTOR_RUN, C);
    finish();
}

/* P4.5: the nodes of the cluster may also be in the queue. */
static void joins_of_a_cluster_in_the_queue_wait(void)
{
    synthetic_begin(&job);
    uint32_t sources[3];
    for (int i = 0; i < 3; i++)
        sources[i] = synthetic_node(&job, NULL, 0);
    uint32_t joins[2] = {synthetic_node(&job, (uint32_t[]){sources[0], sources[2]}, 2),
                         synthetic_node(&job, (uint32_t[]){sources[1], sources[2]}, 2)};
    synthetic_end(&job, joins, 2);
    job.plan.cluster = calloc(job.dag.node_count, sizeof *job.plan.cluster);
    job.plan.cluster[sources[2]] = PLAN_NONE;
    grain = 2;
    begin(&(struct executor_start){.node = PLAN_NONE, .end = 2, .lineage.token = OWN_TOKEN});
    grain = 0;
    expect(EXECUTOR_RUN, sources[0]);
    tell_large(false);
    expect(EXECUTOR_RUN, sources[1]);
    expect_nothing();
    tell_large(false);
    expect(EXECUTOR_ASK, joins[0]);
    expect(EXECUTOR_ASK, joins[1]);
    finish();
}

/* ---- The sweeper --------------------------------------------------------------------------- */

static struct sweep sweep;

/* A walk over a store where nothing stands, but for what is said. */
static uint32_t walk(uint64_t now, uint32_t stored, uint32_t alive, uint64_t bits)
{
    const struct sweep_name *names;
    uint32_t count, reads = 0;
    sweep_begin(&sweep, now);
    while ((count = sweep_next(&sweep, &names)) > 0) {
        struct sweep_state *states = calloc(count, sizeof *states);
        for (uint32_t i = 0; i < count; i++) {
            states[i].exists = (names[i].kind == SWEEP_VALUE && names[i].node == stored) ||
                               (names[i].kind == SWEEP_HEARTBEAT && names[i].node == alive);
            states[i].bits = names[i].kind == SWEEP_JOIN && names[i].node == 2 ? bits : 0;
        }
        sweep_tell(&sweep, states);
        free(states);
        reads += count;
    }
    return reads;
}

static void begin_sweep(void)
{
    build_join();
    sweep_init(&sweep, &job.plan, &(struct sweep_options){.age = 1000, .give_up = 2}, 0);
}

static void end_sweep(void)
{
    sweep_release(&sweep);
    synthetic_release(&job);
}

/* Node 0 is alive; of 1 nothing is heard, first for the usual time, then for twice as long. */
static void what_is_silent_is_invoked(void)
{
    struct executor_start start = {0};
    uint32_t node;
    begin_sweep();
    walk(400, PLAN_NONE, PLAN_NONE, 0);
    CHECK(!sweep_run(&sweep, &start));
    walk(1200, PLAN_NONE, PLAN_NONE, 1);
    CHECK(!sweep_run(&sweep, &start)); /* a bit of its join has just been set */
    walk(2100, PLAN_NONE, PLAN_NONE, 1);
    CHECK(!sweep_run(&sweep, &start));
    walk(3700, PLAN_NONE, PLAN_NONE, 1); /* node 0 took up to 1200: twice that has gone by */
    CHECK(sweep_run(&sweep, &start));
    CHECK_INT(start.node, 1);
    CHECK(!start.is_stored && start.want && want_has(start.want, 1) && want_has(start.want, 2) &&
          want_has(start.want, 3) && !want_has(start.want, 0));
    CHECK(!sweep_run(&sweep, &start));
    walk(8000, PLAN_NONE, PLAN_NONE, 1);
    CHECK(!sweep_run(&sweep, &start));
    walk(8600, PLAN_NONE, PLAN_NONE, 1);
    CHECK(sweep_run(&sweep, &start) && start.node == 1);
    CHECK(!sweep_has_given_up(&sweep, &node));
    walk(50000, PLAN_NONE, PLAN_NONE, 1);
    CHECK(sweep_has_given_up(&sweep, &node) && node == 1);
    end_sweep();
}

/* A value that is stored was not handed on; what lies before it is not looked at. */
static void a_stored_value_is_a_candidate(void)
{
    struct executor_start start = {0};
    begin_sweep();
    walk(1, 2, PLAN_NONE, 0);
    CHECK_INT(walk(5000, 2, PLAN_NONE, 0), 2 + 3);
    CHECK(sweep_run(&sweep, &start));
    CHECK_INT(start.node, 2);
    CHECK(start.is_stored && !want_has(start.want, 1));
    end_sweep();
}

static void nothing_is_invoked_past_a_heartbeat(void)
{
    struct executor_start start = {0};
    begin_sweep();
    for (uint64_t now = 0; now < 100000; now += 5000) {
        walk(now, PLAN_NONE, 3, 0);
        CHECK(!sweep_run(&sweep, &start));
    }
    end_sweep();
}

TEST_MAIN(TEST(a_slice_is_not_stored), TEST(others_have_the_value_stored),
          TEST(children_are_invoked_with_slices), TEST(without_inline_nothing_is_a_slice),
          TEST(the_last_to_ask_stores_nothing), TEST(a_wait_has_a_deadline),
          TEST(the_smaller_holder_stores), TEST(without_delayed_io_nothing_waits),
          TEST(the_smaller_home_stores), TEST(others_leave_a_join_to_its_home),
          TEST(a_join_of_the_cluster_alone_follows), TEST(a_join_stays_with_its_cluster),
          TEST(short_time_ends_waits), TEST(short_time_ends_a_chain),
          TEST(a_missing_input_is_asked_for_once), TEST(poison_ends_all_but_who_settles),
          TEST(wide_fan_outs_go_as_ranges), TEST(a_range_is_cut_again),
          TEST(a_range_that_was_split_is_not_split_again), TEST(nonsense_is_no_start),
          TEST(a_wanted_fan_out), TEST(a_stored_value_is_handed_on), TEST(patience_is_learned),
          TEST(clusters_run_here_and_all_of_it_beats), TEST(joins_of_a_cluster_at_work_wait),
          TEST(joins_of_a_cluster_in_the_queue_wait), TEST(what_is_silent_is_invoked),
          TEST(a_stored_value_is_a_candidate), TEST(nothing_is_invoked_past_a_heartbeat))
