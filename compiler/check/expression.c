/*
 * Expressions: names, literals, tuples, arrays, branches; the rest is dispatched to the files of
 * its concern.
 */
#include <string.h>

#include "check/checker.h"

/* ---- Names
 * -------------------------------------------------------------------------------------------- */

/* Whether the name is bound by an earlier iterator of the comprehension whose ranges are checked.
 */
static bool is_sibling(const struct checker *c, const char *name)
{
    const struct ast_expression *comprehension = c->comprehension;
    for (uint32_t i = 0; comprehension && i < comprehension->comprehension.iterator_count; i++) {
        const struct ast_iterator *iterator = &comprehension->comprehension.iterators[i];
        for (uint32_t n = 0; n < iterator->name_count; n++)
            if (iterator->names[n].text == name)
                return true;
    }
    return false;
}

static bool is_truth_value_misspelt(const char *name)
{
    const char *best = NULL;
    nearest_name(name, "true", &best);
    nearest_name(name, "false", &best);
    return best != NULL;
}

static struct typed *unknown_name(struct checker *c, const struct ast_expression *e)
{
    struct diagnostic *d = diagnose(c->diagnostics, e->span, ERR_unknown_name,
                                    "there is no variable named '%s' here", e->name);
    const char *nearest = scope_nearest(c, e->name, 1U << SYMBOL_LOCAL | 1U << SYMBOL_CONSTANT);
    if (strcmp(e->name, "_") == 0)
        diagnose_hint(c->diagnostics, d, "_ only stands where a name is not needed");
    else if (is_sibling(c, e->name))
        diagnose_hint(c->diagnostics, d,
                      "the ranges of one comprehension are independent of each other; nest two "
                      "comprehensions for rows of different lengths");
    else if (strcmp(e->name, "None") == 0 || strcmp(e->name, "null") == 0 ||
             strcmp(e->name, "nil") == 0)
        diagnose_hint(c->diagnostics, d, "there is no null value; return (ok, value) instead");
    else if (strcmp(e->name, "True") == 0 || strcmp(e->name, "False") == 0 ||
             (!nearest && is_truth_value_misspelt(e->name)))
        diagnose_hint(c->diagnostics, d, "truth values are written true and false");
    else if (nearest)
        diagnose_hint(c->diagnostics, d, "did you mean '%s'?", nearest);
    scope_bind_unknown(c, e->name);
    return node_error(c, e->span);
}

static struct typed *not_a_value(struct checker *c, const struct ast_expression *e,
                                 const struct symbol *symbol)
{
    bool is_struct = symbol->kind == SYMBOL_STRUCT;
    struct diagnostic *d = diagnose(c->diagnostics, e->span, ERR_not_a_value,
                                    "'%s' is a %s, and is used as a value here", e->name,
                                    is_struct ? "struct" : "function");
    if (is_struct)
        diagnose_hint(c->diagnostics, d, "a value of it is written %s{...}", e->name);
    else
        diagnose_hint(
            c->diagnostics, d,
            "call it: %s(...); a function itself can only be passed where one is asked for",
            e->name);
    if (symbol->span.source)
        diagnose_note(c->diagnostics, d, symbol->span, "it is declared here");
    return node_error(c, e->span);
}

static struct typed *check_name(struct checker *c, const struct ast_expression *e)
{
    const struct symbol *symbol = scope_find(c, e->name);
    if (!symbol)
        return unknown_name(c, e);
    switch (symbol->kind) {
    case SYMBOL_LOCAL: {
        struct typed *node = node_variable(c, symbol->local, e->span);
        return types_is_error(c, node->type) ? node_error(c, e->span) : node;
    }
    case SYMBOL_CONSTANT:
        return constant_use(c, symbol->constant, e->span);
    case SYMBOL_REFUSED:
    case SYMBOL_UNKNOWN:
        return node_error(c, e->span);
    case SYMBOL_STRUCT:
    case SYMBOL_FUNCTION:
    case SYMBOL_FUNCTION_PARAMETER:
    case SYMBOL_PRELUDE:
        return not_a_value(c, e, symbol);
    case SYMBOL_MODULE:
        diagnose_hint(c->diagnostics,
                      diagnose(c->diagnostics, e->span, ERR_not_a_value,
                               "'%s' is a module, and is used as a value here", e->name),
                      "name what is meant in it: %s.name", e->name);
        return node_error(c, e->span);
    }
    bug("symbol of kind %d", symbol->kind);
}

/* ---- Literals
 * ------------------------------------------------------------------------------------------- */

static struct typed *check_integer_literal(struct checker *c, const struct ast_expression *e)
{
    if (e->integer.is_duration)
        return node_error(c, e->span); /* the parser refused it */
    return node_constant(c, &c->literal_integer, e->integer.value, e->span);
}

static struct typed *check_float_literal(struct checker *c, const struct ast_expression *e)
{
    uint64_t bits;
    memcpy(&bits, &e->real.number, sizeof bits);
    struct typed *node = node_constant(c, &c->literal_float, bits, e->span);
    node_set_single(node, e->real.single);
    return node;
}

/* ---- Lists
 * ------------------------------------------------------------------------------------------------
 */

static struct typed *check_array(struct checker *c, const struct ast_expression *e)
{
    uint32_t count = e->list.count;
    struct typed *node = node_new(c, TYPED_ARRAY, NULL, e->span);
    node->items = arena_array(c->arena, struct typed *, count);
    node->item_count = count;
    const struct type *element = count ? NULL : &c->literal_empty;
    bool failed = false;
    for (uint32_t i = 0; i < count; i++) {
        node->items[i] = check_expression(c, e->list.items[i]);
        if (failed || node_is_error(c, node->items[i])) {
            failed = true;
            continue;
        }
        const struct type *type = node->items[i]->type;
        const struct type *common = element ? common_type(c, element, type, e->span) : type;
        if (!common) {
            struct diagnostic *d =
                diagnose(c->diagnostics, node->items[i]->span, ERR_elements_differ,
                         "this element is of type %s, but those before it are of type %s",
                         types_name(c, type), types_name(c, element));
            diagnose_note(c->diagnostics, d, node->items[0]->span, "the first element is here");
            failed = true;
        }
        element = common;
    }
    if (failed)
        return node_error(c, e->span);
    bool settled = !types_is_flexible(c, element);
    for (uint32_t i = 0; i < count && settled; i++)
        node->items[i] = adapt(c, node->items[i], element);
    node->type = types_array(c, element, 1, e->span);
    node_set_extent(c, node, 0, count);
    return node_is_error(c, node) ? node_error(c, e->span) : node;
}

static struct typed *check_tuple(struct checker *c, const struct ast_expression *e)
{
    uint32_t count = e->list.count;
    struct typed *node = node_new(c, TYPED_TUPLE, NULL, e->span);
    node->items = arena_array(c->arena, struct typed *, count);
    node->item_count = count;
    const struct type **parts = arena_array(c->arena, const struct type *, count);
    const char **names = e->list.names ? arena_array(c->arena, const char *, count) : NULL;
    bool failed = false;
    for (uint32_t i = 0; i < count; i++) {
        node->items[i] = check_expression(c, e->list.items[i]);
        failed |= node_is_error(c, node->items[i]);
        parts[i] = node->items[i]->type;
        if (names)
            names[i] = e->list.names[i].text;
    }
    if (failed)
        return node_error(c, e->span);
    node->type = types_tuple(c, parts, names, count, e->span);
    return node_is_error(c, node) ? node_error(c, e->span) : node;
}

/* ---- Parts of tuples
 * ------------------------------------------------------------------------------------------ */

static struct typed *unknown_field(struct checker *c, const struct typed *base,
                                   const struct ast_name *name)
{
    const struct type *type = base->type;
    struct diagnostic *d = diagnose(c->diagnostics, name->span, ERR_unknown_field,
                                    "%s has no part named '%s'", types_text(c, type), name->text);
    const char *nearest = NULL;
    for (uint32_t i = 0; type_has_parts(type) && type->names && i < type->part_count; i++)
        if (type->names[i])
            nearest_name(name->text, type->names[i], &nearest);
    bool extent = strcmp(name->text, "rows") == 0 || strcmp(name->text, "cols") == 0;
    bool length = strcmp(name->text, "len") == 0 || strcmp(name->text, "length") == 0 ||
                  strcmp(name->text, "size") == 0;
    if (nearest)
        diagnose_hint(c->diagnostics, d, "did you mean '%s'?", nearest);
    else if (type->kind == TYPE_ARRAY && (length || (extent && type->rank == 1)))
        diagnose_hint(c->diagnostics, d, "len(x) is the number of elements of the first dimension");
    else if (type->kind == TYPE_ARRAY && extent)
        diagnose_hint(c->diagnostics, d, "only arrays of rank 2 have rows and cols");
    else if (type->kind == TYPE_ARRAY && strcmp(name->text, "shape") == 0)
        diagnose_hint(c->diagnostics, d,
                      "len(x) is the first extent, x.rows and x.cols those of rank 2");
    else if (type->kind == TYPE_ARRAY && strcmp(name->text, "T") == 0)
        diagnose_hint(c->diagnostics, d, "write transpose(%s)", types_snippet(c, base->span));
    else if (type->kind == TYPE_TUPLE && !type->names && type->part_count)
        diagnose_hint(c->diagnostics, d, "its parts have no names: write .0, .1, ...");
    return node_error(c, base->span);
}

static struct typed *check_field(struct checker *c, const struct ast_expression *e)
{
    const struct ast_expression *member = module_name(c, e);
    if (member != e)
        return check_expression(c, member);
    struct typed *base = check_value(c, e->field.base);
    const char *name = e->field.name.text;
    if (node_is_error(c, base) || !name)
        return node_error(c, e->span);
    if (base->type->kind == TYPE_ARRAY && base->type->rank == 2) {
        if (strcmp(name, "rows") == 0)
            return node_extent(c, base, 0, e->span);
        if (strcmp(name, "cols") == 0)
            return node_extent(c, base, 1, e->span);
    }
    for (uint32_t i = 0; type_has_parts(base->type) && i < base->type->part_count; i++)
        if (base->type->names && base->type->names[i] && strcmp(base->type->names[i], name) == 0)
            return node_part(c, base, i, e->span);
    unknown_field(c, base, &e->field.name);
    return node_error(c, e->span);
}

static struct typed *check_part(struct checker *c, const struct ast_expression *e)
{
    struct typed *base = check_value(c, e->field.base);
    if (node_is_error(c, base))
        return node_error(c, e->span);
    if (base->type->kind == TYPE_TUPLE && e->field.part < base->type->part_count)
        return node_part(c, base, e->field.part, e->span);
    struct diagnostic *d = diagnose(c->diagnostics, e->span, ERR_unknown_field, "%s has no part %u",
                                    types_text(c, base->type), e->field.part);
    if (base->type->kind == TYPE_TUPLE && base->type->part_count)
        diagnose_hint(c->diagnostics, d, "its parts are .0 to .%u", base->type->part_count - 1);
    else if (base->type->kind == TYPE_STRUCT)
        diagnose_hint(c->diagnostics, d, "fields of structs have names: write .%s",
                      base->type->names[0]);
    else if (base->type->kind == TYPE_ARRAY)
        diagnose_hint(c->diagnostics, d, "elements of arrays are written x[%u]", e->field.part);
    return node_error(c, e->span);
}

/* ---- Branches
 * ----------------------------------------------------------------------------------------------------
 */

static struct typed *check_branch(struct checker *c, const struct ast_expression *e)
{
    struct typed *condition = check_condition(c, e->branch.condition, "the condition of 'if'");
    struct typed *then = check_expression(c, e->branch.then);
    if (!e->branch.otherwise) {
        if (!c->recovered)
            diagnose(c->diagnostics, e->span, ERR_else_missing,
                     "an 'if' that gives a value needs an 'else' that gives the other one");
        return node_error(c, e->span);
    }
    struct typed *otherwise = check_expression(c, e->branch.otherwise);
    if (node_is_error(c, condition) || node_is_error(c, then) || node_is_error(c, otherwise))
        return node_error(c, e->span);
    const struct type *type = common_type(c, then->type, otherwise->type, e->span);
    if (!type) {
        struct diagnostic *d =
            diagnose(c->diagnostics, otherwise->span, ERR_branches_differ,
                     "the branches have different types: this one is %s, the other one is %s",
                     types_text(c, otherwise->type), types_text(c, then->type));
        diagnose_note(c->diagnostics, d, then->span, "the other branch is here");
        return node_error(c, e->span);
    }
    if (!types_is_flexible(c, type)) {
        then = adapt(c, then, type);
        otherwise = adapt(c, otherwise, type);
        if (node_is_error(c, then) || node_is_error(c, otherwise))
            return node_error(c, e->span);
    }
    struct typed *node = node_new(c, TYPED_IF, type, e->span);
    node->condition = condition;
    node->then = then;
    node->otherwise = otherwise;
    for (uint32_t d = 0; type->kind == TYPE_ARRAY && d < type->rank; d++)
        if (node_static_extent(then, d) == node_static_extent(otherwise, d))
            node_set_extent(c, node, d, node_static_extent(then, d));
    return node;
}

/* ---- All
 * ------------------------------------------------------------------------------------------------------------
 */

struct typed *check_expression(struct checker *c, const struct ast_expression *e)
{
    switch (e->kind) {
    case EXPR_ERROR:
        return node_error(c, e->span);
    case EXPR_INTEGER:
    case EXPR_CHARACTER:
        return check_integer_literal(c, e);
    case EXPR_FLOAT:
        return check_float_literal(c, e);
    case EXPR_STRING:
        return node_text(c, e->string.text, e->string.length, e->span);
    case EXPR_BOOLEAN:
        return node_constant(c, c->boolean, e->boolean, e->span);
    case EXPR_NAME:
        return check_name(c, e);
    case EXPR_UNARY:
    case EXPR_BINARY:
        return check_operator(c, e);
    case EXPR_CALL:
        return check_call(c, e);
    case EXPR_INDEX:
        return check_index(c, e);
    case EXPR_FIELD:
        return check_field(c, e);
    case EXPR_PART:
        return check_part(c, e);
    case EXPR_IF:
        return check_branch(c, e);
    case EXPR_ARRAY:
        return check_array(c, e);
    case EXPR_COMPREHENSION:
        return check_comprehension(c, e);
    case EXPR_TUPLE:
        return check_tuple(c, e);
    case EXPR_STRUCT:
        return check_struct_literal(c, e);
    case EXPR_MAP:
        return check_map_literal(c, e);
    case EXPR_RANGE:
        return node_error(c, e->span); /* the parser refused it */
    }
    bug("expression of kind %d", e->kind);
}

struct typed *check_value(struct checker *c, const struct ast_expression *e)
{
    return settle(c, check_expression(c, e));
}

struct typed *check_integer(struct checker *c, const struct ast_expression *e, const char *what)
{
    return coerce(c, check_expression(c, e), c->integer, &(struct purpose){.what = what});
}

struct typed *check_condition(struct checker *c, const struct ast_expression *e, const char *what)
{
    struct typed *node = check_expression(c, e);
    if (node_is_error(c, node) || type_is_bool(node->type))
        return node;
    struct diagnostic *d =
        diagnose(c->diagnostics, node->span, ERR_not_a_condition,
                 "%s is true or false, but this is %s", what, types_text(c, node->type));
    if (type_is_number(node->type))
        diagnose_hint(c->diagnostics, d, "numbers are no truth values; write %s != 0",
                      types_snippet(c, node->span));
    else if (node->type->kind == TYPE_ARRAY)
        diagnose_hint(c->diagnostics, d, "len(%s) > 0 asks whether it has elements",
                      types_snippet(c, node->span));
    return node_error(c, node->span);
}
