/*
 * A function's zip: checked, and unpacked once. Environments get hard links to its files, so that a
 * thousand of them share one copy in memory and on the disk.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "base/memory.h"
#include "emulator/internal.h"

enum { ENTRIES_LIMIT = 65535, CHUNK = 1 << 16 };

/* ---- Folders --------------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    remove(path);
    return 0;
}

void folder_remove(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes the folders above a file. `path` is relative to `folder`. */
static int make_parents(int folder, const char *path)
{
    char part[PATH_MAX];
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = '\0';
        if (mkdirat(folder, part, 0755) && errno != EEXIST)
            return errno;
    }
    return 0;
}

/* ---- Unpacking ------------------------------------------------------------------------------- */

/* Whether a name stays below the folder that it is unpacked to. */
static bool is_safe(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length >= PATH_MAX / 2 || name[0] == '/' || strchr(name, '\\'))
        return false;
    for (const char *part = name; *part;) {
        size_t size = strcspn(part, "/");
        if (size == 0 || (size == 1 && part[0] == '.') ||
            (size == 2 && memcmp(part, "..", 2) == 0) || size > NAME_MAX)
            return false;
        part += size;
        part += *part == '/';
    }
    return true;
}

static int refuse_zip(struct error *error, const char *name, const char *why)
{
    return error_set(error, ERR_emulator_package, "the zip's '%.200s' %s", name, why);
}

/* An entry cannot be written: because of what the zip says of it, or because the machine is full.
 */
static int refuse_write(struct error *error, const char *name, int reason)
{
    switch (reason) {
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EROFS:
    case EIO:
        return error_set(error, ERR_file_unwritable, "there is no room for the zip's '%.200s': %s",
                         name, strerror(reason));
    default: /* anything else the zip has asked for */
        return refuse_zip(error, name, strerror(reason));
    }
}

/* The Unix mode of an entry (0 when the zip was made elsewhere). */
static mode_t entry_mode(zip_t *zip, zip_uint64_t index)
{
    zip_uint8_t system;
    zip_uint32_t attributes;
    if (zip_file_get_external_attributes(zip, index, 0, &system, &attributes) != 0 ||
        system != ZIP_OPSYS_UNIX)
        return 0;
    return (mode_t)(attributes >> 16);
}

static int copy_entry(zip_file_t *from, int to, uint64_t *left, const char *name,
                      struct error *error)
{
    char bytes[CHUNK];
    zip_int64_t got;
    while ((got = zip_fread(from, bytes, sizeof bytes)) > 0) {
        if ((uint64_t)got > *left)
            return refuse_zip(error, name, "unpacks to more than 250 MB");
        *left -= (uint64_t)got;
        for (zip_int64_t at = 0; at < got;) {
            ssize_t put = write(to, bytes + at, (size_t)(got - at));
            if (put < 0 && errno != EINTR)
                return refuse_write(error, name, errno);
            at += put > 0 ? put : 0;
        }
    }
    return got < 0 ? refuse_zip(error, name, zip_file_strerror(from)) : 0;
}

static int unpack_file(zip_t *zip, zip_uint64_t index, const char *name, int folder, uint64_t *left,
                       struct error *error)
{
    mode_t mode = entry_mode(zip, index);
    if ((mode & S_IFMT) && !S_ISREG(mode))
        return refuse_zip(error, name, "is a link or a device, not a file");
    int failure = make_parents(folder, name);
    /* O_EXCL refuses a second entry of the same name. */
    int file = failure ? -1
                       : openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                mode & 0111 ? 0555 : 0444);
    if (file < 0)
        return refuse_write(error, name, failure ? failure : errno);
    zip_file_t *from = zip_fopen_index(zip, index, 0);
    int code = from ? copy_entry(from, file, left, name, error)
                    : refuse_zip(error, name, zip_strerror(zip));
    if (from)
        zip_fclose(from);
    close(file);
    return code;
}

static int unpack_entry(zip_t *zip, zip_uint64_t index, int folder, uint64_t *left,
                        struct error *error)
{
    const char *name = zip_get_name(zip, index, ZIP_FL_ENC_RAW);
    if (!name || !is_safe(name))
        return refuse_zip(error, name ? name : "?", "names a place outside of the package");
    if (name[strlen(name) - 1] != '/')
        return unpack_file(zip, index, name, folder, left, error);
    if (make_parents(folder, name))
        return refuse_write(error, name, errno);
    return 0;
}

static int unpack(zip_t *zip, const char *path, struct error *error)
{
    uint64_t left = UNZIPPED_LIMIT;
    zip_int64_t count = zip_get_num_entries(zip, 0);
    if (count > ENTRIES_LIMIT)
        return error_set(error, ERR_emulator_package, "the zip has %lld entries, %d are too many",
                         (long long)count, ENTRIES_LIMIT);
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = 0;
    if (folder < 0)
        return refuse_write(error, "folder", errno);
    for (zip_int64_t i = 0; i < count && !code; i++)
        code = unpack_entry(zip, (zip_uint64_t)i, folder, &left, error);
    close(folder);
    return code;
}

static int unpack_bytes(const struct buffer *bytes, const char *folder, struct error *error)
{
    zip_error_t reason;
    zip_error_init(&reason);
    zip_source_t *source = zip_source_buffer_create(bytes->data, bytes->length, 0, &reason);
    zip_t *zip = source ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &reason) : NULL;
    int code;
    if (zip) {
        code = unpack(zip, folder, error);
        zip_discard(zip);
    } else {
        code = error_set(error, ERR_emulator_package, "the zip cannot be read: %s",
                         zip_error_strerror(&reason));
        zip_source_free(source);
    }
    zip_error_fini(&reason);
    return code;
}

/* ---- Packages -------------------------------------------------------------------------------- */

static void name_package(struct package *package)
{
    unsigned char digest[32];
    EVP_Digest(package->zip.data, package->zip.length, digest, NULL, EVP_sha256(), NULL);
    EVP_EncodeBlock((unsigned char *)package->sha256, digest, sizeof digest);
    hexadecimal(package->hex, digest, sizeof digest);
}

struct package *package_new(struct emulator *emulator, struct buffer *zip, struct error *error)
{
    struct package *package = memory_new(1, sizeof *package);
    struct buffer folder = {0};
    package->references = 1;
    package->zip = *zip;
    *zip = (struct buffer){0};
    name_package(package);
    /* Its own folder, even when another function has the same code: neither can change the other.
     */
    buffer_printf(&folder, "%s/code/%016llx", emulator->root, (unsigned long long)random_bits());
    package->folder = folder.data;
    int code = mkdir(package->folder, 0755) ? refuse_write(error, "folder", errno)
                                            : unpack_bytes(&package->zip, package->folder, error);
    if (code) {
        package_drop(package);
        return NULL;
    }
    return package;
}

struct package *package_keep(struct package *package)
{
    package->references++;
    return package;
}

void package_drop(struct package *package)
{
    if (!package || --package->references)
        return;
    folder_remove(package->folder);
    buffer_release(&package->zip);
    free(package->folder);
    free(package);
}

/* Links what stands in `from` to `to`; both are open folders, which are closed. */
static int link_folder(int from, int to)
{
    DIR *entries = from >= 0 && to >= 0 ? fdopendir(from) : NULL;
    struct dirent *entry;
    int failure = entries ? 0 : errno;
    if (!entries && from >= 0)
        close(from);
    while (!failure && (entry = readdir(entries))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (linkat(from, entry->d_name, to, entry->d_name, 0) == 0)
            continue;
        if (errno != EPERM && errno != EISDIR) /* what a folder gives */
            failure = errno;
        else if (mkdirat(to, entry->d_name, 0755))
            failure = errno;
        else
            failure = link_folder(openat(from, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                                  openat(to, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    if (entries)
        closedir(entries);
    if (to >= 0)
        close(to);
    return failure;
}

int package_copy(const struct package *package, const char *folder)
{
    if (mkdir(folder, 0755))
        return errno;
    int from = open(package->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int to = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return link_folder(from, to);
}
