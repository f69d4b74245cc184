/*
 * spec/plan.md: Q1.5.
 * Plans take steps in proportion to the graph, whatever its shape: what passes look at is counted,
 * not timed. (tests/bench, `planning`, has the times.)
 */
#include "graph/plan.h"
#include "graph/platform.h"
#include "shapes.h"
#include "test.h"

struct steps {
    double node_count, each;
};

static struct steps count_steps(enum shape shape, uint32_t tasks, int64_t elements)
{
    struct dag dag;
    struct plan plan;
    struct error error = {0};
    struct plan_options options = {.platform = platform_find("lambda-1769"), .level = 2};
    shape_make(shape, tasks, elements, &dag);
    CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
    struct steps steps = {dag.node_count, (double)plan.steps / dag.node_count};
    plan_release(&plan);
    dag_release(&dag);
    return steps;
}

/* With values that travel inline, and such that are put. For these clusters are paired up to 24
 * times, so that there are more steps; how often, depends on the graph. */
static void steps_are_linear(void)
{
    static const struct {
        int64_t elements;
        double most, grows;
    } values[] = {{1, 24, 1.1}, {131072, 256, 3}};
    for (int s = 0; s < SHAPE_COUNT; s++)
        for (int v = 0; v < 2; v++) {
            struct steps few = count_steps((enum shape)s, 10000, values[v].elements);
            struct steps many = count_steps((enum shape)s, 100000, values[v].elements);
            printf("%s, %d: %.0f nodes %.1f steps each, %.0f nodes %.1f\n", shape_names[s],
                   (int)values[v].elements, few.node_count, few.each, many.node_count, many.each);
            CHECK(many.node_count > 7 * few.node_count);
            CHECK(few.each > 2 && few.each <= values[v].most && many.each <= values[v].most);
            CHECK(many.each <= values[v].grows * few.each);
        }
}

/* A job without executors needs no edges but for what to become. */
static void few_steps_without_executors(void)
{
    struct dag dag;
    struct plan plan;
    struct error error = {0};
    struct plan_options options = {.platform = platform_find("local"), .level = 2};
    shape_make(SHAPE_STENCIL, 10000, 131072, &dag);
    CHECK_INT(plan_make(&plan, &dag, &options, &error), 0);
    CHECK((double)plan.steps <= 6.0 * dag.node_count);
    plan_release(&plan);
    dag_release(&dag);
}

TEST_MAIN(TEST(steps_are_linear), TEST(few_steps_without_executors))
