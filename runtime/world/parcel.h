/*
 * Parcels (spec/executor.md, X2): parts of nodes' values on their way from executor to executor, in
 * events, with arrivals, and with the job's result. A small part travels as it is; of a large one
 * only the word that it is in the store.
 *
 * A parcel is a sequence of entries, each of a node's part, in the machine's byte order (all
 * targets are little-endian): node and part (32 bits each), then 64 bits of size, or PARCEL_STORED;
 * then so many bytes of a stored leaf (value/stored.h), filled up to a multiple of 8. Parcels can
 * be joined by writing one behind the other.
 *
 * Instead of a part an entry may hold a slice of one: in place of the part's number stands that of
 * the graph's view, with PARCEL_SLICE; then follow the elements that the view takes, as a leaf.
 */
#ifndef WKC_WORLD_PARCEL_H
#define WKC_WORLD_PARCEL_H

#include "base/buffer.h"
#include "value/stored.h"

#define PARCEL_STORED UINT64_MAX

#define PARCEL_SLICE UINT32_C(0x80000000)

struct parcel_entry {
    uint32_t node,
        part; /* the part's number within the node's value; or a view, with PARCEL_SLICE */
    bool is_stored;
    const void *bytes; /* within the parcel */
    uint64_t size;
};

void parcel_add(struct buffer *parcel, uint32_t node, uint32_t part, const struct value_leaf *leaf,
                uint64_t word);
/* Adds a slice: a scalar's word, or the elements at words[0] with the extents behind it. */
void parcel_add_slice(struct buffer *parcel, uint32_t node, uint32_t view, enum wk_scalar scalar,
                      uint8_t rank, const uint64_t *words);
void parcel_add_stored(struct buffer *parcel, uint32_t node, uint32_t part);

/* Takes the entry at *offset and moves it on. False at the end, and, with *damaged set, where no
 * entry stands. */
bool parcel_next(const void *parcel, size_t length, size_t *offset, struct parcel_entry *entry,
                 bool *damaged);

#endif
