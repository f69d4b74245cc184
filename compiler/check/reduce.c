/*
 * reduce(f, xs, init: v, arity: a, chunk: c), and scan(f, xs, init: v). The function is a task, a
 * flow, or one of the prelude's over two numbers, for which a task is made here whose body is
 * `return a op b`.
 */
#include <string.h>

#include "check/checker.h"
#include "value/semantics.h"

struct reduction {
    const char *name; /* of what is called */
    const struct ast_expression *function, *subject, *initial, *arity, *chunk;
};

/* ---- Arguments
 * ---------------------------------------------------------------------------------------- */

static const struct ast_expression **named_slot(struct reduction *r, const char *name)
{
    if (strcmp(name, "init") == 0)
        return &r->initial;
    if (strcmp(r->name, "scan") == 0)
        return NULL;
    if (strcmp(name, "arity") == 0)
        return &r->arity;
    if (strcmp(name, "chunk") == 0)
        return &r->chunk;
    return NULL;
}

static bool unknown_parameter(struct checker *c, const struct reduction *r,
                              const struct ast_name *name)
{
    struct diagnostic *d = diagnose(c->diagnostics, name->span, ERR_unknown_argument,
                                    "'%s' has no parameter named '%s'", r->name, name->text);
    bool is_scan = strcmp(r->name, "scan") == 0;
    diagnose_hint(c->diagnostics, d,
                  is_scan ? "there is init:" : "there are init:, arity: and chunk:");
    return false;
}

static bool read_arguments(struct checker *c, const struct ast_expression *call,
                           struct reduction *r)
{
    uint32_t positional = 0;
    bool good = true;
    for (uint32_t i = 0; i < call->call.argument_count; i++) {
        const struct ast_argument *argument = &call->call.arguments[i];
        if (!argument->name.text) {
            if (positional == 0)
                r->function = argument->value;
            else if (positional == 1)
                r->subject = argument->value;
            positional++;
            continue;
        }
        const struct ast_expression **slot = named_slot(r, argument->name.text);
        if (!slot) {
            good = unknown_parameter(c, r, &argument->name);
        } else if (*slot) {
            diagnose(c->diagnostics, argument->name.span, ERR_argument_twice,
                     "the parameter '%s' is given twice", argument->name.text);
            good = false;
        } else {
            *slot = argument->value;
        }
    }
    if (positional == 2)
        return good;
    struct diagnostic *d = diagnose(c->diagnostics, call->span, ERR_argument_count,
                                    "'%s' takes a function and an array, found %u argument%s "
                                    "without a name",
                                    r->name, positional, positional == 1 ? "" : "s");
    diagnose_hint(c->diagnostics, d,
                  strcmp(r->name, "scan") == 0 ? "scan(f, xs, init: v)"
                                               : "reduce(f, xs, init: v, arity: 2, chunk: 1)");
    return false;
}

static struct typed *check_setting(struct checker *c, const struct ast_expression *e,
                                   const char *what, int64_t least)
{
    if (!e)
        return NULL;
    struct typed *node = check_integer(c, e, what);
    if (node->kind == TYPED_CONSTANT && !node_is_error(c, node) && (int64_t)node->word < least) {
        diagnose(c->diagnostics, node->span, ERR_bad_reduce, "%s is at least %lld", what,
                 (long long)least);
        return node_error(c, node->span);
    }
    return node;
}

/* ---- The prelude's functions as tasks
 * --------------------------------------------------------------------- */

static const char *prelude_symbol(struct checker *c, enum operation operation,
                                  const struct type *type)
{
    const char *scalar = wk_scalar_text(types_scalar_of(type)->scalar);
    if (type->kind == TYPE_ARRAY)
        return arena_printf(c->arena, "%s.%s.%u", operation_mnemonic(operation), scalar,
                            type->rank);
    return arena_printf(c->arena, "%s.%s", operation_mnemonic(operation), scalar);
}

static struct variable *prelude_parameter(struct checker *c, const char *name, uint32_t index,
                                          const struct type *type)
{
    struct local *local = arena_new(c->arena, struct local);
    local->variable = (struct variable){.kind = VARIABLE_PARAMETER,
                                        .name = intern_text(c->names, name),
                                        .type = type,
                                        .index = index};
    return &local->variable;
}

static struct typed *prelude_operand(struct checker *c, struct variable *parameter,
                                     struct span span)
{
    struct typed *node = node_new(c, TYPED_VARIABLE, parameter->type, span);
    node->variable = parameter;
    return node;
}

/* Of arrays: all operands and the result have the same extents. */
static void add_prelude_extents(struct checker *c, struct typed_function *t, struct span span)
{
    uint32_t rank = t->result->rank;
    t->rules = arena_array(c->arena, struct dimension_rule, t->parameter_count * rank);
    t->result_extents = arena_array(c->arena, struct result_extent, rank);
    t->rule_count = t->parameter_count * rank;
    t->result_extent_count = rank;
    for (uint32_t d = 0; d < rank; d++) {
        struct local *extent = arena_new(c->arena, struct local);
        const char *name = arena_printf(c->arena, "n%u", d);
        extent->variable = (struct variable){.kind = VARIABLE_DIMENSION,
                                             .name = name,
                                             .type = c->integer,
                                             .span = span,
                                             .index = t->variable_count++};
        t->rules[d] = (struct dimension_rule){.array = prelude_operand(c, t->parameters[0], span),
                                              .dimension = d,
                                              .binds = &extent->variable,
                                              .text = name,
                                              .span = span};
        const char *message = arena_printf(
            c->arena, "the operands of '%s' have the extents {} and {} in dimension %u", t->name,
            d);
        for (uint32_t i = 1; i < t->parameter_count; i++)
            t->rules[i * rank + d] =
                (struct dimension_rule){.array = prelude_operand(c, t->parameters[i], span),
                                        .dimension = d,
                                        .equals = node_variable(c, extent, span),
                                        .text = name,
                                        .message = message,
                                        .span = span};
        t->result_extents[d] =
            (struct result_extent){0, d, node_variable(c, extent, span), message, span};
    }
}

static const struct type *prelude_result(struct checker *c, enum operation operation,
                                         const struct type *type)
{
    const struct type *scalar =
        type_scalar(c->types, operation_result(operation, types_scalar_of(type)->scalar));
    return type->kind == TYPE_ARRAY ? type_array(c->types, scalar, type->rank) : scalar;
}

static void add_prelude_parameters(struct checker *c, struct function *f, uint32_t count,
                                   const struct type *type)
{
    static const char *const names[] = {"a", "b", "c"};
    struct typed_function *t = &f->typed;
    t->parameter_count = t->variable_count = f->written_count = count;
    t->parameters = arena_array(c->arena, struct variable *, count);
    t->defaults = arena_array(c->arena, struct typed *, count);
    f->forms = f->written = arena_array(c->arena, const struct ast_parameter *, count);
    for (uint32_t i = 0; i < count; i++) {
        struct ast_parameter *form = arena_new(c->arena, struct ast_parameter);
        t->parameters[i] = prelude_parameter(c, names[i], i, type);
        form->name.text = t->parameters[i]->name;
        f->written[i] = form;
    }
}

static void add_prelude_body(struct checker *c, struct typed_function *t, struct span span)
{
    struct statement_list body = {0};
    struct typed_statement *statement = statement_new(c, &body, STATEMENT_RETURN, span);
    struct typed *node = node_new(c, TYPED_OPERATION, t->result, span);
    node->operation = t->prelude;
    node->operand_count = t->parameter_count;
    node->operator_span = span;
    for (uint32_t i = 0; i < t->parameter_count; i++)
        node->operands[i] = prelude_operand(c, t->parameters[i], span);
    statement->value = node;
    t->body = statement_block(c, &body);
}

struct function *prelude_function(struct checker *c, enum operation operation,
                                  const struct type *type, struct span span)
{
    for (size_t i = 0; i < c->prelude.count; i++) {
        struct function *f = c->prelude.items[i];
        if (f->typed.prelude == operation && f->typed.parameters[0]->type == type)
            return f;
    }
    struct function *f = arena_new(c->arena, struct function);
    struct typed_function *t = &f->typed;
    t->name = operation_mnemonic(operation);
    t->symbol = prelude_symbol(c, operation, type);
    t->span = span;
    t->prelude = operation;
    t->result = prelude_result(c, operation, type);
    t->annotations.retries = -1;
    add_prelude_parameters(c, f, operation_arity(operation), type);
    if (type->kind == TYPE_ARRAY)
        add_prelude_extents(c, t, span);
    add_prelude_body(c, t, span);
    vector_push(&c->prelude, f);
    return f;
}

/* concat of two arrays of a type, as a task. */
static struct function *concat_function(struct checker *c, const struct type *type,
                                        struct span span)
{
    for (size_t i = 0; i < c->prelude.count; i++) {
        struct function *f = c->prelude.items[i];
        if (f->typed.prelude == OPERATION_NONE && strcmp(f->typed.name, "concat") == 0 &&
            f->typed.result == type)
            return f;
    }
    struct function *f = arena_new(c->arena, struct function);
    struct typed_function *t = &f->typed;
    struct statement_list body = {0};
    t->name = "concat";
    t->symbol = arena_printf(c->arena, "concat.%zu", c->prelude.count);
    t->span = span;
    t->prelude = OPERATION_NONE;
    t->result = type;
    t->annotations.retries = -1;
    add_prelude_parameters(c, f, 2, type);
    struct typed_statement *statement = statement_new(c, &body, STATEMENT_RETURN, span);
    struct typed *node = node_new(c, TYPED_BUILTIN, type, span);
    node->builtin = BUILTIN_CONCAT;
    node->item_count = 2;
    node->items = arena_array(c->arena, struct typed *, 2);
    for (uint32_t i = 0; i < 2; i++)
        node->items[i] = prelude_operand(c, t->parameters[i], span);
    statement->value = node;
    t->body = statement_block(c, &body);
    vector_push(&c->prelude, f);
    return f;
}

static bool refuse_operation(struct checker *c, const struct ast_expression *name,
                             const struct type *element)
{
    struct diagnostic *d =
        diagnose(c->diagnostics, name->span, ERR_reducer_type, "'%s' cannot combine elements of %s",
                 name->name, types_text(c, element));
    diagnose_hint(
        c->diagnostics, d,
        "reduce needs a function of two elements that gives one: task f(a: T, b: T) -> T");
    return false;
}

static struct function *find_operation(struct checker *c, const struct ast_expression *name,
                                       enum operation operation, struct typed *subject)
{
    const struct type *element = subject->type->element;
    const struct type *scalar = element->kind == TYPE_ARRAY ? element->element : element;
    bool good = scalar->kind == TYPE_SCALAR && operation_arity(operation) == 2 &&
                operation_accepts(operation, scalar->scalar) &&
                operation_result(operation, scalar->scalar) == scalar->scalar;
    if (!good) {
        refuse_operation(c, name, element);
        return NULL;
    }
    return prelude_function(c, operation, element, name->span);
}

/* ---- The call
 * -------------------------------------------------------------------------------------------------
 */

static bool check_reducer(struct checker *c, const struct ast_expression *name,
                          const struct function *f)
{
    const struct typed_function *t = &f->typed;
    if (refuse_flow_in_task(c, name, f) || f->broken)
        return false;
    bool good = t->parameter_count == 2 && types_adapt(t->parameters[0]->type, t->result) &&
                types_adapt(t->parameters[1]->type, t->result);
    if (good)
        return true;
    struct diagnostic *d = diagnose(
        c->diagnostics, name->span, ERR_reducer_type,
        "'%s' cannot reduce: it must take two values of one type and give one of that type",
        t->name);
    diagnose_note(c->diagnostics, d, t->span, "it is declared here");
    diagnose_hint(c->diagnostics, d,
                  "the tree combines results with results: %s %s(a: T, b: T) -> T",
                  t->is_flow ? "flow" : "task", t->name);
    return false;
}

static void not_a_reducer(struct checker *c, const struct ast_expression *e)
{
    if (e->kind == EXPR_NAME && !scope_find(c, e->name)) {
        if (c->recovered)
            return;
        struct diagnostic *d = diagnose(c->diagnostics, e->span, ERR_unknown_function,
                                        "there is no task or flow named '%s'", e->name);
        const char *nearest = scope_nearest(c, e->name,
                                            1U << SYMBOL_FUNCTION | 1U << SYMBOL_PRELUDE |
                                                1U << SYMBOL_FUNCTION_PARAMETER);
        if (nearest)
            diagnose_hint(c->diagnostics, d, "did you mean '%s'?", nearest);
        return;
    }
    bool has_base = e->kind == EXPR_FIELD && e->field.base->kind == EXPR_NAME;
    if (has_base) {
        const struct symbol *symbol = scope_find(c, e->field.base->name);
        if (symbol && symbol->kind == SYMBOL_REFUSED)
            return; /* a module that is missing */
    }
    if (e->kind == EXPR_ERROR)
        return;
    struct diagnostic *d = diagnose(c->diagnostics, e->span, ERR_reducer_type,
                                    "the first argument of reduce is the name of a task or flow");
    diagnose_hint(c->diagnostics, d, "reduce(add, xs) adds the elements of xs");
}

/* The instance of a generic that combines two of the subject's elements. */
static struct function *find_generic_reducer(struct checker *c, const struct ast_expression *name,
                                             struct typed **subject)
{
    *subject = settle(c, *subject);
    if (node_is_error(c, *subject))
        return NULL;
    const struct type *element = (*subject)->type->element;
    return find_function(c, name, (const struct type *const[]){element, element}, 2, true,
                         "the function of reduce");
}

/* The function that `name` stands for, and the subject adapted to it; NULL after a report. */
static struct function *find_reducer(struct checker *c, const struct ast_expression *name,
                                     struct typed **subject)
{
    name = module_name(c, name);
    const struct symbol *symbol = name->kind == EXPR_NAME ? scope_find(c, name->name) : NULL;
    if (symbol && symbol->kind == SYMBOL_PRELUDE && symbol->prelude == PRELUDE_OPERATION) {
        *subject = settle(c, *subject);
        if (node_is_error(c, *subject))
            return NULL;
        return find_operation(c, name, symbol->operation, *subject);
    }
    if (symbol && symbol->kind == SYMBOL_PRELUDE && symbol->prelude == PRELUDE_BUILTIN &&
        symbol->builtin == BUILTIN_CONCAT && (*subject)->type->element->kind == TYPE_ARRAY) {
        *subject = settle(c, *subject);
        return node_is_error(c, *subject)
                   ? NULL
                   : concat_function(c, (*subject)->type->element, name->span);
    }
    if (!symbol || (symbol->kind != SYMBOL_FUNCTION && symbol->kind != SYMBOL_FUNCTION_PARAMETER)) {
        if (!symbol || (symbol->kind != SYMBOL_REFUSED && symbol->kind != SYMBOL_UNKNOWN))
            not_a_reducer(c, name);
        return NULL;
    }
    struct function *f = symbol->function;
    if (f && f->is_generic)
        f = find_generic_reducer(c, name, subject);
    if (!f || !check_reducer(c, name, f))
        return NULL;
    struct purpose purpose = {.what = "a reduction by",
                              .name = f->typed.name,
                              .because = f->typed.span,
                              .because_text = "it is declared here"};
    *subject = coerce(
        c, *subject, types_array(c, f->typed.result, (*subject)->type->rank, name->span), &purpose);
    return node_is_error(c, *subject) ? NULL : f;
}

struct typed *check_reduce(struct checker *c, const struct ast_expression *call)
{
    struct reduction r = {.name = "reduce"};
    if (!read_arguments(c, call, &r))
        return node_error(c, call->span);
    if (!c->function)
        diagnose(c->diagnostics, call->span, ERR_not_constant,
                 "a constant is made of literals and other constants, and reduces nothing");
    struct typed *subject = check_expression(c, r.subject);
    struct typed *initial = r.initial ? check_expression(c, r.initial) : NULL;
    struct typed *arity = check_setting(c, r.arity, "the arity of reduce", 2);
    struct typed *chunk = check_setting(c, r.chunk, "the chunk of reduce", 1);
    if (node_is_error(c, subject) || (initial && node_is_error(c, initial)) ||
        (arity && node_is_error(c, arity)) || (chunk && node_is_error(c, chunk)))
        return node_error(c, call->span);
    if (subject->type->kind != TYPE_ARRAY) {
        diagnose(c->diagnostics, subject->span, ERR_type_mismatch,
                 "'reduce' takes an array as its second argument, found %s",
                 types_text(c, subject->type));
        return node_error(c, call->span);
    }
    struct function *f = c->function ? find_reducer(c, r.function, &subject) : NULL;
    if (!f)
        return node_error(c, call->span);
    if (initial)
        initial = coerce(c, initial, f->typed.result,
                         &(struct purpose){.what = "the argument 'init' of reduce"});
    if (initial && node_is_error(c, initial))
        return node_error(c, call->span);
    struct typed *node = node_new(c, TYPED_REDUCE, f->typed.result, call->span);
    refuse_fallback(c, call, r.name);
    struct typed_annotations *annotations = arena_new(c->arena, struct typed_annotations);
    check_annotations(c, call->annotations, call->annotation_count, &f->typed.annotations,
                      annotations);
    node->reducer = &f->typed;
    node->subject = subject;
    node->initial = initial;
    node->arity = arity;
    node->chunk = chunk;
    node->reduce_annotations = annotations;
    vector_push(&c->function->calls, f);
    return node;
}

/* ---- scan
 * -----------------------------------------------------------------------------------------------------
 */

/* A task that is declared with its types: what it takes is what the arguments become. */
static const struct function *find_typed(struct checker *c, const struct ast_expression *name)
{
    name = module_name(c, name);
    const struct symbol *symbol = name->kind == EXPR_NAME ? scope_find(c, name->name) : NULL;
    if (!symbol || (symbol->kind != SYMBOL_FUNCTION && symbol->kind != SYMBOL_FUNCTION_PARAMETER))
        return NULL;
    const struct function *f = symbol->function;
    return f && !f->is_generic && !f->broken && f->typed.parameter_count >= 2 ? f : NULL;
}

/* Gives the elements and the initial value (or NULL) their types; false after a report. */
static bool adapt_scanned(struct checker *c, const struct ast_expression *name,
                          struct typed **subject, struct typed **initial)
{
    const struct function *f = find_typed(c, name);
    if (f) {
        struct purpose purpose = {.what = "a scan by",
                                  .name = f->typed.name,
                                  .because = f->typed.span,
                                  .because_text = "it is declared here"};
        const struct type *element = f->typed.parameters[*initial ? 1 : 0]->type;
        *subject = coerce(c, *subject, types_array(c, element, 1, name->span), &purpose);
        if (*initial)
            *initial = coerce(c, *initial, f->typed.parameters[0]->type,
                              &(struct purpose){.what = "the argument 'init' of scan"});
    } else {
        *subject = settle(c, *subject);
        bool literal = *initial && types_is_flexible(c, (*initial)->type) &&
                       common_type(c, (*initial)->type, (*subject)->type->element, name->span) ==
                           (*subject)->type->element;
        if (literal)
            *initial = coerce(c, *initial, (*subject)->type->element, NULL);
        else if (*initial)
            *initial = settle(c, *initial);
    }
    return !node_is_error(c, *subject) && (!*initial || !node_is_error(c, *initial));
}

static struct function *find_scanner(struct checker *c, const struct ast_expression *name,
                                     const struct typed *subject, const struct typed *initial)
{
    const struct type *element = subject->type->element;
    const struct type *result = initial ? initial->type : element;
    struct function *f = find_function(c, name, (const struct type *const[]){result, element}, 2,
                                       false, "the function of scan");
    if (!f || types_adapt(f->typed.result, result))
        return f;
    struct diagnostic *d =
        diagnose(c->diagnostics, name->span, ERR_reducer_type,
                 "'%s' cannot scan: it must give %s, what it takes first, and gives %s",
                 f->typed.name, types_text(c, result), types_text(c, f->typed.result));
    if (f->declaration)
        diagnose_note(c->diagnostics, d, f->typed.span, "it is declared here");
    return NULL;
}

struct typed *check_scan(struct checker *c, const struct ast_expression *call)
{
    struct reduction r = {.name = "scan"};
    if (!read_arguments(c, call, &r))
        return node_error(c, call->span);
    if (!c->function)
        diagnose(c->diagnostics, call->span, ERR_not_constant,
                 "a constant is made of literals and other constants, and scans nothing");
    struct typed *subject = check_expression(c, r.subject);
    struct typed *initial = r.initial ? check_expression(c, r.initial) : NULL;
    if (!c->function || node_is_error(c, subject) || (initial && node_is_error(c, initial)))
        return node_error(c, call->span);
    if (subject->type->kind != TYPE_ARRAY || subject->type->rank != 1) {
        diagnose(c->diagnostics, subject->span, ERR_type_mismatch,
                 "'scan' takes an array of rank 1 as its second argument, found %s",
                 types_text(c, subject->type));
        return node_error(c, call->span);
    }
    if (!adapt_scanned(c, r.function, &subject, &initial))
        return node_error(c, call->span);
    struct function *f = find_scanner(c, r.function, subject, initial);
    if (!f)
        return node_error(c, call->span);
    struct typed *node =
        node_new(c, TYPED_REDUCE, types_array(c, f->typed.result, 1, call->span), call->span);
    refuse_fallback(c, call, r.name);
    struct typed_annotations *annotations = arena_new(c->arena, struct typed_annotations);
    check_annotations(c, call->annotations, call->annotation_count, NULL, annotations);
    node->reducer = &f->typed;
    node->subject = subject;
    node->initial = initial;
    node->is_scan = true;
    node->reduce_annotations = annotations;
    node_copy_extents(node, subject);
    vector_push(&c->function->calls, f);
    return node;
}
