/* Packing a folder that a bundle was unpacked into; see folder.h. */
#include "package/folder.h"

#include <string.h>

#include "package/libraries.h"
#include "package/zip_writer.h"

enum { LEVEL = 1 }; /* what is packed is sent once, and unpacked on this machine */

/* As B1.3 says: the modes that the folder has are of no interest. */
static uint32_t mode_of(const struct manifest *manifest, const char *name)
{
    const char *loader = target_exists(manifest->target) ? target_loader(manifest->target) : "";
    size_t prefix = strlen(BUNDLE_LIBRARIES);
    bool is_loader =
        strncmp(name, BUNDLE_LIBRARIES, prefix) == 0 && strcmp(name + prefix, loader) == 0;
    bool is_program =
        strcmp(name, BUNDLE_STARTER) == 0 || strcmp(name, BUNDLE_EXECUTOR) == 0 || is_loader;
    return is_program ? ZIP_MODE_PROGRAM : ZIP_MODE_FILE;
}

static int add_file(struct zip_writer *writer, const struct bundle *bundle, const char *name,
                    struct error *error)
{
    struct buffer contents = {0};
    int code = bundle_read(bundle, name, &contents, error);
    if (!code)
        code = zip_writer_add(writer, name, mode_of(&bundle->manifest, name), contents.data,
                              contents.length, LEVEL, error);
    buffer_release(&contents);
    return code;
}

int package_folder(const struct bundle *bundle, struct buffer *out, struct error *error)
{
    struct zip_writer writer;
    struct buffer text = {0};
    zip_writer_init(&writer, out);
    manifest_print(&bundle->manifest, &text);
    int code = zip_writer_add(&writer, BUNDLE_MANIFEST, ZIP_MODE_FILE, text.data, text.length,
                              LEVEL, error);
    for (size_t i = 0; i < bundle->manifest.files.count && !code; i++)
        code = add_file(&writer, bundle, bundle->manifest.files.items[i].name, error);
    buffer_release(&text);
    if (code)
        zip_writer_abandon(&writer);
    return code ? code : zip_writer_end(&writer, error);
}
