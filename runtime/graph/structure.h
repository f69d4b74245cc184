/*
 * Structures during elaboration: arrays whose extents are known, with a slot of 64 bits for each
 * element: a known scalar's word, a reference to a pending value, or another structure.
 *
 * They are values to the program and reference-counted here: what has one reference is updated in
 * place. All structures of one elaboration belong to a heap, which limits their bytes and frees
 * what is left at the end, however that comes.
 */
#ifndef WKC_GRAPH_STRUCTURE_H
#define WKC_GRAPH_STRUCTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "wk.h"

struct structure {
    struct structure *previous, *next; /* in the heap */
    uint64_t count;                    /* of elements: the product of the extents */
    uint64_t capacity;                 /* elements that there is room for */
    uint64_t constant;                 /* the DAG's constant with these elements + 1, or 0 */
    struct key_index *index;           /* where the keys of a map stand (key_index.h), or NULL */
    uint32_t references;
    uint8_t rank;
    bool is_nested;    /* the elements are structures */
    int64_t extents[]; /* rank; then the slots */
};

struct structure_heap {
    struct structure *first;
    uint64_t bytes, limit;
    uint64_t moves; /* element moves, to be counted as steps */
};

static inline uint64_t *structure_slots(struct structure *structure)
{
    return (uint64_t *)(structure->extents + structure->rank);
}
static inline struct structure *structure_at(uint64_t word)
{
    return (struct structure *)(uintptr_t)word;
}
static inline uint64_t structure_word(const struct structure *structure)
{
    return (uint64_t)(uintptr_t)structure;
}
static inline struct structure *structure_retain(struct structure *structure)
{
    structure->references++;
    return structure;
}

/* A structure with one reference, to be filled by the caller (slots of nested ones are 0, which may
 * be released). Extents may be negative: ERR_negative_extent; too large: ERR_array_too_large;
 * beyond the heap's limit: ERR_flow_memory. */
int structure_new(struct structure_heap *heap, uint32_t rank, const int64_t *extents,
                  bool is_nested, struct structure **structure, struct error *error);
/* Drops a reference; NULL is allowed. */
void structure_release(struct structure_heap *heap, struct structure *structure);
void structure_heap_release(struct structure_heap *heap);

/* The structures that these read stay the caller's; a result has one reference, which is the
 * caller's. */

/* Element number of an index; ERR_index_out_of_bounds. */
int structure_locate(const struct structure *structure, const int64_t *indexes, uint64_t *element,
                     struct error *error);
/* Makes *structure, of which the caller gives a reference, one that may be written: itself, or a
 * copy if others have it too. On failure the reference is gone and *structure NULL. */
int structure_own(struct structure_heap *heap, struct structure **structure, struct error *error);

/* What a slice selects: for each dimension begin and count; an index has count -1. */
struct selection {
    uint32_t rank; /* of the source */
    int64_t begin[WK_MAX_RANK], count[WK_MAX_RANK];
};
/* From the bounds as an instruction gives them: low and high, or an index, as the mask says. */
int selection_make(struct selection *selection, const int64_t *extents, uint32_t rank,
                   uint32_t mask, const int64_t *bounds, struct error *error);
/* The extents that remain; gives their count. */
uint32_t selection_extents(const struct selection *selection, int64_t *extents);

int structure_slice(struct structure_heap *heap, struct structure *source,
                    const struct selection *selection, struct structure **result,
                    struct error *error);
int structure_set_slice(struct structure_heap *heap, struct structure **target,
                        const struct selection *selection, struct structure *values,
                        struct error *error); /* *target as structure_own has it */
/* Along the first dimension; ERR_shape_mismatch when other extents differ. */
int structure_concat(struct structure_heap *heap, struct structure *const *parts, uint64_t count,
                     struct structure **result, struct error *error);
/* Joins `more` to the end of *structure, of which the caller gives a reference: in place, and in a
 * time in proportion to what is added, if nobody else has it. *structure as structure_own has it.
 */
int structure_extend(struct structure_heap *heap, struct structure **structure,
                     struct structure *more, struct error *error);
int structure_concat_all(struct structure_heap *heap, struct structure *outer, uint32_t rank,
                         bool is_nested, struct structure **result, struct error *error);
int structure_flatten(struct structure_heap *heap, struct structure *source,
                      bool elements_are_nested, struct structure **result, struct error *error);
int structure_transpose(struct structure_heap *heap, struct structure *source,
                        struct structure **result, struct error *error);

#endif
