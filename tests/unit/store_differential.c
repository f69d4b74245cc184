/*
 * The rules of joins are said twice: in C (executor/join.c) and in Lua (store/redis_join.lua, read
 * and passed). Here random sequences of ASK, ARRIVE, PASSED and READ are done by both, in the same
 * time, and every answer must be equal; and each of a list of mistakes in the Lua must be noticed.
 *
 *     store_differential ADDRESS SEED SEQUENCES     a Redis that is no cluster; tests/stores.py
 *
 * The scripts' clock is the server's. Here it is replaced by a value in the store, which the test
 * writes.
 */
#include "store/redis.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "test.h"

static const char *address;
static uint64_t seed, sequences;
static struct store *store;
static const struct store_name clock_name = {.kind = STORE_VALUE, .node = 0xc10c};

/* ---- The clock, and mistakes ------------------------------------------------------------------
 */

static const char *originals[REDIS_SCRIPTS];

static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    if (!at)
        return NULL;
    struct buffer made = {0};
    buffer_append(&made, text, (size_t)(at - text));
    buffer_puts(&made, to);
    buffer_puts(&made, at + strlen(from));
    return made.data;
}

static char *with_clock(const char *text, const struct redis *redis)
{
    char key[REDIS_KEY], clock[300];
    size_t length = redis_key(redis, key, &clock_name, 0);
    snprintf(clock, sizeof clock, "{0, string.sub(redis.call('GET', '%.*s'), 2) * 1000}",
             (int)length, key);
    char *changed = replaced(text, "redis.call('TIME')", clock);
    return changed ? changed : replaced(text, "", "");
}

/* Opens the store of a job whose name is fixed, so that the clock's key is known to the scripts. */
static void open_store(const char *const *texts)
{
    struct store_options options = {.job = "differentialdifferentialdi", .time_to_live = 600};
    struct error error;
    if (store_open(address, &options, &store, &error))
        bug("%s", error.message);
    for (int i = 0; i < REDIS_SCRIPTS; i++)
        redis_scripts[i] = with_clock(texts[i], (struct redis *)store);
    store_close(store);
    if (store_open(address, &options, &store, &error))
        bug("%s", error.message);
    for (int i = 0; i < REDIS_SCRIPTS; i++) {
        free((void *)(uintptr_t)redis_scripts[i]);
        redis_scripts[i] = originals[i];
    }
}

static uint64_t now;
static char clock_text[24];
static struct store_bytes clock_span = {clock_text, 0};
static struct store_request clock_request;

/* On one connection requests are done in order, so the clock need not be awaited. */
static void send_clock(void)
{
    clock_span.size = (size_t)sprintf(clock_text, "%" PRIu64, now);
    clock_request = (struct store_request){
        .step = STORE_PUT, .name = clock_name, .spans = &clock_span, .span_count = 1};
    store_send(store, &clock_request);
}

static bool call(struct store_request *request)
{
    send_clock();
    bool works = !store_call(store, request) && store_next(store) == &clock_request;
    if (!works)
        fprintf(stderr, "%s\n", request->error.message);
    store_request_release(&clock_request);
    return works;
}

/* ---- One sequence -----------------------------------------------------------------------------
 */

static uint64_t state;

static uint64_t pick(uint64_t below)
{
    state += 0x9e3779b97f4a7c15;
    return hash_mix(state) % below;
}

static struct model {
    struct join_record record;
    struct join_wait waits[JOIN_WIDTH];
    uint64_t values[JOIN_WIDTH]; /* 0: none */
    uint64_t all;
    struct store_name name;
    bool exists;
} model;

static uint64_t pick_edges(void)
{
    uint32_t width = 64 - (uint32_t)__builtin_clzll(model.all);
    uint64_t edges = 0;
    if (pick(8) == 0)
        edges = model.all & ~model.record.bits; /* all that lack */
    for (uint64_t i = pick(3); !edges || i > 0; i -= i > 0)
        edges |= UINT64_C(1) << pick(width);
    return edges & model.all;
}

static struct join_arrival pick_arrival(void)
{
    return (struct join_arrival){
        .all = model.all,
        .edges = pick_edges(),
        .lineage = {.token = pick(4) ? pick(3) : UINT64_MAX - pick(2), .recovers = pick(6) == 0},
        .wanted = pick(4) == 0,
        .now = now,
        .lease = pick(3) ? 5 + pick(60) : pick(3),
    };
}

static bool values_are_equal(const struct store_request *request)
{
    uint64_t others = model.all & ~request->arrival.edges;
    for (uint32_t edge = 0; edge < request->reply.value_count; edge++) {
        struct store_bytes value = request->reply.values[edge];
        uint64_t expected = others >> edge & 1 ? model.values[edge] : 0;
        if (value.size != (expected ? 8u : 0u) ||
            (expected && memcmp(value.data, &expected, 8) != 0))
            return false;
    }
    return true;
}

static bool join_step(bool asks)
{
    struct join_arrival arrival = pick_arrival();
    struct join_wait wait = {pick(4) * 1000, pick(80)};
    uint64_t contents[JOIN_WIDTH];
    struct store_bytes values[JOIN_WIDTH];
    uint32_t count = 0;
    for (uint64_t left = arrival.edges; left; left &= left - 1, count++) {
        contents[count] = 1 + pick(1000000);
        values[count] = (struct store_bytes){&contents[count], 8};
    }
    struct store_request request = {.step = asks ? STORE_ASK : STORE_ARRIVE,
                                    .name = model.name,
                                    .arrival = arrival,
                                    .wait = wait,
                                    .values = values};
    struct join_holder largest = {0};
    wait.until += now;
    enum join_answer answer = asks ? join_ask(&model.record, &arrival, wait, &largest)
                                   : join_arrive(&model.record, &arrival);
    model.exists |= answer != JOIN_STOP;
    if (answer == JOIN_NOT && !asks)
        for (uint64_t left = arrival.edges, i = 0; left; left &= left - 1)
            model.values[__builtin_ctzll(left)] = contents[i++];
    bool equal = call(&request) && request.reply.answer == answer;
    if (equal && answer == JOIN_OWN)
        equal = request.reply.taken_over == model.record.taken_over && values_are_equal(&request);
    if (equal && asks && answer == JOIN_NOT && (largest.size || request.reply.largest.size))
        equal = request.reply.largest.size == largest.size &&
                request.reply.largest.edge == largest.edge;
    store_request_release(&request);
    return equal;
}

static bool pass(void)
{
    model.record.passed = model.exists;
    struct store_request request = {.step = STORE_PASSED, .names = &model.name, .count = 1};
    bool works = call(&request);
    store_request_release(&request);
    return works;
}

static bool read_step(void)
{
    struct store_request request = {.step = STORE_READ, .names = &model.name, .count = 1};
    if (!call(&request))
        return false;
    struct store_state found = request.reply.states[0];
    store_request_release(&request);
    uint64_t waiting = 0;
    for (uint32_t e = 0; e < JOIN_WIDTH; e++)
        if (model.waits[e].size && model.waits[e].until > now)
            waiting |= UINT64_C(1) << e;
    const struct join_record *record = &model.record;
    return found.bits == record->bits && found.own_edges == record->own.edges &&
           found.passed == record->passed && found.waiting == waiting &&
           found.own_is_live == (record->own.edges && record->own.expires > now);
}

static bool sequence_is_equal(uint32_t number)
{
    static const uint32_t widths[] = {2, 2, 3, 3, 5, 31, 32, 33, 40, 64};
    uint32_t width = widths[pick(sizeof widths / sizeof *widths)];
    memset(&model, 0, sizeof model);
    model.record.waits = model.waits;
    model.all = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
    model.name = (struct store_name){.kind = STORE_JOIN, .node = number};
    if (width > 5) { /* or it would hardly ever be complete */
        struct join_arrival most = {.all = model.all,
                                    .edges = model.all & ~pick_edges(),
                                    .lineage.token = 9,
                                    .now = now,
                                    .lease = 10};
        static const struct store_bytes none[JOIN_WIDTH];
        struct store_request request = {
            .step = STORE_ARRIVE, .name = model.name, .arrival = most, .values = none};
        join_arrive(&model.record, &most);
        model.exists = true;
        call(&request);
        store_request_release(&request);
    }
    for (uint64_t steps = 4 + pick(12); steps > 0; steps--) {
        now += pick(2) ? pick(4) : pick(60);
        uint64_t kind = pick(10);
        bool equal = kind == 0 ? pass() : kind < 3 ? read_step() : join_step(kind < 6);
        if (!equal)
            return false;
    }
    return read_step();
}

/* The number of the first sequence that differs, or `sequences`. */
static uint64_t find_difference(const char *const *texts)
{
    state = seed;
    now = 1700000000000;
    open_store(texts);
    struct store_request removal = {.step = STORE_REMOVE};
    store_call(store, &removal);
    uint64_t number = 0;
    while (number < sequences && sequence_is_equal((uint32_t)number))
        number++;
    removal = (struct store_request){.step = STORE_REMOVE};
    store_call(store, &removal);
    store_close(store);
    return number;
}

/* ---- The tests --------------------------------------------------------------------------------
 */

static void both_say_the_same(void)
{
    CHECK_INT(find_difference(originals), sequences);
}

static const struct mistake {
    enum redis_script script;
    const char *from, *to;
} mistakes[] = {
    {REDIS_JOIN, "band(e0, own0) == 0 and", ""},
    {REDIS_JOIN, "and band(e1, own1) == 0 then", "then"},
    {REDIS_JOIN, "expires > now and", ""},
    {REDIS_JOIN, "expires > now and", "expires >= now and"},
    {REDIS_JOIN, "owner ~= token and", ""},
    {REDIS_JOIN, "and not recovers", ""},
    {REDIS_JOIN, "if passed and not wanted then", "if passed then"},
    {REDIS_JOIN, "if passed and not wanted then", "if false then"},
    {REDIS_JOIN, "bor(bits0, e0) == all0 and", ""},
    {REDIS_JOIN, "and bor(bits1, e1) == all1", ""},
    {REDIS_JOIN, "if owned and not complete then", "if false then"},
    {REDIS_JOIN, "change('own0', 0)", ""},
    {REDIS_JOIN, "change('own1', 0)", ""},
    {REDIS_JOIN, "taken = taken or (", "taken = ("},
    {REDIS_JOIN, "and owner ~= token)", ")"},
    {REDIS_JOIN, "owner ~= '0' and", ""},
    {REDIS_JOIN, "change('own0', e0)", "change('own0', 0)"},
    {REDIS_JOIN, "change('own1', e1)", ""},
    {REDIS_JOIN, "change('token', token)", ""},
    {REDIS_JOIN, "change('token', token)", "change('token', token) change('bits0', all0)"},
    {REDIS_JOIN, "now + ARGV[9]", "now"},
    {REDIS_JOIN, "band(all0, bnot(e0))", "all0"},
    {REDIS_JOIN, "band(all1, bnot(e1))", "all1"},
    {REDIS_JOIN, "bor(bits0, e0))", "e0)"},
    {REDIS_JOIN, "bor(bits1, e1))", "e1)"},
    {REDIS_JOIN, "change(edge, ARGV[10 + i])", "change(edge, ARGV[11])"},
    {REDIS_JOIN, "if asked then redis.call('HDEL'", "if false then redis.call('HDEL'"},
    {REDIS_JOIN, "ARGV[11] .. ' '", "ARGV[12] .. ' '"},
    {REDIS_JOIN, "now + ARGV[12]", "now"},
    {REDIS_JOIN, "change('asked', 1)", ""},
    {REDIS_JOIN, "tonumber(ends) > now and", ""},
    {REDIS_JOIN, ">= largest", "> largest"},
    {REDIS_JOIN, "tonumber(string.sub(others[i], 2))", "i"},
    {REDIS_READ, "(own0 ~= 0 or own1 ~= 0) and", ""},
    {REDIS_READ, "and tonumber(r[5] or 0) > now", ""},
    {REDIS_READ, "tonumber(size) > 0 and", ""},
    {REDIS_READ, "and tonumber(ends) > now", ""},
    {REDIS_READ, "waiting(waits, 33)", "0"},
    {REDIS_PASSED, "'passed', 1", "'past', 1"},
    {REDIS_PASSED, "if redis.call('EXISTS', record) == 1 then", "if true then"},
};

static void each_mistake_is_noticed(void)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        const struct mistake *mistake = &mistakes[i];
        const char *texts[REDIS_SCRIPTS];
        memcpy(texts, originals, sizeof texts);
        char *wrong = replaced(originals[mistake->script], mistake->from, mistake->to);
        CHECK(wrong != NULL);
        if (!wrong)
            fprintf(stderr, "there is no '%s'\n", mistake->from);
        texts[mistake->script] = wrong ? wrong : originals[mistake->script];
        uint64_t found = find_difference(texts);
        CHECK(found < sequences);
        if (found == sequences)
            fprintf(stderr, "not noticed: '%s' as '%s'\n", mistake->from, mistake->to);
        else if (getenv("VERBOSE"))
            printf("'%s' as '%s': sequence %" PRIu64 "\n", mistake->from, mistake->to, found);
        free(wrong);
    }
}

int main(int count, char **arguments)
{
    static const struct test_case cases[] = {TEST(both_say_the_same),
                                             TEST(each_mistake_is_noticed)};
    if (count < 4)
        return test_main(__FILE__, cases, 0); /* it needs a server */
    address = arguments[1];
    seed = strtoull(arguments[2], NULL, 10);
    sequences = strtoull(arguments[3], NULL, 10);
    memcpy(originals, redis_scripts, sizeof originals);
    return test_main(__FILE__, cases, sizeof cases / sizeof *cases);
}
