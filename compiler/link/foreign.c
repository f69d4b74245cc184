/*
 * Tasks written in C: their files are compiled by the system's C compiler, with flags that do not
 * depend on the user's, so that results do not. The compiler is run only when something must be
 * made: for the key it is known by its file's name, size and time.
 */
#include "link/internal.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/installation.h"
#include "check/c_source.h"

void foreign_release(struct foreign_units *units)
{
    vector_release(&units->functions);
}

/* ---- The compiler ------------------------------------------------------------------------- */

struct command {
    struct buffer text;         /* its words, each ended by a zero */
    VECTOR(const char *) words; /* into the text; the last is NULL once complete */
};

static void command_release(struct command *command)
{
    buffer_release(&command->text);
    vector_release(&command->words);
}

static bool is_arm(const char *target)
{
#ifdef __aarch64__
    return !target || strncmp(target, "aarch64", 7) == 0;
#else
    return target && strncmp(target, "aarch64", 7) == 0;
#endif
}

static bool is_foreign_target(const char *target)
{
#ifdef __aarch64__
    return target && strncmp(target, "aarch64", 7) != 0;
#else
    return target && strncmp(target, "x86_64", 6) != 0;
#endif
}

/* The words of CC, else cc; for another machine, which CC does not know, the compiler that Debian
 * names so. */
static void command_init(struct command *command, const char *target)
{
    *command = (struct command){0};
    const char *given = getenv("CC");
    if (is_foreign_target(target))
        buffer_printf(&command->text, "%s-gcc", target);
    else if (given && given[strspn(given, " \t")])
        buffer_puts(&command->text, given);
    else
        buffer_puts(&command->text, "cc");
    for (char *word = strtok(command->text.data, " \t"); word; word = strtok(NULL, " \t"))
        vector_push(&command->words, word);
}

static const char include_option[] = "-I";

/* What the rulings on numerics ask for, and nothing else. */
static void add_flags(struct command *command, const char *target, const char *include)
{
    const char *const flags[] = {"-c",
                                 "-O2",
                                 "-fPIC",
                                 "-ffp-contract=off",
                                 is_arm(target) ? "-march=armv8.2-a" : "-march=x86-64-v3",
                                 include_option,
                                 include};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        vector_push(&command->words, flags[i]);
}

/* Leaves the folder of a file out of what __FILE__ says in it; the text, to be freed, or NULL. */
static char *add_prefix_map(struct command *command, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct buffer option = {0};
    if (!slash)
        return NULL;
    buffer_printf(&option, "-ffile-prefix-map=%.*s/=", (int)(slash - path), path);
    vector_push(&command->words, option.data);
    return option.data;
}

/* The folder of wk.h; to be freed. */
static char *include_folder(void)
{
    static const char *const places[] = {"include/wk.h", "../include/wk.h", NULL};
    char *path = installation_find(places);
    *strrchr(path, '/') = '\0';
    return path;
}

/* ---- The key ------------------------------------------------------------------------------ */

static void hash_text(EVP_MD_CTX *hash, const char *text)
{
    EVP_DigestUpdate(hash, text, strlen(text) + 1);
}

static void hash_identity(EVP_MD_CTX *hash, const char *path)
{
    struct stat found;
    if (stat(path, &found))
        return;
    char *real = realpath(path, NULL);
    struct buffer text = {0};
    buffer_printf(&text, "%s %lld %lld.%09ld", real ? real : path, (long long)found.st_size,
                  (long long)found.st_mtim.tv_sec, found.st_mtim.tv_nsec);
    hash_text(hash, text.data);
    buffer_release(&text);
    free(real);
}

/* A program's file: as named, or the first of that name on the PATH. */
static void hash_program(EVP_MD_CTX *hash, const char *name)
{
    if (strchr(name, '/')) {
        hash_identity(hash, name);
        return;
    }
    const char *folders = getenv("PATH");
    for (const char *at = folders ? folders : ""; *at;) {
        size_t length = strcspn(at, ":");
        struct buffer path = {0};
        buffer_printf(&path, "%.*s/%s", (int)length, at, name);
        bool found = access(path.data, X_OK) == 0;
        if (found)
            hash_identity(hash, path.data);
        buffer_release(&path);
        if (found)
            return;
        at += length + (at[length] == ':');
    }
}

static void hash_compiler(EVP_MD_CTX *hash, const char *target)
{
    struct command command;
    command_init(&command, target);
    hash_program(hash, command.words.items[0]);
    add_flags(&command, target, "");
    for (size_t i = 0; i < command.words.count; i++)
        hash_text(hash, command.words.items[i]);
    command_release(&command);
}

static void hash_content(void *context, const char *path, const struct buffer *content)
{
    hash_text(context, path);
    EVP_DigestUpdate(context, content->data, content->length);
}

int foreign_hash(EVP_MD_CTX *hash, struct foreign_units *units, const char *target,
                 struct error *error)
{
    if (units->functions.count == 0)
        return 0;
    struct c_source_list files = {0};
    char *include = include_folder();
    struct buffer header = {0};
    buffer_printf(&header, "%s/wk.h", include);
    hash_compiler(hash, target);
    int status = c_source_visit(&files, header.data, hash_content, hash, error);
    if (status)
        error_hint(error, "wk.h stands in include beside wkc's bin: is the installation complete?");
    for (size_t i = 0; status == 0 && i < units->functions.count; i++) {
        units->blamed = units->functions.items[i];
        status = c_source_visit(&files, units->blamed->foreign->path, hash_content, hash, error);
    }
    buffer_release(&header);
    free(include);
    c_source_release(&files);
    return status;
}

/* ---- Compiling ---------------------------------------------------------------------------- */

static int refuse_file(const char *path, const struct buffer *messages, struct error *error)
{
    /* The beginning tells more than the end, and whole lines more than pieces. */
    enum { MOST = 900 };
    size_t length = messages->length;
    if (length > MOST) {
        length = MOST;
        while (length > 1 && messages->data[length] != '\n')
            length--;
    }
    return error_set(error, ERR_foreign_compile, "the C compiler refuses '%s':\n%.*s%s", path,
                     (int)length, buffer_text(messages), length < messages->length ? "\n..." : "");
}

static int run_compiler(const struct command *command, const char *path, struct error *error)
{
    struct buffer messages = {0};
    int status = process_run(command->words.items, &messages);
    int code = 0;
    if (status == -2) {
        code = error_set(error, ERR_compiler_missing, "the C compiler '%s' is not installed",
                         command->words.items[0]);
        error_hint(error, strstr(command->words.items[0], "-linux-gnu-gcc")
                              ? "compilers for other machines have a package: make deps-arm64"
                              : "install the package gcc, or name a compiler in the environment: "
                                "CC=clang");
    } else if (status) {
        code = refuse_file(path, &messages, error);
    }
    buffer_release(&messages);
    return code;
}

static int compile_file(const char *path, const char *output, const char *target,
                        struct error *error)
{
    struct command command;
    char *include = include_folder();
    command_init(&command, target);
    add_flags(&command, target, include);
    char *prefix_map = add_prefix_map(&command, path);
    const char *const last[] = {"-o", output, path, NULL};
    for (size_t i = 0; i < sizeof last / sizeof *last; i++)
        vector_push(&command.words, last[i]);
    int status = run_compiler(&command, path, error);
    command_release(&command);
    free(prefix_map);
    free(include);
    return status;
}

/* Whether something that is loaded defines a function, or the compiler's own library does. */
static bool is_known(const char *name)
{
    return strncmp(name, "__", 2) == 0 || strcmp(name, "_GLOBAL_OFFSET_TABLE_") == 0 ||
           dlsym(RTLD_DEFAULT, name) != NULL;
}

static int check_symbols(struct foreign_units *units, const char *target, uint32_t unit,
                         const struct buffer *object, struct error *error)
{
    for (size_t i = 0; i < units->functions.count; i++) {
        const struct typed_function *f = units->functions.items[i];
        if (f->foreign->unit != unit)
            continue;
        const char *nearest;
        units->blamed = f;
        if (object_defines(object, strchr(f->foreign->symbol, '.') + 1, &nearest))
            continue;
        error_set(error, ERR_foreign_symbol, "'%s' does not define the function wk_extern_%s",
                  f->foreign->path, strchr(f->foreign->symbol, '.') + 1 + strlen("wk_extern_"));
        return nearest ? error_hint(error, "did you mean the function '%s' there?", nearest)
                       : error_hint(error, "write there: WK_TASK(%s) { ... }", f->name);
    }
    const char *missing = is_foreign_target(target) ? NULL : object_undefined(object, is_known);
    return missing ? error_set(error, ERR_foreign_undefined,
                               "'%s' uses '%s', which is neither in that file nor in the C library",
                               units->blamed->foreign->path, missing)
                   : 0;
}

/* Compiles the C file of `function` into `output`. */
static int compile_unit(struct foreign_units *units, const struct typed_function *function,
                        const char *output, const char *target, struct error *error)
{
    struct buffer object = {0}, renamed = {0};
    const struct typed_foreign *foreign = function->foreign;
    units->blamed = function;
    int status = compile_file(foreign->path, output, target, error);
    if (status == 0)
        status = buffer_read_file(&object, output, UINT32_MAX, error);
    if (status == 0)
        status = check_symbols(units, target, foreign->unit, &object, error);
    if (status == 0)
        status = object_rename(&object, foreign->unit, &renamed, error);
    if (status == 0)
        status = file_write_atomically(output, renamed.data, renamed.length, error);
    buffer_release(&object);
    buffer_release(&renamed);
    return status;
}

static bool is_first_of_unit(const struct foreign_units *units, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (units->functions.items[i]->foreign->unit ==
            units->functions.items[index]->foreign->unit)
            return false;
    return true;
}

/* The compiler's own library, with what it calls for complex numbers and the like. */
static void add_support_library(struct path_list *objects, const char *target)
{
    struct command command;
    struct buffer path = {0};
    command_init(&command, target);
    vector_push(&command.words, "-print-libgcc-file-name");
    vector_push(&command.words, NULL);
    if (process_run(command.words.items, &path) == 0 && path.length && access(path.data, R_OK) == 0)
        vector_push(&objects->paths, strdup(path.data));
    buffer_release(&path);
    command_release(&command);
}

int foreign_compile(struct foreign_units *units, const char *folder, const char *target,
                    struct path_list *objects, struct error *error)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < units->functions.count; i++) {
        const struct typed_function *f = units->functions.items[i];
        if (!is_first_of_unit(units, i))
            continue;
        struct buffer output = {0};
        buffer_printf(&output, "%s/c%u.o", folder, f->foreign->unit);
        vector_push(&objects->paths, output.data);
        status = compile_unit(units, f, output.data, target, error);
    }
    if (status == 0 && units->functions.count)
        add_support_library(objects, target);
    units->blamed = status ? units->blamed : NULL;
    return status;
}
