/* The maths functions: each vector form gives the bits of its scalar form, and the results are near
 * those of the C library in a wider type. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "test.h"
#include "value/maths.h"

enum { TRIALS = 1 << 19 }; /* for each function, form and kind of operand */

static uint64_t random_state = 88172645463325252u;

static uint64_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static double random_between(double low, double high)
{
    return low + (high - low) * (double)(random_bits() >> 11) * 0x1p-53;
}

static double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Zeros, infinities, NaNs, the least and largest normal and subnormal numbers, small integers and
 * halves, multiples of pi/4, powers of two and their neighbours; of both signs. */
static const double special_values[] = {
    0,
    INFINITY,
    NAN,
    0x1p-1074,
    0x1p-1022,
    0x0.fffffffffffffp-1022,
    0x1.fffffffffffffp+1023,
    0x1p-149,
    0x1p-126,
    0x1.fffffep+127,
    0.5,
    1,
    1.5,
    2,
    2.5,
    3,
    4,
    5,
    10,
    20,
    33,
    170,
    171,
    172,
    M_PI_4,
    M_PI_2,
    M_PI,
    3 * M_PI_4,
    2 * M_PI,
    M_E,
    M_LN2,
    0x1p-53,
    0x1p-27,
    0x1p+27,
    0x1p+52,
    0x1p+53,
    0x1p+63,
    88,
    89,
    103,
    104,
    709,
    710,
    745,
    746,
    0x1.fffffffffffffp-1,
    0x1.0000000000001p+0,
    0x1.fffffep-1,
    0x1.000002p+0,
    1e10,
    1e22,
    1e300,
    1e-300,
    1e-10,
};
enum { SPECIALS = 2 * sizeof special_values / sizeof special_values[0] };

static double special(uint64_t index)
{
    double x = special_values[index % (SPECIALS / 2)];
    return index % SPECIALS < SPECIALS / 2 ? x : -x;
}

/* ---- Vector against scalar ----------------------------------------------------------------- */

#if MATHS_HAVE_VECTORS

/* Operands for trial i: special values in all pairs, then any bits, then usual numbers. */
static double operand(uint64_t i, int which)
{
    if (i < (uint64_t)SPECIALS * SPECIALS)
        return special(which ? i / SPECIALS : i);
    if (i % 2)
        return double_of(random_bits());
    return i % 4 ? random_between(-30, 30) : random_between(-760, 760);
}

static float operandf(uint64_t i, int which)
{
    if (i < (uint64_t)SPECIALS * SPECIALS)
        return (float)special(which ? i / SPECIALS : i);
    if (i % 2)
        return float_of((uint32_t)random_bits());
    return (float)(i % 4 ? random_between(-30, 30) : random_between(-110, 110));
}

static bool same_double(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static bool same_float(float a, float b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

struct forms {
    const char *name;
    int arity;
    double (*scalar1)(double);
    double (*scalar2)(double, double);
    float (*scalar1f)(float);
    float (*scalar2f)(float, float);
    __m256d (*vector1)(__m256d);
    __m256d (*vector2)(__m256d, __m256d);
    __m256 (*vector1f)(__m256);
    __m256 (*vector2f)(__m256, __m256);
};

#define FORMS_1(name)                                                                              \
    {.arity = 1,                                                                                   \
     .scalar1 = wk_##name,                                                                         \
     .scalar1f = wk_##name##f,                                                                     \
     .vector1 = wk_##name##_x4,                                                                    \
     .vector1f = wk_##name##f_x8},
#define FORMS_2(name)                                                                              \
    {.arity = 2,                                                                                   \
     .scalar2 = wk_##name,                                                                         \
     .scalar2f = wk_##name##f,                                                                     \
     .vector2 = wk_##name##_x4,                                                                    \
     .vector2f = wk_##name##f_x8},
#define FORMS_VECTORIZED(name, arity) FORMS_##arity(name)
#define FORMS_SCALAR_ONLY(name, arity)
static const struct forms all_forms[] = {
#define MATHS(OPERATION, name, arity, vectorized, bound) FORMS_##vectorized(name, arity)
#include "value/maths.def"
#undef MATHS
};

#define NAME_VECTORIZED(name) #name,
#define NAME_SCALAR_ONLY(name)
static const char *const form_names[] = {
#define MATHS(OPERATION, name, arity, vectorized, bound) NAME_##vectorized(name)
#include "value/maths.def"
#undef MATHS
};

enum { FORM_COUNT = sizeof all_forms / sizeof all_forms[0] };

static int compare_doubles(const struct forms *f, uint64_t trial)
{
    double x[4], y[4], found[4];
    int wrong = 0;
    for (int i = 0; i < 4; i++) {
        x[i] = operand(trial + (uint64_t)i, 0);
        y[i] = operand(trial + (uint64_t)i, 1);
    }
    __m256d vx = _mm256_loadu_pd(x), vy = _mm256_loadu_pd(y);
    _mm256_storeu_pd(found, f->arity == 1 ? f->vector1(vx) : f->vector2(vx, vy));
    for (int i = 0; i < 4; i++) {
        double expected = f->arity == 1 ? f->scalar1(x[i]) : f->scalar2(x[i], y[i]);
        if (!same_double(found[i], expected) && wrong++ == 0)
            fprintf(stderr, "(%a, %a): vector %a, scalar %a\n", x[i], y[i], found[i], expected);
    }
    return wrong;
}

static int compare_floats(const struct forms *f, uint64_t trial)
{
    float x[8], y[8], found[8];
    int wrong = 0;
    for (int i = 0; i < 8; i++) {
        x[i] = operandf(trial + (uint64_t)i, 0);
        y[i] = operandf(trial + (uint64_t)i, 1);
    }
    __m256 vx = _mm256_loadu_ps(x), vy = _mm256_loadu_ps(y);
    _mm256_storeu_ps(found, f->arity == 1 ? f->vector1f(vx) : f->vector2f(vx, vy));
    for (int i = 0; i < 8; i++) {
        float expected = f->arity == 1 ? f->scalar1f(x[i]) : f->scalar2f(x[i], y[i]);
        if (!same_float(found[i], expected) && wrong++ == 0)
            fprintf(stderr, "(%a, %a): vector %a, scalar %a\n", (double)x[i], (double)y[i],
                    (double)found[i], (double)expected);
    }
    return wrong;
}

static void vector_forms_give_the_scalar_bits(void)
{
    CHECK_INT(sizeof form_names / sizeof form_names[0], FORM_COUNT);
    for (int k = 0; k < FORM_COUNT; k++) {
        int wrong = 0, wrongf = 0;
        for (uint64_t i = 0; i < TRIALS && wrong == 0; i += 4)
            wrong += compare_doubles(&all_forms[k], i);
        for (uint64_t i = 0; i < TRIALS && wrongf == 0; i += 8)
            wrongf += compare_floats(&all_forms[k], i);
        if (wrong + wrongf)
            CHECK_TEXT(form_names[k], "a function with equal forms");
    }
}

#else

static void vector_forms_give_the_scalar_bits(void)
{
}

#endif

/* ---- Accuracy ------------------------------------------------------------------------------ */

struct accuracy {
    const char *name;
    double (*found1)(double);
    double (*found2)(double, double);
    float (*found1f)(float);
    float (*found2f)(float, float);
    long double (*exact1)(long double);
    long double (*exact2)(long double, long double);
    double low, high; /* of operands */
};

static const struct accuracy accuracies[] = {
#define ONE(name, low, high) {#name, wk_##name, NULL, wk_##name##f, NULL, name##l, NULL, low, high}
#define TWO(name, low, high) {#name, NULL, wk_##name, NULL, wk_##name##f, NULL, name##l, low, high}
    ONE(exp, -80, 80),       ONE(exp2, -120, 120), ONE(expm1, -80, 80),     ONE(expm1, -1e-3, 1e-3),
    ONE(log, 0, 1e30),       ONE(log, 0.5, 2),     ONE(log2, 0, 1e30),      ONE(log2, 0.5, 2),
    ONE(log10, 0, 1e30),     ONE(log1p, -0.9, 10), ONE(log1p, -1e-3, 1e-3), ONE(sin, -100, 100),
    ONE(sin, -1e6, 1e6),     ONE(cos, -100, 100),  ONE(cos, -1e6, 1e6),     ONE(tan, -100, 100),
    ONE(asin, -1, 1),        ONE(acos, -1, 1),     ONE(atan, -100, 100),    TWO(atan2, -10, 10),
    ONE(sinh, -80, 80),      ONE(cosh, -80, 80),   ONE(tanh, -5, 5),        ONE(asinh, -1e3, 1e3),
    ONE(acosh, 1, 1e3),      ONE(atanh, -1, 1),    ONE(cbrt, -1e10, 1e10),  TWO(pow, 0, 20),
    TWO(hypot, -1e10, 1e10), ONE(erf, -4, 4),      ONE(tgamma, 0.1, 30),
#undef ONE
#undef TWO
};

/* The distance in units of the last place of a type with `digits` binary digits. */
static double distance(long double found, long double exact, int digits)
{
    if (exact == found || isnan((double)exact))
        return exact == found || isnan((double)found) ? 0 : HUGE_VAL;
    int exponent;
    frexpl(exact, &exponent);
    int least = digits == 53 ? DBL_MIN_EXP : FLT_MIN_EXP; /* subnormal numbers have one unit */
    exponent = exponent < least ? least : exponent;
    return (double)(fabsl(found - exact) / ldexpl(1, exponent - digits));
}

static void measure(const struct accuracy *a, double *worst, double *worstf)
{
    *worst = *worstf = 0;
    for (int i = 0; i < TRIALS / 8; i++) {
        double x = random_between(a->low, a->high), y = random_between(a->low, a->high);
        float xf = (float)x, yf = (float)y;
        if (a->exact1) {
            *worst = fmax(*worst, distance(a->found1(x), a->exact1(x), 53));
            *worstf = fmax(*worstf, distance(a->found1f(xf), a->exact1(xf), 24));
        } else {
            *worst = fmax(*worst, distance(a->found2(x, y), a->exact2(x, y), 53));
            *worstf = fmax(*worstf, distance(a->found2f(xf, yf), a->exact2(xf, yf), 24));
        }
    }
}

static void results_are_within_one_unit(void)
{
    for (size_t i = 0; i < sizeof accuracies / sizeof accuracies[0]; i++) {
        double worst, worstf;
        measure(&accuracies[i], &worst, &worstf);
        if (worst > 1.0 || worstf > 1.0) {
            fprintf(stderr, "%s: %.3f and %.3f units\n", accuracies[i].name, worst, worstf);
            CHECK(worst <= 1.0 && worstf <= 1.0);
        }
    }
}

/* Operands far from 0, where the functions of SLEEF overflow too early. */
static void results_are_finite_to_the_end_of_their_range(void)
{
#define NEAR(name, x, xf)                                                                          \
    CHECK(distance(wk_##name(x), name##l(x), 53) <= 2);                                            \
    CHECK(distance(wk_##name##f(xf), name##l((long double)xf), 24) <= 2);
    for (int i = 0; i < TRIALS / 64; i++) {
        double far = exp2(random_between(300, 1023.9)), steep = random_between(690, 710.4);
        float farf = (float)exp2(random_between(50, 127.9)), steepf = (float)random_between(80, 89);
        NEAR(log1p, far, farf)
        NEAR(acosh, far, farf)
        NEAR(asinh, far, farf)
        NEAR(asinh, -far, -farf)
        NEAR(cosh, -steep, steepf)
        NEAR(sinh, steep, steepf)
        NEAR(sinh, -steep, -steepf)
    }
#undef NEAR
    CHECK(isinf(wk_log1p(INFINITY)) && isinf(wk_acosh(INFINITY)) && wk_asinh(-INFINITY) < 0);
    CHECK(isinf(wk_cosh(-INFINITY)) && wk_sinh(-INFINITY) == -INFINITY && isinf(wk_sinh(711)));
    CHECK(isnan(wk_sinh(NAN)) && isnan(wk_asinh(NAN)) && isnan(wk_log1p(-2)));
}

/* The cases of C's Annex F, where they are exact. */
static void special_results_are_exact(void)
{
    CHECK(wk_exp(0) == 1 && wk_exp(-INFINITY) == 0 && isinf(wk_exp(INFINITY)));
    CHECK(wk_exp(-746) == 0 && isinf(wk_exp(710)));
    CHECK(wk_log(1) == 0 && wk_log(0) == -INFINITY && isnan(wk_log(-1)));
    CHECK(wk_pow(2, 10) == 1024 && wk_pow(NAN, 0) == 1 && wk_pow(1, NAN) == 1);
    CHECK(wk_pow(-2, 3) == -8 && isnan(wk_pow(-2, 0.5)) && wk_pow(0, -1) == INFINITY);
    CHECK(wk_pow(-0.0, -3) == -INFINITY && wk_pow(-INFINITY, 3) == -INFINITY);
    CHECK(signbit(wk_sin(-0.0)) && wk_cos(0) == 1 && isnan(wk_sin(INFINITY)));
    CHECK(signbit(wk_atan2(-0.0, 1)) && wk_atan2(0.0, -1) == M_PI);
    CHECK(wk_hypot(3, 4) == 5 && isinf(wk_hypot(INFINITY, NAN)) && wk_hypot(3e300, 4e300) == 5e300);
    CHECK(wk_cbrt(27) == 3 && wk_cbrt(-8) == -2 && wk_tgamma(5) == 24 && wk_erf(INFINITY) == 1);
    CHECK(wk_tanh(INFINITY) == 1 && wk_atanh(1) == INFINITY && isnan(wk_acosh(0.5)));
    CHECK(isnan(wk_asin(1.5)) && wk_log2(8) == 3 && wk_log10(1000) == 3 && wk_exp2(-1074) > 0);
}

TEST_MAIN(TEST(vector_forms_give_the_scalar_bits), TEST(results_are_within_one_unit),
          TEST(results_are_finite_to_the_end_of_their_range), TEST(special_results_are_exact))
