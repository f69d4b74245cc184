/*
 * Types in generated code, and the three forms of a value: natural leaves (registers, arguments),
 * words of the ABI, and elements in memory.
 */
#include "generator.h"

#include <string.h>

#include "base/memory.h"

LLVMValueRef constant_i64(struct generator *g, int64_t value)
{
    return LLVMConstInt(g->i64, (unsigned long long)value, true);
}

void attribute_add(struct generator *g, LLVMValueRef function, unsigned index, const char *name,
                   uint64_t value)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    if (index == FUNCTION_INDEX)
        index = (unsigned)LLVMAttributeFunctionIndex;
    LLVMAddAttributeAtIndex(function, index, LLVMCreateEnumAttribute(g->context, kind, value));
}

LLVMTypeRef scalar_type(struct generator *g, enum wk_scalar scalar)
{
    switch (scalar) {
    case WK_BOOL:
        return g->i1;
    case WK_F32:
        return g->f32;
    case WK_F64:
        return g->f64;
    case WK_I8:
    case WK_I16:
    case WK_I32:
    case WK_I64:
    case WK_U8:
    case WK_U16:
    case WK_U32:
    case WK_U64:
        break;
    }
    return LLVMIntTypeInContext(g->context, wk_scalar_bytes(scalar) * 8);
}

/* A bool takes a byte in memory. */
LLVMTypeRef scalar_memory_type(struct generator *g, enum wk_scalar scalar)
{
    return scalar == WK_BOOL ? g->i8 : scalar_type(g, scalar);
}

LLVMValueRef constant_scalar(struct generator *g, enum wk_scalar scalar, uint64_t word)
{
    if (scalar != WK_F32 && scalar != WK_F64)
        return LLVMConstInt(scalar_type(g, scalar), word, false);
    LLVMTypeRef bits = scalar == WK_F32 ? g->i32 : g->i64;
    return LLVMConstBitCast(LLVMConstInt(bits, word, false), scalar_type(g, scalar));
}

/* ---- Natural leaves ----------------------------------------------------------------------------
 */

uint32_t type_native_count(const struct type *type)
{
    if (type_is_scalar(type))
        return 1;
    if (type_is_owner(type))
        return 1u + type->rank;
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->part_count; i++)
        count += type_native_count(type->parts[i]);
    return count;
}

uint32_t type_native(struct generator *g, const struct type *type, LLVMTypeRef *out)
{
    if (type_is_scalar(type)) {
        out[0] = scalar_type(g, type->scalar);
        return 1;
    }
    if (type_is_owner(type)) {
        out[0] = g->pointer;
        for (uint32_t i = 0; i < type->rank; i++)
            out[1 + i] = g->i64;
        return 1u + type->rank;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->part_count; i++)
        count += type_native(g, type->parts[i], out + count);
    return count;
}

uint32_t value_flatten(const struct value *value, LLVMValueRef *out)
{
    const struct type *type = value->type;
    if (type_is_scalar(type)) {
        out[0] = value->scalar;
        return 1;
    }
    if (type_is_owner(type)) {
        if (value->strides)
            bug("a strided array has no natural leaves");
        out[0] = value->scalar;
        for (uint32_t i = 0; i < type->rank; i++)
            out[1 + i] = value->extents[i];
        return 1u + type->rank;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->part_count; i++)
        count += value_flatten(&value->parts[i], out + count);
    return count;
}

struct value value_scalar(const struct type *type, LLVMValueRef scalar)
{
    return (struct value){.type = type, .scalar = scalar};
}

struct value value_unit(const struct type *type)
{
    return (struct value){.type = type};
}

struct value value_array(struct generator *g, const struct type *type, LLVMValueRef data,
                         LLVMValueRef *extents, bool owned)
{
    struct value value = {.type = type, .scalar = data, .owned = owned};
    value.extents = arena_array(&g->arena, LLVMValueRef, type->rank);
    for (uint32_t i = 0; extents && i < type->rank; i++)
        value.extents[i] = extents[i];
    return value;
}

struct value value_unflatten(struct generator *g, const struct type *type, LLVMValueRef *leaves,
                             uint32_t *at)
{
    if (type_is_scalar(type))
        return value_scalar(type, leaves[(*at)++]);
    if (type_is_owner(type)) {
        LLVMValueRef *first = leaves + *at;
        *at += 1u + type->rank;
        return value_array(g, type, first[0], first + 1, false);
    }
    struct value value = {.type = type};
    value.parts = arena_array(&g->arena, struct value, type->part_count);
    for (uint32_t i = 0; i < type->part_count; i++)
        value.parts[i] = value_unflatten(g, type->parts[i], leaves, at);
    return value;
}

/* ---- Words -------------------------------------------------------------------------------- */

LLVMValueRef scalar_to_word(struct generator *g, enum wk_scalar scalar, LLVMValueRef value)
{
    if (scalar == WK_F64)
        return LLVMBuildBitCast(g->builder, value, g->i64, "");
    if (scalar == WK_F32)
        value = LLVMBuildBitCast(g->builder, value, g->i32, "");
    if (LLVMTypeOf(value) == g->i64)
        return value;
    bool is_signed = scalar >= WK_I8 && scalar <= WK_I64;
    return is_signed ? LLVMBuildSExt(g->builder, value, g->i64, "")
                     : LLVMBuildZExt(g->builder, value, g->i64, "");
}

LLVMValueRef word_to_scalar(struct generator *g, enum wk_scalar scalar, LLVMValueRef word)
{
    if (scalar == WK_BOOL)
        return LLVMBuildICmp(g->builder, LLVMIntNE, word, constant_i64(g, 0), "");
    if (scalar == WK_F64)
        return LLVMBuildBitCast(g->builder, word, g->f64, "");
    LLVMTypeRef type = scalar == WK_F32 ? g->i32 : scalar_type(g, scalar);
    LLVMValueRef value = type == g->i64 ? word : LLVMBuildTrunc(g->builder, word, type, "");
    return scalar == WK_F32 ? LLVMBuildBitCast(g->builder, value, g->f32, "") : value;
}

static LLVMValueRef word_address(struct generator *g, LLVMValueRef words, uint32_t at)
{
    LLVMValueRef index = constant_i64(g, at);
    return at ? LLVMBuildInBoundsGEP2(g->builder, g->i64, words, &index, 1, "") : words;
}

static LLVMValueRef word_load(struct generator *g, LLVMTypeRef type, LLVMValueRef words,
                              uint32_t at)
{
    return LLVMBuildLoad2(g->builder, type, word_address(g, words, at), "");
}

struct value value_load_words(struct generator *g, const struct type *type, LLVMValueRef words,
                              uint32_t at)
{
    if (type_is_scalar(type))
        return value_scalar(type, word_to_scalar(g, type->scalar, word_load(g, g->i64, words, at)));
    if (type_is_owner(type)) {
        struct value array = value_array(g, type, word_load(g, g->pointer, words, at), NULL, false);
        for (uint32_t i = 0; i < type->rank; i++)
            array.extents[i] = word_load(g, g->i64, words, at + 1 + i);
        return array;
    }
    struct value value = {.type = type};
    value.parts = arena_array(&g->arena, struct value, type->part_count);
    for (uint32_t i = 0; i < type->part_count; i++) {
        value.parts[i] = value_load_words(g, type->parts[i], words, at);
        at += type->parts[i]->word_count;
    }
    return value;
}

void value_store_words(struct generator *g, const struct value *value, LLVMValueRef words,
                       uint32_t at)
{
    const struct type *type = value->type;
    if (type_is_scalar(type)) {
        LLVMValueRef scalar = canonical(g, type->scalar, value->scalar);
        LLVMBuildStore(g->builder, scalar_to_word(g, type->scalar, scalar),
                       word_address(g, words, at));
        return;
    }
    if (type_is_owner(type)) {
        LLVMBuildStore(g->builder, value->scalar, word_address(g, words, at));
        for (uint32_t i = 0; i < type->rank; i++)
            LLVMBuildStore(g->builder, value->extents[i], word_address(g, words, at + 1 + i));
        return;
    }
    for (uint32_t i = 0; i < type->part_count; i++) {
        value_store_words(g, &value->parts[i], words, at);
        at += type->parts[i]->word_count;
    }
}

/* ---- Elements ----------------------------------------------------------------------------- */

LLVMValueRef element_address(struct generator *g, const struct type *element, LLVMValueRef data,
                             LLVMValueRef offset)
{
    LLVMTypeRef type;
    if (type_is_scalar(element))
        type = scalar_memory_type(g, element->scalar);
    else
        type = LLVMArrayType2(g->i64, element->word_count);
    return LLVMBuildInBoundsGEP2(g->builder, type, data, &offset, 1, "");
}

struct value element_load(struct generator *g, const struct type *element, LLVMValueRef address)
{
    if (!type_is_scalar(element))
        return value_load_words(g, element, address, 0);
    LLVMValueRef loaded =
        LLVMBuildLoad2(g->builder, scalar_memory_type(g, element->scalar), address, "");
    if (element->scalar == WK_BOOL)
        loaded = LLVMBuildICmp(g->builder, LLVMIntNE, loaded, LLVMConstInt(g->i8, 0, false), "");
    return value_scalar(element, loaded);
}

void element_store_raw(struct generator *g, const struct value *value, LLVMValueRef address)
{
    LLVMValueRef stored = value->scalar;
    if (value->type->scalar == WK_BOOL)
        stored = LLVMBuildZExt(g->builder, stored, g->i8, "");
    LLVMBuildStore(g->builder, stored, address);
}

void element_store(struct generator *g, const struct value *value, LLVMValueRef address)
{
    const struct type *type = value->type;
    if (!type_is_scalar(type)) {
        value_store_words(g, value, address, 0);
        return;
    }
    struct value stored = value_scalar(type, canonical(g, type->scalar, value->scalar));
    element_store_raw(g, &stored, address);
}
