/* A bundle by itself; see here.h. */
#include "lambda/here.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diagnostic.h"
#include "base/memory.h"
#include "bundle/bundle.h"
#include "graph/code.h"
#include "graph/plan.h"
#include "value/blas.h"
#include "value/json.h"
#include "value/semantics.h"
#include "value/string.h"
#include "world/world.h"

struct here {
    struct bundle bundle;
    bool is_open;
    struct buffer code_bytes;
    struct flow_code *code;
    void *kernels; /* of dlopen; NULL when the program has no tasks */
    struct flow_argument *arguments;
    struct dag dag;
    struct plan plan;
    wk_kernel **kernel_table, **fallback_table;
};

static int here_open(struct here *here, const char *folder, struct error *error)
{
    int code = bundle_open(&here->bundle, folder, error);
    here->is_open = code == 0;
    if (code == 0)
        code = bundle_read(&here->bundle, BUNDLE_FLOW_CODE, &here->code_bytes, error);
    if (code)
        return code;
    here->code = flow_code_load(here->code_bytes.data, here->code_bytes.length, error);
    return here->code ? bundle_load_kernels(&here->bundle, &here->kernels, error)
                      : (int)error->code;
}

/* Prints the error of a code other than 0, and closes all. Places are texts of flow code and
 * kernels, so they are shown before these are unloaded. */
static int here_end(struct here *here, int code, const struct error *error)
{
    struct diagnostics diagnostics;
    struct buffer text = {0};
    diagnostics_init(&diagnostics);
    if (code)
        diagnose_error(&diagnostics, error, NULL);
    diagnostics_render(&diagnostics, DIAGNOSTIC_PLAIN, &text);
    fputs(buffer_text(&text), stderr);
    buffer_release(&text);
    diagnostics_release(&diagnostics);
    free(here->kernel_table);
    free(here->fallback_table);
    plan_release(&here->plan);
    dag_release(&here->dag);
    free(here->arguments);
    if (here->kernels)
        dlclose(here->kernels);
    flow_code_free(here->code);
    buffer_release(&here->code_bytes);
    if (here->is_open)
        bundle_close(&here->bundle);
    return code ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int find_kernel(const struct here *here, const char *symbol, wk_kernel **kernel,
                       struct error *error)
{
    struct buffer name = {0};
    buffer_printf(&name, "wk_task_%s", symbol);
    void *found = here->kernels ? dlsym(here->kernels, name.data) : NULL;
    buffer_release(&name);
    memcpy(kernel, &found, sizeof *kernel); /* ISO C has no cast from data to functions */
    return found ? 0
                 : error_set(error, ERR_bad_bundle, "'%s' is damaged: " BUNDLE_KERNELS " lacks %s",
                             here->bundle.path, symbol);
}

/* ---- Checking ----------------------------------------------------------------------------------
 */

static int check_all(const struct here *here, struct error *error)
{
    wk_kernel *kernel;
    int code = bundle_check(&here->bundle, error);
    for (uint32_t i = 0; i < flow_kernel_count(here->code) && !code; i++)
        code = find_kernel(here, flow_kernel_symbol(here->code, i), &kernel, error);
    return code == 0 && here->bundle.manifest.linear_algebra ? blas_open(error) : code;
}

int here_check(const char *folder)
{
    struct here here = {0};
    struct error error;
    int code = here_open(&here, folder, &error);
    if (code == 0)
        code = check_all(&here, &error);
    if (code == 0)
        printf("%s for %s, by wkc %s: %zu files are whole, and its kernels can be loaded\n",
               here.bundle.manifest.program, here.bundle.manifest.target,
               here.bundle.manifest.compiler, here.bundle.manifest.files.count);
    return here_end(&here, code, &error);
}

/* ---- Running -----------------------------------------------------------------------------------
 */

static int bind_text(struct flow_argument *argument, const char *value, struct error *error)
{
    argument->text = value;
    argument->length = strlen(value);
    return string_check(value, argument->length) == argument->length
               ? 0
               : error_set(error, ERR_bad_parameter, "a str is UTF-8, and this text is not");
}

static int bind_one(struct here *here, const char *text, struct error *error)
{
    size_t length = strcspn(text, "=");
    for (uint32_t i = 0; i < flow_parameter_count(here->code) && text[length]; i++) {
        struct flow_parameter parameter = flow_parameter(here->code, i);
        struct flow_argument *argument = &here->arguments[i];
        if (strlen(parameter.name) != length || strncmp(parameter.name, text, length) != 0)
            continue;
        argument->given = true;
        if (parameter.type->kind == TYPE_STRING)
            return bind_text(argument, text + length + 1, error);
        if (type_is_scalar(parameter.type))
            return semantics_read(parameter.type->scalar, text + length + 1, &argument->word,
                                  error);
        error_set(error, ERR_bad_parameter, "'%s' is neither a number nor a text", parameter.name);
        return error_hint(error, "wkc run takes it");
    }
    error_set(error, ERR_unknown_parameter, "'%s' binds no parameter of main", text);
    return error_hint(error, "parameters are given as name=value; wkc inspect lists them");
}

static int bind(struct here *here, char *const *arguments, int count, struct error *error)
{
    uint32_t parameters = flow_parameter_count(here->code);
    here->arguments = memory_new(parameters, sizeof *here->arguments);
    for (int i = 0; i < count; i++)
        if (bind_one(here, arguments[i], error))
            return (int)error->code;
    for (uint32_t i = 0; i < parameters; i++)
        if (!here->arguments[i].given && !flow_parameter(here->code, i).has_default)
            return error_set(error, ERR_missing_parameter, "main's parameter '%s' has no value",
                             flow_parameter(here->code, i).name);
    return 0;
}

static int find_kernels(struct here *here, struct error *error)
{
    const struct dag *dag = &here->dag;
    here->kernel_table = memory_new(dag->task_count, sizeof(wk_kernel *));
    here->fallback_table = memory_new(dag->task_count, sizeof(wk_kernel *));
    int code = 0;
    for (uint32_t i = DAG_RESULT + 1; i < dag->task_count && !code; i++) {
        code =
            find_kernel(here, dag_string(dag, dag->tasks[i].symbol), &here->kernel_table[i], error);
        if (!code && dag->tasks[i].fallback)
            code = find_kernel(here, dag_string(dag, dag->tasks[i].fallback),
                               &here->fallback_table[i], error);
    }
    return code;
}

static int run_plan(struct here *here, struct error *error)
{
    struct job job = {.plan = &here->plan,
                      .kernels = here->kernel_table,
                      .fallbacks = here->fallback_table,
                      .result_type = flow_result_type(here->code)};
    struct job_options options = {0};
    struct job_outcome outcome = {0};
    struct buffer text = {0};
    int code = local_run(&job, &options, &outcome, error);
    if (code == 0) {
        json_print(job.result_type, outcome.words, &text);
        puts(buffer_text(&text));
    }
    buffer_release(&text);
    if (outcome.release)
        outcome.release(&outcome);
    return code;
}

int here_run(const char *folder, char *const *arguments, int count)
{
    struct here here = {0};
    struct error error;
    struct elaborate_options options = {0};
    int code = here_open(&here, folder, &error);
    if (code == 0)
        code = bind(&here, arguments, count, &error);
    if (code == 0)
        code = elaborate(here.code, here.arguments, &options, &here.dag, NULL, &error);
    if (code == 0)
        code = plan_make(&here.plan, &here.dag, NULL, &error);
    if (code == 0)
        code = find_kernels(&here, &error);
    if (code == 0)
        code = run_plan(&here, &error);
    return here_end(&here, code, &error);
}
