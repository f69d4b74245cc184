/* The peers of kernels.wk, compiled apart with clang. Arrays that they return are the caller's to free. */
#ifndef WKC_BENCH_KERNELS_PEER_H
#define WKC_BENCH_KERNELS_PEER_H

#include <stdint.h>

double peer_dot(const double *a, const double *b, int64_t n);
double *peer_stencil(const double *a, int64_t n, int64_t m);
double *peer_nbody(const double *start, const double *speed, const double *mass, int64_t n,
                   int64_t steps, double dt);
int64_t peer_mandelbrot(int64_t width, int64_t height, int64_t limit);
int64_t peer_sieve(int64_t n);
double *peer_maths(const double *x, int64_t n);
double peer_maths_scalar(double x, int64_t turns);

#endif
