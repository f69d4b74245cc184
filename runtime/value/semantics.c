/*
 * The meaning of the operations. Integers are computed in 64 bits and cut to their width, which is
 * exact for wrapping arithmetic; floats in their own type, one rounding an operation. The build
 * forbids contraction, so C's operators are IEEE 754's. Every float result is made canonical, so
 * that no NaN's payload is seen.
 */
#include "value/semantics.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "value/maths.h"
#include "value/type.h"

/* ---- Words --------------------------------------------------------------------------------- */

#define NAN_BITS_F64 0x7FF8000000000000ULL
#define NAN_BITS_F32 0x7FC00000ULL

static double word_double(uint64_t word)
{
    double x;
    memcpy(&x, &word, sizeof x);
    return x;
}

static float word_float(uint64_t word)
{
    uint32_t low = (uint32_t)word;
    float x;
    memcpy(&x, &low, sizeof x);
    return x;
}

static uint64_t double_word(double x)
{
    uint64_t word;
    memcpy(&word, &x, sizeof word);
    return isnan(x) ? NAN_BITS_F64 : word;
}

static uint64_t float_word(float x)
{
    uint32_t low;
    memcpy(&low, &x, sizeof low);
    return isnan(x) ? NAN_BITS_F32 : low;
}

uint64_t semantics_canonical(enum wk_scalar scalar, uint64_t word)
{
    if (scalar == WK_F64)
        return double_word(word_double(word));
    return scalar == WK_F32 ? float_word(word_float(word)) : word;
}

static bool is_signed(enum wk_scalar scalar)
{
    return scalar >= WK_I8 && scalar <= WK_I64;
}

static unsigned width_of(enum wk_scalar scalar)
{
    return 8 * wk_scalar_bytes(scalar);
}

/* The low bits of `word` as a word of the type: sign- or zero-extended. */
static uint64_t wrap(enum wk_scalar scalar, uint64_t word)
{
    unsigned unused = 64 - width_of(scalar);
    if (is_signed(scalar))
        return (uint64_t)((int64_t)(word << unused) >> unused);
    return word << unused >> unused;
}

/* ---- Integers ------------------------------------------------------------------------------ */

static int divide(enum operation operation, enum wk_scalar scalar, const uint64_t *x,
                  uint64_t *result, struct error *error)
{
    char text[32];
    bool quotient = operation == OPERATION_DIV;
    semantics_print(scalar, x[0], text);
    if (x[1] == 0)
        return error_set(error, ERR_division_by_zero, "division by zero: %s %s 0", text,
                         quotient ? "/" : "%");
    if (!is_signed(scalar))
        *result = quotient ? x[0] / x[1] : x[0] % x[1];
    else if ((int64_t)x[1] == -1) /* the smallest integer's quotient wraps */
        *result = quotient ? wrap(scalar, 0 - x[0]) : 0;
    else
        *result =
            (uint64_t)(quotient ? (int64_t)x[0] / (int64_t)x[1] : (int64_t)x[0] % (int64_t)x[1]);
    return 0;
}

static int shift(enum operation operation, enum wk_scalar scalar, const uint64_t *x,
                 uint64_t *result, struct error *error)
{
    unsigned width = width_of(scalar);
    char text[2][32];
    if (is_signed(scalar) && (int64_t)x[1] < 0) {
        semantics_print(scalar, x[0], text[0]);
        semantics_print(scalar, x[1], text[1]);
        return error_set(error, ERR_negative_shift, "shift by a negative amount: %s %s %s", text[0],
                         operation_text(operation), text[1]);
    }
    bool all = x[1] >= width;
    if (operation == OPERATION_SHL)
        *result = all ? 0 : wrap(scalar, x[0] << x[1]);
    else if (is_signed(scalar))
        *result = (uint64_t)((int64_t)x[0] >> (all ? 63 : x[1]));
    else
        *result = all ? 0 : x[0] >> x[1];
    return 0;
}

static uint64_t multiply_high(enum wk_scalar scalar, uint64_t a, uint64_t b)
{
    unsigned width = width_of(scalar);
    __extension__ typedef __int128 wide;
    __extension__ typedef unsigned __int128 unsigned_wide;
    if (is_signed(scalar))
        return (uint64_t)((wide)(int64_t)a * (int64_t)b >> width);
    return (uint64_t)((unsigned_wide)a * b >> width);
}

static bool integer_less(enum wk_scalar scalar, uint64_t a, uint64_t b)
{
    return is_signed(scalar) ? (int64_t)a < (int64_t)b : a < b;
}

static uint64_t count_bits(enum operation operation, enum wk_scalar scalar, uint64_t x)
{
    unsigned width = width_of(scalar);
    uint64_t bits = x << (64 - width) >> (64 - width);
    if (operation == OPERATION_POPCOUNT)
        return (uint64_t)__builtin_popcountll(bits);
    if (bits == 0)
        return width;
    if (operation == OPERATION_LEADING_ZEROS)
        return (uint64_t)__builtin_clzll(bits) - (64 - width);
    return (uint64_t)__builtin_ctzll(bits);
}

static int evaluate_integer(enum operation operation, enum wk_scalar scalar, const uint64_t *x,
                            uint64_t *result, struct error *error)
{
    switch ((int)operation) {
    case OPERATION_NEG:
        *result = wrap(scalar, 0 - x[0]);
        return 0;
    case OPERATION_COMPLEMENT:
        *result = wrap(scalar, ~x[0]);
        return 0;
    case OPERATION_ADD:
        *result = wrap(scalar, x[0] + x[1]);
        return 0;
    case OPERATION_SUB:
        *result = wrap(scalar, x[0] - x[1]);
        return 0;
    case OPERATION_MUL:
        *result = wrap(scalar, x[0] * x[1]);
        return 0;
    case OPERATION_DIV:
    case OPERATION_REM:
        return divide(operation, scalar, x, result, error);
    case OPERATION_SHL:
    case OPERATION_SHR:
        return shift(operation, scalar, x, result, error);
    case OPERATION_AND:
        *result = x[0] & x[1];
        return 0;
    case OPERATION_XOR:
        *result = x[0] ^ x[1];
        return 0;
    case OPERATION_OR:
        *result = x[0] | x[1];
        return 0;
    case OPERATION_EQ:
        *result = x[0] == x[1];
        return 0;
    case OPERATION_NE:
        *result = x[0] != x[1];
        return 0;
    case OPERATION_LT:
        *result = integer_less(scalar, x[0], x[1]);
        return 0;
    case OPERATION_LE:
        *result = !integer_less(scalar, x[1], x[0]);
        return 0;
    case OPERATION_GT:
        *result = integer_less(scalar, x[1], x[0]);
        return 0;
    case OPERATION_GE:
        *result = !integer_less(scalar, x[0], x[1]);
        return 0;
    case OPERATION_ABS:
        *result = is_signed(scalar) && (int64_t)x[0] < 0 ? wrap(scalar, 0 - x[0]) : x[0];
        return 0;
    case OPERATION_MIN:
        *result = integer_less(scalar, x[1], x[0]) ? x[1] : x[0];
        return 0;
    case OPERATION_MAX:
        *result = integer_less(scalar, x[0], x[1]) ? x[1] : x[0];
        return 0;
    case OPERATION_POPCOUNT:
    case OPERATION_LEADING_ZEROS:
    case OPERATION_TRAILING_ZEROS:
        *result = count_bits(operation, scalar, x[0]);
        return 0;
    case OPERATION_MUL_HIGH:
        *result = wrap(scalar, multiply_high(scalar, x[0], x[1]));
        return 0;
    }
    bug("%s of integers", operation_mnemonic(operation));
}

static uint64_t evaluate_bool(enum operation operation, const uint64_t *x)
{
    switch ((int)operation) {
    case OPERATION_NOT:
        return !x[0];
    case OPERATION_EQ:
        return x[0] == x[1];
    case OPERATION_NE:
        return x[0] != x[1];
    }
    bug("%s of bools", operation_mnemonic(operation));
}

/* ---- Floats -------------------------------------------------------------------------------- */

/* IEEE 754-2019's minimum and maximum: NaN passes on, and -0 is less than +0. */
#define DEFINE_EXTREMES(type, suffix)                                                              \
    static type minimum##suffix(type a, type b)                                                    \
    {                                                                                              \
        if (isnan(a) || isnan(b))                                                                  \
            return a + b;                                                                          \
        if (a == b)                                                                                \
            return signbit(a) ? a : b;                                                             \
        return a < b ? a : b;                                                                      \
    }                                                                                              \
    static type maximum##suffix(type a, type b)                                                    \
    {                                                                                              \
        if (isnan(a) || isnan(b))                                                                  \
            return a + b;                                                                          \
        if (a == b)                                                                                \
            return signbit(a) ? b : a;                                                             \
        return a > b ? a : b;                                                                      \
    }
DEFINE_EXTREMES(double, )
DEFINE_EXTREMES(float, f)

/* Each operation on floats as an expression of its operands a, b and c: NUMBER gives a float, TRUTH
 * a bool. `s` is the suffix of C's functions for the type. */
#define FLOAT_OPERATIONS(NUMBER, TRUTH, s)                                                         \
    NUMBER(NEG, -a)                                                                                \
    NUMBER(ADD, a + b)                                                                             \
    NUMBER(SUB, a - b)                                                                             \
    NUMBER(MUL, a *b)                                                                              \
    NUMBER(DIV, a / b)                                                                             \
    NUMBER(REM, fmod##s(a, b))                                                                     \
    TRUTH(EQ, a == b)                                                                              \
    TRUTH(NE, a != b)                                                                              \
    TRUTH(LT, a < b)                                                                               \
    TRUTH(LE, a <= b)                                                                              \
    TRUTH(GT, a > b)                                                                               \
    TRUTH(GE, a >= b)                                                                              \
    NUMBER(ABS, fabs##s(a))                                                                        \
    NUMBER(MIN, minimum##s(a, b))                                                                  \
    NUMBER(MAX, maximum##s(a, b))                                                                  \
    NUMBER(SQRT, sqrt##s(a))                                                                       \
    NUMBER(FLOOR, floor##s(a))                                                                     \
    NUMBER(CEIL, ceil##s(a))                                                                       \
    NUMBER(TRUNC, trunc##s(a))                                                                     \
    NUMBER(ROUND, rint##s(a))                                                                      \
    NUMBER(FMA, fma##s(a, b, c))                                                                   \
    NUMBER(COPYSIGN, copysign##s(a, isnan(b) ? 1 : b)) /* canonical NaNs have no sign */           \
    TRUTH(IS_NAN, isnan(a))                                                                        \
    TRUTH(IS_FINITE, isfinite(a))                                                                  \
    NUMBER(BITS, a)

#define DOUBLE_CASE(NAME, expression)                                                              \
    case OPERATION_##NAME:                                                                         \
        return double_word(expression);
#define FLOAT_CASE(NAME, expression)                                                               \
    case OPERATION_##NAME:                                                                         \
        return float_word(expression);
#define TRUTH_CASE(NAME, expression)                                                               \
    case OPERATION_##NAME:                                                                         \
        return (expression) ? 1U : 0U;
#define MATHS_OPERANDS_1 a
#define MATHS_OPERANDS_2 a, b

static uint64_t evaluate_double(enum operation operation, double a, double b, double c)
{
    switch ((int)operation) {
        FLOAT_OPERATIONS(DOUBLE_CASE, TRUTH_CASE, )
#define MATHS(NAME, name, arity, vectorized, bound)                                                \
    DOUBLE_CASE(NAME, wk_##name(MATHS_OPERANDS_##arity))
#include "value/maths.def"
#undef MATHS
    }
    bug("%s of floats", operation_mnemonic(operation));
}

static uint64_t evaluate_float(enum operation operation, float a, float b, float c)
{
    switch ((int)operation) {
        FLOAT_OPERATIONS(FLOAT_CASE, TRUTH_CASE, f)
#define MATHS(NAME, name, arity, vectorized, bound)                                                \
    FLOAT_CASE(NAME, wk_##name##f(MATHS_OPERANDS_##arity))
#include "value/maths.def"
#undef MATHS
    }
    bug("%s of floats", operation_mnemonic(operation));
}

int semantics_evaluate(enum operation operation, enum wk_scalar scalar, const uint64_t *operands,
                       uint64_t *result, struct error *error)
{
    uint64_t x[3] = {0};
    memcpy(x, operands, operation_arity(operation) * sizeof *x);
    if (scalar == WK_BOOL)
        *result = evaluate_bool(operation, x);
    else if (scalar == WK_F64)
        *result =
            evaluate_double(operation, word_double(x[0]), word_double(x[1]), word_double(x[2]));
    else if (scalar == WK_F32)
        *result = evaluate_float(operation, word_float(x[0]), word_float(x[1]), word_float(x[2]));
    else
        return evaluate_integer(operation, scalar, x, result, error);
    return 0;
}

/* ---- Conversions --------------------------------------------------------------------------- */

static bool is_float(enum wk_scalar scalar)
{
    return scalar >= WK_F32;
}

/* The least and the largest value of an integer type, as words. */
static void integer_range(enum wk_scalar scalar, uint64_t *least, uint64_t *most)
{
    unsigned width = width_of(scalar);
    *most = UINT64_MAX >> (64 - width + is_signed(scalar));
    *least = is_signed(scalar) ? ~*most : 0;
}

static int refuse_conversion(enum wk_scalar from, enum wk_scalar to, uint64_t operand,
                             struct error *error)
{
    char value[32], least_text[32], most_text[32];
    uint64_t least, most;
    semantics_print(from, operand, value);
    integer_range(to, &least, &most);
    semantics_print(to, least, least_text);
    semantics_print(to, most, most_text);
    return error_set(error, ERR_conversion, "%s does not fit %s (%s to %s)", value,
                     type_scalar_name(to), least_text, most_text);
}

/* Whether an integer word of type `from` is a value of the integer type `to`. */
static bool integer_fits(enum wk_scalar from, enum wk_scalar to, uint64_t word)
{
    uint64_t least, most;
    integer_range(to, &least, &most);
    if (is_signed(from) && (int64_t)word < 0)
        return is_signed(to) && (int64_t)word >= (int64_t)least;
    return word <= most;
}

/* Bounds as powers of two, which every float represents exactly. NaN is in no range. */
static bool float_fits(double truncated, enum wk_scalar to)
{
    unsigned width = width_of(to);
    if (is_signed(to))
        return truncated >= -ldexp(1, (int)width - 1) && truncated < ldexp(1, (int)width - 1);
    return truncated >= 0 && truncated < ldexp(1, (int)width);
}

static uint64_t integer_to_float(enum wk_scalar from, enum wk_scalar to, uint64_t word)
{
    if (to == WK_F64)
        return double_word(is_signed(from) ? (double)(int64_t)word : (double)word);
    return float_word(is_signed(from) ? (float)(int64_t)word : (float)word);
}

static int float_to_integer(enum wk_scalar from, enum wk_scalar to, uint64_t word, uint64_t *result,
                            struct error *error)
{
    double truncated = trunc(from == WK_F64 ? word_double(word) : (double)word_float(word));
    if (!float_fits(truncated, to))
        return refuse_conversion(from, to, word, error);
    *result = is_signed(to) ? (uint64_t)(int64_t)truncated : (uint64_t)truncated;
    return 0;
}

int semantics_convert(enum wk_scalar from, enum wk_scalar to, uint64_t operand, uint64_t *result,
                      struct error *error)
{
    if (to == WK_BOOL && from != WK_BOOL)
        bug("conversion from %s to bool", wk_scalar_text(from));
    if (from == to)
        *result = semantics_canonical(to, operand);
    else if (is_float(from) && is_float(to))
        *result = to == WK_F64 ? double_word((double)word_float(operand))
                               : float_word((float)word_double(operand));
    else if (is_float(from))
        return float_to_integer(from, to, operand, result, error);
    else if (is_float(to))
        *result = integer_to_float(from, to, operand);
    else if (integer_fits(from, to, operand))
        *result = operand;
    else
        return refuse_conversion(from, to, operand, error);
    return 0;
}
