/*
 * Reading zip files; see zip.h. The directory at the end says what there is; the header before each
 * entry is only used to find where its bytes begin, and must agree in its name.
 */
#include "bundle/zip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define ZLIB_CONST
#include <zlib.h>

#include "base/memory.h"

static int refuse(const struct zip *zip, struct error *error, const char *what)
{
    return error_set(error, ERR_bad_bundle, "'%s' is damaged, or no bundle: %s", zip->path, what);
}

static int refuse_entry(const struct zip *zip, const struct zip_entry *entry, struct error *error,
                        const char *what)
{
    return error_set(error, ERR_bad_bundle, "'%s' is damaged: '%s' %s", zip->path, entry->name,
                     what);
}

static uint32_t get16(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t get32(const unsigned char *at)
{
    return get16(at) | get16(at + 2) << 16;
}

/* All of [offset, offset + bytes), or false: it is not there. */
static bool read_at(const struct zip *zip, uint64_t offset, void *out, size_t bytes)
{
    if (offset > zip->length || bytes > zip->length - offset)
        return false;
    if (zip->file < 0) {
        memcpy(out, zip->memory + offset, bytes);
        return true;
    }
    char *to = out;
    while (bytes) {
        ssize_t got = pread(zip->file, to, bytes, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        bytes -= (size_t)got;
        offset += (uint64_t)got;
    }
    return true;
}

/* ---- The directory -------------------------------------------------------------------------- */

/* Where the directory lies, as the record at the end of the file says. */
struct directory {
    uint64_t offset, bytes;
    uint32_t count;
};

/* The record at the end: the last one whose comment fills the file exactly. */
static int find_end(const struct zip *zip, unsigned char record[ZIP_END_BYTES], uint64_t *offset,
                    struct error *error)
{
    enum { MOST = ZIP_END_BYTES + UINT16_MAX };
    if (zip->length < ZIP_END_BYTES)
        return refuse(zip, error, "it is too short");
    size_t bytes = zip->length < MOST ? (size_t)zip->length : MOST;
    unsigned char *tail = memory_new(bytes, 1);
    bool found = false;
    if (read_at(zip, zip->length - bytes, tail, bytes))
        for (size_t at = bytes - ZIP_END_BYTES + 1; at-- > 0 && !found;)
            if (get32(tail + at) == ZIP_END_MARK &&
                get16(tail + at + 20) == bytes - at - ZIP_END_BYTES) {
                found = true;
                memcpy(record, tail + at, ZIP_END_BYTES);
                *offset = zip->length - bytes + at;
            }
    free(tail);
    return found ? 0 : refuse(zip, error, "its end is missing");
}

static int find_directory(const struct zip *zip, struct directory *directory, struct error *error)
{
    unsigned char record[ZIP_END_BYTES] = {0};
    uint64_t end = 0;
    int code = find_end(zip, record, &end, error);
    if (code)
        return code;
    *directory = (struct directory){
        .offset = get32(record + 16), .bytes = get32(record + 12), .count = get16(record + 10)};
    if (get16(record + 4) || get16(record + 6) || get16(record + 8) != directory->count ||
        directory->offset + directory->bytes != end ||
        (uint64_t)directory->count * ZIP_CENTRAL_BYTES > directory->bytes)
        return refuse(zip, error, "its directory is not where it should be");
    if (directory->count > ZIP_COUNT_LIMIT)
        return refuse(zip, error, "it has more files than any bundle");
    return 0;
}

/* Names lead below the folder that they are unpacked into, whoever unpacks them. */
static bool is_proper_name(const char *name, size_t length)
{
    if (length == 0 || name[0] == '/' || memchr(name, '\0', length) || memchr(name, '\\', length))
        return false;
    for (size_t begin = 0; begin <= length;) {
        const char *slash = memchr(name + begin, '/', length - begin);
        size_t part = (slash ? (size_t)(slash - name) : length) - begin;
        if ((part == 1 && name[begin] == '.') || (part == 2 && memcmp(name + begin, "..", 2) == 0))
            return false;
        begin += part + 1;
    }
    return true;
}

/* Deflate shrinks nothing to less than a thousandth: a larger promise is a trap. */
static bool is_possible(const struct zip_entry *e)
{
    enum { MOST_RATIO = 1032, SLACK = 64 };
    if (e->bytes > ZIP_ENTRY_LIMIT)
        return false;
    return e->method == ZIP_STORED ? e->bytes == e->packed_bytes
                                   : e->bytes <= (uint64_t)e->packed_bytes * MOST_RATIO + SLACK;
}

/* Reads the record at `at`, which has `left` bytes; *used are those that it takes. */
static int read_record(struct zip *zip, const unsigned char *at, uint64_t left, uint64_t *used,
                       struct zip_entry *e, struct error *error)
{
    enum { UNIX = 3, ENCRYPTED = 1 };
    if (left < ZIP_CENTRAL_BYTES || get32(at) != ZIP_CENTRAL_MARK)
        return refuse(zip, error, "its directory is cut off");
    size_t length = get16(at + 28);
    *used = ZIP_CENTRAL_BYTES + length + get16(at + 30) + get16(at + 32);
    if (*used > left || !is_proper_name((const char *)at + ZIP_CENTRAL_BYTES, length))
        return refuse(zip, error, "its directory has a name that cannot be");
    *e = (struct zip_entry){
        .name = arena_text(&zip->arena, (const char *)at + ZIP_CENTRAL_BYTES, length),
        .method = get16(at + 10),
        .mode = at[5] == UNIX ? get32(at + 38) >> 16 : 0,
        .crc = get32(at + 16),
        .packed_bytes = get32(at + 20),
        .bytes = get32(at + 24),
        .header = get32(at + 42),
    };
    if ((get16(at + 8) & ENCRYPTED) || (e->method != ZIP_STORED && e->method != ZIP_DEFLATED))
        return refuse_entry(zip, e, error, "is packed in a way that bundles do not use");
    if (zip_find(zip, e->name))
        return refuse_entry(zip, e, error, "stands there twice");
    return is_possible(e) ? 0 : refuse_entry(zip, e, error, "cannot have the size that it says");
}

static int read_entries(struct zip *zip, const unsigned char *records,
                        const struct directory *directory, struct error *error)
{
    uint64_t at = 0, used = 0;
    zip->entries = arena_array(&zip->arena, struct zip_entry, directory->count);
    for (uint32_t i = 0; i < directory->count; i++) {
        int code =
            read_record(zip, records + at, directory->bytes - at, &used, &zip->entries[i], error);
        if (code)
            return code;
        zip->count++;
        at += used;
    }
    return at == directory->bytes ? 0 : refuse(zip, error, "its directory has more than it says");
}

static int read_directory(struct zip *zip, struct error *error)
{
    struct directory directory;
    int code = find_directory(zip, &directory, error);
    if (code)
        return code;
    unsigned char *records = memory_new((size_t)directory.bytes, 1);
    code = read_at(zip, directory.offset, records, (size_t)directory.bytes)
               ? read_entries(zip, records, &directory, error)
               : refuse(zip, error, "its directory cannot be read");
    free(records);
    return code;
}

/* ---- Opening -------------------------------------------------------------------------------- */

int zip_open_memory(struct zip *zip, const char *path, const void *data, size_t length,
                    struct error *error)
{
    *zip = (struct zip){.path = path, .file = -1, .memory = data, .length = length};
    arena_init(&zip->arena);
    int code = read_directory(zip, error);
    if (code)
        zip_close(zip);
    return code;
}

static int open_file(struct zip *zip, struct error *error)
{
    struct stat status;
    zip->file = open(zip->path, O_RDONLY | O_CLOEXEC);
    if (zip->file < 0 || fstat(zip->file, &status) < 0)
        return error_set(error, ERR_file_unreadable, "cannot read '%s': %s", zip->path,
                         strerror(errno));
    if (!S_ISREG(status.st_mode))
        return error_set(error, ERR_file_unreadable, "cannot read '%s': it is no regular file",
                         zip->path);
    zip->length = (uint64_t)status.st_size;
    return 0;
}

int zip_open(struct zip *zip, const char *path, struct error *error)
{
    *zip = (struct zip){.path = path};
    arena_init(&zip->arena);
    int code = open_file(zip, error);
    if (code == 0)
        code = read_directory(zip, error);
    if (code)
        zip_close(zip);
    return code;
}

void zip_close(struct zip *zip)
{
    if (zip->file >= 0)
        close(zip->file);
    arena_release(&zip->arena);
    *zip = (struct zip){.file = -1};
}

const struct zip_entry *zip_find(const struct zip *zip, const char *name)
{
    for (uint32_t i = 0; i < zip->count; i++)
        if (strcmp(zip->entries[i].name, name) == 0)
            return &zip->entries[i];
    return NULL;
}

/* ---- Contents ------------------------------------------------------------------------------- */

/* Where the entry's bytes begin. */
static int find_contents(const struct zip *zip, const struct zip_entry *entry, uint64_t *offset,
                         struct error *error)
{
    unsigned char header[ZIP_LOCAL_BYTES];
    size_t length = strlen(entry->name);
    if (!read_at(zip, entry->header, header, sizeof header) || get32(header) != ZIP_LOCAL_MARK ||
        get16(header + 26) != length)
        return refuse_entry(zip, entry, error, "is not where the directory says");
    char *name = memory_new(length, 1);
    bool agrees = read_at(zip, (uint64_t)entry->header + sizeof header, name, length) &&
                  memcmp(name, entry->name, length) == 0;
    free(name);
    *offset = (uint64_t)entry->header + sizeof header + length + get16(header + 28);
    return agrees ? 0 : refuse_entry(zip, entry, error, "has two names");
}

int zip_read_packed(const struct zip *zip, const struct zip_entry *entry, struct buffer *out,
                    struct error *error)
{
    uint64_t offset = 0;
    int code = find_contents(zip, entry, &offset, error);
    if (code)
        return code;
    if (offset > zip->length || entry->packed_bytes > zip->length - offset)
        return refuse_entry(zip, entry, error, "is cut off");
    size_t before = out->length;
    if (read_at(zip, offset, buffer_extend(out, entry->packed_bytes), entry->packed_bytes))
        return 0;
    buffer_end_at(out, out->data + before);
    return refuse_entry(zip, entry, error, "cannot be read");
}

/* Whether `packed` inflates to exactly `bytes` bytes. */
static bool inflate_into(const struct buffer *packed, void *out, uint32_t bytes)
{
    enum { RAW_WINDOW_BITS = -15 };
    z_stream stream = {0};
    if (inflateInit2(&stream, RAW_WINDOW_BITS) != Z_OK)
        memory_exhausted();
    stream.next_in = (const unsigned char *)packed->data;
    stream.avail_in = (uInt)packed->length;
    stream.next_out = out;
    stream.avail_out = bytes;
    int status = inflate(&stream, Z_FINISH);
    bool is_whole = status == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0;
    inflateEnd(&stream);
    return is_whole;
}

int zip_read(const struct zip *zip, const struct zip_entry *entry, struct buffer *out,
             struct error *error)
{
    struct buffer packed = {0};
    int code = zip_read_packed(zip, entry, &packed, error);
    if (code) {
        buffer_release(&packed);
        return code;
    }
    size_t before = out->length;
    char *contents = buffer_extend(out, entry->bytes);
    bool is_whole = true;
    if (entry->method == ZIP_STORED)
        memcpy(contents, buffer_text(&packed), entry->bytes);
    else
        is_whole = inflate_into(&packed, contents, entry->bytes);
    if (!is_whole || crc32(0, (const unsigned char *)contents, entry->bytes) != entry->crc) {
        buffer_end_at(out, out->data + before);
        code = refuse_entry(zip, entry, error, "is not what was written: its sum does not agree");
    }
    buffer_release(&packed);
    return code;
}
