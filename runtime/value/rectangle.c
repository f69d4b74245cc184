/*
 * Hyper-rectangles of files. The dimensions are taken in the file's order, slowest first
 * ("levels"). Where the rest of the levels is one run of bytes that can go to `out` as it is, it is
 * read there. Otherwise as many indexes of a level as fit are read into the buffer, with what lies
 * between them when that is little, and picked from there; and a level whose gaps are wide is taken
 * index by index.
 */
#include "value/rectangle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/memory.h"

enum {
    BUFFER_BYTES = 1 << 20,
    GAP_BYTES = 16 << 10, /* up to here it is cheaper to read along than to ask again */
};

struct level {
    uint64_t count;       /* of the rectangle's indexes */
    uint64_t file_stride; /* bytes from one index to the next */
    uint64_t out_stride;
    uint64_t
        file_span; /* bytes from the first element to the end of the last, this level and below */
    bool bridged;  /* gaps are narrow here and below */
};

struct reading {
    const struct rectangle_source *source;
    char *buffer; /* allocated when it is first needed */
    struct level levels[WK_MAX_RANK];
};

static enum rectangle_result read_bytes(const struct rectangle_source *source, char *out,
                                        uint64_t bytes, uint64_t offset)
{
    if (source->reader)
        return source->reader->read(source->reader, out, bytes, offset) ? RECTANGLE_FAILED
                                                                        : RECTANGLE_OK;
    while (bytes) {
        ssize_t got = pread(source->file, out, bytes, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? RECTANGLE_FAILED : RECTANGLE_SHORT;
        out += got;
        offset += (uint64_t)got;
        bytes -= (uint64_t)got;
    }
    return RECTANGLE_OK;
}

/* ---- Picking elements from the buffer ------------------------------------------------------ */

#define PICK(type)                                                                                 \
    for (uint64_t i = 0; i < level->count; i++)                                                    \
        memcpy(to + i * level->out_stride, from + i * level->file_stride, sizeof(type));

static void pick_row(const struct level *level, uint32_t bytes, char *to, const char *from)
{
    if (level->file_stride == bytes && level->out_stride == bytes) {
        memcpy(to, from, level->count * bytes);
        return;
    }
    switch (bytes) {
    case 1:
        PICK(uint8_t)
        return;
    case 2:
        PICK(uint16_t)
        return;
    case 4:
        PICK(uint32_t)
        return;
    case 8:
        PICK(uint64_t)
        return;
    }
    bug("elements of %u bytes", bytes);
}

/* Copies `levels` levels from the buffer. `step` leads from a level to the next faster one in
 * `out`, so that `out` is written in order: +1 when the file has the same order, -1 when it has the
 * reverse. */
static void pick(const struct reading *reading, const struct level *level, int levels, int step,
                 char *to, const char *from)
{
    if (levels == 1) {
        pick_row(level, reading->source->element_bytes, to, from);
        return;
    }
    for (uint64_t i = 0; i < level->count; i++)
        pick(reading, level + step, levels - 1, step, to + i * level->out_stride,
             from + i * level->file_stride);
}

/* ---- Reading ------------------------------------------------------------------------------- */

static enum rectangle_result read_through_buffer(struct reading *reading, int depth, uint64_t first,
                                                 uint64_t count, uint64_t offset, char *out)
{
    int rank = reading->source->rank;
    struct level *level = &reading->levels[depth];
    uint64_t below = depth + 1 < rank ? level[1].file_span : reading->source->element_bytes;
    if (!reading->buffer && !(reading->buffer = memory_try(BUFFER_BYTES, WK_ALIGN)))
        return RECTANGLE_NO_MEMORY;
    enum rectangle_result result =
        read_bytes(reading->source, reading->buffer, (count - 1) * level->file_stride + below,
                   offset + first * level->file_stride);
    if (result)
        return result;
    uint64_t all = level->count;
    level->count = count;
    bool fortran = reading->source->fortran;
    pick(reading, fortran ? &reading->levels[rank - 1] : level, rank - depth, fortran ? -1 : 1,
         out + first * level->out_stride, reading->buffer);
    level->count = all;
    return RECTANGLE_OK;
}

/* Whether the levels from `depth` on are one run of bytes in the file and in `out`. */
static bool is_run(const struct reading *reading, int depth)
{
    const struct rectangle_source *source = reading->source;
    uint64_t bytes = source->element_bytes;
    for (int i = source->rank - 1; i >= depth; i--) {
        const struct level *level = &reading->levels[i];
        if (level->count > 1 && (level->file_stride != bytes || level->out_stride != bytes))
            return false;
        bytes *= level->count;
    }
    return true;
}

static enum rectangle_result read_level(struct reading *reading, int depth, uint64_t offset,
                                        char *out)
{
    const struct level *level = &reading->levels[depth];
    if (is_run(reading, depth))
        return read_bytes(reading->source, out, level->file_span, offset);
    bool last = depth + 1 == reading->source->rank;
    uint64_t below = last ? reading->source->element_bytes : level[1].file_span;
    uint64_t at_once = 1;
    if (level->bridged && below <= BUFFER_BYTES)
        at_once += (BUFFER_BYTES - below) / level->file_stride;
    enum rectangle_result result = RECTANGLE_OK;
    for (uint64_t i = 0; i < level->count && result == RECTANGLE_OK; i += at_once) {
        uint64_t count = at_once < level->count - i ? at_once : level->count - i;
        if (last || count > 1)
            result = read_through_buffer(reading, depth, i, count, offset, out);
        else
            result = read_level(reading, depth + 1, offset + i * level->file_stride,
                                out + i * level->out_stride);
    }
    return result;
}

/* Fills the levels; returns the offset of the rectangle's first element in the file. */
static uint64_t set_levels(struct reading *reading, const int64_t *begin, const int64_t *count)
{
    const struct rectangle_source *source = reading->source;
    int rank = source->rank;
    uint64_t out_strides[WK_MAX_RANK], stride = source->element_bytes, offset = source->offset;
    for (int i = rank - 1; i >= 0; i--) {
        out_strides[i] = stride;
        stride *= (uint64_t)count[i];
    }
    uint64_t file_stride = source->element_bytes, span = source->element_bytes;
    bool bridged = true;
    for (int i = rank - 1; i >= 0; i--) {
        int dimension = source->fortran ? rank - 1 - i : i;
        uint64_t indexes = (uint64_t)count[dimension];
        bridged = bridged && (indexes == 1 || file_stride - span <= GAP_BYTES);
        span += (indexes - 1) * file_stride;
        reading->levels[i] = (struct level){.count = indexes,
                                            .file_stride = file_stride,
                                            .out_stride = out_strides[dimension],
                                            .file_span = span,
                                            .bridged = bridged};
        offset += (uint64_t)begin[dimension] * file_stride;
        file_stride *= (uint64_t)source->extents[dimension];
    }
    return offset;
}

enum rectangle_result rectangle_read(const struct rectangle_source *source, const int64_t *begin,
                                     const int64_t *count, void *out)
{
    for (int i = 0; i < source->rank; i++)
        if (count[i] == 0)
            return RECTANGLE_OK;
    struct reading reading = {.source = source};
    uint64_t offset = set_levels(&reading, begin, count);
    enum rectangle_result result = read_level(&reading, 0, offset, out);
    free(reading.buffer);
    return result;
}
