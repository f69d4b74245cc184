/* Allocation that does not return NULL; see memory.h. */
#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

_Noreturn void memory_exhausted(void)
{
    static const char message[] =
        "error[E810]: out of memory; close other programs, or give the job less to hold at once\n";
    ssize_t ignored = write(STDERR_FILENO, message, sizeof message - 1);
    (void)ignored;
    _exit(1);
}

void *memory_new(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        memory_exhausted();
    return memory;
}

void *memory_resize(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        memory_exhausted();
    void *memory = realloc(old, bytes ? bytes : 1);
    if (!memory)
        memory_exhausted();
    return memory;
}

/* What is large lies in large pages where the system has them: then first touches are a fifth as
 * dear, and random accesses miss the processor's page table half as often. */
void *memory_try(size_t bytes, size_t align)
{
    enum { LARGE = 4 << 20, LARGE_PAGE = 2 << 20 };
    void *memory = NULL;
    if (align < sizeof(void *))
        align = sizeof(void *);
    if (bytes >= LARGE && align < LARGE_PAGE)
        align = LARGE_PAGE;
    if (posix_memalign(&memory, align, bytes ? bytes : 1) != 0)
        return NULL;
    if (bytes >= LARGE)
        madvise(memory, bytes / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
    return memory;
}

void *memory_table(size_t count, size_t size)
{
    enum { CACHE_LINE = 64 };
    size_t bytes;
    void *memory = NULL;
    if (!__builtin_mul_overflow(count, size, &bytes))
        memory = memory_try(bytes, CACHE_LINE);
    if (!memory)
        memory_exhausted();
    return memory;
}

_Noreturn void bug_at(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "wkc: internal error at %s:%d: ", file, line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\nThis is a mistake in wkc. Please report it with the program that shows it.\n", stderr);
    abort();
}
