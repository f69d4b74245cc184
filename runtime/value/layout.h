/*
 * Layouts: types as struct wk_layout (wk.h), for the functions that work on values of any type.
 */
#ifndef WKC_VALUE_LAYOUT_H
#define WKC_VALUE_LAYOUT_H

#include "base/arena.h"
#include "value/type.h"

/* The layout of a type that has words (not of a function), in the arena. */
const struct wk_layout *layout_of(const struct type *type, struct arena *arena);

#endif
