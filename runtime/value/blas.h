/*
 * OpenBLAS: the one library of dense linear algebra, behind `@` and behind extern tasks (through
 * wk_linear_algebra of wk.h).
 *
 * Results must not depend on the machine or on what its environment presets. So the library is
 * opened here, when something first needs it, in an environment of its own: one thread, the core
 * type of the target's baseline (Haswell on x86-64, ARMV8 on arm64), and no other OPENBLAS_…
 * variable. It is the build with pthreads: OpenBLAS's serial build gives wrong products when two
 * threads call it. LAPACK's functions (dpotrf_, …) are in the same library.
 *
 * OpenBLAS has memory for a fixed number of simultaneous calls, 128 in Debian's build, and beyond
 * it damages its heap. So a task takes one of BLAS_PERMITS permits when it first asks for a
 * function, and gives it back when it ends (context_finish); tasks beyond that number wait for
 * theirs. A task that holds one never waits for another task, so all get their turn.
 */
#ifndef WKC_VALUE_BLAS_H
#define WKC_VALUE_BLAS_H

#include "base/error.h"
#include "value/context.h"

enum { BLAS_PERMITS = 64 };

/* The library's name in a bundle, where it is looked for before all others. */
#define BLAS_CARRIED_NAME "libwkc-openblas.so.0"

/* Opens the library if no one has yet. 0, or ERR_blas_missing (what to install), the same at each
 * call. Any thread may call it; the floating-point mode of the one that opens is undefined
 * afterwards. */
int blas_open(struct error *error);

/* A function by its Fortran symbol, "dgemm_", of an opened library; NULL if it has none of this
 * name. */
wk_function *blas_function(const char *symbol);

/* The core type that OpenBLAS runs as, of an opened library. */
const char *blas_core_type(void);

/* Gives a context's permit back; it must have one. */
void blas_leave(struct context *context);

#endif
