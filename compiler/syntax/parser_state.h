/*
 * What lexer, token filter and grammar share during one parse. Private to compiler/syntax.
 */
#ifndef WKC_SYNTAX_PARSER_STATE_H
#define WKC_SYNTAX_PARSER_STATE_H

#include "base/intern.h"
#include "base/vector.h"
#include "syntax/ast.h"
#include "syntax/filter.h"

/* A list under construction: items [begin, begin + count) of one of the parser's scratch vectors.
 */
struct list {
    uint32_t begin, count;
};

/* The bracket group of an array type: the extents between one pair of brackets. */
struct extent_group {
    struct ast_expression **extents;
    struct span *spans;
    uint32_t rank;
};

/* A part of a tuple, or of a tuple type, with its name if it has one. */
struct tuple_part {
    struct ast_name name;
    struct ast_expression *value;
    struct ast_type *type;
};

struct parser {
    const struct source *source;
    struct arena *arena;
    struct interner *names;
    struct diagnostics *diagnostics;
    struct filter *filter;

    /* Set when the source is nested too deeply to go on: nothing more is read or reported. */
    bool abandoned;
    /* While text is skipped after a mistake, which may be the cause of whatever it holds. */
    bool muted;
    /* Syntax errors that begin before this offset follow from a mistake that was reported. */
    uint32_t quiet_until;
    /* A string or character is not closed on the line that is being read. */
    bool damaged_line;

    const char *underscore; /* the interned "_" */
    const char *module_doc;
    VECTOR(struct ast_declaration *) declarations;

    /* Scratch for lists, see build.h. */
    VECTOR(struct ast_argument) arguments;
    VECTOR(struct ast_annotation) annotations;
    VECTOR(struct ast_index) indexes;
    VECTOR(struct ast_iterator) iterators;
    VECTOR(struct ast_name) name_list;
    VECTOR(struct ast_field_value) field_values;
    VECTOR(struct ast_parameter) parameters;
    VECTOR(struct ast_statement *) statements;
    VECTOR(struct ast_expression *) expressions;
    VECTOR(struct extent_group) groups;
    VECTOR(struct tuple_part) parts;
};

/* Reports a mistake unless the parse was abandoned. May return NULL, which diagnose_hint accepts.
 */
struct diagnostic *syntax_report(struct parser *parser, struct span span, enum error_code code,
                                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Reports that the source is nested too deeply at `span`, and ends the parse. */
void syntax_abandon(struct parser *parser, struct span span);

#endif
