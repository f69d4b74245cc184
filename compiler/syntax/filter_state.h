/*
 * The filter's state, which explain.c reads to say what went wrong. Private to compiler/syntax.
 */
#ifndef WKC_SYNTAX_FILTER_STATE_H
#define WKC_SYNTAX_FILTER_STATE_H

#include "base/buffer.h"
#include "base/vector.h"
#include "syntax/lexer.h"

/* Made-up values of token kinds and separator causes. */
enum { NO_TOKEN = -10, SKIPPED_TOKEN = -11, NO_CAUSE = -1 };

enum bracket_kind {
    BRACKET_ROUND,
    BRACKET_SQUARE,
    BRACKET_LITERAL,
    BRACKET_STATEMENTS, /* from here on: blocks, where newlines count */
    BRACKET_VALUE,      /* a branch of an `if` used as an operand */
    BRACKET_FIELDS,     /* of a struct declaration */
};

struct bracket {
    enum bracket_kind kind;
    bool is_annotation; /* the parentheses of an annotation */
    bool is_if;         /* a block that `else` may follow */
    bool is_index;      /* `[` after an operand */
    bool after_name;    /* opened after a name */
    uint32_t begin;     /* offset in the source */
};

/* A word that waits for its block at bracket depth `depth`. */
struct head {
    uint32_t depth;
    enum bracket_kind kind; /* of its block */
    bool is_if;
    uint32_t begin; /* the word's offset */
};

/* What explain.c wants to know of tokens that have passed. */
struct passed {
    int kind;
    bool after_annotation; /* stands right after an annotation */
    struct span span;
};

enum { PASSED_LIMIT = 3 };

struct filter {
    struct parser *parser;
    struct lexer lexer;
    VECTOR(struct bracket) brackets;
    VECTOR(struct head) heads;

    struct token previous;              /* as delivered */
    struct passed passed[PASSED_LIMIT]; /* the tokens before it, the nearest first */
    struct bracket closed;              /* the bracket that was closed last */
    bool annotation_ended;              /* by the previous token */
    bool previous_after_annotation;
    bool in_extern, in_constant; /* inside such a declaration */
    uint32_t annotation_depth;   /* how many annotations' parentheses are open */

    struct token held[4]; /* read, but not yet decided on; the last one is next */
    int held_count;
    VECTOR(struct token) queue; /* tokens to deliver as they are, before those held */
    size_t queue_begin;
    size_t close_depth;       /* brackets deeper than this are being closed; SIZE_MAX: none is */
    uint32_t statement_begin; /* where the statement, field or declaration being read begins */

    struct bracket suspect; /* the first block whose `}` stands left of the line that opened it */
    bool has_suspect;
    bool recovers;           /* the next token is SYNC, after the statement with the error */
    uint32_t missing_blocks; /* how many `{` were reported missing, whose `}` may still come */
    bool head_misread; /* the error is a struct literal in a head: its own block is still to come */
    uint32_t skip_begin; /* where the text begins that is being skipped; UINT32_MAX: none is */
    struct buffer doc;
};

/* Whether an operand is complete after it. */
bool token_ends_operand(int kind);

/* Whether a statement or declaration can begin after it. */
bool token_precedes_statement(int kind);

#endif
