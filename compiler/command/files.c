/*
 * The files of a job: what main's parameters of type file and file[n] are bound to. A file is known
 * to the program by its number among them; its size is that at submission.
 */
#include "command/files.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

/* So many stay open for the job's time; of larger sets each file is opened when it is read. */
enum { MOST_OPEN = 256 };

/* ---- One file ------------------------------------------------------------------------------- */

static void grow(struct job_files *files)
{
    if (files->count < files->capacity)
        return;
    files->capacity = files->capacity ? 2 * files->capacity : 8;
    files->handles = memory_resize(files->handles, files->capacity, sizeof(struct data_file *));
    files->files = memory_resize(files->files, files->capacity, sizeof *files->files);
}

int files_add(struct job_files *files, const char *path, uint64_t *word, struct error *error)
{
    struct data_file *handle = data_file_open_bytes(path, files->count < MOST_OPEN, error);
    if (!handle)
        return (int)error->code;
    grow(files);
    *word = files->count;
    files->handles[files->count] = handle;
    files->files[files->count++] =
        (struct flow_file){data_file_path(handle), data_file_extents(handle)[0]};
    return 0;
}

void files_release(struct job_files *files)
{
    for (uint32_t i = 0; i < files->count; i++)
        data_file_close(files->handles[i]);
    free(files->handles);
    free(files->files);
}

/* ---- Lists and patterns --------------------------------------------------------------------- */

struct listing {
    struct job_files *files;
    struct file_list *list;
    struct error *error;
};

static int add_path(struct listing *listing, const char *path)
{
    uint64_t word;
    int code = files_add(listing->files, path, &word, listing->error);
    if (code == 0)
        vector_push(listing->list, word);
    return code;
}

static bool is_folder(const char *path)
{
    size_t length = strlen(path);
    return length > 0 && path[length - 1] == '/';
}

static int refuse_no_match(struct listing *listing, const char *pattern)
{
    error_set(listing->error, ERR_no_match, "no file matches '%s'", pattern);
    return error_hint(listing->error, "the shell's * ? [a-z] stand for parts of names; quote the "
                                      "pattern so that the shell leaves it alone");
}

/* The files that a pattern matches, in the order of their names; folders are left out. */
static int add_matches(struct listing *listing, const char *pattern)
{
    glob_t found;
    int status = glob(pattern, GLOB_MARK, NULL, &found);
    if (status == GLOB_NOSPACE)
        memory_exhausted();
    size_t before = listing->list->count, count = status ? 0 : found.gl_pathc;
    int code = 0;
    for (size_t i = 0; i < count && !code; i++)
        if (!is_folder(found.gl_pathv[i]))
            code = add_path(listing, found.gl_pathv[i]);
    if (!code && listing->list->count == before)
        code = refuse_no_match(listing, pattern);
    if (!status)
        globfree(&found);
    return code;
}

int files_list(struct job_files *files, const char *text, struct file_list *list,
               struct error *error)
{
    struct listing listing = {files, list, error};
    if (!*text)
        return 0;
    if (access(text, F_OK) == 0)
        return add_path(&listing, text); /* also one with a comma or a star in its name */
    for (const char *at = text;;) {
        size_t length = strcspn(at, ",");
        char *item = memory_new(length + 1, 1);
        memcpy(item, at, length);
        int code = strpbrk(item, "*?[") && access(item, F_OK) != 0 ? add_matches(&listing, item)
                                                                   : add_path(&listing, item);
        free(item);
        if (code || !at[length])
            return code;
        at += length + 1;
    }
}
