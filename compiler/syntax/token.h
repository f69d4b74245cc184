/*
 * Tokens, as they pass from the lexer through the filter to the grammar. The kinds are bison's
 * (parser.y).
 */
#ifndef WKC_SYNTAX_TOKEN_H
#define WKC_SYNTAX_TOKEN_H

#include "syntax/parser.h"

struct token {
    int kind;        /* enum syntax_tokentype */
    bool newline;    /* the first token on its line */
    bool blank_line; /* an empty line stands before it */
    struct span span;
    union SYNTAX_STYPE value;
};

#endif
