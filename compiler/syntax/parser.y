/*
 * The grammar of .wk, as in spec/language.md, L2. What newlines, `{`, `if` and `for` mean at a place
 * is decided by the token filter (filter.h), which is why the grammar is plain LALR(1) without a
 * conflict. Some mistakes are accepted here and refused by the builders (build.h), which can say
 * more; the rest come to yyreport_syntax_error and are explained by explain.c.
 *
 * Recovery: after a syntax error the filter skips to the end of the statement, field or declaration
 * and delivers SYNC.
 */
%require "3.8"
%define api.pure full
%define api.prefix {syntax_}
%define api.token.prefix {TOKEN_}
%define api.location.type {struct span}
%define parse.error custom
%define parse.lac full
%param {struct parser *parser}
%expect 0
%locations

%code requires {
#include "syntax/build.h"
#include "syntax/parser_state.h"
}

%union {
    struct ast_name name;
    struct { uint64_t value; } integer;
    struct float_literal real;
    struct { const char *text; uint32_t length; } string;
    int cause; /* of a SEPARATOR: ';', '\n', '}' or 0 for the end of the file */
    enum operation operation;
    struct list list;
    struct ast_argument argument;
    struct ast_index index;
    struct ast_iterator *iterator;
    struct ast_field_value *field_value;
    struct ast_parameter *parameter;
    struct extent_group *group;
    struct tuple_part *part;
    struct ast_expression *expression;
    struct ast_type *type;
    struct ast_block *block;
    struct ast_statement *statement;
    struct ast_declaration *declaration;
    struct prefix prefix;
}

%code {
#include "syntax/explain.h"
#include "syntax/filter.h"

#define YYLLOC_DEFAULT(current, rhs, n)                                                            \
    ((current) = (n) ? (struct span){YYRHSLOC(rhs, 1).source, YYRHSLOC(rhs, 1).begin,              \
                                     YYRHSLOC(rhs, n).end}                                         \
                     : (struct span){YYRHSLOC(rhs, 0).source, YYRHSLOC(rhs, 0).end,                \
                                     YYRHSLOC(rhs, 0).end})

/* Large values travel as pointers, since bison copies one at each reduction. */
#define boxed(parser, type, ...)                                                                   \
    ((type *)arena_copy((parser)->arena, &(type){__VA_ARGS__}, sizeof(type)))

/* Deep nesting is refused by height; the stack's limit is for what has no height before it is
 * complete, such as a chain of a hundred thousand unary minuses. */
#define YYINITDEPTH 400
#define YYMAXDEPTH 24000

static int syntax_lex(SYNTAX_STYPE *value, struct span *span, struct parser *parser)
{
    return filter_next(parser->filter, value, span);
}
static void syntax_error(const struct span *span, struct parser *parser, const char *message);
}

%token END 0 "the end of the file"
%token SEPARATOR "the end of the statement" SYNC "the end of the skipped text"
%token <name> NAME "a name"
%token <name> ANNOTATION "an annotation"
%token <integer> INTEGER "an integer" CHARACTER "a character" DURATION "a duration"
%token <integer> PART "a part's number"
%token <real> FLOAT "a number"
%token <string> STRING "a string"
%token <string> DOC "a doc comment"
%token TRUE "true" FALSE "false"
%token USE "use" TASK "task" FLOW "flow" STRUCT "struct" EXTERN "extern" FROM "from" EXEC "exec"
%token LET "let" VAR "var" IF "if" ELSE "else" WHILE "while" FOR "for" BREAK "break"
%token CONTINUE "continue" RETURN "return" MAP "map" IN "in"
%token IF_OPERAND "`if` of an operand" IF_FILTER "`if` of a filter"
%token FOR_EACH "`for` of a comprehension"
%token BLOCK_OPEN "{" BLOCK_CLOSE "}" LITERAL_OPEN "{ of a literal" LITERAL_CLOSE "} of a literal"
%token LPAREN "(" RPAREN ")" LBRACKET "[" RBRACKET "]"
%token COMMA "," COLON ":" DOT "." ARROW "->" ASSIGN "="
%token <operation> ASSIGN_OPERATION "an assignment operator"
%token DOTDOT ".." DOTDOTEQ "..="
%token OR_OR "||" AND_AND "&&" EQ "==" NE "!=" LT "<" LE "<=" GT ">" GE ">="
%token PIPE "|" CARET "^" AMPERSAND "&" SHL "<<" SHR ">>" PLUS "+" MINUS "-"
%token STAR "*" SLASH "/" PERCENT "%" AT "@" NOT "!" TILDE "~"
/* Words and signs of other languages: the filter reports them and puts others in their place. */
%token AND_WORD "and" OR_WORD "or" NOT_WORD "not" ELIF_WORD "elif" SEMICOLON ";" LBRACE "{ " RBRACE "} "
%token INCREMENT "++" POWER "**" WALRUS ":="

%nonassoc DOTDOT DOTDOTEQ
%left OR_OR
%left AND_AND
%left EQ NE LT LE GT GE IN /* a chain is refused by the builder, which knows the operands */
%left PIPE
%left CARET
%left AMPERSAND
%left SHL SHR
%left PLUS MINUS
%left STAR SLASH PERCENT AT
%precedence UNARY

%type <prefix> prefix
%type <declaration> declaration_body function
%type <type> type unit optional_type optional_result
%type <group> group
%type <block> block
%type <statement> statement if_statement
%type <expression> expression postfix primary value if_operand branch default
%type <list> statements names arguments argument_list indexes iterators field_values
%type <list> field_value_list entries entry_list parameters parameter_list fields groups extents
%type <list> types type_list expressions type_parts type_part_list annotations type_parameters
%type <list> named_parts
%type <argument> argument
%type <index> index
%type <iterator> iterator
%type <field_value> field_value entry
%type <parameter> parameter field
%type <part> type_part named_part

%%

program: items;

items:
    %empty
  | items SEPARATOR
  | items prefix declaration_body SEPARATOR { build_declaration(parser, &$prefix, $declaration_body); }
  | items error SYNC { yyerrok; };

/* ---- Declarations ---- */

prefix:
    %empty { $$ = (struct prefix){.annotations = list_none(&parser->annotations)}; }
  | prefix DOC {
        $$ = $1;
        $$.doc = $1.doc ? arena_printf(parser->arena, "%s\n%s", $1.doc, $2.text) : $2.text;
    }
  | prefix ANNOTATION {
        $$ = $1;
        build_annotation(parser, &$$.annotations, $2, @2, NULL);
    }
  | prefix ANNOTATION LPAREN arguments RPAREN {
        $$ = $1;
        build_annotation(parser, &$$.annotations, $2, span_join(@2, @5), &$4);
    };

declaration_body:
    USE NAME { $$ = build_use(parser, @$, $2); }
  | LET NAME optional_type ASSIGN value { $$ = build_constant(parser, @$, $2, $3, $5); }
  | STRUCT NAME BLOCK_OPEN fields BLOCK_CLOSE { $$ = build_struct(parser, @$, $2, $4); }
  | TASK function block { $$ = build_function(@$, DECL_TASK, $2, $3); }
  | FLOW function block { $$ = build_function(@$, DECL_FLOW, $2, $3); }
  | EXTERN TASK function FROM STRING {
        $$ = build_extern(@$, $3, false, $5.text, @5);
    }
  | EXTERN TASK function EXEC STRING {
        $$ = build_extern(@$, $3, true, $5.text, @5);
    };

function:
    NAME type_parameters LPAREN parameters RPAREN optional_result {
        $$ = build_signature(parser, $1, $2, $4, $6);
    };

type_parameters:
    %empty { $$ = list_none(&parser->name_list); }
  | LT names GT { $$ = $2; }
  | LT names COMMA GT { $$ = $2; };

parameters:
    %empty { $$ = list_none(&parser->parameters); }
  | parameter_list
  | parameter_list COMMA;

parameter_list:
    parameter { $$ = list_first(&parser->parameters, *$1); }
  | parameter_list COMMA parameter { $$ = list_more(&parser->parameters, $1, *$3); };

parameter: NAME COLON type default { $$ = boxed(parser, struct ast_parameter, $1, $3, $4); };

default:
    %empty { $$ = NULL; }
  | ASSIGN value { $$ = $2; };

optional_result:
    %empty { $$ = NULL; }
  | ARROW type { $$ = $2; };

fields:
    %empty { $$ = list_none(&parser->parameters); }
  | fields SEPARATOR
  | fields field COMMA { $$ = list_more(&parser->parameters, $1, *$2); }
  | fields field SEPARATOR { $$ = list_more(&parser->parameters, $1, *$2); }
  | fields error SYNC { $$ = $1; yyerrok; };

field: NAME COLON type { $$ = boxed(parser, struct ast_parameter, $1, $3, NULL); };

/* ---- Types ---- */

optional_type:
    %empty { $$ = NULL; }
  | COLON type { $$ = $2; };

type:
    unit
  | unit groups { $$ = build_array_type(parser, @$, $1, $2); }
  | MAP LBRACKET type RBRACKET type { $$ = build_map_type(parser, @$, $3, $5); }
  | TASK LPAREN types RPAREN optional_result {
        $$ = build_function_type(parser, @$, false, $3, $5);
    }
  | FLOW LPAREN types RPAREN optional_result {
        $$ = build_function_type(parser, @$, true, $3, $5);
    };

unit:
    NAME { $$ = build_type_name(parser, @$, (struct ast_name){0}, $1); }
  | NAME DOT NAME { $$ = build_type_name(parser, @$, $1, $3); }
  | LPAREN type_parts RPAREN { $$ = build_tuple_type(parser, @$, $2, false); }
  | LPAREN type_part_list COMMA RPAREN { $$ = build_tuple_type(parser, @$, $2, true); };

type_parts:
    %empty { $$ = list_none(&parser->parts); }
  | type_part_list;

type_part_list:
    type_part { $$ = list_first(&parser->parts, *$1); }
  | type_part_list COMMA type_part { $$ = list_more(&parser->parts, $1, *$3); };

type_part:
    type { $$ = boxed(parser, struct tuple_part, .type = $1); }
  | NAME COLON type { $$ = boxed(parser, struct tuple_part, .name = $1, .type = $3); };

types:
    %empty { $$ = list_none(&parser->parts); }
  | type_list
  | type_list COMMA;

type_list:
    type { $$ = list_first(&parser->parts, (struct tuple_part){.type = $1}); }
  | type_list COMMA type {
        $$ = list_more(&parser->parts, $1, (struct tuple_part){.type = $3});
    };

groups:
    group { $$ = list_first(&parser->groups, *$1); }
  | groups group { $$ = list_more(&parser->groups, $1, *$2); };

group: LBRACKET extents RBRACKET { $$ = build_extents(parser, $2); };

extents:
    expressions
  | expressions COMMA;

/* ---- Statements ---- */

block: BLOCK_OPEN statements BLOCK_CLOSE { $$ = build_block(parser, @$, $2); };

statements:
    %empty { $$ = list_none(&parser->statements); }
  | statements SEPARATOR
  | statements statement SEPARATOR {
        $$ = list_more(&parser->statements, $1, check_statement(parser, $2));
    }
  | statements error SYNC { $$ = $1; yyerrok; };

statement:
    LET NAME optional_type ASSIGN value {
        $$ = build_declare(parser, @$, STMT_LET, list_first(&parser->name_list, $2), false, $3, $5);
    }
  | VAR NAME optional_type ASSIGN value {
        $$ = build_declare(parser, @$, STMT_VAR, list_first(&parser->name_list, $2), false, $3, $5);
    }
  | LET LPAREN names RPAREN optional_type ASSIGN value {
        $$ = build_declare(parser, @$, STMT_LET, $3, true, $5, $7);
    }
  | LET LPAREN names COMMA RPAREN optional_type ASSIGN value {
        $$ = build_declare(parser, @$, STMT_LET, $3, true, $6, $8);
    }
  | VAR LPAREN names RPAREN optional_type ASSIGN value {
        $$ = build_declare(parser, @$, STMT_VAR, $3, true, $5, $7);
    }
  | VAR LPAREN names COMMA RPAREN optional_type ASSIGN value {
        $$ = build_declare(parser, @$, STMT_VAR, $3, true, $6, $8);
    }
  | value { $$ = build_expression_statement(parser, @$, $1); }
  | value ASSIGN value { $$ = build_assign(parser, @$, $1, OPERATION_NONE, @2, $3); }
  | value ASSIGN_OPERATION value { $$ = build_assign(parser, @$, $1, $2, @2, $3); }
  | if_statement
  | WHILE value block { $$ = build_while(parser, @$, $2, $3); }
  | FOR iterator block { $$ = build_for(parser, @$, *$2, $3); }
  | BREAK { $$ = build_jump(parser, @$, STMT_BREAK, NULL); }
  | CONTINUE { $$ = build_jump(parser, @$, STMT_CONTINUE, NULL); }
  | RETURN { $$ = build_jump(parser, @$, STMT_RETURN, NULL); }
  | RETURN value { $$ = build_jump(parser, @$, STMT_RETURN, $2); };

if_statement:
    IF value block { $$ = build_if(parser, @$, $2, $3, NULL); }
  | IF value block ELSE block { $$ = build_if(parser, @$, $2, $3, $5); }
  | IF value block ELSE if_statement {
        $$ = build_if(parser, @$, $2, $3, build_single_block(parser, $5));
    };

iterator: names IN expression { $$ = build_iterator(parser, @$, $1, $3); };

names:
    NAME { $$ = list_first(&parser->name_list, $1); }
  | names COMMA NAME { $$ = list_more(&parser->name_list, $1, $3); };

/* ---- Expressions ---- */

/* An expression where no range may stand. */
value: expression { $$ = build_value(parser, $1); };

expression:
    postfix
  | if_operand
  | expression DOTDOT expression { $$ = build_range(parser, @$, $1, $3, false); }
  | expression DOTDOTEQ expression { $$ = build_range(parser, @$, $1, $3, true); }
  | expression OR_OR expression { $$ = build_binary(parser, AST_OR, OPERATION_NONE, $1, @2, $3); }
  | expression AND_AND expression { $$ = build_binary(parser, AST_AND, OPERATION_NONE, $1, @2, $3); }
  | expression IN expression { $$ = build_binary(parser, AST_IN, OPERATION_NONE, $1, @2, $3); }
  | expression AT expression { $$ = build_binary(parser, AST_MATMUL, OPERATION_NONE, $1, @2, $3); }
  | expression EQ expression { $$ = build_operation(parser, OPERATION_EQ, $1, @2, $3); }
  | expression NE expression { $$ = build_operation(parser, OPERATION_NE, $1, @2, $3); }
  | expression LT expression { $$ = build_operation(parser, OPERATION_LT, $1, @2, $3); }
  | expression LE expression { $$ = build_operation(parser, OPERATION_LE, $1, @2, $3); }
  | expression GT expression { $$ = build_operation(parser, OPERATION_GT, $1, @2, $3); }
  | expression GE expression { $$ = build_operation(parser, OPERATION_GE, $1, @2, $3); }
  | expression PIPE expression { $$ = build_operation(parser, OPERATION_OR, $1, @2, $3); }
  | expression CARET expression { $$ = build_operation(parser, OPERATION_XOR, $1, @2, $3); }
  | expression AMPERSAND expression { $$ = build_operation(parser, OPERATION_AND, $1, @2, $3); }
  | expression SHL expression { $$ = build_operation(parser, OPERATION_SHL, $1, @2, $3); }
  | expression SHR expression { $$ = build_operation(parser, OPERATION_SHR, $1, @2, $3); }
  | expression PLUS expression { $$ = build_operation(parser, OPERATION_ADD, $1, @2, $3); }
  | expression MINUS expression { $$ = build_operation(parser, OPERATION_SUB, $1, @2, $3); }
  | expression STAR expression { $$ = build_operation(parser, OPERATION_MUL, $1, @2, $3); }
  | expression SLASH expression { $$ = build_operation(parser, OPERATION_DIV, $1, @2, $3); }
  | expression PERCENT expression { $$ = build_operation(parser, OPERATION_REM, $1, @2, $3); }
  | MINUS expression %prec UNARY { $$ = build_unary(parser, OPERATION_NEG, @1, $2); }
  | NOT expression %prec UNARY { $$ = build_unary(parser, OPERATION_NOT, @1, $2); }
  | TILDE expression %prec UNARY { $$ = build_unary(parser, OPERATION_COMPLEMENT, @1, $2); };

if_operand:
    IF_OPERAND value branch { $$ = build_branches(parser, @$, $2, $3, NULL); }
  | IF_OPERAND value branch ELSE branch { $$ = build_branches(parser, @$, $2, $3, $5); }
  | IF_OPERAND value branch ELSE if_operand { $$ = build_branches(parser, @$, $2, $3, $5); };

branch: BLOCK_OPEN value SEPARATOR BLOCK_CLOSE { $$ = $2; };

postfix:
    primary
  | postfix LPAREN arguments RPAREN { $$ = build_call(parser, @$, $1, $3); }
  | postfix LBRACKET indexes RBRACKET { $$ = build_index(parser, @$, $1, $3); }
  | postfix LBRACKET indexes COMMA RBRACKET { $$ = build_index(parser, @$, $1, $3); }
  | postfix DOT NAME { $$ = build_field(parser, @$, $1, $3); }
  | postfix PART { $$ = build_part(parser, @$, $1, $2.value, @2); }
  | postfix DOT NAME LITERAL_OPEN field_values LITERAL_CLOSE {
        $$ = build_struct_literal(parser, @$, $1, $3, $5);
    };

primary:
    NAME { $$ = build_name(parser, $1); }
  | INTEGER { $$ = build_integer(parser, @$, EXPR_INTEGER, $1.value, false); }
  | CHARACTER { $$ = build_integer(parser, @$, EXPR_CHARACTER, $1.value, false); }
  | DURATION { $$ = build_integer(parser, @$, EXPR_INTEGER, $1.value, true); }
  | FLOAT { $$ = build_float(parser, @$, $1); }
  | STRING { $$ = build_string(parser, @$, $1.text, $1.length); }
  | TRUE { $$ = build_boolean(parser, @$, true); }
  | FALSE { $$ = build_boolean(parser, @$, false); }
  | LPAREN RPAREN { $$ = build_tuple(parser, @$, list_none(&parser->expressions), false); }
  | LPAREN expressions RPAREN { $$ = build_tuple(parser, @$, $2, false); }
  | LPAREN expressions COMMA RPAREN { $$ = build_tuple(parser, @$, $2, true); }
  | LPAREN named_parts RPAREN { $$ = build_named_tuple(parser, @$, $2); }
  | LPAREN named_parts COMMA RPAREN { $$ = build_named_tuple(parser, @$, $2); }
  | LBRACKET RBRACKET { $$ = build_array(parser, @$, list_none(&parser->expressions)); }
  | LBRACKET expressions RBRACKET { $$ = build_array(parser, @$, $2); }
  | LBRACKET expressions COMMA RBRACKET { $$ = build_array(parser, @$, $2); }
  | LBRACKET value FOR_EACH iterators RBRACKET {
        $$ = build_comprehension(parser, @$, $2, $4, NULL);
    }
  | LBRACKET value FOR_EACH iterators IF_FILTER value RBRACKET {
        $$ = build_comprehension(parser, @$, $2, $4, $6);
    }
  | NAME LITERAL_OPEN field_values LITERAL_CLOSE {
        $$ = build_struct_literal(parser, @$, NULL, $1, $3);
    }
  | MAP LBRACKET type RBRACKET type LITERAL_OPEN entries LITERAL_CLOSE {
        $$ = build_map_literal(parser, @$, build_map_type(parser, span_join(@1, @5), $3, $5), $7);
    }
  | annotations NAME LPAREN arguments RPAREN {
        $$ = build_annotated_call(parser, @$, $1, build_name(parser, $2), $4);
    }
  | annotations NAME DOT NAME LPAREN arguments RPAREN {
        $$ = build_annotated_call(
            parser, @$, $1, build_field(parser, span_join(@2, @4), build_name(parser, $2), $4), $6);
    };

annotations:
    ANNOTATION {
        $$ = list_none(&parser->annotations);
        build_annotation(parser, &$$, $1, @1, NULL);
    }
  | ANNOTATION LPAREN arguments RPAREN {
        $$ = list_none(&parser->annotations);
        build_annotation(parser, &$$, $1, @$, &$3);
    }
  | annotations ANNOTATION {
        $$ = $1;
        build_annotation(parser, &$$, $2, @2, NULL);
    }
  | annotations ANNOTATION LPAREN arguments RPAREN {
        $$ = $1;
        build_annotation(parser, &$$, $2, span_join(@2, @5), &$4);
    };

arguments:
    %empty { $$ = list_none(&parser->arguments); }
  | argument_list
  | argument_list COMMA;

argument_list:
    argument { $$ = list_first(&parser->arguments, $1); }
  | argument_list COMMA argument { $$ = list_more(&parser->arguments, $1, $3); };

argument:
    value { $$ = (struct ast_argument){.value = $1}; }
  | NAME COLON value { $$ = (struct ast_argument){$1, $3}; };

indexes:
    index { $$ = list_first(&parser->indexes, $1); }
  | indexes COMMA index { $$ = list_more(&parser->indexes, $1, $3); };

index:
    expression { $$ = (struct ast_index){$1, @$}; }
  | expression DOTDOT { $$ = build_range_index(parser, @$, $1, NULL, false); }
  | DOTDOT expression { $$ = build_range_index(parser, @$, NULL, $2, false); }
  | DOTDOTEQ expression { $$ = build_range_index(parser, @$, NULL, $2, true); }
  | COLON { $$ = (struct ast_index){NULL, @$}; };

iterators:
    iterator { $$ = list_first(&parser->iterators, *$1); }
  | iterators COMMA iterator { $$ = list_more(&parser->iterators, $1, *$3); };

expressions:
    value { $$ = list_first(&parser->expressions, $1); }
  | expressions COMMA value { $$ = list_more(&parser->expressions, $1, $3); };

named_parts:
    named_part { $$ = list_first(&parser->parts, *$1); }
  | named_parts COMMA named_part { $$ = list_more(&parser->parts, $1, *$3); };

named_part: NAME COLON value { $$ = boxed(parser, struct tuple_part, .name = $1, .value = $3); };

field_values:
    %empty { $$ = list_none(&parser->field_values); }
  | field_value_list
  | field_value_list COMMA;

field_value_list:
    field_value { $$ = list_first(&parser->field_values, *$1); }
  | field_value_list COMMA field_value { $$ = list_more(&parser->field_values, $1, *$3); };

field_value: NAME COLON value { $$ = boxed(parser, struct ast_field_value, .name = $1, .value = $3); };

entries:
    %empty { $$ = list_none(&parser->field_values); }
  | entry_list
  | entry_list COMMA;

entry_list:
    entry { $$ = list_first(&parser->field_values, *$1); }
  | entry_list COMMA entry { $$ = list_more(&parser->field_values, $1, *$3); };

entry: value COLON value { $$ = boxed(parser, struct ast_field_value, .key = $1, .value = $3); };

%%

/* Sorts an acceptable token into what explain.c speaks of. */
static void expect(struct expectation *expected, yysymbol_kind_t symbol)
{
    switch (symbol) {
    case YYSYMBOL_INTEGER:
        expected->value = true;
        break;
    case YYSYMBOL_NAME:
        expected->name = true;
        break;
    case YYSYMBOL_MAP:
        expected->type = true;
        break;
    case YYSYMBOL_BLOCK_OPEN:
        expected->block = true;
        break;
    case YYSYMBOL_SEPARATOR:
        expected->separator = true;
        break;
    case YYSYMBOL_USE:
        expected->declaration = true;
        break;
    case YYSYMBOL_COLON:
        expected->colon = true;
        break;
    case YYSYMBOL_ASSIGN:
        expected->assign = true;
        break;
    case YYSYMBOL_COMMA:
        expected->comma = true;
        break;
    default:
        break;
    }
    if (expected->count < EXPECTATION_LIMIT)
        expected->tokens[expected->count] = yysymbol_name(symbol);
    expected->count++;
}

static void syntax_error(const struct span *span, struct parser *parser, const char *message)
{
    /* Bison calls this for an exhausted stack only; errors of syntax are reported below. */
    (void)message;
    syntax_abandon(parser, *span);
}

static int yyreport_syntax_error(const yypcontext_t *context, struct parser *parser)
{
    yysymbol_kind_t symbols[YYNTOKENS];
    int count = yypcontext_expected_tokens(context, symbols, YYNTOKENS);
    struct expectation expected = {0};
    for (int i = 0; i < count; i++)
        expect(&expected, symbols[i]);
    filter_recover(parser->filter);
    explain_syntax_error(parser, &expected);
    return 0;
}
