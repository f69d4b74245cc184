/*
 * Flow IR as text, encoded, loaded and elaborated: the graphs that come out, against what the program
 * says, computed here in another way.
 */
#include <stdlib.h>

#include "check/messages.h"
#include "flow/ir.h"
#include "graph/code.h"
#include "test.h"

static struct arena arena;
static struct type_table types;

/* Elaborates a module's text; parameters are words, or extents of rank 2 when `extents` is given. */
struct job {
    const char *text;
    uint64_t words[4];
    int64_t extents[4][2];
    uint64_t max_tasks, max_steps;
    struct dag dag;
    struct elaborate_counters counters;
    struct error error;
    int code;
};

static struct flow_code *load(const char *text, struct buffer *bytes, struct error *error)
{
    arena_init(&arena);
    type_table_init(&types, &arena);
    struct ir_module *module = ir_parse(text, strlen(text), "test.flow", &arena, &types, error);
    if (!module)
        fprintf(stderr, "%u:%u: %s\n", error->place.line, error->place.column, error->message);
    CHECK(module != NULL);
    struct flow_code *code = NULL;
    if (module) {
        encode_module(module, bytes);
        code = flow_code_load(bytes->data, bytes->length, error);
        CHECK_TEXT(code ? "" : error->message, "");
    }
    type_table_release(&types);
    arena_release(&arena);
    return code;
}

static void run(struct job *job)
{
    struct buffer bytes = {0};
    struct flow_code *code = load(job->text, &bytes, &job->error);
    job->code = -1;
    if (code) {
        struct flow_argument arguments[4] = {0};
        for (uint32_t i = 0; i < flow_parameter_count(code); i++) {
            arguments[i].given = !flow_parameter(code, i).has_default || job->words[i];
            arguments[i].word = job->words[i];
            memcpy(arguments[i].extents, job->extents[i], sizeof job->extents[i]);
        }
        struct elaborate_options options = {.max_tasks = job->max_tasks,
                                            .max_steps = job->max_steps};
        memset(&job->error, 0, sizeof job->error);
        job->code = elaborate(code, arguments, &options, &job->dag, &job->counters, &job->error);
        CHECK_TEXT(job->code ? "failed" : job->error.message, job->code ? "failed" : "");
    }
    flow_code_free(code);
    buffer_release(&bytes);
}

static uint32_t code_of(const struct dag *dag, uint32_t node, uint32_t argument)
{
    return dag->pattern_codes[dag->patterns[dag->nodes[node].pattern] + argument];
}
static dag_ref ref_of(const struct dag *dag, uint32_t node, uint32_t ref)
{
    return dag->refs[dag->nodes[node].first_ref + ref];
}
static uint64_t word_of(const struct dag *dag, uint32_t node, uint32_t word)
{
    return dag->words[dag->nodes[node].first_word + word];
}
static const char *task_of(const struct dag *dag, uint32_t node)
{
    return dag_string(dag, dag->tasks[dag->nodes[node].task].name);
}

#define HARMONIC(reduction)                                                                        \
    "module \"harmonic.wk\"\n"                                                                     \
    "kernel @partial \"partial\" (i: i64, width: i64) -> f64\n"                                    \
    "kernel @add \"add\" (a: f64, b: f64) -> f64\n"                                                \
    "parameter parts: i64\n"                                                                       \
    "parameter width: i64 = @main.default1\n"                                                      \
    "entry @main -> f64\n"                                                                         \
    "flow @main \"main\" -> (?f64) {\n"                                                            \
    "b0(%0: i64, %1: i64):\n"                                                                      \
    "    %2: {1}?f64 = each.1 @main.each1 %0, %1\n"                                                \
    "    %3: i64 = constant 2\n"                                                                   \
    "    %4: i64 = constant 1\n" reduction "    return %5\n"                                       \
    "}\n"                                                                                          \
    "function @main.default1 \"main\" -> (i64) {\n"                                                \
    "b0(%0: i64):\n"                                                                               \
    "    %1: i64 = constant 50\n"                                                                  \
    "    %2: i64 = add %0, %1\n"                                                                   \
    "    return %2\n"                                                                              \
    "}\n"                                                                                          \
    "function @main.each1 \"main\" -> (?f64) {\n"                                                  \
    "b0(%0: i64, %1: i64):\n"                                                                      \
    "    %2: ?f64 = call @partial %0, %1\n"                                                        \
    "    return %2\n"                                                                              \
    "}\n"                                                                                          \
    "function @main.reduce1 \"main\" -> (?f64) {\n"                                                \
    "b0(%0: ?f64, %1: ?f64):\n"                                                                    \
    "    %2: ?f64 = call @add %0, %1\n"                                                            \
    "    return %2\n"                                                                              \
    "}\n"

static void harmonic_is_a_tree(void)
{
    struct job job = {.text = HARMONIC("    %5: ?f64 = reduce @main.reduce1 %3, %4, %2\n"),
                      .words = {4}};
    run(&job);
    CHECK_INT(job.code, 0);
    const struct dag *dag = &job.dag;
    CHECK_INT(dag->node_count, 4 + 3 + 1);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_TEXT(task_of(dag, i), "partial");
        CHECK_INT(word_of(dag, i, 0), i);
        CHECK_INT(word_of(dag, i, 1), 54);
    }
    CHECK_TEXT(task_of(dag, 4), "add");
    CHECK_INT(dag_ref_source(ref_of(dag, 4, 0)), 0);
    CHECK_INT(dag_ref_source(ref_of(dag, 4, 1)), 1);
    CHECK_INT(dag_ref_source(ref_of(dag, 6, 0)), 4);
    CHECK_INT(dag_ref_source(ref_of(dag, 6, 1)), 5);
    CHECK_INT(dag_ref_source(ref_of(dag, 7, 0)), 6);
    CHECK_INT(code_of(dag, 7, 0), DAG_ARG_REF);
    CHECK_INT(dag->nodes[7].task, DAG_RESULT);
    dag_release(&job.dag);
}

TEST_MAIN(TEST(harmonic_is_a_tree))
