/*
 * The passes over flow IR, in their order, and how they are run.
 */
#include "flow/pass.h"

#include <string.h>
#include <time.h>

const struct ir_pass ir_passes[] = {
    {"unused-early", "drop functions and kernels that main does not reach", 0, pass_unused},
    {"inline", "put flows that make one node at most in the place of their calls", 1, pass_inline},
    {"propagate", "replace parameters of blocks and functions that are always the same", 1,
     pass_propagate},
    {"fold", "evaluate known operations on constants, extents that are given, checks that hold", 1,
     pass_fold},
    {"hoist", "move calls that do not change in a loop, comprehension or reduction out of it", 1,
     pass_hoist},
    {"cse", "merge equal known operations, checks and calls, one of which dominates the other", 1,
     pass_cse},
    {"dead", "drop known values and calls whose results nobody needs", 1, pass_dead},
    {"unused-merged", "drop functions and kernels that merging left without a use", 1, pass_unused},
    {"each", "make one comprehension of one and the only one that reads it, or few if it is light",
     2, pass_each},
    {"stream", "let tasks that go over a join's elements in order take its parts, without a copy",
     2, pass_stream},
    {"fuse", "make one task of a task and the only one that reads it, or few if it is light", 2,
     pass_fuse},
    {"chunk", "evaluate comprehensions over cheap tasks, and reductions of them, in pieces", 2,
     pass_chunk},
    {"share", "make one node of equal calls of a task in loops, functions and several places", 1,
     pass_share},
    {"unused", "drop functions and kernels that main does not reach any more", 1, pass_unused},
};
const uint32_t ir_pass_count = sizeof ir_passes / sizeof *ir_passes;

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Verifies, and names the pass after which a rule is broken. */
static int verify_after(const struct ir_module *module, const char *pass, struct error *error)
{
    struct error broken;
    if (!ir_verify(module, &broken))
        return 0;
    *error = broken;
    snprintf(error->message, sizeof error->message, "after %s: %.900s", pass, broken.message);
    return (int)error->code;
}

static bool is_pass(const char *name, size_t length)
{
    for (uint32_t i = 0; i < ir_pass_count; i++)
        if (strlen(ir_passes[i].name) == length && strncmp(ir_passes[i].name, name, length) == 0)
            return true;
    return length == 5 && strncmp(name, "lower", 5) == 0;
}

bool ir_pass_is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    while (list && *list) {
        size_t item = strcspn(list, ",");
        if (item == length && strncmp(list, name, length) == 0)
            return true;
        list += item + (list[item] == ',');
    }
    return false;
}

/* Unknown names are an error: a misspelling would go unseen. */
static int check_names(const char *list, struct error *error)
{
    while (list && *list) {
        size_t item = strcspn(list, ",");
        if (!is_pass(list, item))
            return error_set(error, ERR_bad_parameter, "there is no pass %.*s", (int)item, list);
        list += item + (list[item] == ',');
    }
    return 0;
}

static void report(const struct ir_pass_options *options, const struct ir_module *module,
                   const char *pass, double seconds)
{
    if (options->after_pass)
        options->after_pass(options->context, module, pass, seconds);
}

static bool stops_at(const struct ir_pass_options *options, const char *pass)
{
    return options->stop_after && strcmp(options->stop_after, pass) == 0;
}

int ir_run_passes(struct ir_module *module, const struct ir_pass_options *options,
                  struct error *error)
{
    if (check_names(options->stop_after, error) || check_names(options->disabled, error))
        return (int)error->code;
    report(options, module, "lower", 0);
    const char *last = "lower";
    int status = options->verify_each ? verify_after(module, last, error) : 0;
    for (uint32_t i = 0; i < ir_pass_count && !status && !stops_at(options, last); i++) {
        const struct ir_pass *pass = &ir_passes[i];
        last = pass->name;
        if (pass->level > options->level || ir_pass_is_listed(options->disabled, pass->name))
            continue;
        double begin = seconds_now();
        pass->run(module);
        report(options, module, pass->name, seconds_now() - begin);
        status = options->verify_each ? verify_after(module, last, error) : 0;
    }
    return status || options->verify_each ? status : verify_after(module, last, error);
}
