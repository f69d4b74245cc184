/*
 * Reading zip files, as far as bundles use them: entries that are stored or deflated, sizes below 4
 * GiB, one disk, no encryption. Written by ourselves, on zlib, since bundles need little of the
 * format, a writer that gives the same bytes whatever the clock, time zone and user are
 * (compiler/package/zip_writer.h; libzip takes its times through the local time zone), and a reader
 * that copies entries as they are compressed.
 *
 * Nothing in the file is trusted. What is damaged is ERR_bad_bundle; the contents of an entry are
 * checked against its sum (CRC-32) when they are read.
 */
#ifndef WKC_BUNDLE_ZIP_H
#define WKC_BUNDLE_ZIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

enum zip_method { ZIP_STORED = 0, ZIP_DEFLATED = 8 };

/* Where things stand in the records of the format (APPNOTE 6.3, 4.3); all little-endian. */
enum {
    ZIP_LOCAL_BYTES = 30,
    ZIP_CENTRAL_BYTES = 46,
    ZIP_END_BYTES = 22,
};
#define ZIP_LOCAL_MARK UINT32_C(0x04034b50)
#define ZIP_CENTRAL_MARK UINT32_C(0x02014b50)
#define ZIP_END_MARK UINT32_C(0x06054b50)

/* No entry may become larger. */
#define ZIP_ENTRY_LIMIT (UINT32_C(1) << 30)

/* Nor are there more. */
enum { ZIP_COUNT_LIMIT = 4096 };

struct zip_entry {
    const char *name;
    uint32_t method; /* enum zip_method */
    uint32_t mode;   /* of Unix: 0100644 and so on; 0 when the file comes from another system */
    uint32_t crc;
    uint32_t packed_bytes, bytes; /* compressed, and as they are */
    uint32_t header;              /* where its local header begins */
};

struct zip {
    const char *path; /* for messages */
    int file;         /* -1: the bytes are in memory */
    const unsigned char *memory;
    uint64_t length;
    struct zip_entry *entries; /* in the order of the directory; names are unique */
    uint32_t count;
    struct arena arena;
};

/* Opens a file, or bytes that outlive the zip; `path` does, too. 0, or ERR_bad_bundle, or
 * ERR_file_unreadable; then there is nothing to close. */
int zip_open(struct zip *zip, const char *path, struct error *error);
int zip_open_memory(struct zip *zip, const char *path, const void *data, size_t length,
                    struct error *error);
void zip_close(struct zip *zip);

/* The entry of this name, or NULL. */
const struct zip_entry *zip_find(const struct zip *zip, const char *name);

/* Appends the contents of an entry to `out`. 0, or an error; then `out` is as it was. */
int zip_read(const struct zip *zip, const struct zip_entry *entry, struct buffer *out,
             struct error *error);

/* As zip_read, of the bytes as they are compressed; they are not checked. */
int zip_read_packed(const struct zip *zip, const struct zip_entry *entry, struct buffer *out,
                    struct error *error);

#endif
