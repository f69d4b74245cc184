/* Atomic output files; see output.h. */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

static int refuse(const char *path, int reason, struct error *error)
{
    return error_set(error, ERR_file_unwritable, "cannot write '%s': %s", path, strerror(reason));
}

/* A file without a name, in the folder of the final one: a process that is killed leaves nothing.
 * Where the file system or the machine cannot do that, a temporary name beside it. */
static int open_unnamed(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct buffer folder = {0};
    if (slash)
        buffer_append(&folder, path, slash == path ? 1 : (size_t)(slash - path));
    else
        buffer_puts(&folder, ".");
    int file = access("/proc/self/fd", X_OK) < 0
                   ? -1
                   : open(buffer_text(&folder), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    buffer_release(&folder);
    return file;
}

static int open_temporary(struct output *output)
{
    output->file = open_unnamed(output->path);
    if (output->file >= 0)
        return 0;
    struct buffer name = {0};
    buffer_printf(&name, "%s.XXXXXX", output->path);
    output->temporary = name.data;
    output->file = mkostemp(output->temporary, O_CLOEXEC);
    if (output->file < 0)
        return errno;
    mode_t mask = umask(0);
    umask(mask);
    return fchmod(output->file, 0666 & ~mask) < 0 ? errno : 0;
}

/* Gives a file without a name one beside its final name, from where it can be renamed. */
static int name_temporary(struct output *output)
{
    char self[32];
    snprintf(self, sizeof self, "/proc/self/fd/%d", output->file);
    for (int attempt = 0; attempt < 100; attempt++) {
        uint32_t number;
        if (getrandom(&number, sizeof number, 0) < 0)
            return errno;
        struct buffer name = {0};
        buffer_printf(&name, "%s.%06x", output->path, number & 0xFFFFFF);
        if (linkat(AT_FDCWD, self, AT_FDCWD, name.data, AT_SYMLINK_FOLLOW) == 0) {
            output->temporary = name.data;
            return 0;
        }
        buffer_release(&name);
        if (errno != EEXIST)
            return errno;
    }
    return EEXIST;
}

static void release(struct output *output)
{
    free(output->path);
    free(output->temporary);
    *output = (struct output){.file = -1};
}

int output_open(struct output *output, const char *path, struct error *error)
{
    struct stat status;
    int failed = 0;
    bool exists = stat(path, &status) == 0, is_file = exists && S_ISREG(status.st_mode);
    *output = (struct output){.file = -1};
    /* What is replaced is the file behind all links. A pipe behind /dev/stdout has no path. */
    output->path = is_file ? realpath(path, NULL) : strdup(path);
    if (!output->path)
        return refuse(path, errno, error);
    if (exists && !is_file) {
        output->is_direct = true;
        output->file = open(output->path, O_WRONLY | O_CLOEXEC);
        failed = output->file < 0 ? errno : 0;
    } else {
        failed = open_temporary(output);
    }
    if (!failed)
        return 0;
    if (output->file >= 0)
        output_abandon(output);
    else
        release(output);
    return refuse(path, failed, error);
}

int output_write(struct output *output, const void *data, size_t bytes, struct error *error)
{
    const char *next = data;
    while (bytes) {
        ssize_t put = write(output->file, next, bytes);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return refuse(output->path, errno, error);
        next += put;
        bytes -= (size_t)put;
    }
    return 0;
}

int output_write_at(const struct output *output, const void *data, size_t bytes, uint64_t offset,
                    struct error *error)
{
    const char *next = data;
    while (bytes) {
        ssize_t put = pwrite(output->file, next, bytes, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return refuse(output->path, errno, error);
        next += put;
        offset += (uint64_t)put;
        bytes -= (size_t)put;
    }
    return 0;
}

int output_resize(const struct output *output, uint64_t bytes, struct error *error)
{
    if (ftruncate(output->file, (off_t)bytes) < 0)
        return refuse(output->path, errno, error);
    return 0;
}

/* All bytes to the disk, and a name to what has none. */
static int complete(struct output *output)
{
    if (output->is_direct)
        return 0;
    if (fsync(output->file) < 0)
        return errno;
    return output->temporary ? 0 : name_temporary(output);
}

int output_commit(struct output *output, struct error *error)
{
    int failed = complete(output);
    if (close(output->file) < 0 && !failed)
        failed = errno;
    if (!output->is_direct && !failed && rename(output->temporary, output->path) < 0)
        failed = errno;
    if (output->temporary && failed)
        unlink(output->temporary);
    if (failed)
        refuse(output->path, failed, error);
    release(output);
    return failed ? ERR_file_unwritable : 0;
}

void output_abandon(struct output *output)
{
    close(output->file);
    if (output->temporary)
        unlink(output->temporary);
    release(output);
}
