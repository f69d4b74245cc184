/*
 * The cache of compiled kernels: a folder with one file for each key, KEY.so.
 *
 * A file is the linker's shared object followed by a seal: a mark and the SHA-256 of what stands
 * before it (loaders ignore what follows the sections). It appears under its name by rename, so a
 * reader sees a whole file or none; what a crash or a full disk left behind does not match its
 * seal. Reading an entry sets its time, and inserting one removes those with the oldest times until
 * the folder fits its bound again. Two processes may do all of this at once: the worst is that both
 * compile.
 */
#include "link/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/vector.h"

static const char seal_mark[8] = "wkcache1";
enum { SEAL_BYTES = sizeof seal_mark + LINK_HASH_BYTES };
enum { ENTRY_LIMIT = 1 << 30 };

/* ---- The folder --------------------------------------------------------------------------- */

static char *format_path(const char *folder, const char *name)
{
    struct buffer path = {0};
    buffer_printf(&path, "%s/%s", folder, name);
    return path.data;
}

static char *default_folder(void)
{
    const char *given = getenv("WKC_CACHE");
    if (given && *given)
        return strdup(given);
    const char *base = getenv("XDG_CACHE_HOME");
    if (base && *base == '/')
        return format_path(base, "wkc");
    const char *home = getenv("HOME");
    return home && *home ? format_path(home, ".cache/wkc") : NULL;
}

/* Makes a folder and those above it. */
static int make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int status = mkdir(path, 0777);
        int problem = errno;
        *slash = '/';
        if (status && problem != EEXIST)
            return problem;
    }
    if (mkdir(path, 0777) && errno != EEXIST)
        return errno;
    return access(path, W_OK | X_OK) ? errno : 0;
}

void cache_open(struct cache *cache, const struct link_options *options,
                struct diagnostics *diagnostics)
{
    cache->limit = options->cache_bytes ? options->cache_bytes : LINK_CACHE_BYTES;
    cache->folder = options->cache ? strdup(options->cache) : default_folder();
    int problem = cache->folder ? make_folders(cache->folder) : ENOENT;
    if (problem == 0)
        return;
    diagnose(diagnostics, (struct span){0}, ERR_cache_unusable,
             "compiled kernels are not kept: %s: %s", cache->folder ? cache->folder : "no HOME",
             strerror(problem));
    free(cache->folder);
    cache->folder = NULL;
}

void cache_close(struct cache *cache)
{
    free(cache->folder);
    cache->folder = NULL;
}

static char *entry_path(const struct cache *cache, const char *key)
{
    struct buffer path = {0};
    buffer_printf(&path, "%s/%s.so", cache->folder, key);
    return path.data;
}

/* ---- Seals -------------------------------------------------------------------------------- */

static void compute_seal(const void *data, size_t length, char seal[SEAL_BYTES])
{
    memcpy(seal, seal_mark, sizeof seal_mark);
    EVP_Digest(data, length, (unsigned char *)seal + sizeof seal_mark, NULL, EVP_sha256(), NULL);
}

static bool is_intact(const struct buffer *content)
{
    char seal[SEAL_BYTES];
    if (content->length <= SEAL_BYTES)
        return false;
    size_t length = content->length - SEAL_BYTES;
    compute_seal(content->data, length, seal);
    return memcmp(content->data + length, seal, SEAL_BYTES) == 0;
}

char *cache_find(const struct cache *cache, const char *key)
{
    if (!cache->folder)
        return NULL;
    char *path = entry_path(cache, key);
    struct buffer content = {0};
    struct error error;
    bool found = buffer_read_file(&content, path, ENTRY_LIMIT, &error) == 0;
    bool intact = found && is_intact(&content);
    buffer_release(&content);
    if (intact) {
        utimensat(AT_FDCWD, path, NULL, 0);
        return path;
    }
    if (found)
        unlink(path);
    free(path);
    return NULL;
}

static int append_seal(const char *path)
{
    struct buffer content = {0};
    struct error error;
    int status = buffer_read_file(&content, path, ENTRY_LIMIT, &error);
    if (status == 0) {
        char seal[SEAL_BYTES];
        compute_seal(content.data, content.length, seal);
        int file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        status = file < 0 || write(file, seal, sizeof seal) != (ssize_t)sizeof seal;
        if (file >= 0)
            status |= close(file);
    }
    buffer_release(&content);
    return status;
}

int cache_read(const char *path, struct buffer *out, struct error *error)
{
    int status = buffer_read_file(out, path, ENTRY_LIMIT, error);
    if (status == 0 && is_intact(out))
        buffer_end_at(out, out->data + out->length - SEAL_BYTES);
    return status;
}

/* ---- Bounds ------------------------------------------------------------------------------- */

struct entry {
    char *path;
    struct timespec used;
    uint64_t bytes;
};

static int by_age(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->used.tv_sec != b->used.tv_sec)
        return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
    return (a->used.tv_nsec > b->used.tv_nsec) - (a->used.tv_nsec < b->used.tv_nsec);
}

typedef VECTOR(struct entry) entry_list;

/* A folder for files on the way that has not changed for an hour is what a crash left. */
static void remove_abandoned(const char *path, const char *name, const struct stat *status)
{
    enum { ABANDONED_SECONDS = 3600 };
    bool is_ours = S_ISDIR(status->st_mode) && strncmp(name, "wkc.", 4) == 0;
    if (is_ours && time(NULL) - status->st_mtim.tv_sec > ABANDONED_SECONDS)
        cache_remove_folder(path);
}

static uint64_t list_entries(const struct cache *cache, entry_list *list)
{
    DIR *folder = opendir(cache->folder);
    uint64_t total = 0;
    for (struct dirent *found; folder && (found = readdir(folder));) {
        size_t length = strlen(found->d_name);
        struct stat status;
        char *path = format_path(cache->folder, found->d_name);
        bool exists = stat(path, &status) == 0;
        if (exists)
            remove_abandoned(path, found->d_name, &status);
        if (!exists || !S_ISREG(status.st_mode) || length < 3 ||
            strcmp(found->d_name + length - 3, ".so") != 0) {
            free(path);
            continue;
        }
        vector_push(list, (struct entry){path, status.st_mtim, (uint64_t)status.st_size});
        total += (uint64_t)status.st_size;
    }
    if (folder)
        closedir(folder);
    return total;
}

/* Removes what was used longest ago; the entry just made is the youngest and stays. */
static void make_room(const struct cache *cache)
{
    entry_list list = {0};
    uint64_t total = list_entries(cache, &list);
    if (total > cache->limit)
        qsort(list.items, list.count, sizeof *list.items, by_age);
    for (size_t i = 0; i < list.count; i++) {
        if (total > cache->limit && i + 1 < list.count) {
            unlink(list.items[i].path);
            total -= list.items[i].bytes;
        }
        free(list.items[i].path);
    }
    vector_release(&list);
}

char *cache_insert(const struct cache *cache, const char *key, const char *object)
{
    if (!cache->folder || append_seal(object))
        return NULL;
    char *path = entry_path(cache, key);
    if (rename(object, path)) {
        free(path);
        return NULL;
    }
    make_room(cache);
    return path;
}

/* ---- Files on the way --------------------------------------------------------------------- */

char *cache_temporary(const struct cache *cache, struct error *error)
{
    const char *system = getenv("TMPDIR");
    const char *places[] = {cache->folder, system && *system ? system : "/tmp"};
    int problem = ENOENT;
    for (int i = 0; i < 2; i++) {
        if (!places[i])
            continue;
        char *path = format_path(places[i], "wkc.XXXXXX");
        if (mkdtemp(path))
            return path;
        problem = errno;
        free(path);
    }
    error_set(error, ERR_linker_failed, "no folder for temporary files (%s): %s", places[1],
              strerror(problem));
    return NULL;
}

void cache_remove_folder(const char *folder)
{
    DIR *open_folder = opendir(folder);
    for (struct dirent *found; open_folder && (found = readdir(open_folder));) {
        if (found->d_name[0] != '.')
            unlinkat(dirfd(open_folder), found->d_name, 0);
    }
    if (open_folder)
        closedir(open_folder);
    rmdir(folder);
}
