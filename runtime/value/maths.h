/*
 * The maths functions of the language: bit for bit the same for a scalar, in a vector, in the
 * interpreter and on each machine of a target. They are SLEEF's deterministic functions (Shibata and
 * Petrogalli, "SLEEF: A Portable Vectorized Library of C Standard Mathematical Functions", 2020)
 * behind names that LLVM does not know and so cannot rewrite. Compiled kernels import them from
 * the program that loads them. Results that are NaN have any sign and payload.
 */
#ifndef WKC_VALUE_MATHS_H
#define WKC_VALUE_MATHS_H

#if defined(__x86_64__) && defined(__AVX2__)
#include <immintrin.h>
#define MATHS_HAVE_VECTORS 1
#else
#define MATHS_HAVE_VECTORS 0
#endif

#define MATHS_PARAMETERS_1(type) type
#define MATHS_PARAMETERS_2(type) type, type

#define MATHS(OPERATION, name, arity, vectorized, bound)                                           \
    double wk_##name(MATHS_PARAMETERS_##arity(double));                                            \
    float wk_##name##f(MATHS_PARAMETERS_##arity(float));
#include "value/maths.def"
#undef MATHS

#if MATHS_HAVE_VECTORS
#define MATHS_DECLARE_VECTORIZED(name, arity)                                                      \
    __m256d wk_##name##_x4(MATHS_PARAMETERS_##arity(__m256d));                                     \
    __m256 wk_##name##f_x8(MATHS_PARAMETERS_##arity(__m256));
#define MATHS_DECLARE_SCALAR_ONLY(name, arity)
#define MATHS(OPERATION, name, arity, vectorized, bound) MATHS_DECLARE_##vectorized(name, arity)
#include "value/maths.def"
#undef MATHS
#undef MATHS_DECLARE_VECTORIZED
#undef MATHS_DECLARE_SCALAR_ONLY
#endif

#endif
