/*
 * The maths functions: each is a jump to SLEEF's function of the same name and error bound. The
 * scalar functions are SLEEF's `purecfma` forms and the vector ones its AVX2 forms, which use the
 * same operations in the same order.
 *
 * Five functions (bound e10) give infinity in SLEEF where the result is still finite. They are
 * extended here, far from 0, by identities that are exact to within a rounding:
 *
 *     log1p(x) = log(x)     asinh(x) = acosh(x) = log(x) + ln 2     sinh(x) = cosh(x) = exp(x - ln
 * 2)
 *
 * In the last, ln 2 is split: its high part has so few bits that subtracting it from x is exact,
 * and the low part, which is tiny, becomes a factor. The vector forms do the same in each lane,
 * after a test whether any lane is far out.
 */
#include "value/maths.h"

#include <math.h>
#include <sleef.h>

#define PARAMETERS_1(type) type x
#define PARAMETERS_2(type) type x, type y
#define ARGUMENTS_1 x
#define ARGUMENTS_2 x, y

#define DEFINE_u10(name, arity) DEFINE_SCALARS(name, arity, u10)
#define DEFINE_u05(name, arity) DEFINE_SCALARS(name, arity, u05)
#define DEFINE_e10(name, arity)
#define DEFINE_SCALARS(name, arity, bound)                                                         \
    double wk_##name(PARAMETERS_##arity(double))                                                   \
    {                                                                                              \
        return Sleef_finz_##name##d1_##bound##purecfma(ARGUMENTS_##arity);                         \
    }                                                                                              \
    float wk_##name##f(PARAMETERS_##arity(float))                                                  \
    {                                                                                              \
        return Sleef_finz_##name##f1_##bound##purecfma(ARGUMENTS_##arity);                         \
    }
#define MATHS(OPERATION, name, arity, vectorized, bound) DEFINE_##bound(name, arity)
#include "value/maths.def"
#undef MATHS

/* ---- Extended functions, scalar ------------------------------------------------------------ */

/* From here on 1 is nothing beside x; and x squared does not yet overflow. */
static const double far_f64 = 0x1p500;
static const float far_f32 = 0x1p60f;
static const double ln2_f64 = 0x1.62e42fefa39efp-1;
static const float ln2_f32 = 0x1.62e430p-1f;

/* SLEEF's sinh and cosh hold up to here; the range is within one binade of the numbers below. */
static const double steep_f64 = 709;
static const float steep_f32 = 88;
static const double ln2_high_f64 = 0x1.62e42fefa38p-1;     /* a multiple of 2^-43 */
static const double ln2_factor_f64 = 0x1.ffffffffffe11p-1; /* exp(-5.497923018708371e-14) */
static const float ln2_high_f32 = 0x1.62e4p-1f;            /* a multiple of 2^-17 */
static const float ln2_factor_f32 = 0x1.ffffd0p-1f;        /* exp(-1.4286068203094173e-06) */

#define DEFINE_EXTENDED(type, f, d1, bits)                                                         \
    static type half_exp##f(type x)                                                                \
    {                                                                                              \
        return wk_exp##f(x - ln2_high_##bits) * ln2_factor_##bits;                                 \
    }                                                                                              \
    type wk_log1p##f(type x)                                                                       \
    {                                                                                              \
        return x > far_##bits ? wk_log##f(x) : Sleef_finz_log1p##d1##_u10purecfma(x);              \
    }                                                                                              \
    type wk_acosh##f(type x)                                                                       \
    {                                                                                              \
        return x > far_##bits ? wk_log##f(x) + ln2_##bits : Sleef_finz_acosh##d1##_u10purecfma(x); \
    }                                                                                              \
    type wk_asinh##f(type x)                                                                       \
    {                                                                                              \
        type size = fabs##f(x);                                                                    \
        return size > far_##bits ? copysign##f(wk_log##f(size) + ln2_##bits, x)                    \
                                 : Sleef_finz_asinh##d1##_u10purecfma(x);                          \
    }                                                                                              \
    type wk_cosh##f(type x)                                                                        \
    {                                                                                              \
        type size = fabs##f(x);                                                                    \
        return size > steep_##bits ? half_exp##f(size) : Sleef_finz_cosh##d1##_u10purecfma(x);     \
    }                                                                                              \
    type wk_sinh##f(type x)                                                                        \
    {                                                                                              \
        type size = fabs##f(x);                                                                    \
        return size > steep_##bits ? copysign##f(half_exp##f(size), x)                             \
                                   : Sleef_finz_sinh##d1##_u10purecfma(x);                         \
    }
DEFINE_EXTENDED(double, , d1, f64)
DEFINE_EXTENDED(float, f, f1, f32)

/* ---- Vectors ------------------------------------------------------------------------------- */

#if MATHS_HAVE_VECTORS

#define VECTORIZED_u10(name, arity) DEFINE_VECTORS(name, arity, u10)
#define VECTORIZED_u05(name, arity) DEFINE_VECTORS(name, arity, u05)
#define VECTORIZED_e10(name, arity)
#define SCALAR_ONLY_u10(name, arity)
#define DEFINE_VECTORS(name, arity, bound)                                                         \
    __m256d wk_##name##_x4(PARAMETERS_##arity(__m256d))                                            \
    {                                                                                              \
        return Sleef_finz_##name##d4_##bound##avx2(ARGUMENTS_##arity);                             \
    }                                                                                              \
    __m256 wk_##name##f_x8(PARAMETERS_##arity(__m256))                                             \
    {                                                                                              \
        return Sleef_finz_##name##f8_##bound##avx2(ARGUMENTS_##arity);                             \
    }
#define MATHS(OPERATION, name, arity, vectorized, bound) vectorized##_##bound(name, arity)
#include "value/maths.def"
#undef MATHS

/* As the scalar functions; `far` has all bits of the lanes that are. */
#define DEFINE_EXTENDED_VECTORS(vector, f_x, s, d4, bits)                                          \
    static vector sign_of##s(vector x)                                                             \
    {                                                                                              \
        return _mm256_and_##s(x, _mm256_set1_##s(-0.0f));                                          \
    }                                                                                              \
    static vector size_of##s(vector x)                                                             \
    {                                                                                              \
        return _mm256_andnot_##s(_mm256_set1_##s(-0.0f), x);                                       \
    }                                                                                              \
    static vector beyond##s(vector size, vector limit)                                             \
    {                                                                                              \
        return _mm256_cmp_##s(size, limit, _CMP_GT_OQ);                                            \
    }                                                                                              \
    static vector log_twice##s(vector size)                                                        \
    {                                                                                              \
        return _mm256_add_##s(wk_log##f_x(size), _mm256_set1_##s(ln2_##bits));                     \
    }                                                                                              \
    static vector half_exp##s(vector size)                                                         \
    {                                                                                              \
        vector power = wk_exp##f_x(_mm256_sub_##s(size, _mm256_set1_##s(ln2_high_##bits)));        \
        return _mm256_mul_##s(power, _mm256_set1_##s(ln2_factor_##bits));                          \
    }                                                                                              \
    vector wk_log1p##f_x(vector x)                                                                 \
    {                                                                                              \
        vector near = Sleef_finz_log1p##d4##_u10avx2(x);                                           \
        vector far = beyond##s(x, _mm256_set1_##s(far_##bits));                                    \
        if (_mm256_testz_##s(far, far))                                                            \
            return near;                                                                           \
        return _mm256_blendv_##s(near, wk_log##f_x(x), far);                                       \
    }                                                                                              \
    vector wk_acosh##f_x(vector x)                                                                 \
    {                                                                                              \
        vector near = Sleef_finz_acosh##d4##_u10avx2(x);                                           \
        vector far = beyond##s(x, _mm256_set1_##s(far_##bits));                                    \
        if (_mm256_testz_##s(far, far))                                                            \
            return near;                                                                           \
        return _mm256_blendv_##s(near, log_twice##s(x), far);                                      \
    }                                                                                              \
    vector wk_asinh##f_x(vector x)                                                                 \
    {                                                                                              \
        vector near = Sleef_finz_asinh##d4##_u10avx2(x);                                           \
        vector far = beyond##s(size_of##s(x), _mm256_set1_##s(far_##bits));                        \
        if (_mm256_testz_##s(far, far))                                                            \
            return near;                                                                           \
        vector value = _mm256_or_##s(log_twice##s(size_of##s(x)), sign_of##s(x));                  \
        return _mm256_blendv_##s(near, value, far);                                                \
    }                                                                                              \
    vector wk_cosh##f_x(vector x)                                                                  \
    {                                                                                              \
        vector near = Sleef_finz_cosh##d4##_u10avx2(x);                                            \
        vector far = beyond##s(size_of##s(x), _mm256_set1_##s(steep_##bits));                      \
        if (_mm256_testz_##s(far, far))                                                            \
            return near;                                                                           \
        return _mm256_blendv_##s(near, half_exp##s(size_of##s(x)), far);                           \
    }                                                                                              \
    vector wk_sinh##f_x(vector x)                                                                  \
    {                                                                                              \
        vector near = Sleef_finz_sinh##d4##_u10avx2(x);                                            \
        vector far = beyond##s(size_of##s(x), _mm256_set1_##s(steep_##bits));                      \
        if (_mm256_testz_##s(far, far))                                                            \
            return near;                                                                           \
        vector value = _mm256_or_##s(half_exp##s(size_of##s(x)), sign_of##s(x));                   \
        return _mm256_blendv_##s(near, value, far);                                                \
    }
DEFINE_EXTENDED_VECTORS(__m256d, _x4, pd, d4, f64)
DEFINE_EXTENDED_VECTORS(__m256, f_x8, ps, f8, f32)

#endif
