/*
 * Fuzzing flow code: bytes that load are elaborated under small limits, and end in a graph that is
 * valid or in an error; anything else is refused by the loader.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "graph/code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void elaborate_all(const struct flow_code *code)
{
    struct error error;
    struct dag dag;
    uint32_t count = flow_parameter_count(code);
    struct flow_argument *arguments = memory_new(count, sizeof *arguments);
    for (uint32_t i = 0; i < count; i++) {
        arguments[i].given = !flow_parameter(code, i).has_default;
        arguments[i].word = i + 2;
        for (int d = 0; d < WK_MAX_RANK; d++)
            arguments[i].extents[d] = d + 2;
    }
    struct elaborate_options options = {.max_tasks = 1000, .max_steps = 20000};
    if (elaborate(code, arguments, &options, &dag, NULL, &error) == 0) {
        if (dag_verify(&dag, &error))
            bug("an invalid graph: %s", error.message);
        dag_release(&dag);
    }
    free(arguments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct flow_code *code = flow_code_load(data, size, &error);
    if (code)
        elaborate_all(code);
    flow_code_free(code);
    return 0;
}
