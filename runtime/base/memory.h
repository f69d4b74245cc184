/*
 * Memory that is there, or a clear end.
 *
 * The allocators of this project return memory or do not return: small bookkeeping (syntax trees,
 * tables, messages) has no useful way to go on without it. memory_exhausted() prints one line to
 * standard error from static storage and ends the process with status 1. What may legitimately be
 * too large for the machine (values, DAGs, files) is allocated with memory_try(), whose callers
 * report the failure as a `struct error`.
 */
#ifndef WKC_BASE_MEMORY_H
#define WKC_BASE_MEMORY_H

#include <stddef.h>

/* Zeroed memory for `count` objects of `size` bytes; free with free(). Never NULL. */
void *memory_new(size_t count, size_t size);

/* Resizes as realloc does; what is new is not zeroed. Never NULL (a size of 0 counts as 1). */
void *memory_resize(void *old, size_t count, size_t size);

/* The same, not zeroed and, where it is large, in large pages: for tables by node. */
void *memory_table(size_t count, size_t size);

/* Unzeroed memory, or NULL when there is none; `align` is a power of two. Free with free(). */
void *memory_try(size_t bytes, size_t align);

/* Says that memory ran out and ends the process with status 1. Async-signal-safe. */
_Noreturn void memory_exhausted(void);

/* Reports a broken invariant (a mistake in wkc, not in its input) and aborts. */
_Noreturn void bug_at(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define bug(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)

#endif
