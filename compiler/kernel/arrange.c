/*
 * The prelude's functions that rearrange one array or several: reverse, zip, enumerate, and sort
 * and order, which are functions of the runtime (value/sort.c, value/sort_text.c).
 */
#include "generator.h"

/* An element of a borrowed array, owned if it holds arrays. */
static struct value take_element(struct generator *g, const struct value *array, LLVMValueRef index)
{
    const struct type *element = array->type->element;
    return value_own(g,
                     element_load(g, element, element_address(g, element, array->scalar, index)));
}

struct value arrange_reverse(struct generator *g, const struct typed *typed)
{
    struct value array = expression_borrow(g, typed->items[0]);
    const struct type *element = typed->type->element;
    LLVMValueRef count = array.extents[0];
    struct value result = array_new(g, typed->type, &count, typed->span);
    LLVMValueRef last = LLVMBuildSub(g->builder, count, constant_i64(g, 1), "");
    struct loop loop;
    loop_open(g, &loop, constant_i64(g, 0), count);
    struct value value = take_element(g, &array, LLVMBuildSub(g->builder, last, loop.index, ""));
    element_store(g, &value, element_address(g, element, result.scalar, loop.index));
    loop_close(g, &loop);
    return result;
}

struct value arrange_zip(struct generator *g, const struct typed *typed)
{
    const struct type *tuple = typed->type->element;
    uint32_t first = tuple->part_count - typed->item_count; /* 1 of enumerate: the index */
    struct value *arrays = arena_array(&g->arena, struct value, typed->item_count);
    for (uint32_t i = 0; i < typed->item_count; i++)
        arrays[i] = expression_borrow(g, typed->items[i]);
    debug_at(g, typed->span);
    for (uint32_t i = 1; i < typed->item_count; i++)
        check_extents_agree(g, arrays[0].extents, arrays[i].extents, 1, typed->span);
    struct value result = array_new(g, typed->type, arrays[0].extents, typed->span);
    struct loop loop;
    loop_open(g, &loop, constant_i64(g, 0), arrays[0].extents[0]);
    struct value value = {.type = tuple};
    value.parts = arena_array(&g->arena, struct value, tuple->part_count);
    if (first)
        value.parts[0] = value_scalar(tuple->parts[0], loop.index);
    for (uint32_t i = 0; i < typed->item_count; i++)
        value.parts[first + i] = take_element(g, &arrays[i], loop.index);
    element_store(g, &value, element_address(g, tuple, result.scalar, loop.index));
    loop_close(g, &loop);
    return result;
}

/* Calls a function of the runtime that gives a status: name(context, scalar, …). */
static void call_runtime(struct generator *g, const char *name, LLVMValueRef *arguments,
                         uint32_t count)
{
    LLVMTypeRef parameters[5];
    for (uint32_t i = 0; i < count; i++)
        parameters[i] = LLVMTypeOf(arguments[i]);
    LLVMTypeRef type = LLVMFunctionType(g->i32, parameters, count, false);
    LLVMValueRef function = LLVMGetNamedFunction(g->module, name);
    if (!function)
        function = LLVMAddFunction(g->module, name, type);
    check_status(g, LLVMBuildCall2(g->builder, type, function, arguments, count, ""));
}

struct value arrange_sort(struct generator *g, const struct typed *typed)
{
    struct value array = value_own(g, expression(g, typed->items[0]));
    debug_at(g, typed->span);
    if (typed->type->element->kind == TYPE_STRING) {
        LLVMValueRef arguments[] = {g->worker, array.scalar, array.extents[0]};
        call_runtime(g, "wk_sort_str", arguments, 3);
        return array;
    }
    LLVMValueRef scalar = LLVMConstInt(g->i32, typed->type->element->scalar, false);
    LLVMValueRef arguments[] = {g->worker, scalar, array.scalar, array.extents[0]};
    call_runtime(g, "wk_sort", arguments, 4);
    return array;
}

struct value arrange_order(struct generator *g, const struct typed *typed)
{
    struct value array = expression_borrow(g, typed->items[0]);
    debug_at(g, typed->span);
    struct value result = array_new(g, typed->type, array.extents, typed->span);
    if (array.type->element->kind == TYPE_STRING) {
        LLVMValueRef arguments[] = {g->worker, array.scalar, array.extents[0], result.scalar};
        call_runtime(g, "wk_order_str", arguments, 4);
        return result;
    }
    LLVMValueRef scalar = LLVMConstInt(g->i32, array.type->element->scalar, false);
    LLVMValueRef arguments[] = {g->worker, scalar, array.scalar, array.extents[0], result.scalar};
    call_runtime(g, "wk_order", arguments, 5);
    return result;
}
