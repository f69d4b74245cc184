/*
 * The graphs of the benchmarks: tasks that do nothing but add their arguments, as kernels that are
 * called through their ABI.
 */
#ifndef WKC_BENCH_GRAPHS_H
#define WKC_BENCH_GRAPHS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/plan.h"
#include "wk.h"

enum pattern { TREE, FAN, STENCIL, FFT, TASK_TREE, NEAREST };

struct graph {
    struct dag_builder *builder;
    uint32_t tasks[5]; /* by number of arguments */
    uint32_t gather;   /* the task that takes an array */
    uint32_t view, site, scope;
    struct dag dag;
    struct plan plan;
};

static inline int32_t kernel_0(struct wk_context *context, const uint64_t *a, uint64_t *r)
{
    (void)context, (void)a;
    r[0] = 1;
    return 0;
}
static inline int32_t kernel_1(struct wk_context *context, const uint64_t *a, uint64_t *r)
{
    (void)context;
    r[0] = a[0];
    return 0;
}
static inline int32_t kernel_2(struct wk_context *context, const uint64_t *a, uint64_t *r)
{
    (void)context;
    r[0] = a[0] + a[1];
    return 0;
}
static inline int32_t kernel_3(struct wk_context *context, const uint64_t *a, uint64_t *r)
{
    (void)context;
    r[0] = a[0] + a[1] + a[2];
    return 0;
}
static inline int32_t kernel_4(struct wk_context *context, const uint64_t *a, uint64_t *r)
{
    (void)context;
    r[0] = a[0] + a[1] + a[2] + a[3];
    return 0;
}
static inline int32_t kernel_sum(struct wk_context *context, const uint64_t *a, uint64_t *r)
{
    (void)context;
    const uint64_t *items = (const uint64_t *)(uintptr_t)a[0];
    r[0] = 0;
    for (uint64_t i = 0; i < a[1]; i++)
        r[0] += items[i];
    return 0;
}

/* By task of the DAG. */
static wk_kernel *const graph_kernels[] = {NULL,     kernel_0, kernel_1,  kernel_2,
                                           kernel_3, kernel_4, kernel_sum};

static inline uint32_t graph_task(struct graph *g, const char *parameters)
{
    struct dag_builder *b = g->builder;
    struct dag_task task = {.name = dag_add_string(b, "add"),
                            .symbol = dag_add_string(b, "add"),
                            .parameter_types = dag_add_string(b, parameters),
                            .result_type = dag_add_string(b, "u64"),
                            .leaf_count = 1,
                            .retries = -1};
    return dag_add_task(b, &task);
}

static inline void graph_begin(struct graph *g)
{
    static const char *const parameters[5] = {"()", "(a: u64,)", "(a: u64, b: u64)",
                                              "(a: u64, b: u64, c: u64)",
                                              "(a: u64, b: u64, c: u64, d: u64)"};
    *g = (struct graph){.builder = dag_builder_new()};
    for (int i = 0; i < 5; i++)
        g->tasks[i] = graph_task(g, parameters[i]);
    g->gather = graph_task(g, "(a: u64[_],)");
    g->view = dag_add_view(g->builder, &(struct dag_view){.scalar = WK_U64}, NULL);
    g->site = dag_add_site(g->builder, &(struct place){"bench.wk", 1, 1, 1});
    g->scope = dag_add_scope(g->builder, dag_add_string(g->builder, "main"), 0, g->site);
}

static inline uint32_t graph_add(struct graph *g, uint32_t task, uint32_t pattern)
{
    return dag_add_node(g->builder, task, pattern, g->site, g->scope);
}

static inline void graph_refs(struct graph *g, const uint32_t *producers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        dag_add_ref(g->builder, (dag_ref)producers[i] << 32 | g->view);
}

static inline uint32_t graph_node(struct graph *g, const uint32_t *producers, uint32_t count)
{
    static const uint32_t codes[4] = {DAG_ARG_REF, DAG_ARG_REF, DAG_ARG_REF, DAG_ARG_REF};
    graph_refs(g, producers, count);
    return graph_add(g, g->tasks[count], dag_add_pattern(g->builder, codes, count));
}

/* A node that takes all producers as one array; the sink when it runs task DAG_RESULT. */
static inline uint32_t graph_gather(struct graph *g, uint32_t task, const uint32_t *producers,
                                    uint32_t count)
{
    uint32_t code = DAG_ARG_GATHER | 1u << DAG_ARG_RANK_SHIFT;
    dag_add_word(g->builder, count);
    graph_refs(g, producers, count);
    return graph_add(g, task, dag_add_pattern(g->builder, &code, 1));
}

static inline void graph_end(struct graph *g, const uint32_t *producers, uint32_t count)
{
    struct error error;
    graph_gather(g, DAG_RESULT, producers, count);
    if (dag_finish(g->builder, &g->dag, &error) || plan_make(&g->plan, &g->dag, NULL, &error)) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
}

static inline void graph_release(struct graph *g)
{
    plan_release(&g->plan);
    dag_release(&g->dag);
}

/* A reduction of 2^depth leaves, level by level: 2^(depth + 1) - 1 tasks. */
static inline void graph_tree(struct graph *g, unsigned depth)
{
    uint32_t count = 1u << depth, *level = malloc(count * sizeof *level);
    graph_begin(g);
    for (uint32_t i = 0; i < count; i++)
        level[i] = graph_node(g, NULL, 0);
    for (; count > 1; count /= 2)
        for (uint32_t i = 0; i < count / 2; i++)
            level[i] = graph_node(g, level + 2 * i, 2);
    graph_end(g, level, 1);
    free(level);
}

/* 1 -> width -> 1 */
static inline void graph_fan(struct graph *g, uint32_t width)
{
    uint32_t *middle = malloc(width * sizeof *middle);
    graph_begin(g);
    uint32_t root = graph_node(g, NULL, 0);
    for (uint32_t i = 0; i < width; i++)
        middle[i] = graph_node(g, &root, 1);
    uint32_t last = graph_gather(g, g->gather, middle, width);
    graph_end(g, &last, 1);
    free(middle);
}

/* The dependences of Task Bench's patterns: the producers of point `i` at `step`, in `from`. */
static inline uint32_t pattern_producers(enum pattern pattern, uint32_t width, uint32_t step,
                                         uint32_t i, uint32_t *from)
{
    uint32_t count = 0;
    switch (pattern) {
    case STENCIL:
        for (uint32_t j = i ? i - 1 : 0; j <= i + 1 && j < width; j++)
            from[count++] = j;
        return count;
    case FFT: {
        uint32_t levels = 0;
        while (1u << (levels + 1) <= width)
            levels++;
        uint32_t distance = 1u << (step - 1) % (levels ? levels : 1);
        if (i >= distance)
            from[count++] = i - distance;
        from[count++] = i;
        if (i + distance < width)
            from[count++] = i + distance;
        return count;
    }
    case TASK_TREE: /* doubles its width until it is full, then a butterfly */
        if (1u << (step < 31 ? step - 1 : 30) < width) {
            from[0] = i / 2;
            return 1;
        }
        from[0] = i;
        from[1] = i ^ 1u << step % 2;
        return from[1] < width ? 2 : 1;
    case NEAREST: /* radix 4: the point itself and its nearest on both sides, as far as they exist
                   */
        for (uint32_t j = i >= 2 ? i - 2 : 0; j <= i + 1 && j < width; j++)
            from[count++] = j;
        return count;
    case TREE:
    case FAN:
        break;
    }
    abort();
}

static inline uint32_t pattern_width(enum pattern pattern, uint32_t width, uint32_t step)
{
    if (pattern != TASK_TREE || step >= 31 || 1u << step >= width)
        return width;
    return 1u << step;
}

static inline void graph_pattern(struct graph *g, enum pattern pattern, uint32_t width,
                                 uint32_t steps)
{
    uint32_t before[64], now[64], from[8], producers[8];
    graph_begin(g);
    for (uint32_t step = 0; step < steps; step++) {
        for (uint32_t i = 0; i < pattern_width(pattern, width, step); i++) {
            uint32_t count = step ? pattern_producers(pattern, width, step, i, from) : 0;
            for (uint32_t p = 0; p < count; p++)
                producers[p] = before[from[p]];
            now[i] = graph_node(g, producers, count);
        }
        for (uint32_t i = 0; i < width; i++)
            before[i] = now[i];
    }
    graph_end(g, before, pattern_width(pattern, width, steps - 1));
}

#endif
