/*
 * Operators: arithmetic on scalars and, element by element, on arrays; comparisons; && and ||; the
 * matrix product.
 */
#include "check/checker.h"
#include "value/semantics.h"

/* The type of the scalars of an operand that is one, or an array of them; else NULL. */
static const struct type *own_scalar(const struct typed *operand)
{
    const struct type *type = operand->type;
    if (type->kind == TYPE_ARRAY)
        type = type->element;
    return type->kind == TYPE_SCALAR ? type : NULL;
}

static void hint_inner_arrays(struct checker *c, struct diagnostic *d, const struct typed *operand)
{
    if (operand->type->kind == TYPE_ARRAY && operand->type->element->kind == TYPE_ARRAY)
        diagnose_hint(c->diagnostics, d,
                      "whole-array arithmetic needs arrays of numbers; go over the inner arrays "
                      "with a comprehension: [x * 2.0 for x in xs]");
}

/* A `var` among two operands whose declaration, which names no type, is the mistake; or NULL. A
 * `let` may be meant as it is, and is converted. */
static struct local *mistaken_operand(struct checker *c, const struct typed *left,
                                      const struct typed *right, const struct type **meant)
{
    const struct typed *sides[2] = {left, right};
    for (int i = 0; i < 2; i++) {
        struct local *local = assumed_variable(sides[i]);
        *meant = types_scalar_of(sides[1 - i]->type);
        if (local && local->variable.kind == VARIABLE_MUTABLE &&
            assumed_is_mistaken(c, local, types_scalar_of(sides[i]->type), *meant))
            return local;
    }
    return NULL;
}

static struct typed *report_operands(struct checker *c, const char *operator, struct typed * left,
                                     struct typed *right, struct span span)
{
    const struct type *meant;
    struct local *mistaken = mistaken_operand(c, left, right, &meant);
    if (mistaken && mistaken->blamed)
        return node_error(c, span);
    struct diagnostic *d =
        diagnose(c->diagnostics, span, ERR_operand_types, "%s does not work on %s and %s", operator,
                 types_text(c, left->type), types_text(c, right->type));
    const struct type *a = own_scalar(left), *b = own_scalar(right);
    if (mistaken) {
        assumed_hint(c, d, mistaken, meant);
    } else if (!a || !b) {
        hint_inner_arrays(c, d, a ? right : left);
    } else if (type_is_number(a) && type_is_number(b) && a != b) {
        bool mixed = type_is_float(a) != type_is_float(b);
        const struct type *wanted = type_is_float(a) ? a : b;
        const struct typed *other = type_is_float(a) ? right : left;
        diagnose_hint(c->diagnostics, d,
                      mixed ? "integers become floats only by conversion: write %s(%s)"
                            : "neither type holds all values of the other; convert one side, as "
                              "in %s(%s)",
                      types_name(c, wanted), types_snippet(c, other->span));
    } else if (type_is_bool(a) != type_is_bool(b)) {
        diagnose_hint(c->diagnostics, d,
                      "truth values are no numbers; if c { 1 } else { 0 } makes one of c");
    }
    return node_error(c, span);
}

static struct typed *report_operand(struct checker *c, enum operation operation,
                                    const struct typed *operand, struct span span)
{
    struct diagnostic *d =
        diagnose(c->diagnostics, span, ERR_operand_types, "%s does not work on %s",
                 operation_text(operation), types_text(c, operand->type));
    const struct type *scalar = types_scalar_of(operand->type);
    if (operation == OPERATION_NOT && type_is_integer(scalar))
        diagnose_hint(c->diagnostics, d, "~ inverts the bits of an integer; x == 0 asks for zero");
    else if (operation == OPERATION_COMPLEMENT && type_is_bool(scalar))
        diagnose_hint(c->diagnostics, d, "! is the logical negation");
    else if (type_is_bool(scalar) && operation == OPERATION_AND)
        diagnose_hint(c->diagnostics, d, "&& is the logical and");
    else if (type_is_bool(scalar) && operation == OPERATION_OR)
        diagnose_hint(c->diagnostics, d, "|| is the logical or");
    else if (type_is_bool(scalar) && operation == OPERATION_XOR)
        diagnose_hint(c->diagnostics, d, "!= is the logical exclusive or");
    else if (type_is_float(scalar))
        diagnose_hint(c->diagnostics, d, "it works on integers only");
    else
        hint_inner_arrays(c, d, operand);
    return node_error(c, span);
}

/* Whether the operation works on scalars of this type; flexible ones count as what they would be.
 */
static bool accepts(const struct checker *c, enum operation operation, const struct type *scalar)
{
    if (scalar->kind != TYPE_SCALAR)
        return false;
    if (scalar == &c->literal_integer)
        return operation_accepts(operation, WK_I64) || operation_accepts(operation, WK_F64);
    if (types_is_flexible(c, scalar))
        return operation_accepts(operation, WK_F64);
    return operation_accepts(operation, scalar->scalar);
}

/* The type of scalars that an operation gives for operands of type `scalar`. */
static const struct type *result_scalar(struct checker *c, enum operation operation,
                                        const struct type *scalar)
{
    enum wk_scalar operand = scalar->scalar, result = operation_result(operation, operand);
    return result == operand ? scalar : type_scalar(c->types, result);
}

static void join_extents(struct checker *c, struct typed *node, struct span span)
{
    for (uint32_t i = 0; i < node->operand_count; i++) {
        const struct typed *operand = node->operands[i];
        if (operand->type->kind != TYPE_ARRAY)
            continue;
        for (uint32_t d = 0; d < operand->type->rank; d++) {
            int64_t found = node_static_extent(operand, d), before = node_static_extent(node, d);
            if (found >= 0 && before >= 0 && found != before)
                diagnose(c->diagnostics, span, ERR_shape_mismatch,
                         "these arrays cannot be combined element by element: dimension %u has "
                         "the extent %lld on one side and %lld on the other",
                         d, (long long)before, (long long)found);
            node_set_extent(c, node, d, found);
        }
    }
}

static struct typed *refuse_ranks(struct checker *c, const struct typed *left,
                                  const struct typed *right, struct span span)
{
    struct diagnostic *d = diagnose(c->diagnostics, span, ERR_rank_mismatch,
                                    "an array of rank %u and one of rank %u cannot be combined",
                                    left->type->rank, right->type->rank);
    diagnose_hint(c->diagnostics, d,
                  "only scalars are combined with every element; go over the rows with a "
                  "comprehension: [row + x for row in m]");
    return node_error(c, span);
}

static struct typed *adapt_to_scalar(struct checker *c, struct typed *operand,
                                     const struct type *scalar)
{
    const struct type *type = operand->type->kind == TYPE_ARRAY
                                  ? types_array(c, scalar, operand->type->rank, operand->span)
                                  : scalar;
    return adapt(c, operand, type);
}

/* Builds the operation on operands whose scalars have the common type `scalar`, maybe flexible. */
static struct typed *build(struct checker *c, enum operation operation, const struct type *scalar,
                           struct typed **operands, uint32_t count, struct span operator_span,
                           struct span span)
{
    bool flexible = types_is_flexible(c, scalar);
    const struct type *result = scalar;
    bool same = operation_result(operation, WK_I64) == WK_I64 &&
                operation_result(operation, WK_F64) == WK_F64;
    if (flexible && same && !operation_accepts(operation, WK_I64)) {
        result = &c->literal_float;
    } else if (flexible && !same) {
        bool integers = scalar == &c->literal_integer && operation_accepts(operation, WK_I64);
        scalar = integers ? c->integer : c->real;
        flexible = false;
        result = scalar;
    }
    struct typed *array = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (!flexible)
            operands[i] = adapt_to_scalar(c, operands[i], scalar);
        if (node_is_error(c, operands[i]))
            return operands[i];
        if (operands[i]->type->kind == TYPE_ARRAY)
            array = operands[i];
    }
    if (!flexible)
        result = result_scalar(c, operation, scalar);
    if (array)
        result = types_array(c, result, array->type->rank, span);
    struct typed *node = node_new(c, TYPED_OPERATION, result, span);
    node->operation = operation;
    for (uint32_t i = 0; i < count; i++)
        node->operands[i] = operands[i];
    node->operand_count = count;
    node->operator_span = operator_span;
    if (array)
        join_extents(c, node, operator_span);
    return node;
}

/* == and != of arrays and tuples as wholes. */
static struct typed *check_equal(struct checker *c, bool negated, struct typed *left,
                                 struct typed *right, struct span operator_span, struct span span)
{
    const struct type *type = common_type(c, left->type, right->type, span);
    if (!type || type_is_unit(type))
        return report_operands(c, negated ? "!=" : "==", left, right, operator_span);
    struct typed *node = node_new(c, TYPED_EQUAL, c->boolean, span);
    node->operands[0] = settle(c, types_is_flexible(c, type) ? left : adapt(c, left, type));
    node->operands[1] = adapt(c, right, node->operands[0]->type);
    if (node_is_error(c, node->operands[0]) || node_is_error(c, node->operands[1]))
        return node_error(c, span);
    node->operand_count = 2;
    node->negated = negated;
    node->operator_span = operator_span;
    return node;
}

struct typed *check_binary(struct checker *c, enum operation operation, struct typed *left,
                           struct typed *right, struct span operator_span, struct span span)
{
    if (node_is_error(c, left) || node_is_error(c, right))
        return node_error(c, span);
    bool whole = (left->type->kind != TYPE_SCALAR || right->type->kind != TYPE_SCALAR);
    if (whole && (operation == OPERATION_EQ || operation == OPERATION_NE))
        return check_equal(c, operation == OPERATION_NE, left, right, operator_span, span);
    if (text_takes_part(left, right))
        return check_text_operator(c, operation, left, right, operator_span, span);
    if (left->type->kind == TYPE_ARRAY && right->type->kind == TYPE_ARRAY &&
        left->type->rank != right->type->rank)
        return refuse_ranks(c, left, right, operator_span);
    const struct type *a = left->type->kind == TYPE_ARRAY ? left->type->element : left->type;
    const struct type *b = right->type->kind == TYPE_ARRAY ? right->type->element : right->type;
    const struct type *scalar = common_type(c, a, b, span);
    if (!scalar || a->kind != TYPE_SCALAR || b->kind != TYPE_SCALAR) {
        if (a == b)
            return report_operand(c, operation, left, operator_span);
        return report_operands(c, operation_text(operation), left, right, operator_span);
    }
    if (!accepts(c, operation, scalar))
        return report_operand(c, operation, type_is_scalar(left->type) ? left : right,
                              operator_span);
    return build(c, operation, scalar, (struct typed *[]){left, right}, 2, operator_span, span);
}

static struct typed *check_unary(struct checker *c, const struct ast_expression *e)
{
    struct typed *operand = check_expression(c, e->binary.left);
    if (node_is_error(c, operand))
        return operand;
    const struct type *scalar =
        operand->type->kind == TYPE_ARRAY ? operand->type->element : operand->type;
    if (!accepts(c, e->binary.operation, scalar))
        return report_operand(c, e->binary.operation, operand, e->binary.operator_span);
    return build(c, e->binary.operation, scalar, &operand, 1, e->binary.operator_span, e->span);
}

struct typed *check_operation_call(struct checker *c, enum operation operation, const char *name,
                                   struct typed **operands, uint32_t count, struct span span)
{
    const struct type *scalar = NULL;
    struct typed *array = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (node_is_error(c, operands[i]))
            return operands[i];
        const struct type *own =
            operands[i]->type->kind == TYPE_ARRAY ? operands[i]->type->element : operands[i]->type;
        if (array && operands[i]->type->kind == TYPE_ARRAY &&
            array->type->rank != operands[i]->type->rank)
            return refuse_ranks(c, array, operands[i], span);
        if (operands[i]->type->kind == TYPE_ARRAY)
            array = operands[i];
        const struct type *common = scalar ? common_type(c, scalar, own, span) : own;
        if (!common)
            return report_operands(c, name, operands[0], operands[i], span);
        scalar = common;
        if (!accepts(c, operation, scalar)) {
            struct diagnostic *d =
                diagnose(c->diagnostics, operands[i]->span, ERR_operand_types,
                         "'%s' does not work on %s", name, types_text(c, operands[i]->type));
            if (type_is_integer(scalar))
                diagnose_hint(c->diagnostics, d, "it works on floats: write %s(f64(%s))", name,
                              types_snippet(c, operands[i]->span));
            return node_error(c, span);
        }
    }
    return build(c, operation, scalar, operands, count, span, span);
}

/* && and ||. */
static struct typed *check_lazy(struct checker *c, const struct ast_expression *e)
{
    bool is_and = e->binary.operator== AST_AND;
    const char *what = is_and ? "an operand of &&" : "an operand of ||";
    struct typed *left = check_condition(c, e->binary.left, what);
    struct typed *right = check_condition(c, e->binary.right, what);
    if (node_is_error(c, left) || node_is_error(c, right))
        return node_error(c, e->span);
    struct typed *node = node_new(c, is_and ? TYPED_AND : TYPED_OR, c->boolean, e->span);
    node->operands[0] = left;
    node->operands[1] = right;
    node->operand_count = 2;
    node->operator_span = e->binary.operator_span;
    return node;
}

static void check_inner_extents(struct checker *c, const struct typed *left,
                                const struct typed *right, struct span span)
{
    int64_t inner = node_static_extent(left, left->type->rank - 1);
    int64_t other = node_static_extent(right, 0);
    if (inner >= 0 && other >= 0 && inner != other)
        diagnose(c->diagnostics, span, ERR_shape_mismatch,
                 "the matrix product needs as many columns on the left as rows on the right, found "
                 "%lld and %lld",
                 (long long)inner, (long long)other);
}

static struct typed *build_product(struct checker *c, struct typed *left, struct typed *right,
                                   const struct type *scalar, struct span operator_span,
                                   struct span span)
{
    left = settle(c, adapt_to_scalar(c, left, scalar));
    right = settle(c, adapt_to_scalar(c, right, scalar));
    if (node_is_error(c, left) || node_is_error(c, right))
        return node_error(c, span);
    uint32_t rank = (uint32_t)left->type->rank + right->type->rank - 2;
    struct typed *node = node_new(c, TYPED_MATMUL, types_array(c, scalar, rank, span), span);
    node->operands[0] = left;
    node->operands[1] = right;
    node->operand_count = 2;
    node->operator_span = operator_span;
    check_inner_extents(c, left, right, operator_span);
    if (left->type->rank == 2)
        node_set_extent(c, node, 0, node_static_extent(left, 0));
    if (right->type->rank == 2)
        node_set_extent(c, node, rank - 1, node_static_extent(right, 1));
    return node;
}

static struct typed *check_product(struct checker *c, const struct ast_expression *e)
{
    struct typed *left = check_expression(c, e->binary.left);
    struct typed *right = check_expression(c, e->binary.right);
    if (node_is_error(c, left) || node_is_error(c, right))
        return node_error(c, e->span);
    const struct type *a = left->type, *b = right->type;
    bool arrays = a->kind == TYPE_ARRAY && b->kind == TYPE_ARRAY;
    bool ranks = arrays && a->rank <= 2 && b->rank <= 2 && a->rank + b->rank >= 3;
    const struct type *scalar = arrays ? common_type(c, a->element, b->element, e->span) : NULL;
    if (!ranks || !scalar || !type_is_number(scalar)) {
        struct diagnostic *d = diagnose(c->diagnostics, e->binary.operator_span, ERR_operand_types,
                                        "the matrix product does not work on %s and %s",
                                        types_text(c, a), types_text(c, b));
        if (arrays && a->rank == 1 && b->rank == 1)
            diagnose_hint(c->diagnostics, d, "the dot product of two vectors is sum(a * b)");
        else if (!arrays)
            diagnose_hint(c->diagnostics, d, "* multiplies by a number");
        return node_error(c, e->span);
    }
    if (types_is_flexible(c, scalar))
        scalar = scalar == &c->literal_integer ? c->integer : c->real;
    return build_product(c, left, right, scalar, e->binary.operator_span, e->span);
}

struct typed *check_operator(struct checker *c, const struct ast_expression *e)
{
    if (e->kind == EXPR_UNARY)
        return check_unary(c, e);
    switch (e->binary.operator) {
    case AST_OPERATION: {
        struct typed *left = check_expression(c, e->binary.left);
        struct typed *right = check_expression(c, e->binary.right);
        return check_binary(c, e->binary.operation, left, right, e->binary.operator_span, e->span);
    }
    case AST_AND:
    case AST_OR:
        return check_lazy(c, e);
    case AST_MATMUL:
        return check_product(c, e);
    case AST_IN:
        return check_in(c, e);
    }
    bug("operator %d", e->binary.operator);
}
