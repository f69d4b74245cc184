/* Interned strings: an open-addressing table of pointers into an arena. */
#include "base/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/memory.h"

void interner_init(struct interner *interner, struct arena *arena)
{
    *interner = (struct interner){.arena = arena};
}

void interner_release(struct interner *interner)
{
    free(interner->slots);
    *interner = (struct interner){0};
}

static size_t find_slot(const char **slots, size_t capacity, const char *text, size_t length)
{
    size_t slot = hash_bytes(text, length) & (capacity - 1);
    while (slots[slot] && !(strncmp(slots[slot], text, length) == 0 && !slots[slot][length]))
        slot = (slot + 1) & (capacity - 1);
    return slot;
}

static void grow(struct interner *interner)
{
    size_t capacity = interner->capacity ? interner->capacity * 2 : 256;
    const char **slots = memory_new(capacity, sizeof *slots);
    for (size_t i = 0; i < interner->capacity; i++) {
        const char *text = interner->slots[i];
        if (text)
            slots[find_slot(slots, capacity, text, strlen(text))] = text;
    }
    free(interner->slots);
    interner->slots = slots;
    interner->capacity = capacity;
}

const char *intern(struct interner *interner, const char *text, size_t length)
{
    if (interner->count * 4 >= interner->capacity * 3)
        grow(interner);
    size_t slot = find_slot(interner->slots, interner->capacity, text, length);
    if (!interner->slots[slot]) {
        interner->slots[slot] = arena_text(interner->arena, text, length);
        interner->count++;
    }
    return interner->slots[slot];
}

const char *intern_text(struct interner *interner, const char *text)
{
    return intern(interner, text, strlen(text));
}
