/* Arrays written in pieces; see array_file.h. */
#include "value/array_file.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "value/npy.h"
#include "value/value.h"

int array_file_open(struct array_file *file, const char *path, enum array_file_format format,
                    enum wk_scalar scalar, uint8_t rank, const int64_t *extents,
                    struct error *error)
{
    struct buffer header = {0};
    uint64_t bytes;
    if (!shape_bytes(rank, extents, wk_scalar_bytes(scalar), &bytes))
        bug("a result with an impossible shape");
    *file = (struct array_file){.element_bytes = wk_scalar_bytes(scalar), .rank = rank};
    memcpy(file->extents, extents, rank * sizeof *extents);
    if (format == ARRAY_FILE_NPY)
        npy_write_header(scalar, rank, extents, &header);
    file->offset = header.length;
    int code = output_open(&file->output, path, error);
    if (code == 0) {
        code = output_resize(&file->output, header.length + bytes, error);
        if (code == 0)
            code = output_write_at(&file->output, header.data, header.length, 0, error);
        if (code)
            output_abandon(&file->output);
    }
    buffer_release(&header);
    return code;
}

/* The bytes of the piece that lie together in the file: its trailing dimensions, up to and with the
 * last one that it does not take whole. The dimensions before those are `outer`. */
static uint64_t run_bytes(const struct array_file *file, const int64_t *count, unsigned *outer)
{
    uint64_t bytes = file->element_bytes;
    unsigned d = file->rank;
    while (d > 0) {
        bytes *= (uint64_t)count[--d];
        if (count[d] != file->extents[d])
            break;
    }
    *outer = d;
    return bytes;
}

static uint64_t file_offset(const struct array_file *file, const int64_t *begin,
                            const int64_t *index, unsigned outer)
{
    uint64_t offset = 0;
    for (unsigned d = 0; d < file->rank; d++)
        offset =
            offset * (uint64_t)file->extents[d] + (uint64_t)(begin[d] + (d < outer ? index[d] : 0));
    return file->offset + offset * file->element_bytes;
}

/* Steps the indexes of the outer dimensions; false after the last. */
static bool step(const int64_t *count, unsigned outer, int64_t *index)
{
    for (unsigned d = outer; d-- > 0;) {
        if (++index[d] < count[d])
            return true;
        index[d] = 0;
    }
    return false;
}

/* Zeros are not written, and take no room: the file has its size from the beginning, and what is
 * never written reads as zeros. */
static bool is_zero(const char *data, uint64_t bytes)
{
    return data[0] == 0 && memcmp(data, data + 1, bytes - 1) == 0;
}

int array_file_write(struct array_file *file, const int64_t *begin, const int64_t *count,
                     const void *data, struct error *error)
{
    const char *from = data;
    int64_t index[WK_MAX_RANK] = {0};
    unsigned outer;
    uint64_t bytes = run_bytes(file, count, &outer);
    for (unsigned d = 0; d < file->rank; d++)
        if (count[d] == 0)
            return 0;
    do {
        uint64_t offset = file_offset(file, begin, index, outer);
        int code =
            is_zero(from, bytes) ? 0 : output_write_at(&file->output, from, bytes, offset, error);
        if (code)
            return code;
        from += bytes;
    } while (step(count, outer, index));
    return 0;
}

int array_file_commit(struct array_file *file, struct error *error)
{
    return output_commit(&file->output, error);
}

void array_file_abandon(struct array_file *file)
{
    output_abandon(&file->output);
}
