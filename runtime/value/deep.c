/*
 * Values that own others, by their layout: how to free, copy and compare them (wk.h). Kernels do
 * this in their own code for what they know; maps, and whoever handles values of any type, here.
 */
#include <string.h>

#include "value/value.h"
#include "wk.h"

static const struct wk_layout *element_of(const struct wk_layout *layout)
{
    return layout->parts[0];
}

static uint64_t element_count(const struct wk_layout *layout, const uint64_t *words)
{
    uint64_t count = 1;
    for (unsigned i = 0; i < layout->rank; i++)
        count *= words[1 + i];
    return count;
}

static uint64_t *address_of(uint64_t word)
{
    return (uint64_t *)(uintptr_t)word;
}

/* ---- Freeing ------------------------------------------------------------------------------- */

static void free_array(struct wk_context *context, const struct wk_layout *layout,
                       const uint64_t *words)
{
    const struct wk_layout *element = element_of(layout);
    if (words[0] && element->kind == WK_STRING) {
        wk_texts_free(context, address_of(words[0]), element_count(layout, words));
    } else if (words[0] && !element->is_flat) {
        uint64_t count = element_count(layout, words);
        for (uint64_t i = 0; i < count; i++)
            wk_value_free(context, element, address_of(words[0]) + i * element->words);
    }
    wk_free(context, address_of(words[0]));
}

void wk_value_free(struct wk_context *context, const struct wk_layout *layout,
                   const uint64_t *words)
{
    switch ((enum wk_kind)layout->kind) {
    case WK_SCALAR:
    case WK_FILE:
        break;
    case WK_STRING:
        wk_text_free(context, address_of(words[0]));
        break;
    case WK_ARRAY:
        free_array(context, layout, words);
        break;
    case WK_MAP:
        wk_map_free(context, layout, (struct wk_map *)(uintptr_t)words[0]);
        break;
    case WK_PARTS:
        for (uint32_t i = 0; i < layout->part_count; i++) {
            wk_value_free(context, layout->parts[i], words);
            words += layout->parts[i]->words;
        }
        break;
    }
}

/* ---- Copying ------------------------------------------------------------------------------- */

static int32_t copy_bytes(struct wk_context *context, uint64_t *words, uint64_t bytes)
{
    const void *from = address_of(words[0]);
    void *to = wk_alloc(context, bytes);
    words[0] = (uintptr_t)to;
    if (!to)
        return wk_failed(context);
    if (bytes)
        memcpy(to, from, bytes);
    return 0;
}

/* Copies the elements, which have blocks of their own, to a block of as many. */
static int32_t copy_elements(struct wk_context *context, const struct wk_layout *element,
                             const uint64_t *from, uint64_t *to, uint64_t count)
{
    uint32_t width = element->words;
    for (uint64_t i = 0; i < count; i++) {
        int32_t status = wk_value_copy(context, element, from + i * width, to + i * width);
        if (status) {
            while (i-- > 0)
                wk_value_free(context, element, to + i * width);
            return status;
        }
    }
    return 0;
}

static int32_t copy_array(struct wk_context *context, const struct wk_layout *layout,
                          const uint64_t *from, uint64_t *to)
{
    const struct wk_layout *element = element_of(layout);
    const uint64_t *data = address_of(from[0]);
    uint64_t count = element_count(layout, from);
    memmove(to, from, layout->words * sizeof *to);
    if (element->is_flat)
        return copy_bytes(context, to, count * element->bytes);
    uint64_t *elements = wk_alloc(context, count * element->bytes);
    to[0] = 0;
    if (!elements)
        return wk_failed(context);
    int32_t status = copy_elements(context, element, data, elements, count);
    if (status)
        wk_free(context, elements);
    else
        to[0] = (uintptr_t)elements;
    return status;
}

static int32_t copy_parts(struct wk_context *context, const struct wk_layout *layout,
                          const uint64_t *from, uint64_t *to)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < layout->part_count; at += layout->parts[i++]->words) {
        int32_t status = wk_value_copy(context, layout->parts[i], from + at, to + at);
        if (status) {
            while (i-- > 0) {
                at -= layout->parts[i]->words;
                wk_value_free(context, layout->parts[i], to + at);
            }
            return status;
        }
    }
    return 0;
}

int32_t wk_value_copy(struct wk_context *context, const struct wk_layout *layout,
                      const uint64_t *from, uint64_t *to)
{
    struct wk_map *map;
    int32_t status = 0;
    switch ((enum wk_kind)layout->kind) {
    case WK_SCALAR:
    case WK_FILE:
        to[0] = from[0];
        break;
    case WK_STRING:
        to[1] = from[1];
        to[0] = (uintptr_t)wk_text_new(context, (const char *)address_of(from[0]), from[1]);
        return to[0] ? 0 : wk_failed(context);
    case WK_ARRAY:
        return copy_array(context, layout, from, to);
    case WK_MAP:
        status = wk_map_copy(context, layout, (struct wk_map *)(uintptr_t)from[0], &map);
        to[0] = (uintptr_t)map;
        break;
    case WK_PARTS:
        return copy_parts(context, layout, from, to);
    }
    return status;
}

/* ---- Comparing ----------------------------------------------------------------------------- */

static bool is_float(const struct wk_layout *layout)
{
    return layout->kind == WK_SCALAR && layout->scalar >= WK_F32;
}

static bool scalars_equal(enum wk_scalar scalar, uint64_t left, uint64_t right)
{
    if (scalar == WK_F64) {
        double a, b;
        memcpy(&a, &left, sizeof a);
        memcpy(&b, &right, sizeof b);
        return a == b;
    }
    if (scalar == WK_F32) {
        float a, b;
        memcpy(&a, &(uint32_t){(uint32_t)left}, sizeof a);
        memcpy(&b, &(uint32_t){(uint32_t)right}, sizeof b);
        return a == b;
    }
    return left == right;
}

static bool elements_equal(const struct wk_layout *element, const char *left, const char *right,
                           uint64_t count)
{
    enum wk_scalar scalar = (enum wk_scalar)element->scalar;
    if (element->kind == WK_SCALAR && !is_float(element))
        return count == 0 || memcmp(left, right, count * element->bytes) == 0;
    for (uint64_t i = 0; i < count; i++) {
        const char *a = left + i * element->bytes, *b = right + i * element->bytes;
        if (is_float(element)
                ? !scalars_equal(scalar, scalar_load(scalar, a), scalar_load(scalar, b))
                : !wk_value_equal(element, (const uint64_t *)(const void *)a,
                                  (const uint64_t *)(const void *)b))
            return false;
    }
    return true;
}

static bool parts_equal(const struct wk_layout *layout, const uint64_t *left, const uint64_t *right)
{
    for (uint32_t i = 0; i < layout->part_count; i++) {
        if (!wk_value_equal(layout->parts[i], left, right))
            return false;
        left += layout->parts[i]->words;
        right += layout->parts[i]->words;
    }
    return true;
}

int wk_value_equal(const struct wk_layout *layout, const uint64_t *left, const uint64_t *right)
{
    switch ((enum wk_kind)layout->kind) {
    case WK_SCALAR:
        return scalars_equal((enum wk_scalar)layout->scalar, left[0], right[0]);
    case WK_FILE:
        break;
    case WK_STRING:
        return left[1] == right[1] &&
               (left[1] == 0 || memcmp(address_of(left[0]), address_of(right[0]), left[1]) == 0);
    case WK_ARRAY:
        return memcmp(left + 1, right + 1, layout->rank * sizeof *left) == 0 &&
               elements_equal(element_of(layout), (const char *)address_of(left[0]),
                              (const char *)address_of(right[0]), element_count(layout, left));
    case WK_MAP:
        return wk_map_equal(layout, (const struct wk_map *)(uintptr_t)left[0],
                            (const struct wk_map *)(uintptr_t)right[0]);
    case WK_PARTS:
        return parts_equal(layout, left, right);
    }
    return left[0] == right[0];
}
