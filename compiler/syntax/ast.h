/*
 * The syntax tree: the program as written, before any name is resolved.
 *
 * Everything lives in the arena given to the parser and is immutable afterwards. Names are interned
 * (equal names have equal pointers). Lists are arrays with a count. Every node carries its span;
 * expressions, types and blocks also carry their height, so that no pass can overflow its stack (the
 * parser refuses trees higher than AST_MAX_HEIGHT).
 */
#ifndef WKC_SYNTAX_AST_H
#define WKC_SYNTAX_AST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diagnostic.h"
#include "value/operation.h"

enum { AST_MAX_HEIGHT = 1000 };

enum ast_expression_kind {
#define EXPRESSION(NAME, text) EXPR_##NAME,
#include "syntax/ast.def"
#undef EXPRESSION
};
enum ast_statement_kind {
#define STATEMENT(NAME, text) STMT_##NAME,
#include "syntax/ast.def"
#undef STATEMENT
};
enum ast_declaration_kind {
#define DECLARATION(NAME, text) DECL_##NAME,
#include "syntax/ast.def"
#undef DECLARATION
};
enum ast_type_kind {
#define TYPE_FORM(NAME, text) TYPEFORM_##NAME,
#include "syntax/ast.def"
#undef TYPE_FORM
};

/* The operators that are not plain operations on numbers (those are enum operation). */
enum ast_operator {
    AST_OPERATION, /* see `operation` */
    AST_AND,       /* && */
    AST_OR,        /* || */
    AST_MATMUL,    /* @ */
    AST_IN,        /* in */
};

struct ast_expression;
struct ast_type;
struct ast_statement;

struct ast_name {
    const char *text; /* interned; NULL where there is none */
    struct span span;
};

struct ast_argument {
    struct ast_name name; /* of `name: value`, or NULL text */
    struct ast_expression *value;
};

/* @name or @name(arguments) before a declaration or a call. Durations and sizes in arguments are
 * INTEGER expressions: durations in nanoseconds, with is_duration set. */
struct ast_annotation {
    struct ast_name name; /* without the @ */
    struct ast_argument *arguments;
    uint32_t argument_count;
    bool has_parentheses;
    struct span span;
};

/* One item between the brackets of an index: an expression (EXPR_RANGE for lo..hi, lo.., ..hi and
 * lo..=hi), or `:` (value NULL). */
struct ast_index {
    struct ast_expression *value;
    struct span span;
};

/* for NAMES in SUBJECT; `_` is a name like any other here. */
struct ast_iterator {
    struct ast_name *names;
    uint32_t name_count;
    struct ast_expression *subject; /* EXPR_RANGE or any expression */
    struct span span;
};

struct ast_field_value { /* of a struct literal or a map literal */
    struct ast_name name;       /* struct literal */
    struct ast_expression *key; /* map literal */
    struct ast_expression *value;
};

/* A literal's value, rounded once to each type that it may get. */
struct float_literal {
    double number;
    float single; /* infinite if it is too large */
};

struct ast_expression {
    enum ast_expression_kind kind;
    uint16_t height;
    bool parenthesised; /* written inside ( ), which matters for hints and the printer */
    struct span span;
    /* Annotations before a call (EXPR_CALL only). */
    struct ast_annotation *annotations;
    uint32_t annotation_count;
    union {
        struct { /* INTEGER, CHARACTER */
            uint64_t value;
            bool is_duration; /* value in nanoseconds; annotations only */
        } integer;
        struct float_literal real; /* FLOAT */
        struct {                   /* STRING: unescaped, may contain NULs */
            const char *text;
            uint32_t length;
        } string;
        bool boolean;
        const char *name; /* NAME */
        struct {          /* UNARY, BINARY: `right` is NULL for UNARY */
            enum ast_operator operator;
            enum operation operation;
            struct ast_expression *left, *right;
            struct span operator_span;
        } binary;
        struct { /* CALL */
            struct ast_expression *callee;
            struct ast_argument *arguments;
            uint32_t argument_count;
        } call;
        struct { /* INDEX */
            struct ast_expression *base;
            struct ast_index *items;
            uint32_t count;
        } index;
        struct { /* FIELD: base.name; PART: base.0 */
            struct ast_expression *base;
            struct ast_name name;
            uint32_t part;
        } field;
        struct { /* IF as an operand; `otherwise` may be another IF, and is an ERROR when `else` was
                    missing, which the parser has reported */
            struct ast_expression *condition, *then, *otherwise;
        } branch;
        struct { /* ARRAY, TUPLE (two or more, or none: the unit value) */
            struct ast_expression **items;
            struct ast_name *names; /* of a named tuple (q: 1, r: 2), or NULL */
            uint32_t count;
        } list;
        struct { /* COMPREHENSION */
            struct ast_expression *body;
            struct ast_iterator *iterators;
            uint32_t iterator_count;
            struct ast_expression *filter; /* or NULL */
        } comprehension;
        struct { /* STRUCT literal Name{a: 1}, MAP literal map[K]V{k: v} */
            struct ast_name name;       /* STRUCT; may be module.Name, then `module` is set */
            struct ast_name module;
            struct ast_type *type;      /* MAP */
            struct ast_field_value *fields;
            uint32_t count;
        } literal;
        struct { /* RANGE: either side may be NULL inside an index */
            struct ast_expression *low, *high;
            bool inclusive; /* ..= */
        } range;
    };
};

struct ast_type {
    enum ast_type_kind kind;
    uint16_t height; /* counts the expressions in extents, too */
    struct span span;
    union {
        struct { /* NAME: a built-in type, struct, type parameter; may be module.Name */
            struct ast_name module, name;
        } name;
        struct { /* ARRAY: T[n], T[m, n]; several bracket groups nest, outermost first */
            struct ast_type *element;
            struct ast_expression **extents; /* an entry is NULL for `_` */
            struct span *extent_spans;
            uint32_t rank;
        } array;
        struct { /* MAP */
            struct ast_type *key, *value;
        } map;
        struct { /* TUPLE: names NULL, or one for each part (text NULL where unnamed) */
            struct ast_type **parts;
            struct ast_name *names;
            uint32_t count;
        } tuple;
        struct { /* FUNCTION: task(T, T) -> T */
            bool is_flow;
            struct ast_type **parameters;
            uint32_t count;
            struct ast_type *result;
        } function;
    };
};

/* A list of statements between braces. */
struct ast_block {
    struct ast_statement **statements;
    uint32_t count;
    uint16_t height; /* of the blocks in it; an `else if` is one higher than its `if` */
    struct span span;
};

struct ast_statement {
    enum ast_statement_kind kind;
    struct span span;
    union {
        struct { /* LET, VAR: one name, or several for a destructured tuple `let (q, r) = e` */
            struct ast_name *names;
            uint32_t name_count;
            bool destructures;
            struct ast_type *type; /* or NULL */
            struct ast_expression *value;
        } declare;
        struct { /* ASSIGN: places are NAME, INDEX, FIELD or PART expressions; several when the
                    left side is a tuple. `operation` is OPERATION_NONE for `=` */
            struct ast_expression **places;
            uint32_t place_count;
            bool destructures;
            enum operation operation;
            struct span operator_span;
            struct ast_expression *value;
        } assign;
        struct ast_expression *expression; /* EXPRESSION; RETURN (NULL without a value) */
        struct {                           /* IF: otherwise is NULL, or a block */
            struct ast_expression *condition;
            struct ast_block *then, *otherwise;
        } branch;
        struct { /* WHILE */
            struct ast_expression *condition;
            struct ast_block *body;
        } loop;
        struct { /* FOR: one iterator */
            struct ast_iterator iterator;
            struct ast_block *body;
        } each;
    };
};

struct ast_parameter {
    struct ast_name name;
    struct ast_type *type;
    struct ast_expression *value; /* the default, or NULL */
};

struct ast_declaration {
    enum ast_declaration_kind kind;
    struct span span;      /* the whole declaration */
    struct ast_name name;  /* for USE: the module's name */
    const char *doc;       /* the `///` lines before it, without the slashes; or NULL */
    struct ast_annotation *annotations;
    uint32_t annotation_count;
    union {
        struct { /* CONSTANT */
            struct ast_type *type; /* or NULL */
            struct ast_expression *value;
        } constant;
        struct ast_module *used; /* USE: the module; NULL where it was not found */
        struct { /* STRUCT: fields as parameters */
            struct ast_parameter *fields;
            uint32_t field_count;
        } structure;
        struct { /* TASK, FLOW, EXTERN */
            struct ast_name *type_parameters;
            uint32_t type_parameter_count;
            struct ast_parameter *parameters;
            uint32_t parameter_count;
            struct ast_type *result; /* or NULL: no result, () */
            struct ast_block *body;  /* NULL for EXTERN */
            bool is_exec;            /* EXTERN: exec "…" rather than from "…" */
            const char *source;      /* EXTERN: the text after from or exec */
            struct span source_span;
        } function;
    };
};

struct ast_module {
    const struct source *source;
    const char *name;   /* interned, as `use` says; NULL: the program's own file */
    const char *symbol; /* the same, or another where two modules have one name */
    struct ast_declaration **declarations;
    uint32_t count;
    const char *doc; /* leading /// lines that belong to no declaration */
};

/* Prints the tree as indented text, one node a line: `--emit=ast`. */
void ast_print(const struct ast_module *module, struct buffer *out);

const char *ast_expression_kind_name(enum ast_expression_kind kind);

#endif
