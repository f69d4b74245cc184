/*
 * spec/plan.md: Q1.1, Q1.2, Q2.1, Q2.2, Q2.3, Q3.1, Q4.1, Q4.2, Q4.3, Q4.4, Q5.1.
 * Plans of graphs that are given as text, for a platform: what nodes become, and
 * their clusters. Properties of clusters of random graphs are checked against a schedule that is
 * reckoned here, from the definitions.
 */
#include "graph/plan.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "graph/cost.h"
#include "graph/platform.h"
#include "test.h"

/* Costs in ms: @cost of the tasks. */
#define TASKS                                                                                      \
    "task t0 \"\" \"\" \"(f64,)\" -> \"\" leaves=0\n"                                              \
    "task t1 \"start\" \"start\" \"(n: i64,)\" -> \"f64\" leaves=1 cost=1000000\n"                 \
    "task t2 \"work\" \"work\" \"(x: f64, n: i64)\" -> \"f64\" leaves=1 cost=10000000\n"           \
    "task t3 \"add\" \"add\" \"(a: f64, b: f64)\" -> \"f64\" leaves=1 cost=1000000\n"              \
    "task t4 \"long\" \"long\" \"(x: f64,)\" -> \"f64\" leaves=1 cost=90000000\n"                  \
    "task t5 \"large\" \"large\" \"(x: f64,)\" -> \"f64[_]\" leaves=1 cost=1000000\n"              \
    "task t6 \"sum\" \"sum\" \"(x: f64[_],)\" -> \"f64\" leaves=1 formula=\"(* 2 x0.0)\"\n"        \
    "scope s0 \"main\" s0\n"

static void read_graph(struct dag *dag, const char *text)
{
    struct error error = {0};
    int code = dag_parse(dag, text, strlen(text), &error);
    CHECK_TEXT(code ? error.message : "", "");
}

static void plans(const char *graph, const char *platform, const char *disabled,
                  const char *expected)
{
    struct dag dag;
    struct plan plan;
    struct error error = {0};
    struct buffer out = {0};
    struct plan_options options = {
        .platform = platform_find(platform), .level = 2, .disabled = disabled, .keeps_costs = true};
    read_graph(&dag, graph);
    CHECK(options.platform != NULL);
    CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
    plan_print(&plan, &out);
    CHECK_TEXT(buffer_text(&out), expected);
    buffer_release(&out);
    plan_release(&plan);
    dag_release(&dag);
}

#define CHAIN                                                                                      \
    TASKS "n0 = t1 s0 (1)\nn1 = t2 s0 (n0:f64, 1)\nn2 = t2 s0 (n1:f64, 2)\nn3 = t0 s0 (n2:f64)\n"

/* A chain is one cluster, where messages cost anything. */
static void a_chain_stays_together(void)
{
    plans(CHAIN, "lambda-1769", NULL,
          "n0 start cost=1002000 becomes=n1 cluster=n0\n"
          "n1 work cost=10002000 becomes=n2 cluster=n0\n"
          "n2 work cost=10002000 becomes=n3 cluster=n0\n"
          "n3 result cost=2000 cluster=n0\n");
    plans(CHAIN, "lambda-1769", "dominant",
          "n0 start cost=1002000 becomes=n1 cluster=n0\n"
          "n1 work cost=10002000 becomes=n2 cluster=n0\n"
          "n2 work cost=10002000 becomes=n3 cluster=n0\n"
          "n3 result cost=2000 cluster=n0\n");
    plans(CHAIN, "local", NULL,
          "n0 start cost=1000040 becomes=n1\n"
          "n1 work cost=10000040 becomes=n2\n"
          "n2 work cost=10000040 becomes=n3\n"
          "n3 result cost=40\n");
    plans(CHAIN, "lambda-1769", "costs,dominant,heaviest",
          "n0 start becomes=n1\n"
          "n1 work becomes=n2\n"
          "n2 work becomes=n3\n"
          "n3 result\n");
}

/* Five children of 10 ms each, where an invocation takes 30: three wait for each other rather, the
 * fourth gains nothing by it. */
#define FAN                                                                                        \
    TASKS                                                                                          \
    "n0 = t1 s0 (1)\nn1 = t2 s0 (n0:f64, 1)\nn2 = t2 s0 (n0:f64, 2)\nn3 = t2 s0 (n0:f64, 3)\n"     \
    "n4 = t2 s0 (n0:f64, 4)\nn5 = t2 s0 (n0:f64, 5)\nn6 = t3 s0 (n1:f64, n2:f64)\n"                \
    "n7 = t3 s0 (n3:f64, n4:f64)\nn8 = t3 s0 (n6:f64, n7:f64)\nn9 = t3 s0 (n8:f64, n5:f64)\n"      \
    "n10 = t0 s0 (n9:f64)\n"

static void cheap_children_wait_for_each_other(void)
{
    plans(FAN, "lambda-1769", NULL,
          "n0 start cost=1002000 becomes=n1 cluster=n0\n"
          "n1 work cost=10002000 becomes=n6 cluster=n0\n"
          "n2 work cost=10002000 becomes=n6 cluster=n0\n"
          "n3 work cost=10002000 becomes=n7 cluster=n0\n"
          "n4 work cost=10002000 becomes=n7 cluster=n4\n"
          "n5 work cost=10002000 becomes=n9\n"
          "n6 add cost=1002000 becomes=n8 records=1\n"
          "n7 add cost=1002000 becomes=n8 cluster=n4 records=1\n"
          "n8 add cost=1002000 becomes=n9 cluster=n4 records=1\n"
          "n9 add cost=1002000 becomes=n10 cluster=n4 records=1\n"
          "n10 result cost=2000 cluster=n4\n");
}

/* The child of the long path is run here first, however many come before it. */
static void the_longest_path_goes_first(void)
{
    plans(TASKS "n0 = t1 s0 (1)\nn1 = t2 s0 (n0:f64, 1)\nn2 = t4 s0 (n0:f64)\n"
                "n3 = t3 s0 (n1:f64, n2:f64)\nn4 = t0 s0 (n3:f64)\n",
          "lambda-1769", NULL,
          "n0 start cost=1002000 becomes=n2 cluster=n0\n"
          "n1 work cost=10002000 becomes=n3\n"
          "n2 long cost=90002000 becomes=n3 cluster=n0\n"
          "n3 add cost=1002000 becomes=n4 cluster=n0 records=1\n"
          "n4 result cost=2000 cluster=n0\n");
}

/* Of two children with equal paths, the one whose bytes would travel. */
static void bytes_decide_between_equal_paths(void)
{
    static const char graph[] =
        TASKS "n0 = t1 s0 (1)\nn1 = t5 s0 (n0:f64)\nn2 = t6 s0 (n1:f64[10])\n"
              "n3 = t6 s0 (n1:f64[1000000])\nn4 = t3 s0 (n2:f64, n3:f64)\nn5 = t0 s0 (n4:f64)\n";
    struct dag dag;
    struct plan plan;
    struct error error = {0};
    struct plan_options options = {.platform = platform_find("lambda-1769"), .level = 2};
    read_graph(&dag, graph);
    CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
    CHECK_INT(plan.preferred[1], 3);
    CHECK(plan.costs == NULL);
    plan_release(&plan);
    const struct plan_measured measured = {"sum", "", "", "", 2, 1e7, 0};
    options.disabled = "bytes";
    options.measured = &measured;
    options.measured_count = 1;
    CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
    CHECK_INT(plan.preferred[1], 2);
    CHECK(plan.cluster == NULL);
    plan_release(&plan);
    dag_release(&dag);
}

/* ---- Profiles ----------------------------------------------------------------------------------
 */

/* A kernel, its pieces, one with another that is fused in it, and one of which nobody knows. */
static const char kernels[] =
    "task t0 \"\" \"\" \"(f64, f64, f64, f64, f64, f64)\" -> \"\" leaves=0\n"
    "task t1 \"part\" \"part\" \"(n: i64,)\" -> \"f64\" leaves=1 formula=\"(* 10 w0)\"\n"
    "task t2 \"part\" \"chunk.part\" \"(n: i64,)\" -> \"f64\" leaves=1 "
    "formula=\"(* 30 w0)\" members=\"part\"\n"
    "task t3 \"part + add\" \"fuse.part.add\" \"(n: i64,)\" -> \"f64\" leaves=1 "
    "formula=\"(* 40 w0)\" members=\"part, add\"\n"
    "task t4 \"add\" \"add\" \"(n: i64,)\" -> \"f64\" leaves=1 cost=7 formula=\"(* 5 w0)\"\n"
    "task t5 \"dark\" \"dark\" \"(n: i64,)\" -> \"f64\" leaves=1\n"
    "scope s0 \"main\" s0\n"
    "n0 = t1 s0 (100)\nn1 = t1 s0 (200)\nn2 = t2 s0 (100)\nn3 = t3 s0 (100)\nn4 = t4 s0 (100)\n"
    "n5 = t5 s0 (100)\nn6 = t0 s0 (n0:f64, n1:f64, n2:f64, n3:f64, n4:f64, n5:f64)\n";

/* What the nodes cost by a profile of so many tasks. */
static void profiled(const struct plan_measured *measured, uint32_t count,
                     const uint64_t expected[6])
{
    struct dag dag;
    struct plan_options options = {.level = 2, .measured = measured, .measured_count = count};
    read_graph(&dag, kernels);
    struct costs *costs = plan_costs_new(&dag, &options);
    for (uint32_t i = 0; i < 6; i++)
        CHECK_INT(costs_of(costs, i), expected[i]);
    costs_free(costs);
    dag_release(&dag);
}

/* Q2.3 */
static void a_profile_scales_formulas(void)
{
    const struct plan_measured part = {"part", "part", "", "(* 10 w0)", 4, 6000, 3000};
    const struct plan_measured chunk = {"part", "chunk.part", "part", "(* 30 w0)", 1, 300, 3000};
    const struct plan_measured fused = {
        "part + add", "fuse.part.add", "part, add", "(* 40 w0)", 1, 12000, 4000};
    const struct plan_measured add = {"add", "add", "", "(* 5 w0)", 100, 900, 300};
    const struct plan_measured other = {"part", "part", "", "(* 11 w0)", 4, 6000, 3000};
    const struct plan_measured named = {"part", "", "", "", 4, 6000, 0};
    const struct plan_measured dark = {"dark", "dark", "", "", 2, 42, 0};
    /* Twice what its formula says: pieces and what it is fused in, too. */
    profiled(&part, 1, (const uint64_t[]){2000, 4000, 6000, 8000, 7, COST_UNKNOWN});
    /* What has a measure of its own goes by that; all that it is made of counts together. */
    profiled((struct plan_measured[]){part, chunk, add}, 3,
             (const uint64_t[]){2000, 4000, 300, 4571, 1500, COST_UNKNOWN});
    /* A part of what was measured. */
    profiled(&fused, 1, (const uint64_t[]){3000, 6000, 9000, 12000, 1500, COST_UNKNOWN});
    /* By another formula, by a name alone, and without a formula: the mean. */
    profiled(&other, 1, (const uint64_t[]){1500, 1500, 6000, 8000, 7, COST_UNKNOWN});
    profiled(&named, 1, (const uint64_t[]){1500, 1500, 1500, 4000, 7, COST_UNKNOWN});
    profiled(&dark, 1, (const uint64_t[]){1000, 2000, 3000, 4000, 7, 21});
}

/* ---- Random graphs -----------------------------------------------------------------------------
 */

static uint64_t state = 42;
static uint32_t below(uint32_t bound)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % bound;
}

/* Tasks t1 to t4 cost 0.1, 3, 40 and 200 ms. */
static void random_graph(struct buffer *out, uint32_t count)
{
    static const uint32_t costs[] = {100000, 3000000, 40000000, 200000000};
    buffer_puts(out, "task t0 \"\" \"\" \"\" -> \"\" leaves=0\n");
    for (int t = 0; t < 4; t++)
        for (int arity = 0; arity < 4; arity++)
            buffer_printf(out, "task t%d \"k%d\" \"k%d_%d\" \"\" -> \"\" leaves=1 cost=%u\n",
                          1 + t * 4 + arity, t, t, arity, costs[t]);
    buffer_puts(out, "scope s0 \"main\" s0\n");
    for (uint32_t n = 0; n < count; n++) {
        uint32_t arity = n == 0 ? 0 : below(8) == 0 ? 0 : 1 + below(3);
        arity = arity > n ? n : arity;
        buffer_printf(out, "n%u = t%u s0 (", n, 1 + below(4) * 4 + arity);
        uint32_t first = n > 12 ? n - 12 + below(6) : 0;
        for (uint32_t a = 0; a < arity; a++)
            buffer_printf(out, "%sn%u:f64%s", a ? ", " : "", first + below(n - first),
                          below(2) ? "" : "[100000]");
        buffer_puts(out, ")\n");
    }
    buffer_printf(out, "n%u = t0 s0 (", count);
    for (uint32_t n = 0; n < count; n++)
        buffer_printf(out, "%sn%u:f64", n ? ", " : "", n);
    buffer_puts(out, ")\n");
}

static uint64_t edge_ns(const struct platform *p, const struct dag *dag, uint32_t node, dag_ref ref)
{
    uint64_t bytes = dag_ref_bytes(dag, ref);
    uint64_t ns = dag->nodes[node].producer_count > 1 ? p->round_trip_ns : p->invoke_ns;
    return bytes <= p->inline_bytes ? ns : ns + 2 * platform_transfer_ns(p, bytes);
}

/* The time to the result when each cluster has an executor of its own, which runs its nodes in
 * order; nodes without a cluster each have their own. */
static uint64_t makespan(const struct plan *plan, const struct platform *platform,
                         const uint32_t *cluster)
{
    const struct dag *dag = plan->dag;
    uint64_t *ends = calloc(dag->node_count, sizeof *ends);
    uint64_t *free_at = calloc(dag->node_count, sizeof *free_at);
    for (uint32_t n = 0; n < dag->node_count; n++) {
        uint32_t mine = cluster && cluster[n] != PLAN_NONE ? cluster[n] : n;
        uint64_t start = free_at[mine];
        for (uint64_t r = dag->nodes[n].first_ref; r < dag->nodes[n + 1].first_ref; r++) {
            uint32_t producer = dag_ref_source(dag->refs[r]);
            bool is_here = cluster && cluster[n] != PLAN_NONE && cluster[producer] == cluster[n];
            uint64_t at = ends[producer] + (is_here ? 0 : edge_ns(platform, dag, n, dag->refs[r]));
            start = at > start ? at : start;
        }
        free_at[mine] = ends[n] = start + plan->costs[n];
    }
    uint64_t end = ends[dag->node_count - 1];
    free(ends);
    free(free_at);
    return end;
}

/* Dominant sequences never make the result later than no clusters do, and mostly earlier; both ways
 * name clusters by nodes of theirs, of two or more. */
static void clusters_help(void)
{
    const struct platform *platform = platform_find("lambda-1769");
    uint32_t shorter = 0, rounds = 200;
    for (uint32_t round = 0; round < rounds; round++) {
        struct buffer text = {0};
        struct dag dag;
        struct error error = {0};
        random_graph(&text, 3 + below(60));
        int code = dag_parse(&dag, buffer_text(&text), text.length, &error);
        CHECK_TEXT(code ? error.message : "", "");
        buffer_release(&text);
        for (int heaviest = 0; heaviest < 2 && !code; heaviest++) {
            struct plan plan, again;
            struct plan_options options = {.platform = platform,
                                           .level = 2,
                                           .disabled = heaviest ? "dominant,affinity" : "affinity",
                                           .keeps_costs = true};
            CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
            CHECK_INT(plan_make(&again, &dag, &options, &error), 0);
            for (uint32_t n = 0; plan.cluster && n < dag.node_count; n++) {
                uint32_t members = 0, name = plan.cluster[n];
                CHECK_INT(again.cluster[n], name);
                for (uint32_t m = 0; name != PLAN_NONE && m < dag.node_count; m++)
                    members += plan.cluster[m] == name;
                CHECK(name == PLAN_NONE || (members >= 2 && plan.cluster[name] == name));
            }
            uint64_t before = makespan(&plan, platform, NULL);
            uint64_t after = makespan(&plan, platform, plan.cluster);
            CHECK(heaviest || after <= before);
            shorter += !heaviest && after < before;
            plan_release(&plan);
            plan_release(&again);
        }
        dag_release(&dag);
    }
    CHECK(shorter > rounds / 2);
}

/* Bytes put and got: a large value is put if another cluster reads it, and got by each that does.
 */
static uint64_t moved_bytes(const struct plan *plan, const struct platform *platform)
{
    const struct dag *dag = plan->dag;
    uint32_t count = dag->node_count, sink = dag_sink(dag);
    uint64_t bytes = 0;
    for (uint32_t p = 0; p < sink; p++) {
        uint64_t size = 0;
        for (uint64_t r = 0; r < dag->nodes[count].first_ref; r++)
            if (dag_ref_source(dag->refs[r]) == p && dag_ref_bytes(dag, dag->refs[r]) > size)
                size = dag_ref_bytes(dag, dag->refs[r]);
        if (size <= platform->inline_bytes)
            continue;
        uint8_t *has_got = calloc(count, 1);
        uint32_t own = plan->cluster && plan->cluster[p] != PLAN_NONE ? plan->cluster[p] : p;
        uint64_t put = 0;
        for (uint64_t c = dag->nodes[p].first_child; c < dag->nodes[p + 1].first_child; c++) {
            uint32_t child = dag->children[c].node;
            bool is_in = plan->cluster && plan->cluster[child] != PLAN_NONE;
            uint32_t other = is_in ? plan->cluster[child] : child;
            put = other != own ? size : put;
            bytes += other != own && child != sink && !has_got[other] ? size : 0;
            has_got[other] = 1;
        }
        bytes += put;
        free(has_got);
    }
    return bytes;
}

/* What is clustered for the sake of bytes never moves more of them than what is clustered for time,
 * and all in all much fewer. */
static void bytes_are_saved(void)
{
    const struct platform *platform = platform_find("lambda-1769");
    uint64_t before = 0, after = 0;
    for (uint32_t round = 0; round < 100; round++) {
        struct buffer text = {0};
        struct dag dag;
        struct error error = {0};
        random_graph(&text, 3 + below(60));
        CHECK_INT(dag_parse(&dag, buffer_text(&text), text.length, &error), 0);
        buffer_release(&text);
        struct plan plain, plan;
        struct plan_options options = {.platform = platform, .level = 2};
        CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
        options.disabled = "affinity";
        CHECK_INT(plan_make(&plain, &dag, &options, &error), 0);
        CHECK(moved_bytes(&plan, platform) <= moved_bytes(&plain, platform));
        before += moved_bytes(&plain, platform);
        after += moved_bytes(&plan, platform);
        plan_release(&plan);
        plan_release(&plain);
        dag_release(&dag);
    }
    CHECK(after < before * 15 / 16);
}

/* A cluster ends before its executor must: a chain of 40 tasks of a minute each needs several. */
static void a_cluster_has_an_end(void)
{
    struct buffer text = {0};
    struct dag dag;
    struct plan plan;
    struct error error = {0};
    buffer_puts(&text, "task t0 \"\" \"\" \"\" -> \"\" leaves=0\n"
                       "task t1 \"a\" \"a\" \"\" -> \"\" leaves=1 cost=60000000000\n"
                       "scope s0 \"main\" s0\nn0 = t1 s0 ()\n");
    for (uint32_t n = 1; n < 40; n++)
        buffer_printf(&text, "n%u = t1 s0 (n%u:f64)\n", n, n - 1);
    buffer_puts(&text, "n40 = t0 s0 (n39:f64)\n");
    read_graph(&dag, buffer_text(&text));
    for (int heaviest = 0; heaviest < 2; heaviest++) {
        struct plan_options options = {.platform = platform_find("lambda-1769"),
                                       .level = 2,
                                       .disabled = heaviest ? "dominant" : NULL};
        CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
        uint32_t largest = 0;
        for (uint32_t n = 0; n < 41; n++) {
            uint32_t members = 0;
            for (uint32_t m = 0; m < 41; m++)
                members += plan.cluster[n] != PLAN_NONE && plan.cluster[m] == plan.cluster[n];
            largest = members > largest ? members : largest;
        }
        CHECK(largest > 2 && largest <= 8);
        plan_release(&plan);
    }
    dag_release(&dag);
    buffer_release(&text);
}

static uint32_t largest_cluster(const struct plan *plan)
{
    uint32_t largest = 0, count = plan->dag->node_count;
    for (uint32_t n = 0; n < count; n++) {
        uint32_t members = 0;
        for (uint32_t m = 0; m < count; m++)
            members += plan->cluster[n] != PLAN_NONE && plan->cluster[m] == plan->cluster[n];
        largest = members > largest ? members : largest;
    }
    return largest;
}

/* Nor does it hold more than half of its executor's memory: of a chain of 40 values of 160 MB,
 * five; pass 'affinity' knows that of these only two are there at once. */
static void a_cluster_has_room(void)
{
    struct buffer text = {0};
    struct dag dag;
    struct plan plan;
    struct error error = {0};
    buffer_puts(&text, "task t0 \"\" \"\" \"\" -> \"\" leaves=0\n"
                       "task t1 \"a\" \"a\" \"\" -> \"\" leaves=1 cost=1000000\n"
                       "task t2 \"b\" \"b\" \"\" -> \"\" leaves=1 cost=1000000\n"
                       "scope s0 \"main\" s0\nn0 = t1 s0 ()\n");
    for (int n = 1; n < 40; n++)
        buffer_printf(&text, "n%d = t2 s0 (n%d:f64[20000000])\n", n, n - 1);
    buffer_puts(&text, "n40 = t0 s0 (n39:f64)\n");
    read_graph(&dag, buffer_text(&text));
    static const char *const disabled[] = {"dominant,affinity", "affinity", NULL};
    for (int i = 0; i < 3; i++) {
        struct plan_options options = {
            .platform = platform_find("lambda-1769"), .level = 2, .disabled = disabled[i]};
        CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
        uint32_t largest = largest_cluster(&plan);
        CHECK(disabled[i] ? largest >= 4 && largest <= 6 : largest == 40);
        plan_release(&plan);
    }
    dag_release(&dag);
    buffer_release(&text);
}

/* Twelve values of 160 MB that one task reads are all there at once. */
static void what_a_join_reads_is_held(void)
{
    struct buffer text = {0};
    struct dag dag;
    struct plan plan;
    struct error error = {0};
    struct plan_options options = {.platform = platform_find("lambda-1769"), .level = 2};
    buffer_puts(&text, "task t0 \"\" \"\" \"\" -> \"\" leaves=0\n"
                       "task t1 \"a\" \"a\" \"\" -> \"\" leaves=1 cost=1000000\n"
                       "scope s0 \"main\" s0\n");
    for (int n = 0; n < 12; n++)
        buffer_printf(&text, "n%d = t1 s0 ()\n", n);
    buffer_puts(&text, "n12 = t1 s0 (");
    for (int n = 0; n < 12; n++)
        buffer_printf(&text, "%sn%d:f64[20000000]", n ? ", " : "", n);
    buffer_puts(&text, ")\nn13 = t0 s0 (n12:f64)\n");
    read_graph(&dag, buffer_text(&text));
    CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
    CHECK_INT(largest_cluster(&plan), 6); /* five of them, and the join */
    plan_release(&plan);
    dag_release(&dag);
    buffer_release(&text);
}

/* Which edges carry slices, of a consumer that is written as a task's arguments: a bit for each of
 * the producers 0 to 3. Q2.4. */
static unsigned slices_of(const char *arguments, const char *platform, const char *disabled)
{
    struct buffer text = {0};
    struct dag dag;
    struct plan plan;
    struct error error = {0};
    struct plan_options options = {
        .platform = platform_find(platform), .level = 2, .disabled = disabled};
    unsigned found = 0;
    buffer_puts(&text, "task t0 \"\" \"\" \"\" -> \"\" leaves=0\n"
                       "task t1 \"a\" \"a\" \"\" -> \"\" leaves=2 cost=1000000\n"
                       "scope s0 \"main\" s0\n");
    for (int n = 0; n < 4; n++)
        buffer_printf(&text, "n%d = t1 s0 ()\n", n);
    buffer_printf(&text,
                  "n4 = t1 s0 (%s)\nn5 = t0 s0 (n0:f64[9]{0+9}, n1:f64, n2:f64, n3:f64, "
                  "n4:f64)\n",
                  arguments);
    read_graph(&dag, buffer_text(&text));
    CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
    for (uint32_t n = 0; n < 4; n++) {
        uint64_t edge = dag_edge(&dag, n, 4), end = dag.nodes[n + 1].first_child;
        bool reads = edge < end && dag.children[edge].node == 4;
        found |= (unsigned)(reads && plan_is_slice(&plan, edge)) << n;
        edge = dag_edge(&dag, n, 5);
        CHECK(!plan_is_slice(&plan, edge)); /* the result is bound by the client */
    }
    plan_release(&plan);
    dag_release(&dag);
    buffer_release(&text);
    return found;
}

#define APART "dominant,heaviest,affinity"

static void slices_are_few_and_small(void)
{
    /* An edge may have several, and scalars, but no whole array; 4 KiB in all. */
    static const struct {
        const char *arguments;
        unsigned slices;
    } cases[] = {
        {"n0:f64[9]{7+9}, n1:f64[9]", 1},
        {"n0:f64{8191}, n1:f64", 1},
        {"n0:f64[5]{0+5}, n0.1:f64", 1},
        {"n0:f64[5]{0+5}, n0.1:f64[5]", 0},
        {"n0:f64[5]{0+5}, n0:f64[9]", 0},
        {"n0:f64[512]{9+512}, n1:f64[513]{9+513}", 1},
        {"n0:f64[256]{9+256}, n0:f64[256]{9+256}, n1:f64[2, 256]{4+2, 0+256}", 3},
        {"n0:f64[256]{9+256}, n0:f64[257]{9+257}, n3:f64[4, 128]{9+4, 1+128}", 8},
        {"n0:f64, n1:f64[7]{0+7}, n2:any[7], n3:f64[?]", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_INT(slices_of(cases[i].arguments, "lambda-1769", APART), cases[i].slices);
        CHECK_INT(slices_of(cases[i].arguments, "lambda-1769", APART ",slices"), 0);
        CHECK_INT(slices_of(cases[i].arguments, "local", NULL), 0);
    }
    /* Within a cluster there are none. */
    CHECK_INT(slices_of("n0:f64[9]{7+9}, n1:f64[9]{7+9}, n2:f64[90000]", "lambda-1769", NULL) & 7,
              3);
    CHECK_INT(slices_of("n0:f64[9]{7+9}", "lambda-1769", NULL), 0);
    /* At most 32 references. */
    struct buffer text = {0};
    buffer_puts(&text, "n0:f64{0}");
    for (int r = 1; r <= 32; r++) {
        CHECK_INT(slices_of(buffer_text(&text), "emulator", APART), 1);
        buffer_printf(&text, ", n0:f64{%d}", r);
    }
    CHECK_INT(slices_of(buffer_text(&text), "emulator", APART), 0);
    buffer_release(&text);
}

/* Turns of a row of values of 8 MB, each of which reads one number of its neighbours. Where
 * `shared` all begin with the same value. */
static void build_stencil(struct dag *dag, int width, int turns, bool shared)
{
    struct buffer text = {0};
    int first = shared ? 1 : width;
    buffer_puts(&text, "task t0 \"\" \"\" \"\" -> \"\" leaves=0\n"
                       "task t1 \"a\" \"a\" \"\" -> \"\" leaves=1 cost=1000000\n"
                       "scope s0 \"main\" s0\n");
    for (int n = 0; n < first; n++)
        buffer_printf(&text, "n%d = t1 s0 ()\n", n);
    for (int n = 0; n < width * turns; n++) {
        int column = n % width, self = n < width ? (shared ? 0 : n) : first + n - width;
        bool has_next = column + 1 < width, is_apart = n >= width || !shared;
        buffer_printf(&text, "n%d = t1 s0 (n%d:f64[1000000]", first + n, self);
        if (column > 0)
            buffer_printf(&text, ", n%d:f64{%d}", self - is_apart, 999999);
        if (has_next)
            buffer_printf(&text, ", n%d:f64{%d}", self + is_apart, 0);
        buffer_puts(&text, ")\n");
    }
    int sink = first + width * turns;
    buffer_printf(&text, "n%d = t0 s0 (", sink);
    for (int n = 0; n < width; n++)
        buffer_printf(&text, "%sn%d:f64[1000000]", n ? ", " : "", sink - width + n);
    buffer_puts(&text, ")\n");
    read_graph(dag, buffer_text(&text));
    buffer_release(&text);
}

/* Edges between clusters: those that carry slices, and the others, but for the sink's. */
static void count_edges(const struct plan *plan, uint32_t *slices, uint32_t *wholes)
{
    const struct dag *dag = plan->dag;
    *slices = *wholes = 0;
    for (uint32_t n = 0; n < dag_sink(dag); n++)
        for (uint64_t c = dag->nodes[n].first_child; c < dag->nodes[n + 1].first_child; c++) {
            uint32_t child = dag->children[c].node;
            bool is_together =
                plan->cluster[n] != PLAN_NONE && plan->cluster[n] == plan->cluster[child];
            CHECK(!is_together || !plan_is_slice(plan, c));
            *slices += plan_is_slice(plan, c);
            *wholes += !is_together && !plan_is_slice(plan, c) && child != dag_sink(dag);
        }
}

/* Q2.2, Q4.8: what reads a value stays where it is made; what reads a slice of it need not. If
 * slices cost what the values do, values move. */
static void values_stay_and_slices_travel(void)
{
    static const char *const platforms[] = {"lambda-1769", "emulator"};
    enum { WIDTH = 256, TURNS = 12 };
    struct dag dag;
    struct error error = {0};
    build_stencil(&dag, WIDTH, TURNS, false);
    for (int i = 0; i < 4; i++) {
        struct plan plan;
        uint32_t slices, wholes;
        struct plan_options options = {.platform = platform_find(platforms[i / 2]),
                                       .level = 2,
                                       .disabled = i % 2 ? "slices" : NULL};
        CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
        count_edges(&plan, &slices, &wholes);
        if (i % 2)
            CHECK(slices == 0 && (i > 1 || wholes > 0));
        else
            CHECK(wholes == 0 && (i > 1 || slices >= TURNS));
        plan_release(&plan);
    }
    dag_release(&dag);
}

/* Q4.8: where all begin with what one task makes, whole values are read elsewhere in any case, by
 * joins that begin clusters: these are then what they are without slices; but slices travel. */
static void clusters_that_slices_scatter(void)
{
    struct dag dag;
    struct error error = {0};
    struct plan with, without;
    uint32_t slices, wholes;
    struct plan_options options = {.platform = platform_find("lambda-1769"), .level = 2};
    build_stencil(&dag, 400, 8, true);
    CHECK_INT(plan_make(&with, &dag, &options, &error), 0);
    options.disabled = "slices";
    CHECK_INT(plan_make(&without, &dag, &options, &error), 0);
    CHECK(with.cluster && without.cluster);
    for (uint32_t n = 0; n < dag.node_count; n++) {
        CHECK_INT(with.cluster[n], without.cluster[n]);
        CHECK_INT(with.preferred[n], without.preferred[n]);
    }
    count_edges(&with, &slices, &wholes);
    CHECK(slices > 0);
    options.disabled = "apart"; /* what it would have been */
    plan_release(&without);
    CHECK_INT(plan_make(&without, &dag, &options, &error), 0);
    uint32_t others = 0;
    for (uint32_t n = 0; n < dag.node_count; n++)
        others += with.cluster[n] != without.cluster[n];
    CHECK(others > 0);
    plan_release(&with);
    plan_release(&without);
    dag_release(&dag);
}

/* 24 slices of 4 KiB are 96 KiB, more than goes with an event; 16 are not. */
static void slices_fit_an_event(void)
{
    for (int count = 12; count <= 24; count++) {
        struct buffer text = {0};
        struct dag dag;
        struct plan plan;
        struct error error = {0};
        struct plan_options options = {
            .platform = platform_find("emulator"), .level = 1, .disabled = APART};
        buffer_puts(&text, "task t0 \"\" \"\" \"\" -> \"\" leaves=0\n"
                           "task t1 \"a\" \"a\" \"\" -> \"\" leaves=1\nscope s0 \"main\" s0\n");
        for (int n = 0; n < count; n++)
            buffer_printf(&text, "n%d = t1 s0 ()\n", n);
        buffer_printf(&text, "n%d = t1 s0 (", count);
        for (int n = 0; n < count; n++)
            buffer_printf(&text, "%sn%d:f64[512]{1+512}", n ? ", " : "", n);
        buffer_printf(&text, ")\nn%d = t0 s0 (n%d:f64)\n", count + 1, count);
        read_graph(&dag, buffer_text(&text));
        CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
        for (uint32_t n = 0; n < (uint32_t)count; n++)
            CHECK_INT(plan_is_slice(&plan, dag_edge(&dag, n, (uint32_t)count)), count <= 16);
        plan_release(&plan);
        dag_release(&dag);
        buffer_release(&text);
    }
}

static uint32_t count_clusters(const struct plan *plan)
{
    uint32_t clusters = 0;
    for (uint32_t n = 0; n < plan->dag->node_count; n++)
        clusters += plan->cluster && plan->cluster[n] == n;
    return clusters;
}

/* A tree of 64 tasks of a second, whose values are large, has a cluster for each executor, whatever
 * their number is: subtrees of equal size, and what is above two of them in one of these. Q4.5. */
static void there_is_a_cluster_for_each_executor(void)
{
    for (uint32_t executors = 2; executors <= 32; executors *= 2) {
        struct buffer text = {0};
        struct dag dag;
        struct plan plan;
        struct error error = {0};
        struct platform platform = *platform_find("lambda-1769");
        struct plan_options options = {.platform = &platform, .level = 2};
        platform.concurrency = executors;
        buffer_puts(&text, "task t0 \"\" \"\" \"\" -> \"\" leaves=0\n"
                           "task t1 \"a\" \"a\" \"\" -> \"\" leaves=1 cost=1000000000\n"
                           "task t2 \"b\" \"b\" \"\" -> \"\" leaves=1 cost=1000000\n"
                           "scope s0 \"main\" s0\n");
        for (int n = 0; n < 64; n++)
            buffer_printf(&text, "n%d = t1 s0 ()\n", n);
        for (int n = 64, from = 0; n < 127; n++, from += 2)
            buffer_printf(&text, "n%d = t2 s0 (n%d:f64[100000], n%d:f64[100000])\n", n, from,
                          from + 1);
        buffer_puts(&text, "n127 = t0 s0 (n126:f64)\n");
        read_graph(&dag, buffer_text(&text));
        CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
        uint32_t subtree = 2 * 64 / executors - 1, levels = 0;
        while (1u << levels < executors)
            levels++;
        CHECK_INT(count_clusters(&plan), executors);
        CHECK(largest_cluster(&plan) >= subtree && largest_cluster(&plan) <= subtree + levels);
        plan_release(&plan);
        dag_release(&dag);
        buffer_release(&text);
    }
}

TEST_MAIN(TEST(a_chain_stays_together), TEST(cheap_children_wait_for_each_other),
          TEST(the_longest_path_goes_first), TEST(bytes_decide_between_equal_paths),
          TEST(a_profile_scales_formulas), TEST(clusters_help), TEST(bytes_are_saved),
          TEST(a_cluster_has_an_end), TEST(a_cluster_has_room), TEST(what_a_join_reads_is_held),
          TEST(there_is_a_cluster_for_each_executor), TEST(slices_are_few_and_small),
          TEST(values_stay_and_slices_travel), TEST(clusters_that_slices_scatter),
          TEST(slices_fit_an_event))
