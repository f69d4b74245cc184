/*
 * The levels as a lattice: interned, joined, taken apart.
 */
#include <string.h>

#include "base/hash.h"
#include "check/levels.h"

const struct level level_known = {.kind = LEVEL_KNOWN};
const struct level level_pending_scalar = {.kind = LEVEL_PENDING};

/* ---- Interning
 * ------------------------------------------------------------------------------------------ */

static uint64_t hash_level(const struct level *level)
{
    uint64_t hash = hash_combine(level->kind, level->known_extents);
    hash = hash_combine(hash, (uint64_t)(uintptr_t)level->element);
    for (uint32_t i = 0; i < level->part_count; i++)
        hash = hash_combine(hash, (uint64_t)(uintptr_t)level->parts[i]);
    return hash;
}

static bool same_level(const struct level *a, const struct level *b)
{
    return a->kind == b->kind && a->known_extents == b->known_extents && a->element == b->element &&
           a->part_count == b->part_count &&
           (a->part_count == 0 ||
            memcmp(a->parts, b->parts, a->part_count * sizeof(const struct level *)) == 0);
}

static uint32_t slot_of(const struct level **slots, uint32_t capacity, const struct level *level)
{
    uint32_t slot = (uint32_t)hash_level(level) & (capacity - 1);
    while (slots[slot] && !same_level(slots[slot], level))
        slot = (slot + 1) & (capacity - 1);
    return slot;
}

static void grow(struct level_table *table)
{
    uint32_t capacity = table->capacity ? table->capacity * 2 : 64;
    const struct level **slots = memory_new(capacity, sizeof(const struct level *));
    for (uint32_t i = 0; i < table->capacity; i++)
        if (table->slots[i])
            slots[slot_of(slots, capacity, table->slots[i])] = table->slots[i];
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
}

static const struct level *intern_level(struct leveler *l, const struct level *candidate)
{
    struct level_table *table = &l->levels;
    if (table->count * 4 >= table->capacity * 3)
        grow(table);
    uint32_t slot = slot_of(table->slots, table->capacity, candidate);
    if (table->slots[slot])
        return table->slots[slot];
    struct level *level = arena_copy(l->c->arena, candidate, sizeof *candidate);
    if (level->part_count)
        level->parts = arena_copy(l->c->arena, candidate->parts,
                                  candidate->part_count * sizeof(const struct level *));
    table->slots[slot] = level;
    table->count++;
    return level;
}

/* ---- Making
 * ------------------------------------------------------------------------------------------------
 */

const struct level *level_pending_array(struct leveler *l, uint32_t known_extents)
{
    if (known_extents == 0)
        return &level_pending_scalar;
    return intern_level(l, &(struct level){.kind = LEVEL_PENDING, .known_extents = known_extents});
}

const struct level *level_structure(struct leveler *l, const struct level *element)
{
    if (!element || level_is_known(element))
        return element;
    return intern_level(l, &(struct level){.kind = LEVEL_STRUCTURE, .element = element});
}

const struct level *level_tuple(struct leveler *l, const struct level *const *parts, uint32_t count)
{
    bool known = true;
    for (uint32_t i = 0; i < count; i++) {
        if (!parts[i])
            return NULL;
        known &= level_is_known(parts[i]);
    }
    if (known)
        return &level_known;
    return intern_level(l,
                        &(struct level){.kind = LEVEL_TUPLE, .parts = parts, .part_count = count});
}

static const struct level *pending_leaves(struct leveler *l, const struct type *type,
                                          const uint32_t **known_extents)
{
    if (!type_has_parts(type))
        return level_pending_array(l, *known_extents ? *(*known_extents)++ : 0);
    if (type->part_count == 0)
        return &level_pending_scalar;
    const struct level **parts = memory_new(type->part_count, sizeof(const struct level *));
    for (uint32_t i = 0; i < type->part_count; i++)
        parts[i] = pending_leaves(l, type->parts[i], known_extents);
    const struct level *level = level_tuple(l, parts, type->part_count);
    free(parts);
    return level;
}

const struct level *level_pending_leaves(struct leveler *l, const struct type *type,
                                         const uint32_t *known_extents)
{
    return pending_leaves(l, type, &known_extents);
}

const struct level *level_pending(struct leveler *l, const struct type *type)
{
    return level_pending_leaves(l, type, NULL);
}

/* ---- Taking apart
 * --------------------------------------------------------------------------------------------- */

const struct level *level_element(struct leveler *l, const struct level *level,
                                  const struct type *type)
{
    if (!level || level_is_known(level))
        return level;
    return level->kind == LEVEL_STRUCTURE ? level->element : level_pending(l, type->element);
}

const struct level *level_part(const struct level *level, uint32_t part)
{
    return level && level->kind == LEVEL_TUPLE ? level->parts[part] : level;
}

const struct level *level_set_part(struct leveler *l, const struct level *level,
                                   const struct type *type, uint32_t part,
                                   const struct level *value)
{
    const struct level **parts = memory_new(type->part_count, sizeof(const struct level *));
    for (uint32_t i = 0; i < type->part_count; i++)
        parts[i] = i == part ? value : level_part(level, i);
    const struct level *result = level_tuple(l, parts, type->part_count);
    free(parts);
    return result;
}

uint32_t level_extents(const struct level *level, const struct type *type)
{
    return level && level->kind == LEVEL_PENDING ? level->known_extents : level_all_extents(type);
}

/* ---- Joining
 * --------------------------------------------------------------------------------------------------------
 */

static const struct level *join_tuples(struct leveler *l, const struct level *a,
                                       const struct level *b)
{
    uint32_t count = a->kind == LEVEL_TUPLE ? a->part_count : b->part_count;
    const struct level **parts = memory_new(count, sizeof(const struct level *));
    for (uint32_t i = 0; i < count; i++)
        parts[i] = level_join(l, level_part(a, i), level_part(b, i));
    const struct level *level = level_tuple(l, parts, count);
    free(parts);
    return level;
}

const struct level *level_join(struct leveler *l, const struct level *a, const struct level *b)
{
    if (!a || !b || a == b)
        return a ? a : b;
    if (a->kind == LEVEL_TUPLE || b->kind == LEVEL_TUPLE)
        return join_tuples(l, a, b);
    if (a->kind == LEVEL_PENDING && b->kind == LEVEL_PENDING)
        return level_pending_array(l, a->known_extents & b->known_extents);
    if (a->kind == LEVEL_PENDING || b->kind == LEVEL_PENDING)
        return a->kind == LEVEL_PENDING ? a : b;
    const struct level *first = a->kind == LEVEL_STRUCTURE ? a->element : a;
    const struct level *second = b->kind == LEVEL_STRUCTURE ? b->element : b;
    return level_structure(l, level_join(l, first, second));
}

/* ---- Text
 * -------------------------------------------------------------------------------------------------------------
 */

void level_print(const struct level *level, struct buffer *out)
{
    switch (level->kind) {
    case LEVEL_KNOWN:
        buffer_puts(out, "known");
        return;
    case LEVEL_PENDING:
        buffer_puts(out, "pending");
        for (uint32_t d = 0, first = 1; level->known_extents >> d; d++)
            if (level->known_extents >> d & 1) {
                buffer_printf(out, "%s%u", first ? "[" : ",", d);
                first = 0;
            }
        buffer_puts(out, level->known_extents ? "]" : "");
        return;
    case LEVEL_STRUCTURE:
        buffer_puts(out, "{");
        level_print(level->element, out);
        buffer_puts(out, "}");
        return;
    case LEVEL_TUPLE:
        buffer_puts(out, "(");
        for (uint32_t i = 0; i < level->part_count; i++) {
            buffer_puts(out, i ? ", " : "");
            level_print(level->parts[i], out);
        }
        buffer_puts(out, ")");
        return;
    }
    bug("level of kind %d", level->kind);
}
