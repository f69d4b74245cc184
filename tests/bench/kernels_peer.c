/* The kernels of kernels.wk in C, compiled by clang -O3 with the same baseline: the peers. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels_peer.h"

double peer_dot(const double *restrict a, const double *restrict b, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; i < n; i++)
        s += a[i] * b[i];
    return s;
}

double *peer_stencil(const double *restrict a, int64_t n, int64_t m)
{
    double *restrict out = aligned_alloc(64, (size_t)(n * m) * sizeof(double));
    memcpy(out, a, (size_t)(n * m) * sizeof(double));
    for (int64_t i = 1; i < n - 1; i++)
        for (int64_t j = 1; j < m - 1; j++)
            out[i * m + j] = 0.2 * (a[i * m + j] + a[(i - 1) * m + j] + a[(i + 1) * m + j] +
                                    a[i * m + j - 1] + a[i * m + j + 1]);
    return out;
}

double *peer_nbody(const double *restrict start, const double *restrict speed,
                   const double *restrict mass, int64_t n, int64_t steps, double dt)
{
    double *restrict x = aligned_alloc(64, (size_t)(n * 3 * 8 + 63) / 64 * 64);
    double *restrict v = aligned_alloc(64, (size_t)(n * 3 * 8 + 63) / 64 * 64);
    memcpy(x, start, (size_t)(n * 3) * 8);
    memcpy(v, speed, (size_t)(n * 3) * 8);
    for (int64_t step = 0; step < steps; step++) {
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = i + 1; j < n; j++) {
                double dx = x[i * 3] - x[j * 3];
                double dy = x[i * 3 + 1] - x[j * 3 + 1];
                double dz = x[i * 3 + 2] - x[j * 3 + 2];
                double d2 = dx * dx + dy * dy + dz * dz;
                double mag = dt / (d2 * sqrt(d2));
                v[i * 3] -= dx * mass[j] * mag;
                v[i * 3 + 1] -= dy * mass[j] * mag;
                v[i * 3 + 2] -= dz * mass[j] * mag;
                v[j * 3] += dx * mass[i] * mag;
                v[j * 3 + 1] += dy * mass[i] * mag;
                v[j * 3 + 2] += dz * mass[i] * mag;
            }
        for (int64_t i = 0; i < n; i++) {
            x[i * 3] += dt * v[i * 3];
            x[i * 3 + 1] += dt * v[i * 3 + 1];
            x[i * 3 + 2] += dt * v[i * 3 + 2];
        }
    }
    free(v);
    return x;
}

int64_t peer_mandelbrot(int64_t width, int64_t height, int64_t limit)
{
    int64_t total = 0;
    for (int64_t py = 0; py < height; py++)
        for (int64_t px = 0; px < width; px++) {
            double cx = 3.0 * (double)px / (double)width - 2.2;
            double cy = 2.4 * (double)py / (double)height - 1.2;
            double x = 0, y = 0;
            int64_t turns = 0;
            while (turns < limit && x * x + y * y <= 4.0) {
                double t = x * x - y * y + cx;
                y = 2.0 * x * y + cy;
                x = t;
                turns++;
            }
            total += turns;
        }
    return total;
}

int64_t peer_sieve(int64_t n)
{
    bool *prime = malloc((size_t)n);
    memset(prime, 1, (size_t)n);
    int64_t count = 0;
    for (int64_t i = 2; i < n; i++)
        if (prime[i]) {
            count++;
            for (int64_t k = i * i; k < n; k += i)
                prime[k] = false;
        }
    free(prime);
    return count;
}

double *peer_maths(const double *restrict x, int64_t n)
{
    double *restrict out = aligned_alloc(64, (size_t)(n * 8 + 63) / 64 * 64);
    for (int64_t i = 0; i < n; i++)
        out[i] = exp(x[i]) + log(x[i]) + sin(x[i]);
    return out;
}

double peer_maths_scalar(double x, int64_t turns)
{
    double s = x;
    for (int64_t i = 0; i < turns; i++)
        s = sin(s) + exp(-s) * log(s + 2.0);
    return s;
}
