/*
 * The kernels of pieces; see chunk.h. For `[f(i + 1, a) for i in 0..n]`, a piece is
 *
 *     task f(low: i64, high: i64, a: f64) -> f64[_] { return [f(i + 1, a) for i in low..high] }
 *
 * and for the reduction of it by g, `reduce(g, [f(i + 1, a) for i in low..high])`: so all that
 * decides about orders and failures is what the language says of tasks anyway. Where a failure is
 * described, it is that of a call of f or g, as if each were a task.
 */
#include <string.h>

#include "base/memory.h"
#include "flow/chunk.h"
#include "flow/mutant.h"

struct kernel_maker {
    const struct chunk_shape *shape;
    struct compose compose;
    struct typed *low;
    struct typed **extents; /* of the space, but for the first */
    VECTOR(struct chunk_input) inputs;
    VECTOR(struct variable *) input_variables; /* by input */
    struct variable *index;                    /* of the comprehension */
};

/* ---- Arguments ------------------------------------------------------------------------------ */

/* The parameter that passes these values of the function. */
static struct typed *read_input(struct kernel_maker *k, const ir_value *values, uint32_t count,
                                const struct type *type, const char *name, bool gathered)
{
    for (size_t i = 0; i < k->inputs.count; i++) {
        const struct chunk_input *input = &k->inputs.items[i];
        if (input->count == count && input->gathered == gathered &&
            k->input_variables.items[i]->type == type &&
            memcmp(input->values, values, count * sizeof *values) == 0)
            return compose_read(&k->compose, k->input_variables.items[i]);
    }
    struct typed *read = compose_new_parameter(&k->compose, type, name);
    vector_push(&k->inputs, (struct chunk_input){gathered, values, count});
    vector_push(&k->input_variables, read->variable);
    return read;
}

/* Index `dimension` of the space: `index` counts all in row-major order. */
static struct typed *space_index(struct kernel_maker *k, uint32_t dimension)
{
    struct compose *c = &k->compose;
    struct typed *number = compose_read(c, k->index);
    if (FLOW_MUTANT(CHUNK_SPACE) && k->shape->rank > 1)
        dimension = 1;
    for (uint32_t d = k->shape->rank - 1; d > dimension; d--)
        number =
            compose_operation(c, OPERATION_DIV, number, compose_read(c, k->extents[d]->variable));
    return dimension == 0 ? number
                          : compose_operation(c, OPERATION_REM, number,
                                              compose_read(c, k->extents[dimension]->variable));
}

/* The value of a function's value at the index. */
static struct typed *evaluate(struct kernel_maker *k, ir_value value, const char *name)
{
    const struct chunk_shape *s = k->shape;
    const struct ir_instruction *i = s->definitions[value];
    const struct type *type = ir_type_of(s->function, value)->type;
    ir_value first = s->function->blocks[0].first_parameter;
    if (value >= first && value < first + s->rank)
        return space_index(k, value - first);
    if (s->sources[value] == CHUNK_SAME && !(i && i->opcode == IR_CONSTANT)) {
        const ir_value *values = arena_copy(k->compose.arena, &value, sizeof value);
        return read_input(k, values, 1, type, name, false);
    }
    bool converts = i->opcode == IR_CONVERT, is_constant = i->opcode == IR_CONSTANT;
    struct typed *node = compose_node(&k->compose,
                                      is_constant ? TYPED_CONSTANT
                                      : converts  ? TYPED_CONVERT
                                                  : TYPED_OPERATION,
                                      type);
    node->span = i->span;
    if (is_constant) {
        node->word = i->word;
        return node;
    }
    node->operation = i->operation;
    node->operator_span = i->span;
    node->operand_count = i->operand_count;
    for (uint32_t o = 0; o < i->operand_count; o++)
        node->operands[o] = evaluate(k, i->operands[o], NULL);
    return node;
}

/* Element index - low of a parameter that has a value for each index. */
static struct typed *gathered(struct kernel_maker *k, const ir_value *value,
                              const struct variable *parameter)
{
    struct compose *c = &k->compose;
    const struct type *array = type_array(c->module->types, parameter->type, 1);
    struct typed *node = compose_node(c, TYPED_INDEX, parameter->type);
    node->base = read_input(k, value, 1, array, parameter->name, true);
    node->indexes = arena_new(c->arena, struct typed_index);
    node->indexes->low = compose_operation(c, OPERATION_SUB, compose_read(c, k->index),
                                           compose_read(c, k->low->variable));
    node->indexes->span = c->span;
    node->index_count = 1;
    return node;
}

static struct typed *argument(struct kernel_maker *k, const struct variable *parameter,
                              uint32_t *at)
{
    const ir_value *values = k->shape->call->operands + *at;
    uint32_t count = chunk_operands_of(k->shape, parameter, *at);
    *at += count;
    if (count == 1 && k->shape->sources[*values] == CHUNK_GATHERED)
        return gathered(k, values, parameter);
    const struct ir_type *type = count ? ir_type_of(k->shape->function, *values) : NULL;
    if (count == 1 && type->kind == IR_KNOWN && type->type->kind == TYPE_SCALAR)
        return evaluate(k, *values, parameter->name);
    return read_input(k, values, count, parameter->type, parameter->name, false);
}

/* The task's call at the index. */
static struct typed *call_at_index(struct kernel_maker *k)
{
    struct typed_function *task = k->shape->task;
    struct typed **arguments = arena_array(k->compose.arena, struct typed *, task->parameter_count);
    uint32_t at = 0;
    for (uint32_t p = 0; p < task->parameter_count; p++)
        arguments[p] = argument(k, task->parameters[p], &at);
    struct typed *call = compose_call(&k->compose, task, arguments);
    call->is_member = true;
    return call;
}

/* ---- Results -------------------------------------------------------------------------------- */

/* Leaf `leaf` of a value. */
static struct typed *leaf_of(struct compose *c, struct typed *value, uint32_t leaf)
{
    while (type_has_parts(value->type)) {
        uint32_t part = 0;
        for (; leaf >= ir_leaf_count(value->type->parts[part]); part++)
            leaf -= ir_leaf_count(value->type->parts[part]);
        value = compose_part(c, value, part);
    }
    return value;
}

/* An array of each leaf, of an array of tuples. */
static struct typed *leaves(struct compose *c, struct typed *all)
{
    const struct type *element = all->type->element;
    uint32_t count = ir_leaf_count(element);
    struct variable *tuples = compose_let(c, all)->variable;
    const struct type **types = arena_array(c->arena, const struct type *, count);
    struct typed **arrays = arena_array(c->arena, struct typed *, count);
    for (uint32_t leaf = 0; leaf < count; leaf++) {
        struct variable *item = compose_loop(c, NULL);
        item->type = element;
        struct typed *value = leaf_of(c, compose_read(c, item), leaf);
        arrays[leaf] = compose_comprehension(c, item, NULL, NULL, value);
        arrays[leaf]->iterators->is_range = false;
        arrays[leaf]->iterators->subject = compose_read(c, tuples);
        types[leaf] = arrays[leaf]->type;
    }
    return compose_tuple(c, type_tuple(c->module->types, types, NULL, count), arrays);
}

/* ---- Rows --------------------------------------------------------------------------------------
 */

/* An array of the leaf's element with one dimension more, and the known extents of the leaf: they
 * are operands of the call from *at on. */
static struct typed *make_room(struct kernel_maker *k, const struct type *leaf, struct typed *count,
                               uint32_t *at)
{
    struct compose *c = &k->compose;
    bool is_array = leaf->kind == TYPE_ARRAY;
    uint32_t rank = 1 + (is_array ? leaf->rank : 0);
    const struct type *element = is_array ? leaf->element : leaf;
    struct typed *zeros =
        compose_node(c, TYPED_BUILTIN, type_array(c->module->types, element, (uint8_t)rank));
    zeros->builtin = BUILTIN_ZEROS;
    zeros->item_count = rank;
    zeros->items = arena_array(c->arena, struct typed *, rank);
    zeros->items[0] = count;
    for (uint32_t d = 1; d < rank; d++)
        zeros->items[d] = evaluate(k, k->shape->call->operands[(*at)++], "extent");
    return compose_variable(c, zeros);
}

/* array[index - low, ..., ...] = value */
static struct typed_statement *store(struct kernel_maker *k, struct typed *array,
                                     struct typed *value)
{
    struct compose *c = &k->compose;
    struct typed_step *step = arena_new(c->arena, struct typed_step);
    step->kind = STEP_INDEX;
    step->type = value->type;
    step->span = c->span;
    step->index_count = array->type->rank;
    step->indexes = arena_array(c->arena, struct typed_index, step->index_count);
    for (uint32_t d = 0; d < step->index_count; d++)
        step->indexes[d] = (struct typed_index){.is_range = d > 0, .span = c->span};
    step->indexes->low = compose_operation(c, OPERATION_SUB, compose_read(c, k->index),
                                           compose_read(c, k->low->variable));
    struct typed_statement *statement = compose_statement(c, STATEMENT_ASSIGN, value);
    statement->variable = array->variable;
    statement->steps = step;
    statement->step_count = 1;
    return statement;
}

/* The arrays of all leaves, filled index by index. */
static struct typed *rows(struct kernel_maker *k, struct typed *high)
{
    struct compose *c = &k->compose;
    const struct type *result = k->shape->task->result;
    uint32_t count = ir_leaf_count(result), at = chunk_argument_count(k->shape);
    struct typed **arrays = arena_array(c->arena, struct typed *, count);
    const struct type **types = arena_array(c->arena, const struct type *, count);
    for (uint32_t leaf = 0; leaf < count; leaf++) {
        struct typed *length = compose_operation(c, OPERATION_SUB, compose_read(c, high->variable),
                                                 compose_read(c, k->low->variable));
        arrays[leaf] = make_room(k, ir_leaf(result, leaf), length, &at);
        types[leaf] = arrays[leaf]->type;
    }
    size_t before = compose_begin_loop(c);
    struct typed *value = compose_let(c, call_at_index(k));
    for (uint32_t leaf = 0; leaf < count; leaf++)
        compose_add(c, store(k, arrays[leaf], leaf_of(c, compose_read(c, value->variable), leaf)));
    struct typed *end = compose_read(c, high->variable);
    if (FLOW_MUTANT(CHUNK_ROWS))
        end = compose_operation(c, OPERATION_SUB, end, compose_integer(c, 1));
    compose_end_loop(c, before, k->index, compose_read(c, k->low->variable), end);
    return type_has_parts(result)
               ? compose_tuple(c, type_tuple(c->module->types, types, NULL, count), arrays)
               : *arrays;
}

/* ---- The whole ------------------------------------------------------------------------------ */

/* What arity or chunk is: parameters of them come first. */
static struct typed *tree_number(struct compose *c, const struct ir_instruction *known,
                                 const char *name)
{
    return known ? compose_integer(c, (int64_t)known->word)
                 : compose_new_parameter(c, type_scalar(c->module->types, WK_I64), name);
}

static struct typed *fold(struct compose *c, const struct chunk_reduction *reduction,
                          struct typed *all, struct typed *arity, struct typed *chunk)
{
    struct typed *initial = NULL;
    if (reduction->has_initial)
        initial = compose_new_parameter(c, reduction->task->result, "init");
    struct typed *node = compose_reduce(c, reduction->task, all, initial, arity, chunk);
    node->span = reduction->span;
    node->is_member = true;
    return node;
}

static struct chunk_kernel finish(struct kernel_maker *k, struct typed *value,
                                  const struct compose_name *name)
{
    struct chunk_kernel made = {.input_count = (uint32_t)k->inputs.count};
    if (made.input_count)
        made.inputs = arena_copy(k->compose.arena, k->inputs.items,
                                 k->inputs.count * sizeof *k->inputs.items);
    vector_release(&k->inputs);
    vector_release(&k->input_variables);
    made.task = compose_end(&k->compose, value, name);
    return made;
}

/* The tasks in one, as people know them. */
static const char *members_of(const struct typed_function *task)
{
    return task->members ? task->members : task->name;
}

static struct compose_name make_name(struct compose *c, const struct chunk_shape *shape,
                                     const struct chunk_reduction *reduction, const char *function)
{
    const char *parts[2] = {shape->task->symbol, reduction ? reduction->task->symbol : NULL};
    bool starts = reduction && reduction->has_initial;
    struct compose_name name = {.title = shape->task->name, .members = members_of(shape->task)};
    name.symbol = compose_symbol(c->arena,
                                 starts      ? "first"
                                 : reduction ? "reduce"
                                             : "chunk",
                                 parts, reduction ? 2 : 1, function);
    if (reduction)
        name.members =
            arena_printf(c->arena, "%s, %s", members_of(shape->task), members_of(reduction->task));
    return name;
}

struct chunk_kernel chunk_make_kernel(const struct chunk_shape *shape,
                                      const struct chunk_reduction *reduction, const char *function)
{
    struct kernel_maker k = {.shape = shape};
    struct compose *c = &k.compose;
    const struct type *integer = type_scalar(shape->module->types, WK_I64);
    compose_begin(c, shape->module, shape->call->span);
    k.low = compose_new_parameter(c, integer, "low");
    struct typed *high = compose_new_parameter(c, integer, "high");
    struct typed *arity = reduction ? tree_number(c, reduction->arity, "arity") : NULL;
    struct typed *chunk = reduction ? tree_number(c, reduction->chunk, "chunk") : NULL;
    k.extents = arena_array(c->arena, struct typed *, shape->rank);
    for (uint32_t d = 1; d < shape->rank; d++)
        k.extents[d] = compose_new_parameter(c, integer, "extent");
    k.index = compose_loop(c, "index");
    struct typed *value = shape->has_rows && !reduction
                              ? rows(&k, high)
                              : compose_comprehension(c, k.index, k.low, high, call_at_index(&k));
    if (reduction)
        value = fold(c, reduction, value, arity, chunk);
    else if (!shape->has_rows && type_has_parts(shape->task->result))
        value = leaves(c, value);
    struct compose_name name = make_name(c, shape, reduction, function);
    return finish(&k, value, &name);
}
