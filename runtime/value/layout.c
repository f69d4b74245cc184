/* Layouts from types; see layout.h. */
#include "value/layout.h"

#include "base/memory.h"

static enum wk_kind kind_of(const struct type *type)
{
    switch (type->kind) {
    case TYPE_SCALAR:
        return WK_SCALAR;
    case TYPE_STRING:
        return WK_STRING;
    case TYPE_TUPLE:
    case TYPE_STRUCT:
        return WK_PARTS;
    case TYPE_ARRAY:
        return WK_ARRAY;
    case TYPE_MAP:
        return WK_MAP;
    case TYPE_FILE:
        return WK_FILE;
    case TYPE_FUNCTION:
        break;
    }
    bug("a type of kind %d has no layout", (int)type->kind);
}

static void set_parts(struct wk_layout *layout, const struct type *const *types, uint32_t count,
                      struct arena *arena)
{
    const struct wk_layout **parts = arena_array(arena, const struct wk_layout *, count);
    layout->part_count = count;
    layout->parts = parts;
    for (uint32_t i = 0; i < count; i++)
        parts[i] = layout_of(types[i], arena);
}

static bool is_flat(const struct wk_layout *layout)
{
    if (layout->kind == WK_SCALAR || layout->kind == WK_FILE)
        return true;
    for (uint32_t i = 0; i < layout->part_count; i++)
        if (!layout->parts[i]->is_flat)
            return false;
    return layout->kind == WK_PARTS;
}

const struct wk_layout *layout_of(const struct type *type, struct arena *arena)
{
    struct wk_layout *layout = arena_new(arena, struct wk_layout);
    layout->kind = (uint8_t)kind_of(type);
    layout->scalar = (uint8_t)type->scalar;
    layout->rank = type->rank;
    layout->words = type->word_count;
    layout->bytes = type_element_bytes(type);
    if (type_has_parts(type))
        set_parts(layout, type->parts, type->part_count, arena);
    else if (type->kind == TYPE_ARRAY)
        set_parts(layout, &type->element, 1, arena);
    else if (type->kind == TYPE_MAP)
        set_parts(layout, (const struct type *[]){type->key, type->element}, 2, arena);
    layout->is_flat = is_flat(layout);
    return layout;
}
