/*
 * Modules are found and parsed depth first, so that each stands behind those that it uses. A file
 * is one module, by whatever way it is reached.
 */
#include "syntax/program.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/installation.h"

/* A module that was found; those on the way down from the named file are `active`. */
struct loaded {
    struct ast_module *module;
    const char *identity; /* the file's canonical path */
    bool active;
    bool recovered;      /* it has syntax errors: what it seems to use may not be meant */
    struct span used_at; /* where it was used first */
};

struct loader {
    struct arena *arena;
    struct interner *names;
    struct diagnostics *diagnostics;
    char *library;                       /* the library's folder */
    VECTOR(struct loaded) loaded;        /* in the order of being found */
    VECTOR(struct ast_module *) ordered; /* those that are complete */
};

char *program_library_folder(void)
{
    static const char *const places[] = {"../share/wkc/stdlib", "../../stdlib", "../../../stdlib",
                                         NULL};
    const char *given = getenv("WKC_STDLIB");
    if (given && *given)
        return strdup(given);
    char *found = installation_find(places), *real = realpath(found, NULL);
    if (!real)
        return found;
    free(found);
    return real;
}

/* ---- Finding files ------------------------------------------------------------------------ */

/* A path as messages show it: from the current folder where it lies below that. */
static const char *shown_path(struct loader *l, const char *path)
{
    char here[PATH_MAX];
    size_t length = getcwd(here, sizeof here) ? strlen(here) : 0;
    if (length > 1 && strncmp(path, here, length) == 0 && path[length] == '/')
        path += length + 1;
    return arena_text(l->arena, path, strlen(path));
}

/* The folder of a source with a slash at its end, or "". */
static const char *folder_of(struct loader *l, const struct source *source)
{
    const char *slash = strrchr(source->name, '/');
    return arena_text(l->arena, source->name, slash ? (size_t)(slash + 1 - source->name) : 0);
}

static const char *library_file(struct loader *l, const char *name)
{
    return shown_path(l, arena_printf(l->arena, "%s/%s.wk", l->library, name));
}

/* The file of a module that `user` uses; NULL if there is none. */
static const char *find_file(struct loader *l, const struct source *user, const char *name)
{
    const char *beside = arena_printf(l->arena, "%s%s.wk", folder_of(l, user), name);
    if (access(beside, F_OK) == 0)
        return beside;
    const char *library = library_file(l, name);
    return access(library, F_OK) == 0 ? library : NULL;
}

/* Feeds nearest_name with the modules of a folder. */
static void nearest_module(struct loader *l, const char *folder, const char *name,
                           const char **best)
{
    DIR *list = opendir(*folder ? folder : ".");
    for (struct dirent *entry; list && (entry = readdir(list));) {
        size_t length = strlen(entry->d_name);
        if (length > 3 && strcmp(entry->d_name + length - 3, ".wk") == 0)
            nearest_name(name, arena_text(l->arena, entry->d_name, length - 3), best);
    }
    if (list)
        closedir(list);
}

const char *program_find_module(const char *name, struct arena *arena, const char **nearest)
{
    struct loader l = {.arena = arena, .library = program_library_folder()};
    const struct source here = {.name = ""};
    const char *path = find_file(&l, &here, name);
    *nearest = NULL;
    if (!path) {
        nearest_module(&l, "", name, nearest);
        nearest_module(&l, l.library, name, nearest);
    }
    free(l.library);
    return path;
}

static void report_missing(struct loader *l, const struct source *user,
                           const struct ast_declaration *use)
{
    const char *name = use->name.text, *folder = folder_of(l, user), *nearest = NULL;
    struct diagnostic *d = diagnose(l->diagnostics, use->name.span, ERR_module_missing,
                                    "there is no module '%s': neither %s%s.wk nor %s exists", name,
                                    folder, name, library_file(l, name));
    nearest_module(l, folder, name, &nearest);
    nearest_module(l, l->library, name, &nearest);
    if (nearest)
        diagnose_hint(l->diagnostics, d, "did you mean 'use %s'?", nearest);
}

/* ---- Loading ------------------------------------------------------------------------------ */

static const char *identity_of(struct loader *l, const char *path)
{
    char *real = realpath(path, NULL);
    const char *text = arena_text(l->arena, real ? real : path, strlen(real ? real : path));
    free(real);
    return text;
}

/* The number of a module that was found before, or the count of them. */
static size_t find_loaded(const struct loader *l, const char *identity)
{
    size_t i = 0;
    while (i < l->loaded.count && strcmp(l->loaded.items[i].identity, identity) != 0)
        i++;
    return i;
}

/* "a -> b -> a": from the module that is used to itself. */
static void report_cycle(struct loader *l, size_t first, const struct ast_declaration *use)
{
    struct buffer chain = {0};
    struct span second = {0};
    for (size_t i = first; i < l->loaded.count; i++) {
        if (!l->loaded.items[i].active)
            continue;
        buffer_printf(&chain, "%s -> ", l->loaded.items[i].module->source->name);
        if (i > first && !second.source)
            second = l->loaded.items[i].used_at;
    }
    buffer_puts(&chain, l->loaded.items[first].module->source->name);
    struct diagnostic *d = diagnose(l->diagnostics, use->name.span, ERR_module_cycle,
                                    "modules use each other in a circle: %s", chain.data);
    if (second.source)
        diagnose_note(l->diagnostics, d, second, "the circle begins here");
    diagnose_hint(l->diagnostics, d, "move what both need into a third module");
    buffer_release(&chain);
}

/* A name for the module's symbols that no other module of the program has. */
static const char *unique_name(struct loader *l, const char *name)
{
    const char *unique = name;
    for (size_t i = 0, number = 2; i < l->loaded.count; i++) {
        const char *other = l->loaded.items[i].module->symbol;
        if (!other || strcmp(other, unique) != 0)
            continue;
        unique = arena_printf(l->arena, "%s.%zu", name, number++);
        i = 0;
    }
    return unique;
}

static void load_used(struct loader *l, size_t number);

static struct ast_module *load(struct loader *l, const char *path, const char *identity,
                               const struct ast_declaration *use)
{
    struct source *source = source_read(path, l->arena, l->diagnostics);
    if (!source)
        return NULL;
    if (strcmp(path, library_file(l, use->name.text)) == 0)
        source->portable_name = arena_printf(l->arena, "stdlib/%s.wk", use->name.text);
    const char *symbol = unique_name(l, use->name.text);
    source->module = symbol;
    int errors = l->diagnostics->errors;
    struct ast_module *module = parse_source(source, l->arena, l->names, l->diagnostics);
    bool recovered = l->diagnostics->errors > errors;
    module->name = use->name.text;
    module->symbol = symbol;
    vector_push(&l->loaded, (struct loaded){module, identity, true, recovered, use->name.span});
    load_used(l, l->loaded.count - 1);
    return module;
}

static struct ast_module *find_used(struct loader *l, size_t user,
                                    const struct ast_declaration *use)
{
    const struct source *source = l->loaded.items[user].module->source;
    const char *path = find_file(l, source, use->name.text);
    if (!path) {
        if (!l->loaded.items[user].recovered)
            report_missing(l, source, use);
        return NULL;
    }
    const char *identity = identity_of(l, path);
    size_t number = find_loaded(l, identity);
    if (number == l->loaded.count)
        return load(l, path, identity, use);
    if (!l->loaded.items[number].active)
        return l->loaded.items[number].module;
    report_cycle(l, number, use);
    return NULL;
}

/* Loads what a module uses, then lists it. */
static void load_used(struct loader *l, size_t number)
{
    struct ast_module *module = l->loaded.items[number].module;
    for (uint32_t i = 0; i < module->count; i++) {
        struct ast_declaration *d = module->declarations[i];
        if (d->kind == DECL_USE && d->name.text)
            d->used = find_used(l, number, d);
    }
    l->loaded.items[number].active = false;
    vector_push(&l->ordered, module);
}

struct ast_program *program_parse(const struct source *source, struct arena *arena,
                                  struct interner *names, struct diagnostics *diagnostics)
{
    struct loader l = {.arena = arena, .names = names, .diagnostics = diagnostics};
    l.library = program_library_folder();
    struct ast_module *module = parse_source(source, arena, names, diagnostics);
    vector_push(&l.loaded, (struct loaded){.module = module,
                                           .identity = identity_of(&l, source->name),
                                           .active = true,
                                           .recovered = diagnostics->errors > 0});
    load_used(&l, 0);
    struct ast_program *program = arena_new(arena, struct ast_program);
    program->count = (uint32_t)l.ordered.count;
    program->modules =
        arena_copy(arena, l.ordered.items, l.ordered.count * sizeof *program->modules);
    vector_release(&l.loaded);
    vector_release(&l.ordered);
    free(l.library);
    return program;
}
