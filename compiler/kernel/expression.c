/*
 * Expressions, by kind.
 */
#include "joined.h"

#include "value/semantics.h"

#include "base/memory.h"
#include "check/in_order.h"
#include "check/messages.h"
#include "check/typed_tree.h"

LLVMValueRef expression_scalar(struct generator *g, const struct typed *typed)
{
    return expression(g, typed).scalar;
}

struct value expression_borrow(struct generator *g, const struct typed *typed)
{
    return value_dense(g, scope_keep(g, expression(g, typed)));
}

static struct value elementwise(struct generator *g, const struct typed *typed)
{
    return source_materialize(g, source_open(g, typed), typed->type, typed->span);
}

static struct value operation(struct generator *g, const struct typed *typed)
{
    if (typed->type->kind == TYPE_ARRAY)
        return elementwise(g, typed);
    LLVMValueRef operands[3];
    for (uint32_t i = 0; i < typed->operand_count; i++)
        operands[i] = expression_scalar(g, typed->operands[i]);
    debug_at(g, typed->operator_span.source ? typed->operator_span : typed->span);
    return value_scalar(typed->type,
                        operation_emit(g, typed->operation, typed->operands[0]->type->scalar,
                                       operands, typed->span));
}

static struct value convert(struct generator *g, const struct typed *typed)
{
    if (typed->type->kind == TYPE_ARRAY)
        return elementwise(g, typed);
    LLVMValueRef operand = expression_scalar(g, typed->operands[0]);
    debug_at(g, typed->span);
    return value_scalar(typed->type, convert_emit(g, typed->operands[0]->type->scalar,
                                                  typed->type->scalar, operand, typed->span));
}

static struct value equal(struct generator *g, const struct typed *typed)
{
    struct value left = expression_borrow(g, typed->operands[0]);
    struct value right = expression_borrow(g, typed->operands[1]);
    debug_at(g, typed->span);
    LLVMValueRef result = value_equal(g, &left, &right);
    if (typed->negated)
        result = LLVMBuildNot(g->builder, result, "");
    return value_scalar(typed->type, result);
}

/* && and ||: the right side is evaluated only where it decides. */
static struct value lazy(struct generator *g, const struct typed *typed, bool is_and)
{
    LLVMValueRef left = expression_scalar(g, typed->operands[0]);
    LLVMBasicBlockRef from[2] = {LLVMGetInsertBlock(g->builder), NULL};
    LLVMBasicBlockRef other = block_new(g, "other"), end = block_new(g, "decided");
    LLVMBuildCondBr(g->builder, left, is_and ? other : end, is_and ? end : other);
    block_enter(g, other);
    struct scope scope;
    scope_open(g, &scope);
    LLVMValueRef right = expression_scalar(g, typed->operands[1]);
    scope_close(g, &scope);
    from[1] = LLVMGetInsertBlock(g->builder);
    LLVMBuildBr(g->builder, end);
    block_enter(g, end);
    LLVMValueRef phi = LLVMBuildPhi(g->builder, g->i1, "");
    LLVMValueRef values[2] = {LLVMConstInt(g->i1, !is_and, false), right};
    LLVMAddIncoming(phi, values, from, 2);
    return value_scalar(typed->type, phi);
}

static struct value index_expression(struct generator *g, const struct typed *typed)
{
    if (is_file_contents(typed->base))
        return file_piece(g, typed);
    struct value base = scope_keep(g, expression(g, typed->base));
    return array_index(g, &base, typed->indexes, typed->type);
}

static struct value extent(struct generator *g, const struct typed *typed)
{
    if (is_file_contents(typed->operands[0]))
        return value_scalar(typed->type, file_size(g, typed->operands[0]));
    return value_scalar(typed->type, array_extent(g, typed->operands[0], typed->number));
}

LLVMValueRef array_extent(struct generator *g, const struct typed *typed, uint32_t dimension)
{
    const struct joined *joined = joined_open(g, typed);
    if (joined)
        return joined->extents[dimension];
    return scope_keep(g, expression(g, typed)).extents[dimension];
}

static struct value part(struct generator *g, const struct typed *typed)
{
    struct value tuple = scope_keep(g, expression(g, typed->operands[0]));
    return tuple.parts[typed->number];
}

static struct value tuple(struct generator *g, const struct typed *typed)
{
    struct value value = {.type = typed->type};
    value.parts = arena_array(&g->arena, struct value, typed->item_count);
    for (uint32_t i = 0; i < typed->item_count; i++)
        value.parts[i] = value_dense(g, expression(g, typed->items[i]));
    return value;
}

static bool is_constant_list(const struct typed *typed)
{
    for (uint32_t i = 0; i < typed->item_count; i++)
        if (typed->items[i]->kind != TYPED_CONSTANT)
            return false;
    return typed->item_count > 0 && type_is_scalar(typed->type->element);
}

/* A list of constants is part of the object, and borrowed from there. */
static struct value constant_list(struct generator *g, const struct typed *typed)
{
    enum wk_scalar scalar = typed->type->element->scalar;
    LLVMTypeRef type = scalar_memory_type(g, scalar);
    LLVMValueRef *items = arena_array(&g->arena, LLVMValueRef, typed->item_count);
    for (uint32_t i = 0; i < typed->item_count; i++) {
        uint64_t word = semantics_canonical(scalar, typed->items[i]->word);
        items[i] =
            scalar == WK_BOOL ? LLVMConstInt(type, word, false) : constant_scalar(g, scalar, word);
    }
    LLVMValueRef data =
        private_constant(g, LLVMConstArray2(type, items, typed->item_count), "list");
    LLVMSetAlignment(data, WK_ALIGN);
    LLVMValueRef extent = constant_i64(g, typed->item_count);
    return value_array(g, typed->type, data, &extent, false);
}

static struct value array_literal(struct generator *g, const struct typed *typed)
{
    if (is_constant_list(typed))
        return constant_list(g, typed);
    LLVMValueRef count = constant_i64(g, typed->item_count);
    struct value *items = arena_array(&g->arena, struct value, typed->item_count);
    for (uint32_t i = 0; i < typed->item_count; i++) {
        items[i] = expression(g, typed->items[i]);
        if (type_has_array(items[i].type))
            items[i] = value_own(g, items[i]);
    }
    struct value array = array_new(g, typed->type, &count, typed->span);
    for (uint32_t i = 0; i < typed->item_count; i++)
        element_store(g, &items[i],
                      element_address(g, typed->type->element, array.scalar, constant_i64(g, i)));
    return array;
}

/* One branch of an `if` expression, in a scope of its own. What it gives is owned if it depends on
 * that scope or if `own` says so. */
static struct value branch(struct generator *g, const struct typed *typed)
{
    struct scope scope;
    scope_open(g, &scope);
    struct value value = expression(g, typed);
    if (type_has_array(typed->type))
        value = value_own(g, value);
    scope_close(g, &scope);
    return value;
}

static struct value conditional(struct generator *g, const struct typed *typed)
{
    LLVMValueRef condition = expression_scalar(g, typed->condition);
    debug_at(g, typed->span);
    LLVMBasicBlockRef then = block_new(g, "then"), otherwise = block_new(g, "else"),
                      end = block_new(g, "chosen");
    LLVMBuildCondBr(g->builder, condition, then, otherwise);
    uint32_t count = type_native_count(typed->type);
    LLVMValueRef *leaves = arena_array(&g->arena, LLVMValueRef, 2 * (size_t)count);
    LLVMBasicBlockRef from[2];
    for (int side = 0; side < 2; side++) {
        block_enter(g, side ? otherwise : then);
        struct value value = branch(g, side ? typed->otherwise : typed->then);
        value_flatten(&value, leaves + (side ? count : 0));
        from[side] = LLVMGetInsertBlock(g->builder);
        LLVMBuildBr(g->builder, end);
    }
    block_enter(g, end);
    for (uint32_t i = 0; i < count; i++) {
        LLVMValueRef values[2] = {leaves[i], leaves[count + i]};
        leaves[i] = LLVMBuildPhi(g->builder, LLVMTypeOf(values[0]), "");
        LLVMAddIncoming(leaves[i], values, from, 2);
    }
    uint32_t at = 0;
    return value_mark_owned(value_unflatten(g, typed->type, leaves, &at));
}

/* What is joined goes to a task as it is, if the task takes its elements in order alone. */
static struct value argument(struct generator *g, const struct typed *typed, uint32_t number)
{
    const struct typed *given = typed->arguments[number];
    if (!typed_is_join(given) && !joined_variable(g, given))
        return expression_borrow(g, given);
    const struct joined *joined = joined_open(g, given);
    if (task_not_in_order(typed->callee, number, joined_has_rows(joined)))
        return scope_keep(g, joined_materialize(g, joined, given->span));
    struct value value = value_array(g, given->type, NULL, joined->extents, false);
    value.joined = joined;
    return value;
}

static struct value call(struct generator *g, const struct typed *typed)
{
    struct value *arguments = arena_array(&g->arena, struct value, typed->argument_count);
    for (uint32_t i = 0; i < typed->argument_count; i++)
        arguments[i] = argument(g, typed, i);
    debug_at(g, typed->span);
    if (typed->is_member)
        return call_member(g, typed->callee, arguments, typed->span);
    if (typed->is_bare)
        return call_bare(g, typed->callee, arguments, typed->span);
    return call_function(g, typed->callee, arguments, typed->span);
}

struct value expression(struct generator *g, const struct typed *typed)
{
    switch (typed->kind) {
    case TYPED_CONSTANT:
        if (typed->type->kind == TYPE_STRING)
            return text_literal(g, typed);
        return value_scalar(typed->type, constant_scalar(g, typed->type->scalar, typed->word));
    case TYPED_VARIABLE:
        if (joined_variable(g, typed))
            return joined_materialize(g, joined_variable(g, typed), typed->span);
        return slot_load(g, &g->slots[typed->variable->index]);
    case TYPED_OPERATION:
        return operation(g, typed);
    case TYPED_EQUAL:
        return equal(g, typed);
    case TYPED_AND:
        return lazy(g, typed, true);
    case TYPED_OR:
        return lazy(g, typed, false);
    case TYPED_CONVERT:
        return convert(g, typed);
    case TYPED_MATMUL:
        return matmul(g, typed);
    case TYPED_INDEX:
        return index_expression(g, typed);
    case TYPED_EXTENT:
        return extent(g, typed);
    case TYPED_PART:
        return part(g, typed);
    case TYPED_TUPLE:
        return tuple(g, typed);
    case TYPED_ARRAY:
        return array_literal(g, typed);
    case TYPED_COMPREHENSION:
        return typed->filter ? comprehension_filtered(g, typed) : elementwise(g, typed);
    case TYPED_IF:
        return conditional(g, typed);
    case TYPED_CALL:
        return call(g, typed);
    case TYPED_BUILTIN:
        return builtin(g, typed);
    case TYPED_REDUCE:
        return typed->is_scan ? reduce_scan(g, typed) : reduce_tree(g, typed);
    }
    bug("expression of kind %d", (int)typed->kind);
}
