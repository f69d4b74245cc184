/*
 * The tree as text, for --emit=ast: one node a line, its children indented below it. What a child
 * is to its parent stands before it (`then: block`). Declarations and statements show the line
 * where they begin, so that a golden test also tests their places.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "syntax/ast.h"

struct printer {
    struct buffer *out;
    int depth;
    /* Where the last line asked for begins; lines are asked for in order, but for a few steps. */
    const struct source *source;
    uint32_t line, line_begin;
};

static void print_expression(struct printer *printer, const char *role,
                             const struct ast_expression *expression);
static void print_type(struct printer *printer, const char *role, const struct ast_type *type);
static void print_block(struct printer *printer, const char *role, const struct ast_block *block);

const char *ast_expression_kind_name(enum ast_expression_kind kind)
{
    static const char *const names[] = {
#define EXPRESSION(NAME, text) text,
#include "syntax/ast.def"
#undef EXPRESSION
    };
    return names[kind];
}

static const char *const statement_names[] = {
#define STATEMENT(NAME, text) text,
#include "syntax/ast.def"
#undef STATEMENT
};

static const char *const declaration_names[] = {
#define DECLARATION(NAME, text) text,
#include "syntax/ast.def"
#undef DECLARATION
};

static const char *const type_names[] = {
#define TYPE_FORM(NAME, text) text,
#include "syntax/ast.def"
#undef TYPE_FORM
};

static const char *const operation_texts[] = {
    "",
#define OPERATION(NAME, text, operands, class, result, description) text,
#include "value/operation.def"
#undef OPERATION
};

/* ---- Lines ---- */

/* Begins a line: the indentation, the role if there is one, and the node's name. */
static void begin(struct printer *printer, const char *role, const char *name)
{
    for (int i = 0; i < printer->depth; i++)
        buffer_puts(printer->out, "  ");
    if (role)
        buffer_printf(printer->out, "%s: ", role);
    buffer_puts(printer->out, name);
}

static void end(struct printer *printer)
{
    buffer_putc(printer->out, '\n');
}

static void leaf(struct printer *printer, const char *role, const char *name)
{
    begin(printer, role, name);
    end(printer);
}

/* Appends the line on which a span begins. */
static void print_line(struct printer *printer, struct span span)
{
    if (span.begin < printer->line_begin) {
        printer->line = 1;
        printer->line_begin = 0;
    }
    const char *text = printer->source->text, *newline;
    while ((newline = memchr(text + printer->line_begin, '\n', span.begin - printer->line_begin))) {
        printer->line++;
        printer->line_begin = (uint32_t)(newline - text) + 1;
    }
    buffer_printf(printer->out, " :%u", printer->line);
}

static void print_names(struct printer *printer, const struct ast_name *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        buffer_printf(printer->out, "%s%s", i ? ", " : " ", names[i].text);
}

/* ---- Types ---- */

static void print_array_type(struct printer *printer, const struct ast_type *type)
{
    for (uint32_t i = 0; i < type->array.rank; i++) {
        if (type->array.extents[i])
            print_expression(printer, "extent", type->array.extents[i]);
        else
            leaf(printer, "extent", "_");
    }
    print_type(printer, "element", type->array.element);
}

static void print_type_parts(struct printer *printer, const struct ast_type *type)
{
    switch (type->kind) {
    case TYPEFORM_ARRAY:
        print_array_type(printer, type);
        break;
    case TYPEFORM_MAP:
        print_type(printer, "key", type->map.key);
        print_type(printer, "value", type->map.value);
        break;
    case TYPEFORM_TUPLE:
        for (uint32_t i = 0; i < type->tuple.count; i++)
            print_type(printer, type->tuple.names ? type->tuple.names[i].text : NULL,
                       type->tuple.parts[i]);
        break;
    case TYPEFORM_FUNCTION:
        for (uint32_t i = 0; i < type->function.count; i++)
            print_type(printer, "parameter", type->function.parameters[i]);
        if (type->function.result)
            print_type(printer, "result", type->function.result);
        break;
    case TYPEFORM_ERROR:
    case TYPEFORM_NAME:
        break;
    }
}

static void print_type(struct printer *printer, const char *role, const struct ast_type *type)
{
    begin(printer, role, "type");
    if (type->kind == TYPEFORM_NAME)
        buffer_printf(printer->out, " %s%s%s", type->name.module.text ? type->name.module.text : "",
                      type->name.module.text ? "." : "", type->name.name.text);
    else if (type->kind == TYPEFORM_FUNCTION)
        buffer_puts(printer->out, type->function.is_flow ? " flow" : " task");
    else
        buffer_printf(printer->out, " %s", type_names[type->kind]);
    end(printer);
    printer->depth++;
    print_type_parts(printer, type);
    printer->depth--;
}

/* ---- Expressions ---- */

static const char *operator_text(const struct ast_expression *expression)
{
    switch (expression->binary.operator) {
    case AST_OPERATION:
        return operation_texts[expression->binary.operation];
    case AST_AND:
        return "&&";
    case AST_OR:
        return "||";
    case AST_MATMUL:
        return "@";
    case AST_IN:
        return "in";
    }
    return "?";
}

/* A float that reads back as the same one, and never as an integer. */
static void print_float(struct printer *printer, double number)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    buffer_printf(printer->out, " %s%s", text, strpbrk(text, ".en") ? "" : ".0");
}

static void print_arguments(struct printer *printer, const struct ast_argument *arguments,
                            uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        print_expression(printer, arguments[i].name.text, arguments[i].value);
}

static void print_annotations(struct printer *printer, const struct ast_annotation *annotations,
                              uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        begin(printer, NULL, "@");
        buffer_puts(printer->out, annotations[i].name.text);
        end(printer);
        printer->depth++;
        print_arguments(printer, annotations[i].arguments, annotations[i].argument_count);
        printer->depth--;
    }
}

static void print_iterator(struct printer *printer, const struct ast_iterator *iterator)
{
    begin(printer, NULL, "for");
    print_names(printer, iterator->names, iterator->name_count);
    end(printer);
    printer->depth++;
    print_expression(printer, "in", iterator->subject);
    printer->depth--;
}

/* What follows the kind's name on the node's own line. */
static void print_details(struct printer *printer, const struct ast_expression *expression)
{
    struct buffer *out = printer->out;
    switch (expression->kind) {
    case EXPR_INTEGER:
    case EXPR_CHARACTER:
        buffer_printf(out, " %llu%s", (unsigned long long)expression->integer.value,
                      expression->integer.is_duration ? " ns" : "");
        break;
    case EXPR_FLOAT:
        print_float(printer, expression->real.number);
        break;
    case EXPR_STRING:
        buffer_putc(out, ' ');
        buffer_json_string(out, expression->string.text, expression->string.length);
        break;
    case EXPR_BOOLEAN:
        buffer_puts(out, expression->boolean ? " true" : " false");
        break;
    case EXPR_NAME:
        buffer_printf(out, " %s", expression->name);
        break;
    case EXPR_UNARY:
    case EXPR_BINARY:
        buffer_printf(out, " %s", operator_text(expression));
        break;
    case EXPR_FIELD:
        buffer_printf(out, " .%s", expression->field.name.text);
        break;
    case EXPR_PART:
        buffer_printf(out, " .%u", expression->field.part);
        break;
    case EXPR_STRUCT:
        buffer_printf(out, " %s%s%s",
                      expression->literal.module.text ? expression->literal.module.text : "",
                      expression->literal.module.text ? "." : "", expression->literal.name.text);
        break;
    case EXPR_RANGE:
        buffer_puts(out, expression->range.inclusive ? " ..=" : " ..");
        break;
    case EXPR_ERROR:
    case EXPR_CALL:
    case EXPR_INDEX:
    case EXPR_IF:
    case EXPR_ARRAY:
    case EXPR_COMPREHENSION:
    case EXPR_TUPLE:
    case EXPR_MAP:
        break;
    }
    if (expression->parenthesised)
        buffer_puts(out, " ( )");
}

static void print_index_items(struct printer *printer, const struct ast_expression *expression)
{
    print_expression(printer, NULL, expression->index.base);
    for (uint32_t i = 0; i < expression->index.count; i++) {
        if (expression->index.items[i].value)
            print_expression(printer, "at", expression->index.items[i].value);
        else
            leaf(printer, "at", ":");
    }
}

static void print_literal_fields(struct printer *printer, const struct ast_expression *expression)
{
    if (expression->kind == EXPR_MAP)
        print_type(printer, NULL, expression->literal.type);
    for (uint32_t i = 0; i < expression->literal.count; i++) {
        const struct ast_field_value *field = &expression->literal.fields[i];
        if (field->key)
            print_expression(printer, "key", field->key);
        print_expression(printer, field->key ? "value" : field->name.text, field->value);
    }
}

static void print_comprehension(struct printer *printer, const struct ast_expression *expression)
{
    print_expression(printer, NULL, expression->comprehension.body);
    for (uint32_t i = 0; i < expression->comprehension.iterator_count; i++)
        print_iterator(printer, &expression->comprehension.iterators[i]);
    print_expression(printer, "if", expression->comprehension.filter);
}

static void print_children(struct printer *printer, const struct ast_expression *expression)
{
    switch (expression->kind) {
    case EXPR_UNARY:
    case EXPR_BINARY:
        print_expression(printer, NULL, expression->binary.left);
        print_expression(printer, NULL, expression->binary.right);
        break;
    case EXPR_CALL:
        print_annotations(printer, expression->annotations, expression->annotation_count);
        print_expression(printer, "callee", expression->call.callee);
        print_arguments(printer, expression->call.arguments, expression->call.argument_count);
        break;
    case EXPR_INDEX:
        print_index_items(printer, expression);
        break;
    case EXPR_FIELD:
    case EXPR_PART:
        print_expression(printer, NULL, expression->field.base);
        break;
    case EXPR_IF:
        print_expression(printer, "condition", expression->branch.condition);
        print_expression(printer, "then", expression->branch.then);
        print_expression(printer, "else", expression->branch.otherwise);
        break;
    case EXPR_ARRAY:
    case EXPR_TUPLE:
        for (uint32_t i = 0; i < expression->list.count; i++)
            print_expression(printer,
                             expression->list.names ? expression->list.names[i].text : NULL,
                             expression->list.items[i]);
        break;
    case EXPR_COMPREHENSION:
        print_comprehension(printer, expression);
        break;
    case EXPR_STRUCT:
    case EXPR_MAP:
        print_literal_fields(printer, expression);
        break;
    case EXPR_RANGE:
        print_expression(printer, "low", expression->range.low);
        print_expression(printer, "high", expression->range.high);
        break;
    case EXPR_ERROR:
    case EXPR_INTEGER:
    case EXPR_FLOAT:
    case EXPR_STRING:
    case EXPR_CHARACTER:
    case EXPR_BOOLEAN:
    case EXPR_NAME:
        break;
    }
}

/* `expression` may be NULL, which prints nothing. */
static void print_expression(struct printer *printer, const char *role,
                             const struct ast_expression *expression)
{
    if (!expression)
        return;
    begin(printer, role, ast_expression_kind_name(expression->kind));
    print_details(printer, expression);
    end(printer);
    printer->depth++;
    print_children(printer, expression);
    printer->depth--;
}

/* ---- Statements ---- */

static void print_declare(struct printer *printer, const struct ast_statement *statement)
{
    if (statement->declare.type)
        print_type(printer, NULL, statement->declare.type);
    print_expression(printer, NULL, statement->declare.value);
}

static void print_assign(struct printer *printer, const struct ast_statement *statement)
{
    for (uint32_t i = 0; i < statement->assign.place_count; i++)
        print_expression(printer, "place", statement->assign.places[i]);
    print_expression(printer, NULL, statement->assign.value);
}

static void print_statement_parts(struct printer *printer, const struct ast_statement *statement)
{
    switch (statement->kind) {
    case STMT_LET:
    case STMT_VAR:
        print_declare(printer, statement);
        break;
    case STMT_ASSIGN:
        print_assign(printer, statement);
        break;
    case STMT_EXPRESSION:
    case STMT_RETURN:
        print_expression(printer, NULL, statement->expression);
        break;
    case STMT_IF:
        print_expression(printer, "condition", statement->branch.condition);
        print_block(printer, "then", statement->branch.then);
        if (statement->branch.otherwise)
            print_block(printer, "else", statement->branch.otherwise);
        break;
    case STMT_WHILE:
        print_expression(printer, "condition", statement->loop.condition);
        print_block(printer, "body", statement->loop.body);
        break;
    case STMT_FOR:
        print_iterator(printer, &statement->each.iterator);
        print_block(printer, "body", statement->each.body);
        break;
    case STMT_ERROR:
    case STMT_BREAK:
    case STMT_CONTINUE:
        break;
    }
}

static void print_statement(struct printer *printer, const struct ast_statement *statement)
{
    begin(printer, NULL, statement_names[statement->kind]);
    if (statement->kind == STMT_LET || statement->kind == STMT_VAR) {
        buffer_puts(printer->out, statement->declare.destructures ? " ( )" : "");
        print_names(printer, statement->declare.names, statement->declare.name_count);
    } else if (statement->kind == STMT_ASSIGN) {
        buffer_printf(printer->out, "%s %s=", statement->assign.destructures ? " ( )" : "",
                      operation_texts[statement->assign.operation]);
    }
    print_line(printer, statement->span);
    end(printer);
    printer->depth++;
    print_statement_parts(printer, statement);
    printer->depth--;
}

static void print_block(struct printer *printer, const char *role, const struct ast_block *block)
{
    leaf(printer, role, "block");
    printer->depth++;
    for (uint32_t i = 0; i < block->count; i++)
        print_statement(printer, block->statements[i]);
    printer->depth--;
}

/* ---- Declarations ---- */

static void print_doc(struct printer *printer, const char *doc)
{
    if (!doc)
        return;
    begin(printer, "doc", "");
    buffer_json_string(printer->out, doc, strlen(doc));
    end(printer);
}

static void print_parameters(struct printer *printer, const char *role,
                             const struct ast_parameter *parameters, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        begin(printer, role, parameters[i].name.text);
        end(printer);
        printer->depth++;
        print_type(printer, NULL, parameters[i].type);
        print_expression(printer, "default", parameters[i].value);
        printer->depth--;
    }
}

static void print_function(struct printer *printer, const struct ast_declaration *declaration)
{
    if (declaration->function.type_parameter_count) {
        begin(printer, NULL, "types:");
        print_names(printer, declaration->function.type_parameters,
                    declaration->function.type_parameter_count);
        end(printer);
    }
    print_parameters(printer, "parameter", declaration->function.parameters,
                     declaration->function.parameter_count);
    if (declaration->function.result)
        print_type(printer, "result", declaration->function.result);
    if (declaration->function.body)
        print_block(printer, "body", declaration->function.body);
    if (declaration->function.source) {
        begin(printer, declaration->function.is_exec ? "exec" : "from", "");
        buffer_json_string(printer->out, declaration->function.source,
                           strlen(declaration->function.source));
        end(printer);
    }
}

static void print_declaration(struct printer *printer, const struct ast_declaration *declaration)
{
    begin(printer, NULL, declaration_names[declaration->kind]);
    buffer_printf(printer->out, " %s", declaration->name.text);
    print_line(printer, declaration->span);
    end(printer);
    printer->depth++;
    print_doc(printer, declaration->doc);
    print_annotations(printer, declaration->annotations, declaration->annotation_count);
    switch (declaration->kind) {
    case DECL_USE:
        break;
    case DECL_CONSTANT:
        if (declaration->constant.type)
            print_type(printer, NULL, declaration->constant.type);
        print_expression(printer, NULL, declaration->constant.value);
        break;
    case DECL_STRUCT:
        print_parameters(printer, "field", declaration->structure.fields,
                         declaration->structure.field_count);
        break;
    case DECL_TASK:
    case DECL_FLOW:
    case DECL_EXTERN:
        print_function(printer, declaration);
        break;
    }
    printer->depth--;
}

void ast_print(const struct ast_module *module, struct buffer *out)
{
    struct printer printer = {.out = out, .source = module->source, .line = 1};
    print_doc(&printer, module->doc);
    for (uint32_t i = 0; i < module->count; i++)
        print_declaration(&printer, module->declarations[i]);
}
