/*
 * Assignments: to variables, parts of tuples, elements and slices, and to several places at once.
 *
 * The typed tree has places of the form variable.part.part[indexes]. Others, like s[i][j] or
 * xs[i].0, are written as a temporary copy of what the last index selects, which is changed and
 * stored back; each index is evaluated once.
 */
#include <string.h>

#include "check/checker.h"

/* A place as the typed tree has it; `type` is that of the whole place. */
struct target {
    struct local *variable;
    uint32_t parts[DEEPEST_TYPE], part_count;
    struct typed_index *indexes;
    uint32_t index_count;
    const struct type *type;
    struct span span;
    struct target *stored_to; /* the variable is a temporary, to be stored there afterwards */
};

static struct target *new_place(struct checker *c, struct local *variable, const struct type *type,
                                struct span span)
{
    struct target *place = arena_new(c->arena, struct target);
    place->variable = variable;
    place->type = type;
    place->span = span;
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
    return new_place(c, symbol->local, symbol->local->variable.type, e->span);
}

/* ---- Places
 * -------------------------------------------------------------------------------------------------
 */

/* The present value of a place, as an expression. */
static struct typed *read_place(struct checker *c, const struct target *place)
{
    bool used = place->variable->used;
    struct typed *node = node_variable(c, place->variable, place->span);
    place->variable->used = used;
    for (uint32_t i = 0; i < place->part_count; i++)
        node = node_part(c, node, place->parts[i], place->span);
    if (place->index_count == 0)
        return node;
    struct typed *element = node_new(c, TYPED_INDEX, place->type, place->span);
    element->base = node;
    element->indexes = place->indexes;
    element->index_count = place->index_count;
    return element;
}

/* Names an index that is no constant or variable, so that it is evaluated once. */
static void hoist(struct checker *c, struct typed **index, struct statement_list *out)
{
    if (!*index || (*index)->kind == TYPED_CONSTANT || (*index)->kind == TYPED_VARIABLE)
        return;
    struct local *name = local_new(c, VARIABLE_LOCAL, NULL, c->integer, (*index)->span);
    statement_declare(c, out, name, *index, (*index)->span);
    *index = node_variable(c, name, (*index)->span);
}

/* A place for what an indexed place selects: a temporary, which is stored back. */
static struct target *enter_element(struct checker *c, struct target *place,
                                    struct statement_list *out)
{
    if (place->index_count == 0)
        return place;
    for (uint32_t i = 0; i < place->index_count; i++) {
        hoist(c, &place->indexes[i].low, out);
        hoist(c, &place->indexes[i].high, out);
    }
    struct local *copy = local_new(c, VARIABLE_MUTABLE, NULL, place->type, place->span);
    statement_declare(c, out, copy, read_place(c, place), place->span);
    struct target *inner = new_place(c, copy, place->type, place->span);
    inner->stored_to = place;
    return inner;
}

static struct target *check_place(struct checker *c, const struct ast_expression *e,
                                  struct statement_list *out);

static struct target *check_indexed_place(struct checker *c, const struct ast_expression *e,
                                          struct statement_list *out)
{
    struct target *base = check_place(c, e->index.base, out);
    struct typed *value = base ? read_place(c, base) : node_error(c, e->span);
    struct typed_index *indexes;
    const struct type *type;
    value->span = e->index.base->span;
    if (!check_indexes(c, value, e, &indexes, &type))
        return NULL;
    base = enter_element(c, base, out);
    base->indexes = indexes;
    base->index_count = e->index.count;
    base->type = type;
    base->span = e->span;
    return base;
}

static int find_part(const struct type *type, const struct ast_expression *e)
{
    if (type->kind != TYPE_TUPLE)
        return -1;
    if (e->kind == EXPR_PART)
        return e->field.part < type->part_count ? (int)e->field.part : -1;
    for (uint32_t i = 0; type->names && e->field.name.text && i < type->part_count; i++)
        if (type->names[i] && strcmp(type->names[i], e->field.name.text) == 0)
            return (int)i;
    return -1;
}

static struct target *check_part_place(struct checker *c, const struct ast_expression *e,
                                       struct statement_list *out)
{
    struct target *base = check_place(c, e->field.base, out);
    if (!base)
        return NULL;
    int part = find_part(base->type, e);
    if (part < 0) {
        check_expression(c, e); /* reports it, as for reading */
        return NULL;
    }
    base = enter_element(c, base, out);
    base->parts[base->part_count++] = (uint32_t)part; /* each part's type nests less deep */
    base->type = base->type->parts[part];
    base->span = e->span;
    return base;
}

static struct target *check_place(struct checker *c, const struct ast_expression *e,
                                  struct statement_list *out)
{
    switch (e->kind) {
    case EXPR_NAME:
        return find_variable(c, e);
    case EXPR_INDEX:
        return check_indexed_place(c, e, out);
    case EXPR_FIELD:
    case EXPR_PART:
        return check_part_place(c, e, out);
    default:
        return NULL; /* the parser refused it */
    }
}

/* ---- Stores
 * ---------------------------------------------------------------------------------------------------
 */

static void store(struct checker *c, struct target *place, enum operation operation,
                  struct span operator_span, struct typed *value, struct span span,
                  struct statement_list *out)
{
    struct typed_statement *s = statement_new(c, out, STATEMENT_ASSIGN, span);
    s->variable = &place->variable->variable;
    s->part_count = place->part_count;
    s->part_path = arena_copy(c->arena, place->parts, place->part_count * sizeof(uint32_t));
    s->indexes = place->indexes;
    s->index_count = place->index_count;
    s->operation = operation;
    s->operator_span = operator_span;
    s->value = value;
    if (place->stored_to)
        store(c, place->stored_to, OPERATION_NONE, operator_span,
              node_variable(c, place->variable, place->span), span, out);
}

/* What a value is wanted for: a whole variable, or a place within one. */
static struct purpose purpose_of(const struct target *place)
{
    bool whole = place->index_count == 0 && place->part_count == 0 && !place->stored_to;
    return (struct purpose){.what = whole ? "the variable" : "this place",
                            .name = whole ? place->variable->variable.name : NULL,
                            .because = place->variable->variable.span,
                            .because_text = "the variable is declared here"};
}

/* `place op= value`: checked as the operation, of which the right operand is kept. */
static struct typed *check_compound(struct checker *c, const struct ast_statement *s,
                                    const struct target *place, struct typed *value)
{
    struct typed *node = check_binary(c, s->assign.operation, read_place(c, place), value,
                                      s->assign.operator_span, s->span);
    if (node_is_error(c, node))
        return node;
    if (node->type != place->type || node->kind != TYPED_OPERATION) {
        struct purpose purpose = purpose_of(place);
        return coerce(c, node, place->type, &purpose);
    }
    return node->operands[1];
}

static void check_single(struct checker *c, const struct ast_statement *s,
                         struct statement_list *out)
{
    struct target *place = check_place(c, s->assign.places[0], out);
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
        struct target *place = check_place(c, written_place, out);
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
