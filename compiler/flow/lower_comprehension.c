/*
 * Iterations, comprehensions and reductions: their bodies become functions of their own, which take
 * what they use of their surroundings as further parameters.
 */
#include "base/memory.h"
#include "check/messages.h"
#include "flow/lower.h"
#include "check/typed_tree.h"

/* ---- Iterators ------------------------------------------------------------------------------ */

static bool is_constant(const struct typed *node, uint64_t word)
{
    return node->kind == TYPED_CONSTANT && node->word == word;
}

static struct iteration range_iteration(struct lower *f, const struct typed_iterator *iterator)
{
    struct iteration iteration = {.iterator = iterator, .low = NO_VALUE, .step = NO_VALUE};
    ir_value low = lower_scalar(f, iterator->low);
    ir_value high = lower_scalar(f, iterator->high);
    ir_value step =
        iterator->step ? lower_scalar(f, iterator->step) : ir_constant_int(&f->build, 1);
    f->build.span = iterator->span;
    const struct ir_type *result = ir_type_known(f->build.module, f->shared->integer);
    struct ir_instruction *count =
        ir_emit(&f->build, IR_COUNT, (ir_value[]){low, high, step}, 3, &result, 1);
    count->flag = iterator->inclusive;
    iteration.count = count->first_result;
    if (!is_constant(iterator->low, 0))
        iteration.low = low;
    if (iterator->step && !is_constant(iterator->step, 1))
        iteration.step = step;
    return iteration;
}

struct iteration lower_iteration(struct lower *f, const struct typed_iterator *iterator)
{
    if (iterator->is_range)
        return range_iteration(f, iterator);
    struct iteration iteration = {.iterator = iterator, .low = NO_VALUE, .step = NO_VALUE};
    iteration.subject = lower_expression(f, iterator->subject);
    f->build.span = iterator->span;
    iteration.count = lower_extent(f, iteration.subject, 0);
    return iteration;
}

struct lowered lower_iteration_item(struct lower *f, const struct iteration *iteration,
                                    ir_value index)
{
    f->build.span = iteration->iterator->span;
    if (!iteration->iterator->is_range)
        return lower_item(f, iteration->iterator->subject->type, iteration->subject, index);
    if (iteration->step != NO_VALUE)
        index = lower_int(f, OPERATION_MUL, index, iteration->step);
    if (iteration->low != NO_VALUE)
        index = lower_int(f, OPERATION_ADD, iteration->low, index);
    return lower_single(f, index);
}

/* ---- Captures ------------------------------------------------------------------------------- */

/* The variables of the surroundings that an outlined body uses, in the order of their first use. */
struct captures {
    struct lower *f;
    bool *seen;
    const struct variable **variables;
    uint32_t count;
};

static void capture(struct captures *c, const struct variable *variable)
{
    if (c->seen[variable->index] || !lower_is_bound(c->f, variable))
        return;
    c->seen[variable->index] = true;
    c->variables[c->count++] = variable;
}

static void find_captures(void *context, struct typed **child)
{
    if ((*child)->kind == TYPED_VARIABLE)
        capture(context, (*child)->variable);
    typed_each_child(*child, find_captures, context);
}

static struct captures new_captures(struct lower *f)
{
    struct captures captures = {.f = f};
    captures.seen = arena_array(f->shared->arena, bool, f->variable_count);
    captures.variables = arena_array(f->shared->arena, const struct variable *, f->variable_count);
    return captures;
}

static void push_all(struct value_list *list, struct lowered value)
{
    for (uint32_t i = 0; i < value.count; i++)
        vector_push(list, value.values[i]);
}

static void push_optional(struct value_list *list, ir_value value)
{
    if (value != NO_VALUE)
        vector_push(list, value);
}

/* What the outlined function takes: its variables, then what its iterators need. */
static struct value_list captured_values(struct lower *f, const struct captures *captures,
                                         const struct iteration *iterations, uint32_t count)
{
    struct value_list values = {0};
    for (uint32_t i = 0; i < captures->count; i++)
        push_all(&values, lower_variable(f, captures->variables[i]));
    for (uint32_t i = 0; i < count; i++) {
        push_all(&values, iterations[i].subject);
        push_optional(&values, iterations[i].low);
        push_optional(&values, iterations[i].step);
    }
    return values;
}

/* The next `count` parameters of the outlined function. */
static struct lowered take(struct lower *inner, uint32_t count, ir_value *at)
{
    struct lowered value = {.count = count};
    value.values = arena_array(inner->shared->arena, ir_value, count);
    for (uint32_t i = 0; i < count; i++)
        value.values[i] = (*at)++;
    return value;
}

/* Binds the captured variables in the outlined function, and makes its copies of the iterations. */
static void bind_captures(struct lower *f, struct lower *inner, const struct captures *captures,
                          struct iteration *iterations, uint32_t count, ir_value at)
{
    for (uint32_t i = 0; i < captures->count; i++) {
        uint32_t leaves = lower_variable(f, captures->variables[i]).count;
        lower_bind(inner, captures->variables[i], take(inner, leaves, &at));
    }
    for (uint32_t i = 0; i < count; i++) {
        iterations[i].subject = take(inner, iterations[i].subject.count, &at);
        if (iterations[i].low != NO_VALUE)
            iterations[i].low = at++;
        if (iterations[i].step != NO_VALUE)
            iterations[i].step = at++;
    }
}

/* ---- Comprehensions ------------------------------------------------------------------------- */

static const struct level *element_level(const struct typed *node)
{
    return node->level && node->level->kind == LEVEL_STRUCTURE ? node->level->element : NULL;
}

static void bind_items(struct lower *inner, const struct iteration *iterations, uint32_t count,
                       const ir_value *indexes)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct variable *variable = iterations[i].iterator->variable;
        struct lowered item = lower_iteration_item(inner, &iterations[i], indexes[i]);
        lower_bind(inner, variable, lower_coerce(inner, variable->type, item, variable->level));
    }
}

static struct lowered emit_each(struct lower *f, uint32_t callee, const ir_value *extents,
                                uint32_t rank, const struct value_list *captures, bool filtered)
{
    struct value_list operands = {0};
    struct type_list types = {0};
    for (uint32_t i = 0; i < rank; i++)
        vector_push(&operands, extents[i]);
    for (size_t i = 0; i < captures->count; i++)
        vector_push(&operands, captures->items[i]);
    const struct ir_function *function = f->build.module->functions[callee];
    for (uint32_t i = filtered; i < function->result_count; i++)
        vector_push(&types,
                    ir_type_structured(f->build.module, function->results[i], (uint8_t)rank));
    struct ir_instruction *each =
        ir_emit(&f->build, IR_EACH, operands.items, (uint32_t)operands.count, types.items,
                (uint32_t)types.count);
    each->callee = callee;
    each->number = rank;
    each->flag = filtered;
    vector_release(&operands);
    vector_release(&types);
    struct lowered result = {.count = each->result_count};
    result.values = arena_array(f->shared->arena, ir_value, result.count);
    for (uint32_t i = 0; i < result.count; i++)
        result.values[i] = each->first_result + i;
    return result;
}

/* The indexes that pass the filter: the body is not evaluated for the others. */
static ir_value lower_filter(struct lower *f, const struct typed *node,
                             const struct iteration *iteration)
{
    const struct ir_type *index = ir_type_known(f->build.module, f->shared->integer);
    struct captures captures = new_captures(f);
    struct typed *filter = node->filter;
    find_captures(&captures, &filter);
    struct value_list values = captured_values(f, &captures, iteration, 1);
    struct lower inner;
    f->build.span = node->filter->span;
    uint32_t callee = lower_outline(f, &inner, "filter", &index, 1, &values);
    struct iteration own = *iteration;
    bind_captures(f, &inner, &captures, &own, 1, 1);
    ir_value first = 0;
    bind_items(&inner, &own, 1, &first);
    ir_value results[] = {lower_scalar(&inner, node->filter), 0};
    lower_outline_end(&inner, lower_copy(&inner, results, 2));
    ir_value kept = emit_each(f, callee, &iteration->count, 1, &values, true).values[0];
    vector_release(&values);
    return kept;
}

struct lowered lower_comprehension(struct lower *f, const struct typed *node)
{
    uint32_t rank = node->iterator_count;
    struct iteration iterations[WK_MAX_RANK];
    ir_value extents[WK_MAX_RANK], indexes[WK_MAX_RANK], kept = NO_VALUE;
    const struct ir_type *index_types[WK_MAX_RANK];
    for (uint32_t i = 0; i < rank; i++) {
        iterations[i] = lower_iteration(f, &node->iterators[i]);
        extents[i] = iterations[i].count;
        indexes[i] = i;
        index_types[i] = ir_type_known(f->build.module, f->shared->integer);
    }
    struct captures captures = new_captures(f);
    struct typed *element = node->body;
    find_captures(&captures, &element);
    struct value_list values = captured_values(f, &captures, iterations, rank);
    if (node->filter) {
        kept = lower_filter(f, node, &iterations[0]);
        extents[0] = ir_extent(&f->build, kept, 0);
        vector_push(&values, kept);
    }
    f->build.span = node->span;
    struct lower inner;
    uint32_t callee = lower_outline(f, &inner, "each", index_types, rank, &values);
    bind_captures(f, &inner, &captures, iterations, rank, rank);
    if (node->filter) /* the kept indexes are the last parameter */
        indexes[0] = ir_emit_value(&inner.build, IR_GET,
                                   (ir_value[]){inner.build.function->value_count - 1, 0}, 2,
                                   index_types[0]);
    bind_items(&inner, iterations, rank, indexes);
    struct lowered body = lower_expression(&inner, node->body);
    lower_outline_end(&inner, lower_coerce(&inner, node->body->type, body, element_level(node)));
    struct lowered result = emit_each(f, callee, extents, rank, &values, false);
    vector_release(&values);
    return result;
}

/* ---- Reductions ----------------------------------------------------------------------------- */

/* The function that folds: an accumulator and an element to an accumulator, all of the result's
 * level, because the upper levels of the tree fold results. */
static uint32_t lower_folder(struct lower *f, const struct typed *node,
                             const struct type_list *types)
{
    struct type_list parameters = {0};
    for (size_t i = 0; i < 2 * types->count; i++)
        vector_push(&parameters, types->items[i % types->count]);
    struct lower inner;
    uint32_t callee =
        lower_outline(f, &inner, "reduce", parameters.items, (uint32_t)parameters.count, NULL);
    ir_value at = 0;
    struct lowered arguments[2];
    arguments[0] = take(&inner, (uint32_t)types->count, &at);
    arguments[1] = take(&inner, (uint32_t)types->count, &at);
    struct lowered result =
        lower_invoke(&inner, node->reducer, arguments, node->reduce_annotations);
    lower_outline_end(&inner, lower_coerce(&inner, node->type, result, node->level));
    vector_release(&parameters);
    return callee;
}

/* The whole reduction as one task with the same tree. */
static struct lowered reduce_task(struct lower *f, const struct typed *node,
                                  const struct type *const *types, const struct lowered *operands,
                                  uint32_t count)
{
    const char *what = arena_printf(f->shared->arena, "reduce.%s", node->reducer->symbol);
    struct typed_function *task =
        lower_small_task(f, what, "reduce", types, count, node->type, true);
    if (lower_task_is_new(task)) {
        struct typed *body = lower_task_node(f, TYPED_REDUCE, node->type);
        body->reducer = node->reducer;
        body->subject = lower_task_parameter(f, task, 0);
        body->arity = lower_task_parameter(f, task, 1);
        body->chunk = lower_task_parameter(f, task, 2);
        body->initial = node->initial ? lower_task_parameter(f, task, 3) : NULL;
        body->reduce_annotations = node->reduce_annotations;
        lower_task_returns(f, task, body);
    }
    return lower_small_call(f, task, types, operands, count, NULL);
}

static ir_value tree_parameter(struct lower *f, const struct typed *node, int64_t least,
                               const char *message)
{
    if (!node)
        return ir_constant_int(&f->build, least);
    ir_value value = lower_scalar(f, node);
    f->build.span = node->span;
    ir_value bound = ir_constant_int(&f->build, least);
    lower_check(f, lower_int(f, OPERATION_GE, value, bound), ERR_bad_reduce, message, &value, 1);
    return value;
}

struct lowered lower_array_elements(struct lower *f, const struct type *type, struct lowered array)
{
    const struct ir_type *index_types[WK_MAX_RANK];
    ir_value indexes[WK_MAX_RANK], extents[WK_MAX_RANK];
    if (type->rank == 1 && type_is_scalar(type->element)) {
        const struct ir_type *element = ir_type_pending(f->build.module, type->element, 0);
        return lower_single(f, ir_emit_value(&f->build, IR_ELEMENTS, array.values, 1,
                                             ir_type_structured(f->build.module, element, 1)));
    }
    for (uint32_t d = 0; d < type->rank; d++) {
        index_types[d] = ir_type_known(f->build.module, f->shared->integer);
        extents[d] = lower_extent(f, array, d);
        indexes[d] = d;
    }
    struct value_list captures = {array.values, array.count, array.count};
    struct lower inner;
    uint32_t callee = lower_outline(f, &inner, "elements", index_types, type->rank, &captures);
    ir_value at = type->rank;
    struct lowered own = take(&inner, array.count, &at);
    lower_outline_end(&inner, lower_element(&inner, type, own, indexes));
    return emit_each(f, callee, extents, type->rank, &captures, false);
}

struct lowered lower_reversed(struct lower *f, const struct type *type, struct lowered array)
{
    const struct ir_type *index = ir_type_known(f->build.module, f->shared->integer);
    ir_value extent = lower_extent(f, array, 0);
    struct value_list captures = {array.values, array.count, array.count};
    struct lower inner;
    uint32_t callee = lower_outline(f, &inner, "reverse", &index, 1, &captures);
    ir_value at = 1;
    struct lowered own = take(&inner, array.count, &at);
    ir_value last = lower_int(&inner, OPERATION_SUB, lower_extent(&inner, own, 0),
                              ir_constant_int(&inner.build, 1));
    ir_value from = lower_int(&inner, OPERATION_SUB, last, 0);
    lower_outline_end(&inner, lower_element(&inner, type, own, &from));
    return emit_each(f, callee, &extent, 1, &captures, false);
}

/* A scan is one task, which gathers what is a structure. */
static struct lowered lower_scan(struct lower *f, const struct typed *node)
{
    const struct type *types[2] = {node->subject->type};
    struct lowered operands[2] = {lower_expression(f, node->subject)};
    uint32_t count = 1;
    if (node->initial) {
        types[1] = node->initial->type;
        operands[count++] = lower_expression(f, node->initial);
    }
    f->build.span = node->span;
    const char *what = arena_printf(f->shared->arena, "scan.%s", node->reducer->symbol);
    struct typed_function *task = lower_small_task(f, what, "scan", types, count, node->type, true);
    if (lower_task_is_new(task)) {
        struct typed *body = lower_task_node(f, TYPED_REDUCE, node->type);
        body->is_scan = true;
        body->reducer = node->reducer;
        body->subject = lower_task_parameter(f, task, 0);
        body->initial = node->initial ? lower_task_parameter(f, task, 1) : NULL;
        body->reduce_annotations = node->reduce_annotations;
        lower_task_returns(f, task, body);
    }
    ir_value extent =
        lower_knows_extent(f, operands[0], 0) ? lower_extent(f, operands[0], 0) : NO_VALUE;
    return lower_small_call(f, task, types, operands, count, &extent);
}

struct lowered lower_reduce(struct lower *f, const struct typed *node)
{
    if (node->is_scan)
        return lower_scan(f, node);
    const struct type *array = node->subject->type;
    struct lowered subject = lower_expression(f, node->subject);
    struct lowered initial = {0};
    if (node->initial)
        initial = lower_expression(f, node->initial);
    f->build.span = node->span;
    ir_value arity = tree_parameter(f, node->arity, 2, MESSAGE_REDUCE_ARITY);
    ir_value chunk = tree_parameter(f, node->chunk, 1, MESSAGE_REDUCE_CHUNK);
    f->build.span = node->span;
    if (!lower_is_structured(f, subject.values[0])) {
        if (!lower_knows_extents(f, array, subject)) {
            const struct type *types[] = {array, f->shared->integer, f->shared->integer,
                                          node->type};
            struct lowered operands[] = {subject, lower_single(f, arity), lower_single(f, chunk),
                                         initial};
            return reduce_task(f, node, types, operands, node->initial ? 4 : 3);
        }
        subject = lower_array_elements(f, array, subject);
    }
    struct type_list types = {0};
    lower_level_types(f->shared, node->type, node->level, &types);
    struct value_list operands = {0};
    vector_push(&operands, arity);
    vector_push(&operands, chunk);
    push_all(&operands, lower_coerce_elements(f, array, subject, node->level));
    if (node->initial)
        push_all(&operands, lower_coerce(f, node->type, initial, node->level));
    f->build.span = node->span;
    uint32_t callee = lower_folder(f, node, &types);
    struct ir_instruction *reduce =
        ir_emit(&f->build, IR_REDUCE, operands.items, (uint32_t)operands.count, types.items,
                (uint32_t)types.count);
    reduce->callee = callee;
    reduce->flag = node->initial != NULL;
    ir_value at = reduce->first_result;
    struct lowered result = take(f, reduce->result_count, &at);
    vector_release(&operands);
    vector_release(&types);
    return result;
}
