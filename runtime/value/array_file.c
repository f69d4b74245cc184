/* Arrays written in pieces; see array_file.h. */
#include "value/array_file.h"

#include <fcntl.h>
#include <string.h>

#include "base/buffer.h"
#include "value/npy.h"

/* So many bytes are written before the disk is asked to begin with them, which it does while the
 * job goes on: then the commit has not all to wait for. */
static const uint64_t SEND_BYTES = 16 << 20;

int array_file_open(struct array_file *file, const char *path, enum array_file_format format,
                    enum wk_scalar scalar, uint8_t rank, const int64_t *extents,
                    struct error *error)
{
    struct buffer header = {0};
    *file = (struct array_file){.element_bytes = wk_scalar_bytes(scalar), .rank = rank};
    memcpy(file->extents, extents, rank * sizeof *extents);
    if (format == ARRAY_FILE_NPY)
        npy_write_header(scalar, rank, extents, &header);
    file->offset = header.length;
    int code = output_open(&file->output, path, error);
    if (code == 0) {
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

static void send(struct array_file *file, uint64_t bytes)
{
    uint64_t unsent = bytes + atomic_fetch_add_explicit(&file->unsent, bytes, memory_order_relaxed);
    if (unsent < SEND_BYTES)
        return;
    atomic_store_explicit(&file->unsent, 0, memory_order_relaxed);
    sync_file_range(file->output.file, 0, 0, SYNC_FILE_RANGE_WRITE); /* only a hint */
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
        int code = output_write_at(&file->output, from, bytes, offset, error);
        if (code)
            return code;
        from += bytes;
    } while (step(count, outer, index));
    send(file, (uint64_t)(from - (const char *)data));
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
