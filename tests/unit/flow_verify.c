/*
 * A test for each rule of spec/flow-ir.md: text with one mistake, and the message that names it.
 * The mistakes are small bodies of one function, or modules.
 */
#include <stdlib.h>

#include "flow/build.h"
#include "test.h"

/* Around a body: what it can call, and the values %0 to %10 that it can use. */
#define BEFORE                                                                                     \
    "module \"t.wk\"\n"                                                                            \
    "kernel @k \"k\" (i: i64, x: f64[_]) -> f64[_]\n"                                              \
    "kernel @p \"p\" (x: (f64, i64)[_], done: ()) -> ()\n"                                         \
    "parameter n: i64 = @one\n"                                                                    \
    "entry @main -> i64\n"                                                                         \
    "flow @main \"main\" -> (i64) {\n"                                                             \
    "b0(%0: i64):\n"                                                                               \
    "    return %0\n"                                                                              \
    "}\n"                                                                                          \
    "function @one \"main\" -> (i64) {\n"                                                          \
    "b0():\n"                                                                                      \
    "    %0: i64 = constant 1\n"                                                                   \
    "    return %0\n"                                                                              \
    "}\n"                                                                                          \
    "function @index \"main\" -> (i64) {\n"                                                        \
    "b0(%0: i64):\n"                                                                               \
    "    return %0\n"                                                                              \
    "}\n"                                                                                          \
    "function @keep \"main\" -> (bool, i64) {\n"                                                   \
    "b0(%0: i64):\n"                                                                               \
    "    %1: bool = constant 1\n"                                                                  \
    "    return %1, %0\n"                                                                          \
    "}\n"                                                                                          \
    "function @fold \"main\" -> (i64) {\n"                                                         \
    "b0(%0: i64, %1: i64):\n"                                                                      \
    "    %2: i64 = add %0, %1\n"                                                                   \
    "    return %2\n"                                                                              \
    "}\n"                                                                                          \
    "function @f \"f\" -> (i64) {\n"                                                               \
    "b0(%0: i64, %1: f64, %2: bool, %3: {1}i64, %4: {2}f64, %5: ?f64[+], %6: ?f64[+, +], "         \
    "%7: ?f64, %8: {1}{1}i64, %9: ?f64[-], %10: {1}?f64):\n"
#define AFTER                                                                                      \
    "    return %0\n"                                                                              \
    "}\n"

static void verify_text(const char *text, const char *message)
{
    struct arena arena;
    struct type_table types;
    struct error error = {0};
    arena_init(&arena);
    type_table_init(&types, &arena);
    struct ir_module *module = ir_parse(text, strlen(text), "t.flow", &arena, &types, &error);
    CHECK_TEXT(module ? "" : error.message, "");
    if (module) {
        int code = ir_verify(module, &error);
        CHECK_TEXT(code ? error.message : "", message);
        CHECK_INT(code, message[0] ? ERR_bad_flow_ir : 0);
    }
    type_table_release(&types);
    arena_release(&arena);
}

/* The body must be refused with this message; "" for none. */
static void body(const char *instructions, const char *message)
{
    struct buffer text = {0};
    buffer_printf(&text, "%s%s%s", BEFORE, instructions, AFTER);
    verify_text(text.data, message);
    buffer_release(&text);
}

/* The text above with `old` replaced. */
static void module_with(const char *old, const char *new, const char *message)
{
    static const char whole[] = BEFORE AFTER;
    const char *at = strstr(whole, old);
    CHECK(at != NULL);
    struct buffer text = {0};
    buffer_append(&text, whole, at ? (size_t)(at - whole) : 0);
    buffer_printf(&text, "%s%s", new, at ? at + strlen(old) : "");
    verify_text(text.data, message);
    buffer_release(&text);
}

static void what_is_right_passes(void)
{
    body("", "");
    body("    %11: ?i64[+] = lift %3\n"
         "    %12: i64 = constant 2\n"
         "    %13: {1}?f64 = structure %12, %7, %7\n"
         "    %14: ?f64[+] = call @k %0, %13, %12\n"
         "    %15: ?f64[-] = call @k %0, %5\n"
         "    %16: {1}?i64 = elements %11\n"
         "    %17: () = constant 0\n"
         "    %18: ?() = call @p %13, %16, %17\n"
         "    %19: i64 = reduce.initial @fold %0, %0, %3, %0\n"
         "    %20: {1}i64 = each.1.filtered @keep %0\n"
         "    jump b1(%14)\n"
         "b1(%21: ?f64[-]):\n",
         "");
}

static void modules(void)
{
    struct arena arena;
    struct type_table types;
    struct error error = {0};
    arena_init(&arena);
    type_table_init(&types, &arena);
    static const char text[] = BEFORE AFTER;
    struct ir_module *module = ir_parse(text, strlen(text), "t", &arena, &types, &error);
    CHECK(module != NULL);
    if (module) {
        module->functions[2]->name = "one";
        CHECK(ir_verify(module, &error) != 0);
        CHECK_TEXT(error.message, "F1: two functions are named @one");
        module->functions[2]->name = "index";
        module->functions[2]->blocks[0].first_parameter = 7;
        CHECK(ir_verify(module, &error) != 0);
        CHECK_TEXT(error.message, "F4: @index: the parameters of b0 are not numbered in order");
        module->functions[2]->blocks[0].first_parameter = 0;
        module->functions[3]->blocks[0].instructions[0]->first_result = 0;
        CHECK(ir_verify(module, &error) != 0);
        CHECK_TEXT(error.message, "F4: @keep: %0 is not numbered in order");
        module->functions[3]->blocks[0].instructions[0]->first_result = 1;
        module->functions[3]->blocks[0].instructions[1]->operands[0] = 9;
        CHECK(ir_verify(module, &error) != 0);
        CHECK_TEXT(error.message, "F4: @keep: return: operand 0 does not exist");
        module->functions[3]->blocks[0].instructions[1]->operands[0] = 1;
        module->functions[3]->blocks[0].instructions[0]->opcode = IR_OPCODE_COUNT;
        CHECK(ir_verify(module, &error) != 0);
        CHECK(strncmp(error.message, "F5: ", 4) == 0);
    }
    type_table_release(&types);
    arena_release(&arena);
    module_with("(i: i64, x: f64[_])", "(i: i64, x: (task(f64) -> f64)[_])",
                "F1: the kernel @k has a type without words");
}

static void types(void)
{
    module_with("%0: i64, %1: f64,", "%0: i64, %1: f64[_],", "F2: @f: %1 has an impossible type");
    module_with("%0: i64, %1: f64,", "%0: i64, %1: ?str,", "");
    module_with("%0: i64, %1: f64,", "%0: i64, %1: ?str[+],", "");
    module_with("%0: i64, %1: f64,", "%0: i64, %1: ?map[str](i64, str[_]),", "");
    module_with("%0: i64, %1: f64,", "%0: i64, %1: {2}?(f64, str)[+],", "");
    module_with("%0: i64, %1: f64,", "%0: i64, %1: ?P{a: i64[_]}[+],", "");
    module_with("%0: i64, %1: f64,", "%0: i64, %1: {1}file,", "");
    module_with("%0: i64, %1: f64,", "%0: i64, %1: {1}str,", "");
    module_with("%0: i64, %1: f64,", "%0: i64, %1: map[str]i64,",
                "F2: @f: %1 has an impossible type");
    module_with("%0: i64, %1: f64,", "%0: i64, %1: ?P{a: i64},",
                "F2: @f: %1 has an impossible type");
    module_with("%0: i64, %1: f64,", "%0: i64, %1: ?(task(f64) -> f64),",
                "F2: @f: %1 has an impossible type");
    module_with("%0: i64, %1: f64,", "%0: i64, %1: {1}(i64, i64),",
                "F2: @f: %1 has an impossible type");
    module_with("\"f\" -> (i64)", "\"f\" -> (?(i64, i64))",
                "F2: @f: result 0 has an impossible type");
}

static void blocks(void)
{
    body("    jump b1()\nb1():\n    jump b1()\nb2():\n", "F6: @f: a block cannot be reached");
    body("    return %0\n", "F3: @f: b0 does not end with its only terminator");
    body("b1():\n", "F3: @f: b0 does not end with its only terminator");
    body("    branch %2 b1() b2()\n"
         "b1():\n"
         "    %11: i64 = constant 1\n"
         "    jump b3()\n"
         "b2():\n"
         "    jump b3()\n"
         "b3():\n"
         "    %12: i64 = neg %11\n",
         "F7: @f: %12 = neg: %11 may not be defined yet");
    body("    %11: i64 = neg %12\n    %12: i64 = neg %11\n",
         "F7: @f: %11 = neg: %12 may not be defined yet");
    module_with("function @index \"main\" -> (i64) {\nb0(%0: i64):\n    return %0\n",
                "function @index \"main\" -> (i64) {\n", "F3: @index: the function has no blocks");
}

static void entries(void)
{
    module_with("entry @main", "entry @one", "F8: @one does not take the parameters of main");
    module_with("parameter n: i64", "parameter n: f64",
                "F8: @main does not take the parameters of main");
    module_with("parameter n: i64", "parameter n: (i64, i64)",
                "F8: @main does not take the parameters of main");
    module_with("parameter n: i64", "parameter n: (i64, map[str]file)",
                "F8: the parameter n has a type that no input has");
    module_with("entry @main -> i64", "entry @main -> f64",
                "F8: @main does not give the result of main");
    module_with("entry @main -> i64", "entry @main -> (task() -> ())[_]",
                "F8: the result has an impossible type");
    module_with("= @one", "= @index", "F9: @index does not give n from the parameters before it");
}

static void known_values(void)
{
    body("    %11: bool = constant 2\n", "F10: @f: %11 = constant: the word is none of the type");
    body("    %11: u8 = constant 256\n", "F10: @f: %11 = constant: the word is none of the type");
    body("    %11: i8 = constant 128\n", "F10: @f: %11 = constant: the word is none of the type");
    body("    %11: () = constant 1\n", "F10: @f: %11 = constant: the word is none of the type");
    body("    %11: ?i64 = constant 1\n", "F10: @f: %11 = constant: a constant is known");
    body("    %11: i64 = add %0\n", "F11: @f: %11 = add: has 1 operands, needs 2");
    body("    %11: i64 = add %0, %1\n", "F11: @f: %11 = add: the operands have different types");
    body("    %11: i64 = sqrt %0\n",
         "F11: @f: %11 = sqrt: the operation is not one of the operands' type");
    body("    %11: f64 = neg %7\n",
         "F11: @f: %11 = neg: the operation is not one of the operands' type");
    body("    %11: i64 = lt %0, %0\n", "F11: @f: %11 = lt: the result has the wrong type");
    body("    %11: f64 = convert %7\n", "F12: @f: %11 = convert: converts known scalars only");
    body("    %11: bool = convert %0\n", "F12: @f: %11 = convert: nothing converts to bool");
    body("    %11: i64 = count %0, %0\n", "F13: @f: %11 = count: has 2 operands, needs 3");
    body("    %11: i64 = count %0, %0, %1\n",
         "F13: @f: %11 = count: operand 2 must be a known i64");
    body("    %11: f64 = count %0, %0, %0\n", "F13: @f: %11 = count: the result is an i64");
}

static void known_strings(void)
{
    static const char s[] = "    %11: str = constant \"a\"\n";
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"    %12: str = text_concat %11, %11, %11\n    %13: i64 = text_compare %11, %12\n"
         "    %14: str = text_slice %12, %0, %13\n    %15: str = text_print %1\n"
         "    %16: i64 = text_length %15\n    %17: ?str = lift %15\n",
         ""},
        {"    %12: str = text_concat %11\n", "F41: @f: %12 = text_concat: has 1 operands, needs 2"},
        {"    %12: str = text_concat %11, %0\n",
         "F41: @f: %12 = text_concat: operand 1 must be a known str"},
        {"    %12: i64 = text_concat %11, %11\n",
         "F41: @f: %12 = text_concat: the result is a str"},
        {"    %12: str = text_compare %11, %11\n",
         "F41: @f: %12 = text_compare: the result is an i64"},
        {"    %12: str = text_slice %11, %0, %1\n",
         "F41: @f: %12 = text_slice: operand 2 must be a known i64"},
        {"    %12: str = text_print %11\n",
         "F41: @f: %12 = text_print: operand 0 is a known scalar"},
        {"    %12: i64 = text_length %0\n",
         "F41: @f: %12 = text_length: operand 0 must be a known str"},
        {"    %12: str = constant \"\xED\xA0\x80\"\n",
         "F10: @f: %12 = constant: the text is not UTF-8"},
        {"    %12: ?i64 = lift %11\n",
         "F29: @f: %12 = lift: the operand is a known value of the result's type"},
        {"    check shape_mismatch \"{}\" \"s\" %2, %11\n", ""},
        {"    check shape_mismatch \"{}\" \"i\" %2, %11\n",
         "F35: @f: check: operand 1 is not what the message says"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer text = {0};
        buffer_printf(&text, "%s%s", s, cases[i].text);
        body(buffer_text(&text), cases[i].message);
        buffer_release(&text);
    }
}

static void keys(void)
{
    static const char s[] = "    %11: str = constant \"a\"\n    %12: {1}str = fill %11, %0\n"
                            "    %13: {1}f64 = fill %1, %0\n    %14: {2}i64 = fill %0, %0, %0\n";
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"    %15: i64 = find %3, %0\n    %16: i64 = find %12, %3, %11, %0\n", ""},
        {"    check missing_key \"{}\" \"q\" %2, %11\n", ""},
        {"    check missing_key \"{}\" \"q\" %2, %0\n",
         "F35: @f: check: operand 1 is not what the message says"},
        {"    %15: i64 = find\n", "F42: @f: %15 = find: has 0 operands, needs 2"},
        {"    %15: i64 = find %3, %0, %0\n", "F42: @f: %15 = find: has 3 operands, needs 2"},
        {"    %15: i64 = find %0, %0\n",
         "F42: @f: %15 = find: operand 0 is a structure of rank 1 of integers or strings"},
        {"    %15: i64 = find %13, %1\n",
         "F42: @f: %15 = find: operand 0 is a structure of rank 1 of integers or strings"},
        {"    %15: i64 = find %14, %0\n",
         "F42: @f: %15 = find: operand 0 is a structure of rank 1 of integers or strings"},
        {"    %15: i64 = find %12, %3, %11, %1\n",
         "F42: @f: %15 = find: operand 3 has the wrong type"},
        {"    %15: f64 = find %3, %0\n", "F42: @f: %15 = find: the result is an i64"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer text = {0};
        buffer_printf(&text, "%s%s", s, cases[i].text);
        body(buffer_text(&text), cases[i].message);
        buffer_release(&text);
    }
}

static void structures(void)
{
    body("    %11: {1}i64 = structure %0, %0\n",
         "F14: @f: %11 = structure: the extents must be constants, and their product the elements' "
         "count");
    body("    %11: i64 = constant 1\n    %12: {1}i64 = structure %11, %1\n",
         "F14: @f: %12 = structure: an element has the wrong type");
    body("    %11: {2}i64 = structure %0\n",
         "F14: @f: %11 = structure: needs an extent for each dimension");
    body("    %11: i64 = structure %0\n", "F14: @f: %11 = structure: the result is a structure");
    body("    %11: {1}i64 = fill %1, %0\n", "F15: @f: %11 = fill: the element has the wrong type");
    body("    %11: {1}i64 = range %0, %0\n", "F16: @f: %11 = range: has 2 operands, needs 3");
    body("    %11: {1}f64 = range %0, %0, %0\n", "F16: @f: %11 = range: the result is {1}i64");
    body("    %11: f64 = get %4, %0\n", "F17: @f: %11 = get: has 2 operands, needs 3");
    body("    %11: f64 = get %4, %0, %1\n", "F17: @f: %11 = get: operand 2 must be a known i64");
    body("    %11: i64 = get %4, %0, %0\n", "F17: @f: %11 = get: the result has the wrong type");
    body("    %11: f64 = get %5, %0\n", "F17: @f: %11 = get: operand 0 must be a structure");
    body("    %11: {1}i64 = set %3, %0, %1\n",
         "F18: @f: %11 = set: the element has the wrong type");
    body("    %11: {1}f64 = set %3, %0, %1\n", "F18: @f: %11 = set: the result has the wrong type");
    body("    %11: {2}f64 = slice.ir %4, %0, %0, %0\n",
         "F19: @f: %11 = slice: the result's rank is the number of ranges");
    body("    %11: {1}f64 = slice.ir %4, %0, %0\n",
         "F19: @f: %11 = slice: has 3 operands, needs 4");
    body("    %11: {2}f64 = set_slice.ir %4, %0, %0, %0, %4\n",
         "F20: @f: %11 = set_slice: the last operand is a structure of the slice's rank");
    body("    %11: {2}f64 = set_slice.ir %4, %0, %0, %0, %3\n",
         "F20: @f: %11 = set_slice: an element has the wrong type");
    body("    %11: {1}i64 = concat %3, %4\n",
         "F21: @f: %11 = concat: operand 1 has the wrong type");
    body("    %11: {1}i64 = concat_all %3\n",
         "F22: @f: %11 = concat_all: operand 0 is a structure of rank 1 of structures");
    body("    %11: {1}f64 = concat_all %8\n",
         "F22: @f: %11 = concat_all: the result has the wrong type");
    body("    %11: {2}f64 = flatten %4\n", "F23: @f: %11 = flatten: the result has rank 1");
    body("    %11: {1}{1}i64 = flatten %8\n",
         "F23: @f: %11 = flatten: the result has the wrong type");
    body("    %11: {1}i64 = transpose %3\n", "F24: @f: %11 = transpose: operand 0 has rank 2");
    body("    %11: i64 = extent.1 %3\n",
         "F25: @f: %11 = extent: extent 1 of the operand is not known");
    body("    %11: i64 = extent.0 %9\n",
         "F25: @f: %11 = extent: extent 0 of the operand is not known");
    body("    %11: f64 = extent.0 %3\n", "F25: @f: %11 = extent: the result is an i64");
}

static void pending_values(void)
{
    body("    %11: ?f64 = view.i %9, %0\n",
         "F26: @f: %11 = view: operand 0 is a pending array of scalars of known extents");
    body("    %11: ?f64 = view.ir %6, %0, %0, %0\n",
         "F26: @f: %11 = view: the result is a pending piece of the array");
    body("    %11: {1}?f64 = elements %6\n",
         "F27: @f: %11 = elements: the result is a structure of rank 1 of elements or rows");
    body("    %11: {2}?f64[+, +] = tiles %5, %0, %0\n",
         "F28: @f: %11 = tiles: tiles are made of a matrix, as a structure of rank 2 of matrices");
    body("    %11: ?f64 = lift %0\n",
         "F29: @f: %11 = lift: the operand is a known value of the result's type");
    body("    %11: ?f64[+] = lift %10\n",
         "F29: @f: %11 = lift: the operand is a known value of the result's type");
    body("    %11: f64 = lift %1\n", "F29: @f: %11 = lift: the result is pending");
}

static void calls(void)
{
    body("    %11: ?f64[-] = call @k %0\n",
         "F30: @f: %11 = call: the operands do not fit the parameter x");
    body("    %11: ?f64[-] = call @k %1, %5\n",
         "F30: @f: %11 = call: the operands do not fit the parameter i");
    body("    %11: ?f64[-] = call @k %0, %4\n",
         "F30: @f: %11 = call: the operands do not fit the parameter x");
    body("    %11: ?() = call @p %10, %3, %0\n",
         "F30: @f: %11 = call: the operands do not fit the parameter x");
    body("    %11: ?f64[+] = call @k %0, %5\n",
         "F31: @f: %11 = call: has 0 operands behind the arguments, its results know 1 extents");
    body("    %11: ?f64[+] = call @k %0, %5, %1\n",
         "F31: @f: %11 = call: operand 2 must be a known i64");
    body("    %11: ?f64 = call @k %0, %5\n", "F31: @f: %11 = call: result 0 has the wrong type");
    body("    call @k %0, %5\n", "F31: @f: call: has 0 results, the kernel gives 1");
    body("    %11: ?i64[+] = lift %3\n"
         "    %12: {1}?i64 = elements %11\n"
         "    %13: () = constant 0\n"
         "    %14: ?() = call.shared @p %10, %12, %13\n",
         "F31: @f: %14 = call: is shared, and has an effect");
    body("    %11: i64 = apply @fold %0\n",
         "F32: @f: %11 = apply: the number of operands is not that of @fold's parameters");
    body("    %11: i64 = apply @fold %0, %1\n",
         "F32: @f: %11 = apply: an operand has the wrong type");
    body("    apply @fold %0, %0\n", "F32: @f: apply: the number of results is not that of @fold");
    body("    %11: f64 = apply @fold %0, %0\n",
         "F32: @f: %11 = apply: a result has the wrong type");
    body("    %11: {2}i64 = each.2 @index %0, %0\n",
         "F33: @f: %11 = each: needs an extent and a parameter for each dimension");
    body("    %11: {1}f64 = each.1 @index %0\n",
         "F33: @f: %11 = each: a result has the wrong type");
    body("    %11: {2}i64 = each.1 @index %0\n",
         "F33: @f: %11 = each: results are structures of the space's rank");
    body("    %11: {1}i64 = each.1.filtered @index %0\n",
         "F33: @f: %11 = each: @index says first whether to keep");
    body("    %11: {1}i64 = each.1 @one %0\n",
         "F33: @f: %11 = each: needs an extent and a parameter for each dimension");
    body("    %11: i64 = each.0 @one\n", "F33: @f: %11 = each: the rank is impossible");
    body("    %11: i64 = reduce @fold %0, %0, %4\n",
         "F34: @f: %11 = reduce: an element as accumulator has the wrong type");
    body("    %11: i64 = reduce @fold %0, %0\n",
         "F34: @f: %11 = reduce: the numbers of operands and results are not those of @fold");
    body("    %11: i64 = reduce.initial @fold %0, %0, %3, %1\n",
         "F34: @f: %11 = reduce: an initial value has the wrong type");
    body("    %11: i64 = reduce @fold %0, %1, %3\n",
         "F34: @f: %11 = reduce: operand 1 must be a known i64");
}

static void messages_and_control(void)
{
    body("    check shape_mismatch \"\" \"\" %0\n", "F35: @f: check: operand 0 is a known bool");
    body("    check shape_mismatch \"{}\" \"\" %2, %0\n",
         "F35: @f: check: the message's values are not the operands");
    body("    check shape_mismatch \"{}\" \"f\" %2, %0\n",
         "F35: @f: check: operand 1 is not what the message says");
    body("    check shape_mismatch \"{\" \"\" %2\n",
         "F35: @f: check: the message's values are not the operands");
    body("    jump b0()\nb1():\n", "F36: @f: jump: b0 cannot be a target");
    body("    jump b1()\nb1(%11: i64):\n", "F36: @f: jump: b1 takes 1 values, not 0");
    body("    jump b1(%1)\nb1(%11: i64):\n", "F36: @f: jump: an argument has the wrong type");
    body("    branch %0 b1() b1()\nb1():\n", "F37: @f: branch: operand 0 is a known bool");
    body("    branch %2 b1() b1(%0)\nb1():\n", "F37: @f: branch: b1 takes 0 values, not 1");
    body("    branch %2 b1() b2()\nb1():\n    return\nb2():\n",
         "F38: @f: return: the function has 1 results");
    body("    branch %2 b1() b2()\nb1():\n    return %1\nb2():\n",
         "F38: @f: return: a result has the wrong type");
    body("    branch %2 b1() b2()\nb1():\n    fail \"{}\" \"u\" %0\nb2():\n",
         "F39: @f: fail: operand 0 is not what the message says");
}

static void contents(void)
{
    body("    %11: ?u8[+] = contents %0\n", "F40: @f: %11 = contents: the operand is a known file");
    body("    %11: file = constant 0\n    %12: ?u8[+] = contents %11\n", "");
    body("    %11: file = constant 0\n    %12: ?u8[-] = contents %11\n",
         "F40: @f: %12 = contents: the result is bytes of a known extent");
    body("    %11: file = constant 0\n    %12: ?i8[+] = contents %11\n",
         "F40: @f: %12 = contents: the result is bytes of a known extent");
}

TEST_MAIN(TEST(what_is_right_passes), TEST(modules), TEST(types), TEST(blocks), TEST(entries),
          TEST(known_values), TEST(known_strings), TEST(keys), TEST(structures),
          TEST(pending_values), TEST(calls), TEST(messages_and_control), TEST(contents))
