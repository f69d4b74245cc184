/*
 * Fuzzing the reader and the verifier of flow IR: any bytes. What is read is printed, and read
 * again, which must give the same text; what is well-formed goes through all passes and stays so.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "flow/ir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct ir_module *module, struct arena *arena,
                             struct type_table *types)
{
    struct buffer first = {0}, second = {0};
    struct error error;
    ir_print(module, &first);
    struct ir_module *again = ir_parse(first.data, first.length, "again", arena, types, &error);
    if (!again)
        bug("line %u of what was printed is not read: %s", error.place.line, error.message);
    ir_print(again, &second);
    if (first.length != second.length || memcmp(first.data, second.data, first.length) != 0)
        bug("what was read is printed differently:\n%s\n%s", first.data, second.data);
    buffer_release(&first);
    buffer_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct type_table types;
    struct error error;
    arena_init(&arena);
    type_table_init(&types, &arena);
    struct ir_module *module = ir_parse((const char *)data, size, "fuzz", &arena, &types, &error);
    if (module)
        check_round_trip(module, &arena, &types);
    if (module && !ir_verify(module, &error)) {
        struct ir_pass_options options = {.level = 2, .verify_each = true};
        struct buffer code = {0};
        if (ir_run_passes(module, &options, &error))
            bug("%s", error.message);
        encode_module(module, &code);
        buffer_release(&code);
    }
    type_table_release(&types);
    arena_release(&arena);
    return 0;
}
