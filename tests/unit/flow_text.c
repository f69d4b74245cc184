/* The text form of flow IR: print, read, print is the identity; mistakes have their place. */
#include <stdlib.h>

#include "flow/build.h"
#include "test.h"

static struct arena arena;
static struct type_table types;

static void begin(void)
{
    arena_init(&arena);
    type_table_init(&types, &arena);
}

static void end(void)
{
    type_table_release(&types);
    arena_release(&arena);
}

static void reads_back(const char *text)
{
    struct error error = {0};
    struct ir_module *module = ir_parse(text, strlen(text), "test.flow", &arena, &types, &error);
    CHECK_TEXT(module ? "" : error.message, "");
    if (!module)
        return;
    struct buffer first = {0};
    ir_print(module, &first);
    CHECK_TEXT(buffer_text(&first), text);
    buffer_release(&first);
}

/* Every instruction, every kind of type, attribute and annotation. */
static const char every_instruction[] =
    "module \"every.wk\"\n"
    "\n"
    "kernel @partial \"partial\" (i: i64, width: i64) -> f64 fallback=@none !5..12\n"
    "kernel @none \"partial\" (i: i64, width: i64) -> f64\n"
    "kernel @op.add.f64 \"+\" (a: f64, b: f64) -> f64 retries=3 timeout=5 memory=6 cost=7 "
    "together=1\n"
    "kernel @pack \"pack\" (x: (f64, i64)[_], y: f64[_][_, _]) -> (q: f64[_, _], r: ())\n"
    "parameter n: i64 = @main.default1 !20..30\n"
    "parameter a: f64[_, _]\n"
    "entry @main -> f64\n"
    "\n"
    "flow @main \"main\" -> (?f64) !1..9 {\n"
    "b0(%0: i64, %1: ?f64[+, +]):\n"
    "    %2: i64 = constant -9223372036854775808 !3..4\n"
    "    %3: f64 = constant 0.1\n"
    "    %4: f64 = constant 1e+300\n"
    "    %5: f64 = constant 3.0\n"
    "    %6: f64 = constant 0x7ff8000000000000\n"
    "    %7: f32 = constant 0.1\n"
    "    %8: bool = constant 1\n"
    "    %9: () = constant 0\n"
    "    %10: u64 = constant 18446744073709551615\n"
    "    %11: i64 = add %0, %2\n"
    "    %12: f64 = fma %3, %4, %5\n"
    "    %13: f64 = convert %0\n"
    "    %14: i64 = count %0, %2, %0\n"
    "    %15: i64 = count.inclusive %0, %2, %0\n"
    "    %16: {2}f64 = structure %0, %0, %3, %3\n"
    "    %17: {1}f64 = fill %3, %0\n"
    "    %18: {1}i64 = range %0, %0, %2\n"
    "    %19: f64 = get %16, %0, %0\n"
    "    %20: {2}f64 = set %16, %0, %0, %3\n"
    "    %21: {1}f64 = slice.ir %16, %0, %0, %0\n"
    "    %22: {2}f64 = set_slice.ir %16, %0, %0, %0, %21\n"
    "    %23: {1}f64 = concat %21, %17\n"
    "    %24: {1}{1}f64 = fill %23, %0\n"
    "    %25: {1}f64 = concat_all %24\n"
    "    %26: {1}f64 = flatten %22\n"
    "    %27: {2}f64 = transpose %22\n"
    "    %28: i64 = extent.1 %27\n"
    "    %29: ?f64[+] = view.ri %1, %0, %0, %0\n"
    "    %30: {1}?f64[+] = elements %1\n"
    "    %31: {2}?f64[+, +] = tiles %1, %0, %0\n"
    "    %32: ?f64[+] = lift %17\n"
    "    %33: ?f64 = call @partial %0, %0\n"
    "    %34: ?f64 = call @op.add.f64 %33, %33 retries=0 cost=9 !4..8\n"
    "    %35: ?f64[-, +], %36: ?() = call @pack %30, %17, %31, %0\n"
    "    %37: i64 = apply @main.default1\n"
    "    %38: {1}?f64 = each.1 @main.each1 %0, %33\n"
    "    %39: {1}?f64 = each.1.filtered @main.filter1 %0, %33\n"
    "    %40: ?f64 = reduce @main.reduce1 %0, %0, %38\n"
    "    %41: ?f64 = reduce.initial @main.reduce1 %0, %0, %38, %40\n"
    "    check shape_mismatch \"n is {}, not \\\"{}\\\"\\n\" \"iu\" %8, %0, %10 !7..8\n"
    "    branch %8 b1(%41, %0) b2()\n"
    "b1(%42: ?f64, %43: i64):\n"
    "    return %42\n"
    "b2():\n"
    "    jump b3(%0)\n"
    "b3(%44: i64):\n"
    "    fail \"no {}\" \"i\" %44\n"
    "}\n"
    "\n"
    "function @main.default1 \"main\" -> (i64) {\n"
    "b0():\n"
    "    %0: i64 = constant 1024\n"
    "    return %0\n"
    "}\n"
    "\n"
    "function @main.each1 \"main\" -> (?f64) {\n"
    "b0(%0: i64, %1: ?f64):\n"
    "    return %1\n"
    "}\n"
    "\n"
    "function @main.filter1 \"main\" -> (bool, ?f64) {\n"
    "b0(%0: i64, %1: ?f64):\n"
    "    %2: bool = constant 1\n"
    "    return %2, %1\n"
    "}\n"
    "\n"
    "function @main.reduce1 \"main\" -> (?f64) {\n"
    "b0(%0: ?f64, %1: ?f64):\n"
    "    %2: ?f64 = call @op.add.f64 %0, %1\n"
    "    return %2\n"
    "}\n"
    "\n"
    "function @main.texts \"main\" -> (?str, ?u8[+]) {\n"
    "b0(%0: str, %1: file):\n"
    "    %2: str = constant \"a\\n\\u0000\\\"ä\"\n"
    "    %3: str = text_concat %0, %2, %0\n"
    "    %4: i64 = text_length %3\n"
    "    %5: i64 = text_compare %3, %0\n"
    "    %6: str = text_print %5\n"
    "    %7: str = text_slice %6, %4, %5\n"
    "    %8: ?str = lift %7\n"
    "    %9: ?u8[+] = contents %1\n"
    "    %10: {1}str = fill %7, %4\n"
    "    %11: {1}i64 = range %4, %4, %5\n"
    "    %12: i64 = find %11, %10, %4, %7\n"
    "    %13: bool = eq %12, %4\n"
    "    check missing_key \"({}, {})\" \"iq\" %13, %12, %7\n"
    "    return %8, %9\n"
    "}\n";

static void every_instruction_reads_back(void)
{
    begin();
    reads_back(every_instruction);
    end();
}

static void every_instruction_is_covered(void)
{
    for (int opcode = 0; opcode < IR_OPCODE_COUNT; opcode++)
        if (opcode != IR_OPERATION)
            CHECK(strstr(every_instruction, ir_mnemonic((enum ir_opcode)opcode)) != NULL);
}

/* The text with one piece replaced must be refused with this message at this line. */
static void refuses(const char *old, const char *new, const char *message, uint32_t line)
{
    begin();
    const char *at = strstr(every_instruction, old);
    CHECK(at != NULL);
    if (at) {
        struct buffer text = {0};
        buffer_append(&text, every_instruction, (size_t)(at - every_instruction));
        buffer_puts(&text, new);
        buffer_puts(&text, at + strlen(old));
        struct error error = {0};
        CHECK(!ir_parse(text.data, text.length, "test.flow", &arena, &types, &error));
        CHECK_TEXT(error.message, message);
        CHECK_INT(error.code, ERR_bad_flow_ir);
        CHECK_INT(error.place.line, line);
        buffer_release(&text);
    }
    end();
}

static void mistakes_have_their_place(void)
{
    refuses("module", "modul", "expected module", 1);
    refuses("%3: f64 = constant", "%4: f64 = constant",
            "values must be numbered in the order of the text", 14);
    refuses("b2():", "b3():", "blocks must be numbered in the order of the text", 56);
    refuses("constant 0.1", "constant zero", "expected a constant of the result's type", 14);
    refuses("= add %0", "= plus %0", "no instruction of this name", 22);
    refuses("slice.ir %16", "slice.i %16", "a slice needs a letter for each dimension", 60);
    refuses("view.ri", "view.x", "expected i or r for each dimension", 40);
    refuses("call @partial", "call @partia", "no kernel of this name", 44);
    refuses("each.1 @main.each1", "each.1 @main.each2", "no function of this name", 48);
    refuses("check shape_mismatch", "check mismatch", "no error of this name", 52);
    refuses("%18: {1}i64", "%18: {13}i64", "a structure with an impossible rank", 29);
    refuses("%18: {1}i64", "%18: {1}int", "expected a type", 29);
    refuses("\"no {}\"", "\"no {}\\q\"", "this escape is not understood", 59);
    refuses("\"no {}\"", "\"no {}", "expected \"", 59);
    refuses("flow @main ", "flow @main.each1 ", "two functions of this name", 68);
    refuses("kernel @pack", "kernel @partial", "two kernels of this name", 6);
    refuses("entry @main -> f64\n", "", "the module has no entry", 101);
    refuses("return %42", "return %45", "the function uses a value that it does not define", 60);
    refuses("jump b3", "jump b4", "the function goes to a block that it does not have", 60);
    refuses("%0: i64, %1: ?f64[+, +]", "%99999999999: i64", "the number is too large", 12);
}

TEST_MAIN(TEST(every_instruction_reads_back), TEST(every_instruction_is_covered),
          TEST(mistakes_have_their_place))
