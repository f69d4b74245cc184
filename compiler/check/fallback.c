/*
 * @fallback(v): what a task gives when it failed by itself.
 *
 * The value is made by a task of its own that takes the same arguments and returns v; the failing
 * task names it. So v may be computed from the task's parameters (but calls nothing, which might be
 * the task itself), or, at a call, from what the caller has: such a call is one of a *guard*, a task
 * that takes v behind the other arguments, does nothing but call the task, and has a fallback that
 * returns v. Nothing later knows of the annotation.
 */
#include <string.h>

#include "check/checker.h"

const struct ast_annotation *find_fallback(const struct ast_annotation *annotations, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (annotations[i].name.text && strcmp(annotations[i].name.text, "fallback") == 0)
            return &annotations[i];
    return NULL;
}

void refuse_fallback(struct checker *c, const struct ast_expression *call, const char *name)
{
    const struct ast_annotation *a = find_fallback(call->annotations, call->annotation_count);
    if (!a)
        return;
    struct diagnostic *d = diagnose(c->diagnostics, a->span, ERR_annotation_place,
                                    "@fallback belongs to a task, and '%s' calls many", name);
    diagnose_hint(c->diagnostics, d, "annotate the task that it calls, where that is declared");
}

/* The value of an annotation that check_annotations accepted, for the result of `f`. */
static struct typed *check_value_of(struct checker *c, const struct ast_annotation *a,
                                    const struct function *f)
{
    if (a->argument_count != 1 || a->arguments[0].name.text)
        return NULL; /* reported */
    struct purpose purpose = {.what = "the fallback of",
                              .name = f->typed.name,
                              .because = f->typed.span,
                              .because_text = "the task is declared here"};
    struct typed *value =
        coerce(c, check_expression(c, a->arguments[0].value), f->typed.result, &purpose);
    return node_is_error(c, value) ? NULL : value;
}

/* A task like `base`, under another name, that returns `value`. */
static struct function *derive(struct checker *c, const struct function *base, const char *suffix,
                               struct typed *value, struct span span)
{
    struct function *f = arena_new(c->arena, struct function);
    f->typed = base->typed;
    f->typed.symbol = arena_printf(c->arena, "%s.%s", base->typed.symbol, suffix);
    f->typed.prelude = OPERATION_NONE;
    f->typed.foreign = NULL;
    f->typed.fallback = NULL;
    f->typed.is_recursive = false;
    struct statement_list body = {0};
    struct typed_statement *statement = statement_new(c, &body, STATEMENT_RETURN, span);
    statement->value = type_is_unit(base->typed.result) ? NULL : value;
    f->typed.body = statement_block(c, &body);
    vector_push(&c->prelude, f); /* where functions without a declaration are */
    return f;
}

/* Of a fallback, dimensions are bound, but not checked: that check may be what failed. */
static void drop_checks(struct checker *c, struct function *f)
{
    struct dimension_rule *rules =
        arena_array(c->arena, struct dimension_rule, f->typed.rule_count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->typed.rule_count; i++)
        if (f->typed.rules[i].binds)
            rules[count++] = f->typed.rules[i];
    f->typed.rules = rules;
    f->typed.rule_count = count;
}

static void set_fallback(struct checker *c, struct function *f, struct typed *value,
                         struct span span)
{
    struct function *fallback = derive(c, f, "fallback", value, span);
    fallback->typed.annotations = (struct typed_annotations){.retries = -1};
    drop_checks(c, fallback);
    f->typed.fallback = &fallback->typed;
    vector_push(&f->calls, fallback);
}

void check_declared_fallback(struct checker *c, struct function *f)
{
    const struct ast_declaration *d = f->declaration;
    const struct ast_annotation *a = find_fallback(d->annotations, d->annotation_count);
    if (!a || f->typed.is_flow)
        return;
    size_t calls = f->calls.count;
    struct typed *value = check_value_of(c, a, f);
    if (f->calls.count > calls) {
        struct diagnostic *diagnostic = diagnose(
            c->diagnostics, a->arguments[0].value->span, ERR_annotation_argument,
            "the fallback of '%s' is computed from its parameters, and calls no task", f->typed.name);
        diagnose_hint(c->diagnostics, diagnostic,
                      "a call may have any value: @fallback(g(x)) %s(...)", f->typed.name);
    } else if (value && !f->broken) {
        set_fallback(c, f, value, a->span);
    }
}

/* ---- Calls
 * -------------------------------------------------------------------------------------------------
 */

/* Appends the parameter whose argument is the value. */
static struct typed *add_value_parameter(struct checker *c, struct function *guard,
                                         struct span span)
{
    struct typed_function *t = &guard->typed;
    uint32_t count = t->parameter_count;
    struct local *local = arena_new(c->arena, struct local);
    local->variable = (struct variable){.kind = VARIABLE_PARAMETER,
                                        .name = intern_text(c->names, "fallback"),
                                        .type = t->result,
                                        .span = span,
                                        .index = t->variable_count++};
    struct variable **parameters = arena_array(c->arena, struct variable *, count + 1);
    struct typed **defaults = arena_array(c->arena, struct typed *, count + 1);
    for (uint32_t i = 0; i < count; i++)
        parameters[i] = t->parameters[i];
    parameters[count] = &local->variable;
    t->parameters = parameters;
    t->defaults = defaults;
    t->parameter_count++;
    return node_variable(c, local, span);
}

/* The task that calls `f`, without f's own fallback, and has one that its last argument gives. */
static struct function *guard_of(struct checker *c, struct function *f, struct span span)
{
    if (f->guard)
        return f->guard;
    struct typed *call = node_new(c, TYPED_CALL, f->typed.result, span);
    call->callee = &f->typed;
    call->is_bare = true;
    call->argument_count = f->typed.parameter_count;
    call->arguments = arena_array(c->arena, struct typed *, call->argument_count);
    for (uint32_t i = 0; i < call->argument_count; i++)
        call->arguments[i] = node_variable(c, (struct local *)f->typed.parameters[i], span);
    struct typed_annotations *none = arena_new(c->arena, struct typed_annotations);
    none->retries = -1;
    call->annotations = none;
    struct function *guard = f->guard = derive(c, f, "guard", call, span);
    vector_push(&guard->calls, f);
    struct typed *value = NULL;
    if (!type_is_unit(f->typed.result))
        value = add_value_parameter(c, guard, span);
    else
        guard->typed.body.statements[0]->value = call;
    set_fallback(c, guard, value, span);
    return guard;
}

struct function *check_called_fallback(struct checker *c, const struct ast_expression *call,
                                       struct function *f, struct typed *node)
{
    const struct ast_annotation *a = find_fallback(call->annotations, call->annotation_count);
    if (!a || f->typed.is_flow)
        return f;
    struct typed *value = check_value_of(c, a, f);
    if (!value)
        return NULL;
    struct function *guard = guard_of(c, f, f->typed.span);
    if (guard->typed.parameter_count > node->argument_count) {
        struct typed **arguments = arena_array(c->arena, struct typed *, node->argument_count + 1);
        for (uint32_t i = 0; i < node->argument_count; i++)
            arguments[i] = node->arguments[i];
        arguments[node->argument_count++] = value;
        node->arguments = arguments;
    }
    node->callee = &guard->typed;
    return guard;
}
