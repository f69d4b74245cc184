/*
 * Fuzzing the parser: any bytes give a tree and diagnostics, never a crash or a hang, and what the
 * printer prints ends. A source without a diagnostic has no ERROR nodes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "syntax/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tree(const struct ast_module *module, const struct diagnostics *diagnostics)
{
    struct buffer tree = {0}, messages = {0};
    ast_print(module, &tree);
    diagnostics_render(diagnostics, DIAGNOSTIC_PLAIN, &messages);
    /* No name is written so: what is printed of a tree without errors has none of these. */
    if (diagnostics->errors == 0 && strstr(buffer_text(&tree), "<error>\n"))
        bug("an ERROR node without a diagnostic:\n%s", buffer_text(&tree));
    buffer_release(&tree);
    buffer_release(&messages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct interner names;
    struct diagnostics diagnostics;
    arena_init(&arena);
    interner_init(&names, &arena);
    diagnostics_init(&diagnostics);
    /* The source ends where its memory ends, so that reading past it is noticed. */
    char *text = memory_new(size + 1, 1);
    if (size)
        memcpy(text, data, size);
    const struct source source = {.name = "fuzz.wk", .text = text, .length = size};
    check_tree(parse_source(&source, &arena, &names, &diagnostics), &diagnostics);
    free(text);
    diagnostics_release(&diagnostics);
    interner_release(&names);
    arena_release(&arena);
    return 0;
}
