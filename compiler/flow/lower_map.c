/*
 * Pending maps in flows. What is done with one is a small task, and so is making one from pending
 * keys. An assignment into it is a task that copies it. lower_known_map.c has maps of known keys.
 */
#include "flow/lower.h"
#include "value/semantics.h"

/* What a task is given: values with their types. */
struct map_arguments {
    const struct type **types;
    struct lowered *values;
    uint32_t count;
};

static struct map_arguments new_arguments(struct lower *f, uint32_t count)
{
    return (struct map_arguments){arena_array(f->shared->arena, const struct type *, count),
                                  arena_array(f->shared->arena, struct lowered, count), 0};
}

static void add_argument(struct map_arguments *arguments, const struct type *type,
                         struct lowered value)
{
    arguments->types[arguments->count] = type;
    arguments->values[arguments->count++] = value;
}

static struct lowered call_task(struct lower *f, struct typed_function *task,
                                const struct map_arguments *arguments)
{
    return lower_small_call(f, task, arguments->types, arguments->values, arguments->count, NULL);
}

static const char *name_of(enum typed_builtin builtin)
{
    static const char *const texts[] = {
#define BUILTIN(NAME, text, description) [BUILTIN_##NAME] = text,
#include "check/builtin.def"
#undef BUILTIN
    };
    return texts[builtin];
}

/* As the program writes it. */
static const char *shown_name(enum typed_builtin builtin)
{
    return builtin == BUILTIN_MAP_GET     ? "[]"
           : builtin == BUILTIN_MAP_HAS   ? "in"
           : builtin == BUILTIN_MAP_COUNT ? "len"
           : builtin == BUILTIN_MAP       ? "map"
                                          : name_of(builtin);
}

/* Whether the place of the use counts: a key may be missing, lengths may differ. */
static bool can_fail(enum typed_builtin builtin)
{
    return builtin == BUILTIN_MAP_GET || builtin == BUILTIN_GROUP;
}

/* The builtin as a task. */
static struct lowered builtin_task(struct lower *f, enum typed_builtin builtin,
                                   const struct type *result, const struct map_arguments *arguments)
{
    const char *what =
        arena_printf(f->shared->arena, "%s.%s", name_of(builtin), lower_mangle(f->shared, result));
    struct typed_function *task = lower_small_task(f, what, shown_name(builtin), arguments->types,
                                                   arguments->count, result, can_fail(builtin));
    if (lower_task_is_new(task)) {
        struct typed *body = lower_task_node(f, TYPED_BUILTIN, result);
        body->builtin = builtin;
        body->item_count = arguments->count;
        body->items = arena_array(f->shared->arena, struct typed *, arguments->count);
        for (uint32_t i = 0; i < arguments->count; i++)
            body->items[i] = lower_task_parameter(f, task, i);
        lower_task_returns(f, task, body);
    }
    return call_task(f, task, arguments);
}

/* Whether all that decides about entries is known when the graph is built. */
static bool is_of_known_keys(const struct lower *f, const struct typed *node,
                             const struct map_arguments *arguments)
{
    if (node->builtin == BUILTIN_GROUP || node->builtin == BUILTIN_MAP)
        return false;
    return lower_is_known_map(f, arguments->types[0], arguments->values[0]) &&
           (arguments->count == 1 || lower_all_known(f, arguments->values[1]));
}

struct lowered lower_map_builtin(struct lower *f, const struct typed *node)
{
    struct map_arguments arguments = new_arguments(f, node->item_count);
    for (uint32_t i = 0; i < node->item_count; i++)
        add_argument(&arguments, node->items[i]->type, lower_expression(f, node->items[i]));
    f->build.span = node->span;
    if (node->builtin == BUILTIN_MAP && !lower_is_pending_level(node->level))
        return lower_known_map_literal(f, node, arguments.values);
    if (is_of_known_keys(f, node, &arguments))
        return lower_known_map_builtin(f, node, arguments.values);
    return builtin_task(f, node->builtin, node->type, &arguments);
}

struct lowered lower_map_get(struct lower *f, const struct type *type, struct lowered map,
                             struct lowered key)
{
    if (lower_is_known_map(f, type, map) && lower_all_known(f, key))
        return lower_known_map_get(f, type, map, key);
    struct map_arguments arguments = new_arguments(f, 2);
    add_argument(&arguments, type, map);
    add_argument(&arguments, type->key, key);
    return builtin_task(f, BUILTIN_MAP_GET, type->element, &arguments);
}

/* ---- Zeros ---------------------------------------------------------------------------------- */

struct typed *lower_zero(struct lower *f, const struct type *type)
{
    if (type->kind == TYPE_MAP) {
        struct typed *empty = lower_task_node(f, TYPED_BUILTIN, type);
        empty->builtin = BUILTIN_MAP;
        return empty;
    }
    if (!type_has_parts(type)) {
        struct typed *zero = lower_task_node(f, TYPED_CONSTANT, type);
        zero->text = type->kind == TYPE_STRING ? "" : NULL;
        return zero;
    }
    struct typed *tuple = lower_task_node(f, TYPED_TUPLE, type);
    tuple->item_count = type->part_count;
    tuple->items = arena_array(f->shared->arena, struct typed *, type->part_count);
    for (uint32_t i = 0; i < type->part_count; i++)
        tuple->items[i] = lower_zero(f, type->parts[i]);
    return tuple;
}

static struct typed *pair_node(struct lower *f, const struct typed_function *task,
                               enum typed_builtin builtin, const struct type *type)
{
    struct typed *node = lower_task_node(f, TYPED_BUILTIN, type);
    node->builtin = builtin;
    node->item_count = 2;
    node->items = arena_array(f->shared->arena, struct typed *, 2);
    node->items[0] = lower_task_parameter(f, task, 0);
    node->items[1] = lower_task_parameter(f, task, 1);
    return node;
}

/* if key in map { map[key] } else { zero } */
struct lowered lower_map_get_or_zero(struct lower *f, const struct type *type, struct lowered map,
                                     struct lowered key)
{
    struct map_arguments arguments = new_arguments(f, 2);
    add_argument(&arguments, type, map);
    add_argument(&arguments, type->key, key);
    struct typed_function *task =
        lower_small_task(f, "map.get_or_zero", "[]", arguments.types, 2, type->element, false);
    if (lower_task_is_new(task)) {
        struct typed *node = lower_task_node(f, TYPED_IF, type->element);
        node->condition = pair_node(f, task, BUILTIN_MAP_HAS, f->shared->boolean);
        node->then = pair_node(f, task, BUILTIN_MAP_GET, type->element);
        node->otherwise = lower_zero(f, type->element);
        lower_task_returns(f, task, node);
    }
    return call_task(f, task, &arguments);
}

/* ---- Assigning ------------------------------------------------------------------------------ */

/* var copy = a */
static struct typed_statement *declare_copy(struct lower *f, struct typed_function *task)
{
    struct variable *copy = arena_new(f->shared->arena, struct variable);
    *copy = (struct variable){.kind = VARIABLE_MUTABLE,
                              .name = "copy",
                              .type = task->result,
                              .span = f->build.span,
                              .index = task->variable_count++};
    struct typed_statement *declare = arena_new(f->shared->arena, struct typed_statement);
    declare->kind = STATEMENT_DECLARE;
    declare->span = f->build.span;
    declare->variable = copy;
    declare->value = lower_task_parameter(f, task, 0);
    return declare;
}

/* copy[b] op= c */
static struct typed_statement *assign_key(struct lower *f, struct typed_function *task,
                                          struct variable *copy, enum operation operation)
{
    struct typed_statement *assign = arena_new(f->shared->arena, struct typed_statement);
    assign->kind = STATEMENT_ASSIGN;
    assign->span = assign->operator_span = f->build.span;
    assign->variable = copy;
    assign->step_count = 1;
    assign->steps = arena_new(f->shared->arena, struct typed_step);
    assign->steps->kind = STEP_KEY;
    assign->steps->type = task->result->element;
    assign->steps->span = f->build.span;
    assign->steps->key = lower_task_parameter(f, task, 1);
    assign->operation = operation;
    assign->value = lower_task_parameter(f, task, 2);
    return assign;
}

static void write_body(struct lower *f, struct typed_function *task, enum operation operation)
{
    struct typed_statement *declare = declare_copy(f, task);
    task->body.statements = arena_array(f->shared->arena, struct typed_statement *, 2);
    task->body.statements[0] = declare;
    task->body.statements[1] = assign_key(f, task, declare->variable, operation);
    task->body.count = 2;
    struct typed *result = lower_task_node(f, TYPED_VARIABLE, task->result);
    result->variable = declare->variable;
    lower_task_returns(f, task, result);
}

struct lowered lower_map_set(struct lower *f, const struct type *type, struct lowered map,
                             struct lowered key, enum operation operation,
                             const struct type *value_type, struct lowered value)
{
    struct map_arguments arguments = new_arguments(f, 3);
    add_argument(&arguments, type, map);
    add_argument(&arguments, type->key, key);
    add_argument(&arguments, value_type, value);
    const char *what = operation == OPERATION_NONE ? "map.set"
                                                   : arena_printf(f->shared->arena, "map.set.%s",
                                                                  operation_mnemonic(operation));
    struct typed_function *task =
        lower_small_task(f, what, "[]=", arguments.types, 3, type, operation != OPERATION_NONE);
    if (lower_task_is_new(task))
        write_body(f, task, operation);
    return call_task(f, task, &arguments);
}
