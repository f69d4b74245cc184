/*
 * Flow code that was damaged: whatever word is changed to whatever, loading refuses it or
 * elaboration ends in order. Run under sanitizers this shows that the verifier checks all that
 * execution relies on.
 */
#include "elaboration.h"
#include "graph/format.h"

/* Every kind of instruction, in a program that is elaborated from beginning to end. */
static const char program[] =
    "module \"all.wk\"\n"
    "kernel @leaf \"leaf\" (i: i64) -> f64\n"
    "kernel @make \"make\" (n: i64) -> f64[_, _]\n"
    "kernel @add \"add\" (a: f64, b: f64) -> f64\n"
    "kernel @sum \"sum\" (x: f64[_], k: i64[_], p: (f64, i64)[_], u: ()) -> f64\n"
    "kernel @pair \"pair\" () -> (f64, i64, ())\n"
    "parameter n: i64 = @default\n"
    "parameter a: f64[_, _]\n"
    "entry @main -> (f64, i64[_], f64[_])\n"
    "flow @main \"main\" -> (?f64, {1}i64, {1}?f64) {\n"
    "b0(%0: i64, %1: ?f64[+, +]):\n"
    "    %2: i64 = constant 0\n"
    "    %3: i64 = constant 1\n"
    "    %4: i64 = constant 2\n"
    "    %5: {1}?f64 = each.1 @leaf %0\n"
    "    %6: ?f64 = reduce @add %4, %3, %5\n"
    "    %7: {1}i64 = each.1.filtered @odd %0, %3\n"
    "    %8: {1}i64 = range %2, %0, %3\n"
    "    %9: {1}i64 = concat %7, %8\n"
    "    %10: {1}i64 = set %9, %2, %4\n"
    "    %11: {1}i64 = slice.r %10, %2, %4\n"
    "    %12: {1}i64 = set_slice.r %10, %2, %4, %11\n"
    "    %13: {1}{1}i64 = fill %12, %4\n"
    "    %14: {1}i64 = concat_all %13\n"
    "    %15: {1}i64 = flatten %13\n"
    "    %16: {2}i64 = structure %3, %4, %0, %0\n"
    "    %17: {2}i64 = transpose %16\n"
    "    %18: i64 = extent.1 %17\n"
    "    %19: i64 = extent.1 %1\n"
    "    %20: ?f64[+] = view.ri %1, %2, %3, %2\n"
    "    %21: {1}?f64[+] = elements %1\n"
    "    %22: {2}?f64[+, +] = tiles %1, %4, %3\n"
    "    %23: ?i64[+] = lift %14\n"
    "    %24: ?f64, %25: ?i64, %26: ?() = call @pair\n"
    "    %27: {1}?f64 = structure %4, %24, %6\n"
    "    %28: {1}?i64 = structure %4, %25, %25\n"
    "    %29: ?f64 = call @sum %20, %15, %27, %28, %26\n"
    "    %30: i64 = count.inclusive %2, %0, %3\n"
    "    %31: f64 = convert %30\n"
    "    %32: f64 = sqrt %31\n"
    "    %33: ?f64 = lift %32\n"
    "    %34: ?f64 = apply @twice %33, %18\n"
    "    %35: bool = lt %2, %30\n"
    "    check shape_mismatch \"{} {}\" \"if\" %35, %30, %32\n"
    "    %36: ?f64[+, -] = call @make %0, %0\n"
    "    %37: {1}?f64 = concat %5, %27\n"
    "    %38: str = constant \"a\"\n"
    "    %39: {1}str = fill %38, %30\n"
    "    %40: {1}i64 = fill %3, %30\n"
    "    %41: i64 = find %39, %40, %38, %3\n"
    "    check missing_key \"({}, {})\" \"qi\" %35, %38, %41\n"
    "    jump b1(%2, %29, %37)\n"
    "b1(%42: i64, %43: ?f64, %44: {1}?f64):\n"
    "    %45: bool = lt %42, %0\n"
    "    branch %45 b2() b3(%43)\n"
    "b2():\n"
    "    %46: ?f64 = get %44, %42\n"
    "    %47: ?f64 = call @add %46, %43\n"
    "    %48: {1}?f64 = set %44, %42, %47\n"
    "    %49: i64 = add %42, %3\n"
    "    jump b1(%49, %47, %48)\n"
    "b3(%50: ?f64):\n"
    "    %51: bool = eq %42, %42\n"
    "    branch %51 b4() b5()\n"
    "b4():\n"
    "    return %50, %14, %44\n"
    "b5():\n"
    "    fail \"no {}\" \"i\" %42\n"
    "}\n"
    "function @default \"main\" -> (i64) {\n"
    "b0():\n"
    "    %0: i64 = constant 5\n"
    "    return %0\n"
    "}\n"
    "function @leaf \"main\" -> (?f64) {\n"
    "b0(%0: i64):\n"
    "    %1: ?f64 = call.shared @leaf %0\n"
    "    return %1\n"
    "}\n"
    "function @odd \"main\" -> (bool, i64) {\n"
    "b0(%0: i64, %1: i64):\n"
    "    %2: i64 = and %0, %1\n"
    "    %3: bool = eq %2, %1\n"
    "    return %3, %0\n"
    "}\n"
    "function @add \"main\" -> (?f64) {\n"
    "b0(%0: ?f64, %1: ?f64):\n"
    "    %2: ?f64 = call @add %0, %1\n"
    "    return %2\n"
    "}\n"
    "flow @twice \"twice\" -> (?f64) {\n"
    "b0(%0: ?f64, %1: i64):\n"
    "    %2: ?f64 = call @add %0, %0\n"
    "    return %2\n"
    "}\n";

/* Loads and elaborates; true if both went well. */
static bool survives(const void *bytes, size_t length)
{
    struct error error = {0};
    struct dag dag;
    struct flow_code *code = flow_code_load(bytes, length, &error);
    if (!code)
        return false;
    uint32_t count = flow_parameter_count(code);
    struct flow_argument *arguments = calloc(count ? count : 1, sizeof *arguments);
    for (uint32_t i = 0; i < count; i++)
        arguments[i] = (struct flow_argument){
            .given = !flow_parameter(code, i).has_default, .word = 3, .extents = {4, 3}};
    struct elaborate_options options = {.max_tasks = 1000, .max_steps = 20000};
    int status = elaborate(code, arguments, &options, &dag, NULL, &error);
    if (!status)
        dag_release(&dag);
    flow_code_free(code);
    free(arguments);
    return status == 0;
}

static void every_word_can_be_damaged(void)
{
    struct buffer bytes = {0};
    struct error error;
    flow_code_free(load(program, &bytes, &error));
    CHECK(survives(bytes.data, bytes.length));
    static const uint32_t values[] = {
        0, 1, 2, 3, 5, 10, 0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 0x00FFFFFF, 0x01000000, 0x80000001};
    uint32_t refused = 0, tried = 0;
    char *copy = malloc(bytes.length);
    for (size_t at = 0; at < bytes.length; at += 4) {
        for (size_t i = 0; i < 2 * sizeof values / sizeof values[0]; i++) {
            uint32_t word;
            memcpy(copy, bytes.data, bytes.length);
            memcpy(&word, copy + at, 4);
            word = i % 2 ? word + values[i / 2] : values[i / 2];
            memcpy(copy + at, &word, 4);
            refused += !survives(copy, bytes.length);
            tried++;
        }
    }
    CHECK(refused > tried / 3);
    free(copy);
    buffer_release(&bytes);
}

static void every_length_is_refused_but_the_whole(void)
{
    struct buffer bytes = {0};
    struct error error;
    flow_code_free(load(program, &bytes, &error));
    for (size_t length = 0; length < bytes.length; length++) {
        char *copy = malloc(length ? length : 1); /* the sanitizer sees what is behind */
        memcpy(copy, bytes.data, length);
        CHECK(!survives(copy, length));
        free(copy);
    }
    char *unaligned = malloc(bytes.length + 1);
    memcpy(unaligned + 1, bytes.data, bytes.length);
    CHECK(survives(unaligned + 1, bytes.length));
    free(unaligned);
    buffer_release(&bytes);
}

/* The verifier of flow IR is not asked: this is what the loader must see by itself. */
static void calls_with_effects_are_not_shared(void)
{
    static const char shared[] = "module \"shared.wk\"\n"
                                 "kernel @note \"note\" (i: i64) -> ()\n"
                                 "entry @main -> ()\n"
                                 "flow @main \"main\" -> (?()) {\n"
                                 "b0():\n"
                                 "    %0: i64 = constant 0\n"
                                 "    %1: ?() = call.shared @note %0\n"
                                 "    return %1\n"
                                 "}\n";
    struct arena arena;
    struct type_table types;
    struct error error = {0};
    struct buffer bytes = {0};
    arena_init(&arena);
    type_table_init(&types, &arena);
    struct ir_module *module =
        ir_parse(shared, strlen(shared), "shared.flow", &arena, &types, &error);
    CHECK_TEXT(module ? "" : error.message, "");
    encode_module(module, &bytes);
    CHECK(flow_code_load(bytes.data, bytes.length, &error) == NULL);
    CHECK(strstr(error.message, "a shared call with the result ()"));
    buffer_release(&bytes);
    type_table_release(&types);
    arena_release(&arena);
}

TEST_MAIN(TEST(every_word_can_be_damaged), TEST(every_length_is_refused_but_the_whole),
          TEST(calls_with_effects_are_not_shared))
