/* Structures of elaboration; see structure.h. */
#include "graph/structure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/key_index.h"

/* ---- Life -------------------------------------------------------------------------------------
 */

/* "2 x 3 x 4" for messages. */
static const char *extents_text(uint32_t rank, const int64_t *extents, char text[256])
{
    int length = 0;
    text[0] = '\0';
    for (uint32_t d = 0; d < rank && length < 240; d++)
        length +=
            snprintf(text + length, 256 - (size_t)length, "%s%" PRId64, d ? " x " : "", extents[d]);
    return text;
}

static int count_elements(uint32_t rank, const int64_t *extents, uint64_t *count,
                          struct error *error)
{
    char text[256];
    bool is_empty = false;
    for (uint32_t d = 0; d < rank; d++) {
        is_empty |= extents[d] == 0;
        if (extents[d] < 0)
            return error_set(error, ERR_negative_extent, "an array's extent is %" PRId64,
                             extents[d]);
    }
    *count = !is_empty;
    for (uint32_t d = 0; d < rank && !is_empty; d++)
        if (__builtin_mul_overflow(*count, (uint64_t)extents[d], count) ||
            *count > INT64_MAX / sizeof(uint64_t))
            return error_set(error, ERR_array_too_large, "an array of %s elements is too large",
                             extents_text(rank, extents, text));
    return 0;
}

static struct structure *allocate(uint32_t rank, uint64_t count, bool is_nested)
{
    size_t head = sizeof(struct structure) + rank * sizeof(int64_t);
    if (!is_nested)
        return malloc(head + count * sizeof(uint64_t));
    return calloc(1, head + count * sizeof(uint64_t));
}

int structure_new(struct structure_heap *heap, uint32_t rank, const int64_t *extents,
                  bool is_nested, struct structure **structure, struct error *error)
{
    uint64_t count = 0;
    char text[256];
    *structure = NULL;
    int code = count_elements(rank, extents, &count, error);
    if (code)
        return code;
    uint64_t bytes = sizeof(struct structure) + (rank + count) * sizeof(uint64_t);
    if (bytes > heap->limit - heap->bytes) {
        error_set(error, ERR_flow_memory,
                  "an array of %s elements in a flow: its arrays may hold %" PRIu64
                  " MiB in all while the graph is built",
                  extents_text(rank, extents, text), heap->limit >> 20);
        return error_hint(error, "let a task make it");
    }
    struct structure *made = allocate(rank, count, is_nested);
    if (!made)
        return error_set(error, ERR_out_of_memory, "no memory for an array of %s elements",
                         extents_text(rank, extents, text));
    *made = (struct structure){.next = heap->first,
                               .count = count,
                               .capacity = count,
                               .references = 1,
                               .rank = (uint8_t)rank,
                               .is_nested = is_nested};
    memcpy(made->extents, extents, rank * sizeof *extents);
    if (heap->first)
        heap->first->previous = made;
    heap->first = made;
    heap->bytes += bytes;
    heap->moves += count;
    *structure = made;
    return 0;
}

static void unlink_structure(struct structure_heap *heap, struct structure *structure)
{
    if (structure->previous)
        structure->previous->next = structure->next;
    else
        heap->first = structure->next;
    if (structure->next)
        structure->next->previous = structure->previous;
    heap->bytes -=
        sizeof(struct structure) + (structure->rank + structure->capacity) * sizeof(uint64_t);
    key_index_release(heap, structure);
}

/* Nesting is as deep as the types say, which is what bounds the recursion. */
void structure_release(struct structure_heap *heap, struct structure *structure)
{
    if (!structure || --structure->references)
        return;
    if (structure->is_nested)
        for (uint64_t i = 0; i < structure->count; i++)
            structure_release(heap, structure_at(structure_slots(structure)[i]));
    unlink_structure(heap, structure);
    free(structure);
}

void structure_heap_release(struct structure_heap *heap)
{
    while (heap->first) {
        struct structure *next = heap->first->next;
        key_index_release(heap, heap->first);
        free(heap->first);
        heap->first = next;
    }
    heap->bytes = 0;
}

static void copy_slots(const struct structure *nested, uint64_t *to, const uint64_t *from,
                       uint64_t count)
{
    memcpy(to, from, count * sizeof *to);
    for (uint64_t i = 0; nested->is_nested && i < count; i++)
        structure_retain(structure_at(to[i]));
}

int structure_own(struct structure_heap *heap, struct structure **structure, struct error *error)
{
    struct structure *old = *structure;
    if (old->references == 1) {
        old->constant = 0;
        key_index_release(heap, old);
        return 0;
    }
    int code = structure_new(heap, old->rank, old->extents, old->is_nested, structure, error);
    if (!code)
        copy_slots(old, structure_slots(*structure), structure_slots(old), old->count);
    structure_release(heap, old);
    return code;
}

/* ---- Indexes and slices -----------------------------------------------------------------------
 */

static int index_error(int64_t index, uint32_t dimension, int64_t extent, struct error *error)
{
    return error_set(error, ERR_index_out_of_bounds,
                     "index %" PRId64 " is out of bounds: dimension %u has extent %" PRId64, index,
                     dimension, extent);
}

int structure_locate(const struct structure *structure, const int64_t *indexes, uint64_t *element,
                     struct error *error)
{
    uint64_t at = 0;
    for (uint32_t d = 0; d < structure->rank; d++) {
        if (indexes[d] < 0 || indexes[d] >= structure->extents[d])
            return index_error(indexes[d], d, structure->extents[d], error);
        at = at * (uint64_t)structure->extents[d] + (uint64_t)indexes[d];
    }
    *element = at;
    return 0;
}

static int select_range(struct selection *selection, uint32_t d, int64_t extent, int64_t low,
                        int64_t high, struct error *error)
{
    if (low < 0 || low > extent || high < 0 || high > extent)
        return error_set(error, ERR_slice_out_of_bounds,
                         "slice %" PRId64 "..%" PRId64
                         " is out of bounds: dimension %u has extent %" PRId64,
                         low, high, d, extent);
    selection->begin[d] = low;
    selection->count[d] = high > low ? high - low : 0; /* a backward slice is empty */
    return 0;
}

int selection_make(struct selection *selection, const int64_t *extents, uint32_t rank,
                   uint32_t mask, const int64_t *bounds, struct error *error)
{
    selection->rank = rank;
    for (uint32_t d = 0; d < rank; d++) {
        if (mask >> d & 1) {
            int code = select_range(selection, d, extents[d], bounds[0], bounds[1], error);
            if (code)
                return code;
            bounds += 2;
            continue;
        }
        if (bounds[0] < 0 || bounds[0] >= extents[d])
            return index_error(bounds[0], d, extents[d], error);
        selection->begin[d] = *bounds++;
        selection->count[d] = -1;
    }
    return 0;
}

uint32_t selection_extents(const struct selection *selection, int64_t *extents)
{
    uint32_t rank = 0;
    for (uint32_t d = 0; d < selection->rank; d++)
        if (selection->count[d] >= 0)
            extents[rank++] = selection->count[d];
    return rank;
}

/* Goes over the runs of neighbouring elements that a selection takes from an array: `offset` is the
 * run's first element. */
struct runs {
    const struct selection *selection;
    const int64_t *extents;
    int64_t index[WK_MAX_RANK]; /* within the selection, of all dimensions but the last */
    uint64_t length;            /* of a run */
    uint64_t left;              /* runs */
};

static int64_t selected_count(const struct selection *selection, uint32_t d)
{
    return selection->count[d] < 0 ? 1 : selection->count[d];
}

static void runs_begin(struct runs *runs, const struct selection *selection, const int64_t *extents)
{
    *runs = (struct runs){.selection = selection, .extents = extents, .left = 1};
    for (uint32_t d = 0; d + 1 < selection->rank; d++)
        runs->left *= (uint64_t)selected_count(selection, d);
    runs->length = (uint64_t)selected_count(selection, selection->rank - 1);
    if (runs->length == 0)
        runs->left = 0;
}

static bool runs_next(struct runs *runs, uint64_t *offset)
{
    const struct selection *selection = runs->selection;
    if (runs->left == 0)
        return false;
    runs->left--;
    *offset = 0;
    for (uint32_t d = 0; d < selection->rank; d++)
        *offset =
            *offset * (uint64_t)runs->extents[d] + (uint64_t)(selection->begin[d] + runs->index[d]);
    for (uint32_t d = selection->rank - 1; d-- > 0;) {
        if (++runs->index[d] < selected_count(selection, d))
            break;
        runs->index[d] = 0;
    }
    return true;
}

int structure_slice(struct structure_heap *heap, struct structure *source,
                    const struct selection *selection, struct structure **result,
                    struct error *error)
{
    int64_t extents[WK_MAX_RANK];
    uint32_t rank = selection_extents(selection, extents);
    int code = structure_new(heap, rank, extents, source->is_nested, result, error);
    if (code)
        return code;
    struct runs runs;
    uint64_t offset, *to = structure_slots(*result);
    for (runs_begin(&runs, selection, source->extents); runs_next(&runs, &offset);
         to += runs.length)
        copy_slots(source, to, structure_slots(source) + offset, runs.length);
    return 0;
}

static int check_slice_shape(const struct selection *selection, const struct structure *values,
                             struct error *error)
{
    int64_t extents[WK_MAX_RANK];
    uint32_t rank = selection_extents(selection, extents);
    for (uint32_t d = 0; d < rank; d++)
        if (extents[d] != values->extents[d])
            return error_set(error, ERR_shape_mismatch,
                             "dimension %u: expected %" PRId64 ", found %" PRId64, d, extents[d],
                             values->extents[d]);
    return 0;
}

int structure_set_slice(struct structure_heap *heap, struct structure **target,
                        const struct selection *selection, struct structure *values,
                        struct error *error)
{
    int code = check_slice_shape(selection, values, error);
    if (code) {
        structure_release(heap, *target);
        *target = NULL;
        return code;
    }
    code = structure_own(heap, target, error);
    if (code)
        return code;
    struct runs runs;
    uint64_t offset;
    const uint64_t *from = structure_slots(values);
    for (runs_begin(&runs, selection, (*target)->extents); runs_next(&runs, &offset);
         from += runs.length) {
        uint64_t *to = structure_slots(*target) + offset;
        for (uint64_t i = 0; i < runs.length; i++) {
            if (values->is_nested) {
                structure_retain(structure_at(from[i]));
                structure_release(heap, structure_at(to[i]));
            }
            to[i] = from[i];
        }
    }
    heap->moves += values->count;
    return 0;
}

/* ---- Rearranging ------------------------------------------------------------------------------
 */

static int joined_extents(struct structure *const *parts, uint64_t count, int64_t *extents,
                          struct error *error)
{
    memcpy(extents, parts[0]->extents, parts[0]->rank * sizeof *extents);
    for (uint64_t p = 1; p < count; p++) {
        for (uint32_t d = 1; d < parts[p]->rank; d++)
            if (parts[p]->extents[d] != extents[d])
                return error_set(error, ERR_shape_mismatch,
                                 "piece %" PRIu64 ": dimension %u: expected %" PRId64
                                 ", found %" PRId64,
                                 p, d, extents[d], parts[p]->extents[d]);
        if (__builtin_add_overflow(extents[0], parts[p]->extents[0], &extents[0]))
            return error_set(error, ERR_array_too_large, "the joined array is too large");
    }
    return 0;
}

int structure_concat(struct structure_heap *heap, struct structure *const *parts, uint64_t count,
                     struct structure **result, struct error *error)
{
    int64_t extents[WK_MAX_RANK];
    int code = joined_extents(parts, count, extents, error);
    if (!code)
        code = structure_new(heap, parts[0]->rank, extents, parts[0]->is_nested, result, error);
    if (code)
        return code;
    uint64_t *to = structure_slots(*result);
    for (uint64_t p = 0; p < count; to += parts[p++]->count)
        copy_slots(parts[p], to, structure_slots(parts[p]), parts[p]->count);
    return 0;
}

/* Room for `count` elements, and as many again, in a structure that has one owner and rank 1. */
static int make_room(struct structure_heap *heap, struct structure **structure, uint64_t count,
                     struct error *error)
{
    struct structure *old = *structure;
    char text[256];
    int64_t extent = (int64_t)count;
    if (count <= old->capacity)
        return 0;
    uint64_t capacity = 2 * count, bytes = (capacity - old->capacity) * sizeof(uint64_t);
    if (bytes > heap->limit - heap->bytes) {
        error_set(error, ERR_flow_memory,
                  "an array of %s elements in a flow: its arrays may hold %" PRIu64
                  " MiB in all while the graph is built",
                  extents_text(1, &extent, text), heap->limit >> 20);
        return error_hint(error, "let a task make it");
    }
    struct structure *grown =
        realloc(old, sizeof *old + sizeof(int64_t) + capacity * sizeof(uint64_t));
    if (!grown)
        return error_set(error, ERR_out_of_memory, "no memory for an array of %s elements",
                         extents_text(1, &extent, text));
    grown->capacity = capacity;
    heap->bytes += bytes;
    if (grown->previous)
        grown->previous->next = grown;
    else
        heap->first = grown;
    if (grown->next)
        grown->next->previous = grown;
    *structure = grown;
    return 0;
}

int structure_extend(struct structure_heap *heap, struct structure **structure,
                     struct structure *more, struct error *error)
{
    struct structure *old = *structure;
    if (old->references > 1 || old->rank > 1) {
        struct structure *parts[] = {old, more};
        int code = structure_concat(heap, parts, 2, structure, error);
        structure_release(heap, old);
        return code;
    }
    int code = make_room(heap, structure, old->count + more->count, error);
    if (code) {
        structure_release(heap, old);
        *structure = NULL;
        return code;
    }
    struct structure *grown = *structure;
    copy_slots(more, structure_slots(grown) + grown->count, structure_slots(more), more->count);
    grown->count += more->count;
    grown->extents[0] = (int64_t)grown->count;
    grown->constant = 0;
    heap->moves += more->count;
    return 0;
}

int structure_concat_all(struct structure_heap *heap, struct structure *outer, uint32_t rank,
                         bool is_nested, struct structure **result, struct error *error)
{
    static const int64_t nothing[WK_MAX_RANK];
    if (outer->count == 0)
        return structure_new(heap, rank, nothing, is_nested, result, error);
    _Static_assert(sizeof(uint64_t) == sizeof(struct structure *), "slots hold addresses");
    return structure_concat(heap, (struct structure *const *)(const void *)structure_slots(outer),
                            outer->count, result, error);
}

static int flatten_nested(struct structure_heap *heap, struct structure *source,
                          bool elements_are_nested, struct structure **result, struct error *error)
{
    int64_t count = 0;
    for (uint64_t i = 0; i < source->count; i++)
        if (__builtin_add_overflow(count, (int64_t)structure_at(structure_slots(source)[i])->count,
                                   &count))
            return error_set(error, ERR_array_too_large, "the flattened array is too large");
    int code = structure_new(heap, 1, &count, elements_are_nested, result, error);
    if (code)
        return code;
    uint64_t *to = structure_slots(*result);
    for (uint64_t i = 0; i < source->count; i++) {
        struct structure *element = structure_at(structure_slots(source)[i]);
        copy_slots(element, to, structure_slots(element), element->count);
        to += element->count;
    }
    return 0;
}

int structure_flatten(struct structure_heap *heap, struct structure *source,
                      bool elements_are_nested, struct structure **result, struct error *error)
{
    if (source->is_nested)
        return flatten_nested(heap, source, elements_are_nested, result, error);
    int64_t count = (int64_t)source->count;
    int code = structure_new(heap, 1, &count, false, result, error);
    if (!code)
        copy_slots(source, structure_slots(*result), structure_slots(source), source->count);
    return code;
}

int structure_transpose(struct structure_heap *heap, struct structure *source,
                        struct structure **result, struct error *error)
{
    int64_t extents[2] = {source->extents[1], source->extents[0]};
    int code = structure_new(heap, 2, extents, source->is_nested, result, error);
    if (code)
        return code;
    for (int64_t i = 0; i < extents[0]; i++)
        for (int64_t j = 0; j < extents[1]; j++)
            copy_slots(source, &structure_slots(*result)[i * extents[1] + j],
                       &structure_slots(source)[j * extents[0] + i], 1);
    return 0;
}
