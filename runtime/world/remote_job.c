/* A job's plan and tables in an executor process, made from its description; see remote_state.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "value/data_file.h"
#include "graph/recompute.h"
#include "world/remote_state.h"

/* ---- The description ------------------------------------------------------------------------ */

/* The description that an event brings, or else the store's. */
static int fetch_description(struct remote_job *job, const struct payload *payload,
                             struct error *error)
{
    if (payload->description) {
        buffer_append(&job->description_bytes, payload->description, payload->description_length);
        return 0;
    }
    struct store_request request = {.step = STORE_STATUS};
    int code = store_call(job->store, &request);
    if (code)
        *error = request.error;
    else if (request.reply.status == STORE_ABSENT || request.reply.value_count == 0)
        code = error_set(error, ERR_bad_event, "the store knows no job %s", payload->job);
    else
        buffer_append(&job->description_bytes, request.reply.values[0].data,
                      request.reply.values[0].size);
    store_request_release(&request);
    return code;
}

static int check_program(const struct remote *remote, const struct description *description,
                         struct error *error)
{
    if (remote->program.digest && strcmp(description->program, remote->program.digest) != 0) {
        error_set(error, ERR_bad_description, "the job is of another bundle than this function's");
        return error_hint(error, "deploy the bundle that the job was submitted with");
    }
    if (description->argument_count != flow_leaf_total(remote->program.code))
        return error_set(error, ERR_bad_description,
                         "the job has %" PRIu32 " arguments, but main takes %" PRIu32,
                         description->argument_count, flow_leaf_total(remote->program.code));
    return 0;
}

static int read_description(struct remote *remote, struct remote_job *job,
                            const struct payload *payload, struct error *error)
{
    int code = fetch_description(job, payload, error);
    code = code ? code
                : description_read(job->description_bytes.data, job->description_bytes.length,
                                   &job->arena, &job->description, error);
    return code ? code : check_program(remote, &job->description, error);
}

/* ---- The graph ------------------------------------------------------------------------------ */

static int elaborate_job(struct remote *remote, struct remote_job *job, struct error *error)
{
    const struct description *d = &job->description;
    struct elaborate_options options = {.max_tasks = d->max_tasks,
                                        .max_steps = d->max_steps,
                                        .files = d->files,
                                        .file_count = d->file_count,
                                        .opens_result = true};
    struct elaborate_counters counters;
    int code = elaborate(remote->program.code, d->arguments, &options, &job->dag, &counters, error);
    struct plan_options plan = description_plan_options(d);
    if (!code)
        dag_recompute(&job->dag, &plan);
    code = code ? code : plan_make(&job->plan, &job->dag, &plan, error);
    if (code)
        return code;
    unsigned without = (d->without & WITHOUT_BECOME ? PLAN_WITHOUT_BECOME : 0) |
                       (d->without & WITHOUT_CLUSTERING ? PLAN_WITHOUT_CLUSTERS : 0);
    plan_index_fan_outs(&job->plan, without);
    return remote_edges_make(&job->edges, &job->dag, error);
}

enum { PLAN_PART = 8 }; /* of the function's memory is for the pages of a plan */

static int open_pages(struct remote *remote, struct remote_job *job, struct error *error)
{
    const struct description *d = &job->description;
    struct plan_pager_options options = {.store = job->address,
                                         .job = job->name,
                                         .bytes = d->plan_bytes,
                                         .digest = d->plan_digest,
                                         .most = remote->options.process_memory / PLAN_PART};
    int code = plan_pager_open(&job->pager, &options, error);
    if (!code)
        plan_image_bind(plan_pager_base(job->pager), &job->dag, &job->plan, &job->edges);
    return code;
}

static int make_plan(struct remote *remote, struct remote_job *job, struct error *error)
{
    bool is_paged = job->description.plan_bytes > 0 && remote->options.process_memory > 0;
    return is_paged ? open_pages(remote, job, error) : elaborate_job(remote, job, error);
}

static int find_kernels(struct remote *remote, struct remote_job *job, struct error *error)
{
    wk_kernel **kernels = arena_array(&job->arena, wk_kernel *, job->dag.task_count + 1);
    wk_kernel **fallbacks = arena_array(&job->arena, wk_kernel *, job->dag.task_count + 1);
    for (uint32_t t = DAG_RESULT + 1; t < job->dag.task_count; t++) {
        const struct dag_task *task = &job->dag.tasks[t];
        const char *symbol = dag_string(&job->dag, task->symbol);
        kernels[t] = remote->program.find_kernel(remote->program.context, symbol);
        if (task->fallback)
            fallbacks[t] = remote->program.find_kernel(remote->program.context,
                                                       dag_string(&job->dag, task->fallback));
        if (!kernels[t] || (task->fallback && !fallbacks[t]))
            return error_set(error, ERR_bad_description, "the bundle lacks the task '%s'", symbol);
    }
    job->job.kernels = kernels;
    job->job.fallbacks = fallbacks;
    return 0;
}

/* ---- Inputs --------------------------------------------------------------------------------- */

static uint64_t input_bytes(const struct dag_input *input, const int64_t *extents)
{
    uint64_t bytes = wk_scalar_bytes((enum wk_scalar)input->scalar);
    for (unsigned d = 0; d < input->rank; d++)
        bytes *= (uint64_t)extents[d];
    return bytes;
}

/* A value that was bound as a whole is read as a whole, when the job is opened. */
static struct data_file *open_block(struct remote *remote, struct remote_job *job, uint32_t leaf,
                                    uint64_t bytes, struct error *error)
{
    struct context *context = &remote->workers[0].context;
    struct value_leaf form;
    uint64_t word;
    char *stored = memory_try(bytes, WK_ALIGN);
    if (!stored) {
        error_set(error, ERR_out_of_memory, "there is no memory for an input of the job");
        return NULL;
    }
    struct rectangle_reader *reader = remote_inputs_reader(job->inputs, leaf, bytes);
    value_leaves(flow_leaf_type(remote->program.code, leaf), &form, &job->arena);
    int code = reader->read(reader, stored, bytes, 0);
    if (code)
        error_set(error, ERR_file_unreadable, "an input of the job cannot be read from the store");
    else if ((code = stored_read(context, &form, stored, bytes, &word)))
        *error = context->error;
    free(stored);
    return code ? NULL : data_file_of_block(block_of(word), context);
}

static struct data_file *open_input(struct remote *remote, struct remote_job *job,
                                    const struct dag_input *input, struct error *error)
{
    const struct description *d = &job->description;
    const char *name = dag_string(&job->dag, input->name);
    if (input->file)
        return job->files[input->file - 1];
    uint32_t leaf = flow_find_leaf(remote->program.code, name);
    if (leaf == d->argument_count)
        bug("the graph has an input '%s', which is no parameter", name);
    if (d->block_bytes[leaf] > 0)
        return open_block(remote, job, leaf, d->block_bytes[leaf], error);
    const int64_t *extents = d->arguments[leaf].extents;
    return data_file_remote(name,
                            remote_inputs_reader(job->inputs, leaf, input_bytes(input, extents)),
                            (enum wk_scalar)input->scalar, input->rank, extents);
}

static void open_files(struct remote_job *job)
{
    const struct description *d = &job->description;
    job->files = arena_array(&job->arena, struct data_file *, d->file_count + 1);
    for (uint32_t i = 0; i < d->file_count; i++) {
        uint64_t bytes = (uint64_t)d->files[i].size;
        job->files[i] = data_file_remote(
            d->files[i].name, remote_inputs_reader(job->inputs, d->argument_count + i, bytes),
            WK_U8, 1, &d->files[i].size);
    }
}

static int open_inputs(struct remote *remote, struct remote_job *job, struct error *error)
{
    if (job->dag.input_count == 0 && job->description.file_count == 0)
        return 0;
    job->inputs = remote_inputs_open(job->address, job->name, error);
    if (!job->inputs)
        return (int)error->code;
    open_files(job);
    job->input_files = arena_array(&job->arena, struct data_file *, job->dag.input_count + 1);
    for (uint32_t i = 0; i < job->dag.input_count; i++) {
        if (!(job->input_files[i] = open_input(remote, job, &job->dag.inputs[i], error)))
            return (int)error->code;
    }
    job->job.inputs = job->input_files;
    job->job.files = job->files;
    job->job.file_count = job->description.file_count;
    return 0;
}

static void close_inputs(struct remote_job *job)
{
    for (uint32_t i = 0; job->input_files && i < job->dag.input_count; i++)
        if (!job->dag.inputs[i].file)
            data_file_close(job->input_files[i]);
    for (uint32_t i = 0; job->files && i < job->description.file_count; i++)
        data_file_close(job->files[i]);
    remote_inputs_close(job->inputs);
}

/* ---- Tables --------------------------------------------------------------------------------- */

static int make_tables(struct remote_job *job, struct error *error)
{
    job->slots = calloc(job->dag.part_count + 1, sizeof *job->slots);
    job->parts = calloc(job->dag.part_count + 1, sizeof *job->parts);
    if (job->slots && job->parts)
        return 0;
    return error_set(error, ERR_out_of_memory, "there is no memory for the tables of %u tasks",
                     job->dag.node_count);
}

/* Whole pages of memory that is zero; they stay zero. */
static void give_back(void *memory, size_t bytes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)memory;
    uintptr_t first = (begin + page - 1) / page * page, end = (begin + bytes) / page * page;
    if (first < end)
        madvise((void *)first, end - first, MADV_DONTNEED);
}

void remote_job_rest(struct remote_job *job)
{
    give_back(job->slots, job->dag.part_count * sizeof *job->slots);
    give_back(job->parts, job->dag.part_count * sizeof *job->parts);
}

/* ---- Opening and closing -------------------------------------------------------------------- */

static int open_store(struct remote_job *job, const struct payload *payload, struct error *error)
{
    struct store_options options = {0};
    memcpy(options.job, payload->job, sizeof options.job);
    return store_open(payload->store, &options, &job->store, error);
}

static int fill_job(struct remote *remote, struct remote_job *job, const struct payload *payload,
                    struct error *error)
{
    int code = open_store(job, payload, error);
    code = code ? code : read_description(remote, job, payload, error);
    code = code ? code : make_plan(remote, job, error);
    code = code ? code : find_kernels(remote, job, error);
    code = code ? code : open_inputs(remote, job, error);
    code = code ? code : make_tables(job, error);
    if (code)
        return code;
    job->job.plan = &job->plan;
    job->job.result_type = flow_result_type(remote->program.code);
    bind_table_init(&job->table, &job->job);
    return 0;
}

static void free_job(struct remote_job *job)
{
    if (job->store)
        store_close(job->store);
    close_inputs(job);
    if (job->table.job)
        bind_table_release(&job->table);
    if (job->pager) {
        plan_pager_close(job->pager);
    } else {
        remote_edges_release(&job->edges);
        plan_release(&job->plan);
        dag_release(&job->dag);
    }
    free(job->slots);
    free(job->parts);
    free(job->address);
    vector_release(&job->touched);
    remote_release_slices(&job->slices);
    buffer_release(&job->description_bytes);
    arena_release(&job->arena);
    free(job);
}

void remote_job_close(struct remote *remote)
{
    if (!remote->job)
        return;
    remote_drop_values(remote);
    remote_workers_release_job(remote);
    free(remote->paces);
    remote->paces = NULL;
    free_job(remote->job);
    remote->job = NULL;
}

int remote_job_open(struct remote *remote, const struct payload *payload, struct error *error)
{
    struct remote_job *old = remote->job;
    if (old && strcmp(old->name, payload->job) == 0 && strcmp(old->address, payload->store) == 0)
        return 0;
    remote->transfers = (struct transfer_pace){0}; /* another store may be faster */
    remote_job_close(remote);
    struct remote_job *job = memory_new(1, sizeof *job);
    memcpy(job->name, payload->job, sizeof job->name);
    job->address = memory_new(strlen(payload->store) + 1, 1);
    strcpy(job->address, payload->store);
    arena_init(&job->arena);
    int code = fill_job(remote, job, payload, error);
    if (code) {
        free_job(job);
        return code;
    }
    remote->job = job;
    remote->paces = memory_new(job->dag.task_count + 1, sizeof *remote->paces);
    remote_workers_prepare(remote);
    return 0;
}
