/* wkc clean: lists the jobs of a store, or cancels and removes them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/remote.h"
#include "store/store.h"

static int open_store(const char *address, const char *job, struct store **store,
                      struct error *error)
{
    struct store_options options = {0};
    if (job)
        memcpy(options.job, job, STORE_JOB_NAME);
    else
        store_make_job_name(options.job);
    return store_open(address, &options, store, error);
}

/* Oldest first; last those of which something is left that tells no age. */
static int compare_jobs(const void *a, const void *b)
{
    const struct store_job *x = a, *y = b;
    return x->age == y->age ? strcmp(x->name, y->name) : x->age < y->age ? 1 : -1;
}

/* All jobs of the store; the caller frees them. */
static int read_jobs(const char *address, struct store_job **jobs, uint32_t *count,
                     struct error *error)
{
    struct store *store;
    struct store_request request = {.step = STORE_JOBS};
    int code = open_store(address, NULL, &store, error);
    if (code)
        return code;
    code = store_call(store, &request);
    if (code)
        *error = request.error;
    *count = code ? 0 : request.reply.job_count;
    *jobs = memory_new((size_t)*count + 1, sizeof **jobs);
    if (*count)
        memcpy(*jobs, request.reply.jobs, *count * sizeof **jobs);
    qsort(*jobs, *count, sizeof **jobs, compare_jobs);
    store_request_release(&request);
    store_close(store);
    return code;
}

/* ---- Listing --------------------------------------------------------------------------------- */

static void print_age(struct buffer *out, uint64_t ms)
{
    uint64_t s = ms / 1000;
    if (s < 120)
        buffer_printf(out, "%" PRIu64 " s", s);
    else if (s < 7200)
        buffer_printf(out, "%" PRIu64 " min", s / 60);
    else
        buffer_printf(out, "%" PRIu64 " h", s / 3600);
}

static int list_jobs(const struct options *options, const struct store_job *jobs, uint32_t count)
{
    static const char *const names[] = {[STORE_ABSENT] = "remains",
                                        [STORE_RUNNING] = "running",
                                        [STORE_DONE] = "done",
                                        [STORE_FAILED] = "failed",
                                        [STORE_CANCELLED] = "cancelled"};
    struct buffer text = {0};
    for (uint32_t i = 0; i < count; i++) {
        buffer_printf(&text, "%s  %-9s  ", jobs[i].name, names[jobs[i].status]);
        if (jobs[i].status == STORE_ABSENT)
            buffer_puts(&text, "-");
        else
            print_age(&text, jobs[i].age);
        buffer_puts(&text, "\n");
    }
    int status = write_output(options, &text);
    buffer_release(&text);
    return status;
}

/* ---- Removing -------------------------------------------------------------------------------- */

static int call(struct store *store, struct store_request *request, struct error *error)
{
    int code = store_call(store, request);
    if (code)
        *error = request->error;
    enum store_status status = request->reply.status;
    store_request_release(request);
    request->reply.status = status;
    return code;
}

/* Whether there is something of a job that has been removed. */
static int find_remains(const struct remote_setup *setup, const char *name, struct error *error)
{
    struct store_job *jobs;
    uint32_t count;
    int code = read_jobs(setup->store, &jobs, &count, error);
    bool found = false;
    for (uint32_t i = 0; i < count; i++)
        found |= strcmp(jobs[i].name, name) == 0;
    if (!code)
        free(jobs);
    return code || found ? code : error_set(error, ERR_job_lost, "the store has no job %s", name);
}

/* First the job is cancelled, so that executors which are at work learn that it is over, and who
 * waits for it; then their function goes, and last the keys. The marks of the end stay for as long
 * as an executor may. */
static int cancel_and_remove(const struct remote_setup *setup, struct store *store,
                             const char *name, struct error *error)
{
    struct error later;
    struct store_request status = {.step = STORE_STATUS};
    struct store_request cancel = {.step = STORE_SETTLE, .status = STORE_CANCELLED};
    struct store_request remove = {.step = STORE_REMOVE, .lease = remote_late_ms(setup)};
    int code = call(store, &status, error);
    if (!code && status.reply.status != STORE_ABSENT)
        code = call(store, &cancel, error);
    if (code)
        return code;
    if (status.reply.status == STORE_ABSENT)
        code = find_remains(setup, name, error);
    int removed = setup->endpoint ? remote_remove_function(setup, name, code ? &later : error) : 0;
    code = code ? code : removed;
    removed = call(store, &remove, code ? &later : error);
    return code ? code : removed;
}

static int clean_job(const struct options *options, const struct remote_setup *setup,
                     const char *name)
{
    struct error error;
    struct store *store;
    int code = open_store(setup->store, name, &store, &error);
    if (!code) {
        code = cancel_and_remove(setup, store, name, &error);
        store_close(store);
    }
    return code ? print_error(options, &error, EXIT_MISTAKE) : EXIT_DONE;
}

static int clean_all(const struct options *options, const struct remote_setup *setup,
                     const struct store_job *jobs, uint32_t count)
{
    int status = EXIT_DONE;
    for (uint32_t i = 0; i < count; i++) {
        int one = clean_job(options, setup, jobs[i].name);
        status = one ? one : status;
    }
    return status;
}

static int clean_named(const struct options *options, const struct remote_setup *setup)
{
    int status = EXIT_DONE;
    for (size_t i = 0; i < options->arguments.count; i++) {
        int one = clean_job(options, setup, options->arguments.items[i]);
        status = one ? one : status;
    }
    return status;
}

static int read_options(const struct options *options, struct remote_setup *setup,
                        struct error *error)
{
    int code = remote_read_options(options, setup, error);
    if (code)
        return code;
    if (!setup->store) {
        error_set(error, ERR_bad_argument, "'wkc clean' needs a store");
        return error_hint(error, "write wkc clean --store=URL");
    }
    if (options->given[OPTION_ALL] && options->arguments.count > 0)
        return error_set(error, ERR_bad_argument, "--all, or names of jobs, but not both");
    for (size_t i = 0; !code && i < options->arguments.count; i++)
        code = remote_check_job_name(options->arguments.items[i], error);
    return code;
}

int command_clean(const struct options *options)
{
    struct error error;
    struct remote_setup setup;
    struct store_job *jobs = NULL;
    uint32_t count;
    if (read_options(options, &setup, &error))
        return usage_error(options, &error);
    if (options->arguments.count > 0)
        return clean_named(options, &setup);
    int status = EXIT_DONE;
    if (read_jobs(setup.store, &jobs, &count, &error))
        status = print_error(options, &error, EXIT_MISTAKE);
    else
        status = options->given[OPTION_ALL] ? clean_all(options, &setup, jobs, count)
                                            : list_jobs(options, jobs, count);
    free(jobs);
    return status;
}
