/*
 * A job's result as its client takes it. The job was settled with a parcel of the sink's inputs, of
 * which the large ones are in the store; these are loaded several at once. Then main's result is
 * bound from them. Of an open result (spec/dag.md, D24) each is a piece, which is written to its
 * place in the job's output as soon as it is here, or in a block if the job has no such output.
 */
#include <stdlib.h>
#include <string.h>

#include "value/stored.h"
#include "world/client_state.h"
#include "world/parcel.h"

enum {
    LOADED_AT_ONCE = 32,
    LOADED_BYTES = 64 << 20, /* at once, where pieces are large */
};

void client_result_free(struct client_result *result)
{
    pieces_release(&result->pieces);
    binder_release(&result->binder);
    for (size_t i = 0; i < result->blocks.count; i++)
        context_drop(&result->context, result->blocks.items[i]);
    vector_release(&result->blocks);
    context_release(&result->context);
    bind_table_release(&result->table);
    arena_release(&result->arena);
    free(result->slots);
    free(result->words);
    free(result);
}

struct client_result *client_result_new(const struct client *client)
{
    const struct job *job = client->job->job;
    struct client_result *result = memory_new(1, sizeof *result);
    arena_init(&result->arena);
    memory_account_init(&result->account, client->options->job->memory_limit);
    context_init(&result->context, &result->account, &result->stop);
    bind_table_init(&result->table, job);
    result->slots = memory_new(job->plan->dag->part_count + 1, sizeof *result->slots);
    binder_init(&result->binder, &result->table, result->slots, &result->context);
    result->binder.keeps = !pieces_are_open(result->table.dag);
    result->words = memory_new(job->result_type->word_count + 1, sizeof *result->words);
    return result;
}

/* ---- Parts ---------------------------------------------------------------------------------- */

static int keep_part(struct client_result *result, const struct parcel_entry *entry,
                     const void *bytes, size_t size, struct error *error)
{
    const struct dag *dag = result->table.dag;
    const struct bind_task *task = &result->table.tasks[dag->nodes[entry->node].task];
    uint64_t *slot = &result->slots[dag->nodes[entry->node].first_part + entry->part];
    int code = stored_read(&result->context, &task->results[entry->part], bytes, size, slot);
    if (code)
        *error = result->context.error;
    else if (task->results[entry->part].is_block)
        vector_push(&result->blocks, block_of(*slot));
    return code;
}

/* Lays out the pieces that a part is, which was kept last. */
static int lay_out(struct client_result *result, const struct parcel_entry *entry,
                   struct error *error)
{
    const struct dag *dag = result->table.dag;
    const struct pieces *pieces = &result->pieces;
    uint64_t count, place = pieces_of(pieces, entry->node, &count);
    int code = 0;
    for (uint64_t end = place + count; place < end && !code; place++) {
        const dag_ref ref = dag->refs[pieces->by_node[place]];
        if (dag->views[dag_ref_view(ref)].part != entry->part)
            continue;
        code = pieces_write(pieces, place, &result->binder);
        result->pieces_left--;
    }
    if (code)
        *error = result->context.error;
    if (result->table.tasks[dag->nodes[entry->node].task].results[entry->part].is_block)
        context_drop(&result->context, vector_pop(&result->blocks));
    return code;
}

static int take_bytes(struct client_result *result, const struct parcel_entry *entry,
                      const void *bytes, size_t size, struct error *error)
{
    int code = keep_part(result, entry, bytes, size, error);
    return code || !result->pieces.output ? code : lay_out(result, entry, error);
}

/* ---- Loading -------------------------------------------------------------------------------- */

struct load {
    struct store_request request;
    struct parcel_entry entry;
};

static void begin_load(struct client *client, const struct parcel_entry *entry)
{
    struct load *load = memory_new(1, sizeof *load);
    load->entry = *entry;
    load->request = (struct store_request){
        .step = STORE_GET,
        .name = {.kind = STORE_VALUE, .node = entry->node, .first = entry->part},
        .user = load};
    client->under_way++;
    store_send(client->store, &load->request);
}

/* Waits for an answer. After a failure, which stands in *code, it is dropped. */
static void end_load(struct client *client, int *code, struct error *error)
{
    struct store_request *request;
    while (!(request = store_next(client->store)))
        client_wait_a_while(client);
    struct load *load = request->user;
    client->under_way--;
    if (!*code && client_is_stopped(client))
        *code = error_set(error, ERR_interrupted, "the job was stopped before its end");
    if (!*code && request->code) {
        *error = request->error;
        *code = request->code;
    }
    if (!*code)
        *code = take_bytes(client->result, &load->entry, request->reply.value.data,
                           request->reply.value.size, error);
    store_request_release(request);
    free(load);
}

/* How many values are loaded at once. */
static uint32_t choose_window(const struct pieces *pieces)
{
    uint64_t most = LOADED_AT_ONCE;
    for (uint64_t i = 0; i < pieces->count; i++) {
        uint64_t bytes = dag_ref_bytes(pieces->dag, pieces->dag->refs[pieces->by_node[i]]);
        most = bytes > LOADED_BYTES / most ? LOADED_BYTES / bytes : most;
        if (most <= 1)
            return 1;
    }
    return (uint32_t)most;
}

static int check_entry(const struct client_result *result, const struct parcel_entry *entry,
                       struct error *error)
{
    const struct bind_table *table = &result->table;
    if (entry->node >= table->dag->node_count - 1 ||
        entry->part >= table->tasks[table->dag->nodes[entry->node].task].result_count)
        return error_set(error, ERR_bad_stored_value,
                         "the job's result names a node that the graph lacks");
    return 0;
}

static int take_parts(struct client *client, const struct store_bytes *parcel, struct error *error)
{
    struct parcel_entry entry;
    size_t offset = 0;
    bool damaged = false;
    int code = 0;
    uint32_t window = choose_window(&client->result->pieces);
    while (!code && parcel_next(parcel->data, parcel->size, &offset, &entry, &damaged)) {
        code = check_entry(client->result, &entry, error);
        while (!code && client->under_way >= window)
            end_load(client, &code, error);
        if (!code && entry.is_stored)
            begin_load(client, &entry);
        else if (!code)
            code = take_bytes(client->result, &entry, entry.bytes, entry.size, error);
    }
    while (client->under_way > 0)
        end_load(client, &code, error);
    if (!code && damaged)
        return error_set(error, ERR_bad_stored_value, "the job's result is cut off in the store");
    return code;
}

/* ---- The whole ------------------------------------------------------------------------------ */

static int bind_result(struct client *client, const struct store_bytes *parcel, struct error *error)
{
    struct client_result *result = client->result;
    int code = take_parts(client, parcel, error);
    if (!code) {
        code = bind_arguments(&result->binder, dag_sink(result->table.dag), result->words);
        if (code)
            *error = result->context.error;
    }
    return code;
}

int client_take_result(struct client *client, const struct store_bytes *parcel, struct error *error)
{
    struct client_result *result = client->result;
    const struct dag *dag = result->table.dag;
    struct pieces_block block = pieces_in_block(result->table.job, &result->context, result->words);
    struct job_output *output = client->options->job->output;
    if (!pieces_are_open(dag))
        return bind_result(client, parcel, error);
    int code = pieces_init_open(&result->pieces, dag, output ? output : &block.output, error);
    if (block.block)
        vector_push(&result->blocks, block.block);
    result->pieces_left = result->pieces.count;
    code = code ? code : take_parts(client, parcel, error);
    if (!code && result->pieces_left > 0)
        code = error_set(error, ERR_bad_stored_value, "the job's result lacks a piece");
    result->is_written = output != NULL;
    result->pieces.output = NULL; /* the block's ends here */
    return code;
}
