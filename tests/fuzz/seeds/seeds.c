/*
 * What the fuzzers of binary forms begin with: flow code and stored graphs of the golden tests'
 * flow IR. They are made for each run, so they are always of today's formats; of others a fuzzer
 * would not get past the first bytes.
 *
 *     seeds FOLDER FILE.flow…
 *
 * writes FOLDER/flow_code/FILE, FOLDER/dag/FILE.dag and FOLDER/dag/FILE.txt.
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "flow/ir.h"
#include "graph/code.h"
#include "graph/dag.h"

static void fail(const char *path, const char *message)
{
    fprintf(stderr, "%s: %s\n", path, message);
    exit(1);
}

static void write_file(const char *path, const struct buffer *bytes)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes->data, 1, bytes->length, file) != bytes->length || fclose(file))
        fail(path, "cannot be written");
}

static void read_file(const char *path, struct buffer *text)
{
    char piece[4096];
    size_t length;
    FILE *file = fopen(path, "rb");
    if (!file)
        fail(path, "cannot be read");
    while ((length = fread(piece, 1, sizeof piece, file)) > 0)
        buffer_append(text, piece, length);
    fclose(file);
}

static void encode_text(const char *path, struct buffer *bytes)
{
    struct arena arena;
    struct type_table types;
    struct error error = {0};
    struct buffer text = {0};
    arena_init(&arena);
    type_table_init(&types, &arena);
    read_file(path, &text);
    struct ir_module *module =
        ir_parse(buffer_text(&text), text.length, path, &arena, &types, &error);
    if (!module)
        fail(path, error.message);
    encode_module(module, bytes);
    buffer_release(&text);
    type_table_release(&types);
    arena_release(&arena);
}

/* Elaborates with small arguments; whether that gives a graph: some programs want others. */
static bool elaborate_small(const struct flow_code *code, struct dag *dag)
{
    struct error error = {0};
    uint32_t count = flow_parameter_count(code);
    struct flow_argument *arguments = memory_new(count, sizeof *arguments);
    for (uint32_t i = 0; i < count; i++)
        arguments[i] = (struct flow_argument){
            .given = !flow_parameter(code, i).has_default, .word = 4, .extents = {4, 4, 4}};
    struct elaborate_options options = {.max_tasks = 2000, .max_steps = 100000};
    bool is_made = elaborate(code, arguments, &options, dag, NULL, &error) == 0;
    free(arguments);
    return is_made;
}

static void write_graph(const char *folder, const char *name, const struct dag *dag)
{
    char path[4096];
    struct error error = {0};
    struct buffer text = {0};
    snprintf(path, sizeof path, "%s/dag/%s.dag", folder, name);
    if (dag_store(dag, path, &error))
        fail(path, error.message);
    snprintf(path, sizeof path, "%s/dag/%s.txt", folder, name);
    dag_print(dag, &text);
    write_file(path, &text);
    buffer_release(&text);
}

static bool write_seeds(const char *folder, const char *source)
{
    char path[4096], name[256];
    struct error error = {0};
    struct buffer bytes = {0};
    struct dag dag;
    snprintf(name, sizeof name, "%s", strrchr(source, '/') ? strrchr(source, '/') + 1 : source);
    name[strcspn(name, ".")] = '\0';
    encode_text(source, &bytes);
    snprintf(path, sizeof path, "%s/flow_code/%s", folder, name);
    write_file(path, &bytes);
    struct flow_code *code = flow_code_load(bytes.data, bytes.length, &error);
    if (!code)
        fail(source, error.message);
    bool is_made = elaborate_small(code, &dag);
    if (is_made) {
        write_graph(folder, name, &dag);
        dag_release(&dag);
    }
    flow_code_free(code);
    buffer_release(&bytes);
    return is_made;
}

int main(int count, char **arguments)
{
    char path[4096];
    int graphs = 0;
    for (int i = 0; count > 1 && i < 3; i++) {
        static const char *const folders[] = {"", "/flow_code", "/dag"};
        snprintf(path, sizeof path, "%s%s", arguments[1], folders[i]);
        mkdir(path, 0777);
    }
    for (int i = 2; i < count; i++)
        graphs += write_seeds(arguments[1], arguments[i]);
    if (graphs < 4)
        fail("seeds", "fewer than four graphs could be made");
    printf("%d files of flow code, %d graphs\n", count - 2, graphs);
    return 0;
}
