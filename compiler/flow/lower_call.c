/*
 * Calls: of tasks a node each, of flows the callee's function applied. Before either, the rules of
 * the callee's dimensions are checked at the place of the call, as far as extents are known.
 */
#include "base/memory.h"
#include "check/messages.h"
#include "flow/lower.h"

/* ---- Expressions of signatures -------------------------------------------------------------- */

bool lower_is_computable(struct lower *f, const struct typed *node)
{
    switch (node->kind) {
    case TYPED_CONSTANT:
        return true;
    case TYPED_VARIABLE:
        if (!lower_is_bound(f, node->variable))
            return false;
        return node->type->kind == TYPE_ARRAY || type_has_parts(node->type) ||
               lower_is_known(f, f->environment[node->variable->index].value.values[0]);
    case TYPED_OPERATION:
    case TYPED_CONVERT:
    case TYPED_AND:
    case TYPED_OR:
        for (uint32_t i = 0; i < node->operand_count; i++)
            if (!lower_is_computable(f, node->operands[i]))
                return false;
        return true;
    case TYPED_PART:
        return lower_is_computable(f, node->operands[0]);
    case TYPED_IF:
        return lower_is_computable(f, node->condition) && lower_is_computable(f, node->then) &&
               lower_is_computable(f, node->otherwise);
    case TYPED_EXTENT: /* of a parameter or a part of one: naming it emits nothing */
        return lower_is_computable(f, node->operands[0]) &&
               lower_knows_extent(f, lower_expression(f, node->operands[0]), node->number);
    case TYPED_EQUAL:
    case TYPED_MATMUL:
    case TYPED_INDEX:
    case TYPED_TUPLE:
    case TYPED_ARRAY:
    case TYPED_COMPREHENSION:
    case TYPED_CALL:
    case TYPED_BUILTIN:
    case TYPED_REDUCE:
        return false;
    }
    bug("an expression of kind %d", node->kind);
}

/* The task that compares an extent, of its first parameter or that parameter itself, with its
 * second parameter: nothing but a rule of its signature, so that it fails as any task does whose
 * arguments disagree with it. */
static struct typed_function *extent_check(struct lower *f, const struct type *const *types,
                                           uint32_t dimension, const char *what,
                                           const char *message)
{
    const struct type *unit = f->shared->program->types->unit;
    struct typed_function *task = lower_small_task(f, what, "check", types, 2, unit, true);
    if (!lower_task_is_new(task))
        return task;
    task->rules = arena_new(f->shared->arena, struct dimension_rule);
    task->rule_count = 1;
    *task->rules = (struct dimension_rule){
        .array = lower_task_parameter(f, task, 0),
        .dimension = dimension,
        .equals = lower_task_parameter(f, task, 1),
        .text = task->parameters[1]->name,
        .message = message,
        .span = f->build.span,
    };
    lower_task_returns(f, task, lower_task_node(f, TYPED_TUPLE, unit));
    return task;
}

void lower_check_later(struct lower *f, const struct type *type, struct lowered array,
                       uint32_t dimension, struct lowered expected, const char *rule,
                       const char *message)
{
    const struct type *types[] = {type, f->shared->integer};
    struct lowered arguments[] = {array, expected};
    if (lower_knows_extent(f, array, dimension)) {
        types[0] = f->shared->integer;
        arguments[0] = lower_single(f, lower_extent(f, array, dimension));
    }
    const char *what = arena_printf(f->shared->arena, "check.%s.%s", f->source->symbol, rule);
    struct typed_function *task = extent_check(f, types, dimension, what, message);
    lower_small_call(f, task, types, arguments, 2, NULL);
}

/* A rule over what is not known when the graph is built, in the flow that declares it. */
static void check_rule_later(struct lower *f, const struct dimension_rule *rule,
                             struct lowered array)
{
    struct lowered expected = lower_expression(f, rule->equals);
    f->build.span = rule->span;
    const char *text = arena_printf(f->shared->arena, "p%u", rule->span.begin);
    lower_check_later(f, rule->array->type, array, rule->dimension, expected, text, rule->message);
}

/* One rule: the extent is bound, or must equal. */
static void lower_rule(struct lower *f, const struct dimension_rule *rule, bool checks)
{
    if (!lower_is_computable(f, rule->array))
        return;
    struct span span = f->build.span;
    struct lowered array = lower_expression(f, rule->array);
    f->build.span = span;
    bool is_known = lower_knows_extent(f, array, rule->dimension);
    bool is_static = !rule->binds && is_known && lower_is_computable(f, rule->equals);
    if (rule->binds) {
        if (is_known || f->source)
            lower_bind(f, rule->binds, lower_single(f, lower_extent(f, array, rule->dimension)));
    } else if (!is_static && f->source) {
        check_rule_later(f, rule, array);
    } else if (is_static && checks) {
        ir_value expected = lower_scalar(f, rule->equals);
        f->build.span = span;
        ir_value values[] = {lower_extent(f, array, rule->dimension), expected};
        lower_check(f, lower_int(f, OPERATION_EQ, values[0], values[1]), ERR_shape_mismatch,
                    rule->message, values, 2);
    }
}

void lower_rules(struct lower *f, const struct typed_function *function, bool checks)
{
    for (uint32_t i = 0; i < function->rule_count; i++) {
        if (f->source)
            f->build.span = function->rules[i].span;
        lower_rule(f, &function->rules[i], checks);
    }
}

/* ---- Calls ---------------------------------------------------------------------------------- */

/* Within the callee's signature: its parameters are bound to the arguments. The caller's state is
 * restored by leave_signature. */
struct signature_scope {
    struct environment_entry *environment;
    const struct typed_function *source;
    uint32_t variable_count;
    struct span span;
};

static struct signature_scope enter_signature(struct lower *f, const struct typed_function *callee,
                                              const struct lowered *arguments)
{
    struct signature_scope scope = {f->environment, f->source, f->variable_count, f->build.span};
    f->environment =
        arena_array(f->shared->arena, struct environment_entry, callee->variable_count);
    f->variable_count = callee->variable_count;
    f->source = NULL;
    for (uint32_t i = 0; i < callee->parameter_count; i++)
        lower_bind(f, callee->parameters[i], arguments[i]);
    return scope;
}

static void leave_signature(struct lower *f, struct signature_scope scope)
{
    f->environment = scope.environment;
    f->source = scope.source;
    f->variable_count = scope.variable_count;
    f->build.span = scope.span;
}

/* The place among all leaves of the result's leaf `index` as signatures count them: without (). */
static uint32_t result_leaf(const struct type *result, uint32_t index)
{
    uint32_t leaf = 0;
    for (;; leaf++) {
        if (type_is_unit(ir_leaf(result, leaf)))
            continue;
        if (index-- == 0)
            return leaf;
    }
}

/* What the signature says of an extent of the result, if it can be computed at the call. */
static const struct result_extent *known_result_extent(struct lower *f,
                                                       const struct typed_function *task,
                                                       uint32_t leaf, uint32_t dimension)
{
    for (uint32_t i = 0; i < task->result_extent_count; i++) {
        const struct result_extent *rule = &task->result_extents[i];
        if (rule->dimension == dimension && result_leaf(task->result, rule->leaf) == leaf)
            return rule->extent && lower_is_computable(f, rule->extent) ? rule : NULL;
    }
    return NULL;
}

/* Dimensions are extents of arrays; whatever else a signature computes may be negative. */
ir_value lower_result_extent(struct lower *f, const struct result_extent *rule)
{
    struct span span = f->build.span;
    ir_value extent = lower_scalar(f, rule->extent);
    f->build.span = span;
    bool is_dimension =
        rule->extent->kind == TYPED_VARIABLE && rule->extent->variable->kind == VARIABLE_DIMENSION;
    if (!is_dimension) {
        ir_value zero = ir_constant_int(&f->build, 0);
        lower_check(f, lower_int(f, OPERATION_GE, extent, zero), ERR_negative_extent,
                    MESSAGE_NEGATIVE_EXTENT, &extent, 1);
    }
    return extent;
}

/* The extents of the results that are known at the call, as operands behind the arguments; the
 * types of the results say which they are. */
static void result_types(struct lower *f, const struct typed_function *task,
                         struct value_list *operands, struct type_list *types)
{
    for (uint32_t leaf = 0; leaf < ir_leaf_count(task->result); leaf++) {
        const struct type *type = ir_leaf(task->result, leaf);
        uint32_t known = 0;
        for (uint32_t d = 0; type->kind == TYPE_ARRAY && d < type->rank; d++) {
            const struct result_extent *rule = known_result_extent(f, task, leaf, d);
            if (!rule)
                continue;
            known |= 1U << d;
            vector_push(operands, lower_result_extent(f, rule));
        }
        vector_push(types, ir_type_pending(f->build.module, type, known));
    }
}

static struct lowered results_of(struct lower *f, const struct ir_instruction *instruction)
{
    struct lowered result = {.count = instruction->result_count};
    result.values = arena_array(f->shared->arena, ir_value, result.count);
    for (uint32_t i = 0; i < result.count; i++)
        result.values[i] = instruction->first_result + i;
    return result;
}

static struct lowered call_task(struct lower *f, struct typed_function *task,
                                const struct lowered *arguments,
                                const struct typed_annotations *annotations)
{
    struct value_list operands = {0};
    struct type_list types = {0};
    struct signature_scope scope = enter_signature(f, task, arguments);
    lower_rules(f, task, true);
    for (uint32_t i = 0; i < task->parameter_count; i++)
        lower_argument(f, task->parameters[i]->type, arguments[i], &operands);
    result_types(f, task, &operands, &types);
    leave_signature(f, scope);
    struct ir_instruction *call =
        ir_emit(&f->build, IR_CALL, operands.items, (uint32_t)operands.count, types.items,
                (uint32_t)types.count);
    call->callee = lower_kernel(f->shared, task);
    call->annotations = annotations;
    vector_release(&operands);
    vector_release(&types);
    return results_of(f, call);
}

static struct lowered apply_flow(struct lower *f, const struct typed_function *flow,
                                 const struct lowered *arguments)
{
    struct signature_scope scope = enter_signature(f, flow, arguments);
    lower_rules(f, flow, true);
    leave_signature(f, scope);
    struct value_list operands = {0};
    for (uint32_t i = 0; i < flow->parameter_count; i++) {
        struct lowered argument =
            lower_coerce(f, flow->parameters[i]->type, arguments[i], flow->parameters[i]->level);
        for (uint32_t leaf = 0; leaf < argument.count; leaf++)
            vector_push(&operands, argument.values[leaf]);
    }
    uint32_t callee = lower_instance(f->shared, flow);
    const struct ir_function *function = f->build.module->functions[callee];
    struct ir_instruction *apply =
        ir_emit(&f->build, IR_APPLY, operands.items, (uint32_t)operands.count, function->results,
                function->result_count);
    apply->callee = callee;
    vector_release(&operands);
    return results_of(f, apply);
}

/* A function of the prelude passed as a value works on known values when the graph is built. */
static bool is_known_operation(const struct lower *f, const struct typed_function *callee,
                               const struct lowered *arguments)
{
    if (callee->prelude == OPERATION_NONE)
        return false;
    for (uint32_t i = 0; i < callee->parameter_count; i++)
        if (!lower_all_known(f, arguments[i]))
            return false;
    return true;
}

struct lowered lower_invoke(struct lower *f, struct typed_function *callee,
                            const struct lowered *arguments,
                            const struct typed_annotations *annotations)
{
    if (callee->is_flow)
        return apply_flow(f, callee, arguments);
    if (!is_known_operation(f, callee, arguments))
        return call_task(f, callee, arguments, annotations);
    const struct type *types[3];
    for (uint32_t i = 0; i < callee->parameter_count; i++)
        types[i] = callee->parameters[i]->type;
    return lower_operate(f, callee->prelude, callee->result, types, arguments,
                         callee->parameter_count);
}

struct lowered lower_call(struct lower *f, const struct typed *node)
{
    struct lowered *arguments = arena_array(f->shared->arena, struct lowered, node->argument_count);
    for (uint32_t i = 0; i < node->argument_count; i++)
        arguments[i] = lower_expression(f, node->arguments[i]);
    f->build.span = node->span;
    return lower_invoke(f, node->callee, arguments, node->annotations);
}
