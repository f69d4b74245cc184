/*
 * Variables whose declaration names no type, and whose value is made of literals: var s = 0, var a
 * = zeros(n). They are int and f64[_] then, which shows only where another type is wanted. The
 * mistake is in the declaration, and is one, however many places it makes wrong.
 */
#include "check/checker.h"

struct local *assumed_variable(const struct typed *node)
{
    while (node->kind == TYPED_INDEX)
        node = node->base;
    if (node->kind != TYPED_VARIABLE)
        return NULL;
    struct local *local = (struct local *)node->variable;
    return local->assumed ? local : NULL;
}

static const struct type *element_of(const struct type *type)
{
    return type->kind == TYPE_ARRAY ? type->element : type;
}

bool assumed_is_mistaken(struct checker *c, const struct local *local, const struct type *found,
                         const struct type *wanted)
{
    if (types_is_error(c, wanted))
        return false;
    if (found->kind != wanted->kind || (found->kind == TYPE_ARRAY && found->rank != wanted->rank))
        return local->assumed == &c->literal_empty && found->kind != TYPE_ARRAY;
    const struct type *element = element_of(wanted);
    if (element == &c->literal_empty || element == &c->literal_number)
        return false;
    if (local->assumed == &c->literal_empty)
        return true;
    bool is_real = type_is_float(element) || element == &c->literal_float;
    return is_real || (type_is_number(element) && local->assumed != &c->literal_float);
}

void assumed_hint(struct checker *c, struct diagnostic *d, struct local *local,
                  const struct type *wanted)
{
    const struct variable *variable = &local->variable;
    const struct type *type = settled_type(c, element_of(wanted), variable->span);
    if (variable->type->kind == TYPE_ARRAY)
        type = types_array(c, type, variable->type->rank, variable->span);
    local->blamed = variable->kind == VARIABLE_MUTABLE;
    diagnose_hint(c->diagnostics, d,
                  "'%s' is %s, since its declaration names no type; write %s: %s = … there",
                  variable->name, types_text(c, variable->type), variable->name,
                  types_text(c, type));
}
