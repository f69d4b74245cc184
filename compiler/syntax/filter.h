/*
 * The token filter between the lexer and the grammar. It alone knows what needs more than the next
 * token to decide:
 *
 *     - where a newline ends a statement (TOKEN_SEPARATOR),
 *     - which `{` opens a block and which a literal,
 *     - whether an `if` or `for` is a statement, an operand, or part of a comprehension,
 *     - which `///` comments belong to a declaration,
 *     - where an unclosed bracket was opened, and where to go on after it.
 *
 * It keeps a stack of open brackets, a stack of heads that wait for their block (`if`, `while`,
 * `for`, `else`, `task`, `flow`, `struct`), and the previous token.
 */
#ifndef WKC_SYNTAX_FILTER_H
#define WKC_SYNTAX_FILTER_H

#include "base/diagnostic.h"

struct parser;
struct filter;
union SYNTAX_STYPE;

struct filter *filter_new(struct parser *parser);
void filter_free(struct filter *filter);

/* The next token for the grammar: its kind, with value and span filled. */
int filter_next(struct filter *filter, union SYNTAX_STYPE *value, struct span *span);

/* After a syntax error at the token delivered last: skips to the end of the statement, field or
 * declaration around it. The next token delivered is TOKEN_SYNC. */
void filter_recover(struct filter *filter);

/* The same when the block that the error stands in was meant as a struct literal in the head of an
 * `if`, `while` or `for`: the whole statement is skipped. */
void filter_recover_head(struct filter *filter);

/* The same when a bracket of the statement is unclosed: what the token delivered last begins is
 * read as a statement of its own. */
void filter_recover_unclosed(struct filter *filter);

/* Says that a block's `{` is missing, so that there may be a `}` too many. */
void filter_expect_closing(struct filter *filter);

#endif
