/*
 * Generics: tasks and flows with type parameters, or with parameters that are functions.
 *
 * A generic is checked twice. By itself, its type parameters are the erroneous type, which is
 * silent in whatever it becomes part of; so unknown names and all that does not depend on the types
 * is reported once, used or not. Each use then asks for an instance: the types come from the
 * arguments that are values (infer.c), then the functions are found, and the instance is checked
 * from the same declaration with all of them bound. What is reported in it says where it is used.
 */
#include <string.h>

#include "check/checker.h"
#include "value/semantics.h"

enum {
    DEEPEST_CHAIN = 6,    /* instances of one generic, each first used in the one before */
    MOST_INSTANCES = 1000 /* of one generic */
};

/* ---- By itself
 * ------------------------------------------------------------------------------------------ */

static void check_type_parameters(struct checker *c, const struct function *generic)
{
    const struct ast_declaration *d = generic->declaration;
    for (uint32_t i = 0; i < d->function.type_parameter_count; i++) {
        const struct ast_name *name = &d->function.type_parameters[i];
        bool found = false;
        for (uint32_t k = 0; k < i && name->text; k++)
            if (d->function.type_parameters[k].text == name->text)
                diagnose(c->diagnostics, name->span, ERR_duplicate_parameter,
                         "two type parameters are named '%s'", name->text);
        for (uint32_t k = 0; k < d->function.parameter_count && name->text; k++)
            found |= d->function.parameters[k].type &&
                     infer_mentions(d->function.parameters[k].type, name->text);
        if (found || !name->text || c->recovered)
            continue;
        struct diagnostic *diagnostic =
            diagnose(c->diagnostics, name->span, ERR_unbound_type_parameter,
                     "the type parameter '%s' occurs in no parameter's type", name->text);
        diagnose_hint(c->diagnostics, diagnostic,
                      "type parameters are bound by arguments; write the type itself where it is "
                      "always the same");
    }
}

/* Runs a check of a generic; what is erroneous in it without a report is a type parameter. */
static void check_by_itself(struct checker *c, struct function *generic,
                            void (*check)(struct checker *c, struct function *function))
{
    bool poisoned = c->poisoned;
    int errors = c->diagnostics->errors;
    check(c, generic);
    generic->failed |= c->diagnostics->errors > errors || c->diagnostics != c->reported;
    if (!generic->failed)
        c->poisoned = poisoned;
}

static void check_head(struct checker *c, struct function *generic)
{
    check_type_parameters(c, generic);
    check_signature(c, generic);
}

void check_generic_signature(struct checker *c, struct function *generic)
{
    check_by_itself(c, generic, check_head);
}

void check_generic_body(struct checker *c, struct function *generic)
{
    check_by_itself(c, generic, check_body);
}

/* ---- Where instances are used
 * ---------------------------------------------------------------------------------- */

/* "T = f64, f = add" */
static const char *arguments_text(struct checker *c, const struct function *instance)
{
    const struct ast_declaration *d = instance->declaration;
    const char *text = "";
    for (uint32_t i = 0; i < d->function.type_parameter_count; i++)
        text = arena_printf(c->arena, "%s%s%s = %s", text, *text ? ", " : "",
                            d->function.type_parameters[i].text,
                            types_name(c, instance->type_arguments[i]));
    for (uint32_t i = 0; i < d->function.parameter_count; i++)
        if (instance->function_arguments[i])
            text = arena_printf(c->arena, "%s%s%s = %s", text, *text ? ", " : "",
                                d->function.parameters[i].name.text,
                                instance->function_arguments[i]->typed.name);
    return text;
}

static void note_use(struct checker *c, struct diagnostic *d, const struct function *instance)
{
    diagnose_note(c->diagnostics, d, instance->used_at, "'%s' is used here with %s",
                  instance->typed.name, arguments_text(c, instance));
}

/* Of a chain of instances the innermost use is shown, and the outermost, which is no generic's. */
void note_instance(struct checker *c, const struct function *instance, size_t before)
{
    const struct function *outermost = instance;
    while (outermost && outermost->origin && outermost->origin->generic)
        outermost = outermost->origin;
    for (size_t i = before; i < c->diagnostics->list.count && instance->generic; i++) {
        struct diagnostic *d = &c->diagnostics->list.items[i];
        note_use(c, d, instance);
        if (outermost != instance)
            note_use(c, d, outermost);
    }
}

/* ---- The arguments
 * --------------------------------------------------------------------------------------------- */

static struct function *instance_new(struct checker *c, struct function *generic, struct span span)
{
    const struct ast_declaration *d = generic->declaration;
    struct function *f = arena_new(c->arena, struct function);
    f->declaration = d;
    f->typed.is_flow = generic->typed.is_flow;
    f->typed.name = generic->typed.name;
    f->typed.span = generic->typed.span;
    f->typed.doc = generic->typed.doc;
    f->generic = generic;
    f->type_arguments =
        arena_array(c->arena, const struct type *, d->function.type_parameter_count);
    f->function_arguments = arena_array(c->arena, struct function *, d->function.parameter_count);
    f->used_at = span;
    f->origin = c->function;
    return f;
}

static bool is_empty_array(const struct typed *node)
{
    return node->kind == TYPED_ARRAY && node->item_count == 0;
}

static bool bind_argument(struct checker *c, struct type_binding *binding,
                          const struct ast_parameter *parameter, const struct typed *node)
{
    bool conflict = false;
    const struct span where = parameter->type->span;
    if (infer_types(c, binding, parameter->type, node->type, node->span, &conflict))
        return true;
    if (conflict)
        return false;
    struct diagnostic *d =
        diagnose(c->diagnostics, node->span, ERR_type_mismatch,
                 "expected %.*s for the argument '%s' of '%s', found %s",
                 (int)(where.end - where.begin), where.source->text + where.begin,
                 parameter->name.text, binding->generic->typed.name, types_text(c, node->type));
    diagnose_note(c->diagnostics, d, where, "the parameter is declared here");
    return false;
}

/* Binds by the arguments that are values; those that say little, [], come last. */
static bool bind_types(struct checker *c, struct type_binding *binding, struct typed *const *nodes)
{
    const struct ast_declaration *d = binding->generic->declaration;
    bool good = true;
    for (uint32_t i = 0; i < d->function.parameter_count; i++)
        if (nodes[i] && !is_empty_array(nodes[i]))
            good &= bind_argument(c, binding, &d->function.parameters[i], nodes[i]);
    for (uint32_t i = 0; i < d->function.type_parameter_count; i++)
        if (good && binding->types[i])
            binding->types[i] = settled_type(c, binding->types[i], binding->spans[i]);
    for (uint32_t i = 0; i < d->function.parameter_count; i++) {
        const struct ast_type *form = d->function.parameters[i].type;
        if (good && nodes[i] && is_empty_array(nodes[i]) && form->kind == TYPEFORM_ARRAY)
            for (uint32_t k = 0; k < d->function.type_parameter_count; k++)
                if (!binding->types[k] &&
                    infer_mentions(form->array.element, d->function.type_parameters[k].text))
                    binding->types[k] = c->real;
    }
    return good;
}

/* The type of a form in the generic's signature, as far as `instance` is bound. */
static const struct type *resolve_in(struct checker *c, struct function *instance,
                                     const struct ast_type *form)
{
    struct scope_pause pause = scope_pause(c);
    struct function *function = c->function;
    c->function = instance;
    module_enter(c, instance->declaration->span.source);
    const struct type *type = form ? types_resolve(c, form) : c->unit;
    c->function = function;
    scope_resume(c, &pause);
    return type;
}

static bool refuse_open(struct checker *c, const struct function *generic, struct span span,
                        const char *name)
{
    struct diagnostic *d =
        diagnose(c->diagnostics, span, ERR_type_parameter_open,
                 "the arguments do not say what '%s' of '%s' is", name, generic->typed.name);
    diagnose_note(c->diagnostics, d, generic->typed.span, "it is declared here");
    return false;
}

static const char *first_open(const struct type_binding *binding, const struct ast_type *form)
{
    const struct ast_declaration *d = binding->generic->declaration;
    for (uint32_t i = 0; i < d->function.type_parameter_count; i++)
        if (!binding->types[i] && infer_mentions(form, d->function.type_parameters[i].text))
            return d->function.type_parameters[i].text;
    return NULL;
}

/* Checks what a function gives against the form's result, which may bind type parameters. */
static bool check_result(struct checker *c, struct type_binding *binding, struct function *instance,
                         const struct ast_type *form, const struct function *f, struct span span)
{
    bool conflict = false;
    const struct type *result = f->typed.result;
    if (form && first_open(binding, form))
        infer_types(c, binding, form, result, span, &conflict);
    const struct type *wanted = resolve_in(c, instance, form);
    if (types_is_error(c, wanted) || types_adapt(result, wanted))
        return !types_is_error(c, wanted);
    struct diagnostic *d = diagnose(c->diagnostics, span, ERR_function_argument,
                                    "'%s' gives %s, and %s is wanted here", f->typed.name,
                                    types_text(c, result), types_text(c, wanted));
    if (form)
        diagnose_note(c->diagnostics, d, form->span, "the parameter is declared here");
    return false;
}

/* Finds the function that is the argument for parameter `index`. */
static bool bind_function(struct checker *c, struct type_binding *binding,
                          struct function *instance, uint32_t index,
                          const struct ast_expression *value)
{
    const struct ast_parameter *parameter = &instance->declaration->function.parameters[index];
    const struct ast_type *form = parameter->type;
    const struct type **types = arena_array(c->arena, const struct type *, form->function.count);
    for (uint32_t i = 0; i < form->function.count; i++) {
        const char *open = first_open(binding, form->function.parameters[i]);
        if (open)
            return refuse_open(c, binding->generic, value->span, open);
        types[i] = resolve_in(c, instance, form->function.parameters[i]);
        if (types_is_error(c, types[i]))
            return false;
    }
    const char *wanted = arena_printf(c->arena, "the argument '%s' of '%s'", parameter->name.text,
                                      instance->typed.name);
    struct function *f =
        find_function(c, value, types, form->function.count, form->function.is_flow, wanted);
    instance->function_arguments[index] = f;
    return f && !f->broken &&
           check_result(c, binding, instance, form->function.result, f, value->span);
}

/* ---- Instances
 * ----------------------------------------------------------------------------------------------------
 */

static struct function *find_equal(const struct function *generic, const struct function *wanted)
{
    const struct ast_declaration *d = generic->declaration;
    size_t types = d->function.type_parameter_count, functions = d->function.parameter_count;
    for (size_t i = 0; i < generic->instances.count; i++) {
        struct function *f = generic->instances.items[i];
        if ((types == 0 || memcmp(f->type_arguments, wanted->type_arguments,
                                  types * sizeof *f->type_arguments) == 0) &&
            (functions == 0 || memcmp(f->function_arguments, wanted->function_arguments,
                                      functions * sizeof *f->function_arguments) == 0))
            return f;
    }
    return NULL;
}

/* f64, f64_2 (rank 2), f64_1_2, and so on: for symbols, not for users. */
static const char *type_symbol(struct checker *c, const struct type *type)
{
    switch (type->kind) {
    case TYPE_SCALAR:
        return wk_scalar_text(type->scalar);
    case TYPE_STRING:
        return "str";
    case TYPE_TUPLE:
        return arena_printf(c->arena, "tuple%u", type->part_count);
    case TYPE_STRUCT:
        return type->name;
    case TYPE_ARRAY:
        return arena_printf(c->arena, "%s_%u", type_symbol(c, type->element), type->rank);
    case TYPE_MAP:
        return arena_printf(c->arena, "map.%s.%s", type_symbol(c, type->key),
                            type_symbol(c, type->element));
    case TYPE_FILE:
        return "file";
    case TYPE_FUNCTION:
        break;
    }
    bug("a type argument of kind %d", type->kind);
}

static const char *instance_symbol(struct checker *c, const struct function *instance)
{
    enum { LONGEST = 100 };
    const struct ast_declaration *d = instance->declaration;
    const char *symbol = instance->generic->typed.symbol;
    for (uint32_t i = 0; i < d->function.type_parameter_count; i++)
        symbol =
            arena_printf(c->arena, "%s.%s", symbol, type_symbol(c, instance->type_arguments[i]));
    for (uint32_t i = 0; i < d->function.parameter_count; i++)
        if (instance->function_arguments[i])
            symbol = arena_printf(c->arena, "%s.%s", symbol,
                                  instance->function_arguments[i]->typed.symbol);
    bool taken = strlen(symbol) > LONGEST;
    for (size_t i = 0; i < instance->generic->instances.count && !taken; i++)
        taken = strcmp(instance->generic->instances.items[i]->typed.symbol, symbol) == 0;
    return taken ? arena_printf(c->arena, "%.*s..%zu", LONGEST, symbol,
                                instance->generic->instances.count)
                 : symbol;
}

/* Whether the generic's instances ask for ever more instances. */
static bool refuse_endless(struct checker *c, struct function *generic,
                           const struct function *instance)
{
    int chain = 0;
    for (const struct function *f = instance->origin; f; f = f->origin)
        chain += f->generic == generic;
    if (chain < DEEPEST_CHAIN && generic->instances.count < MOST_INSTANCES)
        return false;
    struct diagnostic *d = diagnose(c->diagnostics, instance->used_at, ERR_endless_instances,
                                    "'%s' would be compiled for ever more types: here with %s",
                                    generic->typed.name, arguments_text(c, instance));
    diagnose_note(c->diagnostics, d, generic->typed.span, "it is declared here");
    diagnose_hint(c->diagnostics, d,
                  "let it call itself with arguments of the types that it was called with");
    generic->failed = true;
    return true;
}

static void check_instance_signature(struct checker *c, struct function *instance)
{
    struct scope_pause pause = scope_pause(c);
    struct function *function = c->function;
    struct diagnostics *diagnostics = c->diagnostics;
    size_t before = diagnostics->list.count;
    enter_declaration(c, instance->declaration);
    check_signature(c, instance);
    if (c->diagnostics == diagnostics)
        note_instance(c, instance, before);
    c->diagnostics = diagnostics;
    c->function = function;
    scope_resume(c, &pause);
}

/* The instance with these arguments: one that exists, or this one, which becomes one of them. */
static struct function *instance_add(struct checker *c, struct function *generic,
                                     struct function *instance)
{
    struct function *equal = find_equal(generic, instance);
    if (equal)
        return equal;
    if (generic->failed || refuse_endless(c, generic, instance))
        return NULL;
    instance->typed.symbol = instance_symbol(c, instance);
    vector_push(&generic->instances, instance);
    vector_push(&c->functions, instance);
    check_instance_signature(c, instance);
    return instance;
}

struct function *generic_call(struct checker *c, const struct ast_expression *call,
                              struct function *generic, const struct ast_expression *const *values,
                              struct typed *const *nodes)
{
    const struct ast_declaration *d = generic->declaration;
    struct function *instance = instance_new(c, generic, call->span);
    struct type_binding binding = {
        generic, instance->type_arguments,
        arena_array(c->arena, struct span, d->function.type_parameter_count)};
    if (generic->failed || !bind_types(c, &binding, nodes))
        return NULL;
    for (uint32_t i = 0; i < d->function.parameter_count; i++)
        if (d->function.parameters[i].type->kind == TYPEFORM_FUNCTION &&
            !bind_function(c, &binding, instance, i, values[i]))
            return NULL;
    for (uint32_t i = 0; i < d->function.type_parameter_count; i++)
        if (!binding.types[i]) {
            refuse_open(c, generic, call->span, d->function.type_parameters[i].text);
            return NULL;
        }
    return instance_add(c, generic, instance);
}

/* ---- Functions as arguments
 * ---------------------------------------------------------------------------------------- */

static void refuse_name(struct checker *c, const struct ast_expression *e, const char *wanted)
{
    if (e->kind == EXPR_ERROR || c->recovered)
        return;
    struct diagnostic *d;
    if (e->kind != EXPR_NAME || scope_find(c, e->name)) {
        d = diagnose(c->diagnostics, e->span, ERR_function_argument,
                     "%s is the name of a task or flow", wanted);
        diagnose_hint(c->diagnostics, d, "write the computation as a task, and its name here");
        return;
    }
    d = diagnose(c->diagnostics, e->span, ERR_unknown_function,
                 "there is no task or flow named '%s'", e->name);
    const char *nearest = scope_nearest(
        c, e->name, 1U << SYMBOL_FUNCTION | 1U << SYMBOL_PRELUDE | 1U << SYMBOL_FUNCTION_PARAMETER);
    if (nearest)
        diagnose_hint(c->diagnostics, d, "did you mean '%s'?", nearest);
}

static const char *types_list(struct checker *c, const struct type *const *types, uint32_t count)
{
    const char *text = "";
    for (uint32_t i = 0; i < count; i++)
        text = arena_printf(c->arena, "%s%s%s", text, i ? ", " : "", types_text(c, types[i]));
    return text;
}

static struct function *refuse_function(struct checker *c, const struct ast_expression *name,
                                        const struct function *f,
                                        const struct type *const *parameters, uint32_t count,
                                        const char *wanted)
{
    struct diagnostic *d = diagnose(c->diagnostics, name->span, ERR_function_argument,
                                    "'%s' cannot be %s: it must take (%s)", name->name, wanted,
                                    types_list(c, parameters, count));
    if (f && f->typed.span.source)
        diagnose_note(c->diagnostics, d, f->typed.span, "it is declared here");
    return NULL;
}

/* An instance of a generic that takes values of these types. */
static struct function *find_instance(struct checker *c, const struct ast_expression *name,
                                      struct function *generic,
                                      const struct type *const *parameters, uint32_t count,
                                      const char *wanted)
{
    const struct ast_declaration *d = generic->declaration;
    struct function *instance = instance_new(c, generic, name->span);
    struct type_binding binding = {
        generic, instance->type_arguments,
        arena_array(c->arena, struct span, d->function.type_parameter_count)};
    bool conflict = false, good = count <= d->function.parameter_count;
    for (uint32_t i = 0; i < d->function.parameter_count && good; i++) {
        const struct ast_parameter *p = &d->function.parameters[i];
        if (p->type->kind == TYPEFORM_FUNCTION)
            good = false;
        else if (i < count)
            good = infer_types(c, &binding, p->type, parameters[i], name->span, &conflict);
    }
    for (uint32_t i = 0; i < d->function.type_parameter_count; i++)
        good &= binding.types[i] != NULL;
    if (conflict || generic->failed)
        return NULL;
    if (!good)
        return refuse_function(c, name, generic, parameters, count, wanted);
    return instance_add(c, generic, instance);
}

static struct function *find_operation(struct checker *c, const struct ast_expression *name,
                                       const struct symbol *symbol,
                                       const struct type *const *parameters, uint32_t count,
                                       const char *wanted)
{
    const struct type *type = count ? parameters[0] : c->unit;
    const struct type *scalar = type->kind == TYPE_ARRAY ? type->element : type;
    bool good = symbol->prelude == PRELUDE_OPERATION &&
                operation_arity(symbol->operation) == count && scalar->kind == TYPE_SCALAR &&
                operation_accepts(symbol->operation, scalar->scalar);
    for (uint32_t i = 1; i < count; i++)
        good &= parameters[i] == type;
    if (good)
        return prelude_function(c, symbol->operation, type, name->span);
    return refuse_function(c, name, NULL, parameters, count, wanted);
}

static bool takes(const struct function *f, const struct type *const *parameters, uint32_t count)
{
    if (count > f->typed.parameter_count)
        return false;
    for (uint32_t i = 0; i < f->typed.parameter_count; i++)
        if (i < count ? !types_adapt(parameters[i], f->typed.parameters[i]->type)
                      : !f->forms[i]->value)
            return false;
    return true;
}

static struct function *find_declared(struct checker *c, const struct ast_expression *name,
                                      struct function *f, const struct type *const *parameters,
                                      uint32_t count, bool may_be_flow, const char *wanted)
{
    if (f->typed.is_flow && !may_be_flow) {
        struct diagnostic *d =
            diagnose(c->diagnostics, name->span, ERR_function_argument,
                     "%s is the name of a task, and '%s' is a flow", wanted, name->name);
        diagnose_note(c->diagnostics, d, f->typed.span, "it is declared here");
        return NULL;
    }
    if (f->is_generic)
        f = find_instance(c, name, f, parameters, count, wanted);
    if (!f || f->broken)
        return NULL;
    return takes(f, parameters, count) ? f : refuse_function(c, name, f, parameters, count, wanted);
}

struct function *find_function(struct checker *c, const struct ast_expression *name,
                               const struct type *const *parameters, uint32_t count,
                               bool may_be_flow, const char *wanted)
{
    name = module_name(c, name);
    const struct symbol *symbol = name->kind == EXPR_NAME ? scope_find(c, name->name) : NULL;
    if (!symbol) {
        refuse_name(c, name, wanted);
        return NULL;
    }
    switch (symbol->kind) {
    case SYMBOL_FUNCTION:
    case SYMBOL_FUNCTION_PARAMETER:
        return symbol->function ? find_declared(c, name, symbol->function, parameters, count,
                                                may_be_flow, wanted)
                                : NULL;
    case SYMBOL_PRELUDE:
        return find_operation(c, name, symbol, parameters, count, wanted);
    case SYMBOL_REFUSED:
    case SYMBOL_UNKNOWN:
        return NULL;
    case SYMBOL_LOCAL:
        symbol->local->used = true;
        refuse_name(c, name, wanted);
        return NULL;
    case SYMBOL_STRUCT:
    case SYMBOL_CONSTANT:
    case SYMBOL_MODULE:
        refuse_name(c, name, wanted);
        return NULL;
    }
    bug("symbol of kind %d", symbol->kind);
}
