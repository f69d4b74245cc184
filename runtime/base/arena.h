/*
 * Arenas: memory that is handed out piece by piece and freed as a whole.
 *
 * One per compilation, one per task. An arena belongs to one thread at a time.
 */
#ifndef WKC_BASE_ARENA_H
#define WKC_BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    char *next;                 /* first free byte of the newest chunk */
    char *end;
    size_t bytes; /* handed out so far, for statistics */
};

void arena_init(struct arena *arena);
void arena_release(struct arena *arena);

/* Zeroed memory of the arena, aligned to 16 bytes. Never NULL. */
void *arena_alloc(struct arena *arena, size_t bytes);

/* Copies of memory and text that live as long as the arena. The copied text is terminated. */
void *arena_copy(struct arena *arena, const void *data, size_t bytes);
char *arena_text(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array(arena, type, count) ((type *)arena_alloc_array((arena), (count), sizeof(type)))

/* As arena_alloc for `count` objects; an overflow of the product counts as memory exhausted. */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);

#endif
