/* Types, statements and declarations of the syntax tree; see build.h. */
#include <string.h>

#include "syntax/build.h"
#include "syntax/build_node.h"
#include "syntax/parse.h"

static uint32_t higher(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* ---- Types ---- */

static struct ast_type *new_type(struct parser *parser, enum ast_type_kind kind, struct span span,
                                 uint32_t below)
{
    struct ast_type *type = arena_new(parser->arena, struct ast_type);
    type->height = build_height(parser, span, below);
    type->kind = parser->abandoned ? TYPEFORM_ERROR : kind;
    type->span = span;
    return type;
}

struct ast_type *build_type_name(struct parser *parser, struct span span, struct ast_name module,
                                 struct ast_name name)
{
    struct ast_type *type = new_type(parser, TYPEFORM_NAME, span, 0);
    type->name.module = module;
    type->name.name = name;
    return type;
}

struct extent_group *build_extents(struct parser *parser, struct list extents)
{
    struct extent_group *group = arena_new(parser->arena, struct extent_group);
    group->rank = extents.count;
    group->extents = list_take(&parser->expressions, parser->arena, extents);
    group->spans = arena_array(parser->arena, struct span, extents.count);
    for (uint32_t i = 0; i < extents.count; i++) {
        struct ast_expression *extent = group->extents[i];
        group->spans[i] = extent->span;
        if (extent->kind == EXPR_NAME && extent->name == parser->underscore)
            group->extents[i] = NULL;
    }
    return group;
}

static uint32_t extents_height(const struct extent_group *group)
{
    uint32_t height = 0;
    for (uint32_t i = 0; i < group->rank; i++)
        if (group->extents[i])
            height = higher(height, group->extents[i]->height);
    return height;
}

struct ast_type *build_array_type(struct parser *parser, struct span span, struct ast_type *unit,
                                  struct list groups)
{
    struct ast_type *type = unit;
    for (uint32_t i = groups.count; i-- > 0 && !parser->abandoned;) {
        const struct extent_group *group = &parser->groups.items[groups.begin + i];
        struct ast_type *array =
            new_type(parser, TYPEFORM_ARRAY, span, higher(type->height, extents_height(group)));
        array->array.element = type;
        array->array.extents = group->extents;
        array->array.extent_spans = group->spans;
        array->array.rank = group->rank;
        type = array;
    }
    parser->groups.count = groups.begin;
    return type;
}

struct ast_type *build_map_type(struct parser *parser, struct span span, struct ast_type *key,
                                struct ast_type *value)
{
    struct ast_type *type =
        new_type(parser, TYPEFORM_MAP, span, higher(key->height, value->height));
    type->map.key = key;
    type->map.value = value;
    return type;
}

/* The types of a list of parts, in the arena; *height is raised to theirs. */
static struct ast_type **part_types(struct parser *parser, struct list parts, uint32_t *height)
{
    struct ast_type **types = arena_array(parser->arena, struct ast_type *, parts.count);
    for (uint32_t i = 0; i < parts.count; i++) {
        types[i] = parser->parts.items[parts.begin + i].type;
        *height = higher(*height, types[i]->height);
    }
    return types;
}

struct ast_type *build_function_type(struct parser *parser, struct span span, bool is_flow,
                                     struct list parameters, struct ast_type *result)
{
    uint32_t height = result ? result->height : 0;
    struct ast_type **types = part_types(parser, parameters, &height);
    struct ast_type *type = new_type(parser, TYPEFORM_FUNCTION, span, height);
    type->function.is_flow = is_flow;
    type->function.parameters = types;
    type->function.count = parameters.count;
    type->function.result = result;
    parser->parts.count = parameters.begin;
    return type;
}

static struct ast_name *part_names(struct parser *parser, struct list parts)
{
    bool named = false;
    for (uint32_t i = 0; i < parts.count; i++)
        named |= parser->parts.items[parts.begin + i].name.text != NULL;
    if (!named)
        return NULL;
    struct ast_name *names = arena_array(parser->arena, struct ast_name, parts.count);
    for (uint32_t i = 0; i < parts.count; i++)
        names[i] = parser->parts.items[parts.begin + i].name;
    return names;
}

struct ast_type *build_tuple_type(struct parser *parser, struct span span, struct list parts,
                                  bool trailing_comma)
{
    uint32_t height = 0;
    struct ast_type **types = part_types(parser, parts, &height);
    struct ast_name *names = part_names(parser, parts);
    parser->parts.count = parts.begin;
    if (parts.count == 1) {
        if (names || trailing_comma)
            refuse_single_tuple(parser, span, "type");
        return types[0];
    }
    struct ast_type *type = new_type(parser, TYPEFORM_TUPLE, span, height);
    type->tuple.parts = types;
    type->tuple.names = names;
    type->tuple.count = parts.count;
    return type;
}

/* ---- Statements ---- */

static struct ast_statement *new_statement(struct parser *parser, enum ast_statement_kind kind,
                                           struct span span)
{
    struct ast_statement *statement = arena_new(parser->arena, struct ast_statement);
    statement->kind = kind;
    statement->span = span;
    return statement;
}

static uint32_t statement_height(const struct ast_statement *statement)
{
    switch (statement->kind) {
    case STMT_IF:
        return higher(statement->branch.then->height,
                      statement->branch.otherwise ? statement->branch.otherwise->height : 0);
    case STMT_WHILE:
        return statement->loop.body->height;
    case STMT_FOR:
        return statement->each.body->height;
    case STMT_ERROR:
    case STMT_LET:
    case STMT_VAR:
    case STMT_ASSIGN:
    case STMT_EXPRESSION:
    case STMT_BREAK:
    case STMT_CONTINUE:
    case STMT_RETURN:
        break;
    }
    return 0;
}

struct ast_block *build_block(struct parser *parser, struct span span, struct list statements)
{
    struct ast_block *block = arena_new(parser->arena, struct ast_block);
    block->span = span;
    block->count = statements.count;
    block->statements = list_take(&parser->statements, parser->arena, statements);
    uint32_t height = 0;
    for (uint32_t i = 0; i < block->count; i++)
        height = higher(height, statement_height(block->statements[i]));
    if (height >= AST_MAX_HEIGHT)
        block->count = 0;
    block->height = build_height(parser, span, height);
    return block;
}

struct ast_block *build_single_block(struct parser *parser, struct ast_statement *statement)
{
    return build_block(parser, statement->span, list_first(&parser->statements, statement));
}

struct ast_statement *build_declare(struct parser *parser, struct span span,
                                    enum ast_statement_kind kind, struct list names,
                                    bool destructures, struct ast_type *type,
                                    struct ast_expression *value)
{
    struct ast_statement *statement = new_statement(parser, kind, span);
    if (destructures && names.count == 1)
        refuse_single_tuple(parser, parser->name_list.items[names.begin].span, "name");
    statement->declare.name_count = names.count;
    statement->declare.names = list_take(&parser->name_list, parser->arena, names);
    statement->declare.destructures = destructures;
    statement->declare.type = type;
    statement->declare.value = value;
    return statement;
}

static bool is_place(const struct ast_expression *expression)
{
    switch (expression->kind) {
    case EXPR_ERROR:
    case EXPR_NAME:
        return true;
    case EXPR_INDEX:
        return is_place(expression->index.base);
    case EXPR_FIELD:
    case EXPR_PART:
        return is_place(expression->field.base);
    case EXPR_INTEGER:
    case EXPR_FLOAT:
    case EXPR_STRING:
    case EXPR_CHARACTER:
    case EXPR_BOOLEAN:
    case EXPR_UNARY:
    case EXPR_BINARY:
    case EXPR_CALL:
    case EXPR_IF:
    case EXPR_ARRAY:
    case EXPR_COMPREHENSION:
    case EXPR_TUPLE:
    case EXPR_STRUCT:
    case EXPR_MAP:
    case EXPR_RANGE:
        break;
    }
    return false;
}

static bool check_place(struct parser *parser, const struct ast_expression *place)
{
    if (is_place(place))
        return true;
    struct diagnostic *d =
        syntax_report(parser, place->span, ERR_place_expected, "this cannot be assigned to");
    diagnose_hint(parser->diagnostics, d,
                  "a place is a variable, or an element, slice, field or part of one");
    return false;
}

struct ast_statement *build_assign(struct parser *parser, struct span span,
                                   struct ast_expression *place, enum operation operation,
                                   struct span operator_span, struct ast_expression *value)
{
    struct ast_statement *statement = new_statement(parser, STMT_ASSIGN, span);
    bool several = place->kind == EXPR_TUPLE && !place->list.names && place->list.count > 0;
    if (several) {
        statement->assign.places = place->list.items;
        statement->assign.place_count = place->list.count;
        statement->assign.destructures = true;
    } else {
        statement->assign.places = arena_copy(parser->arena, &place, sizeof place);
        statement->assign.place_count = 1;
    }
    statement->assign.operation = operation;
    statement->assign.operator_span = operator_span;
    statement->assign.value = value;
    if (several && operation != OPERATION_NONE) {
        struct diagnostic *d = syntax_report(parser, operator_span, ERR_place_expected,
                                             "several places take `=` only");
        diagnose_hint(parser->diagnostics, d, "write one assignment for each place");
        statement->kind = STMT_ERROR;
    }
    for (uint32_t i = 0; i < statement->assign.place_count; i++)
        if (!check_place(parser, statement->assign.places[i])) {
            statement->kind = STMT_ERROR;
            break;
        }
    return statement;
}

static void refuse_expression_statement(struct parser *parser,
                                        const struct ast_expression *expression)
{
    if (expression->kind == EXPR_ERROR)
        return;
    bool equality =
        expression->kind == EXPR_BINARY && !expression->parenthesised &&
        expression->binary.operator== AST_OPERATION && expression->binary.operation == OPERATION_EQ;
    struct diagnostic *d = syntax_report(parser, expression->span, ERR_statement_expected,
                                         "this value is computed and thrown away");
    const char *word = NULL;
    if (expression->kind == EXPR_NAME)
        nearest_statement_word(expression->name, &word);
    if (word)
        diagnose_hint(parser->diagnostics, d, "did you mean `%s`?", word);
    else if (equality)
        diagnose_hint(parser->diagnostics, d, "an assignment is written with a single `=`");
    else
        diagnose_hint(
            parser->diagnostics, d,
            "a statement is a call, an assignment, or begins with a word such as `let` or "
            "`return`");
}

struct ast_statement *build_expression_statement(struct parser *parser, struct span span,
                                                 struct ast_expression *expression)
{
    struct ast_statement *statement = new_statement(parser, STMT_EXPRESSION, span);
    statement->expression = expression;
    return statement;
}

struct ast_statement *check_statement(struct parser *parser, struct ast_statement *statement)
{
    if (statement->kind == STMT_EXPRESSION && statement->expression->kind != EXPR_CALL) {
        refuse_expression_statement(parser, statement->expression);
        statement->kind = STMT_ERROR;
    }
    return statement;
}

struct ast_statement *build_if(struct parser *parser, struct span span,
                               struct ast_expression *condition, struct ast_block *then,
                               struct ast_block *otherwise)
{
    struct ast_statement *statement = new_statement(parser, STMT_IF, span);
    statement->branch.condition = condition;
    statement->branch.then = then;
    statement->branch.otherwise = otherwise;
    return statement;
}

struct ast_statement *build_while(struct parser *parser, struct span span,
                                  struct ast_expression *condition, struct ast_block *body)
{
    struct ast_statement *statement = new_statement(parser, STMT_WHILE, span);
    statement->loop.condition = condition;
    statement->loop.body = body;
    return statement;
}

struct ast_statement *build_for(struct parser *parser, struct span span,
                                struct ast_iterator iterator, struct ast_block *body)
{
    struct ast_statement *statement = new_statement(parser, STMT_FOR, span);
    statement->each.iterator = iterator;
    statement->each.body = body;
    return statement;
}

struct ast_statement *build_jump(struct parser *parser, struct span span,
                                 enum ast_statement_kind kind, struct ast_expression *value)
{
    struct ast_statement *statement = new_statement(parser, kind, span);
    statement->expression = value;
    return statement;
}

struct ast_iterator *build_iterator(struct parser *parser, struct span span, struct list names,
                                    struct ast_expression *subject)
{
    struct ast_iterator *iterator = arena_new(parser->arena, struct ast_iterator);
    iterator->name_count = names.count;
    iterator->subject = subject;
    iterator->span = span;
    iterator->names = list_take(&parser->name_list, parser->arena, names);
    return iterator;
}

/* ---- Declarations ---- */

void build_annotation(struct parser *parser, struct list *annotations, struct ast_name name,
                      struct span span, const struct list *arguments)
{
    struct ast_annotation annotation = {.name = name, .span = span};
    if (arguments) {
        annotation.has_parentheses = true;
        annotation.argument_count = arguments->count;
        annotation.arguments = list_take(&parser->arguments, parser->arena, *arguments);
    }
    *annotations = list_more(&parser->annotations, *annotations, annotation);
}

static struct ast_declaration *new_declaration(struct parser *parser,
                                               enum ast_declaration_kind kind, struct span span,
                                               struct ast_name name)
{
    struct ast_declaration *declaration = arena_new(parser->arena, struct ast_declaration);
    declaration->kind = kind;
    declaration->span = span;
    declaration->name = name;
    return declaration;
}

void build_declaration(struct parser *parser, const struct prefix *prefix,
                       struct ast_declaration *declaration)
{
    declaration->doc = prefix->doc;
    declaration->annotation_count = prefix->annotations.count;
    declaration->annotations = list_take(&parser->annotations, parser->arena, prefix->annotations);
    vector_push(&parser->declarations, declaration);
}

struct ast_declaration *build_use(struct parser *parser, struct span span, struct ast_name name)
{
    return new_declaration(parser, DECL_USE, span, name);
}

struct ast_declaration *build_constant(struct parser *parser, struct span span,
                                       struct ast_name name, struct ast_type *type,
                                       struct ast_expression *value)
{
    struct ast_declaration *declaration = new_declaration(parser, DECL_CONSTANT, span, name);
    declaration->constant.type = type;
    declaration->constant.value = value;
    return declaration;
}

struct ast_declaration *build_struct(struct parser *parser, struct span span, struct ast_name name,
                                     struct list fields)
{
    struct ast_declaration *declaration = new_declaration(parser, DECL_STRUCT, span, name);
    declaration->structure.field_count = fields.count;
    declaration->structure.fields = list_take(&parser->parameters, parser->arena, fields);
    return declaration;
}

struct ast_declaration *build_signature(struct parser *parser, struct ast_name name,
                                        struct list type_parameters, struct list parameters,
                                        struct ast_type *result)
{
    struct ast_declaration *declaration = new_declaration(parser, DECL_TASK, name.span, name);
    declaration->function.type_parameter_count = type_parameters.count;
    declaration->function.type_parameters =
        list_take(&parser->name_list, parser->arena, type_parameters);
    declaration->function.parameter_count = parameters.count;
    declaration->function.parameters = list_take(&parser->parameters, parser->arena, parameters);
    declaration->function.result = result;
    return declaration;
}

struct ast_declaration *build_function(struct span span, enum ast_declaration_kind kind,
                                       struct ast_declaration *signature, struct ast_block *body)
{
    signature->kind = kind;
    signature->span = span;
    signature->function.body = body;
    return signature;
}

struct ast_declaration *build_extern(struct span span, struct ast_declaration *signature,
                                     bool is_exec, const char *source, struct span source_span)
{
    signature->kind = DECL_EXTERN;
    signature->span = span;
    signature->function.is_exec = is_exec;
    signature->function.source = source;
    signature->function.source_span = source_span;
    return signature;
}
