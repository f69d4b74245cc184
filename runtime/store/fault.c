/*
 * Another store, with faults: "fault:SEED:RATE[,KIND...]:ADDRESS". Of a thousand requests, RATE are
 * harmed, each in one of these ways; which, and when, follows from the seed and the order of the
 * requests.
 *
 *     late         the request, or its answer, is held back for some milliseconds, so that others
 *                  overtake it
 *     repeated     it is done twice before it is answered, as after a broken connection
 *     straggling   it is done again long after it was answered, as by a server that was frozen
 *     lost         it is not done, and fails
 *     unanswered   it is done, and fails
 *     forgetful    a PUT is acknowledged, and not done: no store should, and no job can survive it
 *
 * Without a kind: late and repeated, which the interface of stores allows at any time and no user
 * may notice. WATCH is left alone, and COUNT is never repeated.
 *
 * "latency:MS:ADDRESS" harms nothing, but holds back each answer for that many milliseconds, to
 * stand for a store that is further away.
 *
 * Each request is sent on as a *message* with a copy of its arguments, since it may outlive it.
 */
#include "store/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

enum fault { LATE, REPEATED, STRAGGLING, LOST, UNANSWERED, FORGETFUL, FAULTS, NONE = FAULTS };
static const char *const fault_names[FAULTS] = {"late", "repeated",   "straggling",
                                                "lost", "unanswered", "forgetful"};

struct message {
    struct message *next, *previous; /* of all */
    struct store_request request;    /* what the other store gets */
    struct store_request *user;      /* who is answered; NULL: nobody */
    enum fault fault;
    bool is_held; /* until `due` */
    bool is_done; /* and its answer is held */
    uint64_t due; /* ms */
};

struct fault_store {
    struct store store;
    struct store *inner;
    uint64_t random;
    uint32_t rate;    /* of a thousand */
    uint32_t kinds;   /* bits by enum fault; 0: only latency */
    uint32_t latency; /* ms */
    struct message *messages;
};

enum { LONGEST_DELAY = 30, LONGEST_STRAGGLING = 300 };

static uint64_t pick(struct fault_store *fault, uint64_t below)
{
    fault->random += 0x9e3779b97f4a7c15;
    return hash_mix(fault->random) % below;
}

/* ---- Copies of requests -----------------------------------------------------------------------
 */

static size_t bytes_size(const struct store_bytes *bytes, uint32_t count)
{
    size_t size = count * sizeof *bytes;
    for (uint32_t i = 0; bytes && i < count; i++)
        size += bytes[i].size;
    return size;
}

static void *take_memory(char **memory, const void *data, size_t size)
{
    void *copy = *memory;
    if (size)
        memcpy(copy, data, size);
    *memory += size;
    return copy;
}

/* The list first, since what it points to need not be aligned. */
static struct store_bytes *copy_list(char **memory, const struct store_bytes *bytes, uint32_t count)
{
    return take_memory(memory, bytes, bytes ? count * sizeof *bytes : 0);
}

static void copy_bytes(char **memory, struct store_bytes *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        bytes[i].data = take_memory(memory, bytes[i].data, bytes[i].size);
}

static struct message *link_message(struct fault_store *fault, struct message *message)
{
    message->request.user = message;
    message->fault = NONE;
    message->next = fault->messages;
    if (fault->messages)
        fault->messages->previous = message;
    return fault->messages = message;
}

static struct message *add_message(struct fault_store *fault, const struct store_request *user)
{
    if (!fault->kinds) { /* the message ends with the request, and can use what is its */
        struct message *message = memory_new(1, sizeof *message);
        message->request = *user;
        return link_message(fault, message);
    }
    uint32_t values = user->values ? (uint32_t)__builtin_popcountll(user->arrival.edges) : 0;
    uint32_t spans = user->spans ? user->span_count : 0;
    size_t names = user->names ? user->count * sizeof *user->names : 0;
    size_t numbers = user->numbers ? user->count * sizeof *user->numbers : 0;
    struct message *message = memory_new(1, sizeof *message + bytes_size(user->spans, spans) +
                                                bytes_size(user->values, values) + names + numbers);
    char *memory = (char *)(message + 1);
    message->request = *user;
    message->request.names = take_memory(&memory, user->names, names);
    message->request.numbers = take_memory(&memory, user->numbers, numbers);
    struct store_bytes *span_list = copy_list(&memory, user->spans, spans);
    struct store_bytes *value_list = copy_list(&memory, user->values, values);
    copy_bytes(&memory, span_list, spans);
    copy_bytes(&memory, value_list, values);
    message->request.spans = span_list;
    message->request.values = value_list;
    return link_message(fault, message);
}

static void free_message(struct fault_store *fault, struct message *message)
{
    if (message->previous)
        message->previous->next = message->next;
    else
        fault->messages = message->next;
    if (message->next)
        message->next->previous = message->previous;
    store_request_release(&message->request);
    free(message);
}

/* ---- Faults -----------------------------------------------------------------------------------
 */

static bool may_harm(enum fault kind, enum store_step step)
{
    bool repeats = kind == REPEATED || kind == STRAGGLING;
    bool scans = step == STORE_REMOVE || step == STORE_EXTEND || step == STORE_JOBS;
    if (kind == FORGETFUL)
        return step == STORE_PUT;
    return !(repeats && (step == STORE_COUNT || step == STORE_LOG || scans));
}

static enum fault pick_fault(struct fault_store *fault, enum store_step step)
{
    if (step == STORE_WATCH || pick(fault, 1000) >= fault->rate)
        return NONE;
    enum fault kind;
    do
        kind = (enum fault)pick(fault, FAULTS);
    while (!(fault->kinds >> kind & 1));
    return may_harm(kind, step) ? kind : NONE;
}

static void hold(struct message *message, uint64_t ms)
{
    message->is_held = true;
    message->due = store_clock() + ms;
}

static void send_request(struct store *store, struct store_request *user)
{
    struct fault_store *fault = (struct fault_store *)store;
    enum fault kind = pick_fault(fault, user->step);
    struct message *message = add_message(fault, user);
    message->user = user;
    message->fault = kind;
    if (kind == REPEATED || kind == STRAGGLING) {
        struct message *copy = add_message(fault, user);
        if (kind == STRAGGLING)
            hold(copy, 1 + pick(fault, LONGEST_STRAGGLING));
        else
            store_send(fault->inner, &copy->request);
    }
    bool waits = (kind == LATE && pick(fault, 2)) || kind == LOST || kind == FORGETFUL;
    if (waits)
        hold(message, 1 + pick(fault, LONGEST_DELAY));
    else
        store_send(fault->inner, &message->request);
}

/* ---- Answers ----------------------------------------------------------------------------------
 */

static void answer(struct fault_store *fault, struct message *message)
{
    struct store_request *user = message->user;
    if (user && (message->fault == LOST || message->fault == UNANSWERED)) {
        store_fail(&fault->store, user, ERR_store_timeout, "a fault was injected");
    } else if (user) {
        user->code = message->request.code;
        user->error = message->request.error;
        user->reply = message->request.reply;
        user->memory = message->request.memory;
        message->request.memory = NULL;
        store_answer(&fault->store, user);
    }
    free_message(fault, message);
}

/* A message whose time has come is sent or answered. */
static void release(struct fault_store *fault, struct message *message)
{
    message->is_held = false;
    bool is_dropped = message->fault == LOST || message->fault == FORGETFUL;
    if (message->is_done || is_dropped)
        answer(fault, message);
    else
        store_send(fault->inner, &message->request);
}

static void release_due(struct fault_store *fault)
{
    uint64_t now = store_clock();
    for (struct message *message = fault->messages, *next; message; message = next) {
        next = message->next;
        if (message->is_held && message->due <= now)
            release(fault, message);
    }
}

static void advance(struct store *store)
{
    struct fault_store *fault = (struct fault_store *)store;
    release_due(fault);
    for (struct store_request *request; (request = store_next(fault->inner));) {
        struct message *message = request->user;
        message->is_done = true;
        if (message->fault == LATE && !message->due)
            hold(message, 1 + pick(fault, LONGEST_DELAY));
        else if (fault->latency && message->user->step != STORE_WATCH)
            hold(message, fault->latency);
        else
            answer(fault, message);
    }
    store->counters = fault->inner->counters;
}

static int descriptor(const struct store *store)
{
    return store_descriptor(((const struct fault_store *)store)->inner);
}

static int timeout(struct store *store)
{
    const struct fault_store *fault = (struct fault_store *)store;
    int first = store_timeout(fault->inner);
    uint64_t now = store_clock();
    for (struct message *message = fault->messages; message; message = message->next) {
        if (!message->is_held)
            continue;
        int wait = message->due > now ? (int)(message->due - now) : 0;
        if (first < 0 || wait < first)
            first = wait;
    }
    return first;
}

static void close_store(struct store *store)
{
    struct fault_store *fault = (struct fault_store *)store;
    store_close(fault->inner);
    while (fault->messages)
        free_message(fault, fault->messages);
    free(fault);
}

static const struct store_operations operations = {send_request, advance, descriptor, timeout,
                                                   close_store};

/* ---- The address ------------------------------------------------------------------------------
 */

static bool parse_kind(struct fault_store *fault, const char *name, size_t length)
{
    for (int kind = 0; kind < FAULTS; kind++)
        if (strlen(fault_names[kind]) == length && memcmp(fault_names[kind], name, length) == 0) {
            fault->kinds |= 1u << kind;
            return true;
        }
    return false;
}

/* SEED:RATE[,KIND...]: and what follows, or NULL. */
static const char *parse_faults(struct fault_store *fault, const char *address)
{
    unsigned long long seed;
    int used = 0;
    if (sscanf(address, "%llu:%u%n", &seed, &fault->rate, &used) != 2 || fault->rate > 1000)
        return NULL;
    fault->random = hash_mix(seed);
    address += used;
    while (*address == ',') {
        size_t length = strcspn(++address, ",:");
        if (!parse_kind(fault, address, length))
            return NULL;
        address += length;
    }
    if (!fault->kinds)
        fault->kinds = 1u << LATE | 1u << REPEATED;
    return *address == ':' ? address + 1 : NULL;
}

static int open_around(struct fault_store *fault, const char *inner,
                       const struct store_options *options, struct store **store,
                       struct error *error)
{
    store_init(&fault->store, &operations, options);
    int code = store_open(inner, options, &fault->inner, error);
    if (code)
        free(fault);
    else
        *store = &fault->store;
    return code;
}

int store_open_fault(const char *address, const struct store_options *options, struct store **store,
                     struct error *error)
{
    struct fault_store *fault = memory_new(1, sizeof *fault);
    const char *inner = parse_faults(fault, address);
    if (inner)
        return open_around(fault, inner, options, store, error);
    free(fault);
    return error_set(error, ERR_store_address,
                     "'fault:%s' is not fault:SEED:RATE[,KIND...]:ADDRESS", address);
}

int store_open_latency(const char *address, const struct store_options *options,
                       struct store **store, struct error *error)
{
    struct fault_store *fault = memory_new(1, sizeof *fault);
    int used = 0;
    if (sscanf(address, "%u:%n", &fault->latency, &used) == 1 && used && fault->latency < 60000)
        return open_around(fault, address + used, options, store, error);
    free(fault);
    return error_set(error, ERR_store_address, "'latency:%s' is not latency:MS:ADDRESS", address);
}
