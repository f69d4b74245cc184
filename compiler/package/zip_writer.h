/*
 * Writing zip files whose bytes depend on nothing but their entries: every entry has the same time
 * (1980-01-01, the first that the format knows), Unix as its system, and no extra fields. Entries
 * stand in the order in which they are added.
 */
#ifndef WKC_PACKAGE_ZIP_WRITER_H
#define WKC_PACKAGE_ZIP_WRITER_H

#include "base/buffer.h"
#include "base/error.h"
#include "bundle/zip.h"

/* Modes of entries. */
enum { ZIP_MODE_FILE = 0100644, ZIP_MODE_PROGRAM = 0100755 };

struct zip_writer {
    struct buffer *out;      /* what is appended to; empty at first */
    struct buffer directory; /* so far */
    uint32_t count;
};

void zip_writer_init(struct zip_writer *writer, struct buffer *out);

/* Adds bytes, deflated with zlib's level 0 to 9 where that makes them smaller. 0, or
 * ERR_file_too_large. */
int zip_writer_add(struct zip_writer *writer, const char *name, uint32_t mode, const void *data,
                   size_t length, int level, struct error *error);

/* Adds an entry of another zip as it is compressed there. 0 or an error. */
int zip_writer_copy(struct zip_writer *writer, const struct zip *from,
                    const struct zip_entry *entry, struct error *error);

/* Adds the directory, and releases the writer. 0, or ERR_file_too_large. */
int zip_writer_end(struct zip_writer *writer, struct error *error);

/* Releases it without that. */
void zip_writer_abandon(struct zip_writer *writer);

#endif
