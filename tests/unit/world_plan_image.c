/*
 * spec/executor.md: X5.1, X5.2, X5.3, X5.4.
 * Plans as pages, put together again and read through faults, against the plan that they are of.
 */
#include "world/plan_image.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "graph/platform.h"
#include "store/store.h"
#include "synthetic.h"
#include "test.h"
#include "value/fault.h"
#include "world/plan_pager.h"

enum { LEAVES = 16384, WIDTH = 3000 };

/* A tree whose root has many children, which one join reads. */
static void build(struct synthetic *s)
{
    static uint32_t level[LEAVES];
    struct error error;
    synthetic_begin(s);
    for (uint32_t i = 0; i < LEAVES; i++)
        level[i] = synthetic_node(s, NULL, 0);
    for (uint32_t count = LEAVES; count > 1; count /= 2)
        for (uint32_t i = 0; i < count / 2; i++)
            level[i] = synthetic_node(s, &level[2 * i], 2);
    uint32_t root = level[0];
    for (uint32_t i = 0; i < WIDTH; i++)
        level[i] = synthetic_node(s, &root, 1);
    uint32_t join = synthetic_node(s, level, WIDTH);
    synthetic_end(s, &join, 1);
    plan_release(&s->plan);
    struct plan_options options = {.platform = platform_find("lambda-1769"), .level = 2};
    CHECK_INT(plan_make(&s->plan, &s->dag, &options, &error), 0);
    CHECK(s->plan.cluster);
    plan_index_fan_outs(&s->plan, 0);
}

static void make_image(struct plan_image *image, struct synthetic *s)
{
    struct error error;
    build(s);
    CHECK_INT(plan_image_make(image, &s->plan, &error), 0);
    CHECK_INT(image->bytes, plan_image_bytes(&s->plan));
    CHECK(image->page_count > 32);
}

static void *put_together(const struct plan_image *image)
{
    char *whole = memory_try((size_t)image->page_count * PLAN_PAGE, PLAN_PAGE);
    size_t bytes = 0;
    for (uint32_t i = 0; i < image->page_count; i++)
        bytes += plan_image_page(image, i, whole + (size_t)i * PLAN_PAGE);
    CHECK_INT(bytes, image->bytes);
    return whole;
}

static bool is_same_node(const struct synthetic *s, const struct remote_edges *edges,
                         const struct plan *plan, const struct remote_edges *found, uint32_t n)
{
    const struct dag_node *a = &s->dag.nodes[n], *b = &plan->dag->nodes[n];
    struct plan_fanout here = plan_fan_out(&s->plan, n, 0), there = plan_fan_out(plan, n, 0);
    bool is_same =
        memcmp(a, b, sizeof *a) == 0 && here.kept == there.kept && here.invoked == there.invoked &&
        here.has_cluster == there.has_cluster && s->plan.preferred[n] == plan->preferred[n] &&
        s->plan.first_record[n] == plan->first_record[n] &&
        s->plan.cluster[n] == plan->cluster[n] && edges->read_parts[n] == found->read_parts[n];
    for (uint64_t e = edges->first[n]; is_same && e < edges->first[n + 1]; e++)
        is_same = found->first[n] == edges->first[n] &&
                  memcmp(&edges->edges[e], &found->edges[e], sizeof *edges->edges) == 0;
    for (uint32_t i = 0; is_same && here.places && i < here.invoked; i++)
        is_same = here.places[i] == there.places[i];
    return is_same;
}

static void check_bound(const struct synthetic *s, const struct plan_image *image, const void *base)
{
    struct dag dag;
    struct plan plan;
    struct remote_edges edges;
    struct error error;
    struct buffer texts[4] = {0};
    uint32_t different = 0;
    plan_image_bind(base, &dag, &plan, &edges);
    CHECK_INT(dag_verify(&dag, &error), 0);
    dag_print(&s->dag, &texts[0]);
    dag_print(&dag, &texts[1]);
    CHECK(strcmp(buffer_text(&texts[0]), buffer_text(&texts[1])) == 0);
    plan_print(&s->plan, &texts[2]);
    plan_print(&plan, &texts[3]);
    CHECK(strcmp(buffer_text(&texts[2]), buffer_text(&texts[3])) == 0);
    CHECK_INT(plan.source_count, s->plan.source_count);
    CHECK(memcmp(plan.sources, s->plan.sources, plan.source_count * sizeof *plan.sources) == 0);
    CHECK_INT(plan_unit_count(&plan, 0), plan_unit_count(&s->plan, 0));
    CHECK(!plan.units == !s->plan.units);
    for (uint32_t u = 0; u <= plan_unit_count(&plan, 0); u++)
        different += plan_unit_begin(&plan, u, 0) != plan_unit_begin(&s->plan, u, 0);
    for (uint32_t n = 0; n < dag.node_count; n++)
        different += !is_same_node(s, &image->edges, &plan, &edges, n);
    CHECK_INT(different, 0);
    for (int i = 0; i < 4; i++)
        buffer_release(&texts[i]);
}

static void an_image_is_its_plan(void)
{
    struct synthetic s;
    struct plan_image image;
    make_image(&image, &s);
    void *whole = put_together(&image);
    CHECK(plan_image_pinned(whole, image.bytes) > 0);
    check_bound(&s, &image, whole);
    free(whole);
    plan_image_release(&image);
    synthetic_release(&s);
}

static void what_is_no_image_is_refused(void)
{
    struct synthetic s;
    struct plan_image image;
    make_image(&image, &s);
    char *whole = put_together(&image);
    struct plan_layout *layout = (struct plan_layout *)whole, kept = *layout;
    CHECK_INT(plan_image_pinned(whole, image.bytes + 64), 0);
    CHECK_INT(plan_image_pinned(whole, 10), 0);
    layout->magic[6]++;
    CHECK_INT(plan_image_pinned(whole, image.bytes), 0);
    for (int i = 0; i < PLAN_SECTIONS; i++) {
        *layout = kept;
        layout->counts[i] = UINT64_MAX / 3;
        CHECK_INT(plan_image_pinned(whole, image.bytes), 0);
    }
    free(whole);
    plan_image_release(&image);
    synthetic_release(&s);
}

/* ---- Through a store ------------------------------------------------------------------------- */

struct stored {
    struct synthetic s;
    struct plan_image image;
    struct store *store;
    char address[64];
    struct store_options options;
};

static int put(struct stored *stored, struct store_name name, const void *data, size_t size)
{
    struct store_bytes span = {data, size};
    struct store_request request = {
        .step = STORE_PUT, .name = name, .spans = &span, .span_count = 1};
    int code = store_call(stored->store, &request);
    store_request_release(&request);
    return code;
}

static void put_page(struct stored *stored, uint32_t page, int change)
{
    static char bytes[PLAN_PAGE];
    struct store_name name = {.kind = STORE_PLAN, .node = PLAN_STORED_PAGE, .first = page};
    size_t size = plan_image_page(&stored->image, page, bytes);
    bytes[size / 2] = (char)(bytes[size / 2] + change);
    CHECK_INT(put(stored, name, bytes, size), 0);
}

static void put_hashes(struct stored *stored, size_t bytes)
{
    struct store_name name = {.kind = STORE_PLAN, .node = PLAN_STORED_HASHES};
    CHECK_INT(put(stored, name, stored->image.hashes, bytes), 0);
}

static void store_all(struct stored *stored, const char *name)
{
    struct error error;
    struct store_request begin = {.step = STORE_BEGIN};
    *stored = (struct stored){0};
    snprintf(stored->address, sizeof stored->address, "mem:%s", name);
    store_make_job_name(stored->options.job);
    make_image(&stored->image, &stored->s);
    CHECK_INT(store_open(stored->address, &stored->options, &stored->store, &error), 0);
    CHECK_INT(store_call(stored->store, &begin), 0);
    store_request_release(&begin);
    put_hashes(stored, (size_t)stored->image.page_count * PLAN_HASH);
    for (uint32_t i = 0; i < stored->image.page_count; i++)
        put_page(stored, i, 0);
}

static void release(struct stored *stored)
{
    struct store_request remove = {.step = STORE_REMOVE};
    store_call(stored->store, &remove);
    store_request_release(&remove);
    store_close(stored->store);
    plan_image_release(&stored->image);
    synthetic_release(&stored->s);
}

static struct plan_pager_options options_of(const struct stored *stored, uint64_t pages)
{
    return (struct plan_pager_options){.store = stored->address,
                                       .job = stored->options.job,
                                       .bytes = stored->image.bytes,
                                       .digest = stored->image.digest,
                                       .most = pages * PLAN_PAGE};
}

static void pages_come_when_they_are_touched(void)
{
    struct stored stored;
    struct plan_pager *pager;
    struct error error;
    store_all(&stored, "touched");
    struct plan_pager_options options = options_of(&stored, 1000);
    CHECK_INT(plan_pager_open(&pager, &options, &error), 0);
    uint64_t first = plan_pager_loads(pager);
    CHECK(first > 0 && first < 3); /* the rest is not touched yet */
    check_bound(&stored.s, &stored.image, plan_pager_base(pager));
    CHECK(plan_pager_loads(pager) <= stored.image.page_count);
    CHECK(plan_pager_loads(pager) + 3 >= stored.image.page_count);
    plan_pager_close(pager);
    release(&stored);
}

/* Where there is room for few of them they come and go. */
static void pages_leave_for_others(void)
{
    struct stored stored;
    struct plan_pager *pager;
    struct error error;
    store_all(&stored, "leave");
    struct plan_pager_options options = options_of(&stored, 1);
    CHECK_INT(plan_pager_open(&pager, &options, &error), 0);
    check_bound(&stored.s, &stored.image, plan_pager_base(pager));
    CHECK(plan_pager_loads(pager) > stored.image.page_count);
    plan_pager_close(pager);
    release(&stored);
}

struct reader {
    const struct stored *stored;
    const void *base;
    uint64_t seed, different;
    pthread_t thread;
};

static void *read_here_and_there(void *argument)
{
    struct reader *reader = argument;
    struct dag dag;
    struct plan plan;
    struct remote_edges edges;
    plan_image_bind(reader->base, &dag, &plan, &edges);
    for (uint64_t i = 0; i < 300; i++) {
        uint32_t node = (uint32_t)(hash_mix(reader->seed * 1000 + i) % dag.node_count);
        reader->different +=
            !is_same_node(&reader->stored->s, &reader->stored->image.edges, &plan, &edges, node);
    }
    return NULL;
}

static void threads_share_pages(void)
{
    enum { THREADS = 4 };
    struct reader readers[THREADS];
    struct stored stored;
    struct plan_pager *pager;
    struct error error;
    store_all(&stored, "threads");
    struct plan_pager_options options = options_of(&stored, 20);
    CHECK_INT(plan_pager_open(&pager, &options, &error), 0);
    for (int i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){&stored, plan_pager_base(pager), (uint64_t)i, 0, 0};
        CHECK_INT(pthread_create(&readers[i].thread, NULL, read_here_and_there, &readers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(readers[i].thread, NULL);
        CHECK_INT(readers[i].different, 0);
    }
    plan_pager_close(pager);
    release(&stored);
}

/* ---- Damage ---------------------------------------------------------------------------------- */

static enum store_status status_of(struct stored *stored)
{
    struct store_request status = {.step = STORE_STATUS};
    CHECK_INT(store_call(stored->store, &status), 0);
    enum store_status found = status.reply.status;
    store_request_release(&status);
    return found;
}

static void check_refused(struct stored *stored, const char *text)
{
    struct plan_pager *pager = NULL;
    struct error error = {0};
    struct plan_pager_options options = options_of(stored, 20);
    CHECK_INT(plan_pager_open(&pager, &options, &error), ERR_bad_stored_value);
    CHECK(!pager && strstr(error.message, text));
    CHECK_INT(status_of(stored), STORE_FAILED);
    release(stored);
}

static void damage_fails_the_job(void)
{
    struct stored stored;
    store_all(&stored, "hashes");
    put_hashes(&stored, (size_t)stored.image.page_count * PLAN_HASH - 1);
    check_refused(&stored, "is not what was stored");
    store_all(&stored, "first");
    put_page(&stored, 0, 1);
    check_refused(&stored, "page 0 of the job's plan is not what was stored");
    store_all(&stored, "other");
    stored.image.digest[3] ^= 1;
    check_refused(&stored, "is not what was stored");
    store_all(&stored, "nothing");
    struct store_request remove = {.step = STORE_REMOVE}, begin = {.step = STORE_BEGIN};
    CHECK_INT(store_call(stored.store, &remove), 0);
    CHECK_INT(store_call(stored.store, &begin), 0);
    check_refused(&stored, "is missing");
}

/* In a child, which says nothing: the plan, of which at most 20 pages are in memory at once. */
static char *open_in_child(const struct stored *stored)
{
    struct plan_pager *pager;
    struct error error;
    struct plan_pager_options options = options_of(stored, 20);
    if (!freopen("/dev/null", "w", stderr) || plan_pager_open(&pager, &options, &error))
        _exit(2);
    return (char *)(uintptr_t)plan_pager_base(pager);
}

/* Who touches a page that is damaged cannot go on. */
static void damage_that_is_found_later_ends_the_process(void)
{
    struct stored stored;
    store_all(&stored, "later");
    put_page(&stored, 20, 1);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        volatile const char *base = open_in_child(&stored);
        char touched = base[19 * PLAN_PAGE];
        touched ^= base[20 * PLAN_PAGE];
        _exit(touched ? 3 : 4);
    }
    int status = 0;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 1);
    release(&stored);
}

/* On every machine, whatever it tells of a fault: who writes to a plan ends, and is not brought the
 * page for ever. */
static void who_writes_ends(void)
{
    struct stored stored;
    store_all(&stored, "written");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        volatile char *base = open_in_child(&stored);
        alarm(30);
        base[20 * PLAN_PAGE] = 1;
        _exit(3);
    }
    int status = 0;
    CHECK_INT(waitpid(child, &status, 0), child);
    bool is_signalled = WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
    bool is_exited = WIFEXITED(status) && WEXITSTATUS(status) != 2 && WEXITSTATUS(status) != 3;
    CHECK(is_signalled || is_exited); /* the latter by a sanitizer */
    release(&stored);
}

static void begin(void)
{
    fault_catch();
}

TEST_MAIN(TEST(begin), TEST(an_image_is_its_plan), TEST(what_is_no_image_is_refused),
          TEST(pages_come_when_they_are_touched), TEST(pages_leave_for_others),
          TEST(who_writes_ends), TEST(threads_share_pages), TEST(damage_fails_the_job),
          TEST(damage_that_is_found_later_ends_the_process))
