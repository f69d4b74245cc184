/*
 * Signatures: the parameters of tasks and flows, their defaults, the result, annotations; and what
 * is asked of main.
 */
#include <string.h>

#include "check/checker.h"

/* A parameter that is a function has no value: it exists in the checker only. */
static void check_function_parameter(struct checker *c, struct function *f,
                                     const struct ast_parameter *p)
{
    const struct ast_type *form = p->type;
    for (uint32_t i = 0; i < form->function.count; i++)
        types_resolve(c, form->function.parameters[i]);
    if (form->function.result)
        types_resolve(c, form->function.result);
    if (p->value) {
        diagnose(c->diagnostics, p->value->span, ERR_bad_default,
                 "a parameter that is a function has no default");
        f->broken = true;
    }
    if (form->function.is_flow && !f->typed.is_flow) {
        struct diagnostic *d =
            diagnose(c->diagnostics, form->span, ERR_flow_in_task,
                     "the task '%s' takes a flow, and tasks call tasks only", f->typed.name);
        diagnose_hint(c->diagnostics, d, "write task(...) instead of flow(...)");
        f->broken = true;
    }
}

static void check_parameters(struct checker *c, struct function *f)
{
    const struct ast_declaration *d = f->declaration;
    uint32_t count = d->function.parameter_count;
    f->written = arena_array(c->arena, const struct ast_parameter *, count);
    f->forms = arena_array(c->arena, const struct ast_parameter *, count);
    f->typed.parameters = arena_array(c->arena, struct variable *, count);
    f->typed.defaults = arena_array(c->arena, struct typed *, count);
    f->written_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct ast_parameter *p = f->written[i] = &d->function.parameters[i];
        if (p->type && p->type->kind == TYPEFORM_FUNCTION) {
            check_function_parameter(c, f, p);
            continue;
        }
        const struct type *type = p->type ? types_resolve(c, p->type) : &c->error;
        const char *name = p->name.text ? p->name.text : intern_text(c->names, "_");
        f->forms[f->typed.parameter_count] = p;
        f->typed.parameters[f->typed.parameter_count++] =
            &local_new(c, VARIABLE_PARAMETER, name, type, p->name.span)->variable;
        f->broken |= types_is_error(c, type);
    }
}

static void check_result(struct checker *c, struct function *f)
{
    const struct ast_type *form = f->declaration->function.result;
    f->typed.result = form ? types_resolve(c, form) : c->unit;
    f->broken |= types_is_error(c, f->typed.result);
    c->poisoned |= f->broken;
}

static void check_function_annotations(struct checker *c, struct function *f)
{
    const struct ast_declaration *d = f->declaration;
    check_annotations(c, d->annotations, d->annotation_count, NULL, &f->typed.annotations);
    if (!f->typed.is_flow || d->annotation_count == 0)
        return;
    const char *name = d->annotations[0].name.text;
    if (!name || strcmp(name, "defer") == 0)
        return;
    struct diagnostic *diagnostic = diagnose(
        c->diagnostics, d->annotations[0].span, ERR_annotation_place,
        "annotations belong to tasks and calls of tasks, and '%s' is a flow", f->typed.name);
    diagnose_hint(c->diagnostics, diagnostic, "annotate the tasks that it calls");
}

/* ---- Defaults
 * ---------------------------------------------------------------------------------------- */

static bool is_known_expression(const struct typed *node);

static bool are_known_expressions(struct typed *const *nodes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!is_known_expression(nodes[i]))
            return false;
    return true;
}

/* Defaults are literals, and what plain arithmetic makes of earlier parameters and their extents.
 */
static bool is_known_expression(const struct typed *node)
{
    switch (node->kind) {
    case TYPED_CONSTANT:
    case TYPED_VARIABLE:
        return true;
    case TYPED_OPERATION:
    case TYPED_AND:
    case TYPED_OR:
    case TYPED_CONVERT:
    case TYPED_EXTENT:
    case TYPED_PART:
        return are_known_expressions(node->operands, node->operand_count);
    case TYPED_IF:
        return is_known_expression(node->condition) && is_known_expression(node->then) &&
               is_known_expression(node->otherwise);
    case TYPED_TUPLE:
    case TYPED_ARRAY:
        return are_known_expressions(node->items, node->item_count);
    case TYPED_BUILTIN:
        return (node->builtin == BUILTIN_MAP || node->builtin == BUILTIN_TEXT_CONCAT) &&
               are_known_expressions(node->items, node->item_count);
    case TYPED_EQUAL:
    case TYPED_MATMUL:
    case TYPED_INDEX:
    case TYPED_COMPREHENSION:
    case TYPED_CALL:
    case TYPED_REDUCE:
        return false;
    }
    bug("expression of kind %d", node->kind);
}

static void bind(struct checker *c, struct local *local)
{
    scope_bind(c,
               &(struct symbol){.kind = SYMBOL_LOCAL,
                                .name = local->variable.name,
                                .span = local->variable.span,
                                .local = local},
               ERR_duplicate_parameter);
}

static void check_default(struct checker *c, struct function *f, uint32_t index)
{
    const struct ast_parameter *p = f->forms[index];
    struct variable *variable = f->typed.parameters[index];
    struct typed *value =
        coerce(c, check_expression(c, p->value), variable->type,
               &(struct purpose){.what = "the default of",
                                 .name = variable->name,
                                 .because = p->type ? p->type->span : (struct span){0},
                                 .because_text = "its type is given here"});
    if (!node_is_error(c, value) && !is_known_expression(value)) {
        struct diagnostic *d = diagnose(c->diagnostics, value->span, ERR_bad_default,
                                        "the default of '%s' must be computed from literals, "
                                        "earlier parameters and their extents",
                                        variable->name);
        diagnose_hint(c->diagnostics, d, "compute it in the body, or pass it at each call");
        value = node_error(c, value->span);
    }
    if (node_is_error(c, value))
        f->broken = true;
    else
        f->typed.defaults[index] = value;
}

/* The parameter that a rule's array is, or is a part of. */
static const struct variable *root_of(const struct typed *array)
{
    while (array->kind == TYPED_PART)
        array = array->operands[0];
    return array->variable;
}

/* Each default sees the parameters before it and the dimensions that these bind. */
static void check_defaults(struct checker *c, struct function *f)
{
    bool optional = false;
    scope_open(c);
    for (uint32_t i = 0, rule = 0; i < f->typed.parameter_count; i++) {
        const struct ast_parameter *p = f->forms[i];
        if (p->value)
            check_default(c, f, i);
        else if (optional && !c->recovered)
            diagnose(c->diagnostics, p->name.span, ERR_bad_default,
                     "'%s' has no default, but a parameter before it has one", p->name.text);
        optional |= p->value != NULL;
        bind(c, (struct local *)f->typed.parameters[i]);
        for (; rule < f->typed.rule_count && f->typed.rules[rule].binds &&
               root_of(f->typed.rules[rule].array) == f->typed.parameters[i];
             rule++)
            bind(c, (struct local *)f->typed.rules[rule].binds);
    }
    scope_close(c);
}

/* ---- main
 * ------------------------------------------------------------------------------------------------
 */

/* A file is a place in the job, and means nothing outside of it. */
static bool has_file(const struct type *type)
{
    if (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP)
        return has_file(type->element) || (type->key && has_file(type->key));
    for (uint32_t i = 0; type_has_parts(type) && i < type->part_count; i++)
        if (has_file(type->parts[i]))
            return true;
    return type->kind == TYPE_FILE;
}

/* What the command line, or a file that it names, can give: anything in which there is no file
 * reference, no function and no (). */
static bool is_given_as_text(const struct type *type)
{
    switch (type->kind) {
    case TYPE_SCALAR:
    case TYPE_STRING:
        return true;
    case TYPE_ARRAY:
        return is_given_as_text(type->element);
    case TYPE_MAP:
        return is_given_as_text(type->key) && is_given_as_text(type->element);
    case TYPE_TUPLE:
    case TYPE_STRUCT:
        for (uint32_t i = 0; i < type->part_count; i++)
            if (!is_given_as_text(type->parts[i]))
                return false;
        return type->part_count > 0;
    case TYPE_FILE:
    case TYPE_FUNCTION:
        return false;
    }
    bug("a type of kind %d", (int)type->kind);
}

static bool is_file_list(const struct type *type)
{
    return type->kind == TYPE_ARRAY && type->rank == 1 && type->element->kind == TYPE_FILE;
}

static void check_main_parameter(struct checker *c, const struct function *f, uint32_t index)
{
    const struct type *type = f->typed.parameters[index]->type;
    const struct ast_type *form = f->forms[index]->type;
    if (types_is_error(c, type) || type->kind == TYPE_FILE || is_file_list(type) ||
        is_given_as_text(type))
        return;
    struct diagnostic *d = diagnose(
        c->diagnostics, form ? form->span : f->typed.parameters[index]->span, ERR_main_parameter,
        "main cannot take a parameter of type %s", types_text(c, type));
    diagnose_hint(c->diagnostics, d,
                  has_file(type)
                      ? "a file is a parameter of its own, f: file, or one of a list, f: file[n]"
                      : "the command line gives values; leave out what is () or a function");
}

static void check_main_result(struct checker *c, const struct function *f)
{
    if (types_is_error(c, f->typed.result) || !has_file(f->typed.result))
        return;
    const struct ast_type *form = f->declaration->function.result;
    struct diagnostic *d =
        diagnose(c->diagnostics, form ? form->span : f->typed.span, ERR_main_result,
                 "main cannot give a file: a file is a reference that ends with the job");
    diagnose_hint(c->diagnostics, d, "give its bytes: bytes instead of file, and return read(f)");
}

static void check_main(struct checker *c, const struct function *f)
{
    if (!f->typed.is_flow) {
        struct diagnostic *d = diagnose(c->diagnostics, f->typed.span, ERR_main_is_task,
                                        "main is a task, but a program begins with a flow");
        diagnose_hint(c->diagnostics, d, "rename it, and write: flow main() { return ... }");
        return;
    }
    if (f->is_generic) {
        struct diagnostic *d =
            diagnose(c->diagnostics, f->typed.span, ERR_main_parameter,
                     "main has no type parameters and takes no functions: nothing calls it");
        diagnose_hint(c->diagnostics, d,
                      "the command line gives values: write the type that it is to have");
    }
    for (uint32_t i = 0; i < f->typed.parameter_count; i++)
        check_main_parameter(c, f, i);
    check_main_result(c, f);
}

/* ---- All
 * ---------------------------------------------------------------------------------------------------
 */

void check_signature(struct checker *c, struct function *f)
{
    c->function = f;
    check_parameters(c, f);
    check_result(c, f);
    check_function_annotations(c, f);
    check_dimensions(c, f);
    check_defaults(c, f);
    if (strcmp(f->typed.name, "main") == 0)
        check_main(c, f);
    c->function = NULL;
}
