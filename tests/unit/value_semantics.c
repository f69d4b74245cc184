/* What the operations mean: integers against arithmetic in wider types, floats against the cases
 * of IEEE 754, conversions, the text of scalars and its reading. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "test.h"
#include "value/semantics.h"
#include "value/type.h"

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 unsigned_wide;

static struct error error;

static uint64_t random_state = 88172645463325252u;

static uint64_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* ---- Integers: the reference -------------------------------------------------------------- */

static bool is_signed(enum wk_scalar scalar)
{
    return scalar <= WK_I64;
}

static int width_of(enum wk_scalar scalar)
{
    return 8 * (int)wk_scalar_bytes(scalar);
}

static wide least_of(enum wk_scalar scalar)
{
    return is_signed(scalar) ? -((wide)1 << (width_of(scalar) - 1)) : 0;
}

static wide most_of(enum wk_scalar scalar)
{
    return ((wide)1 << (width_of(scalar) - is_signed(scalar))) - 1;
}

/* The value that a word stands for, and the value with the same residue that the type has. */
static wide value_of(enum wk_scalar scalar, uint64_t word)
{
    return is_signed(scalar) ? (wide)(int64_t)word : (wide)word;
}

static wide residue(enum wk_scalar scalar, wide value)
{
    wide modulus = (wide)1 << width_of(scalar);
    value = (value % modulus + modulus) % modulus;
    return value > most_of(scalar) ? value - modulus : value;
}

static wide floor_shift(wide value, wide amount)
{
    while (amount-- > 0)
        value = value < 0 ? -((1 - value) / 2) : value / 2;
    return value;
}

static int count(wide value, enum wk_scalar scalar, enum operation operation)
{
    int ones = 0, leading = 0, trailing = 0;
    bool seen = false;
    wide bits = value < 0 ? value + ((wide)1 << width_of(scalar)) : value;
    for (int i = 0; i < width_of(scalar); i++) {
        bool bit = bits % 2;
        bits /= 2;
        ones += bit;
        leading = bit ? 0 : leading + 1;
        seen |= bit;
        trailing += !seen;
    }
    return operation == OPERATION_POPCOUNT        ? ones
           : operation == OPERATION_LEADING_ZEROS ? leading
                                                  : trailing;
}

/* Bit by bit, from the definition. */
static wide bitwise(enum wk_scalar scalar, enum operation operation, wide a, wide b)
{
    wide modulus = (wide)1 << width_of(scalar), result = 0;
    a = (a + modulus) % modulus;
    b = (b + modulus) % modulus;
    for (wide place = 1; place < modulus; place *= 2, a /= 2, b /= 2) {
        int ones = (int)(a % 2) + (int)(b % 2);
        if (operation == OPERATION_AND ? ones == 2 : operation == OPERATION_OR ? ones : ones == 1)
            result += place;
    }
    return result;
}

/* The result as a mathematician would give it, before it is wrapped; *code is the expected error.
 */
static wide reference(enum operation operation, enum wk_scalar scalar, wide a, wide b, int *code)
{
    *code = 0;
    switch ((int)operation) {
    case OPERATION_NEG:
        return -a;
    case OPERATION_COMPLEMENT:
        return -a - 1;
    case OPERATION_ADD:
        return a + b;
    case OPERATION_SUB:
        return a - b;
    case OPERATION_MUL:
        /* In 64 bits the product of two unsigned ones needs all 128. */
        return (wide)((unsigned_wide)a * (unsigned_wide)b & UINT64_MAX);
    case OPERATION_DIV:
    case OPERATION_REM:
        *code = b == 0 ? ERR_division_by_zero : 0;
        return b == 0 ? 0 : operation == OPERATION_DIV ? a / b : a % b;
    case OPERATION_SHL:
    case OPERATION_SHR:
        *code = b < 0 ? ERR_negative_shift : 0;
        if (b < 0)
            return 0;
        if (operation == OPERATION_SHL)
            return b >= width_of(scalar) ? 0 : (wide)((uint64_t)a << (int)b);
        return floor_shift(a, b < 64 ? b : 64);
    case OPERATION_AND:
    case OPERATION_OR:
    case OPERATION_XOR:
        return bitwise(scalar, operation, a, b);
    case OPERATION_EQ:
        return a == b;
    case OPERATION_NE:
        return a != b;
    case OPERATION_LT:
        return a < b;
    case OPERATION_LE:
        return a <= b;
    case OPERATION_GT:
        return a > b;
    case OPERATION_GE:
        return a >= b;
    case OPERATION_ABS:
        return a < 0 ? -a : a;
    case OPERATION_MIN:
        return a < b ? a : b;
    case OPERATION_MAX:
        return a > b ? a : b;
    case OPERATION_POPCOUNT:
    case OPERATION_LEADING_ZEROS:
    case OPERATION_TRAILING_ZEROS:
        return count(a, scalar, operation);
    case OPERATION_MUL_HIGH:
        if (scalar == WK_U64)
            return (wide)((unsigned_wide)a * (unsigned_wide)b >> 64);
        return floor_shift(a * b, width_of(scalar));
    }
    *code = -1;
    return 0;
}

static int check_integers(enum operation operation, enum wk_scalar scalar, wide a, wide b)
{
    uint64_t operands[] = {(uint64_t)a, (uint64_t)b}, result = 0;
    int expected_code;
    wide exact = reference(operation, scalar, a, b, &expected_code);
    enum wk_scalar type = operation_result(operation, scalar);
    wide expected = type == WK_BOOL ? exact : residue(type, exact);
    int code = semantics_evaluate(operation, scalar, operands, &result, &error);
    if (code == expected_code && (code || value_of(type, result) == expected))
        return 0;
    fprintf(stderr, "%s of %s: %lld, %lld gives %lld (%d), expected %lld (%d)\n",
            operation_mnemonic(operation), wk_scalar_text(scalar), (long long)a, (long long)b,
            (long long)result, code, (long long)expected, expected_code);
    return 1;
}

static bool is_integer_operation(enum operation operation)
{
    return operation_accepts(operation, WK_I64);
}

static void integers_of_8_bits_are_right(void)
{
    int wrong = 0;
    for (int o = 1; o < OPERATION_COUNT; o++) {
        if (!is_integer_operation((enum operation)o))
            continue;
        for (int b = -128; b < 128 && wrong < 10; b++)
            for (int a = -128; a < 128; a++) {
                wrong += check_integers((enum operation)o, WK_I8, a, b);
                wrong += check_integers((enum operation)o, WK_U8, a + 128, b + 128);
            }
    }
    CHECK_INT(wrong, 0);
}

/* Numbers of all magnitudes, and those at the ends and around 0. */
static wide any_integer(enum wk_scalar scalar)
{
    uint64_t bits = random_bits();
    switch (bits % 5) {
    case 0:
        return most_of(scalar) - (wide)(bits >> 8 & 3);
    case 1:
        return least_of(scalar) + (wide)(bits >> 8 & 3);
    case 2:
        return residue(scalar, (wide)(bits >> 8 & 7) - 3);
    default:
        return residue(scalar, value_of(WK_I64, random_bits()) >> (bits >> 8 & 63));
    }
}

static void wider_integers_are_right(void)
{
    int wrong = 0;
    for (int s = WK_I16; s <= WK_U64; s++)
        for (int o = 1; o < OPERATION_COUNT && s != WK_U8; o++)
            for (int i = 0; i < 4000 && wrong < 10 && is_integer_operation((enum operation)o);
                 i++) {
                enum wk_scalar scalar = (enum wk_scalar)s;
                wide a = any_integer(scalar), b = any_integer(scalar);
                if ((o == OPERATION_SHL || o == OPERATION_SHR) && i % 2)
                    b = i % 67;
                wrong += check_integers((enum operation)o, scalar, a, b);
            }
    CHECK_INT(wrong, 0);
}

static void messages_of_integers_name_the_values(void)
{
    uint64_t result;
    semantics_evaluate(OPERATION_DIV, WK_I64, (uint64_t[]){(uint64_t)-7, 0}, &result, &error);
    CHECK_TEXT(error.message, "division by zero: -7 / 0");
    semantics_evaluate(OPERATION_SHL, WK_I8, (uint64_t[]){1, (uint64_t)-2}, &result, &error);
    CHECK_TEXT(error.message, "shift by a negative amount: 1 << -2");
}

/* ---- Floats -------------------------------------------------------------------------------- */

static uint64_t word_of(double x)
{
    uint64_t word;
    memcpy(&word, &x, sizeof word);
    return word;
}

static uint64_t word_of_float(float x)
{
    uint32_t word;
    memcpy(&word, &x, sizeof word);
    return word;
}

static double double_of(uint64_t word)
{
    double x;
    memcpy(&x, &word, sizeof x);
    return x;
}

#define CANONICAL 0x7FF8000000000000u
#define CANONICAL_FLOAT 0x7FC00000u

static uint64_t evaluate(enum operation operation, double a, double b)
{
    uint64_t result = 0;
    CHECK_INT(semantics_evaluate(operation, WK_F64, (uint64_t[]){word_of(a), word_of(b)}, &result,
                                 &error),
              0);
    return result;
}

static uint64_t evaluate_float(enum operation operation, float a, float b)
{
    uint64_t result = 0;
    CHECK_INT(semantics_evaluate(operation, WK_F32,
                                 (uint64_t[]){word_of_float(a), word_of_float(b)}, &result, &error),
              0);
    return result;
}

#define BOTH(operation, a, b, expected)                                                            \
    CHECK_INT(evaluate(operation, a, b), word_of(expected));                                       \
    CHECK_INT(evaluate_float(operation, (float)(a), (float)(b)), word_of_float((float)(expected)))
#define BOTH_NAN(operation, a, b)                                                                  \
    CHECK_INT(evaluate(operation, a, b), CANONICAL);                                               \
    CHECK_INT(evaluate_float(operation, (float)(a), (float)(b)), CANONICAL_FLOAT)

static void minimum_and_maximum_are_those_of_2019(void)
{
    BOTH(OPERATION_MIN, 0.0, -0.0, -0.0);
    BOTH(OPERATION_MIN, -0.0, 0.0, -0.0);
    BOTH(OPERATION_MAX, 0.0, -0.0, 0.0);
    BOTH(OPERATION_MAX, -0.0, 0.0, 0.0);
    BOTH(OPERATION_MIN, 1.0, 2.0, 1.0);
    BOTH(OPERATION_MAX, 1.0, 2.0, 2.0);
    BOTH(OPERATION_MIN, -INFINITY, 2.0, -INFINITY);
    BOTH_NAN(OPERATION_MIN, NAN, 1.0);
    BOTH_NAN(OPERATION_MIN, 1.0, NAN);
    BOTH_NAN(OPERATION_MAX, -NAN, -INFINITY);
    BOTH_NAN(OPERATION_MAX, 1.0, NAN);
}

static void floats_follow_ieee_754(void)
{
    BOTH(OPERATION_ROUND, 2.5, 0, 2.0);
    BOTH(OPERATION_ROUND, 3.5, 0, 4.0);
    BOTH(OPERATION_ROUND, -0.5, 0, -0.0);
    BOTH(OPERATION_FLOOR, -1.5, 0, -2.0);
    BOTH(OPERATION_CEIL, -0.5, 0, -0.0);
    BOTH(OPERATION_TRUNC, -1.5, 0, -1.0);
    BOTH(OPERATION_REM, -5.5, 2.0, -1.5);
    BOTH(OPERATION_REM, 5.5, -2.0, 1.5);
    BOTH_NAN(OPERATION_REM, 1.0, 0.0);
    BOTH_NAN(OPERATION_DIV, 0.0, 0.0);
    BOTH(OPERATION_DIV, -1.0, 0.0, -INFINITY);
    BOTH_NAN(OPERATION_SQRT, -1.0, 0);
    BOTH(OPERATION_SQRT, -0.0, 0, -0.0);
    BOTH(OPERATION_NEG, 0.0, 0, -0.0);
    BOTH_NAN(OPERATION_NEG, NAN, 0);
    BOTH(OPERATION_ABS, -2.0, 0, 2.0);
    BOTH(OPERATION_COPYSIGN, 3.0, -0.0, -3.0);
    BOTH(OPERATION_COPYSIGN, -3.0, -NAN, 3.0); /* the canonical NaN has no sign */
    BOTH_NAN(OPERATION_COPYSIGN, NAN, -1.0);
    CHECK_INT(evaluate(OPERATION_LT, NAN, 1), 0);
    CHECK_INT(evaluate(OPERATION_NE, NAN, NAN), 1);
    CHECK_INT(evaluate(OPERATION_EQ, 0.0, -0.0), 1);
    CHECK_INT(evaluate(OPERATION_GE, 2, 2), 1);
    CHECK_INT(evaluate(OPERATION_IS_NAN, -NAN, 0), 1);
    CHECK_INT(evaluate_float(OPERATION_IS_FINITE, INFINITY, 0), 0);
    CHECK_INT(evaluate(OPERATION_BITS, -0.0, 0), INT64_MIN);
    CHECK_INT(evaluate(OPERATION_BITS, double_of(0xFFF8000000000123u), 0), CANONICAL);
    CHECK_INT(evaluate_float(OPERATION_BITS, -1, 0), 0xBF800000u);
    CHECK_INT(evaluate(OPERATION_ADD, 0x1p53, 1), word_of(0x1p53));
    CHECK_INT(evaluate_float(OPERATION_ADD, 0x1p24f, 1), word_of_float(0x1p24f));
    CHECK_INT(semantics_canonical(WK_F32, 0xFF800001u), CANONICAL_FLOAT);
    CHECK_INT(semantics_canonical(WK_U64, 0xFFF8000000000123u), 0xFFF8000000000123u);
}

static void fma_rounds_once(void)
{
    uint64_t result, x[] = {word_of(1 + 0x1p-30), word_of(1 - 0x1p-30), word_of(-1)};
    CHECK_INT(semantics_evaluate(OPERATION_FMA, WK_F64, x, &result, &error), 0);
    CHECK_INT(result, word_of(-0x1p-60));
    uint64_t y[] = {word_of_float(1 + 0x1p-15f), word_of_float(1 - 0x1p-15f), word_of_float(-1)};
    CHECK_INT(semantics_evaluate(OPERATION_FMA, WK_F32, y, &result, &error), 0);
    CHECK_INT(result, word_of_float(-0x1p-30f));
}

static void every_operation_can_be_evaluated(void)
{
    for (int o = 1; o < OPERATION_COUNT; o++)
        for (int s = 0; s < WK_SCALAR_COUNT; s++)
            if (operation_accepts((enum operation)o, (enum wk_scalar)s)) {
                uint64_t one = s == WK_F64 ? word_of(0.5) : s == WK_F32 ? word_of_float(0.5f) : 1;
                uint64_t result, operands[] = {one, one, one};
                CHECK_INT(semantics_evaluate((enum operation)o, (enum wk_scalar)s, operands,
                                             &result, &error),
                          0);
            }
    uint64_t result;
    semantics_evaluate(OPERATION_NOT, WK_BOOL, (uint64_t[]){1}, &result, &error);
    CHECK_INT(result, 0);
    semantics_evaluate(OPERATION_POW, WK_F64, (uint64_t[]){word_of(2), word_of(3)}, &result,
                       &error);
    CHECK_INT(result, word_of(8));
}

/* ---- Conversions --------------------------------------------------------------------------- */

/* Integers in both directions, exact or refused. */
static int check_integer_conversion(enum wk_scalar from, enum wk_scalar to, wide value)
{
    uint64_t result = 0;
    bool fits = value >= least_of(to) && value <= most_of(to);
    int code = semantics_convert(from, to, (uint64_t)value, &result, &error);
    return code != (fits ? 0 : ERR_conversion) || (fits && value_of(to, result) != value);
}

static int check_float_conversion(enum wk_scalar to, double x)
{
    uint64_t result = 0;
    int wrong = 0;
    bool fits = !isnan(x) && fabs(x) < 0x1p100 && (wide)x >= least_of(to) && (wide)x <= most_of(to);
    int code = semantics_convert(WK_F64, to, word_of(x), &result, &error);
    wrong += code != (fits ? 0 : ERR_conversion) || (fits && value_of(to, result) != (wide)x);
    if ((double)(float)x != x)
        return wrong;
    code = semantics_convert(WK_F32, to, word_of_float((float)x), &result, &error);
    return wrong +
           (code != (fits ? 0 : ERR_conversion) || (fits && value_of(to, result) != (wide)x));
}

static void conversions_are_exact_or_refused(void)
{
    int wrong = 0;
    for (int to = WK_I8; to <= WK_U64; to++) {
        for (int from = WK_I8; from <= WK_U64; from++)
            for (int i = 0; i < 2000; i++)
                wrong += check_integer_conversion((enum wk_scalar)from, (enum wk_scalar)to,
                                                  any_integer((enum wk_scalar)from));
        for (int i = 0; i < 20000; i++)
            wrong += check_float_conversion((enum wk_scalar)to, double_of(random_bits()));
        for (int power = 0; power < 70; power++)
            for (int side = -2; side <= 2; side++) {
                double x = nextafter(ldexp(1, power), side < 0 ? -INFINITY : INFINITY);
                double edges[] = {x,
                                  -x,
                                  ldexp(1, power),
                                  -ldexp(1, power),
                                  ldexp(1, power) + side,
                                  ldexp(1, power) + side / 2.0,
                                  -ldexp(1, power) + side / 2.0};
                for (size_t k = 0; k < sizeof edges / sizeof edges[0]; k++)
                    wrong += check_float_conversion((enum wk_scalar)to, edges[k]);
            }
    }
    CHECK_INT(wrong, 0);
    uint64_t result;
    CHECK_INT(semantics_convert(WK_F64, WK_I64, CANONICAL, &result, &error), ERR_conversion);
    CHECK_TEXT(error.message, "nan does not fit int (-9223372036854775808 to 9223372036854775807)");
    CHECK_INT(semantics_convert(WK_I64, WK_U8, (uint64_t)-1, &result, &error), ERR_conversion);
    CHECK_TEXT(error.message, "-1 does not fit u8 (0 to 255)");
}

static uint64_t converted(enum wk_scalar from, enum wk_scalar to, uint64_t word)
{
    uint64_t result = 0;
    CHECK_INT(semantics_convert(from, to, word, &result, &error), 0);
    return result;
}

static void conversions_to_floats_round_once(void)
{
    CHECK_INT(converted(WK_U64, WK_F64, UINT64_MAX), word_of(0x1p64));
    CHECK_INT(converted(WK_I64, WK_F64, (uint64_t)-1), word_of(-1));
    CHECK_INT(converted(WK_I64, WK_F64, (1ull << 53) + 1), word_of(0x1p53));
    /* By way of f64 this would round to 0x1p60, then stay: the two halves would be a tie. */
    CHECK_INT(converted(WK_U64, WK_F32, (1ull << 60) + (1ull << 36) + 1),
              word_of_float(0x1.000002p60f));
    CHECK_INT(converted(WK_F64, WK_F32, word_of(1e300)), word_of_float(INFINITY));
    CHECK_INT(converted(WK_F64, WK_F32, word_of(0.1)), word_of_float(0.1f));
    CHECK_INT(converted(WK_F32, WK_F64, word_of_float(0.1f)), word_of((double)0.1f));
    CHECK_INT(converted(WK_F64, WK_F32, 0xFFF8000000000123u), CANONICAL_FLOAT);
    CHECK_INT(converted(WK_F32, WK_F64, 0xFFC00001u), CANONICAL);
    CHECK_INT(converted(WK_BOOL, WK_I64, 1), 1);
    CHECK_INT(converted(WK_BOOL, WK_F64, 1), word_of(1));
    CHECK_INT(converted(WK_BOOL, WK_BOOL, 1), 1);
}

/* ---- Text ---------------------------------------------------------------------------------- */

static void check_text(enum wk_scalar scalar, uint64_t word, const char *expected)
{
    char text[32];
    semantics_print(scalar, word, text);
    CHECK_TEXT(text, expected);
}

static void scalars_are_printed(void)
{
    check_text(WK_BOOL, 0, "false");
    check_text(WK_I8, (uint64_t)-128, "-128");
    check_text(WK_U64, UINT64_MAX, "18446744073709551615");
    check_text(WK_I64, 1ull << 63, "-9223372036854775808");
    check_text(WK_F64, word_of(-0.0), "-0.0");
    check_text(WK_F64, word_of(1), "1.0");
    check_text(WK_F64, word_of(100), "100.0");
    check_text(WK_F64, word_of(0.1), "0.1");
    check_text(WK_F64, word_of(1e-4), "0.0001");
    check_text(WK_F64, word_of(1e-5), "1e-05");
    check_text(WK_F64, word_of(1e15), "1000000000000000.0");
    check_text(WK_F64, word_of(1e16), "1e+16");
    check_text(WK_F64, word_of(1.5e100), "1.5e+100");
    check_text(WK_F64, word_of(DBL_MAX), "1.7976931348623157e+308");
    check_text(WK_F64, word_of(0x1p-1017), "7.120236347223045e-307"); /* the nearest ends in 44 */
    check_text(WK_F64, 1, "5e-324");
    check_text(WK_F64, word_of(-INFINITY), "-inf");
    check_text(WK_F64, 0xFFF8000000000000u, "nan");
    check_text(WK_F32, word_of_float(0.1f), "0.1");
    check_text(WK_F32, word_of_float(FLT_MAX), "3.4028235e+38");
    check_text(WK_F32, 1, "1e-45");
    check_text(WK_F32, word_of_float(16777216), "16777216.0");
}

/* How many digits a text has, or 0 when its last ones may be there for the notation only (100.0).
 */
static int significant_digits(const char *text)
{
    int digits = 0;
    const char *end = strchr(text, 'e');
    if (strpbrk(text, "in") || (!end && text[strlen(text) - 1] == '0')) /* inf, nan, 100.0 */
        return 0;
    for (const char *c = text + strspn(text, "-0."); *c && c != end; c++)
        digits += *c != '.';
    return digits;
}

/* Reading the text back gives the bits, and no decimal with one digit less does. */
static int check_round_trip(enum wk_scalar scalar, uint64_t word)
{
    char text[32], shorter[40];
    uint64_t back;
    semantics_print(scalar, word, text);
    int digits = significant_digits(text);
    int wrong = semantics_read(scalar, text, &back, &error) != 0 || back != word;
    if (digits > 1) {
        double x = strtod(text, NULL);
        snprintf(shorter, sizeof shorter, "%.*e", digits - 2, x);
        wrong += scalar == WK_F64 ? strtod(shorter, NULL) == x
                                  : strtof(shorter, NULL) == strtof(text, NULL);
    }
    if (wrong)
        fprintf(stderr, "%s %llx is printed as %s\n", wk_scalar_text(scalar),
                (unsigned long long)word, text);
    return wrong;
}

static void printed_floats_read_back_and_are_shortest(void)
{
    int wrong = 0;
    for (int i = 0; i < 100000; i++) {
        enum wk_scalar scalar = i % 2 ? WK_F64 : WK_F32;
        uint64_t word = random_bits();
        if (i % 7 == 0)
            word &= ~(UINT64_MAX >> (random_bits() & 63)); /* few digits, powers of two */
        if (scalar == WK_F32)
            word >>= 32;
        wrong += check_round_trip(scalar, semantics_canonical(scalar, word));
    }
    CHECK_INT(wrong, 0);
}

static void parameters_are_read(void)
{
    static const struct {
        enum wk_scalar scalar;
        const char *text, *printed; /* NULL: refused */
    } cases[] = {
        {WK_I64, "42", "42"},
        {WK_I64, "-42", "-42"},
        {WK_I64, "+42", "42"},
        {WK_I64, "100_000", "100000"},
        {WK_I64, "0xff", "255"},
        {WK_I64, "0xFF_ff", "65535"},
        {WK_I64, "0b101", "5"},
        {WK_I64, "8MiB", "8388608"},
        {WK_I64, "64KB", "64000"},
        {WK_I64, "1TiB", "1099511627776"},
        {WK_I64, "-9223372036854775808", "-9223372036854775808"},
        {WK_I64, "9223372036854775807", "9223372036854775807"},
        {WK_I64, "9223372036854775808", NULL},
        {WK_I64, "-9223372036854775809", NULL},
        {WK_I64, "99999999999999999999999", NULL},
        {WK_I64, "16777216TiB", NULL},
        {WK_I64, "", NULL},
        {WK_I64, "-", NULL},
        {WK_I64, "--1", NULL},
        {WK_I64, "1e6", NULL},
        {WK_I64, "1.0", NULL},
        {WK_I64, "0x", NULL},
        {WK_I64, "0b2", NULL},
        {WK_I64, "1_", NULL},
        {WK_I64, "_1", NULL},
        {WK_I64, "1__0", NULL},
        {WK_I64, "8mib", NULL},
        {WK_I64, "8 MiB", NULL},
        {WK_I64, " 8", NULL},
        {WK_I64, "0x8MiB", NULL},
        {WK_U8, "255", "255"},
        {WK_U8, "256", NULL},
        {WK_U8, "-1", NULL},
        {WK_U8, "-0", "0"},
        {WK_I8, "-128", "-128"},
        {WK_I8, "128", NULL},
        {WK_U64, "18446744073709551615", "18446744073709551615"},
        {WK_U64, "18446744073709551616", NULL},
        {WK_BOOL, "true", "true"},
        {WK_BOOL, "false", "false"},
        {WK_BOOL, "1", NULL},
        {WK_BOOL, "True", NULL},
        {WK_F64, "2", "2.0"},
        {WK_F64, "-2.5", "-2.5"},
        {WK_F64, "1e-8", "1e-08"},
        {WK_F64, "1E+3", "1000.0"},
        {WK_F64, "1_0.2_5e1_0", "102500000000.0"},
        {WK_F64, "0xff", "255.0"},
        {WK_F64, "1KiB", "1024.0"},
        {WK_F64, "nan", "nan"},
        {WK_F64, "-inf", "-inf"},
        {WK_F64, "NaN", "nan"},
        {WK_F64, "-Infinity", "-inf"},
        {WK_F32, "Infinity", "inf"},
        {WK_F64, "-0.0", "-0.0"},
        {WK_F64, "1e-400", "0.0"},
        {WK_F64, "1e400", NULL},
        {WK_F64, "1.", NULL},
        {WK_F64, ".5", NULL},
        {WK_F64, "1e", NULL},
        {WK_F64, "1e5x", NULL},
        {WK_F64, "infinity", NULL},
        {WK_F64, "0x1p3", NULL},
        {WK_F32, "0.1", "0.1"},
        {WK_F32, "1e39", NULL},
        /* To f64 and then to f32 would round twice, down to 1.0. */
        {WK_F32, "1.000000059604644775390626", "1.0000001"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t word;
        char text[32] = "(refused)";
        int code = semantics_read(cases[i].scalar, cases[i].text, &word, &error);
        if (code == 0)
            semantics_print(cases[i].scalar, word, text);
        CHECK(code == 0 || code == ERR_bad_parameter);
        const char *expected = cases[i].printed ? cases[i].printed : "(refused)";
        if (strcmp(text, expected) != 0) {
            fprintf(stderr, "reading '%s':\n", cases[i].text);
            CHECK_TEXT(text, expected);
        }
    }
    char *long_text = malloc(100001);
    memset(long_text, '1', 100000);
    long_text[100000] = 0;
    CHECK_INT(semantics_read(WK_F64, long_text, &(uint64_t){0}, &error), ERR_bad_parameter);
    free(long_text);
    semantics_read(WK_U8, "300", &(uint64_t){0}, &error);
    CHECK_TEXT(error.message, "300 does not fit u8 (0 to 255)");
}

TEST_MAIN(TEST(integers_of_8_bits_are_right), TEST(wider_integers_are_right),
          TEST(messages_of_integers_name_the_values), TEST(minimum_and_maximum_are_those_of_2019),
          TEST(floats_follow_ieee_754), TEST(fma_rounds_once),
          TEST(every_operation_can_be_evaluated), TEST(conversions_are_exact_or_refused),
          TEST(conversions_to_floats_round_once), TEST(scalars_are_printed),
          TEST(printed_floats_read_back_and_are_shortest), TEST(parameters_are_read))
