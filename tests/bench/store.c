/*
 * What the store costs on a real server: store ADDRESS fan-in N | put SIZE N | get SIZE N. Prints
 * seconds for one arrival or value, and for the fan-in what an arrival costs in commands and
 * awaited round trips. tests/bench/store.py compares them with redis-benchmark.
 */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct store *store;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void call(struct store_request *request)
{
    if (store_call(store, request)) {
        fprintf(stderr, "%s\n", request->error.message);
        exit(1);
    }
}

/* One executor's way through a tree reduction of n leaves: it arrives with each value, and goes up
 * while it owns. What has passed is told together, beside the next arrival. */
static void fan_in(uint32_t leaves)
{
    enum { BATCH = 32 };
    static struct store_name buffers[2][BATCH]; /* one is filled while the other is told */
    struct store_name *passed = buffers[0];
    static struct store_request told;
    uint64_t arrivals = 0, awaited = 0;
    uint32_t count = 0;
    double value = 1.5, before = seconds();
    struct store_bytes bytes = {&value, sizeof value};
    for (uint32_t leaf = 0; leaf < leaves; leaf++)
        for (uint32_t level = 0, index = leaf; leaves >> level > 1; level++, index /= 2) {
            struct store_request request = {
                .step = STORE_ARRIVE,
                .name = {.kind = STORE_JOIN, .node = index / 2, .fragment = level},
                .arrival = {.all = 3,
                            .edges = 1 + index % 2,
                            .lineage.token = leaf + 1,
                            .lease = 60000},
                .values = &bytes};
            call(&request);
            enum join_answer answer = request.reply.answer;
            store_request_release(&request);
            arrivals++;
            awaited++;
            if (answer != JOIN_OWN)
                break;
            passed[count++] = request.name;
            if (count < BATCH)
                continue;
            if (told.count)
                while (store_next(store) != &told)
                    ;
            told = (struct store_request){.step = STORE_PASSED, .names = passed, .count = count};
            store_send(store, &told);
            passed = passed == buffers[0] ? buffers[1] : buffers[0];
            count = 0;
        }
    double each = (seconds() - before) / (double)arrivals;
    printf("%.9f %.4f %.4f\n", each, (double)store->counters.commands / (double)arrivals,
           (double)awaited / (double)arrivals);
}

static void values(enum store_step step, size_t size, uint32_t count)
{
    char *data = malloc(size);
    struct store_bytes span = {memset(data, 7, size), size};
    struct store_request request = {.step = STORE_PUT, .spans = &span, .span_count = 1};
    call(&request);
    store_request_release(&request);
    double before = seconds();
    for (uint32_t i = 0; i < count; i++) {
        request = (struct store_request){.step = step, .spans = &span, .span_count = 1};
        call(&request);
        store_request_release(&request);
    }
    printf("%.9f\n", (seconds() - before) / count);
    free(data);
}

int main(int count, char **arguments)
{
    if (count < 4)
        return 2;
    struct store_options options = {.time_to_live = 600};
    struct error error;
    store_make_job_name(options.job);
    if (store_open(arguments[1], &options, &store, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    size_t size = strtoull(arguments[3], NULL, 10);
    if (strcmp(arguments[2], "fan-in") == 0)
        fan_in((uint32_t)size);
    else
        values(strcmp(arguments[2], "put") == 0 ? STORE_PUT : STORE_GET, size,
               (uint32_t)atoi(arguments[4]));
    struct store_request removal = {.step = STORE_REMOVE};
    call(&removal);
    store_close(store);
    return 0;
}
