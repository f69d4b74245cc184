/*
 * The store in memory: "mem:NAME" is shared by all stores of that name in the process, of whatever
 * thread. For tests of the protocol and of the executor process, where it stands for a server that
 * never fails; the same conformance test runs against it and Redis.
 *
 * One lock guards everything. A request is answered when it is sent, but for WATCH, which waits
 * for the SETTLE of another store; that one tells the watchers by their descriptors.
 */
#include "store/kind.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/vector.h"

enum { BUCKETS = 1 << 12 };

/* A join's record with the small values that were stored with it. */
struct join {
    struct join_record record; /* its waits are `waits` */
    struct join_wait waits[JOIN_WIDTH];
    struct store_bytes values[JOIN_WIDTH];
};

struct entry {
    struct entry *next; /* in its bucket */
    struct store_name name;
    uint64_t expires;         /* its time to live, or a heartbeat's lease */
    struct store_bytes value; /* owned; unused by joins */
    struct join *join;
};

struct job {
    struct job *next;
    char name[STORE_JOB_NAME + 1];
    enum store_status status;
    bool poisoned;
    uint64_t poisoned_until; /* of one that was removed; 0: as long as it stands */
    uint64_t begun;
    struct store_bytes description, outcome;
    struct buffer log;
    uint64_t log_cut; /* lines that it has no room for */
    VECTOR(uint64_t) counters;
    struct entry *buckets[BUCKETS];
};

struct space {
    struct space *next;
    char *name;
    struct job *jobs;
    struct memory_store *stores; /* that are open */
};

struct memory_store {
    struct store store;
    struct space *space;
    struct memory_store *next;
    int descriptor;                 /* readable when a watched job has been settled */
    bool notified;                  /* since the last answer to a WATCH */
    struct store_request *watching; /* chained by `next` */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct space *spaces; /* they last as long as the process */

/* ---- Bytes, entries, jobs ---------------------------------------------------------------------
 */

static void set_bytes(struct store_bytes *bytes, const struct store_bytes *spans, uint32_t count)
{
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += spans[i].size;
    char *copy = memory_new(1, size ? size : 1), *to = copy;
    for (uint32_t i = 0; i < count; i++) {
        if (spans[i].size)
            memcpy(to, spans[i].data, spans[i].size);
        to += spans[i].size;
    }
    free((void *)(uintptr_t)bytes->data);
    *bytes = (struct store_bytes){copy, size};
}

static void release_bytes(struct store_bytes *bytes)
{
    free((void *)(uintptr_t)bytes->data);
    *bytes = (struct store_bytes){0};
}

static void free_entry(struct entry *entry)
{
    for (uint32_t e = 0; entry->join && e < JOIN_WIDTH; e++)
        release_bytes(&entry->join->values[e]);
    free(entry->join);
    release_bytes(&entry->value);
    free(entry);
}

static void clear_job(struct job *job)
{
    for (size_t b = 0; b < BUCKETS; b++) {
        for (struct entry *entry = job->buckets[b], *next; entry; entry = next) {
            next = entry->next;
            free_entry(entry);
        }
        job->buckets[b] = NULL;
    }
    release_bytes(&job->description);
    release_bytes(&job->outcome);
    vector_release(&job->counters);
    buffer_release(&job->log);
    job->log_cut = 0;
}

static bool is_poisoned(const struct job *job)
{
    return job->poisoned && (!job->poisoned_until || store_clock() < job->poisoned_until);
}

static struct job **find_job(struct memory_store *memory)
{
    struct job **link = &memory->space->jobs;
    while (*link && strcmp((*link)->name, memory->store.options.job) != 0)
        link = &(*link)->next;
    return link;
}

static uint64_t life_from_now(const struct memory_store *memory)
{
    return store_clock() + (uint64_t)memory->store.options.time_to_live * 1000;
}

/* The store's job, made when there is none: steps on keys ask nothing of the job. */
static struct job *get_job(struct memory_store *memory)
{
    struct job **link = find_job(memory);
    if (*link)
        return *link;
    struct job *job = *link = memory_new(1, sizeof *job);
    memcpy(job->name, memory->store.options.job, sizeof job->name);
    return job;
}

static bool name_is(const struct store_name *a, const struct store_name *b)
{
    return a->kind == b->kind && a->node == b->node && a->fragment == b->fragment &&
           a->first == b->first && a->end == b->end;
}

static struct entry **find_entry(struct job *job, const struct store_name *name)
{
    uint64_t hash = hash_combine(hash_mix(name->fragment), name->node);
    hash = hash_combine(hash_combine(hash, name->first), name->end ^ name->kind);
    struct entry **link = &job->buckets[hash % BUCKETS];
    while (*link && !name_is(&(*link)->name, name))
        link = &(*link)->next;
    struct entry *entry = *link;
    if (entry && entry->expires <= store_clock()) {
        *link = entry->next;
        free_entry(entry);
        while (*link)
            link = &(*link)->next;
    }
    return link;
}

static struct entry *get_entry(struct memory_store *memory, struct job *job,
                               const struct store_name *name)
{
    struct entry **link = find_entry(job, name);
    if (!*link) {
        *link = memory_new(1, sizeof **link);
        (*link)->name = *name;
    }
    (*link)->expires = life_from_now(memory);
    return *link;
}

static struct join *get_join(struct memory_store *memory, struct job *job,
                             const struct store_name *name)
{
    struct entry *entry = get_entry(memory, job, name);
    if (!entry->join) {
        entry->join = memory_new(1, sizeof *entry->join);
        entry->join->record.waits = entry->join->waits;
    }
    return entry->join;
}

/* ---- Steps on keys ----------------------------------------------------------------------------
 */

static int copy_reply(struct store_request *request, const struct store_bytes *bytes,
                      struct store_bytes *copy)
{
    if (store_reply_copy(request, bytes->data, bytes->size, copy))
        return 0;
    return error_set(&request->error, ERR_out_of_memory, "no memory for a value of %zu bytes",
                     bytes->size);
}

static int put(struct memory_store *memory, struct store_request *request)
{
    struct job *job = get_job(memory);
    if (is_poisoned(job))
        request->reply.answer = JOIN_POISONED;
    if (is_poisoned(job) && job->poisoned_until)
        return 0; /* it has been removed */
    struct entry *entry = get_entry(memory, job, &request->name);
    set_bytes(&entry->value, request->spans, request->span_count);
    memory->store.counters.writes++;
    memory->store.counters.bytes_written += entry->value.size;
    return 0;
}

static int get(struct memory_store *memory, struct store_request *request)
{
    struct entry *entry = *find_entry(get_job(memory), &request->name);
    if (!entry)
        return store_set_missing(request);
    memory->store.counters.reads++;
    memory->store.counters.bytes_read += entry->value.size;
    return copy_reply(request, &entry->value, &request->reply.value);
}

static int answer_own(struct store_request *request, const struct join *join)
{
    request->reply.taken_over = join->record.taken_over;
    uint64_t others = request->arrival.all & ~request->arrival.edges;
    request->reply.value_count = 64 - (uint32_t)__builtin_clzll(request->arrival.all);
    request->reply.values =
        store_reply_array(request, request->reply.value_count, sizeof *request->reply.values);
    for (; others; others &= others - 1) {
        int edge = __builtin_ctzll(others);
        if (!join->values[edge].size)
            continue;
        int code = copy_reply(request, &join->values[edge], &request->reply.values[edge]);
        if (code)
            return code;
    }
    return 0;
}

/* ASK and ARRIVE. */
static int join_step(struct memory_store *memory, struct store_request *request)
{
    struct job *job = get_job(memory);
    if (is_poisoned(job)) {
        request->reply.answer = JOIN_POISONED;
        return 0;
    }
    struct join *join = get_join(memory, job, &request->name);
    struct join_arrival arrival = request->arrival;
    arrival.now = store_clock();
    struct join_wait wait = {request->wait.size, arrival.now + request->wait.until};
    request->reply.answer = request->step == STORE_ASK
                                ? join_ask(&join->record, &arrival, wait, &request->reply.largest)
                                : join_arrive(&join->record, &arrival);
    if (request->reply.answer == JOIN_OWN)
        return answer_own(request, join);
    if (request->reply.answer == JOIN_NOT && request->step == STORE_ARRIVE) {
        uint32_t i = 0;
        for (uint64_t left = arrival.edges; left; left &= left - 1)
            set_bytes(&join->values[__builtin_ctzll(left)], &request->values[i++], 1);
    }
    return 0;
}

static int beat(struct memory_store *memory, struct store_request *request)
{
    struct job *job = get_job(memory);
    if (is_poisoned(job)) {
        request->reply.answer = JOIN_POISONED;
        return 0;
    }
    for (uint32_t i = 0; i < request->count; i++)
        get_entry(memory, job, &request->names[i])->expires = store_clock() + request->lease;
    request->reply.answer = JOIN_NOT;
    return 0;
}

/* Who ran a join has owned it, so a record that is not there was removed with its job. */
static int mark_passed(struct memory_store *memory, struct store_request *request)
{
    for (uint32_t i = 0; i < request->count; i++) {
        struct entry *entry = *find_entry(get_job(memory), &request->names[i]);
        if (entry && entry->join)
            entry->join->record.passed = true;
    }
    return 0;
}

static uint64_t waiting_edges(const struct join *join, uint64_t now)
{
    uint64_t waiting = 0;
    for (uint32_t e = 0; e < JOIN_WIDTH; e++)
        if (join->waits[e].size && join->waits[e].until > now)
            waiting |= UINT64_C(1) << e;
    return waiting;
}

static struct store_state state_of(const struct entry *entry)
{
    struct store_state state = {.exists = true};
    if (!entry->join)
        return state;
    const struct join_record *record = &entry->join->record;
    state.bits = record->bits;
    state.own_edges = record->own.edges;
    state.waiting = waiting_edges(entry->join, store_clock());
    state.own_is_live = record->own.edges && record->own.expires > store_clock();
    state.passed = record->passed;
    return state;
}

static int read_states(struct memory_store *memory, struct store_request *request)
{
    request->reply.states =
        store_reply_array(request, request->count, sizeof *request->reply.states);
    for (uint32_t i = 0; i < request->count; i++) {
        struct entry *entry = *find_entry(get_job(memory), &request->names[i]);
        if (entry)
            request->reply.states[i] = state_of(entry);
    }
    return 0;
}

/* ---- Steps on the job -------------------------------------------------------------------------
 */

static bool spans_are(const struct store_request *request, const struct store_bytes *bytes)
{
    struct store_bytes joined = {0};
    set_bytes(&joined, request->spans, request->span_count);
    bool same = joined.size == bytes->size && memcmp(joined.data, bytes->data, joined.size) == 0;
    release_bytes(&joined);
    return same;
}

static int begin(struct memory_store *memory, struct store_request *request)
{
    struct job *job = get_job(memory);
    if (job->status != STORE_ABSENT)
        return spans_are(request, &job->description)
                   ? 0
                   : store_set_job_exists(&memory->store, request);
    job->status = STORE_RUNNING;
    job->begun = store_clock();
    set_bytes(&job->description, request->spans, request->span_count);
    return 0;
}

static void notify(struct memory_store *memory)
{
    for (struct memory_store *other = memory->space->stores; other; other = other->next)
        if (strcmp(other->store.options.job, memory->store.options.job) == 0) {
            other->notified = true;
            eventfd_write(other->descriptor, 1);
        }
}

static int settle(struct memory_store *memory, struct store_request *request)
{
    struct job *job = get_job(memory);
    if (job->status == STORE_RUNNING) {
        job->status = request->status;
        set_bytes(&job->outcome, request->spans, request->span_count);
    }
    job->poisoned = true;
    request->reply.status = job->status;
    notify(memory);
    return 0;
}

static int status(struct memory_store *memory, struct store_request *request)
{
    struct job *job = get_job(memory);
    request->reply.status = job->status;
    request->reply.log_cut = job->log_cut;
    request->reply.value_count = 2;
    request->reply.values = store_reply_array(request, 2, sizeof *request->reply.values);
    request->reply.counter_count = (uint32_t)job->counters.count;
    size_t bytes = job->counters.count * sizeof *job->counters.items;
    request->reply.counters = store_reply_array(request, 1, bytes);
    if (bytes)
        memcpy(request->reply.counters, job->counters.items, bytes);
    int code = copy_reply(request, &job->description, &request->reply.values[0]);
    return code ? code : copy_reply(request, &job->outcome, &request->reply.values[1]);
}

static int count(struct memory_store *memory, struct store_request *request)
{
    struct job *job = get_job(memory);
    if (job->status == STORE_ABSENT)
        return 0;
    while (job->counters.count < request->count)
        vector_push(&job->counters, 0);
    for (uint32_t i = 0; i < request->count; i++) {
        uint64_t *counter = &job->counters.items[i], number = request->numbers[i];
        if (i < 31 && (request->maxima >> i & 1))
            *counter = number > *counter ? number : *counter;
        else
            *counter += number;
    }
    return 0;
}

static uint64_t count_lines(const char *text, size_t length)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    return lines;
}

static int write_log(struct memory_store *memory, const struct store_request *request)
{
    struct job *job = get_job(memory);
    struct store_bytes lines = {0};
    if (job->status != STORE_RUNNING)
        return 0;
    set_bytes(&lines, request->spans, request->span_count);
    const char *text = lines.data;
    size_t room = STORE_LOG_BYTES - job->log.length, kept = lines.size;
    if (kept > room)
        for (kept = room; kept > 0 && text[kept - 1] != '\n';)
            kept--;
    buffer_append(&job->log, text, kept);
    job->log_cut += request->count + count_lines(text + kept, lines.size - kept);
    release_bytes(&lines);
    return 0;
}

static int get_tail(struct memory_store *memory, struct store_request *request)
{
    const struct job *job = get_job(memory);
    uint64_t first = request->name.first;
    struct store_bytes tail = {0};
    if (first < job->log.length)
        tail = (struct store_bytes){job->log.data + first, job->log.length - first};
    if (tail.size > STORE_TAIL_BYTES)
        tail.size = STORE_TAIL_BYTES;
    return copy_reply(request, &tail, &request->reply.value);
}

static int extend(struct memory_store *memory)
{
    struct job *job = get_job(memory);
    for (size_t b = 0; b < BUCKETS; b++)
        for (struct entry *entry = job->buckets[b]; entry; entry = entry->next)
            if (entry->name.kind != STORE_HEARTBEAT && entry->expires > store_clock())
                entry->expires = life_from_now(memory);
    return 0;
}

static int remove_job(struct memory_store *memory, const struct store_request *request)
{
    struct job **link = find_job(memory), *job = *link;
    if (!job)
        return 0;
    clear_job(job);
    if (is_poisoned(job) && request->lease) {
        job->status = STORE_ABSENT;
        job->poisoned_until = store_clock() + request->lease;
        return 0;
    }
    *link = job->next;
    free(job);
    return 0;
}

/* Whether something stands that nobody will look at any more, but for heartbeats. */
static bool has_remains(const struct job *job)
{
    uint64_t now = store_clock();
    for (size_t i = 0; i < BUCKETS; i++)
        for (const struct entry *entry = job->buckets[i]; entry; entry = entry->next)
            if (entry->name.kind != STORE_HEARTBEAT && entry->expires > now)
                return true;
    return false;
}

static bool is_listed(const struct job *job)
{
    return job->status != STORE_ABSENT || has_remains(job);
}

static int list_jobs(struct memory_store *memory, struct store_request *request)
{
    uint32_t count_of_jobs = 0;
    for (struct job *job = memory->space->jobs; job; job = job->next)
        count_of_jobs += is_listed(job);
    struct store_job *jobs = store_reply_array(request, count_of_jobs, sizeof *jobs);
    request->reply.jobs = jobs;
    request->reply.job_count = count_of_jobs;
    for (struct job *job = memory->space->jobs; job; job = job->next) {
        if (!is_listed(job))
            continue;
        memcpy(jobs->name, job->name, sizeof jobs->name);
        jobs->status = job->status;
        jobs->age = job->status == STORE_ABSENT ? 0 : store_clock() - job->begun;
        jobs++;
    }
    return 0;
}

/* ---- The table --------------------------------------------------------------------------------
 */

static int perform(struct memory_store *memory, struct store_request *request)
{
    switch (request->step) {
    case STORE_PUT:
        return put(memory, request);
    case STORE_GET:
        return get(memory, request);
    case STORE_ASK:
    case STORE_ARRIVE:
        return join_step(memory, request);
    case STORE_BEAT:
        return beat(memory, request);
    case STORE_PASSED:
        return mark_passed(memory, request);
    case STORE_READ:
        return read_states(memory, request);
    case STORE_BEGIN:
        return begin(memory, request);
    case STORE_SETTLE:
        return settle(memory, request);
    case STORE_STATUS:
        return status(memory, request);
    case STORE_COUNT:
        return count(memory, request);
    case STORE_LOG:
        return write_log(memory, request);
    case STORE_TAIL:
        return get_tail(memory, request);
    case STORE_EXTEND:
        return extend(memory);
    case STORE_REMOVE:
        return remove_job(memory, request);
    case STORE_JOBS:
        return list_jobs(memory, request);
    case STORE_WATCH:
        break;
    }
    bug("a step %d that memory cannot do", (int)request->step);
}

static void send_request(struct store *store, struct store_request *request)
{
    struct memory_store *memory = (struct memory_store *)store;
    store->counters.commands++;
    store->counters.round_trips++;
    if (request->step == STORE_WATCH) {
        request->next = memory->watching;
        memory->watching = request;
        return;
    }
    pthread_mutex_lock(&lock);
    request->code = perform(memory, request);
    pthread_mutex_unlock(&lock);
    store_answer(store, request);
}

static void advance(struct store *store)
{
    struct memory_store *memory = (struct memory_store *)store;
    eventfd_t ignored;
    eventfd_read(memory->descriptor, &ignored);
    pthread_mutex_lock(&lock);
    bool notified = memory->notified;
    memory->notified = notified && !memory->watching;
    pthread_mutex_unlock(&lock);
    uint64_t now = store_clock();
    for (struct store_request **link = &memory->watching, *request; (request = *link);) {
        if (!notified && request->deadline > now) {
            link = &request->next;
            continue;
        }
        *link = request->next;
        store_answer(store, request);
    }
}

static int descriptor(const struct store *store)
{
    return ((const struct memory_store *)store)->descriptor;
}

static int timeout(struct store *store)
{
    struct memory_store *memory = (struct memory_store *)store;
    uint64_t now = store_clock(), first = UINT64_MAX;
    for (struct store_request *request = memory->watching; request; request = request->next)
        if (request->deadline < first)
            first = request->deadline;
    if (first == UINT64_MAX)
        return -1;
    return first > now ? (int)(first - now) : 0;
}

static void close_store(struct store *store)
{
    struct memory_store *memory = (struct memory_store *)store;
    pthread_mutex_lock(&lock);
    struct memory_store **link = &memory->space->stores;
    while (*link != memory)
        link = &(*link)->next;
    *link = memory->next;
    pthread_mutex_unlock(&lock);
    close(memory->descriptor);
    free(memory);
}

static const struct store_operations operations = {send_request, advance, descriptor, timeout,
                                                   close_store};

static struct space *get_space(const char *name)
{
    struct space **link = &spaces;
    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    if (!*link) {
        *link = memory_new(1, sizeof **link);
        (*link)->name = memory_new(strlen(name) + 1, 1);
        memcpy((*link)->name, name, strlen(name));
    }
    return *link;
}

int store_open_memory(const char *address, const struct store_options *options,
                      struct store **store, struct error *error)
{
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        return error_set(error, ERR_out_of_memory, "the system has no more descriptors");
    struct memory_store *memory = memory_new(1, sizeof *memory);
    store_init(&memory->store, &operations, options);
    memory->descriptor = event;
    memory->notified = true; /* what happened before is news to its first watcher */
    pthread_mutex_lock(&lock);
    memory->space = get_space(address);
    memory->next = memory->space->stores;
    memory->space->stores = memory;
    pthread_mutex_unlock(&lock);
    *store = &memory->store;
    return 0;
}
