/*
 * The token filter; see filter.h for what it decides, and spec/language.md, L2.2, for the rules.
 *
 * filter_brackets.c deals with brackets, filter_words.c with words. Tokens pass one by one: take()
 * reads a raw token with its doc comments, filter_step() decides what is delivered before it and as
 * what it is delivered. Tokens that the filter makes up (separators, the closings of unclosed
 * brackets) come in between. After a syntax error everything passes as usual, but nothing is
 * delivered until the statement around the error has ended.
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

/* The innermost open bracket, or NULL. */
struct bracket *filter_innermost(struct filter *filter)
{
    return filter->brackets.count ? &vector_last(&filter->brackets) : NULL;
}

bool filter_in_block(struct filter *filter)
{
    struct bracket *bracket = filter_innermost(filter);
    return !bracket || is_block(bracket);
}

bool filter_at_statement_start(const struct filter *filter)
{
    return token_precedes_statement(filter->previous.kind) || filter->annotation_ended;
}

static bool starts_column_one(const struct token *token)
{
    uint32_t begin = token->span.begin;
    return begin == 0 || token->span.source->text[begin - 1] == '\n';
}

struct token filter_made_up(struct filter *filter, int kind, int cause)
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
void filter_hold(struct filter *filter, struct token token)
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
    filter_hold(filter, next);
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
    *depth = filter_block_depth(filter);
    if (*depth == filter->brackets.count)
        return false;
    bool semicolon =
        token->kind == TOKEN_SEMICOLON && filter_innermost(filter)->begin < filter->skip_begin;
    return semicolon || (token->newline && is_statement_word(token->kind)) ||
           (token->newline && filter->parser->damaged_line);
}

/* Why a statement ends before `token`, as the cause of a SEPARATOR; NO_CAUSE if it goes on. */
static int separator_cause(struct filter *filter, const struct token *token)
{
    int previous = filter->previous.kind;
    if (!filter_in_block(filter) || previous == TOKEN_SEPARATOR || previous == TOKEN_SYNC ||
        previous == NO_TOKEN || previous == TOKEN_BLOCK_OPEN)
        return NO_CAUSE;
    if (token->kind == TOKEN_SEMICOLON)
        return ';';
    if (token->kind == TOKEN_RBRACE && filter->brackets.count == 0)
        return NO_CAUSE;
    if (token->kind == TOKEN_END || token->kind == TOKEN_RBRACE)
        return token->newline ? '\n' : token->kind == TOKEN_END ? 0 : '}';
    if ((token->kind == TOKEN_ELSE || token->kind == TOKEN_ELIF_WORD) &&
        filter_else_follows(filter))
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
    if (token->kind != TOKEN_LBRACE || !filter_head_waits(filter))
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
        filter_drop_heads(filter);
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
        return deliver(filter, filter_next_closing(filter));
    filter->close_depth = SIZE_MAX;
    struct token token = take(filter);
    size_t depth;
    if (shows_unclosed(filter, &token, &depth)) {
        filter_repair_unclosed(filter, depth, &token);
        filter_hold(filter, token);
        return SKIPPED_TOKEN;
    }
    if (token.newline)
        filter->parser->damaged_line = false;
    int cause = separator_cause(filter, &token);
    if (cause != NO_CAUSE && !(cause == '\n' && brace_on_next_line(filter, &token))) {
        struct token separator = filter_made_up(filter, TOKEN_SEPARATOR, cause);
        if (cause == ';' || cause == '}')
            separator.span =
                cause == ';' || token.kind == TOKEN_RBRACE ? token.span : separator.span;
        if (cause != ';')
            filter_hold(filter, token);
        return deliver(filter, separator);
    }
    if (token.kind == TOKEN_SEMICOLON)
        return SKIPPED_TOKEN;
    int kind = filter_classify(filter, &token);
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
    size_t depth = filter_block_depth(filter);
    while (filter->brackets.count > depth)
        filter_pop_bracket(filter);
    filter_hold(filter, filter->previous);
    filter->previous.kind = TOKEN_SEPARATOR;
    filter->previous.span.end = filter->previous.span.begin;
    filter->recovers = true;
}

/* Whether the line that `token` begins goes on with the statement that is being skipped, though its
 * brackets say otherwise: it is indented further, or begins with a closing bracket. */
static bool continues_statement(const struct filter *filter, const struct token *token)
{
    const struct source *source = filter->parser->source;
    return token->kind == TOKEN_RPAREN || token->kind == TOKEN_RBRACKET ||
           (token->newline && token->kind != TOKEN_RBRACE && token->kind != TOKEN_END &&
            filter_indentation(source, token->span.begin) >
                filter_indentation(source, filter->skip_begin));
}

/* Whether skipping may end at the separator that has just passed. Outside of declarations it goes
 * on to the next one, so that statements which stand there are one mistake. */
static bool list_goes_on(struct filter *filter)
{
    if (filter->queue_begin < filter->queue.count || filter->brackets.count > filter->close_depth)
        return false;
    struct token token = take(filter);
    filter_hold(filter, token);
    if (filter->head_misread && token.kind == TOKEN_LBRACE && !token.newline) {
        filter_push_head(filter, BRACKET_STATEMENTS, false, token.span.begin);
        return false;
    }
    if (continues_statement(filter, &token))
        return false;
    if (filter->brackets.count > 0 || token.kind == TOKEN_END)
        return true;
    /* `let` and annotations begin statements, too, which tell themselves by their indentation. */
    bool column_one = starts_column_one(&token);
    return begins_declaration(&token) || filter_is_foreign_word(&token) ||
           token.kind == TOKEN_DOC ||
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
    enqueue(filter, filter_made_up(filter, TOKEN_BLOCK_CLOSE, 0));
    enqueue(filter, filter_made_up(filter, TOKEN_SEPARATOR, '}'));
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
    return filter_made_up(filter, TOKEN_SYNC, 0);
}

int filter_next(struct filter *filter, union SYNTAX_STYPE *value, struct span *span)
{
    int kind;
    if (filter->parser->abandoned) {
        kind = TOKEN_END;
        filter->previous = filter_made_up(filter, kind, 0);
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
