/*
 * Tasks written in C. The function of such a task hands its arguments as words to the C function,
 * between wk_foreign_enter and wk_foreign_leave, which checks what comes back; its result then goes
 * the way of any other task's, past the checks of the declared dimensions.
 */
#include "generator.h"

#include "check/messages.h"
#include "value/value.h"

static LLVMValueRef words_alloca(struct generator *g, uint32_t count)
{
    return entry_alloca(g, LLVMArrayType2(g->i64, count ? count : 1), "words");
}

/* The arguments as words, in the order of the parameters. */
static LLVMValueRef argument_words(struct generator *g)
{
    uint32_t count = 0, at = 0;
    for (uint32_t i = 0; i < g->function->parameter_count; i++)
        count += g->function->parameters[i]->type->word_count;
    LLVMValueRef words = words_alloca(g, count);
    for (uint32_t i = 0; i < g->function->parameter_count; i++) {
        const struct variable *parameter = g->function->parameters[i];
        struct value value = slot_load(g, &g->slots[parameter->index]);
        value_store_words(g, &value, words, at);
        at += parameter->type->word_count;
    }
    return words;
}

static LLVMValueRef external(struct generator *g, const char *name, LLVMTypeRef type)
{
    LLVMValueRef function = LLVMGetNamedFunction(g->module, name);
    if (function)
        return function;
    function = LLVMAddFunction(g->module, name, type);
    attribute_add(g, function, FUNCTION_INDEX, "nounwind", 0);
    return function;
}

static void enter(struct generator *g)
{
    LLVMTypeRef parameters[] = {g->pointer, g->pointer};
    LLVMTypeRef type = LLVMFunctionType(g->nothing, parameters, 2, false);
    LLVMValueRef site = site_constant(g, ERR_task_failed, g->function->span, g->function->name, "");
    LLVMValueRef arguments[] = {g->worker, site};
    LLVMBuildCall2(g->builder, type, external(g, "wk_foreign_enter", type), arguments, 2, "");
}

static LLVMValueRef call(struct generator *g, LLVMValueRef arguments, LLVMValueRef results)
{
    LLVMTypeRef parameters[] = {g->pointer, g->pointer, g->pointer};
    LLVMTypeRef type = LLVMFunctionType(g->i32, parameters, 3, false);
    LLVMValueRef operands[] = {g->worker, arguments, results};
    LLVMValueRef function = external(g, g->function->foreign->symbol, type);
    LLVMSetVisibility(function, LLVMHiddenVisibility);
    return LLVMBuildCall2(g->builder, type, function, operands, 3, "");
}

/* The parts of the result, as wk_foreign_leave wants them. */
static LLVMValueRef leaves_constant(struct generator *g, const struct type *result)
{
    LLVMValueRef *layouts = arena_array(&g->arena, LLVMValueRef, result->leaf_count + 1);
    for (uint32_t i = 0; i < result->leaf_count; i++)
        layouts[i] = layout_constant(g, type_leaf(result, i));
    return private_constant(g, LLVMConstArray2(g->pointer, layouts, result->leaf_count), "leaves");
}

static LLVMValueRef leave(struct generator *g, LLVMValueRef status, LLVMValueRef results)
{
    LLVMTypeRef parameters[] = {g->pointer, g->pointer, g->i32, g->i32, g->pointer};
    LLVMTypeRef type = LLVMFunctionType(g->i32, parameters, 5, false);
    const struct type *result = g->function->result;
    LLVMValueRef operands[] = {g->worker, leaves_constant(g, result),
                               LLVMConstInt(g->i32, result->leaf_count, false), status, results};
    return LLVMBuildCall2(g->builder, type, external(g, "wk_foreign_leave", type), operands, 5, "");
}

void foreign_define(struct generator *g)
{
    const struct type *result = g->function->result;
    LLVMValueRef arguments = argument_words(g);
    LLVMValueRef results = words_alloca(g, result->word_count);
    for (uint32_t i = 0; i < result->word_count; i++) {
        LLVMValueRef at = constant_i64(g, i), not_given = LLVMConstInt(g->i64, WK_NOT_GIVEN, false);
        LLVMBuildStore(g->builder, not_given,
                       LLVMBuildInBoundsGEP2(g->builder, g->i64, results, &at, 1, ""));
    }
    enter(g);
    check_status(g, leave(g, call(g, arguments, results), results));
    struct value value = value_mark_owned(value_load_words(g, result, results, 0));
    return_value(g, value, g->function->span);
}
