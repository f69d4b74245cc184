/*
 * The packed form (spec/value.md, V2.6): a value with addresses in it, in one block.
 *
 * The data of the block begin with the elements of the array (or the map) as kernels see them; what
 * they point to lies behind them in the same block, in the order in which a walk meets it. Kernels
 * read it where it is; it is never changed, and freed as a whole. The inner addresses are right for
 * data that begin at the block's base: where it lies while it is in memory, 0 where it is stored.
 *
 * Equal values have equal bytes at equal bases: gaps are zero, NaNs canonical.
 */
#ifndef WKC_VALUE_PACK_H
#define WKC_VALUE_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "value/value.h"
#include "wk.h"

/* The bytes that the data of a value take when they are packed: a value of an array's or map's
 * layout, by its words. What it holds lies in memory, so the sum does not overflow. */
uint64_t pack_bytes(const struct wk_layout *layout, const uint64_t *words);

/* Writes the data of the value, pack_bytes() of them, to `data`, which is WK_ALIGN-aligned. The
 * inner addresses are right where it lies. */
void pack_write(const struct wk_layout *layout, const uint64_t *words, void *data);

/* Makes the inner addresses of a packed block right for where its data lie, after they were moved
 * or loaded. False, and the block is spoilt, when an address leads out of it: it is damaged. */
bool pack_relocate(const struct wk_layout *layout, struct wk_block *block);

/* Copies a packed block, header and data, to `copy` in its stored form: base 0, addresses are
 * offsets, no references. `copy` is WK_ALIGN-aligned and has room for the header and block->bytes.
 */
void pack_store(const struct wk_layout *layout, const struct wk_block *block,
                struct wk_block *copy);

/* Whether two packed blocks hold the same value. */
bool pack_equal(const struct wk_layout *layout, const struct wk_block *a, const struct wk_block *b);

#endif
