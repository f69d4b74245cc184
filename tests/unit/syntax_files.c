/*
 * The files of tests/errors for the codes E1.. and of tests/golden/ast, without the command: what
 * the parser reports and prints is what stands beside each program. Run from the project's root.
 */
#include <dirent.h>

#include "base/vector.h"
#include "syntax.h"

struct paths {
    char **items;
    size_t count, capacity;
};

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The paths of the programs in a folder whose names begin with `prefix`, in order. */
static struct paths list_programs(const char *folder, const char *prefix)
{
    struct paths paths = {0};
    DIR *directory = opendir(folder);
    CHECK(directory != NULL);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        size_t length = strlen(entry->d_name);
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 || length < 3 ||
            strcmp(entry->d_name + length - 3, ".wk") != 0)
            continue;
        char *path = NULL;
        if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0)
            memory_exhausted();
        vector_push(&paths, path);
    }
    if (directory)
        closedir(directory);
    qsort(paths.items, paths.count, sizeof *paths.items, compare_paths);
    return paths;
}

static void release_paths(struct paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->items[i]);
    vector_release(paths);
}

static void parse_file(struct parsed *parsed, const char *path)
{
    arena_init(&parsed->arena);
    interner_init(&parsed->names, &parsed->arena);
    diagnostics_init(&parsed->diagnostics);
    const struct source *source = source_read(path, &parsed->arena, &parsed->diagnostics);
    CHECK(source != NULL);
    parsed->module = parse_source(source, &parsed->arena, &parsed->names, &parsed->diagnostics);
}

/* The text beside a program, "" if it is missing. */
static const char *text_beside(struct parsed *parsed, const char *path, const char *suffix)
{
    const char *beside =
        arena_printf(&parsed->arena, "%.*s%s", (int)strlen(path) - 3, path, suffix);
    struct buffer buffer = {0};
    struct error error;
    CHECK_INT(buffer_read_file(&buffer, beside, 1 << 20, &error), 0);
    const char *text = arena_text(&parsed->arena, buffer_text(&buffer), buffer.length);
    buffer_release(&buffer);
    return text;
}

static void errors_are_reported_as_recorded(void)
{
    struct paths paths = list_programs("tests/errors", "E1");
    for (size_t i = 0; i < paths.count; i++) {
        struct parsed parsed;
        parse_file(&parsed, paths.items[i]);
        CHECK_TEXT(parsed_diagnostics(&parsed), text_beside(&parsed, paths.items[i], ".expected"));
        CHECK(parsed.diagnostics.errors >= 1); /* several, where a file has several mistakes */
        const char *code = parsed.diagnostics.list.count
                               ? error_code_text(parsed.diagnostics.list.items[0].code)
                               : "none";
        CHECK(strncmp(paths.items[i] + strlen("tests/errors/"), code, strlen(code)) == 0);
        parsed_release(&parsed);
    }
    release_paths(&paths);
}

static void every_code_has_a_program(void)
{
    for (int code = ERR_none + 1; code < ERROR_COUNT; code++) {
        const char *text = error_code_text((enum error_code)code);
        if (strncmp(text, "E1", 2) != 0)
            continue;
        char prefix[16];
        snprintf(prefix, sizeof prefix, "%s", text);
        struct paths paths = list_programs("tests/errors", prefix);
        if (paths.count == 0)
            fprintf(stderr, "no program shows %s\n", text);
        CHECK(paths.count > 0);
        release_paths(&paths);
    }
}

static void trees_are_printed_as_recorded(void)
{
    struct paths paths = list_programs("tests/golden/ast", "");
    CHECK(paths.count > 0);
    for (size_t i = 0; i < paths.count; i++) {
        struct parsed parsed;
        parse_file(&parsed, paths.items[i]);
        CHECK_TEXT(parsed_diagnostics(&parsed), "");
        CHECK_TEXT(parsed_tree(&parsed), text_beside(&parsed, paths.items[i], ".ast"));
        parsed_release(&parsed);
    }
    release_paths(&paths);
}

static void examples_are_accepted(void)
{
    struct paths paths = list_programs("examples", "");
    CHECK(paths.count > 0);
    for (size_t i = 0; i < paths.count; i++) {
        struct parsed parsed;
        parse_file(&parsed, paths.items[i]);
        CHECK_TEXT(parsed_diagnostics(&parsed), "");
        parsed_release(&parsed);
    }
    release_paths(&paths);
}

TEST_MAIN(TEST(errors_are_reported_as_recorded), TEST(every_code_has_a_program),
          TEST(trees_are_printed_as_recorded), TEST(examples_are_accepted))
