/*
 * Writing a bundle: what was compiled, and the runtime of its target (spec/bundle.md). The bytes
 * depend on the program, the options, this wkc and its runtimes, and on nothing else.
 */
#ifndef WKC_PACKAGE_WRITE_H
#define WKC_PACKAGE_WRITE_H

#include "base/buffer.h"
#include "base/error.h"
#include "check/typed.h"
#include "flow/ir.h"
#include "graph/code.h"

struct package_program {
    const char *target; /* "x86_64", … */
    const struct typed_program *typed;
    const struct ir_module *ir; /* its kernels are the tasks */
    const struct flow_code *code;
    const struct buffer *code_bytes;
    const struct buffer *kernels; /* kernels.so; empty when there are no tasks */
    uint32_t optimize;
};

/* Appends the bundle to `out`, which is empty. 0, ERR_runtime_missing or another error. */
int package_write(const struct package_program *program, struct buffer *out, struct error *error);

#endif
