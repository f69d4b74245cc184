/* Words, blocks and shapes; see value.h. */
#include "value/value.h"

#include <string.h>

#include "base/memory.h"
#include "value/layout.h"

void block_words(struct wk_block *block, uint64_t *words)
{
    words[0] = (uintptr_t)block_data(block);
    for (unsigned i = 0; i < block->rank; i++)
        words[1 + i] = (uint64_t)block->extents[i];
}

uint64_t scalar_load(enum wk_scalar scalar, const void *element)
{
    int8_t i8;
    int16_t i16;
    int32_t i32;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    switch (scalar) {
    case WK_BOOL:
    case WK_U8:
        return *(const uint8_t *)element;
    case WK_I8:
        memcpy(&i8, element, sizeof i8);
        return (uint64_t)i8;
    case WK_I16:
        memcpy(&i16, element, sizeof i16);
        return (uint64_t)i16;
    case WK_I32:
        memcpy(&i32, element, sizeof i32);
        return (uint64_t)i32;
    case WK_U16:
        memcpy(&u16, element, sizeof u16);
        return u16;
    case WK_U32:
    case WK_F32:
        memcpy(&u32, element, sizeof u32);
        return u32;
    case WK_I64:
    case WK_U64:
    case WK_F64:
        memcpy(&u64, element, sizeof u64);
        return u64;
    }
    bug("scalar %d", (int)scalar);
}

void scalar_store(enum wk_scalar scalar, uint64_t word, void *element)
{
    switch (wk_scalar_bytes(scalar)) {
    case 1:
        memcpy(element, &(uint8_t){(uint8_t)word}, 1);
        return;
    case 2:
        memcpy(element, &(uint16_t){(uint16_t)word}, 2);
        return;
    case 4:
        memcpy(element, &(uint32_t){(uint32_t)word}, 4);
        return;
    case 8:
        memcpy(element, &word, 8);
        return;
    }
    bug("scalar %d", (int)scalar);
}

/* An extent of zero makes the product zero, however large the others are. */
bool shape_bytes(uint8_t rank, const int64_t *extents, uint32_t element_bytes, uint64_t *bytes)
{
    bool empty = false, overflow = false;
    *bytes = element_bytes;
    for (unsigned i = 0; i < rank; i++) {
        if (extents[i] < 0)
            return false;
        empty |= extents[i] == 0;
        overflow |= __builtin_mul_overflow(*bytes, (uint64_t)extents[i], bytes);
    }
    if (empty)
        *bytes = 0;
    return empty || (!overflow && *bytes <= 1ULL << 47);
}

static struct value_leaf leaf_of(const struct type *type, struct arena *arena)
{
    struct value_leaf leaf = {.scalar = WK_NO_SCALAR,
                              .rank = type->rank,
                              .is_block = type_is_block(type) || type->kind == TYPE_MAP,
                              .words = type->word_count,
                              .layout = layout_of(type, arena)};
    const struct type *element = type_is_block(type) ? type->element : type;
    if (type_is_scalar(element))
        leaf.scalar = (uint8_t)element->scalar;
    leaf.is_packed =
        type->kind == TYPE_MAP || (type->kind == TYPE_ARRAY && !leaf.layout->parts[0]->is_flat);
    if (type_is_block(type))
        leaf.element_bytes = type_element_bytes(element);
    return leaf;
}

void value_leaves(const struct type *type, struct value_leaf *leaves, struct arena *arena)
{
    for (uint32_t i = 0; i < type->leaf_count; i++)
        leaves[i] = leaf_of(type_leaf(type, i), arena);
}
