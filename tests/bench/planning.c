/*
 * The plan of large graphs: nanoseconds a task, of this process' own time.
 *
 *     planning SHAPE TASKS BYTES PLATFORM
 *
 * SHAPE is one of tests/unit/shapes.h, BYTES what a value has. Prints one line: processor time of
 * the user for a plan with all passes, the graph's own included (recompute.h), and what the passes
 * looked at. The graph is built before the clock starts.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../unit/shapes.h"
#include "graph/plan.h"
#include "graph/platform.h"
#include "graph/recompute.h"

static double user_seconds(const struct rusage *usage)
{
    return (double)usage->ru_utime.tv_sec + 1e-6 * (double)usage->ru_utime.tv_usec;
}

static double system_seconds(const struct rusage *usage)
{
    return (double)usage->ru_stime.tv_sec + 1e-6 * (double)usage->ru_stime.tv_usec;
}

static int measure(enum shape shape, uint32_t count, int64_t elements, const char *platform)
{
    const struct plan_options options = {.platform = platform_find(platform), .level = 2};
    struct rusage before, after;
    struct error error;
    struct plan plan;
    struct dag dag;
    shape_make(shape, count, elements, &dag);
    double tasks = dag.node_count - 1, edges = 0;
    for (uint32_t n = 0; n < dag.node_count; n++)
        edges += dag.nodes[n].producer_count;
    getrusage(RUSAGE_SELF, &before);
    dag_recompute(&dag, &options);
    if (plan_make(&plan, &dag, &options, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    getrusage(RUSAGE_SELF, &after);
    printf("%s %.0f tasks, %.2f edges each: %.1f ns/task, %.1f of the system, %.1f steps, peak %ld "
           "KiB\n",
           shape_names[shape], tasks, edges / tasks,
           (user_seconds(&after) - user_seconds(&before)) * 1e9 / tasks,
           (system_seconds(&after) - system_seconds(&before)) * 1e9 / tasks,
           (double)plan.steps / tasks, after.ru_maxrss);
    plan_release(&plan);
    dag_release(&dag);
    return 0;
}

int main(int argc, char **argv)
{
    for (int s = 0; argc == 5 && s < SHAPE_COUNT; s++)
        if (strcmp(argv[1], shape_names[s]) == 0 && platform_find(argv[4]))
            return measure((enum shape)s, (uint32_t)strtoul(argv[2], NULL, 10),
                           (int64_t)strtoull(argv[3], NULL, 10) / 8, argv[4]);
    fprintf(stderr, "usage: planning SHAPE TASKS BYTES PLATFORM\n");
    return 2;
}
