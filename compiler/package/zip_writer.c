/* Writing zip files; see zip_writer.h. */
#include "package/zip_writer.h"

#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "base/memory.h"

enum {
    VERSION_NEEDED = 20, /* 2.0: deflate */
    SYSTEM_UNIX = 3,
    DATE_FIRST = 1 << 5 | 1, /* 1 January 1980 */
    RAW_WINDOW_BITS = -15,
    MEMORY_LEVEL = 9,
};

void zip_writer_init(struct zip_writer *writer, struct buffer *out)
{
    *writer = (struct zip_writer){.out = out};
}

void zip_writer_abandon(struct zip_writer *writer)
{
    buffer_release(&writer->directory);
}

static void put16(struct buffer *out, uint32_t value)
{
    const char bytes[] = {(char)(value & 0xFF), (char)(value >> 8 & 0xFF)};
    buffer_append(out, bytes, sizeof bytes);
}

static void put32(struct buffer *out, uint32_t value)
{
    put16(out, value & 0xFFFF);
    put16(out, value >> 16);
}

/* What both headers of an entry have, in one order: from the version to the length of the name. */
static void put_description(struct buffer *out, const struct zip_entry *e)
{
    put16(out, VERSION_NEEDED);
    put16(out, 0); /* flags */
    put16(out, e->method);
    put16(out, 0); /* midnight */
    put16(out, DATE_FIRST);
    put32(out, e->crc);
    put32(out, e->packed_bytes);
    put32(out, e->bytes);
    put16(out, (uint32_t)strlen(e->name));
    put16(out, 0); /* extra fields */
}

static void put_record(struct buffer *out, const struct zip_entry *e)
{
    put32(out, ZIP_CENTRAL_MARK);
    put16(out, SYSTEM_UNIX << 8 | VERSION_NEEDED);
    put_description(out, e);
    put16(out, 0); /* comment */
    put16(out, 0); /* disk */
    put16(out, 0); /* internal attributes */
    put32(out, e->mode << 16);
    put32(out, e->header);
    buffer_puts(out, e->name);
}

static int refuse(const char *name, struct error *error)
{
    return error_set(error, ERR_file_too_large, "'%s' does not fit into a bundle", name);
}

/* Adds the header before the contents, and the record in the directory. */
static int begin_entry(struct zip_writer *w, struct zip_entry *e, struct error *error)
{
    if (w->out->length > UINT32_MAX || e->bytes > ZIP_ENTRY_LIMIT || w->count == ZIP_COUNT_LIMIT)
        return refuse(e->name, error);
    e->header = (uint32_t)w->out->length;
    put32(w->out, ZIP_LOCAL_MARK);
    put_description(w->out, e);
    buffer_puts(w->out, e->name);
    put_record(&w->directory, e);
    w->count++;
    return 0;
}

/* Deflates; false when the result would not be smaller. */
static bool deflate_smaller(const void *data, size_t length, int level, struct buffer *out)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, level, Z_DEFLATED, RAW_WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        memory_exhausted();
    stream.next_in = (const unsigned char *)data;
    stream.avail_in = (uInt)length;
    stream.next_out = (unsigned char *)buffer_extend(out, length);
    stream.avail_out = (uInt)length;
    int status = deflate(&stream, Z_FINISH);
    buffer_end_at(out, (char *)stream.next_out);
    deflateEnd(&stream);
    return status == Z_STREAM_END && out->length < length;
}

int zip_writer_add(struct zip_writer *w, const char *name, uint32_t mode, const void *data,
                   size_t length, int level, struct error *error)
{
    if (length > ZIP_ENTRY_LIMIT)
        return refuse(name, error);
    struct buffer packed = {0};
    bool deflated = deflate_smaller(data, length, level, &packed);
    struct zip_entry e = {
        .name = name,
        .method = deflated ? ZIP_DEFLATED : ZIP_STORED,
        .mode = mode,
        .crc = (uint32_t)crc32(0, data, (uInt)length),
        .packed_bytes = (uint32_t)(deflated ? packed.length : length),
        .bytes = (uint32_t)length,
    };
    int code = begin_entry(w, &e, error);
    if (code == 0)
        buffer_append(w->out, deflated ? packed.data : data, e.packed_bytes);
    buffer_release(&packed);
    return code;
}

int zip_writer_copy(struct zip_writer *w, const struct zip *from, const struct zip_entry *entry,
                    struct error *error)
{
    struct zip_entry e = *entry;
    int code = begin_entry(w, &e, error);
    return code ? code : zip_read_packed(from, entry, w->out, error);
}

int zip_writer_end(struct zip_writer *w, struct error *error)
{
    uint64_t begin = w->out->length;
    if (begin + w->directory.length > UINT32_MAX) {
        zip_writer_abandon(w);
        return refuse("the whole", error);
    }
    buffer_append(w->out, buffer_text(&w->directory), w->directory.length);
    put32(w->out, ZIP_END_MARK);
    put32(w->out, 0); /* disks */
    put16(w->out, w->count);
    put16(w->out, w->count);
    put32(w->out, (uint32_t)w->directory.length);
    put32(w->out, (uint32_t)begin);
    put16(w->out, 0); /* comment */
    zip_writer_abandon(w);
    return 0;
}
