/*
 * Work on a store, as executors do it: joins of random widths and values of random sizes, many
 * requests at once, everything checked. tests/stores.py runs it while it harms the server.
 *
 *     store_work
 *         a moment on the store in memory, plain and with faults
 *     store_work ADDRESS work SEED
 *         works until standard input ends; says "begun" after the first join, and what was done at
 *         the end; repeats are allowed, errors are not
 *     store_work ADDRESS race INDEX COUNT
 *         arrives with edge INDEX of COUNT at 2,000 joins of the job JOB; prints how many it owns
 *     store_work ADDRESS torn TIMEOUT
 *         a large PUT and a GET that are given up in the middle, as the server has been stopped;
 *         then, after a line from standard input, the same again, which must be right
 *     store_work ADDRESS STEP TIMEOUT [SIZE]
 *         one request (put, get, begin and so on); prints ok, or the error's code and message
 */
#include "store/store.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "test.h"

enum { JOINS = 40, LARGEST = 3 << 20 };

static struct store *store;
static char *pattern; /* every value is a part of it */
static uint64_t random_state;
static struct {
    uint64_t joins, values, stops;
} done;

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t pick(uint64_t below)
{
    random_state += 0x9e3779b97f4a7c15;
    return hash_mix(random_state) % below;
}

/* A join: first its values are put, then all edges arrive, each with a token of its own, and the
 * owner reads the values. */
struct task {
    uint32_t node, width, left;
    uint64_t owner; /* the edge that owns; UINT64_MAX: none yet */
    size_t size;    /* of each value */
    struct store_bytes span;
    struct store_bytes small[JOIN_WIDTH];
    char texts[JOIN_WIDTH][16];
    struct store_request requests[JOIN_WIDTH];
    enum { PUTTING, ARRIVING, READING } phase;
};
static struct task tasks[JOINS];
static uint32_t next_node = 1;
static bool ending;

static void expect(bool condition, const struct task *task, const char *what)
{
    if (condition)
        return;
    test_failures++;
    fprintf(stderr, "node %u of %u edges: %s\n", task->node, task->width, what);
}

static struct store_request *fresh(struct task *task, uint32_t edge, enum store_step step)
{
    struct store_request *request = &task->requests[edge];
    store_request_release(request);
    *request = (struct store_request){.step = step, .timeout = 30000, .user = task};
    request->name = (struct store_name){.kind = STORE_VALUE, .node = task->node, .first = edge};
    return request;
}

static uint64_t all_edges(const struct task *task)
{
    return task->width == 64 ? UINT64_MAX : (UINT64_C(1) << task->width) - 1;
}

static void start_putting(struct task *task)
{
    task->node = next_node++;
    task->width = 2 + (uint32_t)pick(pick(4) ? 3 : JOIN_WIDTH - 1);
    task->size = pick(20) ? pick(2000) : pick(LARGEST);
    task->span = (struct store_bytes){pattern + task->node % 1000, task->size};
    task->owner = UINT64_MAX;
    task->left = task->width;
    task->phase = PUTTING;
    for (uint32_t edge = 0; edge < task->width; edge++) {
        struct store_request *request = fresh(task, edge, STORE_PUT);
        request->spans = &task->span;
        request->span_count = 1;
        store_send(store, request);
    }
}

static void start_arriving(struct task *task)
{
    task->left = task->width;
    task->phase = ARRIVING;
    for (uint32_t edge = 0; edge < task->width; edge++) {
        int length = sprintf(task->texts[edge], "%u/%u", task->node, edge);
        task->small[edge] = (struct store_bytes){task->texts[edge], (size_t)length};
        struct store_request *request = fresh(task, edge, STORE_ARRIVE);
        request->name.kind = STORE_JOIN;
        request->name.first = 0;
        request->arrival = (struct join_arrival){.all = all_edges(task),
                                                 .edges = UINT64_C(1) << edge,
                                                 .lineage.token = edge + 1,
                                                 .lease = 3600000};
        request->values = &task->small[edge];
        store_send(store, request);
    }
}

static void check_owner(struct task *task, uint32_t owner)
{
    expect(task->owner == UINT64_MAX, task, "has two owners");
    task->owner = owner;
    const struct store_request *request = &task->requests[owner];
    for (uint32_t edge = 0; edge < task->width; edge++) {
        struct store_bytes value = request->reply.values[edge];
        bool right = value.size == task->small[edge].size &&
                     memcmp(value.data, task->texts[edge], value.size) == 0;
        expect(edge == owner || right, task, "an owner got a wrong value");
    }
}

static void start_reading(struct task *task)
{
    expect(task->owner != UINT64_MAX, task, "has no owner");
    task->left = task->width;
    task->phase = READING;
    for (uint32_t edge = 0; edge < task->width; edge++)
        store_send(store, fresh(task, edge, STORE_GET));
}

static void take(struct store_request *request)
{
    struct task *task = request->user;
    uint32_t edge = (uint32_t)(request - task->requests);
    if (request->code) {
        test_failures++;
        fprintf(stderr, "node %u: %s %s\n", task->node, error_code_text(request->error.code),
                request->error.message);
    } else if (task->phase == ARRIVING && request->reply.answer == JOIN_OWN) {
        check_owner(task, edge);
    } else if (task->phase == ARRIVING) {
        done.stops += request->reply.answer == JOIN_STOP;
    } else if (task->phase == READING) {
        struct store_bytes value = request->reply.value;
        bool right = value.size == task->size &&
                     (!value.size || memcmp(value.data, task->span.data, value.size) == 0);
        expect(right, task, "a value has changed");
        done.values++;
    }
    if (--task->left)
        return;
    if (task->phase == PUTTING)
        start_arriving(task);
    else if (task->phase == ARRIVING)
        start_reading(task);
    else if (++done.joins && !ending)
        start_putting(task);
}

static bool is_busy(void)
{
    for (uint32_t i = 0; i < JOINS; i++)
        if (tasks[i].left)
            return true;
    return false;
}

static uint64_t work_begin;

static bool is_a_moment_later(void)
{
    return now_ms() >= work_begin + 200;
}

/* Nobody writes to standard input, so whatever poll says of it is its end. */
static bool has_input_ended(void)
{
    static bool begun;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (!begun && done.joins) {
        begun = true;
        puts("begun");
        fflush(stdout);
    }
    return poll(&input, 1, 0) > 0;
}

static void work(const char *address, bool (*is_over)(void))
{
    memset(&done, 0, sizeof done);
    ending = false;
    work_begin = now_ms();
    for (uint32_t i = 0; i < JOINS; i++)
        start_putting(&tasks[i]);
    while (is_busy()) {
        ending |= is_over() || test_failures > 20;
        struct store_request *request = store_next(store);
        if (request) {
            take(request);
            continue;
        }
        struct pollfd descriptor = {.fd = store_descriptor(store), .events = POLLIN};
        poll(&descriptor, 1, store_timeout(store));
    }
    for (uint32_t i = 0; i < JOINS; i++)
        for (uint32_t edge = 0; edge < JOIN_WIDTH; edge++)
            store_request_release(&tasks[i].requests[edge]);
    printf("%s: %" PRIu64 " joins, %" PRIu64 " values, %" PRIu64 " stops, %" PRIu64
           " repeats, %" PRIu64 " reconnects\n",
           address, done.joins, done.values, done.stops, store->counters.repeats,
           store->counters.reconnects);
    struct store_request removal = {.step = STORE_REMOVE, .timeout = 30000};
    CHECK_INT(store_call(store, &removal), 0);
}

static bool open_address(const char *address, uint32_t timeout)
{
    struct store_options options = {.time_to_live = 600, .timeout = timeout};
    const char *job = getenv("JOB");
    store_make_job_name(options.job);
    if (job && strlen(job) == STORE_JOB_NAME)
        memcpy(options.job, job, STORE_JOB_NAME);
    struct error error;
    if (!store_open(address, &options, &store, &error))
        return true;
    printf("%s %s\n", error_code_text(error.code), error.message);
    return false;
}

/* Looks after the store for a while. */
static void linger(uint64_t ms)
{
    for (uint64_t end = now_ms() + ms; now_ms() < end;) {
        CHECK(!store_next(store));
        struct pollfd descriptor = {.fd = store_descriptor(store), .events = POLLIN};
        store_timeout(store);
        poll(&descriptor, 1, 10);
    }
}

static void call(const char *step, size_t size)
{
    static const struct {
        const char *name;
        enum store_step step;
    } steps[] = {{"put", STORE_PUT},       {"get", STORE_GET},       {"begin", STORE_BEGIN},
                 {"status", STORE_STATUS}, {"settle", STORE_SETTLE}, {"watch", STORE_WATCH},
                 {"linger", STORE_GET},    {"ask", STORE_ASK},       {"arrive", STORE_ARRIVE},
                 {"beat", STORE_BEAT},     {"passed", STORE_PASSED}, {"read", STORE_READ},
                 {"count", STORE_COUNT},   {"remove", STORE_REMOVE}, {"extend", STORE_EXTEND},
                 {"jobs", STORE_JOBS}};
    struct store_bytes span = {pattern, size};
    struct store_request request = {.name = {.kind = STORE_VALUE, .node = 1},
                                    .spans = &span,
                                    .span_count = 1,
                                    .arrival = {.all = 7, .edges = 1, .lineage.token = 1},
                                    .values = &span,
                                    .count = 1,
                                    .lease = 1000,
                                    .status = STORE_DONE};
    static const uint64_t number = 7;
    const struct store_name name = {.kind = STORE_JOIN, .node = 1};
    request.names = &name;
    request.numbers = &number;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(step, steps[i].name) == 0)
            request.step = steps[i].step;
    uint64_t before = now_ms();
    if (store_call(store, &request))
        printf("%s %s\n", error_code_text(request.error.code), request.error.message);
    else if (request.step == STORE_GET)
        printf("ok %zu %s\n", request.reply.value.size,
               memcmp(request.reply.value.data, pattern, request.reply.value.size) ? "wrong"
                                                                                   : "right");
    else
        printf("ok %d\n", (int)request.reply.status);
    printf("%" PRIu64 " ms\n", now_ms() - before);
    store_request_release(&request);
    if (strcmp(step, "linger") == 0)
        linger(500);
}

enum { RACES = 2000, AT_ONCE = 50 };
struct racer {
    uint32_t node;
    char text[16];
    struct store_bytes value;
    struct store_request request;
};

static void start_race(struct racer *racer, uint32_t node, uint32_t index, uint32_t count)
{
    store_request_release(&racer->request);
    racer->node = node;
    racer->value = (struct store_bytes){racer->text, (size_t)sprintf(racer->text, "%u", index)};
    racer->request = (struct store_request){
        .step = STORE_ARRIVE,
        .name = {.kind = STORE_JOIN, .node = node},
        .arrival = {.all = (UINT64_C(1) << count) - 1,
                    .edges = UINT64_C(1) << index,
                    .lineage.token = index + 1,
                    .lease = 3600000},
        .values = &racer->value,
        .user = racer,
    };
    store_send(store, &racer->request);
}

/* Whether it owns; then all others' values must be there. */
static bool end_race(const struct racer *racer, uint32_t index, uint32_t count)
{
    const struct store_request *request = &racer->request;
    CHECK_INT(request->code, 0);
    if (request->code || request->reply.answer != JOIN_OWN)
        return false;
    for (uint32_t edge = 0; edge < count; edge++) {
        char expected[16];
        size_t length = (size_t)sprintf(expected, "%u", edge);
        struct store_bytes value = request->reply.values[edge];
        CHECK(edge == index || (value.size == length && memcmp(value.data, expected, length) == 0));
    }
    return true;
}

static void race(uint32_t index, uint32_t count)
{
    static struct racer racers[AT_ONCE];
    uint32_t owned = 0, next = 0, ended = 0;
    while (next < AT_ONCE) {
        start_race(&racers[next], next, index, count);
        next++;
    }
    while (ended < RACES) {
        struct store_request *request = store_next(store);
        if (!request) {
            struct pollfd descriptor = {.fd = store_descriptor(store), .events = POLLIN};
            poll(&descriptor, 1, store_timeout(store));
            continue;
        }
        struct racer *racer = request->user;
        ended++;
        owned += end_race(racer, index, count);
        if (next < RACES)
            start_race(racer, next++, index, count);
    }
    for (uint32_t i = 0; i < AT_ONCE; i++)
        store_request_release(&racers[i].request);
    printf("%u\n", owned);
}

static int put_and_get(uint32_t timeout)
{
    enum { SPANS = 16 }; /* more than the buffers of sockets hold */
    char *data = malloc(LARGEST);
    memcpy(data, pattern, LARGEST);
    struct store_bytes spans[SPANS];
    for (int i = 0; i < SPANS; i++)
        spans[i] = (struct store_bytes){data, LARGEST};
    struct store_request put = {
        .step = STORE_PUT, .spans = spans, .span_count = SPANS, .timeout = timeout};
    struct store_request get = {.step = STORE_GET, .timeout = timeout};
    uint64_t before = now_ms();
    int put_code = store_call(store, &put);
    free(data); /* no longer the store's */
    int get_code = store_call(store, &get);
    bool right = !get_code && get.reply.value.size == SPANS * (size_t)LARGEST;
    for (int i = 0; i < SPANS && right; i++)
        right =
            memcmp((const char *)get.reply.value.data + (size_t)i * LARGEST, pattern, LARGEST) == 0;
    store_request_release(&get);
    uint64_t took = now_ms() - before;
    linger(100);
    printf("%s\n", put_code   ? error_code_text(put.error.code)
                   : get_code ? error_code_text(get.error.code)
                   : right    ? took < 4000 ? "right" : "right, but late"
                              : "wrong");
    fflush(stdout);
    return put_code ? put_code : get_code;
}

static void tear(uint32_t timeout)
{
    put_and_get(timeout);
    char line[10];
    if (fgets(line, sizeof line, stdin))
        put_and_get(20000);
}

static void fill_pattern(void)
{
    static uint64_t words[(LARGEST + 1000) / 8 + 1];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        words[i] = hash_mix(i);
    pattern = (char *)words;
}

static void work_for_a_moment(const char *address)
{
    if (!open_address(address, 0))
        return;
    work(address, is_a_moment_later);
    store_close(store);
}

static void work_in_memory(void)
{
    work_for_a_moment("mem:work");
}

static void work_with_faults(void)
{
    work_for_a_moment("fault:1:300,late,repeated,straggling:mem:work");
}

static void latency_is_that_of_each_request(void)
{
    if (!open_address("latency:20:mem:work", 0))
        return;
    struct store_request request = {.step = STORE_STATUS}, again = request;
    uint64_t before = now_ms();
    store_send(store, &again);
    CHECK_INT(store_call(store, &request), 0);
    uint64_t took = now_ms() - before;
    CHECK(took >= 20 && took < 200); /* both together */
    store_request_release(&request);
    while (store_next(store) != &again)
        ;
    store_request_release(&again);
    store_close(store);
}

/* What a store has acknowledged and then forgot is missed; and what it says it has not done, it may
 * have. */
static void faults_are_what_they_are_called(void)
{
    struct store_request requests[100] = {0}, again[100] = {0};
    if (!open_address("fault:1:500,forgetful,lost,unanswered:mem:work", 0))
        return;
    int failed = 0, forgotten = 0, done_and_failed = 0;
    struct store_bytes span = {pattern, 5000};
    for (uint32_t i = 0; i < 100; i++) {
        requests[i] = (struct store_request){
            .step = STORE_PUT, .name.node = i, .spans = &span, .span_count = 1};
        again[i] = (struct store_request){.step = STORE_GET, .name.node = i};
        int put = store_call(store, &requests[i]), get = ERR_store_timeout;
        while (get == ERR_store_timeout) {
            store_request_release(&again[i]);
            get = store_call(store, &again[i]);
        }
        failed += put == ERR_store_timeout;
        forgotten += put == 0 && get == ERR_store_missing;
        done_and_failed += put == ERR_store_timeout && get == 0;
        store_request_release(&again[i]);
    }
    CHECK(failed > 10 && forgotten > 3 && done_and_failed > 3 && done_and_failed < failed);
    store_close(store);
}

static int run(int count, char **arguments)
{
    const char *address = arguments[1], *what = arguments[2];
    uint64_t number = strtoull(arguments[3], NULL, 10);
    bool works = strcmp(what, "work") == 0;
    if (works)
        random_state = number;
    bool races = strcmp(what, "race") == 0;
    bool tears = strcmp(what, "torn") == 0; /* the connection should not be given up first */
    if (!open_address(address, works || tears || races ? 30000 : (uint32_t)number))
        return 1;
    if (works)
        work(address, has_input_ended);
    else if (races)
        race((uint32_t)number, (uint32_t)atoi(arguments[4]));
    else if (tears)
        tear((uint32_t)number);
    else
        call(what, count > 4 ? strtoull(arguments[4], NULL, 10) : 10);
    store_close(store);
    return test_failures != 0;
}

int main(int count, char **arguments)
{
    static const struct test_case cases[] = {TEST(work_in_memory), TEST(work_with_faults),
                                             TEST(faults_are_what_they_are_called),
                                             TEST(latency_is_that_of_each_request)};
    fill_pattern();
    if (count >= 4)
        return run(count, arguments);
    return test_main(__FILE__, cases, sizeof cases / sizeof *cases);
}
