/*
 * What the tests of compiler/syntax share: parsing a text and looking at what came of it.
 */
#ifndef WKC_TEST_SYNTAX_H
#define WKC_TEST_SYNTAX_H

#include <stdlib.h>

#include "base/buffer.h"
#include "syntax/parse.h"
#include "test.h"

struct parsed {
    struct arena arena;
    struct interner names;
    struct diagnostics diagnostics;
    struct source source;
    struct ast_module *module;
};

static inline void parse_bytes(struct parsed *parsed, const char *text, size_t length)
{
    arena_init(&parsed->arena);
    interner_init(&parsed->names, &parsed->arena);
    diagnostics_init(&parsed->diagnostics);
    parsed->source = (struct source){.name = "test.wk", .text = text, .length = length};
    parsed->module =
        parse_source(&parsed->source, &parsed->arena, &parsed->names, &parsed->diagnostics);
}

static inline void parse_text(struct parsed *parsed, const char *text)
{
    parse_bytes(parsed, text, strlen(text));
}

static inline void parsed_release(struct parsed *parsed)
{
    diagnostics_release(&parsed->diagnostics);
    interner_release(&parsed->names);
    arena_release(&parsed->arena);
}

/* The diagnostics as `wkc check` prints them; valid until the arena goes. */
static inline const char *parsed_diagnostics(struct parsed *parsed)
{
    struct buffer buffer = {0};
    diagnostics_render(&parsed->diagnostics, DIAGNOSTIC_PLAIN, &buffer);
    const char *text = arena_text(&parsed->arena, buffer_text(&buffer), buffer.length);
    buffer_release(&buffer);
    return text;
}

/* The tree as text; valid until the arena goes. */
static inline const char *parsed_tree(struct parsed *parsed)
{
    struct buffer buffer = {0};
    ast_print(parsed->module, &buffer);
    const char *text = arena_text(&parsed->arena, buffer_text(&buffer), buffer.length);
    buffer_release(&buffer);
    return text;
}

#endif
