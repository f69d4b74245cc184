/*
 * Jobs drawn by hand: any tasks, views and patterns, with kernels in C. Include test.h before.
 */
#ifndef WKC_TEST_SKETCH_H
#define WKC_TEST_SKETCH_H

#include <stdlib.h>

#include "graph/plan.h"
#include "test.h"
#include "value/value.h"
#include "world/world.h"

static struct type_table sketch_types;
static struct arena sketch_arena;

static inline const struct type *type_of(const char *text)
{
    if (!sketch_types.arena) {
        arena_init(&sketch_arena);
        type_table_init(&sketch_types, &sketch_arena);
    }
    return type_parse(&sketch_types, text);
}

struct sketch {
    struct dag_builder *builder;
    uint32_t site, scope;
    struct dag dag;
    struct plan plan;
};

static inline void sketch_begin(struct sketch *s)
{
    *s = (struct sketch){.builder = dag_builder_new()};
    s->site = dag_add_site(s->builder, &(struct place){"sketch.wk", 7, 3, 4});
    s->scope = dag_add_scope(s->builder, dag_add_string(s->builder, "main"), 0, s->site);
}

static inline uint32_t sketch_task(struct sketch *s, const char *name, const char *parameters,
                                   const char *result, struct dag_task task)
{
    task.name = task.symbol = dag_add_string(s->builder, name);
    task.parameter_types = dag_add_string(s->builder, parameters);
    task.result_type = dag_add_string(s->builder, result);
    task.leaf_count = type_of(result)->leaf_count;
    return dag_add_task(s->builder, &task);
}

static inline uint32_t sketch_view(struct sketch *s, struct dag_view view, const int64_t *words)
{
    return dag_add_view(s->builder, &view, words);
}

static inline void sketch_ref(struct sketch *s, uint32_t source, uint32_t view)
{
    dag_add_ref(s->builder, (dag_ref)source << 32 | view);
}

static inline uint32_t sketch_node(struct sketch *s, uint32_t task, const uint32_t *codes,
                                   uint32_t count)
{
    return dag_add_node(s->builder, task, dag_add_pattern(s->builder, codes, count), s->site,
                        s->scope);
}

static inline void sketch_end(struct sketch *s)
{
    struct error error;
    CHECK_INT(dag_finish(s->builder, &s->dag, &error), 0);
    CHECK_INT(plan_make(&s->plan, &s->dag, NULL, &error), 0);
}

/* Runs a sketch that is not ended yet in the local world. */
static inline int sketch_run(struct sketch *s, wk_kernel **kernels, const char *result,
                             const struct job_options *options, struct job_outcome *outcome,
                             struct error *error)
{
    sketch_end(s);
    struct job job = {.plan = &s->plan, .kernels = kernels, .result_type = type_of(result)};
    return local_run(&job, options, outcome, error);
}

static inline void sketch_release(struct sketch *s)
{
    plan_release(&s->plan);
    dag_release(&s->dag);
}

static const uint32_t word_code = DAG_ARG_WORD, ref_code = DAG_ARG_REF;
static const uint32_t gather_code = DAG_ARG_GATHER | 1u << DAG_ARG_RANK_SHIFT;

/* ramp(n) = [0, 1, ..., n - 1] as f64 */
static inline int32_t ramp(struct wk_context *context, const uint64_t *arguments, uint64_t *results)
{
    uint64_t n = arguments[0];
    double *data = wk_alloc(context, n * sizeof *data);
    if (!data)
        return wk_failed(context);
    for (uint64_t i = 0; i < n; i++)
        data[i] = (double)i;
    results[0] = (uintptr_t)data;
    results[1] = n;
    return 0;
}

/* add(a: f64[n], b: f64[n]) -> f64[n] */
static inline int32_t add(struct wk_context *context, const uint64_t *arguments, uint64_t *results)
{
    const double *a = (const double *)(uintptr_t)arguments[0];
    const double *b = (const double *)(uintptr_t)arguments[2];
    double *data = wk_alloc(context, arguments[1] * sizeof *data);
    if (!data)
        return wk_failed(context);
    for (uint64_t i = 0; i < arguments[1]; i++)
        data[i] = a[i] + b[i];
    results[0] = (uintptr_t)data;
    results[1] = arguments[1];
    return 0;
}

/* A reduction by `add` over `leaves` arrays [0, 1, ..., elements - 1]: task 1 is ramp, task 2 add.
 */
static inline void sketch_reduction(struct sketch *s, uint32_t leaves, int64_t elements)
{
    static const uint32_t two[] = {DAG_ARG_REF, DAG_ARG_REF};
    sketch_begin(s);
    uint32_t t_ramp = sketch_task(s, "ramp", "(n: i64,)", "f64[_]", (struct dag_task){0});
    uint32_t t_add =
        sketch_task(s, "add", "(a: f64[_], b: f64[_])", "f64[_]", (struct dag_task){0});
    uint32_t view = sketch_view(s, (struct dag_view){.scalar = WK_F64, .rank = 1}, &elements);
    uint32_t *level = malloc(leaves * sizeof *level);
    for (uint32_t i = 0; i < leaves; i++) {
        dag_add_word(s->builder, (uint64_t)elements);
        level[i] = sketch_node(s, t_ramp, &word_code, 1);
    }
    for (uint32_t count = leaves; count > 1; count = (count + 1) / 2) {
        for (uint32_t i = 0; i < count / 2; i++) {
            sketch_ref(s, level[2 * i], view);
            sketch_ref(s, level[2 * i + 1], view);
            level[i] = sketch_node(s, t_add, two, 2);
        }
        if (count % 2)
            level[count / 2] = level[count - 1];
    }
    sketch_ref(s, level[0], view);
    sketch_node(s, DAG_RESULT, &ref_code, 1);
    free(level);
}

static inline bool sketch_is_reduced(const struct job_outcome *outcome, uint32_t leaves,
                                     int64_t elements)
{
    const double *sum = (const double *)(uintptr_t)outcome->words[0];
    bool is_right = (int64_t)outcome->words[1] == elements;
    for (int64_t i = 0; is_right && i < elements; i++)
        is_right = sum[i] == (double)i * leaves;
    return is_right;
}

#endif
