/*
 * Synthetic jobs: DAGs made edge by edge, whose tasks hash a seed word and their inputs, so that
 * the result tells whether each node ran on the right values. Node: (seed: u64, inputs: u64[n]) ->
 * u64.
 *
 *     struct synthetic s;
 *     synthetic_begin(&s);
 *     uint32_t a = synthetic_node(&s, NULL, 0), b = synthetic_node(&s, &a, 1);
 *     synthetic_end(&s, &b, 1);        // the sink: a result of type u64[_]
 *     ... s.dag, s.plan, synthetic_expected(&s, 0) ...
 *     synthetic_release(&s);
 */
#ifndef WKC_TEST_SYNTHETIC_H
#define WKC_TEST_SYNTHETIC_H

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "graph/plan.h"
#include "wk.h"

struct synthetic {
    struct dag_builder *builder;
    uint32_t task, site, scope, view, node_pattern, sink_pattern, count;
    struct dag dag;
    struct plan plan;
};

static inline uint64_t synthetic_hash(uint64_t seed, const uint64_t *inputs, uint64_t count)
{
    uint64_t hash = hash_mix(seed + 1);
    for (uint64_t i = 0; i < count; i++)
        hash = hash_combine(hash, inputs[i]);
    return hash;
}

/* The kernel. */
static inline int32_t synthetic_kernel(struct wk_context *context, const uint64_t *arguments,
                                       uint64_t *results)
{
    (void)context;
    results[0] =
        synthetic_hash(arguments[0], (const uint64_t *)(uintptr_t)arguments[1], arguments[2]);
    return 0;
}

static inline void synthetic_begin(struct synthetic *s)
{
    *s = (struct synthetic){.builder = dag_builder_new()};
    struct dag_builder *b = s->builder;
    struct dag_task task = {.name = dag_add_string(b, "hash"),
                            .symbol = dag_add_string(b, "hash"),
                            .parameter_types = dag_add_string(b, "(seed: u64, inputs: u64[_])"),
                            .result_type = dag_add_string(b, "u64"),
                            .leaf_count = 1,
                            .retries = -1};
    s->task = dag_add_task(b, &task);
    s->site = dag_add_site(b, &(struct place){"synthetic.wk", 1, 1, 1});
    s->scope = dag_add_scope(b, dag_add_string(b, "main"), 0, s->site);
    s->view = dag_add_view(b, &(struct dag_view){.scalar = WK_U64}, NULL);
    uint32_t gather = DAG_ARG_GATHER | 1u << DAG_ARG_RANK_SHIFT;
    uint32_t node_codes[] = {DAG_ARG_WORD, gather};
    s->node_pattern = dag_add_pattern(b, node_codes, 2);
    s->sink_pattern = dag_add_pattern(b, &gather, 1);
}

static inline void synthetic_refs(struct synthetic *s, const uint32_t *producers, uint32_t count)
{
    dag_add_word(s->builder, count);
    for (uint32_t i = 0; i < count; i++)
        dag_add_ref(s->builder, (dag_ref)producers[i] << 32 | s->view);
}

static inline uint32_t synthetic_node(struct synthetic *s, const uint32_t *producers,
                                      uint32_t count)
{
    dag_add_word(s->builder, s->count++);
    synthetic_refs(s, producers, count);
    return dag_add_node(s->builder, s->task, s->node_pattern, s->site, s->scope);
}

/* Ends the DAG with the sink; nodes that it does not need are dropped, and others renumbered. */
static inline void synthetic_end(struct synthetic *s, const uint32_t *producers, uint32_t count)
{
    struct error error;
    synthetic_refs(s, producers, count);
    dag_add_node(s->builder, DAG_RESULT, s->sink_pattern, s->site, s->scope);
    if (dag_finish(s->builder, &s->dag, &error) || plan_make(&s->plan, &s->dag, NULL, &error)) {
        fprintf(stderr, "synthetic DAG: %s\n", error.message);
        exit(1);
    }
    plan_index_fan_outs(&s->plan, 0);
}

static inline void synthetic_release(struct synthetic *s)
{
    plan_release(&s->plan);
    dag_release(&s->dag);
}

/* The values of all nodes, computed one after the other from refs alone; free it. */
static inline uint64_t *synthetic_values(const struct synthetic *s)
{
    const struct dag *dag = &s->dag;
    uint64_t *values = malloc((dag->node_count + 1) * sizeof *values);
    uint64_t *inputs = malloc((dag->nodes[dag->node_count].first_ref + 1) * sizeof *inputs);
    for (uint32_t n = 0; n < dag->node_count; n++) {
        uint64_t count = dag_ref_count(dag, n);
        for (uint64_t r = 0; r < count; r++)
            inputs[r] = values[dag_ref_source(dag->refs[dag->nodes[n].first_ref + r])];
        values[n] = synthetic_hash(dag->words[dag->nodes[n].first_word], inputs, count);
    }
    free(inputs);
    return values;
}

#endif
