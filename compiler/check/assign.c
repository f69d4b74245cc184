/*
 * Assignments: to variables, places within them (parts, elements and slices, at any depth), and to
 * several places at once.
 */
#include <string.h>

#include "check/checker.h"

/* A place: a variable, or one step into another place. */
struct target {
    struct local *variable;
    const struct target *within; /* NULL: the variable itself */
    struct typed_step step;      /* from there to here */
    uint32_t step_count;         /* from the variable to here */
    const struct type *type;
    struct span span;
};

static struct target *variable_place(struct checker *c, struct local *variable, struct span span)
{
    struct target *place = arena_new(c->arena, struct target);
    place->variable = variable;
    place->type = variable->variable.type;
    place->span = span;
    return place;
}

static struct target *place_within(struct checker *c, const struct target *outer,
                                   struct typed_step step)
{
    struct target *place = arena_new(c->arena, struct target);
    place->variable = outer->variable;
    place->within = outer;
    place->step = step;
    place->step_count = outer->step_count + 1;
    place->type = step.type;
    place->span = step.span;
    return place;
}

/* ---- The variable
 * --------------------------------------------------------------------------------------- */

static struct target *refuse_constant(struct checker *c, const struct ast_expression *e,
                                      const struct symbol *symbol)
{
    static const char *const kinds[] = {
        [VARIABLE_PARAMETER] = "a parameter",
        [VARIABLE_DIMENSION] = "a dimension of the arguments",
        [VARIABLE_LOCAL] = "declared with 'let'",
        [VARIABLE_MUTABLE] = "a variable",
        [VARIABLE_LOOP] = "the variable of a loop",
    };
    bool local = symbol->kind == SYMBOL_LOCAL;
    enum variable_kind kind = local ? symbol->local->variable.kind : VARIABLE_LOCAL;
    const char *what = local                             ? kinds[kind]
                       : symbol->kind == SYMBOL_CONSTANT ? "a constant"
                       : symbol->kind == SYMBOL_MODULE   ? "a module"
                                                         : "a function";
    if (symbol->kind == SYMBOL_REFUSED || symbol->kind == SYMBOL_UNKNOWN)
        return NULL;
    struct diagnostic *d = diagnose(c->diagnostics, e->span, ERR_assign_constant,
                                    "'%s' cannot be assigned: it is %s", e->name, what);
    if (symbol->span.source)
        diagnose_note(c->diagnostics, d, symbol->span, "it is declared here");
    if (local && kind == VARIABLE_LOCAL)
        diagnose_hint(c->diagnostics, d, "declare it with 'var' to change it later");
    else if (local)
        diagnose_hint(c->diagnostics, d, "copy it into a variable of another name: var x = %s",
                      e->name);
    return NULL;
}

static struct target *find_variable(struct checker *c, const struct ast_expression *e)
{
    const struct symbol *symbol = scope_find(c, e->name);
    if (!symbol) {
        struct diagnostic *d = diagnose(c->diagnostics, e->span, ERR_unknown_name,
                                        "there is no variable named '%s' here", e->name);
        const char *nearest = scope_nearest(c, e->name, 1U << SYMBOL_LOCAL);
        if (nearest)
            diagnose_hint(c->diagnostics, d, "did you mean '%s'?", nearest);
        else
            diagnose_hint(c->diagnostics, d, "declare it first: var %s = ...", e->name);
        scope_bind_unknown(c, e->name);
        return NULL;
    }
    if (symbol->kind != SYMBOL_LOCAL || symbol->local->variable.kind != VARIABLE_MUTABLE)
        return refuse_constant(c, e, symbol);
    symbol->local->assigned = true;
    if (types_is_error(c, symbol->local->variable.type))
        return NULL;
    return variable_place(c, symbol->local, e->span);
}

/* ---- Places --------------------------------------------------------------------------------- */

static struct typed *read_step(struct checker *c, struct typed *base, const struct target *place)
{
    const struct typed_step *step = &place->step;
    if (step->kind == STEP_PART)
        return node_part(c, base, step->part, place->span);
    if (step->kind == STEP_KEY)
        return node_map_get(c, base, step->key, place->span);
    struct typed *node = node_new(c, TYPED_INDEX, place->type, place->span);
    node->base = base;
    node->indexes = step->indexes;
    node->index_count = step->index_count;
    return node;
}

/* The present value of a place, as an expression. */
static struct typed *read_place(struct checker *c, const struct target *place)
{
    if (place->within)
        return read_step(c, read_place(c, place->within), place);
    bool used = place->variable->used;
    struct typed *node = node_variable(c, place->variable, place->span);
    place->variable->used = used;
    return node;
}

static struct target *check_place(struct checker *c, const struct ast_expression *e);

static struct target *check_keyed_place(struct checker *c, const struct target *base,
                                        const struct ast_expression *e)
{
    struct typed *key = check_key(c, base->type, e);
    if (node_is_error(c, key))
        return NULL;
    return place_within(
        c, base,
        (struct typed_step){
            .kind = STEP_KEY, .span = e->span, .type = base->type->element, .key = key});
}

static struct target *refuse_text_place(struct checker *c, const struct target *base,
                                        const struct ast_expression *e)
{
    const char *text = types_snippet(c, base->span);
    struct diagnostic *d =
        diagnose(c->diagnostics, e->span, ERR_text_place, "a piece of a str cannot be assigned");
    diagnose_hint(c->diagnostics, d, "make a new one: %s = %s[..i] + \"...\" + %s[j..]", text, text,
                  text);
    return NULL;
}

static struct target *check_indexed_place(struct checker *c, const struct ast_expression *e)
{
    struct target *base = check_place(c, e->index.base);
    if (base && base->type->kind == TYPE_STRING)
        return refuse_text_place(c, base, e);
    struct typed *value = base ? read_place(c, base) : node_error(c, e->span);
    value->span = e->index.base->span;
    if (value->type->kind == TYPE_MAP)
        return check_keyed_place(c, base, e);
    struct typed_step step = {.kind = STEP_INDEX, .span = e->span, .index_count = e->index.count};
    if (!check_indexes(c, value, e, &step.indexes, &step.type))
        return NULL;
    return place_within(c, base, step);
}

static int find_part(const struct type *type, const struct ast_expression *e)
{
    if (!type_has_parts(type))
        return -1;
    if (e->kind == EXPR_PART)
        return type->kind == TYPE_TUPLE && e->field.part < type->part_count ? (int)e->field.part
                                                                            : -1;
    for (uint32_t i = 0; type->names && e->field.name.text && i < type->part_count; i++)
        if (type->names[i] && strcmp(type->names[i], e->field.name.text) == 0)
            return (int)i;
    return -1;
}

static struct target *check_part_place(struct checker *c, const struct ast_expression *e)
{
    struct target *base = check_place(c, e->field.base);
    if (!base)
        return NULL;
    int part = find_part(base->type, e);
    if (part < 0) {
        check_expression(c, e); /* reports it, as for reading */
        return NULL;
    }
    struct typed_step step = {.kind = STEP_PART,
                              .span = e->span,
                              .type = base->type->parts[part],
                              .part = (uint32_t)part};
    return place_within(c, base, step);
}

static struct target *check_place(struct checker *c, const struct ast_expression *e)
{
    switch (e->kind) {
    case EXPR_NAME:
        return find_variable(c, e);
    case EXPR_INDEX:
        return check_indexed_place(c, e);
    case EXPR_FIELD:
    case EXPR_PART:
        return check_part_place(c, e);
    default:
        return NULL; /* the parser refused it */
    }
}

/* ---- Stores
 * ---------------------------------------------------------------------------------------------------
 */

static void store(struct checker *c, const struct target *place, enum operation operation,
                  struct span operator_span, struct typed *value, struct span span,
                  struct statement_list *out)
{
    struct typed_statement *s = statement_new(c, out, STATEMENT_ASSIGN, span);
    s->variable = &place->variable->variable;
    s->step_count = place->step_count;
    s->steps = arena_array(c->arena, struct typed_step, place->step_count);
    for (const struct target *at = place; at->within; at = at->within)
        s->steps[at->step_count - 1] = at->step;
    s->operation = operation;
    s->operator_span = operator_span;
    s->value = value;
}

/* What a value is wanted for: a whole variable, or a place within one. */
static struct purpose purpose_of(const struct target *place)
{
    bool whole = place->step_count == 0;
    return (struct purpose){.what = whole ? "the variable" : "this place",
                            .name = whole ? place->variable->variable.name : NULL,
                            .because = place->variable->variable.span,
                            .because_text = "the variable is declared here",
                            .place = place->variable->assumed ? place->variable : NULL};
}

/* `place op= value`: checked as the operation, of which the right operand is kept. */
static struct typed *check_compound(struct checker *c, const struct ast_statement *s,
                                    const struct target *place, struct typed *value)
{
    struct typed *node = check_binary(c, s->assign.operation, read_place(c, place), value,
                                      s->assign.operator_span, s->span);
    if (node_is_error(c, node))
        return node;
    if (node->type->kind == TYPE_STRING && node->type == place->type)
        return value;
    if (node->type != place->type || node->kind != TYPED_OPERATION) {
        struct purpose purpose = purpose_of(place);
        return coerce(c, node, place->type, &purpose);
    }
    return node->operands[1];
}

static void check_single(struct checker *c, const struct ast_statement *s,
                         struct statement_list *out)
{
    struct target *place = check_place(c, s->assign.places[0]);
    struct typed *value = check_expression(c, s->assign.value);
    if (!place)
        return;
    if (s->assign.operation == OPERATION_NONE) {
        struct purpose purpose = purpose_of(place);
        value = coerce(c, value, place->type, &purpose);
    } else {
        value = check_compound(c, s, place, value);
    }
    if (!node_is_error(c, value))
        store(c, place, s->assign.operation, s->assign.operator_span, value, s->span, out);
}

static void check_several(struct checker *c, const struct ast_statement *s,
                          struct statement_list *out)
{
    uint32_t count = s->assign.place_count;
    struct typed *value = check_value(c, s->assign.value);
    bool good = check_parts(c, value->type, count, "places", NULL, value->span);
    struct local *whole = NULL;
    if (good) {
        whole = local_new(c, VARIABLE_LOCAL, NULL, value->type, value->span);
        statement_declare(c, out, whole, value, s->span);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct ast_expression *written_place = s->assign.places[i];
        if (written_place->kind == EXPR_NAME && strcmp(written_place->name, "_") == 0)
            continue;
        struct target *place = check_place(c, written_place);
        if (!place || !good)
            continue;
        struct purpose purpose = purpose_of(place);
        struct typed *part = node_part(c, node_variable(c, whole, value->span), i, value->span);
        part = coerce(c, part, place->type, &purpose);
        if (!node_is_error(c, part))
            store(c, place, OPERATION_NONE, s->assign.operator_span, part, s->span, out);
    }
}

void check_assignment(struct checker *c, const struct ast_statement *s, struct statement_list *out)
{
    if (s->assign.destructures)
        check_several(c, s, out);
    else
        check_single(c, s, out);
}
