/* Rings of deques; see deque.h. */
#include "world/deque.h"

#include <stdlib.h>

#include "base/memory.h"

enum { FIRST_RING = 256 };

static struct deque_ring *new_ring(int64_t size, struct deque_ring *older)
{
    struct deque_ring *ring =
        memory_new(1, sizeof *ring + (size_t)size * sizeof(_Atomic(uint64_t)));
    ring->mask = size - 1;
    ring->older = older;
    return ring;
}

void deque_init(struct deque *deque)
{
    atomic_init(&deque->top, 0);
    atomic_init(&deque->bottom, 0);
    atomic_init(&deque->ring, new_ring(FIRST_RING, NULL));
}

void deque_release(struct deque *deque)
{
    struct deque_ring *ring = atomic_load(&deque->ring);
    while (ring) {
        struct deque_ring *older = ring->older;
        free(ring);
        ring = older;
    }
}

struct deque_ring *deque_grow(struct deque *deque, int64_t top, int64_t bottom)
{
    struct deque_ring *old = atomic_load_explicit(&deque->ring, memory_order_relaxed);
    struct deque_ring *ring = new_ring((old->mask + 1) * 2, old);
    for (int64_t i = top; i < bottom; i++) {
        uint64_t word = atomic_load_explicit(&old->words[i & old->mask], memory_order_relaxed);
        atomic_store_explicit(&ring->words[i & ring->mask], word, memory_order_relaxed);
    }
    atomic_store_explicit(&deque->ring, ring, memory_order_release);
    return ring;
}
