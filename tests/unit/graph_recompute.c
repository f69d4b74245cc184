/*
 * spec/plan.md: Q1.3, Q4.6, Q4.7.
 * Cheap tasks that each reader runs by itself: which have copies, and that the graph is the one
 * that the text says. Sources of a cluster are a unit; who waits for a join, and for how long.
 */
#include "graph/recompute.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "graph/platform.h"
#include "test.h"

/* Tiles of 800,000 bytes take 1 ms to make, and on a Lambda 11 ms to load. */
#define TASKS(tile)                                                                                \
    "task t0 \"\" \"\" \"(f64, f64)\" -> \"\" leaves=0\n"                                          \
    "task t1 \"tile\" \"tile\" \"(n: i64,)\" -> \"f64[_]\" leaves=1 " tile "\n"                    \
    "task t2 \"pair\" \"pair\" \"(a: f64[_], b: f64[_])\" -> \"f64\" leaves=1 cost=50000000\n"     \
    "task t3 \"late\" \"late\" \"(x: f64, a: f64[_])\" -> \"f64\" leaves=1 cost=50000000\n"        \
    "scope s0 \"main\" s0\n"

/* Both pairs read n0 and n1; n4 reads n1, and begins late. */
#define NODES                                                                                      \
    "n0 = t1 s0 (100000)\n"                                                                        \
    "n1 = t1 s0 (99999)\n"                                                                         \
    "n2 = t2 s0 (n0:f64[100000], n1:f64[99999])\n"                                                 \
    "n3 = t2 s0 (n1:f64[99999], n0:f64[100000])\n"                                                 \
    "n4 = t3 s0 (n2:f64, n1:f64[99999])\n"                                                         \
    "n5 = t0 s0 (n3:f64, n4:f64)\n"

#define COPIED                                                                                     \
    "n0 = t1 s0 (99999)\n"                                                                         \
    "n1 = t1 s0 (100000)\n"                                                                        \
    "n2 = t1 s0 (99999)\n"                                                                         \
    "n3 = t2 s0 (n1:f64[100000], n2:f64[99999])\n"                                                 \
    "n4 = t1 s0 (99999)\n"                                                                         \
    "n5 = t1 s0 (100000)\n"                                                                        \
    "n6 = t2 s0 (n4:f64[99999], n5:f64[100000])\n"                                                 \
    "n7 = t3 s0 (n3:f64, n0:f64[99999])\n"                                                         \
    "n8 = t0 s0 (n6:f64, n7:f64)\n"

static struct dag read_graph(const char *text)
{
    struct dag dag = {0};
    struct error error = {0};
    int code = dag_parse(&dag, text, strlen(text), &error);
    CHECK_TEXT(code ? error.message : "", "");
    return dag;
}

/* What a text's graph becomes: `expected`, which is read and printed, too. */
static void becomes(const char *text, struct plan_options options, uint32_t copies,
                    const char *expected)
{
    struct dag dag = read_graph(text), other = read_graph(expected);
    struct buffer out = {0}, wanted = {0};
    struct error error = {0};
    CHECK_INT(dag_recompute(&dag, &options), copies);
    CHECK_INT(dag_verify(&dag, &error), 0);
    CHECK_INT(dag.part_count, other.part_count);
    dag_print(&dag, &out);
    dag_print(&other, &wanted);
    CHECK_TEXT(buffer_text(&out), buffer_text(&wanted));
    buffer_release(&out);
    buffer_release(&wanted);
    dag_release(&dag);
    dag_release(&other);
}

static void readers_have_copies(void)
{
    struct plan_options options = {.platform = platform_find("lambda-1769"), .level = 2};
    becomes(TASKS("cost=1000000") NODES, options, 4, TASKS("cost=1000000") COPIED);
}

static void others_stay(void)
{
    struct plan_options options = {.platform = platform_find("lambda-1769"), .level = 2};
    static const char *const tiles[] = {"cost=20000000", "cost=1000000 together=1",
                                        "cost=1000000 logs=1", "formula=\"?5\""};
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        struct buffer text = {0};
        buffer_printf(&text,
                      "task t0 \"\" \"\" \"(f64, f64)\" -> \"\" leaves=0\n"
                      "task t1 \"tile\" \"tile\" \"(n: i64,)\" -> \"f64[_]\" leaves=1 %s\n%s",
                      tiles[i], strstr(TASKS("cost=1") NODES, "task t2"));
        becomes(buffer_text(&text), options, 0, buffer_text(&text));
        buffer_release(&text);
    }
    options.level = 1;
    becomes(TASKS("cost=1000000") NODES, options, 0, TASKS("cost=1000000") NODES);
    options.level = 2;
    options.disabled = "recompute";
    becomes(TASKS("cost=1000000") NODES, options, 0, TASKS("cost=1000000") NODES);
    options.disabled = NULL;
    options.platform = platform_find("local");
    becomes(TASKS("cost=1000000") NODES, options, 0, TASKS("cost=1000000") NODES);
}

/* Each pair and its tiles are a cluster, whose sources start together. */
static void sources_start_together(void)
{
    struct dag dag = read_graph(TASKS("cost=1000000") COPIED);
    struct plan_options options = {.platform = platform_find("lambda-1769"), .level = 2};
    struct plan plan;
    struct error error = {0};
    CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
    CHECK_INT(plan.source_count, 5);
    CHECK(plan_unit_count(&plan, 0) < 4);
    CHECK_INT(plan_unit_count(&plan, PLAN_WITHOUT_CLUSTERS), 5);
    for (uint32_t u = 0; u < plan_unit_count(&plan, 0); u++) {
        uint32_t begin = plan_unit_begin(&plan, u, 0), end = plan_unit_begin(&plan, u + 1, 0);
        CHECK(begin < end && end <= 5);
        for (uint32_t i = begin + 1; i < end; i++) {
            CHECK_INT(plan.cluster[plan.sources[i]], plan.cluster[plan.sources[begin]]);
            CHECK(plan.sources[i - 1] < plan.sources[i]);
        }
    }
    CHECK_INT(plan.cluster[1], plan.cluster[3]);
    CHECK_INT(plan.cluster[2], plan.cluster[3]);
    CHECK_INT(plan.cluster[4], plan.cluster[6]);
    plan_release(&plan);
    dag_release(&dag);
}

/* n2 takes 200 ms longer than n0, whose large value n4 reads, too: who has it waits for that. */
static void who_has_more_waits(void)
{
    struct dag dag = read_graph(
        "task t0 \"\" \"\" \"(f64,)\" -> \"\" leaves=0\n"
        "task t1 \"tile\" \"tile\" \"(n: i64,)\" -> \"f64[_]\" leaves=1 cost=1000000\n"
        "task t2 \"long\" \"long\" \"(n: i64,)\" -> \"f64[_]\" leaves=1 cost=201000000\n"
        "task t3 \"both\" \"both\" \"(a: f64[_], b: f64[_])\" -> \"f64\" leaves=1 cost=1000000\n"
        "scope s0 \"main\" s0\n"
        "n0 = t1 s0 (10000000)\n"
        "n1 = t2 s0 (1000)\n"
        "n2 = t3 s0 (n0:f64[10000000], n1:f64[1000])\n"
        "n3 = t0 s0 (n2:f64)\n");
    struct plan_options options = {.platform = platform_find("lambda-1769"), .level = 2};
    struct plan plan;
    struct error error = {0};
    CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
    CHECK_INT(plan.cluster[0], plan.cluster[2]);
    CHECK(plan.cluster[1] != plan.cluster[2]);
    CHECK(plan.waits[2] >= 200 && plan.waits[2] < 1000);
    CHECK_INT(plan.waits[3], 0);
    plan_release(&plan);
    dag_release(&dag);
}

TEST_MAIN(TEST(readers_have_copies), TEST(others_stay), TEST(sources_start_together),
          TEST(who_has_more_waits))
