/*
 * The linker, as a process.
 */
#include "link/internal.h"

#include <string.h>

static const char linker_name[] = "ld.lld-19";

void path_list_release(struct path_list *list)
{
    for (size_t i = 0; i < list->paths.count; i++)
        free(list->paths.items[i]);
    vector_release(&list->paths);
}

static const char *emulation(const char *target)
{
    bool arm = target && strncmp(target, "aarch64", 7) == 0;
#ifdef __aarch64__
    arm = !target || arm;
#endif
    return arm ? "aarch64linux" : "elf_x86_64";
}

static int run(const char *const *arguments, struct error *error)
{
    struct buffer messages = {0};
    int status = process_run(arguments, &messages);
    if (status == -2) {
        error_set(error, ERR_linker_missing, "%s was not found on the PATH", linker_name);
        error_hint(error, "install the package lld-19");
    } else if (status) {
        error_set(error, ERR_linker_failed, "%s: %s", linker_name,
                  messages.length ? messages.data : "it ended without a message");
    }
    buffer_release(&messages);
    return status ? (int)error->code : 0;
}

int linker_run(const struct path_list *objects, const char *output, const char *target,
               struct error *error)
{
    const char *const first[] = {linker_name,        "-shared",     "-m", emulation(target),
                                 "--hash-style=gnu", "--threads=1", "-o", output};
    VECTOR(const char *) arguments = {0};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        vector_push(&arguments, first[i]);
    for (size_t i = 0; i < objects->paths.count; i++)
        vector_push(&arguments, objects->paths.items[i]);
    vector_push(&arguments, NULL);
    int status = run(arguments.items, error);
    vector_release(&arguments);
    return status;
}
