/* Finding libraries; see libraries.h. */
#include "package/libraries.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { LIBRARY_LIMIT = 1 << 30 };

/* ---- Targets -----------------------------------------------------------------------------------
 */

static const struct target {
    const char *name, *triple, *loader, *processor;
    uint16_t machine;
    const char *folders[8]; /* in which libraries stand: Debian's, then those of other systems */
} targets[] = {
    {"x86_64",
     "x86_64-linux-gnu",
     "ld-linux-x86-64.so.2",
     "x86-64-v3",
     EM_X86_64,
     {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", NULL}},
    {"aarch64",
     "aarch64-linux-gnu",
     "ld-linux-aarch64.so.1",
     "armv8.2-a",
     EM_AARCH64,
     {"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/aarch64-linux-gnu/lib",
      "/lib64", "/usr/lib64", "/lib", NULL}},
};

static const struct target *find_target(const char *name)
{
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (strcmp(targets[i].name, name) == 0)
            return &targets[i];
    return NULL;
}

bool target_exists(const char *target)
{
    return find_target(target) != NULL;
}

const char *target_triple(const char *target)
{
    return find_target(target)->triple;
}

const char *target_loader(const char *target)
{
    return find_target(target)->loader;
}

const char *target_processor(const char *target)
{
    return find_target(target)->processor;
}

/* ---- Libraries ---------------------------------------------------------------------------------
 */

static void library_release(struct library *library)
{
    elf_file_release(&library->elf);
    buffer_release(&library->content);
    free(library->name);
    free(library->path);
}

void libraries_release(struct libraries *libraries)
{
    for (size_t i = 0; i < libraries->list.count; i++)
        library_release(&libraries->list.items[i]);
    vector_release(&libraries->list);
}

static const struct library *find(const struct libraries *libraries, const char *name)
{
    for (size_t i = 0; i < libraries->list.count; i++)
        if (strcmp(libraries->list.items[i].name, name) == 0)
            return &libraries->list.items[i];
    return NULL;
}

static int load(const struct libraries *libraries, struct library *library, struct error *error)
{
    int code = buffer_read_file(&library->content, library->path, LIBRARY_LIMIT, error);
    if (code == 0)
        code = elf_file_read(&library->elf, library->path, &library->content, error);
    if (code == 0 && library->elf.machine != find_target(libraries->target)->machine)
        code = error_set(error, ERR_library_missing, "'%s' is not for %s", library->path,
                         libraries->target);
    return code;
}

/* Adds one file, without what it needs. */
static int add_file(struct libraries *libraries, const char *name, const char *path,
                    struct error *error)
{
    struct library library = {.name = strdup(name), .path = strdup(path)};
    int code = load(libraries, &library, error);
    if (code)
        library_release(&library);
    else
        vector_push(&libraries->list, library);
    return code;
}

static int add_needed(struct libraries *libraries, const char *name, const char *needed_by,
                      struct error *error)
{
    const struct target *target = find_target(libraries->target);
    for (int i = 0; target->folders[i]; i++) {
        struct buffer path = {0};
        buffer_printf(&path, "%s/%s", target->folders[i], name);
        bool found =
            access(path.data, R_OK) == 0 && add_file(libraries, name, path.data, error) == 0;
        buffer_release(&path);
        if (found)
            return 0;
    }
    error_set(error, ERR_library_missing, "%s, which %s needs, is in no folder of libraries for %s",
              name, needed_by, target->name);
    return error_hint(error, "on Debian, `dpkg -S %s` or `apt-file search %s` names its package",
                      name, name);
}

int libraries_add(struct libraries *libraries, const char *name, const char *path,
                  struct error *error)
{
    size_t next = libraries->list.count;
    int code = add_file(libraries, name, path, error);
    if (code == 0 && libraries->list.items[next].elf.loader &&
        !find(libraries, target_loader(libraries->target)))
        code = add_needed(libraries, target_loader(libraries->target), name, error);
    /* What is added may move the list, but not the texts. */
    for (; next < libraries->list.count && !code; next++)
        for (size_t i = 0; i < libraries->list.items[next].elf.needed.count && !code; i++) {
            const char *needed = libraries->list.items[next].elf.needed.items[i];
            if (!find(libraries, needed))
                code = add_needed(libraries, needed, libraries->list.items[next].name, error);
        }
    return code;
}

int libraries_check(const struct libraries *libraries, struct error *error)
{
    for (size_t i = 0; i < libraries->list.count; i++) {
        const struct library *user = &libraries->list.items[i];
        for (size_t v = 0; v < user->elf.versions.count; v++) {
            const struct elf_version *version = &user->elf.versions.items[v];
            const struct library *library = find(libraries, version->library);
            if (library &&
                (version->is_weak || elf_file_defines_version(&library->elf, version->name)))
                continue;
            return error_set(error, ERR_library_missing,
                             "%s needs %s of %s, which has no such version", user->name,
                             version->name, version->library);
        }
    }
    return 0;
}
