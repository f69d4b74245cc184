/*
 * Reading numbers, strings and characters. Each function gets the text as the lexer matched it,
 * fills `value`, reports what is wrong with the literal, and returns the token's kind.
 */
#ifndef WKC_SYNTAX_LITERAL_H
#define WKC_SYNTAX_LITERAL_H

#include "syntax/parser_state.h"
#include "syntax/token.h"

int literal_number(struct parser *parser, const char *text, size_t length, struct span span,
                   union SYNTAX_STYPE *value);
/* The digits of `.0`. */
int literal_part(const char *digits, size_t length, union SYNTAX_STYPE *value);
int literal_string(struct parser *parser, const char *text, size_t length, struct span span,
                   union SYNTAX_STYPE *value);
int literal_character(struct parser *parser, const char *text, size_t length, struct span span,
                      union SYNTAX_STYPE *value);

#endif
