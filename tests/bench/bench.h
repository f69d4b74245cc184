/*
 * What the benchmark programs share: pairs measured in turn in one run (A B A B ...), and one line of
 * JSON for each, which run.py collects.
 */
#ifndef WKC_BENCH_H
#define WKC_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double bench_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Runs both `turns` times in turn, and prints medians, extremes and the ratio of medians. `units` is
 * how many things one call does; times are printed for one. */
static inline void bench_pair(const char *name, const char *peer_name, int turns, double units,
                              void (*ours)(void *), void (*peer)(void *), void *context)
{
    double a[101], b[101];
    if (turns > 101)
        turns = 101;
    ours(context); /* both warm */
    peer(context);
    for (int i = 0; i < turns; i++) {
        double begin = bench_now();
        ours(context);
        double middle = bench_now();
        peer(context);
        a[i] = (middle - begin) / units;
        b[i] = (bench_now() - middle) / units;
    }
    qsort(a, (size_t)turns, sizeof *a, bench_compare);
    qsort(b, (size_t)turns, sizeof *b, bench_compare);
    printf("{\"name\": \"%s\", \"peer\": \"%s\", \"median\": %.6g, \"min\": %.6g, \"max\": %.6g, "
           "\"peer_median\": %.6g, \"peer_min\": %.6g, \"peer_max\": %.6g, \"ratio\": %.4g}\n",
           name, peer_name, a[turns / 2], a[0], a[turns - 1], b[turns / 2], b[0], b[turns - 1],
           a[turns / 2] / b[turns / 2]);
    fflush(stdout);
}

#endif
