/*
 * Folders of results; see result_folder.h. The files are written into a folder beside the final one
 * that is then renamed: a rename takes the place of what is not there, or empty, and of nothing
 * else.
 */
#include "command/result_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "command/result.h"

bool result_is_folder(const char *path)
{
    size_t length = strlen(path);
    return length > 0 && path[length - 1] == '/';
}

static int refuse(const char *path, int reason, struct error *error)
{
    return error_set(error, ERR_file_unwritable, "cannot write '%s': %s", path, strerror(reason));
}

/* The path without the slashes at its end, but for that of the root. */
static void put_folder(const char *path, struct buffer *out)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    buffer_append(out, path, length);
}

static bool is_own_entry(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* What is there already must be an empty folder. */
static int check_empty(const char *folder, struct error *error)
{
    DIR *entries = opendir(folder);
    if (!entries)
        return errno == ENOENT ? 0 : refuse(folder, errno, error);
    struct dirent *entry;
    do {
        entry = readdir(entries);
    } while (entry && is_own_entry(entry->d_name));
    closedir(entries);
    if (!entry)
        return 0;
    error_set(error, ERR_file_unwritable, "cannot write '%s': there are files in this folder",
              folder);
    return error_hint(error, "name another folder, or remove this one");
}

static int check_type(const struct type *type, const char *path, struct error *error)
{
    if (type_has_parts(type) && type->part_count > 0)
        return 0;
    struct buffer text = {0};
    type_print_brief(type, &text);
    error_set(error, ERR_bad_output, "a result of type %s has no parts for the folder '%s'",
              buffer_text(&text), path);
    buffer_release(&text);
    return error_hint(error, "a folder takes a tuple or struct, a file for each part; for one file "
                             "leave out the slash, and end the name in .json or .npy");
}

int result_folder_check(const struct type *type, const char *path, struct error *error)
{
    struct buffer folder = {0};
    put_folder(path, &folder);
    int code = check_type(type, path, error);
    code = code ? code : result_check_folder(buffer_text(&folder), error);
    code = code ? code : check_empty(buffer_text(&folder), error);
    buffer_release(&folder);
    return code;
}

/* ---- Writing ----------------------------------------------------------------------------------
 */

/* "temporary/q.npy": the file of a part. */
static void put_file(const struct type *type, uint32_t part, const char *folder, struct buffer *out)
{
    const struct type *of = type->parts[part];
    bool is_numbers = of->kind == TYPE_ARRAY && of->element->kind == TYPE_SCALAR;
    buffer_clear(out);
    if (type->names && type->names[part])
        buffer_printf(out, "%s/%s", folder, type->names[part]);
    else
        buffer_printf(out, "%s/%u", folder, part);
    buffer_puts(out, is_numbers ? ".npy" : ".json");
}

static int write_parts(const struct type *type, const uint64_t *words, const char *folder,
                       struct error *error)
{
    struct buffer path = {0};
    int code = 0;
    for (uint32_t i = 0; i < type->part_count && !code; i++) {
        put_file(type, i, folder, &path);
        code = result_write(type->parts[i], words, buffer_text(&path), error);
        words += type->parts[i]->word_count;
    }
    buffer_release(&path);
    return code;
}

static void remove_parts(const struct type *type, const char *folder)
{
    struct buffer path = {0};
    for (uint32_t i = 0; i < type->part_count; i++) {
        put_file(type, i, folder, &path);
        unlink(buffer_text(&path));
    }
    buffer_release(&path);
    rmdir(folder);
}

/* The names of the files to the disk, so that the folder has them when it appears. */
static int sync_folder(const char *folder)
{
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = file < 0 || fsync(file) < 0 ? errno : 0;
    if (file >= 0)
        close(file);
    return failed;
}

static int make_temporary(char *name)
{
    mode_t mask = umask(0);
    umask(mask);
    if (!mkdtemp(name))
        return errno;
    return chmod(name, 0777 & ~mask) < 0 ? errno : 0;
}

static int appear(const char *temporary, const char *folder)
{
    int failed = sync_folder(temporary);
    return failed ? failed : rename(temporary, folder) < 0 ? errno : 0;
}

int result_folder_write(const struct type *type, const uint64_t *words, const char *path,
                        struct error *error)
{
    struct buffer folder = {0}, temporary = {0};
    put_folder(path, &folder);
    buffer_printf(&temporary, "%s.XXXXXX", buffer_text(&folder));
    int failed = make_temporary(temporary.data), code = 0;
    if (!failed)
        code = write_parts(type, words, temporary.data, error);
    if (!failed && !code)
        failed = appear(temporary.data, buffer_text(&folder));
    if (failed)
        code = refuse(buffer_text(&folder), failed, error);
    if (code)
        remove_parts(type, temporary.data);
    buffer_release(&folder);
    buffer_release(&temporary);
    return code;
}
