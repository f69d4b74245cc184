/* The chain of fuse.wk, fused by hand: one loop a tile, tiles dealt out to two threads. Sums have
 * eight interleaved parts, as the language's. Prints the seconds of each turn, and the result. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TILES = 1000, WIDTH = 100000, LANES = 8 };

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double element(long number)
{
    double x = (double)number * 0.5 + 1.0;
    x = fabs(x * x * 3.0 - 2.0);
    return (x < 1e15 ? x : 1e15) * 0.125;
}

static double tile(long number)
{
    double sums[LANES] = {0};
    for (long j = 0; j < WIDTH; j += LANES)
        for (long lane = 0; lane < LANES; lane++)
            sums[lane] += element(number * WIDTH + j + lane);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++)
            sums[lane] += sums[lane + half];
    return sums[0];
}

static double totals[TILES];
static atomic_long next_tile;

static void *work(void *unused)
{
    (void)unused;
    for (long i; (i = atomic_fetch_add(&next_tile, 1)) < TILES;)
        totals[i] = tile(i);
    return NULL;
}

int main(int count, char **arguments)
{
    int turns = count > 1 ? atoi(arguments[1]) : 1;
    for (int turn = 0; turn < turns; turn++) {
        double begin = seconds_now();
        pthread_t other;
        next_tile = 0;
        if (pthread_create(&other, NULL, work, NULL))
            return 1;
        work(NULL);
        pthread_join(other, NULL);
        for (long width = 1; width < TILES; width *= 2)
            for (long i = 0; i + width < TILES; i += 2 * width)
                totals[i] += totals[i + width];
        printf("%.9f %.17g\n", seconds_now() - begin, totals[0]);
    }
    return 0;
}
