/*
 * Brackets and the heads that wait for them: which `{` opens a block, and what is said and done
 * when brackets do not match. A part of the token filter; see filter.h and spec/language.md, L2.3
 * and L2.4.
 */
#include <string.h>

#include "syntax/filter_state.h"

void filter_push_head(struct filter *filter, enum bracket_kind kind, bool is_if, uint32_t begin)
{
    struct head head = {(uint32_t)filter->brackets.count, kind, is_if, begin};
    vector_push(&filter->heads, head);
}

bool filter_head_waits(const struct filter *filter)
{
    return filter->heads.count && vector_last(&filter->heads).depth == filter->brackets.count;
}

/* Forgets heads whose block can no longer come: the statement or bracket around them has ended. */
void filter_drop_heads(struct filter *filter)
{
    while (filter->heads.count && vector_last(&filter->heads).depth >= filter->brackets.count)
        filter->heads.count--;
}

/* Whether a `{` without a head can only be meant as a block: the body of a declaration that was
 * lost to a mistake, a block by itself, or one that belongs to a word of another language. */
static bool opens_lost_block(const struct filter *filter, const struct token *token)
{
    size_t depth = filter->brackets.count;
    const char *text = filter->parser->source->text;
    if (depth == 0)
        return !filter->in_constant;
    if (filter->brackets.items[depth - 1].kind != BRACKET_STATEMENTS)
        return false;
    if (filter->parser->muted)
        return text[token->span.end + strspn(text + token->span.end, " \t\r")] == '\n';
    return filter_at_statement_start(filter) || (filter->previous.kind == TOKEN_NAME &&
                                                 token_precedes_statement(filter->passed[0].kind) &&
                                                 is_blank(text[token->span.begin - 1]));
}

int filter_open(struct filter *filter, const struct token *token)
{
    struct bracket bracket = {.begin = token->span.begin};
    int kind = token->kind;
    if (filter->brackets.count >= AST_MAX_HEIGHT) {
        syntax_abandon(filter->parser, token->span);
        return TOKEN_END;
    }
    if (kind == TOKEN_LPAREN) {
        bracket.kind = BRACKET_ROUND;
        bracket.is_annotation = filter->previous.kind == TOKEN_ANNOTATION;
        filter->annotation_depth += bracket.is_annotation;
    } else if (kind == TOKEN_LBRACKET) {
        bracket.kind = BRACKET_SQUARE;
    } else if (filter_head_waits(filter)) {
        struct head head = vector_pop(&filter->heads);
        bracket.kind = head.kind;
        bracket.is_if = head.is_if;
        kind = TOKEN_BLOCK_OPEN;
    } else if (opens_lost_block(filter, token)) {
        bracket.kind = BRACKET_STATEMENTS;
        kind = TOKEN_BLOCK_OPEN;
    } else {
        bracket.kind = BRACKET_LITERAL;
        kind = TOKEN_LITERAL_OPEN;
    }
    bracket.after_name = filter->previous.kind == TOKEN_NAME;
    bracket.is_index = kind == TOKEN_LBRACKET && token_ends_operand(filter->previous.kind);
    vector_push(&filter->brackets, bracket);
    return kind;
}

static int closing_kind(enum bracket_kind kind)
{
    switch (kind) {
    case BRACKET_ROUND:
        return TOKEN_RPAREN;
    case BRACKET_SQUARE:
        return TOKEN_RBRACKET;
    case BRACKET_LITERAL:
        return TOKEN_LITERAL_CLOSE;
    case BRACKET_STATEMENTS:
    case BRACKET_VALUE:
    case BRACKET_FIELDS:
        return TOKEN_BLOCK_CLOSE;
    }
    bug("bracket kind %d", (int)kind);
}

/* Pops the innermost bracket; returns the token that closes it. */
int filter_pop_bracket(struct filter *filter)
{
    filter->closed = vector_pop(&filter->brackets);
    filter->annotation_depth -= filter->closed.is_annotation;
    while (filter->heads.count && vector_last(&filter->heads).depth > filter->brackets.count)
        filter->heads.count--;
    return closing_kind(filter->closed.kind);
}

static struct span bracket_span(const struct filter *filter, uint32_t begin)
{
    return (struct span){filter->parser->source, begin, begin + 1};
}

/* Makes up the next of the closings that bring the depth down to filter->close_depth. */
struct token filter_next_closing(struct filter *filter)
{
    int previous = filter->previous.kind;
    if (is_block(filter_innermost(filter)) && previous != TOKEN_SEPARATOR &&
        previous != TOKEN_BLOCK_OPEN && previous != TOKEN_SYNC)
        return filter_made_up(filter, TOKEN_SEPARATOR, '}');
    return filter_made_up(filter, filter_pop_bracket(filter), 0);
}

static void report_unclosed(struct filter *filter, const struct bracket *bracket,
                            const struct token *token)
{
    const char *opening = filter->parser->source->text + bracket->begin;
    bool muted = filter->parser->muted;
    filter->parser->muted = bracket->begin >= filter->skip_begin;
    struct diagnostic *d = syntax_report(filter->parser, bracket_span(filter, bracket->begin),
                                         ERR_bracket_unclosed, "this `%c` is not closed", *opening);
    if (token->kind == TOKEN_END)
        diagnose_hint(filter->parser->diagnostics, d, "the file ends without its `%c`",
                      *opening == '('   ? ')'
                      : *opening == '[' ? ']'
                                        : '}');
    else
        diagnose_note(filter->parser->diagnostics, d, token->span,
                      "a closing `%c` is missing before this",
                      *opening == '('   ? ')'
                      : *opening == '[' ? ']'
                                        : '}');
    filter->parser->muted = muted;
}

/* Reports the innermost unclosed bracket, and closes all above `depth`. A block whose closing brace
 * stood too far left is the better guess for which `}` is missing. */
void filter_repair_unclosed(struct filter *filter, size_t depth, const struct token *token)
{
    struct bracket *bracket = filter_innermost(filter);
    if (is_block(bracket) && filter->has_suspect && filter->suspect.begin > bracket->begin)
        bracket = &filter->suspect;
    if (!filter->parser->damaged_line)
        report_unclosed(filter, bracket, token);
    filter->has_suspect = false;
    filter->parser->quiet_until = token->span.begin + 1;
    filter->close_depth = depth;
}

/* The depth of the innermost block: what is open above it belongs to one statement. */
size_t filter_block_depth(const struct filter *filter)
{
    size_t depth = filter->brackets.count;
    while (depth > 0 && !is_block(&filter->brackets.items[depth - 1]))
        depth--;
    return depth;
}

uint32_t filter_indentation(const struct source *source, uint32_t at)
{
    uint32_t begin = at, blanks = 0;
    while (begin > 0 && source->text[begin - 1] != '\n')
        begin--;
    while (source->text[begin + blanks] == ' ' || source->text[begin + blanks] == '\t')
        blanks++;
    return blanks;
}

/* Remembers a block whose `}` stands further left than the line that opened it. */
static void suspect_indentation(struct filter *filter, const struct token *token)
{
    const struct bracket *bracket = filter_innermost(filter);
    const struct source *source = filter->parser->source;
    if (token->newline && !filter->has_suspect &&
        filter_indentation(source, token->span.begin) <
            filter_indentation(source, bracket->begin)) {
        filter->suspect = *bracket;
        filter->has_suspect = true;
    }
}

static void report_stray(struct filter *filter, const struct token *token)
{
    struct diagnostic *d =
        syntax_report(filter->parser, token->span, ERR_bracket_stray, "this `%c` closes nothing",
                      token->span.source->text[token->span.begin]);
    diagnose_hint(filter->parser->diagnostics, d, "remove it, or add what it should close");
}

static bool closes(enum bracket_kind kind, int token)
{
    return token == TOKEN_RPAREN     ? kind == BRACKET_ROUND
           : token == TOKEN_RBRACKET ? kind == BRACKET_SQUARE
                                     : kind >= BRACKET_LITERAL;
}

/* The depth at which `token` closes a bracket, looking no further than the innermost block unless
 * it is a brace; 0 if it closes none. */
static size_t closed_depth(const struct filter *filter, int token)
{
    for (size_t depth = filter->brackets.count; depth > 0; depth--) {
        const struct bracket *bracket = &filter->brackets.items[depth - 1];
        if (closes(bracket->kind, token))
            return depth;
        if (is_block(bracket))
            return 0;
    }
    return 0;
}

static void report_mismatch(struct filter *filter, const struct token *token)
{
    const struct source *source = filter->parser->source;
    const struct bracket *bracket = filter_innermost(filter);
    char opening = source->text[bracket->begin];
    struct diagnostic *d =
        syntax_report(filter->parser, token->span, ERR_bracket_mismatched, "`%c` cannot close `%c`",
                      source->text[token->span.begin], opening);
    diagnose_note(filter->parser->diagnostics, d, bracket_span(filter, bracket->begin),
                  "opened here");
    filter_pop_bracket(filter);
}

/* Whether a `}` inside of other brackets is meant for the brace at `depth`, and the others are
 * unclosed: when it is the first on its line, or closes a brace on the same line. Otherwise it is
 * one too many. */
static bool closes_block_here(const struct filter *filter, size_t depth, const struct token *token)
{
    uint32_t begin = filter->brackets.items[depth - 1].begin;
    const char *text = filter->parser->source->text;
    return token->newline || !memchr(text + begin, '\n', token->span.begin - begin);
}

/* What a closing bracket that fits is delivered as. */
static int close_innermost(struct filter *filter, const struct token *token)
{
    if (token->kind == TOKEN_RBRACE && is_block(filter_innermost(filter)))
        suspect_indentation(filter, token);
    return filter_pop_bracket(filter);
}

/* Deals with a closing bracket that does not fit the innermost open one; `depth` is that of one
 * that it closes, or 0. The statement around it is skipped: its brackets tell nothing any more. */
static int close_wrongly(struct filter *filter, const struct token *token, size_t depth)
{
    bool stray =
        filter->brackets.count == 0 || (depth == 0 && is_block(filter_innermost(filter))) ||
        (depth > 0 && token->kind == TOKEN_RBRACE && !closes_block_here(filter, depth, token));
    if (stray) {
        report_stray(filter, token);
    } else if (depth == 0) {
        report_mismatch(filter, token);
    } else {
        filter_repair_unclosed(filter, depth, token);
        filter_hold(filter, *token);
    }
    return filter->parser->muted ? SKIPPED_TOKEN : TOKEN_SYNTAX_error;
}

/* Whether a `}` belongs to a block whose `{` was reported missing: it is indented further than the
 * line of the brace that it would close. */
static bool closes_missing_block(const struct filter *filter, const struct token *token,
                                 size_t depth)
{
    const struct source *source = filter->parser->source;
    return filter->missing_blocks > 0 && token->kind == TOKEN_RBRACE && depth > 0 &&
           filter_indentation(source, token->span.begin) >
               filter_indentation(source, filter->brackets.items[depth - 1].begin);
}

int filter_close(struct filter *filter, const struct token *token)
{
    size_t depth = closed_depth(filter, token->kind);
    if (closes_missing_block(filter, token, depth)) {
        filter->missing_blocks--;
        return SKIPPED_TOKEN;
    }
    return depth > 0 && depth == filter->brackets.count ? close_innermost(filter, token)
                                                        : close_wrongly(filter, token, depth);
}
