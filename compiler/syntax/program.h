/*
 * A program's files: the one that is named, and the modules that it uses, directly or not.
 */
#ifndef WKC_SYNTAX_PROGRAM_H
#define WKC_SYNTAX_PROGRAM_H

#include "syntax/parse.h"

struct ast_program {
    struct ast_module **modules; /* each after those that it uses: the named file is the last */
    uint32_t count;
};

/* Parses a source and the modules that it uses. `use name` is name.wk in the folder of the file
 * that says so, else in the library's. Mistakes are reported to `diagnostics`: modules that are
 * missing or use each other in a circle, and all of parse_source. Never NULL. Everything lives in
 * `arena`. */
struct ast_program *program_parse(const struct source *source, struct arena *arena,
                                  struct interner *names, struct diagnostics *diagnostics);

/* The file of a module as a program in the current folder would find it; in `arena`, or NULL.
 * *nearest is then a module of a similar name, or NULL. */
const char *program_find_module(const char *name, struct arena *arena, const char **nearest);

/* The folder of the library: $WKC_STDLIB, else beside the program. To be freed. */
char *program_library_folder(void);

#endif
