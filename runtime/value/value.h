/*
 * Values in memory: words and blocks (wk.h). A scalar is its word. An array or a string is a block:
 * a header of WK_HEADER_BYTES bytes and, right behind it, the elements, dense and row-major; what
 * elements point to lies behind them in the same block (pack.h). spec/value.md defines the form.
 *
 * A block has owners. Who makes it owns it once; block_retain adds an owner, context_drop
 * (context.h) takes one away and frees the block with the last. A block with more than one owner,
 * or that another thread can see, is not written.
 */
#ifndef WKC_VALUE_VALUE_H
#define WKC_VALUE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "value/type.h"
#include "wk.h"

static inline void *block_data(struct wk_block *block)
{
    return (char *)block + WK_HEADER_BYTES;
}

/* The block whose data begins at this address, as in an array's first word. */
static inline struct wk_block *block_of(uint64_t address)
{
    return (struct wk_block *)(uintptr_t)(address - WK_HEADER_BYTES);
}

static inline void block_retain(struct wk_block *block)
{
    atomic_fetch_add_explicit(&block->references, 1, memory_order_relaxed);
}

/* Writes the words of the array: 1 + rank, the address and the extents. */
void block_words(struct wk_block *block, uint64_t *words);

/* One scalar as it lies in an array (its natural size, any alignment), as a word of the ABI, and
 * back. */
uint64_t scalar_load(enum wk_scalar scalar, const void *element);
void scalar_store(enum wk_scalar scalar, uint64_t word, void *element);

/* The product of the extents times `element_bytes`, or false when an extent is negative or the
 * product is more than any memory holds (2^47 bytes). */
bool shape_bytes(uint8_t rank, const int64_t *extents, uint32_t element_bytes, uint64_t *bytes);

/* The data address for which the inner addresses of a packed block are right (pack.h). The word
 * serves while the block is a value: not while a kernel owns it, nor in a cache. */
static inline uint64_t block_base(const struct wk_block *block)
{
    return block->reserved[0];
}
static inline void block_set_base(struct wk_block *block, uint64_t base)
{
    block->reserved[0] = base;
}

/* A leaf of a type (type_leaf) as a task's result: a word, or a block of its own. */
struct value_leaf {
    uint8_t scalar; /* enum wk_scalar of a scalar or of a block's elements; or WK_NO_SCALAR */
    uint8_t rank;
    bool is_block;  /* its first word is the address of a block's data */
    bool is_packed; /* the block has the packed form */
    uint32_t words;
    uint32_t element_bytes; /* of a block that is not packed */
    const struct wk_layout *layout;
};

/* Fills the leaves of a type that has words (type_has_words), type->leaf_count of them. Layouts are
 * made in the arena. */
void value_leaves(const struct type *type, struct value_leaf *leaves, struct arena *arena);

#endif
