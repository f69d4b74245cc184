/*
 * What the executor says, done: requests to the store, invocations, runs of tasks. A step lasts
 * from the action to its answer; where it takes several rounds it has phases. See remote_state.h.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "world/failure.h"
#include "world/remote_state.h"

/* ---- Steps ---------------------------------------------------------------------------------- */

struct remote_step *remote_new_step(struct remote *remote, const struct executor_action *action)
{
    struct remote_step *step = memory_new(1, sizeof *step);
    step->action = *action;
    step->answer = executor_answer(action);
    step->next = remote->steps;
    if (step->next)
        step->next->previous = step;
    remote->steps = step;
    return step;
}

static void free_step(struct remote *remote, struct remote_step *step)
{
    for (size_t i = 0; i < step->requests.count; i++) {
        store_request_release(step->requests.items[i]);
        free(step->requests.items[i]);
    }
    for (size_t i = 0; i < step->memory.count; i++)
        free(step->memory.items[i]);
    vector_release(&step->requests);
    vector_release(&step->memory);
    buffer_release(&step->parcel);
    buffer_release(&step->invocation.payload);
    free(step->names);
    if (step->next)
        step->next->previous = step->previous;
    *(step->previous ? &step->previous->next : &remote->steps) = step->next;
    free(step);
}

void remote_forget_steps(struct remote *remote)
{
    while (remote->steps)
        free_step(remote, remote->steps);
    transfer_pace_forget(&remote->transfers);
}

/* The last of a step: its answer. */
static void end_step(struct remote *remote, struct remote_step *step)
{
    struct executor_event answer = step->answer;
    bool is_silent = step->is_silent;
    free_step(remote, step);
    if (!is_silent)
        remote_tell(remote, &answer);
}

void *remote_step_memory(struct remote_step *step, size_t bytes)
{
    void *memory = memory_try(bytes, WK_ALIGN);
    if (!memory)
        memory_exhausted();
    vector_push(&step->memory, memory);
    return memory;
}

struct store_request *remote_new_request(struct remote_step *step, enum store_step kind,
                                         struct store_name name)
{
    struct store_request *request = memory_new(1, sizeof *request);
    request->step = kind;
    request->name = name;
    request->user = step;
    vector_push(&step->requests, request);
    step->left++;
    return request;
}

static void send(struct remote *remote, struct store_request *request)
{
    store_send(remote->job->store, request);
}

static void proceed(struct remote *remote, struct remote_step *step);

/* ---- Values, to and from the store ------------------------------------------------------------
 */

static struct store_name value_name(uint32_t node, uint32_t part)
{
    return (struct store_name){.kind = STORE_VALUE, .node = node, .first = part};
}

/* A packed part is copied to its stored form; of a dense one only the header is. */
static void set_spans(struct remote_step *step, struct store_request *request,
                      const struct value_leaf *leaf, uint64_t *word)
{
    struct store_bytes *spans = remote_step_memory(step, 2 * sizeof *spans);
    request->spans = spans;
    request->span_count = 1;
    spans[0] = (struct store_bytes){word, sizeof *word};
    if (!leaf->is_block)
        return;
    const struct wk_block *block = block_of(*word);
    if (leaf->is_packed) {
        uint64_t bytes = stored_bytes(leaf, *word);
        void *copy = remote_step_memory(step, bytes);
        stored_write(leaf, *word, copy);
        spans[0] = (struct store_bytes){copy, bytes};
        return;
    }
    void *header = remote_step_memory(step, WK_HEADER_BYTES);
    stored_write_header(block, header);
    spans[0] = (struct store_bytes){header, WK_HEADER_BYTES};
    spans[1] = (struct store_bytes){(const char *)block + WK_HEADER_BYTES, block->bytes};
    request->span_count = 2;
}

static uint64_t bytes_to_put(const struct store_request *request)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < request->span_count; i++)
        bytes += request->spans[i].size;
    return bytes;
}

void remote_put_part(struct remote *remote, struct remote_step *step, uint32_t node, uint32_t part)
{
    struct remote_job *job = remote->job;
    uint64_t slot = remote_part(job, node, part);
    const struct bind_task *task = &job->table.tasks[job->dag.nodes[node].task];
    struct store_request *request = remote_new_request(step, STORE_PUT, value_name(node, part));
    set_spans(step, request, &task->results[part], &job->slots[slot]);
    remote->metrics.store_writes++;
    remote->metrics.store_bytes_written += bytes_to_put(request);
    transfer_pace_begin(&remote->transfers, remote_now());
    send(remote, request);
}

static bool is_to_put(const struct remote_job *job, uint32_t node, uint32_t part)
{
    uint8_t state = job->parts[remote_part(job, node, part)];
    return (state & PART_HERE) && !(state & PART_STORED);
}

/* Stores the parts that an edge's consumer reads (PLAN_NONE: it is no edge of one) and that only
 * this process has, but for those that go in slices; or only the large ones among them. */
static void put_edge(struct remote *remote, struct remote_step *step, uint32_t node,
                     const struct remote_edge *edge, bool only_large)
{
    struct remote_job *job = remote->job;
    for (uint32_t part = 0; part < remote_part_count(job, edge->producer); part++)
        if (remote_reads(edge, part) && is_to_put(job, edge->producer, part) &&
            !(only_large && remote_is_small(job, edge->producer, part)) &&
            !remote_reads_slices(job, node, edge->producer, part))
            remote_put_part(remote, step, edge->producer, part);
}

static void get_part(struct remote *remote, struct remote_step *step, uint32_t node, uint32_t part)
{
    struct store_request *request = remote_new_request(step, STORE_GET, value_name(node, part));
    remote->metrics.store_reads++;
    transfer_pace_begin(&remote->transfers, remote_now());
    send(remote, request);
}

/* Loads the parts that are not here, nor what a node (or PLAN_NONE) reads of them, as many at once
 * as memory allows. */
static void get_edge(struct remote *remote, struct remote_step *step, uint32_t node,
                     const struct remote_edge *edge)
{
    struct remote_job *job = remote->job;
    uint32_t most = remote_memory_is_short(remote) || step->is_squeezed ? 1 : UINT32_MAX;
    for (uint32_t part = 0; part < remote_part_count(job, edge->producer); part++) {
        uint8_t *state = &job->parts[remote_part(job, edge->producer, part)];
        if (!remote_reads(edge, part))
            continue;
        if (*state & PART_HERE)
            *state |= PART_USED;
        else if (step->left < most && !remote_has_slices(job, node, edge->producer, part))
            get_part(remote, step, edge->producer, part);
    }
}

/* The parts of a node's value that anybody reads, as an edge. */
static struct remote_edge whole_value(const struct remote_job *job, uint32_t node)
{
    uint64_t parts = job->edges.read_parts[node];
    return (struct remote_edge){node, parts == UINT64_MAX, parts};
}

static const struct remote_edge *first_edge(const struct remote_job *job, uint32_t node)
{
    return &job->edges.edges[job->edges.first[node]];
}

static const struct remote_edge *end_edge(const struct remote_job *job, uint32_t node)
{
    return &job->edges.edges[job->edges.first[node + 1]];
}

/* ---- Running -------------------------------------------------------------------------------- */

static uint64_t largest_part(const struct remote_job *job, uint32_t node)
{
    uint64_t largest = 0;
    const struct bind_task *task = &job->table.tasks[job->dag.nodes[node].task];
    for (uint32_t part = 0; part < task->result_count; part++) {
        uint64_t slot = remote_part(job, node, part);
        uint64_t bytes =
            job->parts[slot] & PART_HERE ? stored_bytes(&task->results[part], job->slots[slot]) : 0;
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

/* Its value was loaded instead of being computed. */
static void end_loaded(struct remote *remote, struct remote_step *step)
{
    step->answer.kind = EXECUTOR_DONE;
    step->answer.is_stored = true;
    step->answer.bytes = largest_part(remote->job, step->action.node);
    end_step(remote, step);
}

static void load_inputs(struct remote *remote, struct remote_step *step)
{
    uint32_t node = step->action.node;
    step->phase = RUN_LOAD_INPUTS;
    step->is_missing = false;
    for (const struct remote_edge *e = first_edge(remote->job, node);
         e < end_edge(remote->job, node); e++)
        get_edge(remote, step, node, e);
    if (step->left > 0)
        return;
    step->phase = RUN_TASK;
    remote_run(remote, node);
}

/* The value, if somebody may have stored it, or else the inputs. */
static void load(struct remote *remote, struct remote_step *step)
{
    if (!step->action.is_stored) {
        load_inputs(remote, step);
        return;
    }
    struct remote_edge value = whole_value(remote->job, step->action.node);
    step->phase = RUN_LOAD_VALUE;
    step->is_missing = false;
    get_edge(remote, step, PLAN_NONE, &value);
    if (step->left == 0)
        end_loaded(remote, step);
}

static void make_room(struct remote *remote, struct remote_step *step, uint64_t goal)
{
    step->phase = RUN_MAKE_ROOM;
    remote_make_room(remote, step, goal);
    if (step->left == 0)
        load(remote, step);
}

/* All other values leave, as far as they can. */
static void squeeze(struct remote *remote, struct remote_step *step)
{
    step->is_short = false;
    step->is_squeezed = true;
    make_room(remote, step, 0);
}

/* Its inputs are more than memory holds at once: no other executor has more. */
static void fail_too_large(struct remote *remote, struct remote_step *step)
{
    remote->failure = remote->workers[0].context.error;
    buffer_clear(&remote->failure_log);
    describe_failure(&remote->job->table, step->action.node, NULL, &remote->failure);
    error_hint(&remote->failure, "its inputs and its result must fit into three quarters of the "
                                 "function's memory: give it more (--memory)");
    step->answer.kind = EXECUTOR_FAILED;
    end_step(remote, step);
}

static struct remote_step *find_run(struct remote *remote, uint32_t node)
{
    struct remote_step *step = remote->steps;
    while (step && !(step->action.kind == EXECUTOR_RUN && step->action.node == node &&
                     step->phase == RUN_TASK))
        step = step->next;
    return step;
}

/* A run that loads, or runs; not this one. */
static bool is_another_at_work(const struct remote *remote, const struct remote_step *but)
{
    for (const struct remote_step *step = remote->steps; step; step = step->next)
        if (step != but && step->action.kind == EXECUTOR_RUN && step->phase < RUN_WAITS)
            return true;
    return false;
}

/* What has no room beside the others waits for their ends, if there are any. */
static bool wait_to_be_alone(struct remote *remote, struct remote_step *step)
{
    if (step->is_alone || !is_another_at_work(remote, step))
        return false;
    step->is_alone = true;
    step->phase = RUN_WAITS;
    return true;
}

static void proceed_run(struct remote *remote, struct remote_step *step)
{
    if (step->is_too_large) {
        step->is_too_large = false;
        if (!wait_to_be_alone(remote, step))
            fail_too_large(remote, step);
    } else if (step->phase == RUN_MAKE_ROOM) {
        remote_end_room(remote, step);
        load(remote, step);
    } else if (step->is_short) {
        squeeze(remote, step);
    } else if (!step->is_missing) {
        load(remote, step); /* what is not here yet */
    } else if (step->phase == RUN_LOAD_VALUE) {
        step->action.is_stored = false;
        load_inputs(remote, step);
    } else {
        step->answer.kind = EXECUTOR_MISSING;
        end_step(remote, step);
    }
}

static void start_run(struct remote *remote, struct remote_step *step)
{
    remote_tidy(remote);
    if (remote_memory_is_short(remote))
        make_room(remote, step, remote_memory_goal(remote));
    else
        load(remote, step);
}

static bool is_somebody_alone(const struct remote *remote)
{
    const struct remote_step *step = remote->steps;
    while (step && !step->is_alone)
        step = step->next;
    return step;
}

static void begin_run(struct remote *remote, struct remote_step *step)
{
    remote->metrics.becomes += step->action.becomes;
    remote->metrics.retries += step->action.repeats;
    if (is_somebody_alone(remote))
        step->phase = RUN_HELD;
    else
        start_run(remote, step);
}

static struct remote_step *find_phase(struct remote *remote, enum remote_run_phase phase)
{
    struct remote_step *step = remote->steps;
    while (step && !(step->action.kind == EXECUTOR_RUN && step->phase == (int)phase))
        step = step->next;
    return step;
}

bool remote_resume_runs(struct remote *remote)
{
    struct remote_step *step;
    if (is_another_at_work(remote, NULL))
        return false;
    if ((step = find_phase(remote, RUN_WAITS))) {
        squeeze(remote, step);
        return true;
    }
    bool resumes = false;
    while (!is_somebody_alone(remote) && (step = find_phase(remote, RUN_HELD))) {
        start_run(remote, step);
        resumes = true;
    }
    return resumes;
}

static void append_line(void *buffer, const char *line)
{
    buffer_puts(buffer, line);
    buffer_putc(buffer, '\n');
}

static void note_failure(struct remote *remote, struct remote_worker *worker)
{
    struct error *error = &worker->context.error;
    describe_failure(&remote->job->table, worker->node,
                     worker->arguments_bound ? worker->arguments : NULL, error);
    remote->failure = *error;
    buffer_clear(&remote->failure_log);
    write_task_log(&remote->job->table,
                   &(struct job_options){.log = append_line, .log_context = &remote->failure_log},
                   worker->node, &worker->context.log);
}

static bool is_short_of_memory(int code)
{
    return code == ERR_memory_limit || code == ERR_out_of_memory;
}

void remote_ran(struct remote *remote, struct remote_worker *worker)
{
    static const struct job_options to_standard_error;
    struct remote_step *step = find_run(remote, worker->node);
    if (worker->context.log.length > 0 && remote->options.writes_log)
        write_task_log(&remote->job->table, &to_standard_error, worker->node, &worker->context.log);
    bool is_short = is_short_of_memory(worker->code);
    if (step && worker->code)
        note_failure(remote, worker);
    else if (step)
        remote_log_task(remote, worker->node, &worker->context.log);
    buffer_clear(&worker->context.log);
    if (!step)
        return; /* the event is being given up */
    if (is_short && !step->is_squeezed && !remote->code) {
        remote->metrics.retries++;
        squeeze(remote, step);
        return;
    }
    if (is_short && !remote->code && wait_to_be_alone(remote, step))
        return;
    if (worker->code == 0) {
        remote->metrics.tasks_run++;
        step->answer.kind = EXECUTOR_DONE;
        step->answer.bytes = remote_keep(remote, worker->node, worker->results);
    } else {
        step->answer.kind = EXECUTOR_FAILED;
        step->answer.retriable = is_failure_retriable((enum error_code)worker->code);
    }
    end_step(remote, step);
}

/* ---- Storing -------------------------------------------------------------------------------- */

enum { PUT_BEGIN, PUT_OTHERS, PUT_FIRST };

/* The lowest part that is read stands for the whole value when somebody asks whether it is there:
 * it goes last. */
static void proceed_put(struct remote *remote, struct remote_step *step)
{
    struct remote_edge value = whole_value(remote->job, step->action.node);
    struct remote_edge others = value, first = value;
    others.parts = value.parts & (value.parts - 1);
    first.parts = value.parts & ~others.parts;
    first.all_parts = 0;
    while (step->left == 0 && step->phase != PUT_FIRST)
        put_edge(remote, step, PLAN_NONE, ++step->phase == PUT_OTHERS ? &others : &first, false);
    if (step->left > 0)
        return;
    step->answer.kind = EXECUTOR_STORED;
    end_step(remote, step);
}

/* ---- Invoking ------------------------------------------------------------------------------- */

static uint64_t fresh_token(void)
{
    uint64_t token = 0;
    while (token == 0)
        if (getrandom(&token, sizeof token, 0) != sizeof token)
            token = 0;
    return token;
}

/* What the invoked executor starts with: the node's inputs, or, of a range of its children, its
 * value. */
static void fill_parcel(struct remote *remote, struct remote_step *step, bool all_stored)
{
    struct remote_job *job = remote->job;
    const struct executor_action *action = &step->action;
    buffer_clear(&step->parcel);
    if (action->node == PLAN_NONE)
        return;
    if (action->first < action->end) {
        struct remote_edge value = whole_value(job, action->node);
        remote_add_to_parcel(remote, &step->parcel, PLAN_NONE, &value, all_stored);
        return;
    }
    for (const struct remote_edge *e = first_edge(job, action->node);
         e < end_edge(job, action->node); e++)
        remote_add_to_parcel(remote, &step->parcel, action->node, e, all_stored);
}

static void put_parcel(struct remote *remote, struct remote_step *step)
{
    struct remote_job *job = remote->job;
    const struct executor_action *action = &step->action;
    if (action->first < action->end) {
        struct remote_edge value = whole_value(job, action->node);
        put_edge(remote, step, PLAN_NONE, &value, false);
        return;
    }
    for (const struct remote_edge *e = first_edge(job, action->node);
         e < end_edge(job, action->node); e++)
        put_edge(remote, step, action->node, e, false);
}

static void send_invocation(struct remote *remote, struct remote_step *step)
{
    const struct remote_job *job = remote->job;
    struct payload payload = {.store = job->address,
                              .hops = remote->payload.hops + 1,
                              .start = {.node = step->action.node,
                                        .first = step->action.first,
                                        .end = step->action.end,
                                        .lineage = step->action.lineage,
                                        .want = remote->payload.start.want},
                              .inputs = step->parcel.data,
                              .inputs_length = step->parcel.length,
                              .description = remote->payload.description,
                              .description_length = remote->payload.description_length};
    memcpy(payload.job, job->name, sizeof payload.job);
    payload_write(&payload, &step->invocation.payload);
    step->invocation.user = step;
    step->left++;
    remote->metrics.invocations++;
    remote->invoking++;
    remote->platform->invoke(remote->platform, &step->invocation);
}

enum { INVOKE_LOG = 1, INVOKE_PUT, INVOKE_SEND };

/* Base 64 takes 4 bytes for 3; a quarter of the limit is left for the rest. */
static void fill_invocation(struct remote *remote, struct remote_step *step)
{
    fill_parcel(remote, step, false);
    if (step->parcel.length > remote->platform->payload_limit / 2) {
        step->phase = INVOKE_PUT;
        put_parcel(remote, step);
        if (step->left > 0)
            return;
        fill_parcel(remote, step, true);
    }
    step->phase = INVOKE_SEND;
    send_invocation(remote, step);
}

static void begin_invoke(struct remote *remote, struct remote_step *step)
{
    if (step->action.lineage.token == 0)
        step->action.lineage.token = fresh_token();
    step->phase = INVOKE_LOG;
    remote_log_flush(remote, step);
    if (step->left == 0)
        fill_invocation(remote, step);
}

static void proceed_invoke(struct remote *remote, struct remote_step *step)
{
    if (step->phase == INVOKE_LOG) {
        fill_invocation(remote, step);
        return;
    }
    if (step->phase == INVOKE_PUT) {
        step->phase = INVOKE_SEND;
        fill_parcel(remote, step, true);
        send_invocation(remote, step);
        return;
    }
    step->answer.kind = EXECUTOR_ACCEPTED;
    end_step(remote, step);
}

/* ---- Joins ---------------------------------------------------------------------------------- */

static struct store_name record_name(const struct executor_action *action)
{
    return (struct store_name){.kind = STORE_JOIN, .node = action->node, .first = action->record};
}

static struct store_request *new_arrival(struct remote *remote, struct remote_step *step,
                                         enum store_step kind)
{
    const struct executor_action *action = &step->action;
    struct store_request *request = remote_new_request(step, kind, record_name(action));
    request->arrival = (struct join_arrival){.all = action->all,
                                             .edges = action->edges,
                                             .lineage = action->lineage,
                                             .wanted = action->wanted,
                                             .lease = remote->job->description.lease_ms};
    return request;
}

/* The parcel of one edge of a record: a producer's value, or, of an inner record, those of all
 * producers below. */
static void fill_edge(struct remote *remote, const struct executor_action *action,
                      const struct join_place *place, unsigned edge, struct buffer *parcel)
{
    struct remote_job *job = remote->job;
    uint64_t below = UINT64_C(1) << (6 * place->level);
    uint64_t first = (place->first_edge + edge) * below,
             count = job->dag.nodes[action->node].producer_count;
    const struct remote_edge *edges = first_edge(job, action->node);
    for (uint64_t p = first; p < first + below && p < count; p++)
        remote_add_to_parcel(remote, parcel, action->node, &edges[p], false);
}

/* An arrival that brings all edges promises nothing, so it carries nothing. */
static void begin_arrive(struct remote *remote, struct remote_step *step)
{
    const struct executor_action *action = &step->action;
    struct store_request *request = new_arrival(remote, step, STORE_ARRIVE);
    uint32_t offset = action->record - remote->job->plan.first_record[action->node];
    struct join_place place =
        join_place(remote->job->dag.nodes[action->node].producer_count, offset);
    struct store_bytes *values = remote_step_memory(step, JOIN_WIDTH * sizeof *values);
    uint32_t count = 0;
    memset(values, 0, JOIN_WIDTH * sizeof *values);
    for (uint64_t e = action->edges; e && action->edges != action->all; e &= e - 1) {
        struct buffer parcel = {0};
        fill_edge(remote, action, &place, (unsigned)__builtin_ctzll(e), &parcel);
        if (parcel.data)
            vector_push(&step->memory, parcel.data);
        values[count++] = (struct store_bytes){parcel.data, parcel.length};
    }
    request->values = values;
    remote_log_flush(remote, step);
    send(remote, request);
}

static void begin_ask(struct remote *remote, struct remote_step *step)
{
    struct store_request *request = new_arrival(remote, step, STORE_ASK);
    remote->metrics.questions++;
    request->wait = (struct join_wait){step->action.size, step->action.milliseconds};
    send(remote, request);
}

static void count_answer(struct metrics *metrics, enum join_answer answer)
{
    metrics->arrivals_own += answer == JOIN_OWN;
    metrics->arrivals_stop += answer == JOIN_STOP;
    metrics->arrivals_not += answer == JOIN_NOT;
}

static void proceed_answered(struct remote *remote, struct remote_step *step)
{
    const struct store_request *request = step->requests.items[0];
    struct error error;
    step->answer.kind =
        request->reply.answer == JOIN_POISONED ? EXECUTOR_POISONED : EXECUTOR_ANSWERED;
    step->answer.answer = request->reply.answer;
    step->answer.taken_over = request->reply.taken_over;
    step->answer.largest = request->reply.largest;
    if (request->step == STORE_ARRIVE || request->reply.answer == JOIN_OWN)
        count_answer(&remote->metrics, request->reply.answer);
    for (uint32_t i = 0; request->reply.answer == JOIN_OWN && i < request->reply.value_count; i++) {
        const struct store_bytes *value = &request->reply.values[i];
        if (remote_take_parcel(remote, value->data, value->size, &error))
            remote_give_up(remote, &error);
    }
    end_step(remote, step);
}

/* ---- Marks ---------------------------------------------------------------------------------- */

static struct store_name range_name(const struct executor_action *action)
{
    return (struct store_name){
        .kind = STORE_RANGE, .node = action->node, .first = action->first, .end = action->end};
}

static void begin_look(struct remote *remote, struct remote_step *step)
{
    step->names = memory_new(1, sizeof *step->names);
    step->names[0] = range_name(&step->action);
    struct store_request *request = remote_new_request(step, STORE_READ, step->names[0]);
    request->names = step->names;
    request->count = 1;
    send(remote, request);
}

static void proceed_look(struct remote *remote, struct remote_step *step)
{
    step->answer.kind = EXECUTOR_LOOKED;
    step->answer.is_split = step->requests.items[0]->reply.states[0].exists;
    end_step(remote, step);
}

static void begin_split(struct remote *remote, struct remote_step *step)
{
    step->is_silent = true;
    send(remote, remote_new_request(step, STORE_PUT, range_name(&step->action)));
}

static void begin_passed(struct remote *remote, struct remote_step *step)
{
    const struct plan *plan = &remote->job->plan;
    uint32_t count = 0;
    step->is_silent = true;
    for (uint32_t i = 0; i < step->action.count; i++) {
        uint32_t join = step->action.joins[i];
        count += plan->first_record[join + 1] - plan->first_record[join];
    }
    step->names = memory_new(count, sizeof *step->names);
    count = 0;
    for (uint32_t i = 0; i < step->action.count; i++) {
        uint32_t join = step->action.joins[i];
        for (uint32_t r = plan->first_record[join]; r < plan->first_record[join + 1]; r++)
            step->names[count++] =
                (struct store_name){.kind = STORE_JOIN, .node = join, .first = r};
    }
    struct store_request *request = remote_new_request(step, STORE_PASSED, step->names[0]);
    request->names = step->names;
    request->count = count;
    send(remote, request);
}

/* A step without an action: heartbeats. */
void remote_beat(struct remote *remote)
{
    uint32_t count;
    const uint32_t *nodes = executor_list_beats(&remote->executor, &count);
    if (count == 0)
        return;
    struct remote_step *step =
        remote_new_step(remote, &(struct executor_action){.kind = EXECUTOR_END, .node = PLAN_NONE});
    step->is_silent = true;
    step->names = memory_new(count, sizeof *step->names);
    for (uint32_t i = 0; i < count; i++)
        step->names[i] = (struct store_name){.kind = STORE_HEARTBEAT, .node = nodes[i]};
    struct store_request *request = remote_new_request(step, STORE_BEAT, step->names[0]);
    request->names = step->names;
    request->count = count;
    request->lease = remote->job->description.lease_ms;
    send(remote, request);
}

void remote_store_log(struct remote *remote)
{
    struct remote_step *step = remote_new_step(
        remote, &(struct executor_action){.kind = EXECUTOR_SPLIT, .node = PLAN_NONE});
    step->is_silent = true;
    remote_log_flush(remote, step);
    if (step->left == 0)
        end_step(remote, step);
}

static void proceed_beat(struct remote *remote, struct remote_step *step)
{
    bool poisoned = step->requests.items[0]->reply.answer == JOIN_POISONED;
    end_step(remote, step);
    if (poisoned)
        remote_tell(remote, &(struct executor_event){.kind = EXECUTOR_POISONED});
}

/* ---- The end of the job ---------------------------------------------------------------------- */

enum { COMMIT_PUT = 1, COMMIT_SETTLE };

static void settle(struct remote *remote, struct remote_step *step, enum store_status status)
{
    struct store_request *request = remote_new_request(step, STORE_SETTLE, (struct store_name){0});
    struct store_bytes *span = remote_step_memory(step, sizeof *span);
    *span = (struct store_bytes){step->parcel.data, step->parcel.length};
    request->spans = span;
    request->span_count = 1;
    request->status = status;
    step->answer.kind = EXECUTOR_SETTLED;
    remote_log_flush(remote, step);
    send(remote, request);
}

static bool is_at_hand(const struct remote_job *job, const struct remote_edge *edge)
{
    for (uint32_t part = 0; part < remote_part_count(job, edge->producer); part++)
        if (remote_reads(edge, part) && !job->parts[remote_part(job, edge->producer, part)])
            return false;
    return true;
}

/* The result is a parcel of the sink's inputs: who reads it has the plan, and binds it himself. */
static void settle_result(struct remote *remote, struct remote_step *step)
{
    struct remote_job *job = remote->job;
    uint32_t sink = step->action.node;
    step->phase = COMMIT_SETTLE;
    for (const struct remote_edge *e = first_edge(job, sink); e < end_edge(job, sink); e++)
        remote_add_to_parcel(remote, &step->parcel, sink, e, false);
    settle(remote, step, STORE_DONE);
}

static void begin_commit(struct remote *remote, struct remote_step *step)
{
    struct remote_job *job = remote->job;
    uint32_t sink = step->action.node;
    for (const struct remote_edge *e = first_edge(job, sink); e < end_edge(job, sink); e++) {
        if (!is_at_hand(job, e)) {
            step->answer.kind = EXECUTOR_MISSING;
            end_step(remote, step);
            return;
        }
    }
    step->phase = COMMIT_PUT;
    for (const struct remote_edge *e = first_edge(job, sink); e < end_edge(job, sink); e++)
        put_edge(remote, step, sink, e, true);
    if (step->left == 0)
        settle_result(remote, step);
}

static void begin_fail(struct remote *remote, struct remote_step *step)
{
    failure_write(&remote->failure, buffer_text(&remote->failure_log), &step->parcel);
    settle(remote, step, STORE_FAILED);
}

/* ---- All kinds ------------------------------------------------------------------------------ */

void remote_perform(struct remote *remote, const struct executor_action *action)
{
    struct remote_step *step = remote_new_step(remote, action);
    switch (action->kind) {
    case EXECUTOR_RUN:
        begin_run(remote, step);
        return;
    case EXECUTOR_PUT:
        proceed_put(remote, step);
        return;
    case EXECUTOR_INVOKE:
        begin_invoke(remote, step);
        return;
    case EXECUTOR_ASK:
        begin_ask(remote, step);
        return;
    case EXECUTOR_ARRIVE:
        begin_arrive(remote, step);
        return;
    case EXECUTOR_LOOK:
        begin_look(remote, step);
        return;
    case EXECUTOR_SPLIT:
        begin_split(remote, step);
        return;
    case EXECUTOR_PASSED:
        begin_passed(remote, step);
        return;
    case EXECUTOR_COMMIT:
        begin_commit(remote, step);
        return;
    case EXECUTOR_FAIL:
        begin_fail(remote, step);
        return;
    case EXECUTOR_WAIT: /* remote.c's timers */
    case EXECUTOR_LAND: /* only where nothing is lost */
    case EXECUTOR_END:
        break;
    }
    bug("action %d is no step", (int)action->kind);
}

/* All answers of a phase are there. Who settles the job ends that, whoever did so before. */
static void proceed(struct remote *remote, struct remote_step *step)
{
    if (step->is_poisoned &&
        (step->action.kind == EXECUTOR_PUT || step->action.kind == EXECUTOR_INVOKE)) {
        step->answer.kind = EXECUTOR_POISONED;
        end_step(remote, step);
        return;
    }
    switch (step->action.kind) {
    case EXECUTOR_RUN:
        proceed_run(remote, step);
        return;
    case EXECUTOR_PUT:
        proceed_put(remote, step);
        return;
    case EXECUTOR_INVOKE:
        proceed_invoke(remote, step);
        return;
    case EXECUTOR_ASK:
    case EXECUTOR_ARRIVE:
        proceed_answered(remote, step);
        return;
    case EXECUTOR_LOOK:
        proceed_look(remote, step);
        return;
    case EXECUTOR_COMMIT:
        if (step->phase == COMMIT_PUT)
            settle_result(remote, step);
        else
            end_step(remote, step);
        return;
    case EXECUTOR_FAIL:
    case EXECUTOR_SPLIT:
    case EXECUTOR_PASSED:
        end_step(remote, step);
        return;
    case EXECUTOR_END:
        proceed_beat(remote, step);
        return;
    case EXECUTOR_WAIT:
        if (remote_words_proceed(remote, step))
            end_step(remote, step);
        return;
    case EXECUTOR_LAND:
        break;
    }
    bug("action %d has no answers", (int)step->action.kind);
}

/* What is damaged counts as missing: it can be computed again. Not so where memory is short. */
static void take_value(struct remote *remote, struct remote_step *step,
                       struct store_request *request)
{
    uint32_t node = request->name.node, part = (uint32_t)request->name.first;
    const struct store_bytes *value = &request->reply.value;
    remote->metrics.store_bytes_read += value->size;
    int code = remote_keep_stored(remote, node, part, value->data, value->size);
    store_request_release(request); /* it is large, and the step may last */
    if (code == ERR_bad_stored_value)
        step->is_missing = true;
    else if (is_short_of_memory(code) && step->action.kind == EXECUTOR_RUN)
        *(step->is_squeezed ? &step->is_too_large : &step->is_short) = true;
    else if (code)
        remote_give_up(remote, &remote->workers[0].context.error);
    else
        remote_note(remote->job, node, part, PART_STORED);
}

/* What a request of a value's part took tells how fast the store is. */
static void note_transfer(struct remote *remote, const struct store_request *request)
{
    if (request->name.kind != STORE_VALUE ||
        (request->step != STORE_GET && request->step != STORE_PUT))
        return;
    uint64_t bytes = request->step == STORE_GET ? request->reply.value.size : bytes_to_put(request);
    transfer_pace_end(&remote->transfers, request->code ? 0 : bytes, remote_now());
}

static void take_answer(struct remote *remote, struct remote_step *step,
                        struct store_request *request)
{
    if (request->step == STORE_LOG || request->name.kind == STORE_WORDS)
        return; /* what is logged or told may be lost */
    step->is_poisoned |= request->step == STORE_PUT && request->reply.answer == JOIN_POISONED;
    if (request->code == ERR_store_missing && request->step == STORE_GET)
        step->is_missing = true;
    else if (request->code && !step->is_silent)
        remote_give_up(remote, &request->error);
    else if (!request->code && request->step == STORE_GET)
        take_value(remote, step, request);
    else if (!request->code && request->step == STORE_PUT && request->name.kind == STORE_VALUE)
        remote_note(remote->job, request->name.node, (uint32_t)request->name.first, PART_STORED);
}

void remote_answered(struct remote *remote, struct store_request *request)
{
    struct remote_step *step = request->user;
    note_transfer(remote, request);
    take_answer(remote, step, request);
    if (--step->left == 0 && !remote->code)
        proceed(remote, step);
}

void remote_invoked(struct remote *remote, struct remote_invocation *invocation)
{
    struct remote_step *step = invocation->user;
    remote->invoking--;
    if (invocation->code)
        remote_give_up(remote, &invocation->error);
    if (--step->left == 0 && !remote->code)
        proceed(remote, step);
}
