/*
 * Building DAGs and planning them, against naive computations of the same from the list of edges:
 * what the sink reaches, the order of the rest, children, bits, parts, preferred children, records.
 */
#include <stdlib.h>

#include "graph/plan.h"
#include "test.h"

enum { MOST_NODES = 300, MOST_REFS = 90 };

/* A generator that is the same everywhere (xorshift). */
static uint64_t random_state = 88172645463325252u;
static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % bound;
}

struct sketch { /* a DAG as lists, before it is built */
    uint32_t count;
    uint32_t refs[MOST_NODES][MOST_REFS], ref_count[MOST_NODES], words[MOST_NODES];
    uint32_t task[MOST_NODES];
};

static const uint32_t leaves_of_task[] = {0, 1, 3, 0};

static void sketch_random(struct sketch *s, uint32_t count, uint32_t most_refs)
{
    s->count = count;
    for (uint32_t i = 0; i < count; i++) {
        s->task[i] = i + 1 == count ? DAG_RESULT : 1 + random_below(3);
        s->ref_count[i] = i == 0 ? 0 : random_below(most_refs + 1);
        s->words[i] = random_below(4);
        for (uint32_t r = 0; r < s->ref_count[i]; r++)
            s->refs[i][r] = random_below(8) == 0 ? DAG_INPUT : random_below(i);
    }
}

static void build(const struct sketch *s, struct dag *dag)
{
    struct dag_builder *b = dag_builder_new();
    struct dag_input input = {
        .name = dag_add_string(b, "x"), .scalar = WK_F64, .rank = 1, .extents = {10}};
    CHECK_INT(dag_add_input(b, &input), 0);
    for (uint32_t t = 1; t < 4; t++) {
        struct dag_task task = {.name = dag_add_string(b, "t"),
                                .leaf_count = leaves_of_task[t],
                                .cost_ns = t == 2 ? 5 : 0,
                                .retries = -1};
        CHECK_INT(dag_add_task(b, &task), t);
    }
    uint32_t scope = dag_add_scope(b, dag_add_string(b, "main"), 0, 0);
    uint32_t view = dag_add_view(b, &(struct dag_view){.scalar = WK_F64}, NULL);
    for (uint32_t i = 0; i < s->count; i++) {
        for (uint32_t r = 0; r < s->ref_count[i]; r++)
            dag_add_ref(b, (dag_ref)s->refs[i][r] << 32 | view);
        for (uint32_t w = 0; w < s->words[i]; w++)
            dag_add_word(b, i * 1000 + w);
        uint32_t site = dag_add_site(b, &(struct place){"f.wk", i + 1, 1, 1});
        uint32_t codes[2] = {DAG_ARG_REF, i % 5};
        dag_add_node(b, s->task[i], dag_add_pattern(b, codes, 2), site, scope);
    }
    struct error error;
    CHECK_INT(dag_finish(b, dag, &error), 0);
}

/* Old numbers of the nodes that the sink needs, in order. */
static uint32_t naive_needed(const struct sketch *s, uint32_t *olds)
{
    static bool needed[MOST_NODES];
    memset(needed, 0, sizeof needed);
    needed[s->count - 1] = true;
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = 0; i < s->count; i++)
            for (uint32_t r = 0; needed[i] && r < s->ref_count[i]; r++)
                if (s->refs[i][r] < DAG_INPUT && !needed[s->refs[i][r]])
                    changed = needed[s->refs[i][r]] = true;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->count; i++)
        if (needed[i])
            olds[count++] = i;
    return count;
}

static uint32_t new_number(const uint32_t *olds, uint32_t old)
{
    uint32_t i = 0;
    while (olds[i] != old)
        i++;
    return i;
}

static bool has_child(const struct dag *dag, uint32_t node, uint32_t child, uint32_t bit)
{
    uint32_t found = 0;
    for (uint64_t c = dag->nodes[node].first_child; c < dag->nodes[node + 1].first_child; c++)
        found += dag->children[c].node == child && dag->children[c].bit == bit;
    return found == 1;
}

static void check_node(const struct sketch *s, const struct dag *dag, const uint32_t *olds,
                       uint32_t i)
{
    uint32_t old = olds[i], distinct[MOST_REFS], count = 0;
    const dag_ref *refs = dag->refs + dag->nodes[i].first_ref;
    CHECK_INT(dag->sites[dag->nodes[i].site].line, old + 1);
    CHECK_INT(dag->nodes[i].task, s->task[old]);
    CHECK_INT(dag->pattern_codes[dag->patterns[dag->nodes[i].pattern] + 1], old % 5);
    CHECK_INT(dag_ref_count(dag, i), s->ref_count[old]);
    CHECK_INT(dag->nodes[i + 1].first_word - dag->nodes[i].first_word, s->words[old]);
    for (uint32_t w = 0; w < s->words[old]; w++)
        CHECK_INT(dag->words[dag->nodes[i].first_word + w], old * 1000 + w);
    for (uint32_t r = 0; r < s->ref_count[old]; r++) {
        if (!dag_ref_is_node(refs[r])) {
            CHECK_INT(s->refs[old][r], DAG_INPUT);
            continue;
        }
        uint32_t producer = new_number(olds, s->refs[old][r]), d = 0;
        CHECK_INT(dag_ref_source(refs[r]), producer);
        while (d < count && distinct[d] != producer)
            d++;
        if (d == count) {
            distinct[count++] = producer;
            CHECK(has_child(dag, producer, i, d));
        }
    }
    CHECK_INT(dag->nodes[i].producer_count, count);
}

static void check_built(const struct sketch *s, const struct dag *dag)
{
    static uint32_t olds[MOST_NODES];
    uint32_t count = naive_needed(s, olds), parts = 0;
    uint64_t edges = 0;
    CHECK_INT(dag->node_count, count);
    for (uint32_t i = 0; i < count; i++) {
        check_node(s, dag, olds, i);
        CHECK_INT(dag->nodes[i].first_part, parts);
        parts += leaves_of_task[s->task[olds[i]]];
        edges += dag->nodes[i].producer_count;
        for (uint64_t c = dag->nodes[i].first_child + 1; c < dag->nodes[i + 1].first_child; c++)
            CHECK(dag->children[c - 1].node < dag->children[c].node);
    }
    CHECK_INT(dag->part_count, parts);
    CHECK_INT(dag->nodes[count].first_child, edges);
}

/* The cost of the longest path, by walking all paths of a small DAG. */
static uint64_t naive_height(const struct dag *dag, uint32_t node)
{
    uint64_t highest = 0;
    for (uint32_t i = node + 1; i < dag->node_count; i++)
        for (uint64_t r = dag->nodes[i].first_ref; r < dag->nodes[i + 1].first_ref; r++)
            if (dag_ref_source(dag->refs[r]) == node) {
                uint64_t height = naive_height(dag, i);
                highest = height > highest ? height : highest;
            }
    uint64_t cost = dag->tasks[dag->nodes[node].task].cost_ns;
    return highest + (cost ? cost : 1);
}

static void check_preferred(const struct dag *dag, const struct plan *plan, uint32_t node)
{
    uint32_t best = PLAN_NONE;
    for (uint32_t i = node + 1; i < dag->node_count; i++) {
        bool reads = false;
        for (uint64_t r = dag->nodes[i].first_ref; r < dag->nodes[i + 1].first_ref; r++)
            reads |= dag_ref_source(dag->refs[r]) == node;
        if (reads && (best == PLAN_NONE || naive_height(dag, i) > naive_height(dag, best)))
            best = i;
    }
    CHECK_INT(plan->preferred[node], best);
}

static void random_dags_are_built_as_by_hand(void)
{
    static struct sketch s;
    for (int round = 0; round < 300; round++) {
        struct dag dag;
        sketch_random(&s, 1 + random_below(MOST_NODES), 1 + random_below(MOST_REFS));
        build(&s, &dag);
        check_built(&s, &dag);
        dag_release(&dag);
    }
}

static void plans_prefer_the_highest_child(void)
{
    static struct sketch s;
    for (int round = 0; round < 200; round++) {
        struct dag dag;
        struct plan plan;
        struct error error;
        sketch_random(&s, 1 + random_below(12), 3);
        build(&s, &dag);
        CHECK_INT(plan_make(&plan, &dag, NULL, &error), 0);
        uint32_t sources = 0;
        for (uint32_t i = 0; i < dag.node_count; i++) {
            check_preferred(&dag, &plan, i);
            if (dag.nodes[i].producer_count == 0)
                CHECK_INT(plan.sources[sources++], i);
        }
        CHECK_INT(plan.source_count, sources);
        plan_release(&plan);
        dag_release(&dag);
    }
}

/* The levels of a join's records, written out for each width. */
static void joins_have_records_in_levels(void)
{
    static const struct {
        uint32_t producers, records;
    } cases[] = {{0, 0},       {1, 0},       {2, 1},         {64, 1},           {65, 2 + 1},
                 {128, 2 + 1}, {129, 3 + 1}, {4096, 64 + 1}, {4097, 65 + 2 + 1}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct dag_builder *b = dag_builder_new();
        dag_add_task(b, &(struct dag_task){.leaf_count = 1});
        uint32_t pattern = dag_add_pattern(b, NULL, 0);
        uint32_t view = dag_add_view(b, &(struct dag_view){.scalar = WK_F64}, NULL);
        for (uint32_t i = 0; i < cases[c].producers; i++)
            dag_add_node(b, 1, pattern, 0, 0);
        for (uint32_t i = 0; i < cases[c].producers; i++)
            dag_add_ref(b, (dag_ref)i << 32 | view);
        dag_add_node(b, DAG_RESULT, pattern, 0, 0);
        struct dag dag;
        struct plan plan;
        struct error error;
        CHECK_INT(dag_finish(b, &dag, &error), 0);
        CHECK_INT(dag.nodes[dag_sink(&dag)].producer_count, cases[c].producers);
        CHECK_INT(plan_make(&plan, &dag, NULL, &error), 0);
        CHECK_INT(plan.record_count, cases[c].records);
        CHECK_INT(plan.preferred[dag_sink(&dag)], PLAN_NONE);
        plan_release(&plan);
        dag_release(&dag);
    }
}

static void equal_contents_have_one_number(void)
{
    struct dag_builder *b = dag_builder_new();
    uint32_t strings[500], views[500], constants[500], patterns[500];
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 500; i++) {
            char text[16];
            snprintf(text, sizeof text, "s%u", i);
            int64_t words[3] = {i, 0, i};
            double values[2] = {i, 1.5};
            struct dag_view view = {.scalar = WK_F64, .rank = 1, .source_rank = 1};
            struct dag_constant constant = {
                .bytes = 16, .scalar = WK_F64, .rank = 1, .extents = {2}};
            uint32_t codes[2] = {DAG_ARG_WORD, i};
            uint32_t found[4] = {dag_add_string(b, text), dag_add_view(b, &view, words),
                                 dag_add_constant(b, &constant, values),
                                 dag_add_pattern(b, codes, 2)};
            if (round == 0) {
                strings[i] = found[0], views[i] = found[1];
                constants[i] = found[2], patterns[i] = found[3];
            }
            CHECK_INT(found[0], strings[i]);
            CHECK_INT(found[1], views[i]);
            CHECK_INT(found[2], constants[i]);
            CHECK_INT(found[3], patterns[i]);
        }
    }
    for (uint32_t i = 1; i < 500; i++)
        CHECK(strings[i] != strings[i - 1] && views[i] == i && constants[i] == i &&
              patterns[i] == i);
    CHECK(dag_add_view(b, &(struct dag_view){.scalar = WK_F32, .rank = 1, .source_rank = 1},
                       (int64_t[]){3, 0, 3}) == 500);
    dag_builder_free(b);
}

TEST_MAIN(TEST(random_dags_are_built_as_by_hand), TEST(plans_prefer_the_highest_child),
          TEST(joins_have_records_in_levels), TEST(equal_contents_have_one_number))
