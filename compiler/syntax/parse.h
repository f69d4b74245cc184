/*
 * From source text to syntax tree: lexer.l (flex), filter.c (the token filter), parser.y (bison).
 */
#ifndef WKC_SYNTAX_PARSE_H
#define WKC_SYNTAX_PARSE_H

#include "base/intern.h"
#include "syntax/ast.h"

/* Parses a whole source. Mistakes are reported to `diagnostics`, and the tree holds what could be
 * understood around them (ERROR nodes where something could not): callers look at
 * diagnostics->errors before they go on to later stages. Never NULL. The tree lives in `arena`;
 * `source` must outlive it. */
struct ast_module *parse_source(const struct source *source, struct arena *arena,
                                struct interner *names, struct diagnostics *diagnostics);

/* Reads a file of at most 16 MiB as a source named `path` (E1/E7 errors go to `diagnostics`, NULL is
 * returned). The source lives in `arena`. */
struct source *source_read(const char *path, struct arena *arena, struct diagnostics *diagnostics);

/* The words that begin statements, fed to nearest_name: what a name that makes no sense where it
 * stands may be a slip of. */
void nearest_statement_word(const char *name, const char **best);

#endif
