/*
 * Composing tasks of others; see compose.h.
 */
#include "flow/compose.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "flow/build.h"
#include "check/typed_tree.h"
#include "value/semantics.h"

bool compose_has_body(const struct typed_function *kernel)
{
    return kernel->body.count > 0 || kernel->foreign || kernel->prelude != OPERATION_NONE ||
           type_is_unit(kernel->result);
}

void compose_begin(struct compose *c, struct ir_module *module, struct span span)
{
    *c = (struct compose){.module = module, .arena = module->arena, .span = span};
}

/* ---- Variables ------------------------------------------------------------------------------ */

static struct variable *new_variable(struct compose *c, enum variable_kind kind, const char *name,
                                     const struct type *type, struct span span)
{
    struct variable *variable = arena_new(c->arena, struct variable);
    variable->kind = kind;
    variable->name = name;
    variable->type = type;
    variable->span = span;
    variable->index = c->variable_count++;
    return variable;
}

static bool is_parameter_name(const struct compose *c, const char *name)
{
    for (size_t i = 0; i < c->parameters.count; i++)
        if (strcmp(c->parameters.items[i]->name, name) == 0)
            return true;
    return false;
}

/* Parameters have different names: x, x2, x3. */
static const char *free_name(struct compose *c, const char *wanted)
{
    const char *base = wanted ? wanted : "p", *name = base;
    for (unsigned number = 2; is_parameter_name(c, name); number++)
        name = arena_printf(c->arena, "%s%u", base, number);
    return name;
}

struct typed *compose_node(struct compose *c, enum typed_kind kind, const struct type *type)
{
    struct typed *node = arena_new(c->arena, struct typed);
    node->kind = kind;
    node->type = type;
    node->span = c->span;
    return node;
}

struct typed *compose_read(struct compose *c, struct variable *variable)
{
    struct typed *node = compose_node(c, TYPED_VARIABLE, variable->type);
    node->variable = variable;
    return node;
}

static struct typed *add_parameter(struct compose *c, const struct type *type, const char *name,
                                   struct span span)
{
    struct variable *variable = new_variable(c, VARIABLE_PARAMETER, free_name(c, name), type, span);
    vector_push(&c->parameters, variable);
    return compose_read(c, variable);
}

struct typed *compose_parameter(struct compose *c, const struct variable *like)
{
    return add_parameter(c, like->type, like->name, like->span);
}

struct typed *compose_new_parameter(struct compose *c, const struct type *type, const char *name)
{
    return add_parameter(c, type, name, c->span);
}

struct variable *compose_loop(struct compose *c, const char *name)
{
    return new_variable(c, VARIABLE_LOOP, name, type_scalar(c->module->types, WK_I64), c->span);
}

/* ---- Expressions ---------------------------------------------------------------------------- */

struct typed *compose_integer(struct compose *c, int64_t value)
{
    struct typed *node = compose_node(c, TYPED_CONSTANT, type_scalar(c->module->types, WK_I64));
    node->word = (uint64_t)value;
    return node;
}

struct typed *compose_operation(struct compose *c, enum operation operation, struct typed *left,
                                struct typed *right)
{
    enum wk_scalar result = operation_result(operation, left->type->scalar);
    struct typed *node = compose_node(c, TYPED_OPERATION, type_scalar(c->module->types, result));
    node->operation = operation;
    node->operands[0] = left;
    node->operands[1] = right;
    node->operand_count = 2;
    node->operator_span = c->span;
    return node;
}

struct typed *compose_part(struct compose *c, struct typed *whole, uint32_t number)
{
    if (whole->kind == TYPED_TUPLE)
        return whole->items[number];
    struct typed *node = compose_node(c, TYPED_PART, whole->type->parts[number]);
    node->operands[0] = whole;
    node->operand_count = 1;
    node->number = number;
    return node;
}

static struct typed **copy_list(struct compose *c, struct typed *const *list, uint32_t count)
{
    struct typed **copy = arena_array(c->arena, struct typed *, count);
    if (count)
        memcpy(copy, list, count * sizeof *list);
    return copy;
}

struct typed *compose_tuple(struct compose *c, const struct type *type, struct typed *const *parts)
{
    struct typed *node = compose_node(c, TYPED_TUPLE, type);
    node->items = copy_list(c, parts, type->part_count);
    node->item_count = type->part_count;
    return node;
}

struct typed *compose_comprehension(struct compose *c, struct variable *variable, struct typed *low,
                                    struct typed *high, struct typed *body)
{
    struct typed *node =
        compose_node(c, TYPED_COMPREHENSION, type_array(c->module->types, body->type, 1));
    node->iterators = arena_new(c->arena, struct typed_iterator);
    *node->iterators = (struct typed_iterator){
        .is_range = true, .low = low, .high = high, .variable = variable, .span = c->span};
    node->iterator_count = 1;
    node->body = body;
    return node;
}

struct typed *compose_reduce(struct compose *c, struct typed_function *reducer,
                             struct typed *subject, struct typed *initial, struct typed *arity,
                             struct typed *chunk)
{
    struct typed *node = compose_node(c, TYPED_REDUCE, reducer->result);
    node->reducer = reducer;
    node->subject = subject;
    node->initial = initial;
    node->arity = arity;
    node->chunk = chunk;
    node->reduce_annotations = &ir_no_annotations;
    return node;
}

struct typed *compose_call(struct compose *c, struct typed_function *kernel,
                           struct typed *const *arguments)
{
    struct typed *node = compose_node(c, TYPED_CALL, kernel->result);
    node->callee = kernel;
    node->arguments = copy_list(c, arguments, kernel->parameter_count);
    node->argument_count = kernel->parameter_count;
    node->annotations = &ir_no_annotations;
    c->is_declaration |= !compose_has_body(kernel);
    return node;
}

/* ---- Statements ----------------------------------------------------------------------------- */

struct typed_statement *compose_statement(struct compose *c, enum typed_statement_kind kind,
                                          struct typed *value)
{
    struct typed_statement *statement = arena_new(c->arena, struct typed_statement);
    statement->kind = kind;
    statement->span = c->span;
    statement->value = value;
    statement->operation = OPERATION_NONE;
    statement->operator_span = c->span;
    return statement;
}

void compose_add(struct compose *c, struct typed_statement *statement)
{
    vector_push(&c->statements, statement);
}

static struct typed_statement *add_statement(struct compose *c, enum typed_statement_kind kind,
                                             struct typed *value, struct span span)
{
    struct typed_statement *statement = compose_statement(c, kind, value);
    statement->span = span;
    compose_add(c, statement);
    return statement;
}

size_t compose_begin_loop(struct compose *c)
{
    return c->statements.count;
}

void compose_end_loop(struct compose *c, size_t begin, struct variable *variable, struct typed *low,
                      struct typed *high)
{
    struct typed_statement *loop = arena_new(c->arena, struct typed_statement);
    loop->kind = STATEMENT_FOR;
    loop->span = c->span;
    loop->iterator = (struct typed_iterator){
        .is_range = true, .low = low, .high = high, .variable = variable, .span = c->span};
    loop->body.count = (uint32_t)(c->statements.count - begin);
    loop->body.statements = arena_copy(c->arena, c->statements.items + begin,
                                       loop->body.count * sizeof *loop->body.statements);
    c->statements.count = begin;
    compose_add(c, loop);
    c->has_loops = true;
}

static void note_shape(struct compose *c, const struct variable *variable,
                       const struct typed *value)
{
    for (uint32_t d = 0; value->type->kind == TYPE_ARRAY && d < value->type->rank; d++) {
        struct typed *extent = compose_extent(c, value, d);
        if (extent)
            compose_set_extent(c, variable, d, extent);
    }
}

static struct typed *let(struct compose *c, struct typed *value, const char *name,
                         struct span declared, struct span span)
{
    struct variable *variable = new_variable(c, VARIABLE_LOCAL, name, value->type, declared);
    note_shape(c, variable, value);
    add_statement(c, STATEMENT_DECLARE, value, span)->variable = variable;
    return compose_read(c, variable);
}

/* The parts of a tuple stay apart, so that none is copied to put them together. */
struct typed *compose_let(struct compose *c, struct typed *value)
{
    if (value->kind == TYPED_VARIABLE || value->kind == TYPED_CONSTANT)
        return value;
    if (value->kind == TYPED_TUPLE) {
        for (uint32_t i = 0; i < value->item_count; i++)
            value->items[i] = compose_let(c, value->items[i]);
        return value;
    }
    return let(c, value, NULL, value->span, value->span);
}

struct typed *compose_variable(struct compose *c, struct typed *value)
{
    struct variable *variable = new_variable(c, VARIABLE_MUTABLE, NULL, value->type, value->span);
    add_statement(c, STATEMENT_DECLARE, value, value->span)->variable = variable;
    return compose_read(c, variable);
}

/* ---- Taking bodies in ----------------------------------------------------------------------- */

/* A body on its way: what its variables are in the composition. */
struct taking {
    struct compose *c;
    struct typed **values;       /* by variable->index; NULL: none */
    struct variable **variables; /* loops' */
};

static struct typed *take(struct taking *t, const struct typed *node);

static void take_child(void *context, struct typed **child)
{
    *child = take(context, *child);
}

/* The variables of a comprehension are new ones; iterators do not see each other's. */
static void take_loops(struct taking *t, struct typed *copy)
{
    for (uint32_t i = 0; i < copy->iterator_count; i++) {
        struct variable *old = copy->iterators[i].variable;
        struct variable *new = new_variable(t->c, old->kind, old->name, old->type, old->span);
        t->values[old->index] = compose_read(t->c, new);
        copy->iterators[i].variable = new;
    }
}

/* A variable is replaced by what it is here, with the span of its use. */
static struct typed *take_variable(struct taking *t, const struct typed *node)
{
    const struct typed *value = t->values[node->variable->index];
    if (!value)
        bug("variable %s has no value", node->variable->name ? node->variable->name : "");
    struct typed *copy = typed_copy_node(t->c->arena, value);
    copy->span = node->span;
    return copy;
}

static struct typed *take(struct taking *t, const struct typed *node)
{
    if (node->kind == TYPED_VARIABLE)
        return take_variable(t, node);
    struct typed *copy = typed_copy_node(t->c->arena, node);
    if (node->kind == TYPED_COMPREHENSION)
        take_loops(t, copy);
    typed_each_child(copy, take_child, t);
    if (node->kind == TYPED_PART && copy->operands[0]->kind == TYPED_TUPLE)
        return copy->operands[0]->items[node->number];
    if (node->kind == TYPED_EXTENT && node->operands[0]->type->kind == TYPE_ARRAY) {
        struct typed *known = compose_extent(t->c, copy->operands[0], node->number);
        return known ? known : copy;
    }
    return copy;
}

static void visit_entry(void *context, struct typed **child)
{
    const struct typed *node = *child;
    if (node->kind == TYPED_VARIABLE && node->variable->kind != VARIABLE_PARAMETER)
        *(bool *)context = false;
    typed_each_child(*child, visit_entry, context);
}

/* Whether an expression can be evaluated at the entry: it reads parameters alone. */
static bool is_there_at_entry(struct typed *node)
{
    bool is_there = true;
    visit_entry(&is_there, &node);
    return is_there;
}

/* One rule of the callee's signature: it binds, it holds, or it becomes a rule of the whole, which
 * is checked at the entry; that is exact while nothing before can fail. */
static bool take_rule(struct taking *t, const struct dimension_rule *rule)
{
    struct compose *c = t->c;
    struct typed *array = take(t, rule->array);
    struct typed *found = array;
    if (array->type->kind == TYPE_ARRAY)
        found = compose_extent(c, array, rule->dimension);
    if (!found)
        return false;
    if (rule->binds) {
        t->values[rule->binds->index] = found;
        return true;
    }
    struct typed *expected = take(t, rule->equals);
    if (typed_same(found, expected))
        return true;
    if (array->kind != TYPED_VARIABLE || !is_there_at_entry(array) || !is_there_at_entry(expected))
        return false;
    for (size_t i = 0; i < c->statements.count; i++)
        if (!compose_is_total(c, c->statements.items[i]->value))
            return false;
    struct dimension_rule copy = *rule;
    copy.array = array;
    copy.equals = expected;
    vector_push(&c->rules, copy);
    compose_set_extent(c, array->variable, rule->dimension, expected);
    return true;
}

/* A body that is a straight line: lets, then a return. */
static bool is_straight(const struct typed_function *kernel)
{
    if (kernel->body.count == 0 || kernel->foreign || kernel->fallback || kernel->is_recursive ||
        kernel->prelude != OPERATION_NONE)
        return false;
    for (uint32_t i = 0; i + 1 < kernel->body.count; i++)
        if (kernel->body.statements[i]->kind != STATEMENT_DECLARE)
            return false;
    const struct typed_statement *last = kernel->body.statements[kernel->body.count - 1];
    return last->kind == STATEMENT_RETURN && last->value;
}

/* Whether an extent that the signature promises is the one that the value has. */
static bool keeps_promise(struct taking *t, const struct result_extent *promise,
                          const struct typed *value)
{
    if (!promise->extent)
        return true;
    if (value->type->kind != TYPE_ARRAY)
        return false;
    struct typed *found = compose_extent(t->c, value, promise->dimension);
    return found && typed_same(found, take(t, promise->extent));
}

static struct typed *take_body(struct taking *t, const struct typed_function *kernel)
{
    for (uint32_t i = 0; i < kernel->rule_count; i++)
        if (!take_rule(t, &kernel->rules[i]))
            return NULL;
    for (uint32_t i = 0; i + 1 < kernel->body.count; i++) {
        const struct typed_statement *s = kernel->body.statements[i];
        t->values[s->variable->index] =
            let(t->c, take(t, s->value), s->variable->name, s->variable->span, s->span);
    }
    struct typed *value = take(t, kernel->body.statements[kernel->body.count - 1]->value);
    for (uint32_t i = 0; i < kernel->result_extent_count; i++)
        if (!keeps_promise(t, &kernel->result_extents[i], value))
            return NULL;
    return value;
}

struct typed *compose_apply(struct compose *c, struct typed_function *kernel,
                            struct typed *const *arguments)
{
    if (!is_straight(kernel))
        return compose_call(c, kernel, arguments);
    size_t rules = c->rules.count, statements = c->statements.count, shapes = c->shapes.count;
    uint32_t variables = c->variable_count;
    struct taking t = {.c = c};
    t.values = arena_array(c->arena, struct typed *, kernel->variable_count);
    for (uint32_t i = 0; i < kernel->parameter_count; i++)
        t.values[kernel->parameters[i]->index] = arguments[i];
    struct typed *value = take_body(&t, kernel);
    if (value)
        return value;
    c->rules.count = rules;
    c->statements.count = statements;
    c->shapes.count = shapes;
    c->variable_count = variables;
    return compose_call(c, kernel, arguments);
}

/* ---- The end -------------------------------------------------------------------------------- */

static void end_body(struct compose *c, struct typed *value, struct typed_function *task)
{
    if (type_is_unit(value->type) && value->kind == TYPED_CALL) {
        add_statement(c, STATEMENT_EVALUATE, value, value->span);
        add_statement(c, STATEMENT_RETURN, NULL, value->span);
    } else {
        add_statement(c, STATEMENT_RETURN, value, value->span);
    }
    if (!c->has_loops)
        compose_contract(c);
    task->body.count = (uint32_t)c->statements.count;
    task->body.statements = arena_copy(c->arena, c->statements.items,
                                       c->statements.count * sizeof *c->statements.items);
    task->rule_count = (uint32_t)c->rules.count;
    if (task->rule_count)
        task->rules = arena_copy(c->arena, c->rules.items, c->rules.count * sizeof *c->rules.items);
}

struct typed_function *compose_end(struct compose *c, struct typed *value,
                                   const struct compose_name *name)
{
    struct typed_function *task = arena_new(c->arena, struct typed_function);
    task->name = name->title;
    task->symbol = name->symbol;
    task->members = name->members;
    task->span = c->span;
    task->result = value->type;
    task->annotations = ir_no_annotations;
    task->parameter_count = (uint32_t)c->parameters.count;
    if (task->parameter_count)
        task->parameters = arena_copy(c->arena, c->parameters.items,
                                      c->parameters.count * sizeof *c->parameters.items);
    task->defaults = arena_array(c->arena, struct typed *, task->parameter_count);
    if (!c->is_declaration)
        end_body(c, value, task);
    task->variable_count = c->variable_count;
    vector_release(&c->parameters);
    vector_release(&c->rules);
    vector_release(&c->statements);
    vector_release(&c->shapes);
    return task;
}

/* ---- Symbols -------------------------------------------------------------------------------- */

/* FNV-1a. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (const char *p = text; *p; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
    return (hash ^ 0xFF) * UINT64_C(0x100000001b3);
}

/* The part of a composed symbol that names its parts: without the prefix and the hash. */
static void print_part(struct buffer *text, const char *prefix, const char *part)
{
    enum { MOST_BYTES = 60, HASH_BYTES = 17 };
    size_t length = strlen(part), skipped = strlen(prefix) + 1;
    if (strncmp(part, prefix, skipped - 1) == 0 && part[skipped - 1] == '.' &&
        length > skipped + HASH_BYTES) {
        part += skipped;
        length -= skipped + HASH_BYTES;
    }
    if (text->length + length < MOST_BYTES)
        buffer_printf(text, ".%.*s", (int)length, part);
}

const char *compose_symbol(struct arena *arena, const char *prefix, const char *const *parts,
                           uint32_t count, const char *form)
{
    struct buffer text = {0};
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    buffer_puts(&text, prefix);
    for (uint32_t i = 0; i < count; i++) {
        hash = hash_text(hash, parts[i]);
        print_part(&text, prefix, parts[i]);
    }
    hash = hash_text(hash, form);
    buffer_printf(&text, ".%016llx", (unsigned long long)hash);
    const char *symbol = arena_text(arena, buffer_text(&text), text.length);
    buffer_release(&text);
    return symbol;
}
