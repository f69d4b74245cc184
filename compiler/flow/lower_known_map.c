/*
 * Maps of known keys in flows: structures of the keys' leaves and of the values' leaves, which may
 * be pending. A key is looked for by an instruction that gives its place among them, or -1; all
 * else is rearranging. Where a task, or the result of main, needs the whole map, a task puts the
 * entries in.
 */
#include "base/memory.h"
#include "check/messages.h"
#include "flow/lower.h"

bool lower_is_known_map(const struct lower *f, const struct type *type, struct lowered value)
{
    return type->kind == TYPE_MAP && lower_is_structured(f, value.values[0]);
}

static struct lowered keys_of(const struct type *map, struct lowered value)
{
    return (struct lowered){value.values, map->key->leaf_count};
}

static struct lowered values_of(const struct type *map, struct lowered value)
{
    uint32_t keys = map->key->leaf_count;
    return (struct lowered){value.values + keys, value.count - keys};
}

static const struct type *array_of(struct lower *f, const struct type *element)
{
    return type_array(f->build.module->types, element, 1);
}

static struct lowered entry_value(struct lower *f, const struct type *map, struct lowered value,
                                  ir_value place)
{
    return lower_element(f, array_of(f, map->element), values_of(map, value), &place);
}

/* The level of a map from that of its values. */
static const struct level *level_of_map(struct lower *f, const struct level *value)
{
    if (!value || value->kind == LEVEL_KNOWN)
        return NULL;
    struct level *level = arena_new(f->shared->arena, struct level);
    *level = (struct level){.kind = LEVEL_STRUCTURE, .element = value};
    return level;
}

/* ---- Looking for keys ----------------------------------------------------------------------- */

static ir_value find_key(struct lower *f, const struct type *map, struct lowered value,
                         struct lowered key)
{
    struct value_list operands = {0};
    struct lowered keys = keys_of(map, value);
    for (uint32_t i = 0; i < keys.count; i++)
        vector_push(&operands, keys.values[i]);
    for (uint32_t i = 0; i < key.count; i++)
        vector_push(&operands, key.values[i]);
    ir_value place = ir_emit_value(&f->build, IR_FIND, operands.items, (uint32_t)operands.count,
                                   ir_type_known(f->build.module, f->shared->integer));
    vector_release(&operands);
    return place;
}

static ir_value is_found(struct lower *f, ir_value place)
{
    return lower_int(f, OPERATION_GE, place, ir_constant_int(&f->build, 0));
}

/* Appends the key as the language writes it. */
static void describe_key(const struct type *type, struct buffer *format, struct buffer *types)
{
    if (type_has_parts(type)) {
        for (uint32_t i = 0; i < type->part_count; i++) {
            buffer_puts(format, i ? ", " : "(");
            describe_key(type->parts[i], format, types);
        }
        buffer_putc(format, ')');
        return;
    }
    buffer_puts(format, "{}");
    buffer_putc(types, type->kind == TYPE_STRING ? 'q' : type_is_signed(type) ? 'i' : 'u');
}

static void check_found(struct lower *f, const struct type *map, ir_value place, struct lowered key)
{
    struct buffer format = {0}, types = {0};
    struct value_list operands = {0};
    describe_key(map->key, &format, &types);
    vector_push(&operands, is_found(f, place));
    for (uint32_t i = 0; i < key.count; i++)
        vector_push(&operands, key.values[i]);
    struct ir_instruction *check =
        ir_emit(&f->build, IR_CHECK, operands.items, (uint32_t)operands.count, NULL, 0);
    check->code = ERR_missing_key;
    check->format = arena_printf(f->shared->arena, MESSAGE_MISSING_KEY, buffer_text(&format));
    check->types = arena_text(f->shared->arena, buffer_text(&types), types.length);
    buffer_release(&format);
    buffer_release(&types);
    vector_release(&operands);
}

struct lowered lower_known_map_get(struct lower *f, const struct type *type, struct lowered map,
                                   struct lowered key)
{
    ir_value place = find_key(f, type, map, key);
    check_found(f, type, place, key);
    return entry_value(f, type, map, place);
}

struct lowered lower_known_map_get_or_zero(struct lower *f, const struct type *type,
                                           struct lowered map, struct lowered key,
                                           const struct level *level)
{
    const struct type *value = type->element;
    ir_value place = find_key(f, type, map, key);
    uint32_t found = ir_block_new(f->build.module, f->build.function);
    uint32_t missing = ir_block_new(f->build.module, f->build.function);
    struct lower_choice choice = lower_choice_begin(f, value, level);
    ir_branch(&f->build, is_found(f, place), found, NULL, 0, missing, NULL, 0);
    f->build.block = found;
    lower_choose(f, &choice, entry_value(f, type, map, place));
    f->build.block = missing;
    lower_choose(f, &choice, lower_expression(f, lower_zero(f, value)));
    return lower_choice_end(f, &choice);
}

/* ---- Entries -------------------------------------------------------------------------------- */

/* One more element in each structure. */
static ir_value *push_element(struct lower *f, struct lowered structures, struct lowered element,
                              ir_value *to)
{
    ir_value one = ir_constant_int(&f->build, 1);
    for (uint32_t leaf = 0; leaf < structures.count; leaf++) {
        const struct ir_type *type = lower_ir_type(f, structures.values[leaf]);
        ir_value single = ir_emit_value(&f->build, IR_STRUCTURE,
                                        (ir_value[]){one, element.values[leaf]}, 2, type);
        *to++ = ir_emit_value(&f->build, IR_CONCAT, (ir_value[]){structures.values[leaf], single},
                              2, type);
    }
    return to;
}

static struct lowered with_new_entry(struct lower *f, const struct type *type, struct lowered map,
                                     struct lowered key, struct lowered value)
{
    struct lowered result = lower_copy(f, map.values, map.count);
    ir_value *to = push_element(f, keys_of(type, map), key, result.values);
    push_element(f, values_of(type, map), value, to);
    return result;
}

static struct lowered with_other_value(struct lower *f, const struct type *type, struct lowered map,
                                       ir_value place, struct lowered value)
{
    struct lowered result = lower_copy(f, map.values, map.count);
    struct lowered values = values_of(type, result);
    for (uint32_t leaf = 0; leaf < values.count; leaf++)
        values.values[leaf] = ir_emit_value(
            &f->build, IR_SET, (ir_value[]){values.values[leaf], place, value.values[leaf]}, 3,
            lower_ir_type(f, values.values[leaf]));
    return result;
}

struct lowered lower_known_map_set(struct lower *f, const struct type *type, struct lowered map,
                                   struct lowered key, struct lowered value,
                                   const struct level *level)
{
    value = lower_coerce(f, type->element, value, level);
    ir_value place = find_key(f, type, map, key);
    uint32_t found = ir_block_new(f->build.module, f->build.function);
    uint32_t missing = ir_block_new(f->build.module, f->build.function);
    struct lower_choice choice = lower_choice_begin(f, type, level_of_map(f, level));
    ir_branch(&f->build, is_found(f, place), found, NULL, 0, missing, NULL, 0);
    f->build.block = found;
    lower_choose(f, &choice, with_other_value(f, type, map, place, value));
    f->build.block = missing;
    lower_choose(f, &choice, with_new_entry(f, type, map, key, value));
    return lower_choice_end(f, &choice);
}

/* Each structure without the element at a place. */
static struct lowered without_entry(struct lower *f, struct lowered map, ir_value place)
{
    struct lowered result = lower_copy(f, map.values, map.count);
    ir_value zero = ir_constant_int(&f->build, 0);
    ir_value next = lower_int(f, OPERATION_ADD, place, ir_constant_int(&f->build, 1));
    ir_value count = lower_extent(f, map, 0);
    for (uint32_t leaf = 0; leaf < map.count; leaf++) {
        const struct ir_type *type = lower_ir_type(f, map.values[leaf]);
        ir_value pieces[2];
        for (int i = 0; i < 2; i++) {
            ir_value operands[] = {map.values[leaf], i ? next : zero, i ? count : place};
            struct ir_instruction *slice = ir_emit(&f->build, IR_SLICE, operands, 3, &type, 1);
            slice->mask = 1;
            pieces[i] = slice->first_result;
        }
        result.values[leaf] = ir_emit_value(&f->build, IR_CONCAT, pieces, 2, type);
    }
    return result;
}

static struct lowered without_key(struct lower *f, const struct typed *node, struct lowered map,
                                  struct lowered key)
{
    ir_value place = find_key(f, node->type, map, key);
    uint32_t found = ir_block_new(f->build.module, f->build.function);
    uint32_t missing = ir_block_new(f->build.module, f->build.function);
    struct lower_choice choice = lower_choice_begin(f, node->type, node->level);
    ir_branch(&f->build, is_found(f, place), found, NULL, 0, missing, NULL, 0);
    f->build.block = found;
    lower_choose(f, &choice, without_entry(f, map, place));
    f->build.block = missing;
    lower_choose(f, &choice, map);
    return lower_choice_end(f, &choice);
}

struct lowered lower_known_map_builtin(struct lower *f, const struct typed *node,
                                       const struct lowered *items)
{
    const struct type *type = node->items[0]->type;
    struct lowered map = items[0];
    switch ((int)node->builtin) {
    case BUILTIN_MAP_GET:
        return lower_known_map_get(f, type, map, items[1]);
    case BUILTIN_MAP_HAS:
        return lower_single(f, is_found(f, find_key(f, type, map, items[1])));
    case BUILTIN_MAP_COUNT:
        return lower_single(f, lower_extent(f, map, 0));
    case BUILTIN_KEYS:
        return keys_of(type, map);
    case BUILTIN_VALUES:
        return values_of(type, map);
    case BUILTIN_ENTRIES: /* an array of tuples is the structures of their leaves, too */
        return map;
    case BUILTIN_REMOVE:
        return without_key(f, node, map, items[1]);
    }
    bug("builtin %d of a map", node->builtin);
}

/* ---- Literals ------------------------------------------------------------------------------- */

static bool is_constant_key(const struct typed *key)
{
    for (uint32_t i = 0; key->kind == TYPED_TUPLE && i < key->item_count; i++)
        if (!is_constant_key(key->items[i]))
            return false;
    return key->kind == TYPED_CONSTANT || key->kind == TYPED_TUPLE;
}

static bool is_same_key(const struct typed *a, const struct typed *b)
{
    for (uint32_t i = 0; a->kind == TYPED_TUPLE && i < a->item_count; i++)
        if (!is_same_key(a->items[i], b->items[i]))
            return false;
    if (a->kind == TYPED_TUPLE)
        return true;
    return a->word == b->word &&
           (a->type->kind != TYPE_STRING || memcmp(a->text, b->text, (size_t)a->word) == 0);
}

static bool has_constant_keys(const struct typed *node)
{
    for (uint32_t i = 0; i < node->item_count; i += 2)
        if (!is_constant_key(node->items[i]))
            return false;
    return true;
}

/* Of equal keys the last value counts, at the place of the first. */
static struct lowered constant_literal(struct lower *f, const struct typed *node,
                                       const struct lowered *items, const struct type_list *types)
{
    uint32_t *places = arena_array(f->shared->arena, uint32_t, node->item_count + 1), count = 0;
    for (uint32_t i = 0; i < node->item_count; i += 2) {
        uint32_t at = 0;
        while (at < count && !is_same_key(node->items[places[at] & ~1U], node->items[i]))
            at++;
        count += at == count;
        places[at] = i;
    }
    struct lowered result = {.count = (uint32_t)types->count};
    result.values = arena_array(f->shared->arena, ir_value, result.count);
    ir_value *operands = arena_array(f->shared->arena, ir_value, count + 1);
    operands[0] = ir_constant_int(&f->build, count);
    uint32_t keys = node->type->key->leaf_count;
    for (uint32_t leaf = 0; leaf < result.count; leaf++) {
        bool is_key = leaf < keys;
        for (uint32_t at = 0; at < count; at++)
            operands[1 + at] =
                is_key ? items[places[at]].values[leaf] : items[places[at] + 1].values[leaf - keys];
        result.values[leaf] =
            ir_emit_value(&f->build, IR_STRUCTURE, operands, count + 1, types->items[leaf]);
    }
    return result;
}

struct lowered lower_known_map_literal(struct lower *f, const struct typed *node,
                                       const struct lowered *items)
{
    const struct level *level =
        node->level && node->level->kind == LEVEL_STRUCTURE ? node->level->element : NULL;
    struct lowered *own = arena_array(f->shared->arena, struct lowered, node->item_count + 1);
    for (uint32_t i = 0; i < node->item_count; i++)
        own[i] = i % 2 ? lower_coerce(f, node->type->element, items[i], level) : items[i];
    f->build.span = node->span;
    bool is_constant = has_constant_keys(node);
    struct typed empty = *node;
    empty.item_count = is_constant ? node->item_count : 0;
    struct type_list types = {0};
    lower_level_types(f->shared, node->type, node->level, &types);
    struct lowered map = constant_literal(f, &empty, own, &types);
    vector_release(&types);
    for (uint32_t i = 0; !is_constant && i < node->item_count; i += 2)
        map = lower_known_map_set(f, node->type, map, own[i], own[i + 1], level);
    return map;
}

/* ---- Levels --------------------------------------------------------------------------------- */

struct lowered lower_known_map_coerce(struct lower *f, const struct type *type,
                                      struct lowered value, const struct level *level)
{
    struct lowered keys = keys_of(type, value);
    struct lowered values = lower_coerce_elements(f, array_of(f, type->element),
                                                  values_of(type, value), level->element);
    struct value_list leaves = {0};
    for (uint32_t i = 0; i < keys.count; i++)
        vector_push(&leaves, keys.values[i]);
    for (uint32_t i = 0; i < values.count; i++)
        vector_push(&leaves, values.values[i]);
    struct lowered result = lower_copy(f, leaves.items, leaves.count);
    vector_release(&leaves);
    return result;
}

static struct typed_statement *new_statement(struct lower *f, enum typed_statement_kind kind)
{
    struct typed_statement *statement = arena_new(f->shared->arena, struct typed_statement);
    statement->kind = kind;
    statement->span = f->build.span;
    return statement;
}

static struct variable *new_variable(struct lower *f, struct typed_function *task,
                                     enum variable_kind kind, const char *name,
                                     const struct type *type)
{
    struct variable *variable = arena_new(f->shared->arena, struct variable);
    *variable = (struct variable){.kind = kind,
                                  .name = name,
                                  .type = type,
                                  .span = f->build.span,
                                  .index = task->variable_count++};
    return variable;
}

static struct typed *variable_node(struct lower *f, struct variable *variable)
{
    struct typed *node = lower_task_node(f, TYPED_VARIABLE, variable->type);
    node->variable = variable;
    return node;
}

/* a[i] of parameter a. */
static struct typed *parameter_at(struct lower *f, const struct typed_function *task,
                                  uint32_t parameter, struct variable *index)
{
    struct typed *array = lower_task_parameter(f, task, parameter);
    struct typed *node = lower_task_node(f, TYPED_INDEX, array->type->element);
    node->base = array;
    node->index_count = 1;
    node->indexes = arena_new(f->shared->arena, struct typed_index);
    *node->indexes = (struct typed_index){.low = variable_node(f, index), .span = f->build.span};
    return node;
}

/* for i in 0..len(a) { m[a[i]] = b[i] } */
static struct typed_statement *put_entries(struct lower *f, struct typed_function *task,
                                           struct variable *map)
{
    struct typed_statement *loop = new_statement(f, STATEMENT_FOR);
    struct typed *low = lower_task_node(f, TYPED_CONSTANT, f->shared->integer);
    struct typed *high = lower_task_node(f, TYPED_EXTENT, f->shared->integer);
    high->operands[0] = lower_task_parameter(f, task, 0);
    high->operand_count = 1;
    struct variable *index = new_variable(f, task, VARIABLE_LOOP, "i", f->shared->integer);
    loop->iterator = (struct typed_iterator){
        .is_range = true, .low = low, .high = high, .variable = index, .span = f->build.span};
    struct typed_statement *assign = new_statement(f, STATEMENT_ASSIGN);
    assign->operator_span = f->build.span;
    assign->variable = map;
    assign->step_count = 1;
    assign->steps = arena_new(f->shared->arena, struct typed_step);
    *assign->steps = (struct typed_step){.kind = STEP_KEY,
                                         .type = map->type->element,
                                         .span = f->build.span,
                                         .key = parameter_at(f, task, 0, index)};
    assign->operation = OPERATION_NONE;
    assign->value = parameter_at(f, task, 1, index);
    loop->body.statements = arena_array(f->shared->arena, struct typed_statement *, 1);
    loop->body.statements[0] = assign;
    loop->body.count = 1;
    return loop;
}

static void write_pack(struct lower *f, struct typed_function *task)
{
    struct variable *map = new_variable(f, task, VARIABLE_MUTABLE, "m", task->result);
    struct typed_statement *declare = new_statement(f, STATEMENT_DECLARE);
    declare->variable = map;
    declare->value = lower_task_node(f, TYPED_BUILTIN, task->result);
    declare->value->builtin = BUILTIN_MAP;
    task->body.statements = arena_array(f->shared->arena, struct typed_statement *, 2);
    task->body.statements[0] = declare;
    task->body.statements[1] = put_entries(f, task, map);
    task->body.count = 2;
    lower_task_returns(f, task, variable_node(f, map));
}

struct lowered lower_known_map_pack(struct lower *f, const struct type *type, struct lowered value)
{
    const struct type *types[] = {array_of(f, type->key), array_of(f, type->element)};
    struct lowered arguments[] = {keys_of(type, value), values_of(type, value)};
    const char *what = arena_printf(f->shared->arena, "map.pack.%s", lower_mangle(f->shared, type));
    struct typed_function *task = lower_small_task(f, what, "map", types, 2, type, false);
    if (lower_task_is_new(task))
        write_pack(f, task);
    return lower_small_call(f, task, types, arguments, 2, NULL);
}
