/* The tasks of chunk.wk by hand: a loop over all, in chunks dealt out to the threads of OpenMP; a
 * reduction keeps the language's order of additions, a subtree a chunk. Prints the seconds of
 * both, and their results. Usage: chunk_peer [COUNT] */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 256, ROUNDS = 360 };

static double work(long i)
{
    double x = (double)i * 1e-6;
    for (int k = 0; k < ROUNDS; k++)
        x = x * 0.999 + 0.5;
    return x;
}

/* Adjacent pairs, level by level: the tree of the language's reductions. */
static double tree(double *values, long count)
{
    for (; count > 1; count = (count + 1) / 2)
        for (long i = 0; i < count; i += 2)
            values[i / 2] = i + 1 < count ? values[i] + values[i + 1] : values[i];
    return values[0];
}

static void fill(double *all, long count)
{
#pragma omp parallel for schedule(dynamic, CHUNK)
    for (long i = 0; i < count; i++)
        all[i] = work(i);
}

static double reduce(double *roots, long count)
{
    long chunks = (count + CHUNK - 1) / CHUNK;
#pragma omp parallel for schedule(dynamic, 1)
    for (long c = 0; c < chunks; c++) {
        double values[CHUNK];
        long length = count - c * CHUNK < CHUNK ? count - c * CHUNK : CHUNK;
        for (long i = 0; i < length; i++)
            values[i] = work(c * CHUNK + i);
        roots[c] = tree(values, length);
    }
    return tree(roots, chunks);
}

int main(int count, char **arguments)
{
    long n = count > 1 ? atol(arguments[1]) : 1000000;
    double *all = malloc((size_t)n * sizeof *all);
    if (!all)
        return 1;
    omp_set_num_threads(2);
    double begin = omp_get_wtime();
    fill(all, n);
    double filled = omp_get_wtime();
    double result = all[0] + all[n / 2] + all[n - 1];
    double start = omp_get_wtime();
    double total = reduce(all, n);
    printf("%.9f %.17g %.9f %.17g\n", filled - begin, result, omp_get_wtime() - start, total);
    free(all);
    return 0;
}
