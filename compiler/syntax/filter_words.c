/*
 * Words and signs that mean more than one thing, or that other languages use. A part of the token
 * filter; see filter.h and spec/language.md, L2.5 to L2.8.
 */
#include <ctype.h>
#include <string.h>

#include "syntax/filter_state.h"

static int filter_if(struct filter *filter, const struct token *token)
{
    struct bracket *bracket = filter_innermost(filter);
    bool start = filter_at_statement_start(filter);
    if (filter->previous.kind == TOKEN_ELSE && filter_head_waits(filter)) {
        struct head *head = &vector_last(&filter->heads);
        head->is_if = true;
        return head->kind == BRACKET_VALUE ? TOKEN_IF_OPERAND : TOKEN_IF;
    }
    if (bracket && bracket->kind == BRACKET_SQUARE && token_ends_operand(filter->previous.kind))
        return TOKEN_IF_FILTER;
    bool statement = start && (!bracket || bracket->kind == BRACKET_STATEMENTS);
    filter_push_head(filter, statement ? BRACKET_STATEMENTS : BRACKET_VALUE, true,
                     token->span.begin);
    return statement ? TOKEN_IF : TOKEN_IF_OPERAND;
}

bool filter_else_follows(const struct filter *filter)
{
    return filter->previous.kind == TOKEN_BLOCK_CLOSE && filter->closed.is_if;
}

static int filter_else(struct filter *filter, const struct token *token)
{
    enum bracket_kind kind = filter_else_follows(filter) ? filter->closed.kind : BRACKET_STATEMENTS;
    filter_push_head(filter, kind, false, token->span.begin);
    return TOKEN_ELSE;
}

/* `elif c {` stands for `else if c {`. */
static int filter_elif(struct filter *filter, struct token *token)
{
    struct diagnostic *d =
        syntax_report(filter->parser, token->span, ERR_word_elif, "`elif` is written `else if`");
    (void)d;
    token->kind = TOKEN_IF;
    token->newline = false;
    filter_hold(filter, *token);
    return filter_else(filter, token);
}

/* Whether a name must come after a token. */
static bool wants_name(int kind)
{
    return kind == TOKEN_LET || kind == TOKEN_VAR || kind == TOKEN_TASK || kind == TOKEN_FLOW ||
           kind == TOKEN_STRUCT || kind == TOKEN_USE || kind == TOKEN_FOR ||
           kind == TOKEN_FOR_EACH || kind == TOKEN_DOT;
}

/* `and`, `or` and `not` pass as the operators that they mean, or as the names that they cannot be.
 */
static int filter_operator_word(struct filter *filter, struct token *token)
{
    const struct source *source = token->span.source;
    const char *text = source->text + token->span.begin;
    int length = (int)(token->span.end - token->span.begin), previous = filter->previous.kind;
    bool negation = token->kind == TOKEN_NOT_WORD;
    struct diagnostic *d;
    if (negation ? !wants_name(previous) : token_ends_operand(previous)) {
        d = syntax_report(filter->parser, token->span, ERR_word_operator,
                          "`%.*s` is not an operator", length, text);
        diagnose_hint(filter->parser->diagnostics, d, "write `%s`",
                      negation                        ? "!"
                      : token->kind == TOKEN_AND_WORD ? "&&"
                                                      : "||");
        return negation ? TOKEN_NOT : token->kind == TOKEN_AND_WORD ? TOKEN_AND_AND : TOKEN_OR_OR;
    }
    d = syntax_report(filter->parser, token->span, ERR_keyword_as_name,
                      "`%.*s` is a word of the language, and no name", length, text);
    diagnose_hint(filter->parser->diagnostics, d, "choose another name");
    token->value.name.text = intern(filter->parser->names, text, (size_t)length);
    token->value.name.span = token->span;
    return TOKEN_NAME;
}

static int filter_for(struct filter *filter, const struct token *token)
{
    if (!filter_in_block(filter))
        return TOKEN_FOR_EACH;
    filter_push_head(filter, BRACKET_STATEMENTS, false, token->span.begin);
    return TOKEN_FOR;
}

static int filter_declaration(struct filter *filter, const struct token *token)
{
    if (filter_in_block(filter) && filter_at_statement_start(filter))
        filter_push_head(filter, token->kind == TOKEN_STRUCT ? BRACKET_FIELDS : BRACKET_STATEMENTS,
                         false, token->span.begin);
    return token->kind;
}

static void report_matmul(struct filter *filter, struct span span)
{
    struct diagnostic *d = syntax_report(filter->parser, span, ERR_matmul_blanks,
                                         "the matrix product is written with blanks around `@`");
    diagnose_hint(filter->parser->diagnostics, d,
                  "write `a @ b`; `@name` without a blank is an annotation");
}

static int filter_at(struct filter *filter, const struct token *token)
{
    const char *text = token->span.source->text;
    uint32_t begin = token->span.begin, end = token->span.end;
    if ((begin > 0 && !is_blank(text[begin - 1])) || !is_blank(text[end]))
        report_matmul(filter, token->span);
    return TOKEN_AT;
}

/* `a @b` is meant as a product where an operand has just ended. */
static int filter_annotation(struct filter *filter, struct token *token)
{
    if (!token_ends_operand(filter->previous.kind) || filter->annotation_ended)
        return TOKEN_ANNOTATION;
    report_matmul(filter, token->span);
    struct token name = *token;
    name.kind = TOKEN_NAME;
    name.span = token->value.name.span;
    name.newline = false;
    filter_hold(filter, name);
    return TOKEN_AT;
}

/* A duration outside an annotation passes as an integer. */
static int filter_duration(struct filter *filter, const struct token *token)
{
    if (filter->annotation_depth)
        return TOKEN_DURATION;
    struct diagnostic *d = syntax_report(filter->parser, token->span, ERR_duration_misplaced,
                                         "durations stand in annotations only");
    diagnose_hint(filter->parser->diagnostics, d,
                  "a number of seconds is an ordinary `int` or `f64`");
    return TOKEN_INTEGER;
}

static void report_power(struct filter *filter, const struct token *token)
{
    struct diagnostic *d = syntax_report(filter->parser, token->span, ERR_power_operator,
                                         "there is no power operator");
    diagnose_hint(filter->parser->diagnostics, d, "write `x * x`, or `pow(x, y)` for floats");
}

/* Words that other languages begin a declaration with. */
static const struct {
    const char *word, *message, *hint;
    int kind;
} foreign_words[] = {
    {"fn", "functions are declared with `task` or `flow`", NULL, TOKEN_TASK},
    {"def", "functions are declared with `task` or `flow`", NULL, TOKEN_TASK},
    {"func", "functions are declared with `task` or `flow`", NULL, TOKEN_TASK},
    {"function", "functions are declared with `task` or `flow`", NULL, TOKEN_TASK},
    {"import", "modules are named with `use`", NULL, TOKEN_USE},
    {"from", "modules are named with `use`", NULL, TOKEN_USE},
    {"const", "constants are declared with `let`", "write `let N = 16`", TOKEN_LET},
    {"class", "structures are declared with `struct`", "write `struct Point { x: f64 }`",
     TOKEN_STRUCT},
};

/* The name that stands behind a word on its line. */
static int next_name(const struct filter *filter, const struct token *word, const char **name)
{
    const char *at = filter->parser->source->text + word->span.end;
    while (*at == ' ' || *at == '\t')
        at++;
    *name = at;
    while (isalnum((unsigned char)*at) || *at == '_')
        at++;
    return (int)(at - *name);
}

static void hint_word(struct filter *filter, struct diagnostic *d, const struct token *token,
                      size_t word)
{
    struct diagnostics *diagnostics = filter->parser->diagnostics;
    const char *name;
    int length = next_name(filter, token, &name);
    if (foreign_words[word].kind == TOKEN_USE && length)
        diagnose_hint(diagnostics, d, "write `use %.*s`", length, name);
    else if (foreign_words[word].kind == TOKEN_USE)
        diagnose_hint(diagnostics, d, "write `use linalg`");
    else if (foreign_words[word].hint)
        diagnose_hint(diagnostics, d, "%s", foreign_words[word].hint);
    else
        diagnose_hint(diagnostics, d,
                      "a `task` computes, a `flow` composes tasks: `task add(a: int, b: int) "
                      "-> int { return a + b }`");
}

static int filter_name(struct filter *filter, struct token *token)
{
    if (filter->brackets.count > 0)
        return TOKEN_NAME;
    const char *text = token->value.name.text;
    if (filter->in_extern && filter->previous.kind != TOKEN_TASK &&
        (strcmp(text, "from") == 0 || strcmp(text, "exec") == 0))
        return *text == 'f' ? TOKEN_FROM : TOKEN_EXEC;
    if (!filter_at_statement_start(filter))
        return TOKEN_NAME;
    for (size_t i = 0; i < sizeof foreign_words / sizeof foreign_words[0]; i++) {
        if (strcmp(text, foreign_words[i].word) != 0)
            continue;
        struct diagnostic *d = syntax_report(filter->parser, token->span, ERR_declaration_word,
                                             "%s, not `%s`", foreign_words[i].message, text);
        hint_word(filter, d, token, i);
        token->kind = foreign_words[i].kind;
        const char *line = strchr(filter->parser->source->text + token->span.end, '\n');
        filter->parser->quiet_until =
            line ? (uint32_t)(line - filter->parser->source->text) + 1 : UINT32_MAX;
        return token->kind == TOKEN_TASK || token->kind == TOKEN_STRUCT
                   ? filter_declaration(filter, token)
                   : token->kind;
    }
    return TOKEN_NAME;
}

bool filter_is_foreign_word(const struct token *token)
{
    if (token->kind != TOKEN_NAME)
        return false;
    for (size_t i = 0; i < sizeof foreign_words / sizeof foreign_words[0]; i++)
        if (strcmp(token->value.name.text, foreign_words[i].word) == 0)
            return true;
    return false;
}

/* What a raw token is delivered as; SKIPPED_TOKEN if it is not. */
int filter_classify(struct filter *filter, struct token *token)
{
    switch (token->kind) {
    case TOKEN_LPAREN:
    case TOKEN_LBRACKET:
    case TOKEN_LBRACE:
        return filter_open(filter, token);
    case TOKEN_RPAREN:
    case TOKEN_RBRACKET:
    case TOKEN_RBRACE:
        return filter_close(filter, token);
    case TOKEN_IF:
        return filter_if(filter, token);
    case TOKEN_ELSE:
        return filter_else(filter, token);
    case TOKEN_ELIF_WORD:
        return filter_elif(filter, token);
    case TOKEN_WHILE:
        filter_push_head(filter, BRACKET_STATEMENTS, false, token->span.begin);
        return token->kind;
    case TOKEN_FOR:
        return filter_for(filter, token);
    case TOKEN_TASK:
    case TOKEN_FLOW:
    case TOKEN_STRUCT:
        return filter_declaration(filter, token);
    case TOKEN_EXTERN:
        filter->in_extern = filter->brackets.count == 0;
        return token->kind;
    case TOKEN_LET:
        filter->in_constant = filter->brackets.count == 0;
        return token->kind;
    case TOKEN_POWER:
        report_power(filter, token);
        return TOKEN_STAR;
    case TOKEN_NAME:
        return filter_name(filter, token);
    case TOKEN_AND_WORD:
    case TOKEN_OR_WORD:
    case TOKEN_NOT_WORD:
        return filter_operator_word(filter, token);
    case TOKEN_AT:
        return filter_at(filter, token);
    case TOKEN_ANNOTATION:
        return filter_annotation(filter, token);
    case TOKEN_DURATION:
        return filter_duration(filter, token);
    default: /* every other token means the same everywhere */
        return token->kind;
    }
}
