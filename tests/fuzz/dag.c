/*
 * Fuzzing the readers of DAGs: bytes that begin as a stored graph go through a file, others are
 * text. What is read is valid, can be planned and drawn, and its text reads back as the same.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "graph/dot.h"
#include "graph/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void draw(const struct dag *dag, const struct plan *plan)
{
    struct error error;
    struct buffer out = {0};
    for (enum dot_level level = DOT_TASK; level <= DOT_FLOW; level++)
        dag_write_dot(dag, &(struct dot_options){.level = level, .plan = plan}, &out, &error);
    dag_write_dot_diff(dag, dag, &out, &error);
    buffer_release(&out);
}

static void use(const struct dag *dag)
{
    struct error error;
    struct plan plan;
    struct dag back;
    struct buffer first = {0}, second = {0};
    if (plan_make(&plan, dag, NULL, &error) == 0) {
        draw(dag, &plan);
        plan_release(&plan);
    }
    dag_print(dag, &first);
    if (dag_parse(&back, buffer_text(&first), first.length, &error) == 0) {
        dag_print(&back, &second);
        if (strcmp(buffer_text(&first), buffer_text(&second)) != 0)
            bug("another text:\n%s\n%s", buffer_text(&first), buffer_text(&second));
        dag_release(&back);
    }
    buffer_release(&first);
    buffer_release(&second);
}

static int map_bytes(struct dag *dag, const uint8_t *data, size_t size, struct error *error)
{
    char path[64];
    int file = memfd_create("dag", 0);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        bug("no file in memory");
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int code = dag_map(dag, path, error);
    close(file);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dag dag;
    struct error error;
    bool is_stored = size >= 6 && memcmp(data, "WKCDAG", 6) == 0;
    int code = is_stored ? map_bytes(&dag, data, size, &error)
                         : dag_parse(&dag, (const char *)data, size, &error);
    if (code)
        return 0;
    use(&dag);
    dag_release(&dag);
    return 0;
}
