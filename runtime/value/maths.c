/*
 * The maths functions: each is one jump to SLEEF's function of the same name and error bound. The
 * scalar functions are SLEEF's `purecfma` forms and the vector ones its AVX2 forms, which use the
 * same operations in the same order.
 */
#include "value/maths.h"

#include <sleef.h>

#define PARAMETERS_1(type) type x
#define PARAMETERS_2(type) type x, type y
#define ARGUMENTS_1 x
#define ARGUMENTS_2 x, y

#define MATHS(OPERATION, name, arity, vectorized, bound)                                           \
    double wk_##name(PARAMETERS_##arity(double))                                                   \
    {                                                                                              \
        return Sleef_finz_##name##d1_##bound##purecfma(ARGUMENTS_##arity);                         \
    }                                                                                              \
    float wk_##name##f(PARAMETERS_##arity(float))                                                  \
    {                                                                                              \
        return Sleef_finz_##name##f1_##bound##purecfma(ARGUMENTS_##arity);                         \
    }
#include "value/maths.def"
#undef MATHS

#if MATHS_HAVE_VECTORS
#define DEFINE_VECTORIZED(name, arity, bound)                                                      \
    __m256d wk_##name##_x4(PARAMETERS_##arity(__m256d))                                            \
    {                                                                                              \
        return Sleef_finz_##name##d4_##bound##avx2(ARGUMENTS_##arity);                             \
    }                                                                                              \
    __m256 wk_##name##f_x8(PARAMETERS_##arity(__m256))                                             \
    {                                                                                              \
        return Sleef_finz_##name##f8_##bound##avx2(ARGUMENTS_##arity);                             \
    }
#define DEFINE_SCALAR_ONLY(name, arity, bound)
#define MATHS(OPERATION, name, arity, vectorized, bound) DEFINE_##vectorized(name, arity, bound)
#include "value/maths.def"
#undef MATHS
#endif
