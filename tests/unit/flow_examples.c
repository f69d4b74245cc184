/* Every example, in every form: what is printed can be read back, verifies, and prints the same. */
#include <dirent.h>

#include "check/check.h"
#include "flow/ir.h"
#include "graph/code.h"
#include "syntax/parse.h"
#include "syntax/program.h"
#include "test.h"

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Calls `visit` for each .wk file of a folder, in the order of names. */
static int each_program(const char *folder, void (*visit)(const char *path))
{
    char *names[256];
    int count = 0;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        size_t length = strlen(entry->d_name);
        if (length > 3 && strcmp(entry->d_name + length - 3, ".wk") == 0 && count < 256)
            names[count++] = strdup(entry->d_name);
    }
    if (directory)
        closedir(directory);
    qsort(names, (size_t)count, sizeof *names, compare_names);
    for (int i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        visit(path);
        free(names[i]);
    }
    return count;
}

static void check_flow_text(struct ir_module *module, const char *path, struct arena *arena,
                            struct type_table *types)
{
    struct buffer first = {0}, second = {0};
    struct error error = {0};
    if (ir_verify(module, &error))
        fprintf(stderr, "%s: %s\n", path, error.message);
    CHECK_INT(error.code, 0);
    ir_print(module, &first);
    struct ir_module *again =
        ir_parse(buffer_text(&first), first.length, path, arena, types, &error);
    if (!again)
        fprintf(stderr, "%s:%u: %s\n", path, error.place.line, error.message);
    CHECK(again != NULL);
    if (again) {
        CHECK_INT(ir_verify(again, &error), 0);
        ir_print(again, &second);
        CHECK_TEXT(buffer_text(&second), buffer_text(&first));
    }
    buffer_release(&first);
    buffer_release(&second);
}

static void check_dag_text(const struct dag *dag, const char *path)
{
    struct buffer first = {0}, second = {0};
    struct dag again;
    struct error error = {0};
    if (dag_verify(dag, &error))
        fprintf(stderr, "%s: %s\n", path, error.message);
    CHECK_INT(error.code, 0);
    dag_print(dag, &first);
    int code = dag_parse(&again, buffer_text(&first), first.length, &error);
    if (code)
        fprintf(stderr, "%s:%u: %s\n", path, error.place.line, error.message);
    CHECK_INT(code, 0);
    if (!code) {
        dag_print(&again, &second);
        CHECK_TEXT(buffer_text(&second), buffer_text(&first));
        dag_release(&again);
    }
    buffer_release(&first);
    buffer_release(&second);
}

enum { EXTENT = 60, FILE_BYTES = 1000 };

/* Parameters without a default: 60 elements in each dimension, or files; small numbers and texts.
 */
static void elaborate_and_check(struct flow_code *code, const char *path)
{
    struct flow_argument arguments[32] = {0};
    struct flow_file files[EXTENT];
    uint64_t numbers[EXTENT];
    for (uint32_t i = 0; i < EXTENT; i++) {
        files[i] = (struct flow_file){.name = "file", .size = FILE_BYTES};
        numbers[i] = i;
    }
    for (uint32_t i = 0; i < flow_parameter_count(code) && i < 32; i++) {
        struct flow_parameter parameter = flow_parameter(code, i);
        bool is_array = parameter.type->kind == TYPE_ARRAY;
        arguments[i].given = is_array || !parameter.has_default;
        arguments[i].word = 5;
        for (int d = 0; d < WK_MAX_RANK; d++)
            arguments[i].extents[d] = EXTENT;
        arguments[i].words = numbers;
        arguments[i].text = "text";
        arguments[i].length = 4;
    }
    struct dag dag;
    struct elaborate_options options = {.files = files, .file_count = EXTENT};
    struct elaborate_counters counters;
    struct error error = {0};
    if (elaborate(code, arguments, &options, &dag, &counters, &error)) {
        fprintf(stderr, "%s: %s\n", path, error.message);
        CHECK(!"elaborated");
        return;
    }
    check_dag_text(&dag, path);
    dag_release(&dag);
}

static void check_example(const char *path)
{
    struct arena arena;
    struct interner names;
    struct type_table types;
    struct diagnostics diagnostics;
    arena_init(&arena);
    interner_init(&names, &arena);
    type_table_init(&types, &arena);
    diagnostics_init(&diagnostics);
    struct source *source = source_read(path, &arena, &diagnostics);
    const struct ast_program *ast =
        source ? program_parse(source, &arena, &names, &diagnostics) : NULL;
    struct typed_program *program =
        ast ? check_program(ast, true, &arena, &types, &names, &diagnostics) : NULL;
    if (!program) {
        struct buffer text = {0};
        diagnostics_render(&diagnostics, DIAGNOSTIC_PLAIN, &text);
        fputs(buffer_text(&text), stderr);
        buffer_release(&text);
        CHECK(program != NULL);
    } else {
        struct ir_module *module = lower_program(program, &arena);
        check_flow_text(module, path, &arena, &types);
        struct error error = {0};
        struct ir_pass_options options = {.level = 2, .verify_each = true};
        CHECK_INT(ir_run_passes(module, &options, &error), 0);
        check_flow_text(module, path, &arena, &types);
        struct buffer bytes = {0};
        encode_module(module, &bytes);
        struct flow_code *code = flow_code_load(bytes.data, bytes.length, &error);
        CHECK(code != NULL);
        if (code)
            elaborate_and_check(code, path);
        flow_code_free(code);
        buffer_release(&bytes);
    }
    diagnostics_release(&diagnostics);
    type_table_release(&types);
    interner_release(&names);
    arena_release(&arena);
}

static void every_example_reads_back(void)
{
    CHECK(each_program("examples", check_example) >= 8);
}

static void every_golden_reads_back(void)
{
    CHECK(each_program("tests/golden/flow", check_example) >= 1);
}

TEST_MAIN(TEST(every_example_reads_back), TEST(every_golden_reads_back))
