/*
 * The lexer: bytes to raw tokens. Blanks, newlines and ordinary comments become flags of the token
 * that follows them. Lexical mistakes are reported here; the token returned in their place is one
 * of the intended kind, so that the mistake stays the only one.
 */
#ifndef WKC_SYNTAX_LEXER_H
#define WKC_SYNTAX_LEXER_H

#include "syntax/parser_state.h"
#include "syntax/token.h"

struct lexer {
    void *scanner; /* flex's state */
    struct parser *parser;
    char *text;                              /* flex's copy of the source */
    bool newline, blank_line, fresh_newline; /* of the blanks before the next token */
};

void lexer_init(struct lexer *lexer, struct parser *parser);
void lexer_release(struct lexer *lexer);

/* The next raw token; TOKEN_END at the end, again and again. */
struct token lexer_next(struct lexer *lexer);

#endif
