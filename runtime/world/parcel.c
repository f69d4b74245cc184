/* Parcels; see parcel.h. */
#include "world/parcel.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct entry_header {
    uint32_t node, part;
    uint64_t size;
};

static uint64_t padded(uint64_t size)
{
    return (size + 7) & ~(uint64_t)7;
}

static void add_header(struct buffer *parcel, uint32_t node, uint32_t part, uint64_t size)
{
    struct entry_header header = {node, part, size};
    buffer_append(parcel, &header, sizeof header);
}

/* Blocks are written to memory of their alignment first: a parcel has none. */
static void add_block(struct buffer *parcel, const struct value_leaf *leaf, uint64_t word,
                      uint64_t size)
{
    void *bytes = memory_try(size, WK_ALIGN);
    if (!bytes)
        memory_exhausted();
    stored_write(leaf, word, bytes);
    buffer_append(parcel, bytes, size);
    free(bytes);
}

void parcel_add(struct buffer *parcel, uint32_t node, uint32_t part, const struct value_leaf *leaf,
                uint64_t word)
{
    static const char padding[8];
    uint64_t size = stored_bytes(leaf, word);
    add_header(parcel, node, part, size);
    if (leaf->is_block)
        add_block(parcel, leaf, word, size);
    else
        buffer_append(parcel, &word, sizeof word);
    buffer_append(parcel, padding, padded(size) - size);
}

void parcel_add_slice(struct buffer *parcel, uint32_t node, uint32_t view, enum wk_scalar scalar,
                      uint8_t rank, const uint64_t *words)
{
    static const char padding[8];
    if (rank == 0) {
        add_header(parcel, node, PARCEL_SLICE | view, sizeof *words);
        buffer_append(parcel, words, sizeof *words);
        return;
    }
    struct wk_block header = {.scalar = (uint8_t)scalar, .rank = rank};
    for (uint8_t d = 0; d < rank; d++)
        header.extents[d] = (int64_t)words[1 + d];
    if (!shape_bytes(rank, header.extents, wk_scalar_bytes(scalar), &header.bytes))
        bug("a slice has an impossible shape");
    uint64_t size = WK_HEADER_BYTES + header.bytes;
    add_header(parcel, node, PARCEL_SLICE | view, size);
    buffer_append(parcel, &header, WK_HEADER_BYTES);
    buffer_append(parcel, (const void *)(uintptr_t)words[0], header.bytes);
    buffer_append(parcel, padding, padded(size) - size);
}

void parcel_add_stored(struct buffer *parcel, uint32_t node, uint32_t part)
{
    add_header(parcel, node, part, PARCEL_STORED);
}

bool parcel_next(const void *parcel, size_t length, size_t *offset, struct parcel_entry *entry,
                 bool *damaged)
{
    struct entry_header header;
    size_t left = length - *offset;
    *damaged = left > 0 && left < sizeof header;
    if (left < sizeof header)
        return false;
    const char *at = (const char *)parcel + *offset;
    memcpy(&header, at, sizeof header);
    bool is_stored = header.size == PARCEL_STORED;
    uint64_t size = is_stored ? 0 : header.size;
    *damaged = size > left - sizeof header || padded(size) > left - sizeof header;
    if (*damaged)
        return false;
    *entry = (struct parcel_entry){header.node, header.part, is_stored, at + sizeof header, size};
    *offset += sizeof header + padded(size);
    return true;
}
