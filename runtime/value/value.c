/* Words, blocks and shapes; see value.h. */
#include "value/value.h"

void block_words(struct wk_block *block, uint64_t *words)
{
    words[0] = (uintptr_t)block_data(block);
    for (unsigned i = 0; i < block->rank; i++)
        words[1 + i] = (uint64_t)block->extents[i];
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

bool value_leaves(const struct type *type, struct value_leaf *leaves)
{
    for (uint32_t i = 0; i < type->leaf_count; i++) {
        const struct type *leaf = type_leaf(type, i);
        const struct type *element = leaf->kind == TYPE_ARRAY ? leaf->element : leaf;
        if (element->kind != TYPE_SCALAR)
            return false;
        leaves[i] = (struct value_leaf){.scalar = (uint8_t)element->scalar, .rank = leaf->rank};
    }
    return true;
}
