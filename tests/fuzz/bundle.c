/*
 * Fuzzing bundles: bytes are read as a zip file, all of whose entries are read, and as a manifest.
 * What is a manifest prints as one that reads the same.
 */
#include <string.h>

#include "base/memory.h"
#include "bundle/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_manifest(const struct buffer *text)
{
    struct manifest manifest;
    struct error error;
    manifest_init(&manifest);
    if (manifest_parse(&manifest, "fuzz", text, &error) == 0) {
        struct manifest second;
        struct buffer printed = {0}, again = {0};
        manifest_init(&second);
        manifest_print(&manifest, &printed);
        if (manifest_parse(&second, "fuzz", &printed, &error))
            bug("a manifest that cannot be read back: %s", error.message);
        manifest_print(&second, &again);
        if (strcmp(printed.data, again.data) != 0)
            bug("a manifest that reads otherwise");
        buffer_release(&again);
        buffer_release(&printed);
        manifest_release(&second);
    }
    manifest_release(&manifest);
}

static void read_entries(const struct zip *zip)
{
    struct error error;
    for (uint32_t i = 0; i < zip->count; i++) {
        struct buffer out = {0};
        if (zip_read(zip, &zip->entries[i], &out, &error) == 0) {
            if (out.length != zip->entries[i].bytes)
                bug("an entry of %zu bytes, not %u", out.length, zip->entries[i].bytes);
            read_manifest(&out);
        }
        buffer_release(&out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zip zip;
    struct error error;
    struct buffer text = {0};
    if (zip_open_memory(&zip, "fuzz", data, size, &error) == 0) {
        read_entries(&zip);
        zip_close(&zip);
    }
    buffer_append(&text, data, size);
    read_manifest(&text);
    buffer_release(&text);
    return 0;
}
