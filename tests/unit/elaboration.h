/*
 * For tests of elaboration: flow IR as text is encoded, loaded and elaborated.
 */
#ifndef WKC_TEST_ELABORATION_H
#define WKC_TEST_ELABORATION_H

#include <stdlib.h>

#include "flow/ir.h"
#include "graph/code.h"
#include "test.h"

/* Elaborates a module's text; parameters are words, or extents of rank 2 when `extents` is given.
 */
struct job {
    const char *text;
    uint64_t words[4];
    int64_t extents[4][2];
    uint64_t max_tasks, max_steps;
    bool opens_result;
    struct dag dag;
    struct elaborate_counters counters;
    struct error error;
    int code;
    char file[32]; /* of the error's place, which is text of the code */
};

static inline struct flow_code *load(const char *text, struct buffer *bytes, struct error *error)
{
    struct arena arena;
    struct type_table types;
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

/* Every graph is valid, and its text reads back as the same. */
static inline void check_graph(const struct dag *dag)
{
    struct error error = {0};
    struct buffer first = {0}, second = {0};
    struct dag back;
    CHECK_TEXT(dag_verify(dag, &error) ? error.message : "", "");
    dag_print(dag, &first);
    if (dag_parse(&back, buffer_text(&first), first.length, &error)) {
        CHECK_TEXT(error.message, buffer_text(&first));
    } else {
        dag_print(&back, &second);
        CHECK_TEXT(buffer_text(&second), buffer_text(&first));
        CHECK_INT(back.part_count, dag->part_count);
        dag_release(&back);
    }
    buffer_release(&first);
    buffer_release(&second);
}

static inline void run(struct job *job)
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
                                            .max_steps = job->max_steps,
                                            .opens_result = job->opens_result};
        memset(&job->error, 0, sizeof job->error);
        job->code = elaborate(code, arguments, &options, &job->dag, &job->counters, &job->error);
        CHECK_TEXT(job->code ? "failed" : job->error.message, job->code ? "failed" : "");
        if (!job->code)
            check_graph(&job->dag);
    }
    snprintf(job->file, sizeof job->file, "%s", job->error.place.file ? job->error.place.file : "");
    flow_code_free(code);
    buffer_release(&bytes);
}

static inline uint32_t code_of(const struct dag *dag, uint32_t node, uint32_t argument)
{
    return dag->pattern_codes[dag->patterns[dag->nodes[node].pattern] + argument];
}
static inline dag_ref ref_of(const struct dag *dag, uint32_t node, uint32_t ref)
{
    return dag->refs[dag->nodes[node].first_ref + ref];
}
static inline uint64_t word_of(const struct dag *dag, uint32_t node, uint32_t word)
{
    return dag->words[dag->nodes[node].first_word + word];
}
static inline const char *task_of(const struct dag *dag, uint32_t node)
{
    return dag_string(dag, dag->tasks[dag->nodes[node].task].name);
}

#endif
