/* Reading bundles; see bundle.h. */
#include "bundle/bundle.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wk.h"

/* ---- What is a bundle ------------------------------------------------------------------------ */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);
    return length >= size && strcmp(text + length - size, end) == 0;
}

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool holds_manifest(const char *folder)
{
    struct buffer path = {0};
    buffer_printf(&path, "%s/" BUNDLE_MANIFEST, folder);
    bool found = access(path.data, F_OK) == 0;
    buffer_release(&path);
    return found;
}

/* Whether a file begins as zip files do. Pipes are left alone: what is read is gone. */
static bool begins_as_zip(const char *path)
{
    static const char mark[4] = "PK\3\4";
    char first[sizeof mark];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return false;
    bool is_zip = pread(file, first, sizeof first, 0) == (ssize_t)sizeof first &&
                  memcmp(first, mark, sizeof mark) == 0;
    close(file);
    return is_zip;
}

bool bundle_is_meant(const char *path)
{
    if (is_folder(path))
        return holds_manifest(path);
    return ends_with(path, ".wkb") || begins_as_zip(path);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static int refuse(const struct bundle *bundle, struct error *error, const char *name,
                  const char *what)
{
    return error_set(error, ERR_bad_bundle, "'%s' is damaged: '%s' %s", bundle->path, name, what);
}

static int read_unpacked(const struct bundle *bundle, const char *name, struct buffer *out,
                         struct error *error)
{
    struct buffer path = {0};
    buffer_printf(&path, "%s/%s", bundle->path, name);
    int code = buffer_read_file(out, path.data, ZIP_ENTRY_LIMIT, error);
    buffer_release(&path);
    return code;
}

/* Reads a file, whatever is in it. */
static int read_any(const struct bundle *bundle, const char *name, struct buffer *out,
                    struct error *error)
{
    if (bundle->is_folder)
        return read_unpacked(bundle, name, out, error);
    const struct zip_entry *entry = zip_find(&bundle->zip, name);
    return entry ? zip_read(&bundle->zip, entry, out, error)
                 : refuse(bundle, error, name, "is missing");
}

/* Whether what was read is what the manifest says. */
static int check_contents(const struct bundle *bundle, const struct manifest_file *file,
                          const char *data, size_t length, struct error *error)
{
    char hash[MANIFEST_HASH_TEXT];
    if (length != file->bytes)
        return refuse(bundle, error, file->name, "is longer or shorter than its manifest says");
    manifest_hash(data, length, hash);
    if (strcmp(hash, file->hash) != 0)
        return refuse(bundle, error, file->name, "is not what its manifest says (SHA-256)");
    return 0;
}

int bundle_read(const struct bundle *bundle, const char *name, struct buffer *out,
                struct error *error)
{
    const struct manifest_file *file = manifest_find(&bundle->manifest, name);
    if (!file)
        return refuse(bundle, error, name, "is not in its manifest");
    struct buffer contents = {0};
    int code = read_any(bundle, name, &contents, error);
    if (code == 0)
        code = check_contents(bundle, file, buffer_text(&contents), contents.length, error);
    if (code == 0)
        buffer_append(out, buffer_text(&contents), contents.length);
    buffer_release(&contents);
    return code;
}

int bundle_check(const struct bundle *bundle, struct error *error)
{
    int code = 0;
    for (size_t i = 0; i < bundle->manifest.files.count && !code; i++) {
        struct buffer contents = {0};
        code = bundle_read(bundle, bundle->manifest.files.items[i].name, &contents, error);
        buffer_release(&contents);
    }
    return code;
}

/* ---- Opening --------------------------------------------------------------------------------- */

/* The zip and its manifest speak of the same files. */
static int compare_lists(const struct bundle *bundle, struct error *error)
{
    for (uint32_t i = 0; i < bundle->zip.count; i++) {
        const char *name = bundle->zip.entries[i].name;
        if (strcmp(name, BUNDLE_MANIFEST) != 0 && !ends_with(name, "/") &&
            !manifest_find(&bundle->manifest, name))
            return refuse(bundle, error, name, "is not in its manifest");
    }
    for (size_t i = 0; i < bundle->manifest.files.count; i++) {
        const char *name = bundle->manifest.files.items[i].name;
        if (!zip_find(&bundle->zip, name))
            return refuse(bundle, error, name, "is missing");
    }
    return 0;
}

static int read_manifest(struct bundle *bundle, struct error *error)
{
    struct buffer text = {0};
    int code = read_any(bundle, BUNDLE_MANIFEST, &text, error);
    if (code == 0) {
        manifest_hash(text.data, text.length, bundle->digest);
        code = manifest_parse(&bundle->manifest, bundle->path, &text, error);
    }
    buffer_release(&text);
    if (code == 0 && !bundle->is_folder)
        code = compare_lists(bundle, error);
    return code;
}

int bundle_open(struct bundle *bundle, const char *path, struct error *error)
{
    *bundle = (struct bundle){.path = path, .zip.file = -1, .is_folder = is_folder(path)};
    int code = bundle->is_folder ? 0 : zip_open(&bundle->zip, path, error);
    if (code)
        return code;
    manifest_init(&bundle->manifest);
    code = read_manifest(bundle, error);
    if (code)
        bundle_close(bundle);
    return code;
}

void bundle_close(struct bundle *bundle)
{
    manifest_release(&bundle->manifest);
    if (!bundle->is_folder)
        zip_close(&bundle->zip);
}

/* ---- Kernels --------------------------------------------------------------------------------- */

static int check_machine(const struct bundle *bundle, struct error *error)
{
    const struct manifest *m = &bundle->manifest;
    if (strcmp(m->target, BUNDLE_TARGET) != 0) {
        error_set(error, ERR_bundle_target, "'%s' was compiled for %s, and this machine is %s",
                  bundle->path, m->target, BUNDLE_TARGET);
        return error_hint(error, "compile the program with --target=" BUNDLE_TARGET);
    }
    if (m->abi == WK_ABI_VERSION)
        return 0;
    error_set(error, ERR_bundle_version,
              "'%s' was compiled by wkc %s, whose kernels (version %u) this one cannot call "
              "(version %u)",
              bundle->path, m->compiler, m->abi, (unsigned)WK_ABI_VERSION);
    return error_hint(error, "compile the program again");
}

/* A file without a name, which ends with its last descriptor and mapping. */
static int make_memory_file(const struct buffer *contents)
{
    int file = memfd_create(BUNDLE_KERNELS, MFD_CLOEXEC);
    for (size_t at = 0; file >= 0 && at < contents->length;) {
        ssize_t put = write(file, contents->data + at, contents->length - at);
        if (put < 0 && errno != EINTR) {
            close(file);
            return -1;
        }
        at += put > 0 ? (size_t)put : 0;
    }
    return file;
}

static void *load_packed(const struct buffer *contents)
{
    int file = make_memory_file(contents);
    if (file < 0)
        return NULL;
    struct buffer path = {0};
    buffer_printf(&path, "/proc/self/fd/%d", file);
    void *handle = dlopen(path.data, RTLD_NOW | RTLD_LOCAL);
    buffer_release(&path);
    close(file);
    return handle;
}

static void *load_unpacked(const struct bundle *bundle)
{
    struct buffer path = {0};
    /* Without a slash it would be looked for among the system's libraries. */
    buffer_printf(&path, "%s%s/" BUNDLE_KERNELS, strchr(bundle->path, '/') ? "" : "./",
                  bundle->path);
    void *handle = dlopen(path.data, RTLD_NOW | RTLD_LOCAL);
    buffer_release(&path);
    return handle;
}

int bundle_load_kernels(const struct bundle *bundle, void **handle, struct error *error)
{
    *handle = NULL;
    if (!manifest_find(&bundle->manifest, BUNDLE_KERNELS))
        return 0;
    struct buffer contents = {0};
    int code = check_machine(bundle, error);
    if (code == 0)
        code = bundle_read(bundle, BUNDLE_KERNELS, &contents, error);
    if (code == 0) {
        *handle = bundle->is_folder ? load_unpacked(bundle) : load_packed(&contents);
        if (!*handle) {
            const char *problem = dlerror();
            code = error_set(error, ERR_linker_failed, "the kernels of '%s' cannot be loaded: %s",
                             bundle->path, problem ? problem : strerror(errno));
        }
    }
    buffer_release(&contents);
    return code;
}
