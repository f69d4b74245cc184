/* Pages of a plan, loaded as they are touched; see plan_pager.h. */
#include "world/plan_pager.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/store.h"
#include "value/fault.h"
#include "world/failure.h"

enum page_state { PAGE_ABSENT, PAGE_WANTED, PAGE_HERE };

enum {
    PAGERS = 64,     /* in a process at once */
    LEAST_PAGES = 16 /* an instruction may touch several */
};

struct plan_pager {
    struct store *store;
    char *base;
    uint64_t bytes, loads;
    uint32_t page_count, pinned;
    uint8_t *hashes;

    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    /* Under the lock: */
    bool closing;
    uint8_t *states; /* by page: enum page_state */
    uint32_t *ring;  /* those that are here and may leave, from the oldest */
    uint32_t ring_size, first, count;
    uint32_t *wanted; /* a stack; each page is in it once at most */
    uint32_t wanted_count;
};

/* Where faults look. */
static _Atomic(struct plan_pager *) pagers[PAGERS];

/* ---- Loading a page -------------------------------------------------------------------------- */

static size_t bytes_of(const struct plan_pager *pager, uint32_t page)
{
    uint64_t left = pager->bytes - (uint64_t)page * PLAN_PAGE;
    return left < PLAN_PAGE ? left : PLAN_PAGE;
}

static int refuse(uint64_t page, const char *what, struct error *error)
{
    error_set(error, ERR_bad_stored_value, "page %llu of the job's plan %s in the store",
              (unsigned long long)page, what);
    return error_hint(error, "run the job again; a server with maxmemory-policy noeviction "
                             "forgets nothing");
}

/* A value of the plan, of so many bytes and with this hash. To be released after success. */
static int fetch(struct plan_pager *pager, struct store_name name, size_t bytes,
                 const uint8_t *digest, struct store_request *get, struct error *error)
{
    uint8_t found[PLAN_HASH];
    *get = (struct store_request){.step = STORE_GET, .name = name};
    int code = store_call(pager->store, get);
    if (code == ERR_store_missing) {
        code = refuse(name.first, "is missing", error);
    } else if (code) {
        *error = get->error;
    } else {
        plan_image_hash(get->reply.value.data, get->reply.value.size, found);
        if (get->reply.value.size != bytes || memcmp(found, digest, PLAN_HASH) != 0)
            code = refuse(name.first, "is not what was stored", error);
    }
    if (code)
        store_request_release(get);
    return code;
}

/* The page appears at once as a whole: others may be waiting for it. */
static int show_page(struct plan_pager *pager, uint32_t page, const struct store_bytes *bytes,
                     struct error *error)
{
    void *there = pager->base + (uint64_t)page * PLAN_PAGE;
    void *copy = mmap(NULL, PLAN_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED)
        return error_set(error, ERR_out_of_memory, "there is no memory for a page of the plan");
    memcpy(copy, bytes->data, bytes->size);
    if (mprotect(copy, PLAN_PAGE, PROT_READ) != 0 ||
        mremap(copy, PLAN_PAGE, PLAN_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, there) == MAP_FAILED)
        return error_set(error, ERR_out_of_memory, "there is no memory for a page of the plan");
    return 0;
}

static void hide_page(struct plan_pager *pager, uint32_t page)
{
    void *there = pager->base + (uint64_t)page * PLAN_PAGE;
    if (mmap(there, PLAN_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
             -1, 0) == MAP_FAILED)
        bug("a page of the plan cannot be given back");
}

static int load_page(struct plan_pager *pager, uint32_t page, struct error *error)
{
    struct store_request get;
    struct store_name name = {.kind = STORE_PLAN, .node = PLAN_STORED_PAGE, .first = page};
    int code = fetch(pager, name, bytes_of(pager, page), pager->hashes + (size_t)page * PLAN_HASH,
                     &get, error);
    if (code)
        return code;
    code = show_page(pager, page, &get.reply.value, error);
    store_request_release(&get);
    return code;
}

/* ---- The thread ------------------------------------------------------------------------------ */

static void settle_failed(struct plan_pager *pager, const struct error *error)
{
    struct buffer text = {0};
    failure_write(error, "", &text);
    struct store_bytes span = {text.data, text.length};
    struct store_request settle = {
        .step = STORE_SETTLE, .spans = &span, .span_count = 1, .status = STORE_FAILED};
    store_call(pager->store, &settle);
    store_request_release(&settle);
    buffer_release(&text);
}

/* Whoever touched the page can neither go on nor be told. */
static void give_up(struct plan_pager *pager, const struct error *error)
{
    fprintf(stderr, "executor: error[%s]: %s\n", error_code_text(error->code), error->message);
    if (error->code == ERR_bad_stored_value)
        settle_failed(pager, error);
    _exit(1);
}

/* Under the lock. */
static void note_loaded(struct plan_pager *pager, uint32_t page)
{
    if (pager->count == pager->ring_size) {
        uint32_t oldest = pager->ring[pager->first];
        pager->first = (pager->first + 1) % pager->ring_size;
        pager->count--;
        hide_page(pager, oldest);
        pager->states[oldest] = PAGE_ABSENT;
    }
    pager->ring[(pager->first + pager->count++) % pager->ring_size] = page;
    pager->states[page] = PAGE_HERE;
    pager->loads++;
    pthread_cond_broadcast(&pager->done);
}

static void *serve(void *argument)
{
    struct plan_pager *pager = argument;
    struct error error;
    pthread_mutex_lock(&pager->lock);
    for (;;) {
        while (!pager->closing && pager->wanted_count == 0)
            pthread_cond_wait(&pager->work, &pager->lock);
        if (pager->closing)
            break;
        uint32_t page = pager->wanted[--pager->wanted_count];
        pthread_mutex_unlock(&pager->lock);
        if (load_page(pager, page, &error))
            give_up(pager, &error);
        pthread_mutex_lock(&pager->lock);
        note_loaded(pager, page);
    }
    pthread_mutex_unlock(&pager->lock);
    return NULL;
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static struct plan_pager *find_pager(const void *address)
{
    const char *at = address;
    for (int i = 0; i < PAGERS; i++) {
        struct plan_pager *pager = atomic_load(&pagers[i]);
        if (pager && at >= pager->base && at < pager->base + pager->bytes)
            return pager;
    }
    return NULL;
}

/* Under the lock. Pages can be read only: who writes faults again where the page is. (A page that
 * was there once may have come, or left, between a read's fault and now.) */
static bool is_write(const struct plan_pager *pager, uint32_t page, const void *address)
{
    static _Thread_local const void *found_at;
    static _Thread_local uint64_t found_loads;
    bool is_here = pager->states[page] == PAGE_HERE;
    bool again = is_here && found_at == address && found_loads == pager->loads;
    found_at = is_here ? address : NULL;
    found_loads = pager->loads;
    return again;
}

/* In a handler of signals; but an instruction that reads or writes a plan raised it, whose thread
 * holds no lock, least of all the pager's. */
static bool wait_for_page(const void *address)
{
    struct plan_pager *pager = find_pager(address);
    if (!pager)
        return false;
    uint32_t page = (uint32_t)((uint64_t)((const char *)address - pager->base) / PLAN_PAGE);
    pthread_mutex_lock(&pager->lock);
    if (is_write(pager, page, address)) {
        pthread_mutex_unlock(&pager->lock);
        return false;
    }
    if (pager->states[page] == PAGE_ABSENT) {
        pager->states[page] = PAGE_WANTED;
        pager->wanted[pager->wanted_count++] = page;
        pthread_cond_signal(&pager->work);
    }
    while (pager->states[page] == PAGE_WANTED)
        pthread_cond_wait(&pager->done, &pager->lock);
    pthread_mutex_unlock(&pager->lock);
    return true;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

static bool enter(struct plan_pager *pager)
{
    for (int i = 0; i < PAGERS; i++) {
        struct plan_pager *none = NULL;
        if (atomic_compare_exchange_strong(&pagers[i], &none, pager))
            return true;
    }
    return false;
}

static void leave(struct plan_pager *pager)
{
    for (int i = 0; i < PAGERS; i++) {
        struct plan_pager *self = pager;
        atomic_compare_exchange_strong(&pagers[i], &self, NULL);
    }
}

static int fetch_hashes(struct plan_pager *pager, const uint8_t *digest, struct error *error)
{
    struct store_request get;
    struct store_name name = {.kind = STORE_PLAN, .node = PLAN_STORED_HASHES};
    size_t bytes = (size_t)pager->page_count * PLAN_HASH;
    int code = fetch(pager, name, bytes, digest, &get, error);
    if (code)
        return code;
    pager->hashes = memory_resize(NULL, bytes, 1);
    memcpy(pager->hashes, get.reply.value.data, bytes);
    store_request_release(&get);
    return 0;
}

static int reserve(struct plan_pager *pager, struct error *error)
{
    void *base = mmap(NULL, (size_t)pager->page_count * PLAN_PAGE, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return error_set(error, ERR_out_of_memory, "there are no addresses for the plan's pages");
    pager->base = base;
    return 0;
}

static int load_pinned(struct plan_pager *pager, struct error *error)
{
    int code = load_page(pager, 0, error);
    if (!code && !(pager->pinned = plan_image_pinned(pager->base, pager->bytes)))
        code = refuse(0, "is none", error);
    for (uint32_t page = 1; page < pager->pinned && !code; page++)
        code = load_page(pager, page, error);
    for (uint32_t page = 0; page < pager->pinned && !code; page++)
        pager->states[page] = PAGE_HERE;
    pager->loads = pager->pinned;
    return code;
}

static int start(struct plan_pager *pager, struct error *error)
{
    fault_set_pager(wait_for_page);
    pager->has_thread = pthread_create(&pager->thread, NULL, serve, pager) == 0;
    if (pager->has_thread && enter(pager))
        return 0;
    return error_set(error, ERR_out_of_memory,
                     "the plan's pages need a thread more than there are");
}

static int open_pager(struct plan_pager *pager, const struct plan_pager_options *options,
                      struct error *error)
{
    struct store_options store = {0};
    memcpy(store.job, options->job, STORE_JOB_NAME);
    int code = store_open(options->store, &store, &pager->store, error);
    code = code ? code : fetch_hashes(pager, options->digest, error);
    code = code ? code : reserve(pager, error);
    code = code ? code : load_pinned(pager, error);
    if (code == ERR_bad_stored_value)
        settle_failed(pager, error);
    return code ? code : start(pager, error);
}

int plan_pager_open(struct plan_pager **opened, const struct plan_pager_options *options,
                    struct error *error)
{
    struct plan_pager *pager = memory_new(1, sizeof *pager);
    uint64_t most = options->most / PLAN_PAGE;
    pager->bytes = options->bytes;
    pager->page_count = (uint32_t)((options->bytes + PLAN_PAGE - 1) / PLAN_PAGE);
    pager->ring_size = most < LEAST_PAGES ? LEAST_PAGES : (uint32_t)most;
    pager->ring = memory_new(pager->ring_size, sizeof *pager->ring);
    pager->states = memory_new((size_t)pager->page_count + 1, 1);
    pager->wanted = memory_new((size_t)pager->page_count + 1, sizeof *pager->wanted);
    pthread_mutex_init(&pager->lock, NULL);
    pthread_cond_init(&pager->work, NULL);
    pthread_cond_init(&pager->done, NULL);
    int code = open_pager(pager, options, error);
    *opened = pager;
    if (code) {
        plan_pager_close(pager);
        *opened = NULL;
    }
    return code;
}

static void stop_thread(struct plan_pager *pager)
{
    pthread_mutex_lock(&pager->lock);
    pager->closing = true;
    pthread_cond_signal(&pager->work);
    pthread_mutex_unlock(&pager->lock);
    if (pager->has_thread)
        pthread_join(pager->thread, NULL);
}

void plan_pager_close(struct plan_pager *pager)
{
    if (!pager)
        return;
    leave(pager);
    stop_thread(pager);
    if (pager->store)
        store_close(pager->store);
    if (pager->base)
        munmap(pager->base, (size_t)pager->page_count * PLAN_PAGE);
    pthread_mutex_destroy(&pager->lock);
    pthread_cond_destroy(&pager->work);
    pthread_cond_destroy(&pager->done);
    free(pager->hashes);
    free(pager->ring);
    free(pager->states);
    free(pager->wanted);
    free(pager);
}

const void *plan_pager_base(const struct plan_pager *pager)
{
    return pager->base;
}

uint64_t plan_pager_loads(struct plan_pager *pager)
{
    pthread_mutex_lock(&pager->lock);
    uint64_t loads = pager->loads;
    pthread_mutex_unlock(&pager->lock);
    return loads;
}
