/*
 * What the builders share among themselves; see build.h.
 */
#ifndef WKC_SYNTAX_BUILD_NODE_H
#define WKC_SYNTAX_BUILD_NODE_H

#include "syntax/parser_state.h"

struct ast_expression *build_node(struct parser *parser, enum ast_expression_kind kind,
                                  struct span span);

/* One more than `below`; ends the parse when that is too high. */
uint16_t build_height(struct parser *parser, struct span span, uint32_t below);

/* Reports a tuple of one part; `what` is "value" or "type". */
void refuse_single_tuple(struct parser *parser, struct span span, const char *what);

#endif
