/*
 * Checks a program that is given as text.
 */
#ifndef WKC_TEST_CHECK_PROGRAM_H
#define WKC_TEST_CHECK_PROGRAM_H

#include "check/check.h"
#include "syntax/parse.h"
#include "test.h"

struct checked {
    struct arena arena;
    struct interner names;
    struct type_table types;
    struct diagnostics diagnostics;
    struct source source;
    struct typed_program *program; /* NULL after mistakes */
};

static inline void checked_init(struct checked *checked, const char *text, bool needs_main)
{
    arena_init(&checked->arena);
    interner_init(&checked->names, &checked->arena);
    type_table_init(&checked->types, &checked->arena);
    diagnostics_init(&checked->diagnostics);
    checked->source = (struct source){.name = "test.wk", .text = text, .length = strlen(text)};
    struct ast_module *module =
        parse_source(&checked->source, &checked->arena, &checked->names, &checked->diagnostics);
    checked->program = check_module(module, needs_main, &checked->arena, &checked->types,
                                    &checked->names, &checked->diagnostics);
}

static inline void checked_release(struct checked *checked)
{
    diagnostics_release(&checked->diagnostics);
    type_table_release(&checked->types);
    interner_release(&checked->names);
    arena_release(&checked->arena);
}

static inline struct typed_function *checked_function(const struct checked *checked,
                                                      const char *symbol)
{
    for (uint32_t i = 0; checked->program && i < checked->program->function_count; i++)
        if (strcmp(checked->program->functions[i]->symbol, symbol) == 0)
            return checked->program->functions[i];
    return NULL;
}

/* The value of `task NAME(...) -> T { return CONSTANT }`. */
static inline uint64_t checked_constant(const struct checked *checked, const char *symbol)
{
    const struct typed_function *f = checked_function(checked, symbol);
    if (!f || f->body.count != 1 || f->body.statements[0]->value->kind != TYPED_CONSTANT)
        return 0xDEADBEEF;
    return f->body.statements[0]->value->word;
}

#endif
