/*
 * Literals take the type of their context, through parentheses, signs, operators, branches and
 * elements. So an expression made of literals has a *flexible* type at first: that of an integer
 * literal, of a float literal, of any number (zeros(n)), or of the elements of []. Where such an
 * expression meets a type it is adapted to it, by one walk that writes the type into its nodes;
 * where it meets none it is settled to int or f64. A node is adapted once, so all this is linear in
 * the program.
 *
 * A flexible constant holds its literal's magnitude (an integer) or the bits of its f64.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "check/checker.h"
#include "value/semantics.h"

static bool is_literal(const struct checker *c, const struct type *type)
{
    return type == &c->literal_integer || type == &c->literal_float || type == &c->literal_number ||
           type == &c->literal_empty;
}

static bool literal_fits(const struct checker *c, const struct type *from, const struct type *to)
{
    if (from == &c->literal_number || from == &c->literal_empty)
        return true;
    if (to == &c->literal_empty)
        return false;
    if (to == &c->literal_number || type_is_float(to))
        return true;
    return from == &c->literal_integer && type_is_number(to);
}

static bool tuple_fits(const struct checker *c, const struct type *from, const struct type *to);

/* Whether values of type `from` can be adapted to `to`, whichever expression they come from. */
static bool fits(const struct checker *c, const struct type *from, const struct type *to)
{
    if (from == to)
        return true;
    if (is_literal(c, from))
        return literal_fits(c, from, to);
    if (is_literal(c, to))
        return false;
    if (!types_is_flexible(c, from)) {
        if (types_adapt(from, to) || types_widens(from, to))
            return true;
        return from->kind == TYPE_ARRAY && to->kind == TYPE_ARRAY && from->rank == to->rank &&
               types_widens(from->element, to->element);
    }
    if (from->kind != to->kind)
        return false;
    if (from->kind == TYPE_ARRAY)
        return from->rank == to->rank && fits(c, from->element, to->element);
    return tuple_fits(c, from, to);
}

static bool tuple_fits(const struct checker *c, const struct type *from, const struct type *to)
{
    if (from->part_count != to->part_count)
        return false;
    for (uint32_t i = 0; i < from->part_count; i++) {
        if (!fits(c, from->parts[i], to->parts[i]))
            return false;
        const char *from_name = from->names ? from->names[i] : NULL;
        const char *to_name = to->names ? to->names[i] : NULL;
        if (from_name && to_name && strcmp(from_name, to_name) != 0)
            return false;
    }
    return true;
}

/* As fits(), but a tuple that is written out may adapt part by part. */
static bool node_fits(const struct checker *c, const struct typed *node, const struct type *to)
{
    if (fits(c, node->type, to))
        return true;
    if (node->kind == TYPED_ARRAY && node->item_count == 0)
        return to->kind == TYPE_ARRAY && to->rank == 1;
    if (node->kind != TYPED_TUPLE || node->type->kind != TYPE_TUPLE || to->kind != TYPE_TUPLE ||
        node->item_count != to->part_count ||
        (node->type->names && to->names && !types_adapt(node->type, to)))
        return false;
    for (uint32_t i = 0; i < node->item_count; i++)
        if (!node_fits(c, node->items[i], to->parts[i]))
            return false;
    return true;
}

const struct type *common_type(struct checker *c, const struct type *a, const struct type *b,
                               struct span span)
{
    if (types_is_error(c, a) || types_is_error(c, b))
        return &c->error;
    if (a == &c->literal_empty || b == &c->literal_empty)
        return a == &c->literal_empty ? b : a;
    if (a == &c->literal_number && is_literal(c, b))
        return b == &c->literal_float ? b : a;
    if (b == &c->literal_number && is_literal(c, a))
        return a == &c->literal_float ? a : b;
    if (fits(c, a, b))
        return b;
    if (fits(c, b, a))
        return a;
    if (a->kind != b->kind)
        return NULL;
    if (a->kind == TYPE_ARRAY && a->rank == b->rank) {
        const struct type *element = common_type(c, a->element, b->element, span);
        return element ? types_array(c, element, a->rank, span) : NULL;
    }
    if (a->kind != TYPE_TUPLE || a->part_count != b->part_count)
        return NULL;
    const struct type **parts = arena_array(c->arena, const struct type *, a->part_count);
    for (uint32_t i = 0; i < a->part_count; i++)
        if (!(parts[i] = common_type(c, a->parts[i], b->parts[i], span)))
            return NULL;
    return types_tuple(c, parts, a->names ? a->names : b->names, a->part_count, span);
}

/* ---- Adapting
 * -------------------------------------------------------------------------------------- */

static struct typed *out_of_range(struct checker *c, struct typed *node, const struct type *to,
                                  bool negative)
{
    struct diagnostic *d;
    if (type_is_float(to)) {
        d = diagnose(c->diagnostics, node->span, ERR_literal_out_of_range,
                     "this number cannot be represented exactly as %s", types_text(c, to));
        diagnose_hint(c->diagnostics, d, "write it with a dot if the nearest %s is meant",
                      types_text(c, to));
        return node_error(c, node->span);
    }
    uint32_t bits = 8 * wk_scalar_bytes(to->scalar);
    d = diagnose(c->diagnostics, node->span, ERR_literal_out_of_range,
                 "the number %s%llu does not fit %s", negative ? "-" : "",
                 (unsigned long long)node->word, types_text(c, to));
    if (type_is_signed(to))
        diagnose_hint(c->diagnostics, d, "%s holds the numbers from -%llu to %llu",
                      types_text(c, to), 1ULL << (bits - 1), (1ULL << (bits - 1)) - 1);
    else
        diagnose_hint(c->diagnostics, d, "%s holds the numbers from 0 to %llu", types_text(c, to),
                      bits == 64 ? ~0ULL : (1ULL << bits) - 1);
    return node_error(c, node->span);
}

static uint64_t float_word(enum wk_scalar scalar, double value, float narrow)
{
    uint64_t word = 0;
    if (scalar == WK_F64) {
        memcpy(&word, &value, sizeof value);
        return word;
    }
    uint32_t half;
    memcpy(&half, &narrow, sizeof half);
    return half;
}

/* Gives an integer literal, whose word is the magnitude, its type. */
static struct typed *set_integer(struct checker *c, struct typed *node, const struct type *to,
                                 bool negative)
{
    uint64_t magnitude = node->word;
    if (type_is_float(to)) {
        double value = (double)magnitude;
        if (to->scalar == WK_F32)
            value = (float)magnitude;
        if (value >= 0x1p64 || (uint64_t)value != magnitude)
            return out_of_range(c, node, to, negative);
        value = negative ? -value : value;
        node->word = float_word(to->scalar, value, (float)value);
    } else {
        uint32_t bits = 8 * wk_scalar_bytes(to->scalar);
        uint64_t largest = type_is_signed(to) ? (1ULL << (bits - 1)) - 1 : ~0ULL >> (64 - bits);
        uint64_t limit = !negative ? largest : type_is_signed(to) ? largest + 1 : 0;
        if (magnitude > limit)
            return out_of_range(c, node, to, negative);
        node->word = negative ? 0 - magnitude : magnitude;
    }
    node->type = to;
    return node;
}

static struct typed *set_float(struct checker *c, struct typed *node, const struct type *to)
{
    double value;
    memcpy(&value, &node->word, sizeof value);
    if (to->scalar == WK_F32 && isfinite(value) && isinf(node_single(node))) {
        struct diagnostic *d = diagnose(c->diagnostics, node->span, ERR_literal_out_of_range,
                                        "the number %g does not fit f32", value);
        diagnose_hint(c->diagnostics, d, "the largest f32 is %g", (double)FLT_MAX);
        return node_error(c, node->span);
    }
    node->word = float_word(to->scalar, value, node_single(node));
    node->type = to;
    return node;
}

static struct typed *set_literal(struct checker *c, struct typed *node, const struct type *to)
{
    return node->type == &c->literal_float ? set_float(c, node, to)
                                           : set_integer(c, node, to, false);
}

static struct typed *refuse_integer_division(struct checker *c, struct typed *node,
                                             const struct type *to)
{
    struct diagnostic *d =
        diagnose(c->diagnostics, node->operator_span, ERR_integer_division,
                 "%s is expected here, but both sides of this division are integer literals",
                 types_text(c, types_scalar_of(to)));
    diagnose_hint(c->diagnostics, d,
                  "write one of them with a dot for the quotient (1.0/2 is 0.5); the integer "
                  "quotient is f64(1/2), which is 0");
    return node_error(c, node->span);
}

static struct typed *adapt_operation(struct checker *c, struct typed *node, const struct type *to)
{
    const struct type *scalar = types_scalar_of(to);
    struct typed *first = node->operands[0];
    if (node->operation == OPERATION_NEG && first->kind == TYPED_CONSTANT &&
        first->type == &c->literal_integer) {
        first->span = node->span;
        return set_integer(c, first, to, true);
    }
    if ((node->operation == OPERATION_DIV || node->operation == OPERATION_REM) &&
        type_is_float(scalar) && types_scalar_of(first->type) == &c->literal_integer &&
        types_scalar_of(node->operands[1]->type) == &c->literal_integer)
        return refuse_integer_division(c, node, to);
    if (!type_is_scalar(scalar) || !operation_accepts(node->operation, scalar->scalar)) {
        diagnose(c->diagnostics, node->operator_span, ERR_operand_types,
                 "%s does not work on %s, which is expected here", operation_text(node->operation),
                 types_text(c, scalar));
        return node_error(c, node->span);
    }
    for (uint32_t i = 0; i < node->operand_count; i++) {
        struct typed *operand = node->operands[i];
        operand = adapt(c, operand, operand->type->kind == TYPE_ARRAY ? to : scalar);
        if (node_is_error(c, operand))
            return operand;
        node->operands[i] = operand;
    }
    node->type = to;
    return node;
}

static struct typed *adapt_items(struct checker *c, struct typed *node, const struct type *to)
{
    for (uint32_t i = 0; i < node->item_count; i++) {
        node->items[i] =
            adapt(c, node->items[i], to->kind == TYPE_TUPLE ? to->parts[i] : to->element);
        if (node_is_error(c, node->items[i]))
            return node->items[i];
    }
    node->type = to;
    return node;
}

static struct typed *adapt_builtin(struct checker *c, struct typed *node, const struct type *to)
{
    if (node->builtin == BUILTIN_FILL) {
        node->items[0] = adapt(c, node->items[0], to->element);
        if (node_is_error(c, node->items[0]))
            return node->items[0];
    } else if (!type_is_scalar(to->element)) {
        struct diagnostic *d =
            diagnose(c->diagnostics, node->span, ERR_type_mismatch,
                     "expected %s, but zeros makes arrays of numbers", types_text(c, to));
        diagnose_hint(c->diagnostics, d, "fill(value, n) makes an array of any values");
        return node_error(c, node->span);
    }
    node->type = to;
    return node;
}

static struct typed *adapt_branches(struct checker *c, struct typed *node, const struct type *to)
{
    node->then = adapt(c, node->then, to);
    node->otherwise = adapt(c, node->otherwise, to);
    if (node_is_error(c, node->then))
        return node->then;
    if (node_is_error(c, node->otherwise))
        return node->otherwise;
    node->type = to;
    return node;
}

static struct typed *adapt_body(struct checker *c, struct typed *node, const struct type *to)
{
    node->body = adapt(c, node->body, to->element);
    if (node_is_error(c, node->body))
        return node->body;
    node->type = to;
    return node;
}

/* A value whose type is settled: widened, or a tuple whose parts get or lose their names. */
static struct typed *adapt_settled(struct checker *c, struct typed *node, const struct type *to)
{
    if (type_is_scalar(to) || (to->kind == TYPE_ARRAY && type_is_scalar(to->element)))
        return node_convert(c, node, to);
    if (node->kind == TYPED_TUPLE)
        return adapt_items(c, node, to);
    node->type = to;
    return node;
}

struct typed *adapt(struct checker *c, struct typed *node, const struct type *to)
{
    if (node->type == to || node_is_error(c, node))
        return node;
    if (types_is_error(c, to))
        return node_error(c, node->span);
    if (!types_is_flexible(c, node->type))
        return adapt_settled(c, node, to);
    switch (node->kind) {
    case TYPED_CONSTANT:
        return set_literal(c, node, to);
    case TYPED_OPERATION:
        return adapt_operation(c, node, to);
    case TYPED_IF:
        return adapt_branches(c, node, to);
    case TYPED_ARRAY:
    case TYPED_TUPLE:
        return adapt_items(c, node, to);
    case TYPED_COMPREHENSION:
        return adapt_body(c, node, to);
    case TYPED_BUILTIN:
        return adapt_builtin(c, node, to);
    case TYPED_VARIABLE:
    case TYPED_EQUAL:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_CONVERT:
    case TYPED_MATMUL:
    case TYPED_INDEX:
    case TYPED_EXTENT:
    case TYPED_PART:
    case TYPED_CALL:
    case TYPED_REDUCE:
        break;
    }
    bug("expression of kind %d with a flexible type", node->kind);
}

const struct type *settled_type(struct checker *c, const struct type *type, struct span span)
{
    if (type == &c->literal_integer)
        return c->integer;
    if (is_literal(c, type))
        return c->real;
    if (!types_is_flexible(c, type))
        return type;
    if (type->kind == TYPE_ARRAY)
        return types_array(c, settled_type(c, type->element, span), type->rank, span);
    const struct type **parts = arena_array(c->arena, const struct type *, type->part_count);
    for (uint32_t i = 0; i < type->part_count; i++)
        parts[i] = settled_type(c, type->parts[i], span);
    return types_tuple(c, parts, type->names, type->part_count, span);
}

struct typed *settle(struct checker *c, struct typed *node)
{
    if (!types_is_flexible(c, node->type))
        return node;
    return adapt(c, node, settled_type(c, node->type, node->span));
}

/* ---- Coercion
 * ---------------------------------------------------------------------------------------- */

static void hint_conversion(struct checker *c, struct diagnostic *d, const struct typed *node,
                            const struct type *to)
{
    const struct type *from = node->type;
    const char *text = types_snippet(c, node->span);
    if (from == &c->literal_float && type_is_integer(to))
        diagnose_hint(c->diagnostics, d, "%s(%s) drops the fraction", types_name(c, to), text);
    else if (type_is_number(from) && type_is_number(to))
        diagnose_hint(c->diagnostics, d, "write %s(%s) to convert it", types_name(c, to), text);
    else if (type_is_number(from) && type_is_bool(to))
        diagnose_hint(c->diagnostics, d, "numbers are no truth values; write %s != 0", text);
    else if (from->kind == TYPE_ARRAY && to->kind == TYPE_ARRAY && from->rank == 1 &&
             from->element->kind == TYPE_ARRAY && to->rank == 2 && to->element->kind != TYPE_ARRAY)
        diagnose_hint(c->diagnostics, d,
                      "an array of arrays is no matrix; this makes one of its rows: "
                      "[rows[i][j] for i in 0..2, j in 0..2]");
    else if (from->kind == TYPE_ARRAY && to->kind == TYPE_ARRAY && from->rank != to->rank)
        diagnose_hint(c->diagnostics, d, "this array has %u dimension%s, and %u %s wanted",
                      from->rank, from->rank == 1 ? "" : "s", to->rank,
                      to->rank == 1 ? "is" : "are");
    else if (from->kind == TYPE_ARRAY && to->kind == TYPE_ARRAY && type_is_number(from->element) &&
             type_is_number(to->element))
        diagnose_hint(c->diagnostics, d, "write %s(%s) to convert every element",
                      types_name(c, to->element), text);
}

/* The variable whose declaration is the mistake, because it names no type: the one that takes the
 * value, or that it is taken from. *wanted is what was meant of it. NULL if there is none. */
static struct local *mistaken_variable(struct checker *c, const struct typed *node,
                                       const struct type *to, const struct purpose *purpose,
                                       const struct type **wanted)
{
    struct local *taker = purpose ? purpose->place : NULL, *giver = assumed_variable(node);
    *wanted = node->type;
    if (taker && assumed_is_mistaken(c, taker, to, node->type))
        return taker;
    *wanted = to;
    return giver && assumed_is_mistaken(c, giver, node->type, to) ? giver : NULL;
}

static struct typed *report_mismatch(struct checker *c, struct typed *node, const struct type *to,
                                     const struct purpose *purpose)
{
    const struct type *wanted;
    struct local *mistaken = mistaken_variable(c, node, to, purpose, &wanted);
    if (mistaken && mistaken->blamed)
        return node_error(c, node->span);
    const char *what = "";
    if (purpose && purpose->what)
        what = arena_printf(c->arena, " for %s%s%s%s%s%s%s", purpose->what,
                            purpose->name ? " '" : "", purpose->name ? purpose->name : "",
                            purpose->name ? "'" : "", purpose->owner ? " of '" : "",
                            purpose->owner ? purpose->owner : "", purpose->owner ? "'" : "");
    struct diagnostic *d =
        diagnose(c->diagnostics, node->span, ERR_type_mismatch, "expected %s%s, found %s",
                 types_text(c, to), what, types_text(c, node->type));
    if (purpose && purpose->because.source)
        diagnose_note(c->diagnostics, d, purpose->because, "%s", purpose->because_text);
    if (mistaken)
        assumed_hint(c, d, mistaken, wanted);
    else
        hint_conversion(c, d, node, to);
    return node_error(c, node->span);
}

struct typed *coerce(struct checker *c, struct typed *node, const struct type *type,
                     const struct purpose *purpose)
{
    if (node_is_error(c, node))
        return node;
    if (types_is_error(c, type))
        return node_error(c, settle(c, node)->span);
    if (node->type->kind == TYPE_FILE && type_is_bytes(type))
        return node_contents(c, node, node->span);
    if (!node_fits(c, node, type))
        return report_mismatch(c, node, type, purpose);
    return adapt(c, node, type);
}
