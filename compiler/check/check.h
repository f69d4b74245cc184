/*
 * The checker: from the syntax tree to the typed tree.
 */
#ifndef WKC_CHECK_CHECK_H
#define WKC_CHECK_CHECK_H

#include "check/typed.h"
#include "syntax/ast.h"

/* Checks a module: names, types, dimensions, levels. Mistakes go to `diagnostics`; then NULL is
 * returned. With `needs_main`, a file without flow main is a mistake. The program lives in `arena`. */
struct typed_program *check_module(const struct ast_module *module, bool needs_main,
                                   struct arena *arena, struct type_table *types,
                                   struct interner *names, struct diagnostics *diagnostics);

#endif
