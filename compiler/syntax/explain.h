/*
 * From a syntax error to a diagnostic that says what the mistake is.
 */
#ifndef WKC_SYNTAX_EXPLAIN_H
#define WKC_SYNTAX_EXPLAIN_H

#include "syntax/parser_state.h"

enum { EXPECTATION_LIMIT = 6 };

/* What the grammar could have gone on with. */
struct expectation {
    bool value, name, type, block, separator, declaration, colon, assign, comma;
    const char *tokens[EXPECTATION_LIMIT];
    int count; /* of all acceptable tokens; at most EXPECTATION_LIMIT are in `tokens` */
};

/* Reports the token that the filter delivered last, which could not stand where it stands. Called
 * after filter_recover, and may ask for another recovery. */
void explain_syntax_error(struct parser *parser, const struct expectation *expected);

#endif
