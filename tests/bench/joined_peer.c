/* joined.wk by hand: two threads make the arrays, in new memory as tasks do, then one adds up all
 * elements where they are. Sums have eight interleaved parts, as the language's. Prints the seconds
 * and the result. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PARTS = 64, WIDTH = 524288, LANES = 8 };

static double *parts[PARTS];
static atomic_long next_part;

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void *work(void *unused)
{
    (void)unused;
    for (long i; (i = atomic_fetch_add(&next_part, 1)) < PARTS;) {
        double *part = malloc(WIDTH * sizeof *part);
        if (!part)
            abort();
        for (long j = 0; j < WIDTH; j++)
            part[j] = (double)(i * WIDTH + j);
        parts[i] = part;
    }
    return NULL;
}

static double add_all(void)
{
    double sums[LANES] = {0};
    for (long i = 0; i < PARTS; i++)
        for (long j = 0; j < WIDTH; j += LANES)
            for (long lane = 0; lane < LANES; lane++)
                sums[lane] += parts[i][j + lane];
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++)
            sums[lane] += sums[lane + half];
    return sums[0];
}

int main(void)
{
    double begin = seconds_now();
    pthread_t other;
    if (pthread_create(&other, NULL, work, NULL))
        return 1;
    work(NULL);
    pthread_join(other, NULL);
    double total = add_all();
    printf("%.9f %.17g\n", seconds_now() - begin, total);
    return 0;
}
