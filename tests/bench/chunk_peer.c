/* The tasks of chunk.wk by hand: a loop over all, in chunks dealt out to the threads of OpenMP; a
 * reduction keeps the language's order of additions, a subtree a chunk; and so does one of rows.
 * Prints the seconds of each, and their results. Usage: chunk_peer [COUNT] */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- Rows ------------------------------------------------------------------------------------ */

enum { COLUMNS = 64, LEVELS = 64 };

static void line(double *out, long i)
{
    double x = (double)i * 1e-6;
    for (int j = 0; j < COLUMNS; j++)
        out[j] = x * j + 0.5;
}

static void add_to(double *a, const double *b)
{
    for (int j = 0; j < COLUMNS; j++)
        a[j] += b[j];
}

/* A subtree of rows low..high: one row for each level is there at once. */
static void fold_rows(double *out, long low, long high, const double *roots)
{
    double stack[LEVELS][COLUMNS];
    int depth = 0;
    for (long i = low; i < high; i++) {
        if (roots)
            memcpy(stack[depth++], roots + i * COLUMNS, sizeof *stack);
        else
            line(stack[depth++], i);
        for (long left = i - low + 1; left % 2 == 0; left /= 2, depth--)
            add_to(stack[depth - 2], stack[depth - 1]);
    }
    for (; depth > 1; depth--)
        add_to(stack[depth - 2], stack[depth - 1]);
    memcpy(out, stack[0], sizeof *stack);
}

/* The sum of the row, in the language's order. */
static double sum(const double *x)
{
    double s[8] = {0};
    for (int j = 0; j < COLUMNS; j++)
        s[j % 8] += x[j];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static double reduce_rows(double *roots, long count)
{
    double all[COLUMNS];
    long chunks = (count + CHUNK - 1) / CHUNK;
#pragma omp parallel for schedule(dynamic, 1)
    for (long c = 0; c < chunks; c++)
        fold_rows(roots + c * COLUMNS, c * CHUNK,
                  count < (c + 1) * CHUNK ? count : (c + 1) * CHUNK, NULL);
    fold_rows(all, 0, chunks, roots);
    return sum(all);
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
    double reduced = omp_get_wtime();
    double rows = reduce_rows(all, n);
    printf("%.9f %.17g %.9f %.17g %.9f %.17g\n", filled - begin, result, reduced - start, total,
           omp_get_wtime() - reduced, rows);
    free(all);
    return 0;
}
