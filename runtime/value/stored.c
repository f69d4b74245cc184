/* Leaves of values as bytes; see stored.h. */
#include "value/stored.h"

#include "value/pack.h"

uint64_t stored_bytes(const struct value_leaf *leaf, uint64_t word)
{
    return leaf->is_block ? WK_HEADER_BYTES + block_of(word)->bytes : sizeof word;
}

void stored_write_header(const struct wk_block *block, void *out)
{
    struct wk_block header = {.scalar = block->scalar, .rank = block->rank, .bytes = block->bytes};
    memcpy(header.extents, block->extents, sizeof header.extents);
    memcpy(out, &header, sizeof header);
}

void stored_write(const struct value_leaf *leaf, uint64_t word, void *out)
{
    if (!leaf->is_block) {
        memcpy(out, &word, sizeof word);
        return;
    }
    const struct wk_block *block = block_of(word);
    if (leaf->is_packed) {
        pack_store(leaf->layout, block, out);
        return;
    }
    stored_write_header(block, out);
    if (block->bytes > 0)
        memcpy((char *)out + WK_HEADER_BYTES, (const char *)block + WK_HEADER_BYTES, block->bytes);
}

static int refuse(struct context *context, const char *what)
{
    return error_set(&context->error, ERR_bad_stored_value, "a stored value is damaged: %s", what);
}

/* What the header says must be what the leaf is, and what is there. */
static const char *wrong_header(const struct value_leaf *leaf, const struct wk_block *header,
                                uint64_t size)
{
    uint64_t bytes;
    if (header->scalar != leaf->scalar || header->rank != leaf->rank ||
        header->flags != (leaf->is_packed ? WK_BLOCK_PACKED : 0))
        return "it has another type";
    if (header->bytes != size - WK_HEADER_BYTES)
        return "it is cut off";
    uint32_t element_bytes = leaf->is_packed ? 0 : leaf->element_bytes;
    if (!shape_bytes(leaf->rank, header->extents, element_bytes, &bytes))
        return "its shape is impossible";
    return !leaf->is_packed && bytes != header->bytes ? "its shape is not that of its data" : NULL;
}

static int read_block(struct context *context, const struct value_leaf *leaf, const char *bytes,
                      uint64_t size, uint64_t *word)
{
    struct wk_block header;
    if (size < sizeof header)
        return refuse(context, "it is cut off");
    memcpy(&header, bytes, sizeof header);
    const char *wrong = wrong_header(leaf, &header, size);
    if (wrong)
        return refuse(context, wrong);
    struct wk_block *block = context_new_block(context, &header);
    if (!block)
        return (int)context->error.code;
    if (header.bytes > 0)
        memcpy(block_data(block), bytes + WK_HEADER_BYTES, header.bytes);
    if (leaf->is_packed && !pack_relocate(leaf->layout, block)) {
        context_drop(context, block);
        return refuse(context, "an address in it leads out of it");
    }
    *word = (uintptr_t)block_data(block);
    return 0;
}

int stored_read(struct context *context, const struct value_leaf *leaf, const void *bytes,
                uint64_t size, uint64_t *word)
{
    if (leaf->is_block)
        return read_block(context, leaf, bytes, size, word);
    if (size != sizeof *word)
        return refuse(context, "it is no scalar");
    memcpy(word, bytes, sizeof *word);
    return 0;
}
