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

static inline bool is_block(const struct bracket *bracket)
{
    return bracket->kind >= BRACKET_STATEMENTS;
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Whether an operand is complete after it. */
bool token_ends_operand(int kind);

/* Whether a statement or declaration can begin after it. */
bool token_precedes_statement(int kind);

/* filter.c. The innermost open bracket, or NULL; whether it is a block's or there is none. */
struct bracket *filter_innermost(struct filter *filter);
bool filter_in_block(struct filter *filter);
bool filter_at_statement_start(const struct filter *filter);

/* A token that stands in no text, at the end of the one before. */
struct token filter_made_up(struct filter *filter, int kind, int cause);

/* Puts back a token, to be taken again before what was put back earlier. */
void filter_hold(struct filter *filter, struct token token);

/* filter_brackets.c. Heads: a word that waits for its block; whether one waits at this depth. Heads
 * are dropped when their block can no longer come. */
void filter_push_head(struct filter *filter, enum bracket_kind kind, bool is_if, uint32_t begin);
bool filter_head_waits(const struct filter *filter);
void filter_drop_heads(struct filter *filter);

/* What an opening or closing bracket is delivered as; mistakes are reported. */
int filter_open(struct filter *filter, const struct token *token);
int filter_close(struct filter *filter, const struct token *token);

/* Pops the innermost bracket; returns the token that closes it. */
int filter_pop_bracket(struct filter *filter);

/* Reports the innermost bracket as unclosed at `token`, and has all above `depth` closed by made-up
 * tokens, which filter_next_closing gives one by one. */
void filter_repair_unclosed(struct filter *filter, size_t depth, const struct token *token);
struct token filter_next_closing(struct filter *filter);

/* The depth of the innermost block: what is open above it belongs to one statement. */
size_t filter_block_depth(const struct filter *filter);

/* How many blanks begin the line around an offset. */
uint32_t filter_indentation(const struct source *source, uint32_t at);

/* filter_words.c. What a raw token is delivered as; SKIPPED_TOKEN if it is not. */
int filter_classify(struct filter *filter, struct token *token);

/* Whether an `else` would continue the `if` whose block has just been closed. */
bool filter_else_follows(const struct filter *filter);

/* Whether a name is one that begins declarations in other languages. */
bool filter_is_foreign_word(const struct token *token);

#endif
