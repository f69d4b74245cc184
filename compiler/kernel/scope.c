/*
 * Scopes: which arrays generated code drops, and when; and the slots that variables live in.
 *
 * A scope is open while a block, a statement, a turn of a loop or a branch of an expression is
 * being generated. It keeps variables and temporaries, and drops them in reverse order where it
 * ends; a jump out of it (break, continue, return) drops the same before it jumps. Failures drop
 * nothing.
 */
#include "generator.h"

void scope_open(struct generator *g, struct scope *scope)
{
    *scope = (struct scope){.parent = g->scope};
    g->scope = scope;
}

static void scope_drop(struct generator *g, const struct scope *scope)
{
    for (size_t i = scope->keeps.count; i-- > 0;) {
        const struct keep *keep = &scope->keeps.items[i];
        if (keep->slot)
            slot_drop(g, keep->slot);
        else
            value_drop(g, &keep->value);
    }
}

void scope_close(struct generator *g, struct scope *scope)
{
    if (!block_has_ended(g))
        scope_drop(g, scope);
    vector_release(&scope->keeps);
    g->scope = scope->parent;
}

void scope_merge(struct generator *g, struct scope *scope)
{
    for (size_t i = 0; i < scope->keeps.count; i++)
        vector_push(&scope->parent->keeps, scope->keeps.items[i]);
    vector_release(&scope->keeps);
    g->scope = scope->parent;
}

void scope_unwind(struct generator *g, const struct scope *outermost)
{
    const struct scope *end = outermost ? outermost->parent : NULL;
    for (const struct scope *scope = g->scope; scope != end; scope = scope->parent)
        scope_drop(g, scope);
}

static void keep_arrays(struct generator *g, const struct value *value)
{
    if (type_is_owner(value->type) && value->owned)
        vector_push(&g->scope->keeps, (struct keep){.value = *value});
    for (uint32_t i = 0; value->parts && i < value->type->part_count; i++)
        keep_arrays(g, &value->parts[i]);
}

struct value scope_keep(struct generator *g, struct value value)
{
    if (!value_has_array(&value, true))
        return value;
    keep_arrays(g, &value);
    return value_borrow(g, value);
}

void scope_keep_slot(struct generator *g, struct slot *slot)
{
    vector_push(&g->scope->keeps, (struct keep){.slot = slot});
}

/* ---- Slots -------------------------------------------------------------------------------------
 */

struct slot slot_make(struct generator *g, const struct type *type, const char *name)
{
    struct slot slot = {.type = type};
    if (type_is_scalar(type)) {
        slot.storage = entry_alloca(g, scalar_memory_type(g, type->scalar), name);
        return slot;
    }
    if (type_is_owner(type)) {
        /* Address and extents lie together, so that a debugger can show them as one. */
        LLVMTypeRef words = LLVMArrayType2(g->i64, 1u + type->rank);
        slot.storage = entry_alloca(g, words, name);
        slot.extents = arena_array(&g->arena, LLVMValueRef, type->rank);
        LLVMBasicBlockRef here = LLVMGetInsertBlock(g->builder);
        LLVMPositionBuilderBefore(g->builder, LLVMGetBasicBlockTerminator(g->entry));
        for (uint32_t i = 0; i < type->rank; i++) {
            LLVMValueRef index = constant_i64(g, 1 + i);
            slot.extents[i] =
                LLVMBuildInBoundsGEP2(g->builder, g->i64, slot.storage, &index, 1, "");
        }
        LLVMPositionBuilderAtEnd(g->builder, here);
        return slot;
    }
    slot.parts = arena_array(&g->arena, struct slot, type->part_count);
    for (uint32_t i = 0; i < type->part_count; i++)
        slot.parts[i] = slot_make(g, type->parts[i], name);
    return slot;
}

void slot_set_owned(struct slot *slot, bool owned)
{
    slot->owned = owned;
    for (uint32_t i = 0; slot->parts && i < slot->type->part_count; i++)
        slot_set_owned(&slot->parts[i], owned);
}

struct value slot_load(struct generator *g, const struct slot *slot)
{
    const struct type *type = slot->type;
    if (type_is_scalar(type))
        return element_load(g, type, slot->storage);
    if (type_is_owner(type)) {
        LLVMValueRef data = LLVMBuildLoad2(g->builder, g->pointer, slot->storage, "");
        struct value array = value_array(g, type, data, NULL, false);
        for (uint32_t i = 0; i < type->rank; i++)
            array.extents[i] = LLVMBuildLoad2(g->builder, g->i64, slot->extents[i], "");
        return array;
    }
    struct value value = {.type = type};
    value.parts = arena_array(&g->arena, struct value, type->part_count);
    for (uint32_t i = 0; i < type->part_count; i++)
        value.parts[i] = slot_load(g, &slot->parts[i]);
    return value;
}

/* A variable's NaNs need not be canonical: bits show only in arrays and results. */
void slot_store(struct generator *g, const struct slot *slot, const struct value *value)
{
    const struct type *type = slot->type;
    if (type_is_scalar(type)) {
        LLVMValueRef stored = value->scalar;
        if (type->scalar == WK_BOOL)
            stored = LLVMBuildZExt(g->builder, stored, g->i8, "");
        LLVMBuildStore(g->builder, stored, slot->storage);
    } else if (type_is_owner(type)) {
        LLVMBuildStore(g->builder, value->scalar, slot->storage);
        for (uint32_t i = 0; i < type->rank; i++)
            LLVMBuildStore(g->builder, value->extents[i], slot->extents[i]);
    } else {
        for (uint32_t i = 0; i < type->part_count; i++)
            slot_store(g, &slot->parts[i], &value->parts[i]);
    }
}

/* Whether the slot's address is not NULL decides: what was moved out has left NULL there. */
void slot_drop(struct generator *g, const struct slot *slot)
{
    const struct type *type = slot->type;
    if (type_is_owner(type) && slot->owned) {
        struct value array = slot_load(g, slot);
        array.owned = true;
        LLVMBasicBlockRef drop = block_new(g, "drop"), done = block_new(g, "dropped");
        LLVMValueRef held = LLVMBuildIsNotNull(g->builder, array.scalar, "");
        LLVMBuildCondBr(g->builder, held, drop, done);
        block_enter(g, drop);
        value_drop(g, &array);
        block_jump(g, done);
        block_enter(g, done);
    } else if (type_has_parts(type)) {
        for (uint32_t i = 0; i < type->part_count; i++)
            slot_drop(g, &slot->parts[i]);
    }
}

struct value slot_take(struct generator *g, const struct slot *slot)
{
    const struct type *type = slot->type;
    struct value value = slot_load(g, slot);
    if (type_is_owner(type)) {
        LLVMBuildStore(g->builder, LLVMConstNull(g->pointer), slot->storage);
        value.owned = true;
    }
    for (uint32_t i = 0; type_has_parts(type) && i < type->part_count; i++)
        value.parts[i] = slot_take(g, &slot->parts[i]);
    return value;
}

/* ---- Values -------------------------------------------------------------------------------------
 */

bool type_has_array(const struct type *type)
{
    if (type_is_owner(type))
        return true;
    for (uint32_t i = 0; type_has_parts(type) && i < type->part_count; i++) {
        if (type_has_array(type->parts[i]))
            return true;
    }
    return false;
}

bool value_has_array(const struct value *value, bool owned)
{
    if (type_is_owner(value->type))
        return value->owned == owned;
    for (uint32_t i = 0; value->parts && i < value->type->part_count; i++) {
        if (value_has_array(&value->parts[i], owned))
            return true;
    }
    return false;
}

/* Maps all arrays of a value through a function. */
static struct value value_map(struct generator *g, struct value value,
                              struct value (*map)(struct generator *g, struct value array))
{
    if (type_is_owner(value.type))
        return map(g, value);
    if (!value.parts)
        return value;
    struct value mapped = {.type = value.type};
    mapped.parts = arena_array(&g->arena, struct value, value.type->part_count);
    for (uint32_t i = 0; i < value.type->part_count; i++)
        mapped.parts[i] = value_map(g, value.parts[i], map);
    return mapped;
}

static struct value array_borrow(struct generator *g, struct value array)
{
    (void)g;
    array.owned = false;
    return array;
}

struct value value_borrow(struct generator *g, struct value value)
{
    return value_map(g, value, array_borrow);
}

struct value value_mark_owned(struct value value)
{
    if (type_is_owner(value.type))
        value.owned = true;
    for (uint32_t i = 0; value.parts && i < value.type->part_count; i++)
        value.parts[i] = value_mark_owned(value.parts[i]);
    return value;
}

static struct value array_own(struct generator *g, struct value array)
{
    if (array.owned)
        return array;
    if (array.type->kind == TYPE_MAP)
        return map_own(g, array);
    if (array.strides || type_has_array(array.type->element))
        return source_materialize(g, source_of_value(g, array), array.type, g->span);
    if (array.type->kind == TYPE_STRING)
        return text_own(g, &array);
    LLVMValueRef bytes = array_bytes(g, &array);
    struct value copy = value_array(g, array.type, block_new_bytes(g, bytes), array.extents, true);
    copy_memory(g, copy.scalar, array.scalar, bytes);
    return copy;
}

struct value value_own(struct generator *g, struct value value)
{
    return value_map(g, value, array_own);
}

static struct value array_dense(struct generator *g, struct value array)
{
    return array.strides ? scope_keep(g, array_own(g, array)) : array;
}

struct value value_dense(struct generator *g, struct value value)
{
    return value_map(g, value, array_dense);
}

/* ---- Dropping ----------------------------------------------------------------------------- */

/* The function that drops the arrays that are elements: drop(context, data, count). */
static void drop_define(struct generator *g, const struct type *element, LLVMValueRef function)
{
    LLVMValueRef routine = g->routine, worker = g->worker;
    LLVMBasicBlockRef entry = g->entry, here = LLVMGetInsertBlock(g->builder);
    LLVMMetadataRef location = LLVMGetCurrentDebugLocation2(g->builder);
    LLVMSetCurrentDebugLocation2(g->builder, NULL);
    g->routine = function;
    g->worker = LLVMGetParam(function, 0);
    g->entry = block_new(g, "entry");
    LLVMPositionBuilderAtEnd(g->builder, g->entry);
    struct loop loop;
    loop_open(g, &loop, constant_i64(g, 0), LLVMGetParam(function, 2));
    LLVMValueRef address = element_address(g, element, LLVMGetParam(function, 1), loop.index);
    struct value value = element_load(g, element, address);
    value_drop(g, &value);
    loop_close(g, &loop);
    LLVMBuildRetVoid(g->builder);
    g->routine = routine;
    g->worker = worker;
    g->entry = entry;
    LLVMPositionBuilderAtEnd(g->builder, here);
    LLVMSetCurrentDebugLocation2(g->builder, location);
}

static struct type_helper drop_function(struct generator *g, const struct type *element)
{
    for (size_t i = 0; i < g->drops.count; i++) {
        if (g->drops.items[i].type == element)
            return g->drops.items[i];
    }
    LLVMTypeRef parameters[] = {g->pointer, g->pointer, g->i64};
    LLVMTypeRef type = LLVMFunctionType(g->nothing, parameters, 3, false);
    LLVMValueRef function = LLVMAddFunction(g->module, "drop", type);
    LLVMSetLinkage(function, LLVMInternalLinkage);
    struct type_helper helper = {element, function, type};
    vector_push(&g->drops, helper);
    drop_define(g, element, function);
    return helper;
}

void value_drop(struct generator *g, const struct value *value)
{
    const struct type *type = value->type;
    if (type_has_parts(type)) {
        for (uint32_t i = 0; i < type->part_count; i++)
            value_drop(g, &value->parts[i]);
    }
    if (type->kind == TYPE_MAP)
        map_drop(g, value);
    if (type->kind == TYPE_STRING)
        text_free(g, value->scalar);
    if (type->kind != TYPE_ARRAY)
        return;
    if (type->element->kind == TYPE_STRING) {
        texts_free(g, value->scalar, extents_product(g, value->extents, type->rank));
    } else if (type_has_array(type->element)) {
        struct type_helper helper = drop_function(g, type->element);
        LLVMValueRef arguments[] = {g->worker, value->scalar,
                                    extents_product(g, value->extents, type->rank)};
        LLVMBuildCall2(g->builder, helper.function_type, helper.function, arguments, 3, "");
    }
    block_free(g, value->scalar);
}
