/*
 * spec/plan.md: Q7.1, Q7.2.
 * The grain of a job: by closed forms, for jobs whose tasks have a @cost.
 */
#include "graph/plan_grain.h"
#include "graph/platform.h"
#include "test.h"

enum { TINY = 1, LONG, UNKNOWN };

static struct dag_builder *begin(void)
{
    struct dag_builder *b = dag_builder_new();
    static const uint64_t costs[] = {100, 50000000, 0}; /* ns */
    for (int i = 0; i < 3; i++)
        dag_add_task(b, &(struct dag_task){.name = dag_add_string(b, "leaf"),
                                           .leaf_count = 1,
                                           .cost_ns = costs[i]});
    dag_add_scope(b, dag_add_string(b, "main"), 0, 0);
    return b;
}

/* `count` nodes that read one node, or nothing (PLAN_NONE). */
static void add_nodes(struct dag_builder *b, uint32_t task, uint32_t count, uint32_t producer)
{
    uint32_t view = dag_add_view(b, &(struct dag_view){.scalar = WK_F64}, NULL);
    uint32_t codes[] = {DAG_ARG_REF};
    uint32_t pattern = dag_add_pattern(b, codes, producer != PLAN_NONE);
    for (uint32_t i = 0; i < count; i++) {
        if (producer != PLAN_NONE)
            dag_add_ref(b, (dag_ref)producer << 32 | view);
        dag_add_node(b, task, pattern, 0, 0);
    }
}

/* Ends the graph with a sink that reads the nodes from `first` on. */
static uint32_t choose(struct dag_builder *b, uint32_t first, uint32_t end,
                       const struct platform *platform)
{
    static uint32_t codes[20000];
    struct dag dag;
    struct plan plan;
    struct error error;
    uint32_t view = dag_add_view(b, &(struct dag_view){.scalar = WK_F64}, NULL);
    for (uint32_t i = first; i < end; i++) {
        codes[i - first] = DAG_ARG_REF;
        dag_add_ref(b, (dag_ref)i << 32 | view);
    }
    dag_add_node(b, DAG_RESULT, dag_add_pattern(b, codes, end - first), 0, 0);
    CHECK_INT(dag_finish(b, &dag, &error), 0);
    CHECK_INT(plan_make(&plan, &dag, NULL, &error), 0);
    struct costs *costs = costs_new(&dag);
    uint32_t grain = plan_choose_grain(&plan, costs, platform, 32);
    costs_free(costs);
    plan_release(&plan);
    dag_release(&dag);
    return grain;
}

static uint32_t choose_sources(uint32_t task, uint32_t count, uint64_t start_ns,
                               uint32_t concurrency)
{
    struct dag_builder *b = begin();
    add_nodes(b, task, count, PLAN_NONE);
    return choose(
        b, 0, count,
        &(struct platform){.invoke_ns = start_ns, .concurrency = concurrency, .vcpus = 1});
}

static void executors_get_several_parts(void)
{
    CHECK_INT(choose_sources(LONG, 16000, 1000000, 100), 20); /* 16,000 / (8 * 100) */
    CHECK_INT(choose_sources(LONG, 799, 1000000, 100), 1);
    CHECK_INT(choose_sources(UNKNOWN, 16000, 1000000, 100), 20);
    CHECK_INT(choose_sources(UNKNOWN, 799, 50000000, 100), 1); /* what is not known is not bet on */
}

static void a_start_must_pay(void)
{
    CHECK_INT(choose_sources(TINY, 16000, 1000000, 100), 4950);  /* 1 ms / 2 / 101 ns */
    CHECK_INT(choose_sources(TINY, 1000, 1000000, 100), 1000);   /* one executor runs them all */
    CHECK_INT(choose_sources(TINY, 16000, 0, 1), 2000);          /* starts cost nothing: parts */
    CHECK_INT(choose_sources(LONG, 16000, 200000000, 100), 20);  /* parts of a second */
    CHECK_INT(choose_sources(LONG, 16000, 1000000000, 100), 39); /* 2 s / 50 ms, not 20 */
    CHECK_INT(choose_sources(LONG, 16000, 500000000, 1000), 16); /* each executor has one part */
}

/* 64 tasks of 50 ms: the first 32 executors take 100 ms for them, and twice as many 50, but have to
 * be invoked by the first ones. */
static void a_level_must_pay(void)
{
    CHECK_INT(choose_sources(LONG, 64, 40000000, 100), 1);
    CHECK_INT(choose_sources(LONG, 64, 60000000, 100), 2);
    CHECK_INT(choose_sources(UNKNOWN, 64, 60000000, 100), 1);
    struct dag_builder *b = begin();
    add_nodes(b, LONG, 64, PLAN_NONE); /* on two processors more executors are no faster */
    struct platform shared = {.invoke_ns = 1000000, .concurrency = 100, .vcpus = 1, .cores = 2};
    CHECK_INT(choose(b, 0, 64, &shared), 2);
}

/* Where tiny sources stand before a wide fan-out of long tasks, these set the grain. */
static void the_least_grain_is_taken(void)
{
    struct dag_builder *b = begin();
    add_nodes(b, TINY, 1, PLAN_NONE);
    add_nodes(b, TINY, 1000, PLAN_NONE);
    add_nodes(b, LONG, 500, 0);
    CHECK_INT(
        choose(b, 1, 1501, &(struct platform){.invoke_ns = 1000000, .concurrency = 10, .vcpus = 1}),
        6); /* 500 / 80 */
    b = begin();
    add_nodes(b, TINY, 1, PLAN_NONE);
    add_nodes(b, TINY, 1000, PLAN_NONE);
    add_nodes(b, LONG, 32, 0); /* a narrow one is invoked one by one, whatever the grain */
    CHECK_INT(
        choose(b, 1, 1033, &(struct platform){.invoke_ns = 1000000, .concurrency = 10, .vcpus = 1}),
        1001);
}

static void no_processor_is_idle(void)
{
    struct dag_builder *b = begin();
    add_nodes(b, LONG, 799, PLAN_NONE);
    CHECK_INT(
        choose(b, 0, 799, &(struct platform){.invoke_ns = 1000000, .concurrency = 100, .vcpus = 6}),
        6);
    b = begin();
    add_nodes(b, LONG, 3, PLAN_NONE);
    CHECK_INT(
        choose(b, 0, 3, &(struct platform){.invoke_ns = 1000000, .concurrency = 100, .vcpus = 6}),
        3);
}

TEST_MAIN(TEST(no_processor_is_idle), TEST(executors_get_several_parts), TEST(a_start_must_pay),
          TEST(a_level_must_pay), TEST(the_least_grain_is_taken))
