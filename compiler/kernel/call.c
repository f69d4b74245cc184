/*
 * Functions: their declaration, entry and return; calls between tasks; the kernels around them.
 */
#include "joined.h"

#include <string.h>

#include "base/memory.h"
#include "check/messages.h"

/* ---- Declarations ------------------------------------------------------------------------- */

static LLVMTypeRef result_struct(struct generator *g, const struct type *result)
{
    uint32_t count = 1 + type_native_count(result);
    LLVMTypeRef *fields = arena_array(&g->arena, LLVMTypeRef, count);
    fields[0] = g->i32;
    type_native(g, result, fields + 1);
    return LLVMStructTypeInContext(g->context, fields, count, false);
}

/* `joined`: by parameter, or NULL. */
static LLVMTypeRef native_type(struct generator *g, const struct typed_function *function,
                               const struct joined *const *joined)
{
    uint32_t count = 2;
    for (uint32_t i = 0; i < function->parameter_count; i++)
        count += joined && joined[i] ? joined_native_count(joined[i])
                                     : type_native_count(function->parameters[i]->type);
    LLVMTypeRef *types = arena_array(&g->arena, LLVMTypeRef, count);
    types[0] = g->pointer;
    types[1] = g->i32;
    uint32_t at = 2;
    for (uint32_t i = 0; i < function->parameter_count; i++)
        at += joined && joined[i] ? joined_native(g, joined[i], types + at)
                                  : type_native(g, function->parameters[i]->type, types + at);
    return LLVMFunctionType(result_struct(g, function->result), types, count, false);
}

/* Nobody writes what a parameter points to while the function runs. */
static void set_parameter_attributes(struct generator *g, LLVMValueRef function)
{
    for (unsigned i = 2; i < LLVMCountParams(function); i++) {
        if (LLVMTypeOf(LLVMGetParam(function, i)) != g->pointer)
            continue;
        attribute_add(g, function, i + 1, "noalias", 0);
        attribute_add(g, function, i + 1, "readonly", 0);
        attribute_add(g, function, i + 1, "nocapture", 0);
    }
    attribute_add(g, function, FUNCTION_INDEX, "nounwind", 0);
}

static bool takes_same(const struct generated_function *generated,
                       const struct typed_function *function, const struct joined *const *joined)
{
    if (generated->function != function || !generated->joined != !joined)
        return false;
    for (uint32_t i = 0; joined && i < function->parameter_count; i++)
        if (!joined_same_form(generated->joined[i], joined[i]))
            return false;
    return true;
}

/* The number of a declared function that takes these arrays joined, or the count of them. */
static size_t function_number(const struct generator *g, const struct typed_function *function,
                              const struct joined *const *joined)
{
    size_t i = 0;
    while (i < g->functions.count && !takes_same(&g->functions.items[i], function, joined))
        i++;
    return i;
}

static size_t declare(struct generator *g, struct typed_function *function,
                      const struct joined **joined)
{
    size_t number = function_number(g, function, joined);
    if (number < g->functions.count)
        return number;
    LLVMTypeRef type = native_type(g, function, joined);
    const char *name =
        arena_printf(&g->arena, joined ? "task.%s.joined" : "task.%s", function->symbol);
    LLVMValueRef value = LLVMAddFunction(g->module, name, type);
    LLVMSetLinkage(value, LLVMInternalLinkage);
    set_parameter_attributes(g, value);
    vector_push(&g->functions,
                (struct generated_function){
                    .function = function, .value = value, .type = type, .joined = joined});
    return number;
}

LLVMValueRef function_declare(struct generator *g, struct typed_function *function,
                              LLVMTypeRef *type)
{
    size_t number = declare(g, function, NULL);
    *type = g->functions.items[number].type;
    return g->functions.items[number].value;
}

/* ---- Entry -------------------------------------------------------------------------------- */

static void assume_extents(struct generator *g, const struct value *value)
{
    if (type_is_owner(value->type)) {
        for (uint32_t i = 0; i < value->type->rank; i++)
            assume(g, LLVMBuildICmp(g->builder, LLVMIntSGE, value->extents[i], constant_i64(g, 0),
                                    ""));
    }
    for (uint32_t i = 0; value->parts && i < value->type->part_count; i++)
        assume_extents(g, &value->parts[i]);
}

static void bind_parameters(struct generator *g, const struct joined *const *joined)
{
    const struct typed_function *function = g->function;
    unsigned count = LLVMCountParams(g->routine);
    LLVMValueRef *leaves = arena_array(&g->arena, LLVMValueRef, count);
    LLVMGetParams(g->routine, leaves);
    uint32_t at = 2;
    for (uint32_t i = 0; i < function->parameter_count; i++) {
        const struct variable *parameter = function->parameters[i];
        struct slot *slot = &g->slots[parameter->index];
        if (joined && joined[i]) {
            *slot = (struct slot){.type = parameter->type,
                                  .joined = joined_unflatten(g, joined[i], leaves, &at)};
            continue;
        }
        struct value value = value_unflatten(g, parameter->type, leaves, &at);
        *slot = slot_make(g, parameter->type, parameter->name);
        slot_store(g, slot, &value);
        assume_extents(g, &value);
        debug_variable(g, parameter, slot, i + 1);
    }
}

static void check_dimension(struct generator *g, LLVMValueRef found, LLVMValueRef expected,
                            const char *message, struct span span)
{
    LLVMValueRef equal = LLVMBuildICmp(g->builder, LLVMIntEQ, found, expected, "");
    check(g, equal, ERR_shape_mismatch, span, message, fail_i64(g, 2, found, expected));
}

static void apply_rules(struct generator *g)
{
    for (uint32_t i = 0; i < g->function->rule_count; i++) {
        const struct dimension_rule *rule = &g->function->rules[i];
        debug_at(g, rule->span);
        LLVMValueRef found = rule->array->type->kind == TYPE_ARRAY
                                 ? array_extent(g, rule->array, rule->dimension)
                                 : expression_scalar(g, rule->array);
        if (rule->binds) {
            struct slot *slot = &g->slots[rule->binds->index];
            *slot = slot_make(g, rule->binds->type, rule->binds->name);
            struct value value = value_scalar(rule->binds->type, found);
            slot_store(g, slot, &value);
            debug_variable(g, rule->binds, slot, 0);
        } else {
            check_dimension(g, found, expression_scalar(g, rule->equals), rule->message,
                            rule->span);
        }
    }
}

/* What calls itself need not contain a loop, and polls the stop flag as loops do. */
static void count_depth(struct generator *g)
{
    g->depth = LLVMGetParam(g->routine, 1);
    if (!g->function->is_recursive)
        return;
    g->depth = LLVMBuildAdd(g->builder, g->depth, LLVMConstInt(g->i32, 1, false), "");
    LLVMValueRef most = LLVMConstInt(g->i32, WK_MAX_DEPTH, false);
    LLVMValueRef good = LLVMBuildICmp(g->builder, LLVMIntULE, g->depth, most, "");
    const char *format = arena_printf(&g->arena, MESSAGE_RECURSION, g->function->name);
    check(g, good, ERR_recursion_too_deep, g->function->span, format, fail_none());
    check_stop(g);
}

static void open_function(struct generator *g, const struct generated_function *generated)
{
    g->function = generated->function;
    g->routine = generated->value;
    g->result_type = LLVMGetReturnType(generated->type);
    g->worker = LLVMGetParam(g->routine, 0);
    g->slots = arena_array(&g->arena, struct slot, g->function->variable_count);
    g->scope = NULL;
    g->entry = block_new(g, "entry");
    LLVMBasicBlockRef start = block_new(g, "start");
    LLVMPositionBuilderAtEnd(g->builder, g->entry);
    debug_function(g, g->function, g->routine);
    LLVMBuildBr(g->builder, start);
    LLVMPositionBuilderAtEnd(g->builder, start);
    debug_at(g, g->function->span);
    g->stop = LLVMBuildLoad2(g->builder, g->pointer, g->worker, "stop");
}

/* Of arrays, a function of the prelude is a task like any other, with a body. */
static bool is_scalar_prelude(const struct typed_function *callee)
{
    return callee->prelude != OPERATION_NONE && type_is_scalar(callee->result);
}

static struct value call_prelude(struct generator *g, const struct typed_function *callee,
                                 const struct value *arguments, struct span span)
{
    LLVMValueRef operands[3];
    for (uint32_t i = 0; i < callee->parameter_count; i++)
        operands[i] = arguments[i].scalar;
    return value_scalar(
        callee->result,
        operation_emit(g, callee->prelude, callee->parameters[0]->type->scalar, operands, span));
}

/* A function of the prelude over scalars that is called as a task: its body is its operation. */
static void define_prelude(struct generator *g)
{
    struct value operands[3];
    for (uint32_t i = 0; i < g->function->parameter_count; i++)
        operands[i] = slot_load(g, &g->slots[g->function->parameters[i]->index]);
    struct value result = call_prelude(g, g->function, operands, g->function->span);
    return_value(g, result, g->function->span);
}

void function_define(struct generator *g, size_t number)
{
    struct generated_function generated = g->functions.items[number];
    struct scope scope;
    g->number = number;
    open_function(g, &generated);
    scope_open(g, &scope);
    count_depth(g);
    bind_parameters(g, generated.joined);
    apply_rules(g);
    if (is_scalar_prelude(g->function))
        define_prelude(g);
    else if (g->function->foreign)
        foreign_define(g);
    else
        statements(g, &g->function->body);
    if (!block_has_ended(g)) {
        if (type_is_unit(g->function->result))
            return_value(g, value_unit(g->function->result), g->function->span);
        else
            LLVMBuildUnreachable(g->builder);
    }
    scope_close(g, &scope);
    g->function = NULL;
    g->debug_scope = NULL;
    LLVMSetCurrentDebugLocation2(g->builder, NULL);
}

/* ---- Return ------------------------------------------------------------------------------- */

/* The n-th leaf of a value (see type_leaf); counts *index down. */
static const struct value *value_leaf(const struct value *value, uint32_t *index)
{
    if (!value->parts)
        return type_has_parts(value->type) || (*index)-- ? NULL : value;
    for (uint32_t i = 0; i < value->type->part_count; i++) {
        const struct value *leaf = value_leaf(&value->parts[i], index);
        if (leaf)
            return leaf;
    }
    return NULL;
}

static void check_result(struct generator *g, const struct value *value, struct span span)
{
    for (uint32_t i = 0; i < g->function->result_extent_count; i++) {
        const struct result_extent *rule = &g->function->result_extents[i];
        if (!rule->extent)
            continue;
        uint32_t index = rule->leaf;
        const struct value *leaf = value_leaf(value, &index);
        if (!leaf)
            bug("a result without leaf %u", rule->leaf);
        check_dimension(g, leaf->extents[rule->dimension], expression_scalar(g, rule->extent),
                        rule->message, span);
    }
}

void return_value(struct generator *g, struct value value, struct span span)
{
    check_result(g, &value, span);
    scope_unwind(g, NULL);
    uint32_t count = type_native_count(value.type);
    LLVMValueRef *leaves = arena_array(&g->arena, LLVMValueRef, count);
    value_flatten(&value, leaves);
    LLVMValueRef result = LLVMGetPoison(g->result_type);
    result = LLVMBuildInsertValue(g->builder, result, LLVMConstInt(g->i32, 0, false), 0, "");
    for (uint32_t i = 0; i < count; i++)
        result = LLVMBuildInsertValue(g->builder, result, leaves[i], i + 1, "");
    LLVMBuildRet(g->builder, result);
}

/* ---- Calls -------------------------------------------------------------------------------- */

/* Takes the result struct apart, whose status was checked. */
static struct value unpack_result(struct generator *g, LLVMValueRef result, const struct type *type)
{
    uint32_t count = type_native_count(type), at = 0;
    LLVMValueRef *leaves = arena_array(&g->arena, LLVMValueRef, count);
    for (uint32_t i = 0; i < count; i++)
        leaves[i] = LLVMBuildExtractValue(g->builder, result, i + 1, "");
    return value_mark_owned(value_unflatten(g, type, leaves, &at));
}

/* By parameter: what is given joined; or NULL. */
static const struct joined **joined_arguments(struct generator *g,
                                              const struct typed_function *callee,
                                              const struct value *arguments)
{
    const struct joined **joined = NULL;
    for (uint32_t i = 0; i < callee->parameter_count; i++) {
        if (!arguments[i].joined)
            continue;
        if (!joined)
            joined = arena_array(&g->arena, const struct joined *, callee->parameter_count);
        joined[i] = arguments[i].joined;
    }
    return joined;
}

/* Calls a task; the struct with its status and result. */
static LLVMValueRef call_task(struct generator *g, struct typed_function *callee,
                              const struct value *arguments)
{
    size_t number = declare(g, callee, joined_arguments(g, callee, arguments));
    LLVMTypeRef type = g->functions.items[number].type;
    LLVMValueRef function = g->functions.items[number].value;
    vector_push(&g->calls, (struct call_edge){g->number, number});
    uint32_t count = LLVMCountParamTypes(type), at = 2;
    LLVMValueRef *operands = arena_array(&g->arena, LLVMValueRef, count);
    operands[0] = g->worker;
    operands[1] = g->depth;
    for (uint32_t i = 0; i < callee->parameter_count; i++)
        at += arguments[i].joined ? joined_flatten(arguments[i].joined, operands + at)
                                  : value_flatten(&arguments[i], operands + at);
    return LLVMBuildCall2(g->builder, type, function, operands, count, "");
}

static LLVMValueRef status_of(struct generator *g, LLVMValueRef result)
{
    return LLVMBuildExtractValue(g->builder, result, 0, "");
}

/* If the task failed by itself, its failure is forgotten, and what its fallback gives taken. */
static LLVMValueRef call_fallback(struct generator *g, struct typed_function *fallback,
                                  const struct value *arguments, LLVMValueRef result)
{
    LLVMValueRef zero = LLVMConstInt(g->i32, 0, false), status = status_of(g, result);
    LLVMBasicBlockRef failed = block_new(g, "failed"), end = block_new(g, "called");
    LLVMBasicBlockRef from[2] = {LLVMGetInsertBlock(g->builder)};
    branch_likely(g, LLVMBuildICmp(g->builder, LLVMIntEQ, status, zero, ""), end, failed);
    block_enter(g, failed);
    LLVMTypeRef type = LLVMFunctionType(g->i32, &g->pointer, 1, false);
    LLVMValueRef recover = LLVMGetNamedFunction(g->module, "wk_recover");
    if (!recover)
        recover = LLVMAddFunction(g->module, "wk_recover", type);
    check_status(g, LLVMBuildCall2(g->builder, type, recover, &g->worker, 1, ""));
    LLVMValueRef values[2] = {result, call_task(g, fallback, arguments)};
    from[1] = LLVMGetInsertBlock(g->builder);
    LLVMBuildBr(g->builder, end);
    block_enter(g, end);
    LLVMValueRef either = LLVMBuildPhi(g->builder, LLVMTypeOf(result), "");
    LLVMAddIncoming(either, values, from, 2);
    return either;
}

static struct value call_any(struct generator *g, struct typed_function *callee, bool is_bare,
                             const struct value *arguments, struct span span)
{
    if (is_scalar_prelude(callee))
        return call_prelude(g, callee, arguments, span);
    LLVMValueRef result = call_task(g, callee, arguments);
    if (callee->fallback && !is_bare)
        result = call_fallback(g, callee->fallback, arguments, result);
    check_status(g, status_of(g, result));
    return unpack_result(g, result, callee->result);
}

struct value call_function(struct generator *g, struct typed_function *callee,
                           const struct value *arguments, struct span span)
{
    return call_any(g, callee, false, arguments, span);
}

struct value call_member(struct generator *g, struct typed_function *callee,
                         const struct value *arguments, struct span span)
{
    if (is_scalar_prelude(callee))
        return call_prelude(g, callee, arguments, span);
    LLVMValueRef result = call_task(g, callee, arguments);
    if (callee->fallback)
        result = call_fallback(g, callee->fallback, arguments, result);
    member_describe(g, callee, arguments, status_of(g, result), span);
    check_status(g, status_of(g, result));
    return unpack_result(g, result, callee->result);
}

struct value call_bare(struct generator *g, struct typed_function *callee,
                       const struct value *arguments, struct span span)
{
    return call_any(g, callee, true, arguments, span);
}

/* ---- Kernels ------------------------------------------------------------------------------ */

/* Lends strings and arrays of bytes, of which strings are made, to the call. */
static void lend(struct generator *g, const struct value *value)
{
    const struct type *type = value->type;
    for (uint32_t i = 0; value->parts && i < type->part_count; i++)
        lend(g, &value->parts[i]);
    bool is_bytes =
        type->kind == TYPE_ARRAY && type_is_scalar(type->element) && type->element->scalar == WK_U8;
    if (type->kind != TYPE_STRING && !is_bytes)
        return;
    LLVMTypeRef parameters[] = {g->pointer, g->pointer, g->i64};
    LLVMTypeRef function_type = LLVMFunctionType(g->nothing, parameters, 3, false);
    LLVMValueRef function = runtime_function(g, "wk_lend", function_type, false);
    LLVMValueRef arguments[] = {g->worker, value->scalar, array_bytes(g, value)};
    LLVMBuildCall2(g->builder, function_type, function, arguments, 3, "");
}

static LLVMValueRef kernel_call(struct generator *g, const struct typed_function *function,
                                LLVMValueRef callee, LLVMTypeRef type, LLVMValueRef words)
{
    uint32_t count = LLVMCountParamTypes(type), at = 2, word = 0;
    LLVMValueRef *operands = arena_array(&g->arena, LLVMValueRef, count);
    LLVMValueRef depth_offset = constant_i64(g, offsetof(struct wk_context, depth));
    LLVMValueRef depth = LLVMBuildInBoundsGEP2(g->builder, g->i8, g->worker, &depth_offset, 1, "");
    operands[0] = g->worker;
    operands[1] = LLVMBuildLoad2(g->builder, g->i32, depth, "");
    for (uint32_t i = 0; i < function->parameter_count; i++) {
        const struct type *parameter = function->parameters[i]->type;
        struct value value = value_load_words(g, parameter, words, word);
        lend(g, &value);
        at += value_flatten(&value, operands + at);
        word += parameter->word_count;
    }
    return LLVMBuildCall2(g->builder, type, callee, operands, count, "");
}

/* What a function calls may hand its arrays on. */
void functions_spread_nans(struct generator *g)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < g->calls.count; i++) {
            struct generated_function *caller = &g->functions.items[g->calls.items[i].caller];
            if (caller->leaves_nans || !g->functions.items[g->calls.items[i].callee].leaves_nans)
                continue;
            caller->leaves_nans = changed = true;
        }
    }
}

static void make_canonical(struct generator *g, const struct value *value)
{
    for (uint32_t i = 0; value->parts && i < value->type->part_count; i++)
        make_canonical(g, &value->parts[i]);
    if (value->type->kind == TYPE_ARRAY && type_is_float(value->type->element))
        source_write(g, source_of_value(g, *value), value, true);
}

static void kernel_return(struct generator *g, const struct typed_function *function,
                          LLVMValueRef result, LLVMValueRef words)
{
    LLVMBasicBlockRef good = block_new(g, "ok"), bad = block_new(g, "fail");
    LLVMValueRef status = LLVMBuildExtractValue(g->builder, result, 0, "");
    LLVMValueRef zero = LLVMConstInt(g->i32, 0, false);
    branch_likely(g, LLVMBuildICmp(g->builder, LLVMIntEQ, status, zero, ""), good, bad);
    block_enter(g, bad);
    LLVMBuildRet(g->builder, status);
    block_enter(g, good);
    uint32_t count = type_native_count(function->result), at = 0;
    LLVMValueRef *leaves = arena_array(&g->arena, LLVMValueRef, count);
    for (uint32_t i = 0; i < count; i++)
        leaves[i] = LLVMBuildExtractValue(g->builder, result, i + 1, "");
    struct value value = value_unflatten(g, function->result, leaves, &at);
    if (g->functions.items[function_number(g, function, NULL)].leaves_nans)
        make_canonical(g, &value);
    value_store_words(g, &value, words, 0);
    LLVMBuildRet(g->builder, zero);
}

/* int32_t wk_task_NAME(context, arguments, results): see wk.h. */
void kernel_define(struct generator *g, struct typed_function *function)
{
    LLVMTypeRef parameters[] = {g->pointer, g->pointer, g->pointer};
    LLVMTypeRef type = LLVMFunctionType(g->i32, parameters, 3, false), callee_type;
    const char *name = arena_printf(&g->arena, KERNEL_PREFIX "%s", function->symbol);
    LLVMValueRef callee = function_declare(g, function, &callee_type);
    g->routine = LLVMAddFunction(g->module, name, type);
    attribute_add(g, g->routine, 2, "noalias", 0);
    attribute_add(g, g->routine, 2, "readonly", 0);
    attribute_add(g, g->routine, 3, "noalias", 0);
    attribute_add(g, g->routine, FUNCTION_INDEX, "nounwind", 0);
    g->result_type = g->i32;
    g->worker = LLVMGetParam(g->routine, 0);
    g->entry = block_new(g, "entry");
    LLVMPositionBuilderAtEnd(g->builder, g->entry);
    debug_function(g, function, g->routine);
    debug_at(g, function->span);
    g->stop = LLVMBuildLoad2(g->builder, g->pointer, g->worker, "stop");
    LLVMValueRef result =
        kernel_call(g, function, callee, callee_type, LLVMGetParam(g->routine, 1));
    kernel_return(g, function, result, LLVMGetParam(g->routine, 2));
    g->debug_scope = NULL;
    LLVMSetCurrentDebugLocation2(g->builder, NULL);
}
