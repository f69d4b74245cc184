/* Tests of passes: text in, text out. Both are verified. */
#ifndef WKC_TESTS_PASS_H
#define WKC_TESTS_PASS_H

#include <stdlib.h>
#include <string.h>

#include "flow/pass.h"
#include "flow/remark.h"
#include "test.h"

/* The module after the pass, and the remarks that it made, as --remarks prints them. What the
 * program is compiled for may be given: NULL, or the target. */
static inline void run_pass(void (*pass)(struct ir_module *), const struct ir_target *target,
                            const char *before, struct buffer *after, struct buffer *remarks)
{
    struct arena arena;
    struct type_table types;
    struct error error = {0};
    arena_init(&arena);
    type_table_init(&types, &arena);
    struct ir_module *module = ir_parse(before, strlen(before), "t.flow", &arena, &types, &error);
    CHECK_TEXT(module ? "" : error.message, "");
    if (module) {
        if (target)
            module->target = *target;
        CHECK_TEXT(ir_verify(module, &error) ? error.message : "", "");
        pass(module);
        CHECK_TEXT(ir_verify(module, &error) ? error.message : "", "");
        ir_print(module, after);
        ir_render_remarks(module, DIAGNOSTIC_PLAIN, remarks);
    }
    type_table_release(&types);
    arena_release(&arena);
}

/* remarks: NULL, whatever they are. */
static inline void becomes_saying(void (*pass)(struct ir_module *), const char *before,
                                  const char *after, const char *remarks)
{
    struct buffer text = {0}, said = {0};
    run_pass(pass, NULL, before, &text, &said);
    CHECK_TEXT(buffer_text(&text), after);
    if (remarks)
        CHECK_TEXT(buffer_text(&said), remarks);
    buffer_release(&text);
    buffer_release(&said);
}

static inline void becomes(void (*pass)(struct ir_module *), const char *before, const char *after)
{
    becomes_saying(pass, before, after, NULL);
}

/* Hashes in symbols become a #. */
static inline void hide_hashes(char *text)
{
    enum { DIGITS = 16 };
    char *to = text;
    for (const char *from = text; *from;) {
        bool is_hash = from[0] == '.' && strspn(from + 1, "0123456789abcdef") == DIGITS;
        *to++ = *from++;
        if (is_hash) {
            *to++ = '#';
            from += DIGITS;
        }
    }
    *to = '\0';
}

#endif
