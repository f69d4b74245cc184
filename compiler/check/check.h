/*
 * The checker: from the syntax tree to the typed tree.
 */
#ifndef WKC_CHECK_CHECK_H
#define WKC_CHECK_CHECK_H

#include "check/typed.h"
#include "syntax/program.h"

/* Checks a program, its modules included: names, types, dimensions, levels. Mistakes go to
 * `diagnostics`; then NULL is returned. With `needs_main`, a file without flow main is a mistake. The
 * result lives in `arena`. */
struct typed_program *check_program(const struct ast_program *program, bool needs_main,
                                    struct arena *arena, struct type_table *types,
                                    struct interner *names, struct diagnostics *diagnostics);
/* The same for one file that uses no modules. */
struct typed_program *check_module(struct ast_module *module, bool needs_main, struct arena *arena,
                                   struct type_table *types, struct interner *names,
                                   struct diagnostics *diagnostics);

#endif
