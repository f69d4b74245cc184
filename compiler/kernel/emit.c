/*
 * The end of the pipeline: the target, LLVM's passes, and the output.
 */
#include "generator.h"

#include <string.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/Target.h>
#include <llvm-c/Transforms/PassBuilder.h>

/* The baselines of the numerics rulings: one for each architecture, the same everywhere. */
struct baseline {
    const char *prefix, *processor, *features;
};
static const struct baseline baselines[] = {
    {"x86_64", "x86-64-v3", ""},
    {"aarch64", "generic", "+v8.2a,+neon"},
};

static const char *keep_message(struct generator *g, char *message)
{
    const char *kept = arena_text(&g->arena, message, strlen(message));
    LLVMDisposeMessage(message);
    return kept;
}

static void initialize_targets(void)
{
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
}

static LLVMCodeGenOptLevel code_level(unsigned optimize)
{
    static const LLVMCodeGenOptLevel levels[] = {LLVMCodeGenLevelNone, LLVMCodeGenLevelLess,
                                                 LLVMCodeGenLevelAggressive};
    return levels[optimize > 2 ? 2 : optimize];
}

static const char *default_triple(struct generator *g)
{
    return g->options->target ? g->options->target : keep_message(g, LLVMGetDefaultTargetTriple());
}

const char *emit_prepare(struct generator *g)
{
    initialize_targets();
    const char *triple = default_triple(g);
    const struct baseline *baseline = NULL;
    for (size_t i = 0; i < sizeof baselines / sizeof *baselines; i++) {
        if (strncmp(triple, baselines[i].prefix, strlen(baselines[i].prefix)) == 0)
            baseline = &baselines[i];
    }
    if (!baseline)
        return arena_printf(&g->arena, "there is no code generator for %s", triple);
    LLVMTargetRef target;
    char *message = NULL;
    if (LLVMGetTargetFromTriple(triple, &target, &message))
        return keep_message(g, message);
    g->machine = LLVMCreateTargetMachine(target, triple, baseline->processor, baseline->features,
                                         code_level(g->options->optimize), LLVMRelocPIC,
                                         LLVMCodeModelDefault);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(g->machine);
    LLVMSetModuleDataLayout(g->module, layout);
    LLVMSetTarget(g->module, triple);
    LLVMDisposeTargetData(layout);
    return NULL;
}

static const char *run_passes(struct generator *g)
{
    static const char *const pipelines[] = {NULL, "default<O1>", "default<O3>"};
    const char *pipeline = pipelines[g->options->optimize > 2 ? 2 : g->options->optimize];
    if (!pipeline)
        return NULL;
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    bool vectorize = g->options->optimize >= 2;
    LLVMPassBuilderOptionsSetLoopVectorization(options, vectorize);
    LLVMPassBuilderOptionsSetSLPVectorization(options, vectorize);
    LLVMPassBuilderOptionsSetLoopInterleaving(options, vectorize);
    LLVMPassBuilderOptionsSetLoopUnrolling(options, vectorize);
    LLVMErrorRef error = LLVMRunPasses(g->module, pipeline, g->machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (!error)
        return NULL;
    char *message = LLVMGetErrorMessage(error);
    const char *kept = arena_text(&g->arena, message, strlen(message));
    LLVMDisposeErrorMessage(message);
    return kept;
}

static const char *append_machine_code(struct generator *g, LLVMCodeGenFileType type,
                                       struct buffer *output)
{
    LLVMMemoryBufferRef memory;
    char *message = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(g->machine, g->module, type, &message, &memory))
        return keep_message(g, message);
    buffer_append(output, LLVMGetBufferStart(memory), LLVMGetBufferSize(memory));
    LLVMDisposeMemoryBuffer(memory);
    return NULL;
}

const char *emit_output(struct generator *g, enum kernel_output form, struct buffer *output)
{
    char *message = NULL;
    if (LLVMVerifyModule(g->module, LLVMReturnStatusAction, &message))
        return keep_message(g, message);
    LLVMDisposeMessage(message);
    const char *problem = run_passes(g);
    if (problem)
        return problem;
    switch (form) {
    case KERNEL_OBJECT:
        return append_machine_code(g, LLVMObjectFile, output);
    case KERNEL_ASSEMBLY:
        return append_machine_code(g, LLVMAssemblyFile, output);
    case KERNEL_LLVM:
        break;
    }
    char *text = LLVMPrintModuleToString(g->module);
    buffer_puts(output, text);
    LLVMDisposeMessage(text);
    return NULL;
}
