/*
 * The whole of a compilation, from top to bottom: declare the kernels asked for, define every
 * function that one of them reaches, run LLVM, release everything.
 *
 * LLVM reports what it cannot do by a fatal error, after which nothing of it may be used. The
 * handler jumps back to kernel_compile, which reports it; LLVM's memory is then left as it is.
 */
#include "generator.h"

#include <setjmp.h>
#include <string.h>

#include <llvm-c/ErrorHandling.h>

#include "base/memory.h"

static jmp_buf fatal_return;
static char fatal_reason[512];

static void on_fatal_error(const char *reason)
{
    size_t length = strlen(reason);
    if (length >= sizeof fatal_reason)
        length = sizeof fatal_reason - 1;
    memcpy(fatal_reason, reason, length);
    fatal_reason[length] = '\0';
    longjmp(fatal_return, 1);
}

static void make_types(struct generator *g)
{
    g->i1 = LLVMInt1TypeInContext(g->context);
    g->i8 = LLVMInt8TypeInContext(g->context);
    g->i32 = LLVMInt32TypeInContext(g->context);
    g->i64 = LLVMInt64TypeInContext(g->context);
    g->f32 = LLVMFloatTypeInContext(g->context);
    g->f64 = LLVMDoubleTypeInContext(g->context);
    g->pointer = LLVMPointerTypeInContext(g->context, 0);
    g->nothing = LLVMVoidTypeInContext(g->context);
    LLVMTypeRef fields[] = {g->i32, g->i32, g->i32, g->i32, g->pointer, g->pointer, g->pointer};
    g->site = LLVMStructCreateNamed(g->context, "site");
    LLVMStructSetBody(g->site, fields, sizeof fields / sizeof *fields, false);
}

static void make_weights(struct generator *g)
{
    g->likely_kind = LLVMGetMDKindIDInContext(g->context, "prof", 4);
    LLVMMetadataRef weights[] = {
        LLVMMDStringInContext2(g->context, "branch_weights", strlen("branch_weights")),
        LLVMValueAsMetadata(LLVMConstInt(g->i32, 1u << 20, false)),
        LLVMValueAsMetadata(LLVMConstInt(g->i32, 1, false)),
    };
    g->likely = LLVMMDNodeInContext2(g->context, weights, 3);
}

static void generator_open(struct generator *g, const struct kernel_options *options)
{
    *g = (struct generator){.options = options};
    arena_init(&g->arena);
    g->context = LLVMContextCreate();
    g->module = LLVMModuleCreateWithNameInContext("kernels", g->context);
    g->builder = LLVMCreateBuilderInContext(g->context);
    make_types(g);
    make_weights(g);
}

static void generator_close(struct generator *g)
{
    for (size_t i = 0; i < g->lines.count; i++)
        vector_release(&g->lines.items[i].begins);
    vector_release(&g->lines);
    vector_release(&g->texts);
    vector_release(&g->drops);
    vector_release(&g->layouts);
    vector_release(&g->used);
    vector_release(&g->functions);
    vector_release(&g->calls);
    if (g->debug)
        LLVMDisposeDIBuilder(g->debug);
    if (g->machine)
        LLVMDisposeTargetMachine(g->machine);
    LLVMDisposeBuilder(g->builder);
    LLVMDisposeModule(g->module);
    LLVMContextDispose(g->context);
    arena_release(&g->arena);
}

/* Keeps the vector forms of maths functions, which nothing calls before loops are vectorized. */
static void keep_used(struct generator *g)
{
    if (g->used.count == 0)
        return;
    LLVMTypeRef type = LLVMArrayType2(g->pointer, g->used.count);
    LLVMValueRef list = LLVMAddGlobal(g->module, type, "llvm.compiler.used");
    LLVMSetInitializer(list, LLVMConstArray2(g->pointer, g->used.items, g->used.count));
    LLVMSetLinkage(list, LLVMAppendingLinkage);
    LLVMSetSection(list, "llvm.metadata");
}

static void generate(struct generator *g, struct typed_function *const *tasks, uint32_t count)
{
    debug_open(g, count ? tasks[0]->span.source : NULL);
    LLVMTypeRef type;
    for (uint32_t i = 0; i < count; i++)
        function_declare(g, tasks[i], &type);
    /* Definitions declare what they call, at the end of the list. */
    for (size_t i = 0; i < g->functions.count; i++)
        function_define(g, i);
    functions_spread_nans(g);
    for (uint32_t i = 0; i < count; i++)
        kernel_define(g, tasks[i]);
    debug_close(g);
    keep_used(g);
}

int kernel_compile(struct typed_function *const *tasks, uint32_t task_count,
                   const struct kernel_options *options, enum kernel_output form,
                   struct buffer *output, struct error *error)
{
    static bool handler_installed;
    if (!handler_installed)
        LLVMInstallFatalErrorHandler(on_fatal_error);
    handler_installed = true;
    if (setjmp(fatal_return))
        return error_set(error, ERR_code_generator, "LLVM failed: %s", fatal_reason);
    struct generator g;
    generator_open(&g, options);
    const char *problem = emit_prepare(&g);
    if (!problem) {
        generate(&g, tasks, task_count);
        problem = emit_output(&g, form, output);
    }
    int status =
        problem ? error_set(error, ERR_code_generator, "LLVM refused a module: %s", problem) : 0;
    generator_close(&g);
    return status;
}
