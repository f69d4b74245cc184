/*
 * Layouts of types as constants of the object: what functions of the runtime are told of values.
 */
#include "generator.h"

#include "value/layout.h"

/* The array of the layouts of its parts, its element, or its key and value. */
static LLVMValueRef parts_constant(struct generator *g, const struct type *type, uint32_t count)
{
    LLVMValueRef parts[2], *list = parts;
    if (count == 0)
        return LLVMConstNull(g->pointer);
    if (type_has_parts(type))
        list = arena_array(&g->arena, LLVMValueRef, count);
    for (uint32_t i = 0; type_has_parts(type) && i < count; i++)
        list[i] = layout_constant(g, type->parts[i]);
    if (type->kind == TYPE_MAP)
        parts[0] = layout_constant(g, type->key);
    if (!type_has_parts(type))
        parts[count - 1] = layout_constant(g, type->element);
    return private_constant(g, LLVMConstArray2(g->pointer, list, count), "parts");
}

static LLVMValueRef make_constant(struct generator *g, const struct type *type)
{
    const struct wk_layout *layout = layout_of(type, &g->arena);
    LLVMValueRef fields[] = {
        LLVMConstInt(g->i8, layout->kind, false),
        LLVMConstInt(g->i8, layout->scalar, false),
        LLVMConstInt(g->i8, layout->rank, false),
        LLVMConstInt(g->i8, layout->is_flat, false),
        LLVMConstInt(g->i32, layout->words, false),
        LLVMConstInt(g->i32, layout->bytes, false),
        LLVMConstInt(g->i32, layout->part_count, false),
        parts_constant(g, type, layout->part_count),
    };
    return private_constant(g, LLVMConstStructInContext(g->context, fields, 8, false), "layout");
}

LLVMValueRef layout_constant(struct generator *g, const struct type *type)
{
    for (size_t i = 0; i < g->layouts.count; i++) {
        if (g->layouts.items[i].type == type)
            return g->layouts.items[i].value;
    }
    LLVMValueRef value = make_constant(g, type);
    vector_push(&g->layouts, (struct type_constant){type, value});
    return value;
}
