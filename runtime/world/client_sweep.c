/* The sweeper in the client of a job: its walks read the store, one level after the other, between
 * two looks at the job's status; see client_state.h and executor/sweep.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "world/client_state.h"

enum {
    AGE_MS = 10000,
    WALKS_PER_AGE = 4,
    SHARE = 10,     /* walking takes at most this part of the time */
    NOTE_MS = 2000, /* for looking what a job waits for that took too long */
    PAGE = 8192,    /* records that are read at once */
};

static uint32_t sweep_age(const struct client *client)
{
    return client->options->sweep_age ? client->options->sweep_age : AGE_MS;
}

/* To submit a wide job takes a while: that is no silence. */
void client_sweep_init(struct client *client)
{
    client->watch_began = client_now();
    client->next_walk = client->watch_began + sweep_age(client) / WALKS_PER_AGE;
}

void client_sweep_release(struct client *client)
{
    if (client->has_sweep)
        sweep_release(&client->sweep);
    free(client->states);
}

/* Most jobs end before anybody looks for what is lost: they need none of the tables. */
static void begin_walk(struct client *client)
{
    uint32_t without = client->job->description.without;
    struct sweep_options options = {
        .age = sweep_age(client),
        .grain = client->job->description.grain,
        .without = (without & WITHOUT_BECOME ? PLAN_WITHOUT_BECOME : 0) |
                   (without & WITHOUT_CLUSTERING ? PLAN_WITHOUT_CLUSTERS : 0),
    };
    if (!client->has_sweep)
        sweep_init(&client->sweep, client->job->job->plan, &options, client->watch_began);
    client->has_sweep = client->is_walking = true;
    client->walk_began = client_now();
    client->asked_count = client->told = 0;
    client->next_page = client->unrested = 0;
    sweep_begin(&client->sweep, client->walk_began);
}

static struct store_name store_name_of(const struct sweep_name *name)
{
    static const enum store_kind kinds[] = {[SWEEP_VALUE] = STORE_VALUE,
                                            [SWEEP_JOIN] = STORE_JOIN,
                                            [SWEEP_RANGE] = STORE_RANGE,
                                            [SWEEP_HEARTBEAT] = STORE_HEARTBEAT};
    struct store_name stored = {.kind = kinds[name->kind], .node = name->node};
    if (name->kind == SWEEP_JOIN)
        stored.first = name->record;
    if (name->kind == SWEEP_RANGE) {
        stored.first = name->first;
        stored.end = name->end;
    }
    return stored;
}

static void take_states(struct client *client, const struct store_state *read, uint32_t count)
{
    struct sweep_state *states = client->states + client->told;
    for (uint32_t i = 0; i < count; i++)
        states[i] = (struct sweep_state){.exists = read[i].exists,
                                         .own_is_live = read[i].own_is_live,
                                         .passed = read[i].passed,
                                         .bits = read[i].bits,
                                         .own_edges = read[i].own_edges,
                                         .waiting = read[i].waiting};
    client->told += count;
}

static int read_page(struct client *client, struct error *error)
{
    uint32_t left = client->asked_count - client->told, count = left < PAGE ? left : PAGE;
    struct store_name *names = memory_new(count, sizeof *names);
    for (uint32_t i = 0; i < count; i++)
        names[i] = store_name_of(&client->asked[client->told + i]);
    struct store_request request = {
        .step = STORE_READ, .name = names[0], .names = names, .count = count};
    int code = store_call(client->store, &request);
    if (code)
        *error = request.error;
    else
        take_states(client, request.reply.states, count);
    store_request_release(&request);
    free(names);
    return code;
}

/* Reads a page of what the walk wants to know next. False: nothing, it has come to its end. Between
 * the pages of a large graph the store is left to the executors. */
static bool walk_on(struct client *client, int *code, struct error *error)
{
    uint64_t began = client_now();
    if (client->told == client->asked_count) {
        client->asked_count = sweep_next(&client->sweep, &client->asked);
        client->told = 0;
        free(client->states);
        client->states = memory_new((size_t)client->asked_count + 1, sizeof *client->states);
    }
    if (client->asked_count == 0)
        return false;
    *code = read_page(client, error);
    uint64_t now = client_now();
    if (*code)
        return false;
    client->unrested += now - began;
    if (client->told == client->asked_count) {
        sweep_tell(&client->sweep, client->states);
    } else {
        client->next_page = now + SHARE * client->unrested;
        client->unrested = 0;
    }
    return true;
}

static const char *task_name(const struct client *client, uint32_t node)
{
    const struct dag *dag = client->job->job->plan->dag;
    return dag_string(dag, dag->tasks[dag->nodes[node].task].name);
}

static int end_walk(struct client *client, struct error *error)
{
    struct executor_start start;
    uint32_t node;
    uint64_t now = client_now(), rest = sweep_age(client) / WALKS_PER_AGE;
    uint64_t fair = SHARE * client->unrested;
    client->is_walking = false;
    client->next_walk = now + (rest > fair ? rest : fair);
    if (sweep_has_given_up(&client->sweep, &node)) {
        error_set(error, ERR_job_stuck, "the task '%s' was invoked again and again, in vain",
                  task_name(client, node));
        return error_hint(error,
                          "the logs of its executors say more; one that runs out of memory is "
                          "killed without a word (--memory)");
    }
    while (sweep_run(&client->sweep, &start))
        client_invoke(client, &start);
    return 0;
}

int client_sweep_step(struct client *client, bool *did, struct error *error)
{
    int code = 0;
    uint64_t due = client->is_walking ? client->next_page : client->next_walk;
    *did = client->options->platform && client_now() >= due;
    if (!*did)
        return 0;
    if (!client->is_walking)
        begin_walk(client);
    if (walk_on(client, &code, error) || code)
        return code;
    return end_walk(client, error);
}

int client_note_outstanding(struct client *client, struct error *error)
{
    struct error ignored;
    int code = 0;
    begin_walk(client);
    while (client_now() - client->walk_began < NOTE_MS && walk_on(client, &code, &ignored))
        ;
    client->is_walking = false;
    if (code || client->sweep.ends.count == 0)
        return (int)error->code;
    uint32_t node = client->sweep.ends.items[0];
    return error_note(error, (struct place){0}, "it waits for %zu tasks, such as '%s'",
                      client->sweep.ends.count, task_name(client, node));
}
