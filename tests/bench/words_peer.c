/*
 * Word count as it is written in C with OpenMP: each thread goes over its share of the mapped file
 * and counts in a hash table of its own, whose keys are views of the file; then one thread adds the
 * tables up and prints them. Words are runs of letters and digits.
 *
 *     words_peer FILE OUTPUT
 */
#include <fcntl.h>
#include <omp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct entry {
    const char *text; /* NULL: free */
    uint32_t length, hash;
    uint64_t count;
};

struct table {
    struct entry *entries;
    size_t used, capacity; /* a power of two; at most three quarters are used */
};

static bool in_word[256];

static struct table table_new(size_t capacity)
{
    return (struct table){calloc(capacity, sizeof(struct entry)), 0, capacity};
}

static struct entry *table_slot(const struct table *table, const char *text, uint32_t length,
                                uint32_t hash)
{
    for (size_t at = hash;; at++) {
        struct entry *entry = &table->entries[at & (table->capacity - 1)];
        if (!entry->text || (entry->hash == hash && entry->length == length &&
                             memcmp(entry->text, text, length) == 0))
            return entry;
    }
}

static void table_grow(struct table *table)
{
    struct table larger = table_new(table->capacity * 2);
    for (size_t i = 0; i < table->capacity; i++) {
        const struct entry *entry = &table->entries[i];
        if (entry->text)
            *table_slot(&larger, entry->text, entry->length, entry->hash) = *entry;
    }
    larger.used = table->used;
    free(table->entries);
    *table = larger;
}

static void table_add(struct table *table, const char *text, uint32_t length, uint32_t hash,
                      uint64_t count)
{
    struct entry *entry = table_slot(table, text, length, hash);
    if (!entry->text) {
        *entry = (struct entry){text, length, hash, 0};
        if (++table->used > table->capacity / 4 * 3) {
            table_grow(table);
            entry = table_slot(table, text, length, hash);
        }
    }
    entry->count += count;
}

/* FNV-1a, along with the search for the end. */
static void count_words(struct table *table, const char *text, const char *end)
{
    while (text < end) {
        while (text < end && !in_word[(uint8_t)*text])
            text++;
        const char *begin = text;
        uint32_t hash = 2166136261u;
        for (; text < end && in_word[(uint8_t)*text]; text++)
            hash = (hash ^ (uint8_t)*text) * 16777619u;
        if (text > begin)
            table_add(table, begin, (uint32_t)(text - begin), hash, 1);
    }
}

/* The first place from `at` on that is not within a word. */
static const char *border(const char *text, size_t at, size_t size)
{
    while (at > 0 && at < size && in_word[(uint8_t)text[at]])
        at++;
    return text + at;
}

static void print(const struct table *table, const char *path)
{
    FILE *out = fopen(path, "w");
    if (!out)
        exit(1);
    for (size_t i = 0; i < table->capacity; i++)
        if (table->entries[i].text)
            fprintf(out, "%.*s %llu\n", (int)table->entries[i].length, table->entries[i].text,
                    (unsigned long long)table->entries[i].count);
    fclose(out);
}

int main(int argc, char **argv)
{
    struct stat status;
    int file = argc == 3 ? open(argv[1], O_RDONLY) : -1;
    if (file < 0 || fstat(file, &status) != 0)
        return 1;
    size_t size = (size_t)status.st_size;
    const char *text = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (text == MAP_FAILED)
        return 1;
    for (int c = 0; c < 256; c++)
        in_word[c] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    struct table total = table_new(1024);
#pragma omp parallel
    {
        struct table own = table_new(1024);
        size_t number = (size_t)omp_get_thread_num(), count = (size_t)omp_get_num_threads();
        count_words(&own, border(text, size / count * number, size),
                    number + 1 == count ? text + size
                                        : border(text, size / count * (number + 1), size));
#pragma omp critical
        for (size_t i = 0; i < own.capacity; i++)
            if (own.entries[i].text)
                table_add(&total, own.entries[i].text, own.entries[i].length, own.entries[i].hash,
                          own.entries[i].count);
        free(own.entries);
    }
    print(&total, argv[2]);
    return 0;
}
