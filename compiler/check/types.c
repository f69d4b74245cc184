/*
 * Types: from their written form, their text in messages, and how they relate.
 *
 * Types with a flexible part (see literal.c) live in a table of their own, so that the program's
 * table holds nothing but types of values.
 */
#include <string.h>

#include "check/checker.h"

enum { LARGEST_LEAVES = 1000 };

/* Structs have no flexible parts: their fields have types. */
bool types_is_flexible(const struct checker *c, const struct type *type)
{
    if (type == &c->literal_integer || type == &c->literal_float || type == &c->literal_number ||
        type == &c->literal_empty)
        return true;
    if (type->kind == TYPE_ARRAY)
        return types_is_flexible(c, type->element);
    if (type->kind != TYPE_TUPLE)
        return false;
    for (uint32_t i = 0; i < type->part_count; i++)
        if (types_is_flexible(c, type->parts[i]))
            return true;
    return false;
}

static int depth_of(const struct type *type)
{
    int depth = 0;
    if (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP)
        return 1 + depth_of(type->element);
    if (!type_has_parts(type))
        return 0;
    for (uint32_t i = 0; i < type->part_count; i++) {
        int part = depth_of(type->parts[i]);
        depth = part > depth ? part : depth;
    }
    return depth + 1;
}

static const struct type *refuse_large(struct checker *c, struct span span)
{
    struct diagnostic *d = diagnose(c->diagnostics, span, ERR_type_too_large,
                                    "this type is nested too deeply or has too many parts");
    diagnose_hint(c->diagnostics, d,
                  "types may nest %d deep, and tuples have %d parts in all; an array holds any "
                  "number of values of one type",
                  DEEPEST_TYPE, LARGEST_LEAVES);
    return &c->error;
}

const struct type *types_array(struct checker *c, const struct type *element, uint32_t rank,
                               struct span span)
{
    if (types_is_error(c, element))
        return element;
    if (rank > WK_MAX_RANK) {
        diagnose(c->diagnostics, span, ERR_rank_too_high,
                 "an array has at most %d dimensions, this one has %u", WK_MAX_RANK, rank);
        return &c->error;
    }
    if (depth_of(element) >= DEEPEST_TYPE)
        return refuse_large(c, span);
    return type_array(types_is_flexible(c, element) ? &c->flexible_types : c->types, element,
                      (uint8_t)rank);
}

const struct type *types_map(struct checker *c, const struct type *key, const struct type *value,
                             struct span span)
{
    if (types_is_error(c, key) || types_is_error(c, value))
        return &c->error;
    if (depth_of(value) >= DEEPEST_TYPE)
        return refuse_large(c, span);
    return type_map(c->types, key, value);
}

/* Whether a type may have these parts; else it is reported. */
static bool parts_fit(struct checker *c, const struct type *const *parts, uint32_t count,
                      struct span span)
{
    uint64_t leaves = 0;
    int depth = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (types_is_error(c, parts[i]))
            return false;
        leaves += type_has_parts(parts[i]) ? parts[i]->leaf_count : 1;
        int part = depth_of(parts[i]);
        depth = part > depth ? part : depth;
    }
    if (leaves <= LARGEST_LEAVES && depth < DEEPEST_TYPE)
        return true;
    refuse_large(c, span);
    return false;
}

const struct type *types_tuple(struct checker *c, const struct type *const *parts,
                               const char *const *names, uint32_t count, struct span span)
{
    bool flexible = false;
    if (!parts_fit(c, parts, count, span))
        return &c->error;
    for (uint32_t i = 0; i < count; i++)
        flexible |= types_is_flexible(c, parts[i]);
    return type_tuple(flexible ? &c->flexible_types : c->types, parts, names, count);
}

const struct type *types_struct(struct checker *c, const char *name,
                                const struct type *const *fields, const char *const *names,
                                uint32_t count, struct span span)
{
    if (!parts_fit(c, fields, count, span))
        return &c->error;
    return type_struct(c->types, name, fields, names, count);
}

/* ---- From the written form ---------------------------------------------------------------------
 */

static const struct type *unknown_type(struct checker *c, const struct ast_name *name)
{
    if (c->recovered)
        return &c->error;
    static const char *const others[] = {"int", "bool", "str", "bytes", "file"};
    const char *best = NULL;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        nearest_name(name->text, others[i], &best);
    for (int i = 0; i < WK_SCALAR_COUNT; i++)
        nearest_name(name->text, wk_scalar_text((enum wk_scalar)i), &best);
    const char *structure = scope_nearest(c, name->text, 1U << SYMBOL_STRUCT);
    if (structure && !best)
        best = structure;
    const char *slip = NULL;
    static const char *const foreign[][2] = {
        {"float", "f64"},  {"double", "f64"}, {"number", "f64"},  {"integer", "int"},
        {"long", "int"},   {"byte", "u8"},    {"char", "u8"},     {"boolean", "bool"},
        {"string", "str"}, {"usize", "int"},  {"float32", "f32"}, {"float64", "f64"},
        {"int64", "int"},  {"int32", "i32"},  {"uint8", "u8"},    {"uint64", "u64"},
        {"void", "()"},
    };
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        nearest_name(name->text, foreign[i][0], &slip);
    for (size_t i = 0; slip && i < sizeof foreign / sizeof *foreign; i++)
        if (slip == foreign[i][0] && (!best || strcmp(name->text, slip) == 0))
            best = foreign[i][1];
    struct diagnostic *d = diagnose(c->diagnostics, name->span, ERR_unknown_type,
                                    "there is no type named '%s'", name->text);
    if (best)
        diagnose_hint(c->diagnostics, d, "did you mean %s?", best);
    return &c->error;
}

/* geometry.Point */
static const struct type *resolve_member(struct checker *c, const struct ast_type *form)
{
    const struct symbol *module = scope_find(c, form->name.module.text);
    const char *name = module_member(c, form->name.module.text, &form->name.name);
    if (!name)
        return module && module->kind == SYMBOL_REFUSED ? &c->error
                                                        : unknown_type(c, &form->name.module);
    const struct symbol *symbol = scope_find(c, name);
    if (!symbol || symbol->kind == SYMBOL_UNKNOWN || symbol->kind == SYMBOL_REFUSED)
        return &c->error;
    if (symbol->kind == SYMBOL_STRUCT)
        return structs_type(c, symbol->structure);
    return unknown_type(c, &(struct ast_name){name, form->span});
}

/* A type of the language, or NULL. */
static const struct type *builtin_type(struct checker *c, const char *name)
{
    for (int i = 0; i < WK_SCALAR_COUNT; i++)
        if (strcmp(name, wk_scalar_text((enum wk_scalar)i)) == 0)
            return type_scalar(c->types, (enum wk_scalar)i);
    if (strcmp(name, "int") == 0)
        return c->integer;
    if (strcmp(name, "bytes") == 0)
        return type_array(c->types, type_scalar(c->types, WK_U8), 1);
    if (strcmp(name, "str") == 0)
        return c->types->string;
    if (strcmp(name, "file") == 0)
        return c->types->file;
    return NULL;
}

bool types_is_builtin(struct checker *c, const char *name)
{
    return builtin_type(c, name) != NULL;
}

static const struct type *resolve_name(struct checker *c, const struct ast_type *form)
{
    const char *name = form->name.name.text;
    if (!name)
        return &c->error; /* the parser complained */
    if (form->name.module.text)
        return resolve_member(c, form);
    int parameter = type_parameter(c, name);
    if (parameter >= 0) {
        const struct type **types = c->function->type_arguments;
        return types && types[parameter] ? types[parameter] : &c->error;
    }
    const struct type *builtin = builtin_type(c, name);
    if (builtin)
        return builtin;
    const struct symbol *symbol = scope_find(c, name);
    if (symbol && symbol->kind == SYMBOL_REFUSED)
        return &c->error;
    if (symbol && symbol->kind == SYMBOL_STRUCT)
        return structs_type(c, symbol->structure);
    return unknown_type(c, &form->name.name);
}

static const struct type *resolve_tuple(struct checker *c, const struct ast_type *form)
{
    const struct type **parts = arena_array(c->arena, const struct type *, form->tuple.count);
    const char **names = arena_array(c->arena, const char *, form->tuple.count);
    for (uint32_t i = 0; i < form->tuple.count; i++) {
        parts[i] = types_resolve(c, form->tuple.parts[i]);
        names[i] = form->tuple.names ? form->tuple.names[i].text : NULL;
        for (uint32_t k = 0; names[i] && k < i && i <= LARGEST_LEAVES; k++)
            if (names[k] == names[i]) {
                struct diagnostic *d =
                    diagnose(c->diagnostics, form->tuple.names[i].span, ERR_duplicate_parameter,
                             "two parts of this tuple are named '%s'", names[i]);
                diagnose_note(c->diagnostics, d, form->tuple.names[k].span, "the first is here");
                break;
            }
    }
    return types_tuple(c, parts, names, form->tuple.count, form->span);
}

static const struct type *refuse_function(struct checker *c, const struct ast_type *form)
{
    struct diagnostic *d = diagnose(c->diagnostics, form->span, ERR_function_type_place,
                                    "only parameters of tasks and flows can be functions");
    diagnose_hint(c->diagnostics, d,
                  "functions are no values: they cannot be stored, returned or put into arrays");
    return &c->error;
}

const struct type *types_resolve(struct checker *c, const struct ast_type *form)
{
    switch (form->kind) {
    case TYPEFORM_ERROR:
        return &c->error;
    case TYPEFORM_NAME:
        return resolve_name(c, form);
    case TYPEFORM_ARRAY:
        return types_array(c, types_resolve(c, form->array.element), form->array.rank, form->span);
    case TYPEFORM_MAP:
        return check_map_type(c, form);
    case TYPEFORM_TUPLE:
        return resolve_tuple(c, form);
    case TYPEFORM_FUNCTION:
        return refuse_function(c, form);
    }
    bug("type form of kind %d", form->kind);
}

/* ---- Text ---------------------------------------------------------------------------------------
 */

static void print(const struct checker *c, const struct type *type, struct buffer *out);

static void print_tuple(const struct checker *c, const struct type *type, struct buffer *out)
{
    buffer_putc(out, '(');
    for (uint32_t i = 0; i < type->part_count; i++) {
        buffer_puts(out, i ? ", " : "");
        if (type->names && type->names[i])
            buffer_printf(out, "%s: ", type->names[i]);
        print(c, type->parts[i], out);
    }
    buffer_putc(out, ')');
}

/* In parentheses when it is an element: map[str]int[_] has arrays as values. */
static void print_map(const struct checker *c, const struct type *type, bool is_element,
                      struct buffer *out)
{
    buffer_puts(out, is_element ? "(map[" : "map[");
    print(c, type->key, out);
    buffer_putc(out, ']');
    print(c, type->element, out);
    buffer_puts(out, is_element ? ")" : "");
}

static void print(const struct checker *c, const struct type *type, struct buffer *out)
{
    const struct type *base = type;
    while (base->kind == TYPE_ARRAY)
        base = base->element;
    if (base->kind == TYPE_TUPLE)
        print_tuple(c, base, out);
    else if (base->kind == TYPE_MAP)
        print_map(c, base, base != type, out);
    else if (base->kind == TYPE_STRUCT)
        buffer_puts(out, base->name);
    else if (base == c->integer || base == &c->literal_integer)
        buffer_puts(out, "int");
    else if (base == &c->literal_float || base == &c->literal_number || base == &c->literal_empty)
        buffer_puts(out, "f64");
    else if (base == &c->error)
        buffer_puts(out, "?");
    else
        type_print(base, out);
    for (; type->kind == TYPE_ARRAY; type = type->element) {
        for (unsigned i = 0; i < type->rank; i++)
            buffer_puts(out, i ? ", _" : "[_");
        buffer_putc(out, ']');
    }
}

const char *types_text(struct checker *c, const struct type *type)
{
    if (type == &c->literal_integer)
        return "an integer literal";
    if (type == &c->literal_float)
        return "a float literal";
    return types_name(c, type);
}

const char *types_snippet(struct checker *c, struct span span)
{
    enum { LONGEST = 24 };
    uint32_t length = span.end - span.begin;
    if (!span.source || length > LONGEST || memchr(span.source->text + span.begin, '\n', length))
        return "...";
    return arena_text(c->arena, span.source->text + span.begin, length);
}

const char *types_name(struct checker *c, const struct type *type)
{
    struct buffer buffer = {0};
    print(c, type, &buffer);
    const char *text = arena_text(c->arena, buffer_text(&buffer), buffer.length);
    buffer_release(&buffer);
    return text;
}

/* ---- Relations
 * ------------------------------------------------------------------------------------ */

const struct type *types_scalar_of(const struct type *type)
{
    while (type->kind == TYPE_ARRAY)
        type = type->element;
    return type;
}

bool types_widens(const struct type *from, const struct type *to)
{
    if (!type_is_number(from) || !type_is_number(to))
        return false;
    if (type_is_float(from) || type_is_float(to))
        return type_is_float(from) && type_is_float(to) && from->scalar <= to->scalar;
    uint32_t from_bytes = wk_scalar_bytes(from->scalar), to_bytes = wk_scalar_bytes(to->scalar);
    if (type_is_signed(from) == type_is_signed(to))
        return from_bytes <= to_bytes;
    return type_is_signed(to) && from_bytes < to_bytes;
}

static bool names_adapt(const struct type *from, const struct type *to)
{
    if (!from->names || !to->names)
        return true;
    for (uint32_t i = 0; i < from->part_count; i++)
        if (from->names[i] && to->names[i] && strcmp(from->names[i], to->names[i]) != 0)
            return false;
    return true;
}

bool types_adapt(const struct type *from, const struct type *to)
{
    if (from == to)
        return true;
    if (from->kind != to->kind)
        return false;
    if (from->kind == TYPE_ARRAY)
        return from->rank == to->rank && types_adapt(from->element, to->element);
    if (from->kind == TYPE_MAP)
        return types_adapt(from->key, to->key) && types_adapt(from->element, to->element);
    if (from->kind != TYPE_TUPLE || from->part_count != to->part_count || !names_adapt(from, to))
        return false;
    for (uint32_t i = 0; i < from->part_count; i++)
        if (!types_adapt(from->parts[i], to->parts[i]))
            return false;
    return true;
}
