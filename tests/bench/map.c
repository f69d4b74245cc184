/*
 * Maps against C++: 10^7 integers and 10^6 strings, built (m[k] += i for distinct keys) and looked
 * up in another order. Keys are random, or for one row in order.
 */
#include "base/arena.h"
#include "base/hash.h"
#include "bench.h"
#include "map.h"
#include "value/context.h"
#include "value/layout.h"

enum { INTEGERS = 10000000, TEXTS = 1000000, TURNS = 3 };

static struct memory_account account;
static struct context context;
static _Atomic(uint32_t) stop;
static const struct wk_layout *integers_layout, *texts_layout;

static void *build_integers(const uint64_t *keys, size_t count)
{
    struct wk_map *map = NULL;
    for (size_t i = 0; i < count; i++)
        wk_map_insert_int(&context.kernel, integers_layout, &map, keys[i])[1] += i;
    return map;
}

static uint64_t ask_integers(void *map, const uint64_t *asked, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += wk_map_find_int(map, asked[i])[1];
    return sum;
}

static void free_integers(void *map)
{
    wk_map_free(&context.kernel, integers_layout, map);
}

static void *build_texts(const struct text *keys, size_t count)
{
    struct wk_map *map = NULL;
    for (size_t i = 0; i < count; i++)
        wk_map_insert_str(&context.kernel, texts_layout, &map, keys[i].at, keys[i].length)[2] += i;
    return map;
}

static uint64_t ask_texts(void *map, const struct text *asked, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += wk_map_find_str(map, asked[i].at, asked[i].length)[2];
    return sum;
}

static void free_texts(void *map)
{
    wk_map_free(&context.kernel, texts_layout, map);
}

static const struct map_peer ours = {"wkc",       build_integers, ask_integers, free_integers,
                                     build_texts, ask_texts,      free_texts};

/* Seconds for building and for looking up, by each of the three, one after the other. */
struct times {
    double build[TURNS], ask[TURNS];
};
enum { MAPS = 3 };

static const struct map_peer *map_of(int i)
{
    return i ? &map_peers[i - 1] : &ours;
}

static void print(const char *what, const char *peer, double units, double *a, double *b,
                  const char *more)
{
    qsort(a, TURNS, sizeof *a, bench_compare);
    qsort(b, TURNS, sizeof *b, bench_compare);
    printf("{\"name\": \"%s\", \"peer\": \"%s\", \"median\": %.6g, \"min\": %.6g, \"max\": %.6g, "
           "\"peer_median\": %.6g, \"peer_min\": %.6g, \"peer_max\": %.6g, \"ratio\": %.4g%s}\n",
           what, peer, a[TURNS / 2] / units, a[0] / units, a[TURNS - 1] / units,
           b[TURNS / 2] / units, b[0] / units, b[TURNS - 1] / units, a[TURNS / 2] / b[TURNS / 2],
           more);
    fflush(stdout);
}

/* Both must reach the standard library's map, each by itself. */
static void report(const char *what, struct times *times, double units)
{
    char name[64];
    for (int i = 1; i < MAPS; i++) {
        const char *peer = map_of(i)->name, *more = i == 1 ? ", \"reach\": 1.0" : "";
        snprintf(name, sizeof name, "map of %s, build", what);
        print(name, peer, units, times[0].build, times[i].build, more);
        snprintf(name, sizeof name, "map of %s, look up", what);
        print(name, peer, units, times[0].ask, times[i].ask, more);
    }
}

static void check_sum(uint64_t sum, size_t count)
{
    if (sum != (uint64_t)count * (count - 1) / 2) {
        fprintf(stderr, "the sum is wrong\n");
        exit(1);
    }
}

static void measure_integers(const char *what, const uint64_t *keys, const uint64_t *asked)
{
    struct times times[MAPS];
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < MAPS; i++) {
            double begin = bench_now();
            void *map = map_of(i)->build_integers(keys, INTEGERS);
            double middle = bench_now();
            check_sum(map_of(i)->ask_integers(map, asked, INTEGERS), INTEGERS);
            times[i].build[turn] = middle - begin;
            times[i].ask[turn] = bench_now() - middle;
            map_of(i)->free_integers(map);
        }
    report(what, times, INTEGERS);
}

static void measure_texts(const char *what, const struct text *keys, const struct text *asked)
{
    struct times times[MAPS];
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < MAPS; i++) {
            double begin = bench_now();
            void *map = map_of(i)->build_texts(keys, TEXTS);
            double middle = bench_now();
            check_sum(map_of(i)->ask_texts(map, asked, TEXTS), TEXTS);
            times[i].build[turn] = middle - begin;
            times[i].ask[turn] = bench_now() - middle;
            map_of(i)->free_texts(map);
        }
    report(what, times, TEXTS);
}

/* A random order: (i * odd + 1) below a power of two, those that are out of range left out. */
static size_t next_in_order(size_t at, size_t count)
{
    size_t mask = 1;
    while (mask < count)
        mask *= 2;
    do
        at = (at * 0x5851f42d4c957f2dULL + 1) & (mask - 1);
    while (at >= count);
    return at;
}

static void integers(void)
{
    uint64_t *keys = malloc(INTEGERS * sizeof *keys), *asked = malloc(INTEGERS * sizeof *keys);
    for (size_t i = 0, at = 0; i < INTEGERS; i++, at = next_in_order(at, INTEGERS)) {
        keys[i] = hash_mix(i + 1);
        asked[i] = hash_mix(at + 1);
    }
    measure_integers("10^7 integers", keys, asked);
    for (size_t i = 0; i < INTEGERS; i++)
        keys[i] = asked[i] = i;
    measure_integers("0 to 10^7", keys, asked);
    free(keys);
    free(asked);
}

static void texts(void)
{
    struct text *keys = malloc(TEXTS * sizeof *keys), *asked = malloc(TEXTS * sizeof *keys);
    char *bytes = malloc(TEXTS * 32), *end = bytes;
    for (size_t i = 0; i < TEXTS; i++) { /* 6 to 25 bytes */
        int length =
            sprintf(end, "%.*s%06zu", (int)(hash_mix(i) % 20), "the words of a language", i);
        keys[i] = (struct text){end, (size_t)length};
        end += length + 1;
    }
    for (size_t i = 0, at = 0; i < TEXTS; i++, at = next_in_order(at, TEXTS))
        asked[i] = keys[at];
    measure_texts("10^6 strings", keys, asked);
    free(keys);
    free(asked);
    free(bytes);
}

int main(void)
{
    struct arena arena;
    struct type_table types;
    arena_init(&arena);
    type_table_init(&types, &arena);
    memory_account_init(&account, 0);
    context_init(&context, &account, &stop);
    integers_layout = layout_of(type_parse(&types, "map[u64]u64"), &arena);
    texts_layout = layout_of(type_parse(&types, "map[str]u64"), &arena);
    texts();
    integers();
    context_release(&context);
    type_table_release(&types);
    arena_release(&arena);
}
