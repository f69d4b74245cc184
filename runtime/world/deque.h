/*
 * Work-stealing deques of words: the owner pushes and pops at the bottom, thieves take from the
 * top.
 *
 * The algorithm is Chase and Lev's (Dynamic Circular Work-Stealing Deque, SPAA 2005). Its memory
 * orders follow Lê, Pop, Cohen and Zappa Nardelli (PPoPP 2013), with sequentially consistent
 * accesses in place of their fences, which the thread sanitizer does not know:
 *
 * - push: the element is written, then `bottom` is stored with release; a thief that acquires
 * `bottom` sees the element, and all that the owner wrote before it (the values of the node's
 * producers).
 * - pop takes the last element without an atomic exchange unless it is the only one. The store of
 *   `bottom` and the load of `top` in pop, and the loads of `top` and `bottom` in steal, are
 *   sequentially consistent: of an owner and a thief that want the same element, at least one sees
 *   what the other has done; if both see a single element, the exchange of `top` decides.
 * - elements are atomic and relaxed: a thief may read one that is being overwritten, and then its
 *   exchange of `top` fails, because the owner only reuses a place after `top` has moved past it.
 * - growing: the owner copies to a larger ring and publishes it with release. A thief may still
 * read the old one, whose elements stay as they are; it is freed with the deque.
 */
#ifndef WKC_WORLD_DEQUE_H
#define WKC_WORLD_DEQUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct deque_ring {
    int64_t mask;             /* size - 1, a power of two less one */
    struct deque_ring *older; /* to be freed with the deque */
    _Atomic(uint64_t) words[];
};

struct deque {
    _Alignas(64) _Atomic(int64_t) top; /* written by thieves */
    _Alignas(64) _Atomic(int64_t) bottom;
    _Atomic(struct deque_ring *) ring; /* both written by the owner */
};

void deque_init(struct deque *deque);
void deque_release(struct deque *deque);

/* Makes the ring larger; the owner's. */
struct deque_ring *deque_grow(struct deque *deque, int64_t top, int64_t bottom);

static inline void deque_push(struct deque *deque, uint64_t word)
{
    int64_t bottom = atomic_load_explicit(&deque->bottom, memory_order_relaxed);
    int64_t top = atomic_load_explicit(&deque->top, memory_order_acquire);
    struct deque_ring *ring = atomic_load_explicit(&deque->ring, memory_order_relaxed);
    if (bottom - top > ring->mask)
        ring = deque_grow(deque, top, bottom);
    atomic_store_explicit(&ring->words[bottom & ring->mask], word, memory_order_relaxed);
    atomic_store_explicit(&deque->bottom, bottom + 1, memory_order_release);
}

/* Orders what was pushed before whatever the owner reads next with memory_order_seq_cst. */
static inline void deque_publish(struct deque *deque)
{
    int64_t bottom = atomic_load_explicit(&deque->bottom, memory_order_relaxed);
    atomic_store_explicit(&deque->bottom, bottom, memory_order_seq_cst);
}

static inline bool deque_pop(struct deque *deque, uint64_t *word)
{
    int64_t bottom = atomic_load_explicit(&deque->bottom, memory_order_relaxed) - 1;
    /* `top` only grows: seen empty, it is empty. */
    if (atomic_load_explicit(&deque->top, memory_order_relaxed) > bottom)
        return false;
    struct deque_ring *ring = atomic_load_explicit(&deque->ring, memory_order_relaxed);
    atomic_store_explicit(&deque->bottom, bottom, memory_order_seq_cst);
    int64_t top = atomic_load_explicit(&deque->top, memory_order_seq_cst);
    bool is_there = top <= bottom;
    if (is_there)
        *word = atomic_load_explicit(&ring->words[bottom & ring->mask], memory_order_relaxed);
    if (top < bottom)
        return true;
    if (is_there)
        is_there = atomic_compare_exchange_strong_explicit(
            &deque->top, &top, top + 1, memory_order_seq_cst, memory_order_relaxed);
    atomic_store_explicit(&deque->bottom, bottom + 1, memory_order_relaxed);
    return is_there;
}

/* Takes the last `count` elements at once, in the order in which they were pushed, if there are
 * more than that; false, with nothing taken, if not. An element that a thief may be taking at the
 * same time is never among them, for it is at `top`. */
static inline bool deque_pop_many(struct deque *deque, uint64_t *words, int64_t count)
{
    int64_t bottom = atomic_load_explicit(&deque->bottom, memory_order_relaxed) - count;
    if (atomic_load_explicit(&deque->top, memory_order_relaxed) >= bottom)
        return false;
    struct deque_ring *ring = atomic_load_explicit(&deque->ring, memory_order_relaxed);
    atomic_store_explicit(&deque->bottom, bottom, memory_order_seq_cst);
    if (atomic_load_explicit(&deque->top, memory_order_seq_cst) >= bottom) {
        atomic_store_explicit(&deque->bottom, bottom + count, memory_order_seq_cst);
        return false;
    }
    for (int64_t i = 0; i < count; i++)
        words[i] =
            atomic_load_explicit(&ring->words[(bottom + i) & ring->mask], memory_order_relaxed);
    return true;
}

/* For thieves. False also when another took the element at the same time. */
static inline bool deque_steal(struct deque *deque, uint64_t *word)
{
    int64_t top = atomic_load_explicit(&deque->top, memory_order_seq_cst);
    int64_t bottom = atomic_load_explicit(&deque->bottom, memory_order_seq_cst);
    if (top >= bottom)
        return false;
    struct deque_ring *ring = atomic_load_explicit(&deque->ring, memory_order_acquire);
    *word = atomic_load_explicit(&ring->words[top & ring->mask], memory_order_relaxed);
    return atomic_compare_exchange_strong_explicit(&deque->top, &top, top + 1, memory_order_seq_cst,
                                                   memory_order_relaxed);
}

/* What was pushed last, for the owner, if the deque is not empty; a thief may take it. */
static inline uint64_t deque_last(struct deque *deque)
{
    int64_t bottom = atomic_load_explicit(&deque->bottom, memory_order_relaxed);
    struct deque_ring *ring = atomic_load_explicit(&deque->ring, memory_order_relaxed);
    return atomic_load_explicit(&ring->words[(bottom - 1) & ring->mask], memory_order_relaxed);
}

/* How many elements there are at most, for the owner. */
static inline int64_t deque_size_own(struct deque *deque)
{
    int64_t bottom = atomic_load_explicit(&deque->bottom, memory_order_relaxed);
    return bottom - atomic_load_explicit(&deque->top, memory_order_relaxed);
}

/* How many elements there are, as far as a thief can tell. */
static inline int64_t deque_size(struct deque *deque)
{
    int64_t top = atomic_load_explicit(&deque->top, memory_order_seq_cst);
    return atomic_load_explicit(&deque->bottom, memory_order_seq_cst) - top;
}

#endif
