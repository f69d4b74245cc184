/*
 * From a syntax error to a diagnostic that says what the mistake is.
 */
#ifndef WKC_SYNTAX_EXPLAIN_H
#define WKC_SYNTAX_EXPLAIN_H

#include "syntax/parser_state.h"

enum { EXPECTATION_LIMIT = 4 };

/* What the grammar could have gone on with. A type and a name are values to the grammar as well:
 * `type` says that a type was possible, `value` that an expression was. */
struct expectation {
    bool value, name, type, block, separator, operator;
    const char *tokens[EXPECTATION_LIMIT];
    int count; /* of all acceptable tokens; at most EXPECTATION_LIMIT are in `tokens` */
};

/* Reports the unexpected token at `span`, which is the one that the filter delivered last. */
void explain_syntax_error(struct parser *parser, struct span span,
                          const struct expectation *expected);

#endif
