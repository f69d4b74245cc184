/* Tests of passes: text in, text out. Both are verified. */
#ifndef WKC_TESTS_PASS_H
#define WKC_TESTS_PASS_H

#include <stdlib.h>

#include "flow/pass.h"
#include "flow/remark.h"
#include "test.h"

/* ... and the remarks that the pass made, as --remarks prints them; NULL: whatever they are. */
static inline void becomes_saying(void (*pass)(struct ir_module *), const char *before,
                                  const char *after, const char *remarks)
{
    struct arena arena;
    struct type_table types;
    struct error error = {0};
    struct buffer text = {0}, said = {0};
    arena_init(&arena);
    type_table_init(&types, &arena);
    struct ir_module *module = ir_parse(before, strlen(before), "t.flow", &arena, &types, &error);
    CHECK_TEXT(module ? "" : error.message, "");
    if (module) {
        CHECK_TEXT(ir_verify(module, &error) ? error.message : "", "");
        pass(module);
        CHECK_TEXT(ir_verify(module, &error) ? error.message : "", "");
        ir_print(module, &text);
        CHECK_TEXT(buffer_text(&text), after);
        ir_render_remarks(module, DIAGNOSTIC_PLAIN, &said);
        if (remarks)
            CHECK_TEXT(buffer_text(&said), remarks);
    }
    buffer_release(&text);
    buffer_release(&said);
    type_table_release(&types);
    arena_release(&arena);
}

static inline void becomes(void (*pass)(struct ir_module *), const char *before, const char *after)
{
    becomes_saying(pass, before, after, NULL);
}

#endif
