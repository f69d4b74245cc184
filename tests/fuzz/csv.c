/*
 * Fuzzing the reader of tables: any text as an array of several types. What is accepted is printed
 * and read again, which must give the same array.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "value/csv.h"
#include "value/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t array_words(const struct type *type, const int64_t *extents, const void *data,
                            uint64_t *words)
{
    uint64_t bytes;
    if (!shape_bytes(type->rank, extents, wk_scalar_bytes(type->element->scalar), &bytes))
        bug("an impossible shape was read");
    words[0] = (uintptr_t)data;
    for (unsigned i = 0; i < type->rank; i++)
        words[1 + i] = (uint64_t)extents[i];
    return bytes;
}

static int read_table(const char *text, size_t length, const struct type *type, int64_t *extents,
                      void **data, struct error *error)
{
    struct csv_source source = {.name = "fuzz.csv", .text = text, .length = length, .threads = 1};
    return csv_read_array(&source, type, extents, data, error);
}

static void check_round_trip(const struct type *type, const int64_t *extents, const void *data)
{
    struct error error;
    struct buffer text = {0};
    int64_t again[WK_MAX_RANK];
    uint64_t words[1 + WK_MAX_RANK];
    uint64_t bytes = array_words(type, extents, data, words);
    void *back;
    csv_print_rows(type, words, 0, extents[0], &text);
    if (read_table(buffer_text(&text), text.length, type, again, &back, &error))
        bug("what was printed cannot be read: %s", error.message);
    if (memcmp(again, extents, type->rank * sizeof *again) != 0 ||
        (bytes && memcmp(back, data, bytes) != 0))
        bug("what was printed reads differently");
    free(back);
    buffer_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"i64[_]", "u8[_, _]",   "f64[_, _]",
                                        "f32[_]", "bool[_, _]", "u64[_, _]"};
    struct arena arena;
    struct type_table table;
    arena_init(&arena);
    type_table_init(&table, &arena);
    /* In memory of its own, so that a byte read behind it is seen. */
    char *text = memory_new(size, 1);
    memcpy(text, data, size);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct error error;
        int64_t extents[WK_MAX_RANK];
        void *elements;
        const struct type *type = type_parse(&table, types[i]);
        if (read_table(text, size, type, extents, &elements, &error) == 0) {
            check_round_trip(type, extents, elements);
            free(elements);
        } else if (!error.message[0]) {
            bug("a refusal without a message");
        }
    }
    free(text);
    type_table_release(&table);
    arena_release(&arena);
    return 0;
}
