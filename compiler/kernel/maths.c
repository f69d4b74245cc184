/*
 * Maths functions: opaque calls of wk_exp, wk_log, … in the runtime, without side effects. LLVM
 * knows nothing of what they compute, so it cannot replace them by functions that give other bits;
 * but the attribute at the call names the form for vectors, so loops that call them vectorize.
 */
#include "generator.h"

#include <string.h>

#include "base/memory.h"
#include "value/maths.h"

struct maths_function {
    enum operation operation;
    const char *name;
    uint32_t arity;
    bool vectorized;
};

static const struct maths_function functions[] = {
#define VECTORIZED true
#define SCALAR_ONLY false
#define MATHS(OPERATION, name, arity, vectorized, bound)                                           \
    {OPERATION_##OPERATION, #name, arity, vectorized},
#include "value/maths.def"
#undef MATHS
#undef VECTORIZED
#undef SCALAR_ONLY
};

/* NULL for operations that are instructions. */
static const struct maths_function *find_function(enum operation operation)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (functions[i].operation == operation)
            return &functions[i];
    return NULL;
}

bool operation_is_maths(enum operation operation)
{
    return find_function(operation);
}

static void set_pure(struct generator *g, LLVMValueRef function)
{
    static const char *const names[] = {"memory", "nounwind", "willreturn", "speculatable"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        attribute_add(g, function, FUNCTION_INDEX, names[i], 0);
}

static LLVMValueRef declare(struct generator *g, const char *name, LLVMTypeRef type)
{
    LLVMValueRef function = LLVMGetNamedFunction(g->module, name);
    if (!function) {
        function = LLVMAddFunction(g->module, name, type);
        set_pure(g, function);
    }
    return function;
}

static LLVMTypeRef function_type(LLVMTypeRef type, uint32_t arity)
{
    LLVMTypeRef parameters[2] = {type, type};
    return LLVMFunctionType(type, parameters, arity, false);
}

/* The form for vectors must be declared, and kept although nothing calls it yet. */
static void declare_vector_form(struct generator *g, const char *name, LLVMTypeRef type)
{
    if (LLVMGetNamedFunction(g->module, name))
        return;
    vector_push(&g->used, declare(g, name, type));
}

static void allow_vectors(struct generator *g, LLVMValueRef call, const char *name, bool single,
                          LLVMTypeRef scalar, uint32_t arity)
{
    unsigned lanes = single ? 8 : 4;
    const char *vector_name = arena_printf(&g->arena, "%s_x%u", name, lanes);
    declare_vector_form(g, vector_name, function_type(LLVMVectorType(scalar, lanes), arity));
    const char *text = arena_printf(&g->arena, "_ZGV_LLVM_N%u%s_%s(%s)", lanes,
                                    arity == 1 ? "v" : "vv", name, vector_name);
    static const char key[] = "vector-function-abi-variant";
    LLVMAttributeRef attribute =
        LLVMCreateStringAttribute(g->context, key, sizeof key - 1, text, (unsigned)strlen(text));
    LLVMAddCallSiteAttribute(call, (unsigned)LLVMAttributeFunctionIndex, attribute);
}

LLVMValueRef maths_emit(struct generator *g, enum operation operation, enum wk_scalar scalar,
                        LLVMValueRef *operands)
{
    const struct maths_function *f = find_function(operation);
    if (!f)
        bug("operation %d has no code", (int)operation);
    bool single = scalar == WK_F32;
    LLVMTypeRef type = scalar_type(g, scalar), signature = function_type(type, f->arity);
    const char *name = arena_printf(&g->arena, "wk_%s%s", f->name, single ? "f" : "");
    LLVMValueRef call =
        LLVMBuildCall2(g->builder, signature, declare(g, name, signature), operands, f->arity, "");
    /* The vector forms are those of x86-64; elsewhere calls stay scalar. */
    bool x86 = strncmp(LLVMGetTarget(g->module), "x86_64", 6) == 0;
    if (f->vectorized && MATHS_HAVE_VECTORS && x86)
        allow_vectors(g, call, name, single, type, f->arity);
    return call;
}
