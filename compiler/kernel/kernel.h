/*
 * Kernels: from the typed trees of tasks to native code.
 *
 * This header is all that the rest of the compiler sees of code generation. It needs no LLVM: the
 * implementation is libwkc-kernel.so, which compiler/link loads when something must be compiled,
 * and which takes whatever it uses of the runtime and the checker from the program that loads it.
 */
#ifndef WKC_KERNEL_KERNEL_H
#define WKC_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "check/typed.h"

/* The kernel of a task is the symbol KERNEL_PREFIX followed by the task's own symbol, so that a
 * task named `close` never stands for libc's. */
#define KERNEL_PREFIX "wk_task_"

struct kernel_options {
    unsigned optimize;  /* 0: no passes; 1: default<O1>; 2: default<O3> */
    bool debug;         /* line tables, functions and variables for gdb and perf */
    bool portable;      /* files have their portable names, and no folder */
    const char *target; /* "x86_64-linux-gnu", "aarch64-linux-gnu"; NULL: this machine's */
};

enum kernel_output {
    KERNEL_OBJECT,   /* a relocatable ELF object */
    KERNEL_LLVM,     /* LLVM IR, after the passes */
    KERNEL_ASSEMBLY, /* the target's assembly text */
};

/* Compiles tasks, and whatever tasks they call, as one module. Each of `tasks` gets an exported
 * symbol of type wk_kernel (wk.h). Appends to `output`. 0, or ERR_code_generator with *error
 * filled: the tree is checked, so nothing but a mistake in wkc or an end of memory fails. Not for
 * two threads at once. */
typedef int kernel_compile_function(struct typed_function *const *tasks, uint32_t task_count,
                                    const struct kernel_options *options, enum kernel_output form,
                                    struct buffer *output, struct error *error);

/* The one symbol of libwkc-kernel.so. */
#define KERNEL_ENTRY "kernel_compile"
__attribute__((visibility("default"))) kernel_compile_function kernel_compile;

#endif
