/* The cache of kernels: what makes a new entry and what does not, damage, bounds, two runs at once,
 * and what happens without a cache or a linker. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kernel.h"

static const char twice[] = "task twice(x: int) -> int { return 2 * x }\n";

/* Checks and links a text; the status. What the task gives for 21 is in *result. */
static int link_text(const char *text, const struct link_options *options, bool *cached,
                     int64_t *result, struct diagnostics *diagnostics)
{
    struct kernels k = {.source = {.name = "test.wk", .text = text, .length = strlen(text)}};
    arena_init(&k.arena);
    interner_init(&k.names, &k.arena);
    type_table_init(&k.types, &k.arena);
    diagnostics_init(&k.diagnostics);
    CHECK(kernels_check(&k));
    int status = link_kernels(k.program->functions, k.program->function_count, options, &k.library,
                              diagnostics);
    *cached = k.library.cached;
    uint64_t argument = 21;
    struct wk_context context = {0};
    _Atomic(uint32_t) stop = 0;
    context.stop = &stop;
    wk_kernel *kernel = kernel_library_find(&k.library, "twice");
    CHECK((kernel != NULL) == (status == 0));
    if (kernel)
        CHECK_INT(kernel(&context, &argument, (uint64_t *)result), 0);
    kernel_library_close(&k.library);
    diagnostics_release(&k.diagnostics);
    type_table_release(&k.types);
    interner_release(&k.names);
    arena_release(&k.arena);
    return status;
}

struct folder {
    char path[40];
    struct link_options options;
};

static void folder_open(struct folder *folder)
{
    strcpy(folder->path, "/tmp/wkc-test.XXXXXX");
    CHECK(mkdtemp(folder->path));
    folder->options = (struct link_options){.kernel = {.optimize = 1}, .cache = folder->path};
}

/* Counts the entries; the newest one's path. Files on the way must be gone. */
static int folder_count(const struct folder *folder, char newest[400])
{
    int count = 0;
    DIR *list = opendir(folder->path);
    for (struct dirent *entry; (entry = readdir(list));) {
        if (entry->d_name[0] == '.')
            continue;
        CHECK(strstr(entry->d_name, ".so") != NULL);
        snprintf(newest, 400, "%s/%s", folder->path, entry->d_name);
        count++;
    }
    closedir(list);
    return count;
}

static void folder_close(struct folder *folder)
{
    char path[400];
    while (folder_count(folder, path) > 0)
        CHECK_INT(unlink(path), 0);
    rmdir(folder->path);
}

/* Links a text that must work; whether it came from the cache. */
static bool links(const char *text, const struct link_options *options)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    bool cached = false;
    int64_t result = 0;
    CHECK_INT(link_text(text, options, &cached, &result, &diagnostics), 0);
    CHECK_INT(result, 42);
    CHECK_INT(diagnostics.errors + diagnostics.warnings, 0);
    diagnostics_release(&diagnostics);
    return cached;
}

static void equal_tasks_are_found(void)
{
    struct folder folder;
    char path[400];
    folder_open(&folder);
    CHECK(!links(twice, &folder.options));
    CHECK(links(twice, &folder.options));
    CHECK(!links("\ntask twice(x: int) -> int { return 2 * x }\n", &folder.options));
    CHECK(!links("task twice(x: int) -> int { return x * 2 }\n", &folder.options));
    CHECK(!links("task twice(y: int) -> int { return 2 * y }\n", &folder.options));
    /* What stands after the task and on the same line does not matter. */
    CHECK(links("task twice(x: int) -> int { return 2 * x } // comment\n", &folder.options));
    folder.options.kernel.optimize = 2;
    CHECK(!links(twice, &folder.options));
    folder.options.kernel.debug = true;
    CHECK(!links(twice, &folder.options));
    CHECK(links(twice, &folder.options));
    CHECK_INT(folder_count(&folder, path), 6);
    folder_close(&folder);
}

static void damaged_entries_are_made_again(void)
{
    struct folder folder;
    char path[400], old;
    folder_open(&folder);
    links(twice, &folder.options);
    CHECK_INT(folder_count(&folder, path), 1);
    struct stat status;
    CHECK_INT(stat(path, &status), 0);
    const off_t places[] = {0, status.st_size / 2, status.st_size - 1};
    for (int i = 0; i < 3; i++) {
        int file = open(path, O_RDWR);
        CHECK(pread(file, &old, 1, places[i]) == 1);
        old ^= 1;
        CHECK(pwrite(file, &old, 1, places[i]) == 1);
        close(file);
        CHECK(!links(twice, &folder.options));
        CHECK(links(twice, &folder.options));
    }
    const off_t lengths[] = {0, 10, status.st_size - 1};
    for (int i = 0; i < 3; i++) {
        CHECK_INT(truncate(path, lengths[i]), 0);
        CHECK(!links(twice, &folder.options));
        CHECK(links(twice, &folder.options));
    }
    folder_close(&folder);
}

static void the_oldest_go_first(void)
{
    struct folder folder;
    char path[400];
    folder_open(&folder);
    links(twice, &folder.options);
    CHECK_INT(folder_count(&folder, path), 1);
    struct stat status;
    CHECK_INT(stat(path, &status), 0);
    folder.options.cache_bytes = (uint64_t)status.st_size * 5 / 2; /* room for two */
    CHECK(!links("task twice(b: int) -> int { return 2 * b }\n", &folder.options));
    CHECK(links(twice, &folder.options)); /* used again: now the other is the oldest */
    CHECK(!links("task twice(c: int) -> int { return 2 * c }\n", &folder.options));
    CHECK_INT(folder_count(&folder, path), 2);
    CHECK(links(twice, &folder.options));
    CHECK(!links("task twice(b: int) -> int { return 2 * b }\n", &folder.options));
    folder_close(&folder);
}

static void what_a_crash_left_is_removed(void)
{
    struct folder folder;
    folder_open(&folder);
    char old[64], young[64], file[80];
    snprintf(old, sizeof old, "%s/wkc.oldold", folder.path);
    snprintf(young, sizeof young, "%s/wkc.young1", folder.path);
    snprintf(file, sizeof file, "%s/kernels.o", old);
    CHECK_INT(mkdir(old, 0777), 0);
    CHECK_INT(mkdir(young, 0777), 0);
    close(open(file, O_CREAT | O_WRONLY, 0666));
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    CHECK_INT(utimensat(AT_FDCWD, old, times, 0), 0);
    CHECK(!links(twice, &folder.options));
    CHECK(access(old, F_OK) != 0);
    CHECK(access(young, F_OK) == 0);
    rmdir(young);
    folder_close(&folder);
}

static void runs_at_once_do_not_disturb(void)
{
    struct folder folder;
    char path[400];
    folder_open(&folder);
    pid_t children[4];
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            test_failures = 0;
            links(twice, &folder.options);
            _exit(test_failures != 0);
        }
    }
    for (int i = 0; i < 4; i++) {
        int status = -1;
        CHECK(waitpid(children[i], &status, 0) == children[i]);
        CHECK_INT(status, 0);
    }
    CHECK_INT(folder_count(&folder, path), 1);
    CHECK(links(twice, &folder.options));
    folder_close(&folder);
}

static void an_unusable_cache_is_a_warning(void)
{
    struct link_options options = {.kernel = {.optimize = 1}, .cache = "/dev/null/cache"};
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    bool cached = true;
    int64_t result = 0;
    CHECK_INT(link_text(twice, &options, &cached, &result, &diagnostics), 0);
    CHECK_INT(result, 42);
    CHECK(!cached);
    CHECK_INT(diagnostics.warnings, 1);
    CHECK_INT(diagnostics.list.items[0].code, ERR_cache_unusable);
    CHECK_TEXT(diagnostics.list.items[0].message,
               "compiled kernels are not kept: /dev/null/cache: Not a directory");
    diagnostics_release(&diagnostics);
}

static void a_missing_linker_is_named(void)
{
    struct folder folder;
    char path[400], *old = strdup(getenv("PATH"));
    folder_open(&folder);
    setenv("PATH", "/nonexistent", 1);
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    bool cached;
    int64_t result;
    CHECK_INT(link_text(twice, &folder.options, &cached, &result, &diagnostics),
              ERR_linker_missing);
    CHECK_INT(diagnostics.errors, 1);
    CHECK_TEXT(diagnostics.list.items[0].message, "ld.lld-19 was not found on the PATH");
    CHECK_TEXT(diagnostics.list.items[0].hint, "install the package lld-19");
    diagnostics_release(&diagnostics);
    setenv("PATH", old, 1);
    free(old);
    CHECK_INT(folder_count(&folder, path), 0);
    folder_close(&folder);
}

TEST_MAIN(TEST(equal_tasks_are_found), TEST(damaged_entries_are_made_again),
          TEST(the_oldest_go_first), TEST(what_a_crash_left_is_removed),
          TEST(runs_at_once_do_not_disturb), TEST(an_unusable_cache_is_a_warning),
          TEST(a_missing_linker_is_named))
