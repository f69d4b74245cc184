/*
 * Elaboration of large graphs: nanoseconds and bytes a task.
 *
 *     elaborate tree N        a reduction of N leaves: 2 N - 1 tasks
 *     elaborate butterfly N   log2(N) steps of N tasks with two in-edges each
 *
 * Prints one line: the pattern, tasks, nanoseconds a task (flow code in memory to finished DAG),
 * bytes of the DAG a task, and the process's peak memory in KiB: for the memory that a task costs,
 * run it with two sizes and divide the difference. tests/bench/elaborate_tbb.cpp builds the same
 * graphs with oneTBB.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "flow/ir.h"
#include "graph/code.h"

static const char tree[] = "module \"tree.wk\"\n"
                           "kernel @partial \"partial\" (i: i64, width: i64) -> f64\n"
                           "kernel @add \"add\" (a: f64, b: f64) -> f64\n"
                           "parameter n: i64\n"
                           "entry @main -> f64\n"
                           "flow @main \"main\" -> (?f64) {\n"
                           "b0(%0: i64):\n"
                           "    %1: {1}?f64 = each.1 @main.each1 %0, %0\n"
                           "    %2: i64 = constant 2\n"
                           "    %3: i64 = constant 1\n"
                           "    %4: ?f64 = reduce @main.reduce1 %2, %3, %1\n"
                           "    return %4\n"
                           "}\n"
                           "function @main.each1 \"main\" -> (?f64) {\n"
                           "b0(%0: i64, %1: i64):\n"
                           "    %2: ?f64 = call @partial %0, %1\n"
                           "    return %2\n"
                           "}\n"
                           "function @main.reduce1 \"main\" -> (?f64) {\n"
                           "b0(%0: ?f64, %1: ?f64):\n"
                           "    %2: ?f64 = call @add %0, %1\n"
                           "    return %2\n"
                           "}\n";

/* for step in 0..log2(n) { x = [add(x[i], x[i ^ 1 << step]) for i in 0..n] } */
static const char butterfly[] = "module \"butterfly.wk\"\n"
                                "kernel @leaf \"leaf\" (i: i64) -> f64\n"
                                "kernel @add \"add\" (a: f64, b: f64) -> f64\n"
                                "parameter n: i64\n"
                                "entry @main -> f64[_]\n"
                                "flow @main \"main\" -> ({1}?f64) {\n"
                                "b0(%0: i64):\n"
                                "    %1: {1}?f64 = each.1 @main.each1 %0\n"
                                "    %2: i64 = constant 1\n"
                                "    jump b1(%2, %1)\n"
                                "b1(%3: i64, %4: {1}?f64):\n"
                                "    %5: bool = lt %3, %0\n"
                                "    branch %5 b2() b3()\n"
                                "b2():\n"
                                "    %6: {1}?f64 = each.1 @main.each2 %0, %3, %4\n"
                                "    %7: i64 = add %3, %3\n"
                                "    jump b1(%7, %6)\n"
                                "b3():\n"
                                "    return %4\n"
                                "}\n"
                                "function @main.each1 \"main\" -> (?f64) {\n"
                                "b0(%0: i64):\n"
                                "    %1: ?f64 = call @leaf %0\n"
                                "    return %1\n"
                                "}\n"
                                "function @main.each2 \"main\" -> (?f64) {\n"
                                "b0(%0: i64, %1: i64, %2: {1}?f64):\n"
                                "    %3: i64 = xor %0, %1\n"
                                "    %4: ?f64 = get %2, %0\n"
                                "    %5: ?f64 = get %2, %3\n"
                                "    %6: ?f64 = call @add %4, %5\n"
                                "    return %6\n"
                                "}\n";

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static struct flow_code *load(const char *text, struct buffer *bytes, struct error *error)
{
    struct arena arena;
    struct type_table types;
    arena_init(&arena);
    type_table_init(&types, &arena);
    struct ir_module *module = ir_parse(text, strlen(text), "bench", &arena, &types, error);
    if (module)
        encode_module(module, bytes);
    type_table_release(&types);
    arena_release(&arena);
    return module ? flow_code_load(bytes->data, bytes->length, error) : NULL;
}

static int run(const char *pattern, uint64_t n)
{
    struct error error = {0};
    struct buffer bytes = {0};
    struct dag dag;
    struct rusage usage;
    struct flow_code *code = load(strcmp(pattern, "butterfly") ? tree : butterfly, &bytes, &error);
    struct flow_argument argument = {.given = true, .word = n};
    struct elaborate_options options = {.max_tasks = UINT64_C(1) << 31};
    double begin = now();
    if (!code || elaborate(code, &argument, &options, &dag, NULL, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    double nanoseconds = now() - begin;
    getrusage(RUSAGE_SELF, &usage);
    double tasks = dag.node_count - 1;
    printf("%s %.0f tasks: %.1f ns/task, %.1f bytes/task in the graph, peak %ld KiB\n", pattern,
           tasks, nanoseconds / tasks, (double)dag.memory_bytes / tasks, usage.ru_maxrss);
    dag_release(&dag);
    flow_code_free(code);
    buffer_release(&bytes);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: elaborate tree|butterfly N\n");
        return 2;
    }
    return run(argv[1], strtoull(argv[2], NULL, 10));
}
