/*
 * Dimensions: the names and expressions in the brackets of array types.
 *
 * In a signature the first bare occurrence of a name in the parameters' types binds it, unless it
 * is the name of an integer parameter or of a top-level constant; all other extents are checked.
 * Rules that bind come before those that check, so that an expression may use what a later
 * parameter binds.
 */
#include <string.h>

#include "check/checker.h"

/* One pair of brackets' item in a signature, and the array that has this extent. */
struct extent_site {
    const struct ast_expression *expression;
    struct span span;
    struct typed *array; /* of parameters */
    uint32_t leaf;       /* of results */
    uint32_t dimension;
    bool binds;
};

struct extent_sites {
    VECTOR(struct extent_site) list;
    uint32_t leaf;
};

static void refuse_inner(struct checker *c, const struct ast_type *form)
{
    for (; form->kind == TYPEFORM_ARRAY; form = form->array.element)
        for (uint32_t d = 0; d < form->array.rank; d++) {
            if (!form->array.extents[d])
                continue;
            struct diagnostic *diagnostic =
                diagnose(c->diagnostics, form->array.extents[d]->span, ERR_inner_extent,
                         "the extents of arrays in arrays are free: they may all differ");
            diagnose_hint(c->diagnostics, diagnostic, "write _ here");
            return;
        }
}

/* Lists the extents in a form that denotes `type`; `array` is NULL for results. Those of an
 * erroneous type (in a generic that is checked by itself: T[n]) bind their names all the same. */
static void list_sites(struct checker *c, const struct ast_type *form, const struct type *type,
                       struct typed *array, struct extent_sites *out)
{
    if (form->kind == TYPEFORM_TUPLE) {
        bool known = !types_is_error(c, type);
        for (uint32_t i = 0; i < form->tuple.count; i++)
            list_sites(c, form->tuple.parts[i], known ? type->parts[i] : type,
                       array && known ? node_part(c, array, i, array->span) : array, out);
        return;
    }
    if (form->kind == TYPEFORM_ARRAY) {
        for (uint32_t d = 0; d < form->array.rank; d++)
            if (form->array.extents[d])
                vector_push(&out->list, (struct extent_site){form->array.extents[d],
                                                             form->array.extents[d]->span, array,
                                                             out->leaf, d, false});
        refuse_inner(c, form->array.element);
    }
    out->leaf += type_has_parts(type) ? type->leaf_count : 1; /* T may be a tuple */
}

static const char *text_of(struct checker *c, struct span span)
{
    return arena_text(c->arena, span.source->text + span.begin, span.end - span.begin);
}

/* ---- Expressions
 * ---------------------------------------------------------------------------------------- */

static bool is_extent_expression(const struct typed *node)
{
    switch (node->kind) {
    case TYPED_CONSTANT:
    case TYPED_VARIABLE:
        return true;
    case TYPED_OPERATION:
    case TYPED_CONVERT:
    case TYPED_EXTENT:
        for (uint32_t i = 0; i < node->operand_count; i++)
            if (!is_extent_expression(node->operands[i]))
                return false;
        return true;
    default:
        return false;
    }
}

static struct typed *unbound(struct checker *c, const struct ast_expression *e)
{
    if (c->recovered)
        return NULL;
    struct diagnostic *d = diagnose(c->diagnostics, e->span, ERR_unbound_dimension,
                                    "the dimension '%s' is not bound by a parameter", e->name);
    const char *nearest = scope_nearest(c, e->name, 1U << SYMBOL_LOCAL | 1U << SYMBOL_CONSTANT);
    if (nearest)
        diagnose_hint(c->diagnostics, d, "did you mean '%s'?", nearest);
    else
        diagnose_hint(c->diagnostics, d, "write _ where the extent is free");
    return NULL;
}

/* Whether a name can become a dimension: those of functions are no values. */
static bool is_free_name(const struct symbol *symbol)
{
    return !symbol || symbol->kind == SYMBOL_FUNCTION || symbol->kind == SYMBOL_PRELUDE;
}

struct typed *check_extent(struct checker *c, const struct ast_expression *e)
{
    const struct symbol *symbol = e->kind == EXPR_NAME ? scope_find(c, e->name) : NULL;
    if (e->kind == EXPR_NAME && is_free_name(symbol))
        return unbound(c, e);
    struct typed *node = check_expression(c, e);
    if (node_is_error(c, node))
        return NULL;
    if (!types_widens(node->type, c->integer) && node->type != &c->literal_integer) {
        struct diagnostic *d =
            diagnose(c->diagnostics, e->span, ERR_bad_dimension,
                     "an extent is an integer, and this is %s", types_text(c, node->type));
        if (symbol && symbol->span.source)
            diagnose_note(c->diagnostics, d, symbol->span, "'%s' is declared here", e->name);
        return NULL;
    }
    node = coerce(c, node, c->integer, NULL);
    if (node_is_error(c, node))
        return NULL;
    if (!is_extent_expression(node)) {
        diagnose(c->diagnostics, e->span, ERR_bad_dimension,
                 "an extent is made of numbers, dimensions and integer parameters");
        return NULL;
    }
    if (node->kind == TYPED_CONSTANT && (int64_t)node->word < 0) {
        diagnose(c->diagnostics, e->span, ERR_negative_extent_literal,
                 "an extent of %lld: no array has fewer than no elements", (long long)node->word);
        return NULL;
    }
    return node;
}

/* ---- Signatures
 * ------------------------------------------------------------------------------------------- */

static bool is_new_name(struct checker *c, const struct ast_expression *e)
{
    return e->kind == EXPR_NAME && is_free_name(scope_find(c, e->name));
}

static struct local *bind_dimension(struct checker *c, const struct extent_site *site)
{
    struct local *local =
        local_new(c, VARIABLE_DIMENSION, site->expression->name, c->integer, site->span);
    scope_bind(c,
               &(struct symbol){.kind = SYMBOL_LOCAL,
                                .name = local->variable.name,
                                .span = local->variable.span,
                                .local = local},
               ERR_duplicate_parameter);
    return local;
}

static void add_binding_rules(struct checker *c, struct function *f, struct extent_sites *sites)
{
    for (size_t i = 0; i < sites->list.count; i++) {
        struct extent_site *site = &sites->list.items[i];
        if (!is_new_name(c, site->expression))
            continue;
        site->binds = true;
        struct local *local = bind_dimension(c, site);
        f->dimensions[f->dimension_count++] = local;
        f->typed.rules[f->typed.rule_count++] = (struct dimension_rule){
            .array = site->array,
            .dimension = site->dimension,
            .binds = &local->variable,
            .text = local->variable.name,
            .span = site->span,
        };
    }
}

/* The message's format for an extent that is not as declared: braces of the text are doubled. */
static const char *extent_message(struct checker *c, const struct function *f,
                                  const struct extent_site *site, const struct typed *expected)
{
    struct buffer out = {0};
    const struct typed *array = site->array;
    while (array && array->kind == TYPED_PART)
        array = array->operands[0];
    if (array)
        buffer_printf(&out, "the argument '%s' of '%s'", array->variable->name, f->typed.name);
    else
        buffer_printf(&out, "the result of '%s'", f->typed.name);
    buffer_printf(&out, " has the extent {} in dimension %u, expected ", site->dimension);
    const char *text = text_of(c, site->span);
    bool is_number = text[0] >= '0' && text[0] <= '9' && expected->kind == TYPED_CONSTANT;
    for (; !is_number && *text; text++) {
        buffer_putc(&out, *text);
        if (*text == '{' || *text == '}')
            buffer_putc(&out, *text);
    }
    buffer_puts(&out, is_number ? "{}" : " = {}");
    const char *message = arena_text(c->arena, buffer_text(&out), out.length);
    buffer_release(&out);
    return message;
}

/* A parameter whose extent is declared as a number has it wherever it is used in the body. */
static void note_constant_extent(struct checker *c, const struct extent_site *site,
                                 const struct typed *expected)
{
    if (expected->kind != TYPED_CONSTANT || site->array->kind != TYPED_VARIABLE)
        return;
    struct local *local = (struct local *)site->array->variable;
    uint32_t rank = local->variable.type->rank;
    int64_t *extents = arena_array(c->arena, int64_t, rank);
    for (uint32_t d = 0; d < rank; d++)
        extents[d] = local->extents ? local->extents[d] : -1;
    extents[site->dimension] = (int64_t)expected->word;
    local->extents = extents;
}

static void add_checking_rules(struct checker *c, struct function *f,
                               const struct extent_sites *sites)
{
    for (size_t i = 0; i < sites->list.count; i++) {
        const struct extent_site *site = &sites->list.items[i];
        if (site->binds)
            continue;
        struct typed *equals = check_extent(c, site->expression);
        f->broken |= !equals;
        if (equals)
            f->typed.rules[f->typed.rule_count++] = (struct dimension_rule){
                .array = site->array,
                .dimension = site->dimension,
                .equals = equals,
                .text = text_of(c, site->span),
                .message = extent_message(c, f, site, equals),
                .span = site->span,
            };
        if (equals)
            note_constant_extent(c, site, equals);
    }
}

static void add_result_extents(struct checker *c, struct function *f)
{
    struct extent_sites sites = {0};
    if (!f->declaration->function.result || types_is_error(c, f->typed.result))
        return;
    list_sites(c, f->declaration->function.result, f->typed.result, NULL, &sites);
    f->typed.result_extents = arena_array(c->arena, struct result_extent, sites.list.count);
    for (size_t i = 0; i < sites.list.count; i++) {
        const struct extent_site *site = &sites.list.items[i];
        struct typed *extent = check_extent(c, site->expression);
        if (extent)
            f->typed.result_extents[f->typed.result_extent_count++] =
                (struct result_extent){site->leaf, site->dimension, extent,
                                       extent_message(c, f, site, extent), site->span};
    }
    vector_release(&sites.list);
}

void check_dimensions(struct checker *c, struct function *f)
{
    struct extent_sites sites = {0};
    scope_open(c);
    for (uint32_t i = 0; i < f->typed.parameter_count; i++) {
        struct local *local = (struct local *)f->typed.parameters[i];
        if (!scope_bind(c,
                        &(struct symbol){.kind = SYMBOL_LOCAL,
                                         .name = local->variable.name,
                                         .span = local->variable.span,
                                         .local = local},
                        ERR_duplicate_parameter))
            f->broken = true;
        if (f->forms[i]->type)
            list_sites(c, f->forms[i]->type, local->variable.type,
                       node_variable(c, local, local->variable.span), &sites);
    }
    f->typed.rules = arena_array(c->arena, struct dimension_rule, sites.list.count);
    f->dimensions = arena_array(c->arena, struct local *, sites.list.count);
    add_binding_rules(c, f, &sites);
    add_checking_rules(c, f, &sites);
    add_result_extents(c, f);
    vector_release(&sites.list);
    scope_close(c);
}

/* ---- Calls
 * --------------------------------------------------------------------------------------------------
 */

enum { MOST_RULES = 64 }; /* beyond which constant extents are left to elaboration */

/* What is constant at a call: dimensions, by the arguments' extents, and integer arguments. */
struct call_constants {
    const struct variable *variables[2 * MOST_RULES];
    int64_t values[2 * MOST_RULES];
    uint32_t count;
};

static int64_t argument_extent(const struct typed *call, const struct dimension_rule *rule)
{
    if (rule->array->kind != TYPED_VARIABLE)
        return -1;
    return node_static_extent(call->arguments[rule->array->variable->index], rule->dimension);
}

static void find_constants(const struct typed *call, struct call_constants *out)
{
    const struct typed_function *f = call->callee;
    for (uint32_t i = 0; i < f->parameter_count && i < MOST_RULES; i++) {
        const struct typed *argument = call->arguments[i];
        if (argument->kind != TYPED_CONSTANT || !type_is_integer(argument->type))
            continue;
        out->variables[out->count] = f->parameters[i];
        out->values[out->count++] = (int64_t)argument->word;
    }
    for (uint32_t i = 0; i < f->rule_count && f->rules[i].binds; i++) {
        out->variables[out->count] = f->rules[i].binds;
        out->values[out->count++] = argument_extent(call, &f->rules[i]);
    }
}

static void report_extent(struct checker *c, const struct typed *call,
                          const struct dimension_rule *rule, int64_t wanted, int64_t found)
{
    const struct typed_function *f = call->callee;
    const struct variable *parameter = rule->array->variable;
    bool number = rule->text[0] >= '0' && rule->text[0] <= '9';
    struct diagnostic *d =
        diagnose(c->diagnostics, call->arguments[parameter->index]->span, ERR_shape_mismatch,
                 "the argument '%s' of '%s' has the extent %lld in dimension %u, expected %s%s%lld",
                 parameter->name, f->name, (long long)found, rule->dimension,
                 number ? "" : rule->text, number ? "" : " = ", (long long)wanted);
    diagnose_note(c->diagnostics, d, rule->span, "the extent is declared here");
}

void check_call_extents(struct checker *c, struct typed *call)
{
    const struct typed_function *f = call->callee;
    struct call_constants constants = {.count = 0};
    if (f->rule_count > MOST_RULES || f->result_extent_count > MOST_RULES)
        return;
    find_constants(call, &constants);
    struct fold_binding binding = {constants.variables, constants.values, constants.count, false};
    struct error error;
    uint64_t word;
    for (uint32_t i = 0; i < f->rule_count; i++) {
        int64_t found = argument_extent(call, &f->rules[i]);
        if (f->rules[i].equals && found >= 0 && fold(f->rules[i].equals, &binding, &word, &error) &&
            (int64_t)word != found)
            report_extent(c, call, &f->rules[i], (int64_t)word, found);
    }
    for (uint32_t i = 0; i < f->result_extent_count && f->result->kind == TYPE_ARRAY; i++)
        if (fold(f->result_extents[i].extent, &binding, &word, &error))
            node_set_extent(c, call, f->result_extents[i].dimension, (int64_t)word);
}

void check_returned_extents(struct checker *c, const struct typed *value)
{
    const struct typed_function *f = &c->function->typed;
    if (value->type->kind != TYPE_ARRAY)
        return;
    for (uint32_t i = 0; i < f->result_extent_count; i++) {
        const struct result_extent *declared = &f->result_extents[i];
        int64_t found = node_static_extent(value, declared->dimension);
        int64_t expected = (int64_t)declared->extent->word;
        if (declared->extent->kind != TYPED_CONSTANT || found < 0 || found == expected)
            continue;
        struct diagnostic *d =
            diagnose(c->diagnostics, value->span, ERR_shape_mismatch,
                     "the result of '%s' has the extent %lld in dimension %u, expected %lld",
                     f->name, (long long)found, declared->dimension, (long long)expected);
        diagnose_note(c->diagnostics, d, declared->span, "the extent is declared here");
    }
}

/* ---- Declarations
 * ---------------------------------------------------------------------------------------------- */

static struct typed *fresh_extent(struct checker *c, struct local *local, uint32_t dimension,
                                  struct span span)
{
    bool used = local->used;
    struct typed *extent = node_new(c, TYPED_EXTENT, c->integer, span);
    extent->operands[0] = node_variable(c, local, span);
    extent->operand_count = 1;
    extent->number = dimension;
    local->used = used;
    return extent;
}

const char declared_extent_text[] = "the extent of dimension ";

/* if extent != expected { fail("…") } */
static void add_extent_check(struct checker *c, struct local *local, uint32_t dimension,
                             struct typed *expected, struct span span, struct statement_list *out)
{
    struct statement_list body = {0};
    struct typed_statement *fail = statement_new(c, &body, STATEMENT_FAIL, span);
    struct typed_piece pieces[] = {
        {.text = declared_extent_text},
        {.value = node_integer(c, dimension, span)},
        {.text = arena_printf(c->arena, " of '%s' is ", local->variable.name)},
        {.value = fresh_extent(c, local, dimension, span)},
        {.text = arena_printf(c->arena, ", but its type says %s = ", text_of(c, span))},
        {.value = expected},
    };
    fail->piece_count = sizeof pieces / sizeof *pieces;
    fail->pieces = arena_copy(c->arena, pieces, sizeof pieces);
    struct typed_statement *check = statement_new(c, out, STATEMENT_IF, span);
    check->condition = node_operation(c, OPERATION_NE, c->boolean,
                                      fresh_extent(c, local, dimension, span), expected, span);
    check->then = statement_block(c, &body);
}

/* Whether the extent is the expected one as written: let x: f64[n] = zeros(n). */
static bool is_sized_by(const struct typed *value, uint32_t dimension, const struct typed *expected)
{
    bool is_fill = value->kind == TYPED_BUILTIN && value->builtin == BUILTIN_FILL;
    if (!is_fill && (value->kind != TYPED_BUILTIN || value->builtin != BUILTIN_ZEROS))
        return false;
    const struct typed *extent = value->items[dimension + is_fill];
    if (extent->kind != expected->kind)
        return false;
    return extent->kind == TYPED_VARIABLE   ? extent->variable == expected->variable
           : extent->kind == TYPED_CONSTANT ? extent->word == expected->word
                                            : false;
}

void check_declared_extents(struct checker *c, struct local *local, const struct typed *value,
                            const struct ast_type *form, struct statement_list *out)
{
    if (form->kind == TYPEFORM_TUPLE)
        for (uint32_t i = 0; i < form->tuple.count; i++)
            refuse_inner(c, form->tuple.parts[i]);
    if (form->kind != TYPEFORM_ARRAY)
        return;
    refuse_inner(c, form->array.element);
    for (uint32_t d = 0; d < form->array.rank; d++) {
        struct typed *expected =
            form->array.extents[d] ? check_extent(c, form->array.extents[d]) : NULL;
        if (!expected)
            continue;
        int64_t found = local->extents ? local->extents[d] : -1;
        bool constant = found >= 0 && expected->kind == TYPED_CONSTANT;
        if (constant && (int64_t)expected->word != found)
            diagnose(c->diagnostics, form->array.extents[d]->span, ERR_shape_mismatch,
                     "the value of '%s' has the extent %lld here, not %lld", local->variable.name,
                     (long long)found, (long long)expected->word);
        else if (!constant && !is_sized_by(value, d, expected))
            add_extent_check(c, local, d, expected, form->array.extents[d]->span, out);
    }
}
