/*
 * What every kind of store must do: the same steps against each address that is named on the
 * command line, or, without any, against memory, plain and through faults. tests/stores.py starts
 * servers and runs this program against them.
 */
#include "store/store.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "test.h"

static const char *address;
static struct store *store;          /* of a fresh job, in every test */
static struct store_request request; /* the last one, until the next */

static void open_job(const char *job, struct store **opened)
{
    struct store_options options = {.time_to_live = 600, .timeout = 20000};
    memcpy(options.job, job, STORE_JOB_NAME + 1);
    struct error error;
    int code = store_open(address, &options, opened, &error);
    if (code) {
        fprintf(stderr, "%s: %s\n", address, error.message);
        exit(1);
    }
}

static void open_store(void)
{
    char job[STORE_JOB_NAME + 1];
    store_make_job_name(job);
    open_job(job, &store);
}

static void clear(void)
{
    store_request_release(&request);
    memset(&request, 0, sizeof request);
}

static int call(struct store *of, enum store_step step)
{
    request.step = step;
    int code = store_call(of, &request);
    if (code && code != ERR_store_missing && code != ERR_store_job_exists)
        fprintf(stderr, "step %d: %s\n", (int)step, request.error.message);
    return code;
}

static void finish(void)
{
    clear();
    CHECK_INT(call(store, STORE_REMOVE), 0);
    clear();
    store_close(store);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static struct store_name value_name(uint32_t node, uint64_t part)
{
    return (struct store_name){.kind = STORE_VALUE, .node = node, .first = part};
}

static int put(struct store *of, struct store_name name, const void *data, size_t size)
{
    clear();
    request.name = name;
    struct store_bytes span = {data, size};
    request.spans = &span;
    request.span_count = 1;
    return call(of, STORE_PUT);
}

static int get(struct store *of, struct store_name name)
{
    clear();
    request.name = name;
    return call(of, STORE_GET);
}

/* ---- Values -----------------------------------------------------------------------------------
 */

static char *pattern(size_t size, uint64_t seed)
{
    char *bytes = malloc(size + 8);
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = hash_mix(seed + i);
        memcpy(bytes + i, &word, 8);
    }
    return bytes;
}

static void check_value(uint32_t node, size_t size)
{
    char *bytes = pattern(size, node);
    CHECK_INT(get(store, value_name(node, 3)), 0);
    CHECK_INT(request.reply.value.size, size);
    CHECK((uintptr_t)request.reply.value.data % 64 == 0);
    CHECK(request.reply.value.size == size && memcmp(request.reply.value.data, bytes, size) == 0);
    free(bytes);
}

static void values_of_every_size(void)
{
    static const size_t sizes[] = {0,     1,     2,       63,      64,      65,      1000,    16383,
                                   16384, 65537, 1 << 20, 1048575, 1048577, 3 << 20, 40 << 20};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    open_store();
    for (uint32_t i = 0; i < COUNT; i++) {
        char *bytes = pattern(sizes[i], i);
        size_t half = sizes[i] / 3;
        clear();
        request.name = value_name(i, 3);
        struct store_bytes spans[] = {{bytes, half}, {bytes, 0}, {bytes + half, sizes[i] - half}};
        request.spans = spans;
        request.span_count = 3;
        CHECK_INT(call(store, STORE_PUT), 0);
        free(bytes);
    }
    for (uint32_t i = 0; i < COUNT; i++)
        check_value(i, sizes[i]);
    finish();
}

static void names_differ_in_each_part(void)
{
    static const struct store_name names[] = {
        {STORE_VALUE, 1, 0, 0, 0},
        {STORE_VALUE, 0, 1, 0, 0},
        {STORE_VALUE, 0, 0, 1, 0},
        {STORE_VALUE, 0, 0, 0, 0},
        {STORE_RESULT, 0, 0, 0, 0},
        {STORE_PLAN, 0, 0, 0, 0},
        {STORE_WORDS, 0, 0, 0, 0},
        {STORE_INPUT, 0, 0, 0, 0},
        {STORE_RANGE, 0, 0, 0, 1},
        {STORE_RANGE, 0, 0, 0, 2},
        {STORE_FRAGMENT, 0, UINT64_MAX, 0, 0},
        {STORE_FRAGMENT, 0, UINT64_MAX - 1, 0, 0},
        {STORE_VALUE, UINT32_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX},
    };
    enum { COUNT = sizeof names / sizeof *names };
    open_store();
    for (uint32_t i = 0; i < COUNT; i++) {
        CHECK_INT(get(store, names[i]), ERR_store_missing);
        CHECK_INT(put(store, names[i], &i, sizeof i), 0);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        CHECK_INT(get(store, names[i]), 0);
        CHECK(request.reply.value.size == sizeof i &&
              memcmp(request.reply.value.data, &i, sizeof i) == 0);
    }
    finish();
}

static void a_value_written_twice_is_the_last(void)
{
    open_store();
    char *large = pattern(3 << 20, 1);
    CHECK_INT(put(store, value_name(1, 0), large, 3 << 20), 0);
    CHECK_INT(put(store, value_name(1, 0), "small", 5), 0);
    CHECK_INT(get(store, value_name(1, 0)), 0);
    CHECK(request.reply.value.size == 5 && memcmp(request.reply.value.data, "small", 5) == 0);
    free(large);
    finish();
}

static void many_requests_at_once(void)
{
    enum { COUNT = 3000 };
    open_store();
    struct store_request *requests = calloc(2 * COUNT, sizeof *requests);
    struct store_bytes spans[COUNT];
    uint32_t data[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        data[i] = i * 7;
        spans[i] = (struct store_bytes){&data[i], 4};
        requests[i] = (struct store_request){.step = STORE_PUT,
                                             .name = value_name(i, 0),
                                             .spans = &spans[i],
                                             .span_count = 1,
                                             .user = &data[i]};
        store_send(store, &requests[i]);
    }
    uint32_t answered = 0;
    for (uint32_t phase = 0; answered < 2 * COUNT;) {
        struct store_request *next = store_next(store);
        if (!next) {
            struct pollfd descriptor = {.fd = store_descriptor(store), .events = POLLIN};
            poll(&descriptor, 1, store_timeout(store));
            continue;
        }
        answered++;
        CHECK_INT(next->code, 0);
        if (next->step == STORE_GET)
            CHECK(memcmp(next->reply.value.data, next->user, 4) == 0);
        store_request_release(next);
        for (; answered == COUNT && phase < COUNT; phase++) {
            requests[COUNT + phase] = (struct store_request){
                .step = STORE_GET, .name = value_name(phase, 0), .user = &data[phase]};
            store_send(store, &requests[COUNT + phase]);
        }
    }
    free(requests);
    finish();
}

/* ---- Joins ------------------------------------------------------------------------------------
 */

static enum join_answer arrive(struct store *of, uint32_t node, uint64_t all, uint64_t edges,
                               uint64_t token, uint64_t lease)
{
    static uint64_t contents[JOIN_WIDTH];
    static struct store_bytes values[JOIN_WIDTH];
    clear();
    uint32_t count = 0;
    for (uint64_t left = edges; left; left &= left - 1) {
        uint32_t edge = (uint32_t)__builtin_ctzll(left);
        contents[edge] = 1000 + edge;
        values[count++] = (struct store_bytes){&contents[edge], edge % 3 == 2 ? 0 : 8};
    }
    request.name = (struct store_name){.kind = STORE_JOIN, .node = node};
    request.arrival =
        (struct join_arrival){.all = all, .edges = edges, .lineage.token = token, .lease = lease};
    request.values = values;
    CHECK_INT(call(of, STORE_ARRIVE), 0);
    return request.reply.answer;
}

static enum join_answer ask(uint32_t node, uint64_t all, uint64_t edges, uint64_t token,
                            uint64_t size, uint64_t until)
{
    clear();
    request.name = (struct store_name){.kind = STORE_JOIN, .node = node};
    request.arrival =
        (struct join_arrival){.all = all, .edges = edges, .lineage.token = token, .lease = 60000};
    request.wait = (struct join_wait){size, until};
    CHECK_INT(call(store, STORE_ASK), 0);
    return request.reply.answer;
}

static void check_own_values(uint64_t all, uint64_t edges)
{
    for (uint32_t edge = 0; edge < JOIN_WIDTH; edge++) {
        bool there = (all & ~edges) >> edge & 1 && edge % 3 != 2;
        if (edge >= request.reply.value_count) {
            CHECK(!there);
            continue;
        }
        struct store_bytes value = request.reply.values[edge];
        CHECK_INT(value.size, there ? 8 : 0);
        uint64_t expected = 1000 + edge;
        CHECK(!there || (value.size == 8 && memcmp(value.data, &expected, 8) == 0));
    }
}

static struct store_state state_of(struct store_name name)
{
    clear();
    request.names = &name;
    request.count = 1;
    CHECK_INT(call(store, STORE_READ), 0);
    struct store_state none = {0};
    return request.code ? none : request.reply.states[0];
}

static struct store_name join_name(uint32_t node)
{
    return (struct store_name){.kind = STORE_JOIN, .node = node};
}

/* P3.5, P3.6: of every in-degree the last owns, with all that the others brought. */
static void the_last_to_arrive_owns(void)
{
    open_store();
    for (uint32_t width = 2; width <= JOIN_WIDTH; width += width < 10 ? 1 : 18) {
        uint64_t all = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
        for (uint32_t edge = 0; edge + 1 < width; edge++)
            CHECK_INT(arrive(store, width, all, UINT64_C(1) << edge, edge + 1, 60000), JOIN_NOT);
        struct store_state state = state_of(join_name(width));
        CHECK(state.exists && state.bits == all >> 1 && !state.own_edges && !state.passed);
        uint64_t last = UINT64_C(1) << (width - 1);
        CHECK_INT(arrive(store, width, all, last, width, 60000), JOIN_OWN);
        CHECK(!request.reply.taken_over);
        check_own_values(all, last);
        state = state_of(join_name(width));
        CHECK(state.bits == all >> 1 && state.own_edges == last && state.own_is_live);
    }
    finish();
}

static void who_comes_too_late_stops(void)
{
    open_store();
    CHECK_INT(arrive(store, 1, 7, 1, 10, 60000), JOIN_NOT);
    CHECK_INT(arrive(store, 1, 7, 6, 20, 60000), JOIN_OWN);
    CHECK_INT(arrive(store, 1, 7, 1, 10, 60000), JOIN_STOP); /* P3.1 */
    CHECK_INT(arrive(store, 1, 7, 2, 30, 60000), JOIN_STOP); /* P3.2 */
    CHECK_INT(arrive(store, 1, 7, 6, 20, 60000), JOIN_OWN);  /* the same token: a repetition */
    check_own_values(7, 6);
    clear();
    struct store_name name = join_name(1);
    request.names = &name;
    request.count = 1;
    CHECK_INT(call(store, STORE_PASSED), 0);
    CHECK(state_of(name).passed);
    CHECK_INT(arrive(store, 1, 7, 6, 20, 60000), JOIN_STOP); /* P3.3 */
    finish();
}

static void an_owner_whose_lease_is_over_is_replaced(void)
{
    open_store();
    CHECK_INT(arrive(store, 1, 7, 1, 10, 1), JOIN_NOT);
    CHECK_INT(arrive(store, 1, 7, 6, 20, 1), JOIN_OWN);
    sleep_ms(20);
    CHECK(!state_of(join_name(1)).own_is_live);
    CHECK_INT(arrive(store, 1, 7, 2, 30, 60000), JOIN_NOT); /* P3.4 */
    struct store_state state = state_of(join_name(1));
    CHECK(state.bits == 3 && state.own_edges == 0);
    CHECK_INT(arrive(store, 1, 7, 4, 40, 60000), JOIN_OWN);
    CHECK(request.reply.taken_over);
    finish();
}

static void the_largest_holder_waits(void)
{
    open_store();
    CHECK_INT(ask(1, 15, 1, 10, 5000, 60000), JOIN_NOT);
    CHECK_INT(request.reply.largest.size, 0);
    CHECK_INT(ask(1, 15, 2, 20, 9000, 60000), JOIN_NOT);
    CHECK(request.reply.largest.size == 5000 && request.reply.largest.edge == 0);
    CHECK_INT(ask(1, 15, 1, 10, 5000, 60000), JOIN_NOT);
    CHECK(request.reply.largest.size == 9000 && request.reply.largest.edge == 1);
    CHECK_INT(ask(1, 15, 4, 30, 9000, 20), JOIN_NOT);
    CHECK(request.reply.largest.size == 9000 && request.reply.largest.edge == 1);
    struct store_state state = state_of(join_name(1));
    CHECK(state.bits == 0);
    sleep_ms(60);
    CHECK_INT(state_of(join_name(1)).waiting, 3); /* P5.4: a wait has an end */
    CHECK_INT(ask(1, 15, 1, 10, 5000, 60000), JOIN_NOT);
    CHECK_INT(request.reply.largest.edge, 1);
    CHECK_INT(arrive(store, 1, 15, 1, 10, 60000), JOIN_NOT);
    CHECK_INT(state_of(join_name(1)).waiting, 2);
    CHECK_INT(arrive(store, 1, 15, 4, 30, 60000), JOIN_NOT);
    CHECK_INT(arrive(store, 1, 15, 8, 40, 60000), JOIN_NOT);
    CHECK_INT(ask(1, 15, 2, 20, 9000, 60000), JOIN_OWN);
    check_own_values(15, 2);
    finish();
}

/* ---- Marks ------------------------------------------------------------------------------------
 */

static void marks_are_read_together(void)
{
    enum { COUNT = 500 };
    open_store();
    struct store_name names[COUNT];
    for (uint32_t i = 0; i < COUNT; i++)
        names[i] = i % 2
                       ? value_name(i, 0)
                       : (struct store_name){.kind = STORE_RANGE, .node = i, .first = 3, .end = 9};
    for (uint32_t i = 0; i < COUNT; i += 3)
        CHECK_INT(put(store, names[i], NULL, 0), 0);
    clear();
    request.names = names;
    request.count = COUNT;
    CHECK_INT(call(store, STORE_READ), 0);
    for (uint32_t i = 0; i < COUNT; i++)
        CHECK_INT(request.reply.states[i].exists, i % 3 == 0);
    finish();
}

static void heartbeats_end(void)
{
    open_store();
    struct store_name names[40];
    for (uint32_t i = 0; i < 40; i++)
        names[i] = (struct store_name){.kind = STORE_HEARTBEAT, .node = i};
    clear();
    request.names = names;
    request.count = 40;
    request.lease = 1500;
    CHECK_INT(call(store, STORE_BEAT), 0);
    CHECK(request.reply.answer != JOIN_POISONED);
    CHECK(state_of(names[0]).exists && state_of(names[39]).exists);
    sleep_ms(1600);
    CHECK(!state_of(names[0]).exists && !state_of(names[39]).exists);
    finish();
}

/* ---- Jobs -------------------------------------------------------------------------------------
 */

static int begin(const char *description)
{
    clear();
    struct store_bytes span = {description, strlen(description)};
    request.spans = &span;
    request.span_count = 1;
    return call(store, STORE_BEGIN);
}

static enum store_status settle(enum store_status status, const char *outcome)
{
    clear();
    struct store_bytes spans[] = {{outcome, 2}, {outcome + 2, strlen(outcome) - 2}};
    request.spans = spans;
    request.span_count = 2;
    request.status = status;
    CHECK_INT(call(store, STORE_SETTLE), 0);
    return request.reply.status;
}

static bool is_text(struct store_bytes bytes, const char *text)
{
    return bytes.size == strlen(text) && (!bytes.size || memcmp(bytes.data, text, bytes.size) == 0);
}

static void check_status(enum store_status status, const char *description, const char *outcome)
{
    clear();
    CHECK_INT(call(store, STORE_STATUS), 0);
    CHECK_INT(request.reply.status, status);
    CHECK_INT(request.reply.value_count, 2);
    if (request.reply.value_count != 2)
        return;
    const struct store_bytes *values = request.reply.values;
    CHECK(is_text(values[0], description));
    CHECK(is_text(values[1], outcome));
}

static void a_job_is_settled_once(void)
{
    open_store();
    check_status(STORE_ABSENT, "", "");
    CHECK_INT(begin("what to do"), 0);
    CHECK_INT(begin("what to do"), 0); /* its answer may have been lost */
    CHECK_INT(begin("another"), ERR_store_job_exists);
    check_status(STORE_RUNNING, "what to do", "");
    CHECK_INT(settle(STORE_DONE, "42 and more"), STORE_DONE);
    CHECK_INT(settle(STORE_FAILED, "no"), STORE_DONE);
    check_status(STORE_DONE, "what to do", "42 and more");
    finish();
    open_store();
    CHECK_INT(settle(STORE_CANCELLED, "??"), STORE_ABSENT);
    check_status(STORE_ABSENT, "", "");
    finish();
}

/* The mark is in every shard: in the answers of asks, arrivals and heartbeats, whatever the node.
 */
static void a_settled_job_is_poisoned(void)
{
    open_store();
    CHECK_INT(begin("x"), 0);
    CHECK_INT(arrive(store, 7, 3, 1, 1, 60000), JOIN_NOT);
    CHECK_INT(settle(STORE_FAILED, "why"), STORE_FAILED);
    for (uint32_t node = 0; node < 300; node++)
        CHECK_INT(arrive(store, node, 3, 2, 1, 60000), JOIN_POISONED);
    CHECK_INT(ask(9, 3, 1, 1, 10, 10), JOIN_POISONED);
    clear();
    struct store_name name = {.kind = STORE_HEARTBEAT, .node = 3};
    request.names = &name;
    request.count = 1;
    request.lease = 1000;
    CHECK_INT(call(store, STORE_BEAT), 0);
    CHECK_INT(request.reply.answer, JOIN_POISONED);
    finish();
}

static void counters_add_up(void)
{
    static const uint64_t first[] = {1, 2, UINT64_C(1) << 60}, second[] = {10, 20, 30, 40};
    open_store();
    CHECK_INT(begin("x"), 0);
    clear();
    request.numbers = first;
    request.count = 3;
    CHECK_INT(call(store, STORE_COUNT), 0);
    clear();
    request.numbers = second;
    request.count = 4;
    CHECK_INT(call(store, STORE_COUNT), 0);
    clear();
    CHECK_INT(call(store, STORE_STATUS), 0);
    CHECK_INT(request.reply.counter_count, 4);
    if (request.reply.counter_count == 4) {
        CHECK_INT(request.reply.counters[0], 11);
        CHECK_INT(request.reply.counters[1], 22);
        CHECK_INT(request.reply.counters[2], (INT64_C(1) << 60) + 30);
        CHECK_INT(request.reply.counters[3], 40);
    }
    finish();
}

static void of_maxima_the_largest_counts(void)
{
    static const uint64_t numbers[][3] = {{5, 70, 1}, {5, 900, 1}, {5, 80, 1}};
    open_store();
    CHECK_INT(begin("x"), 0);
    for (int i = 0; i < 3; i++) {
        clear();
        request.numbers = numbers[i];
        request.count = 3;
        request.maxima = 2;
        CHECK_INT(call(store, STORE_COUNT), 0);
    }
    clear();
    CHECK_INT(call(store, STORE_STATUS), 0);
    CHECK_INT(request.reply.counter_count, 3);
    if (request.reply.counter_count == 3) {
        CHECK_INT(request.reply.counters[0], 15);
        CHECK_INT(request.reply.counters[1], 900);
        CHECK_INT(request.reply.counters[2], 3);
    }
    finish();
}

static int write_log(const char *lines, uint32_t cut)
{
    clear();
    struct store_bytes spans[] = {{lines, 1}, {lines + 1, strlen(lines) - 1}};
    request.spans = spans;
    request.span_count = 2;
    request.count = cut;
    return call(store, STORE_LOG);
}

static void check_tail(uint64_t first, const char *expected)
{
    clear();
    request.name.first = first;
    CHECK_INT(call(store, STORE_TAIL), 0);
    CHECK_INT(request.reply.value.size, strlen(expected));
    CHECK(request.reply.value.size == strlen(expected) &&
          memcmp(request.reply.value.data, expected, strlen(expected)) == 0);
}

/* Whole lines, as far as there is room; the others are counted. */
static void a_log_has_an_end(void)
{
    enum { LINE = 1000 };
    open_store();
    CHECK_INT(write_log("before the job\n", 0), 0);
    CHECK_INT(begin("x"), 0);
    check_tail(0, "");
    CHECK_INT(write_log("first\n", 0), 0);
    CHECK_INT(write_log("second\nthird\n", 3), 0);
    check_tail(0, "first\nsecond\nthird\n");
    check_tail(6, "second\nthird\n");
    check_tail(500, "");
    char *lines = pattern(20 * LINE + 1, 1);
    for (size_t i = 0; i < 20 * LINE; i++)
        lines[i] = i % LINE == LINE - 1 ? '\n' : 'a';
    lines[20 * LINE] = 0;
    uint64_t written = 19, fitting = (STORE_LOG_BYTES - written) / LINE;
    for (uint64_t sent = 0; sent < 1060; sent += 20)
        CHECK_INT(write_log(lines, 0), 0);
    free(lines);
    clear();
    CHECK_INT(call(store, STORE_STATUS), 0);
    CHECK_INT(request.reply.log_cut, 3 + 1060 - fitting);
    check_tail(written + fitting * LINE, "");
    check_tail(written + fitting * LINE - 2, "a\n");
    clear();
    CHECK_INT(call(store, STORE_TAIL), 0);
    CHECK_INT(request.reply.value.size, STORE_TAIL_BYTES);
    settle(STORE_DONE, "done");
    CHECK_INT(write_log("late\n", 5), 0);
    clear();
    CHECK_INT(call(store, STORE_STATUS), 0);
    CHECK_INT(request.reply.log_cut, 3 + 1060 - fitting);
    finish();
}

static void a_watcher_is_told(void)
{
    open_store();
    struct store *other;
    open_job(store->options.job, &other);
    CHECK_INT(begin("x"), 0);
    struct store_request watch = {.step = STORE_WATCH, .timeout = 100};
    CHECK_INT(store_call(store, &watch), 0); /* the first may be answered at once */
    uint64_t count = 0;
    for (struct timespec pause = {0, 1000000}; count < 3; count++) {
        CHECK_INT(store_call(store, &watch), 0); /* after its time */
        nanosleep(&pause, NULL);
    }
    watch.timeout = 10000;
    store_send(store, &watch);
    CHECK(!store_next(store));
    clear();
    request.status = STORE_DONE;
    CHECK_INT(call(other, STORE_SETTLE), 0);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    struct store_request *answered;
    while (!(answered = store_next(store))) {
        struct pollfd descriptor = {.fd = store_descriptor(store), .events = POLLIN};
        poll(&descriptor, 1, store_timeout(store));
    }
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK(answered == &watch && watch.code == 0);
    CHECK(after.tv_sec - before.tv_sec < 5);
    store_close(other);
    finish();
}

/* P5: two jobs with the same names of nodes. */
static void jobs_do_not_meet(void)
{
    open_store();
    struct store *first = store, *second;
    open_store();
    second = store;
    CHECK_INT(put(first, value_name(1, 0), "first", 5), 0);
    CHECK_INT(get(second, value_name(1, 0)), ERR_store_missing);
    CHECK_INT(arrive(first, 2, 3, 1, 1, 60000), JOIN_NOT);
    CHECK_INT(arrive(second, 2, 3, 2, 1, 60000), JOIN_NOT);
    CHECK_INT(begin("second"), 0);
    CHECK_INT(settle(STORE_DONE, "done"), STORE_DONE);
    CHECK_INT(arrive(first, 3, 3, 1, 1, 60000), JOIN_NOT); /* not poisoned by the other */
    finish();
    CHECK_INT(get(first, value_name(1, 0)), 0); /* not removed with the other */
    store = first;
    finish();
}

static void a_removed_job_is_gone(void)
{
    open_store();
    CHECK_INT(begin("x"), 0);
    char *large = pattern(5 << 20, 1);
    CHECK_INT(put(store, value_name(1, 0), large, 5 << 20), 0);
    free(large);
    for (uint32_t i = 0; i < 300; i++)
        CHECK_INT(put(store, value_name(i, 1), "x", 1), 0);
    CHECK_INT(arrive(store, 2, 3, 1, 1, 60000), JOIN_NOT);
    CHECK_INT(settle(STORE_DONE, "done"), STORE_DONE);
    clear();
    CHECK_INT(call(store, STORE_EXTEND), 0);
    clear();
    CHECK_INT(call(store, STORE_REMOVE), 0);
    check_status(STORE_ABSENT, "", "");
    CHECK_INT(get(store, value_name(1, 0)), ERR_store_missing);
    clear();
    struct store_name late = join_name(9);
    request.names = &late;
    request.count = 1;
    CHECK_INT(call(store, STORE_PASSED), 0);
    CHECK(!state_of(late).exists);                         /* what comes late leaves nothing */
    CHECK_INT(arrive(store, 2, 3, 2, 1, 60000), JOIN_NOT); /* neither record nor mark is left */
    finish();
}

/* Executors that nobody could wait for find the marks of the job's end for a while. */
static void a_removed_job_still_stops(void)
{
    open_store();
    CHECK_INT(begin("x"), 0);
    CHECK_INT(put(store, value_name(1, 0), "x", 1), 0);
    CHECK_INT(settle(STORE_CANCELLED, "no"), STORE_CANCELLED);
    clear();
    request.lease = 3000;
    CHECK_INT(call(store, STORE_REMOVE), 0);
    check_status(STORE_ABSENT, "", "");
    CHECK_INT(get(store, value_name(1, 0)), ERR_store_missing);
    for (uint32_t node = 0; node < 40; node++)
        CHECK_INT(arrive(store, node, 3, 1, 1, 60000), JOIN_POISONED);
    CHECK(!state_of(join_name(2)).exists);
    settle(STORE_DONE, "late"); /* the marks of an executor that is late keep their time */
    check_status(STORE_ABSENT, "", "");
    sleep_ms(3050);
    CHECK_INT(arrive(store, 2, 3, 2, 1, 60000), JOIN_NOT);
    clear();
    request.lease = 1500; /* of a job that was not settled nothing stays */
    CHECK_INT(call(store, STORE_REMOVE), 0);
    CHECK_INT(arrive(store, 2, 3, 1, 1, 60000), JOIN_NOT);
    finish();
}

static const struct store_job *find_job(const char *name)
{
    for (uint32_t i = 0; i < request.reply.job_count; i++)
        if (strcmp(request.reply.jobs[i].name, name) == 0)
            return &request.reply.jobs[i];
    return NULL;
}

/* S1.12: what an executor stores that comes late is taken back, whole or in chunks; but not while
 * the job's result may still be read. */
static void what_comes_late_does_not_stay(void)
{
    const struct store_name range = {.kind = STORE_RANGE, .node = 1, .first = 2, .end = 3};
    char *large = pattern(3 << 20, 1);
    open_store();
    CHECK_INT(begin("x"), 0);
    CHECK_INT(put(store, value_name(1, 3), large, 3 << 20), 0);
    CHECK(request.reply.answer != JOIN_POISONED);
    CHECK_INT(settle(STORE_DONE, "done"), STORE_DONE);
    CHECK_INT(put(store, value_name(1, 3), large, 3 << 20), 0);
    CHECK_INT(request.reply.answer, JOIN_POISONED);
    check_value(1, 3 << 20);
    clear();
    request.lease = 60000;
    CHECK_INT(call(store, STORE_REMOVE), 0);
    for (uint32_t node = 0; node < 10; node++) {
        CHECK_INT(put(store, value_name(node, 3), large, node % 3 ? 5 : 3 << 20), 0);
        CHECK_INT(request.reply.answer, JOIN_POISONED);
        CHECK_INT(get(store, value_name(node, 3)), ERR_store_missing);
    }
    CHECK_INT(put(store, range, "", 0), 0);
    CHECK_INT(request.reply.answer, JOIN_POISONED);
    clear();
    CHECK_INT(call(store, STORE_JOBS), 0);
    CHECK(!find_job(store->options.job)); /* no chunk is left either */
    free(large);
    finish();
}

static void jobs_are_listed(void)
{
    open_store();
    struct store *first = store;
    CHECK_INT(begin("first"), 0);
    sleep_ms(30);
    open_store();
    struct store *second = store;
    CHECK_INT(begin("second"), 0);
    CHECK_INT(settle(STORE_FAILED, "why"), STORE_FAILED);
    clear();
    CHECK_INT(call(first, STORE_JOBS), 0);
    const struct store_job *running = find_job(first->options.job);
    const struct store_job *failed = find_job(second->options.job);
    CHECK(running && running->status == STORE_RUNNING && running->age >= 30 &&
          running->age < 20000);
    CHECK(failed && failed->status == STORE_FAILED && failed->age <= running->age);
    char removed[STORE_JOB_NAME + 1];
    memcpy(removed, second->options.job, sizeof removed);
    finish();
    store = first;
    clear();
    CHECK_INT(call(store, STORE_JOBS), 0);
    CHECK(find_job(first->options.job) && !find_job(removed));
    finish();
}

/* What is written when not even the marks of a removed job stand any more. */
static void remains_are_listed(void)
{
    struct store_name heartbeat = {.kind = STORE_HEARTBEAT, .node = 3};
    open_store();
    CHECK_INT(begin("it"), 0);
    CHECK_INT(settle(STORE_DONE, "end"), STORE_DONE);
    for (int keeps_marks = 1; keeps_marks >= 0; keeps_marks--) {
        clear();
        request.lease = keeps_marks ? 60000 : 0;
        CHECK_INT(call(store, STORE_REMOVE), 0);
        clear();
        CHECK_INT(call(store, STORE_JOBS), 0);
        CHECK(!find_job(store->options.job)); /* the marks are no remains */
    }
    CHECK_INT(put(store, heartbeat, "", 0), 0);
    clear();
    CHECK_INT(call(store, STORE_JOBS), 0);
    CHECK(!find_job(store->options.job));
    CHECK_INT(put(store, value_name(1, 0), "late", 4), 0);
    CHECK_INT(put(store, value_name(2, 0), "late", 4), 0);
    clear();
    CHECK_INT(call(store, STORE_JOBS), 0);
    const struct store_job *found = find_job(store->options.job);
    CHECK(found && found->status == STORE_ABSENT && found->age == 0);
    clear();
    request.lease = 60000;
    CHECK_INT(call(store, STORE_REMOVE), 0);
    CHECK_INT(get(store, value_name(1, 0)), ERR_store_missing);
    clear();
    CHECK_INT(call(store, STORE_JOBS), 0);
    CHECK(!find_job(store->options.job));
    finish();
}

static void what_nobody_removes_disappears(void)
{
    char job[STORE_JOB_NAME + 1];
    store_make_job_name(job);
    struct store_options options = {.time_to_live = 3};
    memcpy(options.job, job, sizeof job);
    struct error error;
    CHECK_INT(store_open(address, &options, &store, &error), 0);
    CHECK_INT(put(store, value_name(1, 0), "x", 1), 0);
    CHECK_INT(arrive(store, 2, 3, 1, 1, 60000), JOIN_NOT);
    CHECK_INT(get(store, value_name(1, 0)), 0);
    sleep_ms(3100);
    CHECK_INT(get(store, value_name(1, 0)), ERR_store_missing);
    CHECK(!state_of(join_name(2)).exists);
    finish();
}

static void names_of_jobs_are_random(void)
{
    char names[100][STORE_JOB_NAME + 1];
    for (int i = 0; i < 100; i++) {
        store_make_job_name(names[i]);
        CHECK_INT(strlen(names[i]), STORE_JOB_NAME);
        CHECK_INT(strspn(names[i], "abcdefghijklmnopqrstuvwxyz234567"), STORE_JOB_NAME);
        for (int j = 0; j < i; j++)
            CHECK(strcmp(names[i], names[j]) != 0);
    }
}

static void an_address_must_be_a_stores(void)
{
    struct error error;
    struct store_options options = {.time_to_live = 1};
    CHECK_INT(store_open("ftp://host", &options, &store, &error), ERR_store_address);
    CHECK_TEXT(error.message, "'ftp://host' is not the address of a store");
    static const char *const faults[] = {"fault:",    "fault:1:2000:mem:x", "fault:1:2,what:mem:x",
                                         "fault:1:2", "fault:x:2:mem:x",    "fault:1:2:ftp://host"};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        CHECK_INT(store_open(faults[i], &options, &store, &error), ERR_store_address);
}

static const struct test_case cases[] = {
    TEST(values_of_every_size),
    TEST(names_differ_in_each_part),
    TEST(a_value_written_twice_is_the_last),
    TEST(many_requests_at_once),
    TEST(the_last_to_arrive_owns),
    TEST(who_comes_too_late_stops),
    TEST(an_owner_whose_lease_is_over_is_replaced),
    TEST(the_largest_holder_waits),
    TEST(marks_are_read_together),
    TEST(heartbeats_end),
    TEST(a_job_is_settled_once),
    TEST(a_settled_job_is_poisoned),
    TEST(counters_add_up),
    TEST(a_log_has_an_end),
    TEST(of_maxima_the_largest_counts),
    TEST(a_watcher_is_told),
    TEST(jobs_do_not_meet),
    TEST(a_removed_job_is_gone),
    TEST(a_removed_job_still_stops),
    TEST(what_comes_late_does_not_stay),
    TEST(jobs_are_listed),
    TEST(remains_are_listed),
    TEST(what_nobody_removes_disappears),
    TEST(names_of_jobs_are_random),
    TEST(an_address_must_be_a_stores),
};

int main(int count, char **arguments)
{
    static char memory[] = "mem:conformance", faulty[] = "fault:1:400:mem:faulty";
    static char distant[] = "latency:2:mem:distant";
    static char *own[] = {NULL, memory, faulty, distant};
    if (count == 1) {
        arguments = own;
        count = sizeof own / sizeof *own;
    }
    int failed = 0;
    for (int i = 1; i < count; i++) {
        address = arguments[i];
        char title[300];
        snprintf(title, sizeof title, "%s, %.200s", __FILE__, address);
        failed |= test_main(title, cases, sizeof cases / sizeof *cases);
    }
    return failed;
}
