/*
 * Literals, constants and implicit conversions (L5.1, L3.5, L5.5), against the C compiler's.
 */
#include "check/checker.h"
#include "check_program.h"

static uint64_t f64_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static uint64_t f32_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static void literals_take_the_type_of_the_context(void)
{
    struct checked c;
    checked_init(&c,
                 "task a() -> f64 { return 1 }\n"
                 "task b() -> f32 { return (0.1) }\n"
                 "task d() -> i8 { return -128 }\n"
                 "task e() -> u64 { return 0xFFFF_FFFF_FFFF_FFFF }\n"
                 "task f() -> f64 { return -3 }\n"
                 "task g() -> u16 { return 'a' }\n"
                 "task h() -> int { return -9223372036854775808 }\n"
                 "task i() -> f32 { return 16777216 }\n",
                 false);
    CHECK_INT(c.diagnostics.errors, 0);
    CHECK_INT(checked_constant(&c, "a"), f64_bits(1.0));
    CHECK_INT(checked_constant(&c, "b"), f32_bits(0.1F));
    CHECK_INT(checked_constant(&c, "d"), (uint64_t)(int64_t)-128);
    CHECK_INT(checked_constant(&c, "e"), UINT64_MAX);
    CHECK_INT(checked_constant(&c, "f"), f64_bits(-3.0));
    CHECK_INT(checked_constant(&c, "g"), 'a');
    CHECK_INT(checked_constant(&c, "h"), INT64_MIN);
    CHECK_INT(checked_constant(&c, "i"), f32_bits(16777216.0F));
    checked_release(&c);
}

static void constants_are_computed(void)
{
    struct checked c;
    checked_init(&c,
                 "let LATER = EARLIER * 3 - 100 / 7\n"
                 "let EARLIER = -5 % 3 + (1 << 20)\n"
                 "let REAL = f64(EARLIER) / 7.0\n"
                 "let SMALL: u8 = 250 + 5\n"
                 "let FLAG = LATER > 100 && !(REAL < 0.5)\n"
                 "let CHOICE = if FLAG { 11 } else { 22 }\n"
                 "task a() -> int { return LATER }\n"
                 "task b() -> f64 { return REAL }\n"
                 "task d() -> u8 { return SMALL }\n"
                 "task e() -> bool { return FLAG }\n"
                 "task f() -> int { return CHOICE }\n",
                 false);
    int64_t earlier = -5 % 3 + (1 << 20), later = earlier * 3 - 100 / 7;
    CHECK_INT(c.diagnostics.errors, 0);
    CHECK_INT(checked_constant(&c, "a"), later);
    CHECK_INT(checked_constant(&c, "b"), f64_bits((double)earlier / 7.0));
    CHECK_INT(checked_constant(&c, "d"), 255);
    CHECK_INT(checked_constant(&c, "e"), 1);
    CHECK_INT(checked_constant(&c, "f"), 11);
    checked_release(&c);
}

__extension__ typedef __int128 wide;

struct range {
    wide low, high;
};

static struct range range_of(enum wk_scalar scalar)
{
    bool is_signed = scalar >= WK_I8 && scalar <= WK_I64;
    unsigned bits = 8 * wk_scalar_bytes(scalar);
    wide one = 1;
    if (is_signed)
        return (struct range){-(one << (bits - 1)), (one << (bits - 1)) - 1};
    return (struct range){0, (one << bits) - 1};
}

static void integers_widen_when_every_value_fits(void)
{
    struct arena arena;
    struct type_table types;
    arena_init(&arena);
    type_table_init(&types, &arena);
    for (int i = WK_I8; i <= WK_U64; i++)
        for (int k = WK_I8; k <= WK_U64; k++) {
            struct range from = range_of((enum wk_scalar)i), to = range_of((enum wk_scalar)k);
            bool fits = from.low >= to.low && from.high <= to.high;
            CHECK_INT(types_widens(types.scalars[i], types.scalars[k]), fits);
        }
    for (int i = 0; i < WK_F32; i++) {
        CHECK(!types_widens(types.scalars[i], types.scalars[WK_F64]));
        CHECK(!types_widens(types.scalars[WK_F32], types.scalars[i]));
        CHECK(i == WK_BOOL || !types_widens(types.scalars[WK_BOOL], types.scalars[i]));
    }
    CHECK(types_widens(types.scalars[WK_F32], types.scalars[WK_F64]));
    CHECK(!types_widens(types.scalars[WK_F64], types.scalars[WK_F32]));
    type_table_release(&types);
    arena_release(&arena);
}

TEST_MAIN(TEST(literals_take_the_type_of_the_context), TEST(constants_are_computed),
          TEST(integers_widen_when_every_value_fits))
