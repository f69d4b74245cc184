/* Expressions of the syntax tree; see build.h. Types, statements and declarations: build_form.c. */
#include "syntax/build.h"

#include "syntax/build_node.h"

struct ast_expression *build_node(struct parser *parser, enum ast_expression_kind kind,
                                  struct span span)
{
    struct ast_expression *node = arena_new(parser->arena, struct ast_expression);
    node->kind = kind;
    node->height = 1;
    node->span = span;
    return node;
}

uint16_t build_height(struct parser *parser, struct span span, uint32_t below)
{
    if (below >= AST_MAX_HEIGHT) {
        syntax_abandon(parser, span);
        return 1;
    }
    return (uint16_t)(below + 1);
}

/* Makes `node` higher than `child`, which may be NULL. A tree that gets too high ends the parse,
 * and is cut off here: the child becomes an ERROR. */
static void adopt(struct parser *parser, struct ast_expression *node, struct ast_expression **child)
{
    if (!*child || (*child)->height < node->height)
        return;
    if ((*child)->height >= AST_MAX_HEIGHT) {
        syntax_abandon(parser, node->span);
        *child = build_node(parser, EXPR_ERROR, (*child)->span);
    }
    if ((*child)->height >= node->height)
        node->height = (uint16_t)((*child)->height + 1);
}

static void adopt_all(struct parser *parser, struct ast_expression *node,
                      struct ast_expression **children, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        adopt(parser, node, &children[i]);
}

static void adopt_arguments(struct parser *parser, struct ast_expression *node,
                            struct ast_argument *arguments, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        adopt(parser, node, &arguments[i].value);
}

/* ---- Ranges and operators ---- */

struct ast_expression *build_value(struct parser *parser, struct ast_expression *expression)
{
    if (expression->kind != EXPR_RANGE)
        return expression;
    const struct ast_expression *low = expression->range.low;
    bool comparison = low && low->kind == EXPR_BINARY && low->binary.operator== AST_IN;
    if (comparison && !low->parenthesised) {
        struct diagnostic *d =
            syntax_report(parser, expression->span, ERR_in_range, "`in` cannot test a range");
        diagnose_hint(parser->diagnostics, d, "compare with both ends: `lo <= i && i < hi`");
    } else {
        struct diagnostic *d =
            syntax_report(parser, expression->span, ERR_range_misplaced, "a range is not a value");
        diagnose_hint(parser->diagnostics, d,
                      "ranges stand after `in` of a `for` and in indexes; `range(lo, hi, step)` is "
                      "an array of integers");
    }
    return build_node(parser, EXPR_ERROR, expression->span);
}

struct ast_expression *build_range(struct parser *parser, struct span span,
                                   struct ast_expression *low, struct ast_expression *high,
                                   bool inclusive)
{
    struct ast_expression *node = build_node(parser, EXPR_RANGE, span);
    node->range.low = low;
    node->range.high = high;
    node->range.inclusive = inclusive;
    adopt(parser, node, &node->range.low);
    adopt(parser, node, &node->range.high);
    return node;
}

struct ast_index build_range_index(struct parser *parser, struct span span,
                                   struct ast_expression *low, struct ast_expression *high,
                                   bool inclusive)
{
    return (struct ast_index){build_range(parser, span, low, high, inclusive), span};
}

static bool is_comparison(enum ast_operator operator, enum operation operation)
{
    return operator== AST_IN ||(operator== AST_OPERATION && operation >= OPERATION_EQ &&
                                operation <= OPERATION_GE);
}

static void refuse_chain(struct parser *parser, const struct ast_expression *left,
                         enum operation operation, struct span operator_span,
                         const struct ast_expression *right)
{
    bool angles = left->binary.operation == OPERATION_LT && operation == OPERATION_GT &&
                  left->binary.left->kind == EXPR_NAME && right->parenthesised;
    struct diagnostic *d;
    if (angles) {
        d = syntax_report(parser, span_join(left->binary.operator_span, operator_span),
                          ERR_type_arguments, "type arguments are not written at a call");
        diagnose_hint(parser->diagnostics, d, "they follow from the arguments: write `%s(…)`",
                      left->binary.left->name);
        return;
    }
    d = syntax_report(parser, operator_span, ERR_comparison_chain, "comparisons do not chain");
    diagnose_hint(parser->diagnostics, d, "join two comparisons with `&&`: `a < b && b < c`");
}

struct ast_expression *build_binary(struct parser *parser, enum ast_operator operator,
                                    enum operation operation, struct ast_expression *left,
                                    struct span operator_span, struct ast_expression *right)
{
    struct span span = span_join(left->span, right->span);
    if (is_comparison(operator, operation) && left->kind == EXPR_BINARY && !left->parenthesised &&
        is_comparison(left->binary.operator, left->binary.operation)) {
        refuse_chain(parser, left, operation, operator_span, right);
        return build_node(parser, EXPR_ERROR, span);
    }
    struct ast_expression *node = build_node(parser, EXPR_BINARY, span);
    node->binary.operator= operator;
    node->binary.operation = operation;
    node->binary.left = left;
    node->binary.right = right;
    node->binary.operator_span = operator_span;
    adopt(parser, node, &node->binary.left);
    adopt(parser, node, &node->binary.right);
    return node;
}

struct ast_expression *build_operation(struct parser *parser, enum operation operation,
                                       struct ast_expression *left, struct span operator_span,
                                       struct ast_expression *right)
{
    return build_binary(parser, AST_OPERATION, operation, left, operator_span, right);
}

struct ast_expression *build_unary(struct parser *parser, enum operation operation,
                                   struct span operator_span, struct ast_expression *operand)
{
    struct ast_expression *node =
        build_node(parser, EXPR_UNARY, span_join(operator_span, operand->span));
    node->binary.operation = operation;
    node->binary.left = operand;
    node->binary.operator_span = operator_span;
    adopt(parser, node, &node->binary.left);
    return node;
}

struct ast_expression *build_branches(struct parser *parser, struct span span,
                                      struct ast_expression *condition, struct ast_expression *then,
                                      struct ast_expression *otherwise)
{
    struct ast_expression *node = build_node(parser, EXPR_IF, span);
    if (!otherwise) {
        struct diagnostic *d =
            syntax_report(parser, (struct span){span.source, span.begin, span.begin + 2},
                          ERR_else_missing, "an `if` used as a value has no `else`");
        diagnose_hint(parser->diagnostics, d,
                      "say what the value is otherwise: `if c { a } else { b }`");
        otherwise = build_node(parser, EXPR_ERROR, span);
    }
    node->branch.condition = condition;
    node->branch.then = then;
    node->branch.otherwise = otherwise;
    adopt(parser, node, &node->branch.condition);
    adopt(parser, node, &node->branch.then);
    adopt(parser, node, &node->branch.otherwise);
    return node;
}

/* ---- Postfix forms ---- */

struct ast_expression *build_call(struct parser *parser, struct span span,
                                  struct ast_expression *callee, struct list arguments)
{
    struct ast_expression *node = build_node(parser, EXPR_CALL, span);
    node->call.callee = callee;
    node->call.argument_count = arguments.count;
    node->call.arguments = list_take(&parser->arguments, parser->arena, arguments);
    adopt(parser, node, &node->call.callee);
    adopt_arguments(parser, node, node->call.arguments, node->call.argument_count);
    return node;
}

struct ast_expression *build_annotated_call(struct parser *parser, struct span span,
                                            struct list annotations, struct ast_expression *callee,
                                            struct list arguments)
{
    struct ast_expression *node = build_call(parser, span, callee, arguments);
    node->annotation_count = annotations.count;
    node->annotations = list_take(&parser->annotations, parser->arena, annotations);
    for (uint32_t i = 0; i < node->annotation_count; i++)
        adopt_arguments(parser, node, node->annotations[i].arguments,
                        node->annotations[i].argument_count);
    return node;
}

struct ast_expression *build_index(struct parser *parser, struct span span,
                                   struct ast_expression *base, struct list indexes)
{
    struct ast_expression *node = build_node(parser, EXPR_INDEX, span);
    node->index.base = base;
    node->index.count = indexes.count;
    node->index.items = list_take(&parser->indexes, parser->arena, indexes);
    adopt(parser, node, &node->index.base);
    for (uint32_t i = 0; i < node->index.count; i++)
        adopt(parser, node, &node->index.items[i].value);
    return node;
}

struct ast_expression *build_field(struct parser *parser, struct span span,
                                   struct ast_expression *base, struct ast_name name)
{
    struct ast_expression *node = build_node(parser, EXPR_FIELD, span);
    node->field.base = base;
    node->field.name = name;
    adopt(parser, node, &node->field.base);
    return node;
}

struct ast_expression *build_part(struct parser *parser, struct span span,
                                  struct ast_expression *base, uint64_t part, struct span part_span)
{
    struct ast_expression *node = build_node(parser, EXPR_PART, span);
    node->field.base = base;
    node->field.part = part > UINT32_MAX ? UINT32_MAX : (uint32_t)part;
    node->field.name.span = part_span;
    adopt(parser, node, &node->field.base);
    return node;
}

/* ---- Names and literals ---- */

struct ast_expression *build_name(struct parser *parser, struct ast_name name)
{
    struct ast_expression *node = build_node(parser, EXPR_NAME, name.span);
    node->name = name.text;
    return node;
}

struct ast_expression *build_integer(struct parser *parser, struct span span,
                                     enum ast_expression_kind kind, uint64_t value,
                                     bool is_duration)
{
    struct ast_expression *node = build_node(parser, kind, span);
    node->integer.value = value;
    node->integer.is_duration = is_duration;
    return node;
}

struct ast_expression *build_float(struct parser *parser, struct span span,
                                   struct float_literal value)
{
    struct ast_expression *node = build_node(parser, EXPR_FLOAT, span);
    node->real = value;
    return node;
}

struct ast_expression *build_string(struct parser *parser, struct span span, const char *text,
                                    uint32_t length)
{
    struct ast_expression *node = build_node(parser, EXPR_STRING, span);
    node->string.text = text;
    node->string.length = length;
    return node;
}

struct ast_expression *build_boolean(struct parser *parser, struct span span, bool value)
{
    struct ast_expression *node = build_node(parser, EXPR_BOOLEAN, span);
    node->boolean = value;
    return node;
}

/* ---- Literals with parts ---- */

static struct ast_expression *build_list(struct parser *parser, enum ast_expression_kind kind,
                                         struct span span, struct list items)
{
    struct ast_expression *node = build_node(parser, kind, span);
    node->list.count = items.count;
    node->list.items = list_take(&parser->expressions, parser->arena, items);
    adopt_all(parser, node, node->list.items, node->list.count);
    return node;
}

struct ast_expression *build_array(struct parser *parser, struct span span, struct list items)
{
    return build_list(parser, EXPR_ARRAY, span, items);
}

void refuse_single_tuple(struct parser *parser, struct span span, const char *what)
{
    struct diagnostic *d =
        syntax_report(parser, span, ERR_tuple_of_one, "there are no tuples of one part");
    diagnose_hint(parser->diagnostics, d, "write the %s alone, without the tuple around it", what);
}

struct ast_expression *build_tuple(struct parser *parser, struct span span, struct list items,
                                   bool trailing_comma)
{
    if (items.count != 1)
        return build_list(parser, EXPR_TUPLE, span, items);
    if (trailing_comma)
        refuse_single_tuple(parser, span, "value");
    struct ast_expression *node = parser->expressions.items[items.begin];
    parser->expressions.count = items.begin;
    node->parenthesised = true;
    node->span = span;
    return node;
}

struct ast_expression *build_named_tuple(struct parser *parser, struct span span, struct list parts)
{
    if (parts.count == 1)
        refuse_single_tuple(parser, span, "value");
    struct ast_expression *node = build_node(parser, EXPR_TUPLE, span);
    const struct tuple_part *items = parser->parts.items + parts.begin;
    node->list.count = parts.count;
    node->list.items = arena_array(parser->arena, struct ast_expression *, parts.count);
    node->list.names = arena_array(parser->arena, struct ast_name, parts.count);
    for (uint32_t i = 0; i < parts.count; i++) {
        node->list.items[i] = items[i].value;
        node->list.names[i] = items[i].name;
    }
    parser->parts.count = parts.begin;
    adopt_all(parser, node, node->list.items, node->list.count);
    return node;
}

struct ast_expression *build_comprehension(struct parser *parser, struct span span,
                                           struct ast_expression *body, struct list iterators,
                                           struct ast_expression *filter)
{
    struct ast_expression *node = build_node(parser, EXPR_COMPREHENSION, span);
    node->comprehension.body = body;
    node->comprehension.iterator_count = iterators.count;
    node->comprehension.iterators = list_take(&parser->iterators, parser->arena, iterators);
    node->comprehension.filter = filter;
    adopt(parser, node, &node->comprehension.body);
    adopt(parser, node, &node->comprehension.filter);
    for (uint32_t i = 0; i < iterators.count; i++)
        adopt(parser, node, &node->comprehension.iterators[i].subject);
    return node;
}

static void take_fields(struct parser *parser, struct ast_expression *node, struct list fields)
{
    node->literal.count = fields.count;
    node->literal.fields = list_take(&parser->field_values, parser->arena, fields);
    for (uint32_t i = 0; i < fields.count; i++) {
        adopt(parser, node, &node->literal.fields[i].key);
        adopt(parser, node, &node->literal.fields[i].value);
    }
}

struct ast_expression *build_struct_literal(struct parser *parser, struct span span,
                                            struct ast_expression *base, struct ast_name name,
                                            struct list fields)
{
    struct ast_expression *node = build_node(parser, EXPR_STRUCT, span);
    node->literal.name = name;
    if (base && base->kind == EXPR_NAME)
        node->literal.module = (struct ast_name){base->name, base->span};
    else if (base)
        syntax_report(parser, base->span, ERR_struct_name,
                      "a struct literal begins with the struct's name");
    take_fields(parser, node, fields);
    return node;
}

struct ast_expression *build_map_literal(struct parser *parser, struct span span,
                                         struct ast_type *type, struct list entries)
{
    struct ast_expression *node = build_node(parser, EXPR_MAP, span);
    node->literal.type = type;
    node->height = build_height(parser, span, type->height);
    take_fields(parser, node, entries);
    return node;
}
