/* What all kinds of stores share: opening by address, the queue of answered requests, the memory of
 * answers, the call that waits, and names of jobs; see store.h. */
#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/memory.h"
#include "store/kind.h"

enum { DAY = 24 * 60 * 60, TIMEOUT = 10000 };

static const struct {
    const char *scheme;
    int (*open)(const char *address, const struct store_options *options, struct store **store,
                struct error *error);
} kinds[] = {
    {"mem:", store_open_memory},         {"fault:", store_open_fault},
    {"latency:", store_open_latency},    {"redis://", store_open_redis},
    {"rediss://", store_open_redis_tls},
};

int store_open(const char *address, const struct store_options *options, struct store **store,
               struct error *error)
{
    struct store_options complete = *options;
    if (!complete.time_to_live)
        complete.time_to_live = DAY;
    if (!complete.timeout)
        complete.timeout = TIMEOUT;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = strlen(kinds[i].scheme);
        if (strncmp(address, kinds[i].scheme, length) == 0)
            return kinds[i].open(address + length, &complete, store, error);
    }
    error_set(error, ERR_store_address, "'%s' is not the address of a store", address);
    return error_hint(error, "write redis://HOST:PORT, or rediss://HOST:PORT for TLS");
}

void store_init(struct store *store, const struct store_operations *operations,
                const struct store_options *options)
{
    *store = (struct store){.operations = operations, .options = *options};
    store->last_answered = &store->answered;
}

void store_close(struct store *store)
{
    store->operations->close(store);
}

/* ---- Requests and their answers ---------------------------------------------------------------
 */

void store_send(struct store *store, struct store_request *request)
{
    request->code = 0;
    request->next = NULL;
    request->memory = NULL;
    request->deadline =
        store_clock() + (request->timeout ? request->timeout : store->options.timeout);
    memset(&request->reply, 0, sizeof request->reply);
    store->operations->send(store, request);
}

struct store_request *store_next(struct store *store)
{
    if (!store->answered)
        store->operations->advance(store);
    struct store_request *request = store->answered;
    if (!request)
        return NULL;
    store->answered = request->next;
    if (!store->answered)
        store->last_answered = &store->answered;
    request->next = NULL;
    return request;
}

int store_descriptor(const struct store *store)
{
    return store->operations->descriptor(store);
}

int store_timeout(struct store *store)
{
    int timeout = store->operations->timeout(store);
    return store->answered ? 0 : timeout;
}

static bool take_answered(struct store *store, const struct store_request *wanted)
{
    struct store_request **link = &store->answered;
    while (*link && *link != wanted)
        link = &(*link)->next;
    if (!*link)
        return false;
    *link = wanted->next;
    if (!*link)
        store->last_answered = link;
    return true;
}

int store_call(struct store *store, struct store_request *request)
{
    store_send(store, request);
    while (!take_answered(store, request)) {
        int timeout = store->operations->timeout(store);
        if (take_answered(store, request))
            break;
        struct pollfd descriptor = {.fd = store_descriptor(store), .events = POLLIN};
        poll(&descriptor, 1, timeout); /* woken early by a signal, it looks once more */
        store->operations->advance(store);
    }
    request->next = NULL;
    return request->code;
}

void store_answer(struct store *store, struct store_request *request)
{
    request->next = NULL;
    *store->last_answered = request;
    store->last_answered = &request->next;
}

void store_fail(struct store *store, struct store_request *request, enum error_code code,
                const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    request->code = error_vset(&request->error, code, format, arguments);
    va_end(arguments);
    store_answer(store, request);
}

int store_set_missing(struct store_request *request)
{
    static const char *const what[] = {"the value",     "the join",     "the range",
                                       "the heartbeat", "the fragment", "the input file",
                                       "the plan",      "the result",   "the words"};
    const struct store_name *name = &request->name;
    return error_set(&request->error, ERR_store_missing,
                     "%s of node %" PRIu32 " (fragment %" PRIx64 ", part %" PRIu64
                     ") is not in the store",
                     what[name->kind], name->node, name->fragment, name->first);
}

int store_set_job_exists(const struct store *store, struct store_request *request)
{
    return error_set(&request->error, ERR_store_job_exists, "another job has the name '%s'",
                     store->options.job);
}

/* ---- Memory of answers ------------------------------------------------------------------------
 */

/* Blocks are chained through their first bytes; what is used of them begins at the next line. */
struct block {
    struct block *next;
};
enum { ALIGNMENT = 64 };

void *store_reply_memory(struct store_request *request, size_t bytes)
{
    if (bytes > SIZE_MAX - ALIGNMENT)
        return NULL;
    struct block *block = memory_try(bytes + ALIGNMENT, ALIGNMENT);
    if (!block)
        return NULL;
    block->next = request->memory;
    request->memory = block;
    return (char *)block + ALIGNMENT;
}

void *store_reply_array(struct store_request *request, size_t count, size_t size)
{
    void *memory = store_reply_memory(request, count * size);
    if (!memory)
        memory_exhausted();
    return memset(memory, 0, count * size);
}

bool store_reply_copy(struct store_request *request, const void *data, size_t size,
                      struct store_bytes *copy)
{
    void *memory = store_reply_memory(request, size);
    *copy = (struct store_bytes){memory, memory ? size : 0};
    if (memory && size)
        memcpy(memory, data, size);
    return memory;
}

void store_request_release(struct store_request *request)
{
    for (struct block *block = request->memory, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    request->memory = NULL;
    memset(&request->reply, 0, sizeof request->reply);
}

size_t store_spans_size(const struct store_request *request)
{
    size_t size = 0;
    for (uint32_t i = 0; i < request->span_count; i++)
        size += request->spans[i].size;
    return size;
}

/* ---- Time and names ---------------------------------------------------------------------------
 */

uint64_t store_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void store_make_job_name(char name[STORE_JOB_NAME + 1])
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char bits[17] = {0}; /* 128 bits, and two of zero: 26 digits of five */
    size_t filled = 0;
    while (filled < 16) {
        ssize_t got = getrandom(bits + filled, 16 - filled, 0);
        if (got < 0 && errno != EINTR)
            bug("the system gives no random bytes");
        filled += got > 0 ? (size_t)got : 0;
    }
    for (size_t i = 0; i < STORE_JOB_NAME; i++) {
        size_t at = i * 5;
        unsigned pair = (unsigned)bits[at / 8] << 8 | bits[at / 8 + 1];
        name[i] = digits[pair >> (11 - at % 8) & 31];
    }
    name[STORE_JOB_NAME] = 0;
}
