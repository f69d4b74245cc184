/*
 * Growable arrays of any type.
 *
 *     VECTOR(struct edge) edges = {0};
 *     vector_push(&edges, (struct edge){a, b});
 *     for (size_t i = 0; i < edges.count; i++) use(edges.items[i]);
 *     vector_release(&edges);
 *
 * `items` moves when the vector grows: keep indexes, not pointers, across pushes.
 */
#ifndef WKC_BASE_VECTOR_H
#define WKC_BASE_VECTOR_H

#include <stddef.h>
#include <stdlib.h>

#include "base/memory.h"

#define VECTOR(type)                                                                               \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count, capacity;                                                                    \
    }

/* Makes room for `extra` more items. */
#define vector_reserve(v, extra)                                                                   \
    ((v)->capacity - (v)->count >= (size_t)(extra)                                                 \
         ? (void)0                                                                                 \
         : (void)((v)->items =                                                                     \
                      memory_resize((v)->items,                                                    \
                                    (v)->capacity = vector_grown((v)->capacity,                    \
                                                                 (v)->count + (size_t)(extra)),    \
                                    sizeof *(v)->items)))

#define vector_push(v, ...)                                                                        \
    (vector_reserve((v), 1), (void)((v)->items[(v)->count++] = (__VA_ARGS__)))

#define vector_pop(v) ((v)->items[--(v)->count])
#define vector_last(v) ((v)->items[(v)->count - 1])

#define vector_release(v) (free((v)->items), (v)->items = NULL, (v)->count = (v)->capacity = 0)

/* The capacity to grow to, so that pushes cost amortized constant time. */
static inline size_t vector_grown(size_t capacity, size_t needed)
{
    size_t grown = capacity < 8 ? 8 : capacity + capacity / 2;
    return grown < needed ? needed : grown;
}

#endif
