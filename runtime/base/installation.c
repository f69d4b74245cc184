#include "base/installation.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"

static char *join(const char *folder, const char *below)
{
    struct buffer path = {0};
    buffer_printf(&path, "%s/%s", folder, below);
    return path.data;
}

char *installation_find(const char *const *places)
{
    char folder[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    for (size_t i = 0; places[i]; i++) {
        char *path = join(folder, places[i]);
        if (access(path, R_OK) == 0)
            return path;
        free(path);
    }
    return join(folder, places[0]);
}
