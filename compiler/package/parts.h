/*
 * The files of a bundle before it is written: a list with their bytes, and the writing of it, with
 * the manifest that lists them.
 */
#ifndef WKC_PACKAGE_PARTS_H
#define WKC_PACKAGE_PARTS_H

#include "bundle/manifest.h"
#include "package/zip_writer.h"

struct part {
    const char *name;
    uint32_t mode;
    const void *data; /* NULL: the file of this name of `from` is copied as it is compressed */
    size_t length;
    const struct bundle *from;
};

struct parts {
    VECTOR(struct part) list;
};

void parts_add(struct parts *parts, const char *name, uint32_t mode, const void *data,
               size_t length);

/* Adds the files of a bundle but its manifest, and but those whose names are there already: two
 * runtimes may need the same library. */
void parts_add_bundle(struct parts *parts, const struct bundle *from);

void parts_release(struct parts *parts);

/* Appends the zip to `out`, which is empty: the manifest, whose list of files is filled first, and
 * the parts, those with data deflated at a level of zlib's. 0 or an error. */
int parts_write(const struct parts *parts, struct manifest *manifest, int level, struct buffer *out,
                struct error *error);

#endif
