/*
 * Stored values (spec/value.md, V2): a leaf of a value as it lies in a store or travels. A scalar
 * is its word; a block is its header and its data, as in memory, with what only memory knows
 * cleared.
 */
#ifndef WKC_VALUE_STORED_H
#define WKC_VALUE_STORED_H

#include "value/context.h"

/* How many bytes a leaf takes, by its first word. */
uint64_t stored_bytes(const struct value_leaf *leaf, uint64_t word);

/* Writes them to `out`, which is WK_ALIGN-aligned for blocks. */
void stored_write(const struct value_leaf *leaf, uint64_t word, void *out);

/* The header alone of a block that is not packed; its data follow as they are in memory. */
void stored_write_header(const struct wk_block *block, void *out);

/* Reads a leaf from bytes of any alignment, which may be nonsense: *word is the scalar, or the
 * address of the data of a new block of the context. 0, or a code with context->error filled:
 * ERR_bad_stored_value, or no memory. */
int stored_read(struct context *context, const struct value_leaf *leaf, const void *bytes,
                uint64_t size, uint64_t *word);

#endif
