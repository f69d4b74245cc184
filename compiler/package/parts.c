/* Writing the files of a bundle; see parts.h. */
#include "package/parts.h"

#include <string.h>

#include "bundle/bundle.h"

void parts_add(struct parts *parts, const char *name, uint32_t mode, const void *data,
               size_t length)
{
    vector_push(&parts->list,
                (struct part){.name = name, .mode = mode, .data = data, .length = length});
}

static bool has_part(const struct parts *parts, const char *name)
{
    for (size_t i = 0; i < parts->list.count; i++)
        if (strcmp(parts->list.items[i].name, name) == 0)
            return true;
    return false;
}

void parts_add_bundle(struct parts *parts, const struct bundle *from)
{
    for (size_t i = 0; i < from->manifest.files.count; i++) {
        struct part part = {.name = from->manifest.files.items[i].name, .from = from};
        if (!has_part(parts, part.name))
            vector_push(&parts->list, part);
    }
}

void parts_release(struct parts *parts)
{
    vector_release(&parts->list);
}

static void list_file(struct manifest *manifest, const struct part *part)
{
    if (part->from) {
        vector_push(&manifest->files, *manifest_find(&part->from->manifest, part->name));
        return;
    }
    struct manifest_file file = {.name = part->name, .bytes = part->length};
    manifest_hash(part->data, part->length, file.hash);
    vector_push(&manifest->files, file);
}

static int write_part(struct zip_writer *writer, const struct part *part, int level,
                      struct error *error)
{
    if (!part->from)
        return zip_writer_add(writer, part->name, part->mode, part->data, part->length, level,
                              error);
    const struct zip *zip = &part->from->zip;
    return zip_writer_copy(writer, zip, zip_find(zip, part->name), error);
}

static int write_manifest(struct zip_writer *writer, const struct manifest *manifest, int level,
                          struct error *error)
{
    struct buffer text = {0};
    manifest_print(manifest, &text);
    int code = zip_writer_add(writer, BUNDLE_MANIFEST, ZIP_MODE_FILE, text.data, text.length, level,
                              error);
    buffer_release(&text);
    return code;
}

int parts_write(const struct parts *parts, struct manifest *manifest, int level, struct buffer *out,
                struct error *error)
{
    struct zip_writer writer;
    zip_writer_init(&writer, out);
    for (size_t i = 0; i < parts->list.count; i++)
        list_file(manifest, &parts->list.items[i]);
    int code = write_manifest(&writer, manifest, level, error);
    for (size_t i = 0; i < parts->list.count && !code; i++)
        code = write_part(&writer, &parts->list.items[i], level, error);
    if (code)
        zip_writer_abandon(&writer);
    return code ? code : zip_writer_end(&writer, error);
}
