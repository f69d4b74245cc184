/*
 * Calls of tasks and flows: which function, which argument is which parameter's, defaults.
 */
#include <string.h>

#include "check/checker.h"
#include "syntax/parse.h"

/* ---- Callees
 * ------------------------------------------------------------------------------------------- */

static void check_arguments_silently(struct checker *c, const struct ast_expression *call)
{
    for (uint32_t i = 0; i < call->call.argument_count; i++) {
        const struct ast_expression *value = call->call.arguments[i].value;
        if (value && value->kind != EXPR_STRING)
            check_expression(c, value);
    }
}

static struct typed *unknown_function(struct checker *c, const struct ast_expression *call)
{
    const struct ast_expression *callee = call->call.callee;
    check_arguments_silently(c, call);
    if (c->recovered)
        return node_error(c, call->span);
    struct diagnostic *d = diagnose(c->diagnostics, callee->span, ERR_unknown_function,
                                    "there is no task or flow named '%s'", callee->name);
    const char *nearest = scope_nearest(c, callee->name,
                                        1U << SYMBOL_FUNCTION | 1U << SYMBOL_PRELUDE |
                                            1U << SYMBOL_FUNCTION_PARAMETER);
    static const char *const foreign[][2] = {
        {"float", "f64"},    {"double", "f64"},   {"length", "len"},   {"size", "len"},
        {"print", "log"},    {"println", "log"},  {"printf", "log"},   {"panic", "fail"},
        {"error", "fail"},   {"throw", "fail"},   {"push", "append"},  {"ones", "fill"},
        {"fold", "reduce"},  {"tgamma", "gamma"}, {"fmin", "min"},     {"fmax", "max"},
        {"fabs", "abs"},     {"ln", "log"},       {"isnan", "is_nan"}, {"arange", "range"},
        {"xrange", "range"}, {"ceiling", "ceil"}, {"integer", "int"},
    };
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (!nearest && strcmp(callee->name, foreign[i][0]) == 0)
            nearest = foreign[i][1];
    if (!nearest)
        nearest_statement_word(callee->name, &nearest);
    if (!nearest && (strcmp(callee->name, "assert") == 0 || strcmp(callee->name, "require") == 0))
        diagnose_hint(c->diagnostics, d,
                      "say what is wrong: if !(CONDITION) { fail(\"MESSAGE\") }");
    else if (nearest)
        diagnose_hint(c->diagnostics, d, "did you mean '%s'?", nearest);
    scope_bind_unknown(c, callee->name);
    return node_error(c, call->span);
}

static struct typed *not_a_function(struct checker *c, const struct ast_expression *call,
                                    const struct typed *value)
{
    check_arguments_silently(c, call);
    if (value && node_is_error(c, value))
        return node_error(c, call->span);
    struct diagnostic *d = diagnose(c->diagnostics, call->call.callee->span, ERR_not_a_function,
                                    "this is no task or flow, and cannot be called");
    if (value && value->type->kind == TYPE_ARRAY)
        diagnose_hint(c->diagnostics, d, "elements are written with brackets: x[i]");
    return node_error(c, call->span);
}

/* ---- Arguments
 * -------------------------------------------------------------------------------------------- */

static void wrong_count(struct checker *c, const struct ast_expression *call,
                        const struct function *f)
{
    uint32_t needed = 0, most = f->written_count;
    for (uint32_t i = 0; i < most; i++)
        needed += !f->written[i]->value;
    const char *text = needed == most ? arena_printf(c->arena, "%u", most)
                                      : arena_printf(c->arena, "%u to %u", needed, most);
    struct diagnostic *d = diagnose(c->diagnostics, call->span, ERR_argument_count,
                                    "'%s' takes %s argument%s, found %u", f->typed.name, text,
                                    most == 1 && needed == 1 ? "" : "s", call->call.argument_count);
    diagnose_note(c->diagnostics, d, f->typed.span, "it is declared here");
}

static int find_parameter(const struct function *f, const char *name)
{
    for (uint32_t i = 0; i < f->written_count; i++)
        if (f->written[i]->name.text == name)
            return (int)i;
    return -1;
}

static bool unknown_parameter(struct checker *c, const struct function *f,
                              const struct ast_name *name)
{
    struct diagnostic *d = diagnose(c->diagnostics, name->span, ERR_unknown_argument,
                                    "'%s' has no parameter named '%s'", f->typed.name, name->text);
    const char *nearest = NULL;
    for (uint32_t i = 0; i < f->written_count; i++)
        if (f->written[i]->name.text)
            nearest_name(name->text, f->written[i]->name.text, &nearest);
    if (nearest)
        diagnose_hint(c->diagnostics, d, "did you mean '%s'?", nearest);
    diagnose_note(c->diagnostics, d, f->typed.span, "it is declared here");
    return false;
}

/* Assigns arguments to parameters as written: values[p] is the expression for parameter p, or NULL.
 */
static bool match_arguments(struct checker *c, const struct ast_expression *call,
                            const struct function *f, const struct ast_expression **values)
{
    bool good = true, named = false;
    for (uint32_t i = 0; i < call->call.argument_count; i++) {
        const struct ast_argument *argument = &call->call.arguments[i];
        int parameter = (int)i;
        if (argument->name.text) {
            named = true;
            parameter = find_parameter(f, argument->name.text);
            if (parameter < 0) {
                good = unknown_parameter(c, f, &argument->name);
                continue;
            }
        } else if (named) {
            diagnose(c->diagnostics, argument->value->span, ERR_argument_order,
                     "arguments without a name come before those with one");
            return false;
        } else if (i >= f->written_count) {
            wrong_count(c, call, f);
            return false;
        }
        if (values[parameter]) {
            struct diagnostic *d =
                diagnose(c->diagnostics, argument->name.span, ERR_argument_twice,
                         "the parameter '%s' is given twice", argument->name.text);
            diagnose_note(c->diagnostics, d, values[parameter]->span, "it has this value already");
            good = false;
            continue;
        }
        values[parameter] = argument->value;
    }
    return good;
}

/* ---- Defaults
 * ------------------------------------------------------------------------------------------------
 */

enum { LARGEST_SUBSTITUTE = 16 };

static bool is_simple(const struct typed *node, uint32_t *budget);

static bool is_simple_index(const struct typed *node, uint32_t *budget)
{
    for (uint32_t i = 0; i < node->index_count; i++) {
        const struct typed_index *index = &node->indexes[i];
        if ((index->low && !is_simple(index->low, budget)) ||
            (index->high && !is_simple(index->high, budget)))
            return false;
    }
    return is_simple(node->base, budget);
}

/* Whether an argument may be repeated in a default: it is small and calls nothing. */
static bool is_simple(const struct typed *node, uint32_t *budget)
{
    if (node->kind == TYPED_CONSTANT)
        return true;
    if ((*budget)-- == 0)
        return false;
    switch (node->kind) {
    case TYPED_VARIABLE:
        return true;
    case TYPED_TUPLE:
    case TYPED_ARRAY:
        for (uint32_t i = 0; i < node->item_count; i++)
            if (!is_simple(node->items[i], budget))
                return false;
        return true;
    case TYPED_OPERATION:
    case TYPED_CONVERT:
    case TYPED_EXTENT:
    case TYPED_PART:
        for (uint32_t i = 0; i < node->operand_count; i++)
            if (!is_simple(node->operands[i], budget))
                return false;
        return true;
    case TYPED_INDEX:
        return is_simple_index(node, budget);
    default:
        return false;
    }
}

/* What stands for a variable of the callee at a call: an argument, or an argument's extent. */
static struct typed *substitute_variable(struct checker *c, const struct function *f,
                                         const struct variable *variable, struct typed **arguments,
                                         struct span span)
{
    for (uint32_t i = 0; i < f->typed.parameter_count; i++)
        if (f->typed.parameters[i] == variable)
            return arguments[i];
    for (uint32_t i = 0; i < f->typed.rule_count; i++) {
        const struct dimension_rule *rule = &f->typed.rules[i];
        if (rule->binds != variable || rule->array->kind != TYPED_VARIABLE)
            continue;
        struct typed *array = substitute_variable(c, f, rule->array->variable, arguments, span);
        return array ? node_extent(c, array, rule->dimension, span) : NULL;
    }
    return NULL;
}

static struct typed *instantiate_default(struct checker *c, const struct function *f,
                                         const struct typed *node, struct typed **arguments,
                                         struct span span);

/* Copies the items of a literal into its copy. */
static bool instantiate_items(struct checker *c, const struct function *f, struct typed *copy,
                              struct typed **arguments, struct span span)
{
    struct typed *const *items = copy->items;
    copy->items = arena_array(c->arena, struct typed *, copy->item_count + 1);
    for (uint32_t i = 0; i < copy->item_count; i++)
        if (!(copy->items[i] = instantiate_default(c, f, items[i], arguments, span)))
            return false;
    return true;
}

/* A copy of a default for one call, its variables replaced; NULL if an argument cannot be repeated.
 */
static struct typed *instantiate_default(struct checker *c, const struct function *f,
                                         const struct typed *node, struct typed **arguments,
                                         struct span span)
{
    if (node->kind == TYPED_VARIABLE) {
        uint32_t budget = LARGEST_SUBSTITUTE;
        struct typed *value = substitute_variable(c, f, node->variable, arguments, span);
        return value && is_simple(value, &budget) ? value : NULL;
    }
    struct typed *copy = node_new(c, node->kind, node->type, span);
    *copy = *node;
    copy->span = span;
    if (node->kind == TYPED_IF) {
        copy->condition = instantiate_default(c, f, node->condition, arguments, span);
        copy->then = instantiate_default(c, f, node->then, arguments, span);
        copy->otherwise = instantiate_default(c, f, node->otherwise, arguments, span);
        return copy->condition && copy->then && copy->otherwise ? copy : NULL;
    }
    if (node->kind == TYPED_CONSTANT)
        return copy;
    if (node->type->kind == TYPE_ARRAY)
        node_copy_extents(copy, node);
    if (node->kind == TYPED_TUPLE || node->kind == TYPED_ARRAY || node->kind == TYPED_BUILTIN)
        return instantiate_items(c, f, copy, arguments, span) ? copy : NULL;
    for (uint32_t i = 0; i < node->operand_count; i++)
        if (!(copy->operands[i] = instantiate_default(c, f, node->operands[i], arguments, span)))
            return NULL;
    return copy;
}

static void missing_argument(struct checker *c, const struct ast_expression *call,
                             const struct function *f, const char *name)
{
    struct diagnostic *d = diagnose(c->diagnostics, call->span, ERR_argument_count,
                                    "the argument '%s' of '%s' is missing", name, f->typed.name);
    diagnose_note(c->diagnostics, d, f->typed.span, "it is declared here");
}

static struct typed *default_argument(struct checker *c, const struct ast_expression *call,
                                      const struct function *f, uint32_t parameter,
                                      struct typed **arguments)
{
    const struct typed *value = f->typed.defaults[parameter];
    if (!value && !f->broken)
        missing_argument(c, call, f, f->typed.parameters[parameter]->name);
    if (!value)
        return NULL;
    struct typed *copy = instantiate_default(c, f, value, arguments, call->span);
    if (!copy) {
        struct diagnostic *d =
            diagnose(c->diagnostics, call->span, ERR_default_too_complex,
                     "the default of '%s' depends on an argument that is not simple here",
                     f->typed.parameters[parameter]->name);
        diagnose_hint(c->diagnostics, d, "give that argument a name with 'let' first, or pass '%s'",
                      f->typed.parameters[parameter]->name);
        diagnose_note(c->diagnostics, d, value->span, "the default is this");
    }
    return copy;
}

/* ---- The call
 * --------------------------------------------------------------------------------------------------
 */

static bool is_function(const struct ast_parameter *parameter)
{
    return parameter->type && parameter->type->kind == TYPEFORM_FUNCTION;
}

/* Checks the arguments that are values: nodes[p] for each parameter p as written. */
static bool check_values(struct checker *c, const struct ast_expression *call,
                         const struct function *f, const struct ast_expression *const *values,
                         struct typed **nodes)
{
    bool good = true;
    uint32_t missing = 0;
    const char *last_missing = NULL;
    for (uint32_t i = 0; i < f->written_count; i++) {
        if (!values[i] && !f->written[i]->value) {
            missing++;
            last_missing = f->written[i]->name.text;
        }
        if (!values[i] || is_function(f->written[i]))
            continue;
        nodes[i] = check_expression(c, values[i]);
        good &= !node_is_error(c, nodes[i]);
    }
    if (missing > 1 && !f->broken)
        wrong_count(c, call, f);
    else if (missing && f->is_generic) /* whose types it may say */
        missing_argument(c, call, f, last_missing);
    return good && missing < (f->is_generic ? 1 : 2);
}

/* Makes the values arguments of a function that is no generic, and adds the defaults. */
static bool pass_values(struct checker *c, const struct ast_expression *call,
                        const struct function *f, struct typed *const *nodes,
                        struct typed **arguments)
{
    bool good = !f->broken;
    for (uint32_t i = 0, k = 0; i < f->written_count; i++) {
        if (is_function(f->written[i]))
            continue;
        const struct variable *parameter = f->typed.parameters[k++];
        struct purpose purpose = {.what = "the argument",
                                  .name = parameter->name,
                                  .owner = f->typed.name,
                                  .because = parameter->span,
                                  .because_text = "the parameter is declared here"};
        if (nodes[i])
            arguments[k - 1] = coerce(c, nodes[i], parameter->type, &purpose);
        good &= !nodes[i] || !node_is_error(c, arguments[k - 1]);
    }
    for (uint32_t i = 0; i < f->typed.parameter_count && good; i++)
        if (!arguments[i] && !(arguments[i] = default_argument(c, call, f, i, arguments)))
            good = false;
    return good;
}

bool refuse_flow_in_task(struct checker *c, const struct ast_expression *name,
                         const struct function *f)
{
    if (!f->typed.is_flow || !c->function || c->function->typed.is_flow)
        return false;
    struct diagnostic *d =
        diagnose(c->diagnostics, name->span, ERR_flow_in_task, "the task '%s' calls the flow '%s'",
                 c->function->typed.name, f->typed.name);
    diagnose_note(c->diagnostics, d, f->typed.span, "the flow is declared here");
    diagnose_hint(c->diagnostics, d,
                  "flows build the graph, tasks compute: make '%s' a task if it only computes, or "
                  "'%s' a flow",
                  f->typed.name, c->function->typed.name);
    return true;
}

static void refuse_flow_annotations(struct checker *c, const struct ast_expression *call,
                                    const struct function *f)
{
    if (!f->typed.is_flow || call->annotation_count == 0)
        return;
    const char *name = call->annotations[0].name.text;
    if (!name || strcmp(name, "defer") == 0)
        return;
    struct diagnostic *d = diagnose(c->diagnostics, call->annotations[0].span, ERR_annotation_place,
                                    "annotations belong to tasks and calls of tasks, and '%s' is a "
                                    "flow",
                                    f->typed.name);
    diagnose_hint(c->diagnostics, d, "annotate the tasks that it calls");
}

static struct typed *call_in_constant(struct checker *c, const struct ast_expression *call)
{
    diagnose(c->diagnostics, call->span, ERR_not_constant,
             "a constant is made of literals and other constants, and calls no task or flow");
    return node_error(c, call->span);
}

/* The call of a function that is no generic, its arguments checked. */
static struct typed *make_call(struct checker *c, const struct ast_expression *call,
                               struct function *f, struct typed *const *nodes)
{
    struct typed *node = node_new(c, TYPED_CALL, f->typed.result, call->span);
    node->callee = &f->typed;
    node->argument_count = f->typed.parameter_count;
    node->arguments = arena_array(c->arena, struct typed *, node->argument_count);
    struct typed_annotations *annotations = arena_new(c->arena, struct typed_annotations);
    check_annotations(c, call->annotations, call->annotation_count, &f->typed.annotations,
                      annotations);
    node->annotations = annotations;
    if (!pass_values(c, call, f, nodes, node->arguments) || !node->type || node_is_error(c, node))
        return node_error(c, call->span);
    f = check_called_fallback(c, call, f, node);
    if (!f)
        return node_error(c, call->span);
    vector_push(&c->function->calls, f);
    check_call_extents(c, node);
    return node;
}

static struct typed *check_function_call(struct checker *c, const struct ast_expression *call,
                                         struct function *f)
{
    if (!c->function)
        return call_in_constant(c, call);
    refuse_flow_annotations(c, call, f);
    bool good = !refuse_flow_in_task(c, call->call.callee, f);
    const struct ast_expression **values =
        arena_array(c->arena, const struct ast_expression *, f->written_count);
    struct typed **nodes = arena_array(c->arena, struct typed *, f->written_count);
    if (!match_arguments(c, call, f, values)) {
        check_arguments_silently(c, call);
        return node_error(c, call->span);
    }
    good &= check_values(c, call, f, values, nodes);
    if (good && f->is_generic && !(f = generic_call(c, call, f, values, nodes)))
        return node_error(c, call->span);
    return good || !f->is_generic ? make_call(c, call, f, nodes) : node_error(c, call->span);
}

/* Calls a parameter that is a function. In a generic it is not bound, and nothing is known of it.
 */
static struct typed *call_parameter(struct checker *c, const struct ast_expression *call,
                                    const struct symbol *symbol)
{
    uint32_t count = symbol->parameter->type->function.count;
    if (call->call.argument_count != count) {
        struct diagnostic *d = diagnose(c->diagnostics, call->span, ERR_argument_count,
                                        "'%s' takes %u argument%s, found %u", symbol->name, count,
                                        count == 1 ? "" : "s", call->call.argument_count);
        diagnose_note(c->diagnostics, d, symbol->span, "it is declared here");
        check_arguments_silently(c, call);
        return node_error(c, call->span);
    }
    if (refuse_named_arguments(c, call, symbol->name) || !symbol->function) {
        check_arguments_silently(c, call);
        return node_error(c, call->span);
    }
    return check_function_call(c, call, symbol->function);
}

/* x.f(...): there are no methods. */
static struct typed *check_other_callee(struct checker *c, const struct ast_expression *call)
{
    const struct ast_expression *callee = call->call.callee;
    if (callee->kind == EXPR_FIELD && callee->field.base->kind == EXPR_NAME) {
        const struct symbol *symbol = scope_find(c, callee->field.base->name);
        if (!symbol || symbol->kind == SYMBOL_REFUSED || symbol->kind == SYMBOL_UNKNOWN) {
            if (!symbol)
                check_expression(c, callee->field.base);
            check_arguments_silently(c, call);
            return node_error(c, call->span);
        }
    }
    if (callee->kind == EXPR_FIELD && callee->field.name.text) {
        struct typed *base = check_expression(c, callee->field.base);
        check_arguments_silently(c, call);
        if (node_is_error(c, base))
            return node_error(c, call->span);
        return refuse_method(c, call, base);
    }
    return not_a_function(c, call, check_expression(c, callee));
}

/* T(x) where T is a type parameter, which stands for a number. */
static struct typed *convert_to_parameter(struct checker *c, const struct ast_expression *call,
                                          int parameter)
{
    const struct type *const *types = c->function->type_arguments;
    if (types && types[parameter]->kind == TYPE_SCALAR)
        return check_prelude_call(c, call,
                                  &(struct symbol){.kind = SYMBOL_PRELUDE,
                                                   .name = call->call.callee->name,
                                                   .prelude = PRELUDE_CONVERSION,
                                                   .scalar = types[parameter]->scalar});
    check_arguments_silently(c, call);
    if (types)
        diagnose(c->diagnostics, call->span, ERR_bad_conversion,
                 "'%s' is %s here, and values are converted to numbers only",
                 call->call.callee->name, types_text(c, types[parameter]));
    return node_error(c, call->span);
}

/* Point(1.0, 2.0) where Point{x: 1.0, y: 2.0} is meant. */
static struct typed *refuse_constructor(struct checker *c, const struct ast_expression *call,
                                        const struct symbol *symbol)
{
    check_arguments_silently(c, call);
    struct diagnostic *d = diagnose(c->diagnostics, call->call.callee->span, ERR_not_a_function,
                                    "'%s' is a struct, not a function", symbol->name);
    const struct type *type = symbol->structure->type;
    if (!types_is_error(c, type))
        diagnose_hint(c->diagnostics, d, "a value of it is written %s{%s: ...}", symbol->name,
                      type->names[0]);
    return node_error(c, call->span);
}

struct typed *check_call(struct checker *c, const struct ast_expression *call)
{
    const struct ast_expression *callee = module_name(c, call->call.callee);
    if (callee != call->call.callee) {
        struct ast_expression *qualified = arena_copy(c->arena, call, sizeof *call);
        qualified->call.callee = arena_copy(c->arena, callee, sizeof *callee);
        call = qualified;
    }
    if (callee->kind == EXPR_ERROR) {
        check_arguments_silently(c, call);
        return node_error(c, call->span);
    }
    if (callee->kind != EXPR_NAME)
        return check_other_callee(c, call);
    struct symbol *symbol = scope_find(c, call->call.callee->name);
    bool is_inner =
        symbol && (symbol->kind == SYMBOL_LOCAL || symbol->kind == SYMBOL_FUNCTION_PARAMETER);
    int parameter = is_inner ? -1 : type_parameter(c, call->call.callee->name);
    if (parameter >= 0)
        return convert_to_parameter(c, call, parameter);
    if (!symbol)
        return unknown_function(c, call);
    switch (symbol->kind) {
    case SYMBOL_LOCAL:
        return not_a_function(c, call, node_variable(c, symbol->local, call->span));
    case SYMBOL_STRUCT:
        return refuse_constructor(c, call, symbol);
    case SYMBOL_CONSTANT:
    case SYMBOL_MODULE:
        return not_a_function(c, call, NULL);
    case SYMBOL_REFUSED:
    case SYMBOL_UNKNOWN:
        check_arguments_silently(c, call);
        return node_error(c, call->span);
    case SYMBOL_FUNCTION:
        return check_function_call(c, call, symbol->function);
    case SYMBOL_FUNCTION_PARAMETER:
        return call_parameter(c, call, symbol);
    case SYMBOL_PRELUDE:
        return check_prelude_call(c, call, symbol);
    }
    bug("symbol of kind %d", symbol->kind);
}
