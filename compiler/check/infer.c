/*
 * Type parameters and what binds them: a walk over a type as written and the type of an argument
 * beside it. Where several arguments bind one parameter, it is the type that they have in common,
 * as the elements of an array have one; literals are settled when all were seen.
 */
#include "check/checker.h"

int type_parameter(const struct checker *c, const char *name)
{
    if (!c->function || !c->function->declaration)
        return -1;
    const struct ast_declaration *d = c->function->declaration;
    for (uint32_t i = 0; i < d->function.type_parameter_count; i++)
        if (d->function.type_parameters[i].text == name)
            return (int)i;
    return -1;
}

bool infer_mentions(const struct ast_type *form, const char *name)
{
    switch (form->kind) {
    case TYPEFORM_ERROR:
        return false;
    case TYPEFORM_NAME:
        return !form->name.module.text && form->name.name.text == name;
    case TYPEFORM_ARRAY:
        return infer_mentions(form->array.element, name);
    case TYPEFORM_MAP:
        return infer_mentions(form->map.key, name) || infer_mentions(form->map.value, name);
    case TYPEFORM_TUPLE:
        for (uint32_t i = 0; i < form->tuple.count; i++)
            if (infer_mentions(form->tuple.parts[i], name))
                return true;
        return false;
    case TYPEFORM_FUNCTION:
        for (uint32_t i = 0; i < form->function.count; i++)
            if (infer_mentions(form->function.parameters[i], name))
                return true;
        return form->function.result && infer_mentions(form->function.result, name);
    }
    bug("type form of kind %d", form->kind);
}

static bool report_conflict(struct checker *c, const struct type_binding *binding, uint32_t index,
                            const struct type *type, struct span span)
{
    const struct function *f = binding->generic;
    const char *name = f->declaration->function.type_parameters[index].text;
    struct diagnostic *d =
        diagnose(c->diagnostics, span, ERR_type_parameter_conflict,
                 "'%s' of '%s' would be %s by this argument, and is %s by another one", name,
                 f->typed.name, types_text(c, type), types_text(c, binding->types[index]));
    diagnose_note(c->diagnostics, d, binding->spans[index], "the other argument is here");
    return false;
}

static bool bind(struct checker *c, struct type_binding *binding, uint32_t index,
                 const struct type *type, struct span span, bool *conflict)
{
    if (!binding->types[index]) {
        binding->types[index] = type;
        binding->spans[index] = span;
        return true;
    }
    const struct type *common = common_type(c, binding->types[index], type, span);
    if (!common) {
        *conflict = true;
        return report_conflict(c, binding, index, type, span);
    }
    binding->types[index] = common;
    return true;
}

static bool infer_tuple(struct checker *c, struct type_binding *binding,
                        const struct ast_type *form, const struct type *type, struct span span,
                        bool *conflict)
{
    if (type->kind != TYPE_TUPLE || type->part_count != form->tuple.count)
        return false;
    for (uint32_t i = 0; i < form->tuple.count; i++)
        if (!infer_types(c, binding, form->tuple.parts[i], type->parts[i], span, conflict))
            return false;
    return true;
}

bool infer_types(struct checker *c, struct type_binding *binding, const struct ast_type *form,
                 const struct type *type, struct span span, bool *conflict)
{
    const struct ast_declaration *d = binding->generic->declaration;
    switch (form->kind) {
    case TYPEFORM_NAME:
        for (uint32_t i = 0; i < d->function.type_parameter_count; i++)
            if (infer_mentions(form, d->function.type_parameters[i].text))
                return bind(c, binding, i, type, span, conflict);
        return true;
    case TYPEFORM_ARRAY:
        return type->kind == TYPE_ARRAY && type->rank == form->array.rank &&
               infer_types(c, binding, form->array.element, type->element, span, conflict);
    case TYPEFORM_TUPLE:
        return infer_tuple(c, binding, form, type, span, conflict);
    case TYPEFORM_MAP:
        return type->kind == TYPE_MAP &&
               infer_types(c, binding, form->map.key, type->key, span, conflict) &&
               infer_types(c, binding, form->map.value, type->element, span, conflict);
    case TYPEFORM_ERROR:
    case TYPEFORM_FUNCTION:
        return true; /* reported */
    }
    bug("type form of kind %d", form->kind);
}
