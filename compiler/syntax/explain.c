/*
 * Explaining syntax errors; see explain.h.
 *
 * A syntax error is a token that cannot stand where it stands. Which mistake lies behind it shows
 * in that token, the ones before it, the bracket around it and what was expected. The functions in
 * `explanations` are asked in turn, the special ones first; the first that recognises a mistake
 * reports it. The last names what was found and what was expected.
 */
#include "syntax/explain.h"

#include <string.h>

#include "syntax/filter_state.h"
#include "syntax/parse.h"

struct mistake {
    struct parser *parser;
    struct filter *filter;
    const struct expectation *expected;
    struct token found;
    struct passed before[PASSED_LIMIT]; /* the tokens before it, the nearest first */
    const struct bracket *bracket;      /* the one around it, NULL at the top level */
};

/* ---- Looking around ---- */

static bool in_bracket(const struct mistake *mistake, enum bracket_kind kind)
{
    return mistake->bracket && mistake->bracket->kind == kind;
}

static bool is_declaration_keyword(int kind)
{
    return kind == TOKEN_USE || kind == TOKEN_TASK || kind == TOKEN_FLOW || kind == TOKEN_STRUCT ||
           kind == TOKEN_EXTERN;
}

static bool is_statement_keyword(int kind)
{
    return kind == TOKEN_LET || kind == TOKEN_VAR || kind == TOKEN_IF || kind == TOKEN_WHILE ||
           kind == TOKEN_FOR || kind == TOKEN_BREAK || kind == TOKEN_CONTINUE ||
           kind == TOKEN_RETURN;
}

static bool is_keyword(int kind)
{
    return is_declaration_keyword(kind) || is_statement_keyword(kind) || kind == TOKEN_ELSE ||
           kind == TOKEN_IN || kind == TOKEN_MAP || kind == TOKEN_TRUE || kind == TOKEN_FALSE ||
           kind == TOKEN_IF_OPERAND || kind == TOKEN_IF_FILTER || kind == TOKEN_FOR_EACH;
}

static bool starts_operand(int kind)
{
    return kind == TOKEN_NAME || kind == TOKEN_INTEGER || kind == TOKEN_FLOAT ||
           kind == TOKEN_STRING || kind == TOKEN_CHARACTER || kind == TOKEN_TRUE ||
           kind == TOKEN_FALSE || kind == TOKEN_MAP || kind == TOKEN_DURATION ||
           kind == TOKEN_NOT || kind == TOKEN_TILDE;
}

/* Operators that take an operand on their left. */
static bool is_binary_sign(int kind)
{
    return (kind >= TOKEN_OR_OR && kind <= TOKEN_AT && kind != TOKEN_MINUS) || kind == TOKEN_DOT ||
           kind == TOKEN_IN;
}

/* The first character after the blanks that follow the found token. */
static const char *text_after(const struct mistake *mistake)
{
    const char *text = mistake->found.span.source->text + mistake->found.span.end;
    return text + strspn(text, " \t");
}

static uint32_t line_indentation(const struct source *source, uint32_t at)
{
    while (at > 0 && source->text[at - 1] != '\n')
        at--;
    return (uint32_t)strspn(source->text + at, " \t");
}

/* What was found, for a message: the token's text, or what a made-up token stands for. */
static const char *found_text(const struct mistake *mistake)
{
    const struct token *found = &mistake->found;
    if (found->kind == TOKEN_END || (found->kind == TOKEN_SEPARATOR && found->value.cause == 0))
        return "the end of the file";
    if (found->kind == TOKEN_SEPARATOR && found->value.cause == '\n')
        return "the end of the line";
    if (found->span.begin == found->span.end)
        return "the end of the block";
    uint32_t length = found->span.end - found->span.begin;
    const char *text = found->span.source->text + found->span.begin;
    if (length > 40)
        return found->kind == TOKEN_STRING ? "a string" : "this";
    return arena_printf(mistake->parser->arena, "`%.*s`", (int)length, text);
}

static const char *quoted(const struct mistake *mistake, const char *token)
{
    if (strncmp(token, "a ", 2) == 0 || strncmp(token, "an ", 3) == 0 ||
        strncmp(token, "the ", 4) == 0 || *token == '`')
        return token;
    return arena_printf(mistake->parser->arena, "`%s`", token);
}

static const char *expected_text(const struct mistake *mistake)
{
    const struct expectation *expected = mistake->expected;
    if (expected->count > EXPECTATION_LIMIT || expected->count == 0)
        return expected->comma ? "`,`, a closing bracket or an operator" : "an operator";
    struct buffer text = {0};
    for (int i = 0; i < expected->count; i++)
        buffer_printf(&text, "%s%s",
                      i == 0                    ? ""
                      : i + 1 < expected->count ? ", "
                                                : " or ",
                      quoted(mistake, expected->tokens[i]));
    const char *copy = arena_text(mistake->parser->arena, buffer_text(&text), text.length);
    buffer_release(&text);
    return copy;
}

/* Reports at the found token; with a hint unless that is NULL. */
static bool report(const struct mistake *mistake, enum error_code code, const char *message,
                   const char *hint)
{
    struct diagnostic *d = syntax_report(mistake->parser, mistake->found.span, code, "%s", message);
    if (hint)
        diagnose_hint(mistake->parser->diagnostics, d, "%s", hint);
    return true;
}

/* Reports that something was expected and something else found. */
static bool report_found(const struct mistake *mistake, enum error_code code, const char *wanted,
                         const char *hint)
{
    const char *message =
        arena_printf(mistake->parser->arena, "expected %s, found %s", wanted, found_text(mistake));
    return report(mistake, code, message, hint);
}

/* ---- Mistakes, the special ones first ---- */

static bool explain_increment(const struct mistake *mistake)
{
    bool decrement = mistake->found.kind == TOKEN_SEPARATOR &&
                     mistake->before[0].kind == TOKEN_MINUS &&
                     mistake->before[1].kind == TOKEN_MINUS;
    if (decrement) {
        struct span span = span_join(mistake->before[1].span, mistake->before[0].span);
        struct diagnostic *d =
            syntax_report(mistake->parser, span, ERR_increment, "there is no operator `--`");
        diagnose_hint(mistake->parser->diagnostics, d, "write `i -= 1`");
        return true;
    }
    if (mistake->found.kind != TOKEN_INCREMENT)
        return false;
    return report(mistake, ERR_increment, "there is no operator `++`", "write `i += 1`");
}

static bool explain_float(const struct mistake *mistake)
{
    if (mistake->found.kind == TOKEN_PART && mistake->expected->value)
        return report(mistake, ERR_float_incomplete, "a float has a digit before its dot",
                      arena_printf(mistake->parser->arena, "write `0%.*s`",
                                   (int)(mistake->found.span.end - mistake->found.span.begin),
                                   mistake->found.span.source->text + mistake->found.span.begin));
    if (mistake->before[0].kind != TOKEN_DOT || mistake->before[1].kind != TOKEN_INTEGER)
        return false;
    struct span span = span_join(mistake->before[1].span, mistake->before[0].span);
    struct diagnostic *d = syntax_report(mistake->parser, span, ERR_float_incomplete,
                                         "a float has a digit after its dot");
    diagnose_hint(mistake->parser->diagnostics, d, "write `%.*s0`", (int)(span.end - span.begin),
                  span.source->text + span.begin);
    return true;
}

/* `a = b` where only a value can stand. */
static bool explain_assignment(const struct mistake *mistake)
{
    int kind = mistake->found.kind;
    bool equals = kind == TOKEN_ASSIGN;
    if ((!equals && kind != TOKEN_ASSIGN_OPERATION) || mistake->expected->assign ||
        mistake->expected->value || mistake->expected->name || !mistake->bracket ||
        in_bracket(mistake, BRACKET_VALUE) || in_bracket(mistake, BRACKET_FIELDS))
        return false;
    if (in_bracket(mistake, BRACKET_LITERAL))
        return report(mistake, ERR_assignment_in_expression,
                      "the fields of a literal are given with `:`", "write `name: value`");
    if (in_bracket(mistake, BRACKET_ROUND) && mistake->before[0].kind == TOKEN_NAME && equals)
        return report(mistake, ERR_assignment_in_expression,
                      "`=` assigns, which is a statement of its own",
                      "a named argument is written `name: value`, a comparison `==`");
    if (mistake->expected->separator)
        return report(mistake, ERR_assignment_in_expression,
                      "an assignment has no value that could be assigned again",
                      "write one assignment for each place");
    if (mistake->expected->block && equals)
        return report(mistake, ERR_assignment_in_expression,
                      "`=` assigns, and cannot stand in a condition",
                      "a comparison is written `==`");
    return report(mistake, ERR_assignment_in_expression,
                  "an assignment is a statement of its own, and has no value", NULL);
}

/* `if p == Point{x: 1} {`, where `{` opens the block. */
static bool explain_struct_in_head(const struct mistake *mistake)
{
    if (mistake->found.kind != TOKEN_COLON || !in_bracket(mistake, BRACKET_STATEMENTS) ||
        !mistake->bracket->after_name || mistake->before[0].kind != TOKEN_NAME ||
        mistake->before[1].kind != TOKEN_BLOCK_OPEN)
        return false;
    struct span brace = {mistake->parser->source, mistake->bracket->begin,
                         mistake->bracket->begin + 1};
    char before = brace.begin ? brace.source->text[brace.begin - 1] : ' ';
    if (before == ' ' || before == '\t')
        return false;
    struct diagnostic *d =
        syntax_report(mistake->parser, brace, ERR_struct_literal_in_head,
                      "this `{` opens the block, so a struct literal here needs parentheses");
    diagnose_hint(mistake->parser->diagnostics, d, "write `(Name{field: value})`");
    filter_recover_head(mistake->filter);
    return true;
}

void nearest_statement_word(const char *name, const char **best)
{
    static const char *const words[] = {"let",   "var",   "if",       "else",  "for",
                                        "while", "break", "continue", "return"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        nearest_name(name, words[i], best);
}

/* The word that the name before the found token is a slip of, at the beginning of a statement. */
static const char *misspelt_word(const struct mistake *mistake)
{
    const struct passed *name = &mistake->before[0];
    int before = mistake->before[1].kind;
    if (name->kind != TOKEN_NAME ||
        !(token_precedes_statement(before) || before == TOKEN_BLOCK_CLOSE))
        return NULL;
    const char *best = NULL;
    nearest_statement_word(arena_text(mistake->parser->arena,
                                      name->span.source->text + name->span.begin,
                                      name->span.end - name->span.begin),
                           &best);
    return best;
}

/* `x: int = 3`, `int x = 3`, `x := 3`. */
static bool explain_let(const struct mistake *mistake)
{
    const char *hint = "write `let x = 3`, or `var x = 3` for a variable that changes; a type may "
                       "follow the name: `let x: int = 3`";
    const char *message = "a variable is declared with `let` or `var`";
    if (mistake->found.kind == TOKEN_WALRUS)
        return report(mistake, ERR_let_missing, message, hint);
    if (mistake->before[0].kind != TOKEN_NAME ||
        !token_precedes_statement(mistake->before[1].kind) ||
        !in_bracket(mistake, BRACKET_STATEMENTS))
        return false;
    const char *next = text_after(mistake);
    bool typed_first = mistake->found.kind == TOKEN_NAME && next[0] == '=' && next[1] != '=';
    if (!typed_first && mistake->found.kind != TOKEN_COLON)
        return false;
    if (typed_first && misspelt_word(mistake))
        hint = arena_printf(mistake->parser->arena, "did you mean `%s`?", misspelt_word(mistake));
    return report(mistake, ERR_let_missing, message, hint);
}

static bool explain_for(const struct mistake *mistake)
{
    bool first = mistake->before[0].kind == TOKEN_FOR || mistake->before[0].kind == TOKEN_FOR_EACH;
    bool second = mistake->before[1].kind == TOKEN_FOR || mistake->before[1].kind == TOKEN_FOR_EACH;
    if (!first && !(second && mistake->before[0].kind == TOKEN_NAME))
        return false;
    if (first && is_keyword(mistake->found.kind))
        return false;
    return report(mistake, ERR_for_form,
                  first ? "`for` is followed by the names that it gives values to"
                        : "the names of a `for` are followed by `in`",
                  "write `for i in 0..n`, `for x in xs`, `for key, value in m`");
}

static bool explain_comprehension(const struct mistake *mistake)
{
    if (mistake->found.kind != TOKEN_FOR_EACH || !token_ends_operand(mistake->before[0].kind))
        return false;
    if (!in_bracket(mistake, BRACKET_SQUARE))
        return report(mistake, ERR_comprehension_form, "a comprehension stands between `[` and `]`",
                      "write `sum([f(x) for x in xs])`");
    if (mistake->bracket->is_index)
        return report(mistake, ERR_comprehension_form, "a comprehension is no index", NULL);
    if (mistake->expected->comma && !mistake->expected->separator)
        return report(mistake, ERR_comprehension_form,
                      "a comprehension has one `for`, and one value before it",
                      "separate iterators by commas: `[f(i, j) for i in 0..n, j in 0..m]`, or nest "
                      "comprehensions for arrays of arrays");
    return false;
}

static bool explain_conditional(const struct mistake *mistake)
{
    if (mistake->found.kind != TOKEN_IF_OPERAND || !token_ends_operand(mistake->before[0].kind))
        return false;
    return report(mistake, ERR_conditional_order, "`if` cannot follow a value",
                  "a choice is written `if c { a } else { b }`");
}

static bool explain_branch(const struct mistake *mistake)
{
    if (mistake->found.kind == TOKEN_BLOCK_CLOSE && mistake->before[0].kind == TOKEN_BLOCK_OPEN)
        return report(mistake, ERR_value_expected, "this branch of the `if` has no value",
                      "each branch of an `if` used as a value holds one expression");
    if (!in_bracket(mistake, BRACKET_VALUE))
        return false;
    int kind = mistake->found.kind;
    bool statement = is_statement_keyword(kind) || kind == TOKEN_ASSIGN ||
                     kind == TOKEN_ASSIGN_OPERATION || mistake->before[0].kind == TOKEN_SEPARATOR;
    if (!statement)
        return false;
    return report(mistake, ERR_branch_statement,
                  "a branch of an `if` used as a value holds one expression",
                  "to do more, use `if` as a statement that assigns to a variable");
}

static bool explain_else(const struct mistake *mistake)
{
    if (mistake->found.kind != TOKEN_ELSE)
        return false;
    return report(mistake, ERR_else_stray, "this `else` belongs to no `if`",
                  "`else` follows directly after the `}` of an `if`");
}

static bool explain_colon(const struct mistake *mistake)
{
    bool here = mistake->found.kind == TOKEN_COLON, before = mistake->before[0].kind == TOKEN_COLON;
    if (!(here || before) || !in_bracket(mistake, BRACKET_SQUARE))
        return false;
    if (mistake->bracket->is_index)
        return report(mistake, ERR_slice_colon, "a slice is not written with `:`",
                      "write `a[lo..hi]`, `a[lo..]` or `a[..hi]`; `:` alone is a whole dimension");
    return report(mistake, ERR_token_unexpected, "an array has no names for its elements",
                  "a map is written `map[str]int{\"a\": 1}`");
}

static bool explain_range(const struct mistake *mistake)
{
    int kind = mistake->found.kind;
    bool sign = kind == TOKEN_DOTDOT || kind == TOKEN_DOTDOTEQ;
    if (sign && token_ends_operand(mistake->before[0].kind))
        return report(mistake, ERR_range_misplaced, "a range has two ends",
                      "for steps write `range(lo, hi, step)`");
    if (sign && !in_bracket(mistake, BRACKET_SQUARE))
        return report(mistake, ERR_range_misplaced, "a range begins with its lower end here",
                      "only in an index an end may be left out: `a[..hi]`");
    int before = mistake->before[0].kind;
    if (before != TOKEN_DOTDOT && before != TOKEN_DOTDOTEQ)
        return false;
    if (kind == TOKEN_RBRACKET)
        return report_found(mistake, ERR_range_misplaced, "the end of the range",
                            "a whole dimension is written `:`");
    if (mistake->expected->value && kind != TOKEN_PART)
        return report_found(mistake, ERR_range_misplaced, "the end of the range",
                            "only in an index an end may be left out: `a[lo..]`");
    return false;
}

/* `let a, b = …`, `a, b = …`, `return a, b`. */
static bool explain_destructuring(const struct mistake *mistake)
{
    if (mistake->found.kind != TOKEN_COMMA || mistake->expected->value ||
        mistake->expected->block || !in_bracket(mistake, BRACKET_STATEMENTS))
        return false;
    return report(mistake, ERR_destructuring_parentheses, "several values stand in parentheses",
                  "write `let (q, r) = f(a)`, `(a, b) = (b, a)` or `return (q, r)`");
}

static bool explain_annotation(const struct mistake *mistake)
{
    bool here = mistake->filter->previous_after_annotation;
    bool before = mistake->before[0].after_annotation;
    if (!here && !(before && mistake->before[0].kind == TOKEN_NAME))
        return false;
    return report_found(mistake, ERR_annotation_misplaced,
                        mistake->expected->declaration ? "a declaration after the annotation"
                                                       : "a call after the annotation",
                        "an annotation stands before a declaration or a called function: "
                        "`@retry(2) solve(a, b)`");
}

/* A block by itself, or after a word that is none of the language. */
static bool explain_block(const struct mistake *mistake)
{
    if (mistake->found.kind != TOKEN_BLOCK_OPEN || !mistake->bracket ||
        !(token_precedes_statement(mistake->before[0].kind) ||
          mistake->before[0].kind == TOKEN_NAME))
        return false;
    const char *word = misspelt_word(mistake);
    return report(mistake, ERR_block_alone, "this block belongs to nothing",
                  word ? arena_printf(mistake->parser->arena, "did you mean `%s`?", word)
                       : "a block follows `if`, `else`, `while` or `for`");
}

static void nearest_declaration_word(const char *name, const char **best)
{
    static const char *const words[] = {"use", "let", "struct", "task", "flow", "extern"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        nearest_name(name, words[i], best);
}

static bool explain_declaration(const struct mistake *mistake)
{
    if (is_declaration_keyword(mistake->found.kind) && mistake->expected->value &&
        token_precedes_statement(mistake->before[0].kind))
        return report(mistake, ERR_declaration_nested, "declarations stand outside of bodies",
                      "move it out; tasks and flows see the parameters that they are given");
    if (!mistake->expected->declaration)
        return false;
    if (mistake->before[0].kind == TOKEN_DOC)
        return report_found(mistake, ERR_declaration_expected, "a declaration after the comment",
                            NULL);
    const char *word = NULL;
    if (mistake->found.kind == TOKEN_NAME)
        nearest_declaration_word(mistake->found.value.name.text, &word);
    if (word)
        return report_found(mistake, ERR_declaration_expected, "a declaration",
                            arena_printf(mistake->parser->arena, "did you mean `%s`?", word));
    if (is_statement_keyword(mistake->found.kind) || mistake->found.kind == TOKEN_NAME)
        return report_found(mistake, ERR_declaration_expected, "a declaration",
                            mistake->found.kind == TOKEN_VAR
                                ? "a constant is declared with `let`; variables stand in bodies"
                                : "statements stand in the body of a `task` or `flow`");
    return report_found(
        mistake, ERR_declaration_expected, "a declaration",
        "a file consists of `use`, `let`, `struct`, `task`, `flow` and `extern task`");
}

static bool explain_missing_type(const struct mistake *mistake)
{
    if (!mistake->expected->colon || mistake->expected->count > 1 ||
        mistake->before[0].kind != TOKEN_NAME)
        return false;
    if (in_bracket(mistake, BRACKET_LITERAL))
        return mistake->found.kind != TOKEN_ASSIGN &&
               report_found(mistake, ERR_token_unexpected, "`:` and the field's value", NULL);
    struct diagnostic *d =
        syntax_report(mistake->parser, mistake->before[0].span, ERR_type_missing,
                      in_bracket(mistake, BRACKET_FIELDS) ? "this field has no type"
                                                          : "this parameter has no type");
    diagnose_hint(mistake->parser->diagnostics, d, "types of signatures are written out: `n: int`");
    return true;
}

static bool explain_missing_value(const struct mistake *mistake)
{
    if (!mistake->expected->assign || mistake->found.kind != TOKEN_SEPARATOR)
        return false;
    return report_found(mistake, ERR_initial_value_missing, "`=` and a value",
                        "a variable gets its value where it is declared: `var n = 0`");
}

static bool explain_body(const struct mistake *mistake)
{
    if (!mistake->expected->block)
        return false;
    const char *hint = NULL;
    if (mistake->found.kind == TOKEN_COLON)
        hint = "blocks stand in braces";
    else if (mistake->before[0].kind == TOKEN_NAME && mistake->before[1].kind == TOKEN_STRUCT)
        hint = mistake->found.kind == TOKEN_LT
                   ? "structs have no type parameters: declare one for each type, or use a tuple"
                   : "the fields of a struct stand in braces: `struct Point { x: f64, y: f64 }`";
    else if (!mistake->bracket)
        hint = "the body of a task or flow stands in braces: `{ return x }`";
    else if (mistake->found.kind == TOKEN_SEPARATOR || is_statement_keyword(mistake->found.kind))
        hint = "a block has braces around it, even when it holds one statement";
    filter_expect_closing(mistake->filter);
    return report_found(mistake, ERR_body_missing, "`{` and a block", hint);
}

static bool explain_keyword(const struct mistake *mistake)
{
    int kind = mistake->found.kind;
    const struct expectation *expected = mistake->expected;
    bool name_wanted = expected->name && !expected->value && !expected->type;
    bool as_operand = expected->value && (is_declaration_keyword(kind) || kind == TOKEN_ELSE);
    bool map_alone = mistake->before[0].kind == TOKEN_MAP && expected->count == 1;
    if (map_alone) {
        struct diagnostic *d =
            syntax_report(mistake->parser, mistake->before[0].span, ERR_keyword_as_name,
                          "`map` is a word of the language");
        diagnose_hint(mistake->parser->diagnostics, d,
                      "a map is written `map[str]int{}`; a variable needs another name");
        return true;
    }
    if (!is_keyword(kind) || !(name_wanted || as_operand))
        return false;
    return report(mistake, ERR_keyword_as_name,
                  arena_printf(mistake->parser->arena, "%s is a word of the language, and no name",
                               found_text(mistake)),
                  "choose another name");
}

static void report_unclosed(const struct mistake *mistake)
{
    const struct source *source = mistake->parser->source;
    uint32_t opened = mistake->bracket->begin;
    struct diagnostic *d =
        syntax_report(mistake->parser, (struct span){source, opened, opened + 1},
                      ERR_bracket_unclosed, "this `%c` is not closed", source->text[opened]);
    diagnose_note(mistake->parser->diagnostics, d, mistake->found.span,
                  "a closing bracket is missing before this");
}

/* `f(a: int {`, where the block of a head has come. */
static bool explain_unclosed_head(const struct mistake *mistake)
{
    if (mistake->found.kind != TOKEN_LITERAL_OPEN || !mistake->bracket ||
        mistake->bracket->kind > BRACKET_SQUARE || mistake->expected->value)
        return false;
    report_unclosed(mistake);
    return true;
}

/* An item of a list without a comma before it, or a list that was never closed. */
static bool explain_list(const struct mistake *mistake)
{
    if (!mistake->expected->comma || !mistake->bracket ||
        mistake->bracket->kind >= BRACKET_STATEMENTS || !starts_operand(mistake->found.kind))
        return false;
    const struct source *source = mistake->parser->source;
    uint32_t opened = mistake->bracket->begin;
    bool left = mistake->found.newline && line_indentation(source, mistake->found.span.begin) <=
                                              line_indentation(source, opened);
    if (left) {
        report_unclosed(mistake);
        filter_recover_unclosed(mistake->filter);
        return true;
    }
    return report_found(mistake, ERR_comma_missing,
                        in_bracket(mistake, BRACKET_SQUARE)  ? "`,` or `]`"
                        : in_bracket(mistake, BRACKET_ROUND) ? "`,` or `)`"
                                                             : "`,` or `}`",
                        NULL);
}

static bool explain_type(const struct mistake *mistake)
{
    if (!mistake->expected->type || mistake->expected->value)
        return false;
    return report_found(mistake, ERR_type_expected, "a type",
                        mistake->found.kind == TOKEN_LBRACKET
                            ? "an array is written `T[n]`, the element's type first"
                            : NULL);
}

static bool explain_name(const struct mistake *mistake)
{
    if (!mistake->expected->name || mistake->expected->value || mistake->expected->type)
        return false;
    return report_found(mistake, ERR_name_expected, "a name",
                        in_bracket(mistake, BRACKET_LITERAL)
                            ? "the fields of a struct literal are named: `Point{x: 1, y: 2}`"
                            : NULL);
}

static bool explain_value(const struct mistake *mistake)
{
    if (!mistake->expected->value)
        return false;
    const char *hint = NULL;
    int kind = mistake->found.kind;
    if (is_binary_sign(kind) && mistake->before[0].kind == TOKEN_SEPARATOR)
        hint = "the line before was a whole statement; to go on, end it with the operator";
    else if (kind == TOKEN_LITERAL_OPEN)
        hint = "a map is written `map[K]V{…}`, a struct `Name{…}`";
    else if (kind == TOKEN_BLOCK_OPEN)
        hint = "the condition or subject is missing";
    else if (kind == TOKEN_GT && mistake->before[0].kind == TOKEN_ASSIGN)
        hint = "there is no `=>`; `>=` is greater or equal, `->` stands before a result's type";
    else if (kind == TOKEN_AMPERSAND || kind == TOKEN_STAR)
        hint = "there are no pointers or references: values are passed as they are";
    return report_found(mistake, ERR_value_expected, "an expression", hint);
}

static bool explain_end(const struct mistake *mistake)
{
    if (!mistake->expected->separator)
        return false;
    const char *word = misspelt_word(mistake), *hint = NULL;
    if (word)
        hint = arena_printf(mistake->parser->arena, "did you mean `%s`?", word);
    else if (starts_operand(mistake->found.kind) || is_keyword(mistake->found.kind))
        hint = "two statements on one line have `;` between them";
    return report_found(mistake, ERR_statement_unended, "the end of the statement", hint);
}

static bool (*const explanations[])(const struct mistake *) = {
    explain_increment,     explain_float,         explain_annotation,    explain_struct_in_head,
    explain_let,           explain_for,           explain_comprehension, explain_conditional,
    explain_branch,        explain_missing_type,  explain_assignment,    explain_else,
    explain_colon,         explain_range,         explain_destructuring, explain_block,
    explain_declaration,   explain_missing_value, explain_body,          explain_keyword,
    explain_unclosed_head, explain_list,          explain_type,          explain_name,
    explain_value,         explain_end,
};

/* The bracket around the found token, which may itself have opened or closed one. */
static const struct bracket *surrounding(const struct filter *filter)
{
    size_t count = filter->brackets.count;
    int kind = filter->previous.kind;
    bool opening = kind == TOKEN_LPAREN || kind == TOKEN_LBRACKET || kind == TOKEN_LITERAL_OPEN ||
                   kind == TOKEN_BLOCK_OPEN;
    if (opening && count)
        count--;
    if (kind == TOKEN_RPAREN || kind == TOKEN_RBRACKET || kind == TOKEN_LITERAL_CLOSE ||
        kind == TOKEN_BLOCK_CLOSE)
        return &filter->closed;
    return count ? &filter->brackets.items[count - 1] : NULL;
}

void explain_syntax_error(struct parser *parser, const struct expectation *expected)
{
    struct filter *filter = parser->filter;
    struct mistake mistake = {.parser = parser,
                              .filter = filter,
                              .expected = expected,
                              .found = filter->previous,
                              .bracket = surrounding(filter)};
    memcpy(mistake.before, filter->passed, sizeof mistake.before);
    if (parser->abandoned || mistake.found.span.begin < parser->quiet_until)
        return;
    for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++)
        if (explanations[i](&mistake))
            return;
    report_found(&mistake, ERR_token_unexpected, expected_text(&mistake), NULL);
}
