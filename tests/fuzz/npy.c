/*
 * Fuzzing the reader of .npy files: any bytes as a file, opened as what its header says (or as
 * f64[_]). Whatever is accepted must be readable whole and in pieces, and both must agree.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "value/data_file.h"
#include "value/npy.h"
#include "value/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 1 << 20 };

/* The last index of the first dimension, read alone, is the end of the whole. */
static void check_last_part(struct data_file *file, const struct type *type, const char *whole,
                            uint64_t bytes)
{
    struct error error;
    int64_t begin[WK_MAX_RANK] = {0}, count[WK_MAX_RANK];
    memcpy(count, data_file_extents(file), sizeof count);
    begin[0] = count[0] - 1;
    count[0] = 1;
    uint64_t part_bytes;
    if (!shape_bytes(type->rank, count, wk_scalar_bytes(type->element->scalar), &part_bytes))
        bug("a part that is larger than the whole");
    char *part = memory_new(part_bytes, 1);
    if (data_file_read(file, begin, count, part, &error))
        bug("a part cannot be read: %s", error.message);
    if (memcmp(part, whole + bytes - part_bytes, part_bytes) != 0)
        bug("a part differs from the whole");
    free(part);
}

static void read_file(struct data_file *file, const struct type *type)
{
    struct error error;
    int64_t begin[WK_MAX_RANK] = {0};
    const int64_t *extents = data_file_extents(file);
    uint64_t bytes;
    if (!shape_bytes(type->rank, extents, wk_scalar_bytes(type->element->scalar), &bytes))
        bug("an impossible shape was accepted");
    if (bytes > BYTES_MAX)
        bug("more data than the file has bytes");
    char *whole = memory_new(bytes ? bytes : 1, 1);
    if (data_file_read(file, begin, extents, whole, &error))
        bug("an accepted file cannot be read: %s", error.message);
    if (bytes)
        check_last_part(file, type, whole, bytes);
    free(whole);
}

static const struct type *type_of(struct type_table *table, const uint8_t *data, size_t size)
{
    struct npy_header header;
    struct error error;
    if (npy_read_header(data, size, "input", &header, &error) || header.rank == 0)
        return type_array(table, type_scalar(table, WK_F64), 1);
    return type_array(table, type_scalar(table, header.scalar), header.rank);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > BYTES_MAX)
        return 0;
    struct arena arena;
    struct type_table table;
    arena_init(&arena);
    type_table_init(&table, &arena);
    int memory = memfd_create("input.npy", MFD_CLOEXEC);
    if (memory < 0 || write(memory, data, size) != (ssize_t)size)
        bug("no file in memory");
    const struct type *type = type_of(&table, data, size);
    struct error error;
    struct data_file *file =
        data_file_open(arena_printf(&arena, "/proc/self/fd/%d", memory), type, 1, &error);
    if (file && !(type->rank == 1 && type->element->scalar == WK_U8))
        read_file(file, type);
    data_file_close(file);
    close(memory);
    type_table_release(&table);
    arena_release(&arena);
    return 0;
}
