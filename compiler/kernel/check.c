/*
 * Run-time checks. Each is a compare and a branch that is marked unlikely; the cold side hands the
 * site (a constant with the place and the text) and the values to wk_fail and returns its status.
 */
#include "generator.h"

#include <stdarg.h>
#include <string.h>

#include "check/messages.h"

/* ---- Places ------------------------------------------------------------------------------- */

struct line_table *generator_lines(struct generator *g, const struct source *source)
{
    for (size_t i = 0; i < g->lines.count; i++) {
        if (g->lines.items[i].source == source)
            return &g->lines.items[i];
    }
    vector_push(&g->lines, (struct line_table){.source = source});
    struct line_table *table = &vector_last(&g->lines);
    vector_push(&table->begins, 0);
    for (size_t i = 0; i < source->length; i++) {
        if (source->text[i] == '\n')
            vector_push(&table->begins, (uint32_t)i + 1);
    }
    return table;
}

/* As span_place, by bisection: code generation asks for a place at nearly every node. */
struct place generator_place(struct generator *g, struct span span)
{
    if (!span.source)
        return (struct place){0};
    const struct line_table *table = generator_lines(g, span.source);
    size_t low = 0, high = table->begins.count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (table->begins.items[middle] <= span.begin)
            low = middle;
        else
            high = middle;
    }
    uint32_t line_end =
        high < table->begins.count ? table->begins.items[high] - 1 : (uint32_t)span.source->length;
    uint32_t end = span.end < line_end ? span.end : line_end;
    return (struct place){.file = g->options->portable ? source_portable_name(span.source)
                                                       : span.source->name,
                          .line = (uint32_t)low + 1,
                          .column = span.begin - table->begins.items[low] + 1,
                          .length = end > span.begin ? end - span.begin : 1};
}

/* ---- Constants ---------------------------------------------------------------------------- */

LLVMValueRef private_constant(struct generator *g, LLVMValueRef value, const char *name)
{
    LLVMValueRef global = LLVMAddGlobal(g->module, LLVMTypeOf(value), name);
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
    LLVMSetLinkage(global, LLVMPrivateLinkage);
    LLVMSetUnnamedAddress(global, LLVMGlobalUnnamedAddr);
    return global;
}

LLVMValueRef constant_text_value(struct generator *g, const char *text)
{
    for (size_t i = 0; i < g->texts.count; i++) {
        if (strcmp(g->texts.items[i].text, text) == 0)
            return g->texts.items[i].value;
    }
    LLVMValueRef string = LLVMConstStringInContext2(g->context, text, strlen(text), false);
    LLVMValueRef value = private_constant(g, string, "text");
    vector_push(&g->texts, (struct constant_text){text, value});
    return value;
}

LLVMValueRef constant_bytes_value(struct generator *g, const char *bytes, uint64_t length)
{
    return private_constant(g, LLVMConstStringInContext2(g->context, bytes, (size_t)length, true),
                            "bytes");
}

LLVMValueRef site_constant(struct generator *g, enum error_code code, struct span span,
                           const char *format, const char *types)
{
    struct place place = generator_place(g, span);
    LLVMValueRef fields[] = {
        LLVMConstInt(g->i32, code, false),
        LLVMConstInt(g->i32, place.line, false),
        LLVMConstInt(g->i32, place.column, false),
        LLVMConstInt(g->i32, place.length, false),
        constant_text_value(g, place.file ? place.file : ""),
        constant_text_value(g, format),
        constant_text_value(g, types),
    };
    return private_constant(g, LLVMConstNamedStruct(g->site, fields, 7), "site");
}

LLVMValueRef place_constant(struct generator *g, struct span span)
{
    return site_constant(g, ERR_none, span, "", "");
}

/* ---- Failing ------------------------------------------------------------------------------ */

static LLVMValueRef cold_function(struct generator *g, const char *name, LLVMTypeRef result,
                                  LLVMTypeRef *type)
{
    LLVMTypeRef parameters[] = {g->pointer, g->pointer, g->pointer};
    *type = LLVMFunctionType(result, parameters, 3, false);
    LLVMValueRef function = LLVMGetNamedFunction(g->module, name);
    if (function)
        return function;
    function = LLVMAddFunction(g->module, name, *type);
    attribute_add(g, function, FUNCTION_INDEX, "cold", 0);
    return function;
}

static LLVMValueRef call_with_values(struct generator *g, const char *name, LLVMTypeRef result,
                                     LLVMValueRef worker, LLVMValueRef site, LLVMValueRef *words,
                                     uint32_t count, LLVMValueRef storage)
{
    for (uint32_t i = 0; i < count; i++) {
        LLVMValueRef index = constant_i64(g, i);
        LLVMBuildStore(g->builder, words[i],
                       LLVMBuildInBoundsGEP2(g->builder, g->i64, storage, &index, 1, ""));
    }
    LLVMTypeRef type;
    LLVMValueRef function = cold_function(g, name, result, &type);
    LLVMValueRef arguments[] = {worker, site, storage};
    return LLVMBuildCall2(g->builder, type, function, arguments, 3, "");
}

/* i32 fail(context, site, word, …): keeps the array of words out of the frames of hot functions. */
static void fail_define(struct generator *g, uint32_t count)
{
    LLVMTypeRef parameters[2 + FAIL_VALUES_DIRECT] = {g->pointer, g->pointer};
    for (uint32_t i = 0; i < count; i++)
        parameters[2 + i] = g->i64;
    g->fail_types[count] = LLVMFunctionType(g->i32, parameters, 2 + count, false);
    LLVMValueRef function = LLVMAddFunction(g->module, "fail", g->fail_types[count]);
    g->fail_functions[count] = function;
    LLVMSetLinkage(function, LLVMInternalLinkage);
    attribute_add(g, function, FUNCTION_INDEX, "cold", 0);
    attribute_add(g, function, FUNCTION_INDEX, "noinline", 0);
    LLVMBasicBlockRef here = LLVMGetInsertBlock(g->builder);
    LLVMMetadataRef location = LLVMGetCurrentDebugLocation2(g->builder);
    LLVMSetCurrentDebugLocation2(g->builder, NULL);
    LLVMPositionBuilderAtEnd(g->builder, LLVMAppendBasicBlockInContext(g->context, function, ""));
    LLVMValueRef words[FAIL_VALUES_DIRECT];
    for (uint32_t i = 0; i < count; i++)
        words[i] = LLVMGetParam(function, 2 + i);
    LLVMTypeRef storage = LLVMArrayType2(g->i64, count ? count : 1);
    LLVMValueRef status =
        call_with_values(g, "wk_fail", g->i32, LLVMGetParam(function, 0), LLVMGetParam(function, 1),
                         words, count, LLVMBuildAlloca(g->builder, storage, ""));
    LLVMBuildRet(g->builder, status);
    LLVMPositionBuilderAtEnd(g->builder, here);
    LLVMSetCurrentDebugLocation2(g->builder, location);
}

/* A kernel returns the status alone, other functions beside their result. */
static void return_status(struct generator *g, LLVMValueRef status)
{
    if (g->result_type == g->i32) {
        LLVMBuildRet(g->builder, status);
        return;
    }
    LLVMValueRef result = LLVMGetPoison(g->result_type);
    LLVMBuildRet(g->builder, LLVMBuildInsertValue(g->builder, result, status, 0, ""));
}

void fail_always(struct generator *g, enum error_code code, struct span span, const char *format,
                 const char *types, const LLVMValueRef *words, uint32_t count)
{
    LLVMValueRef site = site_constant(g, code, span, format, types);
    LLVMValueRef arguments[2 + FAIL_VALUES_DIRECT] = {g->worker, site};
    if (count > FAIL_VALUES_DIRECT) {
        LLVMValueRef storage = entry_alloca(g, LLVMArrayType2(g->i64, count), "");
        LLVMValueRef *copies = arena_copy(&g->arena, words, count * sizeof *words);
        return_status(
            g, call_with_values(g, "wk_fail", g->i32, g->worker, site, copies, count, storage));
        return;
    }
    if (!g->fail_functions[count])
        fail_define(g, count);
    for (uint32_t i = 0; i < count; i++)
        arguments[2 + i] = words[i];
    return_status(g, LLVMBuildCall2(g->builder, g->fail_types[count], g->fail_functions[count],
                                    arguments, 2 + count, ""));
}

void log_line(struct generator *g, struct span span, const char *format, const char *types,
              const LLVMValueRef *words, uint32_t count)
{
    LLVMValueRef storage = entry_alloca(g, LLVMArrayType2(g->i64, count ? count : 1), "");
    LLVMValueRef *copies = arena_copy(&g->arena, words, count * sizeof *words);
    LLVMValueRef site = site_constant(g, ERR_none, span, format, types);
    call_with_values(g, "wk_log_line", g->nothing, g->worker, site, copies, count, storage);
}

void note_failure(struct generator *g, struct span span, const char *format, const char *types,
                  const LLVMValueRef *words, uint32_t count)
{
    LLVMValueRef storage = entry_alloca(g, LLVMArrayType2(g->i64, count ? count : 1), "");
    LLVMValueRef *copies = arena_copy(&g->arena, words, count * sizeof *words);
    LLVMValueRef site = site_constant(g, ERR_none, span, format, types);
    call_with_values(g, "wk_failed_in", g->nothing, g->worker, site, copies, count, storage);
}

/* ---- Checking ----------------------------------------------------------------------------- */

struct fail_values fail_none(void)
{
    return (struct fail_values){.types = ""};
}

struct fail_values fail_i64(struct generator *g, uint32_t count, ...)
{
    static const char types[] = "iiiiiiii";
    struct fail_values values = {.types = types + (sizeof types - 1 - count), .count = count};
    (void)g;
    va_list list;
    va_start(list, count);
    for (uint32_t i = 0; i < count; i++)
        values.words[i] = va_arg(list, LLVMValueRef);
    va_end(list);
    return values;
}

void branch_likely(struct generator *g, LLVMValueRef condition, LLVMBasicBlockRef likely,
                   LLVMBasicBlockRef unlikely)
{
    LLVMValueRef branch = LLVMBuildCondBr(g->builder, condition, likely, unlikely);
    LLVMSetMetadata(branch, g->likely_kind, LLVMMetadataAsValue(g->context, g->likely));
}

static bool is_true(LLVMValueRef condition)
{
    return LLVMIsConstant(condition) && LLVMIsAConstantInt(condition) &&
           LLVMConstIntGetZExtValue(condition) == 1;
}

void check(struct generator *g, LLVMValueRef condition, enum error_code code, struct span span,
           const char *format, struct fail_values values)
{
    if (is_true(condition))
        return;
    LLVMBasicBlockRef good = block_new(g, "ok"), bad = block_new(g, "fail");
    branch_likely(g, condition, good, bad);
    block_enter(g, bad);
    fail_always(g, code, span, format, values.types, values.words, values.count);
    block_enter(g, good);
}

void check_status(struct generator *g, LLVMValueRef status)
{
    LLVMBasicBlockRef good = block_new(g, "ok"), bad = block_new(g, "fail");
    LLVMValueRef zero = LLVMConstInt(g->i32, 0, false);
    branch_likely(g, LLVMBuildICmp(g->builder, LLVMIntEQ, status, zero, ""), good, bad);
    block_enter(g, bad);
    return_status(g, status);
    block_enter(g, good);
}

void check_extents_agree(struct generator *g, const LLVMValueRef *left, const LLVMValueRef *right,
                         uint32_t rank, struct span span)
{
    for (uint32_t i = 0; i < rank; i++) {
        if (left[i] == right[i])
            continue;
        LLVMValueRef equal = LLVMBuildICmp(g->builder, LLVMIntEQ, left[i], right[i], "");
        check(g, equal, ERR_shape_mismatch, span, MESSAGE_EXTENT,
              fail_i64(g, 3, constant_i64(g, i), left[i], right[i]));
    }
}

/* A volatile load is not hoisted out of loops and, unlike an atomic one, orders no other access. */
void check_stop(struct generator *g)
{
    LLVMValueRef flag = LLVMBuildLoad2(g->builder, g->i32, g->stop, "");
    LLVMSetVolatile(flag, true);
    LLVMBasicBlockRef good = block_new(g, "go"), bad = block_new(g, "stop");
    LLVMValueRef zero = LLVMConstInt(g->i32, 0, false);
    branch_likely(g, LLVMBuildICmp(g->builder, LLVMIntEQ, flag, zero, ""), good, bad);
    block_enter(g, bad);
    LLVMTypeRef parameters[] = {g->pointer};
    LLVMTypeRef type = LLVMFunctionType(g->i32, parameters, 1, false);
    LLVMValueRef function = LLVMGetNamedFunction(g->module, "wk_stopped");
    if (!function) {
        function = LLVMAddFunction(g->module, "wk_stopped", type);
        attribute_add(g, function, FUNCTION_INDEX, "cold", 0);
    }
    return_status(g, LLVMBuildCall2(g->builder, type, function, &g->worker, 1, ""));
    block_enter(g, good);
}
