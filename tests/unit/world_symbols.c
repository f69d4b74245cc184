/*
 * That all worlds drive the one executor, by the symbols of their objects: each calls
 * executor_begin or executor_start_before, executor_next and executor_handle; these are defined in
 * the executor's objects alone; the local world has no function about joins of its own. And that
 * the executor does no I/O: what its objects need from outside is memory, and nothing else.
 */
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "executor/executor.h"
#include "test.h"
#include "world/world.h"

static const char *const executor_objects[] = {
    "executor/executor",        "executor/executor_edges",
    "executor/executor_fanout", "executor/executor_remote",
    "executor/executor_values", "executor/join",
    "executor/sweep",           NULL};
static const char *const local_objects[] = {"world/local", "world/local_worker", "world/local_task",
                                            NULL};
static const char *const sim_objects[] = {"world/sim", "world/sim_executor", "world/sim_store",
                                          NULL};
static const char *const remote_objects[] = {"world/remote", "world/remote_steps", NULL};

/* nm's lines of some objects of this build: "name type". A plugin would show what the link-time
 * optimizer knows of them in their place, and that has no local functions. */
static FILE *list_symbols(const char *const *objects)
{
    char self[PATH_MAX] = {0}, command[4 * PATH_MAX] = "nm -P --plugin /dev/null";
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    const char *build = dirname(dirname(self));
    for (; *objects; objects++) {
        size_t length = strlen(command);
        snprintf(command + length, sizeof command - length, " %s/runtime/%s.o", build, *objects);
    }
    return popen(command, "r");
}

/* How many lines satisfy a test of name and type; -1 when there are no lines at all. */
static int count_symbols(const char *const *objects,
                         bool (*accept)(const char *, char, const char *), const char *argument)
{
    char name[256], type;
    int lines = 0, count = 0;
    FILE *symbols = list_symbols(objects);
    char line[1024];
    while (fgets(line, sizeof line, symbols)) {
        if (sscanf(line, "%255s %c", name, &type) != 2)
            continue;
        lines++;
        count += accept(name, type, argument);
    }
    pclose(symbols);
    return lines ? count : -1;
}

static bool is_use_of(const char *name, char type, const char *wanted)
{
    return type == 'U' && strcmp(name, wanted) == 0;
}

static bool is_definition_of(const char *name, char type, const char *wanted)
{
    return type == 'T' && strcmp(name, wanted) == 0;
}

static bool is_function_about(const char *name, char type, const char *word)
{
    return (type == 'T' || type == 't') && strstr(name, word) && strncmp(name, "__", 2) != 0;
}

/* What the compiler and the sanitizers add begins with two underscores. */
static bool is_foreign(const char *name, char type, const char *none)
{
    static const char *const allowed[] = {"memory_new",
                                          "qsort",
                                          "memory_resize",
                                          "bug_at",
                                          "free",
                                          "memmove",
                                          "memcpy",
                                          "memset",
                                          "memcmp",
                                          "plan_fan_out",
                                          "plan_is_invoked",
                                          "plan_is_clustered",
                                          "plan_first_step",
                                          "plan_unit_begin",
                                          "plan_unit_count",
                                          "_GLOBAL_OFFSET_TABLE_"};
    (void)none;
    if (type != 'U' || strncmp(name, "__", 2) == 0 || strncmp(name, "executor_", 9) == 0 ||
        strncmp(name, "join_", 5) == 0)
        return false;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (strcmp(name, allowed[i]) == 0)
            return false;
    fprintf(stderr, "the executor uses %s\n", name);
    return true;
}

static void check_use(const char *const *objects, const char *entry)
{
    CHECK(count_symbols(objects, is_use_of, entry) > 0);
    CHECK_INT(count_symbols(objects, is_definition_of, entry), 0);
    CHECK_INT(count_symbols(executor_objects, is_definition_of, entry), 1);
}

/* What happened is told by executor_handle, or, where the next action is wanted at once, by
 * executor_step, which is executor_handle and executor_next. */
static void all_worlds_drive_the_one_executor(void)
{
    check_use(local_objects, "executor_start_before");
    check_use(sim_objects, "executor_begin");
    check_use(remote_objects, "executor_begin");
    check_use(local_objects, "executor_next");
    check_use(sim_objects, "executor_next");
    check_use(remote_objects, "executor_next");
    check_use(local_objects, "executor_step");
    check_use(sim_objects, "executor_handle");
    check_use(remote_objects, "executor_handle");
}

static void the_local_world_has_no_fan_in_of_its_own(void)
{
    CHECK_INT(count_symbols(local_objects, is_function_about, "join"), 0);
    CHECK_INT(count_symbols(local_objects, is_function_about, "fan"), 0);
    CHECK(count_symbols(executor_objects, is_function_about, "fan") > 0);
    CHECK(count_symbols(executor_objects, is_function_about, "join") > 0);
}

static void the_executor_does_no_io(void)
{
    CHECK_INT(count_symbols(executor_objects, is_foreign, NULL), 0);
}

/* The archives must hold the objects that were looked at. */
static void the_objects_are_those_of_this_build(void)
{
    CHECK(executor_next != NULL);
    CHECK(local_run != sim_run);
}

TEST_MAIN(TEST(all_worlds_drive_the_one_executor), TEST(the_local_world_has_no_fan_in_of_its_own),
          TEST(the_executor_does_no_io), TEST(the_objects_are_those_of_this_build))
