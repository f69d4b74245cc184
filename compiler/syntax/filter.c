/*
 * The token filter; see filter.h for what it decides, and spec/language.md, L2.2, for the rules.
 *
 * Tokens pass one by one: take() reads a raw token with its doc comments, filter_step() decides
 * what is delivered before it and as what it is delivered. Tokens that the filter makes up
 * (separators, the closings of unclosed brackets) come in between. After a syntax error everything
 * passes as usual, but nothing is delivered until the statement around the error has ended.
 */
#include "syntax/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/vector.h"
#include "syntax/filter_state.h"

/* ---- Tokens ---- */

bool token_ends_operand(int kind)
{
    switch (kind) {
    case TOKEN_NAME:
    case TOKEN_INTEGER:
    case TOKEN_FLOAT:
    case TOKEN_STRING:
    case TOKEN_CHARACTER:
    case TOKEN_DURATION:
    case TOKEN_PART:
    case TOKEN_TRUE:
    case TOKEN_FALSE:
    case TOKEN_RPAREN:
    case TOKEN_RBRACKET:
    case TOKEN_LITERAL_CLOSE:
    case TOKEN_BLOCK_CLOSE:
        return true;
    default: /* all other tokens; the kinds are bison's */
        return false;
    }
}

bool token_precedes_statement(int kind)
{
    return kind == TOKEN_SEPARATOR || kind == TOKEN_BLOCK_OPEN || kind == TOKEN_DOC ||
           kind == TOKEN_SYNC || kind == NO_TOKEN;
}

/* Whether a newline after it can end a statement. */
static bool ends_statement(int kind)
{
    return token_ends_operand(kind) || kind == TOKEN_BREAK || kind == TOKEN_CONTINUE ||
           kind == TOKEN_RETURN || kind == TOKEN_INCREMENT || kind == TOKEN_SYNTAX_error;
}

static bool is_block(const struct bracket *bracket)
{
    return bracket->kind >= BRACKET_STATEMENTS;
}

/* The innermost open bracket, or NULL. */
static struct bracket *innermost(struct filter *filter)
{
    return filter->brackets.count ? &vector_last(&filter->brackets) : NULL;
}

static bool in_block(struct filter *filter)
{
    struct bracket *bracket = innermost(filter);
    return !bracket || is_block(bracket);
}

static bool at_statement_start(const struct filter *filter)
{
    return token_precedes_statement(filter->previous.kind) || filter->annotation_ended;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool starts_column_one(const struct token *token)
{
    uint32_t begin = token->span.begin;
    return begin == 0 || token->span.source->text[begin - 1] == '\n';
}

static struct token made_up(struct filter *filter, int kind, int cause)
{
    uint32_t at = filter->previous.span.end;
    struct token token = {.kind = kind, .span = {filter->parser->source, at, at}};
    token.value.cause = cause;
    return token;
}

static void enqueue(struct filter *filter, struct token token)
{
    vector_push(&filter->queue, token);
}

/* Puts back a token, to be taken again before what was put back earlier. */
static void hold(struct filter *filter, struct token token)
{
    filter->held[filter->held_count++] = token;
}

/* ---- Reading, with doc comments ---- */

/* The text of a `///` line, without the slashes, one blank after them and a carriage return. */
static void add_doc_line(struct filter *filter, const struct token *token)
{
    const char *text = token->span.source->text + token->span.begin + 3;
    const char *end = token->span.source->text + token->span.end;
    if (text < end && *text == ' ')
        text++;
    if (text < end && end[-1] == '\r')
        end--;
    if (filter->doc.length)
        buffer_putc(&filter->doc, '\n');
    buffer_append(&filter->doc, text, (size_t)(end - text));
}

static const char *take_doc(struct filter *filter)
{
    const char *text =
        arena_text(filter->parser->arena, buffer_text(&filter->doc), filter->doc.length);
    buffer_clear(&filter->doc);
    return text;
}

/* Doc lines that belong to no declaration: at the top of the file they are the module's. */
static void drop_doc(struct filter *filter)
{
    const char *text = take_doc(filter);
    if (!filter->parser->module_doc && filter->previous.kind == NO_TOKEN)
        filter->parser->module_doc = text;
}

/* Collects the doc lines from `first` on. Gives a DOC token, and puts back the token after them,
 * when that one stands right below; otherwise gives that one, and the lines belong to no
 * declaration. */
static struct token read_doc(struct filter *filter, struct token first)
{
    struct token next, doc = first;
    bool newline = first.newline;
    add_doc_line(filter, &first);
    for (next = lexer_next(&filter->lexer); next.kind == TOKEN_DOC;
         next = lexer_next(&filter->lexer)) {
        if (next.blank_line)
            drop_doc(filter);
        add_doc_line(filter, &next);
        doc.span.end = next.span.end;
    }
    if (next.blank_line || next.kind == TOKEN_END || next.kind == TOKEN_RBRACE) {
        drop_doc(filter);
        next.newline |= newline;
        return next;
    }
    doc.value.string.text = take_doc(filter);
    doc.value.string.length = (uint32_t)strlen(doc.value.string.text);
    next.newline = false;
    hold(filter, next);
    return doc;
}

static struct token take(struct filter *filter)
{
    if (filter->held_count)
        return filter->held[--filter->held_count];
    int errors = filter->parser->diagnostics->errors;
    struct token token = lexer_next(&filter->lexer);
    bool newline = token.newline, blank_line = token.blank_line;
    while (token.kind == TOKEN_DOC) {
        bool ours = filter->brackets.count == 0 && (newline || filter->previous.kind == NO_TOKEN);
        if (ours)
            return read_doc(filter, token);
        token = lexer_next(&filter->lexer);
        newline |= token.newline;
        blank_line |= token.blank_line;
    }
    token.newline = newline;
    token.blank_line = blank_line;
    /* What is wrong with the token itself is also why it cannot stand where it stands. */
    if (filter->parser->diagnostics->errors > errors &&
        filter->parser->quiet_until < token.span.end)
        filter->parser->quiet_until = token.span.end;
    return token;
}

/* ---- Heads and brackets ---- */

static void push_head(struct filter *filter, enum bracket_kind kind, bool is_if, uint32_t begin)
{
    struct head head = {(uint32_t)filter->brackets.count, kind, is_if, begin};
    vector_push(&filter->heads, head);
}

static bool head_waits(const struct filter *filter)
{
    return filter->heads.count && vector_last(&filter->heads).depth == filter->brackets.count;
}

/* Forgets heads whose block can no longer come: the statement or bracket around them has ended. */
static void drop_heads(struct filter *filter)
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
    return at_statement_start(filter) || (filter->previous.kind == TOKEN_NAME &&
                                          token_precedes_statement(filter->passed[0].kind) &&
                                          is_blank(text[token->span.begin - 1]));
}

static int open_bracket(struct filter *filter, const struct token *token)
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
    } else if (head_waits(filter)) {
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
static int close_bracket(struct filter *filter)
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
static struct token next_closing(struct filter *filter)
{
    int previous = filter->previous.kind;
    if (is_block(innermost(filter)) && previous != TOKEN_SEPARATOR &&
        previous != TOKEN_BLOCK_OPEN && previous != TOKEN_SYNC)
        return made_up(filter, TOKEN_SEPARATOR, '}');
    return made_up(filter, close_bracket(filter), 0);
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
static void repair_unclosed(struct filter *filter, size_t depth, const struct token *token)
{
    struct bracket *bracket = innermost(filter);
    if (is_block(bracket) && filter->has_suspect && filter->suspect.begin > bracket->begin)
        bracket = &filter->suspect;
    if (!filter->parser->damaged_line)
        report_unclosed(filter, bracket, token);
    filter->has_suspect = false;
    filter->parser->quiet_until = token->span.begin + 1;
    filter->close_depth = depth;
}

/* The depth of the innermost block: what is open above it belongs to one statement. */
static size_t block_depth(const struct filter *filter)
{
    size_t depth = filter->brackets.count;
    while (depth > 0 && !is_block(&filter->brackets.items[depth - 1]))
        depth--;
    return depth;
}

static uint32_t indentation(const struct source *source, uint32_t at)
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
    const struct bracket *bracket = innermost(filter);
    const struct source *source = filter->parser->source;
    if (token->newline && !filter->has_suspect &&
        indentation(source, token->span.begin) < indentation(source, bracket->begin)) {
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
    const struct bracket *bracket = innermost(filter);
    char opening = source->text[bracket->begin];
    struct diagnostic *d =
        syntax_report(filter->parser, token->span, ERR_bracket_mismatched, "`%c` cannot close `%c`",
                      source->text[token->span.begin], opening);
    diagnose_note(filter->parser->diagnostics, d, bracket_span(filter, bracket->begin),
                  "opened here");
    close_bracket(filter);
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
    if (token->kind == TOKEN_RBRACE && is_block(innermost(filter)))
        suspect_indentation(filter, token);
    return close_bracket(filter);
}

/* Deals with a closing bracket that does not fit the innermost open one; `depth` is that of one
 * that it closes, or 0. The statement around it is skipped: its brackets tell nothing any more. */
static int close_wrongly(struct filter *filter, const struct token *token, size_t depth)
{
    bool stray =
        filter->brackets.count == 0 || (depth == 0 && is_block(innermost(filter))) ||
        (depth > 0 && token->kind == TOKEN_RBRACE && !closes_block_here(filter, depth, token));
    if (stray) {
        report_stray(filter, token);
    } else if (depth == 0) {
        report_mismatch(filter, token);
    } else {
        repair_unclosed(filter, depth, token);
        hold(filter, *token);
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
           indentation(source, token->span.begin) >
               indentation(source, filter->brackets.items[depth - 1].begin);
}

static int filter_closing(struct filter *filter, const struct token *token)
{
    size_t depth = closed_depth(filter, token->kind);
    if (closes_missing_block(filter, token, depth)) {
        filter->missing_blocks--;
        return SKIPPED_TOKEN;
    }
    return depth > 0 && depth == filter->brackets.count ? close_innermost(filter, token)
                                                        : close_wrongly(filter, token, depth);
}

/* ---- Words that mean more than one thing ---- */

static int filter_if(struct filter *filter, const struct token *token)
{
    struct bracket *bracket = innermost(filter);
    bool start = at_statement_start(filter);
    if (filter->previous.kind == TOKEN_ELSE && head_waits(filter)) {
        struct head *head = &vector_last(&filter->heads);
        head->is_if = true;
        return head->kind == BRACKET_VALUE ? TOKEN_IF_OPERAND : TOKEN_IF;
    }
    if (bracket && bracket->kind == BRACKET_SQUARE && token_ends_operand(filter->previous.kind))
        return TOKEN_IF_FILTER;
    bool statement = start && (!bracket || bracket->kind == BRACKET_STATEMENTS);
    push_head(filter, statement ? BRACKET_STATEMENTS : BRACKET_VALUE, true, token->span.begin);
    return statement ? TOKEN_IF : TOKEN_IF_OPERAND;
}

static bool else_follows(const struct filter *filter)
{
    return filter->previous.kind == TOKEN_BLOCK_CLOSE && filter->closed.is_if;
}

static int filter_else(struct filter *filter, const struct token *token)
{
    enum bracket_kind kind = else_follows(filter) ? filter->closed.kind : BRACKET_STATEMENTS;
    push_head(filter, kind, false, token->span.begin);
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
    hold(filter, *token);
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
    if (!in_block(filter))
        return TOKEN_FOR_EACH;
    push_head(filter, BRACKET_STATEMENTS, false, token->span.begin);
    return TOKEN_FOR;
}

static int filter_declaration(struct filter *filter, const struct token *token)
{
    if (in_block(filter) && at_statement_start(filter))
        push_head(filter, token->kind == TOKEN_STRUCT ? BRACKET_FIELDS : BRACKET_STATEMENTS, false,
                  token->span.begin);
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
    hold(filter, name);
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
    {"import", "modules are named with `use`", "write `use linalg`", TOKEN_USE},
    {"const", "constants are declared with `let`", "write `let N = 16`", TOKEN_LET},
    {"class", "structures are declared with `struct`", "write `struct Point { x: f64 }`",
     TOKEN_STRUCT},
};

static int filter_name(struct filter *filter, struct token *token)
{
    if (filter->brackets.count > 0)
        return TOKEN_NAME;
    const char *text = token->value.name.text;
    if (filter->in_extern && filter->previous.kind != TOKEN_TASK &&
        (strcmp(text, "from") == 0 || strcmp(text, "exec") == 0))
        return *text == 'f' ? TOKEN_FROM : TOKEN_EXEC;
    if (!at_statement_start(filter))
        return TOKEN_NAME;
    for (size_t i = 0; i < sizeof foreign_words / sizeof foreign_words[0]; i++) {
        if (strcmp(text, foreign_words[i].word) != 0)
            continue;
        struct diagnostic *d = syntax_report(filter->parser, token->span, ERR_declaration_word,
                                             "%s, not `%s`", foreign_words[i].message, text);
        diagnose_hint(filter->parser->diagnostics, d, "%s",
                      foreign_words[i].hint
                          ? foreign_words[i].hint
                          : "a `task` computes, a `flow` composes tasks: `task add(a: int, b: int) "
                            "-> int { return a + b }`");
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

/* What a raw token is delivered as; SKIPPED_TOKEN if it is not. */
static int classify(struct filter *filter, struct token *token)
{
    switch (token->kind) {
    case TOKEN_LPAREN:
    case TOKEN_LBRACKET:
    case TOKEN_LBRACE:
        return open_bracket(filter, token);
    case TOKEN_RPAREN:
    case TOKEN_RBRACKET:
    case TOKEN_RBRACE:
        return filter_closing(filter, token);
    case TOKEN_IF:
        return filter_if(filter, token);
    case TOKEN_ELSE:
        return filter_else(filter, token);
    case TOKEN_ELIF_WORD:
        return filter_elif(filter, token);
    case TOKEN_WHILE:
        push_head(filter, BRACKET_STATEMENTS, false, token->span.begin);
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

/* ---- Separators and repairs ---- */

static bool is_statement_word(int kind)
{
    return kind == TOKEN_LET || kind == TOKEN_VAR || kind == TOKEN_RETURN || kind == TOKEN_WHILE ||
           kind == TOKEN_BREAK || kind == TOKEN_CONTINUE;
}

static bool is_declaration_word(int kind)
{
    return kind == TOKEN_TASK || kind == TOKEN_FLOW || kind == TOKEN_STRUCT || kind == TOKEN_USE ||
           kind == TOKEN_EXTERN || kind == TOKEN_LET || kind == TOKEN_ANNOTATION;
}

/* Whether a token can only begin a declaration. `let` and annotations may begin a statement as
 * well, `task(` and `flow(` a type. */
static bool begins_declaration(const struct token *token)
{
    if (!token->newline || !starts_column_one(token) || token->kind == TOKEN_LET ||
        token->kind == TOKEN_ANNOTATION)
        return false;
    const char *after = token->span.source->text + token->span.end;
    return is_declaration_word(token->kind) && after[strspn(after, " \t")] != '(';
}

/* Whether `token` shows that brackets are unclosed; *depth is what may stay open. */
static bool shows_unclosed(struct filter *filter, const struct token *token, size_t *depth)
{
    if (filter->brackets.count == 0)
        return false;
    *depth = 0;
    if (token->kind == TOKEN_END || begins_declaration(token))
        return true;
    *depth = block_depth(filter);
    if (*depth == filter->brackets.count)
        return false;
    bool semicolon =
        token->kind == TOKEN_SEMICOLON && innermost(filter)->begin < filter->skip_begin;
    return semicolon || (token->newline && is_statement_word(token->kind)) ||
           (token->newline && filter->parser->damaged_line);
}

/* Why a statement ends before `token`, as the cause of a SEPARATOR; NO_CAUSE if it goes on. */
static int separator_cause(struct filter *filter, const struct token *token)
{
    int previous = filter->previous.kind;
    if (!in_block(filter) || previous == TOKEN_SEPARATOR || previous == TOKEN_SYNC ||
        previous == NO_TOKEN || previous == TOKEN_BLOCK_OPEN)
        return NO_CAUSE;
    if (token->kind == TOKEN_SEMICOLON)
        return ';';
    if (token->kind == TOKEN_RBRACE && filter->brackets.count == 0)
        return NO_CAUSE;
    if (token->kind == TOKEN_END || token->kind == TOKEN_RBRACE)
        return token->newline ? '\n' : token->kind == TOKEN_END ? 0 : '}';
    if ((token->kind == TOKEN_ELSE || token->kind == TOKEN_ELIF_WORD) && else_follows(filter))
        return NO_CAUSE;
    if (token->kind == TOKEN_ARROW && previous == TOKEN_RPAREN)
        return NO_CAUSE; /* long signatures continue with their result */
    if (previous == TOKEN_BLOCK_CLOSE && filter->closed.kind != BRACKET_VALUE)
        return '}';
    bool decrement = previous == TOKEN_MINUS && filter->passed[0].kind == TOKEN_MINUS;
    if (!token->newline || !(ends_statement(previous) || decrement) || filter->annotation_ended ||
        token->kind == TOKEN_ARROW)
        return NO_CAUSE;
    if (filter->in_extern && filter->brackets.count == 0 && token->kind == TOKEN_NAME &&
        (strcmp(token->value.name.text, "from") == 0 ||
         strcmp(token->value.name.text, "exec") == 0))
        return NO_CAUSE;
    return '\n';
}

/* `if c` and then `{` on the next line: reported, and read as it was meant. */
static bool brace_on_next_line(struct filter *filter, const struct token *token)
{
    if (token->kind != TOKEN_LBRACE || !head_waits(filter))
        return false;
    struct diagnostic *d =
        syntax_report(filter->parser, token->span, ERR_brace_on_next_line,
                      "the `{` of a block stands on the line of what it belongs to");
    diagnose_hint(filter->parser->diagnostics, d,
                  "a newline ends the statement: move the `{` up to the end of the line before");
    return true;
}

/* Remembers what was delivered, and leaves to the grammar what it gets. */
static int deliver(struct filter *filter, struct token token)
{
    memmove(filter->passed + 1, filter->passed, sizeof filter->passed - sizeof filter->passed[0]);
    filter->passed[0] = (struct passed){filter->previous.kind, filter->previous_after_annotation,
                                        filter->previous.span};
    if (token_precedes_statement(filter->previous.kind))
        filter->statement_begin = token.span.begin;
    filter->previous_after_annotation = filter->annotation_ended;
    filter->annotation_ended = (token.kind == TOKEN_RPAREN && filter->closed.is_annotation) ||
                               token.kind == TOKEN_ANNOTATION;
    filter->previous = token;
    if (token.kind == TOKEN_SEPARATOR) {
        drop_heads(filter);
        if (filter->brackets.count == 0)
            filter->in_extern = filter->in_constant = false;
    }
    return token.kind;
}

/* Delivers the next token, SKIPPED_TOKEN when the raw token read gave none. */
static int filter_step(struct filter *filter)
{
    if (filter->queue_begin < filter->queue.count)
        return deliver(filter, filter->queue.items[filter->queue_begin++]);
    filter->queue.count = filter->queue_begin = 0;
    if (filter->brackets.count > filter->close_depth)
        return deliver(filter, next_closing(filter));
    filter->close_depth = SIZE_MAX;
    struct token token = take(filter);
    size_t depth;
    if (shows_unclosed(filter, &token, &depth)) {
        repair_unclosed(filter, depth, &token);
        hold(filter, token);
        return SKIPPED_TOKEN;
    }
    if (token.newline)
        filter->parser->damaged_line = false;
    int cause = separator_cause(filter, &token);
    if (cause != NO_CAUSE && !(cause == '\n' && brace_on_next_line(filter, &token))) {
        struct token separator = made_up(filter, TOKEN_SEPARATOR, cause);
        if (cause == ';' || cause == '}')
            separator.span =
                cause == ';' || token.kind == TOKEN_RBRACE ? token.span : separator.span;
        if (cause != ';')
            hold(filter, token);
        return deliver(filter, separator);
    }
    if (token.kind == TOKEN_SEMICOLON)
        return SKIPPED_TOKEN;
    int kind = classify(filter, &token);
    if (kind == SKIPPED_TOKEN)
        return kind;
    token.kind = kind;
    if (kind == TOKEN_SYNTAX_error)
        filter->recovers = true;
    return deliver(filter, token);
}

/* ---- Recovery ---- */

/* The depth of the innermost list of statements, fields or declarations around the last token. */
static size_t list_depth(const struct filter *filter)
{
    size_t depth = filter->brackets.count;
    int last = filter->previous.kind;
    bool opening = last == TOKEN_BLOCK_OPEN || last == TOKEN_LITERAL_OPEN || last == TOKEN_LPAREN ||
                   last == TOKEN_LBRACKET;
    if (opening && depth)
        depth--;
    for (; depth > 0; depth--) {
        enum bracket_kind kind = filter->brackets.items[depth - 1].kind;
        if (kind == BRACKET_STATEMENTS || kind == BRACKET_FIELDS)
            break;
    }
    return depth;
}

void filter_recover(struct filter *filter)
{
    filter->recovers = true;
}

void filter_expect_closing(struct filter *filter)
{
    filter->missing_blocks++;
}

void filter_recover_head(struct filter *filter)
{
    filter->recovers = filter->head_misread = true;
}

void filter_recover_unclosed(struct filter *filter)
{
    size_t depth = block_depth(filter);
    while (filter->brackets.count > depth)
        close_bracket(filter);
    hold(filter, filter->previous);
    filter->previous.kind = TOKEN_SEPARATOR;
    filter->previous.span.end = filter->previous.span.begin;
    filter->recovers = true;
}

static bool is_foreign_word(const struct token *token)
{
    if (token->kind != TOKEN_NAME)
        return false;
    for (size_t i = 0; i < sizeof foreign_words / sizeof foreign_words[0]; i++)
        if (strcmp(token->value.name.text, foreign_words[i].word) == 0)
            return true;
    return false;
}

/* Whether the line that `token` begins goes on with the statement that is being skipped, though its
 * brackets say otherwise: it is indented further, or begins with a closing bracket. */
static bool continues_statement(const struct filter *filter, const struct token *token)
{
    const struct source *source = filter->parser->source;
    return token->kind == TOKEN_RPAREN || token->kind == TOKEN_RBRACKET ||
           (token->newline && token->kind != TOKEN_RBRACE && token->kind != TOKEN_END &&
            indentation(source, token->span.begin) > indentation(source, filter->skip_begin));
}

/* Whether skipping may end at the separator that has just passed. Outside of declarations it goes
 * on to the next one, so that statements which stand there are one mistake. */
static bool list_goes_on(struct filter *filter)
{
    if (filter->queue_begin < filter->queue.count || filter->brackets.count > filter->close_depth)
        return false;
    struct token token = take(filter);
    hold(filter, token);
    if (filter->head_misread && token.kind == TOKEN_LBRACE && !token.newline) {
        push_head(filter, BRACKET_STATEMENTS, false, token.span.begin);
        return false;
    }
    if (continues_statement(filter, &token))
        return false;
    if (filter->brackets.count > 0 || token.kind == TOKEN_END)
        return true;
    /* `let` and annotations begin statements, too, which tell themselves by their indentation. */
    bool column_one = starts_column_one(&token);
    return begins_declaration(&token) || is_foreign_word(&token) || token.kind == TOKEN_DOC ||
           (is_declaration_word(token.kind) &&
            (column_one || !(token.kind == TOKEN_LET || token.kind == TOKEN_ANNOTATION)));
}

/* Puts the token delivered last back in front of what waits. */
static void undeliver(struct filter *filter)
{
    if (filter->queue_begin > 0)
        filter->queue.items[--filter->queue_begin] = filter->previous;
    else
        enqueue(filter, filter->previous);
}

/* The grammar has seen a block begin where a struct literal was meant, and sees it end here. */
static void close_misread_head(struct filter *filter)
{
    if (filter->queue_begin < filter->queue.count) {
        filter->parser->quiet_until = UINT32_MAX;
        return;
    }
    enqueue(filter, made_up(filter, TOKEN_BLOCK_CLOSE, 0));
    enqueue(filter, made_up(filter, TOKEN_SEPARATOR, '}'));
}

static struct token skip_statement(struct filter *filter)
{
    size_t depth = list_depth(filter);
    if (filter->head_misread) {
        while (depth > 0 && filter->brackets.items[depth - 1].kind != BRACKET_STATEMENTS)
            depth--;
        depth -= depth > 0;
    }
    filter->skip_begin = filter->statement_begin;
    filter->parser->muted = true;
    while (filter->previous.kind != TOKEN_SEPARATOR || filter->brackets.count > depth ||
           !list_goes_on(filter)) {
        int kind = filter_step(filter);
        bool left = filter->brackets.count < depth && kind == TOKEN_BLOCK_CLOSE;
        if (kind == TOKEN_END || left || filter->parser->abandoned) {
            undeliver(filter);
            break;
        }
    }
    if (filter->head_misread)
        close_misread_head(filter);
    filter->recovers = filter->head_misread = filter->parser->muted = false;
    filter->skip_begin = UINT32_MAX;
    return made_up(filter, TOKEN_SYNC, 0);
}

int filter_next(struct filter *filter, union SYNTAX_STYPE *value, struct span *span)
{
    int kind;
    if (filter->parser->abandoned) {
        kind = TOKEN_END;
        filter->previous = made_up(filter, kind, 0);
    } else if (filter->recovers) {
        filter->recovers = false;
        kind = deliver(filter, skip_statement(filter));
    } else {
        do
            kind = filter_step(filter);
        while (kind == SKIPPED_TOKEN);
    }
    if (filter->parser->abandoned)
        kind = TOKEN_END;
    *value = filter->previous.value;
    *span = filter->previous.span;
    return kind;
}

struct filter *filter_new(struct parser *parser)
{
    struct filter *filter = memory_new(1, sizeof *filter);
    filter->parser = parser;
    filter->previous.kind = NO_TOKEN;
    for (int i = 0; i < PASSED_LIMIT; i++)
        filter->passed[i].kind = NO_TOKEN;
    filter->previous.span.source = parser->source;
    filter->skip_begin = UINT32_MAX;
    filter->close_depth = SIZE_MAX;
    lexer_init(&filter->lexer, parser);
    return filter;
}

void filter_free(struct filter *filter)
{
    lexer_release(&filter->lexer);
    vector_release(&filter->brackets);
    vector_release(&filter->heads);
    vector_release(&filter->queue);
    buffer_release(&filter->doc);
    free(filter);
}
