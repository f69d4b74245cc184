/*
 * Interned strings: equal texts have equal pointers within one interner.
 */
#ifndef WKC_BASE_INTERN_H
#define WKC_BASE_INTERN_H

#include <stddef.h>

struct arena;

struct interner {
    struct arena *arena; /* holds the texts; must outlive the interner */
    const char **slots;
    size_t count, capacity;
};

void interner_init(struct interner *interner, struct arena *arena);
void interner_release(struct interner *interner);

/* The one terminated copy of this text, which lives as long as the arena. */
const char *intern(struct interner *interner, const char *text, size_t length);
const char *intern_text(struct interner *interner, const char *text);

#endif
