/* Atomic output files; see output.h. */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

static int refuse(const char *path, int reason, struct error *error)
{
    return error_set(error, ERR_file_unwritable, "cannot write '%s': %s", path, strerror(reason));
}

static int open_temporary(struct output *output)
{
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
    bool exists = stat(path, &status) == 0;
    *output = (struct output){.file = -1};
    output->path = exists ? realpath(path, NULL) : strdup(path);
    if (!output->path)
        return refuse(path, errno, error);
    if (exists && !S_ISREG(status.st_mode)) {
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

int output_commit(struct output *output, struct error *error)
{
    int failed = output->temporary && fsync(output->file) < 0 ? errno : 0;
    if (close(output->file) < 0 && !failed)
        failed = errno;
    if (output->temporary && !failed && rename(output->temporary, output->path) < 0)
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
