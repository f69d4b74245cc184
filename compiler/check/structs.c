/*
 * Structs: their declarations, and literals. To the later stages a struct is a tuple whose parts
 * have names; here its name makes it a type of its own.
 */
#include <string.h>

#include "check/checker.h"

/* ---- Declarations ------------------------------------------------------------------------- */

struct structure *structs_declare(struct checker *c, const struct ast_declaration *d)
{
    struct structure *s = arena_new(c->arena, struct structure);
    s->declaration = d;
    s->type = &c->error;
    s->name = d->name.text;
    if (c->module->name)
        s->name = arena_printf(c->arena, "%s.%s", c->module->name, d->name.text);
    vector_push(&c->structures, s);
    return s;
}

/* Whether the fields before one have its name; then that is reported. */
static bool is_doubled(struct checker *c, const struct ast_parameter *fields, uint32_t at)
{
    for (uint32_t i = 0; fields[at].name.text && i < at; i++) {
        if (fields[i].name.text != fields[at].name.text)
            continue;
        struct diagnostic *d =
            diagnose(c->diagnostics, fields[at].name.span, ERR_duplicate_parameter,
                     "two fields of this struct are named '%s'", fields[at].name.text);
        diagnose_note(c->diagnostics, d, fields[i].name.span, "the first is here");
        return true;
    }
    return false;
}

/* Extents are values: those of a field may differ from struct to struct. */
static bool refuse_extents(struct checker *c, const struct ast_type *form)
{
    for (; form && form->kind == TYPEFORM_ARRAY; form = form->array.element)
        for (uint32_t d = 0; d < form->array.rank; d++)
            if (form->array.extents[d]) {
                struct diagnostic *diagnostic =
                    diagnose(c->diagnostics, form->array.extents[d]->span, ERR_field_extent,
                             "the extents of a field are not declared");
                diagnose_hint(c->diagnostics, diagnostic, "write _ in its place");
                return true;
            }
    return false;
}

static const struct type *resolve_field(struct checker *c, const struct ast_parameter *field)
{
    if (!field->type || refuse_extents(c, field->type))
        return &c->error;
    const struct type *type = types_resolve(c, field->type);
    if (type_is_unit(type)) {
        diagnose(c->diagnostics, field->type->span, ERR_unit_field,
                 "a field of type () would hold nothing");
        return &c->error;
    }
    return type;
}

/* Says which fields lead from a struct to itself, from the first on. */
static void note_circle(struct checker *c, struct diagnostic *d, const struct structure *from,
                        const struct structure *first)
{
    if (from != first)
        note_circle(c, d, from->outer, first);
    diagnose_note(c->diagnostics, d, from->active->type->span, "'%s' has this in its field '%s'",
                  from->declaration->name.text, from->active->name.text);
}

static void report_circle(struct checker *c, const struct structure *s)
{
    struct diagnostic *d =
        diagnose(c->diagnostics, s->declaration->name.span, ERR_recursive_struct,
                 "the struct '%s' would contain itself", s->declaration->name.text);
    note_circle(c, d, c->active_structure, s);
}

static const struct type *make_type(struct checker *c, struct structure *s)
{
    const struct ast_declaration *d = s->declaration;
    uint32_t count = d->structure.field_count;
    const struct type **types = arena_array(c->arena, const struct type *, count);
    const char **names = arena_array(c->arena, const char *, count);
    bool good = true;
    for (uint32_t i = 0; i < count; i++) {
        good &= !is_doubled(c, d->structure.fields, i);
        s->active = &d->structure.fields[i];
        types[i] = resolve_field(c, &d->structure.fields[i]);
        names[i] = d->structure.fields[i].name.text;
        good &= names[i] && !types_is_error(c, types[i]);
    }
    if (count == 0 && !c->recovered)
        diagnose(c->diagnostics, d->name.span, ERR_unit_field, "the struct '%s' has no fields",
                 d->name.text);
    if (!good || count == 0)
        return &c->error;
    return types_struct(c, s->name, types, names, count, d->name.span);
}

const struct type *structs_type(struct checker *c, struct structure *s)
{
    switch (s->state) {
    case STRUCTURE_DONE:
        return s->type;
    case STRUCTURE_ACTIVE:
        report_circle(c, s);
        s->state = STRUCTURE_DONE;
        return s->type;
    case STRUCTURE_NEW:
        s->state = STRUCTURE_ACTIVE;
        s->outer = c->active_structure;
        c->active_structure = s;
        s->type = make_type(c, s);
        c->active_structure = s->outer;
        s->state = STRUCTURE_DONE;
        return s->type;
    }
    bug("a struct in state %d", (int)s->state);
}

/* ---- Literals ----------------------------------------------------------------------------- */

/* The struct that a literal names, or NULL after a report. */
static struct structure *find_structure(struct checker *c, const struct ast_expression *e)
{
    const struct ast_name *name = &e->literal.name;
    const char *text = name->text;
    if (e->literal.module.text) {
        text = module_member(c, e->literal.module.text, name);
        name = text ? name : &e->literal.module;
    }
    const struct symbol *symbol = text ? scope_find(c, text) : NULL;
    if (symbol && symbol->kind == SYMBOL_STRUCT)
        return symbol->structure;
    bool silent = !name->text || c->recovered ||
                  (symbol && (symbol->kind == SYMBOL_REFUSED || symbol->kind == SYMBOL_UNKNOWN));
    if (silent)
        return NULL;
    struct diagnostic *d = diagnose(c->diagnostics, name->span, ERR_unknown_type,
                                    "there is no struct named '%s'", name->text);
    const char *nearest = scope_nearest(c, name->text, 1U << SYMBOL_STRUCT);
    if (nearest)
        diagnose_hint(c->diagnostics, d, "did you mean '%s'?", nearest);
    return NULL;
}

static int find_field(const struct type *type, const char *name)
{
    for (uint32_t i = 0; name && i < type->part_count; i++)
        if (strcmp(type->names[i], name) == 0)
            return (int)i;
    return -1;
}

static void report_field(struct checker *c, const struct type *type, const struct ast_name *name)
{
    struct diagnostic *d = diagnose(c->diagnostics, name->span, ERR_unknown_field,
                                    "'%s' has no field named '%s'", type->name, name->text);
    const char *nearest = NULL;
    for (uint32_t i = 0; i < type->part_count; i++)
        nearest_name(name->text, type->names[i], &nearest);
    if (nearest)
        diagnose_hint(c->diagnostics, d, "did you mean '%s'?", nearest);
}

/* Puts the value of a field where the field stands in the struct; false after a report. */
static bool take_field(struct checker *c, const struct structure *s,
                       const struct ast_field_value *field, struct typed **items)
{
    struct typed *value = check_expression(c, field->value);
    if (types_is_error(c, s->type) || !field->name.text)
        return false;
    int at = find_field(s->type, field->name.text);
    if (at < 0) {
        report_field(c, s->type, &field->name);
        return false;
    }
    if (items[at]) {
        diagnose(c->diagnostics, field->name.span, ERR_doubled_field,
                 "the field '%s' has a value already", field->name.text);
        return false;
    }
    const struct ast_parameter *declared = &s->declaration->structure.fields[at];
    struct purpose purpose = {.what = "the field",
                              .name = field->name.text,
                              .owner = s->type->name,
                              .because = declared->name.span,
                              .because_text = "the field is declared here"};
    items[at] = coerce(c, value, s->type->parts[at], &purpose);
    return !node_is_error(c, items[at]);
}

static bool report_missing(struct checker *c, const struct structure *s, struct typed *const *items,
                           struct span span)
{
    struct buffer missing = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->type->part_count; i++)
        if (!items[i])
            buffer_printf(&missing, "%s'%s'", count++ ? ", " : "", s->type->names[i]);
    if (count) {
        struct diagnostic *d =
            diagnose(c->diagnostics, span, ERR_missing_field, "%s of '%s' %s no value: %s",
                     count > 1 ? "fields" : "a field", s->type->name, count > 1 ? "have" : "has",
                     buffer_text(&missing));
        diagnose_note(c->diagnostics, d, s->declaration->name.span, "the struct is declared here");
    }
    buffer_release(&missing);
    return count > 0;
}

struct typed *check_struct_literal(struct checker *c, const struct ast_expression *e)
{
    struct structure *s = find_structure(c, e);
    if (!s) {
        for (uint32_t i = 0; i < e->literal.count; i++)
            check_expression(c, e->literal.fields[i].value);
        c->poisoned = true;
        return node_error(c, e->span);
    }
    uint32_t count = types_is_error(c, s->type) ? 0 : s->type->part_count;
    struct typed **items = arena_array(c->arena, struct typed *, count);
    bool good = count > 0;
    for (uint32_t i = 0; i < e->literal.count; i++)
        good &= take_field(c, s, &e->literal.fields[i], items);
    if (!good || report_missing(c, s, items, e->span))
        return node_error(c, e->span);
    struct typed *node = node_new(c, TYPED_TUPLE, s->type, e->span);
    node->items = items;
    node->item_count = count;
    return node;
}
