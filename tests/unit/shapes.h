/*
 * Graphs of the shapes that plans are made for, as large as one likes: a tree, a fan-out and
 * fan-in, a stencil, a butterfly, the tiles of a Cholesky factorization, and a random graph in
 * layers. Their tasks have no code. Values are arrays of f64: as long as is asked for, so that they
 * travel inline or are put.
 *
 *     struct dag dag;
 *     shape_make(SHAPE_STENCIL, 100000, 131072, &dag);    // about 100,000 tasks, values of 1 MiB
 */
#ifndef WKC_TEST_SHAPES_H
#define WKC_TEST_SHAPES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "graph/dag.h"

enum shape {
    SHAPE_TREE,
    SHAPE_FAN,
    SHAPE_STENCIL,
    SHAPE_BUTTERFLY,
    SHAPE_CHOLESKY,
    SHAPE_RANDOM,
    SHAPE_COUNT
};
static const char *const shape_names[SHAPE_COUNT] = {"tree",      "fan",      "stencil",
                                                     "butterfly", "cholesky", "random"};
enum { SHAPE_PRODUCERS = 4 };

struct shape_builder {
    struct dag_builder *dag;
    uint32_t tasks[SHAPE_PRODUCERS]; /* by number of producers; the first takes a word */
    uint32_t patterns[SHAPE_PRODUCERS];
    uint32_t gather, gather_pattern, view, site, scope, sources;
};

static inline uint32_t shape_task(struct shape_builder *s, const char *parameters,
                                  const char *formula)
{
    const struct dag_task task = {.name = dag_add_string(s->dag, "step"),
                                  .symbol = dag_add_string(s->dag, "step"),
                                  .parameter_types = dag_add_string(s->dag, parameters),
                                  .result_type = dag_add_string(s->dag, "f64[_]"),
                                  .formula = dag_add_string(s->dag, formula),
                                  .leaf_count = 1,
                                  .retries = -1};
    return dag_add_task(s->dag, &task);
}

static inline void shape_begin(struct shape_builder *s, int64_t elements)
{
    static const char *const parameters[SHAPE_PRODUCERS] = {
        "(n: i64,)", "(a: f64[_],)", "(a: f64[_], b: f64[_])", "(a: f64[_], b: f64[_], c: f64[_])"};
    static const uint32_t codes[SHAPE_PRODUCERS] = {DAG_ARG_REF, DAG_ARG_REF, DAG_ARG_REF,
                                                    DAG_ARG_REF};
    const uint32_t word = DAG_ARG_WORD, gather = DAG_ARG_GATHER | 1u << DAG_ARG_RANK_SHIFT;
    *s = (struct shape_builder){.dag = dag_builder_new()};
    for (uint32_t i = 0; i < SHAPE_PRODUCERS; i++) {
        s->tasks[i] =
            shape_task(s, parameters[i], i == 0 ? "(+ 5e6 (* 1e4 w0))" : "(+ 10000 (* 60 x0.0))");
        s->patterns[i] = dag_add_pattern(s->dag, i == 0 ? &word : codes, i == 0 ? 1 : i);
    }
    s->gather = shape_task(s, "(a: f64[_][_],)", "(+ 10000 (* 3 x0.0))");
    s->gather_pattern = dag_add_pattern(s->dag, &gather, 1);
    s->view = dag_add_view(s->dag, &(struct dag_view){.scalar = WK_F64, .rank = 1}, &elements);
    s->site = dag_add_site(s->dag, &(struct place){"shapes.wk", 1, 1, 1});
    s->scope = dag_add_scope(s->dag, dag_add_string(s->dag, "main"), 0, s->site);
}

static inline uint32_t shape_node(struct shape_builder *s, const uint32_t *producers,
                                  uint32_t count)
{
    if (count == 0) /* sources do not cost the same */
        dag_add_word(s->dag, hash_mix(s->sources++) % 64);
    for (uint32_t i = 0; i < count; i++)
        dag_add_ref(s->dag, (dag_ref)producers[i] << 32 | s->view);
    return dag_add_node(s->dag, s->tasks[count], s->patterns[count], s->site, s->scope);
}

static inline uint32_t shape_gather(struct shape_builder *s, uint32_t task,
                                    const uint32_t *producers, uint32_t count)
{
    dag_add_word(s->dag, count);
    for (uint32_t i = 0; i < count; i++)
        dag_add_ref(s->dag, (dag_ref)producers[i] << 32 | s->view);
    return dag_add_node(s->dag, task, s->gather_pattern, s->site, s->scope);
}

static inline void *shape_table(uint64_t count)
{
    void *table = malloc(count * sizeof(uint32_t) + 1);
    if (!table)
        exit(1);
    return table;
}

/* ---- The shapes: each gives its last nodes in `ends`, and how many they are -------------------
 */

static inline uint32_t shape_tree(struct shape_builder *s, uint32_t tasks, uint32_t **ends)
{
    uint32_t count = tasks / 2, *level = shape_table(count);
    for (uint32_t i = 0; i < count; i++)
        level[i] = shape_node(s, NULL, 0);
    for (; count > 1; count -= count / 2) {
        for (uint32_t i = 0; i < count / 2; i++)
            level[i] = shape_node(s, level + 2 * i, 2);
        if (count & 1)
            level[count / 2] = level[count - 1];
    }
    *ends = level;
    return 1;
}

static inline uint32_t shape_fan(struct shape_builder *s, uint32_t tasks, uint32_t **ends)
{
    uint32_t *middle = shape_table(tasks), root = shape_node(s, NULL, 0);
    for (uint32_t i = 0; i < tasks; i++)
        middle[i] = shape_node(s, &root, 1);
    middle[0] = shape_gather(s, s->gather, middle, tasks);
    *ends = middle;
    return 1;
}

static inline uint32_t square_root(uint64_t n)
{
    uint32_t root = 1;
    while ((uint64_t)root * root < n)
        root++;
    return root;
}

/* As many steps as there are points. */
static inline uint32_t shape_stencil(struct shape_builder *s, uint32_t tasks, uint32_t **ends)
{
    uint32_t width = square_root(tasks), *before = shape_table(width), *now = shape_table(width);
    for (uint32_t step = 0; step < width; step++) {
        for (uint32_t i = 0; i < width; i++) {
            uint32_t low = i > 0 ? i - 1 : 0, high = i + 2 < width ? i + 2 : width;
            now[i] = shape_node(s, before + low, step ? high - low : 0);
        }
        uint32_t *other = before;
        before = now;
        now = other;
    }
    free(now);
    *ends = before;
    return width;
}

static inline uint32_t shape_butterfly(struct shape_builder *s, uint32_t tasks, uint32_t **ends)
{
    uint32_t steps = 1;
    while (((uint64_t)steps + 2) << (steps + 1) <= tasks)
        steps++;
    uint32_t width = 1u << steps, *before = shape_table(width), *now = shape_table(width);
    for (uint32_t i = 0; i < width; i++)
        before[i] = shape_node(s, NULL, 0);
    for (uint32_t step = 0; step < steps; step++) {
        for (uint32_t i = 0; i < width; i++) {
            const uint32_t pair[2] = {before[i], before[i ^ 1u << step]};
            now[i] = shape_node(s, pair, 2);
        }
        uint32_t *other = before;
        before = now;
        now = other;
    }
    free(now);
    *ends = before;
    return width;
}

/* The lower triangle of tiles; tile (i, j) stands at i (i + 1) / 2 + j. */
static inline uint32_t shape_cholesky(struct shape_builder *s, uint32_t tasks, uint32_t **ends)
{
    uint32_t size = 1;
    while ((uint64_t)(size + 1) * (size + 2) * (size + 3) / 6 + (uint64_t)size * size / 2 <= tasks)
        size++;
    uint32_t count = size * (size + 1) / 2, *tile = shape_table(count);
#define AT(i, j) tile[(i) * ((i) + 1) / 2 + (j)]
    for (uint32_t i = 0; i < count; i++)
        tile[i] = shape_node(s, NULL, 0);
    for (uint32_t k = 0; k < size; k++) {
        AT(k, k) = shape_node(s, &AT(k, k), 1);
        for (uint32_t i = k + 1; i < size; i++) {
            const uint32_t pair[2] = {AT(i, k), AT(k, k)};
            AT(i, k) = shape_node(s, pair, 2);
        }
        for (uint32_t i = k + 1; i < size; i++)
            for (uint32_t j = k + 1; j <= i; j++) {
                const uint32_t three[3] = {AT(i, j), AT(i, k), AT(j, k)};
                AT(i, j) = shape_node(s, three, i == j ? 2 : 3);
            }
    }
#undef AT
    *ends = tile;
    return count;
}

/* Layers of equal width, each node with one to three producers of the layer before. */
static inline uint32_t shape_random(struct shape_builder *s, uint32_t tasks, uint32_t **ends)
{
    uint32_t width = square_root(tasks), *before = shape_table(width), *now = shape_table(width);
    uint64_t chance = 1;
    for (uint32_t step = 0; step < width; step++) {
        for (uint32_t i = 0; i < width; i++) {
            uint32_t from[3];
            chance = hash_mix(chance + 1);
            for (uint32_t p = 0; p < 3; p++)
                from[p] = step ? before[(chance >> 20 * p) % width] : 0;
            now[i] = shape_node(s, from, step ? 1 + (uint32_t)(chance >> 62) % 3 : 0);
        }
        uint32_t *other = before;
        before = now;
        now = other;
    }
    free(now);
    *ends = before;
    return width;
}

/* A graph of about so many tasks, whose values have so many elements of 8 bytes. */
static inline void shape_make(enum shape shape, uint32_t tasks, int64_t elements, struct dag *dag)
{
    static uint32_t (*const makers[SHAPE_COUNT])(struct shape_builder *, uint32_t, uint32_t **) = {
        shape_tree, shape_fan, shape_stencil, shape_butterfly, shape_cholesky, shape_random};
    struct shape_builder s;
    struct error error;
    uint32_t *ends;
    shape_begin(&s, elements);
    uint32_t count = makers[shape](&s, tasks, &ends);
    shape_gather(&s, DAG_RESULT, ends, count);
    free(ends);
    if (dag_finish(s.dag, dag, &error)) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
}

#endif
